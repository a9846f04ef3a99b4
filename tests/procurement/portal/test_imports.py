"""The pages of workbooks: sent, previewed, applied, undone, and closed to others."""

import html
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from procurement.models import ImportBatch, ImportRow, ScheduleLine
from procurement.portal import import_words
from procurement.services import import_work
from procurement.services.import_kinds import handler
from procurement.vocabulary import Criticality, ImportKind
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Promise, PromiseRetraction
from sites.vocabulary import step_name
from tests.factories.procurement import DeliveryLotFactory, ImportBatchFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.workbooks import xlsx

pytestmark = pytest.mark.django_db

HEADER = ("PO No.", "Item", "Confirmed date", "Remarks")


@pytest.fixture
def expediter() -> User:
    for line in (10, 20, 30):
        DeliveryLotFactory.create(
            schedule_line__line__order=PurchaseOrderFactory.create(number=f"45{line}"),
            schedule_line__line__number=line,
            actuals={"PO_ISSUED": date(2026, 8, 3)},
        )
    return MembershipFactory.create(role=Role.EXPEDITER).person


@pytest.fixture
def page(client: Client, expediter: User) -> Client:
    client.force_login(expediter)
    return client


def form(**more: Any) -> dict[str, Any]:
    return {"kind": "promises", "stated_on": "2026-11-19"} | more


def file(*rows: tuple[Any, ...]) -> SimpleUploadedFile:
    return SimpleUploadedFile("status.xlsx", xlsx(*rows))


def test_a_file_is_previewed_applied_and_undone(page: Client) -> None:
    sent = page.post("/imports/", form(file=file(HEADER, ("4510", 10, date(2027, 12, 15), "<b>core</b>"))))
    batch = ImportBatch.objects.get()
    assert (sent.status_code, sent.headers["Location"]) == (302, f"/imports/{batch.pk}/")
    preview = page.get(f"/imports/{batch.pk}/").content.decode()
    assert "Nothing is written yet" in preview
    assert "<ins>2027-12-15</ins>" in preview
    assert Promise.objects.count() == 0

    page.post(f"/imports/{batch.pk}/apply/")
    assert Promise.objects.get().note == "<b>core</b>"
    assert "Undo the whole file" in page.get(f"/imports/{batch.pk}/").content.decode()

    page.post(f"/imports/{batch.pk}/undo/", {"reason": "Wrong week"})
    assert PromiseRetraction.objects.count() == 1
    assert "Wrong week" in page.get(f"/imports/{batch.pk}/").content.decode()


def test_rows_pasted_from_a_spreadsheet_are_read_like_a_file(page: Client) -> None:
    page.post("/imports/", form(pasted="PO No.\tItem\tConfirmed date\n4510\t10\tCW23\n4511\t10\tCW23\n"))

    batch = ImportBatch.objects.get()
    assert (batch.rows_accepted, batch.rows_refused) == (1, 1)
    assert "csv!A3" in page.get(f"/imports/{batch.pk}/?outcome=refused").content.decode()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (form(), "Choose a file, or paste rows"),
        (form(file=SimpleUploadedFile("a.xlsx", b"PK broken")), "damaged"),
        (form(pasted="PO,Item\n1,2\n", stated_on="soon"), "Enter a valid date"),
    ],
)
def test_a_refused_file_says_why_and_keeps_what_was_typed(page: Client, sent: dict[str, Any], said: str) -> None:
    answer = page.post("/imports/", sent)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert sent.get("pasted", "").strip() in answer.content.decode()
    assert ImportBatch.objects.count() == 0


def test_undoing_without_a_reason_is_refused_at_its_field(page: Client) -> None:
    page.post("/imports/", form(pasted="PO No.,Item,Confirmed date\n4510,10,CW23\n"))
    batch = ImportBatch.objects.get()
    page.post(f"/imports/{batch.pk}/apply/")

    answer = page.post(f"/imports/{batch.pk}/undo/", {"reason": " "})

    assert answer.status_code == 422
    batch.refresh_from_db()
    assert batch.state == "applied"


def test_a_decision_too_late_is_told(page: Client) -> None:
    page.post("/imports/", form(pasted="PO No.,Item,Confirmed date\n4510,10,CW23\n"))
    batch = ImportBatch.objects.get()
    page.post(f"/imports/{batch.pk}/discard/")

    answer = page.post(f"/imports/{batch.pk}/apply/", follow=True)

    assert "This import is discarded." in answer.content.decode()


@pytest.mark.parametrize("path", ["", "apply/", "discard/", "undo/"])
def test_another_persons_file_is_not_there(page: Client, client: Client, path: str) -> None:
    page.post("/imports/", form(pasted="PO No.,Item,Confirmed date\n4510,10,CW23\n"))
    batch = ImportBatch.objects.get()
    stranger = Client()
    stranger.force_login(MembershipFactory.create(role=Role.VIEWER, site=DeliveryLotFactory.create().chain.site).person)

    answer = (
        stranger.post(f"/imports/{batch.pk}/{path}", {"reason": "x"}) if path else stranger.get(f"/imports/{batch.pk}/")
    )

    assert answer.status_code == 404


