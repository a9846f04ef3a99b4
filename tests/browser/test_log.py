"""The log's comforts in a browser: columns, views, the preview, keys and the palette."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from procurement.models import SavedView
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.procurement import DeliveryLotFactory, PurchaseOrderFactory, RequirementFactory
from tests.factories.sites import MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(sign_in: Callable[[Any], Page]) -> Page:
    site = SiteFactory.create(code="SYD1")
    for number in ("1001", "1002", "1003"):
        DeliveryLotFactory.create(site=site, schedule_line__line__order=PurchaseOrderFactory.create(number=number))
    RequirementFactory.create(site=site, tag="冷凍機-07")
    return sign_in(MembershipFactory.create(role=Role.EXPEDITER).person)


def test_columns_are_chosen_moved_and_saved_as_a_view(staff: Page) -> None:
    staff.goto("/log/?sort=line")
    staff.get_by_text("Columns", exact=True).click()
    for name in ("Why", "Maker", "Quantity", "MW-days", "Next step", "Slip, days"):
        staff.get_by_role("checkbox", name=name, exact=True).uncheck()
    # Past what is not shown, and past "On site".
    staff.get_by_role("button", name="Vendor further left").click()
    staff.get_by_role("button", name="Vendor further left").click()
    staff.get_by_role("button", name="Show these columns").click()
    expect(staff.locator(".ll-log thead th").last).to_have_text("On site")
    heads = staff.locator(".ll-log thead th").all_inner_texts()
    assert heads[-2:] == ["Vendor", "On site"]

    staff.get_by_text("Views", exact=True).click()
    staff.get_by_role("link", name="Save this view").click()
    staff.get_by_label("Name of the view").fill("My columns")
    staff.get_by_role("button", name="Save the view").click()

    expect(staff.get_by_text("The view is saved.")).to_be_visible()
    assert staff.url.endswith("/log/?view=my-columns")
    assert staff.locator(".ll-log thead th").all_inner_texts() == heads
    assert SavedView.objects.get().query.startswith("sort=line&columns=")


def test_the_preview_goes_on_through_the_list_and_gives_the_focus_back(staff: Page) -> None:
    staff.goto("/log/?sort=line")
    staff.get_by_role("link", name="Preview 1001").click()
    drawer = staff.locator("[data-drawer]")
    expect(drawer).to_contain_text("1 of 3")

    drawer.get_by_role("link", name="Next").click()
    expect(drawer).to_contain_text("2 of 3")
    staff.keyboard.press("Escape")

    expect(drawer).to_be_hidden()
    expect(staff.get_by_role("link", name="Preview 1001")).to_be_focused()


def test_the_palette_finds_a_tag_in_any_script(staff: Page) -> None:
    staff.keyboard.press("Control+k")
    staff.get_by_role("combobox").fill("冷凍")
    expect(staff.get_by_role("option", name="冷凍機-07")).to_have_attribute("aria-selected", "true")

    staff.keyboard.press("Enter")

    staff.wait_for_url("**/requirements/**")


def test_keys_of_one_letter_lead_about_and_can_be_switched_off(staff: Page) -> None:
    staff.goto("/log/?sort=line")
    staff.keyboard.press("j")
    staff.keyboard.press("j")
    expect(staff.get_by_role("link", name="1002/", exact=False).first).to_be_focused()
    staff.keyboard.press("g")
    staff.keyboard.press("a")
    staff.wait_for_url("**/alerts/")

    staff.keyboard.press("?")
    staff.get_by_role("button", name="Switch keys of one letter off").click()
    staff.wait_for_load_state()
    staff.keyboard.press("/")

    expect(staff.locator("[data-palette]")).to_be_hidden()
    staff.keyboard.press("Control+k")
    expect(staff.locator("[data-palette]")).to_be_visible()


def test_a_filter_after_a_lost_session_leads_to_the_log_in_and_back_to_it(staff: Page) -> None:
    staff.goto("/log/?sort=line")
    staff.context.clear_cookies()

    staff.get_by_label("Search order, tag").fill("1002")
    staff.wait_for_url("**/account/login/**")
    person = User.objects.get(memberships__isnull=False)
    staff.locator("input[name=login]").fill(person.username)
    staff.locator("input[type=password]").fill(person.username)
    staff.locator("input[type=password]").press("Enter")

    staff.wait_for_url("**/log/**")
    expect(staff.locator(".ll-log tbody tr")).to_have_count(1)


def test_a_filter_without_a_connection_keeps_the_list_and_says_so(staff: Page) -> None:
    staff.goto("/log/?sort=line")
    staff.context.set_offline(True)
    staff.get_by_label("Search order, tag").fill("1002")
    expect(staff.get_by_role("alert")).to_contain_text("The connection is lost")
    expect(staff.locator(".ll-log tbody tr")).to_have_count(3)

    staff.context.set_offline(False)
    staff.get_by_label("Search order, tag").fill("1003")

    expect(staff.locator(".ll-log tbody tr")).to_have_count(1)
    expect(staff.get_by_role("alert")).to_have_count(0)


def test_j_and_k_go_through_the_register_too(staff: Page) -> None:
    staff.goto("/register/?shown=open")
    staff.keyboard.press("j")
    staff.keyboard.press("j")

    expect(staff.locator("tr[data-here]")).to_have_count(1)
    expect(staff.locator("tr[data-here] th a")).to_be_focused()


def test_an_abbreviation_in_the_head_of_a_table_is_explained_where_the_head_is_seen(staff: Page) -> None:
    staff.goto("/")
    staff.locator("thead .ll-term", has_text="RFS").first.focus()
    expect(staff.get_by_role("tooltip")).to_contain_text("Ready for service")

    staff.set_viewport_size({"width": 360, "height": 780})
    with staff.expect_response("**/glossary/terms.json"):
        staff.reload()

    expect(staff.locator("thead .ll-term")).to_have_count(0)


def test_an_abbreviation_within_a_sentence_stays_within_it_on_a_phone(sign_in: Callable[[Any], Page]) -> None:
    page = sign_in(MembershipFactory.create(role=Role.ADMINISTRATOR).person)
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto("/set-up/")
    term = page.locator("td .ll-term").first
    expect(term).to_be_visible()

    sentence = term.evaluate("button => [button.parentElement.tagName, button.parentElement.textContent.trim()]")
    assert sentence == ["SPAN", "Systems that call the API, each with an account of its own and the rights of a role."]
