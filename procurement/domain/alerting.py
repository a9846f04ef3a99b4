"""Which alerts should stand: frozen facts in, alerts out. A missed day is caught up, a repeated one changes nothing.

A band is how bad it is in steps that are worth a mail: days late, days left (negative) before an order-by date, or
`RFS_HIT`. It is told once an episode, so the float itself, which moves daily, is only a fact beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from procurement.vocabulary import AlertSubject, Lane, Rule
from sites.accounts.permissions import Role
from sites.domain.calendar import WorkingCalendar

LATE_BANDS: Final = (1, 7, 14, 30)
ORDER_BY_NEAR_BANDS: Final = (-14, -3)
RFS_HIT: Final = 100

# Whom each rule tells first; the first one names the alert, all of them may hold the duty.
TOLD: Final[dict[Rule, tuple[Role, ...]]] = {
    Rule.NO_ROS: (Role.SITE_LEAD,),
    Rule.ORDER_BY: (Role.BUYER,),
    Rule.LATE_FORECAST: (Role.BUYER, Role.EXPEDITER),
    Rule.LOW_FLOAT: (Role.EXPEDITER,),
    Rule.SLIP_GREW: (Role.EXPEDITER,),
    Rule.MILESTONE_OVERDUE: (Role.EXPEDITER,),
    Rule.VENDOR_SILENT: (Role.EXPEDITER,),
    Rule.PROMISE_TBD: (Role.EXPEDITER,),
    Rule.ROS_PULLED_FORWARD: (Role.BUYER, Role.EXPEDITER),
    Rule.ANCHOR_LOST: (Role.SITE_LEAD,),
    Rule.RFS_HIT: (Role.SITE_LEAD,),
    Rule.ENERGISATION_HIT: (Role.ENERGY_LEAD, Role.SITE_LEAD),
    Rule.COD_AFTER_ENERGISATION: (Role.ENERGY_LEAD,),
    Rule.ENERGISATION_AFTER_LOAD: (Role.ENERGY_LEAD, Role.SITE_LEAD),
    Rule.COD_NEAR_GUARANTEED: (Role.ENERGY_LEAD,),
    Rule.LONG_STOP_NEAR: (Role.ENERGY_LEAD,),
    Rule.POWER_GAP: (Role.ENERGY_LEAD,),
    Rule.SHARE_OVERLAP: (Role.ENERGY_LEAD,),
    Rule.UNMATCHED_EXPIRY: (Role.ENERGY_LEAD,),
    Rule.CONTRACT_CLOCK: (Role.ENERGY_LEAD,),
    Rule.ERP_DISAGREEMENT: (Role.BUYER,),
}
# Looked at with the power portfolio; all others but the ERP's with their site.
POWER_RULES: Final = frozenset(
    {
        Rule.COD_AFTER_ENERGISATION,
        Rule.ENERGISATION_AFTER_LOAD,
        Rule.COD_NEAR_GUARANTEED,
        Rule.LONG_STOP_NEAR,
        Rule.POWER_GAP,
        Rule.SHARE_OVERLAP,
        Rule.UNMATCHED_EXPIRY,
        Rule.CONTRACT_CLOCK,
    }
)
SITE_RULES: Final = frozenset(Rule) - POWER_RULES - {Rule.ERP_DISAGREEMENT}
# What a new baseline makes a new question of. A missing date or a missing order it does not touch.
BASELINED_RULES: Final = frozenset(
    {Rule.LATE_FORECAST, Rule.LOW_FLOAT, Rule.SLIP_GREW, Rule.MILESTONE_OVERDUE, Rule.COD_AFTER_ENERGISATION}
)

Plain = str | int | None
Subject = tuple[AlertSubject, UUID]


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """The block whose ready-for-service date suffers most from a requirement."""

    text: str
    rfs_baseline_on: date
    rfs_forecast_on: date


@dataclass(frozen=True, slots=True)
class RequirementFacts:
    """`from` dates are those of the answer before the present one, None where there is none or it was the same.

    `mw_days` is the larger of what the requirement recovers and what it costs; None where it is not known.
    `order_by_on` is None once something is ordered. `vendor` and `driver` are those of the lot that decides.
    """

    key: UUID
    text: str
    required_on: date | None
    required_from_on: date | None = None
    forecast_on: date | None = None
    forecast_from_on: date | None = None
    float_days: int | None = None
    float_working_days: int | None = None
    order_by_on: date | None = None
    is_ordered: bool = False
    is_delivered: bool = False
    baseline_version: int = 0
    mw_days: Decimal | None = None
    block: BlockFacts | None = None
    vendor: str = ""
    driver: str = ""
    driver_code: str = ""


@dataclass(frozen=True, slots=True)
class LotFacts:
    """The next step of a lot that is not done. `due_on` is what was said about it last: a lock, else the deciding
    promise with the shift of its condition, else the plan, else the baseline (`due_kind` says which); None: nothing.
    """

    key: UUID
    text: str
    step: str
    due_on: date | None
    due_kind: str = ""
    responsible: str = ""
    baseline_version: int = 0
    float_days: int | None = None
    float_working_days: int | None = None
    required_on: date | None = None
    forecast_on: date | None = None
    mw_days: Decimal | None = None
    vendor: str = ""


@dataclass(frozen=True, slots=True)
class ShareFacts:
    """A share of an agreement for one site. `energised_on` is the site's first forecast of power from the grid."""

    key: UUID
    text: str
    site_id: UUID
    calendar: WorkingCalendar
    share_mw: Decimal
    cod_on: date | None
    cod_is_actual: bool
    energised_on: date | None
    cod_from_on: date | None = None
    energised_from_on: date | None = None
    energised_by: str = ""
    baseline_version: int = 0
    seller: str = ""
    guaranteed_cod_on: date | None = None
    long_stop_on: date | None = None


