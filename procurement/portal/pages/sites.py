from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.models import Alert
from procurement.portal.actor import acting_user
from procurement.portal.readiness import matrix
from procurement.queries.readiness import followed_schedules, readiness
from procurement.queries.site import site_view
from sites.models import Site

# The next ones stand beside power and people; the rest is folded below them.
GATES_SHOWN = 8


@require_safe
@login_required
def show(request: HttpRequest, code: str) -> HttpResponse:
    actor = acting_user(request)
    site = get_object_or_404(Site.objects.visible_to(actor).select_related("desk", "calendar"), code=code)
    view = site_view(site)
    to_come = [row for row in view.gates if not row.is_actual]
    context = {
        "view": view,
        "readiness": matrix(readiness(site, view.blocks)),
        "schedules": followed_schedules(site),
        "gates_next": to_come[:GATES_SHOWN],
        "gates_later": to_come[GATES_SHOWN:],
        "gates_passed": [row for row in view.gates if row.is_actual],
        "open_alerts": Alert.objects.visible_to(actor).needing_action().filter(site=site).count(),
        "crumbs": [(reverse("portfolio"), _("Portfolio"))],
    }
    return render(request, "sites/site.html", context)
