"""What late deliveries do to the ready-for-service dates of a site through its own schedule.

Only requirements forecast later than they are required move anything; where there are none, no network is made.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, QuerySet

from procurement.models import RequirementForecast, RosAnchor
from sites.domain.network_answer import Calculation
from sites.domain.schedule_impact import Impacts, Late, Point, Way
from sites.domain.schedule_network import key_of
from sites.models import Block, Gate
from sites.queries.among import among
from sites.queries.anchors import ActivityKey, activity_dates
from sites.queries.chains import calendar_of_site
from sites.queries.site_network import SiteNetwork, of_project, site_networks
from sites.vocabulary import ActivityEdge, ActivityStatus, DurationBasis, GateKind

# More would keep a page waiting; the latest against their float come first.
MOST_FOLLOWED = 30


@dataclass(frozen=True, slots=True)
class Delivery:
    """A requirement that comes later than an activity needs it. `line_key` is null where nothing is ordered."""

    requirement_id: UUID
    tag: str
    equipment_class: str
    line_key: UUID | None
    forecast_on: date
    available_on: date
    anchors: tuple[Late, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """The RFS gate of a block by the activity it follows. `stands_on` is the date in the accepted schedule."""

    block: Block
    gate: Gate
    point: Point
    project_code: str
    stands_on: date


@dataclass(frozen=True, slots=True)
class PathRow:
    """One activity of the path. Floats in days of eight hours of its own calendar, towards RFS."""

    project_code: str
    code: str
    name: str
    start_before: date
    finish_before: date
    start_after: date
    finish_after: date
    float_days_before: Decimal | None
    float_days_after: Decimal | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What one delivery alone does to one block. `path` runs from its anchor to RFS; empty where it leads nowhere."""

    delivery: Delivery
    target: Target
    days_later: int
    mw_days: Decimal
    path: tuple[PathRow, ...]

    @property
    def rfs_before_on(self) -> date:
        return self.target.stands_on

    @property
    def rfs_after_on(self) -> date:
        return date.fromordinal(self.target.stands_on.toordinal() + self.days_later)

    @property
    def float_days_before(self) -> Decimal | None:
        return self.path[0].float_days_before if self.path else None

    @property
    def float_days_after(self) -> Decimal | None:
        return self.path[0].float_days_after if self.path else None


@dataclass(frozen=True, slots=True)
class Impact:
    """`has_schedule` is whether an RFS gate of these blocks follows an activity at all; else the gates' own dates
    decide. `why_not` says why a schedule cannot be calculated, `not_followed` what of it is not, and `left_out` how
    many less late pairs of a delivery and a block were not followed."""

    has_schedule: bool
    effects: tuple[Effect, ...]
    why_not: tuple[str, ...]
    not_followed: tuple[str, ...]
    left_out: int = 0

    def worst(self, block_id: UUID) -> Effect | None:
        """Together the deliveries do what the worst of them does."""
        mine = [each for each in self.effects if each.target.block.pk == block_id and each.days_later > 0]
        return max(mine, key=lambda each: each.days_later, default=None)


def impact_on_blocks(site_id: UUID, blocks: Collection[Block]) -> Impact:
    """What every late delivery of the site does to these blocks, the worst first."""
    return _impact(site_id, blocks, None)


def impact_of_requirements(site_id: UUID, requirements: Collection[UUID]) -> Impact:
    """What these requirements alone do to the blocks of their site."""
    blocks = list(Block.objects.filter(phase__site=site_id).select_related("phase").order_by("phase__code", "code"))
    return _impact(site_id, blocks, requirements)


def _impact(site_id: UUID, blocks: Collection[Block], only: Collection[UUID] | None) -> Impact:
    gates = _rfs_gates(blocks)
    if not gates:
        return Impact(False, (), (), ())
    deliveries = _late_deliveries(site_id, only)
    if not deliveries:
        return Impact(True, (), (), ())
    networks = site_networks(site_id)
    targets = _targets(site_id, gates, networks)
    found: list[Effect] = []
    left_out = 0
    for network in networks:
        if network.calculation is not None:
            mine = [target for target in targets if target.project_code in network.projects]
            effects, more = _effects(network, network.calculation, deliveries, mine)
            found += effects
            left_out += more
    used = [each for gate in gates if (each := of_project(networks, gate.project_code)) is not None]
    return Impact(
        has_schedule=True,
        effects=tuple(sorted(found, key=lambda each: (-each.days_later, -each.mw_days, each.delivery.tag))),
        why_not=tuple(dict.fromkeys(each.why_not for each in used if each.why_not)),
        not_followed=tuple(dict.fromkeys(note for each in used for note in each.not_followed)),
        left_out=left_out,
    )


def _rfs_gates(blocks: Collection[Block]) -> list[Gate]:
    """Of blocks that are not in service yet."""
    wanted = [block.pk for block in blocks if block.rfs_actual_on is None]
    rows = Gate.objects.filter(block__in=wanted, kind=GateKind.RFS).exclude(activity_code="")
    return list(rows.select_related("block__phase").order_by("pk"))


