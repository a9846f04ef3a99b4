from datetime import date
from decimal import Decimal

from sites.domain.power_balance import Limit, SitePower, balance
from sites.domain.power_curve import area, level, stepped
from sites.domain.power_periods import BindingDays, by_quarter, quarters, together, years
from sites.vocabulary import PowerLimit
from tests.numbers import values


def test_quarters_and_years_are_cut_at_the_ends_of_a_window() -> None:
    found = quarters(date(2027, 2, 15), date(2027, 10, 1))

    assert [(span.name, span.from_on, span.until_on) for span in found] == [
        ("2027-Q1", date(2027, 2, 15), date(2027, 3, 31)),
        ("2027-Q2", date(2027, 4, 1), date(2027, 6, 30)),
        ("2027-Q3", date(2027, 7, 1), date(2027, 9, 30)),
        ("2027-Q4", date(2027, 10, 1), date(2027, 10, 1)),
    ]
    assert [span.name for span in years(date(2026, 12, 31), date(2028, 1, 1))] == ["2026", "2027", "2028"]


def _site(grid: int, load: int, since: date = date(2027, 5, 1)) -> SitePower:
    return SitePower("X", stepped([(since, Decimal(load))]), (Limit.known(PowerLimit.GRID, level(Decimal(grid))),))


def test_a_quarter_counts_the_days_a_limit_binds_and_those_it_leaves_a_gap() -> None:
    (first, second) = by_quarter(balance(_site(8, 10), date(2027, 3, 1), date(2027, 6, 30)))

    assert first.binding == (BindingDays(PowerLimit.GRID, 31, 0),)
    assert second.binding == (BindingDays(PowerLimit.GRID, 91, 61),)
    assert values(second.totals.gap_mw_days, second.usable_mw, second.ramp_mw) == (122, 8, 10)


def test_no_period_has_no_quarter_and_no_site_no_sum() -> None:
    assert by_quarter(()) == ()
    assert together({}) == ()


def test_sites_side_by_side_keep_their_own_gap() -> None:
    window = date(2027, 4, 1), date(2027, 6, 30)

    early, late = together({"A": balance(_site(8, 10), *window), "B": balance(_site(50, 20), *window)})

    assert values(early.until_on, early.ramp_mw, early.gap_mw) == (date(2027, 4, 30), 0, 0)
    assert values(late.ramp_mw, late.usable_mw, late.gap_mw, late.unused_mw) == (30, 58, 2, 30)
    assert late.held_down == (("A", (PowerLimit.GRID,)),)


def test_an_unknown_site_makes_the_sum_unknown() -> None:
    window = date(2027, 5, 1), date(2027, 5, 31)
    unknown = SitePower("B", level(Decimal(5)), (Limit.unknown(PowerLimit.GRID, "none"),))

    (found,) = together({"A": balance(_site(8, 10), *window), "B": balance(unknown, *window)})

    assert values(found.ramp_mw, found.usable_mw, found.gap_mw) == (15, None, None)


def test_the_area_under_a_curve_counts_both_days() -> None:
    curve = stepped([(date(2027, 5, 1), Decimal(10)), (date(2027, 5, 11), Decimal(20))])

    assert area(curve, date(2027, 4, 1), date(2027, 5, 12)) == 140
    assert area(curve, date(2027, 5, 2), date(2027, 5, 1)) == 0
