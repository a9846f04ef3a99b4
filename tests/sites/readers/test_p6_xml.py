"""Each rule of the PMXML format with a small file of our own; the files of others are in `test_xml_samples`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from sites.domain.errors import BadInput
from sites.domain.site_schedule import ScheduleActivity, ScheduleLink, ScheduleProject
from sites.readers import p6_xml
from sites.vocabulary import (
    ActivityKind,
    ActivityStatus,
    ConstraintKind,
    LagCalendar,
    LinkKind,
    PercentKind,
    ProgressRule,
)
from tests.sites.readers import pmxml
from tests.sites.readers.pmxml import SMALL, element, link

at = datetime.fromisoformat


def only(*inner: str) -> ScheduleProject:
    (project,) = p6_xml.read(pmxml.pmxml(*inner)).projects
    return project


def activity(*inner: str, **given: str) -> ScheduleActivity:
    return only(pmxml.project(pmxml.activity("100", "A100", *inner, **given))).activities[0]


def refusal(*inner: str) -> str:
    with pytest.raises(BadInput) as caught:
        p6_xml.read(pmxml.pmxml(*inner))
    assert str(caught.value.field).startswith("line ")
    return caught.value.message


def test_a_small_file_is_read_whole() -> None:
    project = only(*SMALL)

    assert (project.id, project.name, project.data_moment) == ("DC1", "Data centre one", at("2026-11-20 08:00"))
    assert [(row.code, row.wbs, row.early_start, row.planned_finish) for row in project.activities] == [
        ("A100", "Hall A / MV room", at("2027-01-11 08:00"), at("2027-01-29 16:00")),
        ("A110", "Hall A", at("2027-01-11 08:00"), at("2027-01-29 16:00")),
    ]
    assert project.links == (ScheduleLink("DC1", "A100", "A110", LinkKind.FINISH_START, Decimal(16)),)
    assert [(node.id, node.is_project) for node in project.wbs] == [("10", True), ("11", False), ("12", False)]
    assert project.warnings == ()


def test_the_last_minute_of_a_shift_is_not_its_end() -> None:
    (calendar,) = only(*SMALL).calendars

    assert calendar.week == (((480, 960),),) * 5 + ((), ())
    assert calendar.exceptions == {date(2026, 12, 25): ()}


def test_records_beside_their_project_name_it() -> None:
    old = (
        pmxml.activity("100", "A100", ProjectObjectId="1"),
        pmxml.project(),
        pmxml.activity("200", "B100", ProjectObjectId="2"),
        pmxml.project(ObjectId="2", Id="DC2"),
        pmxml.activity("101", "A110", ProjectObjectId="1"),
    )

    found = {
        project.id: [row.code for row in project.activities] for project in p6_xml.read(pmxml.pmxml(*old)).projects
    }

    assert found == {"DC1": ["A100", "A110"], "DC2": ["B100"]}


def test_a_finished_activity_is_told_by_its_actual_dates_alone() -> None:
    found = activity(
        Status="Completed", ActualStartDate="2026-09-01T08:00:00", ActualFinishDate="2026-10-02T16:00:00",
        EarlyStartDate="2026-11-20T08:00:00", EarlyFinishDate="2026-11-20T08:00:00",
    )  # fmt: skip

    assert (found.status, found.early_start, found.early_finish, found.finish_on) == (
        ActivityStatus.COMPLETED,
        None,
        None,
        date(2026, 10, 2),
    )


@pytest.mark.parametrize(
    ("given", "kind", "percent"),
    [
        ({"PercentCompleteType": "Physical", "PhysicalPercentComplete": "0.35"}, PercentKind.PHYSICAL, Decimal(35)),
        ({"PercentCompleteType": "Duration", "DurationPercentComplete": "0.5"}, PercentKind.DURATION, Decimal(50)),
        ({"PercentCompleteType": "Units", "UnitsPercentComplete": "0"}, PercentKind.UNITS, Decimal(0)),
        ({"PercentCompleteType": "Physical", "PercentComplete": "0.1"}, PercentKind.PHYSICAL, Decimal(10)),
    ],
)
def test_percentages_are_fractions_of_one(given: dict[str, str], kind: PercentKind, percent: Decimal) -> None:
    found = activity(**given)

    assert (found.percent_kind, found.percent_complete) == (kind, percent)


def test_constraints_and_codes() -> None:
    found = only(
        element("ActivityCodeType", ObjectId="5", Name="Area"),
        element("ActivityCode", ObjectId="6", CodeTypeObjectId="5", CodeValue="MV", Description="Medium voltage"),
        pmxml.project(
            pmxml.activity(
                "100", "A100", element("Code", TypeObjectId="5", ValueObjectId="6"),
                PrimaryConstraintType="Mandatory Start", PrimaryConstraintDate="2027-03-01T08:00:00",
                SecondaryConstraintType="Someday", Type="Start Milestone",
            )
        ),
    )  # fmt: skip

    row = found.activities[0]
    assert (row.constraint, row.constraint_moment, row.second_constraint) == (
        ConstraintKind.MANDATORY_START,
        at("2027-03-01 08:00"),
        "Someday",
    )
    assert (row.kind, row.codes) == (ActivityKind.START_MILESTONE, {"Area": "MV"})
    assert "Constraints of a kind unknown here, kept as text: 1." in found.warnings


def test_the_options_of_the_calculation() -> None:
    options = only(
        pmxml.project(
            OutOfSequenceScheduleType="Progress Override", RelationshipLagCalendar="Successor Activity Calendar",
            MakeOpenEndedActivitiesCritical="1", CriticalActivityFloatLimit="8",
        )
    ).options  # fmt: skip

    assert (options.progress, options.lag_calendar, options.open_ends_critical, options.critical_hours) == (
        ProgressRule.PROGRESS_OVERRIDE,
        LagCalendar.SUCCESSOR,
        True,
        Decimal(8),
    )


def test_a_baseline_project_becomes_the_baseline_of_its_original() -> None:
    base = pmxml.project(
        pmxml.activity("900", "A100", PlannedFinishDate="2026-12-18T16:00:00", EarlyFinishDate=""),
        name="BaselineProject", ObjectId="9", Id="DC1-B1", OriginalProjectObjectId="1",
    )  # fmt: skip

    original, baseline = p6_xml.read(pmxml.pmxml(*SMALL, base)).projects

    assert baseline.baseline_of == "DC1"
    assert [(row.baseline, row.code, row.finish) for row in original.baselines] == [
        ("DC1-B1", "A100", at("2026-12-18 16:00"))
    ]


def test_links_across_projects_and_out_of_the_file() -> None:
    other = pmxml.project(
        pmxml.activity("200", "B100"), link("1", "100", "200"), link("2", "999", "200"), ObjectId="2", Id="DC2"
    )

    _first, second = p6_xml.read(pmxml.pmxml(*SMALL[:1], pmxml.project(pmxml.activity("100", "A100")), other)).projects

    assert second.links == (ScheduleLink("DC1", "A100", "B100", LinkKind.FINISH_START, Decimal(0)),)
    assert "Links to activities outside the file: 1." in second.warnings


def test_unknown_currencies_are_kept_as_text() -> None:
    file = p6_xml.read(pmxml.pmxml(element("Currency", ObjectId="1", Id="Dhs", Name="Dirham"), *SMALL))

    assert (file.currency, file.projects[0].warnings) == (
        "Dhs",
        ("The currency 'Dhs' is no ISO 4217 code and is kept as text.",),
    )


TWICE = pmxml.project(pmxml.activity("100", "A100"), pmxml.activity("101", "A100"))


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ((TWICE,), "Activity A100 stands twice in one project."),
        ((pmxml.project(pmxml.activity("100", "")),), "Activity.Id is empty."),
        ((pmxml.project(pmxml.activity("1", "A"), pmxml.activity("1", "B")),), "Activity.ObjectId stands twice"),
        ((pmxml.project(pmxml.activity("1", "A", EarlyStartDate="soon")),), "Activity.EarlyStartDate is no date"),
        ((pmxml.project(pmxml.activity("1", "A", RemainingDuration="x")),), "Activity.RemainingDuration is no number"),
        ((pmxml.project(pmxml.activity("1", "A", Status="Begun")),), "Activity.Status is none of"),
        ((pmxml.project(pmxml.activity("1", "A"), link("1", "1", "1")),), "An activity follows itself."),
        ((pmxml.project(link("1", "1", "2", kind="Whenever")),), "Relationship.Type is none of"),
        ((pmxml.project(), pmxml.project(ObjectId="2")), "Two projects of the file are called DC1."),
        ((pmxml.calendar(start="early"),), "Calendar: a shift or a day of this calendar cannot be read."),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(inner: tuple[Any, ...], why: str) -> None:
    assert refusal(*inner).startswith(why)
