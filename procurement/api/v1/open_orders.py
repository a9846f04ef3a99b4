"""What an ERP says is open, and what it and we disagree in."""

from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import clock, query, request_id
from procurement.api.auth import acting_client, acting_user
from procurement.api.fields import Amount, Day, ExactDecimal, Instant, PaddedNumber, Text
from procurement.api.v1.bodies import checked
from procurement.api.v1.shapes import REQUEST_ID, example, problems
from procurement.api.view import ClientView
from procurement.models import Disagreement
from procurement.services import open_orders
from procurement.services.open_orders import FIXABLE, MOST_ROWS, Stated
from procurement.vocabulary import DisagreementKind, LineStatus
from sites.accounts.permissions import Scope

_TAG: Final = ["reconciliation"]
_EXAMPLE: Final = OpenApiExample(
    "Two lines",
    request_only=True,
    value={
        "stated_at": "2026-11-20T20:00:00Z",
        "rows": [
            {"order": "4500016221", "line_number": "00010", "quantity": "4", "contractual_date": "2027-07-19"},
            {"order": "4500016221", "line_number": "00020", "quantity": "2", "status": "open"},
        ],
    },
)


class OpenOrderWrite(serializers.Serializer[Any]):
    order = Text(max_length=80, help_text="Your id of the order.")
    line_number = PaddedNumber(help_text="10, 20, 30; 00010 is 10.")
    schedule_number = PaddedNumber(default=1, help_text="1 unless told.")
    quantity = ExactDecimal(required=False, help_text="Of the schedule line, in the line's unit.")
    unit_price = Amount(required=False, help_text="In the order's currency.")
    contractual_date = Day(required=False, help_text="The date the vendor is bound to.")
    status = serializers.ChoiceField(LineStatus.choices, required=False, help_text="As you have it.")


class OpenOrdersWrite(serializers.Serializer[Any]):
    stated_at = Instant(help_text="The instant the list is of, with its offset.")
    complete = serializers.BooleanField(default=True, help_text="What is not in the list is not open with you.")
    document = Text(required=False, max_length=200, allow_blank=True, help_text="Where the list comes from.")
    rows = OpenOrderWrite(  # type: ignore[call-arg]
        many=True, max_length=MOST_ROWS, help_text=f"At most {MOST_ROWS} schedule lines."
    )


class ComparedSerializer(serializers.Serializer[Any]):
    rows = serializers.IntegerField(help_text="Schedule lines of the list.")
    standing = serializers.DictField(child=serializers.IntegerField(), help_text="Disagreements by kind.")


class DisagreementSerializer(serializers.ModelSerializer[Disagreement]):
    order = serializers.CharField(source="number", help_text="The order's id there.")
    order_id = serializers.UUIDField(allow_null=True, help_text="Ours; null where it is not here.")
    site = serializers.CharField(source="site.code", default=None, allow_null=True, help_text="Ship-to site.")
    owner = serializers.SerializerMethodField(help_text="Whose field it is: erp or tracker.")
    fixable = serializers.SerializerMethodField(help_text="Whether `fix` can take the ERP's value over.")

    class Meta:
        model = Disagreement
        fields = [
            "id", "kind", "system", "order", "order_id", "line_number", "schedule_number", "site", "ours", "theirs",
            "owner", "fixable", "first_seen_at", "last_seen_at", "accepted_at", "reason", "resolved_at",
        ]  # fmt: skip
        extra_kwargs: ClassVar[dict[str, dict[str, Any]]] = {
            "id": {"help_text": "Ours."},
            "kind": {"help_text": "In what the two differ."},
            "system": {"help_text": "Whose list it is."},
            "line_number": {"help_text": "10, 20, 30."},
            "schedule_number": {"help_text": "Within the line."},
            "ours": {"help_text": "What is here; empty: nothing."},
            "theirs": {"help_text": "What is there; empty: nothing."},
            "first_seen_at": {"help_text": "Instant in UTC."},
            "last_seen_at": {"help_text": "Instant in UTC."},
            "accepted_at": {"help_text": "When somebody said that it may stay."},
            "reason": {"help_text": "Why it may stay."},
            "resolved_at": {"help_text": "When it was over; null while it stands."},
        }

    def get_owner(self, row: Disagreement) -> str:
        return "erp"

    def get_fixable(self, row: Disagreement) -> bool:
        return row.kind in FIXABLE and row.order_id is not None


