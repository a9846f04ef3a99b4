"""The headers of answers: which calls are answered with which, each described once for the whole schema."""

from collections.abc import Sequence
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from procurement.api import parameters
from procurement.api.errors import PROBLEM_TYPE

_REQUEST_ID: Final = "X-Request-ID"
_SHARE: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_WAIT: Final = "Retry-After"
_APPLIED: Final = "Preference-Applied"
_REPLAYED: Final = "Idempotency-Replayed"
_NEXT: Final = "Link"
_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer", "minimum": 0}
_SAID: Final[dict[str, dict[str, Any]]] = {
    _REQUEST_ID: {"schema": _TEXT, "description": "The name of this call: yours, or one made for it."},
    "RateLimit-Limit": {
        "schema": _NUMBER,
        "description": "Most calls that this server process takes from the client in any 60 seconds.",
    },
    "RateLimit-Remaining": {"schema": _NUMBER, "description": "How many of them may follow at once."},
    "RateLimit-Reset": {"schema": _NUMBER, "description": "Seconds until there is room for another one."},
    _WAIT: {"schema": _NUMBER, "description": "Seconds to wait before the next try, or before asking how far it is."},
    _APPLIED: {"schema": _TEXT, "description": "The preferences that were followed, with commas between."},
    _REPLAYED: {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "This was done before, under the same key; the answer is the one given then.",
    },
    _NEXT: {"schema": _TEXT, "description": 'Of the next page, as `<address>; rel="next"`; absent on the last.'},
    parameters.HEADER: {
        "schema": _TEXT,
        "description": "The query parameters that nobody knows and that were not read, with commas between; absent "
        "where there were none.",
    },
}


def _header(
    name: str, description: str, statuses: Sequence[int], kind: OpenApiTypes = OpenApiTypes.STR
) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=description, response=list(statuses))


ETAG: Final = _header(
    "ETag",
    'Names what is answered, as this caller may read it; of an order its version, such as "v17". Of a 412, the present '
    "one.",
    (200, 201, 304, 412),
)
# Answered before it is known who calls, or where nobody can say it any more.
_NO_SHARE: Final = frozenset({"401", "503"})
# Answered before the parameters are looked at.
_NO_LOOK: Final = _NO_SHARE | {"406", "429"}
_WAITS: Final = frozenset({"409", "429", "503"})


def location(*statuses: int) -> OpenApiParameter:
    """Says in the schema that answers of these statuses lead to what was written."""
    return _header("Location", "Where what was written is read, or how far it is.", statuses)


def row_failures(*statuses: int) -> OpenApiParameter:
    """Says in the schema that answers of these statuses count the rows that were refused."""
    return _header("X-Row-Failures", "How many rows were refused.", statuses, OpenApiTypes.INT)


def add_headers(responses: dict[str, Any], *, is_write: bool, is_page: bool) -> None:
    """Those that no endpoint sends by itself, to each answer of an operation."""
    for status, answer in responses.items():
        own = answer.get("headers", {})
        is_done = status.startswith("2")
        is_kept_for_later = status == "202" and "Location" in own
        names = [_REQUEST_ID]
        names += _SHARE if status not in _NO_SHARE else ()
        names += [parameters.HEADER] if status not in _NO_LOOK else []
        names += [_WAIT] if status in _WAITS or is_kept_for_later else []
        names += [_APPLIED] if is_write and (is_done or "application/json" in answer.get("content", {})) else []
        names += [_REPLAYED] if is_write and is_done else []
        names += [_NEXT] if is_page and status == "200" else []
        answer["headers"] = own | {name: _SAID[name] for name in names}


def share(result: Any, generator: Any, request: Any, public: bool) -> Any:
    """Headers, and refusals, that stand at many operations are written once and referred to."""
    components = result["components"]
    headers = components.setdefault("headers", {})
    refusals = components.setdefault("responses", {})
    for operation in (each for path in result["paths"].values() for each in path.values()):
        responses = operation["responses"]
        for status, answer in responses.items():
            answer["headers"] = {
                name: _once(headers, "headers", name, said) for name, said in sorted(answer["headers"].items())
            }
            if [*answer.get("content", ())] == [PROBLEM_TYPE]:
                responses[status] = _once(refusals, "responses", f"Problem{status}", answer)
    return result


def _once(known: dict[str, Any], kind: str, name: str, said: dict[str, Any]) -> dict[str, Any]:
    """A reference to it; where another has its name already, itself."""
    return {"$ref": f"#/components/{kind}/{name}"} if known.setdefault(name, said) == said else said
