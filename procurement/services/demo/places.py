"""Where the demo builds: desks, seven sites on their real calendars, grids and clocks, with blocks and gates.

Every date hangs on the ready-for-service (RFS) day of a block, given in days from the day of loading.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256

from procurement.services.demo.dated_chain import DatedChain, StepPlan
from procurement.services.demo.draft import Draft
from sites.accounts.models import User
from sites.domain.calendar import WorkingCalendar
from sites.models import (
    Activity,
    ActivityLink,
    Block,
    Desk,
    Gate,
    Phase,
    ScheduleCalendar,
    ScheduleRevision,
    Site,
    WorkCalendar,
)
from sites.vocabulary import (
    ActivityEdge,
    ActivityKind,
    ActivityStatus,
    BlockPolicy,
    ChainKind,
    ConstraintKind,
    DurationBasis,
    GateKind,
    Party,
    RevisionState,
    SiteStatus,
)

DESKS = (
    ("SYDNEY", "Sydney desk", "Australia/Sydney"),
    ("TOKYO", "Tokyo desk", "Asia/Tokyo"),
    ("LONDON", "London desk", "Europe/London"),
    ("US", "US desk", "America/New_York"),
)


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """`schedule_moved_days`: how far the accepted schedule has moved the block's dates against the baseline."""

    code: str
    it_mw: str
    rfs_in_days: int
    kit: str
    policy: BlockPolicy = BlockPolicy.CAN_CARRY
    schedule_moved_days: int = 0


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """`main_transformers` are what the phase adds to the site's group."""

    code: str
    main_transformers: int
    blocks: tuple[BlockPlan, ...]


@dataclass(frozen=True, slots=True)
class SitePlan:
    code: str
    name: str
    desk: str
    country: str
    calendar: str
    time_zone: str
    currency: str
    latitude: str
    longitude: str
    hertz: int
    zone: str
    address: str
    phases: tuple[PhasePlan, ...]
    pue: str = "1.30"
    status: SiteStatus = SiteStatus.CONSTRUCTION

    @property
    def blocks(self) -> tuple[BlockPlan, ...]:
        return tuple(block for phase in self.phases for block in phase.blocks)


_REDUNDANT = BlockPolicy.REDUNDANT

