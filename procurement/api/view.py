"""What every endpoint of the API shares: a key, its scope, a fair share, one way to write, and its headers."""

import math
from functools import partial
from typing import Any, ClassVar

from django.utils.cache import patch_vary_headers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from procurement.api import message_log, parameters
from procurement.api.asking import clock, etag, is_known, is_strict, not_modified, query, request_id
from procurement.api.auth import Credential, HasScope
from procurement.api.throttle import WINDOW, FairThrottle
from procurement.api.writing import WRITES, carry_out

__all__ = ["ClientView", "clock", "etag", "is_known", "is_strict", "not_modified", "query", "request_id"]


class ClientView(APIView):
    """`scopes` names the scope each method needs; None is any key. Each write is carried out by `carry_out`."""

    permission_classes = (IsAuthenticated, HasScope)
    throttle_classes = (FairThrottle,)
    scopes: ClassVar[dict[str, str | None]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # A body's charset is the parser's to judge; an address is UTF-8 whatever the body claims.
        request._request.encoding = "utf-8"
        super().initial(request, *args, **kwargs)
        parameters.check(request, type(self))
        method = str(request.method).lower()
        handler = getattr(self, method, None)
        if method in WRITES and handler is not None:
            setattr(self, method, partial(carry_out, handler))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if str(request.method).lower() in WRITES and isinstance(request, Request):
            message_log.note(request, answer)
        if isinstance(request, Request) and isinstance(request.auth, Credential):
            left, seconds = WINDOW.left(str(request.auth.client.pk))
            answer["RateLimit-Limit"] = str(WINDOW.most)
            answer["RateLimit-Remaining"] = str(left)
            answer["RateLimit-Reset"] = str(max(0, math.ceil(seconds)))
        if isinstance(request, Request):
            parameters.name_unknown(request, answer)
        # Two clients see different rows under one address.
        answer.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(answer, ["Authorization"])
        return answer
