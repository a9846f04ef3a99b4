"""What the alert rules of a site read, in a fixed number of queries for any number of rows.

The tables are asked for what a rule could have something to say about, by the loosest thresholds set anywhere, and for
what stands already: the rules themselves are decided by `procurement.domain.alerting` alone.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import (
    F,
    Max,
    OuterRef,
    Subquery,
    Sum,
)

from procurement.domain.alert_facts import (
    BlockFacts,
    EnergisationFacts,
    LostGateFacts,
    LotFacts,
    ReadyFacts,
    RequirementFacts,
    SiteFacts,
    VendorFacts,
)
from procurement.domain.alert_parameters import RuleSettings, Setting
from procurement.models import (
    Alert,
    AlertRuleSetting,
    Allocation,
    BlockForecast,
    ChainForecast,
    Company,
    DeliveryLot,
    EquipmentClass,
    Evaluation,
    GroupNeed,
    LotForecast,
    OrderLine,
    PurchaseOrder,
    Requirement,
    RequirementForecast,
    RosAnchor,
    ScheduleLine,
)
from procurement.vocabulary import AlertState, AlertSubject, CommercialStatus, Rule
from sites.domain.calendar import WorkingCalendar
from sites.models import Baseline, Block, Chain, Gate, GridConnection, Milestone, Phase, Promise, PromiseRetraction
from sites.queries.among import as_array
from sites.vocabulary import DurationBasis, GateKind, Party, Precision

OVER = (CommercialStatus.CANCELLED, CommercialStatus.TERMINATED)
_OUT = (CommercialStatus.ISSUED, CommercialStatus.ACKNOWLEDGED, CommercialStatus.ACK_WITH_EXCEPTIONS)
_TAGS_NAMED = 3

# The lots of which a rule might have something to say, with what was said about their next step.
_LOTS = """
SELECT l.id, m.code, m.responsible, m.locked_on, m.planned_on, s.promise_on, s.baseline_on, s.promise_id,
    {is_undecided}
FROM {forecast} f
JOIN {lot} l ON l.id = f.lot_id
JOIN {schedule} sl ON sl.id = l.schedule_line_id
LEFT JOIN {milestone} m ON m.chain_id = l.chain_id AND m.code = f.next_code AND m.actual_on IS NULL
CROSS JOIN LATERAL (
    SELECT
        (step ->> 'promise_counts_on')::date + COALESCE((step ->> 'shift_days')::int, 0) AS promise_on,
        (step ->> 'baseline_on')::date AS baseline_on,
        step ->> 'promise_id' AS promise_id
    FROM jsonb_path_query_first(f.steps, '$[*] ? (@.code == $c)', jsonb_build_object('c', f.next_code)) AS step
) s
WHERE f.current AND f.delivered_on IS NULL AND sl.site_id = %(site)s {only} AND (
    f.slip_days >= %(slip)s
    OR l.id = ANY(%(standing)s::uuid[])
    OR COALESCE(m.locked_on, s.promise_on, m.planned_on, s.baseline_on) < %(as_of)s
    OR {is_undecided}
)
ORDER BY l.id
"""
_IS_UNDECIDED = """f.steps @? '$[*].flags[*] ? (@ == "tbd")'"""

# Steps not done of which the vendor's last word, retracted and superseded ones left out, is "to be determined".
_TO_BE_DETERMINED = """
SELECT DISTINCT ON (l.id) l.id, m.code, p.stated_on
FROM {chain} c
JOIN {milestone} m ON m.chain_id = c.id AND m.actual_on IS NULL AND m.applicable
JOIN {promise} p ON p.milestone_id = m.id AND p.precision = 'tbd'
JOIN {lot} l ON l.chain_id = c.id
JOIN {forecast} f ON f.lot_id = l.id AND f.current AND f.delivered_on IS NULL
WHERE c.site_id = %(site)s {only}
  AND NOT EXISTS (SELECT FROM {retraction} r WHERE r.promise_id = p.id)
  AND NOT EXISTS (
      SELECT FROM {promise} n LEFT JOIN {retraction} r ON r.promise_id = n.id
      WHERE n.milestone_id = m.id AND r.id IS NULL AND (
          n.supersedes_id = p.id OR (n.stated_on, n.recorded_at, n.place) > (p.stated_on, p.recorded_at, p.place)
      )
  )
