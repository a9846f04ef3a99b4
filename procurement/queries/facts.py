"""What a site's calculation reads: lots, requirements, groups and blocks, in a fixed number of queries.

Keys are sixteen bytes; a table is sorted by its own key, so that others find their place in it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from django.db.models import F

from procurement.models import (
    ChainStep,
    EquipmentClass,
    GroupNeed,
    RedundancyGroup,
    Requirement,
    RequirementForecast,
    RosAnchor,
)
from procurement.models import DeliveryLot as Lot
from procurement.vocabulary import LineStatus, RosRule
from sites.domain.calendar_arrays import NO_DAY, Days, Flags, number_of
from sites.domain.lead_time import LeadTime
from sites.domain.schedule import StepFacts
from sites.domain.schedule_arrays import Wide
from sites.models import Block, Phase
from sites.queries.among import among, as_array
from sites.queries.anchors import ActivityKey, activity_dates, gate_dates, gate_dates_of_blocks
from sites.queries.columns import NO_KEY, Keys, as_list, read, uuids
from sites.queries.whole_rows import Whole, whole_rows
from sites.vocabulary import DurationBasis, GateKind

NO_FIGURE = NO_DAY
_THOUSANDTHS = "round({0} * 1000)"


@dataclass(frozen=True, slots=True)
class Lots:
    """Open and delivered lots of live schedule lines. `contract_step` is the database's hash of the code."""

    key: Keys
    chain: Keys
    schedule_line: Keys
    contract_step: Wide


@dataclass(frozen=True, slots=True)
class Requirements:
    """Live requirements. `quantity` is in thousandths; `work_days` (installation and commissioning) are working days
    of the site. ROS is `fixed_on`, or for `is_anchored` the earliest anchor and back by the shake-out.
    """

    key: Keys
    quantity: Wide
    group: Keys
    template: Keys
    work_days: Days
    is_anchored: Flags
    fixed_on: Days
    shake_out: Days
    shake_out_is_working: Flags
    stored_required_on: Days

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True, slots=True)
class Allocations:
    """Live ones; `quantity` is in thousandths."""

    lot: Keys
    requirement: Keys
    quantity: Wide


@dataclass(frozen=True, slots=True)
class Anchors:
    """Of the anchored ones among some requirements: `requirement` is the place there. `on` is the date now, else the
    last one known; `is_lost` where the accepted schedule lacks the activity.
    """

    key: Keys
    requirement: Days
    on: Days
    is_lost: Flags
    last_on: Days
    was_lost: Flags


@dataclass(frozen=True, slots=True)
class Answers:
    """Current answers, by the key of their subject; figures are thousandths of MW-days, NO_FIGURE where unknown."""

    subject: Keys
    key: Keys
    fingerprint: Wide
    forecast_on: Days
    recovers: Wide
    costs: Wide


def lots_of(site_id: UUID, keys: Keys | None = None) -> Lots:
    """The lots of live schedule lines of a site, or those of them that are named."""
    source = """FROM procurement_deliverylot d
        JOIN procurement_scheduleline s ON s.id = d.schedule_line_id
        JOIN procurement_orderline l ON l.id = s.line_id
        WHERE s.site_id = %(site)s AND s.status <> %(cancelled)s AND l.status <> %(cancelled)s AND d.quantity > 0"""
    rows = read(
        {
            "key": ("key", "d.id"), "chain": ("key", "d.chain_id"), "schedule_line": ("key", "d.schedule_line_id"),
            "contract_step": ("long", "hashtextextended(s.contract_step, 0)"),
        },
        f"{source}{'' if keys is None else ' AND d.id = ANY(%(keys)s::uuid[])'} ORDER BY d.id",
        {"site": site_id, "cancelled": LineStatus.CANCELLED.value, "keys": _listed(keys)},
    )  # fmt: skip
    return Lots(**rows)


