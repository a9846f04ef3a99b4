"""The first baseline of a chain: the contract date at its step, the other steps around it by their durations."""

from collections.abc import Sequence
from datetime import date

from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.domain.schedule import StepFacts


def around_contract_date(
    steps: Sequence[StepFacts], *, contract_step: str, contract_on: date, site_calendar: WorkingCalendar
) -> dict[str, date]:
    """Dates by code of the applicable steps: back from the contract step to the first, forward to the last.

    Raises BadInput naming `contract_step` where the chain lacks it, `contract_on` where a date would leave the
    years 2000 to 2100.
    """
    chain = [step for step in steps if step.applicable]
    place = next((n for n, step in enumerate(chain) if step.code == contract_step), None)
    if place is None:
        raise BadInput(f"The chain has no step {contract_step!r}.", field="contract_step")
    dates = {contract_step: contract_on}
    try:
        for step, before in zip(reversed(chain[1 : place + 1]), reversed(chain[:place]), strict=True):
            calendar = step.calendar or site_calendar
            dates[before.code] = calendar.back(dates[step.code], step.duration_days, step.basis)
        for before, step in zip(chain[place:], chain[place + 1 :], strict=False):
            calendar = step.calendar or site_calendar
            dates[step.code] = calendar.forward(dates[before.code], step.duration_days, step.basis)
    except BadInput:
        raise BadInput(
            "The steps around this contract date leave the years 2000 to 2100.", field="contract_on"
        ) from None
    return {step.code: dates[step.code] for step in chain}
