"""One measurement and what it is held against."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection


@dataclass(frozen=True, slots=True)
class Case:
    """`ratio` is measured / limit, or measured / rival: below one is within the limit, or faster than the rival."""

    name: str
    measured: float
    unit: str
    against: str
    ratio: float


def seconds(work: Callable[[], object], *, rounds: int = 5) -> float:
    """The median of some rounds after one that warms up."""
    work()
    taken = []
    for _ in range(rounds):
        gc.collect()
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def processor_seconds(work: Callable[[], object], *, rounds: int = 15) -> float:
    """As `seconds`, of what Python and this connection's PostgreSQL process computed, however busy the machine is.

    PostgreSQL runs on this machine, and `/proc` tells what each process has used; where it does not, the clock counts.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        told = Path(f"/proc/{cursor.fetchall()[0][0]}/schedstat")
    if not told.exists():
        return seconds(work, rounds=rounds)

    def used() -> float:
        return time.process_time() + int(told.read_text().split()[0]) / 1e9

    work()
    taken = []
    for _ in range(rounds):
        gc.collect()
        started = used()
        work()
        taken.append(used() - started)
    return statistics.median(taken)


def within(name: str, measured: float, limit: float, unit: str = "s") -> Case:
    return Case(name, measured, unit, f"a limit of {limit:g} {unit}", measured / limit)


def beside(name: str, measured: float, rival: float, what: str, unit: str = "s") -> Case:
    return Case(name, measured, unit, what, measured / rival)
