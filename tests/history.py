from datetime import datetime
from typing import Any

import time_machine
from django.db.models import Model, QuerySet


def history_of(row: Model) -> QuerySet[Any]:
    """The events of one row. The history library adds this relation where no type checker sees it."""
    events: QuerySet[Any] = getattr(row, "history")  # noqa: B009
    return events


def happened_at(row: Model, instant: datetime, label: str = "update", **then: Any) -> None:
    """An event of the row's history at an instant of the past, with some of its fields as they were then."""
    event = history_of(row).order_by("pgh_id")[0]
    event.pgh_id, event.pgh_label = None, label
    for name, value in then.items():
        setattr(event, name, value)
    with time_machine.travel(instant, tick=False):
        event.save(force_insert=True)
