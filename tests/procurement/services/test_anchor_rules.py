"""Gates and required dates bound to activities: by hand, by a rule, and what a rule leaves alone."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from procurement.models import BlockForecast, Requirement, RosAnchor
from procurement.queries.invariants import broken
from procurement.services import anchor_rules, requirements, schedules
from procurement.services.anchor_rules import RuleFacts
from procurement.vocabulary import RosRule, RuleMatch
from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, NotFound, NotPermitted
from sites.models import AnchorRule, Gate, ScheduleRevision, Site
from sites.services import schedules as reading
from sites.vocabulary import ActivityEdge, AnchorField, AnchorSubject, DurationBasis, GateKind
from tests.factories.procurement import RequirementFactory
from tests.factories.sites import BlockFactory, GateFactory, MembershipFactory, SiteFactory
from tests.sites.readers.xer import projects, table, task, tasks, wbs, xer

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
CODES = [
    table("ACTVTYPE", ["actv_code_type_id", "actv_code_type"], ["5", "Equipment"]),
    table("ACTVCODE", ["actv_code_id", "actv_code_type_id", "short_name"], ["50", "5", "TX-3"]),
    table("TASKACTV", ["task_id", "actv_code_type_id", "actv_code_id"], ["103", "5", "50"]),
]


def content(*rows: list[str], data_date: str = "2026-11-20 08:00") -> bytes:
    nodes = wbs(("10", "1", "Build", "", "Y"), ("11", "1", "Hall H1", "10", "N"))
    return xer(projects(("1", "DC1"), data_date=data_date), nodes, tasks(*rows), *CODES)


FILE = content(
    task("100", "A100", task_name="Set TX-1 on pad"),
    task("101", "A110", task_name="Set tx-2 on pad", early_start_date="2027-02-01 08:00"),
    task("102", "A120", task_name="H1 ready for service", wbs_id="11", early_end_date="2027-06-30 17:00"),
    task("103", "A130", task_name="Connect"),
)
RENUMBERED = FILE.replace(b"A100", b"B100").replace(b"2026-11-20 08:00", b"2026-12-18 08:00")
BY_NAME = RuleFacts("DC1", AnchorSubject.REQUIREMENT, AnchorField.NAME, "Set {code} *", ActivityEdge.START)
BY_CODE = RuleFacts(
    "DC1", AnchorSubject.REQUIREMENT, AnchorField.ACTIVITY_CODE, "{code}", ActivityEdge.START, code_type="Equipment"
)
GATES = RuleFacts(
    "DC1", AnchorSubject.GATE, AnchorField.WBS, "Hall {code}", ActivityEdge.FINISH, gate_kinds=(GateKind.RFS,)
)


@pytest.fixture
def site() -> Site:
    return SiteFactory.create()


@pytest.fixture
def approver() -> User:
    return MembershipFactory.create(role=Role.APPROVER).person


@pytest.fixture
def lead(site: Site) -> User:
    return MembershipFactory.create(role=Role.SITE_LEAD, site=site).person


@pytest.fixture
def scheduled(site: Site, approver: User) -> Site:
    accepted(site, approver, FILE)
    return site


def accepted(site: Site, approver: User, file: bytes, reason: str = "") -> Any:
    revision = reading.read_revision(site=site, content=file, file_name="s.xer", actor=None, now=NOW)
    return schedules.accept(revision_id=revision.pk, actor=approver, now=NOW, reason=reason).revision


def unset(site: Site, tag: str, **given: Any) -> Requirement:
    requirement: Requirement = RequirementFactory.create(
        site=site, tag=tag, ros_rule=RosRule.NONE, ros_fixed_on=None, required_on_site=None,
        shake_out_basis=DurationBasis.CALENDAR, **given,
    )  # fmt: skip
    return requirement


def made(site: Site, actor: User, facts: RuleFacts = BY_NAME) -> AnchorRule:
    return anchor_rules.make(site_id=site.pk, facts=facts, reason="Tags are in the names", actor=actor, now=NOW)[0]


def bind(gate: Gate, actor: User, **given: Any) -> Gate:
    values: dict[str, Any] = {
        "project_code": "DC1", "activity_code": "A120", "edge": "finish", "reason": "It is", **given,
    }  # fmt: skip
    return anchor_rules.bind_gate(gate_id=gate.pk, actor=actor, now=NOW, **values)[0]


@pytest.fixture
def gate(scheduled: Site) -> Gate:
    block = BlockFactory.create(phase__site=scheduled, code="H1")
    return GateFactory.create(site=scheduled, kind=GateKind.RFS, block=block, phase=block.phase)


# -- by a rule -------------------------------------------------------------------------------------------------------


def test_a_preview_says_what_would_be_bound_and_writes_nothing(scheduled: Site, lead: User) -> None:
    unset(scheduled, "TX-1")
    unset(scheduled, "TX-2")
    RequirementFactory.create(site=scheduled, tag="CH-1")

    found = anchor_rules.preview(site_id=scheduled.pk, facts=BY_NAME, actor=lead)

    assert [(row.subject, row.match, row.activities, row.after_on) for row in found] == [
        ("TX-1", RuleMatch.BINDS, (("A100", "Set TX-1 on pad"),), date(2027, 1, 11)),
        ("TX-2", RuleMatch.BINDS, (("A110", "Set tx-2 on pad"),), date(2027, 2, 1)),
    ]
    assert (AnchorRule.objects.count(), RosAnchor.objects.count()) == (0, 0)


def test_a_rule_binds_and_required_dates_follow(scheduled: Site, lead: User) -> None:
    requirement = unset(scheduled, "TX-1", shake_out_days=10)

    rule = made(scheduled, lead)

    requirement.refresh_from_db()
    anchor = requirement.anchors.get()
    assert (anchor.activity_code, anchor.rule, anchor.last_on) == ("A100", rule, date(2027, 1, 11))
    assert (requirement.ros_rule, requirement.required_on_site) == (RosRule.ANCHORED, date(2027, 1, 1))
    assert AuditEvent.objects.get(verb="anchor_rule.made").facts["bound"] == ["TX-1"]


def test_an_activity_code_is_looked_at_by_its_type(scheduled: Site, lead: User) -> None:
    unset(scheduled, "TX-3")

    made(scheduled, lead, BY_CODE)

    assert RosAnchor.objects.get().activity_code == "A130"


def test_a_date_fixed_by_hand_stays(scheduled: Site, lead: User) -> None:
    fixed = RequirementFactory.create(site=scheduled, tag="TX-1")

    (match,) = anchor_rules.preview(site_id=scheduled.pk, facts=BY_NAME, actor=lead)
    made(scheduled, lead)

    fixed.refresh_from_db()
    assert (match.match, fixed.ros_rule, fixed.anchors.count()) == (RuleMatch.BOUND_BY_HAND, RosRule.FIXED, 0)


def test_a_gate_is_bound_by_the_code_of_its_block(gate: Gate, lead: User) -> None:
    made(gate.site, lead, GATES)

    gate.refresh_from_db()
    assert (gate.activity_code, gate.followed_on) == ("A120", date(2027, 6, 30))
    assert BlockForecast.objects.get(current=True).rfs_forecast_on == date(2027, 6, 30)


def test_a_gate_that_several_activities_fit_is_left_alone(gate: Gate, lead: User, approver: User) -> None:
    two = content(task("102", "A120", wbs_id="11"), task("104", "A140", wbs_id="11"), data_date="2026-12-18 08:00")
    accepted(gate.site, approver, two, reason="Smaller")

    (match,) = anchor_rules.preview(site_id=gate.site_id, facts=GATES, actor=lead)

    assert (match.match, match.after_on, [code for code, _ in match.activities]) == (
        RuleMatch.AMBIGUOUS,
        None,
        ["A120", "A140"],
    )


def test_a_rule_is_applied_to_the_next_schedule_too(scheduled: Site, lead: User, approver: User) -> None:
    made(scheduled, lead)
    late = unset(scheduled, "TX-2")

    accepted(scheduled, approver, FILE.replace(b"2026-11-20 08:00", b"2026-12-18 08:00"))

    late.refresh_from_db()
    assert late.required_on_site == date(2027, 2, 1)


def test_a_rule_follows_an_activity_that_was_renumbered(scheduled: Site, lead: User, approver: User) -> None:
    requirement = unset(scheduled, "TX-1")
    made(scheduled, lead)

    accepted(scheduled, approver, RENUMBERED, reason="Renumbered")

    anchor = requirement.anchors.get()
    assert (anchor.activity_code, anchor.lost_at) == ("B100", None)


def test_what_a_rule_bound_on_acceptance_is_taken_back_with_it(scheduled: Site, lead: User, approver: User) -> None:
    made(scheduled, lead)
    requirement = unset(scheduled, "TX-2")
    revision = accepted(scheduled, approver, FILE.replace(b"2026-11-20 08:00", b"2026-12-18 08:00"))

    schedules.roll_back(revision_id=revision.pk, reason="Wrong", actor=approver, now=NOW)

    requirement.refresh_from_db()
    assert (requirement.ros_rule, requirement.required_on_site, requirement.anchors.count()) == (RosRule.NONE, None, 0)


# The work is called otherwise, and another activity has its name: the rule follows the name.
RENAMED = FILE.replace(b"Set TX-1", b"Lay TX one").replace(b"\tConnect\t", b"\tSet TX-1 east\t")


def rebound_by_hand(requirement: Requirement, approver: User, lead: User, code: str) -> ScheduleRevision:
    """To an activity of its choice, after the rule went elsewhere with a new schedule."""
    revision: ScheduleRevision = accepted(requirement.site, approver, RENAMED.replace(b"-11-20 08", b"-12-18 08"))
    assert requirement.anchors.get().activity_code == "A130"
    requirements.bind_ros(
        requirement_id=requirement.pk, project_code="DC1", activity_code=code, edge="start", shake_out_days=0,
        shake_out_basis="calendar", reason="As the planner says", actor=lead, now=NOW,
    )  # fmt: skip
    return revision


@pytest.mark.parametrize("code", ["A100", "A120"])
def test_a_required_date_bound_again_since_stays_whole_on_a_roll_back(
    scheduled: Site, lead: User, approver: User, code: str
) -> None:
    requirement = unset(scheduled, "TX-1")
    made(scheduled, lead)
    revision = rebound_by_hand(requirement, approver, lead, code)

    answer = schedules.roll_back(revision_id=revision.pk, reason="Wrong", actor=approver, now=NOW)

    assert [(row["table"], row["what"], row["forced"]) for row in answer.left] == [("anchor", "TX-1", False)] * 2
    assert [(row.activity_code, row.rule_id) for row in requirement.anchors.all()] == [(code, None)]
    assert broken() == []


@pytest.mark.parametrize("code", ["A100", "A120"])
def test_forced_a_roll_back_puts_the_rule_s_binding_in_its_place(
    scheduled: Site, lead: User, approver: User, code: str
) -> None:
    requirement = unset(scheduled, "TX-1")
    rule = made(scheduled, lead)
    revision = rebound_by_hand(requirement, approver, lead, code)

    answer = schedules.roll_back(revision_id=revision.pk, reason="Wrong", actor=approver, now=NOW, force=True)

    assert {row["forced"] for row in answer.left} == {True}
    assert [(row.activity_code, row.rule_id) for row in requirement.anchors.all()] == [("A100", rule.pk)]
    assert broken() == []


def test_two_schedules_rolled_back_one_after_the_other_leave_nothing_behind(
    scheduled: Site, lead: User, approver: User
) -> None:
    requirement = unset(scheduled, "TX-1")
    made(scheduled, lead)
    first = accepted(scheduled, approver, FILE.replace(b"-11-20 08", b"-12-04 08"))
    second = accepted(scheduled, approver, RENAMED.replace(b"-11-20 08", b"-12-18 08"))

    left = [
        schedules.roll_back(revision_id=each.pk, reason="Wrong", actor=approver, now=NOW).left
        for each in (second, first)
    ]

    assert (left, requirement.anchors.get().activity_code) == ([(), ()], "A100")
    assert broken() == []


def test_a_rule_that_has_ended_binds_nothing_more(scheduled: Site, lead: User, approver: User) -> None:
    rule = made(scheduled, lead)
    anchor_rules.end(rule_id=rule.pk, reason="By hand now", actor=lead, now=NOW)
    late = unset(scheduled, "TX-2")

    accepted(scheduled, approver, FILE.replace(b"2026-11-20 08:00", b"2026-12-18 08:00"))

    assert late.anchors.count() == 0


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (RuleFacts("DC9", AnchorSubject.REQUIREMENT, AnchorField.NAME, "{code}", ActivityEdge.START), "project_code"),
        (RuleFacts("DC1", AnchorSubject.REQUIREMENT, AnchorField.NAME, "Set", ActivityEdge.START), "pattern"),
        (RuleFacts("DC1", AnchorSubject.GATE, AnchorField.NAME, "{code}", ActivityEdge.START), "gate_kinds"),
        (
            RuleFacts("DC1", AnchorSubject.REQUIREMENT, AnchorField.ACTIVITY_CODE, "{code}", ActivityEdge.START),
            "code_type",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_its_field(
    scheduled: Site, lead: User, facts: RuleFacts, field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        made(scheduled, lead, facts)

    assert (caught.value.field, AnchorRule.objects.count()) == (field, 0)


def test_a_rule_needs_the_right_and_the_site_in_sight(scheduled: Site, approver: User) -> None:
    outsider = MembershipFactory.create(role=Role.SITE_LEAD, site=SiteFactory.create()).person

    with pytest.raises(NotPermitted):
        made(scheduled, approver)
    with pytest.raises(NotFound):
        made(scheduled, outsider)


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_a_gate_follows_an_activity_by_its_code(gate: Gate, lead: User) -> None:
    bound = bind(gate, lead)

    assert (bound.project_code, bound.activity_code, bound.followed_on) == ("DC1", "A120", date(2027, 6, 30))
    assert BlockForecast.objects.get(current=True).rfs_forecast_on == date(2027, 6, 30)


def test_a_gate_that_is_let_go_is_kept_by_hand_again(gate: Gate, lead: User) -> None:
    bind(gate, lead)

    free = bind(gate, lead, activity_code="")

    assert (free.project_code, free.activity_code, free.followed_on) == ("", "", None)
    assert AuditEvent.objects.filter(verb="gate.let_go").count() == 1


def test_a_rule_never_replaces_what_a_person_bound(gate: Gate, lead: User) -> None:
    bind(gate, lead, activity_code="A100")

    made(gate.site, lead, GATES)

    gate.refresh_from_db()
    assert (gate.activity_code, gate.rule) == ("A100", None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"activity_code": "A999"}, "activity_code"),
        ({"project_code": "DC9"}, "project_code"),
        ({"edge": "middle"}, "edge"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_binding_that_cannot_be_is_refused_by_its_field(
    gate: Gate, lead: User, given: dict[str, str], field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        bind(gate, lead, **given)

    assert caught.value.field == field


def test_binding_a_gate_needs_the_right(gate: Gate, approver: User) -> None:
    with pytest.raises(NotPermitted):
        bind(gate, approver)
