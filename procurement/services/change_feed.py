"""Positions in the change feed as clients hold them, how long the feed remembers, and what a restore does to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core import signing
from django.db import connection, transaction
from django.utils.translation import gettext as _

from procurement.models import FeedState
from procurement.queries.change_feed import Position
from procurement.services.single import wait_to_commit
from sites.accounts.row import new_id
from sites.domain.errors import BadInput, RuleBroken

KEPT_FOR: Final = timedelta(days=90)
_SALT: Final = "procurement.change_feed"
_MOST_AT_ONCE: Final = 5000
_LONGEST: Final = 400
_BEGINNING: Final = "change feed"


class CursorExpired(RuleBroken):
    """What follows it cannot be told without a gap; the client reads everything anew."""

    code = "cursor_expired"


@dataclass(frozen=True, slots=True)
class Life:
    """Of one database on one server, from one restore to the next."""

    epoch: str
    cluster: str
    purged: Position


def life() -> Life:
    """The present one. Where the database has come to another server by any way, a new one begins first."""
    state = _present()
    if state is None:
        with transaction.atomic():
            wait_to_commit(_BEGINNING)
            # Whoever waited finds the life that another has begun: a second would refuse the cursors of the first.
            state = _present() or begin_anew()
    return Life(str(state.epoch), state.cluster, Position(state.purged_xid, state.purged_id))


def _present() -> FeedState | None:
    return FeedState.objects.filter(cluster=_cluster()).first()


@transaction.atomic
def begin_anew() -> FeedState:
    """After a restore: cursors of before are refused, and what was copied can be read again.

    The numbers of the former server's transactions mean nothing on this one, so the rows take that of this one.
    """
    wait_to_commit(_BEGINNING)
    state = FeedState.objects.first() or FeedState()
    with connection.cursor() as cursor:
        # From the first that an endpoint was not given; what it was given among those is not put twice.
        cursor.execute(
            """UPDATE procurement_webhookendpoint e SET position_xid = pg_current_xact_id(), position_id = coalesce(
                (SELECT min(c.id) - 1 FROM procurement_change c WHERE (c.xid, c.id) > (e.position_xid, e.position_id)),
                (SELECT max(c.id) FROM procurement_change c), 0)"""
        )
        cursor.execute("UPDATE procurement_change SET xid = pg_current_xact_id()")
    state.epoch, state.cluster, state.purged_xid, state.purged_id = new_id(), _cluster(), 0, 0
    state.save()
    return state


def cursor_of(position: Position, at: Life) -> str:
    return signing.dumps([at.cluster, at.epoch, position.xid, position.id], salt=_SALT)


def read_cursor(said: str, at: Life) -> Position:
    """Raises BadInput naming `cursor` for what we never gave out, CursorExpired for what cannot be continued."""
    try:
        found: Any = signing.loads(said, salt=_SALT) if len(said) <= _LONGEST else None
    except signing.BadSignature:
        found = None
    if found is None:
        raise BadInput(_("The cursor is none of ours."), field="cursor")
    cluster, epoch, xid, key = found
    position = Position(xid, key)
    if (cluster, epoch) != (at.cluster, at.epoch) or position < at.purged:
        raise CursorExpired(_("The feed cannot be continued from there; read everything anew."), field="cursor")
    return position


def is_whole(since: Position, at: Life) -> bool:
    """Whether nothing that follows the position has been forgotten by now, or renumbered by a restore."""
    state = FeedState.objects.filter(epoch=at.epoch).first()
    return state is not None and since >= Position(state.purged_xid, state.purged_id)


@transaction.atomic
def purge(now: datetime) -> int:
    """Forget changes older than 90 days, a portion at a time; how many went.

    The newest of each thing stays, so that its sequence goes on.
    """
    state = FeedState.objects.select_for_update().first()
    if state is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM procurement_change WHERE id IN (
                SELECT c.id FROM procurement_change c
                WHERE c.at <= %s AND c.xid < pg_snapshot_xmin(pg_current_snapshot()) AND EXISTS (
                    SELECT 1 FROM procurement_change n WHERE n.subject_id = c.subject_id AND n.sequence > c.sequence)
                ORDER BY c.at LIMIT %s)
            RETURNING xid::text::bigint, id""",
            [now - KEPT_FOR, _MOST_AT_ONCE],
        )
        gone = [Position(*row) for row in cursor.fetchall()]
    newest = max([Position(state.purged_xid, state.purged_id), *gone])
    if gone:
        state.purged_xid, state.purged_id = newest.xid, newest.id
        state.save(update_fields=["purged_xid", "purged_id"])
    return len(gone)


def _cluster() -> str:
    """The server, its line of descent and the database on it: each is another where a copy was brought in."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT system_identifier FROM pg_control_system()) || '/'"
            " || (SELECT timeline_id FROM pg_control_checkpoint()) || '/'"
            " || (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        (found,) = cursor.fetchone() or ("",)
    return str(found)
