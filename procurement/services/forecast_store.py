"""Keeps the answers of a calculation that differ from the current ones; the earlier rows stay as history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from uuid import UUID

from django.db.models import Q

from procurement.models import BlockForecast, ChainForecast, ForecastRun, LotForecast, RequirementForecast
from procurement.queries import facts as reading
from procurement.services.site_answers import SiteWork, steps_json
from sites.domain import capacity
from sites.domain.schedule import ChainAnswer, ChainFacts, StepAnswer
from sites.models import Chain
from sites.vocabulary import Driver

_BATCH = 2000
_FOLLOWS_THE_STEP_BEFORE = {Driver.DURATION, Driver.PREDECESSOR, Driver.SPAN}
_HAPPENED = {Driver.ACTUAL, Driver.IMPLIED}
_NOT_AN_ANSWER = {"id", "created_at", "run", "run_id", "current", "as_of"}


@dataclass(frozen=True, slots=True)
class Moved:
    """One shown date before and after; null where there was or is none. `label` is what a reader calls the subject."""

    kind: str
    key: UUID
    label: str
    before_on: date | None
    after_on: date | None


def store(work: SiteWork, run: ForecastRun) -> tuple[Moved, ...]:
    """Write what changed; `run` is saved with how many answers that was."""
    moved = [*_store_lots(work, run), *_store_requirements(work, run), *_store_blocks(work, run)]
    moved += store_chains(run, work.chains)
    _store_figures(work)
    _retire_cancelled(work)
    run.changed_answers = len(moved)
    run.save(update_fields=["changed_answers"])
    return tuple(moved)


def _store_lots(work: SiteWork, run: ForecastRun) -> list[Moved]:
    rows = []
    for key, lot in work.lots.items():
        answer = lot.answer
        contract = next((step for step in answer.steps if step.code == lot.row.contract_step), None)
        anchor = next(step for step in answer.steps if step.code == answer.anchor_step)
        ahead = _next_step(answer.steps)
        cause = _deciding_step(answer)
        figure = work.figures.get(str(lot.row.schedule_line_id))
        rows.append(
            LotForecast(
                run=run,
                lot_id=key,
                as_of=run.as_of,
                required_on_site=answer.required_on_site,
                forecast_on=answer.forecast_on_site,
                float_days=answer.float_days,
                float_working_days=answer.float_working_days,
                contract_forecast_on=contract.forecast_on if contract else None,
                slip_days=contract.slip_days if contract else None,
                promised_on=contract.promise_counts_on if contract else None,
                delivered_on=anchor.forecast_on if anchor.driver in _HAPPENED else None,
                driver_code=cause.code,
                driver=cause.driver,
                next_code=ahead.code if ahead else "",
                next_on=ahead.forecast_on if ahead else None,
                recovers_mw_days=figure.recovers_mw_days if figure else None,
                costs_mw_days=figure.costs_mw_days if figure else None,
                steps=steps_json(answer),
            )
        )
    labels = {key: lot.row.label for key, lot in work.lots.items()}
    return _store("lot", rows, reading.current_lot_forecasts(work.lots.keys()), "lot_id", "forecast_on", labels)


def _store_requirements(work: SiteWork, run: ForecastRun) -> list[Moved]:
    rows = []
    for key, answer in work.answers.items():
        late_by = _float(answer.required_on_site, answer.forecast_on)
        working = (
            work.calendar.working_days_between(answer.forecast_on, answer.required_on_site)
            if answer.forecast_on and answer.required_on_site
            else None
        )
        figure = work.figures.get(answer.line_key or f"requirement:{key}")
        rows.append(
            RequirementForecast(
                run=run,
                requirement_id=key,
                as_of=run.as_of,
                ordered=answer.ordered,
                required_on_site=answer.required_on_site,
                forecast_on=answer.forecast_on,
                ready_on=answer.ready_on,
                ready_at_ros_on=answer.ready_at_ros_on,
                schedule_line_id=answer.schedule_line_id,
                float_days=late_by,
                float_working_days=working,
                order_by_on=answer.order_by_on,
                recovers_mw_days=figure.recovers_mw_days if figure else None,
                costs_mw_days=figure.costs_mw_days if figure else None,
                steps=answer.steps,
            )
        )
    labels = {key: row.tag for key, row in work.requirements.items()}
    before = reading.current_requirement_forecasts(work.answers.keys())
    return _store("requirement", rows, before, "requirement_id", "forecast_on", labels)


def _store_blocks(work: SiteWork, run: ForecastRun) -> list[Moved]:
    codes = dict(work.site.groups.values_list("pk", "code"))
    rows = []
    for key, answer in work.block_answers.items():
        block = work.blocks[key]
        unknown = [codes[UUID(need.group)] for need in answer.needs if need.can_carry_on is None]
        if answer.rfs_forecast_on is None:
            decided_by = ""
        elif answer.deciding_group:
            decided_by = codes[UUID(answer.deciding_group)]
        else:
            decided_by = "actual" if block.rfs_actual_on else "schedule"
        rows.append(
            BlockForecast(
                run=run,
                block_id=key,
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
        )
    before = {row.block_id: row for row in BlockForecast.objects.filter(current=True, block__in=work.block_answers)}
    labels = {key: block.code for key, block in work.blocks.items()}
    return _store("block", rows, before, "block_id", "rfs_forecast_on", labels)


def _store_figures(work: SiteWork) -> None:
    """What a neighbour's slip does to the figures of lots that did not move themselves.

    They are not a forecast of the lot, so they are written onto its current row.
    """
    if work.touched is None:
        return
    lines = {UUID(key): figure for key, figure in work.figures.items() if not key.startswith("requirement:")}
    rows = LotForecast.objects.filter(current=True, lot__schedule_line__in=lines).exclude(lot__in=work.lots)
    changed: list[LotForecast] = []
    for row in rows.select_related("lot"):
        figure = lines[row.lot.schedule_line_id]
        if (row.recovers_mw_days, row.costs_mw_days) != (figure.recovers_mw_days, figure.costs_mw_days):
            row.recovers_mw_days, row.costs_mw_days = figure.recovers_mw_days, figure.costs_mw_days
            changed.append(row)
    LotForecast.objects.bulk_update(changed, ["recovers_mw_days", "costs_mw_days"], batch_size=_BATCH)
    rest = RequirementForecast.objects.filter(current=True).exclude(requirement__in=work.answers)
    rest = rest.filter(Q(schedule_line__in=lines) | Q(requirement__in=_unordered_keys(work.figures)))
    moved: list[RequirementForecast] = []
    for each in rest:
        line = str(each.schedule_line_id) if each.schedule_line_id else f"requirement:{each.requirement_id}"
        found = work.figures.get(line)
        if found and (each.recovers_mw_days, each.costs_mw_days) != (found.recovers_mw_days, found.costs_mw_days):
            each.recovers_mw_days, each.costs_mw_days = found.recovers_mw_days, found.costs_mw_days
            moved.append(each)
    RequirementForecast.objects.bulk_update(moved, ["recovers_mw_days", "costs_mw_days"], batch_size=_BATCH)


def _retire_cancelled(work: SiteWork) -> None:
    """Lots of cancelled lines leave the forecasts; so do cancelled requirements."""
    if work.touched is None:
        LotForecast.objects.filter(current=True, lot__schedule_line__site=work.site).exclude(lot__in=work.lots).update(
            current=False
        )
        RequirementForecast.objects.filter(current=True, requirement__site=work.site).exclude(
            requirement__in=work.answers
        ).update(current=False)
        return
    LotForecast.objects.filter(current=True, lot__in=work.touched.lots - work.lots.keys()).update(current=False)
    gone = work.touched.requirements - work.answers.keys()
    RequirementForecast.objects.filter(current=True, requirement__in=gone).update(current=False)


def store_chains(run: ForecastRun, answers: Mapping[UUID, tuple[ChainFacts, ChainAnswer]]) -> list[Moved]:
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
    labels = dict(Chain.objects.filter(pk__in=answers).values_list("pk", "kind"))
    return _store("chain", rows, before, "chain_id", "forecast_on", labels)


Stored = TypeVar("Stored", LotForecast, RequirementForecast, BlockForecast, ChainForecast)


def _store(
    kind: str,
    rows: Sequence[Stored],
    before: Mapping[UUID, Stored],
    subject: str,
    shown: str,
    labels: Mapping[UUID, str],
) -> list[Moved]:
    """Write only answers that differ from the current ones; the earlier rows stay as history."""
    if not rows:
        return []
    model = type(rows[0])
    names = [each.attname for each in model._meta.concrete_fields if each.name not in _NOT_AN_ANSWER]
    changed = [
        row for row in rows
        if (old := before.get(getattr(row, subject))) is None or any(getattr(row, n) != getattr(old, n) for n in names)
    ]  # fmt: skip
    replaced = [before[getattr(row, subject)].pk for row in changed if getattr(row, subject) in before]
    model._default_manager.filter(pk__in=replaced).update(current=False)
    model._default_manager.bulk_create(changed, batch_size=_BATCH)
    moved = []
    for row in changed:
        key = getattr(row, subject)
        old_on = getattr(before[key], shown) if key in before else None
        if old_on != getattr(row, shown):
            moved.append(Moved(kind, key, labels.get(key, ""), old_on, getattr(row, shown)))
    return moved


def _next_step(steps: Sequence[StepAnswer]) -> StepAnswer | None:
    return next((step for step in steps if step.driver not in _HAPPENED and step.forecast_on is not None), None)


def _deciding_step(answer: ChainAnswer) -> StepAnswer:
    """The step whose own rule, not the one before it, decides the date of the anchor."""
    place = next(n for n, step in enumerate(answer.steps) if step.code == answer.anchor_step)
    while place > 0 and answer.steps[place].driver in _FOLLOWS_THE_STEP_BEFORE:
        place -= 1
    return answer.steps[place]


def _unordered_keys(figures: Mapping[str, capacity.LineAnswer]) -> list[UUID]:
    return [UUID(key.removeprefix("requirement:")) for key in figures if key.startswith("requirement:")]


def _float(required_on: date | None, forecast_on: date | None) -> int | None:
    return None if required_on is None or forecast_on is None else (required_on - forecast_on).days


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
