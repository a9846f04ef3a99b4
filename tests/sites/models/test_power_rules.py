"""What the tables of agreements and grid connections refuse, each in the name of its rule."""

from datetime import date

import pytest

from sites.models import PowerPurchaseAgreement
from sites.vocabulary import AgreementState
from tests.factories.power import (
    AgreementDocumentFactory,
    CapacityStepFactory,
    ConditionFactory,
    CreditSupportFactory,
    DamagesBandFactory,
    DelayDamagesFactory,
    NetworkWorksFactory,
    NoticeFactory,
    ShareStepFactory,
    SpotPriceFactory,
)
from tests.factories.sites import AgreementFactory, GridConnectionFactory
from tests.refusals import kept, refused_by
from tests.rule_cases import Check, Column, Own, RuleTests, Twice

pytestmark = pytest.mark.django_db

TOO_EARLY, TOO_LATE = date(1999, 12, 31), date(2101, 1, 1)
FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)

CHECKS = [
    Check(
        "a_grid_connection_has_plausible_megawatts",
        GridConnectionFactory,
        wrong={"flexible_mw": "-1"},
        right={"flexible_mw": "0"},
    ),
    Check(
        "a_grid_connection_is_firm_and_flexible_within_its_offer",
        GridConnectionFactory,
        wrong={"offered_mw": "20", "firm_mw": "15", "flexible_mw": "5.001"},
        right={"offered_mw": "20", "firm_mw": "15", "flexible_mw": "5"},
    ),
    Check(
        "a_grid_connection_has_plausible_dates",
        GridConnectionFactory,
        wrong={"offer_expires_on": TOO_LATE},
        right={"offer_expires_on": LAST},
    ),
    Check("a_capacity_step_has_plausible_megawatts", CapacityStepFactory, {"firm_mw": "-0.001"}, {"firm_mw": "0"}),
    Check(
        "a_capacity_step_has_plausible_megawatts",
        CapacityStepFactory,
        wrong={"flexible_mw": "100000.001"},
        right={"flexible_mw": "100000"},
    ),
    Check("a_capacity_step_has_a_plausible_date", CapacityStepFactory, {"from_on": TOO_EARLY}, {"from_on": FIRST}),
    Check(
        "an_agreement_floors_its_price_below_its_cap",
        AgreementFactory,
        wrong={"price_floor": "95.01", "price_cap": "95"},
        right={"price_floor": "95", "price_cap": "95"},
    ),
    Check(
        "an_agreement_takes_no_more_than_the_plant_has",
        AgreementFactory,
        wrong={"contracted_mw": "24", "installed_mw": "23.999"},
        right={"contracted_mw": "24", "installed_mw": "24"},
    ),
    Check(
        "an_agreement_takes_no_more_than_the_plant_has",
        AgreementFactory,
        wrong={"contracted_mw": "24", "installed_mw": "60", "minimum_installed_mw": "60.001"},
        right={"contracted_mw": "24", "installed_mw": "60", "minimum_installed_mw": "60"},
    ),
    Check(
        "an_agreement_has_plausible_amounts",
        AgreementFactory,
        wrong={"settlement_floor": "-100000.01"},
        right={"settlement_floor": "-100000"},
    ),
    Check(
        "an_agreement_has_plausible_percentages",
        AgreementFactory,
        wrong={"indexed_share_percent": "100.001"},
        right={"indexed_share_percent": "100"},
    ),
    Check(
        "an_agreement_has_a_plausible_volume_and_term",
        AgreementFactory,
        wrong={"p50_mwh": "-0.1"},
        right={"p50_mwh": "0"},
    ),
    Check(
        "an_agreement_expects_at_most_its_p50_at_p90",
        AgreementFactory,
        wrong={"p50_mwh": "100000", "p90_mwh": "100000.1"},
        right={"p50_mwh": "100000", "p90_mwh": "100000"},
    ),
    Check(
        "an_agreement_settles_by_a_known_interval",
        AgreementFactory,
        wrong={"settlement_interval_minutes": 20},
        right={"settlement_interval_minutes": 5},
    ),
    Check(
        "a_signed_agreement_states_its_buyer_price_and_term",
        AgreementFactory,
        wrong={"state": AgreementState.SIGNED, "price": None},
        right={"state": AgreementState.TERM_SHEET, "price": None},
    ),
    Check(
        "a_signed_agreement_states_its_buyer_price_and_term",
        AgreementFactory,
        wrong={"state": AgreementState.SIGNED, "buyer": ""},
        right={"state": AgreementState.TERMINATED, "buyer": ""},
    ),
    Check("an_agreement_names_an_iso_country", AgreementFactory, {"country": "au"}, {"country": "NZ"}),
    Check("a_share_step_has_plausible_megawatts", ShareStepFactory, {"share_mw": "-0.001"}, {"share_mw": "0"}),
    Check("a_share_step_has_a_plausible_date", ShareStepFactory, {"from_on": TOO_LATE}, {"from_on": LAST}),
    Check("a_spot_price_is_plausible", SpotPriceFactory, {"price_per_mwh": "10000001"}, {"price_per_mwh": "-50"}),
    Check("a_spot_price_has_a_plausible_date", SpotPriceFactory, {"from_on": TOO_EARLY}, {"from_on": FIRST}),
    Check("a_spot_price_says_its_source", SpotPriceFactory, {"source": ""}, {"source": "Forward curve"}),
    Check("a_spot_price_names_an_iso_currency", SpotPriceFactory, {"currency": "A$"}, {"currency": "JPY"}),
    Check(
        "damages_are_due_after_a_day_that_is_given",
        DelayDamagesFactory,
        wrong={"due": "day"},
        right={"due": "day", "due_on": date(2027, 9, 1)},
    ),
    Check(
        "damages_are_due_after_a_day_that_is_given",
        DelayDamagesFactory,
        wrong={"due": "guaranteed_cod", "due_on": date(2027, 9, 1)},
        right={"due": "guaranteed_cod"},
    ),
    Check(
        "damages_in_percent_name_their_rate_and_base",
        DelayDamagesFactory,
        wrong={"kind": "percent_per_day", "percent_per_day": "1.5"},
        right={"kind": "percent_per_day", "percent_per_day": "1.5", "base_amount": "1000000"},
    ),
    Check(
        "damages_capped_in_percent_name_their_base",
        DelayDamagesFactory,
        wrong={"cap_percent": "10"},
        right={"cap_percent": "10", "base_amount": "1000000"},
    ),
    Check(
        "damages_have_plausible_amounts",
        DelayDamagesFactory,
        wrong={"cap_amount": "-1"},
        right={"cap_amount": "0"},
    ),
    Check(
        "damages_have_a_plausible_due_date",
        DelayDamagesFactory,
        wrong={"due": "day", "due_on": TOO_LATE},
        right={"due": "day", "due_on": LAST},
    ),
    Check("damages_have_plausible_days", DelayDamagesFactory, {"grace_days": 3661}, {"grace_days": 3660}),
    Check("a_damages_band_starts_on_a_plausible_day", DamagesBandFactory, {"from_day": 0}, {"from_day": 1}),
    Check(
        "a_damages_band_has_a_plausible_amount",
        DamagesBandFactory,
        wrong={"amount_per_mw_day": "-1"},
        right={"amount_per_mw_day": "0"},
    ),
    Check("a_condition_says_what_must_be_so", ConditionFactory, {"text": ""}, {"text": "Permit"}),
    Check(
        "a_condition_is_met_or_waived_but_not_both",
        ConditionFactory,
        wrong={"met_on": date(2027, 1, 1), "waived_on": date(2027, 1, 2)},
        right={"waived_on": date(2027, 1, 2)},
    ),
    Check("a_condition_has_plausible_dates", ConditionFactory, {"due_on": TOO_EARLY}, {"due_on": FIRST}),
    Check("a_notice_says_what_to_whom", NoticeFactory, {"served_to": ""}, {"served_to": "Seller"}),
    Check(
        "a_notice_names_the_date_it_is_counted_from",
        NoticeFactory,
        wrong={"reference": "day", "reference_on": None},
        right={"reference": "long_stop", "reference_on": None},
    ),
    Check(
        "a_notice_names_the_date_it_is_counted_from",
        NoticeFactory,
        wrong={"reference": "milestone", "reference_on": None},
        right={"reference": "milestone", "reference_on": None, "milestone_code": "COD"},
    ),
    Check("a_notice_has_plausible_days", NoticeFactory, {"days": 3661}, {"days": 3660}),
    Check("a_notice_has_plausible_dates", NoticeFactory, {"served_on": TOO_LATE}, {"served_on": LAST}),
    Check("credit_support_has_a_plausible_amount", CreditSupportFactory, {"amount": "-1"}, {"amount": None}),
    Check("credit_support_names_an_iso_currency", CreditSupportFactory, {"currency": "yen"}, {"currency": "JPY"}),
    Check(
        "credit_support_expires_on_or_after_its_start",
        CreditSupportFactory,
        wrong={"from_on": date(2028, 7, 1)},
        right={"from_on": date(2028, 6, 30)},
    ),
    Check(
        "credit_support_has_plausible_dates",
        CreditSupportFactory,
        wrong={"released_on": TOO_LATE},
        right={"released_on": LAST},
    ),
    Check("credit_support_has_plausible_days", CreditSupportFactory, {"renew_days": 3661}, {"renew_days": 3660}),
    Check(
        "an_agreement_document_says_what_it_is_and_where",
        AgreementDocumentFactory,
        wrong={"title": ""},
        right={"title": "Amendment 1"},
    ),
    Check(
        "an_agreement_document_has_a_plausible_date",
        AgreementDocumentFactory,
        wrong={"dated_on": TOO_EARLY},
        right={"dated_on": FIRST},
    ),
]

