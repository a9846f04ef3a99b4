"""What is said of an order by a document of its own, or takes such a document back: how its body names both."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request

from procurement.api.auth import acting_client, acting_user
from procurement.api.fields import Text
from procurement.models import PurchaseOrder
from procurement.queries import order_reading
from sites.domain.errors import BadInput


class ReversibleWrite(serializers.Serializer[Any]):
    """`needs` are the fields that must be there unless it reverses one. A reversal says which and why, and nothing
    else: it takes the whole back, so that nothing beside it is lost unsaid.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    order = serializers.UUIDField(required=False, help_text="Our id of the order; not with `reverses`.")
    external_id = Text(
        required=False, max_length=80, help_text="Or your own id of it; beside `order`, of the same order."
    )
    reverses = serializers.UUIDField(
        required=False, help_text="Our id of the one it takes back, whole; beside it stands only `reason`."
    )
    reason = Text(required=False, max_length=500, help_text="Why it is taken back; required with `reverses`.")

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Raises ValidationError for every field that is wrong, that is missing, or that has no place here."""
        if not isinstance(data, Mapping):
            return dict(super().to_internal_value(data))
        said: dict[str, Any] = {}
        wrong: dict[str, Any] = {}
        try:
            said = dict(super().to_internal_value(data))
        except serializers.ValidationError as refusal:
            wrong = dict(cast("dict[str, Any]", refusal.detail))
        needed: tuple[str, ...]
        if data.get("reverses") is not None:
            needed, why = ("reason",), _("This has no place beside reverses, which takes the whole back.")
            astray = [name for name in data if name in self.fields and name not in {"reverses", "reason"}]
        else:
            needed, why = self.needs, _("This stands beside reverses only.")
            astray = [name for name in data if name == "reason"]
            if "external_id" not in data:
                needed = ("order", *needed)
        wrong |= {name: [ErrorDetail(why, code="invalid")] for name in astray}
        for name in needed:
            if name not in data:
                wrong[name] = [ErrorDetail(_("This is required."), code="required")]
        if wrong:
            raise serializers.ValidationError(wrong)
        return said


def order_of(request: Request, said: Mapping[str, Any]) -> UUID:
    """By our id, by the caller's own, or by both where they agree. Raises BadInput naming the one that is wrong."""
    actor = acting_user(request)
    key: UUID | None = said.get("order")
    if key is not None and not PurchaseOrder.objects.visible_to(actor).filter(pk=key).exists():
        raise BadInput(_("There is no such order."), field="order")
    if "external_id" in said:
        system = acting_client(request).system
        found = order_reading.key_of(system=system, external_id=said["external_id"], actor=actor)
        if found is None:
            raise BadInput(_("There is no such order."), field="external_id")
        if key not in {None, found}:
            raise BadInput(_("This is another order than the one of `order`."), field="external_id")
        key = found
    assert key is not None  # the shape has asked for one of them
    return key
