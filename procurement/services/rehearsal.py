"""Runs a change to see what it would move and who would be told, and takes all of it back."""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model

from procurement.models import (
    AlertEvent,
    BlockForecast,
    ChainForecast,
    ForecastRun,
    LotForecast,
    NotificationItem,
    RequirementForecast,
)
from procurement.services import alerts
from procurement.services.forecasts import local_date
from procurement.services.recipients import Reason
from procurement.vocabulary import AlertEventKind, Channel, Lane, MessageKind, Rule, Severity
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import new_id
from sites.models import Site
from sites.queries.access import can, sites_where
from sites.queries.chain_owners import owners

OPENED = "opened"
# Far more than the milliseconds in which keys and clocks of two machines can differ.
_SKEW_MILLISECONDS = 60_000
# Of the rows that a statement can see, only its own transaction's are written by one that has not ended. `xmin` lacks
# the upper half of a transaction's number: it is the number nearest to the present one.
_OWN_ROWS = """
WITH here AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next),
     rows AS (SELECT id, next, ((xmin::text::bigint - next) & 4294967295) AS ahead FROM {table}, here WHERE id >= %s)
SELECT id FROM rows
WHERE pg_xact_status(
    (next + CASE WHEN ahead < 2147483648 THEN ahead ELSE ahead - 4294967296 END)::text::xid8
) = 'in progress'
"""


@dataclass(frozen=True, slots=True)
class MovedDate:
    """A shown date before and after. `kind` is lot, requirement, block or that of a chain; null dates and floats are
    unknown.

    `mw_days` are those at risk of a block, and the larger of what a lot or requirement recovers and costs.
    """

    kind: str
    key: UUID
    label: str
    site_id: UUID | None
    before_on: date | None
    after_on: date | None
    required_before_on: date | None = None
    required_after_on: date | None = None
    float_before_days: int | None = None
    float_after_days: int | None = None
    mw_days_before: Decimal | None = None
    mw_days_after: Decimal | None = None

    @property
    def days(self) -> int | None:
        """Above zero is later; null where one of the dates is unknown."""
        return (self.after_on - self.before_on).days if self.before_on and self.after_on else None


@dataclass(frozen=True, slots=True)
class MovedAlert:
    """`what` is opened, or the last kind of event that the change would bring about."""

    alert_id: UUID
    what: str
    rule: Rule
    subject_text: str
    site_id: UUID | None
    severity: Severity
    lane: Lane
    band: int
    facts: dict[str, Any]

    @property
    def is_new(self) -> bool:
        return self.what == OPENED


@dataclass(frozen=True, slots=True)
class WouldTell:
    """One message to one person: when it would leave, and the alerts it would tell. `release_at` is an instant."""

    person_id: UUID
    person: str
    reason: Reason
    role: str
    channel: Channel
    kind: MessageKind
    lane: Lane
    release_at: datetime
    time_zone: str
    alerts: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    moved: tuple[MovedDate, ...]
    alerts: tuple[MovedAlert, ...]
    told: tuple[WouldTell, ...]

    @property
    def mw_days(self) -> Decimal:
        """By how much the MW-days at risk of all blocks together would grow."""
        blocks = [row for row in self.moved if row.kind == "block"]
        return sum(
            ((row.mw_days_after or Decimal(0)) - (row.mw_days_before or Decimal(0)) for row in blocks), Decimal(0)
        )


def seen_by(found: Rehearsal, actor: User) -> Rehearsal:
    """What of it this person may know: dates and alerts of the sites they see, and who would be told of those.

    What belongs to no site takes a right in the whole portfolio. Of a message that tells of several sites only the
    alerts in sight are named.
    """
    sites: set[UUID | None] = {*sites_where(actor, Permission.SITE_VIEW)}
    if can(actor, Permission.SITE_VIEW, site_id=None):
        sites.add(None)
    alerts = tuple(row for row in found.alerts if row.site_id in sites)
    known = {row.alert_id for row in alerts}
    told = [replace(row, alerts=tuple(key for key in row.alerts if key in known)) for row in found.told]
    return Rehearsal(
        moved=tuple(row for row in found.moved if row.site_id in sites),
        alerts=alerts,
        told=tuple(row for row in told if row.alerts),
    )


class _TakeBack(Exception):
    pass


