"""What was stored reads back as what the file said."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sites.domain.site_schedule import ScheduleProject
from sites.queries.site_schedules import stored_activities, stored_project
from sites.readers import p6_xer
from sites.services import schedules
from tests.factories.sites import SiteFactory
from tests.samples import sample
from tests.sites.readers.xer import SMALL, xer

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def in_order(project: ScheduleProject) -> ScheduleProject:
    """The order of links says nothing; the key of the project is not kept."""
    return replace(project, key="", links=tuple(sorted(project.links, key=repr)), calendars=())


@pytest.mark.parametrize("name", ["xer/mdl4d-housing.xer", "xer/terminal-building.xer"])
def test_a_stored_file_reads_back_as_it_was(name: str) -> None:
    content = sample(name).read_bytes()
    (project,) = p6_xer.read(content).projects

    revision = schedules.read_revision(site=SiteFactory.create(), content=content, file_name=name, actor=None, now=NOW)

    stored = stored_project(revision)
    assert in_order(stored) == in_order(project)
    assert sorted(stored.calendars, key=repr) == sorted(project.calendars, key=repr)


def test_five_queries_whatever_the_size(django_assert_num_queries: Any) -> None:
    revision = schedules.read_revision(
        site=SiteFactory.create(), content=xer(*SMALL), file_name="s.xer", actor=None, now=NOW
    )

    with django_assert_num_queries(5):
        stored_project(revision)


def test_some_activities_alone() -> None:
    revision = schedules.read_revision(
        site=SiteFactory.create(), content=xer(*SMALL), file_name="s.xer", actor=None, now=NOW
    )

    assert [row.code for row in stored_activities(revision.pk, ["A110", "A999"])] == ["A110"]
