import threading
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pghistory.models
import pytest
from django.apps import apps
from django.db import connection, connections
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from procurement.domain.order_document import LineDocument, OrderDocument, ScheduleDocument
from procurement.gateways import wake
from procurement.models import (
    Alert,
    Allocation,
    DeliveryLot,
    ExternalRef,
    LotForecast,
    OrderLine,
    PurchaseOrder,
    Receipt,
    RequirementForecast,
    ScheduleLine,
)
from procurement.services import lots
from procurement.services.orders import OrderNumberTaken, Upserted
from procurement.vocabulary import CommercialStatus, LineStatus, OrderKind, Rule
from sites.accounts.models import AuditEvent
from sites.accounts.permissions import Role
from sites.domain import imprecise
from sites.domain.errors import BadInput, NotFound, NotPermitted
from sites.models import Baseline, Milestone, Promise
from sites.vocabulary import Precision, ScopeKind
from tests.factories.accounts import UserFactory
from tests.factories.procurement import (
    AllocationFactory,
    CompanyFactory,
    EquipmentClassFactory,
    PlantFactory,
    RequirementFactory,
)
from tests.factories.sites import MembershipFactory
from tests.procurement.services.order_documents import NOON, World, document, line, make_world, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def codes(done: Upserted) -> list[str]:
    return [warning.code for warning in done.warnings]


def rows_of_order() -> tuple[int, ...]:
    return tuple(
        model.objects.count()
        for model in (PurchaseOrder, OrderLine, ScheduleLine, DeliveryLot, Milestone, Baseline, Promise, ExternalRef)
    )


# -- creating ----------------------------------------------------------------------------------------------------


def test_a_new_order_is_created_whole(world: World) -> None:
    done = put(world, document())

    order = PurchaseOrder.objects.get()
    assert (done.result, done.order.pk, order.number, order.version) == ("created", order.pk, "4500016221", 1)
    assert (order.commercial_status, order.incoterm, order.document_version) == ("issued", "DAP", "1")
    row = ScheduleLine.objects.get()
    assert (row.number, row.quantity, row.contract_on, row.site) == (1, Decimal(4), date(2027, 7, 19), world.sydney)
    assert DeliveryLot.objects.get().quantity == Decimal(4)
    assert LotForecast.objects.get(current=True).forecast_on is not None


def test_a_lot_copies_the_chain_of_its_class(world: World) -> None:
    put(world, document())

    steps = {step.code: step for step in Milestone.objects.select_related("calendar").order_by("sequence")}
    assert list(steps) == [
        "PO_ISSUED", "SUBMITTAL_IN", "SUBMITTAL_APPROVED", "RTM", "FAT_PASS", "RTS", "ARRIVED_PORT",
        "IMPORT_CLEARED", "ON_SITE",
    ]  # fmt: skip
    assert steps["PO_ISSUED"].actual_on == date(2026, 8, 3)
    calendar = steps["RTS"].calendar
    assert calendar is not None
    assert (calendar.code, steps["ON_SITE"].calendar) == ("JP", None)


def test_the_first_baseline_runs_back_from_the_contract_date(world: World) -> None:
    put(world, document())

    dates = Baseline.objects.get().dates
    assert (dates["ON_SITE"], dates["IMPORT_CLEARED"], dates["RTS"]) == ("2027-07-19", "2027-07-12", "2027-06-07")


def test_the_contract_date_of_an_ex_works_order_is_that_of_ready_to_ship(world: World) -> None:
    put(world, document(incoterm="FCA"))

    assert ScheduleLine.objects.get().contract_step == "RTS"
    assert Baseline.objects.get().dates["RTS"] == "2027-07-19"
    assert Baseline.objects.get().dates["ON_SITE"] > "2027-07-19"


def test_an_unknown_delivery_term_is_kept_as_sent(world: World) -> None:
    done = put(world, document(incoterm="Franco Hof"))

    order = PurchaseOrder.objects.get()
    assert (order.incoterm, order.incoterm_text, codes(done)) == ("", "Franco Hof", ["unknown_incoterm"])
    assert ScheduleLine.objects.get().contract_step_assumed


