"""Each rule of the calculation on a network small enough to be worked by hand; the arithmetic stands beside it.

1, 8, 15, 22 March 2027 are Mondays. `1 08` is 1 March, 08:00.
"""

from dataclasses import replace

import pytest

from sites.domain.errors import BadInput
from sites.domain.network import Bound, NotANetwork, Project
from sites.domain.network_answer import DriverKind
from sites.domain.network_calendar import HourCalendar
from sites.domain.network_passes import Holds, calculate, delayed
from sites.domain.network_plan import Plan
from sites.vocabulary import ActivityKind, ConstraintKind, FloatKind, LagCalendar, LinkKind, ProgressRule
from tests.sites.domain.networks import (
    FF,
    FIVE,
    MONDAY,
    SF,
    SS,
    at,
    begun,
    bound,
    calculated,
    done,
    early,
    finish_milestone,
    float_days,
    late,
    link,
    network,
    off,
    start_milestone,
    task,
    weeks,
)

# -- links -------------------------------------------------------------------------------------------------------


def test_a_successor_starts_on_the_next_working_morning() -> None:
    # A: Mon 1 to Fri 5. B: 2 days from Mon 8 to Tue 9. C: 1 day from Mon 1, must be done by the end: float 6 days.
    found = calculated(task("A", 5), task("B", 2), task("C", 1), link("A", "B"))

    assert (early(found, "A"), early(found, "B")) == (("1 08", "5 17"), ("8 08", "9 17"))
    assert (late(found, "A"), late(found, "C")) == (("1 08", "5 17"), ("9 08", "9 17"))
    assert [float_days(found, key) for key in "ABC"] == [0, 0, 6]


@pytest.mark.parametrize(
    ("kind", "days", "expected"),
    [
        # A runs from Mon 1 08:00 to Wed 3 17:00, B takes two days.
        (LinkKind.FINISH_START, 0, ("4 08", "5 17")),
        (LinkKind.FINISH_START, 2, ("8 08", "9 17")),  # Thu and Fri are the lag
        (LinkKind.FINISH_START, -1, ("3 08", "4 17")),  # a lead of one day: the morning of A's last day
        (LinkKind.START_START, 0, ("1 08", "2 17")),
        (LinkKind.START_START, 1, ("2 08", "3 17")),
        (LinkKind.FINISH_FINISH, 0, ("2 08", "3 17")),  # ends with A, so it starts on Tuesday
        (LinkKind.FINISH_FINISH, 2, ("4 08", "5 17")),
        (LinkKind.START_FINISH, 3, ("2 08", "3 17")),  # ends three days after A starts: Wed 17:00
        (LinkKind.START_FINISH, 0, ("1 08", "2 17")),  # asks for less than the data date does
    ],
)
def test_each_kind_of_link_and_its_lag(kind: LinkKind, days: float, expected: tuple[str, str]) -> None:
    found = calculated(task("A", 3), task("B", 2), link("A", "B", kind, days))

    assert early(found, "B") == expected


@pytest.mark.parametrize(
    ("kind", "days", "latest_a"),
    [
        # B's end is set to Fri 12 by Z; B takes two days: Thu 11 and Fri 12.
        (LinkKind.FINISH_START, 0, ("8 08", "10 17")),
        (LinkKind.FINISH_START, 2, ("4 08", "8 17")),  # two days of lag before Thu: Tue, Wed
        (LinkKind.START_START, 1, ("10 08", "12 17")),  # starts one day before Thu; its finish hangs on the end
        (LinkKind.FINISH_FINISH, 1, ("9 08", "11 17")),
        (LinkKind.START_FINISH, 3, ("10 08", "12 17")),  # its start three days before Fri 17:00
    ],
)
def test_each_kind_of_link_backward(kind: LinkKind, days: float, latest_a: tuple[str, str]) -> None:
    found = calculated(task("A", 3), task("B", 2), task("Z", 10), link("A", "B", kind, days))

    assert late(found, "B") == ("11 08", "12 17")
    assert late(found, "A") == latest_a


