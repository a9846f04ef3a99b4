"""What the tables of orders, needs and alerts refuse, each in the name of its rule."""

from datetime import date
from typing import Any

import pytest
from factory.declarations import SelfAttribute, SubFactory

from procurement.vocabulary import (
    AlertState,
    ChangeOrderState,
    CloseReason,
    DamagesUnit,
    ImportState,
    ImportWork,
    JobState,
    LeadTimeKind,
    NotificationState,
    OrderKind,
    QuestionState,
    RosRule,
    RowOutcome,
)
from sites.accounts.row import new_id
from tests.factories.accounts import UserFactory
from tests.factories.erp import (
    DisagreementFactory,
    FeedStateFactory,
    IntegrationMessageFactory,
    OpenOrderRowFactory,
    UnitMappingFactory,
    WebhookDeliveryFactory,
    WebhookEndpointFactory,
)
from tests.factories.procurement import (
    NOON,
    AlertEventFactory,
    AlertFactory,
    AlertPreferenceFactory,
    AlertRuleSettingFactory,
    AllocationFactory,
    BlockForecastFactory,
    BlockProbabilityFactory,
    CalendarFeedFactory,
    ChainForecastFactory,
    ChainStepFactory,
    ChainTemplateFactory,
    ChangeOrderFactory,
    ChatEndpointFactory,
    ColumnMappingMemoryFactory,
    CompanyFactory,
    ConfirmationFactory,
    ConsideredLeadTimeFactory,
    DeliveryLotFactory,
    DueDrawFactory,
    EquipmentClassFactory,
    EvaluationFactory,
    ExternalRefFactory,
    GroupNeedFactory,
    ImportBatchFactory,
    ImportRowFactory,
    JobFactory,
    JobRowFactory,
    LeadTimeFactory,
    LotForecastFactory,
    LotProbabilityFactory,
    NotificationFactory,
    NotificationItemFactory,
    OrderLineFactory,
    PlantFactory,
    PurchaseOrderFactory,
    ReceiptFactory,
    RedundancyGroupFactory,
    RequirementFactory,
    RequirementForecastFactory,
    RosAnchorFactory,
    SavedViewFactory,
    ShipmentNoticeFactory,
    StepHistoryFactory,
    SubscriptionFactory,
    UnitSerialFactory,
    VendorQuestionFactory,
    VendorRoundFactory,
    WatchFactory,
)
from tests.factories.sites import BlockFactory, SiteFactory
from tests.refusals import kept, refused_by
from tests.rule_cases import Check, Column, Own, Twice, case_id

pytestmark = pytest.mark.django_db

TOO_EARLY, TOO_LATE = date(1999, 12, 31), date(2101, 1, 1)
FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)
OF_A_BLOCK = {"lot": None, "block": SubFactory(BlockFactory), "site": SubFactory(SiteFactory)}
AN_ACTIVITY = {"gate": None, "project_code": "BUILD", "activity_code": "A1000"}

