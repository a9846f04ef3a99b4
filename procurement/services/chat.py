"""Tells chat rooms and on-call tools what people are told: the same rows, another channel, signed."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from procurement.domain.wishes import chosen
from procurement.models import AlertEvent, AlertPreference, ChatEndpoint, Notification, NotificationItem
from procurement.queries.alerts import scopes_of
from procurement.services import mail_text
from procurement.services.holding import wish_of, wished_of
from procurement.services.recipients import Reason
from procurement.vocabulary import (
    AlertEventKind,
    Channel,
    CloseReason,
    Lane,
    MessageKind,
    NotificationState,
    WishedLane,
)
from sites.accounts.permissions import Permission
from sites.queries.access import can

# What a room hears: what makes a mail due, and what somebody answered.
HEARD: Final = (
    AlertEventKind.BAND,
    AlertEventKind.WORSENED,
    AlertEventKind.REARMED,
    AlertEventKind.SNOOZE_ENDED,
    AlertEventKind.ESCALATED,
    AlertEventKind.ACKNOWLEDGED,
)
# That it is over is heard by a room that knows of it, whatever has become of its lane.
_OVER: Final = (AlertEventKind.RECOVERED, AlertEventKind.CLOSED)
_OLDEST: Final = timedelta(days=5)


@transaction.atomic
def hold_for_chat(*, now: datetime) -> int:
    """Put every event that an endpoint has not been told into a message for it; how many were put.

    It looks for what was not told yet, so it may run late, twice, or at once on several machines.
    """
    put = 0
    for endpoint in ChatEndpoint.objects.filter(active=True).select_related("owner", "site").order_by("pk"):
        bundles: dict[tuple[UUID | None, str], list[AlertEvent]] = defaultdict(list)
        for event in _untold(endpoint, now):
            bundles[event.alert.site_id, event.cause_key].append(event)
        for (site_id, cause_key), events in bundles.items():
            put += _put(endpoint, site_id, cause_key, events, now)
    return put


def _untold(endpoint: ChatEndpoint, now: datetime) -> list[AlertEvent]:
    in_room = NotificationItem.objects.filter(channel=Channel.CHAT, endpoint=endpoint)
    told = in_room.filter(event=OuterRef("pk"))
    known = in_room.filter(event__alert=OuterRef("alert"), dropped_because="")
    rows = AlertEvent.objects.filter(
        Q(kind__in=HEARD, alert__lane=Lane.URGENT) | Q(Exists(known), kind__in=_OVER),
        ~Exists(told),
        at__gte=max(endpoint.created_at, now - _OLDEST),
    ).exclude(kind=AlertEventKind.CLOSED, alert__close_reason=CloseReason.RECOVERED)
    if endpoint.role:
        rows = rows.filter(alert__told_role=endpoint.role)
    if endpoint.site_id:
        rows = rows.filter(alert__site=endpoint.site_id)
    found = list(rows.select_related("alert__site").order_by("pk"))
    sites = {event.alert.site_id for event in found}
    seen = {key for key in sites if can(endpoint.owner, Permission.SITE_VIEW, site_id=key)}
    heard = [event for event in found if event.alert.site_id in seen]
    return _wished(endpoint, heard)


def _wished(endpoint: ChatEndpoint, events: Sequence[AlertEvent]) -> list[AlertEvent]:
    """Without what the owner keeps out of chat by its name; what they wish of their own mail is theirs alone."""
    rows = AlertPreference.objects.filter(person=endpoint.owner, channel=Channel.CHAT).order_by("pk")
    wishes = [wish_of(row) for row in rows] if events else []
    if not wishes:
        return list(events)
    scopes = scopes_of([event.alert for event in events])
    return [
        event
        for event in events
        if chosen(wishes, wished_of(event.alert, scopes[event.alert_id].class_ids, Channel.CHAT))
        in (None, WishedLane.URGENT)
    ]


def _put(
    endpoint: ChatEndpoint, site_id: UUID | None, cause_key: str, events: Sequence[AlertEvent], now: datetime
) -> int:
    Notification.objects.bulk_create(
        [
            Notification(
                recipient=endpoint.owner,
                channel=Channel.CHAT,
                endpoint=endpoint,
                site_id=site_id,
                kind=MessageKind.ALERTS,
                lane=Lane.URGENT,
                cause_key=cause_key,
                cause_text=events[0].cause_text,
                reason=Reason.WATCHER,
                release_at=now + timedelta(seconds=settings.HOLD_SECONDS),
            )
        ],
        ignore_conflicts=True,
    )
    row = (
        Notification.objects.filter(
            recipient=endpoint.owner, channel=Channel.CHAT, endpoint=endpoint, site=site_id, cause_key=cause_key,
            state=NotificationState.HELD,
        ).select_for_update(of=("self",)).first()
    )  # fmt: skip
    if row is None:
        return 0
    items = [
        NotificationItem(
            notification=row,
            event=event,
            recipient=endpoint.owner,
            channel=Channel.CHAT,
            endpoint=endpoint,
            reason=Reason.WATCHER,
        )
        for event in events
    ]
    NotificationItem.objects.bulk_create(items, ignore_conflicts=True)
    return len(items)


def write(row: Notification, items: Sequence[NotificationItem]) -> mail_text.Written:
    """The text that a mail would have, for a room, and the alerts for a machine. `dedup_key` pairs what belongs
    together: an alert, its answer and its recovery have the same.
    """
    said = mail_text.write(row, items)
    alerts: dict[UUID, dict[str, Any]] = {}
    for item in items:
        alert = item.event.alert
        alerts[alert.pk] = {
            "id": str(alert.pk),
            "dedup_key": f"longlead.{alert.pk}",
            "event": item.event.kind,
            "rule": alert.rule,
            "severity": alert.severity,
            "state": alert.state,
            "site": alert.site.code if alert.site else None,
            "subject": mail_text.clean(alert.subject_text),
            "facts": alert.facts,
            "url": mail_text.alert_url(alert),
        }
    body = {
        "type": "alerts.told",
        "timestamp": (row.released_at or row.release_at).astimezone(UTC).isoformat(),
        "data": {"subject": said.subject, "text": _for_a_room(said.text), "alerts": list(alerts.values())},
    }
    return mail_text.Written(said.subject, json.dumps(body, ensure_ascii=False), "", {})


def _for_a_room(text: str) -> str:
    """Without what only the reader of a mail may do: its links answer for one person."""
    marks = (f"{settings.BASE_URL}/answer/", f"{settings.BASE_URL}/unsubscribe/")
    return "\n".join(line for line in text.splitlines() if not any(mark in line for mark in marks))
