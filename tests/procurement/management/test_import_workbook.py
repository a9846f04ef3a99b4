"""A workbook from the command line: previewed, applied, refused."""

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from procurement.models import ImportBatch
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Promise
from tests.factories.procurement import DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory
from tests.samples import sample
from tests.workbooks import xlsx

pytestmark = pytest.mark.django_db

HEADER = ("PO No.", "Item", "Confirmed date")


@pytest.fixture
def buyer() -> User:
    DeliveryLotFactory.create(
        schedule_line__line__order=PurchaseOrderFactory.create(number="4500016221"),
        schedule_line__line__number=10,
        actuals={"PO_ISSUED": date(2026, 8, 3)},
    )
    return MembershipFactory.create(role=Role.BUYER).person


def run(tmp_path: Path, buyer: User, *words: str, rows: tuple[Any, ...]) -> tuple[Any, object]:
    """What was printed, and the exit code."""
    file = tmp_path / "status.xlsx"
    file.write_bytes(xlsx(*rows))
    out = StringIO()
    code: object = 0
    try:
        call_command("import_workbook", str(file), "--as", buyer.username, "--json", *words, stdout=out)
    except CommandError as refusal:
        code = refusal.returncode
    except SystemExit as ended:
        code = ended.code
    return json.loads(out.getvalue()), code


def test_a_preview_prints_each_row_and_writes_no_date(tmp_path: Path, buyer: User) -> None:
    told, code = run(tmp_path, buyer, rows=(HEADER, ("4500016221", 10, "2027-W23"), (), ("4500016221", 20, "TBD")))

    assert code == 1
    assert (told["read"], told["accepted"], told["refused"], told["blank"]) == (3, 1, 1, 1)
    assert told["rows"][0]["changes"] == [{"field": "promise", "old": "", "new": "2027-W23"}]
    assert told["rows"][1]["refusals"][0]["address"] == "Orders!B4"
    assert Promise.objects.count() == 0


def test_applying_writes(tmp_path: Path, buyer: User) -> None:
    told, code = run(tmp_path, buyer, "--apply", rows=(HEADER, ("4500016221", 10, "2027-W23")))

    assert (code, told["state"]) == (0, "applied")
    assert Promise.objects.get().value == "2027-W23"


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["--stated-on", "soon"], "stated-on"),
        (["--company", "NOBODY"], "company"),
        (["--column", "order"], "column"),
        (["--sheet", "Prices"], "sheet"),
    ],
)
def test_bad_words_are_refused_by_their_name(tmp_path: Path, buyer: User, words: list[str], where: str) -> None:
    told, code = run(tmp_path, buyer, *words, rows=(HEADER, ("4500016221", 10, "2027-W23")))

    assert (told["refused"]["where"], code) == (where, 2)
    assert ImportBatch.objects.count() == 0


def test_a_stranger_reads_nothing(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such account"):
        call_command("import_workbook", str(tmp_path / "a.csv"), "--as", "nobody")


def test_a_missing_file_is_refused(tmp_path: Path, buyer: User) -> None:
    with pytest.raises(CommandError, match="no such file"):
        call_command("import_workbook", str(tmp_path / "a.csv"), "--as", buyer.username)


@pytest.mark.parametrize("name", ["approvals", "budget", "procurement", "risk-register", "schedule"])
def test_a_table_of_something_else_is_refused_for_what_it_lacks(buyer: User, name: str) -> None:
    file = sample(f"csv/northbridge_data_hall-{name}.csv")

    with pytest.raises(CommandError, match="No header row names order"):
        call_command("import_workbook", str(file), "--as", buyer.username)
