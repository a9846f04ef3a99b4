"""Forecasts again from days in the past, with only what was known then, and compares them with what happened.

The origins roll over the past a month apart, the last one a horizon ago. From each, the lines are forecast that were
open then and due within the horizon by the plain forward pass. Durations, calendars and the steps of a chain are those
of today; locks are left out, for their release leaves no trace in the tables.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np
from django.utils.translation import gettext as _

from procurement.domain.reference_classes import Library, Profiles
from procurement.domain.scoring import LEVELS, Forecasts, by_lead
from procurement.models import Backtest
from procurement.queries import facts, odds
from procurement.services import histories
from procurement.services.probabilities import SEED
from sites.domain.calendar_arrays import NO_DAY, Days, number_of
from sites.domain.errors import BadInput
from sites.domain.probability import TRIALS, References, simulate
from sites.domain.schedule_arrays import HAPPENED, ChainTable, Wide, answer
from sites.models import Site
from sites.queries.chain_arrays import chain_table
from sites.queries.chains import working_calendars
from sites.queries.columns import Keys

LONGEST_HORIZON: Final = 730
BETWEEN_ORIGINS: Final = timedelta(days=30)
FURTHEST_BACK: Final = timedelta(days=730)
# Lines by how far ahead they were due: (from, up to but without) days.
LEADS: Final = {"0-30": (0, 30), "30-90": (30, 90), "90-180": (90, 180), "180+": (180, 10_000)}


@dataclass(frozen=True, slots=True)
class _World:
    """The lots of one site and what became of them."""

    site: Site
    chains: Keys
    keys: Wide
    profiles: Profiles
    arrived_on: Days


def run(*, horizon: int, today: date, trials: int = TRIALS, seed: int = SEED) -> Backtest:
    """Write how good forecasts of the past were. Raises BadInput naming `horizon`."""
    if not 1 <= horizon <= LONGEST_HORIZON:
        raise BadInput(_("A horizon is 1 to %(most)s days.") % {"most": LONGEST_HORIZON}, field="horizon")
    worlds = list(_worlds(today))
    origins = list(_origins(today, horizon))
    parts = [part for origin in origins for part in _seen_from(origin, worlds, horizon, today, trials, seed)]
    seen = _together(parts)
    return Backtest.objects.create(
        as_of=today,
        horizon_days=horizon,
        trials=trials,
        seed=seed,
        origins=len(origins),
        forecasts=len(seen.arrived_on),
        scores=[asdict(each) for each in by_lead(seen, LEADS)],
    )


def _origins(today: date, horizon: int) -> Iterator[date]:
    origin = today - timedelta(days=horizon)
    while origin > today - FURTHEST_BACK:
        yield origin
        origin -= BETWEEN_ORIGINS


def _worlds(today: date) -> Iterator[_World]:
    for site in Site.objects.order_by("pk"):
        lots = facts.lots_of(site.pk)
        if not len(lots.key):
            continue
        stored = chain_table(lots.chain, as_of=today, site_calendar=site.calendar_id, calendars=working_calendars)
        there = stored.wanted_place
        table = stored.table
        profiles = odds.makers_of(lots.key).profiles
        yield _World(
            site,
            stored.key,
            odds.numbers(lots.key[there]),
            Profiles(profiles.equipment_class[there], profiles.company[there], profiles.plant[there]),
            table.actual[table.anchor, np.arange(table.chains)],
        )


def _seen_from(
    origin: date, worlds: list[_World], horizon: int, today: date, trials: int, seed: int
) -> Iterator[Forecasts]:
    evening = datetime.combine(origin, time.max, UTC)
    tables = [
        chain_table(
            world.chains, as_of=origin, site_calendar=world.site.calendar_id, calendars=working_calendars,
            known_at=evening,
        ).table
        for world in worlds
    ]  # fmt: skip
    seen = histories.known((table, world.profiles) for table, world in zip(tables, worlds, strict=True))
    library = Library(seen, odds.stand_ins())
    for table, world in zip(tables, worlds, strict=True):
        yield _forecast(table, world, library, origin, horizon, today, trials, seed)


def _forecast(
    table: ChainTable, world: _World, library: Library, origin: date, horizon: int, today: date, trials: int, seed: int
) -> Forecasts:
    answers = answer(table)
    at = np.arange(table.chains)
    is_ordered = (table.actual != NO_DAY).any(axis=0)
    is_open = ~np.isin(answers.driver[table.anchor, at], HAPPENED)
    lead = answers.on_site - number_of(origin)
    which = np.flatnonzero(is_ordered & is_open & (lead <= horizon))
    vendors = np.where(world.profiles.company == odds.NOBODY, world.keys, world.profiles.company)
    futures = simulate(
        answers,
        References(
            library.quantiles,
            library.carried,
            library.of_durations(answers, world.profiles),
            library.of_promises(answers, world.profiles),
        ),
        keys=world.keys.tolist(),
        vendors=vendors.tolist(),
        seed=seed,
        trials=trials,
        which=which,
    )
    ordered = np.sort(futures.on_site, axis=1)
    places = [int(np.ceil(level * trials)) - 1 for level in LEVELS]
    row = answers.promise[table.anchor, at][which]
    counts_on = np.append(table.ledger.counts_on, NO_DAY).astype(np.int32)[row]
    return Forecasts(
        ours=ordered[:, places],
        promised_on=counts_on,
        forward_on=answers.on_site[which],
        arrived_on=world.arrived_on[which],
        known_until=np.full(len(which), number_of(today), np.int32),
        lead_days=lead[which],
    )


def _together(parts: list[Forecasts]) -> Forecasts:
    empty = Forecasts(np.zeros((0, len(LEVELS)), np.int32), *(np.zeros(0, np.int32),) * 5)
    every = [empty, *parts]
    return Forecasts(
        *(np.concatenate([getattr(each, name) for each in every]) for name in Forecasts.__dataclass_fields__)
    )
