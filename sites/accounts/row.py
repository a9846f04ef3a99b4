"""What every table of ours has: an unguessable, time-ordered key and the instant it was written."""

from uuid import UUID

import uuid_utils.compat
from django.db import models
from django.db.models.functions import Now


class Uuid7(models.Func):
    """PostgreSQL 18's own generator, so that rows written by plain SQL get a key too."""

    function = "uuidv7"
    template = "%(function)s()"
    output_field = models.UUIDField()


def new_id() -> UUID:
    return uuid_utils.compat.uuid7()


class Row(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, db_default=Uuid7(), editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


EARLIEST_YEAR, LATEST_YEAR = 2000, 2100


def plausible_date(field: str) -> models.Q:
    """For a CHECK: PostgreSQL takes 'infinity' and the year 20270, and psycopg then fails to read the row."""
    return models.Q(**{f"{field}__isnull": True}) | models.Q(
        **{f"{field}__gte": f"{EARLIEST_YEAR}-01-01", f"{field}__lte": f"{LATEST_YEAR}-12-31"}
    )


def plausible_number(field: str, *, least: str = "0", most: str = "1000000000000") -> models.Q:
    """For a CHECK: numeric takes NaN, which compares greater than everything, so the upper bound refuses it."""
    return models.Q(**{f"{field}__isnull": True}) | models.Q(**{f"{field}__gte": least, f"{field}__lte": most})
