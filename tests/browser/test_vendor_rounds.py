"""A vendor round in a browser: the workbook out, the link, the vendor's answer, reviewed and counted."""

import io
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from procurement.portal.pages.exports import XLSX
from sites.accounts.permissions import Role
from sites.models import Promise
from tests.factories.procurement import CompanyFactory, DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory
from tests.workbooks import saved

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_vendor_is_asked_answers_by_its_link_and_the_answer_is_reviewed(sign_in: Callable[[Any], Page]) -> None:
    order = PurchaseOrderFactory.create(
        number="4500016221", seller=CompanyFactory.create(code="KOALA", name="Koala Coils")
    )
    for number in (10, 20):
        DeliveryLotFactory.create(
            schedule_line__line__order=order,
            schedule_line__line__number=number,
            actuals={"PO_ISSUED": date(2026, 8, 3)},
        )
    page = sign_in(MembershipFactory.create(role=Role.EXPEDITER).person)
    page.goto("/log/")
    page.get_by_role("link", name="Ask vendors").click()
    page.get_by_role("combobox", name="Vendor").select_option(label="Koala Coils (2)")
    page.get_by_role("button", name="Make the questions").click()
    expect(page.get_by_role("heading", name="Koala Coils")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Workbook for the vendor").click()
    assert download.value.suggested_filename.startswith("koala-")
    sent_out = Path(download.value.path()).read_bytes()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("strong", has_text="/vendor/").inner_text()
    round_page = page.url.replace("link/", "")

    browser = page.context.browser
    assert browser is not None
    vendor = browser.new_context(base_url=page.url.split("/rounds/")[0]).new_page()
    vendor.goto("/vendor/" + link.split("/vendor/")[1])
    vendor.get_by_label("Your name").fill("Kim")
    vendor.get_by_label("New date, 4500016221/10/1").fill("soon")
    vendor.get_by_role("button", name="Send").click()
    expect(vendor.locator(".ll-error").first).to_be_visible()
    vendor.get_by_label("New date, 4500016221/10/1").fill("CW23 2099")
    vendor.context.set_offline(True)
    vendor.get_by_role("button", name="Send").click()
    expect(vendor.get_by_text("The connection is lost.")).to_be_visible()
    vendor.context.set_offline(False)
    vendor.get_by_role("button", name="Send").click()
    expect(vendor.get_by_text("1 answer has arrived")).to_be_visible()
    assert Promise.objects.count() == 0

    page.goto(round_page)
    page.get_by_role("link", name="Answers of Kim").click()
    page.get_by_role("button", name="Apply 1 row").click()
    expect(page.get_by_text("every accepted row is written")).to_be_visible()
    page.goto(round_page)
    expect(page.get_by_role("link", name="Answered")).to_be_visible()
    assert [row.value for row in Promise.objects.all()] == ["2099-W23"]

    page.goto("/imports/")
    page.get_by_label("What the rows are").select_option("promises")
    page.locator("input[type=file]").set_input_files(
        {"name": "koala.xlsx", "mimeType": XLSX, "buffer": filled_in(sent_out, {20: date(2099, 5, 4)})}
    )
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("every accepted row is written")).to_be_visible()
    page.goto(round_page)
    expect(page.get_by_role("link", name="Answered")).to_have_count(2)
    assert sorted(row.value for row in Promise.objects.all()) == ["2099-05-04", "2099-W23"]


def filled_in(content: bytes, dates: Mapping[int, date]) -> bytes:
    """The workbook as a vendor sends it back: a new date beside some lines."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book.worksheets[0]
    titles = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        on = dates.get(int(str(row[titles.index("Item")].value)))
        if on is not None:
            row[titles.index("New date")].value = on
    return saved(book)
