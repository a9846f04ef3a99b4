"""What PostgreSQL refuses, and in the name of which rule."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

_PROTECTING_TRIGGER = re.compile(r"function pgtrigger_(\w+)_[0-9a-f]{5}\(\)")


def broken_rule(refusal: DatabaseError) -> str | None:
    """The constraint that PostgreSQL names; a trigger of pgtrigger is known only by its function."""
    cause = refusal.__cause__
    if not isinstance(cause, psycopg.Error):
        return None
    if cause.diag.constraint_name:
        return cause.diag.constraint_name
    trigger = _PROTECTING_TRIGGER.search(cause.diag.context or "")
    return trigger.group(1) if trigger else None


@contextmanager
def kept() -> Iterator[None]:
    """What happens inside must break no rule, also none that is checked when a transaction ends."""
    with transaction.atomic():
        yield
        connection.check_constraints()


@contextmanager
def refused_by(rule: str) -> Iterator[None]:
    """What happens inside must break this rule, at once or when its transaction would end; nothing of it is kept."""
    with pytest.raises(DatabaseError) as refusal, kept():
        yield
    assert broken_rule(refusal.value) == rule
