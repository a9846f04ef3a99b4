"""What a vendor's response to an order does: the promise follows it, the order itself stays as it is.

AP confirms the dates of the contract, CA says what differs by line, RE takes every date away, AB was only received.
A response without lines speaks for the whole order.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.revision import DateRevision
from procurement.models import DeliveryLot, ImportRow
from procurement.services import confirmations, import_dates
from procurement.services import document_statements as statements
from procurement.services.document_lines import DocumentRow, KnownOrder, KnownOrders, Units, last_day
from procurement.services.document_statements import Meant, promise
from procurement.services.import_rows import Finding, Sheetful, Undoing
from sites.domain.errors import BadInput
from sites.domain.imprecise import TBD, on_day
from sites.models import Promise

ACCEPTED, CHANGED, REJECTED, RECEIVED = "AP", "CA", "RE", "AB"
# What Peppol's list of codes says of a line, where the whole was accepted with changes.
_OF_LINE: Final = {"5": ACCEPTED, "7": REJECTED, "3": CHANGED, "42": RECEIVED}
_LONGEST_NOTE: Final = 500


def examine(file: Sheetful, *, rehearsed: bool) -> dict[int, Finding]:
    return statements.examine(file, _Response().meant, rehearsed=rehearsed)


def apply(file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    meant, _not_ours = statements.meanings(file, _Response().meant)
    with transaction.atomic():
        made = statements.record(file, statements.accepted(meant, numbers), cause_key=cause_key, cause_text=cause_text)
        confirmations.keep(made.statements, actor=file.actor)
    return made.written()


def undo(rows: Sequence[ImportRow], undoing: Undoing) -> dict[int, str]:
    left = import_dates.undo(rows, undoing)
    promises = Promise.objects.filter(pk__in=[key for row in rows for key in row.written.get("promises", [])])
    confirmations.take_back(
        list(promises.values_list("statement_id", flat=True).distinct()),
        reason=undoing.reason,
        on=undoing.now.date(),
        actor=undoing.actor,
    )
    return left


class _Response:
    """The rows of one document, which may not name a line twice."""

    def __init__(self) -> None:
        self._seen: set[tuple[object, int]] = set()

    def meant(self, row: DocumentRow, orders: KnownOrders) -> Meant:
        """Raises BadInput naming what of the row is not understood."""
        known = orders.find(row.order)
        code = _code(row)
        if row.line is None:
            lots = [lot for line in known.lots for lot in known.open_lots(line)]
            return Meant(row, known, _whole_order(row, code, lots))
        line = known.line_number(row.line.order_line)
        if (known.order.pk, line) in self._seen:
            raise BadInput(_("Another line of this document is about the same line."), field="line")
        self._seen.add((known.order.pk, line))
        return Meant(row, known, _one_line(row, code, known, line))


def _code(row: DocumentRow) -> str:
    said = row.document.response.upper()
    if said not in {ACCEPTED, CHANGED, REJECTED, RECEIVED}:
        raise BadInput(
            _("The response code is %(code)s; AP, CA, RE or AB was expected.") % {"code": said or "–"},
            field="response",
        )
    if said == CHANGED and row.line is not None and row.line.status:
        if row.line.status == "1":
            raise BadInput(_("The vendor adds a line; order it first."), field="status")
        return _OF_LINE.get(row.line.status, CHANGED)
    return said


def _whole_order(row: DocumentRow, code: str, lots: Sequence[DeliveryLot]) -> list[DateRevision]:
    if code == RECEIVED:
        return []
    if not lots:
        raise BadInput(_("Nothing of this order is open."), field="order")
    said = next((day for part in row.deliveries if (day := last_day(part.promised))), None)
    if code == CHANGED and said is None:
        raise BadInput(_("It was accepted with changes, but no date is given."), field="promise")
    if code == CHANGED:
        assert said is not None
        return [promise(row, lot, on_day(said), note=_note(row)) for lot in lots]
    return _confirmed(row, lots) if code == ACCEPTED else _rejected(row, lots)


def _one_line(row: DocumentRow, code: str, known: KnownOrder, line: int) -> list[DateRevision]:
    if code == RECEIVED:
        return []
    lots = known.open_lots(line)
    if not lots:
        raise BadInput(_("Every lot of this line is already on site."), field="line")
    if code == REJECTED:
        return _rejected(row, lots)
    if any(part.promised for part in row.deliveries):
        return _promised(row, lots)
    if code == CHANGED:
        raise BadInput(_("It was accepted with changes, but no date is given."), field="promise")
    return _confirmed(row, lots)


def _promised(row: DocumentRow, lots: Sequence[DeliveryLot]) -> list[DateRevision]:
    """The dates of its deliveries, each for as many units as it says."""
    assert row.line is not None
    parts = [part for part in row.deliveries if part.promised]
    units = Units(lots, {})
    revisions = []
    for part in parts:
        measure = part.quantity or (row.line.quantity if len(parts) == 1 else None)
        if measure is None and len(parts) > 1:
            raise BadInput(_("Several deliveries are promised; say how many units each."), field="quantity")
        day = last_day(part.promised)
        assert day is not None  # a period has a day
        for taken in units.take(measure.value if measure else None):
            quantity = None if taken.is_whole else taken.quantity
            revisions.append(promise(row, taken.lot, on_day(day), quantity=quantity, note=_note(row)))
    return revisions


def _confirmed(row: DocumentRow, lots: Sequence[DeliveryLot]) -> list[DateRevision]:
    """The date of the contract where there is one, else the one that was asked for."""
    asked = next((day for part in row.deliveries if (day := last_day(part.requested))), None)
    days = [(lot, lot.schedule_line.contract_on or asked) for lot in lots]
    if not any(day for _lot, day in days):
        raise BadInput(_("No date was agreed that could be confirmed."), field="promise")
    return [promise(row, lot, on_day(day), note=_note(row)) for lot, day in days if day is not None]


def _rejected(row: DocumentRow, lots: Sequence[DeliveryLot]) -> list[DateRevision]:
    note = _("Rejected by response %(number)s") % {"number": row.document.number}
    said = _note(row)
    return [promise(row, lot, TBD, note=(f"{note}: {said}" if said else note)[:_LONGEST_NOTE]) for lot in lots]


def _note(row: DocumentRow) -> str:
    return ((row.line.note if row.line else "") or row.document.note)[:_LONGEST_NOTE]
