"""What an alert says, from the facts its rule saw."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from procurement.domain.alerting import RFS_HIT
from procurement.models import Alert, AlertEvent
from procurement.portal import words
from procurement.portal.templatetags.portal import amount
from procurement.queries.alert import Age
from procurement.services import alert_text
from procurement.vocabulary import AlertEventKind
from sites.vocabulary import Driver, Party, PowerLimit, step_name

AGE_WORDS: Final[Mapping[Age, str | Lazy]] = {
    Age.NEW: gettext_lazy("Up to 2 days"),
    Age.WEEK: gettext_lazy("3 to 7 days"),
    Age.MONTH: gettext_lazy("8 to 30 days"),
    Age.OLDER: gettext_lazy("Over 30 days"),
}
# In the order in which a reader wants them; facts without a name here are not shown.
_FACTS: Final[Mapping[str, str | Lazy]] = {
    "required_on_site": gettext_lazy("Required on site"),
    "required_from_on": gettext_lazy("Required before"),
    "pulled_from_on": gettext_lazy("Required until lately"),
    "days_pulled": gettext_lazy("Required earlier, days"),
    "working_days_pulled": gettext_lazy("Required earlier, working days"),
    "activities": gettext_lazy("Activities gone from the schedule"),
    "forecast_on": gettext_lazy("Forecast"),
    "forecast_from_on": gettext_lazy("Forecast before"),
    "order_by_on": gettext_lazy("Order by"),
    "milestone": gettext_lazy("Step"),
    "due_on": gettext_lazy("Due"),
    "expected_on": gettext_lazy("Expected"),
    "tbd_since_on": gettext_lazy("To be decided since"),
    "days_waited": gettext_lazy("Days without a date"),
    "working_days_waited": gettext_lazy("Working days without a date"),
    "heard_on": gettext_lazy("Last heard of"),
    "days_silent": gettext_lazy("Days of silence"),
    "working_days_silent": gettext_lazy("Working days of silence"),
    "open_lots": gettext_lazy("Open lots"),
    "late_lots": gettext_lazy("Late lots"),
    "cod_forecast_on": gettext_lazy("COD forecast"),
    "cod_from_on": gettext_lazy("COD forecast before"),
    "energisation_planned_on": gettext_lazy("Energisation planned"),
    "energisation_on": gettext_lazy("Energisation"),
    "energisation_from_on": gettext_lazy("Energisation before"),
    "energised_by": gettext_lazy("Energised by"),
    "load_on": gettext_lazy("Load starts"),
    "guaranteed_cod_on": gettext_lazy("Guaranteed COD"),
    "long_stop_on": gettext_lazy("Long-stop"),
    "gap_from_on": gettext_lazy("Not covered from"),
    "gap_until_on": gettext_lazy("Not covered until"),
    "gap_days": gettext_lazy("Days not covered"),
    "gap_mw": gettext_lazy("Not covered, MW"),
    "binding": gettext_lazy("Held down by"),
    "overlap_on": gettext_lazy("More shared than contracted from"),
    "overlap_from_on": gettext_lazy("Contracted twice from"),
    "overlap_until_on": gettext_lazy("Contracted twice until"),
    "overlap_days": gettext_lazy("Days contracted twice"),
    "overlap_mw": gettext_lazy("More than the load, MW"),
    "expires_on": gettext_lazy("Expires"),
    "uncovered_mw": gettext_lazy("Without a successor, MW"),
    "days_late": gettext_lazy("Days late"),
    "working_days_late": gettext_lazy("Working days late"),
    "days_left": gettext_lazy("Days left"),
    "working_days_left": gettext_lazy("Working days left"),
    "float_days": gettext_lazy("Float, days"),
    "float_working_days": gettext_lazy("Float, working days"),
    "buffer_days": gettext_lazy("Buffer, days"),
    "slip_days": gettext_lazy("Against the baseline, days"),
    "mw_days": gettext_lazy("MW-days"),
    "share_mw": gettext_lazy("Share, MW"),
    "block": gettext_lazy("Block hit"),
    "rfs_baseline_on": gettext_lazy("RFS baseline"),
    "rfs_from_on": gettext_lazy("RFS forecast before"),
    "rfs_forecast_on": gettext_lazy("RFS forecast"),
    "decided_by": gettext_lazy("Equipment that decides"),
    "vendor": gettext_lazy("Vendor"),
    "responsible": gettext_lazy("Responsible"),
    "driver": gettext_lazy("Decided by"),
    "driver_code": gettext_lazy("Deciding step"),
    "owner": gettext_lazy("To be served by"),
    "order": gettext_lazy("Order"),
    "system": gettext_lazy("System"),
    "units_lost": gettext_lazy("Units lost"),
    "disagreements": gettext_lazy("Disagreements"),
    "units_wanted": gettext_lazy("Units wanted"),
}
_LIMITS: Final = dict(PowerLimit.choices)
_AMOUNTS: Final = frozenset({"mw_days", "share_mw", "gap_mw", "overlap_mw", "uncovered_mw"})
_CODES: Final = frozenset({"milestone", "driver_code"})
_DRIVERS: Final = dict(Driver.choices)
_PARTIES: Final = dict(Party.choices)


def facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, value) of each fact that is known, as text to show."""
    shown = []
    for key, name in _FACTS.items():
        value = found.get(key)
        if value not in {None, ""}:
            shown.append((str(name), _value(key, value)))
    return shown


def _value(key: str, value: object) -> str:
    if key in _CODES:
        return step_name(str(value))
    if key == "driver":
        return str(_DRIVERS.get(str(value), value))
    if key == "responsible":
        return str(_PARTIES.get(str(value), value))
    if key == "binding":
        return ", ".join(str(_LIMITS.get(word, word)) for word in str(value).split(", "))
    if key.endswith("_on") or key == "required_on_site":
        return words.day(date.fromisoformat(str(value)))
    if isinstance(value, int) or key in _AMOUNTS:
        return amount(Decimal(str(value)), places=3)
    return str(value)


def headline(alert: Alert) -> str:
    """One line that says how bad it is, and what moved."""
    return alert_text.headline(alert.rule, alert.facts)


def event(row: AlertEvent) -> str:
    if row.kind != AlertEventKind.BAND:
        return str(row.get_kind_display())
    if row.band == RFS_HIT:
        return _("A ready-for-service date was hit")
    if row.band < 0:
        return _("Band crossed: %(days)s left") % {"days": words.days(-row.band)}
    if row.band == 0:
        return _("Opened")
    return _("Band crossed: %(days)s") % {"days": words.days(row.band)}
