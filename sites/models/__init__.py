from sites.models.calendar import Closure, WorkCalendar
from sites.models.chain import Baseline, Chain, Milestone, MilestoneRound, Promise, PromiseRetraction
from sites.models.gate import Gate
from sites.models.membership import Absence, Assignment, Membership, PersonCalendar
from sites.models.phase import Block, Phase
from sites.models.power import GridConnection, LoadStep, PowerPurchaseAgreement, PpaShare
from sites.models.schedule import Activity, ActivityLink, ScheduleRevision
from sites.models.site import Desk, Site

__all__ = [
    "Absence",
    "Activity",
    "ActivityLink",
    "Assignment",
    "Baseline",
    "Block",
    "Chain",
    "Closure",
    "Desk",
    "Gate",
    "GridConnection",
    "LoadStep",
    "Membership",
    "Milestone",
    "MilestoneRound",
    "PersonCalendar",
    "Phase",
    "PowerPurchaseAgreement",
    "PpaShare",
    "Promise",
    "PromiseRetraction",
    "ScheduleRevision",
    "Site",
    "WorkCalendar",
]
