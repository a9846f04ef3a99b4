"""The narrowest duty wins, absence means the deputy, and nobody at all means the administrators."""

from datetime import date, timedelta
from typing import Any

import pytest

from procurement.models import Alert
from procurement.services.recipients import Directory, Reason
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.vocabulary import AssignmentScope, Discipline
from tests.factories.accounts import UserFactory
from tests.factories.sites import AbsenceFactory, AssignmentFactory, DeskFactory, MembershipFactory, SiteFactory
from tests.procurement.stage import NOON, TODAY, Late, assigned, holder, late, look

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit() -> Late:
    made = late(days=12)
    look(made.site)
    return made


def told(unit: Late, **how: object) -> list[tuple[User, Reason]]:
    alert = Alert.objects.get(subject_id=unit.requirement.pk)
    return [(told.person, told.reason) for told in Directory([alert], now=NOON, **how).told(alert)]  # type: ignore[arg-type]


def scopes(unit: Late) -> list[dict[str, Any]]:
    """From the widest to the narrowest, as Assignment fields."""
    line = unit.lot.schedule_line.line
    return [
        {"scope": AssignmentScope.SITE},
        {"scope": AssignmentScope.DISCIPLINE, "discipline": Discipline.MECHANICAL, "site": None},
        {"scope": AssignmentScope.EQUIPMENT_CLASS, "subject_id": line.equipment_class_id, "site": None},
        {"scope": AssignmentScope.COMPANY, "subject_id": line.order.seller_id, "site": None},
        {"scope": AssignmentScope.ORDER, "subject_id": line.order_id, "site": None},
        {"scope": AssignmentScope.ORDER_LINE, "subject_id": line.pk},
    ]


@pytest.mark.parametrize("narrowest", range(6))
def test_the_narrowest_assignment_wins(unit: Late, narrowest: int) -> None:
    people = [assigned(unit.site, **scope) for scope in scopes(unit)[: narrowest + 1]]

    assert told(unit) == [(people[-1], Reason.OWNER)]


def test_the_maker_counts_as_the_vendor_too(unit: Late) -> None:
    plant = unit.lot.schedule_line.line.plant
    assert plant
    person = assigned(unit.site, scope=AssignmentScope.COMPANY, subject_id=plant.company_id, site=None)

    assert told(unit) == [(person, Reason.OWNER)]


def test_buyer_and_expediter_are_both_told_when_both_are_assigned(unit: Late) -> None:
    buyer, expediter = assigned(unit.site, Role.BUYER), assigned(unit.site, Role.EXPEDITER)

    assert told(unit) == [(buyer, Reason.OWNER), (expediter, Reason.OWNER)]


def test_an_assignment_of_another_site_time_or_class_says_nothing(unit: Late) -> None:
    elsewhere = SiteFactory.create()
    person = assigned(unit.site, from_on=TODAY + timedelta(days=1))
    AssignmentFactory.create(person=person, role=Role.BUYER, site=unit.site, until_on=TODAY - timedelta(days=1))
    AssignmentFactory.create(person=person, role=Role.BUYER, site=elsewhere)
    keeper = holder(unit.site, Role.EXPEDITER)

    assert {who.pk for who, _ in told(unit)} == {person.pk, keeper.pk}
    assert {reason for _, reason in told(unit)} == {Reason.ROLE_HOLDER}


def test_an_assignment_without_the_right_to_see_the_site_is_passed_over(unit: Late) -> None:
    AssignmentFactory.create(role=Role.BUYER, site=unit.site)
    buyer = holder(unit.site)

    assert told(unit) == [(buyer, Reason.ROLE_HOLDER)]


def test_without_assignments_the_site_comes_before_the_desk_and_the_portfolio(unit: Late) -> None:
    everywhere, at_desk, here = (UserFactory.create() for _ in range(3))
    MembershipFactory.create(person=everywhere, role=Role.BUYER)
    assert told(unit) == [(everywhere, Reason.ROLE_HOLDER)]
    MembershipFactory.create(person=at_desk, role=Role.BUYER, desk=unit.site.desk)
    MembershipFactory.create(role=Role.BUYER, desk=DeskFactory.create(code="TOKYO"))
    assert told(unit) == [(at_desk, Reason.ROLE_HOLDER)]
    MembershipFactory.create(person=here, role=Role.EXPEDITER, site=unit.site)
    assert told(unit) == [(here, Reason.ROLE_HOLDER)]


