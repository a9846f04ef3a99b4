"""The Celery application: wake-ups only. A task carries no truth, so nothing is lost when the broker is."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init

from procurement.gateways import wake

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "procurement.config.settings")

app = Celery("longlead")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["procurement"], related_name="tasks")


@beat_init.connect
def tick_at_once(sender: Any, **given: Any) -> None:
    """Beat counts each interval from its start, and after a stop the first look must not wait for one."""
    for entry in sender.scheduler.schedule.values():
        sender.scheduler.apply_entry(entry)


def wake_workers() -> None:
    """Publish one wake-up. A frozen broker blocks this, so it is asked on a thread that no request waits for."""
    app.send_task("procurement.tasks.alerts.look_now", retry=False, ignore_result=True, expires=60)


def wake_for_work() -> None:
    """As `wake_workers`, for what takes long: it stands in another queue than the mail."""
    for name in ("procurement.tasks.imports.work_now", "procurement.tasks.jobs.work_now"):
        app.send_task(name, retry=False, ignore_result=True, expires=60)


def wake_for_draws() -> None:
    """As `wake_for_work`, for futures that are due."""
    app.send_task("procurement.tasks.futures.draw_now", retry=False, ignore_result=True, expires=60)


wake.wire(wake_workers, may_block=True, for_work=wake_for_work, for_draws=wake_for_draws)
