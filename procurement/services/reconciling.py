"""Makes the alerts that stand in one scope be those that should."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max

from procurement.domain import alerting
from procurement.domain.alerting import Look, StandingAlert, Subject
from procurement.models import Alert, AlertEvent, Evaluation
from procurement.queries.alert_facts import KnownAlert
from procurement.services import holding
from procurement.services.copying import save_each
from procurement.vocabulary import AlertEventKind, AlertState, AlertSubject, CloseReason, Lane, Rule
from sites.queries.among import among

STANDS_RECOVERED: Final = timedelta(days=5)
REVERSALS_WITHIN: Final = timedelta(days=14)
UNSTABLE_REVERSALS: Final = 3
_WORSE_THAN_SNOOZED_DAYS: Final = 2
_BATCH: Final = 500
# Rules that begin to speak because a date has moved, not because a day has passed: a large first move is told at once.
_BEGIN_WITH_A_MOVE: Final = frozenset({Rule.LOW_FLOAT, Rule.SLIP_GREW, Rule.ROS_PULLED_FORWARD})
_ANSWERED: Final = (AlertState.ACKNOWLEDGED, AlertState.SNOOZED)
_CHANGEABLE: Final = (
    "state", "band", "lane", "severity", "facts", "subject_text", "measure_days", "told_days", "told_at", "told_facts",
    "recovered_at", "closed_at", "close_reason", "reversals", "acknowledged_by", "acknowledged_at", "commitment_on",
    "rearm_at", "snoozed_until", "snoozed_by", "escalation_step", "escalation_round", "escalate_at", "cause_key",
    "cause_text",
)  # fmt: skip

_REMEMBER: Final = f"""
INSERT INTO {Evaluation._meta.db_table} AS seen (site_id, as_of, evaluated_at, standing_alerts)
SELECT %(site)s, %(as_of)s, %(now)s, count(*) FROM {Alert._meta.db_table} a
WHERE a.rule = ANY(%(rules)s) AND a.state <> ALL(%(over)s) AND {{which}}
ON CONFLICT (site_id) DO UPDATE SET as_of = GREATEST(seen.as_of, excluded.as_of),
    evaluated_at = GREATEST(seen.evaluated_at, excluded.evaluated_at), standing_alerts = excluded.standing_alerts
