"""The columns of workbooks, and the stored words in them, as a reader knows them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import TextChoices
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _

from procurement.models import ImportRow
from procurement.services.import_kinds import handler
from procurement.vocabulary import CommercialStatus, Criticality, ImportKind, LeadTimeKind
from sites.vocabulary import BlockPolicy, GateKind, Party, ReasonCode, step_name

FIELDS: Final[Mapping[str, str | Lazy]] = {
    "active": _("In use"),
    "actual": _("Actual date"),
    "actual_on": _("Done on"),
    "as_of": _("As of"),
    "basis_from": _("From step"),
    "basis_to": _("To step"),
    "block": _("Block"),
    "class": _("Class"),
    "company": _("Company"),
    "conditional_on": _("Subject to release by"),
    "contract_on": _("Contract date"),
    "country": _("Country"),
    "criticality": _("Criticality"),
    "currency": _("Currency"),
    "description": _("Description"),
    "document": _("Document"),
    "gate": _("Gate"),
    "group": _("Group"),
    "high_weeks": _("Weeks, high"),
    "incoterm": _("Incoterm"),
    "incoterm_place": _("Incoterm place"),
    "issued_on": _("Issued on"),
    "it_mw": _("MW IT"),
    "kind": _("Kind"),
    "line": _("Line"),
    "lot": _("Lot"),
    "low_weeks": _("Weeks, low"),
    "makes": _("Makes"),
    "milestone": _("Step"),
    "name": _("Name"),
    "note": _("Note"),
    "order": _("Order"),
    "phase": _("Phase"),
    "phase_it_mw": _("MW IT of the phase"),
    "planned_on": _("Planned"),
    "plant": _("Plant"),
    "policy": _("Policy"),
    "promise": _("Promise"),
    "quantity": _("Quantity"),
    "rating_band": _("Rating"),
    "reason_code": _("Reason"),
    "receipt": _("Received"),
    "region": _("Region"),
    "rejected": _("Rejected units"),
    "required_on_site": _("Required on site"),
    "responsible": _("Responsible"),
    "rfs_baseline_on": _("RFS baseline"),
    "rfs_plan_on": _("RFS plan"),
    "schedule": _("Schedule line"),
    "sells": _("Sells"),
    "serials": _("Serial numbers"),
    "shipment_notice": _("Shipment notice"),
    "site": _("Site"),
    "source": _("Source"),
    "stated_on": _("Stated on"),
    "status": _("Status"),
    "sub_class": _("Sub-class"),
    "tag": _("Tag"),
    "title": _("Title"),
    "unit": _("Unit"),
    "unit_price": _("Unit price"),
    "unknown_currency": _("Currency that is none: kept as text"),
    "unknown_delivery_site": _("Place of delivery that is no site of ours"),
    "unknown_delivery_term": _("Delivery term that is none: kept as text"),
    "valid_until": _("Valid until"),
    "vendor": _("Vendor"),
}
_STORED: Final[Mapping[str, type[TextChoices]]] = {
    "criticality": Criticality,
    "gate": GateKind,
    "policy": BlockPolicy,
    "reason_code": ReasonCode,
    "responsible": Party,
    "status": CommercialStatus,
}
_STEPS: Final = frozenset({"basis_from", "basis_to", "milestone"})
# Said to whoever reads it, not done by the row.
_FLAGS: Final = frozenset({"unknown_currency", "unknown_delivery_site", "unknown_delivery_term"})


@dataclass(frozen=True, slots=True)
class Change:
    """`is_flag`: it is only noted."""

    name: str
    old: str
    new: str
    is_flag: bool


def field_name(field: str) -> str:
    return str(FIELDS.get(field, field))


def changes(row: ImportRow, kind: ImportKind) -> Iterator[Change]:
    for each in row.changes:
        field = each["field"]
        yield Change(
            field_name(field), _value(kind, field, each["old"]), _value(kind, field, each["new"]), field in _FLAGS
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """`name` is the column, which a refusal of something that is not there has no cell to name."""

    address: str
    name: str
    message: str


def refusals(row: ImportRow) -> list[Refusal]:
    return [Refusal(each["address"], str(FIELDS.get(each["field"], "")), each["message"]) for each in row.refusals]


def about(row: ImportRow, kind: ImportKind) -> str:
    """What the row is about; of one that was refused before that was known, what its own cells say."""
    named = [column.field for column in handler(kind).columns_of(kind) if column.required]
    return row.subject or " / ".join(row.cells[field] for field in named if field in row.cells)


def _value(kind: ImportKind, field: str, said: str) -> str:
    if field in _STEPS:
        return str(step_name(said)) if said else ""
    if field == "kind" and kind == ImportKind.LEAD_TIMES:
        return _label(LeadTimeKind, said)
    return _label(_STORED[field], said) if field in _STORED else said


def _label(choices: type[TextChoices], said: str) -> str:
    return str(choices(said).label) if said in choices.values else said
