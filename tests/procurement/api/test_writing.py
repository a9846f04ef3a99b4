"""Sending twice does a thing once, a try keeps nothing, and a refusal leaves nothing behind."""

from datetime import timedelta
from typing import Any

import pytest

from procurement.models import PurchaseOrder
from procurement.services import kept_answers
from sites.accounts.models import AuditEvent, KeptAnswer
from sites.models import Promise
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, order_line, pointers, problem
from tests.procurement.services.order_documents import NOON

KEY = "a-key-of-a-test-0001"


@pytest.fixture
def revisions(erp: Caller) -> str:
    key = erp.put(ORDER, order_body()).json()["id"]
    return f"/purchase-orders/{key}/date-revisions"


def letter(day: str = "2027-08-02", **said: Any) -> dict[str, Any]:
    row = {"kind": "promise", "line_number": 10, "milestone": "FAT_PASS", "date": day}
    return {"stated_on": "2026-11-18", "source": "email", "document": "Letter 4", "revisions": [row]} | said


@pytest.mark.django_db
def test_a_post_without_a_key_is_refused(erp: Caller, revisions: str) -> None:
    answer = erp.browser.post(
        f"/api/v1{revisions}", letter(), content_type="application/json", headers={"Authorization": f"Bearer {erp.key}"}
    )

    problem(answer, 400, "idempotency_key_required")
    assert Promise.objects.filter(document="Letter 4").count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["short", "with a space in it", "x" * 65])
def test_a_key_of_the_wrong_form_is_refused(erp: Caller, revisions: str, key: str) -> None:
    problem(erp.post(revisions, letter(), idempotency_key=key), 400, "invalid_parameter")


@pytest.mark.django_db
def test_the_same_call_again_is_answered_alike_and_done_once(erp: Caller, revisions: str) -> None:
    first = erp.post(revisions, letter(), idempotency_key=KEY)
    again = erp.post(revisions, letter(), idempotency_key=KEY)

    assert (again.status_code, again.content, again["ETag"]) == (201, first.content, first["ETag"])
    assert (again["Idempotency-Replayed"], "Idempotency-Replayed" in first) == ("true", False)
    assert Promise.objects.filter(document="Letter 4").count() == 1


@pytest.mark.django_db
def test_the_same_key_with_another_body_is_refused(erp: Caller, revisions: str) -> None:
    erp.post(revisions, letter(), idempotency_key=KEY)

    problem(erp.post(revisions, letter("2027-08-09"), idempotency_key=KEY), 422, "idempotency_key_reused")


@pytest.mark.django_db
def test_a_key_is_the_client_s_own(erp: Caller, revisions: str) -> None:
    erp.post(revisions, letter(), idempotency_key=KEY)
    other = calling("Other", system="SAP-DEV")

    answer = other.post(revisions, letter(document="Letter 5"), idempotency_key=KEY)

    assert answer.status_code == 201


@pytest.mark.django_db
def test_a_refused_call_uses_up_no_key(erp: Caller, revisions: str) -> None:
    problem(erp.post(revisions, letter(stated_on="2031-01-01"), idempotency_key=KEY), 422, "validation_error")

    assert erp.post(revisions, letter(), idempotency_key=KEY).status_code == 201


@pytest.mark.django_db
def test_a_put_honours_a_key_too(erp: Caller) -> None:
    erp.put(ORDER, order_body(), idempotency_key=KEY)

    again = erp.put(ORDER, order_body(), idempotency_key=KEY)

    assert (again.status_code, again.json()["result"], again["Idempotency-Replayed"]) == (201, "created", "true")


@pytest.mark.django_db
def test_a_dry_run_answers_and_keeps_nothing(erp: Caller, revisions: str) -> None:
    events = AuditEvent.objects.count()

    tried = erp.post(f"{revisions}?dry_run=true", letter(), idempotency_key=KEY)

    assert (tried.status_code, tried.json()["dry_run"], "ETag" in tried) == (200, True, False)
    assert [row["counts_on"] for row in tried.json()["promises"]] == ["2027-08-02"]
    assert Promise.objects.filter(document="Letter 4").count() == 0
    assert AuditEvent.objects.count() == events
    assert erp.post(revisions, letter(), idempotency_key=KEY).status_code == 201


