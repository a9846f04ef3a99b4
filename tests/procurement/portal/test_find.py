"""The search behind the palette: what a person may see, in any script, the exact name first."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.queries.find import MOST_OF_A_KIND, find
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.procurement import RequirementFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import Place, browser_of

pytestmark = pytest.mark.django_db


def test_the_exact_name_comes_first(sydney: Place, expediter: User) -> None:
    for tag in ("CH-011", "XCH-01", "CH-01"):
        RequirementFactory.create(site=sydney.site, tag=tag)

    assert [each.name for each in find(expediter, "ch-01")] == ["CH-01", "CH-011", "XCH-01"]


def test_a_part_of_a_japanese_name_is_found(sydney: Place, expediter: User) -> None:
    RequirementFactory.create(site=sydney.site, tag="変圧器-01", description="屋外変圧器")

    assert [each.name for each in find(expediter, "圧器")] == ["変圧器-01"]


def test_nothing_of_another_site_is_found(sydney: Place, tokyo: Place, expediter: User) -> None:
    mine, theirs = sydney.lot.schedule_line.line.order, tokyo.lot.schedule_line.line.order

    assert [each.key for each in find(expediter, mine.number) if each.kind == "order"] == [str(mine.pk)]
    assert find(expediter, theirs.number) == find(expediter, tokyo.site.code) == []


def test_a_search_is_six_queries_and_bounded(
    sydney: Place, expediter: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(MOST_OF_A_KIND + 2):
        RequirementFactory.create(site=sydney.site, tag=f"PUMP-{number}")

    with django_assert_num_queries(6):
        found = find(expediter, "pump")

    assert len(found) == MOST_OF_A_KIND


def test_what_a_person_may_not_do_is_not_offered(browser: Client, sydney: Place) -> None:
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person)

    offered = ["Edit promises in a grid" in each.get("/find/").content.decode() for each in (browser, viewer)]

    assert offered == [True, False]


def test_a_name_is_shown_as_text(browser: Client, sydney: Place) -> None:
    RequirementFactory.create(site=sydney.site, tag="<b>T</b>")

    html = browser.get("/find/?q=<b>", headers={"HX-Request": "true"}).content.decode()

    assert "&lt;b&gt;T&lt;/b&gt;" in html
    assert "<b>T" not in html
