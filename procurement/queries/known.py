"""What was known at the end of a past day, from ledger, runs and history alone; nothing is calculated anew.

- Answers (lots, requirements, blocks, chains): the last stored one whose `as_of` is that day or earlier. A run keeps
  only what changed, so the last answer is the one that was shown. Where no run had answered by then there is none.
- Promises: the rows recorded by then; one retracted or superseded later still counts.
- Actuals, quantities, status, contract dates: the last event of the row's history by then.

The end of a day is that of the site's time zone. A subject that did not exist yet is left out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import Model, Q

from procurement.models import (
    Allocation,
    BlockForecast,
    ChainForecast,
    DeliveryLot,
    LotForecast,
    OrderLine,
    RequirementForecast,
    ScheduleLine,
)
from procurement.vocabulary import LineStatus
from sites.domain import imprecise
from sites.domain.schedule import PromiseFacts, deciding_promise
from sites.models import Block, Milestone, Promise
from sites.vocabulary import Precision


def day_ends_at(day: date, time_zone: str) -> datetime:
    """The first instant that is no longer this day there."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone))


def last_answers(rows: Any, subject: str, day: date) -> Any:
    """Of stored answers the last of each subject that was given on or before a day."""
    return rows.filter(as_of__lte=day).order_by(subject, "-as_of", "-created_at", "-pk").distinct(subject)


def lot_answers(keys: Collection[UUID], day: date) -> dict[UUID, LotForecast]:
    """One query."""
    return {row.lot_id: row for row in last_answers(LotForecast.objects.filter(lot__in=keys), "lot", day)}


def requirement_answers(keys: Collection[UUID], day: date) -> dict[UUID, RequirementForecast]:
    """One query."""
    rows = RequirementForecast.objects.filter(requirement__in=keys)
    return {row.requirement_id: row for row in last_answers(rows, "requirement", day)}


def block_answers(keys: Collection[UUID], day: date) -> dict[UUID, BlockForecast]:
    """One query."""
    return {row.block_id: row for row in last_answers(BlockForecast.objects.filter(block__in=keys), "block", day)}


def chain_answers(keys: Collection[UUID], day: date) -> dict[UUID, ChainForecast]:
    """One query."""
    return {row.chain_id: row for row in last_answers(ChainForecast.objects.filter(chain__in=keys), "chain", day)}


def rows_then(model: type[Model], keys: Collection[UUID], ends_at: datetime) -> dict[UUID, Any]:
    """The last event of each row before an instant, with the row's fields as they were then. One query.

    Rows that were not there yet, or were removed by then, are left out.
    """
    history = _history(model)
    found = (
        history.objects.filter(pgh_obj_id__in=list(keys), pgh_created_at__lt=ends_at)
        .order_by("pgh_obj_id", "-pgh_created_at", "-pgh_id")
        .distinct("pgh_obj_id")
    )
    return {row.pgh_obj_id: row for row in found if row.pgh_label != "delete"}


def history_then(model: type[Model], ends_at: datetime, *related: str, **chosen: Any) -> list[Any]:
    """As `rows_then`, for rows chosen by their fields: also those that were removed since. One query."""
    rows = _history(model).objects.filter(pgh_created_at__lt=ends_at, **chosen)
    # Without names it would join every relation, and lose what was removed.
    rows = rows.select_related(*related) if related else rows
    found = rows.order_by("pgh_obj_id", "-pgh_created_at", "-pgh_id").distinct("pgh_obj_id")
    return [row for row in found if row.pgh_label != "delete"]


def _history(model: type[Model]) -> Any:
    """The history library adds the model of events where no type checker sees it."""
    return apps.get_model(model._meta.app_label, f"{model.__name__}Event")


def lots_of_block(block: Block, day: date, time_zone: str) -> list[DeliveryLot]:
    """What serves the groups that a block needs, now or at the end of a day. One query."""
    ends_at = day_ends_at(day, time_zone)
    allocations = Allocation.objects.filter(
        Q(ended_at__isnull=True) | Q(created_at__lt=ends_at, ended_at__gte=ends_at),
        requirement__group__needs__block=block,
    )
    return list(
        DeliveryLot.objects.filter(allocations__in=allocations)
        .select_related("schedule_line__line__order")
        .distinct()
        .order_by(
            "schedule_line__line__order__number", "schedule_line__line__number", "schedule_line__number", "number"
        )
    )


@dataclass(frozen=True, slots=True)
class KnownPromise:
    """One row of the ledger as it stood then. `decides` where it was the deciding one of its step."""

    promise: Promise
    code: str
    is_superseded: bool
    is_retracted: bool
    decides: bool


def promises_then(chain_ids: Collection[UUID], ends_at: datetime) -> dict[UUID, tuple[KnownPromise, ...]]:
    """The ledger of each chain as it was written by then, in its own order. One query."""
    by_step: dict[tuple[UUID, str], list[Promise]] = defaultdict(list)
    rows = (
        Promise.objects.filter(milestone__chain__in=chain_ids, recorded_at__lt=ends_at)
        .select_related("milestone", "retraction")
        .order_by("milestone__chain_id", "milestone__sequence", "place")
    )
    for row in rows:
        by_step[row.milestone.chain_id, row.milestone.code].append(row)
    found: dict[UUID, list[KnownPromise]] = defaultdict(list)
    for (chain_id, code), ledger in by_step.items():
        found[chain_id] += _judged(code, ledger, ends_at)
    return {chain_id: tuple(each) for chain_id, each in found.items()}


