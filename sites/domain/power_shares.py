"""What the shares of a site cost while load and supply do not meet: before COD, before the load, and through delay.

The load that is really served is divided among the shares: those that deliver first, in the order in which they began,
then those still to come, by key. What a coming share would have covered is bought on the spot market; what a
delivering share offers and nobody takes is unused, and paid for below the minimum take. None is not known, never zero.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from sites.domain.power_balance import Period
from sites.domain.power_curve import ZERO, Curve, edges, window
from sites.domain.power_money import (
    HOURS,
    Damages,
    DamagesTerms,
    PriceTerms,
    damages,
    minimum_take_short_mwh,
    price_per_mwh,
    rounded,
)


@dataclass(frozen=True, slots=True)
class DelayTerms:
    """`due_on` and `event_on` None: not known. Days of delay are those of the event after the due date."""

    terms: DamagesTerms
    due_on: date | None
    event_on: date | None


@dataclass(frozen=True, slots=True)
class SpotTerms:
    """Price of one MWh by day; a day before the first step has none."""

    prices: tuple[tuple[date, Decimal], ...]
    currency: str
    source: str

    def at(self, day: date) -> Decimal | None:
        return next((price for since, price in reversed(self.prices) if since <= day), None)


@dataclass(frozen=True, slots=True)
class Share:
    """`mw` is what is contracted for the site on a day, whether or not the plant is there yet.

    `cod_on` None: no date. `from_on`, `until_on` and `ends_on` (term and tail) bound it, None where they do not.
    `load_factor` None: the volume is not known. `part` is the share's part of the whole agreement.
    """

    key: str
    mw: Curve
    currency: str
    price: PriceTerms
    cod_on: date | None
    from_on: date | None = None
    until_on: date | None = None
    ends_on: date | None = None
    load_factor: Decimal | None = None
    minimum_take_percent: Decimal | None = None
    part: Decimal = Decimal(1)
    spot: SpotTerms | None = None
    receivable: DelayTerms | None = None
    payable: DelayTerms | None = None

    @property
    def starts_on(self) -> date | None:
        """The first day it delivers."""
        if self.cod_on is None:
            return None
        return max(self.cod_on, self.from_on) if self.from_on else self.cod_on

    @property
    def last_on(self) -> date | None:
        return min((day for day in (self.until_on, self.ends_on) if day is not None), default=None)

    def delivered(self) -> Curve:
        """Nothing where COD has no date."""
        starts_on = self.starts_on
        return window(self.mw, starts_on, self.last_on) if starts_on else Curve()

    def planned(self) -> Curve:
        """As if the plant were there from the first day on which it is wanted."""
        return window(self.mw, self.from_on or date.min, self.until_on)


@dataclass(frozen=True, slots=True)
class Delay:
    """`amount` is that of the whole delay, `in_window` the part that accrues inside the window."""

    due_on: date
    event_on: date
    days: int
    whole: Damages
    in_window: Decimal


@dataclass(slots=True)
class ShareCost:
    """Over one window. Energy in MWh, money in `currency`; spot money only where the spot price is in it too.

    `exposed`: the load came before COD. `unused`: COD came before the load, or the load does not reach the share.
    `tail` is the part of the unused megawatts, and of what the minimum take costs, from before there is any load: it is
    contained in them, never on top.
    """

    key: str
    currency: str
    exposed_mw_days: Decimal | None = ZERO
    exposed_mwh: Decimal | None = ZERO
    spot_cost: Decimal | None = ZERO
    spot_over_contract: Decimal | None = ZERO
    unused_mw_days: Decimal | None = ZERO
    minimum_take_mwh: Decimal | None = ZERO
    minimum_take_cost: Decimal | None = ZERO
    tail_mw_days: Decimal | None = ZERO
    tail_cost: Decimal | None = ZERO
    receivable: Delay | None = None
    payable: Delay | None = None
    unknown: set[str] = field(default_factory=set)

    def lose(self, why: str, *names: str) -> None:
        self.unknown.add(why)
        for name in names:
            setattr(self, name, None)


@dataclass(frozen=True, slots=True)
class Twice:
    """From a day to a day, both included, a share delivers `mw` that no load of those days or later ones would take
    beside the earlier shares.
    """

    from_on: date
    until_on: date
    mw: Decimal


def contracted_twice(shares: Sequence[Share], ramp: Curve, from_on: date, until_on: date) -> dict[str, list[Twice]]:
    """By key, for those that deliver beside an earlier one. The load of a day counts as high as it will yet be: what is
    bought ahead of a growing load is unused, not twice; days without any load are the tail's.
    """
    delivered = {share.key: share.delivered() for share in shares}
    order = sorted(shares, key=lambda share: (share.starts_on or date.max, share.key))
    starts = edges([ramp, *delivered.values()], from_on, until_on)
    ends = [*(day - timedelta(days=1) for day in starts[1:]), until_on]
    found: dict[str, list[Twice]] = {}
    for start, end in zip(starts, ends, strict=True):
        load, before = max([ramp.at(start), *(mw for day, mw in ramp.steps if day > start)]), ZERO
        for share in order:
            now = delivered[share.key].at(start)
            over = min(now, before + now - load)
            if before > 0 and ramp.at(start) > 0 and over > 0:
                _prolong(found.setdefault(share.key, []), Twice(start, end, over))
            before += now
    return found


def _prolong(rows: list[Twice], more: Twice) -> None:
    if rows and rows[-1].mw == more.mw and rows[-1].until_on + timedelta(days=1) == more.from_on:
        more = Twice(rows.pop().from_on, more.until_on, more.mw)
    rows.append(more)


_ALL = (
    "exposed_mw_days", "exposed_mwh", "spot_cost", "spot_over_contract", "unused_mw_days", "minimum_take_mwh",
    "minimum_take_cost", "tail_mw_days", "tail_cost",
)  # fmt: skip


def cost(shares: Sequence[Share], periods: Sequence[Period]) -> tuple[ShareCost, ...]:
    """In the order of the shares. `periods` are the balance of the site over the window."""
    found = {share.key: ShareCost(share.key, share.currency) for share in shares}
    delivered = {share.key: share.delivered() for share in shares}
    planned = {share.key: share.planned() for share in shares}
    by_start = sorted(shares, key=lambda share: (share.starts_on or date.max, share.key))
    by_key = sorted(shares, key=lambda share: share.key)
    had_load = False
    for start, end, period in _segments(shares, [*delivered.values(), *planned.values()], periods):
        days = (end - start).days + 1
        had_load = had_load or period.ramp_mw > 0
        left = None if period.gap_mw is None else period.ramp_mw - period.gap_mw
        for share in by_start:
            now = delivered[share.key].at(start)
            if now > 0:
                left = _delivering(share, found[share.key], now, left, start, days, had_load)
        for share in by_key:
            later = planned[share.key].at(start)
            if delivered[share.key].at(start) == 0 and later > 0 and not _is_over(share, start):
                left = _coming(share, found[share.key], later, left, start, days)
    if periods:
        for share in shares:
            mine = found[share.key]
            mine.receivable = _delay(share, share.receivable, periods)
            mine.payable = _delay(share, share.payable, periods)
    return tuple(found[share.key] for share in shares)


def _is_over(share: Share, day: date) -> bool:
    return share.last_on is not None and day > share.last_on


def _segments(
    shares: Iterable[Share], curves: Iterable[Curve], periods: Sequence[Period]
) -> Iterable[tuple[date, date, Period]]:
    if not periods:
        return
    first, last = periods[0].from_on, periods[-1].until_on
    days = {day for curve in curves for day in curve.days}
    for share in shares:
        days |= {day for day, _ in share.spot.prices} if share.spot else set()
        if share.price.base_on is not None:
            days |= {_anniversary(share.price.base_on, year) for year in range(first.year, last.year + 1)}
    inside = sorted(day for day in days if first < day <= last)
    for period in periods:
        starts = [period.from_on, *(day for day in inside if period.from_on < day <= period.until_on)]
        ends = [*(day - timedelta(days=1) for day in starts[1:]), period.until_on]
        for start, end in zip(starts, ends, strict=True):
            yield start, end, period


def _anniversary(base_on: date, year: int) -> date:
    """A base on 29 February turns on 1 March, as the whole years of the price do."""
    try:
        return base_on.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def _delivering(
    share: Share, mine: ShareCost, mw: Decimal, left: Decimal | None, start: date, days: int, had_load: bool
) -> Decimal | None:
    """What of the load is left for the next share."""
    if left is None:
        mine.lose("load", *_ALL)
        return None
    taken = min(mw, left)
    unused = (mw - taken) * days
    mine.unused_mw_days = _plus(mine.unused_mw_days, unused)
    if not had_load:
        mine.tail_mw_days = _plus(mine.tail_mw_days, unused)
    if share.minimum_take_percent is None or taken == mw:
        return left - taken
    if share.load_factor is None:
        mine.lose("volume", "minimum_take_mwh", "minimum_take_cost", *([] if had_load else ["tail_cost"]))
        return left - taken
    volume = mw * HOURS * share.load_factor * days
    short = minimum_take_short_mwh(
        mw=mw,
        factor=share.load_factor,
        minimum_percent=share.minimum_take_percent,
        taken_mwh=min(volume, taken * HOURS * days),
        days=days,
    )
    price = price_per_mwh(share.price, start)
    mine.minimum_take_mwh = _plus(mine.minimum_take_mwh, short)
    if short > 0 and price is None:
        mine.lose("price", "minimum_take_cost", *([] if had_load else ["tail_cost"]))
    elif price is not None:
        mine.minimum_take_cost = _plus(mine.minimum_take_cost, rounded(short * price))
        if not had_load:
            mine.tail_cost = _plus(mine.tail_cost, rounded(short * price))
    return left - taken


def _coming(share: Share, mine: ShareCost, mw: Decimal, left: Decimal | None, start: date, days: int) -> Decimal | None:
    if left is None:
        mine.lose("load", *_ALL)
        return None
    exposed = min(mw, left)
    if exposed == 0:
        return left
    mine.exposed_mw_days = _plus(mine.exposed_mw_days, exposed * days)
    if share.load_factor is None:
        mine.lose("volume", "exposed_mwh", "spot_cost", "spot_over_contract")
        return left - exposed
    energy = min(mw * share.load_factor, exposed) * HOURS * days
    mine.exposed_mwh = _plus(mine.exposed_mwh, energy)
    spot = share.spot.at(start) if share.spot and share.spot.currency == share.currency else None
    price = price_per_mwh(share.price, start)
    if spot is None:
        mine.lose("spot_price", "spot_cost", "spot_over_contract")
        return left - exposed
    mine.spot_cost = _plus(mine.spot_cost, rounded(energy * spot))
    if price is None:
        mine.lose("price", "spot_over_contract")
    else:
        mine.spot_over_contract = _plus(mine.spot_over_contract, rounded(energy * (spot - price)))
    return left - exposed


def _plus(known: Decimal | None, more: Decimal) -> Decimal | None:
    return None if known is None else known + more


def _delay(share: Share, delay: DelayTerms | None, periods: Sequence[Period]) -> Delay | None:
    """None where there is no clause or a date is not known; zero days where nothing is late."""
    if delay is None or delay.due_on is None or delay.event_on is None:
        return None
    mw = share.mw.at(max(delay.due_on, share.from_on or delay.due_on))
    due_on, event_on = delay.due_on, delay.event_on

    def until(day: date) -> Damages:
        return damages(delay.terms, (min(day, event_on) - due_on).days, mw, share=share.part)

    before = until(periods[0].from_on - timedelta(days=1))
    return Delay(
        due_on=due_on,
        event_on=event_on,
        days=max(0, (event_on - due_on).days),
        whole=until(event_on),
        in_window=until(periods[-1].until_on).amount - before.amount,
    )
