"""Whatever a row of the log is made of changes, the row says so in the same transaction."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from procurement.models import Allocation, DeliveryLot, GroupNeed, LogLine, LotForecast, ScheduleLine
from procurement.vocabulary import LineStatus
from tests.factories.procurement import (
    AllocationFactory,
    CompanyFactory,
    DeliveryLotFactory,
    EquipmentClassFactory,
    GroupNeedFactory,
    LotForecastFactory,
    PlantFactory,
    RedundancyGroupFactory,
    RequirementFactory,
)
from tests.factories.sites import BlockFactory, SiteFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def lot() -> DeliveryLot:
    """Of a line that serves a group of a block, and is late."""
    site = SiteFactory.create(code="SYD1")
    need = GroupNeedFactory.create(block=BlockFactory.create(phase__site=site))
    made = DeliveryLotFactory.create(site=site)
    AllocationFactory.create(lot=made, requirement=RequirementFactory.create(site=site, group=need.group, tag="CH-A"))
    LotForecastFactory.create(lot=made, forecast_on=date(2027, 10, 1))
    return made


def _line(lot: DeliveryLot, **given: object) -> int:
    return ScheduleLine.objects.filter(pk=lot.schedule_line_id).update(**given)


def _order_line(lot: DeliveryLot, **given: object) -> None:
    type(lot.schedule_line.line).objects.filter(pk=lot.schedule_line.line_id).update(**given)


def _order(lot: DeliveryLot, **given: object) -> None:
    type(lot.schedule_line.line.order).objects.filter(pk=lot.schedule_line.line.order_id).update(**given)


def _requirement(lot: DeliveryLot, **given: object) -> None:
    type(lot.allocations.get().requirement).objects.filter(allocations__lot=lot).update(**given)


def _answer(lot: DeliveryLot, **given: object) -> int:
    return LotForecast.objects.filter(lot=lot, current=True).update(**given)


def _another_group(lot: DeliveryLot) -> None:
    requirement = lot.allocations.get().requirement
    group = RedundancyGroupFactory.create(site=requirement.site, equipment_class=requirement.equipment_class)
    GroupNeedFactory.create(group=group, block=BlockFactory.create(phase__site=requirement.site))
    _requirement(lot, group=group)


def _maker_sold(lot: DeliveryLot) -> None:
    plant = lot.schedule_line.line.plant
    assert plant is not None
    plant.company = CompanyFactory.create(name="Successor")
    plant.save()


def _renamed(row: object, name: str) -> None:
    row.name = name  # type: ignore[attr-defined]
    row.save()  # type: ignore[attr-defined]


def _seller_renamed(lot: DeliveryLot) -> None:
    _renamed(lot.schedule_line.line.order.seller, "Another name")


def _maker_renamed(lot: DeliveryLot) -> None:
    plant = lot.schedule_line.line.plant
    assert plant is not None
    _renamed(plant.company, "Another name")


def _site_recoded(lot: DeliveryLot) -> None:
    site = lot.schedule_line.site
    assert site is not None
    site.code = "SYD9"
    site.save()


CHANGES: dict[str, Callable[[DeliveryLot], object]] = {
    "quantity": lambda lot: (
        _line(lot, quantity=lot.quantity + 1), DeliveryLot.objects.filter(pk=lot.pk).update(quantity=lot.quantity + 1)
    ),
    "contract date": lambda lot: _line(lot, contract_on=date(2027, 3, 1)),
    "cancelled": lambda lot: _line(lot, status=LineStatus.CANCELLED),
    "order line cancelled": lambda lot: _order_line(lot, status=LineStatus.CANCELLED),
    "other site": lambda lot: _line(lot, site=SiteFactory.create(code="TYO1")),
    "no site": lambda lot: _line(lot, site=None),
    "schedule number": lambda lot: _line(lot, number=7),
    "line number": lambda lot: _order_line(lot, number=70),
    "description": lambda lot: _order_line(lot, description="Chiller"),
    "plant": lambda lot: _order_line(lot, plant=PlantFactory.create()),
    "class": lambda lot: _order_line(lot, equipment_class=EquipmentClassFactory.create(code="OTHER")),
    "class renamed": lambda lot: _renamed(lot.schedule_line.line.equipment_class, "Another name"),
    "order number": lambda lot: _order(lot, number="PO-OTHER"),
    "seller": lambda lot: _order(lot, seller=CompanyFactory.create()),
    "seller renamed": _seller_renamed,
    "maker renamed": _maker_renamed,
    "plant sold": _maker_sold,
    "site recoded": _site_recoded,
    "tag": lambda lot: _requirement(lot, tag="CH-B"),
    "group": _another_group,
    "block": lambda lot: GroupNeedFactory.create(
        group=lot.allocations.get().requirement.group,
        block=BlockFactory.create(phase__site=lot.schedule_line.site),
    ),
    "no block": lambda lot: GroupNeed.objects.filter(group__requirements__allocations__lot=lot).delete(),
    "no allocation": lambda lot: Allocation.objects.filter(lot=lot).update(
        ended_at=lot.created_at, end_reason="Given back"
    ),
    "no answer": lambda lot: _answer(lot, current=False),
    "figures": lambda lot: _answer(lot, costs_mw_days=Decimal(9)),
    "another answer": lambda lot: (
        _answer(lot, current=False), LotForecastFactory.create(lot=lot, forecast_on=date(2027, 5, 1))
    ),
    "delivered": lambda lot: (
        _answer(lot, current=False),
        LotForecastFactory.create(lot=lot, forecast_on=date(2027, 5, 1), delivered_on=date(2027, 5, 1)),
    ),
    "another lot": lambda lot: (
        _line(lot, quantity=lot.quantity + 1),
        LotForecastFactory.create(
            lot=DeliveryLotFactory.create(schedule_line=lot.schedule_line, number=2, quantity=Decimal(1)),
            forecast_on=date(2028, 1, 1),
        ),
    ),
    "answer gone": lambda lot: LotForecast.objects.filter(lot=lot).delete(),
}  # fmt: skip


def _stored_and_said(lot: DeliveryLot) -> tuple[list[object], list[object]]:
    rows = []
    for table in ("procurement_logline", "longlead_log_line"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT to_jsonb(r) FROM {table} r WHERE schedule_line_id = %s", [lot.schedule_line_id])
            rows.append(cursor.fetchall())
    return rows[0], rows[1]


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_of_the_log_follows_what_it_is_made_of(lot: DeliveryLot, change: str) -> None:
    before, _ = _stored_and_said(lot)

    CHANGES[change](lot)

    after, said = _stored_and_said(lot)
    assert after == said
    assert after != before


def test_a_line_that_is_gone_leaves_the_log() -> None:
    line = DeliveryLotFactory.create().schedule_line
    line.lots.all().delete()

    line.delete()

    assert not LogLine.objects.exists()


def test_a_line_of_the_log_is_called_by_its_numbers(lot: DeliveryLot) -> None:
    row = LogLine.objects.get()

    assert str(row) == f"{row.order_number}/{row.line_number}/{row.schedule_number}"
    assert (row.is_late, row.tags, len(row.blocks), row.site_code) == (True, ["CH-A"], 1, "SYD1")
