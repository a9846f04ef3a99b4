"""What a critical-path calculation found: dates, floats, what drives an activity, and how far it is from another."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from sites.domain.network import Link, Task
from sites.domain.network_calendar import instant_of, minute_of
from sites.domain.network_plan import FAR, FROM_START, HAMMOCKS, TO_FINISH, Plan
from sites.vocabulary import ActivityKind, ActivityStatus, ConstraintKind, FloatKind


@dataclass(frozen=True, slots=True)
class TaskDates:
    """For a started activity the early and late start are those of its remaining work; a finished one has its actual
    dates as early dates, no late ones and no float. `total_float` is in minutes of the activity's own calendar."""

    early_start: datetime
    early_finish: datetime
    late_start: datetime | None
    late_finish: datetime | None
    total_float: int | None


class DriverKind(StrEnum):
    DATA_DATE = "data_date"
    ACTUAL = "actual"
    BOUND = "bound"
    LINK = "link"
    FORECAST = "forecast"
    PARTS = "parts"


@dataclass(frozen=True, slots=True)
class DrivenBy:
    """`link` is set where a link drives; the tightest one, where several do."""

    kind: DriverKind
    link: Link | None = None


class Calculation:
    """What one calculation found. Nothing is turned into dates before somebody asks."""

    def __init__(
        self,
        plan: Plan,
        start: list[int],
        finish: list[int],
        held: list[int],
        late_start: list[int],
        late_finish: list[int],
        driver: list[int | DriverKind],
    ) -> None:
        self.plan = plan
        self._start, self._finish, self._held = start, finish, held
        self._late_start, self._late_finish = late_start, late_finish
        self._driver = driver

    def arrays(self) -> tuple[list[int], list[int], list[int], list[int], list[int], list[int | DriverKind]]:
        """Early start and finish, what finished work hands on, late start and finish in minutes, and the drivers, by
        the number of the task; not to be changed."""
        return self._start, self._finish, self._held, self._late_start, self._late_finish, self._driver

    def dates(self, key: str) -> TaskDates:
        number = self.plan.place[key]
        late_start, late_finish = self._late_start[number], self._late_finish[number]
        if self.plan.tasks[number].status is ActivityStatus.COMPLETED:
            late_start = late_finish = FAR
        return TaskDates(
            early_start=instant_of(self._start[number]),
            early_finish=instant_of(self._finish[number]),
            late_start=instant_of(late_start) if late_start < FAR else None,
            late_finish=instant_of(late_finish) if late_finish < FAR else None,
            total_float=self._float(number),
        )

    @cached_property
    def all(self) -> dict[str, TaskDates]:
        return {task.key: self.dates(task.key) for task in self.plan.tasks}

    def finish(self, key: str) -> datetime:
        return instant_of(self._finish[self.plan.place[key]])

    def start(self, key: str) -> datetime:
        return instant_of(self._start[self.plan.place[key]])

    def driven_by(self, key: str) -> DrivenBy:
        driver = self._driver[self.plan.place[key]]
        if isinstance(driver, DriverKind):
            return DrivenBy(driver)
        return DrivenBy(DriverKind.LINK, self.plan.network.links[driver])

    def driving_path(self, key: str) -> tuple[str, ...]:
        """The activities that place this one, the first first; a summary is placed by its last part."""
        trail = [self.plan.place[key]]
        while True:
            number = trail[-1]
            driver = self._driver[number]
            if not isinstance(driver, DriverKind):
                trail.append(self.plan.place[self.plan.network.links[driver].predecessor])
            elif driver is DriverKind.PARTS and (parts := self.plan.parts.get(number)):
                trail.append(max(parts, key=lambda part: (self._finish[part], part)))
            else:
                return tuple(self.plan.tasks[each].key for each in reversed(trail))

    def _float(self, number: int) -> int | None:
        task = self.plan.tasks[number]
        if task.status is ActivityStatus.COMPLETED or self._late_finish[number] >= FAR:
            return None
        time = self.plan.time[number]
        by_finish = time.between(self._finish[number], self._late_finish[number])
        wanted = self.plan.network.options.float_kind
        if wanted is FloatKind.FINISH or task.status is ActivityStatus.IN_PROGRESS:
            return by_finish
        by_start = time.between(self._start[number], self._late_start[number])
        return by_start if wanted is FloatKind.START else min(by_start, by_finish)

    # -- to one activity -----------------------------------------------------------------------------------------

    def towards(self, target: str) -> "Towards":
        return Towards(self, target)


