"""Scores of a vendor: by quantity, at the contract step, by the physical day, and none from too few."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from procurement.domain.vendor_performance import (
    Against,
    Figure,
    LotRecord,
    Word,
    credibility,
    moves_of,
    on_time,
    quarters,
    scorecard,
)

TODAY = date(2027, 6, 1)
DUE = date(2027, 4, 15)


def lot(late: int | None = 0, quantity: int = 1, **given: Any) -> LotRecord:
    """Due on the same day by every measure; None: still open."""
    done_on = None if late is None else DUE + timedelta(days=late)
    usual: dict[str, Any] = {
        "quantity": Decimal(quantity),
        "equipment_class": "Chiller",
        "contract_on": DUE,
        "required_on": DUE,
        "done_on": done_on,
        "arrived_on": done_on,
        "words": (Word(DUE, date(2026, 10, 1)),),
        "last_word_on": date(2026, 10, 1),
    }
    return LotRecord(**(usual | given))


@pytest.mark.parametrize("against", list(Against))
def test_the_share_is_by_quantity(against: Against) -> None:
    lots = [lot(0, 6), lot(-3), lot(1), lot(9), lot(20)]

    assert on_time(lots, against, TODAY) == Figure(70, 5)


def test_below_five_observations_there_is_no_score_but_their_number() -> None:
    figure = on_time([lot()] * 4, Against.CONTRACT, TODAY)

    assert (figure.value, figure.sample, figure.is_too_small) == (None, 4, True)


def test_what_is_due_and_open_counts_as_late_and_what_is_not_due_is_not_counted() -> None:
    not_due = lot(None, contract_on=TODAY)

    assert on_time([lot()] * 4 + [lot(None), not_due], Against.CONTRACT, TODAY) == Figure(80, 5)


def test_a_promise_stated_after_the_delivery_does_not_mend_it() -> None:
    words = (Word(DUE, date(2026, 10, 1)), Word(DUE + timedelta(days=9), DUE + timedelta(days=9)))

    assert on_time([lot(8, words=words)] * 5, Against.CURRENT_PROMISE, TODAY) == Figure(0, 5)


def test_the_first_and_the_current_promise_are_two_measures() -> None:
    words = (Word(DUE, date(2026, 10, 1)), Word(DUE + timedelta(days=9), date(2027, 1, 1)))
    lots = [lot(9, words=words)] * 5

    assert on_time(lots, Against.FIRST_PROMISE, TODAY) == Figure(0, 5)
    assert on_time(lots, Against.CURRENT_PROMISE, TODAY) == Figure(100, 5)


def test_the_required_date_is_measured_where_the_site_is_and_the_contract_where_it_says() -> None:
    ready_in_time = lot(0, arrived_on=DUE + timedelta(days=40))

    assert on_time([ready_in_time] * 5, Against.CONTRACT, TODAY).value == 100
    assert on_time([ready_in_time] * 5, Against.REQUIRED_ON_SITE, TODAY).value == 0


def words(*days: int) -> tuple[Word, ...]:
    return tuple(
        Word(DUE + timedelta(days=on), date(2026, 10, 1) + timedelta(days=place)) for place, on in enumerate(days)
    )


def test_a_move_is_the_difference_of_two_promises_and_a_copied_one_moved_nothing_here() -> None:
    assert moves_of(lot(words=words(0, 4, 20, 12))) == [4, 16, -8]
    assert moves_of(lot(words=words(0, 4, 20, 12), copied=2)) == [16, -8]


def test_the_median_and_the_eightieth_percentile_of_the_moves() -> None:
    card = scorecard([lot(words=words(0, 0, 5, 15, 30, 60, 61))], TODAY)

    assert (card.median_move_days, card.p80_move_days) == (Figure(8, 6), Figure(15, 6))


def test_days_since_the_last_word_are_those_of_open_lots() -> None:
    spoken = [lot(None, last_word_on=TODAY - timedelta(days=days)) for days in (3, 70)]
    done = lot(0, last_word_on=TODAY)

    card = scorecard([*spoken, done], TODAY)

    assert (card.days_since_last_word, card.quietest_days) == (3, 70)


def test_credibility_is_how_far_what_came_was_from_what_was_said() -> None:
    lots = [lot(10, words=words(0, 4, 10)), lot(20, words=words(0, 20)), lot(None, words=words(0, 99))]

    (found,) = credibility(lots)

    assert (found.equipment_class, found.median_days, found.held_percent) == ("Chiller", Figure(6, 5), Figure(40, 5))


def test_quarters_are_those_in_which_it_was_due_and_none_is_left_out() -> None:
    earlier = lot(0, contract_on=date(2026, 8, 1), done_on=date(2026, 8, 1))

    found = quarters([lot(0)] * 5 + [lot(3)] + [earlier], TODAY)

    assert [(each.name, each.on_time[Against.CONTRACT]) for each in found] == [
        ("2026-Q3", Figure(None, 1)),
        ("2026-Q4", Figure(None, 0)),
        ("2027-Q1", Figure(None, 0)),
        ("2027-Q2", Figure(83, 6)),
    ]


def test_each_measure_has_its_own_quarter() -> None:
    late_for_the_site = lot(
        0,
        required_on=date(2027, 2, 1),
        arrived_on=DUE,
        words=(Word(date(2027, 3, 1), date(2026, 10, 1)), Word(DUE, date(2027, 1, 1))),
    )

    first, second = quarters([late_for_the_site] * 5, TODAY)

    assert (first.name, second.name) == ("2027-Q1", "2027-Q2")
    assert [first.on_time[against].value for against in Against] == [None, 0, None, 0]
    assert [second.on_time[against].value for against in Against] == [100, None, 100, None]
