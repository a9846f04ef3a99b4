"""What a cell means: one meaning, or a refusal."""

from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.domain import cells
from procurement.domain.cells import DayOrder, DecimalMark, Declared
from procurement.domain.table import Cell, CellError
from sites.domain.errors import BadInput

PLAIN = Declared(date(2026, 11, 20))
COMMA = Declared(date(2026, 11, 20), decimal_mark=DecimalMark.COMMA)
POINT = Declared(date(2026, 11, 20), decimal_mark=DecimalMark.POINT)


@pytest.mark.parametrize(
    ("cell", "said"),
    [("4500016221", "4500016221"), (" 00010 ", "00010"), (4500016221, "4500016221"), ("変圧器-1", "変圧器-1")],
)
def test_an_identifier_keeps_its_digits(cell: Cell, said: str) -> None:
    assert cells.identifier(cell, longest=60) == said


@pytest.mark.parametrize(
    "cell",
    [
        1.5,
        10**15,
        1.234567890123457e19,
        True,
        date(2027, 1, 1),
        time(1),
        CellError("#REF!"),
        "x" * 61,
        "a\x07b",
        "a\u202eb",
    ],
)
def test_a_damaged_identifier_is_refused(cell: Cell) -> None:
    with pytest.raises(BadInput):
        cells.identifier(cell, longest=60)


@pytest.mark.parametrize(
    ("cell", "declared", "value"),
    [
        (10, PLAIN, "10"),
        (1250.5, PLAIN, "1250.5"),
        (0.1, PLAIN, "0.1"),
        ("12", PLAIN, "12"),
        ("-3", PLAIN, "-3"),
        ("1250.50", PLAIN, "1250.50"),
        ("1,250.50", POINT, "1250.50"),
        ("1.250,50", COMMA, "1250.50"),
        ("1.250", COMMA, "1250"),
        ("1.250", POINT, "1.250"),
        ("12,5", COMMA, "12.5"),
    ],
)
def test_a_number_has_one_reading(cell: Cell, declared: Declared, value: str) -> None:
    assert cells.number(cell, declared) == Decimal(value)


@pytest.mark.parametrize(
    ("cell", "declared"),
    [
        ("1.250", PLAIN),
        ("1,5", PLAIN),
        ("12%", PLAIN),
        ("(12)", POINT),
        ("1,25,0", POINT),
        ("1,5", POINT),
        ("NaN", POINT),
        ("1e5", PLAIN),
        (True, PLAIN),
        (date(2027, 1, 1), PLAIN),
        (CellError("#N/A"), PLAIN),
        ("", PLAIN),
    ],
)
def test_a_number_with_two_readings_or_none_is_refused(cell: Cell, declared: Declared) -> None:
    with pytest.raises(BadInput):
        cells.number(cell, declared)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_a_number_written_with_either_mark_is_the_same(value: Decimal) -> None:
    written = f"{value:,.2f}"
    swapped = written.translate(str.maketrans(",.", ".,"))

    assert cells.number(written, POINT) == cells.number(swapped, COMMA) == value


@pytest.mark.parametrize(
    ("cell", "declared", "value"),
    [
        (date(2027, 6, 4), PLAIN, "2027-06-04"),
        (datetime(2027, 6, 4, 13, 30), PLAIN, "2027-06-04"),  # noqa: DTZ001 (an instant of a sheet has no zone)
        ("2027-06-04", PLAIN, "2027-06-04"),
        ("CW23", PLAIN, "2027-W23"),
        ("6月上旬", PLAIN, "2027-06-T1"),
        ("TBD", PLAIN, ""),
        ("5/6/2027", Declared(date(2026, 11, 20), day_order=DayOrder.DAY_FIRST), "2027-06-05"),
        ("5/6/2027", Declared(date(2026, 11, 20), day_order=DayOrder.MONTH_FIRST), "2027-05-06"),
    ],
)
def test_a_date_as_a_cell_or_as_vendors_say_it(cell: Cell, declared: Declared, value: str) -> None:
    assert cells.imprecise_day(cell, declared).value == value


@pytest.mark.parametrize(
    ("cell", "declared"),
    [
        ("5/6/2027", PLAIN),
        ("31/6/2027", Declared(date(2026, 11, 20), day_order=DayOrder.DAY_FIRST)),
        (46177, PLAIN),
        (46177.5, PLAIN),
        (True, PLAIN),
        (time(6, 30), PLAIN),
        (date(1900, 1, 31), PLAIN),
        (date(2101, 1, 1), PLAIN),
        (CellError("#VALUE!"), PLAIN),
        ("soon", PLAIN),
        ("FY2027 Q1", PLAIN),
    ],
)
def test_a_date_with_two_readings_or_none_is_refused(cell: Cell, declared: Declared) -> None:
    with pytest.raises(BadInput):
        cells.imprecise_day(cell, declared)


def test_a_whole_day_is_no_week() -> None:
    with pytest.raises(BadInput, match="whole day"):
        cells.day("CW23", PLAIN)


@pytest.mark.parametrize(("cell", "value"), [(10, 10), ("00010", 10), (10.0, 10)])
def test_a_whole_number(cell: Cell, value: int) -> None:
    assert cells.whole_number(cell, PLAIN, least=1, most=999999) == value


@pytest.mark.parametrize("cell", [0, 1.5, "x", 1000000, None])
def test_a_number_outside_its_range_is_refused(cell: Cell) -> None:
    with pytest.raises(BadInput):
        cells.whole_number(cell, PLAIN, least=1, most=999999)


@pytest.mark.parametrize(("cell", "said"), [(" late ", "late"), (12, "12"), ("a\nb", "a\nb")])
def test_text_is_as_typed(cell: Cell, said: str) -> None:
    assert cells.text(cell, longest=40) == said


@pytest.mark.parametrize("cell", [True, 1.5, date(2027, 1, 1), CellError("#REF!"), "x" * 41, "a\x00"])
def test_what_is_no_text_is_refused(cell: Cell) -> None:
    with pytest.raises(BadInput):
        cells.text(cell, longest=40)
