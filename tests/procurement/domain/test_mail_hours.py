"""A message leaves in the person's own hours, once a morning, whatever the clock does that night."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.domain.mail_hours import MailHours
from sites.domain.calendar import WorkingCalendar

SYDNEY, TOKYO, LONDON = ZoneInfo("Australia/Sydney"), ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/London")
KIRITIMATI = ZoneInfo("Pacific/Kiritimati")  # UTC+14
NEW_SOUTH_WALES = WorkingCalendar("AU-NSW")
EVENINGS = MailHours(SYDNEY, quiet_from=time(19), quiet_until=time(7), calendar=NEW_SOUTH_WALES, rests=True)


def at(zone: ZoneInfo, *moment: int) -> datetime:
    return datetime(*moment, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("asked", "leaves"),
    [
        ((2026, 11, 20, 12), (2026, 11, 20, 12)),  # a Friday at noon
        ((2026, 11, 19, 18, 59), (2026, 11, 19, 18, 59)),
        ((2026, 11, 19, 19), (2026, 11, 20, 7)),  # the evening: next morning
        ((2026, 11, 20, 6, 59), (2026, 11, 20, 7)),
        ((2026, 11, 20, 21), (2026, 11, 23, 7)),  # Friday evening: Monday morning
        ((2027, 1, 26, 20), (2027, 1, 27, 7)),  # the evening of Australia Day
        ((2026, 12, 24, 20), (2026, 12, 29, 7)),  # Christmas, Boxing Day on a Saturday and its Monday
    ],
)
def test_quiet_hours_and_days_off_hold_a_message(asked: tuple[int, ...], leaves: tuple[int, ...]) -> None:
    assert EVENINGS.leaves_at(at(SYDNEY, *asked), urgent=True) == at(SYDNEY, *leaves)


def test_what_is_urgent_passes_where_the_person_said_so() -> None:
    night = at(SYDNEY, 2026, 11, 19, 23)
    open_to_it = replace(EVENINGS, urgent_passes=True)

    assert open_to_it.leaves_at(night, urgent=True) == night
    assert open_to_it.leaves_at(night, urgent=False) == at(SYDNEY, 2026, 11, 20, 7)


def test_without_choices_a_message_leaves_at_any_hour() -> None:
    night = at(SYDNEY, 2026, 12, 25, 3)

    assert MailHours(SYDNEY).leaves_at(night, urgent=False) == night


def test_quiet_hours_within_one_day() -> None:
    siesta = MailHours(SYDNEY, quiet_from=time(13), quiet_until=time(15))

    assert siesta.leaves_at(at(SYDNEY, 2026, 11, 20, 13), urgent=False) == at(SYDNEY, 2026, 11, 20, 15)
    assert siesta.leaves_at(at(SYDNEY, 2026, 11, 20, 16), urgent=False) == at(SYDNEY, 2026, 11, 20, 16)


def test_quiet_hours_that_end_in_an_hour_that_comes_twice_never_end_in_the_past() -> None:
    hours = MailHours(SYDNEY, quiet_from=time(22), quiet_until=time(2, 30))
    second_ten_past_two = datetime(2027, 4, 4, 2, 10, tzinfo=SYDNEY, fold=1).astimezone(UTC)

    assert hours.leaves_at(second_ten_past_two, urgent=False) == second_ten_past_two + timedelta(minutes=20)


@pytest.mark.parametrize("zone", [SYDNEY, TOKYO, LONDON, KIRITIMATI], ids=str)
@given(minutes=st.integers(0, 366 * 24 * 60), start=st.integers(0, 23), end=st.integers(0, 23))
def test_a_message_never_leaves_in_the_past_nor_in_quiet_hours(
    zone: ZoneInfo, minutes: int, start: int, end: int
) -> None:
    if start == end:
        return
    hours = MailHours(zone, quiet_from=time(start), quiet_until=time(end), calendar=NEW_SOUTH_WALES, rests=True)
    asked = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

    leaves = hours.leaves_at(asked, urgent=False)

    here = leaves.astimezone(zone)
    is_quiet = start <= here.hour < end if start < end else here.hour >= start or here.hour < end
    assert leaves >= asked
    assert not is_quiet
    assert NEW_SOUTH_WALES.is_working_day(here.date())
    assert hours.leaves_at(leaves, urgent=False) == leaves


def test_digests_come_on_working_days_only() -> None:
    friday_after_eight = at(SYDNEY, 2026, 11, 20, 9)

    assert EVENINGS.next_digest_on(friday_after_eight) == date(2026, 11, 23)
    assert MailHours(SYDNEY).next_digest_on(friday_after_eight) == date(2026, 11, 21)


def test_a_weekly_digest_comes_on_the_first_working_day_of_the_week() -> None:
    weekly = MailHours(SYDNEY, calendar=NEW_SOUTH_WALES, weekly_digest=True)

    assert weekly.next_digest_on(at(SYDNEY, 2026, 11, 17, 9)) == date(2026, 11, 23)
    assert weekly.next_digest_on(at(SYDNEY, 2027, 3, 27, 9)) == date(2027, 3, 30)  # after Easter Monday


def test_a_day_off_of_ones_own_counts_beside_the_calendar() -> None:
    no_fridays = MailHours(SYDNEY, calendar=NEW_SOUTH_WALES, days_off=frozenset({5}), rests=True)

    assert no_fridays.next_digest_on(at(SYDNEY, 2026, 11, 19, 9)) == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("asked", "days", "due"),
    [
        ((2026, 11, 17, 10, 30), 1, (2026, 11, 18, 10, 30)),
        ((2026, 11, 20, 20), 1, (2026, 11, 23, 17)),  # Friday evening, and no later than the office is open
        ((2026, 11, 20, 6), 2, (2026, 11, 24, 9)),
        ((2027, 1, 25, 12), 1, (2027, 1, 27, 12)),  # over Australia Day
        ((2027, 4, 2, 12), 1, (2027, 4, 5, 12)),  # over the night in which the clock goes back
    ],
)
def test_working_days_are_counted_in_the_persons_calendar(
    asked: tuple[int, ...], days: int, due: tuple[int, ...]
) -> None:
    assert EVENINGS.after_working_days(at(SYDNEY, *asked), days) == at(SYDNEY, *due)


@pytest.mark.parametrize("zone", [SYDNEY, TOKYO, LONDON, KIRITIMATI], ids=str)
@pytest.mark.parametrize("digest_at", [time(0), time(1, 30), time(2, 30), time(8)], ids=str)
def test_every_hour_of_a_year_leads_to_one_morning_a_local_date(zone: ZoneInfo, digest_at: time) -> None:
    hours = MailHours(zone, digest_at)
    hour = datetime(2027, 1, 1, tzinfo=UTC)
    days: list[date] = []
    while hour.year == 2027:
        day = hours.next_digest_on(hour)
        assert hours.morning(day) > hour - timedelta(hours=1)
        if not days or days[-1] != day:
            days.append(day)
        hour += timedelta(hours=1)

    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
