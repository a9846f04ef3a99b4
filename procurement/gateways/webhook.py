"""Posts one signed message to an address outside, and never to one inside that nobody allowed."""

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

import httpcore
from django.conf import settings
from standardwebhooks import Webhook

from procurement.gateways.mail import CONNECT_SECONDS, DIALOGUE_SECONDS, Delivery, Outcome

ANSWER_BYTES = 1024
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_RETRIED = frozenset({408, 425, 429})


class RefusedAddress(ValueError):
    """The address leads into a network that nothing may be sent into."""


@dataclass(frozen=True, slots=True)
class Post:
    """A frozen message. `key` is its identity for the receiver, who may get it twice; `secret` begins with `whsec_`.

    A `former_secret` signs beside it, so that a receiver may take its time to change over.
    """

    key: str
    url: str
    secret: str
    body: str
    former_secret: str = ""


class Poster(Protocol):
    def post(self, message: Post, *, at: datetime) -> Delivery:
        """Never raises for what a server says or does. `at` is aware; the signature counts its UTC seconds."""
        ...


def check_url(url: str, networks: Sequence[Network] = ()) -> None:
    """Raises RefusedAddress for what can never be posted to; the address it leads to is looked at when connecting."""
    parts = urlsplit(url)
    if parts.username or parts.password or not parts.hostname or parts.fragment:
        raise RefusedAddress("The address may hold no user, password or fragment.")
    if parts.scheme != "https" and not (parts.scheme == "http" and networks):
        raise RefusedAddress("The address must begin with https://.")
    if not parts.hostname.isprintable() or " " in parts.hostname:
        raise RefusedAddress("No host has such a name.")
    if address := _literal(parts.hostname):
        _check_reach(parts.hostname, address, networks)


class HttpPoster:
    """One connection a message: 5 s to connect, 20 s together. No redirect is followed; 1 KB of the answer is kept."""

    def __init__(
        self,
        *,
        networks: Sequence[Network] = (),
        context: ssl.SSLContext | None = None,
        seconds: float = DIALOGUE_SECONDS,
    ) -> None:
        self._networks = networks
        self._context = context or ssl.create_default_context()
        self._seconds = seconds

    def post(self, message: Post, *, at: datetime) -> Delivery:
        if at.tzinfo is None:
            raise ValueError("A signature needs an instant with its zone.")
        content = message.body.encode()
        instant = at.astimezone(UTC)
        try:
            check_url(message.url, self._networks)
        except ValueError as refusal:
            return Delivery(Outcome.PERMANENT, "refused", str(refusal), address_refused=True)
        try:
            headers = {
                "Host": urlsplit(message.url).netloc,
                "Content-Type": "application/json",
                "User-Agent": "Longlead",
                "webhook-id": message.key,
                "webhook-timestamp": str(int(instant.timestamp())),
                "webhook-signature": " ".join(
                    Webhook(secret).sign(message.key, instant, message.body)
                    for secret in (message.secret, message.former_secret)
                    if secret
                ),
            }
        except Exception as failure:  # the library raises its own kinds for a secret that is none
            return Delivery(Outcome.UNREADABLE, type(failure).__name__[:20], str(failure))
        return self._posted(message.url, headers, content)

    def _posted(self, url: str, headers: dict[str, str], content: bytes) -> Delivery:
        backend = _Guarded(self._networks)
        # A time-out per read lets a server that drips hold the sender for ever.
        watchdog = threading.Timer(self._seconds, backend.cut)
        watchdog.daemon = True
        watchdog.start()
        sent: list[tuple[bytes | str, bytes | str]] = [*headers.items()]
        limits = dict.fromkeys(("read", "write", "pool"), self._seconds) | {"connect": CONNECT_SECONDS}
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._context, network_backend=backend, retries=0) as pool,
                pool.stream("POST", url, headers=sent, content=content, extensions={"timeout": limits}) as response,
            ):
                return _told(response.status, _start_of(response), _retry_after(response))
        except RefusedAddress as refusal:
            return Delivery(Outcome.PERMANENT, "refused", str(refusal), address_refused=True)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as failure:
            return Delivery(Outcome.TRANSIENT, type(failure).__name__[:20], str(failure)[:ANSWER_BYTES])
        finally:
            watchdog.cancel()
            watchdog.join()


def _start_of(response: httpcore.Response) -> str:
    kept = b""
    for part in response.iter_stream():
        kept += part
        if len(kept) >= ANSWER_BYTES:
            break
    return kept[:ANSWER_BYTES].decode("utf-8", "replace")


def _retry_after(response: httpcore.Response) -> int | None:
    """In seconds; None where it is not said, or said as a date."""
    said = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"").strip()
    return int(said) if said.isdigit() and len(said) < 7 else None


def _told(status: int, answer: str, retry_after: int | None = None) -> Delivery:
    if 200 <= status <= 299:
        return Delivery(Outcome.ACCEPTED, str(status), answer)
    if status >= 500 or status in _RETRIED:
        return Delivery(Outcome.TRANSIENT, str(status), answer, retry_after_seconds=retry_after)
    # 410 is the receiver's way to say that nobody listens there any more.
    return Delivery(Outcome.PERMANENT, str(status), answer, address_refused=status == 410)


class _Guarded(httpcore.NetworkBackend):
    """Looks a name up once and connects to what it looked at, so that a name cannot change its address between."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self._inner = httpcore.SyncBackend()
        self._socket: socket.socket | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _addresses(host, port)
        for address in addresses:
            _check_reach(host, address, self._networks)
        stream = self._inner.connect_tcp(addresses[0], port, timeout, local_address, socket_options)
        self._socket = stream.get_extra_info("socket")
        return stream

    def cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _check_reach(host: str, address: str, networks: Sequence[Network]) -> None:
    if not _may_reach(address, networks):
        raise RefusedAddress(f"{host} leads to {address}, which nothing may be sent into.")


def _may_reach(address: str, networks: Sequence[Network]) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or _within(ip)
        if inner is not None:
            return _may_reach(str(inner), networks)
    if any(ip in network for network in networks):
        return True
    return ip.is_global and not ip.is_multicast


def _within(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address in the last bits of an IPv4-compatible one (::/96) or one that a NAT64 translates."""
    is_translated = ip.packed[:12] in (bytes(12), bytes.fromhex("0064ff9b0000000000000000"))
    return ipaddress.IPv4Address(ip.packed[12:]) if is_translated else None


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:  # a name
        return None


def _addresses(host: str, port: int) -> list[str]:
    if address := _literal(host):
        return [address]
    return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(slots=True)
class PostRecorder:
    """Keeps what it was given, and answers what it was told to for an address."""

    answers: dict[str, Delivery] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)

    def post(self, message: Post, *, at: datetime) -> Delivery:
        self.posts.append(message)
        return self.answers.get(message.url, Delivery(Outcome.ACCEPTED, "204", ""))


def poster() -> HttpPoster:
    """As the settings allow."""
    return HttpPoster(networks=settings.CHAT_NETWORKS)
