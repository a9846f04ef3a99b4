"""The alert rules with the thresholds that hold at a place, and where they were set."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from procurement.domain import alert_parameters
from procurement.domain.alert_parameters import Parameters
from procurement.models import AlertRuleSetting
from procurement.queries import alert_facts
from procurement.vocabulary import Rule
from sites.accounts.models import User


@dataclass(frozen=True, slots=True)
class RuleRow:
    """`in_force` is what holds at the place; `changed` names what differs from the defaults."""

    rule: Rule
    in_force: Parameters
    changed: frozenset[str]


def rules_at(site_id: UUID | None, class_id: UUID | None) -> list[RuleRow]:
    """Every rule, as it holds at a site (null: everywhere) for a class (null: for every one). One query."""
    settings = alert_facts.rule_settings(site_id)
    return [_row(rule, settings.of(rule, site_id=site_id, class_id=class_id)) for rule in Rule]


def rule_at(rule: Rule, site_id: UUID | None, class_id: UUID | None) -> RuleRow:
    return _row(rule, alert_facts.rule_settings(site_id).of(rule, site_id=site_id, class_id=class_id))


def _row(rule: Rule, found: Parameters) -> RuleRow:
    plain = alert_parameters.DEFAULTS[rule]
    names = alert_parameters.names(rule)
    return RuleRow(rule, found, frozenset(name for name in names if getattr(found, name) != getattr(plain, name)))


def set_rules(actor: User, rule: Rule | None = None) -> QuerySet[AlertRuleSetting]:
    """What was set where, of one rule or of all, as far as the actor may see the place."""
    rows = AlertRuleSetting.objects.visible_to(actor).select_related("site", "equipment_class", "set_by")
    rows = rows.filter(rule=rule) if rule else rows
    return rows.order_by("rule", "site__code", "equipment_class__name", "pk")
