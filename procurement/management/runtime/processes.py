"""Start a child that cannot outlive us, find what an earlier run left behind, and end both."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psutil

RUN_TAG = "LONGLEAD_RUN"
_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    output: BinaryIO | int | None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child as leader of its own session, so that Ctrl-C at the terminal reaches only its parent.

    Where the kernel can, the child is sent `death_signal` when this process dies, however it dies. Call it from the
    main thread: Linux sends that signal when the thread that started the child ends.
    """
    return subprocess.Popen(  # noqa: S603
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=_follow_into_death(os.getpid(), death_signal),
        **as_account(account),
    )


def as_account(account: Account | None) -> dict[str, Any]:
    """What `subprocess` must be told to run a child as that account; nothing where it runs as ourselves."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _follow_into_death(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl, number = _libc.prctl, int(death_signal)

    def follow() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was told
            os.kill(os.getpid(), signal.SIGKILL)

    return follow


def end(child: subprocess.Popen[bytes], *, stop_signal: signal.Signals, seconds: float) -> bool:
    """Ask a child to stop, wait, and kill its whole group when it does not. False where it had to be killed."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(stop_signal)
    return reap(child, seconds=seconds)


def reap(child: subprocess.Popen[bytes], *, seconds: float) -> bool:
    """Wait for a child that was asked to stop, then make sure that nothing of its group is left."""
    try:
        child.wait(max(seconds, 0))
        in_time = True
    except subprocess.TimeoutExpired:
        in_time = False
    # Members of the group may outlive the leader, so the group is told even after a clean exit.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    if not in_time:
        child.wait()
    return in_time


def left_behind(run: Path) -> list[psutil.Process]:
    """Processes that carry the tag of this run folder, whoever started them; never ourselves or our ancestors."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in _all() if process.pid not in ours and _environment(process).get(RUN_TAG) == str(run)]


def working_in(folder: Path, program: str) -> list[psutil.Process]:
    """Processes of a program whose working folder is this one: PostgreSQL's stand in their data folder."""
    found = []
    for process in _all():
        with contextlib.suppress(psutil.Error):
            if process.name().startswith(program) and process.cwd() == str(folder):
                found.append(process)
    return found


def clear(processes: Sequence[psutil.Process], *, stop_signal: signal.Signals, seconds: float) -> None:
    """End processes that are not our children; what is still there after `seconds` is killed."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(stop_signal)
    if alive := wait_for_end(processes, seconds=seconds):
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        wait_for_end(alive, seconds=5)


def wait_for_end(processes: Sequence[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Those that still run after that time. One that ended counts as gone though nobody has fetched it yet.

    In a container whose first process fetches nobody it would never vanish, so psutil's own waiting does not do.
    """
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return alive


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _all() -> Iterator[psutil.Process]:
    yield from psutil.process_iter()


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):
        return {}
