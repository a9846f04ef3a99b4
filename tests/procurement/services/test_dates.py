"""One statement about an order: what is written, what moves, what is refused with nothing stored."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import transaction

from procurement.domain.revision import DateRevision
from procurement.gateways import wake
from procurement.models import DeliveryLot, ForecastRun, LotForecast, PurchaseOrder
from procurement.services import dates, lots
from procurement.services.forecasts import Moved
from procurement.vocabulary import RevisionKind
from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from sites.domain.imprecise import TBD, on_day, read
from sites.models import Promise
from sites.vocabulary import Precision, PromiseSource
from tests.factories.procurement import AllocationFactory, DeliveryLotFactory, RequirementFactory
from tests.factories.sites import MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
STATED_ON = date(2026, 11, 19)
PROMISE = DateRevision(RevisionKind.PROMISE, 10, on_day(date(2027, 12, 1)), field="revisions/0")


@pytest.fixture
def expediter() -> User:
    return MembershipFactory.create(role=Role.EXPEDITER).person


@pytest.fixture
def lot() -> DeliveryLot:
    """Ordered on 3 August 2026, DAP, released to manufacture: nothing in its past is open."""
    lot = DeliveryLotFactory.create(actuals={"PO_ISSUED": date(2026, 8, 3), "RTM": date(2026, 10, 16)})
    AllocationFactory.create(lot=lot)
    return lot


def order_of(lot: DeliveryLot) -> PurchaseOrder:
    return lot.schedule_line.line.order


def record(lot: DeliveryLot, actor: User, *revisions: DateRevision, stated_on: date = STATED_ON) -> dates.Recorded:
    with transaction.atomic():
        return dates.record(
            order_id=order_of(lot).pk,
            revisions=revisions,
            stated_on=stated_on,
            source=PromiseSource.EMAIL,
            document="Mail of 19 November",
            actor=actor,
            now=NOW,
            request_id="r-1",
        )


def ledger(lot: DeliveryLot) -> list[tuple[str, int, str, date | None, date | None]]:
    rows = Promise.objects.filter(milestone__chain=lot.chain_id).order_by("milestone__sequence", "place")
    return [(row.milestone.code, row.place, row.value, row.counts_on, row.conditional_on) for row in rows]


def test_a_promise_without_a_step_speaks_for_the_contract_step(lot: DeliveryLot, expediter: User) -> None:
    recorded = record(lot, expediter, PROMISE)

    assert [(code, value) for code, _, value, _, _ in ledger(lot)] == [("ON_SITE", "2027-12-01")]
    assert (recorded.lot_ids, len(recorded.promise_ids)) == ((lot.pk,), 1)
    assert LotForecast.objects.get(lot=lot, current=True).forecast_on == date(2027, 12, 1)


def test_a_promise_is_kept_with_who_when_from_what_and_why(lot: DeliveryLot, expediter: User) -> None:
    said = replace(PROMISE, reason_code="sub_supplier", responsible="vendor", note="Core steel late")

    recorded = record(lot, expediter, said)

    row = Promise.objects.get()
    assert (
        row.stated_on, row.recorded_at, row.recorded_by, row.source, row.document, row.reason_code, row.responsible,
        row.note, row.precision, row.statement_id,
    ) == (
        STATED_ON, NOW, expediter, "email", "Mail of 19 November", "sub_supplier", "vendor", "Core steel late", "day",
        recorded.statement_id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, ("not_stated", "carrier")),
        ({"milestone": "SUBMITTAL_APPROVED"}, ("not_stated", "owner")),
        ({"milestone": "SUBMITTAL_APPROVED", "reason_code": "sub_supplier"}, ("sub_supplier", "vendor")),
        ({"reason_code": "customs"}, ("customs", "customs")),
        ({"reason_code": "force_majeure"}, ("force_majeure", "carrier")),
        ({"reason_code": "customs", "responsible": "site"}, ("customs", "site")),
        ({"responsible": "owner"}, ("not_stated", "owner")),
    ],
)
def test_who_moved_it_is_who_was_named_else_whose_reason_else_whose_step_it_is(
    lot: DeliveryLot, expediter: User, given: dict[str, str], kept: tuple[str, str]
) -> None:
    record(lot, expediter, replace(PROMISE, **given))  # type: ignore[arg-type]

    assert Promise.objects.values_list("reason_code", "responsible").get() == kept


def test_a_step_written_again_keeps_why_and_who(lot: DeliveryLot, expediter: User) -> None:
    record(lot, expediter, replace(PROMISE, reason_code="capacity", responsible="vendor"))

    record(lot, expediter, replace(PROMISE, milestone="FAT_PASS", said=on_day(date(2027, 10, 1))))

    again = Promise.objects.get(milestone__code="ON_SITE", supersedes__isnull=False)
    assert (again.reason_code, again.responsible) == ("capacity", "vendor")


def test_a_promise_moves_the_forecast_and_says_from_where_to_where(lot: DeliveryLot, expediter: User) -> None:
    record(lot, expediter, PROMISE)

    moved = record(lot, expediter, replace(PROMISE, said=on_day(date(2028, 2, 1)))).moved

    requirement = lot.allocations.get().requirement
    assert moved == (
        Moved("lot", lot.pk, f"{lot}", date(2027, 12, 1), date(2028, 2, 1)),
        Moved("requirement", requirement.pk, requirement.tag, date(2027, 12, 1), date(2028, 2, 1)),
    )


def test_a_statement_is_conditional_on_the_step_before_as_it_leaves_it(lot: DeliveryLot, expediter: User) -> None:
    later = replace(PROMISE, milestone="RTS", said=on_day(date(2027, 10, 1)))
    sooner = replace(PROMISE, milestone="FAT_PASS", said=on_day(date(2027, 9, 1)), conditional_on=date(2027, 1, 15))

    record(lot, expediter, later, sooner)

    assert ledger(lot) == [
        ("FAT_PASS", 1, "2027-09-01", date(2027, 9, 1), date(2027, 1, 15)),
        ("RTS", 1, "2027-10-01", date(2027, 10, 1), date(2027, 9, 1)),
    ]


def test_a_step_added_to_a_statement_later_writes_its_later_steps_again(lot: DeliveryLot, expediter: User) -> None:
    record(lot, expediter, replace(PROMISE, milestone="RTS", said=on_day(date(2027, 10, 1)), note="as mailed"))

    record(lot, expediter, replace(PROMISE, milestone="FAT_PASS", said=on_day(date(2027, 9, 1))))

    rows = Promise.objects.filter(milestone__code="RTS").order_by("place")
    assert [(row.place, row.conditional_on, row.supersedes_id, row.note) for row in rows][1] == (
        2, date(2027, 9, 1), rows[0].pk, "as mailed",
    )  # fmt: skip


def test_an_imprecise_promise_counts_at_the_end_of_its_period(lot: DeliveryLot, expediter: User) -> None:
    record(lot, expediter, replace(PROMISE, said=read("2027-W48", Precision.WEEK)))

    assert ledger(lot)[0][2:4] == ("2027-W48", date(2027, 12, 5))


def test_to_be_decided_never_withdraws_a_dated_promise(lot: DeliveryLot, expediter: User) -> None:
    record(lot, expediter, PROMISE)

    record(lot, expediter, replace(PROMISE, said=TBD), stated_on=date(2026, 11, 20))

    row = LotForecast.objects.get(lot=lot, current=True)
    assert (row.forecast_on, row.steps[-1]["flags"]) == (date(2027, 12, 1), ["tbd"])


def test_an_actual_is_set_with_who_recorded_it(lot: DeliveryLot, expediter: User) -> None:
    record(lot, expediter, DateRevision(RevisionKind.ACTUAL, 10, on_day(date(2026, 9, 2)), milestone="SUBMITTAL_IN"))

    row = lot.chain.milestones.get(code="SUBMITTAL_IN")
    assert (row.actual_on, row.actual_recorded_at, row.actual_recorded_by, row.actual_document) == (
        date(2026, 9, 2), NOW, expediter, "Mail of 19 November",
    )  # fmt: skip


def test_a_lock_pins_a_date_until_it_is_released(lot: DeliveryLot, expediter: User) -> None:
    lock = DateRevision(RevisionKind.LOCK, 10, on_day(date(2028, 1, 10)), note="Crane is booked")
    record(lot, expediter, PROMISE, lock)
    pinned = LotForecast.objects.get(lot=lot, current=True)

    record(lot, expediter, DateRevision(RevisionKind.RELEASE, 10, None, note="Crane cancelled"))

    assert AuditEvent.objects.latest("pk").facts["released"] == ["Crane cancelled"]
    freed = LotForecast.objects.get(lot=lot, current=True)
    assert [(row.forecast_on, row.driver) for row in (pinned, freed)] == [
        (date(2028, 1, 10), "locked"),
        (date(2027, 12, 1), "promise"),
    ]


@pytest.mark.parametrize("rest", [Decimal(2), None], ids=["said", "the rest"])
def test_two_partial_promises_of_one_line_are_about_different_units(rest: Decimal | None, expediter: User) -> None:
    lot = DeliveryLotFactory.create(quantity=Decimal(4), actuals={"PO_ISSUED": date(2026, 8, 3)})
    lots.split(lot_id=lot.pk, quantity=Decimal(2), reason="Two ships", actor=expediter, now=NOW)
    early, late = date(2027, 12, 1), date(2028, 2, 1)

    record(
        lot,
        expediter,
        replace(PROMISE, said=on_day(early), quantity=Decimal(2)),
        replace(PROMISE, said=on_day(late), quantity=rest),
    )

    said = {each.number: [row[2] for row in ledger(each)] for each in DeliveryLot.objects.order_by("number")}
    assert said == {1: ["2027-12-01"], 2: ["2028-02-01"]}


def test_more_partial_promises_than_units_are_refused(expediter: User) -> None:
    lot = DeliveryLotFactory.create(quantity=Decimal(4), actuals={"PO_ISSUED": date(2026, 8, 3)})
    three, two = (replace(PROMISE, quantity=Decimal(units)) for units in (3, 2))

    with pytest.raises(BadInput, match=r"2 is more than is open \(1\)\."):
        record(lot, expediter, three, two)


def test_a_partial_promise_splits_the_lot_with_its_ledger(expediter: User) -> None:
    lot = DeliveryLotFactory.create(quantity=Decimal(4), actuals={"PO_ISSUED": date(2026, 8, 3)})
    first, second = (
        RequirementFactory.create(
            site=lot.schedule_line.site, equipment_class=lot.schedule_line.line.equipment_class, quantity=Decimal(2),
            required_on_site=day,
        )
        for day in (date(2027, 12, 1), date(2028, 3, 1))
    )  # fmt: skip
    for requirement in (first, second):
        AllocationFactory.create(lot=lot, requirement=requirement, quantity=Decimal(2))
    record(lot, expediter, PROMISE)

    record(lot, expediter, replace(PROMISE, said=on_day(date(2028, 2, 1)), quantity=Decimal(1)))

    new = DeliveryLot.objects.get(copied_from=lot)
    lot.refresh_from_db()
    assert (lot.quantity, new.quantity, new.number) == (Decimal(3), Decimal(1), 2)
    assert [row[2] for row in ledger(lot)] == ["2027-12-01"]
    assert [row[2] for row in ledger(new)] == ["2027-12-01", "2028-02-01"]
    assert new.chain.milestones.get(code="PO_ISSUED").actual_on == date(2026, 8, 3)
    live = {
        (each.lot, each.requirement): each.quantity
        for part in (lot, new) for each in part.allocations.filter(ended_at=None)
    }  # fmt: skip
    assert live == {(lot, first): Decimal(2), (lot, second): Decimal(1), (new, second): Decimal(1)}


def test_a_promise_without_a_quantity_speaks_for_all_open_lots(expediter: User) -> None:
    lot = DeliveryLotFactory.create(quantity=Decimal(2), actuals={"PO_ISSUED": date(2026, 8, 3)})
    new = lots.split(lot_id=lot.pk, quantity=Decimal(1), reason="Two ships", actor=expediter, now=NOW)

    record(lot, expediter, PROMISE)

    assert (len(ledger(lot)), len(ledger(new))) == (1, 1)


def test_a_retracted_promise_no_longer_counts(lot: DeliveryLot, expediter: User) -> None:
    first = record(lot, expediter, PROMISE, stated_on=date(2026, 11, 1)).promise_ids[0]
    second = record(lot, expediter, replace(PROMISE, said=on_day(date(2028, 2, 1)))).promise_ids[0]

    dates.retract(promise_id=second, reason="Meant for another order", actor=expediter, now=NOW)

    assert LotForecast.objects.get(lot=lot, current=True).steps[-1]["promise_id"] == str(first)


def test_a_statement_leaves_an_audit_event_a_run_and_one_wake_up(
    lot: DeliveryLot, expediter: User, django_capture_on_commit_callbacks: pytest.FixtureRequest
) -> None:
    asked: list[str] = []
    wake.wire(lambda: asked.append("look"))
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            recorded = record(lot, expediter, PROMISE)
    finally:
        wake.wire(None)

    event, run = AuditEvent.objects.get(), ForecastRun.objects.get()
    assert (event.actor, event.verb, event.subject_id, event.request_id) == (
        expediter, "order.dates_recorded", str(order_of(lot).pk), "r-1",
    )  # fmt: skip
    assert (run.cause_key, run.actor, run.as_of) == (
        f"statement:{recorded.statement_id}",
        expediter,
        date(2026, 11, 20),
    )
    assert asked


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"line_number": 20}, "revisions/0/line_number"),
        ({"schedule_number": 7}, "revisions/0/schedule_number"),
        ({"lot_number": 9}, "revisions/0/lot_number"),
        ({"milestone": "L5_IST"}, "revisions/0/milestone"),
        ({"said": None}, "revisions/0/date"),
        ({"quantity": Decimal(5)}, "revisions/0/quantity"),
        ({"quantity": Decimal("-1")}, "revisions/0/quantity"),
        ({"quantity": Decimal("NaN")}, "revisions/0/quantity"),
        ({"kind": RevisionKind.ACTUAL, "said": read("2026-W40", Precision.WEEK)}, "revisions/0/date"),
        ({"kind": RevisionKind.ACTUAL, "said": on_day(date(2026, 11, 23))}, "revisions/0/date"),
        ({"kind": RevisionKind.LOCK}, "revisions/0/note"),
        ({"kind": RevisionKind.RELEASE, "said": None}, "revisions/0/milestone"),
        ({"kind": RevisionKind.RELEASE}, "revisions/0/date"),
    ],
)
def test_a_refused_revision_names_its_field_and_stores_nothing(
    lot: DeliveryLot, expediter: User, changed: dict[str, object], field: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        record(lot, expediter, replace(PROMISE, **changed))  # type: ignore[arg-type]

    assert refusal.value.field == field
    assert (ledger(lot), ForecastRun.objects.count(), AuditEvent.objects.count()) == ([], 0, 0)
    assert not lot.chain.milestones.exclude(code__in=["PO_ISSUED", "RTM"]).filter(actual_on__isnull=False).exists()


def test_one_bad_revision_leaves_the_good_ones_unwritten(lot: DeliveryLot, expediter: User) -> None:
    with pytest.raises(BadInput):
        record(lot, expediter, PROMISE, replace(PROMISE, line_number=20, field="revisions/1"))

    assert ledger(lot) == []


def test_nothing_is_stated_in_the_future(lot: DeliveryLot, expediter: User) -> None:
    with pytest.raises(BadInput) as refusal:
        record(lot, expediter, PROMISE, stated_on=date(2026, 11, 22))

    assert refusal.value.field == "stated_on"


def test_an_order_of_another_site_does_not_exist_for_a_stranger(lot: DeliveryLot) -> None:
    stranger = MembershipFactory.create(role=Role.EXPEDITER, site=SiteFactory.create()).person

    with pytest.raises(NotFound):
        record(lot, stranger, PROMISE)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER, Role.ENERGY_LEAD])
def test_a_reader_may_not_write_a_date(lot: DeliveryLot, role: Role) -> None:
    reader = MembershipFactory.create(role=role).person

    with pytest.raises(NotPermitted):
        record(lot, reader, PROMISE)

    assert ledger(lot) == []


def test_a_cancelled_line_takes_no_dates(lot: DeliveryLot, expediter: User) -> None:
    lot.schedule_line.line.status = "cancelled"
    lot.schedule_line.line.save()

    with pytest.raises(BadInput) as refusal:
        record(lot, expediter, PROMISE)

    assert refusal.value.field == "revisions/0/line_number"


@pytest.mark.parametrize("quantity", ["0", "1", "2", "-1", "NaN", "0.5"])
def test_a_split_leaves_units_on_both_sides(lot: DeliveryLot, expediter: User, quantity: str) -> None:
    with pytest.raises(BadInput) as refusal:
        lots.split(lot_id=lot.pk, quantity=Decimal(quantity), reason="x", actor=expediter, now=NOW)

    assert (refusal.value.field, DeliveryLot.objects.count()) == ("quantity", 1)


def test_a_lot_on_site_is_not_split(expediter: User) -> None:
    lot = DeliveryLotFactory.create(quantity=Decimal(2), actuals={"ON_SITE": date(2026, 11, 1)})

    with pytest.raises(Conflict):
        lots.split(lot_id=lot.pk, quantity=Decimal(1), reason="x", actor=expediter, now=NOW)
