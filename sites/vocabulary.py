"""The words of places, dated chains and power, as stored and as shown. One word for one thing."""

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class SiteStatus(TextChoices):
    PROSPECT = "prospect", _("Prospect")
    SECURED = "secured", _("Secured")
    DESIGN = "design", _("Design")
    CONSTRUCTION = "construction", _("Construction")
    COMMISSIONING = "commissioning", _("Commissioning")
    LIVE = "live", _("Live")
    PAUSED = "paused", _("Paused")
    CANCELLED = "cancelled", _("Cancelled")


class GateKind(TextChoices):
    PERMIT = "permit", _("Permit")
    DRY_IN = "dry_in", _("Dry-in")
    MV_ROOM_READY = "mv_room_ready", _("MV room ready")
    PADS_READY = "pads_ready", _("Pads ready")
    EQUIPMENT_SET = "equipment_set", _("Equipment set")
    TEMPORARY_POWER = "temporary_power", _("Temporary power")
    ENERGISED = "energised", _("Energised")
    L2 = "l2", _("L2")
    L3 = "l3", _("L3")
    L4 = "l4", _("L4")
    L5 = "l5", _("L5 integrated systems test")
    RFS = "rfs", _("Ready for service")


class ChainKind(TextChoices):
    LOT = "lot", _("Delivery lot")
    GATE = "gate", _("Gate")
    AGREEMENT = "agreement", _("Power purchase agreement")
    GRID_CONNECTION = "grid_connection", _("Grid connection")
    NETWORK_WORKS = "network_works", _("Network works")


class PromiseSource(TextChoices):
    EMAIL = "email", _("E-mail")
    PORTAL = "portal", _("Portal")
    ERP = "erp", _("ERP")
    CALL = "call", _("Call")
    MEETING = "meeting", _("Meeting")
    FILE = "file", _("File")


class ReasonCode(TextChoices):
    DESIGN_CHANGE = "design_change", _("Design change")
    LATE_APPROVAL = "late_approval", _("Late approval")
    OWNER_INFORMATION = "owner_information", _("Owner's information")
    SUB_SUPPLIER = "sub_supplier", _("Sub-supplier")
    CAPACITY = "capacity", _("Capacity")
    QUALITY_FAIL = "quality_fail", _("Quality failure")
    TEST_FAIL = "test_fail", _("Test failure")
    LOGISTICS = "logistics", _("Logistics")
    CUSTOMS = "customs", _("Customs")
    FORCE_MAJEURE = "force_majeure", _("Force majeure")
    PAYMENT = "payment", _("Payment")
    SITE_NOT_READY = "site_not_ready", _("Site not ready")
    POWER_NOT_READY = "power_not_ready", _("Power not ready")
    DATA_ERROR = "data_error", _("Data error")
    NOT_STATED = "not_stated", _("Not stated")


class Party(TextChoices):
    VENDOR = "vendor", _("Vendor")
    OWNER = "owner", _("Owner")
    CARRIER = "carrier", _("Carrier")
    CUSTOMS = "customs", _("Customs")
    SITE = "site", _("Site")


class RoundResult(TextChoices):
    APPROVED = "approved", _("Approved")
    APPROVED_AS_NOTED = "approved_as_noted", _("Approved as noted")
    REVISE_AND_RESUBMIT = "revise_and_resubmit", _("Revise and resubmit")
    REJECTED = "rejected", _("Rejected")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")


class RevisionState(TextChoices):
    QUARANTINED = "quarantined", _("Quarantined")
    ACCEPTED = "accepted", pgettext_lazy("schedule", "Accepted")
    SUPERSEDED = "superseded", _("Superseded")
    REJECTED = "rejected", _("Rejected")
    ROLLED_BACK = "rolled_back", _("Rolled back")


class ActivityStatus(TextChoices):
    NOT_STARTED = "not_started", _("Not started")
    IN_PROGRESS = "in_progress", _("In progress")
    COMPLETED = "completed", _("Completed")


class ActivityKind(TextChoices):
    TASK = "task", _("Task")
    RESOURCE_DEPENDENT = "resource_dependent", _("Task by its resources' calendars")
    LEVEL_OF_EFFORT = "level_of_effort", _("Level of effort")
    START_MILESTONE = "start_milestone", _("Start milestone")
    FINISH_MILESTONE = "finish_milestone", _("Finish milestone")
    WBS_SUMMARY = "wbs_summary", _("WBS summary")


