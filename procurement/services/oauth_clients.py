"""Client credentials of OAuth 2, kept by allauth's provider: a registration belongs to a client's service account.

The registration's `data` holds the networks it works from and when it ends. Secrets and tokens are stored as hashes.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from allauth.idp.oidc.models import Client, Token
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from procurement.services.api_keys import check_operator, check_use, is_among, record
from sites.accounts.models import ApiClient, User
from sites.domain.errors import Conflict

MOST_LIVE_REGISTRATIONS: Final = 2
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Granted:
    """What a token opens. `expires_at` is the token's own."""

    client: ApiClient
    registration: str
    scopes: frozenset[str]
    expires_at: datetime | None


def register(
    *,
    client: ApiClient,
    scopes: Sequence[str],
    expires_at: datetime | None,
    addresses: Sequence[str],
    actor: User | None,
    now: datetime,
) -> tuple[Client, str]:
    """A client id and its secret, which nobody can show again. At most two live ones a client, so that one can be
    replaced without a gap. `actor` is None for the operator at the console.

    Raises BadInput naming `scopes`, `addresses` or `expires_at`, Conflict, NotPermitted.
    """
    check_operator(actor)
    wanted, networks = check_use(scopes, expires_at, addresses, now)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with transaction.atomic():
        locked = ApiClient.objects.select_for_update(of=("self",)).get(pk=client.pk)
        if sum(_is_live(each, now) for each in Client.objects.filter(owner=locked.account_id)) >= (
            MOST_LIVE_REGISTRATIONS
        ):
            raise Conflict(_("This client has two live client ids; revoke one first."), field="client")
        registration = Client(
            name=locked.name,
            owner=locked.account,
            data={"addresses": networks, "expires_at": expires_at.isoformat() if expires_at else None},
        )
        registration.set_secret(secret)
        registration.set_scopes(wanted)
        registration.set_default_scopes(wanted)
        registration.set_grant_types([Client.GrantType.CLIENT_CREDENTIALS])
        registration.set_response_types([])
        registration.save(force_insert=True)
        facts: dict[str, object] = {"client_id": registration.pk, "scopes": wanted, "addresses": networks}
        record(actor, "oauth_client.made", locked, facts)
    return registration, secret


def revoke(*, client_id: str, actor: User | None, reason: str = "") -> None:
    """From now on neither the secret nor any token of it opens anything. Raises NotPermitted."""
    check_operator(actor)
    with transaction.atomic():
        registration = Client.objects.select_for_update(of=("self",)).get(pk=client_id)
        registration.secret = make_password(None)
        registration.set_grant_types([])
        registration.save(update_fields=["secret", "grant_types"])
        Token.objects.filter(client=registration).delete()
        client = ApiClient.objects.get(account=registration.owner)
        record(actor, "oauth_client.revoked", client, {"client_id": client_id}, reason)


def authenticate(token: str, remote_addr: str, now: datetime) -> Granted | None:
    """None: wrong, expired, revoked, switched off, or from elsewhere."""
    found = (
        Token.objects.by_value(token)
        .filter(type=Token.Type.ACCESS_TOKEN, expires_at__gt=now, client__owner__api_client__isnull=False)
        .select_related("client__owner__api_client__account")
        .first()
    )
    if found is None or found.client is None or found.client.owner is None:
        return None
    registration: Client = found.client
    client: ApiClient = registration.owner.api_client
    if not client.active or not client.account.is_active or not _is_live(registration, now):
        return None
    addresses = (registration.data or {}).get("addresses") or []
    if addresses and not is_among(remote_addr, addresses):
        return None
    scopes = frozenset(found.get_scopes()) & frozenset(registration.get_scopes())
    return Granted(client, registration.pk, scopes, found.expires_at)


def purge(now: datetime) -> int:
    """Forget tokens that have expired; how many went."""
    gone: int = Token.objects.filter(expires_at__lte=now).delete()[0]
    return gone


def _is_live(registration: Client, now: datetime) -> bool:
    ends = (registration.data or {}).get("expires_at")
    at = parse_datetime(ends) if ends else None
    return bool(registration.get_grant_types()) and (at is None or at > now)
