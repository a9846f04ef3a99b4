from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.models import LogLine, Plant
from procurement.portal.actor import acting_user
from procurement.queries import subjects
from procurement.vocabulary import TalkSubject

_MOST_LINES = 200


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    """Where it is, when it works, whom to call, and what it makes for the sites that the reader may see."""
    actor = acting_user(request)
    if subjects.find(actor, TalkSubject.PLANT, key) is None:
        raise Http404
    plant = Plant.objects.select_related("company", "calendar").get(pk=key)
    lines = LogLine.objects.visible_to(actor).filter(schedule_line__line__plant=plant, shown="open")
    today = timezone.localdate()
    context = {
        "plant": plant,
        "closures": list(plant.calendar.closures.filter(until_on__gte=today).order_by("from_on")[:50]),
        "contacts": list(plant.contacts.order_by("name")) or list(plant.company.contacts.order_by("name")),
        "lines": list(lines.order_by("float_days", "order_number", "line_number")[:_MOST_LINES]),
        "crumbs": [
            (reverse("vendors"), _("Vendors")),
            (reverse("vendor", args=[plant.company_id]), plant.company.name),
        ],
    }
    return render(request, "plants/plant.html", context)