@pytest.mark.django_db
def test_a_dry_run_is_refused_where_the_write_would_be(erp: Caller, revisions: str) -> None:
    body = problem(erp.post(f"{revisions}?dry_run=true", letter(stated_on="2031-01-01")), 422, "validation_error")

    assert pointers(body) == ["/stated_on"]


@pytest.mark.django_db
def test_a_dry_run_says_yes_or_no(erp: Caller, revisions: str) -> None:
    problem(erp.post(f"{revisions}?dry_run=perhaps", letter()), 400, "invalid_parameter")


@pytest.mark.django_db
def test_answers_are_forgotten_after_seven_days(erp: Caller, revisions: str) -> None:
    erp.post(revisions, letter(), idempotency_key=KEY)
    at = KeptAnswer.objects.get(key=KEY).at

    assert kept_answers.purge(at + timedelta(days=7) - timedelta(seconds=1)) == 0
    assert kept_answers.purge(at + timedelta(days=7)) == 1


@pytest.mark.django_db
def test_an_answer_that_is_too_old_is_not_given_again(erp: Caller, revisions: str) -> None:
    erp.post(revisions, letter(), idempotency_key=KEY)
    kept = KeptAnswer.objects.get(key=KEY)

    assert kept_answers.find(erp.client, KEY, kept.at + timedelta(days=7)) is None
    assert kept_answers.find(erp.client, KEY, NOON) is None


def change(**said: Any) -> dict[str, Any]:
    return {"lines": [{"line_number": 10, **said}]}


@pytest.mark.django_db(transaction=True)
def test_a_change_names_the_version_it_was_made_from(erp: Caller) -> None:
    order = erp.put(ORDER, order_body())
    path = f"/purchase-orders/{order.json()['id']}"

    problem(erp.patch(path, change(quantity="5")), 428, "version_required")
    for tag in ("*", f"W/{order['ETag']}", f'{order["ETag"]}, "v9"', '"v999"'):
        refused = erp.patch(path, change(quantity="5"), if_match=tag)
        problem(refused, 412, "stale_version")
        assert refused["ETag"] == order["ETag"]
    done = erp.patch(path, change(quantity="5"), if_match=order["ETag"])

    assert (done.status_code, done.json()["result"], done["ETag"]) == (200, "updated", '"v2"')
    assert done.json()["changed"] == ["lines/10/schedules/1/quantity"]
    stale = erp.patch(path, change(quantity="6"), if_match=order["ETag"])
    assert (problem(stale, 412, "stale_version")["errors"], stale["ETag"]) == ([], '"v2"')


@pytest.mark.django_db(transaction=True)
def test_what_a_change_leaves_out_stays(erp: Caller) -> None:
    order = erp.put(ORDER, order_body(order_line(), order_line("00020")))
    path = f"/purchase-orders/{order.json()['id']}"
    before = erp.get(path).json()

    erp.patch(path, {"title": "Chillers"}, if_match=order["ETag"], content_type="application/merge-patch+json")

    after = erp.get(path).json()
    assert after == before | {"title": "Chillers", "version": 2}


@pytest.mark.django_db(transaction=True)
def test_a_change_that_changes_nothing_keeps_the_version(erp: Caller) -> None:
    order = erp.put(ORDER, order_body())

    done = erp.patch(f"/purchase-orders/{order.json()['id']}", change(quantity="4"), if_match=order["ETag"])

    assert (done.json()["result"], done["ETag"]) == ("unchanged", order["ETag"])


@pytest.mark.django_db(transaction=True)
def test_an_order_out_of_sight_cannot_be_changed(erp: Caller, sydney_only: Caller) -> None:
    order = erp.put(ORDER, order_body(site="TYO1"))

    for tag in (order["ETag"], "*"):
        answer = sydney_only.patch(f"/purchase-orders/{order.json()['id']}", change(quantity="5"), if_match=tag)
        problem(answer, 404, "not_found")


