"""Microsoft Project XML (MSPDI): bytes in, the one project of the file out.

Summary tasks are the work breakdown, not activities; tasks are known by their UID, which stays when rows move. Lags
and slacks are tenths of minutes, durations ISO 8601. Inactive tasks take no part in the schedule and are left out,
said in a warning. The scheduled start and finish are the early dates here: where Project levels, pins by hand or
schedules as late as possible, they are what the site follows, not what Project calls early.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from sites.domain.currency import CURRENCIES
from sites.domain.site_schedule import (
    ScheduleActivity,
    ScheduleBaselineActivity,
    ScheduleFile,
    ScheduleLink,
    ScheduleOptions,
    ScheduleProject,
    ScheduleWbs,
)
from sites.readers import mspdi_calendar, xml_rows
from sites.readers.limits import LONGEST_CODE, MOST_ACTIVITIES, MOST_HOURS, MOST_LINKS
from sites.readers.p6_rows import bounded_percent, unknown_currency
from sites.readers.xml_rows import Record
from sites.vocabulary import (
    ActivityKind,
    ActivityStatus,
    ConstraintKind,
    CriticalBy,
    FloatKind,
    LagCalendar,
    LinkKind,
    PercentKind,
    ProgressRule,
    ScheduleFormat,
)

ROOT = "Project"
_KEPT = frozenset(
    {
        "WeekDays", "WeekDay", "TimePeriod", "WorkingTimes", "WorkingTime", "Exceptions", "Exception", "WorkWeeks",
        "WorkWeek", "PredecessorLink", "Baseline",
    }
)  # fmt: skip
_LINK = {
    "0": LinkKind.FINISH_FINISH,
    "1": LinkKind.FINISH_START,
    "2": LinkKind.START_FINISH,
    "3": LinkKind.START_START,
}
_ALAP = "1"
# Where the project does not let constraint dates win over links, "must" bends to the logic as P6's "on" does.
_CONSTRAINT = {
    _ALAP: ConstraintKind.AS_LATE_AS_POSSIBLE,
    "2": ConstraintKind.START_ON,
    "3": ConstraintKind.FINISH_ON,
    "4": ConstraintKind.START_ON_OR_AFTER,
    "5": ConstraintKind.START_ON_OR_BEFORE,
    "6": ConstraintKind.FINISH_ON_OR_AFTER,
    "7": ConstraintKind.FINISH_ON_OR_BEFORE,
}
_HONOURED = {
    ConstraintKind.START_ON: ConstraintKind.MANDATORY_START,
    ConstraintKind.FINISH_ON: ConstraintKind.MANDATORY_FINISH,
}
_ELAPSED = frozenset({"4", "6", "8", "10", "12", "20", "36", "38", "40", "42", "44", "52"})
_PERCENT = frozenset({"19", "20", "51", "52"})
_DURATION = re.compile(
    r"(-)?P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?"
)
_NONE, _HUNDRED = Decimal(0), Decimal(100)
_TENTHS_AN_HOUR, _MINUTES_AN_HOUR, _SECONDS_AN_HOUR = Decimal(600), Decimal(60), Decimal(3600)
_PLACES = Decimal("0.0001")
_MOST_SPREAD = 1000  # links that one of a summary task may become


def read(content: bytes) -> ScheduleFile:
    """The project of the file, or BadInput naming the line."""
    return _File().read(content)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    successor: str
    kind: LinkKind
    predecessor: str
    elsewhere: str
    lag: Decimal
    lag_format: str


@dataclass(slots=True)
class _Outline:
    """The summary tasks above the row being read, by their level."""

    nodes: list[tuple[int, ScheduleWbs]] = field(default_factory=list)

    def above(self, level: int) -> ScheduleWbs | None:
        while self.nodes and self.nodes[-1][0] >= level:
            self.nodes.pop()
        return self.nodes[-1][1] if self.nodes else None

    def path(self) -> str:
        return " / ".join(node.name for level, node in self.nodes if level > 0)


class _File:
    def __init__(self) -> None:
        self.calendars: list[mspdi_calendar.Raw] = []
        self.activities: list[ScheduleActivity] = []
        self.hours: dict[str, Decimal] = {}
        self.seen: dict[str, int] = {}
        self.inactive: set[str] = set()
        self.summaries: dict[str, ScheduleWbs] = {}
        self.under: dict[str, list[str]] = defaultdict(list)  # summary: the tasks below it, at any depth
        self.outline = _Outline()
        self.rows: list[_Row] = []
        self.baselines: list[ScheduleBaselineActivity] = []
        self.counts: dict[str, int] = defaultdict(int)

    def read(self, content: bytes) -> ScheduleFile:
        root = xml_rows.read(content, root=ROOT, kept=_KEPT, takers={"Calendar": self._calendar, "Task": self._task})
        name = root.text("Name") or root.text("Title")
        project_id = (name or root.key("UID") or "1")[:LONGEST_CODE]
        currency = root.text("CurrencyCode")[:40]
        status_moment, current = root.moment("StatusDate"), root.moment("CurrentDate")
        calendars, calendar_warnings = mspdi_calendar.laid_out(self.calendars)
        known = {calendar.id for calendar in calendars}
        default = root.key("CalendarUID")
        self.counts["Activities on a calendar that the file lacks"] = sum(
            1 for row in self.activities if row.calendar_id and row.calendar_id not in known
        )
        honours = root.flag("HonorConstraints") is True
        project = ScheduleProject(
            key=root.key("GUID") or root.key("UID"),
            id=project_id,
            name=root.text("Title") or name or project_id,
            data_moment=status_moment,
            written=current,
            planned_start=root.moment("StartDate"),
            must_finish=None,
            activities=tuple(self._finished(row, default, honours=honours) for row in self.activities),
            links=tuple(self._links(project_id)),
            calendars=calendars,
            calendar_id=default,
            wbs=tuple(self.summaries.values()),
            options=_options(root),
            baselines=tuple(self.baselines),
            currency=currency,
        )
        warnings = (*calendar_warnings, *self._warnings(status_moment, current, currency))
        return ScheduleFile(
            format=ScheduleFormat.MSPDI,
            version=root.key("SaveVersion"),
            encoding="utf-8",
            currency=currency,
            projects=(replace(project, warnings=warnings),),
        )

    # -- records -------------------------------------------------------------------------------------------------

    def _calendar(self, record: Record, around: tuple[str, ...]) -> None:
        self.calendars.append(mspdi_calendar.read(record))

    def _task(self, record: Record, around: tuple[str, ...]) -> None:
        if record.flag("IsNull"):
            return  # an empty row of the table
        if len(self.seen) >= MOST_ACTIVITIES:
            raise record.refused(f"The file holds more than {MOST_ACTIVITIES} tasks.")
        uid = record.key("UID")
        if not uid:
            raise record.refused("Task.UID is empty.")
        if len(uid) > LONGEST_CODE:
            raise record.refused(f"Task.UID is longer than {LONGEST_CODE} characters.")
        if uid in self.seen:
            raise record.refused(f"Task.UID stands twice, here and in line {self.seen[uid]}.")
        self.seen[uid] = record.line
        if record.flag("Active") is False:
            self.inactive.add(uid)
            return
        level = _level(record)
        above = self.outline.above(level)
        if record.flag("Summary"):
            self._summary(record, uid, level, above)
        else:
            for _, node in self.outline.nodes:
                self.under[node.id].append(uid)
            self.activities.append(self._activity(record, uid, above))
        self._predecessors(record, uid)

    def _summary(self, record: Record, uid: str, level: int, above: ScheduleWbs | None) -> None:
        code = record.key("WBS") or record.key("OutlineNumber")
        name = record.text("Name") or code
        node = ScheduleWbs(uid, code[:LONGEST_CODE], name, above.id if above else "", is_project=level == 0)
        self.summaries[uid] = node
        self.outline.nodes.append((level, node))

    def _activity(self, record: Record, uid: str, above: ScheduleWbs | None) -> ScheduleActivity:
        moment, tenths = record.moment, record.number
        start, finish = moment("Start"), moment("Finish")
        actual_start, actual_finish = moment("ActualStart"), moment("ActualFinish")
        status = _status(record, actual_start, actual_finish)
        done = status is ActivityStatus.COMPLETED
        if done:
            actual_start, actual_finish = actual_start or start, actual_finish or finish
        duration, remaining = _hours(record, "Duration"), _hours(record, "RemainingDuration")
        self.hours[uid] = duration or _NONE
        is_manual = record.flag("Manual") is True
        early_start = moment("EarlyStart")
        self.counts["Tasks scheduled by hand"] += is_manual
        self.counts["Tasks whose scheduled start is not their early start; the scheduled one is taken"] += bool(
            status is ActivityStatus.NOT_STARTED and early_start and start and early_start != start
        )
        constraint = _CONSTRAINT.get(record.key("ConstraintType"), "")
        deadline = moment("Deadline")
        calendar = record.key("CalendarUID")
        self._baselines(record, uid)
        slack, free = tenths("TotalSlack"), tenths("FreeSlack")
        activity = ScheduleActivity(
            code=uid,
            name=record.text("Name"),
            wbs=self.outline.path(),
            wbs_id=above.id if above else "",
            kind=ActivityKind.FINISH_MILESTONE if record.flag("Milestone") and not duration else ActivityKind.TASK,
            status=status,
            calendar_id=calendar if calendar not in {"", "-1"} else "",
            planned_start=start,
            planned_finish=finish,
            early_start=None if done else start,
            early_finish=None if done else finish,
            late_start=moment("LateStart"),
            late_finish=moment("LateFinish"),
            actual_start=actual_start,
            actual_finish=actual_finish,
            remaining_start=None if done else moment("Resume"),
            resumed=moment("Resume") if record.flag("ResumeValid") else None,
            original_hours=duration,
            remaining_hours=_NONE if done and remaining is None else remaining,
            at_completion_hours=duration,
            total_float_hours=None if slack is None else (slack / _TENTHS_AN_HOUR).quantize(_PLACES),
            free_float_hours=None if free is None else (free / _TENTHS_AN_HOUR).quantize(_PLACES),
            percent_kind=PercentKind.DURATION,
            percent_complete=bounded_percent(record.number("PercentComplete")) or _NONE,
            constraint=constraint,
            constraint_moment=moment("ConstraintDate") if constraint and constraint != _CONSTRAINT[_ALAP] else None,
            second_constraint=ConstraintKind.FINISH_ON_OR_BEFORE if deadline else "",
            second_constraint_moment=deadline,
            is_manual=is_manual,
        )
        self.counts["Activities without any finish date"] += activity.finish is None
        return activity

    def _baselines(self, record: Record, uid: str) -> None:
        seen: set[str] = set()
        for row in record.all("Baseline"):
            number = row.key("Number") or "0"
            if number in seen or len(number) > 2:
                continue
            seen.add(number)
            self.baselines.append(
                ScheduleBaselineActivity(
                    number, uid, row.moment("Start"), row.moment("Finish"), _hours(row, "Duration")
                )
            )

    def _predecessors(self, record: Record, uid: str) -> None:
        for row in record.all("PredecessorLink"):
            if len(self.rows) >= MOST_LINKS:
                raise row.refused(f"The file holds more than {MOST_LINKS} links.")
            predecessor, elsewhere = row.key("PredecessorUID"), ""
            if row.flag("CrossProject"):
                path, _, predecessor = row.key("CrossProjectName").replace("/", "\\").rpartition("\\")
                elsewhere = path.rpartition("\\")[2] or "?"
            if not predecessor:
                raise row.refused("PredecessorLink: the predecessor is not named.")
            if predecessor == uid and not elsewhere:
                raise row.refused("A task follows itself.")
            kind = _LINK.get(row.key("Type") or "1")
            if kind is None:
                raise row.refused("PredecessorLink.Type is none of 0 (FF), 1 (FS), 2 (SF), 3 (SS).")
            lag = row.number("LinkLag") or _NONE
            self.rows.append(_Row(row.line, uid, kind, predecessor, elsewhere, lag, row.key("LagFormat")))

    # -- what records mean together ------------------------------------------------------------------------------

    def _finished(self, row: ScheduleActivity, default: str, *, honours: bool) -> ScheduleActivity:
        constraint = row.constraint
        if honours and isinstance(constraint, ConstraintKind):
            constraint = _HONOURED.get(constraint, constraint)
        if row.calendar_id and constraint == row.constraint:
            return row
        return replace(row, calendar_id=row.calendar_id or default, constraint=constraint)

    def _links(self, project_id: str) -> Iterator[ScheduleLink]:
        known = set(self.hours)
        for row in self.rows:
            if row.successor in self.inactive or row.predecessor in self.inactive:
                continue
            lag, calendar = self._lag(row)
            if row.elsewhere:
                self.counts["Links from other projects"] += 1
                if row.successor in known:
                    yield ScheduleLink(
                        row.elsewhere[:LONGEST_CODE],
                        row.predecessor[:LONGEST_CODE],
                        row.successor,
                        row.kind,
                        lag,
                        calendar,
                    )
                continue
            before, after = self._ends(row.predecessor, known), self._ends(row.successor, known)
            if before is None or after is None:
                self.counts["Links to tasks outside the file"] += 1
                continue
            if not self._can_spread(row, before, after):
                self.counts["Links of summary tasks that cannot be told as links of their tasks, left out"] += 1
                continue
            for first in before:
                for then in after:
                    if first != then:
                        yield ScheduleLink(project_id, first, then, row.kind, lag, calendar)

    def _ends(self, uid: str, known: set[str]) -> list[str] | None:
        """The task itself, or those below a summary task; None where the file does not hold it."""
        if uid in known:
            return [uid]
        return self.under[uid] if uid in self.summaries else None

    def _can_spread(self, row: _Row, before: list[str], after: list[str]) -> bool:
        """A link of a summary task binds all tasks below it, save where it hangs on the first start or last finish
        alone: the start of the predecessor, or the finish of the successor."""
        if row.predecessor in self.summaries and row.kind in {LinkKind.START_START, LinkKind.START_FINISH}:
            return False
        if row.successor in self.summaries and row.kind in {LinkKind.FINISH_FINISH, LinkKind.START_FINISH}:
            return False
        return len(before) * len(after) <= _MOST_SPREAD

    def _lag(self, row: _Row) -> tuple[Decimal, LagCalendar | None]:
        calendar = LagCalendar.ROUND_THE_CLOCK if row.lag_format in _ELAPSED else None
        if row.lag_format in _PERCENT:
            self.counts["Lags in per cent, told in hours of the predecessor's duration"] += 1
            return (self.hours.get(row.predecessor, _NONE) * row.lag / _HUNDRED).quantize(_PLACES), calendar
        return (row.lag / _TENTHS_AN_HOUR).quantize(_PLACES), calendar

    def _warnings(self, status: datetime | None, current: datetime | None, currency: str) -> Iterator[str]:
        if status is None:
            yield (
                "The file has no status date; its current date stands for the data date."
                if current
                else "The file has neither a status date nor a current date."
            )
        if currency and currency not in CURRENCIES:
            yield unknown_currency(currency)
        if self.inactive:
            yield f"Inactive tasks, which are left out: {len(self.inactive)}."
        for what, count in self.counts.items():
            if count:
                yield f"{what}: {count}."


def _level(record: Record) -> int:
    text = record.key("OutlineLevel") or "1"
    if not text.isdecimal() or len(text) > 5:
        raise record.refused("Task.OutlineLevel is no level.")
    return int(text)


def _status(record: Record, started: datetime | None, finished: datetime | None) -> ActivityStatus:
    percent = record.number("PercentComplete") or _NONE
    if finished or percent >= _HUNDRED:
        return ActivityStatus.COMPLETED
    return ActivityStatus.IN_PROGRESS if started or percent > 0 else ActivityStatus.NOT_STARTED


def _hours(record: Record, name: str) -> Decimal | None:
    text = record.key(name)
    if not text:
        return None
    try:
        return _duration(text)
    except ValueError:
        raise record.refused(f"{record.name}.{name} is no duration of plausible size.") from None


@lru_cache(maxsize=65536)
def _duration(text: str) -> Decimal:
    found = _DURATION.fullmatch(text)
    if found is None or len(text) > 40:
        raise ValueError
    sign, years, months, days, hours, minutes, seconds = found.groups()
    if (years and int(years)) or (months and int(months)):
        raise ValueError  # of no fixed length
    whole = (
        Decimal(days or 0) * 24
        + Decimal(hours or 0)
        + Decimal(minutes or 0) / _MINUTES_AN_HOUR
        + Decimal(seconds or 0) / _SECONDS_AN_HOUR
    ).quantize(_PLACES)
    if whole > MOST_HOURS:
        raise ValueError
    return -whole if sign else whole


def _options(root: Record) -> ScheduleOptions:
    slack = root.number("CriticalSlackLimit")
    minutes_a_day = root.number("MinutesPerDay") or Decimal(480)
    from_start = root.flag("ScheduleFromStart")
    splits = root.flag("SplitsInProgressTasks")
    return ScheduleOptions(
        progress=None if splits is None else ProgressRule.RETAINED_LOGIC if splits else ProgressRule.ACTUAL_DATES,
        lag_calendar=LagCalendar.SUCCESSOR,
        float_kind=FloatKind.SMALLEST,
        critical_by=CriticalBy.FLOAT,
        critical_hours=None if slack is None else slack * minutes_a_day / _MINUTES_AN_HOUR,
        is_from_finish=None if from_start is None else not from_start,
    )
