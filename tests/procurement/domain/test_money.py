from decimal import Decimal

import pytest

from procurement.domain.money import CURRENCIES, decimal_places, in_minor_units, minor_units, trimmed


@pytest.mark.parametrize(("currency", "places"), [("JPY", 0), ("AUD", 2), ("KWD", 3), ("CLF", 4)])
def test_a_currency_knows_its_minor_unit(currency: str, places: int) -> None:
    assert minor_units(currency) == places


def test_only_currencies_in_use_are_known() -> None:
    assert CURRENCIES.isdisjoint({"XXX", "DEM", "XAU", "BTC", "aud"})
    assert {"AUD", "EUR", "GBP", "JPY", "SGD", "USD"} <= CURRENCIES


@pytest.mark.parametrize(
    ("number", "places", "plain"),
    [("4.000", 0, "4"), ("10", 0, "10"), ("1E+1", 0, "10"), ("0.50", 1, "0.5"), ("0", 0, "0"), ("0.000", 0, "0")],
)
def test_trailing_zeros_say_nothing(number: str, places: int, plain: str) -> None:
    assert (decimal_places(Decimal(number)), str(trimmed(Decimal(number)))) == (places, plain)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("5.0000", "AUD", "5.00"), ("5.1250", "AUD", "5.125"), ("5.0000", "JPY", "5"), ("5", "KWD", "5.000")],
)
def test_an_amount_shows_the_decimals_of_its_currency(amount: str, currency: str, shown: str) -> None:
    assert str(in_minor_units(Decimal(amount), currency)) == shown
