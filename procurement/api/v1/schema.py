"""The schema, and two ways to read it that load nothing from elsewhere. Open to all; no portal cookie is used."""

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sites.accounts.permissions import Scope


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes the key."""

    target_class = "procurement.api.auth.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key made by an administrator, shown once: ll_live_<id>.<secret>. It has scopes, may "
            "expire and may be bound to addresses.",
        }


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes the token, with the scopes that an operation needs."""

    target_class = "procurement.api.auth.TokenAuthentication"
    name = "oauth"

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        scopes: dict[str, str | None] = getattr(auto_schema.view, "scopes", {})
        needed = scopes.get(auto_schema.method)
        return {self.name: [needed] if needed else []}

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "oauth2",
            "description": "OAuth 2 client credentials, by Basic or in the form; a token works for an hour.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": "/identity/o/api/token",
                    "scopes": {scope.value: str(scope.label) for scope in Scope},
                }
            },
        }


# The two readers style their own elements and draw with blobs; they call this host only.
_WIDER: dict[str, list[str]] = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF, "data:"],
    "connect-src": [SELF],
    "worker-src": [SELF, "blob:"],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
    "base-uri": [NONE],
}


@extend_schema(exclude=True)
class Schema(SpectacularAPIView):
    permission_classes = [AllowAny]
    authentication_classes = []


@method_decorator(csp_replace(_WIDER), name="dispatch")
class Docs(SpectacularSwaggerSplitView):
    url_name = "api-v1:schema"
    permission_classes = [AllowAny]
    authentication_classes = []


@method_decorator(csp_replace(_WIDER), name="dispatch")
class Reference(SpectacularRedocView):
    url_name = "api-v1:schema"
    template_name = "api/reference.html"
    permission_classes = [AllowAny]
    authentication_classes = []


@extend_schema(exclude=True)
class Nowhere(APIView):
    """A path that the API does not know is a problem too, not a page."""

    permission_classes = [AllowAny]
    authentication_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise NotFound