def test_a_line_has_its_own_schedule_lines(world: World) -> None:
    schedules = (
        ScheduleDocument(1, quantity=Decimal(1), field="lines/0/schedules/0"),
        ScheduleDocument(
            2, quantity=Decimal(3), site="TYO1", contract_on=date(2027, 9, 6), field="lines/0/schedules/1"
        ),
    )
    put(world, document(line(schedules=schedules)))

    rows = ScheduleLine.objects.order_by("number").values_list("number", "quantity", "site__code", "contract_on")
    assert list(rows) == [
        (1, Decimal(1), "SYD1", date(2027, 7, 19)),
        (2, Decimal(3), "TYO1", date(2027, 9, 6)),
    ]


def test_a_draft_has_a_plan_and_no_actual(world: World) -> None:
    put(world, document(status=CommercialStatus.DRAFT, issued_on=date(2027, 1, 11)))

    issued = Milestone.objects.get(code="PO_ISSUED")
    assert (issued.actual_on, issued.planned_on) == (None, date(2027, 1, 11))

    put(world, document(status=CommercialStatus.ISSUED, issued_on=date(2026, 11, 19), version=2))
    issued.refresh_from_db()
    assert (issued.actual_on, issued.planned_on) == (date(2026, 11, 19), None)


def test_the_codes_of_the_sender_are_understood(world: World) -> None:
    company = CompanyFactory.create()
    for kind, name, key in (("company", "0000100234", company.pk), ("site", "1710", world.tokyo.pk)):
        ExternalRef.objects.create(system="SAP-PRD", kind=kind, external_id=name, subject_id=key)

    put(world, document(line(plant="KITA/OSAKA"), vendor="0000100234", site="1710"))

    assert PurchaseOrder.objects.get().seller == company
    assert ScheduleLine.objects.get().site == world.tokyo


def test_a_call_off_names_its_frame_order(world: World) -> None:
    put(world, document(kind=OrderKind.FRAME), external_id="FRAME-1")
    put(world, document(kind=OrderKind.CALL_OFF, parent="FRAME-1"), external_id="CALL-1")

    parent = PurchaseOrder.objects.get(number="CALL-1").parent
    assert parent is not None
    assert parent.number == "FRAME-1"


def test_writing_an_order_leaves_an_audit_event_and_wakes_the_workers(world: World) -> None:
    asked: list[str] = []
    wake.wire(lambda: asked.append("look"))
    try:
        with TestCase.captureOnCommitCallbacks(execute=True):
            put(world, document(), request_id="req-1")
    finally:
        wake.wire(None)

    event = AuditEvent.objects.get(verb="order.created")
    assert (event.actor, event.request_id, event.facts["external_id"]) == (world.erp, "req-1", "4500016221")
    assert asked == ["look"]


# -- unchanged, stale, dry -----------------------------------------------------------------------------------------


def history_rows() -> int:
    events = [model for model in apps.get_models() if issubclass(model, pghistory.models.Event)]
    return sum(model._default_manager.count() for model in events)


@pytest.mark.django_db(transaction=True)
def test_an_unchanged_document_writes_nothing_of_the_order() -> None:
    world = make_world()
    put(world, document())
    before = (PurchaseOrder.objects.get().version, history_rows(), AuditEvent.objects.count())

    done = put(world, document(version=2))

    assert (done.result, done.changed) == ("unchanged", ())
    assert (PurchaseOrder.objects.get().version, history_rows(), AuditEvent.objects.count()) == before


def test_an_older_document_is_ignored(world: World) -> None:
    put(world, document(version=7))

    done = put(world, document(title="Late by post", version=6))

    assert (done.result, PurchaseOrder.objects.get().title) == ("stale_ignored", "")


def test_a_document_older_than_an_unchanged_one_is_ignored_too(world: World) -> None:
    put(world, document(version=5))
    put(world, document(version=7))

    assert put(world, document(title="Late by post", version=6)).result == "stale_ignored"


def test_versions_may_be_instants_of_any_zone(world: World) -> None:
    put(world, document(version="2026-11-20T14:30:00+09:00"))

    assert put(world, document(title="Older", version="2026-11-20T05:29:59Z")).result == "stale_ignored"
    assert put(world, document(title="Newer", version="2026-11-20T05:30:01Z")).result == "updated"
    with pytest.raises(BadInput) as refusal:
        put(world, document(title="Counted", version=8))
    assert refusal.value.field == "document_version"


def test_the_same_version_with_other_content_is_applied_and_told(world: World) -> None:
    put(world, document())

    done = put(world, document(title="Again"))

    assert (done.result, done.changed, codes(done)) == ("updated", ("title",), ["same_version"])


def test_a_dry_run_keeps_nothing(world: World) -> None:
    before = rows_of_order()

    done = put(world, document(), dry_run=True)

    assert (done.result, rows_of_order(), before) == ("created", before, before)
    assert not AuditEvent.objects.exists()


def test_a_dry_run_of_a_change_says_what_would_change(world: World) -> None:
    put(world, document())

    done = put(world, document(line(quantity=Decimal(5)), version=2), dry_run=True)

    assert done.changed == ("lines/10/schedules/1/quantity",)
    assert ScheduleLine.objects.get().quantity == 4
    assert put(world, document(version=1)).result == "unchanged"


def test_an_order_that_came_from_a_file_is_adopted_by_its_number(world: World) -> None:
    put(world, document(number="PO-1"), system="FILE", external_id="row-1")

    done = put(world, document(number="PO-1", title="From the ERP"))

    assert (done.result, codes(done)) == ("updated", ["adopted_by_number"])
    assert PurchaseOrder.objects.count() == 1


def test_a_number_belongs_to_one_order(world: World) -> None:
    put(world, document(number="PO-1"))

    with pytest.raises(OrderNumberTaken) as refusal:
        put(world, document(number="PO-1"), external_id="4500016222")
    assert refusal.value.field == "number"


# -- changing ------------------------------------------------------------------------------------------------------


def test_changes_are_named_by_line_number(world: World) -> None:
    put(world, document(line(10), line(20)))

    done = put(
        world,
        document(line(10), line(20, unit_price=Decimal("260000"), contract_on=date(2027, 8, 2)), line(30), version=2),
    )

    assert done.changed == ("lines/20/unit_price", "lines/20/schedules/1/contractual_date", "lines/30")


@pytest.mark.django_db(transaction=True)
def test_a_change_raises_the_version_once() -> None:
    world = make_world()
    put(world, document(line(10), line(20)))

    done = put(
        world,
        document(
            line(10, quantity=Decimal(5)),
            line(20, promise=imprecise.on_day(date(2027, 8, 16))),
            title="Chillers",
            version=2,
        ),
    )

    assert (done.order.version, PurchaseOrder.objects.get().version) == (2, 2)


def test_only_a_change_order_moves_a_baseline(world: World) -> None:
    put(world, document())

    done = put(world, document(line(contract_on=date(2027, 8, 2)), version=2))

    assert codes(done) == ["baseline_not_moved"]
    assert done.warnings[0].field == "lines/0/contractual_date"
    assert (ScheduleLine.objects.get().contract_on, Baseline.objects.count()) == (date(2027, 8, 2), 1)


def test_the_first_contract_date_makes_the_first_baseline(world: World) -> None:
    put(world, document(line(contract_on=None)))
    assert not Baseline.objects.exists()

    done = put(world, document(version=2))

    assert (codes(done), Baseline.objects.get().dates["ON_SITE"]) == ([], "2027-07-19")


def test_another_delivery_term_counts_the_contract_date_elsewhere(world: World) -> None:
    put(world, document())

    done = put(world, document(incoterm="FCA", version=2))

    assert (done.changed, codes(done)) == (("incoterm",), ["baseline_not_moved"])
    assert ScheduleLine.objects.get().contract_step == "RTS"


