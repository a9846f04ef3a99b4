"""Keys and client ids on a page, and revoked there or by the operator."""

import json
from io import StringIO
from typing import Any

import pytest
from allauth.idp.oidc.models import Client as Registration
from django.core.management import CommandError, call_command
from django.test import Client

from procurement.services import oauth_clients
from sites.accounts.models import ApiClient, ApiKey, AuditEvent, User
from sites.accounts.permissions import Role
from tests.factories.accounts import ApiClientFactory, ApiKeyFactory, UserFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.api.calls import Caller, calling, queries_of
from tests.procurement.portal.conftest import browser_of
from tests.procurement.services.order_documents import NOON

pytestmark = pytest.mark.django_db
PAGE = "/integration/"


@pytest.fixture
def admin() -> Client:
    return browser_of(MembershipFactory.create(role=Role.ADMINISTRATOR).person)


@pytest.fixture
def erp() -> Caller:
    return calling()


def registered(client: ApiClient) -> str:
    row, _secret = oauth_clients.register(
        client=client, scopes=["po:read"], expires_at=None, addresses=["10.0.0.0/8"], actor=None, now=NOON
    )
    return str(row.pk)


def command(*words: str) -> Any:
    out = StringIO()
    call_command("revoke_api_key", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_a_system_is_shown_with_its_keys_and_never_a_secret(admin: Client, erp: Caller) -> None:
    client_id = registered(erp.client)
    prefix, secret = erp.key.split(".")

    html = admin.get(PAGE).content.decode()

    assert [word in html for word in (prefix, client_id, "10.0.0.0/8", "hook:admin", secret)] == [
        True, True, True, True, False,
    ]  # fmt: skip


def test_a_key_that_is_revoked_opens_nothing(admin: Client, erp: Caller) -> None:
    prefix = erp.key.split(".")[0]
    assert erp.get("/me").status_code == 200

    admin.post(f"{PAGE}keys/{prefix}/revoke/", {"reason": "It leaked"})

    assert erp.get("/me").status_code == 401
    assert AuditEvent.objects.get(verb="api_key.revoked").reason == "It leaked"
    assert "revoked" in admin.get(PAGE).content.decode()


def test_a_client_id_that_is_revoked_gets_no_token(admin: Client, erp: Caller) -> None:
    client_id = registered(erp.client)

    admin.post(f"{PAGE}client-ids/{client_id}/revoke/", {"reason": "It leaked"})

    assert Registration.objects.get(pk=client_id).get_grant_types() == []


def test_revoking_says_why(admin: Client, erp: Caller) -> None:
    answer = admin.post(f"{PAGE}keys/{erp.key.split('.')[0]}/revoke/", {"reason": " "}, follow=True)

    assert "Say why it is revoked." in answer.content.decode()
    assert erp.get("/me").status_code == 200


def test_an_owner_sees_their_system_and_revokes_nothing(erp: Caller) -> None:
    owner = UserFactory.create()
    ApiClient.objects.update(owner=owner)
    page, prefix = browser_of(owner), erp.key.split(".")[0]

    assert prefix in page.get(PAGE).content.decode()
    assert page.post(f"{PAGE}keys/{prefix}/revoke/", {"reason": "x"}).status_code == 403
    assert erp.get("/me").status_code == 200


def test_others_see_no_system(erp: Caller) -> None:
    client_id = registered(erp.client)
    page = browser_of(MembershipFactory.create(role=Role.BUYER).person)

    assert page.get(PAGE).context["rows"] == []
    forms = [f"{PAGE}keys/{erp.key.split('.')[0]}/revoke/", f"{PAGE}client-ids/{client_id}/revoke/"]
    assert [page.post(form, {"reason": "x"}).status_code for form in forms] == [404, 404]


def test_the_list_takes_as_many_queries_with_one_as_with_three(admin: Client) -> None:
    ApiKeyFactory.create()
    admin.get(PAGE)
    one = queries_of(lambda: admin.get(PAGE))
    for _more in range(2):
        registered(ApiKeyFactory.create(client=ApiClientFactory.create()).client)

    assert queries_of(lambda: admin.get(PAGE)) == one


# -- the operator --------------------------------------------------------------------------------------------------


def test_the_operator_lists_and_revokes(erp: Caller) -> None:
    client_id, prefix = registered(erp.client), erp.key.split(".")[0]

    before = command("--client", "ERP")
    command(prefix, "--reason", "It leaked")
    command(client_id)
    after = command("--client", "ERP")

    assert [(each["kind"], each["name"], each["state"]) for each in before] == [
        ("key", prefix, "live"), ("oauth", client_id, "live"),
    ]  # fmt: skip
    assert [each["state"] for each in after] == ["revoked", "revoked"]
    assert erp.get("/me").status_code == 401


def test_a_whole_key_may_be_pasted(erp: Caller) -> None:
    assert [each["state"] for each in command(erp.key)] == ["revoked"]
    assert ApiKey.objects.get().revoked_at is not None


@pytest.mark.parametrize("words", [[], ["nothing"], ["--client", "Nobody"], ["x", "--client", "ERP"]])
def test_what_is_not_there_ends_with_two(words: list[str]) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("revoke_api_key", *words)

    assert refusal.value.returncode == 2


def test_the_operator_reads_plain_lines(erp: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("revoke_api_key", "--client", "ERP")

    assert f"{erp.key.split('.')[0]}  live" in capsys.readouterr().out
    assert User.objects.filter(pk=erp.client.account_id, is_active=True).exists()