ORDER BY l.id, m.sequence
"""

_OPEN_VENDORS = """
SELECT o.seller_id, co.name, count(*), count(*) FILTER (WHERE f.float_days < 0), min(o.issued_on)
FROM {forecast} f
JOIN {lot} l ON l.id = f.lot_id
JOIN {schedule} sl ON sl.id = l.schedule_line_id AND sl.status <> 'cancelled'
JOIN {line} li ON li.id = sl.line_id AND li.status <> 'cancelled'
JOIN {order} o ON o.id = li.order_id AND o.commercial_status = ANY(%(out)s)
JOIN {company} co ON co.id = o.seller_id
WHERE f.current AND f.delivered_on IS NULL AND sl.site_id = %(site)s
GROUP BY o.seller_id, co.name
"""

# In the order of the fields of `KnownAlert`.
_KNOWN = """
SELECT a.id, a.rule, a.subject_kind, a.subject_id, a.subject_text, a.site_id, a.baseline_version, a.state, a.band,
    a.lane, a.severity, a.recovered_at, a.measure_days, a.told_days, jsonb_array_length(a.reversals), a.facts::text
FROM {alert} a WHERE a.state <> %(closed)s AND a.rule = ANY(%(rules)s) {only}
"""

_SETTINGS = """
SELECT rule, site_id, equipment_class_id, parameters::text FROM {setting}
WHERE %(site)s::uuid IS NULL OR site_id IS NULL OR site_id = %(site)s ORDER BY id
"""

_SERVING = """
SELECT lot_id, requirement_id FROM {allocation}
WHERE requirement_id = ANY(%(requirements)s::uuid[]) AND ended_at IS NULL ORDER BY id
"""

_TAGS = """
SELECT a.lot_id, r.tag FROM {allocation} a JOIN {requirement} r ON r.id = a.requirement_id AND r.cancelled_at IS NULL
WHERE a.lot_id = ANY(%(lots)s::uuid[]) AND a.ended_at IS NULL ORDER BY a.id
"""

_LOST_ANCHORS = """
SELECT a.requirement_id, a.activity_code, gate.activity_code FROM {anchor} a
LEFT JOIN {gate} gate ON gate.id = a.gate_id
WHERE a.lost_at IS NOT NULL AND a.requirement_id = ANY(%(requirements)s::uuid[]) ORDER BY a.id
"""

_NEEDS = "SELECT group_id, block_id FROM {need} WHERE group_id = ANY(%(groups)s::uuid[]) ORDER BY id"

_IMPRECISE = "SELECT id::text FROM {promise} WHERE id = ANY(%(promises)s::uuid[]) AND precision <> ALL(%(plain)s)"

_LATE_BLOCKS = """
SELECT f.block_id, phase.code, block.code, f.rfs_baseline_on, f.rfs_forecast_on FROM {ready} f
JOIN {block} block ON block.id = f.block_id JOIN {phase} phase ON phase.id = block.phase_id
WHERE f.current AND phase.site_id = %(site)s AND f.rfs_forecast_on > f.rfs_baseline_on
    AND (%(only)s::uuid[] IS NULL OR f.block_id = ANY(%(only)s::uuid[]))
"""

# In the order of the fields of `_Requirement`. What a rule could speak of, by the loosest threshold, and what stands.
_REQUIREMENTS = """
SELECT r.id, r.tag, r.equipment_class_id, c.name, r.block_id, r.group_id, r.required_on_site, r.ros_before_on,
    r.ros_pulled_on, f.current, f.ordered, f.forecast_on, f.float_days, f.float_working_days, f.order_by_on,
    f.recovers_mw_days, f.costs_mw_days,
    EXISTS (SELECT FROM {anchor} a WHERE a.requirement_id = r.id AND a.lost_at IS NOT NULL)
FROM {requirement} r JOIN {equipment} c ON c.id = r.equipment_class_id
LEFT JOIN {required} f ON f.requirement_id = r.id AND f.current
WHERE r.site_id = %(site)s AND r.cancelled_at IS NULL {only} AND (
    r.required_on_site IS NULL OR f.float_days < %(tight)s OR f.order_by_on <= %(near)s
    OR r.ros_pulled_on >= %(pulled_since)s OR r.id = ANY(%(standing)s::uuid[])
    OR EXISTS (SELECT FROM {anchor} a WHERE a.requirement_id = r.id AND a.lost_at IS NOT NULL)
)
ORDER BY r.id
"""

# In the order of the fields of `_Lot`.
_OPEN_LOTS = """
SELECT l.id, o.number, li.number, li.equipment_class_id, c.name, co.name, f.required_on_site, f.forecast_on,
    f.float_days, f.float_working_days, f.delivered_on, f.slip_days, f.contract_forecast_on, f.driver, f.driver_code,
    f.recovers_mw_days, f.costs_mw_days,
    coalesce((SELECT max(b.version) FROM {baseline} b WHERE b.chain_id = l.chain_id), 0)
