"""Pages asked as of a past day, the sentence that says why, and the waterfall of lost float."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client

from procurement.domain.reasons import Stage, Waterfall
from procurement.portal.waterfall import draw
from tests.factories.procurement import BlockForecastFactory, LotForecastFactory
from tests.history import happened_at
from tests.procurement.portal.conftest import Place
from tests.procurement.portal.test_markup import Page

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2021, 8, 20, 3, tzinfo=UTC)
ASKED = "?as_known_on=2021-09-01"
STEPS: list[dict[str, Any]] = [
    {"code": "PO_ISSUED", "forecast_on": "2021-08-03", "driver": "actual"},
    {"code": "ON_SITE", "forecast_on": "2027-05-02", "driver": "duration", "is_anchor": True},
]


def known_then(place: Place) -> None:
    lot = place.lot
    for row in (lot, lot.schedule_line, lot.schedule_line.line):
        happened_at(row, LONG_AGO, "insert")
    LotForecastFactory.create(
        lot=lot, current=False, run__as_of=LONG_AGO.date(), forecast_on=date(2027, 5, 2),
        required_on_site=date(2027, 6, 1), steps=STEPS,
    )  # fmt: skip


def test_a_line_is_shown_as_known_then_and_where_the_float_went_since(browser: Client, sydney: Place) -> None:
    known_then(sydney)

    html = browser.get(f"/lines/{sydney.line_key}/{ASKED}").content.decode()

    assert "2 May 2027" in html
    assert "where the float went, from 30 to −91 days" in html
    page = Page(html)
    assert (page.inline, page.unlabelled, page.tables) == ([], [], page.captions)


def test_the_float_between_any_two_days_has_an_address_of_its_own(browser: Client, sydney: Place) -> None:
    known_then(sydney)
    steps = [STEPS[0], {**STEPS[1], "forecast_on": "2027-05-12"}]
    LotForecastFactory.create(
        lot=sydney.lot, current=False, run__as_of=date(2021, 9, 20), forecast_on=date(2027, 5, 12),
        required_on_site=date(2027, 6, 1), steps=steps,
    )  # fmt: skip

    html = browser.get(f"/lines/{sydney.line_key}/{ASKED}&compared_with_on=2021-09-30").content.decode()

    assert "where the float went, from 30 to 20 days" in html
    assert "<td>30 Sep 2021</td>" in html
    assert 'value="2021-09-30"' in html


def test_a_step_of_which_only_a_later_one_is_recorded_lost_no_float(browser: Client, sydney: Place) -> None:
    known_then(sydney)
    approved = {"code": "SUBMITTAL_APPROVED", "forecast_on": "2021-09-10", "driver": "duration"}
    LotForecastFactory.create(
        lot=sydney.lot, current=False, run__as_of=date(2021, 8, 25), forecast_on=date(2027, 5, 2),
        required_on_site=date(2027, 6, 1), steps=[STEPS[0], approved, STEPS[1]],
    )  # fmt: skip
    arrived = [STEPS[0], {**approved, "forecast_on": "2027-05-12", "driver": "implied"},
               {**STEPS[1], "forecast_on": "2027-05-12", "driver": "actual"}]  # fmt: skip
    LotForecastFactory.create(
        lot=sydney.lot, current=False, run__as_of=date(2021, 9, 20), forecast_on=date(2027, 5, 12),
        required_on_site=date(2027, 6, 1), steps=arrived,
    )  # fmt: skip

    page = browser.get(f"/lines/{sydney.line_key}/{ASKED}&compared_with_on=2021-09-30")

    (pair,) = page.context["known_lots"]
    assert [(bar.name, bar.days) for bar in pair.picture.bars] == [
        ("Float before", None), ("On site", 10), ("Float after", None),
    ]  # fmt: skip


@pytest.mark.parametrize("day", ["2021-09-01", "2021-08-31", "2199-01-01", "later"])
def test_what_is_no_later_day_is_told_at_its_field(browser: Client, sydney: Place, day: str) -> None:
    known_then(sydney)

    html = browser.get(f"/lines/{sydney.line_key}/{ASKED}&compared_with_on={day}").content.decode()

    assert 'id="known-compared_with_on_error"' in html


def test_a_line_that_was_not_there_yet_says_so(browser: Client, sydney: Place) -> None:
    assert "was not there yet" in browser.get(f"/lines/{sydney.line_key}/{ASKED}").content.decode()


@pytest.mark.parametrize("day", ["2199-01-01", "1999-12-31", "tomorrow"])
def test_what_is_no_past_day_is_told_at_its_field(browser: Client, sydney: Place, day: str) -> None:
    html = browser.get(f"/lines/{sydney.line_key}/?as_known_on={day}").content.decode()

    assert 'id="known-as_known_on_error"' in html


def test_a_block_shows_its_own_dates_and_those_of_what_serves_it(browser: Client, sydney: Place) -> None:
    known_then(sydney)
    BlockForecastFactory.create(
        block=sydney.block, current=False, run__as_of=LONG_AGO.date(), as_of=LONG_AGO.date(),
        rfs_forecast_on=date(2027, 9, 9), groups=[],
    )  # fmt: skip

    html = browser.get(f"/blocks/{sydney.block.pk}/{ASKED}").content.decode()

    assert "9 Sep 2027" in html
    assert "2 May 2027" in html
    assert Page(html).inline == []


def test_the_log_says_as_of_when_it_is(browser: Client, sydney: Place) -> None:
    known_then(sydney)

    html = browser.get(f"/log/{ASKED}").content.decode()

    assert "As known on 1 Sep 2021" in html
    assert Page(html).inline == []


def test_a_late_line_says_why_in_one_sentence(browser: Client, sydney: Place) -> None:
    html = browser.get(f"/lines/{sydney.line_key}/").content.decode()

    assert "SYD1 asked for it by 1 Jun 2027; your approval, 42 days late, moved" not in html  # it has no baseline
    assert "SYD1 asked for it by 1 Jun 2027; “Submittal approved” (Owner) comes later than the vendor relied on" in html


def test_a_waterfall_is_drawn_inside_its_frame() -> None:
    picture = draw(Waterfall(20, -5, (Stage("FAT_PASS", 30, 20, -10), Stage("ON_SITE", -5, -10, -5))))

    assert [(bar.days, bar.after) for bar in picture.bars] == [(None, 20), (30, -10), (-5, -5), (None, -5)]
    assert all(0 <= bar.x <= bar.x + bar.width <= 1000 for bar in picture.bars)
