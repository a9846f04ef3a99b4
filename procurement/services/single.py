"""One at a time across all machines: what would be useless in twos, and what would answer from what was."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.db import Error, connection

# What PostgreSQL calls a lock not had in time, a deadlock, and a transaction that others got in the way of.
_IN_THE_WAY: Final = frozenset({"55P03", "40P01", "40001"})


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


def hold_site(site_id: UUID) -> None:
    """Who calculates or looks at a site queues here, to the end of its transaction: the later one reads what the
    earlier one wrote, and never writes an older answer over it. To be had before rows of the site are locked.
    """
    wait_to_commit(f"evaluate:site:{site_id}")


def hold_sites(site_ids: Iterable[UUID]) -> None:
    """As `hold_site`, in the order of their keys."""
    for site_id in sorted(set(site_ids)):
        hold_site(site_id)


def others_were_in_the_way(trouble: Error) -> bool:
    """Whether the same may succeed a moment later."""
    return getattr(trouble.__cause__, "sqlstate", None) in _IN_THE_WAY


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def _asked(statement: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [number])
        found = cursor.fetchone()
    return bool(found and found[0])
