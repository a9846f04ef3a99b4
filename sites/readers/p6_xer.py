"""Primavera P6 XER, every version: bytes in, the projects of the file out, each kept apart from the others.

Every table is optional and unknown ones are normal. A refusal is a BadInput whose field is the line, such as
`line 12`; refusals and warnings repeat codes of projects and activities at most, never what a user wrote elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sites.domain.errors import BadInput
from sites.domain.site_schedule import (
    ScheduleActivity,
    ScheduleCalendar,
    ScheduleFile,
    ScheduleLink,
    ScheduleProject,
)
from sites.readers import xer_text
from sites.readers.xer_text import XerRow, XerText
from sites.vocabulary import ActivityKind, ActivityStatus, LinkKind

LONGEST_CODE = 80
_NONE = Decimal(0)
# The text of a calendar is not read, so that a line break inside it hurts nobody.
_WHOLE = frozenset({"PROJECT", "PROJWBS", "TASK", "TASKPRED"})
_STATUS = {
    "TK_NotStart": ActivityStatus.NOT_STARTED,
    "TK_Active": ActivityStatus.IN_PROGRESS,
    "TK_Complete": ActivityStatus.COMPLETED,
}
_KIND = {
    "TT_Task": ActivityKind.TASK,
    "TT_Rsrc": ActivityKind.RESOURCE_DEPENDENT,
    "TT_LOE": ActivityKind.LEVEL_OF_EFFORT,
    "TT_Mile": ActivityKind.START_MILESTONE,
    "TT_FinMile": ActivityKind.FINISH_MILESTONE,
    "TT_WBS": ActivityKind.WBS_SUMMARY,
}
_LINK = {
    "PR_FS": LinkKind.FINISH_START,
    "PR_SS": LinkKind.START_START,
    "PR_FF": LinkKind.FINISH_FINISH,
    "PR_SF": LinkKind.START_FINISH,
}
_MILESTONES = {ActivityKind.START_MILESTONE, ActivityKind.FINISH_MILESTONE}


def read(content: bytes) -> ScheduleFile:
    """All projects of the file, or BadInput naming the line: nothing is left out in silence."""
    text = xer_text.read(content, whole=_WHOLE)
    return _File(text).read()


@dataclass(slots=True)
class _Project:
    key: str
    id: str
    data_date: date | None = None
    original: str = ""
    name: str = ""
    wbs_nodes: int = 0
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
        self.calendar_ids: set[str] = set()
        self.nodes: dict[str, _Node] = {}
        self.paths: dict[str, str] = {}
        self.places: dict[str, tuple[str, str]] = {}  # task id: project key, activity code
        self.decimal_symbol = "."
        self.currency = text.header[8].strip() if len(text.header) > 8 else ""

    def read(self) -> ScheduleFile:
        self._decimal_symbol()
        self._projects()
        self._wbs()
        self._calendars()
        self._activities()
        self._links()
        self._check_ids()
        return ScheduleFile(
            version=self.text.header[1].strip() if len(self.text.header) > 1 else "",
            encoding=self.text.encoding,
            currency=self.currency,
            projects=tuple(self._finished(project) for project in self.projects.values()),
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

    def _projects(self) -> None:
        for key, row in self._rows("PROJECT", "proj_id"):
            project = _Project(key, _code(row, "proj_short_name") or key, row.day("last_recalc_date"))
            project.original = row.key("orig_proj_id")
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
            project.wbs_nodes += 1
            name = row.text("wbs_name") or row.text("wbs_short_name")
            is_project = row.key("proj_node_flag") == "Y"
            if is_project:
                project.name = name
                if project.id == project.key:
                    project.id = _code(row, "wbs_short_name") or project.id
            self.nodes[key] = _Node(row.line, project.key, name, row.key("parent_wbs_id"), is_project)

    def _calendars(self) -> None:
        for key, row in self._rows("CALENDAR", "clndr_id"):
            hours = row.number("day_hr_cnt", self.decimal_symbol)
            calendar = ScheduleCalendar(key, row.text("clndr_name"), hours)
            self.calendar_ids.add(key)
            owner = row.key("proj_id")
            (self._project(owner).calendars if owner else self.shared).append(calendar)

    def _activities(self) -> None:
        for key, row in self._rows("TASK", "task_id", "proj_id", "task_code"):
            project = self._project(row.key("proj_id"))
            code = _code(row, "task_code")
            if not code:
                raise row.refused("TASK.task_code is empty.")
            if code in project.codes:
                raise row.refused(f"Activity {code} stands twice in project {project.id}.")
            project.codes.add(code)
            self.places[key] = (project.key, code)
            project.activities.append(self._activity(row, code, project))

    def _activity(self, row: XerRow, code: str, project: _Project) -> ScheduleActivity:
        kind = self._kind(row, project)
        status = _status(row)
        done = status is ActivityStatus.COMPLETED
        started, finished = row.day("act_start_date"), row.day("act_end_date")
        if done and kind in _MILESTONES:
            started, finished = started or finished, finished or started
        calendar = row.key("clndr_id")
        project.counts["Activities finished without an actual finish"] += done and finished is None
        project.counts["Activities on a calendar that the file lacks"] += (
            bool(calendar) and calendar not in self.calendar_ids
        )
        early_start, early_finish = row.day("early_start_date"), row.day("early_end_date")
        activity = ScheduleActivity(
            code=code,
            name=row.text("task_name"),
            wbs=self._path(row.key("wbs_id")),
            kind=kind,
            status=status,
            planned_start_on=row.day("target_start_date"),
            planned_finish_on=row.day("target_end_date"),
            early_start_on=None if done else early_start,
            early_finish_on=None if done else early_finish,
            late_start_on=row.day("late_start_date"),
            late_finish_on=row.day("late_end_date"),
            actual_start_on=started,
            actual_finish_on=finished,
            total_float_hours=row.number("total_float_hr_cnt", self.decimal_symbol),
            calendar_id=calendar,
            constraint=row.key("cstr_type"),
            constraint_on=row.day("cstr_date"),
        )
        project.counts["Activities without any finish date"] += activity.finish_on is None
        return activity

    def _kind(self, row: XerRow, project: _Project) -> ActivityKind:
        word = row.key("task_type")
        if word and word not in _KIND:
            project.counts["Activities of a type unknown here, read as tasks"] += 1
        return _KIND.get(word, ActivityKind.TASK)

    def _links(self) -> None:
        for _, row in self._rows("TASKPRED", "task_pred_id", "task_id", "pred_task_id", "pred_type"):
            successor, predecessor = row.key("task_id"), row.key("pred_task_id")
            if successor == predecessor:
                raise row.refused("An activity follows itself.")
            kind = _LINK.get(row.key("pred_type"))
            if kind is None:
                raise row.refused("TASKPRED.pred_type is none of PR_FS, PR_SS, PR_FF, PR_SF.")
            lag = row.number("lag_hr_cnt", self.decimal_symbol) or _NONE
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
                    raise xer_text.refused(node.line, "PROJWBS.parent_wbs_id: the node is its own ancestor.")
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
            id=project.id,
            name=project.name or project.id,
            data_date=project.data_date,
            activities=tuple(project.activities),
            links=tuple(project.links),
            calendars=tuple(self.shared + project.calendars),
            wbs_nodes=project.wbs_nodes,
            baseline_of=original.id if original else "",
            warnings=tuple(self._warnings(project, original)),
        )

    def _warnings(self, project: _Project, original: _Project | None) -> Iterator[str]:
        yield from project.warnings
        if original is not None:
            yield f"This is a baseline of {original.id}."
        if project.data_date is None:
            yield "The project has no data date."
        if self.text.encoding == "cp932":
            yield "The text was read as Windows Japanese (CP932)."
        for what, count in project.counts.items():
            if count:
                yield f"{what}: {count}."


def _code(row: XerRow, name: str) -> str:
    code = row.text(name)
    if len(code) > LONGEST_CODE:
        raise row.refused(f"{row.table}.{name} is longer than {LONGEST_CODE} characters.")
    return code


def _status(row: XerRow) -> ActivityStatus:
    word = row.key("status_code")
    if word in _STATUS:
        return _STATUS[word]
    if word:
        raise _unknown_status(row)
    if row.day("act_end_date"):
        return ActivityStatus.COMPLETED
    return ActivityStatus.IN_PROGRESS if row.day("act_start_date") else ActivityStatus.NOT_STARTED


def _unknown_status(row: XerRow) -> BadInput:
    return row.refused("TASK.status_code is none of TK_NotStart, TK_Active, TK_Complete.")