def test_a_lag_runs_on_the_calendar_that_the_options_say() -> None:
    # A ends Fri 5 17:00, one day of lag (480 minutes), B works seven days a week. The project's own calendar too.
    rows = (task("A", 5), task("B", 1, calendar="seven"), link("A", "B", days=1))

    by = {which: early(calculated(*rows, lag_calendar=which), "B")[0] for which in LagCalendar}

    assert by == {
        LagCalendar.PREDECESSOR: "9 08",  # Monday of the five-day week is the lag: Mon 8 17:00
        LagCalendar.SUCCESSOR: "7 08",  # Saturday is
        LagCalendar.ROUND_THE_CLOCK: "6 08",  # eight hours: Sat 01:00, then the next morning
        LagCalendar.PROJECT: "7 08",
    }


def test_an_elapsed_lag_runs_round_the_clock_whatever_the_options_say() -> None:
    # 24 hours behind Fri 5 17:00 is Sat 17:00.
    found = calculated(task("A", 5), task("B", 1), link("A", "B", days=3, is_elapsed=True))

    assert early(found, "B") == ("8 08", "8 17")


# -- calendars ---------------------------------------------------------------------------------------------------


def test_shifts_over_midnight_and_a_day_off() -> None:
    # Shifts Mon-Sat 00-06 and 14-24. From Mon 1 08:00: 10 h (14-24), then Tue 6 h (00-06) = 16 h by Tue 06:00.
    found = calculated(task("A", 2, calendar="shifts"), task("B", 0.5, calendar="shifts"), link("A", "B"))

    assert early(found, "A") == ("1 14", "2 06")
    assert early(found, "B") == ("2 14", "2 18")


def test_exceptions_take_days_out_and_put_days_in() -> None:
    calendar = HourCalendar(
        "five", FIVE.week, {**off("2027-03-03"), at("6 08").date(): ((480, 720),)}
    )  # Wed 3 off, Sat 6 a half day
    # Mon, Tue, Thu, Fri = 4 days, Sat 08-12 half a day: 4.5 days end Sat 12:00; the fifth ends Mon 12:00.
    found = calculated(task("A", 4.5), task("B", 5), calendars=(calendar,))

    assert early(found, "A") == ("1 08", "6 12")
    assert early(found, "B") == ("1 08", "8 12")


def test_a_calendar_that_the_file_lacks_runs_round_the_clock() -> None:
    assert early(calculated(task("A", 3, calendar="nowhere")), "A") == ("1 08", "2 08")


def test_a_calendar_without_working_time_is_refused_by_name() -> None:
    with pytest.raises(BadInput) as refused:
        calculated(task("A", 1, calendar="idle"), calendars=(HourCalendar("idle", ((),) * 7),))

    assert refused.value.field == "calendar idle"


def test_floats_count_on_the_activitys_own_calendar() -> None:
    # Z ends Fri 12. A ends Mon 1; to Fri 12 are 9 working days of five, 11 of seven.
    found = calculated(task("A", 1), task("B", 1, calendar="seven"), task("Z", 10))

    assert (float_days(found, "A"), float_days(found, "B")) == (9, 11)


# -- constraints -------------------------------------------------------------------------------------------------

LOGIC = (task("A", 3), task("Z", 10), link("A", "B"))  # A leaves Thu 4 to B at the earliest; the end is Fri 12


