"""A signed message reaches whom it is for, and nobody inside."""

import http.server
import ipaddress
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from procurement.gateways.mail import Outcome
from procurement.gateways.webhook import HttpPoster, Post, RefusedAddress, check_url
from tests.smtp import rude, says_nothing

SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0"
LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Room:
    """A web server that keeps what was posted."""

    status: int = 204
    answer: bytes = b""
    location: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def port(room: Room) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def setup(self) -> None:
            room.connections += 1
            super().setup()

        def do_POST(self) -> None:
            room.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(room.status)
            if room.location:
                self.send_header("Location", room.location)
            self.send_header("Content-Length", str(len(room.answer)))
            self.end_headers()
            self.wfile.write(room.answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on standard error."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def post(url: str, *, networks: Any = LOOPBACK, seconds: float = 20) -> Any:
    message = Post("longlead.1@longlead.example", url, SECRET, json.dumps({"type": "alerts.told"}))
    return HttpPoster(networks=networks, seconds=seconds).post(message, at=now())


def test_the_receiver_can_prove_who_wrote_it(room: Room, port: int) -> None:
    delivery = post(f"http://127.0.0.1:{port}/hook?room=1")

    assert delivery.outcome is Outcome.ACCEPTED
    ((headers, body),) = room.got
    assert Webhook(SECRET).verify(body, {key.lower(): value for key, value in headers.items()}) == {
        "type": "alerts.told"
    }


@pytest.mark.parametrize(
    ("status", "outcome", "address_refused"),
    [
        (500, Outcome.TRANSIENT, False),
        (429, Outcome.TRANSIENT, False),
        (400, Outcome.PERMANENT, False),
        (410, Outcome.PERMANENT, True),
    ],
)
def test_an_answer_means_what_it_says(
    room: Room, port: int, status: int, outcome: Outcome, address_refused: bool
) -> None:
    room.status, room.answer = status, b"x" * 5000

    delivery = post(f"http://127.0.0.1:{port}/")

    assert (delivery.outcome, delivery.code, delivery.address_refused) == (outcome, str(status), address_refused)
    assert len(delivery.answer) == 1024


def test_a_redirect_is_not_followed(room: Room, port: int) -> None:
    room.status, room.location = 307, f"http://127.0.0.1:{port}/elsewhere"

    assert post(f"http://127.0.0.1:{port}/").outcome is Outcome.PERMANENT
    assert len(room.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/",
        "https://localhost:{port}/",
        "https://[::1]:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://169.254.169.254/",
        "https://100.64.0.1/",
        "https://10.0.0.1/",
        "https://user@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/",
    ],
)
def test_no_address_inside_is_ever_reached(room: Room, port: int, url: str) -> None:
    delivery = post(url.format(port=port), networks=[])

    assert (delivery.outcome, delivery.code, delivery.address_refused) == (Outcome.PERMANENT, "refused", True)
    assert room.connections == 0


@pytest.mark.parametrize("url", ["https://169.254.169.254/", "https://[::ffff:10.0.0.1]/x", "https://erp example.com/"])
def test_an_address_that_can_never_be_reached_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(RefusedAddress):
        check_url(url, [ipaddress.ip_network("127.0.0.0/8")])


def test_a_name_and_an_allowed_network_may_be_tried() -> None:
    check_url("https://erp.example.com/longlead")
    check_url("http://127.0.0.1:8080/", [ipaddress.ip_network("127.0.0.0/8")])


def test_an_allowed_network_lets_nothing_else_in(room: Room, port: int) -> None:
    delivery = post(f"https://127.0.0.1:{port}/", networks=[ipaddress.ip_network("10.0.0.0/8")])

    assert delivery.code == "refused"
    assert room.connections == 0


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with rude(says_nothing) as port:
        assert post(f"http://127.0.0.1:{port}/", seconds=0.3).outcome is Outcome.TRANSIENT


def test_a_signature_needs_an_instant_with_its_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        HttpPoster().post(Post("1", "https://chat.example/", SECRET, "{}"), at=now().replace(tzinfo=None))


def test_a_secret_that_is_none_is_told() -> None:
    message = Post("1", "https://chat.example/", "whsec_§", "{}")

    assert HttpPoster().post(message, at=now()).outcome is Outcome.UNREADABLE
