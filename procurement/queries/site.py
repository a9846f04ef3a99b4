"""One site: its blocks, what threatens their ready-for-service dates, its gates, its power and its people."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Q

from procurement.models import (
    Allocation,
    BlockForecast,
    ChainForecast,
    Company,
    EquipmentClass,
    LotForecast,
    OrderLine,
    PurchaseOrder,
    RequirementForecast,
)
from procurement.queries.redundancy import Weight, holding_up, weight
from procurement.queries.steps import Step, date_state, read_step
from procurement.vocabulary import DateState
from sites.accounts.permissions import Role
from sites.models import Assignment, Block, Gate, GridConnection, Membership, PpaShare, Site
from sites.queries.anchors import gate_dates
from sites.vocabulary import AssignmentScope, ScopeKind

MOST_THREATS = 15


@dataclass(frozen=True, slots=True)
class BlockView:
    """Null dates are not known. `groups` are (code, units, needed, can carry, redundant) as text dates or None."""

    block: Block
    answer: BlockForecast | None
    days_later: int | None


@dataclass(frozen=True, slots=True)
class Threat:
    """One line (or requirement that nothing is ordered for) that is late or holds capacity up.

    `weight` says whether redundancy holds or several late units hold a block up together; None: it counts alone.
    """

    line_key: UUID | None
    requirement_key: UUID | None
    label: str
    tags: str
    equipment_class: str
    vendor: str
    required_on_site: date | None
    forecast_on: date | None
    float_days: int | None
    recovers_mw_days: Decimal | None
    costs_mw_days: Decimal | None
    why: Step | None
    state: DateState
    weight: Weight | None


@dataclass(frozen=True, slots=True)
class GateView:
    gate: Gate
    on: date | None
    is_actual: bool
    is_lost: bool
    forecast_on: date | None
    slip_days: int | None


@dataclass(frozen=True, slots=True)
class GridView:
    connection: GridConnection
    answer: ChainForecast | None
    days_later: int | None


@dataclass(frozen=True, slots=True)
class Duty:
    """`about` names what the duty is limited to; empty for the whole site."""

    person: str
    role: str
    about: str


@dataclass(frozen=True, slots=True)
class SiteView:
    site: Site
    blocks: tuple[BlockView, ...]
    threats: tuple[Threat, ...]
    gates: tuple[GateView, ...]
    grid: tuple[GridView, ...]
    shares: tuple[PpaShare, ...]
    duties: tuple[Duty, ...]
    members: tuple[Membership, ...]
    it_mw: Decimal
    mw_days_at_risk: Decimal


def site_view(site: Site) -> SiteView:
    """For somebody who may see the site; the caller asked at the door."""
    blocks = blocks_of(site)
    return SiteView(
        site=site,
        blocks=blocks,
        threats=_threats(site),
        gates=_gates(site),
        grid=_grid(site),
        shares=tuple(
            PpaShare.objects.filter(site=site).select_related("agreement").order_by("agreement__code", "from_on")
        ),
        duties=_duties(site),
        members=tuple(
            Membership.objects.filter(
                Q(scope=ScopeKind.PORTFOLIO) | Q(desk=site.desk_id) | Q(site=site), person__is_active=True
            )
            .exclude(role=Role.ERP_CLIENT)
            .select_related("person", "desk")
            .order_by("role", "person__name")
        ),
        it_mw=sum((each.block.it_mw for each in blocks), Decimal(0)),
        mw_days_at_risk=sum(
            ((each.answer.mw_days_at_risk if each.answer else None) or Decimal(0) for each in blocks), Decimal(0)
        ),
    )


def blocks_of(site: Site) -> tuple[BlockView, ...]:
    """Two queries."""
    answers = {row.block_id: row for row in BlockForecast.objects.filter(current=True, block__phase__site=site)}
    views = []
    for block in Block.objects.filter(phase__site=site).select_related("phase").order_by("phase__code", "code"):
        answer = answers.get(block.pk)
        on = block.rfs_actual_on or (answer.rfs_forecast_on if answer else None)
        later = (on - block.rfs_baseline_on).days if on and block.rfs_baseline_on else None
        views.append(BlockView(block, answer, later))
    return tuple(views)


def _rank(threat: Threat) -> tuple[Decimal, Decimal, float, str]:
    """Recovers, then costs, then float: the order in which acting helps."""
    return (
        -(threat.recovers_mw_days or Decimal(0)),
        -(threat.costs_mw_days or Decimal(0)),
        float("inf") if threat.float_days is None else threat.float_days,
        threat.label,
    )


def _threats(site: Site) -> tuple[Threat, ...]:
    up = holding_up([site.pk])
    found = [*_late_lines(site, up), *_late_unordered(site, up)]
    return tuple(sorted(found, key=_rank)[:MOST_THREATS])


_HURTS = Q(float_days__lt=0) | Q(costs_mw_days__gt=0) | Q(recovers_mw_days__gt=0)


def _late_lines(site: Site, up: dict[str, list[str]]) -> list[Threat]:
    """One a schedule line: the figures are the line's, the dates those of its latest lot."""
    rows = (
        LotForecast.objects.filter(_HURTS, current=True, delivered_on__isnull=True, lot__schedule_line__site=site)
        .select_related("lot__schedule_line__line__order__seller", "lot__schedule_line__line__equipment_class")
        .order_by(
            F("recovers_mw_days").desc(nulls_last=True),
            F("costs_mw_days").desc(nulls_last=True),
            "float_days",
            "-forecast_on",
        )[: 4 * MOST_THREATS]
    )
    first: dict[UUID, LotForecast] = {}
    for row in rows:
        first.setdefault(row.lot.schedule_line_id, row)
    served = _served(first.keys())
    threats = []
    for key, row in first.items():
        line = row.lot.schedule_line
        mine = served[key]
        threats.append(
            Threat(
                line_key=key,
                requirement_key=None,
                label=str(line),
                tags=_some([tag for tag, _ in mine]),
                equipment_class=line.line.equipment_class.name,
                vendor=line.line.order.seller.name,
                required_on_site=row.required_on_site,
                forecast_on=row.forecast_on,
                float_days=row.float_days,
                recovers_mw_days=row.recovers_mw_days,
                costs_mw_days=row.costs_mw_days,
                why=next((read_step(step) for step in row.steps if step["code"] == row.driver_code), None),
                state=_state(row.float_days),
                weight=weight(
                    float_days=row.float_days,
                    costs=row.costs_mw_days,
                    groups=[code for _, code in mine if code],
                    up=up,
                    site_id=site.pk,
                ),
            )
        )
    return threats


