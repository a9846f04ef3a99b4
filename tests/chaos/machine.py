"""Processes of our own to be harmed, on loopback and on the database of the tests, and what they leave counted.

CHAOS_FULL=1, as `make chaos` sets it, runs each case in its full size; the test suite runs a small one.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from threading import Event
from typing import Any

from celery import Celery
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError as BrokerError

from procurement.gateways.mail import Outgoing, as_bytes
from procurement.management.runtime import processes, redis
from procurement.management.runtime.places import REPOSITORY, Places
from procurement.models import AlertEvent, Notification, NotificationItem
from procurement.services.mail_links import message_id
from procurement.vocabulary import AlertEventKind, Channel, NotificationState
from sites.accounts.permissions import Role
from sites.accounts.row import new_id
from tests.factories.procurement import AlertFactory
from tests.factories.sites import SiteFactory
from tests.procurement.stage import NOON, holder
from tests.smtp import Sink

FULL = bool(os.environ.get("CHAOS_FULL"))
PATIENCE_SECONDS = 120.0
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells every word that is said
_moment = Event()  # never set: waiting for it lets the processes go on
_PEOPLE = 10


def report(case: str, **counts: object) -> None:
    """Seen with `pytest -s`, as `make chaos` runs it."""
    print(f"\n{case}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))  # noqa: T201


@transaction.atomic  # else a worker tells of an event that is not yet in its message
def due_messages(number: int) -> set[str]:
    """So many mails that are due, each about an alert of its own; their Message-IDs."""
    site = SiteFactory.create()
    people = [holder(site, Role.EXPEDITER) for _ in range(_PEOPLE)]
    alerts = AlertFactory.build_batch(number, site=site)
    type(alerts[0]).objects.bulk_create(alerts)
    events = AlertEvent.objects.bulk_create(
        AlertEvent(alert=alert, kind=AlertEventKind.BAND, band=7, at=NOON) for alert in alerts
    )
    rows = []
    for place, event in enumerate(events):
        key, person = new_id(), people[place % _PEOPLE]
        rows.append(
            Notification(
                pk=key,
                recipient=person,
                address=person.email,
                site=site,
                lane="urgent",
                cause_key=f"chaos:{event.pk}",
                state=NotificationState.DUE,
                release_at=NOON,
                released_at=NOON,
                next_attempt_at=NOON,
                message_id=message_id(key),
                subject=f"Chillers late {place}",
                body_text=f"Chillers late {place}\n",
            )
        )
    for row in rows:
        row.wire = as_bytes(_outgoing(row), sender=settings.DEFAULT_FROM_EMAIL)
    Notification.objects.bulk_create(rows)
    NotificationItem.objects.bulk_create(
        NotificationItem(event=event, notification=row, recipient=row.recipient, channel=Channel.EMAIL)
        for event, row in zip(events, rows, strict=True)
    )
    return {row.message_id for row in rows}


def _outgoing(row: Notification) -> Outgoing:
    return Outgoing(row.message_id, row.address, row.recipient.name, row.subject, row.body_text, row.body_html)


def left(keys: set[str]) -> int:
    """How many of these messages are not marked as sent."""
    return Notification.objects.filter(message_id__in=keys).exclude(state=NotificationState.SENT).count()


@dataclass
class SlowSink(Sink):
    """Takes five milliseconds between having a message and saying so: the worst moment lasts."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - named by aiosmtpd
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.005)
        return answer


@dataclass(frozen=True)
class Counted:
    lost: int
    extra: int
    differing: int
    most_of_one: int


def counted(sink: Sink, keys: set[str]) -> Counted:
    """What came to the mail server beside what should have: `differing` are copies whose bytes are not the same."""
    copies: dict[str, list[str]] = defaultdict(list)
    for _address, content in sink.accepted:
        copies[str(message_from_bytes(content)["Message-ID"])].append(hashlib.sha256(content).hexdigest())
    ours = {key: copies.get(key, []) for key in keys}
    return Counted(
        lost=sum(not found for found in ours.values()),
        extra=sum(max(len(found) - 1, 0) for found in ours.values()),
        differing=sum(len(set(found)) > 1 for found in ours.values()),
        most_of_one=max(len(found) for found in ours.values()),
    )


def environment(smtp_port: int, broker_url: str = "", **more: str) -> dict[str, str]:
    database = settings.DATABASES["default"]
    host = str(database["HOST"]).replace("/", "%2F")
    return {
        **os.environ,
        "LONGLEAD_MODE": "demo",
        "LONGLEAD_HOLD_SECONDS": "0",
        "LONGLEAD_SMTP_HOST": "127.0.0.1",
        "LONGLEAD_SMTP_PORT": str(smtp_port),
        "LONGLEAD_SMTP_SECURITY": "none",
        "LONGLEAD_LOG_LEVEL": "WARNING",
        "REDIS_URL": broker_url or f"redis://127.0.0.1:{redis.free_port()}/0",
        "DATABASE_URL": f"postgresql://{database['USER']}@/{connection.settings_dict['NAME']}?host={host}",
        **more,
    }


@contextlib.contextmanager
def running(argv: list[str], env: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """One process with its whole group, ended with the block if nothing has ended it before."""
    with log.open("ab") as output:
        child = processes.start(argv, env=env, cwd=REPOSITORY, output=output)
    try:
        yield child
    finally:
        processes.end(child, stop_signal=signal.SIGTERM, seconds=20)


def kill(child: "subprocess.Popen[bytes]") -> None:
    """The whole group that we started, without a moment to tidy up."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(10)


def pause(seconds: float) -> None:
    _moment.wait(max(0.0, seconds))


def until(done: Callable[[], bool], *children: "subprocess.Popen[bytes]", seconds: float = PATIENCE_SECONDS) -> float:
    """How many seconds it took. Fails when a process that does it has ended, or when patience is over."""
    started = time.monotonic()
    while not done():
        waited = time.monotonic() - started
        assert waited < seconds, f"not done after {waited:.0f} s"
        for child in children:
            assert child.poll() is None, f"a process ended with {child.poll()}"
        _moment.wait(0.02)
    return time.monotonic() - started


SENDER = [sys.executable, "manage.py", "send_due", "--loop"]
_CELERY = [sys.executable, "-m", "celery", "-A", "procurement.config"]
WORKER = [*_CELERY, "worker", "--pool", "prefork", "--concurrency", "2", "--prefetch-multiplier", "1"]
WORKER += ["--queues", "longlead,mail", "--loglevel", "WARNING", "--without-gossip", "--without-mingle"]
BEAT = [*_CELERY, "beat", "--scheduler", "celery.beat:Scheduler", "--pidfile="]


def supervised(name: str, home: Places) -> list[str]:
    """One component as `make demo` runs it: started again whenever it ends."""
    return [sys.executable, "-m", "tests.chaos.supervised", str(home.home), name]


def ask_workers(broker_url: str) -> bool:
    """What a writer does after its commit; False where the broker did not take it."""
    app = Celery("chaos", broker=broker_url)
    app.conf.broker_transport_options = {"socket_timeout": 1, "socket_connect_timeout": 1}
    try:
        app.send_task("procurement.tasks.alerts.look_now", queue="mail", retry=False, ignore_result=True, expires=60)
    except (BrokerError, OSError):
        return False
    else:
        return True
    finally:
        app.close()
