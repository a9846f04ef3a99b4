"""Samples the futures of lots and blocks and keeps what changed: all of a site in its whole run, else what is due.

No request samples. It only says which lots and blocks have other dates now; a worker draws those after the commit.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np
from django.db import InterfaceError, OperationalError, connection, transaction

from procurement.domain.reference_classes import Library, Profiles
from procurement.gateways import wake
from procurement.models import BlockProbability, DueDraw, ForecastRun, LotProbability
from procurement.queries import odds
from procurement.services.copying import Plain, copy_in
from procurement.services.single import mine_to_commit, wait_to_commit
from procurement.services.site_answers import SiteWork
from procurement.vocabulary import HistoryKind
from sites.domain import capacity
from sites.domain.calendar_arrays import NO_DAY, Days, Flags, day_of, number_of, over_years
from sites.domain.probability import Futures, References, chance_by, nth_of, percentiles, simulate
from sites.domain.schedule_arrays import HAPPENED, ChainAnswers, Wide, last_step
from sites.models import Site
from sites.queries.among import as_array
from sites.queries.columns import NO_KEY, as_list, found_in, keys_of, read, uuids
from sites.vocabulary import BlockPolicy

logger = logging.getLogger(__name__)

SEED: Final = 1
_STEPS_NAMED = 3
_LEAST_SHARE = 0.01
_PERCENT = 100
_NAMES = 200

_LOT_COLUMNS = (
    "run_id", "as_of", "current", "lot_id", "required_on_site", "p50_on", "p80_on", "p95_on", "on_time_percent",
    "spread",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sampled:
    """Futures of some chains of `answers`; `row` is the place of a chain among them, -1 for one that has happened."""

    answers: ChainAnswers
    futures: Futures
    row: Wide
    of_duration: Wide
    of_promise: Wide


# -- what is due -----------------------------------------------------------------------------------------------------

_ASK = """
WITH of_lots AS (
    INSERT INTO procurement_duedraw (site_id, run_id, lot_id)
    SELECT %(site)s, %(run)s, key FROM unnest(%(lots)s::uuid[]) key ORDER BY key
    ON CONFLICT (lot_id) DO UPDATE SET run_id = excluded.run_id
)
INSERT INTO procurement_duedraw (site_id, run_id, block_id)
SELECT %(site)s, %(run)s, key FROM unnest(%(blocks)s::uuid[]) key ORDER BY key
ON CONFLICT (block_id) DO UPDATE SET run_id = excluded.run_id
"""


def make_due(work: SiteWork, run: ForecastRun) -> None:
    """What the run found with other dates: its percentiles are not shown until a worker has drawn them."""
    touched, news = work.touched, work.news
    assert touched is not None
    gone = touched.lots - set(uuids(work.lots.key))
    over = set(uuids(work.lots.key[_is_over(work.lot_answers)])) & news.dated
    if gone or over:
        LotProbability.objects.filter(current=True, lot__in=gone | over).update(current=False)
    lots = news.dated - over
    blocks = work.blocks if news.dated or news.units_moved or news.blocks or touched.blocks else ()
    if lots or blocks:
        with connection.cursor() as cursor:
            named = {"lots": as_array(lots), "blocks": as_array(blocks)}
            cursor.execute(_ASK, {"site": work.site.pk, "run": run.pk, **named})
        wake.draw_after_commit()


def due_before(site_id: UUID) -> dict[UUID, UUID]:
    """What is due at a site and the run that asked last, for a whole run to read before all else. From here to the
    commit nobody else draws there.
    """
    wait_to_commit(_name(site_id))
    return dict(DueDraw.objects.filter(site=site_id).values_list("pk", "run"))


def draw_due() -> int:
    """Draw what is due, a transaction a site; at how many sites. Where somebody is at it, that one does it. A site that
    fails stays due and does not stop the others.
    """
    drawn = 0
    for site in Site.objects.filter(due_draws__isnull=False).distinct().order_by("pk"):
        try:
            drawn += _draw(site)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("The futures of %s were not drawn.", site.code)
    return drawn


@transaction.atomic
def _draw(site: Site) -> bool:
    if not mine_to_commit(_name(site.pk)):
        return False
    # Before the facts are read: what changes after it is due again, by another run.
    rows = list(DueDraw.objects.filter(site=site).order_by("pk"))
    if not rows:
        return False
    run = ForecastRun.objects.filter(pk__in={row.run_id for row in rows}).order_by("-created_at", "-pk")[0]
    lots = {row.lot_id for row in rows if row.lot_id}
    work = SiteWork.as_stored(site, run.as_of, lots, {row.block_id for row in rows if row.block_id})
    asked = found_in(keys_of(lots), work.lots.key)
    _sample(work, run, asked[asked >= 0])
    gone = lots - set(uuids(work.lots.key))
    LotProbability.objects.filter(current=True, lot__in=gone).update(current=False)
    _settle({row.pk: row.run_id for row in rows})
    return True


def _settle(due: Mapping[UUID, UUID]) -> None:
    """These have been drawn, but what a later run has asked for again; a row that somebody holds is such a one."""
    held = DueDraw.objects.filter(pk__in=list(due)).select_for_update(skip_locked=True).values_list("pk", "run")
    DueDraw.objects.filter(pk__in=[key for key, run in held if run == due[key]]).delete()


def _name(site_id: UUID) -> str:
    return f"draw:{site_id}"


# -- sampling --------------------------------------------------------------------------------------------------------


def sample(work: SiteWork, run: ForecastRun, due: Mapping[UUID, UUID]) -> None:
    """All of a whole run, which settles what was `due` before it."""
    _sample(work, run, np.arange(len(work.lots.key)))
    others = LotProbability.objects.filter(current=True, lot__schedule_line__site=work.site)
    others.exclude(lot__in=uuids(work.lots.key)).update(current=False)
    _settle(due)


def _sample(work: SiteWork, run: ForecastRun, asked: Wide) -> None:
    """The lots `asked` (places in `work`) and the blocks, with the seed and the number of trials of the run."""
    seed, trials = run.seed, run.trials
    of_lots = odds.makers_of(work.lots.key)
    unordered = work.answers.as_if_ordered
    of_nobody = odds.classes_of(work.requirements.key[work.answers.column >= 0])
    profiles, of_unordered = of_lots.profiles, of_nobody.profiles
    library = odds.library([of_lots, of_nobody])
    lots = _sampled(work.lot_answers, profiles, odds.numbers(work.lots.key), library, seed, trials)
    _store_lots(work, run, lots, asked, library)
    if work.blocks:
        place = np.flatnonzero(work.answers.column >= 0)
        keys = odds.numbers(work.requirements.key[place])
        # A block asks for the members of its groups alone.
        asked_for = work.requirements.group[place] != NO_KEY
        spare = (
            _sampled(unordered, of_unordered, keys, library, seed, trials, among=asked_for)
            if unordered is not None
            else None
        )
        _store_blocks(work, run, _Units(work, lots, spare, trials))


def _sampled(
    answers: ChainAnswers,
    profiles: Profiles,
    keys: Wide,
    library: Library,
    seed: int,
    trials: int,
    *,
    among: Flags | None = None,
) -> _Sampled:
    """Of the chains that are not over, or of those `among` them."""
    table = answers.table
    of_duration, of_promise = library.of_durations(answers, profiles), library.of_promises(answers, profiles)
    is_over = np.isin(answers.driver[last_step(table), np.arange(table.chains)], HAPPENED)
    which = np.flatnonzero(~is_over if among is None else ~is_over & among)
    vendors = np.where(profiles.company == odds.NOBODY, keys, profiles.company)
    futures = simulate(
        answers,
        References(library.quantiles, library.carried, of_duration, of_promise),
        keys=keys.tolist(),
        vendors=vendors.tolist(),
        seed=seed,
        trials=trials,
        which=which,
    )
    row = np.full(table.chains, -1, np.int64)
    row[which] = np.arange(len(which))
    return _Sampled(answers, futures, row, of_duration, of_promise)


# -- lots ------------------------------------------------------------------------------------------------------------


def _is_over(answers: ChainAnswers) -> Flags:
    at = np.arange(answers.table.chains)
    over: Flags = np.isin(answers.driver[answers.table.anchor, at], HAPPENED)
    return over


def _store_lots(work: SiteWork, run: ForecastRun, lots: _Sampled, asked: Wide, library: Library) -> None:
    answers = lots.answers
    chains = asked[~_is_over(answers)[asked]]
    found, ordered = percentiles(lots.futures.on_site[lots.row[chains]])
    required_on = answers.required_on[chains]
    on_time = np.where(required_on == NO_DAY, -1, np.rint(chance_by(ordered, required_on) * _PERCENT)).astype(np.int32)
    columns = (required_on, found.p50, found.p80, found.p95, on_time)
    keys = work.lots.key[chains]
    before = read(
        {
            "lot": ("key", "f.lot_id"), "key": ("key", "f.id"), "required_on": ("day", "f.required_on_site"),
            "p50": ("day", "f.p50_on"), "p80": ("day", "f.p80_on"), "p95": ("day", "f.p95_on"),
            "on_time": ("int", "f.on_time_percent"),
        },
        "FROM procurement_lotprobability f WHERE f.current AND f.lot_id = ANY(%(lots)s::uuid[]) ORDER BY f.lot_id",
        {"lots": as_list(work.lots.key[asked])},
    )  # fmt: skip
    old = found_in(keys, before["lot"])
    was = [before[name] for name in ("required_on", "p50", "p80", "p95", "on_time")]
    same = old >= 0
    for now, then in zip(columns, was, strict=True):
        same &= np.append(then, 0)[old] == now
    changed = np.flatnonzero(~same)
    over = found_in(before["lot"], keys) < 0
    retired = [*uuids(before["key"][old[changed][old[changed] >= 0]]), *uuids(before["key"][over])]
    LotProbability.objects.filter(pk__in=retired).update(current=False)
    head = (str(run.pk), run.as_of.isoformat(), True)

    def rows() -> Iterator[tuple[Plain, ...]]:
        for key, n in zip(uuids(keys[changed]), changed.tolist(), strict=True):
            ros, p50, p80, p95, percent = (int(column[n]) for column in columns)
            yield (
                *head, str(key), day_of(ros), day_of(p50), day_of(p80), day_of(p95), percent if ros != NO_DAY else None,
                _spread(lots, int(chains[n]), library),
            )  # fmt: skip

    if len(changed):
        copy_in(LotProbability, _LOT_COLUMNS, rows())


def _spread(lots: _Sampled, chain: int, library: Library) -> str:
    """The steps that bring most of the variance, and what their durations were drawn from."""
    table = lots.answers.table
    shares = lots.futures.shares[:, lots.row[chain]]
    named = [int(step) for step in np.argsort(-shares, kind="stable")[:_STEPS_NAMED] if shares[step] >= _LEAST_SHARE]
    entries = []
    for step in named:
        is_promised = lots.answers.promise[step, chain] >= 0
        kind = HistoryKind.PROMISE if is_promised else HistoryKind.DURATION
        row = int((lots.of_promise if is_promised else lots.of_duration)[step, chain])
        entries.append(
            f'{{"code":"{table.codes[table.code[step, chain]]}","share_percent":{round(float(shares[step]) * _PERCENT)}'
            f',"kind":"{kind.value}","level":"{library.levels[row].value}","sample":{library.samples[row]}}}'
        )
    return "[" + ",".join(entries) + "]"


# -- blocks ----------------------------------------------------------------------------------------------------------


class _Units:
    """Sampled days on which the requirements are ready, looked up as their groups are needed."""

    def __init__(self, work: SiteWork, lots: _Sampled, unordered: _Sampled | None, trials: int) -> None:
        self.work, self.lots, self.unordered, self.trials = work, lots, unordered, trials
        self.as_of = number_of(work.as_of)
        rows = work.requirements
        self.members: dict[str, list[int]] = defaultdict(list)
        for member in np.flatnonzero(rows.group != NO_KEY).tolist():
            self.members[rows.group[member].ljust(16, b"\0").hex()].append(member)
        lot = found_in(work.allocations.lot, work.lots.key)
        place = found_in(work.allocations.requirement, rows.key)
        self.lots_of: dict[int, list[int]] = defaultdict(list)
        for serving, served in zip(lot.tolist(), place.tolist(), strict=True):
            if serving >= 0 and served >= 0:
                self.lots_of[served].append(serving)
        self._of_lot: dict[tuple[int, int], Days] = {}

    def group(self, name: str) -> list[Days] | None:
        """The members' days; None where one of them has no date."""
        found = [self._unit(place) for place in self.members[name]]
        known = [each for each in found if each is not None]
        return known if len(known) == len(found) else None

    def _unit(self, place: int) -> Days | None:
        work_days = int(self.work.requirements.work_days[place])
        if self.work.answers.is_ordered[place]:
            ready = [self._ready_of_lot(lot, work_days) for lot in self.lots_of[place]]
            latest: Days = ready[0] if len(ready) == 1 else np.max(np.stack(ready), axis=0)
            return latest
        column = int(self.work.answers.column[place])
        return self._ready(self.unordered, column, work_days) if self.unordered is not None and column >= 0 else None

    def _ready_of_lot(self, lot: int, work_days: int) -> Days:
        """Once for all the units that come with it."""
        found = self._of_lot.get((lot, work_days))
        if found is None:
            found = self._of_lot[lot, work_days] = self._ready(self.lots, lot, work_days)
        return found

    def _ready(self, sampled: _Sampled, chain: int, work_days: int) -> Days:
        answers, row = sampled.answers, int(sampled.row[chain])
        last = int(last_step(answers.table)[chain])
        beyond = last != answers.table.anchor[chain]
        if row < 0:
            on = np.full(self.trials, answers.forecast[last, chain], np.int32)
            return on if beyond else self._installed(on, work_days)
        on = sampled.futures.last[row] if beyond else self._installed(sampled.futures.on_site[row], work_days)
        ready: Days = np.maximum(on, self.as_of).astype(np.int32)
        return ready

    def _installed(self, on: Days, work_days: int) -> Days:
        days, calendar = np.full((1, self.trials), work_days, np.int32), np.zeros(1, np.int32)
        moved: Days = over_years(
            (self.work.calendar,), [on], lambda tables: tables.forward_rows(on[None, :], days, calendar)
        )
        installed: Days = np.maximum(moved[0], self.as_of).astype(np.int32)
        return installed


