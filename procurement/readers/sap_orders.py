"""Purchase orders of SAP S/4HANA, as its OData v2 service API_PURCHASEORDER_PROCESS_SRV writes them.

Header, items and schedule lines may come nested (`$expand`) or as entities of their own; what belongs together is put
together by the number of the order. docs/erp/sap.md has the table of fields.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from procurement.domain.order_document import MOST_LINES
from sites.domain.errors import BadInput

MOST_ENTITIES: Final = 20 * MOST_LINES
DELETED: Final = "L"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS: Final = re.compile(r"/Date\((-?\d{1,15})([+-]\d{4})?\)/")
_MOST_TOLERANCE: Final = Decimal(100)
# SAP's own codes of units that are one piece, and the others in use, as UN/ECE Recommendation 20 has them.
UNITS: Final = {
    "EA": "EA", "ST": "EA", "PC": "EA", "KG": "KGM", "G": "GRM", "TO": "TNE", "T": "TNE", "M": "MTR", "KM": "KMT",
    "M2": "MTK", "M3": "MTQ", "L": "LTR", "H": "HUR", "HUR": "HUR", "DAY": "DAY", "SET": "SET", "LS": "LS", "AU": "C62",
    "LE": "C62",
}  # fmt: skip


@dataclass(slots=True)
class SapSchedule:
    """`statistical_on` is the statistics-relevant delivery date, which SAP keeps when the date moves."""

    number: int
    quantity: Decimal | None
    delivery_on: date | None
    statistical_on: date | None
    where: str


@dataclass(slots=True)
class SapItem:
    """`unit_price` is for one unit, whatever number the price is for. `deleted`: the deletion indicator is set."""

    number: int
    text: str
    plant: str
    material: str
    material_group: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    deleted: bool
    where: str
    schedules: dict[int, SapSchedule] = field(default_factory=dict)
    over_delivery_percent: Decimal | None = None


@dataclass(slots=True)
class SapOrder:
    """`has_header` is False where only items or schedule lines came; then the stored order says the rest.

    `refusal` names the first place of it that cannot be read; then nothing else of it counts.
    """

    number: str
    where: str = ""
    refusal: BadInput | None = None
    has_header: bool = False
    supplier: str = ""
    currency: str = ""
    ordered_on: date | None = None
    changed_at: datetime | None = None
    incoterm: str = ""
    incoterm_place: str = ""
    deleted: bool = False
    items: dict[int, SapItem] = field(default_factory=dict)
    loose: dict[int, dict[int, SapSchedule]] = field(default_factory=dict)
    """Schedule lines whose item did not come along."""


@dataclass(slots=True)
class SapOrders:
    """`passed_over` counts entities that mean nothing here (account assignments, price conditions)."""

    orders: dict[str, SapOrder] = field(default_factory=dict)
    passed_over: int = 0


def read(body: Any) -> SapOrders:
    """Of an entity, a list of them, or either in OData's envelope `d`.

    What cannot be read refuses its own order; BadInput, naming the place, is raised where it belongs to none.
    """
    found = SapOrders()
    for number, (entity, where) in enumerate(_entities(body, "")):
        if number >= MOST_ENTITIES:
            raise BadInput(f"At most {MOST_ENTITIES} entities in one message.", field=where)
        _take(entity, where, found)
    for order in found.orders.values():
        for key, schedules in list(order.loose.items()):
            if key in order.items:
                order.items[key].schedules |= order.loose.pop(key)
            elif not schedules:
                del order.loose[key]
    return found


def _entities(body: Any, where: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    if isinstance(body, Mapping) and "d" in body:
        yield from _entities(body["d"], _at(where, "d"))
    elif isinstance(body, Mapping) and "results" in body:
        yield from _entities(body["results"], _at(where, "results"))
    elif isinstance(body, list):
        for place, entity in enumerate(body):
            if not isinstance(entity, Mapping):
                raise BadInput("An entity is an object.", field=_at(where, str(place)))
            yield entity, _at(where, str(place))
    elif isinstance(body, Mapping):
        yield body, where
    else:
        raise BadInput("An OData entity, or a list of them, is expected.", field=where or "body")


def _take(entity: Mapping[str, Any], where: str, found: SapOrders) -> None:
    if "AccountAssignmentNumber" in entity or "PricingDocument" in entity:
        found.passed_over += 1
        return
    number = _text(entity, "PurchaseOrder", where) or _text(entity, "PurchasingDocument", where)
    if not number or len(number) > 60:
        raise BadInput("The entity names no purchase order.", field=_at(where, "PurchaseOrder"))
    order = found.orders.setdefault(number, SapOrder(number, where))
    try:
        if "ScheduleLine" in entity:
            item = _number(entity, "PurchasingDocumentItem", where)
            _put_schedule(order.loose.setdefault(item, {}), entity, where)
        elif "PurchaseOrderItem" in entity:
            _put_item(order, entity, where, found)
        else:
            _put_header(order, entity, where, found)
    except BadInput as refusal:
        order.refusal = order.refusal or refusal


def _put_header(order: SapOrder, entity: Mapping[str, Any], where: str, found: SapOrders) -> None:
    if order.has_header:
        raise BadInput(f"Order {order.number} stands twice in the message.", field=_at(where, "PurchaseOrder"))
    order.has_header = True
    order.where = where
    order.supplier = _text(entity, "Supplier", where)
    order.currency = _text(entity, "DocumentCurrency", where)
    order.ordered_on = _day(entity, "PurchaseOrderDate", where)
    order.changed_at = _instant(entity, "LastChangeDateTime", where)
    order.incoterm = _text(entity, "IncotermsClassification", where)
    order.incoterm_place = _text(entity, "IncotermsLocation1", where)
    order.deleted = _text(entity, "PurchasingDocumentDeletionCode", where) == DELETED
    for item, place in _nested(entity, "to_PurchaseOrderItem", where):
        _put_item(order, item, place, found)


def _put_item(order: SapOrder, entity: Mapping[str, Any], where: str, found: SapOrders) -> None:
    number = _number(entity, "PurchaseOrderItem", where)
    if number in order.items:
        raise BadInput(f"Item {number} stands twice in the message.", field=_at(where, "PurchaseOrderItem"))
    unit = _text(entity, "PurchaseOrderQuantityUnit", where).upper()
    item = SapItem(
        number=number,
        text=_text(entity, "PurchaseOrderItemText", where),
        plant=_text(entity, "Plant", where),
        material=_text(entity, "Material", where),
        material_group=_text(entity, "MaterialGroup", where),
        quantity=_amount(entity, "OrderQuantity", where),
        unit=UNITS.get(unit, unit),
        unit_price=_price(entity, where),
        over_delivery_percent=_tolerance(entity, where),
        deleted=_text(entity, "PurchasingDocumentDeletionCode", where) == DELETED,
        where=where,
    )
    order.items[number] = item
    for schedule, place in _nested(entity, "to_ScheduleLine", where):
        _put_schedule(item.schedules, schedule, place)
    found.passed_over += sum(1 for name in ("to_AccountAssignment", "to_PurchaseOrderPricingElement")
                             for _each in _nested(entity, name, where))  # fmt: skip


def _put_schedule(schedules: dict[int, SapSchedule], entity: Mapping[str, Any], where: str) -> None:
    number = _number(entity, "ScheduleLine", where)
    if number in schedules:
        raise BadInput(f"Schedule line {number} stands twice in the message.", field=_at(where, "ScheduleLine"))
    schedules[number] = SapSchedule(
        number=number,
        quantity=_amount(entity, "ScheduleLineOrderQuantity", where),
        delivery_on=_day(entity, "ScheduleLineDeliveryDate", where),
        statistical_on=_day(entity, "SchedLineStscDeliveryDate", where),
        where=where,
    )


def _nested(entity: Mapping[str, Any], name: str, where: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Without `$expand` there is only an address (`__deferred`, or as text), and nothing came along."""
    said = entity.get(name)
    if said is None or isinstance(said, str) or (isinstance(said, Mapping) and "__deferred" in said):
        return
    yield from _entities(said, _at(where, name))


