"""The power page of a site: what binds, what it costs, by what was known; and its forms."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from sites.accounts.permissions import Role
from sites.models import LoadStep, SpotPrice
from tests.factories.sites import LoadStepFactory, MembershipFactory
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