_UNDONE = {
    "state": ImportState.UNDONE,
    "applied_at": NOON,
    "applied_by": SubFactory(UserFactory),
    "undone_at": NOON,
    "undone_by": SubFactory(UserFactory),
}
CHECKS = [
    Check(
        "a_finished_job_says_when",
        JobFactory,
        wrong={"state": JobState.DONE},
        right={"state": JobState.DONE, "finished_at": NOON},
    ),
    Check("a_company_sells_or_makes", CompanyFactory, {"sells": False}, {"sells": False, "makes": True}),
    Check("a_company_names_an_iso_country", CompanyFactory, {"country": "J"}, {"country": "KR"}),
    Check("a_plant_names_an_iso_country", PlantFactory, {"country": "jp"}, {"country": "KR"}),
    Check("a_step_duration_is_plausible", ChainStepFactory, {"duration_days": 3661}, {"duration_days": 3660}),
    Check(
        "a_second_class_code_names_its_system",
        EquipmentClassFactory,
        wrong={"code": "generator", "second_code": "Pr_60"},
        right={"code": "generator", "second_code": "Pr_60", "second_code_system": "Uniclass"},
    ),
    Check("a_lead_time_says_from_what_to_what_and_by_whom", LeadTimeFactory, {"source": ""}, {"source": "Call"}),
    Check(
        "a_lead_time_says_from_what_to_what_and_by_whom",
        LeadTimeFactory,
        wrong={"basis_from": "RTS", "basis_to": "RTS"},
        right={"basis_from": "RTM", "basis_to": "RTS"},
    ),
    Check(
        "a_lead_time_runs_from_low_to_high_within_ten_years",
        LeadTimeFactory,
        wrong={"low_weeks": "48.1", "high_weeks": "48"},
        right={"low_weeks": "48", "high_weeks": "48"},
    ),
    Check(
        "a_lead_time_runs_from_low_to_high_within_ten_years",
        LeadTimeFactory,
        wrong={"high_weeks": "520.1"},
        right={"high_weeks": "520"},
    ),
    Check(
        "the_percentiles_of_a_lot_are_ordered",
        LotProbabilityFactory,
        wrong={"p80_on": date(2027, 8, 30)},
        right={"p80_on": date(2027, 8, 31)},
    ),
    Check(
        "the_chance_of_a_lot_is_a_percentage",
        LotProbabilityFactory,
        wrong={"on_time_percent": 101},
        right={"on_time_percent": None},
    ),
    Check(
        "the_percentiles_of_a_block_are_ordered",
        BlockProbabilityFactory,
        wrong={"p95_on": None},
        right={"p50_on": None, "p80_on": None, "p95_on": None},
    ),
    Check(
        "the_chance_of_a_block_is_a_percentage",
        BlockProbabilityFactory,
        wrong={"on_time_percent": 101},
        right={"on_time_percent": 100},
    ),
    Check(
        "only_a_promise_has_a_landmark",
        StepHistoryFactory,
        wrong={"kind": "promise"},
        right={"kind": "promise", "landmark": 0},
    ),
    Check("only_a_promise_has_a_landmark", StepHistoryFactory, wrong={"landmark": 0}, right={"landmark": None}),
    Check(
        "what_is_due_to_be_drawn_is_a_lot_or_a_block",
        DueDrawFactory,
        wrong={"block": SubFactory(BlockFactory)},
        right={},
    ),
    Check("a_lead_time_has_plausible_dates", LeadTimeFactory, {"valid_until": TOO_LATE}, {"valid_until": LAST}),
    Check(
        "only_an_achieved_lead_time_comes_from_a_lot",
        LeadTimeFactory,
        wrong={"lot": SubFactory(DeliveryLotFactory)},
        right={"lot": SubFactory(DeliveryLotFactory), "kind": LeadTimeKind.ACHIEVED},
    ),
    Check(
        "a_retired_lead_time_says_why",
        LeadTimeFactory,
        wrong={"retired_at": NOON},
        right={"retired_at": NOON, "retire_reason": "Withdrawn by the vendor"},
    ),
    Check(
        "a_percentile_of_lead_times_gives_the_picked_weeks",
        RequirementFactory,
        wrong={"lead_time_percentile": 80},
        right={
            "lead_time_percentile": 80,
            "lead_time_weeks": "40",
            "lead_time": SubFactory(LeadTimeFactory),
            "lead_time_reason": "Four quotes",
        },
    ),
    Check("a_block_needs_at_least_one_unit", GroupNeedFactory, {"needed_units": 0}, {"needed_units": 1}),
    Check("a_required_quantity_is_positive", RequirementFactory, {"quantity": "0"}, {"quantity": "0.001"}),
    Check(
        "only_single_units_join_a_group",
        RequirementFactory,
        wrong={"group": SubFactory(RedundancyGroupFactory, site=SelfAttribute("..site")), "quantity": "2"},
        right={"group": SubFactory(RedundancyGroupFactory, site=SelfAttribute("..site")), "quantity": "1"},
    ),
    Check(
        "only_single_units_join_a_group",
        RequirementFactory,
        wrong={"group": SubFactory(RedundancyGroupFactory, site=SelfAttribute("..site")), "unit": "MTR"},
        right={"unit": "MTR"},
    ),
    Check(
        "a_fixed_required_date_is_given_just_when_the_rule_says_so",
        RequirementFactory,
        wrong={"ros_rule": RosRule.FIXED, "ros_fixed_on": None},
        right={"ros_rule": RosRule.NONE, "ros_fixed_on": None},
    ),
    Check(
        "a_fixed_required_date_is_given_just_when_the_rule_says_so",
        RequirementFactory,
        wrong={"ros_rule": RosRule.ANCHORED, "ros_fixed_on": date(2027, 9, 20)},
        right={"ros_rule": RosRule.FIXED, "ros_fixed_on": date(2027, 9, 20)},
    ),
    Check(
        "a_requirement_has_plausible_dates", RequirementFactory, {"ros_pulled_on": TOO_LATE}, {"ros_before_on": LAST}
    ),
    Check(
        "a_requirement_has_plausible_dates",
        RequirementFactory,
        wrong={"required_on_site": TOO_EARLY, "ros_fixed_on": None},
        right={"required_on_site": FIRST, "ros_fixed_on": None},
    ),
    Check(
        "a_chosen_lead_time_says_why",
        RequirementFactory,
        wrong={"lead_time": SubFactory(LeadTimeFactory)},
        right={"lead_time": SubFactory(LeadTimeFactory), "lead_time_reason": "The vendor's own quote"},
    ),
    Check(
        "picked_weeks_belong_to_a_chosen_lead_time",
        RequirementFactory,
        wrong={"lead_time_weeks": "40"},
        right={"lead_time_weeks": "40", "lead_time": SubFactory(LeadTimeFactory), "lead_time_reason": "Quote"},
    ),
    Check("an_anchor_is_a_gate_or_an_activity", RosAnchorFactory, {"gate": None}, {}),
    Check("an_anchor_is_a_gate_or_an_activity", RosAnchorFactory, {"activity_code": "A1000"}, AN_ACTIVITY),
    Check(
        "an_anchor_is_a_gate_or_an_activity",
        RosAnchorFactory,
        wrong={"gate": None, "activity_code": "A1000"},
        right=AN_ACTIVITY,
    ),
    Check("an_anchor_has_a_plausible_date", RosAnchorFactory, {"last_on": TOO_LATE}, {"last_on": LAST}),
    Check("an_order_names_an_iso_currency", PurchaseOrderFactory, {"currency": "aud"}, {"currency": "JPY"}),
    Check(
        "an_unknown_currency_is_kept_as_text",
        PurchaseOrderFactory,
        wrong={"currency": "AUD", "currency_text": "Dollars"},
        right={"currency": "XXX", "currency_text": "Dollars"},
    ),
    Check("an_order_has_a_plausible_total", PurchaseOrderFactory, {"total_amount": "-0.0001"}, {"total_amount": "0"}),
    Check(
        "only_a_call_off_has_a_parent",
        PurchaseOrderFactory,
        wrong={"parent": SubFactory(PurchaseOrderFactory)},
        right={"parent": SubFactory(PurchaseOrderFactory), "kind": OrderKind.CALL_OFF},
    ),
    Check(
        "no_order_is_its_own_parent",
        PurchaseOrderFactory,
        wrong={"parent_id": SelfAttribute("id"), "id": new_id(), "kind": OrderKind.CALL_OFF},
        right={"id": new_id(), "kind": OrderKind.CALL_OFF},
    ),
    Check(
        "a_damages_rate_states_its_unit",
        PurchaseOrderFactory,
        wrong={"damages_rate_percent": "0.5"},
        right={"damages_rate_percent": "0.5", "damages_unit": DamagesUnit.WEEK},
    ),
    Check(
        "an_order_has_plausible_damages",
        PurchaseOrderFactory,
        wrong={"damages_rate_percent": "100.0001", "damages_unit": DamagesUnit.WEEK},
        right={"damages_rate_percent": "100", "damages_unit": DamagesUnit.WEEK},
    ),
    Check(
        "an_order_has_plausible_damages",
        PurchaseOrderFactory,
        wrong={"damages_cap_percent": "-0.001"},
        right={"damages_cap_percent": "10"},
    ),
    Check("an_order_has_plausible_dates", PurchaseOrderFactory, {"issued_on": TOO_EARLY}, {"issued_on": FIRST}),
    Check("a_line_number_is_positive", OrderLineFactory, {"number": 0}, {"number": 1}),
    Check("a_line_number_is_positive", OrderLineFactory, {"number": 1000000}, {"number": 999999}),
    Check("a_line_has_a_plausible_price", OrderLineFactory, {"unit_price": "-0.0001"}, {"unit_price": "0"}),
    Check(
        "a_schedule_number_is_positive",
        DeliveryLotFactory,
        wrong={"schedule_line__number": 0},
        right={"schedule_line__number": 1},
    ),
    Check("a_scheduled_quantity_is_positive", DeliveryLotFactory, {"quantity": "0"}, {"quantity": "0.001"}),
    Check(
        "a_schedule_line_has_plausible_dates",
        DeliveryLotFactory,
        wrong={"schedule_line__contract_on": TOO_LATE},
        right={"schedule_line__contract_on": LAST},
    ),
    Check(
        "a_lot_quantity_is_not_negative",
        DeliveryLotFactory,
        wrong={"quantity": "-1", "schedule_line__quantity": "1"},
        right={"quantity": "1"},
    ),
    Check(
        "lots_add_up_to_their_schedule_line",
        DeliveryLotFactory,
        wrong={"quantity": "2", "schedule_line__quantity": "3"},
        right={"quantity": "3", "schedule_line__quantity": "3"},
    ),
    Check("an_allocated_quantity_is_positive", AllocationFactory, {"quantity": "0"}, {"quantity": "0.001"}),
    Check(
        "an_ended_allocation_says_why",
        AllocationFactory,
        wrong={"ended_at": NOON},
        right={"ended_at": NOON, "end_reason": "Swapped"},
    ),
    Check(
        "allocations_fit_their_lot",
        AllocationFactory,
        wrong={"quantity": "2", "requirement__quantity": "2"},
        right={"quantity": "2", "requirement__quantity": "2", "lot__quantity": "2"},
    ),
    Check(
        "allocations_fit_their_requirement",
        AllocationFactory,
        wrong={"quantity": "2", "lot__quantity": "2"},
        right={"quantity": "1", "lot__quantity": "2"},
    ),
    Check(
        "a_group_holds_its_own_site_and_class",
        RequirementFactory,
        wrong={"group": SubFactory(RedundancyGroupFactory)},
        right={"group": SubFactory(RedundancyGroupFactory, site=SelfAttribute("..site"))},
    ),
    Check(
        "a_group_holds_its_own_site_and_class",
        RequirementFactory,
        wrong={
            "group": SubFactory(
                RedundancyGroupFactory,
                site=SelfAttribute("..site"),
                equipment_class=SubFactory(EquipmentClassFactory, code="generator"),
            )
        },
        right={},
    ),
    Check(
        "a_block_needs_groups_of_its_own_site",
        GroupNeedFactory,
        wrong={"group": SubFactory(RedundancyGroupFactory)},
        right={},
    ),
    Check("a_change_amount_has_a_currency", ChangeOrderFactory, {"amount": "5"}, {"amount": "5", "currency": "AUD"}),
    Check(
        "nobody_approves_their_own_change_order",
        ChangeOrderFactory,
        wrong={"approved_by": SelfAttribute("author")},
        right={"approved_by": SubFactory(UserFactory)},
    ),
    Check(
        "an_approved_change_order_names_its_approver",
        ChangeOrderFactory,
        wrong={"state": ChangeOrderState.APPROVED},
        right={"state": ChangeOrderState.APPLIED},
    ),
    Check(
        "a_new_baseline_was_approved",
        ChangeOrderFactory,
        wrong={"state": ChangeOrderState.APPLIED, "rebaseline": True},
        right={"state": ChangeOrderState.APPLIED, "rebaseline": True, "approved_by": SubFactory(UserFactory)},
    ),
    Check(
        "a_change_order_has_a_plausible_amount",
        ChangeOrderFactory,
        wrong={"amount": "-10000000000001", "currency": "AUD"},
        right={"amount": "-10000000000000", "currency": "AUD"},
    ),
    Check("a_received_quantity_is_positive", ReceiptFactory, {"quantity": "-1"}, {"quantity": "0.001"}),
    Check("no_more_units_are_over_than_came", ReceiptFactory, {"over_delivered": "2"}, {"over_delivered": "1"}),
    Check(
        "an_over_delivery_is_at_most_all_again",
        OrderLineFactory,
        wrong={"over_delivery_percent": "100.01"},
        right={"over_delivery_percent": "100"},
    ),
    Check(
        "a_confirmation_has_a_plausible_date", ConfirmationFactory, {"confirmed_on": TOO_LATE}, {"confirmed_on": LAST}
    ),
    Check(
        "a_confirmation_taken_back_says_why",
        ConfirmationFactory,
        wrong={"reverses": SubFactory(ConfirmationFactory, order=SelfAttribute("..order"))},
        right={"reverses": SubFactory(ConfirmationFactory, order=SelfAttribute("..order")), "reason": "Twice"},
    ),
    Check(
        "no_confirmation_reverses_itself",
        ConfirmationFactory,
        wrong={"reverses_id": SelfAttribute("id"), "id": new_id(), "reason": "Twice"},
        right={"reverses": SubFactory(ConfirmationFactory, order=SelfAttribute("..order")), "reason": "Twice"},
    ),
    Check("a_receipt_has_a_plausible_date", ReceiptFactory, {"received_on": TOO_LATE}, {"received_on": LAST}),
    Check("a_serial_number_says_something", UnitSerialFactory, {"number": ""}, {"number": "A"}),
    Check("a_shipped_quantity_is_positive", ShipmentNoticeFactory, {"quantity": "0"}, {"quantity": "0.001"}),
    Check("a_shipment_has_plausible_dates", ShipmentNoticeFactory, {"arrives_on": TOO_LATE}, {"arrives_on": LAST}),
    Check(
        "no_shipment_notice_reverses_itself",
        ShipmentNoticeFactory,
        wrong={"reverses_id": SelfAttribute("id"), "id": new_id()},
        right={"reverses": SubFactory(ShipmentNoticeFactory, lot=SelfAttribute("..lot"))},
    ),
    Check(
        "no_receipt_reverses_itself",
        ReceiptFactory,
        wrong={"reverses_id": SelfAttribute("id"), "id": new_id()},
        right={"reverses": SubFactory(ReceiptFactory, lot=SelfAttribute("..lot"))},
    ),
    Check(
        "a_closed_alert_says_when_and_why",
        AlertFactory,
        wrong={"state": AlertState.CLOSED, "closed_at": NOON},
        right={"state": AlertState.CLOSED, "closed_at": NOON, "close_reason": CloseReason.GONE},
    ),
    Check("a_closed_alert_says_when_and_why", AlertFactory, {"closed_at": NOON}, {"recovered_at": NOON}),
    Check(
        "an_acknowledged_alert_names_who_did_it",
        AlertFactory,
        wrong={"state": AlertState.ACKNOWLEDGED},
        right={"state": AlertState.ACKNOWLEDGED, "acknowledged_by": SubFactory(UserFactory)},
    ),
    Check(
        "a_snoozed_alert_says_until_when",
        AlertFactory,
        wrong={"state": AlertState.SNOOZED},
        right={"state": AlertState.SNOOZED, "snoozed_until": date(2026, 11, 27)},
    ),
    Check(
        "an_escalated_alert_has_taken_a_step",
        AlertFactory,
        wrong={"state": AlertState.ESCALATED},
        right={"state": AlertState.ESCALATED, "escalation_step": 1},
    ),
    Check(
        "a_subscription_was_made_on_a_plausible_day",
        SubscriptionFactory,
        {"made_on": TOO_LATE},
        {"made_on": LAST},
    ),
    Check(
        "a_view_that_a_role_begins_with_is_shared",
        SavedViewFactory,
        {"default_for": "buyer"},
        {"default_for": "buyer", "shared": True},
    ),
    Check("a_watch_has_a_plausible_end", WatchFactory, {"until_on": TOO_LATE}, {"until_on": LAST}),
    Check("an_alert_has_plausible_dates", AlertFactory, {"snoozed_until": TOO_EARLY}, {"snoozed_until": FIRST}),
    Check("an_alert_has_plausible_dates", AlertFactory, {"commitment_on": TOO_LATE}, {"commitment_on": LAST}),
    Check(
        "a_released_message_is_frozen",
        NotificationFactory,
        wrong={"state": NotificationState.DUE},
        right={"state": NotificationState.DUE, "frozen": True},
    ),
    Check(
        "a_sent_message_says_when",
        NotificationFactory,
        wrong={"state": NotificationState.SENT, "frozen": True},
        right={"state": NotificationState.SENT, "frozen": True, "sent_at": NOON},
    ),
    Check("a_digest_has_a_plausible_date", NotificationFactory, {"digest_on": TOO_EARLY}, {"digest_on": FIRST}),
    Check(
        "rows_read_are_accepted_refused_or_blank",
        ImportBatchFactory,
        {"rows_read": 4, "rows_accepted": 1, "rows_refused": 1, "rows_blank": 1},
        {"rows_read": 3, "rows_accepted": 1, "rows_refused": 1, "rows_blank": 1},
    ),
    Check(
        "an_applied_import_says_who_and_when",
        ImportBatchFactory,
        {"state": ImportState.APPLIED, "applied_at": NOON},
        {"state": ImportState.APPLIED, "applied_at": NOON, "applied_by": SubFactory(UserFactory)},
    ),
    Check(
        "work_on_an_import_says_who_asked_and_when",
        ImportBatchFactory,
        {"work": ImportWork.APPLY, "work_asked_at": NOON},
        {"work": ImportWork.APPLY, "work_asked_at": NOON, "work_by": SubFactory(UserFactory)},
    ),
    Check(
        "an_import_that_was_not_read_yet_is_worked_on",
        ImportBatchFactory,
        {"state": ImportState.RECEIVED},
        {
            "state": ImportState.RECEIVED,
            "work": ImportWork.PREVIEW,
            "work_asked_at": NOON,
            "work_by": SubFactory(UserFactory),
        },
    ),
    Check(
        "a_refused_import_says_why",
        ImportBatchFactory,
        {"state": ImportState.REFUSED},
        {"state": ImportState.REFUSED, "problem": "It has merged cells."},
    ),
    Check(
        "an_undone_import_says_who_when_and_why",
        ImportBatchFactory,
        _UNDONE,
        _UNDONE | {"undo_reason": "Wrong file"},
    ),
    Check(
        "an_import_speaks_of_a_plausible_day",
        ImportBatchFactory,
        {"stated_on": date(1999, 12, 31)},
        {"stated_on": date(2000, 1, 1)},
    ),
    Check(
        "a_round_was_asked_on_a_plausible_day",
        VendorRoundFactory,
        {"asked_on": date(1999, 12, 31)},
        {"asked_on": date(2000, 1, 1)},
    ),
    Check(
        "a_vendor_link_has_an_end",
        VendorRoundFactory,
        {"link_hash": "a" * 64},
        {"link_hash": "a" * 64, "link_expires_at": NOON},
    ),
    Check(
        "a_question_that_came_back_names_the_file",
        VendorQuestionFactory,
        {"state": QuestionState.ANSWERED},
        {"state": QuestionState.ANSWERED, "answer": SubFactory(ImportBatchFactory)},
    ),
    Check(
        "a_refused_row_says_why",
        ImportRowFactory,
        {"outcome": RowOutcome.REFUSED},
        {"outcome": RowOutcome.REFUSED, "refusals": [{"message": "no"}]},
    ),
    Check("the_feed_has_one_state", FeedStateFactory, {"id": 2}, {"id": 1}),
    Check(
        "a_removed_endpoint_is_not_active",
        WebhookEndpointFactory,
        wrong={"removed_at": NOON},
        right={"removed_at": NOON, "active": False},
    ),
    Check(
        "a_delivery_that_is_due_says_when",
        WebhookDeliveryFactory,
        wrong={"next_attempt_at": None},
        right={"next_attempt_at": None, "state": "delivered"},
    ),
    Check(
        "a_discarded_message_says_why",
        IntegrationMessageFactory,
        wrong={"state": "discarded"},
        right={"state": "discarded", "reason": "Sent twice"},
    ),
    Check(
        "an_outbound_message_names_its_delivery",
        IntegrationMessageFactory,
        wrong={"direction": "outbound"},
        right={"direction": "outbound", "delivery": SubFactory(WebhookDeliveryFactory)},
    ),
    Check(
        "a_listed_line_has_plausible_values",
        OpenOrderRowFactory,
        wrong={"contract_on": date(2999, 1, 1)},
        right={"contract_on": date(2027, 1, 1)},
    ),
    Check(
        "an_accepted_disagreement_says_why",
        DisagreementFactory,
        wrong={"accepted_at": NOON},
        right={"accepted_at": NOON, "reason": "Agreed by mail"},
    ),
]

