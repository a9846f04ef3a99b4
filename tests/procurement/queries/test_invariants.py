"""A world that keeps every rule says nothing; each rule that is broken says so by name."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F

from procurement.models import (
    Allocation,
    DeliveryLot,
    GroupNeed,
    LotForecast,
    NotificationItem,
    Receipt,
    Requirement,
    ScheduleLine,
)
from procurement.queries import invariants
from procurement.vocabulary import LineStatus, RosRule
from sites.accounts.permissions import Role
from sites.models import Chain, Gate, Milestone, PowerPurchaseAgreement
from sites.vocabulary import RevisionState
from tests.factories.accounts import UserFactory
from tests.factories.power import CapacityStepFactory, NetworkWorksFactory, ShareStepFactory
from tests.factories.procurement import (
    AllocationFactory,
    DeliveryLotFactory,
    GroupNeedFactory,
    LotForecastFactory,
    NotificationItemFactory,
    ReceiptFactory,
    RedundancyGroupFactory,
    RequirementFactory,
    RosAnchorFactory,
    ShipmentNoticeFactory,
    UnitSerialFactory,
)
from tests.factories.sites import (
    ActivityFactory,
    ActivityLinkFactory,
    AgreementFactory,
    ChainFactory,
    GateFactory,
    GridConnectionFactory,
    MembershipFactory,
    PromiseFactory,
    ScheduleDocumentFactory,
    ScheduleRevisionFactory,
    ShareFactory,
    SiteFactory,
)

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class World:
    """One lot of one unit, for one requirement of a group that a block needs, received; and what else has a chain."""

    lot: DeliveryLot
    allocation: Allocation
    requirement: Requirement
    need: GroupNeed
    receipt: Receipt


@pytest.fixture
def world() -> World:
    need = GroupNeedFactory.create()
    site = need.block.phase.site
    lot = DeliveryLotFactory.create(site=site)
    requirement = RequirementFactory.create(site=site, group=need.group)
    allocation = AllocationFactory.create(lot=lot, requirement=requirement)
    LotForecastFactory.create(lot=lot)
    first = PromiseFactory.create(milestone=lot.chain.milestones.get(code="RTS"))
    PromiseFactory.create(milestone=first.milestone, supersedes=first)
    GateFactory.create(site=site)
    GridConnectionFactory.create(site=site)
    ShareFactory.create(agreement=AgreementFactory.create(), site=site)
    NotificationItemFactory.create()
    MembershipFactory.create(person=UserFactory.create(machine=True), role=Role.ERP_CLIENT)
    return World(lot, allocation, requirement, need, ReceiptFactory.create(lot=lot))


def _unguarded(*tables: str, keeps_log: bool = True) -> None:
    """Takes away what would refuse the row, until the test's transaction ends."""
    connection.check_constraints()  # PostgreSQL alters no table that still waits for its checks
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            if keeps_log:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER rows_of_the_log_update")


def _lots_do_not_add_up(world: World) -> None:
    _unguarded("procurement_deliverylot")
    DeliveryLot.objects.update(quantity=2)


def _log_forgets(world: World) -> None:
    _unguarded("procurement_orderline", keeps_log=False)
    type(world.lot.schedule_line.line).objects.update(description="Other than the log has it")


def _lot_allocated_twice(world: World) -> None:
    _unguarded("procurement_allocation", "procurement_requirement")
    Requirement.objects.update(quantity=2, group=None)
    Allocation.objects.update(quantity=2)


def _requirement_served_twice(world: World) -> None:
    _unguarded("procurement_allocation", "procurement_deliverylot", "procurement_scheduleline")
    ScheduleLine.objects.update(quantity=2)
    DeliveryLot.objects.update(quantity=2)
    Allocation.objects.update(quantity=2)


def _allocated_to_another_site(world: World) -> None:
    Requirement.objects.update(site=SiteFactory.create(), group=None)


def _cancelled(world: World) -> None:
    ScheduleLine.objects.update(status=LineStatus.CANCELLED)


def _line_cancelled(world: World) -> None:
    type(world.lot.schedule_line.line).objects.update(status=LineStatus.CANCELLED)


def _group_of_another_site(world: World) -> None:
    _unguarded("procurement_requirement")
    Requirement.objects.update(group=RedundancyGroupFactory.create())


def _need_of_another_site(world: World) -> None:
    _unguarded("procurement_groupneed")
    GroupNeed.objects.update(group=RedundancyGroupFactory.create())


def _anchor_step_gone(world: World) -> None:
    world.lot.chain.milestones.filter(code="ON_SITE").delete()


def _anchor_step_left_out(world: World) -> None:
    Milestone.objects.filter(code="ENERGISED").update(applicable=False, not_applicable_reason="Not ours")


