"""Primavera P6 XER, every version: bytes in, the projects of the file out, each kept apart from the others.

Every table is optional and unknown ones are normal. A refusal is a BadInput whose field is the line, such as
`line 12`; refusals and warnings repeat codes of projects and activities at most, never what a user wrote elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from sites.domain.currency import CURRENCIES
from sites.domain.errors import BadInput
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
from sites.readers import p6_words, working_time, xer_calendar, xer_text
from sites.readers.limits import LONGEST_CODE, MOST_ACTIVITIES, MOST_LINKS, refused
from sites.readers.p6_rows import baselines_joined, bounded_percent, unknown_currency
from sites.readers.xer_text import XerRow, XerText
from sites.vocabulary import ActivityKind, ActivityStatus, ConstraintKind, PercentKind, ProgressRule, ScheduleFormat

_NONE = Decimal(0)
_HUNDRED = Decimal(100)
_HOURS_A_DAY = Decimal(24)
_NO_CODES: dict[str, str] = {}
# The text of a calendar may be broken over lines: it goes on the row before.
_WHOLE = frozenset({"PROJECT", "PROJWBS", "TASK", "TASKPRED"})
_MILESTONES = {ActivityKind.START_MILESTONE, ActivityKind.FINISH_MILESTONE}


def read(content: bytes) -> ScheduleFile:
    """All projects of the file, or BadInput naming the line: nothing is left out in silence."""
    text = xer_text.read(content, whole=_WHOLE)
    return _File(text).read()


@dataclass(slots=True)
class _Project:
    key: str
    id: str
    data_moment: datetime | None = None
    planned_start: datetime | None = None
    must_finish: datetime | None = None
    calendar_id: str = ""
    critical_hours: Decimal | None = None
    critical_by: str = ""
    options: ScheduleOptions = field(default_factory=ScheduleOptions)
    original: str = ""
    name: str = ""
    wbs: list[ScheduleWbs] = field(default_factory=list)
    activities: list[ScheduleActivity] = field(default_factory=list)
    links: list[ScheduleLink] = field(default_factory=list)
    calendars: list[ScheduleCalendar] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, slots=True)
class _Node:
    line: int
    project: str
    name: str
    parent: str
    is_project: bool


class _File:
    def __init__(self, text: XerText) -> None:
        self.text = text
        self.projects: dict[str, _Project] = {}
        self.shared: list[ScheduleCalendar] = []
        self.calendars: dict[str, ScheduleCalendar] = {}
        self.unread_calendars: set[str] = set()
        self.nodes: dict[str, _Node] = {}
        self.paths: dict[str, str] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.places: dict[str, tuple[str, str]] = {}  # task id: project key, activity code
        self.decimal_symbol = "."
        self.currency = text.header[8].strip() if len(text.header) > 8 else ""

    def read(self) -> ScheduleFile:
        self._decimal_symbol()
        self._projects()
        self._wbs()
        self._calendars()
        self._options()
        self._activity_codes()
        self._activities()
        self._links()
        self._check_ids()
        finished = {key: self._finished(project) for key, project in self.projects.items()}
        return ScheduleFile(
            format=ScheduleFormat.XER,
            version=self.text.header[1].strip() if len(self.text.header) > 1 else "",
            encoding=self.text.encoding,
            currency=self.currency,
            projects=baselines_joined(finished.values()),
        )

    def _rows(self, table: str, key: str, *required: str) -> Iterator[tuple[str, XerRow]]:
        """The rows with their keys, none of which stands twice or is missing."""
        seen: dict[str, int] = {}
        for row in self.text.rows(table, required={key, *required}):
            value = row.key(key)
            if not value:
                raise row.refused(f"{table}.{key} is empty.")
            if value in seen:
                raise row.refused(f"{table}.{key} stands twice, here and in line {seen[value]}.")
            seen[value] = row.line
            yield value, row

    # -- tables --------------------------------------------------------------------------------------------------

    def _decimal_symbol(self) -> None:
        for row in self.text.rows("CURRTYPE", required=frozenset()):
            if row.key("curr_short_name") == self.currency and row.key("decimal_symbol") == ",":
                self.decimal_symbol = ","

    def _hours(self, row: XerRow, name: str) -> Decimal | None:
        return row.number(name, self.decimal_symbol)

    def _projects(self) -> None:
        for key, row in self._rows("PROJECT", "proj_id"):
            project = _Project(key, _code(row, "proj_short_name") or key, row.moment("last_recalc_date"))
            project.original = row.key("orig_proj_id")
            project.planned_start = row.moment("plan_start_date")
            project.must_finish = row.moment("plan_end_date")
            project.calendar_id = row.key("clndr_id")
            project.critical_hours = self._hours(row, "critical_drtn_hr_cnt")
            project.critical_by = row.key("critical_path_type")
            self.projects[key] = project

    def _project(self, key: str) -> _Project:
        """The project of a row; one that the file does not describe is known by its key alone."""
        if key not in self.projects:
            self.projects[key] = _Project(key, key)
            self.projects[key].warnings.append("The file does not describe this project.")
        return self.projects[key]

    def _wbs(self) -> None:
        for key, row in self._rows("PROJWBS", "wbs_id", "proj_id"):
            project = self._project(row.key("proj_id"))
            name = row.text("wbs_name") or row.text("wbs_short_name")
            is_project = row.key("proj_node_flag") == "Y"
            if is_project:
                project.name = name
                if project.id == project.key:
                    project.id = _code(row, "wbs_short_name") or project.id
            parent = row.key("parent_wbs_id")
            self.nodes[key] = _Node(row.line, project.key, name, parent, is_project)
            project.wbs.append(
                ScheduleWbs(key, row.text("wbs_short_name"), name, "" if is_project else parent, is_project)
            )

    def _calendars(self) -> None:
        owners: list[tuple[str, str]] = []
        for key, row in self._rows("CALENDAR", "clndr_id"):
            self.calendars[key] = self._calendar(key, row)
            owners.append((key, row.key("proj_id")))
        inherited = {key: self._inherited(key) for key in self.calendars}
        for key, owner in owners:
            calendar = replace(self.calendars[key], exceptions=working_time.within_reach(inherited[key]))
            (self._project(owner).calendars if owner else self.shared).append(calendar)

    def _calendar(self, key: str, row: XerRow) -> ScheduleCalendar:
        hours = self._hours(row, "day_hr_cnt")
        data = row.raw("clndr_data")
        week: tuple[Shifts, ...] = ()
        exceptions: dict[date, Shifts] = {}
        if data.strip():
            try:
                hours_text = xer_calendar.read(data)
                week, exceptions = hours_text.week, hours_text.exceptions
            except ValueError:
                self.unread_calendars.add(key)
        return ScheduleCalendar(
            id=key,
            name=row.text("clndr_name"),
            hours_per_day=hours if hours is not None and 0 < hours <= _HOURS_A_DAY else None,
            week=week,
            exceptions=exceptions,
            base_id=row.key("base_clndr_id"),
            is_of_resource=row.key("clndr_type") == "CA_Rsrc",
        )

    def _inherited(self, key: str) -> dict[date, Shifts]:
        """A calendar's exceptions, on top of those of the calendars it is based on."""
        chain: list[ScheduleCalendar] = []
        seen: set[str] = set()
        while key in self.calendars and key not in seen:
            seen.add(key)
            chain.append(self.calendars[key])
            key = self.calendars[key].base_id
        laid: dict[date, Shifts] = {}
        for calendar in reversed(chain):
            laid.update(calendar.exceptions)
        return laid

    def _options(self) -> None:
        for row in self.text.rows("SCHEDOPTIONS", required=frozenset({"proj_id"})):
            project = self._project(row.key("proj_id"))
            project.options = ScheduleOptions(
                progress=_progress(row),
                lag_calendar=p6_words.LAG_CALENDAR.get(row.key("sched_calendar_on_relationship_lag")),
                float_kind=p6_words.FLOAT_KIND.get(row.key("sched_float_type")),
                open_ends_critical=_flag(row, "sched_open_critical_flag"),
                lag_from_early_start=_flag(row, "sched_lag_early_start_flag"),
                uses_expected_finish=_flag(row, "sched_use_expect_end_flag"),
                float_to_project_end=_flag(row, "sched_use_project_end_date_for_float"),
                ignores_other_projects={"SD_None": True, "SD_Both": False}.get(row.key("sched_outer_depend_type")),
            )

    def _activity_codes(self) -> None:
        types = {
            row.key("actv_code_type_id"): row.text("actv_code_type")[:LONGEST_CODE]
            for row in self.text.rows("ACTVTYPE", required=frozenset({"actv_code_type_id"}))
        }
        values = {
            row.key("actv_code_id"): row.text("short_name")[:LONGEST_CODE]
            for row in self.text.rows("ACTVCODE", required=frozenset({"actv_code_id"}))
        }
        for row in self.text.rows("TASKACTV", required=frozenset({"task_id", "actv_code_id"})):
            kind, value = types.get(row.key("actv_code_type_id"), ""), values.get(row.key("actv_code_id"), "")
            if kind and value:
                self.codes.setdefault(row.key("task_id"), {})[kind] = value

    def _activities(self) -> None:
        for count, (key, row) in enumerate(self._rows("TASK", "task_id", "proj_id", "task_code")):
            if count == MOST_ACTIVITIES:
                raise row.refused(f"The file holds more than {MOST_ACTIVITIES} activities.")
            project = self._project(row.key("proj_id"))
            code = _code(row, "task_code")
            if not code:
                raise row.refused("TASK.task_code is empty.")
            if code in project.codes:
                raise row.refused(f"Activity {code} stands twice in project {project.id}.")
            project.codes.add(code)
            self.places[key] = (project.key, code)
            project.activities.append(self._activity(row, code, project, self.codes.get(key, _NO_CODES)))

    def _activity(self, row: XerRow, code: str, project: _Project, codes: dict[str, str]) -> ScheduleActivity:
        kind = self._kind(row, project)
        status = _status(row)
        done = status is ActivityStatus.COMPLETED
        moment, counts = row.moment, project.counts
        started, finished = moment("act_start_date"), moment("act_end_date")
        if done and kind in _MILESTONES:
            started, finished = started or finished, finished or started
        calendar = row.key("clndr_id")
        counts["Activities finished without an actual finish"] += done and finished is None
        counts["Activities on a calendar that the file lacks"] += bool(calendar) and calendar not in self.calendars
        counts["Activities on a calendar whose hours cannot be read"] += calendar in self.unread_calendars
        early_start, early_finish = moment("early_start_date"), moment("early_end_date")
        original, remaining = self._hours(row, "target_drtn_hr_cnt"), self._hours(row, "remain_drtn_hr_cnt")
        percent_kind = p6_words.PERCENT.get(row.key("complete_pct_type"))
        driving = row.key("driving_path_flag")
        activity = ScheduleActivity(
            code=code,
            name=row.text("task_name"),
            wbs=self._path(row.key("wbs_id")),
            wbs_id=row.key("wbs_id"),
            kind=kind,
            status=status,
            calendar_id=calendar,
            planned_start=moment("target_start_date"),
            planned_finish=moment("target_end_date"),
            early_start=None if done else early_start,
            early_finish=None if done else early_finish,
            late_start=moment("late_start_date"),
            late_finish=moment("late_end_date"),
            actual_start=started,
            actual_finish=finished,
            remaining_start=moment("restart_date"),
            remaining_finish=moment("reend_date"),
            suspended=moment("suspend_date"),
            resumed=moment("resume_date"),
            expected_finish=moment("expect_end_date"),
            external_early_start=moment("external_early_start_date"),
            external_late_finish=moment("external_late_end_date"),
            original_hours=original,
            remaining_hours=remaining,
            total_float_hours=self._hours(row, "total_float_hr_cnt"),
            free_float_hours=self._hours(row, "free_float_hr_cnt"),
            percent_kind=percent_kind,
            percent_complete=self._percent(row, percent_kind, status, original, remaining),
            constraint=_constraint(row, "cstr_type", counts),
            constraint_moment=moment("cstr_date"),
            second_constraint=_constraint(row, "cstr_type2", counts),
            second_constraint_moment=moment("cstr_date2"),
            is_driving=driving == "Y" if driving else None,
            codes=codes,
        )
        counts["Activities without any finish date"] += activity.finish is None
        return activity

    def _kind(self, row: XerRow, project: _Project) -> ActivityKind:
        word = row.key("task_type")
        if word and word not in p6_words.KIND:
            project.counts["Activities of a type unknown here, read as tasks"] += 1
        return p6_words.KIND.get(word, ActivityKind.TASK)

    def _percent(
        self,
        row: XerRow,
        kind: PercentKind | None,
        status: ActivityStatus,
        original: Decimal | None,
        remaining: Decimal | None,
    ) -> Decimal | None:
        """The measure that the activity's own kind names; the file holds only the physical one itself."""
        if kind is None or status is ActivityStatus.COMPLETED:
            return _HUNDRED if kind else None
        if kind is PercentKind.PHYSICAL:
            return bounded_percent(self._hours(row, "phys_complete_pct"))
        if kind is PercentKind.DURATION:
            done, whole = (original or _NONE) - (remaining or _NONE), original or _NONE
        else:
            done = sum((self._hours(row, name) or _NONE for name in ("act_work_qty", "act_equip_qty")), _NONE)
            rest = (self._hours(row, name) or _NONE for name in ("remain_work_qty", "remain_equip_qty"))
            whole = done + sum(rest, _NONE)
        return bounded_percent(done / whole * _HUNDRED) if whole > 0 else _NONE

    def _links(self) -> None:
        rows = self._rows("TASKPRED", "task_pred_id", "task_id", "pred_task_id", "pred_type")
        for count, (_, row) in enumerate(rows):
            if count == MOST_LINKS:
                raise row.refused(f"The file holds more than {MOST_LINKS} links.")
            successor, predecessor = row.key("task_id"), row.key("pred_task_id")
            if successor == predecessor:
                raise row.refused("An activity follows itself.")
            kind = p6_words.LINK.get(row.key("pred_type"))
            if kind is None:
                raise row.refused("TASKPRED.pred_type is none of PR_FS, PR_SS, PR_FF, PR_SF.")
            lag = self._hours(row, "lag_hr_cnt") or _NONE
            if successor not in self.places or predecessor not in self.places:
                known = self.places.get(successor) or self.places.get(predecessor)
                owner = self._project(known[0] if known else row.key("proj_id") or row.key("pred_proj_id"))
                owner.counts["Links to activities outside the file"] += 1
                continue
            owner_key, successor_code = self.places[successor]
            predecessor_project, predecessor_code = self.places[predecessor]
            owner = self.projects[owner_key]
            owner.counts["Links from other projects of the file"] += predecessor_project != owner_key
            id_there = self.projects[predecessor_project].id
            owner.links.append(ScheduleLink(id_there, predecessor_code, successor_code, kind, lag))

    # -- what rows mean together ---------------------------------------------------------------------------------

    def _path(self, key: str) -> str:
        """The names from below the project down to the node; empty where the file does not say."""
        if key not in self.paths:
            names: list[str] = []
            seen: set[str] = set()
            at = key
            while (node := self.nodes.get(at)) is not None and not node.is_project:
                if at in seen:
                    raise refused(node.line, "PROJWBS.parent_wbs_id: the node is its own ancestor.")
                seen.add(at)
                names.append(node.name)
                at = node.parent
            self.paths[key] = " / ".join(reversed(names))
        return self.paths[key]

    def _check_ids(self) -> None:
        """Two projects that people call the same would become one. Raises BadInput."""
        seen: set[str] = set()
        for _, row in self._rows("PROJECT", "proj_id"):
            project = self.projects[row.key("proj_id")]
            if project.id in seen:
                raise row.refused(f"Two projects of the file are called {project.id}.")
            seen.add(project.id)

    def _finished(self, project: _Project) -> ScheduleProject:
        original = self.projects.get(project.original) if project.original != project.key else None
        return ScheduleProject(
            key=project.key,
            id=project.id,
            name=project.name or project.id,
            data_moment=project.data_moment,
            planned_start=project.planned_start,
            must_finish=project.must_finish,
            activities=tuple(project.activities),
            links=tuple(project.links),
            calendars=tuple(self.shared + project.calendars),
            calendar_id=project.calendar_id,
            wbs=tuple(project.wbs),
            options=replace(
                project.options,
                critical_hours=project.critical_hours,
                critical_by=p6_words.CRITICAL_BY.get(project.critical_by),
            ),
            baseline_of=original.id if original else "",
            currency=self.currency,
            warnings=tuple(self._warnings(project, original)),
        )

    def _warnings(self, project: _Project, original: _Project | None) -> Iterator[str]:
        yield from project.warnings
        if original is not None:
            yield f"This is a baseline of {original.id}."
        if project.data_moment is None:
            yield "The project has no data date."
        if self.text.encoding == "cp932":
            yield "The text was read as Windows Japanese (CP932)."
        if self.currency and self.currency not in CURRENCIES:
            yield unknown_currency(self.currency)
        for what, count in project.counts.items():
            if count:
                yield f"{what}: {count}."


