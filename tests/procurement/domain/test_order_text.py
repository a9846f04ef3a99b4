from datetime import date
from decimal import Decimal

import pytest

from procurement.domain import order_text
from procurement.domain.order_document import LineDocument, OrderDocument, ScheduleDocument
from procurement.vocabulary import CommercialStatus, DamagesUnit, FinancialStatus, LineStatus, OrderKind
from sites.domain import imprecise
from sites.vocabulary import Precision

SCHEDULE = ScheduleDocument(
    1,
    quantity=Decimal("2.500"),
    contract_on=date(2027, 7, 19),
    site="SYD1",
    status=LineStatus.CANCELLED,
    promise=imprecise.read("2027-W37", Precision.WEEK),
    field="lines/10/schedules/1",
)
LINE = LineDocument(
    10,
    quantity=Decimal(4),
    unit="EA",
    unit_price=Decimal("250000.00"),
    over_delivery_percent=Decimal(5),
    plant="KITA/OSAKA",
    status=LineStatus.OPEN,
    promise=imprecise.read("", Precision.TBD),
    schedules=(SCHEDULE,),
    field="lines/10",
)
FULL = OrderDocument(
    vendor="KITA",
    currency="AUD",
    lines=(LINE, LineDocument(20)),
    version="2026-11-20T14:30:00.000000+00:00",
    kind=OrderKind.CALL_OFF,
    parent="FRAME",
    revision=3,
    status=CommercialStatus.CANCELLED,
    financial_status=FinancialStatus.UNBILLED,
    issued_on=date(2026, 8, 3),
    total_amount=Decimal("1000000.00"),
    damages_rate_percent=Decimal("0.5"),
    damages_unit=DamagesUnit.WEEK,
    damages_grace_days=7,
)


@pytest.mark.parametrize(
    "document", [FULL, OrderDocument("KITA", "AUD", ()), OrderDocument("KITA", "AUD", (), version=7)]
)
def test_a_document_comes_back_as_it_was(document: OrderDocument) -> None:
    assert order_text.read(order_text.written(document)) == document


def test_what_is_not_said_is_not_written() -> None:
    assert order_text.written(OrderDocument("KITA", "AUD", (LineDocument(20),))).keys() == {
        "vendor",
        "currency",
        "lines",
    }
