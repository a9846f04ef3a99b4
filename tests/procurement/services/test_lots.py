"""Which units are meant for which requirement."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from procurement.models import Allocation, DeliveryLot, LotForecast, RequirementForecast
from procurement.services import lots
from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from tests.factories.procurement import (
    AllocationFactory,
    DeliveryLotFactory,
    EquipmentClassFactory,
    RequirementFactory,
)
from tests.factories.sites import MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


@pytest.fixture
def buyer() -> User:
    return MembershipFactory.create(role=Role.BUYER).person


def a_lot(quantity: int = 2) -> DeliveryLot:
    return DeliveryLotFactory.create(quantity=Decimal(quantity), actuals={"PO_ISSUED": date(2026, 8, 3)})


def allocate(lot: DeliveryLot, requirement: object, actor: User, quantity: str = "1") -> Allocation:
    return lots.allocate(
        lot_id=lot.pk,
        requirement_id=requirement.pk,  # type: ignore[attr-defined]
        quantity=Decimal(quantity),
        reason="First hall first",
        actor=actor,
        now=NOW,
    )


def fitting(lot: DeliveryLot, **changed: object) -> object:
    of = {"site": lot.schedule_line.site, "equipment_class": lot.schedule_line.line.equipment_class} | changed
    return RequirementFactory.create(**of)


def test_an_allocation_gives_the_lot_its_required_date_and_the_requirement_its_forecast(buyer: User) -> None:
    lot = a_lot()
    requirement = fitting(lot, required_on_site=date(2027, 9, 20))

    made = allocate(lot, requirement, buyer)

    row = LotForecast.objects.get(lot=lot, current=True)
    assert (row.required_on_site, made.reason) == (date(2027, 9, 20), "First hall first")
    need = RequirementForecast.objects.get(requirement=made.requirement, current=True)
    assert (need.ordered, need.forecast_on, need.schedule_line) == (True, row.forecast_on, lot.schedule_line)


def test_an_ended_allocation_stays_and_its_requirement_is_unordered(buyer: User) -> None:
    made = allocate(lot := a_lot(), fitting(lot), buyer)

    ended = lots.end_allocation(allocation_id=made.pk, reason="Hall postponed", actor=buyer, now=NOW)

    assert (ended.ended_at, ended.end_reason) == (NOW, "Hall postponed")
    assert RequirementForecast.objects.get(requirement=made.requirement, current=True).ordered is False
    assert list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True)) == ["lot.allocated", "lot.released"]


def test_a_second_end_is_a_conflict(buyer: User) -> None:
    made = allocate(lot := a_lot(), fitting(lot), buyer)
    lots.end_allocation(allocation_id=made.pk, reason="x", actor=buyer, now=NOW)

    with pytest.raises(Conflict):
        lots.end_allocation(allocation_id=made.pk, reason="x", actor=buyer, now=NOW)


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "3"])
def test_no_more_than_is_free_is_allocated(buyer: User, quantity: str) -> None:
    lot = a_lot(2)
    requirement = fitting(lot, quantity=Decimal(5))

    with pytest.raises(BadInput) as refusal:
        allocate(lot, requirement, buyer, quantity)

    assert (refusal.value.field, Allocation.objects.count()) == ("quantity", 0)


def test_a_requirement_takes_no_more_than_it_needs(buyer: User) -> None:
    first = AllocationFactory.create()

    with pytest.raises(BadInput) as refusal:
        allocate(a_lot_like(first.lot), first.requirement, buyer)

    assert refusal.value.field == "quantity"


def a_lot_like(lot: DeliveryLot) -> DeliveryLot:
    return DeliveryLotFactory.create(
        site=lot.schedule_line.site, schedule_line__line__equipment_class=lot.schedule_line.line.equipment_class
    )


def test_a_lot_serves_only_its_own_site(buyer: User) -> None:
    lot = a_lot()

    with pytest.raises(BadInput) as refusal:
        allocate(lot, fitting(lot, site=SiteFactory.create()), buyer)

    assert refusal.value.field == "requirement"


def test_a_lot_serves_only_its_own_class(buyer: User) -> None:
    lot = a_lot()

    with pytest.raises(BadInput) as refusal:
        allocate(lot, fitting(lot, equipment_class=EquipmentClassFactory.create(code="generator")), buyer)

    assert refusal.value.field == "requirement"


def test_an_expediter_splits_but_does_not_allocate() -> None:
    expediter = MembershipFactory.create(role=Role.EXPEDITER).person
    lot = a_lot()

    lots.split(lot_id=lot.pk, quantity=Decimal(1), reason="Two ships", actor=expediter, now=NOW)

    with pytest.raises(NotPermitted):
        allocate(lot, fitting(lot), expediter)


def test_a_lot_of_another_site_does_not_exist_for_a_stranger() -> None:
    stranger = MembershipFactory.create(role=Role.BUYER, site=SiteFactory.create()).person
    lot = a_lot()

    with pytest.raises(NotFound):
        lots.split(lot_id=lot.pk, quantity=Decimal(1), reason="x", actor=stranger, now=NOW)
