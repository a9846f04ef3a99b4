"""Where somebody is in a list."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import template

from procurement.portal.came_from import near

register = template.Library()


@register.inclusion_tag("lines/came_from.html", takes_context=True)
def came_from(context: Mapping[str, Any], key: UUID) -> dict[str, object]:
    """The line before and after in the list the reader came from; nothing where they came from none."""
    return {"near": near(context["request"], key, page_name="line")}
