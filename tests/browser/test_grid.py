"""The grid in a browser: typed and pasted as in a sheet, two people at one date, and a lost session."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from procurement.models import DeliveryLot
from procurement.services import grid_edits
from procurement.services.grid_edits import Edit
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Promise
from sites.vocabulary import PromiseSource
from tests.factories.procurement import DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db(transaction=True)

PASTE = """text => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  document.querySelector("[data-grid]").dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""

# A page down at a time, as fast as frames are drawn: what each shows before the grid has answered to the scrolling.
SCROLL = """() => new Promise(done => {
  const holder = document.querySelector(".tabulator-tableholder"), box = holder.getBoundingClientRect();
  const blanks = [];
  let frames = 0;
  function down() {
    holder.scrollTop += holder.clientHeight;
    frames += 1;
    for (let y = box.top + 4; y < box.top + holder.clientHeight - 4; y += 16) {
      const row = document.elementFromPoint(box.left + 400, y).closest(".tabulator-row");
      if (!row || !row.textContent.includes("4500016221")) blanks.push(Math.round(holder.scrollTop + y - box.top));
    }
    if (holder.scrollTop + holder.clientHeight >= holder.scrollHeight - 1) done([frames, blanks]);
    else requestAnimationFrame(down);
  }
  down();
})"""


@pytest.fixture
def lots() -> list[DeliveryLot]:
    site, order = SiteFactory.create(code="SYD1"), PurchaseOrderFactory.create(number="4500016221")
    return [
        DeliveryLotFactory.create(
            site=site, schedule_line__line__order=order, schedule_line__line__number=10 * (place + 1)
        )
        for place in range(4)
    ]


@pytest.fixture
def grid(sign_in: Callable[[Any], Page], lots: list[DeliveryLot]) -> Page:
    page = sign_in(MembershipFactory.create(role=Role.EXPEDITER, person__name="Edith").person)
    page.goto("/log/grid/?sort=line")
    expect(page.locator("[data-grid][data-ready]")).to_be_visible()
    return page


def promise_cell(page: Page, place: int) -> Any:
    return page.locator(".tabulator-row").nth(place).locator('[tabulator-field="promise"]')


def test_a_pasted_block_saves_what_is_right_and_marks_what_is_wrong(grid: Page) -> None:
    promise_cell(grid, 0).click()
    grid.evaluate(PASTE, "W23/2099\nsometime\nJun 2099\nTBD\n")
    expect(grid.get_by_text("4 not saved, 0 wrong")).to_be_visible()

    grid.get_by_role("button", name="Save").click()

    expect(grid.get_by_text("3 saved, 1 not saved")).to_be_visible()
    expect(promise_cell(grid, 0)).to_have_text("2099-W23")
    assert "ll-wrong" in (promise_cell(grid, 1).get_attribute("class") or "")
    assert Promise.objects.count() == 3


def test_tab_goes_from_the_promise_to_its_reason(grid: Page) -> None:
    reason = grid.locator(".tabulator-row").nth(0).locator('[tabulator-field="reason"]')
    promise_cell(grid, 0).click()
    grid.keyboard.press("F2")
    grid.keyboard.type("CW30")
    grid.keyboard.press("Tab")
    expect(reason.locator("select")).to_be_focused()
    reason.locator("select").select_option("sub_supplier")
    grid.keyboard.press("Tab")

    expect(reason).to_have_text("Sub-supplier")
    expect(promise_cell(grid, 0)).to_have_text("CW30")
    expect(grid.get_by_text("1 not saved, 0 wrong")).to_be_visible()


