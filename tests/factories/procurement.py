"""Equipment, orders, needs and stored forecasts. Make rows with `.create(...)`: that is what is typed."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory, Trait
from factory.helpers import post_generation

from procurement.models import (
    Alert,
    AlertEvent,
    AlertPreference,
    AlertRuleSetting,
    Allocation,
    Backtest,
    BlockForecast,
    BlockProbability,
    CalendarFeed,
    ChainForecast,
    ChainStep,
    ChainTemplate,
    ChangeOrder,
    ChatEndpoint,
    ColumnMappingMemory,
    Company,
    Confirmation,
    ConsideredLeadTime,
    Contact,
    DeliveryLot,
    DueDraw,
    EquipmentClass,
    Evaluation,
    ExternalRef,
    ForecastRun,
    GroupNeed,
    ImportBatch,
    ImportRow,
    Job,
    JobRow,
    LeadTimeObservation,
    LotForecast,
    LotProbability,
    Notification,
    NotificationItem,
    OrderLine,
    Plant,
    PurchaseOrder,
    Receipt,
    RedundancyGroup,
    Requirement,
    RequirementForecast,
    RosAnchor,
    SavedView,
    ScheduleLine,
    ShipmentNotice,
    StepHistory,
    Subscription,
    UnitSerial,
    VendorQuestion,
    VendorRound,
    Watch,
)
from procurement.vocabulary import (
    AlertEventKind,
    AlertSubject,
    CalendarOf,
    Channel,
    CommercialStatus,
    HistoryKind,
    HistoryLevel,
    ImportKind,
    Incoterm,
    Lane,
    LeadTimeKind,
    RosRule,
    RowOutcome,
    Rule,
    RunCause,
    VendorQuestionKind,
    WatchKind,
    WatchSubject,
)
from sites.accounts.permissions import Role
from sites.accounts.row import new_id
from sites.models import Baseline, Milestone
from sites.vocabulary import ChainKind, Discipline, DurationBasis, Party
from tests.factories.accounts import ApiClientFactory, RowFactory, T, UserFactory
from tests.factories.sites import BlockFactory, ChainFactory, GateFactory, SiteFactory, WorkCalendarFactory

WORKING, CALENDAR = DurationBasis.WORKING, DurationBasis.CALENDAR
# The chain of the worked example: code, days, basis, whose calendar, who acts.
LONG_LEAD = [
    ("PO_ISSUED", 0, CALENDAR, CalendarOf.SITE, Party.OWNER),
    ("SUBMITTAL_IN", 30, WORKING, CalendarOf.PLANT, Party.VENDOR),
    ("SUBMITTAL_APPROVED", 15, WORKING, CalendarOf.SITE, Party.OWNER),
    ("RTM", 5, WORKING, CalendarOf.PLANT, Party.VENDOR),
    ("FAT_PASS", 220, CALENDAR, CalendarOf.PLANT, Party.VENDOR),
    ("RTS", 10, WORKING, CalendarOf.PLANT, Party.VENDOR),
    ("ARRIVED_PORT", 28, CALENDAR, CalendarOf.SITE, Party.CARRIER),
    ("IMPORT_CLEARED", 7, CALENDAR, CalendarOf.SITE, Party.CUSTOMS),
    ("ON_SITE", 5, WORKING, CalendarOf.SITE, Party.CARRIER),
]


class ChainTemplateFactory(RowFactory[ChainTemplate]):
    """The nine steps of the worked example, or those given as `steps` in the same shape."""

    class Meta:
        model = ChainTemplate
        django_get_or_create = ("code",)

    code = "long_lead"
    name = "Long lead"

    @post_generation  # type: ignore[untyped-decorator]
    def steps(self: ChainTemplate, create: bool, extracted: list[tuple[Any, ...]] | None, **kwargs: object) -> None:
        if self.steps.exists():
            return
        ChainStep.objects.bulk_create(
            ChainStep(
                template=self,
                sequence=place,
                code=code,
                duration_days=days,
                basis=basis,
                calendar_of=whose,
                responsible=party,
            )
            for place, (code, days, basis, whose, party) in enumerate(extracted or LONG_LEAD)
        )


class ChainStepFactory(RowFactory[ChainStep]):
    """A step after those that the template has."""

    class Meta:
        model = ChainStep

    template = SubFactory(ChainTemplateFactory)
    sequence = Sequence(lambda n: n + 100)
    code = Sequence(lambda n: f"STEP_{n}")


class EquipmentClassFactory(RowFactory[EquipmentClass]):
    class Meta:
        model = EquipmentClass
        django_get_or_create = ("code",)

    code = "chiller"
    name = LazyAttribute(lambda made: made.code.replace("_", " ").capitalize())
    discipline = Discipline.MECHANICAL
    template = SubFactory(ChainTemplateFactory)
    installation_days = 10
    commissioning_days = 10


class CompanyFactory(RowFactory[Company]):
    class Meta:
        model = Company

    class Params:
        maker = Trait(makes=True)

    code = Sequence(lambda n: f"V{n:04}")
    name = Sequence(lambda n: f"Vendor {n}")
    country = "JP"


class PlantFactory(RowFactory[Plant]):
    class Meta:
        model = Plant

    company = SubFactory(CompanyFactory, maker=True)
    code = Sequence(lambda n: f"W{n}")
    name = "Works"
    country = "JP"
    calendar = SubFactory(WorkCalendarFactory, code="JP")


class ContactFactory(RowFactory[Contact]):
    class Meta:
        model = Contact

    company = SubFactory(CompanyFactory)
    name = Sequence(lambda n: f"Contact {n}")


class LeadTimeFactory(RowFactory[LeadTimeObservation]):
    class Meta:
        model = LeadTimeObservation

    equipment_class = SubFactory(EquipmentClassFactory)
    kind = LeadTimeKind.QUOTED
    low_weeks = Decimal("40")
    high_weeks = Decimal("48")
    basis_from = "PO_ISSUED"
    basis_to = "RTS"
    as_of = date(2026, 7, 1)
    source = "Quotation 17"


class RedundancyGroupFactory(RowFactory[RedundancyGroup]):
    class Meta:
        model = RedundancyGroup

    site = SubFactory(SiteFactory)
    equipment_class = SubFactory(EquipmentClassFactory)
    code = Sequence(lambda n: f"G{n}")


class GroupNeedFactory(RowFactory[GroupNeed]):
    class Meta:
        model = GroupNeed

    block = SubFactory(BlockFactory)
    group = SubFactory(RedundancyGroupFactory, site=SelfAttribute("..block.phase.site"))
    needed_units = 1


class RequirementFactory(RowFactory[Requirement]):
    """Required on the fixed day `required_on_site`; None for no date at all."""

    class Meta:
        model = Requirement

    class Params:
        without_ros = Trait(required_on_site=None)

    site = SubFactory(SiteFactory)
    tag = Sequence(lambda n: f"CH-{n + 10_000}")
    equipment_class = SubFactory(EquipmentClassFactory)
    required_on_site = date(2027, 9, 20)
    ros_fixed_on = SelfAttribute("required_on_site")
    ros_rule = LazyAttribute(lambda made: RosRule.FIXED if made.ros_fixed_on else RosRule.NONE)


class ConsideredLeadTimeFactory(RowFactory[ConsideredLeadTime]):
    class Meta:
        model = ConsideredLeadTime

    requirement = SubFactory(RequirementFactory)
    observation = SubFactory(LeadTimeFactory)


class RosAnchorFactory(RowFactory[RosAnchor]):
    """A gate of the requirement's site; for an activity give `gate=None`, `project_code` and `activity_code`."""

    class Meta:
        model = RosAnchor

    requirement = SubFactory(RequirementFactory)
    gate = SubFactory(GateFactory, site=SelfAttribute("..requirement.site"))


