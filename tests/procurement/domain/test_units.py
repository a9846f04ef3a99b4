import re

import pytest

from procurement.domain.units import UNITS, UnknownUnit, said_by_people, unit_of


@pytest.mark.parametrize(
    ("word", "unit"),
    [("EA", "EA"), ("ea", "EA"), ("pcs", "EA"), ("台", "EA"), ("式", "SET"), ("m", "MTR"), ("ST", "ST")],
)
def test_what_people_write_is_read_where_it_means_but_one(word: str, unit: str) -> None:
    assert said_by_people(word) == unit


def test_a_code_of_ours_is_itself_and_another_what_its_system_means() -> None:
    mapped = {"ST": "H87", "EA": "SET"}

    assert [unit_of(code, mapped, system="SAP", field="unit") for code in ("EA", "ST")] == ["EA", "H87"]
    with pytest.raises(UnknownUnit) as refusal:
        unit_of("CAR", mapped, system="SAP", field="lines/0/unit")
    assert (refusal.value.code, refusal.value.field) == ("unknown_unit", "lines/0/unit")


def test_codes_are_those_of_the_recommendation() -> None:
    assert [code for code in UNITS if not re.fullmatch(r"[A-Z0-9]{2,3}", code)] == []
