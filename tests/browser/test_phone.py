"""On a phone of 360 px: a unit is looked up and received with a photograph, an alert acknowledged."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from procurement.models import Alert, Attachment, Receipt
from procurement.vocabulary import AlertState
from sites.accounts.permissions import Role
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.procurement.portal.conftest import make_place

pytestmark = pytest.mark.django_db(transaction=True)

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_the_yard_on_a_phone(sign_in: Callable[[Any], Page]) -> None:
    site = SiteFactory.create(code="SYD1")
    person = MembershipFactory.create(role=Role.EXPEDITER, site=site).person
    place = make_place(site, told=person)
    page = sign_in(person)
    page.set_viewport_size({"width": 360, "height": 640})

    page.goto("/units/")
    page.locator("#unit-q").fill(place.requirement.tag)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    looked_up = fits(page)
    page.get_by_role("link", name="Receive").first.click()
    page.get_by_label("Units").fill("1")
    page.get_by_label("Serial numbers").fill("SN 4711")
    page.get_by_label("Photograph").set_input_files({"name": "plate.jpg", "mimeType": "image/jpeg", "buffer": JPEG})
    form_fits = fits(page)
    page.get_by_role("button", name="Receive").click()
    expect(page.get_by_text("The receipt is recorded.")).to_be_visible()

    assert (looked_up, form_fits, fits(page)) == (True, True, True)
    assert (Receipt.objects.count(), Attachment.objects.get().name) == (1, "plate.jpg")

    page.goto(f"/alerts/{place.alert.pk}/")
    alert_fits = fits(page)
    page.get_by_role("button", name=re.compile("Acknowledge")).first.click()
    page.wait_for_load_state()

    assert alert_fits
    assert Alert.objects.get(pk=place.alert.pk).state == AlertState.ACKNOWLEDGED
    page.goto("/log/")
    assert fits(page)
