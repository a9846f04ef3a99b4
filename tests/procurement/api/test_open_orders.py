"""The ERP's list of open orders against ours: each kind of disagreement, its end, and its fix."""

from typing import Any

import pytest

from procurement.models import Disagreement, OpenOrderList, PurchaseOrder, ScheduleLine
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, order_line, pointers, problem, queries_of
from tests.procurement.services.order_documents import World

pytestmark = pytest.mark.django_db
OURS = {"order": "4500016221", "line_number": "00010", "quantity": "4", "contractual_date": "2027-07-19"}


def listed(caller: Caller, *rows: dict[str, Any], stated_at: str = "2026-11-20T08:00:00Z", **said: Any) -> Any:
    answer = caller.post("/open-orders", {"stated_at": stated_at, "rows": list(rows), **said})
    assert answer.status_code == 200, answer.content
    return answer.json()["standing"]


def standing(caller: Caller) -> list[tuple[str, str, str]]:
    rows = caller.get("/disagreements").json()["items"]
    return [(row["kind"], row["ours"], row["theirs"]) for row in rows]


@pytest.fixture
def ordered(erp: Caller) -> Caller:
    assert erp.put(ORDER, order_body()).status_code == 201
    return erp


def test_where_the_two_agree_nothing_stands(ordered: Caller) -> None:
    assert listed(ordered, OURS | {"unit_price": "250000.00", "status": "open"}) == {}
    assert standing(ordered) == []


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"quantity": "5"}, ("quantity", "4", "5")),
        ({"unit_price": "260000"}, ("price", "250000", "260000")),
        ({"contractual_date": "2027-08-01"}, ("contract_date", "2027-07-19", "2027-08-01")),
        ({"status": "cancelled"}, ("status", "open", "cancelled")),
    ],
)
def test_each_field_that_differs_is_told_and_can_be_taken_over(
    ordered: Caller, said: dict[str, str], found: tuple[str, str, str]
) -> None:
    listed(ordered, OURS | said)
    (row,) = ordered.get("/disagreements").json()["items"]
    assert (row["kind"], row["ours"], row["theirs"]) == found
    assert (row["owner"], row["fixable"], row["site"]) == ("erp", True, "SYD1")

    fixed = ordered.post(f"/disagreements/{row['id']}/fix", {})

    assert fixed.status_code == 200, fixed.content
    assert standing(ordered) == []
    assert listed(ordered, OURS | said, stated_at="2026-11-20T09:00:00Z") == {}


def test_what_is_missing_on_either_side_is_told(ordered: Caller) -> None:
    listed(ordered, OURS | {"order": "OTHER"})

    assert standing(ordered) == [("missing_there", "4", ""), ("missing_here", "", "4")]
    missing = Disagreement.objects.get(kind="missing_here")
    problem(ordered.post(f"/disagreements/{missing.pk}/fix", {}), 409, "conflict")


def test_what_is_not_open_there_is_cancelled_here(ordered: Caller) -> None:
    listed(ordered, OURS | {"order": "OTHER"})
    missing = Disagreement.objects.get(kind="missing_there")

    assert ordered.post(f"/disagreements/{missing.pk}/fix", {}).json()["fixable"]

    assert ScheduleLine.objects.get().status == "cancelled"
    listed(ordered, OURS | {"order": "OTHER"}, stated_at="2026-11-20T09:00:00Z")
    assert [kind for kind, _ours, _theirs in standing(ordered)] == ["missing_here"]


def test_what_has_come_and_is_not_open_there_is_closed_here(ordered: Caller) -> None:
    order = str(PurchaseOrder.objects.get().pk)
    came = {"order": order, "line_number": 10, "quantity": "4", "received_on": "2026-11-19"}
    assert ordered.post("/goods-receipts", came).status_code == 201
    listed(ordered, OURS | {"order": "OTHER"})
    missing = Disagreement.objects.get(kind="missing_there")

    ordered.post(f"/disagreements/{missing.pk}/fix", {})

    assert ScheduleLine.objects.get().status == "closed"


def test_a_list_that_is_not_complete_says_nothing_of_the_rest(ordered: Caller) -> None:
    assert listed(ordered, complete=False) == {}


def test_a_disagreement_that_is_over_is_closed_and_one_that_stays_keeps_its_first_day(ordered: Caller) -> None:
    listed(ordered, OURS | {"quantity": "5", "unit_price": "1"})
    before = Disagreement.objects.get(kind="price")

    listed(ordered, OURS | {"unit_price": "1"}, stated_at="2026-11-20T09:00:00Z")

    after = Disagreement.objects.get(kind="price")
    assert (after.pk, after.first_seen_at) == (before.pk, before.first_seen_at)
    assert Disagreement.objects.get(kind="quantity").resolved_at is not None
    assert OpenOrderList.objects.count() == 1