class ActivityEdge(TextChoices):
    START = "start", _("Start")
    FINISH = "finish", _("Finish")


class LinkKind(TextChoices):
    FINISH_START = "finish_start", _("Finish to start")
    START_START = "start_start", _("Start to start")
    FINISH_FINISH = "finish_finish", _("Finish to finish")
    START_FINISH = "start_finish", _("Start to finish")


class ConstraintKind(TextChoices):
    """What holds an activity's dates. The mandatory ones break the logic, the others bend to it."""

    START_ON = "start_on", _("Start on")
    START_ON_OR_BEFORE = "start_on_or_before", _("Start on or before")
    START_ON_OR_AFTER = "start_on_or_after", _("Start on or after")
    FINISH_ON = "finish_on", _("Finish on")
    FINISH_ON_OR_BEFORE = "finish_on_or_before", _("Finish on or before")
    FINISH_ON_OR_AFTER = "finish_on_or_after", _("Finish on or after")
    MANDATORY_START = "mandatory_start", _("Mandatory start")
    MANDATORY_FINISH = "mandatory_finish", _("Mandatory finish")
    AS_LATE_AS_POSSIBLE = "as_late_as_possible", _("As late as possible")


class LagCalendar(TextChoices):
    """Whose working time the lag of a link is counted in."""

    PREDECESSOR = "predecessor", _("The predecessor's")
    SUCCESSOR = "successor", _("The successor's")
    ROUND_THE_CLOCK = "round_the_clock", _("Round the clock")
    PROJECT = "project", _("The project's default")


class ProgressRule(TextChoices):
    """What happens to the rest of an activity that was started out of sequence."""

    RETAINED_LOGIC = "retained_logic", _("Retained logic")
    PROGRESS_OVERRIDE = "progress_override", _("Progress override")
    ACTUAL_DATES = "actual_dates", _("Actual dates")


class FloatKind(TextChoices):
    """What the total float of an activity is the difference of."""

    FINISH = "finish", _("Late finish minus early finish")
    START = "start", _("Late start minus early start")
    SMALLEST = "smallest", _("The smaller of the two")


class CriticalBy(TextChoices):
    FLOAT = "float", _("Total float")
    LONGEST_PATH = "longest_path", _("Longest path")


class PercentKind(TextChoices):
    DURATION = "duration", _("Duration")
    UNITS = "units", _("Units")
    PHYSICAL = "physical", _("Physical")


class ScheduleFormat(TextChoices):
    XER = "xer", _("Primavera P6 XER")
    PMXML = "pmxml", _("Primavera P6 XML")
    MSPDI = "mspdi", _("Microsoft Project XML")


class DecisionKind(TextChoices):
    ACCEPTED = "accepted", pgettext_lazy("schedule", "Accepted")
    REJECTED = "rejected", _("Rejected")
    ROLLED_BACK = "rolled_back", _("Rolled back")


class ScheduleAnomaly(TextChoices):
    """What stops a schedule from being accepted until someone with the right says why it is fine."""

    MASS_SHIFT = "mass_shift", _("Most activities move by the same days")
    LOST_ANCHORS = "lost_anchors", _("Activities that dates hang on are gone")
    RENUMBERED = "renumbered", _("Activities have kept their names but not their codes")
    OTHER_PROJECT = "other_project", _("It looks like another project")
    DATA_DATE_BACK = "data_date_back", _("The data date goes back")


class AnchorSubject(TextChoices):
    REQUIREMENT = "requirement", _("Requirements, by their tag")
    GATE = "gate", _("Gates, by the code of their block, phase or site")


class AnchorField(TextChoices):
    """Where in an activity an anchor rule looks for its pattern."""

    CODE = "code", _("Activity id")
    NAME = "name", _("Activity name")
    WBS = "wbs", _("WBS")
    ACTIVITY_CODE = "activity_code", _("Activity code")


class GridState(TextChoices):
    ENQUIRY = "enquiry", _("Enquiry")
    APPLIED = "applied", pgettext_lazy("grid", "Applied")
    IN_STUDY = "in_study", _("In study")
    OFFERED = "offered", _("Offered")
    SIGNED = "signed", _("Signed")
    WORKS = "works", _("Works")
    SUBSTATION_READY = "substation_ready", _("Substation ready")
    ENERGISED = "energised", _("Energised")
    CAPACITY_RELEASED = "capacity_released", _("Capacity released")


