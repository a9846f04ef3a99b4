"""A system's own ids of our vendors, sites, classes and units."""

from typing import Any, ClassVar, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import request_id
from procurement.api.auth import acting_user
from procurement.api.fields import Text
from procurement.api.v1.bodies import checked
from procurement.api.v1.orders import check_system
from procurement.api.v1.shapes import OWN_SYSTEM, REQUEST_ID, example, problems
from procurement.api.view import ClientView
from procurement.services import external_ids
from procurement.services.external_ids import Named, NameResult
from sites.accounts.permissions import Scope

_PATH: Final = [
    OWN_SYSTEM,
    OpenApiParameter(
        "external_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="What your system calls it; up to 80."
    ),
]


@extend_schema_serializer(component_name="ExternalName")
class NameWrite(serializers.Serializer[Any]):
    code = Text(max_length=80, help_text="Our code of the record that your id means.")


@extend_schema_serializer(component_name="VendorWrite")
class VendorWrite(NameWrite):
    name = Text(required=False, max_length=160, help_text="What it is called; required when its code is new.")
    country = serializers.RegexField(
        r"^[A-Z]{2}$", required=False, max_length=2, help_text="ISO 3166-1; required when its code is new."
    )
    makes = serializers.BooleanField(required=False, help_text="Whether it makes what it sells.")


class NameSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id of the record.")
    system = serializers.CharField(help_text="As in the path.")
    external_id = serializers.CharField(help_text="As in the path.")
    code = serializers.CharField(help_text="Our code.")
    result = serializers.ChoiceField([(each.value, each.value) for each in NameResult], help_text="What happened.")


class _Name(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"PUT": Scope.REFERENCE_WRITE}
    kind: ClassVar[Named]

    shape: ClassVar[type[NameWrite]] = NameWrite

    def _put(self, request: Request, system: str, external_id: str) -> Response:
        check_system(request, system)
        said = checked(self.shape, request)
        code = said.pop("code")
        result, key = external_ids.name(
            kind=self.kind,
            system=system,
            external_id=external_id,
            code=code,
            actor=acting_user(request),
            request_id=request_id(request),
            vendor=external_ids.Vendor(**said) if self.kind is Named.VENDOR else None,
        )
        shown = {"id": key, "system": system, "external_id": external_id, "code": code, "result": result.value}
        return Response(NameSerializer(shown).data, status=201 if result is NameResult.CREATED else 200)


def _operation(
    name: str, what: str, ours: OpenApiExample, *, shape: type[NameWrite] = NameWrite, more: str = ""
) -> Any:
    return extend_schema(
        operation_id=name,
        summary=f"Say what your system calls a {what} of ours",
        description="Orders may name it so from then on. Said of another record, the id means that one from now on."
        + more,
        parameters=[*_PATH, REQUEST_ID],
        request=shape,
        responses={200: NameSerializer, 201: NameSerializer, **problems(400, 413, 415, 422)},
        examples=[ours],
        tags=["reference data"],
    )


class VendorName(_Name):
    kind = Named.VENDOR
    shape = VendorWrite

    @_operation(  # type: ignore[untyped-decorator]
        "nameVendor",
        "vendor",
        example("A new vendor", code="KITA", name="Kitagawa Works", country="JP"),
        shape=VendorWrite,
        more=" A vendor of a new code is made; what is said of one that is here changes it.",
    )
    def put(self, request: Request, system: str, external_id: str) -> Response:
        return self._put(request, system, external_id)


class UnitName(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"PUT": Scope.REFERENCE_WRITE}

    @_operation(  # type: ignore[untyped-decorator]
        "nameUnit",
        "unit",
        example("Each", code="EA"),
        more=" A code that is itself one of `/units` means itself, in every system.",
    )
    def put(self, request: Request, system: str, external_id: str) -> Response:
        check_system(request, system)
        unit = checked(NameWrite, request)["code"]
        result, key = external_ids.name_unit(
            system=system,
            external_id=external_id,
            unit=unit,
            actor=acting_user(request),
            request_id=request_id(request),
        )
        shown = {"id": key, "system": system, "external_id": external_id, "code": unit, "result": result.value}
        return Response(NameSerializer(shown).data, status=201 if result is NameResult.CREATED else 200)


class SiteName(_Name):
    kind = Named.SITE

    @_operation("nameSite", "site", example("A site", code="SYD01"))  # type: ignore[untyped-decorator]
    def put(self, request: Request, system: str, external_id: str) -> Response:
        return self._put(request, system, external_id)


class EquipmentTypeName(_Name):
    kind = Named.EQUIPMENT_CLASS

    @_operation("nameEquipmentType", "class of equipment", example("A class", code="CHILLER_AIR"))  # type: ignore[untyped-decorator]
    def put(self, request: Request, system: str, external_id: str) -> Response:
        return self._put(request, system, external_id)
