"""The engine: where a chain of steps stands on the calendar, and why.

Frozen facts in, frozen answers out. The date of the calculation is a fact; no clock and no table is read.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sites.domain.calendar import WorkingCalendar, in_range
from sites.domain.errors import BadInput
from sites.domain.imprecise import ImpreciseDate
from sites.vocabulary import Driver, DurationBasis, StepFlag

ENGINE_VERSION: Final = "1"

ON_SITE: Final = "ON_SITE"


@dataclass(frozen=True, slots=True)
class PromiseFacts:
    """One row of the ledger, in ledger order within its step.

    `conditional_on` is what was stored with the promise; None means no condition, so no shift.
    `supersedes` is the id of an earlier row of the same step.
    """

    id: str
    said: ImpreciseDate
    stated_on: date
    recorded_at: datetime | None = None
    conditional_on: date | None = None
    supersedes: str | None = None
    retracted: bool = False


@dataclass(frozen=True, slots=True)
class StepFacts:
    """`calendar` None is the site's calendar with the site's closures; `duration_days` is unused on the first step.

    `lock_set_on` is the day somebody pinned `locked_on`; None where that is not known.
    `in_span` marks a step inside a lead-time span: it has no date of its own.
    """

    code: str
    duration_days: int = 0
    basis: DurationBasis = DurationBasis.CALENDAR
    calendar: WorkingCalendar | None = None
    applicable: bool = True
    baseline_on: date | None = None
    planned_on: date | None = None
    locked_on: date | None = None
    lock_set_on: date | None = None
    actual_on: date | None = None
    promises: tuple[PromiseFacts, ...] = ()
    in_span: bool = False
    is_span: bool = False


@dataclass(frozen=True, slots=True)
class RequiredOnSite:
    """Fixed by hand, or the earliest anchor and back by the shake-out; with neither there is no ROS."""

    fixed_on: date | None = None
    anchors: tuple[date, ...] = ()
    offset_days: int = 0
    offset_basis: DurationBasis = DurationBasis.WORKING


@dataclass(frozen=True, slots=True)
class ChainFacts:
    as_of: date
    site_calendar: WorkingCalendar
    steps: tuple[StepFacts, ...]
    required_on_site: RequiredOnSite | None = None
    anchor_step: str = ON_SITE


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """`forecast_on` is None only inside a lead-time span; `latest_on` and `float_days` are None after the
    anchor, inside a span and without ROS; `slip_days` is None without a baseline.

    The rest are the inputs that make the reason sayable: `previous_on` is the forecast of the step before,
    `promise_*` the deciding promise whether or not it decided the date.
    """

    code: str
    forecast_on: date | None
    driver: Driver
    flags: tuple[StepFlag, ...]
    latest_on: date | None
    float_days: int | None
    slip_days: int | None
    baseline_on: date | None
    previous_on: date | None
    promise_id: str | None
    promise_counts_on: date | None
    conditional_on: date | None
    shift_days: int
    duration_days: int
    basis: DurationBasis
    calendar: str


@dataclass(frozen=True, slots=True)
class ChainAnswer:
    """All but the steps are those of the anchor step; floats are None without ROS."""

    anchor_step: str
    required_on_site: date | None
    forecast_on_site: date
    float_days: int | None
    float_working_days: int | None
    steps: tuple[StepAnswer, ...]
