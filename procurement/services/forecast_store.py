"""Keeps the answers of a calculation that differ from the current ones; the earlier rows stay as history.

An answer is compared by its fingerprint, so that only what changed is ever written out as a row.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import numpy as np
from django.db import connection, models

from procurement.models import BlockForecast, ChainForecast, ForecastRun, LotForecast, RequirementForecast
from procurement.queries import facts as reading
from procurement.queries.facts import NO_FIGURE, Answers
from procurement.services import log_rows
from procurement.services.copying import Plain, copy_in, update_each
from procurement.services.site_answers import SiteWork, line_of, steps_json
from sites.domain import capacity, fingerprint
from sites.domain.calendar_arrays import NO_DAY, Days, day_of, over_years
from sites.domain.schedule import ChainAnswer, ChainFacts, StepAnswer
from sites.domain.schedule_arrays import (
    DRIVERS,
    HAPPENED,
    ON_THE_STEP_BEFORE,
    ChainAnswers,
    Wide,
    flags_of,
)
from sites.models import Block
from sites.queries.chain_owners import owners
from sites.queries.columns import NO_KEY, Keys, as_list, found_in, padded, uuids
from sites.vocabulary import Driver, DurationBasis

_BATCH = 2000
_CHAIN = "chain"
_HAPPENED = {Driver.ACTUAL, Driver.IMPLIED}
_NOT_AN_ANSWER = {"id", "created_at", "run", "run_id", "current", "as_of"}
_BASES = (DurationBasis.CALENDAR.value, DurationBasis.WORKING.value)
_FIGURES = {"recovers_mw_days": "numeric", "costs_mw_days": "numeric"}


@dataclass(frozen=True, slots=True)
class Moved:
    """One shown date before and after; null where there was or is none. `label` is what a reader calls the subject."""

    kind: str
    key: UUID
    label: str
    before_on: date | None
    after_on: date | None


def named(moved: Sequence[Moved]) -> tuple[Moved, ...]:
    """With their labels, in one query a kind; in the place of a chain, whose it is."""
    keys: dict[str, list[UUID]] = defaultdict(list)
    for each in moved:
        keys[each.kind].append(each.key)
    owner_of = owners(keys.pop(_CHAIN, ()))
    labels = {kind: _LABELS[kind](found) for kind, found in keys.items()}
    return tuple(
        replace(each, kind=owner.kind, key=owner.key, label=owner.label)
        if each.kind == _CHAIN and (owner := owner_of[each.key])
        else replace(each, label=labels[each.kind].get(each.key, ""))
        for each in moved
    )


_LABELS: Mapping[str, Callable[[Sequence[UUID]], dict[UUID, str]]] = {
    "lot": reading.labels_of_lots,
    "requirement": reading.tags_of,
    "block": lambda keys: dict(Block.objects.filter(pk__in=keys).values_list("pk", "code")),
}


def store(work: SiteWork, run: ForecastRun) -> tuple[Moved, ...]:
    """Write what changed, as of a run that the caller writes once it knows how much that was."""
    moved = [*_store_lots(work, run), *_store_requirements(work, run), *_store_blocks(work, run)]
    moved += store_chains(run, work.chains)
    _store_figures(work)
    _retire_cancelled(work)
    return tuple(moved)


# -- lots ------------------------------------------------------------------------------------------------------------

_LOT_COLUMNS = (
    "run_id", "as_of", "current", "lot_id", "required_on_site", "forecast_on", "float_days", "float_working_days",
    "contract_forecast_on", "slip_days", "promised_on", "delivered_on", "driver_code", "driver", "next_code", "next_on",
    "recovers_mw_days", "costs_mw_days", "steps", "fingerprint",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _LotColumns:
    """What a lot's row says besides its steps; `cause` and `ahead` are steps of its chain, -1 for none."""

    contract_on: Days
    slip: Days
    promised_on: Days
    delivered_on: Days
    cause: Days
    ahead: Days


