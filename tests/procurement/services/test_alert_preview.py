"""A change or a threshold is tried before it is saved, by a person's own rights, and leaves nothing."""

import json
from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from procurement.models import Alert, AlertRuleSetting, Requirement
from procurement.services import rule_settings
from procurement.services.alert_preview import as_document, preview
from procurement.services.rehearsal import rehearse, seen_by
from procurement.vocabulary import Rule
from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, NotFound, NotPermitted, RuleBroken
from tests.factories.accounts import UserFactory
from tests.factories.procurement import EquipmentClassFactory
from tests.factories.sites import AssignmentFactory, MembershipFactory, SiteFactory
from tests.procurement.stage import NOON, Late, assigned, holder, late, look

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> User:
    person = UserFactory.create(username="admin")
    MembershipFactory.create(person=person, role=Role.ADMINISTRATOR)
    return person


@pytest.fixture
def unit() -> Late:
    """Fifteen days of float: enough, unless somebody asks for more."""
    made = late(days=-15)
    assigned(made.site, Role.EXPEDITER)
    return made


def buffer(days: int, **where: str) -> dict[str, Any]:
    return {"threshold": {"rule": "low_float", "parameters": {"buffer_days": days}} | where}


def test_a_threshold_says_what_it_would_open_and_whom_it_would_tell(unit: Late, actor: User) -> None:
    found = preview(buffer(20, site="SYD1"), actor=actor, now=NOON)

    assert [(row.rule, row.is_new) for row in found.alerts] == [(Rule.LOW_FLOAT, True)]
    assert [row.role for row in found.told] == [Role.EXPEDITER]
    assert not AlertRuleSetting.objects.exists()
    assert not Alert.objects.exists()


def test_a_threshold_of_another_class_or_within_bounds_changes_nothing(unit: Late, actor: User) -> None:
    EquipmentClassFactory.create(code="pump")

    assert preview(buffer(20, equipment_class="pump"), actor=actor, now=NOON).alerts == ()
    assert preview(buffer(12), actor=actor, now=NOON).alerts == ()


def test_a_threshold_that_is_saved_is_looked_at_at_once(unit: Late, actor: User) -> None:
    rule_settings.save(
        rule=Rule.LOW_FLOAT, parameters={"buffer_days": 20}, reason="Long sea legs", actor=actor, now=NOON
    )
    opened = Alert.objects.get()
    rule_settings.save(rule=Rule.LOW_FLOAT, parameters={}, reason="Not worth it", actor=actor, now=NOON)

    opened.refresh_from_db()
    assert (opened.rule, opened.state) == (Rule.LOW_FLOAT, "recovered")
    assert not AlertRuleSetting.objects.exists()
    assert list(AuditEvent.objects.order_by("pk").values_list("verb", "facts__after")) == [
        ("alert_rule.set", {"buffer_days": 20}), ("alert_rule.set", {}),
    ]  # fmt: skip


def test_a_required_date_that_is_pulled_forward_is_tried(unit: Late, actor: User) -> None:
    change = {"required_on_site": {"site": "SYD1", "requirement": "CH-03", "on": "2027-08-01"}}

    found = preview(change, actor=actor, now=NOON)

    assert {row.rule for row in found.alerts} >= {Rule.ROS_PULLED_FORWARD}
    assert Requirement.objects.get().required_on_site == date(2027, 9, 20)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "change"),
        ({"weather": {}}, "change"),
        ({"threshold": 1}, "change"),
        ({"threshold": {"rule": "no_such"}}, "threshold.rule"),
        ({"threshold": {"rule": "low_float"}}, "threshold.parameters"),
        ({"threshold": {"rule": "low_float", "parameters": {"bands": [1]}}}, "parameters.bands"),
        ({"threshold": {"rule": "low_float", "parameters": {}, "site": "NOWHERE"}}, "threshold.site"),
        ({"threshold": {"rule": "low_float", "parameters": {}, "sites": "SYD1"}}, "threshold.sites"),
        (
            {"threshold": {"rule": "low_float", "parameters": {}, "equipment_class": "spoon"}},
            "threshold.equipment_class",
        ),
        (
            {"required_on_site": {"site": "SYD1", "requirement": "CH-99", "on": "2027-08-01"}},
            "required_on_site.requirement",
        ),
        ({"required_on_site": {"site": "SYD1", "requirement": "CH-03", "on": "soon"}}, "required_on_site.on"),
        ({"promise": {"order": "1", "line": 10, "value": "2027-08-01"}}, "promise.order"),
        ({"promise": {"line": 10, "value": "2027-08-01"}}, "promise.order"),
    ],
)
def test_what_cannot_be_tried_is_refused_by_name(change: dict[str, Any], field: str, unit: Late, actor: User) -> None:
    with pytest.raises(RuleBroken) as refusal:
        preview(change, actor=actor, now=NOON)

    assert isinstance(refusal.value, BadInput | NotFound)
    assert refusal.value.field == field


