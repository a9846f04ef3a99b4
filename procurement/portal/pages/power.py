"""Where the power comes from: all of it at a glance, the agreements, and the utility's side."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.portal import power_words
from procurement.portal.actor import acting_user
from procurement.portal.charts import Chart, Series, Shape, Tone
from procurement.portal.forms.power import Window, WindowForm, usual_window
from procurement.portal.power_pictures import group_chart
from procurement.portal.since import compared
from procurement.portal.templatetags.portal import day
from procurement.portal.world_map import Place, WorldMap, world_map
from procurement.queries import power, power_balance, power_portfolio
from procurement.queries.alert import sites_to_choose
from procurement.queries.contract_clocks import clocks_visible_to, near
from procurement.queries.known import chain_answers
from procurement.queries.power_balance import GroupBalance, SiteBalance
from procurement.queries.power_facts import Knowledge
from procurement.queries.power_portfolio import Stage, YearTotal
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.models import Desk
from sites.queries.access import can, sites_where
from sites.vocabulary import AgreementState, AgreementStructure, KnowledgeMode


@require_safe
@login_required
def portfolio(request: HttpRequest) -> HttpResponse:
    """The sites together, of one desk or all that the reader may see, and their agreements by state and year."""
    actor, today = acting_user(request), timezone.now().date()
    desk = request.GET.get("desk", "").replace("\x00", "")[:20]
    form = _window_form(request, today)
    window = form.window()
    rows = power_portfolio.listed(actor)
    sites = power_balance.visible_sites(actor, desk=desk)
    knowledge = Knowledge(window.known_on, KnowledgeMode.KNOWN_ON) if window.known_on else Knowledge(today)
    group = power_balance.group(power_balance.site_balances(sites, window.from_on, window.until_on, knowledge))
    years = power_portfolio.by_year(rows, today.year)
    whole = {row.view.agreement.pk for row in rows if row.sight.is_whole}
    clocks = [
        each
        for each in near(clocks_visible_to(actor, today), today)
        if each.clock.agreement is None or each.clock.agreement in whole
    ]
    context = {
        "form": form,
        "window": window,
        "knowledge": knowledge,
        "desk": desk,
        "desks": Desk.objects.filter(sites__in=power_balance.visible_sites(actor)).distinct().order_by("code"),
        "group": group,
        "group_chart": group_chart(
            group.periods,
            label=_("Load and usable megawatts of these sites together by day; the table below says the same"),
            table_id="together-head",
        ),
        "sites": [{"balance": each, "binding": _binding_now(each)} for each in group.sites],
        "map": _map(group),
        "amounts": _amounts(actor, group),
        "states": power_portfolio.by_state(rows),
        "years": _years_chart(years),
        "late": [row for row in rows if row.view.is_late],
        "clocks": [
            {"row": each, "state": each.clock.state(today), "left": each.clock.days_left(today)} for each in clocks
        ],
    }
    return render(request, "power/portfolio.html", context)


def _map(group: GroupBalance) -> WorldMap | None:
    """None where no site says where it lies."""
    places = [
        Place(
            code=each.site.code,
            url=reverse("site_power", args=[each.site.code]),
            says=_says(each),
            latitude=each.site.latitude,
            longitude=each.site.longitude,
            is_bad=None if each.totals.gap_mw_days is None else bool(each.totals.largest_gap_mw),
        )
        for each in group.sites
        if each.site.latitude is not None and each.site.longitude is not None
    ]
    return world_map(places) if places else None


def _says(balance: SiteBalance) -> str:
    if balance.totals.gap_mw_days is None:
        return _("gap not known")
    if not balance.totals.largest_gap_mw:
        return _("no gap")
    return _("%(mw)s MW short at most, first on %(day)s") % {
        "mw": f"{balance.totals.largest_gap_mw:.1f}",
        "day": day(balance.totals.first_gap_on),
    }


@require_safe
@login_required
def agreements(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    wanted = power_portfolio.read_filter(request.GET.dict())
    every = power_portfolio.listed(actor)
    shown = power_portfolio.listed(actor, wanted) if request.GET else every
    since = compared(request.GET, actor)
    before = chain_answers([row.view.agreement.chain_id for row in shown], since.day) if since.day else {}
    was = {key: answer.done_on or answer.forecast_on for key, answer in before.items()}
    context = {
        "agreements": [(row, was.get(row.view.agreement.chain_id)) for row in shown],
        "compared": since,
        "wanted": wanted,
        "sites": sites_to_choose(actor),
        "countries": sorted({row.view.agreement.country for row in every}),
        "states": AgreementState.choices,
        "structures": AgreementStructure.choices,
        "may_write": can(actor, Permission.POWER_WRITE, site_id=None)
        or bool(sites_where(actor, Permission.POWER_WRITE)),
    }
    return render(request, "power/agreements.html", context)


@require_safe
@login_required
def grid(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    site = request.GET.get("site", "").replace("\x00", "")[:20]
    context = {
        "grid": power.grid(actor, site=site),
        "sites": sites_to_choose(actor),
        "site": site,
        "may_write": bool(sites_where(actor, Permission.POWER_WRITE)),
    }
    return render(request, "power/grid.html", context)


def _window_form(request: HttpRequest, today: Any) -> WindowForm:
    usual = usual_window(today, None)
    given = {name for name in ("from_on", "until_on", "known_on") if request.GET.get(name)}
    return WindowForm(request.GET if given else None, today=today, usual=Window(usual.from_on, usual.until_on))


def _binding_now(each: power_balance.SiteBalance) -> str:
    """What binds in the first quarter with a gap, or in the first one."""
    quarters = each.quarters
    found = next((row for row in quarters if any(part.gap_days for part in row.binding)), quarters[0])
    return f"{found.span.name}: {power_words.binding(found)}"


def _amounts(actor: User, group: GroupBalance) -> list[dict[str, Any]]:
    """Money of the sites at which the reader may see amounts; of two currencies it is never added."""
    allowed = sites_where(actor, Permission.AMOUNTS_VIEW)
    rows = power_balance.add_up(amount for each in group.sites if each.site.pk in allowed for amount in each.amounts)
    return [{"name": power_words.AMOUNTS[row.kind], "row": row} for row in rows]


def _years_chart(years: tuple[YearTotal, ...]) -> Chart:
    names = {
        Stage.OPERATING: (_("Operating"), Tone.GOOD),
        Stage.SIGNED: (_("Signed"), Tone.A),
        Stage.UNSIGNED: (_("Not signed yet"), Tone.QUIET),
    }
    return Chart(
        key="years",
        label=_("Contracted megawatts that deliver at the end of each year"),
        unit="MW",
        x_name=_("Year"),
        is_by_name=True,
        height=280,
        series=[
            Series(name, [(str(year.year), year.mw[stage]) for year in years], Shape.BAR, tone, stack="all")
            for stage, (name, tone) in names.items()
        ],
    )
