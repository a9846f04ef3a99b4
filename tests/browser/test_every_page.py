"""axe on every page in both languages and themes, and every page at 320 px and at 200 percent."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from procurement.management.runtime.assets import MODULES, TEST_FILES
from tests.browser.every_page import make_world, somebody_with_every_right, unvisited

pytestmark = pytest.mark.django_db(transaction=True)

AXE = MODULES / TEST_FILES[0]
RUN = """rules => axe.run(document, rules ? {runOnly: rules} : {}).then(found => found.violations.flatMap(
  broken => broken.nodes.map(node => `${broken.id} at ${node.target.join(" ")}: ${node.failureSummary}`)))"""
SPILLS = "document.documentElement.scrollWidth > window.innerWidth"


def settled(page: Page, theme: str) -> None:
    """In one theme, without the fading between the two."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_axe_finds_nothing_and_nothing_spills(sign_in: Callable[[Any], Page], settings: Any, language: str) -> None:
    settings.MAIL_TO_MAILBOX = True
    person = somebody_with_every_right()
    addresses = make_world(person)
    # Not the page that fails on any complaint of the browser: there is one of a page that is not there.
    signed_in = sign_in(person)
    page = signed_in.context.new_page()
    page.context.add_cookies([{"name": "longlead_language", "value": language, "url": signed_in.url}])
    axe, wrong = AXE.read_text(), []

    for address in addresses:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(address)
        page.evaluate(axe)
        for theme, rules in (("light", None), ("dark", ["color-contrast"])):
            settled(page, theme)
            if found := page.evaluate(RUN, rules):
                wrong += [f"{address} {theme}: {each}" for each in found]
        for width in (720, 320):
            page.set_viewport_size({"width": width, "height": 640})
            if page.evaluate(SPILLS):
                wrong.append(f"{address}: wider than {width} px")

    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_no_page_is_left_out() -> None:
    person = somebody_with_every_right()

    assert unvisited(make_world(person)) == set()
