"""What deliveries that come late do to the end of a site's own schedule.

Each late delivery is followed through the network by itself; several together do what the latest of them does.
"""

from dataclasses import dataclass
from datetime import date, datetime, time

from sites.domain.network_answer import Calculation, Towards
from sites.domain.network_passes import Holds, delayed
from sites.vocabulary import ActivityEdge

_MINUTES_A_WORKING_DAY = 480


@dataclass(frozen=True, slots=True)
class Point:
    """The start or the finish of an activity, by its key in the network."""

    activity: str
    edge: ActivityEdge

    def on(self, calculation: Calculation) -> date:
        start = self.edge is ActivityEdge.START
        return (calculation.start if start else calculation.finish)(self.activity).date()


@dataclass(frozen=True, slots=True)
class Late:
    """What its anchor cannot have before `available_on`: the forecast plus the shake-out."""

    anchor: Point
    available_on: date


def hold(late: Late) -> Holds:
    """The anchor's start or finish held until the morning of the day."""
    at = {late.anchor.activity: datetime.combine(late.available_on, time())}
    return Holds(starts=at) if late.anchor.edge is ActivityEdge.START else Holds(finishes=at)


@dataclass(frozen=True, slots=True)
class PathStep:
    """One activity on the way from a delivery to the target, before and after. Floats are whole minutes of its own
    calendar towards the target; `float_after` is against where the target stood."""

    activity: str
    start_before: datetime
    finish_before: datetime
    start_after: datetime
    finish_after: datetime
    float_before: int | None
    float_after: int | None


@dataclass(frozen=True, slots=True)
class Way:
    """`steps` is empty where the anchor does not lead to the target."""

    steps: tuple[PathStep, ...]
    target_before: date
    target_after: date

    @property
    def days_later(self) -> int:
        return (self.target_after - self.target_before).days


class Impacts:
    """One calculation asked what many late deliveries do to many targets; each delay and each target is worked out
    once."""

    def __init__(self, before: Calculation) -> None:
        self.before = before
        self._after: dict[tuple[Point, date], Calculation] = {}
        self._towards: dict[str, Towards] = {}

    def days_later(self, late: Late, target: Point) -> int:
        """By how many calendar days the target moves; 0 where it stays."""
        return max(0, (target.on(self._delayed(late)) - target.on(self.before)).days)

    def excess_days(self, late: Late, target: Point) -> float | None:
        """By how many days a delivery is later than its anchor and the float towards the target together, roughly: what
        to look at first. None where the anchor does not lead to the target."""
        left = self._towards_of(target.activity).float_of(late.anchor.activity)
        if left is None:
            return None
        return (late.available_on - late.anchor.on(self.before)).days - left / _MINUTES_A_WORKING_DAY

    def way(self, late: Late, target: Point) -> Way:
        """The path from a delivery to the target: the one that it moves, else the tightest."""
        before, after = self.before, self._delayed(late)
        towards = self._towards_of(target.activity)
        anchor = late.anchor.activity
        driving = after.driving_path(target.activity) if self.days_later(late, target) else ()
        path = driving[driving.index(anchor) :] if anchor in driving else towards.path_from(anchor)
        steps = []
        for key in path:
            was, now = before.dates(key), after.dates(key)
            steps.append(
                PathStep(
                    key,
                    was.early_start,
                    was.early_finish,
                    now.early_start,
                    now.early_finish,
                    towards.float_of(key),
                    towards.float_of(key, at=now.early_finish),
                )
            )
        return Way(tuple(steps), target.on(before), target.on(after))

    def _delayed(self, late: Late) -> Calculation:
        key = late.anchor, late.available_on
        if key not in self._after:
            self._after[key] = delayed(self.before, hold(late))
        return self._after[key]

    def _towards_of(self, target: str) -> Towards:
        if target not in self._towards:
            self._towards[target] = self.before.towards(target)
        return self._towards[target]
