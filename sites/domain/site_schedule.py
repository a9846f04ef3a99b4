"""A site schedule as a planning tool wrote it: frozen rows that the reader of every format answers with.

- **Moments** (`early_start`, `data_moment` ...) are naive `datetime`s: local day and time of the site, without a zone,
  never turned into an instant. P6 and Project write a finish as the end of the last working minute (17:00), so the
  day of a moment is its own day. Null is "the file does not say".
- **Hours** (durations, lags, floats) are working hours of the activity's own calendar, as written; calendars of
  different hours a day stand side by side in one file, so there is no file-wide day.
- **Calendars** are shifts in minutes of the day, `(480, 1020)` for 08:00 to 17:00, the end exclusive and at most
  1440; a day without shifts is a day off.
- Activities are known by their code within their project, calendars and WBS nodes by their key within the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

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

Shift = tuple[int, int]
Shifts = tuple[Shift, ...]


@dataclass(frozen=True, slots=True)
class ScheduleCalendar:
    """`hours_per_day` is what the tool divides by to show days; null where the file does not say.

    `week` is seven days, Monday first; empty where the file names the calendar but not its hours (then nothing can
    be calculated on it). `exceptions` are single days that differ, with their shifts. What a calendar inherits from
    `base_id` is already laid into both. `project_id` is empty for a calendar shared by all projects of the file.
    """

    id: str
    name: str
    hours_per_day: Decimal | None
    week: tuple[Shifts, ...] = ()
    exceptions: Mapping[date, Shifts] = field(default_factory=dict)
    base_id: str = ""
    is_of_resource: bool = False


@dataclass(frozen=True, slots=True)
class ScheduleWbs:
    """A node of the work breakdown. `parent_id` is empty at the top; the project's own node is one of them."""

    id: str
    code: str
    name: str
    parent_id: str
    is_project: bool = False


@dataclass(frozen=True, slots=True)
class ScheduleActivity:
    """One activity.

    `early_start` and `early_finish` are null once the activity is finished: there, P6 writes the data date, not the
    truth; the truth is `actual_finish`. `planned_*` are the tool's planned (target) dates, which P6 overwrites for
    unstarted activities: slip is never taken against them. `remaining_start` and `remaining_finish` are the dates of
    the rest of an activity in progress.

    `wbs` is the path of names below the project, `wbs_id` the key of the node. `calendar_id` is a calendar of the
    project, empty where the file names none, and possibly one that the file lacks (a warning says so).

    `constraint` is a ConstraintKind, or the tool's own word where it is unknown here; empty where there is none. A
    Microsoft Project deadline is a second constraint `finish_on_or_before`: it bends float, never dates.

    `percent_complete` is 0 to 100 of the kind that the activity is measured by. `is_driving` is P6's longest path, not
    float-critical; null where the file does not say. `is_manual` is a manually scheduled task of Microsoft Project:
    its planned dates stand whatever the logic says. `codes` are the activity codes, type to value.
    """

    code: str
    name: str
    wbs: str
    kind: ActivityKind
    status: ActivityStatus
    calendar_id: str = ""
    wbs_id: str = ""
    planned_start: datetime | None = None
    planned_finish: datetime | None = None
    early_start: datetime | None = None
    early_finish: datetime | None = None
    late_start: datetime | None = None
    late_finish: datetime | None = None
    actual_start: datetime | None = None
    actual_finish: datetime | None = None
    remaining_start: datetime | None = None
    remaining_finish: datetime | None = None
    suspended: datetime | None = None
    resumed: datetime | None = None
    expected_finish: datetime | None = None
    external_early_start: datetime | None = None
    external_late_finish: datetime | None = None
    original_hours: Decimal | None = None
    remaining_hours: Decimal | None = None
    at_completion_hours: Decimal | None = None
    total_float_hours: Decimal | None = None
    free_float_hours: Decimal | None = None
    percent_kind: PercentKind | None = None
    percent_complete: Decimal | None = None
    constraint: ConstraintKind | str = ""
    constraint_moment: datetime | None = None
    second_constraint: ConstraintKind | str = ""
    second_constraint_moment: datetime | None = None
    is_driving: bool | None = None
    is_manual: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)

    @property
    def start(self) -> datetime | None:
        """Actual, else early, else planned."""
        return self.actual_start or self.early_start or self.planned_start

    @property
    def finish(self) -> datetime | None:
        """Actual, else early, else planned."""
        return self.actual_finish or self.early_finish or self.planned_finish

    @property
    def finish_on(self) -> date | None:
        finish = self.finish
        return finish.date() if finish else None


