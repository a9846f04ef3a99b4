"""Thresholds have defaults, the narrowest place that sets one decides, and what makes no sense is refused by name."""

from typing import Any
from uuid import UUID

import pytest

from procurement.domain.alert_parameters import DEFAULTS, RuleSettings, Setting, checked, names
from procurement.vocabulary import Rule
from sites.domain.errors import BadInput

SITE, OTHER, CHILLER, PUMP = (UUID(int=number) for number in range(1, 5))
SETTINGS = RuleSettings(
    [
        Setting(Rule.LOW_FLOAT, None, None, {"buffer_days": 20, "hysteresis_days": 5}),
        Setting(Rule.LOW_FLOAT, None, CHILLER, {"buffer_days": 30}),
        Setting(Rule.LOW_FLOAT, SITE, None, {"buffer_days": 40}),
        Setting(Rule.LOW_FLOAT, SITE, CHILLER, {"buffer_days": 50}),
        Setting(Rule.LATE_FORECAST, SITE, None, {"bands": [2, 9]}),
    ]
)


@pytest.mark.parametrize(
    ("site_id", "class_id", "buffer"),
    [(SITE, CHILLER, 50), (SITE, PUMP, 40), (OTHER, CHILLER, 30), (OTHER, PUMP, 20), (None, None, 20)],
)
def test_the_narrowest_place_that_sets_a_parameter_decides(
    site_id: UUID | None, class_id: UUID | None, buffer: int
) -> None:
    found = SETTINGS.of(Rule.LOW_FLOAT, site_id=site_id, class_id=class_id)

    assert (found.buffer_days, found.hysteresis_days) == (buffer, 5)


def test_what_nobody_set_is_the_default() -> None:
    assert SETTINGS.of(Rule.NO_ROS, site_id=SITE) == DEFAULTS[Rule.NO_ROS]
    assert SETTINGS.of(Rule.LATE_FORECAST, site_id=SITE).bands == (2, 9)
    assert RuleSettings().of(Rule.LATE_FORECAST) == DEFAULTS[Rule.LATE_FORECAST]


def test_a_query_reads_as_much_as_the_loosest_setting_needs() -> None:
    assert SETTINGS.most(Rule.LOW_FLOAT, "buffer_days") == 50
    assert SETTINGS.least(Rule.LATE_FORECAST, "bands") == 1


@pytest.mark.parametrize(("days", "band"), [(1, 1), (6, 1), (7, 7), (29, 14), (30, 30), (59, 30), (60, 60), (100, 90)])
def test_beyond_the_last_band_it_speaks_again_each_time_as_many_days_are_added(days: int, band: int) -> None:
    assert DEFAULTS[Rule.LATE_FORECAST].band_of(days) == band


@pytest.mark.parametrize(
    ("rule", "given", "field"),
    [
        (Rule.NO_ROS, {"buffer_days": 3}, "parameters.buffer_days"),
        (Rule.LOW_FLOAT, {"buffer_days": "3"}, "parameters.buffer_days"),
        (Rule.LOW_FLOAT, {"buffer_days": -1}, "parameters.buffer_days"),
        (Rule.LOW_FLOAT, {"buffer_days": True}, "parameters.buffer_days"),
        (Rule.LOW_FLOAT, {"buffer_days": 4000}, "parameters.buffer_days"),
        (Rule.LOW_FLOAT, {"enabled": 1}, "parameters.enabled"),
        (Rule.LATE_FORECAST, {"bands": 7}, "parameters.bands"),
        (Rule.LATE_FORECAST, {"bands": []}, "parameters.bands"),
        (Rule.LATE_FORECAST, {"bands": [0, 7]}, "parameters.bands"),
        (Rule.LATE_FORECAST, {"bands": [7, 7]}, "parameters.bands"),
        (Rule.LATE_FORECAST, {"bands": list(range(1, 14))}, "parameters.bands"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(rule: Rule, given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        checked(rule, given)

    assert refusal.value.field == field


def test_what_is_stored_is_sorted() -> None:
    given = {"bands": [14, 1], "enabled": False}
    assert checked(Rule.LATE_FORECAST, given) == {"bands": [1, 14], "enabled": False}
    assert checked(Rule.ORDER_BY, {"near_days": [3, 14]}) == {"near_days": [14, 3]}


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_can_be_switched_off(rule: Rule) -> None:
    assert "enabled" in names(rule)
    assert checked(rule, {"enabled": False}) == {"enabled": False}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"buffer_days": 3}, "The rule “Forecast later than required on site” has no such threshold."),
        ({"enabled": 1}, "Say true or false."),
        ({"hysteresis_days": -1}, "Give a whole number from 0 to 3650."),
        ({"bands": []}, "Give one to 12 numbers of days."),
        ({"bands": [0, 7]}, "A band begins at one day."),
        ({"bands": [7, 7]}, "A number of days is given twice."),
    ],
)
def test_a_refusal_says_what_would_do(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as refusal:
        checked(Rule.LATE_FORECAST, given)

    assert (refusal.value.message, refusal.value.field) == (said, f"parameters.{next(iter(given))}")
