"""The dates by which something must have happened under a contract, and how far what we expect is from them."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sites.domain.calendar import WorkingCalendar, in_range
from sites.domain.power_market import CERTIFICATE_ENDS
from sites.vocabulary import Certificate, ClockKind, ClockSide, DurationBasis

# How many days before a clock runs out it is worth a word, unless the rule's setting says otherwise.
NEAR_DAYS: Final[dict[ClockKind, int]] = {
    ClockKind.TARGET_COD: 30,
    ClockKind.GUARANTEED_COD: 60,
    ClockKind.LONG_STOP: 90,
    ClockKind.CONDITION: 30,
    ClockKind.NOTICE: 30,
    ClockKind.CREDIT_SUPPORT: 60,
    ClockKind.OFFER_EXPIRY: 30,
    ClockKind.CERTIFICATE_END: 365,
    ClockKind.TERM_END: 365,
}


@dataclass(frozen=True, slots=True)
class Clock:
    """`due_on` None: the date it hangs on is not known. `expected_on` is when we expect what stops it, None where no
    forecast says; `done_on` when it happened. `moves` says that the due date follows a forecast. `owner` is a person's
    key, None where the energy lead of the site answers.
    """

    kind: ClockKind
    subject: UUID
    text: str
    due_on: date | None
    expected_on: date | None = None
    done_on: date | None = None
    moves: bool = False
    owner: UUID | None = None
    calendar: WorkingCalendar | None = None
    agreement: UUID | None = None
    connection: UUID | None = None

    @property
    def is_open(self) -> bool:
        return self.done_on is None

    def days_left(self, as_of: date) -> int | None:
        """Calendar days; below zero it is past. None where there is no date."""
        return None if self.due_on is None else (self.due_on - as_of).days

    def working_days_left(self, as_of: date) -> int | None:
        """By the contract's calendar; None where it has none or there is no date."""
        if self.due_on is None or self.calendar is None:
            return None
        if self.due_on < as_of:
            return -self.calendar.working_days_between(self.due_on, as_of)
        return self.calendar.working_days_between(as_of, self.due_on)

    @property
    def slack_days(self) -> int | None:
        """Due date less the expected one; below zero it will be missed."""
        if self.due_on is None or self.expected_on is None:
            return None
        return (self.due_on - self.expected_on).days

    def state(self, as_of: date, *, near_days: int | None = None) -> str:
        """`done`, `done_late`, `unknown`, `past`, `missed` (it will be), `near` or `open`."""
        left = self.days_left(as_of)
        if self.done_on is not None:
            return "done_late" if self.due_on is not None and self.done_on > self.due_on else "done"
        if left is None:
            return "unknown"
        if left < 0:
            return "past"
        if self.slack_days is not None and self.slack_days < 0:
            return "missed"
        return "near" if left <= (NEAR_DAYS[self.kind] if near_days is None else near_days) else "open"


def served_by(
    reference_on: date | None, days: int, basis: DurationBasis, side: ClockSide, calendar: WorkingCalendar
) -> date | None:
    """The last day for a notice. A notice before a date is counted back from it, one after a date forward."""
    if reference_on is None or not in_range(reference_on):
        return None
    count = calendar.back if side is ClockSide.BEFORE else calendar.forward
    return count(reference_on, days, basis)


def term_end(starts_on: date | None, years: Decimal | None, tail_years: Decimal | None = None) -> date | None:
    """The last day of a term and its tail, by whole months; None where start or term is not known."""
    if starts_on is None or years is None:
        return None
    return _months_later(starts_on, round((years + (tail_years or 0)) * 12)) - timedelta(days=1)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def certificate_end(certificate: Certificate, successor: Certificate | None, ends_on: date | None) -> date | None:
    """The last day of the scheme where it ends inside the term and nothing is agreed to take its place."""
    last = CERTIFICATE_ENDS.get(certificate)
    if last is None or successor is not None or (ends_on is not None and ends_on <= last):
        return None
    return last
