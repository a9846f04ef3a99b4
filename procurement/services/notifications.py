"""From an event to an accepted mail. Every step is a row, so that whatever dies between two steps loses nothing."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from procurement.gateways.mail import Courier, Delivery, Outcome, Outgoing, as_bytes
from procurement.gateways.webhook import Post, Poster
from procurement.models import Alert, Notification, NotificationItem
from procurement.services import (
    alert_clock,
    all_quiet,
    chat,
    folding,
    heartbeats,
    mail_links,
    mail_text,
    outbox,
    subscriptions,
    talk,
)
from procurement.services.holding import hold, hold_untold, spread
from procurement.services.recipients import Directory, Reason, portfolio_administrators
from procurement.vocabulary import AlertEventKind, AlertState, Channel, CloseReason, MessageKind, NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import new_id
from sites.queries.access import can

logger = logging.getLogger(__name__)

BACK_OFF_MINUTES: Final = (1, 5, 15, 30, 60)
GIVE_UP_AFTER: Final = timedelta(days=5)


# -- releasing ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Released:
    due: int = 0
    suppressed: int = 0
    cancelled: int = 0
    dead: int = 0


def release_due(*, now: datetime, fold: bool = True) -> Released:
    """Freeze the text of every held message whose time has come. Any number of these may run at once.

    Without `fold`, the cap of messages a person and hour does not count.
    """
    done = Released()
    while True:
        with transaction.atomic():
            row = (
                Notification.objects.filter(state=NotificationState.HELD, release_at__lte=now)
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("recipient", "site", "subscription", "endpoint")
                .order_by("release_at", "pk")
                .first()
            )
            if row is None:
                return done
            if fold and row.channel == Channel.EMAIL and folding.put_off(row, now=now):
                continue
            try:
                with transaction.atomic():
                    state = _release(row, now)
            except DatabaseError:
                raise
            except Exception as failure:
                logger.exception("Notification %s cannot be written.", row.pk)
                state = _bury(row, f"{type(failure).__name__}: {failure}", now)
        setattr(done, state, getattr(done, state) + 1)


def _release(row: Notification, now: datetime) -> str:
    items = list(row.items.filter(dropped_because="").select_related("event__alert__site__calendar").order_by("pk"))
    kept: list[NotificationItem] = []
    lost: list[NotificationItem] = []
    visible = _sites_told_of(row, items)
    for item in items:
        reason = _no_longer(item, row)
        if reason:
            _drop(item, reason)
        elif item.event.alert.site_id in visible:
            kept.append(item)
        else:
            _drop(item, "the recipient can no longer be told")
            lost.append(item)
    if row.channel == Channel.EMAIL:
        hold([item.event for item in lost], now=now, at_once=True)
    written: mail_text.Written | None = None
    if row.kind == MessageKind.VIEW:
        written = subscriptions.write(row)
    elif kept and row.channel == Channel.CHAT:
        written = chat.write(row, kept)
    elif kept:
        row.kind = MessageKind.DIGEST if row.digest_on else row.kind
        written = mail_text.write(row, kept)
    elif not lost and all_quiet.may_still_be_said(row, now=now):
        row.kind = MessageKind.ALL_QUIET
        written = all_quiet.write(row)
    if written is None:
        row.state = NotificationState.CANCELLED if lost else NotificationState.SUPPRESSED
        row.digest_on = None if lost else row.digest_on
        row.save(update_fields=["state", "digest_on"])
        return row.state
    row.subject, row.body_text, row.body_html = written.subject, written.text, written.html
    row.headers = written.headers | {"Date": _mail_date(now)}
    row.address = row.recipient.email
    row.message_id = mail_links.message_id(row.pk)
    if row.channel == Channel.EMAIL:
        row.wire = as_bytes(_outgoing(row), sender=settings.DEFAULT_FROM_EMAIL)
    row.state, row.next_attempt_at, row.released_at = NotificationState.DUE, now, now
    row.save()
    return row.state


def _mail_date(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


_FOR_WANT_OF_AN_ANSWER: Final = (AlertEventKind.ESCALATED, AlertEventKind.DECLINED, AlertEventKind.ASSIGNED)


def _no_longer(item: NotificationItem, row: Notification) -> str:
    """Why an event is not worth telling any more, empty where it is."""
    alert, kind = item.event.alert, item.event.kind
    if kind == AlertEventKind.RECOVERED:
        is_over = alert.state == AlertState.RECOVERED or alert.close_reason == CloseReason.RECOVERED
        return "" if is_over else "came back since"
    if kind == AlertEventKind.CLOSED:
        return ""
    if alert.state == AlertState.CLOSED:
        return f"closed since: {alert.close_reason}"
    if alert.state == AlertState.RECOVERED and kind != AlertEventKind.UNSTABLE:
        return mail_text.RECOVERED_SINCE
    if kind in _FOR_WANT_OF_AN_ANSWER and alert.state in (AlertState.ACKNOWLEDGED, AlertState.SNOOZED):
        return "answered since"
    if alert.acknowledged_by_id == row.recipient_id and alert.acknowledged_at and alert.acknowledged_at > item.event.at:
        return "acknowledged by the recipient since"
    return ""


def _sites_told_of(row: Notification, items: Sequence[NotificationItem]) -> set[UUID | None]:
    """The sites of these items that the person may be told of now; None for what needs the whole portfolio."""
    person = row.recipient
    if row.channel == Channel.EMAIL and (not person.email or person.email_refused_at is not None):
        return set()
    sites = {item.event.alert.site_id for item in items}
    return {site_id for site_id in sites if can(person, Permission.SITE_VIEW, site_id=site_id)}


def _drop(item: NotificationItem, reason: str) -> None:
    item.dropped_because = reason
    item.save(update_fields=["dropped_because"])


# -- sending -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sent:
    """`unreachable`: the round ended early because the mail server did not answer; what is due stays due."""

    sent: int = 0
    deferred: int = 0
    dead: int = 0
    cancelled: int = 0
    unreachable: bool = False


def _never() -> bool:
    return False


def send_due(
    *,
    courier: Courier,
    now_fn: Callable[[], datetime],
    stopping: Callable[[], bool] = _never,
    poster: Poster | None = None,
) -> Sent:
    """Send until nothing is due. Any number of these may run at once; a row is locked while it is being sent.

    A sender that dies between the server's answer and the commit sends once more, with the same Message-ID and the
    same bytes. `stopping` is asked between two messages; without a poster nothing goes to chat.
    """
    done = Sent()
    channels = [Channel.EMAIL] if poster is None else [Channel.EMAIL, Channel.CHAT]
    due = outbox.Due(channels, commits=not connection.in_atomic_block)
    more = True
    while more and not done.unreachable and not stopping():
        with transaction.atomic():
            more = _send_some(due, done, courier, now_fn, stopping, poster)
        due.forget()  # the locks are gone; and what was refused may be about other messages of the same person
    return done


def _send_some(
    due: outbox.Due,
    done: Sent,
    courier: Courier,
    now_fn: Callable[[], datetime],
    stopping: Callable[[], bool],
    poster: Poster | None,
) -> bool:
    """Until one comes of which more is to be written than that it was accepted; False where nothing is due any more.

    What was accepted is committed before the next message is locked.
    """
    while not stopping() and (message := due.take(now_fn())) is not None:
        if not due.may_be_told(message) or not message.wire or message.channel != Channel.EMAIL:
            _send_whole(message.key, done, courier, now_fn, poster)
            return True
        delivery = _deliver(_on_its_way(message), courier)
        if delivery.outcome is not Outcome.ACCEPTED:
            _count(done, _mark(_whole(message.key), delivery, now_fn()), delivery)
            return True
        due.accepted(message, delivery, answer=mail_text.clean(delivery.answer, 500), now=now_fn())
        done.sent += 1
    return False


def _send_whole(key: UUID, done: Sent, courier: Courier, now_fn: Callable[[], datetime], poster: Poster | None) -> None:
    """One that takes a closer look; its row is locked."""
    row, now = _whole(key), now_fn()
    if _lost_right(row, now):
        done.cancelled += 1
        return
    delivery = _post(row, poster, now) if poster and row.endpoint else _deliver(_outgoing(row), courier)
    _count(done, _mark(row, delivery, now_fn()), delivery)


def _whole(key: UUID) -> Notification:
    return Notification.objects.select_related("recipient", "endpoint").get(pk=key)


def _count(done: Sent, state: str, delivery: Delivery) -> None:
    setattr(done, state, getattr(done, state) + 1)
    done.unreachable = delivery.unreachable


def _lost_right(row: Notification, now: datetime) -> bool:
    """Cancel a message that shows a site its reader has lost since; what they may still see is held for them anew."""
    if not _may_still_be_told(row, now):
        row.state, row.next_attempt_at = NotificationState.CANCELLED, None
        row.save(update_fields=["state", "next_attempt_at"])
        return True
    items = list(row.items.filter(dropped_because="").select_related("event__alert__site").order_by("pk"))
    visible = _sites_told_of(row, items)
    lost = [item for item in items if item.event.alert.site_id not in visible]
    if not lost:
        return False
    for item in lost:
        _drop(item, "the recipient can no longer be told")
    row.state, row.digest_on, row.next_attempt_at = NotificationState.CANCELLED, None, None
    row.save(update_fields=["state", "digest_on", "next_attempt_at"])
    if row.channel == Channel.EMAIL:
        hold([item.event for item in lost], now=now, at_once=True)
    kept = [item for item in items if item not in lost]
    if kept:
        again = Notification.objects.create(
            pk=new_id(),
            recipient=row.recipient,
            channel=row.channel,
            endpoint=row.endpoint,
            site=row.site,
            lane=row.lane,
            cause_key=f"again:{row.pk}",
            cause_text=row.cause_text,
            reason=row.reason,
            release_at=now,
        )
        NotificationItem.objects.filter(pk__in=[item.pk for item in kept]).update(notification=again)
    return True


def _may_still_be_told(row: Notification, now: datetime) -> bool:
    """Of a message without alerts. A digest or a mail of alerts is asked alert by alert."""
    if row.kind in (MessageKind.ALERTS, MessageKind.DIGEST):
        return True
    if not row.recipient.is_active or row.recipient.email_refused_at is not None:
        return False
    if row.kind == MessageKind.VIEW:
        return subscriptions.may_still_be_told(row)
    return row.kind != MessageKind.NOTICE or talk.may_still_be_told(row, now=now)


def _outgoing(row: Notification) -> Outgoing:
    return Outgoing(
        message_id=row.message_id,
        to_address=row.address,
        to_name=mail_text.clean(row.recipient.name, 120),
        subject=row.subject,
        text=row.body_text,
        html=row.body_html,
        headers=row.headers,
        envelope_from=mail_links.bounce_address(row.pk),
        wire=bytes(row.wire),
    )


def _on_its_way(message: outbox.Waiting) -> Outgoing:
    """Its bytes were written with its text, so nothing else of it is read."""
    return Outgoing(
        message_id=message.message_id,
        to_address=message.address,
        to_name="",
        subject="",
        text="",
        html="",
        envelope_from=mail_links.bounce_address(message.key),
        wire=message.wire,
    )


def _deliver(message: Outgoing, courier: Courier) -> Delivery:
    try:
        return courier.send(message)
    except Exception as failure:  # a courier that breaks must not stop the messages behind this one
        logger.exception("Message %s was not sent.", message.message_id)
        return Delivery(Outcome.TRANSIENT, type(failure).__name__[:20], str(failure))


def _post(row: Notification, poster: Poster, now: datetime) -> Delivery:
    assert row.endpoint is not None
    try:
        return poster.post(
            Post(row.message_id.strip("<>"), row.endpoint.url, row.endpoint.secret, row.body_text), at=now
        )
    except Exception as failure:  # as for a courier
        logger.exception("Notification %s was not posted.", row.pk)
        return Delivery(Outcome.TRANSIENT, type(failure).__name__[:20], str(failure))


def _mark(row: Notification, delivery: Delivery, now: datetime) -> str:
    row.attempts += 1
    row.last_code, row.last_answer = delivery.code[:20], mail_text.clean(delivery.answer, 500)
    if delivery.outcome is Outcome.ACCEPTED:
        row.state, row.sent_at, row.next_attempt_at, row.wire = NotificationState.SENT, now, None, b""
    elif delivery.outcome is Outcome.TRANSIENT and now - (row.retried_at or row.released_at or now) < GIVE_UP_AFTER:
        row.state, row.next_attempt_at = NotificationState.DEFERRED, now + _back_off(row)
    else:
        row.state, row.next_attempt_at = NotificationState.DEAD, None
        _tell_others(row, delivery, now)
    row.save(update_fields=["attempts", "last_code", "last_answer", "state", "sent_at", "next_attempt_at", "wire"])
    return row.state


def give_up(row: Notification, delivery: Delivery, now: datetime) -> None:
    """A message that had been accepted will not arrive after all; its row is locked by the caller."""
    row.last_code, row.last_answer = delivery.code[:20], mail_text.clean(delivery.answer, 500)
    row.state, row.next_attempt_at = NotificationState.DEAD, None
    _tell_others(row, delivery, now)
    row.save(update_fields=["last_code", "last_answer", "state", "next_attempt_at"])


def _back_off(row: Notification) -> timedelta:
    """1, 5, 15, 30 and 60 minutes, then hourly; up to a tenth more, so that what failed together does not return so."""
    minutes = BACK_OFF_MINUTES[min(row.attempts, len(BACK_OFF_MINUTES)) - 1]
    return timedelta(seconds=minutes * 60 + spread(f"{row.pk}:{row.attempts}", minutes * 6))


def _tell_others(row: Notification, delivery: Delivery, now: datetime) -> None:
    """A mail that will never arrive reaches the deputy or the next holder, and the administrators hear of it."""
    if row.endpoint is not None:
        _silence(row, delivery, now)
        return
    if delivery.address_refused:
        because = mail_text.clean(f"{row.last_code} {row.last_answer}", 300)
        User.objects.filter(pk=row.recipient_id, email_refused_at__isnull=True).update(
            email_refused_at=now, email_refused_because=because
        )
    events = [item.event for item in row.items.filter(dropped_because="").select_related("event__alert__site")]
    hold(events, now=now, at_once=True, besides=[row.recipient_id])
    what = _("Mail to %(address)s was refused: %(code)s %(answer)s") % {
        "address": row.address,
        "code": row.last_code,
        "answer": row.last_answer,
    }
    administrators = [] if events else portfolio_administrators()
    _put_in_portal(row, [event.alert for event in events], what, now, readers=[row.recipient, *administrators])


def _silence(row: Notification, delivery: Delivery, now: datetime) -> None:
    """Chat is told besides people, so nobody missed anything; the endpoint's owner hears that it no longer works."""
    assert row.endpoint is not None
    if delivery.address_refused:
        row.endpoint.active = False
    row.endpoint.refused_at = now
    row.endpoint.refused_because = mail_text.clean(f"{delivery.code} {delivery.answer}", 300)
    row.endpoint.save(update_fields=["active", "refused_at", "refused_because"])
    what = _("Chat %(name)s did not take a message: %(because)s") % {
        "name": row.endpoint.name,
        "because": row.endpoint.refused_because,
    }
    _put_in_portal(row, [], what, now, readers=[row.recipient])


