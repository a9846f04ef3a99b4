"""The readers of the API's schema draw it in a browser, and ask this host alone."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("path", "shows"), [("/api/v1/docs", "#operations-tag-webhooks"), ("/api/v1/docs/reference", "[data-section-id]")]
)
def test_the_schema_is_drawn_by_what_this_host_serves(page: Page, live_server: Any, path: str, shows: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(path)
    expect(page.locator(shows).first).to_be_visible(timeout=60_000)

    assert [url for url in asked if not url.startswith((live_server.url, "blob:", "data:"))] == []
