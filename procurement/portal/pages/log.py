from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from procurement.portal.actor import acting_user
from procurement.portal.forms.log import read_filter
from procurement.queries import log
from procurement.queries.log import LogPage, UnorderedPage


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    """What is ordered; with `shown=unordered` in the address, what is not ordered yet."""
    actor = acting_user(request)
    choices = log.choices(actor)
    page: LogPage | UnorderedPage
    if request.GET.get("shown") == "unordered":
        wanted = read_filter(request.GET, sorts=log.UNORDERED_SORTS, default_sort="order_by")
        page, template = log.unordered_page(actor, wanted), "log/unordered.html"
    else:
        page, template = log.log_page(actor, read_filter(request.GET)), "log/log.html"
    return render(request, template, {"log": page, "choices": choices, **_pager(page)})


def _pager(page: LogPage | UnorderedPage) -> dict[str, Any]:
    return {
        "filter": page.filter,
        "pages": page.pages,
        "before": page.filter.page - 1,
        "after": page.filter.page + 1,
        "sizes": log.PAGE_SIZES,
    }
