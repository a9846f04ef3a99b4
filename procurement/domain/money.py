"""ISO 4217: which currencies there are, and how finely each is counted."""

from decimal import Decimal
from typing import Final

_BY_DECIMAL_PLACES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
       AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP
       CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
       JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
       NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
       SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
       """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_PLACES: Final = {code: places for places, codes in _BY_DECIMAL_PLACES.items() for code in codes.split()}
CURRENCIES: Final = frozenset(_PLACES)


def minor_units(currency: str) -> int:
    """Decimal places an amount of this currency has: 0 for JPY, 2 for EUR, 3 for KWD. Raises KeyError."""
    return _PLACES[currency]


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
