"""What the schema says of every call, so that no endpoint has to: scope, refusals; of a write its key and dry run."""

import json
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from procurement.api import parameters
from procurement.api.errors import PROBLEM_TYPE
from procurement.api.v1.answer_headers import add_headers
from procurement.api.v1.bodies import TRACKER_OWNED
from procurement.api.v1.pages import PageQuery
from procurement.api.v1.shapes import MEANING
from procurement.api.writing import LEADS_TO_IT
from procurement.vocabulary import ChangeKind

_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
DRY_RUN: Final = OpenApiParameter(
    "dry_run",
    OpenApiTypes.BOOL,
    OpenApiParameter.QUERY,
    default=False,
    description="Try all of it and answer what would be; nothing is kept, no event is told, no key is used "
    "up. An id of what would be made is of nothing that stays.",
)
PREFER: Final = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`handling=strict` refuses fields that nobody knows or the tracker owns, and parameters that nobody "
    "knows; else they are `warnings`. `return=minimal` answers without a body, but what only the body tells.",
)
PREFER_OF_READS: Final = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`handling=strict` refuses parameters that nobody knows; else the answer names them in "
    f"`{parameters.HEADER}`.",
)
CHANGE_MESSAGE: Final = OpenApiParameter(
    "X-Change-Message",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Why, for the history of everything this call changes; up to 300 characters.",
)


def _key(method: str) -> OpenApiParameter:
    return OpenApiParameter(
        "Idempotency-Key",
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        required=method == "POST",
        pattern="^[!-~]{16,64}$",
        description="16 to 64 printable characters of your choice, new for each thing you want done. The same key with "
        "the same call is answered alike for seven days, with `Idempotency-Replayed: true`, and done once. A refused "
        "call uses up no key.",
    )


# Parts of an address that no endpoint describes for itself.
_PARTS: Final = {
    "code": "Its code.",
    "site": "Code of the site.",
    "kind": "Which list.",
    "order_id": "Our id of the order.",
}


_WRITTEN: Final = "#/components/schemas/Written"


class ClientSchema(AutoSchema):
    """What no endpoint has to say for itself: the scope it takes, the ids in its address, what becomes of parameters
    that nobody knows and, of a write, what `carry_out` adds to it.
    """

    # The signature is drf-spectacular's, which has dropped the arguments of REST framework's.
    def get_description(self) -> str:  # type: ignore[override]
        """Of an endpoint that says none: nothing; its docstring is for who reads the code."""
        return ""

    def get_override_parameters(self) -> Any:
        found = super().get_override_parameters()
        if self.method in _WRITES:
            return [*found, _key(self.method), PREFER, DRY_RUN, CHANGE_MESSAGE]
        return [*found, PREFER_OF_READS]

    def _map_serializer_field(self, field: Any, *args: Any, **kwargs: Any) -> Any:
        """With the bounds of a list of objects, which drf-spectacular knows of a list of values only."""
        schema = super()._map_serializer_field(field, *args, **kwargs)  # type: ignore[no-untyped-call]
        is_list = isinstance(field, serializers.ListSerializer)
        if is_list and field.max_length is not None:
            schema["maxItems"] = field.max_length
        if is_list and not field.allow_empty:
            schema["minItems"] = 1
        return schema

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if not operation:
            return operation
        scope = getattr(self.view, "scopes", {}).get(self.method)
        said = f"Scope: `{scope}`." if scope else "Any key."
        operation["description"] = f"{operation.get('description', '')} {said}".strip()
        for part in operation.get("parameters", ()):
            if part["in"] == "path":
                part.setdefault("description", _PARTS.get(part["name"], "Our id."))
        is_write = self.method in _WRITES
        responses: dict[str, Any] = operation["responses"]
        if "403" in responses:
            _add_refusals(responses, (400, 409, 413, 415, 422) if is_write else (400,))
            if "{" in self.path:
                _add_refusals(responses, (404,))
        if is_write:
            _add_tries(responses)
        asked = self.get_override_parameters()
        is_page = any(isinstance(each, type) and issubclass(each, PageQuery) for each in asked)
        add_headers(responses, is_write=is_write, is_page=is_page)
        operation["responses"] = dict(sorted(responses.items()))
        return operation


def _add_refusals(responses: dict[str, Any], statuses: Iterable[int]) -> None:
    for status in statuses:
        refusal = deepcopy(responses["403"])
        known = responses.setdefault(str(status), {**refusal, "description": MEANING[status]})
        # An endpoint that answers such a status with a body of its own still refuses like the others.
        known.setdefault("content", {}).setdefault(PROBLEM_TYPE, refusal["content"][PROBLEM_TYPE])


def _add_tries(responses: dict[str, Any]) -> None:
    """What a write answers to `dry_run`, which leads to nothing that was written, and to who wants no body."""
    kept = responses.get("200", {}).get("headers", {})
    if "200" not in responses:
        only_tried: dict[str, Any] = {"content": {"application/json": {"schema": {"$ref": _WRITTEN}}}}
        tried: dict[str, Any] = deepcopy(responses.get("201") or responses.get("202") or only_tried)
        tried["description"] = "With `dry_run=true`: what would have been answered."
        tried["headers"] = {name: said for name, said in tried.get("headers", {}).items() if name not in LEADS_TO_IT}
        responses["200"] = tried
    minimal = {"description": "With `Prefer: return=minimal`: done."}
    answer = responses.setdefault("204", minimal)
    answer["headers"] = {name: said for name, said in kept.items() if name in LEADS_TO_IT}


