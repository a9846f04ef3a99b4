"""Orders of SAP, by the same upsert as every other door."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.order_document import LineDocument, OrderDocument, ScheduleDocument
from procurement.models import EquipmentClass, ExternalRef, PurchaseOrder, ScheduleLine
from procurement.readers.sap_orders import SapItem, SapOrder, SapSchedule, read
from procurement.services import orders
from procurement.services.orders import Upserted
from procurement.services.stored_orders import ORDER_REF, lock_all
from procurement.vocabulary import CommercialStatus, LineStatus
from sites.accounts.models import User
from sites.domain.errors import BadInput, RuleBroken
from sites.domain.imprecise import on_day
from sites.models import Promise
from sites.vocabulary import PromiseSource

# What a refusal names, as SAP calls it.
_NAMES: Final = {
    "number": "PurchaseOrder",
    "vendor": "Supplier",
    "currency": "DocumentCurrency",
    "issued_on": "PurchaseOrderDate",
    "document_version": "LastChangeDateTime",
    "incoterm": "IncotermsClassification",
    "incoterm_place": "IncotermsLocation1",
    "lines": "to_PurchaseOrderItem",
    "line_number": "PurchaseOrderItem",
    "description": "PurchaseOrderItemText",
    "equipment_class": "Material",
    "site": "Plant",
    "unit": "PurchaseOrderQuantityUnit",
    "unit_price": "NetPriceAmount",
    "over_delivery_percent": "OverdelivTolrtdLmtRatioInPct",
    "schedules": "to_ScheduleLine",
    "schedule_number": "ScheduleLine",
    "quantity": "ScheduleLineOrderQuantity",
    "contractual_date": "ScheduleLineDeliveryDate",
    "promised_date": "ScheduleLineDeliveryDate",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """One order of a message: what became of it, or why it was refused."""

    number: str
    done: Upserted | None
    refusal: RuleBroken | None = None


@dataclass(frozen=True, slots=True)
class Message:
    orders: tuple[Taken, ...]
    passed_over: int


def take(*, body: Any, system: str, actor: User, now: datetime, request_id: str = "") -> Message:
    """Every order of the message, each by itself: one that is refused does not stop the others.

    Refusals name SAP's fields by their place in the message. Raises BadInput where the message itself cannot be read.
    """
    found = read(body)
    lock_all(found.orders.keys(), system=system, actor=actor)
    return Message(
        tuple(_taken(order, system, actor, now, request_id) for order in found.orders.values()), found.passed_over
    )


def _taken(order: SapOrder, system: str, actor: User, now: datetime, request_id: str) -> Taken:
    if order.refusal is not None:
        return Taken(order.number, None, order.refusal)
    try:
        document = _document(order, system, actor)
        done = orders.upsert(
            document=document,
            system=system,
            external_id=order.number,
            actor=actor,
            now=now,
            request_id=request_id,
        )
    except RuleBroken as refusal:
        refusal.field = _as_sap_names(refusal.field, order)
        return Taken(order.number, None, refusal)
    warnings = tuple(replace(each, field=_as_sap_names(each.field, order)) for each in done.warnings)
    return Taken(order.number, replace(done, warnings=warnings))


def _as_sap_names(field: str | None, order: SapOrder) -> str | None:
    """Of the item at 0, `0/unit` is `0/PurchaseOrderQuantityUnit`; what is the order's own is at its header."""
    if field is None:
        return None
    where, _slash, name = field.rpartition("/")
    where = where or order.where
    if name == "quantity" and any(item.where == where for item in order.items.values()):
        name = "OrderQuantity"
    name = _NAMES.get(name, name)
    return f"{where}/{name}" if where else name


