"""What did not arrive is seen, tried again under the same name, and a bounce counts like a refusal."""

import io
import json
import mailbox
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from procurement.gateways.mail import Postbag
from procurement.models import Notification
from procurement.services import deliveries, mail_links
from procurement.services.notifications import release_due, send_due
from procurement.vocabulary import Channel, NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import Conflict, NotFound, NotPermitted
from sites.models import Absence
from tests.factories.accounts import UserFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.stage import Late, assigned, holder, late, look

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator() -> User:
    person = UserFactory.create()
    MembershipFactory.create(person=person, role=Role.ADMINISTRATOR)
    return person


@pytest.fixture
def unit() -> Late:
    return late(days=12)


@pytest.fixture
def sent(unit: Late, administrator: User) -> Notification:
    """A mail that a server has accepted."""
    assigned(unit.site)
    now = timezone.now()
    look(unit.site, now=now - timedelta(hours=1))
    release_due(now=now)
    send_due(courier=Postbag(), now_fn=timezone.now)
    return Notification.objects.get(channel=Channel.EMAIL)


def report(to: str, *, action: str = "failed", status: str = "5.1.1") -> bytes:
    """A delivery report as servers write it."""
    return (
        f"From: mailer-daemon@mx.example\nTo: {to}\nSubject: Undelivered\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nIt did not arrive.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; a@b.example\nAction: {action}\nStatus: {status}\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such user\n\n--b--\n"
    ).encode()


def complaint(about: str, *, kind: str = "abuse") -> bytes:
    """A feedback report as mailbox providers write it: it comes to whoever registered for it, and names our sender."""
    return (
        "From: feedback@mailbox.example\nTo: postmaster@longlead.example\nSubject: FW: Chiller\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nThis is an email abuse report.\n"
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: Provider/1\nVersion: 1\n"
        f"Original-Mail-From: <{about}>\n\n"
        "--b\nContent-Type: message/rfc822\n\nSubject: Chiller\n\nLate.\n--b--\n"
    ).encode()


@pytest.fixture(autouse=True)
def bounces(settings: object) -> None:
    settings.MAIL_BOUNCES_TO = "bounce@longlead.example"  # type: ignore[attr-defined]


def read(tmp_path: Path, *mails: bytes) -> dict[str, int]:
    box = mailbox.Maildir(tmp_path / "box")
    for mail in mails:
        box.add(mail)
    out = io.StringIO()
    call_command("read_bounces", str(tmp_path / "box"), "--json", stdout=out)
    found: dict[str, int] = json.loads(out.getvalue())
    return {name: count for name, count in found.items() if count}


def test_a_bounce_switches_the_address_off_tells_administrators_and_goes_to_the_deputy(
    sent: Notification, administrator: User, tmp_path: Path
) -> None:
    deputy = holder(sent.site)  # type: ignore[arg-type]
    today = timezone.now().date()
    Absence.objects.create(
        person=sent.recipient, deputy=deputy, from_on=today - timedelta(days=30), until_on=today - timedelta(days=20)
    )

    assert read(tmp_path, report(mail_links.bounce_address(sent.pk).upper())) == {"bounced": 1}

    sent.refresh_from_db()
    assert (sent.state, sent.last_code) == (NotificationState.DEAD, "bounced 5.1.1")
    assert sent.recipient.email_refused_because == "bounced 5.1.1 smtp; 550 5.1.1 No such user"
    told = Notification.objects.exclude(pk=sent.pk)
    assert told.filter(channel=Channel.PORTAL, recipient=administrator).exists()
    assert told.filter(channel=Channel.EMAIL, recipient=deputy, state=NotificationState.HELD).exists()


def test_the_same_report_twice_counts_once(sent: Notification, tmp_path: Path) -> None:
    mail = report(mail_links.bounce_address(sent.pk))

    assert read(tmp_path, mail, mail) == {"bounced": 1, "known": 1}
    assert read(tmp_path) == {}


def test_a_reader_who_calls_it_unwanted_gets_no_more_and_administrators_hear_of_it(
    sent: Notification, administrator: User, tmp_path: Path
) -> None:
    address = mail_links.bounce_address(sent.pk)

    assert read(tmp_path, complaint(address, kind="not-spam")) == {"delayed": 1}
    assert read(tmp_path, complaint(address), complaint(address)) == {"bounced": 1, "known": 1}

    sent.refresh_from_db()
    assert sent.recipient.email_refused_because == "bounced complaint: abuse"
    assert Notification.objects.filter(channel=Channel.PORTAL, recipient=administrator).exists()


