"""Which classes stand in for one another, in order, and never in a circle."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from sites.domain.errors import BadInput

Key = TypeVar("Key", bound=Hashable)


def line_of(first: Key, fallbacks: Mapping[Key, Key | None]) -> tuple[Key, ...]:
    """The class itself, its fallback, the fallback's own and so on. Raises BadInput naming `fallback`."""
    found = [first]
    while (following := fallbacks.get(found[-1])) is not None:
        if following in found:
            raise BadInput("A class cannot fall back on itself, nor on one that falls back on it.", field="fallback")
        found.append(following)
    return tuple(found)
