"""What the tables of people and keys refuse, each in the name of its rule."""

from datetime import date, timedelta
from typing import Any

import pytest
from factory.declarations import SubFactory

from sites.accounts.models import AuditEvent
from tests.factories.accounts import ApiClientFactory, ApiKeyFactory, AuditEventFactory, KeptAnswerFactory, UserFactory
from tests.refusals import kept, refused_by
from tests.rule_cases import Check, Column, Own, Twice, case_id

pytestmark = pytest.mark.django_db

TWICE = [
    Twice(
        "an_email_address_belongs_to_one_user",
        UserFactory,
        first={"email": "ann@people.example"},
        again={"email": "Ann@People.example"},
        same=(),
        near=({"email": Own}, {"email": "bob@people.example"}),
    ),
    Twice(
        "a_user_name_is_unique_whatever_its_case",
        UserFactory,
        first={"username": "ann"},
        again={"username": "ANN", "email": ""},
        same=(),
        near=({"username": "bob"},),
    ),
    Twice(
        "a_key_is_answered_once_within_a_client",
        KeptAnswerFactory,
        same=("client", "key"),
        near=({"key": Own}, {"client": Own}),
    ),
]
DAY = date(2026, 11, 20)
CHECKS = [
    Check(
        "the_visit_before_was_on_an_earlier_day",
        UserFactory,
        wrong={"visited_on": DAY, "visited_before_on": DAY},
        right={"visited_on": DAY, "visited_before_on": DAY - timedelta(days=1)},
    ),
    Check(
        "the_visit_before_was_on_an_earlier_day",
        UserFactory,
        wrong={"visited_on": None, "visited_before_on": DAY},
        right={"visited_on": None, "visited_before_on": None},
    ),
    Check(
        "a_visit_was_on_a_plausible_day",
        UserFactory,
        wrong={"visited_on": date(2101, 1, 1)},
        right={"visited_on": date(2100, 12, 31)},
    ),
    Check(
        "a_visit_was_on_a_plausible_day",
        UserFactory,
        wrong={"visited_on": DAY, "visited_before_on": date(1999, 12, 31)},
        right={"visited_on": DAY, "visited_before_on": date(2000, 1, 1)},
    ),
]
COLUMNS = [
    Column("User.username", UserFactory, again={"email": "other@people.example"}),
    Column("ApiClient.name", ApiClientFactory, again={"account": SubFactory(UserFactory, machine=True)}),
    Column("ApiClient.account", ApiClientFactory, again={"name": "Other ERP"}),
    Column("ApiKey.prefix", ApiKeyFactory),
]


@pytest.mark.parametrize("case", CHECKS, ids=str)
def test_a_row_that_breaks_one_rule_is_refused(case: Check) -> None:
    with refused_by(case.rule):
        case.factory.create(**case.wrong)


@pytest.mark.parametrize("case", CHECKS, ids=str)
def test_the_nearest_row_that_keeps_the_rule_is_stored(case: Check) -> None:
    with kept():
        case.factory.create(**case.right)


@pytest.mark.parametrize("case", TWICE, ids=str)
def test_what_must_be_unique_is_refused_the_second_time(case: Twice) -> None:
    first = case.make_first()

    with refused_by(case.rule):
        case.make_second(first)


@pytest.mark.parametrize(("case", "near"), [(case, near) for case in TWICE for near in case.near], ids=case_id)
def test_what_differs_in_one_part_of_a_unique_rule_is_stored(case: Twice, near: dict[str, Any]) -> None:
    first = case.make_first()

    with kept():
        case.make_second(first, **near)


def test_people_without_an_address_do_not_share_one() -> None:
    UserFactory.create(without_address=True)

    with kept():
        UserFactory.create(without_address=True)


@pytest.mark.parametrize("case", COLUMNS, ids=str)
def test_a_unique_value_is_refused_the_second_time(case: Column) -> None:
    first = case.factory.create(**case.first)

    with refused_by(case.index_name):
        case.write_again(first)


def test_an_audit_event_is_not_rewritten() -> None:
    event = AuditEventFactory.create()

    with refused_by("an_audit_event_is_never_changed"):
        AuditEvent.objects.filter(pk=event.pk).update(reason="Somebody else did it")


def test_an_audit_event_is_not_removed() -> None:
    event = AuditEventFactory.create()

    with refused_by("an_audit_event_is_never_changed"):
        AuditEvent.objects.filter(pk=event.pk).delete()
