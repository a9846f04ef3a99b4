"""Each rule of a site, from the tables to the alert: what raises it, and what does not."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.db.models.expressions import RawSQL

from procurement.models import Alert, AlertRuleSetting, Allocation, Requirement
from procurement.services import alerts, forecasts
from procurement.vocabulary import AlertState, Lane, Rule, RunCause, Severity
from sites.models import Milestone
from sites.vocabulary import GateKind, Precision
from tests.factories.procurement import (
    AlertRuleSettingFactory,
    BlockForecastFactory,
    ChainForecastFactory,
    EquipmentClassFactory,
    LotForecastFactory,
    PurchaseOrderFactory,
    RosAnchorFactory,
)
from tests.factories.sites import (
    BlockFactory,
    GateFactory,
    GridConnectionFactory,
    PromiseFactory,
    RetractionFactory,
    SiteFactory,
)
from tests.procurement.stage import NOON, REQUIRED_ON, TODAY, Late, late, look, move

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def unit() -> Late:
    """In time by seven weeks, ordered today."""
    return late(days=-50)


def stands(rule: Rule) -> Alert | None:
    return Alert.objects.filter(rule=rule, state=AlertState.OPEN).first()


def rules() -> set[str]:
    return set(Alert.objects.filter(state=AlertState.OPEN).values_list("rule", flat=True))


def step(unit: Late, code: str = "FAT_PASS") -> Milestone:
    return unit.lot.chain.milestones.get(code=code)


def next_step(unit: Late, code: str = "FAT_PASS", **said: object) -> None:
    unit.lot.forecasts.filter(current=True).update(next_code=code, steps=[{"code": code, **said}])


def test_a_unit_in_time_raises_nothing(unit: Late) -> None:
    assert look(unit.site).standing == 0


# -- float and slip ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("float_days", "is_told"), [(9, True), (10, False), (0, True)])
def test_float_below_the_buffer(float_days: int, is_told: bool) -> None:
    unit = late(days=-float_days)
    look(unit.site)

    assert (stands(Rule.LOW_FLOAT) is not None) == is_told


def test_a_buffer_set_for_a_class_at_a_site_reaches_as_far_as_it_says() -> None:
    unit = late(days=-40)
    other = late(unit.site, days=-40, tag="P-01", equipment_class=EquipmentClassFactory.create(code="pump"))
    AlertRuleSettingFactory.create(
        site=unit.site, equipment_class=unit.requirement.equipment_class, parameters={"buffer_days": 60}
    )
    look(unit.site)

    low = Alert.objects.get(rule=Rule.LOW_FLOAT)
    assert (low.subject_id, low.facts["buffer_days"]) == (unit.requirement.pk, 60)
    assert low.subject_id != other.requirement.pk


def test_a_rule_that_is_switched_off_recovers_and_stays_silent() -> None:
    unit = late(days=12)
    look(unit.site)
    AlertRuleSetting.objects.create(rule=Rule.LATE_FORECAST, site=unit.site, parameters={"enabled": False})

    assert look(unit.site).recovered == 1
    assert rules() == set()


@pytest.mark.parametrize(("slip", "band"), [(6, None), (7, 7), (20, 14), (95, 90)])
def test_a_slip_against_the_contract_in_its_bands(unit: Late, slip: int, band: int | None) -> None:
    unit.lot.forecasts.filter(current=True).update(slip_days=slip)
    look(unit.site)

    found = stands(Rule.SLIP_GREW)
    assert (found.band if found else None) == band


def test_the_slip_of_a_late_unit_is_said_by_its_late_forecast() -> None:
    unit = late(days=12)
    unit.lot.forecasts.filter(current=True).update(slip_days=40, float_days=-12)
    look(unit.site)

    assert rules() == {Rule.LATE_FORECAST}


def test_a_large_move_that_uses_up_the_float_does_not_wait_for_the_digest(unit: Late) -> None:
    LotForecastFactory.create(lot=unit.lot, forecast_on=REQUIRED_ON - 5 * DAY)
    move(unit, -5)
    look(unit.site)

    low = stands(Rule.LOW_FLOAT)
    assert low is not None
    assert (low.lane, low.events.get().lane) == (Lane.DIGEST, Lane.URGENT)


# -- what vendors say --------------------------------------------------------------------------------------------


def test_a_vendor_who_says_nothing_for_two_weeks(unit: Late) -> None:
    order = unit.lot.schedule_line.line.order
    order.issued_on = date(2026, 11, 5)  # eleven working days before
    order.save()
    look(unit.site)

    silent = stands(Rule.VENDOR_SILENT)
    assert silent is not None
    assert (silent.subject_id, silent.facts["working_days_silent"], silent.facts["open_lots"]) == (
        order.seller_id, 11, 1,
    )  # fmt: skip


@pytest.mark.parametrize("stated_on", [date(2026, 11, 20), date(2026, 11, 9)])
def test_a_vendor_who_promised_something_lately_is_not_silent(unit: Late, stated_on: date) -> None:
    order = unit.lot.schedule_line.line.order
    order.issued_on = date(2026, 6, 1)
    order.save()
    PromiseFactory.create(milestone=step(unit), stated_on=stated_on)

    assert look(unit.site).standing == 0


def test_a_silent_vendor_at_one_site_may_be_heard_at_another(unit: Late) -> None:
    elsewhere = late(SiteFactory.create(code="TYO1"), days=-50)
    seller = unit.lot.schedule_line.line.order.seller
    for each in (unit, elsewhere):
        order = PurchaseOrderFactory.create(seller=seller, issued_on=date(2026, 6, 1))
        each.lot.schedule_line.line.order = order
        each.lot.schedule_line.line.save()
    PromiseFactory.create(milestone=step(elsewhere), stated_on=TODAY)
    look(unit.site)
    look(elsewhere.site)

    assert [row.site for row in Alert.objects.filter(rule=Rule.VENDOR_SILENT)] == [unit.site]


def test_a_vendor_that_says_to_be_decided_has_a_week(unit: Late) -> None:
    PromiseFactory.create(milestone=step(unit), tbd=True, stated_on=date(2026, 11, 13))
    look(unit.site, as_of=TODAY - DAY, now=NOON - DAY)
    assert rules() == set()

    look(unit.site)

    found = stands(Rule.PROMISE_TBD)
    assert found is not None
    assert (found.facts["milestone"], found.facts["working_days_waited"]) == ("FAT_PASS", 5)


def test_a_later_date_or_a_retraction_ends_to_be_decided(unit: Late) -> None:
    PromiseFactory.create(milestone=step(unit), tbd=True, stated_on=date(2026, 11, 2))
    dated = PromiseFactory.create(milestone=step(unit), stated_on=date(2026, 11, 16))
    look(unit.site)
    assert rules() == set()

    RetractionFactory.create(promise=dated)
    look(unit.site)

    assert rules() == {Rule.PROMISE_TBD}


@pytest.mark.parametrize(
    ("precision", "rule"), [(Precision.MONTH, Rule.PROMISE_TBD), (Precision.DAY, Rule.MILESTONE_OVERDUE)]
)
def test_a_promise_for_a_month_that_has_passed_asks_for_a_day(unit: Late, precision: Precision, rule: Rule) -> None:
    promise = PromiseFactory.create(
        milestone=step(unit), precision=precision, counts_on=date(2026, 11, 10), value="2026-11", stated_on=TODAY
    )
    next_step(unit, promise_counts_on="2026-11-10", promise_id=str(promise.pk))
    look(unit.site)

    found = stands(rule)
    assert found is not None
    assert (found.facts["days_late"], rules()) == (10, {rule})


# -- what sites do -----------------------------------------------------------------------------------------------


def test_a_date_that_the_site_pulls_forward(unit: Late) -> None:
    Requirement.objects.filter(pk=unit.requirement.pk).update(
        required_on_site=date(2027, 9, 1), ros_before_on=REQUIRED_ON, ros_pulled_on=TODAY
    )
    look(unit.site)
    pulled = stands(Rule.ROS_PULLED_FORWARD)
    assert pulled is not None
    assert (pulled.facts["days_pulled"], pulled.facts["pulled_from_on"]) == (19, "2027-09-20")

    look(unit.site, as_of=TODAY + 31 * DAY, now=NOON + 31 * DAY)

    pulled.refresh_from_db()
    assert pulled.state == AlertState.RECOVERED


def test_pulls_shortly_after_each_other_are_one(unit: Late) -> None:
    for fixed_on, as_of in ((date(2027, 9, 16), TODAY), (date(2027, 9, 12), TODAY + 3 * DAY)):
        Requirement.objects.filter(pk=unit.requirement.pk).update(ros_fixed_on=fixed_on)
        forecasts.recalculate(site_id=unit.site.pk, as_of=as_of, now=NOON, cause=RunCause.CHANGE, evaluate=False)

    row = Requirement.objects.get(pk=unit.requirement.pk)
    assert (row.required_on_site, row.ros_before_on, row.ros_pulled_on) == (
        date(2027, 9, 12), REQUIRED_ON, TODAY + 3 * DAY,
    )  # fmt: skip


def test_an_activity_that_vanished_from_the_schedule(unit: Late) -> None:
    RosAnchorFactory.create(
        requirement=unit.requirement, gate=None, project_code="BUILD", activity_code="A1000", lost_at=NOON
    )
    look(unit.site)

    found = stands(Rule.ANCHOR_LOST)
    assert found is not None
    assert (found.facts["activities"], found.told_role) == ("A1000", "site_lead")


def test_a_gate_whose_activity_vanished_from_the_schedule_and_came_back(unit: Late) -> None:
    block = BlockFactory.create(phase__site=unit.site, phase__code="P1", code="H1")
    gate = GateFactory.create(
        site=unit.site,
        phase=block.phase,
        block=block,
        kind=GateKind.RFS,
        project_code="BUILD",
        activity_code="A2000",
        followed_on=date(2027, 10, 5),
        lost_at=NOON,
    )
    look(unit.site)

    found = stands(Rule.ANCHOR_LOST)
    assert found is not None
    assert (found.subject_kind, found.subject_id, found.subject_text, found.told_role) == (
        "gate", gate.pk, "Ready for service P1/H1", "site_lead",
    )  # fmt: skip
    assert found.facts["activities"] == "A2000"

    type(gate).objects.filter(pk=gate.pk).update(lost_at=None)
    look(unit.site)

    found.refresh_from_db()
    assert found.state == AlertState.RECOVERED


# -- capacity and power ------------------------------------------------------------------------------------------


def test_a_block_that_is_ready_later_than_planned(unit: Late) -> None:
    block = BlockFactory.create(phase__site=unit.site, phase__code="P1", code="H1")
    BlockForecastFactory.create(
        block=block,
        rfs_baseline_on=date(2027, 12, 1),
        rfs_forecast_on=date(2027, 12, 20),
        mw_days_at_risk=Decimal("152.000"),
    )
    look(unit.site)

    hit = stands(Rule.RFS_HIT)
    assert hit is not None
    assert (hit.subject_text, hit.band, hit.severity, hit.facts["mw_days"]) == ("P1 H1", 14, Severity.CRITICAL, "152")


def test_a_grid_connection_that_is_energised_later_than_planned() -> None:
    connection = GridConnectionFactory.create(energisation_target_on=date(2027, 8, 1))
    ChainForecastFactory.create(chain=connection.chain, forecast_on=date(2027, 8, 11))
    look(connection.site)

    hit = stands(Rule.ENERGISATION_HIT)
    assert hit is not None
    assert (hit.subject_id, hit.facts["days_late"], hit.facts["mw_days"]) == (connection.pk, 10, "300")


def test_an_energised_gate_counts_where_there_is_no_connection(unit: Late) -> None:
    gate = GateFactory.create(site=unit.site, kind=GateKind.ENERGISED, planned_on=date(2027, 8, 1))
    ChainForecastFactory.create(chain=gate.chain, forecast_on=date(2027, 8, 11), slip_days=10)
    look(unit.site)
    assert rules() == {Rule.ENERGISATION_HIT}

    connection = GridConnectionFactory.create(site=unit.site, energisation_target_on=date(2027, 12, 1))
    ChainForecastFactory.create(chain=connection.chain, forecast_on=date(2027, 8, 11))
    look(unit.site)

    assert rules() == set()


# -- what the ERP took away --------------------------------------------------------------------------------------


def test_a_disagreement_ends_by_itself_once_the_units_are_back(unit: Late) -> None:
    allocation = Allocation.objects.get()
    Allocation.objects.update(ended_at=NOON, end_reason="The ERP reduced the order.")
    opened = alerts.disagree(
        requirements={unit.requirement.pk: Decimal(1)},
        order_number="4500016221",
        system="SAP-PRD",
        as_of=TODAY,
        now=NOON,
        cause_key="erp:1",
    )
    look(unit.site)
    alert = Alert.objects.get(rule=Rule.ERP_DISAGREEMENT)
    assert (opened, alert.state) == (1, AlertState.OPEN)

    Allocation.objects.create(lot=allocation.lot, requirement=unit.requirement, quantity=1)
    look(unit.site)
    alert.refresh_from_db()
    assert alert.state == AlertState.RECOVERED
    look(unit.site, now=NOON + 5 * DAY, as_of=TODAY + 5 * DAY)

    alert.refresh_from_db()
    assert (alert.state, alert.close_reason) == (AlertState.CLOSED, "recovered")


def test_a_disagreement_is_silent_where_its_rule_is_switched_off(unit: Late) -> None:
    Allocation.objects.update(ended_at=NOON, end_reason="The ERP reduced the order.")
    AlertRuleSettingFactory.create(rule=Rule.ERP_DISAGREEMENT, site=unit.site, parameters={"enabled": False})

    opened = alerts.disagree(
        requirements={unit.requirement.pk: Decimal(1)},
        order_number="4500016221",
        system="SAP-PRD",
        as_of=TODAY,
        now=NOON,
        cause_key="erp:1",
    )

    assert (opened, Alert.objects.count()) == (0, 0)


# -- only what changed is written --------------------------------------------------------------------------------


def test_only_alerts_whose_facts_changed_are_written(unit: Late) -> None:
    quiet, moving = late(unit.site, days=12, tag="CH-11"), late(unit.site, days=12, tag="CH-12")
    look(unit.site)
    before = place(quiet), place(moving)
    move(moving, 13)

    look(unit.site, now=NOON + timedelta(hours=2))

    assert (place(quiet) == before[0], place(moving) == before[1]) == (True, False)
    assert Alert.objects.get(subject_id=moving.requirement.pk).facts["days_late"] == 13


def place(unit: Late) -> str:
    """Where the row of this unit's alert lies: elsewhere after each time it is written."""
    found = Alert.objects.filter(subject_id=unit.requirement.pk)
    return str(found.values_list(RawSQL("procurement_alert.ctid::text", []), flat=True).get())


def test_history_keeps_what_became_of_an_alert_and_not_what_each_day_computes(unit: Late) -> None:
    moving = late(unit.site, days=12, tag="CH-12")
    look(unit.site)
    move(moving, 13)
    look(unit.site, now=NOON + timedelta(hours=2))
    move(moving, -50)
    look(unit.site, now=NOON + timedelta(hours=4))

    alert = Alert.objects.get(subject_id=moving.requirement.pk, rule=Rule.LATE_FORECAST)
    history = apps.get_model("procurement", "AlertHistory")
    kept = history._default_manager.filter(pgh_obj=alert).order_by("pgh_id").values_list("pgh_label", "state")
    assert list(kept) == [("insert", AlertState.OPEN), ("update", AlertState.RECOVERED)]
