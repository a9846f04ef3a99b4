"""The page of what an ERP's list of open orders and ours disagree in."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from procurement.models import Disagreement, OpenOrderList, ScheduleLine
from procurement.services import orders
from procurement.vocabulary import DisagreementKind
from sites.accounts.permissions import Role
from tests.factories.erp import DisagreementFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.api.calls import queries_of
from tests.procurement.portal.conftest import browser_of
from tests.procurement.services.order_documents import NOON, World, document, line, make_world

pytestmark = pytest.mark.django_db
PAGE = "/integration/disagreements/"
FIVE = b"order,line,quantity\n4500016221,10,5\n"


@pytest.fixture
def world() -> World:
    world = make_world()
    orders.upsert(document=document(line()), system="SAP-PRD", external_id="4500016221", actor=world.erp, now=NOON)
    return world


@pytest.fixture
def page(world: World) -> Client:
    return browser_of(MembershipFactory.create(role=Role.BUYER).person)


def send(page: Client, content: bytes, **said: str) -> object:
    file = SimpleUploadedFile("open.csv", content)
    return page.post(PAGE, {"system": "SAP-PRD", "file": file, "complete": "on", **said})


def shown(page: Client, query: str = "") -> list[tuple[str, str, str]]:
    return [
        (each["row"].kind, each["row"].ours, each["row"].theirs) for each in page.get(f"{PAGE}{query}").context["rows"]
    ]


def test_a_list_sent_as_a_file_is_compared_at_once(page: Client) -> None:
    answer = page.post(
        PAGE,
        {"system": "SAP-PRD", "file": SimpleUploadedFile("open.csv", FIVE), "complete": "on"},
        follow=True,
    )

    assert "1 row is compared. 1 disagreement stands." in answer.content.decode()
    assert shown(page) == [("quantity", "4", "5")]


def test_a_file_that_cannot_be_read_is_refused_at_its_field(page: Client) -> None:
    answer = page.post(PAGE, {"system": "SAP-PRD", "file": SimpleUploadedFile("open.csv", b"order,line\n1,x\n")})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["file"])
    assert OpenOrderList.objects.count() == 0


def test_the_erp_s_value_is_taken_over(page: Client) -> None:
    send(page, FIVE)
    key = Disagreement.objects.get().pk

    page.post(f"{PAGE}{key}/fix/")

    assert shown(page) == []
    assert ScheduleLine.objects.get().quantity == 5


def test_what_is_left_says_why_and_is_listed_apart(page: Client) -> None:
    send(page, FIVE)
    key = Disagreement.objects.get().pk

    page.post(f"{PAGE}{key}/accept/", {"reason": ""})
    before = shown(page)
    page.post(f"{PAGE}{key}/accept/", {"reason": "A spare comes later"})

    assert (len(before), shown(page), shown(page, "?accepted=1")) == (1, [], [("quantity", "4", "5")])
    assert "A spare comes later" in page.get(f"{PAGE}?accepted=1").content.decode()


def test_what_is_missing_says_what_to_do(page: Client) -> None:
    send(page, b"order,line,quantity\nOTHER,10,1\n")

    html = page.get(PAGE).content.decode()

    assert shown(page) == [("missing_there", "4", ""), ("missing_here", "", "1")]
    assert "Send the order from the ERP, or import it." in html
    assert "Cancel it here, or close it where all of it has come; or say why." in html
    assert shown(page, "?kind=missing_here&system=SAP-PRD") == [("missing_here", "", "1")]
    assert shown(page, "?site=SYD1") == [("missing_there", "4", "")]


def test_those_of_one_site_see_theirs_and_may_not_send_lists(page: Client, world: World) -> None:
    send(page, FIVE)
    DisagreementFactory.create(site=world.tokyo)
    local = browser_of(MembershipFactory.create(role=Role.BUYER, site=world.tokyo).person)

    assert len(shown(local)) == 1
    assert local.get(PAGE).context["form"] is None
    assert local.post(f"{PAGE}{Disagreement.objects.get(kind='quantity').pk}/fix/").status_code == 404
    assert send(local, FIVE).status_code == 422  # type: ignore[attr-defined]
    assert ScheduleLine.objects.get().quantity == 4


def test_a_price_is_not_shown_to_who_may_not_see_amounts(world: World) -> None:
    order = ScheduleLine.objects.get().line.order
    DisagreementFactory.create(kind=DisagreementKind.PRICE, site=world.sydney, order=order, ours="1", theirs="2")
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=world.sydney).person)

    assert shown(viewer) == []


def test_a_viewer_takes_nothing_over(world: World) -> None:
    row = DisagreementFactory.create(
        kind=DisagreementKind.QUANTITY, site=world.sydney, order=ScheduleLine.objects.get().line.order,
        number="4500016221", ours="4", theirs="5",
    )  # fmt: skip
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=world.sydney).person)

    viewer.post(f"{PAGE}{row.pk}/fix/")
    viewer.post(f"{PAGE}{row.pk}/accept/", {"reason": "x"})

    row.refresh_from_db()
    assert (row.resolved_at, row.accepted_at, int(ScheduleLine.objects.get().quantity)) == (None, None, 4)


def test_the_list_takes_as_many_queries_with_one_as_with_three(page: Client, world: World) -> None:
    DisagreementFactory.create(site=world.sydney)
    page.get(PAGE)
    one = queries_of(lambda: page.get(PAGE))
    DisagreementFactory.create_batch(2, site=world.sydney)

    assert queries_of(lambda: page.get(PAGE)) == one