def test_what_was_accepted_is_accepted_until_it_is_another(ordered: Caller) -> None:
    listed(ordered, OURS | {"quantity": "5"})
    key = Disagreement.objects.get().pk
    problem(ordered.post(f"/disagreements/{key}/accept", {"reason": ""}), 422, "validation_error")
    assert ordered.post(f"/disagreements/{key}/accept", {"reason": "Two come as spares"}).status_code == 200

    listed(ordered, OURS | {"quantity": "5"}, stated_at="2026-11-20T09:00:00Z")
    same = Disagreement.objects.get().reason
    listed(ordered, OURS | {"quantity": "6"}, stated_at="2026-11-20T10:00:00Z")

    assert (same, Disagreement.objects.get().reason) == ("Two come as spares", "")


def test_a_client_of_one_site_compares_only_what_it_may_see(ordered: Caller, world: World) -> None:
    ordered.put("/purchase-orders/ext/SAP-PRD/TOKYO", order_body(site=world.tokyo.code))
    sydney = calling("Sydney", site_codes=["SYD1"])

    assert listed(sydney, OURS) == {}


def test_an_older_list_and_a_row_said_twice_are_refused(ordered: Caller) -> None:
    listed(ordered, OURS)

    older = {"stated_at": "2026-11-19T08:00:00Z", "rows": [OURS]}
    twice = {"stated_at": "2026-11-20T09:00:00Z", "rows": [OURS, OURS]}
    problem(ordered.post("/open-orders", older), 409, "conflict")
    problem(ordered.post("/open-orders", twice), 422, "validation_error")


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"quantity": "-1"}, "/rows/1/quantity"),
        ({"quantity": "10000001"}, "/rows/1/quantity"),
        ({"quantity": "1.0001"}, "/rows/1/quantity"),
        ({"unit_price": "-5"}, "/rows/1/unit_price"),
        ({"unit_price": "99999999999999"}, "/rows/1/unit_price"),
    ],
)
def test_what_no_line_can_have_is_refused_at_its_row(ordered: Caller, said: dict[str, str], pointer: str) -> None:
    rows = [OURS, OURS | {"line_number": "20"} | said]

    refused = ordered.post("/open-orders", {"stated_at": "2026-11-20T08:00:00Z", "rows": rows})

    assert pointers(problem(refused, 422, "validation_error")) == [pointer]
    assert not OpenOrderList.objects.exists()


def test_a_line_of_which_nothing_is_open_may_stand_in_the_list(ordered: Caller) -> None:
    assert listed(ordered, OURS | {"quantity": "0", "status": "closed"}) == {"quantity": 1, "status": 1}


def test_the_list_costs_as_many_queries_with_one_row_as_with_three(ordered: Caller) -> None:
    listed(ordered, OURS | {"quantity": "5"})
    ordered.get("/disagreements")
    one = queries_of(lambda: ordered.get("/disagreements"))
    listed(ordered, OURS | {"quantity": "5", "unit_price": "1", "status": "closed"}, stated_at="2026-11-20T09:00:00Z")

    assert ScheduleLine.objects.count() == 1
    assert queries_of(lambda: ordered.get("/disagreements")) == one
    assert len(standing(ordered)) == 3


def test_ours_is_compared_line_by_line(erp: Caller) -> None:
    erp.put(ORDER, order_body(order_line(10), order_line(20, quantity="2")))

    listed(erp, OURS, OURS | {"line_number": "20", "quantity": "3"})

    assert standing(erp) == [("quantity", "2", "3")]


def test_unknown_fields_of_a_list_are_told_or_refused(ordered: Caller) -> None:
    sent = {"stated_at": "2026-11-20T08:00:00Z", "rows": [OURS | {"colour": "red"}]}

    refused = ordered.post("/open-orders", sent, prefer="handling=strict")
    warned = ordered.post("/open-orders", sent)

    assert pointers(problem(refused, 422, "validation_error")) == ["/rows/0/colour"]
    assert [each["code"] for each in warned.json()["warnings"]] == ["unknown_field"]


@pytest.mark.django_db
def test_a_list_says_by_whose_clock_it_is(erp: Caller) -> None:
    refused = problem(
        erp.post("/open-orders", {"stated_at": "2026-11-20T08:00:00", "rows": []}), 422, "validation_error"
    )

    assert ("/stated_at", "naive") in {(each["pointer"], each["code"]) for each in refused["errors"]}
