"""What an order's schedule lines do to their delivery lots: chains, first baselines, quantities, leaving.

Every function here runs inside the transaction of a caller that holds the order's lock and checks rights.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, Sum

from procurement.domain import baseline
from procurement.models import (
    Allocation,
    ChainStep,
    DeliveryLot,
    Plant,
    Receipt,
    RequirementForecast,
    ScheduleLine,
)
from procurement.services.copying import insert_alike, insert_each
from procurement.vocabulary import CalendarOf
from sites.accounts.models import User
from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.domain.schedule import StepFacts
from sites.models import Baseline, Chain, Milestone
from sites.queries.among import among
from sites.queries.chains import working_calendars
from sites.vocabulary import ChainKind, DurationBasis

PO_ISSUED = "PO_ISSUED"


@dataclass(frozen=True, slots=True)
class Released:
    """Units that are no longer meant for a requirement, because the ERP took them back."""

    requirement_id: UUID
    lot_id: UUID
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Followed:
    """`quantity` is what the schedule line now holds: what was asked, but never less than what was received."""

    quantity: Decimal
    lots: tuple[DeliveryLot, ...]
    released: tuple[Released, ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """What an order says about `PO_ISSUED`: its actual once it is issued, else its plan. And who says so, when."""

    issued_on: date | None
    planned_on: date | None
    actor: User
    now: datetime


# What makes the milestones of two new chains alike: template, calendar of the plant, what is said of the issue.
_Kind = tuple[UUID, UUID | None, Issue]


@dataclass(slots=True)
class Alike:
    """What many new lots have in common, read and made once."""

    calendars: dict[UUID, WorkingCalendar] = field(default_factory=dict)
    steps: dict[UUID, list[ChainStep]] = field(default_factory=dict)
    milestones: dict[_Kind, list[Milestone]] = field(default_factory=dict)
    dates: dict[tuple[object, ...], dict[str, str]] = field(default_factory=dict)

    def read_steps(self, templates: Iterable[UUID]) -> None:
        """In their order, of those that are not known yet."""
        missing = set(templates) - self.steps.keys()
        if missing:
            self.steps |= {template: [] for template in missing}
            for step in ChainStep.objects.filter(template__in=missing).order_by("sequence"):
                self.steps[step.template_id].append(step)

    def read_calendars(self, keys: Iterable[UUID]) -> None:
        missing = set(keys) - self.calendars.keys()
        if missing:
            self.calendars |= working_calendars(missing)


@dataclass(slots=True)
class NewLots:
    """Lots of new schedule lines with their chains, made and not written yet; `kind_of` says for each lot which
    milestones its chain has.
    """

    lots: list[DeliveryLot] = field(default_factory=list)
    kind_of: list[_Kind] = field(default_factory=list)
    milestones: dict[_Kind, list[Milestone]] = field(default_factory=dict)
    baselines: list[Baseline] = field(default_factory=list)

    def take(self, other: "NewLots") -> None:
        self.lots += other.lots
        self.kind_of += other.kind_of
        self.milestones |= other.milestones
        self.baselines += other.baselines

    def write(self) -> None:
        insert_each([lot.chain for lot in self.lots])
        insert_each(self.lots)
        place_of = {kind: place for place, kind in enumerate(self.milestones)}
        chains = [(lot.chain_id, place_of[kind]) for lot, kind in zip(self.lots, self.kind_of, strict=True)]
        insert_alike(list(self.milestones.values()), "chain", chains)
        Baseline.objects.bulk_create(self.baselines)


def create_lot(schedule_line: ScheduleLine, *, issue: Issue) -> DeliveryLot:
    """As `create_lots`, for one."""
    return create_lots([schedule_line], issue=issue)[0]


def create_lots(
    schedule_lines: Sequence[ScheduleLine],
    *,
    issue: Issue,
    quantities: Mapping[UUID, Decimal] | None = None,
    numbers: Mapping[UUID, int] | None = None,
) -> list[DeliveryLot]:
    """As `make_lots`, and written. A fixed number of queries."""
    made = make_lots(schedule_lines, issue=issue, quantities=quantities, numbers=numbers)
    made.write()
    return made.lots


def make_lots(
    schedule_lines: Sequence[ScheduleLine],
    *,
    issue: Issue,
    quantities: Mapping[UUID, Decimal] | None = None,
    numbers: Mapping[UUID, int] | None = None,
    alike: Alike | None = None,
) -> NewLots:
    """One lot for each of these schedule lines, with the chain of its class and, where a contract date is known,
    the first baseline. `quantities` and `numbers` are given, by schedule line, for a further lot.
    At most two queries, of what `alike` does not know yet. Raises BadInput with the fact `schedule_line` where no
    baseline fits around its date.
    """
    places = [place for row in schedule_lines for place in (row.line.plant, row.site) if place is not None]
    known = alike or Alike()
    known.read_calendars(place.calendar_id for place in places if place.calendar_id)
    known.read_steps(row.line.equipment_class.template_id for row in schedule_lines)
    made = NewLots()
    for row in schedule_lines:
        template, plant = row.line.equipment_class.template, row.line.plant
        chain = Chain(kind=ChainKind.LOT, site=row.site, anchor_code=template.anchor_code)
        made.lots.append(
            DeliveryLot(
                schedule_line=row,
                number=(numbers or {}).get(row.pk, 1),
                quantity=(quantities or {}).get(row.pk, row.quantity),
                chain=chain,
            )
        )
        kind = (template.pk, plant.calendar_id if plant is not None else None, issue)
        if kind not in known.milestones:
            known.milestones[kind] = _milestones(known.steps[template.pk], plant, issue)
        made.milestones[kind] = known.milestones[kind]
        made.kind_of.append(kind)
        dated = (*kind[:2], row.site and row.site.calendar_id, row.contract_step, row.contract_on)
        if dated not in known.dates:
            known.dates[dated] = _dates_around(known.milestones[kind], row, known.calendars)
        if known.dates[dated]:
            made.baselines.append(_baseline(chain, known.dates[dated], issue.actor))
    return made


def _milestones(steps: Sequence[ChainStep], plant: Plant | None, issue: Issue) -> list[Milestone]:
    """Of a chain that is still to be named."""
    made = [_milestone(step, plant) for step in steps]
    for milestone in made:
        if milestone.code == PO_ISSUED:
            _follow_issue(milestone, issue)
    return made


def _milestone(step: ChainStep, plant: Plant | None) -> Milestone:
    return Milestone(
        sequence=step.sequence,
        code=step.code,
        duration_days=step.duration_days,
        basis=step.basis,
        calendar_id=plant.calendar_id if plant is not None and step.calendar_of == CalendarOf.PLANT else None,
        responsible=step.responsible,
    )


def _follow_issue(milestone: Milestone, issue: Issue) -> bool:
    """Whether anything of the milestone changed."""
    before = (milestone.actual_on, milestone.planned_on)
    milestone.planned_on = issue.planned_on
    if milestone.actual_on != issue.issued_on:
        milestone.actual_on = issue.issued_on
        milestone.actual_recorded_at = issue.now if issue.issued_on else None
        milestone.actual_recorded_by = issue.actor if issue.issued_on else None
    return before != (milestone.actual_on, milestone.planned_on)


def record_issue(lots: Collection[DeliveryLot], issue: Issue) -> set[UUID]:
    """Set the actual (or the plan) of `PO_ISSUED` on these lots; the keys of the lots it changed."""
    lot_of = {lot.chain_id: lot.pk for lot in lots}
    milestones = Milestone.objects.filter(chain__in=lot_of, code=PO_ISSUED)
    rows = [milestone for milestone in milestones if _follow_issue(milestone, issue)]
    Milestone.objects.bulk_update(
        rows, ["actual_on", "planned_on", "actual_recorded_at", "actual_recorded_by"], batch_size=500
    )
    return {lot_of[milestone.chain_id] for milestone in rows}


# -- baselines ---------------------------------------------------------------------------------------------------


def _first_baseline(
    chain: Chain,
    milestones: Sequence[Milestone],
    row: ScheduleLine,
    calendars: Mapping[UUID, WorkingCalendar],
    actor: User,
) -> Baseline | None:
    dates = _dates_around(milestones, row, calendars)
    return _baseline(chain, dates, actor) if dates else None


def _dates_around(
    milestones: Sequence[Milestone], row: ScheduleLine, calendars: Mapping[UUID, WorkingCalendar]
) -> dict[str, str]:
    """Empty where no contract date or no site is known. Raises BadInput."""
    if row.contract_on is None or row.site is None:
        return {}
    facts = [
        StepFacts(
            code=each.code,
            duration_days=each.duration_days,
            basis=DurationBasis(each.basis),
            calendar=calendars[each.calendar_id] if each.calendar_id else None,
            applicable=each.applicable,
        )
        for each in milestones
    ]
    try:
        dates = baseline.around_contract_date(
            facts,
            contract_step=row.contract_step,
            contract_on=row.contract_on,
            site_calendar=calendars[row.site.calendar_id],
        )
    except BadInput as refusal:
        raise BadInput(refusal.message, field=refusal.field, schedule_line=row.pk) from None
    return {code: day.isoformat() for code, day in dates.items()}


def _baseline(chain: Chain, dates: dict[str, str], actor: User) -> Baseline:
    return Baseline(chain=chain, dates=dates, cause="Order signed", author=actor)


def write_first_baselines(lots: Collection[DeliveryLot], *, actor: User) -> None:
    """Of lots that have none yet and whose schedule lines have a contract date. Raises BadInput as `make_lots`."""
    if not lots:
        return
    calendars = working_calendars()
    steps: dict[UUID, list[Milestone]] = defaultdict(list)
    for milestone in Milestone.objects.filter(among("chain", [lot.chain_id for lot in lots])).order_by("sequence"):
        steps[milestone.chain_id].append(milestone)
    made = [_first_baseline(lot.chain, steps[lot.chain_id], lot.schedule_line, calendars, actor) for lot in lots]
    Baseline.objects.bulk_create([each for each in made if each is not None])


def write_next_baselines(lots: Iterable[DeliveryLot], *, cause: str, actor: User) -> int:
    """A further baseline around the contract date for each lot, where it differs from the newest; how many.

    Raises BadInput naming the schedule line where no dates fit the contract date.
    """
    calendars = working_calendars()
    made = []
    for lot in lots:
        milestones = list(lot.chain.milestones.order_by("sequence"))
        following = _first_baseline(lot.chain, milestones, lot.schedule_line, calendars, actor)
        newest = Baseline.objects.filter(chain=lot.chain_id).order_by("-version").first()
        if following is None or (newest is not None and newest.dates == following.dates):
            continue
        following.version, following.cause = (newest.version if newest else 0) + 1, cause
        made.append(following)
    return len(Baseline.objects.bulk_create(made))


# -- quantities --------------------------------------------------------------------------------------------------


def received_by_lot(lots: Collection[DeliveryLot]) -> dict[UUID, Decimal]:
    """Units of each lot that are on site: all of them once its anchor step happened, else its standing receipts."""
    arrived = {
        lot_id
        for lot_id, code, anchor in Milestone.objects.filter(chain__lot__in=lots, actual_on__isnull=False).values_list(
            "chain__lot", "code", "chain__anchor_code"
        )
        if code == anchor
    }
    standing = Receipt.objects.filter(lot__in=lots, reverses__isnull=True).filter(Q(reversed_by__isnull=True))
    receipts = dict(standing.values_list("lot").annotate(total=Sum("quantity")))
    return {
        lot.pk: lot.quantity if lot.pk in arrived else min(lot.quantity, receipts.get(lot.pk, Decimal(0)))
        for lot in lots
    }


def follow_quantity(row: ScheduleLine, wanted: Decimal, *, reason: str, issue: Issue) -> Followed:
    """Make the lots hold `wanted` units: the last open lot grows, open lots shrink from the last.

    Units that vanish leave the requirement with most float first. A lot without any unit left stays, with zero.
    """
    lots = list(row.lots.select_related("chain").order_by("number"))
    received = received_by_lot(lots)
    wanted = max(wanted, sum(received.values(), Decimal(0)))
    change = wanted - sum((lot.quantity for lot in lots), Decimal(0))
    if change > 0:
        return Followed(wanted, (_grow(row, lots, received, change, issue),), ())
    touched: list[DeliveryLot] = []
    released: list[Released] = []
    for lot in reversed(lots):
        takes = min(-change, lot.quantity - received[lot.pk])
        if takes <= 0:
            continue
        released += _release(lot, keep=lot.quantity - takes, reason=reason, now=issue.now)
        lot.quantity -= takes
        lot.save(update_fields=["quantity"])
        touched.append(lot)
        change += takes
    return Followed(wanted, tuple(touched), tuple(released))


def _grow(
    row: ScheduleLine,
    lots: Sequence[DeliveryLot],
    received: Mapping[UUID, Decimal],
    more: Decimal,
    issue: Issue,
) -> DeliveryLot:
    still_open = [lot for lot in lots if received[lot.pk] < lot.quantity]
    if still_open:
        still_open[-1].quantity += more
        still_open[-1].save(update_fields=["quantity"])
        return still_open[-1]
    number = max((lot.number for lot in lots), default=0) + 1
    return create_lots([row], issue=issue, quantities={row.pk: more}, numbers={row.pk: number})[0]


def _release(lot: DeliveryLot, *, keep: Decimal, reason: str, now: datetime) -> list[Released]:
    """End allocations until the live ones fit in `keep` units; a part that stays is allocated anew."""
    live = list(
        Allocation.objects.select_for_update(of=("self",)).filter(lot=lot, ended_at__isnull=True).order_by("id")
    )
    over = sum((each.quantity for each in live), Decimal(0)) - keep
    known = RequirementForecast.objects.filter(current=True, requirement__in=[each.requirement_id for each in live])
    floats = {row.requirement_id: row.float_days for row in known if row.float_days is not None}
    # No known float means that no date of the site hangs on it: it gives way before every other.
    live.sort(key=lambda each: floats.get(each.requirement_id, 10**9), reverse=True)
    released = []
    for each in live:
        if over <= 0:
            break
        gives = min(each.quantity, over)
        over -= gives
        released.append(_end(each, reason, now, gives))
        if gives < each.quantity:
            Allocation.objects.create(
                lot=lot, requirement_id=each.requirement_id, quantity=each.quantity - gives, reason=each.reason
            )
    return released


def _end(allocation: Allocation, reason: str, now: datetime, quantity: Decimal) -> Released:
    allocation.ended_at, allocation.end_reason = now, reason[:300]
    allocation.save(update_fields=["ended_at", "end_reason"])
    return Released(allocation.requirement_id, allocation.lot_id, quantity)


def release_open_lots(lots: Collection[DeliveryLot], *, reason: str, now: datetime) -> list[Released]:
    """End the allocations of units that are not on site yet: their line was cancelled, or went to another site."""
    received = received_by_lot(lots)
    return [gone for lot in lots for gone in _release(lot, keep=received[lot.pk], reason=reason, now=now)]


# -- places ------------------------------------------------------------------------------------------------------


def move_to_site(row: ScheduleLine, lots: Collection[DeliveryLot], *, reason: str, now: datetime) -> list[Released]:
    """The chains follow the schedule line to its site; units promised to requirements of the old site are free."""
    for lot in lots:
        lot.chain.site = row.site
        lot.chain.save(update_fields=["site"])
    elsewhere = Allocation.objects.filter(lot__in=lots, ended_at__isnull=True).exclude(requirement__site=row.site)
    return [_end(each, reason, now, each.quantity) for each in elsewhere]


def follow_plant(lots: Collection[DeliveryLot], *, plant: Plant | None, template_id: UUID) -> None:
    """Steps that count the plant's working days, and are not done yet, count those of the new plant."""
    codes = ChainStep.objects.filter(template=template_id, calendar_of=CalendarOf.PLANT).values_list("code", flat=True)
    Milestone.objects.filter(chain__lot__in=lots, code__in=list(codes), actual_on__isnull=True).update(
        calendar_id=plant.calendar_id if plant else None
    )
