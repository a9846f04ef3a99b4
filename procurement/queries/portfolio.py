"""All sites at a glance: capacity, the dates it hangs on, and what stands in the way. A fixed number of queries."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Min, Q

from procurement.models import Alert, ChainForecast, LogLine, Requirement, RequirementForecast
from procurement.queries.block import BlockRow, block_rows
from procurement.queries.log import Shown
from procurement.queries.steps import date_state
from procurement.vocabulary import DateState
from sites.accounts.models import User
from sites.models import Gate, GridConnection, Site
from sites.vocabulary import GateKind


@dataclass(frozen=True, slots=True)
class BlockLine:
    """A block with its dates. `days_later` is RFS forecast minus baseline, None where one of them is not known."""

    name: str
    baseline_on: date | None
    forecast_on: date | None
    days_later: int | None
    is_done: bool


@dataclass(frozen=True, slots=True)
class Energisation:
    """The next power that is still to come. `days_later` is against the utility's target, None without one."""

    name: str
    forecast_on: date
    days_later: int | None


@dataclass(frozen=True, slots=True)
class SiteLine:
    """`block` is the one whose RFS slips most, else the next one due; None where the site has no blocks.

    `worst_float_days` is over open lots and what is not ordered; None where no float is known.
    """

    site: Site
    it_mw: Decimal
    block: BlockLine | None
    late_blocks: int
    worst_float_days: int | None
    late_lines: int
    past_order_by: int
    open_alerts: int
    energisation: Energisation | None
    mw_days_at_risk: Decimal
    state: DateState


@dataclass(frozen=True, slots=True)
class PortfolioTotals:
    sites: int
    it_mw: Decimal
    late_lines: int
    past_order_by: int
    open_alerts: int
    mw_days_at_risk: Decimal


@dataclass(frozen=True, slots=True)
class Portfolio:
    """`blocks` are those of all its sites."""

    sites: tuple[SiteLine, ...]
    totals: PortfolioTotals
    blocks: tuple[BlockRow, ...]


def portfolio(actor: User) -> Portfolio:
    """Sites with trouble first: megawatt-days at risk, then the worst float, then the code."""
    sites = list(Site.objects.visible_to(actor).select_related("desk").order_by("code"))
    keys = [site.pk for site in sites]
    blocks = block_rows(actor)
    blocks_of: dict[UUID, list[BlockRow]] = defaultdict(list)
    for row in blocks:
        blocks_of[row.block.phase.site_id].append(row)
    ordered = _ordered(keys)
    unordered = _unordered(keys)
    alerts = _alerts(actor)
    power = _energisations(keys)
    lines = []
    for site in sites:
        mine = blocks_of[site.pk]
        late, ordered_float = ordered.get(site.pk, (0, None))
        worst = min((days for days in (ordered_float, unordered[site.pk][1]) if days is not None), default=None)
        lines.append(
            SiteLine(
                site=site,
                it_mw=sum((each.block.it_mw for each in mine), Decimal(0)),
                block=_shown(mine),
                late_blocks=sum(1 for each in mine if (each.days_later or 0) > 0),
                worst_float_days=worst,
                late_lines=late,
                past_order_by=unordered[site.pk][0],
                open_alerts=alerts.get(site.pk, 0),
                energisation=power.get(site.pk),
                mw_days_at_risk=sum((each.mw_days_at_risk or Decimal(0) for each in mine), Decimal(0)),
                state=date_state(is_cancelled=False, is_delivered=False, has_forecast=bool(mine), float_days=worst),
            )
        )
    lines.sort(key=_trouble)
    totals = PortfolioTotals(
        sites=len(lines),
        it_mw=sum((line.it_mw for line in lines), Decimal(0)),
        late_lines=sum(line.late_lines for line in lines),
        past_order_by=sum(line.past_order_by for line in lines),
        open_alerts=sum(line.open_alerts for line in lines),
        mw_days_at_risk=sum((line.mw_days_at_risk for line in lines), Decimal(0)),
    )
    return Portfolio(tuple(lines), totals, blocks)


