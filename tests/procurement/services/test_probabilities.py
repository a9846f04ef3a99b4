"""Sampled deliveries and blocks: what is stored, what it was drawn from, and what a done or unknown thing has."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from procurement.gateways import wake
from procurement.models import (
    BlockProbability,
    DeliveryLot,
    DueDraw,
    ForecastRun,
    LotForecast,
    LotProbability,
    StepHistory,
)
from procurement.queries.block import block_view
from procurement.queries.line import line_view
from procurement.queries.log import LogFilter, log_page
from procurement.services import forecasts, histories, probabilities
from procurement.services.forecasts import Touched
from procurement.services.site_answers import SiteWork
from procurement.vocabulary import HistoryKind, HistoryLevel, LineStatus, RunCause
from sites.models import Block, Milestone, Site
from tests.factories.procurement import (
    AllocationFactory,
    DeliveryLotFactory,
    EquipmentClassFactory,
    GroupNeedFactory,
    RedundancyGroupFactory,
    RequirementFactory,
    StepHistoryFactory,
)
from tests.factories.sites import BlockFactory, MembershipFactory, PromiseFactory, SiteFactory
from tests.threads import at_once

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
BEGUN = {"PO_ISSUED": date(2026, 11, 2)}


def recalculate(site: Site, touched: Touched | None = None) -> None:
    forecasts.recalculate(site_id=site.pk, as_of=TODAY, now=NOW, cause=RunCause.CHANGE, touched=touched, evaluate=False)


def a_lot(site: Site | None = None, **more: object) -> DeliveryLot:
    site = site or SiteFactory.create()
    lot: DeliveryLot = DeliveryLotFactory.create(site=site, actuals=BEGUN, **more)
    requirement = RequirementFactory.create(
        site=site, equipment_class=lot.schedule_line.line.equipment_class, ros_fixed_on=date(2027, 12, 1)
    )
    AllocationFactory.create(lot=lot, requirement=requirement)
    return lot


def odds(lot: DeliveryLot) -> LotProbability:
    return LotProbability.objects.get(lot=lot, current=True)


def site_of(lot: DeliveryLot) -> Site:
    site = lot.schedule_line.site
    assert site is not None
    return site


def test_an_open_line_has_ordered_percentiles_and_a_chance() -> None:
    lot = a_lot()

    recalculate(site_of(lot))

    row = odds(lot)
    assert TODAY < row.p50_on < row.p80_on < row.p95_on
    assert row.on_time_percent is not None
    assert (row.required_on_site, row.run.trials, row.run.seed) == (date(2027, 12, 1), 1000, 1)


def test_without_history_the_assumption_is_named() -> None:
    lot = a_lot()

    recalculate(site_of(lot))

    spread = odds(lot).spread
    assert {entry["level"] for entry in spread} == {"assumed"}
    assert len(spread) == 3
    assert spread[0]["share_percent"] >= spread[1]["share_percent"] >= spread[2]["share_percent"] > 0


def test_a_history_without_spread_makes_the_percentiles_the_forecast() -> None:
    lot = a_lot()
    for code in lot.chain.milestones.values_list("code", flat=True):
        StepHistoryFactory.create(code=code, quantiles=[1000] * 65)

    recalculate(site_of(lot))

    row = odds(lot)
    assert {row.p50_on, row.p80_on, row.p95_on} == {lot.forecasts.get(current=True).forecast_on}
    assert row.spread == []


@pytest.mark.parametrize(
    ("known", "level"),
    [
        (("step", "equipment_class", "company", "plant"), "plant"),
        (("step", "equipment_class", "company"), "company"),
        (("step", "equipment_class"), "equipment_class"),
        (("step",), "step"),
    ],
)
def test_the_narrowest_reference_class_is_drawn_from(known: tuple[str, ...], level: str) -> None:
    lot = a_lot()
    line = lot.schedule_line.line
    assert line.plant is not None
    of = {"equipment_class": line.equipment_class, "company": line.plant.company, "plant": line.plant}
    for each in known:
        looked_at = list(of)[: ("step", *of).index(each)]
        StepHistoryFactory.create(
            level=each,
            code="FAT_PASS",
            quantiles=[900 + 20 * n for n in range(65)],
            **{name: of[name] for name in looked_at},
        )

    recalculate(site_of(lot))

    assert {entry["level"] for entry in odds(lot).spread if entry["code"] == "FAT_PASS"} == {level}


def test_the_class_that_stands_in_is_drawn_from_where_the_own_class_has_no_history() -> None:
    lot = a_lot()
    own = lot.schedule_line.line.equipment_class
    last = EquipmentClassFactory.create(code="LAST")
    own.fallback = EquipmentClassFactory.create(code="NEXT", fallback=last)
    own.save(update_fields=["fallback"])
    for level, equipment_class in (("step", None), ("equipment_class", last)):
        StepHistoryFactory.create(
            level=level, code="FAT_PASS", quantiles=[900 + 20 * n for n in range(65)], equipment_class=equipment_class
        )

    recalculate(site_of(lot))

    assert {entry["level"] for entry in odds(lot).spread if entry["code"] == "FAT_PASS"} == {"stand_in"}


def test_a_promised_step_is_drawn_from_how_promises_were_kept() -> None:
    lot = a_lot()
    PromiseFactory.create(
        milestone=lot.chain.milestones.get(code="ON_SITE"),
        counts_on=date(2028, 9, 1),
        stated_on=TODAY,
        conditional_on=None,
    )
    StepHistoryFactory.create(
        kind=HistoryKind.PROMISE, landmark=5, code="ON_SITE", quantiles=[1000 + 10 * n for n in range(65)]
    )

    recalculate(site_of(lot))

    first = odds(lot).spread[0]
    assert (first["code"], first["kind"], first["level"]) == ("ON_SITE", "promise", "step")


def test_what_is_on_site_has_no_probability_any_more() -> None:
    lot = a_lot()
    recalculate(site_of(lot))
    lot.chain.milestones.filter(code="ON_SITE").update(actual_on=TODAY, actual_recorded_at=NOW)

    recalculate(site_of(lot), Touched(lots=frozenset({lot.pk})))

    assert not LotProbability.objects.filter(lot=lot, current=True).exists()
    assert LotProbability.objects.filter(lot=lot).count() == 1


def test_a_run_without_news_stores_no_probability_again() -> None:
    lot = a_lot()
    recalculate(site_of(lot))

    recalculate(site_of(lot))

    assert LotProbability.objects.count() == 1


def test_a_moved_ros_counts_the_chance_anew() -> None:
    lot = a_lot()
    site = site_of(lot)
    recalculate(site)
    sure = odds(lot).on_time_percent
    requirement = lot.allocations.get().requirement
    requirement.ros_fixed_on = TODAY
    requirement.save(update_fields=["ros_fixed_on"])

    recalculate(site, Touched(requirements=frozenset({requirement.pk})))
    probabilities.draw_due()

    assert sure != 0
    assert (odds(lot).required_on_site, odds(lot).on_time_percent) == (TODAY, 0)


def test_a_chance_by_another_ros_is_not_shown() -> None:
    lot = a_lot()
    recalculate(site_of(lot))
    LotProbability.objects.update(on_time_percent=63)
    reader = MembershipFactory.create().person

    def shown() -> list[int | None]:
        (of_line,) = line_view(lot.schedule_line).lots
        (of_log,) = log_page(reader, LogFilter()).rows
        assert of_log.p80_on == odds(lot).p80_on
        return [of_line.chance_percent, of_log.on_time_percent]

    before = shown()
    LotForecast.objects.update(required_on_site=date(2027, 12, 2), float_days=F("float_days") + 1)

    assert before == [63, 63]
    assert shown() == [None, None]


def test_a_chance_by_another_baseline_is_not_shown() -> None:
    block = three_units(2)
    Block.objects.update(rfs_baseline_on=date(2028, 6, 1))
    recalculate(block.phase.site)
    block.refresh_from_db()
    BlockProbability.objects.update(on_time_percent=63)

    before = block_view(block).chance_percent
    block.rfs_baseline_on = date(2028, 6, 2)

    assert before == 63
    assert block_view(block).chance_percent is None


def stretched(lot: DeliveryLot, days: int = 500) -> None:
    """A step takes so long, and the lot is calculated anew as in a request."""
    lot.chain.milestones.filter(code="FAT_PASS").update(duration_days=days)
    recalculate(site_of(lot), Touched(lots=frozenset({lot.pk})))


def test_what_a_request_moves_is_drawn_after_it() -> None:
    lot = a_lot()
    recalculate(site_of(lot))
    before = odds(lot)

    stretched(lot)

    assert odds(lot).pk == before.pk
    due = DueDraw.objects.get()
    assert (due.lot, due.block, due.run.trials) == (lot, None, 1000)
    assert probabilities.draw_due() == 1
    assert odds(lot).p50_on > before.p50_on
    assert odds(lot).run == due.run
    assert not DueDraw.objects.exists()
    assert probabilities.draw_due() == 0


def test_a_request_that_moves_nothing_makes_nothing_due() -> None:
    lot = a_lot()
    recalculate(site_of(lot))

    recalculate(site_of(lot), Touched(lots=frozenset({lot.pk})))

    assert not DueDraw.objects.exists()


def test_odds_of_other_dates_are_not_shown_while_they_are_drawn() -> None:
    lot = a_lot()
    recalculate(site_of(lot))
    reader = MembershipFactory.create().person

    def shown() -> list[object]:
        (of_line,) = line_view(lot.schedule_line).lots
        (of_log,) = log_page(reader, LogFilter()).rows
        assert of_line.is_being_drawn == of_log.are_being_drawn
        return [of_line.odds and of_line.odds.p80_on, of_log.p80_on, of_log.are_being_drawn]

    before = odds(lot).p80_on
    at_first = shown()
    stretched(lot)
    meanwhile = shown()
    probabilities.draw_due()

    assert at_first == [before, before, False]
    assert meanwhile == [None, None, True]
    assert shown() == [odds(lot).p80_on, odds(lot).p80_on, False]
    assert odds(lot).p80_on > before


def test_a_block_is_drawn_again_when_a_unit_it_could_spare_moves() -> None:
    block = three_units(2)
    recalculate(block.phase.site)
    before = BlockProbability.objects.get(block=block, current=True)
    lot = DeliveryLot.objects.filter(schedule_line__site=block.phase.site).order_by("pk")[0]

    stretched(lot)

    view = block_view(block)
    assert (view.odds, view.is_being_drawn) == (None, True)
    probabilities.draw_due()
    assert block_view(block).odds == BlockProbability.objects.get(block=block, current=True)
    assert BlockProbability.objects.get(block=block, current=True).pk != before.pk


def test_what_moves_again_while_a_whole_run_draws_stays_due() -> None:
    lot = a_lot()
    site = site_of(lot)
    recalculate(site)
    stretched(lot)
    due = probabilities.due_before(site.pk)
    work = SiteWork(site, TODAY, None)
    work.calculate()
    run = ForecastRun.objects.get(due_draws__lot=lot)
    stretched(lot, 600)

    probabilities.sample(work, run, due)

    assert DueDraw.objects.get().run != run
    stretched(lot, 700)
    recalculate(site)
    assert not DueDraw.objects.exists()


def test_a_cancelled_lot_that_was_due_has_no_odds() -> None:
    lot = a_lot()
    recalculate(site_of(lot))
    stretched(lot)
    line = lot.schedule_line
    line.status = LineStatus.CANCELLED
    line.save(update_fields=["status"])

    probabilities.draw_due()

    assert not LotProbability.objects.filter(lot=lot, current=True).exists()
    assert not DueDraw.objects.exists()


def test_a_site_that_fails_stays_due_and_does_not_stop_the_others() -> None:
    broken, healthy = a_lot(), a_lot()
    for lot in (broken, healthy):
        recalculate(site_of(lot))
        stretched(lot)
    broken.chain.milestones.update(duration_days=3660)

    assert probabilities.draw_due() == 1
    assert DueDraw.objects.get().lot == broken


def test_the_workers_are_asked_once_it_is_committed(django_capture_on_commit_callbacks: Any) -> None:
    asked: list[str] = []
    lot = a_lot()
    recalculate(site_of(lot))
    wake.wire(None, for_draws=lambda: asked.append("draw"))
    try:
        with django_capture_on_commit_callbacks(execute=True):
            stretched(lot)
            assert asked == []
    finally:
        wake.wire(None)

    assert asked == ["draw"]


@pytest.mark.django_db(transaction=True)
def test_of_several_workers_one_draws_a_site() -> None:
    lot = a_lot()
    recalculate(site_of(lot))
    stretched(lot)

    assert sum(at_once(3, lambda _place: probabilities.draw_due())) == 1
    assert LotProbability.objects.filter(lot=lot, current=True).count() == 1


def three_units(needed: int) -> Block:
    site = SiteFactory.create()
    block: Block = BlockFactory.create(phase__site=site, rfs_plan_on=None)
    lots = [DeliveryLotFactory.create(site=site, actuals=BEGUN) for _ in range(3)]
    equipment = lots[0].schedule_line.line.equipment_class
    group = RedundancyGroupFactory.create(site=site, equipment_class=equipment)
    GroupNeedFactory.create(block=block, group=group, needed_units=needed)
    for lot in lots:
        requirement = RequirementFactory.create(
            site=site, equipment_class=equipment, group=group, ros_fixed_on=date(2027, 12, 1)
        )
        AllocationFactory.create(lot=lot, requirement=requirement)
    return block


def test_a_block_that_needs_fewer_units_is_ready_sooner() -> None:
    rows = []
    for needed in (1, 3):
        block = three_units(needed)
        recalculate(block.phase.site)
        rows.append(BlockProbability.objects.get(block=block, current=True))

    fewer, more = ([on for on in (row.p50_on, row.p80_on, row.p95_on) if on is not None] for row in rows)
    assert len(fewer) == len(more) == 3
    assert fewer[0] < fewer[1] < fewer[2]
    assert more[0] < more[1] < more[2]
    assert fewer[1] < more[1]


def test_a_scoped_run_samples_a_block_as_the_whole_site_does() -> None:
    block = three_units(2)
    site = block.phase.site
    recalculate(site)
    lot = DeliveryLot.objects.filter(schedule_line__site=site).order_by("pk")[0]
    lot.chain.milestones.filter(code="FAT_PASS").update(duration_days=500)
    recalculate(site, Touched(lots=frozenset({lot.pk})))
    probabilities.draw_due()
    scoped = BlockProbability.objects.get(block=block, current=True)

    recalculate(site)

    assert BlockProbability.objects.get(block=block, current=True).pk == scoped.pk
    assert BlockProbability.objects.filter(block=block).count() == 2


def test_a_block_with_too_few_units_is_unknown_and_says_of_what() -> None:
    block = three_units(3)
    block.phase.site.groups.get().needs.update(needed_units=4)

    recalculate(block.phase.site)

    row = BlockProbability.objects.get(block=block, current=True)
    assert (row.p50_on, row.unknown_because) == (None, block.phase.site.groups.get().code)


def test_histories_are_learnt_from_steps_that_are_done() -> None:
    site = SiteFactory.create()
    for late in range(30):
        lot = DeliveryLotFactory.create(site=site)
        first, second = list(lot.chain.milestones.order_by("sequence")[:2])
        _done(first, date(2026, 1, 5))
        _done(second, date(2026, 4, 1) + timedelta(days=late))

    count = histories.learn(as_of=TODAY)

    assert count == StepHistory.objects.count() > 0
    row = StepHistory.objects.get(kind=HistoryKind.DURATION, level=HistoryLevel.STEP)
    assert (row.code, row.sample, len(row.quantiles)) == ("SUBMITTAL_IN", 30, 65)
    assert row.quantiles == sorted(row.quantiles)
    assert row.quantiles[-1] > row.quantiles[0] > 1000


def test_a_promise_is_learnt_at_each_landmark_with_how_far_a_delay_moved_it() -> None:
    site = SiteFactory.create()
    for late in range(30):
        lot = DeliveryLotFactory.create(site=site)
        before, arrived = list(lot.chain.milestones.order_by("-sequence")[:2])[::-1]
        _done(before, date(2026, 8, 1) + timedelta(days=late))
        _done(arrived, date(2026, 9, 1) + timedelta(days=late))
        PromiseFactory.create(
            milestone=arrived,
            counts_on=date(2026, 9, 1),
            stated_on=date(2026, 8, 20),
            recorded_at=NOW,
            conditional_on=date(2026, 8, 1),
        )

    histories.learn(as_of=TODAY)

    row = StepHistory.objects.get(kind=HistoryKind.PROMISE, level=HistoryLevel.STEP)
    assert (row.code, row.landmark, row.sample, row.carried) == (arrived.code, 0, 30, 1000)
    assert set(row.quantiles) == {1000}  # what came later than promised was all in the step before


def _done(milestone: Milestone, on: date) -> None:
    milestone.actual_on, milestone.actual_recorded_at = on, NOW
    milestone.save(update_fields=["actual_on", "actual_recorded_at"])


def test_learning_again_replaces_what_was_known() -> None:
    StepHistoryFactory.create(as_of=date(2026, 11, 1))
    assert not histories.is_learnt(TODAY)

    assert histories.learn(as_of=TODAY) == 0
    assert not StepHistory.objects.exists()
