"""Each rule of the XER format with a small file of our own; the files of others are in `test_xer_samples`."""

import random
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import pytest

from sites.domain.errors import BadInput
from sites.domain.site_schedule import ScheduleActivity, ScheduleCalendar, ScheduleLink, ScheduleProject, Shifts
from sites.readers import p6_xer
from sites.vocabulary import ActivityKind, ActivityStatus, LinkKind
from tests.sites.readers.xer import (
    HEADER,
    SMALL,
    TASK_COLUMNS,
    calendars,
    lines,
    links,
    projects,
    table,
    task,
    tasks,
    wbs,
    xer,
)

LF = b"\n"
NO_HOURS: tuple[Shifts, ...] = ((),) * 7
at = datetime.fromisoformat


def day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def only(content: bytes) -> ScheduleProject:
    (project,) = p6_xer.read(content).projects
    return project


def activity(**given: str) -> ScheduleActivity:
    return only(xer(projects(("1", "DC1")), tasks(task("100", "A100", **given)))).activities[0]


def refusal(content: bytes) -> tuple[str | None, str]:
    with pytest.raises(BadInput) as caught:
        p6_xer.read(content)
    return caught.value.field, caught.value.message


def line_of(content: bytes, text: bytes) -> str:
    before = content[: content.index(text)]
    return f"line {len(before.split(LF))}"


def last_line(content: bytes) -> str:
    return f"line {max(1, len(content.removesuffix(LF).split(LF)))}"


def complete_or_refused(content: bytes) -> ScheduleProject | str | None:
    try:
        return only(content)
    except BadInput as refused:
        return refused.field


# -- what is read ------------------------------------------------------------------------------------------------


def test_a_small_file_is_read_whole() -> None:
    file = p6_xer.read(xer(*SMALL))

    first = ScheduleActivity(
        code="A100", name="Task A100", wbs="Hall A / MV room", kind=ActivityKind.TASK,
        status=ActivityStatus.NOT_STARTED, planned_start=at("2027-01-04 08:00"), planned_finish=at("2027-01-29 17:00"),
        early_start=at("2027-01-11 08:00"), early_finish=at("2027-02-05 17:00"), late_start=at("2027-01-18 08:00"),
        late_finish=at("2027-02-12 17:00"), total_float_hours=Decimal(8), calendar_id="7", wbs_id="12",
    )  # fmt: skip
    (project,) = file.projects
    assert (file.version, file.currency) == ("22.12", "AUD")
    assert (project.id, project.name, project.data_date) == ("DC1", "Data centre one", date(2026, 11, 20))
    assert (project.activities[0], project.activities[1].wbs) == (first, "Hall A")
    assert project.links == (ScheduleLink("DC1", "A100", "A110", LinkKind.FINISH_START, Decimal(16)),)
    assert project.calendars == (
        ScheduleCalendar("7", "Five days", Decimal(8), NO_HOURS),
        ScheduleCalendar("8", "Round the clock", Decimal(24), NO_HOURS),
    )
    assert [(node.id, node.name, node.parent_id, node.is_project) for node in project.wbs] == [
        ("10", "Data centre one", "", True),
        ("11", "Hall A", "10", False),
        ("12", "MV room", "11", False),
    ]
    assert (project.baseline_of, project.warnings) == ("", ())


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig"])
def test_line_ends_and_encodings_change_nothing(end: str, encoding: str) -> None:
    content = xer(
        projects(("1", "DC1")), tasks(task("100", "A1", task_name="Türöffnung, 5 €")), encoding=encoding, end=end
    )

    assert [(row.code, row.name) for row in only(content).activities] == [("A1", "Türöffnung, 5 €")]


def test_line_ends_may_be_mixed() -> None:
    content = b"".join(line.encode() + (b"\r\n" if place % 2 else b"\n") for place, line in enumerate(lines(*SMALL)))

    assert only(content) == only(xer(*SMALL))


