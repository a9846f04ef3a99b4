"""Server-drawn pictures: numbers for SVG attributes. Each has a table beside it that says the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.utils import formats
from django.utils.translation import pgettext

from procurement.portal import words
from procurement.queries.steps import Step
from sites.vocabulary import step_name

WIDTH: Final = 1000
_NAMES: Final = 170
_RIGHT: Final = 20
_TOP: Final = 34
_ROW: Final = 22
# What the two words above the lines need side by side.
_NEAR: Final = 120


@dataclass(frozen=True, slots=True)
class Bar:
    """A step from the date of the one before to its own. `ghost_x` is its baseline, None without one."""

    name: str
    y: int
    middle: int
    x: int
    width: int
    end: int
    ghost_x: int | None
    tone: str


@dataclass(frozen=True, slots=True)
class Mark:
    x: int
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """`today_y` is where the word for today stands: lower where the other one is near."""

    height: int
    bottom: int
    bars: tuple[Bar, ...]
    months: tuple[Mark, ...]
    required: Mark | None
    required_x: int
    today: Mark
    today_y: int


def timeline(steps: Sequence[Step], *, required_on: date | None, as_of: date) -> Timeline | None:
    """None where no step has a date."""
    dated = [step for step in steps if step.forecast_on is not None]
    days = [day for step in dated for day in (step.forecast_on, step.baseline_on) if day is not None]
    if not days:
        return None
    first = min(*days, as_of) - timedelta(days=10)
    last = max([*days, as_of, *([required_on] if required_on else [])]) + timedelta(days=20)
    scale = (WIDTH - _NAMES - _RIGHT) / max(1, (last - first).days)

    def at(day: date) -> int:
        return round(_NAMES + (day - first).days * scale)

    bars = []
    before: date | None = None
    for place, step in enumerate(dated):
        assert step.forecast_on is not None  # only these are dated
        start, end = at(min(before or step.forecast_on, step.forecast_on)), at(step.forecast_on)
        y = _TOP + place * _ROW
        bars.append(
            Bar(
                step_name(step.code),
                y + 5,
                y + 11,
                start,
                max(2, end - start),
                end,
                at(step.baseline_on) if step.baseline_on else None,
                _tone(step),
            )
        )
        before = step.forecast_on
    bottom = _TOP + len(dated) * _ROW
    today_x, required_x = at(as_of), at(required_on) if required_on else 0
    is_near = required_on is not None and abs(today_x - required_x) < _NEAR
    return Timeline(
        height=bottom + 20,
        bottom=bottom,
        bars=tuple(bars),
        months=tuple(months(first, last, at)),
        required=Mark(at(required_on), words.day(required_on)) if required_on else None,
        required_x=min(required_x, WIDTH - _NEAR // 2),
        today=Mark(today_x, words.day(as_of)),
        today_y=25 if is_near else 12,
    )


def _tone(step: Step) -> str:
    if step.has_happened:
        return "done"
    return "over" if step.float_days is not None and step.float_days < 0 else "next"


def months(first: date, last: date, at: Callable[[date], int]) -> list[Mark]:
    marks: list[Mark] = []
    months = (last.year - first.year) * 12 + last.month - first.month
    every = next((n for n in (1, 2, 3, 6, 12) if months / n <= 9), 24)
    year, month = first.year, first.month
    while True:
        month += 1
        if month > 12:
            year, month = year + 1, 1
        day = date(year, month, 1)
        if day > last:
            return marks
        if (month - 1) % every == 0:
            marks.append(Mark(at(day), formats.date_format(day, pgettext("month of a chart", "M Y"))))
