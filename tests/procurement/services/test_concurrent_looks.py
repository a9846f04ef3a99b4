"""Eight evaluators look at the same time, round after round, and what they leave is what one would."""

import os
from datetime import timedelta

import pytest
from django.db import connection

from procurement.models import Alert, AlertEvent, NotificationItem, RequirementForecast
from procurement.vocabulary import AlertEventKind, AlertState, Rule
from sites.models import Site
from tests.factories.procurement import EquipmentClassFactory, RequirementFactory, RequirementForecastFactory
from tests.factories.sites import SiteFactory
from tests.procurement.stage import NOON, REQUIRED_ON, assigned, look
from tests.threads import at_once

UNITS, SLIPPED, EVALUATORS = 2_000, 700, 8
# A hundred rounds take minutes: `make chaos` runs them all.
ROUNDS = 100 if os.environ.get("CHAOS_FULL") else 4

pytestmark = pytest.mark.django_db(transaction=True)


def late_units(site: Site) -> dict[object, int]:
    """Two thousand units on order, of which seven hundred are late by 1 to 60 days: their bands, in plain words."""
    chiller = EquipmentClassFactory.create()
    made = [
        RequirementFactory.build(
            site=site, equipment_class=chiller, tag=f"CH-{number:04}", required_on_site=REQUIRED_ON
        )
        for number in range(UNITS)
    ]
    type(made[0]).objects.bulk_create(made)
    run = RequirementForecastFactory.create(requirement=RequirementFactory.create(site=site), ordered=True).run
    rows: list[RequirementForecast] = []
    expected: dict[object, int] = {}
    for number, unit in enumerate(made):
        days = number % 60 + 1 if number < SLIPPED else -40
        if days > 0:
            expected[unit.pk] = 60 if days == 60 else max(band for band in (1, 7, 14, 30) if band <= days)
        rows.append(
            RequirementForecast(
                run=run,
                requirement=unit,
                as_of=run.as_of,
                ordered=True,
                required_on_site=REQUIRED_ON,
                forecast_on=REQUIRED_ON + timedelta(days=days),
                float_days=-days,
                float_working_days=-days,
            )
        )
    RequirementForecast.objects.bulk_create(rows)
    return expected


def test_eight_evaluators_leave_just_the_seven_hundred() -> None:
    site = SiteFactory.create(code="SYD1")
    buyer = assigned(site)
    expected = late_units(site)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    def one_look(_evaluator: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")  # all eight queue up, however slow the machine
        look(site, now=NOON)

    for _ in range(ROUNDS):
        at_once(EVALUATORS, one_look)

    late = Alert.objects.filter(rule=Rule.LATE_FORECAST)
    assert dict(late.values_list("subject_id", "band")) == expected
    assert late.count() == SLIPPED
    assert set(late.values_list("state", flat=True)) == {AlertState.OPEN}
    events = AlertEvent.objects.filter(alert__in=late)
    assert events.filter(kind=AlertEventKind.BAND).count() == events.count() == SLIPPED
    items = NotificationItem.objects.filter(event__in=events)
    assert (items.count(), set(items.values_list("recipient", flat=True))) == (SLIPPED, {buyer.pk})
    print(f"\nAL-2: evaluators {EVALUATORS}, rounds {ROUNDS}, units {UNITS}, alerts {late.count()}, expected {SLIPPED}")  # noqa: T201
