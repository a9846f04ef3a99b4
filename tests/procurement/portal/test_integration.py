"""Pages about other systems: webhooks and messages, for those who look after a system and for nobody else."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from procurement.models import Company, IntegrationMessage, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from procurement.vocabulary import DeliveryState, Direction, MessageState
from sites.accounts.models import ApiClient, AuditEvent, User
from sites.accounts.permissions import Role
from tests.factories.accounts import ApiClientFactory, UserFactory
from tests.factories.erp import (
    FeedStateFactory,
    IntegrationMessageFactory,
    WebhookDeliveryFactory,
    WebhookEndpointFactory,
)
from tests.factories.sites import MembershipFactory
from tests.procurement.api.calls import ORDER, calling, order_body, queries_of
from tests.procurement.portal.conftest import browser_of
from tests.procurement.services.order_documents import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return UserFactory.create(username="owner")


@pytest.fixture
def erp(owner: User) -> ApiClient:
    return ApiClientFactory.create(name="Plant ERP", owner=owner)


@pytest.fixture
def endpoint(erp: ApiClient) -> WebhookEndpoint:
    return WebhookEndpointFactory.create(client=erp, owner=erp.owner)


@pytest.fixture
def page(owner: User) -> Client:
    return browser_of(owner)


def html(page: Client, address: str) -> str:
    answer = page.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def dead(endpoint: WebhookEndpoint) -> IntegrationMessage:
    delivery = WebhookDeliveryFactory.create(
        endpoint=endpoint, state=DeliveryState.DEAD, next_attempt_at=None, attempts=10
    )
    return IntegrationMessageFactory.create(
        direction=Direction.OUTBOUND, client=endpoint.client, delivery=delivery, kind="po.updated", payload="{}"
    )


# -- webhooks ------------------------------------------------------------------------------------------------------


def test_an_endpoint_is_listed_with_what_waits_and_what_was_given_up(page: Client, endpoint: WebhookEndpoint) -> None:
    WebhookDeliveryFactory.create(endpoint=endpoint)
    dead(endpoint)

    (row,) = page.get("/integration/webhooks/").context["endpoints"]

    assert (row.pk, row.waiting, row.dead) == (endpoint.pk, 1, 1)


def test_a_delivery_shows_its_attempts_and_the_answer_as_text(page: Client, endpoint: WebhookEndpoint) -> None:
    delivery = WebhookDeliveryFactory.create(endpoint=endpoint, key="msg_of_today")
    WebhookAttempt.objects.create(delivery=delivery, at=timezone.now(), code="503", answer="<b>down</b>", took_ms=12)

    shown = html(page, f"/integration/webhooks/{endpoint.pk}/")

    assert "msg_of_today" in shown
    assert "&lt;b&gt;down&lt;/b&gt;" in shown
    assert "msg_of_today" not in html(page, f"/integration/webhooks/{endpoint.pk}/?state=delivered")


def test_one_that_was_switched_off_says_why_and_is_switched_on(page: Client, endpoint: WebhookEndpoint) -> None:
    endpoint.active, endpoint.disabled_because, endpoint.disabled_at = False, "410 Gone", timezone.now()
    endpoint.save()
    assert "410 Gone" in html(page, f"/integration/webhooks/{endpoint.pk}/")

    page.post(f"/integration/webhooks/{endpoint.pk}/switch/", {"active": "1"})

    after = WebhookEndpoint.objects.get()
    assert (after.active, after.disabled_because, after.disabled_at) == (True, "", None)


def test_one_is_switched_off_by_hand(page: Client, endpoint: WebhookEndpoint) -> None:
    page.post(f"/integration/webhooks/{endpoint.pk}/switch/", {"active": "0"})

    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.disabled_because) == (False, "switched off")


def test_a_test_message_is_put_on_its_way_but_not_to_one_that_is_off(page: Client, endpoint: WebhookEndpoint) -> None:
    page.post(f"/integration/webhooks/{endpoint.pk}/ping/")
    WebhookEndpoint.objects.update(active=False)

    answer = page.post(f"/integration/webhooks/{endpoint.pk}/ping/", follow=True)

    assert WebhookDelivery.objects.count() == 1
    assert "The endpoint is switched off." in answer.content.decode()


def test_a_new_secret_is_shown_once(page: Client, endpoint: WebhookEndpoint) -> None:
    former = endpoint.secret

    answer = page.post(f"/integration/webhooks/{endpoint.pk}/rotate/")

    endpoint.refresh_from_db()
    assert (endpoint.former_secret, endpoint.secret != former) == (former, True)
    assert endpoint.secret in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert endpoint.secret not in html(page, f"/integration/webhooks/{endpoint.pk}/")


def test_changes_of_some_days_are_sent_again(page: Client) -> None:
    FeedStateFactory.create()
    make_world()
    erp = calling()
    ApiClient.objects.update(owner=User.objects.get(username="owner"))
    endpoint = WebhookEndpointFactory.create(client=erp.client, kinds=["po.created"])
    assert erp.put(ORDER, order_body()).status_code == 201
    today = datetime.now(UTC).date()

    answer = page.post(
        f"/integration/webhooks/{endpoint.pk}/replay/", {"since": f"{today}", "until": f"{today}"}, follow=True
    )

    assert "1 message will be sent again." in answer.content.decode()
    assert [row.kind for row in endpoint.deliveries.all()] == ["po.created"]


def test_a_span_that_ends_before_it_begins_is_refused_at_its_field(page: Client, endpoint: WebhookEndpoint) -> None:
    address = f"/integration/webhooks/{endpoint.pk}/replay/"
    answer = page.post(address, {"since": "2026-11-20", "until": "2026-11-19"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["until"])
    assert page.post(address, {}).status_code == 422


# -- messages ------------------------------------------------------------------------------------------------------


def test_what_failed_is_listed_first_and_in_both_directions(
    page: Client, erp: ApiClient, endpoint: WebhookEndpoint
) -> None:
    refused = IntegrationMessageFactory.create(client=erp)
    given_up = dead(endpoint)
    done = IntegrationMessageFactory.create(client=erp, state=MessageState.DONE)

    def listed(query: str) -> set[object]:
        return {row.pk for row in page.get(f"/integration/messages/{query}").context["rows"]}

    assert listed("") == {refused.pk, given_up.pk}
    assert listed("?direction=outbound") == {given_up.pk}
    assert listed("?status=done") == {done.pk}
    assert listed("?status=all") == {refused.pk, given_up.pk, done.pk}
    assert listed("?client=Plant+ERP&status=all&direction=nonsense") == {refused.pk, given_up.pk, done.pk}


def test_a_message_shows_its_problem_and_its_body_without_secrets(page: Client, erp: ApiClient) -> None:
    row = IntegrationMessageFactory.create(
        client=erp,
        payload='{"vendor": "<i>NOBODY</i>", "api_key": "hunter2"}',
        problem={"detail": "Refused.", "errors": [{"pointer": "/vendor", "code": "invalid", "detail": "Unknown."}]},
    )

    shown = html(page, f"/integration/messages/{row.pk}/")

    assert "/vendor" in shown
    assert "&lt;i&gt;NOBODY&lt;/i&gt;" in shown
    assert "hunter2" not in shown


def test_what_is_sent_again_is_carried_out_as_its_sender(page: Client) -> None:
    make_world()
    erp = calling()
    ApiClient.objects.update(owner=User.objects.get(username="owner"))
    Company.objects.filter(code="KITA").update(code="LATER")
    erp.put(ORDER, order_body())
    row = IntegrationMessage.objects.get(state=MessageState.FAILED)
    again = page.post(f"/integration/messages/{row.pk}/retry/", follow=True)
    assert "It was refused again" in again.content.decode()
    Company.objects.filter(code="LATER").update(code="KITA")

    answer = page.post(f"/integration/messages/{row.pk}/retry/", follow=True)

    row.refresh_from_db()
    assert "Sent again." in answer.content.decode()
    assert (row.state, row.settled_by) == (MessageState.RETRIED, User.objects.get(username="owner"))


def test_a_message_that_was_given_up_goes_out_again(page: Client, endpoint: WebhookEndpoint) -> None:
    row = dead(endpoint)

    page.post(f"/integration/messages/{row.pk}/retry/")

    row.refresh_from_db()
    assert row.delivery is not None
    assert (row.state, row.delivery.state, row.delivery.attempts) == (MessageState.RETRIED, DeliveryState.DUE, 0)


def test_what_is_put_away_says_why(page: Client, erp: ApiClient) -> None:
    row = IntegrationMessageFactory.create(client=erp)
    address = f"/integration/messages/{row.pk}/discard/"

    refused = page.post(address, {"reason": " "})
    page.post(address, {"reason": "Sent under another number"})

    row.refresh_from_db()
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["reason"])
    assert (row.state, row.reason) == (MessageState.DISCARDED, "Sent under another number")
    assert AuditEvent.objects.get(verb="message.discard").reason == row.reason
    assert page.post(address, {"reason": "Again"}).status_code == 422


# -- who sees what -------------------------------------------------------------------------------------------------


def test_another_systems_owner_sees_and_does_nothing(erp: ApiClient, endpoint: WebhookEndpoint) -> None:
    row = dead(endpoint)
    stranger = UserFactory.create()
    ApiClientFactory.create(owner=stranger)
    page = browser_of(stranger)

    assert page.get("/integration/webhooks/").context["endpoints"] == []
    assert page.get("/integration/messages/?status=all").context["rows"] == []
    addresses = [f"/integration/webhooks/{endpoint.pk}/", f"/integration/messages/{row.pk}/"]
    assert [page.get(address).status_code for address in addresses] == [404, 404]
    forms = [f"{addresses[0]}{name}/" for name in ("switch", "ping", "rotate", "replay")]
    forms += [f"{addresses[1]}{name}/" for name in ("retry", "discard")]
    assert {page.post(form, {"reason": "x"}).status_code for form in forms} == {404}


def test_those_who_grant_keys_see_every_system(erp: ApiClient, endpoint: WebhookEndpoint) -> None:
    row = dead(endpoint)
    page = browser_of(MembershipFactory.create(role=Role.ADMINISTRATOR).person)

    assert [each.pk for each in page.get("/integration/webhooks/").context["endpoints"]] == [endpoint.pk]
    assert [each.pk for each in page.get("/integration/messages/").context["rows"]] == [row.pk]


@pytest.mark.parametrize("address", ["/integration/webhooks/", "/integration/messages/?status=all"])
def test_a_list_takes_as_many_queries_with_one_as_with_three(page: Client, erp: ApiClient, address: str) -> None:
    dead(WebhookEndpointFactory.create(client=erp))
    page.get(address)
    one = queries_of(lambda: page.get(address))
    for _more in range(2):
        dead(WebhookEndpointFactory.create(client=erp))

    assert queries_of(lambda: page.get(address)) == one


def test_deliveries_take_as_many_queries_with_one_as_with_three(page: Client, endpoint: WebhookEndpoint) -> None:
    address = f"/integration/webhooks/{endpoint.pk}/"
    counts = []
    for _more in range(3):
        delivery = WebhookDeliveryFactory.create(endpoint=endpoint)
        WebhookAttempt.objects.create(delivery=delivery, at=timezone.now(), code="503", answer="", took_ms=1)
        counts.append(queries_of(lambda: page.get(address)))

    assert len(set(counts)) == 1
