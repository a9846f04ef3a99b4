"""Small networks by hand: a five-day week of eight hours from Monday, 1 March 2027, 08:00."""

from datetime import date, datetime, timedelta
from typing import Any

from sites.domain.network import Bound, Link, Network, Options, Project, Task
from sites.domain.network_answer import Calculation
from sites.domain.network_calendar import ALL_DAY, HourCalendar
from sites.domain.network_passes import calculate
from sites.domain.network_plan import Plan
from sites.vocabulary import ActivityKind, ActivityStatus, ConstraintKind, LinkKind

DAY = 480
OFFICE = ((480, 720), (780, 1020))
FIVE = HourCalendar("five", (OFFICE,) * 5 + ((), ()))
SEVEN = HourCalendar("seven", (OFFICE,) * 7)
# Two shifts with the night between them: 22:00 to 06:00 and 14:00 to 22:00 the week round, but Sunday.
SHIFTS = HourCalendar("shifts", (((0, 360), (840, 1440)),) * 6 + ((),))
ALWAYS = HourCalendar("always", (ALL_DAY,) * 7)
MONDAY = datetime.fromisoformat("2027-03-01T08:00")
FS, SS, FF, SF = LinkKind.FINISH_START, LinkKind.START_START, LinkKind.FINISH_FINISH, LinkKind.START_FINISH


def at(text: str) -> datetime:
    """`1 08` is 1 March 2027, 08:00; `04-01 17` the first of April."""
    day, hour = text.split()
    month, _, day = day.rpartition("-")
    clock = hour if ":" in hour else f"{hour}:00"
    return datetime.fromisoformat(f"2027-{month or '03'}-{int(day):02}T{clock}")


def task(key: str, days: float, calendar: str = "five", **given: Any) -> Task:
    minutes = round(days * DAY)
    return Task(key, calendar, minutes, given.pop("remaining", minutes), project=given.pop("project", "p"), **given)


def start_milestone(key: str, **given: Any) -> Task:
    return task(key, 0, kind=ActivityKind.START_MILESTONE, **given)


def finish_milestone(key: str, **given: Any) -> Task:
    return task(key, 0, kind=ActivityKind.FINISH_MILESTONE, **given)


def begun(key: str, days: float, left: float, on: str, **given: Any) -> Task:
    return task(key, days, status=ActivityStatus.IN_PROGRESS, actual_start=at(on), remaining=round(left * DAY), **given)


def done(key: str, days: float, start: str, finish: str, **given: Any) -> Task:
    return task(
        key,
        days,
        status=ActivityStatus.COMPLETED,
        actual_start=at(start),
        actual_finish=at(finish),
        remaining=0,
        **given,
    )


def bound(kind: ConstraintKind, on: str, *, beats_links: bool = False) -> tuple[Bound, ...]:
    return (Bound(kind, at(on), beats_links),)


def link(first: str, then: str, kind: LinkKind = FS, days: float = 0, **given: Any) -> Link:
    return Link(first, then, kind, round(days * DAY), **given)


def network(*rows: Task | Link, projects: tuple[Project, ...] | None = None, **given: Any) -> Network:
    must_finish = given.pop("must_finish", None)
    data_date = given.pop("data_date", MONDAY)
    calendars = given.pop("calendars", (FIVE, SEVEN, SHIFTS, ALWAYS))
    return Network(
        tuple(row for row in rows if isinstance(row, Task)),
        tuple(row for row in rows if isinstance(row, Link)),
        calendars,
        projects or (Project("p", data_date, "seven", at(must_finish) if must_finish else None),),
        Options(**given),
    )


def calculated(*rows: Task | Link, **given: Any) -> Calculation:
    return calculate(Plan(network(*rows, **given)))


def shown(instant: datetime | None) -> str:
    if instant is None:
        return "-"
    month = "" if instant.month == 3 else f"{instant.month:02}-"
    return f"{month}{instant.day} {instant:%H}" + (f":{instant:%M}" if instant.minute else "")


def early(found: Calculation, key: str) -> tuple[str, str]:
    dates = found.dates(key)
    return shown(dates.early_start), shown(dates.early_finish)


def late(found: Calculation, key: str) -> tuple[str, str]:
    dates = found.dates(key)
    return shown(dates.late_start), shown(dates.late_finish)


def float_days(found: Calculation, key: str) -> float | None:
    minutes = found.dates(key).total_float
    return None if minutes is None else minutes / DAY


def off(*days: str) -> dict[date, tuple[tuple[int, int], ...]]:
    return {date.fromisoformat(day): () for day in days}


def weeks(number: int) -> timedelta:
    return timedelta(weeks=number)
