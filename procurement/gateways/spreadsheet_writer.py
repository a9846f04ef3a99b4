"""How `spreadsheet` writes: with openpyxl."""

import io
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

_DATE_FORMAT: Final = "yyyy-mm-dd"
_MOMENT_FORMAT: Final = "yyyy-mm-dd hh:mm"
_WIDEST, _NARROWEST = 44, 9
_MEASURED_ROWS: Final = 200
_LONGEST_NAME: Final = 31
_UNNAMEABLE: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
# What XML cannot carry; the tables hold none of it, a mail or a file name might.
_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def write(sheet: str, titles: Sequence[str], rows: Iterable[Sequence[object]], hidden: Collection[int]) -> bytes:
    book = Workbook(write_only=True)
    _fill(book.create_sheet(sheet), titles, rows, hidden)
    return _content(book)


def write_sheets(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[object]]]]) -> bytes:
    book = Workbook(write_only=True)
    for place, (name, titles, rows) in enumerate(sheets, start=1):
        # A space for what no sheet may be called, and a number so that no two are called the same.
        kept = _UNNAMEABLE.sub(" ", name).strip("' ")
        _fill(book.create_sheet(f"{place} {kept}"[:_LONGEST_NAME]), titles, rows, ())
    return _content(book)


def _content(book: Workbook) -> bytes:
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _fill(page: Any, titles: Sequence[str], rows: Iterable[Sequence[object]], hidden: Collection[int]) -> None:
    page.freeze_panes = "A2"
    kept = iter(rows)
    first = [tuple(row) for row in islice(kept, _MEASURED_ROWS)]
    for place, title in enumerate(titles):
        widest = max([len(title), *(len(_shown(row[place])) for row in first)])
        column = page.column_dimensions[get_column_letter(place + 1)]
        column.width = min(_WIDEST, max(_NARROWEST, widest + 2))
        column.hidden = place in hidden
    bold, wrapped = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    header = []
    for title in titles:
        cell = _cell(page, title)
        cell.font, cell.alignment = bold, wrapped
        header.append(cell)
    page.append(header)
    count = 1
    for part in (first, kept):
        for row in part:
            page.append([_cell(page, value) for value in row])
            count += 1
    page.auto_filter.ref = f"A1:{get_column_letter(max(1, len(titles)))}{count}"


def _cell(page: WriteOnlyWorksheet, value: object) -> Cell:
    match value:
        case None | "":
            return WriteOnlyCell(page, None)
        case bool():
            return WriteOnlyCell(page, value)
        case int() | float():
            return WriteOnlyCell(page, value)
        case Decimal():
            return WriteOnlyCell(page, int(value) if value == value.to_integral_value() else float(value))
        case datetime():
            # A workbook knows no zones: the caller has turned it to the reader's.
            cell = WriteOnlyCell(page, value.replace(tzinfo=None, microsecond=0))
            cell.number_format = _MOMENT_FORMAT
            return cell
        case date():
            cell = WriteOnlyCell(page, datetime.combine(value, time()))
            cell.number_format = _DATE_FORMAT
            return cell
        case _:
            cell = WriteOnlyCell(page, _UNWRITABLE.sub("", str(value)))
            # The library takes what starts with an equals sign for a formula, and #REF! for an error.
            cell.data_type = "s"
            return cell


def _shown(value: object) -> str:
    return "" if value is None else str(value)
