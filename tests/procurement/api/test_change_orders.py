"""Change orders: tried when drafted, approved by another, applied once; a baseline only where it was asked for."""

from typing import Any

import pytest

from procurement.models import ChangeOrder, PurchaseOrder, ScheduleLine
from sites.accounts.models import AuditEvent
from sites.accounts.permissions import Role
from sites.models import Baseline
from tests.factories.sites import MembershipFactory
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, pointers, problem, queries_of
from tests.procurement.services.order_documents import World

pytestmark = pytest.mark.django_db
LIST = "/change-orders"
LATER = {"lines": [{"line_number": 10, "unit_price": "253000", "contractual_date": "2027-08-16"}]}


@pytest.fixture
def order(erp: Caller) -> str:
    return str(erp.put(ORDER, order_body()).json()["id"])


@pytest.fixture
def approver(world: World) -> Caller:
    return calling("Approver", role=Role.APPROVER)


def body(order: str, **said: Any) -> dict[str, Any]:
    return {"order": order, "number": "CO-1", "reason": "Larger pumps", "change": LATER, **said}


def drafted(erp: Caller, order: str, **said: Any) -> str:
    answer = erp.post(LIST, body(order, **said))
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def approved(erp: Caller, approver: Caller, order: str, **said: Any) -> str:
    key = drafted(erp, order, **said)
    assert approver.post(f"{LIST}/{key}/approve", {}).status_code == 200
    return key


def test_a_draft_says_what_it_would_change_and_changes_nothing(erp: Caller, order: str) -> None:
    version = PurchaseOrder.objects.get().version

    shown = erp.post(LIST, body(order, amount="12000.00", currency="AUD")).json()

    assert shown["before"] == {
        "lines/10/schedules/1/contract_on": "2027-07-19",
        "lines/10/unit_price": "250000",
    }
    assert shown["after"] == {"lines/10/schedules/1/contract_on": "2027-08-16", "lines/10/unit_price": "253000"}
    assert (shown["state"], shown["amount"], shown["order"]) == ("draft", "12000", order)
    assert PurchaseOrder.objects.get().version == version
    assert erp.get(f"{LIST}/{shown['id']}").json() == shown


def test_applied_it_is_in_the_order_once(erp: Caller, approver: Caller, order: str) -> None:
    key = approved(erp, approver, order)

    applied = erp.post(f"{LIST}/{key}/apply", {})

    assert (applied.status_code, applied.json()["state"], applied.json()["approved_by"]) == (200, "applied", "Approver")
    assert str(ScheduleLine.objects.get().contract_on) == "2027-08-16"
    assert Baseline.objects.count() == 1
    problem(erp.post(f"{LIST}/{key}/apply", {}), 409, "conflict")
    assert sorted(AuditEvent.objects.filter(subject_kind="change_order").values_list("verb", flat=True)) == [
        "change_order.applied", "change_order.approved", "change_order.drafted",
    ]  # fmt: skip


def test_only_with_rebaseline_the_baseline_moves(erp: Caller, approver: Caller, order: str) -> None:
    key = approved(erp, approver, order, rebaseline=True)

    assert erp.post(f"{LIST}/{key}/apply", {}).status_code == 200

    newest = Baseline.objects.order_by("-version").first()
    assert newest is not None
    assert (newest.version, newest.cause, newest.dates["ON_SITE"]) == (2, "Change order CO-1", "2027-08-16")


def test_what_the_erp_approved_is_applied_as_it_was_drafted(erp: Caller, order: str) -> None:
    key = drafted(erp, order)

    applied = erp.post(f"{LIST}/{key}/apply", {}).json()

    assert (applied["state"], applied["approved_by"]) == ("applied", None)
    assert str(ScheduleLine.objects.get().contract_on) == "2027-08-16"
    assert Baseline.objects.count() == 1


def test_a_new_baseline_that_is_not_approved_is_not_written(erp: Caller, order: str) -> None:
    key = drafted(erp, order, rebaseline=True)

    problem(erp.post(f"{LIST}/{key}/apply", {}), 409, "conflict")
    assert str(ScheduleLine.objects.get().contract_on) == "2027-07-19"