OUTBOUND = {"direction": "outbound", "delivery": SubFactory(WebhookDeliveryFactory)}
ONE_RULE = ("rule", "subject_kind", "subject_id", "site")
CLOSED = {"state": AlertState.CLOSED, "closed_at": NOON, "close_reason": CloseReason.GONE}
TWICE = [
    Twice(
        "a_company_name_is_unique_whatever_its_case",
        CompanyFactory,
        first={"name": "North Works"},
        again={"name": "NORTH WORKS"},
        same=(),
        near=({"name": "South Works"},),
    ),
    Twice(
        "a_plant_code_is_unique_within_a_company", PlantFactory, ("company", "code"), ({"company": Own}, {"code": Own})
    ),
    Twice(
        "a_step_code_is_unique_within_a_template",
        ChainStepFactory,
        same=("template", "code"),
        near=({"code": Own}, {"template": SubFactory(ChainTemplateFactory, code="short")}),
    ),
    Twice(
        "a_step_place_is_unique_within_a_template",
        ChainStepFactory,
        same=("template", "sequence"),
        near=({"sequence": Own}, {"template": SubFactory(ChainTemplateFactory, code="short")}),
    ),
    Twice(
        "a_requirement_considers_a_lead_time_once",
        ConsideredLeadTimeFactory,
        ("requirement", "observation"),
        ({"requirement": Own}, {"observation": Own}),
    ),
    Twice(
        "a_lot_achieves_a_span_once",
        LeadTimeFactory,
        ("lot", "basis_from", "basis_to"),
        ({"basis_to": "ON_SITE"}, {"lot": SubFactory(DeliveryLotFactory)}),
        first={"lot": SubFactory(DeliveryLotFactory), "kind": LeadTimeKind.ACHIEVED},
    ),
    Twice("a_group_code_is_unique_within_a_site", RedundancyGroupFactory, ("site", "code"), ({"site": Own},)),
    Twice(
        "a_block_states_its_need_of_a_group_once",
        GroupNeedFactory,
        same=("block", "group"),
        near=({"group": Own},),
    ),
    Twice("a_tag_is_unique_within_a_site", RequirementFactory, ("site", "tag"), ({"site": Own}, {"tag": Own})),
    Twice("a_gate_anchors_a_requirement_once", RosAnchorFactory, ("requirement", "gate"), ({"requirement": Own},)),
    Twice(
        "an_activity_anchors_a_requirement_once",
        RosAnchorFactory,
        first=AN_ACTIVITY,
        same=("requirement",),
        near=({"requirement": Own}, {"edge": "finish"}, {"activity_code": "A1010"}, {"project_code": "FITOUT"}),
    ),
    Twice(
        "a_line_number_is_unique_within_an_order",
        OrderLineFactory,
        same=("order", "number"),
        near=({"order": Own}, {"number": 20}),
    ),
    Twice(
        "a_schedule_number_is_unique_within_a_line",
        DeliveryLotFactory,
        same=("schedule_line__line", "schedule_line__number"),
        near=({"schedule_line__line": Own}, {"schedule_line__number": 2}),
    ),
    Twice(
        "a_serial_number_stands_once_within_a_lot",
        UnitSerialFactory,
        same=("lot",),
        first={"number": "sn-1"},
        again={"number": "SN-1"},
        near=({"number": "SN-2"}, {"lot": Own}),
    ),
    Twice(
        "a_lot_number_is_unique_within_a_schedule_line",
        DeliveryLotFactory,
        same=("schedule_line", "number"),
        again={"quantity": 0},
        near=({"number": 2},),
    ),
    Twice(
        "a_lot_serves_a_requirement_by_one_live_allocation",
        AllocationFactory,
        first={"quantity": "0.5"},
        same=("lot", "requirement"),
        near=({"requirement": Own}, {"ended_at": NOON, "end_reason": "Swapped"}),
    ),
    Twice(
        "a_change_order_number_is_unique_within_an_order",
        ChangeOrderFactory,
        same=("order", "number"),
        near=({"order": Own}, {"number": Own}),
    ),
    Twice(
        "an_external_id_names_one_thing_within_a_system",
        ExternalRefFactory,
        same=("system", "kind", "external_id"),
        near=({"system": "SAP-TST"}, {"kind": "line"}, {"external_id": Own}),
    ),
    Twice(
        "an_alert_is_raised_once_an_episode",
        AlertFactory,
        first=CLOSED,
        same=ONE_RULE,
        near=(
            {"episode": 2},
            {"baseline_version": 1},
            {"rule": "milestone_overdue"},
            {"subject_id": Own},
            {"site": Own},
        ),
    ),
    Twice(
        "a_rule_has_one_standing_alert_a_subject",
        AlertFactory,
        first={"state": AlertState.RECOVERED},
        again={"episode": 2},
        same=ONE_RULE,
        near=(CLOSED, {"rule": "milestone_overdue"}, {"subject_id": Own}, {"site": None}),
    ),
    Twice(
        "an_alert_crosses_a_band_once",
        AlertEventFactory,
        same=("alert", "kind", "band"),
        near=({"alert": Own}, {"band": 14}, {"turn": 1}),
    ),
    Twice(
        "one_cause_is_held_once_for_a_person",
        NotificationFactory,
        first={"site": None},
        same=("recipient", "cause_key"),
        near=(
            {"recipient": Own},
            {"cause_key": Own},
            {"site": Own},
            {"channel": "portal"},
            {"state": "cancelled"},
            {"endpoint": SubFactory(ChatEndpointFactory)},
        ),
    ),
    Twice(
        "a_person_gets_one_digest_a_local_date",
        NotificationFactory,
        first={"digest_on": date(2026, 11, 20)},
        same=("recipient",),
        near=(
            {"recipient": Own},
            {"digest_on": date(2026, 11, 21)},
            {"channel": "portal"},
            {"endpoint": SubFactory(ChatEndpointFactory)},
        ),
    ),
    Twice(
        "a_message_id_is_used_once",
        NotificationFactory,
        first={"frozen": True, "message_id": "<1@longlead.example>"},
        same=("message_id",),
        near=({"message_id": "<2@longlead.example>"}, {"message_id": ""}),
    ),
    Twice(
        "an_event_is_told_to_a_person_once_a_channel",
        NotificationItemFactory,
        same=("event", "recipient"),
        near=(
            {"event": Own},
            {"recipient": Own},
            {"channel": "portal"},
            {"endpoint": SubFactory(ChatEndpointFactory)},
        ),
    ),
    Twice(
        "a_person_chooses_once_for_a_rule",
        AlertPreferenceFactory,
        same=("person",),
        near=(
            {"person": Own},
            {"rule": "order_by"},
            {"site": SubFactory(SiteFactory)},
            {"equipment_class": SubFactory(EquipmentClassFactory)},
            {"severity": "critical"},
            {"channel": "chat"},
        ),
    ),
    Twice(
        "a_rule_is_set_once_in_one_scope",
        AlertRuleSettingFactory,
        same=("rule",),
        near=(
            {"rule": "order_by"},
            {"site": SubFactory(SiteFactory)},
            {"equipment_class": SubFactory(EquipmentClassFactory)},
        ),
    ),
    Twice(
        "a_person_watches_or_mutes_a_thing_once",
        WatchFactory,
        same=("person", "subject_kind", "subject_id"),
        near=({"person": Own}, {"subject_kind": "site"}, {"subject_id": Own}),
    ),
    Twice(
        "a_person_names_a_subscription_once", SubscriptionFactory, ("person", "name"), ({"person": Own}, {"name": Own})
    ),
    Twice("a_view_has_a_name_of_its_own_in_addresses", SavedViewFactory, ("slug",), ({"slug": Own},)),
    Twice("a_person_names_a_view_once", SavedViewFactory, ("owner", "name"), ({"owner": Own}, {"name": Own})),
    Twice(
        "a_role_begins_with_one_view",
        SavedViewFactory,
        same=("default_for",),
        near=({"default_for": "viewer"}, {"default_for": "", "shared": False}),
        first={"default_for": "buyer", "shared": True},
    ),
    Twice("a_calendar_address_is_used_once", CalendarFeedFactory, ("secret_hash",), ({"secret_hash": Own},)),
    Twice(
        "a_person_has_one_living_calendar_address",
        CalendarFeedFactory,
        same=("person",),
        near=({"person": Own}, {"revoked_at": NOON}),
    ),
    Twice("a_scope_has_one_last_evaluation", EvaluationFactory, ("site",), ({"site": Own},), first={"site": None}),
    Twice(
        "a_reference_class_has_one_history",
        StepHistoryFactory,
        ("code",),
        ({"kind": "promise", "landmark": 0}, {"code": "RTS"}),
    ),
    Twice(
        "the_same_file_is_imported_once",
        ImportBatchFactory,
        same=("file_sha256", "kind", "sheet", "mapping", "header_row", "declared", "stated_on"),
        near=(
            {"file_sha256": Own},
            {"kind": "actuals"},
            {"sheet": "Prices"},
            {"mapping": {"order": "B"}},
            {"header_row": 2},
            {"declared": {"encoding": "cp932"}},
            {"stated_on": date(2026, 11, 20)},
            {"state": ImportState.DISCARDED},
        ),
    ),
    Twice(
        "a_vendor_link_leads_to_one_round",
        VendorRoundFactory,
        same=("link_hash", "link_expires_at"),
        near=({"link_hash": "b" * 64},),
        first={"link_hash": "a" * 64, "link_expires_at": NOON},
    ),
    Twice("a_round_asks_about_a_lot_once", VendorQuestionFactory, ("round", "lot"), ({"round": Own}, {"lot": Own})),
    Twice("a_job_has_one_row_at_each_place", JobRowFactory, ("job", "place"), ({"job": Own}, {"place": Own})),
    Twice("a_row_of_a_file_is_read_once", ImportRowFactory, ("batch", "number"), ({"batch": Own}, {"number": Own})),
    Twice(
        "a_shape_of_file_is_remembered_once",
        ColumnMappingMemoryFactory,
        ("company", "kind", "shape"),
        ({"company": Own}, {"kind": "actuals"}, {"shape": "1" * 64}),
        first={"company": None},
    ),
    Twice("a_run_answers_a_lot_once", LotForecastFactory, ("run", "lot"), ({"run": Own},)),
    Twice("a_run_answers_a_requirement_once", RequirementForecastFactory, ("run", "requirement"), ({"run": Own},)),
    Twice("a_run_answers_a_block_once", BlockForecastFactory, ("run", "block"), ({"run": Own},)),
    Twice("a_run_answers_a_chain_once", ChainForecastFactory, ("run", "chain"), ({"run": Own},)),
    Twice(
        "an_endpoint_is_told_a_message_under_one_id",
        WebhookDeliveryFactory,
        ("endpoint", "key"),
        ({"endpoint": Own}, {"key": Own}),
    ),
    Twice(
        "a_code_names_one_unit_within_a_system",
        UnitMappingFactory,
        ("system", "code"),
        ({"system": "SAP-TST"}, {"code": Own}),
    ),
    Twice(
        "a_list_names_a_schedule_line_once",
        OpenOrderRowFactory,
        ("list", "number"),
        ({"list": Own}, {"number": Own}, {"line_number": 20}, {"schedule_number": 2}),
    ),
    Twice(
        "a_disagreement_stands_once",
        DisagreementFactory,
        ("system", "number", "kind"),
        ({"number": Own}, {"system": "ODOO"}, {"kind": "quantity"}, {"line_number": 20}, {"resolved_at": NOON}),
    ),
]

