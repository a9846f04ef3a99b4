from datetime import date

import pytest

from procurement.domain.baseline import around_contract_date
from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.domain.schedule import ChainFacts, StepFacts, forecast_chain
from sites.vocabulary import DurationBasis

SYDNEY, JAPAN = WorkingCalendar("AU-NSW"), WorkingCalendar("JP")
WORKING = DurationBasis.WORKING
CHAIN = (
    StepFacts("PO_ISSUED"),
    StepFacts("FAT_PASS", 220, calendar=JAPAN),
    StepFacts("RTS", 10, WORKING, JAPAN),
    StepFacts("EXPORT_CLEARED", 9, applicable=False),
    StepFacts("ARRIVED_PORT", 28),
    StepFacts("ON_SITE", 5, WORKING),
)


def dates(step: str, on: date) -> dict[str, date]:
    return around_contract_date(CHAIN, contract_step=step, contract_on=on, site_calendar=SYDNEY)


def test_steps_before_the_contract_step_run_back() -> None:
    assert dates("ON_SITE", date(2027, 7, 19)) == {
        "PO_ISSUED": date(2026, 10, 23),
        "FAT_PASS": date(2027, 5, 31),
        "RTS": date(2027, 6, 14),
        "ARRIVED_PORT": date(2027, 7, 12),
        "ON_SITE": date(2027, 7, 19),
    }


def test_steps_after_the_contract_step_run_forward_as_the_engine_does() -> None:
    found = dates("RTS", date(2027, 6, 7))

    engine = forecast_chain(
        ChainFacts(
            as_of=date(2026, 1, 5),
            site_calendar=SYDNEY,
            steps=(StepFacts("RTS", planned_on=date(2027, 6, 7)), *CHAIN[4:]),
        )
    )
    assert {step.code: step.forecast_on for step in engine.steps} == {
        code: found[code] for code in ("RTS", "ARRIVED_PORT", "ON_SITE")
    }


def test_a_step_that_does_not_apply_has_no_baseline() -> None:
    assert "EXPORT_CLEARED" not in dates("RTS", date(2027, 6, 7))


def test_a_contract_step_that_the_chain_lacks_is_refused() -> None:
    with pytest.raises(BadInput) as refusal:
        dates("EXPORT_CLEARED", date(2027, 6, 7))
    assert refusal.value.field == "contract_step"


@pytest.mark.parametrize(("step", "on"), [("ON_SITE", date(2000, 1, 10)), ("PO_ISSUED", date(2100, 12, 1))])
def test_a_baseline_stays_within_the_years_we_know(step: str, on: date) -> None:
    with pytest.raises(BadInput) as refusal:
        dates(step, on)
    assert refusal.value.field == "contract_on"
