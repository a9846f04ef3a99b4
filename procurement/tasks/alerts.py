"""Wake-ups. They carry nothing: what is due stands in PostgreSQL, so a lost or doubled task changes nothing."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from procurement.gateways import dead_man
from procurement.gateways.mail import courier
from procurement.gateways.webhook import poster
from procurement.services import heartbeats, nightly, notifications, single


@shared_task(name="procurement.tasks.alerts.look_now")
def look_now() -> None:
    """Release and send until nothing is due."""
    _round()


@shared_task(name="procurement.tasks.alerts.tick")
def tick() -> None:
    """What beat asks for each minute: send first, then catch up with the night, then send what that found.

    Of two beats one does it and the other goes home. The dead man hears only of a whole cycle without a failure.
    """
    with single.only_one("tick") as mine:
        if not mine:
            return
        first = _round()
        night = nightly.catch_up(now=timezone.now())
        second = _round()
        heartbeats.beat("beat", now=timezone.now())
        if not (night.failed or first.sent.unreachable or second.sent.unreachable):
            dead_man.ping(settings.DEAD_MAN_URL)


def _round() -> notifications.Round:
    return notifications.do_round(courier=courier(), poster=poster(), now_fn=timezone.now, component="worker")