class AgreementState(TextChoices):
    SCREENING = "screening", _("Screening")
    RFP = "rfp", _("Request for proposals")
    SHORTLISTED = "shortlisted", _("Shortlisted")
    TERM_SHEET = "term_sheet", _("Term sheet")
    SIGNED = "signed", _("Signed")
    CP_MET = "cp_met", _("Conditions met")
    CONSTRUCTION = "construction", _("Construction")
    COD = "cod", _("Commercial operation")
    OPERATING = "operating", _("Operating")
    IN_DEFAULT = "in_default", _("In default")
    TERMINATED = "terminated", _("Terminated")
    EXPIRED = "expired", _("Expired")


class AgreementStructure(TextChoices):
    PHYSICAL = "physical", _("Physical, on site")
    SLEEVED = "sleeved", _("Physical, sleeved")
    VIRTUAL = "virtual", _("Virtual (contract for difference)")
    HYBRID = "hybrid", _("Hybrid")


class VolumeShape(TextChoices):
    PAY_AS_PRODUCED = "pay_as_produced", _("Pay as produced")
    PAY_AS_CONSUMED = "pay_as_consumed", _("Pay as consumed")
    BASELOAD = "baseload", _("Baseload")
    SHAPED = "shaped", _("Shaped")
    MATCHED = "matched", _("24/7 matched")


class PriceKind(TextChoices):
    FIXED = "fixed", _("Fixed")
    ESCALATING = "escalating", _("Escalating")
    INDEXED = "indexed", _("Indexed")


class EnergyUnit(TextChoices):
    MWH = "mwh", _("MWh")
    KWH = "kwh", _("kWh")


class NegativePriceRule(TextChoices):
    SETTLES = "settles", _("Settles at negative prices")
    FLOOR_ZERO = "floor_zero", _("Floor at zero")
    NO_SETTLEMENT = "no_settlement", _("No settlement below zero")


class Certificate(TextChoices):
    LGC = "lgc", _("LGC (Australia)")
    REGO_AU = "rego_au", _("REGO (Australia)")
    NFC = "nfc", _("Non-fossil certificate (Japan)")
    J_CREDIT = "j_credit", _("J-Credit (Japan)")
    GPC = "gpc", _("Green Power Certificate (Japan)")
    I_REC = "i_rec", _("I-REC")
    GO = "go", _("Guarantee of Origin (EU)")
    REGO_GB = "rego_gb", _("REGO (Great Britain)")
    REC = "rec", _("REC (US)")
    NONE = "none", _("None")


class ContractParty(TextChoices):
    SELLER = "seller", _("Seller")
    BUYER = "buyer", pgettext_lazy("power", "Buyer")
    RETAILER = "retailer", _("Sleeving retailer")
    UTILITY = "utility", _("Utility")
    SHARED = "shared", _("Shared")


class DeemedEnergy(TextChoices):
    NONE = "none", _("Not paid")
    PAID = "paid", _("Paid")
    ABOVE_ALLOWANCE = "above_allowance", _("Paid above the allowance")


class CertificateReplacement(TextChoices):
    """What the seller owes for a certificate that does not come."""

    NONE = "none", _("No duty")
    SAME_KIND = "same_kind", _("Replaced by the same kind")
    EQUIVALENT = "equivalent", _("Replaced by an equivalent")
    MARKET_PRICE = "market_price", _("Paid at the market price")


class DamagesDirection(TextChoices):
    RECEIVABLE = "receivable", _("Receivable from the seller, for a late COD")
    PAYABLE = "payable", _("Payable by the buyer, for a late connection")


class DamagesKind(TextChoices):
    PER_MW_DAY = "per_mw_day", _("An amount per MW and day")
    PERCENT_PER_DAY = "percent_per_day", _("Percent of an amount per day")


class DamagesDue(TextChoices):
    """The day after which the delay is counted."""

    TARGET_COD = "target_cod", _("Target COD")
    GUARANTEED_COD = "guaranteed_cod", _("Guaranteed COD")
    COD = "cod", _("COD as it comes")
    DAY = "day", _("A day")


