from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from procurement.models import EquipmentClass
from procurement.portal.actor import acting_user
from procurement.portal.forms.log import number
from procurement.queries.lead_time import observations


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
