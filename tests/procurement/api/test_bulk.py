"""Many orders in one call or as a job: each row by itself, or all or none."""

from typing import Any

import pytest

from procurement.models import Job, LogLine, PurchaseOrder, ScheduleLine
from procurement.services import jobs
from sites.accounts.models import AuditEvent
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, order_line, pointers, problem, queries_of
from tests.procurement.services.order_documents import NOON

BULK = "/purchase-orders/bulk"


def row(name: str, *lines: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {"external_id": name, "body": order_body(*lines, **said)}


def rows(*each: dict[str, Any]) -> dict[str, Any]:
    return {"rows": list(each)}


@pytest.mark.django_db
def test_each_row_is_written_or_refused_by_itself(erp: Caller) -> None:
    bad = row("B", order_line("00020", unit=""), document_version=2)
    answer = erp.post(BULK, rows(row("A"), bad, row("C", order_line(equipment_class="boiler"))))

    body = answer.json()
    assert (answer.status_code, answer["X-Row-Failures"]) == (200, "2")
    assert body["summary"] | {"unchanged": 0} == body["summary"]
    assert [(each["index"], each["result"], each["status"]) for each in body["results"]] == [
        (0, "created", 201),
        (1, "failed", 422),
        (2, "failed", 422),
    ]
    assert [each["problem"]["retryable"] for each in body["results"][1:]] == [False, False]
    assert [pointers(each["problem"]) for each in body["results"][1:]] == [
        ["/lines/20/unit"],
        ["/lines/10/equipment_class"],
    ]
    assert list(PurchaseOrder.objects.values_list("number", flat=True)) == ["A"]


@pytest.mark.django_db
def test_the_forecasts_of_a_bulk_are_those_of_single_orders(erp: Caller) -> None:
    promised = {"promised_date": {"value": "2027-W37", "precision": "week"}}
    single = erp.put(ORDER, order_body(order_line(**promised))).json()["id"]

    bulk = erp.post(BULK, rows(row("B", order_line(**promised)))).json()["results"][0]["id"]

    shown = [erp.get(f"/purchase-orders/{key}?expand=forecast").json()["lines"] for key in (single, bulk)]
    forecasts = [lines[0]["schedules"][0]["lots"][0]["forecast"] for lines in shown]
    assert forecasts[0] == forecasts[1]
    assert forecasts[1]["promised_on"] == "2027-09-19"


@pytest.mark.django_db
def test_rows_of_a_bulk_may_be_about_one_another(erp: Caller) -> None:
    of_a = row("B", order_line(), kind="call_off", parent="A")

    nowhere = row("C")
    del nowhere["body"]["site"]

    body = erp.post(BULK, rows(row("A"), of_a, nowhere)).json()

    assert [each["result"] for each in body["results"]] == ["created"] * 3, body
    assert PurchaseOrder.objects.get(number="B").parent == PurchaseOrder.objects.get(number="A")
    told = AuditEvent.objects.filter(verb="order.created").order_by("pk").values_list("facts__external_id", flat=True)
    assert list(told) == ["A", "B", "C"]
    shown = LogLine.objects.order_by("order_number").values_list("order_number", "site_code", "lots")
    assert list(shown) == [("A", "SYD1", 1), ("B", "SYD1", 1), ("C", None, 0)]


@pytest.mark.django_db
def test_all_or_none(erp: Caller) -> None:
    answer = erp.post(f"{BULK}?atomic=true", rows(row("A"), row("B", vendor="NOBODY")))

    assert answer.status_code == 422
    assert [each["result"] for each in answer.json()["results"]] == ["not_written", "failed"]
    assert PurchaseOrder.objects.count() == 0


@pytest.mark.django_db
def test_a_row_that_cannot_be_read_spoils_all_or_none(erp: Caller) -> None:
    answer = erp.post(f"{BULK}?atomic=true", rows(row("A"), row("B", lines=[{"quantity": "x"}])))

    assert answer.status_code == 422
    assert PurchaseOrder.objects.count() == 0


@pytest.mark.django_db
def test_orders_are_cancelled_not_deleted(erp: Caller) -> None:
    erp.post(BULK, rows(row("A")))

    answer = erp.post(
        BULK, rows({"op": "cancel", "external_id": "A", "document_version": 2}, {"op": "cancel", "external_id": "Z"})
    )

    assert [(each["result"], each["status"]) for each in answer.json()["results"]] == [
        ("updated", 200),
        ("failed", 404),
    ]
    assert list(ScheduleLine.objects.values_list("status", flat=True)) == ["cancelled"]


@pytest.mark.django_db
def test_a_second_sending_changes_nothing(erp: Caller) -> None:
    erp.post(BULK, rows(row("A"), row("B")))

    assert erp.post(BULK, rows(row("A"), row("B"))).json()["summary"]["unchanged"] == 2


@pytest.mark.django_db
def test_a_dry_run_of_a_bulk_keeps_nothing(erp: Caller) -> None:
    body = erp.post(f"{BULK}?dry_run=true", rows(row("A"))).json()

    assert (body["dry_run"], body["summary"]["created"], PurchaseOrder.objects.count()) == (True, 1, 0)
    assert {"id", "etag"} & set(body["results"][0]) == set()


@pytest.mark.django_db
def test_a_dry_run_of_all_or_none_is_refused_as_the_call_would_be(erp: Caller) -> None:
    sent = rows(row("A"), row("B", order_line(equipment_class="nothing")))

    tried = erp.post(f"{BULK}?atomic=true&dry_run=true", sent)
    called = erp.post(f"{BULK}?atomic=true", sent)

    assert (tried.status_code, called.status_code) == (422, 422)
    assert tried.json() == called.json() | {"dry_run": True}


@pytest.mark.django_db
def test_unknown_fields_are_warned_of_or_refused_row_by_row(erp: Caller) -> None:
    sent = rows(row("A", order_line(colour="red", forecast_on="2027-01-01")))

    refused = erp.post(f"{BULK}?dry_run=true", sent, prefer="handling=strict").json()["results"][0]["problem"]
    warned = erp.post(BULK, sent).json()["results"][0]

    assert [each["pointer"] for each in warned["warnings"]] == ["/lines/10/colour", "/lines/10/forecast_on"]
    assert [each["code"] for each in refused["errors"]] == ["unknown_field", "owned_by_tracker"]


@pytest.mark.django_db
def test_what_nobody_knows_beside_the_rows_is_told_or_refused(erp: Caller) -> None:
    """`atomic` is asked for in the address: in the body it would do nothing, unheard."""
    sent = rows(row("A") | {"note": "x"}) | {"atomic": True}

    told = erp.post(BULK, sent).json()["warnings"]

    assert [(each["code"], each["pointer"]) for each in told] == [
        ("unknown_field", "/rows/0/note"), ("unknown_field", "/atomic"),
    ]  # fmt: skip
    problem(erp.post(BULK, sent, prefer="handling=strict"), 422, "validation_error")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "external_id", "pointer"),
    [
        ({"external_id": " "}, " ", "/external_id"),
        ({"external_id": "B", "op": "destroy"}, "B", "/op"),
        ({"external_id": "B", "body": "all of it"}, "B", "/body"),
        ({"external_id": "x" * 81}, "x" * 81, "/external_id"),
        ({"external_id": 7, "op": None}, "", "/op"),
        ("B", "", None),
    ],
)
def test_a_row_that_is_none_is_refused_at_its_place_and_the_others_are_written(
    erp: Caller, wrong: object, external_id: str, pointer: str | None
) -> None:
    answer = erp.post(BULK, {"rows": [row("A"), wrong, row("C")]})

    results = answer.json()["results"]
    assert [each["result"] for each in results] == ["created", "failed", "created"]
    assert (answer["X-Row-Failures"], results[1]["external_id"]) == ("1", external_id)
    assert pointer in [each["pointer"] for each in results[1]["problem"]["errors"]]


