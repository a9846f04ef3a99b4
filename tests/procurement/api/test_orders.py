import json
from datetime import date
from decimal import Decimal
from typing import Any

import pghistory.models
import pytest
from django.utils import timezone

from procurement.models import DeliveryLot, OrderLine, PurchaseOrder, ScheduleLine
from procurement.services import probabilities
from sites.accounts.models import AuditEvent
from sites.accounts.permissions import Role, Scope
from sites.models import Promise
from tests.factories.procurement import AllocationFactory
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
from tests.procurement.services.order_documents import World

pytestmark = pytest.mark.django_db


def nothing_stored() -> bool:
    return not (PurchaseOrder.objects.exists() or OrderLine.objects.exists() or ScheduleLine.objects.exists())


# -- writing -------------------------------------------------------------------------------------------------------


def test_a_new_order_is_created(erp: Caller) -> None:
    answer = erp.put(ORDER, order_body(), X_Request_ID="req-17")

    order = PurchaseOrder.objects.get()
    assert (answer.status_code, answer["ETag"], answer["X-Request-ID"]) == (201, '"v1"', "req-17")
    assert answer["Location"] == f"/api/v1/purchase-orders/{order.pk}"
    assert answer.json() == {
        "id": str(order.pk),
        "system": "SAP-PRD",
        "external_id": "4500016221",
        "result": "created",
        "dry_run": False,
        "version": 1,
        "changed": ["order"],
        "warnings": [],
        "lines": [{"line_number": 10, "line_number_sent": "00010"}],
    }
    assert AuditEvent.objects.get(verb="order.created").request_id == "req-17"


def test_the_same_again_is_unchanged_and_an_older_one_ignored(erp: Caller) -> None:
    erp.put(ORDER, order_body(document_version=7))

    again = erp.put(ORDER, order_body(document_version=8))
    older = erp.put(ORDER, order_body(document_version=6, title="Late by post"))

    assert [(each.status_code, each.json()["result"]) for each in (again, older)] == [
        (200, "unchanged"),
        (200, "stale_ignored"),
    ]


def test_a_change_is_told_by_line_number(erp: Caller) -> None:
    erp.put(ORDER, order_body())

    answer = erp.put(ORDER, order_body(order_line(10, contractual_date="2027-08-02"), document_version=2))

    told = answer.json()
    assert (told["result"], told["changed"]) == ("updated", ["lines/10/schedules/1/contractual_date"])
    assert told["warnings"][0]["code"] == "baseline_not_moved"
    assert told["warnings"][0]["pointer"] == "/lines/0/contractual_date"


def test_numbers_may_come_as_json_numbers(erp: Caller) -> None:
    raw = json.dumps(order_body()).replace('"250000.00"', "250000.10").encode()

    erp.put(ORDER, raw)

    assert OrderLine.objects.get().unit_price == Decimal("250000.10")


def test_a_promised_date_may_be_a_week(erp: Caller) -> None:
    erp.put(ORDER, order_body(order_line(promised_date={"value": "2027-W33", "precision": "week"})))

    assert Promise.objects.get().counts_on == date(2027, 8, 22)


def test_a_dry_run_keeps_nothing(erp: Caller) -> None:
    answer = erp.put(f"{ORDER}?dry_run=true", order_body())

    assert (answer.status_code, answer.json()["result"], answer.json()["dry_run"]) == (200, "created", True)
    assert (answer.json()["id"], answer.has_header("ETag"), answer.has_header("Location")) == (None, False, False)
    assert nothing_stored()


def test_lines_left_out_are_cancelled_when_asked(erp: Caller) -> None:
    erp.put(ORDER, order_body(order_line(10), order_line(20)))

    answer = erp.put(f"{ORDER}?lines_mode=replace", order_body(order_line(10), document_version=2))

    assert answer.json()["changed"] == ["lines/20/status", "lines/20/schedules/1/status"]


def test_the_history_names_the_client(erp: Caller) -> None:
    erp.put(ORDER, order_body())

    context = pghistory.models.Context.objects.get()
    assert context.metadata["client"] == str(erp.client.pk)
    assert context.metadata["actor"] == str(erp.client.account.pk)


