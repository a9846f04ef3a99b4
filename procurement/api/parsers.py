"""JSON as it is defined, and not a byte more lenient: what two readers could read differently is refused."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from email.message import Message
from typing import Any, Final, NoReturn

from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from procurement.api.errors import BodyTooLarge, MalformedBody, WrongCharset, escaped

MOST_BYTES: Final = 5 * 1024 * 1024
DEEPEST: Final = 20
_HALF = re.compile("[\ud800-\udfff]")

_BODY_HASH: Final = "longlead.body_hash"
_BODY: Final = "longlead.body"


def body_hash(request: Request) -> str:
    """Of the bytes that were sent; to be asked after they were parsed."""
    return str(request._request.META.get(_BODY_HASH, ""))


def body_sent(request: Request) -> bytes:
    """The bytes of a JSON body that was read; empty where there was none, or a file."""
    found: bytes = request._request.META.get(_BODY, b"")
    return found


def _note(context: Mapping[str, Any] | None, raw: bytes) -> None:
    if context is not None and isinstance(request := context.get("request"), Request):
        request._request.META[_BODY_HASH] = hashlib.sha256(raw).hexdigest()


def _keep(context: Mapping[str, Any] | None, raw: bytes) -> None:
    if context is not None and isinstance(request := context.get("request"), Request):
        request._request.META[_BODY] = raw


class FileParser(BaseParser):
    """The body is a file, as it is, of whatever type the sender calls it. Refuses more than `most_bytes`."""

    media_type = "*/*"
    most_bytes: int = 50 * 1024 * 1024

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        raw = stream.read(self.most_bytes + 1)
        _note(parser_context, raw)
        if len(raw) > self.most_bytes:
            raise BodyTooLarge(_("A file has at most %(most)s MiB.") % {"most": self.most_bytes // 1024**2})
        return {"content": raw}


class _Twice(dict[str, Any]):
    """An object that gives a name twice."""

    def __init__(self, pairs: list[tuple[str, Any]], name: str) -> None:
        super().__init__(pairs)
        self.name = name


class _NoNumber:
    """NaN or infinity, kept until its place is known."""


class StrictJSONParser(BaseParser):
    """Numbers with a fraction are Decimal. Refuses NaN and infinity, a name given twice, NUL and half surrogate
    pairs, bytes that are not UTF-8, nesting deeper than 20 and bodies over 5 MB.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        _check_charset(media_type)
        raw = stream.read(MOST_BYTES + 1)
        _note(parser_context, raw)
        _keep(parser_context, raw)
        if len(raw) > MOST_BYTES:
            raise BodyTooLarge(_("A body has at most 5 MB; send fewer lines at a time."))
        try:
            reader = _Reader()
            document = reader.read(raw.decode("utf-8"))
        except UnicodeDecodeError:
            raise MalformedBody(_("The body is not UTF-8.")) from None
        except json.JSONDecodeError as refusal:
            raise MalformedBody(
                _("The body is not JSON: line %(line)s, column %(column)s.")
                % {"line": refusal.lineno, "column": refusal.colno}
            ) from None
        except RecursionError:
            raise MalformedBody(_("The body is nested too deeply."), code="too_deep") from None
        except ValueError:  # a whole number of more digits than Python reads
            raise MalformedBody(_("A number in the body is too long."), code="number_too_long") from None
        _check_depth(document)
        # JSON allows no such signs as they are: only an escape can have brought them in.
        if reader.is_odd or b"\\u" in raw:
            for pointer, value in _walk(document):
                _check(value, pointer or None)
        return document


def _check_charset(media_type: str | None) -> None:
    """JSON is UTF-8 (RFC 8259); a body that claims otherwise is not read on a guess."""
    said = Message()
    said["Content-Type"] = media_type or ""
    charset = said.get_param("charset")
    if charset is not None and str(charset).lower() not in {"utf-8", "utf8"}:
        raise WrongCharset


class _Reader:
    """`is_odd` once it met what is refused and no text."""

    def __init__(self) -> None:
        self.is_odd = False

    def read(self, text: str) -> Any:
        return json.loads(text, parse_float=Decimal, parse_constant=self._constant, object_pairs_hook=self._object)

    def _constant(self, _name: str) -> _NoNumber:
        self.is_odd = True
        return _NoNumber()

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self.is_odd = True
        seen: set[str] = set()
        for name, _value in pairs:
            if name in seen:
                return _Twice(pairs, name)
            seen.add(name)
        return found


def _check_depth(document: Any) -> None:
    level = [document]
    for _depth in range(DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise MalformedBody(_("The body is nested too deeply."), pointer=None, code="too_deep")


def _walk(document: Any) -> Iterator[tuple[str, Any]]:
    """Every value with its JSON pointer, and every name as a value of its own; without recursion."""
    left: list[tuple[str, Any]] = [("", document)]
    while left:
        pointer, value = left.pop()
        yield pointer, value
        if isinstance(value, dict):
            for name, inner in value.items():
                yield pointer, name
                left.append((f"{pointer}/{escaped(name)}", inner))
        elif isinstance(value, list):
            left.extend((f"{pointer}/{place}", inner) for place, inner in enumerate(value))


def _check(value: Any, pointer: str | None) -> None:
    if isinstance(value, _NoNumber):
        _refuse(_("NaN and infinity are no numbers."), pointer, "not_a_number")
    if isinstance(value, _Twice):
        at = f"{pointer or ''}/{escaped(value.name)}"
        _refuse(_("%(name)s is given twice.") % {"name": value.name}, at, "given_twice")
    if isinstance(value, str):
        if "\x00" in value:
            _refuse(_("The text holds a NUL character."), pointer, "null_character")
        if _HALF.search(value):
            _refuse(_("The text holds half of a character."), pointer, "half_character")


def _refuse(message: str, pointer: str | None, code: str) -> NoReturn:
    raise MalformedBody(message, pointer=pointer, code=code)


class MergePatchParser(StrictJSONParser):
    """RFC 7396, but for lists: lines are named by their number, and those left out stay."""

    media_type = "application/merge-patch+json"
