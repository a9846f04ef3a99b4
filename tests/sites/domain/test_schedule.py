"""The chain, rule by rule, and the worked example of the dates page to the day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from sites.domain import imprecise
from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.domain.schedule import (
    ChainAnswer,
    ChainFacts,
    PromiseFacts,
    RequiredOnSite,
    StepAnswer,
    StepFacts,
    forecast_chain,
    input_hash,
)
from sites.vocabulary import Driver, DurationBasis, StepFlag

SYDNEY = WorkingCalendar("AU-NSW")
JAPAN = WorkingCalendar("JP")
WORKING = DurationBasis.WORKING
AS_OF = date(2027, 3, 1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def promised(text: str, *, stated: str = "2027-01-10", **more: object) -> PromiseFacts:
    row = PromiseFacts(id="p1", said=imprecise.on_day(day(text)), stated_on=day(stated))
    return replace(row, **more)  # type: ignore[arg-type]


def undecided(*, stated: str, id: str = "tbd") -> PromiseFacts:
    return PromiseFacts(id=id, said=imprecise.TBD, stated_on=day(stated))


def chain(*steps: StepFacts, ros: str | None = None, **more: object) -> ChainFacts:
    """Steps on calendar days; the last is the anchor unless said."""
    facts = ChainFacts(
        as_of=AS_OF,
        site_calendar=SYDNEY,
        steps=steps,
        required_on_site=RequiredOnSite(fixed_on=day(ros)) if ros else None,
        anchor_step=steps[-1].code if steps else "ON_SITE",
    )
    return replace(facts, **more)  # type: ignore[arg-type]


def answers(facts: ChainFacts) -> dict[str, StepAnswer]:
    return {step.code: step for step in forecast_chain(facts).steps}


def last(*steps: StepFacts) -> StepAnswer:
    return forecast_chain(chain(*steps)).steps[-1]


def begun(on: str = "2027-02-20") -> StepFacts:
    return StepFacts("A", actual_on=day(on))


EXAMPLE = ChainFacts(
    as_of=day("2026-11-20"),
    site_calendar=SYDNEY,
    required_on_site=RequiredOnSite(anchors=(day("2027-10-05"), day("2027-11-15")), offset_days=10),
    steps=(
        StepFacts("PO_ISSUED", baseline_on=day("2026-08-03"), actual_on=day("2026-08-03")),
        StepFacts("SUBMITTAL_IN", 30, WORKING, JAPAN, baseline_on=day("2026-09-17"), actual_on=day("2026-09-25")),
        StepFacts("SUBMITTAL_APPROVED", 15, WORKING, SYDNEY, baseline_on=day("2026-10-09")),
        StepFacts("RTM", 5, WORKING, JAPAN, baseline_on=day("2026-10-16")),
        StepFacts(
            "FAT_PASS",
            220,
            baseline_on=day("2027-05-24"),
            promises=(promised("2027-05-21", stated="2026-10-01", conditional_on=day("2026-10-16")),),
        ),
        StepFacts("RTS", 10, WORKING, JAPAN, baseline_on=day("2027-06-07")),
        StepFacts("ARRIVED_PORT", 28, baseline_on=day("2027-07-05")),
        StepFacts("IMPORT_CLEARED", 7, baseline_on=day("2027-07-12")),
        StepFacts("ON_SITE", 5, WORKING, SYDNEY, baseline_on=day("2027-07-19")),
    ),
)

TABLE = """
PO_ISSUED          2026-08-03 actual          2026-10-07 65  0
SUBMITTAL_IN       2026-09-25 actual          2026-11-20 56  8
SUBMITTAL_APPROVED 2026-11-20 today           2026-12-11 21 42
RTM                2026-11-30 duration        2026-12-18 18 45
FAT_PASS           2027-07-05 promise_shifted 2027-07-26 21 42
RTS                2027-07-20 duration        2027-08-09 20 43
ARRIVED_PORT       2027-08-17 duration        2027-09-06 20 43
IMPORT_CLEARED     2027-08-24 duration        2027-09-13 20 43
ON_SITE            2027-08-31 duration        2027-09-20 20 43
"""


def test_the_worked_example_comes_out_to_the_day() -> None:
    answer = forecast_chain(EXAMPLE)

    assert [
        f"{s.code} {s.forecast_on} {s.driver} {s.latest_on} {s.float_days} {s.slip_days}" for s in answer.steps
    ] == [" ".join(line.split()) for line in TABLE.strip().splitlines()]
    assert (answer.required_on_site, answer.forecast_on_site) == (day("2027-09-20"), day("2027-08-31"))
    assert (answer.float_days, answer.float_working_days) == (20, 14)
    assert all(step.flags == () for step in answer.steps)


def test_the_worked_example_says_why_the_test_moved() -> None:
    fat = answers(EXAMPLE)["FAT_PASS"]

    assert (fat.promise_counts_on, fat.conditional_on, fat.previous_on, fat.shift_days) == (
        day("2027-05-21"),
        day("2026-10-16"),
        day("2026-11-30"),
        45,
    )


# Done and implied


def test_an_actual_before_its_predecessor_stands_and_is_flagged() -> None:
    step = last(begun("2027-02-20"), StepFacts("B", 10, actual_on=day("2027-02-10")))

    assert (step.forecast_on, step.driver, step.flags) == (day("2027-02-10"), Driver.ACTUAL, (StepFlag.OUT_OF_ORDER,))


def test_an_actual_beats_lock_and_promise() -> None:
    step = last(
        begun(),
        StepFacts(
            "B", 10, actual_on=day("2027-02-21"), locked_on=day("2027-05-01"), promises=(promised("2027-06-01"),)
        ),
    )

    assert (step.forecast_on, step.driver) == (day("2027-02-21"), Driver.ACTUAL)


def test_a_step_without_actual_takes_the_nearest_later_one() -> None:
    found = answers(
        chain(
            begun("2027-01-05"),
            StepFacts("B", 10, locked_on=day("2027-09-01")),
            StepFacts("C", 10, actual_on=day("2027-02-01")),
            StepFacts("D", 10, actual_on=day("2027-02-25")),
        )
    )

    assert (found["B"].forecast_on, found["B"].driver, found["B"].flags) == (
        day("2027-02-01"),
        Driver.IMPLIED,
        (StepFlag.ACTUAL_MISSING,),
    )


def test_a_step_that_is_not_applicable_implies_nothing() -> None:
    found = answers(chain(begun(), StepFacts("B", 30), StepFacts("X", actual_on=day("2027-02-25"), applicable=False),
                          StepFacts("C", 1)))  # fmt: skip

    assert (found["B"].driver, set(found)) == (Driver.DURATION, {"A", "B", "C"})


def test_an_actual_may_lie_one_day_after_the_date_of_the_calculation_because_sites_are_ahead() -> None:
    assert last(begun("2027-03-02")).forecast_on == day("2027-03-02")


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ((begun(), StepFacts("B", actual_on=day("2027-03-03"))), "steps[1].actual_on"),
        ((begun(), StepFacts("B", promises=(promised("2027-06-01", stated="2027-03-03"),))),
         "steps[1].promises[0].stated_on"),
        ((begun(), StepFacts("A")), "steps[1].code"),
        ((begun(), StepFacts("B", -1)), "steps[1].duration_days"),
        ((begun(), StepFacts("B", 40_000)), "steps[1].duration_days"),
        ((begun(), StepFacts("B", locked_on=day("1999-12-31"))), "steps[1].locked_on"),
        ((begun(), StepFacts("B", applicable=False)), "anchor_step"),
        ((begun(), StepFacts("B", promises=(promised("2027-06-01"), promised("2027-06-02")))),
         "steps[1].promises[1].id"),
        ((begun(), StepFacts("B", promises=(promised("2027-06-01", supersedes="p9"),))),
         "steps[1].promises[0].supersedes"),
        ((begun(), StepFacts("B", promises=(promised("2100-12-01", conditional_on=day("2026-01-01")),))),
         "steps[1].promises"),
        ((), "steps"),
    ],
)  # fmt: skip
def test_facts_the_engine_cannot_stand_on_are_refused_by_name(steps: tuple[StepFacts, ...], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        forecast_chain(chain(*steps))

    assert refused.value.field == field


def test_a_chain_without_its_anchor_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        forecast_chain(chain(begun(), anchor_step="ON_SITE"))

    assert refused.value.field == "anchor_step"


# Locks


def test_a_lock_beats_a_promise() -> None:
    step = last(begun(), StepFacts("B", 10, locked_on=day("2027-04-01"), promises=(promised("2027-08-01"),)))

    assert (step.forecast_on, step.driver, step.flags) == (day("2027-04-01"), Driver.LOCKED, ())


@pytest.mark.parametrize(("stated", "flags"), [("2027-02-01", ()), ("2027-02-02", (StepFlag.PROMISE_AFTER_LOCK,))])
def test_a_promise_stated_after_the_lock_was_set_is_flagged(stated: str, flags: tuple[StepFlag, ...]) -> None:
    step = last(
        begun(),
        StepFacts(
            "B",
            locked_on=day("2027-04-01"),
            lock_set_on=day("2027-02-01"),
            promises=(promised("2027-08-01", stated=stated),),
        ),
    )

    assert step.flags == flags


def test_a_lock_before_the_step_before_gives_way_to_it() -> None:
    step = last(begun(), StepFacts("B", 90), StepFacts("C", 5, locked_on=day("2027-04-01")))

    assert (step.forecast_on, step.driver) == (day("2027-05-21"), Driver.PREDECESSOR)


def test_a_lock_in_the_past_becomes_today() -> None:
    step = last(begun(), StepFacts("B", locked_on=day("2027-02-22")))

    assert (step.forecast_on, step.driver) == (AS_OF, Driver.TODAY)


# Promises


def test_a_promise_moves_by_as_much_as_its_condition_is_late() -> None:
    step = last(
        begun("2027-02-20"), StepFacts("B", 1, promises=(promised("2027-06-01", conditional_on=day("2027-02-10")),))
    )

    assert (step.forecast_on, step.driver, step.shift_days) == (day("2027-06-11"), Driver.PROMISE_SHIFTED, 10)


@pytest.mark.parametrize("condition", ["2027-02-20", "2027-12-31", None])
def test_an_early_owner_or_no_condition_does_not_move_a_promise(condition: str | None) -> None:
    given = promised("2027-06-01", conditional_on=day(condition) if condition else None)

    step = last(begun("2027-02-20"), StepFacts("B", 1, promises=(given,)))

    assert (step.forecast_on, step.driver, step.shift_days) == (day("2027-06-01"), Driver.PROMISE, 0)


def test_a_promise_on_the_first_step_has_no_shift_and_no_predecessor() -> None:
    step = last(StepFacts("A", planned_on=day("2027-09-01"),
                          promises=(promised("2027-06-01", conditional_on=day("2026-01-01")),)))  # fmt: skip

    assert (step.forecast_on, step.driver) == (day("2027-06-01"), Driver.PROMISE)


def test_a_shifted_promise_in_the_past_becomes_today() -> None:
    step = last(
        begun("2027-02-20"), StepFacts("B", promises=(promised("2027-02-21", conditional_on=day("2027-02-19")),))
    )

    assert (step.forecast_on, step.driver) == (AS_OF, Driver.TODAY)


def test_a_promise_before_the_step_before_becomes_its_date() -> None:
    step = last(
        begun(), StepFacts("B", locked_on=day("2027-07-01")), StepFacts("C", promises=(promised("2027-06-01"),))
    )

    assert (step.forecast_on, step.driver) == (day("2027-07-01"), Driver.PREDECESSOR)


def test_the_step_before_may_be_today_itself_and_is_then_the_rule_that_changed_the_date() -> None:
    step = last(begun(), StepFacts("B", 1), StepFacts("C", promises=(promised("2027-02-22"),)))

    assert (step.forecast_on, step.driver) == (AS_OF, Driver.PREDECESSOR)


RECORDED = datetime(2027, 1, 11, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(
            (promised("2027-07-07", id="x", stated="2027-02-01"), promised("2027-06-01", stated="2027-01-01")),
            id="stated later, whatever its place",
        ),
        pytest.param(
            (promised("2027-07-07", id="x", recorded_at=RECORDED + timedelta(hours=1)),
             promised("2027-06-01", recorded_at=RECORDED)),
            id="stated alike, recorded later",
        ),
        pytest.param(
            (promised("2027-06-01", recorded_at=RECORDED), promised("2027-07-07", id="x", recorded_at=RECORDED)),
            id="stated and recorded alike, later in the ledger",
        ),
        pytest.param(
            (promised("2027-07-07", id="x"), promised("2027-06-01", stated="2027-02-01", retracted=True)),
            id="the later one retracted",
        ),
        pytest.param(
            (promised("2027-06-01", stated="2027-02-01"), promised("2027-07-07", id="x", supersedes="p1")),
            id="the later one superseded",
        ),
        pytest.param(
            (promised("2027-07-07", id="x"),
             promised("2027-06-01", stated="2027-02-01", supersedes="x", retracted=True)),
            id="a retracted row supersedes nothing",
        ),
    ],
)  # fmt: skip
def test_the_deciding_promise_is_the_latest_live_one(rows: tuple[PromiseFacts, ...]) -> None:
    step = last(begun(), StepFacts("B", promises=rows))

    assert (step.forecast_on, step.promise_id) == (day("2027-07-07"), "x")


def test_tbd_never_withdraws_a_dated_promise() -> None:
    step = last(begun(), StepFacts("B", promises=(promised("2027-06-01"), undecided(stated="2027-02-01"))))

    assert (step.forecast_on, step.driver, step.flags) == (day("2027-06-01"), Driver.PROMISE, (StepFlag.TBD,))


def test_a_dated_promise_after_tbd_answers_it() -> None:
    step = last(begun(), StepFacts("B", promises=(undecided(stated="2027-01-01"), promised("2027-06-01"))))

    assert step.flags == ()


def test_tbd_alone_is_computed_as_if_nothing_were_promised() -> None:
    step = last(begun("2027-02-20"), StepFacts("B", 30, promises=(undecided(stated="2027-01-01"),)))

    assert (step.forecast_on, step.driver, step.flags) == (day("2027-03-22"), Driver.DURATION, (StepFlag.TBD,))


def test_a_promise_counts_at_the_end_of_its_precision_also_inside_its_period() -> None:
    said = imprecise.read_as_said("Mar 2027", as_of=AS_OF)

    step = last(begun(), StepFacts("B", promises=(promised("2027-01-01", said=said),)))

    assert step.forecast_on == day("2027-03-31")


# Durations, the first step, today


def test_a_step_without_calendar_counts_the_days_of_the_site_with_its_closures() -> None:
    closed = WorkingCalendar("AU-NSW", ((day("2027-03-08"), day("2027-03-12")),))

    answer = forecast_chain(
        chain(StepFacts("A", planned_on=day("2027-03-05")), StepFacts("B", 1, WORKING), site_calendar=closed)
    )

    assert (answer.steps[1].forecast_on, answer.steps[1].calendar) == (day("2027-03-15"), "AU-NSW")


def test_a_step_with_a_calendar_does_not_take_the_closures_of_the_site() -> None:
    closed = WorkingCalendar("AU-NSW", ((day("2027-03-08"), day("2027-03-12")),))

    answer = forecast_chain(
        chain(StepFacts("A", planned_on=day("2027-03-05")), StepFacts("B", 1, WORKING, JAPAN), site_calendar=closed)
    )

    assert answer.steps[1].forecast_on == day("2027-03-08")


@pytest.mark.parametrize(
    ("planned", "forecast", "driver"),
    [("2027-04-01", "2027-04-01", Driver.PLAN), (None, "2027-03-01", Driver.TODAY),
     ("2027-02-01", "2027-03-01", Driver.TODAY), ("2027-03-01", "2027-03-01", Driver.PLAN)],
)  # fmt: skip
def test_the_first_step_takes_its_plan_but_never_the_past(planned: str | None, forecast: str, driver: Driver) -> None:
    step = last(StepFacts("A", 99, planned_on=day(planned) if planned else None))

    assert (step.forecast_on, step.driver) == (day(forecast), driver)


def test_the_plan_of_a_later_step_is_not_read() -> None:
    assert last(begun(), StepFacts("B", 30, planned_on=day("2027-09-09"))).forecast_on == day("2027-03-22")


def test_the_first_applicable_step_is_the_first_step() -> None:
    step = last(StepFacts("X", applicable=False), StepFacts("A", 50, planned_on=day("2027-04-01")))

    assert (step.forecast_on, step.driver) == (day("2027-04-01"), Driver.PLAN)


def test_nothing_undone_finishes_in_the_past() -> None:
    step = last(begun("2027-01-01"), StepFacts("B", 10))

    assert (step.forecast_on, step.driver) == (AS_OF, Driver.TODAY)


# Backward


def test_the_backward_pass_takes_the_duration_basis_and_calendar_of_the_next_step() -> None:
    found = answers(chain(begun(), StepFacts("B", 10), StepFacts("C", 3, WORKING, JAPAN), ros="2027-05-06"))

    # Golden week: 6 May back over the 3rd, 4th and 5th to 30 April, 28 April, 27 April (29th is Showa Day)
    assert (found["C"].latest_on, found["B"].latest_on, found["A"].latest_on) == (
        day("2027-05-06"),
        day("2027-04-27"),
        day("2027-04-17"),
    )


def test_steps_after_the_anchor_have_a_forecast_but_no_latest_and_no_float() -> None:
    found = answers(
        chain(begun(), StepFacts("ON_SITE", 30), StepFacts("SET", 5), ros="2027-05-06", anchor_step="ON_SITE")
    )

    assert (found["SET"].forecast_on, found["SET"].latest_on, found["SET"].float_days) == (
        day("2027-03-27"),
        None,
        None,
    )
    assert found["ON_SITE"].float_days == 45


def test_steps_that_are_not_applicable_are_left_out_of_the_backward_pass() -> None:
    found = answers(chain(begun(), StepFacts("X", 500, applicable=False), StepFacts("C", 10), ros="2027-05-06"))

    assert found["A"].latest_on == day("2027-04-26")


@pytest.mark.parametrize("rule", [None, RequiredOnSite()])
def test_without_ros_there_is_neither_latest_nor_float(rule: RequiredOnSite | None) -> None:
    answer: ChainAnswer = forecast_chain(chain(begun(), StepFacts("B", 10), required_on_site=rule))

    assert (answer.required_on_site, answer.float_days, answer.float_working_days) == (None, None, None)
    assert {(step.latest_on, step.float_days) for step in answer.steps} == {(None, None)}


def test_the_shake_out_counts_working_days_of_the_site_unless_stated() -> None:
    anchors = (day("2027-11-15"), day("2027-10-05"))

    working = forecast_chain(chain(begun(), required_on_site=RequiredOnSite(anchors=anchors, offset_days=10)))
    calendar = forecast_chain(
        chain(
            begun(),
            required_on_site=RequiredOnSite(anchors=anchors, offset_days=10, offset_basis=DurationBasis.CALENDAR),
        )
    )

    assert (working.required_on_site, calendar.required_on_site) == (day("2027-09-20"), day("2027-09-25"))


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (RequiredOnSite(fixed_on=AS_OF, anchors=(AS_OF,)), "required_on_site.fixed_on"),
        (RequiredOnSite(anchors=(AS_OF,), offset_days=-1), "required_on_site.offset_days"),
        (RequiredOnSite(anchors=(AS_OF,), offset_days=10**9), "required_on_site.offset_days"),
        (RequiredOnSite(anchors=(date(2101, 1, 1),)), "required_on_site.anchors[0]"),
    ],
)
def test_a_ros_rule_that_cannot_be_meant_is_refused(rule: RequiredOnSite, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        forecast_chain(chain(begun(), required_on_site=rule))

    assert refused.value.field == field


# Hash


def test_equal_facts_have_one_hash_and_any_changed_fact_another() -> None:
    late = replace(EXAMPLE, as_of=day("2026-11-21"))
    locked = replace(EXAMPLE, steps=(*EXAMPLE.steps[:-1], replace(EXAMPLE.steps[-1], locked_on=day("2027-09-01"))))

    assert input_hash(EXAMPLE) == input_hash(replace(EXAMPLE))
    assert len({input_hash(EXAMPLE), input_hash(late), input_hash(locked)}) == 3