class CreditForm(TextChoices):
    PARENT_GUARANTEE = "parent_guarantee", _("Parent guarantee")
    LETTER_OF_CREDIT = "letter_of_credit", _("Letter of credit")
    CASH = "cash", _("Cash deposit")
    BOND = "bond", _("Bond")


class ClockReference(TextChoices):
    """What the days of a notice are counted from."""

    DAY = "day", _("A day")
    MILESTONE = "milestone", _("A milestone of the agreement")
    TARGET_COD = "target_cod", _("Target COD")
    GUARANTEED_COD = "guaranteed_cod", _("Guaranteed COD")
    LONG_STOP = "long_stop", _("Long-stop date")
    TERM_END = "term_end", _("End of the term")


class ClockSide(TextChoices):
    BEFORE = "before", pgettext_lazy("clock", "Before")
    AFTER = "after", pgettext_lazy("clock", "After")


class ClockKind(TextChoices):
    """A date of a contract that something must have happened by."""

    TARGET_COD = "target_cod", _("Target COD")
    GUARANTEED_COD = "guaranteed_cod", _("Guaranteed COD")
    LONG_STOP = "long_stop", _("Long-stop date")
    CONDITION = "condition", _("Condition precedent")
    NOTICE = "notice", _("Notice to be served in writing")
    CREDIT_SUPPORT = "credit_support", _("Credit support expires")
    OFFER_EXPIRY = "offer_expiry", _("Connection offer expires")
    CERTIFICATE_END = "certificate_end", _("Certificate scheme ends")
    TERM_END = "term_end", _("Term ends")


class DocumentKind(TextChoices):
    TERM_SHEET = "term_sheet", _("Term sheet")
    AGREEMENT = "agreement", _("Agreement")
    AMENDMENT = "amendment", _("Amendment")
    CREDIT_SUPPORT = "credit_support", _("Credit support")
    NOTICE = "notice", _("Notice")
    OTHER = "other", _("Other")


class PowerLimit(TextChoices):
    """What holds the megawatts of a site down."""

    GRID = "grid", _("Grid")
    SUPPLY = "supply", _("Contracted supply")
    ELECTRICAL = "electrical", _("Electrical equipment")
    COOLING = "cooling", _("Cooling equipment")


class KnowledgeMode(TextChoices):
    TODAY = "today", _("As known today")
    BASELINE = "baseline", _("As agreed first")
    KNOWN_ON = "known_on", _("As known on a past day")


class ScopeKind(TextChoices):
    PORTFOLIO = "portfolio", _("Portfolio")
    DESK = "desk", _("Desk")
    SITE = "site", _("Site")


class AssignmentScope(TextChoices):
    """From the widest to the narrowest; the narrowest holder of a role is told first."""

    SITE = "site", _("Site")
    DISCIPLINE = "discipline", _("Discipline")
    EQUIPMENT_CLASS = "equipment_class", _("Equipment class")
    COMPANY = "company", _("Vendor")
    ORDER = "order", _("Order")
    ORDER_LINE = "order_line", _("Order line")


class Discipline(TextChoices):
    MECHANICAL = "mechanical", _("Mechanical")
    ELECTRICAL = "electrical", _("Electrical")


class DurationBasis(TextChoices):
    CALENDAR = "calendar", _("Calendar days")
    WORKING = "working", _("Working days")


class Precision(TextChoices):
    """How exactly a date was said; it counts at the end of its period."""

    DAY = "day", _("Day")
    WEEK = "week", _("Week")
    THIRD = "third", _("Third of a month")
    MONTH = "month", _("Month")
    QUARTER = "quarter", _("Quarter")
    TBD = "tbd", _("To be decided")


class Driver(TextChoices):
    """The last rule that changed a forecast."""

    ACTUAL = "actual", _("Actual")
    IMPLIED = "implied", _("Implied by a later actual")
    LOCKED = "locked", _("Locked")
    PROMISE = "promise", _("Promise")
    PROMISE_SHIFTED = "promise_shifted", _("Promise, moved by a late condition")
    DURATION = "duration", _("Duration")
    PLAN = "plan", _("Plan")
    TODAY = "today", _("Not in the past")
    PREDECESSOR = "predecessor", _("Not before the step before")
    SPAN = "span", _("Lead time")


