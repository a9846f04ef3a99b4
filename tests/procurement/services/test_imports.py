"""A vendor's workbook, from its bytes to the ledger and back."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from procurement.domain.cells import DayOrder
from procurement.domain.revision import DateRevision
from procurement.models import ColumnMappingMemory, DeliveryLot, ForecastRun, ImportBatch, ImportRow, LotForecast
from procurement.queries.invariants import broken
from procurement.services import dates, forecasts, imports, shipments
from procurement.services.forecasts import local_date
from procurement.services.imports import Said
from procurement.vocabulary import ImportKind, ImportState, RevisionKind, RowOutcome, RunCause
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.domain.imprecise import on_day
from sites.models import Milestone, Promise, PromiseRetraction, Site
from sites.vocabulary import PromiseSource
from tests.factories.procurement import AllocationFactory, CompanyFactory, DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.workbooks import xlsx

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
STATED_ON = date(2026, 11, 19)
HEADER = ("PO No.", "Item", "Confirmed date", "Remarks")


@pytest.fixture
def expediter() -> User:
    return MembershipFactory.create(role=Role.EXPEDITER).person


def lots(count: int, number: str = "4500016221", site: Site | None = None) -> list[DeliveryLot]:
    """Lines 10, 20, 30 of one order, each of one lot."""
    order = PurchaseOrderFactory.create(number=number)
    site = site or SiteFactory.create()
    return [
        DeliveryLotFactory.create(
            site=site,
            schedule_line__line__order=order,
            schedule_line__line__number=10 * place,
            actuals={"PO_ISSUED": date(2026, 8, 3), "RTM": date(2026, 10, 16)},
        )
        for place in range(1, count + 1)
    ]


def stage(actor: User, *rows: Iterable[Any], kind: ImportKind = ImportKind.PROMISES, **more: Any) -> ImportBatch:
    return imports.stage(
        content=xlsx(*rows),
        file_name="status.xlsx",
        kind=kind,
        stated_on=STATED_ON,
        actor=actor,
        now=NOW,
        **more,
    )


def outcomes(batch: ImportBatch) -> list[tuple[int, str]]:
    return list(batch.rows.order_by("number").values_list("number", "outcome"))


def promised(lot: DeliveryLot) -> list[str]:
    live = Promise.objects.filter(milestone__chain=lot.chain_id, retraction__isnull=True)
    return list(live.order_by("place").values_list("value", flat=True))


def test_a_preview_says_of_every_row_what_it_would_do_and_writes_no_date(expediter: User) -> None:
    first, _second = lots(2)
    dates.record(
        order_id=first.schedule_line.line.order_id,
        revisions=[_promise(10, date(2027, 12, 1))],
        stated_on=date(2026, 11, 1),
        source=PromiseSource.EMAIL,
        document="",
        actor=expediter,
        now=NOW,
    )
    before = Promise.objects.count()

    batch = stage(
        expediter,
        ("Weekly status",),
        HEADER,
        ("4500016221", 10, date(2027, 12, 15), "core steel late"),
        ("4500016221", 20, "CW23", None),
        (),
        ("4500016221", 30, date(2027, 1, 1), None),
        ("4500016221", 10, "5/6/2027", None),
    )

    assert outcomes(batch) == [(3, "changed"), (4, "new"), (5, "blank"), (6, "refused"), (7, "refused")]
    assert (batch.rows_read, batch.rows_accepted, batch.rows_refused, batch.rows_blank) == (5, 2, 2, 1)
    changes = dict(batch.rows.values_list("number", "changes"))
    assert changes[3] == [{"field": "promise", "old": "2027-12-01", "new": "2027-12-15"}]
    assert changes[4] == [{"field": "promise", "old": "", "new": "2027-W23"}]
    refusals = dict(batch.rows.filter(outcome="refused").values_list("number", "refusals"))
    assert [each["address"] for each in (*refusals[6], *refusals[7])] == ["Orders!B6", "Orders!C7"]
    assert Promise.objects.count() == before


def test_a_preview_names_the_columns_that_nobody_reads(expediter: User) -> None:
    lots(1)
    titles = (*HEADER, "Forwarder", None, "Colour")

    batch = stage(expediter, titles, ("4500016221", 10, date(2027, 12, 15), "core", "by sea", 7, None))

    assert batch.columns_unread == {"E": "Forwarder", "F": ""}


def _promise(line: int, on: date) -> DateRevision:
    return DateRevision(RevisionKind.PROMISE, line, on_day(on))


def test_applying_writes_the_accepted_rows_as_one_cause_with_the_file_as_their_source(expediter: User) -> None:
    first, _second = lots(2)
    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), "core"), ("4500016221", 20, "TBD", None))
    runs = ForecastRun.objects.count()

    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    rows = Promise.objects.order_by("milestone__chain__lot__schedule_line__line__number")
    assert [(row.value, row.source, row.document, row.stated_on, row.note) for row in rows] == [
        ("2027-12-15", "file", "status.xlsx", STATED_ON, "core"),
        ("", "file", "status.xlsx", STATED_ON, ""),
    ]
    assert {(row.reason_code, row.responsible) for row in rows} == {("not_stated", "carrier")}
    assert LotForecast.objects.get(lot=first, current=True).forecast_on == date(2027, 12, 15)
    made = ForecastRun.objects.order_by("created_at")[runs:]
    assert [run.cause_key for run in made] == [f"import:{batch.pk}"]
    batch.refresh_from_db()
    assert (batch.state, batch.applied_by, batch.applied_at) == (ImportState.APPLIED, expediter, NOW)
    assert [len(row.written["promises"]) for row in batch.rows.order_by("number")] == [1, 1]


def test_five_hundred_rows_with_three_wrong_apply_497_and_go_back_to_the_state_before(expediter: User) -> None:
    site = SiteFactory.create()
    for number in range(25):
        lots(20, number=f"4500{number:02}", site=site)
    rows: list[tuple[Any, ...]] = [
        (f"4500{n:02}", 10 * line, date(2027, 12, 1 + n), None) for n in range(25) for line in range(1, 21)
    ]
    rows[7] = ("45", 80, date(2027, 1, 1), None)
    rows[8] = ("450000", 90, 45000, None)
    rows[9] = ("450000", 5, date(2027, 12, 1), None)
    # As the server does by itself a minute after rows came.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    _recalculate(site)
    before = _shown()

    batch = stage(expediter, HEADER, *rows)
    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    batch.refresh_from_db()
    assert (batch.rows_read, batch.rows_accepted, batch.rows_refused) == (500, 497, 3)
    assert Promise.objects.count() == 497
    assert _shown() != before

    imports.undo(batch_id=batch.pk, reason="Wrong week", actor=expediter, now=NOW)

    assert _shown() == before
    assert PromiseRetraction.objects.count() == 497
    assert broken() == []


def _recalculate(site: Site) -> None:
    forecasts.recalculate(site_id=site.pk, as_of=local_date(site, NOW), now=NOW, cause=RunCause.CHANGE)


def _shown() -> list[Any]:
    rows = LotForecast.objects.filter(current=True).order_by("lot")
    return list(rows.values("lot", "forecast_on", "float_days", "promised_on"))


def test_the_same_file_is_one_import(expediter: User) -> None:
    lots(1)
    rows = (HEADER, ("4500016221", 10, date(2027, 12, 15), None))
    content = xlsx(*rows)

    def send() -> ImportBatch:
        return imports.stage(
            content=content, file_name="a.xlsx", kind=ImportKind.PROMISES, stated_on=STATED_ON, actor=expediter, now=NOW
        )

    first = send()

    assert send().pk == first.pk
    imports.apply(batch_id=first.pk, actor=expediter, now=NOW)
    assert send().pk == first.pk
    assert ImportBatch.objects.count() == 1


def test_an_applied_import_is_not_applied_again(expediter: User) -> None:
    lots(1)
    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None))
    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    with pytest.raises(Conflict):
        imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    assert Promise.objects.count() == 1


def test_a_preview_that_is_no_longer_true_is_renewed_and_nothing_is_written(expediter: User) -> None:
    (lot,) = lots(1)
    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None))
    dates.record(
        order_id=lot.schedule_line.line.order_id,
        revisions=[_promise(10, date(2027, 12, 1))],
        stated_on=date(2026, 11, 18),
        source=PromiseSource.EMAIL,
        document="",
        actor=expediter,
        now=NOW,
    )

    with pytest.raises(Conflict, match="look at it again"):
        imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    assert promised(lot) == ["2027-12-01"]
    assert batch.rows.get().changes == [{"field": "promise", "old": "2027-12-01", "new": "2027-12-15"}]
    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)
    assert promised(lot) == ["2027-12-01", "2027-12-15"]


def test_the_same_date_said_again_is_unchanged_and_yet_a_statement(expediter: User) -> None:
    (lot,) = lots(1)
    dates.record(
        order_id=lot.schedule_line.line.order_id,
        revisions=[_promise(10, date(2027, 12, 15))],
        stated_on=date(2026, 11, 1),
        source=PromiseSource.EMAIL,
        document="",
        actor=expediter,
        now=NOW,
    )
    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None))

    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    assert outcomes(batch) == [(2, "unchanged")]
    assert promised(lot) == ["2027-12-15", "2027-12-15"]


def test_a_row_without_a_date_says_nothing(expediter: User) -> None:
    (lot,) = lots(1)
    batch = stage(expediter, HEADER, ("4500016221", 10, None, "no news"))

    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    assert (outcomes(batch), promised(lot)) == ([(2, "unchanged")], [])


def test_actual_dates_are_set_and_set_back(expediter: User) -> None:
    (lot,) = lots(1)
    header = ("PO", "Line", "Milestone", "Actual date")
    batch = stage(
        expediter,
        header,
        ("4500016221", 10, "FAT_PASS", date(2026, 11, 18)),
        ("4500016221", 10, "RTM", date(2026, 10, 20)),
        ("4500016221", 10, "RTS", date(2027, 1, 1)),
        kind=ImportKind.ACTUALS,
    )
    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    assert outcomes(batch) == [(2, "new"), (3, "changed"), (4, "refused")]
    assert _actuals(lot) == {"FAT_PASS": date(2026, 11, 18), "RTM": date(2026, 10, 20)}

    imports.undo(batch_id=batch.pk, reason="Another order", actor=expediter, now=NOW)

    assert _actuals(lot) == {"FAT_PASS": None, "RTM": date(2026, 10, 16)}


def _actuals(lot: DeliveryLot) -> dict[str, date | None]:
    rows = lot.chain.milestones.filter(code__in=["FAT_PASS", "RTM"])
    return dict(rows.values_list("code", "actual_on"))


def test_undoing_leaves_and_names_what_was_changed_since_unless_forced(expediter: User) -> None:
    first, second = lots(2)
    header = ("PO", "Line", "Milestone", "Actual date")
    batch = stage(
        expediter,
        header,
        ("4500016221", 10, "RTM", date(2026, 10, 20)),
        ("4500016221", 20, "RTM", date(2026, 10, 20)),
        kind=ImportKind.ACTUALS,
    )
    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)
    milestone = first.chain.milestones.get(code="RTM")
    milestone.actual_on = date(2026, 10, 21)
    milestone.save()

    imports.undo(batch_id=batch.pk, reason="Another order", actor=expediter, now=NOW)

    assert [(row.number, row.left) for row in batch.rows.order_by("number")] == [
        (2, "The actual date was changed since."),
        (3, ""),
    ]
    assert [_actuals(lot)["RTM"] for lot in (first, second)] == [date(2026, 10, 21), date(2026, 10, 16)]


def test_an_undone_file_may_be_read_again(expediter: User) -> None:
    lots(1)
    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None))
    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)
    imports.undo(batch_id=batch.pk, reason="Too early", actor=expediter, now=NOW)

    again = imports.stage(
        content=bytes(batch.content),
        file_name="status.xlsx",
        kind=ImportKind.PROMISES,
        stated_on=STATED_ON,
        actor=expediter,
        now=NOW,
    )

    assert again.pk != batch.pk
    assert outcomes(again) == [(2, "new")]


@pytest.mark.parametrize("state", [ImportState.STAGED, ImportState.DISCARDED])
def test_only_an_applied_import_is_undone(expediter: User, state: ImportState) -> None:
    lots(1)
    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None))
    if state is ImportState.DISCARDED:
        imports.discard(batch_id=batch.pk, actor=expediter)

    with pytest.raises(Conflict):
        imports.undo(batch_id=batch.pk, reason="x", actor=expediter, now=NOW)


def test_undoing_asks_why(expediter: User) -> None:
    lots(1)
    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None))

    with pytest.raises(BadInput) as refused:
        imports.undo(batch_id=batch.pk, reason=" ", actor=expediter, now=NOW)

    assert refused.value.field == "reason"


def test_a_discarded_preview_may_be_read_again(expediter: User) -> None:
    lots(1)
    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None))

    imports.discard(batch_id=batch.pk, actor=expediter)

    with pytest.raises(Conflict):
        imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)
    with pytest.raises(Conflict):
        imports.discard(batch_id=batch.pk, actor=expediter)


def test_rows_of_a_site_out_of_sight_name_nothing(expediter: User) -> None:
    lots(1)
    stranger = MembershipFactory.create(role=Role.EXPEDITER, site=SiteFactory.create()).person

    batch = stage(stranger, HEADER, ("4500016221", 10, date(2027, 12, 15), None))

    assert batch.rows.get().refusals == [
        {"address": "Orders!A2", "field": "order", "message": "There is no order 4500016221."}
    ]


def test_whoever_may_only_look_records_nothing() -> None:
    lots(1)
    viewer = MembershipFactory.create(role=Role.VIEWER).person

    batch = stage(viewer, HEADER, ("4500016221", 10, date(2027, 12, 15), None))

    assert batch.rows.get().refusals == [
        {"address": "Orders!A2", "field": "order", "message": "You may not record dates there."}
    ]


def test_another_persons_import_is_not_there(expediter: User) -> None:
    (lot,) = lots(1)
    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None))
    neighbour = MembershipFactory.create(role=Role.EXPEDITER, site=lot.schedule_line.site).person

    with pytest.raises(NotFound):
        imports.apply(batch_id=batch.pk, actor=neighbour, now=NOW)


def test_a_mapping_that_a_person_made_is_remembered_for_files_of_its_shape(expediter: User) -> None:
    lots(1)
    maker = CompanyFactory.create()
    rows = (("Our ref", "Your ref", "Pos.", "When"), ("x", "4500016221", "10", "05.06.2027"))
    said = Said(
        header_row=1,
        columns={"order": "B", "line": "C", "promise": "D"},
        day_order=DayOrder.DAY_FIRST,
    )
    stage(expediter, *rows, company_id=maker.pk, said=said)
    memory = ColumnMappingMemory.objects.get()

    assert (memory.company, memory.mapping, memory.declared) == (
        maker,
        {"line": "C", "order": "B", "promise": "D"},
        {"day_order": "day_first"},
    )

    later = stage(expediter, rows[0], ("y", "4500016221", "10", "06.07.2027"), company_id=maker.pk)

    assert later.mapping == memory.mapping
    assert later.rows.get().changes == [{"field": "promise", "old": "", "new": "2027-07-06"}]


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (Said(sheet="Prices"), "sheet"),
        (Said(columns={"order": "B", "line": "!"}), "mapping/line"),
        (Said(columns={"order": "A", "line": "ZZ"}), "mapping/line"),
        (Said(header_row=9, columns={"order": "A", "line": "B"}), "header_row"),
    ],
)
def test_what_is_said_of_the_file_must_fit_it(expediter: User, said: Said, where: str) -> None:
    with pytest.raises(BadInput) as refused:
        stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None), said=said)

    assert refused.value.field == where
    assert ImportBatch.objects.count() == 0


def test_two_rows_of_one_thing_are_not_both_taken(expediter: User) -> None:
    lots(1)

    batch = stage(expediter, HEADER, ("4500016221", 10, date(2027, 12, 15), None), ("4500016221", "00010", "TBD", None))

    assert outcomes(batch) == [(2, "new"), (3, "refused")]


def test_a_part_of_a_lot_splits_it(expediter: User) -> None:
    order = PurchaseOrderFactory.create(number="4500016221")
    DeliveryLotFactory.create(
        quantity=Decimal(4), schedule_line__line__order=order, schedule_line__line__number=10,
        actuals={"PO_ISSUED": date(2026, 8, 3)},
    )  # fmt: skip
    batch = stage(
        expediter,
        (*HEADER, "Qty"),
        ("4500016221", 10, date(2027, 12, 15), None, 1),
        ("4500016221", 10, date(2028, 1, 15), None, 3),
    )

    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    rows = LotForecast.objects.filter(current=True, lot__quantity__gt=0).order_by("lot__quantity")
    assert [(row.lot.quantity, row.promised_on) for row in rows] == [
        (Decimal(1), date(2027, 12, 15)),
        (Decimal(3), date(2028, 1, 15)),
    ]


def shown() -> list[tuple[Any, ...]]:
    """What the forecasts show, and which promises stand."""
    answers = LotForecast.objects.filter(current=True).order_by("lot")
    live = Promise.objects.filter(retraction__isnull=True).order_by("pk")
    return [
        *answers.values_list("lot", "forecast_on", "contract_forecast_on", "slip_days", "promised_on", "driver"),
        *live.values_list("pk", "value"),
    ]


def test_five_hundred_rows_of_which_three_are_wrong_are_written_and_undone(expediter: User) -> None:
    places = list(
        Milestone.objects.filter(chain__lot__in=lots(100), actual_on=None)
        .order_by("chain", "sequence")
        .values_list("chain__lot__schedule_line__line__number", "code")[:497]
    )
    assert len(places) == 497
    forecasts_of_all(expediter)
    before = shown()
    header = ("PO No.", "Item", "Step", "New date")
    good = [
        ("4500016221", line, code, date(2027, 1, 4) + timedelta(days=place % 300))
        for place, (line, code) in enumerate(places)
    ]
    wrong = [
        ("4500099999", 10, "RTS", date(2027, 5, 5)),
        ("4500016221", 7, "RTS", "TBD"),
        ("4500016221", 10, "", "5/6"),
    ]
    batch = stage(expediter, header, *good[:200], wrong[0], *good[200:], *wrong[1:])
    assert (batch.rows_read, batch.rows_accepted, batch.rows_refused) == (500, 497, 3)

    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)
    assert Promise.objects.filter(retraction__isnull=True).count() == 497
    assert shown() != before
    imports.undo(batch_id=batch.pk, reason="Wrong week", actor=expediter, now=NOW)

    assert shown() == before
    assert not batch.rows.exclude(left="").exists()
    assert not list(broken())


def forecasts_of_all(actor: User) -> None:
    for site in Site.objects.all():
        forecasts.recalculate(
            site_id=site.pk, as_of=local_date(site, NOW), now=NOW, cause=RunCause.CHANGE, actor=actor, cause_key="first"
        )


def in_two_parts(expediter: User) -> ImportBatch:
    """Applied: of a lot of four units, all meant for one requirement, one is promised apart from the others."""
    order = PurchaseOrderFactory.create(number="4500016221")
    lot = DeliveryLotFactory.create(
        quantity=Decimal(4), schedule_line__line__order=order, schedule_line__line__number=10,
        actuals={"PO_ISSUED": date(2026, 8, 3)},
    )  # fmt: skip
    AllocationFactory.create(lot=lot, quantity=Decimal(4), requirement__quantity=Decimal(4))
    batch = stage(
        expediter,
        (*HEADER, "Qty"),
        ("4500016221", 10, date(2027, 12, 15), None, 1),
        ("4500016221", 10, date(2028, 1, 15), None, 3),
    )
    return imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)


def live_lots() -> list[tuple[Decimal, list[Decimal]]]:
    return [
        (lot.quantity, list(lot.allocations.filter(ended_at=None).values_list("quantity", flat=True)))
        for lot in DeliveryLot.objects.filter(quantity__gt=0).order_by("number")
    ]


def test_undoing_a_file_puts_the_lot_it_split_together_again(expediter: User) -> None:
    batch = in_two_parts(expediter)
    assert sorted(live_lots()) == [(Decimal(1), [Decimal(1)]), (Decimal(3), [Decimal(3)])]

    imports.undo(batch_id=batch.pk, reason="Wrong file", actor=expediter, now=NOW)

    assert live_lots() == [(Decimal(4), [Decimal(4)])]
    assert not batch.rows.exclude(left="").exists()
    answers = LotForecast.objects.filter(current=True)
    assert [(row.lot.quantity, row.promised_on) for row in answers] == [(Decimal(4), None)]
    assert not list(broken())


def test_a_part_of_which_something_was_said_since_stays_apart_and_says_so(expediter: User) -> None:
    batch = in_two_parts(expediter)
    part = DeliveryLot.objects.get(copied_from__isnull=False)
    again = stage(
        expediter,
        (*HEADER, "Lot No.", "Stated on"),
        ("4500016221", 10, date(2028, 3, 15), None, part.number, date(2026, 11, 20)),
    )
    imports.apply(batch_id=again.pk, actor=expediter, now=NOW)

    imports.undo(batch_id=batch.pk, reason="Wrong file", actor=expediter, now=NOW)

    assert len(live_lots()) == 2
    assert any("Something was said" in left for left in batch.rows.values_list("left", flat=True))


def test_a_part_that_was_shipped_since_stays_apart_even_if_forced(expediter: User) -> None:
    batch = in_two_parts(expediter)
    part = DeliveryLot.objects.get(copied_from__isnull=False)
    shipments.notify(
        lot_id=part.pk, number="D-1", quantity=part.quantity, despatched_on=None, arrives_on=None, tracking="",
        document="", actor=expediter,
    )  # fmt: skip

    imports.undo(batch_id=batch.pk, reason="Wrong file", force=True, actor=expediter, now=NOW)

    assert len(live_lots()) == 2
    assert any("shipped or received" in left for left in batch.rows.values_list("left", flat=True))


def test_looking_rows_up_takes_the_same_queries_for_one_order_and_three(expediter: User) -> None:
    stage(expediter, HEADER, ("none", 10, "CW99", None))
    counts = []
    for orders in (1, 3):
        numbers = [f"45{orders}{n}" for n in range(orders)]
        for number in numbers:
            lots(1, number=number)
        with CaptureQueriesContext(connection) as seen:
            stage(expediter, HEADER, *[(number, 10, "CW99", None) for number in numbers])
        counts.append(len(seen))

    assert counts[0] == counts[1]
    assert ImportRow.objects.filter(outcome=RowOutcome.REFUSED).count() == 5
