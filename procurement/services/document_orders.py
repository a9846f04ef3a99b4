"""What an order and its change do: the one way an order is written, by the rows of order lines.

Codes are ours or those that an external reference knows; what is neither is refused by name. A delivery term that is
none of the eleven is kept as it was sent, and shown as such.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.import_table import ReadRow
from procurement.domain.money import CURRENCIES
from procurement.models import Company, EquipmentClass, ExternalRef, ImportRow
from procurement.readers.ubl import DocumentKind, DocumentLine
from procurement.services import import_orders
from procurement.services.document_lines import DocumentRow, KnownOrders, last_day, rows_of
from procurement.services.import_rows import Finding, Sheetful, Undoing, refused
from procurement.vocabulary import Incoterm
from sites.domain.errors import BadInput

# Of UBL's own list and of Peppol's: the line is taken out of the order.
_TAKEN_OUT: Final = frozenset({"cancelled", "2"})
_LONGEST_NUMBER: Final = 60


def examine(file: Sheetful, *, rehearsed: bool) -> dict[int, Finding]:
    rows, not_ours = _translated(file)
    found = {number: refused(file, number, refusal) for number, refusal in not_ours.items()}
    found |= import_orders.examine(replace(file, rows=rows), rehearsed=rehearsed)
    return {number: _flagged(found[number], row) for row in rows_of(file) for number in [row.number]}


def apply(file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    rows, _not_ours = _translated(file)
    return import_orders.apply(replace(file, rows=rows), cause_key=cause_key, cause_text=cause_text, numbers=numbers)


def undo(rows: Sequence[ImportRow], undoing: Undoing) -> dict[int, str]:
    return import_orders.undo([row for row in rows if "order" in row.written], undoing)


def _flagged(finding: Finding, row: DocumentRow) -> Finding:
    """Says of a delivery term that is none of ours that it stays text."""
    term = row.document.delivery_terms
    if finding.refusals or not finding.changes or not term or term.upper() in Incoterm.values:
        return finding
    return replace(finding, changes=(*finding.changes, ("unknown_delivery_term", "", term)))


def _translated(file: Sheetful) -> tuple[list[ReadRow], dict[int, BadInput]]:
    codes = _Codes()
    orders = KnownOrders(file.actor)
    rows: list[ReadRow] = []
    not_ours: dict[int, BadInput] = {}
    for row in rows_of(file):
        try:
            rows.append(ReadRow(row.number, _values(row, codes, orders), ()))
        except BadInput as refusal:
            not_ours[row.number] = refusal
    return rows, not_ours


def _values(row: DocumentRow, codes: "_Codes", orders: KnownOrders) -> dict[str, Any]:
    document, line = row.document, row.line
    if line is None:
        raise BadInput(_("The document has no lines."), field="OrderLine")
    is_change = document.kind is DocumentKind.ORDER_CHANGE
    if is_change:
        number = orders.find(row.order).order.number
        if line.status.lower() in _TAKEN_OUT:
            raise BadInput(_("A line is taken out of an order by a cancellation, or by hand."), field="status")
    elif not row.order or len(row.order) > _LONGEST_NUMBER:
        raise BadInput(_("The document names no order."), field="order")
    else:
        number = row.order
    said: dict[str, Any] = {"order": number, "line": _line_number(line)}
    if not is_change:
        said["vendor"] = codes.vendor(row)
        said["issued_on"] = document.issued_on
    said |= {"currency": _currency(row), "incoterm": document.delivery_terms[:60]}
    said |= {"incoterm_place": document.delivery_place, "description": (line.name or line.description)[:300]}
    said["class"] = codes.equipment_class(line, is_needed=not is_change)
    if line.quantity is not None:
        said["quantity"] = line.quantity.value
        said["unit"] = line.quantity.unit
    said["unit_price"] = _unit_price(line)
    said["contract_on"] = _asked_for(row)
    return {name: value for name, value in said.items() if value not in {None, ""}}


def _line_number(line: DocumentLine) -> int:
    said = line.order_line
    if not (said.isascii() and said.isdigit() and 0 < len(said) < 10 and int(said) > 0):
        raise BadInput(_("%(number)s is no line number.") % {"number": said or "–"}, field="line")
    return int(said)


def _currency(row: DocumentRow) -> str:
    price = row.line.price.currency if row.line and row.line.price else ""
    said = row.document.currency or price
    if said and said not in CURRENCIES:
        raise BadInput(_("%(code)s is no currency of ISO 4217.") % {"code": said}, field="currency")
    if price and price != said:
        raise BadInput(_("The line is in another currency than the order."), field="currency")
    return said


def _unit_price(line: DocumentLine) -> Decimal | None:
    if line.price is None:
        return None
    per = line.price_per.value if line.price_per else Decimal(1)
    try:
        return line.price.value / per
    except (InvalidOperation, ZeroDivisionError):
        raise BadInput(_("A price is for more than nothing."), field="price") from None


def _asked_for(row: DocumentRow) -> Any:
    days = [last_day(part.requested) for part in row.deliveries if part.requested]
    if len(set(days)) > 1:
        raise BadInput(_("Several deliveries of one line are not taken; send a line each."), field="contract_on")
    return days[0] if days else None


class _Codes:
    """Our codes, else what exactly one thing of ours is called by another system; each is looked up once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], str | None] = {}

    def vendor(self, row: DocumentRow) -> str:
        party = row.document.seller
        said = [value for _scheme, value in party.identifiers] if party else []
        for code in said:
            found = self._known("company", code, Company.objects.values_list("pk", "code"))
            if found:
                return found
        named = ", ".join(said) or (party.name if party else "")
        raise BadInput(_("There is no vendor %(code)s.") % {"code": named or "–"}, field="vendor")

    def equipment_class(self, line: DocumentLine, *, is_needed: bool) -> str | None:
        said = [code for code in (line.buyers_item, line.sellers_item) if code]
        for code in said:
            found = self._known("equipment_class", code, EquipmentClass.objects.values_list("pk", "code"))
            if found:
                return found
        if not is_needed:
            return None
        raise BadInput(_("There is no equipment class %(code)s.") % {"code": ", ".join(said) or "–"}, field="class")

    def _known(self, kind: str, code: str, rows: Any) -> str | None:
        if (kind, code) not in self._found:
            own: Mapping[UUID, str] = dict(rows.filter(code=code))
            if not own:
                refs = ExternalRef.objects.filter(kind=kind, external_id=code)
                own = dict(rows.filter(pk__in=refs.values_list("subject_id", flat=True)))
            self._found[kind, code] = next(iter(own.values())) if len(own) == 1 else None
        return self._found[kind, code]