def _stray_chain(world: World) -> None:
    ChainFactory.create(steps=["ON_SITE"])


def _chain_elsewhere(world: World) -> None:
    Chain.objects.filter(lot=world.lot).update(site=SiteFactory.create())


def _superseding_another_milestone(world: World) -> None:
    milestones = world.lot.chain.milestones
    first = PromiseFactory.create(milestone=milestones.get(code="FAT_PASS"))
    PromiseFactory.create(milestone=milestones.get(code="RTM"), supersedes=first)


def _reversing_another_quantity(world: World) -> None:
    ReceiptFactory.create(lot=world.lot, quantity=Decimal("0.5"), reverses=world.receipt)


def _reversing_a_receipt_of_another_lot(world: World) -> None:
    other = LotForecastFactory.create().lot
    ReceiptFactory.create(lot=other, reverses=world.receipt)


def _plate_of_another_lot(world: World) -> None:
    UnitSerialFactory.create(lot=LotForecastFactory.create().lot, receipt=world.receipt)


def _plate_of_a_reversed_receipt(world: World) -> None:
    UnitSerialFactory.create(lot=world.lot, receipt=world.receipt)
    ReceiptFactory.create(lot=world.lot, reverses=world.receipt)


def _plate_of_a_reversal(world: World) -> None:
    reversal = ReceiptFactory.create(lot=world.lot, reverses=world.receipt)
    UnitSerialFactory.create(lot=world.lot, receipt=reversal)


def _more_plates_than_units(world: World) -> None:
    UnitSerialFactory.create_batch(2, lot=world.lot, receipt=world.receipt)


def _reversing_another_shipment(world: World) -> None:
    notice = ShipmentNoticeFactory.create(lot=world.lot)
    ShipmentNoticeFactory.create(lot=world.lot, quantity=Decimal("0.5"), reverses=notice)


def _reversing_a_shipment_of_another_lot(world: World) -> None:
    notice = ShipmentNoticeFactory.create(lot=world.lot)
    ShipmentNoticeFactory.create(lot=LotForecastFactory.create().lot, reverses=notice)


def _received_twice(world: World) -> None:
    ReceiptFactory.create(lot=world.lot)


def _no_current_forecast(world: World) -> None:
    LotForecast.objects.update(current=False)


def _float_off_by_one(world: World) -> None:
    LotForecast.objects.update(float_days=F("float_days") + 1)


def _told_to_another(world: World) -> None:
    NotificationItem.objects.update(recipient=UserFactory.create())


def _shared_twice(world: World) -> None:
    agreement = _agreement()
    for mw in (12, 9):
        ShareFactory.create(agreement=agreement, share_mw=mw)


def _shared_out_by_a_step(world: World) -> None:
    """Up to the whole until the day of the step, and above it from then on."""
    agreement = _agreement()
    share = ShareFactory.create(agreement=agreement, share_mw=12)
    ShareFactory.create(agreement=agreement, share_mw=8)
    ShareStepFactory.create(share=share, share_mw=13)


def _agreement() -> PowerPurchaseAgreement:
    agreement: PowerPurchaseAgreement = AgreementFactory.create(contracted_mw=20)
    return agreement


def _works_of_another_connection(world: World) -> None:
    CapacityStepFactory.create(works=NetworkWorksFactory.create())


def _machine_in_charge(world: World) -> None:
    MembershipFactory.create(person=UserFactory.create(machine=True), role=Role.ADMINISTRATOR)


def _followed() -> Gate:
    """A gate that follows an activity of the accepted schedule, which starts and ends on 1 March 2027."""
    noon = datetime.fromisoformat("2027-03-01 12:00")
    revision = ScheduleRevisionFactory.create(state=RevisionState.ACCEPTED)
    ActivityFactory.create(revision=revision, code="A10", early_start=noon, early_finish=noon)
    gate: Gate = GateFactory.create(
        site=revision.site, project_code="BUILD", activity_code="A10", followed_on=noon.date()
    )
    return gate


def _link_between_schedules(world: World) -> None:
    ActivityLinkFactory.create(successor=ActivityFactory.create(revision=ScheduleRevisionFactory.create()))


def _document_of_other_bytes(world: World) -> None:
    ScheduleDocumentFactory.create(content=b"ERMHDR")


def _gate_lost_in_sight(world: World) -> None:
    Gate.objects.filter(pk=_followed().pk).update(lost_at="2026-11-20T12:00:00Z")


