"""Puts what happened into the messages that people will get: one a cause, or one a morning."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from procurement.domain import escalation
from procurement.domain.mail_hours import MailHours
from procurement.domain.wishes import Wish, Wished, chosen, lane_for
from procurement.models import Alert, AlertEvent, AlertPreference, Notification, NotificationItem
from procurement.services.copying import save_each
from procurement.services.mail_calendar import Calendars
from procurement.services.recipients import Directory, Reason, Told
from procurement.vocabulary import (
    AlertEventKind,
    AlertState,
    Channel,
    Lane,
    MessageKind,
    NotificationState,
    Rule,
    Severity,
    WishedLane,
)
from sites.accounts.models import User

logger = logging.getLogger(__name__)

# What makes a mail due, however late somebody is found who can be told.
MAILED: Final = (
    AlertEventKind.BAND,
    AlertEventKind.WORSENED,
    AlertEventKind.UNSTABLE,
    AlertEventKind.REARMED,
    AlertEventKind.SNOOZE_ENDED,
)
DIGEST_JITTER_SECONDS: Final = 20 * 60
_ONE_DAY = timedelta(days=1)
_WAITING = (AlertState.OPEN, AlertState.ESCALATED)
_NOT_TOLD = (NotificationState.SUPPRESSED, NotificationState.CANCELLED)


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
    people whom mail does not reach, so that their deputies are told. Sets when an urgent alert escalates.
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
    addressed, unknown = _addressed(rows, directory)
    wishes = _wishes({told.person.pk for _event, told in addressed})
    calendars = Calendars({told.person.pk for _event, told in addressed})
    envelopes: dict[_Envelope, list[_Addressed]] = defaultdict(list)
    for event, told in addressed:
        if (event.pk, told.person.pk) in already:
            continue
        lane = _lane(event, told, directory, wishes[told.person.pk])
        if lane == Lane.DIGEST:
            envelopes[_Envelope(told.person.pk, None, lane, "")].append((event, told))
        elif lane is not None:
            envelopes[_Envelope(told.person.pk, event.alert.site_id, lane, event.cause_key)].append((event, told))
    put, ladder = 0, _Ladder(calendars)
    wait = timedelta(0) if at_once else timedelta(seconds=settings.HOLD_SECONDS)
    # In one order for everybody, so that two writers who tell the same people cannot wait for each other.
    for envelope, each in sorted(envelopes.items(), key=lambda pair: str(pair[0])):
        event, first = each[0]
        if envelope.lane == Lane.DIGEST:
            hours = calendars.of(first.person)
            message_id, release_at = _held_digest(first.person, first.reason, hours, now)
        else:
            hours = calendars.of(first.person, envelope.site_id)
            release_at = hours.leaves_at(now + wait, urgent=True)
            message_id = _held_bundle(envelope, event.cause_text, first.reason, release_at)
        put += _put(each, message_id)
        ladder.told(each, release_at)
    ladder.write()
    return put, unknown


def _addressed(rows: Sequence[AlertEvent], directory: Directory) -> tuple[list[_Addressed], set[UUID]]:
    """Who is to hear of each event, and the alerts of which nobody can be told."""
    # What is still held when it recovers is dropped at its release, so that nobody hears of either.
    heard = knowing(
        [row.alert_id for row in rows if row.kind == AlertEventKind.RECOVERED],
        but=(*_NOT_TOLD, NotificationState.HELD),
    )
    known = knowing([row.alert_id for row in rows if row.kind == AlertEventKind.ESCALATED])
    found: list[_Addressed] = []
    unknown: set[UUID] = set()
    for event in rows:
        alert = event.alert
        if event.kind == AlertEventKind.RECOVERED:
            found += [(event, told) for told in heard[alert.pk].values()]
            continue
        if event.kind == AlertEventKind.ASSIGNED:
            told = directory.owner(alert)
        elif event.kind == AlertEventKind.ESCALATED:
            told = directory.escalated(alert, escalation.LADDER[event.band - 1], known[alert.pk].keys())
        else:
            told = directory.told(alert)
        if not told:
            unknown.add(alert.pk)
        people = {each.person.pk: each for each in told}
        if event.kind in MAILED:
            people = {each.person.pk: each for each in directory.watchers(alert)} | people
        found += [(event, each) for each in people.values()]
    return found, unknown


_FOR_THOSE_WHO_KNOW = (AlertEventKind.RECOVERED, AlertEventKind.ESCALATED)


def knowing(
    alerts: Collection[UUID], *, but: Collection[NotificationState] = _NOT_TOLD
) -> dict[UUID, dict[UUID, Told]]:
    """By alert, the people who were told of it or are about to be; messages in one of the states `but` do not count."""
    found: dict[UUID, dict[UUID, Told]] = defaultdict(dict)
    if not alerts:
        return found
    items = (
        NotificationItem.objects.filter(event__alert__in=alerts, dropped_because="", channel=Channel.EMAIL)
        .exclude(notification__state__in=but)
        .select_related("recipient", "event")
        .order_by("pk")
    )
    for item in items:
        found[item.event.alert_id][item.recipient_id] = Told(item.recipient, Reason(item.reason), item.role, item.scope)
    return found


def _lane(event: AlertEvent, told: Told, directory: Directory, wishes: Sequence[Wish]) -> Lane | None:
    alert = event.alert
    if event.kind == AlertEventKind.ESCALATED:
        return Lane.URGENT
    wished = chosen(wishes, wished_of(alert, directory.scopes[alert.pk].class_ids, Channel.EMAIL))
    if told.person.pk in directory.mutes(alert):
        wished = WishedLane.MUTE
    lane = lane_for(Lane(event.lane or alert.lane), wished, is_duty=told.reason.is_duty)
    # That it is over can wait, whoever hears of it.
    return Lane.DIGEST if lane is not None and event.kind == AlertEventKind.RECOVERED else lane


def _wishes(people: Collection[UUID]) -> dict[UUID, list[Wish]]:
    found: dict[UUID, list[Wish]] = defaultdict(list)
    for row in AlertPreference.objects.filter(person__in=people).order_by("pk"):
        found[row.person_id].append(wish_of(row))
    return found


def wish_of(row: AlertPreference) -> Wish:
    return Wish(
        lane=WishedLane(row.lane),
        rule=Rule(row.rule) if row.rule else None,
        site_id=row.site_id,
        class_id=row.equipment_class_id,
        severity=Severity(row.severity) if row.severity else None,
        channel=Channel(row.channel) if row.channel else None,
    )


def wished_of(alert: Alert, class_ids: Collection[UUID], channel: Channel) -> Wished:
    return Wished(Rule(alert.rule), alert.site_id, class_ids, Severity(alert.severity), channel)


class _Ladder:
    """When the alerts that are told now will be told to somebody else, unless they are answered first."""

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars
        self._first: dict[UUID, tuple[datetime, Alert, User]] = {}

    def told(self, addressed: Iterable[_Addressed], release_at: datetime) -> None:
        for event, told in addressed:
            alert = event.alert
            begins = (
                alert.lane == Lane.URGENT
                and alert.state in _WAITING
                and alert.escalate_at is None
                and event.kind not in _FOR_THOSE_WHO_KNOW
                and told.reason.is_duty
            )
            known = self._first.get(alert.pk)
            if begins and (known is None or release_at < known[0]):
                self._first[alert.pk] = release_at, alert, told.person

    def write(self) -> None:
        rows = []
        for release_at, alert, person in self._first.values():
            step = escalation.next_step(alert.escalation_step, Lane(alert.lane))
            if step is not None:
                office = self._calendars.office(person, alert.site_id)
                alert.escalate_at = office.after_working_days(release_at, step.working_days)
                rows.append(alert)
        save_each(rows, ["escalate_at"])


def resume_ladder(alerts: Collection[UUID], *, now: datetime) -> None:
    """What came back unanswered and told nobody anew: who knows of it has as many working days as before."""
    if not alerts:
        return
    rows = list(Alert.objects.filter(pk__in=alerts, state__in=_WAITING, escalate_at__isnull=True).order_by("pk"))
    steps = {row.pk: step for row in rows if (step := escalation.next_step(row.escalation_step, Lane(row.lane)))}
    known = knowing(steps.keys())
    calendars = Calendars({key for people in known.values() for key in people})
    resumed = []
    for row in rows:
        duties = [told.person for told in known[row.pk].values() if told.reason.is_duty]
        if row.pk in steps and duties:
            days = steps[row.pk].working_days - escalation.days_before(row.escalation_step)
            row.escalate_at = min(
                calendars.office(person, row.site_id).after_working_days(now, days) for person in duties
            )
            resumed.append(row)
    save_each(resumed, ["escalate_at"])


def hold_untold(*, now: datetime) -> int:
    """Find what stands although nobody was told: there was nobody then, or it had recovered while it was held.

    A later event that was told covers the ones before it. What somebody has acknowledged, somebody knows.
    """
    told = NotificationItem.objects.filter(
        event__alert=OuterRef("alert"), event__kind__in=MAILED, event__at__gte=OuterRef("at"), dropped_because=""
    )
    untold = AlertEvent.objects.filter(~Exists(told), kind__in=MAILED, alert__state__in=_WAITING)
    with transaction.atomic():
        put, _unknown = _hold(list(untold.select_related("alert__site").order_by("pk")), now)
    return put


def _put(addressed: Sequence[_Addressed], message_id: UUID) -> int:
    """One statement a message, whatever the number of its items: a first look at a site has thousands."""
    person = addressed[0][1].person
    events = [str(event.pk) for event, _told in addressed]
    columns = (
        events,
        [told.reason.value for _event, told in addressed],
        [str(told.role) for _event, told in addressed],
        [str(told.scope) for _event, told in addressed],
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procurement_notificationitem"
            " (notification_id, event_id, recipient_id, channel, reason, role, scope, dropped_because)"
            " SELECT %s, given.event, %s, %s, given.reason, given.role, given.scope, ''"
            " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS given(event, reason, role, scope)"
            " ON CONFLICT DO NOTHING",
            [message_id, person.pk, Channel.EMAIL.value, *columns],
        )
        # An item that was dropped is taken up again: an event has one item a person, whatever became of it.
        cursor.execute(
            "UPDATE procurement_notificationitem SET notification_id = %s, dropped_because = ''"
            " WHERE event_id = ANY(%s::uuid[]) AND recipient_id = %s AND channel = %s AND dropped_because <> ''",
            [message_id, events, person.pk, Channel.EMAIL.value],
        )
        cursor.execute(
            "SELECT count(*) FROM procurement_notificationitem"
            " WHERE event_id = ANY(%s::uuid[]) AND notification_id = %s",
            [events, message_id],
        )
        (put,) = cursor.fetchone() or (0,)
    return int(put)


def held_for(person: User, cause_key: str, reason: str, release_at: datetime) -> UUID:
    """The held message of this person for a cause of no site, made where there is none."""
    return _held_bundle(_Envelope(person.pk, None, Lane.URGENT, cause_key), "", Reason(reason), release_at)


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


def _held_digest(person: User, reason: Reason, hours: MailHours, now: datetime) -> tuple[UUID, datetime]:
    """The digest of the person's next morning, and when it leaves; the one after where that one has left already."""
    digest_on = hours.next_digest_on(now)
    while True:
        release_at = digest_release_at(person, hours, digest_on)
        Notification.objects.bulk_create(
            [
                Notification(
                    recipient=person,
                    kind=MessageKind.DIGEST,
                    lane=Lane.DIGEST,
                    cause_key=f"digest:{digest_on.isoformat()}",
                    digest_on=digest_on,
                    reason=reason,
                    release_at=release_at,
                )
            ],
            ignore_conflicts=True,
        )
        found = _share_held(
            "recipient_id = %s AND channel = %s AND digest_on = %s", [person.pk, Channel.EMAIL, digest_on]
        )
        if found is not None:
            return found, release_at
        digest_on = hours.digest_day(digest_on + _ONE_DAY)


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


def digest_release_at(person: User, hours: MailHours, digest_on: date) -> datetime:
    """The person's morning of that local date, and up to 20 minutes later so that not all mail leaves at once."""
    return hours.morning(digest_on) + timedelta(seconds=spread(f"{person.pk}", DIGEST_JITTER_SECONDS))


def spread(key: str, most: int) -> int:
    """A number below `most` that is always the same for a key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % max(1, most)
