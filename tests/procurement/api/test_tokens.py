"""OAuth 2 client credentials: an id and a secret, changed for tokens that act as the client's service account."""

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.idp.oidc.models import Client as Registration
from allauth.idp.oidc.models import Token
from django.test import Client
from django.utils import timezone

from procurement.models import PurchaseOrder
from procurement.services import api_keys, oauth_clients
from sites.accounts.models import ApiClient, AuditEvent
from sites.domain.errors import BadInput, Conflict
from tests.procurement.api.calls import ORDER, order_body, problem
from tests.procurement.services.order_documents import World

pytestmark = pytest.mark.django_db

DOOR = "/identity/o/api/token"


@pytest.fixture
def client(world: World) -> ApiClient:
    return api_keys.make_client(name="SAP", system="SAP-PRD", actor=None)


def registered(client: ApiClient, *scopes: str, addresses: list[str] | None = None, days: int | None = None) -> Any:
    now = timezone.now()
    return oauth_clients.register(
        client=client,
        scopes=list(scopes) or ["po:read", "po:write"],
        expires_at=now + timedelta(days=days) if days else None,
        addresses=addresses or [],
        actor=None,
        now=now,
    )


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


def asked(registration: Registration, secret: str, **said: str) -> Any:
    form = {"grant_type": "client_credentials", **said}
    return Client().post(DOOR, form, headers=basic(registration.pk, secret))


def me(token: str, **said: Any) -> Any:
    return Client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}, **said)


def test_an_id_and_a_secret_become_a_token_of_an_hour(client: ApiClient) -> None:
    registration, secret = registered(client, "po:read", "po:write")

    answer = asked(registration, secret)

    told = answer.json()
    assert (answer.status_code, told["token_type"], told["expires_in"]) == (200, "Bearer", 3600)
    assert set(told["scope"].split()) == {"po:read", "po:write"}
    who = me(told["access_token"]).json()
    assert (who["client"], who["key"], who["scopes"]) == ("SAP", registration.pk, ["po:read", "po:write"])


def test_the_secret_may_come_in_the_form(client: ApiClient) -> None:
    registration, secret = registered(client)
    form = {"grant_type": "client_credentials", "client_id": registration.pk, "client_secret": secret}

    assert Client().post(DOOR, form).status_code == 200


def test_what_it_writes_is_written_by_the_service_account(client: ApiClient) -> None:
    registration, secret = registered(client)
    token = asked(registration, secret).json()["access_token"]

    answer = Client().put(
        f"/api/v1{ORDER}", order_body(), content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 201
    made = PurchaseOrder.objects.get().history.get()  # type: ignore[attr-defined]
    assert made.pgh_context.metadata["actor"] == str(client.account_id)


def test_a_token_may_ask_for_less_and_never_for_more(client: ApiClient) -> None:
    registration, secret = registered(client, "po:read", "po:write")

    less = asked(registration, secret, scope="po:read").json()
    more = asked(registration, secret, scope="po:read msg:admin")

    assert less["scope"] == "po:read"
    problem(
        Client().put(
            f"/api/v1{ORDER}",
            order_body(),
            content_type="application/json",
            headers={"Authorization": f"Bearer {less['access_token']}"},
        ),
        403,
        "scope",
    )
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


def test_a_wrong_secret_gets_nothing(client: ApiClient) -> None:
    registration, _secret = registered(client)

    answer = asked(registration, "nonsense")

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert Token.objects.count() == 0


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "a"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "client_id": "a\x00b", "client_secret": "c"}, "invalid_request"),
    ],
)
def test_nothing_but_client_credentials_is_served(form: dict[str, str], error: str, world: World) -> None:
    answer = Client().post(DOOR, form)

    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_header_that_hides_a_null_character_is_refused(world: World) -> None:
    answer = Client().post(DOOR, {"grant_type": "client_credentials"}, headers=basic("a\x00", "b"))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_the_doors_for_people_are_not_there() -> None:
    for path in ("/identity/o/authorize", "/identity/o/api/device/code", "/.well-known/openid-configuration"):
        assert Client().get(path).status_code == 404
    assert Client().get(DOOR).status_code == 405


def test_a_token_ends_after_an_hour_and_is_forgotten(client: ApiClient) -> None:
    registration, secret = registered(client)
    token = asked(registration, secret).json()["access_token"]

    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        problem(me(token), 401, "authentication_failed")
        assert oauth_clients.purge(timezone.now()) == 1


def test_a_token_works_from_where_its_client_may_be(client: ApiClient) -> None:
    registration, secret = registered(client, addresses=["203.0.113.0/24"])
    token = asked(registration, secret).json()["access_token"]

    problem(me(token), 401, "authentication_failed")
    assert me(token, REMOTE_ADDR="203.0.113.9").status_code == 200


def test_a_registration_ends_with_its_tokens(client: ApiClient) -> None:
    registration, secret = registered(client, days=1)
    with time_machine.travel(timezone.now() + timedelta(hours=23, minutes=30)):
        token = asked(registration, secret).json()["access_token"]
        assert me(token).status_code == 200

    with time_machine.travel(timezone.now() + timedelta(hours=24, minutes=10)):
        problem(me(token), 401, "authentication_failed")


def test_revoking_ends_the_secret_and_every_token(client: ApiClient) -> None:
    registration, secret = registered(client)
    token = asked(registration, secret).json()["access_token"]

    oauth_clients.revoke(client_id=registration.pk, actor=None, reason="leaked")

    problem(me(token), 401, "authentication_failed")
    assert asked(registration, secret).status_code == 401
    assert AuditEvent.objects.get(verb="oauth_client.revoked").reason == "leaked"


def test_a_client_gives_its_token_back(client: ApiClient) -> None:
    registration, secret = registered(client)
    token = asked(registration, secret).json()["access_token"]

    answer = Client().post("/identity/o/api/revoke", {"token": token}, headers=basic(registration.pk, secret))

    assert answer.status_code == 200
    problem(me(token), 401, "authentication_failed")


def test_a_client_that_is_switched_off_opens_nothing(client: ApiClient) -> None:
    registration, secret = registered(client)
    token = asked(registration, secret).json()["access_token"]
    ApiClient.objects.update(active=False)

    problem(me(token), 401, "authentication_failed")


def test_two_live_ones_so_that_one_can_be_replaced(client: ApiClient) -> None:
    first, _secret = registered(client)
    registered(client)
    with pytest.raises(Conflict):
        registered(client)

    oauth_clients.revoke(client_id=first.pk, actor=None)

    assert registered(client)[0].pk != first.pk


def test_a_scope_that_nobody_knows_makes_nothing(client: ApiClient) -> None:
    with pytest.raises(BadInput) as refusal:
        registered(client, "po:all")
    assert (refusal.value.field, Registration.objects.count()) == ("scopes", 0)


def test_neither_secret_nor_token_is_stored(client: ApiClient) -> None:
    registration, secret = registered(client)
    token = asked(registration, secret).json()["access_token"]

    assert secret not in Registration.objects.get().secret
    assert Token.objects.get().hash != token
