"""Each rule of Microsoft Project's XML with a small file of our own."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from sites.domain.errors import BadInput
from sites.domain.site_schedule import ScheduleActivity, ScheduleCalendar, ScheduleLink, ScheduleProject
from sites.readers import mspdi
from sites.vocabulary import ActivityKind, ActivityStatus, ConstraintKind, LagCalendar, LinkKind
from tests.sites.readers import mspdi as files
from tests.sites.readers.mspdi import after, calendar, exception, summary, task, weekday
from tests.sites.readers.pmxml import element

at = datetime.fromisoformat
DAY = ((480, 720), (780, 1020))


def only(*tasks: str, calendars: tuple[str, ...] = (), **given: str) -> ScheduleProject:
    (project,) = mspdi.read(files.mspdi(tasks=tasks, calendars=calendars or (calendar(),), **given)).projects
    return project


def activity(*inner: str, **given: str) -> ScheduleActivity:
    return only(task("1", *inner, **given)).activities[0]


def calendar_of(*calendars: str) -> ScheduleCalendar:
    return only(calendars=calendars).calendars[-1]


def refusal(*tasks: str) -> tuple[str | None, str]:
    with pytest.raises(BadInput) as caught:
        only(*tasks)
    return caught.value.field, caught.value.message


def test_summary_tasks_are_the_work_breakdown() -> None:
    project = only(
        summary("0", "Fit-out", "0"), summary("1", "Hall A", "1"), summary("2", "MV room", "2"), task("3", level="3"),
        task("4", level="2"), summary("5", "Hall B", "1"), task("6", level="2"),
    )  # fmt: skip

    assert [(row.code, row.wbs, row.wbs_id) for row in project.activities] == [
        ("3", "Hall A / MV room", "2"),
        ("4", "Hall A", "1"),
        ("6", "Hall B", "5"),
    ]
    assert [(node.id, node.parent_id, node.is_project) for node in project.wbs] == [
        ("0", "", True), ("1", "0", False), ("2", "1", False), ("5", "0", False),
    ]  # fmt: skip
    assert (project.id, project.name, project.data_date) == ("fitout.xml", "Fit-out", date(2026, 11, 20))


@pytest.mark.parametrize(
    ("lag", "lag_format", "hours", "calendar"),
    [
        ("4800", "7", "8", None),
        ("-4800", "7", "-8", None),
        ("14400", "8", "24", LagCalendar.ROUND_THE_CLOCK),
        ("50", "19", "20", None),
        ("50", "20", "20", LagCalendar.ROUND_THE_CLOCK),
    ],
)
def test_lags_are_tenths_of_minutes_elapsed_or_per_cent(
    lag: str, lag_format: str, hours: str, calendar: LagCalendar | None
) -> None:
    project = only(task("1"), task("2", after("1", "3", lag, lag_format)))

    assert project.links == (ScheduleLink("fitout.xml", "1", "2", LinkKind.START_START, Decimal(hours), calendar),)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("0", LinkKind.FINISH_FINISH), ("1", LinkKind.FINISH_START), ("2", LinkKind.START_FINISH),
        ("3", LinkKind.START_START),
    ],
)  # fmt: skip
def test_the_four_kinds_of_links(word: str, kind: LinkKind) -> None:
    assert [row.kind for row in only(task("1"), task("2", after("1", word))).links] == [kind]


@pytest.mark.parametrize(
    ("text", "hours"),
    [("PT40H0M0S", "40"), ("PT0H30M0S", "0.5"), ("P2DT4H0M0S", "52"), ("PT1H0M36S", "1.01"), ("PT0H0M0S", "0")],
)
def test_durations_are_iso_8601(text: str, hours: str) -> None:
    assert activity(Duration=text).original_hours == Decimal(hours)


def test_slack_is_in_tenths_of_minutes() -> None:
    assert activity(TotalSlack="-2400").total_float_hours == Decimal(-4)


def test_inactive_and_empty_rows_take_no_part_and_are_said() -> None:
    project = only(
        task("1"), task("2", after("1"), Active="0"), task("3", after("2"), after("1")), task("9", IsNull="1")
    )

    assert [row.code for row in project.activities] == ["1", "3"]
    assert [(row.predecessor_code, row.successor_code) for row in project.links] == [("1", "3")]
    assert project.warnings == ("Inactive tasks, which are left out: 1.",)


def test_a_link_of_a_summary_task_binds_all_tasks_below_it() -> None:
    project = only(
        summary("1", "Hall A", "1"), task("2", level="2"), task("3", level="2"), task("4", after("1"), level="1")
    )

    assert [(row.predecessor_code, row.successor_code) for row in project.links] == [("2", "4"), ("3", "4")]


def test_a_link_to_the_start_of_a_summary_task_cannot_be_told_and_is_said() -> None:
    project = only(summary("1", "Hall A", "1"), task("2", level="2"), task("4", after("1", "3"), level="1"))

    assert project.links == ()
    assert project.warnings == ("Links of summary tasks that cannot be told as links of their tasks, left out: 1.",)


def test_a_link_from_another_project_names_it() -> None:
    other = element(
        "PredecessorLink", PredecessorUID="77", Type="1", CrossProject="1", CrossProjectName="C:\\plans\\shell.mpp\\12"
    )

    project = only(task("1", other))

    assert project.links == (ScheduleLink("shell.mpp", "12", "1", LinkKind.FINISH_START, Decimal(0)),)


@pytest.mark.parametrize(
    ("given", "status", "start", "finish"),
    [
        ({}, ActivityStatus.NOT_STARTED, None, None),
        ({"ActualStart": "2027-01-12T08:00:00"}, ActivityStatus.IN_PROGRESS, at("2027-01-12 08:00"), None),
        (
            {"PercentComplete": "100"},
            ActivityStatus.COMPLETED,
            at("2027-01-11 08:00"),
            at("2027-01-15 17:00"),
        ),
    ],
)
def test_progress(given: dict[str, str], status: ActivityStatus, start: datetime, finish: datetime) -> None:
    found = activity(**given)

    assert (found.status, found.actual_start, found.actual_finish) == (status, start, finish)


def test_a_milestone_has_no_duration() -> None:
    assert activity(Milestone="1", Duration="PT0H0M0S").kind == ActivityKind.FINISH_MILESTONE
    assert activity(Milestone="1").kind == ActivityKind.TASK


def test_constraints_and_deadlines() -> None:
    found = activity(ConstraintType="4", ConstraintDate="2027-01-11T08:00:00", Deadline="2027-02-01T17:00:00")

    assert (found.constraint, found.constraint_moment) == (ConstraintKind.START_ON_OR_AFTER, at("2027-01-11 08:00"))
    assert (found.second_constraint, found.second_constraint_moment) == (
        ConstraintKind.FINISH_ON_OR_BEFORE,
        at("2027-02-01 17:00"),
    )


@pytest.mark.parametrize(("honour", "kind"), [("0", ConstraintKind.START_ON), ("1", ConstraintKind.MANDATORY_START)])
def test_must_breaks_the_logic_just_where_the_project_says_so(honour: str, kind: ConstraintKind) -> None:
    project = only(task("1", ConstraintType="2", ConstraintDate="2027-01-11T08:00:00"), HonorConstraints=honour)

    assert project.activities[0].constraint == kind


def test_a_task_without_a_calendar_works_on_that_of_the_project() -> None:
    assert (activity().calendar_id, activity(CalendarUID="3").calendar_id) == ("1", "3")


def test_baselines_are_told_by_their_numbers() -> None:
    def base(number: str, finish: str) -> str:
        return element("Baseline", Number=number, Start="2026-12-01T08:00:00", Finish=finish, Duration="PT8H0M0S")

    project = only(task("1", base("0", "2026-12-01T17:00:00"), base("10", "2026-12-02T17:00:00")))

    assert [(row.baseline, row.code, row.finish, row.duration_hours) for row in project.baselines] == [
        ("0", "1", at("2026-12-01 17:00"), Decimal(8)),
        ("10", "1", at("2026-12-02 17:00"), Decimal(8)),
    ]


def test_without_a_status_date_the_current_date_stands_for_it() -> None:
    project = only(task("1"), StatusDate="", CurrentDate="2026-11-30T08:00:00")

    assert (project.data_moment, project.data_date) == (None, date(2026, 11, 30))
    assert project.warnings == ("The file has no status date; its current date stands for the data date.",)


# -- calendars -------------------------------------------------------------------------------------------------------


def test_a_calendar_inherits_what_it_does_not_say() -> None:
    found = calendar_of(
        calendar(
            "1", weekday(1), weekday(2, ("08:00:00", "12:00:00")), exceptions=(exception("2027-01-26", "2027-01-26"),)
        ),
        calendar("2", weekday(3), base="1", IsBaseCalendar="0"),
    )

    assert found.week == (((480, 720),), (), DAY, DAY, DAY, (), ())
    assert (found.exceptions, found.is_of_resource) == ({date(2027, 1, 26): ()}, True)


def test_a_shift_to_midnight_and_one_through_the_night() -> None:
    found = calendar_of(calendar("1", weekday(2, ("23:00:00", "00:00:00")), weekday(3, ("00:00:00", "08:00:00"))))

    assert found.week[:2] == (((1380, 1440),), ((0, 480),))


def test_an_old_exception_stands_among_the_weekdays() -> None:
    period = element("TimePeriod", FromDate="2027-01-26T00:00:00", ToDate="2027-01-27T23:59:00")
    old = element("WeekDay", period, DayType="0", DayWorking="0")

    assert calendar_of(calendar("1", old)).exceptions == {date(2027, 1, 26): (), date(2027, 1, 27): ()}


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ({"Type": "1"}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
        ({"Type": "1", "Period": "7"}, [1, 8]),
        ({"Type": "6", "Period": "1", "DaysOfWeek": "2"}, [4, 11]),
        ({"Type": "6", "Period": "2", "DaysOfWeek": "34"}, [1, 11]),
        ({"Type": "4", "Period": "1", "MonthDay": "9"}, [9]),
        ({"Type": "5", "Period": "1", "MonthItem": "4", "MonthPosition": "1"}, [11]),
        ({"Type": "2", "Month": "0", "MonthDay": "5"}, [5]),
        ({"Type": "2", "Month": "1", "MonthDay": "5"}, []),
        ({"Type": "3", "Month": "0", "MonthItem": "1", "MonthPosition": "0"}, [1]),
    ],
)
def test_exceptions_recur(given: dict[str, str], days: list[int]) -> None:
    """January 2027 begins on a Friday."""
    found = calendar_of(calendar("1", exceptions=(exception("2027-01-01", "2027-01-14", **given),)))

    assert [day.day for day in found.exceptions] == days


def test_a_recurrence_that_is_not_known_is_left_out_and_said() -> None:
    project = only(calendars=(calendar("1", exceptions=(exception("2027-01-01", "2027-01-14", Type="8"),)),))

    assert project.warnings == ("Exceptions of calendars that recur in a way unknown here, left out: 1.",)


def test_a_work_week_holds_for_its_period() -> None:
    period = element("TimePeriod", FromDate="2027-01-04T00:00:00", ToDate="2027-01-12T00:00:00")
    week = element("WorkWeek", period, element("WeekDays", weekday(2, ("07:00:00", "11:00:00"))))

    found = calendar_of(element("Calendar", element("WorkWeeks", week), UID="1", Name="Standard", BaseCalendarUID="-1"))

    assert found.exceptions == {date(2027, 1, 4): ((420, 660),), date(2027, 1, 11): ((420, 660),)}


@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        ((task("1"), task("1")), "Task.UID stands twice, here and in line "),
        ((task(""),), "Task.UID is empty."),
        ((task("1", Start="soon"),), "Task.Start is no date"),
        ((task("1", Duration="P1Y"),), "Task.Duration is no duration"),
        ((task("1", after("1")),), "A task follows itself."),
        ((task("1", after("2", "9")),), "PredecessorLink.Type is none of"),
        ((task("1", level="deep"),), "Task.OutlineLevel is no level."),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(tasks: tuple[str, ...], why: str) -> None:
    where, message = refusal(*tasks)

    assert str(where).startswith("line ")
    assert message.startswith(why)


def test_endless_exceptions_are_a_bomb() -> None:
    many = tuple(exception("2000-01-01", "2100-12-31") for _ in range(20))

    with pytest.raises(BadInput, match="more exceptions than any schedule needs"):
        calendar_of(calendar("1", exceptions=many))
