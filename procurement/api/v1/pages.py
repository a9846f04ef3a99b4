"""Lists in pages by key: what comes or goes between two pages moves no other row; the last costs as the first."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import query
from procurement.api.errors import BadParameter

MOST_ROWS: Final = 500
Shown = TypeVar("Shown", bound=Model)


class PageQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(
        default=100, min_value=1, max_value=MOST_ROWS, help_text=f"Most rows to answer, up to {MOST_ROWS}."
    )
    cursor = serializers.CharField(required=False, max_length=200, help_text="The `next_cursor` of the page before.")


class PageSerializer(serializers.Serializer[Any]):
    next_cursor = serializers.CharField(allow_null=True, help_text="Of the next page; null: this is the last.")


def page(request: Request, rows: QuerySet[Shown], column: str, shown: Callable[[list[Shown]], Any]) -> Response:
    """A page in the order of `column`, which is unique. Raises BadParameter."""
    asked = query(request, PageQuery)
    limit = asked["limit"]
    if cursor := asked.get("cursor"):
        rows = rows.filter(**{f"{column}__gt": _read(cursor, is_key=column == "pk")})
    found = list(rows.order_by(column)[: limit + 1])
    has_more = len(found) > limit
    found = found[:limit]
    following = _written(str(getattr(found[-1], column))) if has_more else None
    answer = Response({"items": shown(found), "next_cursor": following})
    if following is not None:
        words = request.query_params.dict() | {"cursor": following}
        answer["Link"] = f'<{request.path}?{urlencode(words)}>; rel="next"'
    return answer


def fields_of(row: Model, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """What the row and the shape call by the same name."""
    names = [str(name) for name in shape().fields]
    return {name: getattr(row, name) for name in names if hasattr(row, name)}


def _written(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def _read(cursor: str, *, is_key: bool) -> str | UUID:
    try:
        value = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        if "\x00" in value:
            raise ValueError
        return UUID(value) if is_key else value
    except (ValueError, binascii.Error):
        raise BadParameter(_("cursor: Take it from the page before, as it is.")) from None
