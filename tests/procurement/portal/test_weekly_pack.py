"""The weekly pack: what a team takes into its meeting about a site or a vendor, on paper and as a workbook."""

from datetime import UTC, date, datetime
from io import BytesIO

import openpyxl
import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.models import LotForecast
from procurement.services import forecasts
from procurement.vocabulary import RunCause
from sites.accounts.models import User
from sites.vocabulary import Precision
from tests.factories.procurement import DeliveryLotFactory, RequirementFactory
from tests.factories.sites import PromiseFactory
from tests.procurement.portal.conftest import NOW, TODAY, Place
from tests.procurement.portal.test_markup import Page

pytestmark = pytest.mark.django_db

LATER = datetime(2099, 1, 10, 3, tzinfo=UTC)


def seller_of(place: Place) -> str:
    return str(place.lot.schedule_line.line.order.seller_id)


def part(html: str, key: str) -> str:
    return html.split(f'id="{key}-head"')[1].split("</section>")[0]


def test_it_says_what_is_late_what_is_open_and_what_the_blocks_lose(browser: Client, sydney: Place) -> None:
    html = browser.get("/packs/sites/SYD1/").content.decode()

    order = sydney.lot.schedule_line.line.order.number
    assert order in part(html, "late")
    assert f"/lines/{sydney.line_key}/" in part(html, "late")
    assert sydney.block.code in part(html, "blocks")
    assert sydney.alert.subject_text in part(html, "alerts")
    page = Page(html)
    assert (page.inline, page.unlabelled, page.tables) == ([], [], page.captions)
    assert "/packs/sites/SYD1/" in browser.get("/sites/SYD1/").content.decode()


def test_what_moved_stands_beside_what_it_was(browser: Client, sydney: Place, expediter: User) -> None:
    """History is stamped by the clock of the database, which nothing here can turn: so all of it is long past."""
    was = LotForecast.objects.get(lot=sydney.lot, current=True).forecast_on
    PromiseFactory.create(
        milestone=sydney.lot.chain.milestones.get(code="FAT_PASS"),
        precision=Precision.DAY,
        value="2099-12-01",
        counts_on=date(2099, 12, 1),
        stated_on=date(2099, 1, 8),
    )
    forecasts.recalculate(site_id=sydney.site.pk, as_of=LATER.date(), now=LATER, cause=RunCause.LOAD, evaluate=False)
    is_now = LotForecast.objects.get(lot=sydney.lot, current=True).forecast_on
    with time_machine.travel(LATER, tick=False):
        browser.force_login(expediter)
        html = browser.get("/packs/sites/SYD1/?since=2099-01-05").content.decode()
        book = openpyxl.load_workbook(BytesIO(browser.get("/packs/sites/SYD1/week.xlsx?since=2099-01-05").content))

    assert was != is_now
    assert "<del" in part(html, "changed")
    sheet = next(sheet for sheet in book if "moved" in sheet.title)
    row = {str(title.value): str(cell.value) for title, cell in zip(sheet[1], sheet[2], strict=True)}
    assert (row["Forecast before"][:10], row["Forecast"][:10]) == (str(was), str(is_now))


def test_the_workbook_has_a_sheet_for_every_part_of_the_page(browser: Client, sydney: Place) -> None:
    answer = browser.get("/packs/sites/SYD1/week.xlsx")

    assert answer["Content-Disposition"].startswith('attachment; filename="longlead-week-SYD1-')
    book = openpyxl.load_workbook(BytesIO(answer.content))
    html = browser.get("/packs/sites/SYD1/").content.decode()
    assert len(book.sheetnames) == html.count('<section class="ll-card"') == 7
    assert all(sheet["A1"].value for sheet in book)


def test_a_vendors_pack_holds_its_lines_at_the_readers_sites(browser: Client, sydney: Place, tokyo: Place) -> None:
    elsewhere = DeliveryLotFactory.create(
        site=tokyo.site, schedule_line__line__order__seller=sydney.lot.schedule_line.line.order.seller
    )

    html = browser.get(f"/packs/vendors/{seller_of(sydney)}/").content.decode()

    assert f"/lines/{sydney.line_key}/" in html
    assert str(elsewhere.schedule_line_id) not in html
    assert browser.get(f"/packs/vendors/{seller_of(sydney)}/week.xlsx").status_code == 200


@pytest.mark.parametrize("end", ["", "week.xlsx"])
def test_the_pack_of_what_one_may_not_see_is_not_found(browser: Client, sydney: Place, tokyo: Place, end: str) -> None:
    assert browser.get(f"/packs/sites/TYO1/{end}").status_code == 404
    assert browser.get(f"/packs/vendors/{seller_of(tokyo)}/{end}").status_code == 404
    assert Client().get(f"/packs/sites/SYD1/{end}").status_code == 302


def test_hostile_text_shows_as_text(browser: Client, sydney: Place) -> None:
    line = sydney.lot.schedule_line.line
    line.description = "<script>alert(1)</script>"
    line.save()

    assert b"<script>alert(1)" not in browser.get("/packs/sites/SYD1/").content


@pytest.mark.parametrize("more", [0, 2])
def test_it_takes_as_many_queries_for_three_lines_as_for_one(
    more: int, browser: Client, sydney: Place, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(more):
        DeliveryLotFactory.create(site=sydney.site, baseline={"ON_SITE": date(2027, 7, 19)})
        RequirementFactory.create(site=sydney.site)
    forecasts.recalculate(site_id=sydney.site.pk, as_of=TODAY, now=NOW, cause=RunCause.LOAD, evaluate=False)
    browser.get("/packs/sites/SYD1/")

    with time_machine.travel(NOW, tick=False), django_assert_num_queries(32):
        browser.get("/packs/sites/SYD1/")
