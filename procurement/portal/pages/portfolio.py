from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from procurement.portal.actor import acting_user
from procurement.queries.portfolio import portfolio


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    return render(request, "sites/portfolio.html", {"portfolio": portfolio(acting_user(request))})