class Towards:
    """How far each activity may move before one chosen activity does: the backward pass from that one alone.

    Latest dates that people asked for do not count here; a mandatory date keeps what comes before it from moving
    anything behind it.
    """

    def __init__(self, calculation: Calculation, target: str) -> None:
        self._calculation = calculation
        self._plan = plan = calculation.plan
        self.target = plan.place[target]
        count = len(plan.tasks)
        self._finish, self._start = [FAR] * count, [FAR] * count
        self._next: list[int | None] = [None] * count
        for number in reversed(plan.order):
            self._visit(number)

    def float_of(self, key: str, *, at: datetime | None = None) -> int | None:
        """Minutes of the activity's own calendar, also had it finished `at` another time; None where it cannot move
        the target."""
        number = self._plan.place[key]
        if self._finish[number] >= FAR:
            return None
        finish = self._calculation._finish[number] if at is None else minute_of(at)
        return self._plan.time[number].between(finish, self._finish[number])

    def path_from(self, key: str) -> tuple[str, ...]:
        """The tightest path from the activity to the target, both included; empty where there is none."""
        number: int | None = self._plan.place[key]
        assert number is not None
        if self._finish[number] >= FAR:
            return ()
        trail = [number]
        while (number := self._next[trail[-1]]) is not None:
            trail.append(number)
        return tuple(self._plan.tasks[each].key for each in trail)

    def _visit(self, number: int) -> None:
        plan, early = self._plan, self._calculation
        task, time = plan.tasks[number], plan.time[number]
        if task.kind in HAMMOCKS:
            return
        finish, finish_next, start, start_next = self._tightest(number)
        if number == self.target and early._finish[number] <= finish:
            finish, finish_next = early._finish[number], None
        if task.status is ActivityStatus.COMPLETED:
            at, onward = (finish, finish_next) if finish <= start else (start, start_next)
            self._finish[number], self._start[number], self._next[number] = at, at, onward
            return
        if number in plan.parts:
            self._finish[number], self._start[number], self._next[number] = finish, start, finish_next
            return
        rest = time.between(early._start[number], early._finish[number])
        if finish < FAR:
            is_start_milestone = task.kind is ActivityKind.START_MILESTONE
            stays = is_start_milestone or (not rest and finish == early._finish[number])
            self._finish[number] = finish if stays else time.last_finish(finish)
            self._start[number] = time.back(self._finish[number], rest) if rest else self._finish[number]
            self._next[number] = finish_next
        if start < self._start[number]:
            self._start[number] = start if not rest else time.next_start(start)
            self._finish[number] = time.forward(self._start[number], rest) if rest else start
            self._next[number] = start_next

    def _tightest(self, number: int) -> tuple[int, int | None, int, int | None]:
        """The latest finish and start that the way to the target leaves, each with the next activity on it."""
        plan = self._plan
        finish = start = FAR
        finish_next: int | None = None
        start_next: int | None = None
        for then, code, lag, lag_time, _ in plan.after[number]:
            if self._finish[then] >= FAR or _is_pinned(plan.tasks[then]):
                continue
            at = self._finish[then] if code & TO_FINISH else self._start[then]
            if lag:
                at = lag_time.shifted(at, -lag)
            if code & FROM_START:
                if at < start:
                    start, start_next = at, then
            elif at < finish:
                finish, finish_next = at, then
        for summary in plan.summary_finish[number]:
            if self._finish[summary] < finish:
                finish, finish_next = self._finish[summary], summary
        return finish, finish_next, start, start_next


def _is_pinned(task: Task) -> bool:
    """Whether a mandatory date keeps the activity where it is, whatever its predecessors do."""
    return any(
        bound.kind is ConstraintKind.MANDATORY_FINISH
        or (bound.kind is ConstraintKind.MANDATORY_START and task.status is ActivityStatus.NOT_STARTED)
        for bound in task.bounds
    )
