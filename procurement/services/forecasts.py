"""Runs the engine over what a change can touch and stores the answers that changed, in the writing transaction."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from procurement.models import (
    BlockForecast,
    ChainForecast,
    ForecastRun,
    LotForecast,
    RequirementForecast,
)
from procurement.models.requirement import Requirement, RosAnchor
from procurement.queries import facts as reading
from procurement.queries.facts import AllocationRow, LotRow, RequirementRow
from procurement.services import alerts
from procurement.vocabulary import RunCause
from sites.accounts.models import User
from sites.domain import capacity
from sites.domain.calendar import WorkingCalendar
from sites.domain.lead_time import as_if_ordered_today
from sites.domain.schedule import (
    ENGINE_VERSION,
    ChainAnswer,
    ChainFacts,
    StepAnswer,
    forecast_chain,
    input_hash,
)
from sites.models import Block, Chain, Site
from sites.queries.chains import UNPLACED, chain_facts, with_required_on_site, working_calendars
from sites.vocabulary import BlockPolicy, ChainKind, Driver, DurationBasis

_BATCH = 2000
_FOLLOWS_THE_STEP_BEFORE = {Driver.DURATION, Driver.PREDECESSOR, Driver.SPAN}


@dataclass(frozen=True, slots=True)
class Moved:
    """One shown date before and after; null where there was or is none. `label` is what a reader calls the subject."""

    kind: str
    key: UUID
    label: str
    before_on: date | None
    after_on: date | None


@dataclass(frozen=True, slots=True)
class Recalculated:
    run: ForecastRun
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change can move. `requirements` need naming only where the allocation or the rule itself changed,
    `blocks` only where their own dates or needs did; `chains` are those of gates and grid connections.
    """

    lots: frozenset[UUID] = frozenset()
    requirements: frozenset[UUID] = frozenset()
    chains: frozenset[UUID] = frozenset()
    blocks: frozenset[UUID] = frozenset()


def local_date(site: Site, now: datetime) -> date:
    """The site's own date at this instant: the as-of date of everything there."""
    return now.astimezone(ZoneInfo(site.time_zone)).date()


@transaction.atomic
def recalculate(
    *,
    site_id: UUID,
    as_of: date,
    now: datetime,
    cause: RunCause,
    cause_text: str = "",
    cause_key: str = "",
    actor: User | None = None,
    touched: Touched | None = None,
    evaluate: bool = True,
) -> Recalculated:
    """Answer what `touched` can move at a site (None: everything), store what changed, and look at the alerts.

    Locks the touched blocks in the order of their keys first. Raises BadInput where stored facts contradict the
    engine (an actual after tomorrow).
    """
    site = Site.objects.select_related("calendar").get(pk=site_id)
    work = _SiteWork(site, as_of, touched)
    work.calculate()
    run = ForecastRun.objects.create(
        site=site,
        as_of=as_of,
        engine_version=ENGINE_VERSION,
        input_hash=work.input_hash(),
        cause=cause,
        cause_text=cause_text[:300],
        cause_key=cause_key,
        actor=actor,
    )
    moved = work.store(run)
    if evaluate:
        alerts.evaluate_site(site_id=site_id, as_of=as_of, now=now, cause_key=cause_key, cause_text=cause_text)
        if touched is None or touched.chains:
            alerts.evaluate_power(as_of=as_of, now=now, cause_key=cause_key, cause_text=cause_text)
    return Recalculated(run, moved)


@transaction.atomic
def recalculate_power(
    *,
    as_of: date,
    now: datetime,
    cause: RunCause,
    cause_text: str = "",
    cause_key: str = "",
    actor: User | None = None,
    chains: Collection[UUID] | None = None,
) -> Recalculated:
    """Answer the chains of power purchase agreements (None: all of them) and look at the power alerts."""
    owned = Chain.objects.filter(kind=ChainKind.AGREEMENT)
    if chains is not None:
        owned = owned.filter(pk__in=chains)
    answers = _answer_chains(list(owned.select_related("site__calendar").order_by("pk")), as_of, working_calendars())
    run = ForecastRun.objects.create(
        site=None,
        as_of=as_of,
        engine_version=ENGINE_VERSION,
        input_hash=_hash(input_hash(facts) for facts, _ in answers.values()),
        cause=cause,
        cause_text=cause_text[:300],
        cause_key=cause_key,
        actor=actor,
    )
    moved = _store_chains(run, answers)
    ForecastRun.objects.filter(pk=run.pk).update(changed_answers=len(moved))
    alerts.evaluate_power(as_of=as_of, now=now, cause_key=cause_key, cause_text=cause_text)
    return Recalculated(run, tuple(moved))


