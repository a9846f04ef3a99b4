"""The rows of the log, written once for many lines where the triggers would write them at every statement."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Literal
from uuid import UUID

from django.db import connection

from sites.queries.columns import Keys, as_list


@contextmanager
def resting() -> Iterator[None]:
    """Inside a transaction: what is written meanwhile leaves the log as it was, until `refresh`."""
    _set("on")
    yield
    _set("off")


def refresh(schedule_lines: Keys) -> None:
    if len(schedule_lines):
        with connection.cursor() as cursor:
            cursor.execute("SELECT longlead_log_lines(%s::uuid[])", [as_list(schedule_lines)])


def add(schedule_lines: Collection[UUID]) -> None:
    """The rows of those that have none yet: written while the log rested, and calculated since or nowhere."""
    if schedule_lines:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT longlead_log_lines(array_agg(key)) FROM unnest(%s::uuid[]) key"
                " WHERE NOT EXISTS (SELECT FROM procurement_logline kept WHERE kept.schedule_line_id = key)"
                " HAVING count(*) > 0",
                [as_list(schedule_lines)],
            )


def refresh_site(site_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT longlead_log_lines(coalesce(array_agg(id), '{}')) FROM procurement_scheduleline WHERE site_id = %s",
            [site_id],
        )


def _set(value: Literal["on", "off"]) -> None:
    # No SELECT: the history's context goes with every other statement, and not with a COPY that may follow this one.
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL longlead.log_rests = {value}")
