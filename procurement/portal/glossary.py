"""What the abbreviations of the trade mean, in one sentence each."""

from typing import Final

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _

TERMS: Final[dict[str, str | Lazy]] = {
    "ROS": _("Required on site: the day a unit must be on site for its block to be ready in time."),
    "RFS": _("Ready for service: the day a block is turned over."),
    "FAT": _("Factory acceptance test: the unit is proven at the maker's works before it leaves."),
    "SAT": _("Site acceptance test: the unit is proven where it is installed."),
    "PPA": _("Power purchase agreement: a contract to buy the output of a plant."),
    "COD": _("Commercial operation date: the day a plant of an agreement begins to deliver under it."),
    "SLD": _("Single-line diagram: the electrical system drawn with one line a circuit."),
    "PO": _("Purchase order."),
    "ERP": _("Enterprise resource planning: the system that owns orders and money."),
    "P80": _("The day by which it comes in 80 of 100 simulated courses of events."),
    "P50": _("The day by which it comes in 50 of 100 simulated courses of events."),
    "MW": _("Megawatt. MW-days count how many megawatts are late, times the days."),
    "MW IT": _("Information technology: the load of the computers, without cooling and losses."),
    "MV": _("Medium voltage."),
    "LV": _("Low voltage."),
    "UPS": _("Uninterruptible power supply."),
    "TBD": _("To be decided: the vendor named no date."),
    "CW": _("Calendar week, counted as in ISO 8601; it counts at the week's end."),
    "WBS": _("Work breakdown structure of a schedule."),
    "XER": _("File of a Primavera P6 schedule."),
    "EXW": _("Ex works: the buyer collects at the maker's gate."),
    "FCA": _("Free carrier: the seller hands over to the buyer's carrier."),
    "DAP": _("Delivered at place: the seller carries it to the named place."),
    "DDP": _("Delivered duty paid: the seller carries it to the named place and clears it."),
    "L5": _("Level 5 of commissioning: the whole system is tested together."),
}
