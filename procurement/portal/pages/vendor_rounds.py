"""Rounds of questions to vendors: who is asked, with which file or link, and what came back."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from procurement.portal.actor import acting_user
from procurement.portal.forms.vendor_rounds import AskVendor
from procurement.portal.pages.exports import workbook_file
from procurement.queries.vendor_rounds import askable, round_view, rounds
from procurement.services import vendor_rounds
from sites.domain.errors import NotFound, RuleBroken


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def index(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    vendors = askable(actor)
    form, status = AskVendor(vendors=vendors, initial={"company": request.GET.get("company", "")}), 200
    if request.method == "POST":
        form, status = AskVendor(request.POST, vendors=vendors), 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                made = vendor_rounds.ask(
                    company_id=UUID(said["company"]), language=said["language"], actor=actor, now=timezone.now()
                )
            except RuleBroken as refusal:
                form.refuse(refusal)
            else:
                return redirect("round", key=made.pk)
    context = {"form": form, "rounds": rounds(actor), "vendors": vendors, "crumbs": [(reverse("log"), _("Log"))]}
    return render(request, "rounds/rounds.html", context, status=status)


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    return _page(request, key)


@require_safe
@login_required
def workbook(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        name, content = vendor_rounds.workbook(round_id=key, actor=acting_user(request))
    except NotFound:
        raise Http404 from None
    return workbook_file(name, content)


@never_cache
@require_POST
@login_required
def make_link(request: HttpRequest, key: UUID) -> HttpResponse:
    """Shown on this answer only: what is stored of it opens nothing."""
    actor = acting_user(request)
    made: dict[str, Any] = {}

    def decision() -> None:
        secret = vendor_rounds.make_link(round_id=key, actor=actor, now=timezone.now())
        made["link"] = settings.BASE_URL + reverse("vendor_answer", args=[secret])

    refused = _decided(request, decision)
    return refused or _page(request, key, **made)


@require_POST
@login_required
def close(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    _decided(request, lambda: vendor_rounds.close(round_id=key, actor=actor, now=timezone.now()))
    return redirect("round", key=key)


def _decided(request: HttpRequest, decision: Callable[[], object]) -> HttpResponse | None:
    try:
        decision()
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
        return redirect(request.path_info.rsplit("/", 2)[0] + "/")
    return None


def _page(request: HttpRequest, key: UUID, **more: Any) -> HttpResponse:
    view = round_view(acting_user(request), key)
    if view is None:
        raise Http404
    crumbs = [(reverse("log"), _("Log")), (reverse("rounds"), _("Questions to vendors"))]
    return render(request, "rounds/round.html", {"view": view, "crumbs": crumbs, **more})
