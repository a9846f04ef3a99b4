"""What was typed into a form outlives a lost session, an old form and a lost connection."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from procurement.models import DeliveryLot
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Promise
from tests.factories.procurement import DeliveryLotFactory
from tests.factories.sites import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def expediter() -> User:
    return MembershipFactory.create(role=Role.EXPEDITER).person


@pytest.fixture
def line() -> str:
    lot: DeliveryLot = DeliveryLotFactory.create()
    return f"/lines/{lot.schedule_line_id}/"


@pytest.fixture
def form(sign_in: Callable[[Any], Page], expediter: User, line: str) -> Page:
    """The form of a promise, filled in and not sent."""
    page = sign_in(expediter)
    page.goto(line)
    page.locator("#promise summary").click()
    page.locator("#promise-said").fill("CW23 2099")
    page.locator("#promise-document").fill("Mail of <b>Monday</b>")
    page.locator("#promise-reason_code").select_option("capacity")
    return page


def send(page: Page) -> None:
    page.get_by_role("button", name="Record a promise").click()


def typed(page: Page) -> list[str]:
    names = ("said", "document", "reason_code")
    return [page.locator(f"#promise-{name}").input_value() for name in names]


TYPED = ["CW23 2099", "Mail of <b>Monday</b>", "capacity"]


def test_after_a_lost_session_it_is_back_behind_the_log_in(form: Page, expediter: User, line: str) -> None:
    form.context.clear_cookies(name="longlead_session")
    send(form)
    form.locator("input[name=login]").fill(expediter.username)
    form.locator("input[type=password]").fill(expediter.username)
    form.locator("input[type=password]").press("Enter")
    form.wait_for_url(f"**{line}")

    expect(form.get_by_text("What you typed before is back")).to_be_visible()
    assert typed(form) == TYPED
    send(form)

    expect(form.get_by_text("Recorded.").first).to_be_visible()
    assert Promise.objects.get().value == "2099-W23"
    form.goto(line)
    expect(form.get_by_text("What you typed before is back")).to_have_count(0)


def test_a_form_too_old_leads_back_to_what_was_typed(form: Page) -> None:
    cookies = [each for each in form.context.cookies() if each["name"] == "longlead_csrf"]
    form.context.clear_cookies(name="longlead_csrf")
    form.context.add_cookies([{"name": "longlead_csrf", "value": "x" * 32, "url": form.url} for _each in cookies])
    send(form)
    expect(form.get_by_role("heading", name="This form was too old")).to_be_visible()

    form.get_by_role("link", name="Back to what I typed").click()

    expect(form.get_by_text("What you typed before is back")).to_be_visible()
    assert typed(form) == TYPED


def test_without_a_connection_nothing_is_sent_and_nothing_lost(form: Page) -> None:
    form.context.set_offline(True)
    send(form)
    expect(form.get_by_text("The connection is lost. Nothing was sent")).to_be_visible()
    assert typed(form) == TYPED

    form.context.set_offline(False)
    send(form)

    expect(form.get_by_text("Recorded.").first).to_be_visible()
    assert Promise.objects.count() == 1


def test_a_refused_form_keeps_what_was_typed_through_a_lost_session(form: Page, expediter: User, line: str) -> None:
    form.locator("#promise-said").fill("sometime")
    send(form)
    expect(form.locator("#promise .ll-error")).to_be_visible()
    expect(form.locator("#promise-said")).to_be_focused()
    form.locator("#promise-said").fill("CW24 2099")
    form.context.clear_cookies(name="longlead_session")
    send(form)
    form.locator("input[name=login]").fill(expediter.username)
    form.locator("input[type=password]").fill(expediter.username)
    form.locator("input[type=password]").press("Enter")
    form.wait_for_url(f"**{line}")

    expect(form.get_by_text("What you typed before is back")).to_be_visible()
    assert typed(form) == ["CW24 2099", *TYPED[1:]]


def test_somebody_else_at_the_same_tab_sees_none_of_it(form: Page, sign_in: Callable[[Any], Page], line: str) -> None:
    form.context.clear_cookies(name="longlead_session")
    send(form)
    page = sign_in(MembershipFactory.create(role=Role.EXPEDITER).person)
    page.goto(line)

    expect(page.get_by_text("What you typed before is back")).to_have_count(0)
    assert page.locator("#promise-said").input_value() == ""
