"""What an ERP's list of open orders and ours disagree in: whose field it is, and what can be done about it here."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from procurement.models import Disagreement
from procurement.portal.actor import acting_user
from procurement.portal.forms.integration import PutAway, SendOpenOrders
from procurement.queries.integration import newest_lists, standing_disagreements, systems
from procurement.queries.log_address import number
from procurement.queries.paging import paged
from procurement.services import open_order_files, open_orders
from procurement.services.open_orders import FIXABLE
from procurement.vocabulary import DisagreementKind
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import NotFound, RuleBroken
from sites.models import Site
from sites.queries.access import can

# What to do where the ERP's value cannot be taken over by itself.
_ADVICE: Final[dict[str, str | Promise]] = {
    DisagreementKind.MISSING_HERE: gettext_lazy("Send the order from the ERP, or import it."),
    DisagreementKind.MISSING_THERE: gettext_lazy("Cancel it here, or close it where all of it has come; or say why."),
}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """A `POST` is a list of open orders as a file; it is compared at once."""
    actor = acting_user(request)
    may_send = can(actor, Permission.ORDER_WRITE, site_id=None)
    form, status = SendOpenOrders(systems=systems()), 200
    if request.method == "POST":
        form, status = SendOpenOrders(request.POST, request.FILES, systems=systems()), 422
        if form.is_valid() and _took(request, form, actor):
            return redirect("disagreements")
    return _page(request, actor, form=form if may_send or status == 422 else None, status=status)


@require_POST
@login_required
def fix(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)

    def act() -> str:
        open_orders.fix(
            disagreement_id=key, actor=actor, now=timezone.now(), request_id=request.META["longlead.request_id"]
        )
        return _("The ERP's value is taken over.")

    return _decided(request, act)


@require_POST
@login_required
def accept(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, form = acting_user(request), PutAway(request.POST)

    def act() -> str:
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        open_orders.accept(disagreement_id=key, reason=reason, actor=actor, now=timezone.now())
        return _("Left as it is, until either side says something else.")

    return _decided(request, act)


def _decided(request: HttpRequest, act: Callable[[], str]) -> HttpResponse:
    try:
        messages.success(request, act())
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    return redirect("disagreements")


def _took(request: HttpRequest, form: SendOpenOrders, actor: User) -> bool:
    now = timezone.now()
    try:
        done = open_order_files.take_file(
            content=form.cleaned_data["file"].read(),
            file_name=form.cleaned_data["file"].name,
            system=form.cleaned_data["system"],
            stated_at=now,
            complete=form.cleaned_data["complete"],
            actor=actor,
            now=now,
            encoding=form.cleaned_data["encoding"] or None,
            declared=form.declared(now.date()),
        )
    except RuleBroken as refusal:
        form.refuse(refusal)
        return False
    total = sum(done.standing.values())
    compared = ngettext("%(number)d row is compared.", "%(number)d rows are compared.", done.rows)
    stand = ngettext("%(number)d disagreement stands.", "%(number)d disagreements stand.", total)
    messages.success(request, f"{compared % {'number': done.rows}} {stand % {'number': total}}")
    return True


def _page(request: HttpRequest, actor: User, *, form: SendOpenOrders | None, status: int) -> HttpResponse:
    said = _said(request)
    found = paged(wanted(request, actor), number(request.GET.get("page", ""), 1))
    context = {
        "rows": [_row(actor, each) for each in found.rows],
        "said": said,
        "kinds": DisagreementKind.choices,
        "systems": systems(),
        "sites": list(Site.objects.visible_to(actor).order_by("code").values_list("code", "name")),
        "lists": newest_lists(actor),
        "form": form,
        **found.context(),
    }
    return render(request, "integration/disagreements.html", context, status=status)


def wanted(request: HttpRequest, actor: User) -> QuerySet[Disagreement]:
    """As the filter of the address says."""
    said = _said(request)
    return standing_disagreements(
        actor, kind=said["kind"], system=said["system"], site=said["site"], accepted=said["accepted"] == "1"
    )


def _said(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "").replace("\x00", "")[:40] for name in ("kind", "system", "site", "accepted")}


def _row(actor: User, row: Disagreement) -> dict[str, Any]:
    return {
        "row": row,
        "advice": _ADVICE.get(row.kind, ""),
        "may_fix": row.kind in FIXABLE and row.order_id is not None,
    }
