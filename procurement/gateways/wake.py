"""Asks the workers to look now, after commit. Losing a call costs at most one round of the sender's own loop."""

import logging
import time
from collections.abc import Callable
from threading import Lock

from django.db import transaction

logger = logging.getLogger(__name__)

Waker = Callable[[], None]
PAUSE_AFTER_FAILURE_SECONDS = 30.0


class _Wake:
    """`procurement.config` wires the waker (Celery); without one, nothing is asked and the sender finds the rows."""

    def __init__(self) -> None:
        self.waker: Waker | None = None
        self.failures = 0
        self._quiet_until = 0.0
        self._lock = Lock()

    def ask(self) -> None:
        if self.waker is None or time.monotonic() < self._quiet_until:
            return
        try:
            self.waker()
        except Exception as error:  # a broker that is gone must never hurt the write that just succeeded
            with self._lock:
                self.failures += 1
                self._quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            logger.warning("The workers could not be woken (%s); their own round finds the rows.", type(error).__name__)


_wake = _Wake()


def wire(waker: Waker | None) -> None:
    """Set what is asked; None asks nothing. Called once by `procurement.config`, and by tests."""
    _wake.waker = waker
    _wake._quiet_until = 0.0


def failures() -> int:
    """How often the workers could not be woken since this process started."""
    return _wake.failures


def after_commit() -> None:
    """Ask once this transaction is in the database."""
    transaction.on_commit(_wake.ask, robust=True)