def test_absent_lines_are_kept_or_cancelled(world: World) -> None:
    put(world, document(line(10), line(20)))

    assert put(world, document(line(10), version=2)).result == "unchanged"
    done = put(world, document(line(10), version=3), lines_mode="replace")

    assert done.changed == ("lines/20/status", "lines/20/schedules/1/status")
    assert list(OrderLine.objects.order_by("number").values_list("status", flat=True)) == ["open", "cancelled"]
    assert LotForecast.objects.filter(current=True).count() == 1


def test_a_cancelled_line_that_comes_back_is_open_again(world: World) -> None:
    put(world, document())
    put(world, document(line(status=LineStatus.CANCELLED), version=2))
    assert not LotForecast.objects.filter(current=True).exists()

    put(world, document(line(status=LineStatus.OPEN), version=3))

    assert ScheduleLine.objects.get().status == "open"
    assert LotForecast.objects.filter(current=True).count() == 1


def test_a_cancelled_order_cancels_every_line(world: World) -> None:
    put(world, document(line(10), line(20)))

    put(world, document(line(10), status=CommercialStatus.CANCELLED, version=2))

    assert set(ScheduleLine.objects.values_list("status", flat=True)) == {"cancelled"}


def test_a_schedule_line_that_goes_to_another_site_frees_its_units(world: World) -> None:
    put(world, document())
    need = AllocationFactory.create(lot=DeliveryLot.objects.get()).requirement

    put(world, document(site="TYO1", version=2))

    lot = DeliveryLot.objects.select_related("chain__site").get()
    assert lot.chain.site == world.tokyo
    assert Allocation.objects.get().ended_at is not None
    assert not RequirementForecast.objects.get(requirement=need, current=True).ordered
    assert LotForecast.objects.get(current=True).lot == lot


def test_another_plant_brings_its_own_calendar(world: World) -> None:
    put(world, document())
    here = PlantFactory.create(code="LEEDS", calendar__code="GB")

    put(world, document(line(plant="LEEDS"), version=2))

    calendars = dict(Milestone.objects.values_list("code", "calendar__code"))
    assert calendars["RTS"] == "GB"
    assert not calendars["ON_SITE"]
    assert OrderLine.objects.get().plant == here


def test_a_line_keeps_its_class(world: World) -> None:
    put(world, document())
    EquipmentClassFactory.create(code="generator")

    with pytest.raises(BadInput) as refusal:
        put(world, document(line(equipment_class="generator"), version=2))
    assert refusal.value.field == "lines/0/equipment_class"


# -- the ERP is obeyed ---------------------------------------------------------------------------------------------


def test_more_units_grow_the_last_open_lot(world: World) -> None:
    put(world, document())
    lots.split(
        lot_id=DeliveryLot.objects.get().pk, quantity=Decimal(1), reason="Ships alone", actor=world.erp, now=NOON
    )

    put(world, document(line(quantity=Decimal(6)), version=2))

    assert list(DeliveryLot.objects.order_by("number").values_list("quantity", flat=True)) == [3, 3]


def arrive(lot: DeliveryLot) -> None:
    lot.chain.milestones.filter(code="ON_SITE").update(actual_on=date(2026, 11, 16))


def test_more_units_after_the_last_arrival_are_a_new_lot(world: World) -> None:
    put(world, document())
    arrive(DeliveryLot.objects.get())

    put(world, document(line(quantity=Decimal(5)), version=2))

    first, second = DeliveryLot.objects.order_by("number")
    assert (first.quantity, second.quantity, second.number) == (Decimal(4), Decimal(1), 2)
    assert second.chain.milestones.count() == 9


def allocate(world: World, tag: str, *, ros: date | None) -> Allocation:
    need = RequirementFactory.create(site=world.sydney, tag=tag, equipment_class__code="chiller", required_on_site=ros)
    return AllocationFactory.create(lot=DeliveryLot.objects.get(number=1), requirement=need)


