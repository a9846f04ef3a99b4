"""Every message between a system and us, and what to do with those that failed: send them again, or put them away.

An inbound one is kept with its body only where it was refused; the same refused again is counted, not kept twice.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from procurement.gateways import again
from procurement.models import IntegrationMessage, WebhookDelivery
from procurement.vocabulary import DeliveryState, Direction, MessageState
from sites.accounts import audit
from sites.accounts.models import ApiClient, User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.queries.access import can

LARGEST_KEPT: Final = 256 * 1024
# Of a call without one: nothing was read, or nothing was there.
_NO_BODY: Final = frozenset({"", hashlib.sha256(b"").hexdigest()})
KEPT_FOR: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Call:
    """A write as it came. `headers` are those that a second try needs, `scopes` what its key was for; of a file there
    is the hash and no `body`.
    """

    client: ApiClient
    kind: str
    method: str
    path: str
    body: bytes
    body_hash: str
    request_id: str
    scopes: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)


def note_done(call: Call, *, status: int, now: datetime) -> None:
    """The call was carried out. What was refused under the same address before needs nobody any more."""
    _create(call, MessageState.DONE, status, "", None)
    if call.method != "POST":  # a PUT and a PATCH name their document in the path
        values: dict[str, Any] = {
            "client": call.client.pk, "method": call.method, "path": call.path[:1000], "now": now,
            "failed": MessageState.FAILED.value, "retried": MessageState.RETRIED.value,
            "inbound": Direction.INBOUND.value,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_SETTLE, values)


# As `_failed`.
_SETTLE: Final = f"""
UPDATE {IntegrationMessage._meta.db_table} SET state = %(retried)s, settled_at = %(now)s
WHERE client_id = %(client)s AND state = %(failed)s AND direction = %(inbound)s
    AND method = %(method)s AND path = %(path)s
"""  # noqa: S608


def note_refused(call: Call, *, status: int, code: str, problem: Mapping[str, Any]) -> None:
    same = _failed(call).filter(headers__body_hash=call.body_hash).order_by("created_at").first()
    if same is None:
        _create(call, MessageState.FAILED, status, code, problem)
        return
    same.attempts += 1
    same.status, same.code, same.problem, same.request_id = status, code, dict(problem), call.request_id
    same.save(update_fields=["attempts", "status", "code", "problem", "request_id"])


def _failed(call: Call) -> QuerySet[IntegrationMessage]:
    return IntegrationMessage.objects.filter(
        client=call.client,
        state=MessageState.FAILED,
        direction=Direction.INBOUND,
        method=call.method,
        path=call.path[:1000],
    )


def _create(call: Call, state: MessageState, status: int, code: str, problem: Mapping[str, Any] | None) -> None:
    is_kept = state == MessageState.FAILED and len(call.body) <= LARGEST_KEPT
    IntegrationMessage.objects.create(
        direction=Direction.INBOUND,
        state=state,
        client=call.client,
        kind=call.kind[:60],
        method=call.method,
        path=call.path[:1000],
        headers={**call.headers, "scopes": list(call.scopes), "body_hash": call.body_hash},
        payload=call.body.decode("utf-8", "replace").replace("\x00", "\ufffd") if is_kept else "",
        status=status,
        code=code[:60],
        problem=dict(problem) if problem else None,
        request_id=call.request_id,
        owner=call.client.owner,
    )


# -- what failed ---------------------------------------------------------------------------------------------------


def of(client: ApiClient) -> QuerySet[IntegrationMessage]:
    return IntegrationMessage.objects.filter(client=client)


def readable_by(actor: User) -> QuerySet[IntegrationMessage]:
    """A message may hold anything of any site: those who grant keys read all, a client's owner those of the client."""
    found = IntegrationMessage.objects.select_related("client")
    if can(actor, Permission.PEOPLE_WRITE, site_id=None):
        return found
    return found.filter(client__owner=actor)


