"""The change feed as a client reads it: nothing lost, nothing of other sites, never continued over a gap."""

from datetime import timedelta
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from procurement.models import Change, FeedState, PurchaseOrder
from procurement.queries.change_feed import Position
from procurement.services import change_feed
from tests.factories.erp import ChangeFactory
from tests.factories.procurement import PurchaseOrderFactory
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, order_line, problem, queries_of
from tests.procurement.services.order_documents import World, make_world
from tests.threads import at_once


def read(caller: Caller, **said: Any) -> dict[str, Any]:
    answer = caller.get("/changes?" + "&".join(f"{name}={value}" for name, value in said.items()))
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def kinds(body: dict[str, Any]) -> list[str]:
    return [change["type"] for change in body["changes"]]


@pytest.mark.django_db(transaction=True)
class TestOverTime:
    """With transactions of their own: a change shows once its transaction is over."""

    @pytest.fixture
    def erp(self) -> Caller:
        make_world()
        return calling()

    def test_each_transaction_of_an_order_is_one_change_that_says_what_differs(self, erp: Caller) -> None:
        cursor = read(erp)["next_cursor"]
        erp.put(ORDER, order_body())
        erp.put(ORDER, order_body(order_line(quantity="6"), document_version=2, incoterm_place="Sydney"))
        erp.put(ORDER, order_body(order_line(quantity="6"), document_version=3, incoterm_place="Sydney"))

        told = read(erp, cursor=cursor, types="po.created,po.updated")

        created, updated = told["changes"]
        assert (created["type"], updated["type"]) == ("po.created", "po.updated")
        assert updated["data"]["sequence"] > created["data"]["sequence"]
        assert updated["data"]["changed"]["incoterm_place"] == ["", "Sydney"]
        assert updated["data"]["changed"]["lines/10/schedules/1/quantity"] == ["4", "6"]
        assert updated["data"]["external_ids"] == [{"system": "SAP-PRD", "external_id": "4500016221"}]
        assert erp.get(updated["data"]["links"]["self"].removeprefix("/api/v1")).status_code == 200

    def test_a_promise_and_a_cancellation_are_told(self, erp: Caller) -> None:
        erp.put(ORDER, order_body())
        cursor = read(erp)["next_cursor"]
        erp.put(ORDER, order_body(order_line(promised_date="2027-08-02"), document_version=2))
        erp.put(ORDER, order_body(document_version=3, status="cancelled"))

        told = read(erp, cursor=cursor, types="po.")

        promised = [
            values
            for change in told["changes"]
            for path, values in change["data"]["changed"].items()
            if change["type"] == "po.line.date_revised" and path.endswith("/promised")
        ]
        assert promised == [[None, "2027-08-02"]]
        assert kinds(told).count("po.cancelled") == 1

    def test_a_confirmation_and_its_reversal_are_told_beside_its_promises(self, erp: Caller) -> None:
        erp.put(ORDER, order_body())
        cursor = read(erp)["next_cursor"]
        said = {"external_id": "4500016221", "number": "AB-1", "confirmed_on": "2026-11-18"}
        key = erp.post("/confirmations", said).json()["id"]
        erp.post("/confirmations", {"reverses": key, "reason": "Of another order"})

        told = read(erp, cursor=cursor, types="confirmation.,po.line.date_revised")

        assert kinds(told) == [
            "po.line.date_revised", "confirmation.recorded", "po.line.date_revised", "confirmation.reversed",
        ]  # fmt: skip
        changed = [each["data"]["changed"] for each in told["changes"] if each["type"].startswith("confirmation.")]
        assert changed == [{f"confirmations/{key}": [None, "AB-1"]}, {f"confirmations/{key}": ["AB-1", None]}]

    def test_a_shipment_departs_and_arrives_once_its_units_are_received(self, erp: Caller) -> None:
        erp.put(ORDER, order_body())
        cursor = read(erp)["next_cursor"]
        lot = {"external_id": "4500016221", "line_number": 10}
        for number, quantity in (("DN-1", "1"), ("DN-2", "3")):
            said = {"number": number, "quantity": quantity, "despatched_on": "2026-11-02"}
            erp.post("/shipments", lot | said)
        receipts = []
        for quantity in ("2", "2"):
            said = {"quantity": quantity, "received_on": "2026-11-19"}
            receipts.append(erp.post("/goods-receipts", lot | said).json()["id"])

        told = read(erp, cursor=cursor, types="shipment.,receipt.")

        assert kinds(told) == [
            "shipment.departed", "shipment.departed", "receipt.recorded", "shipment.arrived", "receipt.recorded",
            "shipment.arrived",
        ]  # fmt: skip
        arrived = [each["data"]["changed"] for each in told["changes"] if each["type"] == "shipment.arrived"]
        assert arrived == [{"lines/10/schedules/1/arrived": [None, units]} for units in ("1", "3")]

        erp.post("/goods-receipts", {"reverses": receipts[1], "reason": "Miscounted"})
        erp.post("/goods-receipts", lot | {"quantity": "2", "received_on": "2026-11-20"})
        again = read(erp, cursor=told["next_cursor"], types="shipment.,receipt.")
        assert kinds(again) == ["receipt.reversed", "receipt.recorded", "shipment.arrived"]

    def test_a_shipment_arrived_where_its_lot_is_stated_on_site(self, erp: Caller) -> None:
        key = erp.put(ORDER, order_body()).json()["id"]
        cursor = read(erp)["next_cursor"]
        lot = {"external_id": "4500016221", "line_number": 10}
        erp.post("/shipments", lot | {"number": "DN-1", "quantity": "3", "despatched_on": "2026-11-02"})
        stated = {"kind": "actual", "line_number": 10, "milestone": "ON_SITE", "date": "2026-11-19"}
        said = erp.post(f"/purchase-orders/{key}/date-revisions", {"stated_on": "2026-11-19", "revisions": [stated]})
        assert said.status_code == 201, said.content
        erp.post("/shipments", lot | {"number": "DN-2", "quantity": "1"})

        told = kinds(read(erp, cursor=cursor, types="shipment."))

        assert told == ["shipment.departed", "shipment.arrived", "shipment.announced", "shipment.arrived"]

    def test_reading_on_gives_each_change_once_and_in_order(self, erp: Caller) -> None:
        for number in range(5):
            erp.put(f"/purchase-orders/ext/SAP-PRD/{number}", order_body())
        whole = read(erp, limit=500)["changes"]

        pages, cursor = [], ""
        while True:
            body = read(erp, limit=3, **({"cursor": cursor} if cursor else {}))
            pages += body["changes"]
            cursor = body["next_cursor"]
            if not body["has_more"]:
                break

        assert [change["id"] for change in pages] == [change["id"] for change in whole]
        assert len(whole) >= 5

    def test_one_who_commits_late_is_not_lost(self, erp: Caller) -> None:
        """The first transaction writes first and commits last; a reader comes in between."""
        written, may_commit = Event(), Event()
        seen: dict[str, list[str]] = {}

        def early_and_late(place: int) -> None:
            if place == 0:
                with transaction.atomic():
                    PurchaseOrderFactory.create(number="LATE")
                    written.set()
                    assert may_commit.wait(30)
                return
            assert written.wait(30)
            PurchaseOrderFactory.create(number="EARLY")
            first = read(erp, types="po.created", limit=500)
            may_commit.set()
            seen["first"] = _numbers(first)
            seen["cursor"] = [first["next_cursor"]]

        at_once(2, early_and_late)
        then = read(erp, cursor=seen["cursor"][0], types="po.created", limit=500)

        assert seen["first"] == []  # EARLY waits with LATE: nobody may be handed a position behind an open transaction
        assert sorted(_numbers(then)) == ["EARLY", "LATE"]

    def test_many_writers_and_a_reader_at_once_lose_nothing(self, erp: Caller) -> None:
        told: list[str] = []
        cursor = read(erp)["next_cursor"]
        done = Event()

        def work(place: int) -> None:
            nonlocal cursor
            if place == 0:
                for _turn in range(200):
                    body = read(erp, cursor=cursor, types="po.created", limit=7)
                    told.extend(_numbers(body))
                    cursor = body["next_cursor"]
                    if done.is_set() and not body["has_more"]:
                        return
            for number in range(12):
                with transaction.atomic():
                    PurchaseOrderFactory.create(number=f"{place}-{number}")
                    with connection.cursor() as query:
                        query.execute("SELECT pg_sleep(%s)", [(place * 7 + number * 3) % 5 / 200])
            if place == 1:
                done.set()

        at_once(4, work)
        while True:
            body = read(erp, cursor=cursor, types="po.created", limit=7)
            told.extend(_numbers(body))
            cursor = body["next_cursor"]
            if not body["has_more"]:
                break

        assert sorted(told) == sorted(f"{place}-{number}" for place in (1, 2, 3) for number in range(12))

    def test_what_is_gone_leaves_a_last_change(self, erp: Caller) -> None:
        order = PurchaseOrderFactory.create()
        cursor = read(erp)["next_cursor"]
        PurchaseOrder.objects.filter(pk=order.pk).delete()

        (last,) = read(erp, cursor=cursor)["changes"]

        assert (last["type"], UUID(last["data"]["id"])) == ("po.removed", order.pk)

    def test_a_restore_ends_every_cursor(self, erp: Caller) -> None:
        erp.put(ORDER, order_body())
        cursor = read(erp)["next_cursor"]

        change_feed.begin_anew()

        problem(erp.get(f"/changes?cursor={cursor}"), 410, "cursor_expired")
        assert "po.created" in kinds(read(erp))

    def test_another_server_ends_every_cursor(self, erp: Caller) -> None:
        cursor = read(erp)["next_cursor"]
        FeedState.objects.update(cluster="another/1/1")

        problem(erp.get(f"/changes?cursor={cursor}"), 410, "cursor_expired")

    @pytest.mark.parametrize("cluster", [None, "another/1/1"], ids=["the first of all", "on another server"])
    def test_all_who_come_first_at_once_begin_one_life(self, erp: Caller, cluster: str | None) -> None:
        change_feed.begin_anew()
        if cluster:
            FeedState.objects.update(cluster=cluster)
        else:
            FeedState.objects.all().delete()

        lives = at_once(6, lambda _place: change_feed.life())

        assert lives == [change_feed.life()] * 6

    def test_a_cursor_older_than_what_is_kept_is_refused(self, erp: Caller) -> None:
        erp.put(ORDER, order_body())
        cursor = read(erp, limit=1)["next_cursor"]
        erp.put(ORDER, order_body(order_line(quantity="6"), document_version=2))
        erp.put(ORDER, order_body(order_line(quantity="7"), document_version=3))
        newest = Change.objects.order_by("-pk").first()
        assert newest is not None
        later = newest.at + change_feed.KEPT_FOR + timedelta(days=1)

        assert change_feed.purge(later) > 0

        problem(erp.get(f"/changes?cursor={cursor}"), 410, "cursor_expired")
        assert Change.objects.filter(subject_id=newest.subject_id).count() == 1

    def test_what_is_forgotten_while_a_page_is_read_is_noticed(self, erp: Caller) -> None:
        life = change_feed.life()
        for quantity in ("5", "6", "7"):
            erp.put(ORDER, order_body(order_line(quantity=quantity), document_version=int(quantity)))
        newest = Change.objects.order_by("-pk").first()
        assert newest is not None
        first, last = Position(), Position(newest.xid, newest.pk)
        before = [change_feed.is_whole(position, life) for position in (first, last)]

        change_feed.purge(newest.at + change_feed.KEPT_FOR + timedelta(days=1))

        assert before == [True, True]
        assert [change_feed.is_whole(position, life) for position in (first, last)] == [False, True]
        change_feed.begin_anew()
        assert not change_feed.is_whole(last, life)

    def test_an_endpoint_that_was_off_for_too_long_is_told_what_it_missed(self, erp: Caller) -> None:
        endpoint = erp.post("/webhook-endpoints", {"url": "https://erp.example/hook"}).json()["id"]
        path = f"/webhook-endpoints/{endpoint}"
        erp.patch(path, {"active": False})
        for quantity in ("5", "6", "7"):
            erp.put(ORDER, order_body(order_line(quantity=quantity), document_version=int(quantity)))
        newest = Change.objects.order_by("-pk").first()
        assert newest is not None

        early = erp.patch(path, {"active": True}).json()
        change_feed.purge(newest.at + change_feed.KEPT_FOR + timedelta(days=1))
        late = erp.patch(path, {"active": True}).json()

        assert ("warnings" in early, [each["code"] for each in late["warnings"]]) == (False, ["changes_forgotten"])


