"""A view that somebody follows comes in the morning, with what they may see at the moment of sending."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from procurement.gateways.mail import Postbag
from procurement.models import Notification, Subscription
from procurement.services.notifications import release_due, send_due
from procurement.services.subscriptions import hold_subscriptions
from procurement.vocabulary import MessageKind, NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.accounts import UserFactory
from tests.factories.procurement import NotificationFactory, SubscriptionFactory
from tests.procurement.stage import NOON, Late, holder, late

pytestmark = pytest.mark.django_db
MORNING_AFTER = NOON + timedelta(days=3, hours=8)  # a Monday


@pytest.fixture
def unit() -> Late:
    return late(days=12)


@pytest.fixture
def reader(unit: Late) -> User:
    person = holder(unit.site, Role.VIEWER)
    SubscriptionFactory.create(person=person, name="My lines")
    return person


def released() -> Notification:
    hold_subscriptions(now=MORNING_AFTER)
    release_due(now=MORNING_AFTER + timedelta(hours=12))
    return Notification.objects.get(kind=MessageKind.VIEW)


def sent() -> list[str]:
    postbag = Postbag()
    send_due(courier=postbag, now_fn=lambda: MORNING_AFTER + timedelta(hours=12))
    return [message.text for message in postbag.messages]


def test_a_view_is_told_once_a_day_with_its_lines(unit: Late, reader: User) -> None:
    row = released()
    hold_subscriptions(now=MORNING_AFTER)

    (text,) = sent()

    assert (row.recipient, Notification.objects.count()) == (reader, 1)
    assert row.subject == "[Longlead] My lines"
    assert f"/lines/{unit.lot.schedule_line_id}/" in text


def loses_the_site(person: User) -> None:
    person.memberships.all().delete()


def leaves_the_view(person: User) -> None:
    Subscription.objects.filter(person=person).update(active=False)


def leaves_the_firm(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


@pytest.mark.parametrize("happens", [loses_the_site, leaves_the_view, leaves_the_firm])
def test_what_happens_between_writing_and_sending_counts(
    unit: Late, reader: User, happens: Callable[[User], None]
) -> None:
    assert released().state == NotificationState.DUE
    happens(reader)

    assert sent() == []
    assert Notification.objects.get().state == NotificationState.CANCELLED


def test_a_quiet_mail_does_not_follow_somebody_who_has_left() -> None:
    person = UserFactory.create(is_active=False)
    NotificationFactory.create(
        recipient=person, kind=MessageKind.ALL_QUIET, frozen=True, state=NotificationState.DUE, next_attempt_at=NOON
    )

    assert sent() == []
    assert Notification.objects.get().state == NotificationState.CANCELLED
