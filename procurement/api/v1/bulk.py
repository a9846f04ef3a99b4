"""Many orders in one call, and jobs: what was too large for one, or asked for apart from it."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import is_apart, is_strict
from procurement.api.auth import acting_client, acting_user
from procurement.api.errors import BadParameter, FieldError, flat, is_retryable, titles
from procurement.api.fields import Text, VersionField
from procurement.api.v1.answer_headers import location, row_failures
from procurement.api.v1.bodies import checked, unknown_fields
from procurement.api.v1.order_shapes import LinesModeQuery, OrderWrite, document_of, order_shape
from procurement.api.v1.pages import PageQuery, PageSerializer, page
from procurement.api.v1.shapes import REQUEST_ID, FieldErrorSerializer, WarningSerializer, problems
from procurement.api.view import ClientView, clock, etag, query, request_id
from procurement.api.writing import applied
from procurement.domain.order_document import read_version
from procurement.models import Job, JobRow
from procurement.services import bulk, jobs
from procurement.services.bulk import BulkRow, Outcome
from procurement.vocabulary import JobState
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput, NotFound
from sites.domain.text import check_text

MOST_AT_ONCE: Final = 500
_OPS: Final = ("upsert", "cancel")
_RESULTS: Final = ("created", "updated", "unchanged", "stale_ignored", "failed", "not_written")


class _EachByItself(serializers.ListSerializer[Any]):
    """A row that cannot be read is refused at its place, as one is whose order cannot be written."""

    def run_child_validation(self, data: Any) -> Any:
        try:
            return super().run_child_validation(data)
        except serializers.ValidationError as refusal:
            name = data.get("external_id") if isinstance(data, dict) else None
            return {"external_id": name if isinstance(name, str) else "", "refused": flat(refusal.detail, "")}


class BulkRowWrite(serializers.Serializer[Any]):
    """One order. `document_version` may stand here or in the body."""

    class Meta:
        list_serializer_class = _EachByItself

    op = serializers.ChoiceField(_OPS, default="upsert", help_text="`cancel` needs no body.")
    system = Text(max_length=20, required=False, help_text="Your own system; default: it.")
    external_id = Text(max_length=80, help_text="What your system calls the order.")
    document_version = VersionField(required=False, help_text="As in the body of one order.")
    body = serializers.DictField(
        required=False, help_text="As in `PUT /purchase-orders/ext/{system}/{external_id}`: PurchaseOrderWrite."
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Two orders",
            request_only=True,
            value={
                "rows": [
                    {
                        "external_id": "4500016221",
                        "document_version": 7,
                        "body": {
                            "vendor": "KITA",
                            "site": "SYD1",
                            "currency": "AUD",
                            "lines": [{"line_number": "00010", "equipment_class": "chiller", "quantity": "4"}],
                        },
                    },
                    {"op": "cancel", "external_id": "4500016222", "document_version": 3},
                ]
            },
        )
    ]
)
class BulkWrite(serializers.Serializer[Any]):
    rows = BulkRowWrite(  # type: ignore[call-arg]
        many=True,
        allow_empty=False,
        max_length=jobs.MOST_ROWS,
        help_text=f"Up to {MOST_AT_ONCE} are written in the call; up to {jobs.MOST_ROWS} become a job.",
    )


class BulkQuery(LinesModeQuery):
    atomic = serializers.BooleanField(default=False, help_text="All rows or none.")


class RowProblemSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="As in a problem document.")
    title = serializers.CharField(help_text="As in a problem document.")
    status = serializers.IntegerField(help_text="What the row alone would have been answered.")
    code = serializers.CharField(help_text="Stable, for programs.")
    retryable = serializers.BooleanField(help_text="Whether the same row may succeed later, unchanged.")
    detail = serializers.CharField(help_text="For people.")
    errors = FieldErrorSerializer(  # type: ignore[assignment]
        many=True, help_text="Pointers name lines and schedule lines by their numbers: /lines/20/unit."
    )


class BulkOutcomeSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Place in `rows`, from 0.")
    external_id = serializers.CharField(help_text="As sent.")
    status = serializers.IntegerField(help_text="201, 200, 422, ...; 424: not written because of another row.")
    result = serializers.ChoiceField(
        ["created", "updated", "unchanged", "stale_ignored", "failed", "not_written"], help_text="What became of it."
    )
    id = serializers.UUIDField(required=False, help_text="Our id; absent where a dry run would make it.")
    etag = serializers.CharField(required=False, help_text="Of the order; absent as its id.")
    changed = serializers.ListField(required=False, child=serializers.CharField(), help_text="As for one order.")
    warnings = WarningSerializer(many=True, required=False, help_text="As for one order.")
    problem = RowProblemSerializer(required=False, help_text="Of a row that failed.")


class BulkSummarySerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField(help_text="New orders.")
    updated = serializers.IntegerField(help_text="Changed ones.")
    unchanged = serializers.IntegerField(help_text="Those in which nothing differed.")
    stale_ignored = serializers.IntegerField(help_text="Older than the newest seen.")
    failed = serializers.IntegerField(help_text="Refused.")
    not_written = serializers.IntegerField(help_text="Fine alone, but all were wanted or none.")


class BulkSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(help_text="True: nothing was kept.")
    summary = BulkSummarySerializer(help_text="Rows by result.")
    results = BulkOutcomeSerializer(many=True, help_text="In the order of the rows.")


class JobSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Ours.")
    state = serializers.ChoiceField(JobState.choices, help_text="queued, running, done or failed.")
    rows = serializers.IntegerField(help_text="How many were sent.")
    finished_rows = serializers.IntegerField(help_text="Those with an outcome.")
    summary = BulkSummarySerializer(help_text="Outcomes so far.")
    atomic = serializers.BooleanField(help_text="All rows or none.")
    created_at = serializers.DateTimeField(help_text="Instant in UTC.")
    started_at = serializers.DateTimeField(allow_null=True, help_text="Instant in UTC.")
    finished_at = serializers.DateTimeField(allow_null=True, help_text="Instant in UTC.")
    problem = serializers.DictField(allow_null=True, help_text="Why it failed as a whole.")


class JobPageSerializer(PageSerializer):
    items = JobSerializer(many=True, help_text="The oldest first.")


class JobQuery(PageQuery):
    state = serializers.ChoiceField(JobState.choices, required=False, help_text="Only these.")


class JobRowsQuery(serializers.Serializer[Any]):
    after = serializers.IntegerField(default=-1, min_value=-1, help_text="Only rows after this index.")
    limit = serializers.IntegerField(default=100, min_value=1, max_value=500, help_text="Most to answer.")
    result = serializers.ChoiceField(
        _RESULTS,
        required=False,
        help_text="Only these.",
    )


class JobRowsSerializer(serializers.Serializer[Any]):
    items = BulkOutcomeSerializer(many=True, help_text="Rows that have an outcome, by index.")
    has_more = serializers.BooleanField(help_text="True: ask again with `after`.")


_RESPOND: Final = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`respond-async` makes a job of any number of rows; `handling=strict` refuses unknown fields and "
    "parameters.",
)


class BulkOrders(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.ORDERS_WRITE}

    @extend_schema(
        operation_id="bulkUpsertPurchaseOrders",
        summary="Create or change many orders",
        description="Each row is written or refused by itself, and the answer says which; with `atomic=true` one "
        f"refused row keeps all from being written and the answer is 422. More than {MOST_AT_ONCE} rows, or "
        "`respond-async`, become a job: 202 with its address. A dry run of as many is refused with 400.",
        parameters=[BulkQuery, _RESPOND, row_failures(200, 422), location(202), REQUEST_ID],
        request=BulkWrite,
        responses={
            200: BulkSerializer,
            202: JobSerializer,
            422: BulkSerializer,
            **problems(400, 403, 409, 413, 415),
        },
        tags=["purchase orders"],
    )
    def post(self, request: Request) -> Response:
        asked = query(request, BulkQuery)
        sent = checked(BulkWrite, request)["rows"]
        rows, refused, warnings = _read(request, sent)
        client = acting_client(request)
        is_large = len(sent) > MOST_AT_ONCE
        if is_large and asked["dry_run"]:
            raise BadParameter(_("dry_run: at most %(most)d rows are tried at once.") % {"most": MOST_AT_ONCE})
        if is_large or (is_apart(request) and not asked["dry_run"]):
            job = jobs.ask(
                client=client,
                rows=rows,
                refused=refused,
                lines_mode=asked["lines_mode"],
                atomic=asked["atomic"],
                request_id=request_id(request),
            )
            headers = {"Location": reverse("api-v1:job", args=[job.pk]), "Retry-After": "5"}
            answer = Response(_job(job), status=202, headers=headers)
            if is_apart(request):
                applied(answer, "respond-async")
            return answer
        spoiled = asked["atomic"] and bool(refused)
        done = (
            [bulk.not_written(row.place, row.external_id) for row in rows]
            if spoiled
            else bulk.write(
                rows,
                system=client.system,
                actor=acting_user(request),
                now=clock(),
                lines_mode=asked["lines_mode"],
                atomic=asked["atomic"],
                request_id=request_id(request),
            )
        )
        outcomes = sorted([*done, *refused], key=lambda each: int(each["index"]))
        for each in outcomes:
            if "warnings" in each and each["index"] in warnings:
                each["warnings"] = [*each["warnings"], *warnings[each["index"]]]
        summary = _summary(outcomes)
        shown = {
            "dry_run": asked["dry_run"],
            "summary": summary,
            "results": [_shown(each, dry_run=asked["dry_run"]) for each in outcomes],
        }
        is_refused = asked["atomic"] and summary["failed"] > 0
        return Response(shown, status=422 if is_refused else 200, headers={"X-Row-Failures": str(summary["failed"])})


class Jobs(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": None}

    @extend_schema(
        operation_id="listJobs",
        summary="The jobs of this client",
        description="Those of the calling client, the oldest first.",
        parameters=[JobQuery, REQUEST_ID],
        responses={200: JobPageSerializer, **problems(400)},
        tags=["jobs"],
    )
    def get(self, request: Request) -> Response:
        said = query(request, JobQuery)
        rows = Job.objects.filter(client=acting_client(request))
        if "state" in said:
            rows = rows.filter(state=said["state"])
        return page(request, rows, "pk", _jobs, JobSerializer)


class JobView(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": None}

    @extend_schema(
        operation_id="readJob",
        summary="How far a job is",
        description="Those of the caller's own client.",
        parameters=[REQUEST_ID],
        responses={200: JobSerializer, **problems(404)},
        tags=["jobs"],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        return Response(_job(_own(request, job_id)))


class JobRows(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": None}

    @extend_schema(
        operation_id="listJobRows",
        summary="What became of the rows of a job",
        description="In the order they were sent, each as in the answer of a bulk.",
        parameters=[JobRowsQuery, REQUEST_ID],
        responses={200: JobRowsSerializer, **problems(400, 404)},
        tags=["jobs"],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        asked = query(request, JobRowsQuery)
        rows = _own(request, job_id).rows.filter(place__gt=asked["after"], outcome__isnull=False)
        if "result" in asked:
            rows = rows.filter(outcome__result=asked["result"])
        found = list(rows.order_by("place").values_list("outcome", flat=True)[: asked["limit"] + 1])
        shown = [_shown(each) for each in found[: asked["limit"]] if each is not None]
        return Response({"items": shown, "has_more": len(found) > asked["limit"]})


def _own(request: Request, job_id: UUID) -> Job:
    job = Job.objects.filter(pk=job_id, client=acting_client(request)).first()
    if job is None:
        raise NotFound(_("There is no such job."))
    return job


def _read(
    request: Request, sent: list[dict[str, Any]]
) -> tuple[list[BulkRow], list[Outcome], dict[int, list[dict[str, Any]]]]:
    """The rows that can be tried, those that cannot, and what each sender should know."""
    own, strict, shape = acting_client(request).system, is_strict(request), order_shape()
    rows: list[BulkRow] = []
    refused: list[Outcome] = []
    warnings: dict[int, list[dict[str, Any]]] = {}
    for place, said in enumerate(sent):
        row, errors, unknown = _row(place, said, own, shape)
        if strict and unknown:
            errors, unknown = [*errors, *unknown], []
        if errors or row is None:
            detail = _("The request is not valid.")
            plain = [_plain(each) for each in errors]
            refused.append(bulk.failed(place, said["external_id"], 422, "validation_error", detail, plain))
            continue
        rows.append(row)
        if unknown:
            warnings[place] = [_plain(each) for each in unknown]
    return rows, refused, warnings


def _row(
    place: int, said: Mapping[str, Any], own: str, shape: OrderWrite
) -> tuple[BulkRow | None, list[FieldError], list[FieldError]]:
    if "refused" in said:
        return None, said["refused"], []
    name, version = said["external_id"], said.get("document_version")
    errors = _errors_of_name(name)
    if said.get("system", own) != own:
        errors.append(
            FieldError("/system", "foreign_system", _("This client writes the ids of %(own)s.") % {"own": own})
        )
    if said["op"] == "cancel":
        try:
            read = None if version is None else read_version(version).text
        except BadInput as refusal:
            return None, [*errors, FieldError("/document_version", "invalid", refusal.message)], []
        return (None if errors else BulkRow(place, name, None, read)), errors, []
    sent = dict(said.get("body", {}))
    if version is not None:
        sent.setdefault("document_version", version)
    try:
        body = shape.run_validation(sent)
    except serializers.ValidationError as refusal:
        return None, [*errors, *(_numbered(each, sent) for each in flat(refusal.detail, ""))], []
    unknown = [_numbered(each, sent) for each in unknown_fields(shape, sent)]
    if errors:
        return None, errors, unknown
    return BulkRow(place, name, document_of(body, by_number=True)), [], unknown


def _errors_of_name(name: str) -> list[FieldError]:
    try:
        check_text(name, "external_id", longest=80)
    except BadInput as refusal:
        return [FieldError("/external_id", "invalid", refusal.message)]
    return []


def _numbered(error: FieldError, sent: Mapping[str, Any]) -> FieldError:
    """The same place, by line and schedule number where they are said."""
    parts = (error.pointer or "").split("/")
    at: Any = sent
    for place, part in enumerate(parts[1:], start=1):
        at = at.get(part) if isinstance(at, Mapping) else _item(at, part)
        number = at.get("schedule_number" if place > 2 else "line_number") if isinstance(at, Mapping) else None
        if part.isdigit() and isinstance(number, int | str) and str(number).isdigit() and len(str(number)) < 7:
            parts[place] = str(int(number))
    return FieldError("/".join(parts) or None, error.code, error.detail)


def _item(values: Any, part: str) -> Any:
    is_there = isinstance(values, list) and part.isdigit() and int(part) < len(values)
    return values[int(part)] if is_there else None


def _plain(error: FieldError) -> dict[str, Any]:
    return {"pointer": error.pointer, "code": error.code, "detail": error.detail}


def _summary(outcomes: list[Outcome]) -> dict[str, int]:
    return {name: sum(each["result"] == name for each in outcomes) for name in _RESULTS}


def _shown(outcome: Outcome, *, dry_run: bool = False) -> dict[str, Any]:
    shown = {name: value for name, value in outcome.items() if name != "version"}
    if dry_run and outcome["result"] == "created":
        del shown["id"]
    elif "version" in outcome:
        shown["etag"] = etag(outcome["version"])
    if "problem" in outcome:
        said = outcome["problem"]
        kind = f"/problems/{said['code'].replace('_', '-')}"
        title, retryable = titles().get(said["status"], ""), is_retryable(said["status"])
        shown["problem"] = {"type": kind, "title": title, "retryable": retryable, **said}
    return shown


def _job(job: Job) -> dict[str, Any]:
    return _jobs([job])[0]


def _jobs(found: list[Job]) -> list[dict[str, Any]]:
    """With how far each is, in one query for all."""
    counted = JobRow.objects.filter(job__in=found).values_list("job", "outcome__result").annotate(number=Count("pk"))
    rows: dict[UUID, dict[str | None, int]] = defaultdict(dict)
    for key, result, number in counted.order_by():
        rows[key][result] = number
    return [_job_shown(job, rows[job.pk]) for job in found]


def _job_shown(job: Job, rows: Mapping[str | None, int]) -> dict[str, Any]:
    return dict(
        JobSerializer(
            {
                "id": job.pk,
                "state": job.state,
                "rows": sum(rows.values()),
                "finished_rows": sum(number for result, number in rows.items() if result is not None),
                "summary": {name: rows.get(name, 0) for name in _RESULTS},
                "atomic": job.atomic,
                "created_at": job.created_at,
                "started_at": job.started_at,
                "finished_at": job.finished_at,
                "problem": job.problem,
            }
        ).data
    )
