"""What a file is by its bytes: what is taken, and what only says that it is."""

import io
import zipfile

import pytest

from procurement.domain.file_types import content_type


def packed(*parts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for part in parts:
            archive.writestr(part, "x")
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("letter.pdf", b"%PDF-1.7 ...", "application/pdf"),
        ("Photo.JPG", b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        ("plate.png", b"\x89PNG\r\n\x1a\nrest", "image/png"),
        ("dates.csv", "工場,日付\n".encode(), "text/csv"),
        ("mail.eml", b"From: a@vendor.example\n\nhello", "message/rfc822"),
        ("note.txt", b"hello", "text/plain"),
        ("mail.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "application/vnd.ms-outlook"),
        ("list.xlsx", packed("xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_the_bytes_say_what_it_is(name: str, content: bytes, kind: str) -> None:
    assert content_type(name, content) == kind


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.pdf", b"<script>alert(1)</script>"),
        ("photo.png", b"%PDF-1.7"),
        ("page.html", b"<html></html>"),
        ("drawing.svg", b"<svg onload='alert(1)'/>"),
        ("tool.exe", b"MZ\x90\x00"),
        ("list.xlsx", packed("xl/workbook.xml", "xl/vbaProject.bin")),
        ("list.xlsx", packed("word/document.xml")),
        ("list.xlsx", b"PK\x03\x04 broken"),
        ("note.txt", b"\x00\x01\x02"),
        ("note.txt", b"\xff\xfe\xfa"),
        ("mail.eml", b"<html>no mail</html>"),
    ],
)
def test_what_is_not_taken_or_calls_itself_something_else_has_no_type(name: str, content: bytes) -> None:
    assert content_type(name, content) is None
