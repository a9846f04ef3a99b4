"""Values of a workbook as they stand, and every way in which a workbook may hide or fake them."""

import io
import random
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900
from openpyxl.worksheet.worksheet import Worksheet

from procurement.domain.table import MOST_ROWS, CellError, Sheet, Workbook, column_letters
from procurement.gateways import sandbox
from procurement.readers import tables
from procurement.readers.workbook import load
from sites.domain.errors import BadInput
from tests.workbooks import repacked, replaced, saved, xlsx

AFTERNOON = datetime(2027, 6, 4, 13, 30)  # noqa: DTZ001 (an instant of a sheet has no zone)
SHEET = "xl/worksheets/sheet1.xml"


def refusal(content: bytes) -> tuple[str | None, str]:
    with pytest.raises(BadInput) as refused:
        tables.read(content)
    return refused.value.field, refused.value.message


def test_cells_keep_their_kind_and_place() -> None:
    rows = [
        ("Order", "Line", "Price", "Ready"),
        ("4500016221", 10, 1250.5, date(2027, 6, 4)),
        (None, None, None, None),
        ("00010", True, " ", AFTERNOON),
    ]

    book = tables.read(xlsx(*rows))

    assert book == Workbook(
        "xlsx",
        (
            Sheet(
                "Orders",
                (
                    ("Order", "Line", "Price", "Ready"),
                    ("4500016221", 10, 1250.5, date(2027, 6, 4)),
                    (None, None, None, None),
                    ("00010", True, None, AFTERNOON),
                ),
            ),
        ),
    )


def test_a_place_is_named_as_a_person_finds_it() -> None:
    sheet = Sheet("Orders", ())

    assert [sheet.address(6, 1), sheet.address(6), column_letters(25), column_letters(26), column_letters(702)] == [
        "Orders!B7",
        "Orders row 7",
        "Z",
        "AA",
        "AAA",
    ]


SERIALS = [0, 1, 31, 32, 58, 59, 60, 61, 366, 36526, 45000, 46500]


@pytest.mark.parametrize(
    ("epoch", "first"), [(CALENDAR_WINDOWS_1900, date(1899, 12, 30)), (CALENDAR_MAC_1904, date(1904, 1, 1))]
)
def test_a_serial_of_either_epoch_is_its_day_or_far_outside_the_years_we_accept(epoch: datetime, first: date) -> None:
    def as_dates(sheet: Worksheet) -> None:
        for row in sheet.iter_rows():
            row[0].number_format = "yyyy-mm-dd"

    cells = [row[0] for row in tables.read(xlsx(*([n] for n in SERIALS), bend=as_dates, epoch=epoch)).sheets[0].rows]

    right = [first + timedelta(days=serial) for serial in SERIALS]
    accepted = [(cell, day) for cell, day in zip(cells, right, strict=True) if day.year >= 2000]
    refused = [cell for cell, day in zip(cells, right, strict=True) if day.year < 2000]
    assert [cell for cell, _ in accepted] == [day for _, day in accepted]
    assert all(isinstance(cell, time) or (isinstance(cell, date) and cell.year < 2000) for cell in refused)


def test_a_time_of_day_alone_is_no_date() -> None:
    assert tables.read(xlsx([time(6, 30)])).sheets[0].rows == ((time(6, 30),),)


def test_a_calculated_formula_gives_its_value_and_an_error_is_named() -> None:
    def calculated(body: bytes) -> bytes:
        body = replaced(rb"<f>1\+1</f><v ?(?:/>|></v>)", rb"<f>1+1</f><v>2</v>")(body)
        return replaced(rb'<c r="B1"[^>]*><f>1/0</f><v ?(?:/>|></v>)', rb'<c r="B1" t="e"><f>1/0</f><v>#DIV/0!</v>')(
            body
        )

    content = repacked(xlsx(["=1+1", "=1/0", "x"]), {SHEET: calculated})

    assert tables.read(content).sheets[0].rows == ((2, CellError("#DIV/0!"), "x"),)


def test_a_long_number_is_no_longer_whole() -> None:
    assert tables.read(xlsx([12345678901234567890])).sheets[0].rows == ((1.234567890123457e19,),)