def retry(*, message_id: UUID, among: QuerySet[IntegrationMessage], actor: User, now: datetime) -> IntegrationMessage:
    """Try it once more, as the client that sent it and with no more rights than it had.

    `among` bounds what the actor may touch. Afterwards it is `retried`, or `failed` with the new answer.
    Raises NotFound, Conflict (nothing failed, the body was too large to keep, or the endpoint is switched off).
    """
    with transaction.atomic():
        row = _standing(message_id, among)
        audit.record(
            actor=actor,
            verb="message.retry",
            subject_kind="integration_message",
            subject_id=row.pk,
            facts={"kind": row.kind},
        )
        if row.direction == Direction.OUTBOUND:
            return _deliver_again(row, actor, now)
        if not row.payload and row.headers.get("body_hash") not in _NO_BODY:
            raise Conflict(_("The message is a file or was too large to keep; send it again from your side."))
    # Not in that transaction: what is tried has one of its own, and its refusal must leave nothing.
    answer = again.send(
        again.Kept(
            client_id=row.client_id,
            method=row.method,
            path=row.path,
            body=row.payload.encode(),
            headers=_again_headers(row),
            scopes=tuple(row.headers.get("scopes", ())),
        )
    )
    with transaction.atomic():
        row = _standing(message_id, among)
        row.attempts += 1
        row.status = answer.status
        if answer.status < 400 and not answer.problem:
            row.state, row.settled_at, row.settled_by = MessageState.RETRIED, now, actor
        else:
            row.code, row.problem = str(answer.problem.get("code", ""))[:60], dict(answer.problem)
        row.save(update_fields=["attempts", "status", "state", "settled_at", "settled_by", "code", "problem"])
    return row


def _again_headers(row: IntegrationMessage) -> dict[str, str]:
    found = {name: str(text) for name, text in row.headers.items() if name not in {"scopes", "body_hash"}}
    if row.status is not None and row.status < 400:
        # Carried out in part, under a key that would only be answered as before; what was written is written once.
        found["Idempotency-Key"] = f"{row.pk}-{row.attempts}"
    return found


def _deliver_again(row: IntegrationMessage, actor: User, now: datetime) -> IntegrationMessage:
    rows = WebhookDelivery.objects.filter(message=row).select_for_update(skip_locked=True, of=("self",))
    delivery = rows.select_related("endpoint").first()
    if delivery is None:
        raise Conflict(_("It is being sent just now."))
    if not delivery.endpoint.active:
        raise Conflict(_("The endpoint is switched off; switch it on first."))
    delivery.state, delivery.attempts, delivery.next_attempt_at = DeliveryState.DUE, 0, now
    delivery.finished_at = None
    delivery.save(update_fields=["state", "attempts", "next_attempt_at", "finished_at"])
    row.state, row.settled_at, row.settled_by = MessageState.RETRIED, now, actor
    row.save(update_fields=["state", "settled_at", "settled_by"])
    return row


@transaction.atomic
def discard(
    *, message_id: UUID, among: QuerySet[IntegrationMessage], reason: str, actor: User, now: datetime
) -> IntegrationMessage:
    """Put it away, and say why. Raises BadInput naming `reason`, Conflict, NotFound."""
    if not reason.strip():
        raise BadInput(_("Say why it is put away."), field="reason")
    row = _standing(message_id, among)
    row.state, row.reason, row.settled_at, row.settled_by = MessageState.DISCARDED, reason.strip()[:500], now, actor
    row.save(update_fields=["state", "reason", "settled_at", "settled_by"])
    if row.delivery_id is not None:
        WebhookDelivery.objects.filter(pk=row.delivery_id, state=DeliveryState.DEAD).update(
            state=DeliveryState.DISCARDED
        )
    audit.record(
        actor=actor,
        verb="message.discard",
        subject_kind="integration_message",
        subject_id=row.pk,
        reason=row.reason,
        facts={"kind": row.kind},
    )
    return row


def _standing(message_id: UUID, among: QuerySet[IntegrationMessage]) -> IntegrationMessage:
    row = among.select_related("client").select_for_update(of=("self",)).filter(pk=message_id).first()
    if row is None:
        raise NotFound(_("There is no such message."))
    if row.state != MessageState.FAILED:
        raise Conflict(_("Only a message that failed can be sent again or put away."), state=row.state)
    return row


def purge(now: datetime) -> int:
    """Forget what was done, or settled, ninety days ago; how many went. What failed stays."""
    old = IntegrationMessage.objects.filter(created_at__lte=now - KEPT_FOR).exclude(state=MessageState.FAILED)
    return old.delete()[0]
