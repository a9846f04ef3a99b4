"""What every write shares: one transaction, a key that makes sending twice harmless, and a try that keeps nothing."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final

import pghistory
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import clock, is_minimal, is_strict, query
from procurement.api.auth import acting_client
from procurement.api.errors import BadParameter, FieldError, IdempotencyKeyRequired, InFlight, KeyReused, UnknownFields
from procurement.api.parsers import body_hash
from procurement.services import kept_answers
from sites.domain.errors import BadInput, RuleBroken
from sites.domain.text import check_text

WRITES: Final = frozenset({"post", "put", "patch", "delete"})
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{16,64}")
_REFUSALS = (RuleBroken, APIException, Http404, PermissionDenied)
# Headers that name what was written.
LEADS_TO_IT: Final = ("Location", "ETag")
_KEPT_HEADERS: Final = (*LEADS_TO_IT, "Retry-After", "X-Row-Failures", "Preference-Applied")
_WARNINGS: Final = "longlead.warnings"
_LONGEST_MESSAGE: Final = 300


class DryRunQuery(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(default=False)


def is_dry_run(request: Request) -> bool:
    """Whether the caller wants to be told what would be, and nothing kept. Raises BadParameter."""
    return bool(query(request, DryRunQuery)["dry_run"])


def carry_out(handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> Any:
    """Run a write. What it refuses leaves nothing behind, unless the refusal says it does, and uses up no key."""
    key = idempotency_key(request)
    dry_run = is_dry_run(request)
    # Read before anything is locked: a body that cannot be read is refused first, and the key stands for its bytes.
    _body = request.data
    client, now, mark = acting_client(request), clock(), _fingerprint(request)
    refused: Exception | None = None
    with transaction.atomic():
        if key is not None and not dry_run:
            if not kept_answers.claim(client, key):
                raise InFlight
            kept = kept_answers.find(client, key, now)
            if kept is not None:
                if bytes(kept.fingerprint) != mark:
                    raise KeyReused
                return _shortened(request, _again(kept.status, kept.headers, bytes(kept.body)))
        try:
            with pghistory.context(**_said_why(request)):
                answer = handler(request, *args, **kwargs)
        except _REFUSALS as refusal:
            if not getattr(refusal, "keeps_what_it_wrote", False) or dry_run:
                raise
            refused = refusal
        else:
            answer = _with_warnings(request, answer)
            if dry_run:
                answer = _tried(answer)
            elif key is not None and answer.status_code < 400:
                _keep(client, key, mark, answer)
    if refused is not None:
        raise refused
    return answer if dry_run else _shortened(request, answer)


def _shortened(request: Request, answer: Any) -> Any:
    """Without its body, where the caller wants none and it says nothing else: rows that failed are always told, and so
    are warnings, a secret, what was stale, and what was made where no `Location` leads to it.
    """
    is_plain = isinstance(answer, Response) and "X-Row-Failures" not in answer and not _says_more(answer.data)
    is_found = is_plain and (answer.status_code == 200 or (answer.status_code == 201 and "Location" in answer))
    if is_found and is_minimal(request):
        answer.status_code, answer.data = 204 if answer.status_code == 200 else 201, None
        applied(answer, "return=minimal")
    return answer


def _says_more(data: Any) -> bool:
    return isinstance(data, dict) and bool(
        data.get("warnings") or "secret" in data or data.get("result") == "stale_ignored"
    )


def applied(answer: Any, preference: str) -> None:
    """Say that it was followed (RFC 7240), beside others."""
    answer["Preference-Applied"] = ", ".join(filter(None, (answer.get("Preference-Applied"), preference)))


def _said_why(request: Request) -> dict[str, str]:
    """What the history keeps as the reason of every row that this call changes. Raises BadParameter."""
    said = request.headers.get("X-Change-Message", "")
    try:
        check_text(said, "X-Change-Message", longest=_LONGEST_MESSAGE)
    except BadInput as refusal:
        raise BadParameter(f"X-Change-Message: {refusal.message}") from None
    return {"reason": said} if said else {}


def idempotency_key(request: Request) -> str | None:
    """The key as sent. Raises BadParameter where its form is wrong, and IdempotencyKeyRequired on a POST without."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        if request.method == "POST":
            raise IdempotencyKeyRequired
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise BadParameter(_("Idempotency-Key: 16 to 64 printable characters without spaces."))
    return key


def warn(request: Request, found: list[FieldError]) -> None:
    """Tell the sender of fields that were not read; a strict one is refused. Raises UnknownFields."""
    if found and is_strict(request):
        raise UnknownFields(found)
    request._request.META.setdefault(_WARNINGS, []).extend(found)


def _fingerprint(request: Request) -> bytes:
    said = f"{acting_client(request).pk} {request.method} {request.get_full_path()} {body_hash(request)}"
    return hashlib.sha256(said.encode()).digest()


def _with_warnings(request: Request, answer: Any) -> Any:
    """Where an endpoint has no place of its own for them."""
    found: list[FieldError] = request._request.META.get(_WARNINGS, [])
    if isinstance(answer, Response):
        if found and isinstance(answer.data, dict):
            said = [{"code": each.code, "pointer": each.pointer, "detail": each.detail} for each in found]
            answer.data = {**answer.data, "warnings": [*answer.data.get("warnings", ()), *said]}
        if is_strict(request):
            applied(answer, "handling=strict")
    return answer


def _tried(answer: Any) -> Any:
    with connection.cursor() as cursor:  # what PostgreSQL would refuse at the end is refused now
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    transaction.set_rollback(True)
    if isinstance(answer, Response) and answer.status_code < 400:
        answer.status_code = 200
        for name in LEADS_TO_IT:
            if name in answer:
                del answer[name]
        if answer.data is None or isinstance(answer.data, dict):
            answer.data = {**(answer.data or {}), "dry_run": True}
    return answer


def _keep(client: Any, key: str, mark: bytes, answer: Any) -> None:
    has_data = isinstance(answer, Response) and answer.data is not None
    body = JSONRenderer().render(answer.data) if has_data else b""
    headers = {name: answer[name] for name in _KEPT_HEADERS if name in answer}
    kept_answers.keep(client, key, mark, status=answer.status_code, headers=headers, body=body)


def _again(status: int, headers: dict[str, str], body: bytes) -> Response:
    answer = Response(json.loads(body) if body else None, status=status, headers=headers)
    answer["Idempotency-Replayed"] = "true"
    return answer
