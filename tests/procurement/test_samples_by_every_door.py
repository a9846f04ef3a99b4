"""Every sample of an order document or a table, by every door: it comes in, or is refused with the same good reason."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from procurement.models import ImportBatch
from procurement.vocabulary import ImportKind
from sites.accounts.permissions import Role
from tests.factories.sites import MembershipFactory
from tests.procurement.api.calls import calling
from tests.samples import sample

pytestmark = pytest.mark.django_db

DAY: Final = "2026-11-19"
# What each file answers: the reasons of its rows, or of the whole file where its columns name no record of ours.
UBL: Final = {
    "CENBII-Order-minimal.xml": "The document names no order.",
    "UBL-DespatchAdvice-2.0-Example.xml": "There is no order AEG012345.",
    "UBL-Order-2.1-Example.xml": "There is no vendor SellerPartyID123, 7302347231111.",
    "UBL-OrderChange-2.1-Example.xml": "There is no order 34.",
    "UBL-OrderResponse-2.1-Example.xml": "There is no order 34.",
}
CSV: Final = (
    "northbridge_data_hall-approvals.csv",
    "northbridge_data_hall-budget.csv",
    "northbridge_data_hall-procurement.csv",
    "northbridge_data_hall-risk-register.csv",
    "northbridge_data_hall-schedule.csv",
)
KINDS: Final = [kind for kind in ImportKind if kind is not ImportKind.DOCUMENTS]


def by_portal(content: bytes, name: str, kind: str, folder: Path) -> str:
    client = Client()
    client.force_login(MembershipFactory.create(role=Role.BUYER).person)
    sent = client.post("/imports/", {"kind": kind, "stated_on": DAY, "file": SimpleUploadedFile(name, content)})
    return _after_upload(client, sent)


def by_paste(content: bytes, name: str, kind: str, folder: Path) -> str:
    client = Client()
    client.force_login(MembershipFactory.create(role=Role.BUYER).person)
    return _after_upload(client, client.post("/imports/", {"kind": kind, "stated_on": DAY, "pasted": content.decode()}))


def _after_upload(client: Client, sent: Any) -> str:
    if sent.status_code == 422:
        return str(next(iter(sent.context["form"].errors.values()))[0])
    assert sent.status_code == 302
    batch = ImportBatch.objects.get()
    if batch.state == "unmapped":  # a person is asked which column is which
        assert client.get(f"/imports/{batch.pk}/columns/").status_code == 200
        return "unmapped"
    return ""


def by_api(content: bytes, name: str, kind: str, folder: Path) -> str:
    path = f"/imports?kind={kind}&stated_on={DAY}&file_name={name}"
    sent = calling(f"Sends {kind}", role=Role.BUYER).post(path, content, content_type="application/octet-stream")
    if sent.status_code == 201:
        return ""
    assert sent.status_code == 422
    return str(sent.json()["errors"][0]["detail"])


def by_command(content: bytes, name: str, kind: str, folder: Path) -> str:
    file = folder / name
    file.write_bytes(content)
    who = MembershipFactory.create(role=Role.BUYER).person.username
    out = StringIO()
    try:
        call_command(
            "import_workbook", str(file), "--as", who, "--kind", kind, "--stated-on", DAY, "--json", stdout=out
        )
    except CommandError as refusal:
        return str(refusal)
    except SystemExit:  # some row is refused
        assert json.loads(out.getvalue())["refused"] > 0
    return ""


DOORS: Final[dict[str, Callable[[bytes, str, str, Path], str]]] = {
    "portal": by_portal,
    "api": by_api,
    "command": by_command,
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
@pytest.mark.parametrize(("name", "why"), UBL.items(), ids=UBL.keys())
def test_a_document_about_what_we_do_not_know_says_so_row_by_row(
    name: str, why: str, door: Callable[[bytes, str, str, Path], str], tmp_path: Path
) -> None:
    assert door(sample(f"ubl/{name}").read_bytes(), name, "business_documents", tmp_path) == ""

    batch = ImportBatch.objects.get()
    assert batch.rows_read == batch.rows_accepted + batch.rows_refused + batch.rows_blank == batch.rows_refused
    assert {each["message"] for row in batch.rows.all() for each in row.refusals} == {why}


@pytest.mark.parametrize("door", [*DOORS.values(), by_paste], ids=[*DOORS, "paste"])
@pytest.mark.parametrize("name", CSV)
def test_a_table_comes_in_or_says_which_column_it_lacks(
    name: str, door: Callable[[bytes, str, str, Path], str], tmp_path: Path
) -> None:
    content = sample(f"csv/{name}").read_bytes()
    for kind in KINDS:
        said = door(content, name, kind.value, tmp_path)

        batch = ImportBatch.objects.first()
        if batch is None:
            assert "column" in said.lower() or "header" in said.lower(), said
        elif said != "unmapped":
            assert batch.rows_read == batch.rows_accepted + batch.rows_refused + batch.rows_blank > 0
            assert all(each["message"] for row in batch.rows.all() for each in row.refusals)
        ImportBatch.objects.all().delete()