@pytest.mark.parametrize(
    ("kind", "on", "earliest", "latest"),
    [
        (ConstraintKind.START_ON_OR_AFTER, "8 08", ("8 08", "9 17"), ("11 08", "12 17")),
        (ConstraintKind.START_ON_OR_AFTER, "2 08", ("4 08", "5 17"), ("11 08", "12 17")),
        (ConstraintKind.START_ON_OR_BEFORE, "8 08", ("4 08", "5 17"), ("8 08", "9 17")),
        (ConstraintKind.START_ON_OR_BEFORE, "2 08", ("4 08", "5 17"), ("2 08", "3 17")),
        (ConstraintKind.START_ON, "8 08", ("8 08", "9 17"), ("8 08", "9 17")),
        (ConstraintKind.START_ON, "2 08", ("4 08", "5 17"), ("2 08", "3 17")),
        (ConstraintKind.FINISH_ON_OR_AFTER, "10 17", ("9 08", "10 17"), ("11 08", "12 17")),
        (ConstraintKind.FINISH_ON_OR_BEFORE, "10 17", ("4 08", "5 17"), ("9 08", "10 17")),
        (ConstraintKind.FINISH_ON, "10 17", ("9 08", "10 17"), ("9 08", "10 17")),
        (ConstraintKind.MANDATORY_START, "2 08", ("2 08", "3 17"), ("2 08", "3 17")),
        (ConstraintKind.MANDATORY_FINISH, "2 17", ("1 08", "2 17"), ("1 08", "2 17")),
        (ConstraintKind.MANDATORY_FINISH, "12 17", ("11 08", "12 17"), ("11 08", "12 17")),
    ],
)
def test_each_constraint(kind: ConstraintKind, on: str, earliest: tuple[str, str], latest: tuple[str, str]) -> None:
    found = calculated(*LOGIC, task("B", 2, bounds=bound(kind, on)))

    assert (early(found, "B"), late(found, "B")) == (earliest, latest)


def test_a_constraint_that_logic_breaks_is_negative_float() -> None:
    # B can end on Fri 5, must by Wed 3: two days too late; so has A, whose finish has to be Mon 1.
    found = calculated(*LOGIC, task("B", 2, bounds=bound(ConstraintKind.FINISH_ON_OR_BEFORE, "3 17")))

    assert (float_days(found, "B"), float_days(found, "A")) == (-2, -2)


def test_a_mandatory_start_also_pulls_its_predecessors_latest_dates() -> None:
    # B must start on Tue 2, so A (three days) would have to end on Mon 1: two days of negative float.
    found = calculated(*LOGIC, task("B", 2, bounds=bound(ConstraintKind.MANDATORY_START, "2 08")))

    assert (float_days(found, "A"), float_days(found, "B")) == (-2, 0)


def test_two_constraints_on_one_activity() -> None:
    # Not before Mon 8, and done by Wed 10: B runs Mon 8 to Tue 9 with one day of float.
    bounds = (
        *bound(ConstraintKind.START_ON_OR_AFTER, "8 08"),
        *bound(ConstraintKind.FINISH_ON_OR_BEFORE, "10 17"),
    )
    found = calculated(*LOGIC, task("B", 2, bounds=bounds))

    assert (early(found, "B"), float_days(found, "B")) == (("8 08", "9 17"), 1)


def test_as_late_as_possible_uses_up_the_free_float_only() -> None:
    # B could run Thu 4, Fri 5; C cannot start before Thu 11, so B moves to Tue 9, Wed 10. A stays.
    late_bound = (Bound(ConstraintKind.AS_LATE_AS_POSSIBLE),)
    found = calculated(
        *LOGIC,
        task("B", 2, bounds=late_bound),
        task("C", 2, bounds=bound(ConstraintKind.START_ON_OR_AFTER, "11 08")),
        link("B", "C"),
    )

    assert (early(found, "A"), early(found, "B"), early(found, "C")) == (
        ("1 08", "3 17"),
        ("9 08", "10 17"),
        ("11 08", "12 17"),
    )


def test_a_chain_that_is_all_as_late_as_possible_moves_together() -> None:
    # Z ends Fri 12; the last of the chain then runs Thu 11, Fri 12, the first Tue 9, Wed 10.
    late_bound = (Bound(ConstraintKind.AS_LATE_AS_POSSIBLE),)
    found = calculated(task("Z", 10), task("A", 2, bounds=late_bound), task("B", 2, bounds=late_bound), link("A", "B"))

    assert (early(found, "A"), early(found, "B")) == (("9 08", "10 17"), ("11 08", "12 17"))