@dataclass(frozen=True, slots=True)
class SiteFacts:
    site_id: UUID
    calendar: WorkingCalendar
    requirements: tuple[RequirementFacts, ...] = ()
    lots: tuple[LotFacts, ...] = ()

    @property
    def baseline_versions(self) -> dict[Subject, int]:
        """What can carry an alert at all, with its newest baseline: an alert on anything else has lost its subject."""
        return {(AlertSubject.REQUIREMENT, row.key): row.baseline_version for row in self.requirements} | {
            (AlertSubject.LOT, row.key): row.baseline_version for row in self.lots
        }


@dataclass(frozen=True, slots=True)
class PowerFacts:
    shares: tuple[ShareFacts, ...] = ()

    @property
    def baseline_versions(self) -> dict[Subject, int]:
        return {(AlertSubject.AGREEMENT_SHARE, row.key): row.baseline_version for row in self.shares}


@dataclass(frozen=True, slots=True)
class StandingAlert:
    """`band` is the worst in days; `hits` are bands beside it that are told on their own (`RFS_HIT`)."""

    rule: Rule
    subject_kind: AlertSubject
    subject_id: UUID
    subject_text: str
    site_id: UUID
    baseline_version: int
    band: int
    lane: Lane
    facts: dict[str, Plain]
    hits: tuple[int, ...] = ()

    @property
    def told_role(self) -> Role:
        return TOLD[self.rule][0]


def evaluate(facts: SiteFacts | PowerFacts, as_of: date) -> tuple[StandingAlert, ...]:
    """The alerts that should stand on this day, by rule and subject. `as_of` is the site's local date."""
    if isinstance(facts, PowerFacts):
        found = [alert for share in facts.shares for alert in _cod_after_energisation(share)]
    else:
        found = [alert for row in facts.requirements for alert in _of_requirement(row, facts, as_of)]
        found += [alert for lot in facts.lots for alert in _milestone_overdue(lot, facts, as_of)]
    return tuple(sorted(found, key=lambda alert: (alert.rule.value, str(alert.subject_id))))


def late_band(days: int) -> int:
    """The highest of 1, 7, 14 and 30 that `days` (at least 1) reaches."""
    return max(band for band in LATE_BANDS if band <= days)


def order_by_band(days_left: int) -> int | None:
    """None while the date is more than two weeks away; negative before it, the days past it after."""
    if days_left < 0:
        return late_band(-days_left)
    reached = [band for band in ORDER_BY_NEAR_BANDS if days_left <= -band]
    return max(reached, default=None)


def _of_requirement(row: RequirementFacts, site: SiteFacts, as_of: date) -> Iterator[StandingAlert]:
    if row.is_delivered:
        return
    if row.required_on is None:
        yield _about_requirement(Rule.NO_ROS, row, site, band=0, lane=Lane.DIGEST)
    elif not row.is_ordered:
        yield from _order_by(row, site, as_of)
    elif row.float_days is not None and row.float_days < 0:
        hit = row.block is not None and row.mw_days is not None and row.mw_days > 0
        yield _about_requirement(
            Rule.LATE_FORECAST,
            row,
            site,
            band=late_band(-row.float_days),
            lane=Lane.URGENT,
            hits=(RFS_HIT,) if hit else (),
            days_late=-row.float_days,
            working_days_late=None if row.float_working_days is None else -row.float_working_days,
        )


