from sites.models.agreement_terms import (
    AgreementDocument,
    AgreementNotice,
    ConditionPrecedent,
    CreditSupport,
    DamagesBand,
    DelayDamages,
)
from sites.models.calendar import Closure, WorkCalendar
from sites.models.chain import Baseline, Chain, Milestone, MilestoneRound, Promise, PromiseRetraction
from sites.models.gate import Gate
from sites.models.grid import GridCapacityStep, GridConnection, LoadStep, NetworkWorks
from sites.models.membership import Absence, Assignment, Membership, PersonCalendar
from sites.models.phase import Block, Phase
from sites.models.power import PowerPurchaseAgreement, PpaShare, PpaShareStep, SpotPrice
from sites.models.schedule import (
    Activity,
    ActivityLink,
    AnchorRule,
    ScheduleBaselineActivity,
    ScheduleCalendar,
    ScheduleDecision,
    ScheduleDocument,
    ScheduleRevision,
    ScheduleWbs,
)
from sites.models.site import Desk, Site

__all__ = [
    "Absence",
    "Activity",
    "ActivityLink",
    "AgreementDocument",
    "AgreementNotice",
    "AnchorRule",
    "Assignment",
    "Baseline",
    "Block",
    "Chain",
    "Closure",
    "ConditionPrecedent",
    "CreditSupport",
    "DamagesBand",
    "DelayDamages",
    "Desk",
    "Gate",
    "GridCapacityStep",
    "GridConnection",
    "LoadStep",
    "Membership",
    "Milestone",
    "MilestoneRound",
    "NetworkWorks",
    "PersonCalendar",
    "Phase",
    "PowerPurchaseAgreement",
    "PpaShare",
    "PpaShareStep",
    "Promise",
    "PromiseRetraction",
    "ScheduleBaselineActivity",
    "ScheduleCalendar",
    "ScheduleDecision",
    "ScheduleDocument",
    "ScheduleRevision",
    "ScheduleWbs",
    "Site",
    "SpotPrice",
    "WorkCalendar",
]
