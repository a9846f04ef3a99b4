"""A schedule calculated again, beside what its planning tool wrote: how many dates and floats are the same, and why
each other one suspectedly is not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sites.domain.errors import BadInput
from sites.domain.network import Options
from sites.domain.network_answer import Calculation, TaskDates
from sites.domain.network_calendar import WorkingTime, minute_of
from sites.domain.network_passes import calculate
from sites.domain.network_plan import Plan
from sites.domain.schedule_network import key_of, network_of, options_of
from sites.domain.site_schedule import ScheduleActivity, ScheduleFile, ScheduleProject
from sites.vocabulary import ActivityKind, ActivityStatus, ScheduleFormat

EARLY_START: Final = "early_start"
EARLY_FINISH: Final = "early_finish"
LATE_FINISH: Final = "late_finish"
TOTAL_FLOAT: Final = "total_float_hours"
FIELDS: Final = (EARLY_START, EARLY_FINISH, LATE_FINISH, TOTAL_FLOAT)


class Suspicion(StrEnum):
    """Why a date is suspected to differ; the first that fits."""

    MANUAL = "manual"
    RESOURCE_CALENDAR = "resource_calendar"
    CALENDAR_MISSING = "calendar_missing"
    OUTSIDE_FILE = "outside_file"
    PREDECESSOR_DIFFERS = "predecessor_differs"
    SUCCESSOR_DIFFERS = "successor_differs"
    START_DIFFERS = "start_differs"
    DATE_DIFFERS = "date_differs"
    NOT_WORKING_TIME = "not_working_time"
    NOT_ITS_DURATION = "not_its_duration"
    END_DIFFERS = "end_differs"
    LEVEL_OF_EFFORT = "level_of_effort"
    IN_PROGRESS = "in_progress"
    NOT_EXPLAINED = "not_explained"


REASONS: Final[Mapping[Suspicion, str]] = {
    Suspicion.MANUAL: "It is scheduled by hand.",
    Suspicion.RESOURCE_CALENDAR: "The calendars of its resources place it, which the calculation does not follow.",
    Suspicion.CALENDAR_MISSING: "The file does not say the hours of its calendar.",
    Suspicion.OUTSIDE_FILE: "It is linked to an activity outside the file.",
    Suspicion.PREDECESSOR_DIFFERS: "The predecessor that drives it already differs.",
    Suspicion.SUCCESSOR_DIFFERS: "A successor's late dates already differ.",
    Suspicion.START_DIFFERS: "Its start differs, and its finish with it.",
    Suspicion.DATE_DIFFERS: "A date that it is taken from differs.",
    Suspicion.NOT_WORKING_TIME: "The file's date is no working time of its calendar: resources or levelling place it.",
    Suspicion.NOT_ITS_DURATION: "The file's own start and finish are not its duration apart on its calendar: its "
    "resources' calendars and units, or a split, place its finish.",
    Suspicion.END_DIFFERS: "The tool took late dates to another end of the project.",
    Suspicion.LEVEL_OF_EFFORT: "A level of effort: the tool spans it by other links than ours.",
    Suspicion.IN_PROGRESS: "It has begun: the tool places the rest of it by other rules than ours.",
    Suspicion.NOT_EXPLAINED: "Its links, constraints and calendar do not lead to the file's date: the file was changed "
    "after it was scheduled, or levelled.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Both values as instants, or as hours of float."""

    code: str
    field: str
    file: datetime | float
    calculated: datetime | float | None
    suspicion: Suspicion


@dataclass(frozen=True, slots=True)
class Recalculated:
    """`compared` and `equal` count per field of `FIELDS`; `activities` are those with any field to compare.

    `finished` have no date left to calculate, `unwritten` are those whose early dates the file does not have.
    `not_calculated` is why nothing could be calculated, empty where it was.
    """

    project: str
    options: Options
    activities: int
    finished: int
    unwritten: int
    compared: Mapping[str, int]
    equal: Mapping[str, int]
    differences: tuple[Difference, ...]
    not_followed: tuple[str, ...]
    not_calculated: str = ""


def recalculate(file: ScheduleFile) -> tuple[Recalculated, ...]:
    """Every project of the file, in its order. A baseline is calculated by itself."""
    found: dict[str, Recalculated] = {}
    for together in _together(file.projects):
        for options in {options_of(project.options, file.format): project.options for project in together}.values():
            mine = [
                project
                for project in together
                if options_of(project.options, file.format) == options_of(options, file.format)
            ]
            made = network_of(together, file.format, options)
            try:
                calculation = calculate(Plan(made.network))
            except BadInput as refused:
                for project in mine:
                    found[project.id] = _not_calculated(project, made.network.options, refused.message)
                continue
            for project in mine:
                comparing = _Comparing(project, calculation, file.format)
                found[project.id] = comparing.answer(made.network.options, made.not_followed[project.id])
    return tuple(found[project.id] for project in file.projects)


