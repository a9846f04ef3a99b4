"""The schedule pages: a file goes into quarantine, shows what it changes, is accepted, rejected or rolled back."""

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.models import Requirement
from procurement.queries import anchors
from procurement.queries.anchors import anchors_view
from procurement.queries.schedule_activities import ActivityFilter, activity_page
from procurement.queries.schedule_revisions import across_revisions, site_revisions
from procurement.vocabulary import RosRule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import AnchorRule, ScheduleRevision, Site
from sites.vocabulary import RevisionState
from tests.factories.procurement import AllocationFactory, DeliveryLotFactory, RequirementFactory, RosAnchorFactory
from tests.factories.sites import (
    ActivityFactory,
    GateFactory,
    MembershipFactory,
    ScheduleDecisionFactory,
    ScheduleRevisionFactory,
    SiteFactory,
)
from tests.procurement.management.test_import_schedule import SAMPLES
from tests.procurement.portal.conftest import browser_of
from tests.procurement.portal.test_markup import Page
from tests.procurement.queries.test_schedule_impact import schedule
from tests.samples import sample
from tests.sites.readers.test_schedule_file import BOMB, LATE_TYPE, OUTSIDE
from tests.sites.readers.xer import projects, task, tasks, xer

pytestmark = pytest.mark.django_db

FIRST = xer(projects(("1", "BUILD")), tasks(task("1", "A100"), task("2", "A200")))
MOVED = xer(
    projects(("1", "BUILD"), data_date="2026-12-20 08:00"),
    tasks(task("1", "A100", early_start_date="2027-01-18 08:00", early_end_date="2027-02-12 17:00"), task("3", "A300")),
)
BACK = xer(projects(("1", "BUILD"), data_date="2026-10-20 08:00"), tasks(task("1", "A100"), task("2", "A200")))


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


@pytest.fixture
def planner(site: Site) -> Client:
    return browser_of(MembershipFactory.create(site=site, role=Role.SITE_LEAD).person)


@pytest.fixture
def approver(site: Site) -> Client:
    return browser_of(MembershipFactory.create(site=site, role=Role.APPROVER).person)


def upload(browser: Client, content: bytes, name: str = "build.xer", **said: str) -> Any:
    file = SimpleUploadedFile(name, content)
    return browser.post("/sites/SYD1/schedules/upload/", {"file": file, **said})


def uploaded(browser: Client, content: bytes) -> str:
    """The address of the revision's page."""
    return str(upload(browser, content).headers["Location"])


def accepted(planner: Client, approver: Client, content: bytes, reason: str = "") -> str:
    address = uploaded(planner, content)
    assert approver.post(f"{address}accept/", {"reason": reason}).status_code == 302
    return address


def only_revision() -> ScheduleRevision:
    return ScheduleRevision.objects.get()


def test_a_file_is_read_whole_and_moves_nothing(planner: Client) -> None:
    answer = upload(planner, FIRST)

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/schedules/{only_revision().pk}/")
    assert only_revision().state == RevisionState.QUARANTINED
    assert only_revision().activities.count() == 2


def test_a_bad_file_is_refused_with_its_reason_and_place_and_nothing_is_kept(planner: Client) -> None:
    answer = upload(planner, FIRST.replace(b"%E", b""))

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "it is cut off" in html
    assert "line" in html
    assert ScheduleRevision.objects.count() == 0


@pytest.mark.parametrize("content", [BOMB, OUTSIDE, LATE_TYPE, b"", b"PK\x03\x04" + bytes(64), b"%PDF-1.7"])
def test_a_hostile_or_wrong_file_is_refused_and_the_pages_go_on(planner: Client, content: bytes) -> None:
    assert upload(planner, content).status_code == 422
    assert ScheduleRevision.objects.count() == 0
    assert planner.get("/sites/SYD1/schedules/").status_code == 200


@pytest.mark.parametrize("name", SAMPLES)
def test_files_that_the_tools_themselves_wrote_are_imported(planner: Client, name: str) -> None:
    answer = upload(planner, sample(name).read_bytes(), name)

    assert answer.headers["Location"] == f"/schedules/{only_revision().pk}/"
    assert only_revision().activities.count() == SAMPLES[name]
    assert planner.get(answer.headers["Location"]).status_code == 200


