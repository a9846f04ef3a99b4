"""File locks that die with their holder, `kill -9` included."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO


class Held(Exception):
    """Somebody else holds the lock."""


def take(path: Path, *, shared: bool = False, wait: bool = False) -> IO[str]:
    """Lock a file until the returned handle is closed. Raises Held when another process has it and `wait` is False."""
    handle = path.open("a")
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(handle, how)
    except BlockingIOError:
        handle.close()
        raise Held(str(path)) from None
    return handle


@contextlib.contextmanager
def held(path: Path, *, shared: bool = False, wait: bool = False) -> Iterator[None]:
    with take(path, shared=shared, wait=wait):
        yield