_SIGNED: Final = (
    ("webhook-id", "Names the message, the same however often it is sent."),
    ("webhook-timestamp", "Seconds since 1970 in UTC of this attempt."),
    (
        "webhook-signature",
        "`v1,` and a signature (Standard Webhooks); two parted by a space while a secret is changed.",
    ),
)
# Answers in which fields of both sides stand beside each other, and those that are ours altogether.
_MIXED: Final = ("PurchaseOrder", "OrderLine", "ScheduleLine")
_OURS: Final = ("Lot", "LotForecast", "LotProbability", "Spread")
_OURS_BESIDE: Final = TRACKER_OWNED | {"contract_step_assumed"}


def show_answers(result: Any, generator: Any, request: Any, public: bool) -> Any:
    """An answer of each operation, as the demo gave it: of lists the first only."""
    answers = json.loads(Path(__file__).with_name("answers.json").read_text())
    for operations in result["paths"].values():
        for operation in operations.values():
            for status, value in answers.get(operation.get("operationId"), {}).items():
                content = operation["responses"][status]["content"]["application/json"]
                content["examples"] = {"Answer": {"value": value}}
    return result


def tell_of_writes(result: Any, generator: Any, request: Any, public: bool) -> Any:
    """What `carry_out` adds to the answers of writes: that it was a dry run, and what the sender should know.

    And a default that the parameter itself would refuse is none.
    """
    schemas = result["components"]["schemas"]
    schemas["Written"] = {
        "type": "object",
        "properties": {
            "dry_run": {"type": "boolean", "description": "True: nothing was kept. Absent where it was no dry run."},
            "warnings": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Warning"},
                "description": "What you should know; absent where there is nothing.",
            },
        },
    }
    for operation in (each for path in result["paths"].values() for each in path.values()):
        parameters_of = operation.get("parameters", ())
        for part in parameters_of:
            if part["schema"].get("default") == "":
                del part["schema"]["default"]
        if not any(part["name"] == DRY_RUN.name for part in parameters_of):
            continue
        for status in ("200", "201", "202"):
            said = (
                operation["responses"].get(status, {}).get("content", {}).get("application/json", {}).get("schema", {})
            )
            if said.get("$ref", _WRITTEN) != _WRITTEN:
                both = [{"$ref": said.pop("$ref")}, {"$ref": _WRITTEN}]
                said["allOf"] = both
    return result


def loosen_items(result: Any, generator: Any, request: Any, public: bool) -> Any:
    """An item of a page may be without any of its fields: `fields` and `omit` say which it has."""
    schemas = result["components"]["schemas"]
    pages = [
        schema["properties"]
        for schema in schemas.values()
        if {"items", "next_cursor"} <= {*schema.get("properties", ())}
    ]
    for page in pages:
        items = page["items"]["items"]
        whole = items["$ref"].rpartition("/")[2]
        schemas[f"{whole}Item"] = {part: said for part, said in schemas[whole].items() if part != "required"}
        items["$ref"] += "Item"
    return result


def describe_webhooks(result: Any, generator: Any, request: Any, public: bool) -> Any:
    """What an endpoint of a client is sent, by type: a change as the feed tells it, without the feed's own id."""
    schemas = result["components"]["schemas"]
    change = schemas["Change"]
    schemas["WebhookMessage"] = {
        "type": "object",
        "description": "As the change feed tells it, and to a `full` endpoint with the record. Where that would not "
        "fit, `record` of `data` is null and `record_left_out` true; where that is not enough, `changed` is empty and "
        "`changed_left_out` true. A test message has nothing but `id`, `changed` and `links` in `data`.",
        "properties": {name: change["properties"][name] for name in ("type", "timestamp")}
        | {"data": {"$ref": "#/components/schemas/ChangeDataItem", "description": "Of the change."}},
        "required": ["data", "timestamp", "type"],
    }
    data = {name: said for name, said in schemas["ChangeData"].items() if name != "required"}
    left_out = {"type": "boolean", "description": "It would not fit; read the thing itself."}
    record = {
        "type": ["object", "null"],
        "additionalProperties": True,
        "description": "To a `full` endpoint: what `links.self` answered when the message was made; null where there "
        "is nothing to be read.",
    }
    more = {"changed_left_out": left_out, "record": record, "record_left_out": left_out}
    schemas["ChangeDataItem"] = data | {"properties": data["properties"] | more}
    result["components"]["parameters"] = {
        name: {"name": name, "in": "header", "required": True, "description": said, "schema": {"type": "string"}}
        for name, said in _SIGNED
    }
    headers = [{"$ref": f"#/components/parameters/{name}"} for name, _said in _SIGNED]
    result["webhooks"] = {
        kind.value: {
            "post": {
                "summary": str(kind.label),
                "tags": ["webhooks"],
                "parameters": headers,
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookMessage"}}},
                },
                "responses": {
                    "204": {"description": "Taken; any 2xx within 20 seconds."},
                    "410": {"description": "Switch this endpoint off. Anything else is tried again for three days."},
                },
            }
        }
        for kind in ChangeKind
    }
    return result


def mark_owners(result: Any, generator: Any, request: Any, public: bool) -> Any:
    """Say of every field of an order whose it is: the ERP's, or the tracker's, which no write of an ERP changes."""
    schemas = result["components"]["schemas"]
    for name, schema in schemas.items():
        for field, about in schema.get("properties", {}).items():
            if owner := schema.get("x-owner"):
                about["x-owner"] = owner
            elif name in _MIXED:
                about["x-owner"] = "tracker" if field in _OURS_BESIDE else "erp"
            elif name in _OURS:
                about["x-owner"] = "tracker"
    return result
