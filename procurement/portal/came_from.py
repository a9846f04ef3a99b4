"""The list somebody came from, as the address of a line carries it in `in`, and the way on from there."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from procurement.portal.actor import acting_user
from procurement.queries.log_address import read_filter, spelled_out
from procurement.queries.log_neighbours import neighbours


@dataclass(frozen=True, slots=True)
class Near:
    """`place` None: the line is not on that page of the list any more. `peeks`: links open the preview."""

    place: int | None
    lines: int
    before_url: str
    after_url: str
    list_url: str
    peeks: bool


def near(request: HttpRequest, key: UUID, *, page_name: str) -> Near | None:
    """None where the reader came from no list."""
    said = request.GET.get("in", "")
    if not said or len(said) > 4000:
        return None
    actor = acting_user(request)
    address = QueryDict(said)
    found = neighbours(actor, read_filter(spelled_out(address, actor)[0]), key)
    to = _to(page_name, address)
    return Near(
        place=found.place,
        lines=found.lines,
        before_url=to(*found.before) if found.before else "",
        after_url=to(*found.after) if found.after else "",
        list_url=f"{reverse('log')}?{address.urlencode()}",
        peeks=page_name == "line_preview",
    )


def _to(page_name: str, address: QueryDict) -> Callable[[int, UUID], str]:
    def to(number: int, key: UUID) -> str:
        there = address.copy()
        there["page"] = str(number)
        return f"{reverse(page_name, args=[key])}?{urlencode({'in': there.urlencode()})}"

    return to
