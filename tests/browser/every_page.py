"""A small world with one of everything, and the address of every page that shows something of it."""

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, resolve, reverse

from procurement.models import ImportBatch, PurchaseOrder, VendorRound
from procurement.portal.urls import urlpatterns
from procurement.services import mail_links
from procurement.services.mail_links import Purpose
from procurement.services.set_up_sheets import SHEETS
from procurement.services.set_up_tables import TABLES
from procurement.vocabulary import Direction
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import ScheduleRevision
from tests.factories.accounts import ApiClientFactory, UserFactory
from tests.factories.erp import IntegrationMessageFactory, WebhookDeliveryFactory, WebhookEndpointFactory
from tests.factories.procurement import ChangeOrderFactory, ContactFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.procurement.portal.conftest import LISTS, browser_of, make_place
from tests.sites.readers.xer import projects, task, tasks, xer

SCHEDULE = xer(projects(("1", "BUILD")), tasks(task("1", "A100", task_name="Roof tight"), task("2", "A200")))
# What answers a GET with something else than a page.
NO_PAGES = {
    "agreement_export", "agreement_schema", "attachment", "calendar_feed", "export", "export_alerts", "export_list",
    "export_portfolio", "followed_activity", "glossary_terms", "healthz", "import_progress", "import_rows",
    "line_preview", "log_grid_rows", "mail_html", "metrics", "pack_site_workbook", "pack_vendor_workbook", "readyz",
    "register_workbook", "round_workbook", "tour",
}  # fmt: skip


def somebody_with_every_right() -> User:
    person = UserFactory.create(username="ada", name="Ada Administrator", is_staff=True, time_zone="Australia/Sydney")
    for role in (Role.ADMINISTRATOR, Role.APPROVER):
        MembershipFactory.create(person=person, role=role)
    return person


def make_world(person: User) -> list[str]:
    """Makes the world for the person; the address of every page."""
    place = make_place(SiteFactory.create(code="SYD1"), told=person)
    order = place.lot.schedule_line.line.order
    ContactFactory.create(company=order.seller)
    client = browser_of(person)
    return [
        *LISTS,
        *place.pages,
        *_set_up(),
        *_other_systems(person),
        *_schedule(client),
        *_import(client, order.number),
        *_round(client, str(order.seller_id)),
        "/log/?shown=all&columns=all",
        "/set-up/",
        "/preferences/",
        "/vendors/",
        f"/vendors/{order.seller_id}/",
        f"/packs/vendors/{order.seller_id}/",
        f"/plants/{place.lot.schedule_line.line.plant_id}/",
        f"/lead-times/{place.requirement.equipment_class.code}/",
        f"/notes/order/{order.pk}/",
        f"/orders/{order.pk}/changes/",
        _change(order, person),
        "/sites/SYD1/anchors/",
        "/forecasts/quality/",
        "/messages/undelivered/",
        "/mailbox/",
        f"/mailbox/{place.mail.pk}/",
        "/power/agreements/bring-in/",
        "/power/grid/add/",
        "/account/password/change/",
        "/account/logout/",
        *(urlsplit(mail_links.url(purpose, place.mail.pk)).path for purpose in Purpose),
        "/nowhere/",
    ]


def unvisited(addresses: list[str]) -> set[str]:
    """The names of pages that none of the addresses leads to. A door that takes forms only is no page."""
    visited = {resolve(address.split("?")[0]).url_name for address in addresses if address != "/nowhere/"}
    return {pattern.name for pattern in _patterns(urlpatterns) if pattern.name} - visited - NO_PAGES - _forms_only()


def _patterns(found: list[Any]) -> list[URLPattern]:
    return [each for one in found for each in (_patterns(one.url_patterns) if isinstance(one, URLResolver) else [one])]


def _forms_only() -> set[str]:
    client = browser_of(UserFactory.create())
    names = set()
    for pattern in _patterns(urlpatterns):
        wanted = pattern.pattern.converters
        kwargs = {name: uuid4() if "UUID" in type(kind).__name__ else "x" for name, kind in wanted.items()}
        if pattern.name and client.get(reverse(pattern.name, kwargs=kwargs)).status_code == 405:
            names.add(pattern.name)
    return names


def _set_up() -> list[str]:
    return [f"/set-up/{kind}/" for kind in (*TABLES, *SHEETS)]


def _other_systems(person: User) -> list[str]:
    system = ApiClientFactory.create(name="Plant ERP", owner=person)
    endpoint = WebhookEndpointFactory.create(client=system, owner=person)
    delivery = WebhookDeliveryFactory.create(endpoint=endpoint)
    message = IntegrationMessageFactory.create(
        direction=Direction.OUTBOUND, client=system, delivery=delivery, kind="po.updated", payload="{}"
    )
    return [
        "/set-up/api-clients/",
        f"/set-up/api-clients/{system.pk}/",
        f"/integration/webhooks/{endpoint.pk}/",
        f"/integration/messages/{message.pk}/",
    ]


def _schedule(client: Client) -> list[str]:
    client.post("/sites/SYD1/schedules/upload/", {"file": SimpleUploadedFile("build.xer", SCHEDULE)})
    revision = ScheduleRevision.objects.get()
    page = f"/schedules/{revision.pk}/"
    client.post(f"{page}accept/", {"reason": "The signed programme"})
    return ["/sites/SYD1/schedules/", page, f"{page}activities/", f"{page}activity/?code=A100"]


def _import(client: Client, number: str) -> list[str]:
    rows = f"PO No.\tItem\tConfirmed date\n{number}\t10\tCW23\n{number}\t99\tTBD\n"
    client.post("/imports/", {"kind": "promises", "stated_on": "2026-11-19", "pasted": rows})
    page = f"/imports/{ImportBatch.objects.latest('created_at').pk}/"
    return ["/imports/", page, f"{page}columns/"]


def _change(order: PurchaseOrder, person: User) -> str:
    row = ChangeOrderFactory.create(
        order=order,
        author=person,
        before={"lines/10/schedules/1/contract_on": "2027-07-19"},
        after={"lines/10/schedules/1/contract_on": "2027-08-16"},
    )
    return f"/changes/{row.pk}/"


def _round(client: Client, seller: str) -> list[str]:
    client.post("/rounds/", {"company": seller, "language": ""})
    page = f"/rounds/{VendorRound.objects.latest('created_at').pk}/"
    made = re.search(r"http://[^<\s]+(/vendor/[\w-]+/)", client.post(f"{page}link/").content.decode())
    assert made is not None
    return ["/rounds/", page, made[1]]