class PurchaseOrderFactory(RowFactory[PurchaseOrder]):
    class Meta:
        model = PurchaseOrder

    class Params:
        draft = Trait(commercial_status=CommercialStatus.DRAFT, issued_on=None)

    number = Sequence(lambda n: f"45000{n:05}")
    seller = SubFactory(CompanyFactory)
    commercial_status = CommercialStatus.ISSUED
    issued_on = date(2026, 8, 3)
    currency = "AUD"
    incoterm = Incoterm.DAP


class OrderLineFactory(RowFactory[OrderLine]):
    class Meta:
        model = OrderLine

    order = SubFactory(PurchaseOrderFactory)
    number = 10
    equipment_class = SubFactory(EquipmentClassFactory)
    plant = SubFactory(PlantFactory)
    unit_price = Decimal("250000")


class ScheduleLineFactory(RowFactory[ScheduleLine]):
    """Its lots must sum to it when the transaction ends, so start from DeliveryLotFactory unless you add them."""

    class Meta:
        model = ScheduleLine

    line = SubFactory(OrderLineFactory)
    number = 1
    quantity = Decimal("1")
    contract_on = date(2027, 7, 19)
    site = SubFactory(SiteFactory)


class DeliveryLotFactory(RowFactory[DeliveryLot]):
    """A whole order down to one lot, whose chain holds the milestones of its class.

    `actuals` and `baseline` map milestone codes to days; `site` is that of the schedule line.
    """

    class Meta:
        model = DeliveryLot

    class Params:
        site = SubFactory(SiteFactory)

    quantity = Decimal("1")
    schedule_line = SubFactory(ScheduleLineFactory, quantity=SelfAttribute("..quantity"), site=SelfAttribute("..site"))
    number = 1
    chain = SubFactory(
        ChainFactory, kind=ChainKind.LOT, site=SelfAttribute("..schedule_line.site"), anchor_code="ON_SITE"
    )

    @post_generation  # type: ignore[untyped-decorator]
    def actuals(self: DeliveryLot, create: bool, extracted: dict[str, date] | None, **kwargs: object) -> None:
        line = self.schedule_line.line
        if not self.chain.milestones.exists():
            Milestone.objects.bulk_create(
                Milestone(
                    chain=self.chain,
                    sequence=step.sequence,
                    code=step.code,
                    duration_days=step.duration_days,
                    basis=step.basis,
                    calendar=line.plant.calendar if line.plant and step.calendar_of == CalendarOf.PLANT else None,
                    responsible=step.responsible,
                )
                for step in line.equipment_class.template.steps.order_by("sequence")
            )
        for code, day in (extracted or {}).items():
            self.chain.milestones.filter(code=code).update(actual_on=day)

    @post_generation  # type: ignore[untyped-decorator]
    def baseline(self: DeliveryLot, create: bool, extracted: dict[str, date] | None, **kwargs: object) -> None:
        if extracted:
            dates = {code: day.isoformat() for code, day in extracted.items()}
            Baseline.objects.create(chain=self.chain, dates=dates, cause="Order signed")


