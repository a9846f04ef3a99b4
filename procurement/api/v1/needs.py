"""What is needed and what stands in its way: requirements, milestones of lots, alerts and the answers to them."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_user
from procurement.api.fields import Day, ExactDecimal, Text
from procurement.api.v1.bodies import checked
from procurement.api.v1.pages import PageQuery, PageSerializer, fields_of, page
from procurement.api.v1.shapes import REQUEST_ID, problems
from procurement.api.view import ClientView, clock, query, request_id
from procurement.models import Alert, DeliveryLot, Requirement
from procurement.services import alert_answers, alerts
from procurement.vocabulary import AlertState
from sites.accounts.permissions import Scope
from sites.domain.errors import NotFound
from sites.models import Milestone

_SITE_HELP: Final = "Code of a site; only there."


class SiteQuery(PageQuery):
    site = serializers.CharField(required=False, max_length=20, help_text=_SITE_HELP)


class RequirementSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    site = serializers.CharField(help_text="Code of the site.")
    tag = serializers.CharField(help_text="Unique within the site.")
    description = serializers.CharField(allow_blank=True, help_text="Free text.")
    equipment_class = serializers.CharField(help_text="Code of the class.")
    quantity = ExactDecimal(help_text="In `unit`.")
    unit = serializers.CharField(help_text="UN/ECE Recommendation 20.")
    required_on_site = Day(allow_null=True, help_text="Latest day it must be at the site; null: no date yet.")
    criticality = serializers.CharField(help_text="How much hangs on it.")
    cancelled = serializers.BooleanField(help_text="True: no longer needed.")


class RequirementPageSerializer(PageSerializer):
    items = RequirementSerializer(many=True, help_text="The oldest record first.")


class MilestoneSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    order = serializers.UUIDField(help_text="Our id of the order.")
    line_number = serializers.IntegerField(help_text="10, 20, 30.")
    schedule_number = serializers.IntegerField(help_text="Within the line.")
    lot_number = serializers.IntegerField(help_text="Within the schedule line.")
    code = serializers.CharField(help_text="Milestone code.")
    sequence = serializers.IntegerField(help_text="Place in the chain.")
    applicable = serializers.BooleanField(help_text="False: this lot does not pass it.")
    actual_on = Day(allow_null=True, help_text="The day it happened; null: not yet.")
    locked_on = Day(allow_null=True, help_text="Pinned by a person; null: not.")


class MilestonePageSerializer(PageSerializer):
    items = MilestoneSerializer(many=True, help_text="Those of the lots in sight.")


class AlertQuery(SiteQuery):
    state = serializers.ChoiceField(AlertState.choices, required=False, help_text="Default: those that stand.")


class AlertSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    rule = serializers.CharField(help_text="What should not be so.")
    state = serializers.ChoiceField(AlertState.choices, help_text="Where it stands.")
    severity = serializers.CharField(help_text="How bad it is.")
    lane = serializers.CharField(help_text="How soon people are told.")
    band = serializers.IntegerField(help_text="The highest band told; it mails again in a higher one.")
    site = serializers.CharField(allow_null=True, help_text="Code of the site; null: of the portfolio.")
    subject_kind = serializers.CharField(help_text="What it is about.")
    subject_id = serializers.UUIDField(help_text="Our id of it.")
    subject = serializers.CharField(help_text="For people.")
    cause = serializers.CharField(allow_blank=True, help_text="What moved it; for people.")
    days = serializers.IntegerField(allow_null=True, help_text="How bad, in days of the rule; null: it counts none.")
    opened_at = serializers.DateTimeField(help_text="Instant in UTC.")
    acknowledged_at = serializers.DateTimeField(allow_null=True, help_text="Instant in UTC.")
    commitment_on = Day(allow_null=True, help_text="By when it is meant to be better.")
    snoozed_until = Day(allow_null=True, help_text="It asks again at the start of this day at the site.")
    closed_at = serializers.DateTimeField(allow_null=True, help_text="Instant in UTC.")


class AlertPageSerializer(PageSerializer):
    items = AlertSerializer(many=True, help_text="The oldest first.")


_NOTE: Final = {"required": False, "max_length": 500, "allow_blank": True, "default": ""}


@extend_schema_serializer(
    examples=[OpenApiExample("Known", request_only=True, value={"commitment_on": "2026-12-18", "note": "Air freight"})]
)
class AcknowledgeWrite(serializers.Serializer[Any]):
    commitment_on = Day(required=False, help_text="By when it will be better.")
    note = Text(lines=True, help_text="For those who read the alert.", **_NOTE)


@extend_schema_serializer(examples=[OpenApiExample("Later", request_only=True, value={"until_on": "2026-12-01"})])
class SnoozeWrite(serializers.Serializer[Any]):
    until_on = Day(help_text="It asks again at the start of this day at the site.")
    note = Text(lines=True, help_text="For those who read the alert.", **_NOTE)


@extend_schema_serializer(examples=[OpenApiExample("Over", request_only=True, value={"note": "It came today"})])
class ResolveWrite(serializers.Serializer[Any]):
    note = Text(lines=True, help_text="For those who read the alert.", **_NOTE)


class Requirements(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ}

    @extend_schema(
        operation_id="listRequirements",
        summary="What the sites need",
        description="What is needed where, by when, and how many.",
        parameters=[SiteQuery, REQUEST_ID],
        responses={200: RequirementPageSerializer, **problems(400)},
        tags=["requirements"],
    )
    def get(self, request: Request) -> Response:
        asked = query(request, SiteQuery)
        rows = Requirement.objects.visible_to(acting_user(request)).select_related("site", "equipment_class")
        if "site" in asked:
            rows = rows.filter(site__code=asked["site"])
        return page(request, rows, "pk", lambda found: [_requirement(each) for each in found], RequirementSerializer)


class Milestones(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ}

    @extend_schema(
        operation_id="listMilestones",
        summary="The steps of what is ordered",
        description="Of lots at the sites in sight: which are done, pinned or passed over.",
        parameters=[SiteQuery, REQUEST_ID],
        responses={200: MilestonePageSerializer, **problems(400)},
        tags=["milestones"],
    )
    def get(self, request: Request) -> Response:
        asked = query(request, SiteQuery)
        lots = DeliveryLot.objects.visible_to(acting_user(request)).filter(quantity__gt=0)
        if "site" in asked:
            lots = lots.filter(schedule_line__site__code=asked["site"])
        rows = Milestone.objects.filter(chain__in=lots.values("chain")).select_related(
            "chain__lot__schedule_line__line"
        )
        return page(request, rows, "pk", lambda found: [_milestone(each) for each in found], MilestoneSerializer)


class Alerts(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ALERTS_READ}

    @extend_schema(
        operation_id="listAlerts",
        summary="What should not be so",
        description="What stands now, the oldest first; with `state` those of that state.",
        parameters=[AlertQuery, REQUEST_ID],
        responses={200: AlertPageSerializer, **problems(400)},
        tags=["alerts"],
    )
    def get(self, request: Request) -> Response:
        asked = query(request, AlertQuery)
        rows = Alert.objects.visible_to(acting_user(request)).select_related("site")
        rows = rows.filter(state=asked["state"]) if "state" in asked else rows.standing()
        if "site" in asked:
            rows = rows.filter(site__code=asked["site"])
        return page(request, rows, "pk", lambda found: [alert_answer(each) for each in found], AlertSerializer)


class OneAlert(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ALERTS_READ}

    @extend_schema(
        operation_id="readAlert",
        summary="One alert",
        description="What it is about, since when, how bad, and what was answered.",
        parameters=[REQUEST_ID],
        responses={200: AlertSerializer, **problems(404)},
        tags=["alerts"],
    )
    def get(self, request: Request, alert_id: UUID) -> Response:
        rows: QuerySet[Alert] = Alert.objects.visible_to(acting_user(request)).select_related("site")
        found = rows.filter(pk=alert_id).first()
        if found is None:
            raise NotFound(_("There is no such alert."))
        return Response(alert_answer(found))


class AcknowledgeAlert(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.ALERTS_WRITE}

    @extend_schema(
        operation_id="acknowledgeAlert",
        summary="Somebody knows and owns it",
        description="As on the alert's page: it asks again when the commitment has passed, and mails again if worse.",
        parameters=[REQUEST_ID],
        request=AcknowledgeWrite,
        responses={200: AlertSerializer, **problems(404)},
        tags=["alerts"],
    )
    def post(self, request: Request, alert_id: UUID) -> Response:
        said = checked(AcknowledgeWrite, request)
        done = alert_answers.acknowledge(
            alert_id=alert_id, actor=acting_user(request), now=clock(), request_id=request_id(request), **said
        )
        return Response(alert_answer(done))


class SnoozeAlert(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.ALERTS_WRITE}

    @extend_schema(
        operation_id="snoozeAlert",
        summary="Ask again later",
        description="It stays open and asks again on that day, or earlier when it gets worse.",
        parameters=[REQUEST_ID],
        request=SnoozeWrite,
        responses={200: AlertSerializer, **problems(404)},
        tags=["alerts"],
    )
    def post(self, request: Request, alert_id: UUID) -> Response:
        said = checked(SnoozeWrite, request)
        done = alert_answers.snooze(
            alert_id=alert_id, actor=acting_user(request), now=clock(), request_id=request_id(request), **said
        )
        return Response(alert_answer(done))


class ResolveAlert(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.ALERTS_WRITE}

    @extend_schema(
        operation_id="resolveAlert",
        summary="Somebody says that it is over",
        description="The facts are looked at at once: the alert is closed where they agree, and refused with 409 where "
        "what raised it still stands.",
        parameters=[REQUEST_ID],
        request=ResolveWrite,
        responses={200: AlertSerializer, **problems(404, 409)},
        tags=["alerts"],
    )
    def post(self, request: Request, alert_id: UUID) -> Response:
        said = checked(ResolveWrite, request)
        done = alerts.resolve(
            alert_id=alert_id, actor=acting_user(request), now=clock(), request_id=request_id(request), **said
        )
        return Response(alert_answer(done))


def _requirement(row: Requirement) -> dict[str, Any]:
    shown = fields_of(row, RequirementSerializer)
    shown |= {
        "site": row.site.code,
        "equipment_class": row.equipment_class.code,
        "quantity": row.quantity,
        "cancelled": row.cancelled_at is not None,
    }
    return dict(RequirementSerializer(shown).data)


def _milestone(row: Milestone) -> dict[str, Any]:
    lot = row.chain.lot
    shown = fields_of(row, MilestoneSerializer)
    shown |= {
        "order": lot.schedule_line.line.order_id,
        "line_number": lot.schedule_line.line.number,
        "schedule_number": lot.schedule_line.number,
        "lot_number": lot.number,
    }
    return dict(MilestoneSerializer(shown).data)


def alert_answer(row: Alert) -> dict[str, Any]:
    shown = fields_of(row, AlertSerializer)
    shown |= {
        "site": row.site.code if row.site else None,
        "subject": row.subject_text,
        "cause": row.cause_text,
        "days": row.measure_days,
    }
    return dict(AlertSerializer(shown).data)
