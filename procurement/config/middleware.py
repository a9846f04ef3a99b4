"""What every request passes: a name for it, its actor for history, and a plain answer when PostgreSQL is gone."""

import re
from collections.abc import Callable
from uuid import uuid4

import pghistory
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

Handler = Callable[[HttpRequest], HttpResponse]
RETRY_AFTER_SECONDS = 5
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


class DatabaseGone:
    """Answers 503 with Retry-After where the database cannot be reached. The outermost middleware."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        except (OperationalError, InterfaceError) as error:
            return self._unavailable(request, error)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, OperationalError | InterfaceError):
            return self._unavailable(request, error)
        return None

    def _unavailable(self, request: HttpRequest, error: Exception) -> HttpResponse:
        connection.close()
        if request.path.startswith("/api/"):
            response: HttpResponse = JsonResponse(
                {
                    "type": "/problems/unavailable",
                    "title": "The database cannot be reached",
                    "status": 503,
                    "code": "unavailable",
                    "retryable": True,
                },
                status=503,
                content_type="application/problem+json",
            )
        else:
            response = HttpResponse(render_to_string("503.html"), status=503)
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response


class RequestIdentity:
    """Takes the caller's X-Request-ID, or makes one, and gives it back."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        request_id = sent if _REQUEST_ID.match(sent) else uuid4().hex
        request.META["longlead.request_id"] = request_id
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class HistoryContext:
    """Tells the history triggers who acts in this request. The API adds its client after authentication."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return self.get_response(request)
        user = getattr(request, "user", None)
        actor = str(user.pk) if user is not None and user.is_authenticated else None
        with pghistory.context(actor=actor, request_id=request.META["longlead.request_id"], path=request.path):
            return self.get_response(request)