@dataclass(slots=True)
class _RequirementAnswer:
    ordered: bool
    required_on_site: date | None
    forecast_on: date | None = None
    ready_on: date | None = None
    ready_at_ros_on: date | None = None
    order_by_on: date | None = None
    schedule_line_id: UUID | None = None
    steps: list[dict[str, object]] = field(default_factory=list)

    @property
    def line_key(self) -> str | None:
        return str(self.schedule_line_id) if self.schedule_line_id else None


@dataclass(frozen=True, slots=True)
class _LotAnswer:
    row: LotRow
    facts: ChainFacts
    answer: ChainAnswer


class _SiteWork:
    """One calculation at one site: what it read, what it answered."""

    def __init__(self, site: Site, as_of: date, touched: Touched | None) -> None:
        self.site = site
        self.as_of = as_of
        self.touched = touched
        self.calendars = working_calendars()
        self.calendar: WorkingCalendar = self.calendars[site.calendar_id]
        self.requirements: dict[UUID, RequirementRow] = {}
        self.allocations: list[AllocationRow] = []
        self.lots: dict[UUID, _LotAnswer] = {}
        self.required: dict[UUID, reading.RosAnswer] = {}
        self.answers: dict[UUID, _RequirementAnswer] = {}
        self.chains: dict[UUID, tuple[ChainFacts, ChainAnswer]] = {}
        self.blocks: dict[UUID, Block] = {}
        self.block_answers: dict[UUID, capacity.BlockAnswer] = {}
        self.schedule_rfs: dict[UUID, date | None] = {}
        self.figures: dict[str, capacity.LineAnswer] = {}

    def calculate(self) -> None:
        lot_ids = self._scope()
        self._lock_blocks()
        self._required_dates()
        self._answer_lots(lot_ids)
        self._answer_requirements()
        self._answer_blocks()
        self._answer_chains()

    def input_hash(self) -> str:
        return _hash(
            [input_hash(lot.facts) for _, lot in sorted(self.lots.items())]
            + [input_hash(facts) for _, (facts, _) in sorted(self.chains.items())]
        )

    # -- scope ---------------------------------------------------------------------------------------------------

    def _scope(self) -> set[UUID] | None:
        """The lots to answer (None: all of the site) and, as a side result, the requirements.

        A changed rule or allocation moves the ROS of every lot that serves the requirement, and a requirement's
        date is that of its last lot: so both directions are followed once.
        """
        if self.touched is None:
            self.requirements = reading.requirements_of(self.site.pk)
            return None
        lots = set(self.touched.lots)
        wanted = set(self.touched.requirements)
        if wanted:
            lots |= {row.lot_id for row in reading.live_allocations(requirements=wanted)}
        if lots:
            wanted |= {row.requirement_id for row in reading.live_allocations(lots=lots)}
        self.requirements = reading.requirements_of(self.site.pk, wanted)
        if self.requirements:
            lots |= {row.lot_id for row in reading.live_allocations(requirements=self.requirements.keys())}
        return lots

    def _lock_blocks(self) -> None:
        groups = {row.group_id for row in self.requirements.values() if row.group_id}
        needs = reading.group_needs(site_id=self.site.pk, groups=groups if self.touched is not None else None)
        blocks = Block.objects.filter(phase__site=self.site)
        if self.touched is not None:
            blocks = blocks.filter(pk__in={block for block, _, _ in needs} | self.touched.blocks)
        self.blocks = {block.pk: block for block in blocks.order_by("pk").select_for_update(of=("self",))}

    # -- required on site ----------------------------------------------------------------------------------------

    def _required_dates(self) -> None:
        self.required = reading.required_dates(self.site.pk, self.requirements.keys(), self.calendar)
        changed = [
            Requirement(pk=key, required_on_site=self.required[key].required_on)
            for key, row in self.requirements.items()
            if self.required[key].required_on != row.stored_required_on_site
        ]
        Requirement.objects.bulk_update(changed, ["required_on_site"], batch_size=_BATCH)
        self._keep_anchor_dates()

    def _keep_anchor_dates(self) -> None:
        dates = {key: on for answer in self.required.values() for key, on in answer.anchor_dates.items()}
        lost = {key for answer in self.required.values() for key in answer.lost}
        if not dates and not lost:
            return
        moved = []
        for anchor in RosAnchor.objects.filter(pk__in=dates.keys() | lost):
            is_lost = anchor.pk in lost
            if anchor.last_on != dates.get(anchor.pk) or is_lost != (anchor.lost_at is not None):
                anchor.last_on = dates.get(anchor.pk)
                anchor.lost_at = (anchor.lost_at or _midnight(self.as_of)) if is_lost else None
                moved.append(anchor)
        RosAnchor.objects.bulk_update(moved, ["last_on", "lost_at"], batch_size=_BATCH)

    # -- lots ----------------------------------------------------------------------------------------------------

    def _answer_lots(self, lot_ids: set[UUID] | None) -> None:
        rows = reading.lots_of(self.site.pk, lot_ids)
        self.allocations = reading.live_allocations(lots=rows.keys()) if rows else []
        elsewhere = {each.requirement_id for each in self.allocations} - self.required.keys()
        kept = reading.stored_required_dates(elsewhere) if elsewhere else {}
        earliest: dict[UUID, date] = {}
        for each in self.allocations:
            mine = self.required.get(each.requirement_id)
            on = mine.required_on if mine else kept.get(each.requirement_id)
            if on is not None:
                earliest[each.lot_id] = min(on, earliest.get(each.lot_id, on))
        found = chain_facts(
            [row.chain_id for row in rows.values()],
            as_of=self.as_of,
            site_calendar=self.calendar,
            calendars=self.calendars,
        )
        for key, row in rows.items():
            if row.chain_id in found:
                facts = with_required_on_site(found[row.chain_id], earliest.get(key))
                self.lots[key] = _LotAnswer(row, facts, forecast_chain(facts))

    # -- requirements --------------------------------------------------------------------------------------------

    def _answer_requirements(self) -> None:
        served: dict[UUID, list[AllocationRow]] = defaultdict(list)
        for allocation in self.allocations:
            if allocation.lot_id in self.lots:
                served[allocation.requirement_id].append(allocation)
        short = {
            key
            for key, row in self.requirements.items()
            if sum((each.quantity for each in served[key]), Decimal(0)) < row.quantity
        }
        wanted = {self.requirements[key].template_id for key in short}
        templates = reading.template_steps(wanted) if wanted else {}
        anchors = reading.template_anchors(wanted) if wanted else {}
        for key, row in self.requirements.items():
            answer = _RequirementAnswer(key not in short, self.required[key].required_on)
            if key not in short:
                self._from_lots(answer, row, served[key])
            elif row.template_id in templates:
                facts = ChainFacts(
                    as_of=self.as_of,
                    site_calendar=self.calendar,
                    steps=templates[row.template_id],
                    anchor_step=anchors[row.template_id],
                )
                self._as_if_ordered(answer, row, facts)
            self.answers[key] = answer

    def _from_lots(self, answer: _RequirementAnswer, row: RequirementRow, served: Sequence[AllocationRow]) -> None:
        lots = [self.lots[each.lot_id] for each in served]
        last = max(lots, key=lambda lot: (lot.answer.forecast_on_site, lot.row.key))
        answer.forecast_on = last.answer.forecast_on_site
        answer.schedule_line_id = last.row.schedule_line_id
        answer.ready_on = max(self._ready(row, lot.answer) for lot in lots)
        if answer.required_on_site is not None:
            answer.ready_at_ros_on = max(self._ready_at_ros(row, lot.facts, answer.required_on_site) for lot in lots)

    def _as_if_ordered(self, answer: _RequirementAnswer, row: RequirementRow, facts: ChainFacts) -> None:
        facts = with_required_on_site(facts, answer.required_on_site)
        chain = forecast_chain(as_if_ordered_today(facts, row.lead_time))
        answer.steps = _steps_json(chain)
        answer.forecast_on = chain.forecast_on_site
        answer.order_by_on = chain.steps[0].latest_on
        answer.ready_on = self._ready(row, chain)
        if answer.required_on_site is not None:
            answer.ready_at_ros_on = self._ready_at_ros(row, facts, answer.required_on_site)

    def _ready(self, row: RequirementRow, answer: ChainAnswer) -> date:
        last = answer.steps[-1]
        ready = capacity.ready_on(
            capacity.ReadinessFacts(
                on_site_forecast_on=answer.forecast_on_site,
                last_step_forecast_on=last.forecast_on,
                last_step_actual_on=last.forecast_on if last.driver is Driver.ACTUAL and _goes_beyond(answer) else None,
                goes_beyond_on_site=_goes_beyond(answer),
                installation_days=row.installation_days,
                commissioning_days=row.commissioning_days,
            ),
            calendar=self.calendar,
            as_of=self.as_of,
        )
        assert ready is not None  # the anchor of an answered chain always has a date
        return ready

    def _ready_at_ros(self, row: RequirementRow, facts: ChainFacts, required_on: date) -> date:
        """Ready, had it come at its ROS: the steps after the anchor by their durations, else installation."""
        after = [step for step in facts.steps if step.applicable]
        after = after[1 + next(n for n, step in enumerate(after) if step.code == facts.anchor_step) :]
        on = required_on
        for step in after:
            on = (step.calendar or self.calendar).forward(on, step.duration_days, step.basis)
        if not after:
            on = self.calendar.forward(on, row.installation_days + row.commissioning_days, DurationBasis.WORKING)
        return max(on, self.as_of)

    # -- blocks --------------------------------------------------------------------------------------------------

    def _answer_blocks(self) -> None:
        needs = self._needs_with_neighbours()
        wanted = {block for block, _, _ in needs} | self.blocks.keys()
        if not wanted:
            return
        blocks = list(Block.objects.filter(pk__in=wanted).order_by("pk"))
        self.schedule_rfs = reading.schedule_rfs_dates(self.site.pk, blocks)
        members = reading.requirements_in_groups({group for _, group, _ in needs})
        others = reading.current_requirement_forecasts([key for key, _ in members if key not in self.answers])
        units = [self._unit(key, group, others) for key, group in members]
        needs_of: dict[UUID, list[capacity.GroupNeed]] = defaultdict(list)
        for block_id, group, count in needs:
            needs_of[block_id].append(capacity.GroupNeed(str(group), count))
        result = capacity.assess(
            [
                capacity.Block(
                    id=str(block.pk),
                    it_mw=block.it_mw,
                    policy=BlockPolicy(block.policy),
                    needs=tuple(needs_of[block.pk]),
                    schedule_rfs_on=self.schedule_rfs[block.pk],
                    rfs_baseline_on=block.rfs_baseline_on,
                    rfs_actual_on=block.rfs_actual_on,
                )
                for block in blocks
            ],
            units,
        )
        self.block_answers = {
            UUID(answer.block): answer for answer in result.blocks if UUID(answer.block) in self.blocks
        }
        whole = {str(key) for key in self.blocks}
        self.figures = {
            answer.line: answer
            for answer in result.lines
            if self.touched is None or whole.intersection(answer.blocks) or not answer.blocks
        }

    def _needs_with_neighbours(self) -> list[tuple[UUID, UUID, int]]:
        """The needs of the touched blocks, and of every block that their lines serve besides: a line's figures are
        sums over all blocks it serves."""
        everything = reading.group_needs(site_id=self.site.pk)
        if self.touched is None:
            return everything
        groups = {group for block, group, _ in everything if block in self.blocks}
        mine = {key for key, _ in reading.requirements_in_groups(groups)}
        lots = {row.lot_id for row in reading.live_allocations(requirements=mine)} if mine else set()
        lines = {row.requirement_id for row in reading.live_allocations(lots=lots)} if lots else set()
        further = set(Requirement.objects.filter(pk__in=lines, group__isnull=False).values_list("group_id", flat=True))
        blocks = {block for block, group, _ in everything if group in groups | further} | self.blocks.keys()
        return [need for need in everything if need[0] in blocks]

    def _unit(self, key: UUID, group: UUID, others: Mapping[UUID, RequirementForecast]) -> capacity.Unit:
        mine = self.answers.get(key)
        if mine is not None:
            return capacity.Unit(
                str(key), str(group), mine.ready_on, mine.ready_at_ros_on, mine.line_key or f"requirement:{key}"
            )
        stored = others.get(key)
        if stored is None:
            return capacity.Unit(str(key), str(group), None, None, f"requirement:{key}")
        line = str(stored.schedule_line_id) if stored.schedule_line_id else f"requirement:{key}"
        return capacity.Unit(str(key), str(group), stored.ready_on, stored.ready_at_ros_on, line)

    # -- gates and grid connections ------------------------------------------------------------------------------

    def _answer_chains(self) -> None:
        chains = Chain.objects.filter(site=self.site, kind__in=[ChainKind.GATE, ChainKind.GRID_CONNECTION])
        if self.touched is not None:
            if not self.touched.chains:
                return
            chains = chains.filter(pk__in=self.touched.chains)
        self.chains = _answer_chains(
            list(chains.select_related("site__calendar").order_by("pk")), self.as_of, self.calendars
        )

    # -- storing -------------------------------------------------------------------------------------------------

    def store(self, run: ForecastRun) -> tuple[Moved, ...]:
        moved = [*self._store_lots(run), *self._store_requirements(run), *self._store_blocks(run)]
        moved += _store_chains(run, self.chains)
        self._store_figures()
        self._retire_cancelled()
        run.changed_answers = len(moved)
        run.save(update_fields=["changed_answers"])
        return tuple(moved)

    def _store_lots(self, run: ForecastRun) -> list[Moved]:
        rows = []
        for key, lot in self.lots.items():
            answer = lot.answer
            contract = next((step for step in answer.steps if step.code == lot.row.contract_step), None)
            anchor = next(step for step in answer.steps if step.code == answer.anchor_step)
            ahead = _next_step(answer.steps)
            cause = _deciding_step(answer)
            figure = self.figures.get(str(lot.row.schedule_line_id))
            rows.append(
                LotForecast(
                    run=run,
                    lot_id=key,
                    as_of=run.as_of,
                    required_on_site=answer.required_on_site,
                    forecast_on=answer.forecast_on_site,
                    float_days=answer.float_days,
                    float_working_days=answer.float_working_days,
                    contract_forecast_on=contract.forecast_on if contract else None,
                    slip_days=contract.slip_days if contract else None,
                    promised_on=contract.promise_counts_on if contract else None,
                    delivered_on=anchor.forecast_on if anchor.driver in _HAPPENED else None,
                    driver_code=cause.code,
                    driver=cause.driver,
                    next_code=ahead.code if ahead else "",
                    next_on=ahead.forecast_on if ahead else None,
                    recovers_mw_days=figure.recovers_mw_days if figure else None,
                    costs_mw_days=figure.costs_mw_days if figure else None,
                    steps=_steps_json(answer),
                )
            )
        labels = {key: lot.row.label for key, lot in self.lots.items()}
        return _store("lot", rows, reading.current_lot_forecasts(self.lots.keys()), "lot_id", "forecast_on", labels)

    def _store_requirements(self, run: ForecastRun) -> list[Moved]:
        rows = []
        for key, answer in self.answers.items():
            late_by = _float(answer.required_on_site, answer.forecast_on)
            working = (
                self.calendar.working_days_between(answer.forecast_on, answer.required_on_site)
                if answer.forecast_on and answer.required_on_site
                else None
            )
            figure = self.figures.get(answer.line_key or f"requirement:{key}")
            rows.append(
                RequirementForecast(
                    run=run,
                    requirement_id=key,
                    as_of=run.as_of,
                    ordered=answer.ordered,
                    required_on_site=answer.required_on_site,
                    forecast_on=answer.forecast_on,
                    ready_on=answer.ready_on,
                    ready_at_ros_on=answer.ready_at_ros_on,
                    schedule_line_id=answer.schedule_line_id,
                    float_days=late_by,
                    float_working_days=working,
                    order_by_on=answer.order_by_on,
                    recovers_mw_days=figure.recovers_mw_days if figure else None,
                    costs_mw_days=figure.costs_mw_days if figure else None,
                    steps=answer.steps,
                )
            )
        labels = {key: row.tag for key, row in self.requirements.items()}
        before = reading.current_requirement_forecasts(self.answers.keys())
        return _store("requirement", rows, before, "requirement_id", "forecast_on", labels)

    def _store_blocks(self, run: ForecastRun) -> list[Moved]:
        codes = dict(self.site.groups.values_list("pk", "code"))
        rows = []
        for key, answer in self.block_answers.items():
            block = self.blocks[key]
            unknown = [codes[UUID(need.group)] for need in answer.needs if need.can_carry_on is None]
            if answer.rfs_forecast_on is None:
                decided_by = ""
            elif answer.deciding_group:
                decided_by = codes[UUID(answer.deciding_group)]
            else:
                decided_by = "actual" if block.rfs_actual_on else "schedule"
            rows.append(
                BlockForecast(
                    run=run,
                    block_id=key,
                    as_of=run.as_of,
                    rfs_baseline_on=block.rfs_baseline_on,
                    rfs_forecast_on=answer.rfs_forecast_on,
                    can_carry_on=answer.can_carry_on,
                    redundant_on=answer.redundant_on,
                    decided_by=decided_by,
                    unknown_because=", ".join(unknown)[:200],
                    it_mw=block.it_mw,
                    mw_days_at_risk=answer.mw_days_at_risk,
                    groups=[
                        {
                            "group": codes[UUID(need.group)],
                            "needed": need.units_needed,
                            "units": need.units,
                            "can_carry_on": _iso(need.can_carry_on),
                            "redundant_on": _iso(need.redundant_on),
                        }
                        for need in answer.needs
                    ],
                )
            )
        before = {row.block_id: row for row in BlockForecast.objects.filter(current=True, block__in=self.block_answers)}
        labels = {key: block.code for key, block in self.blocks.items()}
        return _store("block", rows, before, "block_id", "rfs_forecast_on", labels)

    def _store_figures(self) -> None:
        """What a neighbour's slip does to the figures of lots that did not move themselves.

        They are not a forecast of the lot, so they are written onto its current row.
        """
        if self.touched is None:
            return
        lines = {UUID(key): figure for key, figure in self.figures.items() if not key.startswith("requirement:")}
        rows = LotForecast.objects.filter(current=True, lot__schedule_line__in=lines).exclude(lot__in=self.lots)
        changed: list[LotForecast] = []
        for row in rows.select_related("lot"):
            figure = lines[row.lot.schedule_line_id]
            if (row.recovers_mw_days, row.costs_mw_days) != (figure.recovers_mw_days, figure.costs_mw_days):
                row.recovers_mw_days, row.costs_mw_days = figure.recovers_mw_days, figure.costs_mw_days
                changed.append(row)
        LotForecast.objects.bulk_update(changed, ["recovers_mw_days", "costs_mw_days"], batch_size=_BATCH)
        rest = RequirementForecast.objects.filter(current=True).exclude(requirement__in=self.answers)
        rest = rest.filter(Q(schedule_line__in=lines) | Q(requirement__in=_unordered_keys(self.figures)))
        moved: list[RequirementForecast] = []
        for each in rest:
            line = str(each.schedule_line_id) if each.schedule_line_id else f"requirement:{each.requirement_id}"
            found = self.figures.get(line)
            if found and (each.recovers_mw_days, each.costs_mw_days) != (found.recovers_mw_days, found.costs_mw_days):
                each.recovers_mw_days, each.costs_mw_days = found.recovers_mw_days, found.costs_mw_days
                moved.append(each)
        RequirementForecast.objects.bulk_update(moved, ["recovers_mw_days", "costs_mw_days"], batch_size=_BATCH)

    def _retire_cancelled(self) -> None:
        """Lots of cancelled lines leave the forecasts; so do cancelled requirements."""
        if self.touched is None:
            LotForecast.objects.filter(current=True, lot__schedule_line__site=self.site).exclude(
                lot__in=self.lots
            ).update(current=False)
            RequirementForecast.objects.filter(current=True, requirement__site=self.site).exclude(
                requirement__in=self.answers
            ).update(current=False)
            return
        LotForecast.objects.filter(current=True, lot__in=self.touched.lots - self.lots.keys()).update(current=False)
        gone = self.touched.requirements - self.answers.keys()
        RequirementForecast.objects.filter(current=True, requirement__in=gone).update(current=False)


