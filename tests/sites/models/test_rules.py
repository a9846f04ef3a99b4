"""What the tables of places, chains and power refuse, each in the name of its rule."""

from datetime import date

import pytest
from factory.declarations import SelfAttribute, SubFactory

from sites.vocabulary import (
    AnchorField,
    AnchorSubject,
    AssignmentScope,
    DecisionKind,
    GateKind,
    Precision,
    RevisionState,
    ScopeKind,
)
from tests.factories.accounts import UserFactory
from tests.factories.sites import (
    AbsenceFactory,
    ActivityFactory,
    ActivityLinkFactory,
    AgreementFactory,
    AnchorRuleFactory,
    AssignmentFactory,
    BaselineFactory,
    BlockFactory,
    ChainFactory,
    ClosureFactory,
    DeskFactory,
    GateFactory,
    GridConnectionFactory,
    LoadStepFactory,
    MembershipFactory,
    MilestoneFactory,
    MilestoneRoundFactory,
    PersonCalendarFactory,
    PhaseFactory,
    PromiseFactory,
    RetractionFactory,
    ScheduleBaselineActivityFactory,
    ScheduleCalendarFactory,
    ScheduleDecisionFactory,
    ScheduleDocumentFactory,
    ScheduleRevisionFactory,
    ScheduleWbsFactory,
    ShareFactory,
    SiteFactory,
    WorkCalendarFactory,
)
from tests.rule_cases import Check, Column, Own, RuleTests, Twice

pytestmark = pytest.mark.django_db

TOO_EARLY, TOO_LATE = date(1999, 12, 31), date(2101, 1, 1)
FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)
NOON = "2026-11-20T12:00:00+00:00"