def rehearse(
    change: Callable[[], object], *, now: datetime, sites: Collection[UUID] = (), power: bool = False
) -> Rehearsal:
    """What `change` would move, which alerts it would open, worsen or close, and who would be told when.

    `change` writes as it would for good, and recalculates what it touches; then everything is rolled back, so that no
    row, history or wake-up is left. `sites` and `power` are looked at afterwards, for changes that move no date (a
    threshold). Raises what `change` raises, and what the database would refuse when the change is stored.
    """
    found: Rehearsal | None = None
    try:
        with transaction.atomic():
            seen = _Seen()
            change()
            for site in Site.objects.filter(pk__in=sites).order_by("pk"):
                alerts.evaluate_site(site_id=site.pk, as_of=local_date(site, now), now=now)
            if power:
                alerts.evaluate_power(as_of=now.date(), now=now)
            connection.check_constraints()
            found = Rehearsal(seen.moved(), seen.alerts(), seen.told())
            raise _TakeBack
    except _TakeBack:
        pass
    if found is None:
        raise AssertionError("A rehearsal ends by taking its change back.")
    return found


class _Seen:
    """Knows the rows that were written since it was made: those of this transaction that were not there before.

    Keys are time-ordered, so that the newest part of the primary key is all that is read for it.
    """

    def __init__(self) -> None:
        first = new_id().int - (_SKEW_MILLISECONDS << 80)
        self._first = UUID(int=max(0, first))
        self._runs = set(self._written(ForecastRun))
        self._events = set(self._written(AlertEvent))

    def _written(self, model: type[Model]) -> list[UUID]:
        with connection.cursor() as cursor:
            cursor.execute(_OWN_ROWS.format(table=model._meta.db_table), [self._first])
            return [key for (key,) in cursor.fetchall()]

    def moved(self) -> tuple[MovedDate, ...]:
        runs = [key for key in self._written(ForecastRun) if key not in self._runs]
        if not runs:
            return ()
        return (*_moved_lots(runs), *_moved_requirements(runs), *_moved_blocks(runs), *_moved_chains(runs))

    def _new_events(self) -> list[UUID]:
        return [key for key in self._written(AlertEvent) if key not in self._events]

    def alerts(self) -> tuple[MovedAlert, ...]:
        events = list(AlertEvent.objects.filter(pk__in=self._new_events()).select_related("alert").order_by("pk"))
        told_before = set(
            AlertEvent.objects.filter(alert__in={event.alert_id for event in events})
            .exclude(pk__in=[event.pk for event in events])
            .values_list("alert", flat=True)
        )
        last = {event.alert_id: event for event in events}
        rows = [
            MovedAlert(
                alert_id=key,
                what=OPENED if event.kind == AlertEventKind.BAND and key not in told_before else event.kind,
                rule=Rule(event.alert.rule),
                subject_text=event.alert.subject_text,
                site_id=event.alert.site_id,
                severity=Severity(event.alert.severity),
                lane=Lane(event.alert.lane),
                band=event.alert.band,
                facts=event.alert.facts,
            )
            for key, event in last.items()
        ]
        return tuple(sorted(rows, key=lambda row: (row.lane != Lane.URGENT, -row.band, row.subject_text, row.alert_id)))

    def told(self) -> tuple[WouldTell, ...]:
        items = (
            NotificationItem.objects.filter(event__in=self._new_events(), dropped_because="")
            .select_related("notification", "recipient", "event")
            .order_by("notification__release_at", "recipient__name", "pk")
        )
        messages: dict[UUID, list[NotificationItem]] = defaultdict(list)
        for item in items:
            messages[item.notification_id].append(item)
        return tuple(_would_tell(found) for found in messages.values())


def _would_tell(items: list[NotificationItem]) -> WouldTell:
    first, message = items[0], items[0].notification
    return WouldTell(
        person_id=first.recipient_id,
        person=str(first.recipient),
        reason=Reason(first.reason),
        role=first.role,
        channel=Channel(message.channel),
        kind=MessageKind(message.kind),
        lane=Lane(message.lane),
        release_at=message.release_at,
        time_zone=first.recipient.time_zone,
        alerts=tuple(dict.fromkeys(item.event.alert_id for item in items)),
    )


def _larger(row: LotForecast | RequirementForecast | None) -> Decimal | None:
    known = [] if row is None else [row.recovers_mw_days, row.costs_mw_days]
    return max((number for number in known if number is not None), default=None)


