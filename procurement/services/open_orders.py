"""Standing reconciliation: what an ERP says is open, against what is open here, and what the two disagree in."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.money import trimmed
from procurement.domain.order_document import (
    LineDocument,
    OrderDocument,
    ScheduleDocument,
    check_amount,
    check_day,
    check_quantity,
)
from procurement.gateways import wake
from procurement.models import DeliveryLot, Disagreement, ExternalRef, OpenOrderList, OpenOrderRow, ScheduleLine
from procurement.services import alerts, forecasts, orders, stored_orders
from procurement.services.single import wait_to_commit
from procurement.vocabulary import DisagreementKind, LineStatus
from sites.accounts import audit
from sites.accounts.models import ApiClient, User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.models import Milestone, Site
from sites.services.access import check_can

logger = logging.getLogger(__name__)

MOST_ROWS: Final = 20_000
# What is missing here takes more than a list says: the order itself.
FIXABLE: Final = frozenset(DisagreementKind) - {DisagreementKind.MISSING_HERE}
Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Stated:
    """One schedule line as the ERP has it; None: it did not say."""

    number: str
    line_number: int
    schedule_number: int = 1
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    contract_on: date | None = None
    status: LineStatus | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """`standing` counts by kind what stands after the comparison."""

    rows: int
    standing: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Found:
    kind: DisagreementKind
    key: Key
    ours: str
    theirs: str
    row: ScheduleLine | None


def take(
    *,
    system: str,
    rows: Sequence[Stated],
    stated_at: datetime,
    complete: bool,
    document: str,
    client: ApiClient | None,
    actor: User,
    now: datetime,
) -> Compared:
    """Keep the list, put it in place of the system's former one, and compare. Raises BadInput naming a row."""
    if len(rows) > MOST_ROWS:
        raise BadInput(_("A list has at most %(most)d rows.") % {"most": MOST_ROWS}, field="rows")
    seen: set[Key] = set()
    for place, row in enumerate(rows):
        if _key(row) in seen:
            raise BadInput(_("This schedule line stands twice in the list."), field=f"rows/{place}")
        seen.add(_key(row))
        _check_values(row, f"rows/{place}")
    if stated_at > now:
        raise BadInput(_("A list cannot be of the future."), field="stated_at")
    with transaction.atomic():
        wait_to_commit(f"open orders:{system}")
        if OpenOrderList.objects.filter(system=system, stated_at__gt=stated_at).exists():
            raise Conflict(_("A newer list of this system is here already."), field="stated_at")
        kept = OpenOrderList.objects.create(
            system=system, client=client, stated_at=stated_at, complete=complete, document=document, sent_by=actor
        )
        OpenOrderRow.objects.bulk_create(
            [
                OpenOrderRow(
                    list=kept,
                    number=row.number,
                    line_number=row.line_number,
                    schedule_number=row.schedule_number,
                    quantity=row.quantity,
                    unit_price=row.unit_price,
                    contract_on=row.contract_on,
                    status=row.status or "",
                )
                for row in rows
            ],
            batch_size=2000,
        )
        OpenOrderList.objects.filter(system=system).exclude(pk=kept.pk).delete()
        return _compare(kept, rows, actor, now)


def _check_values(row: Stated, at: str) -> None:
    """A line of which nothing is open any more may stand in the list with zero."""
    if row.quantity:
        check_quantity(row.quantity, f"{at}/quantity")
    check_amount(row.unit_price, 4, f"{at}/unit_price")
    check_day(row.contract_on, f"{at}/contractual_date")


def compare_again(*, now: datetime) -> tuple[str, ...]:
    """Once a UTC day hold the newest list of each system against what is ours by now; which systems were compared.

    It is compared with the eyes of who sent it. Where they may not log in any more, it is left as it was.
    """
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    done = []
    waiting = OpenOrderList.objects.filter(compared_at__lt=today).order_by("system", "pk")
    for key in list(waiting.values_list("pk", flat=True)):
        with transaction.atomic():
            kept = (
                OpenOrderList.objects.filter(pk=key, compared_at__lt=today)
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("sent_by")
                .first()
            )
            if kept is None:
                continue
            if kept.sent_by is None or not kept.sent_by.is_active:
                logger.warning("The open orders of %s are not compared: nobody answers for the list.", kept.system)
                continue
            _compare(kept, _stored(kept), kept.sent_by, now)
            done.append(kept.system)
    return tuple(done)


