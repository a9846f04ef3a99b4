"""What the demo ordered: one order a class and site, frames and call-offs, lots and their chains, receipts."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count

from procurement.domain.lots import ON_SITE, contract_step
from procurement.models import (
    Allocation,
    ChangeOrder,
    DeliveryLot,
    EquipmentClass,
    ExternalRef,
    OrderLine,
    PurchaseOrder,
    Receipt,
    Requirement,
    ScheduleLine,
)
from procurement.services.demo import stories
from procurement.services.demo.catalogue import SEA_LEGS, plan_of, steps_of
from procurement.services.demo.companies import EUROPEAN_UNION, BuiltCompany, makers_of
from procurement.services.demo.dated_chain import DatedChain, StepPlan, planned_dates
from procurement.services.demo.draft import Draft
from procurement.services.demo.places import BuiltSite
from procurement.services.demo.requirements import Slot
from procurement.services.demo.stories import Story
from procurement.services.stored_orders import ORDER_REF
from procurement.vocabulary import (
    CalendarOf,
    ChangeOrderState,
    CommercialStatus,
    DamagesUnit,
    FinancialStatus,
    Incoterm,
    LineStatus,
    OrderKind,
    ReceiptState,
)
from sites.accounts.models import User
from sites.vocabulary import ChainKind, DurationBasis

ERP_SYSTEM = "DEMO-ERP"
FIRST_ORDER_NUMBER = 4500017001
STORY_SLOT = ("SYD01", "CHILLER_AIR", "H2")

SPARE_SLOT = ("FRA01", "GENERATOR", "H2")
SPLIT_SLOT = ("TYO01", "UPS", "H2")
REBASELINED_SLOT = ("PAR01", "MV_TRANSFORMER", "H1")
CANCELLED_SLOT = ("DUB01", "HEAT_EXCHANGER", "H2")
UNKNOWN_TERM_ORDER = ("FRA01", "UNIT_SUBSTATION")
UNORDERED_SLOTS = {
    ("PAR01", "CHILLER_CENTRIFUGAL", "H2"),
    ("IAD01", "UNIT_SUBSTATION", "H3"),
    ("AMS01", "SWITCHBOARD", "H1"),
    ("SYD01", "UNIT_SUBSTATION", "H4"),
}
PINNED_SLOTS = {
    ("IAD01", "CHILLER_AIR", "H2"): "Agreed with the maker's plant manager at the shop visit; do not chase daily",
    ("PAR01", "UPS", "H1"): "Freight booked on this sailing; later promises are checked against it",
}
TOLD_STORIES: dict[tuple[str, str, str], Story] = {
    STORY_SLOT: stories.BY_NAME["on_time"],
    ("SYD01", "GENERATOR", "H3"): stories.BIG_SLIP,
    ("PAR01", "MV_TRANSFORMER", "H2"): stories.BIG_SLIP,
    ("IAD01", "MV_SWITCHGEAR", "P1"): stories.BY_NAME["drifting"],
    ("TYO01", "HV_TRANSFORMER", "P2"): stories.BY_NAME["recovered"],
    ("SYD01", "MV_TRANSFORMER", "H3"): stories.BY_NAME["approved_late"],
    ("DUB01", "AHU", "H2"): stories.BY_NAME["undecided"],
    ("TYO01", "COOLING_TOWER", "H2"): stories.BY_NAME["drifted_then_jumped"],
    ("AMS01", "GENERATOR", "H2"): stories.BY_NAME["early"],
    ("PAR01", "GENERATOR", "H1"): stories.BY_NAME["coarse"],
    SPARE_SLOT: stories.BY_NAME["on_time"],
    SPLIT_SLOT: stories.BY_NAME["on_time"],
    REBASELINED_SLOT: stories.BY_NAME["on_time"],
    **dict.fromkeys(PINNED_SLOTS, stories.PINNED),
}
FRAMES = (("GENERATOR", "Generator sets, all regions"), ("UPS", "Static UPS, all regions"))

_INCOTERMS = (
    Incoterm.FOB, Incoterm.DAP, Incoterm.FCA, Incoterm.CIF, Incoterm.DDP, Incoterm.EXW, Incoterm.DPU, Incoterm.CPT,
    Incoterm.CIP, Incoterm.FAS, Incoterm.CFR, Incoterm.DAP,
)  # fmt: skip
_BY_LAND = (Incoterm.DAP, Incoterm.FCA, Incoterm.DDP, Incoterm.EXW, Incoterm.DPU, Incoterm.CPT, Incoterm.CIP)
_FROM_THE_PORT = {Incoterm.FOB, Incoterm.FAS}
_TO_THE_PORT = {Incoterm.CFR, Incoterm.CIF, Incoterm.CPT, Incoterm.CIP}
_PER_USD = {"USD": "1", "EUR": "0.9", "GBP": "0.78", "AUD": "1.5", "JPY": "150"}
_PORTS_OF_SITES = {
    "SYD01": "Port Botany", "TYO01": "Yokohama", "FRA01": "Hamburg", "AMS01": "Rotterdam", "PAR01": "Le Havre",
    "DUB01": "Dublin", "IAD01": "Norfolk",
}  # fmt: skip
_SHORTEST_WAIT_BEFORE_ORDERING = 14
_CALLED_OFF_LATELY = (30, 75)


@dataclass
class Bought:
    """One lot as it stands in the demo, for the parts that come after."""

    slot: Slot
    order: PurchaseOrder
    line: OrderLine
    schedule_line: ScheduleLine
    lot: DeliveryLot
    chain: DatedChain
    maker: BuiltCompany


@dataclass
class Purchases:
    lots: list[Bought] = field(default_factory=list)
    unordered: list[Slot] = field(default_factory=list)
    orders: list[PurchaseOrder] = field(default_factory=list)

    def of(self, name: tuple[str, str, str]) -> list[Bought]:
        return [each for each in self.lots if each.slot.name == name]


def add_orders(
    draft: Draft,
    sites: dict[str, BuiltSite],
    slots: list[Slot],
    classes: dict[str, EquipmentClass],
    companies: dict[str, BuiltCompany],
    people: dict[str, User],
) -> Purchases:
    desk = _PurchasingDesk(draft, classes, companies, people)
    by_order: dict[tuple[str, str], list[Slot]] = defaultdict(list)
    for slot in slots:
        by_order[slot.site.plan.code, slot.plan.code].append(slot)
    desk.add_frames()
    for (site_code, class_code), wanted in by_order.items():
        desk.order(sites[site_code], class_code, wanted)
    desk.rebaseline()
    desk.settle()
    return desk.done


class _PurchasingDesk:
    def __init__(
        self,
        draft: Draft,
        classes: dict[str, EquipmentClass],
        companies: dict[str, BuiltCompany],
        people: dict[str, User],
    ) -> None:
        self.draft, self.classes, self.companies, self.people = draft, classes, companies, people
        self.done = Purchases()
        self.frames: dict[str, PurchaseOrder] = {}
        self.numbers = count(FIRST_ORDER_NUMBER)

    # -- orders --------------------------------------------------------------------------------------------------

    def add_frames(self) -> None:
        for class_code, title in FRAMES:
            maker = makers_of(self.companies, class_code)[0]
            number = f"46{next(self.numbers) % 10**8:08}"
            self.frames[class_code] = self.draft.add(
                PurchaseOrder(
                    id=self.draft.key("order", number),
                    number=number,
                    title=title,
                    kind=OrderKind.FRAME,
                    seller=maker.row,
                    commercial_status=CommercialStatus.ACKNOWLEDGED,
                    issued_on=self.draft.day(-1100),
                    currency=maker.plan.currency,
                )
            )
            self.done.orders.append(self.frames[class_code])

    def order(self, site: BuiltSite, class_code: str, wanted: list[Slot]) -> None:
        """One order with a line a slot, for what has to be ordered by now; the rest stays unordered."""
        dice = self.draft.dice("order", site.plan.code, class_code)
        maker = self._choose_maker(site, class_code, dice.random())
        plans = {slot.name: self._steps(site, class_code, maker) for slot in wanted}
        buffers = {slot.name: 30 if slot.name in TOLD_STORIES else dice.randint(12, 46) for slot in wanted}
        needed_by: dict[tuple[str, str, str], date] = {}
        for slot in wanted:
            if slot.required_on is not None and slot.name not in UNORDERED_SLOTS:
                target_on = slot.required_on - timedelta(days=buffers[slot.name])
                needed_by[slot.name] = self._order_by(plans[slot.name], target_on, site)
        latest = self.draft.day(-_SHORTEST_WAIT_BEFORE_ORDERING)
        if not needed_by or min(needed_by.values()) > latest:
            self.done.unordered += wanted
            return
        issued_on = min(needed_by.values()) - timedelta(days=dice.randint(0, 25))
        issued_on = site.working.back(issued_on, 1, DurationBasis.WORKING)
        ahead = self.draft.day(dice.randint(0, 90))
        bought = [slot for slot in wanted if slot.name in needed_by and needed_by[slot.name] <= ahead]
        self.done.unordered += [slot for slot in wanted if slot not in bought]
        order = self._header(site, class_code, maker, issued_on, by_land=self._is_near(site, maker))
        for number, slot in enumerate(bought, start=1):
            target_on = (slot.required_on or latest) - timedelta(days=buffers[slot.name])
            called_off_on = issued_on
            if needed_by[slot.name] > self.draft.today and slot.name not in TOLD_STORIES:
                # Called off ahead of its need, some weeks ago: its drawings are in the making or with the owner.
                lately = site.working.back(self.draft.day(-dice.randint(*_CALLED_OFF_LATELY)), 1, DurationBasis.WORKING)
                called_off_on = max(issued_on, lately)
            self._line(order, number * 10, slot, maker, plans[slot.name], called_off_on, target_on)

    def _choose_maker(self, site: BuiltSite, class_code: str, throw: float) -> BuiltCompany:
        if class_code in self.frames and site.plan.desk != "TOKYO":
            return next(each for each in self.companies.values() if each.row == self.frames[class_code].seller)
        makers = makers_of(self.companies, class_code)
        return makers[int(throw * len(makers))]

    def _header(
        self, site: BuiltSite, class_code: str, maker: BuiltCompany, issued_on: date, *, by_land: bool
    ) -> PurchaseOrder:
        draft, number = self.draft, str(next(self.numbers))
        dice = draft.dice("header", number)
        terms = _BY_LAND if by_land else _INCOTERMS
        term = terms[int(number) % len(terms)]
        is_unknown = (site.plan.code, class_code) == UNKNOWN_TERM_ORDER
        seller = self._seller(site, maker, dice.random())
        step = contract_step("" if is_unknown else term).code
        is_call_off = class_code in self.frames and seller.row == self.frames[class_code].seller
        has_damages = dice.random() < 0.75
        unit = dice.choice((DamagesUnit.WEEK, DamagesUnit.PART_WEEK, DamagesUnit.DAY))
        order = draft.add(
            PurchaseOrder(
                id=draft.key("order", number),
                number=number,
                title=f"{plan_of(class_code).name}, {site.plan.name}",
                kind=OrderKind.CALL_OFF if is_call_off else OrderKind.ORDER,
                parent=self.frames[class_code] if is_call_off else None,
                seller=seller.row,
                revision=dice.choice((0, 0, 0, 1, 2)),
                commercial_status=(
                    CommercialStatus.ISSUED
                    if issued_on > draft.day(-21)
                    else dice.choice((CommercialStatus.ACKNOWLEDGED,) * 5 + (CommercialStatus.ACK_WITH_EXCEPTIONS,))
                ),
                issued_on=issued_on,
                currency=seller.plan.currency,
                incoterm="" if is_unknown else term,
                incoterm_text="FOT Hamburg" if is_unknown else "",
                incoterm_place="" if is_unknown else self._place(site, maker, term),
                damages_rate_percent=self._rate(unit) if has_damages else None,
                damages_unit=unit if has_damages else "",
                damages_cap_percent=Decimal(dice.choice((5, 10, 15))) if has_damages else None,
                damages_grace_days=dice.choice((0, 7, 14)) if has_damages else None,
                damages_measured_on=step if has_damages else "",
                notice_days=dice.choice((7, 14, 28)) if has_damages else None,
            )
        )
        draft.add(
            ExternalRef(
                id=draft.key("external", number),
                system=ERP_SYSTEM,
                kind=ORDER_REF,
                external_id=number,
                subject_id=order.pk,
                document_version="1",
            )
        )
        self.done.orders.append(order)
        return order

    def _seller(self, site: BuiltSite, maker: BuiltCompany, throw: float) -> BuiltCompany:
        """Now and then a trader of the country stands between."""
        trader = {"AU": "HARBOURLINE", "JP": "EASTQUAY"}.get(site.plan.country)
        is_abroad = maker.plan.country != site.plan.country
        return self.companies[trader] if trader and is_abroad and throw < 0.3 else maker

    def _place(self, site: BuiltSite, maker: BuiltCompany, term: Incoterm) -> str:
        if term == Incoterm.EXW or term == Incoterm.FCA:
            return maker.plan.town
        if term in _FROM_THE_PORT:
            return maker.plan.port
        return _PORTS_OF_SITES[site.plan.code] if term in _TO_THE_PORT else f"{site.plan.name} campus"

    @staticmethod
    def _rate(unit: DamagesUnit) -> Decimal:
        return Decimal("0.1") if unit == DamagesUnit.DAY else Decimal("0.5")

    # -- lines and lots ------------------------------------------------------------------------------------------

    def _line(
        self,
        order: PurchaseOrder,
        number: int,
        slot: Slot,
        maker: BuiltCompany,
        steps: list[StepPlan],
        issued_on: date,
        target_on: date,
    ) -> None:
        draft = self.draft
        dice = draft.dice("line", *slot.name)
        price = Decimal(slot.plan.unit_price_usd) * Decimal(_PER_USD[order.currency])
        line = draft.add(
            OrderLine(
                id=draft.key("line", order.number, number),
                order=order,
                number=number,
                description=f"{slot.plan.name}, {slot.site.plan.code} {slot.place}",
                equipment_class=self.classes[slot.plan.code],
                plant=maker.plant,
                unit=slot.unit,
                unit_price=(price * Decimal(dice.randint(85, 120)) / 100).quantize(Decimal(1)),
                status=LineStatus.CANCELLED if slot.name == CANCELLED_SLOT else LineStatus.OPEN,
                external_line_id=f"{number:05}",
            )
        )
        steps = self._stretch(steps, issued_on, target_on, slot.site)
        story = TOLD_STORIES.get(slot.name) or dice.choices(stories.STORIES, [s.weight for s in stories.STORIES])[0]
        parts: list[list[Requirement]] = [slot.requirements]
        if slot.name == SPARE_SLOT:
            parts = [slot.requirements[:-1], slot.requirements[-1:]]
        for place, part in enumerate(parts, start=1):
            told = stories.SPARE_SLIPS if place > 1 else story
            self._schedule_line(order, line, place, slot, part, maker, steps, issued_on, told)

    def _schedule_line(
        self,
        order: PurchaseOrder,
        line: OrderLine,
        number: int,
        slot: Slot,
        part: list[Requirement],
        maker: BuiltCompany,
        steps: list[StepPlan],
        issued_on: date,
        story: Story,
    ) -> None:
        draft = self.draft
        term = contract_step(order.incoterm)
        label = f"{order.number}/{line.number}/{number}"
        dates = planned_dates(draft, steps, issued_on, slot.site.working)
        schedule_line = draft.add(
            ScheduleLine(
                id=draft.key("schedule line", label),
                line=line,
                number=number,
                quantity=sum((each.quantity for each in part), Decimal(0)),
                contract_on=dates[term.code],
                contract_step=term.code,
                contract_step_assumed=term.is_guess,
                site=slot.site.row,
                status=line.status,
            )
        )
        first = Bought(
            slot, order, line, schedule_line, self._lot(schedule_line, label, 1, None),
            self._chain(f"{label}/1", slot, steps, issued_on), maker,
        )  # fmt: skip
        by = self._expediter(slot.site)
        owner = self.people["sourcing"]
        dice = draft.dice("story", label)
        stories.tell(draft, first.chain, story, contract_step=term.code, dice=dice, by=by, owner=owner)
        lots = [(first, part)]
        if slot.name == SPLIT_SLOT:
            lots = self._split(first, part, steps, issued_on, by)
        for bought, served in lots:
            bought.lot.quantity = sum((each.quantity for each in served), Decimal(0))
            bought.lot.chain = bought.chain.row
            self._allocate(bought, served)
            self._receive(bought, by)
            self.done.lots.append(bought)
        if (reason := PINNED_SLOTS.get(slot.name)) and first.chain.actual(term.code) is None:
            pinned_on = dates[term.code] + timedelta(days=41)
            first.chain.pinned(term.code, max(pinned_on, draft.day(10)), set_on=draft.day(-9), by=owner, reason=reason)

    def _lot(
        self, schedule_line: ScheduleLine, label: str, number: int, copied_from: DeliveryLot | None
    ) -> DeliveryLot:
        return self.draft.add(
            DeliveryLot(
                id=self.draft.key("lot", label, number),
                schedule_line=schedule_line,
                number=number,
                quantity=schedule_line.quantity,
                copied_from=copied_from,
            )
        )

    def _chain(self, name: str, slot: Slot, steps: list[StepPlan], issued_on: date) -> DatedChain:
        return DatedChain(
            self.draft,
            name,
            kind=ChainKind.LOT,
            site=slot.site.row,
            site_calendar=slot.site.working,
            steps=steps,
            starts_on=issued_on,
            cause="Order signed",
            author=self.people["sourcing"],
        )

    def _split(
        self, first: Bought, part: list[Requirement], steps: list[StepPlan], issued_on: date, by: User
    ) -> list[tuple[Bought, list[Requirement]]]:
        """Half of the units stay where they were; the other half was split off and then promised later."""
        label = first.chain.name.rsplit("/", 1)[0]
        split_on = self.draft.day(-40)
        second = replace(
            first,
            lot=self._lot(first.schedule_line, label, 2, first.lot),
            chain=self._chain(f"{label}/2", first.slot, steps, issued_on),
        )
        second.chain.copy_ledger(first.chain, split_on)
        stories.state_moves(
            self.draft,
            second.chain,
            stories.SPLIT_OFF_SLIPS.moves,
            contract_step=first.schedule_line.contract_step,
            dice=self.draft.dice("split", label),
            by=by,
            after=split_on,
        )
        half = len(part) // 2
        return [(first, part[:half]), (second, part[half:])]

    def _allocate(self, bought: Bought, served: list[Requirement]) -> None:
        is_cancelled = bought.line.status == LineStatus.CANCELLED
        for requirement in served:
            self.draft.add(
                Allocation(
                    id=self.draft.key("allocation", bought.chain.name, requirement.tag),
                    lot=bought.lot,
                    requirement=requirement,
                    quantity=requirement.quantity,
                    reason="As ordered",
                    ended_at=self.draft.instant(self.draft.day(-30)) if is_cancelled else None,
                    end_reason="Line cancelled by change of design" if is_cancelled else "",
                )
            )

    def _receive(self, bought: Bought, by: User) -> None:
        arrived_on = bought.chain.actual(ON_SITE)
        if arrived_on is None:
            return
        dice = self.draft.dice("receipt", bought.chain.name)
        state = ReceiptState.ACCEPTED_WITH_OSD if dice.random() < 0.1 else ReceiptState.ACCEPTED
        self.draft.add(
            Receipt(
                id=self.draft.key("receipt", bought.chain.name),
                lot=bought.lot,
                quantity=bought.lot.quantity,
                received_on=arrived_on,
                state=state,
                document=f"Receiving record {bought.order.number}-{bought.line.number}",
                recorded_by=by,
            )
        )

    # -- after all orders ----------------------------------------------------------------------------------------

    def rebaseline(self) -> None:
        """One contract was extended by a change order that somebody else than its author approved."""
        for bought in self.done.of(REBASELINED_SLOT):
            extended = 21
            moved = {
                code: on if bought.chain.actual(code) else on + timedelta(days=extended)
                for code, on in bought.chain.baseline.items()
            }
            cause = "CO-01: taps changed after the grid study"
            bought.chain.rebaseline(moved, cause=cause, author=self.people["approver"], version=2)
            before = bought.schedule_line.contract_on
            bought.schedule_line.contract_on = moved[bought.schedule_line.contract_step]
            self.draft.add(
                ChangeOrder(
                    id=self.draft.key("change order", bought.order.number),
                    order=bought.order,
                    number="CO-01",
                    reason="Taps changed after the grid study; three weeks agreed",
                    before={f"/lines/{bought.line.number}/contract_on": before and before.isoformat()},
                    after={f"/lines/{bought.line.number}/contract_on": bought.schedule_line.contract_on.isoformat()},
                    amount=Decimal(18500),
                    currency=bought.order.currency,
                    rebaseline=True,
                    state=ChangeOrderState.APPLIED,
                    author=self.people["sourcing"],
                    approved_by=self.people["approver"],
                    applied_at=self.draft.instant(self.draft.day(-25)),
                )
            )

    def settle(self) -> None:
        """Totals from the lines; billing follows what has arrived."""
        prices: dict[PurchaseOrder, Decimal] = defaultdict(Decimal)
        received: dict[PurchaseOrder, list[bool]] = defaultdict(list)
        for bought in self.done.lots:
            prices[bought.order] += (bought.line.unit_price or 0) * bought.lot.quantity
            received[bought.order].append(bought.chain.actual(ON_SITE) is not None)
        for order, total in prices.items():
            order.total_amount = total
            if all(received[order]):
                order.financial_status = FinancialStatus.BILLED
            elif any(received[order]) or (order.issued_on or self.draft.today) < self.draft.day(-200):
                order.financial_status = FinancialStatus.PART_BILLED

    # -- chains of an order --------------------------------------------------------------------------------------

    def _expediter(self, site: BuiltSite) -> User:
        return self.people["expediter" if site.plan.desk in {"SYDNEY", "TOKYO"} else "sourcing"]

    @staticmethod
    def _is_near(site: BuiltSite, maker: BuiltCompany) -> bool:
        here, there = site.plan.country, maker.plan.country
        return here == there or {here, there} <= EUROPEAN_UNION

    def _steps(self, site: BuiltSite, class_code: str, maker: BuiltCompany) -> list[StepPlan]:
        """The class's template with the calendars of this plant; by land, the sea legs do not apply."""
        assert maker.plant is not None
        because = ""
        if self._is_near(site, maker):
            where = "Domestic delivery" if maker.plan.country == site.plan.country else "Delivery by road in the EU"
            because = f"{where}: no sea leg"
        return [
            StepPlan(
                step.code,
                step.days,
                step.basis,
                maker.plant.calendar if step.calendar_of == CalendarOf.PLANT else None,
                step.responsible,
                because if step.code in SEA_LEGS else "",
            )
            for step in steps_of(class_code)
        ]

    def _order_by(self, steps: list[StepPlan], target_on: date, site: BuiltSite) -> date:
        """About the last day to order for this day on site; a few days early where holidays lie between."""
        guess = target_on - timedelta(days=sum(step.days for step in steps))
        for _ in range(3):
            arrives_on = planned_dates(self.draft, steps, guess, site.working)[ON_SITE]
            guess -= timedelta(days=(arrives_on - target_on).days)
        return guess

    def _stretch(self, steps: list[StepPlan], issued_on: date, target_on: date, site: BuiltSite) -> list[StepPlan]:
        """A slot further out for a later block: the shop starts later, so the longest leg takes longer."""
        arrives_on = planned_dates(self.draft, steps, issued_on, site.working)[ON_SITE]
        spare = (target_on - arrives_on).days
        if spare <= 0:
            return steps
        longest = "FAT_PASS" if any(step.code == "FAT_PASS" for step in steps) else "RTS"
        grown = spare if longest == "FAT_PASS" else spare * 5 // 7
        return [replace(step, days=step.days + grown) if step.code == longest else step for step in steps]
