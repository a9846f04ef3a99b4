"""What the engine answers for one site: scope, required dates, lots, requirements, blocks, gates. Stores no answer."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, F, Q, When

from procurement.models import Requirement, RequirementForecast, RosAnchor
from procurement.queries import facts as reading
from procurement.queries.facts import AllocationRow, LotRow, RequirementRow
from sites.domain import capacity
from sites.domain.calendar import WorkingCalendar
from sites.domain.lead_time import as_if_ordered_today
from sites.domain.schedule import ChainAnswer, ChainFacts, forecast_chain, input_hash
from sites.models import Block, Chain, Site
from sites.queries.chains import UNPLACED, chain_facts, with_required_on_site, working_calendars
from sites.vocabulary import BlockPolicy, ChainKind, Driver, DurationBasis

_BATCH = 2000
_PULLS_TOGETHER = timedelta(days=30)
# Chains that belong to a site; lots have their own way, agreements no site.
_OF_THE_SITE = (ChainKind.GATE, ChainKind.GRID_CONNECTION, ChainKind.NETWORK_WORKS)


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change can move. `requirements` need naming only where the allocation or the rule itself changed,
    `blocks` only where their own dates or needs did; `chains` are those of gates and grid connections.
    """

    lots: frozenset[UUID] = frozenset()
    requirements: frozenset[UUID] = frozenset()
    chains: frozenset[UUID] = frozenset()
    blocks: frozenset[UUID] = frozenset()


@dataclass(slots=True)
class RequirementAnswer:
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
class LotAnswer:
    row: LotRow
    facts: ChainFacts
    answer: ChainAnswer


class SiteWork:
    """One calculation at one site: what it read, what it answered."""

    def __init__(self, site: Site, as_of: date, touched: Touched | None) -> None:
        self.site = site
        self.as_of = as_of
        self.touched = touched
        self.calendars = working_calendars()
        self.calendar: WorkingCalendar = self.calendars[site.calendar_id]
        self.requirements: dict[UUID, RequirementRow] = {}
        self.allocations: list[AllocationRow] = []
        self.lots: dict[UUID, LotAnswer] = {}
        self.required: dict[UUID, reading.RosAnswer] = {}
        self.answers: dict[UUID, RequirementAnswer] = {}
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
        return combined_hash(
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
        self._keep_pulled_dates(changed)
        Requirement.objects.bulk_update(changed, ["required_on_site"], batch_size=_BATCH)
        self._keep_anchor_dates()

    def _keep_pulled_dates(self, changed: Sequence[Requirement]) -> None:
        """What a date was before it was pulled forward; of several pulls shortly after each other, before the first."""
        pulled = [
            row.pk
            for row in changed
            if (before := self.requirements[row.pk].stored_required_on_site) is not None
            and row.required_on_site is not None
            and row.required_on_site < before
        ]
        if not pulled:
            return
        recent = Q(ros_pulled_on__gte=self.as_of - _PULLS_TOGETHER, ros_before_on__gt=F("required_on_site"))
        Requirement.objects.filter(pk__in=pulled).update(
            ros_before_on=Case(When(recent, then=F("ros_before_on")), default=F("required_on_site")),
            ros_pulled_on=self.as_of,
        )

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
                self.lots[key] = LotAnswer(row, facts, forecast_chain(facts))

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
            answer = RequirementAnswer(key not in short, self.required[key].required_on)
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

    def _from_lots(self, answer: RequirementAnswer, row: RequirementRow, served: Sequence[AllocationRow]) -> None:
        lots = [self.lots[each.lot_id] for each in served]
        last = max(lots, key=lambda lot: (lot.answer.forecast_on_site, lot.row.key))
        answer.forecast_on = last.answer.forecast_on_site
        answer.schedule_line_id = last.row.schedule_line_id
        answer.ready_on = max(self._ready(row, lot.answer) for lot in lots)
        if answer.required_on_site is not None:
            answer.ready_at_ros_on = max(self._ready_at_ros(row, lot.facts, answer.required_on_site) for lot in lots)

    def _as_if_ordered(self, answer: RequirementAnswer, row: RequirementRow, facts: ChainFacts) -> None:
        facts = with_required_on_site(facts, answer.required_on_site)
        chain = forecast_chain(as_if_ordered_today(facts, row.lead_time))
        answer.steps = steps_json(chain)
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
        chains = Chain.objects.filter(site=self.site, kind__in=_OF_THE_SITE)
        if self.touched is not None:
            if not self.touched.chains:
                return
            chains = chains.filter(pk__in=self.touched.chains)
        self.chains = answer_chains(
            list(chains.select_related("site__calendar").order_by("pk")), self.as_of, self.calendars
        )


def answer_chains(
    chains: Sequence[Chain], as_of: date, calendars: Mapping[UUID, WorkingCalendar]
) -> dict[UUID, tuple[ChainFacts, ChainAnswer]]:
    found = chain_facts(
        [chain.pk for chain in chains],
        as_of=as_of,
        site_calendar={chain.pk: calendars[chain.site.calendar_id] if chain.site else UNPLACED for chain in chains},
        calendars=calendars,
    )
    return {key: (facts, forecast_chain(facts)) for key, facts in found.items()}


def _goes_beyond(answer: ChainAnswer) -> bool:
    return answer.steps[-1].code != answer.anchor_step


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def combined_hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def steps_json(answer: ChainAnswer) -> list[dict[str, object]]:
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


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