def _store_lots(work: SiteWork, run: ForecastRun) -> list[Moved]:
    chains = work.lot_answers
    columns = _lot_columns(work)
    figures = [work.figures.get(key.hex()) for key in padded(work.lots.schedule_line)]
    recovers, costs = _thousandths(figures)
    print_of = _fingerprints(
        chains, [columns.contract_on, columns.slip, columns.promised_on, columns.delivered_on, columns.cause]
    )
    before = reading.current_lot_answers(work.lots.key)
    changed, old = _changed(work.lots.key, print_of, recovers, costs, before)
    work.news.dated.update(uuids(work.lots.key[_dated(changed, old, print_of, before)]))
    head = (str(run.pk), run.as_of.isoformat(), True)
    texts = steps_texts(chains, changed)

    def rows() -> Iterator[tuple[Plain, ...]]:
        codes = chains.table.codes
        for key, place, steps in zip(uuids(work.lots.key[changed]), changed.tolist(), texts, strict=True):
            cause, ahead = int(columns.cause[place]), int(columns.ahead[place])
            figure = figures[place]
            yield (
                *head, str(key), day_of(int(chains.required_on[place])), day_of(int(chains.on_site[place])),
                _number(chains.float_days[place]), _number(chains.float_working_days[place]),
                day_of(int(columns.contract_on[place])), _number(columns.slip[place]),
                day_of(int(columns.promised_on[place])), day_of(int(columns.delivered_on[place])),
                codes[chains.table.code[cause, place]], DRIVERS[chains.driver[cause, place]].value,
                codes[chains.table.code[ahead, place]] if ahead >= 0 else "",
                day_of(int(chains.forecast[ahead, place])) if ahead >= 0 else None,
                figure.recovers_mw_days if figure else None, figure.costs_mw_days if figure else None,
                steps, int(print_of[place]),
            )  # fmt: skip

    if len(changed):
        log_rows.rest()
        _retire(LotForecast, before.key[old[old >= 0]])
        copy_in(LotForecast, _LOT_COLUMNS, rows())
        log_rows.refresh(np.unique(work.lots.schedule_line[changed]))
    return _moved("lot", work.lots.key, changed, chains.on_site, before, old)


def _lot_columns(work: SiteWork) -> _LotColumns:
    chains, table = work.lot_answers, work.lot_answers.table
    at = np.arange(table.chains)
    hashes = work.stored_chains.code_hash
    number = found_in(work.lots.contract_step, hashes)
    is_contract = (table.code == number) & (table.code >= 0)
    contract = np.where(is_contract.any(axis=0), is_contract.argmax(axis=0), -1).astype(np.int32)
    contract_on = chains.at(contract, chains.forecast)
    row = np.where(contract >= 0, chains.promise[np.maximum(contract, 0), at], -1)
    counts_on = np.append(table.ledger.counts_on, NO_DAY).astype(np.int32)
    has_happened = np.isin(chains.driver, HAPPENED)
    ahead = (table.code >= 0) & ~has_happened & (chains.forecast != NO_DAY)
    return _LotColumns(
        contract_on=contract_on,
        slip=chains.minus(contract_on, chains.at(contract, table.baseline)),
        promised_on=counts_on[row],
        delivered_on=np.where(has_happened[table.anchor, at], chains.on_site, NO_DAY).astype(np.int32),
        cause=_deciding_step(chains),
        ahead=np.where(ahead.any(axis=0), ahead.argmax(axis=0), -1).astype(np.int32),
    )


def _deciding_step(chains: ChainAnswers) -> Days:
    """The step whose own rule, not the one before it, decides the date of the anchor."""
    place, at = chains.table.anchor.copy(), np.arange(chains.table.chains)
    for _ in range(chains.table.steps):
        follows = (place > 0) & np.isin(chains.driver[place, at], ON_THE_STEP_BEFORE)
        place[follows] -= 1
    return place


# -- requirements ----------------------------------------------------------------------------------------------------

_REQUIREMENT_COLUMNS = (
    "run_id", "as_of", "current", "requirement_id", "ordered", "required_on_site", "forecast_on", "ready_on",
    "ready_at_ros_on", "schedule_line_id", "float_days", "float_working_days", "order_by_on", "recovers_mw_days",
    "costs_mw_days", "steps", "fingerprint",
)  # fmt: skip


