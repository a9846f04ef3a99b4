from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from procurement.services import api_keys
from sites.accounts.models import ApiClient, ApiKey, AuditEvent, UserKind
from sites.accounts.permissions import Role, Scope
from sites.domain.errors import BadInput, Conflict, NotPermitted
from sites.models import Site
from sites.vocabulary import ScopeKind
from tests.factories.accounts import UserFactory
from tests.factories.sites import DeskFactory, MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE = "203.0.113.7"


@pytest.fixture
def client() -> ApiClient:
    return api_keys.make_client(name="ERP", system="SAP-PRD", actor=None)


def make(client: ApiClient, **said: object) -> tuple[ApiKey, str]:
    given: dict[str, object] = {"scopes": [Scope.ORDERS_READ], "expires_at": None, "addresses": []}
    return api_keys.make_key(client=client, actor=None, now=NOON, **(given | said))  # type: ignore[arg-type]


def test_a_key_opens_as_its_client(client: ApiClient) -> None:
    made, secret = make(client)

    key = api_keys.authenticate(secret, HERE, NOON)

    assert (key, secret.startswith("ll_live_"), secret.split(".")[0]) == (made, True, made.prefix)
    assert make(client, live=False)[1].startswith("ll_test_")


def test_only_a_keyed_hash_of_the_secret_is_stored(client: ApiClient, settings: pytest.FixtureRequest) -> None:
    _key, secret = make(client)
    stored = bytes(ApiKey.objects.get().secret_hash)
    plain = secret.split(".")[1].encode()

    assert (len(stored), plain in stored) == (32, False)
    settings.KEY_PEPPER = b"another pepper of another installation"  # type: ignore[attr-defined]
    assert api_keys.authenticate(secret, HERE, NOON) is None


@pytest.mark.parametrize(
    "presented", ["", "ll_live_x.y", "nonsense", "ll_live_aaaaaaaaaaaa." + "a" * 43, "ll_live_é.é", "x" * 10000]
)
def test_what_is_no_key_opens_nothing(client: ApiClient, presented: str) -> None:
    make(client)

    assert api_keys.authenticate(presented, HERE, NOON) is None


def test_a_right_prefix_with_a_wrong_secret_opens_nothing(client: ApiClient) -> None:
    key, _secret = make(client)

    assert api_keys.authenticate(f"{key.prefix}.{'a' * 43}", HERE, NOON) is None


def test_an_expired_key_opens_nothing(client: ApiClient) -> None:
    _key, secret = make(client, expires_at=NOON + timedelta(days=1))

    assert api_keys.authenticate(secret, HERE, NOON + timedelta(hours=23)) is not None
    assert api_keys.authenticate(secret, HERE, NOON + timedelta(days=1)) is None


def test_a_revoked_key_opens_nothing(client: ApiClient) -> None:
    key, secret = make(client)

    api_keys.revoke(key=key, actor=None, now=NOON, reason="Leaked")
    api_keys.revoke(key=key, actor=None, now=NOON + timedelta(days=1))

    assert api_keys.authenticate(secret, HERE, NOON) is None
    assert ApiKey.objects.get().revoked_at == NOON
    assert AuditEvent.objects.get(verb="api_key.revoked").reason == "Leaked"


def test_a_client_or_account_that_is_switched_off_opens_nothing(client: ApiClient) -> None:
    _key, secret = make(client)
    ApiClient.objects.update(active=False)
    assert api_keys.authenticate(secret, HERE, NOON) is None

    ApiClient.objects.update(active=True)
    client.account.is_active = False
    client.account.save()
    assert api_keys.authenticate(secret, HERE, NOON) is None


def test_a_key_bound_to_addresses_opens_from_there_only(client: ApiClient) -> None:
    _key, secret = make(client, addresses=["203.0.113.0/24", "2001:db8::1"])

    opened = [
        api_keys.authenticate(secret, each, NOON) is not None for each in (HERE, "2001:db8::1", "198.51.100.1", "")
    ]
    assert opened == [True, True, False, False]


