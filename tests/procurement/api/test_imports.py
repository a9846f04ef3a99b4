"""Workbooks by the API: sent, looked at row by row, applied, undone; and lists that go out."""

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from procurement.models import ImportBatch, Requirement
from procurement.readers import xlsx as xlsx_reader
from procurement.services import import_work
from sites.accounts.permissions import Role
from sites.models import Promise, PromiseRetraction
from sites.vocabulary import ScopeKind
from tests.factories.procurement import DeliveryLotFactory, PurchaseOrderFactory, RequirementFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.procurement.api.calls import Caller, calling, pointers, problem, queries_of
from tests.samples import sample
from tests.workbooks import xlsx

pytestmark = pytest.mark.django_db

BINARY = "application/octet-stream"
HEADER = ("PO No.", "Item", "Confirmed date")
PROMISES = "/imports?kind=promises&stated_on=2026-11-19&file_name=status.xlsx"


@pytest.fixture
def erp() -> Caller:
    for line in (10, 20):
        DeliveryLotFactory.create(
            schedule_line__line__order=PurchaseOrderFactory.create(number=f"45{line}"),
            schedule_line__line__number=line,
            actuals={"PO_ISSUED": date(2026, 8, 3)},
        )
    return calling("Workbooks", role=Role.BUYER)


def sent(erp: Caller, *rows: tuple[Any, ...], path: str = PROMISES) -> dict[str, Any]:
    answer = erp.post(path, xlsx(*rows), content_type=BINARY)
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


def test_a_file_is_previewed_applied_and_undone(erp: Caller) -> None:
    batch = sent(
        erp, HEADER, ("4510", 10, date(2027, 12, 15)), ("4599", 10, date(2027, 12, 15)), (), ("4520", 20, "TBD")
    )
    assert (batch["state"], batch["rows_read"], batch["rows_accepted"], batch["rows_refused"], batch["rows_blank"]) == (
        "staged", 4, 2, 1, 1,
    )  # fmt: skip
    rows = erp.get(f"/imports/{batch['id']}/rows").json()["items"]
    assert [(row["row"], row["outcome"]) for row in rows] == [(2, "new"), (3, "refused"), (5, "new")]
    assert rows[0]["changes"] == [{"field": "promise", "old": "", "new": "2027-12-15"}]
    assert rows[1]["refusals"][0]["address"] == "Orders!A3"
    assert Promise.objects.count() == 0

    applied = erp.post(f"/imports/{batch['id']}/apply", {})
    assert (applied.status_code, applied.json()["state"], Promise.objects.count()) == (200, "applied", 2)

    undone = erp.post(f"/imports/{batch['id']}/undo", {"reason": "Wrong file"})
    assert (undone.status_code, undone.json()["state"], PromiseRetraction.objects.count()) == (200, "undone", 2)


def test_a_table_of_dates_whose_column_of_dates_nobody_knows_is_refused(erp: Caller) -> None:
    rows = xlsx(("PO No.", "Item", "Date"), ("4510", 10, date(2027, 12, 15)))

    refused = problem(erp.post(PROMISES, rows, content_type=BINARY), 422, "validation_error")
    said = erp.post(f"{PROMISES}&columns=order:A,line:B", rows, content_type=BINARY)
    mapped = erp.post(f"{PROMISES}&columns=order:A,line:B,promise:C", rows, content_type=BINARY).json()

    assert refused["errors"][0]["detail"] == (
        "Orders: No header row names promise, nor is it known what Date is; map the columns."
    )
    assert problem(said, 422, "validation_error")["errors"][0]["detail"].endswith("Say which column is promise.")
    assert (mapped["rows_accepted"], mapped["mapping"]) == (1, {"order": "A", "line": "B", "promise": "C"})
    assert ImportBatch.objects.count() == 1


