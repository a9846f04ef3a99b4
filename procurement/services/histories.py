"""Learns once a day how long steps took and how promises were kept, for every reference class with enough of it."""

from collections.abc import Iterator
from datetime import date, datetime

from django.db import transaction

from procurement.domain.reference_classes import (
    NO_LANDMARK,
    History,
    Observations,
    Profiles,
    durations,
    histories,
    promises,
    together,
)
from procurement.models import StepHistory
from procurement.queries import facts, odds
from procurement.vocabulary import HistoryKind
from sites.domain.schedule_arrays import ChainTable
from sites.models import Site
from sites.queries.chain_arrays import chain_table
from sites.queries.chains import working_calendars

_BATCH = 1000


def is_learnt(as_of: date) -> bool:
    return StepHistory.objects.filter(as_of__gte=as_of).exists()


@transaction.atomic
def learn(*, as_of: date) -> int:
    """Replace what is known by what is known now; how many reference classes have a history."""
    names = odds.names()
    rows = [
        StepHistory(
            as_of=as_of,
            kind=kind,
            level=level,
            code=code,
            landmark=None if landmark == NO_LANDMARK else landmark,
            carried=round(each.carried * odds.PER_MILLE),
            equipment_class_id=names.get(equipment_class),
            company_id=names.get(company),
            plant_id=names.get(plant),
            sample=each.sample,
            quantiles=[round(float(share) * odds.PER_MILLE) for share in each.quantiles],
        )
        for each in known(tables(as_of))
        for kind, level, code, landmark, equipment_class, company, plant in [each.reference]
    ]
    StepHistory.objects.all().delete()
    StepHistory.objects.bulk_create(rows, batch_size=_BATCH)
    return len(rows)


def tables(as_of: date, known_at: datetime | None = None) -> Iterator[tuple[ChainTable, Profiles]]:
    """The lots of every site with their profiles, a site at a time; as known at an instant, where one is given."""
    for site in Site.objects.order_by("pk"):
        lots = facts.lots_of(site.pk)
        if not len(lots.key):
            continue
        stored = chain_table(
            lots.chain, as_of=as_of, site_calendar=site.calendar_id, calendars=working_calendars, known_at=known_at
        )
        profiles = odds.makers_of(lots.key).profiles
        there = stored.wanted_place
        yield (
            stored.table,
            Profiles(profiles.equipment_class[there], profiles.company[there], profiles.plant[there]),
        )


def known(found: Iterator[tuple[ChainTable, Profiles]]) -> Iterator[History]:
    seen: dict[HistoryKind, list[Observations]] = {HistoryKind.DURATION: [], HistoryKind.PROMISE: []}
    for table, profiles in found:
        seen[HistoryKind.DURATION].append(durations(table, profiles))
        seen[HistoryKind.PROMISE].append(promises(table, profiles))
    for kind, parts in seen.items():
        if parts:
            yield from histories(kind, together(parts))
