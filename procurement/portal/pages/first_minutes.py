"""For who is new: where the tour begins, and what the abbreviations mean."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from procurement.portal.actor import acting_user
from procurement.portal.glossary import TERMS
from procurement.portal.tour import addresses


@require_safe
@login_required
def begin_tour(request: HttpRequest) -> HttpResponse:
    return redirect(addresses(acting_user(request))[0])


@require_safe
@login_required
def glossary(request: HttpRequest) -> HttpResponse:
    return render(request, "glossary/glossary.html", {"terms": TERMS.items()})


@require_safe
@login_required
@cache_control(private=True, max_age=3600)
@vary_on_headers("Cookie")
def terms(request: HttpRequest) -> HttpResponse:
    """For the script that explains an abbreviation where it stands, in the reader's language."""
    return JsonResponse({term: str(meaning) for term, meaning in TERMS.items()})
