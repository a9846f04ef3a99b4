"""One grid connection: its chain, the steps in which it gives capacity, and the works behind them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from procurement.models import ChainForecast
from procurement.portal.actor import acting_user
from procurement.portal.forms.base import PortalForm, attempt
from procurement.portal.forms.grid import AddWorks, CapacityForm, ConnectionForm, GridStateForm
from procurement.portal.forms.rows import RowsForm
from procurement.portal.pages.power_chain import chain_part
from procurement.queries.contract_clocks import clocks_visible_to
from procurement.services import grid
from procurement.services.forecasts import local_date
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import RuleBroken
from sites.models import GridConnection, Site
from sites.queries.access import can
from sites.vocabulary import GridState, step_name


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    return page(request, actor, _find(actor, key), timezone.now())


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def add(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    sites = list(Site.objects.visible_to(actor, Permission.POWER_WRITE).order_by("code"))
    if not sites:
        raise PermissionDenied
    form = ConnectionForm(request.POST or None, sites=[(str(site.pk), str(site)) for site in sites], auto_id="terms-%s")
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            key = UUID(form.cleaned_data["site"])
            found = grid.add_connection(site_id=key, terms=form.terms(), actor=actor, now=timezone.now())
        except RuleBroken as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("The connection is added."))
            return redirect("grid_connection", key=found.pk)
    context = {"form": form, "crumbs": [(reverse("grid"), _("Grid connections"))]}
    return render(request, "power/grid_add.html", context, status=status)


@require_POST
@login_required
def save_terms(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    found = _find(actor, key)
    form = ConnectionForm(request.POST, auto_id="terms-%s")

    def act(now: datetime) -> str:
        grid.change_connection(connection_id=found.pk, terms=form.terms(), actor=actor, now=now)
        return _("The connection is saved.")

    return _try(request, actor, found, form, "terms", act)


@require_POST
@login_required
def save_capacity(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    found = _find(actor, key)
    form = _capacity_form(found, request.POST)

    def act(now: datetime) -> str:
        grid.save_capacity(
            connection_id=found.pk,
            steps=form.steps(),
            offer_expires_on=form.cleaned_data["offer_expires_on"],
            actor=actor,
            now=now,
        )
        return _("The capacity is saved.")

    return _try(request, actor, found, form, "capacity", act)


@require_POST
@login_required
def move(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    found = _find(actor, key)
    form = GridStateForm(request.POST, auto_id="state-%s")

    def act(now: datetime) -> str:
        state = GridState(form.cleaned_data["state"])
        grid.move_connection(connection_id=found.pk, state=state, actor=actor, now=now)
        return _("The connection is now in state %(state)s.") % {"state": state.label}

    return _try(request, actor, found, form, "state", act)


@require_POST
@login_required
def add_works(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    found = _find(actor, key)
    form = AddWorks(request.POST, auto_id="works-%s")

    def act(now: datetime) -> str:
        grid.add_works(connection_id=found.pk, actor=actor, now=now, **form.cleaned_data)
        return _("The works are added.")

    return _try(request, actor, found, form, "works", act)


def _find(actor: User, key: UUID) -> GridConnection:
    seen = GridConnection.objects.visible_to(actor).select_related("site", "chain", "owner", "calendar")
    found = seen.filter(pk=key).first()
    if found is None:
        raise Http404
    return found


def _try(
    request: HttpRequest,
    actor: User,
    found: GridConnection,
    form: PortalForm,
    name: str,
    act: Callable[[datetime], str],
) -> HttpResponse:
    now = timezone.now()

    def done() -> HttpResponse:
        messages.success(request, act(now))
        return redirect("grid_connection", key=found.pk)

    def again(status: int) -> HttpResponse:
        return page(request, actor, _find(actor, found.pk), now, refused={name: form}, status=status)

    return attempt(form, done, again)


def page(
    request: HttpRequest,
    actor: User,
    found: GridConnection,
    now: datetime,
    *,
    refused: Mapping[str, PortalForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    may_write, today = can(actor, Permission.POWER_WRITE, site_id=found.site_id), local_date(found.site, now)
    works = list(found.works.select_related("chain").order_by("name"))
    chains = [found.chain, *(row.chain for row in works)]
    answers = {row.chain_id: row for row in ChainForecast.objects.filter(current=True, chain__in=chains)}
    said = refused or {}

    def part(chain: Any, required_on: Any = None) -> Any:
        return chain_part(
            chain,
            answers.get(chain.pk),
            actor_may_write=may_write,
            today=today,
            required_on=required_on,
            refused=said,
        )

    context = {
        "connection": found,
        "answer": answers.get(found.chain_id),
        "chain": part(found.chain, found.energisation_target_on),
        "works": [{"row": row, "chain": part(row.chain)} for row in works],
        "capacity": found.capacity_steps.select_related("works").order_by("number"),
        "clocks": [
            {"row": each, "state": each.clock.state(today), "left": each.clock.days_left(today)}
            for each in clocks_visible_to(actor, today)
            if each.clock.connection == found.pk
        ],
        "forms": _forms(found, may_write, said),
        "crumbs": [
            (reverse("grid"), _("Grid connections")),
            (reverse("site_power", args=[found.site.code]), _("Power of %(site)s") % {"site": found.site.name}),
        ],
    }
    return render(request, "power/grid_connection.html", context, status=status)


def _forms(found: GridConnection, may_write: bool, refused: Mapping[str, PortalForm]) -> list[dict[str, Any]]:
    names = ConnectionForm.base_fields.keys() - {"site"}
    known = {name: getattr(found, name) for name in names} | {
        "owner": found.owner.username if found.owner else "",
        "calendar": found.calendar.name if found.calendar else "",
    }
    terms = ConnectionForm(auto_id="terms-%s", initial=known)
    offered: list[tuple[str, str, str, PortalForm, str]] = [
        ("terms", "plug", _("Change what was asked and offered"), terms, "grid_connection_terms"),
        ("capacity", "bolt", _("Change the capacity"), _capacity_form(found), "grid_connection_capacity"),
        (
            "state",
            "arrow-right",
            _("Change the state"),
            GridStateForm(auto_id="state-%s", initial={"state": found.state}),
            "grid_connection_state",
        ),
        ("works", "plus", _("Add works of the utility"), AddWorks(auto_id="works-%s"), "grid_connection_works"),
    ]
    return [
        {
            "name": name,
            "icon": sign,
            "title": title,
            "form": refused.get(name, form),
            "url": reverse(url, args=[found.pk]),
            "is_open": name in refused,
            "is_rows": isinstance(form, RowsForm),
        }
        for name, sign, title, form, url in offered
        if may_write or name in refused
    ]


def _capacity_form(found: GridConnection, data: Any = None) -> CapacityForm:
    rows = [
        {
            "firm_mw": row.firm_mw,
            "flexible_mw": row.flexible_mw,
            "from_on": row.from_on,
            "milestone_code": row.milestone_code,
            "works": row.works.name if row.works else "",
        }
        for row in found.capacity_steps.select_related("works").order_by("number")
    ]
    codes = found.chain.milestones.filter(applicable=True).order_by("sequence").values_list("code", flat=True)
    return CapacityForm(
        data,
        initial_rows=rows,
        milestones=[(code, step_name(code)) for code in codes],
        works=list(found.works.order_by("name").values_list("name", flat=True)),
        initial={"offer_expires_on": found.offer_expires_on},
        prefix_id="capacity",
    )
