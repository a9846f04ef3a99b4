"""The chart component in a browser under the product's own content policy; `page` fails on any complaint of it."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def charts(page: Page, settings: Any) -> Page:
    settings.ROOT_URLCONF = "tests.browser.chart_page"
    answer = page.goto("/charts-of-a-test/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "style-src 'self'" in policy
    assert "unsafe-inline" not in policy
    return page


def test_a_chart_is_drawn_as_svg_and_says_what_it_shows(charts: Page) -> None:
    picture = charts.locator("[data-chart=steps-data] [data-chart-place]")

    expect(picture.locator("svg")).to_be_visible()
    assert picture.get_attribute("aria-label") == "Load and usable megawatts by day"
    expect(picture.get_by_text("Not known", exact=True)).to_be_visible()
    expect(charts.locator("[data-chart=bars-data] [data-chart-place] svg")).to_be_visible()


def test_the_table_twin_holds_each_step_until_the_next(charts: Page) -> None:
    twin = charts.locator("[data-chart=steps-data] .ll-twin")
    twin.locator("summary").click()

    rows = twin.locator("tbody tr").all_inner_texts()

    assert [row.split("\t") for row in rows] == [
        ["1 Jan 2027", "4", "–"],
        ["1 Apr 2027", "4", "6.5"],
        ["1 Jun 2027", "9", "6.5"],
    ]


def test_the_colours_follow_the_theme(charts: Page) -> None:
    def colours() -> list[str]:
        found: list[str] = charts.locator("[data-chart=steps-data] [data-chart-place] svg path").evaluate_all(
            "each => each.map(one => one.getAttribute('stroke')).filter(Boolean)"
        )
        return found

    expect(charts.locator("[data-chart=steps-data] [data-chart-place] svg")).to_be_visible()
    light = colours()
    charts.evaluate("document.documentElement.setAttribute('data-bs-theme', 'dark')")

    assert colours() != light


def test_a_chart_grows_narrow_with_its_page_and_for_paper(charts: Page) -> None:
    picture = charts.locator("[data-chart=steps-data] [data-chart-place] svg")
    expect(picture).to_be_visible()

    charts.set_viewport_size({"width": 360, "height": 800})

    expect(picture).to_have_attribute(
        "width", str(charts.locator("[data-chart-place]").first.evaluate("place => place.clientWidth"))
    )
    charts.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert picture.get_attribute("width") == "680"


def test_pointing_at_a_chart_tells_the_figures_in_the_reader_s_words(charts: Page) -> None:
    picture = charts.locator("[data-chart=bars-data] [data-chart-place] svg")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None

    charts.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.6)

    expect(picture.get_by_text("Signed: 7 MW")).to_be_visible()
