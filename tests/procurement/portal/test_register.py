"""The register of submittals and factory tests: whose turn it is, since when, round by round."""

from datetime import date
from io import BytesIO

import openpyxl
import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from sites.models import Milestone
from sites.vocabulary import Party, RoundResult
from tests.factories.procurement import DeliveryLotFactory
from tests.factories.sites import MilestoneRoundFactory
from tests.procurement.portal.conftest import Place
from tests.procurement.portal.test_markup import Page

pytestmark = pytest.mark.django_db


def step(place: Place, code: str) -> Milestone:
    return place.lot.chain.milestones.get(code=code)


def rows(html: str) -> list[str]:
    return html.split("<tbody>")[1].split("</tbody>")[0].split("<tr data-row>")[1:] if "<tbody>" in html else []


def test_a_submittal_that_came_back_lies_with_the_vendor(browser: Client, sydney: Place) -> None:
    MilestoneRoundFactory.create(
        milestone=step(sydney, "SUBMITTAL_APPROVED"),
        number=1,
        submitted_on=date(2026, 9, 25),
        ball_in_court=Party.OWNER,
    )
    with_owner = browser.get("/register/?ball=owner").content.decode()
    MilestoneRoundFactory.create(
        milestone=step(sydney, "SUBMITTAL_APPROVED"),
        number=2,
        submitted_on=date(2026, 10, 5),
        returned_on=date(2026, 10, 19),
        result=RoundResult.REVISE_AND_RESUBMIT,
        ball_in_court=Party.VENDOR,
        note="<b>Seismic</b> report missing",
    )
    html = browser.get("/register/?ball=vendor").content.decode()

    assert len(rows(with_owner)) == 1
    assert browser.get("/register/?ball=owner").content.decode().count("<tr data-row>") == 0
    (row,) = rows(html)
    assert "Round 2: Revise and resubmit" in row
    assert "&lt;b&gt;Seismic&lt;/b&gt;" in row
    page = Page(html)
    assert (page.inline, page.unlabelled, page.tables) == ([], [], page.captions)


def test_what_is_neither_begun_nor_next_waits_among_all_that_is_open(browser: Client, sydney: Place) -> None:
    waiting = browser.get("/register/?about=tests").content.decode()
    every = browser.get("/register/?about=tests&shown=open").content.decode()

    assert rows(waiting) == []
    assert "No step matches." in waiting
    assert any("Factory test passed" in row for row in rows(every))


def test_a_step_that_is_done_is_found_among_the_done_alone(browser: Client, sydney: Place) -> None:
    done = browser.get("/register/?shown=done").content.decode()
    still = browser.get("/register/?shown=open").content.decode()

    assert ["Submittal in" in row for row in rows(done)] == [True]
    assert not any("Submittal in" in row for row in rows(still))


def test_it_names_nothing_of_another_site(browser: Client, sydney: Place, tokyo: Place) -> None:
    html = browser.get("/register/?shown=open").content.decode()

    assert (str(sydney.line_key) in html, str(tokyo.line_key) in html) == (True, False)
    assert rows(browser.get("/register/?shown=open&site=TYO1").content.decode()) == []


def test_the_workbook_holds_the_rows_of_the_page(browser: Client, sydney: Place) -> None:
    book = openpyxl.load_workbook(BytesIO(browser.get("/register/rows.xlsx?shown=open").content))

    found = list(book["Register"].iter_rows(min_row=2, values_only=True))
    assert len(found) == len(rows(browser.get("/register/?shown=open").content.decode())) > 0
    assert {row[1] for row in found} == {"SYD1"}


@pytest.mark.parametrize("address", ["?ball=nobody&about=x&shown=y&page=0", "?q=%00&site=%00", "?page=999999"])
def test_an_address_that_says_nonsense_shows_the_register(browser: Client, sydney: Place, address: str) -> None:
    assert browser.get(f"/register/{address}").status_code == 200


@pytest.mark.parametrize("more", [0, 2])
def test_it_takes_as_many_queries_for_three_lots_as_for_one(
    more: int, browser: Client, sydney: Place, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(more):
        DeliveryLotFactory.create(site=sydney.site)
    browser.get("/register/?shown=open")

    with django_assert_num_queries(10):
        browser.get("/register/?shown=open")
