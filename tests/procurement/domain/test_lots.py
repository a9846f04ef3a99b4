"""Contract step, split quantities and the date a line shows."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.domain.lots import (
    ContractStep,
    LotState,
    Share,
    Split,
    check_quantities,
    contract_step,
    line_forecast_on,
    split,
    spoken_for,
)
from sites.domain.errors import BadInput


@pytest.mark.parametrize("term", ["DAP", "DPU", "DDP", " dap "])
def test_delivered_terms_bind_the_vendor_on_site(term: str) -> None:
    assert contract_step(term) == ContractStep("ON_SITE", is_guess=False)


@pytest.mark.parametrize("term", ["EXW", "FCA", "CPT", "CIP", "FAS", "FOB", "CFR", "CIF"])
def test_the_other_terms_bind_the_vendor_when_ready_to_ship(term: str) -> None:
    assert contract_step(term) == ContractStep("RTS", is_guess=False)


@pytest.mark.parametrize("term", [None, "", "DAT", "FOB Destination"])
def test_an_unknown_term_is_taken_as_on_site_and_flagged(term: str | None) -> None:
    assert contract_step(term) == ContractStep("ON_SITE", is_guess=True)


def test_a_split_keeps_the_sum() -> None:
    assert split(Decimal(5), Decimal(2)) == Split(kept=Decimal(3), split_off=Decimal(2))


@pytest.mark.parametrize("off", ["0", "-1", "5", "6", "NaN", "Infinity"])
def test_a_split_leaves_something_on_both_sides(off: str) -> None:
    with pytest.raises(BadInput) as refused:
        split(Decimal(5), Decimal(off))

    assert refused.value.field == "quantity"


LOTS = [LotState("a", Decimal(2), True), LotState("b", Decimal(2), False), LotState("c", Decimal(3), True)]


@pytest.mark.parametrize(
    ("quantity", "shares"),
    [
        (None, (Share("a", None), Share("c", None))),
        ("1", (Share("a", Decimal(1)),)),
        ("2", (Share("a", None),)),
        ("4", (Share("a", None), Share("c", Decimal(2)))),
        ("5", (Share("a", None), Share("c", None))),
    ],
)
def test_a_promise_speaks_for_open_lots_only_and_splits_the_last(
    quantity: str | None, shares: tuple[Share[str], ...]
) -> None:
    assert spoken_for(LOTS, None if quantity is None else Decimal(quantity)) == shares


@pytest.mark.parametrize("quantity", ["6", "0", "-1", "NaN"])
def test_more_than_is_open_cannot_be_promised(quantity: str) -> None:
    with pytest.raises(BadInput):
        spoken_for(LOTS, Decimal(quantity))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_shares_sum_to_the_quantity(quantities: list[int], data: st.DataObject) -> None:
    lots = [LotState(n, Decimal(quantity), True) for n, quantity in enumerate(quantities)]
    meant = data.draw(st.integers(1, sum(quantities)))

    shares = spoken_for(lots, Decimal(meant))

    assert sum(lots[share.lot].quantity if share.split_off is None else share.split_off for share in shares) == meant


def test_lots_sum_to_the_schedule_line() -> None:
    check_quantities(LOTS, Decimal(7))
    with pytest.raises(BadInput):
        check_quantities(LOTS, Decimal(8))


JUNE, JULY, AUGUST = date(2027, 6, 1), date(2027, 7, 1), date(2027, 8, 1)


@pytest.mark.parametrize(
    ("lots", "shown"),
    [
        ([(True, JUNE), (True, JULY)], JULY),
        ([(True, JUNE), (False, AUGUST)], JUNE),
        ([(True, JUNE), (True, None)], None),
        ([(False, JUNE)], None),
        ([], None),
    ],
)
def test_a_line_shows_the_forecast_of_its_last_open_lot(
    lots: list[tuple[bool, date | None]], shown: date | None
) -> None:
    states = [LotState(n, Decimal(1), is_open, on) for n, (is_open, on) in enumerate(lots)]

    assert line_forecast_on(states) == shown
