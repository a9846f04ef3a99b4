"""Which column of a stranger's table is which of our fields, and what its rows say. Pure: no table of ours is read."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from procurement.domain.cells import Declared
from procurement.domain.table import Cell, CellError, Sheet, column_letters
from sites.domain.errors import BadInput

HEADER_WITHIN: Final = 30  # rows from the top among which the header is looked for
_MOST_TITLES: Final = 5  # named of those that nobody knows
_NOISE = re.compile(r"[\s._\-/:;()（）・#'\"*№]+")


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a record kind. `titles` are what senders call it; `read` raises BadInput without a field.

    A row without a filled `required` field is refused; one that is only `in_header` may be empty in a row, but a table
    without its column is not understood. `names` fields say which record is meant.
    """

    field: str
    titles: tuple[str, ...]
    read: Callable[[Cell, Declared], Any]
    required: bool = False
    names: bool = False
    in_header: bool = False

    @property
    def is_needed(self) -> bool:
        return self.required or self.in_header


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """`header_row` counts from 0; `columns` is field to column, counted from 0."""

    header_row: int
    columns: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CellRefusal:
    """`address` is a cell (`Orders!B7`) or a row (`Orders row 7`)."""

    address: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class ReadRow:
    """`number` counts from 0 in the sheet. A refused row has refusals, a blank one neither values nor refusals."""

    number: int
    values: Mapping[str, Any]
    refusals: tuple[CellRefusal, ...]

    @property
    def is_blank(self) -> bool:
        return not self.values and not self.refusals


def plain(title: str) -> str:
    """A title without case, width, spaces and punctuation, so that `PO No.` and `po-no` are one."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", title).casefold())


def shape(sheet: Sheet, header_row: int) -> str:
    """What makes two files of one sender alike: the titles of their header, in order, as a hash."""
    titles = [plain(cell) if isinstance(cell, str) else "" for cell in sheet.rows[header_row]]
    while titles and not titles[-1]:
        titles.pop()
    return hashlib.sha256("\x1f".join(titles).encode()).hexdigest()


def find_mapping(sheet: Sheet, columns: Sequence[Column]) -> ColumnMapping:
    """The first row near the top that names the most of our fields, all that are needed among them.

    Raises BadInput naming the sheet and the titles that mean nothing here, or the cell of a title that stands twice.
    """
    by_title = {plain(title): column.field for column in columns for title in (column.field, *column.titles)}
    best: ColumnMapping | None = None
    twice: tuple[str, str] | None = None
    for number, row in enumerate(sheet.rows[:HEADER_WITHIN]):
        found: dict[str, int] = {}
        again: tuple[str, str] | None = None
        for place, cell in enumerate(row):
            field = by_title.get(plain(cell)) if isinstance(cell, str) else None
            if field in found:
                again = again or (str(field), sheet.address(number, place))
            elif field is not None:
                found[field] = place
        if len(found) > (len(best.columns) if best else 0):
            best, twice = ColumnMapping(number, found), again
    if twice is not None:
        raise BadInput(f"Two columns would both be {twice[0]}; say which.", field=twice[1])
    missing = [
        column.field for column in columns if column.is_needed and (not best or column.field not in best.columns)
    ]
    if best is None or missing:
        wanted, unknown = ", ".join(missing), _unknown_titles(sheet, best) if best else ""
        if unknown:
            raise BadInput(
                f"No header row names {wanted}, nor is it known what {unknown} is; map the columns.", field=sheet.name
            )
        raise BadInput(f"No header row names {wanted}; map the columns.", field=sheet.name)
    return best


def unread_columns(sheet: Sheet, mapping: ColumnMapping) -> dict[str, str]:
    """The columns that hold something below the header and are none of our fields: their titles by their letters."""
    header, rows = sheet.rows[mapping.header_row], sheet.rows[mapping.header_row + 1 :]
    known = set(mapping.columns.values())
    return {
        column_letters(place): title.strip()[:60] if isinstance(title, str) else ""
        for place, title in enumerate(header)
        if place not in known and any(row[place] is not None for row in rows)
    }


def _unknown_titles(sheet: Sheet, mapping: ColumnMapping) -> str:
    """The first few that mean nothing here."""
    header, known = sheet.rows[mapping.header_row], set(mapping.columns.values())
    titles = [cell.strip()[:40] for place, cell in enumerate(header) if isinstance(cell, str) and place not in known]
    return ", ".join([title for title in titles if title][:_MOST_TITLES])


def check_mapping(sheet: Sheet, mapping: ColumnMapping, columns: Sequence[Column]) -> None:
    """A mapping that a person made or that was remembered. Raises BadInput naming the field."""
    known = {column.field for column in columns}
    width = len(sheet.rows[0]) if sheet.rows else 0
    if not 0 <= mapping.header_row < len(sheet.rows):
        raise BadInput("The sheet has no such header row.", field="header_row")
    for field, place in mapping.columns.items():
        if field not in known:
            raise BadInput(f"There is no field {field}.", field=f"mapping/{field}")
        if not 0 <= place < width:
            raise BadInput("The sheet has no such column.", field=f"mapping/{field}")
    if len(set(mapping.columns.values())) < len(mapping.columns):
        raise BadInput("One column is mapped to two fields.", field="mapping")
    for column in columns:
        if column.is_needed and column.field not in mapping.columns:
            raise BadInput(f"Say which column is {column.field}.", field=f"mapping/{column.field}")


def read_rows(sheet: Sheet, mapping: ColumnMapping, columns: Sequence[Column], declared: Declared) -> Iterator[ReadRow]:
    """Every row behind the header, each read, refused or blank: none is passed over."""
    header = [sheet.rows[mapping.header_row][place] for place in mapping.columns.values()]
    placed = [(column, mapping.columns[column.field]) for column in columns if column.field in mapping.columns]
    for number in range(mapping.header_row + 1, len(sheet.rows)):
        row = sheet.rows[number]
        if all(cell is None for cell in row):
            yield ReadRow(number, {}, ())
        elif [row[place] for place in mapping.columns.values()] == header:
            yield ReadRow(number, {}, (CellRefusal(sheet.address(number), "", "The header stands here again."),))
        else:
            yield _read_row(sheet, number, row, placed, declared)


def _read_row(
    sheet: Sheet,
    number: int,
    row: Sequence[Cell],
    placed: Sequence[tuple[Column, int]],
    declared: Declared,
) -> ReadRow:
    values: dict[str, Any] = {}
    refusals: list[CellRefusal] = []
    for column, place in placed:
        cell = row[place]
        if cell is None:
            if column.required:
                refusals.append(CellRefusal(sheet.address(number, place), column.field, "The cell is empty."))
            continue
        try:
            values[column.field] = column.read(cell, declared)
        except BadInput as refusal:
            refusals.append(CellRefusal(sheet.address(number, place), column.field, refusal.message))
    return ReadRow(number, values, tuple(refusals))


def raw(cell: Cell) -> str:
    """A cell as text for the record of what was sent."""
    match cell:
        case None:
            return ""
        case CellError():
            return cell.said
        case _:
            return str(cell)
