"""What time alone does to alerts: a snooze ends, an answer is asked for again, an unanswered one climbs the ladder."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from procurement.domain import escalation
from procurement.models import Alert, AlertEvent, Allocation, NotificationItem
from procurement.services import holding
from procurement.services.mail_calendar import Calendars, zone_of
from procurement.services.recipients import Directory
from procurement.services.reconciling import ask_again, remember_told, since_told
from procurement.vocabulary import AlertEventKind, AlertState, AlertSubject, Lane
from sites.models import Promise

_BATCH: Final = 200
_LONGEST_LADDER: Final = timedelta(days=30)
_WAITING: Final = (AlertState.OPEN, AlertState.ESCALATED)


@dataclass(frozen=True, slots=True)
class Ticked:
    asked_again: int = 0
    escalated: int = 0


@dataclass(frozen=True, slots=True)
class NextStep:
    """Who will be told next unless somebody answers, and at what instant; `time_zone` is that of the first of them."""

    at: datetime
    people: tuple[str, ...]
    time_zone: str


def tick(*, now: datetime) -> Ticked:
    """Do everything whose time has come. Any number of these may run at once; what one has locked the others pass."""
    # Of what has recovered nobody is asked; should it come back, they are.
    standing = Alert.objects.exclude(state=AlertState.RECOVERED)
    asked = _rounds(standing.filter(rearm_at__lte=now), "rearm_at", now, _ask_again)
    escalated = _rounds(Alert.objects.filter(escalate_at__lte=now), "escalate_at", now, _escalate)
    return Ticked(asked, escalated)


def _rounds(due: QuerySet[Alert], column: str, now: datetime, work: Callable[[Sequence[Alert], datetime], int]) -> int:
    done = 0
    while True:
        with transaction.atomic():
            locked = due.select_for_update(skip_locked=True, of=("self",)).select_related("site")
            rows = list(locked.order_by(column, "pk")[:_BATCH])
            if not rows:
                return done
            done += work(rows, now)


def _ask_again(rows: Sequence[Alert], now: datetime) -> int:
    answered = _with_a_new_promise([row for row in rows if _waits_for_a_promise(row)])
    events = []
    for row in rows:
        row.rearm_at = None
        if row.state == AlertState.SNOOZED:
            events.append(_asking(row, AlertEventKind.SNOOZE_ENDED, now))
        elif row.state == AlertState.ACKNOWLEDGED and row.pk not in answered:
            events.append(_asking(row, AlertEventKind.REARMED, now))
    Alert.objects.bulk_update(
        rows,
        [
            "rearm_at", "state", "acknowledged_by", "acknowledged_at", "commitment_on", "snoozed_until", "snoozed_by",
            "escalation_step", "escalation_round", "escalate_at", "told_facts", "told_days", "told_at",
        ],
    )  # fmt: skip
    _tell(events, now)
    return len(events)


def _asking(row: Alert, kind: AlertEventKind, now: datetime) -> AlertEvent:
    event = _event(row, kind, now)
    remember_told(row, row.facts, row.measure_days, now)
    ask_again(row)
    return event


def _waits_for_a_promise(row: Alert) -> bool:
    return row.state == AlertState.ACKNOWLEDGED and row.commitment_on is None


def _with_a_new_promise(rows: Sequence[Alert]) -> set[UUID]:
    """Those about whose lots a vendor has promised anything since they were acknowledged."""
    if not rows:
        return set()
    lots_of: dict[UUID, set[UUID]] = {row.pk: {row.subject_id} for row in rows if row.subject_kind == AlertSubject.LOT}
    needs = {row.subject_id: row.pk for row in rows if row.subject_kind == AlertSubject.REQUIREMENT}
    serving = Allocation.objects.filter(requirement__in=needs, ended_at__isnull=True)
    for requirement_id, lot_id in serving.values_list("requirement", "lot"):
        lots_of.setdefault(needs[requirement_id], set()).add(lot_id)
    since = min(row.acknowledged_at for row in rows if row.acknowledged_at)
    promised = Promise.objects.filter(
        milestone__chain__lot__in={lot for lots in lots_of.values() for lot in lots}, recorded_at__gt=since
    )
    last: dict[UUID, datetime] = {}
    for lot_id, at in promised.values_list("milestone__chain__lot", "recorded_at"):
        last[lot_id] = max(at, last.get(lot_id, at))
    return {
        row.pk
        for row in rows
        if row.acknowledged_at and any(last.get(lot, since) > row.acknowledged_at for lot in lots_of.get(row.pk, ()))
    }


def _escalate(rows: Sequence[Alert], now: datetime) -> int:
    events, later = [], {}
    for row in rows:
        row.escalate_at = None
        step = escalation.next_step(row.escalation_step, Lane(row.lane))
        if step is None or row.state not in _WAITING:
            continue
        row.escalation_step += 1
        row.state = AlertState.ESCALATED
        event = _event(row, AlertEventKind.ESCALATED, now, band=row.escalation_step, turn=row.escalation_round)
        event.cause_key = f"escalation:{row.escalation_step}:{row.cause_key}"[:80]
        event.cause_text = row.cause_text
        events.append(event)
        if following := escalation.next_step(row.escalation_step, Lane(row.lane)):
            later[event.pk] = row, following.working_days - step.working_days
    Alert.objects.bulk_update(rows, ["escalate_at", "escalation_step", "state"])
    _tell(events, now)
    _plan_what_follows(later)
    return len(events)


def _plan_what_follows(later: dict[UUID, tuple[Alert, int]]) -> None:
    """The step after this one counts from when its own people hear of it, in their working days."""
    items = (
        NotificationItem.objects.filter(event__in=later, dropped_because="")
        .select_related("recipient", "notification")
        .order_by("-notification__release_at", "-pk")
    )
    first = {item.event_id: item for item in items}
    calendars = Calendars({item.recipient_id for item in first.values()})
    rows = []
    for event_id, item in first.items():
        row, days = later[event_id]
        office = calendars.office(item.recipient, row.site_id)
        row.escalate_at = office.after_working_days(item.notification.release_at, days)
        rows.append(row)
    Alert.objects.bulk_update(rows, ["escalate_at"])


def _event(row: Alert, kind: AlertEventKind, now: datetime, *, band: int = 0, turn: int | None = None) -> AlertEvent:
    return AlertEvent(
        alert=row,
        kind=kind,
        band=band,
        turn=row.events.filter(kind=kind).count() if turn is None else turn,
        at=now,
        facts=row.facts | since_told(row, row),
        cause_key=f"{kind.value}:{now.date().isoformat()}",
        cause_text=row.cause_text,
    )


def _tell(events: Iterable[AlertEvent], now: datetime) -> None:
    rows = list(events)
    AlertEvent.objects.bulk_create(rows, ignore_conflicts=True)
    fresh = AlertEvent.objects.filter(pk__in=[event.pk for event in rows])
    holding.hold(list(fresh.select_related("alert__site").order_by("pk")), now=now)


def next_steps(alerts: Collection[Alert], *, now: datetime) -> dict[UUID, NextStep]:
    """What the ladder would do next with each, before it does; alerts that do not escalate are left out."""
    rows = [row for row in alerts if row.escalate_at is not None and row.state in _WAITING]
    if not rows:
        return {}
    last = max(row.escalate_at for row in rows if row.escalate_at)
    directory, knowing = Directory(rows, now=now, until=last), holding.knowing([row.pk for row in rows])
    found = {}
    for row in rows:
        step = escalation.next_step(row.escalation_step, Lane(row.lane))
        if step is None or row.escalate_at is None:
            continue
        # Whoever is away then is stood in for then.
        told = directory.at(max(now, row.escalate_at)).escalated(row, step, knowing[row.pk].keys())
        if told:
            found[row.pk] = NextStep(
                row.escalate_at, tuple(str(each.person) for each in told), str(zone_of(told[0].person))
            )
    return found


def ladder(alert: Alert, *, now: datetime) -> tuple[NextStep, ...]:
    """All steps that the ladder would take while nobody answers, the next one first. Those after it come at about the
    instant given, as they count from when the people of the step before have heard. Empty for what does not escalate.
    """
    if alert.escalate_at is None or alert.state not in _WAITING:
        return ()
    at, taken, lane = max(now, alert.escalate_at), alert.escalation_step, Lane(alert.lane)
    directory = Directory([alert], now=now, until=at + _LONGEST_LADDER)
    knowing = set(holding.knowing([alert.pk])[alert.pk])
    found: list[NextStep] = []
    while step := escalation.next_step(taken, lane):
        told = directory.at(at).escalated(alert, step, knowing)
        if not told:
            break
        first = told[0].person
        found.append(NextStep(at, tuple(str(each.person) for each in told), str(zone_of(first))))
        knowing |= {each.person.pk for each in told}
        taken += 1
        if following := escalation.next_step(taken, lane):
            office = Calendars([first.pk]).office(first, alert.site_id)
            at = office.after_working_days(at, following.working_days - step.working_days)
    return tuple(found)
