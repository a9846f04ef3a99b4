"""What must hold of every chain, whatever its facts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sites.domain import imprecise
from sites.domain.calendar import WorkingCalendar
from sites.domain.schedule import (
    ChainFacts,
    PromiseFacts,
    RequiredOnSite,
    StepFacts,
    deciding_promise,
    forecast_chain,
)
from sites.vocabulary import Driver, DurationBasis

FIRST, LAST = date(2026, 1, 1), date(2028, 12, 31)
CODES = ("JP", "AU-NSW", "SA")

days = st.dates(FIRST, LAST)
sometimes = st.none() | days


@st.composite
def promises(draw: st.DrawFn, as_of: date) -> tuple[PromiseFacts, ...]:
    rows: list[PromiseFacts] = []
    for place in range(draw(st.integers(0, 3))):
        said = imprecise.on_day(draw(days)) if draw(st.integers(0, 3)) else imprecise.TBD
        rows.append(
            PromiseFacts(
                id=str(place),
                said=said,
                stated_on=as_of - timedelta(days=draw(st.integers(-1, 200))),
                recorded_at=draw(st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC))),
                conditional_on=draw(sometimes),
                supersedes=str(place - 1) if place and draw(st.integers(0, 5)) == 0 else None,
                retracted=draw(st.integers(0, 5)) == 0,
            )
        )
    return tuple(rows)


@st.composite
def chains(draw: st.DrawFn) -> ChainFacts:
    as_of = draw(st.dates(date(2026, 6, 1), date(2027, 12, 31)))
    count = draw(st.integers(1, 6))
    steps = [
        StepFacts(
            code=f"S{place}",
            duration_days=draw(st.integers(0, 120)),
            basis=draw(st.sampled_from(DurationBasis)),
            calendar=draw(st.none() | st.builds(WorkingCalendar, st.sampled_from(CODES))),
            applicable=draw(st.integers(0, 5)) > 0,
            baseline_on=draw(sometimes),
            planned_on=draw(sometimes),
            locked_on=draw(sometimes) if draw(st.integers(0, 2)) == 0 else None,
            lock_set_on=draw(sometimes),
            actual_on=as_of - timedelta(days=draw(st.integers(0, 300))) if draw(st.integers(0, 2)) == 0 else None,
            promises=draw(promises(as_of)),
        )
        for place in range(count)
    ]
    anchor = draw(st.integers(0, count - 1))
    steps[anchor] = replace(steps[anchor], applicable=True)
    return ChainFacts(
        as_of=as_of,
        site_calendar=WorkingCalendar("AU-NSW", ((date(2027, 1, 4), date(2027, 1, 15)),)),
        steps=tuple(steps),
        required_on_site=draw(
            st.none() | st.builds(RequiredOnSite, anchors=st.tuples(days, days), offset_days=st.integers(0, 30))
        ),
        anchor_step=f"S{anchor}",
    )


def changed(facts: ChainFacts, place: int, change: Callable[[StepFacts], StepFacts]) -> ChainFacts:
    return replace(facts, steps=tuple(change(s) if n == place else s for n, s in enumerate(facts.steps)))


def assert_nothing_is_later(before: ChainFacts, after: ChainFacts) -> None:
    pairs = zip(forecast_chain(before).steps, forecast_chain(after).steps, strict=True)
    moved = [(old.code, old.forecast_on, new.forecast_on) for old, new in pairs if old.forecast_on < new.forecast_on]  # type: ignore[operator]
    assert moved == []


back_by = st.integers(1, 200).map(lambda n: timedelta(days=n))


@given(chains(), back_by)
def test_an_earlier_date_of_the_calculation_never_moves_a_forecast_later(facts: ChainFacts, by: timedelta) -> None:
    # What is known may lie one day after the date of the calculation, so it moves back no further than that.
    known = [step.actual_on for step in facts.steps if step.actual_on]
    known += [row.stated_on for step in facts.steps for row in step.promises]
    earlier = max([facts.as_of - by, *(day - timedelta(days=1) for day in known)])

    assert_nothing_is_later(facts, replace(facts, as_of=min(earlier, facts.as_of)))


@given(chains(), back_by, st.data())
def test_an_earlier_plan_lock_or_actual_never_moves_a_forecast_later(
    facts: ChainFacts, by: timedelta, data: st.DataObject
) -> None:
    names = ("planned_on", "locked_on", "actual_on")
    known = [(n, name) for n, step in enumerate(facts.steps) for name in names if getattr(step, name) is not None]
    place, name = data.draw(st.sampled_from(known or [(0, "planned_on")]))
    given_on = getattr(facts.steps[place], name)
    earlier: dict[str, Any] = {name: given_on - by if given_on else None}

    assert_nothing_is_later(facts, changed(facts, place, lambda step: replace(step, **earlier)))


@given(chains(), back_by, st.data())
def test_an_earlier_deciding_promise_never_moves_a_forecast_later(
    facts: ChainFacts, by: timedelta, data: st.DataObject
) -> None:
    deciding = [(n, deciding_promise(step.promises)[0]) for n, step in enumerate(facts.steps)]
    place, decides = data.draw(st.sampled_from([(n, row) for n, row in deciding if row] or deciding))
    if decides is None or decides.said.counts_on is None:
        return
    said = imprecise.on_day(decides.said.counts_on - by)
    rows = tuple(replace(row, said=said) if row is decides else row for row in facts.steps[place].promises)

    assert_nothing_is_later(facts, changed(facts, place, lambda step: replace(step, promises=rows)))


@given(chains())
def test_float_and_forecast_make_ros_at_the_anchor_and_latest_before_it(facts: ChainFacts) -> None:
    answer = forecast_chain(facts)
    codes = [step.code for step in answer.steps]
    before, after = (
        answer.steps[: codes.index(facts.anchor_step) + 1],
        answer.steps[codes.index(facts.anchor_step) + 1 :],
    )

    assert all((step.latest_on, step.float_days) == (None, None) for step in after)
    if answer.required_on_site is None:
        assert {(step.latest_on, step.float_days) for step in before} == {(None, None)}
        return
    assert all(step.forecast_on + timedelta(days=step.float_days) == step.latest_on for step in before)  # type: ignore[arg-type, operator]
    assert before[-1].latest_on == answer.required_on_site
    assert answer.forecast_on_site + timedelta(days=answer.float_days) == answer.required_on_site  # type: ignore[arg-type]


@given(chains())
def test_nothing_undone_is_in_the_past_or_before_its_predecessor(facts: ChainFacts) -> None:
    steps = forecast_chain(facts).steps
    undone = [step for step in steps if step.driver not in {Driver.ACTUAL, Driver.IMPLIED}]

    assert [step.code for step in undone if step.forecast_on < facts.as_of] == []  # type: ignore[operator]
    assert [s.code for s in undone if s.previous_on is not None and s.forecast_on < s.previous_on] == []  # type: ignore[operator]


@given(chains())
def test_only_applicable_steps_are_answered_in_their_order(facts: ChainFacts) -> None:
    assert [step.code for step in forecast_chain(facts).steps] == [s.code for s in facts.steps if s.applicable]


@given(chains())
def test_slip_is_forecast_less_baseline(facts: ChainFacts) -> None:
    for step in forecast_chain(facts).steps:
        expected = None if step.baseline_on is None else (step.forecast_on - step.baseline_on).days  # type: ignore[operator]
        assert step.slip_days == expected
