"""What a requirement's dates hang on: who may change it, what moves, what is refused with nothing stored."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from procurement.models import Requirement, RequirementForecast
from procurement.services import requirements
from procurement.services import schedules as accepting
from procurement.vocabulary import RosRule
from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from sites.services import schedules as reading
from tests.factories.accounts import UserFactory
from tests.factories.procurement import EquipmentClassFactory, LeadTimeFactory, RequirementFactory
from tests.factories.sites import MembershipFactory
from tests.sites.readers.xer import SMALL, xer

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


@pytest.fixture
def buyer() -> User:
    return MembershipFactory.create(role=Role.BUYER).person


@pytest.fixture
def requirement() -> Requirement:
    """Fixed on 20 September 2027, not ordered; its site has an accepted schedule with A100 and A110."""
    requirement = RequirementFactory.create()
    revision = reading.read_revision(site=requirement.site, content=xer(*SMALL), file_name="s.xer", actor=None, now=NOW)
    approver = MembershipFactory.create(role=Role.APPROVER).person
    accepting.accept(revision_id=revision.pk, actor=approver, now=NOW)
    return requirement


def bind(requirement: Requirement, actor: User, **given: Any) -> requirements.Ruled:
    said: dict[str, Any] = {
        "project_code": "DC1", "activity_code": "A100", "edge": "start", "shake_out_days": 10,
        "shake_out_basis": "working", "reason": "Set by the site team", **given,
    }  # fmt: skip
    return requirements.bind_ros(requirement_id=requirement.pk, actor=actor, now=NOW, **said)


def fix(requirement: Requirement, actor: User, **given: Any) -> requirements.Ruled:
    said: dict[str, Any] = {"required_on": date(2027, 8, 2), "reason": "Agreed in the meeting", **given}
    return requirements.set_ros_fixed(requirement_id=requirement.pk, actor=actor, now=NOW, **said)


def choose(requirement: Requirement, actor: User, **given: Any) -> requirements.Ruled:
    said: dict[str, Any] = {"weeks": None, "reason": "Newest quotation", **given}
    return requirements.choose_lead_time(requirement_id=requirement.pk, actor=actor, now=NOW, **said)


def stored(requirement: Requirement) -> Requirement:
    return Requirement.objects.get(pk=requirement.pk)


def forecast_of(requirement: Requirement) -> RequirementForecast:
    return RequirementForecast.objects.get(requirement=requirement, current=True)


# -- an activity -------------------------------------------------------------------------------------------------


def test_the_date_follows_the_activity_less_the_shake_out(requirement: Requirement, buyer: User) -> None:
    """Monday 2027-01-11 back ten working days: New Year, Christmas and Boxing Day (kept on the 28th) are out."""
    ruled = bind(requirement, buyer)

    assert ruled.requirement.required_on_site == date(2026, 12, 23)
    assert (ruled.requirement.ros_rule, ruled.requirement.ros_fixed_on) == (RosRule.ANCHORED, None)
    assert forecast_of(requirement).required_on_site == date(2026, 12, 23)
    anchor = ruled.requirement.anchors.get()
    assert (anchor.project_code, anchor.activity_code, anchor.edge, anchor.last_on) == (
        "DC1", "A100", "start", date(2027, 1, 11),
    )  # fmt: skip


def test_the_finish_of_an_activity_is_another_date(requirement: Requirement, buyer: User) -> None:
    ruled = bind(requirement, buyer, edge="finish", shake_out_days=0)

    assert ruled.requirement.required_on_site == date(2027, 2, 5)


def test_binding_anew_replaces_the_rule_so_far(requirement: Requirement, buyer: User) -> None:
    bind(requirement, buyer)

    ruled = bind(requirement, buyer, activity_code="A110")

    assert [anchor.activity_code for anchor in ruled.requirement.anchors.all()] == ["A110"]


def test_a_binding_is_recorded_with_what_was_before(requirement: Requirement, buyer: User) -> None:
    bind(requirement, buyer)

    event = AuditEvent.objects.get(verb="requirement.ros_bound")
    assert (event.actor, event.reason, event.subject_id) == (buyer, "Set by the site team", str(requirement.pk))
    assert (event.facts["before"]["fixed_on"], event.facts["after"]["anchors"]) == ("2027-09-20", ["A100"])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"activity_code": "A999"}, "activity_code"),
        ({"project_code": "DC9"}, "project_code"),
        ({"edge": "middle"}, "edge"),
        ({"shake_out_basis": "lunar"}, "shake_out_basis"),
        ({"shake_out_days": -1}, "shake_out_days"),
        ({"shake_out_days": 367}, "shake_out_days"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 301}, "reason"),
    ],
)
def test_a_binding_that_means_nothing_is_refused(
    requirement: Requirement, buyer: User, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        bind(requirement, buyer, **given)

    assert caught.value.field == field
    assert (stored(requirement).ros_rule, requirement.anchors.count()) == (RosRule.FIXED, 0)


def test_an_activity_without_a_date_binds_nothing(requirement: Requirement, buyer: User) -> None:
    activity = requirement.site.revisions.get().activities.get(code="A100")
    activity.early_start = activity.planned_start = None
    activity.save()

    with pytest.raises(BadInput) as caught:
        bind(requirement, buyer)

    assert caught.value.field == "activity_code"


# -- a fixed date ------------------------------------------------------------------------------------------------


def test_a_fixed_date_replaces_the_anchors(requirement: Requirement, buyer: User) -> None:
    bind(requirement, buyer)

    ruled = fix(requirement, buyer)

    assert (ruled.requirement.ros_rule, ruled.requirement.required_on_site) == (RosRule.FIXED, date(2027, 8, 2))
    assert not ruled.requirement.anchors.exists()
    assert forecast_of(requirement).required_on_site == date(2027, 8, 2)


@pytest.mark.parametrize(
    ("given", "field"), [({"reason": ""}, "reason"), ({"required_on": date(1999, 1, 1)}, "required_on")]
)
def test_a_fixed_date_is_plausible_and_says_why(
    requirement: Requirement, buyer: User, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        fix(requirement, buyer, **given)

    assert (caught.value.field, stored(requirement).ros_fixed_on) == (field, date(2027, 9, 20))


# -- a lead time -------------------------------------------------------------------------------------------------


def test_the_forecast_runs_with_the_high_weeks(requirement: Requirement, buyer: User) -> None:
    """48 weeks from the day of the calculation to ready to ship, then 28 and 7 days and 5 working days."""
    observation = LeadTimeFactory.create()

    ruled = choose(requirement, buyer, observation_id=observation.pk)

    steps = {step["code"]: step["forecast_on"] for step in forecast_of(requirement).steps}
    assert (steps["RTS"], steps["SUBMITTAL_IN"]) == ("2027-10-22", None)
    assert [each.kind for each in ruled.moved] == ["requirement"]


def test_the_weeks_that_the_planner_picks_win(requirement: Requirement, buyer: User) -> None:
    observation = LeadTimeFactory.create()

    choose(requirement, buyer, observation_id=observation.pk, weeks=Decimal("40"))

    steps = {step["code"]: step["forecast_on"] for step in forecast_of(requirement).steps}
    assert (steps["RTS"], stored(requirement).lead_time_weeks) == ("2027-08-27", Decimal("40"))


def test_choosing_none_goes_back_to_the_durations_of_the_chain(requirement: Requirement, buyer: User) -> None:
    before = forecast_with_durations(requirement, buyer)
    choose(requirement, buyer, observation_id=LeadTimeFactory.create().pk)

    ruled = choose(requirement, buyer, observation_id=None)

    assert (ruled.requirement.lead_time, ruled.requirement.lead_time_reason) == (None, "")
    assert forecast_of(requirement).forecast_on == before


def forecast_with_durations(requirement: Requirement, buyer: User) -> date | None:
    fix(requirement, buyer, required_on=date(2027, 9, 20))
    return forecast_of(requirement).forecast_on


def test_a_basis_that_the_chain_lacks_is_refused(requirement: Requirement, buyer: User) -> None:
    for given, field in (
        ({"basis_from": "LETTER_OF_INTENT"}, "basis_from"),
        ({"basis_to": "EX_WORKS"}, "basis_to"),
        ({"basis_from": "RTS", "basis_to": "PO_ISSUED"}, "basis_to"),
    ):
        with pytest.raises(BadInput) as caught:
            choose(requirement, buyer, observation_id=LeadTimeFactory.create(**given).pk)
        assert caught.value.field == field
    assert stored(requirement).lead_time is None


@pytest.mark.parametrize("weeks", ["-1", "521", "NaN", "Infinity", "40.25"])
def test_weeks_are_plausible(requirement: Requirement, buyer: User, weeks: str) -> None:
    observation = LeadTimeFactory.create()

    with pytest.raises(BadInput) as caught:
        choose(requirement, buyer, observation_id=observation.pk, weeks=Decimal(weeks))

    assert caught.value.field == "weeks"


def test_weeks_without_a_lead_time_are_refused(requirement: Requirement, buyer: User) -> None:
    with pytest.raises(BadInput) as caught:
        choose(requirement, buyer, observation_id=None, weeks=Decimal("40"))

    assert caught.value.field == "weeks"


def test_the_lead_time_of_another_class_is_refused(requirement: Requirement, buyer: User) -> None:
    other = LeadTimeFactory.create(equipment_class=EquipmentClassFactory.create(code="transformer"))

    with pytest.raises(BadInput) as caught:
        choose(requirement, buyer, observation_id=other.pk)

    assert caught.value.field == "observation"


# -- who may -----------------------------------------------------------------------------------------------------

WRITES: list[Callable[[Requirement, User], requirements.Ruled]] = [
    bind,
    fix,
    lambda requirement, actor: choose(requirement, actor, observation_id=None),
]


@pytest.mark.parametrize("write", WRITES)
def test_a_viewer_changes_nothing(requirement: Requirement, write: Callable[..., object]) -> None:
    viewer = MembershipFactory.create(role=Role.VIEWER, site=requirement.site).person

    with pytest.raises(NotPermitted):
        write(requirement, viewer)


@pytest.mark.parametrize("write", WRITES)
def test_an_outsider_learns_nothing(requirement: Requirement, write: Callable[..., object]) -> None:
    with pytest.raises(NotFound):
        write(requirement, UserFactory.create())


def test_a_requirement_that_is_not_there_is_not_found(buyer: User) -> None:
    with pytest.raises(NotFound):
        fix(Requirement(pk=uuid4()), buyer)


@pytest.mark.parametrize("write", WRITES)
def test_a_cancelled_requirement_stays_as_it_is(
    requirement: Requirement, buyer: User, write: Callable[..., object]
) -> None:
    Requirement.objects.filter(pk=requirement.pk).update(cancelled_at=NOW)

    with pytest.raises(Conflict):
        write(requirement, buyer)
