"""Promises of one statement: what each is conditional on, and which rows an addition writes again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from sites.domain.errors import BadInput
from sites.domain.imprecise import ImpreciseDate
from sites.domain.schedule import ChainFacts, PromiseFacts, StepFacts, forecast_chain

_RECORDED_LAST = datetime.max.replace(tzinfo=UTC)


def resolve_conditional_on(
    *, stated: date | None, forecast_before: date | None, baseline_before: date | None
) -> date | None:
    """What a promise is conditional on, stored once with it; None means that it never shifts.

    `forecast_before` is the forecast of the step before as known on the stated-on day.
    """
    return stated or forecast_before or baseline_before


def as_known_on(facts: ChainFacts, day: date) -> ChainFacts:
    """The chain without what happened, was stated or was pinned after `day`, calculated as of that day.

    A lock whose day is not known stays.
    """
    return replace(facts, as_of=day, steps=tuple(_step_known_on(step, day) for step in facts.steps))


def _step_known_on(step: StepFacts, day: date) -> StepFacts:
    promises = tuple(row for row in step.promises if row.stated_on <= day)
    ids = {row.id for row in promises}
    lock_is_later = step.lock_set_on is not None and step.lock_set_on > day
    return replace(
        step,
        actual_on=step.actual_on if step.actual_on is not None and step.actual_on <= day else None,
        locked_on=None if lock_is_later else step.locked_on,
        lock_set_on=None if lock_is_later else step.lock_set_on,
        promises=tuple(row if row.supersedes in ids else replace(row, supersedes=None) for row in promises),
    )


@dataclass(frozen=True, slots=True)
class StatedDate:
    """One date of a statement. `conditional_on` is what the vendor said it depends on; None if nothing was said.

    `id` is the row already in the ledger, None for a date not yet written.
    """

    step: str
    said: ImpreciseDate
    conditional_on: date | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class PlacedPromise:
    """A row to write; `conditional_on` is what is stored with it, `supersedes` the row it replaces."""

    step: str
    said: ImpreciseDate
    conditional_on: date | None
    supersedes: str | None


def place_statement(
    known: ChainFacts, stated: Sequence[StatedDate], *, already: Sequence[StatedDate] = ()
) -> tuple[PlacedPromise, ...]:
    """The rows of one statement in chain order, each conditional on the step before as the statement leaves it.

    `known` is the chain as known on the stated-on day, which is its `as_of`. `already` are the live rows of the
    same statement: those at or after the first step now stated are written again as superseding rows.
    Raises BadInput naming `promises[i].step`, i counting `stated`.
    """
    order = [step.code for step in known.steps if step.applicable and not step.in_span]
    new = _by_step(stated, order)
    old = _by_step(already, order)
    if not new:
        return ()
    ours = {row.id for row in already if row.id is not None}
    chain = {step.code: _without(step, ours) for step in known.steps}
    rows: list[PlacedPromise] = []
    first_new = min(order.index(code) for code in new)
    for place, code in enumerate(order):
        row = new.get(code) or old.get(code)
        if row is None:
            continue
        before = None
        if place:
            answer = forecast_chain(replace(known, steps=tuple(chain.values())))
            before = next(step for step in answer.steps if step.code == order[place - 1])
        conditional_on = resolve_conditional_on(
            stated=row.conditional_on,
            forecast_before=before.forecast_on if before else None,
            baseline_before=before.baseline_on if before else None,
        )
        if place >= first_new:
            replaced = old.get(code)
            rows.append(PlacedPromise(code, row.said, conditional_on, replaced.id if replaced else None))
        chain[code] = _with(chain[code], row, conditional_on, known.as_of)
    return tuple(rows)


def _by_step(stated: Sequence[StatedDate], order: Sequence[str]) -> dict[str, StatedDate]:
    found: dict[str, StatedDate] = {}
    for place, row in enumerate(stated):
        if row.step not in order:
            raise BadInput(f"The chain has no open step {row.step!r}.", field=f"promises[{place}].step")
        if row.step in found:
            raise BadInput(f"The statement gives {row.step!r} twice.", field=f"promises[{place}].step")
        found[row.step] = row
    return found


def _without(step: StepFacts, ids: set[str]) -> StepFacts:
    if not any(row.id in ids for row in step.promises):
        return step
    kept = tuple(row for row in step.promises if row.id not in ids)
    left = {row.id for row in kept}
    return replace(
        step, promises=tuple(row if row.supersedes in left else replace(row, supersedes=None) for row in kept)
    )


def _with(step: StepFacts, row: StatedDate, conditional_on: date | None, stated_on: date) -> StepFacts:
    stated = PromiseFacts(
        id=f"statement of {stated_on}",
        said=row.said,
        stated_on=stated_on,
        recorded_at=_RECORDED_LAST,
        conditional_on=conditional_on,
    )
    return replace(step, promises=(*step.promises, stated))
