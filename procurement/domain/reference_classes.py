"""What a step's duration is drawn from: the narrowest reference class with enough of its own history.

A share is what happened over what was expected: of a step, its duration over the planned one; of a promise, the time
it took from the day it was stated over the time it left.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from procurement.vocabulary import HistoryKind, HistoryLevel
from sites.domain.calendar_arrays import NO_DAY, Days, over_years
from sites.domain.probability import POINTS, Shares
from sites.domain.schedule_arrays import ChainTable, Wide

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
_SHORTEST_PROMISE_DAYS: Final = 14

Reference = tuple[HistoryKind, HistoryLevel, str, int, int, int]


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
    """One row each. `code` numbers `codes`."""

    codes: tuple[str, ...]
    code: Wide
    equipment_class: Wide
    company: Wide
    plant: Wide
    share: NDArray[np.float64]


def durations(table: ChainTable, profiles: Profiles) -> Observations:
    """Steps that are done, and whose step before is: their days over the planned ones, in calendar days."""
    rows: list[tuple[Wide, Wide, NDArray[np.float64]]] = []
    before = np.full(table.chains, NO_DAY, np.int32)
    for step in range(table.steps):
        lives, actual = table.code[step] >= 0, table.actual[step]
        at = np.flatnonzero(lives & (actual != NO_DAY) & (before != NO_DAY) & (actual >= before))
        since = before[at]
        planned = _planned(table, step, at, since)
        enough = planned >= _SHORTEST_PLAN_DAYS
        share = (actual[at] - since)[enough] / planned[enough]
        rows.append((table.code[step, at[enough]].astype(np.int64), at[enough], share))
        before = np.where(lives, actual, before)
    return _observed(table, profiles, rows)


def _planned(table: ChainTable, step: int, at: Wide, since: Days) -> Days:
    days, working, calendar = (each[step, at] for each in (table.duration, table.working, table.calendar))
    ends: Days = over_years(table.calendars, [since], lambda tables: tables.forward(since, days, working, calendar))
    return ends - since


def promises(table: ChainTable, profiles: Profiles) -> Observations:
    """Promises about steps that are done: the days from statement to fact over those that were stated."""
    ledger = table.ledger
    step, chain = np.divmod(ledger.cell, max(1, table.chains))
    actual = table.actual[step, chain] if len(ledger) else np.zeros(0, np.int32)
    left = np.where(ledger.counts_on == NO_DAY, 0, ledger.counts_on - ledger.stated_on)
    counts = ledger.is_live & (actual != NO_DAY) & (left >= _SHORTEST_PROMISE_DAYS) & (actual > ledger.stated_on)
    share = (actual - ledger.stated_on)[counts] / left[counts]
    code = table.code[step[counts], chain[counts]].astype(np.int64)
    return _observed(table, profiles, [(code, chain[counts], share)])


def _observed(
    table: ChainTable, profiles: Profiles, rows: Sequence[tuple[Wide, Wide, NDArray[np.float64]]]
) -> Observations:
    code, chain, share = (np.concatenate(each) for each in zip(*rows, strict=True))
    return Observations(
        table.codes,
        code,
        profiles.equipment_class[chain],
        profiles.company[chain],
        profiles.plant[chain],
        np.minimum(share, LONGEST),
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
    """`reference` is (kind, level, code, class, company, plant), -1 for what the level does not look at."""

    reference: Reference
    sample: int
    quantiles: Shares


def histories(kind: HistoryKind, seen: Observations) -> Iterator[History]:
    """A row for every reference class with enough observations."""
    nothing = np.full(len(seen.share), -1, np.int64)
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
        keys = (seen.code, equipment_class, company, plant)
        order = order[np.lexsort((seen.share[order], *(key[order] for key in reversed(keys))))]
        if not len(order):
            continue
        changes = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
        starts = np.concatenate([[0], np.flatnonzero(changes) + 1, [len(order)]])
        for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            if last - first >= LEAST[level]:
                head = order[first]
                quantiles = np.quantile(seen.share[order[first:last]], at).astype(np.float32)
                place = seen.codes[seen.code[head]], *(int(key[head]) for key in keys[1:])
                yield History((kind, level, *place), last - first, quantiles)


def _lent(of_class: History) -> History:
    kind, _level, code, equipment_class, company, plant = of_class.reference
    return replace(of_class, reference=(kind, HistoryLevel.STAND_IN, code, equipment_class, company, plant))


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
        self.levels: list[HistoryLevel] = [HistoryLevel.ASSUMED, *(each.reference[1] for each in rows)]
        self.samples = [0, *(each.sample for each in rows)]

    def row(self, kind: HistoryKind, code: str, equipment_class: int, company: int, plant: int) -> int:
        """0 is the assumption."""
        for reference in (
            (kind, HistoryLevel.PLANT, code, equipment_class, company, plant),
            (kind, HistoryLevel.COMPANY, code, equipment_class, company, -1),
            (kind, HistoryLevel.EQUIPMENT_CLASS, code, equipment_class, -1, -1),
            *((kind, HistoryLevel.STAND_IN, code, other, -1, -1) for other in self._stand_ins.get(equipment_class, ())),
            (kind, HistoryLevel.STEP, code, -1, -1, -1),
        ):
            found = self._row.get(reference)
            if found is not None:
                return found
        return 0

    def rows(self, kind: HistoryKind, table: ChainTable, profiles: Profiles) -> Wide:
        """(steps, chains); asked once for each profile and code."""
        columns = np.stack([profiles.equipment_class, profiles.company, profiles.plant], axis=1)
        unique, inverse = np.unique(columns, axis=0, return_inverse=True)
        found = np.zeros((len(unique), len(table.codes) + 1), np.int64)
        for place, (equipment_class, company, plant) in enumerate(unique.tolist()):
            found[place, :-1] = [self.row(kind, code, equipment_class, company, plant) for code in table.codes]
        rows: Wide = found[inverse.ravel()[None, :], table.code]
        return rows
