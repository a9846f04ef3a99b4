"""Change orders: drafted with what they would change, approved by somebody else, applied once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import clock, query, request_id
from procurement.api.auth import acting_client, acting_user
from procurement.api.fields import Amount, Day, Text
from procurement.api.v1.answer_headers import location
from procurement.api.v1.bodies import checked, named_in_body
from procurement.api.v1.order_shapes import OrderChange, document_of, shown_warnings
from procurement.api.v1.pages import PageQuery, PageSerializer, page
from procurement.api.v1.shapes import REQUEST_ID, WarningSerializer, problems
from procurement.api.view import ClientView
from procurement.domain.money import in_minor_units
from procurement.domain.order_document import LinesMode
from procurement.models import ChangeOrder
from procurement.services import change_orders
from procurement.services.order_lines import OrderWarning
from procurement.vocabulary import ChangeOrderState
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput, NotFound

_TAG: Final = ["change orders"]
_OWN: Final = ("order", "number", "reason", "amount", "currency", "rebaseline")


@extend_schema_serializer(
    component_name="ChangeOrderWrite",
    examples=[
        OpenApiExample(
            "Later and dearer",
            request_only=True,
            value={
                "order": "01940000-0000-7000-8000-000000000000",
                "number": "CO-3",
                "reason": "Larger pumps",
                "amount": "12000.00",
                "currency": "AUD",
                "rebaseline": True,
                "change": {
                    "lines": [
                        {
                            "line_number": 10,
                            "unit_price": "253000.00",
                            "schedules": [{"schedule_number": 1, "contractual_date": "2027-08-16"}],
                        }
                    ]
                },
            },
        )
    ],
)
class ChangeOrderWrite(serializers.Serializer[Any]):
    order = serializers.UUIDField(help_text="Our id of the order.")
    number = Text(max_length=40, help_text="Yours; unique within the order.")
    reason = Text(max_length=500, help_text="Why the order changes.")
    amount = Amount(required=False, help_text="What it adds, or with a minus takes off; for people.")
    currency = serializers.RegexField(r"^[A-Z]{3}$", required=False, max_length=3, help_text="Of the amount.")
    rebaseline = serializers.BooleanField(
        default=False, help_text="Whether what it touches is judged against its new contract dates from then on."
    )
    lines_mode = serializers.ChoiceField(
        [mode.value for mode in LinesMode], default=LinesMode.MERGE.value, help_text="Absent lines: kept or cancelled."
    )
    change = OrderChange(help_text="What changes, as in PATCH of the order.")


@extend_schema_serializer(
    examples=[OpenApiExample("Taken back", request_only=True, value={"reason": "The vendor withdrew it."})]
)
class ChangeOrderReject(serializers.Serializer[Any]):
    reason = Text(max_length=500, help_text="Why it is not wanted.")


class ChangedDatesSerializer(serializers.Serializer[Any]):
    line_number = serializers.IntegerField(help_text="10, 20, 30.")
    schedule_number = serializers.IntegerField(help_text="Within the line.")
    forecast_on = serializers.ListField(
        child=Day(allow_null=True), min_length=2, max_length=2, help_text="Of its last lot, before and after."
    )
    float_days = serializers.ListField(
        child=serializers.IntegerField(allow_null=True),
        min_length=2,
        max_length=2,
        help_text="Of its worst lot, before and after.",
    )


@extend_schema_serializer(component_name="ChangeOrder")
class ChangeOrderSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    order = serializers.UUIDField(help_text="Our id of the order.")
    order_number = serializers.CharField(help_text="The number people use.")
    number = serializers.CharField(help_text="Unique within the order.")
    reason = serializers.CharField(help_text="Why the order changes.")
    state = serializers.ChoiceField(ChangeOrderState.choices, help_text="draft, approved, applied or rejected.")
    amount = Amount(allow_null=True, help_text="What it adds; null: not said.")
    currency = serializers.CharField(allow_blank=True, help_text="Of the amount.")
    rebaseline = serializers.BooleanField(help_text="Whether it writes new baselines.")
    before = serializers.DictField(help_text="Values that change, by pointer with line and schedule numbers.")
    after = serializers.DictField(help_text="What they become.")
    dates = ChangedDatesSerializer(many=True, help_text="What that does to dates, as the trial of the draft found.")
    warnings = WarningSerializer(many=True, help_text="What of the change is not done as it says; may be empty.")
    author = serializers.CharField(help_text="Who drafted it.")
    approved_by = serializers.CharField(allow_null=True, help_text="Never its author; null: nobody yet.")
    rejected_by = serializers.CharField(allow_null=True, help_text="null: nobody did.")
    rejected_because = serializers.CharField(allow_blank=True, help_text="Why it is not wanted.")
    created_at = serializers.DateTimeField(help_text="Instant in UTC.")
    applied_at = serializers.DateTimeField(allow_null=True, help_text="null: not yet.")


class ChangeOrderPageSerializer(PageSerializer):
    items = ChangeOrderSerializer(many=True, help_text="The oldest first.")


class ChangeOrderQuery(PageQuery):
    order = serializers.UUIDField(required=False, help_text="Of this order only.")
    state = serializers.ChoiceField(ChangeOrderState.choices, required=False, help_text="Only these.")


class ChangeOrders(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ, "POST": Scope.CHANGES_WRITE}

    @extend_schema(
        operation_id="listChangeOrders",
        summary="Change orders of orders whose amounts the caller may see",
        description="With the values before and after, the oldest first.",
        parameters=[ChangeOrderQuery, REQUEST_ID],
        responses={200: ChangeOrderPageSerializer, **problems(400)},
        tags=_TAG,
    )
    def get(self, request: Request) -> Response:
        said = query(request, ChangeOrderQuery)
        rows = change_orders.in_sight(acting_user(request))
        for name in ("order", "state"):
            if name in said:
                rows = rows.filter(**{name: said[name]})
        return page(request, rows, "pk", lambda found: [_shown(each) for each in found], ChangeOrderSerializer)

    @extend_schema(
        operation_id="draftChangeOrder",
        summary="Draft a change order",
        description="The change is tried, and what would differ is kept with its values before and after; the order "
        "itself does not change until the change order is applied.",
        parameters=[location(201), REQUEST_ID],
        request=ChangeOrderWrite,
        responses={201: ChangeOrderSerializer, **problems(400, 409, 413, 415, 422)},
        tags=_TAG,
    )
    def post(self, request: Request) -> Response:
        said = checked(ChangeOrderWrite, request)
        try:
            with named_in_body(order="order"):
                row = change_orders.draft(
                    order_id=said["order"],
                    number=said["number"],
                    reason=said["reason"],
                    document=document_of(said["change"]),
                    system=acting_client(request).system,
                    actor=acting_user(request),
                    now=clock(),
                    amount=said.get("amount"),
                    currency=said.get("currency", ""),
                    rebaseline=said["rebaseline"],
                    lines_mode=said["lines_mode"],
                )
        except BadInput as refusal:
            if refusal.field is not None and refusal.field not in _OWN:
                refusal.field = f"change/{refusal.field}"
            raise
        return Response(_shown(row), status=201, headers={"Location": reverse("api-v1:change-order", args=[row.pk])})


class OneChangeOrder(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ}

    @extend_schema(
        operation_id="readChangeOrder",
        summary="One change order",
        description="What it changes, what that does to dates and float, and who decided.",
        parameters=[REQUEST_ID],
        responses={200: ChangeOrderSerializer, **problems(404)},
        tags=_TAG,
    )
    def get(self, request: Request, change_order_id: UUID) -> Response:
        row = change_orders.in_sight(acting_user(request)).filter(pk=change_order_id).first()
        if row is None:
            raise NotFound("There is no such change order.")
        return Response(_shown(row))


class ApproveChangeOrder(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.CHANGES_WRITE}

    @extend_schema(
        operation_id="approveChangeOrder",
        summary="Approve a draft; never its author, and only with the role for it",
        description="What moves a baseline is applied only after this; the others are the ERP's to approve, and are "
        "applied without it.",
        parameters=[REQUEST_ID],
        request=None,
        responses={200: ChangeOrderSerializer, **problems(400, 404, 409)},
        tags=_TAG,
    )
    def post(self, request: Request, change_order_id: UUID) -> Response:
        return Response(_shown(change_orders.approve(change_order_id=change_order_id, actor=acting_user(request))))


class RejectChangeOrder(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.CHANGES_WRITE}

    @extend_schema(
        operation_id="rejectChangeOrder",
        summary="Reject a change order, or take one's own back",
        description="It is kept with the reason and can no longer be applied.",
        parameters=[REQUEST_ID],
        request=ChangeOrderReject,
        responses={200: ChangeOrderSerializer, **problems(400, 404, 409, 413, 415, 422)},
        tags=_TAG,
    )
    def post(self, request: Request, change_order_id: UUID) -> Response:
        said = checked(ChangeOrderReject, request)
        row = change_orders.reject(change_order_id=change_order_id, reason=said["reason"], actor=acting_user(request))
        return Response(_shown(row))


class ApplyChangeOrder(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.CHANGES_WRITE}

    @extend_schema(
        operation_id="applyChangeOrder",
        summary="Write a change order into its order",
        description="What the ERP has approved is applied as drafted; with `rebaseline` it is approved here first, by "
        "another than its author, and the lots it touches get a new baseline. Raises the order's version. Refused with "
        "409 where the order says something else by now than when the change was drafted.",
        parameters=[REQUEST_ID],
        request=None,
        responses={200: ChangeOrderSerializer, **problems(400, 404, 409, 422)},
        tags=_TAG,
    )
    def post(self, request: Request, change_order_id: UUID) -> Response:
        row = change_orders.apply(
            change_order_id=change_order_id,
            system=acting_client(request).system,
            actor=acting_user(request),
            now=clock(),
            request_id=request_id(request),
        )
        return Response(_shown(row))


def _shown(row: ChangeOrder) -> dict[str, Any]:
    before, after = change_orders.values_of(row)
    shown = {
        "id": row.pk,
        "order": row.order_id,
        "order_number": row.order.number,
        "number": row.number,
        "reason": row.reason,
        "state": row.state,
        "amount": None if row.amount is None else in_minor_units(row.amount, row.currency),
        "currency": row.currency,
        "rebaseline": row.rebaseline,
        "before": _as_sent(before, row.order.currency),
        "after": _as_sent(after, row.order.currency),
        "dates": sorted(
            (_dates(line, said) for line, said in change_orders.dates_of(row).items()),
            key=itemgetter("line_number", "schedule_number"),
        ),
        "warnings": shown_warnings(replace(each, field=_in_change(each)) for each in change_orders.warnings_of(row)),
        "author": row.author.name,
        "approved_by": row.approved_by.name if row.approved_by else None,
        "rejected_by": row.rejected_by.name if row.rejected_by else None,
        "rejected_because": row.rejected_because,
        "created_at": row.created_at,
        "applied_at": row.applied_at,
    }
    return dict(ChangeOrderSerializer(shown).data)


# As an order is sent and answered.
_NAMES: Final = {"contract_on": "contractual_date", "commercial_status": "status"}
_AMOUNTS: Final = frozenset({"unit_price", "total_amount"})


def _as_sent(values: Mapping[str, Any], currency: str) -> dict[str, Any]:
    found = {}
    for path, value in values.items():
        where, slash, name = path.rpartition("/")
        if name in _AMOUNTS and value is not None:
            value = format(in_minor_units(Decimal(value), currency), "f")
        found[f"{where}{slash}{_NAMES.get(name, name)}"] = value
    return found


def _dates(line: str, said: Mapping[str, Any]) -> dict[str, Any]:
    number, _slash, schedule = line.partition("/")
    return {
        "line_number": int(number),
        "schedule_number": int(schedule),
        "forecast_on": [date.fromisoformat(each) if each else None for each in said["forecast"]],
        "float_days": said["float"],
    }


def _in_change(warning: OrderWarning) -> str | None:
    return f"change/{warning.field}" if warning.field else None