CHECKS = [
    Check(
        "a_closure_ends_on_or_after_its_start",
        ClosureFactory,
        wrong={"from_on": date(2026, 12, 24), "until_on": date(2026, 12, 23)},
        right={"from_on": date(2026, 12, 24), "until_on": date(2026, 12, 24)},
    ),
    Check(
        "a_closure_has_plausible_dates",
        ClosureFactory,
        wrong={"from_on": FIRST, "until_on": TOO_LATE},
        right={"from_on": FIRST, "until_on": LAST},
    ),
    Check("a_site_runs_at_50_or_60_hertz", SiteFactory, {"grid_frequency_hz": 55}, {"grid_frequency_hz": 60}),
    Check(
        "a_site_lies_on_the_globe",
        SiteFactory,
        wrong={"latitude": "90.00001", "longitude": "151"},
        right={"latitude": "-90", "longitude": "-180"},
    ),
    Check("a_site_lies_on_the_globe", SiteFactory, {"longitude": "-180.00001"}, {"longitude": "180"}),
    Check("a_site_names_an_iso_country", SiteFactory, {"country": "au"}, {"country": "GB"}),
    Check("a_site_names_an_iso_currency", SiteFactory, {"currency": "AU"}, {"currency": "GBP"}),
    Check("a_milestone_duration_is_plausible", MilestoneFactory, {"duration_days": 3661}, {"duration_days": 3660}),
    Check(
        "a_milestone_left_out_says_why",
        MilestoneFactory,
        wrong={"applicable": False},
        right={"applicable": False, "not_applicable_reason": "Made in the country"},
    ),
    Check(
        "a_lock_has_its_date_and_instant_together",
        MilestoneFactory,
        wrong={"locked_on": date(2027, 5, 1)},
        right={"locked_on": date(2027, 5, 1), "locked_at": NOON},
    ),
    Check("a_lock_has_its_date_and_instant_together", MilestoneFactory, {"locked_at": NOON}, {}),
    Check("a_milestone_has_plausible_dates", MilestoneFactory, {"planned_on": TOO_LATE}, {"planned_on": LAST}),
    Check("a_milestone_has_plausible_dates", MilestoneFactory, {"actual_on": TOO_EARLY}, {"actual_on": FIRST}),
    Check(
        "a_milestone_has_plausible_dates",
        MilestoneFactory,
        wrong={"locked_on": TOO_LATE, "locked_at": NOON},
        right={"locked_on": LAST, "locked_at": NOON},
    ),
    Check(
        "a_round_returns_on_or_after_it_was_submitted",
        MilestoneRoundFactory,
        wrong={"submitted_on": date(2026, 9, 25), "returned_on": date(2026, 9, 24)},
        right={"submitted_on": date(2026, 9, 25), "returned_on": date(2026, 9, 25)},
    ),
    Check("a_round_has_plausible_dates", MilestoneRoundFactory, {"submitted_on": TOO_EARLY}, {"submitted_on": FIRST}),
    Check("a_baseline_version_starts_at_one", BaselineFactory, {"version": 0}, {"version": 1}),
    Check(
        "only_a_promise_to_be_determined_has_no_date",
        PromiseFactory,
        wrong={"counts_on": None, "value": "2027-W23", "precision": Precision.WEEK},
        right={"counts_on": date(2027, 6, 13), "value": "2027-W23", "precision": Precision.WEEK},
    ),
    Check(
        "only_a_promise_to_be_determined_has_no_date",
        PromiseFactory,
        wrong={"counts_on": date(2027, 6, 13), "value": "", "precision": Precision.TBD},
        right={"counts_on": None, "value": "", "precision": Precision.TBD},
    ),
    Check("a_promise_has_plausible_dates", PromiseFactory, {"counts_on": TOO_LATE}, {"counts_on": LAST}),
    Check(
        "a_promise_has_plausible_dates",
        PromiseFactory,
        wrong={"stated_on": TOO_EARLY, "recorded_at": NOON},
        right={"stated_on": FIRST, "recorded_at": NOON},
    ),
    Check("a_promise_has_a_reason_code", PromiseFactory, {"reason_code": ""}, {"reason_code": "not_stated"}),
    Check("a_promise_has_a_responsible_party", PromiseFactory, {"responsible": ""}, {"responsible": "owner"}),
    Check("a_promised_quantity_is_positive", PromiseFactory, {"quantity": "0"}, {"quantity": "0.001"}),
    Check("a_retraction_says_why", RetractionFactory, {"reason": ""}, {"reason": "Typed twice"}),
    Check("a_phase_has_plausible_megawatts", PhaseFactory, {"it_mw": "-0.001"}, {"it_mw": "0"}),
    Check("a_phase_has_plausible_megawatts", PhaseFactory, {"gross_mw": "100000.001"}, {"gross_mw": "100000"}),
    Check("a_phase_has_plausible_dates", PhaseFactory, {"rfs_baseline_on": TOO_LATE}, {"rfs_baseline_on": LAST}),
    Check("a_block_has_plausible_megawatts", BlockFactory, {"it_mw": "-0.001"}, {"it_mw": "0"}),
    Check("a_block_has_plausible_dates", BlockFactory, {"rfs_actual_on": TOO_EARLY}, {"rfs_actual_on": FIRST}),
    Check(
        "a_gate_that_follows_an_activity_names_its_project",
        GateFactory,
        wrong={"activity_code": "A1000"},
        right={"activity_code": "A1000", "project_code": "BUILD"},
    ),
    Check(
        "a_membership_names_just_what_its_scope_needs",
        MembershipFactory,
        wrong={"scope": ScopeKind.DESK, "site": SubFactory(SiteFactory)},
        right={"scope": ScopeKind.DESK, "desk": SubFactory(DeskFactory)},
    ),
    Check(
        "a_membership_names_just_what_its_scope_needs",
        MembershipFactory,
        wrong={"scope": ScopeKind.PORTFOLIO, "desk": SubFactory(DeskFactory)},
        right={"scope": ScopeKind.PORTFOLIO},
    ),
    Check(
        "a_membership_names_just_what_its_scope_needs",
        MembershipFactory,
        wrong={"scope": ScopeKind.SITE, "site": SubFactory(SiteFactory), "desk": SubFactory(DeskFactory)},
        right={"scope": ScopeKind.SITE, "site": SubFactory(SiteFactory)},
    ),
    Check("an_assignment_names_just_what_its_scope_needs", AssignmentFactory, {"site": None}, {}),
    Check(
        "an_assignment_names_just_what_its_scope_needs",
        AssignmentFactory,
        wrong={"scope": AssignmentScope.DISCIPLINE},
        right={"scope": AssignmentScope.DISCIPLINE, "discipline": "mechanical", "site": None},
    ),
    Check(
        "an_assignment_names_just_what_its_scope_needs",
        AssignmentFactory,
        wrong={"scope": AssignmentScope.COMPANY},
        right={"scope": AssignmentScope.COMPANY, "subject_id": "0193abcd-0000-7000-8000-000000000001"},
    ),
    Check(
        "an_assignment_ends_on_or_after_its_start",
        AssignmentFactory,
        wrong={"from_on": date(2026, 11, 2), "until_on": date(2026, 11, 1)},
        right={"from_on": date(2026, 11, 2), "until_on": date(2026, 11, 2)},
    ),
    Check("an_assignment_has_plausible_dates", AssignmentFactory, {"until_on": TOO_LATE}, {"until_on": LAST}),
    Check(
        "an_absence_ends_on_or_after_its_start",
        AbsenceFactory,
        wrong={"from_on": date(2026, 11, 16), "until_on": date(2026, 11, 15)},
        right={"from_on": date(2026, 11, 16), "until_on": date(2026, 11, 16)},
    ),
    Check(
        "nobody_deputises_for_themselves",
        AbsenceFactory,
        wrong={"deputy": SelfAttribute("person")},
        right={"deputy": SubFactory(UserFactory)},
    ),
    Check("quiet_hours_have_two_ends", PersonCalendarFactory, {"quiet_from": "20:00"}, {}),
    Check(
        "quiet_hours_have_two_ends",
        PersonCalendarFactory,
        wrong={"quiet_from": "20:00", "quiet_until": "20:00"},
        right={"quiet_from": "20:00", "quiet_until": "07:00"},
    ),
    Check("a_person_works_on_some_weekday", PersonCalendarFactory, {"days_off": [0]}, {"days_off": [1]}),
    Check(
        "a_person_works_on_some_weekday",
        PersonCalendarFactory,
        wrong={"days_off": [1, 2, 3, 4, 5, 6, 7]},
        right={"days_off": [1, 2, 3, 4, 5, 6]},
    ),
    Check("an_absence_has_plausible_dates", AbsenceFactory, {"until_on": TOO_LATE}, {"until_on": LAST}),
    Check(
        "a_grid_connection_has_plausible_megawatts",
        GridConnectionFactory,
        wrong={"requested_mw": "-1"},
        right={"requested_mw": "0"},
    ),
    Check(
        "a_grid_connection_has_plausible_megawatts",
        GridConnectionFactory,
        wrong={"offered_mw": "100001", "firm_mw": None},
        right={"offered_mw": "100000", "firm_mw": "100000"},
    ),
    Check(
        "a_grid_connection_is_firm_for_at_most_what_was_offered",
        GridConnectionFactory,
        wrong={"offered_mw": "20", "firm_mw": "20.001"},
        right={"offered_mw": "20", "firm_mw": "20"},
    ),
    Check(
        "a_grid_connection_has_a_plausible_voltage",
        GridConnectionFactory,
        wrong={"voltage_kv": "2000.1"},
        right={"voltage_kv": "765"},
    ),
    Check(
        "a_grid_connection_has_plausible_dates",
        GridConnectionFactory,
        wrong={"energisation_target_on": TOO_EARLY},
        right={"energisation_target_on": FIRST},
    ),
    Check("a_load_step_has_plausible_megawatts", LoadStepFactory, {"gross_mw": "-0.001"}, {"gross_mw": "0"}),
    Check("a_load_step_has_a_plausible_date", LoadStepFactory, {"from_on": TOO_LATE}, {"from_on": LAST}),
    Check(
        "an_agreement_has_plausible_megawatts",
        AgreementFactory,
        wrong={"minimum_installed_mw": "-1"},
        right={"minimum_installed_mw": "0"},
    ),
    Check(
        "an_agreement_states_its_cod_dates_in_order",
        AgreementFactory,
        wrong={"target_cod_on": date(2027, 6, 2), "guaranteed_cod_on": date(2027, 6, 1)},
        right={"target_cod_on": date(2027, 6, 1), "guaranteed_cod_on": date(2027, 6, 1)},
    ),
    Check(
        "an_agreement_states_its_cod_dates_in_order",
        AgreementFactory,
        wrong={"guaranteed_cod_on": date(2028, 3, 2), "long_stop_on": date(2028, 3, 1)},
        right={"guaranteed_cod_on": date(2028, 3, 1), "long_stop_on": date(2028, 3, 1)},
    ),
    Check(
        "an_agreement_states_its_cod_dates_in_order",
        AgreementFactory,
        wrong={"target_cod_on": date(2028, 3, 2), "guaranteed_cod_on": None, "long_stop_on": date(2028, 3, 1)},
        right={"target_cod_on": date(2028, 3, 1), "guaranteed_cod_on": None, "long_stop_on": date(2028, 3, 1)},
    ),
    Check("an_agreement_has_plausible_dates", AgreementFactory, {"starts_on": TOO_EARLY}, {"starts_on": FIRST}),
    Check("an_agreement_has_plausible_amounts", AgreementFactory, {"price": "-100001"}, {"price": "-100000"}),
    Check(
        "an_agreement_has_plausible_percentages",
        AgreementFactory,
        wrong={"output_share_percent": "100.001"},
        right={"output_share_percent": "100"},
    ),
    Check(
        "an_agreement_has_a_plausible_volume_and_term",
        AgreementFactory,
        wrong={"term_years": "100.01"},
        right={"term_years": "100"},
    ),
    Check("an_agreement_names_an_iso_currency", AgreementFactory, {"currency": "eur"}, {"currency": "EUR"}),
    Check("a_share_has_plausible_megawatts", ShareFactory, {"share_mw": "-0.001"}, {"share_mw": "0"}),
    Check(
        "a_share_ends_on_or_after_its_start",
        ShareFactory,
        wrong={"from_on": date(2027, 6, 2), "until_on": date(2027, 6, 1)},
        right={"from_on": date(2027, 6, 2), "until_on": None},
    ),
    Check("a_share_has_plausible_dates", ShareFactory, {"from_on": TOO_EARLY}, {"from_on": FIRST}),
    Check(
        "a_revision_has_a_plausible_data_date", ScheduleRevisionFactory, {"data_date": TOO_LATE}, {"data_date": LAST}
    ),
    Check("an_activity_has_plausible_dates", ActivityFactory, {"early_start": TOO_EARLY}, {"early_start": FIRST}),
    Check("an_activity_has_plausible_dates", ActivityFactory, {"constraint_moment": TOO_LATE}, {"resumed": LAST}),
    Check(
        "an_activity_has_plausible_durations",
        ActivityFactory,
        wrong={"remaining_hours": "1000001"},
        right={"original_hours": "1000000"},
    ),
    Check(
        "an_activity_has_a_plausible_percentage",
        ActivityFactory,
        wrong={"percent_complete": "100.1"},
        right={"percent_complete": "100"},
    ),
    Check(
        "a_predecessor_is_an_activity_here_or_named_by_its_project",
        ActivityLinkFactory,
        wrong={"predecessor_project": "FITOUT", "predecessor_code": "A10"},
        right={
            "successor": SubFactory(ActivityFactory),
            "predecessor": None,
            "predecessor_project": "FITOUT",
            "predecessor_code": "A10",
        },
    ),
    Check(
        "a_decision_against_an_anomaly_says_why",
        ScheduleDecisionFactory,
        wrong={"anomalies": ["mass_shift"]},
        right={"anomalies": ["mass_shift"], "reason": "The site starts two weeks later"},
    ),
    Check(
        "a_schedule_that_is_turned_down_says_why",
        ScheduleDecisionFactory,
        wrong={"kind": DecisionKind.REJECTED},
        right={"kind": DecisionKind.REJECTED, "reason": "Of another site"},
    ),
    Check(
        "a_schedule_calendar_has_plausible_hours",
        ScheduleCalendarFactory,
        wrong={"hours_per_day": "24.5"},
        right={"hours_per_day": "24"},
    ),
    Check(
        "a_baseline_activity_has_plausible_values",
        ScheduleBaselineActivityFactory,
        wrong={"start": TOO_EARLY},
        right={"finish": LAST},
    ),
    Check(
        "an_anchor_rule_has_one_place_for_the_code",
        AnchorRuleFactory,
        wrong={"pattern": "Set transformer"},
        right={"pattern": "{code} on pad"},
    ),
    Check(
        "an_anchor_rule_on_activity_codes_names_their_type",
        AnchorRuleFactory,
        wrong={"field": AnchorField.ACTIVITY_CODE},
        right={"field": AnchorField.ACTIVITY_CODE, "code_type": "Equipment"},
    ),
    Check(
        "an_anchor_rule_for_gates_names_their_kinds",
        AnchorRuleFactory,
        wrong={"subject": AnchorSubject.GATE},
        right={"subject": AnchorSubject.GATE, "gate_kinds": [GateKind.RFS]},
    ),
    Check(
        "a_gate_follows_a_plausible_date",
        GateFactory,
        wrong={"project_code": "BUILD", "activity_code": "A10", "followed_on": TOO_EARLY},
        right={"project_code": "BUILD", "activity_code": "A10", "followed_on": FIRST},
    ),
    Check(
        "only_a_gate_that_follows_an_activity_can_lose_it",
        GateFactory,
        wrong={"followed_on": FIRST},
        right={"project_code": "BUILD", "activity_code": "A10", "lost_at": NOON},
    ),
    Check(
        "an_activity_has_a_plausible_float",
        ActivityFactory,
        wrong={"total_float_hours": "-1000000.01"},
        right={"total_float_hours": "-1000000"},
    ),
    Check(
        "an_activity_never_follows_itself",
        ActivityLinkFactory,
        wrong={"successor": SelfAttribute("predecessor")},
        right={},
    ),
    Check("an_activity_link_has_a_plausible_lag", ActivityLinkFactory, {"lag_hours": "1000001"}, {"lag_hours": "-40"}),
]

