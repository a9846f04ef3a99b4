"""The Gantt of the log in a browser: by keys, zoomed, and on a sheet of A3."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from procurement.services import forecasts
from procurement.vocabulary import RunCause
from sites.accounts.permissions import Role
from tests.factories.procurement import DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gantt(sign_in: Callable[[Any], Page]) -> Page:
    site = SiteFactory.create(code="SYD1")
    for number in ("1001", "1002", "1003"):
        DeliveryLotFactory.create(
            site=site,
            schedule_line__line__order=PurchaseOrderFactory.create(number=number),
            actuals={"PO_ISSUED": date(2026, 8, 3)},
        )
    forecasts.recalculate(
        site_id=site.pk, as_of=date(2026, 11, 20), now=datetime(2026, 11, 20, 3, tzinfo=UTC), cause=RunCause.LOAD,
        evaluate=False,
    )  # fmt: skip
    page = sign_in(MembershipFactory.create(role=Role.EXPEDITER).person)
    page.goto("/log/gantt/?sort=line")
    return page


def test_keys_go_through_its_lines_and_open_one(gantt: Page) -> None:
    gantt.keyboard.press("j")
    gantt.keyboard.press("j")
    expect(gantt.get_by_role("link", name="1002/", exact=False)).to_be_focused()

    gantt.keyboard.press("Enter")

    expect(gantt.get_by_role("heading", level=1)).to_contain_text("1002/")


def test_a_zoomed_picture_scrolls_beside_its_names_and_begins_at_today(gantt: Page) -> None:
    gantt.get_by_label("Zoom").select_option("weeks")
    gantt.get_by_role("button", name="Filter").click()
    gantt.wait_for_url("**zoom=weeks**")

    place = gantt.locator("[data-middle]")
    assert place.evaluate("each => each.scrollWidth > 2 * each.clientWidth && each.scrollLeft > 0")
    assert gantt.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(gantt.get_by_role("link", name="1001/", exact=False)).to_be_in_viewport()


def test_it_prints_on_a_sheet_of_a3_with_the_names_beside_the_bars(gantt: Page) -> None:
    gantt.emulate_media(media="print")
    name, links = gantt.locator(".ll-gantt-name").first, gantt.locator(".ll-gantt-names").first
    expect(name).to_be_visible()
    expect(links).to_be_hidden()

    sheets = gantt.pdf(prefer_css_page_size=True)

    boxes = re.findall(rb"/MediaBox ?\[ ?0 0 ([0-9.]+) ([0-9.]+)", sheets)
    assert [(round(float(wide)), round(float(high))) for wide, high in boxes] == [(1191, 842)]
