"""A world map drawn on the server: a coarse land outline of our own, a mark a place, and no tile from anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Final

_SCALE: Final = 2  # units of the drawing a degree
_NORTH, _SOUTH = 80, -56
WIDTH: Final = 360 * _SCALE
HEIGHT: Final = (_NORTH - _SOUTH) * _SCALE
_LINE: Final = 13  # from one label to the next
_LABEL_WIDTH: Final = 46
_BESIDE: Final = 7  # from a mark to its label
_SIGN: Final = 5

# Longitude and latitude in whole degrees, enough to see which coast a site is on.
_LAND: Final[tuple[tuple[tuple[int, int], ...], ...]] = (
    (
        (-168, 66), (-156, 71), (-128, 70), (-95, 72), (-82, 68), (-86, 64), (-94, 59), (-82, 55), (-79, 52), (-76, 62),
        (-64, 60), (-56, 53), (-66, 50), (-65, 44), (-70, 43), (-76, 35), (-81, 31), (-80, 25), (-83, 29), (-90, 30),
        (-97, 27), (-97, 21), (-91, 19), (-87, 21), (-88, 16), (-83, 15), (-83, 10), (-78, 8), (-85, 10), (-92, 14),
        (-105, 20), (-114, 31), (-110, 23), (-117, 33), (-124, 40), (-124, 48), (-134, 57), (-150, 60), (-158, 57),
    ),
    (
        (-78, 8), (-72, 12), (-60, 9), (-50, 0), (-35, -6), (-39, -18), (-48, -27), (-58, -38), (-65, -42), (-69, -52),
        (-75, -50), (-73, -37), (-70, -18), (-81, -5), (-77, 3),
    ),
    (
        (-6, 36), (10, 37), (20, 32), (32, 31), (36, 24), (43, 11), (51, 12), (40, -5), (40, -15), (33, -26), (26, -34),
        (18, -34), (12, -18), (9, 0), (8, 4), (-8, 5), (-17, 14), (-16, 22), (-10, 30),
    ),
    (
        (-9, 37), (-9, 43), (-1, 44), (-4, 48), (3, 51), (8, 54), (8, 57), (11, 56), (12, 54), (20, 55), (22, 59),
        (28, 60), (22, 61), (25, 65), (18, 60), (16, 56), (11, 59), (5, 59), (6, 63), (15, 69), (27, 71), (41, 67),
        (44, 66), (55, 69), (68, 69), (73, 72), (87, 75), (104, 77), (113, 74), (140, 73), (160, 70), (178, 69),
        (179, 65), (163, 60), (162, 55), (157, 51), (156, 58), (142, 59), (135, 54), (140, 50), (132, 43), (128, 39),
        (129, 35), (126, 37), (121, 39), (122, 37), (119, 35), (122, 30), (117, 23), (108, 21), (106, 17), (109, 12),
        (105, 9), (101, 13), (100, 8), (104, 2), (101, 3), (98, 9), (97, 16), (91, 22), (87, 21), (80, 15), (80, 9),
        (77, 8), (73, 17), (70, 22), (62, 25), (57, 26), (50, 30), (48, 30), (51, 25), (56, 24), (60, 22), (52, 16),
        (44, 13), (39, 21), (35, 28), (34, 31), (36, 36), (28, 37), (26, 40), (29, 41), (41, 41), (37, 45), (33, 46),
        (28, 44), (28, 41), (24, 40), (23, 37), (20, 40), (13, 45), (18, 40), (16, 38), (12, 42), (9, 44), (3, 43),
        (0, 39), (-2, 37), (-6, 36),
    ),
    (
        (114, -22), (122, -18), (129, -15), (136, -12), (142, -11), (146, -19), (153, -26), (150, -37), (144, -39),
        (138, -35), (131, -32), (124, -33), (115, -34),
    ),
    ((130, 31), (132, 34), (140, 35), (142, 40), (145, 44), (141, 45), (140, 41), (136, 37), (131, 34)),
    ((-5, 50), (1, 51), (0, 53), (-3, 56), (-3, 59), (-6, 57), (-3, 54)),
    ((-10, 52), (-6, 52), (-6, 55), (-10, 54)),
    ((-73, 78), (-30, 80), (-20, 75), (-25, 70), (-43, 60), (-53, 66)),
    ((-24, 65), (-14, 65), (-18, 63), (-22, 64)),
    ((95, 5), (104, -2), (106, -6), (100, -2)),
    ((109, 1), (117, 7), (119, 1), (115, -4), (110, -3)),
    ((131, -1), (141, -3), (147, -6), (150, -10), (142, -9), (137, -8)),
    ((120, 18), (122, 14), (126, 7), (122, 8)),
    ((120, 23), (122, 25), (121, 22)),
    ((173, -35), (178, -38), (175, -41), (167, -46), (172, -41)),
    ((44, -25), (47, -25), (50, -16), (44, -20)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What is to be marked. Degrees; `says` is read aloud and shown on hover, `is_bad` is told by shape and colour;
    None: not known.
    """

    code: str
    url: str
    says: str
    latitude: Decimal
    longitude: Decimal
    is_bad: bool | None


@dataclass(frozen=True, slots=True)
class Mark:
    """In units of the drawing, y downwards. The label stands apart where places lie close together."""

    place: Place
    x: int
    y: int
    label_x: int
    label_y: int


@dataclass(frozen=True, slots=True)
class WorldMap:
    width: int
    height: int
    land: tuple[str, ...]
    marks: tuple[Mark, ...]


def world_map(places: Sequence[Place]) -> WorldMap:
    """A label stands right of its mark or left of it; where it would lie over a mark or a label, further down."""
    ordered = sorted(places, key=lambda each: (-each.latitude, each.longitude))
    points = [_at(float(each.longitude), float(each.latitude)) for each in ordered]
    marks: list[Mark] = []
    for place, (x, y) in zip(ordered, points, strict=True):
        right, left = x + _BESIDE, x - _BESIDE - _LABEL_WIDTH
        beside = [each for each in (right, left) if 0 <= each <= WIDTH - _LABEL_WIDTH]
        label_x, label_y = next(
            (label_x, label_y)
            for label_y in count(y + 4)
            for label_x in (beside if label_y == y + 4 else beside[:1])
            if not any(_lies_over(label_x, label_y, other) for other in marks)
            and not any(_covers(label_x, label_y, point) for point in points)
        )
        marks.append(Mark(place, x, y, label_x, label_y))
    return WorldMap(WIDTH, HEIGHT, tuple(_points(ring) for ring in _LAND), tuple(marks))


def _lies_over(x: int, y: int, other: Mark) -> bool:
    return abs(x - other.label_x) < _LABEL_WIDTH and abs(y - other.label_y) < _LINE


def _covers(x: int, y: int, point: tuple[int, int]) -> bool:
    """Whether a label would lie over the sign of a place, which reaches a few units around its point."""
    return x - _SIGN < point[0] < x + _LABEL_WIDTH + _SIGN and y - _LINE < point[1] < y + _SIGN


def _at(longitude: float, latitude: float) -> tuple[int, int]:
    seen = min(_NORTH, max(_SOUTH, latitude))
    return round((longitude + 180) * _SCALE), round((_NORTH - seen) * _SCALE)


def _points(ring: Sequence[tuple[int, int]]) -> str:
    return " ".join(f"{x},{y}" for x, y in (_at(longitude, latitude) for longitude, latitude in ring))
