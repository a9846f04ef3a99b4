"""Power purchase agreements: read as far as the caller may know them, written whole by their published record."""

import json
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from procurement.api.asking import check_tag
from procurement.api.auth import acting_user
from procurement.api.fields import Day, ExactDecimal
from procurement.api.v1.answer_headers import ETAG, location
from procurement.api.v1.date_revisions import MovedSerializer, moved_answer
from procurement.api.v1.shapes import REQUEST_ID, example, problems
from procurement.api.view import ClientView, clock, is_known, not_modified, query
from procurement.api.writing import is_dry_run
from procurement.queries import power_portfolio
from procurement.queries.agreement import Sight, document, fingerprint, sight
from procurement.queries.power_portfolio import AgreementFilter, ListedAgreement
from procurement.services import agreements
from sites.accounts.models import User
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput, NotFound
from sites.models import PowerPurchaseAgreement
from sites.readers import agreement_record
from sites.readers.agreement_record import AgreementRecord
from sites.vocabulary import AgreementState, AgreementStructure

MOST_LISTED: Final = 500
_RECORD: Final = {
    "type": "object",
    "description": "An agreement in the published format `longlead.ppa/1`; its JSON Schema is at "
    "`/api/v1/agreements/schema`. Unknown fields are refused. A caller without the right to amounts reads it without "
    "prices, damages and credit support; one who does not see every site it supplies reads dates and their own share.",
}
_IF_MATCH: Final = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The ETag you read; 412 if it changed since."
)
_IF_NONE_MATCH: Final = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The ETag you have; 304 if it still holds."
)


class AgreementQuery(serializers.Serializer[Any]):
    site = serializers.CharField(required=False, max_length=20, help_text="Code of a site that it supplies.")
    country = serializers.RegexField(r"^[A-Z]{2}$", required=False, help_text="ISO 3166-1 alpha-2.")
    state = serializers.ChoiceField(AgreementState.choices, required=False, help_text="Only in this state.")
    structure = serializers.ChoiceField(AgreementStructure.choices, required=False, help_text="Only of this structure.")
    late = serializers.BooleanField(default=False, help_text="Only those past guaranteed COD or a site's first power.")
    limit = serializers.IntegerField(
        default=100, min_value=1, max_value=MOST_LISTED, help_text=f"Most to answer, up to {MOST_LISTED}."
    )
    offset = serializers.IntegerField(default=0, min_value=0, max_value=1_000_000, help_text="How many to pass over.")


class AgreementShareSerializer(serializers.Serializer[Any]):
    site = serializers.CharField(help_text="Code of the site.")
    share_mw = ExactDecimal(help_text="Megawatts meant for it.")
    from_on = Day(allow_null=True, help_text="null: from COD.")
    until_on = Day(allow_null=True, help_text="null: to the end of the agreement.")
    first_power_on = Day(allow_null=True, help_text="Energisation of the site, done or forecast.")
    days_after_power = serializers.IntegerField(allow_null=True, help_text="COD after it; below zero before it.")


class ListedAgreementSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    code = serializers.CharField(help_text="Unique.")
    name = serializers.CharField(help_text="Of the project.")
    seller = serializers.CharField(help_text="Who sells.")
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2.")
    state = serializers.CharField(help_text="screening to expired.")
    structure = serializers.CharField(help_text="physical, sleeved, virtual or hybrid.")
    contracted_mw = ExactDecimal(allow_null=True, help_text="null where the caller sees a part of its sites only.")
    target_cod_on = Day(allow_null=True, help_text="Damages start after it.")
    guaranteed_cod_on = Day(allow_null=True, help_text="Then the buyer may terminate.")
    long_stop_on = Day(allow_null=True, help_text="Then either party may.")
    forecast_cod_on = Day(allow_null=True, help_text="Our own, computed; the actual day where it happened.")
    cod_is_actual = serializers.BooleanField(help_text="Whether COD has happened.")
    slack_days = serializers.IntegerField(allow_null=True, help_text="Guaranteed COD less forecast; below zero: late.")
    is_late = serializers.BooleanField(help_text="Past its guaranteed COD, or after a site's first power.")
    shares = AgreementShareSerializer(many=True, help_text="Of the sites in sight.")


