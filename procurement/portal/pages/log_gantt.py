"""The log as a Gantt: the same address, the same lines."""

from dataclasses import replace

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from procurement.portal.actor import acting_user
from procurement.portal.context import zone_of
from procurement.portal.line_gantt import NAMES, Zoom, bands, twin
from procurement.portal.pages.log import asked
from procurement.queries import log
from procurement.queries.line_gantt import MOST_LINES, power_dates, spans
from procurement.queries.log_address import kept, read_filter

_ZOOMS = (
    (Zoom.FIT, gettext_lazy("All of it")),
    (Zoom.QUARTERS, gettext_lazy("Quarters")),
    (Zoom.MONTHS, gettext_lazy("Months")),
    (Zoom.WEEKS, gettext_lazy("Weeks")),
)


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    """The first five hundred lines of the log's address, those of a site together."""
    actor = acting_user(request)
    address, view = asked(request, actor)
    wanted = read_filter(address)
    page = log.log_page(actor, replace(wanted, page=1, size=MOST_LINES, as_known_on=None))
    zoom = next((each for each in Zoom if each.value == address.get("zoom")), Zoom.FIT)
    drawn = spans(page.rows)
    power = power_dates({row.site for row in page.rows if row.site})
    said = address.copy()
    said.pop("view", None)
    made = bands(drawn, power, today=timezone.now().astimezone(zone_of(actor)).date(), zoom=zoom)
    context = {
        "address": said,
        "filter": wanted,
        "here": wanted.shown.value,
        "choices": log.choices(actor),
        "view": view,
        "said": kept(address),
        "zoom": zoom.value,
        "zooms": [(each.value, label) for each, label in _ZOOMS],
        "bands": made,
        "names": NAMES,
        "twin": twin(drawn),
        "power": [(site, each) for site, found in sorted(power.items()) for each in found],
        "totals": page.totals,
        "left_out": page.totals.lines - len(page.rows),
        "crumbs": [(f"{reverse('log')}?{kept(address) or 'view='}", _("Log"))],
    }
    return render(request, "log/gantt.html", context)
