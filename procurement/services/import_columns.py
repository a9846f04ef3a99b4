"""Readers of cells that several kinds of record share: each takes a filled cell and what the file declares."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from django.db.models import TextChoices
from django.utils.translation import gettext as _

from procurement.domain import cells, units
from procurement.domain.cells import Declared
from procurement.domain.money import decimal_places
from procurement.domain.table import Cell
from sites.domain.errors import BadInput

Reading = Callable[[Cell, Declared], Any]

_YES: Final = frozenset({"yes", "y", "true", "1", "ja", "x", "はい"})
_NO: Final = frozenset({"no", "n", "false", "0", "nein", "いいえ"})


def words(choices: type[TextChoices]) -> Reading:
    """Accepts the stored word or what a person sees, in whichever case; answers the stored one."""

    def reading(cell: Cell, declared: Declared) -> str:
        said = cells.text(cell, longest=60).casefold()
        for word in choices:
            if said in {word.value.casefold(), str(word.label).casefold()}:
                return word.value
        raise BadInput(_("%(said)s is none of: %(words)s.") % {"said": said, "words": ", ".join(choices.values)})

    return reading


def text(longest: int) -> Reading:
    return lambda cell, declared: cells.text(cell, longest=longest)


def code(longest: int) -> Reading:
    return lambda cell, declared: cells.identifier(cell, longest=longest)


def unit(cell: Cell, declared: Declared) -> str:
    return units.said_by_people(cells.identifier(cell, longest=6))


def capitals(longest: int) -> Reading:
    return lambda cell, declared: cells.identifier(cell, longest=longest).upper()


def number(*, places: int, least: str = "0", most: str) -> Reading:
    """A number that its column holds exactly: nothing is rounded."""

    def reading(cell: Cell, declared: Declared) -> Decimal:
        value = cells.number(cell, declared)
        if not Decimal(least) <= value <= Decimal(most):
            raise BadInput(_("A number from %(least)s to %(most)s is expected.") % {"least": least, "most": most})
        if decimal_places(value) > places:
            raise BadInput(_("A number here has at most %(places)s decimals; nothing is rounded.") % {"places": places})
        return value

    return reading


def whole(*, least: int, most: int) -> Reading:
    return lambda cell, declared: cells.whole_number(cell, declared, least=least, most=most)


def yes_or_no(cell: Cell, declared: Declared) -> bool:
    if isinstance(cell, bool):
        return cell
    said = cells.text(cell, longest=20).casefold()
    if said in _YES:
        return True
    if said in _NO:
        return False
    raise BadInput(_("Say yes or no."))
