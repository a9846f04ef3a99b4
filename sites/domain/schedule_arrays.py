"""The engine of `schedule.py` over many chains at once: the same rules, to the day, as columns of numbers.

`schedule.py` is the readable definition and explains single dates; this one serves runs. A table holds the applicable
steps only, step by chain; days are numbers as in `calendar_arrays`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cached_property
from itertools import chain as chained
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sites.domain.calendar import WorkingCalendar
from sites.domain.calendar_arrays import (
    LAST,
    NO_DAY,
    Days,
    DayTables,
    Flags,
    day_of,
    number_of,
    over_years,
)
from sites.domain.errors import BadInput
from sites.domain.schedule import (
    ChainAnswer,
    ChainFacts,
    PromiseFacts,
    StepAnswer,
    StepFacts,
    check,
    required_on_site,
)
from sites.vocabulary import Driver, DurationBasis, StepFlag

Codes = NDArray[np.int16]
Small = NDArray[np.int8]
Wide = NDArray[np.int64]

DRIVERS: Final = tuple(Driver)
FLAGS: Final = (StepFlag.OUT_OF_ORDER, StepFlag.ACTUAL_MISSING, StepFlag.TBD, StepFlag.PROMISE_AFTER_LOCK)
_OUT_OF_ORDER, _ACTUAL_MISSING, _TBD, _PROMISE_AFTER_LOCK = (1 << place for place in range(len(FLAGS)))
_NUMBER: Final = {driver: number for number, driver in enumerate(DRIVERS)}
HAPPENED: Final = (_NUMBER[Driver.ACTUAL], _NUMBER[Driver.IMPLIED])
ON_THE_STEP_BEFORE: Final = tuple(_NUMBER[each] for each in (Driver.DURATION, Driver.PREDECESSOR, Driver.SPAN))
# Days before and after all others; what is left of them by taking one from the other is still a number of 32 bits.
_NEVER: Final = -(2**20)
_FAR: Final = 2**20


@dataclass(frozen=True, slots=True)
class Ledger:
    """Promises in ledger order within their step. `cell` is step number times chains plus chain number.

    `counts_on` is NO_DAY for TBD. `is_live`: neither retracted nor superseded by a row that stands.
    `recorded_at` are microseconds, smallest where it is not known. `key` are the ids of stored rows.
    """

    cell: Wide
    counts_on: Days
    stated_on: Days
    recorded_at: Wide
    conditional_on: Days
    is_live: Flags
    key: NDArray[np.bytes_] | None = None

    def __len__(self) -> int:
        return len(self.cell)


@dataclass(frozen=True, slots=True)
class ChainTable:
    """Arrays are (steps, chains), or (chains,) for what a chain has once. `code` is -1 where a chain has no such step.

    `calendar` and `site_calendar` number `calendars`, `code` numbers `codes`; `place` is the step's place among all
    facts, for refusals. ROS is `ros_from` and back by the offset; NO_DAY: none. `anchor` is -1 where it is missing.
    """

    calendars: tuple[WorkingCalendar, ...]
    codes: tuple[str, ...]
    as_of: Days
    site_calendar: Days
    anchor: Days
    ros_from: Days
    ros_offset: Days
    ros_working: Flags
    code: Codes
    place: Codes
    duration: Days
    working: Flags
    calendar: Days
    in_span: Flags
    is_span: Flags
    baseline: Days
    planned: Days
    locked: Days
    lock_set: Days
    actual: Days
    ledger: Ledger

    @property
    def chains(self) -> int:
        return len(self.as_of)

    @property
    def steps(self) -> int:
        return len(self.code)


@dataclass(frozen=True, slots=True)
class ChainAnswers:
    """NO_DAY where there is none; (steps, chains), or (chains,). `driver` numbers DRIVERS, `flags` are bits of FLAGS.

    `promise` is the row of the ledger that decides, -1 for none.
    """

    table: ChainTable
    required_on: Days
    on_site: Days
    float_days: Days
    float_working_days: Days
    forecast: Days
    driver: Small
    flags: Small
    latest: Days
    previous: Days
    shift: Days
    promise: Wide

    def at(self, step: Days, values: Days) -> Days:
        """One value a chain: that of its own step; NO_DAY where the step is -1."""
        found = values[np.maximum(step, 0), np.arange(self.table.chains)]
        return np.where(step >= 0, found, NO_DAY).astype(np.int32)

    def minus(self, left: Days, right: Days) -> Days:
        return _minus(left, right)


def answer(table: ChainTable) -> ChainAnswers:
    """Place every step of every chain. Raises BadInput naming the fact of the first chain that is refused."""
    _check(table)
    given = (table.as_of, table.ros_from, table.actual, table.locked, table.planned, table.ledger.counts_on)
    return over_years(table.calendars, given, lambda tables: _Pass(table, tables).run())


def take(table: ChainTable, columns: Wide) -> ChainTable:
    """These chains, any of them as often as wanted, of a table without promises."""
    assert not len(table.ledger), "promises belong to one chain"
    shape = table.code.shape
    picked = {
        each.name: getattr(table, each.name)[..., columns]
        for each in fields(table)
        if getattr(getattr(table, each.name), "shape", ()) in {shape, shape[1:]}
    }
    return replace(table, **picked)


def last_step(table: ChainTable) -> Days:
    """The last applicable step of each chain."""
    last: Days = ((table.code >= 0).sum(axis=0) - 1).astype(np.int32)
    return last


@dataclass(frozen=True, slots=True)
class _Cases:
    """Which rule each step falls under, before any date is known: (steps, chains). At most one of them holds."""

    done: Flags
    implied: Flags
    locked: Flags
    promised: Flags
    first: Flags
    lasts: Flags
    ahead: Flags
    has_before: Flags
    later: Days


class _Pass:
    """Only what leans on the step before goes step by step; all else is over the whole table at once."""

    def __init__(self, table: ChainTable, tables: DayTables) -> None:
        self.table = table
        self.tables = tables
        shape = table.code.shape
        self.lives: Flags = (table.code >= 0) & ~table.in_span
        self.forecast: Days = np.full(shape, NO_DAY, np.int32)
        self.before: Days = np.full(shape, _NEVER, np.int32)
        self.unpushed: Days = np.zeros(shape, np.int32)
        self.latest: Days = np.full(shape, NO_DAY, np.int32)
        self.shift: Days = np.zeros(shape, np.int32)

    def run(self) -> ChainAnswers:
        required_on = self._required()
        cases = self._cases()
        self._forward(cases)
        self._backward(required_on)
        at = np.arange(self.table.chains)
        on_site = self.forecast[self.table.anchor, at]
        has_ros = required_on != NO_DAY
        working = np.full(self.table.chains, NO_DAY, np.int32)
        working[has_ros] = self.tables.between(
            on_site[has_ros], required_on[has_ros], self.table.site_calendar[has_ros]
        )
        return ChainAnswers(
            table=self.table,
            required_on=required_on,
            on_site=on_site,
            float_days=_minus(required_on, on_site),
            float_working_days=working,
            forecast=self.forecast,
            driver=self._driver(cases),
            flags=self._flags(cases),
            latest=self.latest,
            previous=np.where(cases.has_before & self.lives, self.before, np.int32(NO_DAY)),
            shift=self.shift,
            promise=self.decided.row,
        )

    def _required(self) -> Days:
        table = self.table
        known = table.ros_from != NO_DAY
        moved = self.tables.back(
            np.where(known, table.ros_from, table.as_of).astype(np.int32),
            np.where(known, table.ros_offset, 0).astype(np.int32),
            table.ros_working,
            table.site_calendar,
        )
        _refuse(known & (moved < 0), "The date leaves the years 2000 to 2100.", "required_on_site.offset_days")
        return np.where(known, moved, NO_DAY).astype(np.int32)

    @cached_property
    def decided(self) -> "Decided":
        return decide(self.table.ledger, self.table.code.shape)

    def _cases(self) -> _Cases:
        table, lives = self.table, self.lives
        happened = lives & (table.actual != NO_DAY)
        later = np.full(table.code.shape, NO_DAY, np.int32)
        has_before = np.zeros(table.code.shape, np.bool_)
        for step in range(table.steps - 2, -1, -1):
            later[step] = np.where(happened[step + 1], table.actual[step + 1], later[step + 1])
        for step in range(1, table.steps):
            np.logical_or(has_before[step - 1], lives[step - 1], out=has_before[step])
        implied = lives & ~happened & (later != NO_DAY)
        ahead = lives & ~happened & ~implied
        locked = ahead & (table.locked != NO_DAY)
        promised = ahead & ~locked & (self.decided.row >= 0)
        open_ = ahead & ~locked & ~promised
        return _Cases(
            happened, implied, locked, promised, open_ & ~has_before, open_ & has_before, ahead, has_before, later
        )

    def _forward(self, cases: _Cases) -> None:
        table, tables = self.table, self.tables
        given, relied_on = self._given(cases)
        self.unpushed = given
        pushed = (cases.promised | cases.locked) & cases.has_before
        floor = np.where(cases.ahead, table.as_of, np.int32(_NEVER))
        before = np.full(table.chains, _NEVER, np.int32)
        for step in range(table.steps):
            on, shift = given[step], self.shift[step]
            self.before[step] = before
            np.maximum(before - relied_on[step], 0, out=shift)
            on += shift
            lasts = np.flatnonzero(cases.lasts[step])
            if len(lasts):
                on[lasts] = tables.forward(
                    before[lasts], table.duration[step][lasts], table.working[step][lasts], table.calendar[step][lasts]
                )
            if len(on) and (on.max() > LAST or on.min() < 0):
                outside = (on > LAST) | (on < 0)
                self._refuse(cases.promised[step] & outside, "A date lies in the years 2000 to 2100.", step, "promises")
                self._refuse(
                    cases.lasts[step] & outside, "The date leaves the years 2000 to 2100.", step, "duration_days"
                )
            placed = np.maximum(on, np.where(pushed[step], before, floor[step]))
            np.maximum(placed, floor[step], out=placed)
            self.forecast[step] = np.where(self.lives[step], placed, np.int32(NO_DAY))
            before = np.where(self.lives[step], placed, before)

    def _given(self, cases: _Cases) -> tuple[Days, Days]:
        """What a step is dated by that leans on no other, 0 where nothing is; and the date that its promise relied on,
        far ahead where there is none."""
        table = self.table
        on = np.zeros(table.code.shape, np.int32)
        relied_on = np.full(table.code.shape, _FAR, np.int32)
        if len(table.ledger):
            row = self.decided.row[cases.promised]
            on[cases.promised] = table.ledger.counts_on[row]
            relied = table.ledger.conditional_on[row]
            relied_on[cases.promised] = np.where(relied != NO_DAY, relied, np.int32(_FAR))
        np.copyto(on, table.locked, where=cases.locked)
        np.copyto(on, np.where(table.planned != NO_DAY, table.planned, table.as_of), where=cases.first)
        np.copyto(on, table.actual, where=cases.done)
        np.copyto(on, cases.later, where=cases.implied)
        return on, relied_on

    def _driver(self, cases: _Cases) -> Small:
        """The last rule that changed the date, so the later of two overwrites."""
        table, before = self.table, self.before
        driver: Small = np.full(table.code.shape, _NUMBER[Driver.SPAN], np.int8)
        pushed = (cases.promised | cases.locked) & cases.has_before & (self.unpushed < before)
        reached = np.where(pushed, before, self.unpushed)
        for case, name in (
            (cases.lasts & ~table.is_span, Driver.DURATION),
            (cases.first, Driver.TODAY),
            (cases.first & (table.planned != NO_DAY), Driver.PLAN),
            (cases.locked, Driver.LOCKED),
            (cases.promised, Driver.PROMISE),
            (cases.promised & (self.shift > 0), Driver.PROMISE_SHIFTED),
            (pushed, Driver.PREDECESSOR),
            (cases.ahead & (reached < table.as_of), Driver.TODAY),
            (cases.implied, Driver.IMPLIED),
            (cases.done, Driver.ACTUAL),
        ):
            np.copyto(driver, np.int8(_NUMBER[name]), where=case)
        return driver

    def _flags(self, cases: _Cases) -> Small:
        table = self.table
        set_on = table.lock_set
        after_lock = cases.locked & (set_on != NO_DAY) & (self.decided.stated_on > set_on)
        early = cases.done & cases.has_before & (table.actual < self.before)
        flags: Small = (self.lives & self.decided.is_tbd) * np.int8(_TBD)
        flags |= early * np.int8(_OUT_OF_ORDER)
        flags |= cases.implied * np.int8(_ACTUAL_MISSING)
        flags |= after_lock * np.int8(_PROMISE_AFTER_LOCK)
        return flags

    def _backward(self, required_on: Days) -> None:
        """`follows` are the cells, as in a ledger, of the step that each chain stands at; -1 before its anchor."""
        table, at = self.table, np.arange(self.table.chains)
        latest = np.full(table.chains, NO_DAY, np.int32)
        follows = np.full(table.chains, -1, np.int64)
        duration, working, calendar = table.duration.ravel(), table.working.ravel(), table.calendar.ravel()
        starts_at = np.where(required_on != NO_DAY, table.anchor, -1)
        for step in range(table.steps - 1, -1, -1):
            moves = np.flatnonzero(self.lives[step] & (follows >= 0))
            cells = follows[moves]
            if len(moves):
                moved = self.tables.back(latest[moves], duration[cells], working[cells], calendar[cells])
                if moved.min() < 0:
                    place = table.place.ravel()[cells[np.argmax(moved < 0)]]
                    raise BadInput("The date leaves the years 2000 to 2100.", field=f"steps[{place}].duration_days")
                latest[moves] = moved
                self.latest[step, moves] = moved
                follows[moves] = step * table.chains + moves
            starts = at[starts_at == step]
            latest[starts] = self.latest[step, starts] = required_on[starts]
            follows[starts] = step * table.chains + starts

    def _refuse(self, wrong: Flags, message: str, step: int, name: str) -> None:
        if wrong.any():
            raise BadInput(message, field=f"steps[{self.table.place[step, np.argmax(wrong)]}].{name}")


@dataclass(frozen=True, slots=True)
class Decided:
    """By step and chain: the row that decides (-1: none), whether the last word is TBD, and when it was stated."""

    row: Wide
    is_tbd: Flags
    stated_on: Days


def decide(ledger: Ledger, shape: tuple[int, ...]) -> Decided:
    """The latest by stated on, recorded at and place; TBD never withdraws a date."""
    size = int(np.prod(shape))
    row, last = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
    stated_on = np.full(size, NO_DAY, np.int32)
    rows = np.flatnonzero(ledger.is_live)
    if len(rows):
        rows = rows[_in_turn(ledger, rows)]
        ends = rows[_ends(ledger.cell[rows])]
        last[ledger.cell[ends]] = ends
        stated_on[ledger.cell[ends]] = ledger.stated_on[ends]
        dated = rows[ledger.counts_on[rows] != NO_DAY]
        ends = dated[_ends(ledger.cell[dated])]
        row[ledger.cell[ends]] = ends
    return Decided(row.reshape(shape), (row != last).reshape(shape), stated_on.reshape(shape))


def _in_turn(ledger: Ledger, rows: Wide) -> Wide:
    """By cell, stated on, recorded at and place: one sort by the first two in one number, and one of what is equal."""
    stated_on = ledger.stated_on[rows].astype(np.int64)
    first = int(stated_on.min())
    turn = ledger.cell[rows] * (int(stated_on.max()) - first + 1) + (stated_on - first)
    order: Wide = np.argsort(turn, kind="stable")
    same = turn[order][1:] == turn[order][:-1]
    if same.any():
        equal = np.append(same, False) | np.append(False, same)
        which = order[equal]
        order[equal] = which[np.lexsort((ledger.recorded_at[rows[which]], turn[which]))]
    return order


def _ends(cells: Wide) -> Wide:
    """Where each run of equal cells ends."""
    return np.flatnonzero(np.append(cells[1:] != cells[:-1], True)) if len(cells) else np.zeros(0, np.int64)


def _check(table: ChainTable) -> None:
    """What `schedule.check` refuses and a table can hold."""
    newest = table.as_of + 1
    _refuse((table.as_of < 0) | (newest > LAST), "The date of the calculation is out of range.", "as_of")
    lives = table.code >= 0
    for name, wrong, message in (
        ("duration_days", table.duration < 0, "A duration cannot be negative."),
        ("actual_on", table.actual > newest, "An actual lies more than one day after the date of the calculation."),
    ):
        if (wrong & lives).any():
            chain = int(np.argmax((wrong & lives).any(axis=0)))
            step = int(np.argmax((wrong & lives)[:, chain]))
            raise BadInput(message, field=f"steps[{table.place[step, chain]}].{name}")
    ledger = table.ledger
    late = ledger.stated_on > newest[ledger.cell % max(1, table.chains)]
    if late.any():
        place = table.place.ravel()[ledger.cell[np.argmax(late)]]
        raise BadInput(
            "A promise was stated more than one day after the date of the calculation.",
            field=f"steps[{place}].promises",
        )
    missing = table.anchor < 0
    _refuse(missing, "The chain has no anchor step.", "anchor_step")


def _refuse(wrong: Flags, message: str, field: str) -> None:
    if wrong.any():
        raise BadInput(message, field=field)


def _minus(left: Days, right: Days) -> Days:
    known = (left != NO_DAY) & (right != NO_DAY)
    return np.where(known, np.where(known, left, 0) - np.where(known, right, 0), NO_DAY).astype(np.int32)


# -- to and from the facts of single chains --------------------------------------------------------------------------


def pack(chains: Sequence[ChainFacts]) -> ChainTable:
    """Facts as a table. Raises BadInput as `schedule.forecast_chain` does for what no table can hold."""
    for facts in chains:
        check(facts)
    calendars: dict[WorkingCalendar, int] = {}
    codes: dict[str, int] = {}
    kept = [[(n, step) for n, step in enumerate(facts.steps) if step.applicable] for facts in chains]
    shape = (max((len(steps) for steps in kept), default=1), len(chains))
    columns = {name: np.full(shape, NO_DAY, np.int32) for name in _DATES}
    code, place = np.full(shape, -1, np.int16), np.zeros(shape, np.int16)
    duration, calendar = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    working, in_span, is_span = (np.zeros(shape, np.bool_) for _ in range(3))
    promises: list[tuple[int, PromiseFacts, bool]] = []
    for number, (facts, steps) in enumerate(zip(chains, kept, strict=True)):
        for at, (n, step) in enumerate(steps):
            code[at, number] = codes.setdefault(step.code, len(codes))
            place[at, number] = n
            duration[at, number] = step.duration_days
            working[at, number] = step.basis == DurationBasis.WORKING
            calendar[at, number] = calendars.setdefault(step.calendar or facts.site_calendar, len(calendars))
            in_span[at, number], is_span[at, number] = step.in_span, step.is_span
            for name, attribute in _DATES.items():
                columns[name][at, number] = number_of(getattr(step, attribute))
            promises += [(at * len(chains) + number, row, is_live) for row, is_live in _with_life(step)]
    ros = [_ros(facts) for facts in chains]
    return ChainTable(
        site_calendar=np.array(
            [calendars.setdefault(facts.site_calendar, len(calendars)) for facts in chains], np.int32
        ),
        calendars=tuple(calendars),
        codes=tuple(codes),
        as_of=np.array([number_of(facts.as_of) for facts in chains], np.int32),
        anchor=np.array([_anchor(facts, steps) for facts, steps in zip(chains, kept, strict=True)], np.int32),
        ros_from=np.array([number_of(day) for day, _, _ in ros], np.int32),
        ros_offset=np.array([days for _, days, _ in ros], np.int32),
        ros_working=np.array([is_working for _, _, is_working in ros], np.bool_),
        code=code,
        place=place,
        duration=duration,
        working=working,
        calendar=calendar,
        in_span=in_span,
        is_span=is_span,
        ledger=_ledger(promises),
        **columns,
    )


_DATES: Final = {
    "baseline": "baseline_on", "planned": "planned_on", "locked": "locked_on", "lock_set": "lock_set_on",
    "actual": "actual_on",
}  # fmt: skip


def _anchor(facts: ChainFacts, steps: Sequence[tuple[int, StepFacts]]) -> int:
    return next(at for at, (_, step) in enumerate(steps) if step.code == facts.anchor_step)


def _ros(facts: ChainFacts) -> tuple[date | None, int, bool]:
    rule = facts.required_on_site
    required_on = required_on_site(rule, facts.site_calendar)
    if rule is None or required_on is None:
        return None, 0, False
    if rule.fixed_on is not None:
        return rule.fixed_on, 0, False
    return min(rule.anchors), rule.offset_days, rule.offset_basis == DurationBasis.WORKING


def _with_life(step: StepFacts) -> Iterator[tuple[PromiseFacts, bool]]:
    replaced = {row.supersedes for row in step.promises if not row.retracted}
    for row in step.promises:
        yield row, not row.retracted and row.id not in replaced


def _ledger(promises: Sequence[tuple[int, PromiseFacts, bool]]) -> Ledger:
    rows = [row for _, row, _ in promises]
    return Ledger(
        cell=np.array([cell for cell, _, _ in promises], np.int64),
        counts_on=np.array([number_of(row.said.counts_on) for row in rows], np.int32),
        stated_on=np.array([number_of(row.stated_on) for row in rows], np.int32),
        recorded_at=np.array(
            [int(row.recorded_at.timestamp() * 1_000_000) if row.recorded_at else -(2**63) for row in rows], np.int64
        ),
        conditional_on=np.array([number_of(row.conditional_on) for row in rows], np.int32),
        is_live=np.array([is_live for _, _, is_live in promises], np.bool_),
    )


def unpack(answers: ChainAnswers, chains: Sequence[ChainFacts]) -> list[ChainAnswer]:
    """The answers in the shape of `schedule.forecast_chain`; `chains` are those that were packed."""
    table = answers.table
    ids = [row.id for row in chained.from_iterable(_promises_in_order(chains))]
    return [
        ChainAnswer(
            anchor_step=facts.anchor_step,
            required_on_site=day_of(int(answers.required_on[number])),
            forecast_on_site=_day(answers.on_site[number]),
            float_days=_days(answers.float_days[number]),
            float_working_days=_days(answers.float_working_days[number]),
            steps=tuple(
                _step(answers, at, number, step, facts, ids)
                for at, step in enumerate(each for each in facts.steps if each.applicable)
            ),
        )
        for number, facts in enumerate(chains)
        if table.chains
    ]


def _promises_in_order(chains: Sequence[ChainFacts]) -> Iterator[tuple[PromiseFacts, ...]]:
    return (step.promises for facts in chains for step in facts.steps if step.applicable)


def _step(
    answers: ChainAnswers, at: int, number: int, step: StepFacts, facts: ChainFacts, ids: Sequence[str]
) -> StepAnswer:
    ledger, row = answers.table.ledger, int(answers.promise[at, number])
    on, latest = answers.forecast[at, number], answers.latest[at, number]
    is_placed = not step.in_span and row >= 0
    return StepAnswer(
        code=step.code,
        forecast_on=day_of(int(on)),
        driver=DRIVERS[answers.driver[at, number]],
        flags=flags_of(int(answers.flags[at, number])),
        latest_on=day_of(int(latest)),
        float_days=_days(_minus(latest, on)),
        slip_days=_days(_minus(on, answers.table.baseline[at, number])),
        baseline_on=step.baseline_on,
        previous_on=day_of(int(answers.previous[at, number])),
        promise_id=ids[row] if is_placed else None,
        promise_counts_on=day_of(int(ledger.counts_on[row])) if is_placed else None,
        conditional_on=day_of(int(ledger.conditional_on[row])) if is_placed else None,
        shift_days=int(answers.shift[at, number]),
        duration_days=step.duration_days,
        basis=step.basis,
        calendar=(step.calendar or facts.site_calendar).code,
    )


def flags_of(bits: int) -> tuple[StepFlag, ...]:
    return tuple(flag for place, flag in enumerate(FLAGS) if bits >> place & 1)


def _day(number: np.int32) -> date:
    day = day_of(int(number))
    assert day is not None  # the anchor of an answered chain always has a date
    return day


def _days(number: np.int32 | Days) -> int | None:
    return None if number == NO_DAY else int(number)
