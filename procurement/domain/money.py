"""How finely an amount of a currency is counted."""

from decimal import Decimal
from typing import Final

from sites.domain.currency import CURRENCIES, DECIMAL_PLACES

__all__ = ["CURRENCIES", "UNKNOWN_CURRENCY", "decimal_places", "in_minor_units", "minor_units", "trimmed"]


# ISO 4217's own word for no currency: what was sent is kept as text beside it, and mapped to none.
UNKNOWN_CURRENCY: Final = "XXX"


def minor_units(currency: str) -> int:
    """Decimal places an amount of this currency has: 0 for JPY, 2 for EUR, 3 for KWD, and 2 where it is unknown.

    Raises KeyError.
    """
    return 2 if currency == UNKNOWN_CURRENCY else DECIMAL_PLACES[currency]


def decimal_places(number: Decimal) -> int:
    """The places a finite number needs; trailing zeros need none."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def trimmed(number: Decimal) -> Decimal:
    """The same finite number without trailing zeros, and without an exponent: 4.000 is 4, 1E+1 is 10."""
    return number.quantize(Decimal(1).scaleb(-decimal_places(number)))


def in_minor_units(amount: Decimal, currency: str) -> Decimal:
    """The same amount with the decimals its currency has, or as many more as it needs."""
    return amount.quantize(Decimal(1).scaleb(-max(minor_units(currency), decimal_places(amount))))
