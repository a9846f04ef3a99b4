"""Keeps what was called and how it was answered; and calls again what was kept."""

import logging
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError
from django.http import Http404
from django.urls import resolve
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from procurement.api.asking import clock, request_id
from procurement.api.auth import Credential
from procurement.api.parsers import body_hash, body_sent
from procurement.gateways.again import Answered, Kept
from procurement.services import messages
from sites.accounts.models import ApiClient

logger = logging.getLogger(__name__)

_AGAIN: Final = "longlead.again"
# What a second try needs; never the key of the caller.
_HEADERS: Final = ("Content-Type", "Idempotency-Key", "If-Match", "Prefer", "X-Change-Message")
# The caller is told what to do, and does it; or was never let in.
_NO_MESSAGE: Final = frozenset({401, 405, 406, 412, 428, 429})
_NO_MESSAGE_CODES: Final = frozenset({"in_flight", "idempotency_key_required", "idempotency_key_reused"})
# Of a call that was carried out but for some rows of it.
ROWS_REFUSED: Final = "rows_refused"
_MOST_ROWS_TOLD: Final = 20
# Looking after messages is none.
_ABOUT_MESSAGES: Final = ("message", "webhook")


def note(request: Request, answer: Any) -> None:
    """After the answer is settled, outside its transaction. What cannot be kept hurts no call."""
    status = answer.status_code
    if status in _NO_MESSAGE or request._request.META.get(_AGAIN):
        return
    credential = request.auth
    is_dry = request.query_params.get("dry_run", "").lower() in serializers.BooleanField.TRUE_VALUES
    if not isinstance(credential, Credential) or is_dry:
        return
    said = _problem(answer)
    if said.get("code") in _NO_MESSAGE_CODES:
        return
    match = request.resolver_match
    kind = str(match.url_name if match else "")
    if kind.startswith(_ABOUT_MESSAGES):
        return
    call = messages.Call(
        client=credential.client,
        kind=kind,
        method=str(request.method),
        path=request.get_full_path(),
        body=body_sent(request),
        body_hash=body_hash(request),
        request_id=request_id(request),
        scopes=sorted(credential.scopes),
        headers={name: request.headers[name] for name in _HEADERS if name in request.headers},
    )
    try:
        if said or status >= 400:
            messages.note_refused(call, status=status, code=str(said.get("code", "")), problem=said)
        else:
            messages.note_done(call, status=status, now=clock())
    except DatabaseError:
        logger.exception("A message of %s was not kept.", credential.client)


def _problem(answer: Any) -> dict[str, Any]:
    """Why the call was refused, or which of its rows were; empty where all of it was carried out."""
    said = answer.data if isinstance(getattr(answer, "data", None), dict) else {}
    failed = int(answer.get("X-Row-Failures", 0))
    if not failed or "results" not in said:  # rows of a file are looked after where the file is
        return said if answer.status_code >= 400 else {}
    rows = [
        {
            "pointer": f"/results/{place}",
            "code": why["code"],
            "detail": ": ".join(filter(None, (name, at, why["detail"]))),
        }
        for place, row in enumerate(said["results"])
        if row["result"] == "failed"
        for name, at, why in _refusals(row)
    ]
    detail = _("%(count)s of its rows were refused.") % {"count": failed}
    return {"code": ROWS_REFUSED, "detail": detail, "errors": rows[:_MOST_ROWS_TOLD]}


def _refusals(row: Mapping[str, Any]) -> Iterator[tuple[str, str | None, Mapping[str, Any]]]:
    """What the sender calls the order, what was wrong there and how."""
    problem = row.get("problem")
    if problem is None:  # of SAP, which names its fields by their place in the message
        yield row["purchase_order"], row["field"], row
        return
    for why in problem["errors"] or [problem]:
        yield row["external_id"], why.get("pointer"), why


def send_again(kept: Kept) -> Answered:
    """Through the same view, as the same client with the scopes its key had; its rights are those of today."""
    client = ApiClient.objects.select_related("account").get(pk=kept.client_id)
    if not client.active or not client.account.is_active:
        return Answered(403, {"code": "not_permitted", "detail": _("The client is switched off.")})
    parts = urlsplit(kept.path)
    environ = {
        "REQUEST_METHOD": kept.method,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": kept.headers.get("Content-Type", "application/json"),
        "CONTENT_LENGTH": str(len(kept.body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(kept.body),
        _AGAIN: True,
        **{f"HTTP_{name.upper().replace('-', '_')}": text for name, text in kept.headers.items()},
    }
    request: Any = WSGIRequest(environ)
    # How the framework lets a caller in whom somebody else has recognised.
    request._force_auth_user = client.account
    request._force_auth_token = Credential(client, "retry", frozenset(kept.scopes), None)
    try:
        match = resolve(parts.path)
    except Http404:
        return Answered(404, {"code": "not_found"})
    request.resolver_match = match
    answer: Any = match.func(request, *match.args, **match.kwargs)
    return Answered(answer.status_code, _problem(answer))
