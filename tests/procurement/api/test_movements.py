"""Units on their way and units that came: which lot, what of it, and the way back."""

from typing import Any

import pytest

from procurement.models import Receipt, ShipmentNotice, UnitSerial
from tests.procurement.api.calls import ORDER, Caller, order_body, order_line, pointers, problem

pytestmark = pytest.mark.django_db

BOTH = pytest.mark.parametrize("path", ["/goods-receipts", "/shipments"])
UNKNOWN = "01940000-0000-7000-8000-000000000000"


@pytest.fixture
def order(erp: Caller) -> str:
    """Four chillers for Sydney (10) and 4 m of cable for Tokyo (20)."""
    lines = order_line(10), order_line(20, site="TYO1", unit="MTR", contractual_date="2027-09-06")
    key: str = erp.put(ORDER, order_body(*lines)).json()["id"]
    return key


def moved(order: str, **said: Any) -> dict[str, Any]:
    """For either path: the other's fields are unknown to it."""
    return {
        "order": order, "line_number": "00010", "quantity": "2", "number": "DN-1", "received_on": "2026-11-01",
    } | said  # fmt: skip


def codes(body: dict[str, Any]) -> dict[str | None, str]:
    return {error["pointer"]: error["code"] for error in body["errors"]}


@BOTH
def test_units_are_recorded_and_taken_back_by_a_row(erp: Caller, order: str, path: str) -> None:
    said = moved(order, quantity="3")

    made = erp.post(path, said)
    problem(erp.post(path, said), 422, "validation_error")
    back = erp.post(path, {"reverses": made.json()["id"], "reason": "Counted twice"})
    again = problem(erp.post(path, {"reverses": made.json()["id"], "reason": "Again"}), 409, "conflict")

    assert (made.status_code, back.status_code, back.json()["reverses"]) == (201, 201, made.json()["id"])
    assert [each["quantity"] for each in erp.get(path).json()["items"]] == ["3", "3"]
    assert pointers(again) == ["/reverses"]


@BOTH
@pytest.mark.parametrize(
    ("beside", "wrong"),
    [
        ({"quantity": "1"}, {"/quantity": "invalid"}),
        (
            {"line_number": 20, "external_id": "NOPE", "document": "", "order": UNKNOWN},
            dict.fromkeys(("/line_number", "/external_id", "/document", "/order"), "invalid"),
        ),
        ({"schedule_number": 1, "lot_number": 1}, {"/schedule_number": "invalid", "/lot_number": "invalid"}),
    ],
    ids=str,
)
def test_a_reversal_takes_the_whole_back_and_names_what_has_no_place_beside_it(
    erp: Caller, order: str, path: str, beside: dict[str, Any], wrong: dict[str, str]
) -> None:
    key = erp.post(path, moved(order)).json()["id"]

    body = problem(erp.post(path, {"reverses": key, "reason": "Miscounted"} | beside), 422, "validation_error")

    assert codes(body) == wrong
    assert Receipt.objects.count() + ShipmentNotice.objects.count() == 1


@BOTH
def test_a_reversal_says_why(erp: Caller, order: str, path: str) -> None:
    key = erp.post(path, moved(order)).json()["id"]

    body = problem(erp.post(path, {"reverses": key}), 422, "validation_error")

    assert codes(body) == {"/reason": "required"}


@BOTH
def test_a_reason_stands_beside_a_reversal_only(erp: Caller, order: str, path: str) -> None:
    body = problem(erp.post(path, moved(order, reason="Because")), 422, "validation_error")

    assert codes(body) == {"/reason": "invalid"}


@BOTH
def test_a_reversal_of_null_is_none(erp: Caller, order: str, path: str) -> None:
    body = problem(erp.post(path, moved(order, reverses=None)), 422, "validation_error")

    assert codes(body) == {"/reverses": "null"}


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/goods-receipts", {"/order", "/line_number", "/quantity", "/received_on"}),
        ("/shipments", {"/order", "/line_number", "/quantity", "/number"}),
        ("/confirmations", {"/order", "/number", "/confirmed_on"}),
    ],
)
def test_everything_that_is_missing_is_named_at_once(erp: Caller, path: str, missing: set[str]) -> None:
    assert codes(problem(erp.post(path, {}), 422, "validation_error")) == dict.fromkeys(missing, "required")


@BOTH
def test_what_is_wrong_and_what_is_missing_are_named_together(erp: Caller, order: str, path: str) -> None:
    body = problem(erp.post(path, {"order": order, "quantity": "many", "line_number": 10}), 422, "validation_error")

    assert set(pointers(body)) == {"/quantity", {"/shipments": "/number"}.get(path, "/received_on")}