TAKEN_BACK = {"reverses": SubFactory(ConfirmationFactory), "reason": "Twice"}
COLUMNS = [
    Column("IntegrationMessage.delivery", IntegrationMessageFactory, first=OUTBOUND),
    Column("ChatEndpoint.name", ChatEndpointFactory),
    Column("Company.code", CompanyFactory, again={"name": "Other Works"}),
    Column("ChainTemplate.code", ChainTemplateFactory),
    Column("EquipmentClass.code", EquipmentClassFactory),
    Column("PurchaseOrder.number", PurchaseOrderFactory),
    Column("DeliveryLot.chain", DeliveryLotFactory, again={"number": 2}),
    Column("DueDraw.lot", DueDrawFactory),
    Column("DueDraw.block", DueDrawFactory, first=OF_A_BLOCK),
    Column("Confirmation.reverses", ConfirmationFactory, first=TAKEN_BACK),
    Column("ShipmentNotice.reverses", ShipmentNoticeFactory, first={"reverses": SubFactory(ShipmentNoticeFactory)}),
    Column("Receipt.reverses", ReceiptFactory, first={"reverses": SubFactory(ReceiptFactory)}),
]


@pytest.mark.parametrize("case", CHECKS, ids=str)
def test_a_row_that_breaks_a_rule_is_refused_in_its_name(case: Check) -> None:
    with refused_by(case.rule):
        case.factory.create(**case.wrong)


@pytest.mark.parametrize("case", CHECKS, ids=str)
def test_the_nearest_row_that_keeps_the_rule_is_stored(case: Check) -> None:
    with kept():
        case.factory.create(**case.right)


@pytest.mark.parametrize("case", TWICE, ids=str)
def test_what_must_be_unique_is_refused_the_second_time(case: Twice) -> None:
    first = case.make_first()

    with refused_by(case.rule):
        case.make_second(first)


@pytest.mark.parametrize(("case", "near"), [(case, near) for case in TWICE for near in case.near], ids=case_id)
def test_what_differs_in_one_part_of_a_unique_rule_is_stored(case: Twice, near: dict[str, Any]) -> None:
    first = case.make_first()

    with kept():
        case.make_second(first, **near)


@pytest.mark.parametrize("case", COLUMNS, ids=str)
def test_a_unique_value_is_refused_the_second_time(case: Column) -> None:
    first = case.factory.create(**case.first)

    with refused_by(case.index_name):
        case.write_again(first)