def test_no_file_at_all_is_said_at_the_field(planner: Client) -> None:
    answer = planner.post("/sites/SYD1/schedules/upload/", {})

    assert (answer.status_code, "This field is required" in answer.content.decode()) == (422, True)


def test_a_file_of_several_projects_asks_which(planner: Client) -> None:
    both = xer(projects(("1", "BUILD"), ("2", "FITOUT")), tasks(task("1", "A100"), task("2", "B100", "2")))

    asked = upload(planner, both)
    told = upload(planner, both, project_code="FITOUT")

    assert (asked.status_code, "BUILD, FITOUT" in asked.content.decode()) == (422, True)
    assert (told.status_code, only_revision().project_code) == (302, "FITOUT")


def test_an_update_under_another_name_can_be_said_to_be_one(planner: Client, approver: Client) -> None:
    accepted(planner, approver, FIRST)
    renamed = xer(projects(("1", "BUILD-2"), data_date="2026-12-20 08:00"), tasks(task("1", "A100")))

    upload(planner, renamed, update_of="BUILD")

    assert set(ScheduleRevision.objects.values_list("project_code", flat=True)) == {"BUILD"}


def test_who_may_not_upload_sees_no_form_and_is_refused(approver: Client) -> None:
    assert 'type="file"' not in approver.get("/sites/SYD1/schedules/").content.decode()
    assert upload(approver, FIRST).status_code == 403


def test_the_difference_says_what_moves_comes_and_goes(planner: Client, approver: Client) -> None:
    accepted(planner, approver, FIRST)

    html = planner.get(uploaded(planner, MOVED)).content.decode()

    assert "A300" in html  # added
    assert "A200" in html  # removed
    assert "+7" in html  # A100, by a week


def test_the_difference_says_what_becomes_of_each_gate_and_requirement(
    planner: Client, approver: Client, site: Site
) -> None:
    """A100 goes from 11 to 18 January; A200 is gone."""
    accepted(planner, approver, FIRST)
    following = {"site": site, "ros_rule": RosRule.ANCHORED, "ros_fixed_on": None, "shake_out_days": 10}
    following |= {"shake_out_basis": "calendar"}
    lot = DeliveryLotFactory.create(schedule_line__site=site)
    equipment_class = lot.schedule_line.line.equipment_class
    moved = RequirementFactory.create(tag="T1", equipment_class=equipment_class, **following)
    gone = RequirementFactory.create(tag="T2", **following)
    for requirement, code in ((moved, "A100"), (gone, "A200")):
        RosAnchorFactory.create(
            requirement=requirement, gate=None, project_code="BUILD", activity_code=code, edge="start",
            last_on=date(2027, 1, 11),
        )  # fmt: skip
    AllocationFactory.create(lot=lot, requirement=moved)

    answer = planner.get(uploaded(planner, MOVED))

    rows = {row.bound.subject: row for row in answer.context["followers"].moving}
    assert (rows["T2"].bound.is_lost, rows["T2"].bound.last_on) == (True, date(2027, 1, 11))
    assert rows["T1"].effect.required_after_on == date(2027, 1, 8)
    assert [each.url for each in rows["T1"].lots] == [f"/lines/{lot.schedule_line.line_id}/"]
    assert answer.context["followers"].staying == ()


def test_a_gate_shows_the_lots_of_the_requirements_that_follow_it(
    planner: Client, approver: Client, site: Site
) -> None:
    accepted(planner, approver, FIRST)
    gate = GateFactory.create(site=site, name="Hall dry", project_code="BUILD", activity_code="A100")
    lot = DeliveryLotFactory.create(schedule_line__site=site)
    behind = RequirementFactory.create(
        site=site,
        tag="T1",
        equipment_class=lot.schedule_line.line.equipment_class,
        ros_rule=RosRule.ANCHORED,
        ros_fixed_on=None,
    )
    RosAnchorFactory.create(requirement=behind, gate=gate)
    AllocationFactory.create(lot=lot, requirement=behind)

    answer = planner.get(uploaded(planner, MOVED))

    row = next(row for row in answer.context["followers"].moving if row.bound.kind == "gate")
    assert [each.url for each in row.lots] == [f"/lines/{lot.schedule_line.line_id}/"]


