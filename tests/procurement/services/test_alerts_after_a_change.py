"""After a change only what it touches is looked at, and the alerts are those that a look at the whole site leaves: but
for the silence of vendors, which days bring and not changes.
"""

import random
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from procurement.models import Alert, AlertEvent, Allocation, DeliveryLot, Evaluation, LotForecast, Requirement
from procurement.services import alerts, forecasts, portfolio_loader
from procurement.services.forecasts import Touched, local_date
from procurement.vocabulary import LineStatus, Rule, RunCause
from sites.models import Block, Milestone, Site
from tests.factories.procurement import AlertRuleSettingFactory
from tests.factories.sites import PromiseFactory
from tests.procurement.stage import NOON, TODAY

pytestmark = pytest.mark.django_db
QUERIES_OF_A_CHANGE = 50
LATER = NOON + timedelta(weeks=6)


def loaded(lines: int) -> Site:
    portfolio_loader.load(lines=lines, seed=5, today=TODAY, now=NOON)
    site = Site.objects.order_by("code")[0]
    alerts.evaluate_site(site_id=site.pk, as_of=local_date(site, NOON), now=NOON)
    return site


def told(site: Site) -> list[dict[str, object]]:
    return [dict(row) for row in Alert.objects.filter(site=site).order_by("pk").values()]


def whole(site: Site, as_of: date, now: datetime) -> tuple[int, ...]:
    done = alerts.evaluate_site(site_id=site.pk, as_of=as_of, now=now)
    return (done.opened, done.told, done.recovered, done.reopened, done.closed)


def a_change(site: Site, draw: random.Random) -> Touched:
    """One thing that people do to a site, with what it touches."""
    lots = list(
        LotForecast.objects.filter(current=True, delivered_on=None, lot__schedule_line__site=site)
        .order_by("lot")
        .values_list("lot", flat=True)
    )
    lot = DeliveryLot.objects.select_related("chain", "schedule_line").get(pk=draw.choice(lots))
    served = list(Allocation.objects.filter(lot=lot, ended_at=None).values_list("requirement", flat=True))
    step = lot.chain.milestones.filter(actual_on=None, applicable=True).order_by("-sequence")[0]
    on = TODAY + timedelta(days=draw.randrange(1, 900))
    match draw.choice(["promise", "lock", "unlock", "need", "drop", "cancel", "block"]):
        case "promise":
            PromiseFactory.create(milestone=step, place=step.promises.count() + 1, counts_on=on, stated_on=TODAY)
        case "lock":
            Milestone.objects.filter(pk=step.pk).update(locked_on=on, locked_at=NOON)
        case "unlock":
            Milestone.objects.filter(chain=lot.chain).update(locked_on=None, locked_at=None)
        case "need" if served:
            Requirement.objects.filter(pk=served[0]).update(shake_out_days=draw.randrange(0, 200))
            return Touched(requirements=frozenset(served[:1]))
        case "drop" if served:
            Allocation.objects.filter(lot=lot, requirement=served[0]).update(ended_at=NOON, end_reason="Dropped")
            return Touched(lots=frozenset({lot.pk}), requirements=frozenset(served[:1]))
        case "cancel":
            lot.schedule_line.status = LineStatus.CANCELLED
            lot.schedule_line.save()
            return Touched(lots=frozenset({lot.pk}), requirements=frozenset(served))
        case "block":
            blocks = list(Block.objects.filter(phase__site=site).order_by("pk"))
            if blocks:
                block = draw.choice(blocks)
                Block.objects.filter(pk=block.pk).update(rfs_baseline_on=on)
                return Touched(blocks=frozenset({block.pk}))
    return Touched(lots=frozenset({lot.pk}))


def recalculated(site: Site, touched: Touched, as_of: date, now: datetime) -> None:
    forecasts.recalculate(site_id=site.pk, as_of=as_of, now=now, cause=RunCause.CHANGE, touched=touched, sample=False)


@pytest.mark.parametrize("seed", range(3))
def test_after_random_changes_a_look_at_the_whole_site_finds_nothing_to_do(seed: int) -> None:
    AlertRuleSettingFactory.create(rule=Rule.VENDOR_SILENT, parameters={"enabled": False})
    site = loaded(120)
    as_of, now, draw = local_date(site, NOON), NOON, random.Random(seed)
    events = AlertEvent.objects.count()

    for _ in range(14):
        now += timedelta(minutes=1)
        recalculated(site, a_change(site, draw), as_of, now)
        left = told(site)

        assert whole(site, as_of, now) == (0, 0, 0, 0, 0)
        assert told(site) == left

    assert AlertEvent.objects.count() > events


