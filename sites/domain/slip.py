"""What slipped: the difference of two runs, subject by subject."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Generic, TypeVar

from sites.vocabulary import Driver


class Difference(StrEnum):
    MOVED = "moved"
    NEW = "new"
    GONE = "gone"
    REASON_CHANGED = "reason_changed"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one run answered for a subject. `forecast_on` is None where no date is known."""

    forecast_on: date | None
    driver: Driver | None = None


Subject = TypeVar("Subject", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Slip(Generic[Subject]):
    """`days` above zero is later; None where one side has no date."""

    subject: Subject
    difference: Difference
    forecast_from: date | None
    forecast_to: date | None
    days: int | None
    driver_from: Driver | None
    driver_to: Driver | None


def difference(before: Mapping[Subject, Shown], after: Mapping[Subject, Shown]) -> tuple[Slip[Subject], ...]:
    """Only what differs, in the order of the later run, then what is gone in the order of the earlier one."""
    found = [_slip(subject, before.get(subject), shown) for subject, shown in after.items()]
    gone = [_slip(subject, shown, None) for subject, shown in before.items() if subject not in after]
    return tuple(slip for slip in (*found, *gone) if slip is not None)


def _slip(subject: Subject, before: Shown | None, after: Shown | None) -> Slip[Subject] | None:
    if before == after:
        return None
    was = before or Shown(None)
    now = after or Shown(None)
    if before is None:
        kind = Difference.NEW
    elif after is None:
        kind = Difference.GONE
    elif was.forecast_on != now.forecast_on:
        kind = Difference.MOVED
    else:
        kind = Difference.REASON_CHANGED

    days = None if was.forecast_on is None or now.forecast_on is None else (now.forecast_on - was.forecast_on).days
    return Slip(subject, kind, was.forecast_on, now.forecast_on, days, was.driver, now.driver)
