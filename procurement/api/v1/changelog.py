"""What came to the API and when, newest first. Nothing has been taken away from it yet."""

from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.fields import Day
from procurement.api.v1.shapes import REQUEST_ID, problems
from procurement.api.view import ClientView

_CHANGES: Final = (
    (
        "2026-11-22",
        "",
        "The schema describes every header of an answer, how long each list of a body may be, 428 of a PUT and what a "
        "removal answers to `dry_run`.",
    ),
    (
        "2026-11-22",
        "upsertPurchaseOrder",
        "A new schedule line that names no site goes where all others of its line, or of the order, go; a warning "
        "`site_missing` says where none is known.",
    ),
    (
        "2026-11-22",
        "",
        "A `quantity` without `schedule_number` is refused where the line has several schedule lines; megawatts and "
        "kilovolts are answered without trailing zeros; an unknown `desk` is 400.",
    ),
    (
        "2026-11-22",
        "draftChangeOrder",
        "`dates`, `warnings`, `rejected_by` and `rejected_because`; `before` and `after` say `contractual_date` and "
        "amounts with the decimals of their currency.",
    ),
    (
        "2026-11-22",
        "takeSapPurchaseOrders",
        "Rows have `warnings` and name SAP's own fields; an order that cannot be read does not stop the others.",
    ),
    (
        "2026-11-22",
        "sendWorkbook",
        "`columns_unread`, `Location` and `X-Row-Failures`; a file that is read apart from the call is not tried.",
    ),
    (
        "2026-11-22",
        "recordGoodsReceipt",
        "`serials` in answers; they go back with their receipt, and one that came before is refused.",
    ),
    (
        "2026-11-22",
        "listAgreementDates",
        "Actual dates and locks beside the promises, with `kind`, `statement_id`, `recorded_by` and `note`; the same "
        "of grid connections and network works. What is recorded answers with the promises written.",
    ),
    (
        "2026-11-22",
        "",
        "Of confirmations, shipments and receipts: any field beside `reverses` and `reason`, two ids of different "
        "orders and `lines: []` are refused; what the body names and is not there is 422 at its field, no longer 404.",
    ),
    (
        "2026-11-22",
        "recordShipment",
        "Single units are counted whole, and `arrives_on` is no earlier than `despatched_on`.",
    ),
    (
        "2026-11-22",
        "",
        "`moved` names a gate, agreement, grid connection or network works by its own id and name; none is a `chain`.",
    ),
    (
        "2026-11-22",
        "changeGridConnection",
        "More decimals than are kept are refused; a forecast that has moved makes no `If-Match` stale. Every 412 says "
        "the present `ETag`.",
    ),
    (
        "2026-11-22",
        "",
        "A query parameter that nobody knows is named in `X-Unknown-Parameters`, and with "
        "`Prefer: handling=strict` it is 400; one given twice is 400.",
    ),
    (
        "2026-11-22",
        "",
        "Every list of things is `items`; `results` are the outcomes of rows you sent, `changes` the feed's.",
    ),
    (
        "2026-11-22",
        "upsertPurchaseOrder",
        "`If-Match`, where it is sent, is looked at: 412 where the order is another.",
    ),
    ("2026-11-22", "", "An instant without its offset is refused; `as_of` is not later than now."),
    ("2026-11-22", "createWebhookEndpoint", "`full`: messages carry the record; alerts have `links.self`."),
    ("2026-11-22", "listPurchaseOrderLines", "`over_delivery_percent` of the line."),
    ("2026-11-21", "nameUnit", "Your own codes of units; a unit that nobody knows is refused as `unknown_unit`."),
    ("2026-11-21", "changeFeed", "`confirmation.recorded`, `confirmation.reversed` and `shipment.arrived`."),
    (
        "2026-11-21",
        "recordGoodsReceipt",
        "`over_delivery` beyond the line's `over_delivery_percent`; `over_delivered`.",
    ),
    ("2026-11-21", "", "`instance` in problems, `retryable` in those of rows; webhooks in the schema."),
    ("2026-11-21", "listPurchaseOrderLines", "Schedule lines with all their fields."),
    ("2026-11-21", "recordConfirmation", "Vendors' confirmations, and their reversal."),
    ("2026-11-21", "addAttachment", "Files about orders, lines, requirements, vendors and sites."),
    ("2026-11-21", "readPurchaseOrder", "`as_of`: the order as its history had it."),
    ("2026-11-21", "nameVendor", "`name` and `country` make a vendor or change it."),
    ("2026-11-21", "", "`fields` and `omit` on every list in pages; `Prefer: return=minimal` on every write."),
    ("2026-11-21", "draftChangeOrder", "Change orders, drafted, approved, applied."),
    ("2026-11-20", "", "The first version."),
)


class ApiChangeSerializer(serializers.Serializer[Any]):
    on = Day(help_text="Since when.")
    operation = serializers.CharField(allow_blank=True, help_text="Its operationId; empty: several.")
    what = serializers.CharField(help_text="For people.")


class ChangelogSerializer(serializers.Serializer[Any]):
    items = ApiChangeSerializer(many=True, help_text="Newest first.")


class Changelog(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": None}

    @extend_schema(
        operation_id="readChangelog",
        summary="What came to this API",
        description="Version 1 only grows. What will go is announced here and in the headers Deprecation and Sunset of "
        "its answers, twelve months before.",
        parameters=[REQUEST_ID],
        responses={200: ChangelogSerializer, **problems()},
        tags=["connection"],
    )
    def get(self, request: Request) -> Response:
        return Response({"items": [{"on": on, "operation": name, "what": what} for on, name, what in _CHANGES]})
