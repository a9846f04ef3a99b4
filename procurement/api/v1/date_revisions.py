"""What is said about the dates of an order: promises, actuals and locks, appended and read back."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_user
from procurement.api.errors import UnknownFields
from procurement.api.fields import Day, ExactDecimal, FlexDate, PaddedNumber, Text
from procurement.api.v1.answer_headers import ETAG
from procurement.api.v1.bodies import unknown_fields
from procurement.api.v1.shapes import REQUEST_ID, WarningSerializer, problems
from procurement.api.view import ClientView, clock, etag, is_strict, query, request_id
from procurement.domain.revision import DateRevision
from procurement.queries import order_reading
from procurement.queries.chain_ledger import ChainEntry
from procurement.queries.order_reading import LedgerEntry
from procurement.services import dates
from procurement.services.dates import Recorded
from procurement.services.forecasts import Moved
from procurement.vocabulary import RevisionKind
from sites.accounts.permissions import Scope
from sites.domain.errors import NotFound
from sites.vocabulary import Party, Precision, PromiseSource, ReasonCode

MOST_REVISIONS: Final = 500
_MOST_ENTRIES: Final = 500


class RevisionWrite(serializers.Serializer[Any]):
    """One date. A promise, an actual, a lock (a pinned date), or the release of a lock."""

    kind = serializers.ChoiceField(RevisionKind.choices, help_text="promise, actual, lock or release.")
    line_number = PaddedNumber(help_text="10, 20, 30; 00010 is 10.")
    schedule_number = PaddedNumber(required=False, help_text="Default: every open schedule line of the line.")
    lot_number = PaddedNumber(required=False, help_text="Default: every open lot.")
    milestone = Text(
        required=False, max_length=40, help_text="Milestone code such as FAT_PASS. Default: the contract step."
    )
    date = FlexDate(required=False, help_text="Only a promise may be imprecise or tbd; a release has none.")
    conditional_on = Day(
        required=False, help_text='"Subject to release by": the date of the step before on which the vendor relies.'
    )
    quantity = ExactDecimal(
        required=False,
        help_text="Units it speaks for; fewer than a lot has splits the lot. Where the line has several schedule "
        "lines, `schedule_number` goes with it.",
    )
    reason_code = serializers.ChoiceField(
        ReasonCode.choices, required=False, help_text="Why it moved. Default: not_stated."
    )
    responsible = serializers.ChoiceField(
        Party.choices, required=False, help_text="Who moved it. Default: whose reason or step it is."
    )
    note = Text(
        required=False, max_length=500, allow_blank=True, lines=True, help_text="Free text; a lock has to say why."
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A vendor's letter",
            request_only=True,
            value={
                "stated_on": "2026-10-01",
                "source": "email",
                "document": "Letter of 1 October, page 2",
                "revisions": [
                    {
                        "kind": "promise",
                        "line_number": "00010",
                        "milestone": "FAT_PASS",
                        "date": "2027-05-21",
                        "conditional_on": "2026-10-16",
                    },
                    {"kind": "promise", "line_number": 10, "date": {"value": "2027-W30", "precision": "week"}},
                ],
            },
        )
    ]
)
class StatementWrite(serializers.Serializer[Any]):
    """What one party said on one day. Its promises are written in the order of the chain, together or not at all."""

    stated_on = Day(help_text="The day it was said; not in the future.")
    source = serializers.ChoiceField(  # type: ignore[assignment]
        PromiseSource.choices, default=PromiseSource.ERP.value, help_text="How it reached us."
    )
    document = Text(
        required=False, max_length=500, allow_blank=True, default="", help_text="The mail, file or message it came in."
    )
    revisions = RevisionWrite(  # type: ignore[call-arg]
        many=True, allow_empty=False, max_length=MOST_REVISIONS, help_text=f"1 to {MOST_REVISIONS}."
    )


class SpokenDateSerializer(serializers.Serializer[Any]):
    value = serializers.CharField(
        allow_blank=True, help_text="2027-05-21, 2027-W23, 2027-06-T2, 2027-06, 2027-Q2, or empty."
    )
    precision = serializers.ChoiceField(Precision.choices, help_text="How exactly it was said.")


class ChainEntrySerializer(serializers.Serializer[Any]):
    """One row of the ledger. The fields of a promise are null for an actual or a lock."""

    id = serializers.UUIDField(allow_null=True, help_text="Of a promise.")
    kind = serializers.ChoiceField(["promise", "actual", "lock"], help_text="What was recorded.")
    milestone = serializers.CharField(help_text="Milestone code.")
    date = SpokenDateSerializer(help_text="As it was said.")
    counts_on = Day(allow_null=True, help_text="The day it counts as: the end of its precision; null for tbd.")
    stated_on = Day(allow_null=True, help_text="The day it was said.")
    recorded_at = serializers.DateTimeField(allow_null=True, help_text="Instant in UTC.")
    recorded_by = serializers.CharField(allow_null=True, help_text="Name of the person or client.")
    statement_id = serializers.UUIDField(allow_null=True, help_text="Promises of one statement share it.")
    conditional_on = Day(allow_null=True, help_text="What it relies on; null: it never shifts.")
    source = serializers.CharField(  # type: ignore[assignment]
        allow_null=True, help_text="email, portal, erp, call, meeting or file."
    )
    document = serializers.CharField(allow_blank=True, help_text="The mail, file or message it came in.")
    reason_code = serializers.CharField(allow_null=True, help_text="Why it moved.")
    responsible = serializers.CharField(allow_null=True, help_text="Who moved it.")
    note = serializers.CharField(allow_blank=True, help_text="Free text; of a lock, why.")
    state = serializers.ChoiceField(["live", "superseded", "retracted"], help_text="Only live rows decide.")


class LedgerEntrySerializer(ChainEntrySerializer):
    """One row of the ledger. The fields of a promise are null for an actual or a lock."""

    line_number = serializers.IntegerField(help_text="10, 20, 30.")
    schedule_number = serializers.IntegerField(help_text="Within the line.")
    lot_number = serializers.IntegerField(help_text="Within the schedule line.")
    quantity = ExactDecimal(allow_null=True, help_text="Units it spoke for; null: all open ones.")


class MovedSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(
        ["lot", "requirement", "block", "gate", "agreement", "grid_connection", "network_works"],
        help_text="What has moved.",
    )
    id = serializers.UUIDField(allow_null=True, help_text="Our id of it; null where a dry run would create it.")
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="ORDER/LINE/SCHEDULE/LOT, a tag, a block's code, or how the others are called."
    )
    before_on = Day(allow_null=True, help_text="The forecast before; null: there was none.")
    after_on = Day(allow_null=True, help_text="The forecast now; null: there is none.")


class RecordedSerializer(serializers.Serializer[Any]):
    statement_id = serializers.UUIDField(help_text="Names this statement in the ledger.")
    order_id = serializers.UUIDField(help_text="Our id of the order.")
    version = serializers.IntegerField(help_text="Of the order; the number in its ETag.")
    promises = LedgerEntrySerializer(many=True, help_text="The rows that were written, in order.")
    moved = MovedSerializer(many=True, help_text="Forecasts before and after.")
    warnings = WarningSerializer(many=True, help_text="What you should know; may be empty.")


class LedgerSerializer(serializers.Serializer[Any]):
    items = LedgerEntrySerializer(many=True, help_text="Newest first.")
    has_more = serializers.BooleanField(help_text="True: older entries were left off; raise `limit`.")


class LedgerQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(
        default=100, min_value=1, max_value=_MOST_ENTRIES, help_text=f"Most entries to answer, up to {_MOST_ENTRIES}."
    )


class DateRevisions(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ, "POST": Scope.DATES_WRITE}

    @extend_schema(
        operation_id="listDateRevisions",
        summary="Read the ledger of an order",
        description="Promises, actual dates and locks of the lines in the caller's sight, newest first.",
        parameters=[LedgerQuery, REQUEST_ID],
        responses={200: LedgerSerializer, **problems(400, 404)},
        tags=["date revisions"],
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        found = order_reading.ledger(order_id, acting_user(request), most=query(request, LedgerQuery)["limit"])
        if found is None:
            raise NotFound("There is no such order.")
        entries, has_more = found
        shown = {"items": [entry_answer(entry) for entry in entries], "has_more": has_more}
        return Response(LedgerSerializer(shown).data)

    @extend_schema(
        operation_id="recordDateRevisions",
        summary="Say something about the dates of an order",
        description="Appends to the ledger and recalculates what it touches, in one transaction. Nothing is ever "
        "overwritten: a later statement decides, and the earlier ones stay readable.",
        parameters=[ETAG, REQUEST_ID],
        request=StatementWrite,
        responses={201: RecordedSerializer, **problems(400, 404, 409, 413, 415, 422)},
        tags=["date revisions"],
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        body = StatementWrite(data=request.data)
        unknown = unknown_fields(body, request.data)
        body.is_valid(raise_exception=True)
        if unknown and is_strict(request):
            raise UnknownFields(unknown)
        said = body.validated_data
        done = dates.record(
            order_id=order_id,
            revisions=[_revision_of(each, f"revisions/{n}") for n, each in enumerate(said["revisions"])],
            stated_on=said["stated_on"],
            source=PromiseSource(said["source"]),
            document=said["document"],
            actor=acting_user(request),
            now=clock(),
            request_id=request_id(request),
        )
        shown = _recorded_answer(done)
        shown["warnings"] = [{"code": e.code, "pointer": e.pointer, "detail": e.detail} for e in unknown]
        return Response(RecordedSerializer(shown).data, status=201, headers={"ETag": etag(done.order.version)})


def _revision_of(said: dict[str, Any], field: str) -> DateRevision:
    return DateRevision(
        kind=RevisionKind(said["kind"]),
        line_number=said["line_number"],
        said=said.get("date"),
        schedule_number=said.get("schedule_number"),
        lot_number=said.get("lot_number"),
        milestone=said.get("milestone"),
        conditional_on=said.get("conditional_on"),
        quantity=said.get("quantity"),
        reason_code=said.get("reason_code", ""),
        responsible=said.get("responsible", ""),
        note=said.get("note", ""),
        field=field,
    )


def _recorded_answer(done: Recorded) -> dict[str, Any]:
    return {
        "statement_id": done.statement_id,
        "order_id": done.order.pk,
        "version": done.order.version,
        "promises": [entry_answer(entry) for entry in order_reading.written(done.promise_ids)],
        "moved": moved_answer(done.moved),
    }


def moved_answer(moved: Sequence[Moved], *, unkept: UUID | None = None) -> list[dict[str, Any]]:
    """`unkept` is what a dry run has made and does not leave behind: nobody can ask for it by its id."""
    return [
        {
            "kind": each.kind,
            "id": None if each.key == unkept else each.key,
            "label": each.label,
            "before_on": each.before_on,
            "after_on": each.after_on,
        }
        for each in moved
    ]


def entry_answer(row: LedgerEntry) -> dict[str, Any]:
    promise = row.entry.promise
    return chain_entry_answer(row.entry) | {
        "line_number": row.lot.schedule_line.line.number,
        "schedule_number": row.lot.schedule_line.number,
        "lot_number": row.lot.number,
        "quantity": promise.quantity if promise else None,
    }


def chain_entry_answer(entry: ChainEntry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": None,
        "kind": entry.kind,
        "milestone": entry.milestone.code,
        "date": {"value": entry.on.isoformat() if entry.on else "", "precision": Precision.DAY},
        "counts_on": entry.on,
        "stated_on": None,
        "recorded_at": entry.recorded_at,
        "recorded_by": str(entry.recorded_by) if entry.recorded_by else None,
        "statement_id": None,
        "conditional_on": None,
        "source": None,
        "document": entry.document,
        "reason_code": None,
        "responsible": None,
        "note": entry.note,
        "state": entry.state,
    }
    if (row := entry.promise) is None:
        return shown
    return shown | {
        "id": row.pk,
        "date": {"value": row.value, "precision": row.precision},
        "counts_on": row.counts_on,
        "stated_on": row.stated_on,
        "statement_id": row.statement_id,
        "conditional_on": row.conditional_on,
        "source": row.source,
        "reason_code": row.reason_code,
        "responsible": row.responsible,
    }
