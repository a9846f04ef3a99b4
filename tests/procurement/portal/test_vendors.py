"""The pages of vendors: scorecard, whose days, and who may look."""

import pytest
from django.test import Client

from tests.procurement.portal.conftest import Place
from tests.procurement.portal.test_markup import Page

pytestmark = pytest.mark.django_db


def seller_of(place: Place) -> str:
    return str(place.lot.schedule_line.line.order.seller_id)


def test_a_vendor_with_too_few_deliveries_has_no_score(browser: Client, sydney: Place) -> None:
    html = browser.get(f"/vendors/{seller_of(sydney)}/").content.decode()

    assert "too few: 0 observations" in html
    page = Page(html)
    assert (page.inline, page.unlabelled, page.tables) == ([], [], page.captions)


def test_the_list_names_the_vendors_of_the_reader_alone(browser: Client, sydney: Place, tokyo: Place) -> None:
    html = browser.get("/vendors/").content.decode()

    assert seller_of(sydney) in html
    assert seller_of(tokyo) not in html
    assert Page(html).inline == []


def test_a_vendor_of_another_site_is_not_found(browser: Client, sydney: Place, tokyo: Place) -> None:
    assert browser.get(f"/vendors/{seller_of(tokyo)}/").status_code == 404


@pytest.mark.parametrize("side", ["maker", "nonsense"])
def test_the_side_is_chosen_in_the_address(browser: Client, sydney: Place, side: str) -> None:
    assert browser.get(f"/vendors/?as={side}").status_code == 200
