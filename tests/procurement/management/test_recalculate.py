"""`import_schedule --recalculate`: each project beside what its own logic gives."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.sites.readers.xer import links, projects, table, task, tasks, xer

_HOURS = "(0||CalendarData()((0||DaysOfWeek(){}))(0||Exceptions()()))"
_DAY = "(0||{}()((0||0(s|08:00|f|12:00)())(0||1(s|13:00|f|17:00)())))"
_FIVE_DAYS = _HOURS.format("(" + "".join(_DAY.format(day) for day in range(2, 7)) + "(0||1()())(0||7()()))")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two tasks of no duration in a row, of which the file has the second a week later than its links give."""
    calendar = table("CALENDAR", ["clndr_id", "clndr_name", "day_hr_cnt", "clndr_data"], ["7", "Five", "8", _FIVE_DAYS])
    first = {"early_start_date": "2026-11-20 08:00", "early_end_date": "2026-11-20 08:00"}
    then = {"early_start_date": "2026-11-27 08:00", "early_end_date": "2026-11-27 08:00"}
    content = xer(
        projects(("1", "DC1")), calendar, tasks(task("1", "A1", **first), task("2", "A2", **then)),
        links(("2", "1", "PR_FS", "0")),
    )  # fmt: skip
    path = tmp_path / "dc1.xer"
    path.write_bytes(content)
    return path


def told(file: Path, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_schedule", str(file), dry_run=True, stdout=out, **options)
    return out.getvalue()


def test_the_json_tells_what_is_equal_and_why_the_rest_is_not(file: Path) -> None:
    (project,) = json.loads(told(file, recalculate=True, json=True))["projects"]
    found = project["recalculation"]

    assert (found["activities_compared"], found["equal_early_start"], found["compared_early_start"]) == (2, 1, 2)
    assert ("A2", "early_start", "2026-11-27T08:00", "2026-11-20T08:00") in [
        (row["activity"], row["field"], row["file"], row["calculated"]) for row in found["others"]
    ]


def test_without_it_nothing_is_calculated(file: Path) -> None:
    (project,) = json.loads(told(file, json=True))["projects"]

    assert "recalculation" not in project


def test_it_is_told_in_sentences_too(file: Path) -> None:
    text = told(file, recalculate=True)

    assert "recalculated 2 activities; equal: early_start 1 of 2" in text
    assert "A2 early_start: file 2026-11-27T08:00, calculated 2026-11-20T08:00." in text
