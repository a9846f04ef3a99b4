"""What the alert rules are given and what they answer, as frozen values; and whom each rule tells."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from procurement.domain.alert_parameters import Parameters, RuleSettings
from procurement.vocabulary import AlertSubject, Lane, Rule, Severity
from sites.accounts.permissions import Role
from sites.domain.calendar import WorkingCalendar

RFS_HIT: Final = 10_000
NO_BAND: Final = -10_000
_CRITICAL_DAYS: Final = 14

# Whom each rule tells first; the first one names the alert, all of them may hold the duty.
TOLD: Final[dict[Rule, tuple[Role, ...]]] = {
    Rule.NO_ROS: (Role.SITE_LEAD,),
    Rule.ORDER_BY: (Role.BUYER,),
    Rule.LATE_FORECAST: (Role.BUYER, Role.EXPEDITER),
    Rule.LOW_FLOAT: (Role.EXPEDITER,),
    Rule.SLIP_GREW: (Role.EXPEDITER,),
    Rule.MILESTONE_OVERDUE: (Role.EXPEDITER,),
    Rule.VENDOR_SILENT: (Role.EXPEDITER,),
    Rule.PROMISE_TBD: (Role.EXPEDITER,),
    Rule.ROS_PULLED_FORWARD: (Role.BUYER, Role.EXPEDITER),
    Rule.ANCHOR_LOST: (Role.SITE_LEAD,),
    Rule.RFS_HIT: (Role.SITE_LEAD,),
    Rule.ENERGISATION_HIT: (Role.ENERGY_LEAD, Role.SITE_LEAD),
    Rule.COD_AFTER_ENERGISATION: (Role.ENERGY_LEAD,),
    Rule.ENERGISATION_AFTER_LOAD: (Role.ENERGY_LEAD, Role.SITE_LEAD),
    Rule.COD_NEAR_GUARANTEED: (Role.ENERGY_LEAD,),
    Rule.LONG_STOP_NEAR: (Role.ENERGY_LEAD,),
    Rule.POWER_GAP: (Role.ENERGY_LEAD,),
    Rule.SHARE_OVERLAP: (Role.ENERGY_LEAD,),
    Rule.AGREEMENT_OVERLAP: (Role.ENERGY_LEAD,),
    Rule.UNMATCHED_EXPIRY: (Role.ENERGY_LEAD,),
    Rule.CONTRACT_CLOCK: (Role.ENERGY_LEAD,),
    Rule.ERP_DISAGREEMENT: (Role.BUYER,),
}
# Looked at with the power portfolio; all others but the ERP's with their site.
POWER_RULES: Final = frozenset(
    {
        Rule.COD_AFTER_ENERGISATION,
        Rule.ENERGISATION_AFTER_LOAD,
        Rule.COD_NEAR_GUARANTEED,
        Rule.LONG_STOP_NEAR,
        Rule.POWER_GAP,
        Rule.SHARE_OVERLAP,
        Rule.AGREEMENT_OVERLAP,
        Rule.UNMATCHED_EXPIRY,
        Rule.CONTRACT_CLOCK,
    }
)
SITE_RULES: Final = frozenset(Rule) - POWER_RULES - {Rule.ERP_DISAGREEMENT}
# What a new baseline makes a new question of. A missing date or a missing order it does not touch.
BASELINED_RULES: Final = frozenset(
    {
        Rule.LATE_FORECAST,
        Rule.LOW_FLOAT,
        Rule.SLIP_GREW,
        Rule.MILESTONE_OVERDUE,
        Rule.PROMISE_TBD,
        Rule.COD_AFTER_ENERGISATION,
    }
)

# A worse alert about the same subject that says it already.
REPLACED_BY: Final[dict[Rule, Rule]] = {Rule.LOW_FLOAT: Rule.LATE_FORECAST}
# Worse by a day each day without anybody's doing, so only a crossed band is news.
DRIFTING_RULES: Final = frozenset(
    {Rule.ORDER_BY, Rule.MILESTONE_OVERDUE, Rule.VENDOR_SILENT, Rule.PROMISE_TBD, Rule.CONTRACT_CLOCK}
)

Plain = str | int | None
Subject = tuple[AlertSubject, UUID]


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """The block whose ready-for-service date suffers most from a requirement."""

    text: str
    rfs_baseline_on: date
    rfs_forecast_on: date


@dataclass(frozen=True, slots=True)
class RequirementFacts:
    """`from` dates are those of the answer before the present one, None where there is none or it was the same.

    `mw_days` is the larger of what the requirement recovers and what it costs; None where it is not known.
    `order_by_on` is None once something is ordered. `vendor`, `driver` and `slip_days` (against the contract) are those
    of the lot that decides. `pulled_from_on` is the latest required date of the last weeks; `lost_anchors` name the
    activities that have vanished from the schedule and decide the date all the same.
    """

    key: UUID
    text: str
    required_on: date | None
    class_id: UUID | None = None
    required_from_on: date | None = None
    forecast_on: date | None = None
    forecast_from_on: date | None = None
    float_days: int | None = None
    float_working_days: int | None = None
    order_by_on: date | None = None
    is_ordered: bool = False
    is_delivered: bool = False
    baseline_version: int = 0
    mw_days: Decimal | None = None
    block: BlockFacts | None = None
    vendor: str = ""
    driver: str = ""
    driver_code: str = ""
    slip_days: int | None = None
    pulled_from_on: date | None = None
    lost_anchors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LotFacts:
    """The next step of a lot that is not done. `due_on` is what was said about it last: a lock, else the deciding
    promise with the shift of its condition, else the plan, else the baseline (`due_kind` says which); None: nothing.

    `is_imprecise` is a promise of a week, third, month or quarter: `due_on` is its end. `tbd_step` is the first step
    that is not done and of which the vendor last said that it is to be decided, on `tbd_since_on`. `slip_days` is that
    of the contract step against its baseline.
    """

    key: UUID
    text: str
    step: str
    due_on: date | None
    due_kind: str = ""
    class_id: UUID | None = None
    responsible: str = ""
    is_imprecise: bool = False
    baseline_version: int = 0
    float_days: int | None = None
    float_working_days: int | None = None
    required_on: date | None = None
    forecast_on: date | None = None
    mw_days: Decimal | None = None
    vendor: str = ""
    tbd_step: str = ""
    tbd_since_on: date | None = None
    slip_days: int | None = None
    contract_forecast_on: date | None = None


@dataclass(frozen=True, slots=True)
class VendorFacts:
    """A vendor with open lots at a site. `heard_on` is the last day it said or did anything about one of them, else the
    day of its oldest open order.
    """

    key: UUID
    text: str
    heard_on: date
    open_lots: int
    late_lots: int = 0


@dataclass(frozen=True, slots=True)
class ReadyFacts:
    """A block whose ready-for-service date is forecast later than planned, and what decides it."""

    key: UUID
    text: str
    rfs_baseline_on: date
    rfs_forecast_on: date
    rfs_from_on: date | None = None
    mw_days: Decimal | None = None
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class EnergisationFacts:
    """A grid connection or energised gate that is not done: what was planned, and what is forecast."""

    kind: AlertSubject
    key: UUID
    text: str
    planned_on: date
    forecast_on: date
    from_on: date | None = None
    mw: Decimal | None = None
    baseline_version: int = 0


@dataclass(frozen=True, slots=True)
class ShareFacts:
    """A share of an agreement for one site. `energised_on` is the site's first forecast of power from the grid."""

    key: UUID
    text: str
    site_id: UUID
    calendar: WorkingCalendar
    share_mw: Decimal
    cod_on: date | None
    cod_is_actual: bool
    energised_on: date | None
    cod_from_on: date | None = None
    energised_from_on: date | None = None
    energised_by: str = ""
    baseline_version: int = 0
    seller: str = ""
    guaranteed_cod_on: date | None = None
    long_stop_on: date | None = None
    slip_days: int | None = None