def test_many_rows_are_answered_with_202_and_the_address_of_the_import(
    erp: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_work, "SMALL_ROWS", 1)
    rows = (HEADER, ("4510", 10, date(2027, 12, 15)), ("4520", 20, "TBD"))

    answer = erp.post(PROMISES, xlsx(*rows), content_type=BINARY)

    batch = answer.json()
    assert (answer.status_code, batch["state"], batch["work"]) == (202, "received", "preview")
    where = answer.headers["Location"].removeprefix("/api/v1")
    assert erp.get(where).json()["id"] == batch["id"]
    import_work.do_all(now_fn=timezone.now)
    assert erp.get(where).json() | {"created_at": ""} == batch | {
        "created_at": "", "state": "staged", "work": "", "sheet": "Orders", "header_row": 1,
        "mapping": {"line": "B", "order": "A", "promise": "C"}, "rows_read": 2, "rows_accepted": 2,
    }  # fmt: skip
    assert erp.post(f"{where}/apply", {}).status_code == 202
    assert erp.post(f"{where}/apply", {}).status_code == 409
    import_work.do_all(now_fn=timezone.now)
    assert Promise.objects.count() == 2


def test_a_large_file_is_not_tried_but_previewed(erp: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_work, "SMALL_ROWS", 1)
    rows = (HEADER, ("4510", 10, date(2027, 12, 15)), ("4520", 20, "TBD"))

    refused = problem(erp.post(f"{PROMISES}&dry_run=true", xlsx(*rows), content_type=BINARY), 400, "invalid_parameter")

    assert refused["detail"].startswith("dry_run: ")
    assert not ImportBatch.objects.exists()


def test_refused_rows_are_counted_beside_the_body_and_are_not_applied_alone(erp: Caller) -> None:
    answer = erp.post(PROMISES, xlsx(HEADER, ("4599", 10, date(2027, 12, 15))), content_type=BINARY)

    where = answer["Location"].removeprefix("/api/v1")
    assert (answer.status_code, answer["X-Row-Failures"]) == (201, "1")
    assert problem(erp.post(f"{where}/apply", {}), 409, "conflict")["detail"] == "No row of it was accepted."


def test_a_promise_to_be_decided_goes_out_and_comes_back_unchanged(erp: Caller) -> None:
    batch = sent(erp, HEADER, ("4510", 10, "TBD"))
    erp.post(f"/imports/{batch['id']}/apply", {})

    exported = erp.get("/exports/promises")
    again = erp.post("/imports?kind=promises&stated_on=2026-11-19", exported.content, content_type=BINARY).json()

    assert again["rows_refused"] == 0
    assert {row["outcome"] for row in erp.get(f"/imports/{again['id']}/rows").json()["items"]} == {"unchanged"}


def test_the_columns_can_be_said(erp: Caller) -> None:
    path = f"{PROMISES}&columns=order:B,line:C,promise:A&header_row=1"

    batch = sent(erp, ("When", "Ours", "Row"), (date(2027, 12, 15), "4510", 10), path=path)

    assert batch["mapping"] == {"line": "C", "order": "B", "promise": "A"}
    assert batch["rows_accepted"] == 1


def test_a_preview_is_put_away(erp: Caller) -> None:
    batch = sent(erp, HEADER, ("4510", 10, date(2027, 12, 15)))

    assert erp.post(f"/imports/{batch['id']}/discard", {}).json()["state"] == "discarded"
    problem(erp.post(f"/imports/{batch['id']}/apply", {}), 409, "conflict")


def test_imports_are_listed_and_cut(erp: Caller) -> None:
    batch = sent(erp, HEADER, *((f"X{number}", 10, date(2027, 12, 15)) for number in range(5)))

    first = erp.get(f"/imports/{batch['id']}/rows?limit=3&outcome=refused").json()
    rest = erp.get(f"/imports/{batch['id']}/rows?limit=3&outcome=refused&after={first['items'][-1]['row']}").json()

    assert [each["id"] for each in erp.get("/imports").json()["items"]] == [batch["id"]]
    assert ([row["row"] for row in first["items"]], first["has_more"]) == ([2, 3, 4], True)
    assert ([row["row"] for row in rest["items"]], rest["has_more"]) == ([5, 6], False)


@pytest.mark.parametrize(
    ("path", "content", "status", "code"),
    [
        (PROMISES, b"", 422, "validation_error"),
        (PROMISES, b"PK broken", 422, "validation_error"),
        (PROMISES, b"a,b\n1,2\n", 422, "validation_error"),
        (f"{PROMISES}&columns=order", b"PO,Item\n1,2\n", 400, "invalid_parameter"),
        (f"{PROMISES}&company=NOBODY", b"PO,Item\n1,2\n", 400, "invalid_parameter"),
        ("/imports?kind=wishes", b"PO,Item\n1,2\n", 400, "invalid_parameter"),
        ("/imports", b"PO,Item\n1,2\n", 400, "invalid_parameter"),
    ],
)
def test_a_refusal_says_why_and_stores_nothing(erp: Caller, path: str, content: bytes, status: int, code: str) -> None:
    answer = erp.post(path, content, content_type=BINARY)

    body = problem(answer, status, code)
    assert status == 400 or pointers(body) == ["/file"]
    assert ImportBatch.objects.count() == 0


