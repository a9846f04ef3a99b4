"""A hundred thousand random moves: every crossing is told once, and nothing else is.

The rules of telling are written down a second time here, as plainly as they can be said, and both must agree.
"""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings

from procurement.domain import alerting
from procurement.domain.alerting import Look, RequirementFacts, SiteFacts
from procurement.models import Alert, AlertEvent, Notification, NotificationItem
from procurement.services.folding import MAILS_AN_HOUR
from procurement.services.notifications import release_due
from procurement.services.reconciling import Reconciliation, key_of
from procurement.vocabulary import AlertEventKind, AlertState, NotificationState, Rule
from sites.domain.calendar import WorkingCalendar
from sites.models import Site
from tests.chaos.machine import report
from tests.factories.sites import SiteFactory
from tests.procurement.stage import NOON, TODAY, Late, assigned, late, look, move

MOVES = 100_000
UNITS = 100
SITE = UUID(int=1)
SYDNEY = WorkingCalendar("AU-NSW")
START = datetime(2026, 1, 5, tzinfo=UTC)
TOLD = {AlertEventKind.BAND, AlertEventKind.WORSENED, AlertEventKind.UNSTABLE}

Heard = tuple[datetime, str, int]


@dataclass
class Oracle:
    """One unit, said in words: the days it is late, and what people must hear of it."""

    standing: bool = False
    recovered_at: datetime | None = None
    highest: int = 0
    last: int = 0
    told: int = 0
    turns: list[datetime] = field(default_factory=list)
    is_unstable: bool = False
    heard: list[Heard] = field(default_factory=list)

    def moves_to(self, days: int, now: datetime) -> None:
        if self.recovered_at and now - self.recovered_at >= timedelta(days=5):
            self._forget()  # it stood recovered for five days: whatever comes is a new episode
        late = days >= 1
        stays = days >= -1 and self.standing and self.recovered_at is None
        if not self.standing:
            if late:
                self.standing, self.highest, self.told = True, band(days), days
                self.heard.append((now, AlertEventKind.BAND, band(days)))
        elif self.recovered_at is None and not stays:
            self.recovered_at = now
            self._turn(now)
        elif late or stays:
            if self.recovered_at is not None:
                self.recovered_at = None
                self._turn(now)
            if late and band(days) > self.highest:
                self.highest, self.told = band(days), days
                self.heard.append((now, AlertEventKind.BAND, band(days)))
            elif days - self.last >= 7 and days - self.told >= 7:
                self.told = days
                self.heard.append((now, AlertEventKind.WORSENED, 0))
        if late or stays or not self.standing:
            self.last = days

    def _turn(self, now: datetime) -> None:
        self.turns.append(now)
        if not self.is_unstable and sum(now - at <= timedelta(days=14) for at in self.turns) >= 3:
            self.is_unstable = True
            self.heard.append((now, AlertEventKind.UNSTABLE, 0))

    def _forget(self) -> None:
        self.standing, self.recovered_at, self.highest, self.told = False, None, 0, 0
        self.turns, self.is_unstable = [], False


def band(days: int) -> int:
    return days // 30 * 30 if days >= 30 else 14 if days >= 14 else 7 if days >= 7 else 1


class Memory:
    """The tables that one unit needs, without a database: its alert, and the events that are unique."""

    def __init__(self, key: UUID) -> None:
        self.key = key
        self.row: Alert | None = None
        self.said: set[tuple[UUID, str, int, int]] = set()
        self.turns: dict[tuple[UUID, str], int] = {}
        self.heard: list[Heard] = []
        self.episode = 0

    def moves_to(self, days: int, now: datetime) -> None:
        look = alerting.look(_site(self.key, days), now.date())
        work = Reconciliation(SITE, now.date(), now, "", "")
        work.expect(Look(tuple(row for row in look.alerts if row.rule == Rule.LATE_FORECAST), look.subjects))
        work.turns = self.turns
        work.unstable = {row for row, kind, _band, _turn in self.said if kind == AlertEventKind.UNSTABLE}
        standing = {}
        if self.row is not None:
            closed = work.moves(self.row) and work.bring_up_to_date(self.row)
            if not closed:
                standing = {key_of(self.row): self.row}
        for alert in work.fresh(standing):
            self.episode += 1
            self.row = work.row(alert, self.episode)
            work.note_opening(self.row, alert)
        if self.row is not None and self.row.state == AlertState.CLOSED:
            self.row = None
        for event in work.events:
            unique = (event.alert.pk, event.kind, event.band, event.turn)
            if unique not in self.said and event.kind in TOLD:
                self.heard.append((now, event.kind, event.band))
            self.said.add(unique)