@dataclass(frozen=True, slots=True)
class LostGateFacts:
    """A gate whose activity vanished from the site's schedule; its last date stands. `text` says which and where."""

    key: UUID
    text: str
    activity: str


@dataclass(frozen=True, slots=True)
class SiteFacts:
    site_id: UUID
    calendar: WorkingCalendar
    requirements: tuple[RequirementFacts, ...] = ()
    lots: tuple[LotFacts, ...] = ()
    vendors: tuple[VendorFacts, ...] = ()
    blocks: tuple[ReadyFacts, ...] = ()
    energisations: tuple[EnergisationFacts, ...] = ()
    lost_gates: tuple[LostGateFacts, ...] = ()
    settings: RuleSettings = field(default_factory=RuleSettings)
    others: frozenset[Subject] = frozenset()

    def parameters(self, rule: Rule, class_id: UUID | None = None) -> Parameters:
        return self.settings.of(rule, site_id=self.site_id, class_id=class_id)

    @property
    def baseline_versions(self) -> dict[Subject, int]:
        """What can carry an alert at all, with its newest baseline: an alert on anything else has lost its subject.

        `others` are subjects that are there but about which no rule can have anything to say.
        """
        found: dict[Subject, int] = dict.fromkeys(self.others, 0)
        found |= {(AlertSubject.REQUIREMENT, row.key): row.baseline_version for row in self.requirements}
        found |= {(AlertSubject.LOT, row.key): row.baseline_version for row in self.lots}
        found |= {(AlertSubject.COMPANY_AT_SITE, row.key): 0 for row in self.vendors}
        found |= {(AlertSubject.BLOCK, row.key): 0 for row in self.blocks}
        found |= {(AlertSubject.GATE, row.key): 0 for row in self.lost_gates}
        return found | {(row.kind, row.key): row.baseline_version for row in self.energisations}