def test_files_sent_long_ago_are_on_later_pages_and_in_the_workbook(page: Client, expediter: User) -> None:
    ImportBatchFactory.create_batch(51, uploaded_by=expediter)

    shown = [len(page.get(f"/imports/?page={number}").context["imports"]) for number in (1, 2, 3)]
    workbook = load_workbook(BytesIO(page.get("/exports/lists/imports.xlsx").content))

    assert (shown, workbook.worksheets[0].max_row) == ([50, 1, 1], 52)


def test_the_list_takes_the_same_queries_for_one_file_and_three(page: Client) -> None:
    counts = []
    for line in (10, 20, 30):
        page.post("/imports/", form(pasted=f"PO No.,Item,Confirmed date\n45{line},{line},CW23\n"))
        with CaptureQueriesContext(connection) as seen:
            page.get("/imports/")
        counts.append(len(seen))

    assert counts[0] == counts[2]


def test_a_preview_says_which_columns_are_not_read(page: Client) -> None:
    titles = (*HEADER, "<b>Forwarder</b>", "Port")
    page.post("/imports/", form(file=file(titles, ("4510", 10, date(2027, 12, 15), "core", "sea", "Kobe"))))

    preview = page.get(f"/imports/{ImportBatch.objects.get().pk}/").content.decode()

    said = "These columns are not read: E <em>&lt;b&gt;Forwarder&lt;/b&gt;</em>, F <em>Port</em>"
    assert said in preview


def test_the_preview_takes_the_same_queries_for_one_row_and_three(page: Client) -> None:
    counts = []
    for rows in (["45,10,CW23"], ["4510,10,CW23", "4520,20,CW23", "4530,30,TBD"]):
        page.post("/imports/", form(pasted="PO No.,Item,Confirmed date\n" + "\n".join(rows)))
        batch = ImportBatch.objects.latest("created_at")
        page.get(f"/imports/{batch.pk}/")
        with CaptureQueriesContext(connection) as seen:
            page.get(f"/imports/{batch.pk}/")
        counts.append(len(seen))

    assert counts[0] == counts[1]


def test_a_row_leads_to_the_line_that_its_cells_name(page: Client) -> None:
    there, other, unnamed = ScheduleLine.objects.order_by("line__number")
    rows = ["4510,00010,1,CW23", "4510,10,9,CW24", "4520,20,,soon", "4599,10,,CW23"]
    page.post("/imports/", form(pasted="PO No.,Item,Schedule line,Confirmed date\n" + "\n".join(rows)))

    shown = page.get(f"/imports/{ImportBatch.objects.get().pk}/").content.decode()

    assert [shown.count(f'href="/lines/{line.pk}/"') for line in (there, other, unnamed)] == [1, 1, 0]


ODD = ("Our ref", "Row", "When")


def test_a_file_whose_titles_say_too_little_waits_for_its_columns(page: Client) -> None:
    sent = page.post("/imports/", form(file=file(ODD, ("4510", 10, date(2027, 12, 15)))))
    batch = ImportBatch.objects.get()

    shown = page.get(sent.headers["Location"], follow=True)

    assert batch.state == "unmapped"
    assert shown.redirect_chain == [(f"/imports/{batch.pk}/columns/", 302)]
    assert "<td>Our ref</td>" in shown.content.decode()


def test_saying_which_column_is_which_leads_to_the_preview(page: Client) -> None:
    page.post("/imports/", form(file=file(ODD, ("4510", 10, date(2027, 12, 15)))))
    batch = ImportBatch.objects.get()
    said = {"sheet": "Orders", "header_row": "1", "column_order": "A", "column_line": "B", "column_promise": "C"}

    answer = page.post(f"/imports/{batch.pk}/columns/", said)

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/imports/{batch.pk}/")
    assert "<ins>2027-12-15</ins>" in page.get(f"/imports/{batch.pk}/").content.decode()


def test_the_next_file_with_these_titles_is_understood_by_itself(page: Client) -> None:
    page.post("/imports/", form(file=file(ODD, ("4510", 10, date(2027, 12, 15)))))
    said = {"sheet": "Orders", "header_row": "1", "column_order": "A", "column_line": "B", "column_promise": "C"}
    page.post(f"/imports/{ImportBatch.objects.get().pk}/columns/", said)

    page.post("/imports/", form(file=file(ODD, ("4520", 20, date(2027, 12, 16)))))

    assert set(ImportBatch.objects.values_list("state", flat=True)) == {"staged"}


