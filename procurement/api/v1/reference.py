"""What codes there are: sites, vendors, kinds of equipment, reasons, units; and lead times as somebody stated them."""

import hashlib
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_client, acting_user
from procurement.api.fields import Day, ExactDecimal
from procurement.api.v1.answer_headers import ETAG
from procurement.api.v1.pages import PageQuery, PageSerializer, fields_of, page
from procurement.api.v1.shapes import REQUEST_ID, problems
from procurement.api.view import ClientView, is_known, not_modified
from procurement.domain.units import UNITS
from procurement.models import Company, EquipmentClass, LeadTimeObservation, UnitMapping
from sites.accounts.permissions import Scope
from sites.models import Site
from sites.vocabulary import ReasonCode

Get = TypeVar("Get", bound=Callable[..., Any])
_IF_NONE_MATCH: Final = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The ETag you have; 304 if it still holds."
)
_PARAMETERS: Final[list[Any]] = [PageQuery, _IF_NONE_MATCH, ETAG, REQUEST_ID]


class SiteSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    code = serializers.CharField(help_text="Unique; what orders name.")
    name = serializers.CharField(help_text="For people.")
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2.")
    time_zone = serializers.CharField(help_text="IANA zone; its days are local to it.")
    currency = serializers.CharField(help_text="ISO 4217.")
    status = serializers.CharField(help_text="Of the site.")


class SitePageSerializer(PageSerializer):
    items = SiteSerializer(many=True, help_text="By code.")


class VendorSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    code = serializers.CharField(help_text="Unique; what orders name.")
    name = serializers.CharField(help_text="For people.")
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2.")
    sells = serializers.BooleanField(help_text="Orders may name it.")
    makes = serializers.BooleanField(help_text="It has plants.")
    active = serializers.BooleanField(help_text="False: kept for its history.")


class VendorPageSerializer(PageSerializer):
    items = VendorSerializer(many=True, help_text="By code.")


class EquipmentTypeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    code = serializers.CharField(help_text="Unique; what order lines name.")
    name = serializers.CharField(help_text="For people.")
    discipline = serializers.CharField(help_text="electrical, mechanical, ...")
    masterformat = serializers.CharField(allow_blank=True, help_text="Section number.")


class EquipmentTypePageSerializer(PageSerializer):
    items = EquipmentTypeSerializer(many=True, help_text="By code.")


class WordSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="As it travels.")
    name = serializers.CharField(help_text="For people.")


class WordListSerializer(serializers.Serializer[Any]):
    items = WordSerializer(many=True, help_text="All of them.")


class UnitSerializer(WordSerializer):
    external_ids = serializers.ListField(child=serializers.CharField(), help_text="What your system calls it.")


class UnitListSerializer(serializers.Serializer[Any]):
    items = UnitSerializer(many=True, help_text="All that orders may come in.")


class LeadTimeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    equipment_class = serializers.CharField(help_text="Code of the class.")
    vendor = serializers.CharField(allow_null=True, help_text="Code of the company; null: of the market.")
    kind = serializers.CharField(help_text="quoted, published, achieved, ...")
    low_weeks = ExactDecimal(help_text="Calendar weeks.")
    high_weeks = ExactDecimal(help_text="Calendar weeks.")
    basis_from = serializers.CharField(help_text="Milestone the weeks count from.")
    basis_to = serializers.CharField(help_text="Milestone the weeks count to.")
    as_of = Day(help_text="When it was said.")
    valid_until = Day(allow_null=True, help_text="null: not said.")
    source = serializers.CharField(help_text="Who said it.")  # type: ignore[assignment]


class LeadTimePageSerializer(PageSerializer):
    items = LeadTimeSerializer(many=True, help_text="The oldest record first.")


def _tagged(request: Request, answer: Response) -> Response:
    tag = f'"{hashlib.sha256(JSONRenderer().render(answer.data)).hexdigest()[:24]}"'
    if is_known(request, tag):
        return not_modified(tag)
    answer["ETag"] = tag
    return answer


def _listed(request: Request, rows: QuerySet[Any], shape: type[serializers.Serializer[Any]]) -> Response:
    return _tagged(request, page(request, rows, "code", lambda found: shape(found, many=True).data, shape))


def _operation(
    name: str, summary: str, description: str, answer: type[serializers.Serializer[Any]], *, paged: bool = True
) -> Callable[[Get], Get]:
    described: Callable[[Get], Get] = extend_schema(
        operation_id=name,
        summary=summary,
        description=description,
        parameters=_PARAMETERS if paged else _PARAMETERS[1:],
        responses={200: answer, 304: None, **problems(400)},
        tags=["reference data"],
    )
    return described


class _Reference(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.REFERENCE_READ}


class Sites(_Reference):
    @_operation("listSites", "The sites in sight", "Their codes are what orders name in `site`.", SitePageSerializer)
    def get(self, request: Request) -> Response:
        return _listed(request, Site.objects.visible_to(acting_user(request)), SiteSerializer)


class Vendors(_Reference):
    @_operation(
        "listVendors",
        "The companies that sell or make",
        "Their codes are what orders name in `vendor`.",
        VendorPageSerializer,
    )
    def get(self, request: Request) -> Response:
        return _listed(request, Company.objects.all(), VendorSerializer)


class EquipmentTypes(_Reference):
    @_operation(
        "listEquipmentTypes",
        "The classes of equipment",
        "Their codes are what order lines name in `equipment_class`.",
        EquipmentTypePageSerializer,
    )
    def get(self, request: Request) -> Response:
        return _listed(request, EquipmentClass.objects.all(), EquipmentTypeSerializer)


class ReasonCodes(_Reference):
    @_operation(
        "listReasonCodes",
        "Why a date moved",
        "What a date revision says in `reason_code`.",
        WordListSerializer,
        paged=False,
    )
    def get(self, request: Request) -> Response:
        words = [{"code": each.value, "name": str(each.label)} for each in ReasonCode]
        return _tagged(request, Response({"items": words}))


class Units(_Reference):
    @_operation(
        "listUnits",
        "Units of quantities, of UN/ECE Recommendation 20",
        "Each with what the calling system calls it.",
        UnitListSerializer,
        paged=False,
    )
    def get(self, request: Request) -> Response:
        named: dict[str, list[str]] = defaultdict(list)
        rows = UnitMapping.objects.filter(system=acting_client(request).system).order_by("code")
        for code, unit in rows.values_list("code", "unit"):
            named[unit].append(code)
        items = [{"code": code, "name": name, "external_ids": named[code]} for code, name in UNITS.items()]
        return _tagged(request, Response({"items": items}))


class LeadTimes(_Reference):
    @_operation(
        "listLeadTimes",
        "Lead times as they were stated",
        "Quoted, agreed, achieved and of the market, in weeks, as of a day.",
        LeadTimePageSerializer,
    )
    def get(self, request: Request) -> Response:
        rows = LeadTimeObservation.objects.filter(retired_at__isnull=True).select_related("equipment_class", "company")
        shown = page(request, rows, "pk", lambda found: [_lead_time(each) for each in found], LeadTimeSerializer)
        return _tagged(request, shown)


def _lead_time(row: LeadTimeObservation) -> dict[str, Any]:
    shown = fields_of(row, LeadTimeSerializer)
    shown |= {"equipment_class": row.equipment_class.code, "vendor": row.company.code if row.company else None}
    return dict(LeadTimeSerializer(shown).data)
