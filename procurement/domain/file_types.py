"""What a file is by its bytes; its name and what a browser says of it are not asked."""

import io
import zipfile
from typing import Final

MOST_BYTES: Final = 15 * 1024 * 1024
_SIGNATURES: Final = (
    (b"%PDF-", "application/pdf", (".pdf",)),
    (b"\x89PNG\r\n\x1a\n", "image/png", (".png",)),
    (b"\xff\xd8\xff", "image/jpeg", (".jpg", ".jpeg")),
)
_OFFICE: Final = (
    ("xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (".xlsx",)),
    ("word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", (".docx",)),
    (
        "ppt/presentation.xml",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        (".pptx",),
    ),
)
_OUTLOOK: Final = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/vnd.ms-outlook", (".msg",))
_MOST_PARTS: Final = 5000
# In a mail kept as text these stand at the top.
_MAIL_HEADS: Final = ("received:", "from:", "return-path:", "date:", "subject:", "message-id:", "mime-version:")


def content_type(name: str, content: bytes) -> str | None:
    """The type of what is taken: PDF, pictures, Office files, mails, plain text. None for everything else.

    A name that promises another type than the bytes hold is refused too: whoever opens it would be misled. An Office
    file that carries macros is none of these.
    """
    named = name.lower()
    for signature, kind, endings in _SIGNATURES:
        if content.startswith(signature):
            return kind if named.endswith(endings) else None
    if content.startswith(b"PK\x03\x04"):
        return _office(named, content)
    signature, kind, endings = _OUTLOOK
    if content.startswith(signature):
        return kind if named.endswith(endings) else None
    return _text(named, content)


def _office(named: str, content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.namelist()[:_MOST_PARTS]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if any(part.lower().endswith(("vbaproject.bin", ".exe", ".js")) for part in parts):
        return None
    return next((kind for part, kind, endings in _OFFICE if part in parts and named.endswith(endings)), None)


def _text(named: str, content: bytes) -> str | None:
    if not named.endswith((".txt", ".csv", ".eml")):
        return None
    try:
        said = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if any(ord(sign) < 32 and sign not in "\t\r\n\f" for sign in said[:20_000]):
        return None
    if named.endswith(".eml"):
        return "message/rfc822" if said.lstrip().lower().startswith(_MAIL_HEADS) else None
    return "text/csv" if named.endswith(".csv") else "text/plain"
