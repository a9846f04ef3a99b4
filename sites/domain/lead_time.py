"""A lead-time observation on a chain: one span of weeks in place of the steps it covers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from sites.domain.errors import BadInput
from sites.domain.schedule import ChainFacts, StepFacts
from sites.vocabulary import DurationBasis


@dataclass(frozen=True, slots=True)
class LeadTime:
    """Weeks from the step `basis_from` to the step `basis_to`; `picked_weeks` is the planner's choice, if any."""

    basis_from: str
    basis_to: str
    weeks_high: Decimal
    picked_weeks: Decimal | None = None

    @property
    def span_days(self) -> int:
        """Calendar days, a part of a day counted whole. Raises BadInput naming `weeks`."""
        weeks = self.weeks_high if self.picked_weeks is None else self.picked_weeks
        if not weeks.is_finite() or weeks < 0:
            raise BadInput("A lead time is a number of weeks, not below zero.", field="weeks")
        return int((weeks * 7).to_integral_value(ROUND_CEILING))


def with_lead_time(facts: ChainFacts, lead_time: LeadTime) -> ChainFacts:
    """Replace the steps after `basis_from` up to `basis_to` by the span; steps inside have no date.

    Raises BadInput naming `basis_from` or `basis_to`; a step inside that already has a date of its own is not hidden
    but refused.
    """
    first = _place_of(lead_time.basis_from, facts.steps, "basis_from")
    last = _place_of(lead_time.basis_to, facts.steps, "basis_to")
    if last <= first:
        raise BadInput("A lead time ends after the step it starts from.", field="basis_to")
    anchor = next((place for place, step in enumerate(facts.steps) if step.code == facts.anchor_step), None)
    if anchor is not None and first < anchor < last:
        raise BadInput("The span hides the anchor step of the chain.", field="basis_to")
    steps = list(facts.steps)
    for place in range(first + 1, last):
        if steps[place].applicable and _has_date(steps[place]):
            raise BadInput(f"{steps[place].code} lies inside the span but has a date of its own.", field="basis_from")
        steps[place] = replace(steps[place], in_span=True)
    steps[last] = replace(
        steps[last],
        duration_days=lead_time.span_days,
        basis=DurationBasis.CALENDAR,
        is_span=True,
    )
    return replace(facts, steps=tuple(steps))


def as_if_ordered_today(facts: ChainFacts, lead_time: LeadTime | None) -> ChainFacts:
    """The chain of a class for a requirement that is not ordered: its first step on the date of the calculation."""
    start = next((place for place, step in enumerate(facts.steps) if step.applicable), None)
    steps = tuple(replace(step, planned_on=None) if place == start else step for place, step in enumerate(facts.steps))
    ordered = replace(facts, steps=steps)
    return ordered if lead_time is None else with_lead_time(ordered, lead_time)


def _place_of(code: str, steps: Sequence[StepFacts], field: str) -> int:
    for place, step in enumerate(steps):
        if step.code == code and step.applicable:
            return place
    raise BadInput(f"The chain has no step {code!r}.", field=field)


def _has_date(step: StepFacts) -> bool:
    return (
        step.actual_on is not None
        or step.locked_on is not None
        or any(row.said.counts_on is not None and not row.retracted for row in step.promises)
    )
