"""Order documents in UBL 2.x (OASIS; Peppol BIS 3 are profiles of it): order, response, change, cancellation, despatch
advice and receipt advice, as they stand. What the codes do to our orders is decided by who applies them.

A document is read whole or refused with one reason; the field is the path of the element (`OrderLine[2]/LineItem/ID`).
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from sites.domain.calendar import in_range
from sites.domain.errors import BadInput
from sites.domain.text import check_text

MOST_BYTES: Final = 20 * 1024 * 1024
MOST_LINES: Final = 10_000
_LONGEST_TEXT = 1000
_DEEPEST = 60
_NAMESPACE = "urn:oasis:names:specification:ubl:schema:xsd:"
_BASIC = f"{{{_NAMESPACE}CommonBasicComponents-2}}"
_AGGREGATE = f"{{{_NAMESPACE}CommonAggregateComponents-2}}"
_LONGEST_NUMBER = 30


class DocumentKind(StrEnum):
    ORDER = "Order"
    ORDER_RESPONSE = "OrderResponse"
    ORDER_CHANGE = "OrderChange"
    ORDER_CANCELLATION = "OrderCancellation"
    DESPATCH_ADVICE = "DespatchAdvice"
    RECEIPT_ADVICE = "ReceiptAdvice"


_KINDS = frozenset(kind.value for kind in DocumentKind)


@dataclass(frozen=True, slots=True)
class PartyName:
    """`identifiers` are (scheme, value), the scheme as sent and maybe empty."""

    name: str
    identifiers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """The currency as sent: it need not be one of ISO 4217."""

    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Measure:
    """The unit as sent, by the standard one of UN/ECE Recommendation 20; empty where none was sent."""

    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Period:
    """Local days of wherever it happens; a time of day beside them is not read."""

    from_on: date | None
    until_on: date | None


@dataclass(frozen=True, slots=True)
class DeliveryPart:
    """One delivery of a line or of the whole document: how many, wished for when, promised when, happened when.

    `places` are the words for where to, the most exact first: identifiers of location, address and party, then names.
    """

    quantity: Measure | None = None
    requested: Period | None = None
    promised: Period | None = None
    estimated: Period | None = None
    despatched_on: date | None = None
    delivered_on: date | None = None
    tracking: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """`order_line` is the number that the order gave the line, `order` the id of its order where the line says one.

    Of a despatch or receipt advice `quantity` is what was delivered or received; `outstanding` is what follows,
    `short` and `rejected` what was missing or sent back. `status` is the code as sent.
    """

    number: str
    order_line: str
    order: str = ""
    status: str = ""
    quantity: Measure | None = None
    outstanding: Measure | None = None
    short: Measure | None = None
    rejected: Measure | None = None
    reject_reason: str = ""
    received_on: date | None = None
    price: Amount | None = None
    price_per: Measure | None = None
    name: str = ""
    description: str = ""
    buyers_item: str = ""
    sellers_item: str = ""
    serials: tuple[str, ...] = ()
    note: str = ""
    deliveries: tuple[DeliveryPart, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class BusinessDocument:
    """`order` is the id of the order it speaks about (its own, of an order); empty where a minimal file has none.

    `response` is the code of an order response (AP accepted, CA accepted with changes, RE rejected, AB received).
    `delivery_terms` and `delivery_place` are kept as sent.
    """

    kind: DocumentKind
    number: str
    issued_on: date | None
    order: str
    customization: str = ""
    profile: str = ""
    response: str = ""
    sequence: str = ""
    note: str = ""
    currency: str = ""
    delivery_terms: str = ""
    delivery_place: str = ""
    buyer: PartyName | None = None
    seller: PartyName | None = None
    payable: Amount | None = None
    deliveries: tuple[DeliveryPart, ...] = ()
    lines: tuple[DocumentLine, ...] = ()


def read(content: bytes) -> BusinessDocument:
    """Raises BadInput for anything but one whole document of the six kinds."""
    if not content.strip():
        raise BadInput("The file is empty.", field="file")
    if len(content) > MOST_BYTES:
        raise BadInput(f"The file is larger than {MOST_BYTES // 1024**2} MB.", field="file")
    root = _tree(content)
    namespace, _, name = root.tag.removeprefix("{").rpartition("}")
    if name not in _KINDS or namespace != f"{_NAMESPACE}{name}-2":
        raise BadInput("This is none of the order documents of UBL 2.", field="file")
    return _document(DocumentKind(name), _Node(root, ""))


def _tree(content: bytes) -> Element:
    depth = 0
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(content), events=("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            if depth > _DEEPEST:
                raise BadInput(f"The elements stand more than {_DEEPEST} deep.", field="file")
            root = element if root is None else root
    except ParseError as trouble:
        line = trouble.position[0]
        raise BadInput("The file is not well-formed XML.", field=f"line {line}") from None
    except DefusedXmlException:
        raise BadInput("The file declares a document type or an entity; such XML is refused.", field="file") from None
    except (LookupError, ValueError):
        raise BadInput("The file says an encoding that we do not read.", field="line 1") from None
    if root is None:
        raise BadInput("The file holds no element.", field="file")
    return root


@dataclass(frozen=True, slots=True)
class _Node:
    """An element and the path that a person finds it by."""

    element: Element
    path: str

    def every(self, name: str) -> Iterator["_Node"]:
        for number, child in enumerate(self.element.findall(f"{_AGGREGATE}{name}"), start=1):
            yield _Node(child, f"{self.path}{name}[{number}]/")

    def first(self, *names: str) -> "_Node | None":
        """The first element down this way; None where a step is missing."""
        node: _Node | None = self
        for name in names:
            node = next(node.every(name), None) if node else None
        return node

    def text(self, name: str, *, longest: int = _LONGEST_TEXT) -> str:
        child = self.element.find(f"{_BASIC}{name}")
        said = " ".join((child.text or "").split()) if child is not None else ""
        check_text(said, self.path + name, longest=longest)
        return said

    def attribute(self, name: str, attribute: str) -> str:
        child = self.element.find(f"{_BASIC}{name}")
        said = (child.get(attribute) or "").strip() if child is not None else ""
        check_text(said, f"{self.path}{name}@{attribute}", longest=80)
        return said

    def day(self, name: str) -> date | None:
        said = self.text(name, longest=40)
        if not said:
            return None
        try:
            # A zone behind the day says whose day it is; the day stays.
            day = date.fromisoformat(said[:10])
        except ValueError:
            raise BadInput(f"{said[:40]!r} is not a day.", field=self.path + name) from None
        if not in_range(day):
            raise BadInput("The day is outside the years 2000 to 2100.", field=self.path + name)
        return day

    def number(self, name: str) -> Decimal | None:
        said = self.text(name, longest=_LONGEST_NUMBER)
        if not said:
            return None
        try:
            value = Decimal(said)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or "e" in said.lower() or "_" in said:
            raise BadInput(f"{said!r} is not a number.", field=self.path + name)
        return value

    def measure(self, name: str) -> Measure | None:
        value = self.number(name)
        return None if value is None else Measure(value, self.attribute(name, "unitCode"))

    def amount(self, name: str) -> Amount | None:
        value = self.number(name)
        return None if value is None else Amount(value, self.attribute(name, "currencyID"))


def _document(kind: DocumentKind, root: _Node) -> BusinessDocument:
    reference = root.first("OrderReference")
    number = root.text("ID", longest=200)
    terms = root.first("DeliveryTerms")
    place = terms.first("DeliveryLocation") if terms else None
    total = root.first("AnticipatedMonetaryTotal")
    return BusinessDocument(
        kind=kind,
        number=number,
        issued_on=root.day("IssueDate"),
        order=number if kind is DocumentKind.ORDER else reference.text("ID", longest=200) if reference else "",
        customization=root.text("CustomizationID"),
        profile=root.text("ProfileID"),
        response=root.text("OrderResponseCode", longest=20),
        sequence=root.text("SequenceNumberID", longest=40),
        note=root.text("CancellationNote") or root.text("Note"),
        currency=root.text("DocumentCurrencyCode", longest=20),
        delivery_terms=(terms.text("ID", longest=60) or terms.text("SpecialTerms", longest=200)) if terms else "",
        delivery_place=(place.text("ID", longest=120) or place.text("Description", longest=120)) if place else "",
        buyer=_party(root.first("BuyerCustomerParty", "Party") or root.first("DeliveryCustomerParty", "Party")),
        seller=_party(root.first("SellerSupplierParty", "Party") or root.first("DespatchSupplierParty", "Party")),
        payable=total.amount("PayableAmount") if total else None,
        deliveries=(*_deliveries(root), *_shipments(root)),
        lines=tuple(_lines(kind, root)),
    )


def _party(party: _Node | None) -> PartyName | None:
    if party is None:
        return None
    named = party.first("PartyName")
    legal = party.first("PartyLegalEntity")
    identifiers = [(node.attribute("ID", "schemeID"), node.text("ID")) for node in party.every("PartyIdentification")]
    endpoint = party.text("EndpointID")
    if endpoint:
        identifiers.append((party.attribute("EndpointID", "schemeID"), endpoint))
    name = (named.text("Name") if named else "") or (legal.text("RegistrationName") if legal else "")
    return PartyName(name, tuple(dict.fromkeys(pair for pair in identifiers if pair[1])))


def _lines(kind: DocumentKind, root: _Node) -> Iterator[DocumentLine]:
    parts = {DocumentKind.DESPATCH_ADVICE: "DespatchLine", DocumentKind.RECEIPT_ADVICE: "ReceiptLine"}
    name = parts.get(kind, "OrderLine")
    for count, node in enumerate(root.every(name), start=1):
        if count > MOST_LINES:
            raise BadInput(f"The document has more than {MOST_LINES} lines.", field="file")
        yield _moved_line(node) if kind in parts else _order_line(node)


def _order_line(node: _Node) -> DocumentLine:
    item = node.first("LineItem")
    if item is None:
        raise BadInput("The line has no item.", field=f"{node.path}LineItem")
    reference = node.first("OrderLineReference")
    price = item.first("Price")
    number = item.text("ID", longest=60)
    return _line(
        item,
        item.first("Item"),
        number=number,
        order_line=(reference.text("LineID", longest=60) if reference else "") or number,
        order=_order_of(reference),
        status=item.text("LineStatusCode", longest=40),
        quantity=item.measure("Quantity"),
        outstanding=item.measure("MaximumBackorderQuantity"),
        price=price.amount("PriceAmount") if price else None,
        price_per=price.measure("BaseQuantity") if price else None,
        note=node.text("Note") or item.text("Note"),
        deliveries=tuple(_deliveries(item)),
    )


def _moved_line(node: _Node) -> DocumentLine:
    reference = node.first("OrderLineReference")
    number = node.text("ID", longest=60)
    return _line(
        node,
        node.first("Item"),
        number=number,
        order_line=reference.text("LineID", longest=60) if reference else "",
        order=_order_of(reference),
        status=node.text("LineStatusCode", longest=40),
        quantity=node.measure("DeliveredQuantity") or node.measure("ReceivedQuantity"),
        outstanding=node.measure("OutstandingQuantity") or node.measure("BackorderQuantity"),
        short=node.measure("ShortQuantity"),
        rejected=node.measure("RejectedQuantity"),
        reject_reason=node.text("RejectReason") or node.text("RejectReasonCode"),
        received_on=node.day("ReceivedDate"),
        note=node.text("Note"),
        deliveries=(*_deliveries(node), *_shipments(node)),
    )


def _line(node: _Node, item: _Node | None, **said: object) -> DocumentLine:
    buyers = item.first("BuyersItemIdentification") if item else None
    sellers = item.first("SellersItemIdentification") if item else None
    instances = item.every("ItemInstance") if item else ()
    return DocumentLine(
        name=item.text("Name", longest=300) if item else "",
        description=item.text("Description") if item else "",
        buyers_item=buyers.text("ID", longest=120) if buyers else "",
        sellers_item=sellers.text("ID", longest=120) if sellers else "",
        serials=tuple(serial for each in instances if (serial := each.text("SerialID", longest=120))),
        path=node.path,
        **said,  # type: ignore[arg-type]
    )


def _order_of(reference: _Node | None) -> str:
    order = reference.first("OrderReference") if reference else None
    return order.text("ID", longest=200) if order else ""


def _deliveries(node: _Node) -> Iterator[DeliveryPart]:
    for delivery in node.every("Delivery"):
        despatch = delivery.first("Despatch")
        yield DeliveryPart(
            quantity=delivery.measure("Quantity"),
            requested=_period(delivery.first("RequestedDeliveryPeriod")),
            promised=_period(delivery.first("PromisedDeliveryPeriod")),
            estimated=_period(delivery.first("EstimatedDeliveryPeriod")),
            despatched_on=despatch.day("ActualDespatchDate") if despatch else None,
            delivered_on=delivery.day("ActualDeliveryDate"),
            tracking=delivery.text("TrackingID", longest=120),
            places=_places(delivery),
        )


def _places(delivery: _Node) -> tuple[str, ...]:
    location, party = delivery.first("DeliveryLocation"), delivery.first("DeliveryParty")
    address = delivery.first("DeliveryAddress") or delivery.first("DeliveryLocation", "Address")
    named = _party(party)
    found = [node.text("ID", longest=120) for node in (location, address) if node]
    found += [value for _scheme, value in named.identifiers] if named else []
    found.append(location.text("Name", longest=200) or location.text("Description", longest=200) if location else "")
    found.append(named.name if named else "")
    return tuple(dict.fromkeys(place for place in found if place))


def _shipments(node: _Node) -> Iterator[DeliveryPart]:
    for shipment in node.every("Shipment"):
        consignment = shipment.first("Consignment")
        for part in _deliveries(shipment):
            yield replace(part, tracking=part.tracking or (consignment.text("ID", longest=120) if consignment else ""))


def _period(node: _Node | None) -> Period | None:
    if node is None:
        return None
    from_on, until_on = node.day("StartDate"), node.day("EndDate")
    if from_on and until_on and until_on < from_on:
        raise BadInput("The period ends before it starts.", field=f"{node.path}EndDate")
    return Period(from_on, until_on) if from_on or until_on else None
