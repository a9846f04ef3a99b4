"""Somebody with rights at one of two sites learns of a shared agreement its name, its dates and their own share."""

import json
import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.test import Client

from procurement.models import Alert
from procurement.services import agreements, alerts
from procurement.vocabulary import Rule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import PowerPurchaseAgreement
from sites.readers import agreement_record
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import NOW, TODAY, Place, browser_of

pytestmark = pytest.mark.django_db

# What only those who see every site it supplies may know: the other site, its share, the whole, money and words.
SECRETS = (
    "TYO1", "Tokyo", "7.77", "19.77", "61.37", "88.41", "4321", "Lease of the hall", "Prolong the lease",
    "Bank of the Bay", "Side letter", "DOC-77", "Kurrajong Wind Holdings", "Rivulet", "173,185", "173185",
)  # fmt: skip


@dataclass(frozen=True)
class Shared:
    agreement: PowerPurchaseAgreement
    reader: User
    client: Client


@pytest.fixture
def shared(sydney: Place, tokyo: Place) -> Shared:
    energy = MembershipFactory.create(role=Role.ENERGY_LEAD).person
    record = agreement_record.of(
        {
            "code": "PPA-AU-77", "name": "Kurrajong", "state": "construction", "seller": "Kurrajong Wind",
            "buyer": "Halls Owner", "guarantor": "Kurrajong Wind Holdings", "country": "AU", "structure": "virtual",
            "volume_shape": "baseload", "contracted_mw": "19.77", "annual_mwh": "173185", "term_years": "10",
            "signed_on": "2026-05-01", "price": "61.37", "price_cap": "88.41", "currency": "AUD",
            "settlement_market": "NEM", "settlement_zone": "NSW1", "certificate": "rego_au", "metering": "Rivulet",
            "target_cod_on": "2026-12-01", "guaranteed_cod_on": "2026-12-20", "long_stop_on": "2027-06-01",
            "minimum_take_percent": "80",
            "shares": [{"site": "SYD1", "share_mw": "12"}, {"site": "TYO1", "share_mw": "7.77"}],
            "conditions": [{"number": 1, "text": "Lease of the hall", "due_on": "2026-11-25"}],
            "notices": [
                {"number": 1, "subject": "Prolong the lease", "served_to": "Kurrajong Wind", "days": 20,
                 "reference": "guaranteed_cod"}
            ],
            "credit_support": [
                {"given_by": "buyer", "form": "letter_of_credit", "issuer": "Bank of the Bay", "amount": "4321000",
                 "currency": "AUD", "expires_on": "2026-12-10"}
            ],
            "delay_damages": [
                {"direction": "receivable", "bands": [{"from_day": 1, "amount_per_mw_day": "4321"}]}
            ],
            "documents": [{"title": "Side letter", "reference": "DOC-77", "dated_on": "2026-06-01"}],
        }
    )  # fmt: skip
    saved = agreements.save(record, actor=energy, now=NOW)
    alerts.evaluate_power(as_of=TODAY, now=NOW)
    reader = MembershipFactory.create(role=Role.EXPEDITER, site=sydney.site).person
    return Shared(saved.agreement, reader, browser_of(reader))


def _told(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_no_page_tells_more_than_the_own_share(shared: Shared, sydney: Place) -> None:
    key = shared.agreement.pk
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    pages = (
        f"/power/agreements/{key}/",
        f"/power/agreements/{key}/record.json",
        "/power/",
        "/power/agreements/",
        "/power/grid/",
        f"/sites/{sydney.site.code}/power/?from_on=2026-10-01&until_on=2029-12-31",
        f"/sites/{sydney.site.code}/power/?from_on=2026-10-01&until_on=2029-12-31&known_on={yesterday}",
        f"/sites/{sydney.site.code}/",
        "/alerts/?shown=standing",
        *(f"/find/?q={word}" for word in ("Kurrajong", "Rivulet", "Lease", "Bank", "PPA-AU-77")),
    )

    told = {}
    for page in pages:
        answer = shared.client.get(page)
        assert answer.status_code == 200, page
        # What was searched for stands in its own box; a key may hold any four digits by chance.
        text = re.sub(
            r'value="[^"]*"|q=\w+|“[^”]*”|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', "", answer.content.decode()
        )
        told[page] = _told(text)

    assert told == {page: [] for page in pages}


def test_the_own_share_and_the_dates_do_show(shared: Shared) -> None:
    page = shared.client.get(f"/power/agreements/{shared.agreement.pk}/").content.decode()
    record = shared.client.get(f"/power/agreements/{shared.agreement.pk}/record.json").json()

    assert ("12 MW" in re.sub(r"<[^>]+>", "", page), "20 Dec 2026" in page) == (True, True)
    assert record["shares"] == [{"site": "SYD1", "share_mw": "12"}]
    assert record["guaranteed_cod_on"] == "2026-12-20"


def test_no_alert_and_so_no_mail_tells_more(shared: Shared, sydney: Place) -> None:
    rows = list(Alert.objects.visible_to(shared.reader).filter(site=sydney.site))

    # Condition, notice and credit support are near at both sites: told here, but not in the parties' words.
    assert sum(row.rule == Rule.CONTRACT_CLOCK for row in rows) >= 3
    written = [f"{row.subject_text} {json.dumps(row.facts)}" for row in rows]
    assert [_told(text) for text in written] == [[] for _ in written]
    for row in rows:
        assert _told(shared.client.get(f"/alerts/{row.pk}/").content.decode()) == []


def test_the_calendar_tells_the_dates_alone(shared: Shared) -> None:
    made = shared.client.post("/preferences/calendar/").content.decode()
    (address,) = set(re.findall(r"/calendar/[\w-]+\.ics", made))

    feed = Client().get(address).content.decode().replace("\r\n ", "")

    assert "PPA-AU-77" in feed
    assert _told(feed) == []


def test_an_agreement_of_the_other_site_alone_is_in_no_calendar_and_no_search(shared: Shared, tokyo: Place) -> None:
    made = shared.client.post("/preferences/calendar/").content.decode()
    (address,) = set(re.findall(r"/calendar/[\w-]+\.ics", made))
    hidden = tokyo.agreement.code

    assert hidden not in Client().get(address).content.decode()
    assert f"/power/agreements/{tokyo.agreement.pk}/" not in shared.client.get(f"/find/?q={hidden}").content.decode()


def test_notes_and_history_of_a_shared_agreement_are_for_those_who_see_all_of_it(shared: Shared) -> None:
    page = f"/notes/agreement/{shared.agreement.pk}/"
    energy = browser_of(MembershipFactory.create(role=Role.ENERGY_LEAD).person)
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER).person)

    assert shared.client.get(page).status_code == 404
    assert page not in shared.client.get(f"/power/agreements/{shared.agreement.pk}/").content.decode()
    assert page in energy.get(f"/power/agreements/{shared.agreement.pk}/").content.decode()
    assert "61.37" in energy.get(page).content.decode()
    told = viewer.get(page).content.decode()
    assert [word in told for word in ("61.37", "88.41", "4321", "Lease of the hall")] == [False, False, False, True]
