from typing import Any

import pytest

from procurement.models import PurchaseOrder
from sites.models import Promise, PromiseRetraction
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, order_line, pointers, problem

pytestmark = pytest.mark.django_db
PATH = "/confirmations"


@pytest.fixture(autouse=True)
def order(erp: Caller) -> None:
    """A line for Sydney (10) and one for Tokyo (20)."""
    erp.put(ORDER, order_body(order_line(10), order_line(20, site="TYO1", contractual_date="2027-09-06")))


def confirmation(*lines: dict[str, Any], **said: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"external_id": "4500016221", "number": "AB-90211", "confirmed_on": "2026-11-18"}
    return plain | ({"lines": list(lines)} if lines else {}) | said


def promised() -> list[tuple[int, str, str]]:
    rows = Promise.objects.select_related("milestone__chain__lot__schedule_line__line").order_by("place")
    lines = [(row.milestone.chain.lot.schedule_line.line.number, row) for row in rows]
    return sorted((number, row.value, row.precision) for number, row in lines)


def test_an_order_that_is_confirmed_is_promised_for_its_contract_dates(erp: Caller) -> None:
    answer = erp.post(PATH, confirmation())

    told = answer.json()
    assert (answer.status_code, told["number"], told["reverses"]) == (201, "AB-90211", None)
    assert told["order"] == str(PurchaseOrder.objects.get().pk)
    assert {each["document"] for each in told["promises"]} == {"AB-90211"}
    assert promised() == [(10, "2027-07-19", "day"), (20, "2027-09-06", "day")]


def test_a_confirmation_says_what_differs_by_line(erp: Caller) -> None:
    erp.post(
        PATH,
        confirmation(
            {"line_number": "00010", "response": "changed", "date": {"value": "2027-W40", "precision": "week"}},
            {"line_number": 20, "response": "rejected", "note": "No capacity"},
        ),
    )

    assert promised() == [(10, "2027-W40", "week"), (20, "", "tbd")]


def test_part_of_a_line_is_confirmed(erp: Caller) -> None:
    told = erp.post(PATH, confirmation({"line_number": 10, "quantity": "1"})).json()

    assert [(each["lot_number"], each["quantity"]) for each in told["promises"]] == [(2, "1")]


def test_a_confirmation_is_taken_back_once(erp: Caller) -> None:
    key = erp.post(PATH, confirmation()).json()["id"]

    answer = erp.post(PATH, {"reverses": key, "reason": "Of another order"})
    again = erp.post(PATH, {"reverses": key, "reason": "Of another order"})

    assert (answer.status_code, answer.json()["reverses"], answer.json()["number"]) == (201, key, "Of another order")
    assert PromiseRetraction.objects.count() == Promise.objects.count() == 2
    problem(again, 409, "conflict")


def test_a_confirmation_of_other_sites_cannot_be_taken_back(erp: Caller, sydney_only: Caller) -> None:
    key = erp.post(PATH, confirmation({"line_number": 20})).json()["id"]

    body = problem(sydney_only.post(PATH, {"reverses": key, "reason": "Why not"}), 422, "validation_error")

    assert pointers(body) == ["/reverses"]


def test_a_confirmation_is_taken_back_and_stated_anew_by_two_calls(erp: Caller) -> None:
    key = erp.post(PATH, confirmation()).json()["id"]

    both = {"reverses": key, "reason": "Of another order", "lines": [{"line_number": 10}]}
    body = problem(erp.post(PATH, both | {"number": "AB-2", "confirmed_on": "2026-11-19"}), 422, "validation_error")

    assert set(pointers(body)) == {"/lines", "/number", "/confirmed_on"}
    assert not PromiseRetraction.objects.exists()


