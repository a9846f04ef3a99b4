"""A vendor's rows, pasted, looked at, applied and taken back in a browser."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sites.accounts.permissions import Role
from sites.models import Promise
from tests.factories.procurement import DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_pasted_rows_are_previewed_applied_and_undone(sign_in: Callable[[Any], Page]) -> None:
    DeliveryLotFactory.create(
        schedule_line__line__order=PurchaseOrderFactory.create(number="4500016221"),
        schedule_line__line__number=10,
        actuals={"PO_ISSUED": date(2026, 8, 3)},
    )
    page = sign_in(MembershipFactory.create(role=Role.EXPEDITER).person)
    page.goto("/log/")
    page.get_by_role("link", name="Workbooks").click()

    page.get_by_role("textbox", name="Or paste rows").fill(
        "PO No.\tItem\tConfirmed date\n4500016221\t10\t2099-W23\n4500016221\t99\tTBD\n"
    )
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Nothing is written yet")).to_be_visible()
    expect(page.get_by_text("csv!B3")).to_be_visible()
    page.get_by_role("button", name="Apply 1 row").click()
    expect(page.get_by_text("every accepted row is written")).to_be_visible()
    page.get_by_role("textbox", name="Reason").fill("Another week")
    page.get_by_role("button", name="Undo the whole file").click()

    expect(page.get_by_text("Undone by")).to_be_visible()
    assert Promise.objects.filter(retraction__isnull=True).count() == 0