# -- chains that are no lots -------------------------------------------------------------------------------------


def _answer_chains(
    chains: Sequence[Chain], as_of: date, calendars: Mapping[UUID, WorkingCalendar]
) -> dict[UUID, tuple[ChainFacts, ChainAnswer]]:
    found = chain_facts(
        [chain.pk for chain in chains],
        as_of=as_of,
        site_calendar={chain.pk: calendars[chain.site.calendar_id] if chain.site else UNPLACED for chain in chains},
        calendars=calendars,
    )
    return {key: (facts, forecast_chain(facts)) for key, facts in found.items()}


def _store_chains(run: ForecastRun, answers: Mapping[UUID, tuple[ChainFacts, ChainAnswer]]) -> list[Moved]:
    rows = []
    for key, (_, answer) in answers.items():
        anchor = next(step for step in answer.steps if step.code == answer.anchor_step)
        ahead = _next_step(answer.steps)
        rows.append(
            ChainForecast(
                run=run,
                chain_id=key,
                as_of=run.as_of,
                forecast_on=anchor.forecast_on,
                slip_days=anchor.slip_days,
                done_on=anchor.forecast_on if anchor.driver in _HAPPENED else None,
                next_code=ahead.code if ahead else "",
                next_on=ahead.forecast_on if ahead else None,
                steps=_steps_json(answer),
            )
        )
    before = {row.chain_id: row for row in ChainForecast.objects.filter(current=True, chain__in=answers)}
    labels = dict(Chain.objects.filter(pk__in=answers).values_list("pk", "kind"))
    return _store("chain", rows, before, "chain_id", "forecast_on", labels)