def requirements_of(site_id: UUID, keys: Keys | None = None) -> Requirements:
    """The live requirements of a site, or those of them that are named."""
    source = """FROM procurement_requirement r JOIN procurement_equipmentclass c ON c.id = r.equipment_class_id
        WHERE r.site_id = %(site)s AND r.cancelled_at IS NULL"""
    rows = read(
        {
            "key": ("key", "r.id"), "quantity": ("long", _THOUSANDTHS.format("r.quantity")),
            "group": ("key", "r.group_id"), "template": ("key", "c.template_id"),
            "work_days": ("int", "c.installation_days + c.commissioning_days"),
            "is_anchored": ("flag", "r.ros_rule = %(anchored)s"), "fixed_on": ("day", "r.ros_fixed_on"),
            "shake_out": ("int", "r.shake_out_days"),
            "shake_out_is_working": ("flag", "r.shake_out_basis = %(working)s"),
            "stored_required_on": ("day", "r.required_on_site"),
        },
        f"{source}{'' if keys is None else ' AND r.id = ANY(%(keys)s::uuid[])'} ORDER BY r.id",
        {"site": site_id, "anchored": RosRule.ANCHORED.value, "working": DurationBasis.WORKING.value,
         "keys": _listed(keys)},
    )  # fmt: skip
    return Requirements(**rows)


def live_allocations(*, lots: Keys | None = None, requirements: Keys | None = None) -> Allocations:
    """The live allocations of these lots or of these requirements."""
    column = "a.lot_id" if lots is not None else "a.requirement_id"
    return _allocations(f"{column} = ANY(%(keys)s::uuid[])", lots if lots is not None else requirements)


def allocations_around(lots: Keys) -> Allocations:
    """All live allocations of the requirements that these lots serve."""
    mine = "SELECT requirement_id FROM procurement_allocation WHERE ended_at IS NULL AND lot_id = ANY(%(keys)s::uuid[])"
    return _allocations(f"a.requirement_id = ANY(ARRAY({mine}))", lots)


def _allocations(which: str, keys: Keys | None) -> Allocations:
    rows = read(
        {
            "lot": ("key", "a.lot_id"), "requirement": ("key", "a.requirement_id"),
            "quantity": ("long", _THOUSANDTHS.format("a.quantity")),
        },
        f"FROM procurement_allocation a WHERE a.ended_at IS NULL AND {which} ORDER BY a.id",
        {"keys": _listed(keys)},
    )  # fmt: skip
    return Allocations(**rows)


def lead_times_of(keys: Collection[UUID]) -> dict[UUID, LeadTime | None]:
    """The observation that each of these requirements counts with, if any."""
    rows = Requirement.objects.filter(pk__in=keys).values_list(
        "pk", "lead_time__basis_from", "lead_time__basis_to", "lead_time__high_weeks", "lead_time_weeks"
    )
    return {
        key: LeadTime(basis_from, basis_to, high, picked) if basis_from else None
        for key, basis_from, basis_to, high, picked in rows
    }


def stored_required_dates(keys: Keys) -> dict[UUID, date]:
    """The required-on-site dates as last computed, where there is one."""
    rows = Requirement.objects.filter(pk__in=uuids(keys), required_on_site__isnull=False)
    return {key: on for key, on in rows.values_list("pk", "required_on_site") if on is not None}


def anchors_of(site_id: UUID, requirements: Requirements) -> Anchors:
    """What the required-on-site dates hang on, in a fixed number of queries."""
    rows = read(
        {
            "key": ("key", "a.id"), "requirement": ("int", "wanted.place - 1"), "gate": ("key", "a.gate_id"),
            "last_on": ("day", "a.last_on"), "was_lost": ("flag", "a.lost_at IS NOT NULL"),
        },
        "FROM unnest(%(keys)s::uuid[]) WITH ORDINALITY AS wanted(id, place)"
        " JOIN procurement_rosanchor a ON a.requirement_id = wanted.id ORDER BY a.id",
        {"keys": as_list(requirements.key)},
    )  # fmt: skip
    rows = {name: column[requirements.is_anchored[rows["requirement"]]] for name, column in rows.items()}
    on = np.full(len(rows["key"]), NO_DAY, np.int32)
    is_lost = np.zeros(len(on), np.bool_)
    known, gate = np.unique(rows["gate"], return_inverse=True)
    ids = uuids(known)
    dates = gate_dates(key for key in ids if key.int)
    by_gate = [dates.get(key) for key in ids]
    on[:] = np.array([number_of(each.on) if each else NO_DAY for each in by_gate], np.int32)[gate]
    is_lost[:] = np.array([bool(each and each.is_lost) for each in by_gate], np.bool_)[gate]
    free = rows["gate"] == NO_KEY
    if free.any():
        places, found = _followed(site_id, rows["key"], free)
        on[places] = found
        is_lost[places] = found == NO_DAY
    return Anchors(
        key=rows["key"],
        requirement=rows["requirement"],
        on=np.where(on == NO_DAY, rows["last_on"], on).astype(np.int32),
        is_lost=is_lost,
        last_on=rows["last_on"],
        was_lost=rows["was_lost"],
    )


