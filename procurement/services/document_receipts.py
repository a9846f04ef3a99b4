"""What a receipt advice does: receipts of the lots it is about. Units that were rejected are not received."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from procurement.domain.lots import most_received
from procurement.domain.order_document import check_counted
from procurement.models import DeliveryLot, ImportRow, Receipt
from procurement.services import document_statements as statements
from procurement.services import receipts, serials
from procurement.services.document_lines import DocumentRow, KnownOrders, Taken, Units, check_may
from procurement.services.document_statements import Meant
from procurement.services.forecasts import local_date
from procurement.services.import_rows import Finding, Sheetful, Undoing
from procurement.vocabulary import ReceiptState
from sites.domain.errors import BadInput, RuleBroken


def examine(file: Sheetful, *, rehearsed: bool) -> dict[int, Finding]:
    return statements.examine(file, _Advice(file).meant, rehearsed=rehearsed)


def apply(file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    meant, _not_ours = statements.meanings(file, _Advice(file).meant)
    written: dict[int, dict[str, Any]] = {}
    with transaction.atomic():
        for each in statements.accepted(meant, numbers):
            received_on, state, taken, plates = each.plan
            made = [
                receipts.receive(
                    lot_id=part.lot.pk,
                    quantity=part.quantity,
                    received_on=received_on,
                    state=state,
                    document=file.document,
                    actor=file.actor,
                    now=file.now,
                    plates=own,
                )
                for part, own in zip(taken, _shared(plates, taken), strict=True)
            ]
            written[each.row.number] = {"receipts": [str(row.pk) for row in made]} if made else {}
    return written


def undo(rows: Sequence[ImportRow], undoing: Undoing) -> dict[int, str]:
    left: dict[int, str] = {}
    reason = _("%(file)s was undone: %(reason)s") % {"file": undoing.document, "reason": undoing.reason}
    for row in rows:
        for key in row.written.get("receipts", []):
            try:
                receipts.reverse(receipt_id=UUID(key), reason=reason, actor=undoing.actor, now=undoing.now)
            except RuleBroken as refusal:
                left[row.number] = refusal.message
    return left


class _Advice:
    """The lines of one document; two about the same line of the order share its units."""

    def __init__(self, file: Sheetful) -> None:
        self._file = file
        self._units: dict[tuple[UUID, int], Units] = {}

    def meant(self, row: DocumentRow, orders: KnownOrders) -> Meant:
        """Raises BadInput naming what of the row is not understood."""
        if row.line is None:
            raise BadInput(_("It names no line that was received."), field="line")
        known = orders.find(row.order)
        line = known.line_number(row.line.order_line)
        lots = known.lots[line]
        check_may(self._file.actor, lots)
        if row.line.quantity is None:
            raise BadInput(_("Say how many units were received."), field="quantity")
        rejected = row.line.rejected.value if row.line.rejected else Decimal(0)
        kept = row.line.quantity.value - rejected
        if rejected < 0 or kept < 0:
            raise BadInput(_("More was rejected than received."), field="rejected")
        received_on = self._day(row, lots)
        more: list[tuple[str, str, str]] = []
        taken = []
        if kept:
            key = (known.order.pk, line)
            if key not in self._units:
                self._units[key] = Units(lots, _received(lots))
            taken = self._units[key].take(kept)
            check_counted(kept, lots[0].schedule_line.line.unit)
            more.append(("receipt", "", f"{kept:f} {received_on.isoformat()}"))
        plates = row.line.serials
        if rejected and len(plates) > kept:
            more.append(("serials", "", _("not kept: which of them were rejected is not said")))
            plates = ()
        elif plates:
            for part, own in zip(taken, _shared(plates, taken), strict=True):
                serials.checked(own, lot_id=part.lot.pk, quantity=part.quantity)
            more.append(("serials", "", ", ".join(plates)))
        if rejected:
            more.append(("rejected", "", f"{rejected:f} {row.line.reject_reason}".strip()))
        short = row.line.short is not None and row.line.short.value > 0
        state = ReceiptState.ACCEPTED_WITH_OSD if rejected or short else ReceiptState.ARRIVED
        return Meant(row, known, (), tuple(more), (received_on, state, taken, plates))

    def _day(self, row: DocumentRow, lots: Sequence[DeliveryLot]) -> date:
        assert row.line is not None
        said = row.line.received_on or next((part.delivered_on for part in row.deliveries if part.delivered_on), None)
        on: date = said or row.document.issued_on or self._file.stated_on
        site = lots[0].schedule_line.site
        today = local_date(site, self._file.now) if site else self._file.now.date()
        if on > today + timedelta(days=1):
            raise BadInput(_("An actual date cannot lie in the future."), field="received_on")
        return on


def _shared(plates: Sequence[str], taken: Sequence[Taken]) -> list[Sequence[str]]:
    """Serial numbers of the units of each part, in their order; the last part has what is left, and is refused for it
    where that is more than its units.
    """
    shares = []
    for part in taken[:-1]:
        shares.append(plates[: int(part.quantity)])
        plates = plates[int(part.quantity) :]
    return [*shares, plates] if taken else []


def _received(lots: Sequence[DeliveryLot]) -> dict[UUID, Decimal]:
    """What came of each; the last has room for what the line tolerates above its quantity."""
    rows = Receipt.objects.filter(lot__in=[lot.pk for lot in lots], reverses__isnull=True, reversed_by__isnull=True)
    came = dict(rows.values_list("lot").annotate(total=Sum("quantity")))
    last = lots[-1]
    over = most_received(last.quantity, last.schedule_line.line.over_delivery_percent) - last.quantity
    return came | {last.pk: came.get(last.pk, Decimal(0)) - over}