@pytest.mark.parametrize(
    ("said", "field", "message"),
    [
        ({"column_line": ""}, "column_line", "This field is required."),
        ({"column_line": "A"}, "__all__", "One column is mapped to two fields."),
        ({"header_row": "9"}, "header_row", "The sheet has no such header row."),
    ],
)
def test_a_wrong_mapping_is_refused_at_its_field(page: Client, said: dict[str, str], field: str, message: str) -> None:
    page.post("/imports/", form(file=file(ODD, ("4510", 10, date(2027, 12, 15)))))
    right = {"sheet": "Orders", "header_row": "1", "column_order": "A", "column_line": "B", "column_promise": "C"}

    answer = page.post(f"/imports/{ImportBatch.objects.get().pk}/columns/", right | said)

    assert answer.status_code == 422
    assert answer.context["form"].errors == {field: [message]}
    assert ImportBatch.objects.get().state == "unmapped"


def test_a_preview_whose_columns_were_taken_wrongly_can_be_read_anew(page: Client) -> None:
    page.post(
        "/imports/", form(file=file((*HEADER, "Really"), ("4510", 10, date(2027, 12, 15), "x", date(2028, 1, 5))))
    )
    batch = ImportBatch.objects.get()
    said = {"sheet": "Orders", "header_row": "1", "column_order": "A", "column_line": "B", "column_promise": "E"}

    page.post(f"/imports/{batch.pk}/columns/", said)

    assert "<ins>2028-01-05</ins>" in page.get(f"/imports/{batch.pk}/").content.decode()


def test_the_columns_of_another_persons_file_are_nobody_elses(page: Client) -> None:
    page.post("/imports/", form(file=file(ODD, ("4510", 10, date(2027, 12, 15)))))
    page.force_login(MembershipFactory.create(role=Role.EXPEDITER, site=SiteFactory.create()).person)

    assert page.get(f"/imports/{ImportBatch.objects.get().pk}/columns/").status_code == 404


def test_a_large_file_is_shown_at_work_and_then_as_its_preview(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_work, "SMALL_ROWS", 1)
    sent = page.post("/imports/", form(file=file(HEADER, ("4510", 10, date(2027, 12, 15)), ("4520", 20, "TBD"))))
    batch = ImportBatch.objects.get()
    assert (sent.status_code, batch.state) == (302, "received")

    shown = page.get(sent.headers["Location"]).content.decode()
    assert f'hx-get="/imports/{batch.pk}/progress/"' in shown
    assert "is being previewed" in shown
    assert "/apply/" not in shown
    assert page.get(f"/imports/{batch.pk}/progress/").status_code == 200
    assert page.get(f"/imports/{batch.pk}/columns/").status_code == 404

    import_work.do_all(now_fn=timezone.now)
    over = page.get(f"/imports/{batch.pk}/progress/", headers={"HX-Request": "true"})
    assert over.headers["HX-Redirect"] == f"/imports/{batch.pk}/"
    assert page.get(f"/imports/{batch.pk}/progress/").status_code == 302
    page.post(f"/imports/{batch.pk}/apply/")
    assert "is being applied" in page.get(f"/imports/{batch.pk}/").content.decode()
    import_work.do_all(now_fn=timezone.now)
    assert Promise.objects.count() == 2


def test_a_large_file_that_is_wrong_says_why_on_its_page(page: Client) -> None:
    content = b"PK" + bytes(import_work.SMALL_BYTES)
    page.post("/imports/", form(file=SimpleUploadedFile("status.xlsx", content)))
    import_work.do_all(now_fn=timezone.now)

    batch = ImportBatch.objects.get()
    shown = page.get(f"/imports/{batch.pk}/").content.decode()
    assert batch.problem in html.unescape(shown)
    assert "Nothing of the file was kept but its name" in shown


def test_every_column_of_every_kind_has_its_name() -> None:
    kinds = [kind for kind in ImportKind if kind is not ImportKind.DOCUMENTS]
    fields = {column.field for kind in kinds for column in handler(kind).columns_of(kind)}

    assert fields - import_words.FIELDS.keys() == set()


def test_a_preview_says_fields_and_stored_words_as_people_do() -> None:
    row = ImportRow(
        changes=[
            {"field": "contract_on", "old": "2027-05-01", "new": "2027-06-01"},
            {"field": "criticality", "old": "", "new": Criticality.HIGH.value},
            {"field": "basis_to", "old": "", "new": "ON_SITE"},
            {"field": "unknown_currency", "old": "", "new": "XYZ"},
        ]
    )

    found = list(import_words.changes(row, ImportKind.REQUIREMENTS))

    assert [(each.name, each.new) for each in found] == [
        ("Contract date", "2027-06-01"),
        ("Criticality", "High"),
        ("To step", step_name("ON_SITE")),
        ("Currency that is none: kept as text", "XYZ"),
    ]
    assert [each.is_flag for each in found] == [False, False, False, True]


def test_a_refused_row_says_what_it_was_about_and_which_column_is_missing() -> None:
    row = ImportRow(
        cells={"line": "10", "order": "PO-1", "promise": "soon"},
        refusals=[{"address": "Orders row 3", "field": "vendor", "message": "A new order needs this."}],
    )

    assert import_words.about(row, ImportKind.PROMISES) == "PO-1 / 10"
    assert [(each.address, each.name) for each in import_words.refusals(row)] == [("Orders row 3", "Vendor")]
