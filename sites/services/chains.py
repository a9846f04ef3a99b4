"""What may be written on a chain: one statement of promises, an actual, a lock. The caller locks the owner first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from sites.accounts.models import User
from sites.domain.answerable import answers_for
from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.domain.imprecise import ImpreciseDate
from sites.domain.schedule import ChainFacts
from sites.domain.statement import PlacedPromise, StatedDate, as_known_on, place_statement
from sites.models import Chain, Milestone, Promise, PromiseRetraction
from sites.queries.among import as_array
from sites.queries.chains import chain_facts
from sites.queries.whole_rows import Whole, whole_rows
from sites.vocabulary import Party, Precision, PromiseSource, ReasonCode

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Statement:
    """Who said it, when and where. Rows with the same source and stated-on belong together."""

    key: UUID
    stated_on: date
    source: PromiseSource
    document: str
    actor: User
    now: datetime


@dataclass(frozen=True, slots=True)
class StatedPromise:
    """`conditional_on` is what the vendor said it depends on; None where nothing was said. `field` is for refusals.

    Without a reason it is stored as not stated; without a party, with who answers for the reason, else for the step.
    """

    milestone: Milestone
    said: ImpreciseDate
    conditional_on: date | None = None
    quantity: Decimal | None = None
    reason_code: str = ""
    responsible: str = ""
    note: str = ""
    field: str = "date"


@dataclass(frozen=True, slots=True)
class ChainStatement:
    """What one statement says of one chain. `key` is that of the statement where several of a day are written at once;
    None: it is the one they are all of.
    """

    chain: Chain
    promises: Sequence[StatedPromise]
    site_calendar: WorkingCalendar
    key: UUID | None = None


def state(
    chain: Chain,
    promises: Sequence[StatedPromise],
    statement: Statement,
    *,
    site_calendar: WorkingCalendar,
    calendars: Mapping[UUID, WorkingCalendar],
) -> list[Promise]:
    """`state_all` of one chain."""
    return state_all([ChainStatement(chain, promises, site_calendar)], statement, calendars=calendars)


def state_all(
    said_of: Sequence[ChainStatement], statement: Statement, *, calendars: Mapping[UUID, WorkingCalendar]
) -> list[Promise]:
    """Write promises in chain order, each conditional on the step before as this statement leaves it.

    Each chain is named once. Later steps of the same statement are written again, superseding. A fixed number of
    queries. Raises BadInput naming the promise's field.
    """
    found, already = _known(said_of, statement, calendars)
    keys = {each.chain.pk: each.key or statement.key for each in said_of}
    top = already.top
    milestones = {(each.chain.pk, said.milestone.code): said.milestone for each in said_of for said in each.promises}
    milestones |= {(row.milestone.chain_id, row.milestone.code): row.milestone for row in already.rows.values()}
    placed = [
        (each.chain.pk, {said.milestone.code: said for said in each.promises}, row)
        for each in said_of
        for row in _placed(each.promises, found[each.chain.pk], already.dates[each.chain.pk], statement.stated_on)
    ]
    written = []
    for chain_id, by_code, row in placed:
        said = by_code.get(row.step)
        old = already.rows[row.supersedes] if row.supersedes else None
        told = said or old  # a later step is written again with what was said of it
        milestone = milestones[chain_id, row.step]
        top[milestone.pk] += 1
        written.append(
            Promise(
                milestone=milestone,
                place=top[milestone.pk],
                value=row.said.value,
                precision=row.said.precision,
                counts_on=row.said.counts_on,
                stated_on=statement.stated_on,
                recorded_at=statement.now,
                recorded_by=statement.actor,
                statement_id=keys[chain_id],
                conditional_on=row.conditional_on,
                condition_is_stated=_is_stated(said, old),
                quantity=told.quantity if told else None,
                source=statement.source,
                document=statement.document[:500],
                reason_code=_reason_of(told),
                responsible=_party_of(told, milestone),
                note=told.note if told else "",
                supersedes=old,
            )
        )
    return Promise.objects.bulk_create(written, batch_size=_ROWS_AT_ONCE)


def unplaceable(
    said_of: Sequence[ChainStatement], statement: Statement, *, calendars: Mapping[UUID, WorkingCalendar]
) -> list[tuple[UUID, int, BadInput]]:
    """What `state_all` would refuse first of each chain: the chain, the place among its promises, and why."""
    found, already = _known(said_of, statement, calendars)
    refused = []
    for each in said_of:
        stated = _stated(each.promises)
        try:
            place_statement(
                as_known_on(found[each.chain.pk], statement.stated_on), stated, already=already.dates[each.chain.pk]
            )
        except BadInput as refusal:
            refused.append((each.chain.pk, _place(refusal), _named(refusal, each.promises)))
    return refused


def _known(
    said_of: Sequence[ChainStatement], statement: Statement, calendars: Mapping[UUID, WorkingCalendar]
) -> tuple[dict[UUID, ChainFacts], "_Already"]:
    """The chains as they are, and what the same statement has said of them before."""
    keys = [each.chain.pk for each in said_of]
    found = chain_facts(
        keys,
        as_of=statement.stated_on,
        site_calendar={each.chain.pk: each.site_calendar for each in said_of},
        calendars=calendars,
    )
    return found, _already(keys, statement)


def _stated(promises: Sequence[StatedPromise]) -> list[StatedDate]:
    return [StatedDate(each.milestone.code, each.said, each.conditional_on) for each in promises]


def _placed(
    promises: Sequence[StatedPromise], found: ChainFacts, already: Sequence[StatedDate], stated_on: date
) -> Sequence[PlacedPromise]:
    try:
        return place_statement(as_known_on(found, stated_on), _stated(promises), already=already)
    except BadInput as refusal:
        raise _named(refusal, promises) from None


def _reason_of(told: StatedPromise | Promise | None) -> str:
    return (told.reason_code if told else "") or ReasonCode.NOT_STATED


def _party_of(told: StatedPromise | Promise | None, milestone: Milestone) -> str:
    return (told.responsible if told else "") or answers_for(_reason_of(told), Party(milestone.responsible))


def _is_stated(said: StatedPromise | None, old: Promise | None) -> bool:
    if said is not None:
        return said.conditional_on is not None
    return old is not None and old.condition_is_stated


_PROMISE, _STEP = Whole(Promise, "p"), Whole(Milestone, "m")
_LEDGERS: Final = f"""
SELECT {_STEP.columns}, {_PROMISE.columns}, ledger.top FROM {Milestone._meta.db_table} m
CROSS JOIN LATERAL (SELECT max(place) AS top FROM {Promise._meta.db_table} WHERE milestone_id = m.id) ledger
LEFT JOIN {Promise._meta.db_table} p ON p.milestone_id = m.id AND p.stated_on = %(stated_on)s AND p.source = %(source)s
    AND NOT EXISTS (SELECT FROM {PromiseRetraction._meta.db_table} r WHERE r.promise_id = p.id)
    AND NOT EXISTS (SELECT FROM {Promise._meta.db_table} n WHERE n.supersedes_id = p.id)
