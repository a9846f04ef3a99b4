"""The Celery application: wake-ups only. A task carries no truth, so nothing is lost when the broker is."""

import os

from celery import Celery

from procurement.gateways import wake

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "procurement.config.settings")

app = Celery("longlead")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["procurement"], related_name="tasks")


def wake_workers() -> None:
    """Publish one wake-up. A frozen broker blocks this, so it is asked on a thread that no request waits for."""
    app.send_task("procurement.tasks.alerts.look_now", retry=False, ignore_result=True, expires=60)


wake.wire(wake_workers, may_block=True)
