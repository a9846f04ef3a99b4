"""The thresholds of the alert rules: defaults here, what differs per site and class from the tables.

Days are calendar days unless named working. `bands` are the days at which a rule speaks again; beyond the last it does
so each time as many days come on top. `near_days` are days before a date at which it speaks, `least_mw` are whole
megawatts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from uuid import UUID

from procurement.vocabulary import ParameterRefusal, Rule
from sites.domain.errors import BadInput

MOST_DAYS: Final = 3650
_MOST_BANDS: Final = 12


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of one rule. A move of `large_move_days` between two looks is told at once, whatever the lane."""

    enabled: bool = True
    bands: tuple[int, ...] = (1, 7, 14, 30)
    near_days: tuple[int, ...] = (14, 3)
    buffer_days: int = 10
    working_days: int = 10
    least_days: int = 7
    within_days: int = 30
    least_mw: int = 1
    large_move_days: int = 7
    hysteresis_days: int = 2

    @property
    def first_band(self) -> int:
        return self.bands[0]

    def band_of(self, days: int) -> int:
        """The highest band that `days` reaches; `days` is at least the first."""
        last = self.bands[-1]
        if days >= last:
            return last * (days // last)
        return max(band for band in self.bands if band <= days)

    def near_band(self, days_left: int) -> int | None:
        """None while a date is further away than the first warning; negative before it, the days past it after."""
        if days_left < 0:
            return self.band_of(max(-days_left, self.first_band))
        return max((-near for near in self.near_days if days_left <= near), default=None)


_PLAIN: Final = Parameters()
# What a rule reads besides `enabled` and `large_move_days`, and where its defaults differ from the plain ones.
_READS: Final[dict[Rule, tuple[str, ...]]] = {
    Rule.NO_ROS: (),
    Rule.ORDER_BY: ("bands", "near_days", "hysteresis_days"),
    Rule.LATE_FORECAST: ("bands", "hysteresis_days"),
    Rule.LOW_FLOAT: ("buffer_days", "hysteresis_days"),
    Rule.SLIP_GREW: ("bands", "hysteresis_days"),
    Rule.MILESTONE_OVERDUE: ("bands",),
    Rule.VENDOR_SILENT: ("working_days",),
    Rule.PROMISE_TBD: ("working_days", "bands"),
    Rule.ROS_PULLED_FORWARD: ("least_days", "within_days"),
    Rule.ANCHOR_LOST: (),
    Rule.RFS_HIT: ("bands", "hysteresis_days"),
    Rule.ENERGISATION_HIT: ("bands", "hysteresis_days"),
    Rule.COD_AFTER_ENERGISATION: ("bands", "hysteresis_days"),
    Rule.ENERGISATION_AFTER_LOAD: ("bands", "hysteresis_days"),
    Rule.COD_NEAR_GUARANTEED: ("bands", "near_days", "hysteresis_days"),
    Rule.LONG_STOP_NEAR: ("bands", "near_days", "hysteresis_days"),
    Rule.POWER_GAP: ("bands", "least_days", "least_mw", "within_days"),
    Rule.SHARE_OVERLAP: (),
    Rule.AGREEMENT_OVERLAP: ("bands", "least_days", "least_mw", "within_days"),
    Rule.UNMATCHED_EXPIRY: ("near_days",),
    Rule.CONTRACT_CLOCK: ("near_days", "bands"),
    Rule.ERP_DISAGREEMENT: (),
}
DEFAULTS: Final[dict[Rule, Parameters]] = dict.fromkeys(Rule, _PLAIN) | {
    Rule.SLIP_GREW: replace(_PLAIN, bands=(7, 14, 30)),
    Rule.PROMISE_TBD: replace(_PLAIN, working_days=5),
    Rule.COD_NEAR_GUARANTEED: replace(_PLAIN, near_days=(60, 30)),
    Rule.LONG_STOP_NEAR: replace(_PLAIN, near_days=(90, 30)),
    Rule.POWER_GAP: replace(_PLAIN, within_days=365),
    Rule.AGREEMENT_OVERLAP: replace(_PLAIN, least_days=30, within_days=365),
    Rule.UNMATCHED_EXPIRY: replace(_PLAIN, near_days=(365, 180, 90)),
    Rule.CONTRACT_CLOCK: replace(_PLAIN, near_days=(30, 14, 3)),
}
# The rules about a requirement or a lot; the others are about no one class of equipment.
PER_CLASS: Final = frozenset(
    {
        Rule.NO_ROS,
        Rule.ORDER_BY,
        Rule.LATE_FORECAST,
        Rule.LOW_FLOAT,
        Rule.SLIP_GREW,
        Rule.MILESTONE_OVERDUE,
        Rule.PROMISE_TBD,
        Rule.ROS_PULLED_FORWARD,
        Rule.ANCHOR_LOST,
        Rule.ERP_DISAGREEMENT,
    }
)
_LISTS: Final = ("bands", "near_days")
_FLAGS: Final = ("enabled",)


def names(rule: Rule) -> tuple[str, ...]:
    """The parameters that can be set for a rule, in the order in which they are shown."""
    return ("enabled", *_READS[rule], "large_move_days")


def checked(rule: Rule, given: Mapping[str, Any]) -> dict[str, Any]:
    """What may be stored for a rule. Raises BadInput naming `parameters.<name>`."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in names(rule):
            raise _refused(ParameterRefusal.UNKNOWN, name, rule=rule.label)
        if name in _FLAGS:
            found[name] = _flag(value, name)
        elif name in _LISTS:
            found[name] = _days_list(value, name)
        else:
            found[name] = _days(value, name)
    return found


def _refused(why: ParameterRefusal, name: str, **facts: object) -> BadInput:
    """In the reader's language."""
    return BadInput(str(why.label) % facts, field=f"parameters.{name}")


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise _refused(ParameterRefusal.NO_FLAG, name)
    return value


def _days(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_DAYS:
        raise _refused(ParameterRefusal.NO_DAYS, name, most=MOST_DAYS)
    return value


def _days_list(value: Any, name: str) -> list[int]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= _MOST_BANDS:
        raise _refused(ParameterRefusal.NO_LIST, name, most=_MOST_BANDS)
    days = [_days(each, name) for each in value]
    if 0 in days and name == "bands":
        raise _refused(ParameterRefusal.NO_BAND, name)
    if len(set(days)) != len(days):
        raise _refused(ParameterRefusal.TWICE, name)
    return sorted(days, reverse=name == "near_days")


@dataclass(frozen=True, slots=True)
class Setting:
    """One stored row; null is everywhere, or every class."""

    rule: Rule
    site_id: UUID | None
    class_id: UUID | None
    parameters: Mapping[str, Any]


class RuleSettings:
    """The parameters that hold at a place: a class at a site decides before the site, that before the class."""

    def __init__(self, settings: Iterable[Setting] = ()) -> None:
        self._rows = {(row.rule, row.site_id, row.class_id): row.parameters for row in settings}
        self._found: dict[tuple[Rule, UUID | None, UUID | None], Parameters] = {}

    def of(self, rule: Rule, *, site_id: UUID | None = None, class_id: UUID | None = None) -> Parameters:
        if not self._rows:
            return DEFAULTS[rule]
        key = rule, site_id, class_id
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._of(rule, site_id, class_id)
        return found

    def _of(self, rule: Rule, site_id: UUID | None, class_id: UUID | None) -> Parameters:
        said: dict[str, Any] = {}
        for place in dict.fromkeys(((None, None), (None, class_id), (site_id, None), (site_id, class_id))):
            said |= self._rows.get((rule, *place), {})
        known: dict[str, Any] = asdict(DEFAULTS[rule])
        for name, value in said.items():
            if name in known:
                known[name] = tuple(value) if name in _LISTS else value
        return Parameters(**known)

    def most(self, rule: Rule, name: str) -> int:
        """The greatest number of days set anywhere for a parameter: what a query must at least read."""
        return max(self._days_said(rule, name))

    def least(self, rule: Rule, name: str) -> int:
        return min(self._days_said(rule, name))

    def _days_said(self, rule: Rule, name: str) -> list[int]:
        said = [getattr(DEFAULTS[rule], name)]
        said += [row[name] for (of, *_), row in self._rows.items() if of == rule and name in row]
        return [day for value in said for day in (value if isinstance(value, list | tuple) else [value])]
