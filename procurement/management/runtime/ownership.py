"""Only one process at a time may run the embedded servers of a data folder."""

import contextlib
import os
from collections.abc import Iterator

from procurement.management.runtime import locks
from procurement.management.runtime.places import Places, StartUpError


class AlreadyOwned(StartUpError):
    """Another process runs the embedded servers of this data folder; `owner` says which kind."""

    def __init__(self, owner: str, pid: str) -> None:
        self.owner = owner
        super().__init__(
            f"A demo of this checkout runs already (process {pid}). Stop it with Ctrl-C or `kill {pid}` first."
            if owner == "demo"
            else f"A command of this checkout (process {pid}) uses its database. Wait for its end, or `kill {pid}`."
        )


@contextlib.contextmanager
def taken(places: Places, who: str) -> Iterator[None]:
    """Own the data folder for the length of the context. Raises AlreadyOwned."""
    try:
        handle = locks.take(places.owner)
    except locks.Held:
        owner, _, pid = places.owner.read_text().strip().partition(" ")
        raise AlreadyOwned(owner, pid) from None
    with handle:
        handle.truncate(0)
        handle.write(f"{who} {os.getpid()}\n")
        handle.flush()
        yield
