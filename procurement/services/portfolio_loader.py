"""A synthetic portfolio of any size, for benchmarks and rehearsals: the demo's kinds of equipment, chains and stories.

It is written with COPY, site by site: a site is one transaction, so what a stopped run leaves is whole sites. The
history of its rows starts with their first change. Of a large portfolio a part is drawn; the rest are copies of it
under keys and numbers of their own, with the same dates.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from itertools import chain
from multiprocessing import get_context
from random import Random
from time import perf_counter
from typing import Any
from uuid import UUID

from django.db import connection, connections, models, transaction
from django.db.models.expressions import DatabaseDefault

from procurement.domain.lots import ON_SITE, contract_step
from procurement.models import (
    Allocation,
    Company,
    DeliveryLot,
    EquipmentClass,
    GroupNeed,
    OrderLine,
    Plant,
    PurchaseOrder,
    Receipt,
    RedundancyGroup,
    Requirement,
    RosAnchor,
    ScheduleLine,
)
from procurement.services import forecasts, histories, log_rows
from procurement.services.demo import stories
from procurement.services.demo.catalogue import CLASSES, KITS, ClassPlan, add_catalogue, steps_of
from procurement.services.demo.dated_chain import DatedChain, StepPlan, planned_dates
from procurement.services.demo.draft import Draft, learn_sizes
from procurement.services.demo.people import MAIL_DOMAIN
from procurement.services.demo.places import DESKS, BlockPlan, BuiltBlock, BuiltPhase, BuiltSite, PhasePlan, SitePlan
from procurement.services.demo.places import add_site as add_demo_site
from procurement.services.demo.stories import Story
from procurement.vocabulary import (
    CalendarOf,
    CommercialStatus,
    Incoterm,
    ReceiptState,
    RosRule,
    RunCause,
)
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput, Conflict
from sites.models import Baseline, Chain, Desk, Membership, Milestone, MilestoneRound, Promise, Site
from sites.vocabulary import ChainKind, DurationBasis, ScopeKind

MOST_LINES = 1_000_000
MOST_SITES = 40
DRAWN_AT_MOST = 5_000
_LINES_A_SITE_AT_LEAST = 50
_COMPANIES = 160
_LINES_AN_ORDER = 8
_LINES_TO_A_NEED_NOT_ORDERED = 20
_STORIES = (*stories.STORIES, Story("silent", (), 8))
_GATES = ("PADS_READY", "MV_ROOM_READY", "EQUIPMENT_SET", "L3")

# Country, calendar, time zone, currency, hertz, desk: one of them for each site in turn.
_COUNTRIES = (
    ("AU", "AU-NSW", "Australia/Sydney", "AUD", 50, "SYDNEY"), ("JP", "JP", "Asia/Tokyo", "JPY", 50, "TOKYO"),
    ("DE", "DE-HE", "Europe/Berlin", "EUR", 50, "LONDON"), ("NL", "NL", "Europe/Amsterdam", "EUR", 50, "LONDON"),
    ("FR", "FR", "Europe/Paris", "EUR", 50, "LONDON"), ("IE", "IE", "Europe/Dublin", "EUR", 50, "LONDON"),
    ("US", "US-VA", "America/New_York", "USD", 60, "US"), ("GB", "GB-ENG", "Europe/London", "GBP", 50, "LONDON"),
    ("US", "US-TX", "America/Chicago", "USD", 60, "US"), ("AU", "AU-VIC", "Australia/Melbourne", "AUD", 50, "SYDNEY"),
)  # fmt: skip
_MAKERS = (("JP", "JP"), ("KR", "KR"), ("DE", "DE-BY"), ("IT", "IT"), ("US", "US-OH"), ("TW", "TW"), ("GB", "GB-ENG"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """`counts` are rows by table; seconds are those of drawing, writing and calculating."""

    lines: int
    sites: int
    counts: dict[str, int]
    drawn_seconds: float
    written_seconds: float
    recalculated_seconds: float


@dataclass(frozen=True, slots=True)
class _Shared:
    classes: dict[str, EquipmentClass]
    plants: list[Plant]
    calendars: dict[UUID, WorkingCalendar]
    author: User


def load(
    *,
    lines: int,
    seed: int,
    today: date,
    now: datetime,
    recalculate: bool = True,
    look: bool = True,
    most_sites: int = MOST_SITES,
    say: Callable[[str], None] = lambda _: None,
) -> Loaded:
    """Order lines with chains, promises and needs over up to forty sites. Raises BadInput, Conflict.

    Without `recalculate` facts alone are stored; without `look` the alerts are left to the next look at each site.
    """
    if not 1 <= lines <= MOST_LINES:
        raise BadInput(f"A portfolio has 1 to {MOST_LINES} lines.", field="lines")
    if seed < 0:
        raise BadInput("A seed is a number not below zero.", field="seed")
    if Site.objects.filter(code=_site_code(seed, 0)).exists():
        raise Conflict("A portfolio of this seed is loaded already.", field="seed")
    counts: Counter[str] = Counter()
    drawn = written = 0.0
    shared = _store_shared(seed, today, now, counts)
    number_of_sites = min(most_sites, max(1, lines // _LINES_A_SITE_AT_LEAST))
    sites: list[Site] = []
    for number in range(number_of_sites):
        share = lines // number_of_sites + (number < lines % number_of_sites)
        began = perf_counter()
        draft = Draft(today, now)
        builder = _Builder(draft, seed, number, shared)
        sites.append(builder.draw_site())
        copies = Copies(draft, -(-lines // DRAWN_AT_MOST) - 1)
        builder.draw_orders(share // (copies.number + 1))
        copies.stop()
        builder.draw_orders(share % (copies.number + 1))
        drew = perf_counter()
        with transaction.atomic(), log_rows.resting(), _history_resting(draft):
            _write(draft, counts, copies)
        if not recalculate:
            log_rows.refresh_site(sites[-1].pk)
        # The checks of the next sites are planned for tables of about this size.
        if number in (0, 7):
            learn_sizes()
        drawn, written = drawn + drew - began, written + perf_counter() - drew
        say(f"{sites[-1].code}: {share} lines in {perf_counter() - began:.1f} s")
    learn_sizes()
    began = perf_counter()
    if recalculate:
        histories.learn(as_of=now.astimezone(UTC).date())
        for site in _recalculated(sites, now, look):
            say(f"{site.code}: recalculated")
    return Loaded(lines, number_of_sites, dict(sorted(counts.items())), drawn, written, perf_counter() - began)


def _write(draft: Draft, counts: Counter[str], copies: "Copies | None" = None) -> None:
    for rows in draft.in_order():
        counts[rows[0]._meta.model_name or ""] += copy_rows(rows, copies)


@contextmanager
def _history_resting(draft: Draft) -> Iterator[None]:
    """Inside a transaction: the triggers of history, which take most of the time of a row, are off for these tables.

    That locks the tables against other writers, all in one order, until the transaction ends.
    """
    tables = sorted({rows[0]._meta.db_table for rows in draft.in_order()})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relation.relname, tgname FROM pg_trigger JOIN pg_class relation ON relation.oid = tgrelid"
            " WHERE tgname LIKE 'pgtrigger\\_insert\\_%%' AND relation.relname = ANY(%s) ORDER BY 1, 2",
            [tables],
        )
        triggers = [tuple(map(connection.ops.quote_name, row)) for row in cursor.fetchall()]
        for switch in ("DISABLE", "ENABLE"):
            if switch == "ENABLE":
                yield
            # A table whose checks are still due cannot be altered.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table, trigger in triggers:
                cursor.execute(f"ALTER TABLE {table} {switch} TRIGGER {trigger}")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def copy_rows(rows: Sequence[models.Model], copies: "Copies | None" = None) -> int:
    """Write rows of one table with COPY, and copies of them; how many. Columns that only the database fills are left
    to it.
    """
    model = type(rows[0])
    fields = [
        each for each in model._meta.concrete_fields if not isinstance(getattr(rows[0], each.attname), DatabaseDefault)
    ]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(each.column)) for each in fields)
    plain = [[_plain(each, getattr(row, each.attname)) for each in fields] for row in rows]
    written = 0
    with connection.cursor() as cursor:
        statement = f"COPY {quote(model._meta.db_table)} ({columns}) FROM STDIN"
        with cursor.copy(statement) as copy:
            for written, values in enumerate(chain(plain, copies.of(model, fields, plain) if copies else ()), start=1):  # noqa: B007
                copy.write_row(values)
    return written


class Copies:
    """What is drawn between now and `stop`, so many times more."""

    def __init__(self, draft: Draft, number: int) -> None:
        self.draft, self.number = draft, number
        self._first = {model: len(draft.all(model)) for model in _COPIED}
        self._last = dict(self._first)

    def stop(self) -> None:
        self._last = {model: len(self.draft.all(model)) for model in _COPIED}

    def of(
        self, model: type[models.Model], fields: Sequence["models.Field[Any, Any]"], rows: Sequence[list[object]]
    ) -> Iterator[list[object]]:
        if model not in _COPIED or not self.number:
            return
        keys = [place for place, each in enumerate(fields) if _is_key_of_copied(each)]
        named = [place for place, each in enumerate(fields) if each.name == _COPIED[model]]
        for row in rows[self._first[model] : self._last[model]]:
            for copy in range(1, self.number + 1):
                values = list(row)
                for place in keys:
                    key = values[place]
                    if isinstance(key, UUID):
                        values[place] = f"{key.int ^ copy:032x}"
                for place in named:
                    values[place] = f"{values[place]}-{copy}"
                yield values


def _is_key_of_copied(field: "models.Field[Any, Any]") -> bool:
    """Keys that differ from copy to copy: a row's own, those of copied rows, and what binds one statement."""
    return field.primary_key or field.name == "statement_id" or field.related_model in _COPIED


