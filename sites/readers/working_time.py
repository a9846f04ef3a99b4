"""Shifts and days of calendars, as the readers of all formats put them together."""

from collections.abc import Iterable, Mapping
from datetime import date

from sites.domain.site_schedule import Shift, Shifts

MINUTES_A_DAY = 1440
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
# A working day does not end a minute before the half hour: some tools write the last minute instead of the end.
_LAST_MINUTES = {14, 29, 44, 59}


def shift(begin: int, end: int) -> Shift:
    """In minutes of the day; an end at or before the beginning is midnight. Raises ValueError."""
    end = end if end > begin else MINUTES_A_DAY
    if not 0 <= begin < end <= MINUTES_A_DAY:
        raise ValueError
    return begin, end


def inclusive_end(minute: int) -> int:
    """The end of a shift whose last minute a tool may have written in its place (16:59 for 17:00)."""
    return minute + 1 if minute % 60 in _LAST_MINUTES else minute


def joined(shifts: Iterable[Shift]) -> Shifts:
    """In order, those that touch or overlap made one."""
    found: list[Shift] = []
    for begin, end in sorted(shifts):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return tuple(found)


def within_reach(exceptions: Mapping[date, Shifts]) -> dict[date, Shifts]:
    """Without days that no schedule here can reach, in order."""
    return {day: exceptions[day] for day in sorted(exceptions) if EARLIEST <= day <= LATEST}
