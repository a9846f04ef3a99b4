"""INF-1 and INF-3: the broker goes and comes back; nobody notices, and the workers go on by themselves."""

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings
from django.db import transaction
from django.test import Client

from procurement.gateways import wake
from procurement.management.runtime import redis
from procurement.management.runtime.places import Places
from sites.accounts.permissions import Role
from tests.chaos.machine import (
    FULL,
    SENDER,
    SlowSink,
    ask_workers,
    counted,
    due_messages,
    environment,
    kill,
    left,
    pause,
    report,
    running,
    supervised,
    until,
)
from tests.factories.accounts import UserFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.api.calls import calling
from tests.smtp import serving

pytestmark = pytest.mark.django_db(transaction=True)
MOST_SECONDS = 60.0
OUTAGE_SECONDS = 60.0 if FULL else 1.0
REQUESTS_A_SECOND = 20
MOST_LATE_SECONDS = 120.0
PASSWORD = "lead times are long"


@pytest.fixture
def publishing(tmp_path: Path) -> Iterator[redis.Broker]:
    """A broker that our own writes publish to, as those of a web process do."""
    broker = redis.embedded(tmp_path)
    app = Celery("chaos", broker=broker.url)
    app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS

    def publish() -> None:
        app.send_task("procurement.tasks.alerts.look_now", queue="mail", retry=False, ignore_result=True, expires=60)

    wake.wire(publish, may_block=True)
    try:
        yield broker
    finally:
        wake.wire(None)
        app.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["stopped", "frozen"])
def test_nobody_notices_that_the_broker_is_gone(publishing: redis.Broker, tmp_path: Path, how: signal.Signals) -> None:
    """INF-1. The share of answers within a second is printed, and asserted at full size alone."""
    broker, sink = publishing, SlowSink()
    assert broker.argv is not None
    person = UserFactory.create(password=PASSWORD)
    MembershipFactory.create(person=person, role=Role.EXPEDITER)
    reader, caller = Client(), calling()
    reader.force_login(person)
    keys = set[str]()

    def log_in() -> int:
        given = {"login": person.username, "password": PASSWORD}
        return Client().post("/account/login/", given).status_code

    def write() -> int:
        with transaction.atomic():
            keys.update(due_messages(1))
            wake.after_commit()
        return 200

    often = [
        ("portal", 200, lambda: reader.get("/alerts/").status_code),
        ("portal", 200, lambda: reader.get("/log/").status_code),
        ("api", 200, lambda: caller.get("/me").status_code),
        ("write", 200, write),
    ]
    # Once in 49, because more than thirty log-ins a minute from one address are refused as guessing.
    asks = cycle([("log_in", 302, log_in), *often * 12])
    answers, wrong, took = Counter[str](), Counter[str](), list[float]()
    with serving(sink) as port, contextlib.ExitStack() as stack:
        env = environment(port, broker.url)
        child = stack.enter_context(running(broker.argv, env, tmp_path / "broker.log"))
        until(broker.answers)
        sender = stack.enter_context(running(SENDER, env, tmp_path / "sender.log"))
        os.kill(child.pid, how)
        ends_at = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < ends_at or not answers["write"]:
            what, expected, ask = next(asks)
            began = time.monotonic()
            status = ask()
            took.append(time.monotonic() - began)
            answers[what] += 1
            wrong[f"{what} {status}"] += status != expected
            pause(1 / REQUESTS_A_SECOND - took[-1])
        late = until(lambda: not left(keys), sender, seconds=MOST_LATE_SECONDS)
        kill(child)

    found, took = counted(sink, keys), sorted(took)
    p95 = took[int(len(took) * 0.95)]
    report("INF-1", broker=how.name, **answers, wrong=wrong.total(), p95_seconds=round(p95, 2))
    report("INF-1", messages=len(keys), lost=found.lost, extra=found.extra, late_seconds=round(late, 1))
    assert wrong.total() == 0, wrong
    assert (found.lost, found.extra) == (0, 0)
    assert p95 < 1 or not FULL


def test_a_worker_goes_on_whenever_the_broker_comes_back(tmp_path: Path) -> None:
    """INF-3, the last time with the worker killed as well: as where it ends by itself while it reconnects."""
    restarts = 20 if FULL else 2
    broker, home = redis.embedded(tmp_path), Places(tmp_path / "home")
    assert broker.argv is not None
    sink, keys, waited = SlowSink(), set[str](), list[float]()

    def all_sent() -> bool:
        return ask_workers(broker.url) and not left(keys)

    def at_work() -> bool:
        return ask_workers(broker.url) and len(sink.accepted) > len(keys) - 20

    with serving(sink) as port, contextlib.ExitStack() as stack:
        env = environment(port, broker.url, LONGLEAD_LOG_LEVEL="INFO")
        child = stack.enter_context(running(broker.argv, env, tmp_path / "broker.log"))
        until(broker.answers)
        supervisor = stack.enter_context(running(supervised("worker", home), env, tmp_path / "supervisor.log"))
        until(home.pid("worker").exists, supervisor)
        for number in range(restarts):
            if number % 2:  # busy: it has work in hand while the broker goes
                keys |= due_messages(20)
                until(at_work, supervisor)
            kill(child)
            if number == restarts - 1:
                os.kill(int(home.pid("worker").read_text()), signal.SIGKILL)
            child = stack.enter_context(running(broker.argv, env, tmp_path / "broker.log"))
            until(broker.answers)
            keys |= due_messages(1)
            waited.append(until(all_sent, supervisor, seconds=MOST_SECONDS))

    found = counted(sink, keys)
    ended = (tmp_path / "supervisor.log").read_text().count(" died ")
    report("INF-3", restarts=restarts, messages=len(keys), lost=found.lost, extra=found.extra, worker_ended=ended)
    report("INF-3", longest_seconds=round(max(waited), 1), allowed_seconds=MOST_SECONDS)
    assert found.lost == 0
    assert found.extra <= 2 * ended  # what each of its processes had in hand when it ended
    assert ended >= 1
