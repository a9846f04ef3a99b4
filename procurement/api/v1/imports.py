"""Workbooks: a file in, previewed row by row, applied, undone; and lists out that come back in."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_user
from procurement.api.errors import BadParameter
from procurement.api.parsers import FileParser
from procurement.api.v1.answer_headers import location, row_failures
from procurement.api.v1.bodies import checked
from procurement.api.v1.import_shapes import (
    ExportQuery,
    ImportListSerializer,
    ImportQuery,
    ImportRowsQuery,
    ImportRowsSerializer,
    ImportSerializer,
    UndoWrite,
    import_answer,
)
from procurement.api.v1.shapes import REQUEST_ID, example, file_example, problems
from procurement.api.view import ClientView, clock, query
from procurement.api.writing import is_dry_run
from procurement.domain.cells import DayOrder, DecimalMark
from procurement.domain.table import MOST_BYTES
from procurement.models import ImportBatch
from procurement.queries import export_keys
from procurement.queries.imports import company_by_code, find_import, newest_imports
from procurement.services import exports, import_work, imports
from procurement.services.imports import Said
from procurement.vocabulary import ImportKind, RowOutcome
from sites.accounts.models import User
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput, NotFound

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_APART: Final = (
    f" More than {import_work.SMALL_ROWS:,} rows are worked on apart from the call: 202. A dry run of as many is "
    "refused with 400."
)


class WorkbookParser(FileParser):
    most_bytes = MOST_BYTES


class Imports(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.IMPORTS_READ, "POST": Scope.IMPORTS_WRITE}
    parser_classes = (WorkbookParser,)

    @extend_schema(
        operation_id="listImports",
        summary="The newest imports",
        description="At most a hundred, of the sites in sight.",
        parameters=[REQUEST_ID],
        responses={200: ImportListSerializer, **problems()},
        tags=["imports"],
    )
    def get(self, request: Request) -> Response:
        return Response(ImportListSerializer({"items": newest_imports(acting_user(request))}).data)

    @extend_schema(
        operation_id="sendWorkbook",
        summary="Send a workbook or a business document",
        description="The body is the file itself, .xlsx or .csv, up to 20 MB and 50,000 rows, or with "
        "`kind=business_documents` an order document of UBL 2 as XML. It is read whole or refused with the place; "
        "nothing is written before it is applied. The same file for the same purpose is one import. A file above "
        "256 KB or 1,000 rows is kept and answered with 202: ask its address until `work` is empty; a dry run of one "
        "is refused with 400.",
        parameters=[ImportQuery, row_failures(201), location(201, 202), REQUEST_ID],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: ImportSerializer, 202: ImportSerializer, **problems(400, 409, 413, 422)},
        examples=[
            file_example(
                "Promises, kind=promises, file_name=status.csv",
                "PO No.,Item,Confirmed date",
                "4500016221,10,2027-07-26",
                "4500016221,20,CW37 2027",
            )
        ],
        tags=["imports"],
    )
    def post(self, request: Request) -> Response:
        actor, now = acting_user(request), clock()
        said = query(request, ImportQuery)
        company = company_by_code(said["company"]) if said["company"] else None
        if said["company"] and company is None:
            raise BadParameter("company: There is no such company.")
        try:
            batch = import_work.stage(
                content=bytes(dict(request.data).get("content", b"")),
                file_name=said["file_name"],
                kind=ImportKind(said["kind"]),
                stated_on=said.get("stated_on", now.date()),
                actor=actor,
                now=now,
                company_id=company.pk if company else None,
                said=_said(said),
            )
        except BadInput as refused:
            where = (refused.field or "file").replace("mapping/", "columns: ")
            raise BadInput(f"{where}: {refused.message}", field="file") from None
        return _answered(request, batch, status=201)


class Import(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.IMPORTS_READ}

    @extend_schema(
        operation_id="readImport",
        summary="One import",
        description="How many rows were read, taken, refused and blank, and what became of the file.",
        parameters=[REQUEST_ID],
        responses={200: ImportSerializer, **problems(404)},
        tags=["imports"],
    )
    def get(self, request: Request, import_id: UUID) -> Response:
        return Response(import_answer(_found(acting_user(request), import_id)))


class ImportRows(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.IMPORTS_READ}

    @extend_schema(
        operation_id="listImportRows",
        summary="The rows of an import",
        description="Each with what it would change or changed, and why it was refused.",
        parameters=[ImportRowsQuery, REQUEST_ID],
        responses={200: ImportRowsSerializer, **problems(400, 404)},
        tags=["imports"],
    )
    def get(self, request: Request, import_id: UUID) -> Response:
        said = query(request, ImportRowsQuery)
        rows = _found(acting_user(request), import_id).rows.filter(number__gt=said["after"])
        rows = rows.filter(outcome=said["outcome"]) if "outcome" in said else rows.exclude(outcome=RowOutcome.BLANK)
        found = list(rows.order_by("number")[: said["limit"] + 1])
        shown = {"items": found[: said["limit"]], "has_more": len(found) > said["limit"]}
        return Response(ImportRowsSerializer(shown).data)


class ApplyImport(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.IMPORTS_WRITE}

    @extend_schema(
        operation_id="applyImport",
        summary="Write what an import says",
        description="Every accepted row in one transaction; 409 where there is none. Where something changed since the "
        "preview, nothing is written, the preview is renewed and the answer is 409." + _APART,
        parameters=[row_failures(200), location(202), REQUEST_ID],
        request=None,
        responses={200: ImportSerializer, 202: ImportSerializer, **problems(404, 409, 422)},
        tags=["imports"],
    )
    def post(self, request: Request, import_id: UUID) -> Response:
        return _answered(request, import_work.apply(batch_id=import_id, actor=acting_user(request), now=clock()))


class DiscardImport(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.IMPORTS_WRITE}

    @extend_schema(
        operation_id="discardImport",
        summary="Put a preview away",
        description="Nothing of it was written, and nothing will be.",
        parameters=[REQUEST_ID],
        request=None,
        responses={200: ImportSerializer, **problems(404, 409)},
        tags=["imports"],
    )
    def post(self, request: Request, import_id: UUID) -> Response:
        return Response(import_answer(imports.discard(batch_id=import_id, actor=acting_user(request))))


class UndoImport(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.IMPORTS_WRITE}

    @extend_schema(
        operation_id="undoImport",
        summary="Take an applied import back",
        description="Promises are retracted by rows that name the file, everything else is set back. What was changed "
        "since stays, named in `left` of its row, unless forced." + _APART,
        parameters=[row_failures(200), location(202), REQUEST_ID],
        request=UndoWrite,
        responses={200: ImportSerializer, 202: ImportSerializer, **problems(400, 404, 409, 413, 415, 422)},
        examples=[example("The wrong file", reason="Sent for another site.", force=False)],
        tags=["imports"],
    )
    def post(self, request: Request, import_id: UUID) -> Response:
        said = checked(UndoWrite, request)
        done = import_work.undo(
            batch_id=import_id, reason=said["reason"], force=said["force"], actor=acting_user(request), now=clock()
        )
        return _answered(request, done)


class Export(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.IMPORTS_READ}

    @extend_schema(
        operation_id="exportWorkbook",
        summary="A list as a workbook that comes back in",
        description="The columns an import of the same kind reads, with a hidden key and version in each row.",
        parameters=[
            OpenApiParameter("kind", enum=ImportKind.values, location=OpenApiParameter.PATH),
            ExportQuery,
            REQUEST_ID,
        ],
        responses={(200, _XLSX): OpenApiTypes.BINARY, **problems(400, 404)},
        tags=["imports"],
    )
    def get(self, request: Request, kind: str) -> HttpResponse:
        if kind not in ImportKind.values:
            raise NotFound("There is no such list.")
        actor, wanted, site = acting_user(request), ImportKind(kind), query(request, ExportQuery)["site"]
        keys: Sequence[UUID] | None = export_keys.of_site(wanted, actor, site) if site else None
        return HttpResponse(exports.workbook(wanted, actor=actor, keys=keys), content_type=_XLSX)


def _answered(request: Request, batch: ImportBatch, *, status: int = 200) -> Response:
    """202 while the work goes on, of which there is no dry run; the import's address tells when it is done."""
    if batch.work and is_dry_run(request):
        raise BadParameter(_("dry_run: a file of this size is worked on apart from the call; nothing is tried yet."))
    where = {"Location": reverse("api-v1:import", args=[batch.pk])}
    if batch.work:
        return Response(import_answer(batch), status=202, headers=where | {"Retry-After": "2"})
    refused = {"X-Row-Failures": str(batch.rows_refused)}
    return Response(import_answer(batch), status=status, headers=refused | (where if status == 201 else {}))


def _found(actor: User, import_id: UUID) -> ImportBatch:
    batch = find_import(actor, import_id)
    if batch is None:
        raise NotFound("There is no such import.")
    return batch


def _said(said: dict[str, Any]) -> Said:
    columns = {}
    for pair in filter(None, said["columns"].split(",")):
        field, colon, letters = pair.partition(":")
        if not colon or not field.strip() or not letters.strip():
            raise BadParameter("columns: Write field:LETTERS, separated by commas.")
        columns[field.strip()] = letters.strip()
    return Said(
        sheet=said["sheet"] or None,
        header_row=said.get("header_row"),
        columns=columns or None,
        encoding=said["encoding"] or None,
        day_order=DayOrder(said["day_order"]) if "day_order" in said else None,
        decimal_mark=DecimalMark(said["decimal_mark"]) if "decimal_mark" in said else None,
    )
