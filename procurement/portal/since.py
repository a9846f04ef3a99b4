"""What a list is compared with: the end of a past day that its address names."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from procurement.portal.context import zone_of
from procurement.queries.known import day_ends_at
from procurement.queries.log_address import Since, read_since
from sites.accounts.models import User


@dataclass(frozen=True, slots=True)
class Compared:
    """`day` is None where nothing is compared; `said` and `said_on` are what the fields hold."""

    day: date | None
    said: str
    said_on: str
    words: tuple[tuple[str, str], ...]
    zone: ZoneInfo

    @property
    def instant(self) -> datetime | None:
        """The end of the day where the reader is."""
        return day_ends_at(self.day, self.zone.key) if self.day else None


def compared(query: QueryDict, actor: User) -> Compared:
    zone = zone_of(actor)
    return Compared(
        day=read_since(query, timezone.now().astimezone(zone).date(), actor.visited_before_on),
        said=query.get("since", ""),
        said_on=query.get("since_on", ""),
        words=(
            *_last_visit(actor),
            (Since.YESTERDAY.value, _("Yesterday")),
            (Since.MONDAY.value, _("Last Monday")),
            (Since.WEEK.value, _("A week ago")),
        ),
        zone=zone,
    )


def _last_visit(actor: User) -> tuple[tuple[str, str], ...]:
    """Nothing on the first day of a person."""
    if actor.visited_before_on is None:
        return ()
    return ((Since.VISIT.value, _("My last visit")),)