def _code(row: XerRow, name: str) -> str:
    code = row.text(name)
    if len(code) > LONGEST_CODE:
        raise row.refused(f"{row.table}.{name} is longer than {LONGEST_CODE} characters.")
    return code


def _flag(row: XerRow, name: str) -> bool | None:
    return {"Y": True, "N": False}.get(row.key(name))


def _progress(row: XerRow) -> ProgressRule | None:
    if row.key("sched_progress_override") == "Y":
        return ProgressRule.PROGRESS_OVERRIDE
    retained = _flag(row, "sched_retained_logic")
    if retained is None:
        return None
    # With both flags off, P6 uses the actual dates.
    return ProgressRule.RETAINED_LOGIC if retained else ProgressRule.ACTUAL_DATES


def _constraint(row: XerRow, name: str, counts: dict[str, int]) -> ConstraintKind | str:
    word = row.key(name)
    if not word:
        return ""
    counts["Constraints of a kind unknown here, kept as text"] += word not in p6_words.CONSTRAINT
    return p6_words.CONSTRAINT.get(word, word[:40])


def _status(row: XerRow) -> ActivityStatus:
    word = row.key("status_code")
    if word in p6_words.STATUS:
        return p6_words.STATUS[word]
    if word:
        raise _unknown_status(row)
    if row.key("act_end_date"):
        return ActivityStatus.COMPLETED
    return ActivityStatus.IN_PROGRESS if row.key("act_start_date") else ActivityStatus.NOT_STARTED


def _unknown_status(row: XerRow) -> BadInput:
    return row.refused("TASK.status_code is none of TK_NotStart, TK_Active, TK_Complete.")
