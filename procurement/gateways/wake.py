"""Asks the workers to look now, after commit. Losing a call costs at most one round of the sender's own loop."""

import logging
import os
import time
from collections.abc import Callable
from threading import Event, Lock, Thread

from django.db import transaction

logger = logging.getLogger(__name__)

Waker = Callable[[], None]
PAUSE_AFTER_FAILURE_SECONDS = 30.0


class _Wake:
    """`procurement.config` wires the waker (Celery); without one, nothing is asked and the sender finds the rows."""

    def __init__(self) -> None:
        self.waker: Waker | None = None
        self.failures = 0
        self._apart = False
        self._quiet_until = 0.0
        self._asked = Event()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._process = 0

    def wire(self, waker: Waker | None, *, may_block: bool) -> None:
        self.waker, self._apart, self._quiet_until = waker, may_block, 0.0

    def ask(self) -> None:
        if self.waker is None or time.monotonic() < self._quiet_until:
            return
        if not self._apart:
            self._call(self.waker)
            return
        # Asking twice before somebody looked is asking once, so one flag is the whole queue.
        self._asked.set()
        self._keep_asking()

    def _keep_asking(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive() or self._process != os.getpid():
                self._process = os.getpid()  # a forked process inherits the flag but not the thread
                self._thread = Thread(target=self._run, name="wake", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self.waker is not None:
                self._call(self.waker)

    def _call(self, waker: Waker) -> None:
        try:
            waker()
        except Exception as error:  # a broker that is gone must never hurt the write that just succeeded
            self.failures += 1
            self._quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            logger.warning("The workers could not be woken (%s); their own round finds the rows.", type(error).__name__)


_wake = _Wake()
_work = _Wake()
_draw = _Wake()


def wire(
    waker: Waker | None, *, may_block: bool = False, for_work: Waker | None = None, for_draws: Waker | None = None
) -> None:
    """Set what is asked; None asks nothing. Called once by `procurement.config`, and by tests.

    `for_work` is asked where what waits is no message but a long piece of work, `for_draws` where futures are due.

    A waker that may block (a broker that is frozen, not gone) is called on a thread of its own: no request ever waits
    for it.
    """
    _wake.wire(waker, may_block=may_block)
    _work.wire(for_work, may_block=may_block)
    _draw.wire(for_draws, may_block=may_block)


def failures() -> int:
    """How often the workers could not be woken since this process started."""
    return _wake.failures + _work.failures + _draw.failures


def after_commit() -> None:
    """Ask once this transaction is in the database."""
    transaction.on_commit(_wake.ask, robust=True)


def work_after_commit() -> None:
    """Ask for long work to be done, once this transaction is in the database."""
    transaction.on_commit(_work.ask, robust=True)


def draw_after_commit() -> None:
    """Ask for the futures that are due, once this transaction is in the database."""
    transaction.on_commit(_draw.ask, robust=True)
