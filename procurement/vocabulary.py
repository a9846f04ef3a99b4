"""The words of ordering, delivering and telling, as stored and as shown. One word for one thing."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class OrderKind(TextChoices):
    ORDER = "order", _("Order")
    FRAME = "frame", _("Frame agreement")
    CALL_OFF = "call_off", _("Call-off")


class CommercialStatus(TextChoices):
    DRAFT = "draft", _("Draft")
    IN_APPROVAL = "in_approval", _("In approval")
    APPROVED = "approved", _("Approved")
    ISSUED = "issued", _("Issued")
    ACKNOWLEDGED = "acknowledged", pgettext_lazy("order", "Acknowledged")
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
    REJECTED = "rejected", pgettext_lazy("delivery", "Rejected")
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
    CONTRACT = "contract", pgettext_lazy("lead time", "Contract")
    ACHIEVED = "achieved", _("Achieved")
    MARKET = "market", _("Market")


class RosRule(TextChoices):
    NONE = "none", _("Not set")
    FIXED = "fixed", _("Fixed date")
    ANCHORED = "anchored", _("From the site's schedule")


class RuleMatch(TextChoices):
    """What an anchor rule makes of a requirement or gate that fits it."""

    BINDS = "binds", _("Follows")
    BOUND_BY_HAND = "bound_by_hand", _("Stays as it was set by hand")
    AMBIGUOUS = "ambiguous", _("Too many activities fit")


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
    REJECTED = "rejected", pgettext_lazy("delivery", "Rejected")
    QUARANTINED = "quarantined", _("Quarantined")


class ChangeOrderState(TextChoices):
    DRAFT = "draft", _("Draft")
    APPROVED = "approved", _("Approved")
    APPLIED = "applied", _("Applied")
    REJECTED = "rejected", _("Rejected")


class RunCause(TextChoices):
    NIGHTLY = "nightly", _("Nightly run")
    CHANGE = "change", _("Change")
    LOAD = "load", pgettext_lazy("data", "Load")


class HistoryKind(TextChoices):
    """What a drawn share is a share of: the planned duration, or the time a promise left."""

    DURATION = "duration", _("Duration against plan")
    PROMISE = "promise", _("Promise against what happened")


class HistoryLevel(TextChoices):
    """The reference classes, narrowest first; the first one with enough observations is drawn from."""

    PLANT = "plant", _("This plant and class")
    COMPANY = "company", _("This vendor and class")
    EQUIPMENT_CLASS = "equipment_class", _("This class")
    STAND_IN = "stand_in", _("A class that stands in for it")
    STEP = "step", _("This step anywhere")
    ASSUMED = "assumed", _("Assumption")


class Rule(TextChoices):
    NO_ROS = "no_ros", _("No required-on-site date")
    ORDER_BY = "order_by", _("Order-by date near or past")
    LATE_FORECAST = "late_forecast", _("Forecast later than required on site")
    LOW_FLOAT = "low_float", _("Float below its buffer")
    SLIP_GREW = "slip_grew", _("Slip against the contract")
    MILESTONE_OVERDUE = "milestone_overdue", _("Milestone overdue")
    VENDOR_SILENT = "vendor_silent", _("Vendor silent")
    PROMISE_TBD = "promise_tbd", _("Promise without a usable date")
    ROS_PULLED_FORWARD = "ros_pulled_forward", _("Required earlier than before")
    ANCHOR_LOST = "anchor_lost", _("Anchor vanished from the schedule")
    RFS_HIT = "rfs_hit", _("Ready for service later than planned")
    ENERGISATION_HIT = "energisation_hit", _("Energisation later than planned")
    COD_AFTER_ENERGISATION = "cod_after_energisation", _("Power starts after energisation")
    ENERGISATION_AFTER_LOAD = "energisation_after_load", _("Energised after the load starts")
    COD_NEAR_GUARANTEED = "cod_near_guaranteed", _("COD near or past its guaranteed date")
    LONG_STOP_NEAR = "long_stop_near", _("COD near or past the long-stop date")
    POWER_GAP = "power_gap", _("Load not covered by firm power")
    SHARE_OVERLAP = "share_overlap", _("More shared than contracted")
    AGREEMENT_OVERLAP = "agreement_overlap", _("More power contracted than the load takes")
    UNMATCHED_EXPIRY = "unmatched_expiry", _("Power expires without a successor")
    CONTRACT_CLOCK = "contract_clock", _("Notice to be served")
    ERP_DISAGREEMENT = "erp_disagreement", _("ERP and tracker disagree")


class ParameterRefusal(TextChoices):
    """Why a threshold of a rule is refused: said, never stored."""

    UNKNOWN = "unknown", _("The rule “%(rule)s” has no such threshold.")
    NO_FLAG = "no_flag", _("Say true or false.")
    NO_DAYS = "no_days", _("Give a whole number from 0 to %(most)d.")
    NO_LIST = "no_list", _("Give one to %(most)d numbers of days.")
    NO_BAND = "no_band", _("A band begins at one day.")
    TWICE = "twice", _("A number of days is given twice.")


class AlertSubject(TextChoices):
    REQUIREMENT = "requirement", _("Requirement")
    LOT = "lot", _("Delivery lot")
    COMPANY_AT_SITE = "company_at_site", _("Vendor at a site")
    BLOCK = "block", _("Block")
    AGREEMENT_SHARE = "agreement_share", _("Agreement share")
    AGREEMENT = "agreement", _("Power purchase agreement")
    GRID_CONNECTION = "grid_connection", _("Grid connection")
    GATE = "gate", _("Gate")
    SITE = "site", _("Site")


class AlertState(TextChoices):
    OPEN = "open", pgettext_lazy("alert", "Open")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    SNOOZED = "snoozed", _("Snoozed")
    ESCALATED = "escalated", _("Escalated")
    RECOVERED = "recovered", _("Recovered")
    CLOSED = "closed", pgettext_lazy("alert", "Closed")


class CloseReason(TextChoices):
    RECOVERED = "recovered", _("Recovered")
    REBASELINED = "rebaselined", _("Re-baselined")
    GONE = "gone", _("Subject gone")
    REPLACED = "replaced", _("A worse alert says it")


class AlertEventKind(TextChoices):
    BAND = "band", _("Band crossed")
    WORSENED = "worsened", _("Worsened")
    IMPROVED = "improved", _("Improved")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    ASSIGNED = "assigned", _("Assigned")
    DECLINED = "declined", _("Not mine")
    SNOOZED = "snoozed", _("Snoozed")
    SNOOZE_ENDED = "snooze_ended", _("Snooze ended")
    REARMED = "rearmed", pgettext_lazy("alert", "Asked again")
    ESCALATED = "escalated", _("Escalated")
    REOPENED = "reopened", _("Reopened")
    UNSTABLE = "unstable", _("Unstable date")
    RECOVERED = "recovered", _("Recovered")
    CLOSED = "closed", pgettext_lazy("alert", "Closed")


class Lane(TextChoices):
    URGENT = "urgent", _("Urgent")
    DIGEST = "digest", _("Digest")


class WishedLane(TextChoices):
    """How a person wants to be told; a duty that nobody else holds is told in the digest even where it is muted."""

    URGENT = "urgent", _("At once")
    DIGEST = "digest", _("In the digest")
    MUTE = "mute", _("Not at all")


class Severity(TextChoices):
    NOTICE = "notice", pgettext_lazy("severity", "Notice")
    WARNING = "warning", _("Warning")
    CRITICAL = "critical", _("Critical")


class WatchKind(TextChoices):
    WATCH = "watch", _("Watch")
    MUTE = "mute", _("Mute")


class WatchSubject(TextChoices):
    SITE = "site", _("Site")
    ORDER = "order", _("Order")
    ORDER_LINE = "order_line", _("Order line")
    ALERT = "alert", _("Alert")
    REQUIREMENT = "requirement", _("Requirement")
    COMPANY = "company", _("Company")
    PLANT = "plant", _("Plant")
    EQUIPMENT_CLASS = "class", _("Class")


class TalkSubject(TextChoices):
    """What comments, files and a history page are about."""

    ORDER = "order", _("Order")
    LINE = "line", _("Line")
    REQUIREMENT = "requirement", _("Requirement")
    COMPANY = "company", _("Vendor")
    PLANT = "plant", _("Plant")
    EQUIPMENT_CLASS = "class", _("Class")
    SITE = "site", _("Site")
    BLOCK = "block", _("Block")
    AGREEMENT = "agreement", _("Agreement")
    GRID_CONNECTION = "grid_connection", _("Grid connection")


class Channel(TextChoices):
    EMAIL = "email", _("E-mail")
    PORTAL = "portal", _("Portal")
    CHAT = "chat", _("Chat")


class MessageKind(TextChoices):
    ALERTS = "alerts", _("Alerts of one cause")
    DIGEST = "digest", _("Morning digest")
    ALL_QUIET = "all_quiet", _("All quiet")
    VIEW = "view", _("Subscribed view")
    NOTICE = "notice", _("Notice")


class Rhythm(TextChoices):
    DAILY = "daily", _("Every day")
    WEEKLY = "weekly", _("Every week")


class ViewList(TextChoices):
    """The lists of which a view can be saved."""

    LOG = "log", _("Log")
    UNORDERED = "unordered", _("Not ordered yet")


class NotificationState(TextChoices):
    HELD = "held", _("Held")
    DUE = "due", pgettext_lazy("message", "Due")
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


class ImportKind(TextChoices):
    """What one row of a workbook is about."""

    PROMISES = "promises", _("Promises")
    ACTUALS = "actuals", _("Actual dates")
    ORDER_LINES = "order_lines", _("Order lines")
    REQUIREMENTS = "requirements", _("Requirements")
    COMPANIES = "companies", _("Companies")
    LEAD_TIMES = "lead_times", _("Lead times")
    BLOCKS = "blocks", _("Blocks")
    GATES = "gates", _("Gates")
    DOCUMENTS = "business_documents", _("Business documents")


class VendorQuestionKind(TextChoices):
    """Why a vendor is asked about a lot."""

    NO_DATE = "no_date", _("Which date do you confirm?")
    TBD = "tbd", _("You said to be determined: which date is it now?")
    IMPRECISE = "imprecise", _("Which day exactly?")
    OVERDUE = "overdue", _("This date has passed: is it done, or when?")
    SILENT = "silent", _("We have not heard for a while: does this date hold?")
    HOLDS = "holds", _("Does this date hold?")


class QuestionState(TextChoices):
    ASKED = "asked", _("Asked")
    ANSWERED = "answered", _("Answered")
    UNANSWERED = "unanswered", _("Asked, not answered")


class ImportState(TextChoices):
    RECEIVED = "received", _("Being read")
    REFUSED = "refused", _("Refused")
    UNMAPPED = "unmapped", _("Waits for its columns")
    STAGED = "staged", _("Previewed")
    APPLIED = "applied", _("Applied")
    UNDONE = "undone", _("Undone")
    DISCARDED = "discarded", _("Discarded")


class ProgressStep(TextChoices):
    """What goes on in a file of many rows."""

    COMPARING = "comparing", _("Comparing")
    WRITING = "writing", _("Writing")
    CALCULATING = "calculating", _("Calculating the sites")


class ImportWork(TextChoices):
    """What of an import is too long for the call that asked for it, and is done apart from it."""

    PREVIEW = "preview", _("is being previewed")
    APPLY = "apply", _("is being applied")
    UNDO = "undo", _("is being undone")


class RowOutcome(TextChoices):
    NEW = "new", _("New")
    CHANGED = "changed", _("Changed")
    UNCHANGED = "unchanged", _("Unchanged")
    REFUSED = "refused", _("Refused")
    BLANK = "blank", _("Blank")


class JobState(TextChoices):
    """Of a bulk that is carried out apart from its call."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", pgettext_lazy("work", "Failed")


