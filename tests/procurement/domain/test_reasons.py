"""The reason of a date says what the engine did, for any chain of facts."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from procurement.domain.reasons import Behind, Cause, NoteKind, Reason, Stage, Standing, waterfall
from procurement.queries.reasons import reason_of_answer
from procurement.services.reason_text import Names, tell
from sites.domain.schedule import ChainFacts, StepFacts, forecast_chain
from sites.vocabulary import DurationBasis, Party
from tests.sites.domain.random_chains import chains
from tests.sites.domain.test_schedule import EXAMPLE, begun, chain, day, promised, undecided

NUMBER_OF_CHAINS = 2500


def why(facts: ChainFacts) -> Reason:
    found = reason_of_answer(forecast_chain(facts), facts.as_of)
    assert found is not None
    return found


def told(facts: ChainFacts) -> str:
    return str(tell(why(facts), Names(site="SYD1", vendor="Kogarashino")))


def test_every_reason_of_random_chains_is_true() -> None:
    seen = set()
    for facts in chains(7, NUMBER_OF_CHAINS):
        answer = forecast_chain(facts)
        steps = {step.code: step for step in answer.steps}
        found = why(facts)
        seen.add(found.cause)
        assert (found.forecast_on, found.float_days) == (answer.forecast_on_site, answer.float_days)
        assert found.on == steps[found.code].forecast_on
        assert found.on + timedelta(days=found.rest.days if found.rest else 0) == found.forecast_on
        if found.cause in {Cause.PROMISED, Cause.MOVED}:
            assert found.promised_on is not None
            assert found.promised_on + timedelta(days=found.shift_days) == found.on
        if found.cause in {Cause.PROMISE_OVER, Cause.OVERDUE}:
            assert found.on == facts.as_of
        if found.cause is Cause.PROMISE_OVER:
            assert found.promised_on is not None
            assert found.promised_on < facts.as_of
        if found.cause is Cause.PINNED:
            assert found.on == next(step.locked_on for step in facts.steps if step.code == found.code)
        if found.behind is not None:
            assert found.behind.late_days == steps[found.behind.code].slip_days
        assert (found.behind is None) == (found.cause is not Cause.MOVED)
    assert seen == set(Cause) - {Cause.ORDERED_TODAY}


def test_every_random_reason_can_be_said_and_names_where_it_ends() -> None:
    for facts in chains(8, 500):
        found = why(facts)
        assert found.forecast_on.strftime("%Y") in str(tell(found, Names()))


def test_the_worked_example_blames_the_approval_and_not_the_vendor() -> None:
    found = why(EXAMPLE)

    assert (found.cause, found.code, found.promised_on, found.on) == (
        Cause.MOVED, "FAT_PASS", day("2027-05-21"), day("2027-07-05"),
    )  # fmt: skip
    assert found.behind == Behind("SUBMITTAL_APPROVED", Party.OWNER, 42)


def test_the_worked_example_in_a_sentence() -> None:
    assert told(EXAMPLE) == (
        "SYD1 asked for it by 20 Sep 2027; your approval, 42 days late, moved the vendor's own date for “Factory test "
        "passed” from 21 May 2027 to 5 Jul 2027; 57 days in 4 usual steps from “Factory test passed” to “On site”; so "
        "it is expected on 31 Aug 2027, 20 days before that."
    )


def _customs(on: str) -> ChainFacts:
    return replace(EXAMPLE, steps=(*EXAMPLE.steps[:7], replace(EXAMPLE.steps[7], actual_on=day(on)), EXAMPLE.steps[8]))


def test_a_single_step_of_working_days_is_told_with_the_days_off() -> None:
    told_now = told(replace(_customs("2026-11-19"), as_of=day("2026-11-20")))

    assert "5 working days from “Import cleared” to “On site” (with 2 days off between)" in told_now


A, B = StepFacts("A"), StepFacts("B", 10)
SAID = [
    pytest.param(
        chain(begun(), replace(B, actual_on=day("2027-02-28")), ros="2027-02-20"),
        "SYD1 asked for it by 20 Feb 2027; it came on 28 Feb 2027, 8 days late.",
        id="arrived late",
    ),
    pytest.param(
        chain(begun(), B),
        "Nobody has said when it is required; “A” was done on 20 Feb 2027; 10 days from “A” to “B”; "
        "so it is expected on 2 Mar 2027.",
        id="no required date",
    ),
    pytest.param(
        chain(begun(), replace(B, locked_on=day("2027-04-01")), ros="2027-04-01"),
        "SYD1 asked for it by 1 Apr 2027; “B” is pinned to 1 Apr 2027; so it is expected on 1 Apr 2027, the very day.",
        id="pinned",
    ),
    pytest.param(
        chain(begun(), replace(B, baseline_on=day("2027-03-31"), promises=(promised("2027-04-01"),)), ros="2027-03-01"),
        "SYD1 asked for it by 1 Mar 2027; Kogarashino promises “B” for 1 Apr 2027, 1 day later than agreed; "
        "so it is expected on 1 Apr 2027, 31 days late. "
        "What was agreed, 31 Mar 2027, is itself 30 days after the required date.",
        id="promised",
    ),
    pytest.param(
        chain(begun(), replace(B, promises=(promised("2027-02-21"),))),
        "Nobody has said when it is required; Kogarashino promised “B” for 21 Feb 2027, that day is over and "
        "nothing is recorded, so it counts as 1 Mar 2027; so it is expected on 1 Mar 2027.",
        id="promise over",
    ),
    pytest.param(
        chain(StepFacts("A", planned_on=day("2027-05-01")), replace(B, promises=(promised("2027-04-01"),))),
        "Nobody has said when it is required; “A” is planned for 1 May 2027; so it is expected on 1 May 2027. "
        "“B” had an earlier date of its own, but cannot come before the step before it.",
        id="held back",
    ),
    pytest.param(
        chain(begun(), StepFacts("M", 60), replace(B, promises=(promised("2027-04-01"),)), ros="2027-04-20"),
        "SYD1 asked for it by 20 Apr 2027; “A” was done on 20 Feb 2027; 60 days from “A” to “M”; so it is expected on "
        "21 Apr 2027, 1 day late. “B” had an earlier date of its own, but cannot come before the step before it.",
        id="held back by a usual step",
    ),
    pytest.param(
        chain(
            begun("2027-02-22"),
            replace(
                B, baseline_on=day("2027-03-02"), promises=(promised("2027-04-01", conditional_on=day("2027-02-20")),)
            ),
        ),
        "Nobody has said when it is required; Kogarashino promises “B” for 1 Apr 2027, 30 days later than agreed, and "
        "2 days more, to 3 Apr 2027, as “A” (Vendor) comes later than the vendor relied on; so it "
        "is expected on 3 Apr 2027.",
        id="late of its own and moved a little",
    ),
    pytest.param(
        chain(begun(), replace(B, promises=(promised("2027-04-01"), undecided(stated="2027-02-01"))), ros="2027-04-02"),
        "SYD1 asked for it by 2 Apr 2027; Kogarashino promises “B” for 1 Apr 2027; so it is expected on 1 Apr 2027, "
        "1 day before that. For “B” the vendor has since said “to be decided”.",
        id="undecided",
    ),
    pytest.param(
        chain(A, StepFacts("M", 5, actual_on=day("2027-02-10")), B),
        "Nobody has said when it is required; “B” is not done and its time is over, so it counts as 1 Mar 2027; "
        "so it is expected on 1 Mar 2027. For “A” its own day is not recorded.",
        id="overdue",
    ),
    pytest.param(
        chain(begun("2027-02-20"), replace(B, actual_on=day("2027-02-10"))),
        "Nobody has said when it is required; it came on 10 Feb 2027. “B” is recorded before the step before it.",
        id="out of order",
    ),
]


@pytest.mark.parametrize(("facts", "sentence"), SAID)
def test_a_case_is_told_in_a_sentence(facts: ChainFacts, sentence: str) -> None:
    assert told(facts) == sentence


def test_years_without_holidays_are_told() -> None:
    facts = ChainFacts(
        as_of=day("2099-12-20"),
        site_calendar=EXAMPLE.steps[1].calendar or EXAMPLE.site_calendar,
        steps=(StepFacts("A", planned_on=day("2099-12-28")), StepFacts("B", 20, DurationBasis.WORKING)),
        anchor_step="B",
    )

    found = why(facts)

    assert [(note.kind, note.years) for note in found.notes] == [(NoteKind.WITHOUT_HOLIDAYS, (2100,))]
    assert "only weekends count in 2100: no holidays are known for then." in str(tell(found, Names()))


def test_what_came_late_says_where_most_was_lost() -> None:
    steps = (
        replace(begun("2027-01-12"), baseline_on=day("2027-01-10")),
        replace(B, actual_on=day("2027-02-20"), baseline_on=day("2027-01-20")),
        StepFacts("C", 5, actual_on=day("2027-02-22"), baseline_on=day("2027-01-25")),
    )

    found = why(chain(*steps, ros="2027-02-01"))

    assert found.worst == Behind("B", Party.VENDOR, 29)
    assert "; it came on 22 Feb 2027, 21 days late; most was lost at “B” (Vendor), 29 days more than agreed." in str(
        tell(found, Names())
    )


def test_what_has_no_day_of_its_own_lost_nothing() -> None:
    steps = (
        replace(begun("2027-01-10"), baseline_on=day("2027-01-10")),
        replace(B, baseline_on=day("2027-01-12")),
        StepFacts("C", 5, actual_on=day("2027-02-22"), baseline_on=day("2027-02-12")),
    )

    assert why(chain(*steps, ros="2027-02-20")).worst == Behind("C", Party.VENDOR, 10)


def test_an_agreed_date_after_the_required_one_is_said() -> None:
    late = chain(begun(), replace(B, baseline_on=day("2027-03-02")), ros="2027-03-01")

    assert told(late).endswith("1 day late. What was agreed, 2 Mar 2027, is itself 1 day after the required date.")


def test_the_reason_that_a_vendor_gave_is_told() -> None:
    facts = chain(begun(), replace(B, baseline_on=day("2027-03-02"), promises=(promised("2027-03-09"),)))

    said = str(tell(why(facts), Names(vendor="Kogarashino", because="Capacity")))

    assert "for 9 Mar 2027, 7 days later than agreed (the reason given: Capacity); so it" in said


def test_a_promise_beside_a_pin_is_told_with_its_date() -> None:
    pinned = replace(B, locked_on=day("2027-03-20"), lock_set_on=day("2027-01-05"), promises=(promised("2027-03-09"),))

    assert "For “B” the vendor has promised 9 Mar 2027 since it was pinned." in told(chain(begun(), pinned))


def test_one_day_off_is_one_day() -> None:
    facts = replace(chain(begun("2027-02-25"), StepFacts("B", 3, DurationBasis.WORKING)), as_of=day("2027-02-26"))

    assert "3 working days from “A” to “B” (with 2 days off between)" in told(facts)
    holiday = replace(chain(begun("2027-01-25"), StepFacts("B", 2, DurationBasis.WORKING)), as_of=day("2027-01-25"))
    assert "2 working days from “A” to “B” (with 1 day off between)" in told(holiday)


# -- where the float went --------------------------------------------------------------------------------------------


def standing(required_on: str, **dates: str) -> Standing:
    return Standing(day(required_on), [(code, day(on)) for code, on in dates.items()])


def test_a_waterfall_leads_from_one_float_to_the_other() -> None:
    before = standing("2027-09-20", A="2026-10-01", B="2027-05-01", C="2027-08-01")
    after = standing("2027-09-10", A="2026-10-11", B="2027-05-08", C="2027-08-20")

    found = waterfall(before, after)

    assert (found.float_from, found.float_to) == (50, 21)
    assert found.stages == (
        Stage("A", 10, 50, 40),
        Stage("B", -3, 40, 43),
        Stage("C", 12, 43, 31),
        Stage("", 10, 31, 21),
    )


def test_a_step_that_only_one_of_the_two_knows_shows_in_the_next() -> None:
    before = standing("2027-09-20", A="2026-10-01", C="2027-08-01")
    after = standing("2027-09-20", A="2026-10-01", B="2027-05-08", C="2027-08-05")

    assert [(stage.code, stage.days) for stage in waterfall(before, after).stages] == [("C", 4)]


def test_waterfalls_of_random_chains_add_up_exactly() -> None:
    compared = 0
    for facts in chains(9, 600):
        later = replace(facts, as_of=facts.as_of + timedelta(days=90))
        pair = []
        for each in (facts, later):
            answer = forecast_chain(each)
            codes = [step.code for step in answer.steps]
            dates: list[tuple[str, date]] = [
                (step.code, step.forecast_on)
                for step in answer.steps[: codes.index(answer.anchor_step) + 1]
                if step.forecast_on
            ]
            if answer.required_on_site is not None:
                pair.append((answer, Standing(answer.required_on_site, dates)))
        if len(pair) < 2:
            continue
        compared += 1
        found = waterfall(pair[0][1], pair[1][1])
        assert (found.float_from, found.float_to) == (pair[0][0].float_days, pair[1][0].float_days)
        assert found.float_from - sum(stage.days for stage in found.stages) == found.float_to
    assert compared > 300