def test_long_lists_are_folded_behind_their_first_rows(planner: Client) -> None:
    many = xer(projects(("1", "BUILD")), tasks(*(task(str(number), f"B{number:03}") for number in range(1, 15))))

    html = planner.get(uploaded(planner, many)).content.decode()

    before, _, folded = html.partition("Show the others")
    assert ("B012" in before, "B013" in before, "B012" in folded, "B013" in folded) == (True, False, False, True)


def test_what_does_not_move_is_folded_away(planner: Client, approver: Client, site: Site) -> None:
    accepted(planner, approver, FIRST)
    GateFactory.create(site=site, name="Hall dry", project_code="BUILD", activity_code="A200")
    later = xer(projects(("1", "BUILD"), data_date="2026-12-20 08:00"), tasks(task("1", "A100"), task("2", "A200")))

    answer = planner.get(uploaded(planner, later))

    assert [row.bound.subject for row in answer.context["followers"].staying] == ["SYD1 Hall dry"]
    assert 'id="staying"' in answer.content.decode()


def test_who_uploads_may_reject_but_not_accept(planner: Client, approver: Client) -> None:
    address = uploaded(planner, FIRST)

    html, other = planner.get(address).content.decode(), approver.get(address).content.decode()

    assert (f"{address}accept/" in html, f"{address}reject/" in html) == (False, True)
    assert (f"{address}accept/" in other, f"{address}reject/" in other) == (True, True)
    assert planner.post(f"{address}accept/", {}).status_code == 403


def test_accepting_puts_it_in_force_and_says_who_and_why(planner: Client, approver: Client) -> None:
    address = accepted(planner, approver, FIRST, "The first of its kind")

    html = planner.get(address).content.decode()

    assert only_revision().state == RevisionState.ACCEPTED
    assert "The first of its kind" in html


def test_an_odd_schedule_needs_a_reason(planner: Client, approver: Client) -> None:
    accepted(planner, approver, FIRST)
    address = uploaded(planner, BACK)
    shown = approver.get(address).content.decode()

    refused = approver.post(f"{address}accept/", {"reason": ""})
    taken = approver.post(f"{address}accept/", {"reason": "The planner restored a backup"})

    assert "The data date goes back" in shown
    assert "from 20 Nov 2026 to 20 Oct 2026" in shown
    assert (refused.status_code, "Say why the schedule is fine" in refused.content.decode()) == (422, True)
    assert taken.status_code == 302


def test_a_rejected_schedule_says_why_and_stays_readable(planner: Client) -> None:
    address = uploaded(planner, FIRST)

    without = planner.post(f"{address}reject/", {"reason": ""})
    planner.post(f"{address}reject/", {"reason": "Not the agreed update"})

    assert without.status_code == 422
    assert only_revision().state == RevisionState.REJECTED
    assert "Not the agreed update" in planner.get("/sites/SYD1/schedules/").content.decode()


def test_rolling_back_puts_the_one_before_in_force_again(planner: Client, approver: Client) -> None:
    first = accepted(planner, approver, FIRST)
    second = accepted(planner, approver, MOVED)

    answer = approver.post(f"{second}roll-back/", {"reason": "Wrong file"})

    states = {f"/schedules/{row.pk}/": row.state for row in ScheduleRevision.objects.all()}
    assert answer.status_code == 302
    assert states == {first: RevisionState.ACCEPTED, second: RevisionState.ROLLED_BACK}


def test_what_was_changed_since_is_named_after_a_roll_back(planner: Client, approver: Client, site: Site) -> None:
    accepted(planner, approver, FIRST)
    gate = GateFactory.create(site=site, project_code="BUILD", activity_code="A100", name="Hall A dry")
    second = accepted(planner, approver, MOVED)
    gate.refresh_from_db()
    gate.activity_code = "A300"
    gate.save()

    answer = approver.post(f"{second}roll-back/", {"reason": "Wrong file"}, follow=True)

    assert "Changed since, and left as it is: Hall A dry" in answer.content.decode()


