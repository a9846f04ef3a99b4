"""Schedule lines, one row each, with all their fields: the list that another system copies from."""

from typing import Any, ClassVar, Final

from django.http import QueryDict
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_user
from procurement.api.errors import BadParameter
from procurement.api.fields import Amount, Day, ExactDecimal
from procurement.api.v1.order_shapes import ExternalIdSerializer
from procurement.api.v1.pages import PageQuery, PageSerializer, after, answer
from procurement.api.v1.shapes import REQUEST_ID, problems
from procurement.api.view import ClientView, query
from procurement.queries import order_lines
from procurement.queries.log import LogFilter, Shown
from procurement.queries.log_address import find_view, read_filter
from procurement.vocabulary import CommercialStatus, FinancialStatus, LineStatus, OrderKind, ViewList
from sites.accounts.models import User
from sites.accounts.permissions import Scope

VIEW_HELP: Final = "The name in the address of a saved view of the log that this client may use: its filter."
_SHOWN: Final = [each.value for each in Shown]


class OrderLineQuery(PageQuery):
    filter = serializers.CharField(required=False, max_length=90, help_text=VIEW_HELP)
    site = serializers.CharField(required=False, max_length=20, help_text="Code of the ship-to site.")
    vendor = serializers.CharField(required=False, max_length=40, help_text="Code of the seller or the maker.")
    equipment_class = serializers.CharField(required=False, max_length=40, help_text="Code of the class.")
    late = serializers.BooleanField(required=False, help_text="Only those expected after they are required.")
    shown = serializers.ChoiceField(_SHOWN, required=False, help_text="Default: all of them.")
    text = serializers.CharField(
        required=False, max_length=80, help_text="Words, each of which stands in the order, its line, tags or names."
    )


class OrderLineRowSerializer(serializers.Serializer[Any]):
    """One schedule line with its line, its order, and what the tracker knows of it."""

    id = serializers.UUIDField(help_text="Our id of the schedule line.")
    order = serializers.UUIDField(help_text="Our id of the order.")
    order_version = serializers.IntegerField(help_text="The number in the order's ETag.")
    number = serializers.CharField(help_text="The order number people use.")
    external_ids = ExternalIdSerializer(many=True, help_text="What other systems call the order.")
    order_title = serializers.CharField(allow_blank=True, help_text="Free text.")
    order_kind = serializers.ChoiceField(OrderKind.choices, help_text="order, frame or call_off.")
    order_status = serializers.ChoiceField(CommercialStatus.choices, help_text="Commercial status.")
    financial_status = serializers.ChoiceField(FinancialStatus.choices, help_text="Of the order.")
    vendor = serializers.CharField(help_text="Code of the seller.")
    vendor_name = serializers.CharField(help_text="Its name.")
    issued_on = Day(allow_null=True, help_text="The day the order went out.")
    currency = serializers.CharField(help_text="ISO 4217; XXX where a document named one that is not.")
    incoterm = serializers.CharField(allow_blank=True, help_text="One of the eleven; else the text as sent.")
    incoterm_place = serializers.CharField(allow_blank=True, help_text="The named place.")
    document_version = serializers.CharField(allow_blank=True, help_text="Of the order, last applied.")
    line_number = serializers.IntegerField(help_text="10, 20, 30.")
    external_line_id = serializers.CharField(allow_blank=True, help_text="Your own id of the line.")
    line_status = serializers.ChoiceField(LineStatus.choices, help_text="Of the whole line.")
    description = serializers.CharField(allow_blank=True, help_text="Free text.")
    equipment_class = serializers.CharField(help_text="Code of the class.")
    plant = serializers.CharField(allow_null=True, help_text="COMPANY/PLANT; null where it is not known.")
    unit = serializers.CharField(help_text="UN/ECE Recommendation 20.")
    unit_price = Amount(allow_null=True, help_text="In the order's currency; null without the right to amounts.")
    over_delivery_percent = ExactDecimal(help_text="How much more than ordered may be received.")
    schedule_number = serializers.IntegerField(help_text="Within the line.")
    status = serializers.ChoiceField(LineStatus.choices, help_text="Of the schedule line.")
    site = serializers.CharField(allow_null=True, help_text="Code of the ship-to site.")
    quantity = ExactDecimal(help_text="In the line's unit.")
    contractual_date = Day(allow_null=True, help_text="What the vendor is bound to.")
    contract_step = serializers.CharField(help_text="The milestone at which that date applies.")
    contract_step_assumed = serializers.BooleanField(help_text="True: the delivery term was unknown.")
    tags = serializers.ListField(child=serializers.CharField(), help_text="Of the requirements it serves.")
    required_on_site = Day(allow_null=True, help_text="The earliest of those it serves.")
    promised_on = Day(allow_null=True, help_text="What the vendor says, at the contract step.")
    forecast_on = Day(allow_null=True, help_text="On site, of its last open lot; moves by itself, so no ETag.")
    delivered_on = Day(allow_null=True, help_text="The day all of it was on site.")
    next_milestone_on = Day(allow_null=True, help_text="When the next step is expected.")
    float_days = serializers.IntegerField(allow_null=True, help_text="Of its worst lot; below zero is late.")
    slip_days = serializers.IntegerField(allow_null=True, help_text="Later than the contract, in days.")
    late = serializers.BooleanField(help_text="Open, and expected after it is required.")


class OrderLinePageSerializer(PageSerializer):
    items = OrderLineRowSerializer(many=True, help_text="The oldest record first.")


class OrderLines(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.ORDERS_READ}

    @extend_schema(
        operation_id="listPurchaseOrderLines",
        summary="The schedule lines in sight, with all their fields",
        description="One row a schedule line: what the ERP said and what the tracker computes, for a copy or a report. "
        "For what changed since, read the change feed.",
        parameters=[OrderLineQuery, REQUEST_ID],
        responses={200: OrderLinePageSerializer, **problems(400)},
        tags=["purchase orders"],
    )
    def get(self, request: Request) -> Response:
        actor = acting_user(request)
        said = query(request, OrderLineQuery)
        cursor, limit = after(said, is_key=True), said["limit"]
        assert not isinstance(cursor, str)  # it is read as a key
        found = order_lines.rows(actor, _filter(said, actor), after=cursor, limit=limit + 1)
        more = found[limit - 1]["id"] if len(found) > limit else None
        return answer(request, said, found[:limit], more, OrderLineRowSerializer)


def _filter(said: dict[str, Any], actor: User) -> LogFilter:
    """What the call says itself goes before what its view says."""
    from_view = of_view(said["filter"], actor) if "filter" in said else LogFilter(shown=Shown.ALL)
    return LogFilter(
        site=said.get("site", from_view.site),
        equipment_class=said.get("equipment_class", from_view.equipment_class),
        vendor=said.get("vendor", from_view.vendor),
        late=said.get("late", from_view.late),
        text=said.get("text", from_view.text),
        shown=Shown(said.get("shown", from_view.shown)),
    )


def of_view(slug: str, actor: User) -> LogFilter:
    """Raises BadParameter for a view that is none, of another list, or of a past day."""
    view = find_view(actor, slug)
    if view is None or view.listing != ViewList.LOG:
        raise BadParameter(_("filter: There is no such view of the log."))
    wanted = read_filter(QueryDict(view.query))
    if wanted.as_known_on is not None:
        raise BadParameter(_("filter: This view is of a past day."))
    return wanted
