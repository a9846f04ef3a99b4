"""The same business document by portal, API and command: the same rows, the same reasons."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from procurement.models import ImportBatch
from sites.accounts.permissions import Role
from tests.factories.sites import MembershipFactory
from tests.procurement.api.calls import calling
from tests.samples import sample
from tests.ubl_documents import response

pytestmark = pytest.mark.django_db

DAY = "2026-11-19"


def by_portal(content: bytes, folder: Path) -> None:
    client = Client()
    client.force_login(MembershipFactory.create(role=Role.BUYER).person)
    given: dict[str, Any] = {"kind": "business_documents", "stated_on": DAY}
    sent = client.post("/imports/", given | {"file": SimpleUploadedFile("a.xml", content)})
    assert sent.status_code == 302
    assert client.get(sent.headers["Location"]).status_code == 200


def by_api(content: bytes, folder: Path) -> None:
    path = f"/imports?kind=business_documents&stated_on={DAY}&file_name=a.xml"
    sent = calling("Documents", role=Role.BUYER).post(path, content, content_type="application/octet-stream")
    assert sent.status_code == 201


def by_command(content: bytes, folder: Path) -> None:
    file = folder / "a.xml"
    file.write_bytes(content)
    who = MembershipFactory.create(role=Role.BUYER).person.username
    words = ("--as", who, "--kind", "business_documents", "--stated-on", DAY, "--json")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("import_workbook", str(file), *words, stdout=out)
    assert json.loads(out.getvalue())["refused"] > 0


DOORS: dict[str, Callable[[bytes, Path], None]] = {"portal": by_portal, "api": by_api, "command": by_command}
SAMPLES = {
    "CENBII-Order-minimal.xml": ["The document names no order."],
    "UBL-DespatchAdvice-2.0-Example.xml": ["There is no order AEG012345."],
    "UBL-Order-2.1-Example.xml": ["There is no vendor SellerPartyID123, 7302347231111."],
    "UBL-OrderChange-2.1-Example.xml": ["There is no order 34."],
    "UBL-OrderResponse-2.1-Example.xml": ["There is no order 34."],
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
@pytest.mark.parametrize(("name", "reasons"), SAMPLES.items(), ids=SAMPLES.keys())
def test_every_sample_is_refused_for_the_same_reason(
    name: str, reasons: list[str], door: Callable[[bytes, Path], None], tmp_path: Path
) -> None:
    door(sample(f"ubl/{name}").read_bytes(), tmp_path)

    batch = ImportBatch.objects.get()
    assert (batch.rows_read, batch.rows_accepted) == (batch.rows_refused, 0)
    said = [each["message"] for row in batch.rows.all() for each in row.refusals]
    assert sorted(set(said)) == reasons


def test_a_document_has_no_columns_page(client: Client) -> None:
    client.force_login(MembershipFactory.create(role=Role.BUYER).person)
    given: dict[str, Any] = {"kind": "business_documents", "stated_on": DAY}
    sent = client.post("/imports/", given | {"file": SimpleUploadedFile("a.xml", response("AP"))})

    assert client.get(f"{sent.headers['Location']}columns/").status_code == 404
    assert "columns/" not in client.get(sent.headers["Location"]).content.decode()


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
def test_what_is_no_document_is_refused_by_every_door(door: Callable[[bytes, Path], None], tmp_path: Path) -> None:
    with pytest.raises((AssertionError, CommandError)):
        door(b"<Invoice/>", tmp_path)

    assert not ImportBatch.objects.exists()


def test_documents_come_in_and_do_not_go_out() -> None:
    assert calling("Documents", role=Role.BUYER).get("/exports/business_documents").status_code == 404
