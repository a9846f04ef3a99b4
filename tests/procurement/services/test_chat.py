"""A room hears what is urgent, who answered it and that it is over, under one key, signed, and once."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from procurement.gateways.mail import Delivery, Outcome, Postbag
from procurement.gateways.webhook import PostRecorder
from procurement.models import Alert, ChatEndpoint, Notification
from procurement.services import alerts, notifications
from procurement.vocabulary import AlertState, Channel, WishedLane
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.procurement import AlertPreferenceFactory, ChatEndpointFactory
from tests.factories.sites import SiteFactory
from tests.procurement.stage import NOON, Late, assigned, holder, late, look, move

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def unit() -> Late:
    return late(days=12)


@pytest.fixture
def owner(unit: Late) -> User:
    return holder(unit.site)


@pytest.fixture
def room(owner: User) -> ChatEndpoint:
    return ChatEndpointFactory.create(owner=owner, created_at=NOON - HOUR)


def _round(poster: PostRecorder, now: datetime) -> None:
    notifications.do_round(courier=Postbag(), poster=poster, now_fn=lambda: now, component="sender")


def heard(poster: PostRecorder | None = None, at: datetime = NOON) -> list[dict[str, Any]]:
    """The alerts that were posted in two rounds, one hold after the other."""
    recorder = poster or PostRecorder()
    for turn in range(1, 3):
        _round(recorder, at + turn * timedelta(seconds=settings.HOLD_SECONDS + 1))
    return [alert for post in recorder.posts for alert in json.loads(post.body)["data"]["alerts"]]


def test_a_room_hears_of_an_urgent_alert_once_without_the_links_of_a_reader(unit: Late, room: ChatEndpoint) -> None:
    look(unit.site)
    recorder = PostRecorder()

    (said,) = heard(recorder)

    assert (said["dedup_key"], said["event"], said["site"]) == (f"longlead.{Alert.objects.get().pk}", "band", "SYD1")
    assert (recorder.posts[0].url, recorder.posts[0].secret) == (room.url, room.secret)
    text = json.loads(recorder.posts[0].body)["data"]["text"]
    assert "/alerts/" in text
    assert "/answer/" not in text
    assert "/unsubscribe/" not in text


def test_the_answer_and_the_recovery_have_the_key_of_the_alert(unit: Late, owner: User, room: ChatEndpoint) -> None:
    look(unit.site)
    said = heard()
    alerts.acknowledge(alert_id=Alert.objects.get().pk, actor=owner, now=NOON + HOUR)
    said += heard(at=NOON + HOUR)
    move(unit, -30)
    look(unit.site, now=NOON + 2 * HOUR)
    said += heard(at=NOON + 2 * HOUR)

    assert [each["event"] for each in said] == ["band", "acknowledged", "recovered"]
    assert len({each["dedup_key"] for each in said}) == 1


def test_what_loses_its_subject_is_closed_in_the_room_that_heard_of_it(unit: Late, room: ChatEndpoint) -> None:
    look(unit.site)
    said = heard()
    unheard = late(unit.site, days=-3, tag="CH-04")  # waits for the digest
    look(unit.site, now=NOON + HOUR)
    for each in (unit, unheard):
        each.requirement.cancelled_at = NOON + HOUR
        each.requirement.save()
    look(unit.site, now=NOON + 2 * HOUR)
    said += heard(at=NOON + 2 * HOUR)

    assert [(each["event"], each["state"]) for each in said] == [("band", "open"), ("closed", AlertState.CLOSED)]
    assert "Subject gone" in Notification.objects.filter(channel=Channel.CHAT).latest("release_at").body_text


def test_a_room_hears_of_no_site_that_its_owner_does_not_see(room: ChatEndpoint) -> None:
    look(late(SiteFactory.create(code="TYO1")).site)

    assert heard() == []


@pytest.mark.parametrize(("channel", "number"), [(Channel.CHAT, 0), (Channel.EMAIL, 1), ("", 1)])
def test_only_what_its_owner_keeps_out_of_chat_by_name_is_not_heard(
    unit: Late, owner: User, room: ChatEndpoint, channel: str, number: int
) -> None:
    AlertPreferenceFactory.create(person=owner, rule="", lane=WishedLane.MUTE, channel=channel)
    look(unit.site)

    assert len(heard()) == number


def test_a_room_that_is_gone_is_switched_off_and_its_owner_told(unit: Late, owner: User, room: ChatEndpoint) -> None:
    assigned(unit.site, Role.EXPEDITER)
    gone = Delivery(Outcome.PERMANENT, "410", "Gone", address_refused=True)
    look(unit.site)
    heard(PostRecorder(answers={room.url: gone}))

    room.refresh_from_db()
    assert not room.active
    assert Notification.objects.get(channel=Channel.PORTAL).recipient == owner
