"""Damages, prices and minimum take against paper; the arithmetic stands beside each case."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sites.domain.errors import BadInput
from sites.domain.power_money import (
    Band,
    DamagesTerms,
    PriceTerms,
    check_damages,
    damages,
    load_factor,
    minimum_take_short_mwh,
    price_per_mwh,
)
from sites.vocabulary import DamagesKind, EnergyUnit, PriceKind
from tests.numbers import values

STEPPED = DamagesTerms(bands=(Band(1, Decimal(150)), Band(31, Decimal(250)), Band(61, Decimal(350))))
PERCENT = DamagesTerms(
    kind=DamagesKind.PERCENT_PER_DAY,
    percent_per_day=Decimal("1.5"),
    base_amount=Decimal(2_000_000),
    grace_days=10,
    cap_percent=Decimal(10),
)


@pytest.mark.parametrize(
    ("days", "amount"),
    [
        (-5, 0),
        (0, 0),
        (1, 1_500),  # 10 MW x 150
        (30, 45_000),  # 10 x 30 x 150
        (31, 47_500),  # 45 000 + 10 x 250
        (60, 120_000),  # 45 000 + 10 x 30 x 250 = 45 000 + 75 000
        (61, 123_500),  # 120 000 + 10 x 350
        (75, 172_500),  # 10 x (30 x 150 + 30 x 250 + 15 x 350) = 10 x (4 500 + 7 500 + 5 250)
    ],
)
def test_damages_rise_in_bands_of_thirty_days(days: int, amount: int) -> None:
    assert damages(STEPPED, days, Decimal(10)).amount == amount


@pytest.mark.parametrize(
    ("days", "chargeable", "amount"),
    [
        (10, 0, 0),  # within the grace
        (11, 1, 30_000),  # 1.5 % of 2 000 000
        (16, 6, 180_000),  # 6 x 30 000: 9 %
        (17, 7, 200_000),  # 7 x 30 000 = 210 000, 10.5 %: capped at 10 %
        (300, 290, 200_000),
    ],
)
def test_percent_a_day_starts_after_the_grace_and_ends_at_the_cap(days: int, chargeable: int, amount: int) -> None:
    found = damages(PERCENT, days, Decimal(10))

    assert values(found.chargeable_days, found.amount) == (chargeable, amount)


def test_an_answer_says_that_it_was_capped_and_what_it_would_have_been() -> None:
    found = damages(PERCENT, 17, Decimal(10))

    assert (found.uncapped, found.is_capped) == (Decimal(210_000), True)


def test_an_extension_granted_is_not_charged() -> None:
    # 198 days late, 77 extended: 121 days at 100 = 12 100, the case of a federal transformer purchase.
    terms = DamagesTerms(bands=(Band(1, Decimal(100)),), extension_days=77)

    assert damages(terms, 198, Decimal(1)).amount == 12_100


def test_a_share_bears_its_part_of_what_is_agreed_for_the_whole() -> None:
    # A quarter of the agreement: base 500 000, 6 days x 1.5 % = 45 000; capped at 50 000 on day 17.
    quarter = Decimal("0.25")

    assert damages(PERCENT, 16, Decimal(10), share=quarter).amount == 45_000
    assert damages(PERCENT, 17, Decimal(10), share=quarter).amount == 50_000


def test_the_lowest_cap_holds() -> None:
    # 40 days x 150 x 2 MW would be 30 x 300 + 10 x 500 = 14 000.
    terms = DamagesTerms(bands=STEPPED.bands, cap_days=30, cap_amount=Decimal(8_000))

    assert damages(terms, 40, Decimal(2)).amount == 8_000  # 30 days x 300 = 9 000, above 8 000
    assert damages(terms, 20, Decimal(2)).amount == 6_000  # 20 x 300


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (DamagesTerms(), "bands"),
        (DamagesTerms(bands=(Band(2, Decimal(1)),)), "bands"),
        (DamagesTerms(bands=(Band(1, Decimal(1)), Band(1, Decimal(2)))), "bands"),
        (DamagesTerms(kind=DamagesKind.PERCENT_PER_DAY), "percent_per_day"),
        (
            DamagesTerms(
                kind=DamagesKind.PERCENT_PER_DAY,
                percent_per_day=Decimal(1),
                base_amount=Decimal(1),
                bands=(Band(1, Decimal(1)),),
            ),
            "bands",
        ),
    ],
)
def test_a_clause_that_cannot_be_computed_is_refused(terms: DamagesTerms, field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check_damages(terms)

    assert refusal.value.field == field


@given(st.integers(-10, 400), st.integers(0, 60))
def test_a_longer_delay_never_costs_less(days: int, more: int) -> None:
    for terms in (STEPPED, PERCENT):
        assert damages(terms, days + more, Decimal(7)).amount >= damages(terms, days, Decimal(7)).amount


def test_a_minimum_take_of_eighty_percent_is_paid_for_what_stays_below_it() -> None:
    # 10 MW baseload, 80 %: 8 MW must be taken. The load takes 5 MW: 3 MW x 24 h x 30 days = 2 160 MWh are paid unused.
    taken = Decimal(5) * 24 * 30

    short = minimum_take_short_mwh(
        mw=Decimal(10), factor=Decimal(1), minimum_percent=Decimal(80), taken_mwh=taken, days=30
    )

    assert short == 2_160
    assert short * Decimal(80) == 172_800  # at 80 per MWh


def test_nothing_is_short_once_the_minimum_is_taken() -> None:
    assert (
        minimum_take_short_mwh(
            mw=Decimal(10), factor=Decimal(1), minimum_percent=Decimal(80), taken_mwh=Decimal(192), days=1
        )
        == 0
    )  # 8 MW x 24 h = 192 MWh


FIXED = PriceTerms(Decimal("61.50"), EnergyUnit.MWH, "AUD")


def test_a_price_a_kilowatt_hour_is_a_thousandth_of_one_a_megawatt_hour() -> None:
    assert price_per_mwh(PriceTerms(Decimal("17.80"), EnergyUnit.KWH, "JPY"), date(2027, 1, 1)) == 17_800


def test_an_escalating_price_rises_by_whole_years_from_its_base() -> None:
    # 80 x 1.025 = 82 after a year, 80 x 1.025 x 1.025 = 84.05 after two.
    terms = PriceTerms(
        Decimal(80), EnergyUnit.MWH, "AUD", PriceKind.ESCALATING, Decimal("2.5"), base_on=date(2027, 7, 1)
    )

    assert [price_per_mwh(terms, date(year, 6, 30)) for year in (2026, 2028, 2029)] == [80, 80, 82]
    assert price_per_mwh(terms, date(2029, 7, 1)) == Decimal("84.05")


def test_floor_and_cap_hold_an_indexed_price_at_its_base() -> None:
    terms = PriceTerms(Decimal(100), EnergyUnit.MWH, "EUR", PriceKind.INDEXED, floor=Decimal(35), cap=Decimal(95))

    assert price_per_mwh(terms, date(2027, 1, 1)) == 95


def test_a_price_that_is_not_stated_is_not_known() -> None:
    assert price_per_mwh(PriceTerms(None, EnergyUnit.MWH, "AUD"), date(2027, 1, 1)) is None


def test_the_load_factor_is_that_of_the_stated_volume_and_one_for_a_flat_block() -> None:
    # 350 400 MWh a year of 40 MW: 40 x 8 760 = 350 400, round the clock.
    whole: dict[str, Any] = {"contracted_mw": Decimal(40), "p50_mwh": None}

    assert load_factor(is_flat=False, annual_mwh=Decimal(350_400), **whole) == 1
    assert load_factor(is_flat=True, annual_mwh=None, **whole) == 1
    assert load_factor(is_flat=False, annual_mwh=None, **whole) is None
    assert load_factor(is_flat=False, annual_mwh=None, p50_mwh=Decimal(87_600), contracted_mw=Decimal(40)) == Decimal(
        "0.25"
    )


def test_a_price_before_any_escalation_is_the_stated_one() -> None:
    assert price_per_mwh(FIXED, date(2027, 1, 1)) == Decimal("61.50")
