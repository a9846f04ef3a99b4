"""Mails on their way: due ones beside a bare loop over one connection, and from a promise to the server's answer.

The mail server is a process of its own, and so is the worker that is woken through a broker.
"""

import contextlib
import os
import signal
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from celery import Celery
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from bench.case import Case, within
from procurement.domain.revision import DateRevision
from procurement.gateways import wake
from procurement.gateways.mail import Outgoing, as_bytes, smtp_courier
from procurement.management.runtime import processes, redis
from procurement.management.runtime.places import REPOSITORY
from procurement.models import Alert, AlertEvent, Heartbeat, LotForecast, Notification
from procurement.services import dates, mail_links, notifications
from procurement.services.forecasts import local_date
from procurement.services.holding import hold
from procurement.vocabulary import (
    AlertEventKind,
    AlertSubject,
    Lane,
    NotificationState,
    RevisionKind,
    Rule,
)
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.accounts.row import new_id
from sites.domain.imprecise import on_day
from sites.models import Assignment, Membership, Site
from sites.vocabulary import AssignmentScope, PromiseSource, ScopeKind

DUE = 1000
_READERS = 10
_ALERTS_IN_A_MAIL = 3
CHANGES = 100
SECONDS = 5.0
_ROUNDS = 3
_PATIENCE_SECONDS = 60.0


def cases() -> list[Case]:
    """On the portfolio that is loaded."""
    port = redis.free_port()
    with tempfile.TemporaryDirectory(prefix="longlead-bench-mail-") as place:
        folder = Path(place)
        noted = folder / "sink.txt"
        argv = [sys.executable, "-m", "bench.sink", str(port), str(noted)]
        with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE) as sink:
            assert sink.stdout is not None
            sink.stdout.readline()
            try:
                settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
                settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = settings.MAIL_TO_MAILBOX = False
                settings.HOLD_SECONDS = 0
                return [_beside_a_bare_loop(port), _from_promise_to_answer(port, folder, noted)]
            finally:
                sink.terminate()


# -- many due at once --------------------------------------------------------------------------------------------


def _reader(name: str) -> User:
    person: User = User.objects.create(username=name, name=name.capitalize(), email=f"{name}@people.example")
    Membership.objects.create(person=person, role=Role.EXPEDITER, scope=ScopeKind.PORTFOLIO)
    return person


def _events(site: Site, number: int) -> list[AlertEvent]:
    now = timezone.now()
    facts = {
        "required_on_site": "2027-09-20",
        "forecast_on": "2027-10-02",
        "forecast_from_on": "2027-09-18",
        "float_days": -12,
        "float_working_days": -9,
        "days_late": 12,
        "vendor": "Kawanami Heavy Works",
    }
    alerts = Alert.objects.bulk_create(
        Alert(
            rule=Rule.LATE_FORECAST,
            subject_kind=AlertSubject.LOT,
            subject_id=new_id(),
            subject_text=f"PO 4500016221/{place} Chiller CH-{place:04}",
            site=site,
            lane=Lane.URGENT,
            told_role=Role.EXPEDITER,
            opened_on=now.date(),
            opened_at=now,
            facts=facts,
        )
        for place in range(number)
    )
    return AlertEvent.objects.bulk_create(
        AlertEvent(
            alert=alert,
            kind=AlertEventKind.BAND,
            band=7,
            at=now,
            facts=facts,
            cause_key=f"bench:{place // _ALERTS_IN_A_MAIL}",
            cause_text=f"Letter {place // _ALERTS_IN_A_MAIL}",
        )
        for place, alert in enumerate(alerts)
    )


