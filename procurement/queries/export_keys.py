"""Which records a list that goes out as a workbook is about."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from procurement.domain.table import MOST_ROWS
from procurement.models import Requirement
from procurement.queries.log import PAGE_SIZES, LogFilter, log_page
from procurement.vocabulary import ImportKind
from sites.accounts.models import User
from sites.models import Block, Gate

OF_THE_LOG: Final = frozenset({ImportKind.PROMISES, ImportKind.ACTUALS, ImportKind.ORDER_LINES})


def of_log(kind: ImportKind, actor: User, wanted: LogFilter) -> list[UUID]:
    """The schedule lines that the log shows under this filter, of order lines their orders; one more than a workbook
    holds at most. A page of 500 lines is one query.
    """
    found: list[UUID] = []
    number, pages = 1, 1
    while number <= pages and len(found) <= MOST_ROWS:
        page = log_page(actor, replace(wanted, page=number, size=PAGE_SIZES[-1], as_known_on=None))
        found += [row.order_key if kind is ImportKind.ORDER_LINES else row.key for row in page.rows]
        number, pages = number + 1, page.pages
    return list(dict.fromkeys(found))


def of_site(kind: ImportKind, actor: User, code: str) -> list[UUID] | None:
    """None: records of this kind belong to no site, all of them are meant."""
    match kind:
        case ImportKind.REQUIREMENTS:
            return list(Requirement.objects.visible_to(actor).filter(site__code=code).values_list("pk", flat=True))
        case ImportKind.BLOCKS:
            return list(Block.objects.visible_to(actor).filter(phase__site__code=code).values_list("pk", flat=True))
        case ImportKind.GATES:
            return list(Gate.objects.visible_to(actor).filter(site__code=code).values_list("pk", flat=True))
        case _:
            return None