def test_a_decision_that_no_longer_fits_is_refused_and_shown(planner: Client, approver: Client) -> None:
    address = accepted(planner, approver, FIRST)

    answer = planner.post(f"{address}reject/", {"reason": "Too late"})

    assert (answer.status_code, "Only a quarantined schedule can be rejected" in answer.content.decode()) == (422, True)


# -- activities --------------------------------------------------------------------------------------------------


def test_activities_are_found_by_text_status_wbs_and_float(planner: Client, site: Site) -> None:
    revision = ScheduleRevisionFactory.create(site=site)
    ActivityFactory.create(revision=revision, code="A1", name="Pour slab", wbs="Hall / Pads", total_float_hours=-8)
    ActivityFactory.create(revision=revision, code="A2", name="Set chillers", wbs="Hall", status="completed")
    ActivityFactory.create(revision=revision, code="A3", name="Cable", wbs="Yard", is_driving=True)

    def found(**given: str) -> list[str]:
        return [row.code for row, _ in activity_page(revision, ActivityFilter.of(given)).rows]

    assert [found(q="set"), found(q="a3"), found(status="completed"), found(wbs="Hall"), found(late="1")] == [
        ["A2"], ["A3"], ["A2"], ["A1", "A2"], ["A1"],
    ]  # fmt: skip
    assert found(driving="1") == ["A3"]
    assert found(page="99") == found(status="nonsense") == ["A1", "A2", "A3"]


def test_an_activity_shows_its_driving_path_its_links_and_its_other_revisions(planner: Client, site: Site) -> None:
    revision = schedule(site)
    earlier = ScheduleRevisionFactory.create(site=site, data_date=date(2027, 9, 1), state=RevisionState.SUPERSEDED)
    ActivityFactory.create(revision=earlier, code="RFS", early_finish="2027-10-01T17:00")

    html = planner.get(f"/schedules/{revision.pk}/activity/?code=RFS").content.decode()

    assert "Driving path on a calendar" in html
    assert ("SET of the hall" in html, "TEST of the hall" in html, "PAD of the hall" in html) == (True, True, False)
    assert "+7" in html  # 1 October to 8 October
    page = Page(html)
    assert (page.inline, page.unlabelled, page.tables) == ([], [], page.captions)


def test_an_activity_that_is_not_there_is_not_found(planner: Client, site: Site) -> None:
    revision = schedule(site)

    assert planner.get(f"/schedules/{revision.pk}/activity/?code=NOPE").status_code == 404
    assert planner.get(f"/schedules/{revision.pk}/activity/").status_code == 404


def test_what_follows_an_activity_leads_to_it_in_the_schedule_in_force(planner: Client, site: Site) -> None:
    revision = schedule(site)
    GateFactory.create(site=site, project_code="BUILD", activity_code="SET")
    requirement = RosAnchorFactory.create(
        requirement__site=site, requirement__ros_rule=RosRule.ANCHORED, requirement__ros_fixed_on=None, gate=None,
        project_code="BUILD", activity_code="SET",
    ).requirement  # fmt: skip
    address = "/sites/SYD1/schedules/activity/?project=BUILD&code=SET"

    led = planner.get(address).headers["Location"]
    linked = [planner.get(page).content.decode() for page in ("/sites/SYD1/", f"/requirements/{requirement.pk}/")]

    assert led == f"/schedules/{revision.pk}/activity/?code=SET"
    assert [address.replace("&", "&amp;") in html for html in linked] == [True, True]
    assert planner.get("/sites/SYD1/schedules/activity/?project=OTHER&code=SET").status_code == 404


def test_dates_move_against_the_revision_before_and_what_was_rejected_does_not_count(site: Site) -> None:
    for day, state, finish in (
        (1, RevisionState.SUPERSEDED, "2027-10-01T17:00"),
        (2, RevisionState.REJECTED, "2027-12-01T17:00"),
        (3, RevisionState.ACCEPTED, "2027-10-04T17:00"),
    ):
        revision = ScheduleRevisionFactory.create(site=site, data_date=date(2027, 9, day), state=state)
        ActivityFactory.create(revision=revision, code="A1", early_finish=finish)
    latest = ScheduleRevisionFactory.create(site=site, data_date=date(2027, 9, 4))

    rows = across_revisions(latest, "A1")

    assert [(row.activity is not None, row.finish_days) for row in rows] == [
        (False, None), (True, 3), (True, 61), (True, None),
    ]  # fmt: skip


