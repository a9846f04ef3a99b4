"""What receivers will find about the domain of our mail."""

from typing import Any

import pytest

from procurement.gateways.name_server import NameServers, named
from procurement.services.sender_domain import examine
from tests.name_server import answering

GOOD = {
    "alerts.ofe.org": ["v=spf1 include:mail.ofe.org -all", "some-site-verification=1"],
    "one._domainkey.alerts.ofe.org": ["v=DKIM1; k=rsa; p=MIGf MA0G"],
    "_dmarc.ofe.org": ["v=DMARC1; p=quarantine; rua=mailto:dmarc@ofe.org"],
}


@pytest.fixture(autouse=True)
def _sender(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL, settings.MAIL_BOUNCES_TO = "Longlead <longlead@alerts.ofe.org>", ""


def verdicts(texts: dict[str, list[str]], *selectors: str) -> dict[str, bool | None]:
    with answering(texts) as at:
        return {name: found.ok for name, found in examine(named(at), selectors=selectors or ("one",)).items()}


def test_a_domain_that_is_set_up_is_good() -> None:
    assert verdicts(GOOD) == {"spf": True, "dkim one": True, "dmarc": True, "alignment": True}


@pytest.mark.parametrize(
    ("name", "records", "wanting"),
    [
        ("alerts.ofe.org", [], "spf"),
        ("alerts.ofe.org", ["v=spf1 -all", "v=spf1 mx -all"], "spf"),
        ("alerts.ofe.org", ["v=spf1 +all"], "spf"),
        ("one._domainkey.alerts.ofe.org", [], "dkim one"),
        ("one._domainkey.alerts.ofe.org", ["v=DKIM1; p="], "dkim one"),
        ("_dmarc.ofe.org", [], "dmarc"),
        ("_dmarc.ofe.org", ["v=DMARC1; rua=mailto:dmarc@ofe.org"], "dmarc"),
        ("_dmarc.ofe.org", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "dmarc"),
    ],
)
def test_what_is_wanting_is_named(name: str, records: list[str], wanting: str) -> None:
    found = verdicts(GOOD | {name: records})

    assert [name for name, ok in found.items() if ok is False] == [wanting]


def test_each_selector_is_asked_for() -> None:
    assert verdicts(GOOD, "one", "two")["dkim two"] is False


def test_without_a_selector_or_a_name_server_nothing_is_known() -> None:
    with answering(GOOD) as at:
        assert examine(named(at), selectors=())["dkim"].ok is None
    assert examine(NameServers([]), selectors=("one",))["spf"].ok is None


def test_bounces_of_another_domain_are_not_aligned(settings: Any) -> None:
    settings.MAIL_BOUNCES_TO = "bounces@mail.example.net"

    assert verdicts(GOOD | {"mail.example.net": ["v=spf1 -all"]})["alignment"] is False


def test_bounces_of_a_name_below_are_aligned(settings: Any) -> None:
    settings.MAIL_BOUNCES_TO = "bounces@in.alerts.ofe.org"

    assert verdicts(GOOD | {"in.alerts.ofe.org": ["v=spf1 -all"]})["alignment"] is True


def test_a_domain_for_examples_is_not_asked_about(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "Longlead <alerts@longlead.example>"

    assert {name: found.ok for name, found in examine(NameServers([]), selectors=()).items()} == {"domain": None}