def test_a_slip_that_moves_a_block_is_in_the_alerts_of_all_that_serve_it() -> None:
    site = loaded(60)
    as_of = local_date(site, NOON)
    members = Requirement.objects.filter(site=site, group__isnull=False, group__needs__isnull=False)
    group = members.order_by("group")[0].group
    assert group is not None
    late = LotForecast.objects.filter(current=True, lot__allocations__requirement__group=group)[0].lot
    late.chain.milestones.filter(code="ON_SITE").update(locked_on=TODAY + timedelta(days=1500), locked_at=NOON)

    recalculated(site, Touched(lots=frozenset({late.pk})), as_of, NOON + timedelta(minutes=1))

    assert Alert.objects.filter(rule=Rule.RFS_HIT, site=site).exists()
    assert whole(site, as_of, NOON + timedelta(minutes=1)) == (0, 0, 0, 0, 0)


def test_on_a_new_day_a_change_looks_at_the_whole_site() -> None:
    site = loaded(60)
    tomorrow, later = local_date(site, NOON) + timedelta(days=1), NOON + timedelta(days=1)
    lot = LotForecast.objects.filter(current=True, delivered_on=None, lot__schedule_line__site=site)[0].lot_id

    recalculated(site, Touched(lots=frozenset({lot})), tomorrow, later)

    assert Evaluation.objects.get(site=site).as_of == tomorrow
    assert whole(site, tomorrow, later) == (0, 0, 0, 0, 0)


def test_what_stands_is_counted_for_the_whole_site() -> None:
    site = loaded(60)
    before = Evaluation.objects.get(site=site).standing_alerts
    lot = LotForecast.objects.filter(current=True, delivered_on=None, lot__schedule_line__site=site)[0].lot_id

    recalculated(site, Touched(lots=frozenset({lot})), local_date(site, NOON), NOON)

    assert before > 0
    assert Evaluation.objects.get(site=site).standing_alerts == before


def silent(site: Site) -> dict[UUID, Alert]:
    """By vendor, after weeks in which nobody said anything."""
    whole(site, local_date(site, LATER), LATER)
    return {alert.subject_id: alert for alert in Alert.objects.filter(site=site, rule=Rule.VENDOR_SILENT)}


def open_lot_of(seller: UUID, site: Site) -> DeliveryLot:
    of_seller = LotForecast.objects.filter(lot__schedule_line__line__order__seller=seller)
    return of_seller.filter(current=True, delivered_on=None, lot__schedule_line__site=site)[0].lot


def test_a_silent_vendor_that_speaks_is_silent_no_longer_and_the_others_are_left() -> None:
    site = loaded(120)
    spoken, *others = silent(site)
    lot = open_lot_of(spoken, site)
    step = lot.chain.milestones.filter(actual_on=None, applicable=True).order_by("-sequence")[0]
    PromiseFactory.create(milestone=step, counts_on=date(2028, 3, 1), stated_on=LATER.date())

    recalculated(site, Touched(lots=frozenset({lot.pk})), local_date(site, LATER), LATER + timedelta(minutes=1))

    found = Alert.objects.filter(site=site, rule=Rule.VENDOR_SILENT)
    assert others
    assert {row.subject_id: row.recovered_at is None for row in found} == {spoken: False} | dict.fromkeys(others, True)


def test_what_a_silent_vendor_has_open_is_counted_again_when_the_whole_site_is_looked_at() -> None:
    site = loaded(120)
    seller, alert = next(iter(silent(site).items()))
    lot, before = open_lot_of(seller, site), alert.facts["open_lots"]
    lot.schedule_line.status = LineStatus.CANCELLED
    lot.schedule_line.save()

    recalculated(site, Touched(lots=frozenset({lot.pk})), local_date(site, LATER), LATER + timedelta(minutes=1))
    alert.refresh_from_db()
    assert alert.facts["open_lots"] == before

    whole(site, local_date(site, LATER), LATER + timedelta(minutes=2))
    alert.refresh_from_db()
    assert alert.facts["open_lots"] == before - 1


@pytest.mark.parametrize("lines", [60, 180])
def test_a_change_takes_no_more_queries_beside_many_lines_than_beside_few(lines: int) -> None:
    site = loaded(lines)
    lot = LotForecast.objects.filter(current=True, delivered_on=None, lot__schedule_line__site=site)[0].lot_id
    as_of = local_date(site, NOON)
    recalculated(site, Touched(lots=frozenset({lot})), as_of, NOON)

    with CaptureQueriesContext(connection) as seen:
        recalculated(site, Touched(lots=frozenset({lot})), as_of, NOON)

    assert len(seen) <= QUERIES_OF_A_CHANGE
