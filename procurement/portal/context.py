"""What every page knows besides its own subject."""

from collections.abc import Callable
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest

from procurement.portal.tour import tour
from procurement.queries.alert import waiting_for
from sites.accounts.models import User

# Under which entry of the navigation a page lies.
_NAVIGATION: Final = {
    "portfolio": {
        "portfolio",
        "site",
        "block",
        "schedules",
        "schedule",
        "schedule_activities",
        "schedule_activity",
        "anchors",
    },
    "log": {
        "log",
        "log_gantt",
        "log_grid",
        "register",
        "views",
        "line",
        "order",
        "requirement",
        "notes",
        "imports",
        "import",
        "import_columns",
        "rounds",
        "round",
        "round_link",
    },
    "alerts": {"alerts", "alert", "simulator", "undelivered"},
    "power": {"power", "agreements", "agreement", "agreement_bring_in", "grid", "grid_connection", "site_power"},
    "lead_times": {"lead_times", "lead_time_class"},
    "vendors": {"vendors", "vendor", "plant"},
    "forecast_quality": {"forecast_quality"},
    "mailbox": {"mailbox", "mail"},
}


def portal(request: HttpRequest) -> dict[str, object]:
    """`alerts_needing_action` is counted only where a template asks. Instants are shown in `reader_zone`."""
    user = getattr(request, "user", None)
    person = user if isinstance(user, User) else None
    resolved = request.resolver_match
    return {
        "demo": settings.DEMO,
        "mailbox": settings.MAIL_TO_MAILBOX,
        "nav_here": {name: bool(resolved and resolved.url_name in pages) for name, pages in _NAVIGATION.items()},
        "reader_zone": zone_of(person),
        "alerts_needing_action": _counter(person),
        "tour": partial(tour, request),
    }


def _counter(person: User | None) -> Callable[[], int]:
    def count() -> int:
        return waiting_for(person) if person else 0

    return count


def zone_of(person: User | None) -> ZoneInfo:
    """UTC for nobody, and where the name is none."""
    try:
        return ZoneInfo(person.time_zone if person else "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
