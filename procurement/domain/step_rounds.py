"""Submittals come back and factory tests fail: which steps go in rounds, and what a round may come out as."""

from collections.abc import Mapping
from typing import Final

from sites.vocabulary import MilestoneCode, Party, RoundResult

RESULTS: Final[Mapping[str, tuple[RoundResult, ...]]] = {
    MilestoneCode.SUBMITTAL_APPROVED: (
        RoundResult.APPROVED,
        RoundResult.APPROVED_AS_NOTED,
        RoundResult.REVISE_AND_RESUBMIT,
        RoundResult.REJECTED,
    ),
    MilestoneCode.FAT_PASS: (RoundResult.PASSED, RoundResult.FAILED),
}
ACCEPTED: Final = frozenset({RoundResult.APPROVED, RoundResult.APPROVED_AS_NOTED, RoundResult.PASSED})


def whose_turn(code: str, result: str) -> Party:
    """Where nobody says otherwise: the owner reviews what was submitted, all else is for the vendor to do."""
    return Party.OWNER if code == MilestoneCode.SUBMITTAL_APPROVED and not result else Party.VENDOR
