"""Primavera P6 XML (PMXML), every version: bytes in, the projects of the file out, each kept apart from the others.

The same rules of meaning as XER. Records stand inside their project or, in older files, beside it and name it.
Percentages are fractions of one; the end of a shift may be written as its last minute.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from sites.domain.currency import CURRENCIES
from sites.domain.site_schedule import (
    ScheduleActivity,
    ScheduleCalendar,
    ScheduleFile,
    ScheduleLink,
    ScheduleOptions,
    ScheduleProject,
    ScheduleWbs,
    Shifts,
)
from sites.readers import p6_words, working_time, xml_rows
from sites.readers.limits import LONGEST_CODE, MOST_ACTIVITIES, MOST_LINKS, refused
from sites.readers.p6_rows import baselines_joined, bounded_percent, unknown_currency
from sites.readers.xml_rows import Record
from sites.vocabulary import ActivityKind, ActivityStatus, ConstraintKind, PercentKind, ScheduleFormat

ROOT = "APIBusinessObjects"
_PROJECTS = {"Project", "BaselineProject"}
_KEPT = frozenset(
    {
        "StandardWorkWeek", "StandardWorkHours", "WorkTime", "HolidayOrExceptions", "HolidayOrException", "Code",
        "ScheduleOptions",
    }
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MILESTONES = {ActivityKind.START_MILESTONE, ActivityKind.FINISH_MILESTONE}
_PERCENT_OF = {
    PercentKind.PHYSICAL: "PhysicalPercentComplete",
    PercentKind.DURATION: "DurationPercentComplete",
    PercentKind.UNITS: "UnitsPercentComplete",
}
_NONE, _HUNDRED, _HOURS_A_DAY = Decimal(0), Decimal(100), Decimal(24)


def read(content: bytes) -> ScheduleFile:
    """All projects of the file, or BadInput naming the line."""
    return _File().read(content)


@dataclass(slots=True)
class _Project:
    key: str
    record: Record | None = None
    is_baseline: bool = False
    activities: list[ScheduleActivity] = field(default_factory=list)
    links: list[tuple[int, str, str, str, Decimal]] = field(default_factory=list)
    calendars: list[ScheduleCalendar] = field(default_factory=list)
    wbs: dict[str, ScheduleWbs] = field(default_factory=dict)
    options: Record | None = None
    codes: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def id(self) -> str:
        return (self.record.text("Id") if self.record else "") or self.key


class _File:
    def __init__(self) -> None:
        self.projects: dict[str, _Project] = {}
        # Records of the project that is being read, whose own key may stand behind them.
        self.current = _Project("")
        self.calendars: dict[str, tuple[ScheduleCalendar, str]] = {}
        self.places: dict[str, tuple[_Project, str]] = {}  # activity key: its project and code
        self.code_types: dict[str, str] = {}
        self.code_values: dict[str, str] = {}
        self.currency = ""
        self.seen: dict[str, dict[str, int]] = defaultdict(dict)
        self.activity_codes: dict[int, list[tuple[str, str]]] = {}
        self.activities = self.links = 0

    def read(self, content: bytes) -> ScheduleFile:
        root = xml_rows.read(
            content,
            root=ROOT,
            kept=_KEPT,
            takers={
                "Project": self._project,
                "BaselineProject": self._project,
                "Calendar": self._calendar,
                "WBS": self._wbs,
                "Activity": self._activity,
                "Relationship": self._relationship,
                "ActivityCodeType": self._code_type,
                "ActivityCode": self._code_value,
                "Currency": self._currency,
                "ProjectList": _pass_over,
            },
        )
        if self.current.activities or self.current.wbs:
            # Older files: the records stand beside the projects and name them.
            self._adopt(self.current)
        self._check_ids()
        return ScheduleFile(
            format=ScheduleFormat.PMXML,
            version=root.key("Version"),
            encoding="utf-8",
            currency=self.currency,
            projects=baselines_joined(map(self._finished, list(self.projects.values()))),
        )

    def _key(self, record: Record) -> str:
        """The record's own key, which stands once. Raises BadInput."""
        key = record.key("ObjectId")
        if not key:
            raise record.refused(f"{record.name}.ObjectId is empty.")
        seen = self.seen[record.name]
        if key in seen:
            raise record.refused(f"{record.name}.ObjectId stands twice, here and in line {seen[key]}.")
        seen[key] = record.line
        return key

    # -- records -------------------------------------------------------------------------------------------------

    def _project(self, record: Record, around: tuple[str, ...]) -> None:
        if len(around) != 1:
            return  # a list of projects, by id alone
        key = self._key(record)
        found, self.current = self.current, _Project("")
        if key in self.projects:  # records before it, in an older file, have named it
            found = self._merged(self.projects[key], found)
        found.key, found.record, found.is_baseline = key, record, record.name == "BaselineProject"
        self.projects[key] = found

    def _merged(self, known: _Project, more: _Project) -> _Project:
        known.activities += more.activities
        known.links += more.links
        known.calendars += more.calendars
        known.wbs.update(more.wbs)
        known.codes |= more.codes
        for key, (project, code) in list(self.places.items()):
            if project is more:
                self.places[key] = (known, code)
        return known

    def _owner(self, record: Record, around: tuple[str, ...]) -> _Project:
        """The project around the record, else the one that it names."""
        if len(around) > 1 and around[-1] in _PROJECTS:
            return self.current
        key = record.key("ProjectObjectId") or record.key("SuccessorProjectObjectId")
        return self.projects.setdefault(key, _Project(key)) if key else self.current

    def _adopt(self, strays: _Project) -> None:
        strays.key = "0"
        self.projects["0"] = strays

    def _currency(self, record: Record, around: tuple[str, ...]) -> None:
        if not self.currency or record.flag("IsBaseCurrency"):
            self.currency = record.text("Id")[:40]

    def _calendar(self, record: Record, around: tuple[str, ...]) -> None:
        key = self._key(record)
        hours = record.number("HoursPerDay")
        try:
            week, exceptions = _week(record), _exceptions(record)
        except ValueError:
            raise record.refused("Calendar: a shift or a day of this calendar cannot be read.") from None
        calendar = ScheduleCalendar(
            id=key,
            name=record.text("Name"),
            hours_per_day=hours if hours is not None and 0 < hours <= _HOURS_A_DAY else None,
            week=week,
            exceptions=exceptions,
            base_id=record.key("BaseCalendarObjectId"),
            is_of_resource=record.key("Type") == "Resource" or record.flag("IsPersonal") is True,
        )
        owner = record.key("ProjectObjectId")
        if not owner and len(around) > 1 and around[-1] in _PROJECTS:
            self.current.calendars.append(calendar)
            self.calendars[key] = (calendar, "\0inside")
        else:
            self.calendars[key] = (calendar, owner)

    def _wbs(self, record: Record, around: tuple[str, ...]) -> None:
        key = self._key(record)
        project = self._owner(record, around)
        name = record.text("Name") or record.text("Code")
        project.wbs[key] = ScheduleWbs(key, record.text("Code"), name, record.key("ParentObjectId"))

    def _code_type(self, record: Record, around: tuple[str, ...]) -> None:
        self.code_types[record.key("ObjectId")] = record.text("Name")[:LONGEST_CODE]

    def _code_value(self, record: Record, around: tuple[str, ...]) -> None:
        self.code_values[record.key("ObjectId")] = record.text("CodeValue")[:LONGEST_CODE]

    def _relationship(self, record: Record, around: tuple[str, ...]) -> None:
        self.links += 1
        if self.links > MOST_LINKS:
            raise record.refused(f"The file holds more than {MOST_LINKS} links.")
        predecessor, successor = record.key("PredecessorActivityObjectId"), record.key("SuccessorActivityObjectId")
        if not predecessor or not successor:
            raise record.refused("Relationship: one of its activities is not named.")
        if predecessor == successor:
            raise record.refused("An activity follows itself.")
        if record.key("Type") not in p6_words.LINK:
            raise record.refused(
                "Relationship.Type is none of Finish to Start, Start to Start, Finish to Finish, Start to Finish."
            )
        lag = record.number("Lag") or _NONE
        self._owner(record, around).links.append((record.line, predecessor, successor, record.key("Type"), lag))

    def _activity(self, record: Record, around: tuple[str, ...]) -> None:
        self.activities += 1
        if self.activities > MOST_ACTIVITIES:
            raise record.refused(f"The file holds more than {MOST_ACTIVITIES} activities.")
        key = self._key(record)
        project = self._owner(record, around)
        code = record.text("Id")
        if not code:
            raise record.refused("Activity.Id is empty.")
        if len(code) > LONGEST_CODE:
            raise record.refused(f"Activity.Id is longer than {LONGEST_CODE} characters.")
        if code in project.codes:
            raise record.refused(f"Activity {code} stands twice in one project.")
        project.codes.add(code)
        self.places[key] = (project, code)
        project.activities.append(self._read_activity(record, code, project.counts))

    def _read_activity(self, record: Record, code: str, counts: dict[str, int]) -> ScheduleActivity:
        word = record.key("Type")
        counts["Activities of a type unknown here, read as tasks"] += bool(word) and word not in p6_words.KIND
        kind = p6_words.KIND.get(word, ActivityKind.TASK)
        moment, hours = record.moment, record.number
        started, finished = moment("ActualStartDate"), moment("ActualFinishDate")
        status = _status(record, started, finished)
        done = status is ActivityStatus.COMPLETED
        if done and kind in _MILESTONES:
            started, finished = started or finished, finished or started
        counts["Activities finished without an actual finish"] += done and finished is None
        codes = [(each.key("TypeObjectId"), each.key("ValueObjectId")) for each in record.all("Code")]
        percent_kind = p6_words.PERCENT.get(record.key("PercentCompleteType"))
        driving = record.flag("IsLongestPath")
        activity = ScheduleActivity(
            code=code,
            name=record.text("Name"),
            wbs="",
            wbs_id=record.key("WBSObjectId"),
            kind=kind,
            status=status,
            calendar_id=record.key("CalendarObjectId"),
            planned_start=moment("PlannedStartDate"),
            planned_finish=moment("PlannedFinishDate"),
            early_start=None if done else moment("EarlyStartDate"),
            early_finish=None if done else moment("EarlyFinishDate"),
            late_start=moment("LateStartDate"),
            late_finish=moment("LateFinishDate"),
            actual_start=started,
            actual_finish=finished,
            remaining_start=moment("RemainingEarlyStartDate"),
            remaining_finish=moment("RemainingEarlyFinishDate"),
            suspended=moment("SuspendDate"),
            resumed=moment("ResumeDate"),
            expected_finish=moment("ExpectedFinishDate"),
            external_early_start=moment("ExternalEarlyStartDate"),
            external_late_finish=moment("ExternalLateFinishDate"),
            original_hours=hours("PlannedDuration"),
            remaining_hours=hours("RemainingDuration"),
            at_completion_hours=hours("AtCompletionDuration"),
            total_float_hours=hours("TotalFloat"),
            free_float_hours=hours("FreeFloat"),
            percent_kind=percent_kind,
            percent_complete=_percent(record, percent_kind, done=done),
            constraint=_constraint(record, "PrimaryConstraintType", counts),
            constraint_moment=moment("PrimaryConstraintDate"),
            second_constraint=_constraint(record, "SecondaryConstraintType", counts),
            second_constraint_moment=moment("SecondaryConstraintDate"),
            is_driving=driving,
            # Types and values may be named further down: what stands here is looked up at the end.
            codes=dict(codes),
        )
        counts["Activities without any finish date"] += activity.finish is None
        return activity

    # -- what records mean together ------------------------------------------------------------------------------

    def _check_ids(self) -> None:
        seen: set[str] = set()
        for project in self.projects.values():
            if project.id in seen:
                line = project.record.line if project.record else 1
                raise refused(line, f"Two projects of the file are called {project.id}.")
            if len(project.id) > LONGEST_CODE:
                raise refused(
                    project.record.line if project.record else 1, f"Project.Id is longer than {LONGEST_CODE}."
                )
            seen.add(project.id)

    def _finished(self, project: _Project) -> ScheduleProject:
        record = project.record or Record("Project", 1)
        original = self._original(project, record)
        calendars = self._calendars_of(project)
        known = {calendar.id for calendar in calendars}
        root = record.key("WBSObjectId")
        paths = _Paths(project, root)
        lacking = 0
        activities = []
        for row in project.activities:
            lacking += bool(row.calendar_id) and row.calendar_id not in known
            path, codes, node = paths.path(row.wbs_id), self._codes_of(row), row.wbs_id or root
            activities.append(replace(row, wbs=path, codes=codes, wbs_id=node))
        if lacking:
            project.counts["Activities on a calendar that the file lacks"] = lacking
        links = tuple(self._links_of(project))
        return ScheduleProject(
            key=project.key,
            id=project.id,
            name=record.text("Name") or project.id,
            data_moment=record.moment("DataDate"),
            planned_start=record.moment("PlannedStartDate"),
            must_finish=record.moment("MustFinishByDate"),
            activities=tuple(activities),
            links=links,
            calendars=calendars,
            calendar_id=record.key("ActivityDefaultCalendarObjectId"),
            wbs=_nodes(project, record, root),
            options=_options(record),
            baseline_of=original.id if original else "",
            currency=self.currency,
            warnings=tuple(self._warnings(project, record, original)),
        )

    def _original(self, project: _Project, record: Record) -> _Project | None:
        key = record.key("OriginalProjectObjectId")
        if key == project.key:
            return None
        if key in self.projects:
            return self.projects[key]
        others = [each for each in self.projects.values() if not each.is_baseline]
        return others[0] if project.is_baseline and len(others) == 1 else None

    def _calendars_of(self, project: _Project) -> tuple[ScheduleCalendar, ...]:
        shared = [calendar for calendar, owner in self.calendars.values() if owner in {"", project.key}]
        return tuple(
            replace(calendar, exceptions=working_time.within_reach(self._inherited(calendar)))
            for calendar in (*shared, *project.calendars)
        )

    def _inherited(self, calendar: ScheduleCalendar) -> dict[date, Shifts]:
        chain, seen = [calendar], {calendar.id}
        while (base := self.calendars.get(chain[-1].base_id)) is not None and base[0].id not in seen:
            seen.add(base[0].id)
            chain.append(base[0])
        laid: dict[date, Shifts] = {}
        for each in reversed(chain):
            laid.update(each.exceptions)
        return laid

    def _codes_of(self, row: ScheduleActivity) -> dict[str, str]:
        named = {self.code_types.get(kind, ""): self.code_values.get(value, "") for kind, value in row.codes.items()}
        return {kind: value for kind, value in named.items() if kind and value}

    def _links_of(self, project: _Project) -> Iterator[ScheduleLink]:
        for _line, predecessor, successor, kind, lag in project.links:
            if predecessor not in self.places or successor not in self.places:
                project.counts["Links to activities outside the file"] += 1
                continue
            there, predecessor_code = self.places[predecessor]
            here, successor_code = self.places[successor]
            if here is not project:
                project.counts["Links that stand in another project than their successor"] += 1
                continue
            project.counts["Links from other projects of the file"] += there is not project
            yield ScheduleLink(there.id, predecessor_code, successor_code, p6_words.LINK[kind], lag)

    def _warnings(self, project: _Project, record: Record, original: _Project | None) -> Iterator[str]:
        if project.record is None:
            yield "The file does not describe this project."
        if original is not None:
            yield f"This is a baseline of {original.id}."
        if not record.key("DataDate"):
            yield "The project has no data date."
        if self.currency and self.currency not in CURRENCIES:
            yield unknown_currency(self.currency)
        for what, count in project.counts.items():
            if count:
                yield f"{what}: {count}."