FROM {lot} l
JOIN {schedule} sl ON sl.id = l.schedule_line_id AND sl.status <> 'cancelled'
JOIN {line} li ON li.id = sl.line_id AND li.status <> 'cancelled'
JOIN {order} o ON o.id = li.order_id AND o.commercial_status <> ALL(%(over)s)
JOIN {equipment} c ON c.id = li.equipment_class_id
JOIN {company} co ON co.id = o.seller_id
LEFT JOIN {forecast} f ON f.lot_id = l.id AND f.current
WHERE l.id = ANY(%(lots)s::uuid[])
ORDER BY l.id
"""

_LOOKED_AT = "SELECT as_of FROM {evaluation} WHERE site_id = %(site)s"

# The silent vendors whose alert ends with what was said or done lately of some lots of theirs.
_SPOKE = """
SELECT DISTINCT a.subject_id FROM {alert} a
JOIN {order} o ON o.seller_id = a.subject_id
JOIN {line} li ON li.order_id = o.id
JOIN {schedule} sl ON sl.line_id = li.id AND sl.site_id = a.site_id
JOIN {lot} l ON l.schedule_line_id = sl.id
JOIN {milestone} m ON m.chain_id = l.chain_id
WHERE a.site_id = %(site)s AND a.subject_kind = %(company)s AND a.state <> %(closed)s AND l.id = ANY(%(lots)s::uuid[])
AND (
    m.actual_recorded_at >= %(since)s AND m.responsible = %(vendor)s
    OR EXISTS (SELECT FROM {promise} p WHERE p.milestone_id = m.id AND p.stated_on >= %(since)s)
)
"""

# The forecast and the required-on-site date of the answer before the current one.
_BEFORE = """
SELECT wanted.key, earlier.forecast_on, earlier.required_on_site FROM unnest(%(keys)s::uuid[]) AS wanted(key)
CROSS JOIN LATERAL (
    SELECT f.forecast_on, f.required_on_site FROM {required} f
    WHERE f.requirement_id = wanted.key AND NOT f.current ORDER BY f.created_at DESC, f.id DESC LIMIT 1
) earlier
"""

# The chains of the site first: without fresh statistics (a bulk load) the planner else walks all promises for each lot.
_HEARD = """
WITH chains AS MATERIALIZED (
    SELECT l.chain_id, o.seller_id AS seller
    FROM {schedule} sl
    JOIN {lot} l ON l.schedule_line_id = sl.id
    JOIN {line} li ON li.id = sl.line_id
    JOIN {order} o ON o.id = li.order_id
    WHERE sl.site_id = %(site)s AND o.seller_id = ANY(%(sellers)s)
), milestones AS MATERIALIZED (
    SELECT m.id, m.actual_on, m.actual_recorded_at, m.responsible, c.seller
    FROM chains c JOIN {milestone} m ON m.chain_id = c.chain_id
)
SELECT seller, max(heard_on), bool_or(lately) FROM (
    SELECT m.seller, p.heard_on, p.heard_on >= %(since)s AS lately
    FROM milestones m CROSS JOIN LATERAL (
        SELECT max(each.stated_on) AS heard_on FROM {promise} each WHERE each.milestone_id = m.id
    ) p WHERE p.heard_on IS NOT NULL
    UNION ALL
    SELECT seller, actual_on, actual_recorded_at >= %(since)s FROM milestones
    WHERE actual_recorded_at IS NOT NULL AND responsible = %(vendor)s
) heard GROUP BY seller
"""
# What PostgreSQL writes begins without a blank, so that nothing need be skipped.
_decoded = json.JSONDecoder().raw_decode


_TABLES = {
    "alert": Alert._meta.db_table,
    "allocation": Allocation._meta.db_table,
    "anchor": RosAnchor._meta.db_table,
    "block": Block._meta.db_table,
    "phase": Phase._meta.db_table,
    "ready": BlockForecast._meta.db_table,
    "evaluation": Evaluation._meta.db_table,
    "gate": Gate._meta.db_table,
    "need": GroupNeed._meta.db_table,
    "requirement": Requirement._meta.db_table,
    "setting": AlertRuleSetting._meta.db_table,
    "baseline": Baseline._meta.db_table,
    "equipment": EquipmentClass._meta.db_table,
    "required": RequirementForecast._meta.db_table,
    "forecast": LotForecast._meta.db_table,
    "lot": DeliveryLot._meta.db_table,
    "schedule": ScheduleLine._meta.db_table,
    "line": OrderLine._meta.db_table,
    "order": PurchaseOrder._meta.db_table,
    "company": Company._meta.db_table,
    "chain": Chain._meta.db_table,
    "milestone": Milestone._meta.db_table,
    "promise": Promise._meta.db_table,
    "retraction": PromiseRetraction._meta.db_table,
}


def _rows(statement: str, values: dict[str, Any], only: str = "") -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**_TABLES, only=only), values)
        return list(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Subjects:
    """What a change can have made a rule say something else about. Energisations are few and looked at together, or not
    at all. Silence is what days bring, not a change: of vendors only those who have now spoken are concerned.
    """

    lots: frozenset[UUID]
    requirements: frozenset[UUID]
    blocks: frozenset[UUID]
    energisations: bool = False

    def by_kind(self, spoke: Collection[UUID]) -> dict[AlertSubject, Collection[UUID]]:
        """Whose alerts are concerned, among those of the site."""
        return {
            AlertSubject.LOT: self.lots,
            AlertSubject.REQUIREMENT: self.requirements,
            AlertSubject.BLOCK: self.blocks,
            AlertSubject.COMPANY_AT_SITE: spoke,
        }

    @property
    def kinds_together(self) -> tuple[AlertSubject, ...]:
        """The kinds of which all alerts of the site are concerned."""
        return (AlertSubject.GRID_CONNECTION, AlertSubject.GATE) if self.energisations else ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at on a day: all of a site, or `only` some subjects there and the silent vendors that `spoke` of
    them. Calendar and settings are the site's.
    """

    site_id: UUID
    as_of: date
    calendar: WorkingCalendar
    settings: RuleSettings
    only: Subjects | None = None
    spoke: frozenset[UUID] = frozenset()

    @property
    def of_lots(self) -> tuple[str, dict[str, Any]]:
        """For a statement that calls the lots `l`, with its values."""
        if self.only is None:
            return "", {}
        return "AND l.id = ANY(%(lots)s::uuid[])", {"lots": as_array(self.only.lots)}

    @property
    def heard_since(self) -> date:
        """Who has said something on this day or later is not silent."""
        days = self.settings.of(Rule.VENDOR_SILENT, site_id=self.site_id).working_days
        return self.calendar.back(self.as_of, max(0, days - 1), DurationBasis.WORKING)


