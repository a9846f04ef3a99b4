"""What an XER file says of hours, options, constraints, progress, codes and baselines: each rule with a small file."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from sites.domain.errors import BadInput
from sites.domain.site_schedule import ScheduleActivity, ScheduleOptions, ScheduleProject
from sites.readers import p6_xer
from sites.vocabulary import ConstraintKind, CriticalBy, FloatKind, LagCalendar, PercentKind, ProgressRule
from tests.sites.readers.xer import HEADER, projects, table, task, tasks, xer

at = datetime.fromisoformat
FIVE_DAYS = "".join(f"(0||{day}()((0||0(s|08:00|f|16:00)())))" for day in range(2, 7))


def hours(exceptions: str = "", days: str = FIVE_DAYS) -> str:
    return f"(0||CalendarData()((0||DaysOfWeek()((0||1()()){days}(0||7()())))(0||Exceptions()({exceptions}))))"


def calendars(*rows: tuple[str, str, str]) -> list[str]:
    """Key, key of the calendar it is based on, text of its hours."""
    columns = ["clndr_id", "clndr_name", "base_clndr_id", "clndr_type", "day_hr_cnt", "clndr_data"]
    return table(
        "CALENDAR", columns, *((key, f"Calendar {key}", base, "CA_Base", "8", data) for key, base, data in rows)
    )


def only(*tables: list[str], header: str = HEADER) -> ScheduleProject:
    (project,) = p6_xer.read(xer(projects(("1", "DC1")), *tables, header=header)).projects
    return project


def with_columns(**values: str) -> ScheduleActivity:
    """A task of these columns beside its keys."""
    rows = table("TASK", ["task_id", "proj_id", "task_code", *values], ["100", "1", "A100", *values.values()])
    return only(rows).activities[0]


def test_hours_of_a_calendar_and_what_it_inherits() -> None:
    project = only(calendars(("7", "", hours("(0||0(d|46031)())")), ("8", "7", hours("(0||0(d|46033)())"))))

    base, derived = project.calendars
    assert base.week == (((480, 960),),) * 5 + ((), ())
    assert list(base.exceptions) == [date(2026, 1, 9)]
    assert list(derived.exceptions) == [date(2026, 1, 9), date(2026, 1, 11)]


def test_a_calendar_broken_over_lines_is_read() -> None:
    broken = hours().replace("(0||3()", "\r\n  (0||3()\r\n")

    (calendar,) = only(calendars(("7", "", broken))).calendars

    assert calendar.week[1] == ((480, 960),)


def test_a_calendar_that_cannot_be_read_is_kept_by_name_and_said() -> None:
    project = only(calendars(("7", "", "five days")), tasks(task("100", "A100")))

    assert [(row.name, row.week) for row in project.calendars] == [("Calendar 7", ())]
    assert "Activities on a calendar whose hours cannot be read: 1." in project.warnings


def test_a_calendar_that_the_file_lacks_is_kept_as_text_and_said() -> None:
    project = only(tasks(task("100", "A100", clndr_id="99")))

    assert project.activities[0].calendar_id == "99"
    assert project.warnings == ("Activities on a calendar that the file lacks: 1.",)


def test_a_currency_that_is_no_iso_code_is_kept_as_text_and_said() -> None:
    project = only(header=HEADER.replace("AUD", "Dhs"))

    assert (project.currency, project.warnings) == (
        "Dhs",
        ("The currency 'Dhs' is no ISO 4217 code and is kept as text.",),
    )


def test_the_options_of_the_calculation() -> None:
    options = {
        "proj_id": "1", "sched_retained_logic": "Y", "sched_progress_override": "N", "sched_open_critical_flag": "Y",
        "sched_calendar_on_relationship_lag": "rcal_24Hour", "sched_float_type": "FT_FF",
        "sched_lag_early_start_flag": "Y", "sched_use_expect_end_flag": "N", "sched_outer_depend_type": "SD_None",
        "sched_use_project_end_date_for_float": "Y",
    }  # fmt: skip
    project = table("PROJECT", ["proj_id", "proj_short_name", "critical_drtn_hr_cnt", "critical_path_type"],
                    ["1", "DC1", "16", "CT_DrivPath"])  # fmt: skip

    (found,) = p6_xer.read(xer(project, table("SCHEDOPTIONS", list(options), list(options.values())))).projects

    assert found.options == ScheduleOptions(
        progress=ProgressRule.RETAINED_LOGIC, lag_calendar=LagCalendar.ROUND_THE_CLOCK, float_kind=FloatKind.FINISH,
        critical_by=CriticalBy.LONGEST_PATH, critical_hours=Decimal(16), open_ends_critical=True,
        lag_from_early_start=True, uses_expected_finish=False, float_to_project_end=True, ignores_other_projects=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("retained", "override", "rule"),
    [
        ("Y", "N", ProgressRule.RETAINED_LOGIC),
        ("N", "Y", ProgressRule.PROGRESS_OVERRIDE),
        ("N", "N", ProgressRule.ACTUAL_DATES),
        ("", "", None),
    ],
)
def test_how_progress_out_of_sequence_is_taken(retained: str, override: str, rule: ProgressRule | None) -> None:
    options = table(
        "SCHEDOPTIONS", ["proj_id", "sched_retained_logic", "sched_progress_override"], ["1", retained, override]
    )

    assert only(options).options.progress == rule


def test_two_constraints_with_their_moments() -> None:
    found = with_columns(
        cstr_type="CS_MSOA", cstr_date="2027-03-01 08:00", cstr_type2="CS_MEOB", cstr_date2="2027-04-01 16:00"
    )

    assert (found.constraint, found.constraint_moment) == (ConstraintKind.START_ON_OR_AFTER, at("2027-03-01 08:00"))
    assert (found.second_constraint, found.second_constraint_moment) == (
        ConstraintKind.FINISH_ON_OR_BEFORE,
        at("2027-04-01 16:00"),
    )


@pytest.mark.parametrize(
    ("columns", "kind", "percent"),
    [
        ({"complete_pct_type": "CP_Phys", "phys_complete_pct": "35"}, PercentKind.PHYSICAL, Decimal(35)),
        (
            {"complete_pct_type": "CP_Drtn", "target_drtn_hr_cnt": "40", "remain_drtn_hr_cnt": "30"},
            PercentKind.DURATION,
            Decimal(25),
        ),
        (
            {"complete_pct_type": "CP_Units", "act_work_qty": "3", "remain_work_qty": "1"},
            PercentKind.UNITS,
            Decimal(75),
        ),
        ({"complete_pct_type": "CP_Units"}, PercentKind.UNITS, Decimal(0)),
        ({"phys_complete_pct": "35"}, None, None),
    ],
)
def test_progress_is_measured_as_the_activity_says(
    columns: dict[str, str], kind: PercentKind | None, percent: Decimal | None
) -> None:
    found = with_columns(**columns)

    assert (found.percent_kind, found.percent_complete) == (kind, percent)


def test_durations_floats_and_the_rest_of_an_activity() -> None:
    found = with_columns(
        target_drtn_hr_cnt="40", remain_drtn_hr_cnt="16.5", free_float_hr_cnt="-2", driving_path_flag="Y",
        restart_date="2027-01-12 08:00", reend_date="2027-01-13 12:30", suspend_date="2027-01-05 12:00",
        resume_date="2027-01-07 08:00", expect_end_date="2027-02-01 16:00",
    )  # fmt: skip

    assert (found.original_hours, found.remaining_hours, found.free_float_hours, found.is_driving) == (
        Decimal(40),
        Decimal("16.5"),
        Decimal(-2),
        True,
    )
    assert (found.remaining_start, found.remaining_finish, found.suspended, found.resumed, found.expected_finish) == (
        at("2027-01-12 08:00"), at("2027-01-13 12:30"), at("2027-01-05 12:00"), at("2027-01-07 08:00"),
        at("2027-02-01 16:00"),
    )  # fmt: skip


def test_activity_codes_by_type_and_value() -> None:
    project = only(
        table("ACTVTYPE", ["actv_code_type_id", "actv_code_type"], ["5", "Equipment"], ["6", "Area"]),
        table("ACTVCODE", ["actv_code_id", "actv_code_type_id", "short_name"], ["50", "5", "TX-1"], ["60", "6", "MV"]),
        tasks(task("100", "A100"), task("101", "A110")),
        table("TASKACTV", ["task_id", "actv_code_type_id", "actv_code_id"], ["100", "5", "50"], ["100", "6", "60"]),
    )

    assert [row.codes for row in project.activities] == [{"Equipment": "TX-1", "Area": "MV"}, {}]


def test_a_baseline_project_becomes_the_baseline_of_its_original() -> None:
    rows = table(
        "PROJECT", ["proj_id", "proj_short_name", "last_recalc_date", "orig_proj_id"],
        ["1", "DC1", "2026-11-20 08:00", ""], ["2", "DC1-B1", "2026-08-01 08:00", "1"],
    )  # fmt: skip

    original, baseline = p6_xer.read(
        xer(rows, tasks(task("100", "A100"), task("200", "A100", "2", early_end_date="2027-01-22 17:00")))
    ).projects

    assert baseline.baseline_of == "DC1"
    assert [(row.baseline, row.code, row.finish) for row in original.baselines] == [
        ("DC1-B1", "A100", at("2027-01-22 17:00"))
    ]


def test_more_activities_than_any_schedule_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sites.readers.p6_xer.MOST_ACTIVITIES", 1)

    with pytest.raises(BadInput, match="more than 1 activities"):
        only(tasks(task("100", "A100"), task("101", "A110")))
