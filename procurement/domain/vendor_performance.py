"""How well a vendor keeps its word, from the ledger and the days on which things physically happened."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from procurement.domain.percentile import days_at

# Below this many observations there is no score, only their number.
LEAST_SAMPLE: Final = 5


class Against(StrEnum):
    """What a delivery is measured against."""

    CONTRACT = "contract"
    FIRST_PROMISE = "first_promise"
    CURRENT_PROMISE = "current_promise"
    REQUIRED_ON_SITE = "required_on_site"


@dataclass(frozen=True, slots=True)
class Word:
    """A dated promise at the contract step: what it counts as, and the day it was stated."""

    on: date
    stated_on: date


@dataclass(frozen=True, slots=True)
class LotRecord:
    """One lot of a vendor. `done_on` is the physical date of the contract step, `arrived_on` that of the arrival on
    site; None while open. `words` in the order of the ledger; `copied` of them were copied from the lot it was split
    from: the vendor said those once, not twice. `last_word_on` counts TBD and every other step too.
    """

    quantity: Decimal
    equipment_class: str
    contract_on: date | None
    required_on: date | None
    done_on: date | None
    arrived_on: date | None
    words: tuple[Word, ...] = ()
    copied: int = 0
    last_word_on: date | None = None

    @property
    def is_open(self) -> bool:
        return self.done_on is None


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is None below the least sample, and where nothing could be measured."""

    value: int | None
    sample: int

    @property
    def is_too_small(self) -> bool:
        return self.sample < LEAST_SAMPLE


@dataclass(frozen=True, slots=True)
class Quarter:
    """The on-time shares of what was due in a quarter, in percent of the quantity."""

    year: int
    number: int
    on_time: dict[Against, Figure]

    @property
    def name(self) -> str:
        return f"{self.year}-Q{self.number}"


@dataclass(frozen=True, slots=True)
class Credibility:
    """How far earlier promises of a class were from what came: days that the delivery came after them (below zero:
    before). `held_percent` of them were held to the day or better.
    """

    equipment_class: str
    median_days: Figure
    p80_days: Figure
    held_percent: Figure


@dataclass(frozen=True, slots=True)
class Scorecard:
    on_time: dict[Against, Figure]
    median_move_days: Figure
    p80_move_days: Figure
    days_since_last_word: int | None
    quietest_days: int | None
    credibility: tuple[Credibility, ...]
    quarters: tuple[Quarter, ...]
    open_lots: int
    done_lots: int


def scorecard(lots: Collection[LotRecord], as_of: date) -> Scorecard:
    moves = [days for lot in lots for days in moves_of(lot)]
    quiet = [(as_of - lot.last_word_on).days for lot in lots if lot.is_open and lot.last_word_on]
    return Scorecard(
        on_time={against: on_time(lots, against, as_of) for against in Against},
        median_move_days=_days(moves, 50),
        p80_move_days=_days(moves, 80),
        days_since_last_word=min(quiet, default=None),
        quietest_days=max(quiet, default=None),
        credibility=credibility(lots),
        quarters=quarters(lots, as_of),
        open_lots=sum(lot.is_open for lot in lots),
        done_lots=sum(not lot.is_open for lot in lots),
    )


def on_time(lots: Iterable[LotRecord], against: Against, as_of: date) -> Figure:
    """Percent of the quantity that was due and came by its day. What is due and still open counts as late."""
    judged = [(lot.quantity, verdict) for lot in lots if (verdict := is_on_time(lot, against, as_of)) is not None]
    return _share(judged)


def is_on_time(lot: LotRecord, against: Against, as_of: date) -> bool | None:
    """None where there is nothing to measure against, or it is not due and not done."""
    due_on, came_on = _due(lot, against), _came(lot, against)
    if due_on is None:
        return None
    if came_on is not None:
        return came_on <= due_on
    return None if due_on >= as_of else False


def _came(lot: LotRecord, against: Against) -> date | None:
    return lot.arrived_on if against is Against.REQUIRED_ON_SITE else lot.done_on


def _due(lot: LotRecord, against: Against) -> date | None:
    match against:
        case Against.CONTRACT:
            return lot.contract_on
        case Against.REQUIRED_ON_SITE:
            return lot.required_on
        case Against.FIRST_PROMISE:
            return lot.words[0].on if lot.words else None
        case Against.CURRENT_PROMISE:
            return _last_word(lot)
    raise AssertionError(against)


def _last_word(lot: LotRecord) -> date | None:
    """The last one stated before it was done: what is said afterwards is no promise."""
    words = [word for word in lot.words if lot.done_on is None or word.stated_on <= lot.done_on]
    return words[-1].on if words else None


def moves_of(lot: LotRecord) -> list[int]:
    """Days by which each promise moved the one before; above zero is later. What was copied moved nothing here."""
    pairs = zip(lot.words, lot.words[1:], strict=False)
    return [(after.on - before.on).days for before, after in pairs][max(0, lot.copied - 1) :]


def credibility(lots: Iterable[LotRecord]) -> tuple[Credibility, ...]:
    """By class, over the promises of what was delivered, stated before it was."""
    errors: dict[str, list[int]] = {}
    for lot in lots:
        if lot.done_on is not None:
            said = [(lot.done_on - word.on).days for word in lot.words[lot.copied :] if word.stated_on < lot.done_on]
            errors.setdefault(lot.equipment_class, []).extend(said)
    return tuple(
        Credibility(
            name,
            _days(found, 50),
            _days(found, 80),
            _share([(Decimal(1), error <= 0) for error in found]),
        )
        for name, found in sorted(errors.items())
        if found
    )


def quarters(lots: Iterable[LotRecord], as_of: date) -> tuple[Quarter, ...]:
    """By the quarter in which a delivery was due by each measure, so that each counts once in it; in order, none left
    out between.
    """
    judged: dict[tuple[int, int], dict[Against, list[tuple[Decimal, bool]]]] = {}
    for lot in lots:
        for against in Against:
            due_on, verdict = _due(lot, against), is_on_time(lot, against, as_of)
            if due_on is not None and verdict is not None:
                found = judged.setdefault((due_on.year, (due_on.month + 2) // 3), {each: [] for each in Against})
                found[against].append((lot.quantity, verdict))
    if not judged:
        return ()
    (year, number), last = min(judged), max(judged)
    every = []
    while (year, number) <= last:
        shares = judged.get((year, number), {})
        every.append(Quarter(year, number, {against: _share(shares.get(against, ())) for against in Against}))
        year, number = (year, number + 1) if number < 4 else (year + 1, 1)
    return tuple(every)


def _share(judged: Collection[tuple[Decimal, bool]]) -> Figure:
    whole = sum((quantity for quantity, _ in judged), Decimal(0))
    if len(judged) < LEAST_SAMPLE or not whole:
        return Figure(None, len(judged))
    good = sum((quantity for quantity, is_good in judged if is_good), Decimal(0))
    return Figure(int((100 * good / whole).quantize(Decimal(1), ROUND_HALF_UP)), len(judged))


def _days(found: Collection[int], percent: int) -> Figure:
    return Figure(days_at(found, percent) if len(found) >= LEAST_SAMPLE else None, len(found))
