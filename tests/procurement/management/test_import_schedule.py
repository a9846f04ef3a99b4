"""`import_schedule`: what it prints, what it keeps, and how it ends."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from procurement.services import schedules
from sites.accounts.permissions import Role
from sites.models import ScheduleRevision
from sites.vocabulary import RevisionState
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.samples import sample
from tests.sites.readers.test_schedule_file import BOMB, OUTSIDE
from tests.sites.readers.xer import SMALL, calendars, projects, task, tasks, xer


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return written(tmp_path, xer(*SMALL))


def written(folder: Path, content: bytes, name: str = "schedule.xer") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def imported(file: Path, **options: Any) -> tuple[Any, CommandError | None]:
    out = io.StringIO()
    try:
        call_command("import_schedule", str(file), json=True, stdout=out, **options)
    except CommandError as refused:
        return json.loads(out.getvalue()), refused
    return json.loads(out.getvalue()), None


def test_a_dry_run_tells_the_file_without_a_database(small: Path) -> None:
    told, refused = imported(small, dry_run=True)

    assert refused is None
    assert told == {
        "projects": [
            {
                "id": "DC1",
                "name": "Data centre one",
                "data_date": "2026-11-20",
                "activities": 2,
                "links": 1,
                "calendars": 2,
                "wbs": 3,
                "finish": "2027-02-05",
                "by_status": {"not_started": 2, "in_progress": 0, "completed": 0},
                "negative_float": 0,
                "lowest_float_hours": 8,
                "warnings": [],
            }
        ]
    }


def test_float_is_told_in_hours_as_written(tmp_path: Path) -> None:
    floats = ["-40", "-8.5", "0", ""]
    rows = [task(str(place), f"A{place}", total_float_hr_cnt=hours) for place, hours in enumerate(floats)]
    file = written(tmp_path, xer(projects(("1", "DC1")), calendars(("7", "Five days", "", "8")), tasks(*rows)))

    told, _ = imported(file, dry_run=True)

    assert (told["projects"][0]["negative_float"], told["projects"][0]["lowest_float_hours"]) == (2, -40)


def test_a_file_that_is_cut_off_is_refused_with_its_last_line(tmp_path: Path) -> None:
    content = xer(*SMALL)
    told, refused = imported(written(tmp_path, content[:-10]), dry_run=True)

    assert refused is not None
    assert (refused.returncode, set(told), told["refused"]["where"]) == (2, {"refused"}, "line 20")
    assert told["refused"]["reason"] == "The file ends without its end mark (%E): it is cut off."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BOMB, ("line 2", "The XML declares a document type (DTD), which is never read.")),
        (OUTSIDE, ("line 2", "The XML declares a document type (DTD), which is never read.")),
        (b"", ("line 1", "The file is empty.")),
    ],
)
def test_a_hostile_or_empty_file_is_refused_and_nothing_is_kept(
    tmp_path: Path, content: bytes, why: tuple[str, str]
) -> None:
    told, refused = imported(written(tmp_path, content), site=SiteFactory.create().code)

    assert refused is not None
    assert (refused.returncode, told) == (2, {"refused": {"reason": why[1], "where": why[0]}})
    assert not ScheduleRevision.objects.exists()


@pytest.mark.parametrize("name", ["schedule.xml", "schedule.PMXML", "schedule"])
def test_a_file_is_told_by_what_it_holds_not_by_its_name(tmp_path: Path, name: str) -> None:
    told, refused = imported(written(tmp_path, xer(*SMALL), name), dry_run=True)

    assert (refused, told["projects"][0]["id"]) == (None, "DC1")


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    told, refused = imported(tmp_path / "nothing.xer", dry_run=True)

    assert refused is not None
    assert (refused.returncode, told) == (2, {"refused": {"reason": "There is no such file.", "where": "file"}})


def test_a_name_in_capitals_is_the_same_format(tmp_path: Path) -> None:
    assert imported(written(tmp_path, xer(*SMALL), "SCHEDULE.XER"), dry_run=True)[1] is None


def test_without_json_it_says_sentences(small: Path) -> None:
    out = io.StringIO()

    call_command("import_schedule", str(small), dry_run=True, stdout=out)

    assert out.getvalue() == ("DC1 Data centre one: data date 2026-11-20, 2 activities, 1 links, finish 2027-02-05\n")


@pytest.mark.django_db
def test_the_schedule_of_a_site_is_kept_in_quarantine_once(small: Path) -> None:
    site = SiteFactory.create(code="SYD1")

    first, _ = imported(small, site="SYD1")
    second, _ = imported(small, site="SYD1")

    revision = ScheduleRevision.objects.get(site=site)
    assert first["revisions"] == [{"id": str(revision.pk), "project": "DC1", "state": "quarantined"}]
    assert (second, revision.file_name) == (first, "schedule.xer")


@pytest.mark.django_db
def test_each_project_of_a_file_becomes_a_revision(tmp_path: Path) -> None:
    SiteFactory.create(code="SYD1")
    both = xer(projects(("1", "DC1"), ("2", "DC2")), tasks(task("1", "A"), task("2", "A", "2")))

    imported(written(tmp_path, both), site="SYD1")

    kept = ScheduleRevision.objects.order_by("project_code").values_list("project_code", "activities__code")
    assert list(kept) == [("DC1", "A"), ("DC2", "A")]


@pytest.mark.django_db
@pytest.mark.parametrize("site", [None, "NOWHERE"])
def test_a_schedule_belongs_to_a_known_site(small: Path, site: str | None) -> None:
    told, refused = imported(small, site=site)

    assert refused is not None
    assert (refused.returncode, told["refused"]["where"]) == (2, "site")
    assert not ScheduleRevision.objects.exists()


@pytest.mark.django_db
def test_a_project_that_cannot_be_kept_keeps_the_others_out_too(tmp_path: Path) -> None:
    SiteFactory.create(code="SYD1")
    both = [*projects(("1", "DC1"), ("2", "DC2"))]
    both[-1] = both[-1].replace("2026-11-20 08:00", "")

    told, _ = imported(written(tmp_path, xer(both)), site="SYD1")

    assert (told["refused"]["where"], ScheduleRevision.objects.count()) == ("data_date", 0)


SAMPLES = {
    "xer/mdl4d-housing.xer": 62,
    "xer/mpxj-percent-complete-8.4.xer": 12,
    "xer/mpxj-twentyfourhourcalendar.xer": 1,
    "xer/terminal-building.xer": 66,
    "p6xml/mpxj-percent-complete-8.4.pmxml": 12,
    "p6xml/mpxj-twentyfourhourcalendar.xml": 1,
    "mspdi/mpxj-baselines.xml": 1,
    "mspdi/mpxj-legacy-sample1.xml": 18,
    "mspdi/mpxj-mspdirelations.xml": 5,
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", SAMPLES)
def test_files_that_the_tools_themselves_wrote_are_imported(name: str) -> None:
    site = SiteFactory.create()

    told, refused = imported(sample(name), site=site.code)

    revision = ScheduleRevision.objects.get(site=site)
    assert refused is None
    assert (told["projects"][0]["activities"], revision.activities.count()) == (SAMPLES[name], SAMPLES[name])
    assert [row["state"] for row in told["revisions"]] == ["quarantined"]


def test_every_sample_is_tried() -> None:
    folder = sample(next(iter(SAMPLES))).parents[1]
    files = [path for kind in ("xer", "p6xml", "mspdi") for path in (folder / kind).iterdir()]

    assert sorted(f"{path.parent.name}/{path.name}" for path in files) == sorted(SAMPLES)


@pytest.mark.django_db
def test_imported_twice_accepted_and_rolled_back_leaves_the_invariants_silent(small: Path) -> None:
    site = SiteFactory.create(code="SYD1")
    approver = MembershipFactory.create(role=Role.APPROVER, site=site).person
    for _again in range(2):
        imported(small, site="SYD1")
    revision = ScheduleRevision.objects.get()
    now = timezone.now()
    schedules.accept(revision_id=revision.pk, actor=approver, now=now, reason="First one")

    schedules.roll_back(revision_id=revision.pk, actor=approver, now=now, reason="Wrong file", force=False)

    out = io.StringIO()
    call_command("check_invariants", stdout=out)
    assert out.getvalue() == ""
    revision.refresh_from_db()
    assert revision.state == RevisionState.ROLLED_BACK
