"""What a change would do is said to the day and the person, and nothing of it is kept."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from procurement.gateways import wake
from procurement.models import Alert, AlertEvent, ForecastRun, LotForecast, Notification, Requirement
from procurement.services import forecasts
from procurement.services.rehearsal import OPENED, Rehearsal, rehearse
from procurement.vocabulary import AlertEventKind, Lane, Rule, RunCause
from sites.domain.errors import BadInput
from sites.models import Milestone, Site
from tests.factories.procurement import (
    AllocationFactory,
    DeliveryLotFactory,
    GroupNeedFactory,
    RedundancyGroupFactory,
    RequirementFactory,
)
from tests.factories.sites import BlockFactory, PhaseFactory, SiteFactory
from tests.procurement.stage import NOON, TODAY, assigned, late, look, move

pytestmark = pytest.mark.django_db
FAT_PASS = date(2027, 9, 1)


def ordered(tag: str = "CH-01", site: Site | None = None) -> Requirement:
    """A unit on order, calculated and in time: its chain is the class's, and it is due on 2027-09-20."""
    site = site or SiteFactory.create(code="SYD1")
    requirement = RequirementFactory.create(site=site, tag=tag, required_on_site=date(2027, 12, 20))
    lot = DeliveryLotFactory.create(
        site=site,
        schedule_line__line__equipment_class=requirement.equipment_class,
        actuals={"PO_ISSUED": date(2026, 8, 3)},
    )
    AllocationFactory.create(lot=lot, requirement=requirement)
    recalculate(site)
    return requirement


def recalculate(site: Site, cause_key: str = "") -> None:
    forecasts.recalculate(site_id=site.pk, as_of=TODAY, now=NOON, cause=RunCause.CHANGE, cause_key=cause_key)


def pin_the_test(requirement: Requirement, on: date) -> None:
    """What a planner's lock does, with the recalculation that follows it."""
    steps = Milestone.objects.filter(chain__lot__allocations__requirement=requirement, code="FAT_PASS")
    steps.update(locked_on=on, locked_at=NOON)
    recalculate(requirement.site, f"lock:{on}")


def counted() -> tuple[int, ...]:
    tables = (ForecastRun, LotForecast, Alert, AlertEvent, Notification)
    return tuple(model._default_manager.count() for model in tables)


def rehearsed(requirement: Requirement, on: date) -> Rehearsal:
    return rehearse(lambda: pin_the_test(requirement, on), now=NOON)


def test_a_rehearsal_names_what_moves_with_its_float_before_and_after() -> None:
    requirement = ordered()
    before = LotForecast.objects.get(current=True)

    found = rehearsed(requirement, date(2027, 12, 1))

    lot = next(row for row in found.moved if row.kind == "lot")
    assert (lot.key, lot.before_on, lot.float_before_days) == (before.lot_id, before.forecast_on, before.float_days)
    assert lot.after_on is not None
    assert lot.float_after_days == (date(2027, 12, 20) - lot.after_on).days
    assert lot.days == (lot.after_on - before.forecast_on).days  # type: ignore[operator]
    assert {row.kind for row in found.moved} == {"lot", "requirement"}


def test_a_rehearsal_names_the_alert_that_would_open_and_who_would_be_told_when() -> None:
    requirement = ordered()
    buyer = assigned(requirement.site)

    found = rehearsed(requirement, date(2027, 12, 1))

    opened = next(row for row in found.alerts if row.rule == Rule.LATE_FORECAST)
    told = next(row for row in found.told if opened.alert_id in row.alerts)
    assert (opened.what, opened.is_new, opened.lane) == (OPENED, True, Lane.URGENT)
    assert (told.person_id, told.lane, told.role) == (buyer.pk, Lane.URGENT, "buyer")
    assert told.release_at >= NOON


def test_nothing_of_a_rehearsal_is_kept() -> None:
    requirement = ordered()
    assigned(requirement.site)
    before = counted()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sites_milestoneevent")
        history = cursor.fetchone()

    rehearsed(requirement, date(2027, 12, 1))

    assert counted() == before
    assert not Milestone.objects.filter(locked_on__isnull=False).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sites_milestoneevent")
        assert cursor.fetchone() == history


@pytest.mark.django_db(transaction=True)
def test_a_rehearsal_wakes_nobody() -> None:
    asked: list[str] = []
    wake.wire(lambda: asked.append("asked"))
    try:
        with transaction.atomic():
            rehearse(wake.after_commit, now=NOON)
    finally:
        wake.wire(None)

    assert asked == []


def test_an_alert_that_stands_would_worsen_or_recover() -> None:
    unit = late(days=3)
    look(unit.site)

    def slips(days: int) -> list[str]:
        def change() -> None:
            move(unit, days)
            look(unit.site, cause="letter-2")

        return [row.what for row in rehearse(change, now=NOON).alerts]

    assert slips(20) == [AlertEventKind.BAND]
    assert slips(-20) == [AlertEventKind.RECOVERED]
    assert slips(3) == []


def test_a_refusal_of_the_change_is_the_refusal_of_the_rehearsal() -> None:
    def refuse() -> None:
        RequirementFactory.create()
        raise BadInput("No such date.", field="actual_on")

    with pytest.raises(BadInput):
        rehearse(refuse, now=NOON)

    assert not Requirement.objects.exists()


def test_a_site_that_is_named_is_looked_at_although_no_date_moves() -> None:
    unit = late(days=12)

    found = rehearse(lambda: None, now=NOON, sites=[unit.site.pk])

    assert [row.rule for row in found.alerts] == [Rule.LATE_FORECAST]
    assert found.moved == ()
    assert not Alert.objects.exists()


def test_the_megawatt_days_of_blocks_are_added_up() -> None:
    site = SiteFactory.create(code="SYD1")
    phase = PhaseFactory.create(site=site)
    block = BlockFactory.create(phase=phase, rfs_baseline_on=date(2028, 1, 10), it_mw=Decimal(8))
    group = RedundancyGroupFactory.create(site=site)
    GroupNeedFactory.create(block=block, group=group, needed_units=1)
    requirement = ordered(site=site)
    requirement.group = group
    requirement.save()
    recalculate(site)

    found = rehearsed(requirement, date(2028, 3, 1))

    moved = next(row for row in found.moved if row.kind == "block")
    assert moved.after_on is not None
    assert moved.mw_days_after is not None
    assert moved.mw_days_after == Decimal(8) * (moved.after_on - date(2028, 1, 10)).days
    assert found.mw_days == moved.mw_days_after - (moved.mw_days_before or 0)


def test_a_rehearsal_reads_as_often_for_three_lines_as_for_one() -> None:
    site = SiteFactory.create(code="SYD1")
    counts = []
    for number in (1, 2):
        for place in range(number):
            ordered(f"CH-{number}{place}", site)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            rehearse(lambda: None, now=NOON, sites=[site.pk])
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_what_another_change_left_before_is_not_part_of_it() -> None:
    requirement = ordered()
    pin_the_test(requirement, date(2027, 12, 1))

    found = rehearsed(requirement, date(2027, 12, 1) + timedelta(days=2))

    moved = next(row for row in found.moved if row.kind == "requirement")
    assert moved.days is not None
    assert 0 < moved.days < 10
