"""What each block of the demo needs: groups with their spares, single requirements, and when they must be there."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from procurement.models import EquipmentClass, GroupNeed, RedundancyGroup, Requirement, RosAnchor
from procurement.services.demo.catalogue import EQUIPMENT, HALL, HV_YARD, KITS, ClassPlan, KitItem, plan_of
from procurement.services.demo.draft import Draft
from procurement.services.demo.places import BuiltBlock, BuiltPhase, BuiltSite
from procurement.vocabulary import Criticality, RosRule
from sites.models import Block, Gate
from sites.vocabulary import ActivityEdge, DurationBasis


@dataclass
class Slot:
    """The units of one class that one block (or the yard of one phase) waits for together.

    `required_on` is their required-on-site date; null where nobody has given one.
    """

    site: BuiltSite
    plan: ClassPlan
    place: str
    required_on: date | None
    unit: str
    requirements: list[Requirement] = field(default_factory=list)

    @property
    def quantity(self) -> Decimal:
        return sum((each.quantity for each in self.requirements), Decimal(0))

    @property
    def name(self) -> tuple[str, str, str]:
        return self.site.plan.code, self.plan.code, self.place


def add_requirements(draft: Draft, site: BuiltSite, classes: dict[str, EquipmentClass]) -> list[Slot]:
    """In the order of their classes, then of their places."""
    work = _SiteNeeds(draft, site, classes)
    slots = work.shared_power()
    for phase in site.phases:
        for block in phase.blocks:
            slots += [work.slot(phase, block, item) for item in KITS[block.plan.kit]]
    slots += work.odd_ones()
    return slots


class _SiteNeeds:
    def __init__(self, draft: Draft, site: BuiltSite, classes: dict[str, EquipmentClass]) -> None:
        self.draft, self.site, self.classes = draft, site, classes

    def shared_power(self) -> list[Slot]:
        """Main transformers serve the whole site, MV switchgear its phase: a block needs what is there before it."""
        slots = []
        transformers = self._group("HV_TRANSFORMER", "TX", "Main transformers")
        carried = 0
        for phase in self.site.phases:
            slot = self._yard_slot(phase, "HV_TRANSFORMER", phase.plan.main_transformers, transformers, carried)
            carried += phase.plan.main_transformers
            slots.append(slot)
            for block in phase.blocks:
                self._need(block.row, transformers, max(1, carried - 1))
            lineups = self._group("MV_SWITCHGEAR", f"MVG-{phase.plan.code}", f"MV line-ups, {phase.row.name}")
            slots.append(self._first_block_slot(phase, "MV_SWITCHGEAR", 2, lineups))
            for block in phase.blocks:
                self._need(block.row, lineups, 2)
        return slots

    def slot(self, phase: BuiltPhase, block: BuiltBlock, item: KitItem) -> Slot:
        plan = plan_of(item.class_code)
        slot = Slot(self.site, plan, block.plan.code, None, item.unit)
        if item.needed is None:
            self._require(slot, f"{plan.tag}-{block.plan.code}", phase, block, None, Decimal(item.units), item.unit)
            return slot
        group = self._group(plan.code, f"{plan.tag}-{block.plan.code}", f"{plan.name}, {block.row.name}")
        self._need(block.row, group, item.needed)
        for number in range(1, item.units + 1):
            self._require(slot, f"{plan.tag}-{block.plan.code}-{number:02}", phase, block, group)
        return slot

    def odd_ones(self) -> list[Slot]:
        """A date typed by hand, and a need that nobody has dated yet."""
        phase, block = self.site.phases[-1], self.site.phases[-1].blocks[-1]
        slots = []
        if self.site.plan.code in {"SYD01", "AMS01"}:
            plan = plan_of("BESS")
            slot = Slot(self.site, plan, "YARD", None, "EA")
            on = block.dates["PADS_READY"]
            for number in (1, 2):
                self._require(slot, f"BES-YARD-{number:02}", phase, None, None, fixed_on=on, plan=plan)
            slots.append(slot)
        if self.site.plan.code in {"TYO01", "IAD01"}:
            plan = plan_of("LOAD_BANK")
            slot = Slot(self.site, plan, "SPARE", None, "EA")
            self._require(slot, "LB-SPARE-01", phase, None, None, dated=False, plan=plan)
            slots.append(slot)
        return slots

    # -- rows ----------------------------------------------------------------------------------------------------

    def _yard_slot(
        self, phase: BuiltPhase, class_code: str, units: int, group: RedundancyGroup, numbered_from: int
    ) -> Slot:
        plan = plan_of(class_code)
        slot = Slot(self.site, plan, phase.plan.code, None, "EA")
        for number in range(numbered_from + 1, numbered_from + units + 1):
            self._require(slot, f"{plan.tag}-{number:02}", phase, None, group)
        return slot

    def _first_block_slot(self, phase: BuiltPhase, class_code: str, units: int, group: RedundancyGroup) -> Slot:
        plan = plan_of(class_code)
        slot = Slot(self.site, plan, phase.plan.code, None, "EA")
        first = min(phase.blocks, key=lambda block: block.plan.rfs_in_days)
        for number in range(1, units + 1):
            tag = f"{plan.tag}-{phase.plan.code}-{'AB'[number - 1]}"
            self._require(slot, tag, phase, first, group, belongs_to_block=False)
        return slot

    def _require(
        self,
        slot: Slot,
        tag: str,
        phase: BuiltPhase,
        block: BuiltBlock | None,
        group: RedundancyGroup | None,
        quantity: Decimal = Decimal(1),
        unit: str = "EA",
        *,
        plan: ClassPlan | None = None,
        fixed_on: date | None = None,
        dated: bool = True,
        belongs_to_block: bool = True,
    ) -> None:
        plan = plan or slot.plan
        site = self.site.row
        rule = RosRule.FIXED if fixed_on else RosRule.ANCHORED if dated else RosRule.NONE
        row = self.draft.add(
            Requirement(
                id=self.draft.key("requirement", site.code, tag),
                site=site,
                phase=phase.row,
                block=block.row if block and belongs_to_block else None,
                tag=tag,
                description=f"{plan.name} {tag}",
                equipment_class=self.classes[plan.code],
                group=group,
                quantity=quantity,
                unit=unit,
                ros_rule=rule,
                ros_fixed_on=fixed_on,
                shake_out_days=plan.shake_out_days if rule == RosRule.ANCHORED else 0,
                shake_out_basis=DurationBasis.WORKING,
                criticality=plan.criticality if group else Criticality.NORMAL,
            )
        )
        row.required_on_site = fixed_on or (self._anchor(row, plan, phase, block) if dated else None)
        slot.required_on = row.required_on_site
        slot.requirements.append(row)

    def _anchor(self, row: Requirement, plan: ClassPlan, phase: BuiltPhase, block: BuiltBlock | None) -> date:
        """Yards and rooms are gates; setting plant and hall tests are named by the activity of the schedule."""
        key = self.draft.key("anchor", self.site.plan.code, row.tag)
        gate: Gate | None = None
        activity = ""
        if plan.needed_at == HV_YARD or block is None:
            gate, on = phase.hv_yard, phase.hv_yard_on
        elif plan.needed_at in {EQUIPMENT, HALL}:
            activity, on = block.activity_codes[plan.needed_at], block.dates[plan.needed_at]
        else:
            gate, on = block.gates[plan.needed_at], block.dates[plan.needed_at]
        self.draft.add(
            RosAnchor(
                id=key,
                requirement=row,
                gate=gate,
                project_code=self.site.project_code if activity else "",
                activity_code=activity,
                edge=ActivityEdge.FINISH,
                last_on=on,
            )
        )
        return self.site.working.back(on, plan.shake_out_days, DurationBasis.WORKING)

    def _group(self, class_code: str, code: str, name: str) -> RedundancyGroup:
        return self.draft.add(
            RedundancyGroup(
                id=self.draft.key("group", self.site.plan.code, code),
                site=self.site.row,
                equipment_class=self.classes[class_code],
                code=code,
                name=name,
            )
        )

    def _need(self, block: Block, group: RedundancyGroup, units: int) -> None:
        self.draft.add(
            GroupNeed(
                id=self.draft.key("need", self.site.plan.code, block.code, group.code),
                block=block,
                group=group,
                needed_units=units,
            )
        )
