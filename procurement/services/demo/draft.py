"""Rows of the demo portfolio before they are stored: one day, one portfolio, and everything written at once."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from hashlib import sha256
from random import Random
from typing import TypeVar
from uuid import UUID

from django.db import connection, models

from procurement.models import (
    Allocation,
    ChainStep,
    ChainTemplate,
    ChangeOrder,
    Company,
    Contact,
    DeliveryLot,
    EquipmentClass,
    ExternalRef,
    GroupNeed,
    LeadTimeObservation,
    OrderLine,
    Plant,
    PurchaseOrder,
    Receipt,
    RedundancyGroup,
    Requirement,
    RosAnchor,
    ScheduleLine,
)
from sites.accounts.models import User
from sites.domain.calendar import WorkingCalendar
from sites.models import (
    Absence,
    Activity,
    ActivityLink,
    AgreementDocument,
    AgreementNotice,
    Assignment,
    Baseline,
    Block,
    Chain,
    Closure,
    ConditionPrecedent,
    CreditSupport,
    DamagesBand,
    DelayDamages,
    Desk,
    Gate,
    GridCapacityStep,
    GridConnection,
    LoadStep,
    Membership,
    Milestone,
    MilestoneRound,
    NetworkWorks,
    Phase,
    PowerPurchaseAgreement,
    PpaShare,
    PpaShareStep,
    Promise,
    ScheduleCalendar,
    ScheduleRevision,
    Site,
    SpotPrice,
    WorkCalendar,
)

# What points to a row stands after it, so that one pass of bulk inserts is enough.
IN_ORDER: tuple[type[models.Model], ...] = (
    User, Desk, WorkCalendar, Closure, Site, Phase, Block, Membership, Assignment, Absence,
    Chain, Milestone, MilestoneRound, Baseline, Promise, Gate, ScheduleRevision,
    ScheduleCalendar, Activity, ActivityLink,
    GridConnection, NetworkWorks, GridCapacityStep, LoadStep, PowerPurchaseAgreement, PpaShare, PpaShareStep, SpotPrice,
    DelayDamages, DamagesBand, ConditionPrecedent, AgreementNotice, CreditSupport, AgreementDocument,
    ChainTemplate, ChainStep, EquipmentClass, Company, Plant, Contact, LeadTimeObservation,
    RedundancyGroup, GroupNeed, Requirement, RosAnchor,
    PurchaseOrder, OrderLine, ScheduleLine, DeliveryLot, Allocation, ChangeOrder, Receipt, ExternalRef,
)  # fmt: skip

_BATCH = 1000
_RANDOM_BITS = 62

Stored = TypeVar("Stored", bound=models.Model)


def learn_sizes() -> None:
    """Tables that were empty a moment ago get plans that suit empty tables, until somebody counts them."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@dataclass
class Draft:
    """`today` fixes every date, key and throw of the dice; `now` only when rows are said to have been recorded."""

    today: date
    now: datetime
    _rows: dict[type[models.Model], list[models.Model]] = field(default_factory=lambda: defaultdict(list))
    _calendars: dict[UUID, WorkingCalendar] = field(default_factory=dict)

    @cached_property
    def _instant_ms(self) -> int:
        return int(datetime.combine(self.today, time(), UTC).timestamp() * 1000)

    def key(self, kind: str, *parts: object) -> UUID:
        """A valid UUIDv7 of midnight UTC of the day whose random bits come from what it names."""
        name = f"{self.today}:{kind}:{':'.join(map(str, parts))}"
        digest = int.from_bytes(sha256(name.encode()).digest()[:16])
        rand_a, rand_b = digest >> 116, digest & ((1 << _RANDOM_BITS) - 1)
        return UUID(int=self._instant_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << _RANDOM_BITS | rand_b)

    def dice(self, kind: str, *parts: object) -> Random:
        """Dice of one subject, so that a change to one story leaves the others as they were."""
        name = ":".join(str(part) for part in (self.today, kind, *parts))
        return Random(f"longlead:{name}")  # noqa: S311

    def day(self, offset: int) -> date:
        return self.today + timedelta(days=offset)

    def instant(self, day: date, hour: int = 9) -> datetime:
        """Some working hour of that day, and never after now."""
        return min(datetime.combine(day, time(hour), UTC), self.now)

    def add(self, row: Stored) -> Stored:
        self._rows[type(row)].append(row)
        return row

    def all(self, model: type[Stored]) -> list[Stored]:
        return [row for row in self._rows[model] if isinstance(row, model)]

    def add_calendar(self, name: str, code: str, closures: list[tuple[date, date, str]]) -> WorkCalendar:
        row = self.add(WorkCalendar(id=self.key("calendar", name), name=name, code=code))
        for first, last, reason in closures:
            self.add(
                Closure(id=self.key("closure", name, first), calendar=row, from_on=first, until_on=last, reason=reason)
            )
        self._calendars[row.pk] = WorkingCalendar(code, tuple((first, last) for first, last, _ in sorted(closures)))
        return row

    def know_calendar(self, row: WorkCalendar, working: WorkingCalendar) -> None:
        """A calendar that is stored already."""
        self._calendars[row.pk] = working

    def working(self, calendar: WorkCalendar) -> WorkingCalendar:
        return self._calendars[calendar.pk]

    def in_order(self) -> Iterator[list[models.Model]]:
        """The rows table by table, none empty, what is pointed to first."""
        forgotten = self._rows.keys() - set(IN_ORDER)
        assert not forgotten, f"no place to save {forgotten}"
        return (self._rows[model] for model in IN_ORDER if self._rows[model])

    def save(self) -> dict[str, int]:
        """How many rows of each table were written. Runs inside the caller's transaction."""
        counts = {}
        for rows in self.in_order():
            model = type(rows[0])
            model._default_manager.bulk_create(rows, batch_size=_BATCH)
            counts[model._meta.model_name or ""] = len(rows)
        return counts
