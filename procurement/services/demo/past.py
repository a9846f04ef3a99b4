"""What was shown on some days of the past: the runs of then, and the history of the rows they answered for.

Without it a new demo knows nothing of before today: with it, pages can be asked as known on a past day, and the float
of a line can be followed between any two days.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.db import connection, transaction
from django.db.models import F, Model

from procurement.models import (
    BlockForecast,
    DeliveryLot,
    ForecastRun,
    LotForecast,
    OrderLine,
    RequirementForecast,
    ScheduleLine,
)
from procurement.queries.reasons import reason_of_answer
from procurement.services.forecast_store import block_row
from procurement.services.forecasts import local_date
from procurement.services.site_answers import SiteWork, combined_hash, steps_json
from procurement.vocabulary import LineStatus, RunCause
from sites.domain import capacity
from sites.domain.calendar_arrays import day_of
from sites.domain.schedule import ENGINE_VERSION, ChainAnswer, ChainFacts, StepAnswer, forecast_chain, input_hash
from sites.domain.statement import as_known_on
from sites.models import Block, Milestone, Site
from sites.queries.chains import chain_facts, with_required_on_site, working_calendars
from sites.queries.columns import NO_KEY, uuids
from sites.vocabulary import Driver

DAYS_AGO: Final = (180, 120, 75, 40, 14, 1)
_CAUSE: Final = "Demo history"
_HAPPENED: Final = frozenset({Driver.ACTUAL, Driver.IMPLIED})


@transaction.atomic
def add_past(*, now: datetime) -> int:
    """How many answers of past days were written. What was split off later is not shown before."""
    lots = list(
        DeliveryLot.objects.filter(quantity__gt=0, copied_from__isnull=True, schedule_line__site__isnull=False)
        .exclude(schedule_line__status=LineStatus.CANCELLED)
        .exclude(schedule_line__line__status=LineStatus.CANCELLED)
        .select_related("schedule_line__site", "schedule_line__line")
        .order_by("pk")
    )
    calendars = working_calendars()
    facts = chain_facts(
        [lot.chain_id for lot in lots],
        as_of=now.date(),
        site_calendar={lot.chain_id: calendars[_site(lot).calendar_id] for lot in lots},
        calendars=calendars,
    )
    issued = {lot.pk: facts[lot.chain_id].steps[0].actual_on for lot in lots if facts[lot.chain_id].steps[0].actual_on}
    _write_history(lots, {key: on for key, on in issued.items() if on})
    required = dict(LotForecast.objects.filter(current=True, lot__in=lots).values_list("lot", "required_on_site"))
    shown: dict[UUID, object] = {}
    wanted = _not_ordered()
    written = 0
    for site in Site.objects.order_by("code"):
        units = _Units(site, local_date(site, now))
        mine = [lot for lot in lots if lot.schedule_line.site_id == site.pk]
        answers: dict[UUID, ChainAnswer] = {}
        for day, looked_at in _looks(mine, facts, local_date(site, now)):
            is_whole = len(looked_at) == len(mine)
            known = {
                lot: with_required_on_site(as_known_on(facts[lot.chain_id], day), required.get(lot.pk))
                for lot in looked_at
                if (ordered_on := issued.get(lot.pk)) and ordered_on <= day
            }
            run, found = _write_run(site, day, known, shown, wanted.get(site.pk, ()) if is_whole else ())
            # What was not ordered by then counts as if ordered on that day.
            others = [lot for lot in looked_at if lot not in known]
            answers |= found | {lot.pk: forecast_chain(as_known_on(facts[lot.chain_id], day)) for lot in others}
            written += run.changed_answers + _write_blocks(run, units, answers, shown)
    return written


def _looks(
    lots: Sequence[DeliveryLot], facts: Mapping[UUID, ChainFacts], today: date
) -> list[tuple[date, Sequence[DeliveryLot]]]:
    """In order: some days with all lots, and each between them on which something was said of some, with those."""
    whole = [today - timedelta(days=ago) for ago in DAYS_AGO]
    looks: dict[date, list[DeliveryLot]] = defaultdict(list)
    for lot in lots:
        for day in _days_told(facts[lot.chain_id]):
            if whole[0] < day < whole[-1]:
                looks[day].append(lot)
    return sorted((looks | {day: list(lots) for day in whole}).items())


def _days_told(facts: ChainFacts) -> set[date]:
    told = {day for step in facts.steps for day in (step.actual_on, step.lock_set_on) if day is not None}
    return told | {row.stated_on for step in facts.steps for row in step.promises}


def _not_ordered() -> dict[UUID, list[RequirementForecast]]:
    """Today's answers, by site."""
    found: dict[UUID, list[RequirementForecast]] = defaultdict(list)
    rows = RequirementForecast.objects.filter(current=True, ordered=False).select_related("requirement")
    for row in rows.order_by("pk"):
        found[row.requirement.site_id].append(row)
    return found


