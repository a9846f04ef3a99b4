"""A .csv file as a table of text. Its encoding and its separator are found only where there is one answer."""

import csv
import io

from procurement.domain.table import LONGEST_TEXT, MOST_COLUMNS, MOST_ROWS, Workbook
from procurement.readers.workbook import squared
from sites.domain.errors import BadInput

NAME = "csv"
ENCODINGS = ("utf-8", "cp932", "cp1252")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SEPARATORS = ",;\t|"
_SAMPLE_LINES = 50


def read(content: bytes, *, encoding: str | None = None) -> Workbook:
    """Without a declared encoding the file is UTF-8, or says by its first bytes what it is. Raises BadInput."""
    text = _decoded(content, encoding)
    if "\x00" in text:
        raise BadInput("The file holds a NUL character: it is no text.", field="file")
    if not text.strip():
        raise BadInput("The file is empty.", field="file")
    separator = _separator(text)
    csv.field_size_limit(LONGEST_TEXT)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[str | None, ...]] = []
    try:
        for row in reader:
            if len(row) > MOST_COLUMNS:
                raise BadInput(f"The line has more than {MOST_COLUMNS} columns.", field=f"line {reader.line_num}")
            rows.append(tuple(cell if cell.strip() else None for cell in row))
            if len(rows) > MOST_ROWS + 1:
                raise BadInput(
                    f"The file has more than {MOST_ROWS} rows; split it. Nothing was read.",
                    field=f"line {reader.line_num}",
                )
    except csv.Error as trouble:
        raise BadInput(f"The line is not CSV: {trouble}.", field=f"line {reader.line_num}") from None
    return Workbook("csv", (squared(NAME, rows),))


def _decoded(content: bytes, declared: str | None) -> str:
    if declared is not None and declared not in ENCODINGS:
        raise BadInput(f"The encoding is one of {', '.join(ENCODINGS)}.", field="encoding")
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    encoding = marked or declared or "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as trouble:
        line = content.count(b"\n", 0, trouble.start) + 1
        advice = "" if declared or marked else " Declare the encoding of the file, or save it as UTF-8."
        raise BadInput(f"The line is not {encoding.removesuffix('-sig')}.{advice}", field=f"line {line}") from None


def _separator(text: str) -> str:
    """The one that gives the first lines one and the same number of columns, more than one; a comma for one column.

    Raises BadInput where two would do.
    """
    lines = text.splitlines(keepends=True)[:_SAMPLE_LINES]
    fitting = {}
    for separator in _SEPARATORS:
        try:
            widths = {len(row) for row in csv.reader(lines, delimiter=separator, strict=True) if any(row)}
        except csv.Error:
            # The sample may end within quotes: then the header alone decides.
            widths = {len(row) for row in csv.reader(lines[:1], delimiter=separator)}
        if len(widths) == 1 and (width := widths.pop()) > 1:
            fitting[separator] = width
    if len(fitting) > 1:
        widest = max(fitting.values())
        fitting = {separator: width for separator, width in fitting.items() if width == widest}
        if len(fitting) > 1:
            raise BadInput("Two separators would both give the same number of columns.", field="line 1")
    if fitting:
        return next(iter(fitting))
    counts = {separator: lines[0].count(separator) for separator in _SEPARATORS}
    return max(counts, key=lambda separator: counts[separator]) if any(counts.values()) else ","
