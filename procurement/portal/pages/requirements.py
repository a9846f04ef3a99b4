"""One requirement: where its dates come from, and the forms that plan it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.models import Requirement
from procurement.portal import words
from procurement.portal.actor import acting_user
from procurement.portal.forms.base import PortalForm, attempt
from procurement.portal.forms.lead_times import ChooseLeadTime
from procurement.portal.forms.requirements import FixRequired
from procurement.queries.lead_time import choices_for
from procurement.queries.reasons import reason_of
from procurement.queries.requirement import RequirementView, find_requirement, requirement_view
from procurement.services import requirements
from procurement.services.reason_text import Names, Told, tell
from procurement.services.requirements import Ruled
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.queries.access import can


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    return _page(request, actor, _find(actor, key))


@require_POST
@login_required
def choose_lead_time(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    requirement = _find(actor, key)
    form = ChooseLeadTime(request.POST, need=requirement, choices=choices_for(requirement))
    return _try(request, actor, requirement, form, "lead_time", lambda: _chosen(form, requirement, actor, now))


def _chosen(form: ChooseLeadTime, requirement: Requirement, actor: User, now: datetime) -> Ruled:
    chosen, reason = form.chosen, form.cleaned_data["why"]
    if len(chosen) > 1:
        return requirements.choose_percentile(
            requirement_id=requirement.pk,
            observation_ids=chosen,
            percent=form.cleaned_data["percentile"],
            reason=reason,
            actor=actor,
            now=now,
        )
    return requirements.choose_lead_time(
        requirement_id=requirement.pk,
        observation_id=chosen[0] if chosen else None,
        weeks=form.cleaned_data["weeks"],
        reason=reason,
        actor=actor,
        now=now,
    )


@require_POST
@login_required
def fix_required(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    requirement = _find(actor, key)
    form = FixRequired(request.POST)

    def act() -> Ruled:
        return requirements.set_ros_fixed(
            requirement_id=requirement.pk,
            required_on=form.cleaned_data["required_on"],
            reason=form.cleaned_data["why"],
            actor=actor,
            now=now,
        )

    return _try(request, actor, requirement, form, "required", act)


def _find(actor: User, key: UUID) -> Requirement:
    requirement = find_requirement(actor, key)
    if requirement is None:
        raise Http404
    return requirement


def _try(
    request: HttpRequest,
    actor: User,
    requirement: Requirement,
    form: PortalForm,
    name: str,
    act: Callable[[], Ruled],
) -> HttpResponse:
    def done() -> HttpResponse:
        messages.success(request, _("Recorded.") if act().moved else _("Recorded. No forecast moved."))
        return redirect("requirement", key=requirement.pk)

    def again(status: int) -> HttpResponse:
        return _page(request, actor, requirement, refused={name: form}, status=status)

    return attempt(form, done, again)


def _page(
    request: HttpRequest,
    actor: User,
    requirement: Requirement,
    *,
    refused: dict[str, PortalForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    view = requirement_view(requirement)
    site = requirement.site
    context = {
        "view": view,
        "steps": _steps(view),
        "why": _why(view),
        "forms": _forms(actor, view, refused or {}),
        "crumbs": [
            (reverse("portfolio"), _("Portfolio")),
            (reverse("site", args=[site.code]), site.name),
            *([] if view.live else [(f"{reverse('log')}?shown=unordered&site={site.code}", _("Not ordered yet"))]),
        ],
    }
    return render(request, "requirements/requirement.html", context, status=status)


def _forms(actor: User, view: RequirementView, refused: dict[str, PortalForm]) -> list[dict[str, Any]]:
    need = view.requirement
    is_live = need.cancelled_at is None
    may_plan = is_live and can(actor, Permission.LEAD_TIME_WRITE, site_id=need.site_id)
    may_rule = is_live and can(actor, Permission.REQUIREMENT_WRITE, site_id=need.site_id)
    offered: list[tuple[str, str, str, Callable[[], PortalForm], bool]] = [
        ("lead_time", "clock", _("Choose the lead time"), lambda: ChooseLeadTime(need=need, choices=choices_for(need)),
         may_plan and not view.live),
        ("required", "calendar", _("Fix the required-on-site date"), FixRequired, may_rule),
    ]  # fmt: skip
    return [
        {
            "name": name,
            "icon": sign,
            "title": title,
            "form": refused[name] if name in refused else form(),
            "url": reverse(f"requirement_{name}", args=[need.pk]),
            "is_open": name in refused,
        }
        for name, sign, title, form, is_offered in offered
        if is_offered or name in refused
    ]


def _why(view: RequirementView) -> Told | None:
    """Why it stands where it stands if ordered today; of what is ordered its lines tell."""
    answer = view.answer
    if answer is None or answer.ordered or not view.steps:
        return None
    found = reason_of(
        view.steps,
        required_on=answer.required_on_site,
        as_of=answer.as_of,
        owners={},
        anchor=next((step.code for step in view.steps if step.is_anchor), "ON_SITE"),
        is_ordered=False,
    )
    return tell(found, Names(site=view.requirement.site.code)) if found else None


def _steps(view: RequirementView) -> list[dict[str, object]]:
    """The chain as if it were ordered today, with the reason of each step in words."""
    if view.answer is None:
        return []
    rows, before = [], ""
    for step in view.steps:
        rows.append({"step": step, "why": words.why_if_ordered(step, as_of=view.answer.as_of, before=before)})
        before = step.code
    return rows
