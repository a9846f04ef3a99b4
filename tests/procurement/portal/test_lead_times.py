"""The pages of lead times and of a requirement's choice, through a browser's requests."""

from typing import Any

import pytest
from django.test import Client

from procurement.models import LeadTimeObservation, Requirement
from procurement.queries.lead_time import CHOICES_ACHIEVED, CLASS_PAGE_SIZE, choices_for
from sites.accounts.permissions import Role
from tests.factories.procurement import LeadTimeFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import Place, browser_of
from tests.procurement.portal.test_markup import Page

pytestmark = pytest.mark.django_db

QUOTED = {
    "kind": "quoted", "low_weeks": "40", "high_weeks": "48", "basis_from": "PO_ISSUED", "basis_to": "RTS",
    "as_of": "2026-11-01", "source": "Quotation 18",
}  # fmt: skip


@pytest.fixture
def planner() -> Client:
    """A buyer of the whole portfolio."""
    return browser_of(MembershipFactory.create(role=Role.BUYER).person)


def class_url(place: Place) -> str:
    return f"/lead-times/{place.unordered.equipment_class.code}/"


def post(client: Client, url: str, **given: Any) -> Any:
    return client.post(url, given)


def test_the_page_of_a_class_shows_spread_trend_and_rows(planner: Client, sydney: Place) -> None:
    for month in (3, 6):
        LeadTimeFactory.create(
            equipment_class=sydney.unordered.equipment_class,
            kind="market",
            source=f"Cost index, {month}",
            as_of=f"2026-{month:02}-01",
        )

    html = planner.get(class_url(sydney)).content.decode()

    assert "Spread and age" in html
    assert "Published trend" in html
    page = Page(html)
    assert (page.unlabelled, page.tables) == ([], page.captions)


def test_what_was_stated_is_paged_and_what_was_achieved_is_folded(planner: Client, sydney: Place) -> None:
    found = sydney.unordered.equipment_class
    for place in range(CLASS_PAGE_SIZE + 1):
        LeadTimeFactory.create(equipment_class=found, kind="market", source=f"Stated {place:02}", as_of="2026-06-01")
        LeadTimeFactory.create(
            equipment_class=found, kind="achieved", source=f"Achieved {place:02}", as_of="2026-06-01"
        )

    first, second = (planner.get(f"{class_url(sydney)}?page={page}").content.decode() for page in (1, 2))

    shown = [html.partition('id="rows-head"')[2] for html in (first, second)]
    assert "Page 1 of 2" in first
    assert [text in shown[0] for text in ("Stated 00", "Stated 25")] == [True, False]
    assert [text in shown[1] for text in ("Stated 00", "Stated 25")] == [False, True]
    assert "Achieved by 26 completed lines" in first
    assert ["Achieved 24" in shown[0], "Achieved 25" in shown[0]] == [True, False]
    page = Page(first)
    assert (page.inline, page.unlabelled, page.tables) == ([], [], page.captions)


def test_an_observation_is_added_through_its_form(planner: Client, sydney: Place) -> None:
    answer = post(planner, f"{class_url(sydney)}add/", **QUOTED)

    assert answer.status_code == 302
    assert LeadTimeObservation.objects.filter(source="Quotation 18").count() == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [({"as_of": ""}, "as_of"), ({"basis_from": ""}, "basis_from"), ({"low_weeks": "49"}, "low_weeks")],
)
def test_without_basis_or_date_or_with_low_above_high_nothing_is_saved(
    planner: Client, sydney: Place, given: dict[str, str], field: str
) -> None:
    answer = post(planner, f"{class_url(sydney)}add/", **{**QUOTED, **given})

    assert answer.status_code == 422
    assert f'id="add-{field}_error"' in answer.content.decode()
    assert not LeadTimeObservation.objects.filter(source="Quotation 18").exists()


def test_one_is_retired_and_a_circle_of_stand_ins_refused(planner: Client, sydney: Place) -> None:
    observation = sydney.unordered.lead_time
    assert observation is not None

    answer = post(planner, f"{class_url(sydney)}retire/", observation=str(observation.pk), why="Withdrawn")
    assert answer.status_code == 302

    code = observation.equipment_class.pk
    assert post(planner, f"{class_url(sydney)}fallback/", fallback=str(code)).status_code == 422


