"""Tells systems outside what the feed says: one frozen, signed message a change, until it is taken or given up."""

import base64
import json
import logging
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.html import escape, linebreaks
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from procurement.gateways.mail import Delivery, Outcome
from procurement.gateways.webhook import ANSWER_BYTES, Post, Poster, RefusedAddress, check_url
from procurement.models import IntegrationMessage, Notification, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from procurement.queries import change_feed as feed
from procurement.queries.change_feed import Entry, Position
from procurement.services import change_feed
from procurement.services.holding import spread
from procurement.services.mail_links import message_id
from procurement.services.mail_text import clean, language_of
from procurement.vocabulary import (
    ChangeKind,
    ChangeSubject,
    Channel,
    DeliveryState,
    Direction,
    Lane,
    MessageState,
    NotificationState,
)
from sites.accounts import audit
from sites.accounts.models import ApiClient, User
from sites.accounts.row import new_id
from sites.domain.errors import BadInput, Conflict, NotFound

logger = logging.getLogger(__name__)

# Seconds from one attempt to the next; together three days.
PAUSES: Final = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
LONGEST_PAUSE: Final = timedelta(days=1)
BOTH_SECRETS_FOR: Final = timedelta(days=1)
MOST_ENDPOINTS: Final = 20
MOST_REPLAYED: Final = 1000
_MOST_FORGOTTEN: Final = 5000
_LARGEST_BODY: Final = 20_000
_PAGE: Final = 200
_GONE: Final = "410"
_THIN: Final = object()
_PATHS: Final = {
    ChangeSubject.ORDER: "purchase-orders",
    ChangeSubject.ALERT: "slip-alerts",
    ChangeSubject.AGREEMENT: "agreements",
}


# -- endpoints -----------------------------------------------------------------------------------------------------


def make(
    *,
    client: ApiClient,
    url: str,
    kinds: Collection[str],
    description: str,
    actor: User,
    now: datetime,
    full: bool = False,
) -> WebhookEndpoint:
    """A new endpoint with a secret of its own; it is told what changes from now on. Raises BadInput, Conflict."""
    _check(url)
    change_feed.life()
    with transaction.atomic():
        ApiClient.objects.select_for_update().get(pk=client.pk)
        if of(client).count() >= MOST_ENDPOINTS:
            raise Conflict(_("A client has at most %(most)d endpoints.") % {"most": MOST_ENDPOINTS}, field="url")
        here = feed.end()
        endpoint = WebhookEndpoint.objects.create(
            client=client,
            url=url,
            kinds=sorted(kinds),
            full=full,
            description=description,
            secret=new_secret(),
            owner=client.owner,
            position_xid=here.xid,
            position_id=here.id,
        )
        audit.record(
            actor=actor,
            verb="webhook.make",
            subject_kind="webhook_endpoint",
            subject_id=endpoint.pk,
            facts={"url": url},
        )
    return endpoint


def of(client: ApiClient) -> Any:
    return WebhookEndpoint.objects.filter(client=client, removed_at__isnull=True).order_by("created_at", "pk")


def change(
    *,
    endpoint_id: UUID,
    client: ApiClient,
    actor: User,
    now: datetime,
    url: str | None = None,
    kinds: Collection[str] | None = None,
    full: bool | None = None,
    description: str | None = None,
    active: bool | None = None,
) -> WebhookEndpoint:
    """None keeps what is. Switched on again, it goes on with what it failed on. Raises BadInput, NotFound."""
    if url is not None:
        _check(url)
    with transaction.atomic():
        endpoint = _locked(endpoint_id, client)
        endpoint.url = endpoint.url if url is None else url
        endpoint.kinds = endpoint.kinds if kinds is None else sorted(kinds)
        endpoint.full = endpoint.full if full is None else full
        endpoint.description = endpoint.description if description is None else description
        if active is not None and active != endpoint.active:
            endpoint.active = active
            endpoint.disabled_at = None if active else now
            endpoint.disabled_because = "" if active else "switched off"
            if active:  # what switched it off is what it stopped at
                _make_due(endpoint.deliveries.filter(state=DeliveryState.DEAD), now)
        endpoint.save()
        audit.record(actor=actor, verb="webhook.change", subject_kind="webhook_endpoint", subject_id=endpoint.pk)
    return endpoint


def has_missed(endpoint: WebhookEndpoint) -> bool:
    """Whether changes were forgotten that it was not given: it was off for longer than the feed remembers."""
    return Position(endpoint.position_xid, endpoint.position_id) < change_feed.life().purged


