"""One block and the stored answer about it; and all of them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from procurement.models import BlockForecast, BlockProbability, DueDraw
from procurement.queries.facts import schedule_rfs_dates
from sites.accounts.models import User
from sites.models import Block


@dataclass(frozen=True, slots=True)
class BlockView:
    """`days_later` is behind the baseline, None where either date is not known. `schedule_rfs_on` is the date of the
    RFS gate, or the plan. `odds` is None also while they are being drawn: those before belong to other dates.
    """

    block: Block
    answer: BlockForecast | None
    days_later: int | None
    schedule_rfs_on: date | None
    odds: BlockProbability | None
    is_being_drawn: bool = False

    @property
    def chance_percent(self) -> int | None:
        return self.odds.chance_by(self.block.rfs_baseline_on) if self.odds else None


def block_view(block: Block) -> BlockView:
    """For somebody who may see the site; the caller asked at the door."""
    answer = BlockForecast.objects.filter(current=True, block=block).first()
    on = block.rfs_actual_on or (answer.rfs_forecast_on if answer else None)
    later = (on - block.rfs_baseline_on).days if on and block.rfs_baseline_on else None
    is_due = DueDraw.objects.filter(block=block).exists()
    odds = None if is_due else BlockProbability.objects.filter(current=True, block=block).first()
    return BlockView(block, answer, later, schedule_rfs_dates([block])[block.pk], odds, is_due)


class Plan(StrEnum):
    """By which date a block is ready for service: as first agreed, or as things stand."""

    BASELINE = "baseline"
    FORECAST = "forecast"


@dataclass(frozen=True, slots=True)
class BlockRow:
    """`forecast_on` is the actual where there is one. None: not known."""

    block: Block
    baseline_on: date | None
    forecast_on: date | None
    mw_days_at_risk: Decimal | None

    @property
    def days_later(self) -> int | None:
        return (self.forecast_on - self.baseline_on).days if self.forecast_on and self.baseline_on else None

    def on(self, plan: Plan) -> date | None:
        return self.baseline_on if plan is Plan.BASELINE else self.forecast_on


def block_rows(actor: User) -> tuple[BlockRow, ...]:
    """By forecast, those without one last. Two queries."""
    blocks = list(
        Block.objects.visible_to(actor)
        .select_related("phase__site")
        .order_by("phase__site__code", "phase__code", "code")
    )
    answers = BlockForecast.objects.filter(current=True, block__in=blocks)
    told = answers.values_list("block", "rfs_forecast_on", "mw_days_at_risk")
    answered = {key: (on, mw_days) for key, on, mw_days in told}
    rows = []
    for block in blocks:
        on, mw_days = answered.get(block.pk, (None, None))
        rows.append(BlockRow(block, block.rfs_baseline_on, block.rfs_actual_on or on, mw_days))
    return tuple(sorted(rows, key=lambda row: row.forecast_on or date.max))
