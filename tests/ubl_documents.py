"""Small business documents for tests, written by hand."""

HEAD = "urn:oasis:names:specification:ubl:schema:xsd:"


def ubl(kind: str, body: str) -> bytes:
    """`a` is the prefix of aggregates, `b` of basic components."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><{kind} xmlns="{HEAD}{kind}-2"'
        f' xmlns:a="{HEAD}CommonAggregateComponents-2" xmlns:b="{HEAD}CommonBasicComponents-2">{body}</{kind}>'
    ).encode()


def about(order: str) -> str:
    return f"<a:OrderReference><b:ID>{order}</b:ID></a:OrderReference>"


def promised(day: str, quantity: str = "") -> str:
    said = f"<b:Quantity>{quantity}</b:Quantity>" if quantity else ""
    period = f"<a:PromisedDeliveryPeriod><b:EndDate>{day}</b:EndDate></a:PromisedDeliveryPeriod>"
    return f"<a:Delivery>{said}{period}</a:Delivery>"


def item_line(number: str, inside: str = "", *, status: str = "") -> str:
    code = f"<b:LineStatusCode>{status}</b:LineStatusCode>" if status else ""
    return f"<a:OrderLine><a:LineItem><b:ID>{number}</b:ID>{code}{inside}</a:LineItem></a:OrderLine>"


def response(code: str, *lines: str, order: str = "4500016221", note: str = "") -> bytes:
    said = f"<b:Note>{note}</b:Note>" if note else ""
    return ubl(
        "OrderResponse",
        f"<b:ID>R-7</b:ID><b:IssueDate>2026-11-18</b:IssueDate><b:OrderResponseCode>{code}</b:OrderResponseCode>{said}"
        f"{about(order)}{''.join(lines)}",
    )


def despatch(*lines: str, order: str = "4500016221", shipment: str = "") -> bytes:
    return ubl(
        "DespatchAdvice",
        f"<b:ID>D-3</b:ID><b:IssueDate>2026-11-18</b:IssueDate>{about(order)}{shipment}{''.join(lines)}",
    )


def arriving(day: str, *, despatched_on: str = "2026-11-17", tracking: str = "MSKU-1") -> str:
    return (
        f"<a:Shipment><b:ID>1</b:ID><a:Delivery><b:TrackingID>{tracking}</b:TrackingID><a:EstimatedDeliveryPeriod>"
        f"<b:EndDate>{day}</b:EndDate></a:EstimatedDeliveryPeriod><a:Despatch><b:ActualDespatchDate>{despatched_on}"
        "</b:ActualDespatchDate></a:Despatch></a:Delivery></a:Shipment>"
    )


def moved_line(kind: str, line: str, quantity: str, inside: str = "", *, after: str = "") -> str:
    """`kind` is Despatch or Receipt; `after` stands behind the reference to the order."""
    name = {"Despatch": "DeliveredQuantity", "Receipt": "ReceivedQuantity"}[kind]
    return (
        f'<a:{kind}Line><b:ID>1</b:ID><b:{name} unitCode="EA">{quantity}</b:{name}>{inside}'
        f"<a:OrderLineReference><b:LineID>{line}</b:LineID></a:OrderLineReference>{after}</a:{kind}Line>"
    )


def receipt(*lines: str, order: str = "4500016221") -> bytes:
    return ubl("ReceiptAdvice", f"<b:ID>W-1</b:ID><b:IssueDate>2026-11-18</b:IssueDate>{about(order)}{''.join(lines)}")


def order_line(
    number: str, quantity: str, asked_for: str, *, item: str = "", price: str = "", status: str = "", to: str = ""
) -> str:
    identified = f"<a:BuyersItemIdentification><b:ID>{item}</b:ID></a:BuyersItemIdentification>" if item else ""
    priced = f'<a:Price><b:PriceAmount currencyID="AUD">{price}</b:PriceAmount></a:Price>' if price else ""
    period = f"<a:RequestedDeliveryPeriod><b:EndDate>{asked_for}</b:EndDate></a:RequestedDeliveryPeriod>"
    place = f"<a:DeliveryLocation><b:ID>{to}</b:ID></a:DeliveryLocation>" if to else ""
    return item_line(
        number,
        f'<b:Quantity unitCode="EA">{quantity}</b:Quantity><a:Delivery>{place}{period}</a:Delivery>{priced}'
        f"<a:Item><b:Name>Unit {number}</b:Name>{identified}</a:Item>",
        status=status,
    )


def order(vendor: str, *lines: str, number: str = "4500099001", term: str = "FOT", currency: str = "AUD") -> bytes:
    return ubl(
        "Order",
        f"<b:ID>{number}</b:ID><b:IssueDate>2026-11-02</b:IssueDate>"
        f"<b:DocumentCurrencyCode>{currency}</b:DocumentCurrencyCode><a:SellerSupplierParty><a:Party>"
        f"<a:PartyIdentification><b:ID>{vendor}</b:ID></a:PartyIdentification></a:Party></a:SellerSupplierParty>"
        f"<a:DeliveryTerms><b:ID>{term}</b:ID></a:DeliveryTerms>{''.join(lines)}",
    )


def order_change(*lines: str, number: str = "4500016221") -> bytes:
    return ubl("OrderChange", f"<b:ID>C-1</b:ID><b:IssueDate>2026-11-18</b:IssueDate>{about(number)}{''.join(lines)}")


def cancellation(number: str = "4500016221") -> bytes:
    note = "<b:CancellationNote>Project stopped</b:CancellationNote>"
    return ubl("OrderCancellation", f"<b:ID>X-1</b:ID><b:IssueDate>2026-11-18</b:IssueDate>{note}{about(number)}")
