"""Promises of one statement, each conditional on the step before as that statement leaves it."""

from dataclasses import replace
from datetime import date

import pytest

from sites.domain import imprecise
from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.domain.schedule import ChainFacts, PromiseFacts, StepFacts, forecast_chain
from sites.domain.statement import PlacedPromise, StatedDate, as_known_on, place_statement, resolve_conditional_on

STATED_ON = date(2027, 3, 1)
CHAIN = ChainFacts(
    as_of=STATED_ON,
    site_calendar=WorkingCalendar("JP"),
    anchor_step="ON_SITE",
    steps=(
        StepFacts("PO_ISSUED", actual_on=date(2027, 2, 20)),
        StepFacts("RTM", 30),
        StepFacts("FAT_PASS", 100),
        StepFacts("ON_SITE", 30),
    ),
)
AUGUST, SEPTEMBER = imprecise.on_day(date(2027, 8, 1)), imprecise.on_day(date(2027, 9, 1))


def test_each_promise_is_conditional_on_the_step_before_as_the_statement_leaves_it() -> None:
    rows = place_statement(CHAIN, [StatedDate("ON_SITE", SEPTEMBER), StatedDate("FAT_PASS", AUGUST)])

    assert rows == (
        PlacedPromise("FAT_PASS", AUGUST, date(2027, 3, 22), None),
        PlacedPromise("ON_SITE", SEPTEMBER, date(2027, 8, 1), None),
    )


def test_what_the_vendor_stated_stands() -> None:
    (row,) = place_statement(CHAIN, [StatedDate("FAT_PASS", AUGUST, conditional_on=date(2027, 4, 4))])

    assert row.conditional_on == date(2027, 4, 4)


def test_a_promise_of_the_first_step_depends_on_nothing() -> None:
    (row,) = place_statement(CHAIN, [StatedDate("PO_ISSUED", AUGUST)])

    assert row.conditional_on is None


def test_a_step_added_to_the_statement_records_its_later_steps_again() -> None:
    written = [StatedDate("RTM", imprecise.on_day(date(2027, 4, 1)), id="r"), StatedDate("ON_SITE", SEPTEMBER, id="o")]

    rows = place_statement(CHAIN, [StatedDate("FAT_PASS", AUGUST)], already=written)

    assert rows == (
        PlacedPromise("FAT_PASS", AUGUST, date(2027, 4, 1), None),
        PlacedPromise("ON_SITE", SEPTEMBER, date(2027, 8, 1), "o"),
    )


def test_rows_of_the_statement_that_are_in_the_ledger_do_not_count_twice() -> None:
    old = PromiseFacts("f", imprecise.on_day(date(2027, 12, 1)), stated_on=STATED_ON)
    steps = tuple(replace(step, promises=(old,)) if step.code == "FAT_PASS" else step for step in CHAIN.steps)

    rows = place_statement(
        replace(CHAIN, steps=steps),
        [StatedDate("FAT_PASS", AUGUST), StatedDate("ON_SITE", SEPTEMBER)],
        already=[StatedDate("FAT_PASS", old.said, id="f")],
    )

    assert [(row.conditional_on, row.supersedes) for row in rows] == [
        (date(2027, 3, 22), "f"),
        (date(2027, 8, 1), None),
    ]


@pytest.mark.parametrize(
    "stated", [[StatedDate("SET", AUGUST)], [StatedDate("RTM", AUGUST), StatedDate("RTM", SEPTEMBER)]]
)
def test_a_statement_about_no_step_or_twice_about_one_is_refused(stated: list[StatedDate]) -> None:
    with pytest.raises(BadInput) as refused:
        place_statement(CHAIN, stated)

    assert refused.value.field == f"promises[{len(stated) - 1}].step"


def test_the_condition_is_the_stated_one_else_the_forecast_else_the_baseline_else_none() -> None:
    a, b, c = date(2027, 1, 1), date(2027, 2, 2), date(2027, 3, 3)

    assert resolve_conditional_on(stated=a, forecast_before=b, baseline_before=c) == a
    assert resolve_conditional_on(stated=None, forecast_before=b, baseline_before=c) == b
    assert resolve_conditional_on(stated=None, forecast_before=None, baseline_before=c) == c
    assert resolve_conditional_on(stated=None, forecast_before=None, baseline_before=None) is None


def test_a_chain_as_known_on_a_day_knows_nothing_of_later_days() -> None:
    late = PromiseFacts("p2", SEPTEMBER, stated_on=date(2027, 2, 25), supersedes="p1")
    early = PromiseFacts("p1", AUGUST, stated_on=date(2027, 2, 1))
    steps = (
        CHAIN.steps[0],
        replace(CHAIN.steps[1], locked_on=date(2027, 5, 5), lock_set_on=date(2027, 2, 26)),
        replace(CHAIN.steps[2], promises=(early, late)),
        CHAIN.steps[3],
    )

    answer = forecast_chain(as_known_on(replace(CHAIN, steps=steps), date(2027, 2, 21)))

    assert [(step.forecast_on, step.promise_id) for step in answer.steps[:3]] == [
        (date(2027, 2, 20), None),
        (date(2027, 3, 22), None),
        (date(2027, 8, 1), "p1"),
    ]
