"""Years in which an answer counted weekends only, because the holiday library knows no holidays for them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from sites.domain.calendar import knows_holidays
from sites.domain.schedule import ChainAnswer, ChainFacts, StepAnswer
from sites.vocabulary import Driver, DurationBasis


@dataclass(frozen=True, slots=True, order=True)
class HolidayGap:
    """`calendar` is a code such as `AU-NSW`."""

    calendar: str
    year: int


def weekends_only(facts: ChainFacts, answer: ChainAnswer) -> tuple[HolidayGap, ...]:
    """Of every count of working days in the answer: forward, backward, the shake-out and the float."""
    found = {gap for before, step in _pairs(answer.steps) for gap in _of_step(before, step)}
    site = facts.site_calendar.code
    required_on = answer.required_on_site
    if required_on is not None:
        found |= set(gaps(site, answer.forecast_on_site, required_on))
        rule = facts.required_on_site
        if rule is not None and rule.anchors and rule.offset_days and rule.offset_basis is DurationBasis.WORKING:
            found |= set(gaps(site, required_on, min(rule.anchors)))
    return tuple(sorted(found))


def gaps(calendar: str, one: date, other: date) -> Iterable[HolidayGap]:
    """Of the years between two days, both included, in either order."""
    first, last = sorted((one.year, other.year))
    return (HolidayGap(calendar, year) for year in range(first, last + 1) if not knows_holidays(calendar, year))


def _pairs(steps: Sequence[StepAnswer]) -> Iterable[tuple[StepAnswer, StepAnswer]]:
    dated = [step for step in steps if step.forecast_on is not None]
    return pairwise(dated)


def _of_step(before: StepAnswer, step: StepAnswer) -> Iterable[HolidayGap]:
    if step.basis is not DurationBasis.WORKING or not step.duration_days:
        return
    if step.driver is Driver.DURATION and step.previous_on is not None and step.forecast_on is not None:
        yield from gaps(step.calendar, step.previous_on, step.forecast_on)
    if before.latest_on is not None and step.latest_on is not None:
        yield from gaps(step.calendar, before.latest_on, step.latest_on)
