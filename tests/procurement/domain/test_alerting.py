"""The rules on frozen facts: no table, no clock."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.domain import alerting
from procurement.domain.alerting import (
    RFS_HIT,
    BlockFacts,
    LotFacts,
    PowerFacts,
    RequirementFacts,
    ShareFacts,
    SiteFacts,
    StandingAlert,
    evaluate,
)
from procurement.vocabulary import Lane, Rule
from sites.domain.calendar import WorkingCalendar

SITE = UUID(int=1)
SYDNEY = WorkingCalendar("AU-NSW")
TODAY = date(2026, 11, 20)
ROS = date(2027, 9, 20)

IN_TIME = RequirementFacts(
    key=UUID(int=7),
    text="PO 4500016221/10 Chiller CH-03",
    required_on=ROS,
    forecast_on=date(2027, 8, 31),
    float_days=20,
    float_working_days=14,
    is_ordered=True,
)
UNORDERED = replace(IN_TIME, is_ordered=False, order_by_on=TODAY + timedelta(days=60))
LOT = LotFacts(key=UUID(int=8), text="PO 4500016221/10 Chiller", step="FAT_PASS", due_on=TODAY)
SHARE = ShareFacts(
    key=UUID(int=9),
    text="PPA W-1 Wind",
    site_id=SITE,
    calendar=SYDNEY,
    share_mw=Decimal("12.500"),
    cod_on=date(2027, 8, 11),
    cod_is_actual=False,
    energised_on=date(2027, 8, 1),
)


def of_requirement(facts: RequirementFacts, as_of: date = TODAY) -> list[StandingAlert]:
    return list(evaluate(SiteFacts(SITE, SYDNEY, requirements=(facts,)), as_of))


def of_lot(facts: LotFacts, as_of: date = TODAY) -> list[StandingAlert]:
    return list(evaluate(SiteFacts(SITE, SYDNEY, lots=(facts,)), as_of))


def late_by(days: int) -> RequirementFacts:
    return replace(IN_TIME, float_days=-days, float_working_days=-days, forecast_on=ROS + timedelta(days=days))


def test_what_is_in_time_stands_for_nothing() -> None:
    assert of_requirement(IN_TIME) == of_requirement(replace(IN_TIME, float_days=10)) == []


@pytest.mark.parametrize(
    ("days", "band"), [(1, 1), (6, 1), (7, 7), (13, 7), (14, 14), (29, 14), (30, 30), (60, 60), (400, 390)]
)
def test_a_late_forecast_stands_in_its_band(days: int, band: int) -> None:
    (alert,) = of_requirement(late_by(days))

    assert (alert.rule, alert.band, alert.lane) == (Rule.LATE_FORECAST, band, Lane.URGENT)
    assert (alert.facts["days_late"], alert.facts["working_days_late"]) == (days, days)


def test_ready_for_service_is_hit_when_the_unit_itself_costs_megawatt_days() -> None:
    block = BlockFacts("P1 H1", date(2027, 12, 1), date(2027, 12, 13))
    (harmless,) = of_requirement(replace(late_by(12), block=block, mw_days=Decimal(0)))
    (costly,) = of_requirement(replace(late_by(12), block=block, mw_days=Decimal("96.000")))

    assert (harmless.hits, costly.hits) == ((), (RFS_HIT,))
    assert (costly.facts["mw_days"], costly.facts["rfs_forecast_on"]) == ("96", "2027-12-13")


@pytest.mark.parametrize(
    ("days_left", "band", "lane"),
    [
        (15, None, None),
        (14, -14, Lane.DIGEST),
        (4, -14, Lane.DIGEST),
        (3, -3, Lane.DIGEST),
        (0, -3, Lane.DIGEST),
        (-1, 1, Lane.URGENT),
        (-14, 14, Lane.URGENT),
    ],
)
def test_an_order_by_date_is_told_when_near_and_when_past(days_left: int, band: int | None, lane: Lane | None) -> None:
    facts = replace(UNORDERED, order_by_on=TODAY + timedelta(days=days_left), float_days=days_left)

    assert [(alert.rule, alert.band, alert.lane) for alert in of_requirement(facts)] == (
        [] if band is None else [(Rule.ORDER_BY, band, lane)]
    )


def test_the_days_left_are_counted_in_working_days_too() -> None:
    (alert,) = of_requirement(replace(UNORDERED, order_by_on=date(2026, 12, 1)))

    assert (alert.facts["days_left"], alert.facts["working_days_left"]) == (11, 7)


def test_without_a_required_date_only_that_is_said() -> None:
    (alert,) = of_requirement(replace(UNORDERED, required_on=None, float_days=None, order_by_on=None))

    assert (alert.rule, alert.band, alert.lane, alert.hits) == (Rule.NO_ROS, 0, Lane.DIGEST, ())


def test_what_is_delivered_stands_for_nothing() -> None:
    assert of_requirement(replace(late_by(12), is_delivered=True)) == []
    assert of_requirement(replace(IN_TIME, required_on=None, is_delivered=True)) == []


@pytest.mark.parametrize(("days", "band"), [(0, None), (1, 1), (7, 7), (31, 30)])
def test_a_step_is_overdue_from_the_day_after_its_date(days: int, band: int | None) -> None:
    found = of_lot(LOT, as_of=TODAY + timedelta(days=days))

    assert [(alert.rule, alert.band) for alert in found] == ([] if band is None else [(Rule.MILESTONE_OVERDUE, band)])


def test_an_overdue_step_is_urgent_only_where_the_unit_is_late() -> None:
    tomorrow = TODAY + timedelta(days=1)
    calm, urgent = (of_lot(replace(LOT, float_days=days), tomorrow)[0].lane for days in (3, -3))

    assert (calm, urgent) == (Lane.DIGEST, Lane.URGENT)


def test_a_step_nobody_dated_is_not_overdue() -> None:
    assert of_lot(replace(LOT, due_on=None), as_of=date(2030, 1, 1)) == []


def test_power_after_energisation_costs_its_share_a_day() -> None:
    (alert,) = evaluate(PowerFacts((SHARE,)), TODAY)

    assert (alert.rule, alert.band, alert.lane) == (Rule.COD_AFTER_ENERGISATION, 7, Lane.URGENT)
    assert (alert.facts["days_late"], alert.facts["mw_days"], alert.facts["share_mw"]) == (10, "125", "12.5")


@pytest.mark.parametrize(
    "other",
    [
        {"cod_on": date(2027, 8, 1)},
        {"cod_is_actual": True},
        {"cod_on": None},
        {"energised_on": None},
    ],
)
def test_power_in_time_running_or_unknown_stands_for_nothing(other: dict[str, object]) -> None:
    assert evaluate(PowerFacts((replace(SHARE, **other),)), TODAY) == ()  # type: ignore[arg-type]


def test_only_rules_about_agreed_dates_look_at_the_baseline() -> None:
    ordered, unordered = replace(late_by(12), baseline_version=3), replace(UNORDERED, order_by_on=TODAY)

    versions = [of_requirement(row)[0].baseline_version for row in (ordered, replace(unordered, baseline_version=3))]

    assert versions == [3, 0]


def test_every_rule_tells_somebody() -> None:
    assert set(alerting.TOLD) == set(Rule)
    assert all(alerting.TOLD.values())


@given(st.lists(st.integers(-60, 60), max_size=8), st.integers(0, 40))
def test_the_answer_is_the_same_in_any_order_and_worse_never_means_a_lower_band(floats: list[int], later: int) -> None:
    rows = [replace(IN_TIME, key=uuid4(), float_days=days, float_working_days=days) for days in floats]
    site = SiteFacts(SITE, SYDNEY, requirements=tuple(rows))
    worse = SiteFacts(
        SITE, SYDNEY, requirements=tuple(replace(row, float_days=(row.float_days or 0) - later) for row in rows)
    )

    assert evaluate(replace(site, requirements=tuple(reversed(rows))), TODAY) == evaluate(site, TODAY)
    found, after = _bands(site), _bands(worse)
    late = {row.key for row in rows if (row.float_days or 0) < 0}
    near = {row.key for row in rows if 0 <= (row.float_days or 0) < 10}
    assert found.keys() == {(Rule.LATE_FORECAST, key) for key in late} | {(Rule.LOW_FLOAT, key) for key in near}
    assert all(after[rule, key] >= band for (rule, key), band in found.items() if rule == Rule.LATE_FORECAST)
    assert all({(Rule.LATE_FORECAST, key), (Rule.LOW_FLOAT, key)} & after.keys() for _rule, key in found)


def _bands(site: SiteFacts) -> dict[tuple[Rule, UUID], int]:
    return {(alert.rule, alert.subject_id): alert.band for alert in evaluate(site, TODAY)}


def test_facts_are_plain_values() -> None:
    found = [
        *of_requirement(late_by(3)),
        *of_lot(LOT, TODAY + timedelta(days=3)),
        *evaluate(PowerFacts((SHARE,)), TODAY),
    ]

    assert {type(value) for alert in found for value in alert.facts.values()} <= {str, int, type(None)}
