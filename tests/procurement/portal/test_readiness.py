"""The readiness matrix of a site page, from the stored answers; and the schedule that the site follows."""

from dataclasses import replace
from datetime import date

import pytest
from django.test import Client

from procurement.models import BlockForecast
from procurement.queries.readiness import readiness
from procurement.queries.site import site_view
from sites.vocabulary import BlockPolicy, RevisionState
from tests.factories.sites import ScheduleRevisionFactory
from tests.procurement.portal.conftest import Place

pytestmark = pytest.mark.django_db


def answered(place: Place, **given: object) -> None:
    group = {"group": place.requirement.group.code, "needed": 4, "units": 5} | given  # type: ignore[union-attr]
    BlockForecast.objects.filter(current=True, block=place.block).update(groups=[group])


@pytest.mark.parametrize(("policy", "decides"), [("can_carry", date(2027, 5, 1)), ("redundant", date(2027, 9, 1))])
def test_a_cell_counts_the_date_of_its_blocks_policy(sydney: Place, policy: str, decides: date) -> None:
    answered(sydney, can_carry_on="2027-05-01", redundant_on="2027-09-01")
    view = site_view(sydney.site)
    (block,) = view.blocks
    block.block.policy, block.block.rfs_baseline_on = BlockPolicy(policy), date(2027, 6, 1)

    (row,) = readiness(sydney.site, [replace(block)])

    ((cell,),) = row.cells
    assert row.equipment_class == sydney.requirement.equipment_class.name
    assert (cell.needed, cell.units, cell.decides, cell.is_late) == (4, 5, decides, decides > date(2027, 6, 1))


def test_what_has_no_date_is_shown_as_not_known(browser: Client, sydney: Place) -> None:
    answered(sydney, can_carry_on=None, redundant_on=None)

    html = browser.get("/sites/SYD1/").content.decode()

    matrix = html.split('id="readiness"')[1].split("</section>")[0]
    assert "4 of 5" in matrix
    assert "not known" in matrix
    assert "ll-ready ll-quiet" in matrix


def test_what_is_ready_by_the_day_of_calculation_is_ready_now(browser: Client, sydney: Place) -> None:
    as_of = BlockForecast.objects.get(current=True, block=sydney.block).as_of
    answered(sydney, can_carry_on=as_of.isoformat(), redundant_on=date(2028, 2, 3).isoformat())

    matrix = browser.get("/sites/SYD1/").content.decode().split('id="readiness"')[1]
    groups = browser.get(f"/blocks/{sydney.block.pk}/").content.decode()

    assert '<span class="ll-second">can carry now</span><span class="ll-second">redundant 3 Feb 28</span>' in matrix
    assert '<td class="ll-date">now</td><td class="ll-date">3 Feb 2028</td>' in groups


def test_the_site_page_names_the_schedule_it_follows_and_what_waits(browser: Client, sydney: Place) -> None:
    ScheduleRevisionFactory.create(site=sydney.site, state=RevisionState.ACCEPTED, project_code="SYD-P6")
    ScheduleRevisionFactory.create(site=sydney.site, project_code="SYD-NEW")

    html = browser.get("/sites/SYD1/").content.decode()

    part = html.split('id="schedule"')[1].split("</section>")[0]
    assert "SYD-P6" in part
    assert "1 revision waits for a decision" in part
