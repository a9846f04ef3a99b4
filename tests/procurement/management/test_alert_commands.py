"""send_due, evaluate and check_email: what operators see."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from procurement.gateways import mail
from procurement.models import Alert, Heartbeat, Notification
from procurement.vocabulary import AlertState, NotificationState
from tests.factories.procurement import RequirementFactory
from tests.name_server import answering
from tests.procurement.stage import assigned, late, look
from tests.smtp import Sink, free_port, serving

pytestmark = pytest.mark.django_db
REPOSITORY = Path(__file__).resolve().parents[3]


def said(command: str, *args: str, code: int = 0) -> str:
    out = io.StringIO()
    if code:
        with pytest.raises(SystemExit) as ended:
            call_command(command, *args, stdout=out)
        assert ended.value.code == code
    else:
        call_command(command, *args, stdout=out)
    return out.getvalue()


# -- send_due ----------------------------------------------------------------------------------------------------


def test_sending_once_says_what_was_done(settings: Any) -> None:
    settings.MAIL_TO_MAILBOX, settings.HOLD_SECONDS = True, 0
    unit = late(days=12)
    assigned(unit.site)
    look(unit.site)

    report = json.loads(said("send_due", "--json"))

    assert (report["released_due"], report["sent"], report["dead"], report["unreachable"]) == (1, 1, 0, 0)
    assert "sent 0" in said("send_due")


@pytest.mark.django_db(transaction=True)
def test_the_loop_sends_over_a_real_connection_until_it_is_told_to_stop(tmp_path: Path) -> None:
    unit = late(days=12)
    buyer = assigned(unit.site)
    look(unit.site)
    sink = Sink()
    with serving(sink) as port, started(port) as child:
        wait_for(child, lambda: bool(sink.accepted))
        child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=30)

    assert (child.returncode, json.loads(out)["sent"]) == (0, 1)
    assert [address for address, _ in sink.accepted] == [buyer.email]
    assert Notification.objects.get().state == NotificationState.SENT
    assert Heartbeat.objects.filter(component="sender").exists()


@pytest.mark.django_db(transaction=True)
def test_the_loop_outlives_a_database_that_goes_away(tmp_path: Path) -> None:
    sink = Sink()
    with serving(sink) as port, started(port) as child:
        wait_for(child, lambda: Heartbeat.objects.filter(component="sender").exists())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'longlead-sender-test'"
            )
            assert cursor.fetchone()[0] >= 1  # its loop, and what works beside it
        unit = late(days=12)
        assigned(unit.site)
        look(unit.site)
        wait_for(child, lambda: bool(sink.accepted))
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)

    assert (child.returncode, len(sink.accepted)) == (0, 1)


def started(port: int) -> "subprocess.Popen[str]":
    database = settings.DATABASES["default"]
    host = str(database["HOST"]).replace("/", "%2F")
    environment = os.environ | {
        "LONGLEAD_MODE": "demo",
        "LONGLEAD_HOLD_SECONDS": "0",
        "LONGLEAD_SMTP_HOST": "127.0.0.1",
        "LONGLEAD_SMTP_PORT": str(port),
        "LONGLEAD_SMTP_SECURITY": "none",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "PGAPPNAME": "longlead-sender-test",
        "DATABASE_URL": f"postgresql://{database['USER']}@/{connection.settings_dict['NAME']}?host={host}",
    }
    # The rows here were held for the settings of this process; the child finds their time has come.
    Notification.objects.update(release_at="2026-01-01T00:00:00Z")
    return subprocess.Popen(
        [sys.executable, "manage.py", "send_due", "--loop", "--json"],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(child: "subprocess.Popen[str]", done: Any) -> None:
    """Until it is so; the child's end is the only other way out."""
    for _ in range(600):
        Notification.objects.filter(state=NotificationState.HELD).update(release_at="2026-01-01T00:00:00Z")
        if done():
            return
        try:
            child.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"The sender ended or never did it: {child.poll()}")


# -- evaluate ----------------------------------------------------------------------------------------------------