def narrowed(scope: Scope, only: Subjects) -> Scope:
    values = {
        "lots": as_array(only.lots), "site": scope.site_id, "company": AlertSubject.COMPANY_AT_SITE.value,
        "closed": AlertState.CLOSED.value, "since": scope.heard_since, "vendor": Party.VENDOR.value,
    }  # fmt: skip
    return replace(scope, only=only, spoke=frozenset(key for (key,) in _rows(_SPOKE, values)))


def looked_at_on(site_id: UUID) -> date | None:
    """The date at the site when all of it was looked at last."""
    rows = _rows(_LOOKED_AT, {"site": site_id})
    return rows[0][0] if rows else None


@dataclass(slots=True)
class KnownAlert:
    """An alert that stands: all that is read of one of which nothing has changed. `reversals` is their number."""

    pk: UUID
    rule: str
    subject_kind: str
    subject_id: UUID
    subject_text: str
    site_id: UUID | None
    baseline_version: int
    state: str
    band: int
    lane: str
    severity: str
    recovered_at: datetime | None
    measure_days: int | None
    told_days: int | None
    reversals: int
    facts: dict[str, Any]


def known_alerts(rules: Collection[Rule], scope: Scope | None = None) -> list[KnownAlert]:
    """Those of these rules that stand: anywhere, or in a scope. No models are made of them, for there are many and few
    change.
    """
    values: dict[str, Any] = {"rules": [each.value for each in rules], "closed": AlertState.CLOSED.value}
    which = []
    if scope is not None:
        which, values["site"] = ["AND a.site_id = %(site)s"], scope.site_id
    if scope is not None and scope.only is not None:
        subjects = scope.only.by_kind(scope.spoke)
        among_those = [
            f"a.subject_kind = '{kind.value}' AND a.subject_id = ANY(%({kind.value})s::uuid[])" for kind in subjects
        ]
        among_those += [f"a.subject_kind = '{kind.value}'" for kind in scope.only.kinds_together]
        which.append(f"AND ({' OR '.join(among_those)})")
        values |= {kind.value: as_array(keys) for kind, keys in subjects.items()}
    return [KnownAlert(*(*row[:-1], _decoded(row[-1])[0])) for row in _rows(_KNOWN, values, " ".join(which))]


def rule_settings(site_id: UUID | None = None) -> RuleSettings:
    """What is set everywhere and at this site; at every site where none is named."""
    rows = _rows(_SETTINGS, {"site": site_id})
    return RuleSettings(
        Setting(Rule(rule), site, class_id, json.loads(parameters)) for rule, site, class_id, parameters in rows
    )


