"""What a site's calculation reads: lots, requirements, groups and blocks, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import F

from procurement.models import (
    Allocation,
    ChainStep,
    DeliveryLot,
    EquipmentClass,
    GroupNeed,
    LotForecast,
    Requirement,
    RequirementForecast,
    RosAnchor,
)
from procurement.vocabulary import LineStatus, RosRule
from sites.domain.calendar import WorkingCalendar
from sites.domain.lead_time import LeadTime
from sites.domain.schedule import RequiredOnSite as RosFacts
from sites.domain.schedule import StepFacts, required_on_site
from sites.models import Block, Gate
from sites.queries.anchors import ActivityKey, activity_dates, gate_dates
from sites.vocabulary import DurationBasis, GateKind


@dataclass(frozen=True, slots=True)
class LotRow:
    """An open or delivered lot of a live schedule line at the site; `label` is ORDER/LINE/SCHEDULE/LOT."""

    key: UUID
    chain_id: UUID
    schedule_line_id: UUID
    line_id: UUID
    order_id: UUID
    label: str
    quantity: Decimal
    contract_step: str


@dataclass(frozen=True, slots=True)
class RequirementRow:
    """`installation_days` and `commissioning_days` are working days of the site."""

    key: UUID
    tag: str
    quantity: Decimal
    group_id: UUID | None
    template_id: UUID
    installation_days: int
    commissioning_days: int
    stored_required_on_site: date | None
    lead_time: LeadTime | None


@dataclass(frozen=True, slots=True)
class AllocationRow:
    lot_id: UUID
    requirement_id: UUID
    quantity: Decimal


def lots_of(site_id: UUID, lot_ids: Collection[UUID] | None = None) -> dict[UUID, LotRow]:
    """The lots of live schedule lines of a site, or those of them that are named."""
    rows = DeliveryLot.objects.filter(schedule_line__site_id=site_id).exclude(
        schedule_line__status=LineStatus.CANCELLED
    )
    rows = rows.exclude(schedule_line__line__status=LineStatus.CANCELLED).filter(quantity__gt=0)
    if lot_ids is not None:
        rows = rows.filter(pk__in=lot_ids)
    found = rows.order_by("pk").values_list(
        "pk", "chain_id", "schedule_line_id", "schedule_line__line_id", "schedule_line__line__order_id",
        "schedule_line__line__order__number", "schedule_line__line__number", "schedule_line__number", "number",
        "quantity", "schedule_line__contract_step",
    )  # fmt: skip
    return {
        key: LotRow(key, chain, schedule, line, order, f"{number}/{line_no}/{schedule_no}/{lot_no}", quantity, step)
        for key, chain, schedule, line, order, number, line_no, schedule_no, lot_no, quantity, step in found
    }


def requirements_of(site_id: UUID, keys: Collection[UUID] | None = None) -> dict[UUID, RequirementRow]:
    """The live requirements of a site, or those of them that are named."""
    rows = Requirement.objects.filter(site_id=site_id, cancelled_at__isnull=True)
    if keys is not None:
        rows = rows.filter(pk__in=keys)
    found = rows.order_by("pk").values_list(
        "pk", "tag", "quantity", "group_id", "equipment_class__template_id", "equipment_class__installation_days",
        "equipment_class__commissioning_days", "required_on_site", "lead_time__basis_from", "lead_time__basis_to",
        "lead_time__high_weeks", "lead_time_weeks",
    )  # fmt: skip
    return {
        key: RequirementRow(
            key, tag, quantity, group, template, install, commission, ros,
            LeadTime(basis_from, basis_to, high, picked) if basis_from else None,
        )
        for key, tag, quantity, group, template, install, commission, ros, basis_from, basis_to, high, picked in found
    }  # fmt: skip


def live_allocations(*, lots: Collection[UUID] = (), requirements: Collection[UUID] = ()) -> list[AllocationRow]:
    """The live allocations of these lots or of these requirements."""
    rows = Allocation.objects.filter(ended_at__isnull=True)
    rows = rows.filter(lot__in=lots) if lots else rows.filter(requirement__in=requirements)
    return [AllocationRow(*row) for row in rows.order_by("pk").values_list("lot_id", "requirement_id", "quantity")]


def stored_required_dates(keys: Collection[UUID]) -> dict[UUID, date | None]:
    """The required-on-site dates as last computed."""
    return dict(Requirement.objects.filter(pk__in=keys).values_list("pk", "required_on_site"))


@dataclass(frozen=True, slots=True)
class RosAnswer:
    """`lost` are the anchors whose activity the accepted schedule lacks; they go on with their last date."""

    required_on: date | None
    anchor_dates: dict[UUID, date]
    lost: frozenset[UUID]


def required_dates(site_id: UUID, keys: Collection[UUID], calendar: WorkingCalendar) -> dict[UUID, RosAnswer]:
    """The required-on-site date of each requirement from its rule, in a fixed number of queries."""
    rules = Requirement.objects.filter(pk__in=keys).values_list(
        "pk", "ros_rule", "ros_fixed_on", "shake_out_days", "shake_out_basis"
    )
    anchors: dict[UUID, list[RosAnchor]] = defaultdict(list)
    for anchor in RosAnchor.objects.filter(requirement__in=keys).order_by("pk"):
        anchors[anchor.requirement_id].append(anchor)
    flat = [anchor for group in anchors.values() for anchor in group]
    gates = gate_dates(site_id, Gate.objects.filter(pk__in={anchor.gate_id for anchor in flat if anchor.gate_id}))
    activities = activity_dates(site_id, (_key(anchor) for anchor in flat if not anchor.gate_id))
    answers: dict[UUID, RosAnswer] = {}
    for key, rule, fixed_on, days, basis in rules:
        if rule == RosRule.FIXED:
            answers[key] = RosAnswer(fixed_on, {}, frozenset())
            continue
        dates: dict[UUID, date] = {}
        lost: set[UUID] = set()
        for anchor in anchors[key] if rule == RosRule.ANCHORED else ():
            if anchor.gate_id:
                on, gone = gates[anchor.gate_id].on, gates[anchor.gate_id].is_lost
            else:
                on = activities.get(_key(anchor))
                gone = on is None
            if gone:
                lost.add(anchor.pk)
            if (day := on or anchor.last_on) is not None:
                dates[anchor.pk] = day
        facts = RosFacts(anchors=tuple(dates.values()), offset_days=days, offset_basis=DurationBasis(basis))
        answers[key] = RosAnswer(required_on_site(facts, calendar), dates, frozenset(lost))
    return answers


def _key(anchor: RosAnchor) -> ActivityKey:
    return ActivityKey(anchor.project_code, anchor.activity_code, anchor.edge)


def template_steps(template_ids: Iterable[UUID]) -> dict[UUID, tuple[StepFacts, ...]]:
    """The steps of these templates for something not ordered yet: no plant is known, so the site's calendar counts."""
    steps: dict[UUID, list[StepFacts]] = defaultdict(list)
    rows = ChainStep.objects.filter(template__in=set(template_ids)).order_by("template_id", "sequence")
    for template, code, days, basis in rows.values_list("template_id", "code", "duration_days", "basis"):
        steps[template].append(StepFacts(code=code, duration_days=days, basis=DurationBasis(basis)))
    return {key: tuple(found) for key, found in steps.items()}


