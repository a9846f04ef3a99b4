"""The clocks of stored agreements and offers, and what the power rules read of the portfolio."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from procurement.domain.alert_parameters import RuleSettings
from procurement.models import Alert
from procurement.queries import contract_clocks, power_alert_facts
from procurement.queries.contract_clocks import PlacedClock
from procurement.services import alerts
from procurement.vocabulary import Rule
from sites.accounts.permissions import Role
from sites.models import PowerPurchaseAgreement, Site
from sites.vocabulary import AgreementState, Certificate, ClockKind, GridState
from tests.factories.accounts import UserFactory
from tests.factories.power import ConditionFactory, CreditSupportFactory, NoticeFactory, ShareStepFactory
from tests.factories.procurement import BlockForecastFactory, ChainForecastFactory, ForecastRunFactory
from tests.factories.sites import (
    AgreementFactory,
    BlockFactory,
    GridConnectionFactory,
    LoadStepFactory,
    MembershipFactory,
    ShareFactory,
    SiteFactory,
)

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)


def _agreement(cod_on: date | None = date(2027, 6, 15), **given: object) -> PowerPurchaseAgreement:
    agreement: PowerPurchaseAgreement = AgreementFactory.create(**given)
    if cod_on:
        ChainForecastFactory.create(
            chain=agreement.chain,
            forecast_on=cod_on,
            run=ForecastRunFactory.create(site=None),
            steps=[{"code": "BACKFEED", "forecast_on": "2027-04-01"}, {"code": "COD", "forecast_on": str(cod_on)}],
        )
    return agreement


def _clocks(kind: ClockKind) -> list[PlacedClock]:
    return [row for row in contract_clocks.all_clocks(TODAY) if row.clock.kind is kind]


def test_the_dates_of_cod_are_clocks_against_the_forecast() -> None:
    _agreement()

    found = {row.clock.kind: row.clock.slack_days for row in contract_clocks.all_clocks(TODAY)}

    # Target 1 June: 14 days missed; guaranteed 1 September and long-stop 1 March 2028 hold.
    assert found[ClockKind.TARGET_COD] == -14
    assert found[ClockKind.GUARANTEED_COD] == 78
    assert found[ClockKind.LONG_STOP] == 260


def test_a_notice_before_a_milestone_moves_with_its_forecast() -> None:
    agreement = _agreement()
    given = {"agreement": agreement, "reference_on": None, "days": 30}
    NoticeFactory.create(**given, reference="milestone", milestone_code="BACKFEED")
    NoticeFactory.create(**given, reference="guaranteed_cod", side="after")

    moving, fixed = sorted(_clocks(ClockKind.NOTICE), key=lambda row: row.clock.due_on or date.max)

    assert (moving.clock.due_on, moving.clock.moves) == (date(2027, 3, 2), True)
    assert (fixed.clock.due_on, fixed.clock.moves) == (date(2027, 10, 1), False)


def test_a_term_without_a_start_of_its_own_ends_by_the_forecast_of_cod() -> None:
    _agreement(term_years=10)

    (row,) = _clocks(ClockKind.TERM_END)

    assert (row.clock.due_on, row.clock.moves) == (date(2037, 6, 14), True)


def test_conditions_and_credit_support_are_clocks_until_they_are_settled() -> None:
    agreement = _agreement()
    ConditionFactory.create(agreement=agreement, due_on=date(2027, 2, 1), met_on=date(2026, 11, 1))
    CreditSupportFactory.create(agreement=agreement, expires_on=date(2028, 6, 30), renew_days=60)

    (condition,), (credit,) = _clocks(ClockKind.CONDITION), _clocks(ClockKind.CREDIT_SUPPORT)

    assert condition.clock.state(TODAY) == "done"
    assert credit.clock.due_on == date(2028, 5, 1)


def test_a_scheme_that_ends_inside_the_term_is_a_clock() -> None:
    _agreement(certificate=Certificate.LGC, term_years=10)
    _agreement(certificate=Certificate.LGC, certificate_successor=Certificate.REGO_AU, term_years=10)

    (row,) = _clocks(ClockKind.CERTIFICATE_END)

    assert row.clock.due_on == date(2030, 12, 31)


def test_an_offer_is_a_clock_until_it_is_signed() -> None:
    offered = GridConnectionFactory.create(offer_expires_on=date(2026, 12, 15), state=GridState.OFFERED)
    ChainForecastFactory.create(chain=offered.chain, steps=[{"code": "SIGNED", "forecast_on": "2026-12-20"}])
    GridConnectionFactory.create(offer_expires_on=date(2026, 12, 15), state=GridState.WORKS)

    by_state = {row.clock.state(TODAY) for row in _clocks(ClockKind.OFFER_EXPIRY)}

    assert by_state == {"missed", "done"}


def test_each_clock_has_an_owner_and_a_calendar() -> None:
    lead, clerk = UserFactory.create(name="Mika"), UserFactory.create(name="Noor")
    agreement = _agreement(owner=lead)
    ShareFactory.create(agreement=agreement, site=SiteFactory.create(tokyo=True))
    ConditionFactory.create(agreement=agreement)
    NoticeFactory.create(agreement=agreement, owner=clerk)

    (condition,), (notice,) = _clocks(ClockKind.CONDITION), _clocks(ClockKind.NOTICE)

    assert (condition.owner, notice.owner) == ("Mika", "Noor")
    assert condition.clock.calendar is not None
    assert condition.clock.calendar.code == "JP"


def test_talks_have_no_clocks() -> None:
    _agreement(state=AgreementState.TERM_SHEET)

    assert contract_clocks.all_clocks(TODAY) == ()


def test_a_reader_sees_clocks_of_their_sites_and_their_sites_only() -> None:
    here, there = SiteFactory.create(), SiteFactory.create()
    shared, other = _agreement(code="SHARED"), _agreement(code="OTHER")
    for site in (here, there):
        ShareFactory.create(agreement=shared, site=site)
    ShareFactory.create(agreement=other, site=there)
    person = MembershipFactory.create(role=Role.VIEWER, site=here).person

    found = contract_clocks.clocks_visible_to(person, TODAY)

    assert {row.code for row in found} == {"SHARED"}
    assert {site for row in found for site in row.sites} == {here.pk}


def test_an_alert_about_a_shared_agreement_keeps_the_words_of_the_parties() -> None:
    here, there = SiteFactory.create(), SiteFactory.create()
    shared, own = _agreement(code="SHARED"), _agreement(code="OWN")
    for agreement, site in ((shared, here), (shared, there), (own, here)):
        ShareFactory.create(agreement=agreement, site=site)
    for agreement in (shared, own):
        ConditionFactory.create(agreement=agreement, text="Lease of the hall")

    clocks = power_alert_facts.portfolio(TODAY, RuleSettings()).clocks

    told = {row.text for row in clocks if row.clock.kind is ClockKind.CONDITION}
    assert told == {"SHARED Condition precedent", "OWN Condition precedent: Lease of the hall"}


def test_many_clocks_take_as_many_queries_as_one() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            contract_clocks.all_clocks(TODAY)
        return len(made)

    def add() -> None:
        agreement = _agreement()
        ShareFactory.create(agreement=agreement)
        for make in (ConditionFactory, NoticeFactory, CreditSupportFactory):
            make.create(agreement=agreement)

    add()
    once = queries()
    add()
    add()

    assert queries() == once


# -- what the rules read --------------------------------------------------------------------------------------------


def _late_site() -> Site:
    """Load of 10 MW from May, power of 6 MW from July, equipment in time."""
    site = SiteFactory.create(code="SYD01")
    grid = GridConnectionFactory.create(site=site, firm_mw=6, offered_mw=6)
    ChainForecastFactory.create(chain=grid.chain, forecast_on=date(2027, 7, 1))
    block = BlockFactory.create(phase__site=site, it_mw=20, rfs_actual_on=date(2026, 11, 1))
    BlockForecastFactory.create(block=block)
    LoadStepFactory.create(site=site, from_on=date(2027, 5, 1), gross_mw=10)
    return site


def test_the_rules_read_gaps_of_the_time_ahead() -> None:
    _late_site()

    (site,) = power_alert_facts.portfolio(TODAY, RuleSettings()).sites

    # From May nothing of 10 MW, from July 6 of 10, to the end of the 365 days ahead.
    assert [(gap.from_on, gap.mw, gap.binding) for gap in site.gaps] == [
        (date(2027, 5, 1), Decimal(10), ("grid",)),
        (date(2027, 7, 1), Decimal(4), ("grid",)),
    ]
    assert site.gaps[-1].until_on == date(2027, 11, 20)


def test_an_overlap_is_found_over_all_sites_of_an_agreement() -> None:
    agreement = _agreement(contracted_mw=20)
    one = ShareFactory.create(agreement=agreement, share_mw=12)
    ShareFactory.create(agreement=agreement, share_mw=8)
    ShareStepFactory.create(share=one, from_on=date(2028, 7, 1), share_mw=13)

    shares = power_alert_facts.portfolio(TODAY, RuleSettings()).shares

    assert {share.overlap_on for share in shares} == {date(2028, 7, 1)}


def test_an_expiry_is_uncovered_by_what_the_other_shares_leave_open() -> None:
    site = SiteFactory.create()
    LoadStepFactory.create(site=site, from_on=date(2027, 1, 1), gross_mw=10)
    for mw, until_on in ((6, date(2028, 12, 31)), (7, None)):
        share = ShareFactory.create(agreement=_agreement(contracted_mw=mw), site=site, share_mw=mw, until_on=until_on)
        assert share.pk

    shares = power_alert_facts.portfolio(TODAY, RuleSettings()).shares

    expiring = next(share for share in shares if share.expires_on == date(2028, 12, 31))
    assert expiring.uncovered_mw == 3  # 10 MW of load, 7 MW by the other


def test_a_successor_that_comes_after_the_expiry_covers_nothing_yet() -> None:
    site = SiteFactory.create()
    LoadStepFactory.create(site=site, from_on=date(2027, 1, 1), gross_mw=10)
    ShareFactory.create(agreement=_agreement(contracted_mw=8), site=site, share_mw=8, until_on=date(2027, 12, 31))
    coming = _agreement(date(2028, 2, 1), contracted_mw=8)
    ShareFactory.create(agreement=coming, site=site, share_mw=8)

    shares = power_alert_facts.portfolio(TODAY, RuleSettings()).shares

    # 10 MW of load on 1 January 2028; the old share gave 8 of them, the new one comes a month later.
    assert next(share.uncovered_mw for share in shares if share.expires_on == date(2027, 12, 31)) == 8


def test_two_agreements_that_deliver_more_than_the_load_are_an_overlap_of_the_later_one() -> None:
    site = SiteFactory.create()
    LoadStepFactory.create(site=site, from_on=date(2027, 1, 1), gross_mw=10)
    for mw, cod_on, until_on in ((7, date(2027, 2, 1), date(2027, 12, 31)), (6, date(2027, 6, 1), None)):
        ShareFactory.create(agreement=_agreement(cod_on, contracted_mw=mw), site=site, share_mw=mw, until_on=until_on)

    alerts.evaluate_power(as_of=TODAY, now=NOW)

    # 7 + 6 MW for a load of 10 from 1 June to 31 December: 3 MW too many on 214 days, 642 MW-days.
    alert = Alert.objects.get(rule=Rule.AGREEMENT_OVERLAP)
    assert alert.site == site
    told = {name: alert.facts[name] for name in ("overlap_from_on", "overlap_until_on", "overlap_days", "overlap_mw")}
    assert told == {
        "overlap_from_on": "2027-06-01", "overlap_until_on": "2027-12-31", "overlap_days": 214, "overlap_mw": "3",
    }  # fmt: skip
    assert alert.facts["mw_days"] == "642"


def test_a_look_at_the_power_portfolio_raises_what_the_rules_say() -> None:
    site = _late_site()
    agreement = _agreement(date(2027, 9, 20), contracted_mw=10)
    ShareFactory.create(agreement=agreement, site=site, share_mw=10)
    NoticeFactory.create(agreement=agreement, reference_on=date(2026, 12, 31), days=30)

    alerts.evaluate_power(as_of=TODAY, now=NOW)

    # COD 20 September: after the grid (1 July), 19 days past the guaranteed date; the notice by 1 December.
    assert set(Alert.objects.values_list("rule", flat=True)) == {
        Rule.COD_AFTER_ENERGISATION,
        Rule.ENERGISATION_AFTER_LOAD,
        Rule.COD_NEAR_GUARANTEED,
        Rule.POWER_GAP,
        Rule.CONTRACT_CLOCK,
    }
    assert set(Alert.objects.values_list("site__code", flat=True)) == {"SYD01"}


def test_a_second_look_changes_nothing_and_a_settled_clock_recovers() -> None:
    site = _late_site()
    agreement = _agreement(date(2027, 6, 15), contracted_mw=10)
    ShareFactory.create(agreement=agreement, site=site, share_mw=10)
    notice = NoticeFactory.create(agreement=agreement, reference_on=date(2026, 12, 31), days=30)
    alerts.evaluate_power(as_of=TODAY, now=NOW)
    again = alerts.evaluate_power(as_of=TODAY, now=NOW)
    assert (again.opened, again.told, again.recovered) == (0, 0, 0)

    notice.served_on = TODAY
    notice.save()

    assert alerts.evaluate_power(as_of=TODAY, now=NOW).recovered == 1
    assert Alert.objects.get(rule=Rule.CONTRACT_CLOCK).state == "recovered"


def test_a_look_takes_as_many_queries_for_three_sites_as_for_one() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            power_alert_facts.portfolio(TODAY, RuleSettings())
        return len(made)

    def add() -> None:
        site = SiteFactory.create()
        LoadStepFactory.create(site=site)
        GridConnectionFactory.create(site=site, offer_expires_on=date(2027, 1, 1))
        ShareFactory.create(agreement=_agreement(), site=site)

    add()
    once = queries()
    add()
    add()

    assert queries() == once
