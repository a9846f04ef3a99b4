"""What the demo bought and received before: completed lines of the past two years, from which forecasts learn.

Every maker has a habit of its own. A slip comes as several small moves and then a large one, and now and then a part of
it is won back before arrival, as domain surveys describe; the figures themselves are made up.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import exp
from random import Random

from procurement.domain.lots import ON_SITE
from procurement.models import (
    DeliveryLot,
    EquipmentClass,
    OrderLine,
    PurchaseOrder,
    Receipt,
    ScheduleLine,
)
from procurement.services.demo.catalogue import plan_of, steps_of
from procurement.services.demo.companies import BuiltCompany, makers_of
from procurement.services.demo.dated_chain import DatedChain, Statement, StepPlan, planned_dates, said
from procurement.services.demo.draft import Draft
from procurement.services.demo.places import BuiltSite
from procurement.vocabulary import CalendarOf, CommercialStatus, Incoterm, ReceiptState
from sites.accounts.models import User
from sites.vocabulary import ChainKind, Precision, PromiseSource, ReasonCode

CLASSES = ("UPS", "CHILLER_AIR", "COOLING_TOWER", "CRAH", "LV_SWITCHGEAR", "GENERATOR")
_LINES_A_MAKER = 12
_DAYS_BACK = 730
_FIRST_NUMBER = 4500009001
# How long a maker's shop takes as a share of the plan, and how much that varies from line to line.
_HABITS = ((1.0, 0.05), (1.04, 0.08), (1.1, 0.12), (1.2, 0.2))
_ON_THE_WAY = {"DEPARTED", "ARRIVED_PORT", "IMPORT_CLEARED"}
_IN_THE_SHOP = {"MATERIALS_IN", "FAT_PASS", "RTS"}
_LARGE_SLIP = 0.12
# Of the slip in the end, what each of the vendor's statements admits.
_ADMITTED = (0.0, 0.12, 0.3, 0.9)


@dataclass(frozen=True, slots=True)
class _Habit:
    share: float
    spread: float


def add_history(
    draft: Draft,
    sites: dict[str, BuiltSite],
    classes: dict[str, EquipmentClass],
    companies: dict[str, BuiltCompany],
    people: dict[str, User],
) -> None:
    places = list(sites.values())
    number = _FIRST_NUMBER
    for class_code in CLASSES:
        for maker in makers_of(companies, class_code)[:2]:
            dice = draft.dice("history", class_code, maker.plan.code)
            habit = _Habit(*dice.choice(_HABITS))
            site = dice.choice(places)
            order = _order(draft, str(number), site, class_code, maker)
            for place in range(1, _LINES_A_MAKER + 1):
                _line(draft, order, place * 10, site, classes[class_code], maker, habit, dice, people["expediter"])
            number += 1


def _order(draft: Draft, number: str, site: BuiltSite, class_code: str, maker: BuiltCompany) -> PurchaseOrder:
    return draft.add(
        PurchaseOrder(
            id=draft.key("order", number),
            number=number,
            title=f"{plan_of(class_code).name}, earlier halls of {site.plan.name}",
            seller=maker.row,
            commercial_status=CommercialStatus.ACKNOWLEDGED,
            issued_on=draft.day(-_DAYS_BACK - 420),
            currency=maker.plan.currency,
            incoterm=Incoterm.DAP,
            incoterm_place=site.plan.name,
        )
    )


def _line(
    draft: Draft,
    order: PurchaseOrder,
    number: int,
    site: BuiltSite,
    equipment_class: EquipmentClass,
    maker: BuiltCompany,
    habit: _Habit,
    dice: Random,
    by: User,
) -> None:
    assert maker.plant is not None
    name = f"{order.number}/{number}/1"
    plan = plan_of(equipment_class.code)
    steps = [
        StepPlan(each.code, each.days, each.basis,
                 maker.plant.calendar if each.calendar_of == CalendarOf.PLANT else None, each.responsible)
        for each in steps_of(plan.code)
    ]  # fmt: skip
    line = draft.add(
        OrderLine(
            id=draft.key("line", name),
            order=order,
            number=number,
            description=f"{plan.name}, earlier halls",
            equipment_class=equipment_class,
            plant=maker.plant,
            unit_price=Decimal(plan.unit_price_usd),
        )
    )
    starts_on = _start(draft, steps, site, dice)
    chain = DatedChain(
        draft, name, kind=ChainKind.LOT, site=site.row, site_calendar=site.working, steps=steps, starts_on=starts_on,
        cause="Order signed", author=by,
    )  # fmt: skip
    arrived_on = _let_happen(draft, chain, steps, site, habit, dice, by)
    _let_say(chain, arrived_on, dice, by)
    schedule_line = draft.add(
        ScheduleLine(
            id=draft.key("schedule line", name),
            line=line,
            number=1,
            quantity=Decimal(1),
            contract_on=chain.baseline[ON_SITE],
            contract_step=ON_SITE,
            site=site.row,
        )
    )
    lot = draft.add(
        DeliveryLot(id=draft.key("lot", name), schedule_line=schedule_line, quantity=Decimal(1), chain=chain.row)
    )
    draft.add(
        Receipt(
            id=draft.key("receipt", name),
            lot=lot,
            quantity=lot.quantity,
            received_on=arrived_on,
            state=ReceiptState.ACCEPTED,
        )
    )


def _start(draft: Draft, steps: list[StepPlan], site: BuiltSite, dice: Random) -> date:
    """So that even a late one is over by now."""
    length = planned_dates(draft, steps, draft.today, site.working)[steps[-1].code] - draft.today
    return draft.day(-dice.randint(30, _DAYS_BACK - 30)) - length * 1.75


def _let_happen(
    draft: Draft, chain: DatedChain, steps: list[StepPlan], site: BuiltSite, habit: _Habit, dice: Random, by: User
) -> date:
    on = chain.baseline[chain.codes[0]]
    jumps = dice.random() < _LARGE_SLIP
    for place, step in enumerate(steps):
        if place:
            calendar = draft.working(step.calendar) if step.calendar else site.working
            days = max(1, round(step.days * _share(step.code, habit, dice, jumps=jumps)))
            on = calendar.forward(on, days, step.basis)
        chain.happened(step.code, min(on, draft.day(-4)), by=by, document=f"Progress report {on:%Y-%m}")
    arrived_on = chain.actual(ON_SITE)
    assert arrived_on is not None
    return arrived_on


def _share(code: str, habit: _Habit, dice: Random, *, jumps: bool) -> float:
    if code in _ON_THE_WAY:
        return min(2.5, exp(dice.gauss(0.0, 0.22)))
    if code not in _IN_THE_SHOP:
        return min(2.0, exp(dice.gauss(0.05, 0.18)))
    late = dice.uniform(0.2, 0.45) if jumps and code == "FAT_PASS" else 0.0
    return min(1.7, habit.share * exp(dice.gauss(0.0, habit.spread)) + late)


def _let_say(chain: DatedChain, arrived_on: date, dice: Random, by: User) -> None:
    """The vendor speaks four times on the way, later and later of what it will be."""
    contract_on = chain.baseline[ON_SITE]
    slip = (arrived_on - contract_on).days
    first_on = chain.baseline[chain.codes[0]] + timedelta(days=12)
    span = (arrived_on - first_on).days - 10
    for place, admitted in enumerate(_ADMITTED):
        stated_on = first_on + timedelta(days=span * place // len(_ADMITTED))
        wobble = dice.randint(-2, 4) if place else 0
        day = max(contract_on + timedelta(days=round(slip * admitted) + wobble), stated_on + timedelta(days=10))
        is_late = admitted > 0 and slip > 0
        chain.state(
            Statement(
                stated_on=stated_on,
                dates={ON_SITE: said(day, Precision.DAY)},
                source=PromiseSource.EMAIL,
                document=f"Mail of {stated_on.isoformat()}",
                reason_code=dice.choice((ReasonCode.CAPACITY, ReasonCode.SUB_SUPPLIER, ReasonCode.TEST_FAIL))
                if is_late
                else ReasonCode.NOT_STATED,
            ),
            by=by,
        )
