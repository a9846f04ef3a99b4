"""The log's address: its filter, columns, density and saved view. What cannot be read is left out: links get old."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict

from procurement.models import SavedView
from procurement.queries.log import PAGE_SIZE, PAGE_SIZES, SORTS, LogFilter, Shown
from procurement.vocabulary import ViewList
from sites.accounts.models import User

_LONGEST = 80
# What an address may say and a view does not keep.
_PASSING: Final = ("view", "of", "page", "csrfmiddlewaretoken", "in", "save")


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


class Since(StrEnum):
    VISIT = "visit"
    YESTERDAY = "yesterday"
    MONDAY = "monday"
    WEEK = "week"


def read_since(query: QueryDict, today: date, visited_on: date | None) -> date | None:
    """The day whose end is compared with now: `since_on` as typed, else `since`, a word or a day. None: not asked.

    "Last Monday" is the Monday before today, also on a Monday: the last meeting. "My last visit" is compared with the
    end of the day before `visited_on`: what came later on the day of the visit may not have been seen.
    """
    said = query.get("since_on", "") or query.get("since", "")
    match said:
        case Since.VISIT:
            return visited_on - timedelta(days=1) if visited_on else None
        case Since.YESTERDAY:
            return today - timedelta(days=1)
        case Since.MONDAY:
            return today - timedelta(days=today.weekday() or 7)
        case Since.WEEK:
            return today - timedelta(days=7)
        case _:
            day = _past_day(said)
            return day if day is not None and day <= today else None


def read_columns(query: QueryDict, known: Mapping[str, object]) -> tuple[str, ...]:
    """The columns in their order, each once; all of them where none is named."""
    named = [name for text in query.getlist("columns") for name in text.split(",")]
    return tuple(dict.fromkeys(name for name in named if name in known)) or tuple(known)


def is_dense(query: QueryDict) -> bool:
    return query.get("density", "") == "dense"


# -- saved views -----------------------------------------------------------------------------------------------------


def find_view(actor: User, slug: str) -> SavedView | None:
    named = slug.replace("\x00", "")[: _LONGEST + 10]
    return SavedView.objects.usable_by(actor).filter(slug=named).first() if named else None


def role_view(actor: User) -> SavedView | None:
    """What the actor's role begins with; of several roles the first by name."""
    roles = actor.memberships.values("role")
    return SavedView.objects.filter(default_for__in=roles, shared=True).order_by("default_for").first()


def spelled_out(query: QueryDict, actor: User) -> tuple[QueryDict, SavedView | None]:
    """The address with its view written out, and the view; what the address says itself goes before.

    A view that is gone or not the actor's to use says nothing.
    """
    view = find_view(actor, query.get("view", ""))
    if view is None:
        return query.copy(), None
    whole = QueryDict(view.query, mutable=True)
    if view.listing == ViewList.UNORDERED:
        whole["shown"] = ViewList.UNORDERED
    for name, values in query.lists():
        if name != "view":
            whole.setlist(name, values)
    return whole, view


def kept(query: QueryDict) -> str:
    """An address as a view keeps it: without the page it was on."""
    said = query.copy()
    for name in _PASSING:
        said.pop(name, None)
    for name in [name for name, values in said.lists() if not any(values)]:
        del said[name]
    return said.urlencode()


def views_of(actor: User) -> list[SavedView]:
    """The actor's own by name, then what others share; a hundred at most."""
    found = SavedView.objects.usable_by(actor).select_related("owner").order_by("name", "slug")[:100]
    return sorted(found, key=lambda view: view.owner_id != actor.pk)


def removed_by(actor: User) -> QuerySet[Any]:
    """The actor's own views that are gone, as they last were; `pgh_obj_id` is the key of each. The newest first."""
    history = SavedView.history.rel.related_model  # type: ignore[attr-defined]
    events = history.objects.filter(owner=actor, pgh_label="delete")
    again = events.filter(pgh_obj_id=OuterRef("pgh_obj_id"), pgh_id__gt=OuterRef("pgh_id"))
    there = SavedView.objects.filter(pk=OuterRef("pgh_obj_id"))
    gone: QuerySet[Any] = events.filter(~Exists(again), ~Exists(there)).order_by("-pgh_id")
    return gone


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