def test_an_expected_finish_sets_the_duration_where_the_option_says_so() -> None:
    # B starts on Thu 4 and is expected by Wed 10: five days instead of two.
    expected = replace(task("B", 2), expected_finish=at("10 17"))

    assert early(calculated(*LOGIC, expected), "B") == ("4 08", "10 17")
    assert early(calculated(*LOGIC, expected, uses_expected_finish=False), "B") == ("4 08", "5 17")


@pytest.mark.parametrize(
    ("kind", "on"), [(ConstraintKind.START_ON_OR_BEFORE, "2 08"), (ConstraintKind.FINISH_ON_OR_BEFORE, "3 17")]
)
def test_microsoft_project_lets_latest_dates_beat_links(kind: ConstraintKind, on: str) -> None:
    # A leaves Thu 4, but B must not start after Tue 2: it is placed there, before its predecessor is done.
    beaten = calculated(*LOGIC, task("B", 2, bounds=bound(kind, on, beats_links=True)))
    kept = calculated(*LOGIC, task("B", 2, bounds=bound(kind, on)))

    assert (early(beaten, "B"), early(kept, "B")) == (("2 08", "3 17"), ("4 08", "5 17"))


def test_a_finish_set_by_a_link_stays_there_in_microsoft_project_only() -> None:
    # C starts on Tue 9 08:00 and B must end when C starts: P6 says Mon 8 17:00, Project Tue 9 08:00.
    rows = (
        task("C", 1, bounds=bound(ConstraintKind.START_ON_OR_AFTER, "9 08")),
        task("B", 1),
        link("C", "B", SF),
    )

    assert early(calculated(*rows), "B") == ("8 08", "8 17")
    assert early(calculated(*rows, finishes_at_link=True), "B") == ("8 08", "9 08")


# -- progress ----------------------------------------------------------------------------------------------------


def test_finished_work_leaves_its_actual_dates_to_its_successors() -> None:
    # Data date Mon 8. A was done on Thu 4; three days of lag behind it end on Tue 9: B starts on Wed 10.
    found = calculated(done("A", 3, "2 08", "4 17"), task("B", 1), link("A", "B", days=3), data_date=MONDAY + weeks(1))

    assert (early(found, "A"), early(found, "B")) == (("2 08", "4 17"), ("10 08", "10 17"))
    assert float_days(found, "A") is None


def test_nothing_undone_lies_before_the_data_date() -> None:
    found = calculated(done("A", 3, "1 08", "3 17"), task("B", 1), link("A", "B"), data_date=at("10 00"))

    assert early(found, "B") == ("10 08", "10 17")


OUT_OF_SEQUENCE = (
    begun("A", 5, 3, "1 08"),
    begun("B", 4, 2, "3 08"),  # begun before A is done
    link("A", "B"),
)


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        # Data date Mon 8: A's three days end Wed 10, and B's two go on after that; only the override lets them go on.
        (ProgressRule.RETAINED_LOGIC, ("11 08", "12 17")),
        (ProgressRule.ACTUAL_DATES, ("11 08", "12 17")),
        (ProgressRule.PROGRESS_OVERRIDE, ("8 08", "9 17")),
    ],
)
def test_work_begun_out_of_sequence(progress: ProgressRule, expected: tuple[str, str]) -> None:
    found = calculated(*OUT_OF_SEQUENCE, data_date=at("8 08"), progress=progress)

    assert (early(found, "A"), early(found, "B")) == (("8 08", "10 17"), expected)


def test_overridden_logic_gives_the_predecessor_float() -> None:
    # Nothing waits for A any more: it hangs on the end, which is its own finish on Wed 10; B ends Tue 9.
    found = calculated(*OUT_OF_SEQUENCE, data_date=at("8 08"), progress=ProgressRule.PROGRESS_OVERRIDE)

    assert (float_days(found, "A"), float_days(found, "B")) == (0, 1)


