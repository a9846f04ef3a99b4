"""A site schedule as a network: the frozen rows that its critical-path calculation starts from.

Instants are local to the site, without zone, to the minute; durations, lags and
floats are minutes of work. The rules are those of the two planning tools; `docs/schedules.md` says which.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sites.domain.errors import BadInput
from sites.domain.network_calendar import HourCalendar
from sites.vocabulary import ActivityKind, ActivityStatus, LinkKind


class Constraint(StrEnum):
    START_ON = "start_on"
    START_ON_OR_BEFORE = "start_on_or_before"
    START_ON_OR_AFTER = "start_on_or_after"
    FINISH_ON = "finish_on"
    FINISH_ON_OR_BEFORE = "finish_on_or_before"
    FINISH_ON_OR_AFTER = "finish_on_or_after"
    MANDATORY_START = "mandatory_start"
    MANDATORY_FINISH = "mandatory_finish"
    AS_LATE_AS_POSSIBLE = "as_late_as_possible"


class LagCalendar(StrEnum):
    PREDECESSOR = "predecessor"
    SUCCESSOR = "successor"
    ROUND_THE_CLOCK = "round_the_clock"
    PROJECT = "project"


class Progress(StrEnum):
    """What holds the rest of a started activity: its unfinished predecessors, nothing, or nothing with actual dates
    also where they lie behind the data date; `from_start` counts its whole duration from its actual start."""

    RETAINED_LOGIC = "retained_logic"
    OVERRIDE = "override"
    ACTUAL_DATES = "actual_dates"
    FROM_START = "from_start"


class FloatKind(StrEnum):
    START = "start"
    FINISH = "finish"
    SMALLEST = "smallest"


@dataclass(frozen=True, slots=True)
class Bound:
    """`at` is None for as late as possible alone."""

    kind: Constraint
    at: datetime | None = None


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
    """`start_lag_from_actual`: a start-to-start lag behind a started activity runs from its actual start.

    `end_is_each_projects`: open ends hang on the end of their own project, else on that of all. `bounds_beat_links`:
    a latest date also pulls an activity before its predecessors, and `finishes_at_link`: a finish set by a link
    stays at that instant instead of at the end of work before it (both Microsoft Project).
    """

    lag_calendar: LagCalendar = LagCalendar.PREDECESSOR
    progress: Progress = Progress.RETAINED_LOGIC
    float_kind: FloatKind = FloatKind.FINISH
    open_ends_critical: bool = False
    uses_expected_finish: bool = True
    start_lag_from_actual: bool = False
    ignores_other_projects: bool = False
    end_is_each_projects: bool = True
    bounds_beat_links: bool = False
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
