"""Workbooks on their way in: squared, within the limits, and as JSON out of a closed process.

A file is read whole or refused with one reason, whose field is the file, a sheet (`Sheet1`), a row (`Sheet1 row 7`) or
a cell (`Sheet1!B7`). What a cell means is decided later, by who knows its column.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from procurement.domain.table import MOST_CELLS, MOST_COLUMNS, MOST_ROWS, Cell, CellError, Sheet, Workbook
from sites.domain.errors import BadInput


def dump(workbook: Workbook) -> bytes:
    """The cells as JSON, for the way out of a closed process."""
    return json.dumps(
        {
            "kind": workbook.kind,
            "sheets": [
                {
                    "name": sheet.name,
                    "hidden_columns": sorted(sheet.hidden_columns),
                    "rows": [[_written(cell) for cell in row] for row in sheet.rows],
                }
                for sheet in workbook.sheets
            ],
        },
        separators=(",", ":"),
    ).encode()


def load(content: bytes) -> Workbook:
    read = json.loads(content)
    return Workbook(
        read["kind"],
        tuple(
            Sheet(
                sheet["name"],
                tuple(tuple(_read(cell) for cell in row) for row in sheet["rows"]),
                frozenset(sheet["hidden_columns"]),
            )
            for sheet in read["sheets"]
        ),
    )


def _written(cell: Cell) -> object:
    match cell:
        case datetime():
            return ["instant", cell.isoformat()]
        case date():
            return ["date", cell.isoformat()]
        case time():
            return ["time", cell.isoformat()]
        case timedelta():
            return ["span", cell.days, cell.seconds, cell.microseconds]
        case CellError():
            return ["error", cell.said]
        case _:
            return cell


def _read(cell: Any) -> Cell:
    if not isinstance(cell, list):
        read: Cell = cell
        return read
    kind, *parts = cell
    match kind:
        case "instant":
            return datetime.fromisoformat(parts[0])
        case "date":
            return date.fromisoformat(parts[0])
        case "time":
            return time.fromisoformat(parts[0])
        case "span":
            return timedelta(*parts)
        case _:
            return CellError(parts[0])


def squared(name: str, rows: Iterable[tuple[Cell, ...]], *, hidden_columns: frozenset[int] = frozenset()) -> Sheet:
    """A sheet without the blank rows and columns behind its last filled cell. Raises BadInput past a limit."""
    kept: list[tuple[Cell, ...]] = []
    last_row = width = 0
    for number, row in enumerate(rows, start=1):
        filled = max((place for place, cell in enumerate(row, start=1) if cell is not None), default=0)
        if filled > MOST_COLUMNS:
            raise BadInput(f"The sheet has more than {MOST_COLUMNS} columns.", field=name)
        kept.append(row[:filled])
        if filled:
            last_row, width = number, max(width, filled)
            if last_row > MOST_ROWS + 1:
                raise BadInput(
                    f"The sheet has more than {MOST_ROWS} rows; split the file. Nothing was read.", field=name
                )
    del kept[last_row:]
    if last_row * width > MOST_CELLS:
        raise BadInput(f"The sheet spans more than {MOST_CELLS} cells; split the file.", field=name)
    return Sheet(name, tuple(_filled_up(kept, width)), hidden_columns)


def _filled_up(rows: Iterable[tuple[Cell, ...]], width: int) -> Iterator[tuple[Cell, ...]]:
    for row in rows:
        yield row + (None,) * (width - len(row))