# -- anchors -----------------------------------------------------------------------------------------------------


def test_a_gate_is_bound_and_let_go_by_hand(planner: Client, approver: Client, site: Site) -> None:
    accepted(planner, approver, FIRST)
    gate = GateFactory.create(site=site)
    said = {"gate": str(gate.pk), "project_code": "BUILD", "activity_code": "A100", "edge": "finish", "reason": "Ours"}

    bound = planner.post("/sites/SYD1/anchors/gate/", said)
    gate.refresh_from_db()
    follows = gate.activity_code
    wrong = planner.post("/sites/SYD1/anchors/gate/", said | {"activity_code": "NOPE"})
    planner.post("/sites/SYD1/anchors/gate/", said | {"activity_code": ""})
    gate.refresh_from_db()

    assert (bound.status_code, follows, gate.activity_code) == (302, "A100", "")
    assert (wrong.status_code, "no such activity" in wrong.content.decode()) == (422, True)


def test_a_required_date_is_bound_by_hand(planner: Client, approver: Client, site: Site) -> None:
    accepted(planner, approver, FIRST)
    requirement = RequirementFactory.create(site=site, tag="TX-01")

    answer = planner.post(
        "/sites/SYD1/anchors/requirement/",
        {
            "requirement": str(requirement.pk), "project_code": "BUILD", "activity_code": "A100", "edge": "start",
            "shake_out_days": "0", "shake_out_basis": "working", "reason": "It is set there",
        },
    )  # fmt: skip

    requirement.refresh_from_db()
    assert (answer.status_code, requirement.required_on_site) == (302, date(2027, 1, 11))


def test_a_required_date_of_a_further_page_is_bound_from_there(
    planner: Client, approver: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchors, "REQUIREMENTS_A_PAGE", 1)
    accepted(planner, approver, FIRST)
    RequirementFactory.create(site=site, tag="TX-01")
    second = RequirementFactory.create(site=site, tag="TX-02")
    html = planner.get("/sites/SYD1/anchors/?page=2").content.decode()

    answer = planner.post(
        "/sites/SYD1/anchors/requirement/?page=2",
        {
            "requirement": str(second.pk), "project_code": "BUILD", "activity_code": "A100", "edge": "start",
            "shake_out_days": "0", "shake_out_basis": "working", "reason": "It is set there",
        },
    )  # fmt: skip

    assert "/sites/SYD1/anchors/requirement/?page=2#requirement" in html
    assert (answer.status_code, second.anchors.count()) == (302, 1)


RULE = {
    "subject": "requirement", "project_code": "BUILD", "field": "name", "pattern": "Set {code}", "edge": "start",
    "code_type": "", "reason": "",
}  # fmt: skip


def unbound(site: Site) -> Requirement:
    return RequirementFactory.create(
        site=site, tag="TX-01", ros_rule=RosRule.NONE, ros_fixed_on=None, required_on_site=None
    )


def test_a_rule_shows_what_it_would_bind_before_it_binds(planner: Client, approver: Client, site: Site) -> None:
    named = xer(projects(("1", "BUILD")), tasks(task("1", "A100", task_name="Set TX-01")))
    accepted(planner, approver, named)
    requirement = unbound(site)

    shown = planner.post("/sites/SYD1/anchors/rule/", RULE | {"what": "look"}).content.decode()
    rules_after_look = AnchorRule.objects.count()
    without = planner.post("/sites/SYD1/anchors/rule/", RULE | {"what": "make"})
    made = planner.post("/sites/SYD1/anchors/rule/", RULE | {"what": "make", "reason": "Names agree"})

    requirement.refresh_from_db()
    assert ("TX-01" in shown, "Make the rule" in shown, rules_after_look) == (True, True, 0)
    assert (without.status_code, made.status_code) == (422, 302)
    assert requirement.required_on_site == date(2027, 1, 11)


