from datetime import datetime

from procurement.models import Heartbeat


def beat(component: str, *, now: datetime, detail: str = "") -> None:
    """Leave a trace that this component did a whole round; health pages compare it with the clock."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(component=component, beat_at=now, detail=detail[:200])],
        update_conflicts=True,
        unique_fields=["component"],
        update_fields=["beat_at", "detail"],
    )
