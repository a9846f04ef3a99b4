"""Lists in pages by key: what comes or goes between two pages moves no other row; the last costs as the first."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
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
_NAMES: Final = r"^[a-z_]{1,40}(,[a-z_]{1,40})*$"
Shown = TypeVar("Shown", bound=Model)
Shape = type[serializers.BaseSerializer[Any]]


class PageQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(
        default=100, min_value=1, max_value=MOST_ROWS, help_text=f"Most rows to answer, up to {MOST_ROWS}."
    )
    cursor = serializers.CharField(required=False, max_length=200, help_text="The `next_cursor` of the page before.")
    fields = serializers.RegexField(  # type: ignore[assignment]
        _NAMES, required=False, max_length=500, help_text="Only these fields of each item, with commas between."
    )
    omit = serializers.RegexField(
        _NAMES, required=False, max_length=500, help_text="All but these fields of each item, with commas between."
    )


class PageSerializer(serializers.Serializer[Any]):
    next_cursor = serializers.CharField(allow_null=True, help_text="Of the next page; null: this is the last.")


def page(
    request: Request, rows: QuerySet[Shown], column: str, shown: Callable[[list[Shown]], Any], shape: Shape
) -> Response:
    """A page in the order of `column`, which is unique, of items of that shape. Raises BadParameter."""
    said = query(request, PageQuery)
    cursor, limit = after(said, is_key=column == "pk"), said["limit"]
    if cursor is not None:
        rows = rows.filter(**{f"{column}__gt": cursor})
    found = list(rows.order_by(column)[: limit + 1])
    more = str(getattr(found[limit - 1], column)) if len(found) > limit else None
    return answer(request, said, shown(found[:limit]), more, shape)


def after(said: Mapping[str, Any], *, is_key: bool) -> str | UUID | None:
    """After what, by what a PageQuery says. Raises BadParameter."""
    cursor = said.get("cursor")
    return _read(cursor, is_key=is_key) if cursor else None


def answer(request: Request, said: Mapping[str, Any], items: Sequence[Any], more: str | None, shape: Shape) -> Response:
    """`said` is what a PageQuery says; `more` names the page's last item where others follow. Raises BadParameter."""
    following = None if more is None else cursor_of(more)
    page = Response({"items": _picked(said, items, shape), "next_cursor": following})
    if following is not None:
        words = request.query_params.dict() | {"cursor": following}
        page["Link"] = f'<{request.path}?{urlencode(words)}>; rel="next"'
    return page


def _picked(said: Mapping[str, Any], items: Sequence[Any], shape: Shape) -> Any:
    """The items with the fields that were asked for."""
    if "fields" not in said and "omit" not in said:
        return items
    known = list(shape().fields)  # type: ignore[attr-defined]
    for name in ("fields", "omit"):
        for field in said.get(name, "").split(",") if name in said else ():
            if field not in known:
                raise BadParameter(_("%(name)s: There is no field %(field)s.") % {"name": name, "field": field})
    wanted = set(said["fields"].split(",") if "fields" in said else known) - set(said.get("omit", "").split(","))
    return [{name: value for name, value in item.items() if name in wanted} for item in items]


def fields_of(row: Model, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """What the row and the shape call by the same name."""
    names = [str(name) for name in shape().fields]
    return {name: getattr(row, name) for name in names if hasattr(row, name)}


def cursor_of(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def _read(cursor: str, *, is_key: bool) -> str | UUID:
    try:
        value = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        if "\x00" in value:
            raise ValueError
        return UUID(value) if is_key else value
    except (ValueError, binascii.Error):
        raise BadParameter(_("cursor: Take it from the page before, as it is.")) from None
