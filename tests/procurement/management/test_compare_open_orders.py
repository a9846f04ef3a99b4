"""An ERP's list of open orders from the command line."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from procurement.models import OpenOrderList
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.sites import MembershipFactory

pytestmark = pytest.mark.django_db
ROWS = "order,line,quantity\n4500016221,10,4\n"


@pytest.fixture
def buyer() -> User:
    return MembershipFactory.create(role=Role.BUYER).person


def run(tmp_path: Path, *words: str, rows: str = ROWS) -> tuple[str, object]:
    """What was printed, and the exit code."""
    file = tmp_path / "open.csv"
    file.write_text(rows)
    out = StringIO()
    try:
        call_command("compare_open_orders", str(file), "--system", "SAP-PRD", *words, stdout=out)
    except SystemExit as end:
        return out.getvalue(), end.code
    return out.getvalue(), 0


def test_disagreements_end_with_one(tmp_path: Path, buyer: User) -> None:
    said, code = run(tmp_path, "--as", buyer.username, "--json")

    assert (json.loads(said), code) == ({"rows": 1, "standing": {"missing_here": 1}}, 1)
    assert "missing_here 1" in run(tmp_path, "--as", buyer.username)[0]


def test_where_all_agrees_it_ends_with_none(tmp_path: Path, buyer: User) -> None:
    said, code = run(
        tmp_path, "--as", buyer.username, "--part", "--stated-at", "2026-11-20T08:00:00Z", rows="order,line\n"
    )

    assert (said, code) == ("0 rows compared. Disagreements: none.\n", 0)
    assert OpenOrderList.objects.get().complete is False


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--as", "nobody"], "as: "),
        (["--as", "{buyer}", "--stated-at", "2026-11-20"], "stated_at: "),
        (["--as", "{buyer}", "--stated-at", "2026-13-45T00:00:00Z"], "stated_at: "),
    ],
)
def test_what_cannot_be_read_ends_with_two(tmp_path: Path, buyer: User, words: list[str], says: str) -> None:
    with pytest.raises(CommandError) as refusal:
        run(tmp_path, *[word.format(buyer=buyer.username) for word in words])

    assert (refusal.value.returncode, str(refusal.value).startswith(says)) == (2, True)


def test_a_file_that_is_not_there_ends_with_two(buyer: User) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("compare_open_orders", "/nowhere/open.csv", "--system", "SAP-PRD", "--as", buyer.username)

    assert refusal.value.returncode == 2