WHERE m.chain_id = ANY(%(chains)s::uuid[]) AND ledger.top IS NOT NULL ORDER BY p.place
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class _Already:
    """What the same statement has said before: dates by chain, and their rows by key. `top` is the last place taken in
    the ledger of each milestone; the owner's lock makes writers queue.
    """

    dates: dict[UUID, list[StatedDate]]
    rows: dict[str, Promise]
    top: dict[UUID, int]


def _already(chains: Sequence[UUID], statement: Statement) -> _Already:
    """The live rows of the same statement: same source, same stated-on. One query."""
    values = {"stated_on": statement.stated_on, "source": statement.source.value, "chains": as_array(chains)}
    top: dict[UUID, int] = defaultdict(int)
    newest: dict[UUID, dict[str, Promise]] = {key: {} for key in chains}
    for step, row, place in whole_rows(_LEDGERS, values, _STEP, _PROMISE):
        top[step.pk] = place
        if row is not None:
            row.milestone = step
            newest[step.chain_id][step.code] = row
    dates = {
        key: [
            StatedDate(
                code,
                ImpreciseDate(row.value, Precision(row.precision), row.counts_on),
                row.conditional_on if row.condition_is_stated else None,
                id=str(row.pk),
            )
            for code, row in by_code.items()
        ]
        for key, by_code in newest.items()
    }
    return _Already(dates, {str(row.pk): row for by_code in newest.values() for row in by_code.values()}, top)


def _named(refusal: BadInput, promises: Sequence[StatedPromise]) -> BadInput:
    return BadInput(refusal.message, field=promises[_place(refusal)].field)


def _place(refusal: BadInput) -> int:
    """The engine names `promises[i].step`; the caller knows its own path."""
    field = refusal.field or ""
    return int(field.removeprefix("promises[").split("]")[0]) if field.startswith("promises[") else 0


_OF_ACTUAL: Final = ["actual_on", "actual_recorded_at", "actual_recorded_by", "actual_document"]


def set_actual(milestone: Milestone, on: date, *, document: str, actor: User, now: datetime) -> None:
    set_actuals([(milestone, on)], document=document, actor=actor, now=now)


def set_actuals(happened: Sequence[tuple[Milestone, date]], *, document: str, actor: User, now: datetime) -> None:
    """Of a milestone that is named twice, the last one counts."""
    restore_actuals([(milestone, on, document) for milestone, on in happened], actor=actor, now=now)


def restore_actuals(were: Sequence[tuple[Milestone, date | None, str]], *, actor: User, now: datetime) -> None:
    """Set actuals to a day and document, or (None) back to none at all."""
    rows = {}
    for milestone, on, document in were:
        milestone.actual_on, milestone.actual_document = on, document[:500]
        milestone.actual_recorded_at, milestone.actual_recorded_by = (now, actor) if on else (None, None)
        rows[milestone.pk] = milestone
    Milestone.objects.bulk_update(rows.values(), _OF_ACTUAL, batch_size=_ROWS_AT_ONCE)


def set_lock(milestone: Milestone, on: date, *, reason: str, actor: User, now: datetime) -> None:
    milestone.locked_on, milestone.locked_at, milestone.locked_by = on, now, actor
    milestone.lock_reason = reason[:500]
    milestone.save()


def release_lock(milestone: Milestone, *, field: str) -> None:
    """Raises BadInput where nothing is locked."""
    if milestone.locked_on is None:
        raise BadInput(_("This milestone is not locked."), field=field)
    milestone.locked_on, milestone.locked_at, milestone.locked_by, milestone.lock_reason = None, None, None, ""
    milestone.save()
