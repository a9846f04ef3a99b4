"""Several threads, each on its own database connection, let go at the same moment or while somebody holds a lock."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event
from typing import Any, TypeVar

from django.db import connection

T = TypeVar("T")


def at_once(number: int, work: Callable[[int], T]) -> list[T]:
    """What each of `number` runs of `work` answered; raises what the first of them raised."""
    start = Barrier(number)

    def run(place: int) -> T:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return work(place)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=number) as pool:
        return [future.result() for future in [pool.submit(run, place) for place in range(number)]]


@contextmanager
def beside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Starts work on a thread and connection of its own; at the end all of it is waited for."""
    with ThreadPoolExecutor(max_workers=4) as pool:

        def start(work: Callable[[], Any]) -> Future[Any]:
            def run() -> Any:
                try:
                    return work()
                finally:
                    connection.close()

            return pool.submit(run)

        yield start


def until_waiting(number: int = 1, *, unless: Callable[[], bool] = lambda: False) -> None:
    """Until so many others wait for a lock of this database, or `unless` is so. Fails after thirty seconds."""
    pause = Event()
    for _turn in range(1500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            found = cursor.fetchone()
        if unless() or (found and found[0] >= number):
            return
        pause.wait(0.02)
    raise AssertionError(f"{found} wait for a lock, {number} were to")
