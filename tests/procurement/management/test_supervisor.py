import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from procurement.management.runtime import stack
from procurement.management.runtime.places import REPOSITORY, Places, StartUpError
from procurement.management.runtime.processes import RUN_TAG, wait_for_end
from tests.procurement.management.small_supervisor import PATIENT

DEADLINE_SECONDS = 30
Run = Callable[..., "Trial"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups and signals of a Unix system")


class Trial:
    """A supervisor in a process of its own; its lines are what a person at the terminal reads."""

    def __init__(self, places: Places, cast: str, under: Sequence[str]) -> None:
        self.places = places
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [*under, sys.executable, "-m", "tests.procurement.management.small_supervisor", str(places.home), cast],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=bool(under),
        )
        self.lines: list[str] = []

    def read_until(self, words: str) -> str:
        assert self.process.stdout is not None
        line: str
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if words in line:
                return line
        raise AssertionError(f"ended without saying {words!r}: {self.lines}")

    def pid(self, name: str) -> int:
        return int(self.places.pid(name).read_text())

    def finish(self) -> int:
        assert self.process.stdout is not None
        code = self.process.wait(DEADLINE_SECONDS)
        self.lines += self.process.stdout.read().splitlines()
        return code


@pytest.fixture(autouse=True)
def hang_ups_count() -> Iterator[None]:
    """A run that `nohup` started ignores hang-ups and hands that on to its children."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "with a space")


@pytest.fixture
def run(places: Places) -> Iterator[Run]:
    trials: list[Trial] = []

    def start(cast: str = "patient", under: Sequence[str] = ()) -> Trial:
        trials.append(Trial(places, cast, under))
        return trials[-1]

    yield start
    for trial in trials:
        trial.process.kill()
        trial.process.communicate()


def are_gone(*pids: int) -> bool:
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return not wait_for_end(processes, seconds=DEADLINE_SECONDS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_reverse_order(run: Run, number: signal.Signals) -> None:
    trial = run()
    trial.read_until("everything is up")
    pids = [trial.pid(name) for name in ("first", "second")]

    trial.process.send_signal(number)

    assert trial.finish() == 0
    assert are_gone(*pids)
    assert [line.split()[:2] for line in trial.lines[-2:]] == [["second", "stopped"], ["first", "stopped"]]
    assert list(trial.places.run.glob("*.pid")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere opening a terminal does not make it the session's")
def test_a_closed_terminal_stops_everything_though_make_keeps_the_signal_to_itself(run: Run) -> None:
    ours, theirs = os.openpty()
    like_make = ["sh", "-c", 'exec 3<"$0"; trap : HUP; "$@"; exit $?', os.ttyname(theirs)]
    trial = run(under=like_make)
    os.close(theirs)
    trial.read_until("everything is up")
    pids = [trial.pid(name) for name in ("first", "second")]

    os.close(ours)

    assert trial.finish() == 0
    assert are_gone(*pids)


def test_with_nohup_it_goes_on_after_a_hang_up(run: Run) -> None:
    trial = run(under=["nohup"])
    trial.read_until("everything is up")

    trial.process.send_signal(signal.SIGHUP)
    os.kill(trial.pid("first"), signal.SIGKILL)

    trial.read_until("after a restart")


def test_a_component_that_dies_is_started_again_and_said_so(run: Run) -> None:
    trial = run()
    trial.read_until("everything is up")
    killed, bystander = trial.pid("first"), trial.pid("second")

    os.kill(killed, signal.SIGKILL)
    died = trial.read_until("died")
    trial.read_until("after a restart")

    assert "SIGKILL" in died
    assert trial.pid("first") != killed
    assert psutil.pid_exists(trial.pid("first"))
    assert trial.pid("second") == bystander


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_killed_supervisor_takes_its_children_with_it(run: Run) -> None:
    trial = run()
    trial.read_until("everything is up")
    pids = [trial.pid(name) for name in ("first", "second")]

    trial.process.kill()

    assert are_gone(*pids)


def test_what_an_earlier_run_left_is_ended_before_anything_starts(run: Run, places: Places) -> None:
    orphan = subprocess.Popen(
        [sys.executable, "-c", PATIENT], env=os.environ | {RUN_TAG: str(places.run)}, stdout=subprocess.PIPE
    )
    with orphan:
        assert orphan.stdout is not None
        orphan.stdout.readline()
        trial = run()
        trial.read_until("everything is up")

        assert orphan.wait(DEADLINE_SECONDS) == -signal.SIGTERM
    assert trial.lines[0].split()[:3] == ["left", "over", "stopping"]


def test_a_process_of_another_folder_is_left_alone(run: Run, tmp_path: Path) -> None:
    stranger = subprocess.Popen(
        [sys.executable, "-c", PATIENT], env=os.environ | {RUN_TAG: str(tmp_path)}, stdout=subprocess.PIPE
    )
    with stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        run().read_until("everything is up")

        assert stranger.poll() is None
        stranger.kill()


def test_a_second_supervisor_says_that_one_runs(run: Run) -> None:
    first = run()
    first.read_until("everything is up")
    second = run()

    assert second.finish() == 1
    assert f"runs already (process {first.process.pid})" in second.lines[0]
    assert first.process.poll() is None


def test_a_component_that_does_not_stop_is_killed_with_its_children(run: Run) -> None:
    trial = run("stubborn")
    trial.read_until("everything is up")
    grandchild = int(trial.places.log_of("first").read_text().split()[1])

    trial.process.send_signal(signal.SIGTERM)

    assert trial.finish() == 0
    assert are_gone(grandchild)
    assert trial.lines[-1].split()[:2] == ["first", "killed"]


def test_a_component_that_never_starts_shows_the_end_of_its_log(run: Run) -> None:
    trial = run("failing")

    assert trial.finish() == 1
    assert "second ended while it started." in trial.lines
    assert "  no such table" in trial.lines
    assert list(trial.places.run.glob("*.pid")) == []


def test_a_busy_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StartUpError, match=f"Port {port} is not free.*make demo PORT={port + 1}"):
            stack.refuse_busy_port(port)


def test_an_address_may_carry_a_password_so_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "database-url"
    path.write_text("old")

    stack.write_privately(path, "postgresql://longlead:secret@database/longlead")

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "postgresql://longlead:secret@database/longlead\n"