class StepFlag(TextChoices):
    OUT_OF_ORDER = "out_of_order", _("Before the step before it")
    ACTUAL_MISSING = "actual_missing", _("Actual missing")
    TBD = "tbd", _("Vendor said to be decided")
    PROMISE_AFTER_LOCK = "promise_after_lock", _("Promise stated after the lock was set")


class BlockPolicy(TextChoices):
    CAN_CARRY = "can_carry", _("Can carry")
    REDUNDANT = "redundant", _("Redundant")


class MilestoneCode(TextChoices):
    """The usual steps of dated chains. A chain may hold others; those are shown by their code."""

    SPEC_ISSUED = "SPEC_ISSUED", _("Specification issued")
    RFQ_OUT = "RFQ_OUT", _("Request for quotation out")
    BIDS_IN = "BIDS_IN", _("Bids in")
    TBE_DONE = "TBE_DONE", _("Technical evaluation done")
    AWARD = "AWARD", _("Award")
    PO_ISSUED = "PO_ISSUED", _("Order issued")
    PO_ACK = "PO_ACK", _("Order acknowledged")
    SLOT_CONFIRMED = "SLOT_CONFIRMED", _("Factory slot confirmed")
    SUBMITTAL_IN = "SUBMITTAL_IN", _("Submittal in")
    SUBMITTAL_APPROVED = "SUBMITTAL_APPROVED", _("Submittal approved")
    RTM = "RTM", _("Release to manufacture")
    MATERIALS_IN = "MATERIALS_IN", _("Materials in")
    BUILD_START = "BUILD_START", _("Build started")
    BUILD_50 = "BUILD_50", _("Build half done")
    FAT_READY = "FAT_READY", _("Ready for factory test")
    FAT_PASS = "FAT_PASS", _("Factory test passed")
    RELEASE_NOTE = "RELEASE_NOTE", _("Release note")
    RTS = "RTS", _("Ready to ship")
    PICKED_UP = "PICKED_UP", _("Picked up")
    EXPORT_CLEARED = "EXPORT_CLEARED", _("Export cleared")
    DEPARTED = "DEPARTED", _("Departed")
    ARRIVED_PORT = "ARRIVED_PORT", _("Arrived at port")
    IMPORT_CLEARED = "IMPORT_CLEARED", _("Import cleared")
    AT_STORAGE = "AT_STORAGE", _("In storage")
    PRESERVED = "PRESERVED", _("Preserved")
    CALLED_OFF = "CALLED_OFF", _("Called off")
    ON_SITE = "ON_SITE", _("On site")
    RECEIVED_OK = "RECEIVED_OK", _("Received in order")
    SET = "SET", _("Set in place")
    ENERGISED = "ENERGISED", _("Energised")
    SAT_PASS = "SAT_PASS", _("Site acceptance test passed")
    L3 = "L3", _("L3")
    L4 = "L4", _("L4")
    L5_IST = "L5_IST", _("L5 integrated systems test")
    TURNED_OVER = "TURNED_OVER", _("Turned over")
    FINAL_PAYMENT = "FINAL_PAYMENT", _("Final payment")
    ENQUIRY = "ENQUIRY", _("Enquiry")
    APPLIED = "APPLIED", pgettext_lazy("grid", "Applied")
    IN_STUDY = "IN_STUDY", _("In study")
    OFFERED = "OFFERED", _("Offered")
    WORKS = "WORKS", _("Works")
    BACKFEED = "BACKFEED", _("Backfeed")
    LOAD_STUDY = "LOAD_STUDY", _("Load study")
    FACILITIES_STUDY = "FACILITIES_STUDY", _("Facilities study")
    DESIGN_DONE = "DESIGN_DONE", _("Design done")
    COMPLETE = "COMPLETE", _("Complete")
    SUBSTATION_READY = "SUBSTATION_READY", _("Substation ready")
    CAPACITY_RELEASED = "CAPACITY_RELEASED", _("Capacity released")
    TERM_SHEET = "TERM_SHEET", _("Term sheet")
    SIGNED = "SIGNED", _("Signed")
    CP_MET = "CP_MET", _("Conditions met")
    CONSTRUCTION = "CONSTRUCTION", _("Construction")
    COD = "COD", _("Commercial operation")


_STEPS: Final = dict(MilestoneCode.choices)


def step_name(code: str) -> str:
    """What every page and mail calls a step: the usual milestones by name, others by their code."""
    return str(_STEPS.get(code, code.replace("_", " ").capitalize()))
