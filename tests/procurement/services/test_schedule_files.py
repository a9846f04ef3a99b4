"""Hostile and huge files through the closed room: refused, small in memory, and nothing stored."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from procurement.services import schedule_files
from sites.domain.errors import BadInput
from tests.procurement.services.large_schedule import large_xer
from tests.samples import sample
from tests.sites.readers import mspdi, pmxml
from tests.sites.readers.test_schedule_file import BOMB, LATE_TYPE, OUTSIDE
from tests.sites.readers.xer import SMALL, calendars, projects, tasks, xer
from tests.sites.readers.xer import task as xer_task

MOST_KIB = 512 * 1024
# Reads the file named by its argument, and tells what became of it and the most memory that the reader held.
MEASURE = """
import json, resource, sys
from pathlib import Path
from procurement.services import schedule_files
from sites.domain.errors import BadInput
try:
    told = [packed.summary["activities"] for packed in schedule_files.read(Path(sys.argv[1]).read_bytes()).projects]
except BadInput as refused:
    told = [refused.field, refused.message]
print(json.dumps({"told": told, "kib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}))
"""


def measured(folder: Path, content: bytes) -> tuple[list[object], int]:
    file = folder / "schedule"
    file.write_bytes(content)
    said = subprocess.run(
        [sys.executable, "-c", MEASURE, str(file)], capture_output=True, check=True, cwd=Path(__file__).parents[3]
    )
    answer = json.loads(said.stdout)
    return answer["told"], answer["kib"]


def hostile() -> Iterator[tuple[str, bytes]]:
    yield "an entity bomb", BOMB
    yield "an entity of a file", OUTSIDE
    yield "a document type behind much else", LATE_TYPE
    yield "a workbook", b"PK\x03\x04" + bytes(1024)
    yield "a million elements in each other", b"<Project>" + b"<a>" * 1_000_000
    yield "millions of elements", b"<Project>" + b"<a/>" * 6_000_000 + b"</Project>"
    yield "millions of lines", b"ERMHDR\n" + b"%T\tX\n%F\ta\n" + b"%R\t1\n" * 4_000_000 + b"%E\n"
    yield "one endless text", b"<Project><Name>" + b"a" * 30_000_000
    yield "UTF-16", "ERMHDR\t22.12\n%E\n".encode("utf-16")
    many = tuple(
        mspdi.exception("2000-01-01", "2100-12-31", Type="5", MonthItem="4", MonthPosition="4") for _ in range(99)
    )
    yield "endless exceptions", mspdi.mspdi(calendars=(mspdi.calendar("1", exceptions=many),))


@pytest.mark.parametrize(("name", "content"), list(hostile()), ids=[name for name, _ in hostile()])
def test_a_hostile_file_is_refused_with_a_reason_of_its_own(name: str, content: bytes, tmp_path: Path) -> None:
    (where, why), most = measured(tmp_path, content)

    # Not by a limit of the closed room: those name the whole file.
    assert str(where).startswith("line ")
    assert why
    assert most <= MOST_KIB


def test_two_hundred_thousand_activities_fit_in_half_a_gigabyte(tmp_path: Path) -> None:
    told, most = measured(tmp_path, large_xer(200_000))

    assert told == [200_000]
    assert most <= MOST_KIB


def test_a_large_file_that_is_cut_is_refused_by_its_last_line(tmp_path: Path) -> None:
    (where, why), most = measured(tmp_path, large_xer(200_000)[:-1000])

    assert str(where).startswith("line ")
    assert why == "The file ends without its end mark (%E): it is cut off."
    assert most <= MOST_KIB


@pytest.mark.parametrize("seed", range(3))
def test_cuts_through_the_closed_room_are_refused(seed: int) -> None:
    draw = random.Random(seed)
    for content in (xer(*SMALL), pmxml.pmxml(*pmxml.SMALL), sample("mspdi/mpxj-mspdirelations.xml").read_bytes()):
        with pytest.raises(BadInput) as caught:
            schedule_files.read(content[: draw.randrange(len(content) - 12)])
        assert str(caught.value.field).startswith("line ")


@pytest.mark.parametrize("name", ["Türöffnung", "受電設備の据付"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "cp932", "utf-16"])
def test_each_encoding_is_read_right_or_refused(name: str, encoding: str) -> None:
    table = tasks(xer_task("100", "A100", task_name=name))
    try:
        content = xer(projects(("1", "DC1")), calendars(("7", "Five days", "", "8")), table, encoding=encoding)
    except UnicodeEncodeError:
        pytest.skip("This encoding has no such characters.")

    if encoding == "utf-16":
        with pytest.raises(BadInput, match="UTF-16"):
            schedule_files.read(content)
    else:
        (packed,) = schedule_files.read(content).projects
        assert name in packed.activities.decode()


def test_nothing_larger_than_any_schedule_starts_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("procurement.gateways.sandbox.subprocess.Popen", None)

    with pytest.raises(BadInput, match="larger than 50 MiB"):
        schedule_files.read(b"x" * (50 * 1024 * 1024 + 1))