def _site(lot: DeliveryLot) -> Site:
    assert lot.schedule_line.site is not None  # chosen so
    return lot.schedule_line.site


def _write_run(
    site: Site,
    day: date,
    known: Mapping[DeliveryLot, ChainFacts],
    shown: dict[UUID, object],
    wanted: Sequence[RequirementForecast],
) -> tuple[ForecastRun, dict[UUID, ChainAnswer]]:
    evening = _noon(day)
    run = ForecastRun(
        site=site,
        as_of=day,
        engine_version=ENGINE_VERSION,
        input_hash=combined_hash(input_hash(facts) for facts in known.values()),
        cause=RunCause.LOAD,
        cause_text=_CAUSE,
        created_at=evening,
    )
    rows, answers = [], {}
    for lot, facts in known.items():
        answer = answers[lot.pk] = forecast_chain(facts)
        steps = steps_json(answer)
        if shown.get(lot.pk) != steps:
            shown[lot.pk] = steps
            rows.append(_row(run, lot, answer, steps, evening))
    run.changed_answers = len(rows) + len(wanted)
    run.save(force_insert=True)
    LotForecast.objects.bulk_create(rows, batch_size=500)
    RequirementForecast.objects.bulk_create([_if_ordered(run, row, evening) for row in wanted])
    return run, answers


class _Units:
    """The blocks of a site, the groups they need, and what serves their members, as allocated today."""

    def __init__(self, site: Site, today: date) -> None:
        blocks = Block.objects.filter(phase__site=site)
        self.work = work = SiteWork.as_stored(site, today, (), blocks.values_list("pk", flat=True))
        self.today = today
        rows, served = work.requirements, work.allocations
        self.lots: dict[bytes, list[UUID]] = defaultdict(list)
        for lot, requirement in zip(uuids(served.lot), served.requirement.tolist(), strict=True):
            self.lots[requirement].append(lot)
        self.members = [place for place in range(len(rows)) if rows.group[place] != NO_KEY]

    def on(self, day: date, answers: Mapping[UUID, ChainAnswer]) -> list[capacity.Unit]:
        return [self._unit(place, day, answers) for place in self.members]

    def _unit(self, place: int, day: date, answers: Mapping[UUID, ChainAnswer]) -> capacity.Unit:
        """What nothing serves would be ready so many days earlier, had it been ordered so many days earlier."""
        rows, today = self.work.requirements, day_of(int(self.work.answers.ready_on[place]))
        ready = [
            self._ready(answers[lot], int(rows.work_days[place]), day)
            for lot in self.lots.get(rows.key[place], ())
            if lot in answers
        ]
        on = max((each for each in ready if each), default=today and today - (self.today - day))
        group = UUID(bytes=rows.group[place].ljust(16, b"\0"))
        return capacity.Unit(f"{place:06}", group.hex, on, None)

    def _ready(self, answer: ChainAnswer, work_days: int, day: date) -> date | None:
        last = answer.steps[-1]
        return capacity.ready_on(
            capacity.ReadinessFacts(
                on_site_forecast_on=answer.forecast_on_site,
                last_step_forecast_on=last.forecast_on,
                last_step_actual_on=last.forecast_on
                if last.driver == Driver.ACTUAL and last.code != answer.anchor_step
                else None,
                goes_beyond_on_site=last.code != answer.anchor_step,
                installation_days=work_days,
                commissioning_days=0,
            ),
            calendar=self.work.calendar,
            as_of=day,
        )


