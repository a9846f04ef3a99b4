"""Lists by key, of what the caller may see, in a fixed number of queries."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from procurement.api.v1.order_lines import OrderLineRowSerializer
from procurement.api.v1.order_shapes import OrderRead
from procurement.models import Alert, Change, SavedView
from procurement.services import alerts
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.procurement import (
    AlertFactory,
    CompanyFactory,
    EquipmentClassFactory,
    LeadTimeFactory,
    RequirementFactory,
)
from tests.factories.sites import SiteFactory
from tests.procurement.api.calls import Caller, calling, order_body, order_line, problem, queries_of
from tests.procurement.services.order_documents import World


def order(erp: Caller, name: str, **said: Any) -> dict[str, Any]:
    made: dict[str, Any] = erp.put(f"/purchase-orders/ext/SAP-PRD/{name}", order_body(**said)).json()
    return made


@pytest.mark.django_db
def test_orders_come_page_by_page_without_gap_or_twice(erp: Caller) -> None:
    for name in ("C", "A", "E", "B", "D"):
        order(erp, name)

    path, numbers = "/purchase-orders?limit=2", []
    while path:
        answer = erp.get(path)
        numbers += [each["number"] for each in answer.json()["items"]]
        path = answer.get("Link", "").partition(">")[0].removeprefix("</api/v1")

    assert numbers == ["A", "B", "C", "D", "E"]
    assert answer.json()["next_cursor"] is None


@pytest.mark.django_db
def test_a_listed_order_says_what_the_order_says(erp: Caller) -> None:
    key = order(erp, "A")["id"]

    whole = erp.get(f"/purchase-orders/{key}").json()

    assert erp.get("/purchase-orders?expand=lines").json()["items"] == [whole]
    assert erp.get("/purchase-orders").json()["items"] == [{k: v for k, v in whole.items() if k != "lines"}]


@pytest.mark.django_db
def test_orders_that_changed_since_are_found_with_an_overlap(erp: Caller) -> None:
    order(erp, "A")
    Change.objects.update(at=timezone.now() - timedelta(hours=1))
    order(erp, "B")

    def since(**ago: int) -> list[str]:
        at = (timezone.now() - timedelta(**ago)).isoformat().replace("+00:00", "Z")
        return [each["number"] for each in erp.get(f"/purchase-orders?updated_since={at}").json()["items"]]

    assert (since(minutes=0), since(minutes=54), since(minutes=58)) == (["B"], ["B"], ["A", "B"])
    assert erp.get("/purchase-orders?updated_since=0001-01-01T00:00:00Z").status_code == 200
    problem(erp.get("/purchase-orders?updated_since=yesterday"), 400, "invalid_parameter")


@pytest.mark.django_db
def test_orders_are_those_in_sight(erp: Caller, sydney_only: Caller) -> None:
    order(erp, "A")
    order(erp, "B", site="TYO1")

    assert [each["number"] for each in sydney_only.get("/purchase-orders").json()["items"]] == ["A"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("site=TYO1", ["B"]),
        ("vendor=KITA", ["A", "B"]),
        ("vendor=NOBODY", []),
        ("status=cancelled", []),
        ("text=second", ["B"]),
        ("text=100%25", []),
    ],
)
def test_orders_are_filtered(erp: Caller, asked: str, found: list[str]) -> None:
    order(erp, "A", title="The first")
    order(erp, "B", site="TYO1", title="The second")

    assert [each["number"] for each in erp.get(f"/purchase-orders?{asked}").json()["items"]] == found


@pytest.mark.django_db
@pytest.mark.parametrize("cursor", ["%C3%A9", "x", "////", "AAAA"])
@pytest.mark.parametrize("path", ["/purchase-orders", "/requirements"])
def test_a_cursor_that_is_none_is_refused(erp: Caller, path: str, cursor: str) -> None:
    problem(erp.get(f"{path}?cursor={cursor}"), 400, "invalid_parameter")


@pytest.mark.django_db
@pytest.mark.parametrize("limit", ["0", "501", "x"])
def test_a_limit_out_of_range_is_refused(erp: Caller, limit: str) -> None:
    problem(erp.get(f"/purchase-orders?limit={limit}"), 400, "invalid_parameter")


@pytest.mark.django_db
def test_a_line_is_listed_with_all_that_is_known_of_it(erp: Caller) -> None:
    key = order(erp, "A", title="Chillers")["id"]

    (row,) = erp.get("/purchase-order-lines").json()["items"]

    assert set(row) == set(OrderLineRowSerializer().fields)
    whole = erp.get(f"/purchase-orders/{key}").json()
    line = whole["lines"][0]
    schedule = line["schedules"][0]
    assert (row["order"], row["order_version"], row["id"]) == (key, whole["version"], schedule["id"])
    for name in ("number", "currency", "incoterm", "document_version", "vendor", "vendor_name", "external_ids"):
        assert row[name] == whole[name]
    for name in (
        "line_number",
        "description",
        "equipment_class",
        "plant",
        "unit",
        "unit_price",
        "over_delivery_percent",
    ):
        assert row[name] == line[name]
    for name in ("schedule_number", "site", "quantity", "contractual_date", "contract_step", "status"):
        assert row[name] == schedule[name]
    assert (row["line_status"], row["late"], row["tags"], row["delivered_on"]) == ("open", False, [], None)
    assert row["forecast_on"] is not None


@pytest.mark.django_db
def test_lines_come_page_by_page_and_in_sight_only(erp: Caller, sydney_only: Caller) -> None:
    order(erp, "A", lines=[order_line(), order_line("00020"), order_line("00030")])
    order(erp, "B", site="TYO1")

    path, seen = "/purchase-order-lines?limit=2", []
    while path:
        answer = erp.get(path)
        seen += [(each["number"], each["line_number"]) for each in answer.json()["items"]]
        path = answer.get("Link", "").partition(">")[0].removeprefix("</api/v1")

    assert sorted(seen) == [("A", 10), ("A", 20), ("A", 30), ("B", 10)]
    assert {each["number"] for each in sydney_only.get("/purchase-order-lines").json()["items"]} == {"A"}


@pytest.mark.django_db
def test_the_price_of_a_line_needs_its_right(erp: Caller, world: World) -> None:
    order(erp, "A")
    site_team = calling("Site", site_codes=["SYD1"], role=Role.SITE_LEAD)

    (row,) = site_team.get("/purchase-order-lines").json()["items"]

    assert (row["number"], row["unit_price"]) == ("A", None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("site=TYO1", ["B"]),
        ("vendor=NOBODY", []),
        ("equipment_class=chiller", ["A", "B"]),
        ("text=second%20pump", ["B"]),
        ("late=true", []),
        ("shown=delivered", []),
        ("filter=tokyo", ["B"]),
        ("filter=tokyo&site=SYD1", ["A"]),
    ],
)
def test_lines_and_orders_are_filtered_as_the_log_is(erp: Caller, asked: str, found: list[str]) -> None:
    SavedView.objects.create(
        owner=User.objects.create(username="kim"), name="Tokyo", slug="tokyo", query="site=TYO1", shared=True
    )
    order(erp, "A")
    order(erp, "B", site="TYO1", lines=[order_line(description="The second pump")])

    assert sorted(each["number"] for each in erp.get(f"/purchase-order-lines?{asked}").json()["items"]) == found
    if asked == "filter=tokyo":
        assert [each["number"] for each in erp.get(f"/purchase-orders?{asked}").json()["items"]] == found


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/purchase-orders", "/purchase-order-lines"])
@pytest.mark.parametrize("slug", ["nobody", "past"])
def test_a_view_that_cannot_narrow_the_list_is_refused(erp: Caller, path: str, slug: str) -> None:
    SavedView.objects.create(owner=erp.client.account, name="Past", slug="past", query="as_known_on=2026-10-01")

    problem(erp.get(f"{path}?filter={slug}"), 400, "invalid_parameter")


@pytest.mark.django_db
def test_a_list_has_the_fields_that_are_asked_for(erp: Caller) -> None:
    order(erp, "A")

    assert erp.get("/purchase-orders?fields=number,vendor").json()["items"] == [{"number": "A", "vendor": "KITA"}]
    assert erp.get("/purchase-order-lines?fields=number,line_number&omit=number").json()["items"] == [
        {"line_number": 10}
    ]
    (row,) = erp.get("/purchase-orders?omit=title").json()["items"]
    assert set(row) == set(OrderRead().fields) - {"title", "lines"}
    problem(erp.get("/sites?fields=code,nothing"), 400, "invalid_parameter")
    problem(erp.get("/sites?fields=code;"), 400, "invalid_parameter")


MAKERS: dict[str, Callable[[World], object]] = {
    "/sites": lambda world: SiteFactory.create(),
    "/vendors": lambda world: CompanyFactory.create(),
    "/equipment-types": lambda world: EquipmentClassFactory.create(code=uuid4().hex),
    "/lead-times": lambda world: LeadTimeFactory.create(),
    "/requirements": lambda world: RequirementFactory.create(site=world.sydney),
    "/slip-alerts": lambda world: AlertFactory.create(site=world.sydney),
}


@pytest.mark.django_db
@pytest.mark.parametrize("path", MAKERS)
def test_a_list_takes_a_fixed_number_of_queries(erp: Caller, world: World, path: str) -> None:
    MAKERS[path](world)
    rows = len(erp.get(path).json()["items"])  # the first call also notes that its key is used
    one = queries_of(lambda: erp.get(path))
    MAKERS[path](world)
    MAKERS[path](world)

    assert queries_of(lambda: erp.get(path)) == one
    assert len(erp.get(path).json()["items"]) == rows + 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/purchase-orders?expand=lines",
        "/purchase-order-lines",
        "/milestones",
        "/goods-receipts",
        "/shipments",
    ],
)
def test_a_list_of_orders_takes_a_fixed_number_of_queries(erp: Caller, path: str) -> None:
    def one_more(name: str) -> None:
        key = order(erp, name, lines=[order_line(), order_line("00020")])["id"]
        moved = {"order": key, "line_number": 10, "quantity": "1", "number": "DN-1", "received_on": "2026-11-01"}
        erp.post("/goods-receipts", moved | {"serials": ["CH-1"]})
        erp.post("/shipments", moved)

    one_more("A")
    one = queries_of(lambda: erp.get(path))
    one_more("B")
    one_more("C")

    assert queries_of(lambda: erp.get(path)) == one
    assert erp.get(path).json()["items"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sites", "/vendors", "/equipment-types", "/reason-codes", "/units", "/lead-times"])
def test_what_is_known_is_not_sent_again(erp: Caller, path: str) -> None:
    first = erp.get(path)

    again = erp.get(path, if_none_match=first["ETag"])

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sites", "/requirements", "/slip-alerts"])
def test_lists_show_the_caller_s_sites_only(erp: Caller, sydney_only: Caller, world: World, path: str) -> None:
    if path != "/sites":
        MAKERS[path](world)
        MAKERS[path](World(world.tokyo, world.tokyo, world.erp))

    assert (len(erp.get(path).json()["items"]), len(sydney_only.get(path).json()["items"])) == (2, 1)


@pytest.mark.django_db
def test_a_list_needs_its_scope(world: World) -> None:
    problem(calling(scopes=["po:write"]).get("/sites"), 403, "scope")


@pytest.mark.django_db
def test_an_alert_is_acknowledged_and_snoozed(world: World) -> None:
    buyer = calling("Desk", role=Role.BUYER)
    path = f"/slip-alerts/{AlertFactory.create(site=world.sydney).pk}"

    known = buyer.post(f"{path}/acknowledge", {"commitment_on": "2099-12-18", "note": "Air freight"})
    shown = buyer.get(path).json()
    later = buyer.post(f"{path}/snooze", {"until_on": str((timezone.now() + timedelta(days=30)).date())})

    assert (known.status_code, known.json()["state"], shown["commitment_on"]) == (200, "acknowledged", "2099-12-18")
    assert (later.status_code, later.json()["state"]) == (200, "snoozed")


@pytest.mark.django_db
def test_an_alert_is_resolved_only_where_the_facts_say_so(world: World) -> None:
    buyer = calling("Desk", role=Role.BUYER)
    requirement = RequirementFactory.create(site=world.sydney, required_on_site=None)
    site = world.sydney.pk
    alerts.evaluate_site(site_id=site, as_of=timezone.localdate(), now=timezone.now())
    alert = Alert.objects.get(rule="no_ros", subject_id=requirement.pk)
    path = f"/slip-alerts/{alert.pk}/resolve"

    problem(buyer.post(path, {}), 409, "conflict")
    requirement.required_on_site = timezone.localdate() + timedelta(days=900)
    requirement.save()
    done = buyer.post(path, {"note": "The date is known"})

    assert (done.status_code, done.json()["state"]) == (200, "closed")
    problem(buyer.post(path, {}), 409, "conflict")
    assert alert.events.filter(kind="closed", note="The date is known").exists()


@pytest.mark.django_db
def test_who_may_not_resolve_an_alert_is_refused(erp: Caller, world: World) -> None:
    problem(erp.post(f"/slip-alerts/{AlertFactory.create(site=world.sydney).pk}/resolve", {}), 403, "not_permitted")
    problem(erp.post("/slip-alerts/01940000-0000-7000-8000-000000000000/resolve", {}), 404, "not_found")


@pytest.mark.django_db
def test_who_may_not_answer_alerts_is_refused(erp: Caller, world: World) -> None:
    path = f"/slip-alerts/{AlertFactory.create(site=world.sydney).pk}"

    problem(erp.post(f"{path}/acknowledge", {}), 403, "not_permitted")
    problem(erp.post("/slip-alerts/01940000-0000-7000-8000-000000000000/acknowledge", {}), 404, "not_found")
