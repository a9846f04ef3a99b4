"""What was said and done about the dates of chains: promises, actuals and locks, whatever they are the dates of."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sites.accounts.models import User
from sites.models import Milestone, Promise

_OF_A_PROMISE = ("milestone", "recorded_by", "retraction", "superseded_by__retraction")


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """One thing said or done about one date. `promise` is None for an actual or a lock, `on` for a promise.

    `recorded_at` is None only for what came before there was a record of it.
    """

    kind: str
    milestone: Milestone
    recorded_at: datetime | None
    recorded_by: User | None
    document: str
    note: str
    on: date | None = None
    promise: Promise | None = None

    @property
    def state(self) -> str:
        if self.promise is None:
            return "live"
        if self.promise.is_retracted:
            return "retracted"
        return "superseded" if self.promise.is_superseded else "live"


def entries(chains: Collection[UUID], *, most: int) -> tuple[list[ChainEntry], bool]:
    """The newest first, and whether there are more. Two queries."""
    said = Promise.objects.filter(milestone__chain__in=chains).select_related(*_OF_A_PROMISE)
    found = [_of(row) for row in said.order_by("-recorded_at", "-place", "-id")[: most + 1]]
    done = Milestone.objects.filter(chain__in=chains).select_related("actual_recorded_by", "locked_by")
    for row in done.order_by("chain_id", "sequence"):
        found += _set_dates(row)
    found.sort(key=lambda entry: (entry.recorded_at is not None, entry.recorded_at), reverse=True)
    return found[:most], len(found) > most


def written(promise_ids: Sequence[UUID], *related: str) -> list[ChainEntry]:
    """These promises, in the order in which they were written, with what is `related` to them. One query."""
    rows = Promise.objects.select_related(*_OF_A_PROMISE, *related).in_bulk(promise_ids)
    return [_of(rows[key]) for key in promise_ids]


def _of(row: Promise) -> ChainEntry:
    return ChainEntry("promise", row.milestone, row.recorded_at, row.recorded_by, row.document, row.note, promise=row)


def _set_dates(row: Milestone) -> Iterator[ChainEntry]:
    if row.actual_on is not None:
        by = row.actual_recorded_by
        yield ChainEntry("actual", row, row.actual_recorded_at, by, row.actual_document, "", on=row.actual_on)
    if row.locked_on is not None:
        yield ChainEntry("lock", row, row.locked_at, row.locked_by, "", row.lock_reason, on=row.locked_on)
