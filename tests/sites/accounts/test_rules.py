"""What the tables of people and keys refuse, each in the name of its rule."""

from datetime import date, timedelta

import pytest
from factory.declarations import SubFactory

from sites.accounts.models import AuditEvent
from tests.factories.accounts import ApiClientFactory, ApiKeyFactory, AuditEventFactory, KeptAnswerFactory, UserFactory
from tests.refusals import kept, refused_by
from tests.rule_cases import Check, Column, Own, RuleTests, Twice

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


class TestRules(RuleTests):
    checks = CHECKS
    twice = TWICE
    columns = COLUMNS


def test_people_without_an_address_do_not_share_one() -> None:
    UserFactory.create(without_address=True)

    with kept():
        UserFactory.create(without_address=True)


def test_an_audit_event_is_not_rewritten() -> None:
    event = AuditEventFactory.create()

    with refused_by("an_audit_event_is_never_changed"):
        AuditEvent.objects.filter(pk=event.pk).update(reason="Somebody else did it")


def test_an_audit_event_is_not_removed() -> None:
    event = AuditEventFactory.create()

    with refused_by("an_audit_event_is_never_changed"):
        AuditEvent.objects.filter(pk=event.pk).delete()
