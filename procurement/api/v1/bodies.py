"""Bodies read through their shape: what is wrong is refused, what nobody knows is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from procurement.api.errors import FieldError, escaped
from procurement.api.writing import warn
from sites.domain.errors import BadInput, NotFound

# What the tracker computes or its people decide; an ERP that sends it is told, and nothing is written.
TRACKER_OWNED: Final = frozenset(
    {
        "actual_date", "actual_on", "allocations", "baseline", "baseline_on", "contract_step", "delivery_status",
        "float_days", "forecast", "forecast_date", "forecast_on", "id", "latest_on", "locked_date", "locked_on", "lots",
        "milestones", "order_by_on", "probability", "required_on_site", "slip_days", "version",
    }
)  # fmt: skip


def checked(shape: type[serializers.Serializer[Any]], request: Request, *, partial: bool = False) -> dict[str, Any]:
    """What the body says. Unknown fields become warnings of the answer. Raises ValidationError, UnknownFields."""
    body = shape(data=request.data, partial=partial)
    body.is_valid(raise_exception=True)
    warn(request, unknown_fields(body, request.data))
    said: dict[str, Any] = dict(body.validated_data)
    return said


@contextmanager
def named_in_body(**names: str) -> Iterator[None]:
    """What a service refuses of these fields, by their names in the body. A thing that the body names and that is not
    there, or out of sight, is wrong input: only an address answers 404.
    """
    try:
        yield
    except (BadInput, NotFound) as refusal:
        if refusal.field not in names:
            raise
        raise BadInput(refusal.message, field=names[refusal.field]) from None


def unknown_fields(serializer: Any, sent: Any, pointer: str = "") -> list[FieldError]:
    """Every name in the body that the shape does not know, in the order of the body."""
    if isinstance(serializer, serializers.ListSerializer):
        found = []
        for place, inner in enumerate(sent if isinstance(sent, list) else ()):
            found += unknown_fields(serializer.child, inner, f"{pointer}/{place}")
        return found
    if not isinstance(serializer, serializers.Serializer) or not isinstance(sent, dict):
        return []
    found = []
    for name, inner in sent.items():
        at = f"{pointer}/{escaped(name)}"
        if name in serializer.fields:
            found += unknown_fields(serializer.fields[name], inner, at)
        elif name in TRACKER_OWNED:
            found.append(FieldError(at, "owned_by_tracker", _("The tracker owns this field; it was not written.")))
        else:
            found.append(FieldError(at, "unknown_field", _("Nobody knows this field; it was not read.")))
    return found