@transaction.atomic
def remove(*, endpoint_id: UUID, client: ApiClient, actor: User, now: datetime) -> None:
    """Its deliveries stay to be read; what was not delivered is discarded. Raises NotFound."""
    endpoint = _locked(endpoint_id, client)
    endpoint.active, endpoint.removed_at = False, now
    endpoint.save(update_fields=["active", "removed_at"])
    # One that is being sent just now is not waited for: its receiver may be slow, and it is not tried again.
    due = endpoint.deliveries.filter(state=DeliveryState.DUE).select_for_update(skip_locked=True, of=("self",))
    keys = list(due.values_list("pk", flat=True))
    endpoint.deliveries.filter(pk__in=keys).update(state=DeliveryState.DISCARDED, finished_at=now)
    audit.record(actor=actor, verb="webhook.remove", subject_kind="webhook_endpoint", subject_id=endpoint.pk)


@transaction.atomic
def rotate_secret(*, endpoint_id: UUID, client: ApiClient, actor: User, now: datetime) -> WebhookEndpoint:
    """A new secret; for a day the former one signs as well. Raises NotFound."""
    endpoint = _locked(endpoint_id, client)
    endpoint.former_secret, endpoint.former_secret_until = endpoint.secret, now + BOTH_SECRETS_FOR
    endpoint.secret = new_secret()
    endpoint.save(update_fields=["secret", "former_secret", "former_secret_until"])
    audit.record(actor=actor, verb="webhook.rotate", subject_kind="webhook_endpoint", subject_id=endpoint.pk)
    return endpoint


@transaction.atomic
def ping(*, endpoint_id: UUID, client: ApiClient, now: datetime) -> WebhookDelivery:
    """A message that says nothing, to try the way. Raises NotFound, Conflict."""
    endpoint = _locked(endpoint_id, client)
    if not endpoint.active:
        raise Conflict(_("The endpoint is switched off."))
    key = new_id()
    body = _json(ChangeKind.PING, now, {"id": str(endpoint.pk), "changed": {}, "links": {}})
    return WebhookDelivery.objects.create(
        pk=key, endpoint=endpoint, key=f"ping.{key}", kind=ChangeKind.PING, body=body, next_attempt_at=now
    )


