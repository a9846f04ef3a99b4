"""Change orders: what a governed change of an order would do, who approved it, and its one application."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from pydantic import TypeAdapter

from procurement.domain.money import CURRENCIES, minor_units, trimmed
from procurement.domain.order_document import LinesMode, OrderDocument, check_amount
from procurement.models import ChangeOrder, DeliveryLot, LotForecast, PurchaseOrder, ScheduleLine
from procurement.services import lot_chains, orders
from procurement.services.order_lines import OrderWarning
from procurement.services.orders import Later
from procurement.vocabulary import ChangeOrderState, LineStatus
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.services.access import check_can_at_all

_DOCUMENT: Final = TypeAdapter(OrderDocument)
_HEADER: Final = (
    "number", "title", "kind", "revision", "commercial_status", "financial_status", "issued_on", "currency",
    "total_amount", "incoterm", "incoterm_place", "damages_rate_percent", "damages_unit", "damages_cap_percent",
    "damages_grace_days", "damages_measured_on", "notice_days",
)  # fmt: skip
_LINE: Final = ("status", "description", "unit", "unit_price")
_SCHEDULE: Final = ("status", "quantity", "contract_on")
_OPEN: Final = frozenset({ChangeOrderState.DRAFT, ChangeOrderState.APPROVED})
# Under these keys `after` holds the document itself, how it is applied, what the trial said of forecasts, and what was
# to be known of it, beside the values by pointer.
_KEPT, _MODE, _DATES, _WARNINGS = "document", "lines_mode", "dates", "warnings"
_BESIDE: Final = frozenset({_KEPT, _MODE, _DATES, _WARNINGS})


def in_sight(actor: User) -> QuerySet[ChangeOrder]:
    """A change names prices and lines of any site of its order: it takes the right to amounts at all of them."""
    shown = PurchaseOrder.objects.amounts_visible_to(actor)
    return ChangeOrder.objects.filter(order__in=shown).select_related("order", "author", "approved_by", "rejected_by")


def values_of(row: ChangeOrder) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs by pointer, before and after."""
    after = {path: value for path, value in row.after.items() if path not in _BESIDE}
    return dict(row.before), after


def warnings_of(row: ChangeOrder) -> list[OrderWarning]:
    """What the document would not do, or did not, as it says; of the trial of the draft, or of the application."""
    return [OrderWarning(**each) for each in row.after.get(_WARNINGS, ())]


def dates_of(row: ChangeOrder) -> dict[str, dict[str, list[Any]]]:
    """By schedule line (`10/1`): forecast and float, each before and after, as the trial of the draft found them."""
    found: dict[str, dict[str, list[Any]]] = row.after.get(_DATES, {})
    return found


def can_be_applied(row: ChangeOrder) -> bool:
    """What moves the baseline is approved here first; any other change was the ERP's to approve."""
    return row.state == ChangeOrderState.APPROVED or (row.state == ChangeOrderState.DRAFT and not row.rebaseline)


@transaction.atomic
def draft(
    *,
    order_id: UUID,
    number: str,
    reason: str,
    document: OrderDocument,
    system: str,
    actor: User,
    now: datetime,
    amount: Decimal | None = None,
    currency: str = "",
    rebaseline: bool = False,
    lines_mode: LinesMode | str = LinesMode.MERGE,
) -> ChangeOrder:
    """Write down what the document would change, after trying it; nothing of the order changes yet.

    Raises BadInput naming the part of the document, `number`, `reason`, `amount` or `currency`, and where it would
    change nothing; Conflict where the number is taken; NotFound, NotPermitted.
    """
    order = _locked_order(order_id, actor)
    _check_words(number, reason, amount, currency)
    if ChangeOrder.objects.filter(order=order, number=number).exists():
        raise Conflict(_("The order has a change of this number already."), field="number")
    before, after, dates, warnings = _tried(order, document, system, actor, now, LinesMode(lines_mode))
    if before == after:
        if warnings:
            raise BadInput(warnings[0].message, field=warnings[0].field)
        raise BadInput(_("This would change nothing."), field="lines")
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    row = ChangeOrder.objects.create(
        order=order,
        number=number,
        reason=reason,
        before={path: before.get(path) for path in paths},
        after={path: after.get(path) for path in paths}
        | {
            _KEPT: _DOCUMENT.dump_python(document, mode="json"),
            _MODE: LinesMode(lines_mode).value,
            _DATES: dates,
            _WARNINGS: [asdict(each) for each in warnings],
        },
        amount=amount,
        currency=currency,
        rebaseline=rebaseline,
        author=actor,
    )
    _note(actor, "change_order.drafted", row)
    return row


