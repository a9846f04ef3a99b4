"""Shapes that several endpoints share, and how a refusal looks in the schema."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from procurement.api.errors import PROBLEM_TYPE


class FieldErrorSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(
        allow_null=True, help_text="JSON pointer into the body by array index; null where the whole request is meant."
    )
    code = serializers.CharField(help_text="Stable, for programs.")
    detail = serializers.CharField(help_text="For people; its wording may change.")


class ProblemSerializer(serializers.Serializer[Any]):
    """A refusal (RFC 9457). Read `code` and `errors[].code`; `title` and `detail` are for people."""

    type = serializers.CharField(help_text="Stable; a path below the documentation, such as /problems/not-found.")
    title = serializers.CharField(help_text="What kind of refusal it is.")
    status = serializers.IntegerField(help_text="The HTTP status again.")
    detail = serializers.CharField(help_text="What was refused here.")
    instance = serializers.CharField(help_text="The path that was called.")
    code = serializers.CharField(help_text="Stable, for programs: not_found, validation_error, scope.")
    retryable = serializers.BooleanField(help_text="Whether the same request may succeed later, unchanged.")
    trace_id = serializers.CharField(help_text="The X-Request-ID of this call; quote it when you ask.")
    errors = FieldErrorSerializer(  # type: ignore[assignment]
        many=True, help_text="The parts that were wrong; may be empty."
    )


class WarningSerializer(serializers.Serializer[Any]):
    """Something the sender should know that refused nothing."""

    code = serializers.CharField(help_text="unknown_field, owned_by_tracker, same_version, baseline_not_moved, ...")
    pointer = serializers.CharField(allow_null=True, help_text="JSON pointer into the body; null for the whole of it.")
    detail = serializers.CharField(help_text="For people.")


MEANING: Final = {
    400: "The body, a header or a parameter cannot be read, or a POST says no Idempotency-Key.",
    401: "No key, or none that is known, live and used from where it may be.",
    403: "The key lacks a scope, or its account a right at a site; or the system in the path is another client's.",
    404: "There is no such thing, or it is out of the caller's sight: the two are answered alike.",
    405: "The path knows other methods.",
    406: "Accept names no type that this is answered in.",
    409: "The state of the thing refuses this, or a call with this key is being answered just now (Retry-After).",
    410: "The cursor cannot be continued: a restore, or older than 90 days. Read everything anew.",
    412: "It has changed since the version that If-Match names.",
    413: "The body is larger than is taken here; `detail` says how much is.",
    415: "The body is of a type, or in a charset, that is not taken here.",
    422: "The document is readable but wrong; `errors` names each field by its pointer. Nothing was stored.",
    428: "If-Match is missing or empty: a change names the version it was made from.",
    429: "Too many calls; Retry-After says how many seconds to wait.",
    500: "Ours. Send the same request again; it changes nothing twice.",
    503: "The database cannot be reached, or is busy; see Retry-After.",
}


def example(title: str, /, **said: Any) -> OpenApiExample:
    """Of a body, as a caller may copy it."""
    return OpenApiExample(title, request_only=True, value=said)


def file_example(title: str, *lines: str) -> OpenApiExample:
    """Of a body that is a file of text."""
    return OpenApiExample(
        title, request_only=True, media_type="application/octet-stream", value="\n".join(lines) + "\n"
    )


def problems(*statuses: int) -> dict[Any, Any]:
    """Responses of the schema for these refusals, and those that any call can meet."""
    every = sorted({401, 403, 406, 429, 500, 503, *statuses})
    return {(status, PROBLEM_TYPE): OpenApiResponse(ProblemSerializer, description=MEANING[status]) for status in every}


OWN_SYSTEM: Final = OpenApiParameter(
    "system",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="Your own system, as `/me` names it; any other is refused with 403.",
    pattern="^[A-Z0-9-]{2,20}$",
)
REQUEST_ID: Final = OpenApiParameter(
    "X-Request-ID",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Your name for this call: 1 to 64 letters, digits, dots, dashes, underscores. Echoed, and in problems.",
)
