"""What the gates and required-on-site dates of a site hang on, and the forms that bind them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.portal.actor import acting_user
from procurement.portal.forms.anchors import BindGate, BindRequirement, EndRule, MakeRule
from procurement.portal.forms.base import PortalForm, attempt
from procurement.queries.anchors import AnchorsView, anchors_view
from procurement.queries.log_address import number
from procurement.services import anchor_rules, requirements
from procurement.services.anchor_rules import Match
from procurement.services.forecasts import Moved
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.models import Site
from sites.queries.access import can


@require_safe
@login_required
def show(request: HttpRequest, code: str) -> HttpResponse:
    actor = acting_user(request)
    return _page(request, actor, _view(request, actor, code), {})


@require_POST
@login_required
def bind_gate(request: HttpRequest, code: str) -> HttpResponse:
    actor = acting_user(request)
    view = _view(request, actor, code)
    form = BindGate(request.POST, view=view)

    def act() -> tuple[Moved, ...]:
        said = form.cleaned_data
        return anchor_rules.bind_gate(
            gate_id=UUID(said["gate"]),
            project_code=said["project_code"],
            activity_code=said["activity_code"].strip(),
            edge=said["edge"],
            reason=said["reason"],
            actor=actor,
            now=timezone.now(),
        )[1]

    return _try(request, actor, view, "gate", form, act)


@require_POST
@login_required
def bind_requirement(request: HttpRequest, code: str) -> HttpResponse:
    actor = acting_user(request)
    view = _view(request, actor, code)
    form = BindRequirement(request.POST, view=view)

    def act() -> tuple[Moved, ...]:
        said = form.cleaned_data
        return requirements.bind_ros(
            requirement_id=UUID(said["requirement"]),
            project_code=said["project_code"],
            activity_code=said["activity_code"].strip(),
            edge=said["edge"],
            shake_out_days=said["shake_out_days"],
            shake_out_basis=said["shake_out_basis"],
            reason=said["reason"],
            actor=actor,
            now=timezone.now(),
        ).moved

    return _try(request, actor, view, "requirement", form, act)


@require_POST
@login_required
def make_rule(request: HttpRequest, code: str) -> HttpResponse:
    """Looks first; only the second button binds."""
    actor = acting_user(request)
    view = _view(request, actor, code)
    form = MakeRule(request.POST, view=view)
    if request.POST.get("what") != "make":
        return _look(request, actor, view, form)

    def act() -> tuple[Moved, ...]:
        return anchor_rules.make(
            site_id=view.site.pk,
            facts=form.facts(),
            reason=form.cleaned_data["reason"],
            actor=actor,
            now=timezone.now(),
        )[1]

    return _try(request, actor, view, "rule", form, act)


@require_POST
@login_required
def end_rule(request: HttpRequest, code: str) -> HttpResponse:
    actor = acting_user(request)
    view = _view(request, actor, code)
    form = EndRule(request.POST, view=view)

    def act() -> tuple[Moved, ...]:
        anchor_rules.end(
            rule_id=UUID(form.cleaned_data["rule"]),
            reason=form.cleaned_data["reason"],
            actor=actor,
            now=timezone.now(),
        )
        return ()

    return _try(request, actor, view, "end", form, act)


def _look(request: HttpRequest, actor: User, view: AnchorsView, form: MakeRule) -> HttpResponse:
    def found() -> HttpResponse:
        matches = anchor_rules.preview(site_id=view.site.pk, facts=form.facts(), actor=actor)
        return _page(request, actor, view, {"rule": form}, matches=matches, status=200)

    def again(status: int) -> HttpResponse:
        return _page(request, actor, view, {"rule": form}, matches=None, status=status)

    return attempt(form, found, again)


def _try(
    request: HttpRequest,
    actor: User,
    view: AnchorsView,
    name: str,
    form: PortalForm,
    act: Callable[[], tuple[Moved, ...]],
) -> HttpResponse:
    def done() -> HttpResponse:
        messages.success(request, _("Done. Dates that moved: %(count)s.") % {"count": len(act())})
        return redirect("anchors", code=view.site.code)

    def again(status: int) -> HttpResponse:
        return _page(request, actor, view, {name: form}, status=status)

    return attempt(form, done, again)


def _view(request: HttpRequest, actor: User, code: str) -> AnchorsView:
    site = get_object_or_404(Site.objects.visible_to(actor).select_related("desk", "calendar"), code=code)
    return anchors_view(site, page=number(request.GET.get("page", ""), 1))


def _page(
    request: HttpRequest,
    actor: User,
    view: AnchorsView,
    refused: dict[str, PortalForm],
    *,
    matches: tuple[Match, ...] | None = None,
    status: int = 200,
) -> HttpResponse:
    site, page = view.site, number(request.GET.get("page", ""), 1)
    context = {
        "view": view,
        "forms": _forms(actor, view, refused, page=min(page, view.pages)),
        "matches": matches,
        "filter": {"page": min(page, view.pages)},
        "before": page - 1,
        "after": page + 1,
        "crumbs": [
            (reverse("portfolio"), _("Portfolio")),
            (reverse("site", args=[site.code]), site.name),
            (reverse("schedules", args=[site.code]), _("Schedules")),
        ],
    }
    return render(request, "schedules/anchors.html", context, status=status)


def _forms(actor: User, view: AnchorsView, refused: dict[str, PortalForm], *, page: int) -> list[dict[str, Any]]:
    """A form offers the requirements of the page that it stands on, and is read against the same."""
    may_gates = can(actor, Permission.SITE_WRITE, site_id=view.site.pk)
    may_needs = can(actor, Permission.REQUIREMENT_WRITE, site_id=view.site.pk)
    has_schedule = bool(view.projects)
    offered: list[tuple[str, str, str, PortalForm, bool]] = [
        ("gate", "link", _("Bind a gate"), BindGate(view=view), may_gates and bool(view.gates)),
        (
            "requirement", "link", _("Bind a required-on-site date"), BindRequirement(view=view),
            may_needs and has_schedule and bool(view.requirements),
        ),
        ("rule", "filter", _("Bind many by a rule"), MakeRule(view=view), (may_gates or may_needs) and has_schedule),
        ("end", "x", _("Switch a rule off"), EndRule(view=view), (may_gates or may_needs) and bool(view.rules)),
    ]  # fmt: skip
    return [
        {
            "name": name,
            "icon": sign,
            "title": title,
            "form": refused.get(name, form),
            "is_open": name in refused,
            "url": f"{reverse(f'anchors_{name}', args=[view.site.code])}?page={page}",
        }
        for name, sign, title, form, is_offered in offered
        if is_offered or name in refused
    ]
