"""A year that the holiday library does not know: weekends only, and the answer says so."""

from dataclasses import replace
from datetime import date

from sites.domain.calendar import WorkingCalendar, knows_holidays
from sites.domain.holiday_gaps import HolidayGap, weekends_only
from sites.domain.schedule import ChainFacts, RequiredOnSite, StepFacts, forecast_chain
from sites.readers.facts import answer_to
from sites.vocabulary import DurationBasis
from tests.sites.domain.test_schedule import EXAMPLE

# The library knows Japan up to 2099.
LAST_CHRISTMAS = ChainFacts(
    as_of=date(2099, 12, 1),
    site_calendar=WorkingCalendar("JP"),
    steps=(StepFacts("A", planned_on=date(2099, 12, 24)), StepFacts("B", 15, DurationBasis.WORKING)),
    anchor_step="B",
)


def gaps_of(facts: ChainFacts) -> tuple[HolidayGap, ...]:
    return weekends_only(facts, forecast_chain(facts))


def test_working_days_counted_into_an_unknown_year_are_told() -> None:
    assert gaps_of(LAST_CHRISTMAS) == (HolidayGap("JP", 2100),)


def test_new_year_is_a_working_day_there_because_only_weekends_count() -> None:
    calendar = WorkingCalendar("JP")

    assert [calendar.is_working_day(date(year, 1, 1)) for year in (2098, 2100)] == [False, True]
    assert [knows_holidays("JP", year) for year in (2098, 2100)] == [True, False]


def test_calendar_days_need_no_holidays() -> None:
    steps = tuple(replace(step, basis=DurationBasis.CALENDAR) for step in LAST_CHRISTMAS.steps)

    assert gaps_of(replace(LAST_CHRISTMAS, steps=steps)) == ()


def test_the_shake_out_and_the_float_count_working_days_too() -> None:
    steps = tuple(replace(step, basis=DurationBasis.CALENDAR, duration_days=1) for step in LAST_CHRISTMAS.steps)
    required = RequiredOnSite(anchors=(date(2100, 2, 1),), offset_days=5)

    assert gaps_of(replace(LAST_CHRISTMAS, steps=steps, required_on_site=required)) == (HolidayGap("JP", 2100),)


def test_the_answer_on_paper_says_so_and_otherwise_keeps_its_keys() -> None:
    assert answer_to(LAST_CHRISTMAS)["weekends_only"] == [{"calendar": "JP", "year": 2100}]
    assert "weekends_only" not in answer_to(EXAMPLE)
