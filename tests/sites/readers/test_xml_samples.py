"""XML files that Primavera and Microsoft Project themselves wrote. Figures were counted on the files, not by us."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from sites.domain.site_schedule import ScheduleActivity, ScheduleProject
from sites.readers import schedule_file, schedule_json, schedule_pack
from tests.samples import sample

STATUS_MISSING = "The file has no status date; its current date stands for the data date."
PERCENT: dict[str, Any] = {
    "id": "EC00640",
    "name": "Percent Complete Test",
    "data_date": "2015-02-24",
    "activities": 12,
    "links": 0,
    "calendars": 1,
    "wbs": 1,
    "finish": "2015-07-13",
    "by_status": {"not_started": 3, "in_progress": 9, "completed": 0},
    "negative_float": 0,
    "lowest_float_hours": None,
    "warnings": [],
}
ROUND_THE_CLOCK = PERCENT | {
    "id": "201020",
    "name": "Test Project",
    "data_date": "2021-05-17",
    "activities": 1,
    "finish": "2021-04-19",
    "by_status": {"not_started": 0, "in_progress": 0, "completed": 1},
}
RELATIONS = PERCENT | {
    "id": "mspdirelations.xml",
    "name": "mspdirelations.xml",
    "data_date": "2009-01-09",
    "activities": 5,
    "links": 4,
    "finish": "2006-09-25",
    "by_status": {"not_started": 5, "in_progress": 0, "completed": 0},
    "lowest_float_hours": 0,
    "warnings": [STATUS_MISSING],
}
LEGACY = RELATIONS | {
    "id": "MPXJ Sample",
    "name": "MPXJ Sample",
    "data_date": "2003-12-01",
    "activities": 18,
    "links": 6,
    "calendars": 4,
    "wbs": 5,
    "finish": "2003-03-18",
}
FILES = {
    "p6xml/mpxj-percent-complete-8.4.pmxml": PERCENT,
    "p6xml/mpxj-twentyfourhourcalendar.xml": ROUND_THE_CLOCK,
    "mspdi/mpxj-mspdirelations.xml": RELATIONS,
}


def project_of(name: str) -> ScheduleProject:
    (project,) = schedule_file.read(sample(name).read_bytes()).projects
    return project


@pytest.mark.parametrize("name", FILES)
def test_what_the_file_holds(name: str) -> None:
    assert schedule_json.summary(schedule_file.read(sample(name).read_bytes())) == [FILES[name]]


def test_an_old_file_of_outline_levels() -> None:
    found = schedule_json.summary_of(project_of("mspdi/mpxj-legacy-sample1.xml"))

    assert {key: found[key] for key in ("id", "data_date", "activities", "links", "calendars", "wbs", "finish")} == {
        key: LEGACY[key] for key in ("id", "data_date", "activities", "links", "calendars", "wbs", "finish")
    }


def test_numbered_baselines_are_read() -> None:
    project = project_of("mspdi/mpxj-baselines.xml")

    assert {row.baseline for row in project.baselines} == {str(number) for number in range(1, 11)}


def test_lags_of_links_are_hours() -> None:
    found = [(row.predecessor_code, row.successor_code, row.kind.value, row.lag_hours) for row in project_of(
        "mspdi/mpxj-mspdirelations.xml"
    ).links]  # fmt: skip

    assert found == [
        ("1", "2", "finish_start", Decimal(0)),
        ("2", "3", "start_start", Decimal(8)),
        ("3", "4", "finish_finish", Decimal(0)),
        ("4", "5", "start_finish", Decimal(0)),
    ]


@pytest.mark.parametrize("name", [*FILES, "mspdi/mpxj-legacy-sample1.xml", "mspdi/mpxj-baselines.xml"])
def test_nothing_is_lost_between_processes(name: str) -> None:
    content = sample(name).read_bytes()

    assert schedule_pack.from_bytes(schedule_pack.parse(content)) == schedule_pack.pack(schedule_file.read(content))


# -- twins: one schedule in two formats ------------------------------------------------------------------------------


def told_alike(row: ScheduleActivity) -> ScheduleActivity:
    """Without what one of the two formats does not say: the longest path and the duration at completion."""
    return replace(row, is_driving=None, at_completion_hours=None)


def test_one_schedule_in_both_formats_of_p6_is_the_same() -> None:
    xer, xml = (project_of(name) for name in ("xer/mpxj-percent-complete-8.4.xer", next(iter(FILES))))

    assert [told_alike(row) for row in xer.activities] == [told_alike(row) for row in xml.activities]
    assert (xer.id, xer.name, xer.data_moment, xer.options, xer.links) == (
        xml.id,
        xml.name,
        xml.data_moment,
        xml.options,
        xml.links,
    )
    assert [(row.id, row.week, row.exceptions) for row in xer.calendars] == [
        (row.id, row.week, row.exceptions) for row in xml.calendars
    ]


def test_the_pair_of_round_the_clock_calendars_is_two_projects() -> None:
    """They test one thing in two formats, but they are not one schedule: project, data date and dates differ."""
    xer = project_of("xer/mpxj-twentyfourhourcalendar.xer")
    xml = project_of("p6xml/mpxj-twentyfourhourcalendar.xml")

    assert (xer.id, xer.data_moment) != (xml.id, xml.data_moment)
    assert (xer.activities[0].actual_finish, xml.activities[0].actual_finish) == (
        datetime.fromisoformat("2019-06-12 17:00"),
        datetime.fromisoformat("2021-04-19 15:30"),
    )
    assert (xer.options.lag_calendar, xer.options.uses_expected_finish) == (
        xml.options.lag_calendar,
        xml.options.uses_expected_finish,
    )
