"""Order documents of UBL 2 as they stand, and what is refused with the path of the element."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.readers import ubl
from procurement.readers.ubl import Amount, BusinessDocument, DeliveryPart, DocumentKind, DocumentLine, Measure, Period
from sites.domain.errors import BadInput
from tests.samples import sample

HEAD = "urn:oasis:names:specification:ubl:schema:xsd:"


def document(kind: str, body: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><{kind} xmlns="{HEAD}{kind}-2"'
        f' xmlns:a="{HEAD}CommonAggregateComponents-2" xmlns:b="{HEAD}CommonBasicComponents-2">{body}</{kind}>'
    ).encode()


def test_an_order_response_promises_by_line() -> None:
    read = ubl.read(
        document(
            "OrderResponse",
            "<b:ID>R-7</b:ID><b:IssueDate>2027-01-21</b:IssueDate><b:OrderResponseCode>CA</b:OrderResponseCode>"
            "<a:OrderReference><b:ID>4500016221</b:ID></a:OrderReference>"
            "<a:OrderLine><a:LineItem><b:ID>1</b:ID><b:LineStatusCode>3</b:LineStatusCode>"
            '<b:Quantity unitCode="EA">2</b:Quantity>'
            "<a:Delivery><b:Quantity>1</b:Quantity><a:PromisedDeliveryPeriod><b:StartDate>2027-05-10+09:00</b:StartDate>"
            "<b:EndDate>2027-05-21</b:EndDate></a:PromisedDeliveryPeriod></a:Delivery>"
            "</a:LineItem><a:OrderLineReference><b:LineID>10</b:LineID></a:OrderLineReference></a:OrderLine>",
        )
    )

    assert read == BusinessDocument(
        kind=DocumentKind.ORDER_RESPONSE,
        number="R-7",
        issued_on=date(2027, 1, 21),
        order="4500016221",
        response="CA",
        lines=(
            DocumentLine(
                number="1",
                order_line="10",
                status="3",
                quantity=Measure(Decimal(2), "EA"),
                deliveries=(
                    DeliveryPart(
                        quantity=Measure(Decimal(1), ""), promised=Period(date(2027, 5, 10), date(2027, 5, 21))
                    ),
                ),
                path="OrderLine[1]/LineItem[1]/",
            ),
        ),
    )


def test_a_receipt_advice_counts_what_came_and_what_did_not() -> None:
    read = ubl.read(
        document(
            "ReceiptAdvice",
            "<b:ID>W-1</b:ID><a:OrderReference><b:ID>45</b:ID></a:OrderReference><a:ReceiptLine><b:ID>1</b:ID>"
            '<b:ReceivedQuantity unitCode="EA">3</b:ReceivedQuantity><b:ShortQuantity unitCode="EA">1</b:ShortQuantity>'
            '<b:RejectedQuantity unitCode="EA">2</b:RejectedQuantity><b:RejectReason>dents</b:RejectReason>'
            "<b:ReceivedDate>2027-06-01</b:ReceivedDate>"
            "<a:OrderLineReference><b:LineID>20</b:LineID></a:OrderLineReference>"
            "<a:Item><a:ItemInstance><b:SerialID>SN-1</b:SerialID></a:ItemInstance></a:Item></a:ReceiptLine>",
        )
    )

    assert read.lines == (
        DocumentLine(
            number="1",
            order_line="20",
            quantity=Measure(Decimal(3), "EA"),
            short=Measure(Decimal(1), "EA"),
            rejected=Measure(Decimal(2), "EA"),
            reject_reason="dents",
            received_on=date(2027, 6, 1),
            serials=("SN-1",),
            path="ReceiptLine[1]/",
        ),
    )


def test_a_despatch_advice_says_when_it_left_and_when_it_should_come() -> None:
    read = ubl.read(
        document(
            "DespatchAdvice",
            "<b:ID>D-1</b:ID><a:Shipment><b:ID>S</b:ID><a:Consignment><b:ID>TRACK</b:ID></a:Consignment><a:Delivery>"
            "<a:EstimatedDeliveryPeriod><b:EndDate>2027-07-01</b:EndDate></a:EstimatedDeliveryPeriod>"
            "<a:Despatch><b:ActualDespatchDate>2027-06-01</b:ActualDespatchDate></a:Despatch></a:Delivery></a:Shipment>",
        )
    )

    assert read.deliveries == (
        DeliveryPart(estimated=Period(None, date(2027, 7, 1)), despatched_on=date(2027, 6, 1), tracking="TRACK"),
    )


def test_a_cancellation_says_why() -> None:
    read = ubl.read(
        document(
            "OrderCancellation",
            "<b:ID>C-1</b:ID><b:CancellationNote>hall dropped</b:CancellationNote>"
            "<a:OrderReference><b:ID>45</b:ID></a:OrderReference>",
        )
    )

    assert (read.kind, read.order, read.note) == (DocumentKind.ORDER_CANCELLATION, "45", "hall dropped")


@pytest.mark.parametrize(
    ("name", "kind", "order", "lines", "terms", "payable"),
    [
        ("ubl/UBL-Order-2.1-Example.xml", DocumentKind.ORDER, "34", ["1", "2"], "FOT", Amount(Decimal(6225), "SEK")),
        ("ubl/CENBII-Order-minimal.xml", DocumentKind.ORDER, "", ["LineItemID"], "", None),
        ("ubl/UBL-OrderChange-2.1-Example.xml", DocumentKind.ORDER_CHANGE, "34", ["1"], "", None),
        ("ubl/UBL-OrderResponse-2.1-Example.xml", DocumentKind.ORDER_RESPONSE, "34", ["1", "2"], "", None),
        ("ubl/UBL-DespatchAdvice-2.0-Example.xml", DocumentKind.DESPATCH_ADVICE, "AEG012345", ["1"], "", None),
    ],
)
def test_published_examples_read(
    name: str, kind: DocumentKind, order: str, lines: list[str], terms: str, payable: Amount | None
) -> None:
    read = ubl.read(sample(name).read_bytes())

    assert (read.kind, read.order, [line.order_line for line in read.lines], read.delivery_terms, read.payable) == (
        kind,
        order,
        lines,
        terms,
        payable,
    )


LINE = "<a:OrderLine><a:LineItem><b:ID>1</b:ID>{}</a:LineItem></a:OrderLine>"


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        (b" ", "file", "empty"),
        (b"ISA*00*", "line 1", "well-formed"),
        (document("Order", "<b:ID>1</b:ID>")[:-9], "line 1", "well-formed"),
        (document("Invoice", "<b:ID>1</b:ID>"), "file", "none of the order documents"),
        (b"<Order/>", "file", "none of the order documents"),
        (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "file", "document type"),
        (b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "file", "document type"),
        (b'<?xml version="1.0" encoding="x-unheard-of"?><a/>', "line 1", "encoding"),
        (b"<a>" * 100 + b"</a>" * 100, "file", "deep"),
        (document("Order", "<b:IssueDate>21.01.2027</b:IssueDate>"), "IssueDate", "not a day"),
        (document("Order", "<b:IssueDate>20270-01-01</b:IssueDate>"), "IssueDate", "not a day"),
        (document("Order", "<b:IssueDate>1905-06-20</b:IssueDate>"), "IssueDate", "2000 to 2100"),
        (document("Order", LINE.format("<b:Quantity>NaN</b:Quantity>")), "OrderLine[1]/LineItem[1]/Quantity", "number"),
        (document("Order", LINE.format("<b:Quantity>1e9</b:Quantity>")), "OrderLine[1]/LineItem[1]/Quantity", "number"),
        (document("Order", "<a:OrderLine/>"), "OrderLine[1]/LineItem", "no item"),
        (
            document(
                "Order",
                "<a:Delivery><a:RequestedDeliveryPeriod><b:StartDate>2027-02-02</b:StartDate>"
                "<b:EndDate>2027-02-01</b:EndDate></a:RequestedDeliveryPeriod></a:Delivery>",
            ),
            "Delivery[1]/RequestedDeliveryPeriod[1]/EndDate",
            "ends before",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(content: bytes, where: str, why: str) -> None:
    with pytest.raises(BadInput) as refused:
        ubl.read(content)

    assert refused.value.field == where
    assert why in refused.value.message


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_a_bent_byte_is_read_or_refused(place: int, byte: int) -> None:
    content = bytearray(document("Order", LINE.format("<b:Quantity>1</b:Quantity>")))
    content[place % len(content)] = byte

    try:
        read: object = ubl.read(bytes(content))
    except BadInput as refusal:
        read = refusal.field

    assert isinstance(read, BusinessDocument | str)
