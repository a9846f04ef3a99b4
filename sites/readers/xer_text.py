"""The text of an XER file: its encoding, its tables and their rows, told apart before anything is understood.

Every refusal is a BadInput whose field is the line, such as `line 12`; no refusal repeats what a row says.
"""

import codecs
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from sites.domain.errors import BadInput
from sites.readers.limits import EARLIEST_YEAR, LATEST_YEAR, LONGEST_FILE, MOST_PIECES, plain_number, refused

# Opened now: a reader in a closed room may open nothing later.
_CODECS = {name: codecs.lookup(name) for name in ("utf-8", "cp1252", "cp932")}

_HIGH = re.compile(rb"[\x80-\xff]")
_NO_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_UNPRINTABLE = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_MOMENT = re.compile(r"([0-9]{4})-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?")
_NO_DAY = "1899-12-30"  # the zero of the tool's own dates
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Section:
    """One table: `first_line` is the number of the line at `start`, the first after the names of its columns."""

    table: str
    columns: tuple[str, ...]
    columns_line: int
    first_line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class XerText:
    """`header` are the values of the ERMHDR line."""

    content: bytes
    encoding: str
    header: tuple[str, ...]
    sections: tuple[Section, ...]

    def rows(self, table: str, *, required: Set[str]) -> Iterator["XerRow"]:
        """The rows of one table in file order. Raises BadInput naming the line where one does not fit its columns."""
        for section in self.sections:
            if section.table == table:
                yield from self._rows_of(section, required)

    def _rows_of(self, section: Section, required: Set[str]) -> Iterator["XerRow"]:
        if missing := required - set(section.columns):
            raise refused(section.columns_line, f"{section.table} has no column {sorted(missing)[0]}.")
        named = [name for name in section.columns if name]
        if len(set(named)) != len(named):
            raise refused(section.columns_line, f"{section.table} names a column twice.")
        # The mark stands in front of the values; the last place answers for columns that the table lacks.
        places = _Places((name, place) for place, name in enumerate(section.columns, 1))
        width = len(section.columns) + 1
        for number, line in self._whole_rows(section):
            values = line.split("\t")
            if len(values) > width:
                # Even where the surplus is empty: a tab inside a text has moved every value after it.
                what = f"the row has {len(values) - 1} values for {width - 1} columns (a tab in a text?)"
                raise refused(number, f"{section.table}: {what}.")
            values.extend([""] * (width + 1 - len(values)))
            yield XerRow(number, section.table, places, values)

    def _whole_rows(self, section: Section) -> Iterator[tuple[int, str]]:
        """Each row with the number of its first line; lines without a mark go on the row before them."""
        number, first = section.first_line - 1, 0
        row: list[str] = []
        for block in _blocks(self.content, section.start, section.end):
            for line in block.decode(self.encoding).split("\n"):
                number += 1
                bare = line[:-1] if line.endswith("\r") else line
                if not bare.startswith("%R"):
                    if row:
                        row.append(bare)
                    continue
                if row:
                    yield first, row[0] if len(row) == 1 else "\n".join(row)
                first, row = number, [bare]
        if row:
            yield first, "\n".join(row)


class _Places(dict[str, int]):
    def __missing__(self, name: str) -> int:
        return -1


class XerRow:
    """One row. A column that the table lacks is empty."""

    __slots__ = ("line", "places", "table", "values")

    def __init__(self, line: int, table: str, places: _Places, values: list[str]) -> None:
        self.line = line
        self.table = table
        self.places = places
        self.values = values

    def key(self, name: str) -> str:
        return self.values[self.places[name]].strip()

    def raw(self, name: str) -> str:
        return self.values[self.places[name]]

    def text(self, name: str) -> str:
        """Without the control characters that stand for line ends inside texts."""
        value = self.values[self.places[name]]
        return value if value.isprintable() and value.strip() == value else _UNPRINTABLE.sub(" ", value).strip()

    def moment(self, name: str) -> datetime | None:
        """Local, without a zone; a day alone is its midnight."""
        text = self.values[self.places[name]]
        if not text:
            return None
        try:
            return _moment(text)
        except ValueError:
            raise self.refused(f"{self.table}.{name} is no date between {EARLIEST_YEAR} and {LATEST_YEAR}.") from None

    def number(self, name: str, decimal_symbol: str = ".") -> Decimal | None:
        text = self.values[self.places[name]]
        if not text:
            return None
        try:
            return _number(text, decimal_symbol)
        except ValueError:
            raise self.refused(f"{self.table}.{name} is no number of plausible size.") from None

    def refused(self, reason: str) -> BadInput:
        return refused(self.line, reason)


