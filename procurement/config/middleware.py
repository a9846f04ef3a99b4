"""What every request passes: a name for it, its actor for history, and a plain answer when PostgreSQL is gone."""

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pghistory
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import escape_uri_path
from django.views import defaults
from django_htmx.http import HttpResponseClientRedirect

from procurement.portal.context import zone_of
from sites.accounts.models import User
from sites.services import people

Handler = Callable[[HttpRequest], HttpResponse]
RETRY_AFTER_SECONDS = 5
_MOST_DRAINED = 8 * 1024 * 1024
_DRAINED_AT_ONCE = 64 * 1024
API = "/api/"
GONE = (OperationalError, InterfaceError)
_COMPRESSIBLE = {"application/json", "application/javascript", "image/svg+xml"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


class Compressed(GZipMiddleware):
    """Pages leave compressed; Django pads them at random, so that their length tells no secret.

    Not the API: a compressed answer has no strong ETag, which If-Match needs. Nor workbooks and pictures, which are
    compressed already. Below WhiteNoise, whose own files lie compressed beside the plain ones.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if request.path.startswith(API) or not (kind.startswith("text/") or kind in _COMPRESSIBLE):
            return response
        return super().process_response(request, response)


class DatabaseGone:
    """Answers 503 with Retry-After where a view loses the database; for a middleware that does, see `server_error`."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _unavailable(request) if isinstance(error, GONE) else None


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of status 500, called while the error is being handled."""
    if isinstance(sys.exc_info()[1], GONE):
        return _unavailable(request)
    if request.path.startswith(API):
        return _problem(request, 500, "internal_error", "Something broke on our side")
    return defaults.server_error(request)


def _unavailable(request: HttpRequest) -> HttpResponse:
    connection.close()
    if request.path.startswith(API):
        response: HttpResponse = _problem(request, 503, "unavailable", "The database cannot be reached")
    else:
        response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _problem(request: HttpRequest, status: int, code: str, title: str) -> HttpResponse:
    return JsonResponse(
        {
            "type": f"/problems/{code.replace('_', '-')}",
            "title": title,
            "status": status,
            "detail": f"{title}; send the same call again.",
            "instance": escape_uri_path(request.path),
            "code": code,
            "retryable": True,
            "trace_id": str(request.META.get("longlead.request_id", "")),
            "errors": [],
        },
        status=status,
        content_type="application/problem+json",
    )


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


class Nameless:
    """An address with a NUL names nothing, for PostgreSQL keeps none: it is answered like one that nothing matches."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info:
            request.path_info = f"{API}v1/\0" if request.path.startswith(API) else "/\0"
        return self.get_response(request)


class Drained:
    """Reads what nobody read of a body: a call refused before its body would else cost the connection, and with it the
    next call of a client that keeps it open. What is larger is not waited for.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        left = _MOST_DRAINED if request.path.startswith(API) else 0
        with suppress(UnreadablePostError):  # who went away needs no connection
            while left > 0 and (part := request.read(_DRAINED_AT_ONCE)):
                left -= len(part)
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


class Visits:
    """Keeps on which days a person was here, for what changed since the last visit. A call of the API is no visit."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = None if request.path.startswith(API) else request.user
        if isinstance(person, User):
            people.visit(person, timezone.now().astimezone(zone_of(person)).date())
        return self.get_response(request)


class SignedOut:
    """A part of a page that is asked for after the session ended leads its whole page to the log-in and back; htmx
    would put the log-in page where the part was to be.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        page = request.headers.get("HX-Current-URL")
        if page is None or response.status_code != HTTPStatus.FOUND:
            return response
        login = reverse(settings.LOGIN_URL)
        if not response.headers["Location"].startswith(login):
            return response
        asked = urlsplit(page)
        back = request.get_full_path() if request.path == asked.path else f"{asked.path}?{asked.query}".rstrip("?")
        return HttpResponseClientRedirect(f"{login}?{urlencode({'next': back})}")
