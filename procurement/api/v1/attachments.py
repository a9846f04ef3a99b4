"""Files about things: sent as they are, listed, read back, removed."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_user
from procurement.api.errors import BadParameter
from procurement.api.parsers import FileParser
from procurement.api.v1.answer_headers import location
from procurement.api.v1.pages import PageQuery, PageSerializer, page
from procurement.api.v1.shapes import REQUEST_ID, file_example, problems
from procurement.api.view import ClientView, clock, query
from procurement.domain.file_types import MOST_BYTES
from procurement.models import Attachment
from procurement.queries import subjects
from procurement.services import talk
from procurement.vocabulary import TalkSubject
from sites.accounts.models import User
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput, NotFound

_TAG: Final = ["attachments"]


class AttachmentParser(FileParser):
    most_bytes = MOST_BYTES


class _Subject(serializers.Serializer[Any]):
    subject_kind = serializers.ChoiceField(TalkSubject.choices, help_text="What it is about.")
    subject_id = serializers.UUIDField(help_text="Our id of that; of a line, of its schedule line.")


class AttachmentQuery(_Subject, PageQuery):
    pass


class AttachmentWriteQuery(_Subject):
    file_name = serializers.CharField(max_length=200, help_text="Its ending has to fit its bytes.")
    note = serializers.CharField(required=False, max_length=300, default="", help_text="Free text.")


class AttachmentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    subject_kind = serializers.ChoiceField(TalkSubject.choices, help_text="What it is about.")
    subject_id = serializers.UUIDField(help_text="Our id of that.")
    name = serializers.CharField(help_text="As sent, without folders.")
    content_type = serializers.CharField(help_text="What its bytes are, whatever the sender called them.")
    size_bytes = serializers.IntegerField(help_text="Of the file.")
    sha256 = serializers.CharField(source="content_id", help_text="Of its bytes, in hexadecimal.")
    note = serializers.CharField(allow_blank=True, help_text="Free text.")
    added_at = serializers.DateTimeField(help_text="Instant in UTC.")
    added_by = serializers.CharField(source="added_by.name", help_text="Name of the person or client.")


class AttachmentPageSerializer(PageSerializer):
    items = AttachmentSerializer(many=True, help_text="The oldest first.")


class Attachments(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.FILES_READ, "POST": Scope.FILES_WRITE}
    parser_classes = (AttachmentParser,)

    @extend_schema(
        operation_id="listAttachments",
        summary="The files about a thing",
        description="Those that were not removed, the oldest first.",
        parameters=[AttachmentQuery, REQUEST_ID],
        responses={200: AttachmentPageSerializer, **problems(400, 404)},
        tags=_TAG,
    )
    def get(self, request: Request) -> Response:
        said = query(request, AttachmentQuery)
        if subjects.find(acting_user(request), said["subject_kind"], said["subject_id"]) is None:
            raise NotFound(_("There is no such thing."))
        rows = Attachment.objects.filter(
            subject_kind=said["subject_kind"], subject_id=said["subject_id"], removed_at__isnull=True
        ).select_related("added_by")
        return page(request, rows, "pk", _answers, AttachmentSerializer)

    @extend_schema(
        operation_id="addAttachment",
        summary="Add a file",
        description="The body is the file itself, up to 15 MB: PDF, PNG, JPEG, .xlsx, .docx and .pptx without macros, "
        ".eml, .msg, .txt or .csv, told by its bytes. Whoever may see the thing may read it.",
        parameters=[AttachmentWriteQuery, location(201), REQUEST_ID],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: AttachmentSerializer, **problems(404)},
        examples=[
            file_example(
                "A note, file_name=factory-test.txt",
                "Factory test of 18 November 2026, unit 2: passed.",
                "Open: labels of the control cabinet, by 1 December.",
            )
        ],
        tags=_TAG,
    )
    def post(self, request: Request) -> Response:
        said = query(request, AttachmentWriteQuery)
        try:
            row = talk.attach(
                actor=acting_user(request),
                kind=said["subject_kind"],
                key=said["subject_id"],
                name=said["file_name"],
                content=bytes(dict(request.data).get("content", b"")),
                note=said["note"],
                now=clock(),
            )
        except BadInput as refused:
            if refused.field == "note":
                raise BadParameter(f"note: {refused.message}") from None
            raise
        where = reverse("api-v1:attachment", args=[row.pk])
        return Response(AttachmentSerializer(row).data, status=201, headers={"Location": where})


class OneAttachment(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.FILES_READ, "DELETE": Scope.FILES_WRITE}

    @extend_schema(
        operation_id="readAttachment",
        summary="What a file is",
        description="Its name, kind, size and SHA-256; the bytes are under `content`.",
        parameters=[REQUEST_ID],
        responses={200: AttachmentSerializer, **problems(404)},
        tags=_TAG,
    )
    def get(self, request: Request, attachment_id: UUID) -> Response:
        return Response(AttachmentSerializer(_found(acting_user(request), attachment_id)).data)

    @extend_schema(
        operation_id="removeAttachment",
        summary="Offer a file no longer",
        description="By the client that added it; its bytes stay for the history.",
        parameters=[REQUEST_ID],
        request=None,
        responses={200: AttachmentSerializer, **problems(404)},
        tags=_TAG,
    )
    def delete(self, request: Request, attachment_id: UUID) -> Response:
        row = talk.remove(actor=acting_user(request), attachment_id=attachment_id, now=clock())
        return Response(AttachmentSerializer(row).data)


class AttachmentContent(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.FILES_READ}

    @extend_schema(
        operation_id="readAttachmentContent",
        summary="The file itself",
        description="The bytes as they came, to be kept and not shown: with `nosniff` and as an attachment.",
        parameters=[REQUEST_ID],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **problems(404)},
        tags=_TAG,
    )
    def get(self, request: Request, attachment_id: UUID) -> HttpResponse:
        row = _found(acting_user(request), attachment_id)
        named = content_disposition_header(True, row.name) or "attachment"
        return HttpResponse(
            bytes(row.content.content),
            content_type="application/octet-stream",
            headers={"Content-Disposition": named, "X-Content-Type-Options": "nosniff"},
        )


def _answers(found: list[Attachment]) -> Any:
    return AttachmentSerializer(found, many=True).data


def _found(actor: User, key: UUID) -> Attachment:
    row = talk.find_attachment(actor, key)
    if row is None:
        raise NotFound(_("There is no such file."))
    return row
