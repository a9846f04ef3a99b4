"""The engine over stored rows: the worked example of the date rules, and what a change touches."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from procurement.models import BlockForecast, ForecastRun, LotForecast, RequirementForecast
from procurement.services import forecasts
from procurement.services.forecasts import Moved, Touched
from procurement.services.site_answers import answer_chains
from procurement.vocabulary import RosRule, RunCause
from sites.models import Block, Site
from sites.vocabulary import GateKind
from tests.factories.procurement import (
    AllocationFactory,
    DeliveryLotFactory,
    EquipmentClassFactory,
    GroupNeedFactory,
    RedundancyGroupFactory,
    RequirementFactory,
)
from tests.factories.sites import BlockFactory, ChainFactory, GateFactory, PromiseFactory, SiteFactory

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # early afternoon in Sydney
BASELINE = {
    "PO_ISSUED": date(2026, 8, 3),
    "SUBMITTAL_IN": date(2026, 9, 17),
    "SUBMITTAL_APPROVED": date(2026, 10, 9),
    "RTM": date(2026, 10, 16),
    "FAT_PASS": date(2027, 5, 24),
    "RTS": date(2027, 6, 7),
    "ARRIVED_PORT": date(2027, 7, 5),
    "IMPORT_CLEARED": date(2027, 7, 12),
    "ON_SITE": date(2027, 7, 19),
}


def recalculate(site: Site, touched: Touched | None = None) -> forecasts.Recalculated:
    return forecasts.recalculate(
        site_id=site.pk, as_of=TODAY, now=NOW, cause=RunCause.CHANGE, touched=touched, evaluate=False
    )


def worked_example() -> tuple[Site, LotForecast]:
    site = SiteFactory.create()
    lot = DeliveryLotFactory.create(
        site=site,
        actuals={"PO_ISSUED": date(2026, 8, 3), "SUBMITTAL_IN": date(2026, 9, 25)},
        baseline=BASELINE,
    )
    PromiseFactory.create(
        milestone=lot.chain.milestones.get(code="FAT_PASS"),
        counts_on=date(2027, 5, 21),
        stated_on=date(2026, 10, 1),
        conditional_on=date(2026, 10, 16),
    )
    requirement = RequirementFactory.create(
        site=site,
        equipment_class=lot.schedule_line.line.equipment_class,
        required_on_site=None,
        ros_fixed_on=None,
        ros_rule=RosRule.ANCHORED,
        shake_out_days=10,
    )
    for day, kind in ((date(2027, 10, 5), GateKind.DRY_IN), (date(2027, 11, 15), GateKind.PADS_READY)):
        requirement.anchors.create(gate=GateFactory.create(site=site, kind=kind, planned_on=day))
    AllocationFactory.create(lot=lot, requirement=requirement)
    recalculate(site)
    return site, LotForecast.objects.get(lot=lot, current=True)


def test_the_worked_example_stands_in_the_tables_to_the_day() -> None:
    _, row = worked_example()

    assert [
        (step["code"], step["forecast_on"], step["driver"], step["latest_on"], step["float_days"], step["slip_days"])
        for step in row.steps
    ] == [
        ("PO_ISSUED", "2026-08-03", "actual", "2026-10-07", 65, 0),
        ("SUBMITTAL_IN", "2026-09-25", "actual", "2026-11-20", 56, 8),
        ("SUBMITTAL_APPROVED", "2026-11-20", "today", "2026-12-11", 21, 42),
        ("RTM", "2026-11-30", "duration", "2026-12-18", 18, 45),
        ("FAT_PASS", "2027-07-05", "promise_shifted", "2027-07-26", 21, 42),
        ("RTS", "2027-07-20", "duration", "2027-08-09", 20, 43),
        ("ARRIVED_PORT", "2027-08-17", "duration", "2027-09-06", 20, 43),
        ("IMPORT_CLEARED", "2027-08-24", "duration", "2027-09-13", 20, 43),
        ("ON_SITE", "2027-08-31", "duration", "2027-09-20", 20, 43),
    ]


def test_a_line_shows_the_float_of_its_arrival_and_the_step_that_decides_it() -> None:
    _, row = worked_example()

    assert (
        row.required_on_site, row.forecast_on, row.float_days, row.float_working_days, row.slip_days,
        row.driver_code, row.driver, row.next_code, row.next_on, row.delivered_on,
    ) == (
        date(2027, 9, 20), date(2027, 8, 31), 20, 14, 43,
        "FAT_PASS", "promise_shifted", "SUBMITTAL_APPROVED", date(2026, 11, 20), None,
    )  # fmt: skip


def test_a_requirement_keeps_its_computed_required_date_and_its_anchors_dates() -> None:
    site, _ = worked_example()
    requirement = site.requirements.get()

    assert requirement.required_on_site == date(2027, 9, 20)
    dates = requirement.anchors.order_by("last_on").values_list("last_on", flat=True)
    assert list(dates) == [date(2027, 10, 5), date(2027, 11, 15)]


def test_a_second_run_without_news_stores_no_answer_again() -> None:
    site, _ = worked_example()
    before = LotForecast.objects.count(), RequirementForecast.objects.count()

    again = recalculate(site)

    assert (again.moved, again.run.changed_answers) == ((), 0)
    assert (LotForecast.objects.count(), RequirementForecast.objects.count()) == before
    assert ForecastRun.objects.count() == 2
    assert len(set(ForecastRun.objects.values_list("input_hash", flat=True))) == 1


def test_a_moved_answer_is_a_new_row_and_the_old_one_stays() -> None:
    site, row = worked_example()
    row.lot.chain.milestones.filter(code="RTS").update(locked_on=date(2027, 10, 1), locked_at=NOW)

    moved = recalculate(site, Touched(lots=frozenset({row.lot_id}))).moved

    requirement = site.requirements.get()
    assert moved == (
        Moved("lot", row.lot_id, f"{row.lot.schedule_line}/1", date(2027, 8, 31), date(2027, 11, 12)),
        Moved("requirement", requirement.pk, requirement.tag, date(2027, 8, 31), date(2027, 11, 12)),
    )
    history = LotForecast.objects.filter(lot=row.lot).order_by("created_at").values_list("current", "forecast_on")
    assert list(history) == [(False, date(2027, 8, 31)), (True, date(2027, 11, 12))]


@pytest.mark.parametrize(("stated_on", "is_flagged"), [(date(2026, 11, 20), False), (date(2026, 11, 21), True)])
def test_a_pin_was_set_on_the_sites_own_day(stated_on: date, is_flagged: bool) -> None:
    """Half past six in the morning of the 20th in Sydney, which is the 19th in UTC."""
    site, row = worked_example()
    step = row.lot.chain.milestones.get(code="RTS")
    pinned_at = datetime(2026, 11, 19, 19, 30, tzinfo=UTC)
    row.lot.chain.milestones.filter(code="RTS").update(locked_on=date(2027, 10, 1), locked_at=pinned_at)
    PromiseFactory.create(milestone=step, counts_on=date(2027, 9, 1), stated_on=stated_on)

    recalculate(site, Touched(lots=frozenset({row.lot_id})))

    answer = LotForecast.objects.get(lot=row.lot, current=True)
    flags = next(each.get("flags", ()) for each in answer.steps if each["code"] == "RTS")
    assert ("promise_after_lock" in flags) == is_flagged
    ((facts, _answer),) = answer_chains([row.lot.chain], TODAY).values()
    assert next(each.lock_set_on for each in facts.steps if each.code == "RTS") == date(2026, 11, 20)


def test_an_unordered_requirement_runs_its_class_as_if_ordered_today() -> None:
    requirement = RequirementFactory.create(required_on_site=date(2027, 12, 20))

    recalculate(requirement.site)

    row = RequirementForecast.objects.get(requirement=requirement, current=True)
    assert (row.ordered, row.steps[0]["forecast_on"], row.steps[0]["driver"]) == (False, "2026-11-20", "today")
    assert (row.forecast_on, row.order_by_on, row.float_days) == (
        date(2027, 11, 5),
        date.fromisoformat(row.steps[0]["latest_on"]),
        45,
    )


def test_a_cancelled_line_leaves_the_forecasts_and_its_requirement_is_unordered_again() -> None:
    site, row = worked_example()
    allocation = row.lot.allocations.get()
    allocation.ended_at, allocation.end_reason = NOW, "Line cancelled"
    allocation.save()
    row.lot.schedule_line.line.status = "cancelled"
    row.lot.schedule_line.line.save()

    touched = Touched(lots=frozenset({row.lot_id}), requirements=frozenset({allocation.requirement_id}))
    recalculate(site, touched)

    assert not LotForecast.objects.filter(current=True).exists()
    assert RequirementForecast.objects.get(current=True).ordered is False


def block_of_units(late: int, of: int, needed: int) -> tuple[Site, Block]:
    """A block with a group of single units, the first `late` of which arrive 60 days after the others."""
    site = SiteFactory.create()
    block = BlockFactory.create(phase__site=site, rfs_baseline_on=date(2028, 2, 1), rfs_plan_on=date(2028, 1, 1))
    kind = EquipmentClassFactory.create(installation_days=0, commissioning_days=0)
    group = RedundancyGroupFactory.create(site=site, equipment_class=kind, code="GEN")
    GroupNeedFactory.create(block=block, group=group, needed_units=needed)
    for number in range(of):
        lot = DeliveryLotFactory.create(site=site, schedule_line__line__equipment_class=kind)
        on = date(2028, 4, 1) if number < late else date(2028, 2, 1)
        lot.chain.milestones.filter(code="ON_SITE").update(locked_on=on, locked_at=NOW)
        requirement = RequirementFactory.create(
            site=site, equipment_class=kind, group=group, tag=f"GEN-{number}", required_on_site=date(2028, 2, 1)
        )
        AllocationFactory.create(lot=lot, requirement=requirement)
    recalculate(site)
    return site, block


@pytest.mark.parametrize(
    ("late", "rfs", "mw_days", "recovers", "costs"),
    [
        (0, date(2028, 2, 1), Decimal(0), [0, 0, 0], [0, 0, 0]),
        (1, date(2028, 2, 1), Decimal(0), [0, 0, 0], [0, 0, 0]),
        (2, date(2028, 4, 1), Decimal(480), [480, 480, 0], [0, 0, 0]),
        (3, date(2028, 4, 1), Decimal(480), [0, 0, 0], [0, 0, 0]),
    ],
)
def test_two_of_three_units_carry_a_block_until_a_second_one_slips(
    late: int, rfs: date, mw_days: Decimal, recovers: list[int], costs: list[int]
) -> None:
    _, block = block_of_units(late, of=3, needed=2)

    row = BlockForecast.objects.get(block=block, current=True)
    lots = LotForecast.objects.filter(current=True).order_by("lot__allocations__requirement__tag")

    assert (row.rfs_forecast_on, row.mw_days_at_risk) == (rfs, mw_days)
    assert list(lots.values_list("recovers_mw_days", flat=True)) == recovers
    assert list(lots.values_list("costs_mw_days", flat=True)) == costs


def test_a_neighbours_slip_changes_the_figures_of_lots_that_stood_still() -> None:
    site, block = block_of_units(late=1, of=3, needed=2)
    second = LotForecast.objects.get(current=True, lot__allocations__requirement__tag="GEN-1").lot
    second.chain.milestones.filter(code="ON_SITE").update(locked_on=date(2028, 4, 1))

    recalculate(site, Touched(lots=frozenset({second.pk})))

    first = LotForecast.objects.get(current=True, lot__allocations__requirement__tag="GEN-0")
    assert (first.recovers_mw_days, first.run.as_of) == (Decimal(480), TODAY)
    assert BlockForecast.objects.get(block=block, current=True).mw_days_at_risk == Decimal(480)


def test_a_scoped_run_answers_as_the_whole_site_does() -> None:
    site, _ = block_of_units(late=1, of=3, needed=2)
    second = LotForecast.objects.get(current=True, lot__allocations__requirement__tag="GEN-1").lot
    second.chain.milestones.filter(code="ON_SITE").update(locked_on=date(2028, 4, 1))
    recalculate(site, Touched(lots=frozenset({second.pk})))

    whole = recalculate(site)

    assert (whole.moved, whole.run.changed_answers) == ((), 0)


def test_a_unit_without_an_answer_makes_its_block_unknown_not_zero() -> None:
    site, block = block_of_units(late=0, of=2, needed=2)
    group = site.groups.get()
    group.needs.update(needed_units=3)

    recalculate(site)

    row = BlockForecast.objects.get(block=block, current=True)
    assert (row.rfs_forecast_on, row.mw_days_at_risk, row.unknown_because) == (None, None, "GEN")


def queries_of_a_change(units: int) -> int:
    site, _ = block_of_units(late=0, of=units, needed=units)
    lot = (
        LotForecast.objects.filter(current=True, lot__schedule_line__site=site)
        .order_by("lot__allocations__requirement__tag")[0]
        .lot
    )
    lot.chain.milestones.filter(code="ON_SITE").update(locked_on=date(2028, 3, 1))
    with CaptureQueriesContext(
        connection,
    ) as seen:
        recalculate(site, Touched(lots=frozenset({lot.pk})))
    return len(seen)


def test_a_change_takes_the_same_number_of_queries_beside_one_other_unit_and_three() -> None:
    assert queries_of_a_change(2) == queries_of_a_change(4)


def test_a_gate_and_a_grid_connection_are_answered_by_the_same_engine() -> None:
    gate = GateFactory.create(planned_on=date(2027, 10, 5))
    chain = ChainFactory.create(kind="gate", site=gate.site)

    moved = recalculate(gate.site).moved

    assert moved == (Moved("gate", gate.pk, f"{gate.site.code} {gate}", None, date(2027, 10, 5)),)
    assert not chain.milestones.exists()
