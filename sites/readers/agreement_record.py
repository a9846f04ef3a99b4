"""The record of a power purchase agreement as JSON: its shape, its published schema, and the rules it must keep.

Amounts are written as text or numbers, days as `2027-06-01`; an absent value is not known. `schema()` is the published
document; nobody else has one for the field.
"""

import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from sites.domain import agreement_state, power_market
from sites.domain.contract_clock import term_end
from sites.domain.currency import CURRENCIES
from sites.domain.errors import BadInput
from sites.domain.power_curve import Curve, first_above, stepped, total, window
from sites.domain.power_money import Band, DamagesTerms, check_damages
from sites.vocabulary import (
    AgreementState,
    AgreementStructure,
    Certificate,
    CertificateReplacement,
    ClockReference,
    ClockSide,
    ContractParty,
    CreditForm,
    DamagesDirection,
    DamagesDue,
    DamagesKind,
    DeemedEnergy,
    DocumentKind,
    DurationBasis,
    EnergyUnit,
    NegativePriceRule,
    PriceKind,
    VolumeShape,
)

FORMAT: Final = "longlead.ppa/1"
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
LONGEST: Final = 2_000_000
# The field of a refusal of the record as a whole.
WHOLE: Final = "record"
_HOURS_OF_A_LEAP_YEAR: Final = 8784

_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAIN_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def _only_a_day(value: Any) -> Any:
    """Neither seconds since 1970 nor an instant, which is another day elsewhere."""
    if isinstance(value, date) or (isinstance(value, str) and _ISO_DAY.fullmatch(value)):
        return value
    raise PydanticCustomError("date_parsing", "")


def _only_a_plain_number(value: Any) -> Any:
    """As text without exponent, spaces or digits of other scripts."""
    if isinstance(value, str) and not _PLAIN_NUMBER.fullmatch(value):
        raise PydanticCustomError("decimal_parsing", "")
    return value


Day = Annotated[date, Field(ge=EARLIEST, le=LATEST), BeforeValidator(_only_a_day)]
_PLAIN: Final = BeforeValidator(_only_a_plain_number)
# No agreement, share or plant is larger; a figure above it is one in kilowatts.
MOST_MW: Final = 5000
Mw = Annotated[Decimal, Field(gt=0, le=MOST_MW, max_digits=9, decimal_places=3), _PLAIN]
MwOrNone = Annotated[Decimal, Field(ge=0, le=MOST_MW, max_digits=9, decimal_places=3), _PLAIN]
Mwh = Annotated[Decimal, Field(gt=0, le=1_000_000_000, max_digits=14, decimal_places=1), _PLAIN]
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2), _PLAIN]
FinePercent = Annotated[Decimal, Field(ge=0, le=100, max_digits=6, decimal_places=3), _PLAIN]
Years = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2), _PLAIN]
Price = Annotated[Decimal, Field(ge=-100_000, le=10_000_000, max_digits=14, decimal_places=4), _PLAIN]
Amount = Annotated[Decimal, Field(ge=0, le=10_000_000_000_000, max_digits=16, decimal_places=2), _PLAIN]
Days = Annotated[int, Field(ge=0, le=3660)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


def _text(longest: int, *, least: int = 0) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=least, max_length=longest, pattern=r"^[^\x00-\x1f]*$")


T40 = Annotated[str, _text(40)]
T60 = Annotated[str, _text(60)]
T80 = Annotated[str, _text(80)]
T120 = Annotated[str, _text(120)]
T200 = Annotated[str, _text(200)]
T500 = Annotated[str, _text(500)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9._/-]{0,29}$")]
SiteCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{0,19}$")]
StepCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_]{0,39}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ShareStep(_Part):
    from_on: Day
    share_mw: MwOrNone