class AllocationFactory(RowFactory[Allocation]):
    """One unit of a lot for a requirement of the same site and class."""

    class Meta:
        model = Allocation

    lot = SubFactory(DeliveryLotFactory)
    requirement = SubFactory(
        RequirementFactory,
        site=SelfAttribute("..lot.schedule_line.site"),
        equipment_class=SelfAttribute("..lot.schedule_line.line.equipment_class"),
    )
    quantity = Decimal("1")


class ReceiptFactory(RowFactory[Receipt]):
    class Meta:
        model = Receipt

    lot = SubFactory(DeliveryLotFactory)
    quantity = Decimal("1")
    received_on = date(2026, 11, 18)


class ShipmentNoticeFactory(RowFactory[ShipmentNotice]):
    class Meta:
        model = ShipmentNotice

    lot = SubFactory(DeliveryLotFactory)
    number = "DES-1"
    quantity = Decimal("1")
    despatched_on = date(2026, 11, 18)
    recorded_by = SubFactory(UserFactory)


class ConfirmationFactory(RowFactory[Confirmation]):
    class Meta:
        model = Confirmation

    order = SubFactory(PurchaseOrderFactory)
    number = "AB-1"
    confirmed_on = date(2026, 11, 18)
    recorded_by = SubFactory(UserFactory)


