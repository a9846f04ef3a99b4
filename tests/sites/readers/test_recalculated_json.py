"""How many dates and floats of the files that planning tools wrote are the same when we calculate them."""

import json
from pathlib import Path
from typing import Any

import pytest

from sites.readers import recalculated_json
from tests.samples import sample

FIELDS = ("early_start", "early_finish", "late_finish", "total_float")
# Activities compared and those equal, by FIELDS.
SAMPLES = {
    "xer/mdl4d-housing.xer": ((62, 62, 62, 62), (62, 62, 62, 62)),
    "xer/terminal-building.xer": ((66, 66, 66, 66), (66, 66, 66, 66)),
    # Never scheduled as a whole: the tool wrote the dates of what is left, no late dates and no float.
    "xer/mpxj-percent-complete-8.4.xer": ((12, 12, 0, 0), (12, 12, 0, 0)),
    "p6xml/mpxj-percent-complete-8.4.pmxml": ((12, 12, 0, 0), (12, 12, 0, 0)),
    # Their one activity is finished.
    "xer/mpxj-twentyfourhourcalendar.xer": ((0, 0, 0, 0), (0, 0, 0, 0)),
    "p6xml/mpxj-twentyfourhourcalendar.xml": ((0, 0, 0, 0), (0, 0, 0, 0)),
    "mspdi/mpxj-baselines.xml": ((1, 1, 1, 1), (1, 1, 1, 1)),
    "mspdi/mpxj-mspdirelations.xml": ((5, 5, 5, 5), (5, 5, 5, 5)),
    "mspdi/mpxj-legacy-sample1.xml": ((18, 18, 0, 0), (17, 16, 0, 0)),
}
DOCUMENT = Path(__file__).parents[3] / "docs" / "schedules.md"


def recalculation(name: str) -> Any:
    (project,) = json.loads(recalculated_json.summarise(sample(name).read_bytes()))
    return project["recalculation"]


@pytest.mark.parametrize("name", SAMPLES)
def test_how_much_of_each_file_is_the_same(name: str) -> None:
    compared, equal = SAMPLES[name]
    found = recalculation(name)

    assert tuple(found[f"compared_{field}"] for field in FIELDS) == compared
    assert tuple(found[f"equal_{field}"] for field in FIELDS) == equal
    assert found["not_calculated"] is None


def test_the_document_says_how_much_of_each_file_is_the_same() -> None:
    rows = [(name.rpartition(".")[0], *pairs) for name, pairs in SAMPLES.items()]
    compared, equal = (
        [sum(column) for column in zip(*side, strict=True)] for side in zip(*SAMPLES.values(), strict=True)
    )
    rows.append(("all", tuple(compared), tuple(equal)))
    said = set(DOCUMENT.read_text().splitlines())

    for name, of, same in rows:
        cells = [
            f"{mine} of {all_of_them}" if all_of_them else "none" for mine, all_of_them in zip(same, of, strict=True)
        ]
        assert f"| {name} | {' | '.join(cells)} |" in said


def test_what_differs_is_told_with_both_values_and_a_suspicion() -> None:
    assert [
        (row["activity"], row["field"], row["file"], row["calculated"], row["suspected"])
        for row in recalculation("mspdi/mpxj-legacy-sample1.xml")["others"]
    ] == [
        ("2", "early_finish", "2003-03-18T08:00", "2003-05-26T17:00", "not_its_duration"),
        ("24", "early_start", "2003-01-07T23:00", "2003-01-07T08:00", "not_working_time"),
        ("24", "early_finish", "2003-01-14T08:00", "2003-01-13T17:00", "start_differs"),
    ]


def test_what_is_not_followed_is_named() -> None:
    assert recalculation("xer/mdl4d-housing.xer")["not_supported"] == [
        "Activities by their resources' calendars, counted on their own: 4"
    ]
