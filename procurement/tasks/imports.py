"""Wake-ups for long work on imports. They carry nothing: what is to be done stands with the import."""

from celery import shared_task
from django.utils import timezone

from procurement.services import import_work


@shared_task(name="procurement.tasks.imports.work_now")
def work_now() -> None:
    """Do what waits, until nothing does."""
    import_work.do_all(now_fn=timezone.now)
