"""The difference of two runs."""

from datetime import date

from sites.domain.slip import Difference, Shown, Slip, difference
from sites.vocabulary import Driver

JUNE, JULY = date(2027, 6, 1), date(2027, 7, 1)


def test_two_runs_differ_by_what_moved_appeared_or_vanished() -> None:
    before = {"kept": Shown(JUNE), "moved": Shown(JUNE, Driver.PROMISE), "gone": Shown(JULY, Driver.PLAN)}
    after = {"new": Shown(JULY, Driver.TODAY), "moved": Shown(JULY, Driver.PROMISE_SHIFTED), "kept": Shown(JUNE)}

    assert difference(before, after) == (
        Slip("new", Difference.NEW, None, JULY, None, None, Driver.TODAY),
        Slip("moved", Difference.MOVED, JUNE, JULY, 30, Driver.PROMISE, Driver.PROMISE_SHIFTED),
        Slip("gone", Difference.GONE, JULY, None, None, Driver.PLAN, None),
    )


def test_the_same_date_for_another_reason_is_told_as_such() -> None:
    (slip,) = difference({"lot": Shown(JUNE, Driver.DURATION)}, {"lot": Shown(JUNE, Driver.PROMISE)})

    assert (slip.difference, slip.days) == (Difference.REASON_CHANGED, 0)


def test_a_date_that_becomes_unknown_moves_by_an_unknown_number_of_days() -> None:
    (slip,) = difference({"lot": Shown(JUNE)}, {"lot": Shown(None)})

    assert (slip.difference, slip.days) == (Difference.MOVED, None)


def test_equal_runs_do_not_differ() -> None:
    assert difference({"lot": Shown(JUNE)}, {"lot": Shown(JUNE)}) == ()
