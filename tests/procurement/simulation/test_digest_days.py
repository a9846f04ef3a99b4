"""Each hour around every change of the clock of 2027: one digest a person and local date, on none that is missing."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from procurement.models import Alert, AlertEvent, Notification
from procurement.services import holding
from procurement.services.notifications import release_due
from procurement.vocabulary import AlertEventKind, Lane, NotificationState, Rule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.chaos.machine import report
from tests.factories.procurement import AlertFactory
from tests.factories.sites import AssignmentFactory, SiteFactory
from tests.procurement.stage import holder

ZONES = {"SYD1": "Australia/Sydney", "TYO1": "Asia/Tokyo", "LON1": "Europe/London"}
SPANS = [(date(2027, 3, 27), date(2027, 4, 5)), (date(2027, 10, 2), date(2027, 11, 1))]
# News at every hour of a day within five days: five and 24 have no divisor in common.
EVERY_FIVE = 5

pytestmark = pytest.mark.django_db


def reader(site: Site, zone: str, digest_at: time) -> User:
    person = holder(site, Role.SITE_LEAD, time_zone=zone, digest_at=digest_at)
    AssignmentFactory.create(person=person, role=Role.SITE_LEAD, site=site)
    return person


def news(alert: Alert, hour: int, at: datetime) -> AlertEvent:
    return AlertEvent.objects.create(alert=alert, kind=AlertEventKind.BAND, band=hour, at=at)


@pytest.mark.parametrize(
    ("span", "digest_at"), [(SPANS[0], time(8)), (SPANS[1], time(8)), (SPANS[0], time(2, 30))], ids=str
)
def test_one_digest_a_site_and_local_date(span: tuple[date, date], digest_at: time) -> None:
    people, alerts = {}, {}
    for code, zone in ZONES.items():
        site = SiteFactory.create(code=code, time_zone=zone)
        people[code] = reader(site, zone, digest_at)
        alerts[code] = AlertFactory.create(site=site, rule=Rule.NO_ROS, lane=Lane.DIGEST, told_role=Role.SITE_LEAD)
    first, last = span
    begins = datetime.combine(first, time(), UTC) - timedelta(days=1)
    hours = ((last - first).days + 3) * 24
    for hour in range(hours):
        now = begins + timedelta(hours=hour)
        if hour % EVERY_FIVE == 0:
            holding.hold([news(alert, hour + 1, now) for alert in alerts.values()], now=now)
        release_due(now=now)

    digests = missing = twice = 0
    for code, zone in ZONES.items():
        sent = Notification.objects.filter(recipient=people[code], state=NotificationState.DUE)
        days = Counter(row.digest_on for row in sent)
        wanted = {first + timedelta(days=number) for number in range((last - first).days + 1)}
        digests += sum(days[day] for day in wanted)
        missing += sum(day not in days for day in wanted)
        twice += sum(number > 1 for number in days.values())
        assert {day for day in days if day in wanted} == wanted
        assert set(days.values()) == {1}
        for row in sent:
            assert row.released_at is not None
            assert row.digest_on is not None
            here = row.released_at.astimezone(ZoneInfo(zone))
            morning = datetime.combine(row.digest_on, digest_at, ZoneInfo(zone)).astimezone(UTC)
            assert here.date() == row.digest_on
            assert timedelta() <= row.released_at - morning < timedelta(hours=2)
    report("TM-1", hours=hours, first=first, last=last, at=digest_at, digests=digests, missing=missing, twice=twice)
