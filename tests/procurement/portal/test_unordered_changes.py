"""What is not ordered, compared with a past day: old dates struck out, what came and what went."""

from datetime import date

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.models import RequirementForecast
from procurement.services import forecasts
from procurement.vocabulary import RosRule, RunCause
from tests.factories.procurement import AllocationFactory, DeliveryLotFactory, RequirementFactory
from tests.procurement.portal.conftest import NOW, TODAY, Place

pytestmark = pytest.mark.django_db

LATER = NOW.replace(month=12)


def again(place: Place) -> None:
    forecasts.recalculate(site_id=place.site.pk, as_of=LATER.date(), now=LATER, cause=RunCause.LOAD, evaluate=False)


def compared(browser: Client) -> str:
    return browser.get(f"/log/?shown=unordered&since_on={TODAY}").content.decode()


def test_an_old_date_stands_struck_out_beside_the_new_one(browser: Client, sydney: Place) -> None:
    before = RequirementForecast.objects.get(requirement=sydney.unordered, current=True)
    sydney.unordered.ros_rule, sydney.unordered.ros_fixed_on = RosRule.FIXED, date(2028, 3, 3)
    sydney.unordered.required_on_site = date(2028, 3, 3)
    sydney.unordered.save()
    again(sydney)

    html = compared(browser)

    assert before.required_on_site != date(2028, 3, 3)
    assert "3 Mar 28" in html
    assert '<del class="ll-was">' in html
    assert "Came" not in html.split("<tbody>")[-1]


def test_what_came_is_marked_and_what_was_ordered_went(browser: Client, sydney: Place, tokyo: Place) -> None:
    came = RequirementFactory.create(site=sydney.site)
    lot = DeliveryLotFactory.create(
        site=sydney.site, schedule_line__line__equipment_class=sydney.unordered.equipment_class
    )
    AllocationFactory.create(lot=lot, requirement=sydney.unordered)
    again(sydney)

    html = compared(browser)

    rows = html.split('id="log-caption"')[1]
    went = html.split('id="went"')[1].split("</details>")[0]
    assert (came.tag in rows, "Came" in rows) == (True, True)
    assert (sydney.unordered.tag in went, sydney.unordered.tag in rows.split("<tbody>")[1]) == (True, False)
    assert "1 line that went from this list" in went
    assert tokyo.unordered.tag not in html


def test_only_what_changed_leaves_out_what_merely_grew_older(browser: Client, sydney: Place) -> None:
    same = RequirementFactory.create(site=sydney.site)
    forecasts.recalculate(site_id=sydney.site.pk, as_of=TODAY, now=NOW, cause=RunCause.LOAD, evaluate=False)
    sydney.unordered.ros_rule, sydney.unordered.ros_fixed_on = RosRule.FIXED, date(2028, 3, 3)
    sydney.unordered.required_on_site = date(2028, 3, 3)
    sydney.unordered.save()
    came = RequirementFactory.create(site=sydney.site)
    again(sydney)

    html = browser.get(f"/log/?shown=unordered&changed=1&since_on={TODAY}").content.decode()

    rows = html.split("<tbody>")[-1]
    assert [each.tag in rows for each in (sydney.unordered, came, same)] == [True, True, False]
    assert 'name="changed" value="1" checked' in html
    assert same.tag in compared(browser).split("<tbody>")[-1]


@pytest.mark.parametrize("more", [0, 2])
def test_it_takes_as_many_queries_for_three_rows_as_for_one(
    more: int, browser: Client, sydney: Place, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(more):
        RequirementFactory.create(site=sydney.site)
    again(sydney)
    compared(browser)

    with django_assert_num_queries(13):
        compared(browser)
