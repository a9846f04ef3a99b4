"""When a person may be written to, in their own time zone, and when their mornings and working days are.

Instants come and go in UTC. An hour that a clock skips counts as if it had not been skipped; of one that it repeats the
first counts, or the second where the first is over.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sites.domain.calendar import WorkingCalendar

_ONE_DAY: Final = timedelta(days=1)
# Nobody is away from mail for longer than this; it only bounds a calendar without any working day.
_MOST_DAYS: Final = 370
_OFFICE_FROM, _OFFICE_UNTIL = time(9), time(17)


@dataclass(frozen=True, slots=True)
class MailHours:
    """`calendar` is None where every day but the `days_off` (ISO weekdays) is a working day. Quiet hours may pass
    midnight; without them both are None. `rests`: nothing leaves on a day off. `digest_at` is local.
    """

    zone: ZoneInfo
    digest_at: time = time(8)
    calendar: WorkingCalendar | None = None
    days_off: frozenset[int] = frozenset()
    quiet_from: time | None = None
    quiet_until: time | None = None
    rests: bool = False
    urgent_passes: bool = False
    weekly_digest: bool = False

    def works_on(self, day: date) -> bool:
        if day.isoweekday() in self.days_off:
            return False
        return self.calendar is None or self.calendar.is_working_day(day)

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def leaves_at(self, at: datetime, *, urgent: bool) -> datetime:
        """The first instant from `at` on at which a message may leave."""
        if urgent and self.urgent_passes:
            return at
        for _ in range(_MOST_DAYS * 2):
            moved = self._past_rest(self._past_quiet(at))
            if moved == at:
                return at
            at = moved
        return at

    def _past_rest(self, at: datetime) -> datetime:
        """The morning of the next working day, where `at` lies on a day off."""
        day = self.local(at).date()
        if not self.rests or self.works_on(day):
            return at
        return self._instant(self._working_day(day + _ONE_DAY), self.quiet_until or self.digest_at, after=at)

    def _past_quiet(self, at: datetime) -> datetime:
        if self.quiet_from is None or self.quiet_until is None:
            return at
        here = self.local(at)
        clock, over_midnight = here.time(), self.quiet_from > self.quiet_until
        if over_midnight and clock >= self.quiet_from:
            return self._instant(here.date() + _ONE_DAY, self.quiet_until, after=at)
        if clock < self.quiet_until and (over_midnight or clock >= self.quiet_from):
            return self._instant(here.date(), self.quiet_until, after=at)
        return at

    def _working_day(self, day: date) -> date:
        for _ in range(_MOST_DAYS):
            if self.works_on(day):
                return day
            day += _ONE_DAY
        return day

    def _instant(self, day: date, clock: time, *, after: datetime) -> datetime:
        first = datetime.combine(day, clock, self.zone).astimezone(UTC)
        return first if first > after else datetime.combine(day, clock, self.zone).replace(fold=1).astimezone(UTC)

    # -- mornings --------------------------------------------------------------------------------------------------

    def next_digest_on(self, at: datetime) -> date:
        """The local date of the next morning on which a digest comes, today's included while it has not come."""
        here = self.local(at)
        day = here.date() if here.time() < self.digest_at else here.date() + _ONE_DAY
        return self.digest_day(day)

    def digest_day(self, day: date) -> date:
        """`day`, or the first day after it that has a digest."""
        for _ in range(_MOST_DAYS):
            if self._has_digest(day):
                return day
            day += _ONE_DAY
        return day

    def _has_digest(self, day: date) -> bool:
        if self.weekly_digest:
            return day == self.week_begins_on(day)
        return not self.rests or self.works_on(day)

    def morning(self, day: date) -> datetime:
        return datetime.combine(day, self.digest_at, self.zone).astimezone(UTC)

    def week_begins_on(self, day: date) -> date:
        """The first working day of the week of `day`, or its Monday where the whole week is off."""
        monday = day - timedelta(days=day.weekday())
        return next((each for n in range(7) if self.works_on(each := monday + n * _ONE_DAY)), monday)

    # -- working days ----------------------------------------------------------------------------------------------

    def after_working_days(self, at: datetime, days: int) -> datetime:
        """The same hour that many working days of the person later, moved into office hours."""
        here = self.local(at)
        day = here.date()
        for _ in range(days):
            day = self._working_day(day + _ONE_DAY)
        clock = min(max(here.time(), _OFFICE_FROM), _OFFICE_UNTIL)
        return datetime.combine(day, clock.replace(fold=0), self.zone).astimezone(UTC)
