"""Places, rights, dated chains and power. Make rows with `.create(...)`: that is what is typed."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory, Trait
from factory.helpers import post_generation

from sites.accounts.permissions import Role
from sites.models import (
    Absence,
    Activity,
    ActivityLink,
    AnchorRule,
    Assignment,
    Baseline,
    Block,
    Chain,
    Closure,
    Desk,
    Gate,
    GridConnection,
    LoadStep,
    Membership,
    Milestone,
    MilestoneRound,
    PersonCalendar,
    Phase,
    PowerPurchaseAgreement,
    PpaShare,
    Promise,
    PromiseRetraction,
    ScheduleBaselineActivity,
    ScheduleCalendar,
    ScheduleDecision,
    ScheduleDocument,
    ScheduleRevision,
    ScheduleWbs,
    Site,
    WorkCalendar,
)
from sites.vocabulary import (
    ActivityEdge,
    ActivityStatus,
    AgreementState,
    AgreementStructure,
    AnchorField,
    AnchorSubject,
    AssignmentScope,
    ChainKind,
    DecisionKind,
    GateKind,
    GridState,
    Party,
    Precision,
    PromiseSource,
    ScopeKind,
    VolumeShape,
)
from tests.factories.accounts import RowFactory, UserFactory


class WorkCalendarFactory(RowFactory[WorkCalendar]):
    class Meta:
        model = WorkCalendar
        django_get_or_create = ("name",)

    code = "AU-NSW"
    name = LazyAttribute(lambda made: made.code)


class ClosureFactory(RowFactory[Closure]):
    class Meta:
        model = Closure

    calendar = SubFactory(WorkCalendarFactory)
    from_on = date(2026, 12, 24)
    until_on = date(2027, 1, 4)
    reason = "Year end"


class DeskFactory(RowFactory[Desk]):
    class Meta:
        model = Desk
        django_get_or_create = ("code",)

    code = "SYDNEY"
    name = LazyAttribute(lambda made: made.code.title())
    time_zone = "Australia/Sydney"


class SiteFactory(RowFactory[Site]):
    class Meta:
        model = Site

    class Params:
        tokyo = Trait(
            desk=SubFactory(DeskFactory, code="TOKYO", time_zone="Asia/Tokyo"),
            country="JP",
            calendar=SubFactory(WorkCalendarFactory, code="JP"),
            time_zone="Asia/Tokyo",
            currency="JPY",
        )
        frankfurt = Trait(
            desk=SubFactory(DeskFactory, code="LONDON", time_zone="Europe/London"),
            country="DE",
            calendar=SubFactory(WorkCalendarFactory, code="DE-HE"),
            time_zone="Europe/Berlin",
            currency="EUR",
        )

    code = Sequence(lambda n: f"S{n}")
    name = LazyAttribute(lambda made: f"Campus {made.code}")
    desk = SubFactory(DeskFactory)
    country = "AU"
    calendar = SubFactory(WorkCalendarFactory)
    time_zone = "Australia/Sydney"
    currency = "AUD"


class PhaseFactory(RowFactory[Phase]):
    class Meta:
        model = Phase

    site = SubFactory(SiteFactory)
    code = Sequence(lambda n: f"P{n}")
    it_mw = Decimal("24")
    rfs_baseline_on = date(2027, 12, 1)


class BlockFactory(RowFactory[Block]):
    class Meta:
        model = Block

    phase = SubFactory(PhaseFactory)
    code = Sequence(lambda n: f"H{n}")
    it_mw = Decimal("8")
    rfs_baseline_on = date(2027, 12, 1)
    rfs_plan_on = date(2027, 12, 1)


class ChainFactory(RowFactory[Chain]):
    """`steps` is a list of milestone fields in order; a code alone will do."""

    class Meta:
        model = Chain

    kind = ChainKind.LOT
    site = SubFactory(SiteFactory)
    anchor_code = "ON_SITE"

    @post_generation  # type: ignore[untyped-decorator]
    def steps(self: Chain, create: bool, extracted: list[dict[str, object] | str] | None, **kwargs: object) -> None:
        for place, step in enumerate(extracted or ()):
            given = {"code": step} if isinstance(step, str) else step
            MilestoneFactory.create(**{"chain": self, "sequence": place, **given})


class MilestoneFactory(RowFactory[Milestone]):
    class Meta:
        model = Milestone

    chain = SubFactory(ChainFactory)
    sequence = Sequence(lambda n: n)
    code = Sequence(lambda n: f"STEP_{n}")


class BaselineFactory(RowFactory[Baseline]):
    """`dates` maps milestone codes to ISO days."""

    class Meta:
        model = Baseline

    chain = SubFactory(ChainFactory)
    version = 1
    dates: dict[str, str] = {}
    cause = "Order signed"


class PromiseFactory(RowFactory[Promise]):
    """A promise of a day, straight into the ledger. Later ones of a milestone take later places."""

    class Meta:
        model = Promise

    class Params:
        tbd = Trait(precision=Precision.TBD, counts_on=None, value="")

    milestone = SubFactory(MilestoneFactory)
    place = Sequence(lambda n: n)
    precision = Precision.DAY
    counts_on = date(2027, 5, 21)
    value = LazyAttribute(lambda made: made.counts_on.isoformat())
    stated_on = date(2026, 10, 1)
    recorded_at = LazyAttribute(lambda made: f"{made.stated_on.isoformat()}T12:00:00+00:00")
    statement_id = LazyFunction(uuid4)
    source = PromiseSource.EMAIL
    responsible = Party.VENDOR


class RetractionFactory(RowFactory[PromiseRetraction]):
    class Meta:
        model = PromiseRetraction

    promise = SubFactory(PromiseFactory)
    reason = "Typed on the wrong order"


class MilestoneRoundFactory(RowFactory[MilestoneRound]):
    class Meta:
        model = MilestoneRound

    milestone = SubFactory(MilestoneFactory)
    number = Sequence(lambda n: n + 1)
    submitted_on = date(2026, 9, 25)


class GateFactory(RowFactory[Gate]):
    """`planned_on` and `actual_on` are those of its only milestone."""

    class Meta:
        model = Gate

    site = SubFactory(SiteFactory)
    kind = GateKind.DRY_IN
    chain = SubFactory(
        ChainFactory, kind=ChainKind.GATE, site=SelfAttribute("..site"), anchor_code=SelfAttribute("..kind.value")
    )

    @post_generation  # type: ignore[untyped-decorator]
    def planned_on(self: Gate, create: bool, extracted: date | None, **kwargs: object) -> None:
        MilestoneFactory.create(
            chain=self.chain, sequence=0, code=self.chain.anchor_code, planned_on=extracted or date(2027, 10, 5)
        )

    @post_generation  # type: ignore[untyped-decorator]
    def actual_on(self: Gate, create: bool, extracted: date | None, **kwargs: object) -> None:
        self.chain.milestones.update(actual_on=extracted)


class GridConnectionFactory(RowFactory[GridConnection]):
    class Meta:
        model = GridConnection

    site = SubFactory(SiteFactory)
    name = Sequence(lambda n: f"Feeder {n}")
    utility = "Harbour Grid"
    state = GridState.WORKS
    requested_mw = Decimal("30")
    energisation_target_on = date(2027, 8, 1)
    chain = SubFactory(
        ChainFactory,
        kind=ChainKind.GRID_CONNECTION,
        site=SelfAttribute("..site"),
        anchor_code="ENERGISED",
        steps=["SIGNED", {"code": "ENERGISED", "duration_days": 300}],
    )


class LoadStepFactory(RowFactory[LoadStep]):
    """Of the whole site; with a `block`, of that block."""

    class Meta:
        model = LoadStep

    site = SubFactory(SiteFactory)
    from_on = date(2027, 12, 1)
    gross_mw = Decimal("10")


class AgreementFactory(RowFactory[PowerPurchaseAgreement]):
    class Meta:
        model = PowerPurchaseAgreement

    code = Sequence(lambda n: f"PPA-{n}")
    name = Sequence(lambda n: f"Wind farm {n}")
    seller = "Ridge Renewables"
    country = "AU"
    state = AgreementState.CONSTRUCTION
    structure = AgreementStructure.SLEEVED
    volume_shape = VolumeShape.PAY_AS_PRODUCED
    contracted_mw = Decimal("40")
    buyer = "Halls Owner"
    term_years = Decimal("10")
    price = Decimal("70")
    currency = "AUD"
    target_cod_on = date(2027, 6, 1)
    guaranteed_cod_on = date(2027, 9, 1)
    long_stop_on = date(2028, 3, 1)
    chain = SubFactory(
        ChainFactory,
        kind=ChainKind.AGREEMENT,
        site=None,
        anchor_code="COD",
        steps=["SIGNED", {"code": "COD", "duration_days": 400}],
    )


class ShareFactory(RowFactory[PpaShare]):
    class Meta:
        model = PpaShare

    agreement = SubFactory(AgreementFactory)
    site = SubFactory(SiteFactory)
    share_mw = Decimal("12")


class ScheduleRevisionFactory(RowFactory[ScheduleRevision]):
    class Meta:
        model = ScheduleRevision

    site = SubFactory(SiteFactory)
    project_code = "BUILD"
    data_date = date(2026, 11, 1)
    file_name = "build.xer"
    file_sha256 = Sequence(lambda n: f"{n:064}")


class ScheduleDocumentFactory(RowFactory[ScheduleDocument]):
    class Meta:
        model = ScheduleDocument

    site = SubFactory(SiteFactory)
    file_name = "build.xer"
    sha256 = Sequence(lambda n: f"{n:064}")
    content = b"ERMHDR"


class ScheduleDecisionFactory(RowFactory[ScheduleDecision]):
    class Meta:
        model = ScheduleDecision

    revision = SubFactory(ScheduleRevisionFactory)
    kind = DecisionKind.ACCEPTED
    decided_at = datetime(2026, 11, 20, 12, tzinfo=UTC)


class ScheduleCalendarFactory(RowFactory[ScheduleCalendar]):
    class Meta:
        model = ScheduleCalendar

    revision = SubFactory(ScheduleRevisionFactory)
    key = Sequence(lambda n: f"{n}")


class ScheduleWbsFactory(RowFactory[ScheduleWbs]):
    class Meta:
        model = ScheduleWbs

    revision = SubFactory(ScheduleRevisionFactory)
    key = Sequence(lambda n: f"{n}")


class ScheduleBaselineActivityFactory(RowFactory[ScheduleBaselineActivity]):
    class Meta:
        model = ScheduleBaselineActivity

    revision = SubFactory(ScheduleRevisionFactory)
    baseline = "BUILD-B1"
    code = Sequence(lambda n: f"A{n}")


class AnchorRuleFactory(RowFactory[AnchorRule]):
    """Binds requirements by their tag in the name of an activity."""

    class Meta:
        model = AnchorRule

    site = SubFactory(SiteFactory)
    project_code = "BUILD"
    subject = AnchorSubject.REQUIREMENT
    field = AnchorField.NAME
    pattern = "Set {code}"
    edge = ActivityEdge.START


class ActivityFactory(RowFactory[Activity]):
    class Meta:
        model = Activity

    revision = SubFactory(ScheduleRevisionFactory)
    code = Sequence(lambda n: f"A{n}")
    status = ActivityStatus.NOT_STARTED


class ActivityLinkFactory(RowFactory[ActivityLink]):
    class Meta:
        model = ActivityLink

    predecessor = SubFactory(ActivityFactory)
    successor = SubFactory(ActivityFactory, revision=SelfAttribute("..predecessor.revision"))


class MembershipFactory(RowFactory[Membership]):
    """Of a site where one is given, else of a desk, else of the portfolio."""

    class Meta:
        model = Membership

    person = SubFactory(UserFactory)
    role = Role.VIEWER
    desk = None
    site = None
    scope = LazyAttribute(
        lambda made: ScopeKind.SITE if made.site else ScopeKind.DESK if made.desk else ScopeKind.PORTFOLIO
    )


class AssignmentFactory(RowFactory[Assignment]):
    """Of a site; for a class, company, order or line give `scope` and `subject_id`, and `site=None` for all sites."""

    class Meta:
        model = Assignment

    person = SubFactory(UserFactory)
    role = Role.EXPEDITER
    scope = AssignmentScope.SITE
    site = SubFactory(SiteFactory)


class AbsenceFactory(RowFactory[Absence]):
    class Meta:
        model = Absence

    person = SubFactory(UserFactory)
    from_on = date(2026, 11, 16)
    until_on = date(2026, 11, 27)


class PersonCalendarFactory(RowFactory[PersonCalendar]):
    class Meta:
        model = PersonCalendar

    person = SubFactory(UserFactory)
