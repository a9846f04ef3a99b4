"""The Gantt of the log: its bars lie where their dates do, its labels apart, and it shows what its address asks for."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.portal.labels import lay_out, width
from procurement.portal.line_gantt import NAMES, Zoom, bands
from procurement.queries.line_gantt import LineSpan, PowerDate, PowerKind
from procurement.queries.log import LogRow
from procurement.vocabulary import DateState
from sites.accounts.models import User
from tests.factories.procurement import DeliveryLotFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.procurement.portal.conftest import Place, browser_of

AS_OF = date(2027, 1, 1)


def row(site: str = "SYD1", **given: object) -> LogRow:
    whole = LogRow(
        key=uuid4(), site=site, order_key=uuid4(), order="4500", line=10, schedule=1, description="Chiller", tags=(),
        more_tags=0, equipment_class="Chiller", seller="", maker="", quantity=Decimal(1), unit="EA",
        required_on_site=None, contract_on=None, contract_step="ON_SITE", promised_on=None, promised_as="",
        forecast_on=None, delivered_on=None, float_days=None, slip_days=None, lots=1, next_code="", next_on=None,
        recovers_mw_days=None, costs_mw_days=None, why=None, stated_on=None, reason_code="", state=DateState.UNKNOWN,
        p80_on=None, on_time_percent=None, are_being_drawn=False,
    )  # fmt: skip
    return replace(whole, **given)  # type: ignore[arg-type]


def span(of: LogRow, **given: date | None) -> LineSpan:
    return replace(LineSpan(of, None, None, of.delivered_on or of.forecast_on, None, None), **given)  # type: ignore[arg-type]


LATE = span(
    row(required_on_site=date(2027, 6, 1), forecast_on=date(2027, 7, 1), p80_on=date(2027, 8, 1), float_days=-30),
    from_on=date(2026, 7, 1),
    done_on=date(2026, 12, 1),
    baseline_from=date(2026, 7, 1),
    baseline_to=date(2027, 5, 1),
)


def test_a_bar_has_its_done_part_its_rest_its_tail_its_baseline_and_when_it_is_required() -> None:
    (band,) = bands([LATE], {}, today=AS_OF, zoom=Zoom.MONTHS)

    # Four pixels a day, from twelve days before the first date.
    def at(day: date) -> int:
        return NAMES + (day - date(2026, 6, 19)).days * 4

    (bar,) = band.bars
    assert (bar.x, bar.rest_x, bar.rest_x + bar.rest_width) == (
        at(date(2026, 7, 1)), at(date(2026, 12, 1)), at(date(2027, 7, 1)),
    )  # fmt: skip
    assert bar.tail_x + bar.tail_width == at(date(2027, 8, 1))
    assert bar.ghost_x is not None
    assert (bar.ghost_x, bar.ghost_x + bar.ghost_width) == (at(date(2026, 7, 1)), at(date(2027, 5, 1)))
    assert (bar.required_x, bar.tone) == (at(date(2027, 6, 1)), "over")
    assert band.today == at(AS_OF) - NAMES


def test_what_arrived_has_no_tail_and_what_has_no_date_no_bar() -> None:
    arrived = span(row(delivered_on=date(2026, 11, 1), p80_on=date(2027, 2, 1)), from_on=date(2026, 7, 1))
    unknown = span(row(required_on_site=date(2027, 6, 1)))

    (band,) = bands([arrived, unknown], {}, today=AS_OF, zoom=Zoom.FIT)

    assert [(bar.tone, bar.tail_width, bar.x is None) for bar in band.bars] == [
        ("done", 0, False), ("next", 0, True),
    ]  # fmt: skip


def test_sites_stand_apart_and_a_long_one_in_several_bands() -> None:
    many = [span(row("TYO1", forecast_on=date(2027, 7, 1))) for _ in range(40)]

    made = bands([*many, LATE], {}, today=AS_OF, zoom=Zoom.FIT)

    assert [(band.site, band.part, band.parts, len(band.bars)) for band in made] == [
        ("SYD1", 1, 1, 1), ("TYO1", 1, 2, 36), ("TYO1", 2, 2, 4),
    ]  # fmt: skip


def test_dates_of_power_stand_at_their_site_alone() -> None:
    energised = PowerDate(PowerKind.ENERGISED, uuid4(), "Main intake", date(2027, 1, 3))

    sydney, tokyo = bands(
        [LATE, span(row("TYO1", forecast_on=date(2027, 7, 1)))], {"SYD1": [energised]}, today=AS_OF, zoom=Zoom.FIT
    )

    assert [label.tone for label, _y in sydney.labels] == ["today", "energised"]
    assert [label.tone for label, _y in tokyo.labels] == ["today"]
    # Two days apart: one above the other.
    assert [label.lane for label, _y in sydney.labels] == [0, 1]


def test_nothing_to_draw_is_no_picture() -> None:
    assert bands([span(row())], {}, today=AS_OF, zoom=Zoom.FIT) == ()


def test_labels_neither_touch_each_other_nor_leave_the_picture() -> None:
    marks = [(x, "Grid energised 通電 12 Jan 27", "cod") for x in (2, 10, 90, 200, 395)]

    laid = lay_out(marks, left=0, right=400)

    half = width(marks[0][1]) / 2
    assert all(label.x - half >= -1 and label.x + half <= 401 for label in laid)
    by_lane = sorted(laid, key=lambda label: (label.lane, label.x))
    near = [(a, b) for a, b in pairwise(by_lane) if a.lane == b.lane]
    assert all(b.x - a.x >= 2 * half for a, b in near)


@pytest.mark.django_db
def test_the_page_shows_the_lines_of_its_address_with_power_and_a_table(browser: Client, sydney: Place) -> None:
    html = browser.get("/log/gantt/?view=&zoom=months").content.decode()

    line = sydney.lot.schedule_line
    assert line.line.order.number in html
    assert 'class="ll-energised-text"' in html
    assert 'class="ll-cod-text"' in html
    assert f'href="/lines/{line.pk}/"' in html
    assert '<option value="months" selected>' in html


@pytest.mark.django_db
def test_it_shows_no_line_and_no_power_of_a_site_out_of_sight(browser: Client, sydney: Place, tokyo: Place) -> None:
    html = browser.get("/log/gantt/?view=&shown=all").content.decode()

    assert "TYO1" not in html
    assert str(tokyo.connection.pk) not in html


@pytest.mark.django_db
def test_an_empty_list_says_what_to_do(browser: Client, sydney: Place) -> None:
    html = browser.get("/log/gantt/?q=nothing-is-called-so").content.decode()

    assert "Take a filter out" in html
    assert '<svg class="ll-gantt-picture"' not in html


@pytest.mark.django_db
@pytest.mark.parametrize("lines", [1, 3])
def test_it_takes_as_many_queries_for_three_lines_as_for_one(
    lines: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    site = SiteFactory.create(code="SYD1")
    for _ in range(lines):
        DeliveryLotFactory.create(site=site)
    person: User = MembershipFactory.create(site=site).person
    client = browser_of(person)
    client.get("/log/gantt/?view=")

    with django_assert_num_queries(15):
        client.get("/log/gantt/?view=")
