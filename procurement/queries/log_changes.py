"""What became of a list of the log since the end of a past day: old rows, rows that came and rows that went."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import connection

from procurement.models import LogLine
from procurement.queries.log import (
    LogFilter,
    LogPage,
    LogRow,
    Shown,
    log_keys,
    log_page,
    log_rows,
    narrowed,
)
from procurement.queries.log import since as changed_since
from sites.accounts.models import User
from sites.models.site import Sight, sight_of

MOST: Final = 5000
MOST_SHOWN: Final = 200
_NO_LINE: Final = (UUID(int=0),)
# Of these lines those of which the log shows something else: an answer is kept anew also where only a step that the log
# does not show has moved, and a row that was there before may have been loaded later.
_SHOWN: Final = (
    "required_on_site", "forecast_on", "float_days", "slip_days", "promised_on", "delivered_on", "driver",
    "driver_code", "next_code", "next_on",
)  # fmt: skip
_CHANGED = """
WITH answered AS MATERIALIZED ({answered} ORDER BY answer.as_of DESC LIMIT %(most)s)
SELECT schedule_line_id FROM answered
UNION ALL (({written}) EXCEPT SELECT schedule_line_id FROM answered)
LIMIT %(most)s
"""
_MOVED = f"""
SELECT lot.schedule_line_id FROM procurement_lotforecast answer
JOIN procurement_deliverylot lot ON lot.id = answer.lot_id
LEFT JOIN LATERAL (
    SELECT earlier.* FROM procurement_lotforecast earlier
    WHERE earlier.lot_id = answer.lot_id AND earlier.as_of <= %(day)s
    ORDER BY earlier.as_of DESC, earlier.created_at DESC, earlier.id DESC LIMIT 1
) before ON TRUE
WHERE answer.current AND answer.as_of > %(day)s AND lot.schedule_line_id = ANY(%(keys)s)
    AND ({", ".join(f"answer.{name}" for name in _SHOWN)}) IS DISTINCT FROM
        ({", ".join(f"before.{name}" for name in _SHOWN)})
UNION
SELECT event.pgh_obj_id FROM procurement_schedulelineevent event
WHERE event.pgh_obj_id = ANY(%(keys)s) AND event.pgh_created_at >= %(day)s::date + 1 - interval '14 hours'
    AND (event.pgh_label <> 'insert' OR NOT EXISTS (
        SELECT FROM procurement_schedulelineevent earlier
        WHERE earlier.pgh_obj_id = event.pgh_obj_id AND earlier.pgh_created_at < event.pgh_created_at))
UNION
SELECT line.id FROM procurement_scheduleline line
JOIN procurement_orderlineevent event ON event.pgh_obj_id = line.line_id
WHERE line.id = ANY(%(keys)s) AND event.pgh_created_at >= %(day)s::date + 1 - interval '14 hours'
    AND event.pgh_label <> 'insert'
"""  # noqa: S608 only names of columns written above


@dataclass(frozen=True, slots=True)
class Went:
    """A row as the list had it, and as the line is now; `now` None: the reader may not see it any more."""

    was: LogRow
    now: LogRow | None


@dataclass(frozen=True, slots=True)
class Changes:
    """`before` holds the old rows of the page's lines that may have changed; a row of the page that is neither in it
    nor in `came` is as it was. `came` and `went` compare the whole list, not the page; both are None where more than
    `MOST` lines changed.
    """

    since: date
    before: Mapping[UUID, LogRow]
    came: frozenset[UUID] | None
    went: tuple[Went, ...] | None

    @property
    def more_went(self) -> int:
        return max(0, len(self.went or ()) - MOST_SHOWN)

    @property
    def went_shown(self) -> tuple[Went, ...]:
        return (self.went or ())[:MOST_SHOWN]


def changed_page(
    actor: User, wanted: LogFilter, since: date, *, only: bool, sight: Sight | None = None
) -> tuple[LogPage, Changes]:
    """The page of now, of the changed lines alone where `only`, with what it was at the end of `since` at each line's
    site. Six times the log's own statements at most, and two more. Of the whole list keys are compared; rows are read
    of the page, and of what went.
    """
    sight = sight or sight_of(actor)
    page, before, changed = _page_with_before(actor, wanted, since, sight, only=only)
    if len(changed) > MOST:
        return page, Changes(since, before, None, None)
    whole = replace(wanted, among=tuple(changed) or _NO_LINE, page=1, size=MOST)
    then = replace(whole, as_known_on=since)
    was, now = log_keys(then, sight), log_keys(whole, sight)
    gone = was - now
    became = _rows(actor, gone, None, sight)
    left = log_page(actor, replace(then, among=tuple(gone)), sight).rows if gone else ()
    return page, Changes(since, before, frozenset(now - was), tuple(Went(row, became.get(row.key)) for row in left))


def moved_page(actor: User, wanted: LogFilter, since: date, sight: Sight) -> tuple[LogPage, Mapping[UUID, LogRow]]:
    """The page of the changed lines with the rows it had then, without what came and went."""
    page, before, _keys = _page_with_before(actor, wanted, since, sight, only=True)
    return page, before


def _page_with_before(
    actor: User, wanted: LogFilter, since: date, sight: Sight, *, only: bool
) -> tuple[LogPage, dict[UUID, LogRow], list[UUID]]:
    changed = _changed(wanted, since, sight)
    if only:
        wanted = replace(wanted, among=_moved(changed[:MOST], since) or _NO_LINE)
    page = log_page(actor, wanted, sight)
    touched = set(changed) & {row.key for row in page.rows}
    return page, _rows(actor, touched, since, sight), changed


def _changed(wanted: LogFilter, since: date, sight: Sight) -> list[UUID]:
    """Of the lines that the list is about, the last answered first and at most one more than `MOST`, in which a line
    counts for each of its lots. One too many does no harm, one missing would.
    """
    values: dict[str, Any] = {"day": since, "most": MOST + 1}
    answered, written = changed_since(narrowed(LogLine.objects.within(sight), wanted), values)
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED.format(answered=answered, written=written), values)
        return [key for (key,) in cursor.fetchall()]


def _moved(keys: Sequence[UUID], since: date) -> tuple[UUID, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, {"day": since, "keys": list(keys)})
        return tuple(key for (key,) in cursor.fetchall())


def _rows(actor: User, keys: Iterable[UUID], day: date | None, sight: Sight) -> dict[UUID, LogRow]:
    named = tuple(keys)
    if not named:
        return {}
    wanted = LogFilter(shown=Shown.ALL, as_known_on=day, among=named, size=len(named))
    rows = log_rows(actor, wanted, sight) if day is None else log_page(actor, wanted, sight).rows
    return {row.key: row for row in rows}
