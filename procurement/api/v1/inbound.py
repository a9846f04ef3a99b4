"""Documents of other systems in their own form; each is taken by the same upsert as every other door."""

from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import clock, request_id
from procurement.api.auth import acting_client, acting_user
from procurement.api.v1.answer_headers import row_failures
from procurement.api.v1.order_shapes import id_answer, shown_warnings
from procurement.api.v1.shapes import REQUEST_ID, WarningSerializer, problems
from procurement.api.view import ClientView
from procurement.api.writing import is_dry_run
from procurement.readers.sap_orders import MOST_ENTITIES
from procurement.services import sap_orders
from procurement.services.sap_orders import Taken
from sites.accounts.permissions import Scope

_BODIES: Final = {"type": "array", "items": {"type": "object"}, "maxItems": MOST_ENTITIES}
_EXAMPLE: Final = OpenApiExample(
    "An order with one item",
    request_only=True,
    value={
        "d": {
            "PurchaseOrder": "4500016221",
            "Supplier": "100000",
            "DocumentCurrency": "AUD",
            "PurchaseOrderDate": "/Date(1785715200000)/",
            "LastChangeDateTime": "/Date(1785715200000+0000)/",
            "IncotermsClassification": "DAP",
            "to_PurchaseOrderItem": {
                "results": [
                    {
                        "PurchaseOrder": "4500016221",
                        "PurchaseOrderItem": "00010",
                        "Plant": "SYD1",
                        "Material": "chiller",
                        "OrderQuantity": "4",
                        "PurchaseOrderQuantityUnit": "ST",
                        "NetPriceAmount": "250000.00",
                        "NetPriceQuantity": "1",
                        "to_ScheduleLine": {
                            "results": [
                                {
                                    "ScheduleLine": "1",
                                    "PurchasingDocument": "4500016221",
                                    "PurchasingDocumentItem": "00010",
                                    "ScheduleLineDeliveryDate": "/Date(1815350400000)/",
                                    "ScheduleLineOrderQuantity": "4",
                                }
                            ]
                        },
                    }
                ]
            },
        }
    },
)


class SapRowSerializer(serializers.Serializer[Any]):
    purchase_order = serializers.CharField(help_text="As SAP calls it.")
    result = serializers.ChoiceField(
        ["created", "updated", "unchanged", "stale_ignored", "failed"], help_text="What became of it."
    )
    id = serializers.UUIDField(
        allow_null=True, help_text="Ours; null where it was refused, and for a new order in a dry run."
    )
    changed = serializers.ListField(child=serializers.CharField(), help_text="What differs, by line and schedule.")
    warnings = WarningSerializer(many=True, help_text="What you should know; may be empty.")
    code = serializers.CharField(allow_null=True, help_text="Why it was refused; null where it was not.")
    field = serializers.CharField(
        allow_null=True, help_text="What was wrong, where one thing was: SAP's field at its place in the message."
    )
    detail = serializers.CharField(allow_null=True, help_text="For people.")


class SapAnswerSerializer(serializers.Serializer[Any]):
    results = SapRowSerializer(many=True, help_text="One for each order of the message.")
    passed_over = serializers.IntegerField(help_text="Entities that mean nothing here, such as account assignments.")


class SapPurchaseOrders(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.ORDERS_WRITE}

    @extend_schema(
        operation_id="takeSapPurchaseOrders",
        summary="Purchase orders as SAP S/4HANA writes them (OData v2)",
        description="One entity of API_PURCHASEORDER_PROCESS_SRV or a list of them, also in its envelope `d`; items "
        "and schedule lines nested or apart. An order that is refused, or cannot be read, does not stop the others; "
        "`X-Row-Failures` counts them. The fields are in docs/erp/sap.md.",
        parameters=[row_failures(200), REQUEST_ID],
        request={"application/json": {"oneOf": [_BODIES["items"], _BODIES]}},
        responses={200: SapAnswerSerializer, **problems(400, 409, 413, 415, 422)},
        examples=[_EXAMPLE],
        tags=["documents of other systems"],
    )
    def post(self, request: Request) -> Response:
        done = sap_orders.take(
            body=request.data,
            system=acting_client(request).system,
            actor=acting_user(request),
            now=clock(),
            request_id=request_id(request),
        )
        dry_run = is_dry_run(request)
        rows = [_row(each, dry_run=dry_run) for each in done.orders]
        shown = SapAnswerSerializer({"results": rows, "passed_over": done.passed_over}).data
        failed = sum(1 for each in done.orders if each.refusal is not None)
        return Response(shown, headers={"X-Row-Failures": str(failed)})


def _row(each: Taken, *, dry_run: bool) -> dict[str, Any]:
    done, refusal = each.done, each.refusal
    return {
        "purchase_order": each.number,
        "result": done.result if done else "failed",
        "id": id_answer(done, dry_run=dry_run) if done else None,
        "changed": done.changed if done else (),
        "warnings": shown_warnings(done.warnings) if done else (),
        "code": refusal.code if refusal else None,
        "field": refusal.field if refusal else None,
        "detail": str(refusal) if refusal else None,
    }
