"""Webhook endpoints as a client sets them up, and what reaches a real receiver."""

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from threading import Thread
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from procurement.gateways.mail import Delivery, Outcome
from procurement.gateways.webhook import HttpPoster, PostRecorder
from procurement.models import IntegrationMessage, Notification, WebhookDelivery, WebhookEndpoint
from procurement.services import webhooks
from procurement.vocabulary import DeliveryState, NotificationState
from tests.factories.accounts import UserFactory
from tests.factories.procurement import PurchaseOrderFactory
from tests.procurement.api.calls import (
    ORDER,
    Caller,
    calling,
    order_body,
    order_line,
    pointers,
    problem,
    queries_of,
)  # fmt: skip
from tests.procurement.services.order_documents import NOON, World, make_world
from tests.threads import at_once

URL = "https://erp.example/hook"
LOCAL = [ip_network("127.0.0.0/8")]


class Receiver:
    """A small web server that keeps what it was sent and answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers = outer.answers.pop(0) if outer.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    settings.CHAT_NETWORKS = LOCAL
    found = Receiver()
    yield found
    found.stop()


def made(caller: Caller, url: str = URL, **said: Any) -> dict[str, Any]:
    answer = caller.post("/webhook-endpoints", {"url": url, **said})
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def round_at(now: datetime, poster: Any = None) -> webhooks.Delivered:
    return webhooks.do_round(poster=poster or HttpPoster(networks=LOCAL), now_fn=lambda: now)


def later(now: datetime) -> datetime:
    """When the next attempt is due, and the clock with it."""
    row = WebhookDelivery.objects.get(state=DeliveryState.DUE)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > now
    return row.next_attempt_at


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As the standard says it, by hand."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split()


@pytest.mark.django_db(transaction=True)
def test_what_changes_reaches_the_receiver_signed_and_once(receiver: Receiver) -> None:
    make_world()
    erp = calling()
    endpoint = made(erp, receiver.url, types=["po.created"])
    PurchaseOrderFactory.create(number="4500")

    first, second = round_at(NOON), round_at(NOON)

    assert (first.delivered, second.delivered) == (1, 0)
    ((headers, body),) = receiver.got
    assert json.loads(body)["type"] == "po.created"
    assert is_signed(endpoint["secret"], headers, body)


def record_of(receiver: Receiver) -> dict[str, Any]:
    (_headers, body) = receiver.got[-1]
    data: dict[str, Any] = json.loads(body)["data"]
    return data


@pytest.mark.django_db(transaction=True)
def test_a_full_endpoint_is_sent_the_record_as_reading_it_answers(receiver: Receiver) -> None:
    make_world()
    erp = calling()
    endpoint = made(erp, receiver.url, types=["po.created"], full=True)
    key = erp.put(ORDER, order_body()).json()["id"]
    round_at(NOON)
    data = record_of(receiver)

    assert endpoint["full"] is True
    assert data["record"] == erp.get(f"/purchase-orders/{key}").json()
    assert "record_left_out" not in data

    thin = erp.patch(f"/webhook-endpoints/{endpoint['id']}", {"full": False})
    assert (thin.status_code, thin.json()["full"]) == (200, False)


@pytest.mark.django_db(transaction=True)
def test_a_record_that_would_not_fit_is_left_out_and_what_changed_is_kept(receiver: Receiver) -> None:
    make_world()
    erp = calling()
    made(erp, receiver.url, types=["po.created", "po.updated"], full=True)
    long = [order_line(number, description="x" * 200) for number in range(10, 1000, 10)]
    erp.put(ORDER, order_body(*long))
    erp.put(ORDER, order_body(document_version=2, title="Another"))
    round_at(NOON)
    data = record_of(receiver)

    assert (data["record"], data["record_left_out"]) == (None, True)
    assert data["changed"]["title"] == ["", "Another"]
    assert len(receiver.got[-1][1]) < 20_000


@pytest.mark.django_db
def test_whole_records_take_the_scopes_that_read_them(world: World) -> None:
    narrow = calling(scopes=["hook:admin", "po:read"])

    refused = narrow.post("/webhook-endpoints", {"url": URL, "full": True})

    assert "alert:read" in problem(refused, 403, "scope")["detail"]
    assert narrow.post("/webhook-endpoints", {"url": URL}).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_an_endpoint_hears_only_of_what_its_client_may_see(receiver: Receiver) -> None:
    make_world()
    narrow = calling("Sydney", site_codes=["SYD1"])
    made(narrow, receiver.url)
    PurchaseOrderFactory.create()  # without a line at a site: for the whole portfolio only

    assert round_at(NOON).delivered == 0


@pytest.mark.django_db
def test_both_secrets_sign_while_one_takes_the_place_of_the_other(erp: Caller, receiver: Receiver) -> None:
    old = made(erp, receiver.url)
    new = erp.post(f"/webhook-endpoints/{old['id']}/rotate-secret", {}).json()
    erp.post(f"/webhook-endpoints/{old['id']}/ping", {})
    until = WebhookEndpoint.objects.get().former_secret_until
    assert until is not None

    round_at(until - timedelta(seconds=1))
    erp.post(f"/webhook-endpoints/{old['id']}/ping", {})
    round_at(until + timedelta(hours=1))

    signed = [[is_signed(each["secret"], *message) for each in (old, new)] for message in receiver.got]
    assert signed == [[True, True], [False, True]]


@pytest.mark.django_db
def test_a_redirect_is_a_failure_and_the_retry_has_the_same_id_and_bytes(erp: Caller, receiver: Receiver) -> None:
    endpoint = made(erp, receiver.url)
    erp.post(f"/webhook-endpoints/{endpoint['id']}/ping", {})
    receiver.answers = [(302, {"Location": receiver.url})]
    start = WebhookDelivery.objects.get().next_attempt_at
    assert start is not None

    assert round_at(start).deferred == 1
    assert round_at(later(start)).delivered == 1

    (first, first_body), (second, second_body) = receiver.got
    assert (first["webhook-id"], first_body) == (second["webhook-id"], second_body)


@pytest.mark.django_db
def test_a_receiver_that_says_when_is_not_asked_before(erp: Caller, receiver: Receiver) -> None:
    endpoint = made(erp, receiver.url)
    erp.post(f"/webhook-endpoints/{endpoint['id']}/ping", {})
    receiver.answers = [(429, {"Retry-After": "900"})]
    start = WebhookDelivery.objects.get().next_attempt_at
    assert start is not None

    round_at(start)

    assert later(start) - start >= timedelta(seconds=900)


@pytest.mark.django_db
def test_after_three_days_it_is_given_up_and_the_owner_told_by_mail(world: World) -> None:
    owner = UserFactory.create(email="owner@example.test")
    erp = calling(owner=owner)
    endpoint = made(erp)
    erp.post(f"/webhook-endpoints/{endpoint['id']}/ping", {})
    poster = PostRecorder(answers={URL: Delivery(Outcome.TRANSIENT, "503", "busy")})
    now = start = WebhookDelivery.objects.get().next_attempt_at
    assert start is not None
    while WebhookDelivery.objects.filter(state=DeliveryState.DUE).exists():
        assert now is not None
        round_at(now, poster)
        now = WebhookDelivery.objects.get().next_attempt_at or now

    assert len(poster.posts) == 10
    assert len({(post.key, post.body) for post in poster.posts}) == 1
    assert now is not None
    assert timedelta(days=3) < now - start < timedelta(days=4)
    mail = Notification.objects.get(recipient=owner, state=NotificationState.DUE)
    assert (mail.address, "503" in mail.body_text) == ("owner@example.test", True)
    assert erp.get(f"/webhook-endpoints/{endpoint['id']}").json()["active"] is False
    assert IntegrationMessage.objects.get().code == "503"


@pytest.mark.django_db
def test_gone_switches_off_at_once_and_on_again_it_goes_on(erp: Caller) -> None:
    endpoint = made(erp)
    erp.post(f"/webhook-endpoints/{endpoint['id']}/ping", {})
    start = WebhookDelivery.objects.get().next_attempt_at
    assert start is not None
    gone = PostRecorder(answers={URL: Delivery(Outcome.PERMANENT, "410", "", address_refused=True)})

    assert round_at(start, gone).dead == 1
    off = erp.get(f"/webhook-endpoints/{endpoint['id']}").json()
    on = erp.patch(f"/webhook-endpoints/{endpoint['id']}", {"active": True}).json()

    assert (off["active"], off["disabled_because"][:3], on["active"], on["disabled_at"]) == (False, "410", True, None)
    accepting = PostRecorder()
    assert round_at(start + timedelta(minutes=1), accepting).delivered == 1
    assert IntegrationMessage.objects.get().state == "retried"


@pytest.mark.django_db
def test_an_inner_address_is_refused_when_connecting(erp: Caller, receiver: Receiver) -> None:
    endpoint = made(erp, receiver.url)
    erp.post(f"/webhook-endpoints/{endpoint['id']}/ping", {})
    start = WebhookDelivery.objects.get().next_attempt_at
    assert start is not None
    elsewhere = HttpPoster(networks=[ip_network("10.0.0.0/8")])

    webhooks.deliver_due(poster=elsewhere, now_fn=lambda: start)

    assert receiver.got == []
    (row,) = erp.get(f"/webhook-endpoints/{endpoint['id']}/deliveries").json()["items"]
    assert [each["code"] for each in row["tries"]] == ["refused"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url", ["http://erp.example/", "https://a:b@erp.example/", "https://erp.example:22/", "https://x:99999/", "x"]
)
def test_an_address_that_can_never_be_used_is_refused(erp: Caller, url: str) -> None:
    problem(erp.post("/webhook-endpoints", {"url": url}), 422, "validation_error")


@pytest.mark.django_db
def test_another_client_does_not_find_it(erp: Caller) -> None:
    endpoint = made(erp)

    problem(calling("Other").get(f"/webhook-endpoints/{endpoint['id']}"), 404, "not_found")


@pytest.mark.django_db
def test_a_removed_endpoint_is_told_nothing_more(erp: Caller) -> None:
    endpoint = made(erp)
    erp.post(f"/webhook-endpoints/{endpoint['id']}/ping", {})
    assert (
        erp.browser.delete(
            f"/api/v1/webhook-endpoints/{endpoint['id']}", headers={"Authorization": f"Bearer {erp.key}"}
        ).status_code
        == 204
    )
    poster = PostRecorder()

    round_at(NOON + timedelta(days=400), poster)

    assert poster.posts == []
    assert erp.get("/webhook-endpoints").json() == {"items": []}


@pytest.mark.django_db
def test_a_removal_that_is_tried_removes_nothing(erp: Caller) -> None:
    path = f"/webhook-endpoints/{made(erp)['id']}"

    tried = erp.browser.delete(f"/api/v1{path}?dry_run=true", headers={"Authorization": f"Bearer {erp.key}"})

    assert (tried.status_code, tried.json()) == (200, {"dry_run": True})
    assert erp.get(path).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_replay_sends_again_under_the_same_id(receiver: Receiver) -> None:
    make_world()
    erp = calling()
    endpoint = made(erp, receiver.url, types=["po.created"])
    PurchaseOrderFactory.create()
    round_at(NOON)
    key = WebhookDelivery.objects.get().change_id

    answer = erp.post(f"/webhook-endpoints/{endpoint['id']}/replay", {"ids": [key]})
    due = WebhookDelivery.objects.get().next_attempt_at
    assert due is not None
    round_at(due)

    assert answer.json() == {"replayed": 1}
    assert len(receiver.got) == 2
    assert len({headers["webhook-id"] for headers, _body in receiver.got}) == 1


@pytest.mark.django_db
def test_the_list_of_deliveries_costs_as_many_queries_with_one_as_with_three(erp: Caller) -> None:
    endpoint = made(erp)
    path = f"/webhook-endpoints/{endpoint['id']}"
    erp.post(f"{path}/ping", {})
    erp.get(f"{path}/deliveries")
    one = queries_of(lambda: erp.get(f"{path}/deliveries"))
    erp.post(f"{path}/ping", {})
    erp.post(f"{path}/ping", {})

    assert queries_of(lambda: erp.get(f"{path}/deliveries")) == one


@pytest.mark.django_db(transaction=True)
def test_removing_an_endpoint_does_not_wait_for_what_is_being_sent(erp: Caller) -> None:
    """A receiver may take twenty seconds; a web process waits three for a row."""
    endpoint = made(erp)
    erp.post(f"/webhook-endpoints/{endpoint['id']}/ping", {})

    class Removes:
        """While its message is on the way, its owner removes the endpoint."""

        def post(self, message: Any, *, at: datetime) -> Delivery:
            def remove(_place: int) -> int:
                return int(erp.browser.delete(f"/api/v1/webhook-endpoints/{endpoint['id']}", headers=said).status_code)

            said = {"Authorization": f"Bearer {erp.key}"}
            assert at_once(1, remove) == [204]
            return Delivery(Outcome.TRANSIENT, "503", "")

    round_at(timezone.now(), Removes())

    assert not WebhookEndpoint.objects.get().active
    assert round_at(timezone.now() + timedelta(days=1)).deferred == 0


@pytest.mark.django_db
def test_unknown_fields_of_an_endpoint_are_told_or_refused(erp: Caller) -> None:
    sent = {"url": "https://erp.example/hook", "colour": "red"}

    warned = erp.post("/webhook-endpoints", sent)
    refused = erp.post("/webhook-endpoints", sent, prefer="handling=strict")

    assert [each["pointer"] for each in warned.json()["warnings"]] == ["/colour"]
    assert pointers(problem(refused, 422, "validation_error")) == ["/colour"]
