"""Periods of a balance by quarter, and those of several sites side by side."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sites.domain.power_balance import Period, Totals, cut, totals
from sites.domain.power_curve import ZERO
from sites.vocabulary import PowerLimit


@dataclass(frozen=True, slots=True)
class Span:
    """A quarter or a year inside a window, as in `2027-Q3` or `2027`; the first and last may be cut short."""

    name: str
    from_on: date
    until_on: date


def quarters(from_on: date, until_on: date) -> tuple[Span, ...]:
    found = []
    day = from_on
    while day <= until_on:
        number = (day.month - 1) // 3 + 1
        last = min(_quarter_end(day.year, number), until_on)
        found.append(Span(f"{day.year}-Q{number}", day, last))
        day = last + timedelta(days=1)
    return tuple(found)


def years(from_on: date, until_on: date) -> tuple[Span, ...]:
    return tuple(
        Span(str(year), max(from_on, date(year, 1, 1)), min(until_on, date(year, 12, 31)))
        for year in range(from_on.year, until_on.year + 1)
    )


def _quarter_end(year: int, number: int) -> date:
    return date(year, 12, 31) if number == 4 else date(year, number * 3 + 1, 1) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BindingDays:
    """On how many days of a span a limit was the lowest, and on how many of them it left a gap."""

    kind: PowerLimit
    days: int
    gap_days: int


@dataclass(frozen=True, slots=True)
class Quarter:
    """`binding` from the limit that binds longest; `ramp_mw` and `usable_mw` are those of the last day."""

    span: Span
    binding: tuple[BindingDays, ...]
    ramp_mw: Decimal
    usable_mw: Decimal | None
    totals: Totals


def by_quarter(periods: Sequence[Period]) -> tuple[Quarter, ...]:
    if not periods:
        return ()
    found = []
    for span in quarters(periods[0].from_on, periods[-1].until_on):
        rows = cut(periods, span.from_on, span.until_on)
        days: Counter[PowerLimit] = Counter()
        gaps: Counter[PowerLimit] = Counter()
        for row in rows:
            for kind in row.binding:
                days[kind] += row.days
                gaps[kind] += row.days if row.binds else 0
        order = sorted(days, key=lambda kind: (-gaps[kind], -days[kind], list(PowerLimit).index(kind)))
        binding = tuple(BindingDays(kind, days[kind], gaps[kind]) for kind in order)
        found.append(Quarter(span, binding, rows[-1].ramp_mw, rows[-1].usable_mw, totals(rows)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Together:
    """Several sites in one period. Sums are None where one of them is not known; a gap here is not filled by
    megawatts left over there. `held_down` names the sites with a gap and what binds each.
    """

    from_on: date
    until_on: date
    ramp_mw: Decimal
    usable_mw: Decimal | None
    gap_mw: Decimal | None
    unused_mw: Decimal | None
    held_down: tuple[tuple[str, tuple[PowerLimit, ...]], ...]

    @property
    def days(self) -> int:
        return (self.until_on - self.from_on).days + 1


def together(balances: Mapping[str, Sequence[Period]]) -> tuple[Together, ...]:
    """All over the same window; none where there is no site."""
    starts = sorted({row.from_on for rows in balances.values() for row in rows})
    last = max((rows[-1].until_on for rows in balances.values() if rows), default=None)
    if last is None:
        return ()
    found: list[Together] = []
    places = dict.fromkeys(balances, 0)
    ends = [*(day - timedelta(days=1) for day in starts[1:]), last]
    for start, end in zip(starts, ends, strict=True):
        now = {}
        for site, rows in balances.items():
            while rows[places[site]].until_on < start:
                places[site] += 1
            now[site] = rows[places[site]]
        found.append(
            Together(
                from_on=start,
                until_on=end,
                ramp_mw=sum((row.ramp_mw for row in now.values()), ZERO),
                usable_mw=_sum(row.usable_mw for row in now.values()),
                gap_mw=_sum(row.gap_mw for row in now.values()),
                unused_mw=_sum(row.unused_mw for row in now.values()),
                held_down=tuple((site, row.binding) for site, row in sorted(now.items()) if row.binds),
            )
        )
    return tuple(found)


def _sum(figures: Iterable[Decimal | None]) -> Decimal | None:
    found = ZERO
    for figure in figures:
        if figure is None:
            return None
        found += figure
    return found
