"""`make pictures`: ten pages of a running demo in both themes, into docs/pictures."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import FLAGS

PICTURES: Final = Path(__file__).resolve().parents[2] / "docs" / "pictures"
THEMES: Final = ("light", "dark")
# A name, where it is, or whose first link leads to it: (list, selector of the link).
PAGES: Final[tuple[tuple[str, str, str], ...]] = (
    ("portfolio", "/", ""),
    ("log", "/log/?view=", ""),
    ("gantt", "/log/gantt/?view=", ""),
    ("grid", "/log/grid/?site=SYD01", ""),
    ("line", "/log/?view=&late=1", "[data-line]"),
    ("site", "/sites/SYD01/", ""),
    ("alerts", "/alerts/", ""),
    ("power", "/sites/SYD01/power/", ""),
    ("vendor", "/vendors/", "main tbody th a:text('Steadfern')"),  # one with enough deliveries for figures
    ("notes", "/log/?view=&late=1", "[data-line]"),
)


def take(base: str, username: str, password: str) -> list[Path]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("There is no Chromium on PATH.")
    PICTURES.mkdir(parents=True, exist_ok=True)
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_context(base_url=base, viewport={"width": 1440, "height": 900}).new_page()
        page.goto("/account/login/")
        page.locator("input[name=login]").fill(username)
        page.locator("input[type=password]").fill(password)
        page.locator("input[type=password]").press("Enter")
        page.wait_for_url(lambda url: "/account/" not in url)
        for name, address, link in PAGES:
            _open(page, name, address, link)
            for theme in THEMES:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                page.reload(wait_until="networkidle")
                place = PICTURES / f"{name}-{theme}.png"
                page.screenshot(path=place)
                taken.append(place)
        browser.close()
    return taken


def _open(page: Page, name: str, address: str, link: str) -> None:
    page.goto(address)
    if link:
        page.locator(link).first.click()
        page.wait_for_load_state()
    if name == "notes":
        page.get_by_role("link", name="Notes and history").click()
        page.wait_for_load_state()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", help="where the demo runs, as http://127.0.0.1:8000")
    parser.add_argument("--username", default="sourcing")
    parser.add_argument("--password", default="demo")
    given = parser.parse_args()
    for place in take(given.base, given.username, given.password):
        sys.stdout.write(f"{place.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
