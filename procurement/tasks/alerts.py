"""Wake-ups. They carry nothing: what is due stands in PostgreSQL, so a lost or doubled task changes nothing."""

from celery import shared_task
from django.utils import timezone

from procurement.gateways.mail import courier
from procurement.gateways.webhook import poster
from procurement.services import heartbeats, nightly, notifications


@shared_task(name="procurement.tasks.alerts.look_now")
def look_now() -> None:
    """Release and send until nothing is due."""
    notifications.do_round(courier=courier(), poster=poster(), now_fn=timezone.now, component="worker")


@shared_task(name="procurement.tasks.alerts.tick")
def tick() -> None:
    """What beat asks for each minute: send first, then catch up with the night, then send what that found."""
    look_now()
    nightly.catch_up(now=timezone.now())
    look_now()
    heartbeats.beat("beat", now=timezone.now())
