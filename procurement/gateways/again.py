"""Sends a message that a system sent us through our own door once more. `procurement.config` wires the door."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Kept:
    """A call as it came; `scopes` are what its key was for then."""

    client_id: UUID
    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    scopes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answered:
    """`problem` is empty where all of the call was carried out."""

    status: int
    problem: Mapping[str, Any] = field(default_factory=dict)


Door = Callable[[Kept], Answered]


class _Way:
    door: Door | None = None


def wire(door: Door) -> None:
    _Way.door = door


def send(kept: Kept) -> Answered:
    if _Way.door is None:
        raise RuntimeError("No door is wired that a message could be sent through.")
    return _Way.door(kept)