def _anchor_lost_in_sight(world: World) -> None:
    requirement = RequirementFactory.create(site=_followed().site, ros_rule=RosRule.ANCHORED, ros_fixed_on=None)
    RosAnchorFactory.create(
        requirement=requirement, gate=None, project_code="BUILD", activity_code="A10", lost_at="2026-11-20T12:00:00Z"
    )


def _gate_a_day_off(world: World) -> None:
    Gate.objects.filter(pk=_followed().pk).update(followed_on=F("followed_on") + timedelta(days=1))


BREAKS: list[tuple[str, Callable[[World], None]]] = [
    ("lots_add_up_to_their_schedule_line", _lots_do_not_add_up),
    ("the_log_says_what_its_lines_say", _log_forgets),
    ("allocations_fit_their_lot", _lot_allocated_twice),
    ("allocations_fit_their_requirement", _requirement_served_twice),
    ("an_allocation_stays_at_one_site_and_class", _allocated_to_another_site),
    ("a_cancelled_line_serves_no_requirement", _cancelled),
    ("a_cancelled_line_serves_no_requirement", _line_cancelled),
    ("a_group_holds_its_own_site_and_class", _group_of_another_site),
    ("a_block_needs_groups_of_its_own_site", _need_of_another_site),
    ("a_chain_has_its_anchor_step", _anchor_step_gone),
    ("a_chain_has_its_anchor_step", _anchor_step_left_out),
    ("a_chain_has_an_owner", _stray_chain),
    ("a_lot_and_its_chain_are_at_one_site", _chain_elsewhere),
    ("a_promise_supersedes_one_of_its_own_milestone", _superseding_another_milestone),
    ("a_receipt_reverses_one_of_its_own_lot", _reversing_another_quantity),
    ("a_receipt_reverses_one_of_its_own_lot", _reversing_a_receipt_of_another_lot),
    ("a_shipment_notice_reverses_one_of_its_own_lot", _reversing_another_shipment),
    ("a_shipment_notice_reverses_one_of_its_own_lot", _reversing_a_shipment_of_another_lot),
    ("receipts_fit_their_lot", _received_twice),
    ("a_serial_number_is_of_a_standing_receipt_of_its_lot", _plate_of_another_lot),
    ("a_serial_number_is_of_a_standing_receipt_of_its_lot", _plate_of_a_reversed_receipt),
    ("a_serial_number_is_of_a_standing_receipt_of_its_lot", _plate_of_a_reversal),
    ("serial_numbers_fit_their_receipt", _more_plates_than_units),
    ("a_live_lot_has_a_current_forecast", _no_current_forecast),
    ("float_and_forecast_make_the_required_date", _float_off_by_one),
    ("a_notice_tells_its_own_recipient_over_its_own_channel", _told_to_another),
    ("a_membership_of_a_machine_is_no_administrator", _machine_in_charge),
    ("shares_fit_their_agreement", _shared_twice),
    ("shares_fit_their_agreement", _shared_out_by_a_step),
    ("a_capacity_step_waits_for_works_of_its_own_connection", _works_of_another_connection),
    ("a_link_stays_within_its_schedule", _link_between_schedules),
    ("a_schedule_document_proves_its_hash", _document_of_other_bytes),
    ("what_is_lost_is_not_in_the_schedule", _gate_lost_in_sight),
    ("what_is_lost_is_not_in_the_schedule", _anchor_lost_in_sight),
    ("a_gate_keeps_the_date_of_its_activity", _gate_a_day_off),
]


def test_a_good_world_breaks_nothing(world: World) -> None:
    assert invariants.broken() == []


def test_an_empty_world_breaks_nothing() -> None:
    assert invariants.broken() == []


@pytest.mark.parametrize(("rule", "break_it"), BREAKS, ids=[break_it.__name__ for _, break_it in BREAKS])
def test_a_broken_rule_is_told_by_its_name_and_no_other_is(
    rule: str, break_it: Callable[[World], None], world: World
) -> None:
    break_it(world)

    assert {each.rule for each in invariants.broken()} == {rule}


def test_every_rule_of_the_script_is_broken_here() -> None:
    script = Path(invariants.__file__).with_name("invariants.sql").read_text()

    assert set(re.findall(r"^SELECT '(\w+)'", script, re.MULTILINE)) == {rule for rule, _ in BREAKS}


def test_a_broken_rule_names_its_subject_and_what_is_wrong(world: World) -> None:
    _received_twice(world)

    assert invariants.broken() == [
        invariants.Broken("receipts_fit_their_lot", str(world.lot.pk), "received 2.000 of 1.000")
    ]


def test_a_reversed_receipt_makes_room_for_another(world: World) -> None:
    ReceiptFactory.create(lot=world.lot, reverses=world.receipt)
    ReceiptFactory.create(lot=world.lot)

    assert invariants.broken() == []
