"""Every driver of a date can be said in words, shortly and at length."""

from dataclasses import replace
from datetime import date

import pytest

from procurement.portal import alert_words, words
from procurement.portal.templatetags.portal import amount, floating, signed
from procurement.queries.steps import Step
from sites.vocabulary import Driver, StepFlag, step_name

STEP = Step(
    code="FAT_PASS",
    is_anchor=False,
    forecast_on=date(2027, 7, 5),
    driver="promise_shifted",
    flags=(),
    latest_on=date(2027, 7, 26),
    float_days=21,
    slip_days=42,
    baseline_on=date(2027, 5, 24),
    previous_on=date(2026, 11, 30),
    promise_id="",
    promise_counts_on=date(2027, 5, 21),
    conditional_on=date(2026, 10, 16),
    shift_days=45,
    duration_days=220,
    basis="calendar",
    calendar="AU-NSW",
)
LONG = {
    Driver.ACTUAL: "Happened on 5 Jul 2027.",
    Driver.IMPLIED: "Not recorded, but a later step is done, so this one must be. Record its own day.",
    Driver.LOCKED: "Pinned to 5 Jul 2027.",
    Driver.PROMISE: "Promised 21 May 2027.",
    Driver.PROMISE_SHIFTED: "Promised 21 May 2027, moved 45 days because it depended on Release to manufacture by "
    "16 Oct 2026, which is now expected on 30 Nov 2026.",
    Driver.DURATION: "220 calendar days after Release to manufacture.",
    Driver.PLAN: "Planned for 5 Jul 2027; neither promised nor done.",
    Driver.TODAY: "Promised 21 May 2027; that day is over and nothing was recorded, so it counts as 20 Nov 2026.",
    Driver.PREDECESSOR: "Release to manufacture comes first and is now expected on 5 Jul 2027.",
    Driver.SPAN: "Lead time: 220 days.",
}


@pytest.mark.parametrize("driver", Driver)
def test_every_driver_is_said_in_a_sentence(driver: Driver) -> None:
    step = replace(STEP, driver=driver.value)

    assert words.long_why(step, as_of=date(2026, 11, 20), before="RTM") == LONG[driver]


def test_a_step_inside_a_lead_time_has_no_weeks_of_its_own() -> None:
    step = replace(STEP, driver=Driver.SPAN.value, forecast_on=None)

    assert words.long_why(step, as_of=date(2026, 11, 20), before="RTM") == "Lead time"


@pytest.mark.parametrize("driver", Driver)
def test_every_driver_is_said_in_a_few_words(driver: Driver) -> None:
    said = words.short_why(replace(STEP, driver=driver.value))

    assert "Factory test passed" in said
    assert "%(" not in said


def test_what_was_not_calculated_has_no_reason() -> None:
    assert words.short_why(None) == ""


def test_working_days_name_their_calendar() -> None:
    step = replace(STEP, driver="duration", basis="working", duration_days=1)

    assert words.long_why(step, as_of=date(2026, 11, 20), before="RTS") == "1 working day (AU-NSW) after Ready to ship."


def test_every_flag_is_said_in_words() -> None:
    assert [words.flag(flag) for flag in StepFlag if words.flag(flag) == flag.value] == []


def test_a_step_of_its_own_is_shown_by_its_code() -> None:
    assert (step_name("FAT_PASS"), step_name("OIL_TEST")) == ("Factory test passed", "Oil test")


def test_numbers_carry_a_real_minus_and_differences_their_sign() -> None:
    assert [signed(12), signed(-3), signed(0), signed(None), floating(-7)] == ["+12", "−3", "0", "–", "−7"]


@pytest.mark.parametrize(
    ("number", "places", "shown"),
    [
        (None, 0, "–"),
        ("-1234.5", 0, "−1,234"),
        ("8.000", 3, "8"),
        ("12.500", 3, "12.5"),
        ("2.25", 1, "2.2"),
        ("1234.50", 2, "1,234.50"),
    ],
)
def test_an_amount_drops_trailing_zeros_but_from_cents(number: str | None, places: int, shown: str) -> None:
    assert amount(number, places) == shown


def test_the_facts_of_an_alert_are_grouped_as_elsewhere() -> None:
    found = {"float_days": -1200, "mw_days": "3648.5", "gap_mw": "12.500", "units_lost": "x2"}

    assert alert_words.facts(found) == [
        ("Not covered, MW", "12.5"),
        ("Float, days", "−1,200"),
        ("MW-days", "3,648.5"),
        ("Units lost", "x2"),
    ]