@dataclass(frozen=True, slots=True)
class ScheduleLink:
    """A link is held by its successor's project; `predecessor_project` differs where it crosses projects.

    Links to activities that the file does not hold at all are left out and counted in a warning of the project.
    `lag_calendar` is null where the project's option counts (`ScheduleOptions.lag_calendar`); Microsoft Project's
    elapsed lags are `round_the_clock`. A negative lag is a lead.
    """

    predecessor_project: str
    predecessor_code: str
    successor_code: str
    kind: LinkKind
    lag_hours: Decimal
    lag_calendar: LagCalendar | None = None


@dataclass(frozen=True, slots=True)
class ScheduleBaselineActivity:
    """What one baseline said of an activity. `baseline` is the baseline project's id, or Project's number 0 to 10."""

    baseline: str
    code: str
    start: datetime | None
    finish: datetime | None
    duration_hours: Decimal | None


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """How the tool calculated. Null where the file does not say: whoever calculates takes a default and says so.

    `critical_hours` is the float at or below which an activity is critical. `lag_from_early_start`: a start-to-start
    lag counts from the early, not from the actual start. `float_to_project_end`: total float is taken to the end of
    each project, not to that of all that were scheduled together. `ignores_other_projects`: links across projects
    did not count. `is_from_finish`: scheduled backward from the finish date.
    """

    progress: ProgressRule | None = None
    lag_calendar: LagCalendar | None = None
    float_kind: FloatKind | None = None
    critical_by: CriticalBy | None = None
    critical_hours: Decimal | None = None
    open_ends_critical: bool | None = None
    lag_from_early_start: bool | None = None
    uses_expected_finish: bool | None = None
    float_to_project_end: bool | None = None
    ignores_other_projects: bool | None = None
    is_from_finish: bool | None = None


@dataclass(frozen=True, slots=True)
class ScheduleProject:
    """`id` is the code by which people know the project; `key` its key within the file.

    `data_moment` is the data date with its time (P6: last recalculation; Project: status date); null where the tool
    never scheduled it. `written` is what stands in for a missing data date where the tool says so itself (Project takes
    its current date): good for telling revisions apart, but nothing was scheduled from it. `planned_start` is where the
    tool starts to schedule from, `must_finish` the date imposed on the whole, from which late dates are counted back.
    `baseline_of` is the id of the project whose baseline this is,
    empty where it is none; `baselines` are the rows of all its baselines in the file. `calendars` are the project's
    own and those shared by all projects of the file; `calendar_id` is the project's default. `currency` is the file's
    own word, which need not be an ISO code.
    """

    id: str
    name: str
    data_moment: datetime | None
    activities: tuple[ScheduleActivity, ...]
    links: tuple[ScheduleLink, ...]
    calendars: tuple[ScheduleCalendar, ...]
    wbs: tuple[ScheduleWbs, ...] = ()
    key: str = ""
    calendar_id: str = ""
    planned_start: datetime | None = None
    must_finish: datetime | None = None
    written: datetime | None = None
    options: ScheduleOptions = ScheduleOptions()
    baselines: tuple[ScheduleBaselineActivity, ...] = ()
    baseline_of: str = ""
    currency: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def data_date(self) -> date | None:
        """Null where the file says nothing that could stand for it."""
        moment = self.data_moment or self.written
        return moment.date() if moment else None

    @property
    def finish_on(self) -> date | None:
        """The latest finish of any activity; null where none has one."""
        return max((on for activity in self.activities if (on := activity.finish_on)), default=None)


@dataclass(frozen=True, slots=True)
class ScheduleFile:
    """`version` is that of the tool, `encoding` what the text was read as, `currency` the file's own word for it."""

    format: ScheduleFormat
    version: str
    encoding: str
    currency: str
    projects: tuple[ScheduleProject, ...]