# What an order brings along, and the column that must differ from copy to copy besides the keys.
_COPIED: dict[type[models.Model], str] = {
    Chain: "", Milestone: "", MilestoneRound: "", Baseline: "", Promise: "", RedundancyGroup: "code", GroupNeed: "",
    Requirement: "tag", RosAnchor: "", PurchaseOrder: "number", OrderLine: "", ScheduleLine: "", DeliveryLot: "",
    Allocation: "", Receipt: "",
}  # fmt: skip


def _plain(field: "models.Field[object, object]", value: object) -> object:
    if isinstance(field, models.JSONField):
        return field.get_db_prep_save(value, connection)
    return value.value if isinstance(value, Enum) else value


def _recalculated(sites: Sequence[Site], now: datetime, look: bool) -> Iterator[Site]:
    """One after the other inside a transaction, which nobody else can see; else on every processor."""
    calculate = partial(_recalculate, now=now, look=look)
    if connection.in_atomic_block or len(sites) == 1:
        for site in sites:
            calculate(site)
            yield site
        return
    connection.close()
    processes = min(os.cpu_count() or 1, len(sites))
    with ProcessPoolExecutor(processes, mp_context=get_context("fork"), initializer=_open_own_connections) as pool:
        yield from (site for site, _ in zip(sites, pool.map(calculate, sites), strict=True))


