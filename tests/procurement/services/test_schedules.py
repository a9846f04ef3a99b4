"""An accepted schedule moves what hangs on its activities, in the same transaction."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from procurement.gateways import wake
from procurement.models import BlockForecast, ChainForecast, ForecastRun, Requirement, RosAnchor
from procurement.services import schedules
from procurement.vocabulary import RosRule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import NotPermitted
from sites.models import ScheduleRevision, Site
from sites.services import schedules as reading
from sites.vocabulary import ActivityEdge, DurationBasis, GateKind, RevisionState
from tests.factories.procurement import RequirementFactory, RosAnchorFactory
from tests.factories.sites import BlockFactory, GateFactory, MembershipFactory, SiteFactory
from tests.sites.readers.xer import SMALL, xer

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
CONTENT = xer(*SMALL)
LATER = CONTENT.replace(b"2027-01-11", b"2027-03-15").replace(b"2027-02-05", b"2027-04-09")
WITHOUT_A100 = CONTENT.replace(b"A100", b"A999")


@pytest.fixture
def site() -> Site:
    return SiteFactory.create()


@pytest.fixture
def approver() -> User:
    return MembershipFactory.create(role=Role.APPROVER).person


@pytest.fixture
def requirement(site: Site) -> Requirement:
    """Ten calendar days before A100 starts."""
    requirement = RequirementFactory.create(
        site=site, ros_fixed_on=None, required_on_site=None, ros_rule=RosRule.ANCHORED, shake_out_days=10,
        shake_out_basis=DurationBasis.CALENDAR,
    )  # fmt: skip
    RosAnchorFactory.create(
        requirement=requirement, gate=None, project_code="DC1", activity_code="A100", edge=ActivityEdge.START
    )
    return requirement


def accepted(site: Site, actor: User, content: bytes = CONTENT) -> schedules.Accepted:
    revision = reading.read_revision(site=site, content=content, file_name="s.xer", actor=None, now=NOW)
    return schedules.accept(revision_id=revision.pk, actor=actor, now=NOW)


def required_on(requirement: Requirement) -> date | None:
    requirement.refresh_from_db()
    return requirement.required_on_site


def test_anchored_dates_follow_the_accepted_schedule(site: Site, approver: User, requirement: Requirement) -> None:
    accepted(site, approver)
    first = required_on(requirement)

    accepted(site, approver, LATER)

    assert (first, required_on(requirement)) == (date(2027, 1, 1), date(2027, 3, 5))


def test_an_activity_that_vanishes_keeps_its_last_date_and_is_flagged(
    site: Site, approver: User, requirement: Requirement
) -> None:
    accepted(site, approver)

    accepted(site, approver, WITHOUT_A100)

    anchor = RosAnchor.objects.get()
    assert (required_on(requirement), anchor.last_on) == (date(2027, 1, 1), date(2027, 1, 11))
    assert anchor.lost_at is not None


def test_gates_and_blocks_follow_their_activities(site: Site, approver: User) -> None:
    block = BlockFactory.create(phase__site=site)
    gate = GateFactory.create(
        site=site, kind=GateKind.RFS, block=block, phase=block.phase, project_code="DC1", activity_code="A110"
    )

    moved = accepted(site, approver, LATER).moved

    assert {each.kind for each in moved} >= {"block"}
    assert BlockForecast.objects.get(block=block, current=True).rfs_forecast_on == date(2027, 4, 9)
    assert ChainForecast.objects.filter(chain=gate.chain_id, current=True).exists()


def test_the_run_names_its_cause_and_its_author(site: Site, approver: User) -> None:
    revision = accepted(site, approver).revision

    run = ForecastRun.objects.get()
    assert (run.actor, run.cause_key, run.cause_text) == (
        approver,
        f"schedule:{revision.pk}",
        "Schedule DC1 of 2026-11-20 accepted",
    )


def test_the_workers_are_woken_once_it_is_stored(
    site: Site, approver: User, django_capture_on_commit_callbacks: Any
) -> None:
    asked: list[bool] = []
    wake.wire(lambda: asked.append(True))
    try:
        with django_capture_on_commit_callbacks(execute=True):
            accepted(site, approver)
    finally:
        wake.wire(None)

    assert asked


def test_a_file_read_in_the_closed_room_is_the_same_revision(site: Site) -> None:
    lead = MembershipFactory.create(role=Role.SITE_LEAD, site=site).person
    known = reading.read_revision(site=site, content=CONTENT, file_name="s.xer", actor=lead, now=NOW)

    assert schedules.read_revision(site=site, content=CONTENT, file_name="s.xer", actor=lead, now=NOW) == known


def test_without_the_right_no_file_is_read(site: Site, approver: User) -> None:
    with pytest.raises(NotPermitted):
        schedules.read_revision(site=site, content=b"not even looked at", file_name="s.xer", actor=approver, now=NOW)


def test_without_the_right_nothing_moves(site: Site, requirement: Requirement) -> None:
    lead = MembershipFactory.create(role=Role.SITE_LEAD, site=site).person

    with pytest.raises(NotPermitted):
        accepted(site, lead)

    assert (required_on(requirement), ScheduleRevision.objects.get().state) == (None, RevisionState.QUARANTINED)