def live_tags() -> list[str]:
    return sorted(Allocation.objects.filter(ended_at__isnull=True).values_list("requirement__tag", flat=True))


def recalculated(world: World) -> None:
    """The float of each requirement as the nightly run leaves it."""
    put(world, document(line(quantity=Decimal(5)), version=2))
    put(world, document(version=3))


def test_units_taken_back_leave_the_requirement_with_most_float_first(world: World) -> None:
    put(world, document())
    for tag, ros in (("CH-1", date(2027, 9, 1)), ("CH-2", date(2028, 3, 1)), ("CH-3", date(2027, 6, 1))):
        allocate(world, tag, ros=ros)
    recalculated(world)

    put(world, document(line(quantity=Decimal(2)), version=4))

    assert (DeliveryLot.objects.get().quantity, live_tags()) == (Decimal(2), ["CH-1", "CH-3"])
    ended = Allocation.objects.get(requirement__tag="CH-2")
    assert (ended.ended_at, ended.end_reason) == (NOON, "The ERP reduced the order.")
    assert not RequirementForecast.objects.get(requirement__tag="CH-2", current=True).ordered
    event = AuditEvent.objects.get(verb="order.reduced")
    assert [each["quantity"] for each in event.facts["released"]] == ["1.000"]


def test_whose_units_the_erp_took_is_told_once(world: World) -> None:
    put(world, document())
    for tag, ros in (("CH-1", date(2027, 9, 1)), ("CH-2", date(2028, 3, 1)), ("CH-3", date(2027, 6, 1))):
        allocate(world, tag, ros=ros)
    recalculated(world)

    put(world, document(line(quantity=Decimal(2)), version=4))

    alert = Alert.objects.get(rule="erp_disagreement")
    lost = Allocation.objects.get(requirement__tag="CH-2").requirement
    assert (alert.subject_kind, alert.subject_id, alert.lane, alert.state) == ("requirement", lost.pk, "urgent", "open")
    assert (alert.facts["units_lost"], alert.events.get().kind) == ("1.000", "band")


def test_a_requirement_without_a_required_date_gives_way_first(world: World) -> None:
    put(world, document())
    allocate(world, "CH-1", ros=date(2028, 9, 1))
    allocate(world, "CH-2", ros=None)
    recalculated(world)

    put(world, document(line(quantity=Decimal(1)), version=4))

    assert live_tags() == ["CH-1"]


def test_units_that_nobody_needs_vanish_first(world: World) -> None:
    put(world, document())
    allocate(world, "CH-1", ros=date(2027, 9, 1))

    put(world, document(line(quantity=Decimal(1)), version=2))

    assert live_tags() == ["CH-1"]
    assert not AuditEvent.objects.filter(verb="order.reduced").exists()


def test_lots_shrink_from_the_last_and_an_emptied_one_stays(world: World) -> None:
    put(world, document())
    lots.split(
        lot_id=DeliveryLot.objects.get().pk, quantity=Decimal(1), reason="Ships alone", actor=world.erp, now=NOON
    )

    put(world, document(line(quantity=Decimal(2)), version=2))

    assert list(DeliveryLot.objects.order_by("number").values_list("quantity", flat=True)) == [2, 0]
    assert LotForecast.objects.filter(current=True).values_list("lot__number", flat=True).get() == 1


def test_the_quantity_never_goes_below_what_was_received(world: World) -> None:
    put(world, document())
    lot = DeliveryLot.objects.get()
    kept = Receipt.objects.create(lot=lot, quantity=Decimal(3), received_on=date(2026, 11, 16))
    mistake = Receipt.objects.create(lot=lot, quantity=Decimal(1), received_on=date(2026, 11, 16))
    Receipt.objects.create(lot=lot, quantity=Decimal(1), received_on=date(2026, 11, 17), reverses=mistake)

    done = put(world, document(line(quantity=Decimal(1)), version=2))

    assert (ScheduleLine.objects.get().quantity, codes(done)) == (kept.quantity, ["below_received"])
    assert put(world, document(line(quantity=Decimal(1)), version=3)).result == "unchanged"


