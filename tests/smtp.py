"""Mail servers on loopback: an honest one, and some that are not."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller

Answer = str
Behaviour = Callable[[socket.socket, threading.Event], None]


@dataclass
class Sink:
    """Keeps what it accepted. `recipients` and `contents` map an address to what is answered instead of 250."""

    recipients: dict[str, Answer] = field(default_factory=dict)
    contents: dict[str, Answer] = field(default_factory=dict)
    sender: Answer = ""
    accepted: list[tuple[str, bytes]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    peers: set[object] = field(default_factory=set)

    async def handle_MAIL(  # noqa: N802 - named by aiosmtpd
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> Answer:
        if self.sender:
            return self.sender
        envelope.mail_from = address
        self.senders.append(address)
        self.peers.add(session.peer)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> Answer:
        if address in self.recipients:
            return self.recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> Answer:  # noqa: N802
        (address,) = envelope.rcpt_tos
        if address in self.contents:
            return self.contents[address]
        self.accepted.append((address, envelope.content))
        return "250 Accepted"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(sink: Sink, port: int = 0, **options: Any) -> Iterator[int]:
    """An SMTP server for `sink`; its port."""
    port = port or free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=port, ready_timeout=10, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@contextlib.contextmanager
def rude(behave: Behaviour) -> Iterator[int]:
    """A server that treats each connection as `behave` does, until the event is set; its port."""
    over = threading.Event()
    door = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                guest, _ = door.accept()
            except OSError:
                return
            thread = threading.Thread(target=_attend, args=(behave, guest, over), daemon=True)
            thread.start()
            threads.append(thread)

    porter = threading.Thread(target=accept, daemon=True)
    porter.start()
    try:
        yield door.getsockname()[1]
    finally:
        over.set()
        # Closing alone does not wake a thread that waits in accept().
        with contextlib.suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
        door.close()
        for thread in [porter, *threads]:
            thread.join(timeout=10)


def _attend(behave: Behaviour, guest: socket.socket, over: threading.Event) -> None:
    with guest, contextlib.suppress(OSError):
        behave(guest, over)


def says_nothing(guest: socket.socket, over: threading.Event) -> None:
    over.wait(30)


def drips(guest: socket.socket, over: threading.Event) -> None:
    """One letter at a time and never a whole line: no time-out per read ever ends that."""
    while not over.wait(0.01):
        guest.sendall(b"2")