def test_the_last_line_needs_no_line_end() -> None:
    assert only(xer(*SMALL).rstrip()) == only(xer(*SMALL))


def test_japanese_windows_text_is_read_and_said() -> None:
    content = xer(projects(("1", "DC1")), tasks(task("100", "A1", task_name="受電設備の据付")), encoding="cp932")

    project = only(content)

    assert project.activities[0].name == "受電設備の据付"
    assert project.warnings[0] == "The text was read as Windows Japanese (CP932)."


def test_every_table_is_optional() -> None:
    assert p6_xer.read(xer()).projects == ()
    assert only(xer(projects(("1", "DC1")))).activities == ()


def test_activities_without_a_project_table_are_known_by_the_node_of_their_project() -> None:
    project = only(xer(wbs(("10", "1", "Data centre one", "", "Y")), tasks(task("100", "A1"))))

    assert (project.id, project.name, len(project.activities)) == ("1", "Data centre one", 1)
    assert "The file does not describe this project." in project.warnings


def test_tables_may_stand_in_any_order() -> None:
    assert only(xer(*reversed(SMALL))) == only(xer(*SMALL))


def test_unknown_tables_and_their_broken_texts_are_passed_over() -> None:
    memo = [*table("MEMOTYPE", ["a", "b"], ["1", "2", "3", "too many"]), "a line\tof some text"]

    assert only(xer(*SMALL, memo)) == only(xer(*SMALL))


def test_control_characters_in_texts_become_spaces() -> None:
    assert activity(task_name=" Set\x7f\x7fswitch\x0bgear\x01 ").name == "Set switch gear"


def test_a_line_break_inside_the_text_of_a_calendar_hurts_nobody() -> None:
    broken = xer(*SMALL).replace(b"\x7f\x7f", b"\r\n")

    assert only(broken) == only(xer(*SMALL))


def test_empty_values_at_the_end_of_a_row_may_be_left_out() -> None:
    short = projects(("1", "DC1")), [line.rstrip("\t") for line in tasks(task("100", "A1"))]

    assert only(xer(*short)).activities[0].code == "A1"


def test_a_tab_at_the_end_of_every_line_of_a_table_is_no_value() -> None:
    ended = [f"{line}\t" if line[:2] in {"%F", "%R"} else line for line in tasks(task("100", "A1"))]

    assert only(xer(projects(("1", "DC1")), ended)).activities == (activity(task_code="A1", task_name="Task A1"),)


def test_columns_may_be_missing_in_older_versions() -> None:
    old = table("TASK", ["task_code", "task_id", "proj_id"], ["A1", "100", "1"])

    found = only(xer(projects(("1", "DC1")), old, header="ERMHDR\t5.0")).activities[0]

    assert (found.status, found.kind, found.finish_on, found.total_float_hours) == (
        ActivityStatus.NOT_STARTED,
        ActivityKind.TASK,
        None,
        None,
    )


# -- what it means -----------------------------------------------------------------------------------------------


def test_a_finished_activity_is_told_by_its_actual_dates_alone() -> None:
    found = activity(
        status_code="TK_Complete", act_start_date="2026-09-01 08:00", act_end_date="2026-10-02 17:00",
        early_start_date="2026-11-20 08:00", early_end_date="2026-11-20 08:00", total_float_hr_cnt="",
    )  # fmt: skip

    assert (found.early_start, found.early_finish) == (None, None)
    assert (day(found.actual_start), found.finish_on) == (date(2026, 9, 1), date(2026, 10, 2))


def test_a_finished_milestone_has_one_date_for_both_ends() -> None:
    found = activity(task_type="TT_FinMile", status_code="TK_Complete", act_end_date="2026-10-02 17:00")

    assert (found.kind, day(found.actual_start)) == (ActivityKind.FINISH_MILESTONE, date(2026, 10, 2))


