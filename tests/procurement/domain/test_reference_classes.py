"""Shares from what is done, and the narrowest class with enough of them."""

from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from procurement.domain.reference_classes import (
    LEAST,
    NO_LANDMARK,
    History,
    Library,
    Observations,
    Profiles,
    assumed,
    durations,
    histories,
    promises,
    together,
)
from procurement.vocabulary import HistoryKind, HistoryLevel
from sites.domain.calendar import WorkingCalendar
from sites.domain.imprecise import TBD, on_day
from sites.domain.probability import POINTS
from sites.domain.schedule import ChainFacts, PromiseFacts, StepFacts
from sites.domain.schedule_arrays import answer, pack
from sites.vocabulary import DurationBasis

START = date(2026, 1, 5)
ONE = Profiles(*(np.array([number]) for number in (1, 2, 3)))


def shares(seen: Observations) -> list[float]:
    found: list[float] = (seen.days / seen.expected).tolist()
    return found


def done(days: int | None, *, planned: int = 100, promises: tuple[PromiseFacts, ...] = ()) -> ChainFacts:
    arrived = None if days is None else START + timedelta(days=days)
    steps = (
        StepFacts("PO_ISSUED", actual_on=START),
        StepFacts("ON_SITE", planned, DurationBasis.CALENDAR, actual_on=arrived, promises=promises),
    )
    return ChainFacts(date(2027, 1, 1), WorkingCalendar("JP"), steps)


def said(day: int, *, stated: int = 0) -> PromiseFacts:
    return PromiseFacts("p", on_day(START + timedelta(days=day)), START + timedelta(days=stated))


def test_a_duration_is_a_share_of_its_plan() -> None:
    found = durations(pack([done(130)]), ONE)

    assert (found.codes[found.code[0]], shares(found)) == ("ON_SITE", [1.3])
    assert (found.equipment_class[0], found.company[0], found.plant[0]) == (1, 2, 3)


@pytest.mark.parametrize("facts", [done(None), done(5, planned=2), done(-3)], ids=["open", "too_short", "backwards"])
def test_what_says_nothing_about_duration_is_left_out(facts: ChainFacts) -> None:
    assert not len(durations(pack([facts]), ONE).days)


def test_a_promise_is_a_share_of_the_time_it_left() -> None:
    found = promises(pack([done(130, promises=(said(110, stated=10),))]), ONE)

    assert found.landmark.tolist() == [0, 1, 2, 3]
    assert shares(found) == pytest.approx([34 / 14, 50 / 30, 80 / 60, 1.2])  # 20 days late, of those left at each
    assert found.late.tolist() == [0, 0, 0, 0]


def test_a_promise_is_looked_at_only_where_it_stood() -> None:
    early, late = said(300), PromiseFacts("q", on_day(START + timedelta(days=330)), START + timedelta(days=200))

    found = promises(pack([done(333, promises=(early, late))]), ONE)

    seen = list(zip(found.landmark.tolist(), found.days.tolist(), found.expected.tolist(), strict=True))
    by_the_last = [(0, 17, 14), (1, 33, 30), (2, 63, 60), (3, 123, 120), (4, 133, 130)]
    by_the_first = [(3, 153, 120), (4, 273, 240), (5, 333, 300)]
    assert sorted(seen) == sorted(by_the_last + by_the_first)


def test_what_came_before_the_landmark_was_not_seen_from_it() -> None:
    found = promises(pack([done(80, promises=(said(100),))]), ONE)

    assert found.landmark.tolist() == [1, 2, 3]  # 30 and 60 days before, and when stated; not 14 days before


@pytest.mark.parametrize(("carries", "level"), [(1.0, 1.0), (0.4, 0.4), (0.0, 0.0)])
def test_how_far_a_delay_moves_a_promise_is_learnt(carries: float, level: float) -> None:
    late = np.arange(40, dtype=np.int32)
    days = np.round(100 + carries * late).astype(np.int32)

    found = {each.reference[1]: each for each in histories(HistoryKind.PROMISE, promised(days=days, late=late))}

    assert found[HistoryLevel.STEP].carried == pytest.approx(level, abs=0.02)
    assert found[HistoryLevel.STEP].quantiles == pytest.approx(np.ones(POINTS), abs=0.02)


def test_too_few_delays_teach_nothing_and_move_a_promise_in_full() -> None:
    late = np.arange(LEAST[HistoryLevel.STEP] - 1, dtype=np.int32)

    found = list(histories(HistoryKind.PROMISE, promised(days=late * 0 + 100, late=late)))

    assert {each.carried for each in found} == {1.0}


def promised(*, days: NDArray[np.int32], late: NDArray[np.int32]) -> Observations:
    one = np.ones(len(days), np.int64)
    return Observations(("ON_SITE",), one * 0, one * 2, one, one * 2, one * 3, days, (days * 0 + 100), late)


