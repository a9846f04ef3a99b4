"""Orders, their changes and cancellations as business documents, and the way back."""

from datetime import date
from decimal import Decimal

import pytest

from procurement.models import DeliveryLot, ExternalRef, PurchaseOrder, ScheduleLine
from procurement.queries.invariants import broken
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.procurement import AllocationFactory, CompanyFactory, EquipmentClassFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.services.test_import_documents import applied, expediter, lots, refusals, stage, undone
from tests.ubl_documents import cancellation, order, order_change, order_line

pytestmark = pytest.mark.django_db
__all__ = ["expediter", "lots"]


@pytest.fixture
def buyer() -> User:
    return MembershipFactory.create(role=Role.BUYER).person


def states(number: str) -> list[tuple[str, str]]:
    rows = ScheduleLine.objects.filter(line__order__number=number).order_by("line__number")
    return list(rows.values_list("line__order__commercial_status", "status"))


def test_an_order_is_made_and_cancelled_again(buyer: User) -> None:
    CompanyFactory.create(code="SELL-1", sells=True)
    generator = EquipmentClassFactory.create(code="generator")
    ExternalRef.objects.create(system="SAP", kind="equipment_class", external_id="MAT-7", subject_id=generator.pk)
    content = order("SELL-1", order_line("10", "2", "2027-09-01", item="MAT-7", price="1250000.50"))

    batch = applied(buyer, content)

    line = ScheduleLine.objects.select_related("line__order__seller").get()
    assert (line.quantity, line.contract_on, line.line.equipment_class) == (Decimal(2), date(2027, 9, 1), generator)
    made = line.line.order
    assert (made.number, made.seller.code, made.currency, made.incoterm_text) == ("4500099001", "SELL-1", "AUD", "FOT")
    changes = batch.rows.get().changes
    assert {"field": "unknown_delivery_term", "old": "", "new": "FOT"} in changes
    undone(buyer, batch)
    assert states("4500099001") == [("cancelled", "cancelled")]
    assert not list(broken())


REFUSED = {
    "a vendor we do not know": (order("NOBODY", order_line("10", "1", "2027-09-01")), "There is no vendor NOBODY."),
    "a class we do not know": (
        order("SELL-1", order_line("10", "1", "2027-09-01", item="MAT-8")),
        "There is no equipment class MAT-8.",
    ),
    "a currency there is not": (
        order("SELL-1", order_line("10", "1", "2027-09-01", item="MAT-8"), currency="EUX"),
        "EUX is no currency of ISO 4217.",
    ),
    "a line without number": (order("SELL-1", order_line("A", "1", "2027-09-01")), "A is no line number."),
    "no number": (order("SELL-1", order_line("10", "1", "2027-09-01"), number=""), "The document names no order."),
    "no lines": (order("SELL-1"), "The document has no lines."),
    "a change of an order that is not there": (
        order_change(order_line("10", "1", "2027-09-01"), number="34"),
        "There is no order 34.",
    ),
    "a cancelled order that is not there": (cancellation("34"), "There is no order 34."),
}


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_unknown_is_named(content: bytes, why: str, buyer: User) -> None:
    CompanyFactory.create(code="SELL-1", sells=True)

    batch = stage(buyer, content)

    assert [message for _place, message in refusals(batch)] == [why]
    assert not PurchaseOrder.objects.exists()


def test_a_change_moves_the_lines_it_names_and_goes_back(buyer: User, lots: list[DeliveryLot]) -> None:
    batch = applied(buyer, order_change(order_line("10", "3", "2027-10-01")))

    assert not refusals(batch)
    first, second = ScheduleLine.objects.order_by("line__number")
    assert (first.quantity, first.contract_on) == (Decimal(3), date(2027, 10, 1))
    assert (second.quantity, second.contract_on) == (Decimal(2), date(2027, 7, 19))
    undone(buyer, batch)
    first.refresh_from_db()
    assert (first.quantity, first.contract_on) == (Decimal(2), date(2027, 7, 19))
    assert not list(broken())


def test_a_cancelled_order_is_open_again_after_undoing(buyer: User, lots: list[DeliveryLot]) -> None:
    before = states("4500016221")
    served = AllocationFactory.create(lot=lots[0]).requirement

    batch = applied(buyer, cancellation())

    assert states("4500016221") == [("cancelled", "cancelled")] * 2
    assert not served.allocations.filter(ended_at__isnull=True).exists()
    undone(buyer, batch)
    assert states("4500016221") == before
    assert served.allocations.get(ended_at__isnull=True).lot == lots[0]
    assert not batch.rows.exclude(left="").exists()
    assert not list(broken())


@pytest.mark.parametrize("content", [order_change(order_line("10", "3", "2027-10-01")), cancellation()])
def test_an_order_of_another_system_is_not_changed_here(content: bytes, buyer: User, lots: list[DeliveryLot]) -> None:
    kept = PurchaseOrder.objects.get()
    ExternalRef.objects.create(system="SAP", kind="purchase_order", external_id="45", subject_id=kept.pk)

    batch = stage(buyer, content)

    assert [why for _place, why in refusals(batch)] == ["Another system keeps this order; change it there."]