class ShareRecord(_Part):
    """Megawatts for one site, from a day (absent: from COD) until a day (absent: to the end)."""

    site: SiteCode
    share_mw: Mw
    from_on: Day | None = None
    until_on: Day | None = None
    steps: tuple[ShareStep, ...] = ()

    def curve(self) -> Curve:
        mw = stepped([(date.min, self.share_mw), *((step.from_on, step.share_mw) for step in self.steps)])
        return window(mw, self.from_on or date.min, self.until_on)


class BandRecord(_Part):
    from_day: Annotated[int, Field(ge=1, le=3660)]
    amount_per_mw_day: Annotated[Decimal, Field(ge=0, le=1_000_000_000, max_digits=14, decimal_places=2), _PLAIN]


class DamagesRecord(_Part):
    direction: DamagesDirection
    kind: DamagesKind = DamagesKind.PER_MW_DAY
    due: DamagesDue = DamagesDue.TARGET_COD
    due_on: Day | None = None
    extension_days: Days = 0
    grace_days: Days = 0
    percent_per_day: Annotated[Decimal, Field(gt=0, le=100, max_digits=6, decimal_places=3), _PLAIN] | None = None
    base_amount: Amount | None = None
    cap_percent: FinePercent | None = None
    cap_amount: Amount | None = None
    cap_days: Days | None = None
    bands: tuple[BandRecord, ...] = ()

    def terms(self) -> DamagesTerms:
        return DamagesTerms(
            kind=self.kind,
            bands=tuple(Band(band.from_day, band.amount_per_mw_day) for band in self.bands),
            percent_per_day=self.percent_per_day,
            base_amount=self.base_amount,
            extension_days=self.extension_days,
            grace_days=self.grace_days,
            cap_percent=self.cap_percent,
            cap_amount=self.cap_amount,
            cap_days=self.cap_days,
        )


class ConditionRecord(_Part):
    number: Annotated[int, Field(ge=1, le=999)]
    text: Annotated[str, _text(300, least=1)]
    party: ContractParty = ContractParty.SELLER
    due_on: Day | None = None
    met_on: Day | None = None
    waived_on: Day | None = None
    document: T500 = ""
    owner: T120 = ""


class NoticeRecord(_Part):
    """`calendar` is the name of a work calendar, empty for that of the agreement; `owner` a user name."""

    number: Annotated[int, Field(ge=1, le=999)]
    subject: Annotated[str, _text(300, least=1)]
    served_to: Annotated[str, _text(160, least=1)]
    days: Days
    basis: DurationBasis = DurationBasis.CALENDAR
    side: ClockSide = ClockSide.BEFORE
    reference: ClockReference = ClockReference.DAY
    reference_on: Day | None = None
    milestone_code: StepCode | Literal[""] = ""
    calendar: T120 = ""
    served_on: Day | None = None
    document: T500 = ""
    owner: T120 = ""


class CreditRecord(_Part):
    given_by: ContractParty
    form: CreditForm
    issuer: Annotated[str, _text(160)] = ""
    amount: Amount | None = None
    currency: Currency
    from_on: Day | None = None
    expires_on: Day | None = None
    renew_days: Days = 0
    released_on: Day | None = None
    document: T500 = ""
    owner: T120 = ""


class DocumentRecord(_Part):
    kind: DocumentKind = DocumentKind.AGREEMENT
    title: Annotated[str, _text(200, least=1)]
    reference: Annotated[str, _text(500, least=1)]
    dated_on: Day | None = None


class MilestoneRecord(_Part):
    """A step of the way to COD: its plan. Promises, actuals and pinned dates are recorded one by one, never here."""

    code: StepCode
    duration_days: Days = 0
    planned_on: Day | None = None


