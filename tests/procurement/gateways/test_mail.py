"""What becomes of a message, told by a real conversation on loopback."""

import contextlib
import email
import email.policy
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from procurement.gateways import mail
from procurement.gateways.mail import (
    Delivery,
    MailboxCourier,
    Outcome,
    Outgoing,
    Postbag,
    SmtpCourier,
    SmtpServer,
    as_bytes,
)
from tests.smtp import Sink, drips, free_port, rude, says_nothing, serving

SENDER = "Longlead <alerts@longlead.example>"
MESSAGE = Outgoing(
    message_id="<longlead.01a1fc1a-0b53-7757-9779-5778babec18a@longlead.example>",
    to_address="hanako@people.example",
    to_name="山田 花子",
    subject="[Longlead][TYO1] 冷凍機 CH-03: 12日遅れ",
    text="必要日: 2027年9月20日\n.\nFrom here on\n",
    html="<p>必要日: 2027年9月20日</p>",
    headers={"List-Id": "<alerts.tyo1.longlead.example>", "Date": "Fri, 20 Nov 2026 01:10:00 +0000"},
)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def port(sink: Sink) -> Iterator[int]:
    with serving(sink) as port:
        yield port


def courier(port: int, *, dialogue_seconds: float = 20, **server: Any) -> SmtpCourier:
    return SmtpCourier(
        SmtpServer("127.0.0.1", port, **server),
        sender=SENDER,
        host_name="longlead.example",
        dialogue_seconds=dialogue_seconds,
    )


def sent(message: Outgoing, port: int, **options: Any) -> Delivery:
    """What became of one message over a connection of its own."""
    with contextlib.closing(courier(port, **options)) as mine:
        return mine.send(message)


