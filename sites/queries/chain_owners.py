"""Whose a chain is: of a gate, an agreement, a grid connection or its works."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sites.models import Chain, Gate

_OWNERS: Final = (
    "gate__site", "gate__phase", "gate__block", "agreement", "grid_connection__site", "network_works__connection__site",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChainOwner:
    """`kind` is that of the chain, `key` its owner's, `label` what a reader calls the owner."""

    kind: str
    key: UUID
    label: str


def owners(chain_ids: Collection[UUID]) -> dict[UUID, ChainOwner]:
    """By the key of the chain. One query; none where no chain is named."""
    rows = Chain.objects.filter(pk__in=chain_ids).select_related(*_OWNERS) if chain_ids else ()
    return {row.pk: _owner(row) for row in rows}


def _owner(row: Chain) -> ChainOwner:
    found: Any = getattr(row, row.kind)  # each kind of owner points to its chain under the name of its kind
    label = f"{(found.block or found.phase or found.site).code} {found}" if isinstance(found, Gate) else str(found)
    return ChainOwner(row.kind, found.pk, label)
