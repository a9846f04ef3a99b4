"""What a call says besides its body: parameters, preferences, tags; and the clock it is answered by."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from procurement.api.errors import BadParameter, StaleVersion, VersionRequired

_STRONG = re.compile(r'"v[0-9]{1,12}"')
_COMPUTED = re.compile(r'\.[0-9a-f]+(?="$)')


def request_id(request: Request) -> str:
    return str(request.META.get("longlead.request_id", ""))


def clock() -> datetime:
    """The doors read the clock, and nothing below them."""
    return timezone.now()


def query(request: Request, serializer: type[Serializer[Any]]) -> dict[str, Any]:
    """The query parameters that the serializer names. Raises BadParameter."""
    read = serializer(data={name: request.query_params[name] for name in request.query_params})
    if not read.is_valid():
        raise BadParameter("; ".join(f"{name}: {messages[0]}" for name, messages in read.errors.items()))
    found: dict[str, Any] = read.validated_data
    return found


def _prefers(request: Request, wanted: str) -> bool:
    preferences = re.split(r"[,;]", request.headers.get("Prefer", "").lower())
    return wanted in {part.replace(" ", "").replace('"', "") for part in preferences}


def is_strict(request: Request) -> bool:
    """Whether the caller prefers a refusal to a warning (RFC 7240)."""
    return _prefers(request, "handling=strict")


def is_apart(request: Request) -> bool:
    """Whether the caller would rather be told later (RFC 7240)."""
    return _prefers(request, "respond-async")


def is_minimal(request: Request) -> bool:
    """Whether the caller needs no body of what was written (RFC 7240)."""
    return _prefers(request, "return=minimal")


def etag(version: int) -> str:
    return f'"v{version}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether If-None-Match already names this representation; it compares weakly (RFC 9110)."""
    sent = request.headers.get("If-None-Match", "")
    return sent.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in sent.split(",")}


def not_modified(tag: str) -> Response:
    return Response(status=304, headers={"ETag": tag})


def expected_version(request: Request, present: Callable[[], str | None]) -> str:
    """The one strong tag in If-Match. Raises VersionRequired where there is none, StaleVersion with the present one
    where it names no version: `*`, a weak tag and a list say nothing about what the caller has read.
    """
    sent = _named_tag(request)
    if not _STRONG.fullmatch(sent):
        raise StaleVersion(present())
    return sent


def two_part_tag(written: str, computed: str) -> str:
    """Of a record that shows what nobody writes: it names all that is shown, and `check_tag` asks the first part."""
    return f'"{written}.{computed}"'


def check_tag(request: Request, present: str | None) -> None:
    """If-Match names this one strong tag; what is computed may have moved since. Raises VersionRequired where it says
    none, StaleVersion where another.
    """
    sent = _named_tag(request)
    if present is None or _COMPUTED.sub("", sent) != _COMPUTED.sub("", present):
        raise StaleVersion(present)


def _named_tag(request: Request) -> str:
    sent: str = request.headers.get("If-Match", "").strip()
    if not sent:
        raise VersionRequired(_("If-Match: name the ETag you have read."))
    return sent
