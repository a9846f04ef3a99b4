"""What an alert says in one line, for every page, mail and room: how bad it is, and what moved."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from procurement.vocabulary import Rule
from sites.domain.text import one_line
from sites.vocabulary import step_name

# What can have moved: the present date, and where its facts keep the one before.
MOVES: Final = (
    ("forecast_on", "forecast_from_on"),
    ("cod_forecast_on", "cod_from_on"),
    ("energisation_on", "energisation_from_on"),
    ("rfs_forecast_on", "rfs_from_on"),
)
_MOST: Final = 200

Facts = Mapping[str, Any]


def headline(rule: str, facts: Facts) -> str:
    """How bad it is, with the date that moved: a line that stands alone."""
    said = status(rule, facts)
    said = said[:1].upper() + said[1:]
    moved = _moved(rule, facts)
    return f"{said}: {moved}" if moved else said


def status(rule: str, facts: Facts) -> str:
    """How bad it is, to stand behind or before what it is about. Facts of an older release may lack what is named."""
    found = _STATUS[Rule(rule)](facts) if rule in Rule.values else None
    return one_line(found or (str(Rule(rule).label) if rule in Rule.values else rule), most=_MOST)


def quoted(code: str) -> str:
    """A step's name is a sentence of its own; in another one it stands in quotation marks."""
    return _("“%(step)s”") % {"step": one_line(step_name(code), most=_MOST)}


def _moved(rule: str, facts: Facts) -> str:
    if rule == Rule.ORDER_BY:
        return _day(facts["order_by_on"]) if facts.get("order_by_on") else ""
    if rule == Rule.ROS_PULLED_FORWARD:
        return _from_to(facts.get("pulled_from_on"), facts.get("required_on_site"))
    if rule == Rule.RFS_HIT:
        return _from_to(facts.get("rfs_from_on") or facts.get("rfs_baseline_on"), facts.get("rfs_forecast_on"))
    if rule == Rule.ENERGISATION_HIT:
        since = facts.get("energisation_from_on") or facts.get("energisation_planned_on")
        return _from_to(since, facts.get("energisation_on"))
    return next((_from_to(facts.get(since), facts.get(on)) for on, since in MOVES if facts.get(on)), "")


def _from_to(since: object, until: object) -> str:
    if not until:
        return ""
    if not since or since == until:
        return _("forecast %(day)s") % {"day": _day(until)}
    return f"{_day(since)} → {_day(until)}"


def _day(text: object) -> str:
    return formats.date_format(date.fromisoformat(str(text)), "DATE_FORMAT")


def _days(number: int) -> str:
    return ngettext("%(days)s day", "%(days)s days", abs(number)) % {"days": number}


def _no_ros(facts: Facts) -> str:
    return _("no required-on-site date")


def _order_by(facts: Facts) -> str | None:
    if (left := facts.get("days_left")) is None:
        return None
    if left >= 0:
        return ngettext("order within %(days)d day", "order within %(days)d days", left) % {"days": left}
    return ngettext("order %(days)d day overdue", "order %(days)d days overdue", -left) % {"days": -left}


def _late_forecast(facts: Facts) -> str | None:
    if (late := facts.get("days_late")) is None:
        return None
    if late < 1:
        return _("no longer late")
    return ngettext("%(days)d day late", "%(days)d days late", late) % {"days": late}


def _low_float(facts: Facts) -> str | None:
    left, buffer = facts.get("float_days"), facts.get("buffer_days")
    if left is None or buffer is None:
        return None
    return _("float of %(left)s, the buffer is %(buffer)s") % {"left": _days(left), "buffer": _days(buffer)}


def _slip_grew(facts: Facts) -> str | None:
    if (slip := facts.get("slip_days")) is None:
        return None
    return ngettext(
        "slipped %(days)d day against the contract", "slipped %(days)d days against the contract", slip
    ) % {"days": slip}  # fmt: skip


def _milestone_overdue(facts: Facts) -> str | None:
    if (late := facts.get("days_late")) is None:
        return None
    return ngettext(
        "%(step)s %(days)d day overdue", "%(step)s %(days)d days overdue", late
    ) % {"step": quoted(facts.get("milestone") or ""), "days": late}  # fmt: skip


def _vendor_silent(facts: Facts) -> str | None:
    if (silent := facts.get("days_silent")) is None:
        return None
    return ngettext("silent for %(days)d day", "silent for %(days)d days", silent) % {"days": silent}


def _promise_tbd(facts: Facts) -> str | None:
    step = quoted(facts.get("milestone") or "")
    if (waited := facts.get("days_waited")) is not None:
        return ngettext(
            "%(step)s to be decided for %(days)d day", "%(step)s to be decided for %(days)d days", waited
        ) % {"step": step, "days": waited}  # fmt: skip
    if (late := facts.get("days_late")) is not None:
        return ngettext(
            "%(step)s has no day, and its period ended %(days)d day ago",
            "%(step)s has no day, and its period ended %(days)d days ago",
            late,
        ) % {"step": step, "days": late}
    return None


def _ros_pulled_forward(facts: Facts) -> str | None:
    if (days := facts.get("days_pulled")) is None:
        return None
    return ngettext("required %(days)d day earlier", "required %(days)d days earlier", days) % {"days": days}


def _anchor_lost(facts: Facts) -> str | None:
    if not facts.get("activities"):
        return None
    return _("no longer in the schedule: %(activities)s") % {"activities": facts["activities"]}


def _rfs_hit(facts: Facts) -> str | None:
    if (late := facts.get("days_late")) is None:
        return None
    return ngettext(
        "ready for service %(days)d day late", "ready for service %(days)d days late", late
    ) % {"days": late}  # fmt: skip


