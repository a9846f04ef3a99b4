"""What the kinds of record have in common when a file of them is looked at and written."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from procurement.domain.import_table import CellRefusal, Column, ReadRow
from procurement.models import ImportRow
from procurement.vocabulary import ImportKind, RowOutcome
from sites.accounts.models import User
from sites.domain.errors import BadInput


@dataclass(frozen=True, slots=True)
class Finding:
    """What a row would do. `subject` is what a reader calls the thing; changes are (field, old, new) as text."""

    outcome: RowOutcome
    subject: str = ""
    changes: tuple[tuple[str, str, str], ...] = ()
    refusals: tuple[CellRefusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheetful:
    """The rows of one file and what goes for all of them. `address` gives the cell of a row's field."""

    kind: ImportKind
    rows: Sequence[ReadRow]
    address: Callable[[int, str], str]
    stated_on: date
    document: str
    actor: User
    now: datetime


@dataclass(frozen=True, slots=True)
class Undoing:
    """Why and by whom an applied file is taken back. `force` also takes back what was changed since."""

    document: str
    reason: str
    cause_key: str
    cause_text: str
    force: bool
    actor: User
    now: datetime


class Handler(Protocol):
    """One way of reading rows. `apply` answers by row number what `undo` needs to take the row back."""

    def columns_of(self, kind: ImportKind) -> Sequence[Column]: ...

    def examine(self, file: Sheetful, *, rehearsed: bool = True) -> dict[int, Finding]: ...

    def apply(
        self, file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]
    ) -> dict[int, dict[str, Any]]: ...

    def undo(self, rows: Sequence[ImportRow], undoing: Undoing) -> Mapping[int, str]:
        """By the number of the row, as a person counts it: why it was left as it is."""


def refused(file: Sheetful, number: int, refusal: BadInput) -> Finding:
    field = refusal.field or ""
    return Finding(RowOutcome.REFUSED, refusals=(CellRefusal(file.address(number, field), field, refusal.message),))


def unread(rows: Iterable[ReadRow]) -> dict[int, Finding]:
    """The rows whose cells were refused already."""
    return {row.number: Finding(RowOutcome.REFUSED, refusals=row.refusals) for row in rows if row.refusals}