def _moved_lots(runs: list[UUID]) -> list[MovedDate]:
    after = list(
        LotForecast.objects.filter(run__in=runs, current=True)
        .select_related("lot__schedule_line__line__order", "lot__schedule_line__line__equipment_class")
        .defer("steps")
    )
    before = {
        row.lot_id: row
        for row in LotForecast.objects.filter(lot__in=[row.lot_id for row in after])
        .exclude(run__in=runs)
        .order_by("lot", "-created_at", "-pk")
        .distinct("lot")
        .defer("steps")
    }
    moved = []
    for row in after:
        old, line = before.get(row.lot_id), row.lot.schedule_line.line
        moved.append(
            MovedDate(
                kind="lot",
                key=row.lot_id,
                label=f"{line.order.number}/{line.number} {line.equipment_class.name}",
                site_id=row.lot.schedule_line.site_id,
                before_on=old.forecast_on if old else None,
                after_on=row.forecast_on,
                required_before_on=old.required_on_site if old else None,
                required_after_on=row.required_on_site,
                float_before_days=old.float_days if old else None,
                float_after_days=row.float_days,
                mw_days_before=_larger(old),
                mw_days_after=_larger(row),
            )
        )
    return _worst_first(moved)


def _moved_requirements(runs: list[UUID]) -> list[MovedDate]:
    after = list(
        RequirementForecast.objects.filter(run__in=runs, current=True)
        .select_related("requirement__equipment_class")
        .defer("steps")
    )
    before = {
        row.requirement_id: row
        for row in RequirementForecast.objects.filter(requirement__in=[row.requirement_id for row in after])
        .exclude(run__in=runs)
        .order_by("requirement", "-created_at", "-pk")
        .distinct("requirement")
        .defer("steps")
    }
    moved = []
    for row in after:
        old = before.get(row.requirement_id)
        moved.append(
            MovedDate(
                kind="requirement",
                key=row.requirement_id,
                label=f"{row.requirement.tag} {row.requirement.equipment_class.name}",
                site_id=row.requirement.site_id,
                before_on=old.forecast_on if old else None,
                after_on=row.forecast_on,
                required_before_on=old.required_on_site if old else None,
                required_after_on=row.required_on_site,
                float_before_days=old.float_days if old else None,
                float_after_days=row.float_days,
                mw_days_before=_larger(old),
                mw_days_after=_larger(row),
            )
        )
    return _worst_first(moved)


def _moved_blocks(runs: list[UUID]) -> list[MovedDate]:
    after = list(BlockForecast.objects.filter(run__in=runs, current=True).select_related("block__phase"))
    before = {
        row.block_id: row
        for row in BlockForecast.objects.filter(block__in=[row.block_id for row in after])
        .exclude(run__in=runs)
        .order_by("block", "-created_at", "-pk")
        .distinct("block")
    }
    moved = []
    for row in after:
        old = before.get(row.block_id)
        moved.append(
            MovedDate(
                kind="block",
                key=row.block_id,
                label=f"{row.block.phase.code} {row.block.code}",
                site_id=row.block.phase.site_id,
                before_on=old.rfs_forecast_on if old else None,
                after_on=row.rfs_forecast_on,
                required_before_on=old.rfs_baseline_on if old else None,
                required_after_on=row.rfs_baseline_on,
                float_before_days=_float(old),
                float_after_days=_float(row),
                mw_days_before=old.mw_days_at_risk if old else None,
                mw_days_after=row.mw_days_at_risk,
            )
        )
    return _worst_first(moved)


def _float(row: BlockForecast | None) -> int | None:
    if row is None or row.rfs_baseline_on is None or row.rfs_forecast_on is None:
        return None
    return (row.rfs_baseline_on - row.rfs_forecast_on).days


def _moved_chains(runs: list[UUID]) -> list[MovedDate]:
    after = list(ChainForecast.objects.filter(run__in=runs, current=True).select_related("chain").defer("steps"))
    before = {
        row.chain_id: row
        for row in ChainForecast.objects.filter(chain__in=[row.chain_id for row in after])
        .exclude(run__in=runs)
        .order_by("chain", "-created_at", "-pk")
        .distinct("chain")
        .defer("steps")
    }
    owner_of = owners([row.chain_id for row in after])
    moved = []
    for row in after:
        old = before.get(row.chain_id)
        owner = owner_of[row.chain_id]
        moved.append(
            MovedDate(
                kind=owner.kind,
                key=owner.key,
                label=owner.label,
                site_id=row.chain.site_id,
                before_on=old.forecast_on if old else None,
                after_on=row.forecast_on,
            )
        )
    return _worst_first(moved)


def _worst_first(rows: list[MovedDate]) -> list[MovedDate]:
    """Rows whose date, float, required date or MW-days differ; by the days that they move."""
    changed = [
        row
        for row in rows
        if (row.before_on, row.required_before_on, row.float_before_days, row.mw_days_before)
        != (row.after_on, row.required_after_on, row.float_after_days, row.mw_days_after)
    ]
    return sorted(changed, key=lambda row: (-(row.days or 0), row.label, row.key))
