from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.models import PurchaseOrder
from procurement.portal.actor import acting_user
from procurement.queries.order import order_view


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    order = get_object_or_404(PurchaseOrder.objects.visible_to(actor).select_related("seller", "parent"), pk=key)
    context = {"view": order_view(order, actor), "crumbs": [(reverse("log"), _("Log"))]}
    return render(request, "orders/order.html", context)
