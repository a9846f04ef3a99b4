"""Despatch and receipt advices: notices and receipts on the lots, and the way back."""

from datetime import date
from decimal import Decimal

import pytest

from procurement.models import DeliveryLot, ImportBatch, Receipt, ShipmentNotice, UnitSerial
from procurement.queries.invariants import broken
from sites.accounts.models import User
from sites.models import Milestone, Promise
from tests.procurement.services.test_import_documents import applied, expediter, lots, refusals, stage, undone
from tests.ubl_documents import arriving, despatch, moved_line, receipt

pytestmark = pytest.mark.django_db
__all__ = ["expediter", "lots"]


def arrival(lot: DeliveryLot) -> Milestone:
    return Milestone.objects.get(chain=lot.chain_id, code="ON_SITE")


def arrivals_promised(lot: DeliveryLot) -> list[str]:
    live = Promise.objects.filter(milestone=arrival(lot), retraction__isnull=True)
    return list(live.values_list("value", flat=True))


def is_clean(batch: ImportBatch) -> bool:
    return not batch.rows.exclude(left="").exists() and not list(broken())


def test_what_was_sent_is_noted_and_its_arrival_promised(expediter: User, lots: list[DeliveryLot]) -> None:
    batch = applied(expediter, despatch(moved_line("Despatch", "10", "2"), shipment=arriving("2027-01-15")))

    notice = ShipmentNotice.objects.get()
    assert (notice.lot, notice.number, notice.quantity, notice.tracking) == (lots[0], "D-3", Decimal(2), "MSKU-1")
    assert (notice.despatched_on, notice.arrives_on) == (date(2026, 11, 17), date(2027, 1, 15))
    assert notice.document == "answer.xml"
    assert arrivals_promised(lots[0]) == ["2027-01-15"]
    undone(expediter, batch)
    assert arrivals_promised(lots[0]) == []
    assert ShipmentNotice.objects.get(reverses=notice).quantity == 2
    assert is_clean(batch)


def test_units_sent_apart_arrive_apart(expediter: User, lots: list[DeliveryLot]) -> None:
    applied(expediter, despatch(moved_line("Despatch", "10", "1"), shipment=arriving("2027-01-15")))

    notice = ShipmentNotice.objects.get()
    assert notice.lot.copied_from == lots[0]
    assert (arrivals_promised(notice.lot), arrivals_promised(lots[0])) == (["2027-01-15"], [])
    assert not list(broken())


def test_without_a_day_of_arrival_nothing_is_promised(expediter: User, lots: list[DeliveryLot]) -> None:
    applied(expediter, despatch(moved_line("Despatch", "10", "1")))

    assert ShipmentNotice.objects.get().lot == lots[0]
    assert not Promise.objects.exists()


def test_more_than_is_open_is_not_sent(expediter: User, lots: list[DeliveryLot]) -> None:
    applied(expediter, despatch(moved_line("Despatch", "10", "1")))

    batch = stage(expediter, despatch(moved_line("Despatch", "10", "2")))

    assert refusals(batch) == [("DespatchLine[1]/quantity", "2 is more than is open (1).")]


@pytest.mark.parametrize(
    ("quantity", "arrives_on", "refusal"),
    [
        ("0.5", "2027-01-15", ("DespatchLine[1]/quantity", "Single units (EA) are counted in whole numbers.")),
        ("1", "2026-11-16", ("DespatchLine[1]/arrives_on", "What is sent arrives no earlier than it left.")),
    ],
)
def test_what_cannot_have_been_sent_is_refused_in_the_preview(
    expediter: User, lots: list[DeliveryLot], quantity: str, arrives_on: str, refusal: tuple[str, str]
) -> None:
    batch = stage(expediter, despatch(moved_line("Despatch", "10", quantity), shipment=arriving(arrives_on)))

    assert refusals(batch) == [refusal]