def _energisation_hit(facts: Facts) -> str | None:
    if (late := facts.get("days_late")) is None:
        return None
    return ngettext("energised %(days)d day late", "energised %(days)d days late", late) % {"days": late}


def _cod_after_energisation(facts: Facts) -> str | None:
    if (late := facts.get("days_late")) is None:
        return None
    return ngettext(
        "power %(days)d day after energisation", "power %(days)d days after energisation", late
    ) % {"days": late}  # fmt: skip


def _energisation_after_load(facts: Facts) -> str | None:
    if (late := facts.get("days_late")) is None:
        return None
    return ngettext(
        "energised %(days)d day after the load starts", "energised %(days)d days after the load starts", late
    ) % {"days": late}  # fmt: skip


def _cod_near_guaranteed(facts: Facts) -> str | None:
    if (late := facts.get("days_late")) is not None:
        return ngettext(
            "COD %(days)d day after the guaranteed date", "COD %(days)d days after the guaranteed date", late
        ) % {"days": late}  # fmt: skip
    if (left := facts.get("days_left")) is not None:
        return ngettext(
            "COD %(days)d day before the guaranteed date", "COD %(days)d days before the guaranteed date", left
        ) % {"days": left}  # fmt: skip
    return None


def _long_stop_near(facts: Facts) -> str | None:
    if (late := facts.get("days_late")) is not None:
        return ngettext(
            "COD %(days)d day after the long-stop date", "COD %(days)d days after the long-stop date", late
        ) % {"days": late}  # fmt: skip
    if (left := facts.get("days_left")) is not None:
        return ngettext(
            "COD %(days)d day before the long-stop date", "COD %(days)d days before the long-stop date", left
        ) % {"days": left}  # fmt: skip
    return None


def _power_gap(facts: Facts) -> str | None:
    if not facts.get("gap_mw") or not facts.get("gap_from_on"):
        return None
    days = facts.get("gap_days") or 0
    return ngettext(
        "%(mw)s MW not covered on %(days)d day from %(from)s",
        "%(mw)s MW not covered on %(days)d days from %(from)s",
        days,
    ) % {"mw": facts["gap_mw"], "days": days, "from": _day(facts["gap_from_on"])}


def _share_overlap(facts: Facts) -> str | None:
    if not facts.get("overlap_on"):
        return _("more is shared out than is contracted")
    return _("from %(day)s more is shared out than is contracted") % {"day": _day(facts["overlap_on"])}


def _agreement_overlap(facts: Facts) -> str | None:
    days = facts.get("overlap_days")
    if not days or not facts.get("overlap_mw"):
        return None
    return ngettext(
        "%(mw)s MW more than the load will take are contracted on %(days)d day from %(from)s",
        "%(mw)s MW more than the load will take are contracted on %(days)d days from %(from)s",
        days,
    ) % {"mw": facts["overlap_mw"], "days": days, "from": _day(facts["overlap_from_on"])}


def _unmatched_expiry(facts: Facts) -> str | None:
    if not facts.get("expires_on") or not facts.get("uncovered_mw"):
        return None
    return _("%(mw)s MW expire on %(day)s without a successor") % {
        "mw": facts["uncovered_mw"],
        "day": _day(facts["expires_on"]),
    }


def _contract_clock(facts: Facts) -> str | None:
    left = facts.get("days_left")
    if left is None or not facts.get("due_on"):
        return None
    due = {"day": _day(facts["due_on"]), "days": abs(left)}
    if left < 0:
        return ngettext("was due %(days)d day ago, on %(day)s", "was due %(days)d days ago, on %(day)s", -left) % due
    return ngettext("due in %(days)d day, on %(day)s", "due in %(days)d days, on %(day)s", left) % due


def _erp_disagreement(facts: Facts) -> str | None:
    if number := facts.get("disagreements"):
        return ngettext(
            "%(system)s says %(number)d thing otherwise in its open orders",
            "%(system)s says %(number)d things otherwise in its open orders",
            number,
        ) % {"system": facts.get("system") or "ERP", "number": number}
    if not facts.get("order") or not facts.get("units_lost"):
        return None
    return _("%(system)s took %(units)s away with order %(number)s") % {
        "system": facts.get("system") or "ERP",
        "units": facts["units_lost"],
        "number": facts["order"],
    }


_STATUS: Final = {
    Rule.NO_ROS: _no_ros,
    Rule.ORDER_BY: _order_by,
    Rule.LATE_FORECAST: _late_forecast,
    Rule.LOW_FLOAT: _low_float,
    Rule.SLIP_GREW: _slip_grew,
    Rule.MILESTONE_OVERDUE: _milestone_overdue,
    Rule.VENDOR_SILENT: _vendor_silent,
    Rule.PROMISE_TBD: _promise_tbd,
    Rule.ROS_PULLED_FORWARD: _ros_pulled_forward,
    Rule.ANCHOR_LOST: _anchor_lost,
    Rule.RFS_HIT: _rfs_hit,
    Rule.ENERGISATION_HIT: _energisation_hit,
    Rule.COD_AFTER_ENERGISATION: _cod_after_energisation,
    Rule.ENERGISATION_AFTER_LOAD: _energisation_after_load,
    Rule.COD_NEAR_GUARANTEED: _cod_near_guaranteed,
    Rule.LONG_STOP_NEAR: _long_stop_near,
    Rule.POWER_GAP: _power_gap,
    Rule.SHARE_OVERLAP: _share_overlap,
    Rule.AGREEMENT_OVERLAP: _agreement_overlap,
    Rule.UNMATCHED_EXPIRY: _unmatched_expiry,
    Rule.CONTRACT_CLOCK: _contract_clock,
    Rule.ERP_DISAGREEMENT: _erp_disagreement,
}
