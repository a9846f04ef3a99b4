"""Set-up pages: rows pasted by an administrator, saved as far as each is right, kept with their history."""

from datetime import date

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.models import Company, EquipmentClass
from procurement.services.rule_words import RULES
from procurement.services.set_up_tables import TABLES
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Absence, Assignment, Desk, Membership
from sites.vocabulary import ScopeKind
from tests.factories.accounts import UserFactory
from tests.factories.procurement import (
    CompanyFactory,
    EquipmentClassFactory,
    OrderLineFactory,
    PurchaseOrderFactory,
)
from tests.factories.sites import DeskFactory, MembershipFactory, SiteFactory
from tests.procurement.portal.conftest import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator() -> User:
    person = UserFactory.create(username="ada", name="Ada Administrator", is_staff=True)
    MembershipFactory.create(person=person, role=Role.ADMINISTRATOR, scope=ScopeKind.PORTFOLIO, site=None)
    return person


@pytest.fixture
def browser(administrator: User) -> Client:
    return browser_of(administrator)


def paste(browser: Client, kind: str, *rows: str, reason: str = "New team") -> str:
    answer = browser.post(f"/set-up/{kind}/save/", {"rows": "\r\n".join(rows), "reason": reason}, follow=True)
    return answer.content.decode()


def test_the_same_rows_twice_add_and_then_change_nothing(browser: Client) -> None:
    rows = ("OSA\tOsaka\tAsia/Tokyo", "SYD\tSydney\tAustralia/Sydney")

    assert "2 rows saved." in paste(browser, "desks", *rows)
    assert "0 rows saved." in paste(browser, "desks", *rows)
    assert "1 row saved." in paste(browser, "desks", "OSA\tOsaka and Kobe\tAsia/Tokyo")

    assert set(Desk.objects.filter(code__in=["OSA", "SYD"]).values_list("code", "name")) == {
        ("OSA", "Osaka and Kobe"), ("SYD", "Sydney"),
    }  # fmt: skip


def test_what_is_right_is_saved_and_what_is_wrong_stays_with_its_reason(browser: Client) -> None:
    html = paste(
        browser,
        "companies",
        "NORD\tNordwind\tDE\tyes\tno\tyes",
        "BAD\tNobody\tDE\tperhaps\tno\tyes",
        "NONE\tNeither\tDE\tno\tno\tyes",
        "<b>X</b>\tMarkup\tgermany\tyes\tno\tyes",
    )

    assert set(Company.objects.values_list("code", flat=True)) == {"NORD"}
    assert "3 rows are not saved" in html
    assert "Sells: Yes or no." in html
    assert "A company sells, makes, or both." in html
    area = html.split("<textarea")[1].split("</textarea>")[0]
    assert ("NORD" in area, "BAD\tNobody" in area, "&lt;b&gt;X" in area) == (False, True, True)


def test_people_get_rights_duties_and_absences_by_their_names(browser: Client) -> None:
    SiteFactory.create(code="SYD1")
    DeskFactory.create(code="APAC")
    paste(
        browser,
        "people",
        "bea\tBea Buyer\tBea@people.example\ten\tAustralia/Sydney\tyes",
        "kenji\tKenji\tk@people.example\tja\tAsia/Tokyo\tyes",
    )
    paste(browser, "memberships", "bea\tBuyer\tdesk\tAPAC\t", "kenji\tsite_lead\tsite\t\tSYD1")
    paste(browser, "assignments", "kenji\tsite_lead\tsite\tSYD1")
    paste(browser, "absences", "bea\t2027-01-04\t2027-01-15\tkenji")

    bea, kenji = User.objects.get(username="bea"), User.objects.get(username="kenji")
    assert (bea.has_usable_password(), bea.is_active, kenji.language) == (False, True, "ja")
    assert set(Membership.objects.filter(person__in=[bea, kenji]).values_list("role", "scope")) == {
        ("buyer", "desk"), ("site_lead", "site"),
    }  # fmt: skip
    assert Assignment.objects.get().person == kenji
    assert (Absence.objects.get().deputy, Absence.objects.get().until_on) == (kenji, date(2027, 1, 15))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("ada\tapprover\tportfolio", "Nobody takes a right from or gives one to themselves."),
        ("nobody\tviewer\tportfolio", "There is no “nobody”."),
        ("bea\tking\tportfolio", "One of: "),
        ("bea\tviewer\tdesk", "A right in the portfolio names no desk and no site"),
        ("bea\tviewer\tportfolio\t\t\t\tmore", "more cells than the list has columns"),
    ],
)
def test_a_right_that_cannot_be_given_is_refused_in_words(browser: Client, row: str, why: str) -> None:
    UserFactory.create(username="bea")

    assert why in paste(browser, "memberships", row)
    assert not Membership.objects.exclude(person__username="ada").exists()


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("Equipment class", "CHILLER"),
        ("Vendor", "NORD"),
        ("order", "45/0001"),
        ("order_line", "45/0001/20"),
    ],
)
def test_a_duty_is_for_a_class_a_vendor_an_order_or_a_line(browser: Client, scope: str, said: str) -> None:
    line = OrderLineFactory.create(number=20, order=PurchaseOrderFactory.create(number="45/0001"))
    CompanyFactory.create(code="NORD")
    EquipmentClassFactory.create(code="CHILLER")
    UserFactory.create(username="bea")

    html = paste(browser, "assignments", f"bea\tbuyer\t{scope}\t\t\t{said}")
    again = paste(browser, "assignments", f"bea\tbuyer\t{scope}\t\t\t{said}\t2027-01-04")

    row = Assignment.objects.get()
    keys = {
        "Equipment class": EquipmentClass.objects.get(code="CHILLER").pk,
        "Vendor": Company.objects.get(code="NORD").pk,
        "order": line.order_id,
        "order_line": line.pk,
    }
    assert row.subject_id == keys[scope]
    assert f"<td>{said}</td>" in html
    assert ("1 row saved." in again, row.from_on) == (True, date(2027, 1, 4))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("bea\tbuyer\torder\t\t\t4599", "There is no “4599”."),
        ("bea\tbuyer\torder_line\t\t\t4599", "There is no “4599”."),
        ("bea\tbuyer\tcompany", "ORDER/LINE: This is needed."),
        ("bea\tbuyer\tsite\tSYD1\t\tCHILLER", "Leave this empty"),
        ("bea\tbuyer\tsite", "A duty names just what it is for"),
    ],
)
def test_a_duty_for_nothing_that_is_there_is_refused_at_its_column(browser: Client, row: str, why: str) -> None:
    UserFactory.create(username="bea")
    SiteFactory.create(code="SYD1")

    assert why in paste(browser, "assignments", row)
    assert not Assignment.objects.exists()


