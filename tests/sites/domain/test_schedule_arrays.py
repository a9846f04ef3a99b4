"""The engine over arrays says what the readable one says, to the day, over every rule."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.domain.imprecise import on_day
from sites.domain.schedule import ChainAnswer, ChainFacts, PromiseFacts, RequiredOnSite, StepFacts, forecast_chain
from sites.domain.schedule_arrays import answer, pack, unpack
from sites.vocabulary import Driver, DurationBasis, StepFlag
from tests.sites.domain.random_chains import chains

SYDNEY = WorkingCalendar("AU-NSW")
SEED, CHAINS = 20261120, 10_000


@pytest.fixture(scope="module")
def facts() -> list[ChainFacts]:
    return list(chains(SEED, CHAINS))


@pytest.fixture(scope="module")
def expected(facts: list[ChainFacts]) -> list[ChainAnswer]:
    return [forecast_chain(each) for each in facts]


def both(facts: ChainFacts) -> tuple[object, object]:
    return forecast_chain(facts), unpack(answer(pack([facts])), [facts])[0]


def test_ten_thousand_random_chains_are_answered_to_the_day(
    facts: list[ChainFacts], expected: list[ChainAnswer]
) -> None:
    answers = unpack(answer(pack(facts)), facts)

    assert [n for n, (ours, theirs) in enumerate(zip(answers, expected, strict=True)) if ours != theirs] == []


def test_the_random_chains_meet_every_driver_and_flag(expected: list[ChainAnswer]) -> None:
    drivers = Counter(step.driver for each in expected for step in each.steps)
    flags = Counter(flag for each in expected for step in each.steps for flag in step.flags)
    assert {driver for driver, seen in drivers.items() if seen > 50} == set(Driver)
    assert {flag for flag, seen in flags.items() if seen > 50} == set(StepFlag)
    assert sum(step.shift_days > 0 for each in expected for step in each.steps) > 500
    assert sum(each.float_working_days is not None and each.float_working_days < 0 for each in expected) > 500


ONE = ChainFacts(
    as_of=date(2026, 11, 20),
    site_calendar=SYDNEY,
    steps=(StepFacts("PO_ISSUED"), StepFacts("ON_SITE", 10, DurationBasis.WORKING)),
    required_on_site=RequiredOnSite(fixed_on=date(2027, 1, 20)),
)


def with_last(**more: object) -> ChainFacts:
    return replace(ONE, steps=(ONE.steps[0], replace(ONE.steps[1], **more)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "facts",
    [
        ONE,
        replace(ONE, required_on_site=None),
        with_last(promises=(PromiseFacts("p", on_day(date(2099, 12, 31)), date(2026, 11, 1)),)),
        with_last(duration_days=3660, basis=DurationBasis.CALENDAR),
        replace(ONE, as_of=date(2060, 2, 28)),
    ],
    ids=["plain", "without_ros", "a_promise_far_ahead", "ten_years", "another_century_half"],
)
def test_the_edges_are_answered_alike(facts: ChainFacts) -> None:
    expected, ours = both(facts)

    assert ours == expected


@pytest.mark.parametrize(
    "facts",
    [
        replace(ONE, as_of=date(2100, 12, 20)),
        replace(ONE, anchor_step="RTS"),
        replace(ONE, required_on_site=RequiredOnSite(anchors=(date(2000, 1, 5),), offset_days=20)),
        replace(ONE, required_on_site=RequiredOnSite(fixed_on=date(2000, 1, 5))),
        with_last(actual_on=date(2026, 11, 22)),
        with_last(duration_days=-1),
        with_last(promises=(PromiseFacts("p", on_day(date(2027, 1, 1)), date(2026, 11, 22)),)),
        with_last(
            promises=(PromiseFacts("p", on_day(date(2100, 12, 1)), date(2026, 1, 1), conditional_on=date(2026, 1, 1)),)
        ),
    ],
    ids=["forward", "anchor", "ros", "backward", "actual", "duration", "stated", "shifted"],
)
def test_what_is_refused_is_refused_by_the_same_name(facts: ChainFacts) -> None:
    with pytest.raises(BadInput) as refused:
        forecast_chain(facts)

    with pytest.raises(BadInput) as by_arrays:
        answer(pack([facts]))
    assert (by_arrays.value.field, by_arrays.value.message) == (refused.value.field, refused.value.message)


def test_a_chain_is_answered_alike_in_any_company() -> None:
    facts = list(chains(3, 40))

    alone = [unpack(answer(pack([each])), [each])[0] for each in facts]

    assert unpack(answer(pack(facts)), facts) == alone