def _followed(site_id: UUID, anchors: Keys, free: Flags) -> tuple[Wide, Days]:
    """Where the anchors without a gate stand, and the dates of their activities."""
    ids = uuids(anchors[free])
    named = {
        key: ActivityKey(project, activity, edge)
        for key, project, activity, edge in RosAnchor.objects.filter(pk__in=ids).values_list(
            "pk", "project_code", "activity_code", "edge"
        )
    }
    dates = activity_dates(site_id, named.values())
    return np.flatnonzero(free), np.array([number_of(dates.get(named[key])) for key in ids], np.int32)


def _listed(keys: Keys | None) -> str | None:
    return as_list(keys) if keys is not None else None


def current_lot_answers(lots: Keys) -> Answers:
    return _current("lot", lots)


def current_requirement_answers(requirements: Keys) -> Answers:
    return _current("requirement", requirements)


def _current(subject: str, keys: Keys) -> Answers:
    rows = read(
        {
            "subject": ("key", f"f.{subject}_id"), "key": ("key", "f.id"), "fingerprint": ("long", "f.fingerprint"),
            "forecast_on": ("day", "f.forecast_on"),
            "recovers": ("long", f"coalesce({_THOUSANDTHS.format('f.recovers_mw_days')}, {NO_FIGURE})"),
            "costs": ("long", f"coalesce({_THOUSANDTHS.format('f.costs_mw_days')}, {NO_FIGURE})"),
        },
        f"FROM procurement_{subject}forecast f WHERE f.current AND f.{subject}_id = ANY(%(keys)s::uuid[])"
        f" ORDER BY f.{subject}_id",
        {"keys": as_list(keys)},
    )  # fmt: skip
    return Answers(**rows)


def labels_of_lots(keys: Iterable[UUID]) -> dict[UUID, str]:
    """ORDER/LINE/SCHEDULE/LOT."""
    rows = Lot.objects.filter(pk__in=list(keys)).values_list(
        "pk", "schedule_line__line__order__number", "schedule_line__line__number", "schedule_line__number", "number"
    )
    return {key: f"{order}/{line}/{schedule}/{lot}" for key, order, line, schedule, lot in rows}


def codes_of_groups(keys: Collection[UUID]) -> dict[UUID, str]:
    with connection.cursor() as cursor:
        cursor.execute(_CODES, [as_array(keys)])
        return dict(cursor.fetchall())


def tags_of(keys: Iterable[UUID]) -> dict[UUID, str]:
    return dict(Requirement.objects.filter(pk__in=list(keys)).values_list("pk", "tag"))


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


Need = tuple[UUID, UUID, int]


def group_needs(site_id: UUID) -> list[Need]:
    """(block, group, units needed) of a site."""
    rows = GroupNeed.objects.filter(group__site_id=site_id).order_by("block_id", "group_id")
    return list(rows.values_list("block_id", "group_id", "needed_units"))


def needs_of(blocks: Iterable[UUID]) -> list[Need]:
    """As `group_needs`, of these blocks."""
    rows = GroupNeed.objects.filter(block__in=list(blocks)).order_by("block_id", "group_id")
    return list(rows.values_list("block_id", "group_id", "needed_units"))


