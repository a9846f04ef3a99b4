"""Fairness between clients, in this process's memory: a client that floods one process waits, the others do not."""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Final

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from procurement.api.auth import Credential

CALLS_A_MINUTE: Final = 600
_WINDOW_SECONDS = 60.0


class Window:
    """At most `most` calls in any 60 seconds. `clock` counts seconds and never runs back."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._lock = Lock()

    def enter(self, caller: str) -> float | None:
        """None where the call may pass, else the seconds to wait."""
        now = self._clock()
        with self._lock:
            calls = self._calls.setdefault(caller, deque())
            while calls and calls[0] <= now - _WINDOW_SECONDS:
                calls.popleft()
            if len(calls) >= self.most:
                return calls[0] + _WINDOW_SECONDS - now
            calls.append(now)
            return None

    def left(self, caller: str) -> tuple[int, float]:
        """How many calls may follow at once, and the seconds until there is room for another one."""
        now = self._clock()
        with self._lock:
            calls = self._calls.get(caller, deque())
            return max(0, self.most - len(calls)), calls[0] + _WINDOW_SECONDS - now if calls else 0.0

    def forget(self) -> None:
        with self._lock:
            self._calls.clear()


WINDOW: Final = Window(CALLS_A_MINUTE)


class FairThrottle(BaseThrottle):
    """By client, not by key: rotating keys buys no second share."""

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, Credential):
            return True
        self._wait = WINDOW.enter(str(request.auth.client.pk))
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait
