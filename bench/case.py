"""One measurement and what it is held against."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


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


def within(name: str, measured: float, limit: float, unit: str = "s") -> Case:
    return Case(name, measured, unit, f"a limit of {limit:g} {unit}", measured / limit)


def beside(name: str, measured: float, rival: float, what: str, unit: str = "s") -> Case:
    return Case(name, measured, unit, what, measured / rival)
