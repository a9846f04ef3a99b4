"""Starts components one after the other, restarts what dies, stops everything in reverse order and leaves nothing."""

import contextlib
import math
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import BinaryIO, Self

from procurement.management.runtime import ownership, processes
from procurement.management.runtime.places import REPOSITORY, Places, StartUpError
from procurement.management.runtime.processes import RUN_TAG, Account

Say = Callable[[str], None]
_Handler = Callable[[int, FrameType | None], None]
_PROBE_SECONDS = 0.1
_BACK_OFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_STEADY_SECONDS = 60.0
_ECHO_SECONDS = 1.0
_TAIL_LINES = 15
_LARGEST_LOG = 5 * 1024 * 1024
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(Exception):
    """A signal asked the supervisor to stop; the argument is its number."""


def _nothing() -> None:
    return None


def _at_once() -> bool:
    return True


@dataclass
class Component:
    """One process of ours. `ready` is asked while it starts, and `ready_words` looked for in its log.

    `before` runs ahead of every launch, restarts included. Components of one stage are stopped together, the highest
    stage first. `bare_env` gives the process nothing but `env`.
    """

    name: str
    argv: Sequence[str]
    detail: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] = _at_once
    ready_words: str = ""
    before: Callable[[], None] = _nothing
    cwd: Path = REPOSITORY
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    start_seconds: float = 60.0
    bare_env: bool = False
    stage: int = 0


@dataclass
class _Running:
    component: Component
    child: subprocess.Popen[bytes]
    launched_at: float
    log_from: int = 0
    up: bool = False
    failures: int = 0
    again_at: float | None = None