# -- small things ------------------------------------------------------------------------------------------------

_HAPPENED = {Driver.ACTUAL, Driver.IMPLIED}
_NOT_AN_ANSWER = {"id", "created_at", "run", "run_id", "current", "as_of"}


Stored = TypeVar("Stored", LotForecast, RequirementForecast, BlockForecast, ChainForecast)


def _store(
    kind: str,
    rows: Sequence[Stored],
    before: Mapping[UUID, Stored],
    subject: str,
    shown: str,
    labels: Mapping[UUID, str],
) -> list[Moved]:
    """Write only answers that differ from the current ones; the earlier rows stay as history."""
    if not rows:
        return []
    model = type(rows[0])
    names = [each.attname for each in model._meta.concrete_fields if each.name not in _NOT_AN_ANSWER]
    changed = [
        row for row in rows
        if (old := before.get(getattr(row, subject))) is None or any(getattr(row, n) != getattr(old, n) for n in names)
    ]  # fmt: skip
    replaced = [before[getattr(row, subject)].pk for row in changed if getattr(row, subject) in before]
    model._default_manager.filter(pk__in=replaced).update(current=False)
    model._default_manager.bulk_create(changed, batch_size=_BATCH)
    moved = []
    for row in changed:
        key = getattr(row, subject)
        old_on = getattr(before[key], shown) if key in before else None
        if old_on != getattr(row, shown):
            moved.append(Moved(kind, key, labels.get(key, ""), old_on, getattr(row, shown)))
    return moved


