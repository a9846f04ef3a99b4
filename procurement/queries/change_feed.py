"""What changed, in the order in which it can be read without missing any of it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from procurement.models import Alert, Change, ExternalRef, PurchaseOrder
from procurement.vocabulary import ChangeKind, ChangeSubject
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.models import PowerPurchaseAgreement, Site

_GONE: Final = {ChangeKind.ORDER_REMOVED, ChangeKind.AGREEMENT_REMOVED}
# Below this transaction every other one has ended, so nothing can appear there any more.
_WATERMARK: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """After a change; (0, 0) is before all of them."""

    xid: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """`changed` maps a path to what it was and what it is, as far as the reader may see it."""

    position: Position
    at: datetime
    kind: ChangeKind
    subject: ChangeSubject
    subject_id: UUID
    sequence: int
    changed: dict[str, tuple[Any, Any]]
    external_ids: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """`position` is where the next page begins; `more` says that it may hold something already."""

    entries: tuple[Entry, ...]
    position: Position
    more: bool


def page(actor: User, after: Position, *, limit: int, kinds: Collection[str] = ()) -> Page:
    """The next changes that the actor may see, `limit` looked at: a page may hold fewer and still have a successor.

    A fixed number of queries. A change shows only once no older transaction is under way: one that commits late can
    then never fall behind a position that was handed out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WATERMARK)
        (mark,) = cursor.fetchone() or (0,)
    rows = _rows(after, mark, limit, kinds)
    position = Position(rows[-1].xid, rows[-1].pk) if len(rows) == limit else max(after, _end(mark))
    return Page(_shown(actor, rows), position, len(rows) == limit)


def between(actor: User, since: datetime, until: datetime, *, limit: int, kinds: Collection[str] = ()) -> Page:
    """Of a span of time, for a replay."""
    rows = Change.objects.filter(at__gte=since, at__lt=until)
    if kinds:
        rows = rows.filter(kind__in=list(kinds))
    found = list(rows.order_by("xid", "id")[:limit])
    return Page(_shown(actor, found), Position(), len(found) == limit)


def one_by_one(actor: User, keys: Sequence[int]) -> tuple[Entry, ...]:
    return _shown(actor, list(Change.objects.filter(pk__in=keys).order_by("xid", "id")))


def end() -> Position:
    """After all that can be read now."""
    with connection.cursor() as cursor:
        cursor.execute(_WATERMARK)
        (mark,) = cursor.fetchone() or (0,)
    return _end(mark)


def lag_seconds(now: datetime) -> int:
    """The age of the oldest change that waits for an older transaction to end; 0 where none waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(at) FROM procurement_change WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())"
            " AND xid <> coalesce(pg_current_xact_id_if_assigned(), '0'::xid8)"
        )
        (oldest,) = cursor.fetchone() or (None,)
    return max(0, int((now - oldest).total_seconds())) if oldest else 0


def _rows(after: Position, mark: int, limit: int, kinds: Collection[str]) -> list[Change]:
    chosen, said = "", [str(after.xid), after.id, str(mark)]
    if kinds:
        chosen = " AND kind = ANY(%s)"
        said.append(sorted(kinds))
    query = (
        "SELECT id, xid, at, subject, subject_id, sequence, kind, parts, sites FROM procurement_change"  # noqa: S608
        f" WHERE (xid, id) > (%s::xid8, %s) AND xid < %s::xid8{chosen} ORDER BY xid, id LIMIT %s"
    )
    return list(Change.objects.raw(query, [*said, limit]))


def _end(mark: int) -> Position:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT xid::text::bigint, id FROM procurement_change WHERE xid < %s::xid8"
            " ORDER BY xid DESC, id DESC LIMIT 1",
            [str(mark)],
        )
        return Position(*(cursor.fetchone() or (0, 0)))


def _shown(actor: User, rows: Sequence[Change]) -> tuple[Entry, ...]:
    if not rows:
        return ()
    sight = _Sight(actor, rows)
    names = _names({row.subject_id for row in rows})
    return tuple(
        Entry(
            Position(row.xid, row.pk),
            row.at,
            ChangeKind(row.kind),
            ChangeSubject(row.subject),
            row.subject_id,
            row.sequence,
            sight.changed(row),
            tuple(names[row.subject_id]),
        )
        for row in rows
        if sight.shows(row)
    )


def _names(keys: Iterable[UUID]) -> dict[UUID, list[tuple[str, str]]]:
    found: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    refs = ExternalRef.objects.filter(kind="purchase_order", subject_id__in=list(keys)).order_by(
        "system", "external_id"
    )
    for key, system, external_id in refs.values_list("subject_id", "system", "external_id"):
        found[key].append((system, external_id))
    return found


class _Sight:
    """What one reader may see of some changes, by the rights of now."""

    def __init__(self, actor: User, rows: Sequence[Change]) -> None:
        of: dict[str, set[UUID]] = defaultdict(set)
        for row in rows:
            of[row.subject].add(row.subject_id)
        orders = list(of[ChangeSubject.ORDER])
        self._sites = set(Site.objects.visible_to(actor).values_list("pk", flat=True))
        self._amounts_at = set(Site.objects.visible_to(actor, Permission.AMOUNTS_VIEW).values_list("pk", flat=True))
        self._sees_all = not Site.objects.exclude(pk__in=self._sites).exists()
        self._seen = (
            set(PurchaseOrder.objects.visible_to(actor).filter(pk__in=orders).values_list("pk", flat=True))
            | set(Alert.objects.visible_to(actor).filter(pk__in=of[ChangeSubject.ALERT]).values_list("pk", flat=True))
            | set(
                PowerPurchaseAgreement.objects.visible_to(actor)
                .filter(pk__in=of[ChangeSubject.AGREEMENT])
                .values_list("pk", flat=True)
            )
        )
        self._priced = set(
            PurchaseOrder.objects.amounts_visible_to(actor).filter(pk__in=orders).values_list("pk", flat=True)
        )

    def shows(self, row: Change) -> bool:
        if row.subject == ChangeSubject.LEAD_TIME:  # the library is everybody's
            return True
        if row.kind in _GONE:
            return self._sees_all or bool(self._sites.intersection(row.sites))
        return row.subject_id in self._seen

    def changed(self, row: Change) -> dict[str, tuple[Any, Any]]:
        return {part["path"]: (part["old"], part["new"]) for part in row.parts if self._may_see(row, part)}

    def _may_see(self, row: Change, part: dict[str, Any]) -> bool:
        if part.get("amount") and not self._sees_amounts(row):
            return False
        sites = part.get("sites")
        return sites is None or self._sees_all or any(UUID(site) in self._sites for site in sites)

    def _sees_amounts(self, row: Change) -> bool:
        if row.subject == ChangeSubject.ORDER:
            return row.subject_id in self._priced
        return bool(row.sites) and self._amounts_at.issuperset(row.sites)
