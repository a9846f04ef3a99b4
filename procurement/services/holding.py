"""Puts what happened into the messages that people will get: one a cause, or one a morning."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from procurement.models import AlertEvent, AlertPreference, Notification, NotificationItem
from procurement.services.recipients import Directory, Reason, Told, local_now, zone_of
from procurement.vocabulary import AlertEventKind, AlertState, Channel, Lane, MessageKind, NotificationState
from sites.accounts.models import User

logger = logging.getLogger(__name__)

MAILED: Final = (AlertEventKind.BAND, AlertEventKind.UNSTABLE)
DIGEST_JITTER_SECONDS: Final = 20 * 60
_ONE_DAY = timedelta(days=1)


class _Envelope(NamedTuple):
    """One message in the making: what is told to one person for one cause at one site, or in one digest."""

    recipient_id: UUID
    site_id: UUID | None
    lane: Lane
    cause_key: str


_Addressed = tuple[AlertEvent, Told]


def hold(events: Iterable[AlertEvent], *, now: datetime, at_once: bool = False, besides: Collection[UUID] = ()) -> int:
    """Put each event into the held message of everybody who is to know it; how many times it was put somewhere.

    Runs in the transaction of the writer. `at_once` skips the wait in which a cause is bundled; `besides` are
    people whom mail does not reach, so that their deputies are told.
    """
    put, unknown = _hold(list(events), now, at_once=at_once, besides=besides)
    if unknown:
        logger.error("Nobody can be told of %d alerts: no administrator has an address.", len(unknown))
    return put


def _hold(
    rows: Sequence[AlertEvent], now: datetime, *, at_once: bool = False, besides: Collection[UUID] = ()
) -> tuple[int, set[UUID]]:
    """How many items were put, and the alerts of which nobody can be told."""
    if not rows:
        return 0, set()
    directory = Directory([row.alert for row in rows], now=now, besides=besides)
    already = set(
        NotificationItem.objects.filter(event__in=rows, channel=Channel.EMAIL, dropped_because="").values_list(
            "event", "recipient"
        )
    )
    preferred = _preferred_lanes()
    envelopes: dict[_Envelope, list[_Addressed]] = defaultdict(list)
    unknown: set[UUID] = set()
    for event in rows:
        told = directory.told(event.alert)
        if not told:
            unknown.add(event.alert_id)
        for each in told:
            person = each.person
            if (event.pk, person.pk) in already:
                continue
            lane = preferred.get((person.pk, event.alert.rule)) or preferred.get((person.pk, "")) or event.alert.lane
            digest = lane == Lane.DIGEST
            envelopes[
                _Envelope(
                    person.pk,
                    None if digest else event.alert.site_id,
                    Lane(lane),
                    "" if digest else event.cause_key,
                )
            ].append((event, each))
    put = 0
    release_at = now if at_once else now + timedelta(seconds=settings.HOLD_SECONDS)
    # In one order for everybody, so that two writers who tell the same people cannot wait for each other.
    for envelope, addressed in sorted(envelopes.items(), key=lambda pair: str(pair[0])):
        event, first = addressed[0]
        if envelope.lane == Lane.DIGEST:
            message_id = _held_digest(first.person, first.reason, now)
        else:
            message_id = _held_bundle(envelope, event.cause_text, first.reason, release_at)
        put += _put(addressed, message_id)
    return put, unknown


def hold_untold(*, now: datetime) -> int:
    """Find what stands although nobody was told: there was nobody then, or it had recovered while it was held.

    A later event that was told covers the ones before it. What somebody has acknowledged, somebody knows.
    """
    told = NotificationItem.objects.filter(
        event__alert=OuterRef("alert"), event__kind__in=MAILED, event__at__gte=OuterRef("at"), dropped_because=""
    )
    untold = AlertEvent.objects.filter(
        ~Exists(told),
        kind__in=MAILED,
        alert__state__in=[AlertState.OPEN, AlertState.SNOOZED, AlertState.ESCALATED],
    )
    with transaction.atomic():
        put, _unknown = _hold(list(untold.select_related("alert__site").order_by("pk")), now)
    return put


def _preferred_lanes() -> dict[tuple[UUID, str], str]:
    return {(row.person_id, row.rule): row.lane for row in AlertPreference.objects.all()}


def _put(addressed: Sequence[_Addressed], message_id: UUID) -> int:
    person, events = addressed[0][1].person, [event for event, _told in addressed]
    items = [
        NotificationItem(
            notification_id=message_id,
            event=event,
            recipient=person,
            channel=Channel.EMAIL,
            reason=told.reason,
            role=told.role,
            scope=told.scope,
        )
        for event, told in addressed
    ]
    NotificationItem.objects.bulk_create(items, ignore_conflicts=True)
    # An item that was dropped is taken up again: an event has one item a person, whatever became of it.
    NotificationItem.objects.filter(event__in=events, recipient=person, channel=Channel.EMAIL).exclude(
        dropped_because=""
    ).update(notification=message_id, dropped_because="")
    return NotificationItem.objects.filter(event__in=events, notification=message_id).count()


def _held_bundle(envelope: _Envelope, cause_text: str, reason: Reason, release_at: datetime) -> UUID:
    while True:
        Notification.objects.bulk_create(
            [
                Notification(
                    recipient_id=envelope.recipient_id,
                    site_id=envelope.site_id,
                    lane=Lane.URGENT,
                    cause_key=envelope.cause_key,
                    cause_text=cause_text,
                    reason=reason,
                    release_at=release_at,
                )
            ],
            ignore_conflicts=True,
        )
        found = _share_held(
            "recipient_id = %s AND channel = %s AND site_id IS NOT DISTINCT FROM %s AND cause_key = %s",
            [envelope.recipient_id, Channel.EMAIL, envelope.site_id, envelope.cause_key],
        )
        if found is not None:
            return found


def _held_digest(person: User, reason: Reason, now: datetime) -> UUID:
    """The digest of the person's next morning; the one after where that one has left already."""
    digest_on = next_digest_on(person, now)
    while True:
        Notification.objects.bulk_create(
            [
                Notification(
                    recipient=person,
                    kind=MessageKind.DIGEST,
                    lane=Lane.DIGEST,
                    cause_key=f"digest:{digest_on.isoformat()}",
                    digest_on=digest_on,
                    reason=reason,
                    release_at=digest_release_at(person, digest_on),
                )
            ],
            ignore_conflicts=True,
        )
        found = _share_held(
            "recipient_id = %s AND channel = %s AND digest_on = %s", [person.pk, Channel.EMAIL, digest_on]
        )
        if found is not None:
            return found
        digest_on += _ONE_DAY


def _share_held(condition: str, values: Sequence[Any]) -> UUID | None:
    """Keep a held message from leaving until this transaction ends; None where it has left meanwhile.

    A shared lock: writers do not wait for each other, and whoever releases messages passes this one over.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {Notification._meta.db_table} WHERE state = %s AND {condition} FOR KEY SHARE",  # noqa: S608
            [NotificationState.HELD, *values],
        )
        found = cursor.fetchone()
    return found[0] if found else None


def next_digest_on(person: User, now: datetime) -> date:
    """The local date of the person's next morning, today's included while it has not come."""
    here = local_now(person, now)
    return here.date() if here.time() < person.digest_at else here.date() + _ONE_DAY


def digest_release_at(person: User, digest_on: date) -> datetime:
    """The person's morning of that local date, and up to 20 minutes later so that not all mail leaves at once.

    An hour that the clock skips counts as if it had not been skipped; one that it repeats counts the first time.
    """
    morning = datetime.combine(digest_on, person.digest_at, zone_of(person)).astimezone(UTC)
    return morning + timedelta(seconds=spread(f"{person.pk}", DIGEST_JITTER_SECONDS))


def spread(key: str, most: int) -> int:
    """A number below `most` that is always the same for a key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % max(1, most)
