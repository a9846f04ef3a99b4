"""What deliveries that come late do to the end of a site's own schedule.

Each late delivery is followed through the network by itself; several together do what the latest of them does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from sites.domain.network_answer import Calculation
from sites.domain.network_passes import Holds, delayed
from sites.vocabulary import ActivityEdge


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

    id: str
    anchor: Point
    available_on: date


def hold(late: Late) -> Holds:
    """The anchor's start or finish held until the morning of the day."""
    at = {late.anchor.activity: datetime.combine(late.available_on, time())}
    return Holds(starts=at) if late.anchor.edge is ActivityEdge.START else Holds(finishes=at)


def moved_days(before: Calculation, late: Iterable[Late], targets: Mapping[str, Point]) -> dict[str, dict[str, int]]:
    """Per late delivery the targets it moves, by calendar days. What moves nothing is left out."""
    stands = {target: point.on(before) for target, point in targets.items()}
    known: dict[tuple[Point, date], dict[str, int]] = {}
    found: dict[str, dict[str, int]] = {}
    for each in late:
        key = each.anchor, each.available_on
        if key not in known:
            after = delayed(before, hold(each))
            days = {target: (point.on(after) - stands[target]).days for target, point in targets.items()}
            known[key] = {target: moved for target, moved in days.items() if moved > 0}
        for target, moved in known[key].items():
            mine = found.setdefault(each.id, {})
            mine[target] = max(moved, mine.get(target, 0))
    return found


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


def way(before: Calculation, late: Late, target: Point) -> Way:
    """The path from a delivery to the target: the one that it moves, else the tightest."""
    after = delayed(before, hold(late))
    towards = before.towards(target.activity)
    anchor = late.anchor.activity
    driving = after.driving_path(target.activity)
    if target.on(after) > target.on(before) and anchor in driving:
        path = driving[driving.index(anchor) :]
    else:
        path = towards.path_from(anchor)
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
