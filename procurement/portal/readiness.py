"""The readiness matrix of a site as rows of a table, written out here: a large site has a thousand of its figures."""

from collections.abc import Sequence
from functools import cache

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from procurement.portal.templatetags.portal import NOT_KNOWN, icon, ready_day, short_day
from procurement.queries.readiness import Cell, MatrixRow


def matrix(rows: Sequence[MatrixRow]) -> SafeString:
    """One row a class, one cell a block."""
    carry, redundant, in_service = escape(_("can carry")), escape(_("redundant")), escape(_("in service"))

    @cache
    def state(tone: str) -> str:
        sign, word = {
            "bad": ("alert-triangle", _("late")), "good": ("check", _("in time")), "quiet": ("help", _("not known")),
        }[tone]  # fmt: skip
        return f'{icon(sign)}<span class="visually-hidden">{escape(word)}</span>'

    @cache
    def units(needed: int, held: int) -> str:
        return escape(_("%(needed)s of %(units)s") % {"needed": needed, "units": held})

    def shown(cell: Cell) -> str:
        tone = "bad" if cell.is_late else "good" if cell.decides else "quiet"
        carry_on, redundant_on = (
            escape(ready_day(on, cell.as_of, short_day)) for on in (cell.can_carry_on, cell.redundant_on)
        )
        carries = in_service if cell.is_in_service else f"{carry} {carry_on}"
        return (
            f'<div class="ll-ready ll-{tone}"><span class="ll-strong">{state(tone)} {units(cell.needed, cell.units)}'
            f'</span><span class="ll-second">{carries}</span>'
            f'<span class="ll-second">{redundant} {redundant_on}</span></div>'
        )

    made = []
    for row in rows:
        cells = "".join(f"<td>{''.join(map(shown, cells)) or NOT_KNOWN}</td>" for cells in row.cells)
        made.append(f'<tr><th scope="row">{escape(row.equipment_class)}</th>{cells}</tr>')
    return mark_safe("".join(made))  # noqa: S308  every text is escaped
