"""An order on the wire: what may be sent, and what is answered. Written and read shapes are apart."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from procurement.api.fields import Amount, Count, Day, ExactDecimal, FlexDate, PaddedNumber, Text, VersionField
from procurement.api.v1.shapes import WarningSerializer
from procurement.domain.money import in_minor_units
from procurement.domain.order_document import MOST_LINES, LineDocument, LinesMode, OrderDocument, ScheduleDocument
from procurement.queries.order_reading import LineReading, LotReading, OrderReading, ScheduleReading
from procurement.services.order_lines import OrderWarning
from procurement.services.orders import Upserted, UpsertResult
from procurement.vocabulary import (
    CommercialStatus,
    DamagesUnit,
    FinancialStatus,
    LineStatus,
    OrderKind,
)
from sites.domain.imprecise import ImpreciseDate


@extend_schema_serializer(extensions={"x-owner": "erp"}, component_name="ScheduleLineWrite")
class ScheduleWrite(serializers.Serializer[Any]):
    """One quantity and date of a line. What is left out stays as it is."""

    schedule_number = PaddedNumber(help_text="Unique within the line; 1, or 0001 as sent.")
    quantity = ExactDecimal(
        required=False, help_text="In the line's unit; above zero, at most 3 decimals, whole for EA. Required when new."
    )
    contractual_date = FlexDate(
        required=False,
        allow_tbd=False,
        help_text="The date the vendor is bound to. A change of it never moves the baseline; only a change order does.",
    )
    promised_date = FlexDate(
        required=False,
        help_text="What the vendor says now, as the ERP knows it; appended to the ledger of promises when it is news.",
    )
    site = Text(
        required=False,
        max_length=80,
        help_text="Ship-to site: our code or yours. Default: the line's; of a new one, where all others go.",
    )
    status = serializers.ChoiceField(
        LineStatus.choices, required=False, help_text="`cancelled` cancels; nothing is ever deleted."
    )


@extend_schema_serializer(extensions={"x-owner": "erp"}, component_name="OrderLineWrite")
class LineWrite(serializers.Serializer[Any]):
    """One line. Without `schedules`, its quantity and dates are those of its only schedule line."""

    line_number = PaddedNumber(help_text="10, 20, 30; 00010 is 10.")
    external_line_id = Text(required=False, max_length=60, allow_blank=True, help_text="Your own id of the line.")
    status = serializers.ChoiceField(LineStatus.choices, required=False, help_text="`cancelled` cancels the line.")
    description = Text(required=False, max_length=300, allow_blank=True, help_text="Free text.")
    equipment_class = Text(
        required=False,
        max_length=40,
        help_text="Code of the class (or your code of it); required when new, then fixed.",
    )
    plant = Text(required=False, max_length=81, help_text="Where it is made: a plant code, or COMPANY/PLANT.")
    site = Text(required=False, max_length=80, help_text="Ship-to site of its schedule lines. Default: the header's.")
    quantity = ExactDecimal(required=False, help_text="With `schedules`, must be their sum. At most 3 decimals.")
    unit = Text(
        required=False,
        max_length=20,
        help_text="One of `/units` (UN/ECE Recommendation 20), or a code your system maps to one; default EA.",
    )
    unit_price = Amount(
        required=False,
        help_text="In the order's currency; at most two decimals more than the currency has, nothing is rounded.",
    )
    over_delivery_percent = ExactDecimal(
        required=False, help_text="How much more than ordered may be received: 0 to 100, at most 2 decimals; default 0."
    )
    contractual_date = FlexDate(required=False, allow_tbd=False, help_text="Default for the schedule lines.")
    promised_date = FlexDate(required=False, help_text="Default for the schedule lines.")
    schedules = ScheduleWrite(  # type: ignore[call-arg]
        many=True, required=False, max_length=200, help_text="Its schedule lines."
    )


@extend_schema_serializer(extensions={"x-owner": "erp"}, component_name="PurchaseOrderWrite")
class OrderWrite(serializers.Serializer[Any]):
    """A whole order: header, lines, schedule lines. Fields left out stay as they are; null is not a value."""

    document_version = VersionField(
        help_text="Orders your messages: a whole number, or an instant with its offset. Older than seen: ignored."
    )
    number = Text(required=False, max_length=60, help_text="The order number people use; default: your external id.")
    title = Text(required=False, max_length=200, allow_blank=True, help_text="Free text.")
    kind = serializers.ChoiceField(OrderKind.choices, required=False, help_text="Default: order.")
    parent = Text(  # type: ignore[assignment]
        required=False, max_length=80, help_text="Of a call-off: your id, or the number, of its frame order."
    )
    vendor = Text(max_length=80, help_text="The seller: our code of the company, or yours.")
    site = Text(required=False, max_length=80, help_text="Default ship-to site of the lines: our code or yours.")
    revision = Count(required=False, min_value=0, max_value=32767, help_text="Of the order.")
    status = serializers.ChoiceField(
        CommercialStatus.choices,
        required=False,
        help_text="Default of a new order: issued if it has an issue date, else draft. cancelled cancels every line.",
    )
    financial_status = serializers.ChoiceField(FinancialStatus.choices, required=False, help_text="Default: unbilled.")
    issued_on = Day(required=False, help_text="The day the order went out; the actual date of milestone PO_ISSUED.")
    currency = serializers.RegexField(r"^[A-Z]{3}$", max_length=3, help_text="ISO 4217, such as AUD.")
    total_amount = Amount(
        required=False, help_text="What the header states, in `currency`, in no more decimals than the currency has."
    )
    incoterm = Text(required=False, max_length=60, allow_blank=True, help_text="Incoterms 2020: DAP, FCA, ...")
    incoterm_place = Text(required=False, max_length=120, allow_blank=True, help_text="The named place.")
    damages_rate_percent = ExactDecimal(required=False, help_text="Of the price, per `damages_unit`.")
    damages_unit = serializers.ChoiceField(DamagesUnit.choices, required=False, help_text="What the rate is per.")
    damages_cap_percent = ExactDecimal(required=False, help_text="Of the price, at most.")
    damages_grace_days = Count(
        required=False, min_value=0, max_value=32767, help_text="Calendar days before damages run."
    )
    damages_measured_on = Text(required=False, max_length=40, help_text="Milestone code, such as ON_SITE.")
    notice_days = Count(
        required=False, min_value=0, max_value=32767, help_text="Calendar days in which a claim must be notified."
    )
    lines = LineWrite(  # type: ignore[call-arg]
        many=True, max_length=MOST_LINES, help_text=f"At most {MOST_LINES}."
    )


@extend_schema_serializer(extensions={"x-owner": "erp"}, component_name="PurchaseOrderChange")
class OrderChange(OrderWrite):
    """What changes of an order. Fields and lines left out stay as they are; null is not a value."""

    document_version = VersionField(
        required=False, help_text="As in a whole document: older than seen is ignored. Default: nothing is."
    )
    vendor = Text(required=False, max_length=80, help_text="The seller: our code of the company, or yours.")
    currency = serializers.RegexField(r"^[A-Z]{3}$", required=False, max_length=3, help_text="ISO 4217, such as AUD.")
    lines = LineWrite(  # type: ignore[call-arg]
        many=True, required=False, max_length=MOST_LINES, help_text="Those that change, by their number."
    )


@cache
def order_shape() -> OrderWrite:
    """One for all calls, to read bodies by: that leaves nothing in it, and its fields need not be copied each time."""
    return OrderWrite()


class LinesModeQuery(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(default=False, help_text="Try all of it, keep nothing.")
    lines_mode = serializers.ChoiceField(
        [mode.value for mode in LinesMode], default=LinesMode.MERGE.value, help_text="Absent lines: kept or cancelled."
    )


def document_of(said: Mapping[str, Any], *, by_number: bool = False) -> OrderDocument:
    """What the service takes, from validated data; its parts named by their place, or by line and schedule number."""
    header = {name: value for name, value in said.items() if name not in {"document_version", "lines"}}
    _words(header, kind=OrderKind, status=CommercialStatus, financial_status=FinancialStatus, damages_unit=DamagesUnit)
    return OrderDocument(
        **{"vendor": "", "currency": "", **header},
        version=said.get("document_version"),
        lines=tuple(
            _line_of(line, f"lines/{line['line_number'] if by_number else place}", by_number)
            for place, line in enumerate(said.get("lines", ()))
        ),
    )


def _line_of(said: Mapping[str, Any], field: str, by_number: bool) -> LineDocument:
    schedules = said.get("schedules")
    rest = {name: value for name, value in said.items() if name not in {"line_number", "schedules", *_DATES}}
    _words(rest, status=LineStatus)
    return LineDocument(
        number=said["line_number"],
        **rest,
        **_dates_of(said),
        schedules=None
        if schedules is None
        else tuple(
            _schedule_of(each, f"{field}/schedules/{each['schedule_number'] if by_number else place}")
            for place, each in enumerate(schedules)
        ),
        field=field,
    )


def _schedule_of(said: Mapping[str, Any], field: str) -> ScheduleDocument:
    rest = {name: value for name, value in said.items() if name not in {"schedule_number", *_DATES}}
    _words(rest, status=LineStatus)
    return ScheduleDocument(number=said["schedule_number"], **rest, **_dates_of(said), field=field)


_DATES: Final = ("contractual_date", "promised_date")


def _dates_of(said: Mapping[str, Any]) -> dict[str, Any]:
    contract: ImpreciseDate | None = said.get("contractual_date")
    return {"contract_on": contract.counts_on if contract else None, "promise": said.get("promised_date")}


def _words(said: dict[str, Any], **kinds: Any) -> None:
    for name, kind in kinds.items():
        if name in said:
            said[name] = kind(said[name])


# -- answers -----------------------------------------------------------------------------------------------------


class SentLineSerializer(serializers.Serializer[Any]):
    line_number = serializers.IntegerField(help_text="As stored.")
    line_number_sent = serializers.CharField(help_text="As sent: 00010.")


class UpsertSerializer(serializers.Serializer[Any]):
    """What a write did."""

    id = serializers.UUIDField(allow_null=True, help_text="Our id, never reused; null for a new order in a dry run.")
    system = serializers.CharField(help_text="As in the path.")
    external_id = serializers.CharField(help_text="As in the path.")
    result = serializers.ChoiceField([(each.value, each.value) for each in UpsertResult], help_text="What happened.")
    dry_run = serializers.BooleanField(help_text="True: all of it was tried, nothing was kept.")
    version = serializers.IntegerField(help_text="Of the order; the number in its ETag.")
    changed = serializers.ListField(
        child=serializers.CharField(), help_text="What differs, by line and schedule number: lines/10/quantity."
    )
    warnings = WarningSerializer(many=True, help_text="What you should know; may be empty.")
    lines = SentLineSerializer(many=True, help_text="How each line number was read.")


def shown_warnings(warnings: Iterable[OrderWarning]) -> list[dict[str, Any]]:
    return [
        {"code": each.code, "pointer": f"/{each.field}" if each.field else None, "detail": each.message}
        for each in warnings
    ]


def id_answer(done: Upserted, *, dry_run: bool) -> UUID | None:
    """Ours; None for an order that a dry run would have made."""
    return None if dry_run and done.result is UpsertResult.CREATED else done.order.pk


def upsert_answer(
    done: Upserted,
    ignored: Sequence[OrderWarning],
    *,
    system: str,
    external_id: str,
    dry_run: bool,
    sent: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "id": id_answer(done, dry_run=dry_run),
        "system": system,
        "external_id": external_id,
        "result": done.result.value,
        "dry_run": dry_run,
        "version": done.order.version,
        "changed": done.changed,
        "warnings": shown_warnings((*done.warnings, *ignored)),
        "lines": [
            {"line_number": int(str(line["line_number"])), "line_number_sent": str(line["line_number"])}
            for line in sent.get("lines", ())
        ],
    }


class ExternalIdSerializer(serializers.Serializer[Any]):
    system = serializers.CharField(help_text="Such as SAP-PRD.")
    external_id = serializers.CharField(help_text="What that system calls the order.")


class LotForecastSerializer(serializers.Serializer[Any]):
    """Computed, never typed. Days are calendar days unless named working."""

    as_of = Day(help_text="The site's local date of the calculation.")
    required_on_site = Day(allow_null=True, help_text="Latest day the units must be at the site.")
    forecast_on = Day(allow_null=True, help_text="Our estimate of the day on site.")
    float_days = serializers.IntegerField(
        allow_null=True, help_text="required_on_site less forecast_on; below 0: late."
    )
    float_working_days = serializers.IntegerField(allow_null=True, help_text="In working days of the site.")
    slip_days = serializers.IntegerField(allow_null=True, help_text="Later than the baseline, at the contract step.")
    promised_on = Day(allow_null=True, help_text="The vendor's deciding promise at the contract step.")
    delivered_on = Day(allow_null=True, help_text="The day it physically arrived.")
    driver = serializers.CharField(help_text="Why: actual, promise, promise_shifted, duration, today, ...")
    driver_code = serializers.CharField(help_text="The milestone that decides.")


class SpreadSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="The milestone.")
    share_percent = serializers.IntegerField(help_text="Of the variance of the day on site.")
    kind = serializers.CharField(help_text="duration: against its plan; promise: against what promises became.")
    level = serializers.CharField(
        help_text="The reference class drawn from: plant, company, equipment_class, stand_in, step, or assumed."
    )
    sample = serializers.IntegerField(help_text="How many observations that class has; 0 where assumed.")


class LotProbabilitySerializer(serializers.Serializer[Any]):
    """Over the trials of the last run; computed, never typed."""

    as_of = Day(help_text="The site's local date of the calculation.")
    p50_on = Day(help_text="On site by this day in half of the trials.")
    p80_on = Day(help_text="In four of five.")
    p95_on = Day(help_text="In nineteen of twenty.")
    on_time_percent = serializers.IntegerField(
        allow_null=True,
        help_text="Chance of being on site by required_on_site; null: there is none, or it has moved since.",
    )
    spread = SpreadSerializer(many=True, help_text="Up to three steps that drive the spread, the largest first.")


class LotSerializer(serializers.Serializer[Any]):
    lot_number = serializers.IntegerField(help_text="Ours; units of a schedule line that move together.")
    quantity = ExactDecimal(help_text="In the line's unit.")
    forecast = LotForecastSerializer(
        required=False, help_text="Only with expand=forecast, and not where the line is cancelled."
    )
    probability = LotProbabilitySerializer(
        required=False,
        help_text="Only with expand=forecast; not for what is on site, nor while it is being drawn for new dates.",
    )


@extend_schema_serializer(component_name="ScheduleLine")
class ScheduleRead(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Our id of the schedule line.")
    schedule_number = serializers.IntegerField(help_text="Unique within the line.")
    status = serializers.ChoiceField(LineStatus.choices, help_text="open, closed or cancelled.")
    site = serializers.CharField(allow_null=True, help_text="Code of the ship-to site; null where none is named yet.")
    quantity = ExactDecimal(help_text="In the line's unit.")
    contractual_date = Day(allow_null=True, help_text="As last sent by the ERP.")
    contract_step = serializers.CharField(help_text="Milestone at which it counts: ON_SITE or RTS.")
    contract_step_assumed = serializers.BooleanField(help_text="True: the delivery term was unknown.")
    lots = LotSerializer(many=True, help_text="Their quantities sum to the schedule line.")


@extend_schema_serializer(component_name="OrderLine")
class LineRead(serializers.Serializer[Any]):
    line_number = serializers.IntegerField(help_text="10, 20, 30.")
    external_line_id = serializers.CharField(allow_blank=True, help_text="Your own id of the line.")
    status = serializers.ChoiceField(LineStatus.choices, help_text="open, closed or cancelled.")
    description = serializers.CharField(allow_blank=True, help_text="Free text.")
    equipment_class = serializers.CharField(help_text="Code of the class.")
    plant = serializers.CharField(allow_null=True, help_text="COMPANY/PLANT; null where it is not known.")
    unit = serializers.CharField(help_text="UN/ECE Recommendation 20.")
    unit_price = Amount(allow_null=True, help_text="In the order's currency; null without the right to amounts.")
    over_delivery_percent = ExactDecimal(help_text="How much more than ordered may be received.")
    schedules = ScheduleRead(many=True, help_text="Those in the caller's sight.")


@extend_schema_serializer(component_name="PurchaseOrder")
class OrderRead(serializers.Serializer[Any]):
    """An order as the caller may see it: lines of other sites are left out, amounts need their right."""

    id = serializers.UUIDField(help_text="Our id, never reused.")
    version = serializers.IntegerField(help_text="The number in its ETag.")
    external_ids = ExternalIdSerializer(many=True, help_text="What other systems call it.")
    number = serializers.CharField(help_text="The order number people use.")
    title = serializers.CharField(allow_blank=True, help_text="Free text.")
    kind = serializers.ChoiceField(OrderKind.choices, help_text="order, frame or call_off.")
    parent = serializers.UUIDField(  # type: ignore[assignment]
        allow_null=True, help_text="Our id of the frame order of a call-off, where it is in sight."
    )
    vendor = serializers.CharField(help_text="Code of the seller.")
    vendor_name = serializers.CharField(help_text="Its name.")
    revision = serializers.IntegerField(help_text="Of the order.")
    status = serializers.ChoiceField(CommercialStatus.choices, help_text="Commercial status, the ERP's.")
    financial_status = serializers.ChoiceField(FinancialStatus.choices, help_text="The ERP's.")
    issued_on = Day(allow_null=True, help_text="The day it went out.")
    currency = serializers.CharField(help_text="ISO 4217; XXX where a document named one that is not.")
    currency_text = serializers.CharField(allow_blank=True, help_text="As a document named it; empty where known.")
    amounts_visible = serializers.BooleanField(help_text="False: the header's amounts are withheld, not absent.")
    total_amount = Amount(allow_null=True, help_text="What the header states, in `currency`.")
    incoterm = serializers.CharField(allow_blank=True, help_text="One of the eleven; else the text as sent.")
    incoterm_place = serializers.CharField(allow_blank=True, help_text="The named place.")
    damages_rate_percent = ExactDecimal(allow_null=True, help_text="Per `damages_unit`.")
    damages_unit = serializers.CharField(allow_blank=True, help_text="day, week or part_week.")
    damages_cap_percent = ExactDecimal(allow_null=True, help_text="Of the price, at most.")
    damages_grace_days = serializers.IntegerField(allow_null=True, help_text="Calendar days before damages run.")
    damages_measured_on = serializers.CharField(allow_blank=True, help_text="Milestone code.")
    notice_days = serializers.IntegerField(allow_null=True, help_text="Calendar days to notify a claim.")
    document_version = serializers.CharField(allow_blank=True, help_text="The ERP's version that was last applied.")
    lines = LineRead(many=True, required=False, help_text="Those in sight; in a list only with `expand=lines`.")


def order_answer(reading: OrderReading) -> dict[str, Any]:
    order, shows = reading.order, reading.amounts_visible
    return {
        "id": order.pk,
        "version": order.version,
        "external_ids": [{"system": system, "external_id": name} for system, name in reading.external_ids],
        "number": order.number,
        "title": order.title,
        "kind": order.kind,
        "parent": reading.parent_id,
        "vendor": order.seller.code,
        "vendor_name": order.seller.name,
        "revision": order.revision,
        "status": order.commercial_status,
        "financial_status": order.financial_status,
        "issued_on": order.issued_on,
        "currency": order.currency,
        "currency_text": order.currency_text,
        "amounts_visible": shows,
        "total_amount": _amount(order.total_amount, order.currency) if shows else None,
        "incoterm": order.incoterm or order.incoterm_text,
        "incoterm_place": order.incoterm_place,
        "damages_rate_percent": order.damages_rate_percent if shows else None,
        "damages_unit": order.damages_unit,
        "damages_cap_percent": order.damages_cap_percent if shows else None,
        "damages_grace_days": order.damages_grace_days,
        "damages_measured_on": order.damages_measured_on,
        "notice_days": order.notice_days,
        "document_version": order.document_version,
        "lines": [_line_answer(line, order.currency) for line in reading.lines],
    }


def _amount(amount: Decimal | None, currency: str) -> Decimal | None:
    return None if amount is None else in_minor_units(amount, currency)


def _line_answer(reading: LineReading, currency: str) -> dict[str, Any]:
    line = reading.line
    return {
        "line_number": line.number,
        "external_line_id": line.external_line_id,
        "status": line.status,
        "description": line.description,
        "equipment_class": line.equipment_class.code,
        "plant": f"{line.plant.company.code}/{line.plant.code}" if line.plant else None,
        "unit": line.unit,
        "unit_price": _amount(reading.unit_price, currency),
        "over_delivery_percent": line.over_delivery_percent,
        "schedules": [_schedule_answer(each) for each in reading.schedules],
    }


def _schedule_answer(reading: ScheduleReading) -> dict[str, Any]:
    row = reading.row
    return {
        "id": row.pk,
        "schedule_number": row.number,
        "status": row.status,
        "site": row.site.code if row.site else None,
        "quantity": row.quantity,
        "contractual_date": row.contract_on,
        "contract_step": row.contract_step,
        "contract_step_assumed": row.contract_step_assumed,
        "lots": [_lot_answer(lot) for lot in reading.lots],
    }


def _lot_answer(reading: LotReading) -> dict[str, Any]:
    shown: dict[str, Any] = {"lot_number": reading.lot.number, "quantity": reading.lot.quantity}
    if reading.forecast is not None:
        shown["forecast"] = reading.forecast
    if reading.odds is not None:
        odds, forecast = reading.odds, reading.forecast
        shown["probability"] = {
            "as_of": odds.as_of,
            "p50_on": odds.p50_on,
            "p80_on": odds.p80_on,
            "p95_on": odds.p95_on,
            "on_time_percent": odds.chance_by(forecast.required_on_site) if forecast else None,
            "spread": odds.spread,
        }
    return shown
