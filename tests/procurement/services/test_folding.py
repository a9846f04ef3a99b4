"""Nobody is flooded, nobody is woken, and nothing is lost for it."""

from datetime import datetime, time, timedelta

import pytest

from procurement.models import Notification, NotificationItem
from procurement.services import folding
from procurement.services.notifications import release_due
from procurement.vocabulary import NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.factories.sites import AssignmentFactory, MembershipFactory, PersonCalendarFactory, SiteFactory
from tests.procurement.stage import NOON, assigned, late, look

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def letters(site: Site, number: int, *, now: datetime = NOON, first: int = 0) -> None:
    """As many causes, each of which makes one more unit late."""
    for place in range(first, first + number):
        late(site, days=12, tag=f"CH-{place:02}")
        look(site, now=now, cause=f"letter-{place}")


def left(person: User) -> list[datetime]:
    rows = Notification.objects.filter(recipient=person, state=NotificationState.DUE).order_by("released_at")
    return [row.released_at for row in rows if row.released_at]


def told(person: User) -> set[str]:
    items = NotificationItem.objects.filter(recipient=person, notification__state=NotificationState.DUE)
    return set(items.values_list("event__cause_key", flat=True))


def test_what_comes_too_much_in_an_hour_is_folded_into_one_mail_and_none_is_lost() -> None:
    site = SiteFactory.create(code="SYD1")
    person = assigned(site)
    letters(site, folding.MAILS_AN_HOUR + 5)

    release_due(now=NOON + timedelta(minutes=10))
    in_the_first_hour = len(left(person))
    release_due(now=NOON + timedelta(minutes=10) + HOUR)

    assert in_the_first_hour == folding.MAILS_AN_HOUR
    assert len(left(person)) == folding.MAILS_AN_HOUR + 1
    assert told(person) == {f"letter-{place}" for place in range(folding.MAILS_AN_HOUR + 5)}


@pytest.mark.parametrize(("codes", "named"), [("SYD1", "[SYD1]"), ("SYD1 TYO1", "")])
def test_a_folded_mail_names_a_site_where_it_is_about_one(codes: str, named: str) -> None:
    sites = [SiteFactory.create(code=code) for code in codes.split()]
    person = assigned(sites[0])
    for site in sites[1:]:
        AssignmentFactory.create(person=person, role=Role.BUYER, site=site)
        MembershipFactory.create(person=person, site=site, role=Role.BUYER)
    for place in range((folding.MAILS_AN_HOUR + 2) // len(sites)):
        for site in sites:
            letters(site, 1, first=place)

    release_due(now=NOON + timedelta(minutes=10))
    release_due(now=NOON + timedelta(minutes=10) + HOUR)

    folded = Notification.objects.get(cause_key=folding.FOLDED, state=NotificationState.DUE)
    assert folded.subject == f"[Longlead]{named} several dates"


def test_the_folded_mail_takes_its_own_place_in_the_hour() -> None:
    site = SiteFactory.create(code="SYD1")
    person = assigned(site)
    first = NOON + timedelta(minutes=10)
    letters(site, folding.MAILS_AN_HOUR + 2)
    release_due(now=first)
    letters(site, folding.MAILS_AN_HOUR + 2, now=NOON + HOUR, first=50)
    for minutes in range(0, 200, 5):
        release_due(now=first + timedelta(minutes=minutes))

    instants = left(person)
    assert all(sum(at <= other < at + HOUR for other in instants) <= folding.MAILS_AN_HOUR for at in instants)
    assert len(told(person)) == 2 * (folding.MAILS_AN_HOUR + 2)


def test_one_persons_flood_is_no_other_persons() -> None:
    here, there = SiteFactory.create(code="SYD1"), SiteFactory.create(code="TYO1")
    flooded, calm = assigned(here), assigned(there)
    letters(here, folding.MAILS_AN_HOUR + 1)
    late(there, days=12, tag="CH-99")
    look(there, cause="letter-99")

    release_due(now=NOON + timedelta(minutes=10))

    assert (len(left(flooded)), len(left(calm))) == (folding.MAILS_AN_HOUR, 1)


def test_a_message_whose_time_comes_in_quiet_hours_waits_for_their_end() -> None:
    site = SiteFactory.create(code="SYD1")
    person = assigned(site)
    User.objects.filter(pk=person.pk).update(time_zone="Australia/Sydney")
    letters(site, 1)
    PersonCalendarFactory.create(person=person, quiet_from=time(12), quiet_until=time(14))

    release_due(now=NOON + timedelta(minutes=10))  # ten past noon in Sydney
    assert left(person) == []
    release_due(now=NOON + 2 * HOUR)

    assert len(left(person)) == 1