def _numbers(body: dict[str, Any]) -> list[str]:
    keys = [change["data"]["id"] for change in body["changes"]]
    numbers = dict(PurchaseOrder.objects.filter(pk__in=keys).values_list("pk", "number"))
    return [numbers[UUID(key)] for key in keys]


@pytest.mark.django_db(transaction=True)
def test_a_client_hears_only_of_its_sites() -> None:
    world = make_world()
    everywhere, sydney = calling(), calling("Sydney", site_codes=["SYD1"])
    everywhere.put(ORDER, order_body(order_line(10), order_line(20, site=world.tokyo.code)))
    everywhere.put("/purchase-orders/ext/SAP-PRD/TOKYO", order_body(site=world.tokyo.code))
    everywhere.put(
        ORDER,
        order_body(
            order_line(10, quantity="6"), order_line(20, site=world.tokyo.code, quantity="7"), document_version=2
        ),
    )

    told = read(sydney, types="po.created,po.updated")

    assert {change["data"]["external_ids"][0]["external_id"] for change in told["changes"]} == {"4500016221"}
    paths = {path for change in told["changes"] for path in change["data"]["changed"]}
    assert "lines/10/schedules/1/quantity" in paths
    assert not {path for path in paths if path.startswith("lines/20/")}


@pytest.mark.django_db
def test_a_page_costs_as_many_queries_with_one_change_as_with_three(erp: Caller, world: World) -> None:
    change_feed.life()
    FeedState.objects.update(purged_xid=0)

    def make_visible() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procurement_change SET xid = '1'")

    ChangeFactory.create()
    make_visible()
    read(erp)
    one = queries_of(lambda: read(erp))
    ChangeFactory.create_batch(2)
    make_visible()

    assert queries_of(lambda: read(erp)) == one


@pytest.mark.django_db
@pytest.mark.parametrize(
    "said", ["cursor=x", "cursor=W10:x", "types=po.sold", "limit=0", "limit=501", "limit=x"], ids=str
)
def test_what_cannot_be_read_is_refused(erp: Caller, said: str) -> None:
    problem(erp.get(f"/changes?{said}"), 400, "invalid_parameter")


@pytest.mark.django_db
def test_the_feed_needs_its_scope(world: World) -> None:
    problem(calling("Narrow", scopes=["po:read"]).get("/changes"), 403, "scope")