TWICE = [
    Twice(
        "network_works_have_a_name_unique_within_a_connection",
        NetworkWorksFactory,
        same=("connection", "name"),
        near=({"connection": Own}, {"name": Own}),
    ),
    Twice(
        "a_capacity_step_number_is_unique_within_a_connection",
        CapacityStepFactory,
        same=("connection", "number"),
        near=({"connection": Own}, {"number": Own}),
    ),
    Twice(
        "a_share_has_one_step_a_day",
        ShareStepFactory,
        same=("share", "from_on"),
        near=({"share": Own}, {"from_on": date(2029, 1, 1)}),
    ),
    Twice(
        "a_site_assumes_one_spot_price_from_a_day",
        SpotPriceFactory,
        same=("site", "from_on"),
        near=({"site": Own}, {"from_on": date(2029, 1, 1)}),
    ),
    Twice(
        "an_agreement_has_one_damages_clause_a_direction",
        DelayDamagesFactory,
        same=("agreement", "direction"),
        near=({"agreement": Own}, {"direction": "payable"}),
    ),
    Twice(
        "damages_have_one_band_from_a_day",
        DamagesBandFactory,
        same=("damages", "from_day"),
        near=({"damages": Own}, {"from_day": 31}),
    ),
    Twice(
        "a_condition_number_is_unique_within_an_agreement",
        ConditionFactory,
        same=("agreement", "number"),
        near=({"agreement": Own}, {"number": Own}),
    ),
    Twice(
        "a_notice_number_is_unique_within_an_agreement",
        NoticeFactory,
        same=("agreement", "number"),
        near=({"agreement": Own}, {"number": Own}),
    ),
    Twice(
        "an_agreement_names_a_document_once_by_its_reference",
        AgreementDocumentFactory,
        same=("agreement", "reference"),
        near=({"agreement": Own}, {"reference": Own}),
    ),
]

COLUMNS = [Column("NetworkWorks.chain", NetworkWorksFactory, again={"name": "Third circuit"})]


class TestRules(RuleTests):
    checks = CHECKS
    twice = TWICE
    columns = COLUMNS


def _move(since: AgreementState, until: AgreementState) -> None:
    agreement = AgreementFactory.create(state=since)
    PowerPurchaseAgreement.objects.filter(pk=agreement.pk).update(state=until)


def test_the_database_refuses_a_move_that_is_not_permitted() -> None:
    with refused_by("an_agreement_moves_only_as_permitted"):
        _move(AgreementState.EXPIRED, AgreementState.OPERATING)


def test_the_database_lets_a_permitted_move_pass() -> None:
    with kept():
        _move(AgreementState.CONSTRUCTION, AgreementState.COD)