def _targets(site_id: UUID, gates: list[Gate], networks: tuple[SiteNetwork, ...]) -> list[Target]:
    """The gates whose activity stands in a network and is not done. One query."""
    stand = activity_dates(
        site_id, (ActivityKey(gate.project_code, gate.activity_code, gate.activity_edge) for gate in gates)
    )
    found = []
    for gate in gates:
        network = of_project(networks, gate.project_code)
        key = key_of(gate.project_code, gate.activity_code)
        on = stand.get(ActivityKey(gate.project_code, gate.activity_code, gate.activity_edge))
        if gate.block is None or on is None or network is None or network.calculation is None:
            continue
        plan = network.calculation.plan
        if key in plan.place and plan.tasks[plan.place[key]].status is not ActivityStatus.COMPLETED:
            found.append(Target(gate.block, gate, Point(key, ActivityEdge(gate.activity_edge)), gate.project_code, on))
    return found


def _late_deliveries(site_id: UUID, only: Collection[UUID] | None) -> list[Delivery]:
    """Those that hang on an activity, in plain values: a large site has thousands that are late. Three queries."""
    late = RequirementForecast.objects.filter(
        current=True,
        float_days__lt=0,
        requirement__site=site_id,
        requirement__cancelled_at__isnull=True,
        forecast_on__isnull=False,
    )
    if only is not None:
        late = late.filter(requirement__in=only)
    anchors = _anchors(late)
    if not anchors:
        return []
    calendar = calendar_of_site(site_id)
    rows = late.filter(among("requirement", anchors)).order_by("requirement__tag", "requirement")
    found = []
    for key, tag, of_class, line, forecast, days, basis in rows.values_list(
        "requirement", "requirement__tag", "requirement__equipment_class__name", "schedule_line", "forecast_on",
        "requirement__shake_out_days", "requirement__shake_out_basis",
    ):  # fmt: skip
        assert forecast is not None  # by the filter
        available = calendar.forward(forecast, days, DurationBasis(basis))
        points = tuple(Late(point, available) for point in anchors[key])
        found.append(Delivery(key, tag, of_class, line, forecast, available, points))
    return found


def _anchors(late: QuerySet[RequirementForecast]) -> dict[UUID, list[Point]]:
    """The activities these requirements hang on, by themselves or through a gate that has not happened."""
    rows = RosAnchor.objects.filter(requirement__in=late.values("requirement"), lost_at__isnull=True).exclude(
        Q(activity_code="") & (Q(gate__isnull=True) | Q(gate__activity_code=""))
    )
    found: dict[UUID, list[Point]] = defaultdict(list)
    for key, *own_and_gate in rows.order_by("pk").values_list(
        "requirement", "project_code", "activity_code", "edge",
        "gate__project_code", "gate__activity_code", "gate__activity_edge",
    ):  # fmt: skip
        own, gate = own_and_gate[:3], own_and_gate[3:]
        project, activity, edge = gate if gate[1] else own
        found[key].append(Point(key_of(project, activity), ActivityEdge(edge)))
    return found


def _effects(
    network: SiteNetwork, calculation: Calculation, deliveries: list[Delivery], targets: list[Target]
) -> tuple[list[Effect], int]:
    """The effects, and how many pairs of a delivery and a block were not followed because so many are later."""
    impacts = Impacts(calculation)
    pairs: list[tuple[float, int, Delivery, Target, list[Late]]] = []
    for delivery in deliveries:
        late = [each for each in delivery.anchors if _counts(calculation, each)]
        for target in targets if late else ():
            leads = [(each, impacts.excess_days(each, target.point)) for each in late]
            known = [(each, excess) for each, excess in leads if excess is not None]
            if known:
                worst = max(excess for _, excess in known)
                pairs.append((-worst, len(pairs), delivery, target, [each for each, _ in known]))
    pairs.sort(key=lambda pair: pair[:2])
    found = []
    for _, _, delivery, target, late in pairs[:MOST_FOLLOWED]:
        worst_one = max(late, key=lambda each: impacts.days_later(each, target.point))
        path = tuple(_rows(impacts.way(worst_one, target.point), network.names))
        days = impacts.days_later(worst_one, target.point)
        found.append(Effect(delivery, target, days, target.block.it_mw * days, path))
    return found, max(0, len(pairs) - MOST_FOLLOWED)


def _counts(calculation: Calculation, late: Late) -> bool:
    """Whether the anchor is there, is not done, and would have what is late before it comes."""
    plan = calculation.plan
    number = plan.place.get(late.anchor.activity)
    if number is None or plan.tasks[number].status is ActivityStatus.COMPLETED:
        return False
    return late.available_on > late.anchor.on(calculation)


def _rows(found: Way, names: Mapping[str, str]) -> Iterable[PathRow]:
    for step in found.steps:
        project, _, code = step.activity.partition("\t")
        yield PathRow(
            project, code, names.get(step.activity, ""), step.start_before.date(), step.finish_before.date(),
            step.start_after.date(), step.finish_after.date(), _days(step.float_before), _days(step.float_after),
        )  # fmt: skip


def _days(minutes: int | None) -> Decimal | None:
    return None if minutes is None else round(Decimal(minutes) / 480, 1)