def site_facts(scope: Scope, alerts: Iterable[KnownAlert]) -> SiteFacts:
    """What the rules need of a scope. `alerts` are those that stand there."""
    site_id, only, settings = scope.site_id, scope.only, scope.settings
    standing: dict[str, set[UUID]] = defaultdict(set)
    for alert in alerts:
        standing[alert.subject_kind].add(alert.subject_id)
    requirements = _requirements(scope, standing[AlertSubject.REQUIREMENT])
    serving = _rows(_SERVING, {"requirements": as_array(requirements)}) if requirements else []
    said, undecided = _said_of_lots(scope, standing[AlertSubject.LOT])
    wanted = said.keys() | undecided.keys() | standing[AlertSubject.LOT]
    lots = _lots({lot for lot, _ in serving} | wanted)
    served: dict[UUID, list[str]] = defaultdict(list)
    for lot_id, tag in _tags(wanted & lots.keys()):
        served[lot_id].append(tag)
    imprecise = _imprecise(said.values())
    return SiteFacts(
        site_id=site_id,
        calendar=scope.calendar,
        requirements=_requirement_facts(scope, requirements, lots, serving),
        lots=tuple(
            _lot_facts(lots[key], said.get(key), undecided.get(key), served[key], imprecise)
            for key in sorted(wanted & lots.keys())
        ),
        vendors=tuple(_vendors(scope)),
        blocks=tuple(_blocks(scope)),
        energisations=tuple(_energisations(site_id)) if only is None or only.energisations else (),
        lost_gates=tuple(_lost_gates(site_id)) if only is None or only.energisations else (),
        settings=settings,
        others=frozenset(
            (kind, key)
            for kind in (
                AlertSubject.COMPANY_AT_SITE,
                AlertSubject.BLOCK,
                AlertSubject.GRID_CONNECTION,
                AlertSubject.GATE,
            )
            for key in standing[kind]
        ),
    )


# -- requirements ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Requirement:
    key: UUID
    tag: str
    class_id: UUID
    class_name: str
    block_id: UUID | None
    group_id: UUID | None
    required_on: date | None
    ros_before_on: date | None
    ros_pulled_on: date | None
    has_answer: bool | None
    is_ordered: bool | None
    forecast_on: date | None
    float_days: int | None
    float_working_days: int | None
    order_by_on: date | None
    recovers: Decimal | None
    costs: Decimal | None
    has_lost_anchor: bool


def _requirements(scope: Scope, standing: Collection[UUID]) -> dict[UUID, _Requirement]:
    as_of, settings = scope.as_of, scope.settings
    if scope.only is not None and not scope.only.requirements:
        return {}
    near = settings.most(Rule.ORDER_BY, "near_days") + settings.most(Rule.ORDER_BY, "hysteresis_days")
    tight = max(
        settings.most(Rule.LOW_FLOAT, "buffer_days") + settings.most(Rule.LOW_FLOAT, "hysteresis_days"),
        settings.most(Rule.LATE_FORECAST, "hysteresis_days"),
    )
    pulled_since = as_of - timedelta(days=settings.most(Rule.ROS_PULLED_FORWARD, "within_days"))
    values = {
        "site": scope.site_id, "tight": tight, "near": as_of + timedelta(days=near), "pulled_since": pulled_since,
        "standing": as_array(standing), "wanted": "{}" if scope.only is None else as_array(scope.only.requirements),
    }  # fmt: skip
    only = "" if scope.only is None else "AND r.id = ANY(%(wanted)s::uuid[])"
    found = {row[0]: _Requirement(*row) for row in _rows(_REQUIREMENTS, values, only)}
    for each in found.values():
        if each.ros_pulled_on is None or each.ros_pulled_on < as_of - timedelta(
            days=settings.of(Rule.ROS_PULLED_FORWARD, site_id=scope.site_id, class_id=each.class_id).within_days
        ):
            each.ros_before_on = None
    return found


def _requirement_facts(
    scope: Scope,
    requirements: Mapping[UUID, _Requirement],
    lots: Mapping[UUID, "_Lot"],
    serving: Iterable[tuple[Any, ...]],
) -> tuple[RequirementFacts, ...]:
    if not requirements:
        return ()
    lots_of: dict[UUID, list[_Lot]] = defaultdict(list)
    for lot_id, requirement_id in serving:
        if (lot := lots.get(lot_id)) is not None:
            lots_of[requirement_id].append(lot)
    blocks = _Blocks(requirements.values())
    late_blocks = _late_blocks(scope.site_id, None if scope.only is None else blocks.all())
    worst_block = blocks.worst(late_blocks)
    before = _answers_before([key for key, row in requirements.items() if row.float_days is not None])
    lost = _lost_anchors([key for key, row in requirements.items() if row.has_lost_anchor])
    facts = []
    for key, row in requirements.items():
        mine = lots_of.get(key, ())
        decides = mine[0] if len(mine) == 1 else max(mine, key=_forecast_on, default=None)
        forecast_before, required_before = before.get(key, (None, None))
        is_ordered = bool(row.is_ordered) if row.has_answer else bool(mine)
        facts.append(
            RequirementFacts(
                key=key,
                text=f"{decides.text if decides else row.class_name} {row.tag}"[:300],
                required_on=row.required_on,
                class_id=row.class_id,
                required_from_on=_if_other(required_before, row.required_on),
                forecast_on=row.forecast_on,
                forecast_from_on=_if_other(forecast_before, row.forecast_on),
                float_days=row.float_days,
                float_working_days=row.float_working_days,
                order_by_on=row.order_by_on,
                is_ordered=is_ordered,
                is_delivered=bool(row.has_answer and is_ordered and mine and all(lot.delivered_on for lot in mine)),
                baseline_version=max([lot.baseline_version for lot in mine], default=0),
                mw_days=_larger(row.recovers, row.costs),
                block=worst_block(row) if late_blocks else None,
                vendor=decides.vendor if decides else "",
                driver=(decides.driver or "") if decides else "",
                driver_code=(decides.driver_code or "") if decides else "",
                slip_days=decides.slip_days if decides else None,
                pulled_from_on=row.ros_before_on,
                lost_anchors=tuple(lost.get(key, ())),
            )
        )
    return tuple(facts)


