"""A site schedule as a network: the frozen rows that its critical-path calculation starts from.

Instants are local to the site, without zone, to the minute; durations, lags and floats are minutes of work.
The rules are those of the two planning tools; `docs/schedules.md` says which.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sites.domain.errors import BadInput
from sites.domain.network_calendar import HourCalendar
from sites.vocabulary import (
    ActivityKind,
    ActivityStatus,
    ConstraintKind,
    FloatKind,
    LagCalendar,
    LinkKind,
    ProgressRule,
)


@dataclass(frozen=True, slots=True)
class Bound:
    """`at` is None for as late as possible alone. `beats_links`: a latest date also pulls the activity before its
    predecessors (Microsoft Project), else it bends float alone."""

    kind: ConstraintKind
    at: datetime | None = None
    beats_links: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """`parts` are the activities that a summary sums up, itself not among them.

    `remaining` counts for started activities, `duration` for the others. `expected_finish` counts where the options
    say so, `external_*` stand for links to activities outside the file.
    """

    key: str
    calendar: str
    duration: int
    remaining: int
    kind: ActivityKind = ActivityKind.TASK
    status: ActivityStatus = ActivityStatus.NOT_STARTED
    project: str = ""
    actual_start: datetime | None = None
    actual_finish: datetime | None = None
    resume: datetime | None = None
    expected_finish: datetime | None = None
    external_early_start: datetime | None = None
    external_late_finish: datetime | None = None
    bounds: tuple[Bound, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The key as people know it: without the project that a tab sets apart."""
        return self.key.rpartition("\t")[2]


@dataclass(frozen=True, slots=True)
class Link:
    """`is_elapsed`: the lag runs round the clock, whatever the options say."""

    predecessor: str
    successor: str
    kind: LinkKind = LinkKind.FINISH_START
    lag: int = 0
    is_elapsed: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """No work that is not done lies before `data_date`. `must_finish_by` takes the place of the calculated end."""

    id: str
    data_date: datetime
    calendar: str
    must_finish_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """`progress` is what holds the rest of a started activity; with `counts_from_start` nothing does: its whole
    duration runs from its actual start (Microsoft Project). `start_lag_from_actual`: a start-to-start lag behind a
    started activity runs from its actual start.

    `end_is_each_projects`: open ends hang on the end of their own project, else on that of all. `finishes_at_link`: a
    finish set by a link stays at that instant instead of at the end of work before it (Microsoft Project).
    """

    lag_calendar: LagCalendar = LagCalendar.PREDECESSOR
    progress: ProgressRule = ProgressRule.RETAINED_LOGIC
    counts_from_start: bool = False
    float_kind: FloatKind = FloatKind.FINISH
    open_ends_critical: bool = False
    uses_expected_finish: bool = True
    start_lag_from_actual: bool = False
    ignores_other_projects: bool = False
    end_is_each_projects: bool = True
    finishes_at_link: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    tasks: tuple[Task, ...]
    links: tuple[Link, ...]
    calendars: tuple[HourCalendar, ...]
    projects: tuple[Project, ...]
    options: Options = field(default_factory=Options)


class NotANetwork(BadInput):
    """The links go round in a circle, or name what is not there."""
