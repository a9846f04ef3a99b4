"""Pages in a real browser: Debian's Chromium, driven by Playwright against a server of this test run."""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS_TO_FIND = 10
# The first page of a run waits for imports and templates, on a machine that may be busy with the rest of the suite.
SECONDS_TO_OPEN = 60


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Skips loudly where no Chromium is, but never in CI: there its absence is a failure."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Chromium: .ci/run installs it")
        warnings.warn("NO BROWSER TEST WAS RUN: there is no Chromium on PATH (Debian package chromium)", stacklevel=1)
        pytest.skip("no Chromium on PATH")
    # Playwright keeps an event loop in this thread; the tables are read in the same thread, between its calls.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def browser_context(chromium: Browser, live_server: Any) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 900})
    expect.set_options(timeout=SECONDS_TO_FIND * 1000)
    context.set_default_timeout(SECONDS_TO_FIND * 1000)
    context.set_default_navigation_timeout(SECONDS_TO_OPEN * 1000)
    yield context
    context.close()


@pytest.fixture
def page(browser_context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test when the browser reports a script error or something the CSP refused."""
    page = browser_context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    # A refused form answers 422, one too old 403, and a test goes offline on purpose: the browser and htmx say so.
    meant = ("status of 422", "ERR_INTERNET_DISCONNECTED", "status of 403", "htmx:afterRequest", "htmx:sendError")
    assert [complaint for complaint in complaints if not any(word in complaint for word in meant)] == []


@pytest.fixture
def sign_in(page: Page) -> Callable[[Any], Page]:
    """Signs a person in through the log-in page; the person's password is the user name."""

    def sign_in(person: Any) -> Page:
        person.set_password(person.username)
        person.save()
        page.goto("/account/login/")
        page.locator("input[name=login]").fill(person.username)
        page.locator("input[type=password]").fill(person.username)
        page.locator("input[type=password]").press("Enter")
        page.wait_for_url(lambda url: "/account/" not in url)
        return page

    return sign_in