class _Blocks:
    """The blocks that requirements serve: their own, and those that need their group."""

    def __init__(self, rows: Collection[_Requirement]) -> None:
        self._own = {row.block_id for row in rows if row.block_id}
        self._of_group: dict[UUID, list[UUID]] = defaultdict(list)
        groups = {row.group_id for row in rows if row.group_id}
        for group_id, block_id in _rows(_NEEDS, {"groups": as_array(groups)}) if groups else ():
            self._of_group[group_id].append(block_id)

    def all(self) -> set[UUID]:
        return self._own.union(*self._of_group.values())

    def worst(self, late: Mapping[UUID, BlockFacts]) -> Callable[[_Requirement], BlockFacts | None]:
        """Of those of a requirement that are late, the one that is most; the first of several."""
        of_group = {
            group_id: max(found, key=_days_late)
            for group_id, blocks in self._of_group.items()
            if (found := [late[key] for key in blocks if key in late])
        }

        def of(row: _Requirement) -> BlockFacts | None:
            own = late.get(row.block_id) if row.block_id else None
            shared = of_group.get(row.group_id) if row.group_id else None
            if own is None or shared is None:
                return own or shared
            return max(own, shared, key=_days_late)

        return of


def _lost_gates(site_id: UUID) -> Iterator[LostGateFacts]:
    rows = Gate.objects.filter(site=site_id, lost_at__isnull=False).select_related("phase", "block__phase")
    for gate in rows.order_by("pk"):
        block = f"{gate.block.phase.code}/{gate.block.code}" if gate.block else ""
        place = block or (gate.phase.code if gate.phase else "")
        yield LostGateFacts(gate.pk, " ".join(filter(None, (str(gate), place)))[:200], gate.activity_code)


