"""Workbooks of records: orders, requirements, companies, lead times, blocks and gates."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from procurement.models import (
    Company,
    ForecastRun,
    ImportBatch,
    LeadTimeObservation,
    OrderLine,
    PurchaseOrder,
    Requirement,
    ScheduleLine,
)
from procurement.queries.invariants import broken
from procurement.services import imports, orders
from procurement.services.single import hold_site
from procurement.vocabulary import (
    CommercialStatus,
    Criticality,
    ImportKind,
    ImportState,
    LeadTimeKind,
    LineStatus,
    RosRule,
    RowOutcome,
)
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Block, Gate, Milestone, Phase, Promise, Site
from sites.vocabulary import GateKind, ScopeKind
from tests.factories.procurement import (
    AllocationFactory,
    CompanyFactory,
    EquipmentClassFactory,
    PurchaseOrderFactory,
    RequirementFactory,
)
from tests.factories.sites import (
    BlockFactory,
    GateFactory,
    MembershipFactory,
    PhaseFactory,
    PromiseFactory,
    SiteFactory,
)
from tests.procurement.services.order_documents import document, line
from tests.threads import beside, until_waiting
from tests.workbooks import xlsx

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
NEW, CHANGED, UNCHANGED, REFUSED = (
    RowOutcome.NEW,
    RowOutcome.CHANGED,
    RowOutcome.UNCHANGED,
    RowOutcome.REFUSED,
)


@pytest.fixture
def buyer() -> User:
    return MembershipFactory.create(role=Role.BUYER, scope=ScopeKind.PORTFOLIO).person


@pytest.fixture
def lead(site: Site) -> User:
    return MembershipFactory.create(role=Role.SITE_LEAD, site=site).person


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


def stage(actor: User, kind: ImportKind, *rows: Iterable[Any], name: str = "list.xlsx") -> ImportBatch:
    return imports.stage(
        content=xlsx(*rows), file_name=name, kind=kind, stated_on=date(2026, 11, 19), actor=actor, now=NOW
    )


def applied(actor: User, kind: ImportKind, *rows: Iterable[Any]) -> ImportBatch:
    return imports.apply(batch_id=stage(actor, kind, *rows).pk, actor=actor, now=NOW)


def undone(batch: ImportBatch, actor: User, *, force: bool = False) -> ImportBatch:
    return imports.undo(batch_id=batch.pk, reason="Wrong file", actor=actor, now=NOW, force=force)


def found(batch: ImportBatch) -> list[tuple[str, list[tuple[str, str]]]]:
    """Outcome and refusals of each row, as (address, message)."""
    return [
        (row.outcome, [(each["address"], each["message"]) for each in row.refusals])
        for row in batch.rows.order_by("number")
    ]


def changes(batch: ImportBatch, number: int) -> dict[str, tuple[str, str]]:
    return {each["field"]: (each["old"], each["new"]) for each in batch.rows.get(number=number).changes}


def left(batch: ImportBatch) -> dict[int, str]:
    return dict(batch.rows.exclude(left="").values_list("number", "left"))


class TestRequirements:
    HEADER = ("Site", "Tag", "Class", "Description", "Block", "Qty", "Priority", "Required on site")

    def test_new_ones_are_made_and_those_there_are_changed_in_what_the_file_says(self, site: Site, buyer: User) -> None:
        chiller = EquipmentClassFactory.create(code="CHILLER")
        block = BlockFactory.create(phase__site=site, phase__code="P1", code="B1")
        there = RequirementFactory.create(site=site, tag="CH-01", equipment_class=chiller, description="Chiller one")

        batch = applied(
            buyer,
            ImportKind.REQUIREMENTS,
            self.HEADER,
            ("SYD1", "CH-01", "CHILLER", None, "B1", 1, "high", None),
            ("SYD1", "CH-02", "CHILLER", "Chiller two", "P1/B1", None, None, date(2027, 9, 20)),
        )

        assert found(batch) == [(CHANGED, []), (NEW, [])]
        there.refresh_from_db()
        assert (there.description, there.block, there.phase, there.criticality) == (
            "Chiller one",
            block,
            block.phase,
            Criticality.HIGH,
        )
        made = Requirement.objects.get(site=site, tag="CH-02")
        assert (made.description, made.block, made.quantity, made.ros_rule, made.required_on_site) == (
            "Chiller two",
            block,
            Decimal(1),
            RosRule.FIXED,
            date(2027, 9, 20),
        )
        assert ForecastRun.objects.filter(site=site, cause_key=f"import:{batch.pk}").count() == 1
        assert broken() == []

    def test_the_same_block_said_in_its_short_form_is_no_change(self, site: Site, buyer: User) -> None:
        chiller = EquipmentClassFactory.create(code="CHILLER")
        block = BlockFactory.create(phase__site=site, phase__code="P1", code="B1")
        RequirementFactory.create(site=site, tag="CH-01", equipment_class=chiller, block=block, phase=block.phase)

        batch = stage(
            buyer, ImportKind.REQUIREMENTS, ("Site", "Tag", "Class", "Block"), ("SYD1", "CH-01", "CHILLER", "B1")
        )

        assert found(batch) == [(UNCHANGED, [])]

    def test_undoing_sets_back_what_was_changed_and_cancels_what_was_made(self, site: Site, buyer: User) -> None:
        chiller = EquipmentClassFactory.create(code="CHILLER")
        there = RequirementFactory.create(site=site, tag="CH-01", equipment_class=chiller, description="Chiller one")
        batch = applied(
            buyer,
            ImportKind.REQUIREMENTS,
            ("Site", "Tag", "Class", "Description"),
            ("SYD1", "CH-01", "CHILLER", "Other"),
            ("SYD1", "CH-02", "CHILLER", "Chiller two"),
        )

        undone(batch, buyer)

        there.refresh_from_db()
        assert there.description == "Chiller one"
        assert Requirement.objects.get(tag="CH-02").cancelled_at == NOW
        assert left(batch) == {}
        assert broken() == []

    def test_sending_it_again_after_the_undo_brings_back_what_was_cancelled(self, site: Site, buyer: User) -> None:
        EquipmentClassFactory.create(code="CHILLER")
        rows = (("Site", "Tag", "Class"), ("SYD1", "CH-02", "CHILLER"))
        undone(applied(buyer, ImportKind.REQUIREMENTS, *rows), buyer)

        applied(buyer, ImportKind.REQUIREMENTS, *rows)

        assert Requirement.objects.get(tag="CH-02").cancelled_at is None

    def test_what_was_changed_since_is_left_and_named_unless_forced(self, site: Site, buyer: User) -> None:
        chiller = EquipmentClassFactory.create(code="CHILLER")
        there = RequirementFactory.create(site=site, tag="CH-01", equipment_class=chiller, description="Chiller one")
        rows = (("Site", "Tag", "Description"), ("SYD1", "CH-01", "From the file"))
        batch = applied(buyer, ImportKind.REQUIREMENTS, *rows)
        Requirement.objects.filter(pk=there.pk).update(description="By hand")

        undone(batch, buyer)

        there.refresh_from_db()
        assert there.description == "By hand"
        assert left(batch) == {2: "It was changed since."}

    def test_forced_it_is_set_back_all_the_same(self, site: Site, buyer: User) -> None:
        there = RequirementFactory.create(site=site, tag="CH-01", description="Chiller one")
        batch = applied(
            buyer, ImportKind.REQUIREMENTS, ("Site", "Tag", "Description"), ("SYD1", "CH-01", "From the file")
        )
        Requirement.objects.filter(pk=there.pk).update(description="By hand")

        undone(batch, buyer, force=True)

        there.refresh_from_db()
        assert there.description == "Chiller one"

    def test_a_new_one_that_units_are_meant_for_by_now_stays(self, site: Site, buyer: User) -> None:
        EquipmentClassFactory.create(code="CHILLER")
        batch = applied(buyer, ImportKind.REQUIREMENTS, ("Site", "Tag", "Class"), ("SYD1", "CH-02", "CHILLER"))
        made = Requirement.objects.get(tag="CH-02")
        AllocationFactory.create(requirement=made)

        undone(batch, buyer)

        made.refresh_from_db()
        assert made.cancelled_at is None
        assert left(batch) == {2: "Something refers to it by now."}

    def test_every_refusal_names_its_cell(self, site: Site, buyer: User) -> None:
        chiller = EquipmentClassFactory.create(code="CHILLER")
        for code in ("P1", "P2"):
            BlockFactory.create(phase__site=site, phase__code=code, code="B1")
        RequirementFactory.create(
            site=site,
            tag="CH-09",
            equipment_class=chiller,
            ros_rule=RosRule.ANCHORED,
            ros_fixed_on=None,
            required_on_site=date(2027, 9, 1),
        )

        batch = stage(
            buyer,
            ImportKind.REQUIREMENTS,
            self.HEADER,
            ("NOWHERE", "CH-02", "CHILLER"),
            ("SYD1", "CH-03"),
            ("SYD1", "CH-04", "BOILER"),
            ("SYD1", "CH-05", "CHILLER", None, "B1"),
            ("SYD1", "CH-06", "CHILLER", None, "B7"),
            ("SYD1", "CH-07", "CHILLER", None, None, 1.5),
            ("SYD1", "CH-08", "CHILLER", None, None, 0),
            ("SYD1", "CH-09", None, None, None, None, None, date(2027, 9, 20)),
            ("SYD1", "CH-10", "CHILLER", None, None, None, "sometimes"),
            ("SYD1", "CH-11", "CHILLER"),
            ("SYD1", "CH-11", "CHILLER"),
        )

        assert found(batch) == [
            (REFUSED, [("Orders!A2", "There is no site NOWHERE.")]),
            (REFUSED, [("Orders!C3", "A new requirement needs this.")]),
            (REFUSED, [("Orders!C4", "There is no class BOILER.")]),
            (REFUSED, [("Orders!E5", "Several phases have a block B1; write PHASE/BLOCK.")]),
            (REFUSED, [("Orders!E6", "The site has no block B7.")]),
            (REFUSED, [("Orders!F7", "Single units (EA) are counted in whole numbers.")]),
            (REFUSED, [("Orders!F8", "A number from 0.001 to 10000000 is expected.")]),
            (REFUSED, [("Orders!H9", "It follows the site's schedule; fix the date on its page first.")]),
            (REFUSED, [("Orders!G10", "sometimes is none of: low, normal, high.")]),
            (NEW, []),
            (REFUSED, [("Orders row 12", "Another row of this file is about the same.")]),
        ]
        assert Requirement.objects.count() == 1

    def test_who_may_only_look_is_refused_row_by_row(self, site: Site) -> None:
        EquipmentClassFactory.create(code="CHILLER")
        viewer = MembershipFactory.create(role=Role.VIEWER, site=site).person

        batch = stage(viewer, ImportKind.REQUIREMENTS, ("Site", "Tag", "Class"), ("SYD1", "CH-02", "CHILLER"))

        assert [outcome for outcome, _refusals in found(batch)] == [REFUSED]


class TestCompanies:
    HEADER = ("Code", "Name", "Country", "Is seller")

    def test_are_made_and_changed_by_their_code(self, buyer: User) -> None:
        there = CompanyFactory.create(code="KOALA", name="Koala Coils", country="AU", makes=False)

        batch = applied(
            buyer,
            ImportKind.COMPANIES,
            ("Code", "Name", "Country", "Makes"),
            ("koala", "Koala Cooling", None, "yes"),
            ("EMU", "Emu Switchgear", "au", True),
        )

        there.refresh_from_db()
        emu = Company.objects.get(code="EMU")
        assert (there.name, there.country, there.makes) == ("Koala Cooling", "AU", True)
        assert (emu.name, emu.country, emu.sells, emu.makes) == ("Emu Switchgear", "AU", True, True)
        assert changes(batch, 2) == {"name": ("Koala Coils", "Koala Cooling"), "makes": ("no", "yes")}

    def test_undoing_takes_a_new_one_away_unless_something_refers_to_it(self, buyer: User) -> None:
        batch = applied(
            buyer, ImportKind.COMPANIES, ("Code", "Name", "Country"), ("EMU", "Emu", "AU"), ("IBIS", "Ibis", "AU")
        )
        PurchaseOrderFactory.create(seller=Company.objects.get(code="IBIS"))

        undone(batch, buyer)

        assert list(Company.objects.filter(code__in=["EMU", "IBIS"]).values_list("code", flat=True)) == ["IBIS"]
        assert left(batch) == {3: "Something refers to it by now."}

    def test_of_many_new_ones_only_those_that_something_refers_to_stay(self, buyer: User) -> None:
        rows = [(f"C{number}", f"Company {number}", "AU", "yes") for number in range(9)]
        batch = applied(buyer, ImportKind.COMPANIES, self.HEADER, *rows)
        for code in ("C2", "C7"):
            PurchaseOrderFactory.create(seller=Company.objects.get(code=code))

        undone(batch, buyer)

        assert set(Company.objects.filter(code__startswith="C").values_list("code", flat=True)) >= {"C2", "C7"}
        assert not Company.objects.filter(code__in=["C0", "C1", "C3", "C8"]).exists()
        assert left(batch) == dict.fromkeys((4, 9), "Something refers to it by now.")

    def test_two_may_not_take_one_name_within_a_file(self, buyer: User) -> None:
        batch = stage(
            buyer, ImportKind.COMPANIES, self.HEADER, ("C1", "Koala", "AU", "yes"), ("C2", "koala", "AU", "yes")
        )

        assert (batch.rows_accepted, batch.rows_refused) == (1, 1)

    def test_every_refusal_names_its_cell(self, buyer: User) -> None:
        CompanyFactory.create(code="KOALA", name="Koala Coils")

        batch = stage(
            buyer,
            ImportKind.COMPANIES,
            ("Code", "Name", "Country", "Sells", "Makes"),
            ("EMU", "koala coils", "AU"),
            ("IBIS", "Ibis", "1A"),
            ("LORY", "Lory", "AU", "no", "no"),
            ("WREN", None, "AU"),
            ("TERN", "Tern", "AU", "perhaps"),
        )

        assert found(batch) == [
            (REFUSED, [("Orders!B2", "Another company has this name.")]),
            (REFUSED, [("Orders!C3", "A country is two letters of ISO 3166.")]),
            (REFUSED, [("Orders!D4", "A company sells, makes, or both.")]),
            (REFUSED, [("Orders!B5", "A new company needs this.")]),
            (REFUSED, [("Orders!D6", "Say yes or no.")]),
        ]


class TestLeadTimes:
    HEADER = ("Class", "Kind", "Weeks low", "Weeks high", "From step", "To step", "As of", "Source")

    def row(self, **other: Any) -> tuple[Any, ...]:
        said = {
            "class": "CHILLER", "kind": "quoted", "low": 30, "high": 40.5, "from": "PO_ISSUED", "to": "ON_SITE",
            "as_of": date(2026, 10, 1), "source": "Vendor letter",
        } | other  # fmt: skip
        return tuple(said.values())

    def test_are_added_once_and_the_same_row_again_is_unchanged(self, buyer: User) -> None:
        EquipmentClassFactory.create(code="CHILLER")
        applied(buyer, ImportKind.LEAD_TIMES, self.HEADER, self.row())

        again = stage(buyer, ImportKind.LEAD_TIMES, self.HEADER, self.row(), self.row(high=44), name="again.xlsx")

        made = LeadTimeObservation.objects.get()
        assert (made.kind, made.low_weeks, made.high_weeks, made.source) == (
            LeadTimeKind.QUOTED,
            Decimal(30),
            Decimal("40.5"),
            "Vendor letter",
        )
        assert found(again) == [(UNCHANGED, []), (NEW, [])]

    def test_undoing_retires_them(self, buyer: User) -> None:
        EquipmentClassFactory.create(code="CHILLER")
        batch = applied(buyer, ImportKind.LEAD_TIMES, self.HEADER, self.row())

        undone(batch, buyer)

        made = LeadTimeObservation.objects.get()
        assert (made.retired_at, made.retire_reason) == (NOW, "Wrong file")

    def test_every_refusal_names_its_cell(self, buyer: User) -> None:
        EquipmentClassFactory.create(code="CHILLER")

        batch = stage(
            buyer,
            ImportKind.LEAD_TIMES,
            self.HEADER,
            self.row(**{"class": "BOILER"}),
            self.row(kind="achieved"),
            self.row(low=50),
            self.row(**{"from": "NOSUCH"}),
            self.row(as_of=None),
            self.row(source=None),
        )

        assert found(batch) == [
            (REFUSED, [("Orders!A2", "There is no such class.")]),
            (REFUSED, [("Orders!B3", "What was achieved comes from completed lines by itself.")]),
            (REFUSED, [("Orders!C4", "The low end is above the high end.")]),
            (REFUSED, [("Orders!E5", "The chain of this class has no such step.")]),
            (REFUSED, [("Orders!G6", "The cell is empty.")]),
            (REFUSED, [("Orders!H7", "The cell is empty.")]),
        ]


class TestBlocks:
    HEADER = ("Site", "Phase", "Block", "Name", "IT MW", "Phase IT MW", "RFS plan")

    def test_are_made_with_their_phase_and_changed(self, site: Site, lead: User) -> None:
        there = BlockFactory.create(phase__site=site, phase__code="P1", code="B1", it_mw=Decimal(8))

        applied(
            lead,
            ImportKind.BLOCKS,
            self.HEADER,
            ("SYD1", "P1", "B1", "Hall one", 9.5, None, date(2027, 12, 1)),
            ("SYD1", "P2", "B1", "Hall two", 12, 24, None),
        )

        there.refresh_from_db()
        made = Block.objects.get(phase__site=site, phase__code="P2", code="B1")
        assert (there.name, there.it_mw, there.rfs_plan_on) == ("Hall one", Decimal("9.5"), date(2027, 12, 1))
        assert (made.name, made.it_mw, made.phase.it_mw) == ("Hall two", Decimal(12), Decimal(24))

    def test_the_phase_that_two_rows_change_is_set_back(self, site: Site, lead: User) -> None:
        phase = PhaseFactory.create(site=site, code="P1", it_mw=Decimal(20))
        for code in ("B1", "B2"):
            BlockFactory.create(phase=phase, code=code)
        batch = applied(
            lead,
            ImportKind.BLOCKS,
            ("Site", "Phase", "Block", "Phase IT MW"),
            ("SYD1", "P1", "B1", 30),
            ("SYD1", "P1", "B2", 30),
        )
        phase.refresh_from_db()
        assert phase.it_mw == Decimal(30)

        undone(batch, lead)

        phase.refresh_from_db()
        assert (phase.it_mw, left(batch)) == (Decimal(20), {})

    def test_undoing_takes_new_ones_away_and_sets_back_the_others(self, site: Site, lead: User) -> None:
        there = BlockFactory.create(phase__site=site, phase__code="P1", code="B1", it_mw=Decimal(8))
        batch = applied(
            lead, ImportKind.BLOCKS, self.HEADER[:5], ("SYD1", "P1", "B1", None, 9), ("SYD1", "P1", "B2", None, 4)
        )

        undone(batch, lead)

        there.refresh_from_db()
        assert there.it_mw == Decimal(8)
        assert list(Block.objects.filter(phase__site=site)) == [there]
        assert broken() == []

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("way", ["there", "back"])
    def test_wait_for_a_calculation_of_their_site_before_they_are_locked(self, way: str) -> None:
        site = SiteFactory.create(code="SYD1")
        lead = MembershipFactory.create(role=Role.SITE_LEAD, site=site).person
        block = BlockFactory.create(phase__site=site, phase__code="P1", code="B1", it_mw=Decimal(8))
        rows = (self.HEADER[:5], ("SYD1", "P1", "B1", None, 9))
        batch = stage(lead, ImportKind.BLOCKS, *rows) if way == "there" else applied(lead, ImportKind.BLOCKS, *rows)

        with beside() as start:
            with transaction.atomic():
                hold_site(site.pk)
                work = start(
                    partial(imports.apply, batch_id=batch.pk, actor=lead, now=NOW)
                    if way == "there"
                    else partial(undone, batch, lead)
                )
                until_waiting()
                Block.objects.select_for_update(nowait=True).get(pk=block.pk)
            work.result()

        block.refresh_from_db()
        assert block.it_mw == Decimal(9 if way == "there" else 8)

    def test_every_refusal_names_its_cell(self, site: Site, lead: User) -> None:
        BlockFactory.create(phase__site=site, phase__code="P1", code="B1", rfs_baseline_on=date(2027, 6, 1))
        SiteFactory.create(code="TYO1")

        batch = stage(
            lead,
            ImportKind.BLOCKS,
            (*self.HEADER, "RFS baseline"),
            ("TYO1", "P1", "B1", None, 9),
            ("SYD1", "P9", "B1", None, 9),
            ("SYD1", "P1", "B2"),
            ("SYD1", "P1", "B3", None, -4),
            ("SYD1", "P1", "B1", None, None, None, None, date(2027, 7, 1)),
        )

        assert found(batch) == [
            (REFUSED, [("Orders!A2", "There is no site TYO1.")]),
            (REFUSED, [("Orders!B3", "The site has no such phase; state its megawatts to make it.")]),
            (REFUSED, [("Orders!E4", "A new block needs this.")]),
            (REFUSED, [("Orders!E5", "A number from 0 to 100000 is expected.")]),
            (REFUSED, [("Orders!H6", "The baseline is frozen; an approver moves it.")]),
        ]
        assert Phase.objects.filter(site=site).count() == 1


class TestGates:
    HEADER = ("Site", "Phase", "Block", "Gate", "Planned", "Actual")

    def anchor(self, gate: Gate) -> Milestone:
        return gate.chain.milestones.get(code=gate.chain.anchor_code)

    def test_are_made_and_their_dates_changed(self, site: Site, lead: User) -> None:
        phase = PhaseFactory.create(site=site, code="P1")
        there = GateFactory.create(site=site, phase=phase, kind=GateKind.DRY_IN, planned_on=date(2026, 9, 1))

        applied(
            lead,
            ImportKind.GATES,
            self.HEADER,
            ("SYD1", "P1", None, "Dry-in", None, date(2026, 10, 2)),
            ("SYD1", "P1", None, "energised", date(2027, 3, 1), None),
        )

        made = Gate.objects.get(site=site, kind=GateKind.ENERGISED)
        assert self.anchor(there).actual_on == date(2026, 10, 2)
        assert self.anchor(there).actual_document == "list.xlsx"
        assert (made.phase, self.anchor(made).planned_on) == (phase, date(2027, 3, 1))
        assert broken() == []

    def test_undoing_takes_new_ones_away_and_sets_back_the_others(self, site: Site, lead: User) -> None:
        there = GateFactory.create(site=site, kind=GateKind.DRY_IN, planned_on=date(2027, 9, 1))
        batch = applied(
            lead,
            ImportKind.GATES,
            ("Site", "Gate", "Planned"),
            ("SYD1", "dry_in", date(2027, 10, 1)),
            ("SYD1", "permit", date(2027, 1, 11)),
        )

        undone(batch, lead)

        assert self.anchor(there).planned_on == date(2027, 9, 1)
        assert list(Gate.objects.filter(site=site)) == [there]
        assert left(batch) == {}

    def test_every_refusal_names_its_cell(self, site: Site, lead: User) -> None:
        GateFactory.create(site=site, kind=GateKind.L2, project_code="SYD", activity_code="A10", name="")
        stated = GateFactory.create(site=site, kind=GateKind.L3)
        PromiseFactory.create(milestone=self.anchor(stated))

        batch = stage(
            lead,
            ImportKind.GATES,
            self.HEADER,
            ("SYD1", None, None, "l2", date(2027, 3, 1)),
            ("SYD1", None, None, "l3", date(2027, 3, 1)),
            ("SYD1", "P9", None, "l4", date(2027, 3, 1)),
            ("SYD1", None, None, "l5"),
            ("SYD1", None, None, "permit", date(2027, 3, 1), date(2027, 3, 2)),
            ("SYD1", None, "B1", "rfs", date(2027, 3, 1)),
        )

        assert found(batch) == [
            (REFUSED, [("Orders!E2", "It follows the site's schedule.")]),
            (REFUSED, [("Orders!E3", "Its dates are in the ledger; state a new one on its page.")]),
            (REFUSED, [("Orders!B4", "The site has no phase P9.")]),
            (REFUSED, [("Orders!E5", "A new gate needs this.")]),
            (REFUSED, [("Orders!F6", "Nothing has happened in the future.")]),
            (REFUSED, [("Orders!B7", "A block is named with its phase.")]),
        ]
        assert Promise.objects.count() == 1


class TestOrderLines:
    HEADER = (
        "PO No.",
        "Item",
        "Vendor code",
        "Currency",
        "Order date",
        "Class",
        "Qty",
        "Price",
        "Site",
        "Contract date",
    )

    @pytest.fixture(autouse=True)
    def known(self, site: Site) -> None:
        CompanyFactory.create(code="KOALA")
        EquipmentClassFactory.create(code="CHILLER")

    def rows(self, quantity: int = 2, contract_on: date = date(2027, 8, 2)) -> tuple[tuple[Any, ...], ...]:
        first = ("PO-77", 10, "KOALA", "AUD", date(2026, 11, 2), "CHILLER", quantity, 125000, "SYD1", contract_on)
        second = ("PO-77", 20, "KOALA", "AUD", date(2026, 11, 2), "CHILLER", 1, 99000.5, "SYD1", date(2027, 9, 6))
        return self.HEADER, first, second

    def test_an_order_is_made_with_its_lines_as_by_any_other_way(self, site: Site, buyer: User) -> None:
        batch = applied(buyer, ImportKind.ORDER_LINES, *self.rows())

        order = PurchaseOrder.objects.get(number="PO-77")
        lines = OrderLine.objects.filter(order=order).order_by("number").values_list("number", "unit_price")
        schedules = ScheduleLine.objects.filter(line__order=order).order_by("line__number")
        assert found(batch) == [(NEW, []), (NEW, [])]
        assert (order.seller.code, order.currency, order.issued_on) == ("KOALA", "AUD", date(2026, 11, 2))
        assert list(lines) == [(10, Decimal(125000)), (20, Decimal("99000.5"))]
        assert list(schedules.values_list("quantity", "contract_on", "site__code")) == [
            (Decimal(2), date(2027, 8, 2), "SYD1"),
            (Decimal(1), date(2027, 9, 6), "SYD1"),
        ]
        assert broken() == []

    def test_several_orders_of_a_file_are_one_calculation_there_and_back(self, site: Site, buyer: User) -> None:
        header, first, second = self.rows()

        batch = applied(buyer, ImportKind.ORDER_LINES, header, first, second, ("PO-78", *first[1:]))
        undone(batch, buyer)

        runs = list(ForecastRun.objects.filter(site=site).values_list("cause_key", flat=True).order_by("pk"))
        assert runs == [f"import:{batch.pk}", f"import-undo:{batch.pk}"]
        assert set(PurchaseOrder.objects.values_list("commercial_status", flat=True)) == {CommercialStatus.CANCELLED}
        assert broken() == []

    def test_only_what_the_file_says_otherwise_is_changed(self, site: Site, buyer: User) -> None:
        applied(buyer, ImportKind.ORDER_LINES, *self.rows())

        batch = applied(buyer, ImportKind.ORDER_LINES, *self.rows(quantity=3))

        assert found(batch) == [(CHANGED, []), (UNCHANGED, [])]
        assert changes(batch, 2) == {"quantity": ("2", "3")}

    def test_undoing_sets_back_what_was_changed(self, site: Site, buyer: User) -> None:
        applied(buyer, ImportKind.ORDER_LINES, *self.rows())
        batch = applied(buyer, ImportKind.ORDER_LINES, *self.rows(quantity=3, contract_on=date(2027, 8, 9)))

        undone(batch, buyer)

        first = ScheduleLine.objects.get(line__number=10)
        assert (first.quantity, first.contract_on) == (Decimal(2), date(2027, 8, 2))
        assert left(batch) == {}

    def test_undoing_sets_the_head_of_the_order_back_and_empties_what_was_empty(self, site: Site, buyer: User) -> None:
        bare = ("PO-77", 10, "KOALA", "AUD", None, "CHILLER", 2, None, None, None)
        applied(buyer, ImportKind.ORDER_LINES, self.HEADER, bare)
        full = ("PO-77", 10, "KOALA", "JPY", date(2026, 11, 2), "CHILLER", 2, 125000, "SYD1", date(2027, 8, 2))
        batch = applied(buyer, ImportKind.ORDER_LINES, self.HEADER, full)

        undone(batch, buyer)

        order, schedule = PurchaseOrder.objects.get(), ScheduleLine.objects.select_related("line").get()
        assert (order.currency, order.issued_on) == ("AUD", None)
        assert (schedule.line.unit_price, schedule.site, schedule.contract_on) == (None, None, None)
        assert left(batch) == {}
        assert broken() == []

    def test_undoing_leaves_a_head_that_was_changed_since(self, site: Site, buyer: User) -> None:
        applied(buyer, ImportKind.ORDER_LINES, *self.rows())
        other = tuple(tuple("JPY" if cell == "AUD" else cell for cell in row) for row in self.rows(quantity=3))
        batch = applied(buyer, ImportKind.ORDER_LINES, *other)
        PurchaseOrder.objects.update(currency="NZD")

        undone(batch, buyer)

        assert PurchaseOrder.objects.get().currency == "NZD"
        assert left(batch) == {2: "The head of the order was changed since."}
        assert ScheduleLine.objects.get(line__number=10).quantity == 2

    def test_undoing_cancels_an_order_that_the_file_made(self, site: Site, buyer: User) -> None:
        batch = applied(buyer, ImportKind.ORDER_LINES, *self.rows())

        done = undone(batch, buyer)

        assert done.state == ImportState.UNDONE
        assert PurchaseOrder.objects.get(number="PO-77").commercial_status == CommercialStatus.CANCELLED
        assert set(ScheduleLine.objects.values_list("status", flat=True)) == {LineStatus.CANCELLED}
        assert broken() == []

    def test_an_order_that_another_system_keeps_is_not_changed_from_a_file(self, site: Site, buyer: User) -> None:
        orders.upsert(
            document=document(line(equipment_class="CHILLER", plant=None), vendor="KOALA", number="PO-77"),
            system="erp",
            external_id="PO-77",
            actor=buyer,
            now=NOW,
        )

        batch = stage(buyer, ImportKind.ORDER_LINES, *self.rows())

        why = "Another system keeps this order; change it there."
        assert found(batch) == [(REFUSED, [("Orders!A2", why)]), (REFUSED, [("Orders!A3", why)])]

    def test_every_refusal_names_its_cell(self, site: Site, buyer: User) -> None:
        day = date(2026, 11, 2)
        batch = stage(
            buyer,
            ImportKind.ORDER_LINES,
            self.HEADER,
            ("PO-1", 10, "NOBODY", "AUD", day, "CHILLER", 1, None, "SYD1"),
            ("PO-2", 10, "KOALA", "AUD", day, "BOILER", 1, None, "SYD1"),
            ("PO-3", 10, "KOALA", "AUD", day, "CHILLER", 1, None, "NOWHERE"),
            ("PO-4", 10, "KOALA", None, day, "CHILLER", 1, None, "SYD1"),
            ("PO-5", 10, "KOALA", "AUD", day, "CHILLER", 1, None, "SYD1"),
            ("PO-5", 20, "KOALA", "EUR", day, "CHILLER", 1, None, "SYD1"),
            ("PO-6", 10, "KOALA", "AUD", day, "CHILLER", 1.5, None, "SYD1"),
            ("PO-7", 10, "KOALA", "AUD", day, "CHILLER", 1, None, "SYD1"),
            ("PO-7", 10, "KOALA", "AUD", day, "CHILLER", 1, None, "SYD1"),
        )

        assert found(batch) == [
            (REFUSED, [("Orders!C2", "There is no vendor NOBODY.")]),
            (REFUSED, [("Orders!F3", "There is no equipment class BOILER.")]),
            (REFUSED, [("Orders!I4", "There is no site NOWHERE.")]),
            (REFUSED, [("Orders!D5", "A new order needs this.")]),
            (NEW, []),
            (REFUSED, [("Orders!D7", "Rows of one order or line say different things here.")]),
            (REFUSED, [("Orders!G8", "Single units (EA) are counted in whole numbers.")]),
            (NEW, []),
            (REFUSED, [("Orders!B10", "Another row of this file is about the same line.")]),
        ]
        assert PurchaseOrder.objects.count() == 0


MANY: dict[ImportKind, tuple[tuple[str, ...], Callable[[int, date], tuple[Any, ...]]]] = {
    ImportKind.REQUIREMENTS: (
        ("Site", "Tag", "Class", "Required on site"),
        lambda number, day: ("SYD1", f"CH-{number}", "CHILLER", day),
    ),
    ImportKind.COMPANIES: (
        ("Company code", "Company name", "Country code", "Is maker"),
        lambda number, day: (f"C{number}", f"Company {number}", "AU", "yes" if day.year == 2028 else "no"),
    ),
    ImportKind.LEAD_TIMES: (
        ("Class", "Kind", "Weeks low", "Weeks high", "From step", "To step", "As of", "Source"),
        lambda number, day: ("CHILLER", "quoted", 30, 40, "PO_ISSUED", "RTS", date(2026, 9, 1), f"{day} {number}"),
    ),
    ImportKind.BLOCKS: (
        ("Site", "Phase", "Block", "IT MW", "Phase IT MW", "RFS plan"),
        lambda number, day: ("SYD1", f"P{number}", "B1", 5, 20 + day.month, day),
    ),
    ImportKind.GATES: (
        ("Site", "Gate", "Name", "Planned", "Actual"),
        lambda number, day: ("SYD1", "permit", f"G{number}", day, date(2026, 11, day.month)),
    ),
}


@pytest.mark.parametrize("kind", MANY)
def test_statements_do_not_grow_with_the_rows(site: Site, kind: ImportKind) -> None:
    administrator = MembershipFactory.create(role=Role.ADMINISTRATOR, scope=ScopeKind.PORTFOLIO).person
    EquipmentClassFactory.create(code="CHILLER")
    header, row = MANY[kind]
    counts = []
    for start, rows in ((100, 3), (200, 12)):
        numbers = range(start, start + rows)
        made = [row(number, date(2027, 9, 20)) for number in numbers]
        applied(administrator, kind, header, *made)
        changed = [row(number, date(2028, 10, 2)) for number in numbers]
        said = []
        for step in (
            lambda: stage(administrator, kind, header, *changed),  # noqa: B023
            lambda: imports.apply(batch_id=newest().pk, actor=administrator, now=NOW),
            lambda: undone(newest(), administrator),
            lambda: undone(ImportBatch.objects.get(state=ImportState.APPLIED), administrator),
        ):
            with CaptureQueriesContext(connection) as seen:
                step()
            said.append(len(seen))
        counts.append(said)

    assert counts[0] == counts[1]
    assert ImportBatch.objects.filter(state=ImportState.UNDONE).count() == 4


def newest() -> ImportBatch:
    return ImportBatch.objects.latest("created_at")
