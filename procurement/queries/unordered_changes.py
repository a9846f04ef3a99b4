"""What became of the list of what is not ordered since the end of a past day: old answers, what came and what went."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db.models import Q

from procurement.models import RequirementForecast
from procurement.queries.log import LogFilter, UnorderedPage
from sites.accounts.models import User
from sites.models import Site

MOST: Final = 5000
MOST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class UnorderedChanges:
    """`before` are the old answers of the page's requirements where they are others, `came` those that were not in the
    list. `went` were in it and are ordered or cancelled by now: the old answer and the new one, as far as the reader
    still sees the site; None where more than `MOST` changed.
    """

    since: date
    before: Mapping[UUID, RequirementForecast]
    came: frozenset[UUID]
    went: tuple[tuple[RequirementForecast, RequirementForecast], ...] | None

    @property
    def went_shown(self) -> tuple[tuple[RequirementForecast, RequirementForecast], ...]:
        return (self.went or ())[:MOST_SHOWN]


def unordered_changes(actor: User, wanted: LogFilter, page: UnorderedPage, since: date) -> UnorderedChanges:
    """Answers are kept only where something changed, so the last one up to a day is that of the day. Three queries."""
    keys = [row.requirement_id for row in page.rows]
    was = _answers(keys, since)
    before = {key: was[key] for key in keys if key in was and not was[key].ordered}
    came = frozenset(key for key in keys if key not in before)
    gone = RequirementForecast.objects.filter(
        Q(ordered=True) | Q(requirement__cancelled_at__isnull=False),
        current=True,
        as_of__gt=since,
        requirement__site__in=Site.objects.visible_to(actor),
    )
    if wanted.site:
        gone = gone.filter(requirement__site__code=wanted.site)
    if wanted.equipment_class:
        gone = gone.filter(requirement__equipment_class__code=wanted.equipment_class)
    for word in wanted.text.split():
        gone = gone.filter(Q(requirement__tag__icontains=word) | Q(requirement__description__icontains=word))
    candidates = list(
        gone.select_related("requirement__site").order_by("requirement__site__code", "requirement__tag")[: MOST + 1]
    )
    if len(candidates) > MOST:
        return UnorderedChanges(since, before, came, None)
    then = _answers([row.requirement_id for row in candidates], since)
    went = tuple(
        (then[row.requirement_id], row)
        for row in candidates
        if row.requirement_id in then and not then[row.requirement_id].ordered
    )
    return UnorderedChanges(since, before, came, went)


def _answers(keys: Collection[UUID], day: date) -> dict[UUID, RequirementForecast]:
    rows = (
        RequirementForecast.objects.filter(requirement__in=keys, as_of__lte=day)
        .order_by("requirement_id", "-as_of", "-created_at", "-pk")
        .distinct("requirement_id")
        .defer("steps")
    )
    return {row.requirement_id: row for row in rows}
