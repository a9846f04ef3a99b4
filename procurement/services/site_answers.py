"""What the engine answers for one site: scope, required dates, lots, requirements, blocks, gates. Stores no answer."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import chain as chained
from uuid import UUID

import numpy as np

from procurement.models import Requirement, RosAnchor
from procurement.queries import facts as reading
from procurement.queries.facts import Allocations, Anchors, Lots, Requirements
from procurement.services.copying import Plain, update_each
from sites.domain import capacity
from sites.domain.calendar import WorkingCalendar
from sites.domain.calendar_arrays import NO_DAY, Days, Flags, day_of, number_of, over_years
from sites.domain.errors import BadInput
from sites.domain.lead_time import LeadTime, as_if_ordered_today
from sites.domain.schedule import ChainAnswer, ChainFacts, forecast_chain, input_hash
from sites.domain.schedule_arrays import DRIVERS, ChainAnswers, ChainTable, Wide, answer, last_step, pack, take
from sites.models import Block, Chain, Site
from sites.queries.chain_arrays import StoredChains, chain_table
from sites.queries.chains import UNPLACED, calendars_of_chains, chain_facts, working_calendars
from sites.queries.columns import NO_KEY, Keys, found_in, keys_of, padded, uuids
from sites.vocabulary import BlockPolicy, ChainKind, Driver

# Chains that belong to a site; lots have their own way, agreements no site.
_OF_THE_SITE = (ChainKind.GATE, ChainKind.GRID_CONNECTION, ChainKind.NETWORK_WORKS)
_PULLS_TOGETHER_DAYS = 30
_ACTUAL = DRIVERS.index(Driver.ACTUAL)
_FAR: int = np.iinfo(np.int32).max


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
class News:
    """What storing found changed: `dated` are the lots with other dates, `units_moved` says whether a requirement's
    are; beside those calculated, blocks with another answer, lots and requirements with other figures.
    """

    dated: set[UUID] = field(default_factory=set)
    units_moved: bool = False
    blocks: set[UUID] = field(default_factory=set)
    lots: set[UUID] = field(default_factory=set)
    requirements: set[UUID] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class RequirementAnswers:
    """By place among the requirements; NO_DAY where there is none, NO_KEY in `line` where nothing is ordered.

    `column` is the chain of `as_if_ordered` that answers, -1 for none.
    """

    is_ordered: Flags
    forecast_on: Days
    ready_on: Days
    ready_at_ros_on: Days
    order_by_on: Days
    line: Keys
    column: Wide
    as_if_ordered: ChainAnswers | None


class SiteWork:
    """One calculation at one site: what it read, what it answered."""

    def __init__(
        self,
        site: Site,
        as_of: date,
        touched: Touched | None,
        calendars: Mapping[UUID, WorkingCalendar] | None = None,
    ) -> None:
        self.site = site
        self.as_of = as_of
        self.touched = touched
        self._calendars: dict[UUID, WorkingCalendar] = dict(calendars or {})
        self._allocations_read: tuple[Keys, Allocations] | None = None
        self.calendar = self._calendars_of([site.calendar_id])[site.calendar_id]
        self.requirements: Requirements
        self.required_on: Days
        self.lots: Lots
        self.stored_chains: StoredChains
        self.lot_answers: ChainAnswers
        self.allocations: Allocations
        self.answers: RequirementAnswers
        self.chains: dict[UUID, tuple[ChainFacts, ChainAnswer]] = {}
        self.blocks: dict[UUID, Block] = {}
        self.block_answers: dict[UUID, capacity.BlockAnswer] = {}
        self.schedule_rfs: dict[UUID, date | None] = {}
        self.units: list[capacity.Unit] = []
        self.engine_blocks: list[capacity.Block] = []
        self.figures: dict[str, capacity.LineAnswer] = {}
        self.news = News()

    def calculate(self) -> None:
        wanted = self._scope()
        self._lock_blocks()
        self._required_dates()
        self._answer_lots(wanted)
        self._answer_requirements()
        self._answer_blocks()
        self._answer_chains()

    @cached_property
    def group_codes(self) -> dict[UUID, str]:
        """Of the groups that the touched blocks need."""
        groups = {
            UUID(need.group) for block in self.engine_blocks if UUID(block.id) in self.blocks for need in block.needs
        }
        return reading.codes_of_groups(groups)

    @classmethod
    def as_stored(cls, site: Site, as_of: date, lots: Iterable[UUID], blocks: Iterable[UUID]) -> "SiteWork":
        """These lots and all units that these blocks need, by the required dates that are stored: nothing is locked
        and nothing written.
        """
        found = {block.pk: block for block in Block.objects.filter(pk__in=list(blocks)).order_by("pk")}
        needs = reading.needs_of(found)
        members = (key for key, _group in reading.requirements_in_groups({group for _, group, _ in needs}))
        work = cls(site, as_of, Touched(lots=frozenset(lots), requirements=frozenset(members)))
        wanted = work._scope()
        work.required_on = work.requirements.stored_required_on
        work._answer_lots(wanted)
        work._answer_requirements()
        work.blocks = found
        work.engine_blocks = work._engine_blocks(list(found.values()), needs)
        return work

    def input_hash(self) -> str:
        return combined_hash(
            [table_hash(self.lot_answers.table)] + [input_hash(facts) for _, (facts, _) in sorted(self.chains.items())]
        )

    def _calendars_of(self, keys: Sequence[UUID]) -> dict[UUID, WorkingCalendar]:
        missing = [key for key in keys if key not in self._calendars]
        if missing:
            self._calendars |= working_calendars(missing)
        return {key: self._calendars[key] for key in keys}

    # -- scope ---------------------------------------------------------------------------------------------------

    def _scope(self) -> Keys | None:
        """The lots to answer (None: all of the site) and, as a side result, the requirements.

        A changed rule or allocation moves the ROS of every lot that serves the requirement, and a requirement's
        date is that of its last lot: so both directions are followed once.
        """
        if self.touched is None:
            self.requirements = reading.requirements_of(self.site.pk)
            return None
        lots, wanted = keys_of(self.touched.lots), keys_of(self.touched.requirements)
        if len(wanted):
            lots = np.union1d(lots, reading.live_allocations(requirements=wanted).lot)
        around = reading.allocations_around(lots)
        mine = np.isin(around.lot, lots)
        self._allocations_read = (
            lots, Allocations(around.lot[mine], around.requirement[mine], around.quantity[mine])
        )  # fmt: skip
        self.requirements = reading.requirements_of(self.site.pk, np.union1d(wanted, around.requirement))
        return np.union1d(lots, around.lot[np.isin(around.requirement, self.requirements.key)])

    def _lock_blocks(self) -> None:
        groups = np.unique(self.requirements.group[self.requirements.group != NO_KEY])
        if self.touched is None:
            self.blocks = reading.locked_blocks_of(self.site.pk)
        elif len(groups) or self.touched.blocks:
            self.blocks = reading.locked_blocks_of(self.site.pk, self.touched.blocks, groups)

    # -- required on site ----------------------------------------------------------------------------------------

    def _required_dates(self) -> None:
        rows = self.requirements
        anchors = reading.anchors_of(self.site.pk, rows)
        first = np.full(len(rows), _FAR, np.int32)
        dated = anchors.on != NO_DAY
        np.minimum.at(first, anchors.requirement[dated], anchors.on[dated])
        known = first != _FAR
        required_on = np.where(rows.is_anchored, NO_DAY, rows.fixed_on).astype(np.int32)
        at_site = np.zeros(int(known.sum()), np.int32)
        moved = over_years(
            (self.calendar,),
            [first[known]],
            lambda tables: tables.back(first[known], rows.shake_out[known], rows.shake_out_is_working[known], at_site),
        )
        if (moved < 0).any():
            raise BadInput("The date leaves the years 2000 to 2100.", field="required_on_site.offset_days")
        required_on[known] = moved
        self.required_on = required_on
        self._keep_required_dates()
        self._keep_anchor_dates(anchors)

    def _keep_required_dates(self) -> None:
        changed = np.flatnonzero(self.required_on != self.requirements.stored_required_on)
        keys = uuids(self.requirements.key[changed])
        rows: list[tuple[Plain, ...]] = [
            (str(key), day_of(on), self.as_of) for key, on in zip(keys, self.required_on[changed].tolist(), strict=True)
        ]
        is_pulled = "given.required_on_site < row.required_on_site"
        # Of several pulls shortly after each other, what counts is the date before the first.
        follows = (
            f"row.ros_pulled_on >= given.today - {_PULLS_TOGETHER_DAYS} AND row.ros_before_on > row.required_on_site"
        )
        before = f"CASE WHEN {follows} THEN row.ros_before_on ELSE row.required_on_site END"
        update_each(
            Requirement,
            {"required_on_site": "date"},
            rows,
            given={"today": "date"},
            also=f"ros_before_on = CASE WHEN {is_pulled} THEN {before} ELSE row.ros_before_on END,"
            f" ros_pulled_on = CASE WHEN {is_pulled} THEN given.today ELSE row.ros_pulled_on END",
        )

    def _keep_anchor_dates(self, anchors: Anchors) -> None:
        known = (anchors.on != NO_DAY) | anchors.is_lost
        differs = known & ((anchors.on != anchors.last_on) | (anchors.is_lost != anchors.was_lost))
        moved = np.flatnonzero(differs)
        rows: list[tuple[Plain, ...]] = [
            (str(key), day_of(on), is_lost, _midnight(self.as_of).isoformat())
            for key, on, is_lost in zip(
                uuids(anchors.key[moved]), anchors.on[moved].tolist(), anchors.is_lost[moved].tolist(), strict=True
            )
        ]
        update_each(
            RosAnchor,
            {"last_on": "date"},
            rows,
            given={"is_lost": "boolean", "since": "timestamptz"},
            also="lost_at = CASE WHEN given.is_lost THEN coalesce(row.lost_at, given.since) END",
        )

    # -- lots ----------------------------------------------------------------------------------------------------

    def _answer_lots(self, wanted: Keys | None) -> None:
        lots = reading.lots_of(self.site.pk, wanted)
        read = self._allocations_read
        is_read = read is not None and np.array_equal(np.unique(read[0]), np.unique(lots.key))
        self.allocations = read[1] if read and is_read else reading.live_allocations(lots=lots.key)
        self.stored_chains = chain_table(
            lots.chain, as_of=self.as_of, site_calendar=self.site.calendar_id, calendars=self._calendars_of
        )
        # A chain without milestones answers nothing, and its lot is as if it were not there.
        there = self.stored_chains.wanted_place
        self.lots = Lots(lots.key[there], lots.chain[there], lots.schedule_line[there], lots.contract_step[there])
        earliest = np.full(len(there), _FAR, np.int32)
        lot = found_in(self.allocations.lot, self.lots.key)
        on = self._required_of(self.allocations.requirement)
        counts = (lot >= 0) & (on != NO_DAY)
        np.minimum.at(earliest, lot[counts], on[counts])
        ros = np.where(earliest == _FAR, NO_DAY, earliest).astype(np.int32)
        self.lot_answers = answer(replace(self.stored_chains.table, ros_from=ros))

    def _required_of(self, requirements: Keys) -> Days:
        """ROS by requirement; of those that are not calculated now, as last computed."""
        place = found_in(requirements, self.requirements.key)
        on = np.where(place >= 0, self.required_on[place], NO_DAY) if len(self.requirements) else place * 0 + NO_DAY
        elsewhere = np.unique(requirements[place < 0])
        if len(elsewhere):
            stored = reading.stored_required_dates(elsewhere)
            days = np.array([number_of(stored.get(key)) for key in uuids(elsewhere)], np.int32)
            on[place < 0] = days[found_in(requirements[place < 0], elsewhere)]
        return on.astype(np.int32)

    # -- requirements --------------------------------------------------------------------------------------------

    def _answer_requirements(self) -> None:
        rows, lots = self.requirements, self.lot_answers
        lot = found_in(self.allocations.lot, self.lots.key)
        place = found_in(self.allocations.requirement, rows.key)
        serves = (lot >= 0) & (place >= 0)
        lot, place = lot[serves], place[serves]
        had = np.zeros(len(rows), np.int64)
        np.add.at(had, place, self.allocations.quantity[serves])
        is_ordered = had >= rows.quantity
        counts = is_ordered[place]
        lot, place = lot[counts], place[counts]

        blank = np.full(len(rows), NO_DAY, np.int32)
        forecast_on, ready_on, at_ros = blank.copy(), blank.copy(), blank.copy()
        line = np.full(len(rows), NO_KEY, "S16")
        last = np.lexsort((lot, lots.on_site[lot], place))
        forecast_on[place[last]] = lots.on_site[lot[last]]
        line[place[last]] = self.lots.schedule_line[lot[last]]
        np.maximum.at(ready_on, place, self._ready(lots, lot, rows.work_days[place]))
        known = self.required_on[place] != NO_DAY
        lot, place = lot[known], place[known]
        np.maximum.at(
            at_ros, place, self._ready_at_ros(lots.table, lot, rows.work_days[place], self.required_on[place])
        )
        self.answers = RequirementAnswers(
            is_ordered, forecast_on, ready_on, at_ros, blank.copy(), line, np.full(len(rows), -1, np.int64), None
        )
        short = np.flatnonzero(~is_ordered)
        if len(short):
            self._answer_unordered(short)

    def _answer_unordered(self, short: Wide) -> None:
        """As if ordered today: one chain for all that share a template and an observation, then one a requirement."""
        rows = self.requirements
        keys = uuids(rows.key[short])
        lead_times = reading.lead_times_of(keys)
        templates = uuids(rows.template[short])
        steps, anchors = reading.template_steps(set(templates)), reading.template_anchors(set(templates))
        kinds: dict[tuple[UUID, LeadTime | None], int] = {}
        kind = np.array(
            [
                kinds.setdefault((template, lead_times[key]), len(kinds)) if template in steps else -1
                for key, template in zip(keys, templates, strict=True)
            ],
            np.int64,
        )
        short, kind = short[kind >= 0], kind[kind >= 0]
        if not len(short):
            return
        plain = [
            ChainFacts(self.as_of, self.calendar, steps[template], anchor_step=anchors[template])
            for template, _ in kinds
        ]
        ordered = [as_if_ordered_today(facts, lead_time) for facts, (_, lead_time) in zip(plain, kinds, strict=True)]
        required_on, work_days = self.required_on[short], rows.work_days[short]
        chains = answer(replace(take(pack(ordered), kind), ros_from=required_on))
        column = np.arange(len(short))
        mine = self.answers
        mine.forecast_on[short] = chains.on_site
        mine.order_by_on[short] = chains.latest[0]
        mine.ready_on[short] = self._ready(chains, column, work_days)
        known = required_on != NO_DAY
        mine.ready_at_ros_on[short[known]] = self._ready_at_ros(
            pack(plain), kind[known], work_days[known], required_on[known]
        )
        mine.column[short] = column
        self.answers = replace(mine, as_if_ordered=chains)

    def _ready(self, chains: ChainAnswers, column: Wide, work_days: Days) -> Days:
        """As `capacity.ready_on`, for many units: `column` is the chain that brings each."""
        last, at = last_step(chains.table)[column], column
        beyond = last != chains.table.anchor[column]
        on_site = chains.on_site[column]
        finished = chains.forecast[last, at]
        installed = self._forward(on_site, work_days)
        ready = np.maximum(np.where(beyond, finished, installed), number_of(self.as_of))
        is_done = beyond & (chains.driver[last, at] == _ACTUAL)
        return np.where(is_done, finished, ready).astype(np.int32)

    def _ready_at_ros(self, table: ChainTable, column: Wide, work_days: Days, required_on: Days) -> Days:
        """Ready, had it come at its ROS: the steps after the anchor by their durations, else installation."""
        anchor = table.anchor[column]

        on = required_on.copy()
        for step in range(1, table.steps):
            follows = (table.code[step, column] >= 0) & (step > anchor)
            if follows.any():
                on[follows] = _after(table, step, column[follows], on[follows])
        beyond = last_step(table)[column] != anchor
        ready = np.where(beyond, on, self._forward(required_on, work_days))
        return np.maximum(ready, number_of(self.as_of)).astype(np.int32)

    def _forward(self, on: Days, work_days: Days) -> Days:
        """Working days of the site. Raises BadInput."""
        moved = over_years(
            (self.calendar,),
            [on],
            lambda tables: tables.forward(on, work_days, np.ones(len(on), np.bool_), np.zeros(len(on), np.int32)),
        )
        if len(moved) and moved.max() > number_of(date(2100, 12, 31)):
            raise BadInput("The date leaves the years 2000 to 2100.", field="duration_days")
        return moved

    # -- blocks --------------------------------------------------------------------------------------------------

    def _answer_blocks(self) -> None:
        needs = self._needs_with_neighbours()
        wanted = {block for block, _, _ in needs} | self.blocks.keys()
        if not wanted:
            return
        missing = wanted - self.blocks.keys()
        neighbours = Block.objects.filter(pk__in=missing) if missing else ()
        blocks = sorted([*self.blocks.values(), *neighbours], key=lambda block: block.pk)
        self.units = self._units({group for _, group, _ in needs})
        self.engine_blocks = self._engine_blocks(blocks, needs)
        result = capacity.assess(self.engine_blocks, self.units)
        self.block_answers = {
            UUID(answer.block): answer for answer in result.blocks if UUID(answer.block) in self.blocks
        }
        whole = {str(key) for key in self.blocks}
        self.figures = {
            answer.line: answer
            for answer in result.lines
            if self.touched is None or whole.intersection(answer.blocks) or not answer.blocks
        }

    def _engine_blocks(self, blocks: Sequence[Block], needs: Iterable[reading.Need]) -> list[capacity.Block]:
        self.schedule_rfs = reading.schedule_rfs_dates(blocks)
        needs_of: dict[UUID, list[capacity.GroupNeed]] = defaultdict(list)
        for block_id, group, count in needs:
            needs_of[block_id].append(capacity.GroupNeed(group.hex, count))
        return [
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
        ]

    def _needs_with_neighbours(self) -> list[tuple[UUID, UUID, int]]:
        """The needs of the touched blocks, and of every block that their lines serve besides: a line's figures are
        sums over all blocks it serves."""
        if self.touched is None:
            return reading.group_needs(self.site.pk)
        return reading.needs_around(self.blocks) if self.blocks else []

    def _units(self, groups: set[UUID]) -> list[capacity.Unit]:
        """The members of these groups: as answered now, else as last answered."""
        rows, mine = self.requirements, self.answers
        grouped = np.flatnonzero(np.isin(rows.group, keys_of(groups)))
        units = [
            capacity.Unit(key.hex(), group.hex(), day_of(ready), day_of(at_ros), line_of(line, key))
            for key, group, line, ready, at_ros in zip(
                padded(rows.key[grouped]), padded(rows.group[grouped]), mine.line[grouped].tolist(),
                mine.ready_on[grouped].tolist(), mine.ready_at_ros_on[grouped].tolist(), strict=True,
            )
        ]  # fmt: skip
        if self.touched is None:
            return units
        known = {unit.id for unit in units}
        units += [
            capacity.Unit(key, group, ready_on, at_ros_on, line or f"requirement:{key}")
            for key, group, ready_on, at_ros_on, line in reading.members_of(groups)
            if key not in known
        ]
        return sorted(units, key=lambda unit: unit.id)

    # -- gates and grid connections ------------------------------------------------------------------------------

    def _answer_chains(self) -> None:
        chains = Chain.objects.filter(site=self.site, kind__in=_OF_THE_SITE)
        if self.touched is not None:
            if not self.touched.chains:
                return
            chains = chains.filter(pk__in=self.touched.chains)
        self.chains = answer_chains(list(chains.select_related("site__calendar").order_by("pk")), self.as_of)


def _after(table: ChainTable, step: int, column: Wide, on: Days) -> Days:
    """One step further, by its duration."""
    days, working, calendar = (each[step, column] for each in (table.duration, table.working, table.calendar))
    return over_years(table.calendars, [on], lambda tables: tables.forward(on, days, working, calendar))


def line_of(line: bytes, requirement: bytes) -> str:
    """What the capacity engine calls the line that a unit is bought on: its schedule line, else the unit's own."""
    return line.ljust(16, b"\0").hex() if line != NO_KEY else f"requirement:{requirement.hex()}"


