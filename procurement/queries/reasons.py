"""The reason of a stored answer as facts: from the steps it holds and from who owns each of them."""

from collections.abc import Mapping, Sequence
from datetime import date

from procurement.domain.attribution import party_of_step
from procurement.domain.reasons import Reason, ReasonStep, reason
from procurement.queries.steps import Step
from sites.domain.holiday_gaps import gaps
from sites.domain.schedule import ChainAnswer
from sites.vocabulary import Driver, DurationBasis, Party, StepFlag


def reason_of(
    steps: Sequence[Step],
    *,
    required_on: date | None,
    as_of: date,
    owners: Mapping[str, Party],
    incoterm: str = "",
    anchor: str = "ON_SITE",
    is_ordered: bool = True,
) -> Reason | None:
    """`owners` are the responsible parties of the chain by step code; None where the anchor has no date."""
    return reason(
        [_reason_step(step, owners, incoterm) for step in steps],
        anchor,
        required_on,
        as_of,
        is_ordered=is_ordered,
    )


def reason_of_answer(answer: ChainAnswer, as_of: date) -> Reason | None:
    """Of an answer on paper: nothing is known of who owns a step beyond its code."""
    steps = [
        Step(
            code=step.code,
            is_anchor=step.code == answer.anchor_step,
            forecast_on=step.forecast_on,
            driver=step.driver,
            flags=tuple(step.flags),
            latest_on=step.latest_on,
            float_days=step.float_days,
            slip_days=step.slip_days,
            baseline_on=step.baseline_on,
            previous_on=step.previous_on,
            promise_id=step.promise_id or "",
            promise_counts_on=step.promise_counts_on,
            conditional_on=step.conditional_on,
            shift_days=step.shift_days,
            duration_days=step.duration_days,
            basis=step.basis,
            calendar=step.calendar,
        )
        for step in answer.steps
    ]
    owners = {step.code: Party.OWNER for step in answer.steps if step.code == "SUBMITTAL_APPROVED"}
    return reason_of(steps, required_on=answer.required_on_site, as_of=as_of, owners=owners, anchor=answer.anchor_step)


def _reason_step(step: Step, owners: Mapping[str, Party], incoterm: str) -> ReasonStep:
    return ReasonStep(
        code=step.code,
        on=step.forecast_on,
        driver=Driver(step.driver) if step.driver else Driver.SPAN,
        flags=tuple(StepFlag(flag) for flag in step.flags),
        owner=party_of_step(step.code, owners.get(step.code, Party.VENDOR), incoterm),
        baseline_on=step.baseline_on,
        promised_on=step.promise_counts_on,
        conditional_on=step.conditional_on,
        shift_days=step.shift_days,
        duration_days=step.duration_days,
        basis=DurationBasis(step.basis) if step.basis else DurationBasis.CALENDAR,
        off_days=_off_days(step),
        without_holidays=_without_holidays(step),
    )


def _counts_working_days(step: Step) -> bool:
    return step.driver == Driver.DURATION and step.basis == DurationBasis.WORKING and step.duration_days > 0


def _off_days(step: Step) -> int | None:
    if not _counts_working_days(step) or step.previous_on is None or step.forecast_on is None:
        return None
    return (step.forecast_on - step.previous_on).days - step.duration_days


def _without_holidays(step: Step) -> tuple[int, ...]:
    if not _counts_working_days(step) or step.previous_on is None or step.forecast_on is None:
        return ()
    return tuple(gap.year for gap in gaps(step.calendar, step.previous_on, step.forecast_on))
