"""What a person says about a line's dates on its page, and what is refused with everything typed kept."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from procurement.models import LotForecast, LotProbability
from procurement.services import probabilities
from sites.accounts.permissions import Role
from sites.models import Promise, PromiseRetraction
from tests.factories.procurement import ReceiptFactory, ShipmentNoticeFactory
from tests.factories.sites import MembershipFactory, PromiseFactory
from tests.procurement.portal.conftest import NOW, Place, browser_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

PROMISE = {
    "step": "FAT_PASS",
    "said": "CW23",
    "stated_on": "2026-11-19",
    "source": "email",
    "document": "Mail of 19 November",
    "reason_code": "capacity",
    "note": "Test bay is full",
}


@pytest.fixture
def noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def say(browser: Client, place: Place, what: str, form: dict[str, str]) -> Any:
    return browser.post(f"/lines/{place.line_key}/{what}/", form)


def test_a_promise_is_recorded_as_the_vendor_said_it(browser: Client, sydney: Place) -> None:
    answer = say(browser, sydney, "promise", PROMISE)

    row = Promise.objects.get(document="Mail of 19 November")
    assert (answer.status_code, row.value, row.counts_on, row.stated_on, row.reason_code) == (
        302, "2027-W23", date(2027, 6, 13), date(2026, 11, 19), "capacity",
    )  # fmt: skip


def test_a_promise_without_a_reason_says_that_nobody_stated_it(browser: Client, sydney: Place) -> None:
    answer = say(browser, sydney, "promise", {key: text for key, text in PROMISE.items() if key != "reason_code"})

    row = Promise.objects.get(document="Mail of 19 November")
    assert (answer.status_code, row.reason_code, row.responsible) == (302, "not_stated", "vendor")


def test_the_answer_says_what_moved(browser: Client, sydney: Place) -> None:
    before = LotForecast.objects.get(lot=sydney.lot, current=True).forecast_on

    answer = browser.post(f"/lines/{sydney.line_key}/promise/", {**PROMISE, "said": "2027-12-01"}, follow=True)

    after = LotForecast.objects.get(lot=sydney.lot, current=True).forecast_on
    assert (before, after) == (date(2027, 8, 31), date(2028, 1, 31))
    assert "On site: 31 Aug 2027 became 31 Jan 2028." in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("said", "sometime soon", "is not a date we can read"),
        ("said", "FY27 Q2", "a fiscal-year period is ambiguous"),
        ("stated_on", "2026-11-30", "Nothing can be stated in the future."),
        ("step", "NOWHERE", "Select a valid choice"),
        ("quantity", "5", "is more than is open"),
        ("source", "", "This field is required"),
        ("document", "mail of \u202e7202-70", "turns the reading direction"),
        ("document", "letter\x00", "Null characters are not allowed"),
    ],
)
def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
    browser: Client, sydney: Place, field: str, typed: str, message: str
) -> None:
    answer = say(browser, sydney, "promise", {**PROMISE, field: typed})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert any(message.lower() in str(error).lower() for error in _errors(answer, "promise")[field])
    assert 'value="Test bay is full"' in html
    assert '<details class="ll-fold" id="promise" open>' in html
    assert Promise.objects.filter(document="Mail of 19 November").count() == 0


def _errors(answer: Any, name: str) -> Any:
    return next(each["form"].errors for each in answer.context["forms"] if each["name"] == name)


def test_what_happened_is_recorded(browser: Client, sydney: Place) -> None:
    answer = say(browser, sydney, "actual", {"step": "SUBMITTAL_APPROVED", "on": "2026-11-18"})

    assert answer.status_code == 302
    assert sydney.lot.chain.milestones.get(code="SUBMITTAL_APPROVED").actual_on == date(2026, 11, 18)


def test_nothing_happens_in_the_future(browser: Client, sydney: Place) -> None:
    answer = say(browser, sydney, "actual", {"step": "SUBMITTAL_APPROVED", "on": "2026-12-24"})

    assert (answer.status_code, list(_errors(answer, "actual"))) == (422, ["on"])


def test_a_date_is_pinned_with_a_reason_and_released(browser: Client, sydney: Place) -> None:
    pinned = say(browser, sydney, "lock", {"step": "ON_SITE", "on": "2027-10-01", "note": "Crane is booked"})
    shown = browser.get(f"/lines/{sydney.line_key}/").content.decode()

    released = say(browser, sydney, "release", {"step": "ON_SITE"})

    assert (pinned.status_code, released.status_code) == (302, 302)
    assert "Pinned to 1 Oct 2027 by Edith Expediter: Crane is booked" in shown
    assert sydney.lot.chain.milestones.get(code="ON_SITE").locked_on is None


def test_a_date_is_never_pinned_without_a_reason(browser: Client, sydney: Place) -> None:
    answer = say(browser, sydney, "lock", {"step": "ON_SITE", "on": "2027-10-01", "note": " "})

    assert (answer.status_code, list(_errors(answer, "lock"))) == (422, ["note"])


def test_units_are_split_off(browser: Client, sydney: Place) -> None:
    answer = say(browser, sydney, "split", {"lot": str(sydney.lot.pk), "quantity": "1", "why": "One ships earlier"})

    quantities = sydney.lot.schedule_line.lots.order_by("number").values_list("quantity", flat=True)
    assert (answer.status_code, list(quantities)) == (302, [Decimal(1), Decimal(1)])


def test_a_split_leaves_something_in_the_lot(browser: Client, sydney: Place) -> None:
    answer = say(browser, sydney, "split", {"lot": str(sydney.lot.pk), "quantity": "2", "why": "All of them"})

    assert (answer.status_code, list(_errors(answer, "split"))) == (422, ["quantity"])
    assert 'value="All of them"' in answer.content.decode()


def test_a_retracted_promise_stays_in_the_ledger(browser: Client, sydney: Place) -> None:
    promise = Promise.objects.get(milestone__chain=sydney.lot.chain)

    answer = say(browser, sydney, "retract", {"promise": str(promise.pk), "why": "Typed on the wrong order"})

    shown = browser.get(f"/lines/{sydney.line_key}/").content.decode()
    assert (answer.status_code, PromiseRetraction.objects.get().promise) == (302, promise)
    assert ("Retracted" in shown, "Typed on the wrong order" in shown) == (True, True)


def test_what_a_retracted_promise_had_superseded_counts_again(browser: Client, sydney: Place) -> None:
    first = Promise.objects.get(milestone__chain=sydney.lot.chain)
    again = PromiseFactory.create(milestone=first.milestone, supersedes=first, stated_on=first.stated_on)

    say(browser, sydney, "retract", {"promise": str(again.pk), "why": "Read wrongly"})

    (lot,) = browser.get(f"/lines/{sydney.line_key}/").context["view"].lots
    assert {row.promise: (row.decides, row.is_superseded, row.is_retracted) for row in lot.ledger} == {
        first: (True, False, False),
        again: (False, False, True),
    }


def test_a_promise_of_another_line_cannot_be_retracted_from_here(browser: Client, sydney: Place, tokyo: Place) -> None:
    other = Promise.objects.get(milestone__chain=tokyo.lot.chain)

    answer = say(browser, sydney, "retract", {"promise": str(other.pk), "why": "Mine now"})

    assert (answer.status_code, PromiseRetraction.objects.count()) == (422, 0)


def test_a_viewer_is_offered_no_form_and_refused_in_words(sydney: Place) -> None:
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person)

    page = viewer.get(f"/lines/{sydney.line_key}/")
    answer = say(viewer, sydney, "promise", PROMISE)

    assert (page.context["forms"], answer.status_code) == ([], 403)
    assert "Your role does not allow this here" in answer.content.decode()
    assert Promise.objects.filter(document="Mail of 19 November").count() == 0


def test_the_page_says_why_in_plain_words(browser: Client, sydney: Place) -> None:
    html = browser.get(f"/lines/{sydney.line_key}/").content.decode()

    assert (
        "Promised 21 May 2027 (E-mail of 1 Oct 2026), moved 45 days because it depended on Release to manufacture "
        "by 16 Oct 2026, which is now expected on 30 Nov 2026." in html
    )


def test_an_open_line_says_how_sure_its_date_is(browser: Client, sydney: Place) -> None:
    html = browser.get(f"/lines/{sydney.line_key}/").content.decode()

    odds = LotProbability.objects.get(current=True, lot__schedule_line=sydney.line_key)
    assert f"{odds.on_time_percent} %" in html
    assert "assumed: there is no history of such a step yet" in html
    assert "1000 futures" in html


def test_how_sure_it_is_is_being_calculated_after_a_promise(browser: Client, sydney: Place) -> None:
    say(browser, sydney, "promise", PROMISE)

    html = browser.get(f"/lines/{sydney.line_key}/").content.decode()
    log = browser.get("/log/").content.decode()

    assert "Being calculated: its dates have just changed." in html
    assert "1000 futures" not in html
    assert "P80 being calculated" in log
    probabilities.draw_due()
    assert "1000 futures" in browser.get(f"/lines/{sydney.line_key}/").content.decode()
    assert "P80 being calculated" not in browser.get("/log/").content.decode()


def test_what_was_sent_and_received_is_on_the_page(browser: Client, sydney: Place) -> None:
    notice = ShipmentNoticeFactory.create(lot=sydney.lot, number="D-77", tracking="MSKU-9")
    receipt = ReceiptFactory.create(lot=sydney.lot, document="W-5")
    ShipmentNoticeFactory.create(lot=sydney.lot, number="D-77", reverses=notice)
    ReceiptFactory.create(lot=sydney.lot, document="Counted twice", reverses=receipt)

    page = browser.get(f"/lines/{sydney.line_key}/").content.decode()

    assert [said in page for said in ("D-77", "MSKU-9", "W-5", "Counted twice")] == [True] * 4
    assert page.count("Reversed:") == 2