def answer_chains(
    chains: Sequence[Chain], as_of: date, calendars: Mapping[UUID, WorkingCalendar] | None = None
) -> dict[UUID, tuple[ChainFacts, ChainAnswer]]:
    known = calendars
    if known is None:
        sites = {chain.site.calendar_id for chain in chains if chain.site}
        known = calendars_of_chains([chain.pk for chain in chains], sites)
    found = chain_facts(
        [chain.pk for chain in chains],
        as_of=as_of,
        site_calendar={chain.pk: known[chain.site.calendar_id] if chain.site else UNPLACED for chain in chains},
        calendars=known,
    )
    return {key: (facts, forecast_chain(facts)) for key, facts in found.items()}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def combined_hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def table_hash(table: ChainTable) -> str:
    """SHA-256 over every fact of a table: equal facts, equal hash, on any machine."""
    whole = hashlib.sha256(repr([table.calendars, table.codes, table.code.shape]).encode())
    columns = chained(
        (getattr(table, each.name) for each in fields(table)),
        (getattr(table.ledger, each.name) for each in fields(table.ledger)),
    )
    for column in columns:
        if isinstance(column, np.ndarray):
            whole.update(np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<")).tobytes())
    return whole.hexdigest()


def steps_json(answer: ChainAnswer) -> list[dict[str, object]]:
    """What a screen needs to say every date and its reason in words; what else is null, empty or zero is left out."""
    return [
        _given(
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
                "shift_days": step.shift_days or None,
                "duration_days": step.duration_days or None,
                "basis": step.basis.value,
                "calendar": step.calendar,
            }
        )
        for step in answer.steps
    ]


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value
        for name, value in values.items()
        if name == "forecast_on" or (value is not None and value is not False and value != [])
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
