"""Text tables: their encoding, their separator and their rows, or a refusal that names the line."""

import pytest

from procurement.domain.table import MOST_ROWS, Workbook
from procurement.readers import tables
from sites.domain.errors import BadInput


def rows(content: bytes, encoding: str | None = None) -> tuple[tuple[object, ...], ...]:
    book = tables.read(content, encoding=encoding)
    assert isinstance(book, Workbook)
    return book.sheets[0].rows


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("注文,納期\r\n4500,6月上旬\r\n".encode(), None),
        ("注文,納期\n4500,6月上旬\n".encode("utf-8-sig"), None),
        ("注文;納期\n4500;6月上旬\n".encode("utf-16"), None),
        ("注文\t納期\n4500\t6月上旬".encode("cp932"), "cp932"),
    ],
)
def test_the_same_table_in_several_spellings(content: bytes, encoding: str | None) -> None:
    assert rows(content, encoding) == (("注文", "納期"), ("4500", "6月上旬"))


def test_quotes_hold_separators_and_line_ends() -> None:
    assert rows(b'a,b\n"x, y\nz",2\n') == (("a", "b"), ("x, y\nz", "2"))


def test_a_single_column_and_blank_rows_behind_the_last() -> None:
    assert rows(b"a\n1\n\n\n") == (("a",), ("1",))


def test_rows_of_unlike_length_are_filled_up() -> None:
    assert rows(b"a,b,c\n1\n") == (("a", "b", "c"), ("1", None, None))


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        (b"a,b\n1,\xff\n", "line 2", "not utf-8"),
        (b"a,b\n1,\x00\n", "file", "NUL"),
        (b" \n", "file", "empty"),
        (b'a,b\n"1,2\n', "line 2", "not CSV"),
        (b"a,b;c\n1,2;3\n", "line 1", "separators"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(content: bytes, where: str, why: str) -> None:
    with pytest.raises(BadInput) as refused:
        tables.read(content)

    assert refused.value.field == where
    assert why in refused.value.message


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(BadInput, match="encoding is one of"):
        tables.read(b"a,b\n", encoding="ebcdic")


def test_more_rows_than_the_cap_refuse_the_whole_file() -> None:
    with pytest.raises(BadInput, match=f"more than {MOST_ROWS} rows"):
        tables.read(b"a\n" * (MOST_ROWS + 2))
