"""The fields of an agreement in words, in the order of a contract."""

from typing import Final

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Label = str | Lazy

GROUPS: Final[tuple[tuple[str, Label, dict[str, Label]], ...]] = (
    ("parties", _("Parties"), {
        "name": _("Name"), "seller": _("Seller"), "buyer": pgettext_lazy("power", "Buyer"),
        "sleeving_retailer": _("Sleeving retailer"), "guarantor": _("Guarantor"),
    }),
    ("plant", pgettext_lazy("power", "Plant"), {
        "project": _("Project"), "technology": _("Technology"), "country": _("Country"), "location": _("Location"),
        "grid_node": _("Grid node"), "delivery_point": _("Delivery point"),
        "installed_mw": _("Installed MW"), "minimum_installed_mw": _("Minimum installed MW"),
        "buy_down_terms": _("Buy-down if the plant is smaller"),
    }),
    ("volume", _("Volume"), {
        "structure": _("Structure"), "volume_shape": _("Volume shape"), "contracted_mw": _("Contracted MW"),
        "output_share_percent": _("Share of the output, %"), "annual_mwh": _("MWh a year"),
        "tolerance_percent": _("Tolerance, %"), "p50_mwh": _("P50, MWh a year"), "p90_mwh": _("P90, MWh a year"),
        "minimum_availability_percent": _("Minimum availability, %"), "shortfall_rule": _("Rule at a shortfall"),
        "minimum_take_percent": _("Minimum take, %"), "scheduling": _("Scheduling"),
        "capacity_rights_owner": _("Capacity rights owned by"),
    }),
    ("term", _("Term and dates"), {
        "signed_on": _("Signed on"), "starts_on": _("Term starts on (empty: at COD)"), "term_years": _("Term, years"),
        "tail_years": _("Tail, years"), "target_cod_on": _("Target COD"), "guaranteed_cod_on": _("Guaranteed COD"),
        "long_stop_on": _("Long-stop date"), "termination_right": _("Termination right"),
    }),
    ("price", _("Price"), {
        "price_kind": _("Kind of price"), "price": _("Price"), "price_unit": _("Per"), "currency": _("Currency"),
        "escalation_percent": _("Escalation a year, %"), "index_name": _("Index"),
        "index_base_on": _("Base date of the index"), "indexed_share_percent": _("Share indexed, %"),
        "floating_reference": _("Floating reference"), "price_floor": _("Floor"), "price_cap": _("Cap"),
    }),
    ("settlement", _("Settlement"), {
        "settlement_market": pgettext_lazy("power", "Market"), "settlement_zone": _("Zone, hub or area"),
        "settlement_interval_minutes": _("Interval, minutes"),
        "settlement_floor": _("Floor of the settled market price"), "negative_price_rule": _("At negative prices"),
        "curtailment_borne_by": _("Curtailment borne by"),
        "curtailment_allowance_percent": _("Curtailment allowance, %"), "deemed_energy": _("Deemed energy"),
    }),
    ("certificates", _("Certificates"), {
        "certificate": _("Certificate"), "certificate_vintage": _("Vintage"), "certificate_owner": _("Owned by"),
        "certificate_delivery_days": _("Delivered within, days"),
        "certificate_replacement": _("If a certificate does not come"), "certificate_successor": _("Successor"),
    }),
    ("clauses", _("Other clauses"), {
        "change_in_law_borne_by": _("Change in law borne by"), "metering": _("Metering"),
        "assignment_terms": _("Assignment"), "confidentiality": _("Confidentiality"),
        "governing_law": _("Governing law"),
    }),
)  # fmt: skip
LABELS: Final[dict[str, Label]] = {name: label for _key, _title, fields in GROUPS for name, label in fields.items()}
