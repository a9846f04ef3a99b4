"""A purchase order as a system sends it: header, lines and schedule lines, whole. One shape for every door.

None always means "not said": what is stored stays, and a new order, line or schedule line takes its default.
`field` is the path of the part in the caller's own input, for refusals (`lines/0/schedules/1`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from procurement.domain.money import CURRENCIES, UNKNOWN_CURRENCY, decimal_places, minor_units
from procurement.domain.units import UNITS
from procurement.vocabulary import CommercialStatus, DamagesUnit, FinancialStatus, LineStatus, OrderKind
from sites.domain.calendar import in_range
from sites.domain.errors import BadInput
from sites.domain.imprecise import ImpreciseDate
from sites.domain.text import check_text

MOST_LINES: Final = 500
HIGHEST_NUMBER: Final = 999999
_MOST_AMOUNT = Decimal("10000000000000")
_MOST_QUANTITY = Decimal("10000000")
_MOST_PLACES_KEPT = 4
_QUANTITY_PLACES = 3
_WHOLE_UNITS = "EA"


class LinesMode(StrEnum):
    """What becomes of lines and schedule lines that the document leaves out: kept, or cancelled."""

    MERGE = "merge"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class ScheduleDocument:
    """`promise` is a date the vendor stated, as the ERP knows it; it goes into the ledger."""

    number: int
    quantity: Decimal | None = None
    contract_on: date | None = None
    site: str | None = None
    status: LineStatus | None = None
    promise: ImpreciseDate | None = None
    field: str = ""


@dataclass(frozen=True, slots=True)
class LineDocument:
    """`schedules` None: quantity, contract date and promise of the line are those of its only schedule line.

    `plant` is a plant code, or `COMPANY/PLANT` where two companies share the code. `unit` is one of ours or of the
    sending system. Of the quantity, `over_delivery_percent` more may be received.
    """

    number: int
    quantity: Decimal | None = None
    unit: str | None = None
    unit_price: Decimal | None = None
    over_delivery_percent: Decimal | None = None
    description: str | None = None
    equipment_class: str | None = None
    plant: str | None = None
    site: str | None = None
    contract_on: date | None = None
    status: LineStatus | None = None
    promise: ImpreciseDate | None = None
    external_line_id: str | None = None
    schedules: tuple[ScheduleDocument, ...] | None = None
    field: str = ""


@dataclass(frozen=True, slots=True)
class OrderDocument:
    """`vendor` and `site` are codes of ours or of the sending system; `parent` is the sender's id of the frame order.

    `version` orders the documents of one sender; None where the sender has none (a file), and then nothing is stale.
    `incoterm` is kept as sent where it is none of the eleven; so is a currency that is none of ISO 4217, in
    `currency_text`, and then `currency` is XXX.
    """

    vendor: str
    currency: str
    lines: tuple[LineDocument, ...]
    currency_text: str = ""
    version: str | int | None = None
    number: str | None = None
    title: str | None = None
    kind: OrderKind | None = None
    parent: str | None = None
    site: str | None = None
    revision: int | None = None
    status: CommercialStatus | None = None
    financial_status: FinancialStatus | None = None
    issued_on: date | None = None
    total_amount: Decimal | None = None
    incoterm: str | None = None
    incoterm_place: str | None = None
    damages_rate_percent: Decimal | None = None
    damages_unit: DamagesUnit | None = None
    damages_cap_percent: Decimal | None = None
    damages_grace_days: int | None = None
    damages_measured_on: str | None = None
    notice_days: int | None = None


_LONGEST: Final = {
    "number": 60,
    "title": 200,
    "parent": 80,
    "vendor": 80,
    "site": 80,
    "currency_text": 20,
    "incoterm": 60,
    "incoterm_place": 120,
    "damages_measured_on": 40,
    "unit": 20,
    "description": 300,
    "equipment_class": 40,
    "plant": 81,
    "external_line_id": 60,
}
_TEXTS: Final[dict[type, tuple[str, ...]]] = {
    part: tuple(each.name for each in fields(part) if each.name in _LONGEST)
    for part in (OrderDocument, LineDocument, ScheduleDocument)
}


def check(document: OrderDocument) -> None:
    """Refuse a document no table could hold. Raises BadInput naming the part by its path."""
    _check_texts(document, "")
    is_kept_as_text = document.currency == UNKNOWN_CURRENCY and bool(document.currency_text)
    if document.currency not in CURRENCIES and not is_kept_as_text:
        raise BadInput(f"{document.currency!r} is no currency of ISO 4217.", field="currency")
    if not document.vendor:
        raise BadInput("An order names its vendor.", field="vendor")
    if document.number == "":
        raise BadInput("An order number is not empty.", field="number")
    places = minor_units(document.currency)
    check_amount(document.total_amount, places, "total_amount")
    _check_percent(document.damages_rate_percent, 4, "damages_rate_percent")
    _check_percent(document.damages_cap_percent, 3, "damages_cap_percent")
    for name in ("revision", "damages_grace_days", "notice_days"):
        _check_count(getattr(document, name), name)
    check_day(document.issued_on, "issued_on")
    if document.version is not None:
        read_version(document.version)
    if len(document.lines) > MOST_LINES:
        raise BadInput(f"An order has at most {MOST_LINES} lines in one document.", field="lines")
    _check_numbers(document.lines, "line_number")
    for line in document.lines:
        _check_line(line, min(places + 2, _MOST_PLACES_KEPT))


def _check_line(line: LineDocument, price_places: int) -> None:
    _check_texts(line, line.field)
    if line.unit == "":
        raise BadInput("A unit is a code of UN/ECE Recommendation 20.", field=_at(line.field, "unit"))
    check_amount(line.unit_price, price_places, _at(line.field, "unit_price"))
    check_quantity(line.quantity, _at(line.field, "quantity"))
    _check_percent(line.over_delivery_percent, 2, _at(line.field, "over_delivery_percent"))
    check_day(line.contract_on, _at(line.field, "contractual_date"))
    if line.schedules is None:
        return
    if not line.schedules:
        raise BadInput("Leave schedules out, or send at least one.", field=_at(line.field, "schedules"))
    _check_numbers(line.schedules, "schedule_number")
    for schedule in line.schedules:
        _check_texts(schedule, schedule.field)
        check_quantity(schedule.quantity, _at(schedule.field, "quantity"))
        check_day(schedule.contract_on, _at(schedule.field, "contractual_date"))


def _at(field: str, name: str) -> str:
    return f"{field}/{name}" if field else name


def _check_texts(part: OrderDocument | LineDocument | ScheduleDocument, field: str) -> None:
    for name in _TEXTS[type(part)]:
        value = getattr(part, name)
        if isinstance(value, str):
            check_text(value, _at(field, name), longest=_LONGEST[name])


def check_amount(amount: Decimal | None, places: int, field: str, *, signed: bool = False) -> None:
    """From zero, or with `signed` from minus ten trillion. Raises BadInput naming `field`."""
    if amount is None:
        return
    if not amount.is_finite() or abs(amount) > _MOST_AMOUNT or (amount < 0 and not signed):
        if signed:
            raise BadInput("An amount lies between minus and plus ten trillion.", field=field)
        raise BadInput("An amount lies between zero and ten trillion.", field=field)
    if decimal_places(amount) > places:
        raise BadInput(f"An amount here has at most {places} decimals; nothing is rounded.", field=field)


def _check_percent(percent: Decimal | None, places: int, field: str) -> None:
    if percent is None:
        return
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise BadInput("A percentage lies between 0 and 100.", field=field)
    if decimal_places(percent) > places:
        raise BadInput(f"A percentage here has at most {places} decimals.", field=field)


def _check_count(count: int | None, field: str) -> None:
    if count is not None and not 0 <= count <= 32767:
        raise BadInput("A count lies between 0 and 32767.", field=field)


def check_quantity(quantity: Decimal | None, field: str) -> None:
    """Raises BadInput naming `field`."""
    if quantity is None:
        return
    if not quantity.is_finite() or quantity <= 0 or quantity > _MOST_QUANTITY:
        raise BadInput("A quantity is above zero and at most ten million.", field=field)
    if decimal_places(quantity) > _QUANTITY_PLACES:
        raise BadInput(f"A quantity has at most {_QUANTITY_PLACES} decimals.", field=field)


def check_counted(quantity: Decimal, unit: str) -> None:
    """Units that move: some, and whole ones where they are single. Raises BadInput naming `quantity`."""
    check_quantity(quantity, "quantity")
    check_whole(quantity, unit, "quantity")


def check_whole(quantity: Decimal, unit: str, field: str) -> None:
    """Single units come whole. Raises BadInput naming `field`."""
    if unit == _WHOLE_UNITS and quantity % 1:
        raise BadInput("Single units (EA) are counted in whole numbers.", field=field)


def check_day(day: date | None, field: str) -> None:
    """Raises BadInput naming `field`."""
    if day is not None and not in_range(day):
        raise BadInput("A date lies in the years 2000 to 2100.", field=field)


def _check_numbers(parts: Sequence[LineDocument] | Sequence[ScheduleDocument], name: str) -> None:
    seen: set[int] = set()
    for part in parts:
        if not 1 <= part.number <= HIGHEST_NUMBER:
            raise BadInput(f"A number lies between 1 and {HIGHEST_NUMBER}.", field=_at(part.field, name))
        if part.number in seen:
            raise BadInput(f"{part.number} stands twice in the document.", field=_at(part.field, name))
        seen.add(part.number)


@dataclass(frozen=True, slots=True)
class Version:
    """A sender's version in one spelling: plain digits, or an instant in UTC. The two cannot be compared."""

    text: str

    @property
    def is_counted(self) -> bool:
        return self.text.isdigit()

    def is_older_than(self, stored: "Version") -> bool:
        """Raises BadInput naming `document_version` where one is a number and the other a time."""
        if self.is_counted != stored.is_counted:
            raise BadInput(
                f"The order's last version was {stored.text}; a number and a time cannot be put in order.",
                field="document_version",
            )
        return int(self.text) < int(stored.text) if self.is_counted else self.text < stored.text


