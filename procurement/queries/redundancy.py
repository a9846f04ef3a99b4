"""Which redundancy groups hold a block up, so that a late unit can say whether it matters, alone or together."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from uuid import UUID

from procurement.models import BlockForecast
from procurement.queries.steps import day_of
from sites.vocabulary import BlockPolicy


class Weight(StrEnum):
    """What a late unit does to the blocks of its group.

    `holds`: the other units are enough, until another one slips. `joint`: alone it changes nothing, because several
    units are late and hold a block up together.
    """

    HOLDS = "holds"
    JOINT = "joint"


def holding_up(site_ids: Collection[UUID]) -> dict[str, list[str]]:
    """Per `site:group code` the blocks that the group makes later than their baseline. One query."""
    rows = BlockForecast.objects.filter(current=True, block__phase__site__in=site_ids, mw_days_at_risk__gt=0)
    found: dict[str, list[str]] = {}
    for row in rows.select_related("block__phase").order_by("block__phase__code", "block__code"):
        block = row.block
        by = "redundant_on" if block.policy == BlockPolicy.REDUNDANT else "can_carry_on"
        for group in row.groups:
            on = day_of(group.get(by))
            if on is None or (row.rfs_baseline_on is not None and on > row.rfs_baseline_on):
                key = f"{block.phase.site_id}:{group['group']}"
                found.setdefault(key, []).append(f"{block.phase.code} {block.code}")
    return found


def weight(
    *, float_days: int | None, costs: object, groups: Iterable[str], up: dict[str, list[str]], site_id: UUID | None
) -> Weight | None:
    """None where it is not late, serves no group, or costs something by itself."""
    codes = [f"{site_id}:{code}" for code in groups]
    if float_days is None or float_days >= 0 or costs != 0 or not codes:
        return None
    return Weight.JOINT if any(code in up for code in codes) else Weight.HOLDS