def test_without_early_dates_the_planned_finish_counts() -> None:
    assert activity(early_end_date="").finish_on == date(2027, 1, 29)


def test_a_late_evening_stays_on_its_local_day() -> None:
    assert activity(early_end_date="2027-02-05 23:59").finish_on == date(2027, 2, 5)


@pytest.mark.parametrize(
    ("word", "kind"),
    [("PR_FS", LinkKind.FINISH_START), ("PR_SS", LinkKind.START_START), ("PR_FF", LinkKind.FINISH_FINISH),
     ("PR_SF", LinkKind.START_FINISH)],
)  # fmt: skip
def test_links_keep_their_type_and_their_lead(word: str, kind: LinkKind) -> None:
    content = xer(projects(("1", "DC1")), tasks(task("1", "A"), task("2", "B")), links(("2", "1", word, "-40")))

    assert only(content).links == (ScheduleLink("DC1", "A", "B", kind, Decimal(-40)),)


def test_projects_are_kept_apart_with_the_same_codes_in_both() -> None:
    file = p6_xer.read(
        xer(
            projects(("1", "DC1"), ("2", "DC2")),
            calendars(("7", "Shared", "", "8"), ("8", "Of two", "2", "10")),
            tasks(task("100", "A1"), task("200", "A1", "2"), task("201", "A2", "2")),
            links(("200", "100", "PR_FS", "0")),
        )
    )

    first, second = file.projects
    assert [(each.id, len(each.activities), len(each.calendars)) for each in file.projects] == [
        ("DC1", 1, 1),
        ("DC2", 2, 2),
    ]
    assert (first.links, second.links) == ((), (ScheduleLink("DC1", "A1", "A1", LinkKind.FINISH_START, Decimal(0)),))
    assert second.warnings == ("Links from other projects of the file: 1.",)


def test_a_baseline_is_known_by_the_project_it_was_made_of() -> None:
    columns = ["proj_id", "proj_short_name", "last_recalc_date", "orig_proj_id"]
    rows = ["1", "DC1", "2026-11-20 08:00", ""], ["2", "DC1 - B1", "2026-08-01 08:00", "1"]

    first, second = p6_xer.read(xer(table("PROJECT", columns, *rows))).projects

    assert (first.baseline_of, second.baseline_of) == ("", "DC1")
    assert second.warnings == ("This is a baseline of DC1.",)


def test_links_to_activities_outside_the_file_are_counted() -> None:
    content = xer(
        projects(("1", "DC1")), tasks(task("1", "A")), links(("1", "99", "PR_FS", "0")), calendars(("7", "C", "", "8"))
    )

    assert (only(content).links, only(content).warnings) == ((), ("Links to activities outside the file: 1.",))


def test_what_is_odd_but_readable_is_said() -> None:
    rows = task("1", "A", status_code="TK_Complete", clndr_id="99"), task("2", "B", task_type="TT_New", clndr_id="")
    content = xer(projects(("1", "DC1"), data_date=""), tasks(*rows))

    assert set(only(content).warnings) == {
        "The project has no data date.",
        "Activities finished without an actual finish: 1.",
        "Activities on a calendar that the file lacks: 1.",
        "Activities of a type unknown here, read as tasks: 1.",
    }


def test_a_decimal_comma_counts_where_the_currency_of_the_file_says_so() -> None:
    currency = table("CURRTYPE", ["curr_short_name", "decimal_symbol"], ["AUD", ","])
    content = xer(currency, projects(("1", "DC1")), tasks(task("1", "A", total_float_hr_cnt="-12,5")))

    assert only(content).activities[0].total_float_hours == Decimal("-12.5")


