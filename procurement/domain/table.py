"""Tables as strangers send them: cells of a workbook or a text file, what stands where, nothing guessed."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

MOST_BYTES: Final = 20 * 1024 * 1024
MOST_ROWS: Final = 50_000
MOST_COLUMNS: Final = 500
MOST_CELLS: Final = 3_000_000
LONGEST_TEXT: Final = 32_767  # what a spreadsheet itself can hold in a cell

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class CellError:
    """What a spreadsheet shows where it could not calculate, such as #REF!."""

    said: str


# Whole numbers of a sheet arrive as int, others as float; a date has no time of day, an instant of a sheet has no zone.
Cell = str | bool | int | float | date | datetime | time | timedelta | CellError | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """`rows` start at row 1, column A; every row is as long as the longest. A blank cell is None."""

    name: str
    rows: tuple[tuple[Cell, ...], ...]
    hidden_columns: frozenset[int] = field(default_factory=frozenset)

    def address(self, row: int, column: int | None = None) -> str:
        """How a person finds a place (both counted from 0): `Orders!B7`, or `Orders row 7`."""
        if column is None:
            return f"{self.name} row {row + 1}"
        return f"{self.name}!{column_letters(column)}{row + 1}"


@dataclass(frozen=True, slots=True)
class Workbook:
    """`kind` is xlsx or csv. Of a .csv there is one sheet, named `csv`, and every filled cell is text."""

    kind: str
    sheets: tuple[Sheet, ...]


def column_letters(column: int) -> str:
    """0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = _LETTERS[rest] + letters
    return letters
