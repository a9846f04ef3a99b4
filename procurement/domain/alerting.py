"""Which alerts should stand: frozen facts in, alerts out. A missed day is caught up, a repeated one changes nothing.

A band is how bad it is in steps that are worth a mail: days late, days left (negative) before an order-by date, or
`RFS_HIT`. It is told once an episode, so the float itself, which moves daily, is only a fact beside it. What stands
already goes on standing, silently, until it is better by two days than what raised it: it lingers.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from procurement.domain.alert_facts import (
    BASELINED_RULES,
    DRIFTING_RULES,
    NO_BAND,
    POWER_RULES,
    REPLACED_BY,
    RFS_HIT,
    SITE_RULES,
    TOLD,
    BlockFacts,
    EnergisationFacts,
    Look,
    LostGateFacts,
    LotFacts,
    Plain,
    PowerFacts,
    ReadyFacts,
    RequirementFacts,
    ShareFacts,
    SiteFacts,
    StandingAlert,
    Subject,
    VendorFacts,
)
from procurement.domain.alert_parameters import Parameters, RuleSettings
from procurement.vocabulary import AlertSubject, Lane, Rule

__all__ = [
    "BASELINED_RULES",
    "DRIFTING_RULES",
    "NO_BAND",
    "POWER_RULES",
    "REPLACED_BY",
    "RFS_HIT",
    "SITE_RULES",
    "TOLD",
    "BlockFacts",
    "EnergisationFacts",
    "Look",
    "LotFacts",
    "Plain",
    "PowerFacts",
    "ReadyFacts",
    "RequirementFacts",
    "ShareFacts",
    "SiteFacts",
    "StandingAlert",
    "Subject",
    "VendorFacts",
    "evaluate",
    "look",
    "reached",
    "reached_near",
]


def evaluate(facts: SiteFacts | PowerFacts, as_of: date) -> tuple[StandingAlert, ...]:
    """The alerts that should stand on this day, by rule and subject. `as_of` is the site's local date."""
    return tuple(alert for alert in look(facts, as_of).alerts if not alert.lingers)


def look(facts: SiteFacts | PowerFacts, as_of: date) -> Look:
    """What should stand, and what goes on standing where it does."""
    if isinstance(facts, PowerFacts):
        found = [alert for share in facts.shares for alert in _cod_after_energisation(share, facts.settings)]
    else:
        found = [alert for row in facts.requirements for alert in _of_requirement(row, facts, as_of)]
        found += [alert for lot in facts.lots for alert in _of_lot(lot, facts, as_of)]
        found += [alert for vendor in facts.vendors for alert in _vendor_silent(vendor, facts, as_of)]
        found += [alert for block in facts.blocks for alert in _rfs_hit(block, facts)]
        found += [alert for row in facts.energisations for alert in _energisation_hit(row, facts)]
        found += [_gate_lost(row, facts) for row in facts.lost_gates if facts.parameters(Rule.ANCHOR_LOST).enabled]
    ordered = sorted(found, key=lambda alert: (alert.rule.value, alert.subject_id.int))
    return Look(tuple(ordered), facts.baseline_versions)


def reached(days: int, parameters: Parameters) -> tuple[int, bool] | None:
    """The band that so many days late reach, and whether that only lingers; None where it is over."""
    if days >= parameters.first_band:
        return parameters.band_of(days), False
    if days >= parameters.first_band - parameters.hysteresis_days:
        return NO_BAND, True
    return None


def reached_near(days_left: int, parameters: Parameters) -> tuple[int, bool] | None:
    """As `reached`, for a date that comes nearer."""
    band = parameters.near_band(days_left)
    if band is not None:
        return band, False
    if days_left - parameters.hysteresis_days <= max(parameters.near_days):
        return NO_BAND, True
    return None


def _of_requirement(row: RequirementFacts, site: SiteFacts, as_of: date) -> Iterator[StandingAlert]:
    if row.is_delivered:
        return
    if row.required_on is None:
        if site.parameters(Rule.NO_ROS, row.class_id).enabled:
            yield _about_requirement(Rule.NO_ROS, row, site, band=0, lane=Lane.DIGEST)
        return
    if row.lost_anchors and site.parameters(Rule.ANCHOR_LOST, row.class_id).enabled:
        yield _about_requirement(
            Rule.ANCHOR_LOST, row, site, band=0, lane=Lane.DIGEST, activities=", ".join(sorted(row.lost_anchors))[:300]
        )
    yield from _ros_pulled_forward(row, site)
    if not row.is_ordered:
        yield from _order_by(row, site, as_of)
    elif row.float_days is not None:
        yield from _late_forecast(row, site, -row.float_days)
        yield from _low_float(row, site, row.float_days)