class AgreementRecord(_Part):
    format: Literal["longlead.ppa/1"] = FORMAT
    code: Code
    name: Annotated[str, _text(160, least=1)]
    state: AgreementState = AgreementState.SCREENING
    seller: Annotated[str, _text(120, least=1)]
    buyer: T120 = ""
    sleeving_retailer: T120 = ""
    guarantor: T120 = ""
    project: T120 = ""
    technology: T60 = ""
    country: Country
    location: T120 = ""
    grid_node: T80 = ""
    delivery_point: T120 = ""
    structure: AgreementStructure
    volume_shape: VolumeShape
    contracted_mw: Mw
    output_share_percent: FinePercent | None = None
    installed_mw: Mw | None = None
    minimum_installed_mw: MwOrNone | None = None
    buy_down_terms: T200 = ""
    annual_mwh: Mwh | None = None
    tolerance_percent: Percent | None = None
    p50_mwh: Mwh | None = None
    p90_mwh: Mwh | None = None
    minimum_availability_percent: Percent | None = None
    shortfall_rule: T200 = ""
    capacity_rights_owner: ContractParty | Literal[""] = ""
    scheduling: T200 = ""
    minimum_take_percent: Percent | None = None
    term_years: Years | None = None
    tail_years: Years | None = None
    signed_on: Day | None = None
    starts_on: Day | None = None
    price_kind: PriceKind = PriceKind.FIXED
    price: Price | None = None
    price_unit: EnergyUnit = EnergyUnit.MWH
    currency: Currency
    escalation_percent: Annotated[Decimal, Field(ge=-100, le=100, max_digits=6, decimal_places=3), _PLAIN] | None = None
    index_name: T80 = ""
    index_base_on: Day | None = None
    indexed_share_percent: FinePercent | None = None
    floating_reference: T80 = ""
    price_floor: Price | None = None
    price_cap: Price | None = None
    settlement_market: T40 = ""
    settlement_zone: T40 = ""
    settlement_interval_minutes: Literal[5, 15, 30, 60] | None = None
    settlement_floor: Price | None = None
    negative_price_rule: NegativePriceRule = NegativePriceRule.SETTLES
    curtailment_borne_by: ContractParty | Literal[""] = ""
    curtailment_allowance_percent: Percent | None = None
    deemed_energy: DeemedEnergy | Literal[""] = ""
    certificate: Certificate = Certificate.NONE
    certificate_vintage: T40 = ""
    certificate_owner: ContractParty | Literal[""] = ""
    certificate_delivery_days: Days | None = None
    certificate_replacement: CertificateReplacement | Literal[""] = ""
    certificate_successor: Certificate | Literal[""] = ""
    target_cod_on: Day | None = None
    guaranteed_cod_on: Day | None = None
    long_stop_on: Day | None = None
    termination_right: T200 = ""
    change_in_law_borne_by: ContractParty | Literal[""] = ""
    metering: T200 = ""
    assignment_terms: T200 = ""
    confidentiality: T200 = ""
    governing_law: T80 = ""
    owner: T120 = ""
    calendar: T120 = ""
    shares: tuple[ShareRecord, ...] = ()
    delay_damages: tuple[DamagesRecord, ...] = ()
    conditions: tuple[ConditionRecord, ...] = ()
    notices: tuple[NoticeRecord, ...] = ()
    credit_support: tuple[CreditRecord, ...] = ()
    documents: tuple[DocumentRecord, ...] = ()
    milestones: tuple[MilestoneRecord, ...] = ()


# Fields that are rows of their own; all others are columns of the agreement under the same name.
PARTS: Final = (
    "shares", "delay_damages", "conditions", "notices", "credit_support", "documents", "milestones",
)  # fmt: skip
NAMED: Final = ("owner", "calendar")
COLUMNS: Final = tuple(
    name for name in AgreementRecord.model_fields if name not in {*PARTS, *NAMED, "format", "code", "state"}
)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the record."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": FORMAT,
        **AgreementRecord.model_json_schema(),
        "title": "Power purchase agreement",
    }


