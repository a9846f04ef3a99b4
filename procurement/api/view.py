"""What every endpoint of the API shares: a key, its scope, a fair share, and the headers it answers with."""

import re
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from procurement.api.auth import HasScope
from procurement.api.errors import BadParameter
from procurement.api.throttle import FairThrottle

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{16,64}")


class ClientView(APIView):
    """`scopes` names the scope each method needs; None is any key."""

    permission_classes = (IsAuthenticated, HasScope)
    throttle_classes = (FairThrottle,)
    scopes: ClassVar[dict[str, str | None]] = {}

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        # Two clients see different rows under one address.
        answer.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(answer, ["Authorization"])
        return answer


def request_id(request: Request) -> str:
    return str(request.META.get("longlead.request_id", ""))


def clock() -> datetime:
    """The doors read the clock, and nothing below them."""
    return timezone.now()


def query(request: Request, serializer: type[Serializer[Any]]) -> dict[str, Any]:
    """The query parameters that the serializer names. Raises BadParameter."""
    read = serializer(data={name: request.query_params[name] for name in request.query_params})
    if not read.is_valid():
        name, messages = next(iter(read.errors.items()))
        raise BadParameter(f"{name}: {messages[0]}")
    found: dict[str, Any] = read.validated_data
    return found


def is_strict(request: Request) -> bool:
    """Whether the caller prefers a refusal to a warning (RFC 7240)."""
    preferences = re.split(r"[,;]", request.headers.get("Prefer", "").lower())
    return "handling=strict" in {part.replace(" ", "").replace('"', "") for part in preferences}


def check_idempotency_key(request: Request) -> str | None:
    """The key as sent. Raises BadParameter where its form is wrong."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise BadParameter(_("Idempotency-Key: 16 to 64 printable characters without spaces."))
    return key


def etag(version: int) -> str:
    return f'"v{version}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether If-None-Match already names this representation; it compares weakly (RFC 9110)."""
    sent = request.headers.get("If-None-Match", "")
    return sent.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in sent.split(",")}


def not_modified(tag: str) -> Response:
    return Response(status=304, headers={"ETag": tag})