def test_a_promise_is_drawn_by_how_near_its_day_is() -> None:
    reference = (HistoryKind.PROMISE, HistoryLevel.STEP, "ON_SITE")
    library = Library([History((*reference, place, -1, -1, -1), 40, assumed()) for place in (0, 1)])
    day = date(2027, 1, 1)
    near, nearer, far = (
        PromiseFacts("p", on_day(day + timedelta(days=ahead)), day) for ahead in (25, 3, 100)
    )  # fmt: skip
    facts = [done(None, promises=(each,)) for each in (near, nearer, far)]
    profiles = Profiles(*(np.array([number] * 3) for number in (1, 2, 3)))

    rows = library.of_promises(answer(pack(facts)), profiles)

    assert rows[1].tolist() == [library.row(*reference[::2], 1, 1, 2, 3), library.row(*reference[::2], 0, 1, 2, 3), 0]


@pytest.mark.parametrize(
    "row",
    [
        said(106, stated=100),
        PromiseFacts("p", TBD, START),
        PromiseFacts("p", on_day(date(2026, 9, 1)), START, retracted=True),
    ],
    ids=["too_near", "tbd", "retracted"],
)
def test_what_promised_nothing_is_left_out(row: PromiseFacts) -> None:
    assert not len(promises(pack([done(130, promises=(row,))]), ONE).days)


def observed(*, plants: list[int], company: int = 2) -> Observations:
    count = len(plants)
    column = np.ones(count, np.int64)
    days = np.linspace(900, 1500, count).astype(np.int32)
    return Observations(
        ("FAT_PASS",), column * 0, column * NO_LANDMARK, column, column * company, np.array(plants, np.int64), days,
        days * 0 + 1000, days * 0,
    )  # fmt: skip


def test_a_level_needs_its_least_number_of_observations() -> None:
    few, enough = LEAST[HistoryLevel.PLANT] - 1, LEAST[HistoryLevel.PLANT]

    found = list(histories(HistoryKind.DURATION, observed(plants=[7] * few + [8] * enough)))

    levels = {(each.reference[1], each.reference[6]) for each in found}
    assert (HistoryLevel.PLANT, 8) in levels
    assert (HistoryLevel.PLANT, 7) not in levels
    assert (HistoryLevel.COMPANY, -1) in levels
    assert {level for level, _ in levels} <= {HistoryLevel.PLANT, HistoryLevel.COMPANY, HistoryLevel.EQUIPMENT_CLASS}


def test_the_quantiles_run_from_the_shortest_to_the_longest() -> None:
    found = next(histories(HistoryKind.DURATION, observed(plants=[8] * 40)))

    assert (found.sample, len(found.quantiles)) == (40, POINTS)
    assert found.quantiles[[0, -1]].tolist() == pytest.approx([0.9, 1.5])


def test_without_a_plant_no_plant_is_a_class() -> None:
    found = histories(HistoryKind.DURATION, observed(plants=[-1] * 40))

    assert HistoryLevel.PLANT not in {each.reference[1] for each in found}


def test_many_tables_are_learnt_from_as_one() -> None:
    whole = together([observed(plants=[8] * 6), observed(plants=[8] * 6)])

    assert [each.sample for each in histories(HistoryKind.DURATION, whole)] == [12, 12]


def a_history(level: HistoryLevel, *place: int) -> History:
    return History((HistoryKind.DURATION, level, "FAT_PASS", NO_LANDMARK, *place), 40, assumed())  # type: ignore[arg-type]


def test_the_narrowest_known_class_is_found_and_else_the_assumption() -> None:
    library = Library([a_history(HistoryLevel.STEP, -1, -1, -1), a_history(HistoryLevel.PLANT, 1, 2, 3)])

    def level(*place: int, code: str = "FAT_PASS") -> HistoryLevel:
        return library.levels[library.row(HistoryKind.DURATION, code, NO_LANDMARK, *place)]

    assert (level(1, 2, 3), level(1, 2, 4), level(9, 9, 9)) == (
        HistoryLevel.PLANT,
        HistoryLevel.STEP,
        HistoryLevel.STEP,
    )
    assert level(1, 2, 3, code="RTS") is HistoryLevel.ASSUMED
    assert library.levels[library.row(HistoryKind.PROMISE, "FAT_PASS", 0, 1, 2, 3)] is HistoryLevel.ASSUMED


def test_a_class_that_stands_in_comes_after_the_class_itself_and_before_the_step() -> None:
    known = [a_history(HistoryLevel.STEP, -1, -1, -1), a_history(HistoryLevel.EQUIPMENT_CLASS, 6, -1, -1)]

    def level(*, of: int, stand_ins: dict[int, tuple[int, ...]]) -> HistoryLevel:
        library = Library(known, stand_ins)
        return library.levels[library.row(HistoryKind.DURATION, "FAT_PASS", NO_LANDMARK, of, 2, 3)]

    assert level(of=1, stand_ins={1: (5, 6)}) is HistoryLevel.STAND_IN
    assert level(of=1, stand_ins={1: (5,)}) is HistoryLevel.STEP
    assert level(of=6, stand_ins={1: (5, 6)}) is HistoryLevel.EQUIPMENT_CLASS


def test_the_assumption_has_the_plan_in_its_middle() -> None:
    assert assumed()[POINTS // 2] == pytest.approx(1.0)
    assert (np.diff(assumed()) >= 0).all()