def _store_blocks(work: SiteWork, run: ForecastRun, units: _Units) -> None:
    codes = work.group_codes
    before = {row.block_id: row for row in BlockProbability.objects.filter(current=True, block__in=work.blocks)}
    rows: list[BlockProbability] = []
    retired: list[UUID] = []
    for block in work.engine_blocks:
        key = UUID(block.id)
        if key not in work.blocks:
            continue
        row = _block(block, units, codes)
        if row is not None:
            row.run, row.block_id, row.as_of = run, key, run.as_of
        old = before.get(key)
        if row is not None and old is not None and _said(row) == _said(old):
            continue
        if old is not None:
            retired.append(old.pk)
        if row is not None:
            rows.append(row)
    BlockProbability.objects.filter(pk__in=retired).update(current=False)
    BlockProbability.objects.bulk_create(rows)


def _said(row: BlockProbability) -> tuple[object, ...]:
    return (
        row.rfs_baseline_on, row.p50_on, row.p80_on, row.p95_on, row.on_time_percent, row.unknown_because
    )  # fmt: skip


def _block(block: capacity.Block, units: _Units, codes: Mapping[UUID, str]) -> BlockProbability | None:
    """None for a block that is ready already, or whose date nothing decides."""
    if block.rfs_actual_on is not None or not (block.needs or block.schedule_rfs_on):
        return None
    sampled: list[Days] = []
    unknown: list[str] = []
    for need in block.needs:
        members = units.group(need.group)
        wanted = need.units_needed
        if members is None or len(members) < wanted:
            unknown.append(codes.get(UUID(need.group), ""))
            continue
        sampled.append(nth_of(members, wanted if block.policy == BlockPolicy.CAN_CARRY else len(members)))
    if block.schedule_rfs_on is not None:
        sampled.append(np.full(units.trials, number_of(block.schedule_rfs_on), np.int32))
    row = BlockProbability(rfs_baseline_on=block.rfs_baseline_on, unknown_because=", ".join(unknown)[:_NAMES])
    if not unknown and sampled:
        found, ordered = percentiles(np.max(np.stack(sampled), axis=0)[None, :])
        row.p50_on, row.p80_on, row.p95_on = (day_of(int(days[0])) for days in (found.p50, found.p80, found.p95))
        if block.rfs_baseline_on is not None:
            by = np.array([number_of(block.rfs_baseline_on)], np.int32)
            row.on_time_percent = round(float(chance_by(ordered, by)[0]) * _PERCENT)
    return row
