"""Wake-ups for long work on imports. They carry nothing: what is to be done stands with the import."""

from typing import Final

from celery import shared_task
from django.utils import timezone

from procurement.services import import_work

# Fifty thousand promises take many minutes; what is killed halfway is rolled back and was for nothing.
MOST_SECONDS: Final = 4 * 3600


@shared_task(name="procurement.tasks.imports.work_now", time_limit=MOST_SECONDS)
def work_now() -> None:
    """Do what waits, until nothing does."""
    import_work.do_all(now_fn=timezone.now)
