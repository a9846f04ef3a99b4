"""Somebody outside hears of a whole cycle; their silence or anger never stops ours."""

import http.server
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from procurement.gateways import dead_man
from tests.smtp import free_port, rude, says_nothing


class Listener(http.server.BaseHTTPRequestHandler):
    heard: ClassVar[list[str]] = []
    answer: ClassVar[int] = 200

    def do_GET(self) -> None:
        self.heard.append(self.path)
        self.send_response(self.answer)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on standard error."""


@pytest.fixture
def address() -> Iterator[str]:
    Listener.heard.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/ping/one"
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.mark.parametrize(("answer", "heard"), [(200, True), (204, True), (302, False), (500, False)])
def test_only_a_good_answer_counts_and_no_redirect_is_followed(
    monkeypatch: pytest.MonkeyPatch, address: str, answer: int, heard: bool
) -> None:
    monkeypatch.setattr(Listener, "answer", answer)

    assert dead_man.ping(address) is heard
    assert Listener.heard == ["/ping/one"]


def test_without_an_address_nobody_is_told() -> None:
    assert not dead_man.ping("")


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/", "no address", "http://127.0.0.1:no-port/"])
def test_whoever_is_not_there_stops_nothing(address: str) -> None:
    assert not dead_man.ping(address.format(port=free_port()))


def test_one_who_says_nothing_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_man, "ANSWER_SECONDS", 0.2)
    with rude(says_nothing) as port:
        assert not dead_man.ping(f"http://127.0.0.1:{port}/")
