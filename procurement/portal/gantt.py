"""A Gantt drawn on the server: numbers for SVG attributes. A table beside it says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from procurement.portal import words
from procurement.portal.pictures import WIDTH, Mark, months
from procurement.queries.schedule_activities import PathStep
from sites.vocabulary import ActivityStatus

_NAMES = 300
_RIGHT = 20
_TOP = 34
_ROW = 22
_LONGEST_NAME = 46


@dataclass(frozen=True, slots=True)
class GanttBar:
    """A milestone has no width. `link_y` is where the line to the bar above starts, None on the first."""

    name: str
    middle: int
    y: int
    x: int
    width: int
    end: int
    tone: str
    is_milestone: bool
    is_chosen: bool
    link_y: int | None
    link_x: int


@dataclass(frozen=True, slots=True)
class Gantt:
    height: int
    bottom: int
    bars: tuple[GanttBar, ...]
    months: tuple[Mark, ...]
    data_date: Mark


def gantt(steps: Sequence[PathStep], *, data_date: date) -> Gantt | None:
    """None where there is nothing to draw."""
    if not steps:
        return None
    first = min(*(step.start_on for step in steps), data_date) - timedelta(days=7)
    last = max(*(step.finish_on for step in steps), data_date) + timedelta(days=14)
    scale = (WIDTH - _NAMES - _RIGHT) / max(1, (last - first).days)

    def at(day: date) -> int:
        return round(_NAMES + (day - first).days * scale)

    bars: list[GanttBar] = []
    for place, step in enumerate(steps):
        y = _TOP + place * _ROW
        start, end = at(step.start_on), at(max(step.finish_on, step.start_on) + timedelta(days=1))
        is_milestone = step.activity.kind in {"start_milestone", "finish_milestone"}
        before = bars[-1] if bars else None
        bars.append(
            GanttBar(
                name=_short(f"{step.activity.code} {step.activity.name}"),
                middle=y + 11,
                y=y + 5,
                x=start,
                width=max(2, end - start),
                end=start if is_milestone else end,
                tone=_tone(step),
                is_milestone=is_milestone,
                is_chosen=step.is_chosen,
                link_y=before.middle if before else None,
                link_x=before.end if before else 0,
            )
        )
    bottom = _TOP + len(bars) * _ROW
    return Gantt(
        bottom + 20, bottom, tuple(bars), tuple(months(first, last, at)), Mark(at(data_date), words.day(data_date))
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _tone(step: PathStep) -> str:
    if step.activity.status == ActivityStatus.COMPLETED:
        return "done"
    return "over" if step.float_days is not None and step.float_days < 0 else "next"