def _gate_lost(row: LostGateFacts, site: SiteFacts) -> StandingAlert:
    return StandingAlert(
        rule=Rule.ANCHOR_LOST,
        subject_kind=AlertSubject.GATE,
        subject_id=row.key,
        subject_text=row.text,
        site_id=site.site_id,
        baseline_version=0,
        band=0,
        lane=Lane.DIGEST,
        facts={"activities": row.activity},
    )


def _late_forecast(row: RequirementFacts, site: SiteFacts, days: int) -> Iterator[StandingAlert]:
    parameters = site.parameters(Rule.LATE_FORECAST, row.class_id)
    found = reached(days, parameters)
    if found is None or not parameters.enabled:
        return
    hit = days > 0 and row.block is not None and row.mw_days is not None and row.mw_days > 0
    yield _about_requirement(
        Rule.LATE_FORECAST,
        row,
        site,
        band=found[0],
        lingers=found[1],
        lane=Lane.URGENT,
        hits=(RFS_HIT,) if hit and not found[1] else (),
        measure_days=days,
        days_late=days,
        working_days_late=None if row.float_working_days is None else -row.float_working_days,
    )


def _low_float(row: RequirementFacts, site: SiteFacts, float_days: int) -> Iterator[StandingAlert]:
    """Too little is left, but the date holds; once it does not, the late forecast says it."""
    parameters = site.parameters(Rule.LOW_FLOAT, row.class_id)
    missing = parameters.buffer_days - float_days
    late = site.parameters(Rule.LATE_FORECAST, row.class_id)
    if not parameters.enabled or -float_days >= late.first_band or missing <= -parameters.hysteresis_days:
        return
    yield _about_requirement(
        Rule.LOW_FLOAT,
        row,
        site,
        band=0,
        lingers=missing <= 0,
        lane=Lane.DIGEST,
        measure_days=-float_days,
        buffer_days=parameters.buffer_days,
    )


def _ros_pulled_forward(row: RequirementFacts, site: SiteFacts) -> Iterator[StandingAlert]:
    parameters = site.parameters(Rule.ROS_PULLED_FORWARD, row.class_id)
    if row.pulled_from_on is None or row.required_on is None or not parameters.enabled:
        return
    days = (row.pulled_from_on - row.required_on).days
    if days < parameters.least_days:
        return
    yield _about_requirement(
        Rule.ROS_PULLED_FORWARD,
        row,
        site,
        band=parameters.band_of(max(days, parameters.first_band)),
        lane=Lane.URGENT if row.float_days is not None and row.float_days < 0 else Lane.DIGEST,
        measure_days=days,
        pulled_from_on=_day(row.pulled_from_on),
        days_pulled=days,
        working_days_pulled=site.calendar.working_days_between(row.required_on, row.pulled_from_on),
    )


