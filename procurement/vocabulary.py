"""The words of ordering, delivering and telling, as stored and as shown. One word for one thing."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OrderKind(TextChoices):
    ORDER = "order", _("Order")
    FRAME = "frame", _("Frame agreement")
    CALL_OFF = "call_off", _("Call-off")


class CommercialStatus(TextChoices):
    DRAFT = "draft", _("Draft")
    IN_APPROVAL = "in_approval", _("In approval")
    APPROVED = "approved", _("Approved")
    ISSUED = "issued", _("Issued")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    ACK_WITH_EXCEPTIONS = "ack_with_exceptions", _("Acknowledged with exceptions")
    ON_HOLD = "on_hold", _("On hold")
    CLOSED = "closed", _("Closed")
    CANCELLED = "cancelled", _("Cancelled")
    TERMINATED = "terminated", _("Terminated")


class LineStatus(TextChoices):
    OPEN = "open", _("Open")
    CLOSED = "closed", _("Closed")
    CANCELLED = "cancelled", _("Cancelled")


class DeliveryStatus(TextChoices):
    """Derived from the lots, never typed."""

    NOT_STARTED = "not_started", _("Not started")
    IN_PRODUCTION = "in_production", _("In production")
    READY = "ready", _("Ready to ship")
    IN_TRANSIT = "in_transit", _("In transit")
    IN_STORAGE = "in_storage", _("In storage")
    PART_RECEIVED = "part_received", _("Part received")
    RECEIVED = "received", _("Received")
    REJECTED = "rejected", _("Rejected")
    RETURNED = "returned", _("Returned")


class FinancialStatus(TextChoices):
    UNBILLED = "unbilled", _("Unbilled")
    PART_BILLED = "part_billed", _("Part billed")
    BILLED = "billed", _("Billed")
    RETAINED = "retained", _("Retained")
    SETTLED = "settled", _("Settled")


class Incoterm(TextChoices):
    EXW = "EXW", "EXW"
    FCA = "FCA", "FCA"
    CPT = "CPT", "CPT"
    CIP = "CIP", "CIP"
    DAP = "DAP", "DAP"
    DPU = "DPU", "DPU"
    DDP = "DDP", "DDP"
    FAS = "FAS", "FAS"
    FOB = "FOB", "FOB"
    CFR = "CFR", "CFR"
    CIF = "CIF", "CIF"


class DamagesUnit(TextChoices):
    DAY = "day", _("Day")
    WEEK = "week", _("Whole week")
    PART_WEEK = "part_week", _("Week or part of a week")


class LeadTimeKind(TextChoices):
    QUOTED = "quoted", _("Quoted")
    CONTRACT = "contract", _("Contract")
    ACHIEVED = "achieved", _("Achieved")
    MARKET = "market", _("Market")


class RosRule(TextChoices):
    NONE = "none", _("Not set")
    FIXED = "fixed", _("Fixed date")
    ANCHORED = "anchored", _("From the site's schedule")


class Criticality(TextChoices):
    LOW = "low", _("Low")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")


class CalendarOf(TextChoices):
    """Whose working days a template step counts."""

    SITE = "site", _("Site")
    PLANT = "plant", _("Plant")


class ReceiptState(TextChoices):
    ARRIVED = "arrived", _("Arrived")
    ACCEPTED = "accepted", _("Accepted")
    ACCEPTED_WITH_OSD = "accepted_with_osd", _("Accepted with over, short or damage")
    REJECTED = "rejected", _("Rejected")
    QUARANTINED = "quarantined", _("Quarantined")


class ChangeOrderState(TextChoices):
    DRAFT = "draft", _("Draft")
    APPROVED = "approved", _("Approved")
    APPLIED = "applied", _("Applied")
    REJECTED = "rejected", _("Rejected")


class RunCause(TextChoices):
    NIGHTLY = "nightly", _("Nightly run")
    CHANGE = "change", _("Change")
    LOAD = "load", _("Load")


class Rule(TextChoices):
    NO_ROS = "no_ros", _("No required-on-site date")
    ORDER_BY = "order_by", _("Order-by date near or past")
    LATE_FORECAST = "late_forecast", _("Forecast later than required on site")
    MILESTONE_OVERDUE = "milestone_overdue", _("Milestone overdue")
    COD_AFTER_ENERGISATION = "cod_after_energisation", _("Power starts after energisation")
    ERP_DISAGREEMENT = "erp_disagreement", _("ERP and tracker disagree")


class AlertSubject(TextChoices):
    REQUIREMENT = "requirement", _("Requirement")
    LOT = "lot", _("Delivery lot")
    COMPANY_AT_SITE = "company_at_site", _("Vendor at a site")
    BLOCK = "block", _("Block")
    AGREEMENT_SHARE = "agreement_share", _("Agreement share")
    GRID_CONNECTION = "grid_connection", _("Grid connection")


class AlertState(TextChoices):
    OPEN = "open", _("Open")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    SNOOZED = "snoozed", _("Snoozed")
    ESCALATED = "escalated", _("Escalated")
    RECOVERED = "recovered", _("Recovered")
    CLOSED = "closed", _("Closed")


class CloseReason(TextChoices):
    RECOVERED = "recovered", _("Recovered")
    REBASELINED = "rebaselined", _("Re-baselined")
    GONE = "gone", _("Subject gone")


class AlertEventKind(TextChoices):
    BAND = "band", _("Band crossed")
    IMPROVED = "improved", _("Improved")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    SNOOZED = "snoozed", _("Snoozed")
    ESCALATED = "escalated", _("Escalated")
    REOPENED = "reopened", _("Reopened")
    UNSTABLE = "unstable", _("Unstable date")
    RECOVERED = "recovered", _("Recovered")
    CLOSED = "closed", _("Closed")


class Lane(TextChoices):
    URGENT = "urgent", _("Urgent")
    DIGEST = "digest", _("Digest")


class Channel(TextChoices):
    EMAIL = "email", _("E-mail")
    PORTAL = "portal", _("Portal")


class NotificationState(TextChoices):
    HELD = "held", _("Held")
    DUE = "due", _("Due")
    SENT = "sent", _("Sent")
    DEFERRED = "deferred", _("Deferred")
    DEAD = "dead", _("Dead")
    SUPPRESSED = "suppressed", _("Suppressed")
    CANCELLED = "cancelled", _("Cancelled")


class RevisionKind(TextChoices):
    PROMISE = "promise", _("Promise")
    ACTUAL = "actual", _("Actual")
    LOCK = "lock", _("Lock")
    RELEASE = "release", _("Lock released")


class DateState(TextChoices):
    """How something ordered or needed stands against its required-on-site date."""

    LATE = "late", _("Late")
    TIGHT = "tight", _("Tight")
    IN_TIME = "in_time", _("In time")
    DELIVERED = "delivered", _("Delivered")
    CANCELLED = "cancelled", _("Cancelled")
    NO_ROS = "no_ros", _("No required-on-site date")
    UNKNOWN = "unknown", _("Not known")