def read(content: bytes, *, whole: Set[str]) -> XerText:
    """Check the encoding and the mark of every line. `whole` are the tables whose rows must not be broken over lines.

    Raises BadInput naming the line: no XER file, cut off, a line break inside a text.
    """
    if len(content) > LONGEST_FILE:
        raise refused(1, f"The file is larger than {LONGEST_FILE // 1024 // 1024} MiB.")
    encoding = _encoding(content)
    start = len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0
    if not content.startswith(b"ERMHDR", start):
        raise refused(1, "This is no XER file: it does not begin with ERMHDR.")
    if content.count(b"\n") > MOST_PIECES:
        raise refused(MOST_PIECES, f"The file has more than {MOST_PIECES} lines.")
    marks = _Marks(content, encoding, whole)
    number = 1
    for number, at, end in _lines(content, start, len(content), 1):
        marks.take(number, at, end)
    if not marks.ended:
        raise refused(number, "The file ends without its end mark (%E): it is cut off.")
    return XerText(content, encoding, marks.header, tuple(marks.sections))


class _Marks:
    """What the marks at the beginning of the lines say, line by line."""

    def __init__(self, content: bytes, encoding: str, whole: Set[str]) -> None:
        self.content = content
        self.encoding = encoding
        self.whole = whole
        self.header: tuple[str, ...] = ()
        self.sections: list[Section] = []
        self.ended = False
        self._table = ""
        self._columns: tuple[str, ...] | None = None
        self._columns_line = 0
        self._body = 0

    def take(self, number: int, start: int, end: int) -> None:
        mark = self.content[start : min(start + 3, end)]
        if self.ended:
            if self.content[start:end].strip(b" \t\x1a"):
                raise refused(number, "There is text after the end mark (%E).")
        elif mark in {b"%R\t", b"%R"}:
            if self._columns is None:
                raise refused(number, "A row (%R) stands before the names of its columns (%F).")
        elif mark in {b"%T\t", b"%T"}:
            self._open_table(number, start, end)
        elif mark in {b"%F\t", b"%F"}:
            self._name_columns(number, start, end)
        elif mark[:2] == b"%E" and self.content[start:end].rstrip() == b"%E":
            self._close_table(start)
            self.ended = True
        elif number == 1:
            self.header = tuple(self.content[start:end].decode(self.encoding).split("\t"))
        elif end > start and (self._table in self.whole or not self._table):
            raise refused(number, "The line has no mark (%T, %F, %R, %E): a line break inside a text?")

    def _open_table(self, number: int, start: int, end: int) -> None:
        self._close_table(start)
        self._table = self.content[start + 3 : end].decode(self.encoding).strip()
        if not self._table:
            raise refused(number, "A table (%T) has no name.")

    def _name_columns(self, number: int, start: int, end: int) -> None:
        if not self._table or self._columns is not None:
            raise refused(number, "Names of columns (%F) stand outside a table or twice.")
        names = self.content[start + 3 : end].decode(self.encoding).split("\t")
        self._columns, self._columns_line = tuple(name.strip() for name in names), number
        stop = self.content.find(b"\n", end)
        self._body = len(self.content) if stop < 0 else stop + 1

    def _close_table(self, start: int) -> None:
        if self._columns is not None and self._body < start:
            line = self._columns_line
            self.sections.append(Section(self._table, self._columns, line, line + 1, self._body, start))
        self._columns = None