def test_nobody_means_every_administrator(unit: Late) -> None:
    holder(unit.site, Role.VIEWER)
    one, other = UserFactory.create(), holder(unit.site, Role.ADMINISTRATOR)
    MembershipFactory.create(person=one, role=Role.ADMINISTRATOR)

    assert {(who.pk, reason) for who, reason in told(unit)} == {
        (one.pk, Reason.ADMINISTRATOR),
        (other.pk, Reason.ADMINISTRATOR),
    }


def test_machines_and_disabled_accounts_are_never_told(unit: Late) -> None:
    holder(unit.site, machine=True)
    holder(unit.site, is_active=False)

    assert told(unit) == []


def test_the_deputy_is_told_during_an_absence(unit: Late) -> None:
    away, deputy = assigned(unit.site), holder(unit.site, Role.VIEWER)
    AbsenceFactory.create(person=away, deputy=deputy)

    assert told(unit) == [(deputy, Reason.DEPUTY)]


def test_a_deputy_who_is_away_as_well_has_one_too(unit: Late) -> None:
    away, also_away, here = assigned(unit.site), holder(unit.site, Role.VIEWER), holder(unit.site, Role.VIEWER)
    AbsenceFactory.create(person=away, deputy=also_away)
    AbsenceFactory.create(person=also_away, deputy=here)

    assert told(unit) == [(here, Reason.DEPUTY)]


def test_two_who_stand_in_for_each_other_while_both_away_are_passed_over(unit: Late) -> None:
    one, other = assigned(unit.site), assigned(unit.site)
    AbsenceFactory.create(person=one, deputy=other)
    AbsenceFactory.create(person=other, deputy=one)
    administrator = holder(unit.site, Role.ADMINISTRATOR)

    assert told(unit) == [(administrator, Reason.ADMINISTRATOR)]


@pytest.mark.parametrize("deputy_sees", [True, False])
def test_without_a_deputy_who_may_see_it_the_next_level_is_told(unit: Late, deputy_sees: bool) -> None:
    away = assigned(unit.site)
    AbsenceFactory.create(person=away, deputy=None if deputy_sees else UserFactory.create())
    at_desk = UserFactory.create()
    MembershipFactory.create(person=at_desk, role=Role.BUYER, desk=unit.site.desk)

    assert told(unit) == [(at_desk, Reason.ROLE_HOLDER)]


@pytest.mark.parametrize(
    ("zone", "is_away"), [("Pacific/Kiritimati", True), ("Australia/Sydney", False), ("Pacific/Midway", False)]
)
def test_an_absence_counts_in_the_persons_own_days(unit: Late, zone: str, is_away: bool) -> None:
    """At 11:00 in London on the 20th it is already the 21st at UTC+14."""
    now = NOON.replace(hour=11)
    person = holder(unit.site, time_zone=zone)
    AssignmentFactory.create(person=person, role=Role.BUYER, site=unit.site)
    deputy = holder(unit.site, Role.VIEWER)
    AbsenceFactory.create(person=person, from_on=date(2026, 11, 21), until_on=date(2026, 11, 21), deputy=deputy)
    alert = Alert.objects.get()

    (found,) = Directory([alert], now=now).told(alert)

    assert found.person == (deputy if is_away else person)


def test_a_refused_address_means_the_usual_deputy(unit: Late) -> None:
    refused, deputy = assigned(unit.site), holder(unit.site, Role.VIEWER)
    AbsenceFactory.create(person=refused, from_on=date(2026, 1, 1), until_on=date(2026, 1, 9), deputy=deputy)
    assert told(unit) == [(refused, Reason.OWNER)]
    assert told(unit, besides=[refused.pk]) == [(deputy, Reason.DEPUTY)]
    refused.email_refused_at = NOON
    refused.save()

    assert told(unit) == [(deputy, Reason.DEPUTY)]


def test_people_are_found_in_as_many_queries_for_three_alerts_as_for_one(django_assert_num_queries: object) -> None:
    site = SiteFactory.create(code="SYD1")
    assigned(site)
    for number in range(3):
        late(site, days=12, tag=f"CH-{number}")
    look(site)
    alerts = list(Alert.objects.select_related("site"))

    for some in (alerts[:1], alerts):
        with django_assert_num_queries(10):  # type: ignore[operator]
            directory = Directory(some, now=NOON)
            assert all(directory.told(alert) for alert in some)
