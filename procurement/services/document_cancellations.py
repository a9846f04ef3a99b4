"""What cancelling an order or a line of it does: what was open is cancelled, and open again when undone."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.order_document import LineDocument, OrderDocument, ScheduleDocument
from procurement.models import Allocation, ImportRow, PurchaseOrder, ScheduleLine
from procurement.services import lots, orders
from procurement.services.document_lines import DocumentRow, KnownOrder, KnownOrders, rows_of
from procurement.services.import_rows import Finding, Sheetful, Undoing, refused
from procurement.vocabulary import CommercialStatus, LineStatus, RowOutcome
from sites.domain.errors import BadInput, RuleBroken

_SYSTEM = "file"
# Marks the row of a line that was taken out, beside those that changed one.
OPENED = "lines"


def examine(file: Sheetful, *, rehearsed: bool) -> dict[int, Finding]:
    known_orders = KnownOrders(file.actor)
    found: dict[int, Finding] = {}
    for row in rows_of(file):
        try:
            known = _meant(row, known_orders)
            lines = _open(known.order, _line(row, known))
            if rehearsed:
                _write(known.order, _status(row), LineStatus.CANCELLED, lines, file, dry=True)
        except RuleBroken as refusal:
            found[row.number] = refused(file, row.number, BadInput(refusal.message, field=refusal.field or "order"))
        else:
            found[row.number] = _finding(row, known, lines)
    return found


def apply(file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    known_orders = KnownOrders(file.actor)
    written: dict[int, dict[str, Any]] = {}
    with transaction.atomic():
        for row in rows_of(file):
            if row.number not in numbers:
                continue
            known = _meant(row, known_orders)
            order, line = known.order, _line(row, known)
            lines = _open(order, line)
            if not lines and (line is not None or order.commercial_status == CommercialStatus.CANCELLED):
                continue
            meant_for = _allocations(order, line)
            was = order.commercial_status if line is None else ""
            _write(order, _status(row), LineStatus.CANCELLED, lines, file)
            written[row.number] = {"order": order.number, "was": was, OPENED: lines, "meant_for": meant_for}
    return written


def undo(rows: Sequence[ImportRow], undoing: Undoing) -> dict[int, str]:
    left: dict[int, str] = {}
    for row in rows:
        order = PurchaseOrder.objects.visible_to(undoing.actor).filter(number=row.written["order"]).first()
        was, lines = row.written["was"], row.written[OPENED]
        if order is None:
            left[row.number] = _("There is no such order.")
        elif not _is_as_left(order, was, lines) and not undoing.force:
            left[row.number] = _("It was changed since.")
        else:
            try:
                with transaction.atomic():
                    _write(order, CommercialStatus(was) if was else None, LineStatus.OPEN, lines, undoing)
                    _give_back(row.written["meant_for"], undoing)
            except RuleBroken as refusal:
                left[row.number] = refusal.message
    return left


def _is_as_left(order: PurchaseOrder, was: str, lines: Sequence[Sequence[int]]) -> bool:
    if was:
        return order.commercial_status == CommercialStatus.CANCELLED
    open_now = {tuple(pair) for pair in _open(order, None)}
    return not open_now & {tuple(pair) for pair in lines}


def _status(row: DocumentRow) -> CommercialStatus | None:
    return CommercialStatus.CANCELLED if row.line is None else None


def _line(row: DocumentRow, known: KnownOrder) -> int | None:
    """None: the whole order. Raises BadInput naming `line`."""
    return None if row.line is None else known.line_number(row.line.order_line)


def _meant(row: DocumentRow, orders_: KnownOrders) -> KnownOrder:
    known = orders_.find(row.order)
    if known.is_kept_elsewhere:
        raise BadInput(_("Another system keeps this order; change it there."), field="order")
    return known


def _finding(row: DocumentRow, known: KnownOrder, lines: Sequence[Sequence[int]]) -> Finding:
    if row.line is not None:
        if not lines:
            return Finding(RowOutcome.UNCHANGED, row.subject)
        return Finding(RowOutcome.CHANGED, row.subject, (("status", LineStatus.OPEN, LineStatus.CANCELLED.value),))
    if known.order.commercial_status == CommercialStatus.CANCELLED:
        return Finding(RowOutcome.UNCHANGED, row.subject)
    note = row.document.note
    changes = [("status", known.order.commercial_status, CommercialStatus.CANCELLED.value)]
    return Finding(RowOutcome.CHANGED, row.subject, (*changes, *([("note", "", note)] if note else [])))


def _open(order: PurchaseOrder, line: int | None) -> list[list[int]]:
    """Line and schedule number of all that is open, or of it what belongs to the line."""
    rows = ScheduleLine.objects.filter(line__order=order, status=LineStatus.OPEN, line__status=LineStatus.OPEN)
    if line is not None:
        rows = rows.filter(line__number=line)
    return [list(pair) for pair in rows.order_by("line__number", "number").values_list("line__number", "number")]


def _allocations(order: PurchaseOrder, line: int | None) -> list[list[str]]:
    """Lot, requirement and quantity of what its units are meant for: a cancellation releases them."""
    rows = Allocation.objects.filter(lot__schedule_line__line__order=order, ended_at__isnull=True).order_by("pk")
    if line is not None:
        rows = rows.filter(lot__schedule_line__line__number=line)
    return [[str(row.lot_id), str(row.requirement_id), str(row.quantity)] for row in rows]


def _give_back(meant_for: Sequence[Sequence[str]], undoing: Undoing) -> None:
    """Raises what `lots.allocate` raises, where somebody gave the requirement other units since."""
    live = set(
        Allocation.objects.filter(lot__in=[lot for lot, _to, _units in meant_for], ended_at__isnull=True).values_list(
            "lot", "requirement"
        )
    )
    for lot, requirement, quantity in meant_for:
        if (UUID(lot), UUID(requirement)) not in live:
            lots.allocate(
                lot_id=UUID(lot),
                requirement_id=UUID(requirement),
                quantity=Decimal(quantity),
                reason=_("%(file)s was undone: %(reason)s") % {"file": undoing.document, "reason": undoing.reason},
                actor=undoing.actor,
                now=undoing.now,
            )


def _write(
    order: PurchaseOrder,
    status: CommercialStatus | None,
    of_lines: LineStatus,
    lines: Sequence[Sequence[int]],
    by: Sheetful | Undoing,
    *,
    dry: bool = False,
) -> None:
    schedules: dict[int, list[ScheduleDocument]] = {}
    for line, schedule in lines:
        schedules.setdefault(line, []).append(ScheduleDocument(number=schedule, status=of_lines))
    document = OrderDocument(
        vendor=order.seller.code,
        currency=order.currency,
        currency_text=order.currency_text,
        number=order.number,
        status=status,
        lines=tuple(
            LineDocument(number=number, status=of_lines, schedules=tuple(parts)) for number, parts in schedules.items()
        ),
    )
    orders.upsert(document=document, system=_SYSTEM, external_id=order.number, actor=by.actor, now=by.now, dry_run=dry)
