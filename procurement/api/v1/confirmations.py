"""A vendor's confirmation as the ERP has it: accepted, changed or rejected, by schedule line."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_user
from procurement.api.fields import Day, ExactDecimal, FlexDate, PaddedNumber, Text
from procurement.api.v1.bodies import checked, named_in_body
from procurement.api.v1.date_revisions import LedgerEntrySerializer, MovedSerializer, entry_answer, moved_answer
from procurement.api.v1.reversible import ReversibleWrite, order_of
from procurement.api.v1.shapes import REQUEST_ID, problems
from procurement.api.view import ClientView, clock, request_id
from procurement.queries import order_reading
from procurement.services import confirmations
from procurement.services.confirmations import Part
from sites.accounts.permissions import Scope

_RESPONSES = [each.value for each in confirmations.Response]
_MOST_LINES = 500


class ConfirmedLineWrite(serializers.Serializer[Any]):
    """What the vendor says to one line or schedule line."""

    line_number = PaddedNumber(help_text="10, 20, 30; 00010 is 10.")
    schedule_number = PaddedNumber(required=False, help_text="Default: every open one of the line.")
    response = serializers.ChoiceField(_RESPONSES, default="accepted", help_text="Default: accepted.")
    date = FlexDate(required=False, help_text="Default of what is accepted: the contract date. Of changes: required.")
    quantity = ExactDecimal(
        required=False,
        help_text="Units it speaks for; fewer than a lot has splits the lot. Where the line has several schedule "
        "lines, `schedule_number` goes with it.",
    )
    note = Text(required=False, max_length=500, allow_blank=True, lines=True, default="", help_text="Free text.")


@extend_schema_serializer(
    component_name="ConfirmationWrite",
    examples=[
        OpenApiExample(
            "One line as agreed, one later",
            request_only=True,
            value={
                "external_id": "4500016221",
                "number": "AB-90211",
                "confirmed_on": "2026-11-18",
                "lines": [
                    {"line_number": "00010"},
                    {"line_number": "00020", "response": "changed", "date": {"value": "2027-W40", "precision": "week"}},
                ],
            },
        )
    ],
)
class ConfirmationWrite(ReversibleWrite):
    """What a vendor confirmed of an order, or which confirmation is taken back."""

    needs = ("number", "confirmed_on")

    number = Text(required=False, max_length=200, help_text="The vendor's own; required unless it reverses one.")
    confirmed_on = Day(required=False, help_text="The day it is of; required unless it reverses one.")
    lines = ConfirmedLineWrite(  # type: ignore[call-arg]
        many=True,
        required=False,
        allow_empty=False,
        max_length=_MOST_LINES,
        help_text=f"1 to {_MOST_LINES}. Where it is absent: the whole order as agreed.",
    )


class ConfirmationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id; of what was confirmed, the statement that its promises share.")
    order = serializers.UUIDField(help_text="Our id of the order.")
    number = serializers.CharField(allow_blank=True, help_text="As sent; of a reversal, its reason.")
    reverses = serializers.UUIDField(allow_null=True, help_text="The one it took back; null: none.")
    promises = LedgerEntrySerializer(many=True, help_text="The rows that were written, in order.")
    moved = MovedSerializer(many=True, help_text="Forecasts before and after.")


class Confirmations(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.CONFIRMATIONS_WRITE}

    @extend_schema(
        operation_id="recordConfirmation",
        summary="A vendor confirmed an order, or did not after all",
        description="Appends promises to the ledger of the order and recalculates what they touch. The order itself "
        "stays as it is: what it should become, the ERP says with the order. A confirmation that `reverses` another "
        "retracts all promises of that one, and says nothing else.",
        parameters=[REQUEST_ID],
        request=ConfirmationWrite,
        responses={201: ConfirmationSerializer, **problems(409, 422)},
        tags=["date revisions"],
    )
    def post(self, request: Request) -> Response:
        said, actor = checked(ConfirmationWrite, request), acting_user(request)
        if "reverses" in said:
            with named_in_body(reverses="reverses"):
                row, taken_back = confirmations.reverse(
                    statement_id=said["reverses"], reason=said["reason"], actor=actor, now=clock()
                )
            shown = {
                "id": row.pk, "order": row.order_id, "number": row.reason, "reverses": row.reverses_id,
                "promises": [], "moved": moved_answer(taken_back.moved),
            }  # fmt: skip
            return Response(ConfirmationSerializer(shown).data, status=201)
        parts = [_part(each, f"lines/{place}") for place, each in enumerate(said.get("lines", ()))]
        with named_in_body(order="order", stated_on="confirmed_on"):
            done = confirmations.record(
                order_id=order_of(request, said),
                number=said["number"],
                parts=parts if "lines" in said else None,
                stated_on=said["confirmed_on"],
                actor=actor,
                now=clock(),
                request_id=request_id(request),
            )
        shown = {
            "id": done.statement_id, "order": done.order.pk, "number": said["number"], "reverses": None,
            "promises": [entry_answer(each) for each in order_reading.written(done.promise_ids)],
            "moved": moved_answer(done.moved),
        }  # fmt: skip
        return Response(ConfirmationSerializer(shown).data, status=201)


def _part(said: dict[str, Any], field: str) -> Part:
    return Part(
        line_number=said["line_number"],
        response=confirmations.Response(said["response"]),
        schedule_number=said.get("schedule_number"),
        said=said.get("date"),
        quantity=said.get("quantity"),
        note=said["note"],
        field=field,
    )
