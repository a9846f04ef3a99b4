"""Who answers for a move of a date where nobody was named."""

from collections.abc import Mapping
from typing import Final

from sites.vocabulary import Party, ReasonCode

_PARTY_OF_REASON: Final[Mapping[str, Party]] = {
    ReasonCode.DESIGN_CHANGE: Party.OWNER,
    ReasonCode.LATE_APPROVAL: Party.OWNER,
    ReasonCode.OWNER_INFORMATION: Party.OWNER,
    ReasonCode.PAYMENT: Party.OWNER,
    ReasonCode.SUB_SUPPLIER: Party.VENDOR,
    ReasonCode.CAPACITY: Party.VENDOR,
    ReasonCode.QUALITY_FAIL: Party.VENDOR,
    ReasonCode.TEST_FAIL: Party.VENDOR,
    ReasonCode.LOGISTICS: Party.CARRIER,
    ReasonCode.CUSTOMS: Party.CUSTOMS,
    ReasonCode.SITE_NOT_READY: Party.SITE,
    ReasonCode.POWER_NOT_READY: Party.SITE,
}


def party_of_reason(reason_code: str) -> Party | None:
    """Who usually answers for a reason; None where it says nothing (force majeure, data error, not stated)."""
    return _PARTY_OF_REASON.get(reason_code)


def answers_for(reason_code: str, own: Party) -> Party:
    """Who usually answers for the reason, else the party whose step it is (`own`)."""
    return party_of_reason(reason_code) or own