_inherited: list[object] = []


def _open_own_connections() -> None:
    """One that was open at the fork is never spoken on here, nor closed: either would reach whoever opened it."""
    for each in connections.all(initialized_only=True):
        _inherited.append(each.connection)
        each.connection = None


def _recalculate(site: Site, now: datetime, look: bool) -> None:
    forecasts.recalculate(
        site_id=site.pk,
        as_of=forecasts.local_date(site, now),
        now=now,
        cause=RunCause.LOAD,
        cause_text="Synthetic portfolio loaded",
        cause_key=f"portfolio:{site.code}",
        evaluate=look,
    )


def _site_code(seed: int, number: int) -> str:
    return f"S{seed}-{number + 1:02}"


@transaction.atomic
def _store_shared(seed: int, today: date, now: datetime, counts: Counter[str]) -> _Shared:
    """Desks and classes are those already there, if any; companies and their plants belong to the seed."""
    draft = Draft(today, now)
    standing = {row.code: row for row in EquipmentClass.objects.all()}
    classes = standing if standing.keys() >= {each.code for each in CLASSES} else add_catalogue(draft)
    there = set(Desk.objects.values_list("code", flat=True))
    for code, name, zone in DESKS:
        if code not in there:
            draft.add(Desk(id=draft.key("desk", code), code=code, name=name, time_zone=zone))
    author = _add_people(draft, seed)
    plants = [_add_company(draft, seed, number) for number in range(_COMPANIES)]
    with _history_resting(draft):
        _write(draft, counts)
    calendars = {plant.pk: draft.working(plant.calendar) for plant in plants}
    return _Shared(classes, plants, calendars, author)