def test_the_erp_does_not_approve(erp: Caller, order: str) -> None:
    key = drafted(erp, order)

    problem(erp.post(f"{LIST}/{key}/approve", {}), 403, "not_permitted")
    assert ChangeOrder.objects.get().state == "draft"


def test_nobody_approves_their_own(world: World, order: str) -> None:
    both = calling("Both", role=Role.BUYER)
    MembershipFactory.create(person=both.client.account, role=Role.APPROVER)
    key = drafted(both, order)

    problem(both.post(f"{LIST}/{key}/approve", {}), 409, "conflict")


def test_where_the_order_has_moved_on_it_is_not_applied(erp: Caller, approver: Caller, order: str) -> None:
    key = approved(erp, approver, order)
    moved = order_body(document_version=2)
    moved["lines"][0]["unit_price"] = "251000"
    assert erp.put(ORDER, moved).json()["result"] == "updated"

    refused = problem(erp.post(f"{LIST}/{key}/apply", {}), 409, "conflict")

    assert "lines/10/unit_price" in refused["detail"]
    assert ChangeOrder.objects.get().state == "approved"


def test_what_is_rejected_says_why_and_is_over(erp: Caller, approver: Caller, order: str) -> None:
    key = drafted(erp, order)
    assert pointers(problem(approver.post(f"{LIST}/{key}/reject", {"reason": " "}), 422, "validation_error")) == [
        "/reason"
    ]

    assert approver.post(f"{LIST}/{key}/reject", {"reason": "Too dear"}).json()["state"] == "rejected"

    problem(approver.post(f"{LIST}/{key}/approve", {}), 409, "conflict")
    problem(erp.post(f"{LIST}/{key}/reject", {"reason": "Again"}), 409, "conflict")


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"change": {"lines": [{"line_number": 10, "quantity": "-1"}]}}, "/change/lines/0/quantity"),
        ({"change": {"lines": [{"line_number": 10, "unit_price": "250000"}]}}, "/change/lines"),
        ({"change": {"site": "NOWHERE"}}, "/change/site"),
        ({"amount": "5"}, "/currency"),
        ({"amount": "5", "currency": "ZZZ"}, "/currency"),
        ({"number": " "}, "/number"),
    ],
)
def test_a_refusal_names_its_field(erp: Caller, order: str, said: dict[str, Any], pointer: str) -> None:
    refused = problem(erp.post(LIST, body(order, **said)), 422, "validation_error")

    assert pointers(refused) == [pointer]
    assert ChangeOrder.objects.count() == 0


def test_a_number_stands_once_within_an_order(erp: Caller, order: str) -> None:
    drafted(erp, order)

    problem(erp.post(LIST, body(order)), 409, "conflict")


def test_a_try_keeps_nothing(erp: Caller, order: str) -> None:
    assert erp.post(f"{LIST}?dry_run=true", body(order)).status_code in {200, 201}
    assert ChangeOrder.objects.count() == 0


def test_those_of_another_site_see_none(erp: Caller, world: World, order: str) -> None:
    key = drafted(erp, order)
    tokyo = calling("Tokyo", site_codes=["TYO1"])

    assert tokyo.get(LIST).json()["items"] == []
    problem(tokyo.get(f"{LIST}/{key}"), 404, "not_found")
    for verb in ("approve", "apply"):
        problem(tokyo.post(f"{LIST}/{key}/{verb}", {}), 404, "not_found")
    assert pointers(problem(tokyo.post(LIST, body(order, number="CO-2")), 422, "validation_error")) == ["/order"]


def test_a_key_without_the_scope_drafts_nothing(world: World, erp: Caller, order: str) -> None:
    problem(calling("Poor", scopes=["po:read", "po:write"]).post(LIST, body(order)), 403, "scope")


def test_the_list_takes_as_many_queries_with_one_as_with_three(erp: Caller, order: str) -> None:
    drafted(erp, order)
    one = queries_of(lambda: erp.get(LIST))
    for number in ("CO-2", "CO-3"):
        drafted(erp, order, number=number)

    assert queries_of(lambda: erp.get(LIST)) == one
    assert len(erp.get(f"{LIST}?state=draft&order={order}").json()["items"]) == 3
    assert erp.get(f"{LIST}?state=applied").json()["items"] == []
