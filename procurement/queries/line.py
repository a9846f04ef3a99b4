"""One schedule line with everything said about its dates, in a fixed number of queries."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from procurement.models import (
    Allocation,
    DeliveryLot,
    GroupNeed,
    LotForecast,
    LotProbability,
    Receipt,
    RequirementForecast,
    ScheduleLine,
    ShipmentNotice,
)
from procurement.queries.redundancy import Weight, holding_up, weight
from procurement.queries.steps import Step, date_state, read_steps
from procurement.vocabulary import DateState, LineStatus
from sites.accounts.models import User
from sites.models import Baseline, Milestone, MilestoneRound, Promise


@dataclass(frozen=True, slots=True)
class StepView:
    """`promise` is the deciding one; `before` the code of the applicable step before, empty on the first."""

    step: Step
    milestone: Milestone | None
    promise: Promise | None
    before: str
    rounds: tuple[MilestoneRound, ...]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """`decides` where the forecast of its step rests on it."""

    promise: Promise
    step_code: str
    is_superseded: bool
    is_retracted: bool
    decides: bool


@dataclass(frozen=True, slots=True)
class LotView:
    """`odds` is None also while they are being drawn: those before belong to other dates."""

    lot: DeliveryLot
    answer: LotForecast | None
    state: DateState
    steps: tuple[StepView, ...]
    milestones: tuple[Milestone, ...]
    ledger: tuple[LedgerRow, ...]
    baseline: Baseline | None
    receipts: tuple[Receipt, ...]
    notices: tuple[ShipmentNotice, ...] = ()
    odds: LotProbability | None = None
    is_being_drawn: bool = False

    @property
    def still_to_come(self) -> Decimal:
        """Units of which no receipt stands."""
        gone = {row.reverses_id for row in self.receipts if row.reverses_id}
        came = [row.quantity for row in self.receipts if row.reverses_id is None and row.pk not in gone]
        return self.lot.quantity - sum(came, Decimal(0))

    @property
    def chance_percent(self) -> int | None:
        return self.odds.chance_by(self.answer.required_on_site) if self.odds and self.answer else None

    @property
    def is_open(self) -> bool:
        return self.answer is None or self.answer.delivered_on is None


@dataclass(frozen=True, slots=True)
class Served:
    allocation: Allocation
    answer: RequirementForecast | None
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineView:
    """`worst_float_days` and `state` are those of the worst open lot, `forecast_on` that of the last one."""

    line: ScheduleLine
    lots: tuple[LotView, ...]
    served: tuple[Served, ...]
    state: DateState
    forecast_on: date | None
    required_on_site: date | None
    worst_float_days: int | None
    slip_days: int | None
    recovers_mw_days: Decimal | None
    costs_mw_days: Decimal | None
    weight: Weight | None


def find_line(actor: User, key: UUID) -> ScheduleLine | None:
    return (
        ScheduleLine.objects.visible_to(actor)
        .select_related("line__order__seller", "line__equipment_class", "line__plant__company", "site")
        .filter(pk=key)
        .first()
    )


def line_view(line: ScheduleLine) -> LineView:
    """For somebody who may see the line; the caller asked at the door. Thirteen queries."""
    lots = list(line.lots.filter(quantity__gt=0).select_related("chain", "copied_from", "due_draw").order_by("number"))
    answers = {row.lot_id: row for row in LotForecast.objects.filter(current=True, lot__in=lots)}
    odds = {row.lot_id: row for row in LotProbability.objects.filter(current=True, lot__in=lots).select_related("run")}
    milestones: dict[UUID, list[Milestone]] = defaultdict(list)
    for row in (
        Milestone.objects.filter(chain__lot__in=lots)
        .select_related("locked_by", "actual_recorded_by")
        .order_by("sequence")
    ):
        milestones[row.chain_id].append(row)
    ledger = _ledger(lots)
    rounds: dict[UUID, list[MilestoneRound]] = defaultdict(list)
    for each in MilestoneRound.objects.filter(milestone__chain__lot__in=lots).order_by("number"):
        rounds[each.milestone_id].append(each)
    baselines = {row.chain_id: row for row in Baseline.objects.filter(chain__lot__in=lots).order_by("version")}
    receipts: dict[UUID, list[Receipt]] = defaultdict(list)
    for receipt in Receipt.objects.filter(lot__in=lots).select_related("recorded_by").order_by("received_on"):
        receipts[receipt.lot_id].append(receipt)
    notices: dict[UUID, list[ShipmentNotice]] = defaultdict(list)
    for notice in ShipmentNotice.objects.filter(lot__in=lots).order_by("created_at", "pk"):
        notices[notice.lot_id].append(notice)
    cancelled = LineStatus.CANCELLED in {line.status, line.line.status}
    views = []
    for lot in lots:
        answer = answers.get(lot.pk)
        steps = _steps(answer, milestones[lot.chain_id], ledger[lot.chain_id], rounds)
        views.append(
            LotView(
                lot=lot,
                answer=answer,
                state=date_state(
                    is_cancelled=cancelled,
                    is_delivered=bool(answer and answer.delivered_on),
                    has_forecast=answer is not None,
                    float_days=answer.float_days if answer else None,
                ),
                steps=steps,
                milestones=tuple(row for row in milestones[lot.chain_id] if row.applicable),
                ledger=_rows(ledger[lot.chain_id], {each.step.promise_id for each in steps}),
                baseline=baselines.get(lot.chain_id),
                receipts=tuple(receipts[lot.pk]),
                notices=tuple(notices[lot.pk]),
                odds=None if hasattr(lot, "due_draw") else odds.get(lot.pk),
                is_being_drawn=hasattr(lot, "due_draw"),
            )
        )
    return _whole(line, tuple(views), _served(lots), is_cancelled=cancelled)


def _whole(
    line: ScheduleLine, lots: tuple[LotView, ...], served: tuple[Served, ...], *, is_cancelled: bool
) -> LineView:
    known = [view.answer for view in lots if view.answer]
    waiting = [answer for answer in known if answer.delivered_on is None]
    last = max(waiting or known, key=lambda answer: answer.forecast_on or date.max, default=None)
    floats = [answer.float_days for answer in waiting if answer.float_days is not None]
    worst = min(floats, default=last.float_days if last else None)
    return LineView(
        line=line,
        lots=lots,
        served=served,
        state=date_state(
            is_cancelled=is_cancelled,
            is_delivered=bool(known) and not waiting,
            has_forecast=bool(known),
            float_days=worst,
        ),
        forecast_on=last.forecast_on if last else None,
        required_on_site=last.required_on_site if last else None,
        worst_float_days=worst,
        slip_days=last.slip_days if last else None,
        recovers_mw_days=last.recovers_mw_days if last else None,
        costs_mw_days=last.costs_mw_days if last else None,
        weight=weight(
            float_days=worst if waiting else None,
            costs=last.costs_mw_days if last else None,
            groups=[each.allocation.requirement.group.code for each in served if each.allocation.requirement.group],
            up=holding_up([line.site_id] if line.site_id else []),
            site_id=line.site_id,
        ),
    )


def _ledger(lots: list[DeliveryLot]) -> dict[UUID, list[Promise]]:
    found: dict[UUID, list[Promise]] = defaultdict(list)
    rows = (
        Promise.objects.filter(milestone__chain__lot__in=lots)
        .select_related("milestone", "recorded_by", "retraction__retracted_by", "superseded_by__retraction")
        .order_by("-stated_on", "-recorded_at", "-milestone__sequence", "-place")
    )
    for row in rows:
        found[row.milestone.chain_id].append(row)
    return found


def _rows(promises: list[Promise], deciding: set[str]) -> tuple[LedgerRow, ...]:
    return tuple(
        LedgerRow(
            promise=row,
            step_code=row.milestone.code,
            is_superseded=row.is_superseded,
            is_retracted=row.is_retracted,
            decides=str(row.pk) in deciding,
        )
        for row in promises
    )


def _steps(
    answer: LotForecast | None,
    milestones: list[Milestone],
    promises: list[Promise],
    rounds: dict[UUID, list[MilestoneRound]],
) -> tuple[StepView, ...]:
    if answer is None:
        return ()
    by_code = {row.code: row for row in milestones}
    by_key = {str(row.pk): row for row in promises}
    views: list[StepView] = []
    before = ""
    for step in read_steps(answer.steps):
        milestone = by_code.get(step.code)
        views.append(
            StepView(
                step,
                milestone,
                by_key.get(step.promise_id),
                before,
                tuple(rounds[milestone.pk]) if milestone else (),
            )
        )
        before = step.code
    return tuple(views)


def _served(lots: list[DeliveryLot]) -> tuple[Served, ...]:
    allocations = list(
        Allocation.objects.filter(lot__in=lots, ended_at__isnull=True)
        .select_related("lot", "requirement__group", "requirement__site")
        .order_by("requirement__tag", "lot__number")
    )
    answers = {
        row.requirement_id: row
        for row in RequirementForecast.objects.filter(
            current=True, requirement__in=[each.requirement_id for each in allocations]
        )
    }
    blocks: dict[UUID, list[str]] = defaultdict(list)
    needs = GroupNeed.objects.filter(group__in=[each.requirement.group_id for each in allocations])
    for group_id, phase, block in needs.order_by("block__phase__code", "block__code").values_list(
        "group_id", "block__phase__code", "block__code"
    ):
        blocks[group_id].append(f"{phase} {block}")
    return tuple(
        Served(
            each,
            answers.get(each.requirement_id),
            tuple(blocks[each.requirement.group_id]) if each.requirement.group_id else (),
        )
        for each in allocations
    )
