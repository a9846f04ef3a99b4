"""What a despatch advice does: a shipment notice on each lot it is about, and the promise of arrival it states."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.lots import ON_SITE
from procurement.domain.order_document import check_counted
from procurement.models import DeliveryLot, ImportRow
from procurement.services import document_statements as statements
from procurement.services import import_dates, shipments
from procurement.services.document_lines import DocumentRow, KnownOrders, Taken, Units, check_may, last_day
from procurement.services.document_statements import Meant, promise
from procurement.services.import_rows import Finding, Sheetful, Undoing
from sites.accounts.models import User
from sites.domain.errors import BadInput, RuleBroken
from sites.domain.imprecise import on_day
from sites.models import Promise

_LONGEST_NOTE: Final = 500


def examine(file: Sheetful, *, rehearsed: bool) -> dict[int, Finding]:
    return statements.examine(file, _Despatch(file.actor).meant, rehearsed=rehearsed)


def apply(file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    found, _not_ours = statements.meanings(file, _Despatch(file.actor).meant)
    meant = statements.accepted(found, numbers)
    with transaction.atomic():
        made = statements.record(file, meant, cause_key=cause_key, cause_text=cause_text)
        written = made.written()
        split_off = [row for rows in made.promises.values() for row in rows if row.milestone.code == ON_SITE]
        for each in meant:
            for taken in each.plan:
                lot = _lot_of(taken, split_off) if each.revisions else taken.lot
                notice = _notify(each.row, lot, taken, file)
                written.setdefault(each.row.number, {}).setdefault("notices", []).append(str(notice))
    return written


def undo(rows: Sequence[ImportRow], undoing: Undoing) -> dict[int, str]:
    """The notices first: units that are still on their way are not put together with others."""
    left: dict[int, str] = {}
    reason = _("%(file)s was undone: %(reason)s") % {"file": undoing.document, "reason": undoing.reason}
    for row in rows:
        for key in row.written.get("notices", []):
            try:
                shipments.reverse(notice_id=UUID(key), reason=reason, actor=undoing.actor)
            except RuleBroken as refusal:
                left[row.number] = refusal.message
    return {**import_dates.undo(rows, undoing), **left}


def _lot_of(taken: Taken, split_off: list[Promise]) -> DeliveryLot:
    """The lot itself, or the one that its units became when their arrival was promised apart."""
    if taken.is_whole:
        return taken.lot
    for place, row in enumerate(split_off):
        lot: DeliveryLot = row.milestone.chain.lot
        if lot.copied_from_id == taken.lot.pk and lot.quantity == taken.quantity:
            del split_off[place]
            return lot
    return taken.lot


def _notify(row: DocumentRow, lot: DeliveryLot, taken: Taken, file: Sheetful) -> UUID:
    return shipments.notify(
        lot_id=lot.pk,
        number=row.document.number,
        quantity=taken.quantity,
        despatched_on=_sent_on(row),
        arrives_on=_arrives_on(row),
        tracking=next((part.tracking for part in row.deliveries if part.tracking), ""),
        document=file.document,
        actor=file.actor,
    ).pk


def _despatched_on(row: DocumentRow) -> Any:
    return next((part.despatched_on for part in row.deliveries if part.despatched_on), None)


def _sent_on(row: DocumentRow) -> Any:
    """The day of despatch, else that of the document; none where the document is younger than the arrival it tells."""
    despatched_on, arrives_on, issued_on = _despatched_on(row), _arrives_on(row), row.document.issued_on
    if despatched_on or not (arrives_on and issued_on and arrives_on < issued_on):
        return despatched_on or issued_on
    return None


def _arrives_on(row: DocumentRow) -> Any:
    """The estimated day, else the promised one."""
    days = [last_day(part.estimated) or last_day(part.promised) for part in row.deliveries]
    return next((day for day in days if day), None)


class _Despatch:
    """The lines of one document; two about the same line of the order share its units."""

    def __init__(self, actor: User) -> None:
        self._actor = actor
        self._units: dict[tuple[UUID, int], Units] = {}

    def meant(self, row: DocumentRow, orders: KnownOrders) -> Meant:
        """Raises BadInput naming what of the row is not understood."""
        if row.line is None:
            raise BadInput(_("It names no line that was sent."), field="line")
        known = orders.find(row.order)
        line = known.line_number(row.line.order_line)
        if row.line.quantity is None:
            raise BadInput(_("Say how many units were sent."), field="quantity")
        lots = known.open_lots(line)
        check_may(self._actor, lots)
        key = (known.order.pk, line)
        if key not in self._units:
            self._units[key] = Units(lots, shipments.noticed([lot.pk for lot in lots]))
        taken = self._units[key].take(row.line.quantity.value)
        check_counted(row.line.quantity.value, lots[0].schedule_line.line.unit)
        arrives_on, sent_on = _arrives_on(row), _sent_on(row)
        shipments.check_days(sent_on, arrives_on)
        note = (row.line.note or row.document.note)[:_LONGEST_NOTE]
        revisions = [
            promise(
                row,
                each.lot,
                on_day(arrives_on),
                milestone=ON_SITE,
                quantity=None if each.is_whole else each.quantity,
                note=note,
            )
            for each in taken
            if arrives_on is not None
        ]
        said = f"{row.line.quantity.value:f} {row.line.quantity.unit} {sent_on.isoformat() if sent_on else ''}".strip()
        return Meant(row, known, revisions, (("shipment_notice", "", f"{row.document.number}: {said}"),), taken)
