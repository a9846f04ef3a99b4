"""Power in words: what binds, what money is for, what is not known."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sites.domain.power_periods import Quarter
from sites.vocabulary import PowerLimit

AMOUNTS: Final[Mapping[str, str | Lazy]] = {
    "spot_cost": gettext_lazy("Bought on the spot market before COD"),
    "spot_over_contract": gettext_lazy("of it above the contract price"),
    "minimum_take": gettext_lazy("Minimum take paid for unused power"),
    "tail": gettext_lazy("of it before there is any load (tail)"),
    "damages_receivable": gettext_lazy("Delay damages receivable"),
    "damages_payable": gettext_lazy("Delay damages payable"),
}
NOT_KNOWN: Final[Mapping[str, str | Lazy]] = {
    "load": gettext_lazy("the load that is served"),
    "volume": gettext_lazy("the yearly volume"),
    "price": gettext_lazy("the contract price"),
    "spot_price": gettext_lazy("the spot price"),
}
LIMIT_ICONS: Final[Mapping[PowerLimit, str]] = {
    PowerLimit.GRID: "plug",
    PowerLimit.SUPPLY: "bolt",
    PowerLimit.ELECTRICAL: "building-factory-2",
    PowerLimit.COOLING: "refresh",
}


def binding(quarter: Quarter) -> str:
    """The limits that bind longest in a quarter; those that leave a gap come first."""
    if not quarter.binding:
        return _("nothing")
    first = quarter.binding[0]
    ties = [each for each in quarter.binding if (each.gap_days, each.days) == (first.gap_days, first.days)]
    return ", ".join(str(each.kind.label) for each in ties)


def tone(quarter: Quarter) -> str:
    if any(each.gap_days for each in quarter.binding):
        return "bad"
    if quarter.totals.known_days < quarter.totals.days and quarter.totals.gap_mw_days is None:
        return "quiet"
    return "good"