def _order_by(row: RequirementFacts, site: SiteFacts, as_of: date) -> Iterator[StandingAlert]:
    if row.order_by_on is None:
        return
    days_left = (row.order_by_on - as_of).days
    band = order_by_band(days_left)
    if band is None:
        return
    yield _about_requirement(
        Rule.ORDER_BY,
        row,
        site,
        band=band,
        lane=Lane.URGENT if days_left < 0 else Lane.DIGEST,
        order_by_on=_day(row.order_by_on),
        days_left=days_left,
        working_days_left=site.calendar.working_days_between(as_of, row.order_by_on),
    )


def _about_requirement(
    rule: Rule,
    row: RequirementFacts,
    site: SiteFacts,
    *,
    band: int,
    lane: Lane,
    hits: tuple[int, ...] = (),
    **more: Plain,
) -> StandingAlert:
    block = row.block
    return StandingAlert(
        rule=rule,
        subject_kind=AlertSubject.REQUIREMENT,
        subject_id=row.key,
        subject_text=row.text,
        site_id=site.site_id,
        baseline_version=row.baseline_version if rule in BASELINED_RULES else 0,
        band=band,
        lane=lane,
        hits=hits,
        facts={
            "required_on_site": _day(row.required_on),
            "required_from_on": _day(row.required_from_on),
            "forecast_on": _day(row.forecast_on),
            "forecast_from_on": _day(row.forecast_from_on),
            "float_days": row.float_days,
            "float_working_days": row.float_working_days,
            "mw_days": _number(row.mw_days),
            "block": block.text if block else None,
            "rfs_baseline_on": _day(block.rfs_baseline_on) if block else None,
            "rfs_forecast_on": _day(block.rfs_forecast_on) if block else None,
            "vendor": row.vendor,
            "driver": row.driver,
            "driver_code": row.driver_code,
            **more,
        },
    )


def _milestone_overdue(lot: LotFacts, site: SiteFacts, as_of: date) -> Iterator[StandingAlert]:
    if lot.due_on is None or lot.due_on >= as_of:
        return
    days = (as_of - lot.due_on).days
    yield StandingAlert(
        rule=Rule.MILESTONE_OVERDUE,
        subject_kind=AlertSubject.LOT,
        subject_id=lot.key,
        subject_text=lot.text,
        site_id=site.site_id,
        baseline_version=lot.baseline_version,
        band=late_band(days),
        lane=Lane.URGENT if lot.float_days is not None and lot.float_days < 0 else Lane.DIGEST,
        facts={
            "milestone": lot.step,
            "due_on": _day(lot.due_on),
            "due_kind": lot.due_kind,
            "responsible": lot.responsible,
            "days_late": days,
            "working_days_late": site.calendar.working_days_between(lot.due_on, as_of),
            "required_on_site": _day(lot.required_on),
            "forecast_on": _day(lot.forecast_on),
            "float_days": lot.float_days,
            "float_working_days": lot.float_working_days,
            "mw_days": _number(lot.mw_days),
            "vendor": lot.vendor,
        },
    )


def _cod_after_energisation(share: ShareFacts) -> Iterator[StandingAlert]:
    if share.cod_is_actual or share.cod_on is None or share.energised_on is None or share.cod_on <= share.energised_on:
        return
    days = (share.cod_on - share.energised_on).days
    yield StandingAlert(
        rule=Rule.COD_AFTER_ENERGISATION,
        subject_kind=AlertSubject.AGREEMENT_SHARE,
        subject_id=share.key,
        subject_text=share.text,
        site_id=share.site_id,
        baseline_version=share.baseline_version,
        band=late_band(days),
        lane=Lane.URGENT,
        facts={
            "cod_forecast_on": _day(share.cod_on),
            "cod_from_on": _day(share.cod_from_on),
            "energisation_on": _day(share.energised_on),
            "energisation_from_on": _day(share.energised_from_on),
            "energised_by": share.energised_by,
            "days_late": days,
            "working_days_late": share.calendar.working_days_between(share.energised_on, share.cod_on),
            "float_days": -days,
            "float_working_days": -share.calendar.working_days_between(share.energised_on, share.cod_on),
            "mw_days": _number(share.share_mw * days),
            "share_mw": _number(share.share_mw),
            "vendor": share.seller,
            "guaranteed_cod_on": _day(share.guaranteed_cod_on),
            "long_stop_on": _day(share.long_stop_on),
        },
    )


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _number(number: Decimal | None) -> str | None:
    return None if number is None else format(number.normalize(), "f")