def _lost_anchors(requirements: Collection[UUID]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    rows = _rows(_LOST_ANCHORS, {"requirements": as_array(requirements)}) if requirements else ()
    for requirement_id, code, gate_code in rows:
        found[requirement_id].append(code or gate_code or "")
    return found


def _forecast_on(lot: "_Lot") -> date:
    return lot.forecast_on or date.max


def _days_late(block: BlockFacts) -> int:
    return (block.rfs_forecast_on - block.rfs_baseline_on).days


def _larger(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _if_other(before: date | None, now: date | None) -> date | None:
    return before if before != now else None


def _answers_before(keys: list[UUID]) -> dict[UUID, tuple[date | None, date | None]]:
    """Forecast and required-on-site date of the answer before the current one, for these requirements."""
    return {
        key: (forecast_on, required_on) for key, forecast_on, required_on in _rows(_BEFORE, {"keys": as_array(keys)})
    }


# -- lots --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Lot:
    key: UUID
    order_number: str
    line_number: int
    class_id: UUID
    class_name: str
    vendor: str
    required_on: date | None
    forecast_on: date | None
    float_days: int | None
    float_working_days: int | None
    delivered_on: date | None
    slip_days: int | None
    contract_forecast_on: date | None
    driver: str | None
    driver_code: str | None
    recovers: Decimal | None
    costs: Decimal | None
    baseline_version: int

    @property
    def text(self) -> str:
        return f"PO {self.order_number}/{self.line_number} {self.class_name}"


def _lots(keys: Collection[UUID]) -> dict[UUID, _Lot]:
    """These lots, but for those of lines and orders that are over."""
    values = {"lots": as_array(keys), "over": [status.value for status in OVER]}
    return {row[0]: _Lot(*row) for row in _rows(_OPEN_LOTS, values)} if keys else {}


def _tags(lots: Collection[UUID]) -> list[tuple[Any, ...]]:
    return _rows(_TAGS, {"lots": as_array(lots)}) if lots else []


@dataclass(frozen=True, slots=True)
class _Said:
    """About the next step of a lot; `code` is None where the chain has no such step left."""

    code: str | None
    responsible: str | None
    locked_on: date | None
    planned_on: date | None
    promise_on: date | None
    baseline_on: date | None
    promise_id: str | None

    @property
    def due(self) -> tuple[date | None, str]:
        """What was said last about the step, and by which field."""
        if self.code is None:
            return None, ""
        if self.locked_on:
            return self.locked_on, "lock"
        if self.promise_on:
            return self.promise_on, "promise"
        if self.planned_on:
            return self.planned_on, "plan"
        return (self.baseline_on, "baseline") if self.baseline_on else (None, "")


def _said_of_lots(scope: Scope, standing: Collection[UUID]) -> tuple[dict[UUID, _Said], dict[UUID, tuple[str, date]]]:
    """What was said of the lots that a rule might speak of, and of which the last word is "to be determined"."""
    settings = scope.settings
    # The loosest first band there is: bands are sorted, so the least of them all is at most the first of any.
    slip = settings.least(Rule.SLIP_GREW, "bands") - settings.most(Rule.SLIP_GREW, "hysteresis_days")
    only, lots = scope.of_lots
    values = {"site": scope.site_id, "as_of": scope.as_of, "slip": slip, "standing": as_array(standing)}
    # Their forecasts know it; of a whole site it is read at once, sooner than out of the steps of all its lots.
    flagged = "FALSE" if scope.only is None else _IS_UNDECIDED
    rows = _rows(_LOTS.replace("{is_undecided}", flagged), values | lots, only)
    asks = scope.only is None or any(is_undecided for *_, is_undecided in rows)
    undecided = _rows(_TO_BE_DETERMINED, {"site": scope.site_id} | lots, only) if asks else ()
    return {key: _Said(*said) for key, *said, _ in rows}, {lot: (code, on) for lot, code, on in undecided}


def _imprecise(said: Iterable[_Said]) -> set[str]:
    """The promises among those that decide which name no single day."""
    keys = [row.promise_id for row in said if row.due[1] == "promise" and row.promise_id]
    values = {"promises": as_array(map(UUID, keys)), "plain": [Precision.DAY.value, Precision.TBD.value]}
    return {key for (key,) in _rows(_IMPRECISE, values)} if keys else set()


def _lot_facts(
    lot: _Lot, said: _Said | None, undecided: tuple[str, date] | None, tags: list[str], imprecise: Collection[str]
) -> LotFacts:
    due_on, due_kind = said.due if said and not lot.delivered_on else (None, "")
    named = ", ".join(sorted(tags)[:_TAGS_NAMED]) if len(tags) > 1 else "".join(tags)
    if len(tags) > _TAGS_NAMED:
        named += f" +{len(tags) - _TAGS_NAMED}"
    return LotFacts(
        key=lot.key,
        text=f"{lot.text} {named}".strip()[:300],
        step=(said.code or "") if said else "",
        due_on=due_on,
        due_kind=due_kind,
        class_id=lot.class_id,
        responsible=(said.responsible or "") if said else "",
        is_imprecise=bool(said and due_kind == "promise" and said.promise_id in imprecise),
        baseline_version=lot.baseline_version,
        float_days=lot.float_days,
        float_working_days=lot.float_working_days,
        required_on=lot.required_on,
        forecast_on=lot.forecast_on,
        mw_days=_larger(lot.recovers, lot.costs),
        vendor=lot.vendor,
        tbd_step=undecided[0] if undecided else "",
        tbd_since_on=undecided[1] if undecided and not lot.delivered_on else None,
        slip_days=None if lot.delivered_on else lot.slip_days,
        contract_forecast_on=lot.contract_forecast_on,
    )


# -- vendors, blocks, power --------------------------------------------------------------------------------------


def _vendors(scope: Scope) -> Iterable[VendorFacts]:
    """The vendors with open lots that have said nothing for long enough; who did is read by its own index."""
    if scope.only is not None or not scope.settings.of(Rule.VENDOR_SILENT, site_id=scope.site_id).enabled:
        return
    rows = _rows(_OPEN_VENDORS, {"site": scope.site_id, "out": [status.value for status in _OUT]})
    heard = _heard(scope, [row[0] for row in rows])
    for seller, name, lots, late, issued_on in rows:
        heard_on, lately = heard.get(seller, (None, False))
        if lately:
            continue
        heard_on = heard_on or issued_on
        if heard_on is not None:
            yield VendorFacts(seller, name, min(heard_on, scope.as_of), lots, late)


def _heard(scope: Scope, sellers: Collection[UUID]) -> dict[UUID, tuple[date, bool]]:
    """When each was heard last, and whether that was lately."""
    if not sellers:
        return {}
    values = {
        "site": scope.site_id, "vendor": Party.VENDOR.value, "since": scope.heard_since, "sellers": list(sellers)
    }  # fmt: skip
    return {seller: (heard_on, lately) for seller, heard_on, lately in _rows(_HEARD, values)}


def _late_blocks(site_id: UUID, only: Collection[UUID] | None) -> dict[UUID, BlockFacts]:
    if only is not None and not only:
        return {}
    values = {"site": site_id, "only": None if only is None else as_array(only)}
    return {
        block_id: BlockFacts(f"{phase} {block}", baseline_on, forecast_on)
        for block_id, phase, block, baseline_on, forecast_on in _rows(_LATE_BLOCKS, values)
    }


def _blocks(scope: Scope) -> Iterable[ReadyFacts]:
    if scope.only is not None and not scope.only.blocks:
        return
    lingering = timedelta(days=scope.settings.most(Rule.RFS_HIT, "hysteresis_days"))
    earlier = BlockForecast.objects.filter(block=OuterRef("block"), current=False).order_by("-created_at", "-pk")
    there = BlockForecast.objects.filter(
        current=True,
        block__phase__site_id=scope.site_id,
        block__rfs_actual_on__isnull=True,
        rfs_forecast_on__gte=F("rfs_baseline_on") - lingering,
    )
    if scope.only is not None:
        there = there.filter(block__in=list(scope.only.blocks))
    rows = (
        there.annotate(before_on=Subquery(earlier.values("rfs_forecast_on")[:1]))
        .order_by("block_id")
        .values_list(
            "block_id", "block__phase__code", "block__code", "rfs_baseline_on", "rfs_forecast_on", "before_on",
            "mw_days_at_risk", "decided_by",
        )
    )  # fmt: skip
    for key, phase, block, baseline_on, forecast_on, before_on, mw_days, decided_by in rows:
        if baseline_on is None or forecast_on is None:
            continue
        yield ReadyFacts(
            key=key,
            text=f"{phase} {block}",
            rfs_baseline_on=baseline_on,
            rfs_forecast_on=forecast_on,
            rfs_from_on=_if_other(before_on, forecast_on),
            mw_days=mw_days,
            decided_by=decided_by,
        )


def _energisations(site_id: UUID) -> Iterable[EnergisationFacts]:
    """Connections that wait for their energisation; energised gates where the site has no connection."""
    connections = list(
        GridConnection.objects.filter(site_id=site_id)
        .order_by("pk")
        .values_list("pk", "chain_id", "name", "energisation_target_on", "firm_mw", "requested_mw")
    )
    of_site = Gate.objects.filter(site_id=site_id, kind=GateKind.ENERGISED).order_by("pk")
    gates = [] if connections else list(of_site.values_list("pk", "chain_id", "name"))
    chains = [row[1] for row in connections] + [row[1] for row in gates]
    answers = _chain_answers(chains)
    versions = dict(
        Baseline.objects.filter(chain__in=chains)
        .values("chain")
        .annotate(newest=Max("version"))
        .values_list("chain", "newest")
    )
    for key, chain_id, name, target_on, firm_mw, requested_mw in connections:
        answer = answers.get(chain_id)
        planned_on = target_on or (answer.planned_on if answer else None)
        if answer and planned_on:
            yield EnergisationFacts(
                AlertSubject.GRID_CONNECTION, key, name, planned_on, answer.on, answer.from_on,
                firm_mw if firm_mw is not None else requested_mw, versions.get(chain_id, 0),
            )  # fmt: skip
    for key, chain_id, name in gates:
        answer = answers.get(chain_id)
        if answer and answer.planned_on:
            yield EnergisationFacts(
                AlertSubject.GATE, key, name or str(GateKind.ENERGISED.label), answer.planned_on, answer.on,
                answer.from_on, None, versions.get(chain_id, 0),
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _ChainAnswer:
    on: date
    from_on: date | None
    planned_on: date | None


def _chain_answers(chains: Collection[UUID]) -> dict[UUID, _ChainAnswer]:
    """Of the chains that are not done: the forecast, the one before it, and what the baseline says."""
    earlier = ChainForecast.objects.filter(chain=OuterRef("chain"), current=False).order_by("-created_at", "-pk")
    rows = (
        ChainForecast.objects.filter(current=True, chain__in=list(chains), done_on__isnull=True)
        .exclude(forecast_on__isnull=True)
        .annotate(before_on=Subquery(earlier.values("forecast_on")[:1]))
        .values_list("chain", "forecast_on", "before_on", "slip_days")
    )
    return {
        chain: _ChainAnswer(on, _if_other(before_on, on), None if slip is None else on - timedelta(days=slip))
        for chain, on, before_on, slip in rows
        if on is not None
    }


# -- what the ERP took away --------------------------------------------------------------------------------------


def units_allocated(requirements: Collection[UUID]) -> dict[UUID, Decimal]:
    """Live allocations of each, those without any left out."""
    rows = Allocation.objects.filter(requirement__in=list(requirements), ended_at__isnull=True)
    return dict(rows.values("requirement").annotate(units=Sum("quantity")).values_list("requirement", "units"))
