"""What a page asks to be drawn: plain facts for `static/portal/chart.js`, and the same facts as a table.

Days are local dates and stay ISO text; a value of None is not known and leaves a hole, never a zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _

Text = str | Promise
X = date | str


class Shape(StrEnum):
    LINE = "line"
    STEP = "step"  # a value holds until the next one
    BAR = "bar"
    POINTS = "points"


class Tone(StrEnum):
    """Each is a class `ll-tone-…` of portal.css, in pairs for light and dark; the last six only tell apart."""

    INK = "ink"
    QUIET = "quiet"
    BAD = "bad"
    WARN = "warn"
    GOOD = "good"
    INFO = "info"
    A = "a"
    B = "b"
    C = "c"
    D = "d"
    E = "e"
    F = "f"


SERIES_TONES: Final = (Tone.A, Tone.B, Tone.C, Tone.D, Tone.E, Tone.F)


class Dash(StrEnum):
    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"


@dataclass(frozen=True, slots=True)
class Series:
    """`points` by x, in order. `stack`: series of the same name are added up. `width` in pixels."""

    name: Text
    points: Sequence[tuple[X, Decimal | float | None]]
    shape: Shape = Shape.LINE
    tone: Tone = Tone.A
    dash: Dash = Dash.SOLID
    stack: str = ""
    width: float = 2


@dataclass(frozen=True, slots=True)
class Band:
    """Rectangles between two values from a day up to, but without, another."""

    name: Text
    tone: Tone
    parts: Sequence[tuple[date, date, Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class Mark:
    """An upright line at a day."""

    on: date
    label: Text
    tone: Tone = Tone.INFO


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch above the picture, from a day up to, but without, another."""

    from_on: date
    until_on: date
    label: Text
    tone: Tone


@dataclass(frozen=True)
class Chart:
    """`key` is unique on its page. `label` says in a sentence what is shown, for who does not see it.

    All x are days, or all are words (`is_by_name`). `has_own_table` False where the page has a fuller table beside it,
    which `table_id` then names.
    """

    key: str
    label: Text
    unit: str
    series: Sequence[Series]
    bands: Sequence[Band] = ()
    marks: Sequence[Mark] = ()
    spans: Sequence[Span] = ()
    is_by_name: bool = False
    x_name: Text = ""
    height: int = 320
    table_id: str = ""

    @property
    def has_own_table(self) -> bool:
        return not self.table_id

    @property
    def tones(self) -> list[str]:
        return [tone.value for tone in Tone if tone is not Tone.INK]

    @property
    def data_id(self) -> str:
        return f"{self.key}-data"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """For `json_script`."""
        return {
            "label": str(self.label),
            "unit": self.unit,
            "byName": self.is_by_name,
            "height": self.height,
            "words": {"unknown": _("not known")},
            "series": [
                {
                    "name": str(each.name),
                    "shape": each.shape.value,
                    "tone": each.tone.value,
                    "dash": each.dash.value,
                    "stack": each.stack,
                    "width": each.width,
                    "points": [[_x(x), None if y is None else float(y)] for x, y in each.points],
                }
                for each in self.series
            ],
            "bands": [
                {
                    "name": str(each.name),
                    "tone": each.tone.value,
                    "parts": [
                        [since.isoformat(), until.isoformat(), float(low), float(high)]
                        for since, until, low, high in each.parts
                    ],
                }
                for each in self.bands
                if each.parts
            ],
            "marks": [
                {"on": each.on.isoformat(), "label": str(each.label), "tone": each.tone.value} for each in self.marks
            ],
            "spans": [
                {
                    "from": each.from_on.isoformat(),
                    "until": each.until_on.isoformat(),
                    "label": str(each.label),
                    "tone": each.tone.value,
                }
                for each in self.spans
            ],
        }

    @cached_property
    def rows(self) -> list[tuple[X, list[Decimal | float | None]]]:
        """The table twin: one row an x, one column a series. A step's value holds on until its next one."""
        values: list[dict[X, Decimal | float | None]] = [dict(each.points) for each in self.series]
        xs: list[X] = list(dict.fromkeys(x for each in values for x in each))
        if not self.is_by_name:
            xs.sort(key=str)
        found: list[tuple[X, list[Decimal | float | None]]] = []
        for x in xs:
            before = found[-1][1] if found else [None] * len(values)
            held = [before[place] if each.shape is Shape.STEP else None for place, each in enumerate(self.series)]
            found.append((x, [known.get(x, held[place]) for place, known in enumerate(values)]))
        return found


def _x(x: X) -> str:
    return x.isoformat() if isinstance(x, date) else x
