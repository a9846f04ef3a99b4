"""Where electricity settles and which certificates prove its origin, by country, and what a price may plausibly be.

Sources: the market operators' own area lists (AEMO, JEPX), ENTSO-E's bidding zones with their EIC, the trading hubs of
ERCOT, CAISO and PJM; the certificate schemes of each country. Zones change over time: an old one is taken out here.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from sites.domain.errors import BadInput
from sites.vocabulary import Certificate, EnergyUnit


@dataclass(frozen=True, slots=True)
class Zone:
    """A price zone, hub or area. `eic` is the European identification code, empty outside Europe."""

    code: str
    market: str
    countries: frozenset[str]
    eic: str = ""


def _zones(market: str, countries: str, codes: str) -> list[Zone]:
    """`codes` are `CODE` or `CODE=EIC`, separated by commas."""
    found = []
    for part in codes.split(","):
        code, _, eic = part.strip().partition("=")
        found.append(Zone(code, market, frozenset(countries.split()), eic))
    return found


ZONES: Final[dict[str, Zone]] = {
    zone.code: zone
    for zone in (
        *_zones("NEM", "AU", "NSW1, QLD1, SA1, TAS1, VIC1"),
        *_zones("WEM", "AU", "WEM"),
        *_zones("JEPX", "JP", "HOKKAIDO, TOHOKU, TOKYO, CHUBU, HOKURIKU, KANSAI, CHUGOKU, SHIKOKU, KYUSHU"),
        *_zones("Day-ahead", "DE LU", "DE_LU=10Y1001A1001A82H"),
        *_zones("Day-ahead", "NL", "NL=10YNL----------L"),
        *_zones("Day-ahead", "FR", "FR=10YFR-RTE------C"),
        *_zones("Day-ahead", "BE", "BE=10YBE----------2"),
        *_zones("Day-ahead", "ES", "ES=10YES-REE------0"),
        *_zones("Day-ahead", "FI", "FI=10YFI-1--------U"),
        *_zones("Day-ahead", "CH", "CH=10YCH-SWISSGRIDZ"),
        *_zones("Day-ahead", "IT", "IT_NORD=10Y1001A1001A73I"),
        *_zones("Day-ahead", "DK", "DK_1=10YDK-1--------W, DK_2=10YDK-2--------M"),
        *_zones(
            "Day-ahead",
            "SE",
            "SE_1=10Y1001A1001A44P, SE_2=10Y1001A1001A45N, SE_3=10Y1001A1001A46L, SE_4=10Y1001A1001A47J",
        ),
        *_zones(
            "Day-ahead",
            "NO",
            "NO_1=10YNO-1--------2, NO_2=10YNO-2--------T, NO_3=10YNO-3--------J, NO_4=10YNO-4--------9,"
            " NO_5=10Y1001A1001A48H",
        ),
        *_zones("SEM", "IE GB", "SEM=10Y1001A1001A59C"),
        *_zones("GB", "GB", "GB=10YGB----------A"),
        *_zones("ERCOT", "US", "HB_HOUSTON, HB_NORTH, HB_SOUTH, HB_WEST"),
        *_zones("CAISO", "US", "TH_NP15_GEN-APND, TH_SP15_GEN-APND"),
        *_zones("PJM", "US", "WESTERN HUB, AEP-DAYTON HUB, DOMINION HUB"),
    )
}

_EECS: Final = """
    AT BE BG CH CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LT LU LV MT NL NO PL PT RO SE SI SK
