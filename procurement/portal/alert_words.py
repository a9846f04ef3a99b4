"""What an alert says, from the facts its rule saw."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from procurement.domain.alerting import RFS_HIT
from procurement.models import Alert, AlertEvent
from procurement.portal import words
from procurement.vocabulary import AlertEventKind, Rule
from sites.vocabulary import Driver, Party, step_name

# In the order in which a reader wants them; facts without a name here are not shown.
_FACTS: Final[Mapping[str, str | Lazy]] = {
    "required_on_site": gettext_lazy("Required on site"),
    "required_from_on": gettext_lazy("Required before"),
    "forecast_on": gettext_lazy("Forecast"),
    "forecast_from_on": gettext_lazy("Forecast before"),
    "order_by_on": gettext_lazy("Order by"),
    "milestone": gettext_lazy("Step"),
    "due_on": gettext_lazy("Due"),
    "cod_forecast_on": gettext_lazy("COD forecast"),
    "cod_from_on": gettext_lazy("COD forecast before"),
    "energisation_on": gettext_lazy("Energisation"),
    "energisation_from_on": gettext_lazy("Energisation before"),
    "energised_by": gettext_lazy("Energised by"),
    "guaranteed_cod_on": gettext_lazy("Guaranteed COD"),
    "long_stop_on": gettext_lazy("Long-stop"),
    "days_late": gettext_lazy("Days late"),
    "working_days_late": gettext_lazy("Working days late"),
    "days_left": gettext_lazy("Days left"),
    "working_days_left": gettext_lazy("Working days left"),
    "float_days": gettext_lazy("Float, days"),
    "float_working_days": gettext_lazy("Float, working days"),
    "mw_days": gettext_lazy("MW-days"),
    "share_mw": gettext_lazy("Share, MW"),
    "block": gettext_lazy("Block hit"),
    "rfs_baseline_on": gettext_lazy("RFS baseline"),
    "rfs_forecast_on": gettext_lazy("RFS forecast"),
    "vendor": gettext_lazy("Vendor"),
    "responsible": gettext_lazy("Responsible"),
    "driver": gettext_lazy("Decided by"),
    "driver_code": gettext_lazy("Deciding step"),
}
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
    if key.endswith("_on") or key == "required_on_site":
        return words.day(date.fromisoformat(str(value)))
    return str(value).replace("-", "−") if isinstance(value, int) else str(value)


def headline(alert: Alert) -> str:
    """One line that says how bad it is."""
    found = alert.facts
    late = found.get("days_late")
    match alert.rule:
        case Rule.LATE_FORECAST if late is not None:
            return _("%(days)s later than required on site") % {"days": words.days(int(late))}
        case Rule.ORDER_BY if (left := found.get("days_left")) is not None:
            if int(left) < 0:
                return _("Order-by date passed %(days)s ago") % {"days": words.days(-int(left))}
            return _("To be ordered within %(days)s") % {"days": words.days(int(left))}
        case Rule.MILESTONE_OVERDUE if late is not None:
            return _("%(step)s overdue by %(days)s") % {
                "step": step_name(str(found.get("milestone") or "")),
                "days": words.days(int(late)),
            }
        case Rule.COD_AFTER_ENERGISATION if late is not None:
            return _("Power starts %(days)s after energisation") % {"days": words.days(int(late))}
        case _:
            return str(alert.get_rule_display())


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
