"""No row of a site shows to someone without a right at it, on any page and through any form."""

import pytest
from django.test import Client

from sites.accounts.permissions import Role
from tests.factories.accounts import UserFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import LISTS, Place, browser_of

pytestmark = pytest.mark.django_db


def test_every_page_of_another_site_is_not_found(browser: Client, sydney: Place, tokyo: Place) -> None:
    answers = {page: browser.get(page).status_code for page in tokyo.pages}

    assert answers == dict.fromkeys(tokyo.pages, 404)


def test_every_form_of_another_site_is_not_found(browser: Client, sydney: Place, tokyo: Place) -> None:
    answers = {door: browser.post(door, {"note": "x"}).status_code for door in tokyo.doors}

    assert answers == dict.fromkeys(tokyo.doors, 404)


@pytest.mark.parametrize("page", LISTS)
def test_no_list_names_anything_of_another_site(browser: Client, sydney: Place, tokyo: Place, page: str) -> None:
    html = browser.get(page).content.decode()

    named = [str(key) for key in (tokyo.line_key, tokyo.requirement.pk, tokyo.unordered.pk, tokyo.alert.pk)]
    named += [tokyo.site.code, tokyo.site.name, tokyo.requirement.tag, tokyo.agreement.code]
    assert [name for name in named if name in html] == []


def test_a_shared_agreement_shows_only_the_readers_share(browser: Client, sydney: Place, tokyo: Place) -> None:
    sydney.agreement.shares.create(site=tokyo.site, share_mw=5)

    html = browser.get(f"/power/agreements/{sydney.agreement.pk}/").content.decode()

    assert (sydney.site.name in html, tokyo.site.name in html, "the share of your own sites" in html) == (
        True, False, True,
    )  # fmt: skip


def test_the_price_of_a_shared_agreement_needs_the_right_everywhere(
    browser: Client, sydney: Place, tokyo: Place
) -> None:
    sydney.agreement.price = 61
    sydney.agreement.save()
    seen = "<dd>61</dd>" in browser.get(f"/power/agreements/{sydney.agreement.pk}/").content.decode()

    sydney.agreement.shares.create(site=tokyo.site, share_mw=5)

    hidden = "<dd>61</dd>" not in browser.get(f"/power/agreements/{sydney.agreement.pk}/").content.decode()
    assert (seen, hidden) == (True, True)


def test_amounts_of_an_order_need_the_right_to_amounts(browser: Client, sydney: Place) -> None:
    order = sydney.lot.schedule_line.line.order
    order.total_amount = 1234567
    order.save()
    viewer = MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person

    seen = ["1,234,567" in each.get(f"/orders/{order.pk}/").content.decode() for each in (browser, browser_of(viewer))]

    assert seen == [True, False]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ERP_CLIENT])
def test_every_page_renders_for_every_role(sydney: Place, role: Role) -> None:
    client = browser_of(MembershipFactory.create(role=role).person)

    answers = {page: client.get(page).status_code for page in [*LISTS, *sydney.pages]}

    assert set(answers.values()) == {200}, answers


def test_somebody_without_any_right_sees_empty_pages(sydney: Place) -> None:
    client = browser_of(UserFactory.create())

    assert [client.get(page).status_code for page in LISTS] == [200] * len(LISTS)
    assert [client.get(page).status_code for page in sydney.pages] == [404] * len(sydney.pages)


@pytest.mark.parametrize("page", [*LISTS, "/sites/SYD1/", "/mailbox/"])
def test_nobody_gets_in_without_logging_in(client: Client, page: str) -> None:
    answer = client.get(page)

    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/account/login/")


def test_a_form_without_log_in_changes_nothing(client: Client, sydney: Place) -> None:
    assert {client.post(door).status_code for door in sydney.doors} == {302}


def test_a_disabled_account_sees_nothing(browser: Client, sydney: Place) -> None:
    person = MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person
    client = browser_of(person)
    person.is_active = False
    person.save()

    assert client.get("/log/").status_code == 302
