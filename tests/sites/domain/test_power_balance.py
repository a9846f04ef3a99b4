"""The balance against a paper calculation, by day against by period, and what must hold of any balance."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sites.domain.errors import BadInput
from sites.domain.power_balance import (
    LIMITS,
    UNKNOWN_KW,
    Limit,
    Period,
    SitePower,
    balance,
    cut,
    daily,
    totals,
)
from sites.domain.power_curve import Curve, level, lowest, stepped, total, window
from sites.vocabulary import PowerLimit
from tests.numbers import values

GRID, SUPPLY, ELECTRICAL, COOLING = LIMITS


def _curve(*steps: tuple[str, str]) -> Curve:
    return stepped((date.fromisoformat(day), Decimal(mw)) for day, mw in steps)


# Worked by hand. The least of each column is what is usable; the day is the first of the period.
#
#   from         ramp  grid  supply  electrical  cooling   usable  binds               days  gap MW-d  unused MW-d
#   2027-03-01      0    20      30           0        0        0  electrical cooling    31         0            0
#   2027-04-01      0    20      30          12       12       12  electrical cooling    30         0   12x30= 360
#   2027-05-01     10    20      30          12       12       12  electrical cooling    61         0    2x61= 122
#   2027-07-01     10    20      30          24       12       12  cooling               31         0    2x31=  62
#   2027-08-01     22    20      30          24       24       20  grid                  31   2x31=62            0
#   2027-09-01     22    40      30          24       24       24  electrical cooling    30         0    2x30=  60
#   2027-10-01     22    40      30          36       24       24  cooling               31         0    2x31=  62
#   2027-11-01     22    40      30          36       36       30  supply                61         0    8x61= 488
#   2028-01-01     30    40      25          36       36       25  supply                91  5x91=455            0
#                                                                                        397       517         1154
PAPER = SitePower(
    site="SYD01",
    ramp=_curve(("2027-05-01", "10"), ("2027-08-01", "22"), ("2028-01-01", "30")),
    limits=(
        Limit.known(GRID, _curve(("2027-03-01", "20"), ("2027-09-01", "40"))),
        Limit.known(SUPPLY, _curve(("2027-02-01", "30"), ("2028-01-01", "25"))),
        Limit.known(ELECTRICAL, _curve(("2027-04-01", "12"), ("2027-07-01", "24"), ("2027-10-01", "36"))),
        Limit.known(COOLING, _curve(("2027-04-01", "12"), ("2027-08-01", "24"), ("2027-11-01", "36"))),
    ),
)
FROM, UNTIL = date(2027, 3, 1), date(2028, 3, 31)


def _row(period: Period) -> tuple[str, int, int, tuple[str, ...], int, int, int]:
    assert period.usable_mw is not None
    assert period.gap_mw is not None
    assert period.unused_mw is not None
    return (
        period.from_on.isoformat(),
        int(period.ramp_mw),
        int(period.usable_mw),
        tuple(kind.value for kind in period.binding),
        period.days,
        int(period.gap_mw * period.days),
        int(period.unused_mw * period.days),
    )


def test_the_minimum_of_four_step_functions_is_the_one_worked_on_paper() -> None:
    assert [_row(period) for period in balance(PAPER, FROM, UNTIL)] == [
        ("2027-03-01", 0, 0, ("electrical", "cooling"), 31, 0, 0),
        ("2027-04-01", 0, 12, ("electrical", "cooling"), 30, 0, 360),
        ("2027-05-01", 10, 12, ("electrical", "cooling"), 61, 0, 122),
        ("2027-07-01", 10, 12, ("cooling",), 31, 0, 62),
        ("2027-08-01", 22, 20, ("grid",), 31, 62, 0),
        ("2027-09-01", 22, 24, ("electrical", "cooling"), 30, 0, 60),
        ("2027-10-01", 22, 24, ("cooling",), 31, 0, 62),
        ("2027-11-01", 22, 30, ("supply",), 61, 0, 488),
        ("2028-01-01", 30, 25, ("supply",), 91, 455, 0),
    ]


def test_the_totals_are_those_of_the_paper() -> None:
    found = totals(balance(PAPER, FROM, UNTIL))

    assert values(found.gap_mw_days, found.unused_mw_days, found.days, found.known_days) == (517, 1154, 397, 397)
    assert (found.largest_gap_mw, found.first_gap_on) == (Decimal(5), date(2027, 8, 1))


def test_the_days_of_a_quarter_are_cut_out_of_the_periods() -> None:
    third = cut(balance(PAPER, FROM, UNTIL), date(2027, 7, 1), date(2027, 9, 30))

    assert [(row.from_on, row.until_on) for row in third] == [
        (date(2027, 7, 1), date(2027, 7, 31)),
        (date(2027, 8, 1), date(2027, 8, 31)),
        (date(2027, 9, 1), date(2027, 9, 30)),
    ]
    assert totals(third).gap_mw_days == 62


def test_what_the_grid_may_interrupt_stands_apart_and_closes_a_gap_of_the_grid_only() -> None:
    site = SitePower(PAPER.site, PAPER.ramp, PAPER.limits, flexible=_curve(("2027-08-01", "1")))

    rows = {row.from_on: row for row in balance(site, FROM, UNTIL)}

    assert (rows[date(2027, 8, 1)].gap_mw, rows[date(2027, 8, 1)].flexible_gap_mw) == (Decimal(2), Decimal(1))
    assert (rows[date(2028, 1, 1)].gap_mw, rows[date(2028, 1, 1)].flexible_gap_mw) == (Decimal(5), Decimal(5))


def test_what_is_not_known_but_decides_is_none_and_never_zero() -> None:
    unsure = Limit(ELECTRICAL, level(Decimal(6)), level(Decimal(12)), ("block B has no date",))
    site = SitePower("TYO01", level(Decimal(10)), (Limit.known(GRID, level(Decimal(20))), unsure))

    (row,) = balance(site, FROM, UNTIL)

    assert (row.usable_mw, row.least_mw, row.most_mw) == (None, Decimal(6), Decimal(12))
    assert (row.gap_mw, row.unused_mw) == (None, None)
    assert totals([row]).gap_mw_days is None


def test_what_is_not_known_but_does_not_decide_changes_nothing() -> None:
    unsure = Limit(ELECTRICAL, level(Decimal(24)), level(Decimal(36)))
    site = SitePower("TYO01", level(Decimal(10)), (Limit.known(GRID, level(Decimal(20))), unsure))

    (row,) = balance(site, FROM, UNTIL)

    assert (row.usable_mw, row.gap_mw, row.unused_mw, row.binding) == (Decimal(20), Decimal(0), Decimal(10), (GRID,))


def test_a_gap_is_known_though_the_megawatts_left_over_are_not() -> None:
    site = SitePower("TYO01", Curve(), (Limit.unknown(GRID, "no grid connection"),))

    (row,) = balance(site, FROM, UNTIL)

    assert (row.usable_mw, row.gap_mw, row.unused_mw, row.most_mw) == (None, Decimal(0), None, None)


def test_a_site_without_any_limit_is_not_known_to_be_held_down() -> None:
    (row,) = balance(SitePower("TYO01", level(Decimal(10)), ()), FROM, UNTIL)

    assert (row.usable_mw, row.gap_mw, row.unused_mw, row.binding) == (None, Decimal(0), Decimal(999_990), ())


@pytest.mark.parametrize("until_on", [FROM - timedelta(days=1), date(2090, 1, 1)])
def test_a_window_that_is_no_window_is_refused(until_on: date) -> None:
    with pytest.raises(BadInput) as refusal:
        balance(PAPER, FROM, until_on)

    assert refusal.value.field == "until_on"


def test_a_later_transformer_moves_the_electrical_limit_and_no_other() -> None:
    later = tuple(
        Limit.known(ELECTRICAL, _curve(("2027-04-01", "12"), ("2027-07-01", "24"), ("2027-12-01", "36")))
        if limit.kind is ELECTRICAL
        else limit
        for limit in PAPER.limits
    )

    before = {row.from_on: row for row in balance(PAPER, FROM, UNTIL)}
    after = balance(SitePower(PAPER.site, PAPER.ramp, later), FROM, UNTIL)

    moved = {
        each.kind
        for row in after
        for each, old in zip(row.limits, _on(before, row.from_on).limits, strict=True)
        if each != old
    }
    assert moved == {ELECTRICAL}
    assert _row(next(row for row in after if row.from_on == date(2027, 11, 1)))[2:4] == (24, ("electrical",))


def _on(rows: dict[date, Period], day: date) -> Period:
    return next(row for row in rows.values() if row.from_on <= day <= row.until_on)


# -- what must hold of any balance -----------------------------------------------------------------------------------

_DAYS = st.dates(date(2027, 1, 1), date(2027, 6, 30))
_MW = st.integers(0, 40).map(Decimal)


@st.composite
def curves(draw: Any) -> Curve:
    return stepped(draw(st.lists(st.tuples(_DAYS, _MW), max_size=4)))


@st.composite
def limits(draw: Any, kind: PowerLimit) -> Limit:
    """Never lower at best than at worst, as where something without a date is counted or not."""
    low, more = draw(curves()), draw(st.one_of(st.just(Curve()), curves()))
    return Limit(kind, low, total([low, more]))


@st.composite
def sites(draw: Any) -> SitePower:
    kinds = draw(st.sets(st.sampled_from(LIMITS)))
    return SitePower(
        site="X",
        ramp=draw(curves()),
        limits=tuple(draw(limits(kind)) for kind in LIMITS if kind in kinds),
        flexible=draw(curves()),
    )


START, END = date(2027, 1, 15), date(2027, 6, 15)


@settings(max_examples=150, deadline=None)
@given(sites())
def test_by_day_says_what_by_period_says(site: SitePower) -> None:
    by_day = daily([site], START, END)

    for row in balance(site, START, END):
        days = slice((row.from_on - START).days, (row.until_on - START).days + 1)
        for column, mw in (
            (by_day.ramp, row.ramp_mw),
            (by_day.usable, row.usable_mw),
            (by_day.gap, row.gap_mw),
            (by_day.unused, row.unused_mw),
        ):
            assert set(np.unique(column[0, days])) == {UNKNOWN_KW if mw is None else int(mw * 1000)}
        bits = sum(1 << LIMITS.index(kind) for kind in row.binding)
        assert set(np.unique(by_day.binding[0, days])) == {bits}


@settings(max_examples=150, deadline=None)
@given(sites())
def test_periods_cover_the_window_once_and_no_two_neighbours_say_the_same(site: SitePower) -> None:
    rows = balance(site, START, END)

    assert (rows[0].from_on, rows[-1].until_on) == (START, END)
    for before, after in pairwise(rows):
        assert after.from_on == before.until_on + timedelta(days=1)
        assert (before.ramp_mw, before.limits, before.flexible_mw) != (after.ramp_mw, after.limits, after.flexible_mw)


@settings(max_examples=150, deadline=None)
@given(sites())
def test_a_site_has_a_gap_or_something_left_over_but_never_both(site: SitePower) -> None:
    for row in balance(site, START, END):
        if row.usable_mw is not None:
            assert row.gap_mw is not None
            assert row.unused_mw is not None
            assert row.gap_mw * row.unused_mw == 0
            assert row.usable_mw == row.ramp_mw - row.gap_mw + row.unused_mw
            assert row.usable_mw == min(each.least_mw for each in row.limits)


@settings(max_examples=150, deadline=None)
@given(st.lists(curves(), min_size=1, max_size=4), _DAYS)
def test_curves_add_up_and_find_their_lowest_on_any_day(each: list[Curve], day: date) -> None:
    assert total(each).at(day) == sum(curve.at(day) for curve in each)
    assert lowest(each).at(day) == min(curve.at(day) for curve in each)


@settings(max_examples=150, deadline=None)
@given(curves(), _DAYS, _DAYS, _DAYS)
def test_a_window_keeps_what_lies_inside_and_nothing_else(curve: Curve, one: date, other: date, day: date) -> None:
    found = window(curve, one, other)

    assert found.at(day) == (curve.at(day) if one <= day <= other else 0)
