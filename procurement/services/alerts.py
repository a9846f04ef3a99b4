"""Makes the alerts that stand in the tables be those that should, and takes people's answers to them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from procurement.domain import alerting
from procurement.domain.alerting import PowerFacts, SiteFacts, StandingAlert, Subject
from procurement.models import Alert, AlertEvent, Evaluation, Requirement
from procurement.queries import alerts as reading
from procurement.services import holding
from procurement.vocabulary import AlertEventKind, AlertState, AlertSubject, CloseReason, Lane, Rule
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import LATEST_YEAR
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.models import Site
from sites.services.access import check_can

STANDS_RECOVERED: Final = timedelta(days=5)
REVERSALS_WITHIN: Final = timedelta(days=14)
UNSTABLE_REVERSALS: Final = 3
_NOTE_LENGTH = 500

Key = tuple[Rule, AlertSubject, UUID]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """`told` counts the new events that make a mail due; everything is zero but `standing` where nothing changed."""

    standing: int
    opened: int = 0
    told: int = 0
    recovered: int = 0
    reopened: int = 0
    closed: int = 0


@transaction.atomic
def evaluate_site(*, site_id: UUID, as_of: date, now: datetime, cause_key: str = "", cause_text: str = "") -> Evaluated:
    """Look at one site. Ten of these at once, or one ten times, do what one does.

    `as_of` is the site's local date. `cause_key` names what moved the dates (a statement, an import): what it moved
    is one mail. Wakes nobody: whoever opened the transaction does. Raises Site.DoesNotExist.
    """
    _one_at_a_time(f"site:{site_id}")
    return _Reconciliation(site_id, as_of, now, cause_key, cause_text).of(
        reading.site_facts(site_id), Alert.objects.filter(site_id=site_id, rule__in=alerting.SITE_RULES)
    )


@transaction.atomic
def evaluate_power(*, as_of: date, now: datetime, cause_key: str = "", cause_text: str = "") -> Evaluated:
    """Look at the power portfolio: every agreement against the sites it is meant for."""
    _one_at_a_time("power")
    return _Reconciliation(None, as_of, now, cause_key, cause_text).of(
        reading.power_facts(as_of), Alert.objects.filter(rule__in=alerting.POWER_RULES)
    )


def _one_at_a_time(scope: str) -> None:
    """Evaluators of one scope queue up, so that the later one sees what the earlier one wrote.

    What may never happen twice is kept by constraints; this only spares the losers' work and the deadlocks.
    """
    key = int.from_bytes(hashlib.sha256(f"evaluate:{scope}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


class _Reconciliation:
    """One look at one scope: what stands in the table against what should."""

    def __init__(self, site_id: UUID | None, as_of: date, now: datetime, cause_key: str, cause_text: str) -> None:
        self.site_id = site_id
        self.as_of = as_of
        self.now = now
        self.cause_key = (cause_key or f"day:{as_of.isoformat()}")[:80]
        self.cause_text = cause_text[:300]
        self.events: list[AlertEvent] = []
        self.opened = self.recovered = self.reopened = self.closed = 0
        self.unstable: set[UUID] = set()
        self.hits_told: set[tuple[UUID, int]] = set()

    def of(self, facts: SiteFacts | PowerFacts, known: QuerySet[Alert]) -> Evaluated:
        wanted = {_key(alert): alert for alert in alerting.evaluate(facts, self.as_of)}
        versions = facts.baseline_versions
        unlocked = known.exclude(state=AlertState.CLOSED)
        self.unstable = set(
            AlertEvent.objects.filter(kind=AlertEventKind.UNSTABLE, alert__in=unlocked).values_list("alert", flat=True)
        )
        self.hits_told = set(
            AlertEvent.objects.filter(
                kind=AlertEventKind.BAND, band__in=[alerting.RFS_HIT], alert__in=unlocked
            ).values_list("alert", "band")
        )
        standing = {_key(row): row for row in unlocked}
        moving = [row.pk for key, row in standing.items() if self._differs(row, wanted.get(key), versions)]
        # Only what changes is locked, in the order of the keys, so that an answer given meanwhile is not overwritten.
        for row in Alert.objects.filter(pk__in=moving).order_by("pk").select_for_update(of=("self",)):
            if row.state != AlertState.CLOSED and self._bring_up_to_date(row, wanted.get(_key(row)), versions):
                del standing[_key(row)]
        self._open([alert for key, alert in wanted.items() if key not in standing])
        told = self._write_events()
        holding.hold(told, now=self.now)
        count = known.exclude(state__in=[AlertState.CLOSED, AlertState.RECOVERED]).count()
        self._remember(count)
        return Evaluated(count, self.opened, len(told), self.recovered, self.reopened, self.closed)

    def _differs(self, row: Alert, alert: StandingAlert | None, versions: dict[Subject, int]) -> bool:
        if alert is None:
            return (
                row.state != AlertState.RECOVERED
                or self._is_over(row)
                or _subject(row) not in versions
                or self._is_rebaselined(row, versions)
            )
        return (
            row.state == AlertState.RECOVERED
            or self._is_rebaselined(row, versions)
            or bool(self._untold(row, alert))
            or alert.facts != row.facts
            or alert.subject_text != row.subject_text
            or self._lane(row, alert) != row.lane
        )

    def _untold(self, row: Alert, alert: StandingAlert) -> list[int]:
        """The bands that this episode has not told yet. Of the days, only what is worse than the worst told."""
        hits = [band for band in alert.hits if (row.pk, band) not in self.hits_told]
        return ([alert.band] if alert.band > row.band else []) + hits

    def _is_rebaselined(self, row: Alert, versions: dict[Subject, int]) -> bool:
        return row.rule in alerting.BASELINED_RULES and versions[_subject(row)] > row.baseline_version

    def _is_over(self, row: Alert) -> bool:
        return (
            row.state == AlertState.RECOVERED
            and row.recovered_at is not None
            and self.now - row.recovered_at >= STANDS_RECOVERED
        )

    def _lane(self, row: Alert, alert: StandingAlert) -> Lane:
        return Lane.DIGEST if row.pk in self.unstable else alert.lane

    def _bring_up_to_date(self, row: Alert, alert: StandingAlert | None, versions: dict[Subject, int]) -> bool:
        """Whether the alert was closed, so that what still should stand opens anew."""
        if _subject(row) not in versions:
            self._close(row, CloseReason.GONE)
        elif self._is_rebaselined(row, versions):
            self._close(row, CloseReason.REBASELINED)
        elif self._is_over(row):
            self._close(row, CloseReason.RECOVERED)
        elif alert is None:
            if row.state != AlertState.RECOVERED:
                self._recover(row)
        else:
            self._keep(row, alert)
        return row.state == AlertState.CLOSED

    def _close(self, row: Alert, reason: CloseReason) -> None:
        row.state, row.closed_at, row.close_reason = AlertState.CLOSED, self.now, reason
        row.save(update_fields=["state", "closed_at", "close_reason"])
        self._note(row, AlertEventKind.CLOSED, note=reason.value)
        self.closed += 1

    def _recover(self, row: Alert) -> None:
        row.state, row.recovered_at = AlertState.RECOVERED, self.now
        self._reverse(row)
        row.save(update_fields=["state", "recovered_at", "reversals", "lane"])
        self._note(row, AlertEventKind.RECOVERED, turn=len(row.reversals))
        self.recovered += 1

    def _keep(self, row: Alert, alert: StandingAlert) -> None:
        if row.state == AlertState.RECOVERED:
            # Silently: a date that flaps tells nobody anything new. A band not yet told still is.
            row.state = AlertState.ACKNOWLEDGED if row.acknowledged_by_id else AlertState.OPEN
            row.recovered_at = None
            self._reverse(row)
            self._note(row, AlertEventKind.REOPENED, turn=len(row.reversals))
            self.reopened += 1
        untold = self._untold(row, alert)
        if untold:
            for band in untold:
                self._note(row, AlertEventKind.BAND, band=band, facts=alert.facts)
            row.band = max(row.band, alert.band)
            self._ask_again(row)
        row.facts, row.subject_text, row.lane = alert.facts, alert.subject_text, self._lane(row, alert)
        row.save()

    def _ask_again(self, row: Alert) -> None:
        """Whoever acknowledged or snoozed it did so for a lesser fact."""
        row.state, row.acknowledged_by, row.acknowledged_at = AlertState.OPEN, None, None
        row.cause_key, row.cause_text = self.cause_key, self.cause_text

    def _reverse(self, row: Alert) -> None:
        row.reversals = [*row.reversals, self.now.isoformat()]
        recent = [at for at in row.reversals if self.now - datetime.fromisoformat(at) <= REVERSALS_WITHIN]
        if len(recent) >= UNSTABLE_REVERSALS and row.pk not in self.unstable:
            self._note(row, AlertEventKind.UNSTABLE, note=f"{len(recent)}", facts=row.facts)
            self.unstable.add(row.pk)
            row.lane = Lane.DIGEST

    def _open(self, alerts: Sequence[StandingAlert]) -> None:
        if not alerts:
            return
        past = (
            Alert.objects.filter(subject_id__in=[alert.subject_id for alert in alerts])
            .values("rule", "subject_kind", "subject_id", "baseline_version")
            .annotate(last=Max("episode"))
        )
        episodes = {
            (row["rule"], row["subject_kind"], row["subject_id"], row["baseline_version"]): row["last"] for row in past
        }
        rows = [self._row(alert, episodes.get((*_key(alert), alert.baseline_version), 0) + 1) for alert in alerts]
        Alert.objects.bulk_create(rows, ignore_conflicts=True)
        mine = set(Alert.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
        self.opened = len(mine)
        for row, alert in zip(rows, alerts, strict=True):
            for band in (alert.band, *alert.hits) if row.pk in mine else ():
                self._note(row, AlertEventKind.BAND, band=band, facts=alert.facts)

    def _row(self, alert: StandingAlert, episode: int) -> Alert:
        return Alert(
            rule=alert.rule,
            subject_kind=alert.subject_kind,
            subject_id=alert.subject_id,
            subject_text=alert.subject_text,
            site_id=alert.site_id,
            baseline_version=alert.baseline_version,
            episode=episode,
            band=alert.band,
            lane=alert.lane,
            told_role=alert.told_role,
            opened_on=self.as_of,
            opened_at=self.now,
            cause_key=self.cause_key,
            cause_text=self.cause_text,
            facts=alert.facts,
        )

    def _note(
        self,
        row: Alert,
        kind: AlertEventKind,
        *,
        band: int = 0,
        turn: int = 0,
        note: str = "",
        facts: dict[str, alerting.Plain] | None = None,
    ) -> None:
        self.events.append(
            AlertEvent(
                alert=row,
                kind=kind,
                band=band,
                turn=turn,
                at=self.now,
                note=note,
                facts=facts or {},
                cause_key=self.cause_key,
                cause_text=self.cause_text,
            )
        )

    def _write_events(self) -> list[AlertEvent]:
        """The new events that make a mail due: only the insert that succeeds does."""
        AlertEvent.objects.bulk_create(self.events, ignore_conflicts=True)
        mailed = [event.pk for event in self.events if event.kind in holding.MAILED]
        if not mailed:
            return []
        return list(AlertEvent.objects.filter(pk__in=mailed).select_related("alert__site").order_by("pk"))

    def _remember(self, standing: int) -> None:
        scope = Site.objects.get(pk=self.site_id) if self.site_id else None
        seen, _created = Evaluation.objects.get_or_create(
            site=scope,
            defaults={"as_of": self.as_of, "evaluated_at": self.now, "standing_alerts": standing},
        )
        seen.as_of = max(seen.as_of, self.as_of)
        seen.evaluated_at = max(seen.evaluated_at, self.now)
        seen.standing_alerts = standing
        seen.save(update_fields=["as_of", "evaluated_at", "standing_alerts"])


def _key(alert: Alert | StandingAlert) -> Key:
    return Rule(alert.rule), AlertSubject(alert.subject_kind), alert.subject_id


def _subject(row: Alert) -> Subject:
    return AlertSubject(row.subject_kind), row.subject_id


@transaction.atomic
def disagree(
    *, requirements: Mapping[UUID, Decimal], order_number: str, system: str, as_of: date, now: datetime, cause_key: str
) -> int:
    """Tell whose units the ERP took away: `requirements` maps each to the units it lost. How many alerts opened.

    One that stands already is not opened again. It closes with its requirement; until then a person's answer stands.
    """
    raised = Alert.objects.filter(rule=Rule.ERP_DISAGREEMENT, subject_kind=AlertSubject.REQUIREMENT)
    episodes = dict(
        raised.filter(subject_id__in=list(requirements)).values_list("subject_id").annotate(last=Max("episode"))
    )
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
            facts={"order": order_number, "system": system, "units_lost": format(requirements[requirement.pk], "f")},
        )
        for requirement in Requirement.objects.filter(pk__in=list(requirements))
        .select_related("site", "equipment_class")
        .order_by("pk")
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
    """Take a person's answer: they know, and by `commitment_on` it will be better. A worse band still mails.

    Raises NotFound, NotPermitted, Conflict (closed), BadInput naming `commitment_on` or `note`.
    """
    row = Alert.objects.visible_to(actor).filter(pk=alert_id).select_for_update(of=("self",)).first()
    if row is None:
        raise NotFound(_("There is no such alert."), field="alert")
    check_can(actor, Permission.ALERT_WRITE, site_id=row.site_id)
    if row.state == AlertState.CLOSED:
        raise Conflict(_("The alert is closed."), field="alert", state=row.state)
    if len(note) > _NOTE_LENGTH:
        raise BadInput(_("At most %(most)d characters.") % {"most": _NOTE_LENGTH}, field="note")
    if commitment_on is not None and not _today_at(row, now) <= commitment_on <= date(LATEST_YEAR, 12, 31):
        raise BadInput(_("A commitment lies in the future."), field="commitment_on")
    row.acknowledged_by, row.acknowledged_at, row.commitment_on = actor, now, commitment_on
    if row.state != AlertState.RECOVERED:
        row.state = AlertState.ACKNOWLEDGED
    row.save(update_fields=["state", "acknowledged_by", "acknowledged_at", "commitment_on"])
    AlertEvent.objects.create(
        alert=row,
        kind=AlertEventKind.ACKNOWLEDGED,
        turn=row.events.filter(kind=AlertEventKind.ACKNOWLEDGED).count(),
        at=now,
        actor=actor,
        note=note,
        facts={"commitment_on": commitment_on.isoformat() if commitment_on else None},
    )
    audit.record(
        actor=actor,
        verb="alert.acknowledge",
        subject_kind="alert",
        subject_id=row.pk,
        reason=note,
        request_id=request_id,
        facts={"commitment_on": commitment_on.isoformat() if commitment_on else None, "band": row.band},
    )
    return row


def _today_at(row: Alert, now: datetime) -> date:
    return now.astimezone(ZoneInfo(row.site.time_zone)).date() if row.site else now.date()
