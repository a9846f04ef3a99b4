"""Webhook endpoints of a client: set up, tried, replayed, and what became of each message."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import clock, query
from procurement.api.auth import acting_client, acting_credential, acting_user, lacks_scope
from procurement.api.fields import Instant, Text
from procurement.api.v1.bodies import checked
from procurement.api.v1.shapes import REQUEST_ID, example, problems
from procurement.api.view import ClientView
from procurement.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from procurement.services import webhooks
from procurement.vocabulary import ChangeKind, DeliveryState
from sites.accounts.permissions import Scope
from sites.domain.errors import NotFound

_TAG: Final = ["webhooks"]
_KINDS: Final = [(kind.value, kind.label) for kind in ChangeKind if kind is not ChangeKind.PING]
_OF_RECORDS: Final = (Scope.ORDERS_READ, Scope.ALERTS_READ, Scope.POWER_READ)
_EXAMPLE: Final = OpenApiExample(
    "Orders",
    request_only=True,
    value={"url": "https://erp.example/longlead", "types": ["po.updated", "po.line.date_revised"]},
)


class EndpointWrite(serializers.Serializer[Any]):
    url = serializers.CharField(
        max_length=500, help_text="https, port 443 or 8443; it may not lead to an inner network."
    )
    types = serializers.ListField(
        child=serializers.ChoiceField(_KINDS), required=False, max_length=60, help_text="Empty: all."
    )
    full = serializers.BooleanField(
        required=False,
        help_text="Each message carries the record as well, in `record`. It takes the scopes that read one: `po:read`, "
        "`alert:read` and `power:read`.",
    )
    description = Text(required=False, max_length=200, allow_blank=True, help_text="For people.")


class EndpointChange(EndpointWrite):
    url = serializers.CharField(max_length=500, required=False, help_text="Where messages go from now on.")
    active = serializers.BooleanField(required=False, help_text="Switched on again, it goes on where it stopped.")


class EndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    types = serializers.ListField(source="kinds", child=serializers.CharField(), help_text="Empty: all.")

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id", "url", "types", "full", "description", "active", "created_at", "disabled_at", "disabled_because",
            "succeeded_at",
        ]  # fmt: skip
        extra_kwargs: ClassVar[dict[str, dict[str, Any]]] = {
            "id": {"help_text": "Ours."},
            "url": {"help_text": "Where messages go."},
            "full": {"help_text": "Whether messages carry the record."},
            "description": {"help_text": "For people."},
            "active": {"help_text": "Whether messages are sent."},
            "created_at": {"help_text": "Since when it is told."},
            "disabled_at": {"help_text": "When it was switched off; null while it is on."},
            "disabled_because": {"help_text": "What it answered last, where it was switched off by us."},
            "succeeded_at": {"help_text": "When it last took a message."},
        }


class SecretSerializer(EndpointSerializer):
    secret = serializers.CharField(help_text="Shown in this answer and never again; `whsec_` and base64.")

    class Meta(EndpointSerializer.Meta):
        fields = [*EndpointSerializer.Meta.fields, "secret"]


class EndpointListSerializer(serializers.Serializer[Any]):
    items = EndpointSerializer(many=True, help_text="Oldest first.")


class AttemptSerializer(serializers.ModelSerializer[WebhookAttempt]):
    class Meta:
        model = WebhookAttempt
        fields = ["at", "code", "answer", "took_ms"]
        extra_kwargs: ClassVar[dict[str, dict[str, Any]]] = {
            "at": {"help_text": "When it ended."},
            "code": {"help_text": "The HTTP status, or what kind of failure."},
            "answer": {"help_text": "At most the first kilobyte."},
            "took_ms": {"help_text": "Milliseconds."},
        }


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    webhook_id = serializers.CharField(source="key", help_text="The same however often it is sent.")
    type = serializers.CharField(source="kind", help_text="What happened.")
    tries = AttemptSerializer(many=True, help_text="Every attempt.")

    class Meta:
        model = WebhookDelivery
        fields = ["id", "webhook_id", "type", "state", "created_at", "next_attempt_at", "finished_at", "tries"]
        extra_kwargs: ClassVar[dict[str, dict[str, Any]]] = {
            "id": {"help_text": "Ours."},
            "state": {"help_text": "Due, delivered, given up, or discarded."},
            "created_at": {"help_text": "When it was written."},
            "next_attempt_at": {"help_text": "Null where none follows."},
            "finished_at": {"help_text": "When it was taken or given up."},
        }


class DeliveryPageSerializer(serializers.Serializer[Any]):
    items = DeliverySerializer(many=True, help_text="Newest first.")
    has_more = serializers.BooleanField(help_text="Whether more follow.")


class ReplayWrite(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**62), required=False, max_length=1000,
        help_text="Of changes, as the feed names them.",
    )  # fmt: skip
    since = Instant(required=False, help_text="With its offset.")
    until = Instant(required=False, help_text="Before this instant; now unless told.")


class ReplaySerializer(serializers.Serializer[Any]):
    replayed = serializers.IntegerField(help_text="Messages that will be sent again.")


class DeliveryQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(DeliveryState.choices, required=False)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=100_000, help_text="How many to pass over.")
    limit = serializers.IntegerField(default=50, min_value=1, max_value=200, help_text="Most to answer, up to 200.")


class WebhookEndpoints(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.HOOKS_ADMIN, "POST": Scope.HOOKS_ADMIN}

    @extend_schema(
        operation_id="listWebhookEndpoints",
        summary="Your webhook endpoints",
        description="With whether each is on and when it last took a message; never their secrets.",
        parameters=[REQUEST_ID],
        responses={200: EndpointListSerializer, **problems()},
        tags=_TAG,
    )
    def get(self, request: Request) -> Response:
        return Response(EndpointListSerializer({"items": webhooks.of(acting_client(request))}).data)

    @extend_schema(
        operation_id="createWebhookEndpoint",
        summary="Be told of changes",
        description="The answer holds the secret, once. Messages follow Standard Webhooks.",
        parameters=[REQUEST_ID],
        request=EndpointWrite,
        responses={201: SecretSerializer, **problems(400, 409, 413, 415, 422)},
        examples=[_EXAMPLE],
        tags=_TAG,
    )
    def post(self, request: Request) -> Response:
        said = _said(request, EndpointWrite)
        endpoint = webhooks.make(
            client=acting_client(request),
            url=said["url"],
            kinds=said.get("types", []),
            full=said.get("full", False),
            description=said.get("description", ""),
            actor=acting_user(request),
            now=clock(),
        )
        return Response(SecretSerializer(endpoint).data, status=201)


class WebhookEndpointView(ClientView):
    scopes: ClassVar[dict[str, str | None]] = dict.fromkeys(("GET", "PATCH", "DELETE"), Scope.HOOKS_ADMIN)

    @extend_schema(
        operation_id="readWebhookEndpoint",
        summary="One webhook endpoint",
        description="Whether it is on, why it was switched off, and when it last took a message.",
        parameters=[REQUEST_ID],
        responses={200: EndpointSerializer, **problems(404)},
        tags=_TAG,
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        return Response(EndpointSerializer(_found(request, endpoint_id)).data)

    @extend_schema(
        operation_id="changeWebhookEndpoint",
        summary="Change a webhook endpoint, or switch it on or off",
        description="Only what is said changes. Switched on again, it goes on where it stopped, and nothing is "
        "lost for ninety days.",
        parameters=[REQUEST_ID],
        request=EndpointChange,
        responses={200: EndpointSerializer, **problems(400, 404, 413, 415, 422)},
        examples=[example("On again", active=True)],
        tags=_TAG,
    )
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        said = _said(request, EndpointChange)
        endpoint = webhooks.change(
            endpoint_id=endpoint_id,
            client=acting_client(request),
            actor=acting_user(request),
            now=clock(),
            url=said.get("url"),
            kinds=said.get("types"),
            full=said.get("full"),
            description=said.get("description"),
            active=said.get("active"),
        )
        shown = dict(EndpointSerializer(endpoint).data)
        if said.get("active") and webhooks.has_missed(endpoint):
            detail = _("What changed more than ninety days ago is forgotten: read everything anew.")
            shown["warnings"] = [{"code": "changes_forgotten", "pointer": None, "detail": detail}]
        return Response(shown)

    @extend_schema(
        operation_id="removeWebhookEndpoint",
        summary="Remove a webhook endpoint",
        description="What was not delivered is discarded; what became of each message can no longer be read.",
        parameters=[REQUEST_ID],
        responses={204: None, **problems(400, 404)},
        tags=_TAG,
    )
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        webhooks.remove(endpoint_id=endpoint_id, client=acting_client(request), actor=acting_user(request), now=clock())
        return Response(status=204)


class Ping(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.HOOKS_ADMIN}

    @extend_schema(
        operation_id="pingWebhookEndpoint",
        summary="Send a test message",
        description="A `webhook.ping` is put in the queue and sent like every message; `deliveries` says what "
        "came of it.",
        parameters=[REQUEST_ID],
        request=None,
        responses={202: DeliverySerializer, **problems(400, 404, 409)},
        tags=_TAG,
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        row = webhooks.ping(endpoint_id=endpoint_id, client=acting_client(request), now=clock())
        return Response(DeliverySerializer(row).data, status=202)


class RotateSecret(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.HOOKS_ADMIN}

    @extend_schema(
        operation_id="rotateWebhookSecret",
        summary="A new secret; for a day the former one signs as well",
        description="The answer holds the new secret, once. For a day every message has a signature by each.",
        parameters=[REQUEST_ID],
        request=None,
        responses={200: SecretSerializer, **problems(400, 404, 409)},
        tags=_TAG,
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        endpoint = webhooks.rotate_secret(
            endpoint_id=endpoint_id, client=acting_client(request), actor=acting_user(request), now=clock()
        )
        return Response(SecretSerializer(endpoint).data)


class Replay(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.HOOKS_ADMIN}

    @extend_schema(
        operation_id="replayWebhooks",
        summary="Send changes again, by id or of a span of time",
        description="They are sent under the `webhook-id` they had, so a receiver that keeps ids takes none "
        "twice; 1,000 at most.",
        parameters=[REQUEST_ID],
        request=ReplayWrite,
        responses={202: ReplaySerializer, **problems(400, 404, 409, 413, 415, 422)},
        examples=[example("An hour", since="2026-11-20T14:00:00Z", until="2026-11-20T15:00:00Z")],
        tags=_TAG,
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        said = checked(ReplayWrite, request)
        number = webhooks.replay(
            endpoint_id=endpoint_id,
            client=acting_client(request),
            now=clock(),
            keys=said.get("ids", ()),
            since=said.get("since"),
            until=said.get("until"),
        )
        return Response({"replayed": number}, status=202)


class Deliveries(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.HOOKS_ADMIN}

    @extend_schema(
        operation_id="listWebhookDeliveries",
        summary="What became of each message, newest first",
        description="With every attempt: status, time taken and the first kilobyte of the answer.",
        parameters=[DeliveryQuery, REQUEST_ID],
        responses={200: DeliveryPageSerializer, **problems(400, 404)},
        tags=_TAG,
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        endpoint, said = _found(request, endpoint_id), query(request, DeliveryQuery)
        rows = endpoint.deliveries.prefetch_related("tries").order_by("-created_at", "-pk")
        if "state" in said:
            rows = rows.filter(state=said["state"])
        found = list(rows[said["offset"] : said["offset"] + said["limit"] + 1])
        shown = {"items": found[: said["limit"]], "has_more": len(found) > said["limit"]}
        return Response(DeliveryPageSerializer(shown).data)


def _said(request: Request, shape: type[EndpointWrite]) -> dict[str, Any]:
    """Who asks for whole records could read each by itself."""
    said = checked(shape, request)
    lacking = [scope for scope in _OF_RECORDS if scope not in acting_credential(request).scopes]
    if said.get("full") and lacking:
        raise lacks_scope(lacking[0])
    return said


def _found(request: Request, endpoint_id: UUID) -> WebhookEndpoint:
    endpoint: WebhookEndpoint | None = webhooks.of(acting_client(request)).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("There is no such endpoint.")
    return endpoint
