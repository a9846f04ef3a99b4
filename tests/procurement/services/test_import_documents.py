"""Business documents through the door of workbooks: previewed, applied and taken back."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from procurement.models import Confirmation, DeliveryLot, ImportBatch, ImportRow
from procurement.queries.invariants import broken
from procurement.services import forecasts, imports
from procurement.services.forecasts import local_date
from procurement.vocabulary import ImportKind, ImportState, RunCause
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict
from sites.models import Promise
from tests.factories.procurement import DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.ubl_documents import item_line, promised, response

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
NUMBER = "4500016221"


@pytest.fixture
def expediter() -> User:
    return MembershipFactory.create(role=Role.EXPEDITER).person


@pytest.fixture
def lots(expediter: User) -> list[DeliveryLot]:
    """Lines 10 and 20 of one order: two units by 19 July 2027 each, calculated."""
    order, site = PurchaseOrderFactory.create(number=NUMBER), SiteFactory.create()
    made = [
        DeliveryLotFactory.create(
            site=site,
            quantity=Decimal(2),
            schedule_line__line__order=order,
            schedule_line__line__number=number,
            actuals={"PO_ISSUED": date(2026, 8, 3), "RTM": date(2026, 10, 16)},
        )
        for number in (10, 20)
    ]
    forecasts.recalculate(
        site_id=site.pk, as_of=local_date(site, NOW), now=NOW, cause=RunCause.NIGHTLY, cause_text="Start", actor=None
    )
    return made


def stage(actor: User, content: bytes) -> ImportBatch:
    return imports.stage(
        content=content,
        file_name="answer.xml",
        kind=ImportKind.DOCUMENTS,
        stated_on=date(2026, 11, 19),
        actor=actor,
        now=NOW,
    )


def applied(actor: User, content: bytes) -> ImportBatch:
    return imports.apply(batch_id=stage(actor, content).pk, actor=actor, now=NOW)


def undone(actor: User, batch: ImportBatch) -> ImportBatch:
    return imports.undo(batch_id=batch.pk, reason="Wrong file", actor=actor, now=NOW)


def said_of(lot: DeliveryLot) -> list[tuple[str, str, str]]:
    """What stands in the ledger of the lot's contract step."""
    live = Promise.objects.filter(
        milestone__chain=lot.chain_id, milestone__code=lot.schedule_line.contract_step, retraction__isnull=True
    )
    return list(live.order_by("pk").values_list("value", "precision", "note"))


def refusals(batch: ImportBatch) -> list[tuple[str, str]]:
    rows = ImportRow.objects.filter(batch=batch, outcome="refused").order_by("number")
    return [(each["address"], each["message"]) for row in rows for each in row.refusals]


def test_a_document_without_a_reason_says_that_nobody_stated_it(expediter: User, lots: list[DeliveryLot]) -> None:
    applied(expediter, response("CA", promised("2027-08-09")))

    kept = Promise.objects.filter(milestone__chain__in=[lot.chain_id for lot in lots], value="2027-08-09")
    assert {(row.reason_code, row.responsible) for row in kept} == {("not_stated", "carrier")}


ANSWERS = {
    "accepted: the contract's dates are confirmed": (response("AP"), ["2027-07-19"], ["2027-07-19"]),
    "accepted, one line": (response("AP", item_line("20")), [], ["2027-07-19"]),
    "changed: the dates of its lines": (
        response("CA", item_line("10", promised("2027-08-02")), item_line("00020", status="5")),
        ["2027-08-02"],
        ["2027-07-19"],
    ),
    "changed, a line is not accepted": (
        response("CA", item_line("10", promised("2027-08-02")), item_line("20", status="7")),
        ["2027-08-02"],
        [""],
    ),
    "changed as a whole": (response("CA", promised("2027-08-09")), ["2027-08-09"], ["2027-08-09"]),
    "rejected: to be determined": (response("RE"), [""], [""]),
    "received: nothing but noted": (response("AB"), [], []),
}