def template_anchors(template_ids: Iterable[UUID]) -> dict[UUID, str]:
    rows = EquipmentClass.objects.filter(template__in=set(template_ids))
    return dict(rows.values_list("template_id", "template__anchor_code"))


def group_needs(*, site_id: UUID, groups: Collection[UUID] | None = None) -> list[tuple[UUID, UUID, int]]:
    """(block, group, units needed) of a site, or of those groups."""
    rows = GroupNeed.objects.filter(group__site_id=site_id)
    if groups is not None:
        rows = rows.filter(group__in=groups)
    return list(rows.order_by("block_id", "group_id").values_list("block_id", "group_id", "needed_units"))


def schedule_rfs_dates(site_id: UUID, blocks: Iterable[Block]) -> dict[UUID, date | None]:
    """The RFS date of the site's schedule per block: its RFS gate's, else the plan kept on the block."""
    known = list(blocks)
    gates = list(Gate.objects.filter(block__in=known, kind=GateKind.RFS))
    by_gate = gate_dates(site_id, gates) if gates else {}
    from_gates: dict[UUID, date] = {}
    for gate in gates:
        day = by_gate[gate.pk].on
        if day is not None and gate.block_id is not None:
            from_gates[gate.block_id] = max(day, from_gates.get(gate.block_id, day))
    return {block.pk: from_gates.get(block.pk, block.rfs_plan_on) for block in known}


def current_lot_forecasts(lot_ids: Collection[UUID]) -> dict[UUID, LotForecast]:
    return {row.lot_id: row for row in LotForecast.objects.filter(current=True, lot__in=lot_ids)}


def current_requirement_forecasts(keys: Collection[UUID]) -> dict[UUID, RequirementForecast]:
    return {row.requirement_id: row for row in RequirementForecast.objects.filter(current=True, requirement__in=keys)}


def requirements_in_groups(groups: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """(requirement, group) of the live requirements of these groups."""
    rows = Requirement.objects.filter(group__in=groups, cancelled_at__isnull=True).order_by("pk")
    return list(rows.annotate(in_group=F("group_id")).values_list("pk", "in_group"))
