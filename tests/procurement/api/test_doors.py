"""What every call meets before any endpoint: keys, methods, types, shares; and how it is refused."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from procurement.api.throttle import WINDOW, Window
from procurement.services import api_keys, orders
from sites.accounts.models import ApiKey
from tests.factories.accounts import UserFactory
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, problem
from tests.procurement.services.order_documents import NOON

pytestmark = pytest.mark.django_db


def test_who_am_i(erp: Caller, sydney_only: Caller) -> None:
    told = sydney_only.get("/me").json()

    assert (told["client"], told["system"], told["sites"]) == ("Sydney", "SAP-PRD", ["SYD1"])
    assert told["rate_limit"] == {"calls": 600, "seconds": 60}
    assert told["key"] == sydney_only.key.split(".")[0]
    assert erp.get("/me").json()["sites"] == ["SYD1", "TYO1"]
    assert erp.key.split(".")[1] not in erp.get("/me").content.decode()


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer nonsense", "Basic YWJjOmRlZg==", "Token abc", "Bearer ll_live_aaaaaaaaaaaa." + "a" * 43],
)
def test_without_a_key_nobody_is_known(header: str) -> None:
    answer = Client().get("/api/v1/me", headers={"Authorization": header})

    body = problem(answer, 401, "not_authenticated" if not header.startswith("Bearer") else "authentication_failed")
    assert answer["WWW-Authenticate"] == 'Bearer realm="Longlead"'
    assert not body["retryable"]


def test_a_revoked_key_is_unknown(erp: Caller) -> None:
    api_keys.revoke(key=ApiKey.objects.get(), actor=None, now=NOON)

    problem(erp.get("/me"), 401, "authentication_failed")


def test_a_portal_session_opens_nothing_here() -> None:
    browser = Client()
    browser.force_login(UserFactory.create())

    problem(browser.get("/api/v1/me"), 401, "not_authenticated")


def test_a_method_that_the_path_does_not_know(erp: Caller) -> None:
    answer = erp.post(ORDER, order_body())

    problem(answer, 405, "method_not_allowed")
    assert "PUT" in answer["Allow"]


def test_a_representation_that_is_not_there(erp: Caller) -> None:
    problem(erp.get("/me", Accept="text/csv"), 406, "not_acceptable")


def test_a_body_of_another_type(erp: Caller) -> None:
    problem(erp.put(ORDER, b"<order/>", content_type="application/xml"), 415, "unsupported_media_type")


def test_a_path_nobody_knows(erp: Caller) -> None:
    for path in ("/nowhere", "/purchase-orders/4500016221", "/purchase-order", "/"):
        problem(erp.get(path), 404, "not_found")
        problem(Client().post(f"/api/v1{path}"), 404, "not_found")


def test_a_client_that_floods_waits_and_the_others_do_not(
    erp: Caller, sydney_only: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WINDOW, "most", 2)
    for _call in range(2):
        assert erp.get("/me").status_code == 200

    answer = erp.get("/me")

    assert problem(answer, 429, "throttled")["retryable"]
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert sydney_only.get("/me").status_code == 200


def test_a_share_is_counted_over_sixty_seconds() -> None:
    now = [0.0]
    window = Window(2, lambda: now[0])
    waits = []
    for at in (0.0, 30.0, 40.0, 60.0, 61.0):
        now[0] = at
        waits.append(window.enter("ERP"))

    assert waits == [None, None, 20.0, None, 29.0]


def test_what_breaks_on_our_side_is_a_problem_too(
    erp: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(**said: Any) -> None:
        raise RuntimeError("a secret of the machine room")

    monkeypatch.setattr(orders, "upsert", break_down)
    erp.browser.raise_request_exception = False

    answer = erp.put(ORDER, order_body())

    assert problem(answer, 500, "internal_error")["retryable"]
    assert "secret" not in answer.content.decode()
    assert "a secret of the machine room" in caplog.text


def test_a_database_that_is_gone_is_a_503(erp: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def go_away(**said: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(orders, "upsert", go_away)
    monkeypatch.setattr("procurement.config.middleware.connection.close", lambda: None)

    answer = erp.put(ORDER, order_body())

    assert (answer.status_code, answer["Content-Type"], answer["Retry-After"]) == (
        503,
        "application/problem+json",
        "5",
    )


def test_two_clients_never_share_an_answer(erp: Caller) -> None:
    answer = erp.get("/me")

    assert (answer["Cache-Control"], "Authorization" in answer["Vary"]) == ("private, no-cache", True)


def test_reading_leaves_no_cookie(erp: Caller) -> None:
    assert not erp.get("/me").cookies
    assert not calling("Other").put(ORDER, order_body()).cookies
