"""A line beside the list it stands in."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from procurement.portal.actor import acting_user
from procurement.portal.came_from import near
from procurement.queries.line import LotView, find_line, line_view
from procurement.queries.steps import Step


@require_safe
@login_required
@vary_on_headers("HX-Request")
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    """A part of a page; who opens its address gets the line's own page."""
    line = find_line(acting_user(request), key)
    if line is None:
        raise Http404
    said = request.GET.get("in", "")[:4000]
    url = reverse("line", args=[key]) + (f"?{urlencode({'in': said})}" if said else "")
    if not request.headers.get("HX-Request"):
        return redirect(url)
    view = line_view(line)
    lots = [{"view": each, "decides": _deciding(each)} for each in view.lots if each.is_open]
    context = {"view": view, "lots": lots, "near": near(request, key, page_name="line_preview"), "line_url": url}
    return render(request, "lines/preview.html", context)


def _deciding(each: LotView) -> Step | None:
    code = each.answer.driver_code if each.answer else ""
    return next((row.step for row in each.steps if row.step.code == code), None)
