"""The block page, and the line page's look ahead: what a late delivery does through the site's schedule."""

from datetime import date

import pytest
from django.test import Client

from tests.factories.procurement import DueDrawFactory
from tests.procurement.portal.conftest import Place
from tests.procurement.portal.test_markup import Page
from tests.procurement.queries.test_schedule_impact import block_of, late, schedule

pytestmark = pytest.mark.django_db


def test_a_block_without_schedule_says_that_the_gates_decide(browser: Client, sydney: Place) -> None:
    html = browser.get(f"/blocks/{sydney.block.pk}/").content.decode()

    assert "so the gate dates decide" in html


def test_how_sure_a_block_is_is_being_calculated_while_it_is_due(browser: Client, sydney: Place) -> None:
    DueDrawFactory.create(lot=None, block=sydney.block, site=sydney.site)

    html = browser.get(f"/blocks/{sydney.block.pk}/").content.decode()

    assert "Being calculated: its dates have just changed." in html


def test_a_block_shows_the_path_from_a_late_delivery_to_its_ready_for_service(browser: Client, sydney: Place) -> None:
    schedule(sydney.site)
    block = block_of(sydney.site)
    late(sydney.site, date(2027, 10, 7))

    html = browser.get(f"/blocks/{block.pk}/").content.decode()

    assert "5 days later by TX-01: 30 MW-days" in html
    assert "SET of the hall" in html
    page = Page(html)
    assert (page.inline, page.unlabelled, page.tables) == ([], [], page.captions)


def test_a_late_line_shows_what_it_does_to_each_block(browser: Client, sydney: Place) -> None:
    schedule(sydney.site)
    block = block_of(sydney.site, code="HALL-9")
    requirement = sydney.requirement
    requirement.anchors.create(project_code="BUILD", activity_code="SET")
    requirement.forecasts.filter(current=True).update(forecast_on=date(2027, 10, 7), float_days=-91)

    html = browser.get(f"/lines/{sydney.line_key}/").content.decode()

    assert "What it does to ready for service" in html
    assert f"/blocks/{block.pk}/" in html
    assert "5 days" in html


def test_a_line_that_reaches_no_schedule_says_nothing_of_it(browser: Client, sydney: Place) -> None:
    assert "What it does to ready for service" not in browser.get(f"/lines/{sydney.line_key}/").content.decode()
