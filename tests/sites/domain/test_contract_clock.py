from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from sites.domain.calendar import WorkingCalendar
from sites.domain.contract_clock import NEAR_DAYS, Clock, certificate_end, served_by, term_end
from sites.vocabulary import Certificate, ClockKind, ClockSide, DurationBasis

TODAY = date(2026, 11, 20)  # a Friday
SYDNEY = WorkingCalendar("AU-NSW")


def _clock(**given: Any) -> Clock:
    return replace(Clock(ClockKind.CONDITION, UUID(int=1), "Permit", date(2026, 12, 31), calendar=SYDNEY), **given)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, "open"),
        ({"due_on": TODAY + timedelta(days=30)}, "near"),
        ({"due_on": TODAY}, "near"),
        ({"due_on": TODAY - timedelta(days=1)}, "past"),
        ({"due_on": None}, "unknown"),
        ({"expected_on": date(2027, 1, 1)}, "missed"),
        ({"expected_on": date(2026, 12, 31)}, "open"),
        ({"done_on": date(2026, 11, 1)}, "done"),
        ({"done_on": date(2027, 1, 1)}, "done_late"),
        ({"due_on": None, "done_on": date(2026, 11, 1)}, "done"),
    ],
)
def test_a_clock_says_how_it_stands(given: dict[str, Any], state: str) -> None:
    assert _clock(**given).state(TODAY) == state


def test_how_near_is_near_can_be_said() -> None:
    assert _clock().state(TODAY, near_days=41) == "near"


def test_every_kind_of_clock_has_a_time_at_which_it_is_near() -> None:
    assert set(NEAR_DAYS) == set(ClockKind)


def test_days_are_counted_both_ways_and_by_the_contract_s_calendar() -> None:
    monday = date(2026, 11, 23)

    assert (_clock(due_on=monday).days_left(TODAY), _clock(due_on=monday).working_days_left(TODAY)) == (3, 1)
    past = _clock(due_on=date(2026, 11, 16))
    assert (past.days_left(TODAY), past.working_days_left(TODAY)) == (-4, -4)
    assert _clock(calendar=None).working_days_left(TODAY) is None


def test_slack_is_what_is_left_between_the_expected_and_the_due_day() -> None:
    assert _clock(expected_on=date(2027, 1, 10)).slack_days == -10
    assert _clock().slack_days is None


@pytest.mark.parametrize(
    ("days", "basis", "side", "on"),
    [
        (30, DurationBasis.CALENDAR, ClockSide.BEFORE, date(2027, 8, 2)),
        (30, DurationBasis.CALENDAR, ClockSide.AFTER, date(2027, 10, 1)),
        # Back from Wednesday 1 September over a weekend: Tu 31, Mo 30, Fr 27, Th 26, We 25 August.
        (5, DurationBasis.WORKING, ClockSide.BEFORE, date(2027, 8, 25)),
        (5, DurationBasis.WORKING, ClockSide.AFTER, date(2027, 9, 8)),
        (0, DurationBasis.WORKING, ClockSide.BEFORE, date(2027, 9, 1)),
    ],
)
def test_a_notice_is_counted_from_its_date(days: int, basis: DurationBasis, side: ClockSide, on: date) -> None:
    assert served_by(date(2027, 9, 1), days, basis, side, SYDNEY) == on


def test_a_notice_without_its_date_has_none() -> None:
    assert served_by(None, 30, DurationBasis.CALENDAR, ClockSide.BEFORE, SYDNEY) is None


@pytest.mark.parametrize(
    ("starts_on", "years", "tail", "last"),
    [
        (date(2027, 6, 1), "10", None, date(2037, 5, 31)),
        (date(2027, 6, 1), "10", "2.5", date(2039, 11, 30)),
        (date(2028, 2, 29), "1", None, date(2029, 2, 27)),
        (None, "10", None, None),
        (date(2027, 6, 1), None, None, None),
    ],
)
def test_a_term_ends_on_its_last_day(
    starts_on: date | None, years: str | None, tail: str | None, last: date | None
) -> None:
    term, more = (Decimal(years) if years else None), (Decimal(tail) if tail else None)

    assert term_end(starts_on, term, more) == last


def test_a_scheme_that_ends_inside_the_term_needs_something_in_its_place() -> None:
    late, early = date(2037, 5, 31), date(2030, 12, 31)

    assert certificate_end(Certificate.LGC, None, late) == date(2030, 12, 31)
    assert certificate_end(Certificate.LGC, None, None) == date(2030, 12, 31)
    assert certificate_end(Certificate.LGC, Certificate.REGO_AU, late) is None
    assert certificate_end(Certificate.LGC, None, early) is None
    assert certificate_end(Certificate.GO, None, late) is None
