"""The critical-path calculation of a site schedule: early and late dates of every activity, by its links.

Pure: no clock, no table. The rules are those of the two planning tools; `docs/schedules.md` says which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sites.domain.network import Task
from sites.domain.network_answer import Calculation, DriverKind
from sites.domain.network_calendar import WorkingTime, minute_of
from sites.domain.network_plan import FAR, FROM_START, HAMMOCKS, TO_FINISH, Plan
from sites.vocabulary import ActivityKind, ActivityStatus, ConstraintKind, ProgressRule

_MILESTONES: Final = frozenset({ActivityKind.START_MILESTONE, ActivityKind.FINISH_MILESTONE})
_AT_LEAST_START: Final = frozenset({ConstraintKind.START_ON, ConstraintKind.START_ON_OR_AFTER})
_AT_LEAST_FINISH: Final = frozenset({ConstraintKind.FINISH_ON, ConstraintKind.FINISH_ON_OR_AFTER})
_AT_MOST_START: Final = frozenset({ConstraintKind.START_ON, ConstraintKind.START_ON_OR_BEFORE})
_AT_MOST_FINISH: Final = frozenset({ConstraintKind.FINISH_ON, ConstraintKind.FINISH_ON_OR_BEFORE})


@dataclass(frozen=True, slots=True)
class Holds:
    """Earliest starts and finishes besides those of the network, by activity. They hold also where a mandatory date or
    an actual start does not; what is finished they leave alone."""

    starts: Mapping[str, datetime] = field(default_factory=dict)
    finishes: Mapping[str, datetime] = field(default_factory=dict)


def calculate(plan: Plan, holds: Holds | None = None) -> Calculation:
    """Forward and backward pass."""
    return _Passes(plan, holds or Holds()).answer()


def delayed(before: Calculation, holds: Holds) -> Calculation:
    """The early dates as the holds move them; the late ones stay, so that the float left is against the same end.

    Only what comes after a held activity is calculated, and nothing comes earlier by it.
    """
    return _Passes(before.plan, holds).delayed(before)


class _Passes:
    """One calculation: minutes in plain lists, by the number of the task."""

    def __init__(self, plan: Plan, holds: Holds) -> None:
        self.plan = plan
        self.options = plan.network.options
        count = len(plan.tasks)
        self.start = [0] * count
        self.finish = [0] * count
        self.rest = [0] * count
        # What a finished activity hands on from unfinished predecessors, where logic is retained.
        self.held = [-FAR] * count
        self.late_start = [FAR] * count
        self.late_finish = [FAR] * count
        self.driver: list[int | DriverKind] = [DriverKind.DATA_DATE] * count
        self.not_before = _minutes(plan, holds.starts)
        self.not_done_before = _minutes(plan, holds.finishes)
        self.data_date = {project.id: minute_of(project.data_date) for project in plan.network.projects}

    def answer(self) -> "Calculation":
        for number in self.plan.order:
            self._forward(number)
        self._as_late_as_possible()
        self._hammocks(self.start, self.finish, driving=True)
        ends = self._ends()
        for number in reversed(self.plan.order):
            self._backward(number, ends)
        self._late_summaries()
        self._hammocks(self.late_start, self.late_finish, driving=False)
        return Calculation(
            self.plan, self.start, self.finish, self.held, self.late_start, self.late_finish, self.driver
        )

    def delayed(self, before: Calculation) -> Calculation:
        start, finish, held, late_start, late_finish, driver = before.arrays()
        self.start, self.finish, self.held, self.driver = list(start), list(finish), list(held), list(driver)
        waiting = set(self.not_before) | set(self.not_done_before)
        for number in self.plan.order:
            if number not in waiting:
                continue
            self._forward(number)
            # What is as late as possible, and what resources placed, is never pulled forward.
            stays = self.start[number] <= start[number] and self.finish[number] <= finish[number]
            if stays and self.held[number] <= held[number]:
                self.start[number], self.finish[number] = start[number], finish[number]
                self.driver[number] = driver[number]
                continue
            self.start[number] = max(self.start[number], start[number])
            self.finish[number] = max(self.finish[number], finish[number])
            waiting.update(then for then, *_ in self.plan.after[number])
            waiting.update(self.plan.summary_finish[number])
        self._hammocks(self.start, self.finish, driving=True)
        return Calculation(self.plan, self.start, self.finish, self.held, late_start, late_finish, self.driver)

    # -- forward -------------------------------------------------------------------------------------------------

    def _forward(self, number: int) -> None:
        plan = self.plan
        task, time = plan.tasks[number], plan.time[number]
        if number in plan.parts:
            self._sum_up(number)
        elif task.status is ActivityStatus.COMPLETED:
            self._done(number, task)
        elif task.status is ActivityStatus.IN_PROGRESS and self.options.counts_from_start:
            self._from_start(number, task, time)
        elif task.kind not in HAMMOCKS:
            self._place(number, task, time)

    def _sum_up(self, number: int) -> None:
        parts = self.plan.parts[number]
        self.start[number] = min(self.start[part] for part in parts)
        self.finish[number] = max(self.finish[part] for part in parts)
        self.driver[number] = DriverKind.PARTS

    def _done(self, number: int, task: Task) -> None:
        finished = task.actual_finish or task.actual_start
        on = minute_of(finished) if finished else self.data_date[task.project]
        self.finish[number] = on
        self.start[number] = minute_of(task.actual_start) if task.actual_start else on
        self.driver[number] = DriverKind.ACTUAL
        for first, code, lag, lag_time, link in self.plan.before[number]:
            done = self.plan.tasks[first].status is ActivityStatus.COMPLETED
            base = self.held[first] if done else self._base(first, code)
            if base == -FAR:
                continue
            at = lag_time.shifted(base, lag)
            if at > max(self.held[number], on):
                self.held[number], self.driver[number] = at, link

    def _from_start(self, number: int, task: Task, time: WorkingTime) -> None:
        begun = minute_of(task.actual_start) if task.actual_start else self.data_date[task.project]
        self.start[number] = begun
        if task.resume:
            self.finish[number] = time.forward(time.next_start(minute_of(task.resume)), task.remaining)
        else:
            self.finish[number] = time.forward(time.next_start(begun), task.duration)
        self._hold_back(number, time)
        self.rest[number] = time.between(begun, self.finish[number])
        self.driver[number] = DriverKind.ACTUAL

    def _hold_back(self, number: int, time: WorkingTime) -> None:
        """What has begun and cannot go on before a date ends no sooner than its rest takes from there."""
        task, held = self.plan.tasks[number], self.not_before.get(number)
        if held is not None:
            self.finish[number] = max(self.finish[number], time.forward(time.next_start(held), task.remaining))
        self._stretch(number, time)

    def _stretch(self, number: int, time: WorkingTime) -> None:
        """What may not end before a date goes on until then."""
        held = self.not_done_before.get(number)
        if held is not None and held > self.finish[number]:
            self.finish[number] = held if time.is_boundary_or_work(held) else time.next_start(held)
            if self.plan.tasks[number].kind in _MILESTONES:
                self.start[number] = self.finish[number]
            self.rest[number] = time.between(self.start[number], self.finish[number])
            self.driver[number] = DriverKind.FORECAST

    def _place(self, number: int, task: Task, time: WorkingTime) -> None:
        started = task.status is ActivityStatus.IN_PROGRESS
        begin, driver = self.data_date[task.project], DriverKind.DATA_DATE if not started else DriverKind.ACTUAL
        by: int | DriverKind = driver
        if started and task.actual_start and self.options.progress is ProgressRule.ACTUAL_DATES:
            begin = max(begin, minute_of(task.actual_start))
        end, end_by = -FAR, by
        for first, code, lag, lag_time, link in self.plan.before[number]:
            base = self._base(first, code)
            at = lag_time.shifted(base, lag) if lag else base
            if code & TO_FINISH:
                if at > end:
                    end, end_by = at, link
            elif at > begin:
                begin, by = at, link
        if task.external_early_start and not self.options.ignores_other_projects:
            outside = minute_of(task.external_early_start)
            if outside > begin:
                begin, by = outside, DriverKind.BOUND
        if task.resume and started and (resumed := minute_of(task.resume)) > begin:
            begin, by = resumed, DriverKind.ACTUAL
        for bound in task.bounds:
            at = minute_of(bound.at) if bound.at else -FAR
            if bound.kind in _AT_LEAST_START and not started and at > begin:
                begin, by = at, DriverKind.BOUND
            elif bound.kind in _AT_LEAST_FINISH and at > end:
                end, end_by = at, DriverKind.BOUND
        self.rest[number] = task.remaining if started else task.duration
        self._settle(number, task, begin, by, end, end_by)

    def _base(self, first: int, code: int) -> int:
        """The instant of a predecessor that a link hangs on."""
        if not code & FROM_START:
            return max(self.finish[first], self.held[first])
        task = self.plan.tasks[first]
        if (
            task.status is ActivityStatus.IN_PROGRESS
            and task.actual_start
            and (self.options.start_lag_from_actual or self.options.progress is ProgressRule.ACTUAL_DATES)
        ):
            return minute_of(task.actual_start)
        return max(self.start[first], self.held[first])

    def _settle(
        self, number: int, task: Task, begin: int, by: int | DriverKind, end: int, end_by: int | DriverKind
    ) -> None:
        """From the earliest start and finish that are asked for to the dates of the activity."""
        time, rest = self.plan.time[number], self.rest[number]
        if task.kind is ActivityKind.FINISH_MILESTONE:
            if end > begin:
                begin, by = end, end_by
            at = begin if time.is_boundary_or_work(begin) else time.next_start(begin)
            start = finish = at
        elif task.kind is ActivityKind.START_MILESTONE:
            if end > begin:
                begin, by = end, end_by
            start = finish = time.next_start(begin)
        else:
            start = time.next_start(begin)
            finish = time.forward(start, rest)
            if end > finish:
                by = end_by
                if not rest:
                    start = finish = end if time.is_boundary_or_work(end) else time.next_start(end)
                else:
                    start = time.next_start(time.back(time.last_finish(end), rest))
                    keeps = self.options.finishes_at_link and time.is_boundary_or_work(end)
                    finish = end if keeps else time.forward(start, rest)
        start, finish, by = self._pinned(task, time, rest, start, finish, by)
        expected = task.expected_finish if self.options.uses_expected_finish else None
        if expected is not None and task.kind not in _MILESTONES:
            finish = max(start, time.last_finish(minute_of(expected)))
            self.rest[number] = time.between(start, finish)
            rest = self.rest[number]
        held = self.not_before.get(number)
        if held is not None and held > start:
            start = held if task.kind is ActivityKind.FINISH_MILESTONE else time.next_start(held)
            finish, by = time.forward(start, rest), DriverKind.FORECAST
        self.start[number], self.finish[number], self.driver[number] = start, finish, by
        self._stretch(number, time)

    def _pinned(
        self, task: Task, time: WorkingTime, rest: int, start: int, finish: int, by: int | DriverKind
    ) -> tuple[int, int, int | DriverKind]:
        """Dates that hold against the links: mandatory ones, and latest ones where the tool lets them."""
        started = task.status is ActivityStatus.IN_PROGRESS
        for bound in task.bounds:
            if bound.at is None:
                continue
            at = minute_of(bound.at)
            if bound.kind is ConstraintKind.MANDATORY_START and not started:
                start = at if task.kind in _MILESTONES else time.next_start(at)
                finish, by = time.forward(start, rest), DriverKind.BOUND
            elif bound.kind is ConstraintKind.MANDATORY_FINISH:
                finish = at if task.kind in _MILESTONES else time.last_finish(at)
                start, by = (finish if not rest else time.back(finish, rest)), DriverKind.BOUND
            elif not bound.beats_links:
                continue
            elif bound.kind is ConstraintKind.START_ON_OR_BEFORE and not started and start > at:
                start = time.next_start(at)
                finish, by = time.forward(start, rest), DriverKind.BOUND
            elif bound.kind is ConstraintKind.FINISH_ON_OR_BEFORE and finish > at:
                finish = time.last_finish(at)
                start, by = (finish if not rest else time.back(finish, rest)), DriverKind.BOUND
        return start, finish, by

    def _as_late_as_possible(self) -> None:
        """Moves what should be as late as possible up to its successors' early dates, last first; those stay."""
        late = {n for n, task in enumerate(self.plan.tasks) if _is_alap(task)}
        if not late:
            return
        ends = self._ends()
        for number in reversed(self.plan.order):
            task = self.plan.tasks[number]
            if number not in late or task.status is not ActivityStatus.NOT_STARTED:
                continue
            time, rest = self.plan.time[number], self.rest[number]
            finish, start = self._latest(number, self.start, self.finish, ends)
            end = min(finish, time.forward(start, rest) if start < FAR else FAR)
            if task.kind is not ActivityKind.START_MILESTONE:
                end = time.last_finish(end)
            begin = time.back(end, rest) if rest else end
            if begin > self.start[number]:
                self.start[number], self.finish[number] = begin, end
                self.driver[number] = DriverKind.BOUND

    # -- backward ------------------------------------------------------------------------------------------------

    def _ends(self) -> list[int]:
        """What the open ends of each task hang on."""
        found: dict[str, int] = dict(self.data_date)
        for number, task in enumerate(self.plan.tasks):
            if task.status is not ActivityStatus.COMPLETED and task.kind not in HAMMOCKS:
                found[task.project] = max(found[task.project], self.finish[number])
        if not self.options.end_is_each_projects:
            found = dict.fromkeys(found, max(found.values()))
        for project in self.plan.network.projects:
            if project.must_finish_by is not None:
                found[project.id] = minute_of(project.must_finish_by)
        return [found[task.project] for task in self.plan.tasks]

    def _latest(
        self, number: int, starts: Sequence[int], finishes: Sequence[int], ends: Sequence[int]
    ) -> tuple[int, int]:
        """The latest finish and start that the successors leave."""
        edges = self.plan.after[number]
        finish, start = ends[number], FAR
        if not edges and not self.plan.summary_finish[number] and self.options.open_ends_critical:
            finish = self.finish[number]
        for then, code, lag, lag_time, _ in edges:
            at = finishes[then] if code & TO_FINISH else starts[then]
            if lag:
                at = lag_time.shifted(at, -lag)
            if code & FROM_START:
                start = min(start, at)
            else:
                finish = min(finish, at)
        for summary in self.plan.summary_finish[number]:
            finish = min(finish, self.late_finish[summary])
        return finish, start

    def _backward(self, number: int, ends: Sequence[int]) -> None:
        task, time = self.plan.tasks[number], self.plan.time[number]
        if task.kind in HAMMOCKS:
            return
        finish, start = self._latest(number, self.late_start, self.late_finish, ends)
        if task.status is ActivityStatus.COMPLETED:
            # It has no float, but its unfinished predecessors have to leave what follows it its time.
            self.late_start[number] = self.late_finish[number] = min(finish, start)
            return
        if number in self.plan.parts:
            # Its own row is summed up from its parts later; until then it hands on what its successors leave.
            self.late_finish[number] = finish
            return
        started = task.status is ActivityStatus.IN_PROGRESS
        if task.external_late_finish and not self.options.ignores_other_projects:
            finish = min(finish, minute_of(task.external_late_finish))
        for bound in task.bounds:
            if bound.at is None:
                continue
            at = minute_of(bound.at)
            if bound.kind in _AT_MOST_FINISH:
                finish = min(finish, at)
            elif bound.kind in _AT_MOST_START and not started:
                start = min(start, at)
            elif bound.kind is ConstraintKind.MANDATORY_FINISH:
                finish, start = at, FAR
            elif bound.kind is ConstraintKind.MANDATORY_START and not started:
                finish, start = FAR, at
        self._settle_late(number, task, time, finish, start)

    def _settle_late(self, number: int, task: Task, time: WorkingTime, finish: int, start: int) -> None:
        rest = self.rest[number]
        if task.kind is ActivityKind.START_MILESTONE:
            late_start = late_finish = min(finish, start)
        elif not rest and min(finish, start) == self.finish[number]:
            # What takes no time may stand in the morning where the work before it ended the evening before.
            late_start = late_finish = self.finish[number]
        elif task.kind is ActivityKind.FINISH_MILESTONE:
            late_start = late_finish = time.last_finish(min(finish, start))
        else:
            late_finish = time.last_finish(finish) if finish < FAR else FAR
            late_start = FAR if late_finish == FAR else time.back(late_finish, rest)
            if start < late_start:
                late_start = time.next_start(start)
                late_finish = time.forward(late_start, rest)
        self.late_start[number], self.late_finish[number] = late_start, late_finish

    def _late_summaries(self) -> None:
        for number, parts in self.plan.parts.items():
            open_parts = [part for part in parts if self.late_finish[part] < FAR] or None
            if open_parts is not None:
                self.late_start[number] = min(self.late_start[part] for part in open_parts)
                self.late_finish[number] = max(self.late_finish[part] for part in open_parts)

    # -- level of effort -----------------------------------------------------------------------------------------

    def _hammocks(self, starts: list[int], finishes: list[int], *, driving: bool) -> None:
        """A level of effort runs from the first date that its links hang its start on to the last of its finish."""
        for number, task in enumerate(self.plan.tasks):
            if task.kind not in HAMMOCKS or task.status is ActivityStatus.COMPLETED:
                continue
            begins: list[int] = []
            ends: list[int] = []
            for first, code, lag, lag_time, _ in self.plan.hammock_before.get(number, ()):
                base = starts[first] if code & FROM_START else finishes[first]
                if base < FAR:
                    (ends if code & TO_FINISH else begins).append(lag_time.shifted(base, lag))
            for then, code, lag, lag_time, _ in self.plan.hammock_after.get(number, ()):
                base = finishes[then] if code & TO_FINISH else starts[then]
                if base < FAR:
                    (begins if code & FROM_START else ends).append(lag_time.shifted(base, -lag))
            time, floor = self.plan.time[number], self.data_date[task.project]
            if driving:
                begin = time.next_start(max(min(begins, default=floor), floor))
                self.driver[number] = DriverKind.PARTS
            else:
                begin = time.next_start(min(begins, default=self.start[number]))
            end = time.last_finish(max(ends)) if ends else time.forward(begin, task.remaining)
            starts[number], finishes[number] = begin, max(begin, end)


def _minutes(plan: Plan, held: Mapping[str, datetime]) -> dict[int, int]:
    return {plan.place[key]: minute_of(at) for key, at in held.items() if key in plan.place}


def _is_alap(task: Task) -> bool:
    return any(bound.kind is ConstraintKind.AS_LATE_AS_POSSIBLE for bound in task.bounds)
