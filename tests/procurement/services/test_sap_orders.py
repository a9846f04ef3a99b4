"""Purchase orders as SAP writes them, taken by the upsert of every door."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from procurement.models import ExternalRef, PurchaseOrder, ScheduleLine
from procurement.readers.sap_orders import read
from procurement.services import sap_orders
from procurement.services.sap_orders import Taken
from procurement.vocabulary import CommercialStatus, LineStatus
from sites.domain.errors import BadInput
from sites.models import Promise
from tests.factories.procurement import CompanyFactory, EquipmentClassFactory
from tests.procurement.services.order_documents import NOON, World, make_world
from tests.samples import sample

# What each file holds: orders, items, schedule lines, and entities that mean nothing here.
HOLDS = {
    "latona-create-purchase-order-header-item-01-sample.json": (1, 1, 0, 1),
    "latona-purchase-order-header-01-sample.json": (1, 0, 0, 0),
    "latona-purchase-order-header-02-item-sample.json": (1, 1, 0, 0),
    "latona-purchase-order-header-03-item-schedule-line-sample.json": (1, 0, 1, 0),
    "latona-purchase-order-header-05-item-account-sample.json": (0, 0, 0, 1),
}
READ_APART = [name for name in HOLDS if "create" not in name]


def message(name: str) -> Any:
    """Without the envelope of the log it was kept in."""
    return json.loads(sample(f"sap/{name}").read_text(encoding="utf-8"))["message"]


@pytest.mark.parametrize("name", HOLDS)
def test_every_sample_is_read(name: str) -> None:
    found = read(message(name))

    orders = found.orders.values()
    items = [each for order in orders for each in order.items.values()]
    schedules = [each for order in orders for loose in order.loose.values() for each in loose]
    assert (len(orders), len(items), len(schedules), found.passed_over) == HOLDS[name]


def test_the_samples_are_all_there_are() -> None:
    folder = sample(f"sap/{READ_APART[0]}").parent

    assert {file.name for file in folder.glob("*.json")} == set(HOLDS)


def test_what_was_read_apart_is_one_order() -> None:
    """By four calls: header, item, schedule line, account assignment."""
    found = read([entity for name in READ_APART for entity in message(name)])

    (order,) = found.orders.values()
    (item,) = order.items.values()
    (schedule,) = item.schedules.values()
    assert (order.supplier, order.currency, order.ordered_on) == ("100000", "EUR", date(2022, 9, 16))
    assert (item.number, item.plant, item.unit, item.unit_price) == (10, "0001", "KGM", Decimal(100))
    assert (schedule.number, schedule.quantity, schedule.delivery_on) == (1, Decimal(1), date(2022, 9, 16))
    assert (found.passed_over, order.loose) == (1, {})


def header(**said: Any) -> dict[str, Any]:
    return {
        "PurchaseOrder": "4500000001",
        "Supplier": "100000",
        "DocumentCurrency": "EUR",
        "PurchaseOrderDate": "/Date(1790812800000)/",
        "LastChangeDateTime": "/Date(1790812800000+0000)/",
        "IncotermsClassification": "DAP",
        "IncotermsLocation1": "Sydney",
        "PurchasingDocumentDeletionCode": "",
    } | said


def item(**said: Any) -> dict[str, Any]:
    return {
        "PurchaseOrder": "4500000001",
        "PurchaseOrderItem": "00010",
        "PurchaseOrderItemText": "Chiller",
        "Plant": "0001",
        "Material": "66",
        "OrderQuantity": "2",
        "PurchaseOrderQuantityUnit": "ST",
        "NetPriceAmount": "1000.00",
        "NetPriceQuantity": "10",
        "PurchasingDocumentDeletionCode": "",
        "to_ScheduleLine": {"results": [schedule()]},
    } | said


def schedule(**said: Any) -> dict[str, Any]:
    return {
        "PurchasingDocument": "4500000001",
        "PurchasingDocumentItem": "00010",
        "ScheduleLine": "0001",
        "ScheduleLineDeliveryDate": "/Date(1815350400000)/",
        "SchedLineStscDeliveryDate": "/Date(1814745600000)/",
        "ScheduleLineOrderQuantity": "2",
    } | said


@pytest.fixture
def world() -> World:
    world = make_world()
    company = CompanyFactory.create(code="SAPVENDOR")
    equipment = EquipmentClassFactory.create(code="sap_chiller")
    for kind, said, thing in (
        ("company", "100000", company.pk),
        ("site", "0001", world.sydney.pk),
        ("equipment_class", "66", equipment.pk),
    ):
        ExternalRef.objects.create(system="SAP-PRD", kind=kind, external_id=said, subject_id=thing)
    return world


def taken(world: World, body: Any) -> Taken:
    (one,) = sap_orders.take(body=body, system="SAP-PRD", actor=world.erp, now=NOON).orders
    return one


@pytest.mark.django_db
def test_header_item_and_schedule_line_become_an_order(world: World) -> None:
    done = taken(world, {"d": header(to_PurchaseOrderItem={"results": [item()]})})

    assert done.refusal is None
    order = PurchaseOrder.objects.get()
    row = ScheduleLine.objects.select_related("line__equipment_class", "site").get()
    assert (order.number, order.seller.code, order.currency) == ("4500000001", "SAPVENDOR", "EUR")
    assert (order.incoterm, order.incoterm_place, order.issued_on) == ("DAP", "Sydney", date(2026, 10, 1))
    assert (row.line.number, row.line.unit, row.line.unit_price) == (10, "EA", Decimal(100))
    assert (row.line.equipment_class.code, row.site) == ("sap_chiller", world.sydney)
    assert (row.quantity, row.contract_on) == (Decimal(2), date(2027, 7, 5))
    assert Promise.objects.get().value == "2027-07-12"


@pytest.mark.django_db
def test_the_same_message_again_changes_nothing(world: World) -> None:
    body = {"d": {"results": [header(to_PurchaseOrderItem={"results": [item()]})]}}
    taken(world, body)

    again = taken(world, body)

    assert again.done is not None
    assert again.done.result == "unchanged"


@pytest.mark.django_db
def test_the_deletion_indicator_cancels_and_removes_nothing(world: World) -> None:
    taken(world, header(to_PurchaseOrderItem={"results": [item()]}))

    taken(world, [item(PurchasingDocumentDeletionCode="L", to_ScheduleLine=None)])
    line = ScheduleLine.objects.get().line
    taken(world, header(PurchasingDocumentDeletionCode="L"))

    assert line.status == LineStatus.CANCELLED
    assert PurchaseOrder.objects.get().commercial_status == CommercialStatus.CANCELLED


@pytest.mark.django_db
def test_a_schedule_line_alone_moves_the_delivery_date(world: World) -> None:
    taken(world, header(to_PurchaseOrderItem={"results": [item()]}))

    taken(world, {"d": schedule(ScheduleLineDeliveryDate="2027-08-02")})

    assert Promise.objects.order_by("place").values_list("value", flat=True).last() == "2027-08-02"
    assert ScheduleLine.objects.get().contract_on == date(2027, 7, 5)


def promises() -> list[str]:
    return list(Promise.objects.order_by("place").values_list("value", flat=True))


@pytest.mark.django_db
def test_without_a_statistical_date_the_first_delivery_date_stays_the_contract_s(world: World) -> None:
    first = schedule(ScheduleLineDeliveryDate="2027-07-05", SchedLineStscDeliveryDate=None)
    taken(world, header(to_PurchaseOrderItem={"results": [item(to_ScheduleLine={"results": [first]})]}))

    moved = taken(world, first | {"ScheduleLineDeliveryDate": "2027-08-02"})

    assert moved.done is not None
    assert moved.done.changed == ("lines/10/schedules/1/promised_date",)
    assert (ScheduleLine.objects.get().contract_on, promises()) == (date(2027, 7, 5), ["2027-08-02"])


@pytest.mark.django_db
def test_a_delivery_date_that_moves_back_to_the_contract_s_is_promised_again(world: World) -> None:
    taken(world, header(to_PurchaseOrderItem={"results": [item()]}))

    back = schedule(ScheduleLineDeliveryDate="2027-07-05")
    taken(world, back)
    again = taken(world, back)

    assert promises() == ["2027-07-12", "2027-07-05"]
    assert again.done is not None
    assert again.done.result == "unchanged"


ITEM = "to_PurchaseOrderItem/results/0"
SCHEDULE = f"{ITEM}/to_ScheduleLine/results/0"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (header(Supplier="999", to_PurchaseOrderItem=[item()]), "Supplier"),
        (header(DocumentCurrency="XXQ", to_PurchaseOrderItem=[item()]), "DocumentCurrency"),
        (header(), "to_PurchaseOrderItem"),
        (header(Supplier=""), "Supplier"),
        ([item(), header(Supplier="999")], "1/Supplier"),
        (header(to_PurchaseOrderItem={"results": [item(Plant="0009")]}), f"{ITEM}/Plant"),
        (header(to_PurchaseOrderItem={"results": [item(Material="67")]}), f"{ITEM}/Material"),
        (
            header(to_PurchaseOrderItem={"results": [item(PurchaseOrderQuantityUnit="XX")]}),
            f"{ITEM}/PurchaseOrderQuantityUnit",
        ),
        (
            header(to_PurchaseOrderItem={"results": [item(OrderQuantity="-1", to_ScheduleLine=None)]}),
            f"{ITEM}/OrderQuantity",
        ),
        (
            header(
                to_PurchaseOrderItem={
                    "results": [item(to_ScheduleLine={"results": [schedule(ScheduleLineOrderQuantity="-1")]})]
                }
            ),
            f"{SCHEDULE}/ScheduleLineOrderQuantity",
        ),
        (
            header(
                to_PurchaseOrderItem={
                    "results": [item(to_ScheduleLine={"results": [schedule(SchedLineStscDeliveryDate="1027-01-01")]})]
                }
            ),
            f"{SCHEDULE}/ScheduleLineDeliveryDate",
        ),
    ],
)
def test_a_refusal_names_the_field_as_sap_does_where_it_stands(world: World, body: Any, field: str) -> None:
    refused = taken(world, body)

    assert refused.refusal is not None
    assert (refused.refusal.field, PurchaseOrder.objects.count()) == (field, 0)


@pytest.mark.django_db
def test_an_order_that_cannot_be_read_does_not_stop_the_others(world: World) -> None:
    other = [{**each, "PurchaseOrder": "4500000002"} for each in (header(), item(to_ScheduleLine=None))]
    body = [header(), item(NetPriceAmount="abc"), *other]

    first, second = sap_orders.take(body=body, system="SAP-PRD", actor=world.erp, now=NOON).orders

    assert first.refusal is not None
    assert (first.number, first.refusal.field, second.refusal) == ("4500000001", "1/NetPriceAmount", None)
    assert PurchaseOrder.objects.get().number == "4500000002"


@pytest.mark.parametrize(
    ("body", "field"), [("x", "body"), ([1], "0"), ({"d": {"results": [{}]}}, "d/results/0/PurchaseOrder")]
)
def test_what_belongs_to_no_order_refuses_the_message(body: Any, field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read(body)

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (item(PurchaseOrderItem="x"), "PurchaseOrderItem"),
        (item(OrderQuantity="NaN"), "OrderQuantity"),
        (item(NetPriceQuantity="0"), "NetPriceQuantity"),
        (item(to_ScheduleLine=[1]), "to_ScheduleLine/0"),
        (header(PurchaseOrderDate="/Date(x)/"), "PurchaseOrderDate"),
        (header(LastChangeDateTime="2026-01-01"), "LastChangeDateTime"),
        ([header(), header()], "1/PurchaseOrder"),
        ([item(), item()], "1/PurchaseOrderItem"),
        ([schedule(), schedule()], "1/ScheduleLine"),
    ],
)
def test_what_cannot_be_read_of_an_order_is_its_refusal(body: Any, field: str) -> None:
    (order,) = read(body).orders.values()

    assert order.refusal is not None
    assert order.refusal.field == field
