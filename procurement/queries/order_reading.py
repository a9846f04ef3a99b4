"""An order as one actor may see it: only the schedule lines in sight, amounts only with the right to them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Model, Prefetch, QuerySet

from procurement.models import (
    Change,
    DeliveryLot,
    ExternalRef,
    LotForecast,
    LotProbability,
    OrderLine,
    PurchaseOrder,
    ScheduleLine,
)
from procurement.queries import chain_ledger
from procurement.queries.chain_ledger import ChainEntry
from procurement.vocabulary import ChangeSubject
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.queries.access import can, sites_where


@dataclass(frozen=True, slots=True)
class LotReading:
    """`forecast` is None where it was not asked for, or the lot has none (its line is cancelled); `odds` also for what
    is on site, and while they are being drawn for new dates.
    """

    lot: DeliveryLot
    forecast: LotForecast | None
    odds: LotProbability | None = None


@dataclass(frozen=True, slots=True)
class ScheduleReading:
    row: ScheduleLine
    lots: tuple[LotReading, ...]


@dataclass(frozen=True, slots=True)
class LineReading:
    """`unit_price` is None where there is none or the actor has no right to amounts at all sites of the line."""

    line: OrderLine
    unit_price: Decimal | None
    schedules: tuple[ScheduleReading, ...]


@dataclass(frozen=True, slots=True)
class OrderReading:
    order: PurchaseOrder
    amounts_visible: bool
    parent_id: UUID | None
    external_ids: tuple[tuple[str, str], ...]
    lines: tuple[LineReading, ...]


def key_of(*, system: str, external_id: str, actor: User) -> UUID | None:
    """The order that a system calls so; None where there is none in the actor's sight."""
    named = ExternalRef.objects.filter(system=system, kind="purchase_order", external_id=external_id)
    orders = PurchaseOrder.objects.visible_to(actor).filter(pk__in=named.values("subject_id"))
    return orders.values_list("pk", flat=True).first()


def name_of(order_id: UUID, system: str) -> str | None:
    """What a system calls the order; None where it has no name for it."""
    named = ExternalRef.objects.filter(system=system, kind="purchase_order", subject_id=order_id)
    return named.order_by("external_id").values_list("external_id", flat=True).first()


def changed_since(at: datetime) -> QuerySet[Change]:
    """What the feed remembers of orders since then."""
    return Change.objects.filter(subject=ChangeSubject.ORDER, at__gte=at)


def version_of(order_id: UUID, actor: User) -> int | None:
    """None where there is no such order in the actor's sight."""
    return PurchaseOrder.objects.visible_to(actor).filter(pk=order_id).values_list("version", flat=True).first()


def read(order_id: UUID, actor: User, *, with_forecast: bool = False) -> OrderReading | None:
    """The order in a fixed number of queries, however many lines; None where it is out of sight."""
    orders = PurchaseOrder.objects.visible_to(actor).select_related("seller").filter(pk=order_id)
    found = read_all(list(orders), actor, with_forecast=with_forecast)
    return found[0] if found else None


def read_all(
    orders: Sequence[PurchaseOrder], actor: User, *, with_lines: bool = True, with_forecast: bool = False
) -> list[OrderReading]:
    """Orders in the actor's sight, in a fixed number of queries, however many."""
    keys = [order.pk for order in orders]
    rows = (
        ScheduleLine.objects.visible_to(actor)
        .filter(line__order__in=keys)
        .select_related("line__equipment_class", "line__plant__company", "site")
        .prefetch_related(Prefetch("lots", queryset=_lots()))
        .order_by("line__order", "line__number", "number")
    )
    lines: dict[UUID, dict[UUID, list[ScheduleLine]]] = defaultdict(lambda: defaultdict(list))
    for row in rows if with_lines else ():
        lines[row.line.order_id][row.line_id].append(row)
    forecasts = _forecasts(keys) if with_forecast else {}
    odds = _odds(keys) if with_forecast else {}
    priced: set[UUID | None] = set(sites_where(actor, Permission.AMOUNTS_VIEW))
    if can(actor, Permission.AMOUNTS_VIEW, site_id=None):
        priced.add(None)
    names: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    refs = ExternalRef.objects.filter(kind="purchase_order", subject_id__in=keys).order_by("system", "external_id")
    for key, system, name in refs.values_list("subject_id", "system", "external_id"):
        names[key].append((system, name))
    amounts = PurchaseOrder.objects.amounts_visible_to(actor).filter(pk__in=keys)
    shows = set(amounts.values_list("pk", flat=True))
    parents = dict(PurchaseOrder.objects.visible_to(actor).filter(call_offs__in=keys).values_list("call_offs", "pk"))
    return [
        OrderReading(
            order=order,
            amounts_visible=order.pk in shows,
            parent_id=parents.get(order.pk),
            external_ids=tuple(names[order.pk]),
            lines=tuple(_line(group, forecasts, odds, priced) for group in lines[order.pk].values()),
        )
        for order in orders
    ]