TWICE = [
    Twice(
        "a_milestone_code_is_unique_within_a_chain",
        MilestoneFactory,
        ("chain", "code"),
        ({"chain": Own}, {"code": Own}),
    ),
    Twice(
        "a_milestone_place_is_unique_within_a_chain",
        MilestoneFactory,
        ("chain", "sequence"),
        ({"chain": Own}, {"sequence": Own}),
    ),
    Twice(
        "a_round_number_is_unique_within_a_milestone",
        MilestoneRoundFactory,
        same=("milestone", "number"),
        near=({"milestone": Own}, {"number": Own}),
    ),
    Twice(
        "a_baseline_version_is_unique_within_a_chain",
        BaselineFactory,
        same=("chain", "version"),
        near=({"chain": Own}, {"version": 2}),
    ),
    Twice("a_ledger_place_is_taken_once", PromiseFactory, ("milestone", "place"), ({"milestone": Own}, {"place": Own})),
    Twice("a_phase_code_is_unique_within_a_site", PhaseFactory, ("site", "code"), ({"site": Own}, {"code": Own})),
    Twice("a_block_code_is_unique_within_a_phase", BlockFactory, ("phase", "code"), ({"phase": Own}, {"code": Own})),
    Twice(
        "a_gate_is_unique_within_its_site_phase_or_block",
        GateFactory,
        same=("site", "kind", "name"),
        near=({"site": Own}, {"kind": GateKind.L5}, {"name": "North roof"}),
    ),
    Twice(
        "a_role_is_granted_once_in_one_scope",
        MembershipFactory,
        same=("person", "role", "scope"),
        near=({"person": Own}, {"role": "buyer"}, {"scope": ScopeKind.DESK, "desk": SubFactory(DeskFactory)}),
    ),
    Twice(
        "a_grid_connection_name_is_unique_within_a_site",
        GridConnectionFactory,
        same=("site", "name"),
        near=({"site": Own}, {"name": Own}),
    ),
    Twice(
        "a_load_has_one_step_a_day",
        LoadStepFactory,
        same=("site", "from_on"),
        near=({"site": Own}, {"from_on": date(2028, 1, 1)}),
    ),
    Twice(
        "an_agreement_has_one_share_a_site_from_a_day",
        ShareFactory,
        same=("agreement", "site"),
        near=({"agreement": Own}, {"site": Own}, {"from_on": date(2028, 1, 1)}),
    ),
    Twice(
        "the_same_file_is_one_revision_of_a_project",
        ScheduleRevisionFactory,
        same=("site", "project_code", "file_sha256"),
        near=({"site": Own}, {"project_code": "FITOUT"}, {"file_sha256": Own}, {"shifted_days": 7}),
    ),
    Twice(
        "the_same_bytes_are_one_document_of_a_site",
        ScheduleDocumentFactory,
        same=("site", "sha256"),
        near=({"site": Own}, {"sha256": Own}),
    ),
    Twice(
        "a_calendar_key_is_unique_within_a_revision",
        ScheduleCalendarFactory,
        same=("revision", "key"),
        near=({"revision": Own}, {"key": Own}),
    ),
    Twice(
        "a_wbs_key_is_unique_within_a_revision",
        ScheduleWbsFactory,
        same=("revision", "key"),
        near=({"revision": Own}, {"key": Own}),
    ),
    Twice(
        "a_baseline_names_an_activity_once",
        ScheduleBaselineActivityFactory,
        same=("revision", "baseline", "code"),
        near=({"revision": Own}, {"baseline": "BUILD-B2"}, {"code": Own}),
    ),
    Twice(
        "a_project_has_one_accepted_revision",
        ScheduleRevisionFactory,
        first={"state": RevisionState.ACCEPTED},
        same=("site", "project_code"),
        near=({"site": Own}, {"project_code": "FITOUT"}, {"state": RevisionState.QUARANTINED}),
    ),
    Twice(
        "an_activity_code_is_unique_within_a_revision",
        ActivityFactory,
        same=("revision", "code"),
        near=({"revision": Own}, {"code": Own}),
    ),
]

CORRECTION = {"supersedes": SubFactory(PromiseFactory)}
COLUMNS = [
    Column("PersonCalendar.person", PersonCalendarFactory),
    Column("WorkCalendar.name", WorkCalendarFactory),
    Column("Desk.code", DeskFactory),
    Column("Site.code", SiteFactory),
    Column("Promise.supersedes", PromiseFactory, first=CORRECTION, again={"place": 999}),
    Column("PromiseRetraction.promise", RetractionFactory),
    Column("Gate.chain", GateFactory, again={"name": "North roof"}),
    Column("GridConnection.chain", GridConnectionFactory, again={"name": "North feeder"}),
    Column("PowerPurchaseAgreement.code", AgreementFactory, again={"chain": SubFactory(ChainFactory)}),
    Column("PowerPurchaseAgreement.chain", AgreementFactory, again={"code": "PPA-NORTH"}),
]


class TestRules(RuleTests):
    checks = CHECKS
    twice = TWICE
    columns = COLUMNS