def test_an_external_id_may_hold_a_slash(erp: Caller) -> None:
    assert erp.put("/purchase-orders/ext/SAP-PRD/45/16221", order_body()).json()["external_id"] == "45/16221"
    assert erp.get("/purchase-orders/ext/SAP-PRD/45/16221").status_code == 200


# -- fields nobody knows -------------------------------------------------------------------------------------------


def test_unknown_fields_are_warned_of(erp: Caller) -> None:
    body = order_body(order_line(colour="red", forecast_date="2027-09-01"), cost_centre="4711")

    told = erp.put(ORDER, body).json()

    assert [(each["code"], each["pointer"]) for each in told["warnings"]] == [
        ("unknown_field", "/lines/0/colour"),
        ("owned_by_tracker", "/lines/0/forecast_date"),
        ("unknown_field", "/cost_centre"),
    ]
    assert told["result"] == "created"


def test_unknown_fields_are_refused_where_the_caller_is_strict(erp: Caller) -> None:
    answer = erp.put(ORDER, order_body(cost_centre="4711"), Prefer="handling=strict")

    assert pointers(problem(answer, 422, "validation_error")) == ["/cost_centre"]
    assert nothing_stored()
    accepted = erp.put(ORDER, order_body(), Prefer="respond-async, handling=strict")
    assert (accepted.status_code, accepted["Preference-Applied"]) == (201, "handling=strict")


# -- refusals ------------------------------------------------------------------------------------------------------