class ChangeSubject(TextChoices):
    """What a row of the change feed is about."""

    ORDER = "purchase_order", _("Purchase order")
    ALERT = "alert", _("Alert")
    LEAD_TIME = "lead_time", _("Lead time")
    AGREEMENT = "agreement", _("Power purchase agreement")


class ChangeKind(TextChoices):
    """The words of the change feed and of webhooks; PostgreSQL's triggers write them."""

    ORDER_CREATED = "po.created", _("Order created")
    ORDER_UPDATED = "po.updated", _("Order changed")
    ORDER_CANCELLED = "po.cancelled", _("Order cancelled")
    ORDER_REMOVED = "po.removed", _("Order removed")
    DATE_REVISED = "po.line.date_revised", _("Date of a line revised")
    CHANGE_ORDER_CREATED = "po.change_order.created", _("Change order created")
    CHANGE_ORDER_APPROVED = "po.change_order.approved", _("Change order approved")
    CHANGE_ORDER_APPLIED = "po.change_order.applied", _("Change order applied")
    CHANGE_ORDER_REJECTED = "po.change_order.rejected", _("Change order rejected")
    CONFIRMATION_RECORDED = "confirmation.recorded", _("Confirmation recorded")
    CONFIRMATION_REVERSED = "confirmation.reversed", _("Confirmation taken back")
    SHIPMENT_ANNOUNCED = "shipment.announced", _("Shipment announced")
    SHIPMENT_DEPARTED = "shipment.departed", _("Shipment departed")
    SHIPMENT_ARRIVED = "shipment.arrived", _("Shipment arrived")
    SHIPMENT_REVERSED = "shipment.reversed", _("Shipment notice reversed")
    RECEIPT_RECORDED = "receipt.recorded", _("Receipt recorded")
    RECEIPT_REVERSED = "receipt.reversed", _("Receipt reversed")
    SLIP_OPENED = "slip.opened", _("Alert opened")
    SLIP_REOPENED = "slip.reopened", _("Alert open again")
    SLIP_WORSENED = "slip.worsened", _("Alert worsened")
    SLIP_IMPROVED = "slip.improved", _("Alert improved")
    SLIP_ACKNOWLEDGED = "slip.acknowledged", _("Alert acknowledged")
    SLIP_SNOOZED = "slip.snoozed", _("Alert snoozed")
    SLIP_ESCALATED = "slip.escalated", _("Alert escalated")
    SLIP_RESOLVED = "slip.resolved", _("Alert over")
    LEAD_TIME_CHANGED = "lead_time.changed", _("Lead time changed")
    LEAD_TIME_REMOVED = "lead_time.removed", _("Lead time removed")
    AGREEMENT_CREATED = "ppa.created", _("Agreement created")
    AGREEMENT_UPDATED = "ppa.updated", _("Agreement changed")
    AGREEMENT_REMOVED = "ppa.removed", _("Agreement removed")
    AGREEMENT_DATE_REVISED = "ppa.milestone.date_revised", _("Date of an agreement revised")
    AGREEMENT_AT_RISK = "ppa.milestone.at_risk", _("Date of an agreement at risk")
    PING = "webhook.ping", _("Test message")


class DeliveryState(TextChoices):
    """Of one message to one webhook endpoint."""

    DUE = "due", pgettext_lazy("message", "Due")
    DELIVERED = "delivered", pgettext_lazy("message", "Delivered")
    DEAD = "dead", _("Given up")
    DISCARDED = "discarded", _("Discarded")


class Direction(TextChoices):
    INBOUND = "inbound", _("Inbound")
    OUTBOUND = "outbound", _("Outbound")


class MessageState(TextChoices):
    DONE = "done", _("Done")
    FAILED = "failed", pgettext_lazy("work", "Failed")
    RETRIED = "retried", _("Sent again")
    DISCARDED = "discarded", _("Discarded")


class DisagreementKind(TextChoices):
    """In what an ERP's list of open orders and ours differ."""

    MISSING_THERE = "missing_there", _("Not in the ERP's list")
    MISSING_HERE = "missing_here", _("Not in the tracker")
    QUANTITY = "quantity", _("Quantity")
    PRICE = "price", _("Unit price")
    CONTRACT_DATE = "contract_date", _("Contract date")
    STATUS = "status", _("Status")
