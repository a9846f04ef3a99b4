"""An accepted schedule moves what hangs on its activities, in the same transaction."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from procurement.gateways import wake
from procurement.models import BlockForecast, ChainForecast, ForecastRun, Requirement, RosAnchor
from procurement.queries.invariants import broken
from procurement.services import schedule_preview, schedules
from procurement.vocabulary import RosRule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from sites.models import Gate, ScheduleDecision, ScheduleRevision, Site
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


def uploaded(site: Site, content: bytes = CONTENT) -> ScheduleRevision:
    return reading.read_revision(site=site, content=content, file_name="s.xer", actor=None, now=NOW)


def accepted(site: Site, actor: User, content: bytes = CONTENT, reason: str = "") -> schedules.Accepted:
    return schedules.accept(revision_id=uploaded(site, content).pk, actor=actor, now=NOW, reason=reason)


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

    accepted(site, approver, WITHOUT_A100, reason="The transformer moves to another phase")

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


# -- what is odd -----------------------------------------------------------------------------------------------------


def test_a_lost_anchor_blocks_acceptance_until_someone_says_why(
    site: Site, approver: User, requirement: Requirement
) -> None:
    accepted(site, approver)

    with pytest.raises(schedules.SuspiciousSchedule) as caught:
        accepted(site, approver, WITHOUT_A100)

    assert (caught.value.field, caught.value.facts) == ("reason", {"anomalies": ["lost_anchors"]})
    assert ScheduleRevision.objects.filter(state=RevisionState.QUARANTINED).count() == 1


def test_the_reason_and_the_anomaly_are_kept_with_the_decision(
    site: Site, approver: User, requirement: Requirement
) -> None:
    accepted(site, approver)
    accepted(site, approver, WITHOUT_A100, reason="Moved to another phase")

    decision = ScheduleDecision.objects.latest("decided_at", "pk")

    assert (decision.anomalies, decision.reason, decision.decided_by) == (
        ["lost_anchors"],
        "Moved to another phase",
        approver,
    )


# -- shown before it counts ------------------------------------------------------------------------------------------


def test_the_preview_says_what_would_move_and_writes_nothing(
    site: Site, approver: User, requirement: Requirement
) -> None:
    accepted(site, approver)
    revision = uploaded(site, LATER)
    runs = ForecastRun.objects.count()

    shown = schedule_preview.preview(revision_id=revision.pk, actor=approver, now=NOW)

    assert [(each.code, each.finish_days) for each in shown.difference.moved] == [("A100", 63), ("A110", 63)]
    assert [(row.subject, row.before_on, row.after_on, row.days) for row in shown.bound] == [
        (requirement.tag, date(2027, 1, 11), date(2027, 3, 15), 63)
    ]
    assert shown.effect is not None
    moved = [row for row in shown.effect.moved if row.kind == "requirement"]
    assert [(row.required_before_on, row.required_after_on) for row in moved] == [(date(2027, 1, 1), date(2027, 3, 5))]
    revision.refresh_from_db()
    assert (revision.state, ForecastRun.objects.count(), required_on(requirement)) == (
        RevisionState.QUARANTINED,
        runs,
        date(2027, 1, 1),
    )


def test_an_outsider_sees_no_preview(site: Site) -> None:
    outsider = MembershipFactory.create(role=Role.VIEWER, site=SiteFactory.create()).person

    with pytest.raises(NotFound):
        schedule_preview.preview(revision_id=uploaded(site).pk, actor=outsider, now=NOW)


# -- taken back ------------------------------------------------------------------------------------------------------


def state_of(site: Site, requirement: Requirement) -> tuple[object, ...]:
    gates = Gate.objects.filter(site=site).order_by("pk").values_list("activity_code", "followed_on", "lost_at", "rule")
    anchors = RosAnchor.objects.order_by("pk").values_list("activity_code", "last_on", "lost_at", "rule")
    blocks = BlockForecast.objects.filter(current=True).values_list("rfs_forecast_on", flat=True)
    return required_on(requirement), list(gates), list(anchors), list(blocks)


def rolled_back(revision: ScheduleRevision, actor: User, *, force: bool = False) -> schedules.RolledBack:
    return schedules.roll_back(revision_id=revision.pk, reason="Wrong file", actor=actor, now=NOW, force=force)


@pytest.fixture
def rfs_gate(site: Site) -> Gate:
    block = BlockFactory.create(phase__site=site)
    gate: Gate = GateFactory.create(
        site=site, kind=GateKind.RFS, block=block, phase=block.phase, project_code="DC1", activity_code="A110"
    )
    return gate


@pytest.mark.parametrize("second", [LATER, WITHOUT_A100])
def test_a_roll_back_restores_all_that_an_acceptance_moved(
    site: Site, approver: User, requirement: Requirement, rfs_gate: Gate, second: bytes
) -> None:
    first = accepted(site, approver).revision
    before = state_of(site, requirement)
    later = accepted(site, approver, second, reason="Late").revision

    answer = rolled_back(later, approver)

    assert (answer.restored, answer.left) == (first, ())
    assert state_of(site, requirement) == before
    states = dict(ScheduleRevision.objects.values_list("pk", "state"))
    assert states == {first.pk: RevisionState.ACCEPTED, later.pk: RevisionState.ROLLED_BACK}


def test_importing_twice_and_rolling_back_leaves_no_inconsistency(
    site: Site, approver: User, requirement: Requirement, rfs_gate: Gate
) -> None:
    accepted(site, approver)
    accepted(site, approver, LATER)
    uploaded(site, LATER)
    rolled_back(ScheduleRevision.objects.get(state=RevisionState.ACCEPTED), approver)

    assert broken() == []


def test_the_ledger_of_decisions_only_grows(site: Site, approver: User) -> None:
    accepted(site, approver)
    rolled_back(accepted(site, approver, LATER).revision, approver)

    kinds = ScheduleDecision.objects.order_by("pk").values_list("kind", "reason")
    assert list(kinds) == [("accepted", ""), ("accepted", ""), ("rolled_back", "Wrong file")]


def test_a_first_schedule_rolled_back_leaves_none(site: Site, approver: User, requirement: Requirement) -> None:
    answer = rolled_back(accepted(site, approver).revision, approver)

    anchor = RosAnchor.objects.get()
    assert (answer.restored, anchor.last_on) == (None, None)
    assert not ScheduleRevision.objects.filter(state=RevisionState.ACCEPTED).exists()


def test_what_was_changed_since_is_named_and_left(
    site: Site, approver: User, requirement: Requirement, rfs_gate: Gate
) -> None:
    accepted(site, approver)
    later = accepted(site, approver, LATER).revision
    Gate.objects.filter(pk=rfs_gate.pk).update(activity_code="A100")

    answer = rolled_back(later, approver)

    rfs_gate.refresh_from_db()
    assert [(row["table"], row["what"], row["forced"]) for row in answer.left] == [("gate", str(rfs_gate), False)]
    assert rfs_gate.activity_code == "A100"


def test_forced_it_goes_back_too(site: Site, approver: User, rfs_gate: Gate) -> None:
    accepted(site, approver)
    later = accepted(site, approver, LATER).revision
    Gate.objects.filter(pk=rfs_gate.pk).update(activity_code="A100")

    answer = rolled_back(later, approver, force=True)

    rfs_gate.refresh_from_db()
    assert ([row["forced"] for row in answer.left], rfs_gate.activity_code) == ([True], "A110")


def test_only_the_accepted_schedule_is_rolled_back(site: Site, approver: User) -> None:
    first = accepted(site, approver).revision
    accepted(site, approver, LATER)

    with pytest.raises(Conflict):
        rolled_back(first, approver)


def test_rolling_back_needs_the_right_and_a_reason(site: Site, approver: User) -> None:
    lead = MembershipFactory.create(role=Role.SITE_LEAD, site=site).person
    revision = accepted(site, approver).revision

    with pytest.raises(NotPermitted):
        rolled_back(revision, lead)
    with pytest.raises(BadInput) as caught:
        schedules.roll_back(revision_id=revision.pk, reason=" ", actor=approver, now=NOW)

    assert caught.value.field == "reason"


def test_a_gate_whose_activity_vanishes_keeps_its_last_date(site: Site, approver: User, rfs_gate: Gate) -> None:
    accepted(site, approver)

    accepted(site, approver, CONTENT.replace(b"A110", b"A999"), reason="Renumbered")

    rfs_gate.refresh_from_db()
    assert (rfs_gate.followed_on, rfs_gate.lost_at) == (date(2027, 2, 5), NOW)
    assert BlockForecast.objects.get(current=True).rfs_forecast_on == date(2027, 2, 5)
