"""A reviewer takes any line of the demo, exports its facts, and gets the same answer from them."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command

from procurement.models import DeliveryLot, LotForecast
from procurement.queries import explain
from procurement.services import demo
from sites.readers import facts

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def test_every_exported_lot_of_the_demo_is_answered_as_it_is_stored() -> None:
    demo.load_demo(today=NOW.date(), now=NOW)
    lots = list(DeliveryLot.objects.filter(quantity__gt=0).select_related("schedule_line__site"))

    for lot in lots:
        stored = explain.facts_of(lot, now=NOW)
        exported = facts.explain(json.dumps(facts.export(stored)))
        assert exported.refusals == ()
        assert exported.document == facts.answer_to(stored)

    assert len(lots) > 100
    answers = {row.lot_id: row for row in LotForecast.objects.filter(current=True)}
    for lot in lots:
        told = facts.answer_to(explain.facts_of(lot, now=NOW))
        if lot.pk in answers:
            on = answers[lot.pk].forecast_on
            assert told["forecast_on_site"] == (on.isoformat() if on else None)
            assert told["float_days"] == answers[lot.pk].float_days


def test_the_command_says_the_same_of_a_line_and_of_its_export() -> None:
    demo.load_demo(today=NOW.date(), now=NOW, recalculate=False)
    lot = DeliveryLot.objects.filter(quantity__gt=0).order_by("pk").first()
    assert lot is not None
    told, exported = StringIO(), StringIO()

    call_command("explain", str(lot.pk), stdout=told)
    call_command("explain", str(lot.pk), export=True, stdout=exported)

    assert json.loads(told.getvalue()) == facts.answer_to(facts.read(json.loads(exported.getvalue())))
