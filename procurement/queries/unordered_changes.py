"""What became of the list of what is not ordered since the end of a past day: old answers, what came and what went."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from procurement.models import ForecastRun, RequirementForecast
from procurement.queries.log import LogFilter, UnorderedPage, unordered
from sites.accounts.models import User
from sites.models import Site

MOST: Final = 5000
MOST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class UnorderedChanges:
    """`before` are the old answers of the page's requirements where they are others, `came` those that were not in the
    list. `went` were in it and are ordered or cancelled by now: the old answer and the new one, as far as the reader
    still sees the site; None where more than `MOST` went.
    """

    since: date
    before: Mapping[UUID, RequirementForecast]
    came: frozenset[UUID]
    went: tuple[tuple[RequirementForecast, RequirementForecast], ...] | None

    @property
    def went_shown(self) -> tuple[tuple[RequirementForecast, RequirementForecast], ...]:
        return (self.went or ())[:MOST_SHOWN]


def unordered_changes(actor: User, wanted: LogFilter, page: UnorderedPage, since: date) -> UnorderedChanges:
    """Answers are kept only where something changed, so the last one up to a day is that of the day. What no run had
    answered for by then, at a site that none had looked at, did not come: nothing is known of it. Four queries.
    """
    keys = [row.requirement_id for row in page.rows]
    was = _answers(keys, since)
    before = {key: was[key] for key in keys if key in was and not was[key].ordered}
    looked_at = _looked_at(since)
    came = frozenset(
        row.requirement_id
        for row in page.rows
        if row.requirement_id not in before and row.requirement.site_id in looked_at
    )
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
    # Most of those that are ordered had been before, and were only answered anew: first those that ever were not.
    once = RequirementForecast.objects.filter(ordered=False, as_of__lte=since).values("requirement")
    gone = gone.filter(requirement__in=once)
    answers = RequirementForecast.objects.filter(requirement=OuterRef("requirement"), as_of__lte=since)
    last = answers.order_by("-as_of", "-created_at", "-pk").values("ordered")[:1]
    gone = gone.annotate(was_ordered=Subquery(last)).filter(was_ordered=False).defer("steps")
    candidates = list(
        gone.select_related("requirement__site").order_by("requirement__site__code", "requirement__tag")[: MOST + 1]
    )
    if len(candidates) > MOST:
        return UnorderedChanges(since, before, came, None)
    then = _answers([row.requirement_id for row in candidates], since)
    return UnorderedChanges(since, before, came, tuple((then[row.requirement_id], row) for row in candidates))


def changed_since(actor: User, since: date) -> tuple[UUID, ...]:
    """What came, or has another required or order-by date; the forecast as if ordered today moves every day.
    Three queries.
    """
    now = unordered(actor).filter(as_of__gt=since).select_related("requirement").defer("steps")
    rows = {row.requirement_id: row for row in now}
    then, looked_at = _answers(rows, since), _looked_at(since)
    return tuple(
        key
        for key, row in rows.items()
        if row.requirement.site_id in looked_at
        and (
            (was := then.get(key)) is None
            or was.ordered
            or (was.required_on_site, was.order_by_on) != (row.required_on_site, row.order_by_on)
        )
    )


def _looked_at(since: date) -> set[UUID | None]:
    """The sites that a run had answered for by then."""
    return set(ForecastRun.objects.filter(as_of__lte=since).order_by().values_list("site", flat=True).distinct())


def _answers(keys: Collection[UUID], day: date) -> dict[UUID, RequirementForecast]:
    rows = (
        RequirementForecast.objects.filter(requirement__in=keys, as_of__lte=day)
        .order_by("requirement_id", "-as_of", "-created_at", "-pk")
        .distinct("requirement_id")
        .defer("steps")
    )
    return {row.requirement_id: row for row in rows}