def _store_requirements(work: SiteWork, run: ForecastRun) -> list[Moved]:
    answers, keys = work.answers, work.requirements.key
    lines = [line_of(line, key) for line, key in zip(answers.line.tolist(), padded(keys), strict=True)]
    figures = [work.figures.get(line) for line in lines]
    recovers, costs = _thousandths(figures)
    known = (work.required_on != NO_DAY) & (answers.forecast_on != NO_DAY)
    late_by, working = np.full(len(keys), NO_DAY, np.int32), np.full(len(keys), NO_DAY, np.int32)
    late_by[known] = work.required_on[known] - answers.forecast_on[known]
    span = answers.forecast_on[known], work.required_on[known]
    working[known] = over_years(
        (work.calendar,), span, lambda tables: tables.between(*span, np.zeros(len(span[0]), np.int32))
    )
    plain = [
        answers.is_ordered, work.required_on, answers.forecast_on, answers.ready_on, answers.ready_at_ros_on, working,
        answers.order_by_on, *_halves(answers.line),
    ]  # fmt: skip
    print_of = fingerprint.fold(plain, len(keys))
    unordered = answers.as_if_ordered
    if unordered is not None:
        mine = np.flatnonzero(answers.column >= 0)
        print_of[mine] ^= _fingerprints(unordered, [])[answers.column[mine]]
    before = reading.current_requirement_answers(keys)
    changed, old = _changed(keys, print_of, recovers, costs, before)
    work.news.units_moved = len(_dated(changed, old, print_of, before)) > 0
    _retire(RequirementForecast, before.key[old[old >= 0]])
    column = answers.column[changed]
    texts = iter(steps_texts(unordered, column[column >= 0])) if unordered is not None else iter(())
    head = (str(run.pk), run.as_of.isoformat(), True)

    def rows() -> Iterator[tuple[Plain, ...]]:
        for key, place in zip(uuids(keys[changed]), changed.tolist(), strict=True):
            line = answers.line[place]
            figure = figures[place]
            yield (
                *head, str(key), bool(answers.is_ordered[place]), day_of(int(work.required_on[place])),
                day_of(int(answers.forecast_on[place])), day_of(int(answers.ready_on[place])),
                day_of(int(answers.ready_at_ros_on[place])), line.ljust(16, b"\0").hex() if line != NO_KEY else None,
                _number(late_by[place]), _number(working[place]), day_of(int(answers.order_by_on[place])),
                figure.recovers_mw_days if figure else None, figure.costs_mw_days if figure else None,
                next(texts) if answers.column[place] >= 0 else "[]", int(print_of[place]),
            )  # fmt: skip

    if len(changed):
        copy_in(RequirementForecast, _REQUIREMENT_COLUMNS, rows())
    return _moved("requirement", keys, changed, answers.forecast_on, before, old)


def _halves(keys: Keys) -> tuple[Wide, Wide]:
    pairs = keys.view(np.uint8).reshape(len(keys), 2, 8).copy().view(">i8")[:, :, 0].astype(np.int64)
    return pairs[:, 0], pairs[:, 1]


# -- what has changed ------------------------------------------------------------------------------------------------


def _thousandths(figures: Sequence[capacity.LineAnswer | None]) -> tuple[Wide, Wide]:
    def of(value: Decimal | None) -> int:
        return NO_FIGURE if value is None else int(value * 1000)

    pairs = [(of(each.recovers_mw_days), of(each.costs_mw_days)) if each else (NO_FIGURE,) * 2 for each in figures]
    columns = np.array(pairs, np.int64).reshape(len(pairs), 2)
    return columns[:, 0], columns[:, 1]


def _fingerprints(chains: ChainAnswers, extra: Sequence[Days]) -> Wide:
    """Over everything `steps_texts` writes, and the extra columns."""
    table = chains.table
    codes = np.append(fingerprint.of_texts(table.codes), 0)
    calendars = fingerprint.of_texts(calendar.code for calendar in table.calendars)
    ledger = table.ledger
    promise, where = chains.promise, np.arange(table.steps)
    counts_on = np.append(ledger.counts_on, NO_DAY)[promise]
    conditional_on = np.append(ledger.conditional_on, NO_DAY)[promise]
    keys = ledger.key if ledger.key is not None else np.zeros(0, "S16")
    high, low = (np.append(half, 0)[promise] for half in _halves(keys))
    columns = [chains.required_on, chains.float_working_days, table.anchor, *extra]
    for step in where:
        lives = table.code[step] >= 0
        columns += [
            np.where(lives, each, 0)
            for each in (
                codes[table.code[step]], chains.forecast[step], chains.driver[step], chains.flags[step],
                chains.latest[step], table.baseline[step], chains.previous[step], counts_on[step], conditional_on[step],
                high[step], low[step], chains.shift[step], table.duration[step], table.working[step],
                calendars[table.calendar[step]],
            )
        ]  # fmt: skip
    return fingerprint.fold(columns, table.chains)


