"""Shares against load: before COD, before the load, and through delay. The arithmetic stands beside each case."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sites.domain.power_balance import Limit, Period, SitePower, balance
from sites.domain.power_curve import Curve, level, stepped
from sites.domain.power_money import Band, DamagesTerms, PriceTerms
from sites.domain.power_shares import (
    Delay,
    DelayTerms,
    Share,
    ShareCost,
    SpotTerms,
    Twice,
    contracted_twice,
    cost,
)
from sites.vocabulary import EnergyUnit, PowerLimit
from tests.numbers import values

SPOT = SpotTerms(((date(2026, 1, 1), Decimal(95)),), "AUD", "Forward curve")
STEPPED = DamagesTerms(bands=(Band(1, Decimal(150)), Band(31, Decimal(250)), Band(61, Decimal(350))))


def _share(key: str, mw: int, *, price: int = 70, **given: Any) -> Share:
    terms: dict[str, Any] = {"cod_on": date(2027, 7, 1), "load_factor": Decimal(1), "spot": SPOT} | given
    return Share(
        key=key,
        mw=level(Decimal(mw)),
        currency="AUD",
        price=PriceTerms(Decimal(price), EnergyUnit.MWH, "AUD"),
        **terms,
    )


def _load(mw: int, since: date, from_on: date, until_on: date, usable: int = 100) -> tuple[Period, ...]:
    site = SitePower("X", stepped([(since, Decimal(mw))]), (Limit.known(PowerLimit.GRID, level(Decimal(usable))),))
    return balance(site, from_on, until_on)


def test_load_before_cod_is_bought_on_the_spot_market() -> None:
    # 8 MW baseload, COD 1 July; load of 10 MW from 1 May. 31 + 30 = 61 days x 8 MW = 488 MW-days x 24 h = 11 712 MWh.
    # At 95: 1 112 640. The contract would have cost 70: 25 more, 292 800. In July the share delivers all of its 8 MW.
    periods = _load(10, date(2027, 5, 1), date(2027, 5, 1), date(2027, 7, 31))

    (found,) = cost([_share("A", 8)], periods)

    assert values(found.exposed_mw_days, found.exposed_mwh) == (488, 11_712)
    assert values(found.spot_cost, found.spot_over_contract) == (1_112_640, 292_800)
    assert values(found.unused_mw_days, found.minimum_take_cost, found.tail_mw_days) == (0, 0, 0)


def test_cod_before_load_is_paid_for_unused_below_the_minimum_take() -> None:
    # 10 MW baseload at 80, minimum take 80 %, COD 1 April; load of 5 MW from 1 May; until 30 May: 30 + 30 days.
    # April: 10 x 30 = 300 MW-days unused, the tail; 8 MW x 24 x 30 = 5 760 MWh are paid: 460 800.
    # May: 5 x 30 = 150 unused; 8 - 5 = 3 MW x 24 x 30 = 2 160 MWh are paid: 172 800. Together 633 600.
    periods = _load(5, date(2027, 5, 1), date(2027, 4, 1), date(2027, 5, 30))
    share = _share("A", 10, price=80, cod_on=date(2027, 4, 1), minimum_take_percent=Decimal(80))

    (found,) = cost([share], periods)

    assert values(found.unused_mw_days, found.tail_mw_days) == (450, 300)
    assert values(found.minimum_take_mwh, found.minimum_take_cost) == (7_920, 633_600)
    assert found.tail_cost == 460_800, "contained in what the minimum take costs"
    assert values(found.exposed_mw_days, found.spot_cost) == (0, 0)


def test_what_two_shares_deliver_beyond_the_load_falls_to_the_later_one() -> None:
    # Load 10 MW from May, 12 from July, 9 from August. A gives 8 from April, B 6 from June: 14 - 12 = 2 too many in
    # June (the load will yet be 12) and July, 14 - 9 = 5 in August; April has no load, and May one share only.
    ramp = stepped([(date(2027, 5, 1), Decimal(10)), (date(2027, 7, 1), Decimal(12)), (date(2027, 8, 1), Decimal(9))])
    shares = [_share("A", 8, cod_on=date(2027, 4, 1)), _share("B", 6, cod_on=date(2027, 6, 1))]

    found = contracted_twice(shares, ramp, date(2027, 4, 1), date(2027, 8, 31))

    assert found == {
        "B": [
            Twice(date(2027, 6, 1), date(2027, 7, 31), Decimal(2)),
            Twice(date(2027, 8, 1), date(2027, 8, 31), Decimal(5)),
        ]
    }


def test_what_is_bought_ahead_of_a_growing_load_is_not_bought_twice() -> None:
    ramp = stepped([(date(2027, 5, 1), Decimal(3)), (date(2028, 5, 1), Decimal(14))])
    shares = [_share("A", 8, cod_on=date(2027, 4, 1)), _share("B", 6, cod_on=date(2027, 6, 1))]

    assert contracted_twice(shares, ramp, date(2027, 4, 1), date(2027, 8, 31)) == {}


def test_a_share_that_has_not_come_is_contracted_once() -> None:
    shares = [_share("A", 8, cod_on=date(2027, 4, 1)), _share("B", 6, cod_on=None)]

    assert contracted_twice(shares, level(Decimal(10)), date(2027, 4, 1), date(2027, 7, 31)) == {}


def test_without_a_spot_price_the_exposure_has_no_amount_but_keeps_its_energy() -> None:
    periods = _load(10, date(2027, 5, 1), date(2027, 5, 1), date(2027, 5, 10))

    (found,) = cost([_share("A", 8, spot=None)], periods)

    assert values(found.exposed_mwh, found.spot_cost, found.spot_over_contract) == (1_920, None, None)
    assert found.unknown == {"spot_price"}


def test_a_spot_price_in_another_currency_is_not_used() -> None:
    periods = _load(10, date(2027, 5, 1), date(2027, 5, 1), date(2027, 5, 10))
    yen = SpotTerms(SPOT.prices, "JPY", "Forward curve")

    (found,) = cost([_share("A", 8, spot=yen)], periods)

    assert found.spot_cost is None


def test_a_share_without_a_volume_has_megawatt_days_but_no_energy() -> None:
    periods = _load(10, date(2027, 5, 1), date(2027, 5, 1), date(2027, 5, 10))

    (found,) = cost([_share("A", 8, load_factor=None)], periods)

    assert values(found.exposed_mw_days, found.exposed_mwh, found.spot_cost) == (80, None, None)


@pytest.mark.parametrize(("load", "percent", "cost_"), [(5, None, 0), (10, 80, 0), (5, 80, None)])
def test_a_volume_is_needed_only_where_a_minimum_take_may_fall_short(
    load: int, percent: int | None, cost_: int | None
) -> None:
    periods = _load(load, date(2027, 4, 1), date(2027, 4, 1), date(2027, 4, 30))
    minimum = Decimal(percent) if percent else None
    share = _share("A", 10, cod_on=date(2027, 4, 1), minimum_take_percent=minimum, load_factor=None)

    (found,) = cost([share], periods)

    assert found.minimum_take_cost == cost_


def test_load_that_is_not_known_makes_every_figure_unknown() -> None:
    site = SitePower("X", level(Decimal(10)), (Limit.unknown(PowerLimit.GRID, "no grid connection"),))
    periods = balance(site, date(2027, 5, 1), date(2027, 5, 10))

    (found,) = cost([_share("A", 8)], periods)

    assert (found.exposed_mw_days, found.unused_mw_days, found.spot_cost) == (None, None, None)
    assert found.unknown == {"load"}


def test_only_load_that_is_really_served_is_bought() -> None:
    # Wanted 10 MW, usable 6 MW: 6 x 10 days.
    periods = _load(10, date(2027, 5, 1), date(2027, 5, 1), date(2027, 5, 10), usable=6)

    (found,) = cost([_share("A", 8)], periods)

    assert found.exposed_mw_days == 60


def test_the_share_that_began_first_takes_the_load_first() -> None:
    # Load 12: B delivers 8 since April, A 8 since May: A takes 4 and leaves 4 x 10 unused.
    periods = _load(12, date(2027, 1, 1), date(2027, 6, 1), date(2027, 6, 10))

    a, b = cost([_share("A", 8, cod_on=date(2027, 5, 1)), _share("B", 8, cod_on=date(2027, 4, 1))], periods)

    assert values(a.unused_mw_days, b.unused_mw_days) == (40, 0)


def test_what_delivers_comes_before_what_is_still_to_come() -> None:
    # Load 12: B delivers 8; of A's 8 to come only the remaining 4 are exposed.
    periods = _load(12, date(2027, 1, 1), date(2027, 6, 1), date(2027, 6, 10))

    a, b = cost([_share("A", 8), _share("B", 8, cod_on=date(2027, 4, 1))], periods)

    assert values(a.exposed_mw_days, b.unused_mw_days) == (40, 0)


def test_a_share_that_has_ended_neither_delivers_nor_exposes() -> None:
    periods = _load(10, date(2027, 1, 1), date(2027, 8, 1), date(2027, 8, 10))

    (found,) = cost([_share("A", 8, until_on=date(2027, 7, 31))], periods)

    assert values(found.exposed_mw_days, found.unused_mw_days) == (0, 0)


def test_a_spot_price_counts_from_its_day() -> None:
    # 5 days at 95 and 5 at 105, 8 MW: 8 x 24 x 5 = 960 MWh each: 91 200 + 100 800.
    spot = SpotTerms(((date(2026, 1, 1), Decimal(95)), (date(2027, 5, 6), Decimal(105))), "AUD", "Forward curve")
    periods = _load(10, date(2027, 5, 1), date(2027, 5, 1), date(2027, 5, 10))

    (found,) = cost([_share("A", 8, spot=spot)], periods)

    assert found.spot_cost == 192_000


def _delayed(direction: str, window: tuple[date, date]) -> Delay:
    terms = DelayTerms(STEPPED, due_on=date(2027, 6, 1), event_on=date(2027, 8, 15))
    given: dict[str, Any] = {direction: terms}
    share = _share("A", 10, cod_on=date(2027, 8, 15), **given)
    (found,) = cost([share], _load(10, date(2027, 5, 1), *window))
    delay = getattr(found, direction)
    assert isinstance(delay, Delay)
    return delay


@pytest.mark.parametrize("direction", ["receivable", "payable"])
def test_a_delay_costs_by_bands_and_a_window_takes_its_part(direction: str) -> None:
    # 1 June to 15 August: 75 days, 10 MW: 172 500. To 30 June 29 days: 4 350; to 31 July 60 days: 12 000.
    # July: 12 000 - 4 350 = 7 650, x 10 MW = 76 500.
    july = _delayed(direction, (date(2027, 7, 1), date(2027, 7, 31)))

    assert values(july.days, july.whole.amount, july.in_window) == (75, 172_500, 76_500)


def test_a_delay_without_a_date_is_not_known() -> None:
    share = _share("A", 10, receivable=DelayTerms(STEPPED, due_on=date(2027, 6, 1), event_on=None))

    (found,) = cost([share], _load(10, date(2027, 5, 1), date(2027, 5, 1), date(2027, 5, 31)))

    assert found.receivable is None


_DAYS = st.dates(date(2027, 1, 1), date(2027, 12, 31))


@st.composite
def _shares(draw: Any) -> list[Share]:
    return [
        _share(
            key,
            draw(st.integers(1, 20)),
            cod_on=draw(_DAYS),
            minimum_take_percent=draw(st.sampled_from([None, Decimal(80)])),
        )
        for key in "ABC"[: draw(st.integers(1, 3))]
    ]


@settings(max_examples=80, deadline=None)
@given(_shares(), st.integers(0, 40), _DAYS)
def test_no_more_is_bought_and_left_over_than_was_contracted(shares: list[Share], mw: int, since: date) -> None:
    periods = _load(mw, since, date(2027, 1, 1), date(2027, 12, 31))

    for share, found in zip(shares, cost(shares, periods), strict=True):
        assert found.exposed_mw_days is not None
        assert found.unused_mw_days is not None
        assert 0 <= found.exposed_mw_days + found.unused_mw_days <= share.mw.peak * 365


@settings(max_examples=80, deadline=None)
@given(_shares(), st.integers(0, 40), _DAYS, st.integers(1, 60))
def test_a_later_cod_never_exposes_less(shares: list[Share], mw: int, since: date, later: int) -> None:
    periods = _load(mw, since, date(2027, 1, 1), date(2027, 12, 31))
    moved = [_share(s.key, int(s.mw.peak), cod_on=_later(s.cod_on, later)) for s in shares]

    assert _exposed(cost(moved, periods)) >= _exposed(cost(shares, periods))


def _later(day: date | None, days: int) -> date:
    assert day is not None
    return day + timedelta(days=days)


def _exposed(found: tuple[ShareCost, ...]) -> Decimal:
    return sum((each.exposed_mw_days or Decimal(0) for each in found), Decimal(0))


def test_a_share_that_never_comes_is_exposed_for_good() -> None:
    share = Share("A", level(Decimal(8)), "AUD", PriceTerms(None, EnergyUnit.MWH, "AUD"), cod_on=None)
    periods = _load(10, date(2027, 5, 1), date(2027, 5, 1), date(2027, 5, 10))

    (found,) = cost([share], periods)

    assert found.exposed_mw_days == 80
    assert share.delivered() == Curve()
