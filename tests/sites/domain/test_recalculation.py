"""What a schedule says of itself against what its links say, on small schedules of our own."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from sites.domain.network import Options
from sites.domain.recalculation import Recalculated, document, recalculate
from sites.domain.schedule_network import options_of
from sites.domain.site_schedule import (
    ScheduleActivity,
    ScheduleCalendar,
    ScheduleFile,
    ScheduleLink,
    ScheduleOptions,
    ScheduleProject,
    ScheduleWbs,
)
from sites.vocabulary import (
    ActivityKind,
    ActivityStatus,
    ConstraintKind,
    FloatKind,
    LagCalendar,
    LinkKind,
    ProgressRule,
    ScheduleFormat,
)
from tests.sites.domain.networks import MONDAY, OFFICE, at

FIVE = ScheduleCalendar("1", "Five days", Decimal(8), (OFFICE,) * 5 + ((), ()))
ZERO = Decimal(0)


def activity(code: str, hours: int, **given: Any) -> ScheduleActivity:
    """Not started, on the five-day calendar."""
    row: dict[str, Any] = {
        "name": code,
        "wbs": "",
        "kind": ActivityKind.TASK,
        "status": ActivityStatus.NOT_STARTED,
        "calendar_id": "1",
        "original_hours": Decimal(hours),
        "remaining_hours": Decimal(hours),
    }
    return ScheduleActivity(code=code, **(row | given))


def link(first: str, then: str, kind: LinkKind = LinkKind.FINISH_START, hours: int = 0, **given: Any) -> ScheduleLink:
    return ScheduleLink(given.pop("of", "P"), first, then, kind, Decimal(hours), **given)


def project(*rows: ScheduleActivity | ScheduleLink, **given: Any) -> ScheduleProject:
    values: dict[str, Any] = {"id": "P", "name": "P", "data_moment": MONDAY, "calendars": (FIVE,), "calendar_id": "1"}
    return ScheduleProject(
        activities=tuple(row for row in rows if isinstance(row, ScheduleActivity)),
        links=tuple(row for row in rows if isinstance(row, ScheduleLink)),
        **(values | given),
    )


def answers(*projects: ScheduleProject, format: ScheduleFormat = ScheduleFormat.XER) -> tuple[Recalculated, ...]:
    return recalculate(ScheduleFile(format, "", "utf-8", "", projects))


def answer(*rows: ScheduleActivity | ScheduleLink, **given: Any) -> Recalculated:
    format = given.pop("format", ScheduleFormat.XER)
    (found,) = answers(project(*rows, **given), format=format)
    return found


def suspicions(found: Recalculated) -> dict[tuple[str, str], str]:
    return {(each.code, each.field): each.suspicion.value for each in found.differences}


def written(start: str, finish: str, **given: Any) -> dict[str, Any]:
    return {"early_start": at(start), "early_finish": at(finish), **given}


# A: Mon 1 to Wed 3. B: Thu 4, Fri 5. The end is Fri 5.
A = activity("A", 24, **written("1 08", "3 17", late_finish=at("3 17"), total_float_hours=ZERO))
B = activity("B", 16, **written("4 08", "5 17", late_finish=at("5 17"), total_float_hours=ZERO))


def test_a_file_that_says_what_its_links_say_is_equal_throughout() -> None:
    found = answer(A, B, link("A", "B"))

    assert document(found) == {
        "activities_compared": 2,
        "equal_early_start": 2,
        "equal_early_finish": 2,
        "equal_late_finish": 2,
        "equal_total_float": 2,
        "compared_early_start": 2,
        "compared_early_finish": 2,
        "compared_late_finish": 2,
        "compared_total_float": 2,
        "finished": 0,
        "without_dates": 0,
        "options": {
            "lag_calendar": "predecessor",
            "progress": "retained_logic",
            "total_float": "finish",
            "open_ends_critical": False,
            "uses_expected_finish": True,
            "start_lag_from": "early_start",
            "ignores_other_projects": False,
            "float_to": "end_of_project",
        },
        "not_supported": [],
        "not_calculated": None,
        "others": [],
    }


def test_a_difference_tells_both_values_and_what_is_suspected() -> None:
    # The file has A a day later than anything says, and B with it.
    moved = replace(A, early_start=at("2 08"), early_finish=at("4 17"), late_finish=None, total_float_hours=None)
    after = replace(B, early_start=at("5 08"), early_finish=at("8 17"), total_float_hours=Decimal(-8))
    found = answer(moved, after, link("A", "B"))

    assert suspicions(found) == {
        ("A", "early_start"): "not_explained",
        ("A", "early_finish"): "start_differs",
        ("B", "early_start"): "predecessor_differs",
        ("B", "early_finish"): "start_differs",
        ("B", "total_float_hours"): "date_differs",
    }
    others: Any = document(found)["others"]
    assert others[0] == {
        "activity": "A",
        "field": "early_start",
        "file": "2027-03-02T08:00",
        "calculated": "2027-03-01T08:00",
        "suspected": "not_explained",
        "reason": "Its links, constraints and calendar do not lead to the file's date: the file was changed after it "
        "was scheduled, or levelled.",
    }


@pytest.mark.parametrize(
    ("given", "field", "suspected"),
    [
        ({"kind": ActivityKind.RESOURCE_DEPENDENT}, "early_start", "resource_calendar"),
        ({"calendar_id": "9"}, "early_start", "not_its_duration"),  # Tue 2 to Wed 3 are two days, not three
        ({"early_finish": at("4 17")}, "early_start", "not_explained"),
        ({"early_start": at("6 08")}, "early_start", "not_working_time"),  # a Saturday
        ({"late_finish": at("12 17")}, "late_finish", "end_differs"),
    ],
)
def test_other_suspicions(given: Mapping[str, Any], field: str, suspected: str) -> None:
    usual = {"early_start": at("2 08")} if field == "early_start" else {}
    row = replace(A, **{**usual, **given})

    assert suspicions(answer(row))["A", field] == suspected


def test_a_finish_that_its_own_start_does_not_lead_to_is_suspected() -> None:
    assert suspicions(answer(replace(A, early_finish=at("5 17"))))["A", "early_finish"] == "not_its_duration"


def test_the_late_date_of_a_successor_is_suspected_before_our_own() -> None:
    first, then = replace(A, late_finish=at("10 17")), replace(B, late_finish=at("12 17"))

    found = suspicions(answer(first, then, link("A", "B")))

    assert found["A", "late_finish"] == "successor_differs"
    assert found["B", "late_finish"] == "end_differs"


def test_begun_work_and_a_link_from_outside_are_suspected() -> None:
    begun = activity("A", 24, status=ActivityStatus.IN_PROGRESS, actual_start=at("1 08"), **written("3 08", "5 17"))
    outside = replace(A, code="C", early_start=at("2 08"))
    found = answer(begun, outside, link("X", "C", of="Q"))

    assert suspicions(found)["A", "early_start"] == "in_progress"
    assert suspicions(found)["C", "early_start"] == "outside_file"
    assert found.not_followed == ("Links to activities outside the file, for which its external dates stand: 1",)


def test_finished_and_never_scheduled_activities_are_counted_apart() -> None:
    finished = activity("F", 8, status=ActivityStatus.COMPLETED, actual_start=at("1 08"), actual_finish=at("1 17"))
    begun = activity(
        "R", 24, status=ActivityStatus.IN_PROGRESS, actual_start=at("1 08"), remaining_start=at("1 08"),
        remaining_finish=at("3 17"),
    )  # fmt: skip
    found = answer(finished, begun, activity("N", 8))

    assert (found.activities, found.finished, found.unwritten) == (1, 1, 1)
    assert (found.compared["early_finish"], found.equal["early_finish"], found.compared["late_finish"]) == (1, 1, 0)


def test_a_circle_is_told_and_nothing_is_compared() -> None:
    found = answer(A, B, link("A", "B"), link("B", "A"))

    assert found.not_calculated == "The activities A, B follow each other in a circle."
    assert found.activities == 0


def test_what_the_calculation_does_not_follow_is_named() -> None:
    found = answer(
        activity("A", 8, kind=ActivityKind.RESOURCE_DEPENDENT),
        activity("B", 8, constraint="CS_UNHEARD_OF", constraint_moment=MONDAY),
        activity("C", 8, constraint=ConstraintKind.START_ON),
        activity("D", 8, calendar_id="9"),
        activity("E", 8, calendar_id="", is_manual=True, planned_start=MONDAY),
        options=ScheduleOptions(is_from_finish=True),
        calendars=(),
        calendar_id="",
    )

    assert set(found.not_followed) == {
        "It was scheduled backward from its finish; here it runs forward from its start.",
        "Activities on a calendar without known hours, counted on the project's: 4",
        "Activities without any calendar, counted round the clock: 1",
        "Activities by their resources' calendars, counted on their own: 1",
        "Constraints of a kind unknown here, which do not count: 1",
        "Constraints without a date, which do not count: 1",
        "Manually scheduled tasks, which keep their dates: 1",
    }


def test_projects_with_options_of_their_own_are_each_calculated_by_them() -> None:
    # One day of lag (8 hours) behind Fri 5 17:00: on the predecessor's calendar Tue 9, round the clock Mon 8.
    def one(id: str, calendar: LagCalendar) -> ScheduleProject:
        first = activity("A", 40)
        then = activity("B", 8, **written("8 08", "8 17"))
        return project(
            first, then, link("A", "B", hours=8, of=id), id=id, options=ScheduleOptions(lag_calendar=calendar)
        )

    ours, clock = answers(one("P", LagCalendar.PREDECESSOR), one("Q", LagCalendar.ROUND_THE_CLOCK))

    assert (ours.equal["early_start"], clock.equal["early_start"]) == (0, 1)


def test_a_link_may_cross_projects_and_a_baseline_stands_alone() -> None:
    # B (Q) follows A (P), Wed 3: Thu 4. The baseline of P has an A of two days and nothing to do with it.
    first = project(A, id="P")
    second = project(replace(B, early_start=at("4 08")), link("A", "B"), id="Q")
    baseline = project(activity("A", 16, **written("1 08", "2 17")), id="P - B1", baseline_of="P")

    found = answers(first, second, baseline)

    assert [each.equal["early_finish"] for each in found] == [1, 1, 1]


def test_a_summary_sums_up_its_node_and_the_nodes_below() -> None:
    wbs = (ScheduleWbs("w", "W", "W", ""), ScheduleWbs("v", "V", "V", "w"), ScheduleWbs("u", "U", "U", ""))
    rows = (
        replace(A, wbs_id="w"),
        replace(B, wbs_id="v"),
        activity("X", 80, wbs_id="u"),
        activity("W", 0, kind=ActivityKind.WBS_SUMMARY, wbs_id="w", **written("1 08", "5 17")),
    )
    found = answer(*rows, link("A", "B"), wbs=wbs)

    assert ("W", "early_finish") not in suspicions(found)
    assert ("W", "early_start") not in suspicions(found)


def test_what_a_tool_does_where_its_file_says_nothing() -> None:
    assert options_of(ScheduleOptions(), ScheduleFormat.XER) == Options()
    assert options_of(ScheduleOptions(), ScheduleFormat.MSPDI) == Options(
        lag_calendar=LagCalendar.SUCCESSOR,
        counts_from_start=True,
        float_kind=FloatKind.SMALLEST,
        uses_expected_finish=False,
        finishes_at_link=True,
    )


def test_what_the_file_says_decides() -> None:
    said = ScheduleOptions(
        progress=ProgressRule.PROGRESS_OVERRIDE,
        lag_calendar=LagCalendar.PROJECT,
        float_kind=FloatKind.START,
        open_ends_critical=True,
        lag_from_early_start=False,
        uses_expected_finish=False,
        float_to_project_end=False,
        ignores_other_projects=True,
    )

    assert options_of(said, ScheduleFormat.PMXML) == Options(
        lag_calendar=LagCalendar.PROJECT,
        progress=ProgressRule.PROGRESS_OVERRIDE,
        float_kind=FloatKind.START,
        open_ends_critical=True,
        uses_expected_finish=False,
        start_lag_from_actual=True,
        ignores_other_projects=True,
        end_is_each_projects=False,
    )


def test_microsoft_project_works_from_its_start_and_its_milestones_stay_where_the_work_ends() -> None:
    # The status date, Mon 15, moves nothing. A ends Wed 3 17:00, and so does the milestone behind it.
    milestone = activity("M", 0, kind=ActivityKind.START_MILESTONE, planned_start=at("3 17"), planned_finish=at("3 17"))
    rows = (activity("A", 24, planned_start=at("1 08"), planned_finish=at("3 17")), milestone, link("A", "M"))
    found = answer(*rows, format=ScheduleFormat.MSPDI, planned_start=MONDAY, data_moment=at("15 08"))

    assert (found.activities, dict(found.equal)["early_finish"], found.differences) == (2, 2, ())


def test_what_is_left_of_a_begun_project_task_goes_on_where_it_is_resumed() -> None:
    begun = activity(
        "A", 40, status=ActivityStatus.IN_PROGRESS, actual_start=at("1 08"), remaining_hours=Decimal(24),
        remaining_start=at("10 08"), planned_start=at("1 08"), planned_finish=at("12 17"),
    )  # fmt: skip
    found = answer(begun, format=ScheduleFormat.MSPDI, planned_start=MONDAY)

    assert (found.equal["early_start"], found.equal["early_finish"]) == (1, 1)


def test_latest_dates_of_project_are_named() -> None:
    row = activity("A", 8, constraint=ConstraintKind.FINISH_ON_OR_BEFORE, constraint_moment=at("3 17"))

    assert answer(row, format=ScheduleFormat.MSPDI).not_followed == (
        "Latest dates, which Microsoft Project may put before links and we do not: 1",
    )
    assert answer(row).not_followed == ()


def test_a_schedule_without_data_date_starts_with_its_earliest_plan() -> None:
    found = answer(
        activity("A", 8, planned_start=datetime.fromisoformat("2027-03-02T08:00"), **written("2 08", "2 17")),
        data_moment=None,
    )

    assert found.equal["early_finish"] == 1
    assert "no data date" in found.not_followed[0]
