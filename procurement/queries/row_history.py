"""Who changed what, when and why: the history of rows and the intentions beside it, as a person reads it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, Field, ForeignKey, Model, OuterRef, Q
from django.utils.translation import gettext as _

from procurement.queries.field_words import in_words
from procurement.queries.subjects import Parts
from sites.accounts.models import AuditEvent, User
from sites.models import Milestone
from sites.vocabulary import step_name

PAGE_SIZE: Final = 50
# Of one thing; what is older is in the database and in the change feed.
MOST_EVENTS: Final = 2000
# How much later an intention is written than its transaction began: of the row itself at most as long as a request may
# take, of another row at most so short that it is the same deed.
_OF_THE_ROW: Final = timedelta(seconds=60)
_OF_THE_DEED: Final = timedelta(seconds=5)
_AMOUNTS: Final = ("amount", "price", "damages")
_OWN: Final = {"id", "created_at", "version", "fingerprint", "secret_hash"}


@dataclass(frozen=True, slots=True)
class Change:
    """None: there was, or is, no value. `before` is None on a row that was new. Days and instants are left to whoever
    shows them, in their own language and zone.
    """

    name: str
    before: str | date | None
    after: str | date | None


@dataclass(frozen=True, slots=True)
class Entry:
    """`deed` is insert, update or delete; `who` is empty for Longlead itself, `why` where nobody said."""

    at: datetime
    who: str
    kind: str
    row: str
    deed: str
    changes: tuple[Change, ...]
    why: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    entries: tuple[Entry, ...]
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class _Event:
    model: type[Model]
    at: datetime
    label: str
    row_key: UUID
    actor: str
    reason: str
    before: Any
    now: Any


def row_history(parts: Parts, *, shows_amounts: bool, page: int, with_removed: bool = False) -> HistoryPage:
    """The newest first. A fixed number of queries for each kind of row, and one for each kind that a change names.

    `with_removed` adds every row of these kinds that is gone by now, whatever it belonged to.
    """
    events: list[_Event] = []
    for model, rows in parts.items():
        events += _events(model, rows, with_removed)
    told = [
        event for event in events if event.before is None or event.label == "delete" or _changed(event, shows_amounts)
    ]
    told.sort(key=lambda event: event.at, reverse=True)
    pages = max(1, -(-len(told) // PAGE_SIZE))
    page = min(page, pages)
    shown = told[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    names, reasons = _names(shown, shows_amounts), _reasons(shown)
    people = _people(event.actor for event in shown)
    entries = tuple(
        Entry(
            at=event.at,
            who=people.get(event.actor, ""),
            kind=in_words(str(event.model._meta.verbose_name)),
            row=_row_name(event.model, event.now),
            deed=event.label,
            changes=_changes(event, shows_amounts, names),
            why=event.reason
            or reasons.get((event.actor, event.at, str(event.row_key)))
            or reasons.get((event.actor, event.at, ""), ""),
        )
        for event in shown
    )
    return HistoryPage(entries, page, pages)


def _events(model: type[Model], rows: Any, with_removed: bool) -> list[_Event]:
    """Each with the state before it; what was there before history began has none."""
    history = model.history.rel.related_model  # type: ignore[attr-defined]
    wanted = rows if isinstance(rows, Q) else Q(pgh_obj_id__in=rows.order_by().values("pk"))
    if with_removed:
        wanted |= Q(~Exists(model._default_manager.filter(pk=OuterRef("pgh_obj_id"))))
    found = list(
        history.objects.filter(wanted)
        .select_related("pgh_context")
        .order_by("-pgh_created_at", "-pgh_id")[:MOST_EVENTS]
    )
    last: dict[UUID, Any] = {}
    events = []
    for row in reversed(found):
        said = row.pgh_context.metadata if row.pgh_context else {}
        events.append(
            _Event(
                model, row.pgh_created_at, row.pgh_label, row.pgh_obj_id, str(said.get("actor") or ""),
                str(said.get("reason") or ""), last.get(row.pgh_obj_id), row,
            )
        )  # fmt: skip
        last[row.pgh_obj_id] = row
    return events


def _fields(event: _Event, shows_amounts: bool) -> "list[Field[Any, Any]]":
    tracked = {each.name for each in event.now._meta.concrete_fields}
    return [
        each
        for each in event.model._meta.concrete_fields
        if each.name in tracked
        and each.name not in _OWN
        and (shows_amounts or not any(word in each.name for word in _AMOUNTS))
    ]


def _changed(event: _Event, shows_amounts: bool) -> "list[Field[Any, Any]]":
    return [
        each
        for each in _fields(event, shows_amounts)
        if getattr(event.now, each.attname) != getattr(event.before, each.attname)
    ]


def _changes(event: _Event, shows_amounts: bool, names: Mapping[UUID, str]) -> tuple[Change, ...]:
    if event.before is None:
        fields = [each for each in _fields(event, shows_amounts) if _said(each, event.now, names)]
        return tuple(Change(_label(each), None, _said(each, event.now, names)) for each in fields)
    return tuple(
        Change(_label(each), _said(each, event.before, names), _said(each, event.now, names))
        for each in _changed(event, shows_amounts)
    )


def _label(field: "Field[Any, Any]") -> str:
    return in_words(str(field.verbose_name))


def _said(field: "Field[Any, Any]", row: Any, names: Mapping[UUID, str]) -> str | date | None:
    value = getattr(row, field.attname)
    if value in {None, ""} if not isinstance(value, list | dict) else not value:
        return None
    if isinstance(field, ForeignKey):
        return names.get(value, "?")
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value if isinstance(value, date) else str(value)


def _names(events: Sequence[_Event], shows_amounts: bool) -> dict[UUID, str]:
    wanted: dict[type[Model], set[UUID]] = defaultdict(set)
    for event in events:
        for field in _fields(event, shows_amounts):
            if isinstance(field, ForeignKey):
                for row in (event.before, event.now):
                    value = getattr(row, field.attname) if row is not None else None
                    if value is not None:
                        wanted[field.related_model].add(value)
    return {
        key: str(row) for model, keys in wanted.items() for key, row in model._default_manager.in_bulk(keys).items()
    }


def _row_name(model: type[Model], row: Any) -> str:
    """What tells it from its neighbours; an event is no row, so its model's own text is not at hand."""
    if model is Milestone:
        return step_name(row.code)
    for name in ("tag", "code", "number", "name"):
        if (value := getattr(row, name, None)) not in {None, ""}:
            return str(value)
    return ""


def _people(keys: Iterable[str]) -> dict[str, str]:
    wanted = {key for key in keys if key}
    return {str(key): name for key, name in User.objects.filter(pk__in=wanted).values_list("pk", "name")}


def _reasons(events: Sequence[_Event]) -> dict[tuple[str, datetime, str], str]:
    """What its author said with an intention: of the row itself, else of whatever else was done with it. History tells
    when a transaction began, an intention when it was written, which is a little later.
    """
    wanted = Q(pk__in=[])
    for actor, at in {(event.actor, event.at) for event in events if event.actor}:
        wanted |= Q(actor=actor, at__gte=at, at__lte=at + _OF_THE_ROW)
    rows = AuditEvent.objects.filter(wanted).exclude(reason="").order_by("at", "pk")
    said = list(rows.values_list("actor_id", "at", "subject_id", "reason"))
    found: dict[tuple[str, datetime, str], str] = {}
    for event in events:
        for author, written_at, subject, reason in said:
            late = written_at - event.at
            if str(author) != event.actor or not timedelta(0) <= late <= _OF_THE_ROW:
                continue
            found.setdefault((event.actor, event.at, subject), reason)
            if late <= _OF_THE_DEED:
                found.setdefault((event.actor, event.at, ""), reason)
    return found
