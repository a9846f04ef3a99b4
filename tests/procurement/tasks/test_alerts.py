"""A wake-up carries nothing; whatever asks, whenever, the rows decide."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from celery import current_app
from django.conf import settings

from procurement.config.celery import app
from procurement.gateways import dead_man
from procurement.models import Alert, ForecastRun, Heartbeat, Notification
from procurement.services import forecasts, nightly, single
from procurement.tasks import alerts as tasks
from procurement.vocabulary import NotificationState, RunCause
from sites.vocabulary import SiteStatus
from tests.factories.procurement import RequirementFactory
from tests.factories.sites import SiteFactory
from tests.procurement.stage import NOON, assigned, late, look
from tests.smtp import free_port
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mailbox(settings: object) -> None:
    settings.MAIL_TO_MAILBOX = True  # type: ignore[attr-defined]


def test_the_names_that_the_settings_use_are_tasks() -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert scheduled | {"procurement.tasks.alerts.look_now"} <= set(app.tasks)
    assert current_app.conf.task_ignore_result


def test_looking_sends_what_is_due_and_leaves_a_heartbeat() -> None:
    unit = late(days=12)
    assigned(unit.site)
    look(unit.site)

    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        tasks.look_now()
        tasks.look_now()

    row = Notification.objects.get()
    assert (row.state, row.attempts, row.last_code) == (NotificationState.SENT, 1, "mailbox")
    assert Heartbeat.objects.get(component="worker").beat_at == NOON + timedelta(hours=1)


def test_a_tick_runs_each_site_once_a_local_day_and_the_power_portfolio_once() -> None:
    sydney, tokyo = SiteFactory.create(code="SYD1"), SiteFactory.create(code="TYO1", tokyo=True)
    SiteFactory.create(code="OLD1", status=SiteStatus.CANCELLED)
    RequirementFactory.create(site=sydney, without_ros=True)

    for hours in (0, 1, 12, 13, 14, 15, 24):
        with time_machine.travel(datetime(2026, 11, 20, 1, tzinfo=UTC) + timedelta(hours=hours), tick=False):
            tasks.tick()

    runs = ForecastRun.objects.filter(cause=RunCause.NIGHTLY).order_by("pk")
    days = {site: [run.as_of.day for run in runs if run.site == site] for site in (sydney, tokyo, None)}
    assert days == {sydney: [20, 21], tokyo: [20, 21], None: [20, 21]}
    assert Alert.objects.get().site == sydney
    assert Heartbeat.objects.filter(component="beat").exists()


def test_three_missed_days_are_caught_up_by_one_run() -> None:
    site = SiteFactory.create()
    nightly.catch_up(now=NOON)

    done = nightly.catch_up(now=NOON + timedelta(days=3))

    assert (done.sites, done.power) == ((site.code,), True)
    assert ForecastRun.objects.filter(site=site).count() == 2


def test_a_change_during_the_day_does_not_count_as_the_night() -> None:
    site = SiteFactory.create()
    forecasts.recalculate(site_id=site.pk, as_of=forecasts.local_date(site, NOON), now=NOON, cause=RunCause.CHANGE)

    assert nightly.catch_up(now=NOON).sites == (site.code,)


def test_a_site_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, healthy = sorted((SiteFactory.create(), SiteFactory.create()), key=lambda site: site.pk)
    recalculate = forecasts.recalculate

    def fail_for_one(**given: object) -> object:
        if given["site_id"] == broken.pk:
            raise ValueError("bad facts")
        return recalculate(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(forecasts, "recalculate", fail_for_one)

    done = nightly.catch_up(now=NOON)

    assert (done.sites, done.failed) == ((healthy.code,), (broken.code,))


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_run_a_site_once() -> None:
    sites = [SiteFactory.create() for _ in range(3)]

    at_once(4, lambda number: nightly.catch_up(now=NOON))

    assert ForecastRun.objects.filter(cause=RunCause.NIGHTLY, site__in=sites).count() == 3
    assert ForecastRun.objects.filter(cause=RunCause.NIGHTLY, site=None).count() == 1


@pytest.mark.parametrize(
    ("mails_leave", "nights_work", "pinged"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_the_dead_man_hears_only_of_a_whole_cycle(
    monkeypatch: pytest.MonkeyPatch, settings: object, mails_leave: bool, nights_work: bool, pinged: bool
) -> None:
    unit = late(days=12)
    assigned(unit.site)
    look(unit.site)
    if not mails_leave:
        settings.MAIL_TO_MAILBOX = False  # type: ignore[attr-defined]
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()  # type: ignore[attr-defined]
    if not nights_work:

        def fail(**given: object) -> object:
            raise ValueError("bad facts")

        monkeypatch.setattr(forecasts, "recalculate", fail)
    told: list[str] = []
    monkeypatch.setattr(dead_man, "ping", told.append)
    settings.DEAD_MAN_URL = "https://watch.example/ping"  # type: ignore[attr-defined]

    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        tasks.tick()

    assert told == (["https://watch.example/ping"] if pinged else [])


@pytest.mark.django_db(transaction=True)
def test_a_second_beat_goes_home() -> None:
    site = SiteFactory.create()

    def other(_place: int) -> None:
        tasks.tick()

    with single.only_one("tick"):
        at_once(1, other)
    assert not ForecastRun.objects.filter(site=site).exists()

    at_once(1, other)
    assert ForecastRun.objects.filter(site=site, cause=RunCause.NIGHTLY).count() == 1