class _Paths:
    """The names from below the project down to a node."""

    def __init__(self, project: _Project, root: str) -> None:
        self.nodes = project.wbs
        self.root = root
        self.found: dict[str, str] = {}

    def path(self, key: str) -> str:
        if key not in self.found:
            names: list[str] = []
            seen: set[str] = set()
            at = key
            while at in self.nodes and at != self.root:
                if at in seen:
                    raise refused(1, "WBS.ParentObjectId: a node is its own ancestor.")
                seen.add(at)
                names.append(self.nodes[at].name)
                at = self.nodes[at].parent_id
            self.found[key] = " / ".join(reversed(names))
        return self.found[key]


def _nodes(project: _Project, record: Record, root: str) -> tuple[ScheduleWbs, ...]:
    """The project's own node leads; most files name it but leave it out."""
    nodes = tuple(replace(node, is_project=node.id == root) for node in project.wbs.values())
    if not root or root in project.wbs:
        return nodes
    return (ScheduleWbs(root, project.id, record.text("Name") or project.id, "", is_project=True), *nodes)


def _pass_over(record: Record, around: tuple[str, ...]) -> None:
    """A list of the projects, by id alone."""


def _status(record: Record, started: datetime | None, finished: datetime | None) -> ActivityStatus:
    word = record.key("Status")
    if word in p6_words.STATUS:
        return p6_words.STATUS[word]
    if word:
        raise record.refused("Activity.Status is none of Not Started, In Progress, Completed.")
    if finished:
        return ActivityStatus.COMPLETED
    return ActivityStatus.IN_PROGRESS if started else ActivityStatus.NOT_STARTED


