"""Change orders in the portal: drafted from the order's lines, applied once; a new baseline is approved first."""

from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from procurement.models import ChangeOrder, PurchaseOrder, ScheduleLine
from sites.accounts.permissions import Role
from sites.models import Baseline
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import browser_of
from tests.procurement.services.order_documents import World, document, line, make_world, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def order(world: World) -> PurchaseOrder:
    return put(world, document(line(10), line(20))).order


@pytest.fixture
def buyer(order: PurchaseOrder) -> Client:
    return browser_of(MembershipFactory.create(role=Role.BUYER, person__name="Bea Buyer").person)


@pytest.fixture
def approver(order: PurchaseOrder) -> Client:
    return browser_of(MembershipFactory.create(role=Role.APPROVER, person__name="Ann Approver").person)


def said(**more: str) -> dict[str, str]:
    """The form as it stands when nothing is typed but a number, a reason and a later date of line 10."""
    lines = {f"contract__{number}-1": "2027-07-19" for number in (10, 20)}
    lines |= {f"quantity__{number}-1": "4" for number in (10, 20)} | {f"price__{n}": "250000" for n in (10, 20)}
    return {"number": "CO-1", "reason": "Larger pumps", "currency": "AUD"} | lines | {
        "contract__10-1": "2027-08-16"
    } | more  # fmt: skip


def draft(buyer: Client, order: PurchaseOrder, **more: str) -> str:
    """The address of the drafted change."""
    answer = buyer.post(f"/orders/{order.pk}/changes/", said(**more))
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def test_a_draft_shows_values_dates_and_float_before_and_after(buyer: Client, order: PurchaseOrder) -> None:
    page = draft(buyer, order, price__10="253000", amount="12000")

    shown = buyer.get(page)

    values = [(row.place, row.field, row.before, row.after) for row in shown.context["values"]]
    assert values == [
        ("10/1", "contract on", "19 Jul 2027", "16 Aug 2027"),
        ("10", "unit price", "250,000", "253,000"),
    ]
    (moved,) = shown.context["dates"]
    assert (moved.line, moved.contract) == ("10/1", (date(2027, 7, 19), date(2027, 8, 16)))
    assert "12,000 AUD" in shown.content.decode()
    assert set(ScheduleLine.objects.values_list("contract_on", flat=True)) == {date(2027, 7, 19)}


def test_another_person_approves_and_it_is_written_once(buyer: Client, approver: Client, order: PurchaseOrder) -> None:
    page = draft(buyer, order, rebaseline="on")
    own = buyer.post(f"{page}approve/")
    too_early = buyer.post(f"{page}apply/")

    approver.post(f"{page}approve/")
    done = buyer.post(f"{page}apply/", follow=True)
    again = buyer.post(f"{page}apply/")

    assert (own.status_code, too_early.status_code, again.status_code) == (403, 422, 422)
    assert "The change is written into the order." in done.content.decode()
    assert ScheduleLine.objects.get(line__number=10).contract_on == date(2027, 8, 16)
    newest = Baseline.objects.latest("version")
    assert (newest.version, newest.cause) == (2, "Change order CO-1")


def test_what_keeps_the_baseline_is_applied_as_drafted(buyer: Client, order: PurchaseOrder) -> None:
    page = draft(buyer, order)

    done = buyer.post(f"{page}apply/", follow=True)

    assert "The change is written into the order." in done.content.decode()
    assert ScheduleLine.objects.get(line__number=10).contract_on == date(2027, 8, 16)
    assert set(Baseline.objects.values_list("version", flat=True)) == {1}


def test_forms_are_offered_to_those_who_may(buyer: Client, approver: Client, order: PurchaseOrder) -> None:
    page, plain = draft(buyer, order, rebaseline="on"), draft(buyer, order, number="CO-2")

    def offered(client: Client, page: str = page) -> list[str]:
        html = client.get(page).content.decode()
        return [step for step in ("approve", "apply", "reject") if f"{page}{step}/" in html]

    assert (offered(buyer, plain), offered(approver, plain)) == (["apply", "reject"], ["reject"])
    assert (offered(buyer), offered(approver)) == (["reject"], ["approve", "reject"])
    approver.post(f"{page}approve/")
    assert (offered(buyer), offered(approver)) == (["apply", "reject"], ["reject"])
    assert "Draft a change" not in approver.get(f"/orders/{order.pk}/changes/").content.decode()


def test_a_rejection_says_why(buyer: Client, approver: Client, order: PurchaseOrder) -> None:
    page = draft(buyer, order)

    without = approver.post(f"{page}reject/", {"reason": " "})
    approver.post(f"{page}reject/", {"reason": "Too dear"})

    assert (without.status_code, ChangeOrder.objects.get().state) == (422, "rejected")
    assert b"This field is required." in without.content


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"number": ""}, "number"),
        ({"reason": ""}, "reason"),
        ({"contract__10-1": "2199-01-01"}, "contract__10-1"),
        ({"quantity__10-1": "1.5"}, "quantity__10-1"),
        ({"quantity__10-1": "-1"}, "quantity__10-1"),
        ({"price__10": "-3"}, "price__10"),
        ({"amount": "5", "currency": "EURO"}, "currency"),
        ({"amount": "5", "currency": "ZZZ"}, "currency"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_kept(
    buyer: Client, order: PurchaseOrder, typed: dict[str, str], field: str
) -> None:
    answer = buyer.post(f"/orders/{order.pk}/changes/", said(**typed))

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert answer.context["form"][field].value() == typed[field]
    assert ChangeOrder.objects.count() == 0


def test_what_changes_nothing_is_refused(buyer: Client, order: PurchaseOrder) -> None:
    answer = buyer.post(f"/orders/{order.pk}/changes/", said(**{"contract__10-1": ""}))

    assert answer.status_code == 422
    assert "This would change nothing." in answer.content.decode()


def test_without_the_right_to_amounts_everywhere_there_is_no_such_page(
    buyer: Client, order: PurchaseOrder, world: World
) -> None:
    page = draft(buyer, order)
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER).person)
    elsewhere = browser_of(MembershipFactory.create(role=Role.BUYER, site=world.tokyo).person)

    pages = [page, f"/orders/{order.pk}/changes/"]
    assert {client.get(each).status_code for client in (viewer, elsewhere) for each in pages} == {404}
    assert {client.post(f"{page}apply/").status_code for client in (viewer, elsewhere)} == {404}


def test_the_list_takes_the_same_queries_whatever_its_length(buyer: Client, order: PurchaseOrder) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert buyer.get(f"/orders/{order.pk}/changes/").status_code == 200
        return len(asked)

    draft(buyer, order)
    one = queries()
    for number in ("CO-2", "CO-3"):
        draft(buyer, order, number=number)

    assert queries() == one


def test_the_fields_hold_what_stands_as_people_write_it(buyer: Client, order: PurchaseOrder) -> None:
    html = buyer.get(f"/orders/{order.pk}/changes/").content.decode()

    assert 'name="price__10" value="250000"' in html
    assert 'name="quantity__10-1" value="4"' in html