def line_with(**said: Any) -> dict[str, Any]:
    return order_body(order_line(**said))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a malformed promise": (line_with(promised_date="soon"), "/lines/0/promised_date"),
    "a promise of no week": (
        line_with(promised_date={"value": "2027-W60", "precision": "week"}),
        "/lines/0/promised_date",
    ),
    "a promise of no precision": (
        line_with(promised_date={"value": "2027", "precision": "year"}),
        "/lines/0/promised_date/precision",
    ),
    "a contract date to be decided": (
        line_with(contractual_date={"value": "", "precision": "tbd"}),
        "/lines/0/contractual_date",
    ),
    "a negative quantity": (line_with(quantity="-4"), "/lines/0/quantity"),
    "a quantity of nothing": (line_with(quantity="0"), "/lines/0/quantity"),
    "a quantity that is text": (line_with(quantity="four"), "/lines/0/quantity"),
    "a quantity with an exponent": (line_with(quantity="4E2"), "/lines/0/quantity"),
    "a quantity that is true": (line_with(quantity=True), "/lines/0/quantity"),
    "NaN as text": (line_with(quantity="NaN"), "/lines/0/quantity"),
    "infinity as text": (line_with(unit_price="Infinity"), "/lines/0/unit_price"),
    "an unknown currency": (order_body(currency="XYZ"), "/currency"),
    "a currency in small letters": (order_body(currency="aud"), "/currency"),
    "a line number twice": (order_body(order_line("10"), order_line("00010")), "/lines/1/line_number"),
    "a line number of zero": (order_body(order_line(0)), "/lines/0/line_number"),
    "a line number that is no number": (order_body(order_line("ten")), "/lines/0/line_number"),
    "a date in the year 20270": (line_with(contractual_date="20270-07-19"), "/lines/0/contractual_date"),
    "a date in the year 2150": (line_with(contractual_date="2150-07-19"), "/lines/0/contractual_date"),
    "a day the calendar lacks": (order_body(issued_on="2026-02-30"), "/issued_on"),
    "an instant where a day is meant": (order_body(issued_on="2026-08-03T00:00:00Z"), "/issued_on"),
    "a control character": (line_with(description="Chiller\x1b[2J"), "/lines/0/description"),
    "a mark that turns the reading direction": (line_with(description="Chiller \u202e7202-70"), "/lines/0/description"),
    "a date that is a number": (line_with(contractual_date=20270719), "/lines/0/contractual_date"),
    "a date that is a list": (line_with(promised_date=["2027-07-19"]), "/lines/0/promised_date"),
    "a date without its precision": (line_with(promised_date={"value": "2027-07"}), "/lines/0/promised_date"),
    "an imprecise date of no text": (
        line_with(promised_date={"value": 2027, "precision": "month"}),
        "/lines/0/promised_date/value",
    ),
    "a count in the digits of another script": (order_body(revision="１"), "/revision"),
    "a count that is true": (order_body(notice_days=True), "/notice_days"),
    "text that is a number": (order_body(vendor=100234), "/vendor"),
    "too many decimals": (order_body(total_amount="10.001"), "/total_amount"),
    "an unknown status": (line_with(status="lost"), "/lines/0/status"),
    "an unknown site": (order_body(site="NOWHERE"), "/site"),
    "an unknown site that no line needs": (order_body(order_line(site="SYD1"), site="NOWHERE"), "/site"),
    "null where a value is meant": (order_body(title=None), "/title"),
    "lines that are no list": (order_body(lines={"line_number": 10}), "/lines"),
    "a line that is no object": (order_body(lines=["10"]), "/lines/0"),
    "no lines": (order_body(lines=[]), "/lines"),
    "too many lines": (order_body(lines=[order_line(n) for n in range(1, 502)]), "/lines"),
    "no version": ({**order_body(), "document_version": None}, "/document_version"),
    "a version of another kind": (order_body(document_version="v7"), "/document_version"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_names_the_field_and_stores_nothing(erp: Caller, what: str) -> None:
    body, pointer = REFUSED[what]

    answer = erp.put(ORDER, body)

    assert pointer in pointers(problem(answer, 422, "validation_error"))
    assert nothing_stored()


def test_every_wrong_field_is_named_at_once(erp: Caller) -> None:
    body = order_body(order_line(quantity="-x", status="lost"), currency="dollars")

    answer = erp.put(ORDER, body)

    assert sorted(str(pointer) for pointer in pointers(problem(answer, 422, "validation_error"))) == [
        "/currency",
        "/currency",
        "/lines/0/quantity",
        "/lines/0/status",
    ]


MALFORMED: dict[str, tuple[bytes, str, str | None]] = {
    "a NUL byte in a text": (b'{"title": "Chillers\\u0000"}', "null_character", "/title"),
    "NaN": (b'{"lines": [{"quantity": NaN}]}', "not_a_number", "/lines/0/quantity"),
    "infinity": (b'{"total_amount": -Infinity}', "not_a_number", "/total_amount"),
    "a name given twice": (b'{"lines": [{"unit": "EA", "unit": "M"}]}', "given_twice", "/lines/0/unit"),
    "half a character": (b'{"title": "\\ud83d"}', "half_character", "/title"),
    "a raw NUL byte": (b'{"title": "\x00"}', "malformed", None),
    "no JSON": (b"<order/>", "malformed", None),
    "nothing at all": (b" ", "malformed", None),
    "another encoding": ('{"title": "Kühler"}'.encode("latin-1"), "malformed", None),
    "nested too deeply": (b"[" * 30 + b"]" * 30, "too_deep", None),
    "nested absurdly": (b"[" * 100_000, "too_deep", None),
    "a number of absurd length": (b'{"total_amount": ' + b"9" * 5000 + b"}", "number_too_long", None),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_body_that_could_be_read_two_ways_is_malformed(erp: Caller, what: str) -> None:
    raw, code, pointer = MALFORMED[what]

    told = problem(erp.put(ORDER, raw), 400, "malformed")

    assert [(error["code"], error["pointer"]) for error in told["errors"]] == [(code, pointer)]
    assert nothing_stored()


def test_the_refusal_of_a_date_shows_how_to_write_it(erp: Caller) -> None:
    told = problem(erp.put(ORDER, line_with(contractual_date=20270719)), 422, "validation_error")

    assert [error["detail"] for error in told["errors"]] == [
        'Write a day such as 2027-05-21, or {"value": "2027-W23", "precision": "week"}.'
    ]


def test_an_id_with_a_nul_is_nobody_s(erp: Caller) -> None:
    path = ORDER.rpartition("/")[0] + "/45%0016221"

    problem(erp.put(path, order_body()), 404, "not_found")
    problem(erp.get(path), 404, "not_found")
    assert nothing_stored()


@pytest.mark.parametrize("sent", ["%1F", "%E2%80%AE4500016221", "x" * 81])
def test_an_id_that_cannot_be_is_refused_and_not_found(erp: Caller, sent: str) -> None:
    path = ORDER.rpartition("/")[0] + f"/{sent}"

    problem(erp.put(path, order_body()), 400, "invalid_parameter")
    problem(erp.get(path), 404, "not_found")
    assert nothing_stored()


def test_a_huge_exponent_is_no_quantity(erp: Caller) -> None:
    raw = json.dumps(order_body()).replace('"4"', "1e999999999").encode()

    assert pointers(problem(erp.put(ORDER, raw), 422, "validation_error")) == ["/lines/0/quantity"]


def test_a_body_over_five_megabytes_is_too_large(erp: Caller) -> None:
    problem(erp.put(ORDER, b'{"title": "' + b"x" * 5 * 1024 * 1024 + b'"}'), 413, "too_large")


def test_a_body_that_is_no_object_is_refused(erp: Caller) -> None:
    assert pointers(problem(erp.put(ORDER, b"[1]"), 422, "validation_error")) == [None]


@pytest.mark.parametrize("parameter", ["dry_run=perhaps", "lines_mode=erase"])
def test_a_parameter_that_cannot_be_read_is_malformed(erp: Caller, parameter: str) -> None:
    problem(erp.put(f"{ORDER}?{parameter}", order_body()), 400, "invalid_parameter")
    assert nothing_stored()


def test_a_taken_number_is_a_conflict(erp: Caller) -> None:
    erp.put(ORDER, order_body(number="PO-1"))

    answer = erp.put("/purchase-orders/ext/SAP-PRD/other", order_body(number="PO-1"))

    assert pointers(problem(answer, 409, "order_number_taken")) == ["/number"]


# -- reading -------------------------------------------------------------------------------------------------------


def test_an_order_reads_back(erp: Caller) -> None:
    location = erp.put(ORDER, order_body())["Location"]

    by_id, by_name = erp.get(location.removeprefix("/api/v1")), erp.get(ORDER)

    assert by_id.json() == by_name.json()
    assert (by_id["ETag"], by_id["Cache-Control"]) == ('"v1"', "private, no-cache")
    shown = by_id.json()
    assert (shown["number"], shown["vendor"], shown["currency"], shown["total_amount"]) == (
        "4500016221",
        "KITA",
        "AUD",
        "1000000.00",
    )
    assert shown["external_ids"] == [{"system": "SAP-PRD", "external_id": "4500016221"}]
    row = ScheduleLine.objects.get()
    assert shown["lines"] == [
        {
            "line_number": 10,
            "external_line_id": "",
            "status": "open",
            "description": "",
            "equipment_class": "chiller",
            "plant": "KITA/OSAKA",
            "unit": "EA",
            "unit_price": "250000.00",
            "over_delivery_percent": "0",
            "schedules": [
                {
                    "id": str(row.pk),
                    "schedule_number": 1,
                    "status": "open",
                    "site": "SYD1",
                    "quantity": "4",
                    "contractual_date": "2027-07-19",
                    "contract_step": "ON_SITE",
                    "contract_step_assumed": False,
                    "lots": [{"lot_number": 1, "quantity": "4"}],
                }
            ],
        }
    ]


def test_what_is_known_already_is_not_sent_again(erp: Caller) -> None:
    erp.put(ORDER, order_body())

    for tag in ('"v1"', 'W/"v1"', '"v0", "v1"', "*"):
        answer = erp.get(ORDER, If_None_Match=tag)
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", '"v1"')
    assert erp.get(ORDER, If_None_Match='"v2"').status_code == 200


def _lot_of(answer: Any) -> Any:
    return answer.json()["lines"][0]["schedules"][0]["lots"][0]


def test_computed_dates_come_only_when_asked_and_without_a_tag(erp: Caller) -> None:
    erp.put(ORDER, order_body())
    AllocationFactory.create(lot=DeliveryLot.objects.get())

    answer = erp.get(f"{ORDER}?expand=forecast", If_None_Match='"v1"')

    assert (answer.status_code, answer.has_header("ETag")) == (200, False)
    forecast = answer.json()["lines"][0]["schedules"][0]["lots"][0]["forecast"]
    assert forecast["forecast_on"] >= "2027"
    assert "probability" not in _lot_of(answer)
    probabilities.draw_due()
    assert _lot_of(erp.get(f"{ORDER}?expand=forecast"))["probability"]["p80_on"] >= "2027"
    problem(erp.get(f"{ORDER}?expand=everything"), 400, "invalid_parameter")


def test_three_lines_read_in_as_many_queries_as_one(erp: Caller) -> None:
    erp.put("/purchase-orders/ext/SAP-PRD/one", order_body())
    erp.put("/purchase-orders/ext/SAP-PRD/three", order_body(order_line(10), order_line(20), order_line(30)))

    counts = [
        queries_of(lambda name=name: erp.get(f"/purchase-orders/ext/SAP-PRD/{name}?expand=forecast"))
        for name in ("one", "three")
    ]

    assert counts == [13, 13]


# -- sight ---------------------------------------------------------------------------------------------------------


def without_trace(answer: Any) -> dict[str, Any]:
    """All that does not name this very call: its trace and the address that was asked for."""
    body: dict[str, Any] = problem(answer, 404, "not_found")
    return {name: value for name, value in body.items() if name not in {"trace_id", "instance"}}


def test_an_order_out_of_sight_answers_as_one_that_is_not_there(erp: Caller, sydney_only: Caller) -> None:
    erp.put(ORDER, order_body(site="TYO1"))
    key = PurchaseOrder.objects.get().pk
    unknown = without_trace(sydney_only.get("/purchase-orders/01900000-0000-7000-8000-000000000000"))

    hidden = [
        sydney_only.get(f"/purchase-orders/{key}"),
        sydney_only.get(f"/purchase-orders/{key}", If_None_Match="*"),
        sydney_only.get(ORDER),
        sydney_only.get("/purchase-orders/ext/SAP-PRD/nothing"),
        sydney_only.put(ORDER, order_body(document_version=2)),
        sydney_only.get(f"/purchase-orders/{key}/date-revisions"),
        sydney_only.post(
            f"/purchase-orders/{key}/date-revisions",
            {"stated_on": "2026-10-01", "revisions": [{"kind": "promise", "line_number": 10, "date": "2027-08-16"}]},
        ),
        sydney_only.get("/nowhere"),
    ]

    assert [without_trace(answer) for answer in hidden] == [unknown] * len(hidden)


def test_lines_of_other_sites_and_the_amounts_they_make_up_are_left_out(erp: Caller, sydney_only: Caller) -> None:
    erp.put(ORDER, order_body(order_line(10), order_line(20, site="TYO1")))

    shown = sydney_only.get(ORDER).json()

    assert [line["line_number"] for line in shown["lines"]] == [10]
    assert (shown["amounts_visible"], shown["total_amount"]) == (False, None)
    assert shown["lines"][0]["unit_price"] == "250000.00"
    whole = erp.get(ORDER).json()
    assert ([line["line_number"] for line in whole["lines"]], whole["amounts_visible"]) == ([10, 20], True)


def test_a_reader_without_the_right_to_amounts_sees_none(erp: Caller) -> None:
    erp.put(ORDER, order_body(damages_rate_percent="0.5", damages_unit="week"))
    viewer = calling("Viewer", role=Role.VIEWER, system="SAP-PRD")

    shown = viewer.get(ORDER).json()

    assert (shown["total_amount"], shown["damages_rate_percent"], shown["lines"][0]["unit_price"]) == (None, None, None)


def test_a_site_that_may_be_seen_but_not_written_is_forbidden(erp: Caller) -> None:
    erp.put(ORDER, order_body())
    viewer = calling("Viewer", role=Role.VIEWER, system="SAP-PRD")

    problem(viewer.put(ORDER, order_body(document_version=2, title="Mine")), 403, "not_permitted")
    assert PurchaseOrder.objects.get().title == ""


def test_another_systems_ids_are_forbidden_whether_or_not_they_exist(erp: Caller, world: World) -> None:
    erp.put(ORDER, order_body())
    other = calling("Other", system="NETSUITE")

    problem(other.get(ORDER), 403, "foreign_system")
    problem(other.get("/purchase-orders/ext/SAP-PRD/nothing"), 403, "foreign_system")
    problem(other.put(ORDER, order_body(document_version=2)), 403, "foreign_system")


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [(Scope.ORDERS_READ, [200, 403]), (Scope.ORDERS_WRITE, [403, 200]), (Scope.DATES_WRITE, [403, 403])],
)
def test_a_key_does_what_its_scopes_say(erp: Caller, scope: str, allowed: list[int]) -> None:
    erp.put(ORDER, order_body())
    narrow = calling("Narrow", scopes=[scope])

    answers = [narrow.get(ORDER), narrow.put(ORDER, order_body())]

    assert [answer.status_code for answer in answers] == allowed
    assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"scope"}


