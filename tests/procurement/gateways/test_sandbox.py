"""The closed room, with readers that misbehave in it."""

import json
import logging

import pytest

from procurement.gateways import sandbox
from procurement.gateways.sandbox import Limits
from sites.domain.errors import BadInput
from sites.readers import schedule_json
from tests.procurement.gateways import misbehaviour
from tests.sites.readers.xer import lines, links, projects, task, tasks

READER = f"{schedule_json.__name__}:summarise"


def run(name: str, payload: bytes = b"content", *, limits: dict[str, int] | None = None) -> bytes:
    return sandbox.run(f"{misbehaviour.__name__}:{name}", payload, limits=Limits(**(limits or {})))


def refusal(name: str, **limits: int) -> tuple[str | None, str]:
    with pytest.raises(BadInput) as caught:
        run(name, limits=limits)
    return caught.value.field, caught.value.message


def test_every_byte_comes_back() -> None:
    payload = bytes(range(256)) * 4096

    assert run("echo", payload) == payload


def test_a_refusal_keeps_its_words_and_its_line() -> None:
    assert refusal("refuse") == ("line 12", "A tab in a text.")


@pytest.mark.parametrize(
    ("name", "limits", "why"),
    [
        ("compute", {"cpu_seconds": 1}, "Reading the file took more than 1 s of computing."),
        ("wait", {"wall_seconds": 2}, "Reading the file took more than 2 s."),
        ("hoard", {}, "Reading the file took more than 1024 MiB."),
        ("die", {}, "The file could not be read."),
        ("read_a_file", {}, "The file could not be read."),
        ("call_out", {}, "The file could not be read."),
    ],
)
def test_what_passes_a_limit_is_refused(name: str, limits: dict[str, int], why: str) -> None:
    assert refusal(name, **limits) == ("file", why)


def test_no_program_runs_in_the_closed_room() -> None:
    """The kernel refuses to start one; where we are root it starts and cannot open its own libraries."""
    try:
        ended = run("start_a_program")
    except BadInput:
        ended = b"refused"

    assert ended != b"0"


def test_a_reader_that_breaks_leaves_nothing_of_the_file_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        refusal("break_down")

    assert caplog.messages == [f"{misbehaviour.__name__}:break_down broke on a file: exit 1, RuntimeError"]


def test_the_child_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGLEAD_SECRET_KEY", "known")

    assert set(json.loads(run("tell_environment"))) <= {"LANG", "LC_CTYPE", "PATH", "PWD", "SHLVL", "_"}


def test_two_hundred_thousand_activities_fit_into_the_limits() -> None:
    many = 200_000
    rows = tasks(*(task(str(key), f"A{key}") for key in range(many)))
    chain = links(*((str(key), str(key - 1), "PR_FS", "0") for key in range(1, many)))
    content = "\n".join(lines(projects(("1", "DC1")), rows, chain)).encode()

    (project,) = json.loads(sandbox.run(READER, content))

    assert (project["activities"], project["links"], project["finish"]) == (many, many - 1, "2027-02-05")
