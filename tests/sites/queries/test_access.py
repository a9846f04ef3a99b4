"""Who may do what where: the answer and the refusal never differ."""

from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries

from sites.accounts.models import User
from sites.accounts.permissions import ROLES, Permission, Role
from sites.domain.errors import NotPermitted
from sites.queries.access import can, reaches, sites_where
from sites.services.access import check_can, check_can_at_all
from tests.factories.accounts import UserFactory
from tests.factories.sites import MembershipFactory
from tests.visibility import BAY, HARBOUR, NOWHERE, REACHES, RIDGE, Reach, make_places

pytestmark = pytest.mark.django_db

P = Permission
MATRIX = {
    Role.VIEWER: {P.SITE_VIEW},
    Role.EXPEDITER: {P.SITE_VIEW, P.AMOUNTS_VIEW, P.DATES_WRITE, P.LOCK_WRITE, P.LEAD_TIME_WRITE, P.ALERT_WRITE},
    Role.BUYER: {
        P.SITE_VIEW,
        P.AMOUNTS_VIEW,
        P.DATES_WRITE,
        P.LOCK_WRITE,
        P.ORDER_WRITE,
        P.REQUIREMENT_WRITE,
        P.LEAD_TIME_WRITE,
        P.ALERT_WRITE,
    },
    Role.SITE_LEAD: {
        P.SITE_VIEW,
        P.DATES_WRITE,
        P.REQUIREMENT_WRITE,
        P.SITE_WRITE,
        P.ALERT_WRITE,
        P.SCHEDULE_WRITE,
    },
    Role.ENERGY_LEAD: {P.SITE_VIEW, P.AMOUNTS_VIEW, P.POWER_WRITE, P.ALERT_WRITE},
    Role.APPROVER: {P.SITE_VIEW, P.AMOUNTS_VIEW, P.APPROVE},
    Role.ADMINISTRATOR: set(Permission) - {P.APPROVE},
    Role.ERP_CLIENT: {P.SITE_VIEW, P.AMOUNTS_VIEW, P.DATES_WRITE, P.LOCK_WRITE, P.ORDER_WRITE},
}


def _refused(actor: User, permission: Permission, *, site_id: UUID | None) -> bool:
    try:
        check_can(actor, permission, site_id=site_id)
    except NotPermitted:
        return True
    return False


def test_the_table_of_roles_is_as_agreed() -> None:
    assert {role: set(grant.permissions) for role, grant in ROLES.items()} == MATRIX


@pytest.mark.parametrize("role", Role)
def test_a_role_at_a_site_grants_just_its_permissions_there(role: Role) -> None:
    harbour = make_places()[HARBOUR]
    actor = MembershipFactory.create(role=role, site=harbour).person

    granted = {permission for permission in Permission if can(actor, permission, site_id=harbour.pk)}
    refused = {permission for permission in Permission if _refused(actor, permission, site_id=harbour.pk)}

    assert (granted, refused) == (MATRIX[role], set(Permission) - MATRIX[role])


@pytest.mark.parametrize("role", Role)
def test_a_role_over_the_portfolio_grants_its_permissions_without_a_site(role: Role) -> None:
    actor = MembershipFactory.create(role=role).person

    granted = {permission for permission in Permission if can(actor, permission, site_id=None)}
    refused = {permission for permission in Permission if _refused(actor, permission, site_id=None)}

    assert (granted, refused) == (MATRIX[role], set(Permission) - MATRIX[role])


@pytest.mark.parametrize("reach", REACHES, ids=str)
def test_a_role_counts_where_it_is_held(reach: Reach) -> None:
    places = make_places()
    keys = {name: site.pk for name, site in places.items()} | {NOWHERE: None}
    actor = reach.person(Role.BUYER, places)

    allowed = {name for name, key in keys.items() if can(actor, Permission.ORDER_WRITE, site_id=key)}
    refused = {name for name, key in keys.items() if _refused(actor, Permission.ORDER_WRITE, site_id=key)}

    assert allowed == reach.opens
    assert refused == keys.keys() - reach.opens


@pytest.mark.parametrize("reach", REACHES, ids=str)
def test_the_sites_where_something_is_allowed_are_listed_in_one_query(
    reach: Reach, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    places = make_places()
    actor = reach.person(Role.BUYER, places)

    with django_assert_max_num_queries(1):
        allowed = sites_where(actor, Permission.ORDER_WRITE)

    assert allowed == {site.pk for name, site in places.items() if name in reach.opens}


@pytest.mark.parametrize("active", [True, False])
def test_many_people_are_answered_in_one_query_as_each_alone(
    active: bool, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    places = make_places()
    people = {str(reach): reach.person(Role.BUYER, places) for reach in REACHES}
    User.objects.update(is_active=active)
    asked = [(None, None), *((site.pk, site.desk_id) for site in places.values())]

    with django_assert_num_queries(1):
        found = reaches([person.pk for person in people.values()], Permission.ORDER_WRITE)

    for person in User.objects.filter(pk__in=[person.pk for person in people.values()]):
        alone = [can(person, Permission.ORDER_WRITE, site_id=site_id) for site_id, _desk in asked]
        assert [found[person.pk].includes(*place) for place in asked] == alone


def test_a_site_that_does_not_exist_is_refused_to_the_whole_portfolio() -> None:
    actor = MembershipFactory.create(role=Role.ADMINISTRATOR).person

    assert not can(actor, Permission.SITE_VIEW, site_id=actor.pk)


def test_all_sites_must_allow_it() -> None:
    places = make_places()
    actor = UserFactory.create()
    MembershipFactory.create(person=actor, role=Role.BUYER, site=places[HARBOUR])
    MembershipFactory.create(person=actor, role=Role.BUYER, site=places[RIDGE])

    check_can_at_all(actor, Permission.ORDER_WRITE, site_ids=[places[HARBOUR].pk, places[RIDGE].pk])
    with pytest.raises(NotPermitted):
        check_can_at_all(actor, Permission.ORDER_WRITE, site_ids=[places[HARBOUR].pk, places[BAY].pk])
    with pytest.raises(NotPermitted):
        check_can_at_all(actor, Permission.ORDER_WRITE, site_ids=[places[HARBOUR].pk, None])


def test_a_refusal_says_what_was_not_allowed() -> None:
    actor = MembershipFactory.create(role=Role.VIEWER).person

    with pytest.raises(NotPermitted, match="pin a date and release it"):
        check_can(actor, Permission.LOCK_WRITE, site_id=None)


def test_nobody_both_sets_the_tracker_up_and_approves() -> None:
    holders = {role for role, grant in ROLES.items() if P.APPROVE in grant.permissions}

    assert holders == {Role.APPROVER}


def test_only_an_administrator_grants_roles() -> None:
    holders = {role for role, grant in ROLES.items() if P.PEOPLE_WRITE in grant.permissions}

    assert holders == {Role.ADMINISTRATOR}
