"""How much of an agreement a reader may know: all of it, all but the money, or their own share of it."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.models import PowerPurchaseAgreement, PpaShare
from sites.queries.access import can, sites_where
from sites.queries.agreements import document_of, record_of

# What anybody may know whose site it supplies, whoever else it supplies.
OF_A_SHARE: Final = (
    "format", "code", "name", "state", "seller", "project", "technology", "country", "structure", "settlement_market",
    "settlement_zone", "certificate", "target_cod_on", "guaranteed_cod_on", "long_stop_on",
)  # fmt: skip
MONEY: Final = (
    "price", "price_floor", "price_cap", "escalation_percent", "indexed_share_percent", "settlement_floor",
    "buy_down_terms", "delay_damages", "credit_support",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sight:
    """`is_whole`: every site it supplies is in sight. `amounts` and `may_write` need the right at all of them."""

    is_whole: bool
    amounts: bool
    may_write: bool


def sights(actor: User, keys: Collection[UUID]) -> dict[UUID, Sight]:
    """For agreements that the actor may see at all. Seven queries."""
    supplied: dict[UUID, set[UUID]] = defaultdict(set)
    for agreement_id, site_id in PpaShare.objects.filter(agreement__in=keys).values_list("agreement_id", "site_id"):
        supplied[agreement_id].add(site_id)
    allowed = {
        permission: (can(actor, permission, site_id=None), sites_where(actor, permission))
        for permission in (Permission.SITE_VIEW, Permission.AMOUNTS_VIEW, Permission.POWER_WRITE)
    }

    def everywhere(key: UUID, permission: Permission) -> bool:
        portfolio, sites = allowed[permission]
        return portfolio or (bool(supplied[key]) and supplied[key] <= sites)

    found = {}
    for key in keys:
        whole = everywhere(key, Permission.SITE_VIEW)
        found[key] = Sight(
            is_whole=whole,
            amounts=whole and everywhere(key, Permission.AMOUNTS_VIEW),
            may_write=whole and everywhere(key, Permission.POWER_WRITE),
        )
    return found


def sight(actor: User, agreement: PowerPurchaseAgreement) -> Sight:
    return sights(actor, [agreement.pk])[agreement.pk]


def document(actor: User, agreement: PowerPurchaseAgreement, seen: Sight) -> dict[str, Any]:
    """The published record, narrowed to what the reader may know. Only a whole one with its money can be read back."""
    found = document_of(record_of(agreement))
    if not seen.is_whole:
        mine = set(PpaShare.objects.visible_to(actor).filter(agreement=agreement).values_list("site__code", flat=True))
        shares = [share for share in found.get("shares", []) if share["site"] in mine]
        return {name: found[name] for name in OF_A_SHARE if name in found} | {"shares": shares}
    if not seen.amounts:
        return {name: value for name, value in found.items() if name not in MONEY}
    return found


def fingerprint(found: dict[str, Any]) -> str:
    """The same for the same record: the tag by which a writer says which one they read."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
