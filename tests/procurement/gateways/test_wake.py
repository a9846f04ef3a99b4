"""Nobody waits for a wake-up, and a broker that is gone or frozen hurts no write."""

import socket
import threading
from collections.abc import Iterator

import pytest
from celery import Celery
from django.db import transaction

from procurement.gateways import wake


@pytest.fixture(autouse=True)
def unwired() -> Iterator[None]:
    yield
    wake.wire(None)


def ask() -> None:
    wake._wake.ask()


@pytest.mark.django_db(transaction=True)
def test_the_workers_are_asked_after_the_commit_and_not_after_a_rollback() -> None:
    asked: list[bool] = []
    wake.wire(lambda: asked.append(transaction.get_connection().in_atomic_block))

    with transaction.atomic():
        wake.after_commit()
        assert asked == []

    @transaction.atomic
    def fails() -> None:
        wake.after_commit()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()

    assert asked == [False]


def test_without_a_waker_nothing_is_asked() -> None:
    before = wake.failures()

    ask()

    assert wake.failures() == before


def test_a_broker_that_is_gone_is_counted_once_and_left_alone_for_a_while() -> None:
    def gone() -> None:
        raise ConnectionRefusedError

    before = wake.failures()
    wake.wire(gone)

    ask()
    ask()

    assert wake.failures() == before + 1


def test_a_waker_that_blocks_holds_up_nobody_and_is_asked_once_more_at_most() -> None:
    entered, let_go, calls = threading.Semaphore(0), threading.Semaphore(0), []

    def frozen() -> None:
        calls.append(threading.current_thread().name)
        entered.release()
        let_go.acquire(timeout=10)

    wake.wire(frozen, may_block=True)
    ask()
    assert entered.acquire(timeout=10)
    for _ in range(100):
        ask()
    let_go.release()
    assert entered.acquire(timeout=10)
    let_go.release()

    assert calls == ["wake", "wake"]


def test_a_frozen_broker_does_not_keep_a_request() -> None:
    """Redis under SIGSTOP: the kernel accepts the connection, nobody ever answers."""
    entered, left = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = Celery("frozen", broker=f"redis://127.0.0.1:{silent.getsockname()[1]}/0", set_as_current=False)
        app.conf.broker_transport_options = {"socket_timeout": 0.5, "socket_connect_timeout": 1}

        def publish() -> None:
            entered.set()
            try:
                app.send_task("look", retry=False, ignore_result=True)
            finally:
                left.set()

        before = wake.failures()
        wake.wire(publish, may_block=True)
        ask()
        assert entered.wait(10)
        still_publishing = not left.is_set()
        guest, _ = silent.accept()
        guest.close()
        assert left.wait(30)
        app.close()

    assert still_publishing
    assert wake.failures() >= before
