"""How many megawatts a site can really use on each day, what holds them down, and what is missing or left over.

Usable is the least of what the grid gives, what is contracted where the site depends on it, and what the electrical and
the cooling equipment can carry. Each limit comes as two curves: `low` leaves out what has no date, `high` counts it as
there. Where both give the same, the answer is known whatever is missing; where they differ, it is None, never zero.
All figures are gross megawatts at the site.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sites.domain.errors import BadInput
from sites.domain.power_curve import UNLIMITED, ZERO, Curve, edges, level
from sites.vocabulary import PowerLimit

LONGEST_DAYS: Final = 366 * 50


@dataclass(frozen=True, slots=True)
class Limit:
    """`why` says in plain words what has no date or is not recorded, where something is."""

    kind: PowerLimit
    low: Curve
    high: Curve
    why: tuple[str, ...] = ()

    @classmethod
    def known(cls, kind: PowerLimit, curve: Curve) -> "Limit":
        return cls(kind, curve, curve)

    @classmethod
    def unknown(cls, kind: PowerLimit, why: str) -> "Limit":
        return cls(kind, Curve(), level(UNLIMITED), (why,))


@dataclass(frozen=True, slots=True)
class SitePower:
    """A limit that does not apply (supply at a site that does not depend on it) is left out.

    `flexible` is what the grid gives beyond its firm megawatts and may interrupt; it never counts as usable.
    """

    site: str
    ramp: Curve
    limits: tuple[Limit, ...]
    flexible: Curve = field(default_factory=Curve)


@dataclass(frozen=True, slots=True)
class LimitMw:
    """`mw` None: not known, and then between `least_mw` and `most_mw` (None: no limit is known)."""

    kind: PowerLimit
    mw: Decimal | None
    least_mw: Decimal
    most_mw: Decimal | None


@dataclass(frozen=True, slots=True)
class Period:
    """Both days included. `binding` names every limit that is as low as the lowest; ties are all named.

    Where `usable_mw` is None it lies between `least_mw` and `most_mw` (None: nothing known holds it down), `binding` is
    of the least, and gap and unused are None unless both ends agree. `flexible_gap_mw` is the gap that would remain if
    the flexible megawatts were there.
    """

    from_on: date
    until_on: date
    ramp_mw: Decimal
    usable_mw: Decimal | None
    least_mw: Decimal
    most_mw: Decimal | None
    limits: tuple[LimitMw, ...]
    binding: tuple[PowerLimit, ...]
    gap_mw: Decimal | None
    unused_mw: Decimal | None
    flexible_mw: Decimal
    flexible_gap_mw: Decimal | None

    @property
    def days(self) -> int:
        return (self.until_on - self.from_on).days + 1

    @property
    def binds(self) -> bool:
        """Whether the load is held down at all; False also where that is not known."""
        return self.gap_mw is not None and self.gap_mw > 0


@dataclass(frozen=True, slots=True)
class Totals:
    """MW-days over periods; None where a period's figure is not known. `known_days` of `days` have a figure."""

    gap_mw_days: Decimal | None
    unused_mw_days: Decimal | None
    days: int
    known_days: int
    largest_gap_mw: Decimal
    first_gap_on: date | None


def balance(site: SitePower, from_on: date, until_on: date) -> tuple[Period, ...]:
    """Periods in order without holes; neighbours that say the same are one. Raises BadInput naming `until_on`."""
    check_window(from_on, until_on)
    curves = [site.ramp, site.flexible, *(each for limit in site.limits for each in (limit.low, limit.high))]
    starts = edges(curves, from_on, until_on)
    ends = [*(day - timedelta(days=1) for day in starts[1:]), until_on]
    ramp, extra = site.ramp.on(starts), site.flexible.on(starts)
    lows = [limit.low.on(starts) for limit in site.limits]
    highs = [
        low if limit.high is limit.low else limit.high.on(starts) for limit, low in zip(site.limits, lows, strict=True)
    ]
    kinds = [limit.kind for limit in site.limits]
    periods: list[Period] = []
    said: tuple[object, ...] = ()
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        low, high = [each[place] for each in lows], [each[place] for each in highs]
        says = ramp[place], extra[place], *low, *high
        # What says the same as its neighbour is one with it.
        if says == said:
            periods[-1] = replace(periods[-1], until_on=end)
        else:
            periods.append(_period(start, end, ramp[place], extra[place], kinds, low, high))
            said = says
    return tuple(periods)


def check_window(from_on: date, until_on: date) -> None:
    if until_on < from_on:
        raise BadInput("The window ends before it starts.", field="until_on")
    if (until_on - from_on).days > LONGEST_DAYS:
        raise BadInput("The window is longer than fifty years.", field="until_on")


def totals(periods: Iterable[Period]) -> Totals:
    rows = list(periods)
    gaps = [row for row in rows if row.binds]
    return Totals(
        gap_mw_days=_sum([None if row.gap_mw is None else row.gap_mw * row.days for row in rows]),
        unused_mw_days=_sum([None if row.unused_mw is None else row.unused_mw * row.days for row in rows]),
        days=sum(row.days for row in rows),
        known_days=sum(row.days for row in rows if row.usable_mw is not None),
        largest_gap_mw=max((row.gap_mw for row in gaps if row.gap_mw is not None), default=ZERO),
        first_gap_on=min((row.from_on for row in gaps), default=None),
    )