def _changed(keys: Keys, print_of: Wide, recovers: Wide, costs: Wide, before: Answers) -> tuple[Wide, Wide]:
    """Which answers differ from the current ones, and where each of those stands in `before` (-1: nowhere)."""
    old = found_in(keys, before.subject)
    if len(before.subject):
        same = (
            (old >= 0)
            & (before.fingerprint[old] == print_of)
            & (before.recovers[old] == recovers)
            & (before.costs[old] == costs)
        )
    else:
        same = np.zeros(len(keys), np.bool_)
    changed = np.flatnonzero(~same)
    return changed, old[changed]


def _dated(changed: Wide, old: Wide, print_of: Wide, before: Answers) -> Wide:
    """Of the changed answers those in which more than the MW-days has changed."""
    was = np.append(before.fingerprint, 0)[old]
    dated: Wide = changed[(old < 0) | (was != print_of[changed])]
    return dated


def _retire(model: type[models.Model], keys: Keys) -> None:
    if len(keys):
        update_each(model, {"current": "boolean"}, [(str(key), False) for key in uuids(keys)])


def _moved(kind: str, keys: Keys, changed: Wide, shown: Days, before: Answers, old: Wide) -> list[Moved]:
    was = np.append(before.forecast_on, NO_DAY)[old]
    differs = was != shown[changed]
    days = zip(was[differs].tolist(), shown[changed][differs].tolist(), strict=True)
    return [
        Moved(kind, key, "", day_of(before_on), day_of(after_on))
        for key, (before_on, after_on) in zip(uuids(keys[changed][differs]), days, strict=True)
    ]


def steps_texts(chains: ChainAnswers, columns: Wide) -> Iterator[str]:
    """As `steps_json`, of these chains, as text."""
    spelled = _Spelled(chains)
    for column in columns.tolist():
        yield "[" + ",".join(spelled.steps_of(column)) + "]"


class _Spelled:
    """The steps of one table as JSON; written by hand, for there are a million of them."""

    def __init__(self, chains: ChainAnswers) -> None:
        self.chains = chains
        table = chains.table
        self.codes = [json.dumps(code) for code in table.codes]
        self.calendars = [json.dumps(calendar.code) for calendar in table.calendars]
        self.ledger = table.ledger
        self.promise_ids = uuids(table.ledger.key) if table.ledger.key is not None else []
        self.day = _IsoDays()
        # In the order in which `_step` takes them.
        self.columns = (
            table.code, chains.forecast, chains.driver, chains.flags, chains.latest, table.baseline, chains.previous,
            chains.promise, chains.shift, table.duration, table.working, table.calendar,
        )  # fmt: skip

    def steps_of(self, column: int) -> Iterator[str]:
        anchor = int(self.chains.table.anchor[column])
        values = zip(*(each[:, column].tolist() for each in self.columns), strict=True)
        for place, (code, *rest) in enumerate(values):
            if code >= 0:
                head = f'{{"code":{self.codes[code]}' + (',"is_anchor":true' if place == anchor else "")
                yield ",".join(self._step(head, *rest))

    def _step(
        self, head: str, on: int, driver: int, flags: int, latest: int, baseline: int, previous: int, promise: int,
        shift: int, duration: int, working: bool, calendar: int,
    ) -> Iterator[str]:  # fmt: skip
        day = self.day
        yield head
        yield f'"driver":"{DRIVERS[driver].value}"'
        yield f'"forecast_on":"{day[on]}"' if on != NO_DAY else '"forecast_on":null'
        if on != NO_DAY:
            if latest != NO_DAY:
                yield f'"float_days":{latest - on}'
            if baseline != NO_DAY:
                yield f'"slip_days":{on - baseline}'
        if flags:
            yield f'"flags":{json.dumps([flag.value for flag in flags_of(flags)])}'
        for name, number in (("latest_on", latest), ("baseline_on", baseline), ("previous_on", previous)):
            if number != NO_DAY:
                yield f'"{name}":"{day[number]}"'
        if promise >= 0:
            yield from self._promise(promise)
        if shift:
            yield f'"shift_days":{shift}'
        if duration:
            yield f'"duration_days":{duration}'
        yield f'"basis":"{_BASES[working]}","calendar":{self.calendars[calendar]}}}'

    def _promise(self, row: int) -> Iterator[str]:
        yield f'"promise_id":"{self.promise_ids[row]}"'
        yield f'"promise_counts_on":"{self.day[int(self.ledger.counts_on[row])]}"'
        relied_on = int(self.ledger.conditional_on[row])
        if relied_on != NO_DAY:
            yield f'"conditional_on":"{self.day[relied_on]}"'


