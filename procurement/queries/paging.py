"""Lists a page at a time."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

A_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Paged:
    """One page of a list; `page` counts from one and is never past the last."""

    rows: list[Any]
    page: int
    pages: int
    total: int

    def context(self) -> dict[str, object]:
        """What the pager of a template asks for."""
        return {
            "filter": self, "pages": self.pages, "before": self.page - 1, "after": self.page + 1, "sizes": (),
        }  # fmt: skip


def paged(rows: QuerySet[Any], page: int, size: int = A_PAGE) -> Paged:
    """Two queries and those of what is fetched along."""
    total = rows.count()
    pages = max(1, -(-total // size))
    page = min(page, pages)
    return Paged(list(rows[(page - 1) * size : page * size]), page, pages, total)
