"""Receipts and shipment notices by hand, and taken back, on the page of a line."""

from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from procurement.models import Receipt, ShipmentNotice
from sites.accounts.permissions import Role
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import NOW, Place, browser_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def say(browser: Client, place: Place, what: str, form: dict[str, str]) -> Any:
    return browser.post(f"/lines/{place.line_key}/{what}/", form)


def receipt(place: Place, quantity: str = "1", **more: str) -> dict[str, str]:
    said = {"lot": str(place.lot.pk), "quantity": quantity, "received_on": "2026-11-19", "state": "arrived"}
    return said | {"document": "Delivery slip 7"} | more


def test_a_receipt_is_recorded_and_taken_back(browser: Client, sydney: Place) -> None:
    recorded = say(browser, sydney, "receipt", receipt(sydney))
    row = Receipt.objects.get()
    shown = browser.get(f"/lines/{sydney.line_key}/").content.decode()
    back = say(browser, sydney, "reverse", {"movement": f"receipt:{row.pk}", "why": "Counted twice"})

    assert (recorded.status_code, back.status_code) == (302, 302)
    assert f"receipt:{row.pk}" in shown
    assert Receipt.objects.get(reverses=row).document == "Counted twice"
    assert f"receipt:{row.pk}" not in browser.get(f"/lines/{sydney.line_key}/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"quantity": "3"}, "quantity"), ({"received_on": "2027-01-01"}, "received_on"), ({"state": "lost"}, "state")],
    ids=["more than the lot", "in the future", "no state"],
)
def test_a_wrong_receipt_is_refused_at_its_field(
    wrong: dict[str, str], field: str, browser: Client, sydney: Place
) -> None:
    answer = say(browser, sydney, "receipt", receipt(sydney) | wrong)

    form = next(each["form"] for each in answer.context["forms"] if each["name"] == "receipt")
    assert (answer.status_code, list(form.errors)) == (422, [field])
    assert not Receipt.objects.exists()


def test_a_shipment_notice_is_recorded_and_taken_back(browser: Client, sydney: Place) -> None:
    said = {"lot": str(sydney.lot.pk), "quantity": "2", "number": "D-3", "despatched_on": "2026-11-18"}
    recorded = say(browser, sydney, "notice", said | {"arrives_on": "2027-01-10", "tracking": "MSKU-1"})
    row = ShipmentNotice.objects.get()
    too_much = say(browser, sydney, "notice", said)
    back = say(browser, sydney, "reverse", {"movement": f"notice:{row.pk}", "why": "Wrong order"})

    assert (recorded.status_code, too_much.status_code, back.status_code) == (302, 422, 302)
    assert (row.number, row.quantity, row.tracking) == ("D-3", Decimal(2), "MSKU-1")
    assert ShipmentNotice.objects.filter(reverses=row).count() == 1


def test_whoever_may_only_look_is_offered_no_movement(sydney: Place) -> None:
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person)
    answer = say(viewer, sydney, "receipt", receipt(sydney))

    assert answer.status_code == 403
    assert not Receipt.objects.exists()
    assert "Record a receipt" not in viewer.get(f"/lines/{sydney.line_key}/").content.decode()