def test_a_cancelled_line_ends_the_allocations_of_what_has_not_arrived(world: World) -> None:
    put(world, document())
    allocate(world, "CH-1", ros=date(2027, 9, 1))
    lots.split(
        lot_id=DeliveryLot.objects.get().pk, quantity=Decimal(3), reason="Ships later", actor=world.erp, now=NOON
    )
    arrive(DeliveryLot.objects.get(number=1))
    later = RequirementFactory.create(site=world.sydney, tag="CH-2", equipment_class__code="chiller")
    AllocationFactory.create(lot=DeliveryLot.objects.get(number=2), requirement=later)

    put(world, document(line(status=LineStatus.CANCELLED), version=2))

    assert live_tags() == ["CH-1"]
    assert Allocation.objects.get(requirement=later).end_reason == "The ERP cancelled the line."


# -- promises ------------------------------------------------------------------------------------------------------


def promised(value: str, precision: Precision = Precision.DAY) -> LineDocument:
    return line(promise=imprecise.read(value, precision))


def test_a_promised_date_goes_into_the_ledger(world: World) -> None:
    done = put(world, document(promised("2027-08-16")))

    promise = Promise.objects.select_related("milestone").get()
    assert (promise.milestone.code, promise.counts_on, promise.source) == ("ON_SITE", date(2027, 8, 16), "erp")
    assert (promise.document, promise.stated_on) == ("SAP-PRD 4500016221 v1", date(2026, 11, 20))
    assert LotForecast.objects.get(current=True).promised_on == date(2027, 8, 16)
    assert done.result == "created"


def test_alerts_are_looked_at_once_the_promise_is_written(world: World) -> None:
    """Without the promise that the same document brings, the lot would be a day late."""
    put(world, document())
    by_durations = LotForecast.objects.get(current=True).forecast_on
    assert by_durations is not None
    allocate(world, "CH-1", ros=by_durations - timedelta(days=1))
    promise = imprecise.on_day(by_durations - timedelta(days=3))

    put(world, document(line(quantity=Decimal(5), promise=promise), version=2))

    assert LotForecast.objects.get(current=True).float_days == 2
    assert not Alert.objects.filter(rule=Rule.LATE_FORECAST).exists()


def test_a_promise_is_news_once(world: World) -> None:
    put(world, document(promised("2027-W33", Precision.WEEK)))

    assert put(world, document(promised("2027-W33", Precision.WEEK), version=2)).result == "unchanged"
    done = put(world, document(promised("2027-W35", Precision.WEEK), version=3))

    assert done.changed == ("lines/10/schedules/1/promised_date",)
    assert list(Promise.objects.order_by("place").values_list("value", flat=True)) == ["2027-W33", "2027-W35"]


# -- refusals ------------------------------------------------------------------------------------------------------


def schedules(*numbers: int, **said: object) -> tuple[ScheduleDocument, ...]:
    return tuple(
        ScheduleDocument(number, quantity=Decimal(2), field=f"lines/0/schedules/{place}", **said)  # type: ignore[arg-type]
        for place, number in enumerate(numbers)
    )