def test_who_may_not_write_sees_no_form_and_is_refused(browser: Client, sydney: Place) -> None:
    assert "Add an observation" not in browser.get(class_url(sydney)).content.decode()
    assert post(browser, f"{class_url(sydney)}add/", **QUOTED).status_code == 403


def test_a_planner_takes_a_percentile_of_two_and_keeps_the_reason(planner: Client, sydney: Place) -> None:
    rows = [sydney.unordered.lead_time, LeadTimeFactory.create(equipment_class=sydney.unordered.equipment_class)]

    answer = post(
        planner,
        f"/requirements/{sydney.unordered.pk}/lead-time/",
        observations=[str(row.pk) for row in rows if row],
        percentile="80",
        why="Two makers",
    )

    assert answer.status_code == 302
    planned = Requirement.objects.get(pk=sydney.unordered.pk)
    assert (planned.lead_time_percentile, planned.lead_time_reason) == (80, "Two makers")
    assert "P80 of the high ends of 2 observations" in planner.get(f"/requirements/{planned.pk}/").content.decode()


def test_the_form_shows_what_counts_now_and_the_reason_is_in_the_history(planner: Client, sydney: Place) -> None:
    need = sydney.unordered
    other = LeadTimeFactory.create(equipment_class=need.equipment_class)
    assert need.lead_time is not None
    post(planner, f"/requirements/{need.pk}/lead-time/", observations=[str(other.pk)], weeks="41.5", why="Asked them")

    html = planner.get(f"/requirements/{need.pk}/").content.decode()

    box = html.index(f'value="{other.pk}"')
    assert str(need.lead_time_id) in html
    assert (html.count("checked"), "checked" in html[box : html.index(">", box)]) == (1, True)
    assert 'name="weeks" value="41.5"' in html
    assert "Asked them" in planner.get(f"/notes/requirement/{need.pk}/").content.decode()


def test_observations_between_other_steps_are_refused_at_the_field_and_stay_ticked(
    planner: Client, sydney: Place
) -> None:
    need = sydney.unordered
    shorter = LeadTimeFactory.create(equipment_class=need.equipment_class, basis_to="FAT_PASS")
    keys = [str(need.lead_time_id), str(shorter.pk)]

    answer = post(planner, f"/requirements/{need.pk}/lead-time/", observations=keys, percentile="80", why="Both")

    html = answer.content.decode()
    assert (answer.status_code, html.count("checked")) == (422, 2)
    assert "same two steps" in html[html.index('id="lead-observations_error"') :]


def test_of_what_was_achieved_only_the_last_are_offered_and_what_counts_now(planner: Client, sydney: Place) -> None:
    need = sydney.unordered
    for day in range(1, CHOICES_ACHIEVED + 3):
        LeadTimeFactory.create(equipment_class=need.equipment_class, kind="achieved", as_of=f"2026-10-{day:02}")

    found = choices_for(need)

    achieved = [row.as_of.day for row in found.rows if row.kind == "achieved"]
    assert achieved == list(range(CHOICES_ACHIEVED + 2, 2, -1))
    assert found.chosen == (need.lead_time_id,)
    assert need.lead_time_id in {row.pk for row in found.rows}


def test_no_observation_goes_back_to_the_usual_durations(planner: Client, sydney: Place) -> None:
    answer = post(planner, f"/requirements/{sydney.unordered.pk}/lead-time/", why="Too old")

    assert answer.status_code == 302
    assert Requirement.objects.get(pk=sydney.unordered.pk).lead_time is None


def test_the_required_date_is_fixed_with_a_reason(planner: Client, sydney: Place) -> None:
    url = f"/requirements/{sydney.unordered.pk}/required/"

    assert post(planner, url, required_on="2027-08-02").status_code == 422
    assert post(planner, url, required_on="2027-08-02", why="Agreed").status_code == 302
    assert str(Requirement.objects.get(pk=sydney.unordered.pk).required_on_site) == "2027-08-02"


def test_a_requirement_that_is_not_ordered_says_why_in_one_sentence(browser: Client, sydney: Place) -> None:
    html = browser.get(f"/requirements/{sydney.unordered.pk}/").content.decode()

    assert "SYD1 asked for it by 20 Sep 2027; nothing is ordered yet, so it counts as if ordered on 20 Nov 2026" in html