def document(answer: Recalculated) -> dict[str, object]:
    """As JSON: counts, and the differences with both values."""
    options = answer.options
    return {
        "activities_compared": answer.activities,
        **{f"equal_{_SHORT[field]}": answer.equal[field] for field in FIELDS},
        **{f"compared_{_SHORT[field]}": answer.compared[field] for field in FIELDS},
        "finished": answer.finished,
        "without_dates": answer.unwritten,
        "options": {
            "lag_calendar": options.lag_calendar.value,
            "progress": "from_start" if options.counts_from_start else options.progress.value,
            "total_float": options.float_kind.value,
            "open_ends_critical": options.open_ends_critical,
            "uses_expected_finish": options.uses_expected_finish,
            "start_lag_from": "actual_start" if options.start_lag_from_actual else "early_start",
            "ignores_other_projects": options.ignores_other_projects,
            "float_to": "end_of_project" if options.end_is_each_projects else "end_of_all_projects",
        },
        "not_supported": list(answer.not_followed),
        "not_calculated": answer.not_calculated or None,
        "others": [
            {
                "activity": each.code,
                "field": each.field,
                "file": _plain(each.file),
                "calculated": _plain(each.calculated),
                "suspected": each.suspicion.value,
                "reason": REASONS[each.suspicion],
            }
            for each in answer.differences
        ],
    }


_SHORT: Final = {
    EARLY_START: "early_start",
    EARLY_FINISH: "early_finish",
    LATE_FINISH: "late_finish",
    TOTAL_FLOAT: "total_float",
}


def _plain(value: datetime | float | None) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    return int(value) if value is not None and value == int(value) else value


def _together(projects: Sequence[ScheduleProject]) -> Iterator[list[ScheduleProject]]:
    """The live projects as one, whose links may cross; each baseline alone."""
    live = [project for project in projects if not project.baseline_of]
    if live:
        yield live
    yield from ([project] for project in projects if project.baseline_of)


def _not_calculated(project: ScheduleProject, options: Options, why: str) -> Recalculated:
    none = dict.fromkeys(FIELDS, 0)
    finished = sum(row.status is ActivityStatus.COMPLETED for row in project.activities)
    rest = len(project.activities) - finished
    return Recalculated(project.id, options, 0, finished, rest, none, none, (), (), why)