def _trouble(line: SiteLine) -> tuple[Decimal, float, str]:
    worst = float("inf") if line.worst_float_days is None else line.worst_float_days
    return -line.mw_days_at_risk, worst, line.site.code


def _shown(blocks: Collection[BlockRow]) -> BlockLine | None:
    lines = [
        BlockLine(
            f"{row.block.phase.code} {row.block.code}",
            row.baseline_on,
            row.forecast_on,
            row.days_later,
            row.block.rfs_actual_on is not None,
        )
        for row in sorted(blocks, key=lambda row: (row.block.phase.code, row.block.code))
    ]
    shown = [line for line in lines if not line.is_done] or lines
    if not shown:
        return None
    latest = max(shown, key=lambda line: line.days_later or 0)
    if (latest.days_later or 0) > 0:
        return latest
    return min(shown, key=lambda line: line.baseline_on or date.max)


def _ordered(site_ids: Collection[UUID]) -> dict[UUID | None, tuple[int, int | None]]:
    """Per site, of the lines still to come: how many are late, as the log shows, and the worst float."""
    rows = LogLine.objects.filter(shown=Shown.OPEN, site__in=site_ids).values("site")
    counted = rows.annotate(late=Count("is_late", filter=Q(is_late=True)), worst=Min("float_days"))
    return {site: (late, worst) for site, late, worst in counted.values_list("site", "late", "worst")}


def _unordered(site_ids: Collection[UUID]) -> dict[UUID, tuple[int, int | None]]:
    """Per site: how many order-by dates are past, and the worst float of what is not ordered. An answer is of the site
    of its run; those cancelled are few and looked up, the others not.
    """
    cancelled = Requirement.objects.filter(cancelled_at__isnull=False).values("pk")
    rows = (
        RequirementForecast.objects.filter(current=True, ordered=False, run__site__in=site_ids)
        .exclude(requirement__in=cancelled)
        .values("run__site")
        .annotate(past=Count("order_by_on", filter=Q(order_by_on__lt=F("as_of"))), worst=Min("float_days"))
    )
    found: dict[UUID, tuple[int, int | None]] = defaultdict(lambda: (0, None))
    found.update({row["run__site"]: (row["past"], row["worst"]) for row in rows})
    return found


def _alerts(actor: User) -> dict[UUID | None, int]:
    rows = Alert.objects.visible_to(actor).needing_action().values("site")
    return dict(rows.annotate(number=Count("*")).values_list("site", "number"))


def _energisations(site_ids: Collection[UUID]) -> dict[UUID, Energisation]:
    """Per site the next grid connection that is not energised yet; without one, the next energised gate."""
    connections = list(GridConnection.objects.filter(site__in=site_ids))
    gates = list(Gate.objects.filter(site__in=site_ids, kind=GateKind.ENERGISED))
    chains = [*(row.chain_id for row in connections), *(row.chain_id for row in gates)]
    answers = ChainForecast.objects.filter(current=True, done_on=None, forecast_on__isnull=False, chain__in=chains)
    forecasts = dict(answers.values_list("chain_id", "forecast_on"))
    next_gates: dict[UUID, tuple[date, Gate]] = {}
    for gate in gates:
        on = forecasts.get(gate.chain_id)
        if on is not None and (gate.site_id not in next_gates or on < next_gates[gate.site_id][0]):
            next_gates[gate.site_id] = on, gate
    found = {site_id: Energisation(str(gate), on, None) for site_id, (on, gate) in next_gates.items()}
    of_connections: dict[UUID, Energisation] = {}
    for connection in connections:
        on, site_id = forecasts.get(connection.chain_id), connection.site_id
        if on is not None and (site_id not in of_connections or on < of_connections[site_id].forecast_on):
            target_on = connection.energisation_target_on
            of_connections[site_id] = Energisation(connection.name, on, (on - target_on).days if target_on else None)
    return found | of_connections
