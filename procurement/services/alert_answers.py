"""What people answer to an alert: they know, later, not mine, yours. Each is an event, and audited."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.escalation import PROMISE_EXPECTED_WORKING_DAYS
from procurement.models import Alert, AlertEvent
from procurement.services import holding
from procurement.services.mail_calendar import Calendars
from procurement.vocabulary import AlertEventKind, AlertState, CloseReason
from sites.accounts import audit
from sites.accounts.models import User, UserKind
from sites.accounts.permissions import Permission
from sites.accounts.row import LATEST_YEAR
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.queries.access import can
from sites.services.access import check_can

_NOTE_LENGTH = 500
_AT_MOST_TOGETHER = 500
_LONGEST_SNOOZE_DAYS = 366


@transaction.atomic
def acknowledge(
    *,
    alert_id: UUID,
    actor: User,
    now: datetime,
    commitment_on: date | None = None,
    note: str = "",
    request_id: str = "",
) -> Alert:
    """Take a person's answer: they know, own it, and by `commitment_on` it will be better. A worse band still mails.

    It asks again when the commitment has passed, or without one when no new promise has come within five working days.
    Raises NotFound, NotPermitted, Conflict (closed), BadInput naming `commitment_on` or `note`.
    """
    row = _answerable(alert_id, actor, note)
    if commitment_on is not None and not _today_at(row, now) <= commitment_on <= date(LATEST_YEAR, 12, 31):
        raise BadInput(_("A commitment lies in the future."), field="commitment_on")
    row.acknowledged_by, row.acknowledged_at, row.commitment_on = actor, now, commitment_on
    row.owner = actor
    row.snoozed_until = row.snoozed_by = row.escalate_at = None
    row.rearm_at = _asks_again_at(row, actor, now)
    if row.state != AlertState.RECOVERED:
        row.state = AlertState.ACKNOWLEDGED
    row.save(
        update_fields=[
            "state", "acknowledged_by", "acknowledged_at", "commitment_on", "owner", "snoozed_until", "snoozed_by",
            "escalate_at", "rearm_at",
        ]
    )  # fmt: skip
    facts = {"commitment_on": commitment_on.isoformat() if commitment_on else None}
    _record(row, AlertEventKind.ACKNOWLEDGED, "alert.acknowledge", actor, now, note, request_id, facts)
    return row


@transaction.atomic
def close_recovered(*, alert_id: UUID, actor: User, now: datetime, note: str = "", request_id: str = "") -> Alert:
    """Somebody says that it is over, and the facts say so too: it need not stand recovered for days.

    Raises NotFound, NotPermitted, Conflict (closed, or it still stands), BadInput naming `note`.
    """
    row = _answerable(alert_id, actor, note)
    if row.state != AlertState.RECOVERED:
        raise Conflict(_("It still stands: what raised it is not over."), field="alert", state=row.state)
    row.state, row.closed_at, row.close_reason = AlertState.CLOSED, now, CloseReason.RECOVERED
    row.rearm_at = row.escalate_at = row.snoozed_until = row.snoozed_by = None
    row.save(
        update_fields=["state", "closed_at", "close_reason", "rearm_at", "escalate_at", "snoozed_until", "snoozed_by"]
    )
    _record(row, AlertEventKind.CLOSED, "alert.resolve", actor, now, note, request_id, {})
    return row


@transaction.atomic
def acknowledge_together(
    *,
    alert_ids: Collection[UUID],
    actor: User,
    now: datetime,
    commitment_on: date | None = None,
    note: str,
    request_id: str = "",
) -> list[Alert]:
    """One answer to several alerts, all or none. Raises as `acknowledge`, and BadInput naming `alerts`."""
    return [
        acknowledge(alert_id=key, actor=actor, now=now, commitment_on=commitment_on, note=note, request_id=request_id)
        for key in _in_order(alert_ids)
    ]


@transaction.atomic
def snooze(
    *, alert_id: UUID, actor: User, until_on: date, now: datetime, note: str = "", request_id: str = ""
) -> Alert:
    """Ask again at the start of that day at the site, or as soon as it is worse than now.

    Raises NotFound, NotPermitted, Conflict (closed or recovered), BadInput naming `until_on` or `note`.
    """
    row = _answerable(alert_id, actor, note)
    if row.state == AlertState.RECOVERED:
        raise Conflict(_("The alert has recovered."), field="alert", state=row.state)
    today = _today_at(row, now)
    if not today < until_on <= today + timedelta(days=_LONGEST_SNOOZE_DAYS):
        raise BadInput(_("Snooze until a day after today, and for a year at most."), field="until_on")
    row.state, row.snoozed_until, row.snoozed_by = AlertState.SNOOZED, until_on, actor
    row.acknowledged_by = row.acknowledged_at = row.commitment_on = None
    row.escalate_at = None
    row.rearm_at = _start_of(row, until_on)
    row.told_facts, row.told_days, row.told_at = row.facts, row.measure_days, now
    row.save(
        update_fields=[
            "state", "snoozed_until", "snoozed_by", "acknowledged_by", "acknowledged_at", "commitment_on",
            "escalate_at", "rearm_at", "told_facts", "told_days", "told_at",
        ]
    )  # fmt: skip
    facts = {"snoozed_until": until_on.isoformat()}
    _record(row, AlertEventKind.SNOOZED, "alert.snooze", actor, now, note, request_id, facts)
    return row


@transaction.atomic
def decline(*, alert_id: UUID, actor: User, now: datetime, note: str = "", request_id: str = "") -> Alert:
    """Not mine: the next holder of the duty is told, and this person no more.

    Raises NotFound, NotPermitted, Conflict (closed), BadInput naming `note`.
    """
    row = _answerable(alert_id, actor, note)
    if row.owner_id == actor.pk:
        row.owner = None
    if row.acknowledged_by_id == actor.pk:
        row.acknowledged_by = row.acknowledged_at = row.commitment_on = row.rearm_at = None
        row.state = AlertState.RECOVERED if row.state == AlertState.RECOVERED else AlertState.OPEN
    row.save(update_fields=["owner", "acknowledged_by", "acknowledged_at", "commitment_on", "rearm_at", "state"])
    event = _record(row, AlertEventKind.DECLINED, "alert.decline", actor, now, note, request_id, {})
    if row.state in (AlertState.OPEN, AlertState.ESCALATED):
        holding.hold([event], now=now, at_once=True)
    return row


@transaction.atomic
def assign(*, alert_id: UUID, person: User, actor: User, now: datetime, note: str = "", request_id: str = "") -> Alert:
    """Give an alert to somebody, who is told at once. Raises NotFound, NotPermitted, Conflict (closed), and BadInput
    naming `person` (who may not answer it) or `note`.
    """
    row = _answerable(alert_id, actor, note)
    if person.kind != UserKind.PERSON or not can(person, Permission.ALERT_WRITE, site_id=row.site_id):
        raise BadInput(_("This person may not answer alerts here."), field="person")
    row.owner = person
    if row.state in (AlertState.ACKNOWLEDGED, AlertState.SNOOZED) and person.pk != actor.pk:
        row.state = AlertState.OPEN
        row.acknowledged_by = row.acknowledged_at = row.commitment_on = None
        row.snoozed_until = row.snoozed_by = row.rearm_at = None
    if person.pk != actor.pk:  # who takes it has not answered it yet
        row.escalate_at = None
    row.save(
        update_fields=[
            "owner", "state", "acknowledged_by", "acknowledged_at", "commitment_on", "snoozed_until", "snoozed_by",
            "rearm_at", "escalate_at",
        ]
    )  # fmt: skip
    facts = {"person": str(person.pk), "name": str(person)}
    event = _record(row, AlertEventKind.ASSIGNED, "alert.assign", actor, now, note, request_id, facts)
    if person.pk != actor.pk and row.state in (AlertState.OPEN, AlertState.ESCALATED):
        holding.hold([event], now=now, at_once=True)
    return row


@transaction.atomic
def assign_together(
    *, alert_ids: Collection[UUID], person: User, actor: User, now: datetime, note: str, request_id: str = ""
) -> list[Alert]:
    """Several alerts for one person, all or none. Raises as `assign`, and BadInput naming `alerts`."""
    return [
        assign(alert_id=key, person=person, actor=actor, now=now, note=note, request_id=request_id)
        for key in _in_order(alert_ids)
    ]


def _in_order(alert_ids: Collection[UUID]) -> list[UUID]:
    """In the order of their keys, so that two who answer the same alerts do not wait for each other."""
    if not 1 <= len(alert_ids) <= _AT_MOST_TOGETHER:
        raise BadInput(_("Choose 1 to %(most)d alerts.") % {"most": _AT_MOST_TOGETHER}, field="alerts")
    return sorted(set(alert_ids))


def _answerable(alert_id: UUID, actor: User, note: str) -> Alert:
    row = Alert.objects.visible_to(actor).filter(pk=alert_id).select_for_update(of=("self",)).first()
    if row is None:
        raise NotFound(_("There is no such alert."), field="alert")
    check_can(actor, Permission.ALERT_WRITE, site_id=row.site_id)
    if row.state == AlertState.CLOSED:
        raise Conflict(_("The alert is closed."), field="alert", state=row.state)
    if len(note) > _NOTE_LENGTH:
        raise BadInput(_("At most %(most)d characters.") % {"most": _NOTE_LENGTH}, field="note")
    return row


def _record(
    row: Alert,
    kind: AlertEventKind,
    verb: str,
    actor: User,
    now: datetime,
    note: str,
    request_id: str,
    facts: Mapping[str, str | None],
) -> AlertEvent:
    event = AlertEvent.objects.create(
        alert=row,
        kind=kind,
        turn=row.events.filter(kind=kind).count(),
        at=now,
        actor=actor,
        note=note,
        facts=dict(facts),
        cause_key=f"{kind.value}:{now.date().isoformat()}",
    )
    audit.record(
        actor=actor,
        verb=verb,
        subject_kind="alert",
        subject_id=row.pk,
        reason=note,
        request_id=request_id,
        facts=dict(facts) | {"band": row.band},
    )
    return event


def _asks_again_at(row: Alert, actor: User, now: datetime) -> datetime:
    if row.commitment_on is not None:
        return _start_of(row, row.commitment_on + timedelta(days=1))
    return Calendars([actor.pk]).office(actor, row.site_id).after_working_days(now, PROMISE_EXPECTED_WORKING_DAYS)


def _start_of(row: Alert, day: date) -> datetime:
    """The first instant of a local day of the site."""
    return datetime.combine(day, time.min, _zone(row))


def _zone(row: Alert) -> ZoneInfo:
    return ZoneInfo(row.site.time_zone) if row.site else ZoneInfo("UTC")


def _today_at(row: Alert, now: datetime) -> date:
    return now.astimezone(_zone(row)).date()
