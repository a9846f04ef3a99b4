"""The tables of the portfolio page, as the sheets of a workbook."""

from collections.abc import Iterator, Sequence
from datetime import date

from django.utils.translation import gettext as _

from procurement.portal.alert_words import AGE_WORDS
from procurement.portal.listing import Listing
from procurement.queries import portfolio_outlook
from procurement.queries.block import block_rows
from procurement.queries.portfolio import portfolio
from sites.accounts.models import User


def sheets(actor: User, today: date) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[object]]]]:
    """Name, titles and rows of each, as the page shows them."""
    for name, (titles, rows) in (
        (_("Sites"), _sites(actor)),
        (_("Megawatts by month"), _months(actor)),
        (_("Worst slips"), _slips(actor)),
        (_("Alerts by age"), _ages(actor, today)),
        (_("To order"), _weeks(actor, today)),
        (_("Vendors"), _vendors(actor)),
    ):
        yield name, titles, rows


def _sites(actor: User) -> Listing:
    titles = [
        _("Site"), _("Name"), _("State"), _("MW IT"), _("MW-days at risk"), _("Block that slips most"),
        _("RFS baseline"), _("RFS forecast"), _("Later by, days"), _("Worst float, days"), _("Late lines"),
        _("Order-by past"), _("Open alerts"), _("Next energisation"), _("Energisation on"),
        _("Energisation later by, days"),
    ]  # fmt: skip
    return titles, [
        (
            line.site.code,
            line.site.name,
            line.state.label,
            line.it_mw,
            line.mw_days_at_risk,
            line.block.name if line.block else None,
            line.block.baseline_on if line.block else None,
            line.block.forecast_on if line.block else None,
            line.block.days_later if line.block else None,
            line.worst_float_days,
            line.late_lines,
            line.past_order_by,
            line.open_alerts,
            line.energisation.name if line.energisation else None,
            line.energisation.forecast_on if line.energisation else None,
            line.energisation.days_later if line.energisation else None,
        )
        for line in portfolio(actor).sites
    ]


def _months(actor: User) -> Listing:
    titles = [
        _("Month"), _("Baseline, MW"), _("Forecast, MW"), _("Baseline until then, MW"), _("Forecast until then, MW"),
    ]  # fmt: skip
    return titles, [
        (row.month, row.baseline_mw, row.forecast_mw, row.baseline_so_far_mw, row.forecast_so_far_mw)
        for row in portfolio_outlook.rfs_by_month(block_rows(actor)).months
    ]


def _slips(actor: User) -> Listing:
    titles = [
        _("Order"), _("Line"), _("Schedule line"), _("Class"), _("Site"), _("Vendor"), _("Slip, days"),
        _("Float, days"),
    ]  # fmt: skip
    return titles, [
        (
            schedule.line.order.number,
            schedule.line.number,
            schedule.number,
            schedule.line.equipment_class.name,
            schedule.site.code if schedule.site else None,
            schedule.line.order.seller.name,
            row.slip_days,
            row.float_days,
        )
        for row in portfolio_outlook.worst_slips(actor)
        for schedule in (row.lot.schedule_line,)
    ]


def _ages(actor: User, today: date) -> Listing:
    rows = portfolio_outlook.alerts_by_age(actor, today)
    titles = [_("Open for"), *(severity.label for severity, _number in rows[0].by_severity), _("All")]
    return [str(title) for title in titles], [
        (str(AGE_WORDS[row.age]), *(number for _severity, number in row.by_severity), row.number) for row in rows
    ]


def _weeks(actor: User, today: date) -> Listing:
    titles = [_("Week of"), _("To order"), _("Late, it costs MW-days")]
    return titles, [
        (week.from_on or _("past"), week.number, week.mw_days)
        for week in portfolio_outlook.order_by_calendar(actor, today)
    ]


def _vendors(actor: User) -> Listing:
    titles = [_("Vendor"), _("Name"), _("Site"), _("Open lots"), _("Late lots"), _("Worst float, days")]
    return titles, [
        (row.code, row.name, site, heat.open, heat.late, heat.worst_float_days)
        for row in portfolio_outlook.vendor_heat(actor).vendors
        for site, heat in row.cells
        if heat is not None
    ]