def test_a_rule_is_switched_off_and_what_it_bound_stays(planner: Client, approver: Client, site: Site) -> None:
    named = xer(projects(("1", "BUILD")), tasks(task("1", "A100", task_name="Set TX-01")))
    accepted(planner, approver, named)
    requirement = unbound(site)
    planner.post("/sites/SYD1/anchors/rule/", RULE | {"what": "make", "reason": "Names agree"})

    answer = planner.post(
        "/sites/SYD1/anchors/end/", {"rule": str(AnchorRule.objects.get().pk), "reason": "Done by hand now"}
    )

    assert (answer.status_code, AnchorRule.objects.get().ended_at is None) == (302, False)
    assert requirement.anchors.count() == 1


def test_a_bad_pattern_is_refused_at_its_field(planner: Client, approver: Client) -> None:
    accepted(planner, approver, FIRST)

    answer = planner.post("/sites/SYD1/anchors/rule/", RULE | {"pattern": "Set it", "what": "look"})

    assert (answer.status_code, "one place for the code" in answer.content.decode()) == (422, True)


# -- all of them -------------------------------------------------------------------------------------------------


@pytest.fixture
def pages(site: Site) -> list[str]:
    revision = schedule(site)
    ScheduleRevisionFactory.create(site=site, project_code="BUILD")
    GateFactory.create(site=site, project_code="BUILD", activity_code="SET")
    RosAnchorFactory.create(requirement__site=site, gate=None, project_code="BUILD", activity_code="SET")
    return [
        "/sites/SYD1/schedules/",
        "/sites/SYD1/anchors/",
        f"/schedules/{revision.pk}/",
        f"/schedules/{revision.pk}/activities/",
        f"/schedules/{revision.pk}/activities/?q=x",
        f"/schedules/{revision.pk}/activity/?code=SET",
        *(f"/schedules/{row.pk}/" for row in ScheduleRevision.objects.exclude(pk=revision.pk)),
    ]


DOORS = ["accept", "reject", "roll-back"]


def test_every_page_can_be_used_with_a_keyboard_and_a_screen_reader(planner: Client, pages: list[str]) -> None:
    for address in pages:
        answer = planner.get(address)
        page = Page(answer.content.decode())
        assert (answer.status_code, page.inline, page.foreign, page.unlabelled) == (200, [], [], []), address
        assert (page.tables, page.headings, page.skips) == (page.captions, 1, True), address
        assert [key for key, times in page.ids.items() if times > 1] == [], address


def test_nobody_without_a_right_at_the_site_sees_any_of_it(pages: list[str], expediter: User) -> None:
    stranger = browser_of(expediter)
    revision = ScheduleRevision.objects.first()
    assert revision is not None
    doors = [f"/schedules/{revision.pk}/{door}/" for door in DOORS]
    doors += ["/sites/SYD1/schedules/upload/", *(f"/sites/SYD1/anchors/{door}/" for door in ("gate", "rule", "end"))]

    seen = {address: stranger.get(address).status_code for address in pages}
    done = {address: stranger.post(address, {"reason": "x"}).status_code for address in doors}

    assert set(seen.values()) | set(done.values()) == {404}


def test_a_reader_sees_the_pages_without_forms(pages: list[str], site: Site) -> None:
    reader = browser_of(MembershipFactory.create(site=site, role=Role.VIEWER).person)

    html = [reader.get(address).content.decode() for address in pages]

    assert [each.count('method="post"') for each in html] == [html[0].count('method="post"')] * len(html)


@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_as_many_queries_for_three_rows_as_for_one(
    count: int, site: Site, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        revision = ScheduleRevisionFactory.create(site=site)
        ScheduleDecisionFactory.create(revision=revision, kind="rejected", reason="No")
        ActivityFactory.create(revision=revision, code="A1")
        GateFactory.create(site=site, project_code="BUILD", activity_code="A1", name=f"Gate {_}")
        RosAnchorFactory.create(requirement__site=site, gate=None, project_code="BUILD", activity_code="A1")

    with django_assert_num_queries(3):  # revisions, sizes, decisions
        assert len(site_revisions(site)[0].rows) == count
    with django_assert_num_queries(2):
        assert len(across_revisions(revision, "A1")) == count
    with django_assert_num_queries(3):  # how many, the rows, the calendars
        activity_page(revision, ActivityFilter())
    # Gates, their dates; requirements counted and read, anchors, projects, rules and what each
    # has bound, code types.
    with django_assert_num_queries(8):
        assert len(anchors_view(site).gates) == count
