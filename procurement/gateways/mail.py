"""Sends one message to one recipient, within bounds, and says plainly what became of it."""

import contextlib
import dataclasses
import email
import email.errors
import email.policy
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CONNECT_SECONDS = 5.0
DIALOGUE_SECONDS = 20.0
# Servers end a connection after some messages or seconds of silence; ours ends first.
MESSAGES_A_CONNECTION = 100
IDLE_SECONDS = 5.0
_CLOSING = 421
_ANSWER_LENGTH = 500
_BLOCK = 16_384
_PLAIN = re.compile(r"[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+")
# Seven bits, because not every server takes eight.
_WIRE = email.policy.SMTP.clone(cte_type="7bit")


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    UNREADABLE = "unreadable"  # the message itself cannot be written; no server was asked


@dataclass(frozen=True, slots=True)
class Delivery:
    """`unreachable`: the server never came to this recipient, so the next message would fare no better.

    `address_refused`: the address is bad for good, not only this message. `retry_after_seconds` is when the other
    side asked to be tried again; None where it did not say.
    """

    outcome: Outcome
    code: str
    answer: str
    unreachable: bool = False
    address_refused: bool = False
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A frozen message: rendered twice it gives the same bytes. `message_id` comes with its angle brackets.

    `envelope_from` is where a mail server reports what it could not deliver; empty: to the sender. `wire` is what
    `as_bytes` made of the rest once; empty where it has still to be made.
    """

    message_id: str
    to_address: str
    to_name: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    envelope_from: str = ""
    wire: bytes = b""


class Courier(Protocol):
    def send(self, message: Outgoing) -> Delivery:
        """Never raises for what a server says or does; only a process that ends interrupts it."""
        ...

    def close(self) -> None:
        """Nothing more is to be sent for now."""
        ...


def as_bytes(message: Outgoing, *, sender: str) -> bytes:
    """The message on the wire. Raises ValueError where it cannot be written (a line break in a header)."""
    mail = EmailMessage(policy=_WIRE)
    name, address = parseaddr(sender)
    mail["From"] = Address(display_name=name, addr_spec=address)
    mail["To"] = Address(display_name=message.to_name, addr_spec=_ascii_address(message.to_address))
    mail["Subject"] = message.subject
    mail["Message-ID"] = message.message_id
    for header, value in message.headers.items():
        mail[header] = value
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
        # Chosen at random otherwise, and then a message sent twice would differ.
        mail.set_boundary("=_" + "".join(letter for letter in message.message_id if letter.isalnum())[:60])
    return mail.as_bytes()


def _quoted(address: str) -> str:
    """As smtplib writes it, which takes any address apart first; most need none of that."""
    return f"<{address}>" if _PLAIN.fullmatch(address) else smtplib.quoteaddr(address)


def _ascii_address(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode('ascii')}"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    host: str
    port: int
    user: str = ""
    password: str = ""
    starttls: bool = False
    implicit_tls: bool = False
    context: ssl.SSLContext | None = None


class _Lines:
    """What the server says, line by line. However slowly it comes, nobody waits for it beyond the end of a dialogue."""

    def __init__(self, smtp: "_TimelySmtp") -> None:
        self._smtp = smtp
        self._read = bytearray()

    def readline(self, most: int) -> bytes:
        """With its end, or what there was of it when the server hung up. Raises TimeoutError."""
        while (end := self._read.find(b"\n")) < 0 and len(self._read) < most:
            sock = self._smtp.bounded()
            more = sock.recv(_BLOCK)
            if not more:
                break
            self._read += more
        line = bytes(self._read[: min(end + 1 or most, most)])
        del self._read[: len(line)]
        return line

    def close(self) -> None:
        self._read.clear()


class _TimelySmtp(smtplib.SMTP):
    """Bounds a whole dialogue, where a time-out of the socket only bounds each step of it."""

    ends_at = 0.0

    def listen_to(self, sock: socket.socket) -> None:
        """From now on the server is at the other end of this; what another socket still held is forgotten."""
        self.sock = sock
        self.file = _Lines(self)

    def bounded(self) -> socket.socket:
        """The socket, with what is left of the dialogue as its time-out. Raises TimeoutError."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("The mail server took too long.")
        assert self.sock is not None
        self.sock.settimeout(left)
        return self.sock

    def send(self, s: "str | ReadableBuffer") -> None:
        """In blocks, because a socket with TLS counts its time-out from the start for each part of a long message."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("please run connect() first")
        content = memoryview(s.encode(self.command_encoding) if isinstance(s, str) else s)
        try:
            for start in range(0, len(content), _BLOCK):
                self.bounded().sendall(content[start : start + _BLOCK])
        except OSError as failure:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"Server not connected: {failure}") from failure


@dataclass(slots=True)
class _Line:
    """A connection that has been greeted."""

    smtp: "_TimelySmtp"
    used_at: float = field(default_factory=time.monotonic)
    messages: int = 0

    def is_fresh(self) -> bool:
        return self.messages < MESSAGES_A_CONNECTION and time.monotonic() - self.used_at < IDLE_SECONDS

    def used(self) -> None:
        self.used_at = time.monotonic()
        self.messages += 1


class SmtpCourier:
    """Connecting takes 5 s at most and a message together with it 20 s, however slowly the server drips.

    The connection is kept for the next message, and made anew when the server has closed it meanwhile. A refusal before
    the recipient was named (log-in, TLS, sender) is our own set-up and never the recipient's fault: the message waits.
    """

    def __init__(
        self,
        server: SmtpServer,
        *,
        sender: str,
        host_name: str,
        connect_seconds: float = CONNECT_SECONDS,
        dialogue_seconds: float = DIALOGUE_SECONDS,
    ) -> None:
        self._server = server
        self._sender = sender
        self._envelope_from = parseaddr(sender)[1]
        self._host_name = host_name
        self._connect_seconds = connect_seconds
        self._dialogue_seconds = dialogue_seconds
        self._line: _Line | None = None

    def send(self, message: Outgoing) -> Delivery:
        try:
            content = message.wire or as_bytes(message, sender=self._sender)
            recipient = _ascii_address(message.to_address)
        except (ValueError, LookupError, email.errors.MessageError) as refusal:
            return Delivery(Outcome.UNREADABLE, type(refusal).__name__, str(refusal)[:_ANSWER_LENGTH])
        reached = False
        try:
            with self._dialogue() as ends_at:
                smtp, code, answer = self._begin(message.envelope_from or self._envelope_from, ends_at)
                if code != 250:
                    self._hang_up()
                    return self._before_recipient(code, answer)
                reached = True
                delivery = self._hand_over(smtp, recipient, content)
                if delivery.outcome is not Outcome.ACCEPTED:
                    # After a refusal not every server is in a state to take the next message.
                    self._hang_up()
                return delivery
        except smtplib.SMTPResponseException as refusal:
            return self._before_recipient(refusal.smtp_code, refusal.smtp_error)
        except (OSError, smtplib.SMTPException, ValueError) as failure:
            # ValueError: what smtplib makes of an answer that is not one.
            return Delivery(
                Outcome.TRANSIENT, type(failure).__name__, str(failure)[:_ANSWER_LENGTH], unreachable=not reached
            )

    def check(self) -> str:
        """Connect, secure and log in, send nothing; the server's greeting. Raises OSError, SMTPException."""
        with self._dialogue() as ends_at:
            smtp = self._call(ends_at)
            greeting = smtp.ehlo_resp or smtp.helo_resp or b""
            secured = "TLS" if isinstance(smtp.sock, ssl.SSLSocket) else "no TLS"
            self._hang_up()
            return f"{_words(greeting.splitlines()[0] if greeting else b'')} ({secured})"

    def close(self) -> None:
        """Say goodbye, where there is somebody to say it to."""
        if self._line is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException, ValueError), self._dialogue():
                self._hang_up()

    def _begin(self, sender: str, ends_at: float) -> tuple[smtplib.SMTP, int, bytes]:
        """Name the sender. A connection kept too long is found out here, where nothing has been handed over yet."""
        if self._line is not None and self._line.is_fresh():
            with contextlib.suppress(OSError, smtplib.SMTPServerDisconnected):
                code, answer = self._line.smtp.docmd("MAIL", f"FROM:{_quoted(sender)}")
                if code != _CLOSING:
                    return self._line.smtp, code, answer
        self._drop()
        smtp = self._call(ends_at)
        code, answer = smtp.docmd("MAIL", f"FROM:{_quoted(sender)}")
        return smtp, code, answer

    def _hand_over(self, smtp: smtplib.SMTP, recipient: str, content: bytes) -> Delivery:
        code, answer = smtp.docmd("RCPT", f"TO:{_quoted(recipient)}")
        if code not in (250, 251):
            return _refused(code, answer, at_recipient=True)
        try:
            code, answer = smtp.data(content)
        except smtplib.SMTPDataError as refusal:
            return _refused(refusal.smtp_code, refusal.smtp_error, at_recipient=False)
        if code != 250:
            return _refused(code, answer, at_recipient=False)
        return Delivery(Outcome.ACCEPTED, str(code), _words(answer))

    def _before_recipient(self, code: int, answer: bytes | str) -> Delivery:
        return Delivery(Outcome.TRANSIENT, str(code), _words(answer), unreachable=True)

    @contextlib.contextmanager
    def _dialogue(self) -> Iterator[float]:
        """All that is said to the server for one message. Whatever breaks in it ends the connection."""
        ends_at = time.monotonic() + self._dialogue_seconds
        if self._line is not None:
            self._line.smtp.ends_at = ends_at
        try:
            yield ends_at
        except BaseException:
            self._drop()
            raise
        finally:
            if self._line is not None:
                self._line.used()

    def _call(self, ends_at: float) -> smtplib.SMTP:
        raw = self._connect(ends_at)
        smtp = _TimelySmtp(local_hostname=self._host_name)
        smtp.ends_at = ends_at
        smtp.listen_to(raw)
        self._line = _Line(smtp)
        if self._server.implicit_tls:
            smtp.listen_to(self._secured(smtp.bounded()))
        self._greet(smtp)
        return smtp

    def _hang_up(self) -> None:
        # The message is accepted or refused by now; a server that is rude about goodbye changes nothing.
        if self._line is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException, ValueError):
                self._line.smtp.quit()
        self._drop()

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.smtp.close()

    def _greet(self, smtp: _TimelySmtp) -> None:
        code, answer = smtp.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, answer)
        smtp.ehlo_or_helo_if_needed()
        if self._server.starttls:
            code, answer = smtp.docmd("STARTTLS")
            if code != 220:
                raise smtplib.SMTPConnectError(code, answer)
            smtp.listen_to(self._secured(smtp.bounded()))
            smtp.ehlo_resp = smtp.helo_resp = None
            smtp.esmtp_features = {}
            smtp.does_esmtp = False
            smtp.ehlo_or_helo_if_needed()
        if self._server.user:
            smtp.login(self._server.user, self._server.password)

    def _secured(self, raw: socket.socket) -> ssl.SSLSocket:
        context = self._server.context or ssl.create_default_context()
        return context.wrap_socket(raw, server_hostname=self._server.host)

    def _connect(self, ends_at: float) -> socket.socket:
        """To the first address that answers, finding and trying all of them within the one limit."""
        until = min(time.monotonic() + self._connect_seconds, ends_at)
        failure: OSError | None = None
        for family, kind, protocol, _, address in _addresses(self._server, until - time.monotonic()):
            left = until - time.monotonic()
            if left <= 0:
                break
            raw = socket.socket(family, kind, protocol)
            raw.settimeout(left)
            try:
                raw.connect(address)
            except OSError as refusal:
                raw.close()
                failure = refusal
            else:
                return raw
        raise failure or TimeoutError("The mail server could not be reached in time.")