def _stored(kept: OpenOrderList) -> list[Stated]:
    return [
        Stated(
            number=row.number,
            line_number=row.line_number,
            schedule_number=row.schedule_number,
            quantity=row.quantity,
            unit_price=row.unit_price,
            contract_on=row.contract_on,
            status=LineStatus(row.status) if row.status else None,
        )
        for row in kept.rows.order_by("pk")
    ]


def _look(sites: Iterable[UUID | None], now: datetime, cause_key: str, system: str) -> None:
    """Let the alerts of these sites say what stands by now."""
    touched = Site.objects.filter(pk__in={key for key in sites if key is not None}).order_by("pk")
    text = _("Open orders of %(system)s") % {"system": system}
    for site in touched:
        as_of = forecasts.local_date(site, now)
        alerts.evaluate_site(site_id=site.pk, as_of=as_of, now=now, cause_key=cause_key, cause_text=text)
    wake.after_commit()


def _compare(kept: OpenOrderList, rows: Sequence[Stated], actor: User, now: datetime) -> Compared:
    # Locked before the orders are read: what somebody takes over meanwhile is no difference any more.
    standing = {
        (DisagreementKind(row.kind), (row.number, row.line_number, row.schedule_number)): row
        for row in Disagreement.objects.filter(system=kept.system, resolved_at__isnull=True)
        .order_by("pk")
        .select_for_update()
    }
    found = {(each.kind, each.key): each for each in _differences(kept, rows, actor)}
    gone = [row.pk for mark, row in standing.items() if mark not in found]
    Disagreement.objects.filter(pk__in=gone).update(resolved_at=now)
    touched = {row.site_id for mark, row in standing.items() if mark not in found}
    touched |= {each.row.site_id for mark, each in found.items() if each.row and mark not in standing}
    stays = []
    for mark, row in standing.items():
        each = found.get(mark)
        if each is None:
            continue
        if (row.ours, row.theirs) != (each.ours, each.theirs):  # what was accepted was something else
            touched |= {row.site_id} if row.accepted_at else set()
            row.accepted_at, row.accepted_by, row.reason = None, None, ""
        row.ours, row.theirs, row.last_seen_at = each.ours, each.theirs, now
        stays.append(row)
    changed = ["ours", "theirs", "last_seen_at", "accepted_at", "accepted_by", "reason"]
    Disagreement.objects.bulk_update(stays, changed, batch_size=500)
    Disagreement.objects.bulk_create(
        [_row(kept.system, each, now) for mark, each in found.items() if mark not in standing], batch_size=500
    )
    kept.compared_at = now
    kept.save(update_fields=["compared_at"])
    _look(touched, now, f"open_orders:{kept.pk}", kept.system)
    return Compared(len(rows), dict(Counter(each.kind.value for each in found.values())))


def _row(system: str, each: _Found, now: datetime) -> Disagreement:
    number, line_number, schedule_number = each.key
    return Disagreement(
        system=system,
        kind=each.kind,
        number=number,
        line_number=line_number,
        schedule_number=schedule_number,
        order_id=each.row.line.order_id if each.row else None,
        schedule_line=each.row,
        site_id=each.row.site_id if each.row else None,
        ours=each.ours,
        theirs=each.theirs,
        first_seen_at=now,
        last_seen_at=now,
    )


def _differences(kept: OpenOrderList, rows: Sequence[Stated], actor: User) -> Iterable[_Found]:
    ours = _ours(kept.system, actor)
    for stated in rows:
        row = ours.get(_key(stated))
        if row is None:
            yield _Found(DisagreementKind.MISSING_HERE, _key(stated), "", _text(stated.quantity), None)
        else:
            yield from _in_values(stated, row)
    if kept.complete:
        theirs = {_key(stated) for stated in rows}
        for key, row in ours.items():
            if row.status == LineStatus.OPEN and row.line.status == LineStatus.OPEN and key not in theirs:
                yield _Found(DisagreementKind.MISSING_THERE, key, _text(row.quantity), "", row)


def _in_values(stated: Stated, row: ScheduleLine) -> Iterable[_Found]:
    status = row.status if row.status != LineStatus.OPEN else row.line.status
    pairs = (
        (DisagreementKind.QUANTITY, row.quantity, stated.quantity),
        (DisagreementKind.PRICE, row.line.unit_price, stated.unit_price),
        (DisagreementKind.CONTRACT_DATE, row.contract_on, stated.contract_on),
        (DisagreementKind.STATUS, status, stated.status),
    )
    for kind, ours, theirs in pairs:
        if theirs is not None and ours != theirs:
            yield _Found(kind, _key(stated), _text(ours), _text(theirs), row)


