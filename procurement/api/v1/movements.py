"""Units on their way and units that came: notices and receipts, taken back by a row that reverses one."""

from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_user
from procurement.api.fields import Day, ExactDecimal, PaddedNumber, Text
from procurement.api.v1.bodies import checked, named_in_body
from procurement.api.v1.pages import PageQuery, PageSerializer, page
from procurement.api.v1.reversible import ReversibleWrite, order_of
from procurement.api.v1.shapes import REQUEST_ID, problems
from procurement.api.view import ClientView, clock
from procurement.models import DeliveryLot, Receipt, ShipmentNotice
from procurement.services import receipts, shipments
from procurement.vocabulary import ReceiptState
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput


class _LotWrite(ReversibleWrite):
    """Which lot. Its units are counted in the unit of the line."""

    line_number = PaddedNumber(required=False, help_text="10, 20, 30; 00010 is 10. Required unless it reverses one.")
    schedule_number = PaddedNumber(required=False, help_text="Default: 1.")
    lot_number = PaddedNumber(required=False, help_text="Default: 1.")
    quantity = ExactDecimal(required=False, help_text="Units of this movement; required unless it reverses one.")
    document = Text(required=False, max_length=500, allow_blank=True, default="", help_text="Your document.")


@extend_schema_serializer(
    component_name="GoodsReceiptWrite",
    examples=[
        OpenApiExample(
            "Two units came",
            request_only=True,
            value={
                "order": "01940000-0000-7000-8000-000000000000",
                "line_number": "00010",
                "quantity": "2",
                "received_on": "2026-11-19",
                "document": "5000001234",
                "serials": ["SN-20417", "SN-20418"],
            },
        )
    ],
)
class ReceiptWrite(_LotWrite):
    needs = ("line_number", "quantity", "received_on")

    received_on = Day(required=False, help_text="Local day; required unless it reverses one.")
    state = serializers.ChoiceField(ReceiptState.choices, required=False, help_text="Default: arrived.")
    serials = serializers.ListField(
        child=Text(max_length=120),
        required=False,
        max_length=1000,
        help_text="Serial numbers of these units, no more than there are of them; one that came before is refused.",
    )


@extend_schema_serializer(
    component_name="ShipmentWrite",
    examples=[
        OpenApiExample(
            "Two units left",
            request_only=True,
            value={
                "order": "01940000-0000-7000-8000-000000000000",
                "line_number": "00010",
                "quantity": "2",
                "number": "DN-771",
                "despatched_on": "2026-11-02",
                "arrives_on": "2026-11-30",
            },
        )
    ],
)
class ShipmentWrite(_LotWrite):
    needs = ("line_number", "quantity", "number")

    number = Text(required=False, max_length=200, help_text="The vendor's own; required unless it reverses one.")
    despatched_on = Day(required=False, help_text="Local day it left.")
    arrives_on = Day(required=False, help_text="Local day it should arrive; dates move by statements, not by this.")
    tracking = Text(required=False, max_length=120, allow_blank=True, default="", help_text="The carrier's number.")


class _MovementSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    order = serializers.UUIDField(help_text="Our id of the order.")
    line_number = serializers.IntegerField(help_text="10, 20, 30.")
    schedule_number = serializers.IntegerField(help_text="Within the line.")
    lot_number = serializers.IntegerField(help_text="Within the schedule line.")
    quantity = ExactDecimal(help_text="In the line's unit.")
    document = serializers.CharField(allow_blank=True, help_text="As sent; of a reversal, its reason.")
    reverses = serializers.UUIDField(allow_null=True, help_text="The one it takes back; null: none.")


class ReceiptSerializer(_MovementSerializer):
    over_delivered = ExactDecimal(
        help_text="Of its units, those above the ordered quantity; within the line's tolerance."
    )
    received_on = Day(help_text="Local day.")
    state = serializers.CharField(help_text="arrived, and what was found.")
    serials = serializers.ListField(
        child=serializers.CharField(),
        help_text="Serial numbers that stand of these units, in order; a reversal takes them back.",
    )


class ReceiptPageSerializer(PageSerializer):
    items = ReceiptSerializer(many=True, help_text="The oldest first.")


class ShipmentSerializer(_MovementSerializer):
    number = serializers.CharField(help_text="The vendor's own.")
    despatched_on = Day(allow_null=True, help_text="null: not said.")
    arrives_on = Day(allow_null=True, help_text="null: not said.")
    tracking = serializers.CharField(allow_blank=True, help_text="The carrier's number.")


class ShipmentPageSerializer(PageSerializer):
    items = ShipmentSerializer(many=True, help_text="The oldest first.")