def _write_blocks(
    run: ForecastRun, units: _Units, answers: Mapping[UUID, ChainAnswer], shown: dict[UUID, object]
) -> int:
    blocks = [
        block if block.rfs_actual_on is None or block.rfs_actual_on <= run.as_of else replace(block, rfs_actual_on=None)
        for block in units.work.engine_blocks
    ]
    codes, rows = units.work.group_codes, []
    for answer in capacity.assess(blocks, units.on(run.as_of, answers)).blocks:
        block = units.work.blocks[UUID(answer.block)]
        is_in_service = block.rfs_actual_on is not None and block.rfs_actual_on <= run.as_of
        row = block_row(run, block, answer, codes, is_in_service=is_in_service)
        row.current, row.created_at = False, run.created_at
        told = (row.rfs_forecast_on, row.can_carry_on, row.redundant_on, row.decided_by, row.groups)
        if shown.get(row.block_id) != told:
            shown[row.block_id] = told
            rows.append(row)
    BlockForecast.objects.bulk_create(rows)
    ForecastRun.objects.filter(pk=run.pk).update(changed_answers=F("changed_answers") + len(rows))
    return len(rows)


def _if_ordered(run: ForecastRun, row: RequirementForecast, at: datetime) -> RequirementForecast:
    """Ordered so many days earlier, it would have come so many days earlier."""
    ago = row.as_of - run.as_of
    return RequirementForecast(
        run=run,
        requirement=row.requirement,
        current=False,
        as_of=run.as_of,
        created_at=at,
        ordered=False,
        required_on_site=row.required_on_site,
        forecast_on=row.forecast_on - ago if row.forecast_on else None,
        ready_on=row.ready_on - ago if row.ready_on else None,
        float_days=row.float_days + ago.days if row.float_days is not None else None,
        order_by_on=row.order_by_on,
    )


def _row(
    run: ForecastRun, lot: DeliveryLot, answer: ChainAnswer, steps: list[dict[str, object]], at: datetime
) -> LotForecast:
    by_code = {step.code: step for step in answer.steps}
    anchor, contract = by_code[answer.anchor_step], by_code.get(lot.schedule_line.contract_step)
    ahead = _ahead(answer.steps)
    why = reason_of_answer(answer, run.as_of)
    decides = by_code[why.code] if why else anchor
    return LotForecast(
        run=run,
        lot=lot,
        current=False,
        as_of=run.as_of,
        created_at=at,
        required_on_site=answer.required_on_site,
        forecast_on=anchor.forecast_on,
        float_days=answer.float_days,
        float_working_days=answer.float_working_days,
        contract_forecast_on=contract.forecast_on if contract else None,
        slip_days=contract.slip_days if contract else None,
        promised_on=contract.promise_counts_on if contract else None,
        delivered_on=anchor.forecast_on if anchor.driver in _HAPPENED else None,
        driver_code=decides.code,
        driver=decides.driver,
        next_code=ahead.code if ahead else "",
        next_on=ahead.forecast_on if ahead else None,
        steps=steps,
    )


def _ahead(steps: Sequence[StepAnswer]) -> StepAnswer | None:
    return next((step for step in steps if step.driver not in _HAPPENED and step.forecast_on is not None), None)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


# -- history -------------------------------------------------------------------------------------------------------


def _write_history(lots: Sequence[DeliveryLot], issued: Mapping[UUID, date]) -> None:
    """The rows were there since their order was issued: an event of then beside the one of the load."""
    there = [(lot, _noon(issued[lot.pk])) for lot in lots if lot.pk in issued]
    chains = {lot.chain_id: at for lot, at in there}
    _copy_events(DeliveryLot, {lot.pk: at for lot, at in there})
    _copy_events(ScheduleLine, {lot.schedule_line_id: at for lot, at in there})
    _copy_events(OrderLine, {lot.schedule_line.line_id: at for lot, at in there})
    milestones = Milestone.objects.filter(chain__in=chains).values_list("pk", "chain_id")
    _copy_events(Milestone, {key: chains[chain_id] for key, chain_id in milestones})


def _copy_events(model: type[Model], instants: Mapping[UUID, datetime]) -> None:
    """The history library adds the model of events where no type checker sees it."""
    history: Any = apps.get_model(model._meta.app_label, f"{model.__name__}Event")
    table, kept = history._meta.db_table, _names(history)
    columns, copied = ", ".join(kept), ", ".join(f"event.{name}" for name in kept)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (pgh_created_at, {columns})"  # noqa: S608
            f" SELECT past.happened_at, {copied} FROM {table} event"
            " JOIN unnest(%s::uuid[], %s::timestamptz[]) AS past(subject, happened_at)"
            " ON past.subject = event.pgh_obj_id"
            " WHERE event.pgh_label = 'insert'",
            [list(instants), list(instants.values())],
        )


def _names(history: Any) -> list[str]:
    fields: Iterable[Any] = history._meta.concrete_fields
    return [each.column for each in fields if each.column not in {"pgh_id", "pgh_created_at"}]