def _add_people(draft: Draft, seed: int) -> User:
    """Somebody for every role a rule may tell; nobody of them can log in. The administrator is the author."""
    desks = {row.code: row for row in Desk.objects.all()} | {row.code: row for row in draft.all(Desk)}
    author = _person(draft, seed, Role.ADMINISTRATOR, None)
    _person(draft, seed, Role.ENERGY_LEAD, None)
    for desk in desks.values():
        for role in (Role.EXPEDITER, Role.BUYER, Role.SITE_LEAD):
            _person(draft, seed, role, desk)
    return author


def _person(draft: Draft, seed: int, role: Role, desk: Desk | None) -> User:
    name = f"portfolio-{seed}-{role.value.replace('_', '-')}" + (f"-{desk.code.lower()}" if desk else "")
    person = draft.add(
        User(
            id=draft.key("synthetic person", name),
            username=name,
            name=name.replace("-", " ").capitalize(),
            email=f"{name}@{MAIL_DOMAIN}",
            password="!",  # noqa: S106
            time_zone=desk.time_zone if desk else "UTC",
        )
    )
    draft.add(
        Membership(
            id=draft.key("synthetic membership", name),
            person=person,
            role=role,
            scope=ScopeKind.DESK if desk else ScopeKind.PORTFOLIO,
            desk=desk,
        )
    )
    return person


def _add_company(draft: Draft, seed: int, number: int) -> Plant:
    country, code = _MAKERS[number % len(_MAKERS)]
    name = f"Synthetic maker {seed}-{number + 1:03}"
    closed = [
        (date(year, 8, 10), date(year, 8, 16), "Summer closure")
        for year in range(draft.today.year - 4, draft.today.year + 4)
    ]
    company = draft.add(
        Company(
            id=draft.key("synthetic company", seed, number),
            code=f"SYN{seed}-{number + 1:03}",
            name=name,
            country=country,
            makes=True,
        )
    )
    return draft.add(
        Plant(
            id=draft.key("synthetic plant", seed, number),
            company=company,
            code="MAIN",
            name="Main works",
            country=country,
            calendar=draft.add_calendar(name, code, closed),
        )
    )