@pytest.mark.django_db(transaction=True)
def test_an_order_is_read_as_it_was(erp: Caller) -> None:
    key = erp.put(ORDER, order_body(order_line(10), order_line(20))).json()["id"]
    before = erp.get(f"/purchase-orders/{key}").json()
    between = timezone.now()
    erp.put(ORDER, order_body(order_line(10, unit_price="1.00", quantity="5"), order_line(30), document_version=2))

    then = erp.get(f"/purchase-orders/{key}?as_of={between.isoformat().replace('+00:00', 'Z')}")

    for line in before["lines"]:
        for schedule in line["schedules"]:
            schedule["lots"] = []
    assert (then.json(), "ETag" in then) == (before, False)
    problem(erp.get(f"/purchase-orders/{key}?as_of=2020-01-01T00:00:00Z"), 404, "not_found")
    problem(erp.get(f"/purchase-orders/{key}?as_of=yesterday"), 400, "invalid_parameter")
    problem(erp.get(f"/purchase-orders/{key}?as_of=2026-01-01T00:00:00Z&expand=forecast"), 400, "invalid_parameter")


@pytest.mark.django_db
@pytest.mark.parametrize("tag", ['"v7"', "*", 'W/"v1"', '"v1", "v2"'])
def test_an_upsert_that_names_another_version_is_refused(erp: Caller, tag: str) -> None:
    erp.put(ORDER, order_body(title="Chillers"))

    refused = erp.put(ORDER, order_body(document_version=2, title="Other"), If_Match=tag)

    problem(refused, 412, "stale_version")
    assert refused["ETag"] == '"v1"'
    assert PurchaseOrder.objects.get().title == "Chillers"


@pytest.mark.django_db
def test_an_upsert_may_name_the_version_it_was_made_from(erp: Caller) -> None:
    too_early = erp.put(ORDER, order_body(), If_Match='"v1"')
    problem(too_early, 412, "stale_version")
    assert "ETag" not in too_early
    tag = erp.put(ORDER, order_body())["ETag"]

    answer = erp.put(ORDER, order_body(document_version=2, title="Chillers"), If_Match=tag)

    assert (answer.status_code, answer.json()["result"]) == (200, "updated")


@pytest.mark.django_db
@pytest.mark.parametrize("instant", ["2999-01-01T00:00:00Z", "2026-11-20T14:30:00", "yesterday"])
def test_a_past_state_is_asked_for_by_an_instant_that_was(erp: Caller, instant: str) -> None:
    erp.put(ORDER, order_body())

    refused = problem(erp.get(f"{ORDER}?as_of={instant}"), 400, "invalid_parameter")

    assert refused["detail"].startswith("as_of: ")