REFUSED: list[tuple[str, Callable[[], OrderDocument]]] = [
    ("currency", lambda: document(currency="XXX")),
    ("currency", lambda: document(currency="DEM")),
    ("vendor", lambda: document(vendor="NOBODY")),
    ("site", lambda: document(site="NOWHERE")),
    ("lines", lambda: OrderDocument(vendor="KITA", currency="AUD", lines=(), site="SYD1")),
    ("lines/0/quantity", lambda: document(line(quantity=Decimal("-1")))),
    ("lines/0/quantity", lambda: document(line(quantity=Decimal(0)))),
    ("lines/0/quantity", lambda: document(line(quantity=Decimal("NaN")))),
    ("lines/0/quantity", lambda: document(line(quantity=Decimal("Infinity")))),
    ("lines/0/quantity", lambda: document(line(quantity=Decimal("1.0001"), unit="M"))),
    ("lines/0/quantity", lambda: document(line(quantity=Decimal("1.5")))),
    ("lines/0/quantity", lambda: document(line(quantity=None))),
    ("lines/0/quantity", lambda: document(line(quantity=Decimal(5), schedules=schedules(1, 2)))),
    ("lines/0/unit_price", lambda: document(line(unit_price=Decimal("1.00001")))),
    ("lines/0/unit_price", lambda: document(line(unit_price=Decimal("1.001")), currency="JPY")),
    ("lines/0/unit_price", lambda: document(line(unit_price=Decimal(-1)))),
    ("total_amount", lambda: document(total_amount=Decimal("1.001"))),
    ("total_amount", lambda: document(total_amount=Decimal("0.5"), currency="JPY")),
    ("total_amount", lambda: document(total_amount=Decimal("NaN"))),
    ("lines/1/line_number", lambda: document(line(10), line(10, field="lines/1"))),
    ("lines/0/line_number", lambda: document(line(0, field="lines/0"))),
    ("lines/0/schedules/1/schedule_number", lambda: document(line(quantity=None, schedules=schedules(1, 1)))),
    ("lines/0/schedules/0/site", lambda: document(line(quantity=None, schedules=schedules(1, site="NOWHERE")))),
    ("lines/0/contractual_date", lambda: document(line(contract_on=date(9999, 1, 1)))),
    ("issued_on", lambda: document(issued_on=date(1999, 12, 31))),
    ("issued_on", lambda: document(issued_on=NOON.date() + timedelta(days=3))),
    ("title", lambda: document(title="Chillers\x00")),
    ("lines/0/description", lambda: document(line(description="Chillers\x1b[31m"))),
    ("lines/0/description", lambda: document(line(description="\ud800"))),
    ("lines/0/description", lambda: document(line(description="x" * 301))),
    ("lines/0/equipment_class", lambda: document(line(equipment_class="submarine"))),
    ("lines/0/equipment_class", lambda: document(line(equipment_class=None))),
    ("lines/0/plant", lambda: document(line(plant="MARS"))),
    ("damages_unit", lambda: document(damages_rate_percent=Decimal("0.5"))),
    ("damages_rate_percent", lambda: document(damages_rate_percent=Decimal(101))),
    ("notice_days", lambda: document(notice_days=-1)),
    ("parent", lambda: document(kind=OrderKind.CALL_OFF, parent="NONE")),
    ("document_version", lambda: document(version="yesterday")),
    ("document_version", lambda: document(version="2026-11-20T14:30:00")),
]


@pytest.mark.parametrize(("field", "sent"), REFUSED)
def test_a_refusal_names_its_field_and_stores_nothing(
    world: World, field: str, sent: Callable[[], OrderDocument]
) -> None:
    before = rows_of_order()

    with pytest.raises(BadInput) as refusal:
        put(world, sent())

    assert (refusal.value.field, rows_of_order()) == (field, before)


def test_a_plant_code_that_two_companies_share_is_ambiguous(world: World) -> None:
    for _each in range(2):
        PlantFactory.create(code="WEST")

    with pytest.raises(BadInput) as refusal:
        put(world, document(line(plant="WEST")))
    assert refusal.value.field == "lines/0/plant"


def test_a_contract_date_too_near_the_edge_of_time_is_refused(world: World) -> None:
    with pytest.raises(BadInput) as refusal:
        put(world, document(line(contract_on=date(2000, 1, 5))))
    assert refusal.value.field == "lines/0/contractual_date"


# -- rights --------------------------------------------------------------------------------------------------------


def of_sydney(world: World, role: Role = Role.ERP_CLIENT) -> World:
    person = UserFactory.create(machine=True)
    MembershipFactory.create(person=person, role=role, scope=ScopeKind.SITE, site=world.sydney)
    return World(sydney=world.sydney, tokyo=world.tokyo, erp=person)


