"""Who calls: a key or an access token in `Authorization: Bearer`, whose service account acts, and what it is for."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pghistory
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from procurement.services import api_keys, oauth_clients
from sites.accounts.models import ApiClient, User

if TYPE_CHECKING:  # the framework imports this module while its views are still being imported
    from rest_framework.views import APIView


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller has shown. `label` is its public part; `expires_at` is None where it does not expire."""

    client: ApiClient
    label: str
    scopes: frozenset[str]
    expires_at: datetime | None


class ApiKeyAuthentication(BaseAuthentication):
    """`request.user` is the client's service account, `request.auth` its Credential."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        presented = _bearer(request)
        if presented is None or not presented.startswith(api_keys.MARK):
            return None
        key = api_keys.authenticate(presented, _address(request), timezone.now())
        if key is None:
            raise exceptions.AuthenticationFailed(_("The key is unknown, expired, revoked, or used from elsewhere."))
        return _acting(Credential(key.client, key.prefix, frozenset(key.scopes), key.expires_at))

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Longlead"'


class TokenAuthentication(BaseAuthentication):
    """The same for an access token, which is whatever does not look like a key."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        presented = _bearer(request)
        if presented is None or presented.startswith(api_keys.MARK):
            return None
        granted = oauth_clients.authenticate(presented, _address(request), timezone.now())
        if granted is None:
            raise exceptions.AuthenticationFailed(_("The token is unknown, expired, revoked, or used from elsewhere."))
        return _acting(Credential(granted.client, granted.registration, granted.scopes, granted.expires_at))


def _bearer(request: Request) -> str | None:
    scheme, _space, presented = request.headers.get("Authorization", "").partition(" ")
    return presented.strip() if scheme.lower() == "bearer" else None


def _address(request: Request) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def _acting(credential: Credential) -> tuple[User, Credential]:
    account = credential.client.account
    pghistory.context(actor=str(account.pk), client=str(credential.client.pk))
    return account, credential


class HasScope(BasePermission):
    """The view says in `scopes` which scope each method needs; None asks for any key."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else request.method
        scopes: dict[str, str | None] = getattr(view, "scopes", {})
        needed = scopes.get(str(method))
        if needed is not None and needed not in acting_credential(request).scopes:
            raise lacks_scope(needed)
        return True


def lacks_scope(scope: str) -> exceptions.PermissionDenied:
    return exceptions.PermissionDenied(_("The key lacks the scope %(scope)s.") % {"scope": scope}, "scope")


def acting_credential(request: Request) -> Credential:
    """Raises NotAuthenticated where nobody has shown a key."""
    if not isinstance(request.auth, Credential):
        raise exceptions.NotAuthenticated
    return request.auth


def acting_client(request: Request) -> ApiClient:
    """Raises NotAuthenticated where nobody has shown a key."""
    return acting_credential(request).client


def acting_user(request: Request) -> User:
    """Raises NotAuthenticated where nobody has shown a key."""
    return acting_client(request).account