def _addresses(server: SmtpServer, seconds: float) -> list[Any]:
    """As `socket.getaddrinfo` finds them, which knows no time-out: a resolver that is silent is left behind.

    Raises OSError, TimeoutError.
    """
    found: list[Any] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM))
        except OSError as failure:
            failed.append(failure)

    asking = threading.Thread(target=ask, name="addresses", daemon=True)
    asking.start()
    asking.join(max(0.0, seconds))
    if failed:
        raise failed[0]
    return found


def _refused(code: int, answer: bytes | str, *, at_recipient: bool) -> Delivery:
    words = _words(answer)
    if not 500 <= code <= 599:
        return Delivery(Outcome.TRANSIENT, str(code), words)
    return Delivery(Outcome.PERMANENT, str(code), words, address_refused=_means_address(words, at_recipient))


def _means_address(words: str, at_recipient: bool) -> bool:
    """RFC 3463: x.1 is about the address, x.2 about the mailbox (a full one, 5.2.2, included), x.7 about policy.

    Without such a code a refusal of the recipient is about the recipient, one of the content about the content.
    """
    subject = words.split(".")[1] if words[:2] == "5." and words.count(".") >= 2 else ""
    return subject in {"1", "2"} if subject else at_recipient


def _words(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_ANSWER_LENGTH]