# A is to be done before B, which was done before A; C follows B.
DONE_TOO_SOON = (task("A", 3), done("B", 2, "1 08", "2 17"), task("C", 1), link("A", "B"), link("B", "C"))


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        # Data date Mon 8: A ends Wed 10. Retained logic makes C wait for A through B; the others ask B's actual finish.
        (ProgressRule.RETAINED_LOGIC, ("11 08", "11 17")),
        (ProgressRule.PROGRESS_OVERRIDE, ("8 08", "8 17")),
        (ProgressRule.ACTUAL_DATES, ("8 08", "8 17")),
    ],
)
def test_work_finished_out_of_sequence(progress: ProgressRule, expected: tuple[str, str]) -> None:
    found = calculated(*DONE_TOO_SOON, data_date=at("8 08"), progress=progress)

    assert early(found, "C") == expected
    assert early(found, "B") == ("1 08", "2 17")


def test_what_waits_through_finished_work_leaves_its_predecessor_no_float() -> None:
    # A drives C through B, which is done: A has no float, and the path to C begins with it. Overridden, A has the end.
    found = calculated(*DONE_TOO_SOON, data_date=at("8 08"))
    overridden = calculated(*DONE_TOO_SOON, data_date=at("8 08"), progress=ProgressRule.PROGRESS_OVERRIDE)

    assert (float_days(found, "A"), float_days(found, "B"), float_days(found, "C")) == (0, None, 0)
    assert found.driving_path("C") == ("A", "B", "C")
    assert found.towards("C").path_from("A") == ("A", "B", "C")
    assert overridden.driving_path("C") == ("C",)


def test_a_delay_reaches_through_finished_work() -> None:
    plan = Plan(network(*DONE_TOO_SOON, data_date=at("8 08")))

    # A from Wed 10 ends Fri 12: C on Mon 15.
    assert early(delayed(calculate(plan), Holds({"A": at("10 08")})), "C") == ("15 08", "15 17")


def test_actual_dates_also_count_behind_the_data_date() -> None:
    # B is said to have begun on Wed 10, two days after the data date: its two days of rest run from there.
    rows = (begun("B", 4, 2, "10 08"),)

    assert early(calculated(*rows, data_date=at("8 08"), progress=ProgressRule.ACTUAL_DATES), "B") == ("10 08", "11 17")
    assert early(calculated(*rows, data_date=at("8 08")), "B") == ("8 08", "9 17")


def test_a_start_to_start_lag_runs_from_the_early_or_the_actual_start() -> None:
    # A began on Mon 1, data date Mon 8, lag 6 days. Early start Mon 8: B on Tue 16. Actual start Mon 1: B on Tue 9.
    rows = (begun("A", 20, 15, "1 08"), task("B", 1), link("A", "B", SS, 6))

    assert early(calculated(*rows, data_date=at("8 08")), "B")[0] == "16 08"
    assert early(calculated(*rows, data_date=at("8 08"), start_lag_from_actual=True), "B")[0] == "9 08"


def test_suspended_work_goes_on_when_it_is_resumed() -> None:
    resumed = replace(begun("A", 5, 3, "1 08"), resume=at("15 08"))

    assert early(calculated(resumed, data_date=at("8 08")), "A") == ("15 08", "17 17")


def test_microsoft_project_counts_the_whole_duration_from_the_actual_start() -> None:
    # Begun on Tue 2, five days: Mon 8; the status date moves nothing. Resumed on Wed 10 with three days left: Fri 12.
    plain, resumed = begun("A", 5, 3, "2 08"), replace(begun("B", 5, 3, "2 08"), resume=at("10 08"))
    found = calculated(plain, resumed, data_date=at("8 08"), counts_from_start=True)

    assert (early(found, "A"), early(found, "B")) == (("2 08", "8 17"), ("2 08", "12 17"))


# -- milestones, level of effort, summaries ----------------------------------------------------------------------


def test_a_start_milestone_waits_for_the_morning_a_finish_milestone_does_not() -> None:
    # A ends Fri 5 17:00.
    found = calculated(task("A", 5), start_milestone("S"), finish_milestone("F"), link("A", "S"), link("A", "F"))

    assert (early(found, "S"), early(found, "F")) == (("8 08", "8 08"), ("5 17", "5 17"))