@pytest.mark.parametrize(("content", "first", "second"), ANSWERS.values(), ids=ANSWERS.keys())
def test_the_promise_follows_the_response_and_goes_back(
    content: bytes, first: list[str], second: list[str], expediter: User, lots: list[DeliveryLot]
) -> None:
    batch = applied(expediter, content)

    assert batch.state == ImportState.APPLIED
    assert not refusals(batch)
    assert [[value for value, *_ in said_of(lot)] for lot in lots] == [first, second]
    undone(expediter, batch)
    assert [said_of(lot) for lot in lots] == [[], []]
    assert not ImportRow.objects.filter(batch=batch).exclude(left="").exists()
    assert not list(broken())


def test_a_response_is_a_confirmation_until_it_is_undone(expediter: User, lots: list[DeliveryLot]) -> None:
    batch = applied(expediter, response("AP"))
    kept = Confirmation.objects.get()
    undone(expediter, batch)

    assert kept.order == lots[0].schedule_line.line.order
    assert {row.statement_id for row in Promise.objects.all()} == {kept.pk}
    assert Confirmation.objects.get(reverses=kept).reason


def test_a_rejection_says_so_in_the_ledger(expediter: User, lots: list[DeliveryLot]) -> None:
    applied(expediter, response("RE", note="No capacity"))

    assert said_of(lots[0]) == [("", "tbd", "Rejected by response R-7: No capacity")]


def test_units_promised_for_two_days_are_two_lots(expediter: User, lots: list[DeliveryLot]) -> None:
    parts = promised("2027-08-02", "1") + promised("2027-09-06", "1")

    batch = applied(expediter, response("CA", item_line("10", parts)))

    assert not refusals(batch)
    split = DeliveryLot.objects.filter(schedule_line=lots[0].schedule_line).order_by("number")
    assert [(lot.quantity, said_of(lot)[0][0]) for lot in split] == [
        (Decimal(1), "2027-09-06"),
        (Decimal(1), "2027-08-02"),
    ]
    assert not list(broken())


REFUSED = {
    "an order that is not there": (response("AP", order="34"), "OrderReference", "There is no order 34."),
    "no code": (response(""), "OrderResponseCode", "The response code is –; AP, CA, RE or AB was expected."),
    "a line that is not there": (
        response("AP", item_line("1")),
        "OrderLine[1]/LineItem[1]/line",
        "The order has no open line 1.",
    ),
    "changed, but how": (
        response("CA", item_line("10")),
        "OrderLine[1]/LineItem[1]/promise",
        "It was accepted with changes, but no date is given.",
    ),
    "more units than ordered": (
        response("CA", item_line("10", promised("2027-08-02", "3"))),
        "OrderLine[1]/LineItem[1]/quantity",
        "3 is more than is open (2).",
    ),
}


@pytest.mark.parametrize(("content", "place", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_understood_is_refused_at_its_place(
    content: bytes, place: str, why: str, expediter: User, lots: list[DeliveryLot]
) -> None:
    batch = stage(expediter, content)

    assert [message for _place, message in refusals(batch)] == [why]
    assert batch.rows_refused == 1
    if "/" in place:
        assert refusals(batch)[0][0] == place


def test_a_workbook_is_no_business_document(expediter: User) -> None:
    with pytest.raises(BadInput) as refusal:
        stage(expediter, b"PO No.,Item\r\n45,10\r\n")

    assert refusal.value.field == "line 1"


def test_a_business_document_has_no_columns_to_map(expediter: User, lots: list[DeliveryLot]) -> None:
    batch = stage(expediter, response("AP"))

    with pytest.raises(Conflict):
        imports.map_columns(batch_id=batch.pk, said=imports.Said(), actor=expediter, now=NOW)


def test_the_same_document_twice_is_one_import(expediter: User, lots: list[DeliveryLot]) -> None:
    assert stage(expediter, response("AP")) == stage(expediter, response("AP"))