def _next_step(steps: Sequence[StepAnswer]) -> StepAnswer | None:
    return next((step for step in steps if step.driver not in _HAPPENED and step.forecast_on is not None), None)


def _deciding_step(answer: ChainAnswer) -> StepAnswer:
    """The step whose own rule, not the one before it, decides the date of the anchor."""
    place = next(n for n, step in enumerate(answer.steps) if step.code == answer.anchor_step)
    while place > 0 and answer.steps[place].driver in _FOLLOWS_THE_STEP_BEFORE:
        place -= 1
    return answer.steps[place]


def _goes_beyond(answer: ChainAnswer) -> bool:
    return answer.steps[-1].code != answer.anchor_step


def _steps_json(answer: ChainAnswer) -> list[dict[str, object]]:
    """What a screen needs to say every date and its reason in words."""
    return [
        {
            "code": step.code,
            "is_anchor": step.code == answer.anchor_step,
            "forecast_on": _iso(step.forecast_on),
            "driver": step.driver.value,
            "flags": [flag.value for flag in step.flags],
            "latest_on": _iso(step.latest_on),
            "float_days": step.float_days,
            "slip_days": step.slip_days,
            "baseline_on": _iso(step.baseline_on),
            "previous_on": _iso(step.previous_on),
            "promise_id": step.promise_id,
            "promise_counts_on": _iso(step.promise_counts_on),
            "conditional_on": _iso(step.conditional_on),
            "shift_days": step.shift_days,
            "duration_days": step.duration_days,
            "basis": step.basis.value,
            "calendar": step.calendar,
        }
        for step in answer.steps
    ]


def _unordered_keys(figures: Mapping[str, capacity.LineAnswer]) -> list[UUID]:
    return [UUID(key.removeprefix("requirement:")) for key in figures if key.startswith("requirement:")]


def _float(required_on: date | None, forecast_on: date | None) -> int | None:
    return None if required_on is None or forecast_on is None else (required_on - forecast_on).days


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()