def test_a_milestone_takes_its_latest_date_as_it_comes() -> None:
    # The end is Fri 12 17:00. S is open: it may stand there. F leads to B (two days), so Wed 10 17:00.
    found = calculated(task("Z", 10), start_milestone("S"), finish_milestone("F"), task("B", 2), link("F", "B"))

    assert (late(found, "S"), late(found, "F")) == (("12 17", "12 17"), ("10 17", "10 17"))


def test_a_finish_milestone_on_a_day_off_moves_to_the_next_working_day() -> None:
    found = calculated(finish_milestone("F", bounds=bound(ConstraintKind.START_ON_OR_AFTER, "6 10")))

    assert early(found, "F") == ("8 08", "8 08")


def test_a_level_of_effort_spans_what_it_hangs_on_and_drives_nothing() -> None:
    # From the start of A (Mon 1) to the finish of B (Tue 9); C comes after it by name only and stays on Mon 1.
    found = calculated(
        task("A", 5),
        task("B", 2),
        task("C", 1),
        task("L", 1, kind=ActivityKind.LEVEL_OF_EFFORT),
        link("A", "B"),
        link("A", "L", SS),
        link("B", "L", FF),
        link("L", "C"),
    )

    assert (early(found, "L"), late(found, "L"), float_days(found, "L")) == (("1 08", "9 17"), ("1 08", "9 17"), 0)
    assert early(found, "C") == ("1 08", "1 17")


def test_a_summary_spans_its_parts_and_a_link_to_it_holds_all_of_them() -> None:
    # A ends Wed 3. The parts of W wait for it: B Thu 4, C Thu 4 to Mon 8. D waits for all of W: Tue 9.
    found = calculated(
        task("A", 3),
        task("B", 1),
        task("C", 3),
        task("D", 1),
        task("W", 0, kind=ActivityKind.WBS_SUMMARY, parts=("B", "C")),
        link("A", "W"),
        link("W", "D"),
    )

    assert (early(found, "W"), early(found, "D")) == (("4 08", "8 17"), ("9 08", "9 17"))
    assert [float_days(found, key) for key in "ABCDW"] == [0, 2, 0, 0, 0]


# -- several projects, ends, floats ------------------------------------------------------------------------------

TWO = (Project("p", MONDAY, "five"), Project("q", MONDAY + weeks(1), "five"))


def test_projects_have_their_own_data_dates_and_ends_and_links_cross_them() -> None:
    # q works from Mon 8. A (p) ends Fri 5, B (q) follows: Mon 8, Tue 9. C (q) ends Mon 8.
    rows = (task("A", 5), task("B", 2, project="q"), task("C", 1, project="q"), task("D", 1), link("A", "B"))
    found = calculated(*rows, projects=TWO)

    assert (early(found, "B"), early(found, "C")) == (("8 08", "9 17"), ("8 08", "8 17"))
    assert [float_days(found, key) for key in "ACD"] == [0, 1, 4]  # D to Fri 5, p's own end


def test_floats_to_the_end_of_all_projects() -> None:
    rows = (task("A", 5), task("B", 2, project="q"), task("D", 1))

    assert float_days(calculated(*rows, projects=TWO, end_is_each_projects=False), "D") == 6  # to Tue 9


def test_links_to_other_projects_can_be_ignored() -> None:
    rows = (task("A", 10), task("B", 2, project="q"), link("A", "B"))

    assert early(calculated(*rows, projects=TWO, ignores_other_projects=True), "B") == ("8 08", "9 17")
    assert early(calculated(*rows, projects=TWO), "B") == ("15 08", "16 17")


def test_external_dates_stand_for_what_is_outside_the_file() -> None:
    # From outside: not before Wed 3, and done by Wed 10. B takes two days; the end is Fri 12 by Z.
    outside = replace(task("B", 2), external_early_start=at("3 08"), external_late_finish=at("10 17"))
    found = calculated(task("Z", 10), outside)
    ignored = calculated(task("Z", 10), outside, ignores_other_projects=True)

    assert (early(found, "B"), late(found, "B")) == (("3 08", "4 17"), ("9 08", "10 17"))
    assert (early(ignored, "B"), late(ignored, "B")) == (("1 08", "2 17"), ("11 08", "12 17"))


