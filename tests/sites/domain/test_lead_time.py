"""A lead-time observation as one span of a chain."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from sites.domain import imprecise
from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.domain.lead_time import LeadTime, as_if_ordered_today, with_lead_time
from sites.domain.schedule import ChainFacts, PromiseFacts, RequiredOnSite, StepFacts, forecast_chain
from sites.vocabulary import Driver

AS_OF = date(2027, 3, 1)
CLASS_CHAIN = ChainFacts(
    as_of=AS_OF,
    site_calendar=WorkingCalendar("AU-NSW"),
    required_on_site=RequiredOnSite(fixed_on=date(2028, 3, 1)),
    steps=(
        StepFacts("PO_ISSUED", planned_on=date(2027, 9, 1)),
        StepFacts("FAT_PASS", 100),
        StepFacts("RTS", 20),
        StepFacts("ON_SITE", 30),
    ),
)
FORTY_WEEKS = LeadTime("PO_ISSUED", "RTS", weeks_high=Decimal(40))


def test_a_requirement_that_is_not_ordered_runs_as_if_ordered_today_with_the_span() -> None:
    steps = forecast_chain(as_if_ordered_today(CLASS_CHAIN, FORTY_WEEKS)).steps

    assert [(step.code, step.forecast_on, step.driver) for step in steps] == [
        ("PO_ISSUED", AS_OF, Driver.TODAY),
        ("FAT_PASS", None, Driver.SPAN),
        ("RTS", date(2027, 12, 6), Driver.SPAN),
        ("ON_SITE", date(2028, 1, 5), Driver.DURATION),
    ]


def test_the_backward_pass_takes_the_span_too_and_steps_inside_have_no_latest() -> None:
    steps = forecast_chain(as_if_ordered_today(CLASS_CHAIN, FORTY_WEEKS)).steps

    assert [(step.latest_on, step.float_days) for step in steps] == [
        (date(2027, 4, 26), 56),
        (None, None),
        (date(2028, 1, 31), 56),
        (date(2028, 3, 1), 56),
    ]


def test_without_an_observation_the_class_chain_counts() -> None:
    assert forecast_chain(as_if_ordered_today(CLASS_CHAIN, None)).forecast_on_site == date(2027, 7, 29)


def test_the_planners_pick_beats_the_high_end_and_part_days_count_whole() -> None:
    assert replace(FORTY_WEEKS, picked_weeks=Decimal("12.5")).span_days == 88


@pytest.mark.parametrize(
    ("lead_time", "field"),
    [
        (LeadTime("AWARD", "RTS", Decimal(1)), "basis_from"),
        (LeadTime("PO_ISSUED", "SET", Decimal(1)), "basis_to"),
        (LeadTime("RTS", "PO_ISSUED", Decimal(1)), "basis_to"),
        (LeadTime("RTS", "RTS", Decimal(1)), "basis_to"),
        (LeadTime("PO_ISSUED", "RTS", Decimal(-1)), "weeks"),
        (LeadTime("PO_ISSUED", "RTS", Decimal("NaN")), "weeks"),
    ],
)
def test_a_basis_the_chain_lacks_is_refused(lead_time: LeadTime, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        with_lead_time(CLASS_CHAIN, lead_time)

    assert refused.value.field == field


def test_a_span_never_hides_the_anchor() -> None:
    beyond = replace(CLASS_CHAIN, steps=(*CLASS_CHAIN.steps, StepFacts("SET", 5)))

    with pytest.raises(BadInput):
        with_lead_time(beyond, LeadTime("PO_ISSUED", "SET", Decimal(40)))


def test_a_span_never_hides_a_promise() -> None:
    row = PromiseFacts("p1", imprecise.on_day(date(2027, 9, 1)), stated_on=AS_OF)
    steps = tuple(replace(s, promises=(row,)) if s.code == "FAT_PASS" else s for s in CLASS_CHAIN.steps)

    with pytest.raises(BadInput):
        with_lead_time(replace(CLASS_CHAIN, steps=steps), FORTY_WEEKS)
