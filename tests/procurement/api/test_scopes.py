"""A scope opens only what the role of the account allows."""

from typing import Any

import pytest

from sites.accounts.permissions import Role, Scope, scopes_of
from tests.factories.procurement import AlertFactory
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, order_line, pointers, problem
from tests.procurement.services.order_documents import World
from tests.sites.readers.xer import SMALL, xer

CONNECTION = {"site": "SYD1", "name": "Main intake", "utility": "Southern Networks", "requested_mw": "40"}
CONFIRMED = {"line_number": 10, "response": "changed", "date": "2027-09-06"}
FILE = {"content_type": "application/octet-stream"}


def written(caller: Caller, order: str, alert: str) -> dict[str, Any]:
    """What a write under each of these scopes is answered; the approver, who decides, has other calls."""
    came = {"order": order, "line_number": 10, "quantity": "1", "received_on": "2026-11-18"}
    confirmed = {"order": order, "number": "AB-1", "confirmed_on": "2026-11-18", "lines": [CONFIRMED]}
    change = {"order": order, "number": "CO-1", "reason": "Fewer", "change": {"lines": [order_line(quantity="3")]}}
    return {
        "ref:write": caller.put("/vendors/ext/SAP-PRD/1", {"code": "KITA"}),
        "po:write": caller.put(ORDER, order_body(document_version=2, title="Chillers")),
        "conf:write": caller.post("/confirmations", confirmed),
        "receipt:write": caller.post("/goods-receipts", came),
        "change:write": caller.post("/change-orders", change),
        "power:write": caller.post("/grid-connections", CONNECTION),
        "alert:write": caller.post(f"/slip-alerts/{alert}/acknowledge", {"note": "Asked."}),
        "schedule:write": caller.post("/sites/SYD1/schedules?file_name=dc1.xer", xer(*SMALL), **FILE),
        "file:write": caller.post(
            f"/attachments?subject_kind=order&subject_id={order}&file_name=note.txt", b"Agreed.", **FILE
        ),
    }


def is_out_of_sight(answer: Any) -> bool:
    """The order, too, that a change order names: it holds amounts, which not everybody may see."""
    return answer.status_code == 404 or (answer.status_code == 422 and pointers(answer.json()) == ["/order"])


@pytest.mark.django_db
@pytest.mark.parametrize("role", [role for role in Role if role != Role.APPROVER])
def test_a_role_can_use_the_scopes_that_are_said_to_be_its_own(world: World, erp: Caller, role: Role) -> None:
    order = erp.put(ORDER, order_body()).json()["id"]
    alert = str(AlertFactory.create(site=world.sydney).pk)

    answers = written(calling("Other", role=role), order, alert)

    refused = {name for name, answer in answers.items() if answer.status_code == 403 or is_out_of_sight(answer)}
    done = {name for name, answer in answers.items() if answer.status_code in {200, 201}}
    usable = set(answers) & set(scopes_of(role))
    assert (done, refused) == (usable, set(answers) - usable)


@pytest.mark.django_db
def test_who_may_not_write_an_order_cannot_overtake_its_documents_either(world: World, erp: Caller) -> None:
    erp.put(ORDER, order_body())

    refused = calling("Viewer", role=Role.VIEWER).put(ORDER, order_body(document_version=50))

    problem(refused, 403, "not_permitted")
    assert erp.put(ORDER, order_body(document_version=2, title="Chillers")).json()["result"] == "updated"


def test_an_erp_answers_no_alert_and_writes_neither_power_nor_schedules() -> None:
    assert set(Scope) - set(scopes_of(Role.ERP_CLIENT)) == {"alert:write", "power:write", "schedule:write"}
