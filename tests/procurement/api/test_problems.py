import re
from pathlib import Path

import pytest
from django.test import Client

from procurement.api.problems import meanings
from procurement.management.runtime.places import REPOSITORY
from tests.procurement.api.calls import Caller, problem

pytestmark = pytest.mark.django_db
# Answered by pages, never by the API.
OF_PAGES = {"link_expired", "link_unknown"}


def documented() -> set[str]:
    """The codes of the table in docs/api.md."""
    table = Path(REPOSITORY, "docs", "api.md").read_text().partition("| code | means |")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}


def test_every_code_has_a_page_and_a_line_in_the_docs() -> None:
    assert set(meanings()) == documented() - OF_PAGES


def test_the_type_of_a_problem_leads_to_its_page(erp: Caller) -> None:
    refused = problem(erp.get("/nowhere"), 404, "not_found")

    page = Client().get(refused["type"])

    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "not_found" in page.content.decode()
    assert Client().get("/problems/nobody-knows").status_code == 404
