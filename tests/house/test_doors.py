"""No row of a site without a door that asks for a right, or an owner that has one."""

import pytest
from django.apps import apps
from django.db.models import Model

# Reached through the rows named here and never listed on their own.
OWNED = {
    "sites.Milestone": "sites.Chain",
    "sites.MilestoneRound": "sites.Milestone",
    "sites.Baseline": "sites.Chain",
    "sites.Promise": "sites.Milestone",
    "sites.PromiseRetraction": "sites.Promise",
    "sites.Activity": "sites.ScheduleRevision",
    "sites.ActivityLink": "sites.Activity",
    "sites.ScheduleDecision": "sites.ScheduleRevision",
    "sites.ScheduleCalendar": "sites.ScheduleRevision",
    "sites.ScheduleWbs": "sites.ScheduleRevision",
    "sites.ScheduleBaselineActivity": "sites.ScheduleRevision",
    "sites.Membership": "accounts.User",
    "procurement.GroupNeed": "procurement.RedundancyGroup",
    "procurement.RosAnchor": "procurement.Requirement",
    "procurement.Allocation": "procurement.Requirement",
    "procurement.Receipt": "procurement.DeliveryLot",
    "procurement.ForecastRun": "sites.Site",
    "procurement.LotForecast": "procurement.DeliveryLot",
    "procurement.RequirementForecast": "procurement.Requirement",
    "procurement.LotProbability": "procurement.DeliveryLot",
    "procurement.BlockForecast": "sites.Block",
    "procurement.BlockProbability": "sites.Block",
    "procurement.DueDraw": "sites.Site",
    "procurement.ConsideredLeadTime": "procurement.Requirement",
    # The library is everybody's; what was achieved names no order, and its lot is never shown from here.
    "procurement.LeadTimeObservation": "procurement.DeliveryLot",
    "procurement.ChainForecast": "sites.Chain",
    "procurement.AlertEvent": "procurement.Alert",
    "procurement.Evaluation": "sites.Site",
    "procurement.ChangeOrder": "procurement.PurchaseOrder",
    # Of one person: their own mail, whatever their rights are by now.
    "procurement.Notification": "accounts.User",
    "procurement.NotificationItem": "procurement.Notification",
    "procurement.AlertPreference": "accounts.User",
    "procurement.ChatEndpoint": "accounts.User",
}
PEOPLE = "accounts.User"


def _ours() -> list[type[Model]]:
    return [
        model
        for label in ("accounts", "sites", "procurement")
        for model in apps.get_app_config(label).get_models()
        if not hasattr(model, "pgh_tracked_model")
    ]


def _with_a_site() -> dict[str, type[Model]]:
    """Every table from which foreign keys lead to a site, or on which an order's lines hang."""
    found = {"sites.Site", "procurement.PurchaseOrder"}
    while True:
        more = {
            model._meta.label
            for model in _ours()
            for field in model._meta.local_fields
            if field.is_relation and field.related_model._meta.label in found  # type: ignore[union-attr]
        }
        if more <= found:
            return {label: apps.get_model(label) for label in found}
        found |= more


def _has_door(model: type[Model]) -> bool:
    return callable(getattr(model._default_manager, "visible_to", None))


@pytest.mark.parametrize("label", sorted(_with_a_site()))
def test_a_row_of_a_site_has_a_door_or_an_owner(label: str) -> None:
    assert _has_door(apps.get_model(label)) != (label in OWNED)


@pytest.mark.parametrize("label", sorted(OWNED))
def test_an_owner_has_a_door_itself_or_is_a_person(label: str) -> None:
    owner = OWNED[label]
    while owner in OWNED:
        owner = OWNED[owner]

    assert owner == PEOPLE or _has_door(apps.get_model(owner))


@pytest.mark.parametrize("label", sorted(OWNED))
def test_an_owner_is_named_by_a_foreign_key(label: str) -> None:
    fields = apps.get_model(label)._meta.local_fields

    assert OWNED[label] in {field.related_model._meta.label for field in fields if field.is_relation}
