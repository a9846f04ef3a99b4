"""Thresholds of the alert rules that people set, everywhere, for a class, at a site, or for a class at a site."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain import alert_parameters, alerting
from procurement.gateways import wake
from procurement.models import AlertRuleSetting, EquipmentClass
from procurement.services import alerts
from procurement.services.forecasts import local_date
from procurement.vocabulary import Rule
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, NotFound
from sites.models import Site
from sites.services.access import check_can

_REASON_LENGTH = 500


def right_to_set(rule: Rule) -> Permission:
    """What it takes at a site, or in the portfolio for everywhere: those of power belong to whoever keeps its terms."""
    return Permission.POWER_WRITE if rule in alerting.POWER_RULES else Permission.SITE_WRITE


@transaction.atomic
def save(
    *,
    rule: Rule,
    parameters: Mapping[str, Any],
    reason: str,
    actor: User,
    now: datetime,
    site_id: UUID | None = None,
    class_id: UUID | None = None,
    request_id: str = "",
) -> AlertRuleSetting | None:
    """Set what differs from the wider place, and look at once at every site that it concerns. Empty: nothing differs.

    The answer is None then. Raises NotFound naming `site` or `equipment_class`, NotPermitted, and BadInput naming
    `equipment_class` (a rule that is not about equipment), `reason` or `parameters.<name>`.
    """
    site = None
    if site_id is not None:
        site = Site.objects.visible_to(actor).filter(pk=site_id).first()
        if site is None:
            raise NotFound(_("There is no such site."), field="site")
    check_can(actor, right_to_set(rule), site_id=site_id)
    if class_id is not None and not EquipmentClass.objects.filter(pk=class_id).exists():
        raise NotFound(_("There is no such equipment class."), field="equipment_class")
    if class_id is not None and rule not in alert_parameters.PER_CLASS:
        raise BadInput(_("This rule is not about one class of equipment."), field="equipment_class")
    if not 1 <= len(reason.strip()) <= _REASON_LENGTH:
        raise BadInput(_("Say why, in at most %(most)d characters.") % {"most": _REASON_LENGTH}, field="reason")
    checked = alert_parameters.checked(rule, parameters)
    place = {"rule": rule, "site_id": site_id, "equipment_class_id": class_id}
    before = AlertRuleSetting.objects.select_for_update(of=("self",)).filter(**place).first()
    audit.record(
        actor=actor,
        verb="alert_rule.set",
        subject_kind="alert_rule",
        subject_id=rule.value,
        reason=reason,
        request_id=request_id,
        facts={
            "site": str(site_id or ""),
            "equipment_class": str(class_id or ""),
            "before": before.parameters if before else {},
            "after": checked,
        },
    )
    row = _store(before, place, checked, reason, actor)
    if rule in alerting.POWER_RULES:
        alerts.evaluate_power(as_of=now.date(), now=now)
    else:
        for each in [site] if site else Site.objects.order_by("pk"):
            alerts.evaluate_site(site_id=each.pk, as_of=local_date(each, now), now=now)
    wake.after_commit()
    return row


def _store(
    before: AlertRuleSetting | None, place: dict[str, Any], parameters: dict[str, Any], reason: str, actor: User
) -> AlertRuleSetting | None:
    if not parameters:
        if before is not None:
            before.delete()
        return None
    row = before or AlertRuleSetting(**place)
    row.parameters, row.reason, row.set_by = parameters, reason, actor
    row.save()
    return row
