"""The way of a late delivery through a site's schedule, written out here: a block page shows thousands of dates."""

from collections.abc import Iterable

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from procurement.portal.templatetags.portal import amount, day
from procurement.queries.schedule_impact import PathRow

register = template.Library()


@register.filter
def path_rows(path: Iterable[PathRow]) -> SafeString:
    """One row of a table an activity."""
    return mark_safe("".join(map(_row, path)))  # noqa: S308  every text is escaped


def _row(row: PathRow) -> str:
    dates = (row.start_before, row.start_after, row.finish_before, row.finish_after)
    cells = "".join([f'<td class="ll-date">{escape(day(on))}</td>' for on in dates])
    tone = "ll-bad ll-strong" if row.float_days_after is not None and row.float_days_after < 0 else ""
    return (
        f'<tr><th scope="row">{escape(row.code)}<span class="ll-second">{escape(row.name)}</span></th>{cells}'
        f'<td class="ll-num">{amount(row.float_days_before, 1)}</td>'
        f'<td class="ll-num"><span class="{tone}">{amount(row.float_days_after, 1)}</span></td></tr>'
    )