def test_the_last_use_is_written_at_most_once_a_minute(client: ApiClient) -> None:
    _key, secret = make(client)
    seen, statements = [], []
    for seconds in (0, 30, 61):
        with CaptureQueriesContext(connection) as queries:
            api_keys.authenticate(secret, HERE, NOON + timedelta(seconds=seconds))
        seen.append(ApiKey.objects.get().last_used_at)
        statements.append(len(queries))

    assert seen == [NOON, NOON, NOON + timedelta(seconds=61)]
    assert statements == [2, 1, 2]


def test_a_client_has_at_most_two_live_keys(client: ApiClient) -> None:
    first, _secret = make(client)
    make(client)
    with pytest.raises(Conflict):
        make(client)

    api_keys.revoke(key=first, actor=None, now=NOON)
    make(client)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("scopes", {"scopes": ["po:everything"]}),
        ("scopes", {"scopes": []}),
        ("addresses", {"addresses": ["nowhere"]}),
        ("expires_at", {"expires_at": NOON}),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(client: ApiClient, field: str, said: dict[str, object]) -> None:
    with pytest.raises(BadInput) as refusal:
        make(client, **said)
    assert (refusal.value.field, ApiKey.objects.count()) == (field, 0)


def test_a_client_acts_as_a_service_account_with_rights_of_its_own() -> None:
    SiteFactory.create(code="SYD1")
    SiteFactory.create(code="TYO1", tokyo=True)

    client = api_keys.make_client(name="ERP", system="SAP-PRD", actor=None, site_codes=["SYD1"])

    account = client.account
    assert (account.kind, account.has_usable_password()) == (UserKind.MACHINE, False)
    assert list(Site.objects.visible_to(account).values_list("code", flat=True)) == ["SYD1"]
    assert account.memberships.get().role == Role.ERP_CLIENT


def test_a_client_may_be_bound_to_a_desk() -> None:
    DeskFactory.create(code="TOKYO")

    client = api_keys.make_client(name="ERP", system="SAP-PRD", actor=None, desk_code="TOKYO", role=Role.VIEWER)

    granted = client.account.memberships.get()
    assert (granted.role, granted.scope) == ("viewer", ScopeKind.DESK)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("system", {"system": "sap prd"}),
        ("site", {"site_codes": ["NOWHERE"]}),
        ("desk", {"desk_code": "NOWHERE"}),
        ("site", {"site_codes": ["SYD1"], "desk_code": "SYDNEY"}),
        ("name", {"name": "x" * 81}),
    ],
)
def test_a_client_that_makes_no_sense_is_refused(field: str, said: dict[str, object]) -> None:
    given: dict[str, object] = {"name": "ERP", "system": "SAP-PRD"}
    with pytest.raises(BadInput) as refusal:
        api_keys.make_client(actor=None, **(given | said))  # type: ignore[arg-type]
    assert (refusal.value.field, ApiClient.objects.count()) == (field, 0)


def test_a_name_belongs_to_one_client(client: ApiClient) -> None:
    with pytest.raises(Conflict):
        api_keys.make_client(name="ERP", system="SAP-QAS", actor=None)


def test_only_who_grants_roles_makes_and_revokes_keys(client: ApiClient) -> None:
    key, _secret = make(client)
    buyer, administrator = UserFactory.create(), UserFactory.create()
    MembershipFactory.create(person=buyer, role=Role.BUYER, scope=ScopeKind.PORTFOLIO)
    MembershipFactory.create(person=administrator, role=Role.ADMINISTRATOR, scope=ScopeKind.PORTFOLIO)

    with pytest.raises(NotPermitted):
        api_keys.revoke(key=key, actor=buyer, now=NOON)
    assert api_keys.revoke(key=key, actor=administrator, now=NOON).revoked_at == NOON