@BOTH
@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"order": UNKNOWN}, "/order"),
        ({"order": UNKNOWN, "external_id": "4500016221"}, "/order"),
        ({"external_id": "NOPE"}, "/external_id"),
        ({"line_number": 30}, "/line_number"),
        ({"schedule_number": 2}, "/schedule_number"),
        ({"lot_number": 9}, "/lot_number"),
    ],
    ids=str,
)
def test_what_the_body_names_and_is_not_there_is_named(
    erp: Caller, order: str, path: str, said: dict[str, Any], pointer: str
) -> None:
    body = problem(erp.post(path, moved(order) | said), 422, "validation_error")

    assert pointers(body) == [pointer]


@BOTH
def test_what_is_out_of_sight_is_named_like_what_is_not_there(
    erp: Caller, sydney_only: Caller, order: str, path: str
) -> None:
    tokyo = erp.put("/purchase-orders/ext/SAP-PRD/B", order_body(site="TYO1")).json()["id"]
    made = erp.post(path, moved(tokyo)).json()["id"]

    said = (moved(order, line_number=20), moved(tokyo), {"reverses": made, "reason": "Why not"})
    hidden = [pointers(problem(sydney_only.post(path, each), 422, "validation_error")) for each in said]

    assert hidden == [["/line_number"], ["/order"], ["/reverses"]]
    unknown = {"reverses": UNKNOWN, "reason": "Why not"}
    assert pointers(problem(erp.post(path, unknown), 422, "validation_error")) == ["/reverses"]


@pytest.mark.parametrize("path", ["/goods-receipts", "/shipments", "/confirmations"])
def test_two_ids_name_one_order(erp: Caller, order: str, path: str) -> None:
    other = erp.put("/purchase-orders/ext/SAP-PRD/B", order_body()).json()["id"]
    said = {"number": "DN-1", "confirmed_on": "2026-11-01"} if path == "/confirmations" else moved(order)

    agreed = erp.post(path, said | {"order": order, "external_id": "4500016221"})
    body = problem(erp.post(path, said | {"order": other, "external_id": "4500016221"}), 422, "validation_error")

    assert (agreed.status_code, agreed.json()["order"]) == (201, order)
    assert pointers(body) == ["/external_id"]


@BOTH
@pytest.mark.parametrize(("line", "quantity"), [(10, "0.5"), (10, "0"), (20, "0.1234"), (20, "0.0004")])
def test_units_are_counted_as_they_can_be_kept(erp: Caller, order: str, path: str, line: int, quantity: str) -> None:
    body = problem(erp.post(path, moved(order, line_number=line, quantity=quantity)), 422, "validation_error")

    assert pointers(body) == ["/quantity"]
    assert erp.get(path).json()["items"] == []


def test_what_is_sent_arrives_no_earlier_than_it_left(erp: Caller, order: str) -> None:
    days = {"despatched_on": "2026-11-02", "arrives_on": "2026-11-01"}

    body = problem(erp.post("/shipments", moved(order, **days)), 422, "validation_error")

    assert pointers(body) == ["/arrives_on"]
    assert erp.post("/shipments", moved(order, **days | {"arrives_on": "2026-11-02"})).status_code == 201


def test_the_plates_of_units_are_answered_and_listed_with_their_receipt(erp: Caller, order: str) -> None:
    made = erp.post("/goods-receipts", moved(order, serials=["CH-2", " CH-1", "ch-1"])).json()
    plain = erp.post("/goods-receipts", moved(order, quantity="1")).json()

    assert (made["serials"], plain["serials"]) == (["CH-1", "CH-2"], [])
    assert [each["serials"] for each in erp.get("/goods-receipts").json()["items"]] == [["CH-1", "CH-2"], []]


def test_the_plates_go_back_with_their_receipt_and_come_again_with_the_next(erp: Caller, order: str) -> None:
    said = moved(order, serials=["CH-1", "CH-2"])
    made = erp.post("/goods-receipts", said).json()["id"]

    back = erp.post("/goods-receipts", {"reverses": made, "reason": "Another day"}).json()
    again = erp.post("/goods-receipts", said | {"received_on": "2026-11-02", "serials": ["CH-2", "CH-3"]})

    assert (back["serials"], again.status_code, again.json()["serials"]) == ([], 201, ["CH-2", "CH-3"])
    assert sorted(UnitSerial.objects.values_list("number", flat=True)) == ["CH-2", "CH-3"]


@pytest.mark.parametrize("serials", [["CH-1", "CH-2"], ["ch-0"]])
def test_plates_that_cannot_be_of_these_units_are_refused_with_them(
    erp: Caller, order: str, serials: list[str]
) -> None:
    erp.post("/goods-receipts", moved(order, quantity="1", serials=["CH-0"]))

    answer = erp.post("/goods-receipts", moved(order, quantity="1", serials=serials))

    assert pointers(problem(answer, 422, "validation_error")) == ["/serials"]
    assert (Receipt.objects.count(), UnitSerial.objects.count()) == (1, 1)