class _Builder:
    """One site with its blocks, then its orders one after the other until it has its lines."""

    def __init__(self, draft: Draft, seed: int, number: int, shared: _Shared) -> None:
        self.draft, self.seed, self.number, self.shared = draft, seed, number, shared
        self.dice: Random = draft.dice("synthetic", seed, number)
        self.code = _site_code(seed, number)
        self.orders = 0

    def draw_site(self) -> Site:
        for plant in self.shared.plants:
            self.draft.know_calendar(plant.calendar, self.shared.calendars[plant.pk])
        self.site = self._site()
        self.blocks = [(phase, block) for phase in self.site.phases for block in phase.blocks]
        return self.site.row

    def draw_orders(self, lines: int) -> None:
        """With needs of later blocks that nobody has ordered yet, one to twenty lines. May be asked again for more."""
        for first in range(0, lines, _LINES_AN_ORDER):
            self._order(self.orders, min(_LINES_AN_ORDER, lines - first))
            self.orders += 1
        for _ in range(lines // _LINES_TO_A_NEED_NOT_ORDERED):
            self._need(self.dice.choice(CLASSES), f"{self.orders:05}-1", self.blocks[len(self.blocks) // 2 :])
            self.orders += 1

    def _site(self) -> BuiltSite:
        country, calendar, zone, currency, hertz, desk = _COUNTRIES[self.number % len(_COUNTRIES)]
        phases = tuple(
            PhasePlan(
                f"P{phase + 1}",
                2,
                tuple(
                    BlockPlan(f"H{phase * 3 + hall + 1:02}", "12", 40 + 170 * phase + 55 * hall, _a_kit(self.dice))
                    for hall in range(3)
                ),
            )
            for phase in range(4)
        )
        plan = SitePlan(
            self.code, f"Synthetic campus {self.code}", desk, country, calendar, zone, currency,
            str(self.dice.randint(-40, 55)), str(self.dice.randint(-120, 150)), hertz, "", "Gate 1", phases,
        )  # fmt: skip
        return add_demo_site(self.draft, plan, Desk.objects.get(code=desk), self.shared.author)

    # -- orders --------------------------------------------------------------------------------------------------

    def _order(self, number: int, lines: int) -> None:
        draft, dice = self.draft, self.dice
        plan = dice.choice(CLASSES)
        plant = dice.choice(self.shared.plants)
        term = dice.choice(list(Incoterm))
        wanted = [self._need(plan, f"{number:05}-{place + 1}", self.blocks) for place in range(lines)]
        steps = self._steps(plan, plant)
        length = planned_dates(draft, steps, draft.today, self.site.working)[ON_SITE] - draft.today
        first_on = min(need.required_on for need in wanted) - length - timedelta(days=dice.randint(10, 60))
        issued_on = min(first_on, draft.day(-dice.randint(5, 90)))
        name = f"{self.code}-{number + 1:05}"
        order = draft.add(
            PurchaseOrder(
                id=draft.key("order", name),
                number=name,
                title=plan.name,
                seller=plant.company,
                commercial_status=CommercialStatus.ACKNOWLEDGED,
                issued_on=issued_on,
                currency=self.site.plan.currency,
                incoterm=term,
                incoterm_place=self.site.plan.name,
            )
        )
        for place, need in enumerate(wanted, start=1):
            self._line(order, place * 10, plan, plant, steps, issued_on, length, need)

    def _steps(self, plan: ClassPlan, plant: Plant) -> list[StepPlan]:
        return [
            StepPlan(
                step.code,
                step.days,
                step.basis,
                plant.calendar if step.calendar_of == CalendarOf.PLANT else None,
                step.responsible,
            )
            for step in steps_of(plan.code)
        ]

    def _line(
        self,
        order: PurchaseOrder,
        number: int,
        plan: ClassPlan,
        plant: Plant,
        steps: list[StepPlan],
        issued_on: date,
        length: timedelta,
        need: "_Need",
    ) -> None:
        draft, dice = self.draft, self.dice
        name = f"{order.number}/{number}/1"
        term = contract_step(order.incoterm)
        line = draft.add(
            OrderLine(
                id=draft.key("line", name),
                order=order,
                number=number,
                description=f"{plan.name} {need.tag}",
                equipment_class=self.shared.classes[plan.code],
                plant=plant,
                unit_price=Decimal(plan.unit_price_usd),
            )
        )
        # A later block's slot in the shop is later too: the longest leg is longer.
        spare = max(0, (need.required_on - issued_on - length).days - dice.randint(5, 40))
        longest = max(range(1, len(steps)), key=lambda place: steps[place].days)
        grown = [
            StepPlan(each.code, each.days + (spare if place == longest else 0), each.basis, each.calendar,
                     each.responsible)
            for place, each in enumerate(steps)
        ]  # fmt: skip
        chain = DatedChain(
            draft, name, kind=ChainKind.LOT, site=self.site.row, site_calendar=self.site.working, steps=grown,
            starts_on=issued_on, cause="Order signed", author=self.shared.author,
        )  # fmt: skip
        story = dice.choices(_STORIES, [each.weight for each in _STORIES])[0]
        stories.tell(
            draft, chain, story, contract_step=term.code, dice=dice, by=self.shared.author, owner=self.shared.author
        )
        schedule_line = draft.add(
            ScheduleLine(
                id=draft.key("schedule line", name),
                line=line,
                number=1,
                quantity=need.quantity,
                contract_on=chain.baseline[term.code],
                contract_step=term.code,
                site=self.site.row,
            )
        )
        lot = draft.add(
            DeliveryLot(id=draft.key("lot", name), schedule_line=schedule_line, quantity=need.quantity, chain=chain.row)
        )
        for row in need.requirements:
            draft.add(Allocation(id=draft.key("allocation", row.pk), lot=lot, requirement=row, quantity=row.quantity))
        arrived_on = chain.actual(ON_SITE)
        if arrived_on:
            draft.add(
                Receipt(
                    id=draft.key("receipt", name),
                    lot=lot,
                    quantity=lot.quantity,
                    received_on=arrived_on,
                    state=ReceiptState.ACCEPTED,
                )
            )

    # -- needs ---------------------------------------------------------------------------------------------------

    def _need(self, plan: ClassPlan, tag: str, blocks: Sequence[tuple[BuiltPhase, BuiltBlock]]) -> "_Need":
        """A third of the lines fill a redundancy group of a block; the others serve one requirement."""
        phase, block = self.dice.choice(blocks)
        if self.dice.random() > 0.34:
            quantity = Decimal(self.dice.randint(1, 12))
            rows = [self._requirement(plan, f"{plan.tag}-{tag}", phase, block, None, quantity)]
        else:
            units = self.dice.randint(2, 5)
            group = self.draft.add(
                RedundancyGroup(
                    id=self.draft.key("group", self.code, tag),
                    site=self.site.row,
                    equipment_class=self.shared.classes[plan.code],
                    code=f"{plan.tag}-{tag}",
                )
            )
            self.draft.add(
                GroupNeed(
                    id=self.draft.key("need", self.code, tag),
                    block=block.row,
                    group=group,
                    needed_units=max(1, units - 1),
                )
            )
            rows = [
                self._requirement(plan, f"{plan.tag}-{tag}-{unit + 1}", phase, block, group, Decimal(1))
                for unit in range(units)
            ]
        return _Need(tag, rows)

    def _requirement(
        self,
        plan: ClassPlan,
        tag: str,
        phase: BuiltPhase,
        block: BuiltBlock,
        group: RedundancyGroup | None,
        quantity: Decimal,
    ) -> Requirement:
        gate = plan.needed_at if plan.needed_at in _GATES else _GATES[0]
        on = block.dates[gate]
        row = self.draft.add(
            Requirement(
                id=self.draft.key("requirement", self.code, tag),
                site=self.site.row,
                phase=phase.row,
                block=block.row,
                tag=tag,
                equipment_class=self.shared.classes[plan.code],
                group=group,
                quantity=quantity,
                ros_rule=RosRule.ANCHORED,
                shake_out_days=plan.shake_out_days,
                required_on_site=self.site.working.back(on, plan.shake_out_days, DurationBasis.WORKING),
            )
        )
        self.draft.add(
            RosAnchor(id=self.draft.key("anchor", self.code, tag), requirement=row, gate=block.gates[gate], last_on=on)
        )
        return row


@dataclass(frozen=True, slots=True)
class _Need:
    tag: str
    requirements: list[Requirement]

    @property
    def quantity(self) -> Decimal:
        return sum((row.quantity for row in self.requirements), Decimal(0))

    @property
    def required_on(self) -> date:
        days = (row.required_on_site for row in self.requirements)
        return min(day for day in days if day is not None)


def _a_kit(dice: Random) -> str:
    return dice.choice(list(KITS))