@transaction.atomic
def replay(
    *,
    endpoint_id: UUID,
    client: ApiClient,
    now: datetime,
    keys: Sequence[int] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Send changes again, by their ids or of a span of time, under the `webhook-id` they had; how many.

    Raises BadInput where the span holds more than a thousand, NotFound.
    """
    endpoint = _locked(endpoint_id, client)
    account = client.account
    if keys:
        entries: tuple[Entry, ...] = feed.one_by_one(account, keys)
    elif since is not None:
        found = feed.between(account, since, until or now, limit=MOST_REPLAYED + 1, kinds=endpoint.kinds)
        if found.more:
            raise BadInput(_("At most %(most)d at once; name less time.") % {"most": MOST_REPLAYED}, field="since")
        entries = found.entries
    else:
        raise BadInput(_("Say ids, or since when."), field="ids")
    _put(endpoint, entries, now)
    put = endpoint.deliveries.filter(key__in=[_key(entry) for entry in entries])
    # One that is being sent just now is sent once: its sender is not waited for, as in `remove`.
    free = list(put.select_for_update(skip_locked=True, of=("self",)).order_by("pk").values_list("pk", flat=True))
    return _make_due(endpoint.deliveries.filter(pk__in=free), now)


def _make_due(deliveries: QuerySet[WebhookDelivery], now: datetime) -> int:
    """To be sent as if for the first time; how many."""
    return deliveries.update(state=DeliveryState.DUE, next_attempt_at=now, attempts=0, finished_at=None)


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _check(url: str) -> None:
    try:
        check_url(url, settings.CHAT_NETWORKS)
        port = urlsplit(url).port
    except RefusedAddress as refusal:
        raise BadInput(str(refusal), field="url") from None
    except ValueError:
        raise BadInput(_("This is no address."), field="url") from None
    if port not in {None, 443, 8443} and not settings.CHAT_NETWORKS:
        raise BadInput(_("The port is 443 or 8443."), field="url")


def _locked(endpoint_id: UUID, client: ApiClient) -> WebhookEndpoint:
    found: WebhookEndpoint | None = of(client).filter(pk=endpoint_id).select_for_update(of=("self",)).first()
    if found is None:
        raise NotFound(_("There is no such endpoint."))
    return found


# -- from the feed to messages -------------------------------------------------------------------------------------


def put_all(*, now: datetime) -> int:
    """Make a message of each change that an endpoint has not been given yet; how many. Any number may run at once."""
    change_feed.life()  # where the database has come to another server, its positions mean nothing
    put = 0
    for key in WebhookEndpoint.objects.filter(active=True).order_by("pk").values_list("pk", flat=True):
        more = True
        while more:
            with transaction.atomic():
                endpoint = (
                    WebhookEndpoint.objects.filter(pk=key, active=True)
                    .select_for_update(skip_locked=True, of=("self",))
                    .select_related("client__account")
                    .first()
                )
                if endpoint is None:
                    break
                here = Position(endpoint.position_xid, endpoint.position_id)
                found = feed.page(endpoint.client.account, here, limit=_PAGE, kinds=endpoint.kinds)
                put += _put(endpoint, found.entries, now)
                more = found.more
                if found.position != here:
                    endpoint.position_xid, endpoint.position_id = found.position.xid, found.position.id
                    endpoint.save(update_fields=["position_xid", "position_id"])
    return put


def _put(endpoint: WebhookEndpoint, entries: Sequence[Entry], now: datetime) -> int:
    records: dict[UUID, Any] = {}
    if endpoint.full and entries:
        whole = import_string(settings.WEBHOOK_RECORDS)
        records = whole(endpoint.client.account, {(entry.subject, entry.subject_id) for entry in entries})
    rows = [
        WebhookDelivery(
            endpoint=endpoint,
            key=_key(entry),
            change_id=entry.position.id,
            kind=entry.kind,
            body=body_of(entry, records.get(entry.subject_id) if endpoint.full else _THIN),
            next_attempt_at=now,
        )
        for entry in entries
    ]
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _key(entry: Entry) -> str:
    """The same for every endpoint and attempt; a change of a former life of the database had another sequence."""
    return f"{entry.position.id}.{entry.subject_id.hex[-12:]}.{entry.sequence}"


def body_of(entry: Entry, record: Any = _THIN) -> str:
    """`record` is the thing as it is read now, null where it is not; without one the message is thin. What would not
    fit is left out, the record first.
    """
    data: dict[str, Any] = {
        "id": str(entry.subject_id),
        "subject": entry.subject.value,
        "external_ids": [{"system": system, "external_id": key} for system, key in entry.external_ids],
        "sequence": entry.sequence,
        "changed": {path: list(values) for path, values in entry.changed.items()},
        "links": _links(entry),
    }
    smaller: list[dict[str, Any]] = [{}, {"changed": {}, "changed_left_out": True}]
    if record is not _THIN:
        without = {"record": None, "record_left_out": True}
        smaller = [{"record": record}, without, without | smaller[1]]
    body = ""
    for part in smaller:
        body = _json(entry.kind, entry.at, data | part)
        if len(body.encode()) <= _LARGEST_BODY:
            break
    return body


def _links(entry: Entry) -> dict[str, str]:
    path = _PATHS.get(entry.subject)
    return {"self": f"{settings.BASE_URL}/api/v1/{path}/{entry.subject_id}"} if path else {}


def _json(kind: ChangeKind, at: datetime, data: dict[str, Any]) -> str:
    said = {"type": kind.value, "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"), "data": data}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


# -- delivering ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Delivered:
    delivered: int = 0
    deferred: int = 0
    dead: int = 0


def purge(now: datetime) -> int:
    """Forget what was delivered or put away ninety days ago, with its attempts; how many went. What is due or failed
    stays.
    """
    done = WebhookDelivery.objects.filter(
        state__in=[DeliveryState.DELIVERED, DeliveryState.DISCARDED], finished_at__lte=now - change_feed.KEPT_FOR
    )
    old = list(done.filter(message__isnull=True).order_by("pk").values_list("pk", flat=True)[:_MOST_FORGOTTEN])
    WebhookDelivery.objects.filter(pk__in=old).delete()
    return len(old)


def _never() -> bool:
    return False


def do_round(*, poster: Poster, now_fn: Callable[[], datetime], stopping: Callable[[], bool] = _never) -> Delivered:
    put_all(now=now_fn())
    return deliver_due(poster=poster, now_fn=now_fn, stopping=stopping)


def deliver_due(*, poster: Poster, now_fn: Callable[[], datetime], stopping: Callable[[], bool] = _never) -> Delivered:
    """Send until nothing is due. A row is locked while it is sent; who dies in between sends the same bytes again."""
    done = Delivered()
    while not stopping():
        with transaction.atomic():
            now = now_fn()
            row = (
                WebhookDelivery.objects.filter(state=DeliveryState.DUE, next_attempt_at__lte=now, endpoint__active=True)
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("endpoint__client", "endpoint__owner")
                .order_by("next_attempt_at", "pk")
                .first()
            )
            if row is None:
                return done
            started = time.monotonic()
            delivery = _post(row, poster, now)
            _mark(row, delivery, int((time.monotonic() - started) * 1000), now_fn())
        if row.state == DeliveryState.DUE:
            done.deferred += 1
        elif row.state == DeliveryState.DELIVERED:
            done.delivered += 1
        else:
            done.dead += 1
    return done


def _post(row: WebhookDelivery, poster: Poster, now: datetime) -> Delivery:
    endpoint = row.endpoint
    until = endpoint.former_secret_until
    former = endpoint.former_secret if until is not None and until > now else ""
    try:
        return poster.post(Post(row.key, endpoint.url, endpoint.secret, row.body, former), at=now)
    except Exception as failure:  # a poster that breaks must not stop the messages behind this one
        logger.exception("Webhook %s was not posted.", row.pk)
        return Delivery(Outcome.TRANSIENT, type(failure).__name__[:20], str(failure))


def _mark(row: WebhookDelivery, delivery: Delivery, took_ms: int, now: datetime) -> None:
    row.attempts += 1
    row.last_code = delivery.code[:20]
    answer = clean(delivery.answer, ANSWER_BYTES)
    WebhookAttempt.objects.create(delivery=row, at=now, code=row.last_code, answer=answer, took_ms=took_ms)
    if delivery.outcome is Outcome.ACCEPTED:
        row.state, row.next_attempt_at, row.finished_at = DeliveryState.DELIVERED, None, now
        WebhookEndpoint.objects.filter(pk=row.endpoint_id).update(succeeded_at=now)
        IntegrationMessage.objects.filter(delivery=row, state=MessageState.FAILED).update(
            state=MessageState.RETRIED, settled_at=now
        )
    elif delivery.code == _GONE or row.attempts > len(PAUSES):
        row.state, row.next_attempt_at, row.finished_at = DeliveryState.DEAD, None, now
        _give_up(row, answer, now)
    else:
        row.next_attempt_at = now + _pause(row, delivery)
    row.save(update_fields=["attempts", "last_code", "state", "next_attempt_at", "finished_at"])


def _pause(row: WebhookDelivery, delivery: Delivery) -> timedelta:
    """Up to a tenth more than planned, so that what failed together does not return so; never before it was asked."""
    planned = PAUSES[row.attempts - 1]
    seconds = planned + spread(f"{row.pk}:{row.attempts}", planned // 10 + 1)
    return min(timedelta(seconds=max(seconds, delivery.retry_after_seconds or 0)), LONGEST_PAUSE * 1.1)


def _give_up(row: WebhookDelivery, answer: str, now: datetime) -> None:
    """The message is kept among those that failed, the endpoint switched off, and its owner told by mail."""
    endpoint = row.endpoint
    because = clean(f"{row.last_code} {answer}", 300)
    IntegrationMessage.objects.update_or_create(
        delivery=row,
        defaults={
            "direction": Direction.OUTBOUND,
            "state": MessageState.FAILED,
            "client": endpoint.client,
            "kind": row.kind,
            "path": endpoint.url,
            "payload": row.body,
            "code": row.last_code,
            "problem": {"detail": because},
            "attempts": row.attempts,
            "owner": endpoint.owner,
            "settled_at": None,
        },
    )
    switched_off = WebhookEndpoint.objects.filter(pk=endpoint.pk, active=True).update(
        active=False, disabled_at=now, disabled_because=because
    )
    if switched_off:
        _tell_owner(endpoint, because, now)


def _tell_owner(endpoint: WebhookEndpoint, because: str, now: datetime) -> None:
    owner = endpoint.owner
    if owner is None or not owner.is_active or not owner.email or owner.email_refused_at is not None:
        logger.error("The webhook endpoint %s is switched off, and nobody can be told.", endpoint.pk)
        return
    key = new_id()
    with translation.override(language_of(owner)):
        subject = _("[Longlead] Webhook of %(client)s switched off") % {"client": endpoint.client.name}
        text = _(
            "%(url)s did not take a message and is switched off: %(because)s\n\n"
            "Nothing is lost for ninety days: switch it on again and it goes on where it stopped."
        ) % {"url": endpoint.url, "because": because}
    Notification.objects.create(
        pk=key,
        recipient=owner,
        channel=Channel.EMAIL,
        lane=Lane.URGENT,
        cause_key=f"webhook:{endpoint.pk}",
        state=NotificationState.DUE,
        release_at=now,
        released_at=now,
        next_attempt_at=now,
        address=owner.email,
        message_id=message_id(key),
        subject=clean(subject, 300),
        body_text=text,
        body_html=linebreaks(escape(text)),
        headers={"Date": now.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")},
    )
