"""The log as known on a past day: answers of the runs by then, and lines as their history has them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from procurement.models import DeliveryLot
from procurement.queries.log import LogFilter, LogRow, Shown, log_page
from procurement.vocabulary import DateState, LineStatus
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.procurement import DeliveryLotFactory, LotForecastFactory, LotProbabilityFactory
from tests.factories.sites import MembershipFactory
from tests.history import happened_at
from tests.procurement.queries.test_known import AFTER, ASKED, existing_lot

pytestmark = pytest.mark.django_db

# Behind the events that the rows of a test are written with now.
AFTER_ALL = date(2099, 12, 31)


@pytest.fixture
def viewer() -> User:
    return MembershipFactory.create(role=Role.VIEWER).person


def answered(lot: DeliveryLot, as_of: date, forecast_on: date, *, current: bool = False) -> None:
    LotForecastFactory.create(
        lot=lot, current=current, run__as_of=as_of, forecast_on=forecast_on, required_on_site=date(2022, 2, 1)
    )


def rows(viewer: User, day: date | None, shown: Shown = Shown.ALL) -> tuple[LogRow, ...]:
    return log_page(viewer, LogFilter(shown=shown, as_known_on=day)).rows


def test_each_day_shows_what_was_known_on_it(viewer: User) -> None:
    lot = existing_lot("2")
    happened_at(lot.schedule_line, AFTER, quantity=Decimal(3), contract_on=date(2022, 5, 1))
    answered(lot, date(2021, 8, 1), date(2022, 1, 10))
    answered(lot, date(2021, 9, 10), date(2022, 3, 1))
    answered(lot, date(2026, 11, 20), date(2022, 4, 1), current=True)

    shown = [
        (row.forecast_on, row.float_days, row.quantity, row.state)
        for day in (ASKED, AFTER.date())
        for row in rows(viewer, day)
    ]

    assert shown == [
        (date(2022, 1, 10), 22, Decimal(2), DateState.IN_TIME),
        (date(2022, 3, 1), -28, Decimal(3), DateState.LATE),
    ]
    assert [row.forecast_on for row in rows(viewer, None)] == [date(2022, 4, 1)]


def test_a_lot_counts_as_long_as_it_had_units(viewer: User) -> None:
    lot = existing_lot("2")
    gone = DeliveryLotFactory.create(schedule_line=lot.schedule_line, number=2, quantity=Decimal(0))
    happened_at(gone, datetime(2021, 8, 20, 3, tzinfo=UTC), "insert", quantity=Decimal(1))
    happened_at(gone, AFTER, quantity=Decimal(0))
    for each, forecast_on in ((lot, date(2022, 1, 10)), (gone, date(2022, 3, 1))):
        answered(each, date(2021, 8, 1), forecast_on)

    shown = [(row.lots, row.forecast_on) for day in (ASKED, AFTER.date()) for row in rows(viewer, day)]

    assert shown == [(2, date(2022, 3, 1)), (1, date(2022, 1, 10))]


def test_what_no_run_had_answered_for_is_not_known_and_not_zero(viewer: User) -> None:
    lot = existing_lot()
    answered(lot, date(2021, 9, 10), date(2022, 3, 1))

    before, after = (log_page(viewer, LogFilter(shown=Shown.ALL, as_known_on=day)) for day in (ASKED, AFTER.date()))

    assert (before.totals.lines, before.totals.answered) == (1, 0)
    assert (after.totals.late, after.totals.answered, after.totals.mw_days_at_risk) == (1, 1, None)


def test_the_odds_of_today_are_not_those_of_a_past_day(viewer: User) -> None:
    lot = existing_lot()
    answered(lot, date(2021, 8, 1), date(2022, 1, 10), current=True)
    LotProbabilityFactory.create(
        lot=lot, required_on_site=date(2022, 2, 1), p80_on=date(2027, 9, 30), on_time_percent=70
    )

    seen = [(row.p80_on, row.on_time_percent) for day in (ASKED, None) for row in rows(viewer, day)]

    assert seen == [(None, None), (date(2027, 9, 30), 70)]


def test_without_a_run_by_then_the_dates_are_not_known(viewer: User) -> None:
    lot = existing_lot()
    answered(lot, date(2021, 9, 10), date(2022, 3, 1), current=True)

    (row,) = rows(viewer, ASKED)

    assert (row.forecast_on, row.float_days, row.state) == (None, None, DateState.UNKNOWN)


def test_a_line_that_was_not_there_yet_is_not_in_it(viewer: User) -> None:
    existing_lot(at=datetime(2021, 9, 1, 14, tzinfo=UTC))  # midnight in Sydney, the day after

    assert rows(viewer, ASKED) == ()
    assert len(rows(viewer, date(2021, 9, 2))) == 1


def test_what_has_not_changed_since_is_as_today(viewer: User) -> None:
    for on in (date(2022, 1, 10), date(2022, 3, 1)):
        answered(existing_lot(), date(2021, 8, 1), on, current=True)

    assert rows(viewer, AFTER_ALL) == rows(viewer, None)
    late = log_page(viewer, LogFilter(late=True, as_known_on=AFTER_ALL)).rows
    assert [row.forecast_on for row in late] == [date(2022, 3, 1)]


def test_a_line_cancelled_later_was_still_to_come(viewer: User) -> None:
    lot = existing_lot()
    happened_at(lot.schedule_line, AFTER, status=LineStatus.CANCELLED)

    assert len(rows(viewer, ASKED, Shown.OPEN)) == 1
    assert rows(viewer, AFTER.date(), Shown.OPEN) == ()


def test_it_is_one_query_too(viewer: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(3):
        answered(existing_lot(), date(2021, 8, 1), date(2022, 1, 10))

    with django_assert_num_queries(2):
        assert len(rows(viewer, ASKED)) == 3
