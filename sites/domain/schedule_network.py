"""From a schedule as a planning tool wrote it to the network that can be calculated.

Whatever the file says that the calculation does not follow is named, never passed over.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sites.domain.network import Bound, Link, Network, Options, Project, Task
from sites.domain.network_calendar import HourCalendar, whole_shifts
from sites.domain.site_schedule import ScheduleActivity, ScheduleLink, ScheduleOptions, ScheduleProject
from sites.vocabulary import (
    ActivityKind,
    ActivityStatus,
    ConstraintKind,
    FloatKind,
    LagCalendar,
    ProgressRule,
    ScheduleFormat,
)

_MINUTES = Decimal(60)
_SPANS = {ActivityKind.LEVEL_OF_EFFORT, ActivityKind.WBS_SUMMARY}
_LATEST = {ConstraintKind.START_ON_OR_BEFORE, ConstraintKind.FINISH_ON_OR_BEFORE}
_MILESTONES = {ActivityKind.START_MILESTONE, ActivityKind.FINISH_MILESTONE}


@dataclass(frozen=True, slots=True)
class Made:
    """`not_followed` says per project what of its file the calculation does not follow."""

    network: Network
    not_followed: Mapping[str, tuple[str, ...]]


def key_of(project_id: str, code: str) -> str:
    """An activity's key in the network; the codes of two projects may be the same."""
    return f"{project_id}\t{code}"


def network_of(projects: Sequence[ScheduleProject], format: ScheduleFormat, options: ScheduleOptions) -> Made:
    """The projects as one network, calculated as `options` say."""
    return _Making(projects, format, options).made()


def options_of(options: ScheduleOptions, format: ScheduleFormat) -> Options:
    """What the file says, else what the tool does by itself."""
    if format is ScheduleFormat.MSPDI:
        return Options(
            lag_calendar=options.lag_calendar or LagCalendar.SUCCESSOR,
            counts_from_start=True,
            float_kind=options.float_kind or FloatKind.SMALLEST,
            open_ends_critical=bool(options.open_ends_critical),
            uses_expected_finish=False,
            finishes_at_link=True,
        )
    return Options(
        lag_calendar=options.lag_calendar or LagCalendar.PREDECESSOR,
        progress=options.progress or ProgressRule.RETAINED_LOGIC,
        float_kind=options.float_kind or FloatKind.FINISH,
        open_ends_critical=bool(options.open_ends_critical),
        uses_expected_finish=options.uses_expected_finish is not False,
        start_lag_from_actual=options.lag_from_early_start is False,
        ignores_other_projects=bool(options.ignores_other_projects),
        end_is_each_projects=options.float_to_project_end is not False,
    )