RETURNING standing_alerts
"""  # noqa: S608
_REMEMBER_A_PART: Final = f"""
UPDATE {Evaluation._meta.db_table} SET evaluated_at = GREATEST(evaluated_at, %(now)s)
WHERE site_id = %(site)s RETURNING standing_alerts
"""  # noqa: S608

# Of numbers and words: a key is hashed twenty times as slowly as its number.
Key = tuple[str, str, int, int | None]
Row = Alert | KnownAlert


@dataclass(frozen=True, slots=True)
class Evaluated:
    """`told` counts the new events that make a mail due; everything is zero but `standing` where nothing changed."""

    standing: int
    opened: int = 0
    told: int = 0
    recovered: int = 0
    reopened: int = 0
    closed: int = 0


def key_of(alert: Row | StandingAlert) -> Key:
    return alert.rule, alert.subject_kind, alert.subject_id.int, alert.site_id.int if alert.site_id else None


def subject_of(row: Row) -> Subject:
    return AlertSubject(row.subject_kind), row.subject_id


class Reconciliation:
    """One look at one scope: what stands in the table against what should."""

    def __init__(self, site_id: UUID | None, as_of: date, now: datetime, cause_key: str, cause_text: str) -> None:
        self.site_id = site_id
        self.as_of = as_of
        self.now = now
        self.cause_key = (cause_key or f"day:{as_of.isoformat()}")[:80]
        self.cause_text = cause_text[:300]
        self.events: list[AlertEvent] = []
        self.changed: list[Alert] = []
        self.drifted: list[Alert] = []
        self.came_back: list[UUID] = []
        self.opened = self.recovered = self.reopened = self.closed = 0
        self.wanted: dict[Key, StandingAlert] = {}
        self.lingering: dict[Key, StandingAlert] = {}
        self.versions: dict[Subject, int] = {}
        self.unstable: set[UUID] = set()
        self.hits_told: set[tuple[UUID, int]] = set()
        self.turns: dict[tuple[UUID, str], int] = {}

    def of(self, look: Look, rows: Sequence[KnownAlert], *, counted: Collection[Rule] | None) -> Evaluated:
        """`rows` are the alerts that stand on what the look is about, `counted` the rules of the whole scope (None: of
        part of a site that was looked at as a whole before; what stands was counted then).
        """
        self.expect(look)
        self._read_told(rows)
        standing: dict[Key, Row] = {key_of(row): row for row in rows}
        moving = [row for row in rows if self.moves(row)]
        self._count_turns([row.pk for row in moving if not self._only_drifts(row)])
        # Only what changes is locked, in the order of the keys, so that an answer given meanwhile is not overwritten.
        locked = (
            Alert.objects.filter(among("pk", [row.pk for row in moving])).order_by("pk").select_for_update(of=("self",))
        )
        for row in locked:
            if row.state != AlertState.CLOSED and self.bring_up_to_date(row):
                del standing[key_of(row)]
        self._write_changes()
        self._open(self.fresh(standing))
        told = self._write_events()
        holding.resume_ladder(self.came_back, now=self.now)
        count = self._remember(counted)
        return Evaluated(count, self.opened, told, self.recovered, self.reopened, self.closed)

    def expect(self, look: Look) -> None:
        self.wanted = {key_of(alert): alert for alert in look.alerts if not alert.lingers}
        self.lingering = {key_of(alert): alert for alert in look.alerts if alert.lingers}
        self.versions = look.subjects

    def _read_told(self, rows: Sequence[KnownAlert]) -> None:
        flapping = [row.pk for row in rows if row.reversals >= UNSTABLE_REVERSALS]
        hit = [row.pk for row in rows if (alert := self.wanted.get(key_of(row))) and alert.hits]
        if flapping:
            noticed = AlertEvent.objects.filter(kind=AlertEventKind.UNSTABLE, alert__in=flapping)
            self.unstable = set(noticed.values_list("alert", flat=True))
        if hit:
            bands = {band for alert in self.wanted.values() for band in alert.hits}
            said = AlertEvent.objects.filter(among("alert", hit), kind=AlertEventKind.BAND, band__in=bands)
            self.hits_told = set(said.values_list("alert", "band"))

    def _count_turns(self, keys: Sequence[UUID]) -> None:
        if keys:
            counted = AlertEvent.objects.filter(alert__in=keys).values("alert", "kind").annotate(number=Count("pk"))
            self.turns = {(row["alert"], row["kind"]): row["number"] for row in counted}

    # -- does anything change --------------------------------------------------------------------------------------

    def _should(self, row: Row) -> StandingAlert | None:
        """What the row should say; one that only lingers says nothing of an alert that has recovered."""
        key = key_of(row)
        found = self.wanted.get(key)
        if found is None and row.state != AlertState.RECOVERED:
            found = self.lingering.get(key)
        return found

    def moves(self, row: Row) -> bool:
        alert = self._should(row)
        if alert is None:
            return row.state != AlertState.RECOVERED or self._is_over(row) or self._lost_its_ground(row)
        return row.state == AlertState.RECOVERED or self._is_rebaselined(row) or not self._says_the_same(row, alert)

    def _says_the_same(self, row: Row, alert: StandingAlert) -> bool:
        return (
            alert.facts == row.facts
            and alert.subject_text == row.subject_text
            and alert.measure_days == row.measure_days
            and self._lane(row, alert) == row.lane
            and (alert.lingers or alert.severity == row.severity)
            and not self._untold(row, alert)
        )

    def _only_drifts(self, row: Row) -> bool:
        alert = self._should(row)
        return (
            alert is not None
            and row.state != AlertState.RECOVERED
            and not self._is_rebaselined(row)
            and not self._untold(row, alert)
            and self._jump(row, alert) == 0
            and not self._is_better(row, alert)
            and row.state != AlertState.SNOOZED
        )

    def _lost_its_ground(self, row: Row) -> bool:
        return subject_of(row) not in self.versions or self._is_rebaselined(row)

    def _untold(self, row: Row, alert: StandingAlert) -> list[int]:
        """The bands that this episode has not told yet. Of the days, only what is worse than the worst told."""
        hits = [band for band in alert.hits if (row.pk, band) not in self.hits_told]
        return ([alert.band] if alert.band > row.band else []) + hits

    def _jump(self, row: Row, alert: StandingAlert) -> int:
        """By how many days it became worse since the last look, where that is a large move and worse than was told.

        Days that pass are no move: what drifts is told by its bands alone.
        """
        if alert.measure_days is None or row.measure_days is None or alert.rule in alerting.DRIFTING_RULES:
            return 0
        moved = alert.measure_days - row.measure_days
        since_told = alert.measure_days - (row.measure_days if row.told_days is None else row.told_days)
        return moved if alert.large_move_days <= min(moved, since_told) else 0

    def _is_rebaselined(self, row: Row) -> bool:
        return row.rule in alerting.BASELINED_RULES and self.versions.get(subject_of(row), 0) > row.baseline_version

    def _is_over(self, row: Row) -> bool:
        return (
            row.state == AlertState.RECOVERED
            and row.recovered_at is not None
            and self.now - row.recovered_at >= STANDS_RECOVERED
        )

    def _is_replaced(self, row: Alert) -> bool:
        worse = alerting.REPLACED_BY.get(Rule(row.rule))
        return worse is not None and (worse.value, *key_of(row)[1:]) in self.wanted

    def _lane(self, row: Row, alert: StandingAlert) -> Lane:
        return Lane.DIGEST if self.unstable and row.pk in self.unstable else alert.lane

    # -- what changes ----------------------------------------------------------------------------------------------

    def bring_up_to_date(self, row: Alert) -> bool:
        """Whether the alert was closed, so that what still should stand opens anew."""
        alert = self._should(row)
        if subject_of(row) not in self.versions:
            self._close(row, CloseReason.GONE)
        elif self._is_rebaselined(row):
            self._close(row, CloseReason.REBASELINED)
        elif self._is_over(row):
            self._close(row, CloseReason.RECOVERED)
        elif alert is not None:
            self._keep(row, alert)
        elif self._is_replaced(row):
            self._close(row, CloseReason.REPLACED)
        elif row.state != AlertState.RECOVERED:
            self._recover(row)
        return row.state == AlertState.CLOSED

    def _close(self, row: Alert, reason: CloseReason) -> None:
        row.state, row.closed_at, row.close_reason = AlertState.CLOSED, self.now, reason
        _stop_asking(row)
        self.changed.append(row)
        self._note(row, AlertEventKind.CLOSED, note=reason.value)
        self.closed += 1

    def _recover(self, row: Alert) -> None:
        row.state, row.recovered_at = AlertState.RECOVERED, self.now
        asks_again_at = row.rearm_at if row.acknowledged_by_id else None
        _stop_asking(row)
        row.rearm_at = asks_again_at  # should it come back, the commitment still holds
        self._reverse(row)
        self.changed.append(row)
        self._note(row, AlertEventKind.RECOVERED, turn=len(row.reversals), facts=row.facts)
        self.recovered += 1

    def _keep(self, row: Alert, alert: StandingAlert) -> None:
        said, state = len(self.events), row.state
        if row.state == AlertState.RECOVERED:
            # Silently: a date that flaps tells nobody anything new. A band not yet told still is.
            row.state = AlertState.ACKNOWLEDGED if row.acknowledged_by_id else AlertState.OPEN
            row.recovered_at = None
            self.came_back.append(row.pk)
            self._reverse(row)
            self._note(row, AlertEventKind.REOPENED, turn=len(row.reversals))
            self.reopened += 1
        untold, jump = self._untold(row, alert), self._jump(row, alert)
        if untold:
            for band in untold:
                self._tell(row, alert, AlertEventKind.BAND, band=band, lane=self._event_lane(row, jump))
            row.band = max(row.band, alert.band)
        elif jump:
            self._tell(row, alert, AlertEventKind.WORSENED, lane=self._event_lane(row, jump))
        elif row.state == AlertState.SNOOZED and self._is_worse_than_snoozed(row, alert):
            self._tell(row, alert, AlertEventKind.SNOOZE_ENDED)
        elif self._is_better(row, alert):
            self._note(row, AlertEventKind.IMPROVED, turn=self._turn(row, AlertEventKind.IMPROVED), facts=alert.facts)
        row.facts, row.subject_text, row.measure_days = alert.facts, alert.subject_text, alert.measure_days
        row.lane = self._lane(row, alert)
        if not alert.lingers:
            row.severity = alert.severity
        drifts = (len(self.events), row.state) == (said, state)
        (self.drifted if drifts else self.changed).append(row)

    def _event_lane(self, row: Alert, jump: int) -> Lane | None:
        """One large move never waits for the digest, unless the date is known to be unstable."""
        return Lane.URGENT if jump and row.pk not in self.unstable else None

    def _is_worse_than_snoozed(self, row: Alert, alert: StandingAlert) -> bool:
        if alert.measure_days is None or row.told_days is None or alert.rule in alerting.DRIFTING_RULES:
            return False
        return alert.measure_days - row.told_days >= _WORSE_THAN_SNOOZED_DAYS

    def _is_better(self, row: Row, alert: StandingAlert) -> bool:
        if alert.measure_days is None or row.measure_days is None:
            return False
        return row.measure_days - alert.measure_days >= alert.large_move_days

    def _tell(
        self, row: Alert, alert: StandingAlert, kind: AlertEventKind, *, band: int = 0, lane: Lane | None = None
    ) -> None:
        """A fact that people have not heard: whoever acknowledged or snoozed the alert did so for a lesser one."""
        turn = 0 if kind == AlertEventKind.BAND else self._turn(row, kind)
        self._note(row, kind, band=band, turn=turn, facts=alert.facts | since_told(row, alert), lane=lane)
        if row.state in _ANSWERED:
            ask_again(row)
        row.cause_key, row.cause_text = self.cause_key, self.cause_text
        remember_told(row, alert.facts, alert.measure_days, self.now)

    def _turn(self, row: Alert, kind: AlertEventKind) -> int:
        number = self.turns.get((row.pk, kind), 0)
        self.turns[row.pk, kind] = number + 1
        return number

    def _reverse(self, row: Alert) -> None:
        row.reversals = [*row.reversals, self.now.isoformat()]
        recent = [at for at in row.reversals if self.now - datetime.fromisoformat(at) <= REVERSALS_WITHIN]
        if len(recent) >= UNSTABLE_REVERSALS and row.pk not in self.unstable:
            self._note(row, AlertEventKind.UNSTABLE, note=f"{len(recent)}", facts=row.facts)
            self.unstable.add(row.pk)
            row.lane = Lane.DIGEST

    # -- what opens ------------------------------------------------------------------------------------------------

    def fresh(self, standing: Mapping[Key, Row]) -> list[StandingAlert]:
        """What is to be raised, given what stands."""
        return [
            alert
            for key, alert in self.wanted.items()
            if key not in standing and not self._is_said_by_a_worse_one(alert, standing)
        ]

    def _open(self, fresh: Sequence[StandingAlert]) -> None:
        if not fresh:
            return
        past = (
            Alert.objects.filter(subject_id__in={alert.subject_id for alert in fresh}, state=AlertState.CLOSED)
            .values("rule", "subject_kind", "subject_id", "site", "baseline_version")
            .annotate(last=Max("episode"))
        )
        episodes: dict[tuple[object, ...], int] = {
            (row["rule"], row["subject_kind"], row["subject_id"], row["site"], row["baseline_version"]): row["last"]
            for row in past
        }
        rows = [self.row(alert, episodes.get(_episodes_of(alert), 0) + 1) for alert in fresh]
        Alert.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)
        mine = set(Alert.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
        for row, alert in zip(rows, fresh, strict=True):
            if row.pk in mine:
                self.note_opening(row, alert)

    def note_opening(self, row: Alert, alert: StandingAlert) -> None:
        self.opened += 1
        for band in (alert.band, *alert.hits):
            self._note(row, AlertEventKind.BAND, band=band, facts=alert.facts, lane=_lane_of_a_first_move(alert))

    def _is_said_by_a_worse_one(self, alert: StandingAlert, standing: Mapping[Key, Row]) -> bool:
        worse = alerting.REPLACED_BY.get(alert.rule)
        if worse is None:
            return False
        key = (worse.value, *key_of(alert)[1:])
        row = standing.get(key)
        return key in self.wanted or (row is not None and row.state != AlertState.RECOVERED)

    def row(self, alert: StandingAlert, episode: int) -> Alert:
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
            severity=alert.severity,
            told_role=alert.told_role,
            opened_on=self.as_of,
            opened_at=self.now,
            cause_key=self.cause_key,
            cause_text=self.cause_text,
            facts=alert.facts,
            measure_days=alert.measure_days,
            told_days=alert.measure_days,
            told_at=self.now,
            told_facts=alert.facts,
        )

    # -- writing ---------------------------------------------------------------------------------------------------

    def _note(
        self,
        row: Alert,
        kind: AlertEventKind,
        *,
        band: int = 0,
        turn: int = 0,
        note: str = "",
        facts: dict[str, alerting.Plain] | None = None,
        lane: Lane | None = None,
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
                lane=lane or "",
            )
        )

    def _write_changes(self) -> None:
        save_each(self.changed, _CHANGEABLE)
        _write_drift(self.drifted)

    def _write_events(self) -> int:
        """Hold what is news; how many of the new events make a mail due: only the insert that succeeds does."""
        AlertEvent.objects.bulk_create(self.events, ignore_conflicts=True, batch_size=_BATCH)
        news = [event.pk for event in self.events if event.kind in (*holding.MAILED, AlertEventKind.RECOVERED)]
        if not news:
            return 0
        told = list(AlertEvent.objects.filter(pk__in=news).select_related("alert__site").order_by("pk"))
        holding.hold(told, now=self.now)
        return sum(event.kind in holding.MAILED for event in told)

    def _remember(self, counted: Collection[Rule] | None) -> int:
        """How many alerts of these rules stand in the scope."""
        if counted is None:
            with connection.cursor() as cursor:
                cursor.execute(_REMEMBER_A_PART, {"site": self.site_id, "now": self.now})
                return int(cursor.fetchall()[0][0])
        values = {
            "site": self.site_id, "as_of": self.as_of, "now": self.now, "rules": [rule.value for rule in counted],
            "over": [AlertState.CLOSED.value, AlertState.RECOVERED.value],
        }  # fmt: skip
        which = "TRUE" if self.site_id is None else "a.site_id = %(site)s"
        with connection.cursor() as cursor:
            cursor.execute(_REMEMBER.format(which=which), values)
            (count,) = cursor.fetchall()[0]
        return int(count)


def _episodes_of(alert: StandingAlert) -> tuple[object, ...]:
    return alert.rule, alert.subject_kind, alert.subject_id, alert.site_id, alert.baseline_version


def _lane_of_a_first_move(alert: StandingAlert) -> Lane | None:
    before, after = alert.facts.get("forecast_from_on"), alert.facts.get("forecast_on")
    if alert.rule not in _BEGIN_WITH_A_MOVE or not isinstance(before, str) or not isinstance(after, str):
        return None
    moved = (date.fromisoformat(after) - date.fromisoformat(before)).days
    return Lane.URGENT if moved >= alert.large_move_days else None


def since_told(row: Alert, alert: Alert | StandingAlert) -> dict[str, alerting.Plain]:
    """What a message says besides the present facts: how far it moved since people were last told, and from where."""
    said: dict[str, alerting.Plain] = {"told_before_on": row.told_at.date().isoformat() if row.told_at else None}
    if row.told_days is not None and alert.measure_days is not None:
        said["since_told_days"] = alert.measure_days - row.told_days
    for name in ("forecast_on", "required_on_site", "cod_forecast_on", "energisation_on", "rfs_forecast_on"):
        if (before := row.told_facts.get(name)) and before != alert.facts.get(name):
            said[f"told_{name}"] = before
    return said


def remember_told(row: Alert, facts: dict[str, alerting.Plain], measure_days: int | None, now: datetime) -> None:
    row.told_facts, row.told_days, row.told_at = facts, measure_days, now


def ask_again(row: Alert) -> None:
    """As if nobody had answered; the ladder begins anew."""
    row.state, row.acknowledged_by, row.acknowledged_at = AlertState.OPEN, None, None
    row.commitment_on = None
    row.escalation_step, row.escalation_round = 0, row.escalation_round + 1
    _stop_asking(row)


def _stop_asking(row: Alert) -> None:
    row.rearm_at = row.escalate_at = row.snoozed_until = row.snoozed_by = None


def _write_drift(rows: Iterable[Alert]) -> None:
    """The facts that change from day to day, in one statement: no state, no answer."""
    values = [
        {
            "id": str(row.pk),
            "facts": row.facts,
            "measure": row.measure_days,
            "text": row.subject_text,
            "lane": row.lane,
            "severity": row.severity,
        }
        for row in rows
    ]
    if not values:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {Alert._meta.db_table} a
            SET facts = v.facts, measure_days = v.measure, subject_text = v.text, lane = v.lane, severity = v.severity
            FROM jsonb_to_recordset(%s::jsonb)
                AS v(id uuid, facts jsonb, measure int, text text, lane text, severity text)
            WHERE a.id = v.id
            """,  # noqa: S608
            [json.dumps(values)],
        )