def _ours(system: str, actor: User) -> dict[Key, ScheduleLine]:
    """What the actor may see of the orders that go by an id of the system, by that id."""
    named: dict[UUID, str] = dict(
        ExternalRef.objects.filter(system=system, kind=stored_orders.ORDER_REF).values_list("subject_id", "external_id")
    )
    lines = ScheduleLine.objects.visible_to(actor).filter(line__order__in=named).select_related("line")
    return {(named[row.line.order_id], row.line.number, row.number): row for row in lines}


def _key(stated: Stated) -> Key:
    return stated.number, stated.line_number, stated.schedule_number


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(trimmed(value), "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def fix(*, disagreement_id: UUID, actor: User, now: datetime, request_id: str = "") -> Disagreement:
    """Take the ERP's value over, by the upsert of every door. What is not open there is cancelled here, or closed where
    all of it has come.

    Raises NotFound, Conflict, NotPermitted, BadInput."""
    with transaction.atomic():
        row = _standing(disagreement_id, actor)
        if row.kind not in FIXABLE or row.order is None:
            raise Conflict(_("This cannot be taken over by itself; send the order."))
        orders.upsert(
            document=_document(row),
            system=row.system,
            external_id=row.number,
            actor=actor,
            now=now,
            request_id=request_id,
        )
        row.resolved_at = now
        row.save(update_fields=["resolved_at"])
        audit.record(
            actor=actor, verb="disagreement.fix", subject_kind="disagreement", subject_id=row.pk, request_id=request_id
        )
        _look([row.site_id], now, f"disagreement:{row.pk}", row.system)
    return row


def _document(row: Disagreement) -> OrderDocument:
    assert row.order is not None
    kind, said = row.kind, row.theirs
    if kind == DisagreementKind.MISSING_THERE:
        kind, said = DisagreementKind.STATUS, _status_of_what_is_gone(row)
    schedule = ScheduleDocument(
        number=row.schedule_number,
        quantity=Decimal(said) if kind == DisagreementKind.QUANTITY else None,
        contract_on=date.fromisoformat(said) if kind == DisagreementKind.CONTRACT_DATE else None,
        status=LineStatus(said) if kind == DisagreementKind.STATUS else None,
    )
    is_price = kind == DisagreementKind.PRICE
    line = LineDocument(
        number=row.line_number,
        unit_price=Decimal(said) if is_price else None,
        schedules=None if is_price else (schedule,),
    )
    return OrderDocument(vendor=row.order.seller.code, currency=row.order.currency, lines=(line,))


def _status_of_what_is_gone(row: Disagreement) -> LineStatus:
    arrived = Milestone.objects.filter(code="ON_SITE", actual_on__isnull=False).values("chain")
    to_come = DeliveryLot.objects.filter(schedule_line=row.schedule_line_id, quantity__gt=0).exclude(chain__in=arrived)
    return LineStatus.CANCELLED if to_come.exists() else LineStatus.CLOSED


@transaction.atomic
def accept(*, disagreement_id: UUID, reason: str, actor: User, now: datetime) -> Disagreement:
    """Leave it as it is, until either side says something else. Raises BadInput, NotFound, NotPermitted."""
    if not reason.strip():
        raise BadInput(_("Say why the two may differ."), field="reason")
    row = _standing(disagreement_id, actor)
    check_can(actor, Permission.ORDER_WRITE, site_id=row.site_id)
    row.accepted_at, row.accepted_by, row.reason = now, actor, reason
    row.save(update_fields=["accepted_at", "accepted_by", "reason"])
    audit.record(actor=actor, verb="disagreement.accept", subject_kind="disagreement", subject_id=row.pk, reason=reason)
    _look([row.site_id], now, f"disagreement:{row.pk}", row.system)
    return row


def _standing(disagreement_id: UUID, actor: User) -> Disagreement:
    row = (
        Disagreement.objects.visible_to(actor)
        .amounts_visible_to(actor)
        .filter(pk=disagreement_id, resolved_at__isnull=True)
        .select_for_update(of=("self",))
        .select_related("order__seller")
        .first()
    )
    if row is None:
        raise NotFound(_("There is no such disagreement."))
    return row
