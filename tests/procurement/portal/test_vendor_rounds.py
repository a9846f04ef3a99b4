"""Questions to vendors in the portal, and the page behind a vendor's link."""

import re
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from procurement.models import ImportBatch, VendorRound
from procurement.readers import xlsx
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Promise, Site
from tests.factories.procurement import CompanyFactory, ContactFactory, DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


@pytest.fixture
def expediter(site: Site) -> User:
    return MembershipFactory.create(role=Role.EXPEDITER, site=site, person__name="Alex Example").person


@pytest.fixture
def page(client: Client, expediter: User) -> Client:
    client.force_login(expediter)
    return client


def line(site: Site, number: int, description: str = "") -> None:
    company, _new = CompanyFactory._meta.model.objects.get_or_create(
        code="KOALA", defaults={"name": "Koala Coils", "country": "AU"}
    )
    order = PurchaseOrderFactory._meta.model.objects.filter(number="PO-77").first() or PurchaseOrderFactory.create(
        number="PO-77", seller=company
    )
    DeliveryLotFactory.create(
        site=site,
        schedule_line__line__order=order,
        schedule_line__line__number=number,
        schedule_line__line__description=description,
        actuals={"PO_ISSUED": date(2026, 8, 3)},
    )


def asked(page: Client) -> VendorRound:
    company = CompanyFactory._meta.model.objects.get(code="KOALA")
    answer = page.post("/rounds/", {"company": str(company.pk), "language": ""})
    made = VendorRound.objects.latest("created_at")
    assert answer.headers["Location"] == f"/rounds/{made.pk}/"
    return made


def link(page: Client, made: VendorRound) -> str:
    shown = page.post(f"/rounds/{made.pk}/link/").content.decode()
    found = re.search(r"http://[^<\s]+(/vendor/[\w-]+/)", shown)
    assert found is not None
    return found.group(1)


def test_a_vendor_is_asked_and_its_workbook_downloaded(page: Client, site: Site) -> None:
    line(site, 10)

    made = asked(page)
    sent = page.get(f"/rounds/{made.pk}/workbook/")

    assert "koala-" in sent.headers["Content-Disposition"]
    assert xlsx.read(sent.content).sheets[0].rows[1][0] == "PO-77"
    assert "Which date do you confirm?" in page.get(f"/rounds/{made.pk}/").content.decode()
    assert "Koala Coils" in page.get("/rounds/").content.decode()


def test_the_link_is_shown_once(page: Client, site: Site) -> None:
    line(site, 10)
    made = asked(page)

    address = link(page, made)

    assert address not in page.get(f"/rounds/{made.pk}/").content.decode()


def test_behind_the_link_the_vendor_sees_its_lots_and_nothing_of_ours(page: Client, site: Site) -> None:
    line(site, 10, "Chiller <b>two</b>")
    DeliveryLotFactory.create(site=site, schedule_line__line__order=PurchaseOrderFactory.create(number="PO-SECRET"))
    address = link(page, asked(page))

    answer = Client().get(address)

    html = answer.content.decode()
    assert (answer.status_code, answer.headers["Referrer-Policy"]) == (200, "same-origin")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "PO-77/10/1" in html
    assert "Chiller &lt;b&gt;two&lt;/b&gt;" in html
    assert "PO-SECRET" not in html
    assert "SYD1" not in html


def test_what_the_vendor_sends_waits_for_review(page: Client, site: Site) -> None:
    line(site, 10)
    line(site, 20)
    made = asked(page)
    address = link(page, made)
    first = made.questions.get(lot__schedule_line__line__number=10)

    sent = Client().post(address, {"said_by": "Kim", f"promise_{first.pk}": "CW23 2027", f"note_{first.pk}": "Core"})

    batch = ImportBatch.objects.get()
    assert "1 answer has arrived" in sent.content.decode()
    assert (batch.rows_accepted, Promise.objects.count()) == (1, 0)
    assert f"/imports/{batch.pk}/" in page.get(f"/rounds/{made.pk}/").content.decode()

    page.post(f"/imports/{batch.pk}/apply/")

    assert [row.value for row in Promise.objects.all()] == ["2027-W23"]
    assert "Answered" in page.get(f"/rounds/{made.pk}/").content.decode()


def test_a_wrong_date_is_refused_at_its_field_and_what_was_typed_stays(page: Client, site: Site) -> None:
    line(site, 10)
    made = asked(page)
    address = link(page, made)
    key = made.questions.get().pk

    answer = Client().post(address, {"said_by": "Kim", f"promise_{key}": "5/6/2027", f"note_{key}": "<i>late</i>"})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [f"promise_{key}"]
    assert 'value="5/6/2027"' in answer.content.decode()
    assert ImportBatch.objects.count() == 0


def test_the_page_speaks_the_language_of_the_contact(page: Client, site: Site) -> None:
    line(site, 10)
    ContactFactory.create(company=CompanyFactory._meta.model.objects.get(code="KOALA"), language="ja")

    html = Client().get(link(page, asked(page))).content.decode()

    assert 'lang="ja"' in html


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_link_that_is_none_of_ours_tells_nothing(method: str) -> None:
    answer = getattr(Client(), method)("/vendor/abcdefghijklmnopqrstuvwxyz/")

    assert answer.status_code == 404
    assert "not valid any more" in answer.content.decode()


def test_a_closed_round_answers_no_more(page: Client, site: Site) -> None:
    line(site, 10)
    made = asked(page)
    address = link(page, made)

    page.post(f"/rounds/{made.pk}/close/")

    assert Client().get(address).status_code == 404
    assert page.post(f"/rounds/{made.pk}/link/").status_code == 302


def test_rounds_of_other_sites_are_out_of_sight(page: Client, site: Site) -> None:
    line(site, 10)
    made = asked(page)
    page.force_login(MembershipFactory.create(role=Role.EXPEDITER, site=SiteFactory.create()).person)

    assert page.get(f"/rounds/{made.pk}/").status_code == 404
    assert page.get(f"/rounds/{made.pk}/workbook/").status_code == 404
    assert page.post(f"/rounds/{made.pk}/link/").status_code == 404
    assert page.post(f"/rounds/{made.pk}/close/").status_code == 404
    assert "Koala" not in page.get("/rounds/").content.decode()


def test_a_viewer_asks_nobody(client: Client, site: Site) -> None:
    line(site, 10)
    client.force_login(MembershipFactory.create(role=Role.VIEWER, site=site).person)
    company = CompanyFactory._meta.model.objects.get(code="KOALA")

    answer = client.post("/rounds/", {"company": str(company.pk), "language": ""})

    assert answer.status_code == 422
    assert VendorRound.objects.count() == 0


def test_three_questions_are_shown_in_as_many_queries_as_one(page: Client, site: Site) -> None:
    counts = []
    for number in (10, 20, 30):
        line(site, number)
        made = asked(page)
        with CaptureQueriesContext(connection) as queries:
            page.get(f"/rounds/{made.pk}/")
        counts.append(len(queries))

    assert counts[0] == counts[1] == counts[2]
