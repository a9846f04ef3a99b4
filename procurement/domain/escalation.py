"""Who hears of an urgent alert that nobody answers, and after how many working days."""

from dataclasses import dataclass
from typing import Final

from procurement.vocabulary import Lane
from sites.accounts.permissions import Role
from sites.vocabulary import ScopeKind


@dataclass(frozen=True, slots=True)
class Step:
    """After so many working days of the person told first: whoever holds one of the roles in one of the scopes, the
    first scope that names somebody. No role: the role that the rule tells first.
    """

    working_days: int
    roles: tuple[Role, ...]
    scopes: tuple[ScopeKind, ...]


LADDER: Final[tuple[Step, ...]] = (
    Step(1, (Role.SITE_LEAD,), (ScopeKind.SITE, ScopeKind.DESK)),
    Step(2, (), (ScopeKind.PORTFOLIO, ScopeKind.DESK)),
)
# Without a commitment of their own, whoever acknowledged is asked again when no new promise has come by then.
PROMISE_EXPECTED_WORKING_DAYS: Final = 5


def next_step(taken: int, lane: Lane) -> Step | None:
    """None where the ladder ends; what can wait for the digest never escalates."""
    if lane != Lane.URGENT or taken >= len(LADDER):
        return None
    return LADDER[taken]


def days_before(taken: int) -> int:
    """After how many working days the last step was taken; 0 where none was."""
    return LADDER[taken - 1].working_days if taken else 0