def read(text: bytes | str) -> AgreementRecord:
    """Raises BadInput naming the first field that is wrong; `others` in its facts lists the rest, `code` says how."""
    if len(text) > LONGEST:
        raise BadInput("The record is larger than two megabytes.", field=WHOLE)
    try:
        record = AgreementRecord.model_validate_json(text)
    except ValidationError as wrong:
        said = {_path(each["loc"]): each for each in reversed(wrong.errors())}
        found = [(path, _in_our_words(each), _code(each["type"])) for path, each in reversed(said.items())]
        raise _refusal(found) from None
    check(record)
    return record


def of(document: dict[str, Any]) -> AgreementRecord:
    """The same from plain values, as a form or the API has them."""
    return read(json.dumps(document, default=str))


def check(record: AgreementRecord) -> None:
    """The rules that span fields. Raises BadInput as `read` does."""
    found = [(path, message, BadInput.code) for path, message in _broken(record)]
    if found:
        raise _refusal(found)


def _path(places: tuple[int | str, ...]) -> str:
    """Where it is in the record; pydantic adds which of several types it tried, which is no field."""
    kept = [part for part in places[1:] if isinstance(part, int) or not ("[" in part or part == "constrained-str")]
    return "/".join(str(part) for part in (*places[:1], *kept))


# Of what is wrong with a value alone, by pydantic's name for it; `%(…)s` is what pydantic knows of the limit.
_SHAPES: Final = {
    "missing": "This is required.",
    "extra_forbidden": "The format has no such field.",
    "enum": "One of these is expected: %(expected)s.",
    "literal_error": "One of these is expected: %(expected)s.",
    "string_type": "Text is expected.",
    "string_too_short": "This is empty.",
    "string_too_long": "This is longer than %(max_length)s characters.",
    "string_pattern_mismatch": "This does not have the form %(pattern)s.",
    "decimal_type": "A decimal number is expected, as text.",
    "decimal_parsing": "A decimal number is expected, as text.",
    "finite_number": "A decimal number is expected, as text.",
    "decimal_max_places": "There are more than %(decimal_places)s decimals; nothing is rounded.",
    "decimal_max_digits": "The number has more than %(max_digits)s digits.",
    "decimal_whole_digits": "The number has more than %(whole_digits)s digits before the point.",
    "int_type": "A whole number is expected.",
    "int_parsing": "A whole number is expected.",
    "int_from_float": "A whole number is expected.",
    "date_type": "A day is expected, such as 2027-06-01.",
    "date_parsing": "A day is expected, such as 2027-06-01.",
    "date_from_datetime_parsing": "A day is expected, such as 2027-06-01.",
    "date_from_datetime_inexact": "A day is expected, such as 2027-06-01.",
    "greater_than": "A value above %(gt)s is expected.",
    "greater_than_equal": "A value of at least %(ge)s is expected.",
    "less_than_equal": "A value of at most %(le)s is expected.",
    "tuple_type": "This is not a list.",
    "model_type": "This is not an object.",
    "json_invalid": "This is not JSON: %(error)s",
}
_CODES: Final = {
    "missing": "required", "extra_forbidden": "unknown_field", "enum": "invalid_choice",
    "literal_error": "invalid_choice",
}  # fmt: skip


def _in_our_words(wrong: ErrorDetails) -> str:
    words = _SHAPES.get(wrong["type"])
    return words % wrong.get("ctx", {}) if words else wrong["msg"]


def _code(kind: str) -> str:
    return _CODES.get(kind, BadInput.code)


def _refusal(found: list[tuple[str, str, str]]) -> BadInput:
    (field, message, code), *rest = found
    others = [{"field": name, "message": text, "code": each} for name, text, each in rest]
    return BadInput(message, field=field or WHOLE, code=code, others=others)


