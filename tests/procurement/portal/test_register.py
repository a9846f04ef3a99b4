"""The register of submittals and factory tests: whose turn it is, since when, round by round."""

from datetime import date, datetime, timedelta
from io import BytesIO

import openpyxl
import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.models import OrderLine, ScheduleLine
from procurement.vocabulary import LineStatus
from sites.accounts.permissions import Role
from sites.models import Milestone, MilestoneRound
from sites.vocabulary import Party, RoundResult
from tests.factories.procurement import DeliveryLotFactory
from tests.factories.sites import MembershipFactory, MilestoneRoundFactory
from tests.history import happened_at
from tests.procurement.portal.conftest import NOW, TODAY, Place, browser_of
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


def test_of_what_is_done_the_latest_comes_first(browser: Client, sydney: Place) -> None:
    begun_on = step(sydney, "SUBMITTAL_IN").actual_on
    assert begun_on is not None
    later = Milestone.objects.filter(pk=approved(sydney).pk)
    later.update(actual_on=begun_on + timedelta(days=9), actual_recorded_at=NOW)

    found = rows(browser.get("/register/?shown=done").content.decode())

    assert ["Submittal approved" in row for row in found] == [True, False]


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

    with django_assert_num_queries(11):
        browser.get("/register/?shown=open")


def known_since(at: datetime) -> None:
    """As if all that is written so far had been there then."""
    for model in (Milestone, MilestoneRound, ScheduleLine, OrderLine):
        for row in model._default_manager.all():
            said = {"actual_on": row.actual_on} if isinstance(row, Milestone) else {}
            happened_at(row, at, "insert", **said)


SINCE = f"since_on={TODAY - timedelta(days=1)}"


def approved(place: Place) -> Milestone:
    return step(place, "SUBMITTAL_APPROVED")


def test_compared_with_a_day_it_says_whose_turn_it_was(browser: Client, sydney: Place) -> None:
    MilestoneRoundFactory.create(milestone=approved(sydney), number=1, ball_in_court=Party.OWNER)
    known_since(NOW - timedelta(days=9))
    MilestoneRoundFactory.create(milestone=approved(sydney), number=2, ball_in_court=Party.VENDOR)

    html = browser.get(f"/register/?{SINCE}").content.decode()
    with_owner = browser.get(f"/register/?ball=owner&{SINCE}").content.decode()
    with_vendor = browser.get(f"/register/?ball=vendor&{SINCE}").content.decode()

    (row,) = rows(html)
    assert [each in row for each in ("Owner</del>", "Round 1</del>", "Came")] == [True, True, False]
    went = with_owner.split('id="went"')[1].split("</details>")[0]
    assert ("1 step that went" in went, str(sydney.line_key) in went, rows(with_owner)) == (True, True, [])
    assert "1 step came into this list, 0 went." in with_vendor
    assert "Came" in rows(with_vendor)[0]


def test_a_step_that_was_done_since_went_and_the_next_one_came(browser: Client, sydney: Place) -> None:
    known_since(NOW - timedelta(days=9))
    Milestone.objects.filter(pk=approved(sydney).pk).update(actual_on=TODAY)
    Milestone.objects.filter(chain=sydney.lot.chain, code="RTM").update(actual_on=TODAY)

    html = browser.get(f"/register/?{SINCE}").content.decode()

    assert "Done 20 Nov 26" in html.split('id="went"')[1].split("</details>")[0]
    assert ["Came" in row for row in rows(html)] == [True for row in rows(html)]
    assert "1 step came into this list, 0 went." in browser.get(f"/register/?shown=done&{SINCE}").content.decode()


def test_steps_of_a_line_that_was_cancelled_since_went(browser: Client, sydney: Place, tokyo: Place) -> None:
    known_since(NOW - timedelta(days=9))
    for place in (sydney, tokyo):
        ScheduleLine.objects.filter(pk=place.line_key).update(status=LineStatus.CANCELLED)

    html = browser.get(f"/register/?{SINCE}").content.decode()

    went = html.split('id="went"')[1].split("</details>")[0]
    assert ("Cancelled" in went, str(sydney.line_key) in went, str(tokyo.line_key) in html) == (True, True, False)


def test_the_workbook_says_what_it_was_too(browser: Client, sydney: Place) -> None:
    MilestoneRoundFactory.create(milestone=approved(sydney), number=1, ball_in_court=Party.OWNER)
    known_since(NOW - timedelta(days=9))
    MilestoneRoundFactory.create(milestone=approved(sydney), number=2, ball_in_court=Party.VENDOR)

    book = openpyxl.load_workbook(BytesIO(browser.get(f"/register/rows.xlsx?{SINCE}").content))

    titles, row = book["Register"].iter_rows(values_only=True)
    assert titles[-4:] == ("Ball in court before", "Round before", "Forecast before", "Came")
    assert row[-4:] == ("Owner", 1, None, None)


