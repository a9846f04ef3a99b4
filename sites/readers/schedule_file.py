"""A schedule file of any format, told by what it holds and never by its name."""

import re

from sites.domain.errors import BadInput
from sites.domain.site_schedule import ScheduleFile
from sites.readers import mspdi, p6_xer, p6_xml
from sites.readers.limits import LONGEST_FILE, MOST_PIECES, refused

_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_ASIDE = re.compile(r"<\?.*?\?>|<!--.*?-->", re.DOTALL)
_HEAD = 1024 * 1024
_READERS = {p6_xml.ROOT: p6_xml.read, mspdi.ROOT: mspdi.read}
_MARKS = (
    (b"PK\x03\x04", "This is a ZIP archive, such as an .xlsx workbook; export the schedule as .xer or .xml."),
    (b"\xd0\xcf\x11\xe0", "This is a binary file such as .mpp or .xls; save the schedule as XML or .xer."),
    (b"\x1f\x8b", "This is a compressed file; unpack it first."),
    (b"%PDF", "This is a PDF; export the schedule as .xer or .xml."),
    (b"SQLite format 3", "This is a database; export the schedule as .xer or .xml."),
    (b"{", "This is JSON; export the schedule as .xer or .xml."),
)


def read(content: bytes) -> ScheduleFile:
    """All that the file holds, or BadInput naming the line."""
    if len(content) > LONGEST_FILE:
        raise too_large()
    if not content.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise refused(1, "The file is empty.")
    for mark, reason in _MARKS:
        if content.startswith(mark):
            raise refused(1, reason)
    head = _text(content[:_HEAD])
    if not head.lstrip().startswith("<"):
        return p6_xer.read(content)
    root = _root(head)
    if len(content) > _HEAD:
        _glance(content, root)
    return _READERS[root](content)


def _glance(content: bytes, root: str) -> None:
    """Refuses a large XML for what its bytes already show, so that nobody waits for a parser to come to it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    if content.count(b"<") - content.count(b"</") > MOST_PIECES:
        raise refused(1, f"The file has more than {MOST_PIECES} elements.")
    if re.search(rb"[<:/]" + root.encode() + rb"\s*/?>", content[-_HEAD:]) is None:
        raise refused(content.count(b"\n") + 1, "The file is cut off: its XML does not end.")


def too_large() -> BadInput:
    return BadInput(f"The file is larger than {LONGEST_FILE // 1024**2} MiB.", field="file")


def _text(head: bytes) -> str:
    """Enough to see the root element; whoever reads the file looks at its encoding strictly."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", errors="replace")
    return head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _root(head: str) -> str:
    """The name of the first element, behind the declaration and comments. Raises BadInput."""
    rest = _ASIDE.sub(" ", head).lstrip()
    if rest.startswith("<!DOCTYPE"):
        raise refused(_line(head, "<!DOCTYPE"), "The XML declares a document type (DTD), which is never read.")
    found = _ROOT.match(rest)
    name = found[1] if found else ""
    if name not in _READERS:
        raise refused(1, "This XML is neither Primavera P6 (APIBusinessObjects) nor Microsoft Project (Project).")
    return name


def _line(head: str, mark: str) -> int:
    return head.count("\n", 0, max(head.find(mark), 0)) + 1