class MailboxCourier:
    """For the demo: the row of the message is the mailbox, so it is delivered by being kept."""

    def send(self, message: Outgoing) -> Delivery:
        try:
            message.wire or as_bytes(message, sender=settings.DEFAULT_FROM_EMAIL)
        except (ValueError, LookupError, email.errors.MessageError) as refusal:
            return Delivery(Outcome.UNREADABLE, type(refusal).__name__, str(refusal)[:_ANSWER_LENGTH])
        return Delivery(Outcome.ACCEPTED, "mailbox", "")

    def close(self) -> None:
        """There is no connection to end."""


@dataclass(slots=True)
class Postbag:
    """Keeps what it was given, and answers what it was told to for an address."""

    answers: dict[str, Delivery] = field(default_factory=dict)
    messages: list[Outgoing] = field(default_factory=list)

    def send(self, message: Outgoing) -> Delivery:
        answer = self.answers.get(message.to_address)
        if answer is not None and answer.outcome is not Outcome.ACCEPTED:
            return answer
        self.messages.append(message if message.text else _read_back(message))
        return answer or Delivery(Outcome.ACCEPTED, "250", "OK")

    def close(self) -> None:
        """There is no connection to end."""


def _read_back(message: Outgoing) -> Outgoing:
    """What a reader's mail program makes of the bytes."""
    mail = email.message_from_bytes(message.wire, policy=email.policy.default)
    text, html = (
        "" if part is None else part.get_content().replace("\r\n", "\n")
        for part in (mail.get_body(["plain"]), mail.get_body(["html"]))
    )
    own = {"from", "to", "subject", "message-id", "mime-version", "content-type", "content-transfer-encoding"}
    return dataclasses.replace(
        message,
        to_name=mail["To"].addresses[0].display_name,
        subject=str(mail["Subject"]),
        text=text,
        html=html,
        headers={name: str(value) for name, value in mail.items() if name.lower() not in own},
    )


def smtp_courier() -> SmtpCourier:
    """The mail server that the settings name."""
    return SmtpCourier(
        SmtpServer(
            host=settings.EMAIL_HOST,
            port=settings.EMAIL_PORT,
            user=settings.EMAIL_HOST_USER,
            password=settings.EMAIL_HOST_PASSWORD,
            starttls=settings.EMAIL_USE_TLS,
            implicit_tls=settings.EMAIL_USE_SSL,
        ),
        sender=settings.DEFAULT_FROM_EMAIL,
        host_name=settings.MAIL_DOMAIN,
    )


def courier() -> Courier:
    return MailboxCourier() if settings.MAIL_TO_MAILBOX else smtp_courier()