@pytest.mark.parametrize("said", [{}, {"date": "2027-09-01"}])
def test_units_are_of_one_schedule_line(erp: Caller, said: dict[str, str]) -> None:
    schedules = [{"schedule_number": number, "quantity": "4", "contractual_date": "2027-07-19"} for number in (1, 2)]
    erp.put(ORDER, order_body(order_line(40, quantity="8", schedules=schedules), document_version=2))

    answer = erp.post(PATH, confirmation({"line_number": 40, "quantity": "4"} | said))
    of_one = erp.post(PATH, confirmation({"line_number": 40, "schedule_number": 2, "quantity": "4"} | said))

    assert pointers(problem(answer, 422, "validation_error")) == ["/lines/0/quantity"]
    assert [(each["schedule_number"], each["quantity"]) for each in of_one.json()["promises"]] == [(2, "4")]


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"line_number": 10, "response": "changed"}, "/lines/0/date"),
        ({"line_number": 10, "response": "rejected", "date": "2027-09-01"}, "/lines/0/date"),
        ({"line_number": 10, "schedule_number": 7}, "/lines/0/schedule_number"),
        ({"line_number": 30}, "/lines/0/line_number"),
        ({"line_number": 10, "quantity": "0.5"}, "/lines/0/quantity"),
        ({"line_number": 70, "response": "rejected"}, "/lines/0/line_number"),
        ({"response": "accepted"}, "/lines/0/line_number"),
    ],
)
def test_a_line_that_confirms_nothing_is_named(erp: Caller, said: dict[str, Any], pointer: str) -> None:
    assert pointers(problem(erp.post(PATH, confirmation(said)), 422, "validation_error")) == [pointer]
    assert not Promise.objects.exists()


def test_a_confirmation_of_no_line_confirms_nothing(erp: Caller) -> None:
    assert pointers(problem(erp.post(PATH, confirmation(lines=[])), 422, "validation_error")) == ["/lines"]
    assert not Promise.objects.exists()


def test_a_line_without_a_contract_date_is_confirmed_by_a_date(erp: Caller) -> None:
    undated = order_line(30)
    del undated["contractual_date"]
    erp.put(ORDER, order_body(undated, document_version=2))

    body = problem(erp.post(PATH, confirmation({"line_number": 30})), 422, "validation_error")

    assert pointers(body) == ["/lines/0/date"]


def test_a_line_that_is_cancelled_is_not_confirmed(erp: Caller) -> None:
    erp.put(ORDER, order_body(order_line(10, status="cancelled"), document_version=2))

    body = problem(erp.post(PATH, confirmation({"line_number": 10})), 422, "validation_error")

    assert pointers(body) == ["/lines/0/line_number"]


def test_a_confirmation_is_of_no_day_to_come(erp: Caller) -> None:
    body = problem(erp.post(PATH, confirmation(confirmed_on="2031-01-01")), 422, "validation_error")

    assert pointers(body) == ["/confirmed_on"]


@pytest.mark.parametrize("name", ["number", "confirmed_on"])
def test_what_a_confirmation_needs_is_named(erp: Caller, name: str) -> None:
    body = confirmation()
    del body[name]

    assert pointers(problem(erp.post(PATH, body), 422, "validation_error")) == [f"/{name}"]


def test_a_confirmation_needs_an_order_that_is_there(erp: Caller) -> None:
    unknown = confirmation(external_id="4500016222"), confirmation(order="01940000-0000-7000-8000-000000000000")

    refused = [pointers(problem(erp.post(PATH, said), 422, "validation_error")) for said in unknown]

    assert refused == [["/external_id"], ["/order"]]


def test_a_confirmation_needs_its_scope(erp: Caller) -> None:
    reader = calling("Reader", scopes=["po:read"])

    problem(reader.post(PATH, confirmation()), 403, "scope")


def test_a_dry_run_of_a_confirmation_keeps_nothing(erp: Caller) -> None:
    told = erp.post(f"{PATH}?dry_run=true", confirmation()).json()

    assert (told["dry_run"], len(told["promises"]), Promise.objects.count()) == (True, 2, 0)