# Arrays keep it by the indexes, a block and a group at a time: joined, the needs of all sites are read.
_AROUND = """
WITH mine AS MATERIALIZED (
    SELECT DISTINCT group_id FROM procurement_groupneed WHERE block_id = ANY(%(blocks)s::uuid[])
), lots AS MATERIALIZED (
    SELECT DISTINCT a.lot_id FROM mine JOIN procurement_requirement r USING (group_id)
    JOIN procurement_allocation a ON a.requirement_id = r.id AND a.ended_at IS NULL
    WHERE r.cancelled_at IS NULL
), further AS MATERIALIZED (
    SELECT group_id FROM mine UNION
    SELECT r.group_id FROM lots JOIN procurement_allocation a ON a.lot_id = lots.lot_id AND a.ended_at IS NULL
    JOIN procurement_requirement r ON r.id = a.requirement_id
)
SELECT block_id, group_id, needed_units FROM procurement_groupneed
WHERE block_id = ANY(%(blocks)s::uuid[] || ARRAY(
    SELECT block_id FROM procurement_groupneed WHERE group_id = ANY(ARRAY(SELECT group_id FROM further))
))
ORDER BY block_id, group_id
"""


_CODES = f"SELECT id, code FROM {RedundancyGroup._meta.db_table} WHERE id = ANY(%s::uuid[])"  # noqa: S608


def needs_around(blocks: Iterable[UUID]) -> list[Need]:
    """As `group_needs`, of these blocks and of every block that a lot for one of their groups serves besides."""
    with connection.cursor() as cursor:
        cursor.execute(_AROUND, {"blocks": as_array(blocks)})
        return list(cursor.fetchall())


_BLOCK = Whole(Block, "b")
_BLOCKS = f"""
SELECT {_BLOCK.columns} FROM {Block._meta.db_table} b
WHERE b.phase_id IN (SELECT id FROM {Phase._meta.db_table} WHERE site_id = %(site)s) {{only}}
ORDER BY b.id FOR UPDATE OF b
"""  # noqa: S608
_SERVED = f"""AND (
    b.id = ANY(%(blocks)s::uuid[])
    OR b.id = ANY(ARRAY(SELECT block_id FROM {GroupNeed._meta.db_table} WHERE group_id = ANY(%(groups)s::uuid[])))
)"""  # noqa: S608


def locked_blocks_of(
    site_id: UUID, blocks: Iterable[UUID] | None = None, groups: Keys | None = None
) -> dict[UUID, Block]:
    """The blocks of a site, or those of them that are named or need one of these groups, locked in the order of their
    keys.
    """
    values: dict[str, Any] = {"site": site_id}
    if blocks is not None and groups is not None:
        values |= {"blocks": as_array(blocks), "groups": as_list(groups)}
    found = whole_rows(_BLOCKS.format(only=_SERVED if len(values) > 1 else ""), values, _BLOCK)
    return {block.pk: block for (block,) in found}


def schedule_rfs_dates(blocks: Iterable[Block]) -> dict[UUID, date | None]:
    """The RFS date of the site's schedule per block: its RFS gate's, else the plan kept on the block."""
    known = list(blocks)
    from_gates: dict[UUID, date] = {}
    for block_id, gate in gate_dates_of_blocks([block.pk for block in known], GateKind.RFS):
        if gate.on is not None:
            from_gates[block_id] = max(gate.on, from_gates.get(block_id, gate.on))
    return {block.pk: from_gates.get(block.pk, block.rfs_plan_on) for block in known}


# Keys as the capacity engine names them, in hexadecimal: there may be hundreds for one unit that moves.
_HEX = "encode(uuid_send({0}), 'hex')"
_MEMBERS = f"""
SELECT {_HEX.format("r.id")}, {_HEX.format("r.group_id")}, f.ready_on, f.ready_at_ros_on,
    {_HEX.format("f.schedule_line_id")}
FROM {Requirement._meta.db_table} r
LEFT JOIN {RequirementForecast._meta.db_table} f ON f.requirement_id = r.id AND f.current
WHERE r.group_id = ANY(%s::uuid[]) AND r.cancelled_at IS NULL
"""  # noqa: S608
Member = tuple[str, str, date | None, date | None, str | None]


def members_of(groups: Collection[UUID]) -> list[Member]:
    """The live requirements of these groups, each with its group, when it is ready and would be at its ROS as last
    answered (None where it never was), and its schedule line (None where unordered). One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, [as_array(groups)])
        return list(cursor.fetchall())


def requirements_in_groups(groups: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """(requirement, group) of the live requirements of these groups."""
    rows = Requirement.objects.filter(among("group", groups), cancelled_at__isnull=True).order_by("pk")
    return list(rows.annotate(in_group=F("group_id")).values_list("pk", "in_group"))
