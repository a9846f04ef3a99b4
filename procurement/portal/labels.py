"""Words above a picture that keep out of each other's way."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Of text 11 px high; a wide sign is twice a narrow one.
_NARROW: Final = 6.4
_WIDE: Final = 11.5
_GAP: Final = 8


@dataclass(frozen=True, slots=True)
class Label:
    """`middle` is where its line stands, `x` where its text is centred: never past an edge. Lane 0 is the lowest."""

    text: str
    tone: str
    middle: int
    x: int
    lane: int


def width(text: str) -> int:
    return round(sum(_WIDE if unicodedata.east_asian_width(sign) in "WF" else _NARROW for sign in text))


def lay_out(marks: Sequence[tuple[int, str, str]], *, left: int, right: int) -> tuple[Label, ...]:
    """Marks are (x, text, tone). From left to right each takes the lowest lane in which its text has room."""
    ends: list[float] = []
    placed = []
    for middle, text, tone in sorted(marks, key=lambda mark: mark[0]):
        half = width(text) / 2
        x = min(max(middle, left + half), right - half)
        lane = next((place for place, end in enumerate(ends) if end + _GAP <= x - half), len(ends))
        ends[lane : lane + 1] = [x + half]
        placed.append(Label(text, tone, middle, round(x), lane))
    return tuple(placed)