# -- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        (b"", "line 1", "The file is empty."),
        (b"<?xml version='1.0'?>", "line 1", "This is no XER file: it does not begin with ERMHDR."),
        (xer(*SMALL).decode("cp1252").encode("utf-16"), "line 1",
         "The file is UTF-16; XER files are UTF-8 or Windows text."),
        (xer(*SMALL).decode("cp1252").encode("utf-16-le"), "line 1",
         "The file holds a zero byte: it is UTF-16 or no text."),
        (f"{HEADER}\n%E\nmore".encode(), "line 3", "There is text after the end mark (%E)."),
        (f"{HEADER}\n%T\n%E".encode(), "line 2", "A table (%T) has no name."),
        (f"{HEADER}\n%T\tTASK\n%R\t1\n%E".encode(), "line 3",
         "A row (%R) stands before the names of its columns (%F)."),
        (f"{HEADER}\n%F\ttask_id\n%E".encode(), "line 2", "Names of columns (%F) stand outside a table or twice."),
        (f"{HEADER}\nadrift\n%E".encode(), "line 2",
         "The line has no mark (%T, %F, %R, %E): a line break inside a text?"),
    ],
)  # fmt: skip
def test_a_file_of_another_shape_is_refused(content: bytes, where: str, why: str) -> None:
    assert refusal(content) == (where, why)


def test_a_missing_end_mark_names_the_last_line() -> None:
    content = xer(*SMALL)
    cut = content[: content.index(b"%E")]

    assert refusal(cut) == (
        last_line(cut),
        "The file ends without its end mark (%E): it is cut off.",
    )


def test_two_hundred_cuts_are_complete_or_refused_with_a_line() -> None:
    whole = xer(*SMALL)
    draw = random.Random(4)
    complete = only(whole)
    for offset in draw.choices(range(len(whole)), k=200):
        cut = whole[:offset]
        answer = complete_or_refused(cut)
        assert answer in (complete, last_line(cut))


def test_mixed_encodings_name_the_line_that_differs() -> None:
    western = tasks(task("1", "A", task_name="Tür €")), tasks(task("2", "B", task_name="Ölkühler"))
    content = xer(projects(("1", "DC1")), *western).replace("Ölkühler".encode("cp1252"), "Ölkühler".encode())

    assert refusal(content) == (
        line_of(content, "Ölkühler".encode()),
        "This line is UTF-8 and others are not: the file mixes encodings.",
    )


@pytest.mark.parametrize("bad", [b"\x81", b"\x8d", b"\x9d"])
def test_bytes_of_no_accepted_encoding_name_their_line(bad: bytes) -> None:
    content = xer(*SMALL).replace(b"Task A110", b"Task " + bad + b" A110")

    assert refusal(content) == (line_of(content, bad), "This line is neither UTF-8 nor Windows text (CP1252).")


def test_a_broken_byte_behind_a_utf8_mark_names_its_line() -> None:
    content = b"\xef\xbb\xbf" + xer(*SMALL).replace(b"Task A110", b"T\xfcr A110")

    assert refusal(content) == (
        line_of(content, b"\xfcr"),
        "The file says that it is UTF-8, but this line is not.",
    )


def test_a_broken_byte_far_into_a_large_file_names_its_line() -> None:
    padding = table("MEMO", ["text"], *(["ü" * 997] for _ in range(1500)))
    content = xer(padding, *SMALL, encoding="utf-8-sig").replace(b"Task A110", b"T\xfcr A110")

    assert refusal(content)[0] == line_of(content, b"\xfcr")


def test_a_tab_inside_a_text_names_its_line() -> None:
    content = xer(*SMALL).replace(b"Task A110", b"Task\tA110")

    width = len(TASK_COLUMNS)
    assert refusal(content) == (
        line_of(content, b"Task\tA110"),
        f"TASK: the row has {width + 1} values for {width} columns (a tab in a text?).",
    )


def test_a_line_break_inside_the_text_of_an_activity_names_its_line() -> None:
    content = xer(*SMALL).replace(b"Task A110", b"Task\r\nA110")

    assert refusal(content) == (
        line_of(content, b"A110\t8"),
        "The line has no mark (%T, %F, %R, %E): a line break inside a text?",
    )


