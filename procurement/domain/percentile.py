"""A percentile of a few figures: between two neighbours in proportion, as spreadsheets do (PERCENTILE.INC)."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from sites.domain.errors import BadInput


def percentile(figures: Iterable[Decimal | int], percent: int) -> Decimal:
    """Of at least one figure; 0 is the least, 100 the greatest. Raises BadInput naming `percentile`."""
    ordered = sorted(Decimal(each) for each in figures)
    if not ordered:
        raise BadInput("A percentile needs at least one figure.", field="percentile")
    if not 0 <= percent <= 100:
        raise BadInput("A percentile lies between 0 and 100.", field="percentile")
    place = Decimal(percent) * (len(ordered) - 1) / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def weeks_at(figures: Iterable[Decimal], percent: int) -> Decimal:
    """Weeks with one decimal place, rounded up: a lead time is never made shorter by rounding."""
    return percentile(figures, percent).quantize(Decimal("0.1"), ROUND_CEILING)


def days_at(figures: Iterable[int], percent: int) -> int:
    """Whole days."""
    return int(percentile(figures, percent).quantize(Decimal(1), ROUND_HALF_UP))
