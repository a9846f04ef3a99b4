from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection, transaction
from django.template.loader import render_to_string
from django.test import Client
from pytest_django import Settings

from procurement.models import Evaluation
from procurement.queries.health import figures
from procurement.services import heartbeats
from procurement.vocabulary import NotificationState
from tests.factories.erp import ChangeFactory
from tests.factories.procurement import EvaluationFactory, NotificationFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import browser_of
from tests.threads import at_once

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def noon(settings: Settings) -> Any:
    settings.CELERY_BROKER_URL = NOBODY_LISTENS
    with time_machine.travel(NOON, tick=False):
        yield


def all_alive() -> None:
    for component in ("beat", "worker", "sender"):
        heartbeats.beat(component, now=NOON - timedelta(seconds=30))


@pytest.mark.django_db
def test_a_broker_that_is_away_only_degrades(client: Client) -> None:
    all_alive()

    answer = client.get("/healthz")

    body = answer.json()
    assert (answer.status_code, body["status"], body["problems"]) == (200, "degraded", ["broker_is_down"])
    assert (body["database"], body["broker"], body["heartbeats"]["beat"]["age_seconds"]) == ("up", "down", 30)


@pytest.mark.django_db
def test_mail_that_does_not_leave_fails(client: Client) -> None:
    all_alive()
    NotificationFactory.create(frozen=True, state=NotificationState.DUE, next_attempt_at=NOON - timedelta(minutes=10))

    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()["oldest_due_notification_seconds"]) == (503, 600)
    assert "mail_is_stuck" in answer.json()["problems"]


@pytest.mark.django_db
def test_silence_is_told(client: Client) -> None:
    heartbeats.beat("beat", now=NOON - timedelta(minutes=16))

    assert client.get("/healthz").json()["problems"] == ["beat_is_silent", "nobody_sends", "broker_is_down"]


@pytest.mark.django_db
def test_evaluations_are_told_without_naming_a_site(client: Client) -> None:
    seen = EvaluationFactory.create(site__code="SYD1", evaluated_at=NOON)
    Evaluation.objects.create(site=None, as_of=NOON.date(), evaluated_at=NOON)

    answer = client.get("/healthz")

    assert answer.json()["last_evaluation"] == {str(seen.site_id): NOON.isoformat(), "power": NOON.isoformat()}
    assert "SYD1" not in answer.content.decode()


@pytest.mark.django_db
def test_a_site_goes_by_its_code_where_the_reader_may_see_it() -> None:
    mine, other = EvaluationFactory.create(site__code="SYD1"), EvaluationFactory.create(site__code="TYO1")
    reader = MembershipFactory.create(site=mine.site).person

    told = browser_of(reader).get("/healthz").json()["last_evaluation"]

    assert told.keys() == {"SYD1", str(other.site_id), "power"}


@pytest.mark.django_db
def test_a_load_balancer_asks_only_for_the_database(client: Client) -> None:
    assert client.get("/readyz").json() == {"status": "ok", "database": "up"}


def test_the_page_for_a_database_that_is_gone_needs_none() -> None:
    # Without the `db` mark a query would be refused.
    assert "Back in a moment" in render_to_string("503.html")


def test_the_page_for_an_error_needs_no_request() -> None:
    assert "Something went wrong" in render_to_string("500.html")


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/healthz", "/readyz"])
def test_a_database_that_is_away_is_told_in_json(client: Client, page: str) -> None:
    def gone(*args: object) -> None:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(gone):
        answer = client.get(page)

    assert (answer.status_code, answer.json()) == (503, {"status": "failing", "database": "down"})


# -- metrics -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_metrics_count_what_waits_and_name_nobody(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "a-token-of-our-own"
    heartbeats.beat("sender", now=NOON - timedelta(seconds=30))
    EvaluationFactory.create(site__code="SYD1", evaluated_at=NOON - timedelta(minutes=2))
    NotificationFactory.create(frozen=True, state=NotificationState.DUE, next_attempt_at=NOON - timedelta(minutes=10))
    NotificationFactory.create_batch(2, frozen=True, state=NotificationState.DEAD, next_attempt_at=None)

    answer = client.get("/metrics", headers={"Authorization": "Bearer a-token-of-our-own"})

    told = dict(line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if not line.startswith("#"))
    assert answer.status_code == 200
    assert told['longlead_messages{state="dead"}'] == "2.0"
    assert told['longlead_messages{state="due"}'] == "1.0"
    assert told["longlead_oldest_due_message_seconds"] == "600.0"
    assert told["longlead_oldest_evaluation_seconds"] == "120.0"
    assert told['longlead_heartbeat_age_seconds{component="sender"}'] == "30.0"
    assert "SYD1" not in answer.content.decode()


@pytest.mark.django_db
def test_the_metrics_need_their_token_and_do_not_exist_without_one(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "a-token-of-our-own"
    wrong = client.get("/metrics", headers={"Authorization": "Bearer guessed"})
    none = client.get("/metrics")
    settings.METRICS_TOKEN = ""

    assert (wrong.status_code, none.status_code) == (401, 401)
    assert client.get("/metrics").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 3])
def test_the_metrics_read_as_often_for_three_rows_as_for_one(number: int, django_assert_num_queries: Any) -> None:
    for _ in range(number):
        EvaluationFactory.create()
        NotificationFactory.create(frozen=True, state=NotificationState.DEAD, next_attempt_at=None)

    with django_assert_num_queries(9):
        figures(NOON)


@pytest.mark.django_db
def test_dead_messages_are_counted(client: Client) -> None:
    all_alive()
    NotificationFactory.create(frozen=True, state=NotificationState.DEAD, next_attempt_at=None)

    assert client.get("/healthz").json()["dead_notifications"] == 1


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_holds_the_change_feed_back_is_told(client: Client) -> None:
    def hold(place: int) -> dict[str, Any]:
        if place == 0:
            with transaction.atomic():
                ChangeFactory.create()
                written.set()
                assert looked.wait(60)
            return {}
        assert written.wait(60)
        ChangeFactory.create(at=NOON - timedelta(hours=1))
        body: dict[str, Any] = client.get("/healthz").json()
        looked.set()
        return body

    written, looked = Event(), Event()
    _held, body = at_once(2, hold)

    assert "change_feed_is_held_back" in body["problems"]
    assert body["change_feed_lag_seconds"] >= 3600
    assert client.get("/healthz").json()["change_feed_lag_seconds"] == 0
