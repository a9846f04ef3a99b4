"""The headers of answers, as the schema tells them and as they come."""

from typing import Any, Final
from uuid import uuid4

import pytest
import yaml
from django.test import Client

from procurement.management.runtime.places import REPOSITORY
from tests.procurement.api.calls import ORDER, Caller, order_body

# As it is committed; test_schema.py sees that it is what the API says.
SCHEMA: Final[dict[str, Any]] = yaml.load(
    (REPOSITORY / "docs" / "openapi-v1.yaml").read_bytes(), Loader=yaml.CSafeLoader
)


def operations() -> list[dict[str, Any]]:
    return [operation for path in SCHEMA["paths"].values() for operation in path.values()]


def headers_of(operation_id: str, status: str) -> set[str]:
    (operation,) = [each for each in operations() if each["operationId"] == operation_id]
    answer = operation["responses"][status]
    if "$ref" in answer:
        answer = SCHEMA["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return {*answer["headers"]}


def test_each_header_is_described_once_and_promised_nowhere() -> None:
    headers = SCHEMA["components"]["headers"]
    answers = [answer for operation in operations() for answer in operation["responses"].values()]
    answers += SCHEMA["components"]["responses"].values()
    told = [(name, said) for answer in answers for name, said in answer.get("headers", {}).items()]

    assert [name for name, said in told if said != {"$ref": f"#/components/headers/{name}"}] == []
    assert {name for name, _said in told} == headers.keys()
    assert [name for name, said in headers.items() if said.get("required") or not said["description"]] == []


def test_the_headers_of_single_operations_are_where_they_are_sent() -> None:
    found: dict[str, list[tuple[str, str]]] = {"Location": [], "X-Row-Failures": [], "Link": [], "Retry-After": []}
    for operation in operations():
        for status in operation["responses"]:
            for name in found.keys() & headers_of(operation["operationId"], status):
                found[name].append((operation["operationId"], status))

    pages = {
        (each["operationId"], "200")
        for each in operations()
        if {"cursor", "fields"} <= {part["name"] for part in each["parameters"]}
    }
    assert {*found["Link"]} == pages
    assert sorted(found["Location"]) == [
        ("addAttachment", "201"), ("addGridConnection", "201"), ("addNetworkWorks", "201"), ("applyImport", "202"),
        ("bulkUpsertPurchaseOrders", "202"), ("changeGridConnection", "200"), ("changeGridConnection", "204"),
        ("draftChangeOrder", "201"), ("sendWorkbook", "201"), ("sendWorkbook", "202"), ("undoImport", "202"),
        ("upsertAgreement", "200"), ("upsertAgreement", "201"), ("upsertAgreement", "204"),
        ("upsertPurchaseOrder", "200"), ("upsertPurchaseOrder", "201"), ("upsertPurchaseOrder", "204"),
    ]  # fmt: skip
    assert sorted(found["X-Row-Failures"]) == [
        ("applyImport", "200"), ("bulkUpsertPurchaseOrders", "200"), ("bulkUpsertPurchaseOrders", "422"),
        ("sendWorkbook", "200"), ("sendWorkbook", "201"), ("takeSapPurchaseOrders", "200"), ("undoImport", "200"),
    ]  # fmt: skip
    assert {status for _name, status in found["Retry-After"]} == {"202", "409", "429", "503"}
    assert sorted(name for name, status in found["Retry-After"] if status == "202") == [
        "applyImport", "bulkUpsertPurchaseOrders", "sendWorkbook", "undoImport",
    ]  # fmt: skip


# Of HTTP itself and of every answer of the product, not of the API.
NOT_OF_THE_API = {
    "Allow", "Cache-Control", "Content-Language", "Content-Length", "Content-Security-Policy", "Content-Type",
    "Cross-Origin-Opener-Policy", "Permissions-Policy", "Referrer-Policy", "Strict-Transport-Security", "Vary",
    "WWW-Authenticate", "X-Content-Type-Options", "X-Frame-Options",
}  # fmt: skip


@pytest.mark.django_db
def test_what_is_described_is_sent_and_nothing_else(erp: Caller) -> None:
    key, minimal, strict = {"idempotency_key": "a" * 16}, {"prefer": "return=minimal"}, {"prefer": "handling=strict"}
    document = order_body() | {"document_version": 2, "title": "Chillers"}
    refused = {"rows": [{"external_id": "1", "document_version": 1, "body": {}}]}
    answers = [
        ("upsertPurchaseOrder", "201", erp.put(ORDER, order_body(), **strict)),
        ("upsertPurchaseOrder", "204", erp.put(ORDER, document, **key, **minimal)),
        ("upsertPurchaseOrder", "204", erp.put(ORDER, document, **key, **minimal)),
        ("upsertPurchaseOrder", "428", erp.put(ORDER, document, if_match="")),
        ("upsertPurchaseOrder", "412", erp.put(ORDER, document, if_match='"v99"')),
        ("upsertPurchaseOrder", "400", erp.put(f"{ORDER}?x=1", document, **strict)),
        ("upsertPurchaseOrder", "200", erp.put(f"{ORDER}?dry_run=true", document)),
        ("upsertPurchaseOrder", "201", erp.put(f"{ORDER}0", order_body(number="45000162210"))),
        ("listPurchaseOrders", "200", erp.get("/purchase-orders?limit=1&x=1")),
        ("listVendors", "200", erp.get("/vendors?limit=1")),
        ("listVendors", "304", erp.get("/vendors?limit=1", if_none_match="*")),
        ("readPurchaseOrder", "404", erp.get(f"/purchase-orders/{uuid4()}?x=1")),
        ("bulkUpsertPurchaseOrders", "422", erp.post("/purchase-orders/bulk?atomic=true", refused, **strict)),
        ("bulkUpsertPurchaseOrders", "202", erp.post("/purchase-orders/bulk", refused, prefer="respond-async")),
        ("whoami", "401", Client().get("/api/v1/me")),
    ]

    assert [str(answer.status_code) for _name, _status, answer in answers] == [status for _name, status, _a in answers]
    assert [
        (name, status, more)
        for name, status, answer in answers
        if (more := {*answer.headers} - NOT_OF_THE_API - headers_of(name, status))
    ] == []
    sent = {name for _name, _status, answer in answers for name in answer.headers}
    assert SCHEMA["components"]["headers"].keys() - sent == set()
