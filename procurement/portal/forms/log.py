"""The log's filter as it stands in the address. What cannot be read is left out, never refused: links get old."""

from collections.abc import Mapping
from datetime import date

from django.http import QueryDict

from procurement.queries.log import PAGE_SIZE, PAGE_SIZES, SORTS, LogFilter, Shown

_LONGEST = 80


def read_filter(query: QueryDict, *, sorts: Mapping[str, str] = SORTS, default_sort: str = "float") -> LogFilter:
    sort = query.get("sort", default_sort)
    descending = sort.startswith("-")
    sort = sort.removeprefix("-")
    shown = query.get("shown", "")
    size = number(query.get("size", ""), PAGE_SIZE)
    return LogFilter(
        site=_plain(query.get("site", "")),
        equipment_class=_plain(query.get("class", "")),
        vendor=_plain(query.get("vendor", "")),
        late=query.get("late", "") == "1",
        text=_plain(query.get("q", "")),
        shown=Shown(shown) if shown in set(Shown) else Shown.OPEN,
        as_known_on=_past_day(query.get("as_known_on", "")),
        sort=sort if sort in sorts else default_sort,
        descending=descending if sort in sorts else False,
        page=number(query.get("page", ""), 1),
        size=size if size in PAGE_SIZES else PAGE_SIZE,
    )


def _past_day(text: str) -> date | None:
    """None for what is no day from the year 2000 on; a day to come is answered as today is."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2100 else None


def _plain(text: str) -> str:
    """PostgreSQL takes no NUL in a text."""
    return " ".join(text.replace("\x00", "").split())[:_LONGEST]


def number(text: str, otherwise: int) -> int:
    """A count from an address, `otherwise` where it is none or too large."""
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) > 0 else otherwise
