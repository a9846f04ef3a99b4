"""Working days against a day-by-day count, closures, Friday weekends and make-up working days."""

from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sites.domain.calendar import WorkingCalendar, known_codes
from sites.domain.errors import BadInput
from sites.vocabulary import DurationBasis

WORKING, CALENDAR = DurationBasis.WORKING, DurationBasis.CALENDAR
ONE_DAY = timedelta(days=1)

SHUTDOWN = ((date(2027, 8, 9), date(2027, 8, 20)), (date(2026, 12, 24), date(2027, 1, 6)))
CODES = ("JP", "AU-NSW", "DE-HE", "US-VA", "GB-ENG", "AE", "SA", "CN", "IN")

calendars = st.builds(WorkingCalendar, st.sampled_from(CODES), st.sampled_from([(), SHUTDOWN]))
days = st.dates(date(2021, 1, 1), date(2030, 12, 31))


def works(calendar: WorkingCalendar, day: date) -> bool:
    country, _, part = calendar.code.partition("-")
    public = holidays.country_holidays(country, subdiv=part or None, years=day.year)
    closed = any(first <= day <= last for first, last in calendar.closures)
    return bool(public.is_working_day(day)) and not closed


def counted_forward(calendar: WorkingCalendar, day: date, n: int) -> date:
    while n:
        day += ONE_DAY
        n -= calendar.is_working_day(day)
    return day


def counted_back(calendar: WorkingCalendar, day: date, n: int) -> date:
    while not calendar.is_working_day(day):
        day -= ONE_DAY
    while n:
        day -= ONE_DAY
        n -= calendar.is_working_day(day)
    return day


@given(calendars, days)
def test_a_working_day_is_what_the_library_says_less_the_closures(calendar: WorkingCalendar, day: date) -> None:
    assert calendar.is_working_day(day) is works(calendar, day)


@given(calendars, days, st.integers(0, 400))
@settings(max_examples=60)
def test_forward_is_the_nth_working_day_after(calendar: WorkingCalendar, day: date, n: int) -> None:
    assert calendar.forward(day, n, WORKING) == counted_forward(calendar, day, n)


@given(calendars, days, st.integers(1, 400))
@settings(max_examples=60)
def test_back_rolls_back_to_a_working_day_and_then_counts(calendar: WorkingCalendar, day: date, n: int) -> None:
    assert calendar.back(day, n, WORKING) == counted_back(calendar, day, n)


@given(calendars, days, days)
@settings(max_examples=60)
def test_working_days_between_are_those_after_the_first_up_to_the_last(
    calendar: WorkingCalendar, after: date, through: date
) -> None:
    first, last = sorted((after, through))
    counted = sum(calendar.is_working_day(first + ONE_DAY * n) for n in range(1, (last - first).days + 1))

    assert calendar.working_days_between(after, through) == (counted if after <= through else -counted)


@given(calendars, days, st.integers(0, 2000), st.sampled_from([WORKING, CALENDAR]))
def test_forward_and_back_undo_each_other_on_working_days(
    calendar: WorkingCalendar, day: date, n: int, basis: DurationBasis
) -> None:
    start = day if basis is CALENDAR else calendar.forward(day, 1, WORKING)

    assert calendar.back(calendar.forward(start, n, basis), n, basis) == start


@given(calendars, days, st.integers(0, 400))
def test_starting_earlier_never_ends_later(calendar: WorkingCalendar, day: date, n: int) -> None:
    assert calendar.forward(day, n, WORKING) <= calendar.forward(day + ONE_DAY, n, WORKING)


@pytest.mark.parametrize("basis", [WORKING, CALENDAR])
def test_no_days_gives_the_day_itself_working_or_not(basis: DurationBasis) -> None:
    saturday = date(2027, 5, 1)

    assert WorkingCalendar("JP").forward(saturday, 0, basis) == saturday
    assert WorkingCalendar("JP").back(saturday, 0, basis) == saturday


def test_friday_is_weekend_in_riyadh_and_sunday_is_not() -> None:
    riyadh = WorkingCalendar("SA")

    assert (riyadh.is_working_day(date(2027, 7, 9)), riyadh.is_working_day(date(2027, 7, 11))) == (False, True)


def test_the_emirates_moved_their_weekend_in_2022() -> None:
    emirates = WorkingCalendar("AE")

    assert (emirates.is_working_day(date(2021, 6, 6)), emirates.is_working_day(date(2022, 6, 5))) == (True, False)


def test_a_make_up_sunday_is_a_working_day_in_china() -> None:
    assert WorkingCalendar("CN").is_working_day(date(2026, 1, 4))


def test_labour_day_in_new_south_wales_is_left_out_of_the_shake_out() -> None:
    assert WorkingCalendar("AU-NSW").back(date(2027, 10, 5), 10, WORKING) == date(2027, 9, 20)


def test_closures_change_working_days_only() -> None:
    closed = WorkingCalendar("JP", ((date(2027, 7, 5), date(2027, 7, 9)),))

    assert closed.forward(date(2027, 7, 2), 1, WORKING) == date(2027, 7, 12)
    assert closed.forward(date(2027, 7, 2), 5, CALENDAR) == date(2027, 7, 7)


@pytest.mark.parametrize("code", ["", "XX", "jp", "Japan", "JPN", "UK", "AU-XXX", "AU-", "JP ", "DE-Augsburg", "JP\n"])
def test_only_iso_codes_of_the_library_are_calendars(code: str) -> None:
    with pytest.raises(BadInput) as refused:
        WorkingCalendar(code)

    assert refused.value.field == "calendar"


def test_every_country_the_library_knows_can_count() -> None:
    countries = sorted(code for code in known_codes() if len(code) == 2)

    assert len(countries) > 200
    assert [
        c for c in countries if not WorkingCalendar(c).working_days_between(date(2026, 12, 31), date(2027, 12, 31))
    ] == []


@pytest.mark.parametrize(
    "closure", [(date(2027, 7, 9), date(2027, 7, 5)), (date(1999, 12, 31), date(2000, 1, 5))]
)  # fmt: skip
def test_a_closure_that_cannot_be_meant_is_refused(closure: tuple[date, date]) -> None:
    with pytest.raises(BadInput) as refused:
        WorkingCalendar("JP", (closure,))

    assert refused.value.field == "closures[0]"


@pytest.mark.parametrize("basis", [WORKING, CALENDAR])
def test_dates_outside_2000_to_2100_are_refused(basis: DurationBasis) -> None:
    japan = WorkingCalendar("JP")
    for leave in (
        lambda: japan.forward(date(2100, 12, 31), 1, basis),
        lambda: japan.back(date(2000, 1, 3), 30, basis),
        lambda: japan.forward(date(2027, 1, 1), 10**30, basis),
        lambda: japan.is_working_day(date(2101, 1, 3)),
        lambda: japan.forward(date(2027, 1, 1), -1, basis),
    ):
        with pytest.raises(BadInput):
            leave()


def test_a_place_that_is_closed_for_ever_has_no_working_day_to_give() -> None:
    closed = WorkingCalendar("JP", ((date(2000, 1, 1), date(2100, 12, 31)),))

    with pytest.raises(BadInput):
        closed.forward(date(2027, 1, 1), 1, WORKING)
    assert closed.working_days_between(date(2027, 1, 1), date(2028, 1, 1)) == 0
