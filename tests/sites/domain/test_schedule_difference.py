"""What a new revision changes, and what about it is odd: on paper, without a table."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sites.domain.schedule_difference import ActivityState, ScheduleDifference, ScheduleState, compare
from sites.vocabulary import ScheduleAnomaly

MONDAY = date(2027, 1, 11)


def activity(code: str, days: int = 0, **given: Any) -> ActivityState:
    values: dict[str, Any] = {
        "name": f"Task {code}", "wbs": "Hall A", "start_on": MONDAY + timedelta(days=days),
        "finish_on": MONDAY + timedelta(days=days + 4), "float_hours": Decimal(8), "calendar": "Five days", **given,
    }  # fmt: skip
    return ActivityState(code=code, **values)


def state(*rows: ActivityState, data_date: date = date(2026, 11, 20), **given: Any) -> ScheduleState:
    return ScheduleState("DC1", data_date, {row.code: row for row in rows}, **given)


def many(count: int, days: int = 0, prefix: str = "A", **given: Any) -> list[ActivityState]:
    return [activity(f"{prefix}{number}", days, name=f"Task {number}", **given) for number in range(count)]


def odd(difference: ScheduleDifference) -> Mapping[ScheduleAnomaly, dict[str, object]]:
    return {anomaly.kind: anomaly.facts for anomaly in difference.anomalies}


def test_activities_are_matched_by_code() -> None:
    found = compare(state(activity("A"), activity("B")), state(activity("B", 3), activity("C")))

    assert [row.code for row in found.added] == ["C"]
    assert [row.code for row in found.removed] == ["A"]
    assert [(each.code, each.start_days, each.finish_days, each.days) for each in found.moved] == [("B", 3, 3, 3)]


def test_what_moves_most_stands_first() -> None:
    found = compare(state(*many(3)), state(activity("A0", 1), activity("A1", -9), activity("A2", 5)))

    assert [(each.code, each.days) for each in found.moved] == [("A1", -9), ("A2", 5), ("A0", 1)]


def test_a_start_alone_may_move() -> None:
    before = activity("A", finish_on=None)

    (each,) = compare(state(before), state(activity("A", 2, finish_on=None))).moved

    assert (each.finish_days, each.days) == (None, 2)


def test_float_that_goes_below_zero() -> None:
    before = state(activity("A"), activity("B", float_hours=Decimal(-8)), activity("C", float_hours=None))
    after = state(*(activity(code, float_hours=Decimal(-16)) for code in "ABC"))

    assert [each.code for each in compare(before, after).gone_negative] == ["A", "C"]


def test_constraints_and_calendars() -> None:
    pinned = ("mandatory_start", datetime.fromisoformat("2027-03-01 08:00"))
    before = state(activity("A"), activity("B"), activity("C"))
    after = state(activity("A", constraint=pinned), activity("B", calendar="Nights"), activity("C"))

    found = compare(before, after)

    assert [each.code for each in found.constraint_changed] == ["A"]
    assert [each.code for each in found.calendar_changed] == ["B"]
    assert found.unchanged == 1


def test_a_calendar_of_the_same_name_and_other_hours() -> None:
    before = state(activity("A"), calendars={"Five days": "8 h", "Nights": "8 h"})
    after = state(activity("A"), calendars={"Five days": "10 h", "Nights": "8 h", "New": "1 h"})

    assert compare(before, after).calendars_redefined == ("Five days",)


def test_a_first_revision_adds_everything() -> None:
    found = compare(None, state(*many(12)))

    assert (len(found.added), found.data_date_before, found.anomalies) == (12, None, ())


# -- what is odd -----------------------------------------------------------------------------------------------------


def test_a_data_date_that_goes_back() -> None:
    found = compare(state(activity("A")), state(activity("A"), data_date=date(2026, 10, 16)))

    assert odd(found) == {ScheduleAnomaly.DATA_DATE_BACK: {"before": "2026-11-20", "after": "2026-10-16"}}


def test_the_same_data_date_is_nothing_odd() -> None:
    assert compare(state(activity("A")), state(activity("A", 1))).anomalies == ()


@pytest.mark.parametrize(("shifted", "of", "is_odd"), [(8, 10, True), (7, 10, False), (9, 9, False)])
def test_a_mass_shift_is_four_in_five_of_at_least_ten(shifted: int, of: int, is_odd: bool) -> None:
    after = many(of, 14)[:shifted] + many(of)[shifted:]

    found = compare(state(*many(of)), state(*after))

    assert (ScheduleAnomaly.MASS_SHIFT in odd(found)) == is_odd


def test_a_mass_shift_says_by_how_much() -> None:
    found = compare(state(*many(10)), state(*many(10, 14)))

    assert odd(found)[ScheduleAnomaly.MASS_SHIFT] == {"days": 14, "count": 10, "of": 10}


def test_finished_activities_shift_nothing() -> None:
    found = compare(state(*many(10, is_done=True)), state(*many(10, 14, is_done=True)))

    assert odd(found) == {}


def test_a_lost_anchor_is_one_that_something_follows() -> None:
    found = compare(state(activity("A"), activity("B")), state(activity("B")), bound={"A", "B", "Z"})

    assert odd(found) == {ScheduleAnomaly.LOST_ANCHORS: {"count": 1, "codes": ["A"]}}


def test_renumbered_codes_are_told_by_name_and_place() -> None:
    found = compare(state(*many(12)), state(*many(12, prefix="B")))

    assert odd(found)[ScheduleAnomaly.RENUMBERED]["count"] == 12
    assert [(old.code, new.code) for old, new in found.renumbered][:2] == [("A0", "B0"), ("A1", "B1")]


def test_a_name_that_stands_twice_tells_nothing() -> None:
    before, after = many(12), many(12, prefix="B")

    found = compare(
        state(*(activity(row.code, name="Test") for row in before)),
        state(*(activity(row.code, name="Test") for row in after)),
    )

    assert (found.renumbered, list(odd(found))) == ((), [ScheduleAnomaly.OTHER_PROJECT])


def test_another_project_under_the_same_code() -> None:
    strange = [activity(f"X{number}", name=f"Other {number}") for number in range(20)]

    found = compare(state(*many(20)), state(*strange))

    assert odd(found) == {ScheduleAnomaly.OTHER_PROJECT: {"project": "DC1", "shared": 0, "of": 20}}


def test_a_project_of_the_site_under_another_name() -> None:
    found = compare(None, state(*many(10)), others=[("BUILD", [f"A{number}" for number in range(12)]), ("X", ["Q"])])

    assert odd(found) == {ScheduleAnomaly.OTHER_PROJECT: {"project": "BUILD", "shared": 10, "of": 12}}


ROWS = st.dictionaries(
    st.sampled_from([f"A{number}" for number in range(15)]),
    st.tuples(st.integers(-60, 60), st.integers(-40, 40), st.booleans()),
)


def made(rows: Mapping[str, tuple[int, int, bool]]) -> ScheduleState:
    return state(*(activity(code, d, float_hours=Decimal(h), is_done=done) for code, (d, h, done) in rows.items()))


@given(before=ROWS, after=ROWS)
def test_every_activity_is_in_its_place_once(before: Any, after: Any) -> None:
    found = compare(made(before), made(after))

    touched = {each.code for group in (found.moved, found.gone_negative) for each in group}
    assert {row.code for row in found.added} == after.keys() - before.keys()
    assert {row.code for row in found.removed} == before.keys() - after.keys()
    assert found.unchanged + len(touched) == len(before.keys() & after.keys())


@given(rows=ROWS)
def test_nothing_differs_from_itself(rows: Any) -> None:
    found = compare(made(rows), made(rows), bound=set(rows))

    assert (found.added, found.removed, found.moved, found.anomalies) == ((), (), (), ())


@given(before=ROWS, after=ROWS)
def test_moves_turn_round(before: Any, after: Any) -> None:
    forth = {each.code: each.days for each in compare(made(before), made(after)).moved}
    back = {each.code: each.days for each in compare(made(after), made(before)).moved}

    assert back == {code: -days for code, days in forth.items()}
