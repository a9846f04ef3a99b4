"""A vendor's letter moves thirty lines on the evening of a holiday in Sydney, and one mail says so the next morning."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from procurement.domain.revision import DateRevision
from procurement.gateways.mail import Outgoing, Postbag
from procurement.models import Alert, DeliveryLot, Notification, PurchaseOrder
from procurement.services import dates, forecasts, notifications
from procurement.vocabulary import NotificationState, RevisionKind, Rule, RunCause
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.imprecise import on_day
from sites.models import Site
from sites.vocabulary import AssignmentScope, PromiseSource
from tests.factories.procurement import (
    AllocationFactory,
    DeliveryLotFactory,
    EquipmentClassFactory,
    OrderLineFactory,
    PurchaseOrderFactory,
    RequirementFactory,
    ScheduleLineFactory,
)
from tests.factories.sites import AssignmentFactory, MembershipFactory, PersonCalendarFactory, SiteFactory
from tests.procurement.stage import holder

pytestmark = pytest.mark.django_db

SYDNEY = ZoneInfo("Australia/Sydney")
LINES = 30
REQUIRED_ON = date(2028, 3, 20)
# Australia Day of 2027 is a Tuesday; the letter is typed in at half past eight in the evening.
EVENING = datetime(2027, 1, 26, 20, 30, tzinfo=SYDNEY).astimezone(UTC)
MORNING = datetime(2027, 1, 27, 7, 0, tzinfo=SYDNEY).astimezone(UTC)


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1", time_zone="Australia/Sydney")


@pytest.fixture
def order(site: Site) -> PurchaseOrder:
    """Thirty chillers on thirty lines, all in time."""
    found = PurchaseOrderFactory.create(number="4500016221", issued_on=date(2027, 1, 20))
    chiller = EquipmentClassFactory.create(code="chiller")
    for place in range(LINES):
        line = OrderLineFactory.create(order=found, number=10 * (place + 1), equipment_class=chiller)
        schedule_line = ScheduleLineFactory.build(line=line, site=site)
        schedule_line.save()
        lot = DeliveryLotFactory.create(
            schedule_line=schedule_line, site=site, actuals={"PO_ISSUED": date(2027, 1, 20)}
        )
        requirement = RequirementFactory.create(
            site=site, tag=f"CH-{place:02}", equipment_class=chiller, required_on_site=REQUIRED_ON
        )
        AllocationFactory.create(lot=lot, requirement=requirement)
    forecasts.recalculate(
        site_id=site.pk, as_of=date(2027, 1, 26), now=EVENING - timedelta(hours=12), cause=RunCause.LOAD
    )
    return found


@pytest.fixture
def buyer(site: Site, order: PurchaseOrder) -> User:
    """At home in Sydney, at rest on holidays and from seven to seven."""
    person = holder(site, Role.BUYER, time_zone="Australia/Sydney")
    AssignmentFactory.create(
        person=person, role=Role.BUYER, scope=AssignmentScope.ORDER, site=None, subject_id=order.pk
    )
    PersonCalendarFactory.create(person=person, quiet_from=time(19), quiet_until=time(7))
    return person


def letter(order: PurchaseOrder, actor: User) -> None:
    """One statement: every line two months later."""
    dates.record(
        order_id=order.pk,
        revisions=[
            DateRevision(RevisionKind.PROMISE, 10 * (place + 1), on_day(date(2028, 5, 31)), milestone="ON_SITE")
            for place in range(LINES)
        ],
        stated_on=date(2027, 1, 26),
        source=PromiseSource.EMAIL,
        document="Letter of 26 January",
        actor=actor,
        now=EVENING,
    )


def test_it_ends_with_one_mail_at_seven_in_the_morning(order: PurchaseOrder, buyer: User, site: Site) -> None:
    writer = holder(site, Role.EXPEDITER)
    MembershipFactory.create(person=writer, role=Role.BUYER)
    postbag = Postbag()
    letter(order, writer)
    assert Alert.objects.filter(rule=Rule.LATE_FORECAST, opened_at=EVENING).count() == LINES
    assert DeliveryLot.objects.count() == LINES

    sent_at: dict[datetime, list[Outgoing]] = {}
    now = EVENING
    while now < MORNING + timedelta(hours=3):
        before = len(postbag.messages)
        notifications.do_round(courier=postbag, now_fn=lambda now=now: now, component="sender")  # type: ignore[misc]
        if len(postbag.messages) > before:
            sent_at[now] = postbag.messages[before:]
        now += timedelta(minutes=30)

    mine = [(at, mail) for at, mails in sent_at.items() for mail in mails if mail.to_address == buyer.email]
    ((at, mail),) = mine
    assert at == MORNING
    assert mail.text.count("CH-") >= 20
    first = mail.text.splitlines()[0]
    assert "Letter of 26 January" in first
    assert "30 units" in first or "30 alerts" in first
    assert Notification.objects.filter(recipient=buyer, state=NotificationState.SENT).count() == 1
