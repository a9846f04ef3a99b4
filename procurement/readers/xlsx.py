"""An .xlsx file: values as the spreadsheet library gives them, after the structure of the file was found honest."""

import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from procurement.domain.table import MOST_ROWS, Cell, CellError, Sheet, Workbook
from procurement.readers.workbook import squared
from procurement.readers.xlsx_structure import SheetStructure, open_package, place, sheet_parts, sheet_structure
from sites.domain.errors import BadInput

_EXACT_WHOLE = 10**15  # above it a number typed into a sheet has lost its last digits


def read(content: bytes) -> Workbook:
    """Every visible sheet that holds anything. Hidden rows, hidden sheets with content, merged cells and formulas that
    were never calculated refuse the file: a reader of values would take them for blank. Raises BadInput.
    """
    package = open_package(content)
    structures: dict[str, SheetStructure] = {}
    for title, (part, state) in sheet_parts(package).items():
        if not part.startswith("xl/worksheets/"):
            continue  # a chart sheet holds no rows
        structure = sheet_structure(package, part, title)
        if structure.rows and state != "visible":
            raise BadInput("The sheet is hidden; show it or delete it.", field=title)
        _refuse_what_hides(structure, title)
        structures[title] = structure
    if sum(structure.rows for structure in structures.values()) > MOST_ROWS + len(structures):
        raise BadInput(f"The file has more than {MOST_ROWS} rows; split it. Nothing was read.", field="file")
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = tuple(_sheet(book, title, structure) for title, structure in structures.items() if structure.rows)
    except CalamineError as trouble:
        raise BadInput(f"The file is damaged: {type(trouble).__name__}.", field="file") from None
    if not any(sheet.rows for sheet in sheets):
        raise BadInput("The file holds no filled cell.", field="file")
    return Workbook("xlsx", sheets)


def _refuse_what_hides(structure: SheetStructure, title: str) -> None:
    if structure.merged:
        raise BadInput("The cells are merged; unmerge them.", field=f"{title}!{structure.merged}")
    if structure.hidden_row is not None:
        raise BadInput("The row is hidden; show it or delete it.", field=f"{title} row {structure.hidden_row}")
    if structure.uncalculated:
        raise BadInput(
            "The formula was never calculated; open the file in a spreadsheet and save it.",
            field=f"{title}!{structure.uncalculated}",
        )


def _sheet(book: CalamineWorkbook, title: str, structure: SheetStructure) -> Sheet:
    errors = {found: CellError(said) for address, said in structure.errors.items() if (found := place(address))}
    return squared(title, _rows(book, title, errors), hidden_columns=frozenset(structure.hidden_columns))


def _rows(book: CalamineWorkbook, title: str, errors: dict[tuple[int, int], CellError]) -> Iterator[tuple[Cell, ...]]:
    for number, row in enumerate(book.get_sheet_by_name(title).to_python(skip_empty_area=False)):
        cells = tuple(_cell(value) for value in row)
        if errors:
            cells = tuple(errors.get((number, column), cell) for column, cell in enumerate(cells))
        yield cells


def _cell(value: Any) -> Cell:
    """A whole number becomes int (a spreadsheet knows only floats), a midnight a date, blank text None."""
    match value:
        case bool():
            return value
        case str():
            return value if value.strip() else None
        case float() if value.is_integer() and abs(value) < _EXACT_WHOLE:
            return int(value)
        case datetime() if value.time() == time():
            return value.date()
        case float() | int() | datetime() | date() | time() | timedelta():
            return value
        case _:
            return None
