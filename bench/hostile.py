"""How fast a file that must be refused is refused, each in the closed process an import reads it in.

`python -m bench.hostile` prints one JSON document: by class the place named, the reason, processor seconds of the child
and seconds by the clock. The large ones are wrong in their last row, so that everything before it is read.
"""

import io
import json
import re
import resource
import time
import zipfile
from collections.abc import Callable
from typing import Any, Final

import openpyxl

from procurement.domain.table import MOST_BYTES, MOST_ROWS
from procurement.gateways import sandbox
from procurement.readers import tables
from sites.domain.errors import BadInput

ROWS: Final = 49_000
COLUMNS: Final = 10
_SHEET: Final = "xl/worksheets/sheet1.xml"
_OLD: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def book(rows: int, columns: int = COLUMNS) -> bytes:
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet("Orders")
    for number in range(rows):
        sheet.append([f"row {number} cell {place}" for place in range(columns)])
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def changed(content: bytes, change: Callable[[bytes], bytes], more: dict[str, bytes] | None = None) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            body = old.read(part)
            new.writestr(part.filename, change(body) if part.filename == _SHEET else body)
        for name, body in (more or {}).items():
            new.writestr(name, body)
    return made.getvalue()


def cases() -> dict[str, bytes]:
    small, large = book(3, 2), book(ROWS)
    last = f'r="J{ROWS}"'.encode()
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">' + b"".join(
        b'<!ENTITY b%d "&b%d;&b%d;">' % (n, n - 1, n - 1) for n in range(1, 40)
    )
    return {
        "zip bomb, 1 GB": changed(small, bytes, {"xl/media/zeros.bin": bytes(1024**3)}),
        "entity bomb": changed(small, lambda body: bomb + b"]>" + body),
        "password": _OLD + "EncryptedPackage".encode("utf-16-le"),
        "macros": changed(large, bytes, {"xl/vbaProject.bin": b"x"}),
        "merged cell behind the last row": changed(
            large,
            lambda body: body.replace(
                b"</sheetData>", b'</sheetData><mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>'
            ),
        ),
        "formula without value in the last row": changed(
            large, lambda body: re.sub(rb"<c " + last + rb".*?</c>", b"<c " + last + rb"><f>1+1</f></c>", body)
        ),
        "hidden last row": changed(
            large, lambda body: body.replace(f'<row r="{ROWS}"'.encode(), f'<row hidden="1" r="{ROWS}"'.encode())
        ),
        "too many rows": book(MOST_ROWS + 20_000, 1),
        "too large": bytes(MOST_BYTES + 1),
        "old Excel": _OLD,
        "no table at all, 20 MB": b"\x00\xff" * (MOST_BYTES // 2),
        "XML": b"<?xml version='1.0'?><Order/>",
    }


def measured(content: bytes) -> dict[str, Any]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    try:
        sandbox.run(
            tables.TARGET,
            tables.payload(content),
            limits=sandbox.Limits(cpu_seconds=30, memory_bytes=1024**3, wall_seconds=60),
        )
        place, why = "", "read"
    except BadInput as refusal:
        place, why = refusal.field or "", refusal.message
    taken, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    computing = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"place": place, "why": why, "processor_seconds": round(computing, 2), "seconds": round(taken, 2)}


if __name__ == "__main__":
    print(json.dumps({name: measured(content) for name, content in cases().items()}, indent=2))
