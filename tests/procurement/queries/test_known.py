"""What was known on a past day comes from rows that were written by then, and from nothing else.

The days lie well before any clock, so that the rows' own first events, written now, are never among them.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from procurement.models import DeliveryLot, OrderLine
from procurement.queries import known
from procurement.vocabulary import LineStatus
from sites.models import Promise
from tests.factories.procurement import AllocationFactory, DeliveryLotFactory, GroupNeedFactory, LotForecastFactory
from tests.factories.sites import PromiseFactory, SiteFactory
from tests.history import happened_at, history_of

pytestmark = pytest.mark.django_db

ASKED = date(2021, 9, 1)
SYDNEY = "Australia/Sydney"
BEFORE, AFTER = datetime(2021, 8, 20, 3, tzinfo=UTC), datetime(2021, 9, 20, 3, tzinfo=UTC)


def existing_lot(quantity: str = "2", at: datetime = BEFORE) -> DeliveryLot:
    """A lot that has been there, with its lines, since an instant of the past."""
    lot = DeliveryLotFactory.create(site=SiteFactory.create(time_zone=SYDNEY), quantity=Decimal(quantity))
    for row in (lot, lot.schedule_line, lot.schedule_line.line):
        happened_at(row, at, "insert")
    return lot


def promised(lot: DeliveryLot, counts_on: date, recorded_at: datetime, **given: object) -> Promise:
    return PromiseFactory.create(
        milestone=lot.chain.milestones.get(code=lot.schedule_line.contract_step),
        counts_on=counts_on,
        stated_on=recorded_at.date(),
        recorded_at=recorded_at,
        **given,
    )


def as_known(lot: DeliveryLot, day: date = ASKED) -> known.KnownLot:
    return known.lots_known_on([lot], day, SYDNEY)[lot.pk]


def test_the_last_answer_by_then_counts() -> None:
    lot = existing_lot()
    for as_of, forecast_on in (
        (date(2021, 8, 1), date(2022, 1, 10)),
        (date(2021, 9, 1), date(2022, 2, 10)),
        (date(2021, 9, 2), date(2022, 3, 10)),
    ):
        LotForecastFactory.create(
            lot=lot, current=False, run__as_of=as_of, forecast_on=forecast_on, required_on_site=date(2022, 2, 1)
        )

    then = as_known(lot)

    assert (then.forecast_on, then.required_on_site, then.float_days) == (date(2022, 2, 10), date(2022, 2, 1), -9)


def test_without_a_run_by_then_the_forecast_is_not_known_and_the_promise_is() -> None:
    lot = existing_lot()
    promised(lot, date(2022, 1, 31), BEFORE)
    LotForecastFactory.create(lot=lot, run__as_of=date(2021, 9, 2))

    then = as_known(lot)

    assert (then.answer, then.forecast_on, then.float_days, then.promised_on) == (None, None, None, date(2022, 1, 31))


def test_a_promise_recorded_later_is_not_known_although_it_was_stated_before() -> None:
    lot = existing_lot()
    first = promised(lot, date(2022, 1, 31), BEFORE)
    promised(lot, date(2022, 4, 30), AFTER, supersedes=first)

    assert [(row.promise.pk, row.decides, row.is_superseded) for row in as_known(lot).ledger] == [
        (first.pk, True, False)
    ]


def test_the_day_ends_where_the_site_is() -> None:
    lot = existing_lot()
    promised(lot, date(2022, 1, 31), BEFORE)
    late_in_the_evening = datetime(2021, 9, 1, 13, 59, tzinfo=UTC)
    promised(lot, date(2022, 2, 28), late_in_the_evening)
    promised(lot, date(2022, 3, 31), datetime(2021, 9, 1, 14, tzinfo=UTC))

    assert as_known(lot).promised_on == date(2022, 2, 28)


def test_quantity_and_status_are_those_of_the_history() -> None:
    lot = existing_lot("2")
    happened_at(lot.schedule_line, AFTER, quantity=Decimal(1), contract_on=date(2022, 5, 1))
    happened_at(lot, AFTER, quantity=Decimal(1))
    happened_at(lot.schedule_line.line, AFTER, status=LineStatus.CANCELLED)

    before, after = as_known(lot), as_known(lot, AFTER.date())

    assert (before.quantity, before.line_quantity, before.status) == (Decimal(2), Decimal(2), LineStatus.OPEN)
    assert (after.quantity, after.line_quantity, after.status) == (Decimal(1), Decimal(1), LineStatus.CANCELLED)
    assert after.contract_on == date(2022, 5, 1)


def test_a_lot_without_units_is_in_no_forecast() -> None:
    lot = existing_lot()
    LotForecastFactory.create(lot=lot, current=False, run__as_of=BEFORE.date(), forecast_on=date(2022, 1, 10))
    happened_at(lot, AFTER, quantity=Decimal(0))

    assert (as_known(lot).forecast_on, as_known(lot, AFTER.date()).forecast_on) == (date(2022, 1, 10), None)


def test_what_served_a_block_then_is_asked_for_as_well_as_what_serves_it_now() -> None:
    need = GroupNeedFactory.create()
    ended, serving, served_before = (
        AllocationFactory.create(
            lot=existing_lot(), requirement__group=need.group, requirement__site=need.group.site,
            created_at=BEFORE, **given,
        )
        for given in (
            {"ended_at": AFTER, "end_reason": "Given to another"}, {},
            {"ended_at": BEFORE.replace(day=25), "end_reason": "Given to another"},
        )
    )  # fmt: skip

    asked = known.lots_of_block(need.block, ASKED, SYDNEY)

    assert set(asked) == {ended.lot, serving.lot}
    assert served_before.lot not in asked


def test_an_actual_counts_from_the_day_it_was_recorded() -> None:
    lot = existing_lot()
    milestone = lot.chain.milestones.get(code="ON_SITE")
    happened_at(milestone, BEFORE, "insert")
    happened_at(milestone, AFTER, actual_on=date(2021, 8, 25), actual_recorded_at=AFTER)

    assert as_known(lot).actual_on is None
    assert as_known(lot, AFTER.date()).actual_on == date(2021, 8, 25)


def test_a_lot_that_was_not_there_yet_is_left_out() -> None:
    lot = existing_lot(at=AFTER)

    assert known.lots_known_on([lot], ASKED, SYDNEY) == {}


def test_a_row_removed_by_then_is_left_out() -> None:
    line = existing_lot().schedule_line.line
    happened_at(line, BEFORE.replace(day=25), "delete")

    assert known.rows_then(OrderLine, [line.pk], known.day_ends_at(ASKED, SYDNEY)) == {}
    assert history_of(line).exists()


def test_it_takes_as_many_queries_for_three_lots_as_for_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for more in (1, 2):
        lots = [existing_lot() for _ in range(more)]
        for lot in lots:
            promised(lot, date(2022, 1, 31), BEFORE)
        with django_assert_num_queries(7):
            known.lots_known_on(lots, ASKED, SYDNEY)
