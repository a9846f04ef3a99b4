"""Where a machine changes its OAuth 2 client id and secret for an access token, and gives one back: allauth's doors.

Only client credentials are served: there is no page to consent on, and no person's token.
"""

from allauth.idp.oidc.models import Client
from allauth.idp.oidc.views import RevokeView, TokenView
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse

_UNREADABLE = (BadRequest, DataError, LookupError, RequestDataTooBig, TooManyFieldsSent, ValueError)


def _refused(error: str) -> HttpResponse:
    """As RFC 6749 says it."""
    return JsonResponse({"error": error}, status=400, headers={"Cache-Control": "no-store"})


class Issue(TokenView):  # type: ignore[misc]
    http_method_names = ("post", "options")

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            if request.POST.get("grant_type", "") not in {"", Client.GrantType.CLIENT_CREDENTIALS}:
                return _refused("unsupported_grant_type")
            answer: HttpResponse = super().post(request)
        except _UNREADABLE:  # a form, charset or character (PostgreSQL keeps no NUL) that can name nothing of ours
            return _refused("invalid_request")
        return answer


class Revoke(RevokeView):  # type: ignore[misc]
    http_method_names = ("post", "options")

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            answer: HttpResponse = super().post(request)
        except _UNREADABLE:
            return _refused("invalid_request")
        return answer