def _site(key: UUID, days: int) -> SiteFacts:
    required_on = date(2027, 9, 20)
    return SiteFacts(
        SITE,
        SYDNEY,
        requirements=(
            RequirementFacts(
                key=key,
                text="CH-01",
                required_on=required_on,
                forecast_on=required_on + timedelta(days=days),
                float_days=-days,
                is_ordered=True,
            ),
        ),
    )


def moves(seed: int, number: int) -> Iterator[tuple[int, datetime]]:
    """Quiet drift, flapping around the required date, letters that move weeks, and long silence."""
    chance = random.Random(seed)
    days, now = chance.randint(-20, 20), START
    for _ in range(number):
        now += timedelta(hours=chance.choice([1, 3, 12, 24, 24, 24, 72, 160]))
        step = chance.random()
        if step < 0.5:
            days += chance.choice([-1, 0, 1, 1])
        elif step < 0.7:
            days = chance.randint(-4, 4)
        elif step < 0.9:
            days += chance.randint(-12, 14)
        else:
            days = chance.randint(-40, 100)
        yield days, now


def test_a_hundred_thousand_moves_are_told_as_the_plain_rules_say() -> None:
    said = missed = besides = 0
    for unit in range(UNITS):
        oracle, memory = Oracle(), Memory(UUID(int=1000 + unit))
        for days, now in moves(unit, MOVES // UNITS):
            oracle.moves_to(days, now)
            memory.moves_to(days, now)
            if memory.heard != oracle.heard:
                break  # with the counts of this unit as they are now
        said += len(oracle.heard)
        missed += len(set(oracle.heard) - set(memory.heard))
        besides += len(memory.heard) - len(set(oracle.heard) & set(memory.heard))

    report("Storm", moves=MOVES, units=UNITS, crossings=said, missed=missed, told_besides=besides)
    assert (missed, besides) == (0, 0)
    assert said > MOVES // 50  # the storm was one


# -- the same through the tables, up to the mail ---------------------------------------------------------------------

LINES, LETTERS = 12, 60


@pytest.mark.django_db
def test_a_person_gets_one_mail_a_cause_and_window_and_misses_none() -> None:
    chance = random.Random(7)
    site = SiteFactory.create(code="SYD1")
    buyer = assigned(site)
    units = [late(site, days=-30, tag=f"CH-{number:02}") for number in range(LINES)]
    now, moved = NOON, 0
    for letter in range(LETTERS):
        now += timedelta(minutes=chance.choice([1, 2, 4, 9, 30, 240, 1440]))
        touched = chance.sample(units, chance.randint(1, LINES))
        moved += len(touched)
        _letter(site, touched, chance, now, f"letter-{letter // 2}")
        release_due(now=now)
    release_due(now=now + timedelta(days=2))
    release_due(now=now + timedelta(days=4))

    mails = list(Notification.objects.filter(recipient=buyer, state=NotificationState.DUE, lane="urgent"))
    instants: dict[str, list[datetime]] = {}
    for mail in sorted(mails, key=lambda row: row.release_at):
        instants.setdefault(mail.cause_key, []).append(mail.release_at)
    window = timedelta(seconds=settings.HOLD_SECONDS)
    assert all(later - earlier >= window for each in instants.values() for earlier, later in itertools.pairwise(each))
    released = sorted(row.released_at for row in mails if row.released_at)
    assert all(sum(at <= other < at + timedelta(hours=1) for other in released) <= MAILS_AN_HOUR for at in released)
    due = AlertEvent.objects.filter(kind__in=TOLD)
    told = NotificationItem.objects.filter(recipient=buyer, event__in=due)
    assert set(told.values_list("event", flat=True)) == set(due.values_list("pk", flat=True))
    dropped = told.exclude(dropped_because="").values_list("dropped_because", flat=True)
    assert set(dropped) <= {"recovered since", "closed since: recovered"}
    assert not told.filter(notification__state=NotificationState.HELD).exists()
    missed = due.exclude(items__recipient=buyer).count()
    most = max(Counter((mail.cause_key, mail.release_at) for mail in mails).values())
    report("Storm, by mail", letters=LETTERS, moves=moved, crossings=due.count(), missed=missed, mails=len(mails))
    report("Storm, by mail", most_mails_a_cause_and_window=most)
    assert (missed, most) == (0, 1)


def _letter(site: Site, units: list[Late], chance: random.Random, now: datetime, cause: str) -> None:
    for unit in units:
        move(unit, chance.choice([-30, -10, 3, 8, 12, 16, 25, 40, 75]))
    look(site, now=now, as_of=TODAY + (now - NOON), cause=cause)
