"""The pages where somebody says what they want to be told, and where undelivered messages are tried again."""

import re
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from procurement.models import CalendarFeed, ChatEndpoint, LotForecast, Notification, Watch
from procurement.vocabulary import NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.factories.accounts import UserFactory
from tests.factories.procurement import ChatEndpointFactory, NotificationFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.procurement.portal.conftest import browser_of
from tests.procurement.stage import NOON, REQUIRED_ON, holder, late

pytestmark = pytest.mark.django_db


def test_everybody_has_a_page_of_preferences() -> None:
    assert browser_of(MembershipFactory.create().person).get("/preferences/").status_code == 200


def test_an_administrator_sees_and_retries_a_dead_message_of_their_site() -> None:
    dead = NotificationFactory.create(frozen=True, state=NotificationState.DEAD, next_attempt_at=None, last_code="554")
    assert dead.site is not None
    browser = browser_of(holder(dead.site, Role.ADMINISTRATOR))

    page = browser.get("/messages/undelivered/")
    answer = browser.post(f"/messages/{dead.pk}/retry/")

    assert (page.status_code, dead.subject in page.content.decode(), answer.status_code) == (200, True, 302)
    assert f"/messages/{dead.pk}/retry/" in page.content.decode()
    row = Notification.objects.get(pk=dead.pk)
    assert (row.state, row.message_id) == (NotificationState.DUE, dead.message_id)


def test_nobody_else_retries_it() -> None:
    dead = NotificationFactory.create(frozen=True, state=NotificationState.DEAD, next_attempt_at=None)
    outsider = UserFactory.create()

    assert browser_of(outsider).post(f"/messages/{dead.pk}/retry/").status_code == 404
    assert Notification.objects.get(pk=dead.pk).state == NotificationState.DEAD


# -- watched and muted -------------------------------------------------------------------------------------------


def _mute(browser: Client, site: Site, until_on: str) -> str:
    said = {"subject": "site", "key": str(site.pk), "kind": "mute", "until_on": until_on}
    return browser.post("/preferences/watch/", said, follow=True).content.decode()


@pytest.mark.parametrize(
    ("until_on", "kept"), [("", None), ("2026-11-21", date(2026, 11, 21)), ("2027-01-15", date(2027, 1, 15))]
)
@time_machine.travel(datetime(2026, 11, 21, 9, tzinfo=UTC), tick=False)
def test_a_mute_ends_with_the_day_named(until_on: str, kept: date | None) -> None:
    person = MembershipFactory.create(person__time_zone="Europe/Berlin").person

    page = _mute(browser_of(person), SiteFactory.create(), until_on)

    assert Watch.objects.get(person=person).until_on == kept
    assert f'name="until_on" value="{until_on}"' in page


@pytest.mark.parametrize(
    ("until_on", "why"),
    [
        ("2026-11-20", "Name a day from today on, within ten years, or none."),
        ("2099-01-01", "Name a day from today on, within ten years, or none."),
        ("soon", "Enter a valid date"),
    ],
)
@time_machine.travel(datetime(2026, 11, 21, 9, tzinfo=UTC), tick=False)
def test_a_mute_that_cannot_end_then_is_refused(until_on: str, why: str) -> None:
    person = MembershipFactory.create(person__time_zone="Europe/Berlin").person

    page = _mute(browser_of(person), SiteFactory.create(), until_on)

    assert why in page
    assert not Watch.objects.exists()


def test_the_page_takes_as_many_queries_for_three_watches_as_for_one() -> None:
    person = MembershipFactory.create().person
    browser = browser_of(person)

    def queries() -> int:
        _mute(browser, SiteFactory.create(), "")
        with CaptureQueriesContext(connection) as asked:
            browser.get("/preferences/")
        return len(asked)

    queries()
    assert queries() == queries()


# -- hours -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quiet_from", "quiet_until", "digest_at", "status"),
    [
        ("19:00", "07:00", "08:00", 302),
        ("19:00", "08:00", "08:00", 302),
        ("19:00", "09:00", "08:00", 422),
        ("12:00", "14:00", "12:00", 422),
        ("12:00", "14:00", "11:59", 302),
    ],
)
def test_a_digest_does_not_come_within_quiet_hours(
    quiet_from: str, quiet_until: str, digest_at: str, status: int
) -> None:
    said = {"quiet_from": quiet_from, "quiet_until": quiet_until, "digest_at": digest_at}

    answer = browser_of(MembershipFactory.create().person).post("/preferences/hours/", said)

    assert answer.status_code == status
    assert ("The digest would come within the quiet hours." in answer.content.decode()) is (status == 422)


