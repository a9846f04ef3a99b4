"""What a file is, told by what it holds; and what is refused before it is read as a schedule."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sites.domain.errors import BadInput
from sites.domain.site_schedule import ScheduleFile
from sites.readers import limits, schedule_file
from sites.vocabulary import ScheduleFormat
from tests.sites.readers import mspdi, pmxml
from tests.sites.readers.mspdi import after, calendar, summary, task
from tests.sites.readers.xer import SMALL, xer

XER = xer(*SMALL)
PMXML = pmxml.pmxml(*pmxml.SMALL)
MSPDI = mspdi.mspdi(
    tasks=(summary("1", "Hall A", "1"), task("2", level="2"), task("3", after("2"))), calendars=(calendar(),)
)
FILES = {ScheduleFormat.XER: XER, ScheduleFormat.PMXML: PMXML, ScheduleFormat.MSPDI: MSPDI}

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE Project [
<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
]>
<Project xmlns="http://schemas.microsoft.com/project"><Name>&c;</Name></Project>"""
OUTSIDE = b"""<?xml version="1.0"?>
<!DOCTYPE APIBusinessObjects [<!ENTITY file SYSTEM "file:///etc/passwd">]>
<APIBusinessObjects><Project><Id>&file;</Id></Project></APIBusinessObjects>"""
UNDECLARED = PMXML.replace(b"Data centre one", b"&secret;")
# The declaration of a document type may stand far from the beginning.
LATE_TYPE = b"<?xml version='1.0'?>" + b"<!-- padding -->" * 4096 + b"\n<!DOCTYPE Project><Project/>"


def refusal(content: bytes) -> BadInput:
    with pytest.raises(BadInput) as caught:
        schedule_file.read(content)
    return caught.value


def read_or_refused(content: bytes) -> ScheduleFile | BadInput:
    """Anything else that a reader raises fails the test."""
    try:
        return schedule_file.read(content)
    except BadInput as refused:
        return refused


@pytest.mark.parametrize("kind", FILES)
def test_each_format_is_known_by_what_it_holds(kind: ScheduleFormat) -> None:
    assert schedule_file.read(FILES[kind]).format == kind


@pytest.mark.parametrize("kind", [ScheduleFormat.PMXML, ScheduleFormat.MSPDI])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_xml_may_be_marked_by_its_first_bytes(kind: ScheduleFormat, encoding: str) -> None:
    text = FILES[kind].decode().replace(' encoding="UTF-8"', "")

    assert schedule_file.read(text.encode(encoding)) == schedule_file.read(FILES[kind])


def test_a_prefix_before_the_names_changes_nothing() -> None:
    text = MSPDI.decode().replace("</", "</p:").replace("<", "<p:").replace("<p:/p:", "</p:").replace("<p:?", "<?")

    assert schedule_file.read(text.replace("xmlns=", "xmlns:p=").encode()) == schedule_file.read(MSPDI)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty."),
        (b" \r\n\t", "The file is empty."),
        (codecs.BOM_UTF8, "The file is empty."),
        (b"PK\x03\x04...", "This is a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "This is a binary file such as .mpp"),
        (b"%PDF-1.7", "This is a PDF"),
        (b'{"projects": []}', "This is JSON"),
        (b"id,name,start\n1,A,2027-01-01\n", "This is no XER file: it does not begin with ERMHDR."),
        (b"<html><body>Log in</body></html>", "This XML is neither Primavera P6"),
        (b"<?xml version='1.0'?><Order/>", "This XML is neither Primavera P6"),
        (b"<", "This XML is neither Primavera P6"),
    ],
)
def test_what_is_no_schedule_is_refused_by_name(content: bytes, why: str) -> None:
    refused = refusal(content)

    assert (refused.field, refused.message[: len(why)]) == ("line 1", why)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BOMB, "The XML declares a document type (DTD), which is never read."),
        (OUTSIDE, "The XML declares a document type (DTD), which is never read."),
        (LATE_TYPE, "The XML declares a document type (DTD), which is never read."),
        (UNDECLARED, "This is not whole XML from here on."),
    ],
)
def test_entities_and_document_types_are_never_read(content: bytes, why: str) -> None:
    assert refusal(content).message == why


