"""The pattern of an anchor rule: what it finds, and what it refuses to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sites.domain.anchor_pattern import AnchorPattern
from sites.domain.errors import BadInput


def found(pattern: str, text: str, *codes: str) -> list[str]:
    return list(AnchorPattern(pattern).codes_in(text, {code.casefold() for code in codes}))


@pytest.mark.parametrize(
    ("pattern", "text", "codes"),
    [
        ("{code}", "TX-1", ["tx-1"]),
        ("{code}", "TX-12", []),
        ("*{code}*", "Set TX-1 on pad", ["tx-1"]),
        ("*{code}*", "Set TX-12 on pad", []),
        ("Set {code} *", "SET tx-1 on pad", ["tx-1"]),
        ("Set {code}", "Set TX-1 on pad", []),
        ("*ready*{code}", "Hall ready for TX-1", ["tx-1"]),
        ("*{code}*", "TX-1 and TX-10", ["tx-10", "tx-1"]),
        ("*{code}*", "", []),
    ],
)
def test_a_code_stands_at_its_place_as_a_whole_word(pattern: str, text: str, codes: list[str]) -> None:
    assert found(pattern, text, "TX-1", "TX-10") == codes


@pytest.mark.parametrize("pattern", ["Set", "{code} {code}", "{code}**", "*a*b*c*d*{code}"])
def test_a_pattern_has_one_place_and_few_stars(pattern: str) -> None:
    with pytest.raises(BadInput) as caught:
        AnchorPattern(pattern).check()

    assert caught.value.field == "pattern"


def test_signs_of_other_languages_mean_themselves() -> None:
    assert found("(.+){code}", "abcTX-1", "TX-1") == []
    assert found("(.+) {code}", "(.+) TX-1", "TX-1") == ["tx-1"]


@given(before=st.text("ab ", max_size=6), after=st.text("ab ", max_size=6))
def test_two_stars_find_a_word_anywhere(before: str, after: str) -> None:
    assert found("*{code}*", f"{before} TX-1 {after}", "TX-1") == ["tx-1"]


def test_a_long_text_takes_no_time_to_refuse() -> None:
    assert found("*a*a*a*a{code}", "a" * 300 + " TX-2", "TX-2") == []