class _IsoDays(dict[int, str]):
    """Days are few and each stands in many steps."""

    def __missing__(self, number: int) -> str:
        on = day_of(number)
        assert on is not None
        text = self[number] = on.isoformat()
        return text


def _number(days: np.int32) -> int | None:
    return None if days == NO_DAY else int(days)


def _store_blocks(work: SiteWork, run: ForecastRun) -> list[Moved]:
    if not work.block_answers:
        return []
    codes, rows = work.group_codes, []
    for key, answer in work.block_answers.items():
        block = work.blocks[key]
        rows.append(block_row(run, block, answer, codes, is_in_service=block.rfs_actual_on is not None))
    before = {row.block_id: row for row in BlockForecast.objects.filter(current=True, block__in=work.block_answers)}
    changed = _changed_rows(rows, before, "block_id")
    work.news.blocks.update(row.block_id for row in changed)
    return _store("block", changed, before, "block_id", "rfs_forecast_on")


def block_row(
    run: ForecastRun, block: Block, answer: capacity.BlockAnswer, codes: Mapping[UUID, str], *, is_in_service: bool
) -> BlockForecast:
    """The answer of a run about a block, not stored yet. `codes` are those of the groups that it needs;
    `is_in_service`: it was on the day of the run.
    """
    unknown = [codes[UUID(need.group)] for need in answer.needs if need.can_carry_on is None]
    if answer.rfs_forecast_on is None:
        decided_by = ""
    elif answer.deciding_group:
        decided_by = codes[UUID(answer.deciding_group)]
    else:
        decided_by = "actual" if is_in_service else "schedule"
    return BlockForecast(
        run=run,
        block_id=block.pk,
        as_of=run.as_of,
        rfs_baseline_on=block.rfs_baseline_on,
        rfs_forecast_on=answer.rfs_forecast_on,
        can_carry_on=answer.can_carry_on,
        redundant_on=answer.redundant_on,
        decided_by=decided_by,
        unknown_because=", ".join(unknown)[:200],
        it_mw=block.it_mw,
        mw_days_at_risk=answer.mw_days_at_risk,
        groups=[
            {
                "group": codes[UUID(need.group)],
                "needed": need.units_needed,
                "units": need.units,
                "can_carry_on": _iso(need.can_carry_on),
                "redundant_on": _iso(need.redundant_on),
            }
            for need in answer.needs
        ],
    )


# -- figures of what was not calculated ------------------------------------------------------------------------------


def _store_figures(work: SiteWork) -> None:
    """What a neighbour's slip does to the figures of lots that did not move themselves.

    They are not a forecast of the lot, so they are written onto its current row.
    """
    if work.touched is None:
        return
    if not work.figures:
        return
    # Of a unit of an unordered requirement the key is the requirement's own.
    subjects = [name.removeprefix("requirement:") for name in work.figures]
    figures = list(work.figures.values())
    values = {
        "subjects": _listed(subjects),
        "recovers": _listed(each.recovers_mw_days for each in figures),
        "costs": _listed(each.costs_mw_days for each in figures),
        "known_lots": as_list(work.lots.key),
        "known_requirements": as_list(work.requirements.key),
    }
    with connection.cursor() as cursor:
        cursor.execute(_OTHERS, values)
        changed = cursor.fetchall()
    for model, news in ((LotForecast, work.news.lots), (RequirementForecast, work.news.requirements)):
        mine = [row for row in changed if row[0] == model._meta.db_table]
        update_each(model, _FIGURES, [(str(key), recovers, costs) for _of, key, _subject, recovers, costs in mine])
        news.update(subject for _of, _key, subject, *_figures in mine)


def _listed(values: Iterable[str | Decimal | None]) -> str:
    """As the text of a PostgreSQL array: the driver takes a list of decimals apart, one by one."""
    return "{" + ",".join("NULL" if each is None else str(each) for each in values) + "}"