def test_evaluating_twice_reports_what_stands_and_changes_nothing() -> None:
    unit = late(days=12)
    RequirementFactory.create(without_ros=True)

    first, second = (json.loads(said("evaluate", "--json")) for _ in range(2))

    assert [(row["standing"], row["opened"]) for row in first["sites"]] == [(1, 1), (1, 1)]
    assert [(row["standing"], row["opened"]) for row in second["sites"]] == [(1, 0), (1, 0)]
    assert first["power"]["standing"] == 0
    assert Alert.objects.filter(site=unit.site, state=AlertState.OPEN).count() == 1


def test_one_site_on_a_given_day() -> None:
    unit = late(days=12)
    RequirementFactory.create(without_ros=True)

    text = said("evaluate", "--site", unit.site.code, "--as-of", "2026-11-20")

    assert text == f"{unit.site.code} on 2026-11-20: 1 standing, 1 opened, 1 told, 0 recovered, 0 closed\n"
    assert Alert.objects.get().opened_on.isoformat() == "2026-11-20"


@pytest.mark.parametrize(("args", "field"), [(["--site", "NOWHERE"], "--site"), (["--as-of", "20.11.2026"], "--as-of")])
def test_bad_input_names_its_option_and_ends_with_two(args: list[str], field: str) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("evaluate", *args)

    assert (str(refusal.value).partition(":")[0], refusal.value.returncode) == (field, 2)


# -- check_email -------------------------------------------------------------------------------------------------


def test_the_demo_has_nothing_to_check(settings: Any) -> None:
    settings.MAIL_TO_MAILBOX = True

    assert json.loads(said("check_email", "--json")) == {"ok": True, "server": "the mailbox page of the portal"}


def test_a_server_that_answers_gets_a_sample(settings: Any) -> None:
    settings.EMAIL_USE_TLS = False
    sink = Sink()
    with serving(sink) as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        checked = json.loads(said("check_email", "--json"))
        sampled = json.loads(said("check_email", "--to", "me@people.example", "--json"))

    assert (checked["ok"], checked["answer"].endswith("(no TLS)")) == (True, True)
    assert (sampled["sample"]["outcome"], [address for address, _ in sink.accepted]) == (
        mail.Outcome.ACCEPTED, ["me@people.example"],
    )  # fmt: skip


def test_the_domain_of_the_sender_is_looked_at(settings: Any) -> None:
    settings.EMAIL_USE_TLS, settings.DEFAULT_FROM_EMAIL = False, "Longlead <longlead@ofe.org>"
    texts = {"ofe.org": ["v=spf1 mx -all"], "one._domainkey.ofe.org": ["v=DKIM1; p=MIGf"]}
    with serving(Sink()) as port, answering(texts) as at:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        asked = ("check_email", "--dkim-selector", "one", "--name-server", at)
        found = json.loads(said(*asked, "--json", code=1))["domain"]
        plain = said(*asked, code=1)

    assert {name: each["ok"] for name, each in found.items()} == {
        "spf": True, "dkim one": True, "dmarc": False, "alignment": True,
    }  # fmt: skip
    assert "dmarc: wanting, ofe.org has 0 DMARC records" in plain
    with pytest.raises(CommandError, match="--name-server: dns is not an address"):
        call_command("check_email", "--name-server", "dns")


def test_a_refused_sample_and_a_silent_server_end_with_one(settings: Any) -> None:
    settings.EMAIL_USE_TLS = False
    with serving(Sink(recipients={"me@people.example": "550 No"})) as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        refused = said("check_email", "--to", "me@people.example", code=1)
    gone = json.loads(said("check_email", "--json", code=1))

    assert "ok: False" in refused
    assert gone["error"].startswith("ConnectionRefusedError")


def test_a_missing_server_and_a_bad_address_are_said(settings: Any) -> None:
    settings.EMAIL_HOST = ""

    assert json.loads(said("check_email", "--json", code=1))["error"] == "LONGLEAD_SMTP_HOST names no mail server"
    with pytest.raises(CommandError) as refusal:
        call_command("check_email", "--to", "nobody")
    assert refusal.value.returncode == 2
