"""Orders, their changes and cancellations as business documents, and the way back."""

from datetime import date
from decimal import Decimal

import pytest

from procurement.models import DeliveryLot, ExternalRef, OrderLine, PurchaseOrder, ScheduleLine
from procurement.queries.invariants import broken
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.procurement import AllocationFactory, CompanyFactory, EquipmentClassFactory
from tests.factories.sites import MembershipFactory, SiteFactory
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
    "a word too long for a currency": (
        order(
            "SELL-1", order_line("10", "1", "2027-09-01", price="1").replace('"AUD"', '"' + 21 * "E" + '"'), currency=""
        ),
        "This is too long for a currency.",
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


def test_a_currency_that_is_none_is_kept_as_text_and_flagged(buyer: User) -> None:
    CompanyFactory.create(code="SELL-1", sells=True)
    EquipmentClassFactory.create(code="GEN-1")
    line = order_line("10", "1", "2027-09-01", item="GEN-1", price="12.5").replace('"AUD"', '"Dollars"')

    batch = applied(buyer, order("SELL-1", line, currency="Dollars"))

    assert {"field": "unknown_currency", "old": "", "new": "Dollars"} in batch.rows.get().changes
    made = PurchaseOrder.objects.get()
    assert (made.currency, made.currency_text) == ("XXX", "Dollars")
    again = stage(buyer, order("SELL-1", line.replace("12.5", "13.5"), currency="Dollars"))
    assert [change["field"] for change in again.rows.get().changes] == [
        "unit_price", "unknown_delivery_term", "unknown_currency",
    ]  # fmt: skip


def test_an_order_goes_to_the_site_that_its_place_of_delivery_means(buyer: User) -> None:
    CompanyFactory.create(code="SELL-1", sells=True)
    EquipmentClassFactory.create(code="GEN-1")
    site = SiteFactory.create(code="SYD9")
    ExternalRef.objects.create(system="SAP", kind="site", external_id="PLANT-77", subject_id=site.pk)
    lines = [
        order_line(number, "1", "2027-09-01", item="GEN-1", to=to)
        for number, to in (("10", "SYD9"), ("20", "PLANT-77"), ("30", "Dock 4"))
    ]

    batch = applied(buyer, order("SELL-1", *lines))

    assert [row.site for row in ScheduleLine.objects.order_by("line__number")] == [site, site, None]
    flags = {row.number: row.changes[-1] for row in batch.rows.all()}
    assert flags[3] == {"field": "unknown_delivery_site", "old": "", "new": "Dock 4"}
    assert flags[1]["field"] == "unknown_delivery_term"


def test_a_change_takes_a_line_out_and_brings_it_back_when_undone(buyer: User, lots: list[DeliveryLot]) -> None:
    served = AllocationFactory.create(lot=lots[0]).requirement
    content = order_change(order_line("10", "2", "2027-07-19", status="2"), order_line("20", "3", "2027-08-02"))

    batch = applied(buyer, content)

    assert [status for _order, status in states("4500016221")] == ["cancelled", "open"]
    assert not served.allocations.filter(ended_at__isnull=True).exists()
    assert batch.rows.get(number=1).changes == [{"field": "status", "old": "open", "new": "cancelled"}]
    undone(buyer, batch)
    assert [status for _order, status in states("4500016221")] == ["open", "open"]
    assert served.allocations.get(ended_at__isnull=True).lot == lots[0]
    assert [row.quantity for row in ScheduleLine.objects.order_by("line__number")] == [Decimal(2), Decimal(2)]
    assert not batch.rows.exclude(left="").exists()
    assert not list(broken())


def test_a_line_that_is_open_again_by_hand_is_left_when_its_removal_is_undone(
    buyer: User, lots: list[DeliveryLot]
) -> None:
    batch = applied(buyer, order_change(order_line("10", "2", "2027-07-19", status="cancelled")))
    ScheduleLine.objects.filter(line__number=10).update(status="open")
    OrderLine.objects.filter(number=10).update(status="open")

    undone(buyer, batch)

    assert [row.left for row in batch.rows.all()] == ["It was changed since."]


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