def test_every_rule_that_a_pasted_row_can_break_is_said_in_words() -> None:
    rules = {rule.name for table in TABLES.values() for rule in table.model._meta.constraints}

    assert rules - set(RULES) == {"the_visit_before_was_on_an_earlier_day", "a_visit_was_on_a_plausible_day"}


def test_words_of_a_list_are_shown_as_they_are_called(browser: Client, administrator: User) -> None:
    html = browser.get("/set-up/memberships/").content.decode()

    assert ("<td>Administrator</td>" in html, "<td>Portfolio</td>" in html) == (True, True)
    assert "0 rows saved." not in paste(browser, "desks", "OSA\tOsaka\tNowhere")


def test_a_right_is_taken_back_with_a_reason_that_its_history_keeps(browser: Client) -> None:
    row = MembershipFactory.create(person__username="bea", role=Role.VIEWER)

    browser.post(f"/set-up/memberships/{row.pk}/remove/", {"reason": ""})
    assert Membership.objects.filter(pk=row.pk).exists()
    browser.post(f"/set-up/memberships/{row.pk}/remove/", {"reason": "Left the project"})

    assert not Membership.objects.filter(pk=row.pk).exists()


def test_who_is_made_administrator_finds_the_set_up_in_the_menu(browser: Client) -> None:
    bea = UserFactory.create(username="bea")

    def finds_it() -> bool:
        return 'href="/set-up/"' in browser_of(User.objects.get(pk=bea.pk)).get("/preferences/").content.decode()

    before = finds_it()
    paste(browser, "memberships", "bea\tadministrator\tportfolio")
    made = finds_it()
    browser.post(f"/set-up/memberships/{Membership.objects.get(person=bea).pk}/remove/", {"reason": "Left"})

    assert (before, made, finds_it()) == (False, True, False)


def test_history_says_who_changed_a_row_and_why(browser: Client) -> None:
    paste(browser, "desks", "OSA\tOsaka\tAsia/Tokyo")
    html = paste(browser, "desks", "OSA\tOsaka and Kobe\tAsia/Tokyo", reason="Kobe joined")

    part = html.split('id="history-head"')[1]
    assert "Ada Administrator" in part
    assert "Kobe joined" in part
    assert "<del>Osaka</del> → Osaka and Kobe" in part


def test_nobody_locks_themselves_out(browser: Client, administrator: User) -> None:
    html = paste(browser, "people", "ada\tAda\tada@people.example\ten\tUTC\tno")

    assert "Nobody locks themselves out." in html
    administrator.refresh_from_db()
    assert administrator.is_active


def test_an_empty_installation_is_led_to_its_first_step(browser: Client) -> None:
    html = browser.get("/set-up/").content.decode()

    step = html.split('aria-current="step"')[1].split("</li>")[0]
    assert "Desks" in step
    assert "/set-up/desks/" in step
    way = html.split("<ol")[1].split("</ol>")[0]
    assert all(f'href="/set-up/{kind}/"' in way for kind in ("sites", "chains", "requirements", "orders"))
    assert "/set-up/" in browser.get("/").content.decode()