def test_hidden_columns_are_told() -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.column_dimensions["B"].hidden = True

    assert tables.read(xlsx(["a", "b", "c"], bend=hide)).sheets[0].hidden_columns == {1}


def merged(sheet: Worksheet) -> None:
    sheet.merge_cells("B1:B3")


def hidden_row(sheet: Worksheet) -> None:
    sheet.row_dimensions[2].hidden = True


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        (xlsx(["a", "b"], ["c", "d"], ["e", "f"], bend=merged), "Orders!B1:B3", "merged"),
        (xlsx(["a"], ["b"], bend=hidden_row), "Orders row 2", "hidden"),
        (xlsx(["a", "=1+1"]), "Orders!B1", "never calculated"),
        (xlsx(), "file", "no filled cell"),
        (b"", "file", "empty"),
        (b"PK\x03\x04 and then nothing", "file", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "file", "old Excel"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "file",
            "password",
        ),
        (b"<?xml version='1.0'?><Order/>", "file", "XML document"),
        (repacked(xlsx(["a"]), {}, {"xl/vbaProject.bin": b"x"}), "file", "macros"),
        (repacked(xlsx(["a"]), {}, {"xl/embeddings/more.zip": b"PK"}), "file", "archive"),
        (repacked(xlsx(["a"]), {}, {"../../etc/passwd": b"x"}), "file", "points outside"),
        (repacked(xlsx(["a"]), {}, {"/etc/passwd": b"x"}), "file", "points outside"),
        (repacked(xlsx(["a"]), {}, {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}), "file", ".ods"),
        (repacked(xlsx(["a"]), {SHEET: lambda body: body[:-20]}), "Orders", "not XML"),
        (
            repacked(xlsx(["a"]), {SHEET: lambda body: b'<!DOCTYPE a [<!ENTITY b "c">]>' + body}),
            "Orders",
            "document type",
        ),
        (repacked(xlsx(["a"]), {}, {"xl/media/zeros.bin": bytes(40 * 1024 * 1024)}), "file", "archive bomb"),
    ],
)
def test_a_file_that_hides_or_fakes_something_is_refused(content: bytes, where: str, why: str) -> None:
    field, message = refusal(content)

    assert field == where
    assert why in message


def test_a_hidden_sheet_with_content_is_refused_by_name() -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Old prices")
    sheet.append(["a"])
    sheet.sheet_state = "hidden"

    assert refusal(saved(book)) == ("Old prices", "The sheet is hidden; show it or delete it.")


def test_a_link_inside_the_archive_is_refused() -> None:
    made = io.BytesIO(xlsx(["a"]))
    with zipfile.ZipFile(made, "a") as package:
        link = zipfile.ZipInfo("xl/link.xml")
        link.external_attr = 0o120777 << 16
        package.writestr(link, "/etc/passwd")

    assert refusal(made.getvalue())[1] == "The file holds a part that points outside it."


def long_book(rows: int) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Orders")
    for number in range(rows):
        sheet.append([number])
    return saved(book)


def test_more_rows_than_the_cap_refuse_the_whole_file() -> None:
    field, message = refusal(long_book(MOST_ROWS + 2))

    assert (field, message) == (
        "Orders",
        f"The sheet has more than {MOST_ROWS} rows; split the file. Nothing was read.",
    )


def test_a_far_cell_is_a_row_past_the_cap() -> None:
    content = repacked(xlsx(["a", 7]), {SHEET: replaced(rb'r="B1"', b'r="B1048576"')})

    assert refusal(content)[0] == "Orders"


@pytest.mark.parametrize("cut", random.Random(7).sample(range(1, 4000), 25))
def test_a_cut_file_is_refused_wherever_it_ends(cut: int) -> None:
    whole = xlsx(["a", 1, date(2027, 1, 1)])

    field, _ = refusal(whole[: min(cut, len(whole) - 1)])

    assert field in {"file", "Orders"} or str(field).startswith("line")


def test_a_closed_process_reads_the_same() -> None:
    cells: list[Any] = ["a", 1, 1.5, True, None, date(2027, 1, 2), AFTERNOON, time(5, 6)]
    content = xlsx(cells)

    assert load(sandbox.run(tables.TARGET, tables.payload(content))) == tables.read(content)
