"""The readiness matrix of a site: by class and block, how many units are needed of how many, and by when."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from procurement.models import RedundancyGroup
from procurement.queries.site import BlockView
from procurement.queries.steps import day_of
from sites.models import ScheduleRevision, Site
from sites.vocabulary import BlockPolicy, RevisionState


@dataclass(frozen=True, slots=True)
class Cell:
    """One group that a block needs: `needed` of `units`, as calculated on `as_of`. Null dates are not known. `decides`:
    the date that its block counts, `is_late`: it lies behind the block's baseline. `is_in_service`: its block is, so
    its units carry the load whether somebody recorded that or not.
    """

    group: str
    needed: int
    units: int
    can_carry_on: date | None
    redundant_on: date | None
    decides: date | None
    is_late: bool
    is_in_service: bool
    as_of: date


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """`cells` are in the order of the blocks; empty where a block needs nothing of the class."""

    equipment_class: str
    cells: tuple[tuple[Cell, ...], ...]


def readiness(site: Site, blocks: Sequence[BlockView]) -> tuple[MatrixRow, ...]:
    """From the stored answers of the blocks. One query."""
    classes = dict(RedundancyGroup.objects.filter(site=site).values_list("code", "equipment_class__name"))
    found: dict[str, dict[int, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for place, view in enumerate(blocks):
        if view.answer is None:
            continue
        for group in view.answer.groups:
            found[classes.get(group["group"], group["group"])][place].append(_cell(group, view, view.answer.as_of))
    return tuple(
        MatrixRow(name, tuple(tuple(found[name].get(place, ())) for place in range(len(blocks))))
        for name in sorted(found)
    )


def _cell(group: dict[str, Any], view: BlockView, as_of: date) -> Cell:
    can_carry_on, redundant_on = day_of(group.get("can_carry_on")), day_of(group.get("redundant_on"))
    decides = redundant_on if view.block.policy == BlockPolicy.REDUNDANT else can_carry_on
    baseline, is_in_service = view.block.rfs_baseline_on, view.block.rfs_actual_on is not None
    return Cell(
        group=group["group"],
        needed=group["needed"],
        units=group["units"],
        can_carry_on=can_carry_on,
        redundant_on=redundant_on,
        decides=decides,
        is_in_service=is_in_service,
        # What is in service carried its load by then, whatever came later.
        is_late=not is_in_service and decides is not None and baseline is not None and decides > baseline,
        as_of=as_of,
    )


@dataclass(frozen=True, slots=True)
class Followed:
    """The schedules that the site's dates follow, and how many wait for a decision."""

    accepted: tuple[ScheduleRevision, ...]
    waiting: int


def followed_schedules(site: Site) -> Followed:
    """One query."""
    rows = list(
        ScheduleRevision.objects.filter(
            site=site, state__in=[RevisionState.ACCEPTED, RevisionState.QUARANTINED]
        ).order_by("project_code", "-data_date")
    )
    return Followed(
        tuple(row for row in rows if row.state == RevisionState.ACCEPTED),
        sum(1 for row in rows if row.state == RevisionState.QUARANTINED),
    )