ONE = projects(("1", "DC1"))


@pytest.mark.parametrize(
    ("tables", "line", "why"),
    [
        ([projects(("1", "DC1"), ("1", "DC2"))], 5, "PROJECT.proj_id stands twice, here and in line 4."),
        ([projects(("1", "DC1"), ("2", "DC1"))], 5, "Two projects of the file are called DC1."),
        ([ONE, tasks(task("9", "A"), task("9", "B"))], 8, "TASK.task_id stands twice, here and in line 7."),
        ([ONE, tasks(task("8", "A"), task("9", "A"))], 8, "Activity A stands twice in project DC1."),
        ([ONE, tasks(task("", "A"))], 7, "TASK.task_id is empty."),
        ([ONE, tasks(task("9", ""))], 7, "TASK.task_code is empty."),
        ([ONE, tasks(task("9", "A" * 81))], 7, "TASK.task_code is longer than 80 characters."),
        ([calendars(("7", "A", "", "8"), ("7", "B", "", "8"))], 5,
         "CALENDAR.clndr_id stands twice, here and in line 4."),
        ([wbs(("7", "1", "A", "", "Y"), ("7", "1", "B", "", "N"))], 5,
         "PROJWBS.wbs_id stands twice, here and in line 4."),
        ([wbs(("7", "1", "A", "8", "N"), ("8", "1", "B", "7", "N")), tasks(task("9", "A", wbs_id="7"))], 4,
         "PROJWBS.parent_wbs_id: the node is its own ancestor."),
        ([ONE, tasks(task("9", "A", status_code="TK_Half"))], 7,
         "TASK.status_code is none of TK_NotStart, TK_Active, TK_Complete."),
        ([ONE, tasks(task("9", "A", early_end_date="05/02/2027"))], 7,
         "TASK.early_end_date is no date between 2000 and 2100."),
        ([ONE, tasks(task("9", "A", early_end_date="2027-02-30 08:00"))], 7,
         "TASK.early_end_date is no date between 2000 and 2100."),
        ([ONE, tasks(task("9", "A", early_end_date="20270-02-05 08:00"))], 7,
         "TASK.early_end_date is no date between 2000 and 2100."),
        ([ONE, tasks(task("9", "A", total_float_hr_cnt="1,5"))], 7,
         "TASK.total_float_hr_cnt is no number of plausible size."),
        ([ONE, tasks(task("9", "A", total_float_hr_cnt="NaN"))], 7,
         "TASK.total_float_hr_cnt is no number of plausible size."),
        ([ONE, tasks(task("9", "A", total_float_hr_cnt="9e99"))], 7,
         "TASK.total_float_hr_cnt is no number of plausible size."),
        ([ONE, tasks(task("9", "A")), links(("9", "9", "PR_FS", "0"))], 10, "An activity follows itself."),
        ([ONE, tasks(task("9", "A")), links(("9", "8", "PR_XX", "0"))], 10,
         "TASKPRED.pred_type is none of PR_FS, PR_SS, PR_FF, PR_SF."),
        ([table("TASK", ["task_id", "proj_id"], ["1", "1"])], 3, "TASK has no column task_code."),
        ([table("TASK", ["task_id", "task_id"], ["1", "1"])], 3, "TASK has no column proj_id."),
        ([table("PROJECT", ["proj_id", "proj_id"], ["1", "1"])], 3, "PROJECT names a column twice."),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_trusted_refuses_the_file(tables: Sequence[list[str]], line: int, why: str) -> None:
    assert refusal(xer(*tables)) == (f"line {line}", why)


def test_no_refusal_repeats_what_a_user_field_says() -> None:
    content = xer(ONE, tasks(task("9", "A", create_user="K. Example\tx", early_end_date="K. Example")))

    assert "Example" not in " ".join(str(part) for part in refusal(content))
