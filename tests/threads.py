"""Several threads, each on its own database connection, let go at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

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
