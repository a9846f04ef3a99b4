from typing import Any

from celery.beat import ScheduleEntry, Scheduler, Service
from celery.signals import beat_init

from procurement.config.celery import app


def test_beat_looks_at_once_when_it_starts_and_not_only_a_minute_later() -> None:
    published: list[str | None] = []

    class Recorder(Scheduler):
        def apply_async(self, entry: ScheduleEntry, *args: Any, **options: Any) -> None:
            published.append(entry.task)

    beat_init.send(sender=Service(app, scheduler_cls=Recorder))

    assert sorted(map(str, published)) == [
        "procurement.tasks.alerts.tick",
        "procurement.tasks.futures.draw_now",
        "procurement.tasks.imports.work_now",
        "procurement.tasks.jobs.work_now",
        "procurement.tasks.webhooks.send_now",
    ]


def test_every_task_that_beat_asks_for_is_one_that_a_worker_knows() -> None:
    app.loader.import_default_modules()

    assert {each["task"] for each in app.conf.beat_schedule.values()} <= set(app.tasks)
