"""Lists as workbooks, edited as in a spreadsheet, and back in."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from procurement.gateways import spreadsheet
from procurement.models import Company, DeliveryLot, EquipmentClass, ImportBatch, Requirement
from procurement.readers import xlsx as xlsx_reader
from procurement.services import exports, imports
from procurement.vocabulary import ImportKind, RowOutcome
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import NotFound
from sites.models import Promise, Site
from sites.vocabulary import GateKind, Precision, ScopeKind
from tests.factories.procurement import (
    CompanyFactory,
    DeliveryLotFactory,
    EquipmentClassFactory,
    LeadTimeFactory,
    PurchaseOrderFactory,
    RequirementFactory,
)
from tests.factories.sites import BlockFactory, GateFactory, MembershipFactory, PromiseFactory, SiteFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
Editing = Callable[[Worksheet], None]


@pytest.fixture
def administrator() -> User:
    return MembershipFactory.create(role=Role.ADMINISTRATOR, scope=ScopeKind.PORTFOLIO).person


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


def edited(content: bytes, editing: Editing | None = None) -> bytes:
    """Opened by a spreadsheet library, changed, and saved again."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    if editing is not None:
        editing(book.worksheets[0])
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def column(sheet: Worksheet, title: str) -> int:
    return next(cell.column for cell in sheet[1] if cell.value == title)


def put(title: str, row: int, value: Any) -> Editing:
    def editing(sheet: Worksheet) -> None:
        sheet.cell(row, column(sheet, title)).value = value

    return editing


def back(kind: ImportKind, content: bytes, actor: User) -> ImportBatch:
    return imports.stage(
        content=content, file_name="list.xlsx", kind=kind, stated_on=date(2026, 11, 19), actor=actor, now=NOW
    )


def outcomes(batch: ImportBatch) -> list[str]:
    return list(batch.rows.order_by("number").values_list("outcome", flat=True))


def world(site: Site) -> None:
    """Two of everything, with dates whole and vague, an amount, and nothing where nothing is."""
    company = CompanyFactory.create(code="KOALA", name="Koala Coils", makes=True)
    CompanyFactory.create(code="EMU", name="Emu = Switchgear, + more")
    chiller = EquipmentClassFactory.create(code="CHILLER")
    block = BlockFactory.create(phase__site=site, phase__code="P1", code="B1", rfs_plan_on=date(2027, 12, 1))
    BlockFactory.create(phase=block.phase, code="B2", it_mw=Decimal("7.250"))
    GateFactory.create(site=site, kind=GateKind.DRY_IN)
    GateFactory.create(site=site, phase=block.phase, block=block, kind=GateKind.RFS)
    RequirementFactory.create(site=site, tag="CH-01", equipment_class=chiller, block=block, phase=block.phase)
    RequirementFactory.create(site=site, tag="CH-02", equipment_class=chiller, required_on_site=date(2027, 9, 20))
    LeadTimeFactory.create(equipment_class=chiller, company=company)
    LeadTimeFactory.create(equipment_class=chiller, high_weeks=Decimal("77.5"))
    order = PurchaseOrderFactory.create(number="00450017", seller=company, incoterm="DAP", incoterm_place="Sydney")
    for number, said in ((10, ("2027-06-05", Precision.DAY)), (20, ("2027-W23", Precision.WEEK)), (30, None)):
        lot = DeliveryLotFactory.create(
            site=site,
            schedule_line__line__order=order,
            schedule_line__line__number=number,
            schedule_line__line__equipment_class=chiller,
        )
        if said is not None:
            milestone = lot.chain.milestones.get(code=lot.schedule_line.contract_step)
            PromiseFactory.create(milestone=milestone, value=said[0], precision=said[1])


@pytest.mark.parametrize("kind", [kind for kind in ImportKind if kind is not ImportKind.DOCUMENTS])
def test_a_list_that_nobody_edited_comes_back_without_a_change(
    kind: ImportKind, site: Site, administrator: User
) -> None:
    world(site)
    content = edited(exports.workbook(kind, actor=administrator))

    batch = back(kind, content, administrator)

    assert outcomes(batch) != []
    assert set(outcomes(batch)) == {RowOutcome.UNCHANGED}


@pytest.mark.parametrize(
    ("kind", "title", "value", "change"),
    [
        (ImportKind.REQUIREMENTS, "Description", "New words", ("description", "", "New words")),
        (ImportKind.COMPANIES, "Company", "Emu", ("name", "Emu = Switchgear, + more", "Emu")),
        (ImportKind.BLOCKS, "IT MW", 9.5, ("it_mw", "8", "9.5")),
        (ImportKind.GATES, "Planned", datetime(2027, 1, 4), ("planned_on", "2027-10-05", "2027-01-04")),  # noqa: DTZ001
        (ImportKind.ORDER_LINES, "Qty", 7, ("quantity", "1", "7")),
        (ImportKind.PROMISES, "Promised date", "CW30 2027", ("promise", "2027-06-05", "2027-W30")),
        (ImportKind.ACTUALS, "Actual date", datetime(2026, 11, 2), ("actual", "", "2026-11-02")),  # noqa: DTZ001
    ],
)
def test_exactly_the_edited_cell_changes(
    kind: ImportKind, title: str, value: object, change: tuple[str, str, str], site: Site, administrator: User
) -> None:
    world(site)
    content = edited(exports.workbook(kind, actor=administrator), put(title, 2, value))

    batch = back(kind, content, administrator)

    changed = [(row.number, row.changes) for row in batch.rows.order_by("number") if row.changes]
    assert changed == [(2, [dict(zip(("field", "old", "new"), change, strict=True))])]