class Supervisor:
    """A context: entering takes the lock, hears signals and ends leftovers; leaving stops everything.

    Single-threaded on purpose: the kernel's death signal is bound to the thread that started a child.
    """

    def __init__(self, places: Places, *, say: Say, back_off_seconds: Sequence[float] = _BACK_OFF_SECONDS) -> None:
        self.places = places
        self.say = say
        self.back_off_seconds = back_off_seconds
        self.env = _inherited_environment()
        self.env[RUN_TAG] = str(places.run)
        self._running: list[_Running] = []
        self._asked: int | None = None
        self._asked_at = 0.0
        self._hurry = False
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.places.make()
        with contextlib.ExitStack() as entering:
            entering.enter_context(ownership.taken(self.places, "demo"))
            self._hear_signals(entering)
            self._end_leftovers()
            self.places.pid("supervisor").write_text(f"{os.getpid()}\n")
            entering.callback(self.places.pid("supervisor").unlink, missing_ok=True)
            self._exit = entering.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._exit:
            self._stop_all()

    def at_end(self, clean_up: Callable[[], None]) -> None:
        """Have something done after everything has stopped; the last one asked for is done first."""
        self._exit.callback(clean_up)

    def start(self, *components: Component) -> None:
        """Start components together; return once all are ready. Raises StartUpError with a log's end, or StopAsked."""
        starting = [self._launch(component) for component in components]
        while not all(running.up for running in starting):
            self._turn(_PROBE_SECONDS)
            for running in starting:
                self._refuse_failure(running)

    def _refuse_failure(self, running: _Running) -> None:
        component = running.component
        if running.again_at is not None:
            raise StartUpError(f"{component.name} ended while it started.\n{self._tail(component.name)}")
        if not running.up and time.monotonic() - running.launched_at > component.start_seconds:
            reason = f"{component.name} was not ready within {component.start_seconds:.0f} s."
            raise StartUpError(f"{reason}\n{self._tail(component.name)}")

    def run_step(self, name: str, argv: Sequence[str], *, shown: bool = False) -> int:
        """Run a command to its end while the components stay watched; its exit code. `shown`: on our own terminal."""
        log = None if shown else self._open_log(name)
        try:
            child = processes.start(argv, env=self.env, cwd=REPOSITORY, output=log)
        finally:
            if log is not None:
                log.close()
        try:
            while child.poll() is None:
                self._turn(None)
        finally:
            processes.end(child, stop_signal=signal.SIGTERM, seconds=5)
        return child.returncode

    def require_step(self, name: str, argv: Sequence[str]) -> None:
        """Like run_step, for a step that nothing may follow when it fails. Raises StartUpError with its log's end."""
        began_at = time.monotonic()
        if code := self.run_step(name, argv):
            raise StartUpError(f"{name} failed with exit code {code}.\n{self._tail(name)}")
        self.tell(name, "done", None, f"({time.monotonic() - began_at:.1f} s)")

    def watch(self) -> None:
        """Keep everything running until a signal asks to stop, which raises StopAsked."""
        while True:
            self._turn(None)

    def tell(self, name: str, state: str, pid: int | None, detail: str) -> None:
        self.say(f"{name:<10} {state:<10} {f'pid {pid}' if pid else '':<12} {detail}".rstrip())

    def _launch(self, component: Component) -> _Running:
        component.before()
        with self._open_log(component.name) as log:
            log_from = log.seek(0, os.SEEK_END)
            child = processes.start(
                component.argv,
                env=component.env if component.bare_env else {**self.env, **component.env},
                cwd=component.cwd,
                output=log,
                account=component.account,
                death_signal=component.stop_signal,
            )
        self.places.pid(component.name).write_text(f"{child.pid}\n")
        running = next((known for known in self._running if known.component is component), None)
        if running is None:
            running = _Running(component, child, time.monotonic())
            self._running.append(running)
        running.child, running.launched_at, running.log_from = child, time.monotonic(), log_from
        running.again_at, running.up = None, False
        return running

    def _turn(self, timeout: float | None) -> None:
        """Sleep until something happens: a child ends, a signal comes, a component that starts is to be asked again."""
        waits = [0.0 if timeout is None else timeout] if timeout is not None else []
        now = time.monotonic()
        waits += [max(0.0, running.again_at - now) for running in self._running if running.again_at is not None]
        waits += [_PROBE_SECONDS for running in self._running if not running.up and running.again_at is None]
        self._sleep(min(waits) if waits else None)
        if self._asked is not None:
            raise StopAsked(self._asked)
        for running in self._running:
            self._look_at(running)

    def _look_at(self, running: _Running) -> None:
        component, now = running.component, time.monotonic()
        if running.again_at is not None:
            if now >= running.again_at:
                self._launch(component)
        elif (code := running.child.poll()) is not None:
            self._died(running, code)
        elif not running.up and self._is_ready(running):
            running.up = True
            again = ", after a restart" if running.failures else ""
            took = f"{time.monotonic() - running.launched_at:.1f} s{again}"
            self.tell(component.name, "up", running.child.pid, f"{component.detail} ({took})".strip())
        elif not running.up and running.failures and now - running.launched_at > component.start_seconds:
            processes.end(running.child, stop_signal=component.stop_signal, seconds=component.stop_seconds)

    def _is_ready(self, running: _Running) -> bool:
        component = running.component
        if component.ready_words:
            with self.places.log_of(component.name).open("rb") as log:
                log.seek(running.log_from)
                if component.ready_words.encode() not in log.read():
                    return False
        return component.ready()

    def _died(self, running: _Running, code: int) -> None:
        component = running.component
        processes.reap(running.child, seconds=0)
        self.places.pid(component.name).unlink(missing_ok=True)
        if time.monotonic() - running.launched_at > _STEADY_SECONDS:
            running.failures = 0
        pause = self.back_off_seconds[min(running.failures, len(self.back_off_seconds) - 1)]
        running.failures += 1
        running.again_at = time.monotonic() + pause
        if running.up:
            why = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            detail = f"{why}; starts again in {pause:g} s, log in {self.places.log_of(component.name)}"
            self.tell(component.name, "died", running.child.pid, detail)
        running.up = False

    def _stop_all(self) -> None:
        """Reverse order, in stages: all of one stage are told at once and waited for together."""
        for stage in sorted({running.component.stage for running in self._running}, reverse=True):
            members = [running for running in reversed(self._running) if running.component.stage == stage]
            alive = [running for running in members if running.child.poll() is None]
            for running in alive:
                running.child.send_signal(running.component.stop_signal)
            told_at = time.monotonic()
            for running in alive:
                self._wait_for_end(running, told_at)
        self._running.clear()

    def _wait_for_end(self, running: _Running, told_at: float) -> None:
        component, child = running.component, running.child
        deadline = told_at + component.stop_seconds
        while child.poll() is None and not self._hurry and (left := deadline - time.monotonic()) > 0:
            self._sleep(left)
        in_time = processes.reap(child, seconds=0)
        self.places.pid(component.name).unlink(missing_ok=True)
        state = "stopped" if in_time else "killed"
        self.tell(component.name, state, child.pid, "" if in_time else "did not stop in time")

    def _hear_signals(self, stack: contextlib.ExitStack) -> None:
        self._wake_end, kernel_end = (stack.enter_context(contextlib.closing(end)) for end in socket.socketpair())
        for end in (self._wake_end, kernel_end):
            end.setblocking(False)
        self._events = select.poll()
        self._events.register(self._wake_end, select.POLLIN)
        old_fd = signal.set_wakeup_fd(kernel_end.fileno(), warn_on_full_buffer=False)
        stack.callback(signal.set_wakeup_fd, old_fd)
        handlers: dict[signal.Signals, _Handler] = dict.fromkeys(_STOP_SIGNALS, self._on_stop)
        handlers[signal.SIGCHLD] = _ignore
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # started with `nohup`
            del handlers[signal.SIGHUP]
        else:
            self._watch_terminal(stack)
        for number, handler in handlers.items():
            stack.callback(signal.signal, number, signal.signal(number, handler))

    def _watch_terminal(self, stack: contextlib.ExitStack) -> None:
        """Where `make` leads the session, as under `ssh -t`, it is told of the hang-up and does not pass it on."""
        with contextlib.suppress(OSError):
            terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
            stack.callback(os.close, terminal)
            self._events.register(terminal, 0)  # its end is reported unasked, what is typed is not

    def _sleep(self, seconds: float | None) -> None:
        """Until a signal comes, the terminal is closed, or the time is over; None: for as long as that takes."""
        for file, _ in self._events.poll(None if seconds is None else math.ceil(seconds * 1000)):
            if file != self._wake_end.fileno():
                self._events.unregister(file)
                self._on_stop(signal.SIGHUP, None)
        with contextlib.suppress(BlockingIOError):
            self._wake_end.recv(4096)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        """A second signal, unless it is the echo of the first through a process group, ends the patience."""
        self._hurry = self._asked is not None and time.monotonic() - self._asked_at > _ECHO_SECONDS
        if self._asked is None:
            self._asked, self._asked_at = number, time.monotonic()

    def _end_leftovers(self) -> None:
        """End what an earlier supervisor left when it was killed where the kernel passes no death signal on."""
        left = processes.left_behind(self.places.run)
        for process in left:
            self.tell("left over", "stopping", process.pid, "of an earlier run")
        processes.clear(left, stop_signal=signal.SIGTERM, seconds=10)
        for path in self.places.run.glob("*.pid"):
            if path != self.places.pid("supervisor"):
                path.unlink()

    def _open_log(self, name: str) -> BinaryIO:
        path = self.places.log_of(name)
        if path.exists() and path.stat().st_size > _LARGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def _tail(self, name: str) -> str:
        path = self.places.log_of(name)
        lines = path.read_text(errors="replace").splitlines()[-_TAIL_LINES:] if path.exists() else []
        return "\n".join([f"The end of {path}:", *(f"  {line}" for line in lines)])


def _ignore(number: int, frame: FrameType | None) -> None:
    """SIGCHLD needs a handler, or it would not wake the loop."""


def _inherited_environment() -> dict[str, str]:
    """The caller's environment without what libpq would mix into an address that says everything itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG") and name != RUN_TAG}
