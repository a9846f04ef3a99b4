"""XML of strangers as a stream of small records: no DTD, no entities, nothing fetched, never the whole tree at once.

A refusal is a BadInput whose field is the line; none repeats what the file says.
"""

import io
import xml.sax.handler
import xml.sax.xmlreader
from collections.abc import Callable, Mapping, Set
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from xml.sax import SAXParseException

from defusedxml import DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden
from defusedxml.expatreader import create_parser

from sites.domain.errors import BadInput
from sites.readers.limits import EARLIEST_YEAR, LATEST_YEAR, MOST_PIECES, plain_number, refused

_MOST_DEPTH = 40
_CHUNK = 1024 * 1024


class Record:
    """One element. `values` are the texts of its children without children of their own, the first of each name;
    an empty or nil element is an empty text. `children` are the others, in order."""

    __slots__ = ("children", "line", "name", "values")

    def __init__(self, name: str, line: int) -> None:
        self.name = name
        self.line = line
        self.values: dict[str, str] = {}
        self.children: list[Record] = []

    def key(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def text(self, name: str) -> str:
        return " ".join(self.values.get(name, "").split())

    def all(self, name: str) -> "list[Record]":
        return [child for child in self.children if child.name == name]

    def child(self, name: str) -> "Record | None":
        return next((child for child in self.children if child.name == name), None)

    def moment(self, name: str) -> datetime | None:
        text = self.values.get(name)
        if not text:
            return None
        try:
            return _moment(text)
        except ValueError:
            raise self.refused(f"{self.name}.{name} is no date between {EARLIEST_YEAR} and {LATEST_YEAR}.") from None

    def number(self, name: str) -> Decimal | None:
        text = self.values.get(name)
        if not text:
            return None
        try:
            return _number(text)
        except ValueError:
            raise self.refused(f"{self.name}.{name} is no number of plausible size.") from None

    def flag(self, name: str) -> bool | None:
        return {"1": True, "0": False, "true": True, "false": False}.get(self.key(name).lower())

    def refused(self, reason: str) -> BadInput:
        return refused(self.line, reason)


Taker = Callable[[Record, tuple[str, ...]], None]


def read(content: bytes, *, root: str, takers: Mapping[str, Taker], kept: Set[str]) -> Record:
    """Hand each element named in `takers` to its function with the names of the elements around it, and forget it.

    Answers the root with its own plain values. Of the elements that have children, those named in `kept` stay within
    the record around them; all others are passed over. Raises BadInput naming the line.
    """
    handler = _Handler(root, takers, kept)
    parser = create_parser(forbid_dtd=True, forbid_entities=True, forbid_external=True)
    parser.setContentHandler(handler)
    parser.setErrorHandler(xml.sax.handler.ErrorHandler())
    stream = io.BytesIO(content)
    try:
        while chunk := stream.read(_CHUNK):
            parser.feed(chunk)
        parser.close()
    except DTDForbidden:
        raise refused(handler.line, "The XML declares a document type (DTD), which is never read.") from None
    except (EntitiesForbidden, ExternalReferenceForbidden):
        raise refused(handler.line, "The XML declares entities, which are never read.") from None
    except SAXParseException as problem:
        said = problem.getMessage()
        is_cut = "no element found" in said or "unclosed" in said
        reason = "The file is cut off: its XML does not end." if is_cut else "This is not whole XML from here on."
        if "encoding" in said:
            reason = "The XML is in an encoding that is not read; save it as UTF-8."
        raise refused(problem.getLineNumber() or handler.line, reason) from None
    except (LookupError, UnicodeError):
        raise refused(1, "The XML is in an encoding that is not read; save it as UTF-8.") from None
    return handler.whole()


class _Handler(xml.sax.handler.ContentHandler):
    def __init__(self, root: str, takers: Mapping[str, Taker], kept: Set[str]) -> None:
        super().__init__()
        self.root = root
        self.takers = takers
        self.kept = kept
        self.locator: Any = None
        self.names: list[str] = []
        # Of each open element: its record, made once it has a child or where it is to be taken.
        self.records: list[Record | None] = []
        self.texts: list[str] = []
        self.first: Record | None = None
        self.elements = 0

    @property
    def line(self) -> int:
        return (self.locator.getLineNumber() or 1) if self.locator else 1

    def whole(self) -> Record:
        if self.first is None:
            raise refused(1, "This is not whole XML: it has no element.")
        return self.first

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802 (the names are SAX's)
        self.locator = locator

    def startElement(self, qualified: str, attrs: Any) -> None:  # noqa: N802
        name = qualified.rpartition(":")[2]
        records = self.records
        if not records:
            if name != self.root:
                raise refused(self.line, f"The XML does not begin with {self.root}.")
            self.first = Record(name, self.line)
            records.append(self.first)
        else:
            if len(records) >= _MOST_DEPTH:
                raise refused(self.line, f"Elements stand in each other more than {_MOST_DEPTH} deep.")
            if records[-1] is None:
                records[-1] = Record(self.names[-1], self.line)
            records.append(Record(name, self.line) if name in self.takers else None)
        self.elements += 1
        if self.elements > MOST_PIECES:
            raise refused(self.line, f"The file has more than {MOST_PIECES} elements.")
        self.names.append(name)
        self.texts = []

    def characters(self, content: str) -> None:
        self.texts.append(content)

    def endElement(self, qualified: str) -> None:  # noqa: N802
        record = self.records.pop()
        name = self.names.pop()
        if not self.records:
            return
        around = self.records[-1]
        if record is None:
            if around is not None and name not in around.values:
                around.values[name] = "".join(self.texts).strip()
        elif name in self.takers:
            self.takers[name](record, tuple(self.names))
        elif name in self.kept and around is not None:
            around.children.append(record)
        self.texts = []


@lru_cache(maxsize=65536)
def _moment(text: str) -> datetime | None:
    """Local: an offset or a Z behind the time is not the site's and is left out."""
    text = text.strip()
    if not text or text.startswith("1899-12-30"):
        return None
    moment = datetime.fromisoformat(text[:19])
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ValueError
    return moment


@lru_cache(maxsize=65536)
def _number(text: str) -> Decimal:
    return plain_number(text.strip())
