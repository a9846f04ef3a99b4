"""What the demo prints: whole lines, though its supervisor and its story speak from threads of their own."""

import os
import sys
from pathlib import Path
from threading import Lock

_one_at_a_time = Lock()


def say(line: str) -> None:
    """One line for the person at the terminal, who may have closed it: stopping cleanly matters more."""
    with _one_at_a_time:
        try:
            print(line, flush=True)
        except OSError:
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
