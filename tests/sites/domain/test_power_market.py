from decimal import Decimal

import pytest

from sites.domain.errors import BadInput
from sites.domain.power_market import (
    ZONES,
    certificates_of,
    check_certificate,
    check_price,
    check_zone,
    zones_of,
)
from sites.vocabulary import Certificate, EnergyUnit


@pytest.mark.parametrize(
    ("market", "zone", "country"),
    [
        ("NEM", "NSW1", "AU"),
        ("JEPX", "TOKYO", "JP"),
        ("Day-ahead", "DE_LU", "DE"),
        ("Day-ahead", "DE_LU", "LU"),
        ("SEM", "SEM", "IE"),
        ("", "WESTERN HUB", "US"),
        ("", "", "NZ"),
    ],
)
def test_a_zone_of_the_country_is_taken(market: str, zone: str, country: str) -> None:
    check_zone(market, zone, country)


@pytest.mark.parametrize(
    ("market", "zone", "country", "field"),
    [
        ("NEM", "NSW1", "JP", "settlement_zone"),
        ("Day-ahead", "FR", "DE", "settlement_zone"),
        ("NEM", "NSW9", "AU", "settlement_zone"),
        ("JEPX", "NSW1", "AU", "settlement_market"),
    ],
)
def test_a_zone_of_another_country_is_refused_by_its_field(market: str, zone: str, country: str, field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check_zone(market, zone, country)

    assert refusal.value.field == field


def test_a_country_offers_its_own_zones_and_certificates() -> None:
    assert [zone.code for zone in zones_of("AU")] == ["NSW1", "QLD1", "SA1", "TAS1", "VIC1", "WEM"]
    assert certificates_of("AU") == (Certificate.LGC, Certificate.REGO_AU, Certificate.NONE)
    assert certificates_of("JP") == (
        Certificate.NFC, Certificate.J_CREDIT, Certificate.GPC, Certificate.I_REC, Certificate.NONE,
    )  # fmt: skip
    assert certificates_of("NZ") == (Certificate.NONE,)


def test_european_zones_carry_a_code_of_sixteen_characters() -> None:
    european = [zone for zone in ZONES.values() if zone.market in {"Day-ahead", "SEM", "GB"}]

    assert {len(zone.eic) for zone in european} == {16}
    assert len({zone.eic for zone in european}) == len(european)


@pytest.mark.parametrize(
    ("certificate", "country"),
    [(Certificate.LGC, "JP"), (Certificate.REGO_GB, "AU"), (Certificate.GO, "GB"), (Certificate.J_CREDIT, "AU")],
)
def test_a_certificate_of_another_country_is_refused_by_its_field(certificate: Certificate, country: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check_certificate(certificate, country)

    assert refusal.value.field == "certificate"


def test_the_two_certificates_called_rego_are_kept_apart() -> None:
    check_certificate(Certificate.REGO_AU, "AU")
    check_certificate(Certificate.REGO_GB, "GB")
    check_certificate(Certificate.NONE, "NZ")


@pytest.mark.parametrize(
    ("price", "unit", "currency"),
    [
        ("61.50", EnergyUnit.MWH, "AUD"),
        ("17.80", EnergyUnit.KWH, "JPY"),
        ("17800", EnergyUnit.MWH, "JPY"),
        ("0.0615", EnergyUnit.KWH, "AUD"),
        ("0.0001", EnergyUnit.MWH, "BRL"),
    ],
)
def test_a_plausible_price_is_taken(price: str, unit: EnergyUnit, currency: str) -> None:
    check_price(Decimal(price), unit, currency)


@pytest.mark.parametrize(
    ("price", "unit", "currency", "is_other_unit"),
    [
        ("0.0615", EnergyUnit.MWH, "AUD", True),
        ("17.80", EnergyUnit.MWH, "JPY", True),
        ("61.50", EnergyUnit.KWH, "AUD", True),
        ("-61.50", EnergyUnit.MWH, "EUR", False),
        ("0", EnergyUnit.MWH, "EUR", False),
    ],
)
def test_a_price_in_the_wrong_unit_is_refused_and_says_so(
    price: str, unit: EnergyUnit, currency: str, is_other_unit: bool
) -> None:
    with pytest.raises(BadInput) as refusal:
        check_price(Decimal(price), unit, currency)

    assert refusal.value.field == "price"
    assert ("other unit" in refusal.value.message) is is_other_unit


def test_a_price_that_is_not_stated_is_not_judged() -> None:
    check_price(None, EnergyUnit.MWH, "AUD")
