"""What a change order changes, in words: the value it had, the value it gets, and what that does to the dates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from procurement.portal.words import day
from procurement.queries.field_words import FIELDS
from procurement.vocabulary import CommercialStatus, DamagesUnit, FinancialStatus, LineStatus, OrderKind

_WORDS: Mapping[str, Mapping[str, Any]] = {
    "status": dict(LineStatus.choices),
    "commercial_status": dict(CommercialStatus.choices),
    "financial_status": dict(FinancialStatus.choices),
    "damages_unit": dict(DamagesUnit.choices),
    "kind": dict(OrderKind.choices),
}


@dataclass(frozen=True, slots=True)
class ChangedValue:
    place: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ChangedDate:
    """`forecast` and `floats` are before and after; where the trial found no difference they are empty."""

    line: str
    contract: tuple[date | None, date | None] | None
    forecast: tuple[date | None, date | None] | None
    floats: tuple[int | None, int | None] | None


def changed_values(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ChangedValue]:
    return [
        ChangedValue(_place(path), _field(path), _value(path, before.get(path)), _value(path, after.get(path)))
        for path in sorted(before.keys() | after.keys(), key=_order)
    ]


def changed_dates(
    before: Mapping[str, Any], after: Mapping[str, Any], dates: Mapping[str, Mapping[str, Any]]
) -> list[ChangedDate]:
    """A row for each schedule line whose contract date, forecast or float changes."""
    contracts = {_line(path): path for path in before.keys() | after.keys() if path.endswith("/contract_on")}
    return [
        ChangedDate(
            line,
            (_day(before.get(contracts[line])), _day(after.get(contracts[line]))) if line in contracts else None,
            _pair(dates[line]["forecast"], _day) if line in dates else None,
            _pair(dates[line]["float"], _count) if line in dates else None,
        )
        for line in sorted(contracts.keys() | dates.keys(), key=lambda text: [int(part) for part in text.split("/")])
    ]


def _pair(values: list[Any], read: Any) -> tuple[Any, Any]:
    return read(values[0]), read(values[1])


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if value else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _line(path: str) -> str:
    parts = path.split("/")
    return f"{parts[1]}/{parts[3]}"


def _order(path: str) -> list[Any]:
    """Header first, then lines by number."""
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in path.split("/")]


def _place(path: str) -> str:
    parts = path.split("/")
    if parts[0] != "lines":
        return _("Order")
    return f"{parts[1]}/{parts[3]}" if "schedules" in parts else parts[1]


def _field(path: str) -> str:
    name = path.rsplit("/", 1)[-1].replace("_", " ")
    return str(FIELDS.get(name, name))


def _value(path: str, value: Any) -> str:
    name = path.rsplit("/", 1)[-1]
    if value is None or value == "":
        return "–"
    if name in _WORDS:
        return str(_WORDS[name].get(value, value))
    if name.endswith("_on") and name != "damages_measured_on":
        return day(date.fromisoformat(value))
    if name in {"quantity", "unit_price", "total_amount"}:
        return number_format(Decimal(value), use_l10n=True, force_grouping=True)
    return str(value)
