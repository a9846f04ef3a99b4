"""The one script that says whether the stored state is consistent."""

from dataclasses import dataclass
from pathlib import Path

from django.db import connection

_SCRIPT = Path(__file__).with_name("invariants.sql")


@dataclass(frozen=True, slots=True)
class Broken:
    rule: str
    subject: str
    detail: str


def broken() -> list[Broken]:
    """Every row that contradicts a rule; empty when all is well."""
    with connection.cursor() as cursor:
        cursor.execute(_SCRIPT.read_text())
        return [Broken(*row) for row in cursor.fetchall()]
