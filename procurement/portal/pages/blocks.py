"""One block: when it is ready for service, and what late deliveries do to that through the site's schedule."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.portal.actor import acting_user
from procurement.queries.block import block_view
from procurement.queries.schedule_impact import impact_on_blocks
from sites.models import Block


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    block = get_object_or_404(Block.objects.visible_to(acting_user(request)).select_related("phase__site"), pk=key)
    site = block.phase.site
    impact = impact_on_blocks(site.pk, [block])
    context = {
        "view": block_view(block),
        "impact": impact,
        "worst": impact.worst(block.pk),
        "crumbs": [(reverse("portfolio"), _("Portfolio")), (reverse("site", args=[site.code]), site.name)],
    }
    return render(request, "blocks/block.html", context)
