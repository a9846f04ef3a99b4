"""Quantities that must add up across rows, checked by PostgreSQL when a transaction ends."""

from decimal import Decimal

import pytest

from procurement.models import Allocation, DeliveryLot, Requirement, ScheduleLine
from tests.factories.procurement import (
    NOON,
    AllocationFactory,
    DeliveryLotFactory,
    RedundancyGroupFactory,
    RequirementFactory,
)
from tests.factories.sites import ChainFactory
from tests.refusals import kept, refused_by

pytestmark = pytest.mark.django_db


def test_a_schedule_line_does_not_grow_alone() -> None:
    lot = DeliveryLotFactory.create()

    with refused_by("lots_add_up_to_their_schedule_line"):
        ScheduleLine.objects.filter(pk=lot.schedule_line_id).update(quantity=2)


def test_a_schedule_line_needs_a_lot() -> None:
    line = DeliveryLotFactory.create().schedule_line.line

    with refused_by("lots_add_up_to_their_schedule_line"):
        ScheduleLine.objects.create(line=line, number=2, quantity=1)


def test_a_lot_does_not_shrink_alone() -> None:
    lot = DeliveryLotFactory.create(quantity=Decimal(2))

    with refused_by("lots_add_up_to_their_schedule_line"):
        DeliveryLot.objects.filter(pk=lot.pk).update(quantity=1)


def test_a_lot_is_not_deleted_while_its_units_are_scheduled() -> None:
    lot = DeliveryLotFactory.create()

    with refused_by("lots_add_up_to_their_schedule_line"):
        DeliveryLot.objects.filter(pk=lot.pk).delete()


def test_a_lot_is_split_in_one_transaction() -> None:
    lot = DeliveryLotFactory.create(quantity=Decimal(3))

    with kept():
        DeliveryLot.objects.filter(pk=lot.pk).update(quantity=1)
        DeliveryLot.objects.create(
            schedule_line=lot.schedule_line, number=2, quantity=2, chain=ChainFactory.create(site=lot.chain.site)
        )


def test_a_line_and_its_lot_grow_together() -> None:
    lot = DeliveryLotFactory.create()

    with kept():
        ScheduleLine.objects.filter(pk=lot.schedule_line_id).update(quantity=2)
        DeliveryLot.objects.filter(pk=lot.pk).update(quantity=2)


def test_a_lot_is_not_allocated_twice_over() -> None:
    lot = DeliveryLotFactory.create(quantity=Decimal(2))
    AllocationFactory.create(lot=lot)
    AllocationFactory.create(lot=lot)

    with refused_by("allocations_fit_their_lot"):
        AllocationFactory.create(lot=lot)


def test_a_requirement_is_not_served_twice_over() -> None:
    first = AllocationFactory.create()

    with refused_by("allocations_fit_their_requirement"):
        AllocationFactory.create(requirement=first.requirement)


def test_an_ended_allocation_makes_room_for_another() -> None:
    first = AllocationFactory.create()
    Allocation.objects.filter(pk=first.pk).update(ended_at=NOON, end_reason="Swapped")

    with kept():
        AllocationFactory.create(requirement=first.requirement)
        AllocationFactory.create(lot=first.lot)


def test_an_ended_allocation_does_not_come_back_over_another() -> None:
    first = AllocationFactory.create(ended_at=NOON, end_reason="Swapped")
    AllocationFactory.create(lot=first.lot)

    with refused_by("allocations_fit_their_lot"):
        Allocation.objects.filter(pk=first.pk).update(ended_at=None, end_reason="")


def test_a_lot_does_not_shrink_below_what_is_allocated() -> None:
    allocation = AllocationFactory.create()

    with refused_by("allocations_fit_their_lot"):
        ScheduleLine.objects.filter(pk=allocation.lot.schedule_line_id).update(quantity="0.5")
        DeliveryLot.objects.filter(pk=allocation.lot_id).update(quantity="0.5")


def test_a_requirement_does_not_shrink_below_what_is_allocated() -> None:
    allocation = AllocationFactory.create()

    with refused_by("allocations_fit_their_requirement"):
        Requirement.objects.filter(pk=allocation.requirement_id).update(quantity="0.5")


def test_an_allocation_ends_and_is_never_deleted() -> None:
    allocation = AllocationFactory.create(ended_at=NOON, end_reason="Swapped")

    with refused_by("an_allocation_is_never_deleted"):
        Allocation.objects.filter(pk=allocation.pk).delete()


def test_a_requirement_does_not_leave_the_site_of_its_group() -> None:
    group = RedundancyGroupFactory.create()
    requirement = RequirementFactory.create(site=group.site, group=group)
    elsewhere = RedundancyGroupFactory.create().site

    with refused_by("a_group_holds_its_own_site_and_class"):
        Requirement.objects.filter(pk=requirement.pk).update(site=elsewhere)
