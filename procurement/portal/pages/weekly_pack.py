"""What a team takes into its weekly meeting about a site or a vendor: one page to print, one workbook with the same."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.gateways import spreadsheet
from procurement.models import Company
from procurement.portal import alert_words
from procurement.portal.actor import acting_user
from procurement.portal.context import zone_of
from procurement.portal.pages.exports import XLSX
from procurement.portal.templatetags.portal import NOT_KNOWN, amount, short_day
from procurement.portal.words import short_why
from procurement.queries.alert import AlertFilter, alert_list
from procurement.queries.log import LogFilter, LogRow, Shown, Totals, log_rows, log_totals, unordered_page
from procurement.queries.log_address import read_since
from procurement.queries.log_changes import moved_page
from procurement.queries.site import blocks_of
from procurement.queries.vendor_performance import find_vendor
from sites.accounts.models import User
from sites.models import Site
from sites.models.site import Sight, sight_of
from sites.vocabulary import step_name

MOST: Final = 100
# The cells of what moved that are compared with the day before.
_COMPARED: Final = (3, 4, 5, 6)
_STEPS_WITHIN: Final = timedelta(days=14)
_ORDER_WITHIN: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Cell:
    """`value` as a workbook keeps it; `was` the value before, where it was another."""

    value: object
    was: object = None

    @property
    def is_number(self) -> bool:
        return isinstance(self.value, int | Decimal)

    @property
    def html(self) -> SafeString:
        """Written here and not by the template: a pack has thousands of cells."""
        was = ""
        if self.was is not None:
            old = short_day(self.was) if isinstance(self.was, date) else str(self.was)
            hidden = f'<span class="visually-hidden">{escape(_("Was"))} </span>'
            was = f'<del class="ll-was">{hidden}{escape(old)}</del> '
        tone, shown = "", str(escape(str(self.value or NOT_KNOWN)))
        if isinstance(self.value, date):
            tone, shown = "ll-date", escape(short_day(self.value))
        elif isinstance(self.value, int | Decimal):
            tone, shown = "ll-num", escape(amount(self.value))
            if self.value < 0:
                shown = f'<span class="ll-bad ll-strong">{shown}</span>'
        return mark_safe(f'<td class="{tone}">{was}{shown}</td>')  # noqa: S308  escaped


@dataclass(frozen=True, slots=True)
class Row:
    """The first cell leads to `address`."""

    address: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """`address` is the list in the portal; it holds more where the part `is_cut`."""

    key: str
    name: str
    nothing: str
    titles: tuple[str, ...]
    rows: tuple[Row, ...]
    address: str
    is_cut: bool = False

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """Each title, and whether figures stand below it."""
        cells = zip(*(row.cells for row in self.rows), strict=True)
        return [
            (title, any(cell.is_number for cell in column)) for title, column in zip(self.titles, cells, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Pack:
    title: str
    address: str
    workbook: str
    today: date
    since: date
    totals: Totals
    parts: tuple[Part, ...]


@require_safe
@login_required
def site(request: HttpRequest, code: str) -> HttpResponse:
    return render(request, "packs/pack.html", {"pack": _of_site(request, acting_user(request), code)})


@require_safe
@login_required
def site_workbook(request: HttpRequest, code: str) -> HttpResponse:
    return _as_file(_of_site(request, acting_user(request), code), code)


@require_safe
@login_required
def vendor(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    return render(request, "packs/pack.html", {"pack": _of_vendor(request, actor, _company(actor, key))})


@require_safe
@login_required
def vendor_workbook(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    company = _company(actor, key)
    return _as_file(_of_vendor(request, actor, company), company.code)


def _company(actor: User, key: UUID) -> Company:
    found = find_vendor(actor, key)
    if found is None:
        raise Http404
    return found


def _as_file(pack: Pack, code: str) -> HttpResponse:
    plain = "".join(letter for letter in code if letter.isascii() and (letter.isalnum() or letter == "-"))
    return HttpResponse(
        spreadsheet.write_sheets(
            (part.name, _with_before(part), [_with_old(part, row) for row in part.rows]) for part in pack.parts
        ),
        content_type=XLSX,
        headers={"Content-Disposition": f'attachment; filename="longlead-week-{plain}-{pack.today.isoformat()}.xlsx"'},
    )


def _with_before(part: Part) -> list[str]:
    """A workbook strikes nothing out: where dates are compared, the old one has a column of its own."""
    if part.key != "changed":
        return list(part.titles)
    return [*part.titles, *(_("%(what)s before") % {"what": part.titles[place]} for place in _COMPARED)]


def _with_old(part: Part, row: Row) -> list[object]:
    old = [row.cells[place].was for place in _COMPARED] if part.key == "changed" else []
    return [*(cell.value for cell in row.cells), *old]


def _of_site(request: HttpRequest, actor: User, code: str) -> Pack:
    found = get_object_or_404(Site.objects.visible_to(actor).select_related("desk", "calendar"), code=code)
    today, since = _days(request, actor)
    sight = sight_of(actor)
    wanted = LogFilter(site=found.code, size=MOST)
    at_site = {"site": found.code}
    return Pack(
        title=f"{found.code} {found.name}",
        address=reverse("site", args=[found.code]),
        workbook=reverse("pack_site_workbook", args=[found.code]) + "?" + urlencode({"since": since.isoformat()}),
        today=today,
        since=since,
        totals=log_totals(actor, wanted, sight),
        parts=(
            _blocks(found),
            *_lines(actor, sight, wanted, today, since, at_site),
            _to_order(actor, wanted, today, at_site),
            _alerts(actor, found.code, today),
        ),
    )


def _of_vendor(request: HttpRequest, actor: User, company: Company) -> Pack:
    today, since = _days(request, actor)
    sight = sight_of(actor)
    wanted = LogFilter(vendor=company.code, size=MOST)
    return Pack(
        title=company.name,
        address=reverse("vendor", args=[company.pk]),
        workbook=reverse("pack_vendor_workbook", args=[company.pk]) + "?" + urlencode({"since": since.isoformat()}),
        today=today,
        since=since,
        totals=log_totals(actor, wanted, sight),
        parts=_lines(actor, sight, wanted, today, since, {"vendor": company.code}),
    )


def _days(request: HttpRequest, actor: User) -> tuple[date, date]:
    """Today where the reader is, and the day with whose end it is compared: that of the address, else a week ago."""
    today = timezone.now().astimezone(zone_of(actor)).date()
    return today, read_since(request.GET, today, actor.visited_before_on) or today - timedelta(days=7)


# -- the parts -------------------------------------------------------------------------------------------------------


def _log(of: dict[str, str], **said: str) -> str:
    return reverse("log") + "?" + urlencode({**of, **said})


def _lines(
    actor: User, sight: Sight, wanted: LogFilter, today: date, since: date, of: dict[str, str]
) -> tuple[Part, ...]:
    return (
        _late(actor, sight, wanted, of),
        _changed(actor, sight, wanted, since, of),
        _steps(actor, sight, wanted, today, of),
        _arrived(actor, sight, wanted, since, of),
    )


def _order(row: LogRow) -> str:
    return f"{row.order}/{row.line}/{row.schedule}"


def _row(row: LogRow, *cells: object) -> Row:
    first = (_order(row), row.site, row.description or row.equipment_class)
    return Row(reverse("line", args=[row.key]), tuple(Cell(value) for value in (*first, *cells)))


def _late(actor: User, sight: Sight, wanted: LogFilter, of: dict[str, str]) -> Part:
    found = log_rows(actor, replace(wanted, late=True, sort="float", size=MOST + 1), sight)
    rows = [
        _row(
            row, ", ".join(row.tags), row.seller, row.required_on_site, row.forecast_on, row.float_days, row.slip_days,
            row.recovers_mw_days, short_why(row.why),
        )
        for row in found[:MOST]
    ]  # fmt: skip
    titles = (
        _("Order / line"), _("Site"), _("What"), _("Tags"), _("Vendor"), _("Required on site"), _("Forecast"),
        _("Float, days"), _("Slip, days"), _("MW-days won back"), _("Why"),
    )  # fmt: skip
    name, nothing = _("Late"), _("Nothing is forecast after it is required.")
    return Part("late", name, nothing, titles, tuple(rows), _log(of, late="1"), len(found) > MOST)


def _changed(actor: User, sight: Sight, wanted: LogFilter, since: date, of: dict[str, str]) -> Part:
    """Lines whose promise, forecast, float or contract date is another; a line that came has nothing before."""
    page, before = moved_page(actor, replace(wanted, shown=Shown.ALL, sort="float"), since, sight)
    rows = []
    for row in page.rows:
        was = before.get(row.key)
        pairs = [
            (row.contract_on, was and was.contract_on),
            (row.promised_on, was and was.promised_on),
            (row.forecast_on, was and was.forecast_on),
            (row.float_days, was and was.float_days),
        ]
        if was is not None and all(now == before for now, before in pairs):
            continue
        moved = tuple(Cell(now, before if before != now else None) for now, before in pairs)
        names = (Cell(_order(row)), Cell(row.site), Cell(row.description or row.equipment_class))
        rows.append(Row(reverse("line", args=[row.key]), (*names, *moved, Cell(short_why(row.why)))))
    titles = (
        _("Order / line"), _("Site"), _("What"), _("Contract"), _("Promise"), _("Forecast"), _("Float, days"),
        _("Why"),
    )  # fmt: skip
    address = _log(of, shown="all", since=since.isoformat(), changed="1")
    return Part("changed", _("What moved"), _("No date moved."), titles, tuple(rows), address, page.pages > 1)


def _steps(actor: User, sight: Sight, wanted: LogFilter, today: date, of: dict[str, str]) -> Part:
    found = log_rows(actor, replace(wanted, sort="next"), sight)
    rows = [
        _row(row, row.seller, str(step_name(row.next_code)), row.next_on)
        for row in found
        if row.next_on is not None and row.next_on <= today + _STEPS_WITHIN
    ]
    titles = (_("Order / line"), _("Site"), _("What"), _("Vendor"), _("Next step"), _("On"))
    name, nothing = _("Steps due within two weeks"), _("No step is due within two weeks.")
    return Part("steps", name, nothing, titles, tuple(rows), _log(of, sort="next"), len(rows) == MOST)


def _arrived(actor: User, sight: Sight, wanted: LogFilter, since: date, of: dict[str, str]) -> Part:
    found = log_rows(actor, replace(wanted, shown=Shown.DELIVERED, sort="actual", descending=True), sight)
    rows = [
        _row(row, row.seller, row.quantity, row.required_on_site, row.delivered_on)
        for row in found
        if row.delivered_on is not None and row.delivered_on > since
    ]
    titles = (
        _("Order / line"), _("Site"), _("What"), _("Vendor"), _("Quantity"), _("Required on site"), _("On site"),
    )  # fmt: skip
    address = _log(of, shown="delivered", sort="-actual")
    name, nothing = _("What arrived"), _("Nothing arrived.")
    return Part("arrived", name, nothing, titles, tuple(rows), address, len(rows) == MOST)


def _to_order(actor: User, wanted: LogFilter, today: date, of: dict[str, str]) -> Part:
    found = unordered_page(actor, replace(wanted, sort="order_by")).rows
    rows = [
        Row(
            reverse("requirement", args=[row.requirement_id]),
            tuple(
                Cell(value)
                for value in (
                    row.requirement.tag, row.requirement.equipment_class.name, row.required_on_site, row.order_by_on,
                    row.costs_mw_days,
                )
            ),
        )
        for row in found
        if row.order_by_on is not None and row.order_by_on <= today + _ORDER_WITHIN
    ]  # fmt: skip
    titles = (_("Tag"), _("Class"), _("Required on site"), _("Order by"), _("MW-days"))
    name, nothing = _("To be ordered within four weeks"), _("Nothing has to be ordered within four weeks.")
    address = _log(of, shown="unordered", sort="order_by")
    return Part("order", name, nothing, titles, tuple(rows), address, len(rows) == MOST)


def _blocks(found: Site) -> Part:
    rows = [
        Row(
            reverse("block", args=[row.block.pk]),
            tuple(
                Cell(value)
                for value in (
                    f"{row.block.phase.code} {row.block.code}", row.block.it_mw, row.block.rfs_baseline_on,
                    row.block.rfs_actual_on or (row.answer.rfs_forecast_on if row.answer else None), row.days_later,
                    row.answer.mw_days_at_risk if row.answer else None,
                )
            ),
        )
        for row in blocks_of(found)
    ]  # fmt: skip
    titles = (
        _("Block"), _("MW IT"), _("RFS baseline"), _("RFS forecast"), _("Later by, days"), _("MW-days at risk"),
    )  # fmt: skip
    address = reverse("site", args=[found.code]) + "#blocks"
    return Part("blocks", _("Blocks"), _("This site has no blocks yet."), titles, tuple(rows), address)


def _alerts(actor: User, code: str, today: date) -> Part:
    found = alert_list(actor, AlertFilter(site=code), as_of=today)
    rows = [
        Row(
            reverse("alert", args=[row.alert.pk]),
            tuple(
                Cell(value)
                for value in (
                    str(row.alert.get_rule_display()), row.alert.subject_text, str(row.alert.get_severity_display()),
                    row.alert.opened_on, str(alert_words.headline(row.alert)), ", ".join(row.told),
                )
            ),
        )
        for row in found.rows
    ]  # fmt: skip
    titles = (_("Rule"), _("About"), _("Severity"), _("Since"), _("What it says"), _("Told"))
    address = reverse("alerts") + "?" + urlencode({"site": code})
    nothing = _("No alert waits for an answer.")
    return Part("alerts", _("Open alerts"), nothing, titles, tuple(rows), address, found.pages > 1)