class AgreementListSerializer(serializers.Serializer[Any]):
    items = ListedAgreementSerializer(many=True, help_text="The late ones first, then by forecast COD.")
    has_more = serializers.BooleanField(help_text="True: ask again with a larger offset.")


class SavedAgreementSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True, help_text="Our id; null where a dry run would create it.")
    code = serializers.CharField(help_text="As sent.")
    result = serializers.ChoiceField(["created", "updated", "unchanged"], help_text="What was done.")
    dry_run = serializers.BooleanField(help_text="True: nothing was kept.")
    moved = MovedSerializer(many=True, help_text="Forecasts before and after.")


class Agreements(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.POWER_READ}

    @extend_schema(
        operation_id="listAgreements",
        summary="List power purchase agreements",
        description="Those that supply a site in the caller's sight, with the shares of those sites only.",
        parameters=[AgreementQuery, REQUEST_ID],
        responses={200: AgreementListSerializer, **problems(400)},
        tags=["power"],
    )
    def get(self, request: Request) -> Response:
        asked = query(request, AgreementQuery)
        wanted = AgreementFilter(
            **{name: asked[name] for name in ("site", "country", "state", "structure") if name in asked}
        )
        rows = power_portfolio.listed(acting_user(request), wanted)
        shown = [row for row in rows if row.view.is_late] if asked["late"] else list(rows)
        first, last = asked["offset"], asked["offset"] + asked["limit"]
        answer = {"items": [_listed(row) for row in shown[first:last]], "has_more": len(shown) > last}
        return Response(AgreementListSerializer(answer).data)


class Agreement(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.POWER_READ}

    @extend_schema(
        operation_id="readAgreement",
        summary="Read an agreement",
        description="The published record of an agreement by our id, as far as the caller may know it; its ETag "
        "is of what is shown.",
        parameters=[_IF_NONE_MATCH, ETAG, REQUEST_ID],
        responses={(200, "application/json"): _RECORD, 304: None, **problems(404)},
        tags=["power"],
    )
    def get(self, request: Request, agreement_id: UUID) -> Response:
        actor = acting_user(request)
        return _read(request, actor, PowerPurchaseAgreement.objects.visible_to(actor).filter(pk=agreement_id).first())


class AgreementByCode(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.POWER_READ, "PUT": Scope.POWER_WRITE}

    @extend_schema(
        operation_id="readAgreementByCode",
        summary="Read an agreement by its code",
        description="As by our id. The answer can be changed and sent back with PUT.",
        parameters=[_IF_NONE_MATCH, ETAG, REQUEST_ID],
        responses={(200, "application/json"): _RECORD, 304: None, **problems(404)},
        tags=["power"],
    )
    def get(self, request: Request, code: str) -> Response:
        actor = acting_user(request)
        return _read(request, actor, _with_code(actor, code).first())

    @extend_schema(
        operation_id="upsertAgreement",
        summary="Create or change an agreement, whole",
        description="The agreement of this code is made to say what the record says; rows the record lacks are "
        "removed. Promises, actual and pinned dates have their own ledger and stay. Zone and certificate must fit the "
        "country, dates must be in order, shares at most the contracted megawatts, prices plausible for their unit.",
        parameters=[_IF_MATCH, ETAG, location(200, 201), REQUEST_ID],
        request={"application/json": _RECORD},
        responses={
            200: SavedAgreementSerializer,
            201: SavedAgreementSerializer,
            **problems(400, 404, 409, 412, 413, 415, 422, 428),
        },
        examples=[
            example(
                "Wind, shared by two sites",
                format="longlead.ppa/1",
                code="PPA-SYD",
                name="Ridge wind",
                seller="The generator",
                country="AU",
                structure="virtual",
                volume_shape="baseload",
                contracted_mw="20",
                price="72.5",
                currency="AUD",
                settlement_market="NEM",
                settlement_zone="NSW1",
                certificate="rego_au",
                term_years="10",
                target_cod_on="2027-06-01",
                guaranteed_cod_on="2027-08-01",
                long_stop_on="2027-12-01",
                shares=[{"site": "SYD01", "share_mw": "12"}, {"site": "TYO01", "share_mw": "8"}],
            )
        ],
        tags=["power"],
    )
    def put(self, request: Request, code: str) -> Response:
        dry_run = is_dry_run(request)
        actor = acting_user(request)
        record = _record(request)
        if record.code != code:
            raise BadInput("The code differs from that of the address.", field="code")
        with transaction.atomic():
            # Locked before it is compared: of two changes from one reading the second must find another tag.
            before = _with_code(actor, code).select_for_update(of=("self",)).first()
            tag = _tag(actor, before, sight(actor, before)) if before else None
            if "If-Match" in request.headers:
                check_tag(request, tag)
            saved = agreements.save(record, actor=actor, now=clock(), reason="api")
            after = _tag(actor, saved.agreement, sight(actor, saved.agreement))
            if dry_run:
                transaction.set_rollback(True)
        result = "created" if saved.created else "unchanged" if tag == after else "updated"
        shown = {
            "id": None if dry_run and saved.created else saved.agreement.pk,
            "code": code,
            "result": result,
            "dry_run": dry_run,
            "moved": moved_answer(saved.moved, unkept=saved.agreement.pk if dry_run and saved.created else None),
        }
        headers = {} if dry_run else {"ETag": after, "Location": reverse("api-v1:agreement", args=[saved.agreement.pk])}
        is_created = saved.created and not dry_run
        return Response(SavedAgreementSerializer(shown).data, status=201 if is_created else 200, headers=headers)