def test_a_notice_written_after_its_arrival_says_no_day_of_despatch(expediter: User, lots: list[DeliveryLot]) -> None:
    applied(expediter, despatch(moved_line("Despatch", "10", "2"), shipment=arriving("2026-11-16", despatched_on="")))

    notice = ShipmentNotice.objects.get()
    assert (notice.despatched_on, notice.arrives_on) == (None, date(2026, 11, 16))


def test_a_whole_lot_received_is_on_site_until_it_is_taken_back(expediter: User, lots: list[DeliveryLot]) -> None:
    batch = applied(expediter, receipt(moved_line("Receipt", "10", "2")))

    row = Receipt.objects.get()
    assert (row.lot, row.quantity, row.received_on) == (lots[0], Decimal(2), date(2026, 11, 18))
    assert arrival(lots[0]).actual_on == row.received_on
    undone(expediter, batch)
    assert arrival(lots[0]).actual_on is None
    assert Receipt.objects.get(reverses=row).quantity == 2
    assert is_clean(batch)


def plates(*numbers: str) -> str:
    """As the item of a line names its units."""
    instances = (f"<a:ItemInstance><b:SerialID>{number}</b:SerialID></a:ItemInstance>" for number in numbers)
    return f"<a:Item>{''.join(instances)}</a:Item>"


def test_serial_numbers_are_kept_with_the_receipt_and_go_back_with_it(expediter: User, lots: list[DeliveryLot]) -> None:
    batch = applied(expediter, receipt(moved_line("Receipt", "10", "2", after=plates("CH-1", "CH-2"))))

    assert list(UnitSerial.objects.order_by("number").values_list("receipt", "number")) == [
        (Receipt.objects.get().pk, "CH-1"),
        (Receipt.objects.get().pk, "CH-2"),
    ]
    undone(expediter, batch)
    assert not UnitSerial.objects.exists()


def test_more_serial_numbers_than_units_are_refused_in_the_preview(expediter: User, lots: list[DeliveryLot]) -> None:
    batch = stage(expediter, receipt(moved_line("Receipt", "10", "1", after=plates("CH-1", "CH-2"))))

    assert refusals(batch) == [("ReceiptLine[1]/serials", "More serial numbers (2) than units (1).")]


def test_serial_numbers_of_which_some_were_rejected_are_told_and_not_kept(
    expediter: User, lots: list[DeliveryLot]
) -> None:
    rejected = '<b:RejectedQuantity unitCode="EA">1</b:RejectedQuantity>'

    batch = applied(expediter, receipt(moved_line("Receipt", "10", "2", rejected, after=plates("CH-1", "CH-2"))))

    assert not UnitSerial.objects.exists()
    changes = {each["field"]: each["new"] for each in batch.rows.get().changes}
    assert changes["serials"] == "not kept: which of them were rejected is not said"


def test_a_part_received_is_not_yet_on_site(expediter: User, lots: list[DeliveryLot]) -> None:
    rejected = '<b:RejectedQuantity unitCode="EA">1</b:RejectedQuantity><b:RejectReason>dents</b:RejectReason>'

    batch = applied(expediter, receipt(moved_line("Receipt", "10", "2", rejected)))

    assert Receipt.objects.get().quantity == Decimal(1)
    assert Receipt.objects.get().state == "accepted_with_osd"
    assert arrival(lots[0]).actual_on is None
    changes = batch.rows.get().changes
    assert [(each["field"], each["new"]) for each in changes] == [("receipt", "1 2026-11-18"), ("rejected", "1 dents")]


def test_more_than_ordered_is_not_received(expediter: User, lots: list[DeliveryLot]) -> None:
    batch = stage(expediter, receipt(moved_line("Receipt", "10", "3"), moved_line("Receipt", "20", "2")))

    assert refusals(batch) == [("ReceiptLine[1]/quantity", "3 is more than is open (2).")]
    assert batch.rows_accepted == 1
