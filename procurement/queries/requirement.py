"""One requirement: where its required-on-site date comes from, what serves it, and which lead time counts."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from procurement.models import (
    Allocation,
    GroupNeed,
    LeadTimeObservation,
    LotForecast,
    Requirement,
    RequirementForecast,
    RosAnchor,
)
from procurement.queries.steps import Step, date_state, read_steps
from procurement.vocabulary import DateState
from sites.accounts.models import User


@dataclass(frozen=True, slots=True)
class AllocationView:
    allocation: Allocation
    answer: LotForecast | None


@dataclass(frozen=True, slots=True)
class RequirementView:
    """`blocks` are (block, units needed, units in the group)."""

    requirement: Requirement
    anchors: tuple[RosAnchor, ...]
    earliest_anchor_on: date | None
    live: tuple[AllocationView, ...]
    ended: tuple[AllocationView, ...]
    answer: RequirementForecast | None
    steps: tuple[Step, ...]
    blocks: tuple[tuple[str, int], ...]
    group_units: int
    state: DateState
    considered: tuple[LeadTimeObservation, ...]


def find_requirement(actor: User, key: UUID) -> Requirement | None:
    return (
        Requirement.objects.visible_to(actor)
        .select_related("site", "phase", "block__phase", "equipment_class", "group", "lead_time__company")
        .filter(pk=key)
        .first()
    )


def requirement_view(requirement: Requirement) -> RequirementView:
    """For somebody who may see it; the caller asked at the door. Seven queries."""
    anchors = tuple(RosAnchor.objects.filter(requirement=requirement).select_related("gate").order_by("last_on", "pk"))
    allocations = list(
        Allocation.objects.filter(requirement=requirement)
        .select_related("lot__schedule_line__line__order__seller")
        .order_by("created_at")
    )
    answers = {
        row.lot_id: row
        for row in LotForecast.objects.filter(current=True, lot__in=[each.lot_id for each in allocations])
    }
    views = [AllocationView(each, answers.get(each.lot_id)) for each in allocations]
    answer = RequirementForecast.objects.filter(current=True, requirement=requirement).first()
    blocks = GroupNeed.objects.filter(group=requirement.group_id) if requirement.group_id else GroupNeed.objects.none()
    live = tuple(view for view in views if view.allocation.ended_at is None)
    delivered = bool(live) and all(view.answer and view.answer.delivered_on for view in live)
    known = [anchor.last_on for anchor in anchors if anchor.last_on]
    return RequirementView(
        requirement=requirement,
        anchors=anchors,
        earliest_anchor_on=min(known, default=None),
        live=live,
        ended=tuple(view for view in views if view.allocation.ended_at is not None),
        answer=answer,
        steps=read_steps(answer.steps) if answer else (),
        blocks=tuple(
            (f"{phase} {block}", needed)
            for phase, block, needed in blocks.order_by("block__phase__code", "block__code").values_list(
                "block__phase__code", "block__code", "needed_units"
            )
        ),
        group_units=Requirement.objects.filter(group=requirement.group_id, cancelled_at__isnull=True).count()
        if requirement.group_id
        else 0,
        state=date_state(
            is_cancelled=requirement.cancelled_at is not None,
            is_delivered=delivered,
            has_forecast=bool(answer and answer.forecast_on),
            float_days=answer.float_days if answer else None,
        ),
        considered=tuple(
            LeadTimeObservation.objects.filter(considered_for__requirement=requirement).order_by("-as_of", "pk")
        ),
    )
