"""Lists as workbooks from the portal: with the filter of the page, and only what the person may see."""

import pytest
from django.test import Client

from procurement.readers import xlsx
from procurement.vocabulary import ImportKind, Rule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.factories.procurement import AlertFactory, DeliveryLotFactory, PurchaseOrderFactory, RequirementFactory
from tests.factories.sites import BlockFactory, GateFactory, MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


@pytest.fixture
def buyer(site: Site) -> User:
    return MembershipFactory.create(role=Role.BUYER, site=site).person


@pytest.fixture
def page(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def sent(page: Client, address: str) -> list[dict[str, object]]:
    answer = page.get(address)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].endswith("spreadsheetml.sheet")
    titles, *rows = xlsx.read(answer.content).sheets[0].rows
    return [dict(zip(map(str, titles), row, strict=True)) for row in rows]


def line(site: Site, number: str) -> None:
    order = PurchaseOrderFactory.create(number=number)
    DeliveryLotFactory.create(site=site, schedule_line__line__order=order, schedule_line__line__number=10)


def test_the_log_goes_out_as_it_is_filtered(page: Client, site: Site) -> None:
    line(site, "PO-1")
    line(site, "PO-2")
    line(SiteFactory.create(code="TYO1"), "PO-3")

    assert [row["PO"] for row in sent(page, "/exports/promises.xlsx")] == ["PO-1", "PO-2"]
    assert [row["PO"] for row in sent(page, "/exports/promises.xlsx?q=PO-2")] == ["PO-2"]
    assert [row["PO"] for row in sent(page, "/exports/order_lines.xlsx?q=PO-1")] == ["PO-1"]


def test_what_belongs_to_a_site_goes_out_of_that_site(client: Client, site: Site) -> None:
    other = SiteFactory.create(code="TYO1")
    for place in (site, other):
        RequirementFactory.create(site=place, tag="CH-01")
        BlockFactory.create(phase__site=place)
        GateFactory.create(site=place)
    viewer = MembershipFactory.create(role=Role.VIEWER, site=site).person
    MembershipFactory.create(person=viewer, role=Role.VIEWER, site=other)
    client.force_login(viewer)

    for kind in ("requirements", "blocks", "gates"):
        assert {row["Site"] for row in sent(client, f"/exports/{kind}.xlsx")} == {"SYD1", "TYO1"}
        assert {row["Site"] for row in sent(client, f"/exports/{kind}.xlsx?site=SYD1")} == {"SYD1"}


def test_there_is_no_list_of_another_kind(page: Client) -> None:
    assert page.get("/exports/users.xlsx").status_code == 404


def test_nobody_gets_a_list_without_signing_in(client: Client) -> None:
    assert client.get("/exports/promises.xlsx").status_code == 302


def test_the_alerts_go_out_to_be_read_as_they_are_filtered(page: Client, site: Site) -> None:
    kept = AlertFactory.create(site=site, subject_text="CH-01", rule=Rule.NO_ROS)
    AlertFactory.create(site=site, subject_text="CH-02", rule=Rule.VENDOR_SILENT)
    AlertFactory.create(site=SiteFactory.create(code="TYO1"), subject_text="CH-03", rule=Rule.NO_ROS)

    (row,) = sent(page, f"/exports/alerts.xlsx?rule={Rule.NO_ROS}")

    assert (row["About"], row["Site"], row["Since"]) == ("CH-01", "SYD1", kept.opened_on)
    assert len(sent(page, "/exports/alerts.xlsx?shown=waiting")) == 2


def test_the_page_of_workbooks_names_every_list_that_comes_back_in(page: Client) -> None:
    shown = page.get("/imports/").content.decode()

    kinds = [kind for kind in ImportKind if kind is not ImportKind.DOCUMENTS]
    assert all(f'href="/exports/{kind}.xlsx"' in shown for kind in kinds)
    assert all(page.get(f"/exports/{kind}.xlsx").status_code == 200 for kind in kinds)
