"""Purchase orders: written by the ERP under its own id, read under ours or its own."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import expected_version
from procurement.api.auth import acting_client, acting_user
from procurement.api.errors import BadParameter, StaleVersion, UnknownFields
from procurement.api.fields import Instant
from procurement.api.parsers import MergePatchParser, StrictJSONParser
from procurement.api.v1.answer_headers import ETAG, location
from procurement.api.v1.bodies import checked, unknown_fields
from procurement.api.v1.order_lines import VIEW_HELP, of_view
from procurement.api.v1.order_shapes import (
    LinesModeQuery,
    OrderChange,
    OrderRead,
    OrderWrite,
    UpsertSerializer,
    document_of,
    order_answer,
    order_shape,
    upsert_answer,
)
from procurement.api.v1.pages import PageQuery, PageSerializer, page
from procurement.api.v1.shapes import OWN_SYSTEM, REQUEST_ID, problems
from procurement.api.view import ClientView, clock, etag, is_known, is_strict, not_modified, query, request_id
from procurement.models import PurchaseOrder, ScheduleLine
from procurement.queries import order_lines, order_reading
from procurement.services import orders
from procurement.services.order_lines import OrderWarning
from procurement.services.orders import UpsertResult
from procurement.vocabulary import CommercialStatus
from sites.accounts.models import User
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput, NotFound
from sites.domain.text import check_text

EXAMPLE: Final = OpenApiExample(
    "Two lines",
    summary="An order of four chillers and two transformers",
    request_only=True,
    value={
        "document_version": 7,
        "number": "4500016221",
        "vendor": "KITA",
        "site": "SYD1",
        "currency": "AUD",
        "issued_on": "2026-08-03",
        "incoterm": "DAP",
        "incoterm_place": "Sydney",
        "lines": [
            {
                "line_number": "00010",
                "equipment_class": "chiller",
                "quantity": "4",
                "unit_price": "250000.00",
                "schedules": [
                    {"schedule_number": 1, "quantity": "2", "contractual_date": "2027-07-19"},
                    {
                        "schedule_number": 2,
                        "quantity": "2",
                        "contractual_date": "2027-09-06",
                        "promised_date": {"value": "2027-W37", "precision": "week"},
                    },
                ],
            },
            {"line_number": "00020", "equipment_class": "transformer", "quantity": "2", "status": "cancelled"},
        ],
    },
)
CHANGE_EXAMPLES: Final = [
    OpenApiExample(
        "One date",
        summary="Another contract date of one schedule line",
        request_only=True,
        media_type=media_type,
        value={
            "document_version": 8,
            "lines": [{"line_number": 10, "schedules": [{"schedule_number": 1, "contractual_date": "2027-07-26"}]}],
        },
    )
    for media_type in (MergePatchParser.media_type, StrictJSONParser.media_type)
]
_IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    pattern='^"v[0-9]{1,12}"$',
    description="The ETag you read: 428 where it is missing, 412 with the present one where it is another.",
)
_IF_STILL: Final = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    pattern='^"v[0-9]{1,12}"$',
    description="The ETag you read, to be refused with 412 where the order is another by now, or not there; without it "
    "`document_version` alone decides.",
)
_PATH: Final = [
    OWN_SYSTEM,
    OpenApiParameter(
        "external_id",
        OpenApiTypes.STR,
        OpenApiParameter.PATH,
        description="What your system calls the order; up to 80.",
    ),
]
_EXPAND: Final = OpenApiParameter(
    "expand",
    OpenApiTypes.STR,
    OpenApiParameter.QUERY,
    enum=["forecast"],
    description="`forecast` adds computed dates to each lot. They change by themselves, so such an answer has no ETag.",
)
_AS_OF: Final = OpenApiParameter(
    "as_of",
    OpenApiTypes.DATETIME,
    OpenApiParameter.QUERY,
    description="The order as it was at this instant, by its history, without lots and without an ETag; not with "
    "`expand`. 404 where it was not there yet.",
)
_IF_NONE_MATCH: Final = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The ETag you have; 304 if it still holds."
)


# A change shows the time its transaction began; none of the web runs as long.
_OVERLAP: Final = timedelta(minutes=5)
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)


class ReadQuery(serializers.Serializer[Any]):
    expand = serializers.ChoiceField(["forecast"], required=False)
    as_of = Instant(required=False)


class OrderQuery(PageQuery):
    site = serializers.CharField(required=False, max_length=20, help_text="Code of a ship-to site.")
    vendor = serializers.CharField(required=False, max_length=40, help_text="Code of the seller.")
    status = serializers.ChoiceField(CommercialStatus.choices, required=False, help_text="Commercial status.")
    text = serializers.CharField(required=False, max_length=100, help_text="Stands in the number or the title.")
    filter = serializers.CharField(required=False, max_length=90, help_text=VIEW_HELP)
    updated_since = Instant(
        required=False,
        help_text="Changed since this instant, less five minutes, so that what was committed late is found twice and "
        "not missed. For people; programs follow `/changes`.",
    )
    expand = serializers.ChoiceField(
        ["lines", "schedules", "lines,schedules"], required=False, help_text="Any of them adds both."
    )


class OrderPageSerializer(PageSerializer):
    items = OrderRead(many=True, help_text="By number; `lines` only with `expand=lines`.")


class Orders(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ}

    @extend_schema(
        operation_id="listPurchaseOrders",
        summary="The orders in sight",
        description="By number. For what changed since, follow `/changes`; `updated_since` is for people.",
        parameters=[OrderQuery, REQUEST_ID],
        responses={200: OrderPageSerializer, **problems(400)},
        tags=["purchase orders"],
    )
    def get(self, request: Request) -> Response:
        asked, actor = query(request, OrderQuery), acting_user(request)
        rows: QuerySet[PurchaseOrder] = PurchaseOrder.objects.visible_to(actor)
        if "filter" in asked:
            rows = order_lines.orders_of(actor, of_view(asked["filter"], actor))
        rows = rows.select_related("seller")
        if "site" in asked:
            seen = ScheduleLine.objects.visible_to(actor).filter(site__code=asked["site"])
            rows = rows.filter(pk__in=seen.values("line__order"))
        if "updated_since" in asked:
            since = order_reading.changed_since(max(asked["updated_since"], _BEGINNING) - _OVERLAP)
            rows = rows.filter(pk__in=since.values("subject_id"))
        for name, column in (("vendor", "seller__code"), ("status", "commercial_status")):
            if name in asked:
                rows = rows.filter(**{column: asked[name]})
        for word in asked.get("text", "").split():
            rows = rows.filter(Q(number__icontains=word) | Q(title__icontains=word))
        has_lines = "expand" in asked

        def shown(found: list[PurchaseOrder]) -> list[dict[str, Any]]:
            readings = order_reading.read_all(found, actor, with_lines=has_lines)
            answers = [dict(OrderRead(order_answer(each)).data) for each in readings]
            return answers if has_lines else [{k: v for k, v in each.items() if k != "lines"} for each in answers]

        return page(request, rows, "number", shown, OrderRead)


class OrderByExternalId(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ, "PUT": Scope.ORDERS_WRITE}

    @extend_schema(
        operation_id="readPurchaseOrderByExternalId",
        summary="Read an order by your own id",
        description="As by our id: the lines of sites in sight, amounts with the right to them.",
        parameters=[*_PATH, _EXPAND, _AS_OF, _IF_NONE_MATCH, ETAG, REQUEST_ID],
        responses={200: OrderRead, 304: None, **problems(400, 404)},
        tags=["purchase orders"],
    )
    def get(self, request: Request, system: str, external_id: str) -> Response:
        check_system(request, system)
        if not _may_be_an_id(external_id):
            raise NotFound(_("There is no such order."))
        key = order_reading.key_of(system=system, external_id=external_id, actor=acting_user(request))
        return _read(request, key)

    @extend_schema(
        operation_id="upsertPurchaseOrder",
        summary="Create or change an order, whole",
        description="Header, lines and schedule lines in one transaction. Lines that are left out are kept, unless "
        "`lines_mode=replace` cancels them. A document older than the newest seen is `stale_ignored`; one that changes "
        "nothing is `unchanged` and writes no history. Fields nobody knows, or that the tracker owns, are listed in "
        "`warnings`; with `Prefer: handling=strict` they are refused with 422.",
        parameters=[
            *_PATH,
            _IF_STILL,
            LinesModeQuery,
            location(200, 201),
            ETAG,
            REQUEST_ID,
        ],
        request=OrderWrite,
        responses={200: UpsertSerializer, 201: UpsertSerializer, **problems(400, 404, 409, 412, 413, 415, 422, 428)},
        examples=[EXAMPLE],
        tags=["purchase orders"],
    )
    def put(self, request: Request, system: str, external_id: str) -> Response:
        check_system(request, system)
        if not _may_be_an_id(external_id):
            raise BadParameter(_("external_id: 1 to 80 characters, none of control or of reading direction."))
        said = query(request, LinesModeQuery)
        shape = order_shape()
        unknown = unknown_fields(shape, request.data)
        body = shape.run_validation(request.data)
        if unknown and is_strict(request):
            raise UnknownFields(unknown)
        if "If-Match" in request.headers:
            _lock(request, system, external_id)
        done = orders.upsert(
            document=document_of(body),
            system=system,
            external_id=external_id,
            actor=acting_user(request),
            now=clock(),
            lines_mode=said["lines_mode"],
            dry_run=said["dry_run"],
            request_id=request_id(request),
        )
        ignored = [OrderWarning(each.code, each.pointer and each.pointer[1:], each.detail) for each in unknown]
        shown = upsert_answer(
            done, ignored, system=system, external_id=external_id, dry_run=said["dry_run"], sent=dict(request.data)
        )
        headers = {}
        if shown["id"] is not None:
            headers["Location"] = reverse("api-v1:order", args=[shown["id"]])
        if not said["dry_run"]:
            headers["ETag"] = etag(done.order.version)
        is_created = done.result is UpsertResult.CREATED and not said["dry_run"]
        return Response(UpsertSerializer(shown).data, status=201 if is_created else 200, headers=headers)


class Order(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ, "PATCH": Scope.ORDERS_WRITE}
    parser_classes = (StrictJSONParser, MergePatchParser)

    @extend_schema(
        operation_id="readPurchaseOrder",
        summary="Read an order",
        description="Only the schedule lines in the caller's sight; amounts only with the right to them.",
        parameters=[_EXPAND, _AS_OF, _IF_NONE_MATCH, ETAG, REQUEST_ID],
        responses={200: OrderRead, 304: None, **problems(400, 404)},
        tags=["purchase orders"],
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        return _read(request, order_id)

    @extend_schema(
        operation_id="changePurchaseOrder",
        summary="Change parts of an order",
        description="Only what is said changes; `If-Match` names the one version that was read, as a strong tag. Lines "
        "and schedule lines are named by their number, and those left out stay, unless `lines_mode=replace` cancels "
        "them.",
        parameters=[_IF_MATCH, LinesModeQuery, ETAG, REQUEST_ID],
        request={MergePatchParser.media_type: OrderChange, StrictJSONParser.media_type: OrderChange},
        responses={200: UpsertSerializer, **problems(400, 404, 409, 412, 413, 415, 422, 428)},
        examples=CHANGE_EXAMPLES,
        tags=["purchase orders"],
    )
    def patch(self, request: Request, order_id: UUID) -> Response:
        version = _version(request, order_id)
        said = query(request, LinesModeQuery)
        document, system = checked(OrderChange, request), acting_client(request).system
        done = orders.change(
            order_id=order_id,
            document=document_of(document),
            version=version,
            system=system,
            actor=acting_user(request),
            now=clock(),
            lines_mode=said["lines_mode"],
            request_id=request_id(request),
        )
        shown = upsert_answer(
            done,
            (),
            system=system,
            external_id=order_reading.name_of(order_id, system) or "",
            dry_run=said["dry_run"],
            sent=dict(request.data),
        )
        return Response(UpsertSerializer(shown).data, headers={"ETag": etag(done.order.version)})


def _read(request: Request, order_id: UUID | None) -> Response:
    said, actor = query(request, ReadQuery), acting_user(request)
    with_forecast = said.get("expand") == "forecast"
    if "as_of" in said:
        return _read_at(order_id, actor, said)
    version = order_reading.version_of(order_id, actor) if order_id else None
    if version is not None and not with_forecast and is_known(request, etag(version)):
        return not_modified(etag(version))
    reading = order_reading.read(order_id, actor, with_forecast=with_forecast) if order_id and version else None
    if reading is None:
        raise NotFound(_("There is no such order."))
    shown = OrderRead(order_answer(reading)).data
    # The version was read first: should the order change in between, the tag is the older one and matches nothing.
    return Response(shown, headers={} if with_forecast else {"ETag": etag(version or 0)})


def _read_at(order_id: UUID | None, actor: User, said: dict[str, Any]) -> Response:
    if "expand" in said:
        raise BadParameter(_("as_of: Not together with expand; a forecast is of today."))
    if said["as_of"] > clock():
        raise BadParameter(_("as_of: Nothing is known yet of an instant to come."))
    reading = order_reading.read_at(order_id, actor, said["as_of"]) if order_id else None
    if reading is None:
        raise NotFound(_("There is no such order."))
    return Response(OrderRead(order_answer(reading)).data)


def _version(request: Request, order_id: UUID | None) -> int:
    """That If-Match names. Raises VersionRequired, StaleVersion, and NotFound where the order is out of sight."""
    return int(expected_version(request, lambda: _present_tag(acting_user(request), order_id)).strip('"v'))


def _present_tag(actor: User, order_id: UUID | None) -> str | None:
    if order_id is None:
        return None
    version = order_reading.version_of(order_id, actor)
    if version is None:
        raise NotFound(_("There is no such order."))
    return etag(version)


def _lock(request: Request, system: str, external_id: str) -> None:
    """Until this write is done, at the version that If-Match names. Raises StaleVersion, ChangedSince."""
    actor = acting_user(request)
    key = order_reading.key_of(system=system, external_id=external_id, actor=actor)
    version = _version(request, key)
    if key is None:
        raise StaleVersion
    orders.lock(order_id=key, version=version, actor=actor)


def _may_be_an_id(external_id: str) -> bool:
    try:
        check_text(external_id, "external_id", longest=80)
    except BadInput:
        return False
    return True


def check_system(request: Request, system: str) -> None:
    """Decided from the key alone, before any row is looked for: nothing about another system's orders shows."""
    own = acting_client(request).system
    if system != own:
        raise PermissionDenied(_("This client writes and reads the ids of %(own)s.") % {"own": own}, "foreign_system")