def _document(order: SapOrder, system: str, actor: User) -> OrderDocument:
    if order.loose and not order.items:
        order.items = {number: _known_item(number) for number in order.loose}
    for number, schedules in order.loose.items():
        if number not in order.items:
            order.items[number] = _known_item(number)
        order.items[number].schedules |= schedules
    stored = _stored(order, system, actor)
    vendor = order.supplier or (stored.seller.code if stored else "")
    currency = order.currency or (stored.currency if stored else "")
    if not vendor or not currency:
        raise BadInput(
            _("The first message of an order holds its header with Supplier and DocumentCurrency."),
            field="Supplier" if not vendor else "DocumentCurrency",
        )
    known = _classes(order, system)
    dates = _dates(stored) if stored else {}
    return OrderDocument(
        vendor=vendor,
        currency=currency,
        lines=tuple(_line(item, known, dates) for item in order.items.values()),
        version=order.changed_at.isoformat() if order.changed_at else None,
        issued_on=order.ordered_on,
        status=CommercialStatus.CANCELLED if order.deleted else None,
        incoterm=order.incoterm or None,
        incoterm_place=order.incoterm_place or None,
    )


def _known_item(number: int) -> SapItem:
    return SapItem(number, "", "", "", "", None, "", None, False, "")


def _stored(order: SapOrder, system: str, actor: User) -> PurchaseOrder | None:
    ref = ExternalRef.objects.filter(system=system, kind=ORDER_REF, external_id=order.number).first()
    if ref is None:
        return None
    return PurchaseOrder.objects.visible_to(actor).filter(pk=ref.subject_id).select_related("seller").first()


def _classes(order: SapOrder, system: str) -> dict[str, str]:
    """The material and material group that mean a class of ours, by its code."""
    said = {code for item in order.items.values() for code in (item.material, item.material_group) if code}
    named: dict[str, UUID] = dict(
        ExternalRef.objects.filter(system=system, kind="equipment_class", external_id__in=said).values_list(
            "external_id", "subject_id"
        )
    )
    codes = dict(EquipmentClass.objects.filter(pk__in=named.values()).values_list("pk", "code"))
    own = dict.fromkeys(EquipmentClass.objects.filter(code__in=said).values_list("code", flat=True), "")
    return {code: code for code in own} | {said: codes[key] for said, key in named.items() if key in codes}


@dataclass(frozen=True, slots=True)
class _Dates:
    """Of a schedule line that is here. `is_promised`: the ERP has said a date of delivery apart from the contract's."""

    contract_on: date | None
    is_promised: bool


def _dates(order: PurchaseOrder) -> dict[tuple[int, int], _Dates]:
    """By the numbers of line and schedule line."""
    promised = set(
        Promise.objects.standing()
        .filter(milestone__chain__lot__schedule_line__line__order=order, source=PromiseSource.ERP)
        .values_list("milestone__chain__lot__schedule_line", flat=True)
    )
    rows = ScheduleLine.objects.filter(line__order=order)
    return {
        (line, number): _Dates(contract_on, key in promised)
        for key, line, number, contract_on in rows.values_list("pk", "line__number", "number", "contract_on")
    }


def _line(item: SapItem, classes: dict[str, str], dates: Mapping[tuple[int, int], _Dates]) -> LineDocument:
    schedules = tuple(_schedule(each, dates.get((item.number, each.number))) for each in item.schedules.values())
    return LineDocument(
        number=item.number,
        quantity=item.quantity if not schedules else None,
        unit=item.unit or None,
        unit_price=item.unit_price,
        over_delivery_percent=item.over_delivery_percent,
        description=item.text or None,
        equipment_class=classes.get(item.material) or classes.get(item.material_group),
        site=item.plant or None,
        status=LineStatus.CANCELLED if item.deleted else None,
        schedules=schedules or None,
        field=item.where,
    )


def _schedule(each: SapSchedule, here: _Dates | None) -> ScheduleDocument:
    """The statistics-relevant date stays when the delivery date moves: it is the contract's, the other a promise.

    Where SAP does not send it, the first date of delivery is the contract's. One that moved back to the contract's is a
    promise too: the one before would stand otherwise.
    """
    contract_on = each.statistical_on or (here.contract_on if here else None) or each.delivery_on
    is_news = each.delivery_on != contract_on or (here is not None and here.is_promised)
    return ScheduleDocument(
        number=each.number,
        quantity=each.quantity,
        contract_on=contract_on,
        promise=on_day(each.delivery_on) if each.delivery_on and is_news else None,
        field=each.where,
    )