def _broken(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    yield from _currency(record)
    yield from _market(record)
    yield from _certificates(record)
    yield from _dates(record)
    yield from _plant(record)
    yield from _volumes(record)
    yield from _price(record)
    yield from _state(record)
    yield from _shares(record)
    for place, clause in enumerate(record.delay_damages):
        yield from _damages(clause, f"delay_damages/{place}")
    yield from _conditions(record)
    yield from _notices(record)
    for place, credit in enumerate(record.credit_support):
        if credit.currency not in CURRENCIES:
            yield f"credit_support/{place}/currency", f"{credit.currency} is no currency of ISO 4217."
        if credit.from_on and credit.expires_on and credit.expires_on < credit.from_on:
            yield f"credit_support/{place}/expires_on", "The credit support expires before it starts."
    yield from _twice([row.reference for row in record.documents], "documents", "reference")
    yield from _twice([row.code for row in record.milestones], "milestones", "code")


def _currency(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    if record.currency not in CURRENCIES:
        yield "currency", f"{record.currency} is no currency of ISO 4217."


def _market(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    try:
        power_market.check_zone(record.settlement_market, record.settlement_zone, record.country)
    except BadInput as refusal:
        yield str(refusal.field), refusal.message
    for field in ("certificate", "certificate_successor"):
        value = getattr(record, field)
        try:
            if value:
                power_market.check_certificate(Certificate(value), record.country, field=field)
        except BadInput as refusal:
            yield field, refusal.message


def _certificates(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    """A signed agreement that outlives its scheme says what follows; `none` says that nothing does."""
    on_site = record.structure in {AgreementStructure.PHYSICAL, AgreementStructure.HYBRID}
    if record.certificate is Certificate.I_REC and record.country == "JP" and not on_site:
        yield "certificate", "In Japan I-RECs come from plants on site only."
    scheme_ends = power_market.CERTIFICATE_ENDS.get(record.certificate)
    if scheme_ends is None or record.state not in agreement_state.BINDING or record.certificate_successor:
        return
    ends_on = term_end(record.starts_on or record.target_cod_on, record.term_years, record.tail_years)
    if ends_on is not None and ends_on > scheme_ends:
        text = (
            f"{record.certificate.value} ends on {scheme_ends}, the agreement on {ends_on}: say what follows, or none."
        )
        yield "certificate_successor", text


def _dates(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    stated = [
        (name, day)
        for name in ("target_cod_on", "guaranteed_cod_on", "long_stop_on")
        if (day := getattr(record, name)) is not None
    ]
    for (before, early), (after, late) in pairwise(stated):
        if late < early:
            yield after, f"{_words(after)} ({late}) lies before {_words(before)} ({early})."
    if record.p50_mwh is not None and record.p90_mwh is not None and record.p90_mwh > record.p50_mwh:
        yield "p90_mwh", "P90 is what is exceeded more often: it cannot be above P50."


def _volumes(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    """A volume that the megawatts cannot give, or hardly use, is one in another unit."""
    most = record.contracted_mw * _HOURS_OF_A_LEAP_YEAR
    for field in ("annual_mwh", "p50_mwh", "p90_mwh"):
        volume = getattr(record, field)
        if volume is not None and volume > most:
            yield field, f"{record.contracted_mw:f} MW give at most {most:f} MWh a year. Is it in kWh?"
        elif volume is not None and volume < most / 100:
            yield (
                field,
                f"This is less than 1 % of what {record.contracted_mw:f} MW give. Is one of them in another unit?",
            )


def _plant(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    """A plant gives no more than it has, and the contracted part of it is what its percentage says."""
    if record.installed_mw is None:
        return
    if record.contracted_mw > record.installed_mw:
        yield "contracted_mw", f"The plant has {record.installed_mw:f} MW."
    elif record.output_share_percent is not None:
        part = record.installed_mw * record.output_share_percent / 100
        if abs(part - record.contracted_mw) > record.contracted_mw / 100:
            yield "output_share_percent", f"{record.output_share_percent:f} % of the plant are {part:f} MW."
    if record.minimum_installed_mw is not None and record.minimum_installed_mw > record.installed_mw:
        yield "minimum_installed_mw", f"The plant has {record.installed_mw:f} MW."


def _words(field: str) -> str:
    return field.removesuffix("_on").replace("_", " ")


def _price(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    for field in ("price", "price_cap"):
        try:
            power_market.check_price(getattr(record, field), record.price_unit, record.currency, field=field)
        except BadInput as refusal:
            yield field, refusal.message
    if record.price_floor is not None and record.price_floor > 0:
        try:
            power_market.check_not_above(record.price_floor, record.price_unit, record.currency, field="price_floor")
        except BadInput as refusal:
            yield "price_floor", refusal.message
    if record.price_floor is not None and record.price_cap is not None and record.price_floor > record.price_cap:
        yield "price_floor", "The floor lies above the cap."
    if record.price_kind is PriceKind.ESCALATING and record.escalation_percent is None:
        yield "escalation_percent", "An escalating price states by how much."
    if record.price_kind is PriceKind.INDEXED:
        if not record.index_name:
            yield "index_name", "An indexed price names its index."
        if record.index_base_on is None:
            yield "index_base_on", "An indexed price states its base date."


def _state(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    known = {name for name in COLUMNS if getattr(record, name) not in (None, "")}
    for name in agreement_state.missing_fields(record.state, known):
        yield name, f"In the state {record.state.value} this is required."


def _shares(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    yield from _twice([(row.site, row.from_on) for row in record.shares], "shares", "site")
    for place, row in enumerate(record.shares):
        if row.from_on and row.until_on and row.until_on < row.from_on:
            yield f"shares/{place}/until_on", "The share ends before it starts."
        yield from _twice([step.from_on for step in row.steps], f"shares/{place}/steps", "from_on")
    above = first_above(total(row.curve() for row in record.shares), record.contracted_mw)
    if above is not None:
        day, mw = above
        since = "from COD" if day == date.min else f"from {day}"
        yield "shares", f"The shares take {mw:f} MW {since}; the agreement has {record.contracted_mw:f} MW."


def _damages(clause: DamagesRecord, path: str) -> Iterator[tuple[str, str]]:
    if (clause.due is DamagesDue.DAY) != (clause.due_on is not None):
        yield f"{path}/due_on", "A day is given where, and only where, damages are due after a day."
    if clause.cap_percent is not None and clause.base_amount is None:
        yield f"{path}/base_amount", "A cap in percent names the amount it is of."
    if clause.kind is DamagesKind.PER_MW_DAY and clause.percent_per_day is not None:
        yield f"{path}/percent_per_day", "Damages per MW and day have bands, not a percentage."
    try:
        check_damages(clause.terms())
    except BadInput as refusal:
        yield f"{path}/{refusal.field}", refusal.message


def _conditions(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    yield from _twice([row.number for row in record.conditions], "conditions", "number")
    yield from _twice([row.direction for row in record.delay_damages], "delay_damages", "direction")
    for place, row in enumerate(record.conditions):
        if row.met_on and row.waived_on:
            yield f"conditions/{place}/waived_on", "A condition is met or waived, not both."


def _notices(record: AgreementRecord) -> Iterator[tuple[str, str]]:
    yield from _twice([row.number for row in record.notices], "notices", "number")
    codes = {row.code for row in record.milestones}
    for place, row in enumerate(record.notices):
        if (row.reference is ClockReference.DAY) != (row.reference_on is not None):
            yield f"notices/{place}/reference_on", "A day is given where, and only where, the notice counts from a day."
        if (row.reference is ClockReference.MILESTONE) != bool(row.milestone_code):
            yield (
                f"notices/{place}/milestone_code",
                "A milestone is named where, and only where, it is counted from.",
            )
        elif row.milestone_code and codes and row.milestone_code not in codes:
            yield f"notices/{place}/milestone_code", f"The agreement has no milestone {row.milestone_code}."


def _twice(values: list[Any], path: str, field: str) -> Iterator[tuple[str, str]]:
    for place, value in enumerate(values):
        if value in values[:place]:
            yield f"{path}/{place}/{field}", "This is given twice."
