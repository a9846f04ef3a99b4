"""Wake-ups for bulks. They carry nothing: the rows of a job stand in PostgreSQL."""

from celery import shared_task
from django.utils import timezone

from procurement.services import jobs


@shared_task(name="procurement.tasks.jobs.work_now")
def work_now() -> None:
    """Carry out what waits, until nothing does."""
    jobs.do_all(now_fn=timezone.now)
