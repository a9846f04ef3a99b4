"""What a file could make its reader do. Runs only inside the sandbox."""

import json
import os
import signal
import socket
from pathlib import Path

from sites.domain.errors import BadInput


def echo(content: bytes) -> bytes:
    return content


def refuse(content: bytes) -> bytes:
    raise BadInput("A tab in a text.", field="line 12")


def compute(content: bytes) -> bytes:
    while True:
        pass


def wait(content: bytes) -> bytes:
    signal.pause()
    return b""


def hoard(content: bytes) -> bytes:
    return bytes(4 * 1024**3)


def break_down(content: bytes) -> bytes:
    raise RuntimeError(f"secret of the file: {content!r}")


def die(content: bytes) -> bytes:
    os.abort()


def read_a_file(content: bytes) -> bytes:
    return Path(__file__).read_bytes()


def call_out(content: bytes) -> bytes:
    socket.socket()
    return b""


def start_a_program(content: bytes) -> bytes:
    return str(os.spawnv(os.P_WAIT, "/bin/true", ["true"])).encode()


def tell_environment(content: bytes) -> bytes:
    return json.dumps(sorted(os.environ)).encode()
