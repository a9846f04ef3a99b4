"""What tells an operator whether Longlead does its work: ages, heartbeats, evaluations."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from procurement.models import Evaluation, Heartbeat, Notification
from procurement.vocabulary import NotificationState
from sites.accounts.models import User
from sites.models import Site


@dataclass(frozen=True, slots=True)
class Health:
    """`oldest_due_seconds` is how long the oldest message has waited past its time; None where none waits.

    `evaluated` maps sites (and `power`) to the instant they were last looked at; None: never. A site goes by its code
    where the reader has a right at it, else by its key: who asks need not be logged in.
    """

    oldest_due_seconds: int | None
    evaluated: dict[str, datetime | None]
    heartbeats: dict[str, datetime]


def health(now: datetime, reader: User | None) -> Health:
    """Four queries, one more for somebody who is logged in."""
    due = (
        Notification.objects.filter(
            state__in=[NotificationState.DUE, NotificationState.DEFERRED], next_attempt_at__lte=now
        )
        .order_by("next_attempt_at")
        .values_list("next_attempt_at", flat=True)
        .first()
    )
    held = (
        Notification.objects.filter(state=NotificationState.HELD, release_at__lte=now)
        .order_by("release_at")
        .values_list("release_at", flat=True)
        .first()
    )
    oldest = min((at for at in (due, held) if at is not None), default=None)
    seen: dict[UUID | None, datetime] = dict(Evaluation.objects.values_list("site", "evaluated_at"))
    codes = dict(Site.objects.visible_to(reader).values_list("pk", "code")) if reader else {}
    keys = Site.objects.order_by("code").values_list("pk", flat=True)
    evaluated: dict[str, datetime | None] = {codes.get(key, str(key)): seen.get(key) for key in keys}
    evaluated["power"] = seen.get(None)
    return Health(
        oldest_due_seconds=int((now - oldest).total_seconds()) if oldest else None,
        evaluated=evaluated,
        heartbeats=dict(Heartbeat.objects.values_list("component", "beat_at")),
    )
