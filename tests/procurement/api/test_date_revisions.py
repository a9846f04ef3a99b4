from typing import Any

import pytest

from procurement.models import DeliveryLot, LotForecast, PurchaseOrder
from sites.accounts.models import AuditEvent
from sites.accounts.permissions import Scope
from sites.models import Milestone, Promise
from tests.procurement.api.calls import (
    ORDER,
    Caller,
    calling,
    order_body,
    order_line,
    pointers,
    problem,
    queries_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(erp: Caller) -> str:
    """The date revisions of an order with a line for Sydney (10) and one for Tokyo (20)."""
    erp.put(ORDER, order_body(order_line(10), order_line(20, site="TYO1")))
    return f"/purchase-orders/{PurchaseOrder.objects.get().pk}/date-revisions"


def statement(*revisions: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {
        "stated_on": "2026-10-01",
        "source": "email",
        "document": "Letter of 1 October",
        "revisions": list(revisions),
    } | said


def promise(**said: Any) -> dict[str, Any]:
    return {"kind": "promise", "line_number": "00010", "date": "2027-08-16"} | said


def test_without_a_reason_and_a_party_both_are_told_back_as_they_are_kept(erp: Caller, path: str) -> None:
    told = erp.post(path, statement(promise(milestone="SUBMITTAL_APPROVED"))).json()["promises"][0]

    assert (told["reason_code"], told["responsible"]) == ("not_stated", "owner")


def test_a_promise_is_written_and_told_back(erp: Caller, path: str) -> None:
    answer = erp.post(path, statement(promise(reason_code="capacity", note="Line 3 is full\nuntil May")))

    row = Promise.objects.select_related("milestone").get()
    told = answer.json()
    assert (answer.status_code, told["statement_id"], told["warnings"]) == (201, str(row.statement_id), [])
    assert answer["ETag"] == f'"v{PurchaseOrder.objects.get().version}"'
    assert (row.milestone.code, row.reason_code, row.recorded_by) == ("ON_SITE", "capacity", erp.client.account)
    assert told["promises"] == [
        {
            "id": str(row.pk),
            "kind": "promise",
            "line_number": 10,
            "schedule_number": 1,
            "lot_number": 1,
            "milestone": "ON_SITE",
            "date": {"value": "2027-08-16", "precision": "day"},
            "counts_on": "2027-08-16",
            "stated_on": "2026-10-01",
            "recorded_at": row.recorded_at.isoformat().replace("+00:00", "Z"),
            "recorded_by": "ERP",
            "statement_id": str(row.statement_id),
            "conditional_on": row.conditional_on.isoformat() if row.conditional_on else None,
            "quantity": None,
            "source": "email",
            "document": "Letter of 1 October",
            "reason_code": "capacity",
            "responsible": "vendor",
            "note": "Line 3 is full\nuntil May",
            "state": "live",
        }
    ]


def test_forecasts_that_moved_are_told_before_and_after(erp: Caller, path: str) -> None:
    before = LotForecast.objects.get(current=True, lot__schedule_line__line__number=10)

    moved = erp.post(path, statement(promise(date="2029-08-16"))).json()["moved"]

    after = LotForecast.objects.get(current=True, lot__schedule_line__line__number=10)
    assert moved == [
        {
            "kind": "lot",
            "id": str(after.lot_id),
            "label": "4500016221/10/1/1",
            "before_on": str(before.forecast_on),
            "after_on": str(after.forecast_on),
        }
    ]
    assert after.forecast_on != before.forecast_on


@pytest.mark.parametrize(
    ("said", "value", "counts_on"),
    [
        ({"value": "2027-W23", "precision": "week"}, "2027-W23", "2027-06-13"),
        ({"value": "2027-06-T2", "precision": "third"}, "2027-06-T2", "2027-06-20"),
        ({"value": "2027-Q2", "precision": "quarter"}, "2027-Q2", "2027-06-30"),
        ({"value": "", "precision": "tbd"}, "", None),
    ],
)
def test_a_promise_may_be_imprecise(
    erp: Caller, path: str, said: dict[str, str], value: str, counts_on: str | None
) -> None:
    (told,) = erp.post(path, statement(promise(date=said))).json()["promises"]

    assert (told["date"]["value"], told["counts_on"]) == (value, counts_on)


def test_one_statement_speaks_of_several_steps(erp: Caller, path: str) -> None:
    told = erp.post(
        path,
        statement(
            promise(date="2027-08-30"),
            promise(milestone="FAT_PASS", date="2027-05-21", conditional_on="2026-10-16"),
        ),
    ).json()

    assert told["promises"][0]["conditional_on"] == "2026-10-16"
    assert [each["milestone"] for each in told["promises"]] == ["FAT_PASS", "ON_SITE"]


def test_an_actual_a_lock_and_its_release(erp: Caller, path: str) -> None:
    actual = {"kind": "actual", "line_number": 10, "milestone": "SUBMITTAL_IN", "date": "2026-09-25"}
    lock = {"kind": "lock", "line_number": 10, "milestone": "RTS", "date": "2027-07-01", "note": "Agreed by phone"}
    assert erp.post(path, statement(actual, lock)).json()["promises"] == []

    entries = erp.get(path).json()["items"]
    assert [(each["kind"], each["milestone"], each["counts_on"]) for each in entries if each["kind"] != "promise"][
        :2
    ] == [("actual", "SUBMITTAL_IN", "2026-09-25"), ("lock", "RTS", "2027-07-01")]

    erp.post(path, statement({"kind": "release", "line_number": 10, "milestone": "RTS"}))
    assert not Milestone.objects.filter(locked_on__isnull=False).exists()


def test_part_of_a_lot_splits_it(erp: Caller, path: str) -> None:
    erp.post(path, statement(promise(quantity="1")))

    quantities = DeliveryLot.objects.filter(schedule_line__line__number=10).order_by("number")
    assert [int(lot.quantity) for lot in quantities] == [3, 1]


def test_the_newest_entry_comes_first(erp: Caller, path: str) -> None:
    for day in ("2027-08-16", "2027-09-06", "2027-10-04"):
        erp.post(path, statement(promise(date=day)))

    told = erp.get(f"{path}?limit=3").json()

    assert told["has_more"]
    assert [(each["counts_on"], each["state"]) for each in told["items"]] == [
        ("2027-10-04", "live"),
        ("2027-09-06", "superseded"),
        ("2027-08-16", "superseded"),
    ]
    assert not erp.get(f"{path}?limit=500").json()["has_more"]


def test_only_lines_in_sight_are_told(erp: Caller, sydney_only: Caller, path: str) -> None:
    erp.post(path, statement(promise(), promise(line_number=20)))

    lines = {each["line_number"] for each in sydney_only.get(path).json()["items"]}
    assert lines == {10}


def test_a_line_out_of_sight_is_an_unknown_line(sydney_only: Caller, path: str) -> None:
    hidden = problem(sydney_only.post(path, statement(promise(line_number=20))), 422, "validation_error")
    unknown = problem(sydney_only.post(path, statement(promise(line_number=30))), 422, "validation_error")

    assert pointers(hidden) == ["/revisions/0/line_number"]
    assert hidden["detail"] == unknown["detail"].replace("30", "20")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no such day": (statement(promise(date="2027-02-30")), "/revisions/0/date"),
    "text that is no date": (statement(promise(date="next summer")), "/revisions/0/date"),
    "the year 20270": (statement(promise(date="20270-08-16")), "/revisions/0/date"),
    "a date that is a number": (statement(promise(date=20270816)), "/revisions/0/date"),
    "a date that is a list": (statement(promise(date=["2027-08-16"])), "/revisions/0/date"),
    "a note that turns the reading direction": (statement(promise(note="\u202e")), "/revisions/0/note"),
    "no date": (statement({"kind": "promise", "line_number": 10}), "/revisions/0/date"),
    "a negative quantity": (statement(promise(quantity="-1")), "/revisions/0/quantity"),
    "more than there is": (statement(promise(quantity="5")), "/revisions/0/quantity"),
    "an unknown kind": (statement(promise(kind="hope")), "/revisions/0/kind"),
    "an unknown line": (statement(promise(), promise(line_number=99)), "/revisions/1/line_number"),
    "an unknown schedule line": (statement(promise(schedule_number=9)), "/revisions/0/schedule_number"),
    "an unknown lot": (statement(promise(lot_number=9)), "/revisions/0/lot_number"),
    "an unknown milestone": (statement(promise(milestone="LUNCH")), "/revisions/0/milestone"),
    "an unknown reason": (statement(promise(reason_code="weather")), "/revisions/0/reason_code"),
    "a lock without a reason": (statement(promise(kind="lock")), "/revisions/0/note"),
    "a day in the future": (statement(promise(), stated_on="2099-01-01"), "/stated_on"),
    "no day": ({"revisions": [promise()]}, "/stated_on"),
    "no revisions": (statement(), "/revisions"),
    "an unknown source": (statement(promise(), source="rumour"), "/source"),
    "a note with a control character": (statement(promise(note="\x07")), "/revisions/0/note"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_names_the_field_and_stores_nothing(erp: Caller, path: str, what: str) -> None:
    body, pointer = REFUSED[what]

    answer = erp.post(path, body)

    assert pointers(problem(answer, 422, "validation_error")) == [pointer]
    assert not Promise.objects.exists()
    assert not AuditEvent.objects.filter(verb="order.dates_recorded").exists()


def test_unknown_fields_are_warned_of_or_refused(erp: Caller, path: str) -> None:
    body = statement(promise(mood="hopeful"))

    strict = erp.post(path, body, Prefer="handling=strict")
    assert pointers(problem(strict, 422, "validation_error")) == ["/revisions/0/mood"]
    (warning,) = erp.post(path, body).json()["warnings"]
    assert (warning["code"], warning["pointer"]) == ("unknown_field", "/revisions/0/mood")


@pytest.mark.parametrize(
    ("key", "status"), [("short", 400), ("x" * 65, 400), ("with space in it 1", 400), ("x" * 16, 201)]
)
def test_an_idempotency_key_has_a_form(erp: Caller, path: str, key: str, status: int) -> None:
    answer = erp.post(path, statement(promise()), Idempotency_Key=key)

    assert answer.status_code == status


def test_reading_and_writing_need_their_scopes(erp: Caller, path: str) -> None:
    reader = calling("Reader", scopes=[Scope.ORDERS_READ])
    writer = calling("Writer", scopes=[Scope.DATES_WRITE])

    problem(reader.post(path, statement(promise())), 403, "scope")
    problem(writer.get(path), 403, "scope")
    assert (reader.get(path).status_code, writer.post(path, statement(promise())).status_code) == (200, 201)


def test_three_entries_read_in_as_many_queries_as_one(erp: Caller, path: str) -> None:
    counts = []
    for place in range(3):
        erp.post(path, statement(promise(date=f"2027-08-{16 + place}"), promise(line_number=20)))
        counts.append(queries_of(lambda: erp.get(path)))

    assert counts == [counts[0]] * 3
