"""Finding a thing by a few letters of what it is called, among what a person may see."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, Value, When

from procurement.models import Company, PurchaseOrder, Requirement, SavedView, ScheduleLine, UnitSerial
from sites.accounts.models import User
from sites.models import Site

MOST_OF_A_KIND: Final = 6
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Found:
    """`kind` is one of tag, order, serial, vendor, site and view; `page` and `key` lead to it."""

    kind: str
    name: str
    about: str
    page: str
    key: str


def find(actor: User, text: str) -> list[Found]:
    """Every word must be found in the thing's names, anywhere in them, in any script; who is called just so comes
    first. Six queries; nothing for an empty text.
    """
    words = text.replace("\x00", "").strip()[:_LONGEST].split()
    return (
        [each for search in (_tags, _orders, _serials, _vendors, _sites, _views) for each in search(actor, words)]
        if words
        else []
    )


def _matching(rows: Any, words: list[str], *fields: str) -> Any:
    for word in words:
        condition = Q()
        for field in fields:
            condition |= Q(**{f"{field}__icontains": word})
        rows = rows.filter(condition)
    whole = " ".join(words)
    rank = Case(
        When(Q(**{f"{fields[0]}__iexact": whole}), then=Value(0)),
        When(Q(**{f"{fields[0]}__istartswith": whole}), then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return rows.annotate(rank=rank).order_by("rank", F(fields[0]))[:MOST_OF_A_KIND]


def _tags(actor: User, words: list[str]) -> Iterator[Found]:
    rows = Requirement.objects.visible_to(actor).select_related("site")
    for row in _matching(rows, words, "tag", "description"):
        yield Found("tag", row.tag, f"{row.site.code} {row.description}".strip(), "requirement", str(row.pk))


def _orders(actor: User, words: list[str]) -> Iterator[Found]:
    rows = PurchaseOrder.objects.visible_to(actor).select_related("seller")
    for row in _matching(rows, words, "number", "title", "seller__name"):
        yield Found("order", row.number, f"{row.seller.name} {row.title}".strip(), "order", str(row.pk))


def _serials(actor: User, words: list[str]) -> Iterator[Found]:
    """Leads to the line of the unit."""
    rows = UnitSerial.objects.visible_to(actor).select_related("lot__schedule_line__line__order")
    for row in _matching(rows, words, "number"):
        line = row.lot.schedule_line
        about = f"{line.line.order.number}/{line.line.number}/{line.number} {line.line.description}".strip()
        yield Found("serial", row.number, about, "line", str(line.pk))


def _vendors(actor: User, words: list[str]) -> Iterator[Found]:
    """Only whom the actor's own lines name."""
    mine = ScheduleLine.objects.visible_to(actor)
    rows = Company.objects.filter(
        Exists(mine.filter(line__order__seller=OuterRef("pk")))
        | Exists(mine.filter(line__plant__company=OuterRef("pk")))
    )
    for row in _matching(rows, words, "name", "code"):
        yield Found("vendor", row.name, row.code, "vendor", str(row.pk))


def _sites(actor: User, words: list[str]) -> Iterator[Found]:
    for row in _matching(Site.objects.visible_to(actor), words, "code", "name"):
        yield Found("site", row.code, row.name, "site", row.code)


def _views(actor: User, words: list[str]) -> Iterator[Found]:
    for row in _matching(SavedView.objects.usable_by(actor), words, "name"):
        yield Found("view", row.name, "", "log", row.slug)
