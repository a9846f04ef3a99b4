"""Which column is which field, and that every row is read, refused or blank."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.domain import cells
from procurement.domain.cells import Declared
from procurement.domain.import_table import (
    CellRefusal,
    Column,
    ColumnMapping,
    ReadRow,
    check_mapping,
    find_mapping,
    plain,
    raw,
    read_rows,
    shape,
)
from procurement.domain.table import Cell, CellError, Sheet
from sites.domain.errors import BadInput

DECLARED = Declared(date(2026, 11, 20))
COLUMNS = (
    Column("order", ("PO No.", "注文番号"), lambda cell, _: cells.identifier(cell, longest=60), required=True),
    Column("line", ("Item",), lambda cell, said: cells.whole_number(cell, said, least=1, most=999), required=True),
    Column("promise", ("Confirmed date",), cells.imprecise_day, in_header=True),
)


def sheet(*rows: tuple[Cell, ...]) -> Sheet:
    width = max((len(row) for row in rows), default=0)
    return Sheet("Orders", tuple(row + (None,) * (width - len(row)) for row in rows))


HEADER = ("PO No.", "Remarks", "ITEM", "confirmed-date")


def test_the_header_is_found_below_a_letterhead() -> None:
    table = sheet(("Weekly status",), (), ("PO No.", "ours"), HEADER, ("4500", None, 10, "CW23"))

    assert find_mapping(table, COLUMNS) == ColumnMapping(3, {"order": 0, "line": 2, "promise": 3})


def test_titles_are_known_in_other_scripts_and_widths() -> None:
    assert find_mapping(sheet(("注文番号", "ＩＴＥＭ")), COLUMNS[:2]).columns == {"order": 0, "line": 1}
    assert plain("ＰＯ　No.") == plain("po-no") == "pono"


@pytest.mark.parametrize(
    ("rows", "where", "why"),
    [
        ([("PO No.", "Remarks")], "Orders", "names line"),
        ([("a", "b")], "Orders", "names order, line"),
        ([()], "Orders", "names order, line"),
        ([("PO No.", "Item", "Item")], "Orders!C1", "both be line"),
        (
            [("PO No.", "Item", "Date", " ", 7)],
            "Orders",
            "names promise, nor is it known what Date is; map the columns",
        ),
        ([("PO No.", "Item")], "Orders", "names promise; map the columns"),
    ],
)
def test_a_table_without_one_header_is_refused(rows: list[tuple[Cell, ...]], where: str, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        find_mapping(sheet(*rows), COLUMNS)

    assert refused.value.field == where


@pytest.mark.parametrize(
    ("mapping", "where"),
    [
        (ColumnMapping(9, {"order": 0, "line": 2}), "header_row"),
        (ColumnMapping(0, {"order": 0, "line": 9}), "mapping/line"),
        (ColumnMapping(0, {"order": 0, "line": 0}), "mapping"),
        (ColumnMapping(0, {"order": 0}), "mapping/line"),
        (ColumnMapping(0, {"order": 0, "line": 2}), "mapping/promise"),
        (ColumnMapping(0, {"order": 0, "line": 2, "colour": 1}), "mapping/colour"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(mapping: ColumnMapping, where: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_mapping(sheet(HEADER), mapping, COLUMNS)

    assert refused.value.field == where


def test_rows_are_read_refused_or_blank() -> None:
    table = sheet(HEADER, ("4500", "ok", 10, "TBD"), (), (None, "?", 0, 45000), HEADER, ("4501", None, "00020", None))

    rows = list(read_rows(table, find_mapping(table, COLUMNS), COLUMNS, DECLARED))

    assert [row.is_blank for row in rows] == [False, True, False, False, False]
    assert rows[0].values["line"] == 10
    assert rows[2] == ReadRow(
        3,
        {},
        (
            CellRefusal("Orders!A4", "order", "The cell is empty."),
            CellRefusal("Orders!C4", "line", "A whole number from 1 to 999 is expected."),
            CellRefusal("Orders!D4", "promise", "A number stands where a date is expected; format the cell as a date."),
        ),
    )
    assert rows[3].refusals == (CellRefusal("Orders row 5", "", "The header stands here again."),)
    assert rows[4].values == {"order": "4501", "line": 20}


def test_files_of_one_shape_have_one_name_for_it() -> None:
    assert shape(sheet(HEADER), 0) == shape(sheet(("po no", "REMARKS", "Item", "Confirmed date"), ("x",)), 0)
    assert shape(sheet(HEADER), 0) != shape(sheet(HEADER[:3]), 0)


def test_cells_are_kept_as_they_were_sent() -> None:
    assert [raw(cell) for cell in ("a", 1, 1.5, None, date(2027, 1, 2), CellError("#REF!"))] == [
        "a",
        "1",
        "1.5",
        "",
        "2027-01-02",
        "#REF!",
    ]


CELLS = st.one_of(st.none(), st.text(max_size=5), st.integers(), st.floats(allow_nan=False), st.dates(), st.booleans())


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=20))
def test_no_row_is_passed_over(rows: list[tuple[Cell, ...]]) -> None:
    table = sheet(HEADER, *rows)

    read = list(read_rows(table, ColumnMapping(0, {"order": 0, "line": 2, "promise": 3}), COLUMNS, DECLARED))

    assert [row.number for row in read] == list(range(1, len(rows) + 1))
    assert all(row.is_blank or bool(row.values) or bool(row.refusals) for row in read)
