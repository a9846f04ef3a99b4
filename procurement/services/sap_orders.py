"""Orders of SAP, by the same upsert as every other door."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.order_document import LineDocument, OrderDocument, ScheduleDocument
from procurement.models import EquipmentClass, ExternalRef, PurchaseOrder
from procurement.readers.sap_orders import SapItem, SapOrder, SapSchedule, read
from procurement.services import orders
from procurement.services.orders import Upserted
from procurement.services.stored_orders import ORDER_REF
from procurement.vocabulary import CommercialStatus, LineStatus
from sites.accounts.models import User
from sites.domain.errors import BadInput, RuleBroken
from sites.domain.imprecise import on_day


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
    """Every order of the message, each in a transaction of its own: one that is refused does not stop the others.

    Raises BadInput where the message itself cannot be read.
    """
    found = read(body)
    return Message(
        tuple(_taken(order, system, actor, now, request_id) for order in found.orders.values()), found.passed_over
    )


def _taken(order: SapOrder, system: str, actor: User, now: datetime, request_id: str) -> Taken:
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
        return Taken(order.number, None, refusal)
    return Taken(order.number, done)


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
    return OrderDocument(
        vendor=vendor,
        currency=currency,
        lines=tuple(_line(item, known) for item in order.items.values()),
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


def _line(item: SapItem, classes: dict[str, str]) -> LineDocument:
    schedules = tuple(_schedule(each) for each in item.schedules.values()) or None
    return LineDocument(
        number=item.number,
        quantity=item.quantity if schedules is None else None,
        unit=item.unit or None,
        unit_price=item.unit_price,
        over_delivery_percent=item.over_delivery_percent,
        description=item.text or None,
        equipment_class=classes.get(item.material) or classes.get(item.material_group),
        site=item.plant or None,
        status=LineStatus.CANCELLED if item.deleted else None,
        schedules=schedules,
        field=item.where,
    )


def _schedule(each: SapSchedule) -> ScheduleDocument:
    """The statistics-relevant date stays when the delivery date moves: it is the contract's, the other a promise."""
    contract_on = each.statistical_on or each.delivery_on
    moved = each.delivery_on if each.statistical_on and each.delivery_on != each.statistical_on else None
    return ScheduleDocument(
        number=each.number,
        quantity=each.quantity,
        contract_on=contract_on,
        promise=on_day(moved) if moved else None,
        field=each.where,
    )
