"""API clients: made with a role, given keys that are shown once, and taken out of use."""

import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from procurement.services import api_keys
from sites.accounts.models import ApiClient, ApiKey, User
from sites.accounts.permissions import Role
from sites.models import Membership
from sites.vocabulary import ScopeKind
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.procurement.portal.conftest import browser_of
from tests.procurement.portal.test_markup import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(administrator: User) -> Client:
    return browser_of(administrator)


def make(browser: Client, **besides: str) -> str:
    SiteFactory.create(code="SYD1")
    said = {"name": "ERP", "system": "SAP-PRD", "role": "erp_client", "sites": "syd1"} | besides
    return browser.post("/set-up/api-clients/", said, follow=True).content.decode()


def test_a_client_holds_its_role_at_its_sites_alone(browser: Client) -> None:
    html = make(browser)

    assert "it needs a key now" in html
    right = Membership.objects.get(person=ApiClient.objects.get().account)
    assert (right.role, right.scope, right.site and right.site.code) == ("erp_client", "site", "SYD1")
    assert "Ada Administrator" in html.split('id="history-head"')[1]


@pytest.mark.parametrize(
    ("besides", "why"),
    [
        ({"sites": "SYD1, NONE"}, "There is no site NONE."),
        ({"system": "sap prd"}, "Enter a valid value."),
        ({"role": "king"}, "Select a valid choice."),
        ({"name": ""}, "This field is required."),
    ],
)
def test_a_client_that_cannot_be_is_refused_at_its_field(browser: Client, besides: dict[str, str], why: str) -> None:
    html = make(browser, **besides)

    assert why in html
    assert 'aria-invalid="true"' in html
    assert not ApiClient.objects.exists()


def test_a_key_is_shown_once_and_opens_until_it_is_revoked(browser: Client) -> None:
    make(browser)
    address = f"/set-up/api-clients/{ApiClient.objects.get().pk}/"

    answer = browser.post(address, {"scopes": ["po:read"], "expires_on": "2099-01-01", "addresses": "10.0.0.0/8"})
    (secret,) = re.findall(r"ll_live_[\w-]{12}\.[\w-]{43}", answer.content.decode())

    assert answer["Cache-Control"] == "private, no-store"
    assert secret not in browser.get(address).content.decode()
    assert api_keys.authenticate(secret, "10.1.2.3", timezone.now()) is not None
    key = ApiKey.objects.get()
    browser.post(f"/integration/keys/{key.prefix}/revoke/", {"reason": ""})
    still = api_keys.authenticate(secret, "10.1.2.3", timezone.now())
    browser.post(f"/integration/keys/{key.prefix}/revoke/", {"reason": "Leaked"})
    assert (still is not None, api_keys.authenticate(secret, "10.1.2.3", timezone.now())) == (True, None)
    assert "revoked" in browser.get(address).content.decode()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"scopes": []}, "This field is required."),
        ({"scopes": ["po:read"], "addresses": "somewhere"}, "somewhere is no address or network."),
        ({"scopes": ["po:read"], "expires_on": "2001-01-01"}, "The key would have expired already."),
    ],
)
def test_a_key_that_cannot_be_is_refused_at_its_field(browser: Client, said: dict[str, object], why: str) -> None:
    make(browser)

    answer = browser.post(f"/set-up/api-clients/{ApiClient.objects.get().pk}/", said)

    assert (answer.status_code, why in answer.content.decode(), ApiKey.objects.count()) == (422, True, 0)


def test_its_pages_can_be_used_with_a_screen_reader(browser: Client) -> None:
    make(browser)
    for address in ("/set-up/api-clients/", f"/set-up/api-clients/{ApiClient.objects.get().pk}/"):
        page = Page(browser.get(address).content.decode())
        assert (page.inline, page.unlabelled, page.tables, page.headings) == ([], [], page.captions, 1)


def test_only_an_administrator_of_the_portfolio_sees_or_makes_them(browser: Client) -> None:
    make(browser)
    other = browser_of(
        MembershipFactory.create(role=Role.ADMINISTRATOR, scope=ScopeKind.SITE, site=SiteFactory.create()).person
    )
    address = f"/set-up/api-clients/{ApiClient.objects.get().pk}/"

    answers = [other.get("/set-up/api-clients/"), other.get(address), other.post(address, {"scopes": ["po:read"]})]

    assert ([answer.status_code for answer in answers], ApiKey.objects.count()) == ([403, 403, 403], 0)


@pytest.mark.parametrize("clients", [1, 3])
def test_a_list_takes_as_many_queries_for_three_clients_as_for_one(
    clients: int, browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for place in range(clients):
        api_keys.make_client(name=f"ERP {place}", system="SAP", actor=None)
    browser.get("/set-up/api-clients/")

    with django_assert_num_queries(8):
        browser.get("/set-up/api-clients/")
