"""Lists as workbooks from the portal: with the filter of the page, and only what the person may see."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import pytest
from django.test import Client
from pytest_django import Settings

from procurement.models import PurchaseOrder
from procurement.portal import listing
from procurement.portal.pages import alert_export, register
from procurement.readers import xlsx
from procurement.services import vendor_rounds
from procurement.services.set_up_tables import TABLES
from procurement.vocabulary import ImportKind, MessageState, NotificationState, Rule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.factories.accounts import ApiKeyFactory
from tests.factories.erp import (
    DisagreementFactory,
    IntegrationMessageFactory,
    WebhookDeliveryFactory,
)
from tests.factories.procurement import (
    AlertFactory,
    AlertRuleSettingFactory,
    ChangeOrderFactory,
    DeliveryLotFactory,
    NotificationFactory,
    PurchaseOrderFactory,
    RequirementFactory,
    SavedViewFactory,
)
from tests.factories.sites import (
    ActivityFactory,
    BlockFactory,
    DeskFactory,
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


@pytest.mark.parametrize("address", ["/register/rows.xlsx?shown=open", "/exports/alerts.xlsx?shown=waiting"])
def test_what_leaves_by_pages_is_refused_too_and_never_cut(
    page: Client, site: Site, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    DeliveryLotFactory.create(site=site)
    AlertFactory.create(site=site)
    AlertFactory.create(site=site, rule=Rule.VENDOR_SILENT)
    monkeypatch.setattr(register, "_AT_ONCE", 1)
    monkeypatch.setattr(alert_export, "_AT_ONCE", 1)

    rows = len(sent(page, address))
    monkeypatch.setattr(listing, "MOST_ROWS", rows - 1)
    refused = page.get(address)

    assert rows > 1
    assert (refused.status_code, refused.content.decode()) == (
        422,
        f"A workbook holds at most {rows - 1} rows; filter the list.",
    )


def test_the_log_leaves_with_the_columns_of_its_view_as_dates_and_numbers(page: Client, site: Site) -> None:
    DeliveryLotFactory.create(site=site)
    DeliveryLotFactory.create(site=SiteFactory.create(code="TYO1", tokyo=True))
    SavedViewFactory.create(slug="mine", shared=True, query="columns=contract,vendor,quantity")

    (row,) = sent(page, "/exports/lists/log.xlsx?view=mine")

    assert list(row) == [
        "Site", "Order", "Line", "Schedule line", "Description", "Contract", "Vendor", "Quantity", "Unit",
    ]  # fmt: skip
    assert (row["Site"], row["Quantity"], row["Unit"]) == ("SYD1", 1, "EA")


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(MembershipFactory.create(role=Role.ADMINISTRATOR).person)
    return client


def test_the_tables_of_the_portfolio_go_out_a_sheet_each(page: Client, site: Site) -> None:
    BlockFactory.create(phase__site=site, it_mw=Decimal("12.5"))
    BlockFactory.create(phase__site=SiteFactory.create(code="TYO1"))

    answer = page.get("/exports/portfolio.xlsx")

    sheets = {sheet.name: sheet.rows for sheet in xlsx.read(answer.content).sheets}
    assert [row[0] for row in sheets["1 Sites"]] == ["Site", "SYD1"]
    assert sheets["1 Sites"][1][3] == 12.5
    assert [name[2:] for name in sheets] == [
        "Sites", "Megawatts by month", "Worst slips", "Alerts by age", "To order", "Vendors",
    ]  # fmt: skip


def test_the_lists_of_other_systems_go_out_with_their_filter(administrator: Client) -> None:
    failed = IntegrationMessageFactory.create(kind="orders.put", path="=1+1", state=MessageState.FAILED)
    IntegrationMessageFactory.create(kind="lines.patch", client=failed.client, state=MessageState.DONE)
    delivery = WebhookDeliveryFactory.create(endpoint__client=failed.client)
    DisagreementFactory.create(number="PO-1")
    DisagreementFactory.create(number="PO-2", accepted_at=NOW, reason="agreed by telephone")
    ApiKeyFactory.create(client=failed.client, prefix="llk_abc")

    assert [(row["Message"], row["Address"]) for row in sent(administrator, "/exports/lists/messages.xlsx")] == [
        ("orders.put", f"{failed.method} =1+1".strip())
    ]
    assert len(sent(administrator, "/exports/lists/messages.xlsx?status=all")) == 2
    assert [row["Order"] for row in sent(administrator, "/exports/lists/disagreements.xlsx")] == ["PO-1"]
    assert [row["Order"] for row in sent(administrator, "/exports/lists/disagreements.xlsx?accepted=1")] == ["PO-2"]
    assert [row["Address"] for row in sent(administrator, "/exports/lists/webhooks.xlsx")] == [delivery.endpoint.url]
    address = f"/exports/lists/deliveries.xlsx?endpoint={delivery.endpoint_id}"
    assert [row["Message id"] for row in sent(administrator, address)] == [delivery.key]
    assert "llk_abc" in {row["Key"] for row in sent(administrator, "/exports/lists/keys.xlsx")}


def test_nobody_gets_the_messages_and_keys_of_another_owners_system(page: Client) -> None:
    delivery = WebhookDeliveryFactory.create()
    IntegrationMessageFactory.create(state=MessageState.FAILED)

    for name in ("messages", "webhooks", "keys", "disagreements"):
        assert sent(page, f"/exports/lists/{name}.xlsx") == []
    assert page.get(f"/exports/lists/deliveries.xlsx?endpoint={delivery.endpoint_id}").status_code == 404
    assert page.get("/exports/lists/set-up.xlsx?kind=desks").status_code == 403


def test_the_lists_of_the_portal_itself_go_out(administrator: Client) -> None:
    SavedViewFactory.create(name="Mine", shared=True, query="late=1")
    AlertRuleSettingFactory.create(rule=Rule.LOW_FLOAT, parameters={"buffer_days": 9}, reason="tight")
    DeskFactory.create(code="SYD", name="=Sydney")

    assert [row["What it asks"] for row in sent(administrator, "/exports/lists/views.xlsx")] == ["late=1"]
    assert [row["Value"] for row in sent(administrator, "/exports/lists/alert-settings.xlsx")] == [9]
    in_force = sent(administrator, "/exports/lists/alert-rules.xlsx")
    assert [row["Value"] for row in in_force if row["Set"] == "yes"] == [9]
    assert ("SYD", "=Sydney") in {
        (row["Code"], row["Name"]) for row in sent(administrator, "/exports/lists/set-up.xlsx?kind=desks")
    }
    assert administrator.get("/exports/lists/set-up.xlsx?kind=orders").status_code == 404


@pytest.mark.parametrize("kind", TABLES)
def test_every_set_up_list_goes_out(administrator: Client, kind: str) -> None:
    assert administrator.get(f"/exports/lists/set-up.xlsx?kind={kind}").status_code == 200
    assert ".xlsx" in administrator.get(f"/set-up/{kind}/").content.decode() or not TABLES[kind].rows().exists()


def test_mails_and_what_did_not_arrive_go_out_with_their_times(administrator: Client, settings: Settings) -> None:
    settings.MAIL_TO_MAILBOX = True
    sent_one = {"subject": "=A slip", "state": NotificationState.SENT, "sent_at": NOW}
    NotificationFactory.create(frozen=True, **sent_one)
    lost_one = {"subject": "Lost", "state": NotificationState.DEAD, "last_answer": "550 no such box"}
    NotificationFactory.create(frozen=True, **lost_one)

    (mail,) = sent(administrator, "/exports/lists/mailbox.xlsx")
    (lost,) = sent(administrator, "/exports/lists/undelivered.xlsx")

    assert (mail["Subject"], mail["Sent"]) == ("=A slip", NOW.replace(tzinfo=None))
    assert (lost["Message"], lost["Answer of the server"]) == ("Lost", "550 no such box")


def test_the_activities_of_a_revision_go_out_as_they_are_filtered(page: Client, site: Site) -> None:
    revision = ScheduleRevisionFactory.create(site=site)
    ActivityFactory.create(revision=revision, code="A1", name="Pads", place=1)
    ActivityFactory.create(revision=revision, code="A2", name="Dry-in", place=2)
    elsewhere = ScheduleRevisionFactory.create()

    address = f"/exports/lists/activities.xlsx?revision={revision.pk}"
    assert [row["Activity"] for row in sent(page, address)] == ["A1", "A2"]
    assert [row["Activity"] for row in sent(page, f"{address}&q=pads")] == ["A1"]
    assert page.get(f"/exports/lists/activities.xlsx?revision={elsewhere.pk}").status_code == 404
    assert page.get("/exports/lists/activities.xlsx?revision=none").status_code == 404


def test_the_changes_of_an_order_go_out_to_whoever_sees_its_amounts(page: Client, site: Site) -> None:
    line(site, "PO-1")
    line(SiteFactory.create(code="TYO1"), "PO-2")
    mine, other = PurchaseOrder.objects.order_by("number")
    for order in (mine, other):
        ChangeOrderFactory.create(order=order, number="CO-1", reason="=Longer hose")

    (row,) = sent(page, f"/exports/lists/change-orders.xlsx?order={mine.pk}")

    assert (row["Order"], row["Number"], row["Reason"]) == ("PO-1", "CO-1", "=Longer hose")
    assert page.get(f"/exports/lists/change-orders.xlsx?order={other.pk}").status_code == 404


def test_a_list_longer_than_a_workbook_is_refused(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_ROWS", 0)
    SavedViewFactory.create(shared=True)
    AlertRuleSettingFactory.create()

    assert page.get("/exports/lists/alert-settings.xlsx").status_code == 422


def test_the_log_leaves_with_what_it_was_before(page: Client, site: Site) -> None:
    DeliveryLotFactory.create(site=site)

    (row,) = sent(page, "/exports/lists/log.xlsx?columns=forecast&since=2020-01-01")

    assert {"Forecast", "Forecast before", "P80 before", "Came"} < set(row)
    assert row["Came"] == "yes"