SITES = (
    SitePlan(
        "SYD01", "Sydney West", "SYDNEY", "AU", "AU-NSW", "Australia/Sydney", "AUD", "-33.80000", "150.87000", 50,
        "NSW1", "Gate 2, Sydney West campus, New South Wales",
        (
            PhasePlan("P1", 2, (BlockPlan("H1", "9.6", -34, "AIR"), BlockPlan("H2", "9.6", 152, "AIR"))),
            PhasePlan("P2", 1, (BlockPlan("H3", "12", 331, "AIR"), BlockPlan("H4", "12", 523, "LIQUID"))),
        ),
    ),
    SitePlan(
        "TYO01", "Tokyo Inzai", "TOKYO", "JP", "JP", "Asia/Tokyo", "JPY", "35.80000", "140.12000", 50, "TOKYO",
        "North gate, Tokyo Inzai campus, Chiba",
        (
            PhasePlan("P1", 2, (BlockPlan("H1", "8", 118, "WATER"), BlockPlan("H2", "8", 296, "WATER"))),
            PhasePlan("P2", 1, (BlockPlan("H3", "16", 478, "LIQUID", _REDUNDANT),)),
        ),
        pue="1.28",
    ),
    SitePlan(
        "FRA01", "Frankfurt West", "LONDON", "DE", "DE-HE", "Europe/Berlin", "EUR", "50.11000", "8.55000", 50, "DE_LU",
        "Tor 3, Campus Frankfurt West, Hessen",
        (
            PhasePlan("P1", 2, (BlockPlan("H1", "10", 92, "LIQUID"), BlockPlan("H2", "10", 262, "LIQUID"))),
            PhasePlan("P2", 1, (BlockPlan("H3", "15", 433, "LIQUID"),)),
        ),
        pue="1.22",
    ),
    SitePlan(
        "AMS01", "Amsterdam South", "LONDON", "NL", "NL", "Europe/Amsterdam", "EUR", "52.28000", "4.85000", 50, "NL",
        "Poort B, campus Amsterdam South",
        (PhasePlan("P1", 2, (BlockPlan("H1", "7.2", 203, "FRESH_AIR"), BlockPlan("H2", "7.2", 382, "FRESH_AIR"))),),
        pue="1.20",
    ),
    SitePlan(
        "PAR01", "Paris North", "LONDON", "FR", "FR", "Europe/Paris", "EUR", "48.94000", "2.36000", 50, "FR",
        "Entrée nord, campus Paris North",
        (PhasePlan("P1", 2, (BlockPlan("H1", "9", 242, "WATER", schedule_moved_days=-16),
                             BlockPlan("H2", "9", 405, "WATER"))),),
    ),
    SitePlan(
        "DUB01", "Dublin West", "LONDON", "IE", "IE", "Europe/Dublin", "EUR", "53.34000", "-6.43000", 50, "SEM",
        "Gate 1, Dublin West campus",
        (PhasePlan("P1", 2, (BlockPlan("H1", "6.4", 64, "FRESH_AIR", schedule_moved_days=9),
                             BlockPlan("H2", "6.4", 283, "FRESH_AIR"))),),
        pue="1.18",
        status=SiteStatus.COMMISSIONING,
    ),
    SitePlan(
        "IAD01", "Northern Virginia", "US", "US", "US-VA", "America/New_York", "USD", "39.02000", "-77.46000", 60,
        "WESTERN HUB", "Gate 4, Northern Virginia campus, Virginia",
        (
            PhasePlan("P1", 2, (BlockPlan("H1", "18", 108, "AIR"), BlockPlan("H2", "18", 233, "AIR"))),
            PhasePlan("P2", 2, (BlockPlan("H3", "24", 362, "LIQUID", _REDUNDANT),)),
        ),
        pue="1.25",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GatePlan:
    """`before_rfs_days` are calendar days before the block's RFS, then back to a working day."""

    kind: GateKind
    before_rfs_days: int
    activity: str


BLOCK_GATES = (
    GatePlan(GateKind.DRY_IN, 185, "Roof and walls tight"),
    GatePlan(GateKind.PADS_READY, 170, "Outdoor pads handed over"),
    GatePlan(GateKind.MV_ROOM_READY, 150, "MV room handed over"),
    GatePlan(GateKind.EQUIPMENT_SET, 120, "Set plant"),
    GatePlan(GateKind.ENERGISED, 100, "Permanent power on"),
    GatePlan(GateKind.L3, 75, "Pre-functional tests"),
    GatePlan(GateKind.L4, 50, "Functional tests under load"),
    GatePlan(GateKind.L5, 21, "Integrated systems test"),
    GatePlan(GateKind.RFS, 0, "Ready for service"),
)
PERMIT_BEFORE_RFS_DAYS = 490
HV_YARD_BEFORE_RFS_DAYS = 172


@dataclass
class BuiltBlock:
    plan: BlockPlan
    row: Block
    gates: dict[str, Gate] = field(default_factory=dict)
    dates: dict[str, date] = field(default_factory=dict)
    """What the accepted schedule says now, by gate kind in capitals."""
    activity_codes: dict[str, str] = field(default_factory=dict)


@dataclass
class BuiltPhase:
    plan: PhasePlan
    row: Phase
    hv_yard: Gate
    hv_yard_on: date
    blocks: list[BuiltBlock] = field(default_factory=list)


@dataclass
class BuiltSite:
    plan: SitePlan
    row: Site
    working: WorkingCalendar
    project_code: str
    phases: list[BuiltPhase] = field(default_factory=list)

    @property
    def blocks(self) -> Iterator[BuiltBlock]:
        return (block for phase in self.phases for block in phase.blocks)


def add_desks(draft: Draft) -> dict[str, Desk]:
    return {
        code: draft.add(Desk(id=draft.key("desk", code), code=code, name=name, time_zone=zone))
        for code, name, zone in DESKS
    }


def add_site(draft: Draft, plan: SitePlan, desk: Desk, author: User) -> BuiltSite:
    calendar = _site_calendar(draft, plan)
    row = draft.add(
        Site(
            id=draft.key("site", plan.code),
            code=plan.code,
            name=plan.name,
            desk=desk,
            country=plan.country,
            calendar=calendar,
            time_zone=plan.time_zone,
            currency=plan.currency,
            latitude=Decimal(plan.latitude),
            longitude=Decimal(plan.longitude),
            grid_frequency_hz=plan.hertz,
            settlement_zone=plan.zone,
            status=plan.status,
            delivery_address=plan.address,
        )
    )
    site = BuiltSite(plan, row, draft.working(calendar), f"{plan.code}-MAIN")
    schedule = _Schedule(draft, site, author)
    for phase in plan.phases:
        _add_phase(draft, site, phase, schedule, author)
    schedule.link()
    return site


def _site_calendar(draft: Draft, plan: SitePlan) -> WorkCalendar:
    """Builders stop over the turn of the year, in Paris in August too."""
    years = range(draft.today.year - 4, draft.today.year + 4)
    closures = [(date(year, 12, 24), date(year + 1, 1, 3), "Site closed over the new year") for year in years]
    if plan.country == "FR":
        closures += [(date(year, 8, 8), date(year, 8, 21), "August closure of the trades") for year in years]
    if plan.country == "JP":
        closures += [(date(year, 8, 12), date(year, 8, 16), "Obon") for year in years]
    return draft.add_calendar(f"Site {plan.code}", plan.calendar, closures)


def _add_phase(draft: Draft, site: BuiltSite, plan: PhasePlan, schedule: "_Schedule", author: User) -> None:
    first_rfs = draft.day(min(block.rfs_in_days for block in plan.blocks))
    it_mw = sum((Decimal(block.it_mw) for block in plan.blocks), Decimal(0))
    row = draft.add(
        Phase(
            id=draft.key("phase", site.plan.code, plan.code),
            site=site.row,
            code=plan.code,
            name=f"Phase {plan.code[1:]}",
            it_mw=it_mw,
            gross_mw=(it_mw * Decimal(site.plan.pue)).quantize(Decimal("0.001")),
            rfs_baseline_on=first_rfs,
        )
    )
    permit_on = _workday(site, first_rfs - timedelta(days=PERMIT_BEFORE_RFS_DAYS))
    schedule.add_gate(f"{plan.code} permit", GateKind.PERMIT, "Building permit", permit_on, permit_on, phase=row)
    yard_on = _workday(site, first_rfs - timedelta(days=HV_YARD_BEFORE_RFS_DAYS))
    yard, now_on, _ = schedule.add_gate(
        f"{plan.code} HV yard", GateKind.PADS_READY, "HV yard pads handed over", yard_on, yard_on, phase=row,
        name="HV yard",
    )  # fmt: skip
    phase = BuiltPhase(plan, row, yard, now_on)
    site.phases.append(phase)
    for block in plan.blocks:
        phase.blocks.append(_add_block(draft, site, phase, block, schedule))


def _add_block(draft: Draft, site: BuiltSite, phase: BuiltPhase, plan: BlockPlan, schedule: "_Schedule") -> BuiltBlock:
    baseline_on = _workday(site, draft.day(plan.rfs_in_days))
    moved = timedelta(days=plan.schedule_moved_days)
    plan_on = _workday(site, baseline_on + moved)
    built = BuiltBlock(
        plan,
        draft.add(
            Block(
                id=draft.key("block", site.plan.code, phase.plan.code, plan.code),
                phase=phase.row,
                code=plan.code,
                name=f"Hall {plan.code[1:]}",
                it_mw=Decimal(plan.it_mw),
                rfs_baseline_on=baseline_on,
                rfs_plan_on=plan_on,
                rfs_actual_on=plan_on if plan_on < draft.today else None,
                policy=plan.policy,
            )
        ),
    )
    for gate in BLOCK_GATES:
        planned_on = _workday(site, baseline_on - timedelta(days=gate.before_rfs_days))
        now_on = planned_on if gate.kind == GateKind.RFS and not moved else _workday(site, planned_on + moved)
        if gate.kind == GateKind.RFS:
            now_on = plan_on
        name = gate.kind.value.upper()
        built.gates[name], built.dates[name], built.activity_codes[name] = schedule.add_gate(
            f"{plan.code} {name}", gate.kind, f"{gate.activity}, {plan.code}", planned_on, now_on,
            phase=phase.row, block=built.row,
        )  # fmt: skip
    return built


def _workday(site: BuiltSite, day: date) -> date:
    """The day, or the last working day before it."""
    return day if site.working.is_working_day(day) else site.working.back(day, 1, DurationBasis.WORKING)


_CALENDAR = "1"
_SHIFTS = [[480, 720], [780, 1020]]
_HOURS_A_DAY = 8


def _in_the_morning(day: date) -> datetime:
    return datetime.combine(day, time(8))


def _at_work(day: date) -> datetime:
    """The end of the site's working day, without a zone, as planning tools write it."""
    return datetime.combine(day, time(17))


class _Schedule:
    """The accepted revision of the site's schedule: a milestone a gate, and the work between two of them.

    The work takes every day of the week, so that the schedule's own logic gives its dates to the day.
    """

    def __init__(self, draft: Draft, site: BuiltSite, author: User) -> None:
        self.draft, self.site, self.author = draft, site, author
        data_on = draft.day(-12)
        file_name = f"{site.plan.code.lower()}-update-{data_on:%Y%m}.xer"
        self.revision = draft.add(
            ScheduleRevision(
                id=draft.key("revision", site.plan.code),
                site=site.row,
                project_code=site.project_code,
                project_name=f"{site.plan.name}, main schedule",
                data_date=data_on,
                data_moment=_in_the_morning(data_on),
                calendar_key=_CALENDAR,
                file_name=file_name,
                file_sha256=sha256(f"{draft.today}:{file_name}".encode()).hexdigest(),
                state=RevisionState.ACCEPTED,
                uploaded_by=author,
                decided_by=author,
                decided_at=draft.instant(draft.day(-10)),
            )
        )
        draft.add(
            ScheduleCalendar(
                id=draft.key("schedule calendar", site.plan.code),
                revision=self.revision,
                key=_CALENDAR,
                name="Every day, 8:00 to 17:00",
                hours_per_day=Decimal(_HOURS_A_DAY),
                week=[_SHIFTS] * 7,
            )
        )
        self.activities: list[Activity] = []

    def add_gate(
        self,
        label: str,
        kind: GateKind,
        activity: str,
        planned_on: date,
        now_on: date,
        *,
        phase: Phase,
        block: Block | None = None,
        name: str = "",
    ) -> tuple[Gate, date, str]:
        """The gate, the date it has now (actual if past) and the code of the activity it follows."""
        draft, site = self.draft, self.site
        code = f"A{1000 + 10 * len(self.activities)}"
        label = f"gate {site.plan.code} {label}"
        milestone = kind.value.upper()
        chain = DatedChain(
            draft, label, kind=ChainKind.GATE, site=site.row, site_calendar=site.working, anchor=milestone,
            steps=[StepPlan(milestone, 0, DurationBasis.CALENDAR, None, Party.SITE)],
            starts_on=planned_on, planned_on=planned_on, cause="Baseline schedule accepted", author=self.author,
        )  # fmt: skip
        is_done = now_on < draft.day(-2)
        if is_done:
            chain.happened(milestone, now_on, by=self.author)
        gate = draft.add(
            Gate(
                id=draft.key(label),
                site=site.row,
                phase=phase,
                block=block,
                kind=kind,
                name=name,
                chain=chain.row,
                project_code=site.project_code,
                activity_code=code,
                activity_edge=ActivityEdge.FINISH,
                followed_on=now_on,
            )
        )
        self.activities.append(
            draft.add(
                Activity(
                    id=draft.key("activity", site.plan.code, code),
                    revision=self.revision,
                    code=code,
                    name=activity,
                    wbs=f"{site.plan.code}.{phase.code}" + (f".{block.code}" if block else ""),
                    place=10 * (len(self.activities) + 1),
                    kind=ActivityKind.FINISH_MILESTONE,
                    calendar_key=_CALENDAR,
                    original_hours=Decimal(0),
                    remaining_hours=Decimal(0),
                    status=ActivityStatus.COMPLETED if is_done else ActivityStatus.NOT_STARTED,
                    planned_start=_at_work(planned_on),
                    planned_finish=_at_work(planned_on),
                    early_start=None if is_done else _at_work(now_on),
                    early_finish=None if is_done else _at_work(now_on),
                    actual_start=_at_work(now_on) if is_done else None,
                    actual_finish=_at_work(now_on) if is_done else None,
                    total_float_hours=None if is_done else Decimal(0),
                )
            )
        )
        return gate, now_on, code

    def link(self) -> None:
        """Finish to start along each block, over the work between; the first of each stands where it is put."""
        first = self.activities[:1] + [
            after
            for before, after in zip(self.activities, self.activities[1:], strict=False)
            if before.wbs != after.wbs
        ]
        for gate in first:
            if gate.early_finish is not None:
                gate.constraint, gate.constraint_moment = ConstraintKind.START_ON_OR_AFTER, gate.early_finish
        self._float()
        for before, after in zip(self.activities, self.activities[1:], strict=False):
            if before.wbs == after.wbs:
                work = self._work(before, after)
                self._link(before, work or after)
                if work is not None:
                    self._link(work, after)

    def _float(self) -> None:
        """What is left between the end of each block's own chain and that of the last of them."""
        ends: dict[str, date] = {}
        for gate in self.activities:
            if gate.early_finish is not None:
                ends[gate.wbs] = max(ends.get(gate.wbs, gate.early_finish.date()), gate.early_finish.date())
        for gate in self.activities:
            if gate.early_finish is not None:
                gate.total_float_hours = Decimal((max(ends.values()) - ends[gate.wbs]).days * _HOURS_A_DAY)

    def _work(self, before: Activity, after: Activity) -> Activity | None:
        """From the day after one gate to the other; None where they fall on one day."""
        assert before.finish is not None
        assert after.finish is not None
        days = (after.finish.date() - before.finish.date()).days
        if days < 1:
            return None
        starts, ends = _in_the_morning(before.finish.date() + timedelta(days=1)), after.finish
        status, left = ActivityStatus(after.status), days
        data_on = self.revision.data_date
        if status is not ActivityStatus.COMPLETED and starts.date() < data_on:
            status, left = ActivityStatus.IN_PROGRESS, (ends.date() - data_on).days + 1
        is_done, is_open = status is ActivityStatus.COMPLETED, status is ActivityStatus.NOT_STARTED
        return self.draft.add(
            Activity(
                id=self.draft.key("work", self.site.plan.code, after.code),
                revision=self.revision,
                code=f"W{after.code[1:]}",
                name=f"Work before: {after.name}",
                wbs=after.wbs,
                place=after.place - 5,
                calendar_key=_CALENDAR,
                original_hours=Decimal(days * _HOURS_A_DAY),
                remaining_hours=Decimal(0 if is_done else left * _HOURS_A_DAY),
                status=status,
                early_start=None if is_done else starts if is_open else _in_the_morning(data_on),
                early_finish=None if is_done else ends,
                actual_start=None if is_open else starts,
                actual_finish=ends if is_done else None,
                total_float_hours=after.total_float_hours,
            )
        )

    def _link(self, first: Activity, then: Activity) -> None:
        self.draft.add(ActivityLink(id=self.draft.key("link", first.pk, then.pk), predecessor=first, successor=then))