def test_a_date_the_project_must_finish_by_takes_the_place_of_its_end() -> None:
    # A ends Fri 5; must finish by Wed 3 00:00, which is Tue 2 17:00 in working time: three days too late.
    found = calculated(task("A", 5), must_finish="3 00")

    assert (late(found, "A")[1], float_days(found, "A")) == ("2 17", -3)


def test_open_ends_can_be_made_critical() -> None:
    rows = (task("A", 1), task("Z", 10))

    assert float_days(calculated(*rows, open_ends_critical=True), "A") == 0
    assert float_days(calculated(*rows), "A") == 9


@pytest.mark.parametrize(("kind", "days"), [(FloatKind.START, 9), (FloatKind.FINISH, 0), (FloatKind.SMALLEST, 0)])
def test_total_float_by_start_finish_or_the_smaller(kind: FloatKind, days: float) -> None:
    # A level of effort from the start of A (one day, nine days of float) to the finish of Z (Fri 12, none).
    rows = (task("Z", 10), task("A", 1), task("L", 1, kind=ActivityKind.LEVEL_OF_EFFORT))
    found = calculated(*rows, link("A", "L", SS), link("Z", "L", FF), float_kind=kind)

    assert (early(found, "L"), late(found, "L")) == (("1 08", "12 17"), ("12 08", "12 17"))
    assert float_days(found, "L") == days


# -- what is no network ------------------------------------------------------------------------------------------


def test_a_circle_is_refused_by_the_names_of_its_activities() -> None:
    rows = (task("A", 1), task("B", 1), task("C", 1), task("D", 1), link("A", "B"), link("B", "C"), link("C", "B"))

    with pytest.raises(NotANetwork) as refused:
        calculated(*rows, link("C", "D"))

    assert refused.value.field == "activity B"
    assert refused.value.message == "The activities B, C follow each other in a circle."


def test_a_summary_that_waits_for_its_own_part_is_a_circle() -> None:
    with pytest.raises(NotANetwork):
        calculated(
            task("A", 1),
            task("B", 1),
            task("W", 0, kind=ActivityKind.WBS_SUMMARY, parts=("A", "B")),
            link("W", "B"),
        )


def test_a_link_to_nothing_and_an_activity_twice_are_refused() -> None:
    with pytest.raises(NotANetwork, match="names X"):
        calculated(task("A", 1), link("A", "X"))
    with pytest.raises(NotANetwork, match="twice"):
        calculated(task("A", 1), task("A", 2))


def test_a_duration_that_leads_out_of_all_years_is_refused() -> None:
    with pytest.raises(BadInput, match="leaves the years"):
        calculated(task("A", 200 * 365))


# -- what drives, and what if ------------------------------------------------------------------------------------

CHAIN = (task("A", 5), task("B", 2), task("C", 4), task("Z", 1), link("A", "Z"), link("B", "C"), link("C", "Z"))


def test_the_driving_path_is_what_places_an_activity() -> None:
    # A needs five days, B and C six: Z is driven by C, C by B, and B by the data date.
    found = calculated(*CHAIN)

    assert found.driving_path("Z") == ("B", "C", "Z")
    assert found.driven_by("B").kind is DriverKind.DATA_DATE
    assert found.driven_by("Z").link == link("C", "Z")


def test_a_bound_ends_the_driving_path() -> None:
    held = task("C", 4, bounds=bound(ConstraintKind.START_ON_OR_AFTER, "10 08"))
    found = calculated(task("B", 2), held, link("B", "C"))

    assert found.driving_path("C") == ("C",)
    assert found.driven_by("C").kind is DriverKind.BOUND


def test_the_float_and_the_path_towards_one_activity() -> None:
    # Z starts on Tue 9. A (five days) may end on Mon 8: one day of float towards Z; B has none.
    # D has nine days to the end of the project, but cannot move Z at all.
    towards = calculated(*CHAIN, task("D", 1)).towards("Z")

    assert [towards.float_of(key) for key in "ABCZ"] == [480, 0, 0, 0]
    assert (towards.path_from("A"), towards.path_from("B")) == (("A", "Z"), ("B", "C", "Z"))
    assert (towards.float_of("D"), towards.path_from("D")) == (None, ())