class _Making:
    def __init__(self, projects: Sequence[ScheduleProject], format: ScheduleFormat, options: ScheduleOptions) -> None:
        self.projects = projects
        self.format = format
        self.said = options
        self.options = options_of(options, format)
        self.notes: dict[str, Counter[str]] = defaultdict(Counter)
        self.calendars: dict[str, HourCalendar] = {}
        self.kinds: dict[str, ActivityKind] = {}

    def made(self) -> Made:
        for project in self.projects:
            self._calendars(project)
        tasks = [task for project in self.projects for task in self._tasks(project)]
        links = [link for project in self.projects for link in self._links(project)]
        network = Network(
            tuple(tasks),
            tuple(links),
            tuple(self.calendars.values()),
            tuple(self._project(project) for project in self.projects),
            self.options,
        )
        return Made(network, {project.id: tuple(self._told(project.id)) for project in self.projects})

    def _told(self, project_id: str) -> Iterator[str]:
        for note, count in self.notes[project_id].items():
            yield note if count == 1 and not note.endswith(":") else f"{note} {count}".strip()

    def _count(self, project_id: str, note: str) -> None:
        self.notes[project_id][f"{note}:"] += 1

    # -- projects and calendars ----------------------------------------------------------------------------------

    def _project(self, project: ScheduleProject) -> Project:
        if self.said.is_from_finish:
            self.notes[project.id][
                "It was scheduled backward from its finish; here it runs forward from its start."
            ] = 1
        data_date = project.data_moment or project.planned_start
        if self.format is ScheduleFormat.MSPDI and project.planned_start is not None:
            # Microsoft Project moves nothing to the status date by itself.
            data_date = project.planned_start
        if data_date is None:
            data_date = min(
                (on for row in project.activities if (on := row.planned_start or row.actual_start)),
                default=datetime.fromisoformat("2000-01-01"),
            )
            self.notes[project.id]["The file has no data date: the earliest planned start takes its place."] = 1
        return Project(project.id, data_date, self._calendar(project, project.calendar_id), project.must_finish)

    def _calendars(self, project: ScheduleProject) -> None:
        for calendar in project.calendars:
            week = tuple(whole_shifts(shifts) for shifts in calendar.week) if calendar.week else ()
            if len(week) == 7 and any(week):
                id = key_of(project.id, calendar.id)
                days = {day: whole_shifts(shifts) for day, shifts in calendar.exceptions.items()}
                self.calendars[id] = HourCalendar(id, week, days)

    def _calendar(self, project: ScheduleProject, calendar_id: str) -> str:
        """The calendar itself, else the project's own, else none: round the clock."""
        for candidate in (calendar_id, project.calendar_id):
            if candidate and key_of(project.id, candidate) in self.calendars:
                return key_of(project.id, candidate)
        return ""

    # -- activities ----------------------------------------------------------------------------------------------

    def _tasks(self, project: ScheduleProject) -> Iterator[Task]:
        parts = _parts(project)
        for row in project.activities:
            self.kinds[key_of(project.id, row.code)] = row.kind
            yield self._task(project, row, parts.get(row.code, ()))

    def _task(self, project: ScheduleProject, row: ScheduleActivity, parts: tuple[str, ...]) -> Task:
        calendar = self._calendar(project, row.calendar_id)
        if row.calendar_id and calendar != key_of(project.id, row.calendar_id):
            self._count(project.id, "Activities on a calendar without known hours, counted on the project's")
        elif not calendar:
            self._count(project.id, "Activities without any calendar, counted round the clock")
        if row.kind is ActivityKind.RESOURCE_DEPENDENT:
            self._count(project.id, "Activities by their resources' calendars, counted on their own")
        duration, remaining = _minutes(row.original_hours), _minutes(row.remaining_hours)
        if row.remaining_hours is None and row.status is ActivityStatus.IN_PROGRESS:
            remaining = duration
        if row.status is ActivityStatus.NOT_STARTED and row.remaining_hours is not None and not self._is_project_tool:
            duration = remaining
        kind = row.kind
        if row.is_manual:
            self._count(project.id, "Manually scheduled tasks, which keep their dates")
        if self._is_project_tool and kind in _MILESTONES:
            kind = ActivityKind.TASK if duration else ActivityKind.FINISH_MILESTONE
        if kind is ActivityKind.WBS_SUMMARY and not parts:
            kind = ActivityKind.LEVEL_OF_EFFORT
        return Task(
            key=key_of(project.id, row.code),
            calendar=calendar,
            duration=max(0, duration),
            remaining=max(0, remaining),
            kind=kind,
            status=row.status,
            project=project.id,
            actual_start=row.actual_start,
            actual_finish=row.actual_finish,
            resume=row.resumed or (row.remaining_start if self._is_project_tool else None),
            expected_finish=row.expected_finish,
            external_early_start=row.external_early_start,
            external_late_finish=row.external_late_finish,
            bounds=tuple(self._bounds(project, row)),
            parts=tuple(key_of(project.id, code) for code in parts),
        )

    @property
    def _is_project_tool(self) -> bool:
        return self.format is ScheduleFormat.MSPDI

    def _bounds(self, project: ScheduleProject, row: ScheduleActivity) -> Iterator[Bound]:
        if row.is_manual and row.planned_start is not None:
            yield Bound(ConstraintKind.MANDATORY_START, row.planned_start)
            return
        said = ((row.constraint, row.constraint_moment), (row.second_constraint, row.second_constraint_moment))
        for word, moment in said:
            if not word:
                continue
            try:
                kind = ConstraintKind(word)
            except ValueError:
                self._count(project.id, "Constraints of a kind unknown here, which do not count")
                continue
            if self._is_project_tool and word is row.constraint and kind in _LATEST:
                self._count(project.id, "Latest dates, which Microsoft Project may put before links and we do not")
            if moment is not None or kind is ConstraintKind.AS_LATE_AS_POSSIBLE:
                yield Bound(kind, moment)
            else:
                self._count(project.id, "Constraints without a date, which do not count")

    # -- links ---------------------------------------------------------------------------------------------------

    def _links(self, project: ScheduleProject) -> Iterator[Link]:
        for row in project.links:
            first, then = key_of(row.predecessor_project, row.predecessor_code), key_of(project.id, row.successor_code)
            if first not in self.kinds or then not in self.kinds:
                self._count(project.id, "Links to activities outside the file, for which its external dates stand")
                continue
            yield self._link(project, row, first, then)

    def _link(self, project: ScheduleProject, row: ScheduleLink, first: str, then: str) -> Link:
        is_elapsed = row.lag_calendar is LagCalendar.ROUND_THE_CLOCK
        if row.lag_calendar is not None and not is_elapsed and row.lag_calendar is not self.options.lag_calendar:
            self._count(project.id, "Links whose lag runs on a calendar of their own, counted as the others")
        if ActivityKind.WBS_SUMMARY in {self.kinds[first], self.kinds[then]} and row.kind.value.endswith("_finish"):
            self._count(project.id, "Links to the finish of a summary, counted for each of its parts")
        return Link(first, then, row.kind, _minutes(row.lag_hours), is_elapsed)


def _minutes(hours: Decimal | None) -> int:
    return round((hours or 0) * _MINUTES)


def _parts(project: ScheduleProject) -> dict[str, tuple[str, ...]]:
    """What each summary sums up: the activities of its node and of those below."""
    summaries = [row for row in project.activities if row.kind is ActivityKind.WBS_SUMMARY]
    if not summaries:
        return {}
    parents = {node.id: node.parent_id for node in project.wbs}
    within: dict[str, list[str]] = defaultdict(list)
    for row in project.activities:
        if row.kind in _SPANS:
            continue
        for node in _upwards(row.wbs_id, parents):
            within[node].append(row.code)
    return {row.code: tuple(within.get(row.wbs_id, ())) for row in summaries}


def _upwards(node: str, parents: Mapping[str, str]) -> Iterable[str]:
    seen: set[str] = set()
    while node and node not in seen:
        seen.add(node)
        yield node
        node = parents.get(node, "")
