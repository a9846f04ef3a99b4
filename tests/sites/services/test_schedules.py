"""Schedules in quarantine and accepted: what is stored, what is one revision, who may."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from sites.models import Activity, ActivityLink, ScheduleDecision, ScheduleRevision, Site
from sites.readers import schedule_file, schedule_pack
from sites.services import schedules
from sites.vocabulary import RevisionState
from tests.factories.accounts import UserFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.sites.readers.xer import SMALL, links, projects, task, tasks, xer

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
MONDAY = datetime.fromisoformat("2027-01-11 08:00")
CONTENT = xer(*SMALL)
LATER = CONTENT.replace(b"2026-11-20 08:00", b"2026-12-18 08:00")


@pytest.fixture
def site() -> Site:
    return SiteFactory.create()


@pytest.fixture
def lead(site: Site) -> User:
    return MembershipFactory.create(role=Role.SITE_LEAD, site=site).person


@pytest.fixture
def approver(site: Site) -> User:
    return MembershipFactory.create(role=Role.APPROVER, site=site).person


def read(site: Site, actor: User | None, content: bytes = CONTENT, **more: Any) -> ScheduleRevision:
    return schedules.read_revision(site=site, content=content, file_name="schedule.xer", actor=actor, now=NOW, **more)


def accept(revision: ScheduleRevision, actor: User) -> ScheduleRevision:
    return schedules.accept(revision_id=revision.pk, actor=actor, now=NOW).revision


def test_a_schedule_is_stored_in_quarantine(site: Site, lead: User) -> None:
    revision = read(site, lead)

    assert (revision.project_code, revision.project_name, revision.data_date, revision.state) == (
        "DC1", "Data centre one", date(2026, 11, 20), RevisionState.QUARANTINED,
    )  # fmt: skip
    assert (revision.uploaded_by, revision.shifted_days) == (lead, 0)
    rows = revision.activities.order_by("code").values_list("code", "wbs", "early_start", "total_float_hours")
    assert list(rows) == [
        ("A100", "Hall A / MV room", MONDAY, Decimal(8)),
        ("A110", "Hall A", MONDAY, Decimal(8)),
    ]
    link = ActivityLink.objects.get()
    assert (str(link.predecessor), link.successor.code, link.kind, link.lag_hours) == (
        "A100 Task A100",
        "A110",
        "finish_start",
        Decimal(16),
    )


def test_the_same_bytes_twice_are_one_revision(site: Site, lead: User) -> None:
    assert read(site, lead) == read(site, lead)
    assert (ScheduleRevision.objects.count(), Activity.objects.count()) == (1, 2)
    assert AuditEvent.objects.filter(verb="schedule.read").count() == 1


def test_the_same_file_at_another_site_is_another_revision(site: Site) -> None:
    assert read(site, None) != read(SiteFactory.create(), None)


def test_a_shift_moves_every_date_by_the_same_days(site: Site, lead: User) -> None:
    revision = read(site, lead, shift_to=date(2026, 11, 27))

    first = revision.activities.get(code="A100")
    assert (revision.data_date, revision.shifted_days) == (date(2026, 11, 27), 7)
    assert (first.planned_start, first.early_start, first.early_finish, first.actual_start) == (
        MONDAY, MONDAY + timedelta(days=7), datetime.fromisoformat("2027-02-12 17:00"), None,
    )  # fmt: skip


def test_a_shift_out_of_all_reason_is_refused(site: Site, lead: User) -> None:
    with pytest.raises(BadInput) as caught:
        read(site, lead, shift_to=date(2100, 12, 1))

    assert (caught.value.field, ScheduleRevision.objects.count()) == ("shift_to", 0)


def test_of_several_projects_one_must_be_named(site: Site, lead: User) -> None:
    both = xer(projects(("1", "DC1"), ("2", "DC2")), tasks(task("1", "A"), task("2", "B", "2")))

    with pytest.raises(BadInput, match="DC1, DC2") as caught:
        read(site, lead, both)
    revision = read(site, lead, both, project_code="DC2")

    assert caught.value.field == "project_code"
    assert [row.code for row in revision.activities.all()] == ["B"]


def test_a_project_that_the_file_lacks_is_refused(site: Site, lead: User) -> None:
    with pytest.raises(BadInput) as caught:
        read(site, lead, project_code="DC9")

    assert caught.value.field == "project_code"


def test_a_link_from_another_project_is_named_by_codes(site: Site, lead: User) -> None:
    both = xer(
        projects(("1", "DC1"), ("2", "DC2")),
        tasks(task("1", "A"), task("2", "A", "2"), task("3", "B", "2")),
        links(("2", "1", "PR_FS", "0"), ("3", "2", "PR_SS", "0")),
    )

    read(site, lead, both, project_code="DC2")

    rows = ActivityLink.objects.order_by("successor__code")
    assert [(str(row.predecessor), row.predecessor_project, row.predecessor_code) for row in rows] == [
        ("None", "DC1", "A"),
        ("A Task A", "", ""),
    ]


def test_a_file_that_cannot_be_read_leaves_nothing(site: Site, lead: User) -> None:
    with pytest.raises(BadInput, match="cut off"):
        read(site, lead, CONTENT[:-10])

    assert not ScheduleRevision.objects.exists()


def test_reading_needs_the_right_at_the_site(site: Site, approver: User) -> None:
    with pytest.raises(NotPermitted):
        read(site, approver)


def test_the_number_of_queries_does_not_grow_with_the_schedule(site: Site, django_assert_max_num_queries: Any) -> None:
    many = 1500
    rows = tasks(*(task(str(key), f"A{key}") for key in range(many)))
    chain = links(*((str(key), str(key - 1), "PR_FS", "0") for key in range(1, many)))

    with django_assert_max_num_queries(18):
        revision = read(site, None, xer(projects(("1", "DC1")), rows, chain))

    assert revision.activities.count() == many


def test_accepting_replaces_the_accepted_revision_of_the_project(site: Site, approver: User) -> None:
    first, second = read(site, None), read(site, None, LATER)
    accept(first, approver)

    accepted = accept(second, approver)

    first.refresh_from_db()
    assert (first.state, accepted.state) == (RevisionState.SUPERSEDED, RevisionState.ACCEPTED)
    assert (accepted.decided_by, accepted.decided_at) == (approver, NOW)


def test_another_project_of_the_site_keeps_its_accepted_revision(site: Site, approver: User) -> None:
    first = accept(read(site, None), approver)

    accept(read(site, None, CONTENT.replace(b"DC1", b"DC2")), approver)

    first.refresh_from_db()
    assert first.state == RevisionState.ACCEPTED


def test_an_accepted_revision_is_not_accepted_again(site: Site, approver: User) -> None:
    revision = accept(read(site, None), approver)

    with pytest.raises(Conflict):
        accept(revision, approver)


def test_a_superseded_revision_cannot_come_back(site: Site, approver: User) -> None:
    first = accept(read(site, None), approver)
    accept(read(site, None, LATER), approver)

    with pytest.raises(Conflict):
        accept(first, approver)


def test_accepting_needs_the_right_to_approve(site: Site, lead: User) -> None:
    with pytest.raises(NotPermitted):
        accept(read(site, lead), lead)


def test_an_outsider_learns_nothing(site: Site) -> None:
    with pytest.raises(NotFound):
        accept(read(site, None), UserFactory.create())


def test_the_file_is_kept_whole_and_proves_its_hash(site: Site, lead: User) -> None:
    document = read(site, lead).document

    assert document is not None
    assert bytes(document.content) == CONTENT
    assert document.sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_a_file_may_be_the_next_revision_of_a_project_of_another_name(site: Site, lead: User) -> None:
    schedules.read_revision(
        site=site, content=CONTENT.replace(b"DC1", b"BUILD"), file_name="s.xer", actor=lead, now=NOW
    )
    file = schedule_pack.pack(schedule_file.read(CONTENT))

    revision = schedules.keep(
        site=site, file=file, project=file.projects[0], source=schedules.Source(CONTENT, "s.xer"), actor=None, now=NOW,
        update_of="BUILD",
    )  # fmt: skip

    assert (revision.project_code, revision.file_project_code) == ("BUILD", "DC1")


def test_a_file_is_no_revision_of_a_project_that_the_site_does_not_have(site: Site) -> None:
    file = schedule_pack.pack(schedule_file.read(CONTENT))

    with pytest.raises(BadInput) as caught:
        schedules.keep(
            site=site, file=file, project=file.projects[0], source=schedules.Source(CONTENT, "s.xer"), actor=None,
            now=NOW, update_of="NOPE",
        )  # fmt: skip

    assert (caught.value.field, ScheduleRevision.objects.count()) == ("update_of", 0)


def test_a_rejected_schedule_says_why_and_can_be_brought_again(site: Site, lead: User) -> None:
    revision = read(site, lead)

    rejected = schedules.reject(revision_id=revision.pk, reason="Of another site", actor=lead, now=NOW)
    state = rejected.state
    again = read(site, lead)

    assert (state, again.pk, again.state) == (RevisionState.REJECTED, revision.pk, RevisionState.QUARANTINED)
    assert [(row.kind, row.reason) for row in ScheduleDecision.objects.all()] == [("rejected", "Of another site")]


def test_rejecting_needs_a_reason(site: Site, lead: User) -> None:
    with pytest.raises(BadInput) as caught:
        schedules.reject(revision_id=read(site, lead).pk, reason=" ", actor=lead, now=NOW)

    assert caught.value.field == "reason"


def test_rejecting_needs_a_right_at_the_site(site: Site) -> None:
    viewer = MembershipFactory.create(role=Role.VIEWER, site=site).person

    with pytest.raises(NotPermitted):
        schedules.reject(revision_id=read(site, None).pk, reason="No", actor=viewer, now=NOW)
