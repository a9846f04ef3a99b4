"""Mails on their way: due ones beside a bare loop over one connection, and from an event to the server's answer."""

import smtplib
import time
from datetime import timedelta
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller
from django.conf import settings
from django.utils import timezone

from bench.case import Case, within
from procurement.gateways.mail import Outgoing, as_bytes, smtp_courier
from procurement.management.runtime.redis import free_port
from procurement.models import Alert, AlertEvent, Notification, NotificationItem
from procurement.services import notifications
from procurement.services.holding import hold
from procurement.vocabulary import AlertEventKind, AlertSubject, Channel, Lane, NotificationState, Rule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.accounts.row import new_id
from sites.models import Membership, Site
from sites.vocabulary import ScopeKind

DUE = 1000
CHANGES = 100
SECONDS = 5.0


class _Sink:
    """Says yes to everything and remembers when."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - named by aiosmtpd
        self.at[str(message_from_bytes(envelope.content)["Message-ID"])] = time.perf_counter()
        return "250 Accepted"


def cases() -> list[Case]:
    sink = _Sink()
    port = free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=port, ready_timeout=10)
    controller.start()
    try:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = settings.MAIL_TO_MAILBOX = False
        settings.HOLD_SECONDS = 0
        site = Site.objects.order_by("code").first()
        assert site is not None
        people = [_reader(number) for number in range(CHANGES // 10)]
        return [_beside_a_bare_loop(site, people, port), _from_event_to_answer(site, people, sink)]
    finally:
        controller.stop()


def _reader(number: int) -> User:
    person: User = User.objects.create(
        username=f"mail-{number}", name=f"Mail {number}", email=f"mail-{number}@people.example"
    )
    Membership.objects.create(person=person, role=Role.EXPEDITER, scope=ScopeKind.PORTFOLIO)
    return person


def _event(site: Site, number: int) -> AlertEvent:
    now = timezone.now()
    alert = Alert.objects.create(
        rule=Rule.LATE_FORECAST,
        subject_kind=AlertSubject.LOT,
        subject_id=new_id(),
        subject_text=f"CH-{number:04}",
        site=site,
        lane=Lane.URGENT,
        told_role=Role.EXPEDITER,
        opened_on=now.date(),
        opened_at=now,
    )
    return AlertEvent.objects.create(alert=alert, kind=AlertEventKind.BAND, band=7, at=now)


def _beside_a_bare_loop(site: Site, people: list[User], port: int) -> Case:
    now = timezone.now()
    rows = []
    for number in range(DUE):
        key, person = new_id(), people[number % len(people)]
        rows.append(
            Notification(
                pk=key,
                recipient=person,
                address=person.email,
                site=site,
                lane=Lane.URGENT,
                cause_key=f"bench:{key}",
                state=NotificationState.DUE,
                release_at=now,
                released_at=now,
                next_attempt_at=now - timedelta(minutes=1),
                message_id=notifications.message_id(key),
                subject=f"[Longlead][BENCH] Chiller CH-{number:04}",
                body_text="12 days late: Chiller\n" * 20,
                body_html="<p>12 days late: Chiller</p>" * 20,
            )
        )
    Notification.objects.bulk_create(rows)
    event = _event(site, 0)
    NotificationItem.objects.bulk_create(
        NotificationItem(event=event, notification=row, recipient=row.recipient, channel=Channel.EMAIL)
        for row in rows[: len(people)]
    )
    mails = [
        (
            row.address,
            as_bytes(
                Outgoing(row.message_id, row.address, "", row.subject, row.body_text, row.body_html),
                sender=settings.DEFAULT_FROM_EMAIL,
            ),
        )
        for row in rows
    ]
    started = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as line:
        for address, content in mails:
            line.sendmail("alerts@longlead.example", [address], content)
    bare = time.perf_counter() - started
    courier = smtp_courier()
    started = time.perf_counter()
    done = notifications.send_due(courier=courier, now_fn=timezone.now)
    took = time.perf_counter() - started
    courier.close()
    assert done.sent >= DUE, done
    return within(f"{DUE} due mails sent (a bare loop: {bare:.2f} s)", took, 2 * bare)


def _from_event_to_answer(site: Site, people: list[User], sink: _Sink) -> Case:
    """With the hold at 0, from the event to the answer of the server: one round as the woken worker makes it."""
    taken = []
    for number in range(CHANGES):
        event = _event(site, number + 1)
        started, started_at = time.perf_counter(), timezone.now()
        hold([event], now=timezone.now())
        # Its readers may be at rest on the day of the measurement.
        Notification.objects.filter(items__event=event).update(release_at=started_at)
        courier = smtp_courier()
        notifications.release_due(now=timezone.now(), fold=False)
        notifications.send_due(courier=courier, now_fn=timezone.now)
        courier.close()
        keys = NotificationItem.objects.filter(event=event).values_list("notification__message_id", flat=True)
        taken.append(max(sink.at[key] for key in keys) - started)
    taken.sort()
    return within(f"alert event to accepted mail, p99 of {CHANGES}", taken[int(len(taken) * 0.99)], SECONDS)
