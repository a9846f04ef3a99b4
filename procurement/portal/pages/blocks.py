"""The blocks, by the month in which they are ready for service; one of them, and what late deliveries do to it."""

from datetime import date
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.portal.actor import acting_user
from procurement.portal.forms.known import AsKnownOn
from procurement.portal.known import known_pairs
from procurement.portal.since import compared
from procurement.queries.block import Plan, block_rows, block_view
from procurement.queries.known import block_answers, lots_of_block
from procurement.queries.schedule_impact import impact_on_blocks
from procurement.services.forecasts import local_date
from sites.models import Block


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """`month` (2027-06) keeps those whose date `by` baseline or forecast falls into it; `month=none` those without."""
    actor = acting_user(request)
    every, since = block_rows(actor), compared(request.GET, actor)
    month, by = request.GET.get("month", ""), request.GET.get("by", "")
    plan = Plan(by) if by in set(Plan) else Plan.FORECAST
    rows = [row for row in every if _is_in(row.on(plan), month)]
    before = block_answers([row.block.pk for row in every], since.day) if since.day else {}
    was = {key: answer.rfs_forecast_on for key, answer in before.items()}
    moves = bool(month) and plan is Plan.FORECAST
    came = {key for key, on in was.items() if moves and not _is_in(on, month)}
    gone = [row for row in every if moves and row not in rows and row.block.pk in was and row.block.pk not in came]
    context = {
        "rows": [
            (row, was.get(row.block.pk), since.day is not None and row.block.pk not in was, row.block.pk in came)
            for row in rows
        ],
        "went": [(row, was[row.block.pk]) for row in gone],
        "compared": since,
        "month": month,
        "plan": plan,
        "it_mw": sum(row.block.it_mw for row in rows),
        "crumbs": [(reverse("portfolio"), _("Portfolio"))],
    }
    return render(request, "blocks/blocks.html", context)


def _is_in(on: date | None, month: str) -> bool:
    """Every block is in no month in particular."""
    if month == "none":
        return on is None
    return f"{on or ''}"[:7] == month if month else True


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    block = get_object_or_404(Block.objects.visible_to(acting_user(request)).select_related("phase__site"), pk=key)
    site = block.phase.site
    impact = impact_on_blocks(site.pk, [block])
    today = local_date(site, timezone.now())
    known_form = AsKnownOn(request.GET, today=today)
    day = known_form.day
    context = {
        "view": block_view(block),
        "impact": impact,
        "worst": impact.worst(block.pk),
        "known_form": known_form,
        "known_day": day,
        "then": block_answers([block.pk], day).get(block.pk) if day else None,
        "known_lots": known_pairs(
            lots_of_block(block, day, site.time_zone), day, known_form.later_day, today, site.time_zone
        )
        if day
        else [],
        "crumbs": [(reverse("portfolio"), _("Portfolio")), (reverse("site", args=[site.code]), site.name)],
    }
    return render(request, "blocks/block.html", context)
