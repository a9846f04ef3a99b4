"""Who calls: a key in `Authorization: Bearer`, the service account it acts as, and what the key is for."""

from typing import TYPE_CHECKING

import pghistory
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from procurement.services import api_keys
from sites.accounts.models import ApiKey, User

if TYPE_CHECKING:  # the framework imports this module while its views are still being imported
    from rest_framework.views import APIView


class ApiKeyAuthentication(BaseAuthentication):
    """`request.user` is the client's service account, `request.auth` its key."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _space, presented = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = api_keys.authenticate(presented.strip(), str(request.META.get("REMOTE_ADDR", "")), timezone.now())
        if key is None:
            raise exceptions.AuthenticationFailed(_("The key is unknown, expired, revoked, or used from elsewhere."))
        account = key.client.account
        pghistory.context(actor=str(account.pk), client=str(key.client.pk))
        return account, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Longlead"'


class HasScope(BasePermission):
    """The view says in `scopes` which scope each method needs; None asks for any key."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else request.method
        scopes: dict[str, str | None] = getattr(view, "scopes", {})
        needed = scopes.get(str(method))
        if needed is not None and needed not in acting_key(request).scopes:
            raise exceptions.PermissionDenied(_("The key lacks the scope %(scope)s.") % {"scope": needed}, "scope")
        return True


def acting_key(request: Request) -> ApiKey:
    """Raises NotAuthenticated where nobody has shown a key."""
    if not isinstance(request.auth, ApiKey):
        raise exceptions.NotAuthenticated
    return request.auth


def acting_user(request: Request) -> User:
    """Raises NotAuthenticated where nobody has shown a key."""
    return acting_key(request).client.account
