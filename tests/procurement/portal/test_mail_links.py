"""A link in a mail: looking changes nothing, pressing answers, one click leaves, and nobody else can."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from procurement.models import (
    Alert,
    AlertEvent,
    AlertPreference,
    Notification,
    NotificationItem,
    Subscription,
    Watch,
)
from procurement.services import mail_links
from procurement.services.mail_links import Purpose
from procurement.services.notifications import release_due
from procurement.vocabulary import AlertEventKind, AlertState, Lane, MessageKind, NotificationState, WatchKind
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Membership, PersonCalendar
from tests.factories.procurement import NotificationFactory, SubscriptionFactory, WatchFactory
from tests.procurement.stage import Late, assigned, late, look, move

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit() -> Late:
    return late(days=12)


@pytest.fixture
def buyer(unit: Late) -> User:
    return assigned(unit.site)


def mailed(unit: Late) -> Notification:
    """A mail about the unit, written just now."""
    now = timezone.now()
    look(unit.site, now=now - timedelta(hours=1))
    release_due(now=now)
    return Notification.objects.get(state=NotificationState.DUE)


def path(purpose: Purpose, row: Notification) -> str:
    return mail_links.url(purpose, row.pk).partition("8000")[2]


def marks() -> tuple[object, ...]:
    """Everything that an answer could change."""
    return (
        list(Alert.objects.order_by("pk").values()),
        AlertEvent.objects.count(),
        AlertPreference.objects.count(),
        Watch.objects.count(),
        list(Notification.objects.order_by("pk").values("state")),
        PersonCalendar.objects.count(),
    )


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_a_link_changes_nothing(
    unit: Late, buyer: User, client: Client, purpose: Purpose, method: str
) -> None:
    address, before = path(purpose, mailed(unit)), marks()

    assert getattr(client, method)(address).status_code == 200
    assert marks() == before


def test_acknowledging_by_link_needs_no_log_in(unit: Late, buyer: User, client: Client) -> None:
    address = path(Purpose.ACKNOWLEDGE, mailed(unit))

    answer = client.post(address, {"note": "Spoke to the vendor"})

    alert = Alert.objects.get()
    assert answer.status_code == 200
    assert (alert.state, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, buyer)
    assert AlertEvent.objects.get(kind=AlertEventKind.ACKNOWLEDGED).note == "Spoke to the vendor"


def test_snoozing_by_link_takes_a_day(unit: Late, buyer: User, client: Client) -> None:
    address = path(Purpose.SNOOZE, mailed(unit))
    until = (timezone.now() + timedelta(days=3)).date()

    assert client.post(address, {"until_on": "2020-01-01"}).status_code == 422
    assert client.post(address, {"until_on": until.isoformat()}).status_code == 200

    assert (Alert.objects.get().state, Alert.objects.get().snoozed_until) == (AlertState.SNOOZED, until)


def test_not_mine_by_link_goes_to_the_next_holder(unit: Late, buyer: User, client: Client) -> None:
    row = mailed(unit)
    other = assigned(unit.site)

    assert client.post(path(Purpose.DECLINE, row)).status_code == 200

    assert Notification.objects.filter(recipient=other, state=NotificationState.HELD).exists()


def test_a_link_is_for_one_purpose(unit: Late, buyer: User, client: Client) -> None:
    token = mail_links.token(Purpose.ACKNOWLEDGE, mailed(unit).pk)

    for place in (f"/answer/snooze/{token}/", f"/unsubscribe/{token}/", f"/answer/unsubscribe/{token}/"):
        assert client.post(place, {"until_on": "2027-01-01"}).status_code == 404
    assert Alert.objects.get().state == AlertState.OPEN


def test_a_changed_link_answers_nothing(unit: Late, buyer: User, client: Client) -> None:
    address = path(Purpose.ACKNOWLEDGE, mailed(unit))

    assert client.post(address[:-3] + ("A" if address[-3] != "A" else "B") + address[-2:]).status_code == 404


def test_a_link_expires_after_fourteen_days(unit: Late, buyer: User, client: Client) -> None:
    row = mailed(unit)
    Notification.objects.update(released_at=timezone.now() - timedelta(days=14, minutes=1))

    assert client.post(path(Purpose.ACKNOWLEDGE, row)).status_code == 410
    assert Alert.objects.get().state == AlertState.OPEN


def test_a_link_does_not_answer_what_became_worse_since(unit: Late, buyer: User, client: Client) -> None:
    row = mailed(unit)
    move(unit, 40)
    look(unit.site, now=timezone.now() + timedelta(seconds=1), cause="letter-2")

    answer = client.post(path(Purpose.ACKNOWLEDGE, row))

    assert "became worse" in answer.text
    assert Alert.objects.get().state == AlertState.OPEN


def test_a_link_of_somebody_who_lost_the_right_answers_nothing(unit: Late, buyer: User, client: Client) -> None:
    row = mailed(unit)
    Membership.objects.filter(person=buyer).delete()

    answer = client.post(path(Purpose.ACKNOWLEDGE, row))

    assert Alert.objects.get().state == AlertState.OPEN
    assert unit.requirement.tag not in answer.text


def test_a_link_of_somebody_who_left_is_nobodys(unit: Late, buyer: User, client: Client) -> None:
    row = mailed(unit)
    buyer.is_active = False
    buyer.save()

    assert client.get(path(Purpose.ACKNOWLEDGE, row)).status_code == 404


def test_a_form_from_elsewhere_cannot_answer(unit: Late, buyer: User) -> None:
    address = path(Purpose.ACKNOWLEDGE, mailed(unit))

    assert Client(enforce_csrf_checks=True).post(address).status_code == 403


# -- leaving -----------------------------------------------------------------------------------------------------


def one_click(row: Notification) -> str:
    """As a mail program does it: no cookie, no form, no redirect."""
    answer = Client(enforce_csrf_checks=True).post(
        path(Purpose.UNSUBSCRIBE, row),
        "List-Unsubscribe=One-Click",
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 200
    return answer.text


def test_one_click_moves_a_duty_to_the_digest_and_says_who_was_told(unit: Late, buyer: User) -> None:
    other = assigned(unit.site, Role.EXPEDITER)
    look(unit.site, now=timezone.now() - timedelta(hours=1))
    release_due(now=timezone.now())

    page = one_click(Notification.objects.get(recipient=buyer))
    move(unit, 40)
    look(unit.site, now=timezone.now(), cause="letter-2")

    assert "does not go silent" in page
    assert str(other) in page
    assert set(Notification.objects.filter(cause_key="letter-2").values_list("recipient__name", "lane")) == {
        (str(other), Lane.URGENT)
    }
    assert Notification.objects.get(recipient=buyer, state=NotificationState.HELD).lane == Lane.DIGEST


def test_one_click_of_a_watcher_silences_at_once_what_is_already_held(unit: Late, buyer: User) -> None:
    watcher = assigned(unit.site, Role.VIEWER)
    WatchFactory.create(person=watcher, subject_kind="site", subject_id=unit.site.pk)
    look(unit.site, now=timezone.now() - timedelta(hours=1))
    release_due(now=timezone.now())
    row = Notification.objects.get(recipient=watcher)
    move(unit, 40)
    look(unit.site, now=timezone.now(), cause="letter-2")
    assert Notification.objects.filter(recipient=watcher, state=NotificationState.HELD).exists()

    one_click(row)

    assert not Notification.objects.filter(recipient=watcher, state=NotificationState.HELD).exists()
    assert Notification.objects.filter(recipient=buyer, state=NotificationState.HELD).exists()


def test_one_click_empties_the_watchers_digest_to_come_and_not_that_of_a_duty(unit: Late) -> None:
    expediter, watcher = assigned(unit.site, Role.EXPEDITER), assigned(unit.site, Role.VIEWER)
    WatchFactory.create(person=watcher, subject_kind="site", subject_id=unit.site.pk)
    look(unit.site, now=timezone.now() - timedelta(hours=1))
    release_due(now=timezone.now())
    late(unit.site, days=-3, tag="CH-04")
    look(unit.site, now=timezone.now())

    for person in (expediter, watcher):
        one_click(Notification.objects.get(recipient=person, state=NotificationState.DUE))

    waiting = NotificationItem.objects.filter(notification__kind=MessageKind.DIGEST, dropped_because="")
    assert [item.recipient for item in waiting] == [expediter]


def test_leaving_an_alert_mutes_only_this_one(unit: Late, buyer: User, client: Client) -> None:
    row = mailed(unit)

    client.post(path(Purpose.UNSUBSCRIBE, row), {"from": "alert"})

    assert list(Watch.objects.values_list("person", "kind", "subject_id")) == [
        (buyer.pk, WatchKind.MUTE, Alert.objects.get().pk)
    ]
    assert not AlertPreference.objects.exists()


def test_leaving_a_rule_or_everything_is_a_choice_one_can_take_back(unit: Late, buyer: User, client: Client) -> None:
    row = mailed(unit)

    for wanted in ("rule", "everything"):
        client.post(path(Purpose.UNSUBSCRIBE, row), {"from": wanted})

    assert set(AlertPreference.objects.values_list("person", "rule", "lane")) == {
        (buyer.pk, "late_forecast", "mute"),
        (buyer.pk, "", "mute"),
    }


def test_leaving_the_digest_makes_it_weekly(buyer: User) -> None:
    row = NotificationFactory.create(
        recipient=buyer, kind=MessageKind.DIGEST, lane=Lane.DIGEST, released_at=timezone.now()
    )

    one_click(row)

    assert PersonCalendar.objects.get(person=buyer).weekly_digest


def test_leaving_the_quiet_mail_ends_it(buyer: User) -> None:
    one_click(NotificationFactory.create(recipient=buyer, kind=MessageKind.ALL_QUIET, released_at=timezone.now()))

    assert not PersonCalendar.objects.get(person=buyer).all_quiet


def test_leaving_a_view_ends_the_subscription(buyer: User) -> None:
    view = SubscriptionFactory.create(person=buyer)
    one_click(
        NotificationFactory.create(
            recipient=buyer, kind=MessageKind.VIEW, subscription=view, released_at=timezone.now()
        )
    )

    assert not Subscription.objects.get().active
