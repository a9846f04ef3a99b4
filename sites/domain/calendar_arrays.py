"""Several working calendars as tables, so that many dates are moved at once.

A day is a number: 0 is 2000-01-01. `NO_DAY` is no date.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from sites.domain.calendar import FIRST_DAY, LAST_DAY, WorkingCalendar

Days = NDArray[np.int32]
Flags = NDArray[np.bool_]
Answer = TypeVar("Answer")

NO_DAY: Final = -(2**31)
LAST: Final = (LAST_DAY - FIRST_DAY).days

_FIRST_ORDINAL = FIRST_DAY.toordinal()
_YEARS_AHEAD = 8
# A year of a calendar takes milliseconds to count, so all of them are the last resort.
_YEARS_WIDER = 12


class OutsideTheWindow(Exception):
    """A date left the years that were counted; wider tables know it."""


def number_of(day: date | None) -> int:
    return NO_DAY if day is None else day.toordinal() - _FIRST_ORDINAL


def day_of(number: int) -> date | None:
    return None if number == NO_DAY else date.fromordinal(number + _FIRST_ORDINAL)


def year_of(number: int) -> int:
    return date.fromordinal(min(max(number, 0), LAST) + _FIRST_ORDINAL).year


class DayTables:
    """The calendars over whole years. What is moved out of 2000 to 2100 comes back as -1 or as `LAST` + 1."""

    def __init__(self, calendars: Sequence[WorkingCalendar], first_year: int, last_year: int) -> None:
        self.first = number_of(date(first_year, 1, 1))
        self.last = number_of(date(last_year, 12, 31))
        width = self.last - self.first + 1
        works = np.zeros((max(1, len(calendars)), width), np.bool_)
        for row, calendar in enumerate(calendars):
            place = 0
            for year in range(first_year, last_year + 1):
                counted = np.asarray(calendar.counted(year), np.uint16)
                works[row, place : place + len(counted) - 1] = counted[1:] > counted[:-1]
                place += len(counted) - 1
        through = np.zeros((len(works), width + 1), np.int32)
        np.cumsum(works, axis=1, out=through[:, 1:], dtype=np.int32)
        self._through = through.ravel()
        self._stride = width + 1
        rows, columns = np.nonzero(works)
        self._starts = np.searchsorted(rows, np.arange(len(works))).astype(np.int32)
        self._worked = (columns + self.first).astype(np.int32)
        self._totals = through[:, -1].copy()

    def forward(self, day: Days, days: Days, working: Flags, calendar: Days) -> Days:
        """As `WorkingCalendar.forward`. Raises OutsideTheWindow."""
        moved: Days = np.minimum(day + days, LAST + 1).astype(np.int32, copy=False)
        counts = np.flatnonzero(working & (days > 0))
        if len(counts):
            at, row = day[counts], calendar[counts]
            place = self._counted(at, row) + days[counts]
            moved[counts] = self._nth(place, row)
        return moved

    def back(self, day: Days, days: Days, working: Flags, calendar: Days) -> Days:
        """As `WorkingCalendar.back`. Raises OutsideTheWindow."""
        moved: Days = np.maximum(day - days, -1).astype(np.int32, copy=False)
        counts = np.flatnonzero(working & (days > 0))
        if len(counts):
            at, row = day[counts], calendar[counts]
            place = self._counted(at, row) - days[counts]
            moved[counts] = self._nth(place, row)
        return moved

    def forward_rows(self, day: Days, days: Days, row: Days) -> Days:
        """`forward` in working days for whole rows that share a calendar; `day` and `days` are (rows, columns)."""
        if day.size and (day.min() < self.first or day.max() > self.last):
            raise OutsideTheWindow
        offset = (row.astype(np.int64) * self._stride - self.first + 1)[:, None]
        place = self._through.take(day + offset, mode="clip") + days
        totals = self._totals[row][:, None]
        if self.last < LAST and (place > totals).any():
            raise OutsideTheWindow
        start = (self._starts[row].astype(np.int64) - 1)[:, None]
        moved = self._worked.take(start + np.clip(place, 1, totals), mode="clip")
        moved = np.where(place > totals, LAST + 1, moved)
        return np.where(days == 0, day, moved).astype(np.int32)

    def between(self, after: Days, through: Days, calendar: Days) -> Days:
        """Working days in (after, through], negative the other way round. Raises OutsideTheWindow."""
        return self._counted(through, calendar) - self._counted(after, calendar)

    def _counted(self, day: Days, row: Days) -> Days:
        if len(day) and (day.min() < self.first or day.max() > self.last):
            raise OutsideTheWindow
        counted: Days = self._through[row * self._stride + (day - self.first + 1)]
        return counted

    def _nth(self, place: Days, row: Days) -> Days:
        totals = self._totals[row]
        before, beyond = place < 1, place > totals
        if not (before.any() or beyond.any()):
            inside: Days = self._worked[self._starts[row] + place - 1]
            return inside
        if (before.any() and self.first > 0) or (beyond.any() and self.last < LAST):
            raise OutsideTheWindow
        index = self._starts[row] + np.clip(place, 1, np.maximum(totals, 1)) - 1
        found: Days = self._worked[np.minimum(index, len(self._worked) - 1)]
        return np.where(before, -1, np.where(beyond, LAST + 1, found)).astype(np.int32)


@lru_cache(maxsize=16)
def _tables(calendars: tuple[WorkingCalendar, ...], first_year: int, last_year: int) -> DayTables:
    return DayTables(calendars, first_year, last_year)


def over_years(
    calendars: tuple[WorkingCalendar, ...], days: Iterable[Days], work: Callable[[DayTables], Answer]
) -> Answer:
    """What `work` answers on tables that hold the given days and some years ahead; over all years where that is not
    enough. Windows are rounded, so that neighbours share tables.
    """
    given = [each for each in days if each.size]
    # As unsigned numbers NO_DAY comes after every day, and a day before 2000, which no table holds, too.
    first = min((int(each.view(np.uint32).min()) for each in given), default=NO_DAY)
    last = max((int(each.max()) for each in given), default=NO_DAY)
    first, last = (year_of(first), year_of(last)) if last >= 0 else (2000, 2100)
    start, end = (first - 2) // 4 * 4, last // 4 * 4 + 3 + _YEARS_AHEAD
    for wider in (0, _YEARS_WIDER):
        try:
            return work(_tables(calendars, max(2000, start - wider), min(2100, end + wider)))
        except OutsideTheWindow:
            continue
    return work(_tables(calendars, 2000, 2100))
