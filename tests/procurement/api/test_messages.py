"""What went between a system and us: what failed is kept, tried again through the same door, or put away."""

from typing import Any

import pytest

from procurement.models import IntegrationMessage, PurchaseOrder
from procurement.services import messages
from sites.accounts.models import AuditEvent
from tests.factories.procurement import CompanyFactory
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, pointers, problem, queries_of
from tests.procurement.services.order_documents import NOON

pytestmark = pytest.mark.django_db
LIST = "/integration-messages"


def failed(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get(f"{LIST}?status=failed").json()["items"]
    return found


def test_what_was_refused_is_kept_with_its_body_and_its_problem(erp: Caller) -> None:
    erp.put(ORDER, order_body(vendor="NOBODY"))

    (row,) = failed(erp)
    assert (row["method"], row["path"], row["kind"]) == ("PUT", f"/api/v1{ORDER}", "order-ext")
    assert (row["http_status"], row["code"], row["attempts"]) == (422, "validation_error", 1)
    assert [each["pointer"] for each in row["problem"]["errors"]] == ["/vendor"]
    assert '"vendor": "NOBODY"' in erp.get(f"{LIST}/{row['id']}").json()["payload"]


def test_the_same_refused_again_is_counted(erp: Caller) -> None:
    for _again in range(3):
        erp.put(ORDER, order_body(vendor="NOBODY"))

    assert [row["attempts"] for row in failed(erp)] == [3]


def test_what_was_carried_out_is_listed_without_its_body(erp: Caller) -> None:
    erp.put(ORDER, order_body())

    (row,) = erp.get(f"{LIST}?status=done").json()["items"]
    assert (row["http_status"], row["problem"], erp.get(f"{LIST}/{row['id']}").json()["payload"]) == (201, None, "")


def test_a_corrected_document_settles_what_was_refused_before(erp: Caller) -> None:
    erp.put(ORDER, order_body(vendor="NOBODY"))
    erp.put(ORDER, order_body())

    assert failed(erp) == []
    assert IntegrationMessage.objects.filter(state="retried").count() == 1


def test_what_is_refused_again_stays_on_the_list(erp: Caller) -> None:
    erp.put(ORDER, order_body(vendor="NOBODY"))
    (row,) = failed(erp)

    again = erp.post(f"{LIST}/{row['id']}/retry", {}).json()

    assert (again["status"], again["attempts"], again["http_status"]) == ("failed", 2, 422)
    assert [each["id"] for each in failed(erp)] == [row["id"]]


def test_a_retry_that_succeeds_takes_it_off_the_list(erp: Caller) -> None:
    body = order_body(vendor="LATER")
    del body["lines"][0]["plant"]
    erp.put(ORDER, body)
    (row,) = failed(erp)
    CompanyFactory.create(code="LATER", makes=True)

    again = erp.post(f"{LIST}/{row['id']}/retry", {}).json()

    assert (again["status"], again["http_status"], failed(erp)) == ("retried", 201, [])
    assert PurchaseOrder.objects.get().seller.code == "LATER"
    problem(erp.post(f"{LIST}/{row['id']}/retry", {}), 409, "conflict")
    assert AuditEvent.objects.filter(verb="message.retry").count() == 1


def test_a_retry_has_no_more_rights_than_the_key_had(erp: Caller) -> None:
    poor = calling("Poor", scopes=["po:read", "msg:admin"])
    problem(poor.put(ORDER, order_body()), 403, "scope")
    (row,) = failed(poor)

    again = poor.post(f"{LIST}/{row['id']}/retry", {}).json()

    assert (again["status"], again["code"], PurchaseOrder.objects.count()) == ("failed", "scope", 0)


def test_what_is_put_away_says_why(erp: Caller) -> None:
    erp.put(ORDER, order_body(vendor="NOBODY"))
    (row,) = failed(erp)
    path = f"{LIST}/{row['id']}/discard"

    assert pointers(problem(erp.post(path, {"reason": "  "}), 422, "validation_error")) == ["/reason"]
    done = erp.post(path, {"reason": "A trial"})

    assert (done.json()["status"], done.json()["reason"], failed(erp)) == ("discarded", "A trial", [])
    problem(erp.post(path, {"reason": "Again"}), 409, "conflict")


def test_messages_are_the_client_s_own(erp: Caller, sydney_only: Caller) -> None:
    erp.put(ORDER, order_body(vendor="NOBODY"))
    (row,) = failed(erp)

    assert sydney_only.get(LIST).json()["items"] == []
    problem(sydney_only.get(f"{LIST}/{row['id']}"), 404, "not_found")
    problem(sydney_only.post(f"{LIST}/{row['id']}/retry", {}), 404, "not_found")
    problem(sydney_only.post(f"{LIST}/{row['id']}/discard", {"reason": "x"}), 404, "not_found")


def test_a_try_and_what_the_caller_repeats_by_itself_are_no_messages(erp: Caller) -> None:
    order = erp.put(ORDER, order_body()).json()
    before = IntegrationMessage.objects.count()

    erp.put(f"{ORDER}?dry_run=true", order_body(vendor="NOBODY"))
    erp.patch(f"/purchase-orders/{order['id']}", {"title": "x"})
    erp.patch(f"/purchase-orders/{order['id']}", {"title": "x"}, if_match='"v9"')

    assert IntegrationMessage.objects.count() == before


def test_rows_that_were_refused_are_worked_through_like_messages(erp: Caller) -> None:
    late = order_body(vendor="LATER")
    del late["lines"][0]["plant"]
    sent = {"rows": [{"external_id": "A", "body": order_body()}, {"external_id": "B", "body": late}]}
    told = erp.post("/purchase-orders/bulk", sent)

    (row,) = failed(erp)
    still = erp.post(f"{LIST}/{row['id']}/retry", {}).json()
    CompanyFactory.create(code="LATER", makes=True)
    done = erp.post(f"{LIST}/{row['id']}/retry", {}).json()

    assert (told.status_code, told["X-Row-Failures"]) == (200, "1")
    assert (row["code"], row["http_status"], row["problem"]["detail"]) == (
        "rows_refused",
        200,
        "1 of its rows were refused.",
    )
    assert row["problem"]["errors"] == [
        {"pointer": "/results/1", "code": "invalid", "detail": "B: /vendor: There is no vendor LATER."}
    ]
    assert (still["status"], still["code"], done["status"]) == ("failed", "rows_refused", "retried")
    assert PurchaseOrder.objects.count() == 2


def test_all_or_none_of_which_a_row_was_refused_says_which(erp: Caller) -> None:
    sent = {"rows": [{"external_id": "A", "body": order_body()}, {"external_id": "B", "body": {}}]}
    erp.post("/purchase-orders/bulk?atomic=true", sent)

    (row,) = failed(erp)
    assert (row["code"], row["http_status"]) == ("rows_refused", 422)
    assert {each["pointer"] for each in row["problem"]["errors"]} == {"/results/1"}


def test_an_order_of_sap_that_is_refused_is_a_message_to_work_through(erp: Caller) -> None:
    erp.post("/inbound/sap/purchase-orders", {"PurchaseOrder": "4500000001"})

    (row,) = failed(erp)
    assert (row["code"], row["http_status"]) == ("rows_refused", 200)
    assert [(each["pointer"], each["detail"]) for each in row["problem"]["errors"]] == [
        (
            "/results/0",
            "4500000001: Supplier: The first message of an order holds its header with Supplier and DocumentCurrency.",
        )
    ]


def test_a_file_that_was_refused_is_sent_again_from_there(erp: Caller) -> None:
    path = "/attachments?subject_kind=order&subject_id=00000000-0000-7000-8000-000000000000&file_name=note.txt"
    for content in (b"One", b"Two"):
        erp.post(path, content, content_type="application/octet-stream")

    rows = failed(erp)

    assert [row["attempts"] for row in rows] == [1, 1]
    assert problem(erp.post(f"{LIST}/{rows[0]['id']}/retry", {}), 409, "conflict")["detail"] == (
        "The message is a file or was too large to keep; send it again from your side."
    )


def test_a_message_too_large_to_keep_is_not_tried_again(erp: Caller) -> None:
    erp.put(ORDER, order_body(vendor="NOBODY", title="x" * messages.LARGEST_KEPT))
    (row,) = failed(erp)

    assert erp.get(f"{LIST}/{row['id']}").json()["payload"] == ""
    problem(erp.post(f"{LIST}/{row['id']}/retry", {}), 409, "conflict")


def test_secrets_in_a_body_are_not_shown(erp: Caller) -> None:
    erp.put(ORDER, order_body(vendor="NOBODY", api_key="hunter2", terms={"password": "hunter2"}))
    (row,) = failed(erp)

    assert "hunter2" not in erp.get(f"{LIST}/{row['id']}").content.decode()


def test_no_key_of_a_caller_is_kept(erp: Caller) -> None:
    erp.put(ORDER, order_body(vendor="NOBODY"))

    row = IntegrationMessage.objects.get()
    assert erp.key.split(".")[1] not in f"{row.headers} {row.payload} {row.path}"


def test_a_list_takes_as_many_queries_with_one_as_with_three(erp: Caller) -> None:
    erp.put(ORDER, order_body(vendor="A"))
    one = queries_of(lambda: erp.get(LIST))
    erp.put(ORDER, order_body(vendor="B"))
    erp.put(ORDER, order_body(vendor="C"))

    assert queries_of(lambda: erp.get(LIST)) == one
    assert len(failed(erp)) == 3


def test_old_messages_are_forgotten_but_for_those_that_failed(erp: Caller) -> None:
    erp.put(ORDER, order_body())
    erp.put(ORDER, order_body(vendor="NOBODY"))
    IntegrationMessage.objects.update(created_at=NOON - messages.KEPT_FOR)

    assert messages.purge(NOON) == 1
    assert [row["http_status"] for row in failed(erp)] == [422]