class DisagreementPageSerializer(serializers.Serializer[Any]):
    items = DisagreementSerializer(many=True, help_text="By order and line.")
    has_more = serializers.BooleanField(help_text="Whether more follow.")


class DisagreementQuery(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(DisagreementKind.choices, required=False)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=1_000_000, help_text="How many to pass over.")
    limit = serializers.IntegerField(default=100, min_value=1, max_value=500, help_text="Most to answer, up to 500.")


class AcceptWrite(serializers.Serializer[Any]):
    reason = Text(max_length=500, help_text="Why the two may differ.")


class OpenOrders(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.ORDERS_WRITE}

    @extend_schema(
        operation_id="compareOpenOrders",
        summary="Send your list of open orders to be compared",
        description="The newest list of a system takes the place of the former. Compared by your id of the order, line "
        "and schedule number: missing there, missing here, quantity, unit price, contract date, status; a field that "
        "is left out is not compared.",
        parameters=[REQUEST_ID],
        request=OpenOrdersWrite,
        responses={200: ComparedSerializer, **problems(400, 409, 413, 415, 422)},
        examples=[_EXAMPLE],
        tags=_TAG,
    )
    def post(self, request: Request) -> Response:
        said = checked(OpenOrdersWrite, request)
        client = acting_client(request)
        done = open_orders.take(
            system=client.system,
            rows=[_stated(row) for row in said["rows"]],
            stated_at=said["stated_at"],
            complete=said["complete"],
            document=said.get("document", ""),
            client=client,
            actor=acting_user(request),
            now=clock(),
        )
        return Response(ComparedSerializer(done).data)


def _stated(row: dict[str, Any]) -> Stated:
    status = row.get("status")
    return Stated(
        number=row["order"],
        line_number=row["line_number"],
        schedule_number=row["schedule_number"],
        quantity=row.get("quantity"),
        unit_price=row.get("unit_price"),
        contract_on=row.get("contractual_date"),
        status=LineStatus(status) if status else None,
    )


class Disagreements(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ}

    @extend_schema(
        operation_id="listDisagreements",
        summary="What the newest list and we disagree in",
        description="What is missing there or here, and quantities, prices, contract dates and states that differ.",
        parameters=[DisagreementQuery, REQUEST_ID],
        responses={200: DisagreementPageSerializer, **problems(400)},
        tags=_TAG,
    )
    def get(self, request: Request) -> Response:
        said, actor = query(request, DisagreementQuery), acting_user(request)
        rows = Disagreement.objects.visible_to(actor).amounts_visible_to(actor).filter(resolved_at__isnull=True)
        if "kind" in said:
            rows = rows.filter(kind=said["kind"])
        rows = rows.select_related("site").order_by("system", "number", "line_number", "schedule_number", "kind")
        found = list(rows[said["offset"] : said["offset"] + said["limit"] + 1])
        shown = {"items": found[: said["limit"]], "has_more": len(found) > said["limit"]}
        return Response(DisagreementPageSerializer(shown).data)


class FixDisagreement(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.ORDERS_WRITE}

    @extend_schema(
        operation_id="fixDisagreement",
        summary="Take the ERP's value over",
        description="Our side is made to say what the ERP said; what is not open there is closed or cancelled here.",
        parameters=[REQUEST_ID],
        request=None,
        responses={200: DisagreementSerializer, **problems(400, 404, 409, 422)},
        tags=_TAG,
    )
    def post(self, request: Request, disagreement_id: UUID) -> Response:
        row = open_orders.fix(
            disagreement_id=disagreement_id, actor=acting_user(request), now=clock(), request_id=request_id(request)
        )
        return Response(DisagreementSerializer(row).data)


class AcceptDisagreement(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.ORDERS_WRITE}

    @extend_schema(
        operation_id="acceptDisagreement",
        summary="Leave a disagreement as it is, with a reason",
        description="Both sides stay as they are.",
        parameters=[REQUEST_ID],
        request=AcceptWrite,
        responses={200: DisagreementSerializer, **problems(400, 404, 409, 413, 415, 422)},
        examples=[example("Agreed with the buyer", reason="The vendor rounds up; corrected with the next revision.")],
        tags=_TAG,
    )
    def post(self, request: Request, disagreement_id: UUID) -> Response:
        body = checked(AcceptWrite, request)
        row = open_orders.accept(
            disagreement_id=disagreement_id,
            reason=body["reason"],
            actor=acting_user(request),
            now=clock(),
        )
        return Response(DisagreementSerializer(row).data)