def test_a_mandatory_date_on_the_way_keeps_the_target_still() -> None:
    held = task("C", 4, bounds=bound(ConstraintKind.MANDATORY_START, "3 08"))
    towards = calculated(task("B", 2), held, task("Z", 1), link("B", "C"), link("C", "Z")).towards("Z")

    assert towards.float_of("B") is None
    assert towards.float_of("C") == 0


def test_what_comes_later_moves_what_follows_it() -> None:
    # A may not start before Wed 3: it ends Tue 9, a day after C; Z moves from Tue 9 to Wed 10.
    plan = Plan(network(*CHAIN))

    before, after = calculate(plan), calculate(plan, Holds({"A": at("3 08")}))

    assert (early(before, "Z"), early(after, "Z")) == (("9 08", "9 17"), ("10 08", "10 17"))
    assert after.driving_path("Z") == ("A", "Z")
    assert after.driven_by("A").kind is DriverKind.FORECAST


def test_what_comes_within_its_float_moves_nothing_else() -> None:
    plan = Plan(network(*CHAIN))

    assert early(calculate(plan, Holds({"A": at("2 08")})), "Z") == early(calculate(plan), "Z")


def test_a_late_delivery_holds_even_a_mandatory_start_and_begun_work() -> None:
    fixed = task("A", 2, bounds=bound(ConstraintKind.MANDATORY_START, "2 08"))
    plan = Plan(network(fixed, begun("B", 5, 3, "1 08")))
    tool = Plan(network(begun("B", 5, 3, "1 08"), counts_from_start=True))

    held = calculate(plan, Holds({"A": at("4 08"), "B": at("8 08")}))

    assert (early(held, "A"), early(held, "B")) == (("4 08", "5 17"), ("8 08", "10 17"))
    assert early(calculate(tool, Holds({"B": at("8 08")})), "B") == ("1 08", "10 17")


def test_an_activity_that_may_not_end_before_a_date_goes_on_until_then() -> None:
    # Pads are ready on Fri 5, but what stands on them comes on Tue 9 12:00: Z follows from then.
    plan = Plan(network(task("A", 5), task("Z", 1), finish_milestone("M"), link("A", "Z"), link("A", "M")))

    held = calculate(plan, Holds(finishes={"A": at("9 12"), "M": at("13 10")}))

    assert (early(held, "A"), early(held, "Z")) == (("1 08", "9 12"), ("9 13", "10 12"))
    assert early(held, "M") == ("15 08", "15 08")  # Saturday the 13th is no working day
    assert held.driven_by("A").kind is DriverKind.FORECAST


def test_a_delay_is_the_same_as_a_calculation_with_it_and_leaves_the_end_where_it_was() -> None:
    plan = Plan(network(*CHAIN, done("D", 1, "1 08", "1 17")))
    before = calculate(plan)
    holds = Holds({"A": at("3 08"), "D": at("12 08")})

    after, again = delayed(before, holds), calculate(plan, holds)

    assert [early(after, key) for key in "ABCZD"] == [early(again, key) for key in "ABCZD"]
    assert (float_days(after, "A"), float_days(before, "A")) == (-1, 1)
    assert early(before, "Z") == ("9 08", "9 17")


def test_a_delay_never_pulls_forward_what_is_as_late_as_possible() -> None:
    # B stands on Thu 11, Fri 12 with Z's end; A moved to Wed 3 still lets it.
    late_bound = (Bound(ConstraintKind.AS_LATE_AS_POSSIBLE),)
    plan = Plan(network(task("Z", 10), task("A", 1), task("B", 2, bounds=late_bound), link("A", "B")))

    after = delayed(calculate(plan), Holds({"A": at("3 08")}))

    assert (early(after, "A"), early(after, "B")) == (("3 08", "3 17"), ("11 08", "12 17"))
