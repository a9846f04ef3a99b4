from typing import Any

from django.db.models import Model, QuerySet


def history_of(row: Model) -> QuerySet[Any]:
    """The events of one row. The history library adds this relation where no type checker sees it."""
    events: QuerySet[Any] = getattr(row, "history")  # noqa: B009
    return events
