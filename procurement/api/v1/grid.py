"""Grid connections: listed, read, added and changed; their capacity in steps, their works, their state."""

from dataclasses import replace
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import check_tag, two_part_tag
from procurement.api.auth import acting_user
from procurement.api.fields import Day, ExactDecimal, Text
from procurement.api.v1.answer_headers import ETAG, location
from procurement.api.v1.bodies import checked
from procurement.api.v1.shapes import REQUEST_ID, example, problems
from procurement.api.view import ClientView, clock, is_known, not_modified, query
from procurement.queries import power
from procurement.queries.agreement import fingerprint
from procurement.services import grid
from procurement.services.grid import CapacityStep, ConnectionTerms
from sites.accounts.models import User
from sites.accounts.permissions import Scope
from sites.domain.errors import BadInput, NotFound
from sites.models import GridConnection, Site
from sites.vocabulary import GridState

_IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag you read: 428 where it is missing, 412 where the connection changed since. A forecast that "
    "has moved is no change of it.",
)
_IF_NONE_MATCH: Final = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag you have; 304 if it still holds, forecasts and all.",
)
_KEY: Final = OpenApiParameter(
    "Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER, description="16 to 64 printable characters."
)
_TERMS: Final = (
    "name", "utility", "requested_mw", "offered_mw", "firm_mw", "flexible_mw", "voltage_kv", "energisation_target_on",
    "offer_expires_on",
)  # fmt: skip
_COMPUTED: Final = ("energisation_forecast_on", "days_later")