class UnitSerialFactory(RowFactory[UnitSerial]):
    class Meta:
        model = UnitSerial

    lot = SubFactory(DeliveryLotFactory)
    receipt = SubFactory(ReceiptFactory, lot=SelfAttribute("..lot"))
    number = Sequence(lambda n: f"SN-{n}")
    recorded_by = SubFactory(UserFactory)


class ChangeOrderFactory(RowFactory[ChangeOrder]):
    class Meta:
        model = ChangeOrder

    order = SubFactory(PurchaseOrderFactory)
    number = Sequence(lambda n: f"CO-{n}")
    reason = "Two more fans"
    author = SubFactory(UserFactory)


class ExternalRefFactory(RowFactory[ExternalRef]):
    class Meta:
        model = ExternalRef

    system = "SAP-PRD"
    kind = "order"
    external_id = Sequence(lambda n: f"45000{n:05}")
    subject_id = LazyFunction(new_id)


class ForecastRunFactory(RowFactory[ForecastRun]):
    class Meta:
        model = ForecastRun

    site = SubFactory(SiteFactory)
    as_of = date(2026, 11, 20)
    engine_version = "1"
    input_hash = "0" * 64
    cause = RunCause.CHANGE


class _AnswerFactory(RowFactory[T]):
    """A further answer for the same subject replaces the current one, which stays as history."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        subject = next(name for name in ("lot", "requirement", "block", "chain") if name in kwargs)
        model_class.objects.filter(current=True, **{subject: kwargs[subject]}).update(current=False)
        return super()._create(model_class, *args, **kwargs)


def _float_days(made: Any) -> int | None:
    if made.required_on_site is None or made.forecast_on is None:
        return None
    days: int = (made.required_on_site - made.forecast_on).days
    return days


class LotForecastFactory(_AnswerFactory[LotForecast]):
    class Meta:
        model = LotForecast

    lot = SubFactory(DeliveryLotFactory)
    run = SubFactory(ForecastRunFactory, site=SelfAttribute("..lot.schedule_line.site"))
    as_of = SelfAttribute("run.as_of")
    required_on_site = date(2027, 9, 20)
    forecast_on = date(2027, 8, 31)
    float_days = LazyAttribute(_float_days)
    float_working_days = LazyAttribute(lambda made: made.float_days and made.float_days * 5 // 7)
    contract_forecast_on = SelfAttribute("forecast_on")
    slip_days = 0
    next_code = "SUBMITTAL_IN"
    next_on = date(2026, 12, 1)


class RequirementForecastFactory(_AnswerFactory[RequirementForecast]):
    class Meta:
        model = RequirementForecast

    class Params:
        unordered = Trait(ordered=False, order_by_on=date(2026, 12, 1))

    requirement = SubFactory(RequirementFactory)
    run = SubFactory(ForecastRunFactory, site=SelfAttribute("..requirement.site"))
    as_of = SelfAttribute("run.as_of")
    ordered = True
    required_on_site = SelfAttribute("requirement.required_on_site")
    forecast_on = date(2027, 8, 31)
    float_days = LazyAttribute(_float_days)
    float_working_days = LazyAttribute(lambda made: made.float_days and made.float_days * 5 // 7)
    recovers_mw_days = Decimal("0")
    costs_mw_days = Decimal("0")


class BlockForecastFactory(_AnswerFactory[BlockForecast]):
    class Meta:
        model = BlockForecast

    block = SubFactory(BlockFactory)
    run = SubFactory(ForecastRunFactory, site=SelfAttribute("..block.phase.site"))
    as_of = SelfAttribute("run.as_of")
    rfs_baseline_on = SelfAttribute("block.rfs_baseline_on")
    rfs_forecast_on = SelfAttribute("block.rfs_baseline_on")
    it_mw = SelfAttribute("block.it_mw")
    mw_days_at_risk = Decimal("0")


class ChainForecastFactory(_AnswerFactory[ChainForecast]):
    class Meta:
        model = ChainForecast

    chain = SubFactory(ChainFactory)
    run = SubFactory(ForecastRunFactory, site=SelfAttribute("..chain.site"))
    as_of = SelfAttribute("run.as_of")
    forecast_on = date(2027, 8, 1)


class LotProbabilityFactory(_AnswerFactory[LotProbability]):
    class Meta:
        model = LotProbability

    lot = SubFactory(DeliveryLotFactory)
    run = SubFactory(ForecastRunFactory, site=SelfAttribute("..lot.schedule_line.site"), trials=1000, seed=1)
    as_of = SelfAttribute("run.as_of")
    required_on_site = date(2027, 9, 20)
    p50_on = date(2027, 8, 31)
    p80_on = date(2027, 9, 18)
    p95_on = date(2027, 10, 30)
    on_time_percent = 81


class BlockProbabilityFactory(_AnswerFactory[BlockProbability]):
    class Meta:
        model = BlockProbability

    block = SubFactory(BlockFactory)
    run = SubFactory(ForecastRunFactory, site=SelfAttribute("..block.phase.site"), trials=1000, seed=1)
    as_of = SelfAttribute("run.as_of")
    rfs_baseline_on = SelfAttribute("block.rfs_baseline_on")
    p50_on = date(2027, 12, 1)
    p80_on = date(2028, 1, 10)
    p95_on = date(2028, 3, 1)
    on_time_percent = 40


class DueDrawFactory(RowFactory[DueDraw]):
    class Meta:
        model = DueDraw

    lot = SubFactory(DeliveryLotFactory)
    site = SelfAttribute("lot.schedule_line.site")
    run = SubFactory(ForecastRunFactory, site=SelfAttribute("..site"), trials=1000, seed=1)


class StepHistoryFactory(RowFactory[StepHistory]):
    class Meta:
        model = StepHistory

    as_of = date(2026, 11, 20)
    kind = HistoryKind.DURATION
    level = HistoryLevel.STEP
    code = "FAT_PASS"
    sample = 40
    quantiles = LazyFunction(lambda: [900, 1000, 1400])


class BacktestFactory(RowFactory[Backtest]):
    class Meta:
        model = Backtest

    as_of = date(2026, 11, 20)
    horizon_days = 180
    trials = 1000
    origins = 12
    forecasts = 300


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class AlertFactory(RowFactory[Alert]):
    """An open alert about a lot that nobody needs to have made."""

    class Meta:
        model = Alert

    rule = Rule.LATE_FORECAST
    subject_kind = AlertSubject.LOT
    subject_id = LazyFunction(new_id)
    subject_text = "CH-01"
    site = SubFactory(SiteFactory)
    lane = Lane.URGENT
    told_role = Role.EXPEDITER
    opened_on = date(2026, 11, 20)
    opened_at = NOON


class AlertEventFactory(RowFactory[AlertEvent]):
    class Meta:
        model = AlertEvent

    alert = SubFactory(AlertFactory)
    kind = AlertEventKind.BAND
    band = 7
    at = NOON


class NotificationFactory(RowFactory[Notification]):
    """Held. `frozen` gives it what every message has that left that state."""

    class Meta:
        model = Notification

    class Params:
        frozen = Trait(
            message_id=Sequence(lambda n: f"<{n}@longlead.example>"), subject="Chillers late", body_text="Chillers late"
        )

    recipient = SubFactory(UserFactory)
    site = SubFactory(SiteFactory)
    lane = Lane.URGENT
    cause_key = Sequence(lambda n: f"statement:{n}")
    release_at = NOON


class NotificationItemFactory(RowFactory[NotificationItem]):
    class Meta:
        model = NotificationItem

    event = SubFactory(AlertEventFactory)
    notification = SubFactory(NotificationFactory)
    recipient = SelfAttribute("notification.recipient")
    channel = Channel.EMAIL


class AlertPreferenceFactory(RowFactory[AlertPreference]):
    class Meta:
        model = AlertPreference

    person = SubFactory(UserFactory)
    rule = Rule.NO_ROS
    lane = Lane.DIGEST


class AlertRuleSettingFactory(RowFactory[AlertRuleSetting]):
    class Meta:
        model = AlertRuleSetting

    rule = Rule.LOW_FLOAT
    parameters = LazyFunction(lambda: {"buffer_days": 5})


class WatchFactory(RowFactory[Watch]):
    class Meta:
        model = Watch

    person = SubFactory(UserFactory)
    kind = WatchKind.WATCH
    subject_kind = WatchSubject.ORDER_LINE
    subject_id = LazyFunction(new_id)


class ChatEndpointFactory(RowFactory[ChatEndpoint]):
    class Meta:
        model = ChatEndpoint

    name = Sequence(lambda n: f"Chat {n}")
    url = "https://chat.example/hook"
    secret = "whsec_c2VjcmV0"
    owner = SubFactory(UserFactory)


class SubscriptionFactory(RowFactory[Subscription]):
    class Meta:
        model = Subscription

    person = SubFactory(UserFactory)
    name = Sequence(lambda n: f"View {n}")


class SavedViewFactory(RowFactory[SavedView]):
    class Meta:
        model = SavedView

    owner = SubFactory(UserFactory)
    name = Sequence(lambda n: f"View {n}")
    slug = Sequence(lambda n: f"view-{n}")


class CalendarFeedFactory(RowFactory[CalendarFeed]):
    class Meta:
        model = CalendarFeed

    person = SubFactory(UserFactory)
    secret_hash = Sequence(lambda n: n.to_bytes(32))


class EvaluationFactory(RowFactory[Evaluation]):
    class Meta:
        model = Evaluation

    site = SubFactory(SiteFactory)
    as_of = date(2026, 11, 20)
    evaluated_at = NOON


class ImportBatchFactory(RowFactory[ImportBatch]):
    class Meta:
        model = ImportBatch

    kind = ImportKind.PROMISES
    file_name = "status.xlsx"
    file_sha256 = Sequence(lambda n: f"{n:064x}")
    content = b"a"
    sheet = "Orders"
    header_row = 1
    shape = "0" * 64
    stated_on = date(2026, 11, 19)
    uploaded_by = SubFactory(UserFactory)


class ImportRowFactory(RowFactory[ImportRow]):
    class Meta:
        model = ImportRow

    batch = SubFactory(ImportBatchFactory)
    number = Sequence(lambda n: n + 2)
    outcome = RowOutcome.NEW


class JobFactory(RowFactory[Job]):
    class Meta:
        model = Job

    client = SubFactory(ApiClientFactory)


class JobRowFactory(RowFactory[JobRow]):
    class Meta:
        model = JobRow

    job = SubFactory(JobFactory)
    place = Sequence(lambda n: n)
    body = {"op": "upsert"}


class ColumnMappingMemoryFactory(RowFactory[ColumnMappingMemory]):
    class Meta:
        model = ColumnMappingMemory

    company = SubFactory(CompanyFactory)
    kind = ImportKind.PROMISES
    shape = "0" * 64


class VendorRoundFactory(RowFactory[VendorRound]):
    class Meta:
        model = VendorRound

    company = SubFactory(CompanyFactory)
    asked_by = SubFactory(UserFactory)
    asked_on = date(2026, 11, 20)


class VendorQuestionFactory(RowFactory[VendorQuestion]):
    """About the contract step of a lot of its own."""

    class Meta:
        model = VendorQuestion

    round = SubFactory(VendorRoundFactory)
    lot = SubFactory(DeliveryLotFactory)
    milestone = LazyAttribute(lambda made: made.lot.chain.milestones.get(code="ON_SITE"))
    kind = VendorQuestionKind.NO_DATE
