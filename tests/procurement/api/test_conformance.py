"""The script that partners run, against a running server."""

import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from procurement.api import conformance
from procurement.gateways.webhook import HttpPoster
from procurement.services import webhooks
from tests.procurement.api.calls import calling
from tests.procurement.services.order_documents import make_world

LOCAL = [ip_network("127.0.0.0/8")]


@pytest.fixture
def sender(settings: LazySettings) -> Iterator[None]:
    """What the sender's process does beside the mail."""
    settings.CHAT_NETWORKS = LOCAL
    stop = Event()

    def work() -> None:
        while not stop.wait(0.2):
            webhooks.do_round(poster=HttpPoster(networks=LOCAL), now_fn=timezone.now, stopping=stop.is_set)
        connection.close()

    thread = Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_every_step_passes_against_a_running_server(live_server: Any, sender: None) -> None:
    make_world()
    said: list[str] = []
    with httpx.Client(
        base_url=f"{live_server.url}/api/v1/", headers={"Authorization": f"Bearer {calling().key}"}, timeout=30
    ) as http:
        good = conformance.walk_through(
            conformance.Walk(http, "KITA", "SYD1", "chiller", "127.0.0.1", wait_seconds=30), said.append
        )

    assert [line[:4] for line in said] == ["pass"] * len(conformance.STEPS), said
    assert good


@pytest.mark.django_db(transaction=True)
def test_a_step_that_finds_something_else_fails_by_name(live_server: Any) -> None:
    said: list[str] = []
    with httpx.Client(base_url=f"{live_server.url}/api/v1/", headers={"Authorization": "Bearer x"}) as http:
        good = conformance.walk_through(conformance.Walk(http, "KITA", "SYD1", "chiller", "127.0.0.1", 1), said.append)

    assert not good
    assert said[0].startswith("FAIL  whoami: Failed: GET /api/v1/me: 401")


def test_it_needs_only_httpx_and_the_standard_library() -> None:
    code = (
        "import sys, procurement.api.conformance as walk;"
        "own = {name.partition('.')[0] for name in sys.modules};"
        "sys.exit(str(own & {'django', 'rest_framework', 'celery', 'psycopg'}) if own & {'django', 'celery'} else 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
