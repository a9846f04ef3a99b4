"""The Gantt of the log's lines, drawn on the server: numbers for SVG attributes. A table beside it says the same.

It is cut into bands, each a picture with an axis of its own: what a sheet of A3 holds, and what stays in sight.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from itertools import groupby
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils import formats
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from procurement.portal.labels import Label, lay_out
from procurement.portal.templatetags.portal import floating, short_day, state
from procurement.queries.line_gantt import LineSpan, PowerDate, PowerKind

NAMES: Final = 300
ROW: Final = 24
_FIT: Final = 1020
_RIGHT: Final = 24
_LANE: Final = 14
_MONTHS_HIGH: Final = 18
_BAND_ROWS: Final = 36
_LONGEST_NAME: Final = 44
_WIDEST: Final = 12000
_POWER_AFTER: Final = timedelta(days=200)


class Zoom(StrEnum):
    """How much a month takes: all of it side by side, or so many pixels."""

    FIT = "fit"
    QUARTERS = "quarters"
    MONTHS = "months"
    WEEKS = "weeks"


_A_DAY: Final[Mapping[Zoom, float]] = {Zoom.QUARTERS: 1.6, Zoom.MONTHS: 4.0, Zoom.WEEKS: 12.0}


@dataclass(frozen=True, slots=True)
class Tick:
    x: int
    label: str


@dataclass(frozen=True, slots=True)
class LineBar:
    """Numbers are pixels, None where there is no such date. `told` says its dates in words."""

    span: LineSpan
    name: str
    y: int
    x: int | None
    done_width: int
    rest_x: int
    rest_width: int
    tail_x: int
    tail_width: int
    ghost_x: int | None
    ghost_width: int
    required_x: int | None
    tone: str
    told: str

    @property
    def link(self) -> SafeString:
        key = self.span.row.key
        told = f'<span class="visually-hidden">: {escape(self.told)}</span>'
        return mark_safe(f'<a href="{_line_start()}{key}/">{escape(self.name)}{told}</a>')  # noqa: S308  escaped

    @property
    def drawing(self) -> SafeString:
        """Written here and not by a template: a picture of 500 lines has 3,000 shapes."""
        made = [f'<text class="ll-gantt-name" x="4" y="15">{escape(self.name)}</text>']
        if self.ghost_x is not None:
            made.append(f'<rect class="ll-bar-ghost" x="{self.ghost_x}" y="18" width="{self.ghost_width}" height="3"/>')
        if self.x is not None:
            if self.done_width:
                made.append(_rect("ll-bar-done", self.x, self.done_width))
            made.append(_rect(f"ll-bar-{self.tone}", self.rest_x, self.rest_width))
            if self.tone == "over":
                made.append(_rect("ll-bar-edge", self.rest_x, self.rest_width))
            if self.tail_width:
                made.append(f'<path class="ll-tail" d="M{self.tail_x} 10.5h{self.tail_width}m0-4v8"/>')
        if self.required_x is not None:
            made.append(f'<path class="ll-ros-mark" d="M{self.required_x} 10l-5-9h10z"/>')
        return mark_safe(f'<g transform="translate(0 {self.y})">{"".join(made)}</g>')  # noqa: S308  numbers and escaped


def twin(spans: Sequence[LineSpan]) -> SafeString:
    """The rows of the table that says the same, written here as the pictures are."""
    start, cell = _line_start(), cache(_day_cell)
    return mark_safe("\n".join([_twin_row(span, start, cell) for span in spans]))  # noqa: S308  every text is escaped


def _day_cell(on: date | None) -> str:
    return f'<td class="ll-date">{escape(short_day(on))}</td>'


def _twin_row(span: LineSpan, start: str, cell: Callable[[date | None], str]) -> str:
    row = span.row
    dates = (
        span.from_on, span.baseline_to, row.forecast_on, row.p80_on, row.delivered_on, row.required_on_site,
    )  # fmt: skip
    cells = "".join(map(cell, dates))
    order = escape(f"{row.order}/{row.line}/{row.schedule}")
    what = escape(row.description or row.equipment_class)
    return (
        f'<tr><td>{escape(row.site or "–")}</td><th scope="row"><a href="{start}{row.key}/">{order}</a>'
        f'<span class="ll-second">{what}</span></th>{cells}'
        f'<td class="ll-num">{floating(row.float_days)}</td><td>{state(row.state)}</td></tr>'
    )


@cache
def _line_start() -> str:
    """What the address of every line begins with."""
    return reverse("line", args=[UUID(int=0)]).removesuffix(f"{UUID(int=0)}/")


def _rect(name: str, x: int, width: int) -> str:
    return f'<rect class="{name}" x="{x}" y="5" width="{width}" height="11"/>'


@dataclass(frozen=True, slots=True)
class Band:
    """`top` is the height of the labels and the axis above the rows; `today` lies so far right of the names."""

    site: str
    part: int
    parts: int
    width: int
    top: int
    axis: int
    height: int
    today: int
    ticks: tuple[Tick, ...]
    labels: tuple[tuple[Label, int], ...]
    bars: tuple[LineBar, ...]


def bands(
    spans: Sequence[LineSpan], power: Mapping[str, Sequence[PowerDate]], *, today: date, zoom: Zoom
) -> tuple[Band, ...]:
    """Site by site, the lines of each in their order; one scale for all of them."""
    drawn = [span for span in spans if span.days]
    if not drawn:
        return ()
    days = [day for span in drawn for day in span.days]
    # What power waits for is worth the room, unless it would press the lines together.
    latest = max(days) + _POWER_AFTER
    days += [each.on for found in power.values() for each in found if min(days) <= each.on <= latest]
    first, last = min([*days, today]) - timedelta(days=12), max([*days, today]) + timedelta(days=20)
    a_day = _A_DAY.get(zoom) or _FIT / (last - first).days
    wide = min(_WIDEST, round((last - first).days * a_day))
    a_day = wide / (last - first).days

    def at(day: date) -> int:
        return round(NAMES + (min(max(day, first), last) - first).days * a_day)

    ticks = _ticks(first, last, at(first), a_day)
    made = []
    by_site = sorted(drawn, key=lambda span: span.row.site)
    for site, group in groupby(by_site, key=lambda span: span.row.site):
        lines = list(group)
        marks = [(at(today), _("today"), "today")] + [
            (at(each.on), _power_label(each), each.kind.value)
            for each in power.get(site, ())
            if first <= each.on <= last
        ]
        labels = lay_out(marks, left=NAMES, right=NAMES + wide + _RIGHT)
        lanes = max(label.lane for label in labels) + 1
        top = lanes * _LANE + 4 + _MONTHS_HIGH
        parts = -(-len(lines) // _BAND_ROWS)
        for part in range(parts):
            mine = lines[part * _BAND_ROWS : (part + 1) * _BAND_ROWS]
            made.append(
                Band(
                    site=site,
                    part=part + 1,
                    parts=parts,
                    width=NAMES + wide + _RIGHT,
                    top=top,
                    axis=top - 5,
                    height=top + len(mine) * ROW + 6,
                    today=at(today) - NAMES,
                    ticks=ticks,
                    labels=tuple((label, (lanes - label.lane) * _LANE - 2) for label in labels),
                    bars=tuple(_bar(span, top + place * ROW, at) for place, span in enumerate(mine)),
                )
            )
    return tuple(made)


def _bar(span: LineSpan, y: int, at: Callable[[date], int]) -> LineBar:
    row = span.row
    start, end = span.from_on or span.to_on, span.to_on
    done_to = min(span.done_on, end) if span.done_on and end else None
    x, rest_x = (at(start), at(done_to or start)) if start and end else (None, 0)
    end_x = at(end) if end else 0
    tail = row.p80_on if row.p80_on and end and row.p80_on > end and not row.delivered_on else None
    ghost_x = at(span.baseline_from or span.baseline_to) if span.baseline_to else None
    return LineBar(
        span=span,
        name=_short(f"{row.order}/{row.line}/{row.schedule} {row.description or row.equipment_class}"),
        y=y,
        x=x,
        done_width=max(0, rest_x - x) if x is not None else 0,
        rest_x=rest_x,
        rest_width=max(2, end_x - rest_x) if x is not None else 0,
        tail_x=end_x,
        tail_width=max(2, at(tail) - end_x) if tail else 0,
        ghost_x=ghost_x,
        ghost_width=max(2, at(span.baseline_to) - ghost_x) if ghost_x is not None and span.baseline_to else 0,
        required_x=at(row.required_on_site) if row.required_on_site else None,
        tone=_tone(span),
        told=_told(span),
    )


def _tone(span: LineSpan) -> str:
    row = span.row
    if row.delivered_on is not None:
        return "done"
    return "over" if row.float_days is not None and row.float_days < 0 else "next"


def _told(span: LineSpan) -> str:
    row = span.row
    said = []
    for label, on in (
        (_("baseline"), span.baseline_to),
        (_("on site") if row.delivered_on else _("forecast"), span.to_on),
        ("P80", row.p80_on if not row.delivered_on else None),
        (_("required on site"), row.required_on_site),
    ):
        if on is not None:
            said.append(f"{label} {short_day(on)}")
    return ", ".join(said)


def _power_label(each: PowerDate) -> str:
    kind = _("energised") if each.kind is PowerKind.ENERGISED else _("COD")
    return f"{_short(each.name, 24)} {kind} {formats.date_format(each.on, 'SHORT_DATE_FORMAT')}"


def _short(name: str, longest: int = _LONGEST_NAME) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _ticks(first: date, last: date, left: int, a_day: float) -> tuple[Tick, ...]:
    """The first of a month, every so many months that their names have room; weeks where there is room for them."""
    if a_day * 7 >= 70:
        monday = first + timedelta(days=-first.weekday() % 7)
        weeks = range((last - monday).days // 7 + 1)
        days = [monday + timedelta(days=7 * week) for week in weeks]
        return tuple(Tick(round(left + (day - first).days * a_day), _week(day)) for day in days)
    every = next((number for number in (1, 2, 3, 6, 12) if a_day * 30.4 * number >= 62), 24)
    ticks: list[Tick] = []
    year, month = first.year, first.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        day = date(year, month, 1)
        if day > last:
            return tuple(ticks)
        if (month - 1) % every == 0:
            label = formats.date_format(day, pgettext("month of a chart", "M Y"))
            ticks.append(Tick(round(left + (day - first).days * a_day), label))


def _week(monday: date) -> str:
    year, week, _day = monday.isocalendar()
    return f"{year}-W{week:02}"
