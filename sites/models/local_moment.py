from datetime import date, datetime, time
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class LocalMomentField(models.DateTimeField):  # type: ignore[type-arg]
    """A local day and time of the site as a planning tool wrote it: a naive `datetime`, never an instant.

    Stored as `timestamp without time zone`. Compare with naive moments; do not use the `__date` lookups, which would
    turn it into an instant first.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "timestamp without time zone"

    def to_python(self, value: Any) -> Any:
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime.combine(value, time())
        return super().to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(models.Field.get_prep_value(self, value))