def test_a_site_out_of_sight_is_an_unknown_site(world: World) -> None:
    with pytest.raises(BadInput) as unknown:
        put(of_sydney(world), document(site="NOWHERE"))
    with pytest.raises(BadInput) as hidden:
        put(of_sydney(world), document(site="TYO1"))
    assert (hidden.value.field, hidden.value.message) == ("site", unknown.value.message.replace("NOWHERE", "TYO1"))


def test_an_order_out_of_sight_is_not_found(world: World) -> None:
    put(world, document(site="TYO1"))

    with pytest.raises(NotFound):
        put(of_sydney(world), document(version=2))


def test_writing_needs_the_right_at_every_site_touched(world: World) -> None:
    with pytest.raises(NotPermitted):
        put(of_sydney(world, Role.EXPEDITER), document())
    assert not PurchaseOrder.objects.exists()


def test_the_header_is_shared_by_every_site(world: World) -> None:
    put(world, document(line(10), line(20, site="TYO1")))

    with pytest.raises(NotPermitted):
        put(of_sydney(world), document(line(10), title="Mine", version=2))
    assert put(of_sydney(world), document(line(10, quantity=Decimal(5)), version=2)).result == "updated"


def test_a_line_without_a_site_needs_the_portfolio(world: World) -> None:
    with pytest.raises(NotPermitted):
        put(of_sydney(world), document(line(site=None), site=None))
    done = put(world, document(line(site=None), site=None))
    assert (done.result, codes(done)) == ("created", ["site_missing"])


def test_what_is_added_without_a_site_goes_where_all_else_goes(world: World) -> None:
    put(world, document())
    more = ScheduleDocument(2, quantity=Decimal(2), field="lines/0/schedules/0")

    put(world, document(line(schedules=(more,), quantity=None), line(20), site=None, version=2))

    sites = ScheduleLine.objects.order_by("line__number", "number").values_list("line__number", "number", "site__code")
    assert list(sites) == [(10, 1, "SYD1"), (10, 2, "SYD1"), (20, 1, "SYD1")]


def test_what_is_added_to_an_order_of_several_sites_names_its_own(world: World) -> None:
    put(world, document(line(10), line(20, site="TYO1")))

    done = put(world, document(line(30), site=None, version=2))

    assert codes(done) == ["site_missing"]
    assert ScheduleLine.objects.get(line__number=30).site is None


# -- races and counts ----------------------------------------------------------------------------------------------


def at_once(*calls: Callable[[], Upserted]) -> list[str]:
    """What each call did or was refused with, all of them started together."""
    start = threading.Barrier(len(calls))
    told: list[str] = []

    def run(call: Callable[[], Upserted]) -> None:
        try:
            start.wait(timeout=10)
            told.append(call().result)
        except Exception as failure:
            told.append(type(failure).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=30)
    return sorted(told)


@pytest.mark.django_db(transaction=True)
def test_two_creators_of_one_number_under_two_ids_make_one_order() -> None:
    world = make_world()

    told = at_once(*(lambda name=name: put(world, document(number="PO-1"), external_id=name) for name in ("a", "b")))

    assert (told, PurchaseOrder.objects.count()) == (["OrderNumberTaken", "created"], 1)


@pytest.mark.django_db(transaction=True)
def test_two_creators_of_one_external_id_make_one_order() -> None:
    world = make_world()

    told = at_once(*[lambda: put(world, document(version=1))] * 4)

    assert told == ["created", "unchanged", "unchanged", "unchanged"]
    assert (PurchaseOrder.objects.count(), DeliveryLot.objects.count()) == (1, 1)


def test_three_lines_cost_as_many_queries_as_one(world: World) -> None:
    put(world, document(), external_id="warm")
    counts = []
    for name, sent in (("one", document()), ("three", document(line(10), line(20), line(30)))):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            put(world, sent, external_id=name)
        counts.append(len(queries))

    assert counts[0] == counts[1]
