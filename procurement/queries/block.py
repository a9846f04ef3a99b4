"""One block and the stored answer about it."""

from dataclasses import dataclass
from datetime import date

from procurement.models import BlockForecast, BlockProbability
from procurement.queries.facts import schedule_rfs_dates
from sites.models import Block


@dataclass(frozen=True, slots=True)
class BlockView:
    """`days_later` is behind the baseline, None where either date is not known. `schedule_rfs_on` is the date of the
    RFS gate, or the plan."""

    block: Block
    answer: BlockForecast | None
    days_later: int | None
    schedule_rfs_on: date | None
    odds: BlockProbability | None


def block_view(block: Block) -> BlockView:
    """For somebody who may see the site; the caller asked at the door."""
    answer = BlockForecast.objects.filter(current=True, block=block).first()
    on = block.rfs_actual_on or (answer.rfs_forecast_on if answer else None)
    later = (on - block.rfs_baseline_on).days if on and block.rfs_baseline_on else None
    odds = BlockProbability.objects.filter(current=True, block=block).first()
    return BlockView(block, answer, later, schedule_rfs_dates(block.phase.site_id, [block])[block.pk], odds)
