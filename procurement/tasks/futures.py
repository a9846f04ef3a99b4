"""Wake-ups for futures that are due. They carry nothing: what is due stands in PostgreSQL."""

from celery import shared_task

from procurement.services import probabilities


@shared_task(name="procurement.tasks.futures.draw_now")
def draw_now() -> None:
    """Draw what is due, site by site."""
    probabilities.draw_due()