class GoodsReceipts(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ, "POST": Scope.RECEIPTS_WRITE}

    @extend_schema(
        operation_id="listGoodsReceipts",
        summary="What came",
        description="Append-only: what was wrong is taken back by a row that `reverses` it.",
        parameters=[PageQuery, REQUEST_ID],
        responses={200: ReceiptPageSerializer, **problems(400)},
        tags=["goods movements"],
    )
    def get(self, request: Request) -> Response:
        seen = DeliveryLot.objects.visible_to(acting_user(request))
        rows = Receipt.objects.filter(lot__in=seen).select_related("lot__schedule_line__line")
        return page(
            request,
            rows.prefetch_related("serials"),
            "pk",
            lambda found: [_receipt(each) for each in found],
            ReceiptSerializer,
        )

    @extend_schema(
        operation_id="recordGoodsReceipt",
        summary="Units came, or did not after all",
        description="Rows are only added: a mistake is answered by one that `reverses` it, whole, and says nothing "
        "else. With the last unit the lot is on site; a reversal takes that back, and the serial numbers. More than "
        "was ordered is refused (`over_delivery`) unless the line's `over_delivery_percent` allows it; then "
        "`over_delivered` says how much of it is more.",
        parameters=[REQUEST_ID],
        request=ReceiptWrite,
        responses={201: ReceiptSerializer, **problems(409, 422)},
        tags=["goods movements"],
    )
    def post(self, request: Request) -> Response:
        said, actor = checked(ReceiptWrite, request), acting_user(request)
        if "reverses" in said:
            with named_in_body(reverses="reverses"):
                done = receipts.reverse(receipt_id=said["reverses"], reason=said["reason"], actor=actor, now=clock())
        else:
            done = receipts.receive(
                lot_id=_lot(request, said),
                quantity=said["quantity"],
                received_on=said["received_on"],
                document=said["document"],
                actor=actor,
                now=clock(),
                state=ReceiptState(said.get("state", ReceiptState.ARRIVED)),
                plates=said.get("serials", ()),
            )
        return Response(_receipt(done), status=201)


class Shipments(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ, "POST": Scope.RECEIPTS_WRITE}

    @extend_schema(
        operation_id="listShipments",
        summary="What is on its way",
        description="Append-only: what was wrong is taken back by a row that `reverses` it.",
        parameters=[PageQuery, REQUEST_ID],
        responses={200: ShipmentPageSerializer, **problems(400)},
        tags=["goods movements"],
    )
    def get(self, request: Request) -> Response:
        rows = ShipmentNotice.objects.visible_to(acting_user(request)).select_related("lot__schedule_line__line")
        return page(request, rows, "pk", lambda found: [_shipment(each) for each in found], ShipmentSerializer)

    @extend_schema(
        operation_id="recordShipment",
        summary="The vendor sent units, or did not after all",
        description="Rows are only added: a mistake is answered by one that `reverses` it, whole, and says nothing "
        "else. What is sent arrives no earlier than it left.",
        parameters=[REQUEST_ID],
        request=ShipmentWrite,
        responses={201: ShipmentSerializer, **problems(409, 422)},
        tags=["goods movements"],
    )
    def post(self, request: Request) -> Response:
        said, actor = checked(ShipmentWrite, request), acting_user(request)
        if "reverses" in said:
            with named_in_body(reverses="reverses"):
                done = shipments.reverse(notice_id=said["reverses"], reason=said["reason"], actor=actor)
        else:
            done = shipments.notify(
                lot_id=_lot(request, said),
                number=said["number"],
                quantity=said["quantity"],
                despatched_on=said.get("despatched_on"),
                arrives_on=said.get("arrives_on"),
                tracking=said["tracking"],
                document=said["document"],
                actor=actor,
            )
        return Response(_shipment(done), status=201)


def _lot(request: Request, said: dict[str, Any]) -> UUID:
    """Raises BadInput naming the one of its numbers that is not there, or out of sight."""
    seen = DeliveryLot.objects.visible_to(acting_user(request)).filter(
        schedule_line__line__order=order_of(request, said), schedule_line__line__number=said["line_number"]
    )
    numbers = {(schedule, lot): key for schedule, lot, key in seen.values_list("schedule_line__number", "number", "pk")}
    schedule, lot = said.get("schedule_number", 1), said.get("lot_number", 1)
    if not numbers:
        raise BadInput(_("The order has no line %(number)s.") % {"number": said["line_number"]}, field="line_number")
    if schedule not in {known for known, _lot in numbers}:
        raise BadInput(_("The line has no schedule line %(number)s.") % {"number": schedule}, field="schedule_number")
    if (schedule, lot) not in numbers:
        raise BadInput(_("The schedule line has no lot %(number)s.") % {"number": lot}, field="lot_number")
    return numbers[schedule, lot]


def _of_lot(row: Receipt | ShipmentNotice) -> dict[str, Any]:
    line = row.lot.schedule_line
    return {
        "id": row.pk,
        "order": line.line.order_id,
        "line_number": line.line.number,
        "schedule_number": line.number,
        "lot_number": row.lot.number,
        "quantity": row.quantity,
        "document": row.document,
        "reverses": row.reverses_id,
    }


def _receipt(row: Receipt) -> dict[str, Any]:
    shown = _of_lot(row) | {
        "over_delivered": row.over_delivered,
        "received_on": row.received_on,
        "state": row.state,
        "serials": sorted(each.number for each in row.serials.all()),
    }
    return dict(ReceiptSerializer(shown).data)


def _shipment(row: ShipmentNotice) -> dict[str, Any]:
    shown = _of_lot(row) | {
        "number": row.number,
        "despatched_on": row.despatched_on,
        "arrives_on": row.arrives_on,
        "tracking": row.tracking,
    }
    return dict(ShipmentSerializer(shown).data)
