"""Lists as workbooks from the portal: with the filter of the page, and only what the person may see."""

from datetime import UTC, datetime
from typing import Final

import pytest
from django.test import Client

from procurement.readers import xlsx
from procurement.services import vendor_rounds
from procurement.vocabulary import ImportKind, Rule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.factories.procurement import (
    AlertFactory,
    DeliveryLotFactory,
    PurchaseOrderFactory,
    RequirementFactory,
    SavedViewFactory,
)
from tests.factories.sites import (
    BlockFactory,
    GateFactory,
    GridConnectionFactory,
    MembershipFactory,
    ScheduleRevisionFactory,
    ShareFactory,
    SiteFactory,
)

pytestmark = pytest.mark.django_db
NOW: Final = datetime(2026, 11, 20, 3, tzinfo=UTC)


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


def asked(person: User, code: str, number: str) -> None:
    order = PurchaseOrderFactory.create(number=number, seller__code=code, seller__name=f"{code} Works")
    DeliveryLotFactory.create(schedule_line__line__order=order)
    vendor_rounds.ask(company_id=order.seller.pk, actor=person, now=NOW)


def test_lists_to_read_go_out_with_the_filter_of_their_pages(client: Client) -> None:
    person = MembershipFactory.create(role=Role.EXPEDITER).person
    client.force_login(person)
    here, there = (ShareFactory.create(site=SiteFactory.create(code=code)) for code in ("SYD2", "TYO2"))
    GridConnectionFactory.create(site=here.site, name="West bay")
    ScheduleRevisionFactory.create(site=here.site, project_code="SYD2-P6")
    asked(person, "ACME", "PO-9")

    assert [row["Questions"] for row in sent(client, "/exports/lists/rounds.xlsx")] == [1]
    assert {row["Agreement"] for row in sent(client, "/exports/lists/agreements.xlsx?site=SYD2")} == {
        here.agreement.code
    }
    assert len(sent(client, "/exports/lists/agreements.xlsx")) == len({here.agreement.code, there.agreement.code})
    assert [row["Connection"] for row in sent(client, "/exports/lists/grid-connections.xlsx?site=SYD2")] == ["West bay"]
    assert sent(client, "/exports/lists/grid-connections.xlsx?site=TYO2") == []
    assert [row["Project"] for row in sent(client, "/exports/lists/schedules.xlsx?site=SYD2")] == ["SYD2-P6"]


def test_a_file_goes_out_row_by_row_with_the_cells_that_were_refused(client: Client) -> None:
    client.force_login(MembershipFactory.create(role=Role.BUYER).person)
    given = {"kind": "companies", "stated_on": "2026-11-19", "pasted": "Company code\tCompany name\nACME\t\n"}
    address = client.post("/imports/", given).headers["Location"]

    rows = sent(client, f"{address}rows.xlsx")
    assert [row["File"] for row in sent(client, "/exports/lists/imports.xlsx")]

    assert [(row["Row"], row["Outcome"]) for row in rows] == [(2, "Refused")]
    assert "B2" in str(rows[0]["Cell"])


@pytest.mark.parametrize("address", ["/exports/lists/schedules.xlsx?site=TYO1", "/exports/lists/people.xlsx"])
def test_no_list_of_another_site_or_of_another_name(page: Client, address: str) -> None:
    SiteFactory.create(code="TYO1")

    assert page.get(address).status_code == 404


def test_the_log_leaves_with_the_columns_of_its_view_as_dates_and_numbers(page: Client, site: Site) -> None:
    DeliveryLotFactory.create(site=site)
    DeliveryLotFactory.create(site=SiteFactory.create(code="TYO1", tokyo=True))
    SavedViewFactory.create(slug="mine", shared=True, query="columns=contract,vendor,quantity")

    (row,) = sent(page, "/exports/lists/log.xlsx?view=mine")

    assert list(row) == [
        "Site", "Order", "Line", "Schedule line", "Description", "Contract", "Vendor", "Quantity", "Unit",
    ]  # fmt: skip
    assert (row["Site"], row["Quantity"], row["Unit"]) == ("SYD1", 1, "EA")


def test_the_log_leaves_with_what_it_was_before(page: Client, site: Site) -> None:
    DeliveryLotFactory.create(site=site)

    (row,) = sent(page, "/exports/lists/log.xlsx?columns=forecast&since=2020-01-01")

    assert {"Forecast", "Forecast before", "P80 before", "Came"} < set(row)
    assert row["Came"] == "yes"
