"""Small XER files, written as Primavera writes them."""

from collections.abc import Sequence

HEADER = "ERMHDR\t22.12\t2026-11-20\tProject\tADMIN\tSomebody\tdbx\tProject Management\tAUD"
TASK_COLUMNS = [
    "task_id", "proj_id", "wbs_id", "clndr_id", "task_type", "status_code", "task_code", "task_name",
    "total_float_hr_cnt", "act_start_date", "act_end_date", "early_start_date", "early_end_date", "late_start_date",
    "late_end_date", "target_start_date", "target_end_date", "cstr_type", "cstr_date", "create_user",
]  # fmt: skip
_DAYS = {
    "early_start_date": "2027-01-11 08:00",
    "early_end_date": "2027-02-05 17:00",
    "late_start_date": "2027-01-18 08:00",
    "late_end_date": "2027-02-12 17:00",
    "target_start_date": "2027-01-04 08:00",
    "target_end_date": "2027-01-29 17:00",
}


def table(name: str, columns: Sequence[str], *rows: Sequence[str]) -> list[str]:
    return [f"%T\t{name}", "\t".join(["%F", *columns]), *("\t".join(["%R", *row]) for row in rows)]


def projects(*rows: tuple[str, str], data_date: str = "2026-11-20 08:00") -> list[str]:
    """Project ids and short names."""
    columns = ["proj_id", "proj_short_name", "last_recalc_date", "orig_proj_id"]
    return table("PROJECT", columns, *((key, name, data_date, "") for key, name in rows))


def task(key: str, code: str, project: str = "1", **given: str) -> list[str]:
    """An unstarted task of 11 January to 5 February 2027, eight hours of float, unless said otherwise."""
    values = {
        "task_id": key, "proj_id": project, "task_code": code, "task_name": f"Task {code}", "clndr_id": "7",
        "task_type": "TT_Task", "status_code": "TK_NotStart", "total_float_hr_cnt": "8", **_DAYS, **given,
    }  # fmt: skip
    return [values.get(name, "") for name in TASK_COLUMNS]


def tasks(*rows: Sequence[str]) -> list[str]:
    return table("TASK", TASK_COLUMNS, *rows)


def links(*rows: tuple[str, str, str, str]) -> list[str]:
    """Successor id, predecessor id, type, lag hours."""
    columns = ["task_pred_id", "task_id", "pred_task_id", "pred_type", "lag_hr_cnt"]
    return table("TASKPRED", columns, *((str(place), *row) for place, row in enumerate(rows)))


def wbs(*rows: tuple[str, str, str, str, str]) -> list[str]:
    """Node id, project id, name, parent id, whether it is the project's own node (Y or N)."""
    return table("PROJWBS", ["wbs_id", "proj_id", "wbs_name", "parent_wbs_id", "proj_node_flag"], *rows)


def calendars(*rows: tuple[str, str, str, str]) -> list[str]:
    """Calendar id, name, project id (empty where it is shared), hours per day."""
    columns = ["clndr_id", "clndr_name", "proj_id", "day_hr_cnt", "clndr_data"]
    data = "(0||CalendarData()(\x7f\x7f  (0||DaysOfWeek()()))"
    return table("CALENDAR", columns, *((*row, data) for row in rows))


def lines(*tables: Sequence[str], header: str = HEADER) -> list[str]:
    return [header, *(line for each in tables for line in each), "%E"]


def xer(*tables: Sequence[str], encoding: str = "cp1252", end: str = "\r\n", header: str = HEADER) -> bytes:
    return (end.join(lines(*tables, header=header)) + end).encode(encoding)


SMALL = [
    projects(("1", "DC1")),
    wbs(("10", "1", "Data centre one", "", "Y"), ("11", "1", "Hall A", "10", "N"), ("12", "1", "MV room", "11", "N")),
    calendars(("7", "Five days", "", "8"), ("8", "Round the clock", "1", "24")),
    tasks(task("100", "A100", wbs_id="12"), task("101", "A110", wbs_id="11")),
    links(("101", "100", "PR_FS", "16")),
]
