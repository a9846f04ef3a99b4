"""What a cell means once its column is known. Ambiguous is refused, never guessed.

Every reader takes a filled cell and raises BadInput without a field: the caller knows the address.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from procurement.domain.table import Cell, CellError
from sites.domain.calendar import in_range
from sites.domain.errors import BadInput
from sites.domain.imprecise import ImpreciseDate, on_day, read_as_said
from sites.domain.text import check_text

_LONGEST_EXACT: Final = 10**15
_FIELD: Final = "cell"
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,18}")
_CLEAR_FRACTION = re.compile(r"-?[0-9]{1,18}\.(?:[0-9]{1,2}|[0-9]{4,12})")
_NUMERIC_DAY = re.compile(r"([0-9]{1,2})[./\-]([0-9]{1,2})[./\-]([0-9]{4})")


class DayOrder(StrEnum):
    """How the file writes 5 June: `5/6/2027` or `6/5/2027`."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


class DecimalMark(StrEnum):
    POINT = "point"
    COMMA = "comma"


@dataclass(frozen=True, slots=True)
class Declared:
    """What the sender says of the whole file; None: not said, and then what needs it is refused.

    `as_of` is the local date that a week without a year counts from.
    """

    as_of: date
    day_order: DayOrder | None = None
    decimal_mark: DecimalMark | None = None


def text(cell: Cell, *, longest: int) -> str:
    """Words as typed; a whole number becomes its digits."""
    match cell:
        case str():
            said = cell.strip()
        case bool():
            raise BadInput("A yes or no stands where text is expected.")
        case int():
            said = str(cell)
        case CellError():
            raise BadInput(f"The cell shows the error {cell.said}.")
        case _:
            raise BadInput("A number or date stands where text is expected; format the cell as text.")
    _check(said, longest=longest, lines=True)
    return said


def identifier(cell: Cell, *, longest: int) -> str:
    """A number by which others know a thing: as text it keeps its leading zeros, as a whole number its digits.

    Numbers of fifteen digits or more are refused: a spreadsheet has changed their last ones.
    """
    match cell:
        case str():
            said = cell.strip()
        case bool():
            raise BadInput("A yes or no stands where a number of a document is expected.")
        case int() if abs(cell) < _LONGEST_EXACT:
            said = str(cell)
        case int() | float():
            raise BadInput("The number was changed by the spreadsheet; format the column as text and type it again.")
        case CellError():
            raise BadInput(f"The cell shows the error {cell.said}.")
        case _:
            raise BadInput("A date stands where a number of a document is expected.")
    _check(said, longest=longest)
    return said


def number(cell: Cell, declared: Declared) -> Decimal:
    """A true number, or text that only one reading fits: digits, or what the declared decimal mark makes of it."""
    match cell:
        case bool():
            raise BadInput("A yes or no stands where a number is expected.")
        case int():
            return Decimal(cell)
        case float():
            # The shortest text of a float is what was typed; its binary digits are not.
            return Decimal(repr(cell))
        case str():
            return _number_of_text(cell.strip(), declared)
        case CellError():
            raise BadInput(f"The cell shows the error {cell.said}.")
        case _:
            raise BadInput("A date stands where a number is expected.")


def whole_number(cell: Cell, declared: Declared, *, least: int, most: int) -> int:
    """`00010` is 10, as line numbers of some systems are written."""
    value = number(cell, declared)
    if value != value.to_integral_value() or not least <= value <= most:
        raise BadInput(f"A whole number from {least} to {most} is expected.")
    return int(value)


def _number_of_text(said: str, declared: Declared) -> Decimal:
    if _PLAIN_NUMBER.fullmatch(said):
        return Decimal(said)
    if declared.decimal_mark is None:
        if _CLEAR_FRACTION.fullmatch(said):
            return Decimal(said)
        raise BadInput(f"{said[:40]!r} is text; declare the decimal mark of the file, or send a number.")
    mark, group = (".", ",") if declared.decimal_mark is DecimalMark.POINT else (",", ".")
    whole, _, fraction = said.partition(mark)
    grouped = whole.replace(group, "") if re.fullmatch(rf"-?[0-9]{{1,3}}(?:\{group}[0-9]{{3}})*", whole) else whole
    if re.fullmatch(r"-?[0-9]{1,18}", grouped) and re.fullmatch(r"[0-9]{0,12}", fraction):
        return Decimal(f"{grouped}.{fraction}" if fraction else grouped)
    raise BadInput(f"{said[:40]!r} is not a number.")


def imprecise_day(cell: Cell, declared: Declared) -> ImpreciseDate:
    """A date cell, or a date as vendors say it. A bare number or a time of day is none."""
    match cell:
        case datetime():
            return _on(cell.date())
        case date():
            return _on(cell)
        case str():
            return _said(cell.strip(), declared)
        case bool() | int() | float():
            raise BadInput("A number stands where a date is expected; format the cell as a date.")
        case time() | timedelta():
            raise BadInput("A time of day stands where a date is expected.")
        case CellError():
            raise BadInput(f"The cell shows the error {cell.said}.")
        case _:
            raise BadInput("A date is expected.")


def day(cell: Cell, declared: Declared) -> date:
    """A whole day. Raises BadInput where the cell says less."""
    said = imprecise_day(cell, declared)
    if said.precision != "day" or said.counts_on is None:
        raise BadInput("A whole day is expected, not a week, month or TBD.")
    return said.counts_on


def _on(found: date) -> ImpreciseDate:
    if not in_range(found):
        raise BadInput(f"{found.isoformat()} is outside the years 2000 to 2100.")
    return on_day(found)


def _said(said: str, declared: Declared) -> ImpreciseDate:
    if declared.day_order is not None and (parts := _NUMERIC_DAY.fullmatch(said)):
        first, second, year = (int(part) for part in parts.groups())
        month, of_month = (second, first) if declared.day_order is DayOrder.DAY_FIRST else (first, second)
        try:
            return _on(date(year, month, of_month))
        except ValueError:
            raise BadInput(f"The calendar has no {said!r}, {declared.day_order.replace('_', ' ')}.") from None
    try:
        return read_as_said(said, as_of=declared.as_of, field=_FIELD)
    except BadInput as refusal:
        raise BadInput(refusal.message) from None


def _check(said: str, *, longest: int, lines: bool = False) -> None:
    try:
        check_text(said, _FIELD, longest=longest, lines=lines)
    except BadInput as refusal:
        raise BadInput(refusal.message) from None
