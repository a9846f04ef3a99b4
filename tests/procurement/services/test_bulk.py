"""Many documents at once: written together, and yet as if each came alone."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pghistory
import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from procurement.domain.order_document import OrderDocument
from procurement.models import DeliveryLot, ExternalRef, LogLine, OrderLine, PurchaseOrder, ScheduleLine
from procurement.services import bulk
from procurement.services.bulk import BulkRow, Outcome
from procurement.services.stored_orders import ORDER_REF
from sites.accounts.models import AuditEvent
from sites.models import Milestone
from tests.history import history_of
from tests.procurement.services.order_documents import NOON, World, document, line, make_world, put

LATER = date(2027, 8, 2)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def write(world: World, *sent: tuple[str, OrderDocument | None], **said: Any) -> list[Outcome]:
    rows = [BulkRow(place, name, each) for place, (name, each) in enumerate(sent)]
    return bulk.write(rows, system="SAP-PRD", actor=world.erp, now=NOON, **said)


def at_once(*calls: Callable[[], list[str]]) -> list[list[str]]:
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], list[str]]) -> list[str]:
        try:
            start.wait(timeout=10)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        return sorted(pool.map(run, calls))


def results(outcomes: list[Outcome]) -> list[str]:
    return [each["result"] for each in outcomes]


@pytest.mark.django_db(transaction=True)
def test_what_became_of_each_is_told_with_its_version() -> None:
    world = make_world()
    for name in ("same", "moved", "stale"):
        put(world, document(version=5), external_id=name)

    outcomes = write(
        world,
        ("stale", document(version=4)),
        ("new", document(version=1)),
        ("moved", document(line(contract_on=LATER), version=6)),
        ("same", document(version=6)),
        ("bad", document(line(equipment_class="boiler"))),
    )

    assert results(outcomes) == ["stale_ignored", "created", "updated", "unchanged", "failed"]
    stored = {str(order.pk): order.version for order in PurchaseOrder.objects.all()}
    assert {each["id"]: each["version"] for each in outcomes[:4]} == stored
    assert sorted(stored.values()) == [1, 1, 1, 2]
    versions = ExternalRef.objects.filter(kind=ORDER_REF).order_by("external_id")
    assert list(versions.values_list("external_id", "document_version")) == [
        ("moved", "6"), ("new", "1"), ("same", "6"), ("stale", "5"),
    ]  # fmt: skip
    told = AuditEvent.objects.filter(subject_kind="order").order_by("pk").values_list("verb", "facts__external_id")
    assert set(list(told)[3:]) == {("order.created", "new"), ("order.updated", "moved")}
    assert set(LogLine.objects.values_list("order_number", "contract_on")) == {
        ("same", date(2027, 7, 19)), ("moved", LATER), ("stale", date(2027, 7, 19)), ("new", date(2027, 7, 19)),
    }  # fmt: skip


def test_a_bulk_of_three_costs_as_many_queries_as_one(world: World) -> None:
    """But for the savepoint of each."""
    write(world, ("warm", document()))
    counts = []
    for names in (["one"], ["two", "three", "four"]):
        for sent in (
            document(line(10), line(20), version=1),
            document(line(10, contract_on=LATER), line(20, contract_on=LATER, quantity=Decimal(4)), version=2),
            document(line(10, contract_on=LATER), line(20, contract_on=LATER), version=3),
        ):
            with CaptureQueriesContext(connection) as queries:
                write(world, *((name, sent) for name in names))
            counts.append(len([each for each in queries if "SAVEPOINT" not in each["sql"]]))

    assert counts[:3] == counts[3:]


def test_a_refused_row_leaves_nothing_of_what_it_began(world: World) -> None:
    put(world, document(line(10), line(20), version=1))

    outcomes = write(world, ("4500016221", document(line(10, quantity=Decimal(1)), line(20, unit_price=Decimal(7)),
                                                    line(30, equipment_class="boiler"), version=2)))  # fmt: skip

    assert results(outcomes) == ["failed"]
    assert set(DeliveryLot.objects.values_list("quantity", flat=True)) == {Decimal(4)}
    assert set(ScheduleLine.objects.values_list("quantity", flat=True)) == {Decimal(4)}
    assert set(OrderLine.objects.values_list("unit_price", flat=True)) == {Decimal(250000)}


def test_an_order_may_be_made_changed_and_cancelled_in_one_bulk(world: World) -> None:
    """Rows about one order are carried out in their turn."""
    outcomes = write(
        world, ("A", document(version=1)), ("A", document(line(contract_on=LATER), version=2)), ("A", None)
    )

    assert results(outcomes) == ["created", "updated", "updated"]
    assert list(ScheduleLine.objects.values_list("status", "contract_on")) == [("cancelled", LATER)]


def test_two_rows_cannot_have_one_number(world: World) -> None:
    outcomes = write(world, ("A", document(number="PO-1")), ("B", document(number="PO-1")))

    assert (results(outcomes), outcomes[1]["problem"]["code"]) == (["created", "failed"], "order_number_taken")


def test_a_first_contract_date_makes_the_first_baselines(world: World) -> None:
    undated = document(line(10, contract_on=None), line(20, contract_on=None), version=1)
    write(world, ("A", undated), ("B", undated))

    outcomes = write(world, ("A", document(line(10), line(20), version=2)), ("B", document(line(10), version=2)))

    dated = DeliveryLot.objects.filter(chain__baselines__isnull=False)
    lines = dated.values_list("schedule_line__line__order__number", "schedule_line__line__number")
    assert set(lines) == {("A", 10), ("A", 20), ("B", 10)}
    assert [each["warnings"] for each in outcomes] == [[], []]


@pytest.mark.django_db(transaction=True)
def test_the_history_of_what_is_copied_in_names_its_request() -> None:
    world = make_world()

    with pghistory.context(request_id="req-17"):
        put(world, document())

    models = (PurchaseOrder, OrderLine, ScheduleLine, DeliveryLot, Milestone)
    events = [event for model in models for row in model._default_manager.all() for event in history_of(row).all()]
    assert len(events) > len(models)
    assert {event.pgh_context.metadata["request_id"] for event in events} == {"req-17"}


def test_a_site_out_of_sight_is_unknown_to_every_row(world: World) -> None:
    nowhere = replace(document(), site="NOWHERE")

    assert results(write(world, ("A", nowhere), ("B", document()), ("C", nowhere))) == ["failed", "created", "failed"]


@pytest.mark.django_db(transaction=True)
def test_two_senders_of_the_same_new_orders_make_each_once() -> None:
    world = make_world()
    sent = [(f"PO-{number}", document(version=1)) for number in range(5)]

    told = at_once(*[lambda: results(write(world, *sent))] * 2)

    assert told == [["created"] * 5, ["unchanged"] * 5]
    assert (PurchaseOrder.objects.count(), DeliveryLot.objects.count()) == (5, 5)


@pytest.mark.django_db(transaction=True)
def test_two_senders_of_the_same_changes_apply_them_once() -> None:
    world = make_world()
    sent = [(f"PO-{number}", document(version=1)) for number in range(5)]
    write(world, *sent)
    moved = [(name, document(line(contract_on=LATER), version=2)) for name, _each in sent]

    told = at_once(lambda: results(write(world, *moved)), lambda: results(write(world, *moved[::-1])))

    assert told == [["unchanged"] * 5, ["updated"] * 5]
    assert set(PurchaseOrder.objects.values_list("version", flat=True)) == {2}
