"""The change feed: everything of business that changed, in an order that loses nothing."""

from typing import Any, ClassVar, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import query
from procurement.api.auth import acting_user
from procurement.api.errors import BadParameter
from procurement.api.v1.order_shapes import ExternalIdSerializer
from procurement.api.v1.shapes import REQUEST_ID, problems
from procurement.api.view import ClientView
from procurement.queries.change_feed import Entry, Position, page
from procurement.services import change_feed
from procurement.services.change_feed import CursorExpired, cursor_of, read_cursor
from procurement.vocabulary import ChangeKind, ChangeSubject
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput

MOST: Final = 500
_PAGES: Final = {ChangeSubject.ORDER: "order", ChangeSubject.ALERT: "alert", ChangeSubject.AGREEMENT: "agreement"}


class CursorGone(APIException):
    """The feed cannot be continued from this cursor."""

    status_code = status.HTTP_410_GONE
    default_code = "cursor_expired"


class FeedQuery(serializers.Serializer[Any]):
    cursor = serializers.CharField(required=False, max_length=400, help_text="From the last answer; opaque.")
    types = serializers.CharField(
        required=False, max_length=1000, help_text="Comma-separated; `po.` means all that begin with it."
    )
    limit = serializers.IntegerField(
        default=100, min_value=1, max_value=MOST, help_text=f"Most changes to answer, up to {MOST}."
    )


class ChangeDataSerializer(serializers.Serializer[Any]):
    """Thin: read the thing itself under `links.self`."""

    id = serializers.UUIDField(help_text="Of the thing that changed.")
    subject = serializers.ChoiceField(ChangeSubject.choices, help_text="What kind of thing changed.")
    external_ids = ExternalIdSerializer(many=True, help_text="What other systems call it.")
    sequence = serializers.IntegerField(help_text="Rises by one with each change of the same thing.")
    changed = serializers.DictField(
        child=serializers.ListField(), help_text="Path to [old, new]; only what you may see, numbers as text."
    )
    links = serializers.DictField(child=serializers.CharField(), help_text="`self`: where it is read now.")


class ChangeSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Of the change; the `webhook-id` of its message begins with it.")
    type = serializers.ChoiceField(ChangeKind.choices, help_text="What happened.")
    timestamp = serializers.DateTimeField(help_text="When the transaction of the change began; UTC.")
    data = ChangeDataSerializer(help_text="Of the change.")  # type: ignore[assignment]


class ChangePageSerializer(serializers.Serializer[Any]):
    changes = ChangeSerializer(many=True, help_text="Oldest first.")
    next_cursor = serializers.CharField(help_text="Keep it; ask with it for what came after.")
    has_more = serializers.BooleanField(help_text="Ask again at once.")


def shown(entry: Entry) -> dict[str, Any]:
    return {
        "id": str(entry.position.id),
        "type": entry.kind.value,
        "timestamp": entry.at,
        "data": {
            "id": entry.subject_id,
            "subject": entry.subject.value,
            "external_ids": [{"system": system, "external_id": key} for system, key in entry.external_ids],
            "sequence": entry.sequence,
            "changed": {path: list(values) for path, values in entry.changed.items()},
            "links": {"self": self_link(entry)} if self_link(entry) else {},
        },
    }


def self_link(entry: Entry) -> str:
    page = _PAGES.get(entry.subject)
    return reverse(f"api-v1:{page}", args=[entry.subject_id]) if page else ""


def kinds_of(said: str) -> frozenset[str]:
    """Names or beginnings (`po.` is every word of orders). Raises BadParameter."""
    found: set[str] = set()
    for word in filter(None, (part.strip() for part in said.split(","))):
        meant = {kind for kind in ChangeKind.values if kind == word or (word.endswith(".") and kind.startswith(word))}
        if not meant:
            raise BadParameter(_("types: %(word)s is no type of change.") % {"word": word[:80]})
        found |= meant
    return frozenset(found)


class Changes(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.FEED_READ}

    @extend_schema(
        operation_id="changeFeed",
        summary="Read what changed",
        description="Begin without a cursor, then with the `next_cursor` of the last answer. Every change is given at "
        "least once and in order for each thing; a page may be empty and still move on. A cursor of before a restore, "
        "or older than 90 days, is answered 410: then read everything anew.",
        parameters=[FeedQuery, REQUEST_ID],
        responses={200: ChangePageSerializer, **problems(400, 410)},
        tags=["change feed"],
    )
    def get(self, request: Request) -> Response:
        said = query(request, FeedQuery)
        kinds = kinds_of(said.get("types", ""))
        life = change_feed.life()
        try:
            after = read_cursor(said["cursor"], life) if "cursor" in said else Position()
        except CursorExpired as refusal:
            raise CursorGone(str(refusal)) from None
        except BadInput as refusal:
            raise BadParameter(f"cursor: {refusal}") from None
        found = page(acting_user(request), after, limit=said["limit"], kinds=kinds)
        if "cursor" in said and not change_feed.is_whole(after, life):  # forgotten while it was read
            raise CursorGone(_("The feed cannot be continued from there; read everything anew."))
        return Response(
            ChangePageSerializer(
                {
                    "changes": [shown(entry) for entry in found.entries],
                    "next_cursor": cursor_of(found.position, life),
                    "has_more": found.more,
                }
            ).data
        )
