"""What is due next, and the note that it was accepted: the part of sending that every message goes through.

It is plain SQL, because a thousand due messages should take little longer than the conversation with the mail server.
"""

import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from procurement.gateways.mail import Delivery
from procurement.models import Notification, NotificationItem
from procurement.vocabulary import Channel, MessageKind, NotificationState
from sites.accounts.permissions import Permission
from sites.queries.access import Reach, reaches

READ_TOGETHER: Final = 50
READ_AGAIN_SECONDS: Final = 1.0
TO_SEND: Final = (NotificationState.DUE, NotificationState.DEFERRED)
_TABLE: Final = Notification._meta.db_table
# Prepared once a connection: to plan these two takes PostgreSQL as long as to do them.
_PREPARE: Final = f"""
PREPARE longlead_lock (uuid, timestamptz) AS
    SELECT message_id, address, wire FROM {_TABLE}
    WHERE id = $1 AND state IN ({", ".join(f"'{state.value}'" for state in TO_SEND)})
          AND next_attempt_at <= $2
    FOR UPDATE SKIP LOCKED;
PREPARE longlead_accepted (uuid, text, text, timestamptz) AS
    UPDATE {_TABLE} SET state = '{NotificationState.SENT.value}', attempts = attempts + 1, last_code = $2,
           last_answer = $3, sent_at = $4, next_attempt_at = NULL, wire = ''
    WHERE id = $1
"""  # noqa: S608
_PREPARED: Final = "SELECT 1 FROM pg_prepared_statements WHERE name = 'longlead_accepted'"
_LOCK: Final = "EXECUTE longlead_lock (%s, %s)"
_ACCEPTED: Final = "EXECUTE longlead_accepted (%s, %s, %s, %s)"
# The row that was sent is committed, and its lock given back, before the next one is locked: one journey to the server.
_COMMIT: Final = "COMMIT AND CHAIN"


@dataclass(slots=True)
class Waiting:
    """A due message; `message_id`, `address` and `wire` are those of the moment at which it was locked."""

    key: UUID
    kind: str
    channel: str
    reader_id: UUID
    reader_gets_mail: bool
    message_id: str = ""
    address: str = ""
    wire: bytes = b""


class Due:
    """What is due next, read some dozen messages at a time with the rights of their readers. A message is locked, and
    looked at again, only when its turn comes; what was read then is at most a second old.

    With `commits` what was accepted is committed at once, though the caller's transaction goes on; without, the caller
    has a transaction of its own around it.
    """

    def __init__(self, channels: Sequence[Channel], *, commits: bool) -> None:
        self._channels = channels
        self._commits = commits
        self._waiting: deque[Waiting] = deque()
        self._locked: Waiting | None = None
        self._sites: dict[UUID, list[tuple[UUID | None, UUID | None]]] = {}
        self._reaches: Mapping[UUID, Reach] = {}
        self._read_at, self._read_all = 0.0, False
        self._is_prepared = False

    def forget(self) -> None:
        """The transaction that locked what comes next has ended, or what was read may no longer hold."""
        self._waiting.clear()
        self._locked = None

    def take(self, now: datetime) -> Waiting | None:
        """The next message, locked until the transaction ends; None where nothing is due or others send all that is."""
        if self._locked is not None:
            locked, self._locked = self._locked, None
            return locked
        if self._is_old():
            self.forget()
        while self._waiting or self._read(now):
            found = self._next_locked(now)
            if found is not None:
                return found
            if self._read_all:
                return None
        return None

    def accepted(self, message: Waiting, delivery: Delivery, *, answer: str, now: datetime) -> None:
        """Note it, commit, and lock what comes next."""
        steps = [_ACCEPTED]
        values: list[Any] = [message.key, delivery.code[:20], answer, now]
        if self._commits:
            steps.append(_COMMIT)
        following = self._waiting.popleft() if self._waiting and not self._is_old() else None
        if following is not None:
            steps.append(_LOCK)
            values += [following.key, now]
        with connection.cursor() as cursor:
            cursor.execute(";".join(steps), values)
            for _ in steps[1:]:
                cursor.nextset()
            found = cursor.fetchone() if following is not None else None
        if following is not None and found is not None:
            self._locked = _with_content(following, found)

    def may_be_told(self, message: Waiting) -> bool:
        """False where it takes a closer look."""
        if message.kind not in (MessageKind.ALERTS, MessageKind.DIGEST):
            return False
        if message.channel == Channel.EMAIL and not message.reader_gets_mail:
            return False
        return all(self._reaches[message.reader_id].includes(*place) for place in self._sites.get(message.key, ()))

    def _prepare(self) -> None:
        if self._is_prepared:
            return
        with connection.cursor() as cursor:
            cursor.execute(_PREPARED)
            if cursor.fetchone() is None:
                cursor.execute(_PREPARE)
        self._is_prepared = True

    def _is_old(self) -> bool:
        return time.monotonic() - self._read_at > READ_AGAIN_SECONDS

    def _next_locked(self, now: datetime) -> Waiting | None:
        while self._waiting:
            message = self._waiting.popleft()
            with connection.cursor() as cursor:
                cursor.execute(_LOCK, [message.key, now])
                found = cursor.fetchone()
            if found is not None:
                return _with_content(message, found)
        return None

    def _read(self, now: datetime) -> bool:
        self._read_at = time.monotonic()
        self._prepare()
        rows = (
            Notification.objects.filter(state__in=TO_SEND, channel__in=self._channels, next_attempt_at__lte=now)
            .order_by("next_attempt_at", "pk")
            .values_list("pk", "kind", "channel", "recipient", "recipient__email", "recipient__email_refused_at")
        )
        self._waiting = deque(
            Waiting(key, kind, channel, reader, bool(email) and refused_at is None)
            for key, kind, channel, reader, email, refused_at in rows[:READ_TOGETHER]
        )
        self._read_all = len(self._waiting) < READ_TOGETHER
        self._sites = defaultdict(list)
        items = NotificationItem.objects.filter(notification__in=[each.key for each in self._waiting])
        for key, site_id, desk_id in (
            items.filter(dropped_because="")
            .values_list("notification", "event__alert__site", "event__alert__site__desk")
            .distinct()
        ):
            self._sites[key].append((site_id, desk_id))
        self._reaches = reaches({each.reader_id for each in self._waiting}, Permission.SITE_VIEW)
        return bool(self._waiting)


def _with_content(message: Waiting, found: tuple[Any, ...]) -> Waiting:
    message.message_id, message.address, message.wire = found[0], found[1], bytes(found[2])
    return message
