"""One cause is one message, the rest is one a morning, and a morning comes once a local date."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection, transaction

from procurement.domain.mail_hours import MailHours
from procurement.models import Alert, AlertPreference, Notification, NotificationItem
from procurement.services import alerts, holding
from procurement.services.mail_calendar import zone_of
from procurement.services.notifications import release_due
from procurement.vocabulary import Lane, NotificationState, Rule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.accounts import UserFactory
from tests.factories.procurement import RequirementFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.procurement.stage import NOON, TODAY, assigned, holder, late, look, move
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def test_one_cause_that_moves_thirty_lines_is_one_message_a_person() -> None:
    site = SiteFactory.create(code="SYD1")
    buyer, expediter = assigned(site), assigned(site, Role.EXPEDITER)
    for number in range(30):
        late(site, days=12, tag=f"CH-{number:02}")

    look(site)

    held = Notification.objects.order_by("recipient__pk")
    assert [row.recipient for row in held] == sorted([buyer, expediter], key=lambda person: person.pk)
    assert {row.release_at for row in held} == {NOON + timedelta(seconds=settings.HOLD_SECONDS)}
    assert [row.items.count() for row in held] == [30, 30]


def test_another_cause_or_site_is_another_message() -> None:
    here, there = late(days=12), late(SiteFactory.create(code="TYO1"), days=12)
    buyer = assigned(here.site)
    MembershipFactory.create(person=buyer, role=Role.BUYER, site=there.site)
    look(here.site, cause="letter-1")
    look(there.site, cause="letter-1")
    move(here, 20)
    look(here.site, cause="letter-2")

    assert set(Notification.objects.values_list("site__code", "cause_key")) == {
        ("SYD1", "letter-1"),
        ("TYO1", "letter-1"),
        ("SYD1", "letter-2"),
    }


def test_what_has_no_cause_is_bundled_by_its_day() -> None:
    unit = late(days=12)
    assigned(unit.site)

    look(unit.site, cause="")

    assert Notification.objects.get().cause_key == "day:2026-11-20"


def test_what_can_wait_goes_into_one_digest_across_sites() -> None:
    person = UserFactory.create(time_zone="Australia/Sydney")
    MembershipFactory.create(person=person, role=Role.SITE_LEAD)
    for _ in range(2):
        requirement = RequirementFactory.create(without_ros=True)
        look(requirement.site, cause=f"letter-{requirement.pk}")

    digest = Notification.objects.get()

    assert (digest.lane, digest.site, digest.digest_on, digest.items.count()) == (
        Lane.DIGEST, None, date(2026, 11, 21), 2,
    )  # fmt: skip


def test_a_digest_that_has_left_is_not_reopened() -> None:
    person = UserFactory.create(time_zone="Australia/Sydney")
    MembershipFactory.create(person=person, role=Role.SITE_LEAD)
    look(RequirementFactory.create(without_ros=True).site)
    Notification.objects.update(state=NotificationState.SUPPRESSED)

    look(RequirementFactory.create(without_ros=True).site)

    assert list(Notification.objects.order_by("digest_on").values_list("digest_on", "state")) == [
        (date(2026, 11, 21), NotificationState.SUPPRESSED),
        (date(2026, 11, 22), NotificationState.HELD),
    ]


@pytest.mark.parametrize("rule", [Rule.LATE_FORECAST, ""])
def test_a_person_may_prefer_the_digest(rule: str) -> None:
    unit = late(days=12)
    buyer = assigned(unit.site)
    AlertPreference.objects.create(person=buyer, rule=rule, lane=Lane.DIGEST)

    look(unit.site)

    assert Notification.objects.get().lane == Lane.DIGEST


def test_an_event_is_put_once_however_often_it_is_held() -> None:
    unit = late(days=12)
    assigned(unit.site)
    look(unit.site)
    events = list(Alert.objects.get().events.select_related("alert__site"))

    again = [holding.hold(events, now=NOON) for _ in range(3)]

    assert (again, NotificationItem.objects.count(), Notification.objects.count()) == ([0, 0, 0], 1, 1)


def test_what_nobody_could_be_told_is_told_once_somebody_is_there(caplog: pytest.LogCaptureFixture) -> None:
    unit = late(days=12)
    look(unit.site)
    assert "Nobody can be told of 1 alerts" in caplog.text
    assert holding.hold_untold(now=NOON) == 0
    administrator = holder(unit.site, Role.ADMINISTRATOR)

    assert holding.hold_untold(now=NOON) == 1
    assert holding.hold_untold(now=NOON) == 0
    assert NotificationItem.objects.get().recipient == administrator


def test_what_has_recovered_untold_is_let_go() -> None:
    unit = late(days=12)
    look(unit.site)
    move(unit, -30)
    look(unit.site)
    holder(unit.site)

    assert holding.hold_untold(now=NOON) == 0


def test_what_came_back_after_it_was_dropped_is_told_once() -> None:
    """It recovered while it was held, so nobody heard; coming back is silent only for who has."""
    unit = late(days=12)
    buyer = assigned(unit.site)
    look(unit.site)
    move(unit, -30)
    look(unit.site)
    released_at = NOON + timedelta(seconds=settings.HOLD_SECONDS)
    release_due(now=released_at)
    move(unit, 12)
    look(unit.site, now=released_at)

    assert [holding.hold_untold(now=released_at) for _ in range(3)] == [1, 0, 0]
    item = NotificationItem.objects.get()
    assert (item.recipient, item.dropped_because, item.notification.state) == (buyer, "", NotificationState.HELD)


def test_a_lesser_band_that_was_dropped_is_covered_by_a_worse_one_that_was_told() -> None:
    unit = late(days=3)
    assigned(unit.site)
    look(unit.site)
    move(unit, -30)
    look(unit.site)
    released_at = NOON + timedelta(seconds=settings.HOLD_SECONDS)
    release_due(now=released_at)
    move(unit, 12)
    look(unit.site, now=released_at)

    assert holding.hold_untold(now=released_at) == 0
    assert NotificationItem.objects.filter(dropped_because="").get().event.band == 7


def test_what_somebody_acknowledged_needs_no_telling() -> None:
    unit = late(days=12)
    look(unit.site)
    buyer = holder(unit.site)
    alerts.acknowledge(alert_id=Alert.objects.get().pk, actor=buyer, now=NOON)

    assert holding.hold_untold(now=NOON) == 0


@pytest.mark.django_db(transaction=True)
def test_eight_writers_who_tell_the_same_people_share_their_messages() -> None:
    person = UserFactory.create()
    MembershipFactory.create(person=person, role=Role.SITE_LEAD)
    MembershipFactory.create(person=person, role=Role.BUYER)
    sites = [SiteFactory.create() for _ in range(8)]
    for site in sites:
        RequirementFactory.create(site=site, without_ros=True)
        late(site, days=12)

    at_once(8, lambda number: look(sites[number], now=NOON))

    assert Notification.objects.filter(lane=Lane.DIGEST).count() == 1
    assert Notification.objects.filter(lane=Lane.URGENT).count() == 8
    assert NotificationItem.objects.count() == 16


@pytest.mark.django_db(transaction=True)
def test_a_message_in_use_by_a_writer_is_shared_with_others_and_kept_from_leaving() -> None:
    unit = late(days=12)
    assigned(unit.site)
    look(unit.site)
    row = Notification.objects.get()
    seen: list[tuple[int, int]] = []

    def read() -> tuple[int, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM (SELECT 1 FROM procurement_notification FOR KEY SHARE SKIP LOCKED) x")
            shared = cursor.fetchone()[0]
            cursor.execute("SELECT count(*) FROM (SELECT 1 FROM procurement_notification FOR UPDATE SKIP LOCKED) x")
            return shared, cursor.fetchone()[0]

    with transaction.atomic():
        holding._share_held("id = %s", [row.pk])
        seen.extend(at_once(1, lambda number: read()))

    assert seen == [(1, 0)]


# -- mornings ----------------------------------------------------------------------------------------------------


def person_in(zone: str, at: time = time(8)) -> User:
    person: User = UserFactory.build(time_zone=zone, digest_at=at)
    return person


def hours_of(person: User) -> MailHours:
    return MailHours(zone_of(person), person.digest_at)


def next_digest_on(person: User, now: datetime) -> date:
    return hours_of(person).next_digest_on(now)


def digest_release_at(person: User, day: date) -> datetime:
    return holding.digest_release_at(person, hours_of(person), day)


@pytest.mark.parametrize(
    ("zone", "now", "day"),
    [
        ("Australia/Sydney", datetime(2026, 11, 19, 20, 59, tzinfo=UTC), date(2026, 11, 20)),
        ("Australia/Sydney", datetime(2026, 11, 19, 21, 0, tzinfo=UTC), date(2026, 11, 21)),
        ("Pacific/Kiritimati", datetime(2026, 11, 20, 17, 59, tzinfo=UTC), date(2026, 11, 21)),
        ("Pacific/Kiritimati", datetime(2026, 11, 20, 18, 0, tzinfo=UTC), date(2026, 11, 22)),
        ("Nowhere/Nothing", datetime(2026, 11, 20, 7, 59, tzinfo=UTC), date(2026, 11, 20)),
    ],
)
def test_the_next_morning_is_the_persons_own(zone: str, now: datetime, day: date) -> None:
    assert next_digest_on(person_in(zone), now) == day


@pytest.mark.parametrize("zone", ["Australia/Sydney", "Europe/London", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("at", [time(0, 0), time(1, 30), time(2, 30), time(8, 0)])
def test_every_hour_of_a_year_leads_to_one_morning_a_local_date(zone: str, at: time) -> None:
    person = person_in(zone, at)
    hour = datetime(2027, 1, 1, tzinfo=UTC)
    ends = datetime(2028, 1, 1, tzinfo=UTC)
    days: list[date] = []
    while hour < ends:
        day = next_digest_on(person, hour)
        if not days or days[-1] != day:
            days.append(day)
        hour += timedelta(hours=1)

    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    leaves = [digest_release_at(person, day) for day in days]
    assert leaves == sorted(set(leaves))
    assert all(
        timedelta() <= at_ - datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC) < timedelta(minutes=20)
        for day, at_ in zip(days, leaves, strict=True)
    )


def test_a_digest_never_leaves_before_the_morning_it_was_chosen_for() -> None:
    person = person_in("Australia/Sydney")
    now = NOON

    assert digest_release_at(person, next_digest_on(person, now)) > now
    assert next_digest_on(person, now) > TODAY
