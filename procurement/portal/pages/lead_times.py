"""The library of lead times: all of it, and one class with its spread, age and trend."""

from collections.abc import Callable
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

from procurement.models import EquipmentClass
from procurement.portal.actor import acting_user
from procurement.portal.charts import SERIES_TONES, Chart, Dash, Series
from procurement.portal.forms.base import PortalForm, attempt, has_choices
from procurement.portal.forms.lead_times import AddObservation, RetireObservation, SetFallback
from procurement.queries.lead_time import ClassView, class_view, find_class, observations
from procurement.queries.log_address import number
from procurement.services import lead_times
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.queries.access import can


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    wanted = request.GET.get("class", "").replace("\x00", "")[:40]
    found = observations(
        acting_user(request),
        today=timezone.localdate(),
        equipment_class=wanted,
        page=number(request.GET.get("page", ""), 1),
    )
    context = {
        "observations": found.rows,
        "filter": found,
        "pages": found.pages,
        "before": found.page - 1,
        "after": found.page + 1,
        "sizes": (),
        "classes": EquipmentClass.objects.filter(lead_times__isnull=False).distinct().order_by("name"),
        "wanted": wanted,
    }
    return render(request, "lead_times/lead_times.html", context)


@require_safe
@login_required
def show(request: HttpRequest, code: str) -> HttpResponse:
    return _page(request, acting_user(request), _find(code))


@require_POST
@login_required
def add(request: HttpRequest, code: str) -> HttpResponse:
    actor, found = acting_user(request), _find(code)
    form = AddObservation(request.POST, equipment_class=found)

    def act() -> str:
        lead_times.add(equipment_class=found, stated=form.stated(), actor=actor)
        return _("The observation is recorded.")

    return _try(request, actor, found, form, "add", act)


@require_POST
@login_required
def retire(request: HttpRequest, code: str) -> HttpResponse:
    actor, found = acting_user(request), _find(code)
    form = RetireObservation(request.POST, rows=_live(class_view(actor, found, today=timezone.localdate())))

    def act() -> str:
        lead_times.retire(
            observation_id=UUID(form.cleaned_data["observation"]),
            reason=form.cleaned_data["why"],
            actor=actor,
            now=timezone.now(),
        )
        return _("The observation is retired; what was planned with it keeps it.")

    return _try(request, actor, found, form, "retire", act)


@require_POST
@login_required
def fall_back(request: HttpRequest, code: str) -> HttpResponse:
    actor, found = acting_user(request), _find(code)
    form = SetFallback(request.POST, equipment_class=found)

    def act() -> str:
        lead_times.set_fallback(equipment_class=found, fallback=form.cleaned_data["fallback"], actor=actor)
        return _("Recorded.")

    return _try(request, actor, found, form, "fallback", act)


def _find(code: str) -> EquipmentClass:
    found = find_class(code)
    if found is None:
        raise Http404
    return found


def _live(view: ClassView) -> list[Any]:
    """What may be retired: all that was stated, and the last of what was achieved."""
    return [*view.live, *(row.observation for row in view.achieved if row.observation.retired_at is None)]


def _try(
    request: HttpRequest, actor: User, found: EquipmentClass, form: PortalForm, name: str, act: Callable[[], str]
) -> HttpResponse:
    def done() -> HttpResponse:
        messages.success(request, act())
        return redirect("lead_time_class", code=found.code)

    def again(status: int) -> HttpResponse:
        return _page(request, actor, _find(found.code), refused={name: form}, status=status)

    return attempt(form, done, again)


def _page(
    request: HttpRequest,
    actor: User,
    found: EquipmentClass,
    *,
    refused: dict[str, PortalForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    view = class_view(actor, found, today=timezone.localdate(), page=number(request.GET.get("page", ""), 1))
    context = {
        "view": view,
        "filter": view,
        "pages": view.pages,
        "before": view.page - 1,
        "after": view.page + 1,
        "trend": _trend(view),
        "forms": _forms(actor, view, refused or {}),
        "crumbs": [(reverse("lead_times"), _("Lead times"))],
    }
    return render(request, "lead_times/class.html", context, status=status)


def _forms(actor: User, view: ClassView, refused: dict[str, PortalForm]) -> list[dict[str, Any]]:
    may = can(actor, Permission.LEAD_TIME_WRITE, site_id=None)
    found = view.equipment_class
    gone = RetireObservation(rows=_live(view))
    offered: list[tuple[str, str, str, PortalForm, bool]] = [
        ("add", "edit", _("Add an observation"), AddObservation(equipment_class=found), may),
        ("retire", "trash", _("Retire an observation"), gone, may and has_choices(gone, "observation")),
        ("fallback", "link", _("Choose what stands in"), SetFallback(equipment_class=found), may),
    ]
    return [
        {
            "name": name,
            "icon": sign,
            "title": title,
            "form": refused.get(name, form),
            "url": reverse(f"lead_time_{name}", args=[found.code]),
            "is_open": name in refused,
        }
        for name, sign, title, form, is_offered in offered
        if is_offered or name in refused
    ]


def _trend(view: ClassView) -> Chart | None:
    """Low and high of each publisher by edition; None where nobody has printed two."""
    series = []
    for place, trend in enumerate(view.trends):
        tone = SERIES_TONES[place % len(SERIES_TONES)]
        name = f"{trend.publisher} {trend.sub_class}".strip()
        series += [
            Series(
                _("%(publisher)s, high") % {"publisher": name},
                [(each.as_of, each.high_weeks) for each in trend.editions],
                tone=tone,
            ),
            Series(
                _("%(publisher)s, low") % {"publisher": name},
                [(each.as_of, each.low_weeks) for each in trend.editions],
                tone=tone,
                dash=Dash.DASHED,
            ),
        ]
    if not series:
        return None
    return Chart(
        key="trend",
        label=_("Published lead times by edition"),
        unit=_("weeks"),
        series=series,
        x_name=_("Edition as of"),
    )