def test_applying_it_writes_the_edited_cell_and_nothing_of_the_other_rows(site: Site, administrator: User) -> None:
    world(site)
    content = edited(exports.workbook(ImportKind.PROMISES, actor=administrator), put("Promised date", 4, "TBD"))

    imports.apply(batch_id=back(ImportKind.PROMISES, content, administrator).pk, actor=administrator, now=NOW)

    made = Promise.objects.filter(document="list.xlsx")
    assert [(row.milestone.chain.lot.schedule_line.line.number, row.precision) for row in made] == [(30, "tbd")]


def test_a_row_that_was_changed_here_since_is_flagged_and_not_written(site: Site, administrator: User) -> None:
    world(site)
    content = edited(exports.workbook(ImportKind.REQUIREMENTS, actor=administrator), put("Description", 2, "Mine"))
    Requirement.objects.filter(tag="CH-01").update(description="Theirs")

    batch = back(ImportKind.REQUIREMENTS, content, administrator)

    row = batch.rows.get(number=2)
    assert (row.outcome, [each["message"] for each in row.refusals]) == (
        RowOutcome.REFUSED,
        ["It was changed here since the export; export it again."],
    )
    assert batch.rows.get(number=3).outcome == RowOutcome.UNCHANGED


def test_a_row_whose_names_were_edited_to_another_record_is_refused(site: Site, administrator: User) -> None:
    world(site)

    def swap(sheet: Worksheet) -> None:
        put("Tag", 2, "CH-02")(sheet)
        put("Description", 2, "Other words")(sheet)

    batch = back(
        ImportKind.REQUIREMENTS,
        edited(exports.workbook(ImportKind.REQUIREMENTS, actor=administrator), swap),
        administrator,
    )

    assert [each["message"] for each in batch.rows.get(number=2).refusals] == [
        "The row was exported as another record's."
    ]


def test_documents_come_in_and_are_no_list(administrator: User) -> None:
    with pytest.raises(NotFound):
        exports.workbook(ImportKind.DOCUMENTS, actor=administrator)


def test_only_what_the_person_may_see_goes_out(site: Site) -> None:
    world(site)
    elsewhere = MembershipFactory.create(role=Role.VIEWER, site=SiteFactory.create(code="TYO1")).person

    content = exports.workbook(ImportKind.REQUIREMENTS, actor=elsewhere)

    assert xlsx_reader.read(content).sheets[0].rows[1:] == ()


HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\ttab", "＝1+1", '"quoted"', "'quoted", "#REF!", "=cmd|' /C calc'!A0")


def test_text_that_looks_like_a_formula_goes_out_as_text_and_comes_back_equal() -> None:
    content = spreadsheet.write(sheet="list", titles=["Text"], rows=[[text] for text in HOSTILE])

    cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(min_row=2)]
    read = [row[0] for row in xlsx_reader.read(content).sheets[0].rows[1:]]
    assert [cell.data_type for cell in cells] == ["s"] * len(HOSTILE)
    assert [cell.value for cell in cells] == list(HOSTILE)
    assert read == list(HOSTILE)


def test_numbers_and_dates_go_out_as_what_they_are() -> None:
    content = spreadsheet.write(
        sheet="list",
        titles=["A", "B", "C", "D", "E"],
        rows=[[Decimal("-1.50"), -3, date(2027, 6, 5), True, None]],
    )

    assert xlsx_reader.read(content).sheets[0].rows[1] == (-1.5, -3, date(2027, 6, 5), True, None)


def test_hostile_names_survive_the_way_out_and_back(site: Site, administrator: User) -> None:
    for place, name in enumerate(HOSTILE):
        CompanyFactory.create(code=f"C{place}", name=name.strip())

    batch = back(
        ImportKind.COMPANIES, edited(exports.workbook(ImportKind.COMPANIES, actor=administrator)), administrator
    )

    assert set(outcomes(batch)) == {RowOutcome.UNCHANGED}
    assert batch.rows_read == Company.objects.count()


def test_the_cost_of_a_list_does_not_grow_by_the_row(
    site: Site, administrator: User, django_assert_num_queries: Any
) -> None:
    world(site)
    EquipmentClass.objects.update(name="Chiller")

    with django_assert_num_queries(4):
        exports.workbook(ImportKind.PROMISES, actor=administrator)

    assert DeliveryLot.objects.count() == 3


@pytest.mark.parametrize("count", [199, 200, 201, 450])
def test_no_row_is_lost_on_the_way_out(count: int) -> None:
    content = spreadsheet.write(sheet="S", titles=["Number"], rows=[(number,) for number in range(count)])

    assert [row[0] for row in xlsx_reader.read(content).sheets[0].rows[1:]] == [
        float(number) for number in range(count)
    ]