"""
_I_REC: Final = "JP SG MY ID TH VN PH TW IN CN BR CL ZA AE SA"
_GUARANTEES_OF_ORIGIN: Final = frozenset(_EECS.split())
CERTIFICATE_COUNTRIES: Final[dict[Certificate, frozenset[str]]] = {
    Certificate.LGC: frozenset({"AU"}),
    Certificate.REGO_AU: frozenset({"AU"}),
    Certificate.NFC: frozenset({"JP"}),
    Certificate.J_CREDIT: frozenset({"JP"}),
    Certificate.GPC: frozenset({"JP"}),
    # Where no scheme of the state's own stands in its way; in Japan for plants on site.
    Certificate.I_REC: frozenset(_I_REC.split()),
    Certificate.GO: _GUARANTEES_OF_ORIGIN,
    Certificate.REGO_GB: frozenset({"GB"}),
    Certificate.REC: frozenset({"US"}),
}
# The last day of a scheme that is known to end.
CERTIFICATE_ENDS: Final[dict[Certificate, date]] = {Certificate.LGC: date(2030, 12, 31)}

# What a long-term price of one MWh lies between: wide enough for any contract, narrow enough that a price of a kWh (a
# thousandth) or one written in the wrong unit falls outside.
PRICE_WINDOWS: Final[dict[str, tuple[Decimal, Decimal]]] = {
    currency: (Decimal(least), Decimal(most))
    for currencies, least, most in (
        ("AUD USD EUR GBP CHF CAD NZD SGD", "5", "1000"),
        ("JPY", "1000", "150000"),
        ("SEK NOK DKK", "50", "10000"),
        ("PLN", "25", "5000"),
        ("CZK", "150", "25000"),
        ("HUF", "2000", "400000"),
        ("INR", "500", "80000"),
        ("CNY", "50", "7000"),
        ("KRW", "10000", "1300000"),
    )
    for currency in currencies.split()
}


def zones_of(country: str) -> tuple[Zone, ...]:
    return tuple(zone for zone in ZONES.values() if country in zone.countries)


def certificates_of(country: str) -> tuple[Certificate, ...]:
    found = [each for each, countries in CERTIFICATE_COUNTRIES.items() if country in countries]
    return (*found, Certificate.NONE)


def check_zone(market: str, zone: str, country: str) -> None:
    """Raises BadInput naming `settlement_zone` or `settlement_market`. An empty zone says nothing yet."""
    if not zone:
        return
    found = ZONES.get(zone)
    if found is None:
        raise BadInput(f"No settlement zone is called {zone!r}.", field="settlement_zone")
    if country not in found.countries:
        raise BadInput(f"The zone {zone} is not one of {country}.", field="settlement_zone", country=country)
    if market and market != found.market:
        raise BadInput(f"The zone {zone} settles in {found.market}, not in {market}.", field="settlement_market")


def check_certificate(certificate: Certificate, country: str, *, field: str = "certificate") -> None:
    """Raises BadInput naming the field."""
    countries = CERTIFICATE_COUNTRIES.get(certificate)
    if countries is not None and country not in countries:
        raise BadInput(f"{certificate.value} is not a certificate of {country}.", field=field, country=country)


def check_price(price: Decimal | None, unit: EnergyUnit, currency: str, *, field: str = "price") -> None:
    """Raises BadInput naming the field where a price cannot be one of its unit. Other currencies are not judged."""
    window = PRICE_WINDOWS.get(currency)
    if price is None or window is None:
        return
    least, most = window
    per_mwh = price * 1000 if unit is EnergyUnit.KWH else price
    if least <= per_mwh <= most:
        return
    other = per_mwh / 1000 if unit is EnergyUnit.KWH else per_mwh * 1000
    hint = " Is it a price of the other unit?" if least <= other <= most else ""
    raise BadInput(
        f"{price:f} {currency} per {_UNIT[unit]} is not a plausible price: {least:f} to {most:f} {currency} per MWh"
        f" would be.{hint}",
        field=field,
    )


def check_not_above(price: Decimal, unit: EnergyUnit, currency: str, *, field: str) -> None:
    """For a floor, which may be as low as it likes. Raises BadInput naming the field."""
    window = PRICE_WINDOWS.get(currency)
    if window is not None and (price * 1000 if unit is EnergyUnit.KWH else price) > window[1]:
        check_price(price, unit, currency, field=field)


def check_delivery(zone: str, country: str, *, field: str) -> None:
    """Raises BadInput naming the field where power that settles in a zone cannot be delivered to a country."""
    found = ZONES.get(zone)
    if found is not None and country not in found.countries:
        raise BadInput(f"The zone {zone} delivers no power to a site in {country}.", field=field, country=country)


_UNIT: Final = {EnergyUnit.MWH: "MWh", EnergyUnit.KWH: "kWh"}