def _judged(code: str, ledger: list[Promise], ends_at: datetime) -> Iterable[KnownPromise]:
    facts = [
        PromiseFacts(
            id=str(row.pk),
            said=imprecise.read(row.value, Precision(row.precision)),
            stated_on=row.stated_on,
            recorded_at=row.recorded_at,
            conditional_on=row.conditional_on,
            supersedes=str(row.supersedes_id) if row.supersedes_id else None,
            retracted=_is_retracted(row, ends_at),
        )
        for row in ledger
    ]
    superseded = {each.supersedes for each in facts if each.supersedes and not each.retracted}
    decides, _ = deciding_promise(facts)
    for row, each in zip(ledger, facts, strict=True):
        yield KnownPromise(row, code, each.id in superseded, each.retracted, each is decides)


def _is_retracted(row: Promise, ends_at: datetime) -> bool:
    return hasattr(row, "retraction") and row.retraction.created_at < ends_at


@dataclass(frozen=True, slots=True)
class KnownLot:
    """A lot at the end of a day: the five dates, float, quantity and status, each None where it was not known.

    `answer` is what the run of then said; without one, as where it had no units, the forecast, its float and the
    required date were not known, and promise and actual come from the ledger alone. `promise` is the deciding one at
    the contract step.
    """

    lot_id: UUID
    quantity: Decimal
    line_quantity: Decimal
    status: LineStatus
    contract_step: str
    required_on_site: date | None
    contract_on: date | None
    promised_on: date | None
    forecast_on: date | None
    actual_on: date | None
    float_days: int | None
    slip_days: int | None
    promise: Promise | None
    answer: LotForecast | None
    ledger: tuple[KnownPromise, ...]
    actuals: dict[str, date]


def lots_known_on(lots: Collection[DeliveryLot], day: date, time_zone: str) -> dict[UUID, KnownLot]:
    """By key; a lot that was not there yet is left out. Seven queries for any number of lots."""
    ends_at = day_ends_at(day, time_zone)
    kept = {lot.pk: lot for lot in lots}
    chains = {lot.chain_id for lot in lots}
    lot_rows = rows_then(DeliveryLot, kept.keys(), ends_at)
    schedule_rows = rows_then(ScheduleLine, {lot.schedule_line_id for lot in lots}, ends_at)
    line_rows = rows_then(OrderLine, {row.line_id for row in schedule_rows.values()}, ends_at)
    answers = lot_answers(kept.keys(), day)
    ledgers = promises_then(chains, ends_at)
    actuals = _actuals_then(chains, ends_at)
    found = {}
    for key, row in lot_rows.items():
        line = schedule_rows.get(row.schedule_line_id)
        if line is None:
            continue
        parent = line_rows.get(line.line_id)
        cancelled = LineStatus.CANCELLED in {line.status, parent.status if parent else ""}
        chain_id = kept[key].chain_id
        found[key] = _known_lot(
            row,
            line,
            LineStatus.CANCELLED if cancelled else LineStatus(line.status),
            answers.get(key) if row.quantity else None,
            ledgers.get(chain_id, ()),
            actuals.get(chain_id, {}),
        )
    return found


def _known_lot(
    row: Any,
    line: Any,
    status: LineStatus,
    answer: LotForecast | None,
    ledger: tuple[KnownPromise, ...],
    actuals: dict[str, date],
) -> KnownLot:
    promise = next((each.promise for each in ledger if each.decides and each.code == line.contract_step), None)
    return KnownLot(
        lot_id=row.pgh_obj_id,
        quantity=row.quantity,
        line_quantity=line.quantity,
        status=status,
        contract_step=line.contract_step,
        required_on_site=answer.required_on_site if answer else None,
        contract_on=line.contract_on,
        promised_on=promise.counts_on if promise else None,
        forecast_on=answer.forecast_on if answer else None,
        actual_on=answer.delivered_on if answer else actuals.get("ON_SITE"),
        float_days=answer.float_days if answer else None,
        slip_days=answer.slip_days if answer else None,
        promise=promise,
        answer=answer,
        ledger=ledger,
        actuals=actuals,
    )


def _actuals_then(chain_ids: Collection[UUID], ends_at: datetime) -> dict[UUID, dict[str, date]]:
    keys = dict(Milestone.objects.filter(chain__in=chain_ids).values_list("pk", "chain_id"))
    found: dict[UUID, dict[str, date]] = defaultdict(dict)
    for key, row in rows_then(Milestone, keys.keys(), ends_at).items():
        if row.actual_on is not None and (row.actual_recorded_at is None or row.actual_recorded_at < ends_at):
            found[keys[key]][row.code] = row.actual_on
    return found
