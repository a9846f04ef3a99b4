"""Several values at once, so that decimals can be compared with the whole numbers of a paper calculation."""

from typing import Any


def values(*each: Any) -> tuple[Any, ...]:
    return each
