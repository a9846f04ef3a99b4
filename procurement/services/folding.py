"""Keeps people from being flooded: nobody gets more than so many mails an hour, and nothing is dropped for it."""

from datetime import datetime, timedelta
from typing import Final

from procurement.models import Notification
from procurement.services import holding
from procurement.services.mail_calendar import Calendars
from procurement.services.single import mine_to_commit
from procurement.vocabulary import Channel, MessageKind, NotificationState

MAILS_AN_HOUR: Final = 12
FOLDED: Final = "folded"
_HOUR: Final = timedelta(hours=1)
_A_MOMENT: Final = timedelta(seconds=1)
_LEFT: Final = (
    NotificationState.DUE,
    NotificationState.SENT,
    NotificationState.DEFERRED,
    NotificationState.DEAD,
)


def put_off(row: Notification, *, now: datetime) -> bool:
    """Whether a message whose time has come must wait, and until when: its reader is at rest, or had enough this hour.

    What comes too much is folded into one message that leaves when the hour allows it. Called with the row locked.
    """
    if row.kind != MessageKind.ALERTS or row.channel != Channel.EMAIL:
        return False
    hours = Calendars([row.recipient_id]).of(row.recipient, row.site_id)
    leaves_at = hours.leaves_at(now, urgent=True)
    if leaves_at > now:
        _wait(row, leaves_at)
        return True
    if not _mine(row):
        _wait(row, now + _A_MOMENT)
        return True
    lately = list(
        Notification.objects.filter(
            recipient=row.recipient_id,
            channel=Channel.EMAIL,
            kind=MessageKind.ALERTS,
            state__in=_LEFT,
            released_at__gt=now - _HOUR,
        )
        .order_by("-released_at")
        .values_list("released_at", flat=True)[:MAILS_AN_HOUR]
    )
    if len(lately) < MAILS_AN_HOUR:
        return False
    oldest = lately[-1] or now
    _fold(row, hours.leaves_at(oldest + _HOUR, urgent=True))
    return True


def _wait(row: Notification, release_at: datetime) -> None:
    row.release_at = release_at
    row.save(update_fields=["release_at"])


def _fold(row: Notification, release_at: datetime) -> None:
    if row.cause_key == FOLDED:
        _wait(row, release_at)
        return
    folded = holding.held_for(row.recipient, FOLDED, row.reason, release_at)
    row.items.update(notification=folded)
    row.state = NotificationState.CANCELLED
    row.last_answer = "folded into another message"
    row.save(update_fields=["state", "last_answer"])


def _mine(row: Notification) -> bool:
    """Whether nobody else releases a message of this person just now: the two would not see each other's."""
    return mine_to_commit(f"release:{row.recipient_id}")