def cut(periods: Iterable[Period], from_on: date, until_on: date) -> tuple[Period, ...]:
    """The part of periods inside a window, for quarters and years."""
    return tuple(
        replace(row, from_on=max(row.from_on, from_on), until_on=min(row.until_on, until_on))
        for row in periods
        if row.from_on <= until_on and row.until_on >= from_on
    )


def _period(
    from_on: date,
    until_on: date,
    ramp: Decimal,
    extra: Decimal,
    kinds: Sequence[PowerLimit],
    lows: Sequence[Decimal],
    highs: Sequence[Decimal],
) -> Period:
    least, most = min(lows, default=UNLIMITED), min(highs, default=UNLIMITED)
    gap = _agreed(max(ZERO, ramp - least), max(ZERO, ramp - most))
    return Period(
        from_on=from_on,
        until_on=until_on,
        ramp_mw=ramp,
        usable_mw=least if least == most and least < UNLIMITED else None,
        least_mw=least if least < UNLIMITED else ZERO,
        most_mw=_bounded(most),
        limits=tuple(map(_limit_mw, kinds, lows, highs)),
        binding=tuple(kind for kind, low in zip(kinds, lows, strict=True) if low == least),
        gap_mw=gap,
        unused_mw=_agreed(max(ZERO, least - ramp), max(ZERO, most - ramp)),
        flexible_mw=extra,
        flexible_gap_mw=_flexible_gap(ramp, kinds, lows, highs, extra) if extra else gap,
    )


def _limit_mw(kind: PowerLimit, least: Decimal, most: Decimal) -> LimitMw:
    if least is most:
        known = least if least < UNLIMITED else None
        return LimitMw(kind, known, least, known)
    return LimitMw(kind, least if least == most and least < UNLIMITED else None, min(least, most), _bounded(most))


def _flexible_gap(
    ramp: Decimal, kinds: Sequence[PowerLimit], lows: Sequence[Decimal], highs: Sequence[Decimal], extra: Decimal
) -> Decimal | None:
    least = max(ZERO, ramp - min(_with(kinds, lows, extra)))
    return least if lows == highs else _agreed(least, max(ZERO, ramp - min(_with(kinds, highs, extra))))


def _with(kinds: Sequence[PowerLimit], values: Sequence[Decimal], extra: Decimal) -> list[Decimal]:
    found = [value + extra if kind is PowerLimit.GRID else value for kind, value in zip(kinds, values, strict=True)]
    return found or [UNLIMITED]


def _agreed(one: Decimal, other: Decimal) -> Decimal | None:
    return one if one == other else None


def _bounded(value: Decimal) -> Decimal | None:
    return value if value < UNLIMITED else None


def _sum(figures: Iterable[Decimal | None]) -> Decimal | None:
    found = ZERO
    for figure in figures:
        if figure is None:
            return None
        found += figure
    return found


# -- the same by day, for many sites at once -------------------------------------------------------------------------

Kilowatts = NDArray[np.int64]
UNKNOWN_KW: Final = -1


@dataclass(frozen=True, slots=True)
class DailyBalance:
    """One row a site, one column a day, in whole kilowatts; `UNKNOWN_KW` where a figure is not known.

    `binding` has bit i set where the limit `LIMITS[i]` is as low as the lowest.
    """

    from_on: date
    ramp: Kilowatts
    usable: Kilowatts
    gap: Kilowatts
    unused: Kilowatts
    binding: NDArray[np.uint8]


LIMITS: Final = tuple(PowerLimit)


def daily(sites: Sequence[SitePower], from_on: date, until_on: date) -> DailyBalance:
    """What `balance` says, day by day. Raises BadInput naming `until_on`."""
    check_window(from_on, until_on)
    shape = len(sites), (until_on - from_on).days + 1
    first = from_on.toordinal()
    ramp = np.zeros(shape, np.int64)
    low = np.full(shape, _kw(UNLIMITED), np.int64)
    high = low.copy()
    binding = np.zeros(shape, np.uint8)
    for row, site in enumerate(sites):
        ramp[row] = _filled(site.ramp, first, shape[1])
        lows = [_filled(limit.low, first, shape[1]) for limit in site.limits]
        for limit, values in zip(site.limits, lows, strict=True):
            np.minimum(low[row], values, out=low[row])
            best = values if limit.high is limit.low else _filled(limit.high, first, shape[1])
            np.minimum(high[row], best, out=high[row])
        for limit, values in zip(site.limits, lows, strict=True):
            binding[row] |= np.where(values == low[row], np.uint8(1 << LIMITS.index(limit.kind)), np.uint8(0))
    known = (low == high) & (low < _kw(UNLIMITED))
    gaps = np.maximum(ramp - low, 0), np.maximum(ramp - high, 0)
    left = np.maximum(low - ramp, 0), np.maximum(high - ramp, 0)
    return DailyBalance(
        from_on=from_on,
        ramp=ramp,
        usable=np.where(known, low, UNKNOWN_KW),
        gap=np.where(gaps[0] == gaps[1], gaps[0], UNKNOWN_KW),
        unused=np.where(left[0] == left[1], left[0], UNKNOWN_KW),
        binding=binding,
    )


def _kw(mw: Decimal) -> int:
    return int(mw * 1000)


def _filled(curve: Curve, first: int, days: int) -> Kilowatts:
    starts = [0, *(min(max(day.toordinal() - first, 0), days) for day in curve.days), days]
    values = [0, *(_kw(value) for _, value in curve.steps)]
    return np.repeat(np.array(values, np.int64), np.diff(starts))
