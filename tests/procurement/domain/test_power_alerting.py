"""The rules of power over facts on paper."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from procurement.domain.alert_facts import StandingAlert
from procurement.domain.alert_parameters import RuleSettings, Setting
from procurement.domain.power_alerting import Gap, Overlap, PowerClock, PowerPortfolio, PowerShare, PowerSite, look
from procurement.vocabulary import AlertSubject, Lane, Rule
from sites.domain.calendar import WorkingCalendar
from sites.domain.contract_clock import Clock
from sites.domain.power_curve import stepped
from sites.vocabulary import ClockKind

TODAY = date(2026, 11, 20)
SYDNEY = WorkingCalendar("AU-NSW")
SITE = UUID(int=1)


def _site(**given: Any) -> PowerSite:
    ramp = stepped([(date(2027, 5, 1), Decimal(10)), (date(2027, 6, 1), Decimal(20))])
    site = PowerSite(SITE, "SYD01 Sydney", SYDNEY, ramp, date(2027, 5, 1), date(2027, 4, 1), power_is_actual=False)
    return replace(site, **given)


def _share(**given: Any) -> PowerShare:
    share = PowerShare(UUID(int=2), "PPA A", SITE, SYDNEY, Decimal(8), "Ridge", date(2027, 6, 1), cod_is_actual=False)
    return replace(share, **given)


def _alerts(settings: RuleSettings | None = None, **parts: Any) -> list[StandingAlert]:
    facts = PowerPortfolio(**parts, settings=settings or RuleSettings())
    return [alert for alert in look(facts, TODAY).alerts if not alert.lingers]


def test_energisation_after_the_load_costs_the_load_of_the_days_between() -> None:
    (alert,) = _alerts(sites=(_site(first_power_on=date(2027, 6, 11)),))

    # 31 days of May at 10 MW and 10 days of June at 20 MW.
    assert (alert.rule, alert.subject_kind, alert.band) == (Rule.ENERGISATION_AFTER_LOAD, AlertSubject.SITE, 30)
    assert (alert.facts["days_late"], alert.facts["mw_days"], alert.lane) == (41, "510", Lane.URGENT)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"first_power_on": date(2027, 5, 1)},
        {"first_power_on": None},
        {"first_load_on": None, "first_power_on": date(2027, 6, 11)},
        {"first_power_on": date(2027, 6, 11), "power_is_actual": True},
    ],
)
def test_power_in_time_or_not_known_says_nothing(given: dict[str, Any]) -> None:
    assert _alerts(sites=(_site(**given),)) == []


def _gap(start: date, days: int, mw: int) -> Gap:
    return Gap(start, start + timedelta(days=days - 1), Decimal(mw), ("grid",))


def test_a_gap_within_the_time_ahead_is_told_with_what_binds_and_what_it_costs() -> None:
    gaps = (_gap(date(2027, 5, 1), 31, 4), _gap(date(2027, 6, 1), 10, 6))

    (alert,) = _alerts(sites=(_site(gaps=gaps),))

    assert (alert.rule, alert.band) == (Rule.POWER_GAP, 30)
    facts = {name: alert.facts[name] for name in ("gap_from_on", "gap_until_on", "gap_mw", "mw_days", "binding")}
    assert facts == {
        "gap_from_on": "2027-05-01",
        "gap_until_on": "2027-06-10",
        "gap_mw": "6",
        "mw_days": "184",  # 31 x 4 + 10 x 6
        "binding": "grid",
    }


def test_a_gap_below_its_megawatts_or_too_short_says_nothing() -> None:
    settings = RuleSettings([Setting(Rule.POWER_GAP, SITE, None, {"least_mw": 5, "within_days": 200})])

    assert _alerts(settings, sites=(_site(gaps=(_gap(date(2027, 5, 1), 31, 4),)),)) == []
    assert _alerts(settings, sites=(_site(gaps=(_gap(date(2027, 5, 1), 6, 8),)),)) == []
    assert _alerts(settings, sites=(_site(gaps=(_gap(date(2027, 6, 9), 30, 8),)),)) == []
    assert len(_alerts(settings, sites=(_site(gaps=(_gap(date(2027, 6, 8), 30, 8),)),))) == 1


@pytest.mark.parametrize(
    ("slack", "band"),
    [(61, None), (60, -60), (31, -60), (30, -30), (0, -30), (-1, 1), (-8, 7), (-30, 30), (-65, 60)],
)
def test_a_cod_is_told_when_it_comes_near_its_guaranteed_date_and_when_it_passes_it(
    slack: int, band: int | None
) -> None:
    found = _alerts(shares=(_share(guaranteed_cod_on=date(2027, 6, 1) + timedelta(days=slack)),))

    assert [alert.band for alert in found] == ([] if band is None else [band])


def test_a_cod_past_its_guaranteed_date_says_how_late_and_what_it_costs() -> None:
    (alert,) = _alerts(shares=(_share(guaranteed_cod_on=date(2027, 5, 22)),))

    assert (alert.facts["days_late"], alert.facts["float_days"], alert.facts["mw_days"]) == (10, -10, "80")
    assert alert.facts["guaranteed_cod_on"] == "2027-05-22"


def test_the_long_stop_is_told_ninety_days_ahead() -> None:
    (alert,) = _alerts(shares=(_share(long_stop_on=date(2027, 8, 30)),))

    assert (alert.rule, alert.band, alert.facts["days_left"]) == (Rule.LONG_STOP_NEAR, -90, 90)


@pytest.mark.parametrize("name", ["guaranteed_cod_on", "long_stop_on"])
def test_how_far_it_has_slipped_in_all_stands_beside_such_a_date(name: str) -> None:
    (alert,) = _alerts(shares=(_share(cod_slip_days=41, **{name: TODAY}),))

    assert alert.facts["slip_days"] == 41


def test_a_plant_that_operates_is_past_such_dates() -> None:
    assert _alerts(shares=(_share(cod_is_actual=True, guaranteed_cod_on=TODAY, long_stop_on=TODAY),)) == []


def test_an_overlap_is_told_without_what_others_take() -> None:
    (alert,) = _alerts(shares=(_share(overlap_on=date(2028, 1, 1)),))

    assert (alert.rule, alert.lane) == (Rule.SHARE_OVERLAP, Lane.DIGEST)
    assert alert.facts == {"overlap_on": "2028-01-01", "share_mw": "8", "vendor": "Ridge"}


def _twice(from_on: date, days: int, mw: int) -> Overlap:
    return Overlap(from_on, from_on + timedelta(days=days - 1), Decimal(mw))


def test_power_contracted_twice_is_told_with_its_days_and_megawatts() -> None:
    # 31 days x 4 MW and 30 days x 6 MW: 61 days, 304 MW-days, 6 MW at most.
    twice = _twice(date(2027, 5, 1), 31, 4), _twice(date(2027, 6, 1), 30, 6)

    (alert,) = _alerts(shares=(_share(overlaps=twice),))

    assert (alert.rule, alert.lane, alert.band) == (Rule.AGREEMENT_OVERLAP, Lane.DIGEST, 60)
    assert alert.facts == {
        "overlap_from_on": "2027-05-01", "overlap_until_on": "2027-06-30", "overlap_days": 61, "overlap_mw": "6",
        "mw_days": "304", "share_mw": "8", "vendor": "Ridge",
    }  # fmt: skip


@pytest.mark.parametrize(
    "twice",
    [
        (_twice(date(2027, 5, 1), 29, 4),),
        (Overlap(date(2027, 5, 1), date(2028, 5, 1), Decimal("0.9")),),
        (_twice(TODAY + timedelta(days=366), 90, 4),),
    ],
    ids=["too short", "too little", "too far"],
)
def test_a_small_short_or_far_overlap_is_not_told(twice: tuple[Overlap, ...]) -> None:
    assert _alerts(shares=(_share(overlaps=twice),)) == []


def test_an_expiry_is_told_where_its_load_goes_on_uncovered() -> None:
    soon = TODAY + timedelta(days=170)

    (alert,) = _alerts(shares=(_share(expires_on=soon, uncovered_mw=Decimal(5)),))

    assert (alert.rule, alert.band, alert.facts["uncovered_mw"]) == (Rule.UNMATCHED_EXPIRY, -180, "5")
    assert _alerts(shares=(_share(expires_on=soon, uncovered_mw=None),)) == []
    assert _alerts(shares=(_share(expires_on=TODAY + timedelta(days=366), uncovered_mw=Decimal(5)),)) == []


def _clock(days: int, **given: Any) -> PowerClock:
    clock = Clock(
        ClockKind.NOTICE, UUID(int=3), "Notice of delay", TODAY + timedelta(days=days), calendar=SYDNEY,
        agreement=UUID(int=4),
    )  # fmt: skip
    return PowerClock(replace(clock, **given), "A Notice of delay", "Mika", SITE)


@pytest.mark.parametrize(
    ("days", "band", "lane"),
    [
        (31, None, None),
        (30, -30, Lane.DIGEST),
        (14, -14, Lane.DIGEST),
        (3, -3, Lane.URGENT),
        (0, -3, Lane.URGENT),
        (-8, 7, Lane.URGENT),
    ],
)
def test_a_clock_is_told_as_it_runs_out(days: int, band: int | None, lane: Lane | None) -> None:
    found = _alerts(clocks=(_clock(days),))

    assert [(alert.band, alert.lane) for alert in found] == ([] if band is None else [(band, lane)])


def test_a_clock_that_will_be_missed_is_told_however_far_it_is() -> None:
    (alert,) = _alerts(clocks=(_clock(200, expected_on=TODAY + timedelta(days=201)),))

    assert (alert.lane, alert.facts["days_left"]) == (Lane.URGENT, 200)


@pytest.mark.parametrize("given", [{"done_on": TODAY}, {"due_on": None}, {"kind": ClockKind.LONG_STOP}])
def test_a_clock_that_has_stopped_or_has_its_own_rule_says_nothing(given: dict[str, Any]) -> None:
    assert _alerts(clocks=(_clock(0, **given),)) == []


def test_a_clock_says_whose_it_is_and_where_its_page_is() -> None:
    (alert,) = _alerts(clocks=(_clock(3),))

    assert (alert.subject_kind, alert.facts["owner"]) == (AlertSubject.AGREEMENT, "Mika")
    assert alert.facts["agreement"] == str(UUID(int=4))
    assert alert.facts["working_days_left"] == 1  # a Friday and the Monday after it


def test_the_clock_of_an_offer_is_about_the_connection() -> None:
    (alert,) = _alerts(clocks=(_clock(3, kind=ClockKind.OFFER_EXPIRY, connection=uuid4(), agreement=None),))

    assert alert.subject_kind == AlertSubject.GRID_CONNECTION


def test_a_rule_that_is_switched_off_says_nothing() -> None:
    settings = RuleSettings([Setting(rule, SITE, None, {"enabled": False}) for rule in Rule])

    assert (
        _alerts(
            settings,
            sites=(_site(first_power_on=date(2027, 6, 11), gaps=(_gap(date(2027, 5, 1), 31, 4),)),),
            shares=(
                _share(
                    guaranteed_cod_on=TODAY, long_stop_on=TODAY, overlap_on=TODAY, expires_on=TODAY,
                    overlaps=(_twice(TODAY, 90, 4),),
                    uncovered_mw=Decimal(5),
                ),
            ),
            clocks=(_clock(3),),
        )
        == []
    )  # fmt: skip


def test_every_subject_is_known_so_that_its_alerts_do_not_count_as_gone() -> None:
    facts = PowerPortfolio((_site(),), (_share(),), (_clock(300),))

    assert set(look(facts, TODAY).subjects) == {
        (AlertSubject.SITE, SITE),
        (AlertSubject.AGREEMENT_SHARE, UUID(int=2)),
        (AlertSubject.AGREEMENT, UUID(int=3)),
    }