def _bury(row: Notification, reason: str, now: datetime) -> str:
    """A message that cannot be written is kept where everybody can see that it was not, and the next one follows."""
    row.state, row.released_at, row.message_id = NotificationState.DEAD, now, mail_links.message_id(row.pk)
    row.subject = "[Longlead] A message could not be written"
    row.body_text = row.last_answer = mail_text.clean(reason, 500)
    row.last_code = "unwritten"
    row.save()
    alerts = [item.event.alert for item in row.items.select_related("event__alert__site")]
    _put_in_portal(row, alerts, f"{row.subject}: {row.last_answer}", now, readers=[row.recipient])
    return row.state


def _put_in_portal(
    row: Notification, alerts: Sequence[Alert], what: str, now: datetime, *, readers: Sequence[User]
) -> None:
    """A notice that needs no mail: for these readers and for the administrators of the alerts' sites."""
    directory = Directory(alerts, now=now)
    people = {person.pk: person for person in readers if person.is_active}
    for alert in alerts:
        people |= {person.pk: person for person in directory.administrators(alert)}
    text = "\n".join(
        [what, *(f"{mail_text.alert_url(alert)} {mail_text.clean(alert.subject_text)}" for alert in alerts)]
    )
    notices = []
    for person in people.values():
        key = new_id()
        notices.append(
            Notification(
                pk=key,
                recipient=person,
                channel=Channel.PORTAL,
                site=row.site,
                lane=row.lane,
                cause_key=f"undelivered:{row.pk}",
                reason=Reason.OWNER if person.pk == row.recipient_id else Reason.ADMINISTRATOR,
                state=NotificationState.SENT,
                release_at=now,
                released_at=now,
                sent_at=now,
                message_id=mail_links.message_id(key),
                subject=what[:300],
                body_text=text,
            )
        )
    Notification.objects.bulk_create(notices)


