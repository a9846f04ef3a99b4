"""Calls as a system makes them, and what they are answered."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from procurement.services import api_keys
from sites.accounts.models import ApiClient
from sites.accounts.permissions import Scope
from tests.procurement.services.order_documents import NOON

ALL_SCOPES = [scope.value for scope in Scope]


@dataclass
class Caller:
    """A calling system: says its key with every call, and speaks JSON."""

    client: ApiClient
    key: str
    browser: Client

    def get(self, path: str, **headers: str) -> Any:
        return self.browser.get(f"/api/v1{path}", headers=self._headers(headers))

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self._send("PUT", path, body, headers)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """Under a key of its own, unless the caller says one."""
        return self._send("POST", path, body, {"idempotency_key": uuid4().hex, **headers})

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self._send("PATCH", path, body, headers)

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        return self.browser.generic(
            method,
            f"/api/v1{path}",
            data=body if isinstance(body, bytes) else json.dumps(body),
            content_type=headers.pop("content_type", "application/json"),
            headers=self._headers(headers),
        )

    def _headers(self, said: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", **{name.replace("_", "-"): text for name, text in said.items()}}


def calling(name: str = "ERP", *, scopes: list[str] | None = None, **said: Any) -> Caller:
    client = api_keys.make_client(name=name, system=said.pop("system", "SAP-PRD"), actor=None, **said)
    _key, secret = api_keys.make_key(
        client=client, scopes=scopes or ALL_SCOPES, expires_at=None, addresses=[], actor=None, now=NOON
    )
    return Caller(client, secret, Client())


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal, after looking that it is one."""
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"], body["trace_id"]) == (status, code, answer["X-Request-ID"])
    assert body["type"] == f"/problems/{code.replace('_', '-')}"
    return body


def pointers(body: dict[str, Any]) -> list[str | None]:
    return [error["pointer"] for error in body["errors"]]


def queries_of(call: Any) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def order_body(*lines: dict[str, Any], **said: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "document_version": 1,
        "vendor": "KITA",
        "site": "SYD1",
        "currency": "AUD",
        "issued_on": "2026-08-03",
        "incoterm": "DAP",
        "total_amount": "1000000.00",
        "lines": list(lines) or [order_line()],
    }
    return body | said


def order_line(number: Any = "00010", **said: Any) -> dict[str, Any]:
    line: dict[str, Any] = {
        "line_number": number,
        "equipment_class": "chiller",
        "plant": "OSAKA",
        "quantity": "4",
        "unit_price": "250000.00",
        "contractual_date": "2027-07-19",
    }
    return line | said


ORDER = "/purchase-orders/ext/SAP-PRD/4500016221"
