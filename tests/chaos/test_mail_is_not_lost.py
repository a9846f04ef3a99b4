"""Senders are killed, the mail server is away, the broker forgets everything: each mail arrives all the same."""

import contextlib
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis as redis_client
import time_machine

from procurement.gateways.mail import smtp_courier
from procurement.management.runtime import redis
from procurement.models import Alert, Notification
from procurement.services import notifications
from procurement.vocabulary import Channel, NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.chaos.machine import (
    BEAT,
    FULL,
    SENDER,
    WORKER,
    Counted,
    SlowSink,
    ask_workers,
    counted,
    due_messages,
    environment,
    kill,
    left,
    report,
    running,
    until,
)
from tests.factories.sites import SiteFactory
from tests.procurement.portal.conftest import browser_of
from tests.procurement.stage import NOON, assigned, holder, late, look
from tests.smtp import Sink, free_port, serving

pytestmark = pytest.mark.django_db(transaction=True)
SEED = 1
SENDERS = 2
LATER = NOON + timedelta(minutes=10)


def test_killed_senders_lose_nothing(tmp_path: Path) -> None:
    """AL-1: the whole group is killed right after fresh deliveries, again and again."""
    messages, kills = (1_000, 50) if FULL else (60, 3)
    chance = random.Random(SEED)
    keys = due_messages(messages)
    sink = SlowSink()
    with serving(sink) as port:
        for _ in range(kills):
            fresh = len(sink.accepted) + chance.randint(2, messages // (kills + 2))
            with contextlib.ExitStack() as stack:
                group = [
                    stack.enter_context(running(SENDER, environment(port), tmp_path / f"{place}.log"))
                    for place in range(SENDERS)
                ]
                until(lambda fresh=fresh: len(sink.accepted) >= fresh or not left(keys), *group)  # type: ignore[misc]
                for child in group:
                    kill(child)
        with running(SENDER, environment(port), tmp_path / "last.log") as child:
            drained = until(lambda: not left(keys), child)

    found = counted(sink, keys)
    report(
        "AL-1",
        seed=SEED,
        messages=messages,
        kills=kills,
        senders=SENDERS,
        drained_seconds=round(drained, 1),
        goal_seconds=30,
    )
    report("AL-1", lost=found.lost, extra=found.extra, allowed=kills * SENDERS, differing=found.differing)
    assert (found.lost, found.differing) == (0, 0)
    assert found.extra <= kills * SENDERS


def test_one_refused_of_three_is_dead_and_shown_to_an_administrator(settings: object) -> None:
    """AL-3: over a real conversation, what is shown as sent is what the server took."""
    sites = [SiteFactory.create() for _ in range(100 if FULL else 5)]
    sink, people, administrators = Sink(), list[User](), set[User]()
    for site in sites:
        people += [assigned(site) for _ in range(3)]
        administrators.add(holder(site, Role.ADMINISTRATOR, email=""))
        sink.recipients[people[-2].email] = "550 5.1.1 no such user"
        late(site)
        look(site)
    notifications.release_due(now=LATER, fold=False)
    with serving(sink) as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port  # type: ignore[attr-defined]
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False  # type: ignore[attr-defined]
        courier = smtp_courier()
        notifications.send_due(courier=courier, now_fn=lambda: LATER)
        courier.close()

    mails = Notification.objects.filter(channel=Channel.EMAIL, recipient__in=people)
    took = {address for address, _content in sink.accepted}
    shown = set(mails.filter(state=NotificationState.SENT).values_list("address", flat=True))
    dead = mails.filter(state=NotificationState.DEAD)
    notices = Notification.objects.filter(channel=Channel.PORTAL, recipient__in=administrators)
    report(
        "AL-3",
        mails=mails.count(),
        accepted=len(took),
        shown_as_sent=len(shown),
        dead=dead.count(),
        codes=sorted(set(dead.values_list("last_code", flat=True))),
        administrators_told=notices.values("recipient").distinct().count(),
    )
    assert shown == took == {person.email for person in people} - set(sink.recipients)
    assert set(dead.values_list("address", "last_code")) == {(address, "550") for address in sink.recipients}
    assert {row.recipient for row in notices} == administrators


def test_a_mail_server_away_for_ten_minutes_delays_and_loses_nothing(settings: object) -> None:
    """AL-4: five hundred alerts open while the port is closed. Minutes are simulated, refusals are real."""
    number = 500 if FULL else 50
    port = free_port()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port  # type: ignore[attr-defined]
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False  # type: ignore[attr-defined]
    now = NOON
    keys: set[str] = set()

    def at() -> datetime:
        return now

    def go_on() -> None:
        courier = smtp_courier()
        notifications.send_due(courier=courier, now_fn=at)
        courier.close()

    for _minute in range(10):
        more = due_messages(number // 10)
        Notification.objects.filter(message_id__in=more).update(next_attempt_at=now, released_at=now)
        keys |= more
        go_on()
        now += timedelta(minutes=1)
    in_portal = Alert.objects.count()
    waiting = left(keys)
    with time_machine.travel(now, tick=False):
        page = browser_of(holder(SiteFactory.create(), Role.EXPEDITER)).get("/alerts/").content.decode()
    sink = Sink()
    with serving(sink, port):
        minutes = 0
        while left(keys) and minutes < 120:
            go_on()
            now += timedelta(minutes=1)
            minutes += 1

    delays = [
        (row.sent_at - row.released_at).total_seconds() / 60
        for row in Notification.objects.filter(message_id__in=keys)
        if row.sent_at and row.released_at
    ]
    report("AL-4", alerts=number, in_portal=in_portal, waited=waiting, **vars_of(counted(sink, keys)))
    report("AL-4", longest_delay_minutes=max(delays), after_the_port_opened_minutes=minutes)
    assert (in_portal, waiting) == (number, number)
    # What has waited five minutes is late: all that was released in the first half.
    assert f"Mail is late: {number // 2} messages have waited" in page
    assert counted(sink, keys) == Counted(lost=0, extra=0, differing=0, most_of_one=1)


def vars_of(found: Counted) -> dict[str, int]:
    return {"lost": found.lost, "extra": found.extra}


def test_a_broker_that_forgets_everything_takes_no_mail_with_it(tmp_path: Path) -> None:
    """AL-5: FLUSHALL while the workers are at it, and once more for whatever was asked of them."""
    keys = due_messages(500 if FULL else 50)
    broker = redis.embedded(tmp_path)
    sink = SlowSink()
    assert broker.argv is not None
    with serving(sink) as port, contextlib.ExitStack() as stack:
        env = environment(port, broker.url)
        stack.enter_context(running(broker.argv, env, tmp_path / "broker.log"))
        until(broker.answers)
        client = redis_client.Redis.from_url(broker.url)
        ask_workers(broker.url)
        client.flushall()
        worker = stack.enter_context(running(WORKER, env, tmp_path / "worker.log"))
        stack.enter_context(running(BEAT, env, tmp_path / "beat.log"))
        flushed = 0

        def done() -> bool:
            nonlocal flushed
            if len(sink.accepted) > flushed * 20:
                client.flushall()
                flushed += 1
            return not left(keys)

        # The wake-up that beat asks for at its start may be flushed too: then its next one, a minute later, does it.
        took = until(done, worker)
        client.close()

    found = counted(sink, keys)
    report("AL-5", messages=len(keys), flushed=flushed, lost=found.lost, extra=found.extra, seconds=round(took, 1))
    assert flushed > 0
    assert found == Counted(lost=0, extra=0, differing=0, most_of_one=1)
    assert set(Notification.objects.filter(message_id__in=keys).values_list("state", flat=True)) == {
        NotificationState.SENT
    }
