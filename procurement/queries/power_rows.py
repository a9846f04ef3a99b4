"""What is stored about the power of sites: as it is, or as it stood at the end of a past day, removed rows included."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Model

from procurement.models import RedundancyGroup
from procurement.queries.known import history_then
from sites.domain.agreement_state import BINDING
from sites.models import (
    Block,
    DamagesBand,
    DelayDamages,
    Gate,
    GridCapacityStep,
    GridConnection,
    LoadStep,
    Phase,
    PowerPurchaseAgreement,
    PpaShare,
    PpaShareStep,
    Site,
    SpotPrice,
)
from sites.vocabulary import GateKind

_Kept = TypeVar("_Kept", bound=Model)
_BINDING = {state.value for state in BINDING}


@dataclass(frozen=True, slots=True)
class PowerRows:
    """`shares` are those of agreements that bind, with their agreement; `depends` the sites that need them. `groups`
    are the codes of the groups by site and discipline.
    """

    depends: frozenset[UUID]
    connections: Sequence[GridConnection]
    capacity: Sequence[GridCapacityStep]
    gates: Sequence[Gate]
    shares: Sequence[PpaShare]
    share_steps: Sequence[PpaShareStep]
    damages: Sequence[DelayDamages]
    bands: Sequence[DamagesBand]
    spot_prices: Sequence[SpotPrice]
    loads: Sequence[LoadStep]
    blocks: Sequence[Block]
    groups: Mapping[tuple[UUID, str], frozenset[str]]


def read(sites: Sequence[Site], ends_at: datetime | None) -> PowerRows:
    """Thirteen queries. `ends_at` is the first instant after the past day; None: as it is now."""
    keys = [site.pk for site in sites]
    connections = _rows(GridConnection, ends_at, site__in=keys)
    shares = _shares(keys, ends_at)
    agreements = {share.agreement_id for share in shares}
    clauses = _rows(DelayDamages, ends_at, agreement__in=agreements)
    return PowerRows(
        depends=_depending(sites, ends_at),
        connections=sorted(connections, key=lambda row: row.name),
        capacity=sorted(
            _rows(GridCapacityStep, ends_at, "works", connection__in=[row.pk for row in connections]),
            key=lambda step: step.number,
        ),
        gates=_rows(Gate, ends_at, site__in=keys, kind=GateKind.ENERGISED),
        shares=shares,
        share_steps=_rows(PpaShareStep, ends_at, share__in=[share.pk for share in shares]),
        damages=clauses,
        bands=_rows(DamagesBand, ends_at, damages__in=[clause.pk for clause in clauses]),
        spot_prices=sorted(_rows(SpotPrice, ends_at, site__in=keys), key=lambda row: row.from_on),
        loads=_rows(LoadStep, ends_at, site__in=keys),
        blocks=_blocks(keys, ends_at),
        groups=_groups(keys, ends_at),
    )


def _rows(model: type[_Kept], ends_at: datetime | None, *related: str, **chosen: Any) -> list[_Kept]:
    """One query. Keys are chosen as `id__in`: the history has keys of its own."""
    if ends_at is None:
        rows = model._default_manager.filter(**chosen)
        return list(rows.select_related(*related) if related else rows)
    return [_as_row(model, event, related) for event in history_then(model, ends_at, *related, **chosen)]


def _as_row(model: type[_Kept], event: Any, related: Iterable[str]) -> _Kept:
    names = [field.attname for field in model._meta.concrete_fields if hasattr(event, field.attname)]
    row = model.from_db(None, names, [getattr(event, name) for name in names])
    for name in related:
        setattr(row, name, getattr(event, name))
    return row


def _groups(site_ids: Sequence[UUID], ends_at: datetime | None) -> Mapping[tuple[UUID, str], frozenset[str]]:
    """A site has hundreds, so the database puts them together."""
    found: dict[tuple[UUID, str], frozenset[str]] = defaultdict(frozenset)
    if ends_at is None:
        named = RedundancyGroup.objects.filter(site__in=site_ids).values_list("site", "equipment_class__discipline")
        for site, discipline, codes in named.annotate(codes=ArrayAgg("code")):
            found[site, discipline] = frozenset(codes)
    else:
        for row in _rows(RedundancyGroup, ends_at, "equipment_class", site__in=site_ids):
            found[row.site_id, row.equipment_class.discipline] |= {row.code}
    return found


def _depending(sites: Sequence[Site], ends_at: datetime | None) -> frozenset[UUID]:
    rows = sites if ends_at is None else _rows(Site, ends_at, id__in=[site.pk for site in sites])
    return frozenset(row.pk for row in rows if row.depends_on_contracted_supply)


def _shares(site_ids: Sequence[UUID], ends_at: datetime | None) -> list[PpaShare]:
    shares = _rows(PpaShare, ends_at, site__in=site_ids)
    found = _rows(PowerPurchaseAgreement, ends_at, id__in={share.agreement_id for share in shares})
    agreements = {row.pk: row for row in found if row.state in _BINDING}
    kept = [share for share in shares if share.agreement_id in agreements]
    for share in kept:
        share.agreement = agreements[share.agreement_id]
    return sorted(kept, key=lambda row: (row.agreement.code, row.from_on or date.max, row.pk))


def _blocks(site_ids: Sequence[UUID], ends_at: datetime | None) -> list[Block]:
    phases = {row.pk: row for row in _rows(Phase, ends_at, site__in=site_ids)}
    blocks = _rows(Block, ends_at, phase__in=phases)
    for block in blocks:
        block.phase = phases[block.phase_id]
    return sorted(blocks, key=lambda row: (row.phase.code, row.code))
