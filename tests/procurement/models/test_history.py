"""Every change of a row leaves an event that knows who made it, in which request, however it was written."""

from collections.abc import Callable

import pghistory
import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model

from procurement.models import ForecastRun, OrderLine, PurchaseOrder
from procurement.models.forecast import BlockForecast, ChainForecast, LotForecast, RequirementForecast
from tests.factories.accounts import UserFactory
from tests.factories.procurement import OrderLineFactory, PurchaseOrderFactory
from tests.factories.sites import SiteFactory
from tests.history import history_of
from tests.refusals import refused_by

pytestmark = pytest.mark.django_db

ACTOR, REQUEST = "0193abcd-0000-7000-8000-000000000001", "req-17"


def _save(line: OrderLine) -> None:
    line.description = "Chiller, 2 MW"
    line.save()


def _bulk_update(line: OrderLine) -> None:
    line.description = "Chiller, 2 MW"
    OrderLine.objects.bulk_update([line], ["description"])


def _update(line: OrderLine) -> None:
    OrderLine.objects.filter(pk=line.pk).update(description="Chiller, 2 MW")


def _raw_sql(line: OrderLine) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procurement_orderline SET description = 'Chiller, 2 MW' WHERE id = %s", [line.pk])


def _upsert(line: OrderLine) -> None:
    line.description = "Chiller, 2 MW"
    OrderLine.objects.bulk_create(
        [line], update_conflicts=True, unique_fields=["order", "number"], update_fields=["description"]
    )


@pytest.mark.parametrize("write", [_save, _bulk_update, _update, _raw_sql, _upsert])
def test_a_change_records_its_actor_and_request(write: Callable[[OrderLine], None]) -> None:
    line = OrderLineFactory.create()

    with pghistory.context(actor=ACTOR, request_id=REQUEST):
        write(line)

    event = history_of(line).latest("pgh_id")
    assert (event.pgh_label, event.description) == ("update", "Chiller, 2 MW")
    assert event.pgh_context.metadata == {"actor": ACTOR, "request_id": REQUEST}


def test_a_new_row_and_a_removed_one_are_recorded_too() -> None:
    line = OrderLineFactory.create()

    with pghistory.context(actor=ACTOR, request_id=REQUEST):
        OrderLine.objects.filter(pk=line.pk).delete()

    events = apps.get_model("procurement", "OrderLineEvent").objects.filter(pgh_obj_id=line.pk).order_by("pgh_id")
    assert [event.pgh_label for event in events] == ["insert", "delete"]
    assert events[1].pgh_context.metadata["actor"] == ACTOR


def test_all_rows_of_one_request_share_its_context() -> None:
    with pghistory.context(actor=ACTOR, request_id=REQUEST):
        line = OrderLineFactory.create()

    contexts = {history_of(line).get().pgh_context_id, history_of(line.order).get(pgh_label="insert").pgh_context_id}
    assert len(contexts) == 1


def test_a_change_outside_of_a_request_has_no_context() -> None:
    line = OrderLineFactory.create()

    assert history_of(line).get().pgh_context is None


def test_a_row_saved_as_it_was_leaves_no_event() -> None:
    line = OrderLineFactory.create()

    line.save()

    assert history_of(line).count() == 1


def test_an_event_is_not_rewritten() -> None:
    site = SiteFactory.create()

    with refused_by("append_only"):
        history_of(site).update(name="Another campus")


def test_an_event_is_not_removed() -> None:
    site = SiteFactory.create()

    with refused_by("append_only"):
        history_of(site).all().delete()


def test_a_raised_version_is_one_event_of_the_header() -> None:
    order = PurchaseOrderFactory.create()

    PurchaseOrder.objects.filter(pk=order.pk).update(title="Chillers")

    assert list(history_of(order).order_by("pgh_id").values_list("pgh_label", "title")) == [
        ("insert", ""),
        ("update", "Chillers"),
    ]


@pytest.mark.parametrize("secret", ["password", "last_login"])
def test_history_keeps_no_secret_of_a_person(secret: str) -> None:
    user = UserFactory.create(password="wind-tunnel-42")

    assert secret not in {field.name for field in history_of(user).model._meta.get_fields()}


ENGINE_OWN: list[type[Model]] = [BlockForecast, ChainForecast, ForecastRun, LotForecast, RequirementForecast]


@pytest.mark.parametrize("model", ENGINE_OWN)
def test_the_engine_own_answers_leave_no_history(model: type[Model]) -> None:
    assert not hasattr(model, "history")


def test_every_event_table_refuses_changes() -> None:
    tables = {model._meta.db_table for model in apps.get_models() if hasattr(model, "pgh_tracked_model")}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'pgtrigger_append_only%'")
        protected = {name for (name,) in cursor.fetchall()}

    assert tables - protected == set()
    assert "sites_siteevent" in tables