def _state(float_days: int | None) -> DateState:
    return date_state(is_cancelled=False, is_delivered=False, has_forecast=True, float_days=float_days)


def _served(line_keys: Collection[UUID]) -> dict[UUID, list[tuple[str, str | None]]]:
    """Per schedule line the tags it serves, each with the code of its group."""
    found: dict[UUID, list[tuple[str, str | None]]] = defaultdict(list)
    rows = Allocation.objects.filter(lot__schedule_line__in=line_keys, ended_at__isnull=True)
    for key, tag, group in rows.order_by("requirement__tag").values_list(
        "lot__schedule_line", "requirement__tag", "requirement__group__code"
    ):
        found[key].append((tag, group))
    return found


def _some(tags: Iterable[str]) -> str:
    known = list(dict.fromkeys(tags))
    return ", ".join(known[:4]) + (f" +{len(known) - 4}" if len(known) > 4 else "")


def _late_unordered(site: Site, up: dict[str, list[str]]) -> list[Threat]:
    rows = (
        RequirementForecast.objects.filter(
            _HURTS, current=True, ordered=False, requirement__site=site, requirement__cancelled_at__isnull=True
        )
        .select_related("requirement__equipment_class", "requirement__group")
        .order_by(F("recovers_mw_days").desc(nulls_last=True), F("costs_mw_days").desc(nulls_last=True), "float_days")[
            :MOST_THREATS
        ]
    )
    return [
        Threat(
            line_key=None,
            requirement_key=row.requirement_id,
            label=row.requirement.tag,
            tags=row.requirement.description,
            equipment_class=row.requirement.equipment_class.name,
            vendor="",
            required_on_site=row.required_on_site,
            forecast_on=row.forecast_on,
            float_days=row.float_days,
            recovers_mw_days=row.recovers_mw_days,
            costs_mw_days=row.costs_mw_days,
            why=None,
            state=_state(row.float_days),
            weight=weight(
                float_days=row.float_days,
                costs=row.costs_mw_days,
                groups=[row.requirement.group.code] if row.requirement.group else [],
                up=up,
                site_id=site.pk,
            ),
        )
        for row in rows
    ]


def _gates(site: Site) -> tuple[GateView, ...]:
    gates = list(Gate.objects.filter(site=site).select_related("phase", "block").order_by("pk"))
    dates = gate_dates(gate.pk for gate in gates)
    answers = {row.chain_id: row for row in ChainForecast.objects.filter(current=True, chain__gate__in=gates)}
    views = []
    for gate in gates:
        known, answer = dates[gate.pk], answers.get(gate.chain_id)
        views.append(
            GateView(
                gate,
                known.on,
                known.is_actual,
                known.is_lost,
                answer.forecast_on if answer else None,
                answer.slip_days if answer else None,
            )
        )
    return tuple(sorted(views, key=lambda view: (view.on or view.forecast_on or date.max, str(view.gate))))


def _grid(site: Site) -> tuple[GridView, ...]:
    connections = list(GridConnection.objects.filter(site=site).order_by("name"))
    answers = {
        row.chain_id: row for row in ChainForecast.objects.filter(current=True, chain__grid_connection__in=connections)
    }
    return tuple(
        GridView(row, answers.get(row.chain_id), _later(row, answers.get(row.chain_id))) for row in connections
    )


def _later(connection: GridConnection, answer: ChainForecast | None) -> int | None:
    if answer is None or answer.forecast_on is None or connection.energisation_target_on is None:
        return None
    return (answer.forecast_on - connection.energisation_target_on).days


def _duties(site: Site) -> tuple[Duty, ...]:
    """Who answers for what here; the names of classes, companies, orders and lines in one query each."""
    rows = list(
        Assignment.objects.filter(Q(site=site) | Q(site__isnull=True), person__is_active=True)
        .select_related("person")
        .order_by("role", "person__name")
    )
    named: dict[str, list[UUID]] = defaultdict(list)
    for row in rows:
        if row.subject_id is not None:
            named[row.scope].append(row.subject_id)
    names: dict[UUID, str] = {}
    names |= {row.pk: row.name for row in EquipmentClass.objects.filter(pk__in=named[AssignmentScope.EQUIPMENT_CLASS])}
    names |= {row.pk: row.name for row in Company.objects.filter(pk__in=named[AssignmentScope.COMPANY])}
    names |= {row.pk: row.number for row in PurchaseOrder.objects.filter(pk__in=named[AssignmentScope.ORDER])}
    lines = OrderLine.objects.filter(pk__in=named[AssignmentScope.ORDER_LINE]).select_related("order")
    names |= {row.pk: str(row) for row in lines}
    return tuple(
        Duty(
            row.person.name,
            str(row.get_role_display()),
            str(row.get_discipline_display())
            if row.scope == AssignmentScope.DISCIPLINE
            else names.get(row.subject_id, "")
            if row.subject_id
            else "",
        )
        for row in rows
    )
