"""A system's list of open orders out of a .csv or .xlsx, whole or not at all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from procurement.domain import cells
from procurement.domain.cells import Declared
from procurement.domain.import_table import Column, ReadRow, find_mapping, read_rows
from procurement.domain.table import MOST_BYTES, Workbook
from procurement.gateways import sandbox
from procurement.readers import tables, workbook
from procurement.services import open_orders
from procurement.services.import_columns import code, number, whole, words
from procurement.services.open_orders import Compared, Stated
from procurement.vocabulary import LineStatus
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.services.access import check_can

LIMITS: Final = sandbox.Limits(cpu_seconds=30, memory_bytes=1024 * 1024 * 1024, wall_seconds=60)
_NAMED: Final = 5


_LINE: Final = whole(least=1, most=999_999)
COLUMNS: Final = (
    Column("order", ("PO", "PO No.", "PO number", "Purchase order", "Purchasing document", "Order No.", "Order number",
                     "Bestellung", "注文番号"), code(80), required=True, names=True),
    Column("line", ("Item", "Line No.", "Line number", "Line item", "Pos", "Position", "明細"), _LINE, required=True,
           names=True),
    Column("schedule", ("Schedule line", "Schedule No.", "Schedule number"), _LINE, names=True),
    Column("quantity", ("Qty", "Open quantity", "Menge", "数量"), number(places=3, least="0.001", most="10000000")),
    Column("unit_price", ("Unit price", "Price", "Net price", "Preis", "単価"),
           number(places=4, most="10000000000000")),
    Column("contract_on", ("Contract date", "Contractual date", "Delivery date", "Vertragstermin", "契約納期"),
           cells.day),
    Column("status", ("State", "ステータス"), words(LineStatus)),
)  # fmt: skip


def take_file(
    *,
    content: bytes,
    file_name: str,
    system: str,
    stated_at: datetime,
    complete: bool,
    actor: User,
    now: datetime,
    encoding: str | None = None,
    declared: Declared | None = None,
) -> Compared:
    """Read the first sheet and compare it, as if the system had sent it.

    The whole portfolio is compared, so it needs the right to orders there. Raises BadInput naming the file or the
    first cells that cannot be read, Conflict, NotPermitted.
    """
    check_can(actor, Permission.ORDER_WRITE, site_id=None)
    if len(content) > MOST_BYTES:
        raise BadInput(_("The file is larger than %(size)s MB.") % {"size": MOST_BYTES // 1024**2}, field="file")
    return open_orders.take(
        system=system,
        rows=_rows(_read(content, encoding), declared or Declared(as_of=now.date())),
        stated_at=stated_at,
        complete=complete,
        document=file_name[:200],
        client=None,
        actor=actor,
        now=now,
    )


def _read(content: bytes, encoding: str | None) -> Workbook:
    return workbook.load(sandbox.run(tables.TARGET, tables.payload(content, encoding=encoding), limits=LIMITS))


def _rows(book: Workbook, declared: Declared) -> list[Stated]:
    sheet = book.sheets[0]
    rows = [row for row in read_rows(sheet, find_mapping(sheet, COLUMNS), COLUMNS, declared) if not row.is_blank]
    _refuse(rows)
    return [_stated(row.values) for row in rows]


def _refuse(rows: Sequence[ReadRow]) -> None:
    refused = [refusal for row in rows for refusal in row.refusals]
    if not refused:
        return
    said = "; ".join(f"{each.address}: {each.message}" for each in refused[:_NAMED])
    left = len(refused) - _NAMED
    if left > 0:
        said += " " + ngettext("and %(number)d cell more.", "and %(number)d cells more.", left) % {"number": left}
    raise BadInput(said, field="file")


def _stated(values: Any) -> Stated:
    return Stated(
        number=values["order"],
        line_number=values["line"],
        schedule_number=values.get("schedule", 1),
        quantity=values.get("quantity"),
        unit_price=values.get("unit_price"),
        contract_on=values.get("contract_on"),
        status=LineStatus(values["status"]) if "status" in values else None,
    )