@dataclass(frozen=True, slots=True)
class PowerFacts:
    shares: tuple[ShareFacts, ...] = ()
    settings: RuleSettings = field(default_factory=RuleSettings)

    @property
    def baseline_versions(self) -> dict[Subject, int]:
        return {(AlertSubject.AGREEMENT_SHARE, row.key): row.baseline_version for row in self.shares}


@dataclass(frozen=True, slots=True)
class StandingAlert:
    """`band` is the worst in days; `hits` are bands beside it that are told on their own (`RFS_HIT`).

    `measure_days` is how bad it is, worse is greater; None where the rule counts no days. `lingers` keeps an alert that
    stands, and raises none.
    """

    rule: Rule
    subject_kind: AlertSubject
    subject_id: UUID
    subject_text: str
    site_id: UUID | None
    baseline_version: int
    band: int
    lane: Lane
    facts: dict[str, Plain]
    hits: tuple[int, ...] = ()
    measure_days: int | None = None
    lingers: bool = False
    large_move_days: int = 7

    @property
    def told_role(self) -> Role:
        return TOLD[self.rule][0]

    @property
    def severity(self) -> Severity:
        """Critical is what costs megawatts, or threatens a date by two weeks or more."""
        if self.lane != Lane.URGENT:
            return Severity.NOTICE
        costs = self.facts.get("mw_days") not in (None, "0")
        return Severity.CRITICAL if costs or self.band >= _CRITICAL_DAYS else Severity.WARNING


@dataclass(frozen=True, slots=True)
class Look:
    """What should stand in a scope, and every subject there that can carry an alert, with its newest baseline."""

    alerts: tuple[StandingAlert, ...]
    subjects: dict[Subject, int]

    def __or__(self, other: "Look") -> "Look":
        return Look(self.alerts + other.alerts, self.subjects | other.subjects)