def test_an_accepted_message_arrives_as_it_was_written(sink: Sink, port: int) -> None:
    delivery = sent(MESSAGE, port)

    assert (delivery.outcome, delivery.code, delivery.answer) == (Outcome.ACCEPTED, "250", "Accepted")
    ((address, content),) = sink.accepted
    got = email.message_from_bytes(content, policy=email.policy.default)
    assert address == "hanako@people.example"
    assert (got["Subject"], got["Message-ID"], got["List-Id"], got["Date"]) == (
        MESSAGE.subject, MESSAGE.message_id, MESSAGE.headers["List-Id"], MESSAGE.headers["Date"],
    )  # fmt: skip
    assert str(got["To"]) == "山田 花子 <hanako@people.example>"
    text, html = (got.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert (text.get_content().replace("\r\n", "\n"), html.get_content().strip()) == (MESSAGE.text, MESSAGE.html)


def test_the_same_message_is_the_same_bytes() -> None:
    assert as_bytes(MESSAGE, sender=SENDER) == as_bytes(MESSAGE, sender=SENDER)
    assert as_bytes(MESSAGE, sender=SENDER).isascii()


def test_an_address_under_a_japanese_domain_is_spelled_in_ascii() -> None:
    wire = as_bytes(replace(MESSAGE, to_address="hanako@例え.example"), sender=SENDER)

    assert b"hanako@xn--r8jz45g.example" in wire


@pytest.mark.parametrize(
    ("answer", "outcome", "address_refused"),
    [
        ("550 No such user", Outcome.PERMANENT, True),
        ("550 5.1.1 No such user", Outcome.PERMANENT, True),
        ("552 5.2.2 Mailbox full", Outcome.PERMANENT, True),
        ("550 5.7.1 You are on a list", Outcome.PERMANENT, False),
        ("451 4.7.1 Greylisted", Outcome.TRANSIENT, False),
        ("421 Busy", Outcome.TRANSIENT, False),
    ],
)
def test_a_refused_recipient_is_told_from_one_to_try_again(
    sink: Sink, port: int, answer: str, outcome: Outcome, address_refused: bool
) -> None:
    sink.recipients[MESSAGE.to_address] = answer

    delivery = sent(MESSAGE, port)

    assert (delivery.outcome, delivery.address_refused, delivery.unreachable) == (outcome, address_refused, False)
    assert f"{delivery.code} {delivery.answer}" == answer
    assert sink.accepted == []


@pytest.mark.parametrize(
    ("answer", "outcome", "address_refused"),
    [
        ("554 5.7.1 Spam", Outcome.PERMANENT, False),
        ("550 Not wanted", Outcome.PERMANENT, False),
        ("550 5.1.1 No such user after all", Outcome.PERMANENT, True),
        ("452 4.3.1 Disk full", Outcome.TRANSIENT, False),
    ],
)
def test_refused_content_does_not_condemn_the_address(
    sink: Sink, port: int, answer: str, outcome: Outcome, address_refused: bool
) -> None:
    sink.contents[MESSAGE.to_address] = answer

    delivery = sent(MESSAGE, port)

    assert (delivery.outcome, delivery.address_refused, delivery.unreachable) == (outcome, address_refused, False)


@pytest.mark.parametrize("answer", ["550 5.7.1 Sender not allowed", "451 Later"])
def test_a_refused_sender_is_our_own_fault_and_waits(sink: Sink, port: int, answer: str) -> None:
    sink.sender = answer

    delivery = sent(MESSAGE, port)

    assert (delivery.outcome, delivery.unreachable, delivery.address_refused) == (Outcome.TRANSIENT, True, False)


def test_a_second_message_goes_over_the_same_connection(sink: Sink, port: int) -> None:
    with contextlib.closing(courier(port)) as mine:
        sent_by = [mine.send(replace(MESSAGE, message_id=f"<{n}@longlead.example>")).outcome for n in range(3)]

    assert sent_by == [Outcome.ACCEPTED] * 3
    assert len(sink.accepted) == 3
    assert len(sink.peers) == 1


def test_a_connection_that_the_server_has_closed_is_made_anew() -> None:
    sink, first_port = Sink(), free_port()
    with contextlib.closing(courier(first_port)) as mine:
        with serving(sink, first_port):
            assert mine.send(MESSAGE).outcome is Outcome.ACCEPTED
        with serving(sink, first_port):
            assert mine.send(MESSAGE).outcome is Outcome.ACCEPTED
    assert len(sink.accepted) == 2
    assert len(sink.peers) == 2


def test_a_refused_recipient_does_not_spoil_the_next_message(sink: Sink, port: int) -> None:
    sink.recipients = {"hanako@people.example": "550 5.1.1 No such user"}
    with contextlib.closing(courier(port)) as mine:
        outcomes = [mine.send(each).outcome for each in (MESSAGE, replace(MESSAGE, to_address="taro@people.example"))]

    assert outcomes == [Outcome.PERMANENT, Outcome.ACCEPTED]


def test_the_envelope_names_where_a_bounce_goes(sink: Sink, port: int) -> None:
    sent(replace(MESSAGE, envelope_from="bounce+1@longlead.example"), port)

    assert sink.senders == ["bounce+1@longlead.example"]


def test_a_closed_port_is_unreachable_and_the_next_message_arrives_when_it_opens(sink: Sink) -> None:
    port = free_port()
    closed = sent(MESSAGE, port)
    with serving(sink, port):
        opened = sent(MESSAGE, port)

    assert (closed.outcome, closed.unreachable, closed.code) == (
        Outcome.TRANSIENT, True, "ConnectionRefusedError",
    )  # fmt: skip
    assert opened.outcome is Outcome.ACCEPTED


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_wrong_password_waits_for_somebody_to_mend_it(sink: Sink) -> None:
    options: dict[str, Any] = {
        "auth_required": True,
        "auth_require_tls": False,
        "authenticator": lambda *_: AuthResult(success=False, handled=False),
    }
    with serving(sink, **options) as port:
        delivery = sent(MESSAGE, port, user="longlead", password="wrong")

    assert (delivery.outcome, delivery.code, delivery.unreachable) == (Outcome.TRANSIENT, "535", True)


@pytest.mark.parametrize("behave", [says_nothing, drips])
def test_a_server_that_never_finishes_is_cut_off(behave: object) -> None:
    with rude(behave) as port:  # type: ignore[arg-type]
        delivery = sent(MESSAGE, port, dialogue_seconds=0.3)

    assert (delivery.outcome, delivery.unreachable) == (Outcome.TRANSIENT, True)


def test_a_kept_connection_that_falls_silent_leaves_no_time_for_another_that_drips() -> None:
    guests: list[socket.socket] = []

    def behave(guest: socket.socket, over: threading.Event) -> None:
        guests.append(guest)
        if len(guests) > 1:
            drips(guest, over)
            return
        guest.sendall(b"220 hello\r\n")
        lines = guest.makefile("rb")
        for answer in (b"250 hello\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go on\r\n"):
            lines.readline()
            guest.sendall(answer)
        while lines.readline() != b".\r\n":
            pass
        guest.sendall(b"250 Accepted\r\n")
        lines.readline()
        over.wait(30)

    with rude(behave) as port, contextlib.closing(courier(port, dialogue_seconds=0.5)) as mine:
        outcomes = [mine.send(MESSAGE).outcome, mine.send(MESSAGE).outcome]

    assert outcomes == [Outcome.ACCEPTED, Outcome.TRANSIENT]


def test_a_resolver_that_never_answers_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    try:
        delivery = sent(MESSAGE, 1, dialogue_seconds=0.3)
    finally:
        over.set()

    assert (delivery.outcome, delivery.unreachable, delivery.code) == (Outcome.TRANSIENT, True, "TimeoutError")


def test_what_was_written_before_goes_over_the_wire_as_it_was(sink: Sink, port: int) -> None:
    wire = as_bytes(MESSAGE, sender=SENDER)

    sent(replace(MESSAGE, subject="Another", wire=wire), port)

    assert [content for _address, content in sink.accepted] == [wire]


def test_a_server_that_hangs_up_is_tried_again() -> None:
    with rude(lambda guest, over: guest.sendall(b"220 hello\r\n")) as port:
        delivery = sent(MESSAGE, port)

    assert delivery.outcome is Outcome.TRANSIENT


def test_a_server_that_stalls_after_the_recipient_was_named_says_nothing_about_the_others() -> None:
    def stall(guest: socket.socket, over: object) -> None:
        guest.sendall(b"220 hello\r\n")
        lines = guest.makefile("rb")
        for answer in (b"250 hello\r\n", b"250 OK\r\n", b"250 OK\r\n"):
            lines.readline()
            guest.sendall(answer)
        lines.readline()
        over.wait(30)  # type: ignore[attr-defined]

    with rude(stall) as port:
        delivery = sent(MESSAGE, port, dialogue_seconds=0.5)

    assert (delivery.outcome, delivery.unreachable) == (Outcome.TRANSIENT, False)


@pytest.mark.parametrize(
    "poison",
    [
        {"subject": "two\nlines"},
        {"headers": {"List-Id": "a\r\nBcc: all@people.example"}},
        {"to_address": "no address"},
        {"to_name": "two\nlines"},
    ],
)
def test_what_cannot_be_written_is_said_without_asking_a_server(poison: dict[str, object]) -> None:
    message = replace(MESSAGE, **poison)  # type: ignore[arg-type]

    assert sent(message, 1).outcome is Outcome.UNREADABLE
    assert MailboxCourier().send(message).outcome is Outcome.UNREADABLE


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


def server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize("how", ["starttls", "implicit_tls"])
def test_the_conversation_is_secured_and_the_server_proven(sink: Sink, certificate: Path, how: str) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    key = "ssl_context" if how == "implicit_tls" else "tls_context"
    options: dict[str, Any] = {key: server_context(certificate)} | (
        {"require_starttls": True} if how == "starttls" else {}
    )
    with serving(sink, **options) as port:
        said = courier(port, context=trusting, **{how: True}).check()
        delivery = sent(MESSAGE, port, context=trusting, **{how: True})
        unproven = sent(MESSAGE, port, **{how: True})

    assert said.endswith("(TLS)")
    assert delivery.outcome is Outcome.ACCEPTED
    assert (unproven.outcome, unproven.code) == (Outcome.TRANSIENT, "SSLCertVerificationError")
    assert len(sink.accepted) == 1


def test_a_server_without_the_tls_we_ask_for_gets_nothing(sink: Sink, port: int) -> None:
    delivery = sent(MESSAGE, port, starttls=True)

    assert (delivery.outcome, delivery.unreachable, sink.accepted) == (Outcome.TRANSIENT, True, [])


def test_the_demo_keeps_mail_in_its_mailbox_and_others_send_it(settings: object) -> None:
    settings.MAIL_TO_MAILBOX = True  # type: ignore[attr-defined]
    assert isinstance(mail.courier(), MailboxCourier)
    assert mail.courier().send(MESSAGE).outcome is Outcome.ACCEPTED
    settings.MAIL_TO_MAILBOX = False  # type: ignore[attr-defined]
    assert isinstance(mail.courier(), SmtpCourier)


def test_the_postbag_answers_as_a_server_would() -> None:
    refused = mail.Delivery(Outcome.PERMANENT, "550", "no")
    postbag = Postbag(answers={"other@people.example": refused})

    answers = [postbag.send(MESSAGE), postbag.send(replace(MESSAGE, to_address="other@people.example"))]

    assert ([answer.code for answer in answers], postbag.messages) == (["250", "550"], [MESSAGE])
