"""What a step's duration is drawn from: the narrowest reference class with enough of its own history.

A share is what happened over what was expected: of a step, its duration over the planned one; of a promise, the time
it took over the time it left. A promise that still stands a month before its day moves far less than one made a year
before, because those that were to move much have been replaced by then; so it is looked at again at landmarks, and
drawn from promises that stood as near their day. Source: van Houwelingen, Dynamic prediction by landmarking in event
history analysis, 2007.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from procurement.vocabulary import HistoryKind, HistoryLevel
from sites.domain.calendar_arrays import LAST, NO_DAY, Days, Flags, over_years
from sites.domain.probability import LANDMARKS, POINTS, Shares, landmark, seen_on
from sites.domain.schedule_arrays import ChainAnswers, ChainTable, Ledger, Wide

# How many observations a level needs before it is drawn from. An average of fewer says more of chance than of a vendor.
LEAST: Final = {
    HistoryLevel.PLANT: 12,
    HistoryLevel.COMPANY: 12,
    HistoryLevel.EQUIPMENT_CLASS: 20,
    HistoryLevel.STEP: 30,
}
# The assumption where nobody has a history: (chance, share of the plan). Not learnt from anything.
ASSUMED: Final = ((0.0, 0.85), (0.05, 0.95), (0.5, 1.0), (0.8, 1.15), (0.95, 1.4), (1.0, 1.8))
LONGEST: Final = 10.0
_SHORTEST_PLAN_DAYS: Final = 3
_SHORTEST_PROMISE_DAYS: Final = 7
# That of a duration.
NO_LANDMARK: Final = -1

Reference = tuple[HistoryKind, HistoryLevel, str, int, int, int, int]


# Code, landmark, chain, days, expected and late.
_Rows = tuple[Wide, Wide, Wide, Days, Days, Days]


def assumed() -> Shares:
    chances, shares = zip(*ASSUMED, strict=True)
    points: Shares = np.interp(np.linspace(0, 1, POINTS), chances, shares).astype(np.float32)
    return points


@dataclass(frozen=True, slots=True)
class Profiles:
    """Of each chain the class, the company and the plant as numbers that name them; -1 where there is none."""

    equipment_class: Wide
    company: Wide
    plant: Wide


@dataclass(frozen=True, slots=True)
class Observations:
    """One row each: what took `days`, where `expected` had been expected and the step before was `late` by so many.

    `code` numbers `codes`; `landmark` is that of a promise, -1 of a duration.
    """

    codes: tuple[str, ...]
    code: Wide
    landmark: Wide
    equipment_class: Wide
    company: Wide
    plant: Wide
    days: Days
    expected: Days
    late: Days


def durations(table: ChainTable, profiles: Profiles) -> Observations:
    """Steps that are done, and whose step before is: their days over the planned ones, in calendar days."""
    rows: list[_Rows] = []
    before = np.full(table.chains, NO_DAY, np.int32)
    for step in range(table.steps):
        lives, actual = table.code[step] >= 0, table.actual[step]
        at = np.flatnonzero(lives & (actual != NO_DAY) & (before != NO_DAY) & (actual >= before))
        planned = _planned(table, step, at, before[at])
        at, planned = at[planned >= _SHORTEST_PLAN_DAYS], planned[planned >= _SHORTEST_PLAN_DAYS]
        code, no_landmark = table.code[step, at].astype(np.int64), np.full(len(at), NO_LANDMARK, np.int64)
        rows.append((code, no_landmark, at, actual[at] - before[at], planned, np.zeros(len(at), np.int32)))
        before = np.where(lives, actual, before)
    return _observed(table, profiles, rows)


def _planned(table: ChainTable, step: int, at: Wide, since: Days) -> Days:
    days, working, calendar = (each[step, at] for each in (table.duration, table.working, table.calendar))
    ends: Days = over_years(table.calendars, [since], lambda tables: tables.forward(since, days, working, calendar))
    return ends - since


def promises(table: ChainTable, profiles: Profiles) -> Observations:
    """Promises about steps that are done, each at every landmark at which it stood: the days from there to the fact
    over those that it left.
    """
    ledger = table.ledger
    if not len(ledger):
        nothing, no_days = np.zeros(0, np.int64), np.zeros(0, np.int32)
        return _observed(table, profiles, [(nothing, nothing, nothing, no_days, no_days, no_days)])
    step, chain = np.divmod(ledger.cell, max(1, table.chains))
    actual = table.actual[step, chain]
    stands = ledger.is_live & (ledger.counts_on != NO_DAY) & (actual != NO_DAY)
    until = np.minimum(_replaced_on(ledger, stands), actual)
    relied_on, before = ledger.conditional_on, _actual_before(table)[step, chain]
    late = np.where((relied_on != NO_DAY) & (before != NO_DAY), np.maximum(before - relied_on, 0), 0)
    rows: list[_Rows] = []
    for place in range(len(LANDMARKS) + 1):
        since = seen_on(ledger.stated_on, ledger.counts_on, place)
        left = ledger.counts_on - since
        counts = stands & (landmark(left) == place) & (since < until) & (left >= _SHORTEST_PROMISE_DAYS)
        at = np.flatnonzero(counts)
        code = table.code[step[at], chain[at]].astype(np.int64)
        rows.append((code, np.full(len(at), place), chain[at], (actual - since)[at], left[at], late[at]))
    return _observed(table, profiles, rows)


def _replaced_on(ledger: Ledger, stands: Flags) -> Days:
    """The day on which the next promise about the same step was stated; far ahead for the last one."""
    found = np.full(len(ledger), LAST, np.int32)
    rows = np.flatnonzero(stands)
    rows = rows[np.lexsort((ledger.recorded_at[rows], ledger.stated_on[rows], ledger.cell[rows]))]
    same = ledger.cell[rows[1:]] == ledger.cell[rows[:-1]]
    found[rows[:-1][same]] = ledger.stated_on[rows[1:][same]]
    return found


def _actual_before(table: ChainTable) -> Days:
    found = np.full(table.actual.shape, NO_DAY, np.int32)
    for step in range(1, table.steps):
        found[step] = table.actual[step - 1]
    return found


def _observed(table: ChainTable, profiles: Profiles, rows: Sequence[_Rows]) -> Observations:
    code, landmark, chain, days, expected, late = (np.concatenate(each) for each in zip(*rows, strict=True))
    return Observations(
        table.codes,
        code,
        landmark.astype(np.int64),
        profiles.equipment_class[chain],
        profiles.company[chain],
        profiles.plant[chain],
        days,
        expected,
        late,
    )


def together(parts: Iterable[Observations]) -> Observations:
    """Many of them as one, with codes numbered anew."""
    codes: dict[str, int] = {}
    found: list[Observations] = []
    for part in parts:
        number = np.array([codes.setdefault(code, len(codes)) for code in part.codes] or [0], np.int64)
        found.append(Observations((), number[part.code], *(getattr(part, each) for each in _COLUMNS)))
    columns = {name: np.concatenate([getattr(each, name) for each in found]) for name in ("code", *_COLUMNS)}
    return Observations(tuple(codes), **columns)


_COLUMNS: Final = tuple(each.name for each in fields(Observations))[2:]


@dataclass(frozen=True, slots=True)
class History:
    """`reference` is (kind, level, code, landmark, class, company, plant), -1 for what the level does not look at.

    `carried` is the part of a delay before it that moved such a promise.
    """

    reference: Reference
    sample: int
    quantiles: Shares
    carried: float = 1.0


def histories(kind: HistoryKind, seen: Observations) -> Iterator[History]:
    """A row for every reference class with enough observations."""
    nothing = np.full(len(seen.days), -1, np.int64)
    carried = _carried(seen)
    share = np.clip((seen.days - carried * seen.late) / np.maximum(seen.expected, 1), 0, LONGEST)
    looks = {
        HistoryLevel.PLANT: (seen.equipment_class, seen.company, seen.plant),
        HistoryLevel.COMPANY: (seen.equipment_class, seen.company, nothing),
        HistoryLevel.EQUIPMENT_CLASS: (seen.equipment_class, nothing, nothing),
        HistoryLevel.STEP: (nothing, nothing, nothing),
    }
    at = np.linspace(0, 1, POINTS)
    for level, (equipment_class, company, plant) in looks.items():
        known = plant >= 0 if level is HistoryLevel.PLANT else np.ones(len(nothing), np.bool_)
        order = np.flatnonzero(known)
        keys = (seen.code, seen.landmark, equipment_class, company, plant)
        order = order[np.lexsort((share[order], *(key[order] for key in reversed(keys))))]
        if not len(order):
            continue
        changes = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
        starts = np.concatenate([[0], np.flatnonzero(changes) + 1, [len(order)]])
        for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            if last - first >= LEAST[level]:
                head = order[first]
                quantiles = np.quantile(share[order[first:last]], at).astype(np.float32)
                place = seen.codes[seen.code[head]], *(int(key[head]) for key in keys[1:])
                yield History((kind, level, *place), last - first, quantiles, float(carried[head]))


def _carried(seen: Observations) -> NDArray[np.float64]:
    """The part of a delay before it that ended up in such a step, by least squares over everybody's; all of it where
    too few are known. What is left is then of its own making, and may be drawn beside the delay.
    """
    found = np.ones(len(seen.days))
    for code, place in np.unique(np.stack([seen.code, seen.landmark], axis=1), axis=0).tolist():
        rows = np.flatnonzero((seen.code == code) & (seen.landmark == place))
        late = seen.late[rows] - seen.late[rows].mean()
        if len(rows) >= LEAST[HistoryLevel.STEP] and late.any():
            moved = (seen.days - seen.expected)[rows]
            found[rows] = np.clip((late * moved).sum() / (late * late).sum(), 0, 1)
    return found


def _lent(of_class: History) -> History:
    kind, place = of_class.reference[0], of_class.reference[2:]
    return replace(of_class, reference=(kind, HistoryLevel.STAND_IN, *place))


class Library:
    """Finds for a step the narrowest reference class that has a history. `stand_ins` are the classes that stand in for
    a class, in order; where one does, its history goes by a level of its own.
    """

    def __init__(self, known: Iterable[History], stand_ins: Mapping[int, Sequence[int]] | None = None) -> None:
        own = list(known)
        self._stand_ins = stand_ins or {}
        lent = [_lent(each) for each in own if each.reference[1] is HistoryLevel.EQUIPMENT_CLASS]
        rows = [*own, *(lent if self._stand_ins else ())]
        self._row = {each.reference: place for place, each in enumerate(rows, start=1)}
        self.quantiles: Shares = np.stack([assumed(), *(each.quantiles for each in rows)])
        self.carried: Shares = np.array([1.0, *(each.carried for each in rows)], np.float32)
        self.levels: list[HistoryLevel] = [HistoryLevel.ASSUMED, *(each.reference[1] for each in rows)]
        self.samples = [0, *(each.sample for each in rows)]

    def row(self, kind: HistoryKind, code: str, landmark: int, equipment_class: int, company: int, plant: int) -> int:
        """0 is the assumption."""
        for level, *makers in (
            (HistoryLevel.PLANT, equipment_class, company, plant),
            (HistoryLevel.COMPANY, equipment_class, company, -1),
            (HistoryLevel.EQUIPMENT_CLASS, equipment_class, -1, -1),
            *((HistoryLevel.STAND_IN, other, -1, -1) for other in self._stand_ins.get(equipment_class, ())),
            (HistoryLevel.STEP, -1, -1, -1),
        ):
            found = self._row.get((kind, level, code, landmark, *makers))
            if found is not None:
                return found
        return 0

    def of_durations(self, answers: ChainAnswers, profiles: Profiles) -> Wide:
        """(steps, chains)."""
        return self._rows(HistoryKind.DURATION, answers.table, profiles, np.full(answers.promise.shape, NO_LANDMARK))

    def of_promises(self, answers: ChainAnswers, profiles: Profiles) -> Wide:
        """(steps, chains): by how near the day of the deciding promise is."""
        table = answers.table
        counts_on = np.append(table.ledger.counts_on, NO_DAY)[answers.promise]
        place = np.where(counts_on == NO_DAY, NO_LANDMARK, landmark(counts_on - table.as_of))
        return self._rows(HistoryKind.PROMISE, table, profiles, place)

    def _rows(self, kind: HistoryKind, table: ChainTable, profiles: Profiles, place: Wide) -> Wide:
        """Asked once for each profile, code and landmark."""
        columns = np.stack([profiles.equipment_class, profiles.company, profiles.plant], axis=1)
        unique, inverse = np.unique(columns, axis=0, return_inverse=True)
        places = np.unique(place).tolist()
        found = np.zeros((len(unique), len(table.codes) + 1, len(LANDMARKS) + 2), np.int64)
        for number, makers in enumerate(unique.tolist()):
            for each in places:
                found[number, :-1, each] = [self.row(kind, code, each, *makers) for code in table.codes]
        rows: Wide = found[inverse.ravel()[None, :], table.code, place]
        return rows
