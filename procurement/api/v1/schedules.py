"""Site schedules: a file in, what it would change, accepted or taken back, and its activities."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import Q
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_user
from procurement.api.fields import Text
from procurement.api.parsers import FileParser
from procurement.api.v1.bodies import checked
from procurement.api.v1.schedule_shapes import (
    ActivityListSerializer,
    ActivityQuery,
    DecidedSerializer,
    DecisionWrite,
    DifferenceSerializer,
    RevisionListSerializer,
    RevisionSerializer,
    RollBackWrite,
    UploadedSerializer,
    difference_answer,
)
from procurement.api.v1.shapes import REQUEST_ID, example, file_example, problems
from procurement.api.view import ClientView, clock, query
from procurement.services import schedule_preview, schedules
from procurement.services.forecasts import Moved
from sites.accounts.models import User
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput, NotFound
from sites.models import Activity, ScheduleRevision, Site

_MOST_REVISIONS = 100
# What a refusal of an upload names, as the parameter it came by.
_PARAMETERS: Final = {"project_code": "project"}


class UploadQuery(serializers.Serializer[Any]):
    file_name = Text(required=False, default="schedule", max_length=200, help_text="What the file is called at yours.")
    project = Text(required=False, default="", max_length=80, help_text="Only this project of the file.")
    update_of = Text(
        required=False,
        default="",
        max_length=80,
        help_text="The project of the site whose next revision it is, where the file calls it otherwise.",
    )


def _site(code: str, actor: User) -> Site:
    site = Site.objects.visible_to(actor).filter(code=code).first()
    if site is None:
        raise NotFound("There is no such site.")
    return site


def _revision(revision_id: UUID, actor: User) -> ScheduleRevision:
    revision = ScheduleRevision.objects.visible_to(actor).select_related("site").filter(pk=revision_id).first()
    if revision is None:
        raise NotFound("There is no such schedule.")
    return revision


class SiteSchedules(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.SCHEDULES_READ, "POST": Scope.SCHEDULES_WRITE}
    parser_classes = (FileParser,)

    @extend_schema(
        operation_id="listSchedules",
        summary="The schedules of a site",
        description=f"Every revision that was read, newest first, {_MOST_REVISIONS} at most.",
        parameters=[REQUEST_ID],
        responses={200: RevisionListSerializer, **problems(404)},
        tags=["schedules"],
    )
    def get(self, request: Request, site: str) -> Response:
        found = _site(site, acting_user(request))
        rows = found.revisions.select_related("site").order_by("-created_at", "-pk")[:_MOST_REVISIONS]
        return Response(RevisionListSerializer({"items": rows}).data)

    @extend_schema(
        operation_id="uploadSchedule",
        summary="Upload a schedule",
        description="The body is the file itself: Primavera P6 XER or XML, or Microsoft Project XML, told by what it "
        "holds. It is read whole or refused with the line; each project lands in quarantine. The same bytes twice are "
        "one import.",
        parameters=[UploadQuery, REQUEST_ID],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: UploadedSerializer, **problems(400, 404, 413, 422)},
        examples=[
            file_example(
                "Two tasks as Microsoft Project writes them, file_name=fit-out.xml",
                '<?xml version="1.0" encoding="UTF-8"?>',
                '<Project xmlns="http://schemas.microsoft.com/project">',
                "  <Name>fit-out.xml</Name><Title>Fit-out</Title><StatusDate>2026-11-20T17:00:00</StatusDate>",
                "  <Tasks>",
                "    <Task><UID>1</UID><Name>MV room ready</Name><OutlineLevel>1</OutlineLevel>",
                "      <Start>2027-01-11T08:00:00</Start><Finish>2027-02-05T17:00:00</Finish></Task>",
                "    <Task><UID>2</UID><Name>Install switchgear</Name><OutlineLevel>1</OutlineLevel>",
                "      <Start>2027-02-08T08:00:00</Start><Finish>2027-03-05T17:00:00</Finish>",
                "      <PredecessorLink><PredecessorUID>1</PredecessorUID><Type>1</Type></PredecessorLink></Task>",
                "  </Tasks>",
                "</Project>",
            )
        ],
        tags=["schedules"],
    )
    def post(self, request: Request, site: str) -> Response:
        actor = acting_user(request)
        said = query(request, UploadQuery)
        try:
            done = schedules.upload(
                site=_site(site, actor),
                content=bytes(dict(request.data).get("content", b"")),
                file_name=said["file_name"],
                actor=actor,
                now=clock(),
                project_code=said["project"],
                update_of=said["update_of"],
            )
        except BadInput as refused:
            where = _PARAMETERS.get(refused.field or "", refused.field or "file")
            raise BadInput(f"{where}: {refused.message}", field="file") from None
        shown = {"revisions": done.revisions, "projects": [packed.summary for packed in done.file.projects]}
        return Response(UploadedSerializer(shown).data, status=201)


class Schedule(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.SCHEDULES_READ}

    @extend_schema(
        operation_id="readSchedule",
        summary="One schedule",
        description="Where it comes from, its data date, its state and what its reader noticed.",
        parameters=[REQUEST_ID],
        responses={200: RevisionSerializer, **problems(404)},
        tags=["schedules"],
    )
    def get(self, request: Request, revision_id: UUID) -> Response:
        return Response(RevisionSerializer(_revision(revision_id, acting_user(request))).data)


class Difference(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.SCHEDULES_READ}

    @extend_schema(
        operation_id="readScheduleDifference",
        summary="What accepting a schedule would change",
        description="Against the accepted one of the same project; of one that was decided, against what it replaced. "
        "The effect is the acceptance itself, carried out and taken back.",
        parameters=[REQUEST_ID],
        responses={200: DifferenceSerializer, **problems(404)},
        tags=["schedules"],
    )
    def get(self, request: Request, revision_id: UUID) -> Response:
        shown = schedule_preview.preview(revision_id=revision_id, actor=acting_user(request), now=clock())
        return Response(DifferenceSerializer(difference_answer(shown)).data)


class Activities(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.SCHEDULES_READ}

    @extend_schema(
        operation_id="listScheduleActivities",
        summary="The activities of a schedule",
        description="By code, in pages; `search` looks in codes, names and the work breakdown.",
        parameters=[ActivityQuery, REQUEST_ID],
        responses={200: ActivityListSerializer, **problems(400, 404)},
        tags=["schedules"],
    )
    def get(self, request: Request, revision_id: UUID) -> Response:
        said = query(request, ActivityQuery)
        rows = Activity.objects.filter(revision=_revision(revision_id, acting_user(request)), code__gt=said["after"])
        if text := said["search"]:
            rows = rows.filter(Q(code__icontains=text) | Q(name__icontains=text) | Q(wbs__icontains=text))
        found = list(rows.order_by("code")[: said["limit"] + 1])
        shown = {"items": map(_activity, found[: said["limit"]]), "has_more": len(found) > said["limit"]}
        return Response(ActivityListSerializer(shown).data)


class Accept(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.SCHEDULES_WRITE}

    @extend_schema(
        operation_id="acceptSchedule",
        summary="Accept a schedule",
        description="Anchors, required dates, forecasts and alerts move with it in one transaction. Where something "
        "is odd (`schedule_is_suspicious`), a reason must say why it is fine.",
        parameters=[REQUEST_ID],
        request=DecisionWrite,
        responses={200: DecidedSerializer, **problems(400, 404, 409, 413, 415, 422)},
        examples=[example("With a reason", reason="Agreed in the weekly meeting.")],
        tags=["schedules"],
    )
    def post(self, request: Request, revision_id: UUID) -> Response:
        reason = checked(DecisionWrite, request)["reason"]
        done = schedules.accept(revision_id=revision_id, actor=acting_user(request), now=clock(), reason=reason)
        return _decided(done.revision, done.moved)


class Reject(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.SCHEDULES_WRITE}

    @extend_schema(
        operation_id="rejectSchedule",
        summary="Turn a schedule down",
        description="It is kept with the reason; the schedule before it stays the one that counts.",
        parameters=[REQUEST_ID],
        request=DecisionWrite,
        responses={200: DecidedSerializer, **problems(400, 404, 409, 413, 415, 422)},
        examples=[example("With a reason", reason="Exported from the wrong layout.")],
        tags=["schedules"],
    )
    def post(self, request: Request, revision_id: UUID) -> Response:
        reason = checked(DecisionWrite, request)["reason"]
        done = schedules.reject(revision_id=revision_id, actor=acting_user(request), now=clock(), reason=reason)
        return _decided(done, ())


class RollBack(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.SCHEDULES_WRITE}

    @extend_schema(
        operation_id="rollBackSchedule",
        summary="Take an accepted schedule back",
        description="The one before stands again, with its bindings, gates, required dates and forecasts. What others "
        "changed since is named in `left` and stays, unless forced.",
        parameters=[REQUEST_ID],
        request=RollBackWrite,
        responses={200: DecidedSerializer, **problems(400, 404, 409, 413, 415, 422)},
        examples=[example("The wrong file", reason="Exported from the wrong layout.", force=False)],
        tags=["schedules"],
    )
    def post(self, request: Request, revision_id: UUID) -> Response:
        said = checked(RollBackWrite, request)
        done = schedules.roll_back(
            revision_id=revision_id, actor=acting_user(request), now=clock(), reason=said["reason"], force=said["force"]
        )
        return _decided(done.revision, done.moved, done.left)


def _decided(revision: ScheduleRevision, moved: tuple[Moved, ...], left: tuple[dict[str, Any], ...] = ()) -> Response:
    shown = {
        "revision": ScheduleRevision.objects.select_related("site").get(pk=revision.pk),
        "moved": [
            {"kind": row.kind, "id": row.key, "label": row.label, "before_on": row.before_on, "after_on": row.after_on}
            for row in moved
        ],
        "left": left,
    }
    return Response(DecidedSerializer(shown).data)


def _activity(row: Activity) -> dict[str, Any]:
    hours = row.total_float_hours
    return {
        "code": row.code,
        "name": row.name,
        "wbs": row.wbs,
        "kind": row.kind,
        "status": row.status,
        "start": row.start.isoformat() if row.start else None,
        "finish": row.finish.isoformat() if row.finish else None,
        "total_float_hours": None if hours is None else format(hours.normalize(), "f"),
        "constraint": row.constraint,
        "is_driving": row.is_driving,
    }
