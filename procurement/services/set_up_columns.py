"""How the cells of the set-up lists are read and shown: what stands in a column, and what makes a list."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID
from zoneinfo import available_timezones

from django.db import models
from django.db.models import QuerySet
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _

from sites.domain.errors import BadInput
from sites.domain.text import check_text

_YES: Final = frozenset({"yes", "y", "true", "1", "x", "はい", "○"})
_NO: Final = frozenset({"no", "n", "false", "0", "", "-", "–", "いいえ"})
Rows = QuerySet[Any]


@dataclass(frozen=True, slots=True)
class Column:
    """`read` makes a value of what was typed, raising BadInput or ValueError; `show` makes a text of a row's value."""

    name: str
    label: str | Lazy
    read: Callable[[str], Any]
    show: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Table:
    """`names` are the columns that tell a row from the others. A right or duty can be taken back, a fact only ended.

    `check` raises for a row that would be wrong beside others; it is given the row as stored, None where it is new.
    `sites` are those whose forecasts hang on the row; `related` is what showing a row reads besides its own columns.
    `settle` reads a cell that means one thing or another by what stands in the other cells.
    """

    kind: str
    label: str | Lazy
    says: str | Lazy
    model: type[models.Model]
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    removable: bool = False
    scope: Callable[[Rows], Rows] = lambda rows: rows
    check: Callable[[Any, Any], None] = lambda row, before: None
    sites: Callable[[Any], Collection[UUID]] = lambda row: ()
    related: tuple[str, ...] = ()
    settle: Callable[[dict[str, Any]], None] = lambda values: None

    def rows(self) -> Rows:
        return self.scope(self.model._default_manager.all())


def text(longest: int) -> Callable[[str], str]:
    def read(said: str) -> str:
        check_text(said, "", longest=longest)
        return said

    return read


def chosen(name: str, label: str | Lazy, choices: type[models.TextChoices], otherwise: str | None = None) -> Column:
    """A stored word, or as it is called in the reader's language; an empty cell is `otherwise`, refused where None."""

    def read(said: str) -> str:
        known = {word.lower(): word for word in choices.values} | {
            str(label).lower(): word for word, label in choices.choices
        }
        word = otherwise if not said else known.get(said.lower())
        if word is None:
            raise BadInput(_("One of: %(words)s.") % {"words": ", ".join(str(label) for label in choices.labels)})
        return word

    def show(value: Any) -> str:
        return str(dict(choices.choices).get(value, value))

    return Column(name, label, read, show)


def flag(said: str) -> bool:
    if said.lower() in _YES | _NO:
        return said.lower() in _YES
    raise BadInput(_("Yes or no."))


def day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        raise BadInput(_("A day as 2027-05-21.")) from None


def zone(said: str) -> str:
    if said not in available_timezones():
        raise BadInput(_("A time zone as Asia/Tokyo."))
    return said


def named(model: type[models.Model], field: str) -> Callable[[str], Any]:
    def read(said: str) -> Any:
        if not said:
            return None
        row = model._default_manager.filter(**{f"{field}__iexact": said}).first()
        if row is None:
            raise BadInput(_("There is no %(what)s.") % {"what": f"“{said}”"})
        return row

    return read


def plain(value: Any) -> str:
    return "" if value is None else str(value)


def by(field: str) -> Callable[[Any], str]:
    return lambda row: "" if row is None else str(getattr(row, field))


def yes_no(value: Any) -> str:
    return _("yes") if value else _("no")


def column(name: str, label: str | Lazy, read: Callable[[str], Any], show: Callable[[Any], str] = plain) -> Column:
    return Column(name, label, read, show)


def number(*, places: int, most: str) -> Callable[[str], Decimal | None]:
    """An empty cell is not known. A comma is refused: half of its writers mean thousands."""

    def read(said: str) -> Decimal | None:
        if not said:
            return None
        try:
            value = Decimal(said)
        except InvalidOperation:
            raise BadInput(_("A number as 12.5.")) from None
        if not value.is_finite() or abs(value) > Decimal(most):
            raise BadInput(_("A number up to %(most)s.") % {"most": most})
        if value != round(value, places):
            raise BadInput(_("At most %(places)d decimals.") % {"places": places})
        return value

    return read


def whole(most: int, otherwise: int | None = None) -> Callable[[str], int | None]:
    """Without a sign; an empty cell is `otherwise`."""

    def read(said: str) -> int | None:
        if not said:
            return otherwise
        if not (said.isascii() and said.isdigit() and len(said) < 7 and int(said) <= most):
            raise BadInput(_("A whole number from 0 to %(most)d.") % {"most": most})
        return int(said)

    return read


def capitals(longest: int) -> Callable[[str], str]:
    """Codes of sites, phases, blocks and groups are capitals, as in workbooks."""

    def read(said: str) -> str:
        if not said:
            raise BadInput(_("This is needed."))
        check_text(said, "", longest=longest)
        return said.upper()

    return read


def figure(value: Any) -> str:
    return "" if value is None else f"{value.normalize():f}"


def within(model: type[models.Model], *fields: str) -> Callable[[str], Any]:
    """A row by its codes from the outside in, with slashes: SYD1/P1/H1."""

    def read(said: str) -> Any:
        if not said:
            return None
        codes = said.split("/", len(fields) - 1)
        wanted = {f"{field}__iexact": code.strip() for field, code in zip(fields, codes, strict=False)}
        row = model._default_manager.filter(**wanted).first() if len(codes) == len(fields) else None
        if row is None:
            raise BadInput(_("There is no %(what)s.") % {"what": f"“{said}”"})
        return row

    return read


def path(*fields: str) -> Callable[[Any], str]:
    """What `within` reads."""

    def show(row: Any) -> str:
        if row is None:
            return ""
        found = []
        for field in fields:
            value = row
            for step in field.split("__"):
                value = getattr(value, step)
            found.append(str(value))
        return "/".join(found)

    return show