def test_a_preview_needs_the_right_to_make_the_change(unit: Late) -> None:
    with pytest.raises(NotPermitted):
        preview(buffer(20, site="SYD1"), actor=holder(unit.site, Role.VIEWER), now=NOON)
    with pytest.raises(NotFound):
        preview(buffer(20, site="SYD1"), actor=holder(SiteFactory.create(), Role.SITE_LEAD), now=NOON)


def test_the_command_prints_one_document_or_lines(unit: Late, actor: User) -> None:
    out = StringIO()
    change = json.dumps(buffer(20))

    call_command("alert_preview", change=change, at="2026-11-20T01:00+00:00", json=True, stdout=out)
    document = json.loads(out.getvalue())
    lines = StringIO()
    call_command("alert_preview", change=change, at="2026-11-20T01:00+00:00", stdout=lines)

    assert [row["rule"] for row in document["alerts"]] == ["low_float"]
    assert document["told"][0]["release_at"].startswith("2026-11-20T08:")
    assert "alert  opened low_float" in lines.getvalue()
    assert set(document) == set(as_document(preview(buffer(20), actor=actor, now=NOON)))


@pytest.mark.parametrize(
    "options",
    [
        {"change": "{"},
        {"change": "[]"},
        {"change": "@/no/such/file"},
        {"change": "{}", "actor": "nobody"},
        {"change": "{}", "at": "noon"},
        {"change": "{}"},
    ],
)
def test_bad_input_ends_with_two(options: dict[str, str], actor: User) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("alert_preview", **options)

    assert refusal.value.returncode == 2


def test_what_stands_already_is_not_said_to_open(unit: Late, actor: User) -> None:
    rule_settings.save(rule=Rule.LOW_FLOAT, parameters={"buffer_days": 20}, reason="Sea", actor=actor, now=NOON)
    look(unit.site)

    assert preview(buffer(25), actor=actor, now=NOON).alerts == ()


def test_of_a_change_everywhere_nobody_learns_of_sites_out_of_sight(unit: Late, actor: User) -> None:
    """Neither the alerts there, nor who answers for them, nor how many of them a shared reader is told of."""
    tokyo = late(SiteFactory.create(code="TYO1", tokyo=True), days=-15, tag="TX-01")
    both = User.objects.get(assignments__site=unit.site)
    MembershipFactory.create(person=both, role=Role.EXPEDITER, site=tokyo.site)
    AssignmentFactory.create(person=both, role=Role.EXPEDITER, site=tokyo.site)
    osaka = late(SiteFactory.create(code="KIX1", tokyo=True), days=-15, tag="TX-02")
    there = assigned(osaka.site, Role.EXPEDITER)

    def change() -> None:
        rule_settings.save(rule=Rule.LOW_FLOAT, parameters={"buffer_days": 20}, reason="Sea", actor=actor, now=NOON)

    whole = rehearse(change, now=NOON)
    seen = seen_by(whole, holder(unit.site, Role.VIEWER))

    assert {row.person for row in whole.told} == {str(both), str(there)}
    assert [row.site_id for row in seen.alerts] == [unit.site.pk]
    assert [(row.person, row.alerts) for row in seen.told] == [(str(both), (seen.alerts[0].alert_id,))]
    assert seen_by(whole, actor) == whole
