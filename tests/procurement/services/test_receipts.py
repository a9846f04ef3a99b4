"""Receipts add up to their lot, put it on site, and are taken back by a row."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from procurement.models import DeliveryLot, OrderLine, Receipt, ShipmentNotice, UnitSerial
from procurement.services import receipts, shipments
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from sites.models import Milestone
from tests.factories.procurement import DeliveryLotFactory
from tests.factories.sites import MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
DAY = date(2026, 11, 18)


@pytest.fixture
def expediter() -> User:
    return MembershipFactory.create(role=Role.EXPEDITER).person


@pytest.fixture
def lot() -> DeliveryLot:
    return DeliveryLotFactory.create(quantity=Decimal(2), actuals={"PO_ISSUED": date(2026, 8, 3)})


def receive(lot: DeliveryLot, actor: User, quantity: str = "1", **said: Any) -> Receipt:
    given: dict[str, Any] = {"received_on": DAY, "document": "W-1", "now": NOW, **said}
    return receipts.receive(lot_id=lot.pk, quantity=Decimal(quantity), actor=actor, **given)


def on_site(lot: DeliveryLot) -> date | None:
    return Milestone.objects.get(chain=lot.chain_id, code="ON_SITE").actual_on


def test_the_last_unit_puts_the_lot_on_site(lot: DeliveryLot, expediter: User) -> None:
    receive(lot, expediter)
    assert on_site(lot) is None

    receive(lot, expediter, received_on=date(2026, 11, 19))

    assert on_site(lot) == date(2026, 11, 19)


def test_a_reversal_takes_the_arrival_back_and_makes_room(lot: DeliveryLot, expediter: User) -> None:
    whole = receive(lot, expediter, "2")

    back = receipts.reverse(receipt_id=whole.pk, reason="Another lot", actor=expediter, now=NOW)

    assert (back.reverses, back.document) == (whole, "Another lot")
    assert on_site(lot) is None
    assert receive(lot, expediter, "2").quantity == 2


def test_more_than_was_ordered_is_refused_by_its_own_name(lot: DeliveryLot, expediter: User) -> None:
    with pytest.raises(receipts.OverDelivery) as refusal:
        receive(lot, expediter, "3")

    assert (refusal.value.code, refusal.value.field) == ("over_delivery", "quantity")


def plates(lot: DeliveryLot) -> list[tuple[str, Receipt]]:
    return [(row.number, row.receipt) for row in UnitSerial.objects.filter(lot=lot).order_by("number")]


def test_the_plates_of_units_come_and_go_with_their_receipt(lot: DeliveryLot, expediter: User) -> None:
    first = receive(lot, expediter, plates=["SN 1"])
    second = receive(lot, expediter, plates=[" SN  2", "sn 2", ""])
    assert plates(lot) == [("SN 1", first), ("SN 2", second)]

    receipts.reverse(receipt_id=second.pk, reason="Another lot", actor=expediter, now=NOW)
    assert plates(lot) == [("SN 1", first)]
    third = receive(lot, expediter, plates=["SN 2"])

    assert plates(lot) == [("SN 1", first), ("SN 2", third)]


@pytest.mark.parametrize("numbers", [["SN 2", "SN 3"], ["sn 1"]], ids=["more than came", "came before"])
def test_plates_that_cannot_be_of_these_units_are_refused(
    numbers: list[str], lot: DeliveryLot, expediter: User
) -> None:
    receive(lot, expediter, plates=["SN 1"])

    with pytest.raises(BadInput) as refusal:
        receive(lot, expediter, plates=numbers)

    assert refusal.value.field == "serials"
    assert Receipt.objects.count() == 1


def test_units_over_the_order_have_their_plates_too(lot: DeliveryLot, expediter: User) -> None:
    tolerating(lot, 50)

    receive(lot, expediter, "3", plates=["SN 1", "SN 2", "SN 3"])

    assert len(plates(lot)) == 3


def tolerating(lot: DeliveryLot, percent: int) -> DeliveryLot:
    OrderLine.objects.filter(pk=lot.schedule_line.line_id).update(over_delivery_percent=percent)
    return lot


def test_what_the_line_tolerates_is_taken_and_flagged(lot: DeliveryLot, expediter: User) -> None:
    tolerating(lot, 50)

    came = [receive(lot, expediter, "1"), receive(lot, expediter, "2")]

    assert [row.over_delivered for row in came] == [0, 1]
    assert on_site(lot) == DAY
    with pytest.raises(receipts.OverDelivery):
        receive(lot, expediter, "1")


def test_units_over_the_order_have_no_say_in_when_it_came(lot: DeliveryLot, expediter: User) -> None:
    tolerating(lot, 100)
    whole = receive(lot, expediter, "2")
    over = receive(lot, expediter, "1", received_on=date(2026, 11, 19))

    receipts.reverse(receipt_id=over.pk, reason="Not ours", actor=expediter, now=NOW)
    assert on_site(lot) == DAY
    receive(lot, expediter, "1", received_on=date(2026, 11, 19))
    receipts.reverse(receipt_id=whole.pk, reason="Another lot", actor=expediter, now=NOW)

    assert on_site(lot) is None


def test_an_arrival_that_somebody_stated_stays(lot: DeliveryLot, expediter: User) -> None:
    Milestone.objects.filter(chain=lot.chain_id, code="ON_SITE").update(actual_on=date(2026, 11, 10))
    whole = receive(lot, expediter, "2")

    receipts.reverse(receipt_id=whole.pk, reason="Another lot", actor=expediter, now=NOW)

    assert on_site(lot) == date(2026, 11, 10)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"quantity": "3"}, "quantity"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "0.5"}, "quantity"),
        ({"received_on": date(2026, 11, 30)}, "received_on"),
    ],
    ids=str,
)
def test_what_cannot_have_come_is_refused(said: dict[str, Any], field: str, lot: DeliveryLot, expediter: User) -> None:
    with pytest.raises(BadInput) as refusal:
        receive(lot, expediter, **said)

    assert refusal.value.field == field
    assert not Receipt.objects.exists()


def test_a_receipt_is_reversed_once_and_with_a_reason(lot: DeliveryLot, expediter: User) -> None:
    row = receive(lot, expediter)
    with pytest.raises(BadInput):
        receipts.reverse(receipt_id=row.pk, reason=" ", actor=expediter, now=NOW)
    receipts.reverse(receipt_id=row.pk, reason="Twice", actor=expediter, now=NOW)

    with pytest.raises(Conflict):
        receipts.reverse(receipt_id=row.pk, reason="Twice", actor=expediter, now=NOW)


def test_who_may_not_see_or_write_does_not_receive(lot: DeliveryLot, expediter: User) -> None:
    row = receive(lot, expediter)
    outsider = MembershipFactory.create(role=Role.EXPEDITER, site=SiteFactory.create()).person
    viewer = MembershipFactory.create(role=Role.VIEWER).person

    with pytest.raises(NotFound):
        receipts.reverse(receipt_id=row.pk, reason="Twice", actor=outsider, now=NOW)
    with pytest.raises(NotPermitted):
        receive(lot, viewer)


def test_a_notice_of_shipment_fits_its_lot_and_is_reversed_once(lot: DeliveryLot, expediter: User) -> None:
    given: dict[str, Any] = {
        "number": "D-1", "despatched_on": DAY, "arrives_on": None, "tracking": "", "document": "", "actor": expediter,
    }  # fmt: skip
    row = shipments.notify(lot_id=lot.pk, quantity=Decimal(2), **given)
    with pytest.raises(BadInput):
        shipments.notify(lot_id=lot.pk, quantity=Decimal(1), **given)
    shipments.reverse(notice_id=row.pk, reason="Not sent", actor=expediter)

    assert shipments.noticed([lot.pk]) == {}
    with pytest.raises(Conflict):
        shipments.reverse(notice_id=row.pk, reason="Not sent", actor=expediter)


@pytest.mark.parametrize(
    ("said", "field"),
    [({"quantity": Decimal("0.5")}, "quantity"), ({"arrives_on": date(2026, 11, 17)}, "arrives_on")],
    ids=["half a unit", "there before it left"],
)
def test_what_cannot_have_been_sent_is_refused(
    said: dict[str, Any], field: str, lot: DeliveryLot, expediter: User
) -> None:
    given: dict[str, Any] = {
        "number": "D-1", "quantity": Decimal(1), "despatched_on": DAY, "arrives_on": DAY, "tracking": "",
        "document": "", "actor": expediter,
    }  # fmt: skip

    with pytest.raises(BadInput) as refusal:
        shipments.notify(lot_id=lot.pk, **given | said)

    assert refusal.value.field == field
    assert not ShipmentNotice.objects.exists()


@pytest.mark.parametrize("quantity", ["0.5001", "0.0001"])
def test_a_length_is_counted_in_thousandths(quantity: str, lot: DeliveryLot, expediter: User) -> None:
    OrderLine.objects.filter(pk=lot.schedule_line.line_id).update(unit="MTR")

    with pytest.raises(BadInput) as refusal:
        receive(lot, expediter, quantity)

    assert refusal.value.field == "quantity"
    assert receive(lot, expediter, "0.5010").quantity == Decimal("0.501")
