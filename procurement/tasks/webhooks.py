"""Wake-ups for webhooks. They carry nothing: what an endpoint is to be told stands in PostgreSQL."""

from celery import shared_task
from django.utils import timezone

from procurement.gateways.webhook import poster
from procurement.services import webhooks


@shared_task(name="procurement.tasks.webhooks.send_now")
def send_now() -> None:
    """Tell what changed, until nothing is due. Beside it the sender does the same; a row is taken by one of them."""
    webhooks.do_round(poster=poster(), now_fn=timezone.now)
