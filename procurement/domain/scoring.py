"""What a forecast of the past was worth: how often it held, and how far off it was.

The pinball loss of a quantile is tau times the days that the outcome came later, or (1 - tau) times the days that it
came sooner; its mean is least for the true quantile. Source: Koenker and Bassett, Regression Quantiles, 1978.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sites.domain.calendar_arrays import NO_DAY, Days, Flags

LEVELS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
HEADLINE: Final = (0.5, 0.8)


@dataclass(frozen=True, slots=True)
class Forecasts:
    """A row is one line seen from one day in the past. `ours` are our quantiles at LEVELS, (rows, levels).

    `promised_on` is NO_DAY where the vendor had said nothing. `arrived_on` is NO_DAY for what has not arrived yet;
    `known_until` is the day up to which that is known.
    """

    ours: Days
    promised_on: Days
    forward_on: Days
    arrived_on: Days
    known_until: Days
    lead_days: Days


@dataclass(frozen=True, slots=True)
class Score:
    """Shares are of the rows whose outcome is known well enough; losses are mean days. None without such rows.

    Losses are over the rows in which all three can be compared: arrived, and with a promise.
    """

    name: str
    forecasts: int
    undecided: int
    coverage: tuple[float | None, ...]
    compared: int
    loss_ours: tuple[float | None, ...]
    loss_promise: tuple[float | None, ...]
    loss_forward: tuple[float | None, ...]


def pinball(tau: float, said_on: Days, arrived_on: Days) -> NDArray[np.float64]:
    later = (arrived_on - said_on).astype(np.float64)
    return np.maximum(tau * later, (tau - 1) * later)


def score(name: str, seen: Forecasts, rows: Flags) -> Score:
    """Coverage at each of LEVELS, and the losses at HEADLINE."""
    arrived = rows & (seen.arrived_on != NO_DAY)
    coverage: list[float | None] = []
    undecided = 0
    for place, _ in enumerate(LEVELS):
        said = seen.ours[:, place]
        # What has not arrived is a miss once its day is over, and says nothing before.
        missed = rows & ~arrived & (seen.known_until > said)
        held = arrived & (seen.arrived_on <= said)
        decided = int(arrived.sum() + missed.sum())
        undecided = max(undecided, int(rows.sum()) - decided)
        coverage.append(held.sum() / decided if decided else None)
    compared = arrived & (seen.promised_on != NO_DAY)

    def losses(of: Callable[[int], Days]) -> tuple[float | None, ...]:
        if not compared.any():
            return (None,) * len(HEADLINE)
        return tuple(
            float(pinball(tau, of(LEVELS.index(tau))[compared], seen.arrived_on[compared]).mean()) for tau in HEADLINE
        )

    return Score(
        name=name,
        forecasts=int(rows.sum()),
        undecided=undecided,
        coverage=tuple(None if each is None else float(each) for each in coverage),
        compared=int(compared.sum()),
        loss_ours=losses(lambda place: seen.ours[:, place]),
        loss_promise=losses(lambda _: seen.promised_on),
        loss_forward=losses(lambda _: seen.forward_on),
    )


def by_lead(seen: Forecasts, bounds: Mapping[str, tuple[int, int]]) -> tuple[Score, ...]:
    """Everything, then what lay so many days ahead (from, and up to but without)."""
    everything = np.ones(len(seen.arrived_on), np.bool_)
    parts = [score("all", seen, everything)]
    for name, (first, last) in bounds.items():
        parts.append(score(name, seen, (seen.lead_days >= first) & (seen.lead_days < last)))
    return tuple(parts)
