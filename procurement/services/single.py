"""One at a time across all machines, for work that is harmless in twos but useless."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Whether this process is the one; it never waits. PostgreSQL frees the lock when the connection ends."""
    number = int.from_bytes(hashlib.sha256(f"single:{name}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        found = cursor.fetchone()
    mine = bool(found and found[0])
    try:
        yield mine
    finally:
        if mine and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
