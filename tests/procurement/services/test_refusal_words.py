"""Refusals of the rooms that know no framework, in the reader's language."""

from datetime import date

import pytest
from django.utils.translation import gettext, override

from procurement.services.refusal_words import PLAIN, WITH_VALUES, said
from sites.domain.errors import BadInput
from sites.domain.imprecise import read_as_said


def test_a_refusal_of_the_domain_is_told_in_japanese() -> None:
    with pytest.raises(BadInput) as refused:
        read_as_said("05/06/2027", as_of=date(2026, 11, 21))

    english = refused.value.message
    with override("ja"):
        japanese = refused.value.message
    assert english == "'05/06/2027': day and month can be mistaken for each other; write 2027-06-05."
    assert japanese == "'05/06/2027': 日と月を取り違えるおそれがあります。2027-06-05 のように入力してください。"


def test_values_stand_where_japanese_wants_them() -> None:
    with override("ja"):
        assert said("5 is more than is open (3).") == "5 のうち未納は 3 だけです。"


def test_the_sentence_that_says_more_itself_is_taken() -> None:
    with override("ja"):
        assert said("This is not JSON: NaN is no number.") == "JSON ではありません: NaN は数値ではありません。"
        assert said("This is not JSON: nested too deeply") == "JSON ではありません: nested too deeply"


def test_a_per_cent_sign_stays_one() -> None:
    with override("ja"):
        assert said("40 % of the plant are 12 MW.") == "発電所の 40 % は 12 MW です。"


@pytest.mark.parametrize("text", ["Nobody has written this sentence.", "期日を入力してください。", ""])
def test_what_is_not_known_stays_as_it_is(text: str) -> None:
    with override("ja"):
        assert said(text) == text


def test_every_sentence_has_its_japanese() -> None:
    with override("ja"):
        assert [each for each in (*sorted(PLAIN), *WITH_VALUES) if gettext(each) == each] == []
