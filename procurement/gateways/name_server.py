"""Asks a name server for text records (RFC 1035), within three seconds."""

import ipaddress
import secrets
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PORT: Final = 53
ANSWER_SECONDS: Final = 3.0
_TEXT, _INTERNET = 16, 1
_RECURSION_DESIRED, _TRUNCATED = 0x0100, 0x0200
_NO_SUCH_NAME = 3
_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_LONGEST = 65_535
_HOPS = 128

Server = tuple[str, int]


class NoAnswer(Exception):
    """No name server answered, or none in words that can be read."""


@dataclass(frozen=True, slots=True)
class NameServers:
    servers: Sequence[Server]

    def texts(self, name: str) -> list[str]:
        """The text records of this name, none where it has none. Raises NoAnswer."""
        failure: Exception = NoAnswer("no name server is known")
        for server in self.servers:
            try:
                return _ask(server, name)
            except (OSError, ValueError, IndexError, struct.error, NoAnswer) as said:
                failure = said
        raise NoAnswer(f"{type(failure).__name__}: {failure}")


def of_this_machine(path: Path = Path("/etc/resolv.conf")) -> NameServers:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    words = [line.split() for line in lines]
    return NameServers([(each[1], PORT) for each in words if len(each) > 1 and each[0] == "nameserver"])


def named(text: str) -> NameServers:
    """`ADDRESS` or `ADDRESS:PORT`. Raises ValueError."""
    host, _, port = text.rpartition(":") if text.count(":") == 1 else (text, "", str(PORT))
    ipaddress.ip_address(host)
    return NameServers([(host, int(port))])


def _ask(server: Server, name: str) -> list[str]:
    key = secrets.randbelow(1 << 16)
    question = (
        _HEADER.pack(key, _RECURSION_DESIRED, 1, 0, 0, 0) + _as_labels(name) + struct.pack("!HH", _TEXT, _INTERNET)
    )
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as line:
        line.settimeout(ANSWER_SECONDS)
        line.connect(server)
        line.send(question)
        answer = line.recv(_LONGEST)
    if _HEADER.unpack_from(answer)[1] & _TRUNCATED:
        answer = _ask_at_length(server, question)
    return list(_texts_in(answer, key))


def _ask_at_length(server: Server, question: bytes) -> bytes:
    with socket.create_connection(server, timeout=ANSWER_SECONDS) as line, line.makefile("rb") as answer:
        line.sendall(struct.pack("!H", len(question)) + question)
        (length,) = struct.unpack("!H", answer.read(2))
        return answer.read(length)


def _as_labels(name: str) -> bytes:
    labels = name.encode("idna").decode("ascii").rstrip(".").split(".")
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f"{name} is no name")
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"


def _texts_in(answer: bytes, key: int) -> Iterator[str]:
    given, flags, questions, records, _authorities, _more = _HEADER.unpack_from(answer)
    code = flags & 0xF
    if given != key or (code and code != _NO_SUCH_NAME):
        raise NoAnswer(f"the name server says {code}")
    place = _HEADER.size
    for _ in range(questions):
        place = _after_name(answer, place) + 4
    for _ in range(records):
        place = _after_name(answer, place)
        kind, _class, _seconds, length = _RECORD.unpack_from(answer, place)
        place += _RECORD.size
        if kind == _TEXT:
            yield _joined(answer[place : place + length])
        place += length


def _after_name(answer: bytes, place: int) -> int:
    for _ in range(_HOPS):
        length = answer[place]
        if length & 0xC0:  # a pointer to where the rest was written before
            return place + 2
        place += 1 + length
        if not length:
            return place
    raise ValueError("a name without end")


def _joined(record: bytes) -> str:
    parts, place = [], 0
    while place < len(record):
        parts.append(record[place + 1 : place + 1 + record[place]])
        place += 1 + record[place]
    return b"".join(parts).decode("utf-8", "replace")
