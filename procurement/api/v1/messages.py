"""What went between this client and us, and what failed: send it again, or put it away."""

from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_client, acting_user
from procurement.api.fields import Text
from procurement.api.v1.bodies import checked
from procurement.api.v1.pages import PageQuery, PageSerializer, page
from procurement.api.v1.shapes import REQUEST_ID, problems
from procurement.api.view import ClientView, clock, query
from procurement.domain.masking import masked
from procurement.models import IntegrationMessage
from procurement.services import messages
from procurement.vocabulary import Direction, MessageState
from sites.accounts.permissions import Scope
from sites.domain.errors import NotFound

_TAG: Final = ["messages"]


class MessageQuery(PageQuery):
    status = serializers.ChoiceField(
        [(state.value, state.label) for state in MessageState], required=False, help_text="Only these."
    )
    direction = serializers.ChoiceField(
        [(each.value, each.label) for each in Direction], required=False, help_text="Only these."
    )


class MessageSerializer(serializers.ModelSerializer[IntegrationMessage]):
    http_status = serializers.IntegerField(source="status", allow_null=True, help_text="What it was answered last.")
    status = serializers.ChoiceField(
        [(state.value, state.label) for state in MessageState], source="state", help_text="What became of it."
    )
    problem = serializers.DictField(allow_null=True, help_text="The refusal, as it was answered.")
    owner = serializers.CharField(
        source="owner.name", default=None, allow_null=True, help_text="Who is asked about it."
    )

    class Meta:
        model = IntegrationMessage
        fields: ClassVar[list[str]] = [
            "id", "direction", "status", "kind", "method", "path", "http_status", "code", "problem", "attempts",
            "request_id", "owner", "created_at", "settled_at", "reason",
        ]  # fmt: skip
        extra_kwargs: ClassVar[dict[str, dict[str, Any]]] = {
            "id": {"help_text": "Ours."},
            "direction": {"help_text": "From you to us, or from us to you."},
            "kind": {"help_text": "The operation, or the kind of change."},
            "method": {"help_text": "Of an inbound one."},
            "path": {"help_text": "Where it went, with its parameters."},
            "code": {"help_text": "Of the problem; for programs."},
            "attempts": {"help_text": "How often it was tried; the same refused again is counted here."},
            "request_id": {"help_text": "The X-Request-ID of the last try."},
            "created_at": {"help_text": "When it first came or was made; instant in UTC."},
            "settled_at": {"help_text": "When it was sent again with success, or put away; instant in UTC."},
            "reason": {"help_text": "Why it was put away."},
        }


class MessagePageSerializer(PageSerializer):
    items = MessageSerializer(many=True, help_text="The oldest first.")


class WholeMessageSerializer(MessageSerializer):
    payload = serializers.SerializerMethodField(
        help_text="The body, where it failed and was small enough to keep; secrets in it are masked."
    )

    class Meta(MessageSerializer.Meta):
        fields: ClassVar[list[str]] = [*MessageSerializer.Meta.fields, "payload"]

    def get_payload(self, row: IntegrationMessage) -> str:
        return masked(row.payload)


@extend_schema_serializer(
    examples=[OpenApiExample("Put away", request_only=True, value={"reason": "Sent again under another number."})]
)
class DiscardWrite(serializers.Serializer[Any]):
    reason = Text(lines=True, max_length=500, help_text="Why it is put away.")


class Messages(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.MESSAGES_ADMIN}

    @extend_schema(
        operation_id="listMessages",
        summary="What went between you and us; `status=failed` is the list to work through",
        description="The oldest first, of the last ninety days; what failed stays until it is retried or discarded.",
        parameters=[MessageQuery, REQUEST_ID],
        responses={200: MessagePageSerializer, **problems(400)},
        tags=_TAG,
    )
    def get(self, request: Request) -> Response:
        said = query(request, MessageQuery)
        rows = messages.of(acting_client(request)).select_related("owner")
        if "status" in said:
            rows = rows.filter(state=said["status"])
        if "direction" in said:
            rows = rows.filter(direction=said["direction"])
        return page(request, rows, "pk", lambda found: MessageSerializer(found, many=True).data, MessageSerializer)


class OneMessage(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.MESSAGES_ADMIN}

    @extend_schema(
        operation_id="readMessage",
        summary="One message with its body",
        description="Its body as it came, secrets masked, and what refused it.",
        parameters=[REQUEST_ID],
        responses={200: WholeMessageSerializer, **problems(404)},
        tags=_TAG,
    )
    def get(self, request: Request, message_id: UUID) -> Response:
        row = messages.of(acting_client(request)).select_related("owner").filter(pk=message_id).first()
        if row is None:
            raise NotFound("There is no such message.")
        return Response(WholeMessageSerializer(row).data)


class RetryMessage(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.MESSAGES_ADMIN}

    @extend_schema(
        operation_id="retryMessage",
        summary="Try what failed once more; the answer says what came of it",
        description="With the rights that its sender has now. What was written stays written once.",
        parameters=[REQUEST_ID],
        request=None,
        responses={200: MessageSerializer, **problems(400, 404, 409)},
        tags=_TAG,
    )
    def post(self, request: Request, message_id: UUID) -> Response:
        among = messages.of(acting_client(request))
        row = messages.retry(message_id=message_id, among=among, actor=acting_user(request), now=clock())
        return Response(MessageSerializer(row).data)


class DiscardMessage(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.MESSAGES_ADMIN}

    @extend_schema(
        operation_id="discardMessage",
        summary="Put away what failed, with the reason",
        description="It leaves the list of what failed; the reason is kept with it.",
        parameters=[REQUEST_ID],
        request=DiscardWrite,
        responses={200: MessageSerializer, **problems(400, 404, 409, 413, 415, 422)},
        tags=_TAG,
    )
    def post(self, request: Request, message_id: UUID) -> Response:
        said = checked(DiscardWrite, request)
        among = messages.of(acting_client(request))
        row = messages.discard(
            message_id=message_id, among=among, reason=said["reason"], actor=acting_user(request), now=clock()
        )
        return Response(MessageSerializer(row).data)
