"""The front door, as a browser sees it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_person_signs_in_and_meets_the_portfolio(sign_in: Callable[[Any], Page]) -> None:
    person = UserFactory.create()

    page = sign_in(person)

    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.url.endswith("/")
