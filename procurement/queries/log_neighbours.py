"""The line before and the line after, in the list that somebody came from."""

from dataclasses import dataclass, replace
from uuid import UUID

from procurement.queries.log import LogFilter, key_page
from sites.accounts.models import User


@dataclass(frozen=True, slots=True)
class Neighbours:
    """`place` counts from one in the whole list of `lines`; None where the line is not on that page of it any more.
    `before` and `after` are a page's number and a line's key.
    """

    lines: int
    place: int | None
    before: tuple[int, UUID] | None
    after: tuple[int, UUID] | None


def neighbours(actor: User, wanted: LogFilter, key: UUID) -> Neighbours:
    """Three statements or four, and again where the line is the first or last of its page."""
    page = key_page(actor, wanted)
    keys, number = page.keys, page.page
    if key not in keys:
        return Neighbours(page.lines, None, None, None)
    at = keys.index(key)
    before: tuple[int, UUID] | None = None
    after: tuple[int, UUID] | None = None
    if at:
        before = (number, keys[at - 1])
    elif number > 1:
        before = (number - 1, key_page(actor, replace(wanted, page=number - 1)).keys[-1])
    if at + 1 < len(keys):
        after = (number, keys[at + 1])
    elif number < page.pages:
        after = (number + 1, key_page(actor, replace(wanted, page=number + 1)).keys[0])
    return Neighbours(page.lines, (number - 1) * wanted.size + at + 1, before, after)
