"""What the kinds of record have in common when a file of them is looked at and written."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Protocol
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain import cells
from procurement.domain.import_table import CellRefusal, Column, ReadRow
from procurement.models import ImportRow
from procurement.vocabulary import ImportKind, RowOutcome
from sites.accounts.models import User
from sites.domain.errors import BadInput
from sites.vocabulary import Precision


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


@dataclass(frozen=True, slots=True)
class Exported:
    """A row on its way out. `values` are by field, as a row that comes in has them; `shown` are for the reader alone,
    by title. `version` stands for what the values of the record were.
    """

    key: str
    version: str
    values: Mapping[str, object]
    shown: Mapping[str, object]


KEY, VERSION, QUESTION = "longlead_key", "longlead_version", "longlead_question"
# Hidden in what we export; where they come back, the row is ours.
OWN_COLUMNS: Final = (
    Column(KEY, ("Longlead key",), lambda cell, _said: cells.identifier(cell, longest=80)),
    Column(VERSION, ("Longlead version",), lambda cell, _said: cells.identifier(cell, longest=16)),
    Column(QUESTION, ("Longlead question",), lambda cell, _said: cells.identifier(cell, longest=40)),
)


class Handler(Protocol):
    """One way of reading rows. `apply` answers by row number what `undo` needs to take the row back."""

    def columns_of(self, kind: ImportKind) -> Sequence[Column]: ...

    def examine(self, file: Sheetful, *, rehearsed: bool = True) -> dict[int, Finding]: ...

    def apply(
        self, file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]
    ) -> dict[int, dict[str, Any]]: ...

    def marks(self, file: Sheetful) -> Mapping[int, tuple[str, str]]:
        """By row number: key and version of the record that a row names now; rows that name none are left out."""

    def export(self, kind: ImportKind, actor: User, keys: Sequence[UUID] | None) -> Iterable[Exported]:
        """What the actor may see, or of it what `keys` name."""

    def undo(self, rows: Sequence[ImportRow], undoing: Undoing) -> Mapping[int, str]:
        """By the number of the row, as a person counts it: why it was left as it is."""


def mark(values: Iterable[object]) -> str:
    """A short word that changes with the values."""
    return hashlib.sha256("\x1f".join(as_text(value) for value in values).encode()).hexdigest()[:16]


def as_text(value: object) -> str:
    """A value as a preview shows and compares it: 1.50 and 1.5 are one, None is empty."""
    match value:
        case None:
            return ""
        case bool():
            return _("yes") if value else _("no")
        case Decimal():
            return f"{value.normalize():f}"
        case date():
            return value.isoformat()
        case Enum():
            return str(value.value)
        case _:
            return str(value)


def promise_text(value: str) -> str:
    """A promise by its stored spelling, which is empty where the date is to be decided, as the readers take it back."""
    return value or Precision.TBD.value.upper()


def refused(file: Sheetful, number: int, refusal: BadInput) -> Finding:
    field = refusal.field or ""
    return Finding(RowOutcome.REFUSED, refusals=(CellRefusal(file.address(number, field), field, refusal.message),))


def unread(rows: Iterable[ReadRow]) -> dict[int, Finding]:
    """The rows whose cells were refused already."""
    return {row.number: Finding(RowOutcome.REFUSED, refusals=row.refusals) for row in rows if row.refusals}
