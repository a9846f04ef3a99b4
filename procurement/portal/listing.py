"""A list of the portal as titles and rows, on its way to a workbook."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from procurement.domain.table import MOST_ROWS
from sites.domain.errors import BadInput

Listing = tuple[Sequence[str], Sequence[Sequence[object]]]


def at_most(rows: QuerySet[Any]) -> list[Any]:
    """All of them, in as many as a workbook of ours holds. Raises BadInput where there are more."""
    found = list(rows[: MOST_ROWS + 1])
    check_fits(len(found))
    return found


def check_fits(rows: int) -> None:
    """Raises BadInput where a workbook of ours does not hold so many."""
    if rows > MOST_ROWS:
        raise BadInput(_("A workbook holds at most %(most)d rows; filter the list.") % {"most": MOST_ROWS})
