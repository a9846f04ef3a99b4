"""`explain --facts`: JSON on standard output, one line on standard error, no database."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from sites.readers import facts
from tests.sites.domain.test_schedule import EXAMPLE


@pytest.fixture
def example(tmp_path: Path) -> Path:
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(facts.export(EXAMPLE)), encoding="utf-8")
    return file


def explained(file: Path) -> tuple[str, CommandError | None]:
    out = io.StringIO()
    try:
        call_command("explain", facts=str(file), stdout=out)
    except CommandError as refused:
        return out.getvalue(), refused
    return out.getvalue(), None


def test_the_example_is_explained_without_a_database(example: Path) -> None:
    text, refused = explained(example)

    assert refused is None
    assert json.loads(text)["forecast_on_site"] == "2027-08-31"


def test_standard_input_is_read_for_a_dash(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(example.read_bytes())))

    text, _ = explained(Path("-"))

    assert json.loads(text)["float_days"] == 20


def test_one_bad_case_prints_nothing_and_ends_with_two(example: Path) -> None:
    example.write_text(example.read_text().replace("AU-NSW", "AU-XXX", 1))

    text, refused = explained(example)

    assert refused is not None
    assert (text, refused.returncode, str(refused).partition(":")[0]) == ("", 2, "site_calendar")


def test_a_list_with_bad_cases_answers_them_all_on_one_line_and_ends_with_two(example: Path) -> None:
    example.write_text(f"[{example.read_text()}, {{}}, 5]")

    text, refused = explained(example)

    assert refused is not None
    assert [sorted(answer)[0] for answer in json.loads(text)] == ["float_days", "error", "error"]
    assert (refused.returncode, str(refused)) == (2, "[1].as_of: This is required. (and 1 more)")


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    text, refused = explained(tmp_path / "nothing.json")

    assert refused is not None
    assert (text, refused.returncode) == ("", 2)