# -- a round -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Round:
    held: int
    released: Released
    sent: Sent


def is_ripe(*, now: datetime) -> bool:
    """Whether a message is there to be released or sent: two looks at an index."""
    held = Notification.objects.filter(state=NotificationState.HELD, release_at__lte=now)
    due = Notification.objects.filter(state__in=outbox.TO_SEND, next_attempt_at__lte=now)
    return held.exists() or due.exists()


def do_round(
    *,
    courier: Courier,
    now_fn: Callable[[], datetime],
    component: str,
    stopping: Callable[[], bool] = _never,
    poster: Poster | None = None,
    only_ripe: bool = False,
) -> Round:
    """Hold what nobody was told yet or what time makes due, release what is ripe, send what is due, and say so.

    With `only_ripe` nothing new is held.
    """
    held = 0 if only_ripe else hold_all(now_fn)
    released = release_due(now=now_fn())
    try:
        sent = send_due(courier=courier, now_fn=now_fn, stopping=stopping, poster=poster)
    finally:
        courier.close()
    heartbeats.beat(component, now=now_fn(), detail="mail server unreachable" if sent.unreachable else "")
    return Round(held, released, sent)


def hold_all(now_fn: Callable[[], datetime]) -> int:
    """Hold what nobody was told yet and what time has made due; how much of the former."""
    held = hold_untold(now=now_fn())
    alert_clock.tick(now=now_fn())
    all_quiet.hold_all_quiet(now=now_fn())
    subscriptions.hold_subscriptions(now=now_fn())
    chat.hold_for_chat(now=now_fn())
    return held
