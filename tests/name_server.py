"""A name server on loopback that knows a few text records."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence

Texts = Mapping[str, Sequence[str]]
_END = b""


@contextlib.contextmanager
def answering(texts: Texts, *, most_bytes: int = 512, code: int = 0) -> Iterator[str]:
    """Its address and port. What is longer than `most_bytes` is said over TCP only."""
    with socket.create_server(("127.0.0.1", 0)) as door, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        port = door.getsockname()[1]
        line.bind(("127.0.0.1", port))
        workers = [
            threading.Thread(target=_shortly, args=(line, texts, most_bytes, code), daemon=True),
            threading.Thread(target=_at_length, args=(door, texts, code), daemon=True),
        ]
        for worker in workers:
            worker.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            line.sendto(_END, ("127.0.0.1", port))
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            for worker in workers:
                worker.join(10)


def _shortly(line: socket.socket, texts: Texts, most_bytes: int, code: int) -> None:
    while True:
        question, guest = line.recvfrom(1024)
        if question == _END:
            return
        answer = _answer(question, texts, code)
        if len(answer) > most_bytes:
            key, flags = struct.unpack_from("!HH", answer)
            answer = struct.pack("!6H", key, flags | 0x0200, 1, 0, 0, 0) + question[12:]
        line.sendto(answer, guest)


def _at_length(door: socket.socket, texts: Texts, code: int) -> None:
    while True:
        try:
            guest, _ = door.accept()
        except OSError:
            return
        with guest, contextlib.suppress(OSError):
            answer = _answer(guest.recv(1024)[2:], texts, code)
            guest.sendall(struct.pack("!H", len(answer)) + answer)


def _answer(question: bytes, texts: Texts, code: int) -> bytes:
    labels, place = [], 12
    while question[place]:
        labels.append(question[place + 1 : place + 1 + question[place]].decode())
        place += 1 + question[place]
    records = []
    for text in texts.get(".".join(labels), ()):
        content = text.encode()
        data = b"".join(
            bytes([len(part)]) + part for part in (content[at : at + 255] for at in range(0, len(content), 255))
        )
        records.append(struct.pack("!HHHIH", 0xC00C, 16, 1, 60, len(data)) + data)
    (key,) = struct.unpack_from("!H", question)
    flags = 0x8180 | (code or (0 if records else 3))
    return struct.pack("!6H", key, flags, 1, len(records), 0, 0) + question[12 : place + 5] + b"".join(records)