def test_a_file_larger_than_any_schedule_is_not_looked_at() -> None:
    refused = refusal(b"x" * (limits.LONGEST_FILE + 1))

    assert (refused.field, refused.message) == ("file", "The file is larger than 50 MiB.")


@pytest.mark.parametrize("kind", [ScheduleFormat.PMXML, ScheduleFormat.MSPDI])
def test_xml_cut_anywhere_is_refused_with_its_line(kind: ScheduleFormat) -> None:
    content = FILES[kind]
    whole = content.rstrip()

    for offset in range(0, len(whole), 7):
        cut = whole[:offset]
        refused = refusal(cut)
        assert int(str(refused.field).removeprefix("line ")) <= cut.count(b"\n") + 1


def test_windows_text_in_xml_that_says_utf8_is_refused() -> None:
    refused = refusal(PMXML.replace(b"Hall A", "Halle für A".encode("cp1252")))

    assert refused.message == "This is not whole XML from here on."


def test_an_encoding_that_is_not_read_is_said() -> None:
    refused = refusal(PMXML.replace(b"UTF-8", b"EBCDIC-CP-US"))

    assert refused.message == "The XML is in an encoding that is not read; save it as UTF-8."


def test_elements_in_elements_end_somewhere() -> None:
    deep = b"<Project>" + b"<a>" * 100 + b"</a>" * 100 + b"</Project>"

    assert refusal(deep).message == "Elements stand in each other more than 40 deep."


def test_a_large_bomb_is_refused_for_its_bytes_before_any_parser_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_file, "_READERS", dict.fromkeys(schedule_file._READERS))
    head = b'<?xml version="1.0"?><Project><Name>'

    for content, where, why in (
        (
            head + b"</Name>" + b"<a/>" * (limits.MOST_PIECES + 1) + b"</Project>",
            "line 1",
            "more than 2000000 elements",
        ),
        (head + b"a\n" * 1_000_000 + b"</Name>", "line 1000001", "cut off"),
    ):
        with pytest.raises(BadInput, match=why) as refusal:
            schedule_file.read(content)
        assert refusal.value.field == where


def test_a_large_file_that_ends_is_read_whatever_stands_behind_its_end() -> None:
    filling = b"<!-- " + b"padding " * 200_000 + b"-->"
    spelled = MSPDI.replace(b"</Project>", filling + b"</Project >\n<!-- the end -->\n")

    assert schedule_file.read(spelled).projects == schedule_file.read(MSPDI).projects


@pytest.mark.parametrize(("content", "what"), [(XER, "lines"), (PMXML, "elements")])
def test_a_file_of_more_pieces_than_any_schedule_needs(
    content: bytes, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sites.readers.xer_text.MOST_PIECES", 10)
    monkeypatch.setattr("sites.readers.xml_rows.MOST_PIECES", 10)

    assert refusal(content).message == f"The file has more than 10 {what}."


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_is_done_to_a_file_it_is_read_or_refused(kind: ScheduleFormat, data: st.DataObject) -> None:
    content = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 40))
        content[at : at + length] = data.draw(st.binary(max_size=12))

    answer = read_or_refused(bytes(content))

    assert isinstance(answer, ScheduleFile) or str(answer.field).startswith("line ")


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200))
def test_whatever_bytes_come_they_are_read_or_refused(content: bytes) -> None:
    for whole in (content, b"ERMHDR\t22.12\r\n" + content + b"\r\n%E\r\n", b"<Project>" + content + b"</Project>"):
        answer = read_or_refused(whole)
        assert isinstance(answer, ScheduleFile) or str(answer.field).startswith("line ")