def _order_by(row: RequirementFacts, site: SiteFacts, as_of: date) -> Iterator[StandingAlert]:
    parameters = site.parameters(Rule.ORDER_BY, row.class_id)
    if row.order_by_on is None or not parameters.enabled:
        return
    days_left = (row.order_by_on - as_of).days
    found = reached_near(days_left, parameters)
    if found is None:
        return
    yield _about_requirement(
        Rule.ORDER_BY,
        row,
        site,
        band=found[0],
        lingers=found[1],
        lane=Lane.URGENT if days_left < 0 else Lane.DIGEST,
        measure_days=-days_left,
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
    measure_days: int | None = None,
    lingers: bool = False,
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
        measure_days=measure_days,
        lingers=lingers,
        large_move_days=site.parameters(rule, row.class_id).large_move_days,
        facts={
            "required_on_site": _day(row.required_on),
            "required_from_on": _day(row.required_from_on),
            "forecast_on": _day(row.forecast_on),
            "forecast_from_on": _day(row.forecast_from_on),
            "float_days": row.float_days,
            "float_working_days": row.float_working_days,
            "slip_days": row.slip_days,
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


def _of_lot(lot: LotFacts, site: SiteFacts, as_of: date) -> Iterator[StandingAlert]:
    if lot.due_on is not None and lot.due_on < as_of:
        rule = Rule.PROMISE_TBD if lot.is_imprecise else Rule.MILESTONE_OVERDUE
        yield from _overdue(rule, lot, lot.due_on, site, as_of)
    elif lot.tbd_since_on is not None:
        yield from _promise_tbd(lot, lot.tbd_since_on, site, as_of)
    yield from _slip_grew(lot, site)


def _overdue(rule: Rule, lot: LotFacts, due_on: date, site: SiteFacts, as_of: date) -> Iterator[StandingAlert]:
    """A date that has passed. Of a promise for a whole week or month, its end has: the vendor is to name a day."""
    parameters = site.parameters(rule, lot.class_id)
    days = (as_of - due_on).days
    if days < parameters.first_band or not parameters.enabled:
        return
    yield _about_lot(
        rule,
        lot,
        site,
        band=parameters.band_of(days),
        lane=_lane_of(lot),
        measure_days=days,
        milestone=lot.step,
        due_on=_day(due_on),
        due_kind=lot.due_kind,
        responsible=lot.responsible,
        days_late=days,
        working_days_late=site.calendar.working_days_between(due_on, as_of),
    )


def _promise_tbd(lot: LotFacts, since_on: date, site: SiteFacts, as_of: date) -> Iterator[StandingAlert]:
    parameters = site.parameters(Rule.PROMISE_TBD, lot.class_id)
    days = site.calendar.working_days_between(since_on, as_of)
    if days < parameters.working_days or not parameters.enabled:
        return
    yield _about_lot(
        Rule.PROMISE_TBD,
        lot,
        site,
        band=0,
        lane=_lane_of(lot),
        measure_days=(as_of - since_on).days,
        milestone=lot.tbd_step,
        tbd_since_on=_day(since_on),
        days_waited=(as_of - since_on).days,
        working_days_waited=days,
    )


def _slip_grew(lot: LotFacts, site: SiteFacts) -> Iterator[StandingAlert]:
    parameters = site.parameters(Rule.SLIP_GREW, lot.class_id)
    found = None if lot.slip_days is None else reached(lot.slip_days, parameters)
    if found is None or not parameters.enabled:
        return
    # Once a requirement is late, the late forecast says it.
    is_late = lot.float_days is not None and lot.float_days < 0
    yield _about_lot(
        Rule.SLIP_GREW,
        lot,
        site,
        band=NO_BAND if is_late else found[0],
        lingers=is_late or found[1],
        lane=_lane_of(lot),
        measure_days=lot.slip_days,
        contract_forecast_on=_day(lot.contract_forecast_on),
    )


def _lane_of(lot: LotFacts) -> Lane:
    return Lane.URGENT if lot.float_days is not None and lot.float_days < 0 else Lane.DIGEST


def _about_lot(
    rule: Rule,
    lot: LotFacts,
    site: SiteFacts,
    *,
    band: int,
    lane: Lane,
    measure_days: int | None,
    lingers: bool = False,
    **more: Plain,
) -> StandingAlert:
    return StandingAlert(
        rule=rule,
        subject_kind=AlertSubject.LOT,
        subject_id=lot.key,
        subject_text=lot.text,
        site_id=site.site_id,
        baseline_version=lot.baseline_version,
        band=band,
        lane=lane,
        measure_days=measure_days,
        lingers=lingers,
        large_move_days=site.parameters(rule, lot.class_id).large_move_days,
        facts={
            **more,
            "required_on_site": _day(lot.required_on),
            "forecast_on": _day(lot.forecast_on),
            "float_days": lot.float_days,
            "float_working_days": lot.float_working_days,
            "slip_days": lot.slip_days,
            "mw_days": _number(lot.mw_days),
            "vendor": lot.vendor,
        },
    )


def _vendor_silent(vendor: VendorFacts, site: SiteFacts, as_of: date) -> Iterator[StandingAlert]:
    parameters = site.parameters(Rule.VENDOR_SILENT)
    days = site.calendar.working_days_between(vendor.heard_on, as_of)
    if days < parameters.working_days or not parameters.enabled:
        return
    yield StandingAlert(
        rule=Rule.VENDOR_SILENT,
        subject_kind=AlertSubject.COMPANY_AT_SITE,
        subject_id=vendor.key,
        subject_text=vendor.text,
        site_id=site.site_id,
        baseline_version=0,
        band=parameters.working_days * (days // max(1, parameters.working_days)),
        lane=Lane.DIGEST,
        measure_days=days,
        large_move_days=parameters.large_move_days,
        facts={
            "heard_on": _day(vendor.heard_on),
            "days_silent": (as_of - vendor.heard_on).days,
            "working_days_silent": days,
            "open_lots": vendor.open_lots,
            "late_lots": vendor.late_lots,
            "vendor": vendor.text,
        },
    )


def _rfs_hit(block: ReadyFacts, site: SiteFacts) -> Iterator[StandingAlert]:
    parameters = site.parameters(Rule.RFS_HIT)
    days = (block.rfs_forecast_on - block.rfs_baseline_on).days
    found = reached(days, parameters)
    if found is None or not parameters.enabled:
        return
    yield StandingAlert(
        rule=Rule.RFS_HIT,
        subject_kind=AlertSubject.BLOCK,
        subject_id=block.key,
        subject_text=block.text,
        site_id=site.site_id,
        baseline_version=0,
        band=found[0],
        lingers=found[1],
        lane=Lane.URGENT,
        measure_days=days,
        large_move_days=parameters.large_move_days,
        facts={
            "rfs_baseline_on": _day(block.rfs_baseline_on),
            "rfs_forecast_on": _day(block.rfs_forecast_on),
            "rfs_from_on": _day(block.rfs_from_on),
            "days_late": days,
            "working_days_late": site.calendar.working_days_between(block.rfs_baseline_on, block.rfs_forecast_on),
            "slip_days": days,
            "float_days": -days,
            "mw_days": _number(block.mw_days),
            "block": block.text,
            "decided_by": block.decided_by,
        },
    )


def _energisation_hit(row: EnergisationFacts, site: SiteFacts) -> Iterator[StandingAlert]:
    parameters = site.parameters(Rule.ENERGISATION_HIT)
    days = (row.forecast_on - row.planned_on).days
    found = reached(days, parameters)
    if found is None or not parameters.enabled:
        return
    yield StandingAlert(
        rule=Rule.ENERGISATION_HIT,
        subject_kind=row.kind,
        subject_id=row.key,
        subject_text=row.text,
        site_id=site.site_id,
        baseline_version=row.baseline_version,
        band=found[0],
        lingers=found[1],
        lane=Lane.URGENT,
        measure_days=days,
        large_move_days=parameters.large_move_days,
        facts={
            "energisation_planned_on": _day(row.planned_on),
            "energisation_on": _day(row.forecast_on),
            "energisation_from_on": _day(row.from_on),
            "days_late": days,
            "working_days_late": site.calendar.working_days_between(row.planned_on, row.forecast_on),
            "slip_days": days,
            "float_days": -days,
            "mw_days": _number(row.mw * max(0, days)) if row.mw is not None else None,
        },
    )


def _cod_after_energisation(share: ShareFacts, settings: RuleSettings) -> Iterator[StandingAlert]:
    parameters = settings.of(Rule.COD_AFTER_ENERGISATION, site_id=share.site_id)
    if share.cod_is_actual or share.cod_on is None or share.energised_on is None or not parameters.enabled:
        return
    days = (share.cod_on - share.energised_on).days
    found = reached(days, parameters)
    if found is None:
        return
    yield StandingAlert(
        rule=Rule.COD_AFTER_ENERGISATION,
        subject_kind=AlertSubject.AGREEMENT_SHARE,
        subject_id=share.key,
        subject_text=share.text,
        site_id=share.site_id,
        baseline_version=share.baseline_version,
        band=found[0],
        lingers=found[1],
        lane=Lane.URGENT,
        measure_days=days,
        large_move_days=parameters.large_move_days,
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
            "slip_days": share.slip_days,
            "mw_days": _number(share.share_mw * max(0, days)),
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