class _Comparing:
    def __init__(self, project: ScheduleProject, calculation: Calculation, format: ScheduleFormat) -> None:
        self.project = project
        self.calculation = calculation
        self.format = format
        self.rows = {key_of(project.id, row.code): row for row in project.activities}
        self.written = {key: written for key, row in self.rows.items() if (written := self._written(row))}
        self.differ: dict[str, set[str]] = {}

    def answer(self, options: Options, not_followed: tuple[str, ...]) -> Recalculated:
        compared, equal = dict.fromkeys(FIELDS, 0), dict.fromkeys(FIELDS, 0)
        for key, written in self.written.items():
            found = self._found(key)
            for name, value in written.items():
                compared[name] += 1
                if _same(value, found[name]):
                    equal[name] += 1
                else:
                    self.differ.setdefault(key, set()).add(name)
        finished = sum(row.status is ActivityStatus.COMPLETED for row in self.rows.values())
        return Recalculated(
            project=self.project.id,
            options=options,
            activities=len(self.written),
            finished=finished,
            unwritten=len(self.rows) - finished - len(self.written),
            compared=compared,
            equal=equal,
            differences=tuple(self._differences()),
            not_followed=not_followed,
        )

    # -- both sides ----------------------------------------------------------------------------------------------

    def _written(self, row: ScheduleActivity) -> dict[str, datetime | float]:
        """What the tool calculated, where the file has it; a finished activity has nothing left to calculate."""
        if row.status is ActivityStatus.COMPLETED:
            return {}
        start, finish = row.early_start, row.early_finish
        if start is None and finish is None:
            # Never scheduled as a whole; but each tool keeps the dates it gave the activity itself.
            if self.format is ScheduleFormat.MSPDI:
                start, finish = row.planned_start, row.planned_finish
            else:
                start, finish = row.remaining_start, row.remaining_finish
        hours = float(row.total_float_hours) if row.total_float_hours is not None else None
        said: dict[str, datetime | float | None] = {
            EARLY_START: start,
            EARLY_FINISH: finish,
            LATE_FINISH: row.late_finish,
            TOTAL_FLOAT: hours,
        }
        return {name: value for name, value in said.items() if value is not None}

    def _found(self, key: str) -> dict[str, datetime | float | None]:
        dates: TaskDates = self.calculation.dates(key)
        return {
            EARLY_START: dates.early_start,
            EARLY_FINISH: dates.early_finish,
            LATE_FINISH: dates.late_finish,
            TOTAL_FLOAT: None if dates.total_float is None else dates.total_float / 60,
        }

    # -- why -----------------------------------------------------------------------------------------------------

    def _differences(self) -> Iterator[Difference]:
        for key, names in self.differ.items():
            found = self._found(key)
            for name in (name for name in FIELDS if name in names):
                value = self.written[key][name]
                yield Difference(self.rows[key].code, name, value, found[name], self._suspicion(key, name, value))

    def _suspicion(self, key: str, name: str, value: datetime | float) -> Suspicion:
        row, names = self.rows[key], self.differ[key]
        plan = self.calculation.plan
        number = plan.place[key]
        if row.is_manual:
            return Suspicion.MANUAL
        if row.kind is ActivityKind.RESOURCE_DEPENDENT:
            return Suspicion.RESOURCE_CALENDAR
        if not plan.tasks[number].calendar:
            return Suspicion.CALENDAR_MISSING
        if name == TOTAL_FLOAT and names & {EARLY_FINISH, EARLY_START, LATE_FINISH}:
            return Suspicion.DATE_DIFFERS
        if name == EARLY_FINISH and EARLY_START in names:
            return Suspicion.START_DIFFERS
        if row.kind is ActivityKind.LEVEL_OF_EFFORT:
            return Suspicion.LEVEL_OF_EFFORT
        if name == LATE_FINISH:
            return self._late_suspicion(number)
        if name in {EARLY_START, EARLY_FINISH}:
            return self._early_suspicion(key, number, value)
        return Suspicion.NOT_EXPLAINED

    def _early_suspicion(self, key: str, number: int, value: datetime | float) -> Suspicion:
        plan = self.calculation.plan
        neighbours = (plan.tasks[first].key for first, *_ in plan.before[number])
        parts = (plan.tasks[part].key for part in plan.parts.get(number, ()))
        if any(self._differs(other, {EARLY_START, EARLY_FINISH}) for other in (*neighbours, *parts)):
            return Suspicion.PREDECESSOR_DIFFERS
        if any(
            row.successor_code == self.rows[key].code
            and self._is_outside(row.predecessor_project, row.predecessor_code)
            for row in self.project.links
        ):
            return Suspicion.OUTSIDE_FILE
        if isinstance(value, datetime) and not _is_work(plan.time[number], value):
            return Suspicion.NOT_WORKING_TIME
        if not self._spans_its_duration(key, number):
            return Suspicion.NOT_ITS_DURATION
        if self.rows[key].status is ActivityStatus.IN_PROGRESS:
            return Suspicion.IN_PROGRESS
        return Suspicion.NOT_EXPLAINED

    def _spans_its_duration(self, key: str, number: int) -> bool:
        """Of what has not begun: whether the file agrees with itself."""
        plan = self.calculation.plan
        task, time = plan.tasks[number], plan.time[number]
        start, finish = self.written[key].get(EARLY_START), self.written[key].get(EARLY_FINISH)
        if task.status is not ActivityStatus.NOT_STARTED or task.parts:
            return True
        if not isinstance(start, datetime) or not isinstance(finish, datetime):
            return True
        return time.between(minute_of(start), minute_of(finish)) == task.duration

    def _late_suspicion(self, number: int) -> Suspicion:
        plan = self.calculation.plan
        after: Iterable[str] = [plan.tasks[then].key for then, *_ in plan.after[number]]
        if any(self._differs(other, {LATE_FINISH}) for other in after):
            return Suspicion.SUCCESSOR_DIFFERS
        if not after:
            return Suspicion.END_DIFFERS
        return Suspicion.NOT_EXPLAINED

    def _differs(self, key: str, names: set[str]) -> bool:
        return bool(self.differ.get(key, set()) & names)

    def _is_outside(self, project_id: str, code: str) -> bool:
        return key_of(project_id, code) not in self.calculation.plan.place


def _is_work(time: WorkingTime, value: datetime) -> bool:
    return time.is_boundary_or_work(minute_of(value))


def _same(file: datetime | float, calculated: datetime | float | None) -> bool:
    if isinstance(file, datetime) or isinstance(calculated, datetime):
        return file == calculated
    # Hours are written to a few places.
    return calculated is not None and abs(file - calculated) < 0.01
