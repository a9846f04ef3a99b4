"""In the yard: a unit is looked up, received with its plate and a photograph, and found again by its number."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.models import Attachment, Receipt, UnitSerial
from sites.accounts.permissions import Role
from tests.factories.procurement import UnitSerialFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import Place, browser_of
from tests.procurement.portal.test_markup import Page

pytestmark = pytest.mark.django_db

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


def came(place: Place, **besides: object) -> dict[str, object]:
    said: dict[str, object] = {
        "lot": str(place.lot.pk), "quantity": "1", "received_on": "2026-11-19", "state": "arrived",
        "serials": "SN 4711", "document": "DN 12",
    }  # fmt: skip
    return said | besides


def receive(browser: Client, place: Place, **besides: object) -> str:
    answer = browser.post(f"/units/{place.line_key}/receive/", came(place, **besides), follow=True)
    return answer.content.decode()


def test_a_receipt_its_plates_and_its_photograph_are_kept_together(browser: Client, sydney: Place) -> None:
    html = receive(
        browser,
        sydney,
        quantity="2",
        serials="SN 4711\r\n\r\nSN 4712",
        photo=SimpleUploadedFile("plate.jpg", JPEG, "image/jpeg"),
    )

    assert "The receipt is recorded." in html
    assert (Receipt.objects.get().received_on, Receipt.objects.get().document) == (date(2026, 11, 19), "DN 12")
    assert set(UnitSerial.objects.values_list("number", flat=True)) == {"SN 4711", "SN 4712"}
    photo = Attachment.objects.get()
    assert (photo.subject_id, photo.content_type) == (sydney.line_key, "image/jpeg")
    assert "SN 4711" in html


@pytest.mark.parametrize(
    ("besides", "why"),
    [
        ({"quantity": "3"}, "0 of 2 were received already."),
        ({"received_on": "2031-01-01"}, "An actual date cannot lie in the future."),
        ({"serials": "A\nB"}, "More serial numbers (2) than units (1)."),
        ({"photo": SimpleUploadedFile("plate.jpg", b"MZ not a picture")}, "Taken are PDF, PNG, JPEG"),
        ({"quantity": "many"}, "Enter a number."),
    ],
)
def test_where_one_part_is_refused_nothing_is_written(
    browser: Client, sydney: Place, besides: dict[str, object], why: str
) -> None:
    html = receive(browser, sydney, **besides)

    assert why in html
    assert ('value="DN 12"' in html, 'aria-invalid="true"' in html) == (True, True)
    assert (Receipt.objects.count(), UnitSerial.objects.count(), Attachment.objects.count()) == (0, 0, 0)


def test_a_unit_is_found_by_its_serial_number(browser: Client, sydney: Place, tokyo: Place) -> None:
    UnitSerialFactory.create(lot=sydney.lot, number="製造-0815")
    UnitSerialFactory.create(lot=tokyo.lot, number="製造-0816")

    page = browser.get("/units/?q=製造").content.decode()
    palette = browser.get("/find/?q=製造").content.decode()

    assert (str(sydney.line_key) in page, str(tokyo.line_key) in page) == (True, False)
    assert ("製造-0815" in palette, "製造-0816" in palette) == (True, False)
    assert f"/lines/{sydney.line_key}/" in palette


def test_a_unit_is_found_by_its_tag_and_leads_on_to_receiving(browser: Client, sydney: Place) -> None:
    html = browser.get(f"/units/?q={sydney.requirement.tag}").content.decode()

    assert f"/units/{sydney.line_key}/receive/" in html
    page = Page(html)
    assert (page.inline, page.unlabelled, page.headings) == ([], [], 1)


def test_a_misread_plate_is_taken_back_with_a_reason(browser: Client, sydney: Place) -> None:
    row = UnitSerialFactory.create(lot=sydney.lot)

    browser.post(f"/serials/{row.pk}/remove/", {"reason": ""})
    kept = UnitSerial.objects.filter(pk=row.pk).exists()
    browser.post(f"/serials/{row.pk}/remove/", {"reason": "Misread"})

    assert (kept, UnitSerial.objects.filter(pk=row.pk).exists()) == (True, False)


def test_who_may_only_look_receives_nothing(sydney: Place) -> None:
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person)
    row = UnitSerialFactory.create(lot=sydney.lot)

    assert (
        "You may look, and receive nothing here." in viewer.get(f"/units/{sydney.line_key}/receive/").content.decode()
    )
    assert viewer.post(f"/units/{sydney.line_key}/receive/", came(sydney)).status_code == 403
    viewer.post(f"/serials/{row.pk}/remove/", {"reason": "x"})
    assert list(Receipt.objects.all()) == [row.receipt]
    assert list(UnitSerial.objects.all()) == [row]


def test_a_plate_of_another_site_is_not_found(browser: Client, sydney: Place, tokyo: Place) -> None:
    row = UnitSerialFactory.create(lot=tokyo.lot)

    assert browser.post(f"/serials/{row.pk}/remove/", {"reason": "x"}).status_code == 404


@pytest.mark.parametrize("more", [0, 2])
def test_looking_up_takes_as_many_queries_for_three_plates_as_for_one(
    more: int, browser: Client, sydney: Place, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(1 + more):
        UnitSerialFactory.create(lot=sydney.lot)
    browser.get("/units/?q=SN")

    with django_assert_num_queries(15):
        browser.get("/units/?q=SN")