# -- calendar ----------------------------------------------------------------------------------------------------


def _new_address(person: User) -> str:
    page = browser_of(person).post("/preferences/calendar/").content.decode()
    address: str
    (address,) = set(re.findall(r"/calendar/[\w-]+\.ics", page))
    return address


def test_the_calendar_has_the_dates_that_its_owner_sees_and_no_others() -> None:
    mine, other = late(tag="CH-03"), late(SiteFactory.create(code="OSA1"), tag="CH-99")
    person = holder(mine.site)

    answer = Client().get(_new_address(person))

    events = {str(event["summary"]): event for event in Calendar.from_ical(answer.content).walk("VEVENT")}
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert {event.decoded("dtstart") for name, event in events.items() if "Required on site" in name} == {REQUIRED_ON}
    assert all(name.startswith("[SYD1]") for name in events)
    assert other.requirement.tag not in answer.content.decode()


def test_the_calendar_begins_a_month_ago_and_has_the_factory_test() -> None:
    unit = late(tag="CH-03")
    person = holder(unit.site)
    steps = [{"code": "RTM", "forecast_on": "2026-01-05"}, {"code": "FAT_PASS", "forecast_on": "2026-11-02"}]
    LotForecast.objects.filter(lot=unit.lot).update(steps=steps)
    seen = []

    for at in (NOON, NOON + timedelta(days=20)):
        with time_machine.travel(at, tick=False):
            events = Calendar.from_ical(Client().get(_new_address(person)).content).walk("VEVENT")
        seen.append({event.decoded("dtstart") for event in events if "Factory test" in str(event["summary"])})

    assert seen == [{date(2026, 11, 2)}, set()]


def test_a_new_address_ends_the_old_one_and_revoking_ends_both() -> None:
    person = MembershipFactory.create().person
    first, second = _new_address(person), _new_address(person)
    statuses = [Client().get(address).status_code for address in (first, second)]

    browser_of(person).post("/preferences/calendar/", {"revoke": "1"})

    assert statuses == [404, 200]
    assert [Client().get(address).status_code for address in (first, second)] == [404, 404]
    assert CalendarFeed.objects.get(secret_hash=sha256(second[10:-4].encode()).digest()).read_at is not None


def test_the_calendar_of_a_disabled_account_is_gone() -> None:
    person = MembershipFactory.create().person
    address = _new_address(person)

    User.objects.filter(pk=person.pk).update(is_active=False)

    assert Client().get(address).status_code == 404


# -- chat --------------------------------------------------------------------------------------------------------


def test_a_chat_is_switched_off_and_on_by_its_owner_who_then_starts_anew() -> None:
    person = MembershipFactory.create().person
    chat = ChatEndpointFactory.create(owner=person, active=False, refused_at=NOON, refused_because="410 gone")
    browser, address = browser_of(person), f"/preferences/chat/{chat.pk}/"

    assert browser.post(address, {"active": "1"}).status_code == 302
    on = ChatEndpoint.objects.get()
    assert browser.post(address, {"active": "0"}).status_code == 302
    off = ChatEndpoint.objects.get()

    assert (on.active, on.refused_at, on.refused_because, off.active) == (True, None, "", False)


def test_nobody_switches_the_chat_of_another() -> None:
    chat = ChatEndpointFactory.create(active=False)
    stranger = browser_of(MembershipFactory.create().person)

    assert stranger.post(f"/preferences/chat/{chat.pk}/", {"active": "1"}).status_code == 404
    assert stranger.get(f"/preferences/chat/{chat.pk}/").status_code == 405
    assert not ChatEndpoint.objects.get().active


def test_a_chat_without_tls_is_refused_and_the_page_says_why(settings: Any) -> None:
    settings.CHAT_NETWORKS = ()
    person = MembershipFactory.create().person

    answer = browser_of(person).post("/preferences/chat/", {"name": "Plain", "url": "http://chat.example/hook"})

    assert (answer.status_code, "The address must begin with https://." in answer.content.decode()) == (422, True)
    assert not ChatEndpoint.objects.exists()


def test_every_field_of_the_page_has_an_id_of_its_own() -> None:
    html = browser_of(MembershipFactory.create().person).get("/preferences/").content.decode()

    ids = re.findall(r'<(?:input|select|textarea)[^>]* id="([^"]+)"', html)
    assert sorted(ids) == sorted(set(ids))
