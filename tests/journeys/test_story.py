"""The story of the product from an empty folder, as `make demo ONCE=1` tells it, on servers of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from procurement.management.runtime import postgres
from procurement.management.runtime.places import REPOSITORY, Places

PATIENCE_SECONDS = 400
KILLED = ("worker", "sender", "redis")
# All that was sent about what the mail of this Message-ID told: to each person who is told, one.
SENT = """
import json
from procurement.models import Notification, NotificationItem
told = NotificationItem.objects.filter(notification__message_id={message_id!r}).values("event")
sent = Notification.objects.filter(items__event__in=told, state="sent").distinct()
print(json.dumps([[row.message_id, row.recipient.username] for row in sent.select_related("recipient")]))
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the demo runs on Unix systems")


class Checkout:
    """Commands as a person types them where nothing is configured but the folder of the data."""

    def __init__(self, places: Places) -> None:
        ours = ("LONGLEAD_", "PG", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.environment = kept | {"LONGLEAD_DATA_DIR": str(places.home)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if words[1:2] != ("demo",) else subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> str:
        with self.start(*words) as process:
            said, complaint = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, complaint
        return said


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "with a space" / "data")


@pytest.fixture
def checkout(places: Places) -> Iterator[Checkout]:
    checkout = Checkout(places)
    yield checkout
    checkout.run("-m", "procurement.management.runtime.clean")
    assert not places.home.exists()
    assert not postgres.home_for(places.home).exists()


def test_one_mail_arrives_though_all_that_sends_is_killed_when_the_alert_opens(
    checkout: Checkout, places: Places
) -> None:
    lines: list[str] = []
    with checkout.start("manage.py", "demo", "--once") as demo:
        # Its end stops all it started, which ends the reading below.
        watchdog = Timer(PATIENCE_SECONDS, demo.terminate)
        watchdog.start()
        try:
            assert demo.stdout is not None
            for line in demo.stdout:
                lines.append(line.rstrip("\n"))
                if "The alert opened" in line:
                    for name in KILLED:
                        os.kill(int(places.pid(name).read_text()), signal.SIGKILL)
        finally:
            watchdog.cancel()
            demo.terminate()
    report = "\n".join(lines)

    assert demo.returncode == 0, report
    died = [line.split()[0] for line in lines if line.split()[1:2] == ["died"]]
    assert sorted(died) == sorted(KILLED), report
    assert list(places.run.glob("*.pid")) == []
    found = re.search(r"message id: (<\S+>)", report)
    assert found is not None, report
    checkout.run("manage.py", "send_due")  # a round after the story must find nothing to say about it
    said = checkout.run("manage.py", "shell", "--no-imports", "-c", SENT.format(message_id=found.group(1)))
    sent = [(str(message_id), str(person)) for message_id, person in json.loads(said)]
    assert [message_id for message_id, _ in sent].count(found.group(1)) == 1
    assert len({person for _, person in sent}) == len({message_id for message_id, _ in sent}) == len(sent), sent
    assert checkout.run("manage.py", "check_invariants") == ""
