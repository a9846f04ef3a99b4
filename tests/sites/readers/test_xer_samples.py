"""Files that Primavera itself wrote, versions 5 to 22. The figures were counted on the files with awk, not by us."""

import random
from typing import Any

import pytest

from sites.domain.errors import BadInput
from sites.readers import p6_xer, schedule_json, schedule_pack
from tests.samples import sample

HOUSING: dict[str, Any] = {
    "id": "MDL4D",
    "name": "CPLEX Model 4 Resourse allocation and dates uploaded",
    "data_date": "2023-07-23",
    "activities": 62,
    "links": 87,
    "calendars": 3,
    "wbs": 7,
    "finish": "2024-04-12",
    "by_status": {"not_started": 62, "in_progress": 0, "completed": 0},
    "negative_float": 0,
    "lowest_float_hours": 0,
    "warnings": [],
}
TERMINAL = HOUSING | {
    "id": "TERMINAL-2",
    "name": "Terminal Building 2",
    "data_date": "2012-05-01",
    "activities": 66,
    "links": 84,
    "calendars": 4,
    "wbs": 26,
    "finish": "2013-02-27",
    "by_status": {"not_started": 66, "in_progress": 0, "completed": 0},
}
# Never scheduled: no early dates and no float, so the planned finish counts.
PERCENT = HOUSING | {
    "id": "EC00640",
    "name": "Percent Complete Test",
    "data_date": "2015-02-24",
    "activities": 12,
    "links": 0,
    "calendars": 1,
    "wbs": 1,
    "finish": "2015-07-13",
    "by_status": {"not_started": 3, "in_progress": 9, "completed": 0},
    "lowest_float_hours": None,
}
# Its one activity is finished: the early finish in the file is the data date, 2019-10-02.
ROUND_THE_CLOCK = PERCENT | {
    "id": "TEST PROJECT",
    "name": "TEST PROJECT",
    "data_date": "2019-10-02",
    "activities": 1,
    "finish": "2019-06-12",
    "by_status": {"not_started": 0, "in_progress": 0, "completed": 1},
}
FILES = {
    "xer/mdl4d-housing.xer": ("cp1252", "22.12", HOUSING),
    "xer/terminal-building.xer": ("cp1252", "5.0", TERMINAL),
    "xer/mpxj-percent-complete-8.4.xer": ("cp1252", "8.4", PERCENT),
    "xer/mpxj-twentyfourhourcalendar.xer": ("utf-8", "8.2.0", ROUND_THE_CLOCK),
}


@pytest.mark.parametrize("name", FILES)
def test_what_the_file_holds(name: str) -> None:
    encoding, version, project = FILES[name]

    file = p6_xer.read(sample(name).read_bytes())

    assert (file.encoding, file.version) == (encoding, version)
    assert schedule_json.summary(file) == [project]


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_lost_between_processes(name: str) -> None:
    content = sample(name).read_bytes()

    assert schedule_pack.from_bytes(schedule_pack.parse(content)) == schedule_pack.pack(p6_xer.read(content))


@pytest.mark.parametrize("name", FILES)
def test_two_hundred_cuts_are_refused_with_a_line(name: str) -> None:
    content = sample(name).read_bytes()
    end_mark = content.rindex(b"%E")
    offsets = random.Random(4).choices(range(end_mark + 2), k=200)

    refused = [_line_of_refusal(content[:offset]) for offset in offsets]

    assert [int(line.removeprefix("line ")) <= content.count(b"\n") for line in refused] == [True] * 200


def _line_of_refusal(content: bytes) -> str:
    with pytest.raises(BadInput) as caught:
        p6_xer.read(content)
    return str(caught.value.field)
