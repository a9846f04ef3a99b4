"""Looks at a site or the power portfolio, and takes people's answers to what it found."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Max, Min
from django.utils.translation import gettext as _

from procurement.domain import alerting, power_alerting
from procurement.domain.alert_parameters import RuleSettings
from procurement.domain.alerting import Look, StandingAlert
from procurement.models import Alert, AlertEvent, Disagreement, Requirement
from procurement.queries import alert_facts, power_alert_facts
from procurement.queries import alerts as reading
from procurement.queries.alert_facts import KnownAlert, Scope, Subjects
from procurement.services import holding
from procurement.services.alert_answers import acknowledge, assign, close_recovered, decline, snooze
from procurement.services.reconciling import Evaluated, Reconciliation
from procurement.services.single import hold_site, wait_to_commit
from procurement.vocabulary import AlertEventKind, AlertState, AlertSubject, Lane, Rule, Severity
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.calendar import WorkingCalendar
from sites.queries.chains import calendar_of_site
from sites.services.access import check_can

__all__ = [
    "Evaluated",
    "acknowledge",
    "assign",
    "decline",
    "disagree",
    "evaluate_power",
    "evaluate_site",
    "resolve",
    "snooze",
]

_OF_A_SITE = alerting.SITE_RULES | {Rule.ERP_DISAGREEMENT}


@transaction.atomic(savepoint=False)
def evaluate_site(
    *,
    site_id: UUID,
    as_of: date,
    now: datetime,
    cause_key: str = "",
    cause_text: str = "",
    only: Subjects | None = None,
    calendar: WorkingCalendar | None = None,
) -> Evaluated:
    """Look at one site. Ten of these at once, or one ten times, do what one does.

    `as_of` is the site's local date. `cause_key` names what moved the dates (a statement, an import): what it moved
    is one mail. `only` are the subjects that a change can have touched: enough where the whole site has been looked at
    on that day already, and taken for the whole site where it has not. `calendar` is the site's. Wakes nobody:
    whoever opened the transaction does. Raises Site.DoesNotExist.
    """
    hold_site(site_id)
    calendar = calendar or calendar_of_site(site_id)
    settings = alert_facts.rule_settings(site_id)
    scope = Scope(site_id, as_of, calendar, settings)
    if only is not None and alert_facts.looked_at_on(site_id) == as_of:
        scope = alert_facts.narrowed(scope, only)
    rows = alert_facts.known_alerts(_OF_A_SITE, scope)
    look = alerting.look(alert_facts.site_facts(scope, rows), as_of)
    look |= _still_disagreeing([row for row in rows if row.rule == Rule.ERP_DISAGREEMENT], settings)
    if scope.only is None:
        look |= _open_order_lists(site_id, settings)
    counted = _OF_A_SITE if scope.only is None else None
    return Reconciliation(site_id, as_of, now, cause_key, cause_text).of(look, rows, counted=counted)


@transaction.atomic
def evaluate_power(*, as_of: date, now: datetime, cause_key: str = "", cause_text: str = "") -> Evaluated:
    """Look at the power portfolio: every agreement against the sites it is meant for."""
    wait_to_commit("evaluate:power")  # evaluators queue up: the later one sees what the earlier one wrote
    facts = reading.power_facts(as_of)
    look = alerting.look(facts, as_of)
    look |= power_alerting.look(power_alert_facts.portfolio(as_of, facts.settings), as_of)
    rows = alert_facts.known_alerts(alerting.POWER_RULES)
    return Reconciliation(None, as_of, now, cause_key, cause_text).of(look, rows, counted=alerting.POWER_RULES)


@transaction.atomic
def resolve(*, alert_id: UUID, actor: User, now: datetime, note: str = "", request_id: str = "") -> Alert:
    """Look at once, and close the alert where the look finds it over. Raises as `close_recovered`."""
    found = Alert.objects.visible_to(actor).filter(pk=alert_id).exclude(state=AlertState.CLOSED).first()
    if found is not None:
        check_can(actor, Permission.ALERT_WRITE, site_id=found.site_id)
        if found.rule in alerting.POWER_RULES:
            evaluate_power(as_of=now.astimezone(UTC).date(), now=now)
        elif found.site is not None:
            as_of = now.astimezone(ZoneInfo(found.site.time_zone)).date()
            evaluate_site(site_id=found.site.pk, as_of=as_of, now=now)
        found.refresh_from_db()
        if found.state == AlertState.CLOSED:  # the look found that it had lost its subject
            return found
    return close_recovered(alert_id=alert_id, actor=actor, now=now, note=note, request_id=request_id)


def _still_disagreeing(rows: Sequence[KnownAlert], settings: RuleSettings) -> Look:
    """The disagreements whose requirement still lacks units that the ERP took away; the others recover."""
    if not rows:
        return Look((), {})
    classes = dict(
        Requirement.objects.filter(pk__in=[row.subject_id for row in rows]).values_list("pk", "equipment_class")
    )
    rows = [row for row in rows if _speaks(settings, row.site_id, classes.get(row.subject_id))]
    units = alert_facts.units_allocated([row.subject_id for row in rows])
    short = [row for row in rows if units.get(row.subject_id, Decimal(0)) < Decimal(row.facts.get("units_wanted") or 0)]
    return Look(
        tuple(
            StandingAlert(
                rule=Rule.ERP_DISAGREEMENT,
                subject_kind=AlertSubject(row.subject_kind),
                subject_id=row.subject_id,
                subject_text=row.subject_text,
                site_id=row.site_id,
                baseline_version=row.baseline_version,
                band=row.band,
                lane=Lane.URGENT,
                facts=row.facts,
            )
            for row in short
        ),
        {},
    )


def _open_order_lists(site_id: UUID, settings: RuleSettings) -> Look:
    """One alert a site for what the newest list of an ERP says otherwise and nobody has accepted; told again each time
    there is twice as much of it.
    """
    subject = (AlertSubject.SITE, site_id)
    standing = Disagreement.objects.filter(site=site_id, resolved_at__isnull=True, accepted_at__isnull=True)
    found = standing.values_list("site__code", "site__name").annotate(
        number=Count("pk"), system=Min("system"), lines=Count("schedule_line", distinct=True)
    )
    row = found.order_by("site__code").first()
    if row is None or not _speaks(settings, site_id, None):
        return Look((), {subject: 0})
    code, name, number, system, lines = row
    alert = StandingAlert(
        rule=Rule.ERP_DISAGREEMENT,
        subject_kind=AlertSubject.SITE,
        subject_id=site_id,
        subject_text=f"{code} {name}"[:300],
        site_id=site_id,
        baseline_version=0,
        band=number.bit_length(),
        lane=Lane.DIGEST,
        facts={"system": system, "disagreements": number, "lines": lines},
    )
    return Look((alert,), {subject: 0})


def _speaks(settings: RuleSettings, site_id: UUID | None, class_id: UUID | None) -> bool:
    return settings.of(Rule.ERP_DISAGREEMENT, site_id=site_id, class_id=class_id).enabled


@transaction.atomic
def disagree(
    *, requirements: Mapping[UUID, Decimal], order_number: str, system: str, as_of: date, now: datetime, cause_key: str
) -> int:
    """Tell whose units the ERP took away: `requirements` maps each to the units it lost. How many alerts opened.

    Called after the units are gone. One that stands already is not opened again. It recovers once the requirement has
    as many units again as before, and closes with its requirement.
    """
    raised = Alert.objects.filter(rule=Rule.ERP_DISAGREEMENT, subject_kind=AlertSubject.REQUIREMENT)
    episodes = dict(
        raised.filter(subject_id__in=list(requirements)).values_list("subject_id").annotate(last=Max("episode"))
    )
    left = alert_facts.units_allocated(list(requirements))
    settings = alert_facts.rule_settings()
    cause_text = _("%(system)s reduced order %(number)s") % {"system": system, "number": order_number}
    rows = [
        Alert(
            rule=Rule.ERP_DISAGREEMENT,
            subject_kind=AlertSubject.REQUIREMENT,
            subject_id=requirement.pk,
            subject_text=f"{requirement.site.code} {requirement.tag} {requirement.equipment_class.name}",
            site=requirement.site,
            episode=episodes.get(requirement.pk, 0) + 1,
            band=1,
            lane=Lane.URGENT,
            told_role=alerting.TOLD[Rule.ERP_DISAGREEMENT][0],
            opened_on=as_of,
            opened_at=now,
            cause_key=cause_key[:80],
            cause_text=cause_text[:300],
            severity=Severity.WARNING,
            facts={
                "order": order_number,
                "system": system,
                "units_lost": format(requirements[requirement.pk], "f"),
                "units_wanted": format(
                    min(requirement.quantity, left.get(requirement.pk, Decimal(0)) + requirements[requirement.pk]), "f"
                ),
            },
            told_at=now,
        )
        for requirement in Requirement.objects.filter(pk__in=list(requirements))
        .select_related("site", "equipment_class")
        .order_by("pk")
        if _speaks(settings, requirement.site_id, requirement.equipment_class_id)
    ]
    Alert.objects.bulk_create(rows, ignore_conflicts=True)
    opened = Alert.objects.filter(pk__in=[row.pk for row in rows]).select_related("site").order_by("pk")
    events = AlertEvent.objects.bulk_create(
        AlertEvent(
            alert=row,
            kind=AlertEventKind.BAND,
            band=row.band,
            at=now,
            facts=row.facts,
            cause_key=row.cause_key,
            cause_text=row.cause_text,
        )
        for row in opened
    )
    holding.hold(events, now=now)
    return len(events)
