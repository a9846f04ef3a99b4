"""Who am I: the connection test every integration platform wants."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_credential, acting_user
from procurement.api.throttle import CALLS_A_MINUTE
from procurement.api.v1.shapes import REQUEST_ID, problems
from procurement.api.view import ClientView, clock
from sites.models import Site


class RateLimitSerializer(serializers.Serializer[Any]):
    calls = serializers.IntegerField(help_text="Calls a client may make.")
    seconds = serializers.IntegerField(help_text="In how many seconds.")


class MeSerializer(serializers.Serializer[Any]):
    client = serializers.CharField(help_text="Name of the client this key belongs to.")
    system = serializers.CharField(help_text="The external system whose ids this client writes, such as SAP-PRD.")
    key = serializers.CharField(help_text="The public part of the key, or the client id of OAuth 2.")
    scopes = serializers.ListField(child=serializers.CharField(), help_text="What this key is for.")
    sites = serializers.ListField(child=serializers.CharField(), help_text="Codes of the sites in sight.")
    expires_at = serializers.DateTimeField(allow_null=True, help_text="Instant in UTC; null where it does not expire.")
    rate_limit = RateLimitSerializer(help_text="Per server process; 429 says when to come back.")
    server_time = serializers.DateTimeField(help_text="Instant in UTC.")


class Me(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": None}

    @extend_schema(
        operation_id="whoami",
        summary="Who am I",
        description="The client, what its key is for, and the sites it sees. Any live key may ask.",
        parameters=[REQUEST_ID],
        responses={200: MeSerializer, **problems()},
        tags=["connection"],
    )
    def get(self, request: Request) -> Response:
        key = acting_credential(request)
        sites = Site.objects.visible_to(acting_user(request)).order_by("code")
        shown = {
            "client": key.client.name,
            "system": key.client.system,
            "key": key.label,
            "scopes": sorted(key.scopes),
            "sites": list(sites.values_list("code", flat=True)),
            "expires_at": key.expires_at,
            "rate_limit": {"calls": CALLS_A_MINUTE, "seconds": 60},
            "server_time": clock(),
        }
        return Response(MeSerializer(shown).data)
