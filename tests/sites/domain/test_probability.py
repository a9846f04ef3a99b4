"""Futures of a chain: the forward pass where nothing spreads, ordered percentiles, the same again for the same seed."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from sites.domain import probability
from sites.domain.calendar import WorkingCalendar
from sites.domain.calendar_arrays import NO_DAY, number_of
from sites.domain.imprecise import on_day
from sites.domain.probability import (
    POINTS,
    Futures,
    References,
    chance_by,
    landmark,
    nth_of,
    percentiles,
    seen_on,
    simulate,
)
from sites.domain.schedule import ChainFacts, PromiseFacts, StepFacts
from sites.domain.schedule_arrays import ChainAnswers, answer, pack
from tests.sites.domain.random_chains import chains

TODAY = date(2026, 11, 20)
AS_PLANNED = [1.0] * POINTS
WIDE = np.linspace(0.8, 1.8, POINTS).tolist()


def references(answers: ChainAnswers, *rows: list[float], of_promise: int = 0, carries: float = 1.0) -> References:
    shape = answers.table.code.shape
    carried = np.full(len(rows), carries, np.float32)
    of_promises = np.full(shape, of_promise, np.int64)
    return References(np.array(rows, np.float32), carried, np.zeros(shape, np.int64), of_promises)


def futures(facts: list[ChainFacts], row: list[float], *, seed: int = 1, trials: int = 400) -> Futures:
    answers = answer(pack(facts))
    numbers = list(range(len(facts)))
    return simulate(answers, references(answers, row), keys=numbers, vendors=[7] * len(facts), seed=seed, trials=trials)


def a_chain(*steps: StepFacts) -> ChainFacts:
    return ChainFacts(TODAY, WorkingCalendar("JP"), steps, anchor_step=steps[-1].code)


PLAIN = a_chain(
    StepFacts("PO_ISSUED", actual_on=date(2026, 11, 1)), StepFacts("FAT_PASS", 200), StepFacts("ON_SITE", 40)
)


def test_without_spread_every_future_of_a_random_chain_is_the_forward_pass() -> None:
    facts = list(chains(11, 600))
    answers = answer(pack(facts))

    found = simulate(answers, references(answers, AS_PLANNED), keys=range(600), vendors=[3] * 600, seed=5, trials=3)

    assert (found.on_site == answers.on_site[:, None]).all()


def test_percentiles_are_ordered_whatever_is_drawn() -> None:
    found, _ = percentiles(futures(list(chains(12, 300)), WIDE).on_site)

    assert (found.p50 <= found.p80).all()
    assert (found.p80 <= found.p95).all()
    assert (found.p50 < found.p95).sum() > 100


def test_a_finished_chain_has_no_spread() -> None:
    done = a_chain(StepFacts("PO_ISSUED", actual_on=date(2026, 1, 1)), StepFacts("ON_SITE", 9, actual_on=TODAY))

    found = futures([done], WIDE)

    assert np.unique(found.on_site).size == 1
    assert not found.shares.any()


def test_a_seed_draws_the_same_again_and_another_seed_does_not() -> None:
    first, again, other = (futures([PLAIN], WIDE, seed=seed).on_site for seed in (4, 4, 5))

    assert (first == again).all()
    assert (first != other).any()


def test_a_chain_draws_the_same_in_any_company() -> None:
    facts = list(chains(13, 30))
    answers = [answer(pack([each])) for each in facts]

    alone = [
        simulate(each, references(each, WIDE), keys=[n], vendors=[7], seed=1, trials=50).on_site
        for n, each in enumerate(answers)
    ]

    assert (np.concatenate(alone) == futures(facts, WIDE, trials=50).on_site).all()


def test_the_draws_follow_the_quantiles() -> None:
    one = a_chain(StepFacts("PO_ISSUED", actual_on=TODAY), StepFacts("ON_SITE", 100))

    found, _ = percentiles(futures([one], WIDE, trials=20_000).on_site - answer(pack([one])).table.as_of[0])

    assert (abs(found.p50[0] - 130) <= 2, abs(found.p80[0] - 160) <= 2) == (True, True)


def test_a_step_that_runs_already_takes_longer_than_it_has_run() -> None:
    running = a_chain(StepFacts("PO_ISSUED", actual_on=date(2026, 8, 12)), StepFacts("ON_SITE", 100))

    days = futures([running], WIDE).on_site[0] - answer(pack([running])).table.as_of[0]

    assert days.min() == 0
    assert 30 < np.median(days) < 50  # of the shares above 1.0 the median is 1.4: forty days from its hundredth


def test_a_promise_spreads_by_the_time_it_left() -> None:
    said = PromiseFacts("p", on_day(date(2027, 3, 1)), date(2026, 11, 20))
    promised = a_chain(StepFacts("PO_ISSUED", actual_on=TODAY), StepFacts("ON_SITE", 10, promises=(said,)))

    days = futures([promised], WIDE, trials=5000).on_site[0] - answer(pack([promised])).table.as_of[0]

    assert (days.min() >= 80, days.max() <= 182) == (True, True)  # 101 days, at 0.8 to 1.8 of them
    assert 125 < np.median(days) < 138


def test_a_promise_is_drawn_from_the_day_it_came_near() -> None:
    said = PromiseFacts("p", on_day(date(2026, 12, 15)), date(2025, 12, 15))
    promised = a_chain(StepFacts("PO_ISSUED", actual_on=TODAY), StepFacts("ON_SITE", 10, promises=(said,)))

    days = futures([promised], WIDE, trials=5000).on_site[0] - answer(pack([promised])).table.as_of[0]

    assert (days.min() >= 19, days.max() <= 49) == (True, True)  # 30 days from 15 November, at 0.8 to 1.8 of them


@pytest.mark.parametrize(("carries", "moves"), [(1.0, 60), (0.5, 30), (0.0, 0)])
def test_a_delay_moves_a_promise_in_every_future_as_far_as_such_delays_did(carries: float, moves: int) -> None:
    said = PromiseFacts("p", on_day(date(2027, 9, 1)), date(2026, 11, 1), conditional_on=date(2026, 9, 21))
    promised = a_chain(StepFacts("PO_ISSUED", actual_on=TODAY), StepFacts("ON_SITE", 10, promises=(said,)))
    answers = answer(pack([promised]))

    found = simulate(
        answers, references(answers, AS_PLANNED, carries=carries), keys=[1], vendors=[1], seed=1, trials=3
    ).on_site[0]

    assert (found == number_of(date(2027, 9, 1)) + moves).all()


def test_a_promise_moves_by_what_is_late_in_that_future() -> None:
    said = PromiseFacts("p", on_day(date(2027, 9, 1)), date(2026, 11, 1), conditional_on=date(2027, 3, 1))
    steps = (
        StepFacts("PO_ISSUED", actual_on=TODAY),
        StepFacts("FAT_PASS", 101),  # 1 March 2027
        StepFacts("ON_SITE", 10, promises=(said,)),
    )
    facts = a_chain(*steps)
    answers = answer(pack([facts]))
    shape = answers.table.code.shape
    drawn = References(np.array([AS_PLANNED, WIDE], np.float32), np.ones(2, np.float32), np.ones(shape, np.int64),
                       np.zeros(shape, np.int64))  # fmt: skip

    days = simulate(answers, drawn, keys=[1], vendors=[1], seed=1, trials=4000).on_site[0] - answers.on_site[0]

    assert (days.min(), days.max() > 60) == (0, True)
    assert 0.15 < (days == 0).mean() < 0.25  # a fifth of the shares is not above the plan


@pytest.mark.parametrize(
    ("to_go", "place", "from_day"), [(-5, 0, -14), (14, 0, -14), (15, 1, -30), (240, 4, -240), (241, 5, -400)]
)
def test_a_promise_has_a_landmark_by_its_days_to_go(to_go: int, place: int, from_day: int) -> None:
    stated_on, counts_on = np.array([1000 - 400, 995], np.int32), np.array([1000, 1000], np.int32)

    assert landmark(np.array([to_go], np.int32)).tolist() == [place]
    assert seen_on(stated_on, counts_on, place).tolist() == [1000 + from_day, 995]


def test_the_shares_of_the_variance_add_up_and_name_the_long_step() -> None:
    shares = futures([PLAIN], WIDE, trials=5000).shares[:, 0]

    assert shares.sum() == pytest.approx(1, abs=1e-3)
    assert shares[1] > 0.8 > shares[2] > 0


def test_no_step_brings_more_than_the_whole_where_a_lock_takes_some_of_it_back() -> None:
    pinned = a_chain(
        StepFacts("PO_ISSUED", actual_on=TODAY), StepFacts("FAT_PASS", 100),
        StepFacts("RTS", 10, locked_on=date(2027, 4, 20)), StepFacts("ON_SITE", 20),
    )  # fmt: skip

    shares = futures([pinned], WIDE, trials=5000).shares[:, 0]

    assert shares.sum() == pytest.approx(1, abs=1e-3)
    assert (shares >= 0).all()
    assert 1 > shares[1] > shares[3] > 0


def test_lines_of_one_vendor_are_late_together() -> None:
    answers = answer(pack([PLAIN, PLAIN]))

    def correlation(vendors: list[int]) -> float:
        found = simulate(answers, references(answers, WIDE), keys=[1, 2], vendors=vendors, seed=1, trials=5000).on_site
        return float(np.corrcoef(found[0], found[1]).min())

    assert correlation([1, 1]) == pytest.approx(probability.COMMON_WITHIN_A_VENDOR, abs=0.12)
    assert abs(correlation([1, 2])) < 0.1


def test_a_lock_is_taken_as_it_stands() -> None:
    locked = replace(PLAIN, steps=(*PLAIN.steps[:2], replace(PLAIN.steps[2], locked_on=date(2029, 1, 1))))

    assert np.unique(futures([locked], WIDE).on_site).size == 1


def test_the_nth_unit_is_found_trial_by_trial() -> None:
    units = [np.array(days, np.int32) for days in ([1, 9], [5, 2], [3, 4])]

    assert nth_of(units, 2).tolist() == [3, 4]


def test_a_chance_is_the_share_of_futures_by_the_day() -> None:
    _, ordered = percentiles(np.array([[4, 1, 3, 2]], np.int32))

    assert chance_by(ordered, np.array([3], np.int32)).tolist() == [0.75]
    assert chance_by(ordered, np.array([NO_DAY], np.int32)).tolist() == [0.0]
