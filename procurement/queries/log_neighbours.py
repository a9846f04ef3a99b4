"""The line before and the line after, in the list that somebody came from."""

from dataclasses import dataclass, replace
from uuid import UUID

from procurement.queries.log import LogFilter, LogPage, log_page
from sites.accounts.models import User


@dataclass(frozen=True, slots=True)
class Neighbours:
    """`place` counts from one in the whole list; None where the line is not on that page of it any more. `before` and
    `after` are a page's number and a line's key.
    """

    page: LogPage
    place: int | None
    before: tuple[int, UUID] | None
    after: tuple[int, UUID] | None


def neighbours(actor: User, wanted: LogFilter, key: UUID) -> Neighbours:
    """Once the log's own statements; again where the line is the first or last of its page."""
    page = log_page(actor, wanted)
    keys = [row.key for row in page.rows]
    if key not in keys:
        return Neighbours(page, None, None, None)
    at, number = keys.index(key), page.filter.page
    before: tuple[int, UUID] | None = None
    after: tuple[int, UUID] | None = None
    if at:
        before = (number, keys[at - 1])
    elif number > 1:
        before = (number - 1, log_page(actor, replace(wanted, page=number - 1)).rows[-1].key)
    if at + 1 < len(keys):
        after = (number, keys[at + 1])
    elif number < page.pages:
        after = (number + 1, log_page(actor, replace(wanted, page=number + 1)).rows[0].key)
    return Neighbours(page, (number - 1) * page.filter.size + at + 1, before, after)
