"""Many futures of many chains: the forward pass of the engine with every step still ahead stretched by a drawn share.

What a share is drawn from is the caller's: rows of quantiles, one row a reference class. With all shares one, every
trial is the forward pass itself. Nothing here reads a clock; the same seed draws the same futures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import erf, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sites.domain.calendar_arrays import LAST, NO_DAY, Days, DayTables, Flags, over_years
from sites.domain.schedule_arrays import HAPPENED, ChainAnswers, Wide

Shares = NDArray[np.float32]

# Of the variance of a step's share, what all lines of a vendor have in common. An assumption, not learnt.
COMMON_WITHIN_A_VENDOR: Final = 0.3
TRIALS: Final = 1000
POINTS: Final = 65
_FINE: Final = 1025
# A chain at a time would not fill the caches, all at once would overflow them.
_CELLS_AT_ONCE: Final = 250_000
_FURTHEST: Final = 4.5
# Days to go from which a promise is looked at anew: what still stands so near its day moves less than it did before.
LANDMARKS: Final = (14, 30, 60, 120, 240)
_BINS: Final = 4096
_NORMAL: Final = np.array(
    [0.5 * (1 + erf((n + 0.5) / _BINS * 2 * _FURTHEST / sqrt(2) - _FURTHEST / sqrt(2))) for n in range(_BINS)],
    np.float32,
)


@dataclass(frozen=True)
class References:
    """`quantiles` are shares of the plan (1: as planned), POINTS of them evenly spaced, a row a reference class.

    `carried` is, a row each, the part of a delay before it that moves a promise. `of_duration` and `of_promise` name
    the row for each step and chain.
    """

    quantiles: Shares
    carried: Shares
    of_duration: Wide
    of_promise: Wide

    @cached_property
    def fine(self) -> Shares:
        """The quantiles with more points between them, so that a draw is one look."""
        at = np.linspace(0, POINTS - 1, _FINE)
        low = np.minimum(at.astype(np.int64), POINTS - 2)
        part = (at - low).astype(np.float32)
        return (self.quantiles[:, low] * (1 - part) + self.quantiles[:, low + 1] * part).ravel()


def landmark(to_go: Days) -> Wide:
    """The place among LANDMARKS of so many days to go; behind the last one for what is further off."""
    place: Wide = np.searchsorted(LANDMARKS, to_go)
    return place


def seen_on(stated_on: Days, counts_on: Days, place: Wide | int) -> Days:
    """The day from which a promise is looked at: when it came so near, or was stated, if that was later."""
    days = np.append(LANDMARKS, 0)[place]
    day: Days = np.where(place < len(LANDMARKS), np.maximum(stated_on, counts_on - days), stated_on).astype(np.int32)
    return day


@dataclass(frozen=True, slots=True)
class Futures:
    """Arrays are (chains, trials): days at the anchor step and at the last step. `shares` are (steps, chains): the
    part of the variance at the anchor that each step brings, none of it where a step takes some back, as a lock does;
    they add up to one, or are all zero.
    """

    on_site: Days
    last: Days
    shares: Shares


def simulate(
    answers: ChainAnswers,
    references: References,
    *,
    keys: Sequence[int],
    vendors: Sequence[int],
    seed: int,
    trials: int = TRIALS,
    which: Wide | None = None,
) -> Futures:
    """Futures of every chain, or of `which`, in that order. `keys` and `vendors` are numbers that name each chain and
    whose factor it shares.
    """
    wanted = np.arange(answers.table.chains) if which is None else which
    chains = len(wanted)
    on_site, last = np.empty((chains, trials), np.int32), np.empty((chains, trials), np.int32)
    shares = np.zeros((answers.table.steps, chains), np.float32)
    common = {
        vendor: _normals(seed, vendor, 1, 1, trials)[0] for vendor in sorted({vendors[n] for n in wanted.tolist()})
    }
    at_once = max(1, _CELLS_AT_ONCE // trials)
    for first in range(0, chains, at_once):
        here = slice(first, first + at_once)
        part = wanted[here]
        run = _Run(answers, references, part, trials)
        own = _own(run, [keys[n] for n in part.tolist()], seed)
        shared = np.stack([common[vendors[n]] for n in part.tolist()])
        on_site[here], last[here], shares[:, here] = over_years(
            answers.table.calendars,
            [answers.table.as_of[part], answers.forecast[:, part]],
            lambda tables, run=run, own=own, shared=shared: run.through(tables, own, shared),  # type: ignore[misc]
        )
    return Futures(on_site, last, shares)


def _own(run: "_Run", keys: Sequence[int], seed: int) -> NDArray[np.float32]:
    """(steps, chains, trials). Drawn from the last step back, so that a step done changes no draw of the others."""
    steps = len(run.is_ahead)
    drawn = np.zeros((steps, len(keys), run.trials), np.float32)
    for column, key in enumerate(keys):
        ahead = np.flatnonzero(run.is_ahead[:, column])
        if len(ahead):
            first, last = int(ahead[0]), int(ahead[-1])
            drawn[first : last + 1, column] = _normals(seed, key, 0, last + 1 - first, run.trials)[::-1]
    return drawn


def _normals(seed: int, key: int, stream: int, rows: int, trials: int) -> NDArray[np.float32]:
    words = [(seed * 2 + stream) % 2**64, key % 2**64]
    generator = np.random.Generator(np.random.Philox(key=np.array(words, np.uint64)))
    return generator.standard_normal((rows, trials), np.float32)


def _chances(common: NDArray[np.float32], own: NDArray[np.float32]) -> Shares:
    """The normal distribution of what is shared and what is not, by a table."""
    scale = _BINS / (2 * _FURTHEST)
    bins = common * np.float32(sqrt(COMMON_WITHIN_A_VENDOR) * scale)
    bins += own * np.float32(sqrt(1 - COMMON_WITHIN_A_VENDOR) * scale)
    bins += np.float32(_FURTHEST * scale)
    chances: Shares = _NORMAL.take(bins.astype(np.int64), mode="clip")
    return chances


class _Run:
    """Some chains, one pass."""

    def __init__(self, answers: ChainAnswers, references: References, part: Wide, trials: int) -> None:
        self.answers, self.references, self.part, self.trials = answers, references, part, trials
        self.table = answers.table
        lives = (self.table.code[:, part] >= 0) & ~self.table.in_span[:, part]
        self.lives: Flags = lives
        self.is_ahead: Flags = lives & ~np.isin(answers.driver[:, part], HAPPENED)

    def through(
        self, tables: DayTables, own: NDArray[np.float32], common: NDArray[np.float32]
    ) -> tuple[Days, Days, Shares]:
        count = len(self.part)
        before = np.full((count, self.trials), NO_DAY, np.int32)
        on_site = np.zeros((count, self.trials), np.int32)
        grown: dict[int, NDArray[np.float32]] = {}
        anchor = self.table.anchor[self.part]
        for step in range(self.table.steps):
            done = self.lives[step] & ~self.is_ahead[step]
            on = before.copy()
            on[done] = self.answers.forecast[step, self.part[done]][:, None]
            ahead = np.flatnonzero(self.is_ahead[step])
            if len(ahead):
                chance = _chances(common[ahead], own[step, ahead])
                on[ahead] = self._step(tables, step, ahead, before[ahead], chance)
                counts = (step <= anchor[ahead])[:, None] & (before[ahead] != NO_DAY)
                grown[step] = np.zeros((count, self.trials), np.float32)
                grown[step][ahead] = (on[ahead] - before[ahead]) * counts
            before = on
            at = anchor == step
            on_site[at] = on[at]
        return on_site, before, self._shares(on_site, grown)

    def _step(self, tables: DayTables, step: int, rows: Wide, before: Days, chance: Shares) -> Days:
        """Rules 3 to 7 of the forward pass; a lock is taken as it stands."""
        table, part = self.table, self.part[rows]
        lock = table.locked[step, part]
        row = self.answers.promise[step, part]
        as_of = table.as_of[part][:, None]
        is_first = before[:, :1] == NO_DAY
        promised = (lock == NO_DAY) & (row >= 0)
        lasts = (lock == NO_DAY) & (row < 0) & ~is_first[:, 0]
        on = np.broadcast_to(self.answers.forecast[step, part][:, None], before.shape).copy()
        on[lock != NO_DAY] = lock[lock != NO_DAY][:, None]
        if promised.any():
            on[promised] = self._promised(step, part[promised], before[promised], chance[promised])
        if lasts.any():
            on[lasts] = self._after(tables, step, part[lasts], before[lasts], chance[lasts])
        on = np.where(is_first, on, np.maximum(on, before))
        placed: Days = np.minimum(np.maximum(on, as_of), LAST).astype(np.int32)
        return placed

    def _promised(self, step: int, part: Wide, before: Days, chance: Shares) -> Days:
        """What is left of it since it came so near, stretched; then moved by what the steps before are late in this
        trial, as far as such delays were carried on.
        """
        ledger, row = self.table.ledger, self.references.of_promise[step, part]
        promise = self.answers.promise[step, part]
        as_of, counts_on, relied_on = self.table.as_of[part], ledger.counts_on[promise], ledger.conditional_on[promise]
        since = seen_on(ledger.stated_on[promise], counts_on, landmark(counts_on - as_of))
        left = np.maximum(counts_on - since, 0)
        base, carried = counts_on - left, self.references.carried[row]
        moved_now = self.answers.shift[step, part] * carried
        share = self._shares_of(row, chance, (as_of - 1 - base - moved_now) / np.maximum(left, 1))
        relies = (relied_on != NO_DAY)[:, None] & (before != NO_DAY)
        late = np.where(relies, np.maximum(before - relied_on[:, None], 0), 0)
        moved: Days = (base[:, None] + np.rint(left[:, None] * share + late * carried[:, None])).astype(np.int32)
        return moved

    def _after(self, tables: DayTables, step: int, part: Wide, before: Days, chance: Shares) -> Days:
        """The planned duration, stretched; of a step that runs already, only what is longer than it has run."""
        table = self.table
        days, working, calendar = table.duration[step, part], table.working[step, part], table.calendar[step, part]
        since = self.answers.previous[step, part]
        is_running = np.isin(self._driver_before(step, part), HAPPENED)
        planned = tables.forward(since, days, working, calendar) - since
        elapsed = np.where(is_running, (table.as_of[part] - 1 - since) / np.maximum(planned, 1), -1.0)
        share = self._shares_of(self.references.of_duration[step, part], chance, elapsed)
        drawn = np.rint(days[:, None] * share).astype(np.int32)
        on: Days = before + drawn
        if working.any():
            on[working] = tables.forward_rows(before[working], drawn[working], calendar[working])
        return on

    def _driver_before(self, step: int, part: Wide) -> NDArray[np.int8]:
        """Of the nearest living step before; not one of HAPPENED where there is none."""
        found = np.full(len(part), -1, np.int8)
        lives = (self.table.code[:, part] >= 0) & ~self.table.in_span[:, part]
        for earlier in range(step):
            found = np.where(lives[earlier], self.answers.driver[earlier, part], found)
        return found

    def _shares_of(self, row: Wide, chance: Shares, passed: NDArray[np.float64]) -> Shares:
        """Drawn shares, given that the share is more than `passed`."""
        quantiles = self.references.quantiles
        mine = quantiles[row]
        below = (mine <= passed[:, None]).sum(axis=1)
        low = np.clip(below - 1, 0, POINTS - 2)
        at = np.arange(len(row))
        gap = mine[at, low + 1] - mine[at, low]
        within = np.where(gap > 0, (passed - mine[at, low]) / np.where(gap > 0, gap, 1), 0)
        start = np.where(below == 0, 0, np.where(below == POINTS, 1, (low + np.clip(within, 0, 1)) / (POINTS - 1)))
        start = start.astype(np.float32)[:, None] * np.float32(_FINE - 1)
        place = chance * (np.float32(_FINE - 1) - start)
        place += start
        index = place.astype(np.int64)
        index += (row * _FINE)[:, None]
        share: Shares = self.references.fine.take(index)
        return share

    def _shares(self, on_site: Days, grown: dict[int, NDArray[np.float32]]) -> Shares:
        """cov(what a step adds, the day at the anchor), of the sum of those above zero."""
        shares = np.zeros((self.table.steps, len(self.part)), np.float32)
        centred = (on_site - on_site.mean(axis=1, keepdims=True)).astype(np.float32)
        for step, added in grown.items():
            shares[step] = np.maximum(np.einsum("ct,ct->c", added, centred), 0)
        whole = shares.sum(axis=0)
        shares /= np.where(whole > 0, whole, 1)
        return shares


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Days at which half, four fifths and nineteen twentieths of the trials are there; ordered."""

    p50: Days
    p80: Days
    p95: Days


def percentiles(sampled: Days) -> tuple[Percentiles, Days]:
    """Nearest rank over (rows, trials), and the sampled days in order."""
    ordered = np.sort(sampled, axis=1)
    at = [int(np.ceil(share * ordered.shape[1])) - 1 for share in (0.5, 0.8, 0.95)]
    return Percentiles(*(ordered[:, place] for place in at)), ordered


def chance_by(ordered: Days, day: Days) -> NDArray[np.float64]:
    """The share of trials on or before each row's day."""
    share: NDArray[np.float64] = (ordered <= day[:, None]).mean(axis=1)
    return share


def nth_of(units: Sequence[Days], n: int) -> Days:
    """The n-th unit to be ready, trial by trial; `units` are (trials,) each and at least n."""
    found: Days = np.partition(np.stack(units), n - 1, axis=0)[n - 1]
    return found


def quantiles_of(values: NDArray[np.float64]) -> Iterator[float]:
    """POINTS of them, evenly spaced from the least to the greatest."""
    return iter(np.quantile(values, np.linspace(0, 1, POINTS)).tolist())
