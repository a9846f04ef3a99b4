"""One at a time across all machines, for work that is harmless in twos but useless."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Whether this process is the one; it never waits. PostgreSQL frees the lock when the connection ends."""
    number = _number(f"single:{name}")
    mine = _asked("SELECT pg_try_advisory_lock(%s)", number)
    try:
        yield mine
    finally:
        if mine and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def mine_to_commit(name: str) -> bool:
    """Whether this transaction is the one, to its end; it never waits."""
    return _asked("SELECT pg_try_advisory_xact_lock(%s)", _number(name))


def wait_to_commit(name: str) -> None:
    """As `mine_to_commit`, for one that waits until it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_number(name)])


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def _asked(statement: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [number])
        found = cursor.fetchone()
    return bool(found and found[0])