_LONGEST_COUNT = 30


def read_version(sent: str | int) -> Version:
    """A whole number, or an instant with its offset (RFC 3339). Raises BadInput naming `document_version`."""
    said = str(sent)
    if said.isascii() and said.isdigit() and len(said) <= _LONGEST_COUNT:
        return Version(str(int(said)))
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or len(said) > 40 or not in_range(at.date()):
        raise BadInput(
            "A version is a whole number, or an instant with its offset (2026-11-20T14:30:00Z).",
            field="document_version",
        )
    return Version(at.astimezone(UTC).isoformat(timespec="microseconds"))


def codes_of(document: OrderDocument) -> "Codes":
    """Every code the document names, so that each table is asked once."""
    lines = document.lines
    schedules = [schedule for line in lines for schedule in line.schedules or ()]
    return Codes(
        vendors=_said([document.vendor]),
        sites=_said([document.site, *(line.site for line in lines), *(schedule.site for schedule in schedules)]),
        classes=_said(line.equipment_class for line in lines),
        plants=_said(line.plant for line in lines),
        units=_said(line.unit for line in lines).difference(UNITS),
    )


def _said(codes: Iterable[str | None]) -> frozenset[str]:
    return frozenset(code for code in codes if code)


@dataclass(frozen=True, slots=True)
class Codes:
    """`units` are those that are not ours."""

    vendors: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    plants: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()

    def __or__(self, other: "Codes") -> "Codes":
        return Codes(
            self.vendors | other.vendors,
            self.sites | other.sites,
            self.classes | other.classes,
            self.plants | other.plants,
            self.units | other.units,
        )
