"""From held to sent: nothing is lost, nothing is told twice, nothing is told to who may not see it."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from procurement.gateways.mail import Delivery, Outcome, Outgoing, Postbag
from procurement.models import Alert, Heartbeat, Notification, NotificationItem
from procurement.services import alerts, holding, mail_text, notifications, outbox
from procurement.services.notifications import release_due, send_due
from procurement.services.recipients import Reason
from procurement.vocabulary import Channel, Lane, MessageKind, NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Membership
from tests.factories.accounts import UserFactory
from tests.factories.procurement import NotificationFactory, RequirementFactory
from tests.factories.sites import AbsenceFactory, MembershipFactory, PersonCalendarFactory, SiteFactory
from tests.procurement.stage import NOON, Late, assigned, holder, late, look, move
from tests.threads import at_once

pytestmark = pytest.mark.django_db
SAVEPOINT = 2  # and its release, in the transaction of a test
LATER = NOON + timedelta(seconds=settings.HOLD_SECONDS)
MINUTE = timedelta(minutes=1)
REFUSED = Delivery(Outcome.PERMANENT, "550", "5.1.1 no such user", address_refused=True)
BUSY = Delivery(Outcome.TRANSIENT, "451", "4.7.1 come back later")
GONE = Delivery(Outcome.TRANSIENT, "ConnectionRefusedError", "refused", unreachable=True)


@pytest.fixture
def postbag() -> Postbag:
    return Postbag()


@pytest.fixture
def unit() -> Late:
    return late(days=12)


def send(courier: Any, at: datetime = LATER) -> notifications.Sent:
    return send_due(courier=courier, now_fn=lambda: at)


def release_and_send(courier: Any, at: datetime = LATER) -> notifications.Sent:
    release_due(now=at)
    return send(courier, at)


def round_at(courier: Any, at: datetime) -> None:
    notifications.do_round(courier=courier, now_fn=lambda: at, component="sender")


def states() -> list[str]:
    return list(Notification.objects.filter(channel=Channel.EMAIL).order_by("pk").values_list("state", flat=True))


# -- once --------------------------------------------------------------------------------------------------------


def test_an_event_seen_three_times_is_one_mail(unit: Late, postbag: Postbag) -> None:
    buyer = assigned(unit.site)
    for _ in range(3):
        look(unit.site)
        release_and_send(postbag)

    assert [message.to_address for message in postbag.messages] == [buyer.email]
    row = Notification.objects.get()
    assert (row.state, row.sent_at, row.attempts, row.last_code) == (NotificationState.SENT, LATER, 1, "250")


def test_nothing_leaves_before_its_hold_is_over(unit: Late, postbag: Postbag) -> None:
    assigned(unit.site)
    look(unit.site)

    release_and_send(postbag, LATER - timedelta(seconds=1))

    assert (postbag.messages, states()) == ([], [NotificationState.HELD])


def test_thirty_lines_moved_by_one_letter_are_one_mail_with_the_worst_first(postbag: Postbag) -> None:
    site = SiteFactory.create(code="SYD1")
    assigned(site)
    for number in range(30):
        late(site, days=1 + number, tag=f"CH-{number:02}")
    look(site)

    release_and_send(postbag)

    (message,) = postbag.messages
    assert message.subject == "[Longlead][SYD1] Statement letter-1"
    shown = [line for line in message.text.splitlines() if line.startswith("[SYD1]")]
    assert (len(shown), "CH-29: 30 days late" in shown[0], "CH-10: 11 days late" in shown[-1]) == (20, True, True)
    assert f"10 more alerts: {settings.BASE_URL}/alerts/" in message.text


def test_a_letter_on_the_evening_of_a_holiday_is_one_mail_on_the_next_working_morning(postbag: Postbag) -> None:
    site = SiteFactory.create(code="SYD1")
    buyer = assigned(site)
    User.objects.filter(pk=buyer.pk).update(time_zone="Australia/Sydney")
    PersonCalendarFactory.create(person=buyer, quiet_from=time(19), quiet_until=time(7), rests_on_days_off=True)
    evening = datetime(2027, 1, 26, 20, tzinfo=ZoneInfo("Australia/Sydney"))  # Australia Day, a Tuesday
    for number in range(30):
        late(site, days=1 + number, tag=f"CH-{number:02}")
    look(site, now=evening, as_of=evening.date())

    sent: list[datetime] = []
    for hour in range(24):
        now = evening + timedelta(hours=hour)
        round_at(postbag, now)
        sent += [now] * (len(postbag.messages) - len(sent))

    assert sent == [datetime(2027, 1, 27, 7, tzinfo=ZoneInfo("Australia/Sydney"))]
    assert postbag.messages[0].text.startswith("Statement letter-1: 30 alerts")


def test_a_frozen_message_does_not_change_when_the_world_does(unit: Late, postbag: Postbag) -> None:
    assigned(unit.site)
    look(unit.site)
    release_due(now=LATER)
    before = Notification.objects.values("subject", "body_text", "body_html", "headers", "message_id").get()
    move(unit, 90)
    look(unit.site)
    send(postbag)

    message = postbag.messages[0]
    assert (message.subject, message.text) == (before["subject"], before["body_text"])
    assert message.html.rstrip() == before["body_html"].rstrip()
    assert message.message_id == f"<longlead.{Notification.objects.earliest('pk').pk}@{settings.MAIL_DOMAIN}>"


# -- looked at again ---------------------------------------------------------------------------------------------


def test_what_recovers_while_it_is_held_is_not_told(unit: Late, postbag: Postbag) -> None:
    assigned(unit.site)
    look(unit.site)
    move(unit, -30)
    look(unit.site)

    assert release_due(now=LATER).suppressed == 1
    assert send(postbag).sent == 0
    assert NotificationItem.objects.get().dropped_because == "recovered since"


def test_what_is_closed_while_it_is_held_is_not_told(unit: Late) -> None:
    assigned(unit.site)
    look(unit.site)
    unit.requirement.cancelled_at = NOON
    unit.requirement.save()
    look(unit.site)

    assert release_due(now=LATER).suppressed == 1
    assert NotificationItem.objects.get().dropped_because == "closed since: gone"


def test_who_acknowledged_it_meanwhile_is_not_told_but_others_are(unit: Late, postbag: Postbag) -> None:
    buyer, expediter = assigned(unit.site), assigned(unit.site, Role.EXPEDITER)
    look(unit.site)
    alerts.acknowledge(alert_id=Alert.objects.get().pk, actor=buyer, now=NOON + MINUTE)

    release_and_send(postbag)

    assert [message.to_address for message in postbag.messages] == [expediter.email]


def test_only_what_still_stands_is_in_the_mail(postbag: Postbag) -> None:
    site = SiteFactory.create(code="SYD1")
    assigned(site)
    stays, goes = late(site, tag="CH-01"), late(site, tag="CH-02")
    look(site)
    move(goes, -30)
    look(site)

    release_and_send(postbag)

    assert "CH-01" in postbag.messages[0].subject
    assert "CH-02" not in postbag.messages[0].text
    assert stays.site == site


# -- rights ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("released_first", [False, True])
def test_a_right_lost_before_sending_goes_to_the_next_holder(
    unit: Late, postbag: Postbag, released_first: bool
) -> None:
    buyer, other = assigned(unit.site), holder(unit.site)
    look(unit.site)
    if released_first:
        release_due(now=LATER)
    Membership.objects.filter(person=buyer).delete()

    for _ in range(2):
        release_and_send(postbag)

    assert [message.to_address for message in postbag.messages] == [other.email]
    assert states() == [NotificationState.CANCELLED, NotificationState.SENT]


def test_a_disabled_account_is_told_nothing(unit: Late, postbag: Postbag) -> None:
    buyer = assigned(unit.site)
    administrator = holder(unit.site, Role.ADMINISTRATOR)
    look(unit.site)
    User.objects.filter(pk=buyer.pk).update(is_active=False)

    for _ in range(2):
        release_and_send(postbag)

    assert [message.to_address for message in postbag.messages] == [administrator.email]


@pytest.mark.parametrize("released_first", [False, True])
def test_a_digest_loses_just_the_site_that_its_reader_lost(postbag: Postbag, released_first: bool) -> None:
    lead = UserFactory.create()
    kept, lost = (RequirementFactory.create(without_ros=True, tag=tag) for tag in ("KEPT-1", "LOST-1"))
    for requirement in (kept, lost):
        MembershipFactory.create(person=lead, role=Role.SITE_LEAD, site=requirement.site)
        look(requirement.site)
    next_lead = UserFactory.create()
    MembershipFactory.create(person=next_lead, role=Role.SITE_LEAD, desk=lost.site.desk)
    morning = NOON + timedelta(days=1)
    if released_first:
        release_due(now=morning)
    Membership.objects.filter(person=lead, site=lost.site).delete()

    for _ in range(2):
        release_and_send(postbag, morning)
    release_and_send(postbag, morning + timedelta(days=1))

    mine = [message for message in postbag.messages if message.to_address == lead.email]
    others = [message for message in postbag.messages if message.to_address == next_lead.email]
    assert (len(mine), len(others)) == (1, 1)
    assert ("KEPT-1" in mine[0].text, "LOST-1" in mine[0].text + mine[0].html) == (True, False)
    assert ("KEPT-1" in others[0].text, "LOST-1" in others[0].text) == (False, True)


# -- what a server answers ---------------------------------------------------------------------------------------


def test_a_temporary_refusal_is_tried_again_later_and_later(unit: Late, postbag: Postbag) -> None:
    buyer = assigned(unit.site)
    postbag.answers[buyer.email] = BUSY
    look(unit.site)
    release_due(now=LATER)
    at, waits = LATER, []
    for _ in range(7):
        assert send(postbag, at).deferred == 1
        row = Notification.objects.get()
        assert row.next_attempt_at
        waits.append((row.next_attempt_at - at) / MINUTE)
        at = row.next_attempt_at

    assert all(least <= wait <= least * 1.1 for least, wait in zip((1, 5, 15, 30, 60, 60, 60), waits, strict=True))
    assert send(postbag, at - timedelta(seconds=1)).deferred == 0
    del postbag.answers[buyer.email]
    assert send(postbag, at).sent == 1


def test_after_five_days_of_trying_the_deputy_is_told_and_the_address_is_kept(unit: Late, postbag: Postbag) -> None:
    buyer, deputy = assigned(unit.site), holder(unit.site, Role.VIEWER)
    AbsenceFactory.create(person=buyer, from_on="2026-01-01", until_on="2026-01-02", deputy=deputy)
    postbag.answers[buyer.email] = BUSY
    look(unit.site)
    release_due(now=LATER)
    assert send(postbag, LATER + timedelta(days=5) - MINUTE).deferred == 1

    assert send(postbag, LATER + timedelta(days=6)).dead == 1
    release_and_send(postbag, LATER + timedelta(days=6))

    buyer.refresh_from_db()
    assert buyer.email_refused_at is None
    assert [message.to_address for message in postbag.messages] == [deputy.email]


def test_one_of_three_refused_is_dead_and_shown_and_the_others_are_sent(unit: Late, postbag: Postbag) -> None:
    people = [assigned(unit.site) for _ in range(3)]
    administrator = holder(unit.site, Role.ADMINISTRATOR)
    postbag.answers[people[1].email] = REFUSED
    look(unit.site)

    done = release_and_send(postbag)

    assert (done.sent, done.dead) == (2, 1)
    assert {message.to_address for message in postbag.messages} == {people[0].email, people[2].email}
    dead = Notification.objects.get(state=NotificationState.DEAD)
    assert (dead.recipient, dead.last_code, dead.last_answer, dead.sent_at) == (
        people[1], "550", "5.1.1 no such user", None,
    )  # fmt: skip
    people[1].refresh_from_db()
    assert people[1].email_refused_at == LATER
    notices = Notification.objects.filter(channel=Channel.PORTAL)
    assert {row.recipient for row in notices} == {people[1], administrator}
    assert all("550 5.1.1 no such user" in row.subject for row in notices)


def test_the_deputy_gets_what_a_refused_address_does_not(unit: Late, postbag: Postbag) -> None:
    buyer, deputy = assigned(unit.site), holder(unit.site, Role.VIEWER)
    AbsenceFactory.create(person=buyer, from_on="2026-01-01", until_on="2026-01-02", deputy=deputy)
    postbag.answers[buyer.email] = REFUSED
    look(unit.site)

    for _ in range(2):
        release_and_send(postbag)

    assert [message.to_address for message in postbag.messages] == [deputy.email]
    assert postbag.messages[0].headers["X-Longlead-Reason"] == Reason.DEPUTY


def test_without_a_deputy_the_administrators_get_it(unit: Late, postbag: Postbag) -> None:
    buyer, administrator = assigned(unit.site), holder(unit.site, Role.ADMINISTRATOR)
    postbag.answers[buyer.email] = REFUSED
    look(unit.site)

    for _ in range(2):
        release_and_send(postbag)

    assert [message.to_address for message in postbag.messages] == [administrator.email]


def test_an_address_refused_for_a_mail_without_alerts_is_told_to_the_administrators(postbag: Postbag) -> None:
    administrator, reader = UserFactory.create(), UserFactory.create()
    MembershipFactory.create(person=administrator, role=Role.ADMINISTRATOR)
    NotificationFactory.create(
        recipient=reader, kind=MessageKind.ALL_QUIET, state=NotificationState.DUE, released_at=NOON,
        next_attempt_at=NOON, address=reader.email, frozen=True,
    )  # fmt: skip
    postbag.answers[reader.email] = REFUSED

    send(postbag)

    notices = Notification.objects.filter(channel=Channel.PORTAL)
    assert set(notices.values_list("recipient", flat=True)) == {reader.pk, administrator.pk}


def test_nothing_more_is_sent_to_a_refused_address(unit: Late, postbag: Postbag) -> None:
    buyer, administrator = assigned(unit.site), holder(unit.site, Role.ADMINISTRATOR)
    User.objects.filter(pk=buyer.pk).update(email_refused_at=NOON)

    look(unit.site)
    release_and_send(postbag)

    assert [message.to_address for message in postbag.messages] == [administrator.email]


def test_a_refusal_of_the_content_keeps_the_address(unit: Late, postbag: Postbag) -> None:
    buyer = assigned(unit.site)
    postbag.answers[buyer.email] = Delivery(Outcome.PERMANENT, "554", "5.7.1 looks like spam")
    look(unit.site)

    assert release_and_send(postbag).dead == 1
    buyer.refresh_from_db()
    assert buyer.email_refused_at is None


def test_a_server_that_is_gone_ends_the_round_and_loses_nothing(postbag: Postbag) -> None:
    site = SiteFactory.create(code="SYD1")
    people = [assigned(site) for _ in range(3)]
    late(site)
    look(site)
    release_due(now=LATER)
    postbag.answers = {person.email: GONE for person in people}

    first = send(postbag)
    assert (first.unreachable, first.deferred, first.sent) == (True, 1, 0)
    assert sorted(states()) == [NotificationState.DEFERRED, NotificationState.DUE, NotificationState.DUE]

    postbag.answers = {}
    assert send(postbag, LATER + 2 * MINUTE).sent == 3
    assert {message.to_address for message in postbag.messages} == {person.email for person in people}


class Breaks:
    def send(self, message: Outgoing) -> Delivery:
        raise KeyError("a bug")


def test_a_courier_that_breaks_defers_and_the_loop_goes_on() -> None:
    site = SiteFactory.create(code="SYD1")
    for _ in range(3):
        assigned(site)
    late(site)
    look(site)

    done = release_and_send(Breaks())

    assert (done.deferred, set(states())) == (3, {NotificationState.DEFERRED})


# -- poison ------------------------------------------------------------------------------------------------------


def test_a_line_break_in_a_vendors_name_cannot_break_a_header(unit: Late, postbag: Postbag) -> None:
    order = unit.lot.schedule_line.line.order
    order.number = "45000\r\nBcc: all@people.example"
    order.save()
    order.seller.name = "Kita\nWorks\u202e2027\x07"
    order.seller.save()
    assigned(unit.site)
    look(unit.site)

    assert release_and_send(postbag).sent == 1
    assert postbag.messages[0].subject.count("\n") == 0
    assert "PO 45000 Bcc: all@people.example/10" in postbag.messages[0].subject
    assert "Kita Works2027\n" in postbag.messages[0].text


def test_what_cannot_be_written_is_dead_and_shown_and_the_next_one_follows(
    postbag: Postbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = SiteFactory.create(code="SYD1")
    poisoned, healthy = assigned(site), assigned(site)
    administrator = holder(site, Role.ADMINISTRATOR)
    late(site)
    look(site)
    # An alert whose stored facts are not what the writer of mails expects.
    write = mail_text.write

    def choke(row: Notification, items: Any) -> mail_text.Written:
        if row.recipient_id == poisoned.pk:
            items[0].event.alert.facts = {"forecast_on": "not a day"}
        return write(row, items)

    monkeypatch.setattr(mail_text, "write", choke)

    released = release_due(now=LATER)

    assert (released.dead, released.due) == (1, 1)
    assert send(postbag).sent == 1
    assert [message.to_address for message in postbag.messages] == [healthy.email]
    dead = Notification.objects.get(state=NotificationState.DEAD)
    assert dead.last_code == "unwritten"
    assert "not a day" in dead.last_answer
    shown = Notification.objects.filter(channel=Channel.PORTAL).values_list("recipient", flat=True)
    assert set(shown) == {poisoned.pk, administrator.pk}


def test_a_message_that_the_wire_cannot_carry_is_dead_and_the_next_one_follows(unit: Late) -> None:
    first, second = assigned(unit.site), assigned(unit.site)
    look(unit.site)
    release_due(now=LATER)
    postbag = Postbag(
        answers={first.email: Delivery(Outcome.UNREADABLE, "ValueError", "Header values may not contain linefeed")}
    )

    done = send(postbag)

    assert (done.dead, done.sent) == (1, 1)
    assert [message.to_address for message in postbag.messages] == [second.email]


# -- crashes and company -----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


class DiesAfterAccepting(Postbag):
    def send(self, message: Outgoing) -> Delivery:
        super().send(message)
        if len(self.messages) == 1:
            raise Killed
        return Delivery(Outcome.ACCEPTED, "250", "OK")


@pytest.mark.django_db(transaction=True)
def test_a_sender_that_dies_after_the_250_sends_the_same_message_again(unit: Late) -> None:
    assigned(unit.site)
    look(unit.site)
    release_due(now=LATER)
    courier = DiesAfterAccepting()
    with pytest.raises(Killed):
        send(courier)
    assert states() == [NotificationState.DUE]

    assert send(courier).sent == 1

    first, again = courier.messages
    assert first == again
    assert states() == [NotificationState.SENT]


class DiesAtTheThird(Postbag):
    def send(self, message: Outgoing) -> Delivery:
        if len(self.messages) == 2:
            self.seen = at_once(1, lambda number: states())
            raise Killed
        return super().send(message)


@pytest.mark.django_db(transaction=True)
def test_what_was_accepted_is_written_down_before_the_next_is_sent() -> None:
    site = SiteFactory.create()
    for _ in range(3):
        assigned(site)
    late(site)
    look(site)
    release_due(now=LATER)
    courier = DiesAtTheThird()

    with pytest.raises(Killed):
        send(courier)

    assert courier.seen[0].count(NotificationState.SENT) == 2
    assert states().count(NotificationState.SENT) == 2
    assert send(Postbag()).sent == 1


class Asks(Postbag):
    """Keeps a message, and looks meanwhile what another sender would find."""

    def send(self, message: Outgoing) -> Delivery:
        self.seen = at_once(1, lambda number: send(Postbag()).sent)
        return super().send(message)


@pytest.mark.django_db(transaction=True)
def test_a_message_being_sent_is_passed_over_by_another_sender(unit: Late) -> None:
    assigned(unit.site)
    look(unit.site)
    release_due(now=LATER)
    courier = Asks()

    assert send(courier).sent == 1
    assert courier.seen == [0]


@pytest.mark.django_db(transaction=True)
def test_four_releasers_and_senders_at_once_send_each_message_once() -> None:
    postbag = Postbag()
    sites = [SiteFactory.create() for _ in range(6)]
    people = [assigned(site) for site in sites for _ in range(4)]
    for site in sites:
        late(site)
        look(site)

    at_once(4, lambda number: release_and_send(postbag))

    assert sorted(message.to_address for message in postbag.messages) == sorted(person.email for person in people)
    assert len({message.message_id for message in postbag.messages}) == 24


@pytest.mark.django_db(transaction=True)
def test_a_message_that_a_writer_is_adding_to_waits_for_the_next_round(unit: Late) -> None:
    assigned(unit.site)
    other = late(unit.site, days=12, tag="CH-04")
    move(other, -5)
    look(unit.site)
    move(other, 12)
    released = []

    with transaction.atomic():
        look(unit.site)
        released += at_once(1, lambda number: release_due(now=LATER).due)

    assert released == [0]
    assert release_due(now=LATER).due == 1
    assert Notification.objects.get().items.count() == 2


def test_stopping_ends_between_two_messages() -> None:
    site = SiteFactory.create()
    for _ in range(3):
        assigned(site)
    late(site)
    look(site)
    release_due(now=LATER)
    postbag = Postbag()

    send_due(courier=postbag, now_fn=lambda: LATER, stopping=lambda: len(postbag.messages) == 2)

    assert (len(postbag.messages), states().count(NotificationState.DUE)) == (2, 1)


def test_what_is_due_is_read_together_and_each_message_costs_one_journey(
    django_assert_max_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "READ_AGAIN_SECONDS", 600)  # however slow the machine
    site = SiteFactory.create()
    for _ in range(20):
        assigned(site)
    late(site)
    look(site)
    release_due(now=LATER)

    with django_assert_max_num_queries(20 + SAVEPOINT + 7):
        assert send(Postbag()).sent == 20


def test_of_a_message_that_was_sent_the_bytes_are_dropped(unit: Late, postbag: Postbag) -> None:
    assigned(unit.site)
    look(unit.site)
    release_due(now=LATER)
    written = bytes(Notification.objects.get().wire)

    send(postbag)

    assert written.startswith(b"From: ")
    assert [message.wire for message in postbag.messages] == [written]
    assert bytes(Notification.objects.get().wire) == b""


def test_a_round_holds_releases_sends_and_says_so(unit: Late, postbag: Postbag) -> None:
    look(unit.site)
    buyer = holder(unit.site)

    first = notifications.do_round(courier=postbag, now_fn=lambda: NOON, component="sender")
    second = notifications.do_round(courier=postbag, now_fn=lambda: LATER, component="sender")

    assert (first.held, second.released.due, second.sent.sent) == (1, 1, 1)
    assert [message.to_address for message in postbag.messages] == [buyer.email]
    assert Heartbeat.objects.get(component="sender").beat_at == LATER


def test_between_two_rounds_only_what_is_ripe_is_seen_to(unit: Late, postbag: Postbag) -> None:
    look(unit.site)  # nobody is there to be told
    holder(unit.site)

    def ripe_round(now: datetime) -> tuple[bool, int, int]:
        ripe = notifications.is_ripe(now=now)
        done = notifications.do_round(courier=postbag, now_fn=lambda: now, component="sender", only_ripe=True)
        return ripe, done.held, done.sent.sent

    before = ripe_round(LATER)
    holding.hold_untold(now=NOON)

    assert [before, ripe_round(NOON), ripe_round(LATER), ripe_round(LATER)] == [
        (False, 0, 0), (False, 0, 0), (True, 0, 1), (False, 0, 0),
    ]  # fmt: skip


def test_a_message_that_is_to_be_tried_again_is_ripe_at_its_time() -> None:
    NotificationFactory.create(frozen=True, state=NotificationState.DEFERRED, next_attempt_at=LATER)

    assert [notifications.is_ripe(now=at) for at in (NOON, LATER)] == [False, True]


def test_the_lane_of_a_message_is_that_of_its_alert(unit: Late) -> None:
    assigned(unit.site)
    look(unit.site)

    assert Notification.objects.get().lane == Lane.URGENT
