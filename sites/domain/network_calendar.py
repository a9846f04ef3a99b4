"""Working time of an activity calendar in minutes: shifts of a week, and the days that differ from it.

An instant is a number of minutes, counted from midnight of the day with ordinal 0; local to the site, without zone.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sites.domain.errors import BadInput

MINUTES_A_DAY = 1440
# Planning tools count from 1984 to 2149; what leads further is a mistake in the file.
_FIRST_DAY = date(1980, 1, 1).toordinal()
_LAST_DAY = date(2199, 12, 31).toordinal()
_GROWS_BY = 4 * 366

Shift = tuple[int, int]  # from, to in minutes of the day; to is at most 1440
Week = tuple[tuple[Shift, ...], ...]  # Monday first

_EMPTY: Week = ((),) * 7
ALL_DAY: tuple[Shift, ...] = ((0, MINUTES_A_DAY),)


def minute_of(instant: datetime) -> int:
    return instant.toordinal() * MINUTES_A_DAY + instant.hour * 60 + instant.minute


def instant_of(minute: int) -> datetime:
    day, rest = divmod(minute, MINUTES_A_DAY)
    return datetime.fromordinal(day) + timedelta(minutes=rest)


def whole_shifts(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    """In order, without overlaps and gaps of nothing; a shift that ends at or before its start ends at midnight."""
    found: list[Shift] = []
    for begin, end in sorted((begin, end if end > begin else MINUTES_A_DAY) for begin, end in shifts):
        if not 0 <= begin < MINUTES_A_DAY or end > MINUTES_A_DAY:
            raise BadInput("A shift lies within its day.", field="shifts")
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class HourCalendar:
    """`exceptions` are the days that differ: their shifts, none for a day off."""

    id: str
    week: Week
    exceptions: Mapping[date, tuple[Shift, ...]] = field(default_factory=dict)

    @property
    def works(self) -> bool:
        """Whether the week has any working time: without, nothing would ever end."""
        return any(self.week)

    @classmethod
    def round_the_clock(cls, id: str = "") -> "HourCalendar":
        return cls(id, (ALL_DAY,) * 7)


class WorkingTime:
    """The working minutes of one calendar, counted over as many years as anybody asked for.

    `through` and its inverses use a count whose zero is arbitrary: only differences mean anything, and only until the
    next call.
    """

    __slots__ = ("_always", "_calendar", "_counts", "_ends", "_first", "_last", "_starts", "_total")

    def __init__(self, calendar: HourCalendar, around: int) -> None:
        """`around` is an instant near which most questions lie."""
        if not calendar.works:
            raise BadInput(f"Calendar {calendar.id} has no working time.", field=f"calendar {calendar.id}")
        self._calendar = calendar
        self._always = not calendar.exceptions and all(shifts == ALL_DAY for shifts in calendar.week)
        self._first = self._last = around // MINUTES_A_DAY
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._counts: list[int] = []
        self._total = 0
        if not self._always:
            self._grow(self._first - 366, self._last + _GROWS_BY)

    def forward(self, at: int, minutes: int) -> int:
        """The earliest instant by which so much work is done; `at` itself for none."""
        if not minutes:
            return at
        return at + minutes if self._always else self._earliest(at, minutes)

    def back(self, at: int, minutes: int) -> int:
        """The latest instant from which so much work is left; `at` itself for none."""
        if not minutes:
            return at
        return at - minutes if self._always else self._latest(at, -minutes)

    def shifted(self, at: int, minutes: int) -> int:
        return self.forward(at, minutes) if minutes >= 0 else self.back(at, -minutes)

    def next_start(self, at: int) -> int:
        """The first instant not before `at` at which work goes on."""
        return at if self._always else self._latest(at, 0)

    def last_finish(self, at: int) -> int:
        """The last instant not after `at` at which work ends or goes on."""
        return at if self._always else self._earliest(at, 0)

    def is_boundary_or_work(self, at: int) -> bool:
        """Whether `at` lies in working time or at either end of it."""
        if self._always:
            return True
        self._cover(at)
        place = bisect_right(self._starts, at) - 1
        return place >= 0 and at <= self._ends[place]

    def between(self, start: int, end: int) -> int:
        """Working minutes in (start, end]; negative the other way round."""
        if self._always:
            return end - start
        self._cover(start)
        self._cover(end)
        return self._through(end) - self._through(start)

    # -- counting ------------------------------------------------------------------------------------------------

    def _through(self, at: int) -> int:
        place = bisect_right(self._starts, at) - 1
        if place < 0:
            return 0
        start, end = self._starts[place], self._ends[place]
        return self._counts[place] + (at if at < end else end) - start

    def _earliest(self, at: int, minutes: int) -> int:
        self._cover(at)
        while True:
            count = self._through(at) + minutes
            if count > self._total:
                self._grow(self._first, self._last + _GROWS_BY)
            elif (place := bisect_left(self._counts, count) - 1) < 0:
                self._grow(self._first - _GROWS_BY, self._last)
            else:
                return self._starts[place] + count - self._counts[place]

    def _latest(self, at: int, minutes: int) -> int:
        self._cover(at)
        while True:
            count = self._through(at) + minutes
            if count < 0 or (count == 0 and at < self._starts[0]):
                self._grow(self._first - _GROWS_BY, self._last)
            elif count >= self._total:
                self._grow(self._first, self._last + _GROWS_BY)
            else:
                place = bisect_right(self._counts, count) - 1
                return self._starts[place] + count - self._counts[place]

    def _cover(self, at: int) -> None:
        if not self._starts or at < self._starts[0] or at > self._ends[-1]:
            day = at // MINUTES_A_DAY
            self._grow(min(self._first, day - 366), max(self._last, day + 366))

    def _grow(self, first: int, last: int) -> None:
        if first < _FIRST_DAY - 2 * _GROWS_BY or last > _LAST_DAY + 2 * _GROWS_BY:
            raise BadInput("A date leaves the years 1980 to 2199.", field=f"calendar {self._calendar.id}")
        week, exceptions = self._calendar.week, self._calendar.exceptions
        different = {day.toordinal(): shifts for day, shifts in exceptions.items()}
        starts: list[int] = []
        ends: list[int] = []
        counts: list[int] = []
        total = 0
        # Ordinal 1 is a Monday.
        for day in range(first, last + 1):
            shifts = different.get(day)
            if shifts is None:
                shifts = week[(day - 1) % 7]
            midnight = day * MINUTES_A_DAY
            for begin, end in shifts:
                start = midnight + begin
                if ends and ends[-1] == start:
                    ends[-1] = midnight + end
                else:
                    starts.append(start)
                    ends.append(midnight + end)
                    counts.append(total)
                total += end - begin
        self._first, self._last = first, last
        self._starts, self._ends, self._counts, self._total = starts, ends, counts, total
