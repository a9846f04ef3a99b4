"""The version of an order rises once a transaction with anything of it, however the change is written."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import F

from procurement.models import DeliveryLot, OrderLine, PurchaseOrder, ScheduleLine
from sites.models import Milestone
from tests.factories.procurement import (
    DeliveryLotFactory,
    LotForecastFactory,
    OrderLineFactory,
    PurchaseOrderFactory,
    ReceiptFactory,
    ShipmentNoticeFactory,
)
from tests.factories.sites import BaselineFactory, MilestoneFactory, PromiseFactory, RetractionFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lot() -> DeliveryLot:
    return DeliveryLotFactory.create()


def _order(lot: DeliveryLot) -> PurchaseOrder:
    return PurchaseOrder.objects.get(lines__schedule_lines__lots=lot)


def _raw(sql: str, *given: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)


def _milestone(lot: DeliveryLot) -> Milestone:
    return lot.chain.milestones.get(code="RTS")


def _save_header(lot: DeliveryLot) -> None:
    order = _order(lot)
    order.title = "Chillers, hall 2"
    order.save()


def _bulk_update_milestones(lot: DeliveryLot) -> None:
    milestones = list(lot.chain.milestones.all())
    for milestone in milestones:
        milestone.duration_days += 1
    Milestone.objects.bulk_update(milestones, ["duration_days"])


CHANGES: dict[str, Callable[[DeliveryLot], object]] = {
    "a saved header": _save_header,
    "a header by raw SQL": lambda lot: _raw(
        "UPDATE procurement_purchaseorder SET title = 'x' WHERE id = %s", _order(lot).pk
    ),
    "a new line": lambda lot: OrderLineFactory.create(order=_order(lot), number=20),
    "a line": lambda lot: OrderLine.objects.update(unit_price=1),
    "a line by raw SQL": lambda lot: _raw("UPDATE procurement_orderline SET unit_price = 2"),
    "a schedule line": lambda lot: ScheduleLine.objects.update(contract_on=date(2027, 8, 1)),
    "a lot": lambda lot: DeliveryLot.objects.update(number=2),
    "a milestone": lambda lot: lot.chain.milestones.filter(code="RTS").update(actual_on=date(2027, 6, 1)),
    "milestones by bulk_update": _bulk_update_milestones,
    "a milestone by raw SQL": lambda lot: _raw(
        "UPDATE sites_milestone SET locked_on = '2027-06-01', locked_at = now() WHERE id = %s", _milestone(lot).pk
    ),
    "a new milestone": lambda lot: MilestoneFactory.create(chain=lot.chain, sequence=99, code="ENERGISED"),
    "a milestone removed": lambda lot: lot.chain.milestones.filter(code="ARRIVED_PORT").delete(),
    "a promise": lambda lot: PromiseFactory.create(milestone=_milestone(lot)),
    "a baseline": lambda lot: BaselineFactory.create(chain=lot.chain),
    "a receipt": lambda lot: ReceiptFactory.create(lot=lot),
    "a shipment notice": lambda lot: ShipmentNoticeFactory.create(lot=lot),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_one_change_raises_the_version_by_one(change: Callable[[DeliveryLot], object], lot: DeliveryLot) -> None:
    before = _order(lot).version

    change(lot)

    assert _order(lot).version == before + 1


def test_a_retraction_raises_the_version(lot: DeliveryLot) -> None:
    promise = PromiseFactory.create(milestone=_milestone(lot))
    before = _order(lot).version

    RetractionFactory.create(promise=promise)

    assert _order(lot).version == before + 1


def test_a_line_taken_away_raises_the_version(lot: DeliveryLot) -> None:
    line = OrderLineFactory.create(order=_order(lot), number=20)
    before = _order(lot).version

    line.delete()

    assert _order(lot).version == before + 1


def test_all_changes_of_one_transaction_raise_the_version_by_one(lot: DeliveryLot) -> None:
    before = _order(lot).version

    with transaction.atomic():
        for change in CHANGES.values():
            change(lot)

    assert _order(lot).version == before + 1


def test_a_part_of_a_transaction_that_is_taken_back_leaves_the_rest_to_raise_it(lot: DeliveryLot) -> None:
    before = _order(lot).version

    with transaction.atomic():
        with transaction.atomic():
            _save_header(lot)
            transaction.set_rollback(True)
        taken_back = _order(lot).version
        OrderLine.objects.update(unit_price=1)

    assert (taken_back, _order(lot).version) == (before, before + 1)


def test_one_statement_over_two_orders_raises_both(lot: DeliveryLot) -> None:
    other = DeliveryLotFactory.create()
    before = {_order(lot).pk: _order(lot).version, _order(other).pk: _order(other).version}

    OrderLine.objects.update(unit_price=1)

    assert dict(PurchaseOrder.objects.values_list("pk", "version")) == {pk: was + 1 for pk, was in before.items()}


def test_a_change_leaves_other_orders_alone(lot: DeliveryLot) -> None:
    other = DeliveryLotFactory.create()
    before = _order(other).version

    _save_header(lot)
    lot.chain.milestones.update(planned_on=date(2027, 6, 1))

    assert _order(other).version == before


def _save_milestones(lot: DeliveryLot) -> None:
    for milestone in lot.chain.milestones.all():
        milestone.save()


UNCHANGED: dict[str, Callable[[DeliveryLot], object]] = {
    "a header saved as it is": lambda lot: _order(lot).save(),
    "a line saved as it is": lambda lot: lot.schedule_line.line.save(),
    "a schedule line saved as it is": lambda lot: lot.schedule_line.save(),
    "a lot saved as it is": lambda lot: lot.save(),
    "milestones saved as they are": _save_milestones,
    "an update to the same value": lambda lot: Milestone.objects.update(duration_days=F("duration_days")),
    "an update of no row": lambda lot: OrderLine.objects.filter(number=77).update(unit_price=1),
    "a forecast": lambda lot: LotForecastFactory.create(lot=lot),
    "a second forecast": lambda lot: [LotForecastFactory.create(lot=lot) for _ in range(2)],
    "a milestone of a chain that is no lot's": lambda lot: MilestoneFactory.create(),
}


@pytest.mark.parametrize("write", UNCHANGED.values(), ids=UNCHANGED.keys())
def test_what_changes_nothing_of_the_order_leaves_the_version(
    write: Callable[[DeliveryLot], object], lot: DeliveryLot
) -> None:
    before = _order(lot).version

    write(lot)

    assert _order(lot).version == before


def test_nobody_sets_the_version_by_hand(lot: DeliveryLot) -> None:
    before = _order(lot).version

    PurchaseOrder.objects.update(version=77)

    assert _order(lot).version == before


def test_a_version_set_beside_a_change_is_ignored(lot: DeliveryLot) -> None:
    before = _order(lot).version

    PurchaseOrder.objects.update(version=77, title="Chillers, hall 2")

    assert _order(lot).version == before + 1


def test_a_version_cannot_be_held_down_by_naming_the_transaction(lot: DeliveryLot) -> None:
    before = _order(lot).version

    _raw("UPDATE procurement_purchaseorder SET title = 'x', version_transaction = 0")
    _raw("UPDATE procurement_purchaseorder SET title = 'y', version_transaction = 0")

    assert _order(lot).version == before + 2


def test_an_order_starts_at_version_one_with_all_that_comes_with_it() -> None:
    with transaction.atomic():
        lot = DeliveryLotFactory.create(quantity=Decimal(2), baseline={"RTS": date(2027, 6, 1)})
        PromiseFactory.create(milestone=_milestone(lot))

    assert _order(lot).version == 1


def test_an_order_without_lines_has_a_version_too() -> None:
    order = PurchaseOrderFactory.create()

    PurchaseOrder.objects.filter(pk=order.pk).update(title="Chillers")

    assert PurchaseOrder.objects.get(pk=order.pk).version == 2
