from procurement.models.alert import (
    Alert,
    AlertEvent,
    AlertPreference,
    AlertRuleSetting,
    ChatEndpoint,
    Evaluation,
    Notification,
    NotificationItem,
    Watch,
)
from procurement.models.change_order import ChangeOrder, Receipt
from procurement.models.company import Company, Contact, Plant
from procurement.models.confirmation import Confirmation
from procurement.models.equipment import ChainStep, ChainTemplate, EquipmentClass
from procurement.models.erp import (
    Change,
    Disagreement,
    ExternalRef,
    FeedState,
    IntegrationMessage,
    OpenOrderList,
    OpenOrderRow,
    UnitMapping,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from procurement.models.forecast import (
    Backtest,
    BlockForecast,
    BlockProbability,
    ChainForecast,
    DueDraw,
    ForecastRun,
    LotForecast,
    LotProbability,
    RequirementForecast,
    StepHistory,
)
from procurement.models.health import Heartbeat
from procurement.models.imports import ColumnMappingMemory, ImportBatch, ImportRow
from procurement.models.job import Job, JobRow
from procurement.models.lead_time import LeadTimeObservation
from procurement.models.log import LogLine
from procurement.models.lot import Allocation, DeliveryLot
from procurement.models.order import OrderLine, PurchaseOrder, ScheduleLine
from procurement.models.reader import CalendarFeed, SavedView, Subscription
from procurement.models.requirement import ConsideredLeadTime, GroupNeed, RedundancyGroup, Requirement, RosAnchor
from procurement.models.serial import UnitSerial
from procurement.models.shipment import ShipmentNotice
from procurement.models.talk import Attachment, Comment, FileContent
from procurement.models.vendor_round import VendorQuestion, VendorRound

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertPreference",
    "AlertRuleSetting",
    "Allocation",
    "Attachment",
    "Backtest",
    "BlockForecast",
    "BlockProbability",
    "CalendarFeed",
    "ChainForecast",
    "ChainStep",
    "ChainTemplate",
    "Change",
    "ChangeOrder",
    "ChatEndpoint",
    "ColumnMappingMemory",
    "Comment",
    "Company",
    "Confirmation",
    "ConsideredLeadTime",
    "Contact",
    "DeliveryLot",
    "Disagreement",
    "DueDraw",
    "EquipmentClass",
    "Evaluation",
    "ExternalRef",
    "FeedState",
    "FileContent",
    "ForecastRun",
    "GroupNeed",
    "Heartbeat",
    "ImportBatch",
    "ImportRow",
    "IntegrationMessage",
    "Job",
    "JobRow",
    "LeadTimeObservation",
    "LogLine",
    "LotForecast",
    "LotProbability",
    "Notification",
    "NotificationItem",
    "OpenOrderList",
    "OpenOrderRow",
    "OrderLine",
    "Plant",
    "PurchaseOrder",
    "Receipt",
    "RedundancyGroup",
    "Requirement",
    "RequirementForecast",
    "RosAnchor",
    "SavedView",
    "ScheduleLine",
    "ShipmentNotice",
    "StepHistory",
    "Subscription",
    "UnitMapping",
    "UnitSerial",
    "VendorQuestion",
    "VendorRound",
    "Watch",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
]
