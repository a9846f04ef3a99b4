"""Whose days a slip is: the slip of a chain up to a step, shared out among the parties so that it adds up exactly."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from sites.vocabulary import Party, ReasonCode

# Legs on which the goods are on the way, and the terms under which the seller answers for them up to the named place.
_CARRIAGE: Final = frozenset({"PICKED_UP", "DEPARTED", "ARRIVED_PORT", "AT_STORAGE", "CALLED_OFF", "ON_SITE"})
_SELLER_DELIVERS: Final = frozenset({"DAP", "DPU", "DDP"})
_AFTER_ARRIVAL: Final = frozenset({"RECEIVED_OK", "SET", "ENERGISED", "SAT_PASS", "L3", "L4", "L5_IST", "TURNED_OVER"})


def party_of_step(code: str, stored: Party, incoterm: str) -> Party:
    """Who owns a step: as the chain says. Where it names only the vendor, the delivery term moves the way's legs.

    Under DAP, DPU and DDP the seller answers for carriage, under DDP for import as well; under every other term, and
    an unknown one, the carrier has the goods and customs clears them. What follows the arrival is the site's.
    """
    if stored is not Party.VENDOR:
        return stored
    if code == "IMPORT_CLEARED":
        return Party.VENDOR if incoterm == "DDP" else Party.CUSTOMS
    if code == "EXPORT_CLEARED":
        return Party.CUSTOMS if incoterm == "EXW" else Party.VENDOR
    if code in _CARRIAGE:
        return Party.VENDOR if incoterm in _SELLER_DELIVERS else Party.CARRIER
    return Party.SITE if code in _AFTER_ARRIVAL else Party.VENDOR


@dataclass(frozen=True, slots=True)
class Move:
    """A promise that moved the date of its step, with what was said about it. Above zero is later."""

    days: int
    party: Party
    reason_code: str = ReasonCode.NOT_STATED


@dataclass(frozen=True, slots=True)
class StepDates:
    """A step of a chain: agreed, and done or expected. A step without either date is passed over: its days show in the
    next one that has both. `moves` in the order in which they were stated.
    """

    code: str
    owner: Party
    baseline_on: date | None
    stands_on: date | None
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """Days of a slip; below zero they were won back. `reason_code` is empty where no promise moved them."""

    code: str
    party: Party
    days: int
    reason_code: str = ""


def attribute(steps: Iterable[StepDates], until: str) -> tuple[Share, ...]:
    """The slip of the step `until`, by step, party and reason; the days sum to it exactly. Empty where it has none.

    A step answers for what it adds to the slip of the step before. What it adds goes to the parties its moves name,
    the latest move first and no more than was added: a date moved because an earlier step was late is not counted
    twice. The rest, and all that is won back, is the step owner's.
    """
    shares: list[Share] = []
    slip = 0
    known = False
    for step in steps:
        if step.baseline_on is not None and step.stands_on is not None:
            now = (step.stands_on - step.baseline_on).days
            shares += _shares(step, now - slip)
            slip, known = now, True
        if step.code == until:
            return tuple(shares) if known and step.baseline_on is not None and step.stands_on is not None else ()
    return ()


def _shares(step: StepDates, added: int) -> Iterable[Share]:
    left = added
    for move in reversed(step.moves):
        if left <= 0:
            break
        if move.days <= 0:
            continue
        taken = min(move.days, left)
        left -= taken
        yield Share(step.code, move.party, taken, move.reason_code)
    if left:
        yield Share(step.code, step.owner, left)


def by_party(shares: Iterable[Share]) -> dict[Party, int]:
    """Every party, also with none."""
    days = dict.fromkeys(Party, 0)
    for share in shares:
        days[share.party] += share.days
    return days


def by_reason(shares: Iterable[Share]) -> dict[tuple[Party, str], int]:
    """By party and reason code, the most days first; an empty reason is no promise's but the step's itself."""
    days: dict[tuple[Party, str], int] = defaultdict(int)
    for share in shares:
        days[share.party, share.reason_code] += share.days
    return dict(sorted(days.items(), key=lambda item: (-item[1], item[0])))