@pytest.mark.django_db
def test_a_row_that_is_none_is_refused_in_a_job_too(erp: Caller) -> None:
    job = erp.post(BULK, {"rows": [row("A"), {"external_id": "B", "op": "destroy"}]}, prefer="respond-async").json()

    jobs.do_all(now_fn=lambda: NOON)

    found = erp.get(f"/jobs/{job['id']}/rows").json()["items"]
    assert [each["result"] for each in found] == ["created", "failed"]


@pytest.mark.django_db
def test_ids_of_another_system_are_refused(erp: Caller) -> None:
    answer = erp.post(BULK, rows(row("A") | {"system": "SAP-DEV"}))

    assert [each["code"] for each in answer.json()["results"][0]["problem"]["errors"]] == ["foreign_system"]


@pytest.mark.django_db
def test_a_bulk_on_request_becomes_a_job(erp: Caller) -> None:
    asked = erp.post(BULK, rows(row("A"), row("B", vendor="NOBODY"), row("C", lines="x")), prefer="respond-async")
    path = asked["Location"].removeprefix("/api/v1")
    before = erp.get(path).json()

    finished = jobs.do_all(now_fn=lambda: NOON)

    after = erp.get(path).json()
    assert (asked.status_code, before["state"], before["finished_rows"]) == (202, "queued", 1)
    assert asked["Preference-Applied"] == "respond-async"
    assert (finished, after["state"], after["rows"], after["finished_rows"]) == (1, "done", 3, 3)
    assert (after["summary"]["created"], after["summary"]["failed"]) == (1, 2)
    listed = erp.get(f"{path}/rows?result=failed").json()
    assert [each["index"] for each in listed["items"]] == [1, 2]
    assert jobs.do_all(now_fn=lambda: NOON) == 0


