"""What an .xlsx file is made of, looked at before any value is read: its parts, its sheets, and what a reader of
values does not show (uncalculated formulas, merged cells, hidden rows, errors).
"""

import encodings.cp437  # noqa: F401 (the names of parts are in it; a closed process can open nothing later)
import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final
from xml.parsers import expat

from procurement.domain.table import MOST_CELLS, MOST_COLUMNS, MOST_ROWS
from sites.domain.errors import BadInput

MOST_PARTS: Final = 2_000
MOST_UNPACKED_BYTES: Final = 400 * 1024 * 1024
MOST_PART_BYTES: Final = 300 * 1024 * 1024
MOST_RATIO: Final = 200  # a sheet of repeated cells packs about 60 to 1
_RATIO_COUNTS_FROM: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024
_TRUE = frozenset({"1", "true"})
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ARCHIVES = (".zip", ".xlsx", ".xlsm", ".docx", ".gz", ".7z", ".rar", ".tar", ".bz2", ".xz", ".jar")
_ODS = b"application/vnd.oasis.opendocument"
# Each way of packing has errors of its own.
_DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
)

_Started = Callable[[str, dict[str, str]], None]


@dataclass(frozen=True, slots=True)
class _Handlers:
    ended: Callable[[str], None]
    characters: Callable[[str], None]


@dataclass(slots=True)
class SheetStructure:
    """Cell addresses as written in the file. `hidden_columns` count from 0."""

    rows: int = 0
    merged: str = ""
    hidden_row: int | None = None
    uncalculated: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    hidden_columns: set[int] = field(default_factory=set)


def open_package(content: bytes) -> zipfile.ZipFile:
    """The archive, once its list of parts promises nothing hostile. Raises BadInput naming `file`."""
    if content.startswith(_OLD_OFFICE):
        if _ENCRYPTED in content:
            raise BadInput("The file is locked with a password; save it without one.", field="file")
        raise BadInput("This is an old Excel file (.xls); save it as .xlsx.", field="file")
    if not content.startswith(b"PK"):
        raise BadInput("This is no .xlsx file.", field="file")
    try:
        package = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGED:
        raise BadInput("The file is damaged: its list of parts cannot be read.", field="file") from None
    parts = package.infolist()
    if len(parts) > MOST_PARTS:
        raise BadInput(f"The file has more than {MOST_PARTS} parts.", field="file")
    names = {part.filename.lower() for part in parts}
    if len(names) < len(parts):
        raise BadInput("The file holds two parts of the same name.", field="file")
    if sum(part.file_size for part in parts) > MOST_UNPACKED_BYTES:
        raise BadInput("The file unpacks to more than it may: it is refused as an archive bomb.", field="file")
    for part in parts:
        _check(part)
    if "mimetype" in names and package.read("mimetype").startswith(_ODS):
        raise BadInput("This is an OpenDocument file (.ods); save it as .xlsx.", field="file")
    if any(name.endswith("vbaproject.bin") or name.startswith("xl/macrosheets/") for name in names):
        raise BadInput("The file carries macros; save it as .xlsx without them.", field="file")
    if "xl/workbook.xml" not in names:
        raise BadInput("This is no .xlsx file: it has no workbook.", field="file")
    return package


