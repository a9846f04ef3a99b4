"""Where the power comes from: agreements, and the utility's side."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.portal import words
from procurement.portal.actor import acting_user
from procurement.portal.pictures import timeline
from procurement.queries import power
from procurement.queries.alert import sites_to_choose
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.queries.access import can, sites_where


@require_safe
@login_required
def agreements(request: HttpRequest) -> HttpResponse:
    return render(request, "power/agreements.html", {"agreements": power.agreements(acting_user(request))})


@require_safe
@login_required
def agreement(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    found = power.find_agreement(actor, key)
    if found is None:
        raise Http404
    view = power.agreement_view(actor, found)
    steps = power.chain_steps(view.answer)
    first = min((each.energised_on for each in view.shares if each.energised_on), default=None)
    context = {
        "view": view,
        "steps": [
            {
                "row": row,
                "why": words.long_why(
                    row.step, as_of=view.answer.as_of, before=row.before, promise=row.promise, milestone=row.milestone
                ),
            }
            for row in steps
            if view.answer
        ],
        "picture": timeline([row.step for row in steps], required_on=first, as_of=view.answer.as_of)
        if view.answer
        else None,
        "ledger": power.ledger(found.chain_id),
        "shows_amounts": _shows_amounts(actor, view),
        "crumbs": [(reverse("agreements"), _("Power purchase agreements"))],
    }
    return render(request, "power/agreement.html", context)


def _shows_amounts(actor: User, view: power.AgreementView) -> bool:
    """The price is for the right at every site supplied, or at all sites."""
    if can(actor, Permission.AMOUNTS_VIEW, site_id=None):
        return True
    allowed = sites_where(actor, Permission.AMOUNTS_VIEW)
    return not view.hidden and bool(view.shares) and all(each.share.site_id in allowed for each in view.shares)


@require_safe
@login_required
def grid(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    site = request.GET.get("site", "").replace("\x00", "")[:20]
    context = {"grid": power.grid(actor, site=site), "sites": sites_to_choose(actor), "site": site}
    return render(request, "power/grid.html", context)