def test_only_an_administrator_of_the_portfolio_sees_or_writes_it() -> None:
    site = SiteFactory.create()
    for role in (Role.SITE_LEAD, Role.ADMINISTRATOR):
        other = browser_of(MembershipFactory.create(role=role, scope=ScopeKind.SITE, site=site).person)
        answers = [
            other.get("/set-up/"),
            other.get("/set-up/people/"),
            other.post("/set-up/desks/save/", {"rows": "OSA\tOsaka\tAsia/Tokyo"}),
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert not Desk.objects.filter(code="OSA").exists()


@pytest.mark.parametrize("rows", [1, 3])
def test_a_list_takes_as_many_queries_for_three_rows_as_for_one(
    rows: int, browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        MembershipFactory.create()
    browser.get("/set-up/memberships/")

    with django_assert_num_queries(11):
        browser.get("/set-up/memberships/")


def typed(browser: Client, kind: str, row: object = "", **cells: str) -> str:
    address = f"/set-up/{kind}/row/" + (f"?row={row}" if row else "")
    return browser.post(address, cells, follow=True).content.decode()


def test_a_row_is_typed_field_by_field_and_changed_where_it_stands(browser: Client) -> None:
    assert "The row is added." in typed(browser, "desks", code="OSA", name="Osaka <b>", time_zone="Asia/Tokyo")
    desk = Desk.objects.get(code="OSA")
    form = browser.get(f"/set-up/desks/?row={desk.pk}").content.decode().split('id="row"')[1].split("</form>")[0]
    assert ('value="OSA"' in form, "Osaka &lt;b&gt;" in form, "readonly" in form) == (True, True, True)

    html = typed(browser, "desks", desk.pk, code="OSA", name="Osaka", time_zone="Asia/Tokyo", reason="Typing error")

    assert "The row is changed." in html
    assert "Typing error" in html
    assert list(Desk.objects.filter(code="OSA").values_list("name", flat=True)) == ["Osaka"]


def test_a_typed_row_is_refused_at_its_field_and_stays_typed(browser: Client) -> None:
    html = typed(browser, "desks", code="OSA", name="<script>", time_zone="Osaka")

    field = html.split('id="row-time_zone_error"')[1].split("</div>")[0]
    assert "A time zone as Asia/Tokyo." in field
    assert ('value="&lt;script&gt;"' in html, "<script>" in html.split("<main")[1]) == (True, False)
    assert "This field is required." in typed(browser, "desks", code="", name="Osaka", time_zone="Asia/Tokyo")
    assert not Desk.objects.filter(name__in=["<script>", "Osaka"]).exists()


def test_a_row_that_is_there_already_is_not_added_over_it(browser: Client) -> None:
    typed(browser, "desks", code="OSA", name="Osaka", time_zone="Asia/Tokyo")

    html = typed(browser, "desks", code="OSA", name="Oslo", time_zone="Europe/Oslo")

    field = html.split('id="row-code_error"')[1].split("</div>")[0]
    assert "There is such a row already; change it from where it stands." in field
    assert 'value="Oslo"' in html
    assert Desk.objects.get(code="OSA").name == "Osaka"


@pytest.mark.parametrize("row", ["x", "0198c0de-0000-7000-8000-000000000000"])
def test_a_row_that_is_not_there_is_not_changed(browser: Client, row: str) -> None:
    assert browser.get(f"/set-up/desks/?row={row}").status_code == 404
    assert browser.post(f"/set-up/desks/row/?row={row}", {"code": "A"}).status_code == 404


@pytest.mark.parametrize("kind", TABLES)
def test_every_list_offers_a_field_for_each_of_its_columns(browser: Client, kind: str) -> None:
    html = browser.get(f"/set-up/{kind}/").content.decode()

    assert [f'id="row-{column.name}"' in html for column in TABLES[kind].columns] == [
        True for _ in TABLES[kind].columns
    ]


def test_a_typed_requirement_is_shown_before_it_is_written(browser: Client) -> None:
    SiteFactory.create(code="SYD1")
    EquipmentClassFactory.create(code="CHILLER")

    said = {"site": "SYD1", "tag": "CH-01", "class": "CHILLER", "quantity": "1", "required_on_site": "2027-06-01"}
    html = typed(browser, "requirements", **said)

    assert "CH-01" in html
    assert "Apply" in html
    assert "This field is required." in typed(browser, "requirements", tag="CH-02")


def test_the_portfolio_of_an_empty_installation_leads_its_administrator_to_the_set_up(browser: Client) -> None:
    stranger = browser_of(UserFactory.create())

    pages = [each.get("/").content.decode() for each in (browser, stranger)]

    assert ["There is no site yet." in html for html in pages] == [True, False]
    assert ["An administrator grants you a role" in html for html in pages] == [False, True]
