"""A schedule through a browser: uploaded, seen for what it changes, accepted with a reason, rolled back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sites.accounts.permissions import Role
from sites.models import ScheduleRevision, Site
from sites.vocabulary import RevisionState
from tests.factories.accounts import UserFactory
from tests.factories.sites import GateFactory, MembershipFactory, SiteFactory
from tests.sites.readers.xer import projects, task, tasks, xer

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = xer(projects(("1", "BUILD")), tasks(task("1", "A100", task_name="Roof tight"), task("2", "A200")))
# A month later by its data date, the roof a week later, and one activity gone.
SECOND = xer(
    projects(("1", "BUILD"), data_date="2026-12-20 08:00"),
    tasks(
        task(
            "1", "A100", task_name="Roof tight", early_start_date="2027-01-18 08:00", early_end_date="2027-02-12 17:00"
        )
    ),
)


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1", name="Sydney West")


@pytest.fixture
def planner(site: Site) -> Any:
    """May upload, and accept what was uploaded."""
    person = UserFactory.create()
    for role in (Role.SITE_LEAD, Role.APPROVER):
        MembershipFactory.create(person=person, site=site, role=role)
    return person


def upload(page: Page, folder: Path, content: bytes, name: str) -> None:
    file = folder / name
    file.write_bytes(content)
    page.goto("/sites/SYD1/schedules/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Read it into quarantine").click()


def decide(page: Page, what: str, reason: str) -> None:
    """Opens the form where it is folded, and sends it."""
    form = page.locator(f"details#{what}")
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    form.get_by_label("Reason").fill(reason)
    form.get_by_role("button").click()


def states() -> dict[str, str]:
    return {row.file_name: row.state for row in ScheduleRevision.objects.all()}


def test_a_schedule_is_uploaded_compared_accepted_and_rolled_back(
    sign_in: Callable[[Any], Page], site: Site, planner: Any, tmp_path: Path
) -> None:
    page = sign_in(planner)
    upload(page, tmp_path, FIRST, "november.xer")
    expect(page.get_by_text("Read whole, and quarantined")).to_be_visible()
    decide(page, "accept", "The signed programme")
    expect(page.get_by_text("Accepted", exact=True).first).to_be_visible()
    gate = GateFactory.create(site=site, name="Hall dry", project_code="BUILD", activity_code="A200")

    upload(page, tmp_path, SECOND, "december.xer")

    # The difference: what moved, what is gone, what hangs on it, and that somebody has to say why.
    expect(page.get_by_role("heading", name="Something about this schedule is odd")).to_be_visible()
    expect(page.locator("#moved").get_by_text("+7")).to_be_visible()
    expect(page.locator("#removed").get_by_text("A200")).to_be_visible()
    expect(page.locator("#bound").get_by_text("Hall dry")).to_be_visible()
    decide(page, "accept", "")
    expect(page.locator("details#accept .ll-error")).to_be_visible()
    decide(page, "accept", "The activity was merged into A100")
    expect(page.get_by_text("The activity was merged into A100")).to_be_visible()
    assert states() == {"november.xer": RevisionState.SUPERSEDED, "december.xer": RevisionState.ACCEPTED}

    decide(page, "roll-back", "The wrong file was sent")

    expect(page.get_by_text("Rolled back. Dates that moved")).to_be_visible()
    assert states() == {"november.xer": RevisionState.ACCEPTED, "december.xer": RevisionState.ROLLED_BACK}
    gate.refresh_from_db()
    assert gate.activity_code == "A200"
    page.goto("/sites/SYD1/schedules/")
    expect(page.get_by_text("The wrong file was sent")).to_be_visible()


def test_a_cut_file_is_refused_with_its_place_and_activities_lead_to_their_path(
    sign_in: Callable[[Any], Page], site: Site, planner: Any, tmp_path: Path
) -> None:
    page = sign_in(planner)

    upload(page, tmp_path, FIRST.replace(b"%E", b""), "cut.xer")

    expect(page.get_by_text("it is cut off")).to_be_visible()
    assert ScheduleRevision.objects.count() == 0

    upload(page, tmp_path, FIRST, "whole.xer")
    page.get_by_role("link", name="Activities", exact=True).click()
    page.get_by_label("Search activity id and name").fill("roof")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name="A200")).to_have_count(0)
    page.get_by_role("link", name="A100").click()
    expect(page.get_by_role("img", name="Driving path on a calendar")).to_be_visible()
    expect(page.get_by_role("table", name="Dates of the activity in every revision")).to_be_visible()
