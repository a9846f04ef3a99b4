"""How far something long has come, for whoever looks from another connection.

It is told as the name of the connection that does it: PostgreSQL shows that at once, transaction or not, writes nothing
for it, and forgets it when the transaction or its process ends.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

from django.db import connection

from procurement.vocabulary import ProgressStep

Row = TypeVar("Row")
_SUBJECT: Final[ContextVar[str]] = ContextVar("progress", default="")


@contextmanager
def of(subject: str) -> Iterator[None]:
    """What is done inside is told of this subject, at most 40 characters; outside of it nothing is told."""
    token = _SUBJECT.set(subject)
    try:
        yield
    finally:
        _SUBJECT.reset(token)


def tell(step: ProgressStep, done: int, total: int) -> None:
    """Inside a transaction, with the end of which it is forgotten."""
    if subject := _SUBJECT.get():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('application_name', %s, true)", [f"{subject} {step.value} {done} {total}"]
            )


def told(step: ProgressStep, rows: Sequence[Row], *, every: int = 1) -> Iterator[Row]:
    """The same rows; how many are done is told before each, or before one in so many."""
    for place, row in enumerate(rows):
        if place % every == 0:
            tell(step, place, len(rows))
        yield row
