"""For operators and load balancers, without log-in. A site is named only to who may see it; orders and people never."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import Error, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from procurement.gateways import broker, wake
from procurement.queries import change_feed
from procurement.queries.health import Figures, Health, figures, health
from sites.accounts.models import User

DUE_SECONDS: Final = 300
LAG_SECONDS: Final = 300
SILENT_AFTER: Final = timedelta(minutes=15)
_SENDERS: Final = ("worker", "sender")


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """503 where mail that is due does not leave, or the database is away; a broker or a beat that is away only
    degrades: the sender goes on without them.
    """
    now = timezone.now()
    try:
        found = health(now, request.user if isinstance(request.user, User) else None)
        lag = change_feed.lag_seconds(now)
    except Error:
        return JsonResponse({"status": "failing", "database": "down"}, status=503)
    problems = _problems(found, now)
    if lag > LAG_SECONDS:
        problems.append("change_feed_is_held_back")
    broker_answers = broker.answers(settings.CELERY_BROKER_URL)
    failing = "mail_is_stuck" in problems
    degraded = bool(problems) or not broker_answers
    body: dict[str, Any] = {
        "status": "failing" if failing else "degraded" if degraded else "ok",
        "problems": problems if broker_answers else [*problems, "broker_is_down"],
        "database": "up",
        "broker": "up" if broker_answers else "down",
        "failed_wake_ups": wake.failures(),
        "dead_notifications": found.dead,
        "oldest_due_notification_seconds": found.oldest_due_seconds,
        "change_feed_lag_seconds": lag,
        "heartbeats": {
            name: {"at": at.isoformat(), "age_seconds": int((now - at).total_seconds())}
            for name, at in sorted(found.heartbeats.items())
        },
        "last_evaluation": {key: at.isoformat() if at else None for key, at in found.evaluated.items()},
    }
    return JsonResponse(body, status=503 if failing else 200)


def _problems(found: Health, now: datetime) -> list[str]:
    problems = []
    if found.oldest_due_seconds is not None and found.oldest_due_seconds > DUE_SECONDS:
        problems.append("mail_is_stuck")
    if _is_silent(found, ("beat",), now):
        problems.append("beat_is_silent")
    if _is_silent(found, _SENDERS, now):
        problems.append("nobody_sends")
    return problems


def _is_silent(found: Health, components: tuple[str, ...], now: datetime) -> bool:
    seen = [at for name, at in found.heartbeats.items() if name in components]
    return not seen or now - max(seen) > SILENT_AFTER


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, with the token of the settings as Bearer; without one there is no such page but in the demo."""
    if not settings.METRICS_TOKEN and not settings.DEMO:
        raise Http404
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN and not constant_time_compare(given, settings.METRICS_TOKEN):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(_exposition(figures(timezone.now())), content_type=CONTENT_TYPE_LATEST)


def _exposition(found: Figures) -> bytes:
    registry = CollectorRegistry()

    def gauge(name: str, text: str, value: int | None) -> None:
        if value is not None:
            Gauge(f"longlead_{name}", text, registry=registry).set(value)

    def gauges(name: str, text: str, label: str, values: Mapping[str, int]) -> None:
        drawn = Gauge(f"longlead_{name}", text, [label], registry=registry)
        for word, value in values.items():
            drawn.labels(word).set(value)

    gauges("open_alerts", "Alerts that wait for an answer", "severity", found.open_alerts)
    gauges("messages", "Messages that were not sent", "state", found.messages)
    gauge("oldest_due_message_seconds", "How long the oldest message waits past its time", found.oldest_due_seconds)
    gauge("oldest_evaluation_seconds", "Since the site looked at longest ago", found.oldest_evaluation_seconds)
    gauges("heartbeat_age_seconds", "Since the last whole round", "component", found.heartbeat_seconds)
    gauge("addresses_off", "Addresses that a mail server refused for good", found.addresses_off)
    gauge("failed_wake_ups", "Wake-ups of this process that the broker did not take", wake.failures())
    return generate_latest(registry)


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether this process can serve: the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return JsonResponse({"status": "failing", "database": "down"}, status=503)
    return JsonResponse({"status": "ok", "database": "up"})
