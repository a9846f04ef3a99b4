"""The power of one site: load against what can really be used, what binds, and what it costs both ways."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.portal import power_words
from procurement.portal.actor import acting_user
from procurement.portal.forms.base import PortalForm, attempt
from procurement.portal.forms.power import RampForm, SpotPriceForm, WindowForm, usual_window
from procurement.portal.power_pictures import balance_chart
from procurement.queries import power_balance, power_rows
from procurement.queries.power_balance import SiteBalance
from procurement.queries.power_equipment import Decider, deciders
from procurement.queries.power_facts import Knowledge
from procurement.services import grid
from procurement.services.forecasts import local_date
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import NotFound
from sites.models import Block, GridConnection, LoadStep, Site
from sites.queries.access import can
from sites.vocabulary import EnergyUnit, KnowledgeMode, PowerLimit

_WHOLE_SITE: Final = "site"


@require_safe
@login_required
def show(request: HttpRequest, code: str) -> HttpResponse:
    actor = acting_user(request)
    return _page(request, actor, _site(actor, code), timezone.now())


@require_POST
@login_required
def save_ramp(request: HttpRequest, code: str, block: str) -> HttpResponse:
    """`block` is the key of a block, or `site` for the ramp of the whole site."""
    actor, now = acting_user(request), timezone.now()
    site = _site(actor, code)
    form = RampForm(request.POST, prefix_id=f"ramp-{block}")

    def act() -> str:
        grid.save_ramp(site_id=site.pk, block_id=_block_key(site, block), steps=form.steps(), actor=actor, now=now)
        return _("The load ramp is saved.")

    return _try(request, actor, site, now, form, f"ramp-{block}", act)


@require_POST
@login_required
def set_spot_price(request: HttpRequest, code: str) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    site = _site(actor, code)
    form = _spot_form(site, actor, request.POST)

    def act() -> str:
        cleaned = form.cleaned_data
        grid.set_spot_price(
            site_id=site.pk,
            agreement_id=UUID(cleaned["agreement"]) if cleaned["agreement"] else None,
            from_on=cleaned["from_on"],
            price=cleaned["price"],
            unit=EnergyUnit(cleaned["unit"]),
            currency=cleaned["currency"],
            source=cleaned["source"],
            actor=actor,
            now=now,
        )
        return _("The spot price is saved.")

    return _try(request, actor, site, now, form, "spot-price", act)


def _site(actor: User, code: str) -> Site:
    return get_object_or_404(Site.objects.visible_to(actor).select_related("desk", "calendar"), code=code)


def _block_key(site: Site, text: str) -> UUID | None:
    if text == _WHOLE_SITE:
        return None
    try:
        found = Block.objects.filter(pk=UUID(text), phase__site=site).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(_("There is no such block at this site."), field="block")
    return found.pk


def _try(
    request: HttpRequest,
    actor: User,
    site: Site,
    now: datetime,
    form: PortalForm,
    name: str,
    act: Callable[[], str],
) -> HttpResponse:
    def done() -> HttpResponse:
        messages.success(request, act())
        return redirect(reverse("site_power", args=[site.code]) + "#ramp")

    def again(status: int) -> HttpResponse:
        return _page(request, actor, site, now, refused={name: form}, status=status)

    return attempt(form, done, again)


def _page(
    request: HttpRequest,
    actor: User,
    site: Site,
    now: datetime,
    *,
    refused: dict[str, PortalForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    today = local_date(site, now)
    steps = list(LoadStep.objects.filter(site=site).order_by("from_on"))
    usual = usual_window(today, max((step.from_on for step in steps), default=None))
    form = WindowForm(request.GET or None, today=today, usual=usual)
    window = form.window()
    asked = [Knowledge(today), Knowledge(today, KnowledgeMode.BASELINE)]
    if window.known_on:
        asked.append(Knowledge(window.known_on, KnowledgeMode.KNOWN_ON))
    stored = power_rows.read([site], None)
    balances = [
        power_balance.site_balances([site], window.from_on, window.until_on, knowledge, stored)[0]
        for knowledge in asked
    ]
    shown = balances[0]
    energy = power_balance.energy_cover(shown)
    may_write = can(actor, Permission.POWER_WRITE, site_id=site.pk)
    context = {
        "site": site,
        "window": window,
        "form": form,
        "today": today,
        "balance": shown,
        "compared": balances,
        "chart": balance_chart(shown, balances[1:], today=today, table_id="periods-head"),
        "quarters": _quarters(balances),
        "limits": _limits(shown, deciders(site)),
        "shows_amounts": can(actor, Permission.AMOUNTS_VIEW, site_id=site.pk),
        "amounts": _amounts(balances),
        "energy": (energy.years, energy.quarters),
        "connections": GridConnection.objects.filter(site=site).order_by("name"),
        "ramps": _ramps(site, actor, steps, may_write, refused or {}),
        "spot_form": _spot(site, actor, may_write, refused or {}),
        "crumbs": [(reverse("portfolio"), _("Portfolio")), (reverse("site", args=[site.code]), site.name)],
    }
    return render(request, "power/site.html", context, status=status)


def _quarters(balances: list[SiteBalance]) -> list[dict[str, Any]]:
    """Every quarter as known today, and what bound it by the other knowledge."""
    return [
        {
            "now": rows[0],
            "binding": power_words.binding(rows[0]),
            "tone": power_words.tone(rows[0]),
            "icon": power_words.LIMIT_ICONS[rows[0].binding[0].kind] if rows[0].binding else "help",
            "others": [{"quarter": row, "binding": power_words.binding(row)} for row in rows[1:]],
        }
        for rows in zip(*(each.quarters for each in balances), strict=True)
    ]


def _limits(shown: SiteBalance, by_limit: Mapping[PowerLimit, tuple[Decider, ...]]) -> list[dict[str, Any]]:
    """Each limit with its steps in the window and what is not known of it."""
    found = []
    for limit in shown.facts.power.limits:
        steps = [(day, mw) for day, mw in limit.low.steps if shown.from_on <= day <= shown.until_on]
        found.append(
            {
                "kind": limit.kind,
                "icon": power_words.LIMIT_ICONS[limit.kind],
                "at_first": limit.low.at(shown.from_on),
                "steps": steps,
                "why": limit.why,
                "deciders": by_limit.get(limit.kind, ()),
            }
        )
    return found


def _amounts(balances: list[SiteBalance]) -> list[dict[str, Any]]:
    """A row a kind and currency; a column a state of knowledge, None where there is none of it."""
    by_key = [{(row.kind, row.currency): row for row in each.amounts} for each in balances]
    keys = list(dict.fromkeys(key for each in by_key for key in each))
    return [
        {
            "name": power_words.AMOUNTS[kind],
            "currency": currency,
            "cells": [each.get((kind, currency)) for each in by_key],
        }
        for kind, currency in keys
    ]


def _ramps(
    site: Site, actor: User, steps: list[LoadStep], may_write: bool, refused: dict[str, PortalForm]
) -> list[dict[str, Any]]:
    """The ramp of the site as a whole and of each block, with its form for those who may change it."""
    blocks = list(Block.objects.filter(phase__site=site).select_related("phase").order_by("phase__code", "code"))
    found = []
    for block in [None, *blocks]:
        key = _WHOLE_SITE if block is None else str(block.pk)
        mine = [step for step in steps if step.block_id == (block.pk if block else None)]
        name = f"ramp-{key}"
        form: PortalForm = RampForm(
            prefix_id=name, initial_rows=[{"from_on": step.from_on, "gross_mw": step.gross_mw} for step in mine]
        )
        found.append(
            {
                "name": name,
                "block": block,
                "steps": mine,
                "form": refused.get(name, form) if may_write or name in refused else None,
                "is_open": name in refused,
                "url": reverse("site_power_ramp", args=[site.code, key]),
            }
        )
    return found


def _spot(site: Site, actor: User, may_write: bool, refused: dict[str, PortalForm]) -> PortalForm | None:
    if "spot-price" in refused:
        return refused["spot-price"]
    return _spot_form(site, actor, None) if may_write else None


def _spot_form(site: Site, actor: User, data: Any) -> SpotPriceForm:
    form = SpotPriceForm(data, auto_id="spot-field-%s")
    shares = site.ppa_shares.visible_to(actor).select_related("agreement").order_by("agreement__code")
    names = dict.fromkeys((str(share.agreement_id), share.agreement.code) for share in shares)
    form.choose("agreement", [("", _("the whole site")), *names.items()])
    form.choose("unit", EnergyUnit.choices)
    form.fields["currency"].initial = site.currency
    return form
