"""When people may be written to: their time zone, their calendar, and that of the site a mail is about."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from procurement.domain.mail_hours import MailHours
from sites.accounts.models import User
from sites.domain.calendar import WorkingCalendar
from sites.models import PersonCalendar, Site
from sites.queries.chains import working_calendars


def zone_of(person: User) -> ZoneInfo:
    """The person's time zone; UTC where it is not one."""
    try:
        return ZoneInfo(person.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def local_now(person: User, now: datetime) -> datetime:
    return now.astimezone(zone_of(person))


class Calendars:
    """The hours of some people, read in three queries."""

    def __init__(self, people: Iterable[UUID]) -> None:
        self._rows = {row.person_id: row for row in PersonCalendar.objects.filter(person__in=list(people))}
        self._working: dict[UUID, WorkingCalendar] = working_calendars() if self._rows else {}
        self._sites: dict[UUID, UUID] = dict(Site.objects.values_list("pk", "calendar_id")) if self._rows else {}

    def of(self, person: User, site_id: UUID | None = None) -> MailHours:
        """For mail about this site, whose calendar counts where the person names none; None: mail about several."""
        row = self._rows.get(person.pk)
        if row is None:
            return MailHours(zone_of(person), person.digest_at)
        calendar = row.calendar_id or (self._sites.get(site_id) if site_id else None)
        return MailHours(
            zone=zone_of(person),
            digest_at=person.digest_at,
            calendar=self._working.get(calendar) if calendar else None,
            days_off=frozenset(row.days_off),
            quiet_from=row.quiet_from,
            quiet_until=row.quiet_until,
            rests=row.rests_on_days_off,
            urgent_passes=row.urgent_passes,
            weekly_digest=row.weekly_digest,
        )

    def office(self, person: User, site_id: UUID | None) -> MailHours:
        """Whose working days count for what is expected of a person: their own, else those of the site."""
        found = self.of(person, site_id)
        if found.calendar is not None or site_id is None:
            return found
        if not self._sites:
            self._sites = dict(Site.objects.values_list("pk", "calendar_id"))
            self._working = working_calendars()
        site_calendar = self._sites.get(site_id)
        return MailHours(
            zone=found.zone,
            digest_at=found.digest_at,
            calendar=self._working.get(site_calendar) if site_calendar else None,
            days_off=found.days_off,
        )

    def wants_all_quiet(self, person: User) -> bool:
        row = self._rows.get(person.pk)
        return row is None or row.all_quiet