def _percent(record: Record, kind: PercentKind | None, *, done: bool) -> Decimal | None:
    if kind is None:
        return None
    if done:
        return _HUNDRED
    fraction = record.number(_PERCENT_OF[kind])
    if fraction is None:
        fraction = record.number("PercentComplete")
    return None if fraction is None else bounded_percent(fraction * _HUNDRED)


def _constraint(record: Record, name: str, counts: dict[str, int]) -> ConstraintKind | str:
    word = record.key(name)
    if not word:
        return ""
    counts["Constraints of a kind unknown here, kept as text"] += word not in p6_words.CONSTRAINT
    return p6_words.CONSTRAINT.get(word, word[:40])


def _options(project: Record) -> ScheduleOptions:
    """From the project itself, or from the options that newer files keep inside it."""
    inner = project.child("ScheduleOptions") or Record("ScheduleOptions", project.line)

    def key(name: str) -> str:
        return project.key(name) or inner.key(name)

    def flag(name: str) -> bool | None:
        outer = project.flag(name)
        return inner.flag(name) if outer is None else outer

    critical = project.number("CriticalActivityFloatLimit")
    if critical is None:
        critical = project.number("CriticalActivityFloatThreshold")
    return ScheduleOptions(
        progress=p6_words.PROGRESS.get(key("OutOfSequenceScheduleType")),
        lag_calendar=p6_words.LAG_CALENDAR.get(key("RelationshipLagCalendar")),
        float_kind=p6_words.FLOAT_KIND.get(key("ComputeTotalFloatType")),
        critical_by=p6_words.CRITICAL_BY.get(key("CriticalActivityPathType")),
        critical_hours=critical,
        open_ends_critical=flag("MakeOpenEndedActivitiesCritical"),
        lag_from_early_start=flag("StartToStartLagCalculationType"),
        uses_expected_finish=flag("UseExpectedFinishDates"),
        float_to_project_end=flag("CalculateFloatBasedOnFinishDate"),
        ignores_other_projects=flag("IgnoreOtherProjectRelationships"),
    )


# -- calendars -------------------------------------------------------------------------------------------------------


def _week(record: Record) -> tuple[Shifts, ...]:
    standard = record.child("StandardWorkWeek")
    if standard is None:
        return ()
    week: list[Shifts] = [()] * 7
    for day in standard.all("StandardWorkHours"):
        week[_DAYS.index(day.key("DayOfWeek"))] = _shifts(day)
    return tuple(week)


def _exceptions(record: Record) -> dict[date, Shifts]:
    listed = record.child("HolidayOrExceptions")
    days = listed.all("HolidayOrException") if listed else []
    return {date.fromisoformat(day.key("Date")[:10]): _shifts(day) for day in days}


def _shifts(day: Record) -> Shifts:
    return working_time.joined(
        working_time.shift(_minute(time.key("Start")), working_time.inclusive_end(_minute(time.key("Finish"))))
        for time in day.all("WorkTime")
    )


def _minute(text: str) -> int:
    clock = datetime.fromisoformat(f"2000-01-01T{text.rpartition('T')[2]}")
    return clock.hour * 60 + clock.minute