@transaction.atomic
def approve(*, change_order_id: UUID, actor: User) -> ChangeOrder:
    """By somebody else than its author, with the right to approve at every site of the order.

    Raises NotFound, NotPermitted, Conflict.
    """
    row = _locked(change_order_id, actor)
    check_can_at_all(actor, Permission.APPROVE, site_ids=sites_of(row.order))
    if row.state != ChangeOrderState.DRAFT:
        raise Conflict(_("Only a draft is approved or rejected."), state=row.state)
    if row.author_id == actor.pk:
        raise Conflict(_("Nobody approves their own change order."))
    row.state, row.approved_by = ChangeOrderState.APPROVED, actor
    row.save(update_fields=["state", "approved_by"])
    _note(actor, "change_order.approved", row)
    return row


@transaction.atomic
def reject(*, change_order_id: UUID, reason: str, actor: User) -> ChangeOrder:
    """By an approver, or by its author who takes it back. Raises BadInput naming `reason`, Conflict, NotFound."""
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    row = _locked(change_order_id, actor)
    if row.author_id != actor.pk:
        check_can_at_all(actor, Permission.APPROVE, site_ids=sites_of(row.order))
    if row.state not in _OPEN:
        raise Conflict(_("It is applied or rejected already."), state=row.state)
    row.state, row.approved_by = ChangeOrderState.REJECTED, None
    row.rejected_by, row.rejected_because = actor, reason.strip()[:500]
    row.save(update_fields=["state", "approved_by", "rejected_by", "rejected_because"])
    _note(actor, "change_order.rejected", row, reason)
    return row


@transaction.atomic
def apply(*, change_order_id: UUID, system: str, actor: User, now: datetime, request_id: str = "") -> ChangeOrder:
    """Write it into the order, once. With `rebaseline` the lots it touches get a new baseline around their contract
    dates, and their alerts are judged against that: that takes an approval here. Any other change is the ERP's to
    approve, and a draft of it is applied as it stands.

    Raises Conflict where it is not approved, or the order says something else than when it was drafted; NotFound,
    NotPermitted, BadInput.
    """
    row = _locked(change_order_id, actor)
    if row.state not in _OPEN:
        raise Conflict(_("It is applied or rejected already."), state=row.state)
    if not can_be_applied(row):
        raise Conflict(_("A change order that moves the baseline is approved before it is applied."), state=row.state)
    before, _after = values_of(row)
    present = _flat(row.order)
    moved = sorted(path for path, value in before.items() if present.get(path) != value)
    if moved:
        said = _("The order says something else by now: %(paths)s.") % {"paths": ", ".join(moved[:5])}
        raise Conflict(said, paths=moved)
    done = orders.change(
        order_id=row.order_id,
        document=_DOCUMENT.validate_python(row.after[_KEPT]),
        version=row.order.version,
        system=system,
        actor=actor,
        now=now,
        lines_mode=row.after[_MODE],
        request_id=request_id,
    )
    row.state, row.applied_at = ChangeOrderState.APPLIED, now
    row.after[_WARNINGS] = [asdict(each) for each in done.warnings]
    row.save(update_fields=["state", "applied_at", "after"])
    if row.rebaseline:
        _rebaseline(row, before, actor, now)
    _note(actor, "change_order.applied", row, request_id=request_id)
    return row


def _rebaseline(row: ChangeOrder, before: dict[str, Any], actor: User, now: datetime) -> None:
    touched = {tuple(path.split("/")[1:4:2]) for path in before if "/schedules/" in path}
    lots = [
        lot
        for lot in DeliveryLot.objects.filter(
            schedule_line__line__order=row.order,
            schedule_line__status=LineStatus.OPEN,
            schedule_line__contract_on__isnull=False,
            quantity__gt=0,
        )
        .select_related("chain", "schedule_line__site", "schedule_line__line")
        .order_by("pk")
        if (str(lot.schedule_line.line.number), str(lot.schedule_line.number)) in touched
    ]
    lot_chains.write_next_baselines(lots, cause=f"Change order {row.number}"[:200], actor=actor)
    later = Later()
    for lot in lots:
        if lot.schedule_line.site_id is not None:
            later.lots[lot.schedule_line.site_id].add(lot.pk)
    later.calculate(cause_key=f"change_order:{row.pk}", cause_text=str(row), actor=actor, now=now)


