from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.portal import words
from procurement.portal.actor import acting_user
from procurement.queries.requirement import RequirementView, find_requirement, requirement_view


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    requirement = find_requirement(acting_user(request), key)
    if requirement is None:
        raise Http404
    view = requirement_view(requirement)
    site = requirement.site
    context = {
        "view": view,
        "steps": _steps(view),
        "crumbs": [
            (reverse("portfolio"), _("Portfolio")),
            (reverse("site", args=[site.code]), site.name),
            *([] if view.live else [(f"{reverse('log')}?shown=unordered&site={site.code}", _("Not ordered yet"))]),
        ],
    }
    return render(request, "requirements/requirement.html", context)


def _steps(view: RequirementView) -> list[dict[str, object]]:
    """The chain as if it were ordered today, with the reason of each step in words."""
    if view.answer is None:
        return []
    rows, before = [], ""
    for step in view.steps:
        rows.append({"step": step, "why": words.long_why(step, as_of=view.answer.as_of, before=before)})
        before = step.code
    return rows
