"""Change orders of one order: drafted with what they would change, approved by somebody else, applied once."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from procurement.models import ChangeOrder, PurchaseOrder, ScheduleLine
from procurement.portal.actor import acting_user
from procurement.portal.change_order_words import ChangedDate, ChangedValue, changed_dates, changed_values
from procurement.portal.forms.base import status_of
from procurement.portal.forms.change_orders import DraftChange, RejectChange
from procurement.queries.log_address import number
from procurement.queries.paging import A_PAGE, paged
from procurement.services import change_orders
from procurement.vocabulary import ChangeOrderState, LineStatus
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import RuleBroken
from sites.queries.access import can


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def index(request: HttpRequest, key: UUID) -> HttpResponse:
    """The changes of an order, and the form that drafts one over a page of its open schedule lines."""
    actor, now = acting_user(request), timezone.now()
    order = get_object_or_404(PurchaseOrder.objects.amounts_visible_to(actor).select_related("seller"), pk=key)
    schedules = (
        ScheduleLine.objects.visible_to(actor)
        .filter(line__order=order, status=LineStatus.OPEN)
        .order_by("line__number", "number")
    )
    shown = paged(schedules.select_related("line__equipment_class", "site"), number(request.GET.get("page", ""), 1))
    form, status = DraftChange(schedules=shown.rows, initial={"currency": order.currency}), 200
    if request.method == "POST":
        form, status = DraftChange(request.POST, schedules=shown.rows), 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                made = change_orders.draft(
                    order_id=order.pk,
                    number=said["number"],
                    reason=said["reason"],
                    document=form.document(),
                    system="",
                    actor=actor,
                    now=now,
                    amount=said["amount"],
                    currency=said["currency"] if said["amount"] is not None else "",
                    rebaseline=said["rebaseline"],
                )
            except RuleBroken as refusal:
                form.refuse(refusal)
                status = status_of(refusal)
            else:
                messages.success(request, _drafted(made))
                return redirect("change_order", key=made.pk)
    context = {
        "order": order,
        "form": form,
        "may_draft": _everywhere(actor, Permission.ORDER_WRITE, change_orders.sites_of(order))
        or request.method == "POST",
        "rows": change_orders.in_sight(actor).filter(order=order).order_by("-created_at")[:A_PAGE],
        **shown.context(),
        "crumbs": _crumbs(order),
    }
    return render(request, "orders/changes.html", context, status=status)


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    return _page(request, actor, _find(actor, key), RejectChange())


@require_POST
@login_required
def decide(request: HttpRequest, key: UUID, step: str) -> HttpResponse:
    """Approve, reject or apply."""
    actor = acting_user(request)
    row = _find(actor, key)
    form = RejectChange(request.POST)
    try:
        if step == "approve":
            change_orders.approve(change_order_id=row.pk, actor=actor)
            messages.success(request, _("The change is approved; it can be applied now."))
        elif step == "apply":
            change_orders.apply(
                change_order_id=row.pk,
                system="",
                actor=actor,
                now=timezone.now(),
                request_id=request.META["longlead.request_id"],
            )
            messages.success(request, _("The change is written into the order."))
        elif step != "reject":
            raise Http404
        elif not form.is_valid():
            return _page(request, actor, row, form, status=422)
        else:
            change_orders.reject(change_order_id=row.pk, reason=form.cleaned_data["reason"], actor=actor)
            messages.success(request, _("The change is rejected."))
    except RuleBroken as refusal:
        form = RejectChange(request.POST) if step == "reject" else RejectChange()
        messages.error(request, refusal.message)
        return _page(request, actor, _find(actor, key), form, status=status_of(refusal))
    return redirect("change_order", key=row.pk)


def _drafted(row: ChangeOrder) -> str:
    if row.rebaseline:
        return _("The change is drafted; somebody else approves it.")
    return _("The change is drafted; apply it once it is agreed.")


def _find(actor: User, key: UUID) -> ChangeOrder:
    return get_object_or_404(change_orders.in_sight(actor), pk=key)


def _page(request: HttpRequest, actor: User, row: ChangeOrder, form: RejectChange, status: int = 200) -> HttpResponse:
    before, after = change_orders.values_of(row)
    values: list[ChangedValue] = changed_values(before, after)
    dates: list[ChangedDate] = changed_dates(before, after, change_orders.dates_of(row))
    is_open = row.state in {ChangeOrderState.DRAFT, ChangeOrderState.APPROVED}
    sites = change_orders.sites_of(row.order)
    approves = is_open and _everywhere(actor, Permission.APPROVE, sites)
    context: dict[str, Any] = {
        "row": row,
        "values": values,
        "dates": dates,
        "warnings": change_orders.warnings_of(row),
        "form": form,
        "may_approve": (
            approves and row.rebaseline and row.state == ChangeOrderState.DRAFT and row.author_id != actor.pk
        ),
        "may_reject": is_open and (approves or row.author_id == actor.pk),
        "may_apply": change_orders.can_be_applied(row) and _everywhere(actor, Permission.ORDER_WRITE, sites),
        "crumbs": [
            *_crumbs(row.order),
            (reverse("change_orders", args=[row.order_id]), _("Changes")),
        ],
    }
    return render(request, "orders/change.html", context, status=status)


def _everywhere(actor: User, permission: Permission, sites: Iterable[UUID | None]) -> bool:
    """Whether the actor holds it at every one of these; what the service asks before it writes."""
    return all(can(actor, permission, site_id=site) for site in sites)


def _crumbs(order: PurchaseOrder) -> list[tuple[str, str]]:
    return [
        (reverse("log"), _("Log")),
        (reverse("order", args=[order.pk]), _("Order %(number)s") % {"number": order.number}),
    ]
