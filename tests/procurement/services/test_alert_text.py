"""Every rule says in one line how bad it is and what moved, in words that a page and a mail share."""

from typing import Any, Final

import pytest

from procurement.services.alert_text import headline, status
from procurement.vocabulary import Rule

SAID: Final[dict[Rule, tuple[dict[str, Any], str]]] = {
    Rule.NO_ROS: ({}, "No required-on-site date"),
    Rule.ORDER_BY: ({"days_left": -3, "order_by_on": "2026-11-17"}, "Order 3 days overdue: 17 Nov 2026"),
    Rule.LATE_FORECAST: (
        {"days_late": 12, "forecast_on": "2027-10-02", "forecast_from_on": "2027-08-31"},
        "12 days late: 31 Aug 2027 → 2 Oct 2027",
    ),
    Rule.LOW_FLOAT: (
        {"float_days": 4, "buffer_days": 10, "forecast_on": "2027-10-02"},
        "Float of 4 days, the buffer is 10 days: forecast 2 Oct 2027",
    ),
    Rule.SLIP_GREW: (
        {"slip_days": 21, "forecast_on": "2027-10-02"},
        "Slipped 21 days against the contract: forecast 2 Oct 2027",
    ),
    Rule.MILESTONE_OVERDUE: ({"milestone": "SUBMITTAL_IN", "days_late": 1}, "“Submittal in” 1 day overdue"),
    Rule.VENDOR_SILENT: ({"days_silent": 20}, "Silent for 20 days"),
    Rule.PROMISE_TBD: (
        {"milestone": "FAT_PASS", "days_waited": 9},
        "“Factory test passed” to be decided for 9 days",
    ),
    Rule.ROS_PULLED_FORWARD: (
        {"days_pulled": 20, "pulled_from_on": "2027-10-10", "required_on_site": "2027-09-20"},
        "Required 20 days earlier: 10 Oct 2027 → 20 Sep 2027",
    ),
    Rule.ANCHOR_LOST: ({"activities": "A100, A200"}, "No longer in the schedule: A100, A200"),
    Rule.RFS_HIT: (
        {"days_late": 12, "rfs_baseline_on": "2027-12-01", "rfs_forecast_on": "2027-12-13"},
        "Ready for service 12 days late: 1 Dec 2027 → 13 Dec 2027",
    ),
    Rule.ENERGISATION_HIT: (
        {"days_late": 30, "energisation_planned_on": "2027-05-01", "energisation_on": "2027-05-31"},
        "Energised 30 days late: 1 May 2027 → 31 May 2027",
    ),
    Rule.COD_AFTER_ENERGISATION: (
        {
            "days_late": 10,
            "cod_forecast_on": "2027-08-11",
            "cod_from_on": "2027-07-20",
            "energisation_on": "2027-08-01",
        },
        "Power 10 days after energisation: 20 Jul 2027 → 11 Aug 2027",
    ),
    Rule.ENERGISATION_AFTER_LOAD: (
        {"days_late": 15, "load_on": "2027-05-16", "energisation_on": "2027-05-31"},
        "Energised 15 days after the load starts: forecast 31 May 2027",
    ),
    Rule.COD_NEAR_GUARANTEED: (
        {"days_left": 21, "cod_forecast_on": "2027-08-11"},
        "COD 21 days before the guaranteed date: forecast 11 Aug 2027",
    ),
    Rule.LONG_STOP_NEAR: (
        {"days_late": 2, "cod_forecast_on": "2027-08-11"},
        "COD 2 days after the long-stop date: forecast 11 Aug 2027",
    ),
    Rule.POWER_GAP: (
        {"gap_mw": "12", "gap_days": 40, "gap_from_on": "2027-05-01"},
        "12 MW not covered on 40 days from 1 May 2027",
    ),
    Rule.SHARE_OVERLAP: ({"overlap_on": "2027-05-01"}, "From 1 May 2027 more is shared out than is contracted"),
    Rule.AGREEMENT_OVERLAP: (
        {"overlap_mw": "6", "overlap_days": 90, "overlap_from_on": "2027-05-01"},
        "6 MW more than the load will take are contracted on 90 days from 1 May 2027",
    ),
    Rule.UNMATCHED_EXPIRY: (
        {"expires_on": "2027-05-01", "uncovered_mw": "8"},
        "8 MW expire on 1 May 2027 without a successor",
    ),
    Rule.CONTRACT_CLOCK: ({"due_on": "2026-11-30", "days_left": 10}, "Due in 10 days, on 30 Nov 2026"),
    Rule.ERP_DISAGREEMENT: (
        {"order": "4500016221", "system": "SAP-1", "units_lost": "2"},
        "SAP-1 took 2 away with order 4500016221",
    ),
}


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_a_line_of_its_own(rule: Rule) -> None:
    facts, said = SAID[rule]

    assert headline(rule, facts) == said
    assert status(rule, facts) != str(rule.label)


@pytest.mark.parametrize("rule", sorted(set(Rule) - {Rule.NO_ROS, Rule.SHARE_OVERLAP}))
def test_facts_that_are_missing_leave_the_name_of_the_rule(rule: Rule) -> None:
    assert status(rule, {}) == str(rule.label)


@pytest.mark.parametrize(
    ("rule", "facts", "said"),
    [
        (Rule.ORDER_BY, {"days_left": 1}, "order within 1 day"),
        (Rule.LATE_FORECAST, {"days_late": -1}, "no longer late"),
        (
            Rule.PROMISE_TBD,
            {"milestone": "FAT_PASS", "days_late": 1, "due_on": "2026-11-19"},
            "“Factory test passed” has no day, and its period ended 1 day ago",
        ),
        (Rule.COD_NEAR_GUARANTEED, {"days_late": 1}, "COD 1 day after the guaranteed date"),
        (Rule.LONG_STOP_NEAR, {"days_left": 1}, "COD 1 day before the long-stop date"),
        (Rule.SHARE_OVERLAP, {"overlap_on": None}, "more is shared out than is contracted"),
        (
            Rule.ERP_DISAGREEMENT,
            {"system": "SAP-1", "disagreements": 2},
            "SAP-1 says 2 things otherwise in its open orders",
        ),
        (Rule.CONTRACT_CLOCK, {"due_on": "2026-11-19", "days_left": -1}, "was due 1 day ago, on 19 Nov 2026"),
    ],
)
def test_what_a_rule_says_on_its_other_side(rule: Rule, facts: dict[str, Any], said: str) -> None:
    assert status(rule, facts) == said


def test_what_machines_typed_cannot_turn_or_break_the_line() -> None:
    facts = {"order": "45\r\n00", "system": "\u202eERP\u2069", "units_lost": "2"}

    assert status(Rule.ERP_DISAGREEMENT, facts) == "ERP took 2 away with order 45 00"
