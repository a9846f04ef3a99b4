"""Where the float went, drawn by the server: a bar a step, from the float before it to the float after it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from procurement.domain.reasons import Waterfall
from sites.vocabulary import step_name

WIDTH = 1000
_NAMES = 220
_RIGHT = 60
_TOP = 12
_ROW = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """`days` above zero were lost; None for the two floats at the ends. `x` and `width` are pixels of the view box."""

    name: str
    days: int | None
    before: int
    after: int
    y: int
    middle: int
    x: int
    width: int
    tone: str


@dataclass(frozen=True, slots=True)
class Picture:
    height: int
    bottom: int
    zero_x: int
    float_from: int
    float_to: int
    bars: tuple[Bar, ...]


def draw(found: Waterfall) -> Picture:
    figures = [0, found.float_from, found.float_to, *(stage.float_after for stage in found.stages)]
    low, high = min(figures), max(figures)
    scale = (WIDTH - _NAMES - _RIGHT) / max(1, high - low)

    def at(days: int) -> int:
        return round(_NAMES + (days - low) * scale)

    rows = [
        (_("Float before"), None, 0, found.float_from, "next"),
        *(
            (
                step_name(stage.code) if stage.code else _("Required on site"),
                stage.days,
                stage.float_before,
                stage.float_after,
                "over" if stage.days > 0 else "done",
            )
            for stage in found.stages
        ),
        (_("Float after"), None, 0, found.float_to, "over" if found.float_to < 0 else "next"),
    ]
    bars = tuple(
        Bar(
            name,
            days,
            before,
            after,
            _TOP + place * _ROW,
            _TOP + place * _ROW + 8,
            min(at(before), at(after)),
            max(2, abs(at(after) - at(before))),
            tone,
        )
        for place, (name, days, before, after, tone) in enumerate(rows)
    )
    bottom = _TOP + len(bars) * _ROW
    return Picture(bottom + 6, bottom, at(0), found.float_from, found.float_to, bars)
