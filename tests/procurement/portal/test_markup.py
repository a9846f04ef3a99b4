"""Every page keeps the strict content policy and can be used with a keyboard and a screen reader."""

from collections import Counter
from html.parser import HTMLParser

import pytest
from django.test import Client

from tests.procurement.portal.conftest import LISTS, Place

pytestmark = pytest.mark.django_db

_VOID = {"meta", "link", "input", "img", "br", "hr", "path", "line", "rect", "circle"}


class Page(HTMLParser):
    """What the rules below ask of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.inline: list[str] = []
        self.foreign: list[str] = []
        self.ids: Counter[str] = Counter()
        self.labels: set[str] = set()
        self.inputs: list[tuple[str, dict[str, str | None]]] = []
        self.tables = self.captions = self.headings = 0
        self.language = ""
        self.skips = False
        self._in_label = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_data = given.get("type") == "application/json"
        if tag == "style" or (tag == "script" and "src" not in given and not is_data):
            self.inline.append(f"<{tag}>")
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        for name in ("src", "href", "action"):
            address = given.get(name) or ""
            if "//" in address and not address.startswith("/static/"):
                self.foreign.append(address)
        if given.get("id"):
            self.ids[str(given["id"])] += 1
        if tag == "label":
            self._in_label += 1
            self.labels.add(given.get("for") or "")
        if tag in {"input", "select", "textarea"} and given.get("type") != "hidden" and not self._in_label:
            self.inputs.append((tag, given))
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.headings += tag == "h1"
        self.skips = self.skips or (tag == "a" and given.get("href") == "#content")
        if tag == "html":
            self.language = given.get("lang") or ""

    def handle_endtag(self, tag: str) -> None:
        self._in_label -= tag == "label"

    @property
    def unlabelled(self) -> list[str]:
        return [
            f"{tag} {given.get('name')}"
            for tag, given in self.inputs
            if given.get("id") not in self.labels and not given.get("aria-label")
        ]


def all_pages(browser: Client, place: Place) -> dict[str, str]:
    pages = {page: browser.get(page).content.decode() for page in [*LISTS, *place.pages, "/account/password/change/"]}
    pages |= {door: browser.post(door, {}).content.decode() for door in place.doors if "acknowledge" not in door}
    pages["/nowhere/"] = browser.get("/nowhere/").content.decode()
    browser.logout()
    return pages | {"/account/login/": browser.get("/account/login/").content.decode()}


@pytest.fixture
def pages(browser: Client, sydney: Place) -> dict[str, Page]:
    return {name: Page(html) for name, html in all_pages(browser, sydney).items()}


def test_no_page_holds_an_inline_script_or_style(pages: dict[str, Page]) -> None:
    assert {name: page.inline for name, page in pages.items() if page.inline} == {}


def test_nothing_is_loaded_from_outside_the_host(pages: dict[str, Page]) -> None:
    assert {name: page.foreign for name, page in pages.items() if page.foreign} == {}


def test_every_input_has_a_label_and_every_id_stands_once(pages: dict[str, Page]) -> None:
    assert {name: page.unlabelled for name, page in pages.items() if page.unlabelled} == {}
    twice = {name: [key for key, times in page.ids.items() if times > 1] for name, page in pages.items()}
    assert {name: keys for name, keys in twice.items() if keys} == {}


def test_every_page_names_its_language_heading_and_a_way_past_the_menu(pages: dict[str, Page]) -> None:
    assert {name: (page.language, page.headings, page.skips) for name, page in pages.items()} == dict.fromkeys(
        pages, ("en", 1, True)
    )


def test_every_table_has_a_caption(pages: dict[str, Page]) -> None:
    assert {name: (page.tables, page.captions) for name, page in pages.items() if page.tables != page.captions} == {}


def test_the_content_policy_allows_only_what_is_our_own(browser: Client, sydney: Place) -> None:
    policy = browser.get("/log/").headers["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )


def test_a_column_says_how_it_is_sorted(browser: Client, sydney: Place) -> None:
    html = browser.get("/log/?sort=-vendor").content.decode()

    assert (html.count('aria-sort="descending"'), html.count('aria-sort="ascending"')) == (1, 0)


def test_the_pages_speak_japanese(browser: Client, sydney: Place) -> None:
    browser.cookies["longlead_language"] = "ja"

    html = browser.get("/log/").content.decode()

    assert '<html lang="ja">' in html
