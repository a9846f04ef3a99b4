"""Lead times as somebody stated them, and the requirements that count with each."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from procurement.models import LeadTimeObservation, Requirement
from sites.accounts.models import User


@dataclass(frozen=True, slots=True)
class ObservationView:
    """`age_days` counts from the day it was stated; `chosen_for` holds only requirements that the reader may see."""

    observation: LeadTimeObservation
    age_days: int
    is_expired: bool
    chosen_for: tuple[Requirement, ...]


PAGE_SIZE: Final = 100


@dataclass(frozen=True, slots=True)
class LeadTimeList:
    rows: tuple[ObservationView, ...]
    page: int
    pages: int
    total: int


def observations(actor: User, *, today: date, equipment_class: str = "", page: int = 1) -> LeadTimeList:
    """By class, the newest first; lead times belong to no site, so whoever logs in sees them. Three queries."""
    rows = LeadTimeObservation.objects.select_related("equipment_class", "company", "plant").order_by(
        "equipment_class__name", "-as_of", "source"
    )
    if equipment_class:
        rows = rows.filter(equipment_class__code=equipment_class)
    total = rows.count()
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(page, pages)
    shown = list(rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    chosen: dict[UUID, list[Requirement]] = defaultdict(list)
    uses = Requirement.objects.visible_to(actor).filter(lead_time__in=shown, cancelled_at__isnull=True)
    for requirement in uses.select_related("site").order_by("site__code", "tag"):
        if requirement.lead_time_id is not None:
            chosen[requirement.lead_time_id].append(requirement)
    views = tuple(
        ObservationView(
            row,
            (today - row.as_of).days,
            row.valid_until is not None and row.valid_until < today,
            tuple(chosen[row.pk]),
        )
        for row in shown
    )
    return LeadTimeList(views, page, pages, total)