@extend_schema(exclude=True)
class AgreementSchema(APIView):
    """The JSON Schema of the record; open to all, like the schema of the API."""

    permission_classes = [AllowAny]
    authentication_classes = []

    def get(self, request: Request) -> Response:
        return Response(agreement_record.schema())


def _record(request: Request) -> AgreementRecord:
    """Raises BadInput, and ValidationError where the body as a whole is wrong: no field of it stands for that."""
    try:
        return agreement_record.read(json.dumps(request.data, default=str))
    except BadInput as refusal:
        if refusal.field == agreement_record.WHOLE:
            raise serializers.ValidationError(refusal.message) from None
        raise


def _with_code(actor: User, code: str) -> QuerySet[PowerPurchaseAgreement]:
    return PowerPurchaseAgreement.objects.visible_to(actor).filter(code=code)


def _read(request: Request, actor: User, found: PowerPurchaseAgreement | None) -> Response:
    if found is None:
        raise NotFound("There is no such agreement.")
    seen = sight(actor, found)
    shown = document(actor, found, seen)
    tag = f'"{fingerprint(shown)}"'
    if is_known(request, tag):
        return not_modified(tag)
    return Response(shown, headers={"ETag": tag})


def _tag(actor: User, found: PowerPurchaseAgreement, seen: Sight) -> str:
    return f'"{fingerprint(document(actor, found, seen))}"'


def _listed(row: ListedAgreement) -> dict[str, Any]:
    view, agreement = row.view, row.view.agreement
    return {
        "id": agreement.pk,
        "code": agreement.code,
        "name": agreement.name,
        "seller": agreement.seller,
        "country": agreement.country,
        "state": agreement.state,
        "structure": agreement.structure,
        "contracted_mw": agreement.contracted_mw if row.sight.is_whole else None,
        "target_cod_on": agreement.target_cod_on,
        "guaranteed_cod_on": agreement.guaranteed_cod_on,
        "long_stop_on": agreement.long_stop_on,
        "forecast_cod_on": (view.answer.done_on or view.answer.forecast_on) if view.answer else None,
        "cod_is_actual": bool(view.answer and view.answer.done_on),
        "slack_days": view.slack_days,
        "is_late": view.is_late,
        "shares": [
            {
                "site": each.share.site.code,
                "share_mw": each.share.share_mw,
                "from_on": each.share.from_on,
                "until_on": each.share.until_on,
                "first_power_on": each.energised_on,
                "days_after_power": each.days_after,
            }
            for each in view.shares
        ],
    }
