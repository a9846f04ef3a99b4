"""Business documents (UBL 2): one row a line of the document, or one for the whole of it where it has none."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Protocol
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.import_table import Column, ReadRow
from procurement.domain.table import MOST_BYTES, Cell, Sheet
from procurement.gateways import sandbox
from procurement.models import ImportRow
from procurement.readers import documents
from procurement.readers.ubl import BusinessDocument, DocumentKind, DocumentLine
from procurement.services import (
    document_cancellations,
    document_orders,
    document_receipts,
    document_responses,
    document_shipments,
)
from procurement.services.import_rows import Exported, Finding, Sheetful, Undoing
from procurement.vocabulary import ImportKind
from sites.accounts.models import User
from sites.domain.errors import BadInput, NotFound

KIND: Final = "document_kind"
_SHOWN: Final = (
    "document", "number", "issued_on", "order", "response", "line", "status", "quantity", "unit", "dates", "item",
    "note",
)  # fmt: skip


class _Work(Protocol):
    """What documents of one kind do."""

    def examine(self, file: Sheetful, *, rehearsed: bool) -> dict[int, Finding]: ...

    def apply(
        self, file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]
    ) -> dict[int, dict[str, Any]]: ...

    def undo(self, rows: Sequence[ImportRow], undoing: Undoing) -> Mapping[int, str]: ...


_WORK: Final[Mapping[DocumentKind, _Work]] = {
    DocumentKind.ORDER: document_orders,
    DocumentKind.ORDER_RESPONSE: document_responses,
    DocumentKind.ORDER_CHANGE: document_orders,
    DocumentKind.ORDER_CANCELLATION: document_cancellations,
    DocumentKind.DESPATCH_ADVICE: document_shipments,
    DocumentKind.RECEIPT_ADVICE: document_receipts,
}


def read(content: bytes, *, limits: sandbox.Limits) -> BusinessDocument:
    """Raises BadInput naming the file or the element."""
    if len(content) > MOST_BYTES:
        raise BadInput(_("The file is larger than %(size)s MB.") % {"size": MOST_BYTES // 1024**2}, field="file")
    return documents.load(sandbox.run(documents.TARGET, content, limits=limits))


def as_rows(document: BusinessDocument) -> tuple[Sheet, Mapping[str, int], tuple[ReadRow, ...]]:
    """The document as a table: what a reader sees of each row, which column is what, and the rows as they count."""
    lines: Sequence[DocumentLine | None] = document.lines or (None,)
    shown = tuple(tuple(_cells(document, line)) for line in lines)
    rows = tuple(ReadRow(number, {"document": document, "line": line}, ()) for number, line in enumerate(lines))
    return Sheet(document.kind.value, shown), {name: place for place, name in enumerate(_SHOWN)}, rows


def path_of(row: ReadRow, field: str) -> str:
    """How a person finds it in the file."""
    line: DocumentLine | None = row.values["line"]
    return f"{line.path if line else ''}{field}" or row.values["document"].kind.value


def _cells(document: BusinessDocument, line: DocumentLine | None) -> Iterable[Cell]:
    quantity = line.quantity if line else None
    said = {
        "document": document.kind.value,
        "number": document.number,
        "issued_on": document.issued_on.isoformat() if document.issued_on else "",
        "order": (line.order if line else "") or document.order,
        "response": document.response,
        "line": line.order_line if line else "",
        "status": line.status if line else "",
        "quantity": f"{quantity.value:f}" if quantity else "",
        "unit": quantity.unit if quantity else "",
        "dates": _dates((line.deliveries if line else ()) or document.deliveries),
        "item": (line.name or line.buyers_item) if line else "",
        "note": (line.note if line else "") or document.note,
    }
    return [said[name] or None for name in _SHOWN]


def _dates(deliveries: Iterable[Any]) -> str:
    """`promised 2027-05-10/2027-05-21`, one after the other."""
    found = []
    for part in deliveries:
        for name, period in asdict(part).items():
            if isinstance(period, dict) and "from_on" in period:
                days = dict.fromkeys(day.isoformat() for day in period.values() if day)
                found.append(f"{name} {'/'.join(days)}")
    return "; ".join(found)


def columns_of(kind: ImportKind) -> Sequence[Column]:
    """None: a business document says itself what is what."""
    return ()


def examine(file: Sheetful, *, rehearsed: bool = True) -> dict[int, Finding]:
    return _WORK[_kind(file)].examine(file, rehearsed=rehearsed)


def apply(file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    kind = _kind(file)
    written = _WORK[kind].apply(file, cause_key=cause_key, cause_text=cause_text, numbers=numbers) if numbers else {}
    return {number: {KIND: kind.value, **what} for number, what in written.items() if what}


def undo(rows: Sequence[ImportRow], undoing: Undoing) -> Mapping[int, str]:
    return _WORK[DocumentKind(rows[0].written[KIND])].undo(rows, undoing) if rows else {}


def marks(file: Sheetful) -> dict[int, tuple[str, str]]:
    return {}


def export(kind: ImportKind, actor: User, keys: Sequence[UUID] | None) -> Iterable[Exported]:
    """Raises NotFound: documents come in, lists go out."""
    raise NotFound(_("There is no such list."))


def _kind(file: Sheetful) -> DocumentKind:
    document: BusinessDocument = file.rows[0].values["document"]
    return document.kind
