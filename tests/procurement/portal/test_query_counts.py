"""No page asks more because there is more to show: each with a little in the world, and with a few times as much."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from procurement.services import forecasts
from procurement.vocabulary import AlertSubject, RunCause
from sites.accounts.models import User
from tests.factories.procurement import (
    AlertEventFactory,
    AlertFactory,
    AllocationFactory,
    CompanyFactory,
    DeliveryLotFactory,
    NotificationFactory,
    NotificationItemFactory,
    PurchaseOrderFactory,
    RequirementFactory,
    SavedViewFactory,
)
from tests.factories.sites import GateFactory, PromiseFactory
from tests.procurement.portal.conftest import LISTS, NOW, TODAY, Place

pytestmark = pytest.mark.django_db

# By what the world is called there: a page of one thing, or a list.
PAGES: dict[str, Callable[[Place], str]] = {
    "preview": lambda place: f"/lines/{place.line_key}/preview/?in=late%3D1",
    "line in a list": lambda place: f"/lines/{place.line_key}/?in=late%3D1",
    "tour": lambda place: "/log/?late=1&tour=1",
    "tour of a line": lambda place: f"/lines/{place.line_key}/?tour=2",
    "a view": lambda place: "/log/?view=mine",
    "as known": lambda place: "/log/?as_known_on=2026-11-20",
    "a filter": lambda place: f"/log/?site={place.site.code}&q=ch&sort=-vendor",
    "rows of the grid": lambda place: f"/log/grid/rows/?site={place.site.code}&q=ch&sort=-vendor",
    "site": lambda place: f"/sites/{place.site.code}/",
    "site's pack": lambda place: f"/packs/sites/{place.site.code}/?since=week",
    "vendor's pack": lambda place: f"/packs/vendors/{place.lot.schedule_line.line.order.seller_id}/",
    "vendor": lambda place: f"/vendors/{place.lot.schedule_line.line.order.seller_id}/",
    "block": lambda place: f"/blocks/{place.block.pk}/",
    "alert": lambda place: f"/alerts/{place.alert.pk}/",
    "site's power": lambda place: f"/sites/{place.site.code}/power/",
} | {page: lambda place, page=page: page for page in LISTS}


def more(place: Place, told: User) -> None:
    """Three more orders, late lines, requirements, gates, alerts and mails, calculated."""
    for number in range(3):
        order = PurchaseOrderFactory.create(seller=place.lot.schedule_line.line.order.seller)
        lot = DeliveryLotFactory.create(
            site=place.site,
            schedule_line__line__order=order,
            schedule_line__line__equipment_class=place.requirement.equipment_class,
            actuals={"PO_ISSUED": TODAY},
        )
        PromiseFactory.create(milestone=lot.chain.milestones.get(code="FAT_PASS"), recorded_by=told)
        requirement = RequirementFactory.create(
            site=place.site,
            tag=f"CH-MORE-{number}",
            equipment_class=place.requirement.equipment_class,
            required_on_site=place.requirement.required_on_site,
            group=place.requirement.group,
        )
        AllocationFactory.create(lot=lot, requirement=requirement)
        RequirementFactory.create(site=place.site, tag=f"CH-OPEN-{number}")
        GateFactory.create(site=place.site, name=f"Gate {number}")
        CompanyFactory.create()
        alert = AlertFactory.create(site=place.site, subject_kind=AlertSubject.LOT, subject_id=lot.pk)
        mail = NotificationFactory.create(recipient=told, site=place.site)
        NotificationItemFactory.create(event=AlertEventFactory.create(alert=alert), notification=mail)
    forecasts.recalculate(site_id=place.site.pk, as_of=TODAY, now=NOW, cause=RunCause.LOAD, evaluate=False)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_the_same_however_much_there_is(browser: Client, sydney: Place, expediter: User, page: str) -> None:
    SavedViewFactory.create(owner=expediter, slug="mine", query="late=1&columns=float,forecast&since=week")
    address = PAGES[page](sydney)
    header = {"HX-Request": "true"} if page == "preview" else {}

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(address, headers=header).status_code == 200
        return len(asked)

    queries()
    little = queries()
    more(sydney, expediter)

    assert queries() == little
