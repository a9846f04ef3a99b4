import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from allauth.idp.oidc.models import Client as Registration
from django.core.management import CommandError, call_command

from procurement.services import api_keys
from sites.accounts.models import ApiClient, ApiKey
from sites.models import Site
from tests.factories.sites import SiteFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("make_api_key", *arguments, stdout=out)
    return out.getvalue()


def test_the_secret_is_printed_once_and_works() -> None:
    SiteFactory.create(code="SYD1")

    printed = run("--client", "ERP", "--system", "SAP-PRD", "--site", "SYD1", "--scopes", "po:read", "po:write")

    key = api_keys.authenticate(printed.strip(), "127.0.0.1", NOON)
    assert key is not None
    assert (key.scopes, key.client.system) == (["po:read", "po:write"], "SAP-PRD")
    assert [site.code for site in Site.objects.visible_to(key.client.account)] == ["SYD1"]


def test_a_second_call_makes_a_second_key_of_the_same_client() -> None:
    run("--client", "ERP", "--system", "SAP-PRD")
    shown = json.loads(run("--client", "ERP", "--days", "30", "--address", "203.0.113.0/24", "--json"))

    assert (ApiClient.objects.count(), ApiKey.objects.count()) == (1, 2)
    assert (shown["client"], shown["system"], shown["key"][:8]) == ("ERP", "SAP-PRD", "ll_live_")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--client", "ERP"], "system"),
        (["--client", "ERP", "--system", "SAP-PRD", "--site", "NOWHERE"], "site"),
        (["--client", "ERP", "--system", "SAP-PRD", "--scopes", "po:all"], "scopes"),
        (["--client", "ERP", "--system", "SAP-PRD", "--days", "0"], "days"),
    ],
)
def test_bad_input_names_its_field_and_makes_nothing(arguments: list[str], field: str) -> None:
    with pytest.raises(CommandError, match=f"^{field}: ") as refusal:
        run(*arguments)
    assert (refusal.value.returncode, ApiClient.objects.count()) == (2, 0)


def test_rights_of_a_client_are_not_widened_in_passing() -> None:
    run("--client", "ERP", "--system", "SAP-PRD")

    with pytest.raises(CommandError, match=r"^site: "):
        run("--client", "ERP", "--site", "SYD1")
    with pytest.raises(CommandError, match=r"^role: "):
        run("--client", "ERP", "--role", "administrator")
    with pytest.raises(CommandError, match=r"^system: "):
        run("--client", "ERP", "--system", "SAP-QAS")


def test_a_client_id_of_oauth_is_made_for_the_same_client() -> None:
    run("--client", "ERP", "--system", "SAP-PRD")

    shown = json.loads(run("--client", "ERP", "--oauth", "--scopes", "po:read", "--json"))

    registration = Registration.objects.get(pk=shown["client_id"])
    assert registration.check_secret(shown["client_secret"])
    assert (registration.owner, registration.get_scopes()) == (ApiClient.objects.get().account, ["po:read"])
