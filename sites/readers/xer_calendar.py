"""The text in which P6 keeps the hours of a calendar: nested nodes such as `(0||2()( (0||0(s|08:00|f|16:00)()) ))`.

The text carries DEL characters for line ends; exceptions count days from 30 December 1899.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from sites.domain.site_schedule import Shifts
from sites.readers.working_time import joined, shift

_NODE = re.compile(r"\(\s*\d+\s*\|\|\s*([^()|]*?)\s*\(([^()]*)\)\s*\(|\)\s*\)")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?(?:\s*([AaPp])\.?[Mm]\.?)?")
_ZERO = date(1899, 12, 30)
_MOST_DEPTH = 8


@dataclass(slots=True)
class _Node:
    name: str
    values: dict[str, str]
    children: "list[_Node]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CalendarText:
    """`week` is Monday first."""

    week: tuple[Shifts, ...]
    exceptions: dict[date, Shifts]


def read(text: str) -> CalendarText:
    """Raises ValueError where the text is not of that form."""
    root = _tree(text.replace("\x7f", " "))
    days = next((node for node in _all(root) if node.name == "DaysOfWeek"), None)
    if days is None:
        raise ValueError
    sunday_first: list[Shifts] = [()] * 7
    for node in days.children:
        if not node.name.isdecimal() or not 1 <= int(node.name) <= 7:
            raise ValueError
        sunday_first[int(node.name) - 1] = _shifts(node)
    exceptions = next((node for node in _all(root) if node.name == "Exceptions"), None)
    return CalendarText(
        week=(*sunday_first[1:], sunday_first[0]),
        exceptions={_day(node): _shifts(node) for node in (exceptions.children if exceptions else ())},
    )


def _tree(text: str) -> _Node:
    root = _Node("", {})
    path = [root]
    for found in _NODE.finditer(text):
        if found[1] is None:
            # One closing too many is forgiven: some exports cut or add brackets at the very end.
            if len(path) > 1:
                path.pop()
            continue
        node = _Node(found[1], _pairs(found[2]))
        path[-1].children.append(node)
        path.append(node)
        if len(path) > _MOST_DEPTH:
            raise ValueError
    return root


def _pairs(text: str) -> dict[str, str]:
    parts = [part.strip() for part in text.split("|")]
    return dict(zip(parts[::2], parts[1::2], strict=False))


def _all(node: _Node) -> Iterator[_Node]:
    for child in node.children:
        yield child
        yield from _all(child)


def _shifts(day: _Node) -> Shifts:
    return joined(
        shift(_minute(node.values["s"]), _minute(node.values["f"]))
        for node in day.children
        if node.values.get("s") and node.values.get("f")
    )


def _minute(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) > 24 or int(found[2]) > 59:
        raise ValueError
    hour = int(found[1])
    if found[3]:
        hour = hour % 12 + (12 if found[3] in "Pp" else 0)
    return hour * 60 + int(found[2])


def _day(node: _Node) -> date:
    number = node.values.get("d", "")
    if not number.isdecimal() or len(number) > 6:
        raise ValueError
    return _ZERO + timedelta(days=int(number))
