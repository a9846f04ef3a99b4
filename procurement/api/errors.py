"""Every refusal of the API as `application/problem+json` (RFC 9457), from one place."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.encoding import escape_uri_path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from sites.domain.errors import BadInput, ChangedSince, Conflict, NotFound, NotPermitted, RuleBroken

logger = logging.getLogger(__name__)

PROBLEM_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """`pointer` is a JSON pointer into the request's body; None where the whole request is meant."""

    pointer: str | None
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    code: str
    detail: str
    errors: list[FieldError] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


class MalformedBody(exceptions.APIException):
    """The body is no JSON document we take at all; `pointer` names the place where there is one."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "malformed"

    def __init__(self, detail: str, *, pointer: str | None = None, code: str = "malformed") -> None:
        super().__init__(detail, "malformed")
        self.errors = [FieldError(pointer, code, detail)]


class BodyTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class WrongCharset(exceptions.APIException):
    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_detail = gettext_lazy("Send JSON as UTF-8.")
    default_code = "unsupported_charset"


class BadParameter(exceptions.APIException):
    """A header or a query parameter that cannot be read."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid_parameter"


class UnknownParameters(BadParameter):
    """With `Prefer: handling=strict`, what would have been a warning."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(errors[0].detail)
        self.errors = errors


class StaleVersion(exceptions.APIException):
    """If-Match names a version that is not the present one, whose tag the answer says; None: there is none."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = gettext_lazy("It has changed since you read it.")
    default_code = "stale_version"

    def __init__(self, present: str | None = None) -> None:
        super().__init__()
        self.headers = {"ETag": present} if present else {}


class VersionRequired(exceptions.APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_code = "version_required"


class IdempotencyKeyRequired(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = gettext_lazy("A POST says an Idempotency-Key, so that sending it twice does nothing twice.")
    default_code = "idempotency_key_required"


class InFlight(exceptions.APIException):
    """Somebody is at work under the same key."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = gettext_lazy("A call with this Idempotency-Key is being answered just now.")
    default_code = "in_flight"
    wait = 1


class KeyReused(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = gettext_lazy("This Idempotency-Key was used for another call.")
    default_code = "idempotency_key_reused"


class UnknownFields(exceptions.APIException):
    """With `Prefer: handling=strict`, what would have been a warning."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "validation_error"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(_("The request is not valid."), "validation_error")
        self.errors = errors


_RULES: Final[tuple[tuple[type[RuleBroken], int], ...]] = (
    (BadInput, 422),
    (NotFound, 404),
    (NotPermitted, 403),
    (ChangedSince, 412),
    (Conflict, 409),
    (RuleBroken, 409),
)
# What a client may send again unchanged.
_RETRYABLE: Final = frozenset({429, 500, 503})


def titles() -> dict[int, str]:
    """The title of a problem by its status; what a person reads, so it is translated."""
    return {
        400: _("The request cannot be read"),
        401: _("Who is calling is not known"),
        403: _("This is not allowed"),
        404: _("Not found"),
        405: _("The method is not allowed here"),
        406: _("No such representation"),
        409: _("The state of the thing refuses this"),
        410: _("This is gone"),
        412: _("Somebody else changed it first"),
        413: _("The body is too large"),
        415: _("The body is of the wrong type"),
        422: _("The request is not valid"),
        428: _("The request must name the version it changes"),
        429: _("Too many requests"),
        500: _("Something broke on our side"),
    }


def problem_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """For Django REST framework. None, and so the exception itself, where the database is gone: that is a 503."""
    if isinstance(exc, OperationalError | InterfaceError):
        return None
    request: Request = context["request"]
    problem = _problem_of(exc)
    if problem is None:
        logger.exception("Unhandled in %s %s", request.method, request.path, exc_info=exc)
        got_request_exception.send(sender=type(context.get("view")), request=request._request)
        problem = Problem(500, "internal_error", _("Try again with the same body; we have been told."))
    # As the URI it is: decoded, it may hold what no JSON of PostgreSQL does.
    instance = escape_uri_path(request.path)
    return answer(problem, trace_id=str(request.META.get("longlead.request_id", "")), instance=instance)


def answer(problem: Problem, *, trace_id: str, instance: str) -> Response:
    body = {
        "type": f"/problems/{problem.code.replace('_', '-')}",
        "title": titles().get(problem.status, _("The request was refused")),
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        "retryable": is_retryable(problem.status) or "Retry-After" in problem.headers,
        "trace_id": trace_id,
        "errors": [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in problem.errors],
    }
    return Response(body, status=problem.status, headers=problem.headers, content_type=PROBLEM_TYPE)


def is_retryable(status: int) -> bool:
    """Whether the same call may succeed later, unchanged."""
    return status in _RETRYABLE


def _problem_of(exc: Exception) -> Problem | None:
    if isinstance(exc, RuleBroken):
        return _of_rule(exc)
    if isinstance(exc, Http404):
        return _not_found()
    if isinstance(exc, DjangoPermissionDenied):
        return Problem(403, "not_permitted", _("Your key does not allow this."))
    if isinstance(exc, serializers.ValidationError):
        return Problem(422, "validation_error", _("The request is not valid."), list(flat(exc.detail, "")))
    if isinstance(exc, exceptions.APIException):
        return _of_framework(exc)
    return None


def _of_rule(exc: RuleBroken) -> Problem:
    if isinstance(exc, NotFound):
        return _not_found()
    code = next(number for family, number in _RULES if isinstance(exc, family))
    errors = [FieldError(f"/{exc.field}", str(exc.facts.get("code", exc.code)), exc.message)] if exc.field else []
    others = exc.facts.get("others")
    if isinstance(others, list):  # a document with several wrong fields
        errors += [
            FieldError(f"/{each['field']}", each.get("code", exc.code), type(exc).in_words(each["message"]))
            for each in others
        ]
    headers = {"ETag": f'"v{exc.facts["version"]}"'} if isinstance(exc, ChangedSince) else {}
    return Problem(code, "validation_error" if code == 422 else exc.code, exc.message, errors, headers)


def _not_found() -> Problem:
    """One body for what is not there and for what the caller may not see."""
    return Problem(404, "not_found", _("There is no such thing, or it is out of your sight."))


def _of_framework(exc: exceptions.APIException) -> Problem:
    if exc.status_code == 404:
        return _not_found()
    codes = exc.get_codes()
    headers = dict(getattr(exc, "headers", {}))
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    wait = getattr(exc, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    return Problem(
        status=exc.status_code,
        code=codes if isinstance(codes, str) else exc.default_code,
        detail=str(exc.detail),
        errors=list(getattr(exc, "errors", ())),
        headers=headers,
    )


def flat(detail: Any, pointer: str) -> Iterator[FieldError]:
    """Nested refusals of a serializer as one list with JSON pointers (RFC 6901)."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            at = pointer if name == "non_field_errors" else f"{pointer}/{escaped(str(name))}"
            yield from flat(inner, at)
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            at = pointer if isinstance(inner, exceptions.ErrorDetail) else f"{pointer}/{place}"
            yield from flat(inner, at)
    else:
        yield FieldError(pointer or None, str(getattr(detail, "code", "invalid")), str(detail))


def escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