def test_keys_edit_fill_down_and_undo(grid: Page) -> None:
    promise_cell(grid, 0).click()
    grid.keyboard.press("F2")
    grid.keyboard.type("CW30")
    grid.keyboard.press("Enter")
    expect(promise_cell(grid, 0)).to_have_text("CW30")

    promise_cell(grid, 0).click()
    promise_cell(grid, 2).click(modifiers=["Shift"])
    grid.keyboard.press("Control+d")
    expect(promise_cell(grid, 2)).to_have_text("CW30")
    grid.keyboard.press("Control+z")

    expect(promise_cell(grid, 2)).to_have_text("")
    expect(promise_cell(grid, 0)).to_have_text("CW30")


def test_a_conflict_shows_both_values_and_the_other_person(grid: Page, lots: list[DeliveryLot]) -> None:
    other: User = MembershipFactory.create(role=Role.BUYER, person__name="Olga Other").person
    grid_edits.save(
        [Edit(lots[0].schedule_line_id, "2099-05-21", "")],
        stated_on=date(2026, 11, 20),
        source=PromiseSource.EMAIL,
        document="",
        actor=other,
        now=datetime.now(UTC),
    )
    promise_cell(grid, 0).click()
    grid.evaluate(PASTE, "2099-W30")

    grid.get_by_role("button", name="Save").click()

    dialog = grid.get_by_role("dialog")
    expect(dialog).to_contain_text("Yours: 2099-W30")
    expect(dialog).to_contain_text("Theirs: 2099-05-21 (by Olga Other")
    dialog.get_by_role("button", name="Write mine").click()
    expect(grid.get_by_text("1 saved")).to_be_visible()
    assert sorted(Promise.objects.filter(milestone__code="ON_SITE").values_list("value", flat=True)) == [
        "2099-05-21", "2099-W30",
    ]  # fmt: skip


def test_what_was_typed_outlives_a_lost_session(grid: Page) -> None:
    promise_cell(grid, 1).click()
    grid.evaluate(PASTE, "2099-W30")
    cookies = grid.context.cookies()
    grid.context.clear_cookies(name="longlead_session")

    grid.get_by_role("button", name="Save").click()
    expect(grid.get_by_text("You are signed out")).to_be_visible()
    grid.context.add_cookies([{"name": each["name"], "value": each["value"], "url": grid.url} for each in cookies])
    grid.on("dialog", lambda asked: asked.accept())
    grid.reload()

    expect(grid.get_by_text("What you typed before is back: 1 rows")).to_be_visible()
    expect(promise_cell(grid, 1)).to_have_text("2099-W30")


def test_of_500_pasted_rows_497_are_saved_and_the_three_wrong_ones_marked(
    sign_in: Callable[[Any], Page],
) -> None:
    site, order = SiteFactory.create(code="SYD1"), PurchaseOrderFactory.create(number="4500016221")
    for place in range(500):
        DeliveryLotFactory.create(
            site=site, schedule_line__line__order=order, schedule_line__line__number=10 * (place + 1)
        )
    page = sign_in(MembershipFactory.create(role=Role.EXPEDITER).person)
    page.set_default_timeout(120_000)
    page.goto("/log/grid/?sort=line")
    expect(page.locator("[data-grid][data-ready]")).to_be_visible()
    wrong = {7: "soon", 250: "31/02/2099", 499: "2099-02-30"}

    promise_cell(page, 0).click()
    page.evaluate(PASTE, "\n".join(wrong.get(place, "Jun 2099") for place in range(500)))
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("497 saved, 3 not saved")).to_be_visible(timeout=120_000)
    assert Promise.objects.count() == 497
    assert "ll-wrong" in (promise_cell(page, 7).get_attribute("class") or "")
    expect(promise_cell(page, 7)).to_have_text("soon")


def test_a_lost_connection_loses_nothing_that_was_typed(grid: Page) -> None:
    promise_cell(grid, 0).click()
    grid.evaluate(PASTE, "2099-W30\nTBD")
    grid.context.set_offline(True)
    grid.get_by_role("button", name="Save").click()
    expect(grid.get_by_text("The connection is lost")).to_be_visible()
    expect(promise_cell(grid, 1)).to_have_text("TBD")

    grid.context.set_offline(False)
    grid.get_by_role("button", name="Save").click()

    expect(grid.get_by_text("2 saved")).to_be_visible(timeout=30_000)
    assert Promise.objects.count() == 2