def _tried(
    order: PurchaseOrder, document: OrderDocument, system: str, actor: User, now: datetime, mode: LinesMode
) -> tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, list[Any]]], tuple[OrderWarning, ...]]:
    before, expected = _flat(order), _expected(order)
    with transaction.atomic():
        done = orders.change(
            order_id=order.pk,
            document=document,
            version=order.version,
            system=system,
            actor=actor,
            now=now,
            lines_mode=mode,
        )
        after, then = _flat(PurchaseOrder.objects.get(pk=order.pk)), _expected(order)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)
    none: dict[str, Any] = {}
    dates = {
        line: {
            word: [expected.get(line, none).get(word), then.get(line, none).get(word)] for word in ("forecast", "float")
        }
        for line in sorted(expected.keys() | then.keys())
        if expected.get(line) != then.get(line)
    }
    return before, after, dates, done.warnings


def _expected(order: PurchaseOrder) -> dict[str, dict[str, Any]]:
    """By schedule line, its last forecast and its least float."""
    found: dict[str, dict[str, Any]] = {}
    rows = LotForecast.objects.filter(current=True, lot__schedule_line__line__order=order).values_list(
        "lot__schedule_line__line__number", "lot__schedule_line__number", "forecast_on", "float_days"
    )
    for line, number, forecast_on, float_days in rows:
        told = found.setdefault(f"{line}/{number}", {"forecast": None, "float": None})
        if forecast_on is not None:
            told["forecast"] = max(told["forecast"] or "", forecast_on.isoformat())
        if float_days is not None:
            told["float"] = float_days if told["float"] is None else min(told["float"], float_days)
    return found


def _flat(order: PurchaseOrder) -> dict[str, Any]:
    """Every value of the order by pointer, with the numbers of lines and schedule lines: `lines/10/quantity`."""
    found = {name: _plain(getattr(order, name)) for name in _HEADER}
    rows = ScheduleLine.objects.filter(line__order=order).select_related("line", "site")
    for row in rows:
        line = f"lines/{row.line.number}"
        found |= {f"{line}/{name}": _plain(getattr(row.line, name)) for name in _LINE}
        schedule = f"{line}/schedules/{row.number}"
        found |= {f"{schedule}/{name}": _plain(getattr(row, name)) for name in _SCHEDULE}
        found[f"{schedule}/site"] = row.site.code if row.site else None
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(trimmed(value), "f")
    return value if value is None or isinstance(value, int) else str(value)


def _check_words(number: str, reason: str, amount: Decimal | None, currency: str) -> None:
    if not number.strip():
        raise BadInput(_("A change order has a number."), field="number")
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    if amount is None:
        return
    if currency not in CURRENCIES:
        raise BadInput(_("An amount has a currency of ISO 4217."), field="currency")
    check_amount(amount, minor_units(currency), "amount", signed=True)


def sites_of(order: PurchaseOrder) -> Iterable[UUID | None]:
    """The sites at all of which a right is asked; one None where no line has a site."""
    return set(ScheduleLine.objects.filter(line__order=order).values_list("site", flat=True)) or {None}


def _locked_order(order_id: UUID, actor: User) -> PurchaseOrder:
    found = PurchaseOrder.objects.select_for_update(of=("self",)).filter(pk=order_id).first()
    if found is None or not PurchaseOrder.objects.amounts_visible_to(actor).filter(pk=order_id).exists():
        raise NotFound(_("There is no such order."), field="order")
    return found


def _locked(change_order_id: UUID, actor: User) -> ChangeOrder:
    """Its order first, as every writer of an order does."""
    order_id = in_sight(actor).filter(pk=change_order_id).values_list("order", flat=True).first()
    if order_id is None:
        raise NotFound(_("There is no such change order."))
    order = _locked_order(order_id, actor)
    row = ChangeOrder.objects.select_for_update(of=("self",)).get(pk=change_order_id)
    row.order = order
    return row


def _note(actor: User, verb: str, row: ChangeOrder, reason: str = "", request_id: str = "") -> None:
    audit.record(
        actor=actor,
        verb=verb,
        subject_kind="change_order",
        subject_id=row.pk,
        reason=reason or row.reason,
        request_id=request_id,
        facts={"order": str(row.order_id), "number": row.number, "rebaseline": row.rebaseline},
    )
