"""Calendars of Microsoft Project: a week, exceptions that may recur, work weeks of a period, and what is inherited."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from sites.domain.errors import BadInput
from sites.domain.site_schedule import ScheduleCalendar, Shifts
from sites.readers import working_time
from sites.readers.limits import MOST_EXCEPTIONS
from sites.readers.xml_rows import Record

# Project's own standard day, where a base calendar leaves a weekday out.
_STANDARD_DAY: Shifts = ((480, 720), (780, 1020))
_MONTHLY_ITEMS = 10
_NONE_KNOWN = "-1"
_DAILY, _YEARLY_DAY, _YEARLY_PLACE, _MONTHLY_DAY, _MONTHLY_PLACE, _WEEKLY = map(str, range(1, 7))


@dataclass(slots=True)
class Raw:
    """As it stands in the file: weekdays Monday first, None where they are inherited."""

    id: str
    name: str
    base_id: str
    is_base: bool
    line: int
    week: list[Shifts | None] = field(default_factory=lambda: [None] * 7)
    exceptions: dict[date, Shifts] = field(default_factory=dict)
    unknown_exceptions: int = 0


def read(record: Record) -> Raw:
    """Raises BadInput naming the line."""
    base = record.key("BaseCalendarUID")
    raw = Raw(
        id=record.key("UID")[:40],
        name=record.text("Name"),
        base_id="" if base == _NONE_KNOWN else base,
        is_base=record.flag("IsBaseCalendar") is not False,
        line=record.line,
    )
    if not raw.id:
        raise record.refused("Calendar.UID is empty.")
    try:
        _read_into(raw, record)
    except ValueError:
        raise record.refused("Calendar: a shift or a day of this calendar cannot be read.") from None
    return raw


def _read_into(raw: Raw, record: Record) -> None:
    days = record.child("WeekDays")
    for day in days.all("WeekDay") if days else ():
        kind = day.key("DayType")
        if kind == "0":
            for on in _period(day):
                raw.exceptions[on] = _shifts(day)
        else:
            raw.week[_weekday(kind)] = _shifts(day)
    weeks = record.child("WorkWeeks")
    for week in weeks.all("WorkWeek") if weeks else ():
        _lay_week(raw, week)
    exceptions = record.child("Exceptions")
    looked_at = 0
    for exception in exceptions.all("Exception") if exceptions else ():
        looked_at += _length(exception)
        if looked_at > MOST_EXCEPTIONS:
            raise record.refused("Calendar: it has more exceptions than any schedule needs.")
        dates = _dates(exception)
        if dates is None:
            raw.unknown_exceptions += 1
            continue
        shifts = _shifts(exception)
        for on in dates:
            raw.exceptions[on] = shifts


def _lay_week(raw: Raw, week: Record) -> None:
    """The weekdays of another week, day by day over its period."""
    days = week.child("WeekDays")
    shifts = {_weekday(day.key("DayType")): _shifts(day) for day in (days.all("WeekDay") if days else ())}
    for on in _period(week):
        if on.weekday() in shifts:
            raw.exceptions[on] = shifts[on.weekday()]


def _weekday(day_type: str) -> int:
    """Project counts from Sunday, which is 1."""
    if day_type not in {"1", "2", "3", "4", "5", "6", "7"}:
        raise ValueError
    return (int(day_type) + 5) % 7


def _shifts(day: Record) -> Shifts:
    if day.flag("DayWorking") is False:
        return ()
    times = day.child("WorkingTimes")
    return working_time.joined(
        working_time.shift(_minute(time.key("FromTime")), _minute(time.key("ToTime")))
        for time in (times.all("WorkingTime") if times else ())
    )


def _minute(text: str) -> int:
    clock = datetime.fromisoformat(f"2000-01-01T{text}")
    return clock.hour * 60 + clock.minute


def _bounds(record: Record) -> tuple[date, date] | None:
    period = record.child("TimePeriod")
    if period is None:
        return None
    first = date.fromisoformat(period.key("FromDate")[:10])
    last = date.fromisoformat(period.key("ToDate")[:10])
    return max(first, working_time.EARLIEST), min(last, working_time.LATEST)


def _length(record: Record) -> int:
    bounds = _bounds(record)
    return (bounds[1] - bounds[0]).days + 1 if bounds else 0


def _period(record: Record) -> Iterator[date]:
    bounds = _bounds(record)
    if bounds:
        first, last = bounds
        for step in range((last - first).days + 1):
            yield first + timedelta(days=step)


# -- recurring exceptions --------------------------------------------------------------------------------------------


def _dates(exception: Record) -> list[date] | None:
    """The days it falls on within its period; None where its kind is not known here."""
    kind = exception.key("Type") or _DAILY
    every = int(exception.key("Period") or 1) or 1
    days = list(_period(exception))
    if not days:
        return []
    if kind == _DAILY:
        return days[::every]
    if kind == _WEEKLY:
        mask, monday = int(exception.key("DaysOfWeek") or 0), _week_start(days[0])
        return [
            on for on in days
            if mask >> ((on.weekday() + 1) % 7) & 1 and (_week_start(on) - monday).days // 7 % every == 0
        ]  # fmt: skip
    if kind in {_YEARLY_DAY, _YEARLY_PLACE}:
        month = int(exception.key("Month") or 0) + 1
        of_month = [on for on in days if on.month == month]
        return _in_month(exception, of_month, by_day=kind == _YEARLY_DAY)
    if kind in {_MONTHLY_DAY, _MONTHLY_PLACE}:
        first = days[0].year * 12 + days[0].month
        due = [on for on in days if (on.year * 12 + on.month - first) % every == 0]
        return _in_month(exception, due, by_day=kind == _MONTHLY_DAY)
    return None


def _week_start(on: date) -> date:
    """Weeks begin on Sunday."""
    return on - timedelta(days=(on.weekday() + 1) % 7)


def _in_month(exception: Record, days: Sequence[date], *, by_day: bool) -> list[date]:
    if by_day:
        wanted = int(exception.key("MonthDay") or 1)
        return [on for on in days if on.day == wanted]
    item, place = int(exception.key("MonthItem") or 0), int(exception.key("MonthPosition") or 0)
    if not 0 <= item < _MONTHLY_ITEMS or not 0 <= place <= 4:
        raise ValueError
    return [on for on in days if _fits(on, item) and _is_place(on, item, place)]


def _fits(on: date, item: int) -> bool:
    """0 any day, 1 a weekday, 2 a day of the weekend, 3 to 9 Sunday to Saturday."""
    if item == 0:
        return True
    if item in {1, 2}:
        return (on.weekday() < 5) == (item == 1)
    return (on.weekday() + 1) % 7 == item - 3


def _is_place(on: date, item: int, place: int) -> bool:
    """0 to 3 is first to fourth of the month, 4 the last."""
    if place == 4:
        after = on + timedelta(days=1)
        while after.month == on.month:
            if _fits(after, item):
                return False
            after += timedelta(days=1)
        return True
    return sum(_fits(on.replace(day=day), item) for day in range(1, on.day)) == place


# -- inheritance -----------------------------------------------------------------------------------------------------


def laid_out(calendars: Sequence[Raw]) -> tuple[tuple[ScheduleCalendar, ...], tuple[str, ...]]:
    """Each with what it inherits, and what is to be said about them. Raises BadInput naming the line."""
    known: dict[str, Raw] = {}
    for raw in calendars:
        if raw.id in known:
            raise BadInput(
                f"Calendar.UID stands twice, here and in line {known[raw.id].line}.", field=f"line {raw.line}"
            )
        known[raw.id] = raw
    unknown = sum(raw.unknown_exceptions for raw in calendars)
    said = f"Exceptions of calendars that recur in a way unknown here, left out: {unknown}."
    return tuple(_laid(raw, known) for raw in calendars), (said,) if unknown else ()


def _laid(raw: Raw, known: dict[str, Raw]) -> ScheduleCalendar:
    chain: list[Raw] = []
    at: Raw | None = raw
    while at is not None and at not in chain:
        chain.append(at)
        at = known.get(at.base_id)
    week: list[Shifts] = [_STANDARD_DAY] * 5 + [(), ()]
    exceptions: dict[date, Shifts] = {}
    for each in reversed(chain):
        week = [inherited if own is None else own for own, inherited in zip(each.week, week, strict=True)]
        exceptions.update(each.exceptions)
    return ScheduleCalendar(
        id=raw.id,
        name=raw.name,
        hours_per_day=_hours_a_day(week),
        week=tuple(week),
        exceptions=working_time.within_reach(exceptions),
        base_id=raw.base_id,
        is_of_resource=not raw.is_base,
    )


def _hours_a_day(week: Sequence[Shifts]) -> Decimal | None:
    """Project knows one figure for the whole file; the calendar's own longest weekday says more."""
    minutes = max(sum(end - begin for begin, end in shifts) for shifts in week)
    return (Decimal(minutes) / 60).quantize(Decimal("0.0001")) if minutes else None
