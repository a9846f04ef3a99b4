"""One way in for a table of any accepted kind; `read_json` is the same for a closed process."""

import json
from typing import Final

from procurement.domain.table import MOST_BYTES, Workbook
from procurement.readers import csv_table, xlsx
from procurement.readers.workbook import dump
from sites.domain.errors import BadInput

_XML = (b"<?xml", b"\xef\xbb\xbf<?xml")
_PACKED = (b"PK", b"\xd0\xcf\x11\xe0")
TARGET: Final = f"{__name__}:read_json"


def read(content: bytes, *, encoding: str | None = None) -> Workbook:
    """The kind is seen in the content, never in the name. `encoding` is the declared one of a .csv, None: UTF-8.

    Raises BadInput naming the file, sheet, line, row or cell.
    """
    if not content:
        raise BadInput("The file is empty.", field="file")
    if len(content) > MOST_BYTES:
        raise BadInput(f"The file is larger than {MOST_BYTES // 1024**2} MB.", field="file")
    if content.startswith(_PACKED):
        return xlsx.read(content)
    if content.lstrip().startswith(_XML):
        raise BadInput("This is an XML document, not a workbook.", field="file")
    return csv_table.read(content, encoding=encoding)


def payload(content: bytes, *, encoding: str | None = None) -> bytes:
    return json.dumps({"encoding": encoding}).encode() + b"\n" + content


def read_json(content: bytes) -> bytes:
    """What `payload` made, answered as `workbook.load` reads it."""
    head, _, file = content.partition(b"\n")
    return dump(read(file, encoding=json.loads(head)["encoding"]))
