"""The spellings of dates that are not days, and what each counts as."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sites.domain import imprecise
from sites.domain.errors import BadInput
from sites.vocabulary import Precision

AS_OF = date(2027, 6, 9)  # a Wednesday of week 23


@pytest.mark.parametrize(
    ("value", "precision", "counts_on"),
    [
        ("2027-05-21", Precision.DAY, date(2027, 5, 21)),
        ("2027-W23", Precision.WEEK, date(2027, 6, 13)),
        ("2026-W53", Precision.WEEK, date(2027, 1, 3)),
        ("2027-06-T1", Precision.THIRD, date(2027, 6, 10)),
        ("2027-06-T2", Precision.THIRD, date(2027, 6, 20)),
        ("2028-02-T3", Precision.THIRD, date(2028, 2, 29)),
        ("2027-02", Precision.MONTH, date(2027, 2, 28)),
        ("2027-Q2", Precision.QUARTER, date(2027, 6, 30)),
        ("2027-Q4", Precision.QUARTER, date(2027, 12, 31)),
        ("", Precision.TBD, None),
    ],
)
def test_a_stored_value_counts_at_the_end_of_its_precision(
    value: str, precision: Precision, counts_on: date | None
) -> None:
    read = imprecise.read(value, precision)

    assert (read.value, read.precision, read.counts_on) == (value, precision, counts_on)


@pytest.mark.parametrize(
    ("value", "precision"),
    [
        ("2027-W53", Precision.WEEK),
        ("2027-W00", Precision.WEEK),
        ("2027-W23", Precision.DAY),
        ("2027-06", Precision.DAY),
        ("2027-06-31", Precision.DAY),
        ("2027-13", Precision.MONTH),
        ("2027-00", Precision.MONTH),
        ("2027-06-T4", Precision.THIRD),
        ("2027-13-T1", Precision.THIRD),
        ("2027-Q5", Precision.QUARTER),
        ("1999-Q4", Precision.QUARTER),
        ("2100-W52", Precision.WEEK),
        ("2101-01-01", Precision.DAY),
        ("9999-W52", Precision.WEEK),
        ("2027-06-01\n", Precision.DAY),
        ("２０２７-06-01", Precision.DAY),
        ("", Precision.DAY),
        ("2027-06-01", Precision.TBD),
    ],
)
def test_a_stored_value_that_is_no_date_of_its_precision_is_refused(value: str, precision: Precision) -> None:
    with pytest.raises(BadInput) as refused:
        imprecise.read(value, precision)

    assert refused.value.field == "value"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CW23", "2027-W23"),
        ("cw 23", "2027-W23"),
        ("W23/2027", "2027-W23"),
        ("CW23 2028", "2028-W23"),
        ("2027-W23", "2027-W23"),
        ("Jun 2027", "2027-06"),
        ("September 2027", "2027-09"),
        ("2027-06", "2027-06"),
        ("Q2 2027", "2027-Q2"),
        ("2027-Q2", "2027-Q2"),
        ("tbd", ""),
        (" TBC ", ""),
        ("6月", "2027-06"),
        ("６月上旬", "2027-06-T1"),
        ("6月中旬", "2027-06-T2"),
        ("6月下旬", "2027-06-T3"),
        ("2027年6月", "2027-06"),
        ("２０２７年６月下旬", "2027-06-T3"),
        ("2027年6月5日", "2027-06-05"),
        ("2027-05-21", "2027-05-21"),
        ("2027/5/21", "2027-05-21"),
        ("5 Jun 2027", "2027-06-05"),
        ("2027-06-T2", "2027-06-T2"),
    ],
)
def test_vendors_spellings_become_the_stored_value(text: str, value: str) -> None:
    assert imprecise.read_as_said(text, as_of=AS_OF).value == value


@pytest.mark.parametrize(
    ("text", "as_of", "value"),
    [
        ("CW23", date(2027, 6, 13), "2027-W23"),
        ("CW23", date(2027, 6, 14), "2028-W23"),
        ("CW53", date(2027, 1, 2), "2026-W53"),
        ("CW53", date(2027, 1, 4), "2032-W53"),
        ("CW1", date(2026, 12, 30), "2027-W01"),
        ("6月", date(2027, 6, 30), "2027-06"),
        ("6月", date(2027, 7, 1), "2028-06"),
        ("6月上旬", date(2027, 6, 11), "2028-06-T1"),
        ("6月下旬", date(2027, 6, 11), "2027-06-T3"),
        ("2月29日", date(2027, 6, 11), "2028-02-29"),
    ],
)
def test_a_spelling_without_a_year_is_its_next_occurrence_that_does_not_count_in_the_past(
    text: str, as_of: date, value: str
) -> None:
    assert imprecise.read_as_said(text, as_of=as_of).value == value


@pytest.mark.parametrize(
    "text",
    [
        "2027年度第1四半期", "2027年第1四半期", "FY27 Q1", "Q1 FY2027", "Q2", "2027年度上期",
        "05/06/2027", "25.06.2027", "5-6-27", "06/2027", "2027-W53", "CW54", "CW0", "13月", "2月30日",
        "2101-01", "Jun 1999", "Jun 27", "2027-06-01T00:00", "46174", "soon", "", "  ",
        "2027-06\x00", "CW23\n", "CW\u200b23", "\ud800", "٢٠٢٧-06", "2027-06" + " " * 100,
    ],
)  # fmt: skip
def test_what_two_readers_would_read_differently_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        imprecise.read_as_said(text, as_of=AS_OF, field="promised_on")

    assert refused.value.field == "promised_on"


@given(st.text(max_size=30))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        said = imprecise.read_as_said(text, as_of=AS_OF)
    except BadInput:
        return
    assert imprecise.read(said.value, said.precision) == said


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_a_day_counts_on_itself(day: date) -> None:
    assert imprecise.on_day(day).counts_on == day


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Jun 27", "2027-06"),
        ("june '28", "2028-06"),
        ("Jun-27", "2027-06"),
        ("Jun", "2027-06"),
        ("May", "2028-05"),
        ("Q3", "2027-Q3"),
        ("Q1", "2028-Q1"),
        ("3Q27", "2027-Q3"),
        ("Q3 '28", "2028-Q3"),
        ("Q3/2028", "2028-Q3"),
        ("CW23", "2027-W23"),
        ("KW 5", "2028-W05"),
        ("wk 30", "2027-W30"),
        ("week 23/28", "2028-W23"),
        ("Ｑ３", "2027-Q3"),
        ("2027-05-21", "2027-05-21"),
        ("TBD", ""),
    ],
)
def test_what_somebody_types_who_is_shown_the_answer(text: str, value: str) -> None:
    assert imprecise.read_as_typed(text, as_of=AS_OF).value == value


@pytest.mark.parametrize("text", ["Jun 12", "Jun 26", "5 Q", "week 60", "Q3 99", "05/06/2027", "someday"])
def test_what_is_typed_and_can_be_mistaken_is_refused_naming_its_field(text: str) -> None:
    with pytest.raises(BadInput) as refusal:
        imprecise.read_as_typed(text, as_of=AS_OF, field="said")

    assert refusal.value.field == "said"


@given(st.text(max_size=20))
def test_any_text_that_is_typed_is_either_read_or_refused(text: str) -> None:
    try:
        read = imprecise.read_as_typed(text, as_of=AS_OF)
    except BadInput:
        return
    assert (read.counts_on is None) == (read.precision is Precision.TBD)