@pytest.mark.django_db
def test_who_wants_no_body_gets_none(erp: Caller) -> None:
    made = erp.put(ORDER, order_body(), prefer="return=minimal")
    changed = erp.put(ORDER, order_body(document_version=2, title="Chillers"), prefer="handling=strict, return=minimal")
    tried = erp.put(f"{ORDER}?dry_run=true", order_body(document_version=3), prefer="return=minimal")

    assert (made.status_code, made.content, made["ETag"]) == (201, b"", '"v1"')
    assert (changed.status_code, changed.content, changed["Preference-Applied"]) == (
        204,
        b"",
        "handling=strict, return=minimal",
    )
    assert tried.json()["dry_run"]


@pytest.mark.django_db
def test_who_wants_no_body_is_still_told_what_is_nowhere_else(erp: Caller) -> None:
    erp.put(ORDER, order_body(document_version=5))
    made = erp.post("/webhook-endpoints", {"url": "https://erp.example/hook"}).json()

    stale = erp.put(ORDER, order_body(document_version=3), prefer="return=minimal")
    warned = erp.put(ORDER, order_body(document_version=6, colour="red"), prefer="return=minimal")
    rotated = erp.post(f"/webhook-endpoints/{made['id']}/rotate-secret", {}, prefer="return=minimal")

    assert (stale.status_code, stale.json()["result"]) == (200, "stale_ignored")
    assert [each["code"] for each in warned.json()["warnings"]] == ["unknown_field"]
    assert rotated.json()["secret"] not in {"", made["secret"]}


@pytest.mark.django_db
def test_who_wanted_no_body_is_answered_so_again(erp: Caller) -> None:
    first = erp.put(ORDER, order_body(), idempotency_key=KEY, prefer="return=minimal")
    again = erp.put(ORDER, order_body(), idempotency_key=KEY, prefer="return=minimal")
    whole = erp.put(ORDER, order_body(), idempotency_key=KEY)

    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, b"")
    assert (whole.status_code, whole.json()["result"], again["Idempotency-Replayed"]) == (201, "created", "true")


@pytest.mark.django_db
def test_who_wants_no_body_still_learns_what_was_made(erp: Caller) -> None:
    order = erp.put(ORDER, order_body()).json()["id"]
    change = {"lines": [{"line_number": 10, "unit_price": "253000"}]}
    receipt = {"order": order, "line_number": 10, "quantity": "1", "received_on": "2026-11-19"}

    drafted = erp.post(
        "/change-orders",
        {"order": order, "number": "CO-1", "reason": "Pumps", "change": change},
        prefer="return=minimal",
    )
    received = erp.post("/goods-receipts", receipt, prefer="return=minimal")

    assert (drafted.status_code, drafted.content) == (201, b"")
    assert erp.get(drafted["Location"].removeprefix("/api/v1")).json()["number"] == "CO-1"
    assert (received.status_code, received.json()["quantity"]) == (201, "1")


@pytest.mark.django_db
def test_the_reason_of_a_call_is_in_the_history_of_what_it_changed(erp: Caller) -> None:
    erp.put(ORDER, order_body(), x_change_message="Migration of October")

    events = PurchaseOrder.objects.get().history.all()  # type: ignore[attr-defined]
    reasons = {event.pgh_context.metadata.get("reason") for event in events}
    assert reasons == {"Migration of October"}
    problem(erp.put(ORDER, order_body(), x_change_message="x" * 301), 400, "invalid_parameter")


@pytest.mark.django_db
def test_every_answer_says_how_many_calls_are_left(erp: Caller) -> None:
    first, second = erp.get("/me"), erp.get("/me")

    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("600", "599")
    assert (second["RateLimit-Remaining"], second["RateLimit-Reset"]) == ("598", "60")
