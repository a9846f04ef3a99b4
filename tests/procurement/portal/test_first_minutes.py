"""The tour, the glossary and the keys, for who is new."""

import pytest
from django.test import Client

from procurement.portal.glossary import TERMS
from procurement.portal.tour import addresses
from sites.accounts.models import User
from tests.procurement.portal.conftest import Place

pytestmark = pytest.mark.django_db


def test_the_tour_follows_one_late_unit_to_its_end(browser: Client, sydney: Place) -> None:
    page = browser.get("/tour/")["Location"]
    titles = []
    while page:
        answer = browser.get(page)
        assert answer.status_code == 200
        step = answer.context["tour"]()
        titles.append(str(step.title))
        page = step.after_url

    assert titles == [
        "What is late", "One late unit", "Why it is needed then", "What it does to the site", "Who is told",
        "Keep your own list",
    ]  # fmt: skip


def test_the_tour_shows_nobody_another_site_s_unit(sydney: Place, tokyo: Place, expediter: User) -> None:
    pages = addresses(expediter)

    assert pages[1].startswith(f"/lines/{sydney.line_key}/")
    assert pages[3].startswith(f"/sites/{sydney.site.code}/")


@pytest.mark.parametrize("said", ["0", "7", "12", "x", "²"])
def test_a_step_that_is_none_shows_the_page_alone(browser: Client, sydney: Place, said: str) -> None:
    html = browser.get("/log/", {"tour": said}).content.decode()

    assert "ll-tour" not in html


def test_the_glossary_explains_every_term_in_the_reader_s_language(browser: Client, sydney: Place) -> None:
    html = browser.get("/glossary/").content.decode()

    assert [term for term in TERMS if f'id="term-{term}"' not in html] == []
    assert browser.get("/glossary/terms.json").json().keys() == TERMS.keys()


def test_keys_of_one_letter_are_switched_off_and_on(browser: Client, sydney: Place, expediter: User) -> None:
    answer = browser.post("/preferences/shortcuts/", {"shortcuts": "0", "next": "/log/"})
    off = browser.get("/log/").content.decode()
    browser.post("/preferences/shortcuts/", {"shortcuts": "1", "next": "https://elsewhere.example/"})
    on = browser.get("/log/").content.decode()

    assert (answer["Location"], 'data-shortcuts="1"' in off, 'data-shortcuts="1"' in on) == ("/log/", False, True)
