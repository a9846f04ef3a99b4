"""A network made ready: its activities in order, its links on both sides of each, the working time of each."""

from datetime import date, datetime
from typing import Final

from sites.domain.network import Link, Network, NotANetwork, Task
from sites.domain.network_calendar import HourCalendar, WorkingTime, minute_of
from sites.vocabulary import ActivityKind, ActivityStatus, LagCalendar, LinkKind, ProgressRule

# Bit 0: the link hangs on the predecessor's start; bit 1: it moves the successor's finish.
FROM_START, TO_FINISH = 1, 2
_CODES: Final = {
    LinkKind.FINISH_START: 0,
    LinkKind.START_START: FROM_START,
    LinkKind.FINISH_FINISH: TO_FINISH,
    LinkKind.START_FINISH: FROM_START | TO_FINISH,
}
# Behind every instant: not known, or without limit.
FAR: Final = 10**12
HAMMOCKS: Final = frozenset({ActivityKind.LEVEL_OF_EFFORT})
_SOME_DAY: Final = datetime.fromordinal(date(2026, 1, 1).toordinal())

# predecessor or successor, code, lag, whose time the lag runs in, number of the link
Edge = tuple[int, int, int, WorkingTime, int]


class Plan:
    """A network made ready once, to be calculated as often as anybody asks "what if".

    Raises NotANetwork naming an activity of a circle, BadInput naming a calendar without working time.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.tasks = network.tasks
        self.place = {task.key: number for number, task in enumerate(network.tasks)}
        if len(self.place) != len(network.tasks):
            raise NotANetwork("An activity stands twice.", field="activities")
        self.projects = {project.id: project for project in network.projects}
        self._times(network)
        self._edges(network)
        self.order = self._ordered()

    # -- made ready ----------------------------------------------------------------------------------------------

    def _times(self, network: Network) -> None:
        around = min((project.data_date for project in network.projects), default=_SOME_DAY)
        calendars = {calendar.id: calendar for calendar in network.calendars}
        made: dict[str, WorkingTime] = {}
        self.always = WorkingTime(HourCalendar.round_the_clock(), minute_of(around))

        def time_of(calendar: str) -> WorkingTime:
            if calendar not in made:
                known = calendars.get(calendar)
                made[calendar] = WorkingTime(known, minute_of(around)) if known else self.always
            return made[calendar]

        self.time = [time_of(task.calendar) for task in self.tasks]
        self.project_time = {project.id: time_of(project.calendar) for project in network.projects}
        for task in self.tasks:
            if task.project not in self.projects:
                raise NotANetwork(f"Activity {task.code} belongs to no project.", field=f"activity {task.code}")

    def _edges(self, network: Network) -> None:
        count = len(self.tasks)
        self.before: list[list[Edge]] = [[] for _ in range(count)]
        self.after: list[list[Edge]] = [[] for _ in range(count)]
        self.hammock_before: dict[int, list[Edge]] = {}
        self.hammock_after: dict[int, list[Edge]] = {}
        self.parts = {
            number: tuple(self.place[key] for key in task.parts) for number, task in enumerate(self.tasks) if task.parts
        }
        self.summary_finish: list[list[int]] = [[] for _ in range(count)]
        for number, parts in self.parts.items():
            for part in parts:
                self.summary_finish[part].append(number)
        options = network.options
        for number, link in enumerate(network.links):
            try:
                first, then = self.place[link.predecessor], self.place[link.successor]
            except KeyError as missing:
                raise NotANetwork(f"A link names {missing.args[0]}, which is not there.", field="links") from None
            ours, theirs = self.tasks[then], self.tasks[first]
            if options.ignores_other_projects and ours.project != theirs.project:
                continue
            code = _CODES[link.kind]
            time = self._lag_time(link, first, then)
            if ours.kind in HAMMOCKS or theirs.kind in HAMMOCKS:
                self.hammock_after.setdefault(first, []).append((then, code, link.lag, time, number))
                self.hammock_before.setdefault(then, []).append((first, code, link.lag, time, number))
                continue
            # What a summary waits for, each of its parts waits for.
            for successor in self.parts.get(then, (then,)):
                if self._holds(theirs, self.tasks[successor], code):
                    self.before[successor].append((first, code, link.lag, time, number))
                    self.after[first].append((successor, code, link.lag, time, number))

    def _lag_time(self, link: Link, first: int, then: int) -> WorkingTime:
        wanted = self.network.options.lag_calendar
        if link.is_elapsed or wanted is LagCalendar.ROUND_THE_CLOCK:
            return self.always
        if wanted is LagCalendar.PREDECESSOR:
            return self.time[first]
        return self.time[then] if wanted is LagCalendar.SUCCESSOR else self.project_time[self.tasks[then].project]

    def _holds(self, before: Task, after: Task, code: int) -> bool:
        """Whether a link still holds anything back, given what has happened.

        What is finished holds nothing itself, but with retained logic it hands on what its unfinished predecessors
        hold; with actual dates only what has begun does.
        """
        if after.status is ActivityStatus.NOT_STARTED:
            return True
        options = self.network.options
        if options.counts_from_start or options.progress is ProgressRule.PROGRESS_OVERRIDE:
            return False
        if after.status is ActivityStatus.COMPLETED and options.progress is not ProgressRule.RETAINED_LOGIC:
            return False
        return not (code == FROM_START and before.status is not ActivityStatus.NOT_STARTED)

    def _ordered(self) -> list[int]:
        """Predecessors first, parts before what sums them up. Raises NotANetwork."""
        waiting = [len(edges) for edges in self.before]
        for number, parts in self.parts.items():
            waiting[number] += len(parts)
        ready = [number for number, count in enumerate(waiting) if not count]
        order: list[int] = []
        while ready:
            number = ready.pop()
            order.append(number)
            for successor, *_ in self.after[number]:
                waiting[successor] -= 1
                if not waiting[successor]:
                    ready.append(successor)
            for summary in self.summary_finish[number]:
                waiting[summary] -= 1
                if not waiting[summary]:
                    ready.append(summary)
        if len(order) < len(self.tasks):
            circle = self._circle({number for number, count in enumerate(waiting) if count})
            names = ", ".join(self.tasks[number].code for number in circle[:10])
            raise NotANetwork(
                f"The activities {names} follow each other in a circle.", field=f"activity {self.tasks[circle[0]].code}"
            )
        return order

    def _circle(self, left: set[int]) -> list[int]:
        at = min(left)
        seen: dict[int, int] = {}
        trail: list[int] = []
        while at not in seen:
            seen[at] = len(trail)
            trail.append(at)
            behind = [first for first, *_ in self.before[at] if first in left]
            behind += [part for part in self.parts.get(at, ()) if part in left]
            at = behind[0]
        circle = trail[seen[at] :][::-1]
        first = circle.index(min(circle))
        return circle[first:] + circle[:first]
