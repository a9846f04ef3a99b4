from datetime import date

import pghistory.models
import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import authenticate

from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Permission, Role
from sites.domain.errors import BadInput
from sites.models import Membership
from sites.queries.access import can
from sites.services import people
from sites.vocabulary import ScopeKind
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

GOOD = {
    "username": "root",
    "email": "root@people.example",
    "name": "Ann Root",
    "password": "wind-tunnel-42-turbine",
}


def test_an_administrator_can_log_in() -> None:
    user = people.create_administrator(**GOOD)

    assert authenticate(username="root", password=GOOD["password"]) == user


def test_an_administrator_may_do_all_but_approve() -> None:
    user = people.create_administrator(**GOOD)

    refused = {permission for permission in Permission if not can(user, permission, site_id=None)}

    assert refused == {Permission.APPROVE}


def test_an_administrator_holds_one_role_over_the_portfolio() -> None:
    user = people.create_administrator(**GOOD)

    assert list(Membership.objects.values_list("person", "role", "scope")) == [
        (user.pk, Role.ADMINISTRATOR, ScopeKind.PORTFOLIO)
    ]


def test_the_address_of_an_administrator_counts_as_checked() -> None:
    user = people.create_administrator(**GOOD)

    address = EmailAddress.objects.get()
    assert (address.user, address.email, address.verified, address.primary) == (user, GOOD["email"], True, True)


def test_making_an_administrator_is_an_audited_intention() -> None:
    user = people.create_administrator(**GOOD)

    event = AuditEvent.objects.get()
    assert (event.actor, event.verb, event.subject_kind, event.subject_id) == (
        None,
        "person.created",
        "user",
        str(user.pk),
    )


def test_a_person_without_a_name_is_called_by_the_user_name() -> None:
    assert people.create_administrator(**{**GOOD, "name": ""}).name == "root"


REFUSED = [
    pytest.param({"username": ""}, "username", id="no user name"),
    pytest.param({"username": "ann root"}, "username", id="a blank in the user name"),
    pytest.param({"username": "a\0b"}, "username", id="a NUL byte in the user name"),
    pytest.param({"username": "a" * 151}, "username", id="a user name too long"),
    pytest.param({"username": "ANN"}, "username", id="a user name taken in other letters"),
    pytest.param({"email": ""}, "email", id="no address"),
    pytest.param({"email": "root"}, "email", id="no address at all"),
    pytest.param({"email": "root\0@people.example"}, "email", id="a NUL byte in the address"),
    pytest.param({"email": "ANN@people.example"}, "email", id="an address taken in other letters"),
    pytest.param({"name": "A" * 121}, "name", id="a name too long"),
    pytest.param({"name": "Ann\0"}, "name", id="a NUL byte in the name"),
    pytest.param({"password": "short"}, "password", id="a short password"),
    pytest.param({"password": ""}, "password", id="no password"),
    pytest.param({"password": "password1234"}, "password", id="a common password"),
    pytest.param({"username": "transformer", "password": "transformer-1"}, "password", id="a password like the name"),
]


@pytest.mark.parametrize(("wrong", "field"), REFUSED)
def test_what_is_wrong_is_named_and_nothing_is_stored(wrong: dict[str, str], field: str) -> None:
    UserFactory.create(username="ann", email="ann@people.example")

    with pytest.raises(BadInput) as refusal:
        people.create_administrator(**{**GOOD, **wrong})

    assert refusal.value.field == field
    assert (User.objects.count(), Membership.objects.count(), AuditEvent.objects.count()) == (1, 0, 0)


MONDAY, TUESDAY, FRIDAY = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 20)


@pytest.mark.parametrize(
    ("days", "last", "before"),
    [
        ([MONDAY], MONDAY, None),
        ([MONDAY, MONDAY], MONDAY, None),
        ([MONDAY, FRIDAY], FRIDAY, MONDAY),
        ([MONDAY, TUESDAY, FRIDAY, FRIDAY], FRIDAY, TUESDAY),
        ([MONDAY, FRIDAY, TUESDAY], FRIDAY, MONDAY),
    ],
)
def test_the_day_of_the_visit_before_is_kept(days: list[date], last: date, before: date | None) -> None:
    person = UserFactory.create(visited_on=None)

    for day in days:
        people.visit(person, day)

    person.refresh_from_db()
    assert (person.visited_on, person.visited_before_on) == (last, before)


def test_two_first_pages_of_a_day_are_one_visit() -> None:
    person = UserFactory.create(visited_on=MONDAY)
    same = User.objects.get(pk=person.pk)

    people.visit(person, FRIDAY)
    people.visit(same, FRIDAY)

    assert (same.visited_on, same.visited_before_on) == (FRIDAY, MONDAY)


def test_a_visit_is_no_change_of_a_person() -> None:
    person = UserFactory.create(visited_on=MONDAY)
    before = pghistory.models.Events.objects.tracks(person).count()

    people.visit(person, FRIDAY)

    assert pghistory.models.Events.objects.tracks(person).count() == before