def _at(where: str, name: str) -> str:
    return f"{where}/{name}" if where else name


def _text(entity: Mapping[str, Any], name: str, where: str) -> str:
    said = entity.get(name)
    if said is None:
        return ""
    if not isinstance(said, str):
        raise BadInput("Text is expected.", field=_at(where, name))
    return said.strip()


def _number(entity: Mapping[str, Any], name: str, where: str) -> int:
    said = _text(entity, name, where)
    if not (said.isascii() and said.isdigit() and len(said) <= 10 and 1 <= int(said) <= 999999):
        raise BadInput("A number from 1 to 999999 is expected, as text.", field=_at(where, name))
    return int(said)


def _amount(entity: Mapping[str, Any], name: str, where: str) -> Decimal | None:
    said = entity.get(name)
    if said is None or said == "":
        return None
    try:
        found = Decimal(str(said).strip()) if isinstance(said, str | int | Decimal) and len(str(said)) <= 40 else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite() or isinstance(said, bool):
        raise BadInput("A decimal number is expected, as text.", field=_at(where, name))
    return found.normalize() + 0 if found else Decimal(0)


def _price(entity: Mapping[str, Any], where: str) -> Decimal | None:
    amount, per = _amount(entity, "NetPriceAmount", where), _amount(entity, "NetPriceQuantity", where)
    if amount is None:
        return None
    if per == 0:
        raise BadInput("A price is for more than nothing.", field=_at(where, "NetPriceQuantity"))
    return amount / (per or Decimal(1))


def _tolerance(entity: Mapping[str, Any], where: str) -> Decimal | None:
    """In per cent of the quantity; what is more than all again counts as that, and so does what has no limit."""
    if entity.get("UnlimitedOverdeliveryIsAllowed") is True:
        return _MOST_TOLERANCE
    percent = _amount(entity, "OverdelivTolrtdLmtRatioInPct", where)
    return None if percent is None else min(percent, _MOST_TOLERANCE)


def _day(entity: Mapping[str, Any], name: str, where: str) -> date | None:
    """`/Date(ms)/` is midnight UTC of the day that is meant."""
    said = _text(entity, name, where)
    if not said or said == "00000000":
        return None
    counted = _MILLISECONDS.fullmatch(said)
    try:
        if counted:
            return (_EPOCH + timedelta(milliseconds=int(counted[1]))).date()
        return date.fromisoformat(said[:10] if "T" in said else said)
    except (ValueError, OverflowError):
        raise BadInput("A day is expected: /Date(milliseconds)/ or 2027-05-21.", field=_at(where, name)) from None


def _instant(entity: Mapping[str, Any], name: str, where: str) -> datetime | None:
    said = _text(entity, name, where)
    if not said:
        return None
    counted = _MILLISECONDS.fullmatch(said)
    try:
        if counted:
            return _EPOCH + timedelta(milliseconds=int(counted[1]))
        at = datetime.fromisoformat(said)
    except (ValueError, OverflowError):
        at = None
    if at is None or at.tzinfo is None:
        raise BadInput("An instant with its offset is expected.", field=_at(where, name))
    return at