def test_one_reason_serves_all_rows_that_name_none(grid: Page) -> None:
    promise_cell(grid, 0).click()
    promise_cell(grid, 3).click(modifiers=["Shift"])
    grid.get_by_label("One promise for the chosen rows").fill("Q3 2099")
    grid.get_by_role("button", name="Fill in").click()
    grid.get_by_label("Reason, where a row says none").select_option("capacity")

    grid.get_by_role("button", name="Save").click()

    expect(grid.get_by_text("4 saved")).to_be_visible(timeout=30_000)
    assert set(Promise.objects.values_list("value", "reason_code")) == {("2099-Q3", "capacity")}
    assert Promise.objects.values("statement_id").distinct().count() == 1


def test_what_happened_and_what_is_pinned_are_typed_beside_promises(grid: Page, lots: list[DeliveryLot]) -> None:
    def cell(place: int, field: str) -> Any:
        return grid.locator(".tabulator-row").nth(place).locator(f'[tabulator-field="{field}"]')

    cell(0, "actual").click()
    grid.evaluate(PASTE, "2026-11-18\nlast week")
    cell(2, "lock").click()
    grid.evaluate(PASTE, "2099-06-30")
    cell(2, "note").click()
    grid.evaluate(PASTE, "Their plant is shut in May")

    grid.get_by_role("button", name="Save").click()

    expect(grid.get_by_text("2 saved, 1 not saved")).to_be_visible(timeout=30_000)
    assert "ll-wrong" in (cell(1, "actual").get_attribute("class") or "")
    assert "ll-wrong" not in (cell(1, "promise").get_attribute("class") or "")
    expect(cell(1, "actual")).to_have_text("last week")
    steps = [lot.chain.milestones.get(code=lot.schedule_line.contract_step) for lot in lots]
    assert (str(steps[0].actual_on), str(steps[2].locked_on)) == ("2026-11-18", "2099-06-30")
    assert steps[2].lock_reason == "Their plant is shut in May"


def test_escape_takes_back_and_a_block_is_copied(grid: Page) -> None:
    promise_cell(grid, 0).click()
    grid.keyboard.press("Enter")
    grid.keyboard.type("CW30")
    grid.keyboard.press("Escape")
    expect(promise_cell(grid, 0)).to_have_text("")
    grid.evaluate(PASTE, "CW31\nTBD")
    grid.context.grant_permissions(["clipboard-read", "clipboard-write"])
    promise_cell(grid, 0).click()
    promise_cell(grid, 1).click(modifiers=["Shift"])

    grid.keyboard.press("Control+c")

    assert grid.evaluate("navigator.clipboard.readText()") == "CW31\nTBD"


def test_5000_lines_scroll_without_a_blank(sign_in: Callable[[Any], Page], lots: list[DeliveryLot]) -> None:
    page = sign_in(MembershipFactory.create(role=Role.EXPEDITER).person)

    def many(route: Route) -> None:
        """The four lines of the server as often as makes five thousand of them."""
        answer = route.fetch()
        found = answer.json()
        key = found["fields"].index("key")
        lines = [
            [*line[:key], f"{line[key]}-{turn}", *line[key + 1 :]] for turn in range(1250) for line in found["rows"]
        ]
        route.fulfill(response=answer, body=json.dumps(found | {"rows": lines}))

    page.route("**/log/grid/rows/*", many)
    page.goto("/log/grid/?sort=line")
    expect(page.locator("[data-grid][data-ready]")).to_be_visible(timeout=30_000)

    frames, blanks = page.evaluate(SCROLL)

    assert (frames > 100, blanks) == (True, [])
    expect(page.locator(".tabulator-row").last).to_contain_text("4500016221/40/")
