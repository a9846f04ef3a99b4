"""Workbooks for tests, made by a spreadsheet library and then bent where a test wants them crooked."""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

Bend = Callable[[Worksheet], object]


def xlsx(*rows: Iterable[Any], title: str = "Orders", bend: Bend | None = None, epoch: Any = None) -> bytes:
    book = openpyxl.Workbook()
    if epoch is not None:
        book.epoch = epoch
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    if bend is not None:
        bend(sheet)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def repacked(content: bytes, change: Mapping[str, Callable[[bytes], bytes]], more: Mapping[str, bytes] = {}) -> bytes:
    """The same archive with some parts rewritten and others added."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(made, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=9) as new,
    ):
        for part in old.infolist():
            new.writestr(part.filename, change.get(part.filename, bytes)(old.read(part)))
        for name, body in more.items():
            new.writestr(name, body)
    return made.getvalue()


def replaced(pattern: bytes, by: bytes) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        changed, times = re.subn(pattern, by, body, count=1)
        assert times == 1, f"{pattern!r} is not in the part"
        return changed

    return change
