"""How single values travel: exact decimals, dates as said, numbers padded with zeros, plain text."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from procurement.domain.money import trimmed
from procurement.domain.order_document import HIGHEST_NUMBER
from sites.domain import imprecise
from sites.domain.calendar import in_range
from sites.domain.errors import BadInput
from sites.domain.imprecise import ImpreciseDate
from sites.domain.text import check_text
from sites.vocabulary import Precision

_PLAIN = re.compile(r"-?[0-9]{1,14}(?:\.[0-9]{1,4})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,12}")


_DECIMAL = {"type": "string", "pattern": r"^-?\d{1,14}(\.\d{1,4})?$"}


@extend_schema_field(_DECIMAL | {"examples": ["2.5"]}, component_name="Decimal")
class ExactDecimal(serializers.Field[Decimal, str | int | Decimal, str, Any]):
    """A decimal as text, or a JSON number; never an exponent, never rounded. Answered without trailing zeros."""

    default_error_messages = {
        "invalid": _("Write a plain decimal number, such as 1250000.00: no exponent, at most 4 decimals."),
    }

    def to_internal_value(self, data: str | int | Decimal) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, str | int | Decimal):
            self.fail("invalid")
        said = data if isinstance(data, str) else str(data)
        if not _PLAIN.fullmatch(said):
            self.fail("invalid")
        return Decimal(said)

    def to_representation(self, value: Decimal) -> str:
        return f"{trimmed(value):f}"


@extend_schema_field(_DECIMAL | {"examples": ["1250000.00"]}, component_name="Amount")
class Amount(ExactDecimal):
    """Money, answered with the decimals it is given, which are those of its currency."""

    def to_representation(self, value: Decimal) -> str:
        return f"{value:f}"


class Text(serializers.CharField):
    """Text without control characters; numbers are refused, not turned into text."""

    def __init__(self, *, lines: bool = False, **kwargs: Any) -> None:
        self._lines = lines
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if self.max_length is not None and len(text) > self.max_length:
            return text  # its validator says so
        try:
            check_text(text, "", longest=self.max_length or 4000, lines=self._lines)
        except BadInput as refusal:
            raise serializers.ValidationError(refusal.message, code="control_character") from None
        return text


@extend_schema_field(
    {
        "oneOf": [{"type": "integer", "minimum": 1, "maximum": HIGHEST_NUMBER}, {"type": "string"}],
        "examples": [10, "00010"],
    }
)
class PaddedNumber(serializers.Field[int, str | int, int, Any]):
    """10, or "00010" as SAP writes it."""

    default_error_messages = {"invalid": _("Write a whole number from 1 to 999999, with or without leading zeros.")}

    def to_internal_value(self, data: str | int) -> int:
        if isinstance(data, bool) or not isinstance(data, str | int):
            self.fail("invalid")
        said = str(data)
        if not said.isascii() or not _NUMBER.fullmatch(said) or not 1 <= int(said) <= HIGHEST_NUMBER:
            self.fail("invalid")
        return int(said)

    def to_representation(self, value: int) -> int:
        return value


class Count(serializers.IntegerField):
    """A whole number; as text only in the digits 0 to 9, which other scripts write otherwise."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int | str) or isinstance(data, bool) or not str(data).isascii():
            self.fail("invalid")
        return super().to_internal_value(data)


class Instant(serializers.DateTimeField):
    """With its offset: nobody guesses by whose clock a bare one is meant."""

    default_error_messages = {"naive": _("Write the instant with its offset, such as 2026-11-20T14:30:00Z.")}

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("naive")
        return super().enforce_timezone(value)


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}], "examples": [7, "2026-11-20T14:30:00Z"]})
class VersionField(serializers.Field[str, str | int, str, Any]):
    """A whole number or an instant; the order document itself checks which."""

    default_error_messages = {"invalid": _("Write a whole number, or an instant such as 2026-11-20T14:30:00Z.")}

    def to_internal_value(self, data: str | int) -> str:
        if isinstance(data, bool) or not isinstance(data, str | int) or len(str(data)) > 40:
            self.fail("invalid")
        return str(data)

    def to_representation(self, value: str) -> str:
        return value


_DAY_SCHEMA = {"type": "string", "format": "date", "examples": ["2027-05-21"]}


@extend_schema_field(_DAY_SCHEMA)
class Day(serializers.Field[date, str, str, Any]):
    """An ISO day from 2000 to 2100, local to where it happens; never an instant."""

    default_error_messages = {"invalid": _("Write a day of the years 2000 to 2100, such as 2027-05-21.")}

    def to_internal_value(self, data: str) -> date:
        if not isinstance(data, str) or not _DAY.fullmatch(data):
            self.fail("invalid")
        try:
            day = date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")
        if not in_range(day):
            self.fail("invalid")
        return day

    def to_representation(self, value: date) -> str:
        return value.isoformat()


_FLEX_SCHEMA = {
    "oneOf": [
        _DAY_SCHEMA,
        {
            "type": "object",
            "required": ["value", "precision"],
            "properties": {
                "value": {"type": "string", "examples": ["2027-W23"]},
                "precision": {"type": "string", "enum": list(Precision.values)},
            },
        },
    ],
}


@extend_schema_field(_FLEX_SCHEMA, component_name="FlexDate")
class FlexDate(serializers.Field[ImpreciseDate, Any, Any, Any]):
    """An ISO day, or `{"value", "precision"}`: 2027-05-21 day, 2027-W23 week, 2027-06-T2 third of a month,
    2027-06 month, 2027-Q2 quarter, empty for tbd. It counts at the end of its period.
    """

    default_error_messages = {
        # Messages are filled in by `str.format`: a brace that is meant is doubled.
        "invalid": _('Write a day such as 2027-05-21, or {{"value": "2027-W23", "precision": "week"}}.'),
        "precision": _("A precision is one of day, week, third, month, quarter, tbd."),
        "tbd": _("A contract date is a date."),
    }

    def __init__(self, *, allow_tbd: bool = True, **kwargs: Any) -> None:
        self._allow_tbd = allow_tbd
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> ImpreciseDate:
        if isinstance(data, str):
            return self._read(data, Precision.DAY)
        if not isinstance(data, dict) or data.keys() != {"value", "precision"}:
            self.fail("invalid")
        if not isinstance(data["value"], str):
            raise serializers.ValidationError({"value": [self.error_messages["invalid"].format()]}, code="invalid")
        if not isinstance(data["precision"], str) or data["precision"] not in Precision.values:
            raise serializers.ValidationError({"precision": [self.error_messages["precision"]]}, code="invalid")
        return self._read(data["value"], Precision(data["precision"]))

    def _read(self, value: str, precision: Precision) -> ImpreciseDate:
        if precision is Precision.TBD and not self._allow_tbd:
            self.fail("tbd")
        try:
            return imprecise.read(value, precision)
        except BadInput as refusal:
            raise serializers.ValidationError(refusal.message, code="invalid_date") from None

    def to_representation(self, value: ImpreciseDate) -> dict[str, str]:
        return {"value": value.value, "precision": value.precision.value}