def test_a_full_mailbox_policy_or_delay_does_not_switch_an_address_off(sent: Notification, tmp_path: Path) -> None:
    address = mail_links.bounce_address(sent.pk)

    assert read(tmp_path, report(address, action="delayed", status="4.4.1")) == {"delayed": 1}
    assert read(tmp_path, report(address, status="5.7.1")) == {"bounced": 1}

    sent.recipient.refresh_from_db()
    assert sent.recipient.email_refused_at is None


@pytest.mark.parametrize("tag", ["bounce+1@longlead.example", "bounce@longlead.example", ""])
def test_a_report_without_our_tag_changes_nothing(sent: Notification, tmp_path: Path, tag: str) -> None:
    forged = mail_links.bounce_address(sent.pk).replace("-", "-0")

    assert read(tmp_path, report(tag), report(forged)) == {"not_ours": 2}
    assert Notification.objects.get(pk=sent.pk).state == NotificationState.SENT


def test_a_mail_that_is_no_report_is_left_alone(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["To"] = "bounce@longlead.example"
    mail.set_content("Hello")

    assert read(tmp_path, mail.as_bytes(), b"\x00\xff", b"") == {"no_report": 3}


def test_a_dead_message_is_sent_again_as_it_was(sent: Notification, administrator: User) -> None:
    Notification.objects.filter(pk=sent.pk).update(
        state=NotificationState.DEAD, released_at=timezone.now() - timedelta(days=9)
    )

    deliveries.retry(message_id=sent.pk, actor=administrator, now=timezone.now())
    postbag = Postbag()
    send_due(courier=postbag, now_fn=timezone.now)

    (message,) = postbag.messages
    assert (message.message_id, message.text) == (sent.message_id, sent.body_text)
    assert Notification.objects.get(pk=sent.pk).state == NotificationState.SENT


def test_an_address_that_is_off_is_switched_on_first(sent: Notification, administrator: User) -> None:
    deliveries.bounced(message_id=sent.pk, code="5.1.1", answer="no", now=timezone.now())
    with pytest.raises(Conflict, match="switched off"):
        deliveries.retry(message_id=sent.pk, actor=administrator, now=timezone.now())

    deliveries.trust_address(person_id=sent.recipient_id, actor=administrator)

    assert deliveries.retry(message_id=sent.pk, actor=administrator, now=timezone.now()).state == NotificationState.DUE


def test_only_an_administrator_sends_again_and_strangers_see_nothing(sent: Notification) -> None:
    Notification.objects.filter(pk=sent.pk).update(state=NotificationState.DEAD)

    with pytest.raises(NotPermitted):
        deliveries.retry(message_id=sent.pk, actor=sent.recipient, now=timezone.now())
    with pytest.raises(NotFound):
        deliveries.retry(message_id=sent.pk, actor=UserFactory.create(), now=timezone.now())


def test_the_page_lists_what_did_not_arrive_and_sends_it_again(
    sent: Notification, administrator: User, client: Client
) -> None:
    Notification.objects.filter(pk=sent.pk).update(state=NotificationState.DEAD, last_code="450")
    client.force_login(administrator)

    assert sent.subject in client.get("/messages/undelivered/").text
    client.post(f"/messages/{sent.pk}/retry/")

    assert Notification.objects.get(pk=sent.pk).state == NotificationState.DUE
    assert sent.subject not in client.get("/messages/undelivered/").text


def test_a_note_that_the_portal_alone_tells_is_found_from_the_alerts(
    sent: Notification, administrator: User, client: Client
) -> None:
    deliveries.bounced(message_id=sent.pk, code="5.1.1", answer="no such user", now=timezone.now())

    for person in (sent.recipient, administrator):
        client.force_login(person)
        assert "1 note to you about mail" in client.get("/alerts/").text
        assert "5.1.1 no such user" in client.get("/messages/undelivered/").text
    client.force_login(UserFactory.create())
    assert "about mail" not in client.get("/alerts/").text


def test_whose_address_is_off_is_told_on_every_page(sent: Notification, administrator: User, client: Client) -> None:
    deliveries.bounced(message_id=sent.pk, code="5.1.1", answer="no such user", now=timezone.now())

    client.force_login(sent.recipient)
    assert f"Nothing is sent to {sent.recipient.email}" in client.get("/alerts/").text
    client.force_login(administrator)
    assert "Nothing is sent to" not in client.get("/alerts/").text
