"""The log as a workbook shows it: the columns that its address or view chooses, each as what it is, not as text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from procurement.domain.table import MOST_ROWS
from procurement.portal.listing import check_fits
from procurement.portal.words import short_why
from procurement.queries.log import PAGE_SIZES, LogFilter, LogRow, log_page
from procurement.queries.log_changes import changed_page
from sites.accounts.models import User
from sites.vocabulary import step_name

_Cell = tuple[str | Lazy, Callable[[LogRow], object]]

_CELLS: Final[Mapping[str, tuple[_Cell, ...]]] = {
    "class": (
        (gettext_lazy("Class"), lambda row: row.equipment_class),
        (gettext_lazy("Tags"), lambda row: ", ".join(row.tags) + (f" +{row.more_tags}" if row.more_tags else "")),
    ),
    "float": ((gettext_lazy("Float, days"), lambda row: row.float_days),),
    "why": ((gettext_lazy("Why"), lambda row: short_why(row.why)),),
    "ros": ((gettext_lazy("Required on site"), lambda row: row.required_on_site),),
    "forecast": (
        (pgettext_lazy("date", "Forecast"), lambda row: row.forecast_on),
        (gettext_lazy("P80"), lambda row: row.p80_on),
    ),
    "promise": (
        (gettext_lazy("Promise"), lambda row: row.promised_on),
        (gettext_lazy("Promise as said"), lambda row: row.promised_as),
    ),
    "contract": ((gettext_lazy("Contract"), lambda row: row.contract_on),),
    "slip": ((gettext_lazy("Slip, days"), lambda row: row.slip_days),),
    "actual": ((gettext_lazy("On site"), lambda row: row.delivered_on),),
    "next": (
        (gettext_lazy("Next step"), lambda row: str(step_name(row.next_code)) if row.next_code else None),
        (gettext_lazy("Next step on"), lambda row: row.next_on),
    ),
    "vendor": ((gettext_lazy("Vendor"), lambda row: row.seller),),
    "maker": ((gettext_lazy("Maker"), lambda row: row.maker),),
    "quantity": (
        (gettext_lazy("Quantity"), lambda row: row.quantity),
        (gettext_lazy("Unit"), lambda row: row.unit),
    ),
    "mw_days": (
        (gettext_lazy("MW-days won back"), lambda row: row.recovers_mw_days),
        (gettext_lazy("MW-days lost"), lambda row: row.costs_mw_days),
    ),
}


def as_shown(
    actor: User, wanted: LogFilter, columns: Sequence[str], since: date | None, *, only: bool
) -> tuple[list[str], list[tuple[object, ...]]]:
    """Titles and rows. Compared with a day, each chosen value has the one before beside it where it is another, and a
    row says whether it came since. Raises BadInput where they are more than a workbook of ours holds.
    """
    chosen = [cell for name in columns for cell in _CELLS[name]]
    titles = [
        _("Site"),
        _("Order"),
        _("Line"),
        _("Schedule line"),
        _("Description"),
        *(str(name) for name, _c in chosen),
    ]
    if since is not None:
        titles += [_("Came"), *(_("%(what)s before") % {"what": name} for name, _c in chosen)]
    rows: list[tuple[object, ...]] = []
    number, pages = 1, 1
    while number <= pages and len(rows) <= MOST_ROWS:
        asked = replace(wanted, page=number, size=PAGE_SIZES[-1])
        before: Mapping[UUID, LogRow] = {}
        came: frozenset[UUID] = frozenset()
        if since is None:
            page = log_page(actor, asked)
        else:
            page, changes = changed_page(actor, asked, since, only=only)
            before, came = changes.before, changes.came or frozenset()
        for row in page.rows:
            now = [read(row) for _name, read in chosen]
            cells = [row.site, row.order, row.line, row.schedule, row.description, *now]
            if since is not None:
                was = before.get(row.key)
                old = [read(was) for _name, read in chosen] if was else now
                cells += [_("yes") if row.key in came else None]
                cells += [then if then != value else None for then, value in zip(old, now, strict=True)]
            rows.append(tuple(cells))
        number, pages = number + 1, page.pages
    check_fits(len(rows))
    return titles, rows
