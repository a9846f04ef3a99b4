"""The power page of a site: what binds, by what was known; and its forms, which keep what was typed."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from sites.accounts.permissions import Role
from sites.models import LoadStep, SpotPrice
from tests.factories.sites import BlockFactory, LoadStepFactory, MembershipFactory
from tests.procurement.portal.conftest import Place, browser_of

pytestmark = pytest.mark.django_db

PAGE = "/sites/SYD1/power/"


@pytest.fixture
def energy(sydney: Place) -> Client:
    """Answers for power in Sydney."""
    return browser_of(MembershipFactory.create(role=Role.ENERGY_LEAD, site=sydney.site).person)


def test_the_page_names_what_binds_in_each_quarter(energy: Client, sydney: Place) -> None:
    LoadStepFactory.create(site=sydney.site, from_on=date(2027, 1, 1), gross_mw=Decimal(12))

    html = energy.get(f"{PAGE}?from_on=2027-01-01&until_on=2027-12-31").content.decode()

    assert [name in html for name in ("2027-Q1", "2027-Q4", "What binds, by quarter", "12 MW")] == [True] * 4


def test_a_past_day_of_knowledge_stands_beside_today(energy: Client, sydney: Place) -> None:
    html = energy.get(f"{PAGE}?known_on=2026-01-01").content.decode()

    assert [word in html for word in ("As known today", "As agreed first", "As known on a past day")] == [True] * 3


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("from_on=2027-12-31&until_on=2027-01-01", "ends before it starts"),
        ("from_on=2027-01-01&until_on=2060-01-01", "longer than fifteen years"),
        ("known_on=2090-01-01", "Give a day before today"),
        ("from_on=someday", "Enter a valid date"),
    ],
)
def test_a_window_that_cannot_be_is_told_and_the_usual_one_shown(
    energy: Client, sydney: Place, query: str, message: str
) -> None:
    answer = energy.get(f"{PAGE}?{query}")

    assert (answer.status_code, message in answer.content.decode()) == (200, True)


def test_a_ramp_is_saved_row_by_row_and_a_cleared_row_goes(energy: Client, sydney: Place) -> None:
    LoadStepFactory.create(site=sydney.site, from_on=date(2027, 1, 1), gross_mw=Decimal(3))
    sent = {
        "from_on__0": "", "gross_mw__0": "", "from_on__1": "2027-05-01", "gross_mw__1": "4.5",
        "from_on__2": "2027-09-01", "gross_mw__2": "9",
    }  # fmt: skip

    answer = energy.post(f"{PAGE}ramp/site/", sent)

    assert answer.status_code == 302
    assert list(LoadStep.objects.order_by("from_on").values_list("from_on", "gross_mw")) == [
        (date(2027, 5, 1), Decimal("4.5")),
        (date(2027, 9, 1), Decimal(9)),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"from_on__0": "2027-05-01", "gross_mw__0": "-4"}, "greater than or equal to 0"),
        ({"from_on__0": "2027-05-01", "gross_mw__0": ""}, "This field is required"),
        ({"from_on__0": "someday", "gross_mw__0": "4"}, "Enter a valid date"),
        (
            {"from_on__0": "2027-05-01", "gross_mw__0": "4", "from_on__1": "2027-05-01", "gross_mw__1": "5"},
            "Two steps start on the same day",
        ),
    ],
)
def test_a_refused_ramp_keeps_what_was_typed(energy: Client, sydney: Place, row: dict[str, str], message: str) -> None:
    answer = energy.post(f"{PAGE}ramp/site/", row)

    html = answer.content.decode()
    assert (answer.status_code, message in html) == (422, True)
    assert all(f'value="{value}"' in html for value in row.values() if value)
    assert not LoadStep.objects.exists()


def test_the_ramp_of_a_block_is_its_own(energy: Client, sydney: Place) -> None:
    energy.post(f"{PAGE}ramp/{sydney.block.pk}/", {"from_on__0": "2027-05-01", "gross_mw__0": "2"})

    assert LoadStep.objects.get().block == sydney.block


def test_a_ramp_of_a_block_of_another_site_is_not_there(energy: Client, sydney: Place) -> None:
    elsewhere = BlockFactory.create()

    answer = energy.post(f"{PAGE}ramp/{elsewhere.pk}/", {"from_on__0": "2027-05-01", "gross_mw__0": "2"})

    assert (answer.status_code, LoadStep.objects.exists()) == (404, False)


def test_who_may_not_write_power_sees_no_form_and_changes_nothing(browser: Client, sydney: Place) -> None:
    answer = browser.post(f"{PAGE}ramp/site/", {"from_on__0": "2027-05-01", "gross_mw__0": "2"})

    assert (answer.status_code, LoadStep.objects.exists()) == (403, False)
    assert "Change the ramp" not in browser.get(PAGE).content.decode()


def test_a_spot_price_is_saved_per_mwh_and_refused_in_the_wrong_unit(energy: Client, sydney: Place) -> None:
    said = {"from_on": "2027-01-01", "price": "0.095", "unit": "kwh", "currency": "AUD", "source": "Curve of the desk"}

    wrong = energy.post(f"{PAGE}spot-price/", said | {"unit": "mwh"})
    right = energy.post(f"{PAGE}spot-price/", said)

    assert (wrong.status_code, right.status_code) == (422, 302)
    assert 'value="0.095"' in wrong.content.decode()
    assert SpotPrice.objects.get().price_per_mwh == Decimal(95)


def test_money_shows_to_those_with_the_right_to_it_only(energy: Client, sydney: Place) -> None:
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person)

    hidden = "Amounts show to those who may see prices here"
    assert [hidden in each.get(PAGE).content.decode() for each in (energy, viewer)] == [False, True]
