"""Megawatts over time as step functions: each value holds from its day until that of the next one."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final

ZERO: Final = Decimal(0)
# More than any site or grid can carry: what a limit is where nothing is known to hold it down.
UNLIMITED: Final = Decimal(1_000_000)


@dataclass(frozen=True)
class Curve:
    """`steps` rise strictly by day; before the first the value is zero. Equal neighbours are allowed."""

    steps: tuple[tuple[date, Decimal], ...] = ()

    @cached_property
    def days(self) -> tuple[date, ...]:
        return tuple(day for day, _ in self.steps)

    def at(self, day: date) -> Decimal:
        place = bisect_right(self.days, day)
        return self.steps[place - 1][1] if place else ZERO

    def on(self, days: Sequence[date]) -> list[Decimal]:
        """`at` for days in rising order, in one pass."""
        found, place, now = [], 0, ZERO
        steps, last = self.steps, len(self.steps)
        for day in days:
            while place < last and steps[place][0] <= day:
                now = steps[place][1]
                place += 1
            found.append(now)
        return found

    def first_day_at_least(self, value: Decimal) -> date | None:
        return next((day for day, each in self.steps if each >= value), None)

    @property
    def peak(self) -> Decimal:
        return max((value for _, value in self.steps), default=ZERO)


def level(value: Decimal) -> Curve:
    return Curve(((date.min, value),))


def stepped(steps: Iterable[tuple[date, Decimal]]) -> Curve:
    """From dated values in any order; of several on one day the last given counts."""
    return Curve(tuple(sorted(dict(steps).items())))


def window(curve: Curve, from_on: date, until_on: date | None = None) -> Curve:
    """What of a curve lies from a day to a day, both included; zero outside. None: it never ends."""
    if until_on is not None and until_on < from_on:
        return Curve()
    inside = [(from_on, curve.at(from_on))]
    inside += [(day, value) for day, value in curve.steps if day > from_on and (until_on is None or day <= until_on)]
    if until_on is not None and until_on < date.max:
        inside.append((until_on + timedelta(days=1), ZERO))
    return Curve(tuple(inside))


def total(curves: Iterable[Curve]) -> Curve:
    changes: dict[date, Decimal] = {}
    for curve in curves:
        before = ZERO
        for day, value in curve.steps:
            changes[day] = changes.get(day, ZERO) + value - before
            before = value
    steps, height = [], ZERO
    for day in sorted(changes):
        height += changes[day]
        steps.append((day, height))
    return Curve(tuple(steps))


def lowest(curves: Sequence[Curve]) -> Curve:
    """Zero where there is no curve at all."""
    days = sorted({day for curve in curves for day in curve.days})
    return Curve(tuple((day, min(curve.at(day) for curve in curves)) for day in days))


def edges(curves: Iterable[Curve], from_on: date, until_on: date) -> list[date]:
    """The first day and every later one, up to the last, on which a curve may change."""
    return sorted({from_on, *(day for curve in curves for day in curve.days if from_on < day <= until_on)})


def first_above(curve: Curve, most: Decimal) -> tuple[date, Decimal] | None:
    """The first day on which a curve is above a value, and how high it is then."""
    return next(((day, value) for day, value in curve.steps if value > most), None)


def area(curve: Curve, from_on: date, until_on: date) -> Decimal:
    """MW-days from a day to a day, both included; zero where the window is empty."""
    if until_on < from_on:
        return ZERO
    starts = edges([curve], from_on, until_on)
    ends = [*starts[1:], until_on + timedelta(days=1)]
    return sum((curve.at(start) * (end - start).days for start, end in zip(starts, ends, strict=True)), ZERO)
