"""Coverage and loss: what counts, what does not, and that the true quantile loses least."""

import numpy as np
import pytest

from procurement.domain.scoring import LEVELS, Forecasts, by_lead, pinball, score
from sites.domain.calendar_arrays import NO_DAY


def days(*numbers: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.array(numbers, np.int32)


def seen(arrived: list[int], *, said: int = 100, promised: int = 100, until: int = 200) -> Forecasts:
    rows = len(arrived)
    return Forecasts(
        ours=np.full((rows, len(LEVELS)), said, np.int32),
        promised_on=days(*[promised] * rows),
        forward_on=days(*[90] * rows),
        arrived_on=days(*arrived),
        known_until=days(*[until] * rows),
        lead_days=days(*range(0, 40 * rows, 40)),
    )


def test_the_loss_weighs_later_and_sooner_by_the_quantile() -> None:
    assert pinball(0.8, days(100, 100), days(110, 90)).tolist() == pytest.approx([8.0, 2.0])


def test_the_true_quantile_loses_least() -> None:
    arrived = np.random.default_rng(1).normal(100, 20, 5000).astype(np.int32)
    loss = {said: pinball(0.8, np.full(5000, said, np.int32), arrived).mean() for said in range(90, 141, 2)}

    assert min(loss, key=loss.__getitem__) in {116, 118}


def test_what_arrived_by_its_day_held() -> None:
    found = score("all", seen([99, 100, 101, 130]), np.ones(4, np.bool_))

    assert found.coverage == (0.5,) * len(LEVELS)
    assert (found.forecasts, found.undecided, found.compared) == (4, 0, 4)


def test_what_has_not_arrived_is_a_miss_once_its_day_is_over_and_says_nothing_before() -> None:
    over = score("all", seen([100, NO_DAY]), np.ones(2, np.bool_))
    ahead = score("all", seen([100, NO_DAY], until=100), np.ones(2, np.bool_))

    assert (over.coverage[0], over.undecided) == (0.5, 0)
    assert (ahead.coverage[0], ahead.undecided) == (1.0, 1)


def test_rivals_are_compared_only_where_all_three_spoke() -> None:
    found = score("all", seen([110, NO_DAY]), np.ones(2, np.bool_))
    silent = score("all", seen([110], promised=NO_DAY), np.ones(1, np.bool_))

    assert (found.compared, found.loss_ours, found.loss_forward) == (1, (5.0, 8.0), (10.0, 16.0))
    assert (silent.compared, silent.loss_promise) == (0, (None, None))


def test_without_forecasts_nothing_is_claimed() -> None:
    found = score("all", seen([]), np.ones(0, np.bool_))

    assert (found.forecasts, set(found.coverage), found.loss_ours) == (0, {None}, (None, None))


def test_lines_are_parted_by_how_far_ahead_they_were() -> None:
    parts = by_lead(seen([100, 100, 100]), {"0-30": (0, 30), "30-90": (30, 90)})

    assert [(part.name, part.forecasts) for part in parts] == [("all", 3), ("0-30", 1), ("30-90", 2)]