_GIVEN = (
    "unnest(%(subjects)s::uuid[], %(recovers)s::numeric[], %(costs)s::numeric[]) AS given(subject, recovers, costs)"
)
_DIFFERS = "(f.recovers_mw_days, f.costs_mw_days) IS DISTINCT FROM (given.recovers, given.costs)"
# Of lots and requirements that were not calculated: the table, the current row, its subject and the figures it lacks.
_OTHERS = f"""
SELECT '{LotForecast._meta.db_table}', f.id, f.lot_id, given.recovers, given.costs FROM {_GIVEN}
JOIN procurement_deliverylot lot ON lot.schedule_line_id = given.subject
JOIN procurement_lotforecast f ON f.lot_id = lot.id AND f.current
WHERE lot.id <> ALL(%(known_lots)s::uuid[]) AND {_DIFFERS}
UNION ALL
SELECT '{RequirementForecast._meta.db_table}', f.id, f.requirement_id, given.recovers, given.costs FROM {_GIVEN}
JOIN procurement_requirementforecast f ON f.current
    AND (f.schedule_line_id = given.subject OR f.schedule_line_id IS NULL AND f.requirement_id = given.subject)
WHERE f.requirement_id <> ALL(%(known_requirements)s::uuid[]) AND {_DIFFERS}
"""  # noqa: S608


def _retire_cancelled(work: SiteWork) -> None:
    """Lots of cancelled lines leave the forecasts; so do cancelled requirements."""
    lots = LotForecast.objects.filter(current=True)
    requirements = RequirementForecast.objects.filter(current=True)
    here, wanted = set(uuids(work.lots.key)), set(uuids(work.requirements.key))
    if work.touched is None:
        lots.filter(lot__schedule_line__site=work.site).exclude(lot__in=here).update(current=False)
        requirements.filter(requirement__site=work.site).exclude(requirement__in=wanted).update(current=False)
        return
    if gone := work.touched.lots - here:
        lots.filter(lot__in=gone).update(current=False)
    if lost := work.touched.requirements - wanted:
        requirements.filter(requirement__in=lost).update(current=False)


# -- chains ----------------------------------------------------------------------------------------------------------


def store_chains(run: ForecastRun, answers: Mapping[UUID, tuple[ChainFacts, ChainAnswer]]) -> list[Moved]:
    if not answers:
        return []
    rows = []
    for key, (_, answer) in answers.items():
        anchor = next(step for step in answer.steps if step.code == answer.anchor_step)
        ahead = _next_step(answer.steps)
        rows.append(
            ChainForecast(
                run=run,
                chain_id=key,
                as_of=run.as_of,
                forecast_on=anchor.forecast_on,
                slip_days=anchor.slip_days,
                done_on=anchor.forecast_on if anchor.driver in _HAPPENED else None,
                next_code=ahead.code if ahead else "",
                next_on=ahead.forecast_on if ahead else None,
                steps=steps_json(answer),
            )
        )
    before = {row.chain_id: row for row in ChainForecast.objects.filter(current=True, chain__in=answers)}
    return _store(_CHAIN, _changed_rows(rows, before, "chain_id"), before, "chain_id", "forecast_on")


Stored = TypeVar("Stored", BlockForecast, ChainForecast)


def _changed_rows(rows: Sequence[Stored], before: Mapping[UUID, Stored], subject: str) -> list[Stored]:
    """The answers that differ from the current ones."""
    if not rows:
        return []
    names = [each.attname for each in rows[0]._meta.concrete_fields if each.name not in _NOT_AN_ANSWER]
    return [
        row for row in rows
        if (old := before.get(getattr(row, subject))) is None or any(getattr(row, n) != getattr(old, n) for n in names)
    ]  # fmt: skip


def _store(
    kind: str,
    changed: Sequence[Stored],
    before: Mapping[UUID, Stored],
    subject: str,
    shown: str,
) -> list[Moved]:
    """Write what has changed; the earlier rows stay as history."""
    if not changed:
        return []
    model = type(changed[0])
    replaced = [before[getattr(row, subject)].pk for row in changed if getattr(row, subject) in before]
    model._default_manager.filter(pk__in=replaced).update(current=False)
    model._default_manager.bulk_create(changed, batch_size=_BATCH)
    moved = []
    for row in changed:
        key = getattr(row, subject)
        old_on = getattr(before[key], shown) if key in before else None
        if old_on != getattr(row, shown):
            moved.append(Moved(kind, key, "", old_on, getattr(row, shown)))
    return moved


def _next_step(steps: Sequence[StepAnswer]) -> StepAnswer | None:
    return next((step for step in steps if step.driver not in _HAPPENED and step.forecast_on is not None), None)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