class GridConnectionShape(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id.")
    site = serializers.CharField(help_text="Code of the site.")
    name = serializers.CharField(help_text="Unique within the site.")
    utility = serializers.CharField(help_text="Who connects.")
    state = serializers.CharField(help_text="enquiry to capacity_released.")
    requested_mw = ExactDecimal(help_text="Asked for.")
    offered_mw = ExactDecimal(allow_null=True, help_text="Offered.")
    firm_mw = ExactDecimal(allow_null=True, help_text="Always available.")
    flexible_mw = ExactDecimal(allow_null=True, help_text="On top of it; may be interrupted.")
    energisation_target_on = Day(allow_null=True, help_text="As agreed.")
    energisation_forecast_on = Day(allow_null=True, help_text="Our own, computed; the actual day where it happened.")
    days_later = serializers.IntegerField(allow_null=True, help_text="Forecast less target.")
    offer_expires_on = Day(allow_null=True, help_text="The offer lapses after it.")


class CapacityStepShape(serializers.Serializer[Any]):
    """All the capacity from then on, not what it adds; reached once the connection is energised and what it names."""

    firm_mw = ExactDecimal(help_text="Always available.")
    flexible_mw = ExactDecimal(default="0", help_text="On top of it; may be interrupted.")  # type: ignore[arg-type]
    from_on = Day(required=False, allow_null=True, default=None, help_text="Not before this day.")
    milestone_code = Text(
        required=False, allow_blank=True, default="", max_length=40, help_text="Not before this step of its chain."
    )
    works = Text(required=False, allow_blank=True, default="", max_length=120, help_text="Not before these works.")


class NetworkWorksShape(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id: its dates are at `/network-works/{id}/date-revisions`.")
    name = serializers.CharField(help_text="Unique within the connection.")
    contractor = serializers.CharField(allow_blank=True, help_text="Who does them.")
    complete_on = Day(allow_null=True, help_text="Done or forecast.")


class WholeConnectionShape(GridConnectionShape):
    voltage_kv = ExactDecimal(allow_null=True, help_text="In kilovolts.")
    owner = serializers.CharField(allow_blank=True, help_text="User name; empty: the energy lead is told.")
    calendar = serializers.CharField(allow_blank=True, help_text="Its working days; empty: those of the site.")
    capacity_steps = CapacityStepShape(many=True, help_text="By number; the reached one with the highest counts.")
    works = NetworkWorksShape(many=True, help_text="By name.")


class GridListShape(serializers.Serializer[Any]):
    items = GridConnectionShape(many=True, help_text="The latest against their target first.")


class GridQuery(serializers.Serializer[Any]):
    site = serializers.CharField(required=False, max_length=20, help_text="Only of this site.")


class ConnectionWrite(serializers.Serializer[Any]):
    name = Text(max_length=120, help_text="Unique within the site.")
    utility = Text(max_length=120, help_text="Who connects.")
    requested_mw = ExactDecimal(help_text="Asked for; above 0, at most 5000, with at most 3 decimals.")
    offered_mw = ExactDecimal(required=False, allow_null=True, help_text="Offered; null: not known.")
    firm_mw = ExactDecimal(required=False, allow_null=True, help_text="Always available; within what is offered.")
    flexible_mw = ExactDecimal(required=False, allow_null=True, help_text="On top of it; may be interrupted.")
    voltage_kv = ExactDecimal(required=False, allow_null=True, help_text="In kilovolts, with at most 1 decimal.")
    energisation_target_on = Day(required=False, allow_null=True, help_text="As agreed.")
    offer_expires_on = Day(required=False, allow_null=True, help_text="The offer lapses after it.")
    owner = Text(
        required=False, allow_blank=True, max_length=120, help_text="User name of somebody with a right at the site."
    )
    calendar = Text(required=False, allow_blank=True, max_length=120, help_text="Name of a work calendar.")


class NewConnectionWrite(ConnectionWrite):
    site = Text(max_length=20, help_text="Code of the site.")


class ConnectionChange(ConnectionWrite):
    """Only what is said changes; null empties."""

    state = serializers.ChoiceField(
        GridState.choices, required=False, help_text="Forward by any number of states, or one back."
    )
    capacity_steps = CapacityStepShape(  # type: ignore[call-arg]
        many=True, required=False, max_length=100, help_text="All of them, in order; an empty list takes them away."
    )


class WorksWrite(serializers.Serializer[Any]):
    name = Text(max_length=120, help_text="Unique within the connection.")
    contractor = Text(required=False, allow_blank=True, default="", max_length=120, help_text="Who does them.")
    planned_on = Day(
        required=False,
        allow_null=True,
        default=None,
        help_text=f"Design done: works begin {grid.WORKS_AFTER_DAYS} calendar days later and take "
        f"{grid.WORKS_TAKE_DAYS}, until dates are recorded. Null: the first date said counts.",
    )


class GridConnections(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.POWER_READ, "POST": Scope.POWER_WRITE}

    @extend_schema(
        operation_id="listGridConnections",
        summary="List grid connections",
        description="Those of the sites in sight, with the forecast of their energisation.",
        parameters=[GridQuery, REQUEST_ID],
        responses={200: GridListShape, **problems(400)},
        tags=["power"],
    )
    def get(self, request: Request) -> Response:
        asked = query(request, GridQuery)
        rows = power.grid(acting_user(request), site=asked.get("site", ""))
        return Response(GridListShape({"items": [_listed(row) for row in rows]}).data)

    @extend_schema(
        operation_id="addGridConnection",
        summary="Add a grid connection to a site",
        description="It starts as an enquiry, with the usual way to released capacity.",
        parameters=[_KEY, ETAG, location(201), REQUEST_ID],
        request=NewConnectionWrite,
        responses={201: WholeConnectionShape, **problems(400, 409, 413, 415, 422)},
        examples=[
            example(
                "An enquiry",
                site="SYD01",
                name="North feed",
                utility="The utility",
                requested_mw="60",
                voltage_kv="132",
            )
        ],
        tags=["power"],
    )
    def post(self, request: Request) -> Response:
        actor = acting_user(request)
        said = checked(NewConnectionWrite, request)
        code = said.pop("site")
        site = Site.objects.visible_to(actor).filter(code=code).first()
        if site is None:
            raise BadInput(_("There is no site %(code)s.") % {"code": code}, field="site")
        added = grid.add_connection(site_id=site.pk, terms=ConnectionTerms(**said), actor=actor, now=clock())
        return _answer(actor, added.pk, status=201)


class OneGridConnection(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.POWER_READ, "PATCH": Scope.POWER_WRITE}

    @extend_schema(
        operation_id="readGridConnection",
        summary="Read a grid connection with its capacity and works",
        description="Its ETag is what a PATCH names in `If-Match`.",
        parameters=[_IF_NONE_MATCH, ETAG, REQUEST_ID],
        responses={200: WholeConnectionShape, 304: None, **problems(404)},
        tags=["power"],
    )
    def get(self, request: Request, key: UUID) -> Response:
        shown = _whole(acting_user(request), key)
        tag = _tag(shown)
        return not_modified(tag) if is_known(request, tag) else Response(shown, headers={"ETag": tag})

    @extend_schema(
        operation_id="changeGridConnection",
        summary="Change a grid connection, its capacity or its state",
        description="Only what is said changes, together or not at all. Its dates are said at `date-revisions`.",
        parameters=[_IF_MATCH, ETAG, location(200), REQUEST_ID],
        request=ConnectionChange,
        responses={200: WholeConnectionShape, **problems(400, 404, 409, 412, 413, 415, 422, 428)},
        examples=[
            example("An offer came", state="offered", offered_mw="60", firm_mw="40", offer_expires_on="2027-03-31")
        ],
        tags=["power"],
    )
    def patch(self, request: Request, key: UUID) -> Response:
        actor = acting_user(request)
        # Locked before it is compared: of two changes from one reading the second must find another tag.
        GridConnection.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=key).first()
        check_tag(request, _tag(_whole(actor, key)))
        said = checked(ConnectionChange, request, partial=True)
        state, steps, now = said.pop("state", None), said.pop("capacity_steps", None), clock()
        found = _find(actor, key)
        if said:
            terms = replace(_terms(found), **said)
            found = grid.change_connection(connection_id=key, terms=terms, actor=actor, now=now)
        if steps is not None:
            grid.save_capacity(
                connection_id=key,
                steps=[CapacityStep(**step) for step in steps],
                offer_expires_on=found.offer_expires_on,
                actor=actor,
                now=now,
                path="capacity_steps",
            )
        if state is not None and state != found.state:
            grid.move_connection(connection_id=key, state=GridState(state), actor=actor, now=now)
        return _answer(actor, key)


class GridConnectionWorks(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"POST": Scope.POWER_WRITE}

    @extend_schema(
        operation_id="addNetworkWorks",
        summary="Add works of the utility to a grid connection",
        description="Works that the connection waits for, with steps of their own: design, works, completion. "
        "`complete_on` of the answer is the last of them. A completion that the utility has named is recorded at "
        "`/network-works/{id}/date-revisions` as a promise of `COMPLETE`.",
        parameters=[_KEY, ETAG, location(201), REQUEST_ID],
        request=WorksWrite,
        responses={201: WholeConnectionShape, **problems(400, 404, 409, 413, 415, 422)},
        examples=[
            example(
                "Works of the utility", name="Second transformer", contractor="The utility", planned_on="2027-09-01"
            )
        ],
        tags=["power"],
    )
    def post(self, request: Request, key: UUID) -> Response:
        actor = acting_user(request)
        body = checked(WorksWrite, request)
        grid.add_works(connection_id=key, actor=actor, now=clock(), **body)
        return _answer(actor, key, status=201)


def _find(actor: User, key: UUID) -> GridConnection:
    rows = GridConnection.objects.visible_to(actor).select_related("site", "owner", "calendar")
    found: GridConnection | None = rows.filter(pk=key).first()
    if found is None:
        raise NotFound(_("There is no such grid connection."))
    return found


def _terms(found: GridConnection) -> ConnectionTerms:
    """As it stands; only what is said is put in their place."""
    known: dict[str, Any] = {name: getattr(found, name) for name in _TERMS} | _names(found)
    return ConnectionTerms(**known)


def _names(found: GridConnection) -> dict[str, str]:
    return {
        "owner": found.owner.username if found.owner else "",
        "calendar": found.calendar.name if found.calendar else "",
    }


def _listed(view: power.GridView) -> dict[str, Any]:
    row = view.connection
    return {name: getattr(row, name) for name in (*_TERMS, "state")} | {
        "id": row.pk,
        "site": row.site.code,
        "energisation_forecast_on": (view.answer.done_on or view.answer.forecast_on) if view.answer else None,
        "days_later": view.days_later,
    }


def _whole(actor: User, key: UUID) -> dict[str, Any]:
    found = _find(actor, key)
    view = power.grid_view(found)
    steps = found.capacity_steps.select_related("works").order_by("number")
    shown: dict[str, Any] = _listed(view) | _names(found)
    shown["capacity_steps"] = [
        {
            "firm_mw": step.firm_mw,
            "flexible_mw": step.flexible_mw,
            "from_on": step.from_on,
            "milestone_code": step.milestone_code,
            "works": step.works.name if step.works else "",
        }
        for step in steps
    ]
    shown["works"] = [
        {"id": row.pk, "name": row.name, "contractor": row.contractor, "complete_on": on}
        for row, on in power.works_of(found)
    ]
    return dict(WholeConnectionShape(shown).data)


def _answer(actor: User, key: UUID, *, status: int = 200) -> Response:
    shown = _whole(actor, key)
    where = reverse("api-v1:grid-connection", args=[key])
    return Response(shown, status=status, headers={"ETag": _tag(shown), "Location": where})


def _tag(shown: dict[str, Any]) -> str:
    """Forecasts move by night, and a change made from yesterday's reading overwrites nothing of them."""
    computed = {name: shown[name] for name in _COMPUTED} | {"works": [each["complete_on"] for each in shown["works"]]}
    written = {name: value for name, value in shown.items() if name not in _COMPUTED}
    written["works"] = [{**each, "complete_on": None} for each in shown["works"]]
    return two_part_tag(fingerprint(written), fingerprint(computed))
