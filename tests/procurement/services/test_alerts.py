"""An alert stands once, a band is told once, and what comes and goes is not told each time."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from procurement.domain.alerting import RFS_HIT
from procurement.models import Alert, AlertEvent, Evaluation, NotificationItem
from procurement.services import alerts
from procurement.vocabulary import AlertEventKind, AlertState, CloseReason, Lane, LineStatus, Rule, Severity
from sites.accounts.models import AuditEvent
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from sites.models import Site
from tests.factories.procurement import (
    BlockForecastFactory,
    ChainForecastFactory,
    GroupNeedFactory,
    RequirementFactory,
    RequirementForecastFactory,
)
from tests.factories.sites import BaselineFactory, GridConnectionFactory, ShareFactory, SiteFactory
from tests.procurement.stage import NOON, TODAY, assigned, holder, late, look, move
from tests.threads import at_once

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def bands() -> list[int]:
    return list(AlertEvent.objects.filter(kind=AlertEventKind.BAND).order_by("pk").values_list("band", flat=True))


def kinds() -> list[str]:
    return list(AlertEvent.objects.order_by("pk").values_list("kind", flat=True))


def test_a_late_forecast_opens_one_alert_and_makes_one_item() -> None:
    unit = late(days=12)
    buyer = assigned(unit.site)

    done = look(unit.site)

    alert = Alert.objects.get()
    assert (done.standing, done.opened, done.told) == (1, 1, 1)
    assert (alert.rule, alert.subject_id, alert.state, alert.band) == (
        Rule.LATE_FORECAST, unit.requirement.pk, AlertState.OPEN, 7,
    )  # fmt: skip
    assert (alert.lane, alert.told_role, alert.cause_key, alert.facts["days_late"]) == (
        Lane.URGENT, Role.BUYER, "letter-1", 12,
    )  # fmt: skip
    assert list(NotificationItem.objects.values_list("recipient", flat=True)) == [buyer.pk]


def test_looking_again_changes_nothing() -> None:
    unit = late(days=12)
    assigned(unit.site)
    look(unit.site)

    again = [look(unit.site) for _ in range(3)]

    assert {(done.opened, done.told, done.recovered, done.closed) for done in again} == {(0, 0, 0, 0)}
    assert (Alert.objects.count(), AlertEvent.objects.count(), NotificationItem.objects.count()) == (1, 1, 1)


def test_a_look_records_when_it_looked_and_never_goes_back() -> None:
    unit = late(days=12)
    look(unit.site)
    look(unit.site, now=NOON + DAY, as_of=TODAY - DAY)

    seen = Evaluation.objects.get(site=unit.site)

    assert (seen.as_of, seen.evaluated_at, seen.standing_alerts) == (TODAY, NOON + DAY, 1)


def test_a_band_is_told_once_an_episode_and_only_when_it_is_worse() -> None:
    unit = late(days=3)
    assigned(unit.site)
    for days in (3, 8, 5, 9, 20, 15, 33):
        move(unit, days)
        look(unit.site)

    assert bands() == [1, 7, 14, 30]
    assert (Alert.objects.get().band, Alert.objects.get().facts["days_late"]) == (30, 33)


def test_a_band_that_was_skipped_is_not_told_afterwards() -> None:
    unit = late(days=40)
    look(unit.site)
    move(unit, 10)
    look(unit.site)

    assert bands() == [30]


def test_hitting_ready_for_service_is_told_beside_the_days() -> None:
    unit = late(days=12)
    need = GroupNeedFactory.create(
        block__phase__site=unit.site, group__equipment_class=unit.requirement.equipment_class
    )
    unit.requirement.group = need.group
    unit.requirement.save()
    look(unit.site)
    BlockForecastFactory.create(block=need.block, rfs_forecast_on=date(2027, 12, 13), mw_days_at_risk=96)
    move(unit, 12, mw_days=96)

    done = look(unit.site)

    late_unit, block = Alert.objects.get(rule=Rule.LATE_FORECAST), Alert.objects.get(rule=Rule.RFS_HIT)
    assert (done.told, bands()) == (2, [7, RFS_HIT, block.band])
    assert late_unit.facts["mw_days"] == "96"
    assert (block.subject_id, block.told_role, block.severity) == (need.block_id, Role.SITE_LEAD, Severity.CRITICAL)
    assert look(unit.site).told == 0


def test_from_is_the_answer_before_the_present_one() -> None:
    unit = late(days=-20)
    move(unit, 12)

    look(unit.site)

    facts = Alert.objects.get().facts
    assert (facts["forecast_from_on"], facts["forecast_on"]) == ("2027-08-31", "2027-10-02")


def test_what_is_in_time_again_recovers_and_closes_after_five_days() -> None:
    unit = late(days=12)
    look(unit.site)
    move(unit, -30)

    assert look(unit.site).recovered == 1
    assert Alert.objects.get().state == AlertState.RECOVERED
    assert look(unit.site, now=NOON + 5 * DAY - timedelta(seconds=1)).closed == 0
    assert look(unit.site, now=NOON + 5 * DAY).closed == 1
    assert Alert.objects.get().close_reason == CloseReason.RECOVERED


def test_coming_back_inside_five_days_reopens_the_same_episode_silently() -> None:
    unit = late(days=12)
    assigned(unit.site)
    look(unit.site)
    move(unit, -30)
    look(unit.site)
    move(unit, 12)

    done = look(unit.site, now=NOON + 4 * DAY)

    alert = Alert.objects.get()
    assert (done.reopened, done.told, alert.state, alert.episode) == (1, 0, AlertState.OPEN, 1)
    assert alert.recovered_at is None
    assert kinds() == [AlertEventKind.BAND, AlertEventKind.RECOVERED, AlertEventKind.REOPENED]


def test_an_acknowledged_alert_comes_back_acknowledged() -> None:
    unit = late(days=12)
    look(unit.site)
    alerts.acknowledge(alert_id=Alert.objects.get().pk, actor=holder(unit.site), now=NOON)
    move(unit, -30)
    look(unit.site)
    move(unit, 12)
    look(unit.site, now=NOON + DAY)

    assert Alert.objects.get().state == AlertState.ACKNOWLEDGED


def test_coming_back_after_five_days_is_a_new_episode_that_is_told() -> None:
    unit = late(days=12)
    assigned(unit.site)
    look(unit.site)
    move(unit, -30)
    look(unit.site)
    move(unit, 12)

    done = look(unit.site, now=NOON + 6 * DAY)

    assert (done.closed, done.opened, done.told) == (1, 1, 1)
    assert list(Alert.objects.order_by("episode").values_list("episode", "state")) == [
        (1, AlertState.CLOSED), (2, AlertState.OPEN),
    ]  # fmt: skip


def test_after_three_reversals_one_notice_and_the_rest_in_the_digest() -> None:
    unit = late(days=12)
    assigned(unit.site)
    told = [look(unit.site).told]
    for hour, days in enumerate((-30, 12, -30, 12, -30, 12)):
        move(unit, days)
        told.append(look(unit.site, now=NOON + timedelta(hours=hour)).told)
    move(unit, 40)
    told.append(look(unit.site, now=NOON + timedelta(hours=9)).told)

    assert told == [1, 0, 0, 1, 0, 0, 0, 1]
    assert kinds().count(AlertEventKind.UNSTABLE) == 1
    lanes = NotificationItem.objects.order_by("event__pk").values_list("event__kind", "notification__lane")
    assert list(lanes) == [("band", "urgent"), ("unstable", "digest"), ("band", "digest")]


def test_reversals_of_long_ago_do_not_make_a_date_unstable() -> None:
    unit = late(days=12)
    look(unit.site)
    for number, days in enumerate((-30, 12, -30, 12)):
        move(unit, days)
        look(unit.site, now=NOON + number * timedelta(days=4, hours=23))

    assert AlertEventKind.UNSTABLE in kinds()
    unit = late(SiteFactory.create(), days=12)
    look(unit.site)
    before = kinds().count(AlertEventKind.UNSTABLE)
    move(unit, -30)
    look(unit.site)
    move(unit, 12)
    look(unit.site, now=NOON + 4 * DAY)
    move(unit, -30)
    look(unit.site, now=NOON + 15 * DAY)
    assert kinds().count(AlertEventKind.UNSTABLE) == before


def test_a_new_baseline_closes_the_alert_unmailed_and_looks_again() -> None:
    unit = late(days=12)
    assigned(unit.site)
    BaselineFactory.create(chain=unit.lot.chain, version=1)
    look(unit.site)
    BaselineFactory.create(chain=unit.lot.chain, version=2)

    done = look(unit.site)

    assert (done.closed, done.opened) == (1, 1)
    closed = Alert.objects.get(state=AlertState.CLOSED)
    assert (closed.close_reason, closed.baseline_version) == (CloseReason.REBASELINED, 1)
    assert not NotificationItem.objects.filter(event__alert=closed, event__kind=AlertEventKind.CLOSED).exists()
    assert Alert.objects.get(state=AlertState.OPEN).baseline_version == 2


def test_a_new_baseline_of_what_is_in_time_now_closes_and_opens_nothing() -> None:
    unit = late(days=12)
    look(unit.site)
    BaselineFactory.create(chain=unit.lot.chain, version=1)
    move(unit, -30)

    done = look(unit.site)

    assert (done.closed, done.opened, done.recovered) == (1, 0, 0)


def test_a_cancelled_requirement_takes_its_alert_with_it() -> None:
    unit = late(days=12)
    look(unit.site)
    unit.requirement.cancelled_at = NOON
    unit.requirement.save()

    assert look(unit.site).closed == 1
    assert Alert.objects.get().close_reason == CloseReason.GONE


def test_a_delivered_unit_is_late_no_more() -> None:
    unit = late(days=12)
    look(unit.site)
    unit.lot.forecasts.filter(current=True).update(delivered_on=TODAY)

    assert look(unit.site).recovered == 1


def test_lots_of_cancelled_lines_have_no_overdue_milestones() -> None:
    unit = late(days=-50)
    unit.lot.forecasts.filter(current=True).update(
        next_code="SUBMITTAL_IN", steps=[{"code": "SUBMITTAL_IN", "baseline_on": "2026-11-01"}]
    )
    look(unit.site)
    assert Alert.objects.get().rule == Rule.MILESTONE_OVERDUE
    unit.lot.schedule_line.status = LineStatus.CANCELLED
    unit.lot.schedule_line.save()

    assert look(unit.site).closed == 1


def test_what_is_not_ordered_is_told_by_its_order_by_date_and_not_as_late() -> None:
    requirement = RequirementFactory.create()
    RequirementForecastFactory.create(
        requirement=requirement, unordered=True, order_by_on=TODAY - DAY, forecast_on=date(2027, 10, 2)
    )
    look(requirement.site)

    alert = Alert.objects.get()
    assert (alert.rule, alert.band, alert.lane, alert.told_role) == (Rule.ORDER_BY, 1, Lane.URGENT, Role.BUYER)


def test_a_requirement_without_a_date_is_told_to_the_site_before_any_forecast() -> None:
    requirement = RequirementFactory.create(without_ros=True)

    look(requirement.site)

    alert = Alert.objects.get()
    assert (alert.rule, alert.told_role, alert.lane) == (Rule.NO_ROS, Role.SITE_LEAD, Lane.DIGEST)


def test_the_look_at_one_site_leaves_another_alone() -> None:
    here, there = late(days=12), late(SiteFactory.create(code="TYO1", tokyo=True), days=12)
    look(here.site)
    look(there.site)
    move(there, -30)

    look(here.site)

    assert Alert.objects.get(site=there.site).state == AlertState.OPEN


def power(cod_on: date, energised_on: date) -> Site:
    """The dates of the contract lie far away: only start and energisation meet."""
    share = ShareFactory.create(agreement__guaranteed_cod_on=date(2028, 6, 1), agreement__long_stop_on=date(2029, 1, 1))
    connection_ = GridConnectionFactory.create(site=share.site)
    ChainForecastFactory.create(chain=share.agreement.chain, run__site=None, forecast_on=cod_on)
    ChainForecastFactory.create(chain=connection_.chain, forecast_on=energised_on)
    return share.site


def test_power_that_starts_after_energisation_is_told_to_the_energy_lead() -> None:
    site = power(date(2027, 9, 15), date(2027, 8, 1))
    lead = holder(site, Role.ENERGY_LEAD)

    done = alerts.evaluate_power(as_of=TODAY, now=NOON)

    alert = Alert.objects.get()
    assert (done.opened, alert.rule, alert.band, alert.site) == (1, Rule.COD_AFTER_ENERGISATION, 30, site)
    assert (alert.facts["days_late"], alert.facts["mw_days"]) == (45, "540")
    assert NotificationItem.objects.get().recipient == lead


def test_a_site_and_the_power_portfolio_do_not_close_each_others_alerts() -> None:
    site = power(date(2027, 9, 15), date(2027, 8, 1))
    late(site, days=12)
    look(site)
    alerts.evaluate_power(as_of=TODAY, now=NOON)
    look(site)
    alerts.evaluate_power(as_of=TODAY, now=NOON)

    assert Alert.objects.filter(state=AlertState.OPEN).count() == 2
    assert Evaluation.objects.filter(site=None).count() == 1


def test_power_in_time_has_no_alert() -> None:
    power(date(2027, 8, 1), date(2027, 8, 1))

    assert alerts.evaluate_power(as_of=TODAY, now=NOON).standing == 0


# -- answers -----------------------------------------------------------------------------------------------------


def test_acknowledging_says_who_when_until_when_and_is_audited() -> None:
    unit = late(days=12)
    look(unit.site)
    buyer = holder(unit.site)
    alert = Alert.objects.get()

    alerts.acknowledge(alert_id=alert.pk, actor=buyer, now=NOON, commitment_on=date(2026, 12, 1), note="Vendor called")

    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by, alert.acknowledged_at, alert.commitment_on) == (
        AlertState.ACKNOWLEDGED, buyer, NOON, date(2026, 12, 1),
    )  # fmt: skip
    assert AlertEvent.objects.get(kind=AlertEventKind.ACKNOWLEDGED).note == "Vendor called"
    assert AuditEvent.objects.get(verb="alert.acknowledge").actor == buyer


def test_a_worse_band_after_the_answer_asks_again() -> None:
    unit = late(days=3)
    assigned(unit.site)
    look(unit.site)
    alerts.acknowledge(alert_id=Alert.objects.get().pk, actor=holder(unit.site), now=NOON)
    move(unit, 5)
    assert look(unit.site).told == 0
    assert Alert.objects.get().state == AlertState.ACKNOWLEDGED
    move(unit, 9)

    assert look(unit.site).told == 1
    assert Alert.objects.get().state == AlertState.OPEN


def test_it_can_be_acknowledged_twice() -> None:
    unit = late(days=12)
    look(unit.site)
    buyer = holder(unit.site)
    for day in (1, 2):
        alerts.acknowledge(alert_id=Alert.objects.get().pk, actor=buyer, now=NOON, commitment_on=date(2026, 12, day))

    assert Alert.objects.get().commitment_on == date(2026, 12, 2)
    assert kinds().count(AlertEventKind.ACKNOWLEDGED) == 2


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"commitment_on": TODAY - DAY}, "commitment_on"),
        ({"commitment_on": date(2101, 1, 1)}, "commitment_on"),
        ({"note": "x" * 501}, "note"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_by_name(said: dict[str, object], field: str) -> None:
    unit = late(days=12)
    look(unit.site)

    with pytest.raises(BadInput) as refusal:
        alerts.acknowledge(alert_id=Alert.objects.get().pk, actor=holder(unit.site), now=NOON, **said)  # type: ignore[arg-type]

    assert refusal.value.field == field


def test_a_closed_alert_takes_no_answer() -> None:
    unit = late(days=12)
    look(unit.site)
    unit.requirement.cancelled_at = NOON
    unit.requirement.save()
    look(unit.site)

    with pytest.raises(Conflict):
        alerts.acknowledge(alert_id=Alert.objects.get().pk, actor=holder(unit.site), now=NOON)


def test_who_may_not_see_the_site_finds_no_alert_and_a_viewer_may_not_answer() -> None:
    unit = late(days=12)
    look(unit.site)
    alert = Alert.objects.get()

    with pytest.raises(NotFound):
        alerts.acknowledge(alert_id=alert.pk, actor=holder(SiteFactory.create()), now=NOON)
    with pytest.raises(NotFound):
        alerts.acknowledge(alert_id=uuid4(), actor=holder(unit.site), now=NOON)
    with pytest.raises(NotPermitted):
        alerts.acknowledge(alert_id=alert.pk, actor=holder(unit.site, Role.VIEWER), now=NOON)


# -- many at once ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_ten_looks_on_ten_connections_write_exactly_what_one_does() -> None:
    site = SiteFactory.create(code="SYD1")
    buyer = assigned(site)
    expected = set()
    for number in range(12):
        days = (-40, 3, 9, 31)[number % 4]
        unit = late(site, days=days, tag=f"CH-{number:02}")
        if days > 0:
            expected.add((unit.requirement.pk, {3: 1, 9: 7, 31: 30}[days]))

    at_once(10, lambda number: look(site, now=timezone.now()))

    events = AlertEvent.objects.values_list("alert__subject_id", "band", "kind")
    assert {(subject, band) for subject, band, _kind in events} == expected
    assert (len(events), Alert.objects.count()) == (len(expected), len(expected))
    items = NotificationItem.objects.values_list("recipient", "notification")
    assert (len(items), set(items)) == (len(expected), {(buyer.pk, items[0][1])})


@pytest.mark.django_db(transaction=True)
def test_without_the_queue_the_constraints_alone_keep_an_alert_single(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "hold_site", lambda scope: None)
    site = SiteFactory.create(code="SYD1")
    assigned(site)
    for number in range(6):
        late(site, days=12, tag=f"CH-{number:02}")

    at_once(8, lambda number: look(site, now=timezone.now()))

    assert Alert.objects.count() == AlertEvent.objects.count() == NotificationItem.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_a_look_inside_a_write_that_fails_leaves_nothing() -> None:
    unit = late(days=12)
    assigned(unit.site)

    @transaction.atomic
    def write() -> None:
        look(unit.site)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write()

    assert not Alert.objects.exists()
    assert not NotificationItem.objects.exists()


@pytest.mark.parametrize("units", [1, 3])
def test_the_look_takes_as_many_queries_for_three_as_for_one(units: int, django_assert_num_queries: object) -> None:
    site = SiteFactory.create(code="SYD1")
    assigned(site)
    for number in range(units):
        late(site, days=12, tag=f"CH-{number}")
    look(site)

    with django_assert_num_queries(19):  # type: ignore[operator]
        look(site)