@pytest.mark.parametrize("more", [0, 2])
def test_comparing_takes_as_many_queries_for_three_lots_as_for_one(
    more: int, browser: Client, sydney: Place, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(more):
        DeliveryLotFactory.create(site=sydney.site)
    browser.get("/register/?shown=open")

    with django_assert_num_queries(17):
        browser.get("/register/?shown=open&since_on=2026-11-01")


def round_of(browser: Client, place: Place, code: str = "SUBMITTAL_APPROVED", **said: object) -> HttpResponse:
    data = {"step": f"{place.lot.pk}/{code}", **{name: str(value) for name, value in said.items()}}
    answer = browser.post(f"/lines/{place.line_key}/round/", data)
    assert isinstance(answer, HttpResponse)
    return answer


def test_a_submittal_goes_in_rounds_until_it_is_approved(browser: Client, sydney: Place) -> None:
    round_of(browser, sydney, submitted_on="2026-10-05", note="Datasheets")
    assert [row.ball_in_court for row in approved(sydney).rounds.all()] == [Party.OWNER]

    round_of(browser, sydney, returned_on="2026-10-12", result="revise_and_resubmit")
    round_of(browser, sydney, submitted_on="2026-10-20")
    assert approved(sydney).actual_on is None
    round_of(browser, sydney, returned_on="2026-11-02", result="approved_as_noted", document="Transmittal 7")

    rounds = [
        (row.number, row.submitted_on, row.result, row.note) for row in approved(sydney).rounds.order_by("number")
    ]
    assert rounds == [
        (1, date(2026, 10, 5), RoundResult.REVISE_AND_RESUBMIT, "Datasheets"),
        (2, date(2026, 10, 20), RoundResult.APPROVED_AS_NOTED, ""),
    ]
    done = approved(sydney)
    assert (done.actual_on, done.actual_document) == (date(2026, 11, 2), "Transmittal 7")


def test_a_factory_test_that_fails_is_held_again(browser: Client, sydney: Place) -> None:
    round_of(browser, sydney, "FAT_PASS", submitted_on="2026-11-02", returned_on="2026-11-02", result="failed")
    round_of(browser, sydney, "FAT_PASS", submitted_on="2026-11-16", returned_on="2026-11-17", result="passed")

    test = step(sydney, "FAT_PASS")
    assert [row.result for row in test.rounds.order_by("number")] == [RoundResult.FAILED, RoundResult.PASSED]
    assert test.actual_on == date(2026, 11, 17)
    assert "Factory test passed, round 2: Passed" in test.actual_document


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "Say when it was submitted, or tested."),
        ({"submitted_on": "2099-01-01"}, "This day lies in the future."),
        ({"submitted_on": "2026-11-02", "result": "approved"}, "are given together"),
        ({"submitted_on": "2026-11-02", "returned_on": "2026-11-03"}, "are given together"),
        ({"submitted_on": "2026-11-02", "returned_on": "2026-11-03", "result": "passed"}, "no result of this step"),
        ({"submitted_on": "2026-11-02", "returned_on": "2026-11-01", "result": "rejected"}, "before it was submitted"),
        ({"submitted_on": "2026-11-02", "note": "a" * 501}, "at most 500 characters"),
    ],
)
def test_a_round_that_cannot_be_is_refused_and_stays_typed(
    browser: Client, sydney: Place, said: dict[str, str], why: str
) -> None:
    answer = round_of(browser, sydney, **said)

    html = answer.content.decode()
    assert (answer.status_code, why in html) == (422, True)
    assert all(f'value="{said[name]}"' in html for name in said if name in {"submitted_on", "returned_on"})
    assert not approved(sydney).rounds.exists()


def test_a_round_before_the_last_came_back_is_refused(browser: Client, sydney: Place) -> None:
    round_of(browser, sydney, submitted_on="2026-10-05", returned_on="2026-10-12", result="rejected")

    assert "came back later" in round_of(browser, sydney, submitted_on="2026-10-06").content.decode()


def test_a_step_that_is_done_takes_no_round(browser: Client, sydney: Place) -> None:
    Milestone.objects.filter(pk=approved(sydney).pk).update(actual_on=TODAY)

    assert round_of(browser, sydney, submitted_on="2026-10-05").status_code == 422
    assert not approved(sydney).rounds.exists()


def test_the_last_round_is_taken_back_with_a_reason(browser: Client, sydney: Place) -> None:
    first, last = (
        MilestoneRoundFactory.create(milestone=approved(sydney), number=number, submitted_on=date(2026, 10, number),
                                     returned_on=date(2026, 10, number), result=RoundResult.REJECTED)
        for number in (1, 2)
    )  # fmt: skip

    def take_back(row: MilestoneRound, why: str) -> int:
        return browser.post(f"/lines/{sydney.line_key}/unround/", {"round": str(row.pk), "why": why}).status_code

    assert [take_back(first, "Wrong line"), take_back(last, ""), take_back(last, "Wrong line")] == [422, 422, 302]
    assert list(approved(sydney).rounds.values_list("number", flat=True)) == [1]
    history = browser.get(f"/notes/line/{sydney.line_key}/").content.decode()
    assert "Wrong line" in history


def test_who_may_not_record_dates_records_no_round(sydney: Place, tokyo: Place, browser: Client) -> None:
    viewer = MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person

    assert round_of(browser_of(viewer), sydney, submitted_on="2026-10-05").status_code == 403
    assert round_of(browser, tokyo, submitted_on="2026-10-05").status_code == 404
    assert "Record a round" not in browser_of(viewer).get("/register/").content.decode()
    assert "Record a round" in browser.get("/register/").content.decode()
