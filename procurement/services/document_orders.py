"""What an order and its change do: the one way an order is written, by the rows of order lines.

Codes are ours or those that an external reference knows; what is neither is refused by name. A delivery term that is
none of the eleven and a currency that is none of ISO 4217 are kept as they were sent, and shown as such.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.import_table import ReadRow
from procurement.domain.money import CURRENCIES
from procurement.models import Company, EquipmentClass, ExternalRef, ImportRow
from procurement.readers.ubl import DocumentKind, DocumentLine
from procurement.services import document_cancellations, import_orders
from procurement.services.document_lines import DocumentRow, KnownOrders, last_day, rows_of
from procurement.services.import_rows import Finding, Sheetful, Undoing, refused
from procurement.vocabulary import Incoterm
from sites.accounts.models import User
from sites.domain.errors import BadInput
from sites.models import Site

# Of UBL's own list and of Peppol's: the line is taken out of the order.
_TAKEN_OUT: Final = frozenset({"cancelled", "2"})
_LONGEST_NUMBER: Final = 60
_LONGEST_CURRENCY: Final = 20


def examine(file: Sheetful, *, rehearsed: bool) -> dict[int, Finding]:
    codes = _Codes(file.actor)
    rows, not_ours = _translated(file, codes)
    found = {number: refused(file, number, refusal) for number, refusal in not_ours.items()}
    found |= import_orders.examine(replace(file, rows=rows), rehearsed=rehearsed)
    found = {number: _flagged(found[number], row, codes) for row in _kept(file) for number in [row.number]}
    return found | document_cancellations.examine(_removals(file), rehearsed=rehearsed)


def apply(file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    rows, _not_ours = _translated(file, _Codes(file.actor))
    with transaction.atomic():
        written = import_orders.apply(
            replace(file, rows=rows), cause_key=cause_key, cause_text=cause_text, numbers=numbers
        )
        removed = document_cancellations.apply(
            _removals(file), cause_key=cause_key, cause_text=cause_text, numbers=numbers
        )
    return written | removed


def undo(rows: Sequence[ImportRow], undoing: Undoing) -> dict[int, str]:
    """What the change took out comes back first, as the last that was done."""
    removed = [row for row in rows if document_cancellations.OPENED in row.written]
    left = document_cancellations.undo(removed, undoing)
    kept = [row for row in rows if row not in removed and "order" in row.written]
    return left | import_orders.undo(kept, undoing)


def _is_taken_out(row: DocumentRow) -> bool:
    is_change = row.document.kind is DocumentKind.ORDER_CHANGE
    return is_change and row.line is not None and row.line.status.lower() in _TAKEN_OUT


def _kept(file: Sheetful) -> list[DocumentRow]:
    return [row for row in rows_of(file) if not _is_taken_out(row)]


def _removals(file: Sheetful) -> Sheetful:
    gone = {row.number for row in rows_of(file) if _is_taken_out(row)}
    return replace(file, rows=[row for row in file.rows if row.number in gone])


def _flagged(finding: Finding, row: DocumentRow, codes: "_Codes") -> Finding:
    """Says of a delivery term, a currency or a place of delivery that is none of ours that it stays text."""
    if finding.refusals or not finding.changes:
        return finding
    term, currency = row.document.delivery_terms, _currency(row)
    flags = []
    if term and term.upper() not in Incoterm.values:
        flags.append(("unknown_delivery_term", "", term))
    if currency and currency not in CURRENCIES:
        flags.append(("unknown_currency", "", currency))
    places = _places(row)
    if places and codes.site(places) is None:
        flags.append(("unknown_delivery_site", "", places[-1]))
    return replace(finding, changes=(*finding.changes, *flags))


def _translated(file: Sheetful, codes: "_Codes") -> tuple[list[ReadRow], dict[int, BadInput]]:
    orders = KnownOrders(file.actor)
    rows: list[ReadRow] = []
    not_ours: dict[int, BadInput] = {}
    for row in _kept(file):
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
    said["site"] = codes.site(_places(row))
    return {name: value for name, value in said.items() if value not in {None, ""}}


def _line_number(line: DocumentLine) -> int:
    said = line.order_line
    if not (said.isascii() and said.isdigit() and 0 < len(said) < 10 and int(said) > 0):
        raise BadInput(_("%(number)s is no line number.") % {"number": said or "–"}, field="line")
    return int(said)


def _currency(row: DocumentRow) -> str:
    price = row.line.price.currency if row.line and row.line.price else ""
    said = row.document.currency or price
    if len(said) > _LONGEST_CURRENCY:
        raise BadInput(_("This is too long for a currency."), field="currency")
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


def _places(row: DocumentRow) -> tuple[str, ...]:
    """Where to: as the line says, else as the document does."""
    of_line = row.line.deliveries if row.line else ()
    parts = [part.places for part in (*of_line, *row.document.deliveries) if part.places]
    return parts[0] if parts else ()


class _Codes:
    """Our codes, else what exactly one thing of ours is called by another system; each is looked up once."""

    def __init__(self, actor: User) -> None:
        self._actor = actor
        self._found: dict[tuple[str, str], str | None] = {}

    def site(self, places: Sequence[str]) -> str | None:
        """The site in the actor's sight that one of the words means by code, reference or name; None: none of ours."""
        visible = Site.objects.visible_to(self._actor)
        for place in places:
            found = self._known("site", place, visible.values_list("pk", "code"))
            if found is None:
                named = visible.filter(name__iexact=place).values_list("code", flat=True)[:2]
                found = named[0] if len(named) == 1 else None
            if found:
                return found
        return None

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