def read_at(order_id: UUID, actor: User, at: datetime) -> OrderReading | None:
    """The order as its history had it at an instant, without lots, of the schedule lines in sight today. A fixed number
    of queries. None where it is out of sight, or was not there yet.
    """
    found = read(order_id, actor)
    if found is None or not _put_back([found.order], at):
        return None
    # A price that is withheld today is withheld of any day.
    shows = {each.line.pk: each.unit_price is not None or found.amounts_visible for each in found.lines}
    lines = _put_back([each.line for each in found.lines], at)
    parts = _put_back([part.row for each in found.lines for part in each.schedules], at)
    return replace(
        found,
        lines=tuple(
            LineReading(
                line=each.line,
                unit_price=each.line.unit_price if shows[each.line.pk] else None,
                schedules=tuple(ScheduleReading(part.row, ()) for part in each.schedules if part.row.pk in parts),
            )
            for each in found.lines
            if each.line.pk in lines
        ),
    )


def _put_back(rows: Sequence[Model], at: datetime) -> set[UUID]:
    """Give rows of one table the values of that instant, in memory; the keys of those that were there."""
    if not rows:
        return set()
    history = type(rows[0]).history.rel.related_model  # type: ignore[attr-defined]
    events = (
        history.objects.filter(pgh_obj_id__in=[row.pk for row in rows], pgh_created_at__lte=at)
        .order_by("pgh_obj_id", "-pgh_created_at", "-pgh_id")
        .distinct("pgh_obj_id")
    )
    then = {event.pgh_obj_id: event for event in events}
    tracked = {each.attname for each in history._meta.concrete_fields}
    for row in rows:
        for field in row._meta.concrete_fields:
            if row.pk in then and field.attname in tracked and not field.primary_key:
                setattr(row, field.attname, getattr(then[row.pk], field.attname))
    return set(then)


def _lots() -> QuerySet[DeliveryLot]:
    return DeliveryLot.objects.filter(quantity__gt=0).order_by("number")


def _line(
    rows: list[ScheduleLine],
    forecasts: dict[UUID, LotForecast],
    odds: dict[UUID, LotProbability],
    priced: set[UUID | None],
) -> LineReading:
    line = rows[0].line
    return LineReading(
        line=line,
        unit_price=line.unit_price if {row.site_id for row in rows} <= priced else None,
        schedules=tuple(
            ScheduleReading(
                row, tuple(LotReading(lot, forecasts.get(lot.pk), odds.get(lot.pk)) for lot in row.lots.all())
            )
            for row in rows
        ),
    )


def _forecasts(orders: Sequence[UUID]) -> dict[UUID, LotForecast]:
    rows = LotForecast.objects.filter(current=True, lot__schedule_line__line__order__in=orders)
    return {row.lot_id: row for row in rows}


def _odds(orders: Sequence[UUID]) -> dict[UUID, LotProbability]:
    rows = LotProbability.objects.filter(current=True, lot__schedule_line__line__order__in=orders)
    rows = rows.filter(lot__due_draw__isnull=True)
    return {row.lot_id: row for row in rows}


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What was said or done about one date of a lot."""

    lot: DeliveryLot
    entry: ChainEntry


def ledger(order_id: UUID, actor: User, *, most: int) -> tuple[list[LedgerEntry], bool] | None:
    """Promises, actuals and locks of the lines in sight, newest first, and whether there are more.

    None where the order is out of sight.
    """
    if version_of(order_id, actor) is None:
        return None
    visible = ScheduleLine.objects.visible_to(actor).filter(line__order=order_id)
    lots = DeliveryLot.objects.filter(schedule_line__in=visible).select_related("schedule_line__line")
    by_chain = {lot.chain_id: lot for lot in lots}
    found, has_more = chain_ledger.entries(by_chain, most=most)
    return [LedgerEntry(by_chain[each.milestone.chain_id], each) for each in found], has_more


def written(promise_ids: tuple[UUID, ...]) -> list[LedgerEntry]:
    """These promises, in the order in which they were written."""
    found = chain_ledger.written(promise_ids, "milestone__chain__lot__schedule_line__line")
    return [LedgerEntry(each.milestone.chain.lot, each) for each in found]