def _blocks(content: bytes, start: int, end: int) -> Iterator[bytes]:
    """Whole lines, many at once and without the line end of the last, so that a large file is never held twice."""
    while start < end:
        stop = content.find(b"\n", min(start + _CHUNK, end), end)
        if stop < 0:
            stop = end - 1 if content[end - 1] == 0x0A else end
        yield content[start:stop]
        start = stop + 1


def _lines(content: bytes, start: int, end: int, number: int) -> Iterator[tuple[int, int, int]]:
    """Line number, start and end without the line end, which is LF or CRLF, also mixed."""
    while start < end:
        stop = content.find(b"\n", start, end)
        after = stop + 1
        if stop < 0:
            stop = after = end
        yield number, start, stop - 1 if stop > start and content[stop - 1] == 0x0D else stop
        start = after
        number += 1


# -- encoding ----------------------------------------------------------------------------------------------------


def _encoding(content: bytes) -> str:
    """UTF-8 if every byte is, else Windows: Japanese where that is what it says, else Western. Strictly."""
    if not content.strip():
        raise refused(1, "The file is empty.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise refused(1, "The file is UTF-16; XER files are UTF-8 or Windows text.")
    if (zero := content.find(b"\0")) >= 0:
        raise refused(_line_of(content, zero), "The file holds a zero byte: it is UTF-16 or no text.")
    bad = _first_not_utf8(content)
    if bad is None:
        return "utf-8"
    if content.startswith(codecs.BOM_UTF8):
        raise refused(_line_of(content, bad), "The file says that it is UTF-8, but this line is not.")
    if _is_japanese(content):
        return "cp932"
    for number, line in _high_lines(content):
        if _is(line, "utf-8"):
            raise refused(number, "This line is UTF-8 and others are not: the file mixes encodings.")
        if _NO_CP1252.search(line):
            raise refused(number, "This line is neither UTF-8 nor Windows text (CP1252).")
    return "cp1252"


def _first_not_utf8(content: bytes) -> int | None:
    if content.isascii():
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), _CHUNK):
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(content[start : start + _CHUNK], final=start + _CHUNK >= len(content))
        except UnicodeDecodeError as problem:
            return start - held + problem.start
    return None


def _is_japanese(content: bytes) -> bool:
    """Whether every line is Windows' Japanese (CP932) and one has kana, which Western text never spells."""
    has_kana = False
    for _, line in _high_lines(content):
        try:
            text = line.decode("cp932")
        except UnicodeDecodeError:
            return False
        if _PRIVATE.search(text):
            return False
        has_kana = has_kana or _KANA.search(text) is not None
    return has_kana


def _high_lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that hold more than ASCII, with their numbers."""
    number, counted, at = 1, 0, 0
    while found := _HIGH.search(content, at):
        number += content.count(b"\n", counted, found.start())
        counted = found.start()
        start = content.rfind(b"\n", 0, counted) + 1
        stop = content.find(b"\n", counted)
        at = len(content) if stop < 0 else stop
        yield number, content[start:at]


def _is(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _line_of(content: bytes, offset: int) -> int:
    return content.count(b"\n", 0, offset) + 1


# -- values ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def _moment(text: str) -> datetime | None:
    text = text.strip()
    if not text or text.startswith(_NO_DAY):
        return None
    found = _MOMENT.fullmatch(text)
    if found is None or not EARLIEST_YEAR <= int(found[1]) <= LATEST_YEAR:
        raise ValueError
    return datetime.fromisoformat(text)


@lru_cache(maxsize=65536)
def _number(text: str, decimal_symbol: str) -> Decimal | None:
    """A comma is read as the decimal sign only where the file's own currency says so; hours are never grouped."""
    text = text.strip()
    if decimal_symbol == ",":
        text = text.replace(",", ".")
    return plain_number(text) if text else None