@pytest.mark.django_db
def test_the_jobs_of_a_client_are_listed_in_a_constant_number_of_queries(erp: Caller) -> None:
    erp.post(BULK, rows(row("A"), row("B", vendor="NOBODY"), row("C", lines="x")), prefer="respond-async")
    one = queries_of(lambda: erp.get("/jobs"))
    jobs.do_all(now_fn=lambda: NOON)
    for name in ("D", "E"):
        erp.post(BULK, rows(row(name)), prefer="respond-async")
    other = calling("Other")

    (first, *rest) = erp.get("/jobs").json()["items"]

    assert (first["rows"], first["finished_rows"], first["summary"]["failed"], first["state"]) == (3, 3, 2, "done")
    assert [(each["rows"], each["finished_rows"]) for each in rest] == [(1, 0), (1, 0)]
    assert len(erp.get("/jobs?state=queued").json()["items"]) == 2
    assert other.get("/jobs").json()["items"] == []
    assert queries_of(lambda: erp.get("/jobs")) == one


@pytest.mark.django_db
def test_a_job_that_was_left_is_taken_up_where_it_stands(erp: Caller) -> None:
    asked = erp.post(BULK, rows(row("A"), row("B")), prefer="respond-async")
    job = Job.objects.get(pk=asked.json()["id"])
    done = {"index": 0, "external_id": "A", "status": 201, "result": "created"}
    job.rows.filter(place=0).update(outcome=done)
    Job.objects.update(state="running", started_at=NOON)

    jobs.do_all(now_fn=lambda: NOON)

    assert list(PurchaseOrder.objects.values_list("number", flat=True)) == ["B"]


@pytest.mark.django_db
def test_a_job_of_all_or_none_writes_none(erp: Caller) -> None:
    asked = erp.post(f"{BULK}?atomic=true", rows(row("A"), row("B", vendor="NOBODY")), prefer="respond-async")

    jobs.do_all(now_fn=lambda: NOON)

    shown = erp.get(asked["Location"].removeprefix("/api/v1")).json()
    assert (shown["state"], shown["summary"]["failed"], shown["summary"]["not_written"]) == ("failed", 1, 1)
    assert PurchaseOrder.objects.count() == 0


@pytest.mark.django_db
def test_more_than_five_hundred_rows_become_a_job(erp: Caller) -> None:
    cancels = [{"op": "cancel", "external_id": f"N{place}"} for place in range(501)]

    assert erp.post(BULK, rows(*cancels)).status_code == 202
    problem(erp.post(f"{BULK}?dry_run=true", rows(*cancels)), 400, "invalid_parameter")


@pytest.mark.django_db
def test_a_job_is_its_client_s_own(erp: Caller) -> None:
    asked = erp.post(BULK, rows(row("A")), prefer="respond-async")

    problem(calling("Other").get(asked["Location"].removeprefix("/api/v1")), 404, "not_found")


@pytest.mark.django_db
def test_rows_of_a_job_are_read_in_a_fixed_number_of_queries(erp: Caller) -> None:
    paths = []
    for count in (1, 3):
        cancels = [{"op": "cancel", "external_id": f"N{place}"} for place in range(count)]
        asked = erp.post(BULK, rows(*cancels), prefer="respond-async")
        paths.append(asked["Location"].removeprefix("/api/v1"))
    jobs.do_all(now_fn=lambda: NOON)

    assert len({queries_of(lambda path=path: erp.get(f"{path}/rows")) for path in paths}) == 1
