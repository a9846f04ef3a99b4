"""Blocks, agreements, vendors and alerts compared with the end of a past day."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from procurement.models import AlertEvent, BlockForecast, ChainForecast, LotForecast
from procurement.services import forecasts
from procurement.vocabulary import AlertEventKind, RunCause
from sites.accounts.models import User
from tests.factories.procurement import AlertEventFactory, AlertFactory
from tests.procurement.portal.conftest import NOW, TODAY, Place

pytestmark = pytest.mark.django_db

SINCE = f"since_on={TODAY.isoformat()}"
WAS = '<del class="ll-was"><span class="visually-hidden">Was </span>{}</del>'


def html_of(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def days_later(sydney: Place) -> None:
    """Calculated again ten days on, with other answers for the block, the agreement and the lot."""
    ten = timedelta(days=10)
    forecasts.recalculate(
        site_id=sydney.site.pk, as_of=TODAY + ten, now=NOW + ten, cause=RunCause.NIGHTLY, evaluate=False
    )
    forecasts.recalculate_power(as_of=TODAY + ten, now=NOW + ten, cause=RunCause.NIGHTLY)
    answers: tuple[Any, ...] = (
        (BlockForecast.objects.filter(block=sydney.block), {"rfs_forecast_on": date(2029, 1, 31)}),
        (ChainForecast.objects.filter(chain=sydney.agreement.chain), {"forecast_on": date(2029, 2, 28)}),
        (LotForecast.objects.filter(lot=sydney.lot), {"float_days": 5}),
    )
    for rows, said in answers:
        row = rows.get(current=True)
        if row.as_of <= TODAY:
            rows.update(current=False)
            run = LotForecast.objects.order_by("-as_of").values_list("run", flat=True)[0]
            row.pk, row._state.adding, row.as_of, row.run_id = None, True, TODAY + ten, run
            row.save(force_insert=True)
        rows.filter(current=True).update(**said)


@pytest.mark.usefixtures("days_later")
def test_a_block_shows_the_day_it_was_to_be_ready(browser: Client, sydney: Place) -> None:
    was = BlockForecast.objects.filter(block=sydney.block, as_of__lte=TODAY).latest("as_of").rfs_forecast_on
    assert was is not None

    html = html_of(browser, f"/blocks/?{SINCE}")

    assert WAS.format(f"{was.day} {was:%b %Y}") + " 31 Jan 2029" in html
    assert "<del" not in html_of(browser, "/blocks/")


@pytest.mark.usefixtures("days_later")
def test_a_block_comes_into_a_month_and_goes_from_another(browser: Client, sydney: Place) -> None:
    was = BlockForecast.objects.filter(block=sydney.block, as_of__lte=TODAY).latest("as_of").rfs_forecast_on
    assert was is not None

    came = html_of(browser, f"/blocks/?month=2029-01&{SINCE}")
    went = html_of(browser, f"/blocks/?month={was:%Y-%m}&{SINCE}")

    assert ("Came" in came, 'id="went"' in came) == (True, False)
    assert "1 block that went from this list" in went
    assert f"/blocks/{sydney.block.pk}/" in went.split('id="went"')[1].split("</details>")[0]
    assert 'id="went"' not in html_of(browser, f"/blocks/?month={was:%Y-%m}")


@pytest.mark.usefixtures("days_later")
def test_an_agreement_shows_the_start_it_had(browser: Client, sydney: Place) -> None:
    was = ChainForecast.objects.filter(chain=sydney.agreement.chain, as_of__lte=TODAY).latest("as_of").forecast_on
    assert was is not None

    html = html_of(browser, f"/power/agreements/?{SINCE}")

    assert WAS.format(f"{was.day} {was:%b %Y}") in html


@pytest.mark.usefixtures("days_later")
def test_a_vendor_shows_how_many_lots_were_late(browser: Client, sydney: Place, tokyo: Place) -> None:
    html = html_of(browser, f"/vendors/?{SINCE}")

    assert html.count("<del") == 1
    assert WAS.format(1) + " 0" in html


def test_alerts_are_those_to_which_something_happened(browser: Client, sydney: Place) -> None:
    AlertEvent.objects.update(at=NOW - timedelta(days=30))
    moved = AlertFactory.create(site=sydney.site, subject_text="Moved")
    AlertEventFactory.create(alert=moved, kind=AlertEventKind.WORSENED, at=NOW + timedelta(days=1))

    html = html_of(browser, f"/alerts/?shown=standing&{SINCE}")

    assert f"/alerts/{moved.pk}/" in html
    assert "Worsened," in html
    assert f"/alerts/{sydney.alert.pk}/" not in html


@pytest.mark.usefixtures("days_later")
def test_since_the_last_visit_counts_all_of_its_day(browser: Client, sydney: Place, expediter: User) -> None:
    """Compared with the end of the day before: what came later on the day itself may not have been seen."""
    expediter.visited_before_on = TODAY + timedelta(days=1)
    expediter.save()

    html = html_of(browser, "/blocks/?since=visit")

    assert '<option value="visit" selected>My last visit</option>' in html
    assert f"Compared with the end of {TODAY.day} Nov 2026" in html
    assert " 31 Jan 2029" in html.split("<del", 1)[1]


def test_the_portfolio_leads_to_what_changed_since_the_last_visit(
    browser: Client, sydney: Place, expediter: User
) -> None:
    expediter.visited_on = TODAY - timedelta(days=30)
    expediter.save()

    html = html_of(browser, "/")

    assert '<a href="/log/?since=visit&amp;changed=1">' in html
    assert "Compared with the end of" in html_of(browser, "/log/?since=visit&changed=1")


def test_on_a_first_visit_there_is_no_last_one(browser: Client, sydney: Place) -> None:
    assert "since=visit" not in html_of(browser, "/")
    html = html_of(browser, "/log/?since=visit&changed=1")
    assert "My last visit" not in html
    assert "Compared with" not in html


@pytest.mark.parametrize("page", ["/blocks/", "/power/agreements/", "/vendors/", "/alerts/?shown=standing"])
def test_comparing_asks_the_same_however_much_changed(browser: Client, sydney: Place, page: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            html_of(browser, f"{page}{'&' if '?' in page else '?'}since_on=2020-01-01")
        return len(asked)

    one = queries()
    for _more in range(3):
        AlertEventFactory.create(alert=AlertFactory.create(site=sydney.site), at=datetime.now(tz=NOW.tzinfo))

    assert queries() == one


@pytest.mark.parametrize("said", ["since_on=tomorrow", "since_on=9999-99-99", "since=%00", "since_on=0001-01-01"])
def test_a_day_that_is_none_compares_nothing(browser: Client, sydney: Place, said: str) -> None:
    assert "Compared with" not in html_of(browser, f"/blocks/?{said}")