def test_a_file_beyond_twenty_megabytes_is_not_read(erp: Caller) -> None:
    problem(erp.post(PROMISES, b"x" * (20 * 1024 * 1024 + 1), content_type=BINARY), 413, "too_large")


def test_another_clients_import_is_as_unknown_as_none(erp: Caller) -> None:
    batch = sent(erp, HEADER, ("4510", 10, date(2027, 12, 15)))
    SiteFactory.create(code="TYO9")
    other = calling("Other", system="OTHER", role=Role.VIEWER, site_codes=["TYO9"])

    for method, path in (("get", ""), ("get", "/rows"), ("post", "/apply"), ("post", "/discard"), ("post", "/undo")):
        body = () if method == "get" else ({"reason": "x"},)
        problem(getattr(other, method)(f"/imports/{batch['id']}{path}", *body), 404, "not_found")


def test_a_key_without_the_scope_may_not(erp: Caller) -> None:
    reader = calling("Reader", system="READER", scopes=["import:read"])

    problem(reader.post(PROMISES, xlsx(HEADER), content_type=BINARY), 403, "scope")
    assert reader.get("/imports").status_code == 200


def test_a_list_goes_out_and_comes_back_unchanged(erp: Caller) -> None:
    site = SiteFactory.create(code="SYD9")
    RequirementFactory.create(site=site, tag="CH-01")
    RequirementFactory.create(tag="CH-02")

    out = erp.get("/exports/requirements?site=SYD9")
    back = erp.post("/imports?kind=requirements", out.content, content_type=BINARY).json()

    assert [row[1] for row in xlsx_reader.read(out.content).sheets[0].rows] == ["Tag", "CH-01"]
    assert (back["rows_read"], back["rows_refused"]) == (1, 0)
    assert erp.get(f"/imports/{back['id']}/rows").json()["items"][0]["outcome"] == "unchanged"
    problem(erp.get("/exports/users"), 404, "not_found")


def test_three_rows_are_read_in_as_many_queries_as_one(erp: Caller) -> None:
    one = sent(erp, HEADER, ("X1", 10, date(2027, 12, 15)))
    three = sent(erp, HEADER, *((f"X{number}", 10, date(2027, 12, 15)) for number in range(3)))

    counts = [queries_of(lambda key=batch["id"]: erp.get(f"/imports/{key}/rows")) for batch in (one, three)]

    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["approvals", "budget", "procurement", "risk-register", "schedule"])
@pytest.mark.parametrize("kind", ["promises", "requirements"])
def test_a_table_of_a_strangers_meets_the_same_answer_at_every_door(erp: Caller, name: str, kind: str) -> None:
    file = sample(f"csv/northbridge_data_hall-{name}.csv")
    content = file.read_bytes()
    buyer = MembershipFactory.create(role=Role.BUYER, scope=ScopeKind.PORTFOLIO).person

    called = erp.post(f"/imports?kind={kind}", content, content_type=BINARY)
    said = _command(file, kind, buyer.username)
    portal = Client()
    portal.force_login(buyer)
    page = portal.post(
        "/imports/",
        {"kind": kind, "stated_on": "2026-11-19", "file": SimpleUploadedFile("table.csv", content)},
        follow=True,
    )

    body = problem(called, 422, "validation_error")
    reason = body["errors"][0]["detail"]
    assert reason.startswith("csv: No header row names ")
    assert f"{said['refused']['where']}: {said['refused']['reason']}" == reason
    # Only the portal can ask back: there the file waits for its columns.
    assert page.redirect_chain[-1][0].endswith("/columns/")
    assert not Requirement.objects.exists()


def _command(path: Path, kind: str, username: str) -> dict[str, Any]:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("import_workbook", str(path), "--as", username, "--kind", kind, "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told
