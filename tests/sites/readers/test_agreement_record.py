"""What a record of an agreement may say, each refusal by its field."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sites.domain.errors import BadInput
from sites.readers import agreement_record
from sites.readers.agreement_record import AgreementRecord

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "ppa-schema.json"

RIGHT: dict[str, Any] = {
    "format": "longlead.ppa/1",
    "code": "PPA-AU-07",
    "name": "Gunyah Plains Solar",
    "state": "construction",
    "seller": "Wattlefold Renewables",
    "buyer": "Halls Owner",
    "country": "AU",
    "structure": "virtual",
    "volume_shape": "baseload",
    "contracted_mw": "24",
    "term_years": "12",
    "signed_on": "2026-05-01",
    "price": "61.50",
    "currency": "AUD",
    "settlement_market": "NEM",
    "settlement_zone": "NSW1",
    "settlement_interval_minutes": 5,
    "certificate": "lgc",
    "certificate_successor": "rego_au",
    "target_cod_on": "2027-06-01",
    "guaranteed_cod_on": "2027-09-01",
    "long_stop_on": "2028-03-01",
    "shares": [
        {"site": "SYD01", "share_mw": "16", "steps": [{"from_on": "2029-01-01", "share_mw": "20"}]},
        {"site": "SYD02", "share_mw": "8", "until_on": "2028-12-31"},
    ],
    "delay_damages": [
        {
            "direction": "receivable",
            "bands": [{"from_day": 1, "amount_per_mw_day": "150"}, {"from_day": 31, "amount_per_mw_day": "250"}],
        }
    ],
    "conditions": [{"number": 1, "text": "Connection agreement signed", "due_on": "2026-12-01"}],
    "notices": [
        {"number": 1, "subject": "Notice of delay", "served_to": "Seller", "days": 30, "reference": "guaranteed_cod"}
    ],
    "credit_support": [{"given_by": "buyer", "form": "letter_of_credit", "amount": "2500000", "currency": "AUD"}],
    "documents": [{"title": "Signed agreement", "reference": "DOC-1"}],
    "milestones": [{"code": "SIGNED"}, {"code": "COD", "duration_days": 390}],
}


def _read(**given: Any) -> AgreementRecord:
    return agreement_record.of(RIGHT | given)


def test_a_choice_that_is_none_is_refused_once_and_by_its_field() -> None:
    with pytest.raises(BadInput) as refusal:
        _read(capacity_rights_owner="bank", notices=[{"number": 1, "milestone_code": "x"}])

    others: Any = refusal.value.facts["others"]
    named = [refusal.value.field, *(each["field"] for each in others)]
    assert named == [
        "capacity_rights_owner", "notices/0/subject", "notices/0/served_to", "notices/0/days",
        "notices/0/milestone_code",
    ]  # fmt: skip


def _refused(**given: Any) -> str | None:
    with pytest.raises(BadInput) as refusal:
        _read(**given)
    return refusal.value.field


def test_a_right_record_is_read_with_its_types() -> None:
    record = _read()

    assert (record.contracted_mw, record.target_cod_on) == (Decimal(24), date(2027, 6, 1))
    assert record.shares[0].curve().at(date(2029, 1, 1)) == 20


def test_numbers_are_taken_as_well_as_text() -> None:
    assert _read(price=61.5).price == Decimal("61.5")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"contracted_mw": "-24"}, "contracted_mw"),
        ({"contracted_mw": 0}, "contracted_mw"),
        ({"contracted_mw": "24000000"}, "contracted_mw"),
        ({"contracted_mw": "24000"}, "contracted_mw"),
        ({"annual_mwh": "54000000"}, "annual_mwh"),
        ({"annual_mwh": "54"}, "annual_mwh"),
        ({"p50_mwh": "300000"}, "p50_mwh"),
        ({"contracted_mw": "NaN"}, "contracted_mw"),
        ({"contracted_mw": "24 GW"}, "contracted_mw"),
        ({"price": "0.0615"}, "price"),
        ({"price": "61.50", "price_unit": "kwh"}, "price"),
        ({"price_cap": "0.09"}, "price_cap"),
        ({"price_floor": "90", "price_cap": "80"}, "price_floor"),
        ({"price_kind": "escalating"}, "escalation_percent"),
        ({"price_kind": "indexed", "index_base_on": "2026-01-01"}, "index_name"),
        ({"price_kind": "indexed", "index_name": "CPI"}, "index_base_on"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "aud"}, "currency"),
        ({"settlement_zone": "TOKYO", "settlement_market": "JEPX"}, "settlement_zone"),
        ({"settlement_market": "JEPX"}, "settlement_market"),
        ({"settlement_interval_minutes": 7}, "settlement_interval_minutes"),
        ({"certificate": "nfc"}, "certificate"),
        ({"certificate_successor": "rego_gb"}, "certificate_successor"),
        ({"country": "Australia"}, "country"),
        ({"long_stop_on": "2027-08-31"}, "long_stop_on"),
        ({"guaranteed_cod_on": "2027-05-31"}, "guaranteed_cod_on"),
        ({"guaranteed_cod_on": None, "long_stop_on": "2027-05-31", "state": "signed"}, "long_stop_on"),
        ({"target_cod_on": "1999-06-01"}, "target_cod_on"),
        ({"target_cod_on": "1 June 2027"}, "target_cod_on"),
        ({"p50_mwh": "90000", "p90_mwh": "90001"}, "p90_mwh"),
        ({"buyer": ""}, "buyer"),
        ({"long_stop_on": None}, "long_stop_on"),
        ({"nonsense": 1}, "nonsense"),
        ({"format": "longlead.ppa/2"}, "format"),
        ({"name": "two\nlines"}, "name"),
        ({"shares": [{"site": "SYD01", "share_mw": "24.001"}]}, "shares"),
        ({"shares": [{"site": "SYD01", "share_mw": "-1"}]}, "shares/0/share_mw"),
        ({"shares": [{"site": "SYD01", "share_mw": "1"}, {"site": "SYD01", "share_mw": "1"}]}, "shares/1/site"),
        (
            {"shares": [{"site": "A", "share_mw": "1", "from_on": "2028-01-01", "until_on": "2027-12-31"}]},
            "shares/0/until_on",
        ),
        ({"delay_damages": [{"direction": "payable"}]}, "delay_damages/0/bands"),
        (
            {"delay_damages": [{"direction": "payable", "kind": "percent_per_day", "percent_per_day": "1.5"}]},
            "delay_damages/0/percent_per_day",
        ),
        ({"delay_damages": [RIGHT["delay_damages"][0] | {"due": "day"}]}, "delay_damages/0/due_on"),
        ({"delay_damages": [RIGHT["delay_damages"][0] | {"cap_percent": "10"}]}, "delay_damages/0/base_amount"),
        (
            {"conditions": [{"number": 1, "text": "x", "met_on": "2026-01-01", "waived_on": "2026-01-01"}]},
            "conditions/0/waived_on",
        ),
        ({"notices": [{"number": 1, "subject": "x", "served_to": "y", "days": 1}]}, "notices/0/reference_on"),
        (
            {
                "notices": [
                    {"number": 1, "subject": "x", "served_to": "y", "days": 1, "reference": "milestone",
                     "milestone_code": "BACKFEED"}
                ]
            },
            "notices/0/milestone_code",
        ),
        (
            {"credit_support": [{"given_by": "buyer", "form": "cash", "currency": "ZZZ"}]},
            "credit_support/0/currency",
        ),
        ({"milestones": [{"code": "COD"}, {"code": "COD"}]}, "milestones/1/code"),
        ({"price": "0.0615", "price_unit": "kwh", "price_floor": "40"}, "price_floor"),
        ({"certificate_successor": ""}, "certificate_successor"),
        ({"certificate_successor": "go"}, "certificate_successor"),
        ({"certificate": "i_rec"}, "certificate"),
        ({"certificate": "rego_gb"}, "certificate"),
        ({"installed_mw": "20"}, "contracted_mw"),
        ({"installed_mw": "60", "minimum_installed_mw": "61"}, "minimum_installed_mw"),
        ({"installed_mw": "60", "output_share_percent": "50"}, "output_share_percent"),
        ({"capacity_rights_owner": "bank"}, "capacity_rights_owner"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_its_field(given: dict[str, Any], field: str) -> None:
    assert _refused(**given) == field


@pytest.mark.parametrize(
    "given",
    [
        {"certificate_successor": "none"},
        {"certificate_successor": "", "term_years": "3"},
        {"certificate_successor": "", "state": "shortlisted"},
        {"certificate": "rego_au", "certificate_successor": ""},
    ],
)
def test_who_signs_beyond_the_end_of_a_scheme_says_what_follows(given: dict[str, Any]) -> None:
    assert _read(**given).certificate_successor == given["certificate_successor"]


_JAPANESE: dict[str, Any] = {
    "country": "JP", "settlement_market": "JEPX", "settlement_zone": "TOKYO", "settlement_interval_minutes": 30,
    "price": "14500", "currency": "JPY", "certificate": "i_rec", "certificate_successor": "",
}  # fmt: skip


@pytest.mark.parametrize("structure", ["physical", "hybrid"])
def test_a_plant_on_site_in_japan_may_bring_i_recs(structure: str) -> None:
    assert _read(**_JAPANESE, structure=structure).certificate.value == "i_rec"


@pytest.mark.parametrize("structure", ["virtual", "sleeved"])
def test_i_recs_in_japan_come_from_plants_on_site_only(structure: str) -> None:
    assert _refused(**_JAPANESE, structure=structure) == "certificate"


def test_the_part_of_the_plant_agrees_with_the_megawatts() -> None:
    record = _read(
        installed_mw="60", output_share_percent="40", buy_down_terms="AUD 1,200,000 per MW", scheduling="Day"
    )

    assert (record.installed_mw, record.contracted_mw) == (Decimal(60), Decimal(24))


@pytest.mark.parametrize("floor", ["0", "-50", "0.01", "40"])
def test_a_floor_may_be_as_low_as_it_likes(floor: str) -> None:
    assert _read(price_floor=floor).price_floor == Decimal(floor)


def test_shares_may_follow_one_another_up_to_the_whole() -> None:
    shares = [
        {"site": "SYD01", "share_mw": "24", "until_on": "2028-12-31"},
        {"site": "SYD02", "share_mw": "24", "from_on": "2029-01-01"},
    ]

    assert len(_read(shares=shares).shares) == 2


def test_a_step_that_overlaps_another_share_is_refused_from_its_day() -> None:
    # 16 + 8 = 24 to the end of 2028; 20 + 8 would be 28 where the second share did not end.
    with pytest.raises(BadInput) as refusal:
        _read(shares=[RIGHT["shares"][0], {"site": "SYD02", "share_mw": "8"}])

    assert refusal.value.field == "shares"
    assert "28 MW from 2029-01-01" in refusal.value.message


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BadInput) as refusal:
        _read(price="0.06", settlement_zone="TOKYO", settlement_market="JEPX")

    others = refusal.value.facts["others"]
    assert isinstance(others, list)
    assert (refusal.value.field, [each["field"] for each in others]) == ("settlement_zone", ["price"])


def test_what_is_missing_unknown_or_none_of_the_choices_is_told_as_such() -> None:
    with pytest.raises(BadInput) as refusal:
        agreement_record.of(
            {name: value for name, value in RIGHT.items() if name != "code"} | {"nonsense": 1, "state": "x"}
        )

    others = refusal.value.facts["others"]
    assert isinstance(others, list)
    assert (refusal.value.field, refusal.value.facts["code"], refusal.value.message) == (
        "code",
        "required",
        "This is required.",
    )
    assert [(each["field"], each["code"]) for each in others] == [
        ("state", "invalid_choice"),
        ("nonsense", "unknown_field"),
    ]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"nonsense": 1}, "The format has no such field."),
        ({"seller": ""}, "This is empty."),
        ({"seller": "x" * 121}, "This is longer than 120 characters."),
        ({"seller": 7}, "Text is expected."),
        ({"currency": "aud"}, "This does not have the form ^[A-Z]{3}$."),
        ({"contracted_mw": "1.2345"}, "There are more than 3 decimals; nothing is rounded."),
        ({"contracted_mw": "some"}, "A decimal number is expected, as text."),
        ({"contracted_mw": "0"}, "A value above 0 is expected."),
        ({"contracted_mw": "5001"}, "A value of at most 5000 is expected."),
        ({"signed_on": "1999-12-31"}, "A value of at least 2000-01-01 is expected."),
        ({"signed_on": "2027-13-01"}, "A day is expected, such as 2027-06-01."),
        ({"signed_on": 1811808000}, "A day is expected, such as 2027-06-01."),
        ({"signed_on": "2027-06-01T00:00:00Z"}, "A day is expected, such as 2027-06-01."),
        ({"contracted_mw": "2e1"}, "A decimal number is expected, as text."),
        ({"contracted_mw": "２０"}, "A decimal number is expected, as text."),
        (
            {"volume_shape": "round"},
            "One of these is expected: 'pay_as_produced', 'pay_as_consumed', 'baseload', 'shaped' or 'matched'.",
        ),
        ({"shares": {}}, "This is not a list."),
        ({"shares": [1]}, "This is not an object."),
        ({"conditions": [{"number": "one", "text": "Lease"}]}, "A whole number is expected."),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_our_words(said: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as refusal:
        agreement_record.of(RIGHT | said)

    assert refusal.value.message == message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"PPA"', "{}", "\ud800"])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        agreement_record.read(text.encode("utf-8", "surrogatepass"))


def test_a_record_larger_than_its_limit_is_not_read() -> None:
    with pytest.raises(BadInput) as refusal:
        agreement_record.read(b" " * 2_000_001)

    assert refusal.value.field == "record"


def test_the_published_schema_is_the_one_in_force() -> None:
    assert json.loads(SCHEMA.read_text()) == agreement_record.schema()


def test_a_right_record_keeps_the_published_schema_and_a_wrong_one_does_not() -> None:
    schema = Draft202012Validator(json.loads(SCHEMA.read_text()))

    assert list(schema.iter_errors(RIGHT)) == []
    assert list(schema.iter_errors(RIGHT | {"nonsense": 1})) != []
    assert list(schema.iter_errors({"code": "PPA-1"})) != []
