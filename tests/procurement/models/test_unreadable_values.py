"""PostgreSQL takes NaN, infinity and the year 20270; Python cannot read such rows back, so no column lets them in."""

import json
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import DateField, DecimalField, Model, UUIDField

import tests.factories.erp
import tests.factories.power
import tests.factories.procurement
import tests.factories.sites
from procurement.models import (
    Backtest,
    BlockForecast,
    BlockProbability,
    ChainForecast,
    Evaluation,
    ForecastRun,
    LogLine,
    LotForecast,
    LotProbability,
    RequirementForecast,
    ScheduleLine,
    StepHistory,
)
from sites.accounts.row import new_id
from sites.models import Desk
from tests.factories.accounts import RowFactory
from tests.factories.procurement import DeliveryLotFactory
from tests.factories.sites import DeskFactory

pytestmark = pytest.mark.django_db

ENGINE_OWN = {
    Backtest,
    BlockForecast,
    BlockProbability,
    ChainForecast,
    Evaluation,
    ForecastRun,
    LogLine,
    LotForecast,
    LotProbability,
    RequirementForecast,
    StepHistory,
}
UNREADABLE = {
    DateField: ["infinity", "-infinity", "20270-05-21", "0001-05-21"],
    DecimalField: ["NaN", "Infinity", "-Infinity"],
}
FACTORIES: dict[type[Model], type[RowFactory[Any]]] = {
    made._meta.model: made
    for module in (tests.factories.sites, tests.factories.power, tests.factories.procurement, tests.factories.erp)
    for made in vars(module).values()
    if isinstance(made, type) and issubclass(made, RowFactory) and not made._meta.abstract
}
MODELS = [
    model
    for label in ("accounts", "sites", "procurement")
    for model in apps.get_app_config(label).get_models()
    if not hasattr(model, "pgh_tracked_model") and model not in ENGINE_OWN
]
CASES = [
    pytest.param(model, field.column, value, id=f"{model.__name__}.{field.name}={value}")
    for model in MODELS
    for field in model._meta.local_fields
    for value in UNREADABLE.get(type(field), [])
]


def _row(model: type[Model]) -> Model:
    if model is ScheduleLine:  # stands only with its lots
        return DeliveryLotFactory.create().schedule_line
    row: Model = FACTORIES[model].create()
    return row


def _insert_copy(row: Model, **values: str) -> None:
    """A raw INSERT, past every field of ours, of the same row with other values."""
    table = row._meta.db_table
    key = str(new_id()) if isinstance(row._meta.pk, UUIDField) else 0
    other = json.dumps({"id": key, **values})
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(was) || %s::jsonb)).*"
            f" FROM {table} was WHERE id = %s",
            [other, row.pk],
        )


@pytest.mark.parametrize(("model", "column", "value"), CASES)
def test_a_date_or_amount_that_cannot_be_read_back_is_refused(model: type[Model], column: str, value: str) -> None:
    row = _row(model)

    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        _insert_copy(row, **{column: value})

    cause = refusal.value.__cause__
    if isinstance(cause, psycopg.errors.NumericValueOutOfRange):  # numeric with a precision has no infinity
        assert value in {"Infinity", "-Infinity"}
    else:
        assert isinstance(cause, psycopg.errors.CheckViolation)
        assert cause.diag.constraint_name in {rule.name for rule in model._meta.constraints}


def test_the_cases_cover_the_ledgers_and_the_tracked_tables() -> None:
    covered = {case.values[0] for case in CASES}

    assert {apps.get_model("sites", "promise"), apps.get_model("procurement", "receipt")} < covered
    assert len(CASES) > 100


@pytest.mark.parametrize("expression", ["chr(0)", r"convert_from('\x00'::bytea, 'UTF8')", r"E'\000'"])
def test_a_nul_byte_is_refused_by_postgresql_itself(expression: str) -> None:
    desk = DeskFactory.create()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE sites_desk SET name = 'Syd' || {expression} WHERE id = '{desk.pk}'")

    assert Desk.objects.get().name == "Sydney"


def test_a_nul_byte_is_refused_on_its_way_to_postgresql() -> None:
    desk = DeskFactory.create()

    with pytest.raises((DatabaseError, ValueError)), transaction.atomic():
        Desk.objects.filter(pk=desk.pk).update(name="Syd\x00ney")

    assert Desk.objects.get().name == "Sydney"
