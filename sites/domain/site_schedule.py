"""A site schedule as a planning tool wrote it: frozen rows that every reader of such files answers with.

Dates are local days of the site. Durations, lags and floats are hours of the activity's own calendar, as written.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sites.vocabulary import ActivityKind, ActivityStatus, LinkKind


@dataclass(frozen=True, slots=True)
class ScheduleCalendar:
    """`hours_per_day` is null where the file does not say."""

    id: str
    name: str
    hours_per_day: Decimal | None


@dataclass(frozen=True, slots=True)
class ScheduleActivity:
    """`early_*` are null once the activity is finished: there, planning tools write the data date, not the truth.

    `wbs` is the path of names below the project. `constraint` is the tool's own word, empty where there is none.
    """

    code: str
    name: str
    wbs: str
    kind: ActivityKind
    status: ActivityStatus
    planned_start_on: date | None
    planned_finish_on: date | None
    early_start_on: date | None
    early_finish_on: date | None
    late_start_on: date | None
    late_finish_on: date | None
    actual_start_on: date | None
    actual_finish_on: date | None
    total_float_hours: Decimal | None
    calendar_id: str
    constraint: str
    constraint_on: date | None

    @property
    def finish_on(self) -> date | None:
        """Actual, else early, else planned."""
        return self.actual_finish_on or self.early_finish_on or self.planned_finish_on


@dataclass(frozen=True, slots=True)
class ScheduleLink:
    """`predecessor_project` differs from the project that holds the link where it crosses projects."""

    predecessor_project: str
    predecessor_code: str
    successor_code: str
    kind: LinkKind
    lag_hours: Decimal


@dataclass(frozen=True, slots=True)
class ScheduleProject:
    """`id` is the code by which people know the project; `data_date` is null where the tool never scheduled it.

    `baseline_of` is the id of the project whose baseline this is, empty where it is none. `calendars` are the
    project's own and those shared by all projects of the file.
    """

    id: str
    name: str
    data_date: date | None
    activities: tuple[ScheduleActivity, ...]
    links: tuple[ScheduleLink, ...]
    calendars: tuple[ScheduleCalendar, ...]
    wbs_nodes: int
    baseline_of: str
    warnings: tuple[str, ...]

    @property
    def finish_on(self) -> date | None:
        """The latest finish of any activity; null where none has one."""
        return max((on for activity in self.activities if (on := activity.finish_on)), default=None)


@dataclass(frozen=True, slots=True)
class ScheduleFile:
    """`currency` is the file's own word for it, which need not be an ISO code."""

    version: str
    encoding: str
    currency: str
    projects: tuple[ScheduleProject, ...]