def _make_due() -> list[Notification]:
    """Each with the text, headers and items that holding and releasing give it."""
    site = Site.objects.order_by("code").first()
    assert site is not None
    people = [_reader(f"mail-{number}") for number in range(_READERS)]
    Assignment.objects.bulk_create(
        Assignment(person=person, role=Role.EXPEDITER, scope=AssignmentScope.SITE, site=site) for person in people
    )
    hold(_events(site, DUE // _READERS * _ALERTS_IN_A_MAIL), now=timezone.now())
    held = Notification.objects.filter(recipient__in=people, state=NotificationState.HELD, lane=Lane.URGENT)
    held.update(release_at=timezone.now())
    notifications.release_due(now=timezone.now(), fold=False)
    Assignment.objects.filter(person__in=people).delete()
    return list(
        Notification.objects.filter(recipient__in=people, state=NotificationState.DUE, lane=Lane.URGENT)
        .select_related("recipient")
        .order_by("pk")
    )


def _on_the_wire(row: Notification) -> bytes:
    return as_bytes(
        Outgoing(
            row.message_id,
            row.address,
            row.recipient.name,
            row.subject,
            row.body_text,
            row.body_html,
            row.headers,
            mail_links.bounce_address(row.pk),
        ),
        sender=settings.DEFAULT_FROM_EMAIL,
    )


def _beside_a_bare_loop(port: int) -> Case:
    """The loop has its bytes ready, and neither reads nor writes a row."""
    rows = _make_due()
    assert len(rows) == DUE, len(rows)
    mails = [(row.address, _on_the_wire(row)) for row in rows]
    courier = smtp_courier()
    notifications.send_due(courier=courier, now_fn=timezone.now)  # with what the cases before have left to be told
    courier.close()
    bare, ours = [], []
    for _round in range(_ROUNDS):
        started = time.perf_counter()
        with smtplib.SMTP("127.0.0.1", port) as line:
            for address, content in mails:
                line.sendmail("alerts@longlead.example", [address], content)
        bare.append(time.perf_counter() - started)
        _make_due_again(rows)
        courier = smtp_courier()
        started = time.perf_counter()
        done = notifications.send_due(courier=courier, now_fn=timezone.now)
        ours.append(time.perf_counter() - started)
        courier.close()
        assert done.sent == DUE, done
    loop = statistics.median(bare)
    return within(f"{DUE} due mails sent (a bare loop: {loop:.2f} s)", statistics.median(ours), 2 * loop)


def _make_due_again(rows: list[Notification]) -> None:
    """As they were released: with their bytes, which sending drops."""
    for row in rows:
        row.state, row.sent_at, row.next_attempt_at, row.attempts = NotificationState.DUE, None, timezone.now(), 0
    Notification.objects.bulk_update(rows, ["state", "sent_at", "next_attempt_at", "attempts", "wire"], batch_size=100)


# -- one change --------------------------------------------------------------------------------------------------


def _worker_environment(port: int, broker: str) -> dict[str, str]:
    database = connection.settings_dict
    host = str(database["HOST"]).replace("/", "%2F")
    return {
        **os.environ,
        "LONGLEAD_MODE": "demo",
        "LONGLEAD_HOLD_SECONDS": "0",
        "LONGLEAD_SMTP_HOST": "127.0.0.1",
        "LONGLEAD_SMTP_PORT": str(port),
        "LONGLEAD_SMTP_SECURITY": "none",
        "LONGLEAD_LOG_LEVEL": "WARNING",
        "REDIS_URL": broker,
        "DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}?host={host}",
    }


@contextlib.contextmanager
def _worker(port: int, folder: Path) -> Iterator[None]:
    """A broker and a worker of their own, and our writes wake them as those of the portal do."""
    broker = redis.embedded(folder)
    assert broker.argv is not None
    env = _worker_environment(port, broker.url)
    argv = [sys.executable, "-m", "celery", "-A", "procurement.config", "worker", "--queues", "longlead,mail"]
    argv += ["--concurrency", "2", "--prefetch-multiplier", "1", "--loglevel", "WARNING", "--without-gossip"]
    children: list[subprocess.Popen[bytes]] = []
    app = Celery("bench", broker=broker.url)
    try:
        with (folder / "worker.log").open("ab") as log:
            children.append(processes.start(broker.argv, env=env, cwd=REPOSITORY, output=log))
            _until(broker.answers)
            children.append(processes.start(argv, env=env, cwd=REPOSITORY, output=log))
        task = {"name": "procurement.tasks.alerts.look_now", "queue": "mail", "retry": False, "ignore_result": True}
        wake.wire(lambda: app.send_task(**task), may_block=True)  # type: ignore[arg-type]
        began = timezone.now()
        app.send_task(**task)  # type: ignore[arg-type]
        _until(lambda: Heartbeat.objects.filter(component="worker", beat_at__gte=began).exists())  # it has started
        yield
    finally:
        wake.wire(None)
        app.close()
        for child in reversed(children):
            processes.end(child, stop_signal=signal.SIGTERM, seconds=20)


def _until(done: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < ends_at, "nothing came of it"
        time.sleep(0.005)


def _from_promise_to_answer(port: int, folder: Path, noted: Path) -> Case:
    """From before the promise is written: ledger, forecasts, alerts, commit, wake-up, release and the conversation."""
    lots = _lots_that_can_slip()
    assert len(lots) == CHANGES, len(lots)
    readers = [_owner(place, lot) for place, lot in enumerate(lots)]
    taken = []
    with _worker(port, folder):
        _until(_nothing_waits)  # the cases before had no worker for what they held
        before = timezone.now()
        for lot, reader in zip(lots, readers, strict=True):
            started = time.monotonic()
            _promise(lot, reader)
            mine = Notification.objects.filter(recipient=reader, lane=Lane.URGENT, created_at__gte=before)
            _until(lambda mine=mine: mine.exists() and not mine.exclude(state=NotificationState.SENT).exists())  # type: ignore[misc]
            accepted = dict(line.split() for line in noted.read_text().splitlines())
            taken.append(max(float(accepted[key]) for key in mine.values_list("message_id", flat=True)) - started)
    taken.sort()
    name = f"a promise to its accepted mail, p99 of {CHANGES} (median {statistics.median(taken):.2f} s)"
    return within(name, taken[int(len(taken) * 0.99)], SECONDS)


def _nothing_waits() -> bool:
    now = timezone.now()
    held = Q(state=NotificationState.HELD, release_at__lte=now)
    return not Notification.objects.filter(held | Q(state=NotificationState.DUE, next_attempt_at__lte=now)).exists()


def _lots_that_can_slip() -> list[LotForecast]:
    """One an order, in time until now and not delivered; the site that was looked at today has most of them."""
    rows = (
        LotForecast.objects.filter(current=True, delivered_on=None, float_days__gte=0, float_days__lt=200)
        .select_related("lot__schedule_line__line__order", "lot__schedule_line__site")
        .order_by("lot__schedule_line__line__order", "pk")
        .distinct("lot__schedule_line__line__order")
    )
    return list(rows[:CHANGES])


def _owner(place: int, row: LotForecast) -> User:
    person = _reader(f"owner-{place}")
    Assignment.objects.create(
        person=person,
        role=Role.EXPEDITER,
        scope=AssignmentScope.ORDER,
        site=row.lot.schedule_line.site,
        subject_id=row.lot.schedule_line.line.order_id,
    )
    return person


def _promise(row: LotForecast, actor: User) -> None:
    schedule = row.lot.schedule_line
    assert schedule.site is not None
    assert row.forecast_on is not None
    assert row.float_days is not None
    today = local_date(schedule.site, timezone.now())
    revision = DateRevision(
        RevisionKind.PROMISE,
        schedule.line.number,
        on_day(row.forecast_on + timedelta(days=row.float_days + 20)),
        schedule_number=schedule.number,
        lot_number=row.lot.number,
        milestone="ON_SITE",
    )
    with transaction.atomic():
        dates.record(
            order_id=schedule.line.order_id,
            revisions=[revision],
            stated_on=today,
            source=PromiseSource.EMAIL,
            document="",
            actor=actor,
            now=timezone.now(),
        )
