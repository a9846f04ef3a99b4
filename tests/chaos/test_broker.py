"""INF-3: the broker is started anew again and again, and the workers go on each time by themselves."""

import contextlib
from pathlib import Path

import pytest

from procurement.management.runtime import redis
from tests.chaos.machine import (
    FULL,
    WORKER,
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
from tests.smtp import serving

pytestmark = pytest.mark.django_db(transaction=True)
MOST_SECONDS = 60.0


def test_a_worker_goes_on_whenever_the_broker_comes_back(tmp_path: Path) -> None:
    restarts = 20 if FULL else 2
    broker = redis.embedded(tmp_path)
    assert broker.argv is not None
    sink, keys, waited = SlowSink(), set[str](), list[float]()

    def all_sent() -> bool:
        return ask_workers(broker.url) and not left(keys)

    def at_work() -> bool:
        return ask_workers(broker.url) and len(sink.accepted) > len(keys) - 20

    with serving(sink) as port, contextlib.ExitStack() as stack:
        env = environment(port, broker.url)
        child = stack.enter_context(running(broker.argv, env, tmp_path / "broker.log"))
        until(broker.answers)
        worker = stack.enter_context(running(WORKER, env, tmp_path / "worker.log"))
        for number in range(restarts):
            if number % 2:  # busy: it has work in hand while the broker goes
                keys |= due_messages(20)
                until(at_work, worker)
            kill(child)
            child = stack.enter_context(running(broker.argv, env, tmp_path / "broker.log"))
            until(broker.answers)
            keys |= due_messages(1)
            waited.append(until(all_sent, worker, seconds=MOST_SECONDS))

    found = counted(sink, keys)
    report("INF-3", restarts=restarts, messages=len(keys), lost=found.lost, extra=found.extra)
    report("INF-3", longest_seconds=round(max(waited), 1), allowed_seconds=MOST_SECONDS)
    assert (found.lost, found.extra) == (0, 0)
