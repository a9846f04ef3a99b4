"""An order document as plain JSON values and back, for what is carried out later than it was said."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from procurement.domain.order_document import LineDocument, OrderDocument, ScheduleDocument
from procurement.vocabulary import CommercialStatus, DamagesUnit, FinancialStatus, LineStatus, OrderKind
from sites.domain import imprecise
from sites.domain.imprecise import ImpreciseDate
from sites.vocabulary import Precision

_NUMBERS = frozenset(
    {"quantity", "unit_price", "over_delivery_percent", "total_amount", "damages_rate_percent", "damages_cap_percent"}
)
_DAYS = frozenset({"contract_on", "issued_on"})
_WORDS_OF_ORDER = {
    "kind": OrderKind,
    "status": CommercialStatus,
    "financial_status": FinancialStatus,
    "damages_unit": DamagesUnit,
}


def written(document: OrderDocument) -> dict[str, Any]:
    """Only what the document says."""
    plain: dict[str, Any] = _plain(asdict(document))
    if not document.currency_text:
        del plain["currency_text"]
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"value", "precision", "counts_on"}:
            return {"value": value["value"], "precision": str(value["precision"])}
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value if isinstance(value, int) else str(value)


def read(plain: Mapping[str, Any]) -> OrderDocument:
    """What `written` was given."""
    said = _values(plain)
    for name, words in _WORDS_OF_ORDER.items():
        if name in said:
            said[name] = words(said[name])
    said["lines"] = tuple(_line(each) for each in plain["lines"])
    return OrderDocument(**said)


def _line(plain: Mapping[str, Any]) -> LineDocument:
    said = _values(plain)
    if "schedules" in plain:
        said["schedules"] = tuple(ScheduleDocument(**_values(each)) for each in plain["schedules"])
    return LineDocument(**said)


def _values(plain: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, value in plain.items():
        if name in _NUMBERS:
            said[name] = Decimal(value)
        elif name in _DAYS:
            said[name] = date.fromisoformat(value)
        elif name == "promise":
            said[name] = _promise(value)
        elif name == "status" and value in LineStatus.values:
            said[name] = LineStatus(value)
        elif name not in {"lines", "schedules"}:
            said[name] = value
    return said


def _promise(plain: Mapping[str, str]) -> ImpreciseDate:
    return imprecise.read(plain["value"], Precision(plain["precision"]))
