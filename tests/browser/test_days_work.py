"""A day's work in a browser: what is late, what changed, a colleague's view, the tour, and all of it in Japanese."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from playwright.sync_api import Page, Route, expect

from procurement.domain.revision import DateRevision
from procurement.services import dates
from procurement.vocabulary import RevisionKind
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.imprecise import read_as_said
from sites.vocabulary import PromiseSource
from tests.factories.procurement import DeliveryLotFactory, SavedViewFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.procurement.portal.conftest import Place, make_place

pytestmark = pytest.mark.django_db(transaction=True)

# What has the focus, and whether it can be seen there.
FOCUSED = """() => {
  const focused = document.activeElement, box = focused.getBoundingClientRect();
  const top = document.elementFromPoint(box.left + Math.min(box.width / 2, 20), box.top + box.height / 2);
  const isSeen = Boolean(top) && (focused.contains(top) || top.contains(focused));
  return [focused.name || focused.textContent.trim().slice(0, 30), isSeen];
}"""
LATER = datetime(2099, 1, 10, 3, tzinfo=UTC)


@pytest.fixture
def expediter() -> User:
    return MembershipFactory.create(role=Role.EXPEDITER, person__name="Edith Expediter").person


@pytest.fixture
def sydney(expediter: User) -> Place:
    """A late chiller, and a line that is in time."""
    place = make_place(SiteFactory.create(code="SYD1"), told=expediter)
    DeliveryLotFactory.create(site=place.site)
    return place


def rows(page: Page) -> Any:
    return page.locator(".ll-log tbody tr")


def test_what_is_late_at_a_site_is_found(sign_in: Callable[[Any], Page], expediter: User, sydney: Place) -> None:
    make_place(SiteFactory.create(code="TYO1", tokyo=True), told=expediter)
    page = sign_in(expediter)
    page.get_by_role("link", name="Log", exact=True).click()
    expect(rows(page)).to_have_count(3)

    page.get_by_label("Site", exact=True).select_option("SYD1")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Late only").check()

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Late")
    # Swapped without a new page: the focus stays where it was, the count is read out, the address can be sent on.
    expect(page.get_by_label("Late only")).to_be_focused()
    expect(page.locator("[data-log-said]")).to_contain_text("1 line, 1 late")
    assert "site=SYD1" in page.url
    assert "late=1" in page.url
    # Three clicks from there to the evidence: the line, the promise with its document.
    rows(page).locator("[data-line]").click()
    expect(page.get_by_text("Mail of 1 October").first).to_be_visible()


def test_a_choice_made_before_the_scripts_have_come_is_heard(
    sign_in: Callable[[Any], Page], expediter: User, sydney: Place
) -> None:
    make_place(SiteFactory.create(code="TYO1", tokyo=True), told=expediter)
    page = sign_in(expediter)
    held: list[Route] = []
    page.route("**/htmx*.js", lambda route: held.append(route))
    page.goto("/log/", wait_until="commit")
    page.get_by_label("Site", exact=True).select_option("SYD1")
    expect(rows(page)).to_have_count(3)

    held[0].continue_()

    expect(rows(page)).to_have_count(2)
    assert "site=SYD1" in page.url


@pytest.fixture
def years_later(sydney: Place) -> Iterator[None]:
    """History is stamped by the clock of the database, which nothing here can turn: so all of it is long past."""
    with time_machine.travel(LATER):
        yield


@pytest.mark.usefixtures("years_later")
def test_what_changed_since_monday_shows_the_old_value(
    sign_in: Callable[[Any], Page], expediter: User, sydney: Place
) -> None:
    line = sydney.lot.schedule_line
    dates.record(
        order_id=line.line.order_id,
        revisions=[
            DateRevision(
                kind=RevisionKind.PROMISE,
                line_number=line.line.number,
                milestone="FAT_PASS",
                said=read_as_said("2099-12-01", as_of=LATER.date()),
            )
        ],
        stated_on=LATER.date(),
        source=PromiseSource.EMAIL,
        document="Mail",
        actor=expediter,
        now=LATER,
    )
    page = sign_in(expediter)
    page.goto("/log/?columns=forecast,float")
    page.get_by_text("More filters").click()
    page.get_by_label("Changed since").select_option("monday")
    expect(page.get_by_text("Compared with the end of 5 Jan 2099")).to_be_visible()
    expect(rows(page)).to_have_count(2)

    page.get_by_label("Changed only").check()

    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator("del.ll-was").first).to_contain_text("31 Aug")


def test_a_shared_view_shows_a_colleague_only_their_sites(
    sign_in: Callable[[Any], Page], expediter: User, sydney: Place
) -> None:
    tokyo = make_place(SiteFactory.create(code="TYO1", tokyo=True), told=expediter)
    SavedViewFactory.create(
        owner=expediter, shared=True, name="Late ones", slug="late-ones", query="late=1&columns=float"
    )
    page = sign_in(MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person)

    page.goto("/log/?view=late-ones")

    expect(rows(page)).to_have_count(1)
    expect(page.get_by_text("Late ones").first).to_be_attached()
    assert tokyo.site.name not in page.content()
    assert page.locator(".ll-log thead th").all_inner_texts() == ["Site", "Order / line", "Float, days"]
    page.goto("/views/")
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)


def test_the_tour_ends_with_a_view_of_one_s_own(sign_in: Callable[[Any], Page], expediter: User, sydney: Place) -> None:
    page = sign_in(expediter)
    page.locator("details[data-menu] summary").last.click()
    page.get_by_role("link", name="Take the tour").click()
    heads = []
    tour = page.locator(".ll-tour")
    for number in range(1, 7):
        expect(tour).to_contain_text(f"{number}/6")
        heads.append(tour.get_by_role("heading").inner_text())
        if number < 6:
            tour.get_by_role("link", name="Go on").click()
    assert heads[0].endswith("What is late")
    assert heads[-1].endswith("Keep your own list")

    page.get_by_label("Name of the view").fill("What is late")
    page.get_by_role("button", name="Save the view").click()

    expect(page.get_by_text("The view is saved.")).to_be_visible()


def test_the_log_speaks_japanese(sign_in: Callable[[Any], Page], expediter: User, sydney: Place) -> None:
    page = sign_in(expediter)
    page.locator("details[data-menu] summary").last.click()
    page.get_by_role("button", name="日本語").click()
    page.wait_for_load_state()

    page.goto("/log/?columns=ros,forecast")

    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(rows(page).first).to_contain_text("2027/06/01")
    page.goto("/log/grid/")
    expect(page.locator("[data-grid][data-ready]")).to_be_visible()
    expect(page.locator(".tabulator-col-title").first).to_have_text("拠点")


def test_a_line_is_found_late_and_its_promise_recorded_by_keys_alone(
    sign_in: Callable[[Any], Page], expediter: User, sydney: Place
) -> None:
    """No pointer: the palette to the line, Tab to the form, Enter to send it; nothing focused is hidden."""
    page = sign_in(expediter)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill(sydney.lot.schedule_line.line.order.number)
    expect(page.get_by_role("option", name=sydney.lot.schedule_line.line.order.number).first).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/**")
    page.goto(f"/lines/{sydney.line_key}/")

    reached = []
    for _each in range(120):
        page.keyboard.press("Tab")
        seen = page.evaluate(FOCUSED)
        reached.append(seen)
        if seen[0] == "Record a promise":
            break

    assert reached[-1][0] == "Record a promise"
    assert [name for name, is_seen in reached if not is_seen] == []
