"""AL-6: two beats do no harm, and three days without anybody are caught up by one look."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from procurement.models import Alert, AlertEvent, ForecastRun, Notification
from procurement.services import heartbeats, notifications
from procurement.tasks import alerts as tasks
from procurement.vocabulary import NotificationState, RunCause
from sites.accounts.permissions import Role
from tests.chaos.machine import FULL, report
from tests.factories.procurement import RequirementFactory
from tests.factories.sites import SiteFactory
from tests.procurement.stage import assigned
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
BEGIN = datetime(2026, 11, 23, 1, tzinfo=UTC)
MINUTES = 5
PERIODS = 3


def status(client: Client) -> list[str]:
    found: list[str] = client.get("/healthz").json()["problems"]
    return [problem for problem in found if problem != "broker_is_down"]


def test_two_beats_and_three_days_of_silence(settings: Any, client: Client) -> None:
    settings.MAIL_TO_MAILBOX, settings.HOLD_SECONDS = True, 0
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    subjects = 100 if FULL else 10
    site = SiteFactory.create()
    assigned(site, Role.SITE_LEAD)
    RequirementFactory.create_batch(subjects, site=site, without_ros=True)
    now = BEGIN

    for minute in range(MINUTES):
        now = BEGIN + timedelta(minutes=minute)
        with time_machine.travel(now, tick=False):
            at_once(2, lambda _beat: tasks.tick())
            notifications.release_due(now=now)
    runs = ForecastRun.objects.filter(site=site, cause=RunCause.NIGHTLY)
    after_two_beats = (Alert.objects.count(), AlertEvent.objects.count(), runs.count())

    now += timedelta(days=3)
    with time_machine.travel(now, tick=False):
        silent = status(client)
    stale = 0
    for _period in range(PERIODS):
        with time_machine.travel(now, tick=False):
            at_once(2, lambda _beat: tasks.tick())
            heartbeats.beat("sender", now=now)
            if not (status(client)):
                break
        stale += 1
        now += timedelta(minutes=1)

    mails = Notification.objects.filter(state=NotificationState.SENT)
    days = list(mails.exclude(digest_on=None).values_list("recipient", "digest_on"))
    report("AL-6", subjects=subjects, beats=2, alerts=Alert.objects.count(), nightly_runs=runs.count())
    report("AL-6", silent_after_three_days=silent, stale_periods=stale, digests=len(days))
    assert after_two_beats == (subjects, subjects, 1)
    assert "beat_is_silent" in silent
    assert stale <= PERIODS - 1
    assert (Alert.objects.count(), AlertEvent.objects.count(), runs.count()) == (subjects, subjects, 2)
    assert len(days) == len(set(days)) > 0
