"""What tells an operator whether Longlead does its work: ages, heartbeats, evaluations."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Min

from procurement.models import Alert, Evaluation, Heartbeat, Notification
from procurement.vocabulary import Channel, NotificationState, Severity
from sites.accounts.models import User
from sites.models import Site

LATE_AFTER: Final = timedelta(minutes=5)
_WAITING = [NotificationState.HELD, NotificationState.DUE, NotificationState.DEFERRED, NotificationState.DEAD]


@dataclass(frozen=True, slots=True)
class Health:
    """`oldest_due_seconds` is how long the oldest message has waited past its time; None where none waits.

    `evaluated` maps sites (and `power`) to the instant they were last looked at; None: never. A site goes by its code
    where the reader has a right at it, else by its key: who asks need not be logged in.
    """

    oldest_due_seconds: int | None
    dead: int
    evaluated: dict[str, datetime | None]
    heartbeats: dict[str, datetime]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a monitoring system draws. Ages in seconds; None where there is nothing to have an age."""

    open_alerts: dict[str, int]
    messages: dict[str, int]
    oldest_due_seconds: int | None
    oldest_evaluation_seconds: int | None
    heartbeat_seconds: dict[str, int]
    addresses_off: int


def figures(now: datetime) -> Figures:
    """Nine queries, whatever the number of rows."""
    found = health(now, None)
    seen = [at for at in found.evaluated.values() if at is not None]
    alerts = Alert.objects.needing_action().values("severity").annotate(number=Count("pk"))
    messages = Notification.objects.exclude(state=NotificationState.SENT).values("state").annotate(number=Count("pk"))
    return Figures(
        open_alerts=dict.fromkeys(Severity.values, 0) | {row["severity"]: row["number"] for row in alerts},
        messages=dict.fromkeys(_WAITING, 0)
        | {row["state"]: row["number"] for row in messages if row["state"] in _WAITING},
        oldest_due_seconds=found.oldest_due_seconds,
        oldest_evaluation_seconds=int((now - min(seen)).total_seconds()) if seen else None,
        heartbeat_seconds={name: int((now - at).total_seconds()) for name, at in found.heartbeats.items()},
        addresses_off=User.objects.filter(email_refused_at__isnull=False, is_active=True).count(),
    )


@dataclass(frozen=True, slots=True)
class MailDelay:
    """Mails that were ready to leave so long ago that their readers should know of it."""

    waiting: int
    since: datetime


def mail_delay(now: datetime) -> MailDelay | None:
    """None where mail leaves in time. One that the server puts off counts from when it was first tried."""
    late = Notification.objects.filter(
        state__in=[NotificationState.DUE, NotificationState.DEFERRED],
        channel=Channel.EMAIL,
        released_at__lt=now - LATE_AFTER,
    ).aggregate(waiting=Count("pk"), since=Min("released_at"))
    return MailDelay(late["waiting"], late["since"]) if late["waiting"] else None


def health(now: datetime, reader: User | None) -> Health:
    """Six queries, one more for somebody who is logged in."""
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
        dead=Notification.objects.filter(state=NotificationState.DEAD).count(),
        evaluated=evaluated,
        heartbeats=dict(Heartbeat.objects.values_list("component", "beat_at")),
    )
