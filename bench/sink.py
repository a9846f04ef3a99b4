"""`python -m bench.sink PORT FILE`: a mail server of its own that takes everything, and notes what it took and when.

A line of the file is a Message-ID and the monotonic clock, which all processes of a machine share.
"""

import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

_KEY = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class _Sink:
    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - named by aiosmtpd
        found = _KEY.search(envelope.content)
        self._file.write(f"{found[1].decode() if found else '-'} {time.monotonic()}\n")
        return "250 Accepted"


if __name__ == "__main__":
    Controller(_Sink(Path(sys.argv[2])), hostname="127.0.0.1", port=int(sys.argv[1]), ready_timeout=10).start()
    print("ready", flush=True)
    threading.Event().wait()