def _check(part: zipfile.ZipInfo) -> None:
    path = PurePosixPath(part.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(part.external_attr >> 16):
        raise BadInput("The file holds a part that points outside it.", field="file")
    if part.flag_bits & 1:
        raise BadInput("The file is locked with a password; save it without one.", field="file")
    if part.file_size > MOST_PART_BYTES or (
        part.file_size > _RATIO_COUNTS_FROM and part.file_size > MOST_RATIO * max(part.compress_size, 1)
    ):
        raise BadInput("A part of the file unpacks to more than it may: refused as an archive bomb.", field="file")
    if path.suffix.lower() in _ARCHIVES:
        raise BadInput("The file holds another archive.", field="file")


def sheet_parts(package: zipfile.ZipFile) -> dict[str, tuple[str, str]]:
    """Of each sheet in order its part and its state (visible, hidden, veryHidden). Raises BadInput."""
    targets: dict[str, str] = {}
    found: dict[str, tuple[str, str]] = {}
    listed: list[tuple[str, str, str]] = []

    def relationship(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            targets[attributes.get("Id", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            key = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            listed.append((attributes.get("name", ""), key, attributes.get("state", "visible")))

    names = {part.filename for part in package.infolist()}
    if "xl/_rels/workbook.xml.rels" in names:
        _walk(package, "xl/_rels/workbook.xml.rels", relationship)
    _walk(package, "xl/workbook.xml", sheet)
    for title, key, state in listed:
        part = targets.get(key, "")
        if part not in names:
            raise BadInput("The file is damaged: the sheet has no content.", field=title or "file")
        found[title] = (part, state)
    if not found:
        raise BadInput("The file has no sheet.", field="file")
    return found


def sheet_structure(package: zipfile.ZipFile, part: str, title: str) -> SheetStructure:
    """What the sheet's own XML says besides its values. Raises BadInput past the limits or where it is damaged."""
    scan = _SheetScan(title)
    _walk(package, part, scan.started, _Handlers(scan.ended, scan.characters), title=title)
    return scan.seen


class _SheetScan:
    """One pass over the elements of a sheet."""

    def __init__(self, title: str) -> None:
        self.seen = SheetStructure()
        self._title = title
        self._cells = 0
        self._address = self._kind = ""
        self._has_formula = self._has_value = False
        self._text: list[str] | None = None

    def started(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "c":
                self._cell(attributes)
            case "v":
                self._text = []
            case "f":
                self._has_formula = True
            case "row":
                self._row(attributes)
            case "mergeCell":
                self.seen.merged = self.seen.merged or attributes.get("ref", "")
            case "col":
                self._columns(attributes)
            case _:
                pass

    def ended(self, name: str) -> None:
        if name == "v" and self._text is not None:
            said, self._text = "".join(self._text), None
            self._has_value = bool(said) or self._kind == "str"
            if self._kind == "e":
                self.seen.errors[self._address] = said[:20]
            if said:
                _check_place(self._address, self._title)
        elif name == "c" and self._has_formula and not self._has_value:
            self.seen.uncalculated = self.seen.uncalculated or self._address

    def characters(self, piece: str) -> None:
        if self._text is not None:
            self._text.append(piece)

    def _cell(self, attributes: dict[str, str]) -> None:
        self._address, self._kind = attributes.get("r", ""), attributes.get("t", "n")
        self._has_formula = self._has_value = False
        self._cells += 1
        if self._cells > MOST_CELLS:
            raise BadInput(f"The sheet has more than {MOST_CELLS} cells; split the file.", field=self._title)

    def _row(self, attributes: dict[str, str]) -> None:
        self.seen.rows += 1
        if self.seen.rows > MOST_ROWS + 1:
            raise BadInput(
                f"The sheet has more than {MOST_ROWS} rows; split the file. Nothing was read.", field=self._title
            )
        if attributes.get("hidden") in _TRUE and self.seen.hidden_row is None:
            number = attributes.get("r", "")
            self.seen.hidden_row = int(number) if number.isdecimal() and len(number) < 8 else self.seen.rows

    def _columns(self, attributes: dict[str, str]) -> None:
        first, last = attributes.get("min", ""), attributes.get("max", "")
        if attributes.get("hidden") in _TRUE and first.isdecimal() and last.isdecimal() and len(last) < 6:
            self.seen.hidden_columns.update(range(int(first) - 1, min(int(last), MOST_COLUMNS)))


def _check_place(address: str, title: str) -> None:
    found = place(address)
    if found is not None and found[0] > MOST_ROWS:
        raise BadInput(f"The sheet has more than {MOST_ROWS} rows; split the file. Nothing was read.", field=title)
    if found is not None and found[1] >= MOST_COLUMNS:
        raise BadInput(f"The sheet has more than {MOST_COLUMNS} columns.", field=title)


def _walk(
    package: zipfile.ZipFile, part: str, start: _Started, more: _Handlers | None = None, *, title: str = "file"
) -> None:
    """Calls back for each element by its local name; a document type, and so every entity, is refused."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise BadInput("The file declares a document type; such XML is refused.", field=title)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(":")[2], attributes)
    if more is not None:
        ended = more.ended
        parser.EndElementHandler = lambda name: ended(name.rpartition(":")[2])
        parser.CharacterDataHandler = more.characters
    unpacked = 0
    try:
        with package.open(part) as stream:
            while chunk := stream.read(_CHUNK):
                # What is really unpacked is counted: the list of parts may have lied.
                unpacked += len(chunk)
                if unpacked > MOST_PART_BYTES:
                    raise BadInput("A part of the file unpacks to more than it may.", field="file")
                parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as trouble:
        raise BadInput(f"The file is damaged: {part} is not XML (line {trouble.lineno}).", field=title) from None
    except _DAMAGED:
        raise BadInput(f"The file is damaged: {part} cannot be unpacked.", field="file") from None


def place(address: str) -> tuple[int, int] | None:
    """Row and column, counted from 0, of an address such as `B7`; None where it is none."""
    letters = address.rstrip("0123456789")
    digits = address[len(letters) :]
    if not digits or not letters or not letters.isascii() or not letters.isalpha() or len(letters) > 3:
        return None
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    return int(digits) - 1, column - 1
