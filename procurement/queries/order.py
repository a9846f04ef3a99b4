"""One order as its reader may see it: only the schedule lines of their sites, amounts only with the right to all."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from procurement.models import LotForecast, OrderLine, PurchaseOrder, ScheduleLine
from procurement.queries.steps import date_state
from procurement.vocabulary import DateState, LineStatus
from sites.accounts.models import User


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """`answer` is that of the last open lot, null where nothing is calculated; the state is the worst lot's."""

    schedule: ScheduleLine
    answer: LotForecast | None
    state: DateState


@dataclass(frozen=True, slots=True)
class OrderLineView:
    line: OrderLine
    schedules: tuple[ScheduleView, ...]


@dataclass(frozen=True, slots=True)
class OrderView:
    """`hidden` counts schedule lines at sites that the reader may not see."""

    order: PurchaseOrder
    lines: tuple[OrderLineView, ...]
    shows_amounts: bool
    hidden: int


def order_view(order: PurchaseOrder, actor: User) -> OrderView:
    """For somebody who may see the order; the caller asked at the door. Four queries."""
    schedules = list(
        ScheduleLine.objects.visible_to(actor)
        .filter(line__order=order)
        .select_related("line__equipment_class", "line__plant__company", "site")
        .order_by("line__number", "number")
    )
    answers: dict[UUID, list[LotForecast]] = defaultdict(list)
    for row in LotForecast.objects.filter(current=True, lot__schedule_line__in=schedules).select_related("lot"):
        answers[row.lot.schedule_line_id].append(row)
    by_line: dict[UUID, tuple[OrderLine, list[ScheduleView]]] = {}
    for schedule in schedules:
        found = by_line.setdefault(schedule.line_id, (schedule.line, []))
        found[1].append(_schedule(schedule, answers[schedule.pk]))
    return OrderView(
        order=order,
        lines=tuple(OrderLineView(line, tuple(views)) for line, views in by_line.values()),
        shows_amounts=PurchaseOrder.objects.amounts_visible_to(actor).filter(pk=order.pk).exists(),
        hidden=ScheduleLine.objects.filter(line__order=order).count() - len(schedules),
    )


def _schedule(schedule: ScheduleLine, answers: list[LotForecast]) -> ScheduleView:
    waiting = [row for row in answers if row.delivered_on is None]
    last = max(waiting or answers, key=lambda row: str(row.forecast_on or "9"), default=None)
    floats = [row.float_days for row in waiting if row.float_days is not None]
    return ScheduleView(
        schedule,
        last,
        date_state(
            is_cancelled=LineStatus.CANCELLED in {schedule.status, schedule.line.status},
            is_delivered=bool(answers) and not waiting,
            has_forecast=bool(answers),
            float_days=min(floats, default=last.float_days if last else None),
        ),
    )
