"""Which equipment decides when a block can carry its load, per discipline: the name behind an equipment limit."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from procurement.models import BlockForecast, RedundancyGroup
from procurement.queries.steps import day_of
from sites.models import Block, Site
from sites.vocabulary import BlockPolicy, Discipline, PowerLimit

LIMIT_OF = {Discipline.ELECTRICAL: PowerLimit.ELECTRICAL, Discipline.MECHANICAL: PowerLimit.COOLING}


@dataclass(frozen=True, slots=True)
class Decider:
    """`groups` are names. `ready_on` None: a group has no date, and those are named. An actual RFS has no groups."""

    block: Block
    ready_on: date | None
    groups: tuple[str, ...]
    is_actual: bool = False


def deciders(site: Site) -> dict[PowerLimit, tuple[Decider, ...]]:
    """As known today, by block. Three queries."""
    blocks = list(Block.objects.filter(phase__site=site).select_related("phase").order_by("phase__code", "code"))
    answers = {row.block_id: row for row in BlockForecast.objects.filter(block__in=blocks, current=True)}
    rows = RedundancyGroup.objects.filter(site=site).values_list("code", "name", "equipment_class__discipline")
    groups = {code: (name or code, Discipline(discipline)) for code, name, discipline in rows}
    found: dict[PowerLimit, list[Decider]] = defaultdict(list)
    for discipline, limit in LIMIT_OF.items():
        for block in blocks:
            found[limit].append(_decider(block, answers.get(block.pk), discipline, groups))
    return {limit: tuple(rows) for limit, rows in found.items()}


def _decider(
    block: Block, answer: BlockForecast | None, discipline: Discipline, groups: dict[str, tuple[str, Discipline]]
) -> Decider:
    if block.rfs_actual_on is not None:
        return Decider(block, block.rfs_actual_on, (), is_actual=True)
    by = "redundant_on" if block.policy == BlockPolicy.REDUNDANT else "can_carry_on"
    days = {
        row["group"]: day_of(row.get(by))
        for row in (answer.groups if answer else [])
        if row["group"] in groups and groups[row["group"]][1] is discipline
    }
    unknown = [code for code, day in days.items() if day is None]
    known = [day for day in days.values() if day is not None]
    last = None if unknown else max(known, default=None)
    return Decider(block, last, tuple(groups[code][0] for code, day in sorted(days.items()) if day == last))
