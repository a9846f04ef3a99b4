"""Silence means that nothing slipped, and once a week somebody says that they were watching."""

from datetime import UTC, date, datetime, timedelta

import pytest

from procurement.models import Notification
from procurement.services import alerts
from procurement.services.all_quiet import hold_all_quiet, watched_for
from procurement.services.notifications import release_due
from procurement.vocabulary import MessageKind, MessageState, NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.factories.erp import IntegrationMessageFactory
from tests.factories.procurement import NotificationFactory, RequirementFactory
from tests.factories.sites import PersonCalendarFactory, SiteFactory
from tests.procurement.stage import assigned, holder, late

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 11, 23)
BEFORE_EIGHT = datetime(2026, 11, 22, 20, 59, tzinfo=UTC)  # 7:59 on Monday in Sydney
EIGHT = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
AFTER = EIGHT + timedelta(minutes=20)
AN_HOUR_AGO = EIGHT - timedelta(hours=1)


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


def watcher(site: Site, role: Role = Role.BUYER) -> User:
    return holder(site, role, time_zone="Australia/Sydney")


def said() -> list[tuple[str, str, date | None]]:
    rows = Notification.objects.exclude(state=NotificationState.SUPPRESSED).order_by("pk")
    return [(row.kind, row.state, row.digest_on) for row in rows]


def test_on_the_first_morning_of_a_quiet_week_one_message_says_so(site: Site) -> None:
    person = watcher(site)
    assert hold_all_quiet(now=BEFORE_EIGHT) == 0
    assert [hold_all_quiet(now=EIGHT + timedelta(hours=hour)) for hour in range(3)] == [1, 0, 0]

    release_due(now=AFTER)

    row = Notification.objects.get()
    assert (row.recipient, row.kind, row.state, row.digest_on) == (
        person, MessageKind.ALL_QUIET, NotificationState.DUE, MONDAY,
    )  # fmt: skip
    assert hold_all_quiet(now=AFTER) == 0


def test_it_says_how_many_lines_were_watched_and_when_the_erp_last_spoke(site: Site) -> None:
    person = watcher(site)
    late(site, days=-60)
    late(site, days=-60, tag="CH-04")
    late(SiteFactory.create(code="TYO1"), days=-60, tag="CH-05")
    for hours, state in ((3, MessageState.DONE), (1, MessageState.FAILED), (9, MessageState.DONE)):
        IntegrationMessageFactory.create(created_at=EIGHT - timedelta(hours=hours), state=state)
    alerts.evaluate_site(site_id=site.pk, as_of=MONDAY, now=BEFORE_EIGHT)

    found = watched_for(person)
    hold_all_quiet(now=EIGHT)
    release_due(now=AFTER)

    row = Notification.objects.get()
    assert (found.lines, found.sites, found.looked_at, found.erp_at) == (
        2, 1, BEFORE_EIGHT, EIGHT - timedelta(hours=3),
    )  # fmt: skip
    assert row.subject == "[Longlead] All quiet"
    assert "Last ERP message: 23 Nov 2026 05:00" in row.body_text
    assert "2 lines watched" in row.body_html


def test_whoever_was_told_something_in_the_week_hears_nothing(site: Site) -> None:
    person = assigned(site)
    late(site, days=12)
    told_at = EIGHT - timedelta(days=3)
    alerts.evaluate_site(site_id=site.pk, as_of=MONDAY - timedelta(days=3), now=told_at, cause_key="letter")
    release_due(now=told_at + timedelta(minutes=10))

    assert hold_all_quiet(now=EIGHT) == 0
    assert hold_all_quiet(now=EIGHT + timedelta(days=7, hours=12)) == 1
    assert Notification.objects.filter(kind=MessageKind.ALL_QUIET).get().recipient == person


@pytest.mark.parametrize("kind", [MessageKind.VIEW, MessageKind.NOTICE])
def test_a_view_or_a_comment_is_no_word_of_an_alert(site: Site, kind: MessageKind) -> None:
    person = watcher(site)
    NotificationFactory.create(
        recipient=person,
        kind=kind,
        state=NotificationState.SENT,
        released_at=AN_HOUR_AGO,
        sent_at=AN_HOUR_AGO,
        frozen=True,
    )
    hold_all_quiet(now=EIGHT)
    release_due(now=AFTER)

    assert Notification.objects.get(kind=MessageKind.ALL_QUIET).state == NotificationState.DUE


def test_a_digest_of_which_nothing_is_left_says_it_instead(site: Site) -> None:
    watcher(site, Role.SITE_LEAD)
    requirement = RequirementFactory.create(site=site, without_ros=True)
    sunday = EIGHT - timedelta(hours=12)
    alerts.evaluate_site(site_id=site.pk, as_of=MONDAY - timedelta(days=1), now=sunday)
    requirement.cancelled_at = sunday
    requirement.save()
    alerts.evaluate_site(site_id=site.pk, as_of=MONDAY - timedelta(days=1), now=sunday + timedelta(hours=1))

    release_due(now=AFTER)

    assert said() == [(MessageKind.ALL_QUIET, NotificationState.DUE, MONDAY)]


def test_what_happens_before_it_leaves_makes_it_a_digest(site: Site) -> None:
    watcher(site, Role.SITE_LEAD)
    hold_all_quiet(now=EIGHT)
    RequirementFactory.create(site=site, without_ros=True)
    alerts.evaluate_site(site_id=site.pk, as_of=MONDAY - timedelta(days=1), now=BEFORE_EIGHT)

    release_due(now=AFTER)

    assert said() == [(MessageKind.DIGEST, NotificationState.DUE, MONDAY)]


def test_whoever_does_not_want_it_does_not_get_it(site: Site) -> None:
    PersonCalendarFactory.create(person=watcher(site), all_quiet=False)
    watcher(site, Role.VIEWER)
    holder(site, Role.BUYER, email="")

    assert hold_all_quiet(now=EIGHT) == 0


def test_it_asks_as_often_for_three_people_as_for_one(site: Site, django_assert_num_queries: object) -> None:
    for people in (1, 2):
        for _ in range(people):
            watcher(site)
        with django_assert_num_queries(6):  # type: ignore[operator]
            hold_all_quiet(now=EIGHT)
